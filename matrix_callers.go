package doorwright

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/matrix"
)

// A matrixIssuer is a user pool or a local tenant whose tokens authorizers of the app
// take.
type matrixIssuer struct {
	name string
	pool *cognito.Pool // one of the two is set
	decl *app.UserPool

	tenantName string
	tenant     *auth0.Tenant
	tenantDecl *app.Tenant
	// user is the application that users sign in to; "" if the tenant has none.
	user string
}

// A matrixCaller is a caller of the matrix.
type matrixCaller struct {
	column matrix.Column
	give   func(ctx context.Context, row *matrixRow) (matrix.Credentials, error) // nil for nothing
	send   func(api, route string, r *http.Request)                              // of a test's own
	// apiKey is the API key of a caller who has not the right one; "-" for none.
	apiKey string
}

// noKey stands for a caller without an API key.
const noKey = "-"

// wrongAPIKey has the form of an API key, and is none.
const wrongAPIKey = "0000000000000000000000000000000000000000"

// madeUpToken has the form of a JWS, and no issuer has signed it: {"alg":"RS256"}, {}.
const madeUpToken = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"

// credentials gives what the caller sends to a route.
func (c matrixCaller) credentials(ctx context.Context, row *matrixRow) (credentials matrix.Credentials, err error) {
	if c.give != nil {
		if credentials, err = c.give(ctx, row); err != nil {
			return matrix.Credentials{}, err
		}
	}
	switch {
	case !row.route.APIKeyRequired, c.apiKey == noKey:
	case c.apiKey != "":
		credentials.APIKey = c.apiKey
	default:
		credentials.APIKey = row.served.rightKey()
	}
	return credentials, nil
}

// rightKey gives the value of an API key that is in a usage plan.
func (s *servedAPI) rightKey() string {
	for _, plan := range s.decl.UsagePlans.All() {
		for _, name := range plan.APIKeys {
			return s.keys[name]
		}
	}
	return ""
}

// A matrixCast finds the callers of an app's matrix, who are those of its declaration.
type matrixCast struct {
	a       *App
	rows    []*matrixRow
	issuers []*matrixIssuer
	signed  bool                // there are signed routes
	past    time.Time           // when what has expired was issued
	scopes  map[string][]string // by issuer's name: those that its routes ask for
	minted  map[string]minted   // by what they are of: a signature takes a millisecond
	keys    []matrixCaller      // those with AWS credentials of identity pools
	callers []matrixCaller
}

// A minted token, or why there is none.
type minted struct {
	token string
	err   error
}

// maxMatrixGroups bounds the groups of a pool, and the roles of a tenant, that have a
// column: a pool may have 10,000.
const maxMatrixGroups = 24

// maxMatrixScopes bounds the scopes that are left out one by one.
const maxMatrixScopes = 8

func (a *App) matrixCallers(ctx context.Context, rows []*matrixRow) ([]matrixCaller, error) {
	c := &matrixCast{a: a, rows: rows, past: a.cfg.Now().Add(-longAgo), scopes: map[string][]string{}, minted: map[string]minted{}}
	c.findIssuers()
	if err := c.addKeys(); err != nil {
		return nil, err
	}
	c.add(matrixCaller{column: matrix.Column{Name: "nobody", About: "sends no credentials", Kind: matrix.Nothing}})
	if len(c.issuers) > 0 || c.guarded() {
		c.add(matrixCaller{
			column: matrix.Column{Name: "forged", About: "the right token, or signature, of the route with one bit changed", Kind: matrix.Forged},
			give: func(ctx context.Context, row *matrixRow) (matrix.Credentials, error) {
				right, err := c.right(ctx, row, time.Time{})
				if noToken(ctx, err) != "" {
					right, err = matrix.Credentials{}, nil
				}
				if right == (matrix.Credentials{}) {
					right.Token = madeUpToken
				}
				right.Forged = true
				return right, err
			},
		})
	}
	if len(c.issuers) > 0 || len(c.keys) > 0 {
		c.add(matrixCaller{
			column: matrix.Column{Name: "expired", About: "the right token, or signature, of the route, too late", Kind: matrix.Expired},
			give: func(ctx context.Context, row *matrixRow) (matrix.Credentials, error) {
				right, err := c.right(ctx, row, c.past)
				right.Expired = right.AccessKeyID != ""
				return right, err
			},
		})
	}
	for _, i := range c.issuers {
		if i.pool != nil {
			c.addPool(i)
		} else if err := c.addTenant(ctx, i); err != nil {
			return nil, err
		}
	}
	c.callers = append(c.callers, c.keys...)
	if err := c.addFunctions(ctx); err != nil {
		return nil, err
	}
	c.addAPIKeys()
	return c.callers, nil
}

// longAgo is longer than any token is good for: 30 days is the most that an API of a
// tenant can have.
const longAgo = 31 * 24 * time.Hour

func (c *matrixCast) add(m matrixCaller) { c.callers = append(c.callers, m) }

// guarded says whether any route has an authorizer.
func (c *matrixCast) guarded() bool {
	return slices.ContainsFunc(c.rows, func(r *matrixRow) bool { return r.route.Authorizer != gateway.None })
}

// findIssuers finds whose tokens there are: of those that authorizers name, and, where
// a function decides, of all.
func (c *matrixCast) findIssuers() {
	byFunction := false
	for _, row := range c.rows {
		c.signed = c.signed || row.signed()
		byFunction = byFunction || row.authorizer != nil && row.authorizer.Type == "lambda"
	}
	for _, i := range c.a.matrixIssuers() {
		used := byFunction
		for _, row := range c.rows {
			if row.issuer == nil || row.issuer.name != i.name || (row.issuer.pool == nil) != (i.pool == nil) {
				continue
			}
			used = true
			row.issuer = i
			for _, s := range row.route.Scopes {
				if !slices.Contains(c.scopes[i.name], s) {
					c.scopes[i.name] = append(c.scopes[i.name], s)
				}
			}
		}
		if used {
			c.issuers = append(c.issuers, i)
		}
	}
}

// matrixIssuers gives all user pools with clients, and all local tenants.
func (a *App) matrixIssuers() []*matrixIssuer {
	var all []*matrixIssuer
	for name, decl := range a.decl.UserPools.All() {
		if decl.Clients.Len() > 0 {
			all = append(all, &matrixIssuer{name: name, pool: a.pools.Pool(name), decl: decl})
		}
	}
	for name, decl := range a.decl.Tenants.All() {
		tenant := a.tenants.Tenant(name)
		if tenant == nil || decl.Applications.Len() == 0 {
			continue
		}
		i := &matrixIssuer{name: name, tenantName: name, tenant: tenant, tenantDecl: decl}
		for application, d := range decl.Applications.All() {
			if d.Type != auth0.TypeNonInteractive && i.user == "" {
				i.user = application
			}
		}
		if a.pools.Pool(name) != nil {
			i.name = "tenants." + name
		}
		all = append(all, i)
	}
	return all
}

// issuerOf finds whose tokens an authorizer takes, or nil.
func (a *App) issuerOf(decl *app.Authorizer) (*matrixIssuer, error) {
	issuer := ""
	switch decl.Type {
	case "user_pool":
		issuer = a.pools.Pool(decl.UserPool).Issuer()
	case "jwt":
		var err error
		if issuer, err = a.decl.Resolve(decl.Issuer, a.attribute); err != nil {
			return nil, err
		}
	}
	for _, i := range a.matrixIssuers() {
		if i.pool != nil && i.pool.Issuer() == issuer || i.tenant != nil && i.tenant.Issuer() == issuer {
			return i, nil
		}
	}
	return nil, nil
}

// prefix begins the names of an issuer's callers where there are several issuers.
func (c *matrixCast) prefix(i *matrixIssuer) string {
	if len(c.issuers) < 2 {
		return ""
	}
	return i.name + "."
}

// token adds a caller with a token of its own.
func (c *matrixCast) token(i *matrixIssuer, name, about string, mint func(context.Context, *matrixRow) (string, error)) {
	if by := c.a.changerOf(i, strings.HasPrefix(name, "app:")); by != "" {
		about += "; " + by + " was run for what is in the token"
	}
	c.add(matrixCaller{
		column: matrix.Column{Name: c.prefix(i) + name, About: about, Kind: matrix.Token},
		give: func(ctx context.Context, row *matrixRow) (matrix.Credentials, error) {
			token, err := mint(ctx, row)
			return matrix.Credentials{Token: token}, err
		},
	})
}

// once mints a token that is of these, if it has not been minted.
func (c *matrixCast) once(mint func() (string, error), of ...any) (string, error) {
	key := fmt.Sprintf("%q", fmt.Sprint(of...))
	m, ok := c.minted[key]
	if !ok {
		m.token, m.err = mint()
		c.minted[key] = m
	}
	return m.token, m.err
}

// right gives credentials that a route's authorizer takes, if there are any.
func (c *matrixCast) right(ctx context.Context, row *matrixRow, issued time.Time) (matrix.Credentials, error) {
	if row.signed() {
		if len(c.keys) > 0 {
			return c.keys[0].give(ctx, row)
		}
		return matrix.Credentials{AccessKeyID: c.a.root.AccessKeyID, SecretKey: c.a.root.SecretAccessKey}, nil
	}
	i := row.issuer
	if i == nil && row.authorizer != nil && row.authorizer.Type == "jwt" {
		return matrix.Credentials{}, nil // an issuer elsewhere
	}
	if i == nil && len(c.issuers) > 0 {
		i = c.issuers[0]
	}
	if i == nil {
		return matrix.Credentials{}, nil
	}
	var token string
	var err error
	if i.pool != nil {
		s := cognito.Specimen{ID: row.takesIDTokens(), Scopes: row.route.Scopes, Issued: issued}
		token, err = c.ofPool(ctx, i, i.clientFor(row), s)
	} else {
		s := auth0.Specimen{Application: i.anyApplication(), Audience: c.audience(i, row), Scopes: row.route.Scopes, All: true, Issued: issued}
		token, err = c.ofTenant(ctx, i, s)
	}
	return matrix.Credentials{Token: token}, err
}

// addKeys finds the roles whose credentials identity pools give.
func (c *matrixCast) addKeys() error {
	if !c.signed {
		return nil
	}
	a := c.a
	for name, pool := range a.decl.IdentityPools.All() {
		prefix := "aws:"
		if a.decl.IdentityPools.Len() > 1 {
			prefix += name + "."
		}
		add := func(as, about, role string, guest bool) error {
			given, err := a.identities.Specimen(identity.Specimen{Pool: a.identityPoolIDs[name], Role: role, Guest: guest})
			if err != nil {
				return fmt.Errorf("as %s: %w", as, err)
			}
			keys := matrix.Credentials{AccessKeyID: given.AccessKeyID, SecretKey: given.SecretAccessKey, SessionToken: given.SessionToken}
			c.keys = append(c.keys, matrixCaller{
				column: matrix.Column{Name: prefix + as, About: about, Kind: matrix.Keys},
				give:   func(context.Context, *matrixRow) (matrix.Credentials, error) { return keys, nil },
			})
			return nil
		}
		if err := add(authenticated, "credentials of "+name+" for who has signed in", a.identityRole(name, authenticated), false); err != nil {
			return err
		}
		if pool.AllowUnauthenticatedIdentities {
			if err := add(unauthenticated, "credentials of "+name+" for who has not signed in", a.identityRole(name, unauthenticated), true); err != nil {
				return err
			}
		}
		for provider, m := range pool.RoleMappings.All() {
			for n, r := range m.Rules {
				if r.Role != "" {
					continue
				}
				as := fmt.Sprintf("%s.rule%d", provider, n+1)
				if err := add(as, "credentials of "+name+" by that rule", a.ruleRole(name, provider, n), false); err != nil {
					return err
				}
			}
		}
		for _, of := range a.groupsOf(name) {
			if err := add(strings.Join(of[:], "."), "credentials of "+name+" for the group "+of[1], a.groupRole(of[0], of[1]), false); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxMatrixFunctions bounds the functions that have a column.
const maxMatrixFunctions = 24

// addFunctions adds the functions whose roles may call some signed route. One without a
// column may call none.
func (c *matrixCast) addFunctions(ctx context.Context) error {
	a := c.a
	if !c.signed {
		return nil
	}
	// A policy of an API may name a role that has no permissions.
	byAPI := slices.ContainsFunc(a.apis, func(s *servedAPI) bool { return s.decl.ResourcePolicy != nil })
	names, left, last := map[string]int{}, 0, 0
	for _, f := range a.decl.Functions() {
		if len(f.Permissions) == 0 && !byAPI {
			continue
		}
		given, err := a.account.Assume(iam.AssumeRequest{Role: f.Name, Session: f.Name, Duration: time.Hour})
		if err != nil {
			return fmt.Errorf("as the function %s: %w", f.Handler, err)
		}
		keys := matrix.Credentials{AccessKeyID: given.AccessKeyID, SecretKey: given.SecretAccessKey, SessionToken: given.SessionToken}
		m := matrixCaller{
			column: matrix.Column{Name: "function:" + f.Handler, About: "the function " + f.Handler + " with the keys of its role", Kind: matrix.Keys},
			give:   func(context.Context, *matrixRow) (matrix.Credentials, error) { return keys, nil },
		}
		if may, err := c.mayCallSigned(ctx, m); err != nil {
			return err
		} else if !may {
			continue
		}
		if last >= maxMatrixFunctions {
			left++
			continue
		}
		last++
		if names[f.Handler]++; names[f.Handler] > 1 { // with other settings
			m.column.Name += fmt.Sprintf(" (%d)", names[f.Handler])
		}
		c.add(m)
	}
	if left > 0 {
		c.callers[len(c.callers)-1].column.About += fmt.Sprintf(" (%d more functions have no column)", left)
	}
	return nil
}

// mayCallSigned says whether a caller is let in at any signed route.
func (c *matrixCast) mayCallSigned(ctx context.Context, m matrixCaller) (bool, error) {
	for _, row := range c.rows {
		if !row.signed() {
			continue
		}
		credentials, err := m.credentials(ctx, row)
		if err != nil {
			return false, err
		}
		if cell, err := c.a.matrixCell(ctx, row, m, credentials); err != nil || cell.Outcome == matrix.Allowed {
			return err == nil, err
		}
	}
	return false, nil
}

// changerOf names the function that changes what is in an issuer's tokens, or in those of
// its machines; "" if there is none.
func (a *App) changerOf(i *matrixIssuer, machine bool) string {
	if i.tenant != nil {
		for _, f := range a.decl.Actions() {
			if f.Tenant == i.tenantName && f.Action == "postLogin" && !machine {
				return "the Action " + a.handlerOf[f.Function]
			}
		}
		return ""
	}
	for _, t := range a.decl.Triggers() {
		if t.UserPool == i.name && t.Trigger == "preTokenGeneration" && (!machine || t.Version == "V3_0") {
			return "the trigger " + a.handlerOf[t.Function]
		}
	}
	return ""
}

// groupsOf gives the groups, with their user pools, whose roles an identity pool gives.
func (a *App) groupsOf(name string) [][2]string {
	var all [][2]string
	for pool, decl := range a.decl.UserPools.All() {
		for group, g := range decl.Groups.All() {
			if g.Permissions != nil && slices.Contains(a.mappersOf(pool, group), a.identityPoolIDs[name]) {
				all = append(all, [2]string{pool, group})
			}
		}
	}
	return all
}

// addAPIKeys adds who has all that a route wants but for its API key.
func (c *matrixCast) addAPIKeys() {
	if !slices.ContainsFunc(c.rows, func(r *matrixRow) bool {
		return r.route.APIKeyRequired && r.served.decl.APIKeySource != "authorizer"
	}) {
		return
	}
	right := func(ctx context.Context, row *matrixRow) (matrix.Credentials, error) {
		return c.right(ctx, row, time.Time{})
	}
	c.add(matrixCaller{column: matrix.Column{Name: "no-api-key", About: "has all that the route wants, but no API key", Kind: matrix.NoAPIKey}, give: right, apiKey: noKey})
	c.add(matrixCaller{column: matrix.Column{Name: "wrong-api-key", About: "has all that the route wants, and an API key that is none", Kind: matrix.WrongAPIKey}, give: right, apiKey: wrongAPIKey})
}
