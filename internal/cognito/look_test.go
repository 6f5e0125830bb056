package cognito_test

import "testing"

func TestUICustomization(t *testing.T) {
	w := newWorld(t, emailPool())
	for _, in := range []obj{{"UserPoolId": w.pool()}, {"UserPoolId": w.pool(), "ClientId": "ALL"}, {"UserPoolId": w.pool(), "ClientId": w.client("web")}} {
		if a := w.send("GetUICustomization", in); a.status != 200 || a.body != `{"UICustomization":{}}` {
			t.Errorf("GetUICustomization: %d %s", a.status, a.body)
		}
		w.refused("SetUICustomization", with(in, obj{"CSS": ".logo {}"}), "InvalidParameterException", "There has to be an existing domain associated with this user pool")
	}
	for _, operation := range []string{"GetUICustomization", "SetUICustomization"} {
		w.refused(operation, obj{"UserPoolId": w.pool(), "ClientId": "nosuch"}, "ResourceNotFoundException", "User pool client nosuch does not exist.")
		w.refused(operation, obj{"UserPoolId": "us-east-1_nosuch"}, "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
	}
}
