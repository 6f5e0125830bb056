package cognito_test

import "testing"

// The look of the hosted pages is nobody's to change, with a domain or without.
func TestUICustomization(t *testing.T) {
	for _, w := range []*world{newWorld(t, emailPool()), newDomainWorld(t, domainPool())} {
		for _, in := range []obj{{"UserPoolId": w.pool()}, {"UserPoolId": w.pool(), "ClientId": "ALL"}, {"UserPoolId": w.pool(), "ClientId": w.client("web")}} {
			w.refused("SetUICustomization", with(in, obj{"CSS": ".logo {}"}), "UnsupportedOperationException",
				"SetUICustomization is an operation of Amazon Cognito that Doorwright does not emulate.")
			if a := w.send("GetUICustomization", in); a.status != 200 || a.body != `{"UICustomization":{}}` {
				t.Errorf("GetUICustomization: %d %s", a.status, a.body)
			}
		}
		w.refused("GetUICustomization", obj{"UserPoolId": w.pool(), "ClientId": "nosuch"}, "ResourceNotFoundException", "User pool client nosuch does not exist.")
		w.refused("GetUICustomization", obj{"UserPoolId": "us-east-1_nosuch"}, "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
	}
}
