package auth0_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/keytest"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

const (
	callback  = "http://localhost:3000/callback?app=1"
	webOrigin = "http://localhost:3000"
	unicorns  = "https://unicorns.example"
	password  = "Passw0rd!"
)

// verifier and challenge are those of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

type world struct {
	t      testing.TB
	tenant *auth0.Tenant
	mails  *store.Mailbox
	action auth0.Invoke // of the next sign-ins
	origin string

	mu     sync.Mutex
	now    time.Time
	events []auth0.Event
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) advance(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

// tenantConfig is a tenant with an application of each type; DECL is r, w, d and
// PERM of ann is r, w.
func tenantConfig(changes ...func(*auth0.TenantConfig)) auth0.TenantConfig {
	c := auth0.TenantConfig{
		Name: "Auth0",
		Applications: []auth0.ApplicationConfig{
			{Name: "spa", Type: auth0.TypeSPA, Callbacks: []string{callback}, LogoutURLs: []string{"http://localhost:3000/bye"}, WebOrigins: []string{webOrigin}, RotateRefreshTokens: true},
			{Name: "other", Type: auth0.TypeSPA, Callbacks: []string{"http://localhost:3001/"}, WebOrigins: []string{"http://localhost:3001"}},
			{Name: "web", Type: auth0.TypeRegularWeb, Callbacks: []string{"http://localhost:5678"}, Grants: auth0.Permissions{unicorns: {"r", "w"}}},
			{Name: "machine", Type: auth0.TypeNonInteractive, Grants: auth0.Permissions{unicorns: {"r", "w"}}},
		},
		APIs: []auth0.APIConfig{
			{Name: "Unicorns", Identifier: unicorns, RBAC: true, Permissions: []string{"r", "w", "d"}, Dialect: auth0.DialectAuth0Authz, AllowOfflineAccess: true, TokenLifetime: 24 * time.Hour},
			{Name: "Open", Identifier: "https://open.example", Permissions: []string{"r", "w", "d"}, Dialect: auth0.DialectAuth0, TokenLifetime: 24 * time.Hour},
			{Name: "Standard", Identifier: "https://standard.example", Permissions: []string{"r"}, Dialect: auth0.DialectRFC9068, TokenLifetime: time.Hour},
		},
		Roles: map[string]auth0.Permissions{"reader": {unicorns: {"r"}}},
		Users: []auth0.UserConfig{
			{Email: "ann@example.com", Password: password, Roles: []string{"reader"}, Permissions: auth0.Permissions{unicorns: {"w"}}, GivenName: "Ann"},
			{Email: "bob@example.com", Password: "Other1!"},
		},
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func openDB(t testing.TB, dir string) *store.DB {
	t.Helper()
	return openState(t, dir).DB()
}

func openState(t testing.TB, dir string) *store.Stage {
	t.Helper()
	state, err := store.Open(t.Context(), dir, store.Options{Migrations: migrations(), Begin: emptyState(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	return state
}

func newWorld(t testing.TB, cfg auth0.TenantConfig) *world {
	t.Helper()
	state := openState(t, t.TempDir())
	return newWorldOf(t, state.DB(), state.Mailbox(), cfg)
}

func newWorldIn(t testing.TB, db *store.DB, cfg auth0.TenantConfig) *world {
	t.Helper()
	return newWorldOf(t, db, nil, cfg)
}

// keys are what tenants sign with.
var keys keytest.Ring

func newWorldOf(t testing.TB, db *store.DB, mails *store.Mailbox, cfg auth0.TenantConfig) *world {
	t.Helper()
	w := &world{t: t, mails: mails, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.tenant.Handler().ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	w.origin = server.URL
	cfg.Origin = w.origin
	svc, err := auth0.New(auth0.Config{Tenants: []auth0.TenantConfig{cfg}, DB: db, Now: w.clock, PasswordIterations: 1000, GenerateKey: keys.Maker(t), Mailbox: mails, Invoke: func(ctx context.Context, function string, event []byte) ([]byte, string, error) {
		return w.action(ctx, function, event)
	}, Log: func(e auth0.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.tenant = svc.Tenant(cfg.Name)
	return w
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

// browser keeps cookies, and shows where it would be sent without going there.
type browser struct {
	w *world
	c *http.Client
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(r *http.Request) answer {
	b.w.t.Helper()
	res, err := b.c.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(address string) answer {
	b.w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.w.origin + address
	}
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, form url.Values, headers ...string) answer {
	b.w.t.Helper()
	r, err := http.NewRequest("POST", b.w.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

// query is a good request of the spa, with changes; "-" deletes.
func (w *world) query(changes ...string) string {
	q := url.Values{
		"client_id": {w.tenant.ClientID("spa")}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"a+b/c=="}, "nonce": {"n1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "-" {
			q.Del(changes[i])
		}
	}
	return q.Encode()
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fields gives the hidden fields of a page.
func fields(page string) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// signIn goes through the login page, and gives what the browser is answered.
func (b *browser) signIn(query, user, password string) answer {
	b.w.t.Helper()
	first := b.get("/authorize?" + query)
	location := first.header.Get("Location")
	if first.status != 302 || !strings.HasPrefix(location, "/u/login?state=") {
		b.w.t.Fatalf("/authorize: %d %s %s", first.status, location, first.body)
	}
	page := b.get(location)
	if page.status != 200 {
		b.w.t.Fatalf("the login page: %d %s", page.status, page.body)
	}
	form := fields(page.body)
	form.Set("username", user)
	form.Set("password", password)
	form.Set("action", "default")
	return b.post(location, form, "Origin", b.w.origin)
}

// landed gives the parameters with which the browser is sent to the callback.
func (w *world) landed(a answer) url.Values {
	w.t.Helper()
	location := a.header.Get("Location")
	rest, ok := strings.CutPrefix(location, callback+"&")
	if a.status != 302 || !ok {
		w.t.Fatalf("not sent to the callback: %d %q %s", a.status, location, a.body)
	}
	v, err := url.ParseQuery(rest)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// token asks the token endpoint as an application, with its secret if it has one.
func (w *world) token(application string, form url.Values, headers ...string) answer {
	w.t.Helper()
	if form.Get("client_id") == "" {
		form.Set("client_id", w.tenant.ClientID(application))
	}
	if secret := w.tenant.ClientSecret(application); secret != "" && !form.Has("client_secret") {
		form.Set("client_secret", secret)
	}
	return w.browser().post("/oauth/token", form, headers...)
}

// code signs ann in and gives the code.
func (w *world) code(changes ...string) string {
	w.t.Helper()
	code := w.landed(w.browser().signIn(w.query(changes...), "ann@example.com", password)).Get("code")
	if code == "" {
		w.t.Fatal("no code")
	}
	return code
}

func redemption(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

// tokens gives ann's tokens of the spa.
func (w *world) tokens(changes ...string) map[string]any {
	w.t.Helper()
	a := w.token("spa", redemption(w.code(changes...)))
	if a.status != 200 {
		w.t.Fatalf("tokens: %d %s", a.status, a.body)
	}
	return a.json(w.t)
}

// part decodes a part of a token: 0 is the header, 1 the claims.
func part(t testing.TB, token any, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func migrations() []store.Migration { return slices.Concat(oidc.Migrations(), auth0.Migrations()) }

// madeState is the database that each test's stage begins with.
var madeState = sync.OnceValues(func() ([]byte, error) { return store.Empty(context.Background(), migrations()) })

func emptyState(t testing.TB) []byte {
	t.Helper()
	b, err := madeState()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
