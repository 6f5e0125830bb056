package cognito_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestErrorsOfChallenges holds the codes and texts of refusals around
// challenges. Of some texts AWS's is not certain, or it was not seen; of those
// the code alone is held, and what they say here is ours:
//
//   - that the pool takes no software token, that none was associated, and that
//     it was asked too often
//   - that a token was given out and not verified (two texts were seen)
//   - that a factor cannot be switched on or off, or is not the pool's
//   - that there is nothing to use the factors with
//   - that a challenge or an MFA type cannot be chosen
func TestErrorsOfChallenges(t *testing.T) {
	p := choicePool("PASSWORD", "EMAIL_OTP")
	p.MFA, p.EnabledMFAs = "OPTIONAL", []string{"SOFTWARE_TOKEN_MFA", "EMAIL_OTP"}
	w := newWorld(t, p)
	secret, sub := w.withTOTP("totp@example.com")
	mail := w.reachable("mail@example.com")
	w.prefer(mail, obj{"EmailMfaSettings": settings(true, true)})
	w.confirmed("free@example.com")
	access := w.signIn("free@example.com", goodPassword).access
	pending := w.confirmed("pending@example.com")
	pendingAccess := w.signIn("pending@example.com", goodPassword).access
	w.do("AssociateSoftwareToken", obj{"AccessToken": pendingAccess})
	password := func(name string) any {
		return w.do("InitiateAuth", w.passwordAuth(name, goodPassword))["Session"]
	}
	choice := func(preferred string) any {
		return w.do("InitiateAuth", w.userAuth("web", "free@example.com", preferred, nil))["Session"]
	}
	used, old := password(sub), password(sub)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(used, sub, w.totp(secret, 0))))
	w.advance(3 * time.Minute)
	fresh := w.totp(secret, 0)
	again := password(sub)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(password(sub), sub, fresh)))
	nobody := "" // one of the names that can choose a password
	for i := 0; nobody == ""; i++ {
		name := fmt.Sprintf("nobody%d@example.com", i)
		if list := w.do("InitiateAuth", w.userAuth("hiding", name, "", nil))["AvailableChallenges"]; slices.Contains(list.([]any), any("PASSWORD")) {
			nobody = name
		}
	}

	for _, tt := range []struct {
		name, operation string
		in              obj
		code, message   string // no message: the text is ours
	}{
		{"wrong TOTP", "RespondToAuthChallenge", w.totpAnswer(again, sub, w.wrongTOTP(secret)), "CodeMismatchException", "Invalid code received for user"},
		{"TOTP twice", "RespondToAuthChallenge", w.totpAnswer(again, sub, fresh), "ExpiredCodeException", "Your software token has already been used once."},
		{"wrong e-mail code", "RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", password(mail), mail, "x"), "CodeMismatchException", "Invalid code or auth state for the user."},
		{"wrong one-time password", "RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", choice("EMAIL_OTP"), "free@example.com", "x"), "CodeMismatchException", "Invalid code or auth state for the user."},
		{"session expired", "RespondToAuthChallenge", w.totpAnswer(old, sub, fresh), "NotAuthorizedException", "Invalid session for the user, session is expired."},
		{"session used", "RespondToAuthChallenge", w.totpAnswer(used, sub, fresh), "NotAuthorizedException", "Invalid session for the user, session can only be used once."},
		{"no such session", "RespondToAuthChallenge", w.totpAnswer(strings.Repeat("x", 20), sub, fresh), "NotAuthorizedException", "Invalid session for the user."},
		{"short session", "RespondToAuthChallenge", w.totpAnswer("x", sub, fresh), "InvalidParameterException", "1 validation error detected: Value at 'session' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		{"wrong password of a choice", "RespondToAuthChallenge", w.answer("PASSWORD", choice("PASSWORD"), "free@example.com", obj{"PASSWORD": "Wr0ngPass!"}), "NotAuthorizedException", "Incorrect username or password."},
		{"no user", "InitiateAuth", w.userAuth("web", "nobody@example.com", "", nil), "UserNotFoundException", "User does not exist."},
		{"no user, hidden", "InitiateAuth", w.userAuth("hiding", nobody, "PASSWORD", obj{"PASSWORD": goodPassword}), "NotAuthorizedException", "Incorrect username or password."},
		{"no parameter", "RespondToAuthChallenge", w.answer("SMS_OTP", strings.Repeat("x", 20), sub, nil), "InvalidParameterException", "Missing required parameter SMS_OTP_CODE"},
		{"no token", "GetUserAuthFactors", obj{"AccessToken": "x"}, "NotAuthorizedException", "Invalid Access Token"},
		{"wrong code of a new token", "VerifySoftwareToken", obj{"AccessToken": pendingAccess, "UserCode": "000000"}, "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"},
		{"nothing to switch on", "SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(true, true)}, "InvalidParameterException", "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA"},
		{"off and configured", "SetUserPoolMfaConfig", obj{"UserPoolId": w.pool(), "MfaConfiguration": "OFF", "EmailMfaConfiguration": obj{}}, "InvalidParameterException", "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."},

		{"no token associated", "VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "000000"}, "InvalidParameterException", ""},
		{"token not verified", "AdminSetUserMFAPreference", with(w.user(pending), obj{"SoftwareTokenMfaSettings": settings(true, true)}), "InvalidParameterException", ""},
		{"factor not of the pool", "AdminSetUserMFAPreference", with(w.user(mail), obj{"SMSMfaSettings": settings(true, true)}), "InvalidParameterException", ""},
		{"preferred and off", "AdminSetUserMFAPreference", with(w.user(mail), obj{"EmailMfaSettings": settings(false, true)}), "InvalidParameterException", ""},
		{"choice not available", "RespondToAuthChallenge", w.answer("SELECT_CHALLENGE", choice(""), "free@example.com", obj{"ANSWER": "SMS_OTP"}), "InvalidParameterException", ""},
		{"declared", "SetUserPoolMfaConfig", obj{"UserPoolId": w.pool(), "MfaConfiguration": "ON"}, "InvalidParameterException", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			a := w.send(tt.operation, tt.in)
			if tt.message != "" {
				w.checkRefusal(tt.operation, a, 400, tt.code, tt.message)
			} else if a.status != 400 || a.header.Get("x-amzn-ErrorType") != tt.code+":" {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}
