package doorwright_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// domainApp declares an API that wants a scope of its own, and a pool with a
// domain that gives it.
func domainApp(t *testing.T, upstream string) string {
	t.Helper()
	return declare(t, fmt.Sprintf(`name: app
userPools:
  Users:
    signInAliases: [email]
    domain: rides
    resourceServers: {Rides: {identifier: "https://rides.example", scopes: {read: See rides}}}
    clients:
      web:
        oauthFlows: [code]
        oauthScopes: [openid, email, aws.cognito.signin.user.admin, "https://rides.example/read"]
        callbackUrls: ["http://localhost:3000/"]
        logoutUrls: ["http://localhost:3000/"]
  Others: {domain: others}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    routes:
      GET /rides: {url: %q, authorizer: users, scopes: ["https://rides.example/read"]}
outputs:
  Api: "${apis.Api.url}"
  Url: "${userPools.Users.url}"
  Domain: "${userPools.Users.domain}"
  Other: "${userPools.Others.url}"
  Client: "${userPools.Users.clients.web.id}"
  Issuer: "${userPools.Users.issuer}"
`, upstream))
}

// TestDomain signs in at a pool's own origin and calls an API with the scope
// that came of it.
func TestDomain(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "rides") }))
	t.Cleanup(upstream.Close)
	r := run(t, doorwright.Config{Dir: domainApp(t, upstream.URL), AnyPort: true})
	if _, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: "Users", User: "rider@example.com"}); err != nil {
		t.Fatal(err)
	}
	origin := r.output("Url")
	if origin != "https://"+r.output("Domain") || origin == r.output("Other") || strings.HasPrefix(r.output("Issuer"), origin) {
		t.Fatalf("origins: %s, %s, %s, %s", origin, r.output("Domain"), r.output("Other"), r.output("Issuer"))
	}
	document := fetchJSON(t, r.output("Issuer")+"/.well-known/openid-configuration")
	if document["token_endpoint"] != origin+"/oauth2/token" {
		t.Errorf("discovery: %v", document)
	}
	for _, host := range []string{"attacker.example", "localhost"} { // DNS rebinding
		request, err := http.NewRequest("GET", origin+"/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		res, err := trusting(t, r).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 421 {
			t.Errorf("Host %s is answered %d", host, res.StatusCode)
		}
	}
	access := hostedSignIn(t, r, "rider@example.com")
	for token, want := range map[string]int{access: 200, apiToken(t, r): 403} {
		request, err := http.NewRequest("GET", r.output("Api")+"/rides", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("the API answers %d, not %d", res.StatusCode, want)
		}
	}
}

func apiToken(t *testing.T, r *running) string {
	t.Helper()
	tokens, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: "Users", User: "rider@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Access
}

func fetchJSON(t *testing.T, address string) map[string]any {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// trusting asks as a client that was told of the app's certificate authority.
func trusting(t *testing.T, r *running) http.RoundTripper {
	t.Helper()
	ca, ok := r.Authority()
	if !ok {
		t.Fatal("the app has no certificate authority")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.PEM) {
		t.Fatal("its certificate is not PEM")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

var formTag = regexp.MustCompile(`action="([^"]*)">\s*<input type="hidden" name="_csrf" value="([^"]*)"`)

// hostedSignIn resets a user's password to a known one, signs in on the login
// page, and gives the access token.
func hostedSignIn(t *testing.T, r *running, user string) string {
	t.Helper()
	const password = "Passw0rd!"
	if err := r.Call(t.Context(), "AdminSetUserPassword", map[string]any{
		"UserPoolId": r.output("Issuer")[strings.LastIndex(r.output("Issuer"), "/")+1:], "Username": user, "Password": password, "Permanent": true,
	}); err != nil {
		t.Fatal(err)
	}
	origin := r.output("Url")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: trusting(t, r), CheckRedirect: func(to *http.Request, _ []*http.Request) error {
		if to.URL.Port() == "3000" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	read := func(res *http.Response, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(b)
	}
	query := url.Values{"client_id": {r.output("Client")}, "response_type": {"code"}, "redirect_uri": {"http://localhost:3000/"}, "scope": {"openid https://rides.example/read"}}
	_, page := read(browser.Get(origin + "/oauth2/authorize?" + query.Encode()))
	form := formTag.FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("no form in %s", page)
	}
	res, page := read(browser.PostForm(origin+html.UnescapeString(form[1]), url.Values{"_csrf": {form[2]}, "username": {user}, "password": {password}}))
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("no code: %d %s %s", res.StatusCode, res.Header.Get("Location"), page)
	}
	_, body := read(browser.PostForm(origin+"/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {r.output("Client")}, "code": {to.Query().Get("code")}, "redirect_uri": {"http://localhost:3000/"},
	}))
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || tokens.AccessToken == "" {
		t.Fatalf("no token: %s", body)
	}
	return tokens.AccessToken
}

// TestDomainsAtRunTime: a domain that a request makes has an origin at once, the
// same one in the next run, and none once it is deleted.
func TestDomainsAtRunTime(t *testing.T) {
	dir := declare(t, `name: app
userPools: {Users: {clients: {web: {oauthFlows: [code], oauthScopes: [openid], callbackUrls: ["http://localhost:3000/"]}}}}
outputs: {Pool: "${userPools.Users.id}", Client: "${userPools.Users.clients.web.id}", Issuer: "${userPools.Users.issuer}"}
`)
	var origin string
	login := func(r *running) (int, error) {
		query := url.Values{"client_id": {r.output("Client")}, "response_type": {"code"}, "redirect_uri": {"http://localhost:3000/"}}
		client := http.Client{Transport: trusting(t, r)}
		res, err := client.Get(origin + "/login?" + query.Encode())
		if err != nil {
			return 0, err
		}
		res.Body.Close()
		return res.StatusCode, nil
	}
	first := run(t, doorwright.Config{Dir: dir})
	in := map[string]any{"Domain": "rides", "UserPoolId": first.output("Pool")}
	if err := first.Call(t.Context(), "CreateUserPoolDomain", in); err != nil {
		t.Fatal(err)
	}
	endpoint := fetchJSON(t, first.output("Issuer")+"/.well-known/openid-configuration")["token_endpoint"].(string)
	origin = strings.TrimSuffix(endpoint, "/oauth2/token")
	if status, err := login(first); status != 200 {
		t.Fatalf("at once: %d %v", status, err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := run(t, doorwright.Config{Dir: dir})
	if status, err := login(second); status != 200 {
		t.Fatalf("in the next run: %d %v", status, err)
	}
	if err := second.Call(t.Context(), "DeleteUserPoolDomain", in); err != nil {
		t.Fatal(err)
	}
	if status, err := login(second); status == 200 {
		t.Errorf("after its end: %d %v", status, err)
	}
}

// TestDomainMadeAgain: a domain that is deleted and made again has its origin again,
// which applications have in their settings, and the app runs on.
func TestDomainMadeAgain(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, `name: app
userPools: {Users: {}}
outputs: {Pool: "${userPools.Users.id}", Issuer: "${userPools.Users.issuer}"}
`)})
	in := map[string]any{"Domain": "rides", "UserPoolId": r.output("Pool")}
	var first string
	for i := range 10 {
		if err := r.Call(t.Context(), "CreateUserPoolDomain", in); err != nil {
			t.Fatal(err)
		}
		endpoint := fetchJSON(t, r.output("Issuer")+"/.well-known/openid-configuration")["token_endpoint"].(string)
		if i == 0 {
			first = endpoint
		} else if endpoint != first {
			t.Fatalf("made again (%d) it is at %s, not at %s", i, endpoint, first)
		}
		client := http.Client{Transport: trusting(t, r)}
		res, err := client.Get(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if err := r.Call(t.Context(), "DeleteUserPoolDomain", in); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestDomainTellsNoSecrets sends what is secret, and what acts on terminals, to a
// domain's endpoints, where they belong and where they do not. Nothing of it is in
// an event, nor in the name of a pool that a request makes.
func TestDomainTellsNoSecrets(t *testing.T) {
	const escape, secret = "\x1b[2J\r\n200 GET /forged\u202e", "s3cret-0123456789"
	upstream := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(upstream.Close)
	r := run(t, doorwright.Config{Dir: domainApp(t, upstream.URL), AnyPort: true})
	client := http.Client{Transport: trusting(t, r), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	origin := "https://" + r.output("Domain")
	send := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequest(method, origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin+"\u009b2J")
		req.Header.Set("Cookie", "__Host-cognito-"+r.output("Other")+"="+secret)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	web := url.Values{"client_id": {r.output("Client")}, "response_type": {"code"}, "redirect_uri": {"http://localhost:3000/"}, "state": {secret}, "nonce": {secret}}.Encode()
	hostile := url.QueryEscape(escape)
	for _, path := range []string{"/oauth2/authorize", "/login", "/logout", "/error", "/oauth2/idpresponse", "/signup"} {
		for _, query := range []string{
			web, web + "&scope=" + hostile, web + "&identity_provider=" + hostile, "client_id=" + hostile, web + "&logout_uri=" + hostile, "error=" + hostile,
			"a" + hostile + "=1&a" + hostile + "=2", "redirect_uri=" + hostile + "&" + "client_id=" + r.output("Client"), "code=" + secret + "&state=" + secret + "&error_description=" + hostile,
			web + "&code_challenge_method=" + hostile + "&code_challenge=" + secret, web + "&response_type=x",
		} {
			send("GET", path+"?"+query, "")
		}
	}
	all := url.Values{
		"client_id": {r.output("Client")}, "client_secret": {secret}, "code": {secret}, "code_verifier": {secret}, "refresh_token": {secret}, "token": {secret},
		"username": {escape + "@example.com"}, "password": {secret}, "confirmPassword": {secret}, "session": {secret}, "_csrf": {secret},
	}
	for _, grant := range []string{"authorization_code", "refresh_token", "client_credentials", escape, strings.Repeat("g", 4000), ""} {
		all.Set("grant_type", grant)
		for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/login?" + web, "/signup?" + web, "/confirm?" + web, "/newPassword?" + web, "/resetPassword?" + web} {
			send("POST", path, all.Encode())
			send("POST", path, all.Encode()+"&"+hostile+"=1&"+hostile+"=2")
		}
	}
	r.admin("CreateUserPool", map[string]any{"PoolName": "a\r\nb\f"})
	r.harmless(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	told := 0
	for _, e := range r.events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if told++; strings.Contains(string(text), secret) || len(text) > 2000 {
			t.Errorf("told: %.600s", text)
		}
	}
	if told < 100 {
		t.Errorf("%d events: the test tests too little", told)
	}
}
