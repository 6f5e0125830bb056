package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// The bounds of a route's time-out.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	MinTimeout = 50 * time.Millisecond
	MaxTimeout = 30 * time.Second
	// inspectTimeout is none to a person at a breakpoint.
	inspectTimeout = 24 * time.Hour
)

// maxScopes is how many scopes a route may ask for.
const maxScopes = 10

// New checks the configuration and compiles it. Its error names every mistake.
func New(c Config) (*Gateway, error) {
	g := &Gateway{}
	var mistakes []error
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	c.fillIn()
	if c.ID == "" || c.DomainName == "" {
		note("ID and DomainName are required")
	}
	if c.Stage != DefaultStage && (len(c.Stage) > 128 || strings.Trim(c.Stage, stageBytes) != "") {
		note("stage %q is not letters, digits, - and _, 128 at most", c.Stage)
	}
	if len(c.Routes) == 0 {
		note("there are no routes")
	}
	for name, value := range c.StageVariables {
		g.stageVariables = append(g.stageVariables, apigw.Pair{Name: name, Value: value})
	}
	byName(g.stageVariables)
	g.domainPrefix = c.DomainName
	if i := strings.IndexAny(c.DomainName, ".:"); i >= 0 {
		g.domainPrefix = c.DomainName[:i]
	}
	if _, ok := c.Authorizers[None]; ok {
		note("an authorizer cannot be named %q, which means an open route", None)
	}

	endpoints := make([]*endpoint, 0, len(c.Routes))
	for i := range c.Routes {
		endpoints = append(endpoints, &endpoint{key: c.Routes[i].Key})
	}
	var routeMistakes []error
	if c.REST == nil {
		g.table, routeMistakes = compile(c.Stage, endpoints)
	} else {
		g.table, g.rest, routeMistakes = compileREST(&c, endpoints)
	}
	mistakes = append(mistakes, routeMistakes...)
	for i, e := range endpoints {
		for _, err := range e.complete(&c, &c.Routes[i]) {
			note("route %q: %w", e.key, err)
		}
	}
	if c.REST == nil {
		var err error
		if g.cors, err = compileCORS(c.CORS); err != nil {
			note("cors: %w", err)
		}
	}
	var err error
	if g.accessLog, err = compileAccessLog(&c); err != nil {
		mistakes = append(mistakes, err)
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("configuring the API %q: %w", c.ID, errors.Join(mistakes...))
	}
	for name, a := range c.Authorizers {
		if f, ok := a.(FunctionAuthorizer); ok {
			g.secretQuery = append(g.secretQuery, f.QueryParameters()...)
			if ofREST := f.Format() == authorizer.FormatToken || f.Format() == authorizer.FormatRequest; ofREST != (c.REST != nil) {
				return nil, fmt.Errorf("configuring the API %q: the format %s of authorizer %q is not for this kind of API", c.ID, f.Format(), name)
			}
		}
		if s, ok := a.(SignedAuthorizer); ok && g.rest != nil {
			g.rest.signed = s
		}
		if h, ok := a.(interface{ SecretHeaders() []string }); ok {
			g.secretHeaders = append(g.secretHeaders, h.SecretHeaders()...)
		}
		if q, ok := a.(interface{ QueryParameter() string }); ok && q.QueryParameter() != "" {
			g.secretQuery = append(g.secretQuery, q.QueryParameter())
		}
	}
	slices.Sort(g.secretHeaders)
	g.secretHeaders = slices.DeleteFunc(slices.Compact(g.secretHeaders), func(name string) bool { return slices.Contains(alwaysSecret[:], name) })
	g.secretNames = namesOfSecrets(g.secretHeaders, g.secretQuery)
	if c.Transport == nil {
		g.ownTransport = NewTransport()
		c.Transport = g.ownTransport
	}
	g.config = c
	g.exchanges.New = func() any { return &exchange{g: g} }
	g.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	return g, nil
}

// fillIn gives the optional fields their defaults.
func (c *Config) fillIn() {
	if c.AccountID == "" {
		c.AccountID = aws.AccountID
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Stage == "" {
		c.Stage = DefaultStage
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Close ends the idle connections to upstreams.
func (g *Gateway) Close() {
	if g.ownTransport != nil {
		g.ownTransport.CloseIdleConnections()
	}
}

const stageBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// complete fills in what is not in the route key, and gives all mistakes.
func (e *endpoint) complete(c *Config, r *Route) (mistakes []error) {
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	e.authorizerName = r.Authorizer
	switch {
	case r.Authorizer == None:
	case r.Authorizer == "":
		note("it has no authorizer: name one, or say %q", None)
	case c.Authorizers[r.Authorizer] == nil:
		note("there is no authorizer %q", r.Authorizer)
	default:
		e.authorizer = c.Authorizers[r.Authorizer]
	}
	_, isFunction := e.authorizer.(FunctionAuthorizer)
	_, isSigned := e.authorizer.(SignedAuthorizer)
	switch {
	case len(r.Scopes) > 0 && (r.Authorizer == None || isFunction || isSigned):
		note("it has scopes but nothing that checks them")
	case len(r.Scopes) > maxScopes:
		note("it has %d scopes, %d at most", len(r.Scopes), maxScopes)
	case slices.ContainsFunc(r.Scopes, func(s string) bool { return !validScope(s) }):
		note("its scopes %q are not all scope tokens (RFC 6749, section 3.3)", r.Scopes)
	}
	e.scopes = r.Scopes

	var err error
	switch {
	case r.Function != "" && r.URL != "":
		note("it has both a function and a url")
	case r.Function != "":
		if e.function = r.Function; c.Invoker == nil {
			note("it has a function, and nothing runs functions")
		}
	case r.URL != "":
		if e.upstream, err = compileUpstream(r.URL, e.variables); err != nil {
			note("%w", err)
		}
	default:
		note("it has neither a function nor a url")
	}
	switch r.PayloadFormatVersion {
	case "", "2.0":
	case "1.0":
		e.payloadV1 = true
	default:
		note("payloadFormatVersion %q is neither 1.0 nor 2.0", r.PayloadFormatVersion)
	}
	if e.timeout = r.Timeout; e.timeout == 0 {
		e.timeout = MaxTimeout
		if c.REST != nil {
			e.timeout = maxRESTTimeout
		}
	}
	if e.timeout < MinTimeout || e.timeout > MaxTimeout {
		note("timeout %s is not from %s to %s", e.timeout, MinTimeout, MaxTimeout)
	}
	if r.Inspected {
		e.timeout = inspectTimeout
	}
	return mistakes
}

// validScope accepts a scope-token, which has neither a space nor a quote and
// is therefore safe in www-authenticate.
func validScope(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
