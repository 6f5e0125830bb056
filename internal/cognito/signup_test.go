package cognito_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// The walk-through's commands, as the CLI sends them.
func TestWalkThrough(t *testing.T) {
	w := newWorld(t, emailPool())
	a := w.request("POST", "/", target+"SignUp", "", "application/x-amz-json-1.1",
		`{"ClientId": "`+w.client("web")+`", "Username": "admin@example.com", "Password": "Passw0rd!"}`)
	form := regexp.MustCompile(`^\{"UserConfirmed":false,"UserSub":"[-0-9a-f]{36}","CodeDeliveryDetails":\{"Destination":"a\*\*\*@e\*\*\*","DeliveryMedium":"EMAIL","AttributeName":"email"\}\}$`)
	if a.status != 200 || !form.MatchString(a.body) {
		t.Fatalf("SignUp: %d %s", a.status, a.body)
	}
	if ct := a.header.Get("Content-Type"); ct != "application/x-amz-json-1.1" {
		t.Errorf("content type %q", ct)
	}
	if !uuidForm.MatchString(a.header.Get("x-amzn-RequestId")) {
		t.Errorf("request id %q", a.header.Get("x-amzn-RequestId"))
	}
	w.refused("InitiateAuth", w.passwordAuth("admin@example.com", goodPassword), "UserNotConfirmedException", "User is not confirmed.")
	if a := w.send("AdminConfirmSignUp", w.user("admin@example.com")); a.body != "{}" {
		t.Errorf("AdminConfirmSignUp: %s", a.body)
	}
	out := w.do("InitiateAuth", w.passwordAuth("admin@example.com", goodPassword))
	if len(out["ChallengeParameters"].(obj)) != 0 || out["ChallengeName"] != nil || out["Session"] != nil {
		t.Errorf("InitiateAuth: %v", out)
	}
	result := out["AuthenticationResult"].(obj)
	if result["ExpiresIn"] != float64(3600) || result["TokenType"] != "Bearer" || len(result) != 5 {
		t.Errorf("AuthenticationResult: %v", result)
	}
	if v := w.attributesOf("admin@example.com"); v["email_verified"] != "false" {
		t.Errorf("an administrator's confirmation verified the address: %v", v)
	}
}

func TestSignUpRefusals(t *testing.T) {
	pool := emailPool()
	pool.Schema = []cognito.SchemaAttribute{{Name: "custom:team"}, {Name: "custom:fixed", Immutable: true}}
	pool.Clients[0].WriteAttributes = []string{"email", "name", "birthdate", "custom:team", "updated_at", "phone_number"}
	w := newWorld(t, pool)
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword}
	const valid = "1 validation error detected: Value at '"
	for _, tt := range []struct {
		name          string
		change        obj
		code, message string
	}{
		{"client", obj{"ClientId": "nosuch"}, "ResourceNotFoundException", "User pool client nosuch does not exist."},
		{"short password", obj{"Password": "Ab1!x"}, "InvalidParameterException", valid + "password' failed to satisfy constraint: Member must have length greater than or equal to 6"},
		{"space in password", obj{"Password": "Passw0rd !"}, "InvalidParameterException", valid + `password' failed to satisfy constraint: Member must satisfy regular expression pattern: [\S]+`},
		{"no username", obj{"Username": nil}, "InvalidParameterException", valid + "username' failed to satisfy constraint: Member must not be null"},
		{"username with space", obj{"Username": "a b"}, "InvalidParameterException", valid + `username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`},
		{"two at once", obj{"Username": "", "Password": "x"}, "InvalidParameterException",
			"3 validation errors detected: Value at 'username' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
				`Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+; ` +
				"Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to 6"},
		{"attribute without a name", obj{"UserAttributes": []any{obj{"Value": "x"}}}, "InvalidParameterException",
			"1 validation error detected: Value null at 'userAttributes.1.member.name' failed to satisfy constraint: Member must not be null"},
		{"not an email", obj{"Username": "alice"}, "InvalidParameterException", "Username should be an email."},
		{"policy length", obj{"Password": "Pass0!"}, "InvalidPasswordException", "Password did not conform with policy: Password not long enough"},
		{"policy lower", obj{"Password": "PASSW0RD!"}, "InvalidPasswordException", "Password did not conform with policy: Password must have lowercase characters"},
		{"policy upper", obj{"Password": "passw0rd!"}, "InvalidPasswordException", "Password did not conform with policy: Password must have uppercase characters"},
		{"policy number", obj{"Password": "Password!"}, "InvalidPasswordException", "Password did not conform with policy: Password must have numeric characters"},
		{"policy symbol", obj{"Password": "Passw0rdd"}, "InvalidPasswordException", "Password did not conform with policy: Password must have symbol characters"},
		{"unknown attribute", obj{"UserAttributes": attrs("custom:role", "x")}, "InvalidParameterException", "Attributes did not conform to the schema: Type for attribute {custom:role} could not be determined"},
		{"unwritable attribute", obj{"UserAttributes": attrs("gender", "x")}, "NotAuthorizedException", "A client attempted to write unauthorized attribute"},
		{"verified by oneself", obj{"UserAttributes": attrs("email_verified", "true")}, "NotAuthorizedException", "A client attempted to write unauthorized attribute"},
		{"phone", obj{"UserAttributes": attrs("phone_number", "555")}, "InvalidParameterException", "Invalid phone number format."},
		{"email", obj{"UserAttributes": attrs("email", "x@y")}, "InvalidParameterException", "Invalid email address format."},
		{"birthdate", obj{"UserAttributes": attrs("birthdate", "2001-1-1")}, "InvalidParameterException", "Attributes did not conform to the schema: birthdate: The value is below the minimum of 10\n"},
		{"number", obj{"UserAttributes": attrs("updated_at", "now")}, "InvalidParameterException", "Attributes did not conform to the schema: updated_at: The value is not a number\n"},
		{"another address", obj{"UserAttributes": attrs("email", "b@example.com")}, "InvalidParameterException", "Attributes did not conform to the schema: email: The attribute differs from the username\n"},
		{"sub", obj{"UserAttributes": attrs("sub", "x")}, "InvalidParameterException", "Invalid user attributes: user.sub: Attribute cannot be updated.\n"},
		{"hash without secret", obj{"SecretHash": "eA=="}, "NotAuthorizedException", "Unable to verify secret hash for client " + w.client("web")},
		{"no hash", obj{"ClientId": w.client("secret")}, "NotAuthorizedException", "Client " + w.client("secret") + " is configured with secret but SECRET_HASH was not received"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.refused("SignUp", with(in, tt.change), tt.code, tt.message)
		})
	}
	w.t = t
	if users := w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any); len(users) != 0 {
		t.Errorf("refused sign-ups left %v", users)
	}
	w.do("SignUp", in)
	w.refused("SignUp", with(in, obj{"Username": "A@Example.COM"}), "UsernameExistsException", "User already exists")
}

func TestSignUpForAdministratorsOnly(t *testing.T) {
	pool := emailPool()
	pool.AdminCreateUserOnly = true
	w := newWorld(t, pool)
	w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword},
		"NotAuthorizedException", "SignUp is not permitted for this user pool")
}

func TestRequiredAttribute(t *testing.T) {
	pool := aliasPool()
	pool.Schema = []cognito.SchemaAttribute{{Name: "email", Required: true}}
	w := newWorld(t, pool)
	w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": "alice", "Password": goodPassword},
		"InvalidParameterException", "Attributes did not conform to the schema: email: The attribute is required\n")
}

func TestConfirmSignUp(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com"}
	confirm := func(code string) obj { return with(in, obj{"ConfirmationCode": code}) }
	w.refused("ConfirmSignUp", confirm(w.wrongCode()), "CodeMismatchException", "Invalid verification code provided, please try again.")
	if got := w.statusOf("a@example.com"); got != "UNCONFIRMED" {
		t.Errorf("status %s after a wrong code", got)
	}
	old := w.code()
	out := w.do("ResendConfirmationCode", in)
	if d := out["CodeDeliveryDetails"].(obj); d["Destination"] != "a***@e***" || d["DeliveryMedium"] != "EMAIL" || d["AttributeName"] != "email" {
		t.Errorf("ResendConfirmationCode: %v", out)
	}
	if old != w.code() {
		w.refused("ConfirmSignUp", confirm(old), "CodeMismatchException", "Invalid verification code provided, please try again.")
	}
	if a := w.send("ConfirmSignUp", confirm(w.code())); a.status != 200 || a.body != "{}" {
		t.Fatalf("ConfirmSignUp: %d %s", a.status, a.body)
	}
	if got := w.statusOf("a@example.com"); got != "CONFIRMED" {
		t.Errorf("status %s", got)
	}
	if v := w.attributesOf("a@example.com"); v["email_verified"] != "true" {
		t.Errorf("the code verified nothing: %v", v)
	}
	w.refused("ConfirmSignUp", confirm(w.code()), "NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
	w.refused("ResendConfirmationCode", in, "InvalidParameterException", "User is already confirmed.")
	w.refused("AdminConfirmSignUp", w.user("a@example.com"), "NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
}

// The code of a user who is disabled confirms nothing, and to a client that
// hides existence it is nobody's.
func TestDisabledIsNotConfirmed(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	w.do("AdminDisableUser", w.user("a@example.com"))
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.code()}
	w.refused("ConfirmSignUp", in, "NotAuthorizedException", "User is disabled.")
	w.refused("ConfirmSignUp", with(in, obj{"ClientId": w.client("hiding")}), "CodeMismatchException", "Invalid verification code provided, please try again.")
	if got := w.statusOf("a@example.com"); got != "UNCONFIRMED" {
		t.Errorf("status %s", got)
	}
	w.do("AdminEnableUser", w.user("a@example.com"))
	w.do("ConfirmSignUp", in)
}

func TestCodeExpires(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.code()}
	w.advance(24 * time.Hour)
	w.refused("ConfirmSignUp", in, "ExpiredCodeException", "Invalid code provided, please request a code again.")
}

func TestNoCodeWithoutAutoVerification(t *testing.T) {
	pool := emailPool()
	pool.AutoVerifiedAttributes = nil
	w := newWorld(t, pool)
	out := w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword})
	if _, ok := out["CodeDeliveryDetails"]; ok || len(w.codes) != 0 {
		t.Errorf("a code was sent: %v %v", out, w.codes)
	}
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com"}
	w.refused("ConfirmSignUp", with(in, obj{"ConfirmationCode": "123456"}), "ExpiredCodeException", "Invalid code provided, please request a code again.")
	w.refused("ResendConfirmationCode", in, "InvalidParameterException", "Cannot resend codes. Auto verification not turned on.")
}

// Of a million codes nobody tries more than fifteen in an hour, and clients
// that retry the refusal do not make it last longer.
func TestCodesCannotBeGuessed(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com"}
	for range 15 {
		w.refused("ConfirmSignUp", with(in, obj{"ConfirmationCode": w.wrongCode()}), "CodeMismatchException", "Invalid verification code provided, please try again.")
	}
	right := with(in, obj{"ConfirmationCode": w.code()})
	for range 3 {
		w.refused("ConfirmSignUp", right, "LimitExceededException", "Attempt limit exceeded, please try after some time.")
		w.advance(19 * time.Minute)
	}
	w.advance(3 * time.Minute)
	w.do("ConfirmSignUp", right)
}

func TestResendIsLimited(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	for _, client := range []string{"web", "hiding"} {
		name := map[string]string{"web": "a@example.com", "hiding": "nobody@example.com"}[client]
		in := obj{"ClientId": w.client(client), "Username": name}
		for range 5 {
			w.do("ResendConfirmationCode", in)
		}
		w.refused("ResendConfirmationCode", in, "LimitExceededException", "Attempt limit exceeded, please try after some time.")
	}
}

// A message goes to the mailbox and to the terminal; the log never has a code
// or a password.
func TestMessagesAndLog(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	mail, err := w.stage.Mailbox().List()
	if err != nil || len(mail) != 1 {
		t.Fatalf("mailbox: %v %v", mail, err)
	}
	if m := mail[0]; m.To != "a@example.com" || m.Medium != "EMAIL" || m.Code != w.code() || m.Pool != w.pool() {
		t.Errorf("mail %+v", m)
	}
	w.send("InitiateAuth", w.passwordAuth("a@example.com", "Wr0ngPass!"))
	if got, want := w.events[len(w.events)-1].String(), "InitiateAuth UserPool a@example.com: NotAuthorizedException (wrong password)"; got != want {
		t.Errorf("log line %q, want %q", got, want)
	}
	for _, e := range w.events {
		for _, secret := range []string{w.code(), goodPassword, "Wr0ngPass!"} {
			if regexp.MustCompile(regexp.QuoteMeta(secret)).MatchString(e.String() + e.Reason + e.Message) {
				t.Errorf("the log line %q has a secret", e)
			}
		}
	}
	e := cognito.Event{Outcome: aws.Outcome{Operation: "GetUser", Code: "X"}, User: "a\x1b[2J\nb"}
	if got := e.String(); got != `GetUser "a\x1b[2J\nb": X` {
		t.Errorf("log line %q", got)
	}
}

// A sign-up code proves nothing about an address that replaced the one that it
// went to.
func TestSignUpCodeIsForOneAddress(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.signUp("a@example.com")
	code := w.code()
	w.do("AdminUpdateUserAttributes", with(w.user(sub), obj{"UserAttributes": attrs("email", "b@example.com")}))
	in := obj{"ClientId": w.client("web"), "Username": sub, "ConfirmationCode": code}
	w.refused("ConfirmSignUp", in, "CodeMismatchException", "Invalid verification code provided, please try again.")
	w.do("ResendConfirmationCode", in)
	w.do("ConfirmSignUp", with(in, obj{"ConfirmationCode": w.code()}))
}
