package cognito_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const notApplicable = "CLIENT_ID_NOT_APPLICABLE"

func words(nameValues ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(nameValues); i += 2 {
		m[nameValues[i]] = nameValues[i+1]
	}
	return m
}

func (w *world) users() int {
	w.t.Helper()
	return len(w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any))
}

// confirm makes a user that exists and can sign in, without a word to
// triggers' functions.
func (w *world) existing(name string) {
	w.t.Helper()
	silent := w.functions
	w.functions = nil
	w.function("PreSignUp", echo)
	w.function("CustomMessage", echo)
	w.do("AdminCreateUser", with(w.user(name), obj{"UserAttributes": attrs("email", name, "email_verified", "true"), "MessageAction": "SUPPRESS"}))
	w.do("AdminSetUserPassword", with(w.user(name), obj{"Password": goodPassword, "Permanent": true}))
	w.functions = silent
}

func echo(_ context.Context, _ string, event []byte) ([]byte, string, error) { return event, "", nil }

func TestPreSignUp(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp", "PostConfirmation"))
	before := on(w, "PreSignUp", func(e *preSignUp) error {
		e.Response.AutoConfirmUser, e.Response.AutoVerifyEmail = true, true
		return nil
	})
	after := on(w, "PostConfirmation", yes[postConfirmation])
	out := w.do("SignUp", obj{
		"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword, "UserAttributes": attrs("name", "Amelie"),
		"ValidationData": attrs("invitation", "4711"), "ClientMetadata": obj{"tenant": "blue"},
	})
	if out["UserConfirmed"] != true || out["CodeDeliveryDetails"] != nil || len(w.codes) != 0 {
		t.Errorf("got %v and %d codes", out, len(w.codes))
	}
	sub := out["UserSub"].(string)
	e := (*before)[0]
	if e.TriggerSource != "PreSignUp_SignUp" || e.UserName != sub || e.CallerContext.ClientID != w.client("web") ||
		!maps.Equal(e.Request.UserAttributes, words("email", "amelie@example.com", "name", "Amelie")) ||
		!maps.Equal(e.Request.ValidationData, words("invitation", "4711")) || !maps.Equal(e.Request.ClientMetadata, words("tenant", "blue")) {
		t.Errorf("PreSignUp got %+v", e)
	}
	c := (*after)[0]
	if c.TriggerSource != "PostConfirmation_ConfirmSignUp" || c.UserName != sub || !maps.Equal(c.Request.ClientMetadata, words("tenant", "blue")) ||
		!maps.Equal(c.Request.UserAttributes, words("sub", sub, "cognito:user_status", "CONFIRMED", "cognito:email_alias", "amelie@example.com",
			"email", "amelie@example.com", "email_verified", "true", "name", "Amelie")) {
		t.Errorf("PostConfirmation got %+v", c)
	}
	w.signIn("amelie@example.com", goodPassword)
}

// TestPreSignUpVerifiesWhatIsThere: "the email attribute must have a valid,
// non-null value. Otherwise, an error will occur".
func TestPreSignUpVerifiesWhatIsThere(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp"))
	on(w, "PreSignUp", func(e *preSignUp) error { e.Response.AutoVerifyPhone = true; return nil })
	w.refused("SignUp", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword},
		"InvalidParameterException", "Phone Number is required to verify/un-verify a phone number")
	if w.users() != 0 {
		t.Error("there is a user")
	}
}

// TestPreSignUpMovesAlias: "If an alias with that email already exists, the
// alias will be moved to the new user and the previous user's email will be
// marked as unverified."
func TestPreSignUpMovesAlias(t *testing.T) {
	p := aliasPool()
	p.Triggers.PreSignUp = "PreSignUp"
	w := newWorld(t, p)
	on(w, "PreSignUp", func(e *preSignUp) error {
		e.Response.AutoConfirmUser, e.Response.AutoVerifyEmail = true, true
		return nil
	})
	for _, name := range []string{"amelie", "bertram"} {
		w.do("SignUp", obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword, "UserAttributes": attrs("email", "both@example.com")})
	}
	if got := w.do("AdminGetUser", w.user("both@example.com"))["Username"]; got != "bertram" {
		t.Errorf("the alias is %v's", got)
	}
	if got := w.attributesOf("amelie")["email_verified"]; got != "false" {
		t.Errorf("the previous user's email_verified is %s", got)
	}
}

func TestPreSignUpOfAnAdministrator(t *testing.T) {
	w := newWorld(t, triggered("PreSignUp", "PostConfirmation"))
	before := on(w, "PreSignUp", func(e *preSignUp) error {
		if e.Request.ClientMetadata["refuse"] != "" {
			return errors.New("not today")
		}
		e.Response.AutoConfirmUser, e.Response.AutoVerifyEmail = true, true
		return nil
	})
	w.function("PostConfirmation", func(context.Context, string, []byte) ([]byte, string, error) {
		t.Error("PostConfirmation is not of AdminCreateUser")
		return nil, "", nil
	})
	create := with(w.user("amelie@example.com"), obj{"MessageAction": "SUPPRESS", "ValidationData": attrs("a", "b")})
	w.refused("AdminCreateUser", with(create, obj{"ClientMetadata": obj{"refuse": "yes"}}),
		"UserLambdaValidationException", "PreSignUp failed with error not today.")
	w.do("AdminCreateUser", create)
	e := (*before)[1]
	if e.TriggerSource != "PreSignUp_AdminCreateUser" || e.CallerContext.ClientID != notApplicable || !maps.Equal(e.Request.ValidationData, words("a", "b")) {
		t.Errorf("got %+v", e)
	}
	if w.statusOf("amelie@example.com") != "FORCE_CHANGE_PASSWORD" || w.attributesOf("amelie@example.com")["email_verified"] == "true" {
		t.Error("the answer was not ignored")
	}
}

func TestPostConfirmation(t *testing.T) {
	w := newWorld(t, triggered("PostConfirmation"))
	seen := on(w, "PostConfirmation", func(e *postConfirmation) error {
		if e.Request.ClientMetadata["fail"] != "" {
			return errors.New("the table is full")
		}
		return nil
	})
	w.signUp("amelie@example.com")
	confirm := obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "ConfirmationCode": w.code(), "ClientMetadata": obj{"fail": "yes"}}
	w.refused("ConfirmSignUp", with(confirm, obj{"ConfirmationCode": w.wrongCode()}), "CodeMismatchException", "Invalid verification code provided, please try again.")
	if len(*seen) != 0 {
		t.Fatal("a wrong code confirms")
	}
	w.refused("ConfirmSignUp", confirm, "UserLambdaValidationException", "PostConfirmation failed with error the table is full.")
	if got := w.statusOf("amelie@example.com"); got != "CONFIRMED" {
		t.Errorf("the user is %s", got)
	}

	w.do("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "amelie@example.com"})
	w.do("ConfirmForgotPassword", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "ConfirmationCode": w.code(),
		"Password": "N3w-Passw0rd", "ClientMetadata": obj{"k": "v"}})
	w.signUp("bertram@example.com")
	w.do("AdminConfirmSignUp", with(w.user("bertram@example.com"), obj{"ClientMetadata": obj{"by": "admin"}}))
	for i, want := range []struct{ source, client, email, metadata string }{
		{"ConfirmSignUp", w.client("web"), "amelie@example.com", "map[fail:yes]"},
		{"ConfirmForgotPassword", w.client("web"), "amelie@example.com", "map[k:v]"},
		{"ConfirmSignUp", notApplicable, "bertram@example.com", "map[by:admin]"},
	} {
		e := (*seen)[i]
		if e.TriggerSource != "PostConfirmation_"+want.source || e.CallerContext.ClientID != want.client ||
			e.Request.UserAttributes["email"] != want.email || fmt.Sprint(e.Request.ClientMetadata) != want.metadata {
			t.Errorf("got %+v, want %+v", e, want)
		}
	}
	if len(*seen) != 3 {
		t.Errorf("%d calls", len(*seen))
	}
}

func TestPreAuthentication(t *testing.T) {
	w := newWorld(t, triggered("PreAuthentication"))
	w.existing("amelie@example.com")
	refuse := true
	seen := on(w, "PreAuthentication", func(e *preAuthentication) error {
		if refuse {
			return errors.New("closed on Sundays")
		}
		return nil
	})
	// The function is asked before the password is looked at: nothing is told of
	// it and no failure is counted.
	for range 10 {
		w.refused("InitiateAuth", with(w.passwordAuth("amelie@example.com", "Wr0ng-password"), obj{"ClientMetadata": obj{"door": "front"}}),
			"UserLambdaValidationException", "PreAuthentication failed with error closed on Sundays.")
	}
	if got := w.reason(); got != "trigger PreAuthentication_Authentication, function PreAuthentication: it threw: closed on Sundays" {
		t.Errorf("the log says %q", got)
	}
	admin := obj{"UserPoolId": w.pool(), "ClientId": w.client("web"), "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
		"AuthParameters": obj{"USERNAME": "amelie@example.com", "PASSWORD": goodPassword}}
	w.refused("AdminInitiateAuth", admin, "UserLambdaValidationException", "PreAuthentication failed with error closed on Sundays.")
	refuse = false
	signedIn := w.tokensOf(w.do("AdminInitiateAuth", admin))
	e := (*seen)[0]
	if e.TriggerSource != "PreAuthentication_Authentication" || e.UserName != w.attributesOf("amelie@example.com")["sub"] || e.Request.UserNotFound ||
		e.Request.UserAttributes["email"] != "amelie@example.com" || e.Request.UserAttributes["cognito:user_status"] != "CONFIRMED" ||
		!maps.Equal(e.Request.ValidationData, words("door", "front")) || e.CallerContext.ClientID != w.client("web") {
		t.Errorf("got %+v", e)
	}

	// "PreAuthentication ... new sign-ins only": a refresh is none.
	n := len(*seen)
	w.do("InitiateAuth", obj{"ClientId": w.client("web"), "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": signedIn.refresh}})
	// A missing user is told to a client that may know, without the function ...
	w.refused("InitiateAuth", w.passwordAuth("nobody@example.com", goodPassword), "UserNotFoundException", "User does not exist.")
	if len(*seen) != n {
		t.Errorf("it was called for %+v", (*seen)[n:])
	}
	// ... and to one that may not, the function hears of it.
	w.refused("InitiateAuth", with(w.passwordAuth("nobody@example.com", goodPassword), obj{"ClientId": w.client("hiding")}),
		"NotAuthorizedException", "Incorrect username or password.")
	if e := (*seen)[len(*seen)-1]; len(*seen) != n+1 || !e.Request.UserNotFound || len(e.Request.UserAttributes) != 0 || e.UserName != "nobody@example.com" {
		t.Errorf("got %+v", e)
	}
}

func TestPostAuthentication(t *testing.T) {
	w := newWorld(t, triggered("PostAuthentication"))
	w.existing("amelie@example.com")
	var problem error
	seen := on(w, "PostAuthentication", func(*postAuthentication) error { return problem })
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "Wr0ng-password"), "NotAuthorizedException", "Incorrect username or password.")
	if len(*seen) != 0 {
		t.Error("it was called for a wrong password")
	}
	signedIn := w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("amelie@example.com", goodPassword), obj{"ClientMetadata": obj{"not": "for it"}})))
	e := (*seen)[0]
	if e.TriggerSource != "PostAuthentication_Authentication" || e.Request.NewDeviceUsed || e.Request.ClientMetadata != nil ||
		e.Request.UserAttributes["sub"] != e.UserName {
		t.Errorf("got %+v", e)
	}
	w.do("InitiateAuth", obj{"ClientId": w.client("web"), "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": signedIn.refresh}})
	if len(*seen) != 1 {
		t.Error("it was called for a refresh")
	}
	problem = errors.New("no seat left")
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), "UserLambdaValidationException", "PostAuthentication failed with error no seat left.")

	// NEW_PASSWORD_REQUIRED ends in tokens too, and its metadata is the function's.
	problem = nil
	w.do("AdminSetUserPassword", with(w.user("amelie@example.com"), obj{"Password": "T3mporary!"}))
	challenge := w.do("InitiateAuth", w.passwordAuth("amelie@example.com", "T3mporary!"))
	if n := len(*seen); n != 2 {
		t.Errorf("%d calls before the challenge was answered", n)
	}
	w.do("RespondToAuthChallenge", obj{
		"ClientId": w.client("web"), "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"], "ClientMetadata": obj{"k": "v"},
		"ChallengeResponses": obj{"USERNAME": "amelie@example.com", "NEW_PASSWORD": goodPassword},
		// What the operation does not have cannot pass it off as a refresh.
		"AuthFlow": "REFRESH_TOKEN_AUTH",
	})
	if e := (*seen)[len(*seen)-1]; len(*seen) != 3 || !maps.Equal(e.Request.ClientMetadata, words("k", "v")) {
		t.Errorf("%d calls; the last %+v", len(*seen), e)
	}
}

// TestStateAfterTriggers: whatever ended a user's sign-ins while a function ran
// ends the one under way.
func TestStateAfterTriggers(t *testing.T) {
	for _, name := range []string{"PostAuthentication", "PreTokenGeneration"} {
		for operation, want := range map[string][2]string{
			"AdminDisableUser":       {"NotAuthorizedException", "User is disabled."},
			"AdminUserGlobalSignOut": {"NotAuthorizedException", "Incorrect username or password."},
			"AdminDeleteUser":        {"UserNotFoundException", "User does not exist."},
			"AdminResetUserPassword": {"PasswordResetRequiredException", "Password reset required for the user"},
		} {
			t.Run(name+" "+operation, func(t *testing.T) {
				w := newWorld(t, triggered(name))
				w.existing("amelie@example.com")
				w.function(name, func(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
					if err := w.svc.Call(ctx, operation, w.user("amelie@example.com"), nil); err != nil {
						t.Error(err)
					}
					return event, "", nil
				})
				w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), want[0], want[1])
			})
		}
	}
}

// mailbox gives subject and body of the message that was sent last.
func (w *world) lastMail() (string, string) {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.stage.Mailbox().Dir(), "*.json"))
	if err != nil || len(names) == 0 {
		w.t.Fatalf("no mail: %v", err)
	}
	b, err := os.ReadFile(names[len(names)-1])
	if err != nil {
		w.t.Fatal(err)
	}
	m := plain(w.t, b).(map[string]any)
	subject, _ := m["subject"].(string)
	return subject, m["body"].(string)
}

func TestCustomMessage(t *testing.T) {
	p := triggered("CustomMessage")
	p.UsernameAttributes = []string{"email", "phone_number"}
	p.AutoVerifiedAttributes = []string{"email", "phone_number"}
	w := newWorld(t, p)
	seen := on(w, "CustomMessage", func(e *customMessage) error {
		e.Response.EmailSubject = "About " + e.TriggerSource
		e.Response.EmailMessage = "<b>" + e.Request.CodeParameter + "</b> " + e.Request.UsernameParameter
		e.Response.SMSMessage = "sms " + e.Request.CodeParameter + e.Request.UsernameParameter
		return nil
	})
	check := func(operation string, in obj, source, username string) {
		t.Helper()
		n := len(*seen)
		w.do(operation, in)
		if len(*seen) != n+1 {
			t.Fatalf("%s: %d calls", operation, len(*seen)-n)
		}
		e := (*seen)[n]
		if e.TriggerSource != "CustomMessage_"+source || e.Request.CodeParameter != "{####}" || e.Request.UserAttributes["sub"] == nil {
			t.Errorf("%s: got %+v", operation, e)
		}
		subject, body := w.lastMail()
		if want := "<b>" + w.code() + "</b> " + username; subject != "About CustomMessage_"+source || body != want {
			t.Errorf("%s: mail %q %q, want %q", operation, subject, body, want)
		}
	}
	web := func(more obj) obj {
		return with(obj{"ClientId": w.client("web"), "Username": "amelie@example.com"}, more)
	}
	check("SignUp", web(obj{"Password": goodPassword}), "SignUp", "")
	check("ResendConfirmationCode", web(nil), "ResendCode", "")
	w.do("ConfirmSignUp", web(obj{"ConfirmationCode": w.code()}))
	check("ForgotPassword", web(obj{"ClientMetadata": obj{"lang": "de"}}), "ForgotPassword", "")
	if e := (*seen)[len(*seen)-1]; !maps.Equal(e.Request.ClientMetadata, words("lang", "de")) || e.CallerContext.ClientID != w.client("web") {
		t.Errorf("got %+v", e)
	}
	access := w.signIn("amelie@example.com", goodPassword).access
	check("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("email", "a@example.com")}, "UpdateUserAttribute", "")
	check("GetUserAttributeVerificationCode", obj{"AccessToken": access, "AttributeName": "email"}, "VerifyUserAttribute", "")
	if e := (*seen)[len(*seen)-1]; e.CallerContext.ClientID != w.client("web") {
		t.Errorf("the client is %s", e.CallerContext.ClientID)
	}
	check("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("email", "b@example.com")}), "UpdateUserAttribute", "")
	w.do("VerifyUserAttribute", obj{"AccessToken": access, "AttributeName": "email", "Code": w.code()})
	check("AdminResetUserPassword", w.user("b@example.com"), "ForgotPassword", "")
	check("AdminCreateUser", with(w.user("{####}@example.com"), obj{"DesiredDeliveryMediums": []string{"EMAIL"}}), "AdminCreateUser", "{####}@example.com")
	if e := (*seen)[len(*seen)-1]; e.Request.UsernameParameter != "{username}" || e.CallerContext.ClientID != notApplicable {
		t.Errorf("got %+v", e)
	}

	w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "+15555550100", "Password": goodPassword})
	if subject, body := w.lastMail(); subject != "" || body != "sms "+w.code() {
		t.Errorf("SMS %q %q", subject, body)
	}
}

func TestCustomMessageIsHeldToItsForm(t *testing.T) {
	signUp := func(w *world) obj {
		return obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "Password": goodPassword}
	}
	for name, c := range map[string]struct {
		subject, body string
		wantBody      string // "": refused
	}{
		"empty is the default": {"", "", "Your confirmation code is CODE"},
		"a code":               {"", "{####} {username}", "CODE {username}"},
		"no code":              {"", "hello", ""},
		"another placeholder":  {"", "hello ####", ""},
		"long":                 {"", "{####}" + strings.Repeat("é", 19_994), "CODE" + strings.Repeat("é", 19_994)},
		"too long":             {"", "{####}" + strings.Repeat("é", 19_995), ""},
		"subject too long":     {strings.Repeat("s", 141), "{####}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, triggered("CustomMessage"))
			on(w, "CustomMessage", func(e *customMessage) error {
				e.Response.EmailSubject, e.Response.EmailMessage = c.subject, c.body
				return nil
			})
			if c.wantBody == "" {
				w.refused("SignUp", signUp(w), "InvalidLambdaResponseException", "Unrecognizable lambda output")
				if len(w.codes) != 0 {
					t.Error("a code was sent")
				}
				return
			}
			w.do("SignUp", signUp(w))
			if _, body := w.lastMail(); body != strings.Replace(c.wantBody, "CODE", w.code(), 1) {
				t.Errorf("got %q", body)
			}
		})
	}
	t.Run("an invitation needs both", func(t *testing.T) {
		w := newWorld(t, triggered("CustomMessage"))
		on(w, "CustomMessage", func(e *customMessage) error { e.Response.EmailMessage = "{####}"; return nil })
		w.refused("AdminCreateUser", with(w.user("amelie@example.com"), obj{"DesiredDeliveryMediums": []string{"EMAIL"}}),
			"InvalidLambdaResponseException", "Unrecognizable lambda output")
	})
}

// TestMetadataIsChecked: values that are no strings do not reach a function.
func TestMetadataIsChecked(t *testing.T) {
	w := newWorld(t, triggered("PreAuthentication"))
	w.function("PreAuthentication", func(context.Context, string, []byte) ([]byte, string, error) {
		t.Error("it was called")
		return nil, "", nil
	})
	a := w.send("InitiateAuth", with(w.passwordAuth("amelie@example.com", goodPassword), obj{"ClientMetadata": obj{"k": 5}}))
	w.checkRefusal("InitiateAuth", a, 400, "SerializationException", "NUMBER_VALUE can not be converted to a String")
}
