// Package doorwright runs a declared serverless API: its routes, who may call
// them, its user pools and its functions.
//
//	a, err := doorwright.New(doorwright.Config{Dir: "."})
//	...
//	err = a.Listen(ctx) // opens the stage's state and binds every port
//	...
//	err = a.Run(ctx)    // serves until ctx ends, then drains and stops all
//
// It is the one place that assembles the rooms (gateway, user pools,
// functions, state); each room is a package of its own and knows none of the
// others. Tests use package doorwrighttest instead.
package doorwright

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/table"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify"
)

// DefaultStage is the stage that runs if none is named.
const DefaultStage = app.DefaultStage

// Config says which app to run, and how.
type Config struct {
	// Dir is the folder of doorwright.yaml; "." if empty.
	Dir string
	// Stage is the stage; DefaultStage if empty.
	Stage string
	// State is the folder of the stage's state; DIR/.doorwright/STAGE if empty.
	State string
	// Temporary says that the state is thrown away with the test that it is made for:
	// what protects passwords from who steals it is then not worth its time, and a
	// tenant's are kept with a thousandth of the iterations. A state that was begun so
	// opens no other way, and none that was begun otherwise opens so.
	Temporary bool
	// AuthorityDir is the folder of the certificate authority for origins on
	// localhost that are served by https; the user's own on this machine if empty.
	// It is opened only if there is such an origin.
	AuthorityDir string
	// AnyPort lets every listener take any free port. A `port` in the
	// declaration is then only a preference.
	AnyPort bool
	// Inspect is a function, by its handler with or without the export, that a debugger
	// reaches on loopback: it has symbols and one instance, and nothing that leads to it
	// has a time-out. With InspectWait it runs nothing until a debugger has attached.
	// Who may connect to a port of this machine can then run code as the function.
	Inspect     string
	InspectWait bool
	// Now is the clock by which tokens, codes and log lines go; time.Now if
	// nil. Time-outs of functions and connections always go by the real one.
	Now func() time.Time
	// Console has the app show itself in a browser, on a port of its own, to who opens
	// one of its links (App.ConsoleLink). There is no console if nil.
	Console *Console
	// Observe is told what happens, from many goroutines at once; it must not
	// block. Nobody is told if nil.
	Observe func(Event)
}

// Check loads and validates the declaration in dir and opens nothing. Its
// error is an app.ErrorList if the declaration has mistakes.
func Check(dir, stage string) (*app.App, error) {
	if stage != "" {
		if err := app.CheckStage(stage); err != nil {
			return nil, err // whether or not there is a declaration
		}
	}
	return app.Load(dir, app.Options{Stage: stage, Env: os.LookupEnv})
}

// App is one stage of a declared app.
type App struct {
	cfg   Config
	decl  *app.App
	ready chan struct{} // closed when everything answers
	drain time.Duration // how long what is in flight may take at the end
	// portShift is added to every preferred port: tests have room of their own.
	portShift int
	// generateKey makes the signing keys of pools and tenants; as they do it, if nil.
	generateKey func() (*rsa.PrivateKey, error)

	// What follows is set by Listen and read-only from then on.
	dir         string // of the declaration, absolute
	state       *store.Stage
	root        sigv4.Credentials // the root keys
	account     *iam.Account
	sts         *iam.STS
	endpoint    *loopback
	authority   authority
	pools       *cognito.Service
	buckets     *bucket.Service
	functions   *lambda.Runtime
	handlerOf   map[string]string // by function name: what the declaration calls it
	lines       *lineLog
	apis        []*servedAPI
	domains     map[string]*loopback // by declared user pool
	tenants     *auth0.Service
	tables      *table.Service       // nil without tables
	dynalite    *table.Dynalite      // nil without tables that have no other engine
	origins     map[string]*loopback // by declared tenant that runs here
	added       addedDomains
	remotes     []*verify.Remote     // keys of issuers elsewhere
	elsewhere   []knownIssuer        // those issuers
	guards      []*authorizer.Lambda // authorizers that are functions
	environment Environment
	decisions   *explain.Ring // why the last requests were answered as they were
	outputs     []Output
	feed        *feed     // nil without a console, as all of it
	consoleAt   *loopback // where the console is
	console     *console.Console
	closeOnce   sync.Once

	// Known before the identity pools are open: roles trust them by their ids.
	identityPoolIDs map[string]string // by declared identity pool
	granted         map[string]string // by role: where the declaration gives it permissions
	identities      *identity.Service
	federated       map[string]identity.Provider // by the provider's name
}

// servedAPI is a declared API and where it is served.
type servedAPI struct {
	name     string
	decl     *app.API
	listener *loopback
	gateway  *gateway.Gateway
	access   *lineLog          // nil without an access log
	keys     map[string]string // values of API keys, by name
}

// url gives the API's base URL. A stage other than $default is its first
// path segment, as on API Gateway.
func (s *servedAPI) url() string {
	if s.decl.StageName == gateway.DefaultStage {
		return s.listener.url()
	}
	return s.listener.url() + "/" + s.decl.StageName
}

// New loads and validates the declaration. It opens and starts nothing.
func New(cfg Config) (*App, error) {
	if cfg.Dir == "" {
		cfg.Dir = "."
	}
	if cfg.Stage == "" {
		cfg.Stage = DefaultStage
	}
	if cfg.State == "" {
		cfg.State = store.Path(cfg.Dir, cfg.Stage)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Event) {}
	}
	decl, err := Check(cfg.Dir, cfg.Stage)
	if err != nil {
		return nil, err
	}
	if err := checkInspect(cfg, decl); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, decl: decl, ready: make(chan struct{}), drain: drainTimeout, handlerOf: map[string]string{}, decisions: explain.NewRing(keptRequests, keptBytes)}
	if cfg.Console != nil {
		a.feed = newFeed(feedStart())
	}
	return a, nil
}

// Stack is the name that the stage's stack has on AWS: STAGE-NAME.
func (a *App) Stack() string { return a.cfg.Stage + "-" + a.decl.Name }

// Ready is closed when every route and operation answers.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Outputs gives the declared outputs. It may be called after Listen.
func (a *App) Outputs() []Output { return a.outputs }

// Addresses gives where the APIs, the domains of user pools and the tenants on this machine
// are served, by their place in the declaration, such as apis.Api. It may be called after
// Listen.
func (a *App) Addresses() []Output {
	var all []Output
	for _, s := range a.apis {
		all = append(all, Output{Name: "apis." + s.name, Value: s.url()})
	}
	for name, decl := range a.decl.UserPools.All() {
		if decl.Domain == "" {
			continue
		}
		if url, err := a.attribute(app.Ref{Kind: app.RefUserPool, Name: name, Attribute: "url"}); err == nil {
			all = append(all, Output{Name: "userPools." + name, Value: url})
		}
	}
	for name := range a.decl.Tenants.All() {
		if origin := a.origins[name]; origin != nil {
			all = append(all, Output{Name: "tenants." + name, Value: origin.url()})
		}
	}
	return all
}

// Environment points a client of AWS at the app. It may be called after Listen.
func (a *App) Environment() Environment { return a.environment }

// URL gives the base URL of a declared API. It may be called after Listen.
func (a *App) URL(api string) (string, bool) {
	for _, s := range a.apis {
		if s.name == api {
			return s.url(), true
		}
	}
	return "", false
}

// Listen opens the stage's state, which no other process may hold, and binds
// every port. After an error nothing is left open; after success Run must be
// called, which closes all.
func (a *App) Listen(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	for _, step := range []func(context.Context) error{
		a.openState, a.openIdentityPoolIDs, a.bindEndpoint, a.bindDomains, a.openPools, a.openAccount, a.openBuckets, a.openTables,
		a.bindTenants, a.openTenants, a.openIdentityPools, a.openSTS, a.bindAPIs, a.openAPIKeys, a.newFunctions, a.newGateways, a.openConsole, a.writeStageFiles,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run builds the functions, serves until ctx ends, lets what is in flight
// finish and stops every child process. When it returns nothing of the app is
// left: no goroutine, no process, no open file. It gives nil if ctx ended it.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	// The rooms outlive ctx by the time that the servers need to drain: a
	// request in flight still has its function and its database.
	rooms, stopRooms := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRooms()

	if err := a.functions.Build(ctx); err != nil {
		return a.ended(ctx, err)
	}
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var background errgroup.Group
	for _, room := range []func(context.Context) error{a.functions.Run, a.pools.Run, a.tenants.Run, a.runTables} {
		background.Go(func() error {
			err := room(rooms)
			if rooms.Err() == nil {
				fail(err) // it ended by itself: so does everything
			}
			return err
		})
	}
	if err := a.createTables(failed); err != nil {
		stopRooms()
		_ = background.Wait() // what a room says of it is what err says
		return a.ended(ctx, err)
	}
	var servers errgroup.Group
	start := func(stop context.Context, l *loopback, h http.Handler) {
		servers.Go(func() error {
			c := newCrowd(len(a.apis) + len(a.domains) + len(a.origins) + 2)
			c.keepHeads = slices.ContainsFunc(a.apis, func(s *servedAPI) bool {
				return s.listener == l && s.decl.Protocol == app.ProtocolREST
			})
			s := server(l, c, h, a.serverLog(l.name))
			if a.cfg.Inspect != "" {
				s.ReadTimeout, s.WriteTimeout = 0, 0 // a person stands at a breakpoint
			}
			err := serve(stop, l, c, s, a.drain)
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	for l, h := range a.handlers() {
		start(failed, l, h)
	}
	if a.console != nil {
		start(failed, a.consoleAt, a.consoleHandler(failed))
	}
	a.serveDomains(func(d *addedDomain) {
		var stop context.Context
		stop, d.stop = context.WithCancel(failed)
		start(stop, d.listener, d.handler)
	})
	close(a.ready)
	outputs := map[string]string{}
	for _, o := range a.outputs {
		outputs[o.Name] = o.Value
	}
	a.observe(Event{Kind: KindReady, Text: "ready", Source: a.Stack(), Outputs: outputs})
	err := servers.Wait()
	stopRooms()
	return a.ended(ctx, errors.Join(err, background.Wait()))
}

// ended gives the error with which Run ends: none if it was told to end.
func (a *App) ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("running %s: %w", a.Stack(), a.state.Explain(err))
}

// handlers gives each listener its handler.
func (a *App) handlers() map[*loopback]http.Handler {
	m := map[*loopback]http.Handler{a.endpoint: a.awsEndpoint()}
	for _, s := range a.apis {
		m[s.listener] = s.gateway
	}
	for name, l := range a.domains {
		m[l] = a.surviving(a.pools.Pool(name).Domain())
	}
	for name, l := range a.origins {
		m[l] = a.surviving(a.tenants.Tenant(name).Handler())
	}
	return m
}

// close gives back what Listen took.
func (a *App) close() {
	a.closeOnce.Do(func() {
		if a.endpoint != nil {
			a.endpoint.close()
		}
		if a.consoleAt != nil {
			a.consoleAt.close()
		}
		for _, s := range a.apis {
			s.listener.close()
			if s.gateway != nil {
				s.gateway.Close()
			}
			if s.access != nil {
				if err := s.access.close(); err != nil {
					a.observe(Event{Kind: KindError, Text: "closing the access log of " + s.name + ": " + err.Error()})
				}
			}
		}
		for _, l := range a.domains {
			l.close()
		}
		for _, l := range a.origins {
			l.close()
		}
		a.closeDomains()
		for _, r := range a.remotes {
			r.Close()
		}
		if a.lines != nil {
			if err := a.lines.close(); err != nil {
				a.observe(Event{Kind: KindError, Text: "closing the log of functions: " + err.Error()})
			}
		}
		if a.state != nil {
			if err := a.state.Close(); err != nil {
				a.observe(Event{Kind: KindError, Text: "closing the stage's state: " + err.Error()})
			}
		}
	})
}

func (a *App) observe(e Event) {
	if e.Time.IsZero() {
		e.Time = a.cfg.Now()
	}
	if e.Kind != KindFunction && e.Kind != KindCode { // an object, a key and a name may be called anything
		e.Text = gateway.WithoutTokens(e.Text)
	}
	if a.feed != nil {
		a.feed.publish(e, a.changesCallers(e))
	}
	a.cfg.Observe(e)
}

// serverLog turns what net/http logs (a panic, a client that refuses our
// certificate) into warnings.
func (a *App) serverLog(name string) *log.Logger {
	var toldOfTrust atomic.Bool
	return log.New(logWriter(func(line string) {
		if failed, distrust := handshake(line); failed {
			if distrust && !toldOfTrust.Swap(true) {
				a.observe(Event{Kind: KindWarning, Source: name, Text: "a client does not trust its certificate: see `doorwright trust`"})
			}
			return
		}
		a.observe(Event{Kind: KindWarning, Source: name, Text: printableLines(line)})
	}), "", 0)
}

type logWriter func(string)

func (w logWriter) Write(p []byte) (int, error) {
	w(strings.TrimSpace(string(p)))
	return len(p), nil
}
