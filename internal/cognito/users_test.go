package cognito_test

import (
	"reflect"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

func TestGetUserShowsWhatTheClientMayRead(t *testing.T) {
	pool := emailPool()
	pool.Clients[1].ReadAttributes = []string{"name"}
	w := newWorld(t, pool)
	sub := w.confirmed("a@example.com")
	w.do("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("name", "Al")}))
	for client, want := range map[string][]any{
		"web":    attrs("email", "a@example.com", "email_verified", "true", "name", "Al", "sub", sub),
		"hiding": attrs("name", "Al", "sub", sub),
	} {
		tk := w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("a@example.com", goodPassword), obj{"ClientId": w.client(client)})))
		out := w.do("GetUser", obj{"AccessToken": tk.access})
		if !reflect.DeepEqual(out, obj{"Username": sub, "UserAttributes": want}) {
			t.Errorf("%s: %v", client, out)
		}
	}
}

func TestUpdateUserAttributes(t *testing.T) {
	pool := emailPool()
	pool.Schema = []cognito.SchemaAttribute{{Name: "custom:fixed", Immutable: true}, {Name: "custom:short", Max: new(int64(3))}}
	w := newWorld(t, pool)
	w.confirmed("other@example.com")
	sub := w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).access
	update := func(nameValues ...string) obj {
		return obj{"AccessToken": token, "UserAttributes": attrs(nameValues...)}
	}
	for _, tt := range []struct {
		in            obj
		code, message string
	}{
		{update("email_verified", "true"), "NotAuthorizedException", "A client attempted to write unauthorized attribute"},
		{update("custom:none", "x"), "InvalidParameterException", "Attributes did not conform to the schema: Type for attribute {custom:none} could not be determined"},
		{update("custom:fixed", "x"), "InvalidParameterException", "Invalid user attributes: user.custom:fixed: Attribute cannot be updated.\n"},
		{update("custom:short", "long"), "InvalidParameterException", "Attributes did not conform to the schema: custom:short: The value is above the maximum of 3\n"},
		{update("sub", "x"), "InvalidParameterException", "Invalid user attributes: user.sub: Attribute cannot be updated.\n"},
		{update("name", "a", "name", "b"), "InvalidParameterException", "Attributes did not conform to the schema: name: The attribute occurs more than once\n"},
		{update("email", "other@example.com"), "AliasExistsException", "An account with the email already exists."},
		{update("email", ""), "InvalidParameterException", "Attributes did not conform to the schema: email: The attribute is required\n"},
		{obj{"AccessToken": token}, "InvalidParameterException", "1 validation error detected: Value null at 'userAttributes' failed to satisfy constraint: Member must not be null"},
	} {
		w.refused("UpdateUserAttributes", tt.in, tt.code, tt.message)
	}
	if out := w.send("UpdateUserAttributes", update("name", "Al", "email", "a@example.com")); out.body != `{"CodeDeliveryDetailsList":[]}` {
		t.Errorf("nothing to verify: %s", out.body)
	}
	out := w.send("UpdateUserAttributes", update("email", "new@example.org", "name", ""))
	if want := `{"CodeDeliveryDetailsList":[{"Destination":"n***@e***","DeliveryMedium":"EMAIL","AttributeName":"email"}]}`; out.body != want {
		t.Errorf("got %s, want %s", out.body, want)
	}
	if got, want := w.attributesOf(sub), map[string]string{"sub": sub, "email": "new@example.org", "email_verified": "false"}; !reflect.DeepEqual(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	w.signIn("new@example.org", goodPassword)
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "UserNotFoundException", "User does not exist.")
	verify := obj{"AccessToken": token, "AttributeName": "email"}
	w.refused("VerifyUserAttribute", with(verify, obj{"Code": w.wrongCode()}), "CodeMismatchException", codeMismatch)
	w.do("VerifyUserAttribute", with(verify, obj{"Code": w.code()}))
	w.refused("VerifyUserAttribute", with(verify, obj{"Code": w.code()}), "ExpiredCodeException", codeExpired)
	if got := w.attributesOf(sub)["email_verified"]; got != "true" {
		t.Errorf("email_verified %s", got)
	}
}

// A code proves nothing about an address that it did not go to.
func TestCodeIsForOneAddress(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).access
	in := obj{"AccessToken": token, "AttributeName": "email"}
	w.do("GetUserAttributeVerificationCode", in)
	code := w.code()
	w.do("AdminUpdateUserAttributes", with(w.user(sub), obj{"UserAttributes": attrs("email", "new@example.com", "email_verified", "false")}))
	if w.code() == code {
		t.Skip("one in a million: both codes are the same")
	}
	w.refused("VerifyUserAttribute", with(in, obj{"Code": code}), "CodeMismatchException", codeMismatch)
	w.refused("GetUserAttributeVerificationCode", with(in, obj{"AttributeName": "name"}), "InvalidParameterException", "Only email and phone_number can be verified, not name.")
	w.refused("GetUserAttributeVerificationCode", with(in, obj{"AttributeName": "phone_number"}), "InvalidParameterException", "User does not have an attribute phone_number to verify.")
	for range 4 {
		w.do("GetUserAttributeVerificationCode", in)
	}
	w.refused("GetUserAttributeVerificationCode", in, "LimitExceededException", limit)
}

func TestDeleteUserAttributes(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).access
	w.do("UpdateUserAttributes", obj{"AccessToken": token, "UserAttributes": attrs("name", "Al", "phone_number", "+15551235555")})
	in := obj{"AccessToken": token, "UserAttributeNames": []string{"name"}}
	w.refused("DeleteUserAttributes", with(in, obj{"UserAttributeNames": []string{"custom:foo"}}), "InvalidParameterException",
		"Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n")
	w.refused("DeleteUserAttributes", with(in, obj{"UserAttributeNames": []string{"sub"}}), "InvalidParameterException", "Invalid user attributes: user.sub: Attribute cannot be updated.\n")
	w.do("DeleteUserAttributes", in)
	w.do("AdminDeleteUserAttributes", with(w.user(sub), obj{"UserAttributeNames": []string{"phone_number"}}))
	if got, want := w.attributesOf(sub), map[string]string{"sub": sub, "email": "a@example.com", "email_verified": "true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
}

func TestDeleteUser(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).access
	if a := w.send("DeleteUser", obj{"AccessToken": token}); a.status != 200 || a.body != "" {
		t.Fatalf("%d %q", a.status, a.body)
	}
	w.refused("AdminGetUser", w.user("a@example.com"), "UserNotFoundException", "User does not exist.")
	w.signUp("a@example.com") // the name is free again
	if a := w.send("AdminDeleteUser", w.user("a@example.com")); a.status != 200 || a.body != "" {
		t.Fatalf("%d %q", a.status, a.body)
	}
	w.refused("AdminDeleteUser", w.user("a@example.com"), "UserNotFoundException", "User does not exist.")
}

func TestAliases(t *testing.T) {
	w := newWorld(t, aliasPool())
	in := func(name, email string) obj {
		return obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword, "UserAttributes": attrs("email", email)}
	}
	confirm := func(name string) obj {
		return obj{"ClientId": w.client("web"), "Username": name, "ConfirmationCode": w.code()}
	}
	w.refused("SignUp", in("a@example.com", "a@example.com"), "InvalidParameterException", "Username cannot be of email format, since user pool is configured for email alias.")
	w.refused("SignUp", in("+15551235555", "a@example.com"), "InvalidParameterException", "Username cannot be of phone number format, since user pool is configured for phone number alias.")
	w.refused("SignUp", with(in("alice", "a@example.com"), obj{"UserAttributes": attrs("preferred_username", "al")}), "InvalidParameterException",
		"Attributes did not conform to the schema: preferred_username: The attribute can be set once the user is confirmed\n")
	w.do("SignUp", in("alice", "a@example.com"))
	w.refused("SignUp", in("ALICE", "b@example.com"), "UsernameExistsException", "User already exists")
	// Not an alias before it is verified.
	w.refused("AdminGetUser", w.user("a@example.com"), "UserNotFoundException", "User does not exist.")
	w.do("ConfirmSignUp", confirm("alice"))
	w.signIn("A@example.com", goodPassword)

	w.do("SignUp", in("mallory", "a@example.com"))
	w.refused("ConfirmSignUp", confirm("mallory"), "AliasExistsException", "An account with the email already exists.")
	if got := w.statusOf("mallory"); got != "UNCONFIRMED" {
		t.Errorf("mallory is %s", got)
	}
	w.do("ConfirmSignUp", with(confirm("mallory"), obj{"ForceAliasCreation": true}))
	if got := w.do("AdminGetUser", w.user("a@example.com"))["Username"]; got != "mallory" {
		t.Errorf("the alias is %v's", got)
	}
	if got := w.attributesOf("alice")["email_verified"]; got != "false" {
		t.Errorf("alice's address is still verified: %s", got)
	}
	// A preferred username is a name at once, and nobody else's username.
	admin := func(name, value string) obj {
		return with(w.user(name), obj{"UserAttributes": attrs("preferred_username", value)})
	}
	w.refused("AdminUpdateUserAttributes", admin("mallory", "alice"), "AliasExistsException", "An account with the preferred_username already exists.")
	w.do("AdminUpdateUserAttributes", admin("alice", "liz"))
	w.signIn("liz", goodPassword)
	w.refused("SignUp", in("liz", "c@example.com"), "UsernameExistsException", "User already exists")
	w.refused("AdminUpdateUserAttributes", with(w.user("alice"), obj{"UserAttributes": attrs("email_verified", "true")}), "AliasExistsException", "An account with the email already exists.")
}

// Nobody can take another user's sub as a username: administrators find users
// by it.
func TestSubIsNoUsername(t *testing.T) {
	w := newWorld(t, aliasPool())
	sub := w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "alice", "Password": goodPassword})["UserSub"]
	w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": sub, "Password": goodPassword}, "UsernameExistsException", "User already exists")
}

func TestPhoneSignUp(t *testing.T) {
	pool := emailPool()
	pool.UsernameAttributes = []string{"email", "phone_number"}
	pool.AutoVerifiedAttributes = []string{"email", "phone_number"}
	w := newWorld(t, pool)
	w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": "alice", "Password": goodPassword}, "InvalidParameterException",
		"Username should be either an email or a phone number.")
	out := w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword, "UserAttributes": attrs("phone_number", "+15551235555")})
	if d := out["CodeDeliveryDetails"].(obj); d["DeliveryMedium"] != "SMS" || d["Destination"] != "+*******5555" || d["AttributeName"] != "phone_number" {
		t.Errorf("with both the code goes by SMS: %v", out)
	}
	w.do("ConfirmSignUp", obj{"ClientId": w.client("web"), "Username": "+15551235555", "ConfirmationCode": w.code()})
	w.signIn("+15551235555", goodPassword)
	if v := w.attributesOf("a@example.com"); v["phone_number_verified"] != "true" || v["email_verified"] != "false" {
		t.Errorf("attributes %v", v)
	}
}

func TestAdminCreateUser(t *testing.T) {
	w := newWorld(t, emailPool())
	in := with(w.user("a@example.com"), obj{"UserAttributes": attrs("email_verified", "true"), "DesiredDeliveryMediums": []string{"EMAIL"}})
	u := w.do("AdminCreateUser", in)["User"].(obj)
	now := float64(w.clock().Unix())
	sub, _ := u["Username"].(string)
	want := obj{"Username": sub, "Enabled": true, "UserStatus": "FORCE_CHANGE_PASSWORD", "UserCreateDate": now, "UserLastModifiedDate": now,
		"Attributes": attrs("email", "a@example.com", "email_verified", "true", "sub", sub)}
	if !uuidForm.MatchString(sub) || !reflect.DeepEqual(u, want) {
		t.Errorf("got %v, want %v", u, want)
	}
	w.refused("AdminCreateUser", in, "UsernameExistsException", "User account already exists")
	w.refused("AdminCreateUser", with(in, obj{"MessageAction": "TWICE"}), "InvalidParameterException",
		"1 validation error detected: Value 'TWICE' at 'messageAction' failed to satisfy constraint: Member must satisfy enum value set: [RESEND, SUPPRESS]")
	w.refused("AdminCreateUser", with(in, obj{"Username": "b@example.com", "TemporaryPassword": "Passw0rdd"}), "InvalidPasswordException",
		"Password did not conform with password policy: Password must have symbol characters")
	w.refused("AdminCreateUser", with(in, obj{"Username": "b@example.com", "UserAttributes": attrs("phone_number_verified", "true")}), "InvalidParameterException",
		"Phone Number is required to verify/un-verify a phone number")
	w.refused("AdminCreateUser", with(in, obj{"Username": "b@example.com", "MessageAction": "RESEND"}), "UserNotFoundException", "User does not exist.")
	w.confirmed("c@example.com")
	w.refused("AdminCreateUser", with(in, obj{"Username": "c@example.com", "MessageAction": "RESEND"}), "UnsupportedUserStateException",
		"Resend not possible. c@example.com status is not FORCE_CHANGE_PASSWORD")
	w.do("AdminCreateUser", w.user("d@example.com"))
	if w.reason() == "" {
		t.Error("an invitation that could not be sent is not in the log")
	}
	w.refused("AdminGetUser", with(in, obj{"UserPoolId": "us-east-1_nosuch"}), "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
}

// An administrator's user takes a verified alias only if it is asked to.
func TestAdminCreateUserAliases(t *testing.T) {
	w := newWorld(t, aliasPool())
	in := func(name string) obj {
		return with(w.user(name), obj{"MessageAction": "SUPPRESS", "UserAttributes": attrs("email", "a@example.com", "email_verified", "true")})
	}
	w.do("AdminCreateUser", in("alice"))
	w.refused("AdminCreateUser", in("alice"), "UsernameExistsException", "User account already exists")
	w.refused("AdminCreateUser", in("bob"), "AliasExistsException", "An account with the email already exists.")
	w.do("AdminCreateUser", with(in("bob"), obj{"ForceAliasCreation": true}))
	if got := w.do("AdminGetUser", w.user("a@example.com"))["Username"]; got != "bob" {
		t.Errorf("the alias is %v's", got)
	}
}
