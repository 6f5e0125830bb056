package cognito_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// choicePool is the pool of the walk-through whose client "web" has USER_AUTH,
// and "hiding" too.
func choicePool(factors ...string) cognito.PoolConfig {
	p := mfaPool("")
	p.AllowedFirstAuthFactors = factors
	for i := range p.Clients {
		if p.Clients[i].ExplicitAuthFlows != nil {
			p.Clients[i].ExplicitAuthFlows = append(slices.Clip(p.Clients[i].ExplicitAuthFlows), "ALLOW_USER_AUTH")
		}
	}
	return p
}

func (w *world) userAuth(client, name, preferred string, more obj) obj {
	parameters := with(obj{"USERNAME": name}, more)
	if preferred != "" {
		parameters["PREFERRED_CHALLENGE"] = preferred
	}
	return obj{"ClientId": w.client(client), "AuthFlow": "USER_AUTH", "AuthParameters": parameters}
}

func (w *world) through(client string, in obj) obj {
	return with(in, obj{"ClientId": w.client(client)})
}

func TestUserAuthPasswords(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD", "EMAIL_OTP"))
	sub := w.confirmed("a@example.com")
	choices := "[PASSWORD_SRP PASSWORD EMAIL_OTP]"
	out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "", nil), "SELECT_CHALLENGE")
	if fmt.Sprint(out["AvailableChallenges"]) != choices || fmt.Sprint(out["ChallengeParameters"]) != "map[]" {
		t.Errorf("got %v", out)
	}
	selected := func(session any, answer string, more obj) obj {
		return w.answer("SELECT_CHALLENGE", session, "a@example.com", with(obj{"ANSWER": answer}, more))
	}
	for _, answer := range []string{"WEB_AUTHN", "SMS_OTP", "NEW_PASSWORD_REQUIRED"} {
		w.refused("RespondToAuthChallenge", selected(out["Session"], answer, nil), "InvalidParameterException", "Selected challenge is not available")
	}
	w.refused("RespondToAuthChallenge", selected(out["Session"], "PASSWORD", nil), "InvalidParameterException", "Missing required parameter PASSWORD")
	w.refused("RespondToAuthChallenge", selected(out["Session"], "PASSWORD_SRP", nil), "InvalidParameterException", "Missing required parameter SRP_A")
	w.refused("RespondToAuthChallenge", selected(out["Session"], "PASSWORD", obj{"PASSWORD": "Wr0ngPass!"}), "NotAuthorizedException", wrongPassword)
	w.tokensOf(w.do("RespondToAuthChallenge", selected(out["Session"], "PASSWORD", obj{"PASSWORD": goodPassword})))
	w.refused("RespondToAuthChallenge", selected(out["Session"], "PASSWORD", obj{"PASSWORD": goodPassword}), "NotAuthorizedException", sessionUsed)

	// Preferred, with the password and without.
	w.tokensOf(w.do("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD", obj{"PASSWORD": goodPassword})))
	w.refused("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD", obj{"PASSWORD": "Wr0ngPass!"}), "NotAuthorizedException", wrongPassword)
	out = w.challenged("AdminInitiateAuth", with(w.userAuth("web", "a@example.com", "PASSWORD", nil), obj{"UserPoolId": w.pool()}), "PASSWORD")
	if fmt.Sprint(out["AvailableChallenges"]) != choices {
		t.Errorf("got %v", out)
	}
	password := w.answer("PASSWORD", out["Session"], sub, obj{"PASSWORD": goodPassword})
	w.refused("RespondToAuthChallenge", w.through("other", password), "NotAuthorizedException", invalidSession)
	w.confirmed("b@example.com")
	w.refused("RespondToAuthChallenge", answering(password, obj{"USERNAME": "b@example.com"}), "NotAuthorizedException", invalidSession)
	w.refused("RespondToAuthChallenge", answering(password, obj{"PASSWORD": ""}), "InvalidParameterException", "Missing required parameter PASSWORD")
	oneWins(t, w.atOnce(4, "RespondToAuthChallenge", func(int) obj { return password }), sessionUsed)
	session := w.do("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD", nil))["Session"]
	w.advance(3 * time.Minute)
	w.refused("RespondToAuthChallenge", with(password, obj{"Session": session}), "NotAuthorizedException", sessionExpired)

	// What is not available is a choice, and passkeys are not emulated.
	w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "WEB_AUTHN", nil), "SELECT_CHALLENGE")
	w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "SMS_OTP", nil), "SELECT_CHALLENGE")
	w.refused("RespondToAuthChallenge", with(password, obj{"ChallengeName": "WEB_AUTHN"}), "UnsupportedOperationException", "WEB_AUTHN is a challenge of Amazon Cognito that Doorwright does not emulate.")
	w.refused("InitiateAuth", w.userAuth("web", "a@example.com", "SOFTWARE_TOKEN_MFA", nil), "InvalidParameterException", "PREFERRED_CHALLENGE SOFTWARE_TOKEN_MFA is not supported.")
	w.refused("InitiateAuth", w.userAuth("web", "", "", nil), "InvalidParameterException", "Missing required parameter USERNAME")
	w.refused("InitiateAuth", w.userAuth("plain", "a@example.com", "", nil), "InvalidParameterException", "USER_AUTH flow not enabled for this client")
	w.refused("InitiateAuth", w.userAuth("web", "nobody@example.com", "", nil), "UserNotFoundException", "User does not exist.")

	// A temporary password is to be changed.
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": "T3mporary!"}))
	out = w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "EMAIL_OTP", nil), "SELECT_CHALLENGE")
	if fmt.Sprint(out["AvailableChallenges"]) != "[PASSWORD_SRP PASSWORD]" {
		t.Errorf("got %v", out)
	}
	w.challenged("RespondToAuthChallenge", selected(out["Session"], "PASSWORD", obj{"PASSWORD": "T3mporary!"}), "NEW_PASSWORD_REQUIRED")

	// The lock is that of every password.
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": goodPassword, "Permanent": true}))
	out = w.do("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD", nil))
	for range 5 {
		w.refused("RespondToAuthChallenge", w.answer("PASSWORD", out["Session"], sub, obj{"PASSWORD": "Wr0ngPass!"}), "NotAuthorizedException", wrongPassword)
	}
	w.refused("RespondToAuthChallenge", w.answer("PASSWORD", out["Session"], sub, obj{"PASSWORD": goodPassword}), "NotAuthorizedException", locked)
}

func TestUserAuthSRP(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD"))
	w.confirmed("a@example.com")
	c := newSRPClient(vectorA)
	srpA := obj{"SRP_A": c.A.Text(16)}
	begin := map[string]func() obj{
		"at once": func() obj { return w.do("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD_SRP", srpA)) },
		"asked": func() obj {
			out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD_SRP", nil), "PASSWORD_SRP")
			next := w.do("RespondToAuthChallenge", w.answer("PASSWORD_SRP", out["Session"], "a@example.com", srpA))
			w.refused("RespondToAuthChallenge", w.answer("PASSWORD_SRP", out["Session"], "a@example.com", srpA), "NotAuthorizedException", sessionUsed)
			return next
		},
		"chosen": func() obj {
			out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "", nil), "SELECT_CHALLENGE")
			return w.do("RespondToAuthChallenge", w.answer("SELECT_CHALLENGE", out["Session"], "a@example.com", with(srpA, obj{"ANSWER": "PASSWORD_SRP"})))
		},
	}
	for name, start := range begin {
		t.Run(name, func(t *testing.T) {
			w.t = t
			out := start()
			if out["ChallengeName"] != "PASSWORD_VERIFIER" || out["Session"] == nil {
				t.Fatalf("got %v", out)
			}
			answer := w.srpAnswer(c, "web", out["ChallengeParameters"].(obj), goodPassword)
			w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", invalidSession)
			other := start()
			w.refused("RespondToAuthChallenge", with(answer, obj{"Session": other["Session"]}), "NotAuthorizedException", invalidSession)
			good := with(answer, obj{"Session": out["Session"]})
			w.tokensOf(w.do("RespondToAuthChallenge", good))
			w.refused("RespondToAuthChallenge", good, "NotAuthorizedException", sessionUsed)
			wrong := w.srpAnswer(c, "web", other["ChallengeParameters"].(obj), "Wr0ngPass!")
			w.refused("RespondToAuthChallenge", with(wrong, obj{"Session": other["Session"]}), "NotAuthorizedException", wrongPassword)
			right := w.srpAnswer(c, "web", other["ChallengeParameters"].(obj), goodPassword)
			w.refused("RespondToAuthChallenge", with(right, obj{"Session": other["Session"]}), "NotAuthorizedException", sessionUsed)
			w.signIn("a@example.com", goodPassword) // forgets the failure
		})
	}
	w.t = t
	w.refused("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD_SRP", obj{"SRP_A": "0"}), "InvalidParameterException", "SRP_A is not valid.")
}

func TestUserAuthCodes(t *testing.T) {
	for _, tt := range []struct{ factor, medium, masked string }{{"EMAIL_OTP", "EMAIL", "a***@e***"}, {"SMS_OTP", "SMS", "+*******1234"}} {
		t.Run(tt.factor, func(t *testing.T) {
			w := newWorld(t, choicePool("PASSWORD", "EMAIL_OTP", "SMS_OTP"))
			sub := w.reachable("a@example.com")
			w.reachable("b@example.com")
			out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", tt.factor, nil), tt.factor)
			if got := fmt.Sprint(out["ChallengeParameters"]); got != fmt.Sprint(obj{"USER_ID_FOR_SRP": sub,
				"CODE_DELIVERY_DELIVERY_MEDIUM": tt.medium, "CODE_DELIVERY_DESTINATION": tt.masked}) {
				t.Errorf("got %s", got)
			}
			if got := fmt.Sprint(out["AvailableChallenges"]); got != "[PASSWORD_SRP PASSWORD EMAIL_OTP SMS_OTP]" || len(w.code()) != 8 {
				t.Errorf("got %s and a code of %d digits", got, len(w.code()))
			}
			// Six wrong ones lock nothing, as was seen on AWS; a bound there is.
			for range 6 {
				w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, out["Session"], sub, "00000000x"), "CodeMismatchException", otpMismatch)
			}
			good := w.codeAnswer(tt.factor, out["Session"], sub, w.code())
			w.refused("RespondToAuthChallenge", answering(good, obj{"USERNAME": "b@example.com"}), "NotAuthorizedException", invalidSession)
			w.refused("RespondToAuthChallenge", w.through("other", good), "NotAuthorizedException", invalidSession)
			oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return good }), sessionUsed)

			selected := w.do("InitiateAuth", w.userAuth("web", "a@example.com", "", nil))
			choose := w.answer("SELECT_CHALLENGE", selected["Session"], "a@example.com", obj{"ANSWER": tt.factor})
			next := w.challenged("RespondToAuthChallenge", choose, tt.factor)
			w.refused("RespondToAuthChallenge", choose, "NotAuthorizedException", sessionUsed)
			w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer(tt.factor, next["Session"], "a@example.com", w.code())))

			session := w.do("InitiateAuth", w.userAuth("web", "a@example.com", tt.factor, nil))["Session"]
			for range 10 {
				w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, "x"), "CodeMismatchException", otpMismatch)
			}
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code()), "NotAuthorizedException", locked)
			session = w.do("InitiateAuth", w.userAuth("web", "a@example.com", tt.factor, nil))["Session"]
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code()), "NotAuthorizedException", locked)
			w.advance(time.Second)
			w.do("AdminDisableUser", w.user(sub))
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code()), "NotAuthorizedException", "User is disabled.")
		})
	}
}

// A one-time password is no way around a second factor, also not of one that
// was switched on while it was under way.
func TestUserAuthWithMFA(t *testing.T) {
	p := choicePool("PASSWORD", "EMAIL_OTP")
	p.MFA, p.EnabledMFAs = "OPTIONAL", []string{"SMS_MFA", "EMAIL_OTP"}
	w := newWorld(t, p)
	sub := w.reachable("a@example.com")
	under := w.do("InitiateAuth", w.userAuth("web", "a@example.com", "EMAIL_OTP", nil))
	chosen := w.do("InitiateAuth", w.userAuth("web", "a@example.com", "", nil))
	code := w.code()
	w.prefer(sub, obj{"SMSMfaSettings": settings(true, false)})
	next := w.challenged("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", under["Session"], sub, code), "SMS_MFA")
	w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("SMS_MFA", next["Session"], sub, w.code())))
	w.refused("RespondToAuthChallenge", w.answer("SELECT_CHALLENGE", chosen["Session"], sub, obj{"ANSWER": "EMAIL_OTP"}), "InvalidParameterException", "Selected challenge is not available")
	out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "EMAIL_OTP", nil), "SELECT_CHALLENGE")
	if got := fmt.Sprint(out["AvailableChallenges"]); got != "[PASSWORD_SRP PASSWORD]" {
		t.Errorf("got %s", got)
	}
	w.challenged("RespondToAuthChallenge", w.answer("SELECT_CHALLENGE", out["Session"], sub, obj{"ANSWER": "PASSWORD", "PASSWORD": goodPassword}), "SMS_MFA")
	if got := w.do("GetUserAuthFactors", obj{"AccessToken": w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("SMS_MFA",
		w.do("InitiateAuth", w.passwordAuth(sub, goodPassword))["Session"], sub, w.code()))).access}); fmt.Sprint(got["ConfiguredUserAuthFactors"]) != "[PASSWORD EMAIL_OTP]" {
		t.Errorf("got %v", got)
	}
	// The code of the second factor is not that of the first: neither session
	// takes the other's.
	w.prefer(sub, obj{"SMSMfaSettings": settings(false, false)})
	first := w.do("InitiateAuth", w.userAuth("web", "a@example.com", "EMAIL_OTP", nil))
	code = w.code()
	w.prefer(sub, obj{"EmailMfaSettings": settings(true, false)})
	second := w.challenged("InitiateAuth", w.passwordAuth(sub, goodPassword), "EMAIL_OTP")
	w.refused("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", second["Session"], sub, code), "CodeMismatchException", otpMismatch)
	w.challenged("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", first["Session"], sub, code), "EMAIL_OTP")
}

// TestUserAuthOfNobody: a client that hides existence hears the same of a name
// without a user, and of a user who may not sign in, as of one who may.
func TestUserAuthOfNobody(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD", "EMAIL_OTP"))
	w.reachable("known@example.com")
	w.reachable("disabled@example.com")
	w.do("AdminDisableUser", w.user("disabled@example.com"))
	w.signUp("unconfirmed@example.com")
	sent := len(w.codes)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	lists := map[string]int{}
	nobody := ""
	for range 200 {
		name := fmt.Sprintf("%x@example.com", random.Uint64())
		out := w.challenged("InitiateAuth", w.userAuth("hiding", name, "", nil), "SELECT_CHALLENGE")
		again := w.do("InitiateAuth", w.userAuth("hiding", strings.ToUpper(name), "", nil))
		list := fmt.Sprint(out["AvailableChallenges"])
		if fmt.Sprint(again["AvailableChallenges"]) != list {
			t.Errorf("%s has %s and %v", name, list, again["AvailableChallenges"])
		}
		if lists[list]++; list == "[PASSWORD_SRP PASSWORD EMAIL_OTP]" && name[0] != 'e' { // shape takes the first letter out, and the domain has it
			nobody = name
		}
	}
	for _, list := range []string{"[PASSWORD_SRP PASSWORD EMAIL_OTP]", "[PASSWORD_SRP PASSWORD]", "[EMAIL_OTP]"} {
		if lists[list] == 0 {
			t.Errorf("seed %d: of 200 names none has %s: %v", seed, list, lists)
		}
	}
	shape := func(out obj, name string) string {
		id, _ := out["ChallengeParameters"].(obj)["USER_ID_FOR_SRP"].(string)
		if id != "" && len(id) != 36 {
			t.Errorf("USER_ID_FOR_SRP of %s is %q", name, id)
		}
		text := strings.ReplaceAll(fmt.Sprint(out["ChallengeName"], out["ChallengeParameters"], out["AvailableChallenges"], len(out["Session"].(string))), id, "ID")
		return strings.ReplaceAll(text, name[:1]+"***", "N***")
	}
	known := shape(w.do("InitiateAuth", w.userAuth("hiding", "known@example.com", "EMAIL_OTP", nil)), "known@example.com")
	if got := len(w.codes); got != sent+1 {
		t.Errorf("%d codes were sent", got-sent)
	}
	out := w.do("InitiateAuth", w.userAuth("hiding", nobody, "EMAIL_OTP", nil))
	if got := shape(out, nobody); got != known {
		t.Errorf("nobody gets\n%s\nand somebody\n%s", got, known)
	}
	code := w.through("hiding", w.codeAnswer("EMAIL_OTP", out["Session"], nobody, "12345678"))
	for i := range 10 {
		if i == 5 {
			code = answering(code, obj{"USERNAME": out["ChallengeParameters"].(obj)["USER_ID_FOR_SRP"]})
		}
		w.refused("RespondToAuthChallenge", code, "CodeMismatchException", otpMismatch)
	}
	w.refused("RespondToAuthChallenge", code, "NotAuthorizedException", locked)
	w.refused("RespondToAuthChallenge", answering(code, obj{"USERNAME": "known@example.com"}), "NotAuthorizedException", invalidSession)
	w.refused("RespondToAuthChallenge", answering(code, obj{"USERNAME": "other@example.com"}), "NotAuthorizedException", invalidSession)

	for _, name := range []string{nobody, "disabled@example.com", "unconfirmed@example.com"} {
		out := w.do("InitiateAuth", w.userAuth("hiding", name, "", nil))
		selected := w.through("hiding", w.answer("SELECT_CHALLENGE", out["Session"], name, obj{"ANSWER": "PASSWORD", "PASSWORD": "Wr0ngPass!"}))
		w.refused("RespondToAuthChallenge", selected, "NotAuthorizedException", wrongPassword)
		if slices.Contains(out["AvailableChallenges"].([]any), any("EMAIL_OTP")) {
			w.challenged("RespondToAuthChallenge", w.through("hiding", w.answer("SELECT_CHALLENGE", out["Session"], name, obj{"ANSWER": "EMAIL_OTP"})), "EMAIL_OTP")
			w.advance(time.Hour)
			next := w.do("InitiateAuth", w.userAuth("hiding", name, "EMAIL_OTP", nil))
			w.refused("RespondToAuthChallenge", w.through("hiding", w.codeAnswer("EMAIL_OTP", next["Session"], name, "12345678")), "CodeMismatchException", otpMismatch)
		}
		c := newSRPClient(vectorA)
		next := w.do("InitiateAuth", w.userAuth("hiding", name, "PASSWORD_SRP", obj{"SRP_A": c.A.Text(16)}))
		answer := with(w.srpAnswer(c, "hiding", next["ChallengeParameters"].(obj), "Wr0ngPass!"), obj{"Session": next["Session"]})
		w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", wrongPassword)
		w.advance(time.Hour)
	}
	if got := len(w.codes); got != sent+1 {
		t.Errorf("%d codes were sent", got-sent)
	}
	// Not the one either who signed up in between.
	out = w.do("InitiateAuth", w.userAuth("hiding", "late@example.com", "PASSWORD", nil))
	w.confirmed("late@example.com")
	late := w.through("hiding", w.answer(out["ChallengeName"].(string), out["Session"], "late@example.com", obj{"ANSWER": "PASSWORD", "PASSWORD": goodPassword}))
	w.refused("RespondToAuthChallenge", late, "NotAuthorizedException", invalidSession)
}

// TestSecretBlocksOfNobody: a secret block of USER_AUTH tells nothing by its
// size.
func TestSecretBlocksOfNobody(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD"))
	w.confirmed("a@example.com")
	c := newSRPClient(vectorA)
	size := func(name string) int {
		out := w.do("InitiateAuth", w.userAuth("hiding", name, "PASSWORD_SRP", obj{"SRP_A": c.A.Text(16)}))
		block, err := base64.StdEncoding.DecodeString(out["ChallengeParameters"].(obj)["SECRET_BLOCK"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return len(block)
	}
	if a, b := size("a@example.com"), size("b@example.com"); a != b {
		t.Errorf("%d and %d bytes", a, b)
	}
}

func TestSignInAfterSignUp(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD", "EMAIL_OTP"))
	signUp := func(client, name string) obj {
		t.Helper()
		return w.do("SignUp", obj{"ClientId": w.client(client), "Username": name, "Password": goodPassword})
	}
	confirm := func(name string, session any) obj {
		return obj{"ClientId": w.client("web"), "Username": name, "ConfirmationCode": w.code(), "Session": session}
	}
	if out := w.do("SignUp", obj{"ClientId": w.client("plain"), "Username": "p@example.com", "Password": goodPassword}); out["Session"] != nil {
		t.Errorf("a client without USER_AUTH gets %v", out)
	}
	stolen := signUp("web", "z@example.com")["Session"]
	first := signUp("web", "a@example.com")["Session"]
	enter := func(name string, session any) obj {
		return with(w.userAuth("web", name, "", nil), obj{"Session": session})
	}
	// Not before it is confirmed, not with another's session, nor a made-up one.
	w.refused("InitiateAuth", enter("a@example.com", first), "NotAuthorizedException", invalidSession)
	w.refused("ConfirmSignUp", confirm("a@example.com", stolen), "NotAuthorizedException", invalidSession)
	w.refused("ConfirmSignUp", confirm("a@example.com", strings.Repeat("A", 100)), "NotAuthorizedException", invalidSession)
	w.refused("ConfirmSignUp", w.through("other", confirm("a@example.com", first)), "NotAuthorizedException", invalidSession)
	if got := w.statusOf("a@example.com"); got != "UNCONFIRMED" {
		t.Errorf("the status is %s", got)
	}
	second := w.do("ConfirmSignUp", confirm("a@example.com", first))["Session"]
	w.refused("InitiateAuth", enter("z@example.com", second), "NotAuthorizedException", invalidSession)
	w.refused("InitiateAuth", w.through("other", enter("a@example.com", second)), "NotAuthorizedException", invalidSession)
	w.refused("RespondToAuthChallenge", w.answer("PASSWORD", second, "a@example.com", obj{"PASSWORD": goodPassword}), "NotAuthorizedException", invalidSession)
	oneWins(t, w.atOnce(4, "InitiateAuth", func(int) obj { return enter("a@example.com", second) }), sessionUsed)

	// Without the session it is a confirmation like any other; with one that has
	// expired, too. What came of it expires as well.
	session := signUp("web", "b@example.com")["Session"]
	w.advance(3 * time.Minute)
	if out := w.do("ConfirmSignUp", confirm("b@example.com", session)); len(out) != 0 {
		t.Errorf("got %v", out)
	}
	session = signUp("web", "c@example.com")["Session"]
	session = w.do("ConfirmSignUp", confirm("c@example.com", session))["Session"]
	w.advance(3 * time.Minute)
	w.refused("InitiateAuth", enter("c@example.com", session), "NotAuthorizedException", sessionExpired)
	session = signUp("web", "d@example.com")["Session"]
	session = w.do("ConfirmSignUp", confirm("d@example.com", session))["Session"]
	w.do("AdminDisableUser", w.user("d@example.com"))
	w.refused("InitiateAuth", enter("d@example.com", session), "NotAuthorizedException", "User is disabled.")
}

func TestPasswordless(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD", "EMAIL_OTP"))
	in := obj{"ClientId": w.client("web"), "Username": "a@example.com"}
	w.do("SignUp", in)
	w.refused("InitiateAuth", w.userAuth("web", "a@example.com", "", nil), "UserNotConfirmedException", "User is not confirmed.")
	w.do("ConfirmSignUp", with(in, obj{"ConfirmationCode": w.code()}))
	out := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "PASSWORD", nil), "SELECT_CHALLENGE")
	if got := fmt.Sprint(out["AvailableChallenges"]); got != "[EMAIL_OTP]" {
		t.Errorf("got %s", got)
	}
	for _, password := range []string{goodPassword, "      "} {
		a := w.send("InitiateAuth", w.passwordAuth("a@example.com", password))
		if a.status == 200 {
			t.Errorf("password %q: %s", password, a.body)
		}
	}
	out = w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", "EMAIL_OTP", nil), "EMAIL_OTP")
	access := w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", out["Session"], "a@example.com", w.code()))).access
	if got := w.do("GetUserAuthFactors", obj{"AccessToken": access}); fmt.Sprint(got["ConfiguredUserAuthFactors"]) != "[EMAIL_OTP]" {
		t.Errorf("got %v", got)
	}
	// The first password needs none before it; the second does.
	change := obj{"AccessToken": access, "ProposedPassword": goodPassword}
	w.do("ChangePassword", change)
	w.refused("ChangePassword", with(change, obj{"ProposedPassword": "An0ther-one"}), "NotAuthorizedException", wrongPassword)
	w.signIn("a@example.com", goodPassword)

	// Without a way to sign in there is no passwordless user.
	w.refused("SignUp", obj{"ClientId": w.client("plain"), "Username": "b@example.com"}, "InvalidParameterException",
		"1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
	created := w.do("AdminCreateUser", with(w.user("c@example.com"), obj{"UserAttributes": attrs("email_verified", "true")}))["User"].(obj)
	if created["UserStatus"] != "CONFIRMED" {
		t.Errorf("got %v", created)
	}
	w.challenged("InitiateAuth", w.userAuth("web", "c@example.com", "EMAIL_OTP", nil), "EMAIL_OTP")
}

func TestUserAuthTriggers(t *testing.T) {
	p := choicePool("PASSWORD", "EMAIL_OTP")
	p.Triggers = triggered("PreAuthentication", "UserMigration", "CustomMessage", "PostAuthentication").Triggers
	w := newWorld(t, p)
	before := on(w, "PreAuthentication", yes[preAuthentication])
	after := on(w, "PostAuthentication", yes[postAuthentication])
	messages := on(w, "CustomMessage", yes[customMessage])
	migrated := on(w, "UserMigration", func(e *migrateUser) error {
		if e.CognitoEventUserPoolsMigrateUserRequest.Password != "0ld-password" {
			return errors.New("Bad password")
		}
		e.UserAttributes = words("email", e.UserName, "email_verified", "true")
		return nil
	})
	out := w.challenged("InitiateAuth", w.userAuth("web", "m@example.com", "PASSWORD", nil), "PASSWORD")
	in := w.answer("PASSWORD", out["Session"], "m@example.com", obj{"PASSWORD": "Wr0ng-password"})
	w.refused("RespondToAuthChallenge", in, "UserLambdaValidationException", "UserMigration failed with error Bad password.")
	w.tokensOf(w.do("RespondToAuthChallenge", answering(in, obj{"PASSWORD": "0ld-password"})))
	w.tokensOf(w.do("InitiateAuth", w.userAuth("web", "n@example.com", "PASSWORD", obj{"PASSWORD": "0ld-password"})))
	if len(*migrated) != 3 || len(*after) != 2 {
		t.Errorf("%d migrations, %d ends", len(*migrated), len(*after))
	}
	asked := len(*before)
	out = w.challenged("InitiateAuth", w.userAuth("web", "m@example.com", "EMAIL_OTP", nil), "EMAIL_OTP")
	w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", out["Session"], "m@example.com", w.code())))
	if m := *messages; len(*before) != asked+1 || len(m) != 1 || m[0].TriggerSource != "CustomMessage_Authentication" {
		t.Errorf("asked before %d times, messages %+v", len(*before)-asked, m)
	}
}
