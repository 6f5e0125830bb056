package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/matrix"
)

// Config says what the console shows, and who shows it.
type Config struct {
	// Stack names what runs: STAGE-NAME.
	Stack string
	// Region is the stage's.
	Region string
	// Port is the console's own.
	Port int
	// Keys are the links and sessions that open it.
	Keys *Keyring
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Feed is what happens. Required.
	Feed Feed
	// Routes gives the declared routes in their order.
	Routes func() []Route
	// Story tells why a request was answered as it was, by its id or the beginning of it.
	Story func(requestID string) (*explain.Explanation, bool)
	// Functions are the declared functions.
	Functions Functions
	// Places gives where users are, in the declaration's order.
	Places func() []*Place
	// Mailbox is what was sent to users.
	Mailbox Mailbox
	// Identities are those of identity pools.
	Identities Identities
	// Inspect verifies a token by the keys of the issuer that it names, if the stage
	// knows that, and asks what a request with it would come to at each route. It keeps
	// nothing of the token. The issuer is "" for what is no JWT.
	Inspect func(ctx context.Context, token, issuer string) (Inspection, error)
	// Matrix asks who may call what.
	Matrix func(context.Context) (*matrix.Matrix, error)
	// Log is told of what a page could not show, in one line; nobody if nil.
	Log func(string)
}

// An Event is one thing that happened. It is never changed, and holds no secret.
type Event struct {
	// Seq is its place: each has a greater one than those before.
	Seq   uint64
	Time  time.Time
	Topic Topic
	// Kind says what sort of thing it was: request, pool, service, tenant, warning.
	Kind string
	// Source is what it is about: an API, a function, a user pool.
	Source string
	// RequestID finds the story of a request.
	RequestID string
	// Text is one line, or several.
	Text string
	// Changes says that others may be let in after it than before.
	Changes bool
	// Request is set for a request to an API.
	Request *Request
}

// Request is one finished request to an API.
type Request struct {
	Method, Path, Route string
	Status              int
	Duration            time.Duration
	// Refused says that the authorizer or the gateway refused it; what the function
	// answered by itself is not refused.
	Refused bool
	Reasons []string
	// Hint is the smallest change that would have let it in; Cause why the gateway
	// answered an error of its own.
	Hint, Cause string
}

// A Topic is what a list shows.
type Topic string

// The topics.
const (
	Requests Topic = "requests" // to APIs
	Activity Topic = "activity" // everything else that is not a line of a log
	Logs     Topic = "logs"     // lines of functions
	// Changes are those of Activity after which others may be let in than before.
	Changes Topic = "changes"
)

// Feed is what happened lately and what happens.
type Feed interface {
	// Last gives at most n of the latest events of a topic that are wanted, the
	// newest first, and the Seq of the newest event of all.
	Last(topic Topic, n int, wanted func(*Event) bool) (events []*Event, seq uint64)
	// Listen gives the events of a topic after seq that there still are, the oldest
	// first, and all events to come until stop is called. The channel is closed by
	// the feed for who is too slow: who listens again with the last Seq misses little.
	Listen(topic Topic, seq uint64) (missed []*Event, live <-chan *Event, stop func())
}

// Route is a declared route.
type Route struct {
	API, Protocol, Key string
	// URL is where its API is served.
	URL string
	// Authorizer is its name, Type its type: none, jwt, user_pool, lambda or iam.
	Authorizer, Type string
	Scopes           []string
	APIKeyRequired   bool
	// Callers may call a route with authorizer iam.
	Callers []string
	// Who says in words who may call, by the declaration.
	Who []string
	// Target is the handler, or the URL.
	Target string
	// Place is where it is in the declaration.
	Place string
}

// Console serves the pages.
type Console struct {
	cfg       Config
	mux       *http.ServeMux
	pages     []*page // those that there are
	templates func() (*templates, error)
	listeners atomic.Int64

	mu      sync.Mutex
	invoked map[string]*invoked // guarded by mu; by function, at most one each
	matrix  *madeMatrix         // guarded by mu; the last one

	making sync.Mutex // held while a matrix is made
}

// New makes a console. It starts nothing.
func New(cfg Config) (*Console, error) {
	switch {
	case cfg.Keys == nil:
		return nil, errors.New("making the console: it has no Keys to be opened with")
	case cfg.Feed == nil:
		return nil, errors.New("making the console: it has no Feed")
	case cfg.Port < 1:
		return nil, fmt.Errorf("making the console: %d is not a port", cfg.Port)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	c := &Console{cfg: cfg, mux: http.NewServeMux(), templates: sync.OnceValues(parseTemplates)}
	for i := range allPages {
		p := &allPages[i]
		if p.have != nil && !p.have(&c.cfg) {
			continue
		}
		c.pages = append(c.pages, p)
		c.mux.HandleFunc(p.pattern, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, p) })
	}
	c.mux.HandleFunc("GET /events", c.stream)
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, notFound("There is no such page."))
	})
	return c, nil
}

// Link makes a link that opens the console once. Its address is 127.0.0.1 and
// not localhost: the apps, tenants and hosted pages of a stage are on localhost,
// and cookies know no ports, so that the console's would be sent to each of them
// and their pages would count as its own site.
func (c *Console) Link() string {
	return "http://127.0.0.1:" + strconv.Itoa(c.cfg.Port) + openPath + c.cfg.Keys.link()
}
