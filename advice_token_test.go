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
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
)

// scopesApp declares routes behind two APIs of a tenant: of the one users get what they
// hold, of the other what they ask for.
func scopesApp(t *testing.T) string {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "unicorns") }))
	t.Cleanup(upstream.Close)
	return declare(t, fmt.Sprintf(`name: app
tenants:
  Auth0:
    apis:
      Unicorns: {identifier: "https://unicorns.example", rbac: true, tokenDialect: access_token_authz, permissions: ["read:unicorn", "list:unicorns", "groom:unicorns", "feed:unicorns"]}
      Stables: {identifier: "https://stables.example", permissions: ["read:stable"]}
    applications:
      spa: {type: spa, callbacks: ["http://localhost:3000"]}
      test: {type: non_interactive, grants: {Unicorns: ["read:unicorn"]}}
    roles:
      trainer: {Unicorns: ["read:unicorn", "list:unicorns", "groom:unicorns"]}
      lister: {Unicorns: ["list:unicorns"]}
      rider: {Unicorns: ["read:unicorn"]}
    users:
      - {email: rider@example.com, password: "Passw0rd!", roles: [rider]}
      - {email: trainer@example.com, password: "Passw0rd!", roles: [trainer]}
apis:
  Api:
    authorizers: {auth0: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://unicorns.example", "https://stables.example"]}}
    defaults: {authorizer: auth0}
    routes:
      GET /unicorns: {url: %[1]q, scopes: ["list:unicorns"]}
      GET /groomed: {url: %[1]q, scopes: ["fly:unicorns", "groom:unicorns"]}
      GET /fed: {url: %[1]q, scopes: ["feed:unicorns"]}
      GET /flown: {url: %[1]q, scopes: ["fly:unicorns"]}
      GET /stable: {url: %[1]q, scopes: ["read:stable"]}
outputs: {Url: "${apis.Api.url}"}
`, upstream.URL))
}

// tokenOf gives the tenant's token of a user, or without one of the application test.
func (r *running) tokenOf(user, api, scope string) string {
	r.t.Helper()
	q := doorwright.TenantTokenRequest{User: user, API: api, Scope: scope}
	tokens, err := r.TenantToken(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return tokens.Access
}

// askWith sends a request with a token and gives its explanation. What the terminal says
// in one line is the advice's first.
func (r *running) askWith(path, token string) *explain.Explanation {
	r.t.Helper()
	id, status, _ := r.send("GET", path, "", http.Header{"Authorization": {"Bearer " + token}})
	x, ok := r.Explain(id)
	if !ok || x.Status != status {
		r.t.Fatalf("%s is answered %d, and explained %+v", path, status, x)
	}
	if strings.Contains(x.Text(), token) {
		r.t.Errorf("the token is told:\n%s", x.Text())
	}
	if status != http.StatusOK && (len(x.Advice) == 0 || !strings.Contains(r.text(doorwright.KindRequest), "("+x.Advice[0].Text+")")) {
		r.t.Errorf("the terminal does not say what is advised:\n%s\n%s", r.text(doorwright.KindRequest), x.Text())
	}
	return x
}

// applyToUser gives a user what is advised, by the operations of the tenant.
func (r *running) applyToUser(c authorizer.Change) {
	r.t.Helper()
	d, err := r.Directory("", "Auth0")
	if err != nil {
		r.t.Fatal(err)
	}
	what, name, _ := strings.Cut(c.Value, " ")
	var u doorwright.UserChange
	switch what {
	case "role":
		u.Join = []string{name}
	case "permission":
		api, permission, _ := strings.Cut(name, ":")
		u.Grant = []doorwright.Permission{{API: api, Name: permission}}
	default:
		r.t.Fatalf("%+v is nothing that a user is given", c)
	}
	if err := d.Change(r.t.Context(), c.Name, u); err != nil {
		r.t.Fatal(err)
	}
}

// TestScopeAdvice follows what is advised to who lacks a scope, as far as the request is let
// in. What the tenant knows decides on the advice: asking at login for what no role of the
// user holds is of no use.
func TestScopeAdvice(t *testing.T) {
	dir := scopesApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	for _, c := range []struct { // in this order: each leaves what it was advised with the rider
		name                   string
		path, user, api, scope string
		where                  authorizer.Where
		told                   []string
	}{
		{"a role of the user holds it", "/unicorns", "trainer@example.com", "Unicorns", "openid", authorizer.AtLogin, []string{
			"request the scope list:unicorns at login: the role trainer of trainer@example.com holds it; the claim permissions has it, and API Gateway reads scope alone",
			`(doorwright token --user USER --api Unicorns --scope "openid list:unicorns" prints one)`,
		}},
		{"other roles hold it", "/unicorns", "rider@example.com", "Unicorns", "openid list:unicorns", authorizer.OfUser, []string{
			"give rider@example.com the role lister, which holds list:unicorns as trainer does, and sign in again: doorwright users roles rider@example.com --add lister, or in the console",
		}},
		{"one of two is a permission", "/groomed", "rider@example.com", "Unicorns", "openid groom:unicorns fly:unicorns", authorizer.OfUser, []string{
			"give rider@example.com the role trainer, which holds groom:unicorns, and",
		}},
		{"no role holds it", "/fed", "rider@example.com", "Unicorns", "openid feed:unicorns", authorizer.OfUser, []string{
			"give rider@example.com the permission feed:unicorns, which no role holds, and sign in again: doorwright users roles rider@example.com --grant Unicorns:feed:unicorns, or in the console",
		}},
		{"the API has no rbac", "/stable", "rider@example.com", "Stables", "openid", authorizer.AtLogin, []string{
			"request the scope read:stable at login: tenants.Auth0.apis.Stables has no rbac, and gives it to every user",
			`(doorwright token --user USER --api Stables --scope "openid read:stable" prints one)`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			x := r.askWith(c.path, r.tokenOf(c.user, c.api, c.scope))
			if x.Status != 403 {
				t.Fatalf("status %d", x.Status)
			}
			for _, text := range c.told {
				if !strings.Contains(x.Text(), text) {
					t.Errorf("told:\n%s\nwant %s", x.Text(), text)
				}
			}
			scope := c.scope
			of := change(t, x, c.where)
			if c.where == authorizer.AtLogin {
				scope += " " + of.Value
			} else {
				r.applyToUser(of)
			}
			if x = r.askWith(c.path, r.tokenOf(c.user, c.api, scope)); x.Status != 200 {
				t.Errorf("having followed the advice:\n%s", x.Text())
			}
		})
	}
}

// TestScopeAdviceInDeclaration follows advice that changes the declaration.
func TestScopeAdviceInDeclaration(t *testing.T) {
	dir := scopesApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	x := r.askWith("/unicorns", r.tokenOf("", "Unicorns", ""))
	if want := "grant list:unicorns to the application test: add it to tenants.Auth0.applications.test.grants.Unicorns, and get a new token"; !strings.Contains(x.Text(), want) {
		t.Error(x.Text())
	}
	declareAlso(t, dir, change(t, x, authorizer.InDeclaration))
	x = r.askWith("/flown", r.tokenOf("trainer@example.com", "Unicorns", "openid fly:unicorns"))
	if want := "tenants.Auth0.apis.Unicorns has no permission fly:unicorns, so that no token gets it: add it to its permissions"; !strings.Contains(x.Text(), want) {
		t.Error(x.Text())
	}
	declareAlso(t, dir, change(t, x, authorizer.InDeclaration))
	r = again(t, r, dir)
	if x = r.askWith("/unicorns", r.tokenOf("", "Unicorns", "")); x.Status != 200 {
		t.Errorf("with the grant:\n%s", x.Text())
	}
	x = r.askWith("/flown", r.tokenOf("trainer@example.com", "Unicorns", "openid fly:unicorns"))
	r.applyToUser(change(t, x, authorizer.OfUser))
	if x = r.askWith("/flown", r.tokenOf("trainer@example.com", "Unicorns", "openid fly:unicorns")); x.Status != 200 {
		t.Errorf("with the permission:\n%s", x.Text())
	}
}

// TestTokenAdviceNamesTheCommand runs what is advised, as its flags say it, to who sends a
// token for something else, or one that has expired.
func TestTokenAdviceNamesTheCommand(t *testing.T) {
	clock := time.Now()
	var late atomic.Bool
	r := run(t, doorwright.Config{Dir: scopesApp(t), AnyPort: true, Now: func() time.Time {
		if late.Load() {
			return clock.Add(31 * 24 * time.Hour)
		}
		return clock
	}})
	tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{User: "trainer@example.com", API: "Unicorns", Scope: "openid list:unicorns"})
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`doorwright token --user USER --api (\w+) --scope "([^"]*)" prints one`)
	for _, c := range []struct{ token, want string }{
		{tokens.ID, "send the access token, not the ID token, which is for the application spa alone: ask for the audience https://unicorns.example at login; doorwright token "},
		{tokens.Access, "get a new token from "},
	} {
		late.Store(c.token == tokens.Access)
		x := r.askWith("/unicorns", c.token)
		if x.Status != 401 || !strings.Contains(x.Text(), c.want) {
			t.Errorf("told:\n%s\nwant %s", x.Text(), c.want)
		}
		flags := command.FindStringSubmatch(x.Text())
		if flags == nil {
			t.Fatalf("no command in\n%s", x.Text())
		}
		if x = r.askWith("/unicorns", r.tokenOf("trainer@example.com", flags[1], flags[2])); x.Status != 200 {
			t.Errorf("with the token that the command prints:\n%s", x.Text())
		}
	}
}

// TestPoolScopeAdvice follows what is advised about a scope of a resource server, which a
// sign-in by the API does not give.
func TestPoolScopeAdvice(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "rides") }))
	t.Cleanup(upstream.Close)
	dir := domainApp(t, upstream.URL)
	file := filepath.Join(dir, "doorwright.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const asks = `, "https://rides.example/read"]`
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), asks, "]", 1)), 0o600); err != nil || !strings.Contains(string(text), asks) {
		t.Fatalf("%v\n%s", err, text)
	}
	ask := func(r *running, token string) *explain.Explanation {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, r.output("Api")+"/rides", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, _ := do(t, req)
		return explained(t, r, res, token)
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	x := ask(r, apiToken(t, r))
	if want := "add https://rides.example/read to userPools.Users.clients.web.oauthScopes, and request it where users sign in at the domain: the client may not ask for it"; x.Status != 403 || !strings.Contains(x.Text(), want) {
		t.Error(x.Text())
	}
	declareAlso(t, dir, change(t, x, authorizer.InDeclaration))
	r = again(t, r, dir)
	x = ask(r, apiToken(t, r))
	want := "request the scope https://rides.example/read where users sign in at the domain of userPools.Users, and send the access token: userPools.Users.clients.web may ask for it; a sign-in by the API gives aws.cognito.signin.user.admin alone"
	if c := change(t, x, authorizer.AtLogin); x.Status != 403 || !strings.Contains(x.Text(), want) || c.Name != "scope" || c.Value != "https://rides.example/read" {
		t.Error(x.Text())
	}
	if x = ask(r, hostedSignIn(t, r, "rider@example.com")); x.Status != 200 {
		t.Error(x.Text())
	}
}

// TestMachineScopeAdvice follows what is advised to a client that calls for itself: to ask
// for what it may, to be allowed to, and to declare the scope that there is not.
func TestMachineScopeAdvice(t *testing.T) {
	dir := declare(t, fmt.Sprintf(`name: app
userPools:
  Users:
    domain: rides
    resourceServers: {Rides: {identifier: "https://rides.example", scopes: {read: See, write: Book}}}
    clients:
      machine: {generateSecret: true, oauthFlows: [clientCredentials], oauthScopes: ["https://rides.example/read"]}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    routes:
      GET /read: {url: %[1]q, scopes: ["https://rides.example/read"]}
      GET /write: {url: %[1]q, scopes: ["https://rides.example/write"]}
      GET /fly: {url: %[1]q, scopes: ["https://rides.example/fly"]}
      GET /feed: {url: %[1]q, scopes: ["https://feed.example/see"]}
outputs: {Url: "${apis.Api.url}", Domain: "${userPools.Users.url}", Client: "${userPools.Users.clients.machine.id}"}
`, hello(t).URL))
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	token := func(scope string) string { return r.machineToken(t, r.output("Client"), r.output("Domain"), scope) }
	const at = "userPools.Users.clients.machine"
	for _, c := range []struct {
		path, scope string
		told        []string
	}{
		{"/write", "https://rides.example/write", []string{
			"add https://rides.example/write to " + at + ".oauthScopes, and request it at the token endpoint: the client may not ask for it",
		}},
		{"/fly", "https://rides.example/fly", []string{
			"for " + at + ` to ask for https://rides.example/fly, declare userPools.Users.resourceServers.Rides.scopes.fly: "fly"`,
			"and " + at + `.oauthScopes: "https://rides.example/fly"; then request the scope at the token endpoint`,
		}},
		{"/feed", "https://feed.example/see", []string{
			"for " + at + ` to ask for https://feed.example/see, declare userPools.Users.resourceServers.NAME: {identifier: "https://feed.example", scopes: {"see": "see"}}`,
			"and " + at + `.oauthScopes: "https://feed.example/see"; then request the scope at the token endpoint`,
		}},
	} {
		x := r.askWith(c.path, token(""))
		if got := texts(x.Advice); x.Status != 403 || !slices.Equal(got, c.told) {
			t.Errorf("%s is answered %d, and advised %q", c.path, x.Status, got)
		}
		for _, a := range x.Advice {
			if a.Change == nil || a.Change.Where != authorizer.InDeclaration {
				t.Fatalf("%+v changes no declaration", a)
			}
			declareAlso(t, dir, *a.Change)
		}
		r = again(t, r, dir)
		x = r.askWith(c.path, token("https://rides.example/read"))
		asked := change(t, x, authorizer.AtLogin)
		if want := "request the scope " + c.scope + " at the token endpoint: " + at + " may ask for it"; x.Status != 403 || !slices.Equal(texts(x.Advice), []string{want}) {
			t.Errorf("%s is answered %d, and advised %q", c.path, x.Status, texts(x.Advice))
		}
		if x = r.askWith(c.path, token(asked.Value)); x.Status != 200 {
			t.Errorf("having followed the advice:\n%s", x.Text())
		}
	}
}

// texts gives what is advised.
func texts(list []explain.Advice) []string {
	var all []string
	for _, a := range list {
		all = append(all, a.Text)
	}
	return all
}

// TestPoolWithoutDomainAdvice follows what is advised where nothing gives the scope of a
// route yet.
func TestPoolWithoutDomainAdvice(t *testing.T) {
	dir := declare(t, fmt.Sprintf(`name: app
userPools:
  Users: {signInAliases: [email], resourceServers: {Rides: {identifier: "https://rides.example", scopes: {read: See}}}, clients: {web: {}}}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    routes: {GET /rides: {url: %q, authorizer: users, scopes: ["https://rides.example/read"]}}
outputs: {Url: "${apis.Api.url}", Issuer: "${userPools.Users.issuer}", Client: "${userPools.Users.clients.web.id}"}
`, hello(t).URL))
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	x := r.askWith("/rides", apiToken(t, r))
	const at = "userPools.Users.clients.web"
	want := []string{
		"for " + at + " to ask for https://rides.example/read, declare userPools.Users.domain: app",
		"and " + at + ".oauthFlows: [code]",
		"and " + at + `.callbackUrls: ["http://localhost:3000/"]`,
		"and " + at + `.oauthScopes: ["https://rides.example/read"]; then request the scope where users sign in at the domain: ` +
			"a sign-in by the API gives aws.cognito.signin.user.admin alone",
	}
	if got := texts(x.Advice); x.Status != 403 || !slices.Equal(got, want) {
		t.Fatalf("it is answered %d, and advised %q", x.Status, got)
	}
	for _, a := range x.Advice {
		declareAlso(t, dir, *a.Change)
	}
	// What hostedSignIn asks for, and where.
	declareAlso(t, dir, authorizer.Change{Name: at + ".oauthScopes", Value: "openid"})
	declareAlso(t, dir, authorizer.Change{Name: "outputs.Api", Value: "${apis.Api.url}"})
	declareAlso(t, dir, authorizer.Change{Name: "outputs.Url", Value: "${userPools.Users.url}"})
	r = again(t, r, dir)
	if _, err := r.Token(t.Context(), doorwright.TokenRequest{User: "rider@example.com"}); err != nil {
		t.Fatal(err)
	}
	req := get(t, r.output("Api")+"/rides")
	req.Header.Set("Authorization", "Bearer "+hostedSignIn(t, r, "rider@example.com"))
	res, _ := do(t, req)
	if x = explained(t, r, res); x.Status != 200 {
		t.Errorf("having followed the advice:\n%s", x.Text())
	}
}

// machineToken is the access token of a client of the one user pool, for itself.
func (r *running) machineToken(t *testing.T, client, domain, scope string) string {
	t.Helper()
	declared := r.admin("DescribeUserPoolClient", map[string]any{"UserPoolId": poolOf(t, r), "ClientId": client})["UserPoolClient"].(map[string]any)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {declared["ClientSecret"].(string)}}
	if scope != "" {
		form.Set("scope", scope)
	}
	res, err := (&http.Client{Transport: trusting(t, r)}).PostForm(domain+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("the token endpoint answers %s (%v)", res.Status, err)
	}
	return answer.Token
}
