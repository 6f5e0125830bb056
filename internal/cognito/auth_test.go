package cognito_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

const (
	wrongPassword = "Incorrect username or password."
	locked        = "Password attempts exceeded"
)

func TestSignInRefusals(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	in := w.passwordAuth("a@example.com", goodPassword)
	auth := func(flow string, more obj) obj { return with(in, with(obj{"AuthFlow": flow}, more)) }
	for _, tt := range []struct {
		name          string
		in            obj
		code, message string
	}{
		{"no user", w.passwordAuth("b@example.com", goodPassword), "UserNotFoundException", "User does not exist."},
		{"wrong password", w.passwordAuth("a@example.com", "Wr0ngPass!"), "NotAuthorizedException", wrongPassword},
		{"no user, hidden", with(w.passwordAuth("b@example.com", goodPassword), obj{"ClientId": w.client("hiding")}), "NotAuthorizedException", wrongPassword},
		{"no name", with(in, obj{"AuthParameters": obj{"PASSWORD": "x"}}), "InvalidParameterException", "Missing required parameter USERNAME"},
		{"no password", with(in, obj{"AuthParameters": obj{"USERNAME": "x"}}), "InvalidParameterException", "Missing required parameter PASSWORD"},
		{"no parameters", with(in, obj{"AuthParameters": nil}), "InvalidParameterException", "Missing required parameter USERNAME"},
		{"flow of the model", auth("NO_AUTH", nil), "InvalidParameterException", "1 validation error detected: Value 'NO_AUTH' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"},
		{"no flow", auth("", obj{"AuthFlow": nil}), "InvalidParameterException", "1 validation error detected: Value null at 'authFlow' failed to satisfy constraint: Member must not be null"},
		{"flow of administrators", auth("ADMIN_USER_PASSWORD_AUTH", nil), "InvalidParameterException", "Initiate Auth method not supported"},
		{"flow not enabled", auth("USER_PASSWORD_AUTH", obj{"ClientId": w.client("plain")}), "InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"},
		{"SRP not enabled", auth("USER_SRP_AUTH", nil), "InvalidParameterException", "USER_SRP_AUTH is not enabled for the client."},
		{"no client", auth("USER_PASSWORD_AUTH", obj{"ClientId": "nosuch"}), "ResourceNotFoundException", "User pool client nosuch does not exist."},
		{"no hash", auth("USER_PASSWORD_AUTH", obj{"ClientId": w.client("secret")}), "NotAuthorizedException", "Client " + w.client("secret") + " is configured with secret but SECRET_HASH was not received"},
		{"wrong hash", auth("USER_PASSWORD_AUTH", obj{"ClientId": w.client("secret"), "AuthParameters": obj{"USERNAME": "a@example.com", "PASSWORD": goodPassword, "SECRET_HASH": "eA=="}}),
			"NotAuthorizedException", "Unable to verify secret hash for client " + w.client("secret")},
		{"wrong refresh token", auth("REFRESH_TOKEN_AUTH", obj{"AuthParameters": obj{"REFRESH_TOKEN": "x"}}), "NotAuthorizedException", "Invalid Refresh Token"},
		{"no refresh token", auth("REFRESH_TOKEN", obj{"AuthParameters": obj{}}), "InvalidParameterException", "Missing required parameter REFRESH_TOKEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.refused("InitiateAuth", tt.in, tt.code, tt.message)
		})
	}
	w.t = t
	admin := with(in, obj{"UserPoolId": w.pool(), "AuthFlow": "USER_PASSWORD_AUTH"})
	w.refused("AdminInitiateAuth", admin, "InvalidParameterException", "Initiate Auth method not supported")
	w.refused("AdminInitiateAuth", with(admin, obj{"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "ClientId": w.client("hiding")}), "InvalidParameterException", "Auth flow not enabled for this client")
	w.refused("AdminInitiateAuth", with(admin, obj{"UserPoolId": "us-east-1_nosuch"}), "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
	for _, flow := range []string{"ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"} {
		w.tokensOf(w.do("AdminInitiateAuth", with(admin, obj{"AuthFlow": flow})))
	}
}

// The state is told to who knows the password, and to nobody else.
func TestStatesAtSignIn(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	signIn := func(code, message string) {
		t.Helper()
		w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), code, message)
		w.refused("InitiateAuth", w.passwordAuth("a@example.com", "Wr0ngPass!"), "NotAuthorizedException", wrongPassword)
	}
	w.do("AdminDisableUser", w.user("a@example.com"))
	signIn("NotAuthorizedException", "User is disabled.")
	w.do("AdminEnableUser", w.user("a@example.com"))
	w.do("AdminResetUserPassword", w.user("a@example.com"))
	if got := w.statusOf("a@example.com"); got != "RESET_REQUIRED" {
		t.Errorf("status %s", got)
	}
	signIn("PasswordResetRequiredException", "Password reset required for the user")
	w.do("ConfirmForgotPassword", obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.code(), "Password": "N3wPassw0rd!"})
	w.signIn("a@example.com", "N3wPassw0rd!")
}

func TestSignInNames(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.confirmed("Alice@Example.com")
	for _, name := range []string{"Alice@Example.com", "alice@example.com", sub} {
		w.signIn(name, goodPassword)
	}
	sensitive := emailPool()
	sensitive.CaseSensitive = true
	w = newWorld(t, sensitive)
	w.confirmed("Alice@Example.com")
	w.signIn("Alice@Example.com", goodPassword)
	w.refused("InitiateAuth", w.passwordAuth("alice@example.com", goodPassword), "UserNotFoundException", "User does not exist.")
}

func TestSecretHashOfNameOrUsername(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.confirmed("a@example.com")
	cl := w.svc.Pool("UserPool").Client("secret")
	in := func(hashed string) obj {
		return obj{"ClientId": cl.ID(), "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{
			"USERNAME": "a@example.com", "PASSWORD": goodPassword, "SECRET_HASH": cognito.SecretHash(cl.Secret(), hashed, cl.ID())}}
	}
	tk := w.tokensOf(w.do("InitiateAuth", in("a@example.com")))
	w.do("InitiateAuth", in(sub))
	w.refused("InitiateAuth", in("b@example.com"), "NotAuthorizedException", "Unable to verify secret hash for client "+cl.ID())
	refresh := func(hash string) obj {
		return obj{"ClientId": cl.ID(), "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": tk.refresh, "SECRET_HASH": hash}}
	}
	w.do("InitiateAuth", refresh(cognito.SecretHash(cl.Secret(), sub, cl.ID())))
	w.refused("InitiateAuth", refresh("eA=="), "NotAuthorizedException", "Unable to verify secret hash for client "+cl.ID())
	w.refused("InitiateAuth", refresh(""), "NotAuthorizedException", "Client "+cl.ID()+" is configured with secret but SECRET_HASH was not received")
}

func TestLockAfterFailures(t *testing.T) {
	for _, tt := range []struct{ name, client, user, right string }{
		{"a user", "web", "a@example.com", "ok"},
		{"a name without a user, hidden", "hiding", "nobody@example.com", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, emailPool())
			w.confirmed("a@example.com")
			wrong := with(w.passwordAuth(tt.user, "Wr0ngPass!"), obj{"ClientId": w.client(tt.client)})
			for range 5 {
				w.refused("InitiateAuth", wrong, "NotAuthorizedException", wrongPassword)
			}
			w.refused("InitiateAuth", wrong, "NotAuthorizedException", locked)
			right := with(wrong, obj{"AuthParameters": obj{"USERNAME": tt.user, "PASSWORD": goodPassword}})
			w.refused("InitiateAuth", right, "NotAuthorizedException", locked)
			w.advance(time.Second) // attempts during the lock have not extended it
			w.refused("InitiateAuth", wrong, "NotAuthorizedException", wrongPassword)
			w.advance(time.Second)
			w.refused("InitiateAuth", wrong, "NotAuthorizedException", locked)
			w.advance(time.Second)
			if tt.right != "" {
				w.do("InitiateAuth", right)
				w.refused("InitiateAuth", wrong, "NotAuthorizedException", wrongPassword) // a success forgets the failures
			}
		})
	}
}

func TestLockTime(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		5: time.Second, 6: 2 * time.Second, 8: 8 * time.Second, 14: 512 * time.Second, 15: 15 * time.Minute, 1000: 15 * time.Minute,
	} {
		if got := cognito.LockTime(failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
}

// temporary creates a user with a temporary password and gives the answer to
// its sign-in.
func (w *world) temporary(name string) obj {
	w.t.Helper()
	w.do("AdminCreateUser", with(w.user(name), obj{"TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS"}))
	return w.do("InitiateAuth", w.passwordAuth(name, "Temp0rary!"))
}

func (w *world) newPassword(session, name string) obj {
	return obj{"ClientId": w.client("web"), "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session,
		"ChallengeResponses": obj{"USERNAME": name, "NEW_PASSWORD": goodPassword}}
}

func TestNewPasswordRequired(t *testing.T) {
	pool := emailPool()
	pool.Schema = []cognito.SchemaAttribute{{Name: "name", Required: true}}
	w := newWorld(t, pool)
	created := w.do("AdminCreateUser", with(w.user("a@example.com"), obj{"TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS", "UserAttributes": attrs("name", "Al")}))
	sub := created["User"].(obj)["Username"].(string)
	out := w.do("InitiateAuth", w.passwordAuth("a@example.com", "Temp0rary!"))
	if out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || out["AuthenticationResult"] != nil {
		t.Fatalf("InitiateAuth: %v", out)
	}
	params := out["ChallengeParameters"].(obj)
	var required []string
	values := map[string]string{}
	if err := json.Unmarshal([]byte(params["requiredAttributes"].(string)), &required); err != nil || required == nil || len(required) != 0 {
		t.Errorf("requiredAttributes: %v %v", params["requiredAttributes"], err)
	}
	if err := json.Unmarshal([]byte(params["userAttributes"].(string)), &values); err != nil || !reflect.DeepEqual(values, map[string]string{"email": "a@example.com", "name": "Al"}) {
		t.Errorf("userAttributes: %v %v", params["userAttributes"], err)
	}
	if params["USER_ID_FOR_SRP"] != sub || len(params) != 3 {
		t.Errorf("ChallengeParameters: %v", params)
	}
	session := out["Session"].(string)
	answer := w.newPassword(session, sub)
	responses := func(more obj) obj {
		return with(answer, obj{"ChallengeResponses": with(answer["ChallengeResponses"].(obj), more)})
	}
	for _, tt := range []struct {
		in            obj
		code, message string
	}{
		{responses(obj{"NEW_PASSWORD": "short"}), "InvalidPasswordException", "Password did not conform with policy: Password not long enough"},
		{responses(obj{"userAttributes.email_verified": "true"}), "NotAuthorizedException", "A client attempted to write unauthorized attribute"},
		{responses(obj{"USERNAME": ""}), "InvalidParameterException", "Missing required parameter USERNAME"},
		{responses(obj{"NEW_PASSWORD": ""}), "InvalidParameterException", "Missing required parameter NEW_PASSWORD"},
		{with(answer, obj{"Session": nil}), "InvalidParameterException", "Missing required parameter Session"},
		{with(answer, obj{"Session": session + "x"}), "NotAuthorizedException", "Invalid session for the user."},
		{with(answer, obj{"ClientId": w.client("hiding")}), "NotAuthorizedException", "Invalid session for the user."},
		{with(answer, obj{"ChallengeName": "WEB_AUTHN"}), "UnsupportedOperationException", "WEB_AUTHN is a challenge of Amazon Cognito that Doorwright does not emulate."},
	} {
		w.refused("RespondToAuthChallenge", tt.in, tt.code, tt.message)
	}
	// Refused answers did not use the session up.
	w.tokensOf(w.do("RespondToAuthChallenge", responses(obj{"userAttributes.name": "Alice"})))
	if got := w.statusOf("a@example.com"); got != "CONFIRMED" {
		t.Errorf("status %s", got)
	}
	if got := w.attributesOf("a@example.com")["name"]; got != "Alice" {
		t.Errorf("name %q", got)
	}
	w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	w.signIn("a@example.com", goodPassword)
}

func TestSessionsAreBound(t *testing.T) {
	w := newWorld(t, emailPool(), aliasPool())
	mine := w.temporary("a@example.com")["Session"].(string)
	w.temporary("b@example.com")
	w.refused("RespondToAuthChallenge", w.newPassword(mine, "b@example.com"), "NotAuthorizedException", "Invalid session for the user.")
	w.refused("RespondToAuthChallenge", w.newPassword(mine, "nobody@example.com"), "NotAuthorizedException", "Invalid session for the user.")
	w.advance(3 * time.Minute)
	w.refused("RespondToAuthChallenge", w.newPassword(mine, "a@example.com"), "NotAuthorizedException", "Invalid session for the user, session is expired.")
	mine = w.do("InitiateAuth", w.passwordAuth("a@example.com", "Temp0rary!"))["Session"].(string)
	admin := with(w.newPassword(mine, "a@example.com"), obj{"UserPoolId": w.pool()})
	w.refused("AdminRespondToAuthChallenge", with(admin, obj{"UserPoolId": w.svc.Pool("AliasPool").ID()}), "ResourceNotFoundException", "User pool client "+w.client("web")+" does not exist.")
	// A password that an administrator sets ends the sessions of the old one.
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": "An0ther1!"}))
	w.refused("AdminRespondToAuthChallenge", admin, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	mine = w.do("InitiateAuth", w.passwordAuth("a@example.com", "An0ther1!"))["Session"].(string)
	w.tokensOf(w.do("AdminRespondToAuthChallenge", with(admin, obj{"Session": mine})))
}

func TestTemporaryPasswordExpires(t *testing.T) {
	w := newWorld(t, emailPool())
	w.temporary("a@example.com")
	w.advance(7 * 24 * time.Hour)
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", "Temp0rary!"), "NotAuthorizedException", "Temporary password has expired and must be reset by an administrator.")
	w.do("AdminCreateUser", with(w.user("a@example.com"), obj{"TemporaryPassword": "Temp0rary2!", "MessageAction": "RESEND", "DesiredDeliveryMediums": []string{"EMAIL"}}))
	if w.code() != "Temp0rary2!" {
		t.Errorf("the invitation has %q", w.code())
	}
	if out := w.do("InitiateAuth", w.passwordAuth("a@example.com", "Temp0rary2!")); out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("InitiateAuth: %v", out)
	}
}

// TestAttemptsAreForgotten has failed sign-ins of a user, of a user who is then
// deleted, and of names that are nobody's. What still counts stays; the user's
// rows go with the user, and all go once they count no more.
func TestAttemptsAreForgotten(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	w.confirmed("gone@example.com")
	rows := func() (n int) {
		t.Helper()
		if err := w.svc.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := w.stage.DB().Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow("SELECT count(*) FROM cognito_attempt").Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	fail := func(name string) {
		in := with(w.passwordAuth(name, "Wr0ng!wrong"), obj{"ClientId": w.client("hiding")})
		w.refused("InitiateAuth", in, "NotAuthorizedException", wrongPassword)
	}
	for range 5 { // the fifth locks
		fail("a@example.com")
	}
	for i := range 3 {
		fail(fmt.Sprintf("nobody%d@example.com", i))
	}
	fail("gone@example.com")
	if n := rows(); n != 5 {
		t.Errorf("%d names have attempts; want 5", n)
	}
	w.do("AdminDeleteUser", w.user("gone@example.com"))
	if n := rows(); n != 4 {
		t.Errorf("%d names have attempts after one's user was deleted; want 4", n)
	}
	w.advance(15 * time.Minute) // not yet forgotten: the sixth failure locks for two seconds
	if n := rows(); n != 4 {
		t.Errorf("after 15 minutes %d names have attempts; want 4", n)
	}
	fail("a@example.com")
	w.advance(time.Second)
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "NotAuthorizedException", locked)
	if n := rows(); n != 1 {
		t.Errorf("a second later %d names have attempts; want 1", n)
	}
	w.advance(16 * time.Minute)
	if n := rows(); n != 0 {
		t.Errorf("16 minutes later %d names have attempts; want none", n)
	}
}
