package cognito_test

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/cognito"
)

const (
	invalidSession = "Invalid session for the user."
	sessionUsed    = "Invalid session for the user, session can only be used once."
	sessionExpired = "Invalid session for the user, session is expired."
	totpMismatch   = "Invalid code received for user"
	totpUsed       = "Your software token has already been used once."
)

// The vectors of RFC 6238 appendix B for SHA-1, of whose eight digits the last
// six are the code of six.
func TestTOTPVectors(t *testing.T) {
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := cognito.TOTPCode([]byte("12345678901234567890"), at/30); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
}

// mfaPool is the pool of the walk-through with MFA. Its clients "other" and
// "hiding mfa" are like "web".
func mfaPool(mode string, factors ...string) cognito.PoolConfig {
	p := emailPool()
	p.MFA, p.EnabledMFAs = mode, factors
	flows := []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
	p.Clients = append(p.Clients, cognito.ClientConfig{Name: "other", ExplicitAuthFlows: flows})
	return p
}

// totp gives the code of a SecretCode now, or that many steps from now.
func (w *world) totp(secret any, off int64) string {
	w.t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret.(string))
	if err != nil {
		w.t.Fatal(err)
	}
	return cognito.TOTPCode(key, w.clock().Unix()/30+off)
}

// wrongTOTP gives a code that is of no step that could be taken.
func (w *world) wrongTOTP(secret any) string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		if !slices.ContainsFunc([]int64{-2, -1, 0, 1, 2}, func(off int64) bool { return w.totp(secret, off) == code }) {
			return code
		}
	}
}

// token sets up a software token with an access token, and gives its secret.
func (w *world) token(access string) any {
	w.t.Helper()
	secret := w.do("AssociateSoftwareToken", obj{"AccessToken": access})["SecretCode"]
	out := w.do("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": w.totp(secret, 0)})
	if out["Status"] != "SUCCESS" {
		w.t.Fatalf("got %v", out)
	}
	return secret
}

func settings(enabled, preferred bool) obj { return obj{"Enabled": enabled, "PreferredMfa": preferred} }

// withTOTP makes a user whose software token is on; the code of that moment is
// used up, and the clock is past it.
func (w *world) withTOTP(name string) (secret any, sub string) {
	w.t.Helper()
	sub = w.confirmed(name)
	access := w.signIn(name, goodPassword).access
	secret = w.token(access)
	w.do("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(true, false)})
	w.advance(time.Minute)
	return secret, sub
}

// answer gives an answer to a challenge through the client "web".
func (w *world) answer(challenge string, session any, name string, more obj) obj {
	return obj{"ClientId": w.client("web"), "ChallengeName": challenge, "Session": session, "ChallengeResponses": with(obj{"USERNAME": name}, more)}
}

func (w *world) totpAnswer(session any, name, code string) obj {
	return w.answer("SOFTWARE_TOKEN_MFA", session, name, obj{"SOFTWARE_TOKEN_MFA_CODE": code})
}

// challenged sends what must be answered with a challenge.
func (w *world) challenged(operation string, in obj, challenge string) obj {
	w.t.Helper()
	out := w.do(operation, in)
	if out["ChallengeName"] != challenge || out["Session"] == nil || out["AuthenticationResult"] != nil {
		w.t.Fatalf("got %v, want the challenge %s", out, challenge)
	}
	return out
}

func TestSoftwareToken(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	sub := w.confirmed("a@example.com")
	access := w.signIn("a@example.com", goodPassword).access
	first := w.do("AssociateSoftwareToken", obj{"AccessToken": access})
	if secret := first["SecretCode"].(string); len(secret) != 52 || first["Session"] != nil {
		t.Errorf("got %v", first)
	}
	// Given out is not verified, and verified is not on.
	on := obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(true, true)}
	w.refused("SetUserMFAPreference", on, "InvalidParameterException", "User has not verified software token mfa")
	verify := obj{"AccessToken": access, "UserCode": w.wrongTOTP(first["SecretCode"]), "FriendlyDeviceName": "phone"}
	w.refused("VerifySoftwareToken", verify, "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
	second := w.do("AssociateSoftwareToken", obj{"AccessToken": access})["SecretCode"]
	w.refused("VerifySoftwareToken", with(verify, obj{"UserCode": w.totp(first["SecretCode"], 0)}), "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
	w.do("VerifySoftwareToken", with(verify, obj{"UserCode": w.totp(second, 0)}))
	w.signIn("a@example.com", goodPassword)
	if got := w.do("GetUser", obj{"AccessToken": access}); got["PreferredMfaSetting"] != nil || got["UserMFASettingList"] != nil {
		t.Errorf("got %v", got)
	}
	w.do("SetUserMFAPreference", on)
	for operation, in := range map[string]obj{"GetUser": {"AccessToken": access}, "AdminGetUser": w.user("a@example.com"), "GetUserAuthFactors": {"AccessToken": access}} {
		if got := w.do(operation, in); got["PreferredMfaSetting"] != "SOFTWARE_TOKEN_MFA" || fmt.Sprint(got["UserMFASettingList"]) != "[SOFTWARE_TOKEN_MFA]" {
			t.Errorf("%s gives %v", operation, got)
		}
	}

	out := w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
	if got := fmt.Sprint(out["ChallengeParameters"]); got != fmt.Sprint(obj{"USER_ID_FOR_SRP": sub, "FRIENDLY_DEVICE_NAME": "phone"}) {
		t.Errorf("got %s", got)
	}
	// The code that verified the token is used up, as is any other.
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(second, 0)), "ExpiredCodeException", totpUsed)
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(second, -1)), "ExpiredCodeException", totpUsed)
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.wrongTOTP(second)), "CodeMismatchException", totpMismatch)
	done := w.do("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(second, 1)))
	if w.tokensOf(done); fmt.Sprint(done["ChallengeParameters"]) != "map[]" {
		t.Errorf("got %v", done)
	}
	out = w.challenged("AdminInitiateAuth", with(w.passwordAuth("a@example.com", goodPassword), obj{"UserPoolId": w.pool(), "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}), "SOFTWARE_TOKEN_MFA")
	w.advance(30 * time.Second) // to the step whose code was taken
	admin := with(w.totpAnswer(out["Session"], "a@example.com", w.totp(second, 0)), obj{"UserPoolId": w.pool()})
	w.refused("AdminRespondToAuthChallenge", admin, "ExpiredCodeException", totpUsed)
	w.advance(30 * time.Second)
	w.tokensOf(w.do("AdminRespondToAuthChallenge", with(admin, obj{"ChallengeResponses": obj{"USERNAME": "a@example.com", "SOFTWARE_TOKEN_MFA_CODE": w.totp(second, 0)}})))

	// A new token takes the place of the old one once it is verified.
	w.advance(time.Minute)
	third := w.do("AssociateSoftwareToken", obj{"AccessToken": access})["SecretCode"]
	out = w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(third, 0)), "CodeMismatchException", totpMismatch)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(second, 0))))
	w.do("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": w.totp(third, 0)})
	w.advance(time.Minute)
	out = w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(second, 0)), "CodeMismatchException", totpMismatch)
	w.restart()
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(third, 0))))

	// Off is off.
	w.do("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(false, false)})
	w.signIn("a@example.com", goodPassword)
}

// The clock of the token may be off by a step to either side, not by two.
func TestTOTPWindow(t *testing.T) {
	for off, good := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
		secret, sub := w.withTOTP("a@example.com")
		w.advance(time.Hour)
		out := w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
		if in := w.totpAnswer(out["Session"], sub, w.totp(secret, off)); good {
			w.tokensOf(w.do("RespondToAuthChallenge", in))
		} else {
			w.refused("RespondToAuthChallenge", in, "CodeMismatchException", totpMismatch)
		}
	}
}

func TestTOTPAfterSRP(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, sub := w.withTOTP("a@example.com")
	c := newSRPClient(vectorA)
	out := w.challenged("RespondToAuthChallenge", w.srpAnswer(c, "other", w.startSRP(c, "other", "a@example.com"), goodPassword), "SOFTWARE_TOKEN_MFA")
	// The session is of the client that it began with.
	in := w.totpAnswer(out["Session"], sub, w.totp(secret, 0))
	w.refused("RespondToAuthChallenge", in, "NotAuthorizedException", invalidSession)
	w.tokensOf(w.do("RespondToAuthChallenge", with(in, obj{"ClientId": w.client("other")})))
}

// TestMFASessionsAreHeld: a session of a second factor is for one user, one
// client, one challenge, one use and a few minutes.
func TestMFASessionsAreHeld(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, sub := w.withTOTP("a@example.com")
	other, _ := w.withTOTP("b@example.com")
	start := func() any {
		return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")["Session"]
	}
	refused := func(in obj, message string) {
		t.Helper()
		w.refused("RespondToAuthChallenge", in, "NotAuthorizedException", message)
	}
	good := w.totpAnswer(start(), sub, w.totp(secret, 0))
	refused(answering(good, obj{"USERNAME": "b@example.com"}), invalidSession)
	refused(answering(good, obj{"USERNAME": "b@example.com", "SOFTWARE_TOKEN_MFA_CODE": w.totp(other, 0)}), invalidSession)
	refused(answering(good, obj{"USERNAME": "nobody@example.com"}), invalidSession)
	refused(with(good, obj{"ClientId": w.client("other")}), invalidSession)
	refused(with(good, obj{"Session": strings.Repeat("A", 100)}), invalidSession)
	refused(w.answer("MFA_SETUP", good["Session"], sub, nil), invalidSession)
	refused(w.answer("SELECT_MFA_TYPE", good["Session"], sub, obj{"ANSWER": "SOFTWARE_TOKEN_MFA"}), invalidSession)
	refused(with(w.newPassword(good["Session"].(string), sub), obj{}), invalidSession)
	for name, in := range map[string]obj{"AssociateSoftwareToken": {}, "VerifySoftwareToken": {"UserCode": "123456"}} {
		w.refused(name, with(in, obj{"Session": good["Session"]}), "NotAuthorizedException", invalidSession)
	}
	for _, name := range []string{"USERNAME", "SOFTWARE_TOKEN_MFA_CODE"} {
		w.refused("RespondToAuthChallenge", answering(good, obj{name: ""}), "InvalidParameterException", "Missing required parameter "+name)
	}
	w.refused("RespondToAuthChallenge", with(good, obj{"Session": nil}), "InvalidParameterException", "Missing required parameter Session")
	w.tokensOf(w.do("RespondToAuthChallenge", good))
	refused(good, sessionUsed)

	session := start()
	w.advance(3 * time.Minute)
	refused(w.totpAnswer(session, sub, w.totp(secret, 0)), sessionExpired)
	session = start()
	w.do("AdminSetUserMFAPreference", with(w.user("a@example.com"), obj{"SoftwareTokenMfaSettings": settings(false, false)}))
	refused(w.totpAnswer(session, sub, w.totp(secret, 0)), invalidSession)
	w.do("AdminSetUserMFAPreference", with(w.user("a@example.com"), obj{"SoftwareTokenMfaSettings": settings(true, false)}))
	w.do("AdminDisableUser", w.user("a@example.com"))
	refused(w.totpAnswer(session, sub, w.totp(secret, 0)), "User is disabled.")
	w.do("AdminEnableUser", w.user("a@example.com"))
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": "An0ther-one", "Permanent": true}))
	refused(w.totpAnswer(session, sub, w.totp(secret, 0)), invalidSession)
	session = w.challenged("InitiateAuth", w.passwordAuth("a@example.com", "An0ther-one"), "SOFTWARE_TOKEN_MFA")["Session"]
	w.do("AdminDeleteUser", w.user("a@example.com"))
	refused(w.totpAnswer(session, "a@example.com", w.totp(secret, 0)), invalidSession)
}

// TestMFAAnswersRace: of answers at once to one challenge one wins, and one
// code opens one session although there are many.
func TestMFAAnswersRace(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, sub := w.withTOTP("a@example.com")
	start := func() any {
		return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")["Session"]
	}
	session := start()
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return w.totpAnswer(session, sub, w.totp(secret, 0)) }), sessionUsed)
	w.advance(time.Minute)
	sessions := make([]any, 8)
	for i := range sessions {
		sessions[i] = start()
	}
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(i int) obj { return w.totpAnswer(sessions[i], sub, w.totp(secret, 0)) }), totpUsed)
}

// TestTOTPGuessing: wrong codes are counted for the user across sessions, and
// what is right is refused during the lock.
func TestTOTPGuessing(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, sub := w.withTOTP("a@example.com")
	start := func() any {
		return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")["Session"]
	}
	session := start()
	for i := range 10 {
		if i == 6 {
			session = start()
		}
		w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.wrongTOTP(secret)), "CodeMismatchException", totpMismatch)
	}
	w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.totp(secret, 0)), "NotAuthorizedException", locked)
	w.refused("RespondToAuthChallenge", w.totpAnswer(start(), sub, w.totp(secret, 0)), "NotAuthorizedException", locked)
	w.restart()
	w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.totp(secret, 0)), "NotAuthorizedException", locked)
	w.advance(time.Second)
	w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.wrongTOTP(secret)), "CodeMismatchException", totpMismatch)
	w.advance(time.Second)
	w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.totp(secret, 0)), "NotAuthorizedException", locked)
	w.advance(time.Second)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(session, sub, w.totp(secret, 0))))
	w.refused("RespondToAuthChallenge", w.totpAnswer(start(), sub, w.wrongTOTP(secret)), "CodeMismatchException", totpMismatch) // forgotten
}

func TestMFASetup(t *testing.T) {
	w := newWorld(t, mfaPool("ON", "SOFTWARE_TOKEN_MFA"))
	out := w.challenged("RespondToAuthChallenge", w.newPassword(w.temporary("a@example.com")["Session"].(string), "a@example.com"), "MFA_SETUP")
	sub := w.attributesOf("a@example.com")["sub"]
	if got := fmt.Sprint(out["ChallengeParameters"]); got != fmt.Sprint(obj{"USER_ID_FOR_SRP": sub, "MFAS_CAN_SETUP": `["SOFTWARE_TOKEN_MFA"]`}) {
		t.Errorf("got %s", got)
	}
	setup := func(session any) obj { return w.answer("MFA_SETUP", session, sub, nil) }
	// Nothing was set up yet: not with the first session, nor with the second.
	w.refused("RespondToAuthChallenge", setup(out["Session"]), "NotAuthorizedException", invalidSession)
	w.refused("VerifySoftwareToken", obj{"Session": out["Session"], "UserCode": "123456"}, "InvalidParameterException", "No software token was associated.")
	associated := w.do("AssociateSoftwareToken", obj{"Session": out["Session"]})
	w.refused("AssociateSoftwareToken", obj{"Session": out["Session"]}, "NotAuthorizedException", sessionUsed)
	w.refused("RespondToAuthChallenge", setup(associated["Session"]), "NotAuthorizedException", invalidSession)
	verify := obj{"Session": associated["Session"], "UserCode": w.wrongTOTP(associated["SecretCode"])}
	w.refused("VerifySoftwareToken", verify, "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
	verified := w.do("VerifySoftwareToken", with(verify, obj{"UserCode": w.totp(associated["SecretCode"], 0)}))
	if verified["Status"] != "SUCCESS" {
		t.Errorf("got %v", verified)
	}
	w.refused("VerifySoftwareToken", with(verify, obj{"UserCode": w.totp(associated["SecretCode"], 1)}), "NotAuthorizedException", sessionUsed)
	w.refused("AssociateSoftwareToken", obj{"Session": verified["Session"]}, "NotAuthorizedException", invalidSession)
	w.refused("RespondToAuthChallenge", with(setup(verified["Session"]), obj{"ClientId": w.client("other")}), "NotAuthorizedException", invalidSession)
	w.tokensOf(w.do("RespondToAuthChallenge", setup(verified["Session"])))
	w.refused("RespondToAuthChallenge", setup(verified["Session"]), "NotAuthorizedException", sessionUsed)
	out = w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
	w.advance(time.Minute)
	access := w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(associated["SecretCode"], 0)))).access

	// MFA is required: the last factor stays on.
	off := obj{"SoftwareTokenMfaSettings": settings(false, false)}
	text := "MFA is required in the user pool; the last MFA method of a user cannot be switched off."
	w.refused("SetUserMFAPreference", with(off, obj{"AccessToken": access}), "InvalidParameterException", text)
	w.refused("AdminSetUserMFAPreference", with(off, w.user("a@example.com")), "InvalidParameterException", text)
}

// TestMFASetupIsNoWayAround: a sign-in that was to set up a factor is worth
// nothing once the user has one. Who knows the password alone cannot replace it.
func TestMFASetupIsNoWayAround(t *testing.T) {
	w := newWorld(t, mfaPool("ON", "SOFTWARE_TOKEN_MFA"))
	sub := w.confirmed("a@example.com")
	start := func() any {
		return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "MFA_SETUP")["Session"]
	}
	thief, theirs := start(), w.do("AssociateSoftwareToken", obj{"Session": start()})
	mine := w.do("AssociateSoftwareToken", obj{"Session": start()})
	verified := w.do("VerifySoftwareToken", obj{"Session": mine["Session"], "UserCode": w.totp(mine["SecretCode"], 0)})
	w.refused("AssociateSoftwareToken", obj{"Session": thief}, "NotAuthorizedException", invalidSession)
	w.refused("VerifySoftwareToken", obj{"Session": theirs["Session"], "UserCode": w.totp(theirs["SecretCode"], 0)}, "NotAuthorizedException", invalidSession)
	// The set-up holds although it was never answered.
	out := w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
	w.advance(time.Minute)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(mine["SecretCode"], 0))))
	w.tokensOf(w.do("RespondToAuthChallenge", w.answer("MFA_SETUP", verified["Session"], "a@example.com", nil)))
}

// TestCustomAuthWithMFA: after the password's proof a custom sign-in goes
// through the user's second factor; without one it does not.
func TestCustomAuthWithMFA(t *testing.T) {
	w, define, _, _ := customWorld(t)
	w.cfg.Pools[0].MFA, w.cfg.Pools[0].EnabledMFAs = "OPTIONAL", []string{"SOFTWARE_TOKEN_MFA"}
	w.restart()
	out := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))
	access := w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", out["Session"], "5"))).access
	secret := w.token(access)
	w.do("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(true, true)})
	w.advance(time.Minute)
	*define = nil
	c := newSRPClient(vectorA)
	on(w, "DefineAuthChallenge", func(e *defineChallenge) error {
		*define = append(*define, *e)
		switch n := len(e.Request.Session); {
		case n == 1:
			e.Response.ChallengeName = "PASSWORD_VERIFIER"
		case n == 3:
			e.Response.ChallengeName = "CUSTOM_CHALLENGE"
		default:
			e.Response.IssueTokens = n == 4
			e.Response.FailAuthentication = n != 4
		}
		return nil
	})
	first := w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", obj{"CHALLENGE_NAME": "SRP_A", "SRP_A": c.A.Text(16)}))
	second := w.challenged("RespondToAuthChallenge", with(w.srpAnswer(c, "custom", first["ChallengeParameters"].(obj), goodPassword), obj{"Session": first["Session"]}), "SOFTWARE_TOKEN_MFA")
	code := with(w.totpAnswer(second["Session"], "amelie@example.com", w.totp(secret, 0)), obj{"ClientId": w.client("custom")})
	w.refused("RespondToAuthChallenge", answering(code, obj{"SOFTWARE_TOKEN_MFA_CODE": w.wrongTOTP(secret)}), "CodeMismatchException", totpMismatch)
	if len(*define) != 1 {
		t.Errorf("the function was asked %d times", len(*define))
	}
	third := w.challenged("RespondToAuthChallenge", code, "CUSTOM_CHALLENGE")
	w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", third["Session"], "5")))
	want := []events.CognitoEventUserPoolsChallengeResult{
		{ChallengeName: "SRP_A", ChallengeResult: true}, {ChallengeName: "PASSWORD_VERIFIER", ChallengeResult: true},
		{ChallengeName: "SOFTWARE_TOKEN_MFA", ChallengeResult: true}, {ChallengeName: "CUSTOM_CHALLENGE", ChallengeResult: true, ChallengeMetadata: "SUM"},
	}
	last := (*define)[len(*define)-1].Request.Session
	for i := range want {
		if len(last) != len(want) || *last[i] != want[i] {
			t.Errorf("step %d: got %+v", i, last)
		}
	}
	// A custom sign-in without the password asks for no second factor, as on AWS.
	*define = nil
	on(w, "DefineAuthChallenge", func(e *defineChallenge) error {
		e.Response.IssueTokens = len(e.Request.Session) == 1
		if !e.Response.IssueTokens {
			e.Response.ChallengeName = "CUSTOM_CHALLENGE"
		}
		return nil
	})
	out = w.do("InitiateAuth", w.customStart("custom", "amelie@example.com", nil))
	w.tokensOf(w.do("RespondToAuthChallenge", w.customAnswer("custom", "amelie@example.com", out["Session"], "5")))
}

func TestMFAPreferences(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	w.confirmed("a@example.com")
	access := w.signIn("a@example.com", goodPassword).access
	for name, tt := range map[string]struct {
		in            obj
		code, message string
	}{
		"nothing set up":    {obj{"SoftwareTokenMfaSettings": settings(true, false)}, "InvalidParameterException", "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA"},
		"off and preferred": {obj{"SoftwareTokenMfaSettings": settings(false, true)}, "InvalidParameterException", "SOFTWARE_TOKEN_MFA cannot be preferred and not enabled."},
		"not in the pool":   {obj{"SMSMfaSettings": settings(true, false)}, "InvalidParameterException", "SMS_MFA is not enabled for the user pool."},
		"passkeys":          {obj{"WebAuthnMfaSettings": settings(true, false)}, "InvalidParameterException", "WebAuthn MFA is not enabled for the user pool."},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused("SetUserMFAPreference", with(tt.in, obj{"AccessToken": access}), tt.code, tt.message)
			w.refused("AdminSetUserMFAPreference", with(tt.in, w.user("a@example.com")), tt.code, tt.message)
		})
	}
	w.t = t
	w.refused("AdminSetUserMFAPreference", w.user("nobody@example.com"), "UserNotFoundException", "User does not exist.")
	w.do("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": settings(false, false), "WebAuthnMfaSettings": settings(false, false)})
	for _, operation := range []string{"AssociateSoftwareToken", "VerifySoftwareToken"} {
		in := obj{"UserCode": "123456"}
		for _, both := range []obj{{}, {"AccessToken": access, "Session": strings.Repeat("A", 20)}} {
			w.refused(operation, with(in, both), "InvalidParameterException", "Exactly one of AccessToken and Session is required.")
		}
		w.refused(operation, with(in, obj{"AccessToken": "x.y.z"}), "NotAuthorizedException", "Invalid Access Token")
		w.refused(operation, with(in, obj{"Session": strings.Repeat("A", 20)}), "NotAuthorizedException", invalidSession)
	}
	w.refused("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "12345"}, "InvalidParameterException",
		"1 validation error detected: Value at 'userCode' failed to satisfy constraint: Member must have length greater than or equal to 6")
	for range 15 {
		w.refused("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "123456"}, "InvalidParameterException", "No software token was associated.")
	}
	w.refused("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "123456"}, "TooManyRequestsException", "Attempt limit exceeded, please try after some time.")
	w.advance(time.Hour)
	access = w.signIn("a@example.com", goodPassword).access
	w.token(access)
}

// A pool without MFA takes no software token, and does not ask for one that
// was set up when it had it.
func TestMFAOff(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	w.withTOTP("a@example.com")
	w.cfg.Pools[0].MFA, w.cfg.Pools[0].EnabledMFAs = "", nil
	w.restart()
	access := w.signIn("a@example.com", goodPassword).access
	text := "Software Token MFA has not been enabled by the userPool"
	w.refused("AssociateSoftwareToken", obj{"AccessToken": access}, "SoftwareTokenMFANotFoundException", text)
	w.refused("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "123456"}, "SoftwareTokenMFANotFoundException", text)
	// Where it is required again, what was verified counts.
	w.cfg.Pools[0].MFA, w.cfg.Pools[0].EnabledMFAs = "ON", []string{"SOFTWARE_TOKEN_MFA"}
	w.restart()
	w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")
}

func TestUserPoolMfaConfig(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	pool := obj{"UserPoolId": w.pool()}
	totp := obj{"SoftwareTokenMfaConfiguration": obj{"Enabled": true}}
	want := fmt.Sprint(with(totp, obj{"MfaConfiguration": "OPTIONAL"}))
	if got := w.do("GetUserPoolMfaConfig", pool); fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
	if got := w.do("SetUserPoolMfaConfig", with(pool, with(totp, obj{"MfaConfiguration": "OPTIONAL"}))); fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
	if got := w.do("DescribeUserPool", pool)["UserPool"].(obj)["MfaConfiguration"]; got != "OPTIONAL" {
		t.Errorf("got %v", got)
	}
	const declared = "userPools.UserPool is declared in doorwright.yaml; change it there."
	for _, tt := range []struct {
		in      obj
		message string
	}{
		{obj{"MfaConfiguration": "ON"}, declared},
		{with(totp, obj{"MfaConfiguration": "ON"}), declared},
		{obj{"MfaConfiguration": "OFF"}, declared},
		{obj{}, declared},
		{with(totp, obj{"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": obj{}}), declared},
		{with(totp, obj{"MfaConfiguration": "OPTIONAL", "WebAuthnConfiguration": obj{}}), declared},
		{with(totp, obj{"MfaConfiguration": "OFF"}), "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."},
		{obj{"MfaConfiguration": "YES"}, "1 validation error detected: Value 'YES' at 'mfaConfiguration' failed to satisfy constraint: Member must satisfy enum value set: [OFF, ON, OPTIONAL]"},
	} {
		w.refused("SetUserPoolMfaConfig", with(pool, tt.in), "InvalidParameterException", tt.message)
	}
	w.refused("GetUserPoolMfaConfig", obj{"UserPoolId": "us-east-1_nosuch"}, "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.")
}
