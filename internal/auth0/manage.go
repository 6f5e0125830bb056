package auth0

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/verify"
)

// managementPath is where the Management API is
// (https://auth0.com/docs/api/management/v2).
const managementPath = "/api/v2"

// ManagementName is the name of the Management API among a tenant's APIs.
const ManagementName = "Auth0 Management API"

// managementLife is how long a token for the Management API is good.
const managementLifeSeconds = 86400

// Management is the identifier of the Management API.
func (t *Tenant) Management() string { return t.management() }

func (t *Tenant) management() string { return t.cfg.Origin + managementPath + "/" }

// managed is one request to the Management API.
type managed struct {
	w      http.ResponseWriter
	r      *http.Request
	c      *call
	ctx    context.Context
	query  url.Values
	scopes []string // of the token
}

// holds says whether the caller's token has a scope.
func (m *managed) holds(scope string) bool { return slices.Contains(m.scopes, scope) }

// path gives a part of the request's path, unescaped.
func (m *managed) path(name string) string { return m.r.PathValue(name) }

// operation is one operation of the Management API. Who calls needs one of its
// scopes, and there is none without.
type operation struct {
	method, path string
	scopes       []string
	// beside are needed as well as one of scopes.
	beside []string
	status int // of a success
	// query are the parameters that it knows; others are refused, for what they
	// would leave out would be there.
	query []string
	run   func(*Tenant, *managed) (any, error)
	note  string
}

// offset are the parameters of lists that go by number, checkpoint of those that
// go on from the last one, and some those that leave members out.
var (
	offset     = []string{"page", "per_page", "include_totals"}
	checkpoint = []string{"page", "per_page", "include_totals", "take", "from"}
	some       = []string{"fields", "include_fields"}
)

// operations are those of the Management API that are emulated. Requests are
// dispatched by this table, scopes are known by it, and COMPAT.md is printed
// from it.
func operations() []operation {
	return slices.Concat(clientOperations(), serverOperations(), grantOperations(), connectionOperations(), roleOperations(), userOperations())
}

// refusedOperations are the parts of the Management API that Auth0 has and a
// local tenant has not: they are answered 501, and named in the log.
func refusedOperations() []string {
	return []string{
		"actions", "anomaly", "attack-protection", "blacklists", "branding", "custom-domains", "device-credentials", "email-templates", "emails", "flows", "forms",
		"grants", "guardian", "hooks", "jobs", "keys", "log-streams", "logs", "network-acls", "organizations", "prompts", "refresh-tokens", "risk-assessments",
		"rules", "rules-configs", "self-service-profiles", "sessions", "stats", "tickets", "token-exchange-profiles", "user-attribute-profiles", "user-blocks",
	}
}

// ManagementOperations lists the operations of the Management API for COMPAT.md.
func ManagementOperations() []aws.Operation {
	var list []aws.Operation
	for _, o := range operations() {
		auth := strings.Join(o.scopes, " or ")
		for _, s := range o.beside {
			auth += " and " + s
		}
		list = append(list, aws.Operation{Service: "auth0", Name: o.method + " " + managementPath + o.path, Status: "emulated", Auth: auth, Note: o.note})
	}
	for _, name := range refusedOperations() {
		list = append(list, aws.Operation{Service: "auth0", Name: managementPath + "/" + name, Status: "refused"})
	}
	return list
}

// ManagementScopes are the scopes that a local tenant's Management API asks for,
// in their order.
func ManagementScopes() []string {
	scopes := []string{scopeClientKeys}
	for _, o := range operations() {
		scopes = append(append(scopes, o.scopes...), o.beside...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// managementEndpoints are the Management API's part of a tenant's endpoints.
func managementEndpoints() map[string]endpoint {
	all := map[string]endpoint{}
	for _, o := range operations() {
		all[o.method+" "+managementPath+o.path] = func(t *Tenant, w http.ResponseWriter, r *http.Request, c *call) { t.manage(o, w, r, c) }
	}
	all[managementPath+"/"] = (*Tenant).unmanaged
	return all
}

// manage authenticates a request, dispatches it, and writes what comes of it.
func (t *Tenant) manage(o operation, w http.ResponseWriter, r *http.Request, c *call) {
	m := &managed{w: w, r: r, c: c, ctx: r.Context()}
	t.rateHeaders(w)
	result, err := t.managedBy(o, m)
	if err != nil {
		m.refused(err)
		return
	}
	if o.status == http.StatusNoContent {
		result = nil
	}
	m.write(o.status, result)
}

func (t *Tenant) managedBy(o operation, m *managed) (any, error) {
	if err := t.authenticateManager(m); err != nil {
		return nil, err
	}
	if err := m.mayCall(o); err != nil {
		return nil, err
	}
	return t.perform(o, m)
}

// perform runs an operation for a caller who may.
func (t *Tenant) perform(o operation, m *managed) (any, error) {
	var err error
	if m.query, err = url.ParseQuery(m.r.URL.RawQuery); err != nil {
		return nil, apiFail(http.StatusBadRequest, codeInvalidQuery, "Query validation error: the query is malformed.")
	}
	for name, values := range m.query {
		if !slices.Contains(o.query, name) {
			return nil, invalidQuery("", "Additional properties not allowed: %s", name)
		}
		if len(values) > 1 {
			return nil, invalidQuery(name, "Expected type string but found type array")
		}
	}
	return o.run(t, m)
}

// rateHeaders are those of Auth0's rate limits. No limit is kept here, and the
// headers say so: there is always one request less than the limit left.
func (t *Tenant) rateHeaders(w http.ResponseWriter) {
	const limit = 50
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(limit-1))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(t.svc.cfg.Now().Unix()+1, 10))
}

// authenticateManager finds out whose token a request has, and for what.
func (t *Tenant) authenticateManager(m *managed) error {
	headers := m.r.Header.Values("Authorization")
	switch {
	case len(headers) == 0:
		return stranger("Missing authentication", "there is no Authorization header")
	case len(headers) > 1:
		return stranger("Invalid token", "there is more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.Count(token, ".") != 2 || strings.ContainsAny(token, " \t") {
		e := apiFail(http.StatusBadRequest, "Bearer", "Bad HTTP authentication header format")
		e.reason = "it is not Bearer and a JWT: a token without an audience is opaque, and good for /userinfo alone"
		return e
	}
	verified, err := t.managers.Verify(m.ctx, token)
	var refused *verify.Error
	switch {
	case err == nil:
	case !errors.As(err, &refused):
		return err
	case refused.Reason == verify.Expired:
		return stranger("Expired token received for JSON Web Token validation", refused.Error())
	case refused.Reason == verify.WrongAudience:
		return stranger("Bad audience: "+strings.Join(refused.Got, ","), refused.Error())
	default:
		return stranger("Invalid token", refused.Error())
	}
	// Only machines get tokens for this audience: what a user may do here with
	// the scopes of the current user is not part of this version.
	if kind, _ := verified.Claims.String("gty"); kind != "client-credentials" {
		return stranger("Invalid token", "the token is not an application's own")
	}
	id, _ := verified.Claims.String("azp")
	cl := t.clientOf(id)
	if cl == nil {
		return stranger("Invalid token", "the token's application is no more")
	}
	m.c.event.Application = cl.Name
	scope, _ := verified.Claims.String("scope")
	m.scopes = strings.Fields(scope)
	return nil
}

// mayCall holds the token's scopes against those of an operation.
func (m *managed) mayCall(o operation) error {
	held := slices.ContainsFunc(o.scopes, m.holds)
	for _, s := range o.beside {
		held = held && m.holds(s)
	}
	if held {
		return nil
	}
	e := apiFail(http.StatusForbidden, codeInsufficientScope, "Insufficient scope, expected any of: %s", strings.Join(slices.Concat(o.scopes, o.beside), ","))
	e.reason = "the token has " + strings.Join(m.scopes, " ") + ": add the scope to the application's grants, below management"
	return e
}

// unmanaged answers what the Management API here does not have.
func (t *Tenant) unmanaged(w http.ResponseWriter, r *http.Request, c *call) {
	m := &managed{w: w, r: r, c: c, ctx: r.Context()}
	t.rateHeaders(w)
	if err := t.authenticateManager(m); err != nil {
		m.refused(err)
		return
	}
	part, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, managementPath+"/"), "/")
	served := slices.ContainsFunc(operations(), func(o operation) bool { return strings.HasPrefix(o.path+"/", "/"+part+"/") })
	if served || slices.Contains(refusedOperations(), part) {
		m.refused(apiFail(http.StatusNotImplemented, codeUnsupported, "%s %s is not part of this version of a local tenant.", r.Method, aws.Printable(r.URL.Path)))
		return
	}
	m.refused(notFound("Not Found", ""))
}

// newManagers gives the verifier of tokens for the Management API.
func (t *Tenant) newManagers() (*verify.Verifier, error) {
	return verify.New(verify.Config{
		Issuer: t.issuer, Audience: []string{t.management()}, Keys: t, Now: t.svc.cfg.Now, CacheSize: -1, Algorithms: []verify.Algorithm{verify.RS256},
	})
}
