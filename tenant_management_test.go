package doorwright_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/auth0"
)

// TestManagementScopesAgree: the declaration takes the scopes that the Management
// API asks for, and says so of all others.
func TestManagementScopesAgree(t *testing.T) {
	load := func(scopes []string) error {
		list, err := json.Marshal(scopes)
		if err != nil {
			t.Fatal(err)
		}
		dir := declare(t, fmt.Sprintf("name: app\ntenants:\n  Auth0:\n    applications: {m: {type: non_interactive, grants: {management: %s}}}\n", list))
		_, err = doorwright.New(doorwright.Config{Dir: dir})
		return err
	}
	if err := load(auth0.ManagementScopes()); err != nil {
		t.Error(err)
	}
	err := load([]string{"fly"})
	if err == nil || !strings.Contains(err.Error(), "it has "+strings.Join(auth0.ManagementScopes(), ", ")) {
		t.Errorf("an unknown scope: %v", err)
	}
}

// TestRolesSwitchedLive takes a role from a user by the Management API, and gives
// another: the API refuses and lets in by the next token, which a silent renewal
// gives. An application that was made at run time is let in too.
func TestRolesSwitchedLive(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "unicorn") }))
	t.Cleanup(upstream.Close)
	r := run(t, doorwright.Config{AnyPort: true, Dir: declare(t, fmt.Sprintf(`name: app
tenants:
  Auth0:
    applications:
      spa: {type: spa, callbacks: ["http://localhost:3000"]}
      manager: {type: non_interactive, grants: {management: ["read:users", "update:users", "read:roles", "create:clients", "create:client_grants", "read:client_keys"]}}
    apis: {Api: {identifier: "https://unicorns.example", rbac: true, permissions: ["read:unicorn", "list:unicorns"], allowOfflineAccess: true}}
    roles: {rider: {Api: ["read:unicorn"]}, trainer: {Api: ["read:unicorn", "list:unicorns"]}}
    users: [{email: ann@example.com, password: "Passw0rd!", roles: [rider]}]
apis:
  Api:
    authorizers: {auth0: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://unicorns.example"]}}
    defaults: {authorizer: auth0}
    routes:
      GET /unicorn: {url: %[1]q, scopes: ["read:unicorn"]}
      GET /unicorns: {url: %[1]q, scopes: ["list:unicorns"]}
outputs:
  Api: "${apis.Api.url}"
  Url: "${tenants.Auth0.url}"
  Client: "${tenants.Auth0.applications.spa.clientId}"
`, upstream.URL))})
	token, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Application: "manager", API: "management"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{User: "ann@example.com", Application: "spa", API: "management"}); err == nil {
		t.Error("a user gets a token for the Management API")
	}
	call := func(method, path, body string, out any) {
		t.Helper()
		request, err := http.NewRequest(method, r.output("Url")+"/api/v2"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token.Access)
		request.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
		}
		if out != nil {
			if err := json.Unmarshal(raw, out); err != nil {
				t.Fatal(err)
			}
		}
	}
	var roles []struct{ ID, Name string }
	call("GET", "/roles", "", &roles)
	id := func(name string) string {
		return roles[slices.IndexFunc(roles, func(r struct{ ID, Name string }) bool { return r.Name == name })].ID
	}
	var users []struct {
		ID string `json:"user_id"`
	}
	call("GET", "/users-by-email?email=ann@example.com", "", &users)
	user := "/users/" + url.PathEscape(users[0].ID)

	signIn := func() doorwright.Tokens {
		t.Helper()
		tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{
			User: "ann@example.com", Application: "spa", API: "Api", Scope: "openid offline_access read:unicorn list:unicorns"})
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	get := func(path, token string) int {
		t.Helper()
		request, err := http.NewRequest("GET", r.output("Api")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	expect := func(what, token string, one, all int) {
		t.Helper()
		if a, b := get("/unicorn", token), get("/unicorns", token); a != one || b != all {
			t.Errorf("%s: /unicorn answers %d and /unicorns %d, not %d and %d", what, a, b, one, all)
		}
	}
	before := signIn()
	expect("a rider", before.Access, 200, 403)
	call("DELETE", user+"/roles", `{"roles":["`+id("rider")+`"]}`, nil)
	expect("the token of before", before.Access, 200, 403) // it is good until it expires, as at Auth0
	expect("nobody any more", signIn().Access, 403, 403)
	call("POST", user+"/roles", `{"roles":["`+id("trainer")+`"]}`, nil)
	renewed, err := http.PostForm(r.output("Url")+"/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {r.output("Client")}, "refresh_token": {before.Refresh}})
	if err != nil {
		t.Fatal(err)
	}
	defer renewed.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Scope string
	}
	if err := json.NewDecoder(renewed.Body).Decode(&answer); err != nil || answer.Scope != "openid offline_access read:unicorn list:unicorns" {
		t.Errorf("the renewal gives %q, %v", answer.Scope, err)
	}
	expect("a trainer by renewal", answer.Token, 200, 200)

	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	call("POST", "/clients", `{"name":"Made","app_type":"non_interactive"}`, &made)
	call("POST", "/client-grants", `{"client_id":"`+made.ID+`","audience":"https://unicorns.example","scope":["read:unicorn"]}`, nil)
	res, err := http.PostForm(r.output("Url")+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {made.ID}, "client_secret": {made.Secret}, "audience": {"https://unicorns.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	expect("an application of run time", answer.Token, 200, 403)
	if text := r.text(doorwright.KindTenant); !strings.Contains(text, "DELETE /api/v2"+strings.ReplaceAll(user, "%7C", "|")+"/roles Auth0 manager ann@example.com: ok") || strings.Contains(text, made.Secret) {
		t.Errorf("the log says %s", text)
	}
}
