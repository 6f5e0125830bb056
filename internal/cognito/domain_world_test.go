package cognito_test

import (
	"crypto/sha256"
	"encoding/base64"
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

	"github.com/doorwright/doorwright/internal/cognito"
)

const (
	callback    = "http://localhost:3000/callback?app=1"
	signedOut   = "http://localhost:3000/bye"
	appCallback = "myapp://callback"
)

// verifier and challenge are those of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// domainPool is the e-mail pool with a domain and clients for it.
func domainPool(changes ...func(*cognito.PoolConfig)) cognito.PoolConfig {
	p := emailPool()
	p.ResourceServers = []cognito.ResourceServerConfig{{Identifier: "https://rides.example", Name: "rides", Scopes: []cognito.ScopeConfig{
		{Name: "read", Description: "See rides"}, {Name: "write", Description: "Change rides"},
	}}}
	scopes := []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin", "https://rides.example/read"}
	web := &p.Clients[0]
	web.AllowedOAuthFlowsUserPoolClient = true
	web.AllowedOAuthFlows = []string{"code", "implicit"}
	web.AllowedOAuthScopes = scopes
	web.CallbackURLs = []string{callback, appCallback}
	web.LogoutURLs = []string{signedOut}
	web.SupportedIdentityProviders = []string{"COGNITO"}
	other := *web
	other.Name, other.AllowedOAuthFlows = "other", []string{"code"}
	secret := other
	secret.Name, secret.GenerateSecret = "confidential", true
	machine := cognito.ClientConfig{
		Name: "machine", GenerateSecret: true, AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthFlows: []string{"client_credentials"},
		AllowedOAuthScopes: []string{"https://rides.example/read", "https://rides.example/write"},
	}
	p.Clients = append(p.Clients, other, secret, machine)
	for _, change := range changes {
		change(&p)
	}
	return p
}

// newDomainWorld is a world whose first pool has a domain, served at its own
// origin.
func newDomainWorld(t testing.TB, pool cognito.PoolConfig, more ...cognito.PoolConfig) *world {
	t.Helper()
	var w *world
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.svc.Pool(pool.Name).Domain().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	pool.Domain, pool.Origin = "rides", server.URL
	w = newWorld(t, append([]cognito.PoolConfig{pool}, more...)...)
	return w
}

func (w *world) origin() string { return w.cfg.Pools[0].Origin }

// browser is a browser at the hosted pages: it keeps cookies, and shows where
// it would be sent without going there.
type browser struct {
	w      *world
	t      testing.TB
	jar    http.CookieJar
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{w: w, t: w.t, jar: jar}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.w.origin() + path
	}
	r, err := http.NewRequest("GET", path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form as a page of the origin does.
func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.postFrom(b.w.origin(), path, form)
}

func (b *browser) postFrom(origin, path string, form url.Values) answer {
	b.t.Helper()
	r, err := http.NewRequest("POST", b.w.origin()+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return b.do(r)
}

var (
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	filledField = regexp.MustCompile(`<input [^>]*name="([^"]*)"[^>]* value="([^"]*)"`)
)

// submit fills in the first form of a page and sends it.
func (b *browser) submit(page answer, values map[string]string) answer {
	b.t.Helper()
	action := formAction.FindStringSubmatch(page.body)
	if action == nil {
		b.t.Fatalf("no form in %d %s", page.status, page.body)
	}
	form := url.Values{}
	body, _, _ := strings.Cut(page.body[strings.Index(page.body, action[0]):], "</form>")
	for _, m := range filledField.FindAllStringSubmatch(body, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for name, value := range values {
		form.Set(name, value)
	}
	return b.post(html.UnescapeString(action[1]), form)
}

// request gives the query of an authorization request of the client "web".
// Pairs change it; an empty value takes a parameter away.
func (w *world) requestQuery(pairs ...string) string {
	q := url.Values{
		"client_id": {w.client("web")}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s&t=1"}, "nonce": {"n-1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q.Encode()
}

// login signs a user in on the login page and gives where the browser goes.
func (b *browser) login(query, name, password string) answer {
	b.t.Helper()
	page := b.get("/login?" + query)
	if page.status != 200 {
		b.t.Fatalf("the login page: %d %v %s", page.status, page.header, page.body)
	}
	return b.submit(page, map[string]string{"username": name, "password": password})
}

// location gives where an answer sends the browser.
func (b *browser) location(a answer) *url.URL {
	b.t.Helper()
	if a.status != 302 {
		b.t.Fatalf("no redirect: %d %s", a.status, a.body)
	}
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// code gives the code that an answer takes to the application.
func (b *browser) code(a answer) string {
	b.t.Helper()
	code := b.location(a).Query().Get("code")
	if code == "" {
		b.t.Fatalf("no code in %s", a.header.Get("Location"))
	}
	return code
}

// exchange gives the form that redeems a code of requestQuery.
func (w *world) exchange(code string, pairs ...string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {w.client("web")}, "redirect_uri": {callback},
		"code": {code}, "code_verifier": {verifier},
	}
	for i := 0; i < len(pairs); i += 2 {
		if form.Del(pairs[i]); pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

// endpoint posts a form as an application does, without cookies.
func (w *world) endpoint(path string, form url.Values, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.origin()+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.browser().do(r)
}

// tokensFor redeems a code.
func (w *world) tokensFor(form url.Values, header ...string) obj {
	w.t.Helper()
	a := w.endpoint("/oauth2/token", form, header...)
	if a.status != 200 {
		w.t.Fatalf("token endpoint: %d %s (%s)", a.status, a.body, w.reason())
	}
	return parse(w.t, a.body)
}

// oauthRefused posts a form that must be refused with exactly this body.
func (w *world) oauthRefused(what, path string, form url.Values, status int, body string, header ...string) {
	w.t.Helper()
	if a := w.endpoint(path, form, header...); a.status != status || a.body != body {
		w.t.Errorf("%s:\n got %d %s (%s)\nwant %d %s", what, a.status, a.body, w.reason(), status, body)
	}
}

func parse(t testing.TB, text string) obj {
	t.Helper()
	o := obj{}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// payload gives the claims of a token, whose signature others look at.
func payload(t testing.TB, token any) obj {
	t.Helper()
	parts := strings.Split(fmt.Sprint(token), ".")
	if len(parts) != 3 {
		t.Fatalf("%v is no token", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(b))
}

func leftHash(token any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(token)))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// ask sends a request with one header to a URL.
func (w *world) ask(method, address, name, value string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if value != "" {
		r.Header.Set(name, value)
	}
	return w.browser().do(r)
}

// has says whether a claim is there.
func has(claims obj, name string) bool { _, ok := claims[name]; return ok }
