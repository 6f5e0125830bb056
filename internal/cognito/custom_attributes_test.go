package cognito_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// customPool is the e-mail pool with attributes of its own, and clients that
// may see and set some of them.
func customPool() cognito.PoolConfig {
	p := emailPool()
	two, ten, zero := int64(2), int64(10), int64(0)
	p.Schema = []cognito.SchemaAttribute{
		{Name: "custom:plan", Min: &two, Max: &ten}, {Name: "custom:seats", Type: "Number", Min: &zero, Max: &ten},
		{Name: "custom:tenant", Immutable: true}, {Name: "custom:vip", Type: "Boolean"}, {Name: "custom:since", Type: "DateTime"},
		{Name: "dev:custom:score"},
	}
	flows := []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
	p.Clients = append(p.Clients,
		cognito.ClientConfig{Name: "writer", ExplicitAuthFlows: flows, WriteAttributes: []string{"email", "custom:plan"}},
		cognito.ClientConfig{Name: "reader", ExplicitAuthFlows: flows, ReadAttributes: []string{"email", "custom:plan"}})
	return p
}

const schemaError = "Attributes did not conform to the schema: "

func (w *world) signUpWith(client, name string, nameValues ...string) obj {
	return obj{"ClientId": w.client(client), "Username": name, "Password": goodPassword, "UserAttributes": attrs(nameValues...)}
}

// Each way in holds values to the schema.
func TestCustomAttributesAreChecked(t *testing.T) {
	w := newWorld(t, customPool())
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	ways := map[string]func(list []any) obj{
		"SignUp":                    func(list []any) obj { return with(w.signUpWith("web", "b@example.com"), obj{"UserAttributes": list}) },
		"AdminCreateUser":           func(list []any) obj { return with(w.user("b@example.com"), obj{"UserAttributes": list}) },
		"UpdateUserAttributes":      func(list []any) obj { return obj{"AccessToken": tk.access, "UserAttributes": list} },
		"AdminUpdateUserAttributes": func(list []any) obj { return with(w.user("a@example.com"), obj{"UserAttributes": list}) },
	}
	for _, tt := range []struct{ name, value, message string }{
		{"custom:plan", "x", schemaError + "custom:plan: The value is below the minimum of 2\n"},
		{"custom:plan", "elevenchars", schemaError + "custom:plan: The value is above the maximum of 10\n"},
		{"custom:seats", "11", schemaError + "custom:seats: The value is above the maximum of 10\n"},
		{"custom:seats", "-1", schemaError + "custom:seats: The value is below the minimum of 0\n"},
		{"custom:seats", "many", schemaError + "custom:seats: The value is not a number\n"},
		{"custom:vip", "yes", schemaError + "custom:vip: The value is not a boolean\n"},
		{"custom:since", "yesterday", schemaError + "custom:since: The value is not a date and time\n"},
		{"custom:role", "admin", schemaError + "Type for attribute {custom:role} could not be determined"},
		{"plan", "gold", schemaError + "Type for attribute {plan} could not be determined"},
	} {
		for operation, in := range ways {
			w.refused(operation, in(attrs(tt.name, tt.value)), "InvalidParameterException", tt.message)
		}
	}
	good := attrs("custom:plan", "gold", "custom:seats", "10", "custom:vip", "true", "custom:since", "2026-11-20T10:00:00Z")
	for operation, in := range ways {
		if strings.HasSuffix(operation, "Attributes") {
			w.do(operation, in(good))
		}
	}
	for name, want := range map[string]string{"custom:plan": "gold", "custom:seats": "10", "custom:vip": "true"} {
		if got := w.attributesOf("a@example.com")[name]; got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	_, claims := decoded(t, w.signIn("a@example.com", goodPassword).id)
	if got := fmt.Sprintf("%v %q %q", claims["custom:plan"], claims["custom:seats"], claims["custom:vip"]); got != `gold "10" "true"` {
		t.Errorf("claims %s", got) // "custom:* always strings"
	}
	w.do("DeleteUserAttributes", obj{"AccessToken": tk.access, "UserAttributeNames": []string{"custom:plan"}})
	if _, there := w.attributesOf("a@example.com")["custom:plan"]; there {
		t.Error("custom:plan was not deleted")
	}
	w.refused("DeleteUserAttributes", obj{"AccessToken": tk.access, "UserAttributeNames": []string{"custom:foo"}},
		"InvalidParameterException", "Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n")
}

func TestImmutableCustomAttribute(t *testing.T) {
	w := newWorld(t, customPool())
	w.do("SignUp", w.signUpWith("web", "a@example.com", "custom:tenant", "one"))
	w.do("AdminConfirmSignUp", w.user("a@example.com"))
	const refusal = "Invalid user attributes: user.custom:tenant: Attribute cannot be updated.\n"
	w.refused("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("custom:tenant", "two")}), "InvalidParameterException", refusal)
	tk := w.signIn("a@example.com", goodPassword)
	w.refused("UpdateUserAttributes", obj{"AccessToken": tk.access, "UserAttributes": attrs("custom:tenant", "two")}, "InvalidParameterException", refusal)
	w.refused("DeleteUserAttributes", obj{"AccessToken": tk.access, "UserAttributeNames": []string{"custom:tenant"}}, "InvalidParameterException", refusal)
	if got := w.attributesOf("a@example.com")["custom:tenant"]; got != "one" {
		t.Errorf("custom:tenant is %q", got)
	}
}

// A client sets what it may set and sees what it may see, also of the
// attributes that are for developers only.
func TestAttributePermissions(t *testing.T) {
	w := newWorld(t, customPool())
	const refusal = "A client attempted to write unauthorized attribute"
	w.refused("SignUp", w.signUpWith("writer", "a@example.com", "custom:seats", "1"), "NotAuthorizedException", refusal)
	w.refused("SignUp", w.signUpWith("writer", "a@example.com", "name", "A"), "NotAuthorizedException", refusal)
	w.refused("SignUp", w.signUpWith("web", "a@example.com", "dev:custom:score", "1"), "NotAuthorizedException", refusal)
	w.do("SignUp", w.signUpWith("writer", "a@example.com", "custom:plan", "gold"))
	w.do("AdminConfirmSignUp", w.user("a@example.com"))
	w.do("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("custom:seats", "3", "dev:custom:score", "9", "name", "A")}))
	signIn := func(client string) tokens {
		return w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("a@example.com", goodPassword), obj{"ClientId": w.client(client)})))
	}
	tk := signIn("writer")
	w.refused("UpdateUserAttributes", obj{"AccessToken": tk.access, "UserAttributes": attrs("custom:plan", "lead", "custom:seats", "9")}, "NotAuthorizedException", refusal)
	w.refused("DeleteUserAttributes", obj{"AccessToken": tk.access, "UserAttributeNames": []string{"name"}}, "NotAuthorizedException", refusal)
	if got := w.attributesOf("a@example.com"); got["custom:plan"] != "gold" || got["custom:seats"] != "3" || got["name"] != "A" {
		t.Errorf("a refused request changed %v", got)
	}
	for client, want := range map[string]string{
		"writer": "custom:plan custom:seats email email_verified name sub", "reader": "custom:plan email sub",
	} {
		tk := signIn(client)
		if got := listed(w.do("GetUser", obj{"AccessToken": tk.access})["UserAttributes"], "Name"); got != want {
			t.Errorf("%s sees %s", client, got)
		}
		_, claims := decoded(t, tk.id)
		for _, name := range []string{"custom:plan", "custom:seats", "name", "email", "email_verified", "dev:custom:score"} {
			if _, there := claims[name]; there != strings.Contains(" "+want+" ", " "+name+" ") {
				t.Errorf("the ID token for %s has %s: %v", client, name, there)
			}
		}
	}
	// The parameters of a challenge are what its client may see, too.
	w.do("AdminCreateUser", with(w.user("n@example.com"), obj{"TemporaryPassword": goodPassword, "UserAttributes": attrs("custom:seats", "3", "custom:plan", "gold")}))
	out := w.do("InitiateAuth", with(w.passwordAuth("n@example.com", goodPassword), obj{"ClientId": w.client("reader")}))
	if got := out["ChallengeParameters"].(obj)["userAttributes"]; got != `{"custom:plan":"gold","email":"n@example.com"}` {
		t.Errorf("userAttributes %s", got)
	}
}

func TestCustomAttributesInTriggers(t *testing.T) {
	pool := customPool()
	pool.Triggers.PreSignUp = "watch"
	w := newWorld(t, pool)
	var seen string
	w.functions = map[string]cognito.Invoke{"watch": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		var e struct {
			Request struct{ UserAttributes map[string]string }
		}
		err := json.Unmarshal(event, &e)
		seen = e.Request.UserAttributes["custom:plan"]
		return event, "", err
	}}
	w.do("SignUp", w.signUpWith("web", "a@example.com", "custom:plan", "gold"))
	if seen != "gold" {
		t.Errorf("the event has custom:plan %q", seen)
	}
}

func TestAddCustomAttributes(t *testing.T) {
	w := newWorld(t, customPool())
	add := func(attributes ...obj) obj { return obj{"UserPoolId": w.pool(), "CustomAttributes": attributes} }
	w.do("AddCustomAttributes", add(
		obj{"Name": "role", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MaxLength": "5"}},
		obj{"Name": "born", "AttributeDataType": "Number", "Mutable": false, "NumberAttributeConstraints": obj{"MinValue": "1900", "MaxValue": "1900"}}))
	check := func() {
		t.Helper()
		w.refused("AdminCreateUser", with(w.user("x@example.com"), obj{"UserAttributes": attrs("custom:role", "sixsix")}), "InvalidParameterException",
			schemaError+"custom:role: The value is above the maximum of 5\n")
		w.refused("AdminCreateUser", with(w.user("x@example.com"), obj{"UserAttributes": attrs("custom:born", "1901")}), "InvalidParameterException",
			schemaError+"custom:born: The value is above the maximum of 1900\n")
		var found []string
		for _, a := range w.do("DescribeUserPool", obj{"UserPoolId": w.pool()})["UserPool"].(obj)["SchemaAttributes"].([]any) {
			if a := a.(obj); a["Name"] == "custom:role" || a["Name"] == "custom:born" {
				found = append(found, fmt.Sprint(a["Name"], a["Mutable"], a["AttributeDataType"], a["StringAttributeConstraints"], a["NumberAttributeConstraints"]))
			}
		}
		if got := strings.Join(found, "; "); got != "custom:roletrueStringmap[MaxLength:5] <nil>; custom:bornfalseNumber<nil> map[MaxValue:1900 MinValue:1900]" {
			t.Errorf("described as %s", got)
		}
	}
	check()
	w.restart()
	check()
	for message, in := range map[string]obj{
		"custom:role: Existing attribute already has name custom:role.":                        {"Name": "role", "AttributeDataType": "String"},
		"custom:plan: Existing attribute already has name custom:plan.":                        {"Name": "plan", "AttributeDataType": "String"},
		"Required custom attributes are not supported currently.":                              {"Name": "new", "AttributeDataType": "String", "Required": true},
		"Invalid AttributeDataType input, consider using the provided AttributeDataType enum.": {"Name": "new"},
		"Invalid StringAttributeConstraints for schema attribute custom:new":                   {"Name": "new", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MinLength": "few"}},
		"user.custom:new: String attributes cannot have a length of more than 2048":            {"Name": "new", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MaxLength": "2049"}},
		"user.custom:new: Max length cannot be less than min length.":                          {"Name": "new", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MinLength": "3", "MaxLength": "2"}},
		"user.custom:new: Max value cannot be less than min value.":                            {"Name": "new", "AttributeDataType": "Number", "NumberAttributeConstraints": obj{"MinValue": "3", "MaxValue": "2"}},
		"1 validation error detected: Value 'Text' at 'customAttributes.2.member.attributeDataType' failed to satisfy constraint: Member must satisfy enum value set: [String, Number, DateTime, Boolean]": {"Name": "new", "AttributeDataType": "Text"},
	} {
		w.refused("AddCustomAttributes", add(obj{"Name": "fine", "AttributeDataType": "String"}, in), "InvalidParameterException", message)
	}
	// A request is kept whole or not at all.
	w.refused("AdminCreateUser", with(w.user("x@example.com"), obj{"UserAttributes": attrs("custom:fine", "x")}), "InvalidParameterException",
		schemaError+"Type for attribute {custom:fine} could not be determined")
	w.refused("AddCustomAttributes", obj{"UserPoolId": "us-east-1_nowhere00", "CustomAttributes": []obj{{"Name": "x"}}}, "ResourceNotFoundException", "User pool us-east-1_nowhere00 does not exist.")
	many := func(from, n int) (list []obj) {
		for i := range n {
			list = append(list, obj{"Name": fmt.Sprint("n", from+i), "AttributeDataType": "String"})
		}
		return list
	}
	if a := w.send("AddCustomAttributes", add(many(0, 26)...)); a.status != 400 || !strings.Contains(a.body, "less than or equal to 25") {
		t.Errorf("26 at once: %d %s", a.status, a.body)
	}
	w.do("AddCustomAttributes", add(many(0, 25)...))
	w.do("AddCustomAttributes", add(many(25, 17)...)) // 50 with the six declared and the two above
	w.refused("AddCustomAttributes", add(many(42, 1)...), "InvalidParameterException", "A user pool can have 50 custom attributes.")
}

// What is declared later is the declaration's; what was added stays.
func TestAddedAttributeIsDeclaredLater(t *testing.T) {
	w := newWorld(t, emailPool())
	w.do("AddCustomAttributes", obj{"UserPoolId": w.pool(), "CustomAttributes": []obj{
		{"Name": "role", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MaxLength": "1"}}, {"Name": "other", "AttributeDataType": "String"}}})
	w.cfg.Pools[0].Schema = []cognito.SchemaAttribute{{Name: "custom:role"}}
	w.restart()
	w.do("AdminCreateUser", with(w.user("a@example.com"), obj{"UserAttributes": attrs("custom:role", "admin", "custom:other", "x")}))
}

func TestBadAttributeDeclarations(t *testing.T) {
	w := newWorld(t)
	cfg := w.cfg
	pool := customPool()
	big := int64(2049)
	pool.Schema = append(pool.Schema, pool.Schema[0], cognito.SchemaAttribute{Name: "custom:text", Type: "Text"},
		cognito.SchemaAttribute{Name: "custom:long", Max: &big}, cognito.SchemaAttribute{Name: "custom:flag", Type: "Boolean", Max: &big})
	pool.Clients[0].ReadAttributes = []string{"custom:nothing"}
	pool.Clients[1].WriteAttributes = []string{"email_verified"}
	cfg.Pools = []cognito.PoolConfig{pool}
	_, err := cognito.New(cfg)
	for _, want := range []string{`"custom:plan" is declared twice`, `type "Text"`, "length of more than 2048", "Only String and Number",
		`client "web": there is no attribute custom:nothing`, `client "hiding": WriteAttributes: email_verified`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
