package doorwright_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestTenant starts a declared tenant on its own origin, asks it for a machine's
// token as any client would, and is let in by scope.
func TestTenant(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "unicorns") }))
	t.Cleanup(upstream.Close)
	dir := declare(t, fmt.Sprintf(`name: app
tenants:
  Auth0:
    applications:
      web: {type: regular_web, callbacks: ["http://localhost:5678"]}
      machine: {type: non_interactive, grants: {Api: ["read:unicorn"]}}
    apis: {Api: {identifier: "https://unicorns.example", permissions: ["read:unicorn", "list:unicorns"], tokenLifetime: 1h}}
    users: [{email: ann@example.com, password: "Passw0rd!"}]
  Other: {apis: {Api: {identifier: "https://unicorns.example"}}}
  Real: {domain: myorg.us.auth0.com, applications: {spa: {type: spa, clientId: AbC}}}
apis:
  Api:
    authorizers:
      auth0: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://unicorns.example"]}
      other: {type: jwt, issuer: "${tenants.Other.issuer}", audience: ["https://unicorns.example"]}
    routes:
      GET /one: {url: %[1]q, authorizer: auth0, scopes: ["read:unicorn"]}
      GET /all: {url: %[1]q, authorizer: auth0, scopes: ["list:unicorns"]}
      GET /other: {url: %[1]q, authorizer: other}
outputs:
  Api: "${apis.Api.url}"
  Issuer: "${tenants.Auth0.issuer}"
  Url: "${tenants.Auth0.url}"
  Domain: "${tenants.Auth0.domain}"
  Client: "${tenants.Auth0.applications.machine.clientId}"
  RealIssuer: "${tenants.Real.issuer}"
  RealClient: "${tenants.Real.applications.spa.clientId}"
`, upstream.URL))
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	origin := r.output("Url")
	if r.output("Issuer") != origin+"/" || origin != "http://"+r.output("Domain") || r.output("RealIssuer") != "https://myorg.us.auth0.com/" || r.output("RealClient") != "AbC" {
		t.Errorf("outputs: %s %s %s %s", r.output("Issuer"), origin, r.output("Domain"), r.output("RealIssuer"))
	}
	if document := fetchJSON(t, r.output("Issuer")+".well-known/openid-configuration"); document["issuer"] != r.output("Issuer") {
		t.Errorf("discovery: %v", document)
	}
	for _, host := range []string{"attacker.example", "localhost", "localhost:1"} { // DNS rebinding
		request, err := http.NewRequest("GET", origin+"/.well-known/jwks.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 421 {
			t.Errorf("Host %s is answered %d", host, res.StatusCode)
		}
	}
	res, err := http.PostForm(origin+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {r.output("Client")}, "client_secret": {"guessed"}})
	if err != nil {
		t.Fatal(err)
	}
	var refusal map[string]string
	if err := json.NewDecoder(res.Body).Decode(&refusal); err != nil || res.StatusCode != 401 || refusal["error"] != "access_denied" {
		t.Errorf("a guessed secret: %d %v %v", res.StatusCode, refusal, err)
	}
	res.Body.Close()
	if text := r.text(doorwright.KindTenant); !strings.Contains(text, "POST /oauth/token Auth0 machine: access_denied (the application's secret is missing or wrong)") || strings.Contains(text, "guessed") {
		t.Errorf("the log says %s", text)
	}
	tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Tenant: "Auth0"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, token string) int {
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
	for path, want := range map[string]int{"/one": 200, "/all": 403, "/other": 401} {
		if got := get(path, tokens.Access); got != want {
			t.Errorf("%s answers the machine %d, not %d", path, got, want)
		}
	}
	for what, request := range map[string]doorwright.TenantTokenRequest{
		"no application":                             {Tenant: "Other"},
		"which gives its tokens itself":              {Tenant: "Real"},
		"more than one tenant":                       {},
		"has no user":                                {Tenant: "Auth0", User: "nobody@example.com"},
		"nobody signs in by the application":         {Tenant: "Auth0", User: "ann@example.com", Application: "machine"},
		"has no application of tenant Auth0 \"wbe\"": {Tenant: "Auth0", User: "ann@example.com", Application: "wbe"},
	} {
		if _, err := r.TenantToken(t.Context(), request); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v; want %s", request, err, what)
		}
	}
}

// TestTenantByHTTPS has a tenant on https: its issuer, its documents, cookies
// that no plain connection carries, and an authorizer that takes its tokens.
func TestTenantByHTTPS(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "unicorns") }))
	t.Cleanup(upstream.Close)
	r := run(t, doorwright.Config{AnyPort: true, Dir: declare(t, fmt.Sprintf(`name: app
tenants:
  Auth0:
    https: true
    applications:
      web: {type: regular_web, callbacks: ["http://localhost:5678"], logoutUrls: ["http://localhost:5678"]}
      machine: {type: non_interactive, grants: {Api: []}}
    apis: {Api: {identifier: "https://unicorns.example"}}
    users: [{email: ann@example.com, password: "Passw0rd!"}]
  Plain: {apis: {Api: {identifier: "https://unicorns.example"}}}
apis:
  Api:
    authorizers: {auth0: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://unicorns.example"]}}
    routes: {GET /: {url: %q, authorizer: auth0}}
outputs:
  Api: "${apis.Api.url}"
  Issuer: "${tenants.Auth0.issuer}"
  Domain: "${tenants.Auth0.domain}"
  Plain: "${tenants.Plain.issuer}"
  Client: "${tenants.Auth0.applications.web.clientId}"
`, upstream.URL))})
	issuer := r.output("Issuer")
	if issuer != "https://"+r.output("Domain")+"/" || !strings.HasPrefix(r.output("Plain"), "http://localhost:") {
		t.Fatalf("the issuers are %s of the domain %s, and %s", issuer, r.output("Domain"), r.output("Plain"))
	}
	transport := trusting(t, r)
	ask := func(address, host string) *http.Response {
		t.Helper()
		request, err := http.NewRequest("GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			request.Host = host
		}
		res, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	for _, host := range []string{"attacker.example", "localhost", "localhost:1", r.output("Domain") + ".attacker.example"} { // DNS rebinding
		if res := ask(issuer+".well-known/jwks.json", host); res.StatusCode != 421 {
			t.Errorf("Host %s is answered %d", host, res.StatusCode)
		}
	}
	var document map[string]any
	if err := json.NewDecoder(ask(issuer+".well-known/openid-configuration", "").Body).Decode(&document); err != nil ||
		document["issuer"] != issuer || document["token_endpoint"] != issuer+"oauth/token" || document["jwks_uri"] != issuer+".well-known/jwks.json" {
		t.Errorf("discovery: %v, %v", document, err)
	}
	begun := ask(issuer+"authorize?"+url.Values{
		"client_id": {r.output("Client")}, "redirect_uri": {"http://localhost:5678"}, "response_type": {"code"}, "scope": {"openid"},
	}.Encode(), "")
	left := ask(issuer+"v2/logout?client_id="+r.output("Client"), "")
	for what, res := range map[string]*http.Response{"a sign-in": begun, "a logout": left} {
		cookies := res.Cookies()
		if res.StatusCode != 302 || len(cookies) == 0 {
			t.Errorf("%s is answered %d with %v", what, res.StatusCode, cookies)
		}
		for _, c := range cookies {
			// The session goes with renewals in frames of applications, forms do not.
			sameSite := http.SameSiteLaxMode
			if what == "a logout" {
				sameSite = http.SameSiteNoneMode
			}
			if !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") || c.SameSite != sameSite {
				t.Errorf("%s sets the cookie %s", what, c)
			}
		}
	}
	res, err := http.Get("http" + strings.TrimPrefix(issuer, "https") + ".well-known/jwks.json")
	if err == nil {
		if res.Body.Close(); res.StatusCode != 400 {
			t.Errorf("http on the port is answered %d", res.StatusCode)
		}
	}
	tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Tenant: "Auth0"})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{tokens.Access: 200, tokens.Access + "x": 401} {
		request, err := http.NewRequest("GET", r.output("Api")+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("the API answers %d, not %d", res.StatusCode, want)
		}
	}
}

// TestTenantOfAnotherStage has an API of one stage take the tokens of a tenant on
// https that another stage runs, by the user's authority; by another one it takes
// nobody's.
func TestTenantOfAnotherStage(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	authority := filepath.Join(t.TempDir(), "ca")
	there := run(t, doorwright.Config{AnyPort: true, AuthorityDir: authority, Dir: declare(t, `name: there
tenants:
  Auth0:
    https: true
    applications: {machine: {type: non_interactive, grants: {Api: []}}}
    apis: {Api: {identifier: "https://unicorns.example"}}
outputs: {Issuer: "${tenants.Auth0.issuer}"}
`)})
	tokens, err := there.TenantToken(t.Context(), doorwright.TenantTokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]int{authority: 200, filepath.Join(t.TempDir(), "none"): 401} {
		here := run(t, doorwright.Config{AnyPort: true, AuthorityDir: dir, Dir: declare(t, fmt.Sprintf(`name: here
apis:
  Api:
    authorizers: {auth0: {type: jwt, issuer: %q, audience: ["https://unicorns.example"]}}
    routes: {GET /: {url: %q, authorizer: auth0}}
outputs: {Api: "${apis.Api.url}"}
`, there.output("Issuer"), upstream.URL))})
		request, err := http.NewRequest("GET", here.output("Api")+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+tokens.Access)
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("by the authority %s it answers %d, not %d", dir, res.StatusCode, want)
		}
		if _, err := os.Stat(dir); (err == nil) != (dir == authority) {
			t.Errorf("the authority %s: %v", dir, err)
		}
	}
}
