package auth0_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

const (
	realmGrant = "http://auth0.com/oauth/grant-type/password-realm"
	realm      = "Username-Password-Authentication"
	blocked    = "Your account has been blocked after multiple consecutive login attempts. We've sent you a notification via your preferred contact method with instructions on how to unblock it."
)

// passwordWorld is a tenant with an application of each kind that may have
// passwords.
func passwordWorld(t testing.TB) *world {
	return newWorld(t, tenantConfig(func(c *auth0.TenantConfig) {
		kinds := []string{"password", realmGrant, "refresh_token", "authorization_code"}
		c.Applications = append(c.Applications,
			auth0.ApplicationConfig{Name: "trusted", Type: auth0.TypeRegularWeb, Callbacks: []string{callback}, GrantTypes: kinds},
			auth0.ApplicationConfig{Name: "phone", Type: auth0.TypeNative, Callbacks: []string{callback}, GrantTypes: kinds, RotateRefreshTokens: true},
			auth0.ApplicationConfig{Name: "once", Type: auth0.TypeNative, GrantTypes: []string{"password"}})
	}))
}

// ask asks for ann's tokens by her password; "-" deletes.
func (w *world) ask(application string, changes ...string) answer {
	w.t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {"ann@example.com"}, "password": {password}, "audience": {unicorns}, "scope": {"openid r d"}}
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "-" {
			form.Del(changes[i])
		}
	}
	return w.token(application, form)
}

// TestPasswordGrants holds password and password-realm: the tokens, and Auth0's
// words for what is refused.
func TestPasswordGrants(t *testing.T) {
	w := passwordWorld(t)
	for _, c := range []struct {
		name, application string
		changes           []string
		status            int
		code, text        string
	}{
		{"not by default, web", "web", nil, 403, "unauthorized_client", "Grant type 'password' not allowed for the client."},
		{"not by default, spa", "spa", nil, 403, "unauthorized_client", "Grant type 'password' not allowed for the client."},
		{"not by default, machine", "machine", []string{"grant_type", realmGrant, "realm", realm}, 403, "unauthorized_client", "Grant type '" + realmGrant + "' not allowed for the client."},
		{"one without the other", "once", []string{"grant_type", realmGrant, "realm", realm}, 403, "unauthorized_client", "Grant type '" + realmGrant + "' not allowed for the client."},
		{"without a secret", "trusted", []string{"client_secret", ""}, 401, "access_denied", "Unauthorized"},
		{"with a secret that it has not", "phone", []string{"client_secret", "x"}, 401, "access_denied", "Unauthorized"},
		{"no username", "trusted", []string{"username", "-"}, 400, "invalid_request", "Missing required parameter: username"},
		{"no password", "trusted", []string{"password", "-"}, 400, "invalid_request", "Missing required parameter: password"},
		{"no realm", "trusted", []string{"grant_type", realmGrant}, 400, "invalid_request", "Missing required parameter: realm"},
		{"another realm", "trusted", []string{"grant_type", realmGrant, "realm", "ldap"}, 400, "invalid_request", "the connection was not found"},
		{"an unknown audience", "trusted", []string{"audience", "https://x.example"}, 403, "access_denied", "Service not found: https://x.example"},
		{"a wrong password", "trusted", []string{"password", "x"}, 403, "invalid_grant", "Wrong email or password."},
		{"an unknown user", "trusted", []string{"username", "nobody@example.com"}, 403, "invalid_grant", "Wrong email or password."},
		{"another's password", "phone", []string{"username", "bob@example.com"}, 403, "invalid_grant", "Wrong email or password."},
	} {
		a := w.ask(c.application, c.changes...)
		want := fmt.Sprintf(`{"error":%q,"error_description":%q}`, c.code, c.text)
		if a.status != c.status || strings.TrimSpace(a.body) != want || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s; want %d %s", c.name, a.status, a.body, c.status, want)
		}
	}
	for _, c := range []struct {
		name, application string
		changes           []string
		scope             string
	}{
		{"password", "trusted", nil, "openid r"},
		{"a public client", "phone", nil, "openid r"},
		{"realm", "phone", []string{"grant_type", realmGrant, "realm", realm}, "openid r"},
		{"an address in capitals", "trusted", []string{"username", " ANN@example.com"}, "openid r"},
		{"no scope, with RBAC", "trusted", []string{"scope", "-"}, "r w"},
		{"no scope, without RBAC", "trusted", []string{"scope", "", "audience", "https://open.example"}, "r w d"},
		{"no API", "trusted", []string{"audience", "-", "scope", "openid email"}, "openid email"},
		{"no API and no scope", "trusted", []string{"audience", "-", "scope", "-"}, ""},
	} {
		got := w.ask(c.application, c.changes...).json(t)
		if scope, _ := got["scope"].(string); scope != c.scope || got["access_token"] == nil || got["refresh_token"] != nil || (got["id_token"] != nil) != strings.Contains(c.scope, "openid") {
			t.Errorf("%s: %v; want the scope %q", c.name, got, c.scope)
			continue
		}
		if !strings.Contains(got["access_token"].(string), "..") {
			if claims := part(t, got["access_token"], 1); claims["gty"] != "password" || claims["azp"] != w.tenant.ClientID(c.application) {
				t.Errorf("%s: the access token is %v", c.name, claims)
			}
		}
		if got["id_token"] != nil {
			if id := part(t, got["id_token"], 1); id["sid"] != nil || id["nonce"] != nil || id["aud"] != w.tenant.ClientID(c.application) {
				t.Errorf("%s: the ID token is %v", c.name, id)
			}
		}
	}
	offline := w.ask("phone", "scope", "openid offline_access").json(t)
	again := w.token("phone", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {offline["refresh_token"].(string)}}).json(t)
	if again["scope"] != "openid offline_access" || again["refresh_token"] == offline["refresh_token"] || part(t, again["access_token"], 1)["gty"] != "refresh_token" {
		t.Errorf("a refresh gives %v", again)
	}
	if got := w.ask("once", "scope", "openid offline_access").json(t); got["refresh_token"] != nil || got["scope"] != "openid" {
		t.Errorf("without the grant type refresh_token: %v", got)
	}
	// A JSON body, as Auth0's SDKs for servers send.
	body, _ := json.Marshal(map[string]string{
		"grant_type": realmGrant, "realm": realm, "username": "ann@example.com", "password": password, "client_id": w.tenant.ClientID("phone"),
	})
	r, err := http.NewRequest("POST", w.origin+"/oauth/token", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if a := w.browser().do(r); a.status != 200 {
		t.Errorf("JSON: %d %s", a.status, a.body)
	}
	for _, e := range w.events {
		if text := e.String(); strings.Contains(text, password) {
			t.Errorf("the log has the password: %s", text)
		}
	}
}

// TestPasswordGuessing guesses at the token endpoint: known and unknown users are
// blocked alike, at the login page too, and a success before counts anew.
func TestPasswordGuessing(t *testing.T) {
	w := passwordWorld(t)
	for _, user := range []string{"ann@example.com", "nobody@example.com"} {
		for i := range 10 {
			if i == 9 && user == "ann@example.com" { // in a row, or not at all
				if a := w.ask("trusted"); a.status != 200 {
					t.Fatalf("the right one after nine wrong ones: %d %s", a.status, a.body)
				}
				for range 9 {
					w.ask("trusted", "password", "x")
				}
			}
			if a := w.ask("trusted", "username", user, "password", "x"); a.status != 403 || !strings.Contains(a.body, `"Wrong email or password."`) {
				t.Fatalf("guess %d of %s: %d %s", i+1, user, a.status, a.body)
			}
		}
		for _, guess := range []string{"x", password} {
			if a := w.ask("phone", "username", strings.ToUpper(user), "password", guess); a.status != 429 || strings.TrimSpace(a.body) != `{"error":"too_many_attempts","error_description":"`+blocked+`"}` {
				t.Errorf("%s with %s is answered %d %s", user, guess, a.status, a.body)
			}
		}
		if a := w.browser().signIn(w.query(), user, password); a.status != 429 {
			t.Errorf("the login page answers %s %d", user, a.status)
		}
	}
	if a := w.ask("trusted", "username", "bob@example.com", "password", "Other1!"); a.status != 200 {
		t.Errorf("another user: %d %s", a.status, a.body)
	}
	w.advance(30 * 24 * time.Hour)
	if a := w.ask("trusted"); a.status != 200 {
		t.Errorf("thirty days later: %d %s", a.status, a.body)
	}
}

// TestClientAuthentication has each type of application prove itself in each
// form: secrets by the header or the body, never both, and public ones by none.
func TestClientAuthentication(t *testing.T) {
	w := passwordWorld(t)
	for _, c := range []struct {
		name, application, header, body string
		status                          int
	}{
		{"post", "trusted", "", "SECRET", 200},
		{"basic", "trusted", "SECRET", "", 200},
		{"both", "trusted", "SECRET", "SECRET", 401},
		{"none", "trusted", "", "", 401},
		{"a wrong one in the header", "trusted", "x", "", 401},
		{"a right body beside a wrong header", "trusted", "x", "SECRET", 401},
		{"a public one", "phone", "", "", 200},
		{"a public one with an empty header", "phone", " ", "", 200},
		{"a public one with a secret in the body", "phone", "", "x", 401},
		{"a public one with a secret in the header", "phone", "x", "", 401},
		{"a public one with another's secret", "phone", "", "SECRET", 401},
	} {
		place := strings.NewReplacer("SECRET", w.tenant.ClientSecret("trusted"), " ", "")
		form := url.Values{"grant_type": {"password"}, "username": {"ann@example.com"}, "password": {password}}
		if c.header == "" {
			form.Set("client_id", w.tenant.ClientID(c.application))
		}
		if c.body != "" {
			form.Set("client_secret", place.Replace(c.body))
		}
		r, err := http.NewRequest("POST", w.origin+"/oauth/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.header != "" {
			r.SetBasicAuth(w.tenant.ClientID(c.application), place.Replace(c.header))
		}
		if a := w.browser().do(r); a.status != c.status {
			t.Errorf("%s: %d %s; want %d", c.name, a.status, a.body, c.status)
		}
	}
}

// TestUnknownUsersCostTheSame counts the work for passwords: it is the same for a user
// whom there is not, and for one whose password is wrong.
func TestUnknownUsersCostTheSame(t *testing.T) {
	w := passwordWorld(t)
	n := w.tenant.CountDerivations()
	for i, user := range []string{"ann@example.com", "nobody@example.com"} {
		form := url.Values{"grant_type": {"password"}, "client_id": {w.tenant.ClientID("phone")}, "username": {user}, "password": {"wrong"}}
		if a := w.browser().post("/oauth/token", form); a.status != 403 || n.Load() != int64(i+1) {
			t.Errorf("%s: %d after %d derivations", user, a.status, n.Load())
		}
	}
}
