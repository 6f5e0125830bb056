package cognito_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// atOnce sends n requests at once and gives their answers.
func (w *world) atOnce(n int, operation string, in func(i int) obj) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answers[i] = w.send(operation, in(i))
		})
	}
	close(start)
	group.Wait()
	return answers
}

// oneWins wants one success and the same refusal for all others.
func oneWins(t *testing.T, answers []answer, refusal string) {
	t.Helper()
	won := 0
	for _, a := range answers {
		switch {
		case a.status == 200:
			won++
		case !strings.Contains(a.body, refusal):
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, len(answers))
	}
}

func TestSignUpRace(t *testing.T) {
	w := newWorld(t, emailPool())
	answers := w.atOnce(8, "SignUp", func(i int) obj {
		name := "race@example.com"
		if i%2 == 1 {
			name = "RACE@example.com"
		}
		return obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword}
	})
	oneWins(t, answers, `"UsernameExistsException"`)
	if len(w.codes) != 1 {
		t.Errorf("%d codes were sent", len(w.codes))
	}
	if users := w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any); len(users) != 1 {
		t.Errorf("%d users", len(users))
	}
}

func TestConfirmRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.signUp("a@example.com")
	answers := w.atOnce(8, "ConfirmSignUp", func(int) obj {
		return obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": w.code()}
	})
	oneWins(t, answers, `User cannot be confirmed. Current status is CONFIRMED`)
}

// Two users verify one address at once: it becomes the alias of one.
func TestAliasRace(t *testing.T) {
	w := newWorld(t, aliasPool())
	var codes []string
	names := []string{"alice", "bob", "carol", "dan"}
	for _, name := range names {
		w.do("SignUp", obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword, "UserAttributes": attrs("email", "a@example.com")})
		codes = append(codes, w.code())
	}
	oneWins(t, w.atOnce(len(names), "ConfirmSignUp", func(i int) obj {
		return obj{"ClientId": w.client("web"), "Username": names[i], "ConfirmationCode": codes[i]}
	}), `"AliasExistsException"`)
}

func TestSessionReplayRace(t *testing.T) {
	w := newWorld(t, emailPool())
	session := w.temporary("a@example.com")["Session"].(string)
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return w.newPassword(session, "a@example.com") }),
		"session can only be used once.")
}

// Guesses that are made at once do not get around the lock: after the fifth
// the rest is refused unheard, the right password among them.
func TestGuessingRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	heard := 0
	for _, a := range w.atOnce(20, "InitiateAuth", func(int) obj { return w.passwordAuth("a@example.com", "Wr0ngPass!") }) {
		if strings.Contains(a.body, wrongPassword) {
			heard++
		} else if !strings.Contains(a.body, locked) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if heard != 5 {
		t.Errorf("%d guesses were heard, want 5", heard)
	}
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "NotAuthorizedException", locked)
}

// A stage that is asked for tokens before its keys were made makes them once.
func TestKeysAreMadeOnce(t *testing.T) {
	w := newWorld(t, emailPool())
	var first string
	for _, a := range w.atOnce(6, "DescribeUserPool", func(int) obj {
		body := w.request("GET", "/"+w.pool()+"/.well-known/jwks.json", "", "", "", "").body
		w.mu.Lock()
		defer w.mu.Unlock()
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("two sets of keys:\n%s%s", first, body)
		}
		return obj{"UserPoolId": w.pool()}
	}) {
		if a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if w.nextKey != 2 {
		t.Errorf("%d keys were made", w.nextKey)
	}
}

// Of new passwords set at once by one code one counts, and it is the one whose
// request succeeded.
func TestResetRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	w.do("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "a@example.com"})
	code := w.code()
	password := func(i int) string { return fmt.Sprintf("N3wPassw0rd!%d", i) }
	answers := w.atOnce(5, "ConfirmForgotPassword", func(i int) obj {
		return obj{"ClientId": w.client("web"), "Username": "a@example.com", "ConfirmationCode": code, "Password": password(i)}
	})
	oneWins(t, answers, codeExpired)
	for i, a := range answers {
		if a.status == 200 {
			w.signIn("a@example.com", password(i))
		} else {
			w.refused("InitiateAuth", w.passwordAuth("a@example.com", password(i)), "NotAuthorizedException", wrongPassword)
		}
	}
}

// Of one code for an address, given many times at once, one counts.
func TestVerifyRace(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	access := w.signIn("a@example.com", goodPassword).access
	w.do("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("email", "b@example.com")})
	code := w.code()
	oneWins(t, w.atOnce(8, "VerifyUserAttribute", func(int) obj {
		return obj{"AccessToken": access, "AttributeName": "email", "Code": code}
	}), codeExpired)
}

// A software token is set up once: in the session of a sign-in, whose other
// answers find it used, and with an access token.
func TestSetUpRace(t *testing.T) {
	w := newWorld(t, mfaPool("ON", "SOFTWARE_TOKEN_MFA"))
	w.confirmed("a@example.com")
	start := w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "MFA_SETUP")["Session"]
	out := w.do("AssociateSoftwareToken", obj{"Session": start})
	secret, session := out["SecretCode"], out["Session"]
	answers := w.atOnce(8, "VerifySoftwareToken", func(int) obj { return obj{"Session": session, "UserCode": w.totp(secret, 0)} })
	oneWins(t, answers, sessionUsed)
	var verified any
	for _, a := range answers {
		if a.status == 200 {
			verified = parse(t, a.body)["Session"]
		}
	}
	last := w.answer("MFA_SETUP", verified, "a@example.com", nil)
	answers = w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return last })
	oneWins(t, answers, sessionUsed)
	for _, a := range answers {
		if a.status != 200 {
			continue
		}
		access := w.tokensOf(parse(t, a.body)).access
		secret = w.do("AssociateSoftwareToken", obj{"AccessToken": access})["SecretCode"]
		oneWins(t, w.atOnce(8, "VerifySoftwareToken", func(int) obj { return obj{"AccessToken": access, "UserCode": w.totp(secret, 0)} }),
			"No software token was associated.")
	}
}

// A right password opens one sign-in in each session of USER_AUTH.
func TestChoiceRace(t *testing.T) {
	w := newWorld(t, choicePool("PASSWORD"))
	w.confirmed("a@example.com")
	for challenge, preferred := range map[string]string{"SELECT_CHALLENGE": "", "PASSWORD": "PASSWORD"} {
		session := w.challenged("InitiateAuth", w.userAuth("web", "a@example.com", preferred, nil), challenge)["Session"]
		answer := w.answer(challenge, session, "a@example.com", obj{"PASSWORD": goodPassword, "ANSWER": "PASSWORD"})
		oneWins(t, w.atOnce(6, "RespondToAuthChallenge", func(int) obj { return answer }), sessionUsed)
	}
}

// A refresh token that was rotated out at one of the two places where tokens are
// renewed ends the family when it comes back at the other.
func TestReuseAcrossEndpoints(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.Clients[0].ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH"}
		p.Clients[0].Rotation = &cognito.Rotation{}
	}))
	w.confirmed("a@example.com")
	form := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {token}}
	}
	first := w.signIn("a@example.com", goodPassword).refresh
	second := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", first)))
	w.oauthRefused("rotated out by the API", "/oauth2/token", form(first), 400, invalidGrant)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", second.refresh), "NotAuthorizedException", revoked)
	w.refused("GetUser", obj{"AccessToken": second.access}, "NotAuthorizedException", "Access Token has been revoked")

	first = w.signIn("a@example.com", goodPassword).refresh
	next := w.tokensFor(form(first))["refresh_token"].(string)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", first), reuse, reuseText)
	w.oauthRefused("of the family that ended", "/oauth2/token", form(next), 400, invalidGrant)

	// At both at once one wins at most, and what it won ends.
	first = w.signIn("a@example.com", goodPassword).refresh
	answers := make([]answer, 8)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			if i%2 == 0 {
				answers[i] = w.endpoint("/oauth2/token", form(first))
			} else {
				answers[i] = w.send("GetTokensFromRefreshToken", w.getTokens("web", first))
			}
		})
	}
	group.Wait()
	won := 0
	for _, a := range answers {
		if a.status != 200 {
			continue
		}
		won++
		out := parse(t, a.body)
		if result, ok := out["AuthenticationResult"].(obj); ok {
			out = obj{"refresh_token": result["RefreshToken"]}
		}
		w.oauthRefused("the winner's", "/oauth2/token", form(out["refresh_token"].(string)), 400, invalidGrant)
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, len(answers))
	}
}

// A refresh during which its token is revoked gives nothing, wherever it is
// asked for, rotating or not.
func TestRevokedDuringRefresh(t *testing.T) {
	for _, rotates := range []bool{false, true} {
		w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
			p.Triggers = cognito.Triggers{PreTokenGeneration: "tokens"}
			if rotates {
				p.Clients[0].ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH"}
				p.Clients[0].Rotation = &cognito.Rotation{}
			}
		}))
		meanwhile := func() {}
		w.functions = map[string]cognito.Invoke{"tokens": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
			meanwhile()
			return event, "", nil
		}}
		w.confirmed("a@example.com")
		// The token is revoked when the function is asked about its refresh.
		token := func() string {
			meanwhile = func() {}
			raw := w.signIn("a@example.com", goodPassword).refresh
			meanwhile = func() { w.do("RevokeToken", obj{"ClientId": w.client("web"), "Token": raw}) }
			return raw
		}
		w.refused("GetTokensFromRefreshToken", w.getTokens("web", token()), "NotAuthorizedException", revoked)
		if !rotates {
			w.refused("InitiateAuth", w.refresh("web", token()), "NotAuthorizedException", revoked)
		}
		w.oauthRefused("the token endpoint", "/oauth2/token", url.Values{
			"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {token()},
		}, 400, invalidGrant)
	}
}
