package cognito_test

import (
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

const (
	codeMismatch = "Invalid verification code provided, please try again."
	codeExpired  = "Invalid code provided, please request a code again."
	noChannel    = "Cannot reset password for the user as there is no registered/verified email or phone_number"
	limit        = "Attempt limit exceeded, please try after some time."
)

func TestForgotPassword(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com"}
	confirm := func(code string) obj { return with(in, obj{"ConfirmationCode": code, "Password": "N3wPassw0rd!"}) }
	w.refused("ConfirmForgotPassword", confirm("123456"), "ExpiredCodeException", codeExpired)
	out := w.do("ForgotPassword", in)
	if d := out["CodeDeliveryDetails"].(obj); d["Destination"] != "a***@e***" || d["AttributeName"] != "email" {
		t.Errorf("ForgotPassword: %v", out)
	}
	w.signIn("a@example.com", goodPassword) // the old one works until the new one is set
	w.refused("ConfirmForgotPassword", confirm(w.wrongCode()), "CodeMismatchException", codeMismatch)
	w.refused("ConfirmForgotPassword", with(confirm(w.code()), obj{"Password": "weakpass"}), "InvalidPasswordException",
		"Password did not conform with policy: Password must have uppercase characters")
	if a := w.send("ConfirmForgotPassword", confirm(w.code())); a.status != 200 || a.body != "{}" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.refused("ConfirmForgotPassword", confirm(w.code()), "ExpiredCodeException", codeExpired)
	w.signIn("a@example.com", "N3wPassw0rd!")
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "NotAuthorizedException", wrongPassword)
	w.do("ForgotPassword", in)
	w.advance(time.Hour)
	w.refused("ConfirmForgotPassword", confirm(w.code()), "ExpiredCodeException", codeExpired)
}

func TestForgotPasswordRefusals(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("unverified@example.com")
	w.do("AdminConfirmSignUp", w.user("unverified@example.com"))
	w.temporary("temporary@example.com")
	w.confirmed("disabled@example.com")
	w.do("AdminDisableUser", w.user("disabled@example.com"))
	fake := func(name, destination string) {
		t.Helper()
		sent := len(w.codes)
		out := w.do("ForgotPassword", obj{"ClientId": w.client("hiding"), "Username": name})
		if got := out["CodeDeliveryDetails"].(obj)["Destination"]; got != destination || len(w.codes) != sent {
			t.Errorf("%s: destination %v, %d codes", name, got, len(w.codes)-sent)
		}
	}
	legacy := func(name, code, message string) {
		t.Helper()
		w.refused("ForgotPassword", obj{"ClientId": w.client("web"), "Username": name}, code, message)
	}
	legacy("nobody@example.com", "UserNotFoundException", "Username/client id combination not found.")
	fake("nobody@example.com", "n***@e***")
	legacy("unverified@example.com", "InvalidParameterException", noChannel)
	fake("unverified@example.com", "u***@e***")
	legacy("disabled@example.com", "NotAuthorizedException", "User is disabled.")
	fake("disabled@example.com", "d***@e***")
	legacy("temporary@example.com", "NotAuthorizedException", "User password cannot be reset in the current state.")
	fake("temporary@example.com", "t***@e***")
	fake("+15551235555", "+*******5555")
	in := obj{"ConfirmationCode": "123456", "Password": goodPassword}
	for _, name := range []string{"nobody@example.com", "disabled@example.com", "temporary@example.com", "unverified@example.com"} {
		w.refused("ConfirmForgotPassword", with(in, obj{"ClientId": w.client("hiding"), "Username": name}), "CodeMismatchException", codeMismatch)
	}
	w.refused("ConfirmForgotPassword", with(in, obj{"ClientId": w.client("web"), "Username": "nobody@example.com"}), "UserNotFoundException", "Username/client id combination not found.")
	for _, op := range []string{"ConfirmSignUp", "ResendConfirmationCode"} {
		w.refused(op, with(in, obj{"ClientId": w.client("web"), "Username": "nobody@example.com"}), "UserNotFoundException", "Username/client id combination not found.")
	}
	w.refused("ConfirmSignUp", with(in, obj{"ClientId": w.client("hiding"), "Username": "nobody@example.com"}), "CodeMismatchException", codeMismatch)
}

// The limits hold for names with and without a user alike.
func TestForgotPasswordIsLimited(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	for _, name := range []string{"a@example.com", "nobody@example.com"} {
		in := obj{"ClientId": w.client("hiding"), "Username": name}
		for range 5 {
			w.do("ForgotPassword", in)
		}
		w.refused("ForgotPassword", in, "LimitExceededException", limit)
	}
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.wrongCode(), "Password": goodPassword}
	for range 5 {
		w.refused("ConfirmForgotPassword", in, "CodeMismatchException", codeMismatch)
	}
	w.refused("ConfirmForgotPassword", with(in, obj{"ConfirmationCode": w.code()}), "LimitExceededException", limit)
}

func TestAdminResetUserPassword(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("unconfirmed@example.com")
	w.temporary("temporary@example.com")
	const impossible = "User password cannot be reset in the current state."
	w.refused("AdminResetUserPassword", w.user("unconfirmed@example.com"), "NotAuthorizedException", impossible)
	w.refused("AdminResetUserPassword", w.user("temporary@example.com"), "NotAuthorizedException", impossible)
	w.do("AdminConfirmSignUp", w.user("unconfirmed@example.com"))
	w.refused("AdminResetUserPassword", w.user("unconfirmed@example.com"), "InvalidParameterException", noChannel)
	w.refused("AdminResetUserPassword", w.user("nobody@example.com"), "UserNotFoundException", "User does not exist.")
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	w.do("AdminResetUserPassword", w.user("a@example.com"))
	w.refused("GetUser", obj{"AccessToken": tk.access}, "PasswordResetRequiredException", "Password reset required for the user")
	w.refused("InitiateAuth", w.refresh("web", tk.refresh), "PasswordResetRequiredException", "Password reset required for the user")
}

func TestChangePassword(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	in := obj{"AccessToken": tk.access, "PreviousPassword": goodPassword, "ProposedPassword": "N3wPassw0rd!"}
	w.refused("ChangePassword", with(in, obj{"PreviousPassword": "Wr0ngPass!"}), "NotAuthorizedException", wrongPassword)
	w.refused("ChangePassword", with(in, obj{"PreviousPassword": nil}), "NotAuthorizedException", wrongPassword)
	w.refused("ChangePassword", with(in, obj{"ProposedPassword": "weakpass"}), "InvalidPasswordException",
		"Password did not conform with policy: Password must have uppercase characters")
	if a := w.send("ChangePassword", in); a.status != 200 || a.body != "{}" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.do("GetUser", obj{"AccessToken": tk.access}) // no token was revoked
	w.signIn("a@example.com", "N3wPassw0rd!")
	w.refused("ChangePassword", in, "NotAuthorizedException", wrongPassword)
	w.refused("ChangePassword", in, "NotAuthorizedException", wrongPassword)
	w.refused("ChangePassword", with(in, obj{"PreviousPassword": "N3wPassw0rd!"}), "LimitExceededException", limit)
}

func TestAdminSetUserPassword(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	in := with(w.user("a@example.com"), obj{"Password": "N3wPassw0rd!"})
	w.refused("AdminSetUserPassword", with(in, obj{"Password": "weakpass"}), "InvalidPasswordException",
		"Password did not conform with policy: Password must have uppercase characters")
	w.refused("AdminSetUserPassword", with(in, obj{"Username": "nobody@example.com"}), "UserNotFoundException", "User does not exist.")
	w.do("AdminSetUserPassword", in)
	if got := w.statusOf("a@example.com"); got != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("status %s", got)
	}
	w.do("AdminSetUserPassword", with(in, obj{"Permanent": true}))
	if got := w.statusOf("a@example.com"); got != "CONFIRMED" {
		t.Errorf("status %s", got)
	}
	w.signIn("a@example.com", "N3wPassw0rd!")
}

// The generated temporary password satisfies any policy.
func TestGeneratedPasswords(t *testing.T) {
	pool := emailPool()
	pool.PasswordPolicy = &cognito.PasswordPolicy{MinimumLength: 40, RequireLowercase: true, RequireUppercase: true, RequireNumbers: true, RequireSymbols: true}
	w := newWorld(t, pool)
	seen := map[string]bool{}
	for _, name := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		w.do("AdminCreateUser", with(w.user(name), obj{"DesiredDeliveryMediums": []string{"EMAIL"}}))
		password := w.code()
		if seen[password] || len(password) != 40 {
			t.Errorf("password %q", password)
		}
		seen[password] = true
		w.do("AdminSetUserPassword", with(w.user(name), obj{"Password": password})) // the policy accepts it
		if out := w.do("InitiateAuth", w.passwordAuth(name, password)); out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" {
			t.Errorf("%v", out)
		}
	}
}

// The counters of a name without a user run as those of a user do.
func TestLimitsDoNotTellWhoExists(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	for _, name := range []string{"a@example.com", "nobody@example.com"} {
		in := obj{"ClientId": w.client("hiding"), "Username": name}
		confirm := with(in, obj{"ConfirmationCode": "x", "Password": goodPassword})
		for range 5 {
			w.do("ForgotPassword", in)
		}
		for range 5 {
			w.refused("ConfirmForgotPassword", confirm, "CodeMismatchException", codeMismatch)
		}
		w.refused("ConfirmForgotPassword", confirm, "LimitExceededException", limit)
		w.refused("ForgotPassword", in, "LimitExceededException", limit)
	}
}
