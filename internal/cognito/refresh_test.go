package cognito_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// rotatingPool has a client "web" that rotates refresh tokens.
func rotatingPool(grace time.Duration) cognito.PoolConfig {
	p := emailPool()
	p.Clients[0].ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH"}
	p.Clients[0].Rotation = &cognito.Rotation{RetryGracePeriod: grace}
	return p
}

func (w *world) getTokens(client, token string) obj {
	return obj{"ClientId": w.client(client), "RefreshToken": token}
}

const (
	reuse      = "RefreshTokenReuseException"
	reuseText  = "Refresh token has already been used."
	revoked    = "Refresh Token has been revoked"
	badRefresh = "Invalid Refresh Token"
)

func TestGetTokensFromRefreshToken(t *testing.T) {
	pool := emailPool()
	pool.Clients[3].ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH"}
	w := newWorld(t, pool)
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	w.advance(time.Hour)
	out := w.do("GetTokensFromRefreshToken", w.getTokens("web", tk.refresh))
	if len(out) != 1 || strings.Join(names(out["AuthenticationResult"].(obj)), " ") != "AccessToken ExpiresIn IdToken TokenType" {
		t.Errorf("answer %v", out)
	}
	w.do("GetUser", obj{"AccessToken": w.tokensOf(out).access})
	w.do("GetTokensFromRefreshToken", w.getTokens("web", tk.refresh)) // as often as one likes
	w.refused("GetTokensFromRefreshToken", w.getTokens("hiding", tk.refresh), "NotAuthorizedException", badRefresh)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", "x"), "NotAuthorizedException", badRefresh)
	w.refused("GetTokensFromRefreshToken", w.getTokens("plain", tk.refresh), "InvalidParameterException", "REFRESH_TOKEN_AUTH flow not enabled for this client")
	w.refused("GetTokensFromRefreshToken", obj{"ClientId": "nosuch", "RefreshToken": "x"}, "ResourceNotFoundException", "User pool client nosuch does not exist.")
	secret := w.svc.Pool("UserPool").Client("secret")
	wrong := "Unable to verify secret for client " + secret.ID()
	w.refused("GetTokensFromRefreshToken", w.getTokens("secret", tk.refresh), "NotAuthorizedException", wrong)
	w.refused("GetTokensFromRefreshToken", with(w.getTokens("secret", tk.refresh), obj{"ClientSecret": strings.Repeat("x", 51)}), "NotAuthorizedException", wrong)
	w.refused("GetTokensFromRefreshToken", with(w.getTokens("secret", tk.refresh), obj{"ClientSecret": secret.Secret()}), "NotAuthorizedException", badRefresh)
	w.advance(30 * 24 * time.Hour)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", tk.refresh), "NotAuthorizedException", "Refresh Token has expired")
}

func TestRotation(t *testing.T) {
	w := newWorld(t, rotatingPool(10*time.Second))
	w.confirmed("a@example.com")
	first := w.signIn("a@example.com", goodPassword)
	w.refused("InitiateAuth", w.refresh("web", first.refresh), "UnsupportedOperationException", "REFRESH_TOKEN_AUTH is not possible with refresh token rotation; use GetTokensFromRefreshToken.")
	second := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", first.refresh)))
	if second.refresh == "" || second.refresh == first.refresh {
		t.Fatalf("refresh token %q", second.refresh)
	}
	_, before := decoded(t, first.access)
	_, after := decoded(t, second.access)
	if before["origin_jti"] != after["origin_jti"] || before["auth_time"] != after["auth_time"] {
		t.Error("the family changed")
	}
	// Within the grace the old one works, and each new one is good.
	w.advance(10*time.Second - time.Millisecond)
	again := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", first.refresh)))
	w.restart()
	third := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", second.refresh)))
	w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", again.refresh)))
	// A retry has not extended the grace. After it the whole family ends.
	w.advance(time.Millisecond)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", first.refresh), reuse, reuseText)
	for range 2 {
		for _, token := range []string{first.refresh, second.refresh, third.refresh} {
			w.refused("GetTokensFromRefreshToken", w.getTokens("web", token), "NotAuthorizedException", revoked)
		}
		w.refused("GetUser", obj{"AccessToken": third.access}, "NotAuthorizedException", "Access Token has been revoked")
		w.restart()
	}
	w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", w.signIn("a@example.com", goodPassword).refresh))) // others go on
}

// The life of all tokens of a family counts from the sign-in.
func TestRotationDoesNotExtend(t *testing.T) {
	w := newWorld(t, rotatingPool(0))
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).refresh
	for range 29 {
		w.advance(24 * time.Hour)
		if err := w.svc.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		token = w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", token))).refresh
	}
	w.advance(24 * time.Hour)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", token), "NotAuthorizedException", "Refresh Token has expired")
}

// Of refreshes at once with one token one wins; the others are a reuse, which
// ends the winner's too.
func TestRotationRace(t *testing.T) {
	w := newWorld(t, rotatingPool(0))
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).refresh
	winner, won := "", 0
	for _, a := range w.atOnce(8, "GetTokensFromRefreshToken", func(int) obj { return w.getTokens("web", token) }) {
		switch {
		case a.status == 200:
			won++
			var out obj
			if err := json.Unmarshal([]byte(a.body), &out); err != nil {
				t.Fatal(err)
			}
			winner = w.tokensOf(out).refresh
		case !strings.Contains(a.body, reuse) && !strings.Contains(a.body, revoked):
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", winner), "NotAuthorizedException", revoked)
}

// Whatever ends a sign-in ends the tokens that it was rotated to.
func TestRotatedTokensEnd(t *testing.T) {
	w := newWorld(t, rotatingPool(0))
	w.confirmed("a@example.com")
	for name, end := range map[string]func(first, second tokens){
		"RevokeToken of the new one": func(_, second tokens) {
			w.do("RevokeToken", obj{"Token": second.refresh, "ClientId": w.client("web")})
		},
		"RevokeToken of the old one": func(first, _ tokens) {
			w.do("RevokeToken", obj{"Token": first.refresh, "ClientId": w.client("web")})
		},
		"GlobalSignOut": func(_, second tokens) { w.do("GlobalSignOut", obj{"AccessToken": second.access}) },
	} {
		first := w.signIn("a@example.com", goodPassword)
		second := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", first.refresh)))
		w.refused("RevokeToken", obj{"Token": second.refresh, "ClientId": w.client("hiding")}, "UnauthorizedException", "Unauthorized")
		end(first, second)
		a := w.send("GetTokensFromRefreshToken", w.getTokens("web", second.refresh))
		if !strings.Contains(a.body, revoked) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		w.refused("GetUser", obj{"AccessToken": second.access}, "NotAuthorizedException", "Access Token has been revoked")
	}
	last := w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", w.signIn("a@example.com", goodPassword).refresh)))
	w.do("AdminDeleteUser", w.user("a@example.com"))
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", last.refresh), "NotAuthorizedException", badRefresh)
}

// A trigger that refuses does not cost the client its refresh token.
func TestRotationAndRefusingTrigger(t *testing.T) {
	pool := rotatingPool(0)
	pool.Triggers = cognito.Triggers{PreTokenGeneration: "tokens"}
	w := newWorld(t, pool)
	refuses := false
	w.functions = map[string]cognito.Invoke{"tokens": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		if refuses {
			return nil, "", errors.New("down")
		}
		return event, "", nil
	}}
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).refresh
	refuses = true
	if a := w.send("GetTokensFromRefreshToken", w.getTokens("web", token)); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	refuses = false
	w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", token)))
}

func TestDescribeRotation(t *testing.T) {
	w := newWorld(t, rotatingPool(7*time.Second))
	describe := func(client string) any {
		return w.do("DescribeUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": w.client(client)})["UserPoolClient"].(obj)["RefreshTokenRotation"]
	}
	if got, _ := json.Marshal(describe("web")); string(got) != `{"Feature":"ENABLED","RetryGracePeriodSeconds":7}` {
		t.Errorf("RefreshTokenRotation is %s", got)
	}
	if got := describe("plain"); got != nil {
		t.Errorf("without rotation: %v", got)
	}
}

// A refresh that is overtaken by another with the same token, while its
// trigger runs, is a reuse too: it gets nothing, and the family ends.
func TestRotationOvertaken(t *testing.T) {
	pool := rotatingPool(0)
	pool.Triggers = cognito.Triggers{PreTokenGeneration: "tokens"}
	w := newWorld(t, pool)
	overtake := func() {}
	w.functions = map[string]cognito.Invoke{"tokens": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		f := overtake
		overtake = func() {}
		f()
		return event, "", nil
	}}
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).refresh
	var winner tokens
	overtake = func() { winner = w.tokensOf(w.do("GetTokensFromRefreshToken", w.getTokens("web", token))) }
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", token), reuse, reuseText)
	w.refused("GetTokensFromRefreshToken", w.getTokens("web", winner.refresh), "NotAuthorizedException", revoked)
}
