package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// A Gateway serves one stage of one HTTP or REST API. It is safe for concurrent use
// and starts no goroutine.
type Gateway struct {
	config         Config
	stageVariables []apigw.Pair
	domainPrefix   string
	table          *table
	rest           *rest // nil for an HTTP API
	cors           *cors
	secretQuery    []string        // query parameters that authorizers read
	secretHeaders  []string        // and headers beside those that are always secret
	secretNames    []string        // those of either whose names do not say so
	ownTransport   *http.Transport // nil if Config.Transport is not
	accessLog      *accessLog      // nil without one
	exchanges      sync.Pool       // of *exchange
	buffers        sync.Pool       // of *[]byte, for streaming
}

// An endpoint is a compiled route.
type endpoint struct {
	key, method, resource string // resource is the path of the key
	variables             []variable
	authorizerName        string
	authorizer            Authorizer // nil on open routes only
	scopes                []string
	function              string
	upstream              *upstream // nil if the route has a function
	payloadV1             bool
	timeout               time.Duration
	preflight             bool     // a REST API's OPTIONS that cors stands for
	required              required // a REST API's required parameters
	apiKeyRequired        bool     // of a REST API
	throttle              *bucket  // of a REST API; nil without a limit
}

// name names the route in a message. Nil is the absence of a route.
func (e *endpoint) name() string {
	if e == nil {
		return "no route"
	}
	return e.key
}

// An exchange is one request on its way through the gateway, and the memory
// that the way needs, which the next request uses again.
type exchange struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	match match
	// received is r as it was received: what a signature covers.
	received *http.Request
	// body is the request's body, once it has been read.
	body     []byte
	bodyRead bool
	entry    Entry
	// answered says that the header is written: no other answer can be given.
	answered bool
	// dry stops the exchange ahead of what the route leads to, and counts nothing.
	dry bool

	logged   logged
	event    eventScratch
	segments []string
	rest     restScratch
	raw      raw
	headSize int // requestHeadSize of r

	trace *Trace   // the entry's, until the entry was told of; nil if none was made
	known []string // the secrets that the request has brought, while it is told of
	texts []byte   // what its trace tells of events and replies, without secrets
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.exchanges.Get().(*exchange)
	x.begin(w, r)
	defer func() { x.finish(recover()) }()
	x.run()
}

// begin takes a request in hand.
func (x *exchange) begin(w http.ResponseWriter, r *http.Request) {
	g := x.g
	x.received = r
	if g.config.Foreign != nil && r.Header["Cookie"] != nil {
		r = withoutForeign(r, g.config.Foreign)
	}
	x.w, x.r = w, r
	x.entry = Entry{
		RequestID: newRequestID(),
		SourceIP:  sourceIP(r),
		Method:    loggedMethod(r.Method),
	}
	if g.config.Trace || g.accessLog != nil || x.dry {
		if x.trace == nil {
			x.trace = new(Trace)
		}
		x.entry.Trace, x.trace.g, x.trace.began = x.trace, g, time.Now()
	}
}

// run takes the request through all its steps.
func (x *exchange) run() {
	x.entry.Time = x.g.config.Now()
	if x.g.rest != nil {
		x.serveREST()
		return
	}
	x.serve()
}

// serve is the order of a request to an HTTP API: match, preflight, authorize, integrate.
func (x *exchange) serve() {
	if x.headSize = requestHeadSize(x.r); x.headSize > maxRequestHead {
		x.refuse(headersTooLarge, tooLargeReason("headers", "10,240 bytes", errHeadersTooLarge))
		return
	}
	x.reach(AtRoute)
	m, err := x.g.table.match(x.r.Method, x.r.URL.EscapedPath(), x.segments[:0])
	open := err == nil && m.authorizer == nil
	// A preflight needs no route. One that a guarded route matches, by ANY or
	// by $default, is subject to the authorizer: "To support unauthorized
	// OPTIONS requests, add an OPTIONS /{proxy+} route to your API that doesn't
	// require authorization" (http-api-cors).
	if x.g.cors != nil && isPreflight(x.r) && (open || err == errNoRoute) {
		x.reach(AtPreflight)
		x.answerPreflight()
		return
	}
	if err != nil {
		x.refuse(notFound, x.noRoute(err))
		return
	}
	x.match, x.segments = m, m.segments
	x.entry.RouteKey, x.entry.Function = m.key, m.function
	if m.upstream != nil {
		x.entry.URL = m.upstream.text
	}
	decision, ok := x.authorize()
	if !ok {
		return
	}
	if m.upstream != nil && x.dry {
		return
	}
	if m.upstream != nil {
		x.reach(AtInvocation)
		x.forward()
		return
	}
	x.invoke(decision)
}

// authorize asks the route's authorizer. It answers the request if the
// decision is not a clear yes.
func (x *exchange) authorize() (authorizer.Decision, bool) {
	x.reach(AtAuthorizer)
	x.entry.Authorizer = x.match.authorizerName
	if x.match.authorizer == nil {
		x.entry.Allowed = true
		return authorizer.Decision{Allow: true}, true
	}
	d, ok := x.decide()
	if !ok {
		return authorizer.Decision{}, false
	}
	x.entry.Allowed, x.entry.Reasons = d.Allow, d.Reasons
	x.logged.decision = d
	x.decided(&d)
	switch {
	case d.Allow:
		return d, true
	case x.g.rest != nil:
		x.failDecision(d)
		return authorizer.Decision{}, false
	}
	if x.g.cors != nil && isPreflight(x.r) {
		x.entry.Reasons = append([]authorizer.Reason{x.preflightGuardedReason()}, d.Reasons...)
	}
	switch d.Status {
	case http.StatusUnauthorized:
		contentType := contentTypeJSON
		if d.Challenge != "" {
			contentType = "" // AWS's sample of a JWT authorizer's answer has none (http-api-troubleshooting-jwt)
		}
		x.refuseWith(unauthorized, nil, contentType, d.Challenge)
	case http.StatusForbidden:
		x.refuseWith(forbidden, nil, contentTypeJSON, d.Challenge)
	case http.StatusInternalServerError:
		x.refuse(internalError, nil) // the reasons say it all
	default:
		x.refuse(internalError, noDecision(x.match.authorizerName))
	}
	return authorizer.Decision{}, false
}

// finish ends an exchange: it turns a panic into an answer, logs, and gives
// the memory back.
func (x *exchange) finish(panicked any) {
	abort := panicked == http.ErrAbortHandler
	if panicked != nil && !abort {
		x.panicked(panicked)
		abort = x.answered
		if !abort {
			clear(x.w.Header())
			if x.g.rest != nil {
				x.fail(internalErrorREST, x.entry.Err)
			} else {
				x.refuse(internalError, x.entry.Err)
			}
		}
	}
	g := x.g
	if g.config.Log != nil || g.accessLog != nil {
		x.close()
		x.logAccess()
	}
	if g.config.Log != nil {
		g.config.Log(x.entry)
	}
	x.reset()
	g.exchanges.Put(x)
	if abort {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
}

// close completes the entry.
func (x *exchange) close() {
	x.entry.Path = x.loggedPath()
	x.entry.Duration = x.took()
	x.tell()
}

// panicked has the log tell of a panic.
func (x *exchange) panicked(p any) {
	x.entry.Err = fmt.Errorf("panic: %v", p)
	x.entry.Stack = string(debug.Stack())
}

// took gives how long the exchange has been under way. The answer is given: a
// clock that panics now is told of, and takes nothing of it away.
func (x *exchange) took() time.Duration {
	defer func() {
		if p := recover(); p != nil {
			x.panicked(p)
		}
	}()
	if x.entry.Time.IsZero() { // it has panicked before
		return 0
	}
	return x.g.config.Now().Sub(x.entry.Time)
}

// reset forgets the request, so that the pool keeps no token alive.
func (x *exchange) reset() {
	clear(x.segments[:cap(x.segments)])
	clear(x.known[:cap(x.known)])
	if x.trace != nil {
		*x.trace = Trace{}
	}
	if cap(x.texts) > maxShown {
		x.texts = nil
	}
	x.event.reset()
	*x = exchange{g: x.g, event: x.event, segments: x.segments[:0], trace: x.trace, known: x.known[:0], texts: x.texts[:0]}
}

// maxRequestHead bounds the request line and the header values together.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxRequestHead = 10240

func requestHeadSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 2 + len(r.Host)
	for _, values := range r.Header {
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// newRequestID gives a request id in the form of an HTTP API's, such as
// "JCJJxhz4PHcEJgQ=": eleven bytes in base64. It names, and protects nothing. Its first
// letter is one from A to f, so that no command takes an id for a flag.
func newRequestID() string {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64())
	raw[0] &= 0x7f
	return base64.URLEncoding.EncodeToString(raw[:11])
}
