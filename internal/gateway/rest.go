package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// REST is what a REST API has that an HTTP API has not.
type REST struct {
	// GatewayResponses change what the API answers by itself, by type:
	// "UNAUTHORIZED", "DEFAULT_4XX".
	GatewayResponses map[string]GatewayResponse
	// BinaryMediaTypes are the types whose bodies stand in events as base64:
	// "image/png", "image/*", "*/*".
	BinaryMediaTypes []string
	// APIKeySource is KeyFromHeader, which is also meant by empty, or
	// KeyFromAuthorizer.
	APIKeySource string
	// APIKeys and UsagePlans open the routes that require an API key.
	APIKeys    []APIKey
	UsagePlans []UsagePlan
	// Throttle bounds each route that has no bound of its own. Nil is none.
	Throttle *Throttle
	// ResourcePolicy is the API's own policy, as JSON. Empty is none.
	ResourcePolicy []byte
}

// maxRESTTimeout is the longest time-out of an integration.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const maxRESTTimeout = 29 * time.Second

// rest is a compiled REST.
type rest struct {
	deploymentID string
	responses    map[string]*gatewayResponse
	cors         *cors // what OPTIONS methods answer; nil if there are none
	binary       binaryTypes
	usage        *usage
	policy       *iam.Policy // the resource policy; nil if there is none
	signed       SignedAuthorizer
}

// compileREST checks and compiles what is REST's own in a configuration.
func compileREST(c *Config, endpoints []*endpoint) (t *table, r *rest, mistakes []error) {
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	var err error
	r = &rest{deploymentID: shortID(c.ID + "\x00" + c.Stage)}
	if c.Stage == DefaultStage {
		note("a REST API has a stage with a name")
	}
	for i := range c.Routes {
		route := &c.Routes[i]
		if route.URL != "" {
			note("route %q: a route of a REST API has a function", route.Key)
		}
		if route.PayloadFormatVersion != "" {
			note("route %q: payloadFormatVersion is for HTTP APIs", route.Key)
		}
		if route.Timeout > maxRESTTimeout {
			note("route %q: timeout %s is above %s", route.Key, route.Timeout, maxRESTTimeout)
		}
		if endpoints[i].required, err = compileRequired(route.RequestParameters); err != nil {
			note("route %q: %w", route.Key, err)
		}
		if endpoints[i].apiKeyRequired = route.APIKeyRequired; route.APIKeyRequired && route.Authorizer == None && c.REST.APIKeySource == KeyFromAuthorizer {
			note("route %q: its API key would come from its authorizer, and it has none", route.Key)
		}
		limit := cmp.Or(route.Throttle, c.REST.Throttle)
		if err = limit.check(); err != nil {
			note("route %q: %w", route.Key, err)
		}
		endpoints[i].throttle = newBucket(limit)
	}
	if r.usage, err = compileUsage(c); err != nil {
		mistakes = append(mistakes, err)
	}
	if r.policy, err = compileResourcePolicy(c); err != nil {
		mistakes = append(mistakes, err)
	}
	if r.binary, err = compileBinaryTypes(c.REST.BinaryMediaTypes); err != nil {
		mistakes = append(mistakes, err)
	}
	if c.CORS != nil {
		if r.cors, err = compileCORS(c.CORS); err != nil {
			note("cors: %w", err)
		}
		switch {
		case len(c.CORS.AllowOrigins) == 0:
			note("cors: it allows no origin")
		case strings.HasSuffix(c.CORS.AllowOrigins[0], "//*"):
			note("cors: the first origin is sent in gateway responses, so it cannot be %q", c.CORS.AllowOrigins[0])
		case len(c.CORS.ExposeHeaders) > 0:
			note("cors: a REST API's functions write Access-Control-Expose-Headers by themselves")
		}
		endpoints = append(endpoints, preflightEndpoints(endpoints)...)
	}
	if r.responses, err = compileResponses(withCORS(c.CORS, c.REST.GatewayResponses)); err != nil {
		mistakes = append(mistakes, err)
	}
	t, more := compileResources(endpoints)
	return t, r, append(mistakes, more...)
}

// shortID gives six characters in the form of a resource's or a deployment's
// id. They are the same in every run.
func shortID(seed string) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(seed))
	for i := range 6 {
		sum[i] = letters[int(sum[i])%len(letters)]
	}
	return string(sum[:6])
}

// serveREST is the order of a request to a REST API: stage, resource and
// method, resource policy and authorizer, API key and limits, validator, integration.
func (x *exchange) serveREST() {
	x.entry.RequestID, x.rest.extendedID = aws.NewRequestID(), x.entry.RequestID
	x.rest.traceID = newTraceID(x.entry.Time)
	// The header replaces the method (api-gateway-known-issues), and does so
	// before anything is decided by the method.
	if v := x.r.Header.Get("X-Http-Method-Override"); v != "" {
		r := *x.r
		r.Method = v
		x.r, x.entry.Method = &r, loggedMethod(v)
	}
	if x.headSize = requestHeadSize(x.r); x.headSize > maxRequestHead {
		x.fail(headersTooLargeREST, tooLargeReason("headers", "10,240 bytes", errHeadersTooLarge))
		return
	}
	x.reach(AtStage)
	path, inContext, err := cutStage(x.g.config.Stage, x.r.URL.EscapedPath())
	if err != nil {
		x.fail(noStage, x.noStageReason(err))
		return
	}
	x.rest.path, x.rest.contextPath = path, inContext
	x.reach(AtRoute)
	m, err := x.g.table.match(x.r.Method, path, x.segments[:0])
	if err != nil {
		x.failUnrouted(err)
		return
	}
	x.match, x.segments = m, m.segments
	x.entry.RouteKey, x.entry.Function = m.key, m.function
	if strings.IndexByte(x.r.URL.RawQuery, '|') >= 0 {
		x.fail(badQuery, badQueryReason())
		return
	}
	var ok bool
	if x.rest.decision, ok = x.authorizeREST(); !ok {
		return
	}
	if m.preflight {
		x.reach(AtPreflight)
		x.answerPreflightREST()
		return
	}
	if x.admit() && x.validate() {
		x.invokeREST()
	}
}

// restScratch is what an exchange of a REST API has beside.
type restScratch struct {
	extendedID, traceID string
	path, contextPath   string // without the stage, and with it; as they were sent
	decision            authorizer.Decision
	policy              iam.Verdict // what the resource policy says, for the authorizer
	key                 *apiKey     // that the route required
}

// failDecision answers for an authorizer that did not say yes.
func (x *exchange) failDecision(d authorizer.Decision) {
	switch {
	case d.Signature != nil:
		x.fail(signatureFailure(d.Signature), nil)
	case d.Denied != nil:
		arn, _ := x.methodARN()
		x.fail(deniedBecause(d.Denied.MessageOn(x.masked(arn))), nil)
	case d.Status == http.StatusUnauthorized && d.Message != "":
		f := unauthorizedREST
		f.message = quoteJSON(d.Message)
		x.fail(f, nil)
	case d.Status == http.StatusUnauthorized:
		x.fail(unauthorizedREST, nil)
	case d.Status == http.StatusForbidden && d.ExplicitDeny:
		x.fail(accessDeniedExplicitly, nil)
	case d.Status == http.StatusForbidden:
		x.fail(accessDenied, nil)
	case d.Status == http.StatusRequestURITooLong:
		x.fail(arnTooLong, nil)
	case d.Status == http.StatusInternalServerError:
		x.fail(authorizerConfiguration, nil) // the reasons say it all
	default:
		x.fail(authorizerConfiguration, noDecision(x.match.authorizerName))
	}
}

// invokeREST runs the route's function and answers with its reply.
func (x *exchange) invokeREST() {
	x.reach(AtEvent)
	body, ok := x.takeBody()
	if !ok {
		return
	}
	event := x.buildREST(body)
	if len(event) > maxEvent {
		x.fail(requestTooLarge, tooLargeReason("body", "6 MB", errEventTooLarge))
		return
	}
	ctx, cancel := context.WithTimeout(x.invokes(x.r.Context(), event), x.match.timeout)
	defer cancel()
	if x.dry {
		return
	}
	x.reach(AtInvocation)
	text, functionError, err := x.g.config.Invoker.Invoke(ctx, x.match.function, event)
	x.reach(AtReply)
	x.invoked(text, functionError, err)
	switch {
	case err != nil && x.r.Context().Err() != nil:
		x.fail(integrationTimeout, fmt.Errorf("the client went away: %w", err))
		return
	case err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)):
		x.fail(integrationTimeout, x.failedTimeout())
		return
	case err != nil:
		x.fail(notInvoked, x.failedInvocation(err))
		return
	case functionError != "":
		x.fail(badReply, x.failedFunction(functionError, text))
		return
	}
	reply, err := apigw.ParseReplyREST(text)
	if err != nil {
		x.fail(badReply, x.failedReply(err))
		return
	}
	x.replyREST(reply)
}

// buildREST gives the event of a REST API. Its memory is the event's own.
func (x *exchange) buildREST(body []byte) []byte {
	d := &x.rest.decision
	e := x.eventREST()
	switch {
	case x.match.authorizer == nil:
	case d.Signer != nil:
		e.RequestContext.Signer = d.Signer
	case d.Caller != nil:
		e.RequestContext.Authorizer = d.Caller.AppendREST(nil, d.Latency)
	default:
		x.event.claims = d.EventClaims(x.event.claims[:0])
		e.RequestContext.Authorizer = apigw.AppendClaims(nil, x.event.claims)
	}
	if k := x.rest.key; k != nil {
		e.RequestContext.APIKey, e.RequestContext.APIKeyID = k.Value, k.ID
	}
	e.Body = body
	e.IsBase64Encoded = len(body) > 0 && x.g.rest.binary.match(x.r.Header.Get("Content-Type"))
	return e.AppendJSON(nil)
}

// eventREST gives the event without a body and without what an authorizer says.
func (x *exchange) eventREST() apigw.EventREST {
	s, r, c := &x.event, x.r, &x.g.config
	s.variables = x.pathParametersREST(s.variables[:0])
	s.headers = x.appendHeadersREST(s.headers[:0])
	s.flat = s.flat[:0]
	for _, h := range s.headers {
		s.flat = append(s.flat, apigw.Pair{Name: h.Name, Value: h.Values[len(h.Values)-1]})
	}
	s.query = queryREST(s.query[:0], r.URL.RawQuery)
	single, multi := groupRepeats(s.query)
	return apigw.EventREST{
		Resource:                        x.match.resource,
		Path:                            x.rest.path,
		HTTPMethod:                      r.Method,
		Headers:                         s.flat,
		MultiValueHeaders:               s.headers,
		QueryStringParameters:           single,
		MultiValueQueryStringParameters: multi,
		PathParameters:                  s.variables,
		StageVariables:                  x.g.stageVariables,
		RequestContext: apigw.ContextREST{
			AccountID: c.AccountID, APIID: c.ID, DeploymentID: x.g.rest.deploymentID,
			DomainName: c.DomainName, DomainPrefix: x.g.domainPrefix,
			ResourceID: x.resourceID(), ResourcePath: x.match.resource,
			HTTPMethod: r.Method,
			Path:       x.rest.contextPath, Protocol: r.Proto, Stage: c.Stage,
			RequestID: x.entry.RequestID, ExtendedID: x.rest.extendedID,
			Time: x.entry.Time, SourceIP: x.entry.SourceIP, UserAgent: r.UserAgent(),
		},
	}
}

// droppedREST are the request headers that a function does not see. Observed.
var droppedREST = [...]string{
	"Connection", "Content-Length", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server",
	"Te", "Transfer-Encoding", "Trailer", "Upgrade", "Www-Authenticate",
	// Written by the gateway:
	"Host", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Amzn-Trace-Id",
}

// appendHeadersREST gives the headers of an event, sorted: the client's, as it
// spelled them, but for those that are dropped, and those that the gateway adds.
func (x *exchange) appendHeadersREST(to []apigw.List) []apigw.List {
	r, added := x.r, x.event.added[:0]
	add := func(name, value string) {
		added = append(added, value)
		to = append(to, apigw.List{Name: name, Values: added[len(added)-1:]})
	}
	sent := spelledHeaders(r)
	if sent == nil {
		for name, values := range r.Header {
			sent = append(sent, apigw.List{Name: name, Values: values})
		}
	}
	for _, h := range sent {
		switch name := http.CanonicalHeaderKey(h.Name); {
		case len(h.Values) == 0, slices.Contains(droppedREST[:], name):
		case name == "Authorization" && strings.HasPrefix(h.Values[0], "AWS4-"):
			// A signature is not passed on (api-gateway-known-issues).
		default:
			to = append(to, h)
		}
	}
	if v := r.Header.Get("X-Amzn-Trace-Id"); v != "" {
		add("X-Amzn-Trace-Id", v)
	} else {
		add("X-Amzn-Trace-Id", x.rest.traceID)
	}
	add("Host", r.Host)
	add("X-Forwarded-For", forwardedFor(r, x.entry.SourceIP))
	add("X-Forwarded-Port", localPort(r))
	add("X-Forwarded-Proto", scheme(r))
	slices.SortFunc(to, func(a, b apigw.List) int { return strings.Compare(a.Name, b.Name) })
	return to
}
