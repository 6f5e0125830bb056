// Package doorwrighttest runs an app inside go test: the declared routes with
// every authorizer enforced, real user pools, real functions.
//
//	func TestPrivateRoute(t *testing.T) {
//		app := doorwrighttest.Start(t, ".")
//		user := app.Token(t, doorwrighttest.User{Name: "rider@example.com"})
//		resp := app.Get(t, "Api", "/private", user.ID)
//		...
//	}
//
// Each Start has a state folder, ports and keys of its own, so that tests may
// run side by side; all ends with the test. Time is the App's Clock: tokens
// and codes expire when a test advances it, without waiting. Passwords are kept
// weakly, for tests to be quick: a state is thrown away with its test.
package doorwrighttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// App is a running app.
type App struct {
	// Clock is the time that tokens, codes and log lines go by.
	Clock *Clock

	app     *doorwright.App
	outputs map[string]string

	mu     sync.Mutex
	events []doorwright.Event // guarded by mu
	secure *http.Transport    // of requests to https origins, once there is one; guarded by mu
}

// Options change how Start runs an app. The zero value is usable.
type Options struct {
	// Stage is the stage of the declaration; "dev" if empty.
	Stage string
	// Now is the time at which the clock starts; the real time if zero.
	Now time.Time
	// Quiet keeps what happens out of the test's log.
	Quiet bool
}

// Start builds and runs the app whose declaration is in dir, and waits until
// it answers. The app ends when the test does; the test fails if it did not
// end cleanly.
func Start(t testing.TB, dir string, options ...Options) *App {
	t.Helper()
	var o Options
	if len(options) > 1 {
		t.Fatal("doorwrighttest: Start takes one Options at most")
	} else if len(options) == 1 {
		o = options[0]
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	a := &App{Clock: &Clock{base: o.Now, real: time.Now()}}
	app, err := doorwright.New(doorwright.Config{
		Dir:       dir,
		Stage:     o.Stage,
		State:     t.TempDir(),
		Temporary: true,
		AnyPort:   true,
		// Not the user's, which tests should not need nor make.
		AuthorityDir: filepath.Join(t.TempDir(), "ca"),
		Now:          a.Clock.Now,
		Observe: func(e doorwright.Event) {
			a.mu.Lock()
			a.events = append(a.events, e)
			a.mu.Unlock()
			if !o.Quiet {
				t.Logf("%s %s %s", e.Kind, e.Source, e.Text)
			}
		},
	})
	if err != nil {
		t.Fatalf("doorwrighttest: %v", err)
	}
	a.app = app
	a.run(t)
	a.outputs = map[string]string{}
	for _, out := range app.Outputs() {
		a.outputs[out.Name] = out.Value
	}
	return a
}

// run starts the app and binds its end to the test's.
func (a *App) run(t testing.TB) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	if err := a.app.Listen(ctx); err != nil {
		stop()
		t.Fatalf("doorwrighttest: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.app.Run(ctx) }() // awaited by the cleanup
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("doorwrighttest: running the app: %v", err)
		}
	})
	select {
	case <-a.app.Ready():
	case err := <-ended:
		ended <- err // for the cleanup, which reports it
		t.Fatal("doorwrighttest: the app ended before it was ready")
	}
}

// RootCAs gives whom a client has to trust for the app's origins that are served
// by https, such as a user pool's domain: the system's authorities, and the
// test's own, which is made for it and ends with it.
func (a *App) RootCAs(t testing.TB) *x509.CertPool {
	t.Helper()
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a machine without authorities
	}
	if ca, ok := a.app.Authority(); ok && !roots.AppendCertsFromPEM(ca.PEM) {
		t.Fatal("doorwrighttest: the app's certificate authority is not PEM")
	}
	return roots
}

// URL gives the address of a declared API.
func (a *App) URL(t testing.TB, api string) string {
	t.Helper()
	u, ok := a.app.URL(api)
	if !ok {
		t.Fatalf("doorwrighttest: the declaration has no API %q", api)
	}
	return u
}

// Output gives a declared output.
func (a *App) Output(t testing.TB, name string) string {
	t.Helper()
	v, ok := a.outputs[name]
	if !ok {
		t.Fatalf("doorwrighttest: the declaration has no output %q", name)
	}
	return v
}

// Environment gives what points an AWS SDK at the app: its endpoint, region
// and root keys.
func (a *App) Environment() doorwright.Environment { return a.app.Environment() }

// Events gives what happened so far: requests with their decisions, functions'
// log lines, operations on user pools.
func (a *App) Events() []doorwright.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]doorwright.Event(nil), a.events...)
}

// User names a user for Token.
type User struct {
	// Name is what the user signs in with. Required.
	Name string
	// Pool and Client are the declared names of the user pool and its client.
	// They may be left out where the declaration has only one.
	Pool, Client string
	// Attributes are set on the user, such as {"email": "rider@example.com"}.
	Attributes map[string]string
}

// Tokens are what a sign-in gives.
type Tokens struct{ ID, Access, Refresh string }

// Token signs a user in and gives the tokens. A user who does not exist yet
// is created and confirmed, as an administrator would.
func (a *App) Token(t testing.TB, u User) Tokens {
	t.Helper()
	tokens, err := a.app.Token(t.Context(), doorwright.TokenRequest{
		Pool: u.Pool, Client: u.Client, User: u.Name, Attributes: u.Attributes,
	})
	if err != nil {
		t.Fatalf("doorwrighttest: a token for %s: %v", u.Name, err)
	}
	return Tokens(tokens)
}

// TenantUser names whose tokens of a local tenant are wanted: a user's, or,
// without Name, an application's own.
type TenantUser struct {
	// Name is the address of a declared user.
	Name string
	// Tenant and Application are declared names. They may be left out where there is
	// only one that will do.
	Tenant, Application string
	// API is the declared name of the API that the access token is for.
	API string
	// Scope is what the application asks for, such as "openid read:unicorn".
	Scope string
}

// TenantToken signs a declared user in to an application of a local tenant and
// gives the tokens, with what of Scope the user may have.
func (a *App) TenantToken(t testing.TB, u TenantUser) Tokens {
	t.Helper()
	tokens, err := a.app.TenantToken(t.Context(), doorwright.TenantTokenRequest{
		Tenant: u.Tenant, Application: u.Application, API: u.API, User: u.Name, Scope: u.Scope,
	})
	if err != nil {
		t.Fatalf("doorwrighttest: a token of a tenant: %v", err)
	}
	return Tokens(tokens)
}

// Response is an answer whose body has been read.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks an API's path, with a bearer token unless that is empty.
func (a *App) Get(t testing.TB, api, path, token string) Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL(t, api)+path, nil)
	if err != nil {
		t.Fatalf("doorwrighttest: %v", err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return a.Do(t, r)
}

// maxBody is more than API Gateway lets through.
const maxBody = 16 << 20

// Do sends a request, to an https origin of the app too. It does not follow
// redirects.
func (a *App) Do(t testing.TB, r *http.Request) Response {
	t.Helper()
	client := http.Client{
		Transport:     a.transport(t),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("doorwrighttest: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		t.Fatalf("doorwrighttest: reading the answer to %s %s: %v", r.Method, r.URL, err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
}

// transport gives the connections of requests, which trust the app's authority
// once it has one: an origin may be made by a request.
func (a *App) transport(t testing.TB) *http.Transport {
	t.Helper()
	shared := http.DefaultTransport.(*http.Transport)
	if _, ok := a.app.Authority(); !ok {
		return shared
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.secure == nil {
		a.secure = shared.Clone()
		a.secure.TLSClientConfig = &tls.Config{RootCAs: a.RootCAs(t)}
		t.Cleanup(a.secure.CloseIdleConnections)
	}
	return a.secure
}

// String gives the status and the body.
func (r Response) String() string { return fmt.Sprintf("%d %s", r.Status, strings.TrimSpace(r.Body)) }

// Clock is a clock that runs like the real one and can be put forward.
type Clock struct {
	base, real time.Time // base is what it showed at the real time

	mu      sync.Mutex
	advance time.Duration // guarded by mu
}

// Now gives the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(time.Since(c.real) + c.advance)
}

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance += d
}
