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
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/matrix"
)

// A matrixIssuer is a user pool or a local tenant whose tokens authorizers of the app
// take.
type matrixIssuer struct {
	name string
	pool *cognito.Pool // one of the two is set
	decl *app.UserPool

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
	minted  map[string]string   // tokens by what they are of: a signature takes a millisecond
	keys    []matrixCaller      // those with AWS credentials
	callers []matrixCaller
}

// maxMatrixGroups bounds the groups of a pool, and the roles of a tenant, that have a
// column: a pool may have 10,000.
const maxMatrixGroups = 24

// maxMatrixScopes bounds the scopes that are left out one by one.
const maxMatrixScopes = 8

func (a *App) matrixCallers(ctx context.Context, rows []*matrixRow) ([]matrixCaller, error) {
	c := &matrixCast{a: a, rows: rows, past: a.cfg.Now().Add(-longAgo), scopes: map[string][]string{}, minted: map[string]string{}}
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
		i := &matrixIssuer{name: name, tenant: tenant, tenantDecl: decl}
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
	if token, ok := c.minted[key]; ok {
		return token, nil
	}
	token, err := mint()
	if err != nil {
		return "", err
	}
	c.minted[key] = token
	return token, nil
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

func (c *matrixCast) ofPool(ctx context.Context, i *matrixIssuer, client string, s cognito.Specimen) (string, error) {
	return c.once(func() (string, error) { return i.pool.Client(client).Specimen(ctx, s) }, i.name, client, s)
}

func (c *matrixCast) ofTenant(ctx context.Context, i *matrixIssuer, s auth0.Specimen) (string, error) {
	s.ID = s.ID || s.Audience == "" // there is no API to have an access token for
	return c.once(func() (string, error) { return i.tenant.Specimen(ctx, s) }, i.name, s)
}

// clientFor gives the client whose users get furthest at a route: of those that its
// authorizer takes, the first that may ask for one of its scopes.
func (i *matrixIssuer) clientFor(row *matrixRow) string {
	clients := i.decl.Clients.Keys()
	if row.issuer == i && row.authorizer.Type == "user_pool" && row.authorizer.Clients != nil {
		clients = row.authorizer.Clients
	}
	for _, client := range clients {
		for _, s := range i.pool.Client(client).UserScopes() {
			if slices.Contains(row.route.Scopes, s) {
				return client
			}
		}
	}
	return clients[0]
}

// addPool adds the users, groups and clients of a user pool.
func (c *matrixCast) addPool(i *matrixIssuer) {
	routeScopes := c.scopes[i.name]
	user := func(groups []string, without string) func(context.Context, *matrixRow) (string, error) {
		return func(ctx context.Context, row *matrixRow) (string, error) {
			client := i.clientFor(row)
			s := cognito.Specimen{Groups: groups, ID: row.takesIDTokens()}
			if len(routeScopes) > 0 {
				s.Scopes = slices.DeleteFunc(i.pool.Client(client).UserScopes(), func(s string) bool { return s == without })
			}
			return c.ofPool(ctx, i, client, s)
		}
	}
	c.token(i, "user", "a user of "+i.name+", with all that a client may ask for", user(nil, ""))
	for n, group := range i.decl.Groups.Keys() {
		about := "a user of the group " + group
		if n == maxMatrixGroups-1 && i.decl.Groups.Len() > maxMatrixGroups {
			about += fmt.Sprintf(" (%d more groups have no column)", i.decl.Groups.Len()-maxMatrixGroups)
		}
		if n < maxMatrixGroups {
			c.token(i, "group:"+group, about, user([]string{group}, ""))
		}
	}
	if len(routeScopes) > 0 {
		c.token(i, "without-scopes", "a user who has signed in by the API, which gives no scopes of resource servers", func(ctx context.Context, row *matrixRow) (string, error) {
			return c.ofPool(ctx, i, i.clientFor(row), cognito.Specimen{ID: row.takesIDTokens()})
		})
	}
	if len(routeScopes) > 1 && len(routeScopes) <= maxMatrixScopes {
		for _, s := range routeScopes {
			c.token(i, "without:"+s, "a user who did not ask for "+s, user(nil, s))
		}
	}
	c.addPoolTokens(i)
	c.addPoolClients(i)
}

// addPoolTokens adds the tokens of a user that are for something else.
func (c *matrixCast) addPoolTokens(i *matrixIssuer) {
	of := func(id bool) func(context.Context, *matrixRow) (string, error) {
		return func(ctx context.Context, row *matrixRow) (string, error) {
			return c.ofPool(ctx, i, i.clientFor(row), cognito.Specimen{ID: id})
		}
	}
	if slices.ContainsFunc(c.rows, func(r *matrixRow) bool { return !r.takesIDTokens() }) {
		c.token(i, "id-token", "a user's ID token", of(true))
	}
	if slices.ContainsFunc(c.rows, (*matrixRow).takesIDTokens) {
		c.token(i, "access-token", "a user's access token", of(false))
	}
}

// addPoolClients adds users of clients that are not everywhere taken, and clients that
// call for themselves.
func (c *matrixCast) addPoolClients(i *matrixIssuer) {
	for _, client := range i.decl.Clients.Keys() {
		if slices.ContainsFunc(c.rows, func(r *matrixRow) bool {
			return r.issuer == i && r.authorizer.Type == "user_pool" && r.authorizer.Clients != nil && !slices.Contains(r.authorizer.Clients, client)
		}) {
			c.token(i, "client:"+client, "a user of the client "+client, func(ctx context.Context, row *matrixRow) (string, error) {
				return c.ofPool(ctx, i, client, cognito.Specimen{ID: row.takesIDTokens(), Scopes: i.pool.Client(client).UserScopes()})
			})
		}
		if scopes, able := i.pool.Client(client).MachineScopes(); able {
			c.token(i, "app:"+client, "the client "+client+" for itself (client_credentials)", func(ctx context.Context, _ *matrixRow) (string, error) {
				return c.ofPool(ctx, i, client, cognito.Specimen{Machine: true, Scopes: scopes})
			})
		}
	}
}

// audience gives the identifier of the tenant's API that tokens for a route are for.
func (c *matrixCast) audience(i *matrixIssuer, row *matrixRow) string {
	first := ""
	for _, api := range i.tenantDecl.APIs.All() {
		if first == "" {
			first = api.Identifier
		}
		if row.issuer != i {
			continue
		}
		for _, expr := range row.authorizer.Audience {
			if audience, err := c.a.decl.Resolve(expr, c.a.attribute); err == nil && audience == api.Identifier {
				return audience
			}
		}
	}
	return first
}

// anyApplication gives an application of the tenant, one that users sign in to if there
// is one.
func (i *matrixIssuer) anyApplication() string {
	if i.user != "" {
		return i.user
	}
	return i.tenantDecl.Applications.Keys()[0]
}

// permissionsOf gives what one can ask for at an API of a tenant.
func (i *matrixIssuer) permissionsOf(audience string) []string {
	for _, api := range i.tenantDecl.APIs.All() {
		if api.Identifier == audience {
			return append([]string{"openid"}, api.Permissions...)
		}
	}
	return []string{"openid"}
}

// roles gives the tenant's roles as they are now: the declared ones in the declaration's
// order, then those that requests made.
func (i *matrixIssuer) roles(ctx context.Context) ([]string, error) {
	now, err := i.tenant.RoleNames(ctx)
	if err != nil {
		return nil, err
	}
	declared := i.tenantDecl.Roles.Keys()
	roles := slices.DeleteFunc(slices.Clone(declared), func(r string) bool { return !slices.Contains(now, r) })
	others := slices.DeleteFunc(now, func(r string) bool { return slices.Contains(declared, r) })
	slices.Sort(others)
	return append(roles, others...), nil
}

// addTenant adds the users, roles and applications of a tenant.
func (c *matrixCast) addTenant(ctx context.Context, i *matrixIssuer) error {
	roles, err := i.roles(ctx)
	if err != nil {
		return err
	}
	user := func(s auth0.Specimen, without string) func(context.Context, *matrixRow) (string, error) {
		return func(ctx context.Context, row *matrixRow) (string, error) {
			s := s
			s.Application, s.Audience = i.user, c.audience(i, row)
			if without != "" {
				s.Scopes = slices.DeleteFunc(i.permissionsOf(s.Audience), func(s string) bool { return s == without || without == "*" })
			} else {
				s.Scopes = i.permissionsOf(s.Audience)
			}
			return c.ofTenant(ctx, i, s)
		}
	}
	if i.user != "" {
		c.token(i, "user", "a user of "+i.name+" without a role, who asks for all scopes", user(auth0.Specimen{}, ""))
		for n, role := range roles {
			about := "a user of the role " + role + ", who asks for all scopes"
			if n == maxMatrixGroups-1 && len(roles) > maxMatrixGroups {
				about += fmt.Sprintf(" (%d more roles have no column)", len(roles)-maxMatrixGroups)
			}
			if n < maxMatrixGroups {
				c.token(i, "role:"+role, about, user(auth0.Specimen{Roles: []string{role}}, ""))
			}
		}
		if scopes := c.scopes[i.name]; len(scopes) > 0 {
			c.token(i, "without-scopes", "a user who may do all, and asks for no scope", user(auth0.Specimen{All: true}, "*"))
			// Roles show what lacks a scope, where there are any.
			if len(roles) == 0 && len(scopes) > 1 && len(scopes) <= maxMatrixScopes {
				for _, s := range scopes {
					c.token(i, "without:"+s, "a user who did not ask for "+s, user(auth0.Specimen{All: true}, s))
				}
			}
		}
		c.token(i, "id-token", "a user's ID token", user(auth0.Specimen{ID: true}, ""))
	}
	c.addApplications(i)
	return nil
}

// addApplications adds the applications of a tenant that call for themselves: with the
// token for the route's API if they have one, or else for another.
func (c *matrixCast) addApplications(i *matrixIssuer) {
	for application, decl := range i.tenantDecl.Applications.All() {
		grants := decl.Grants.Keys()
		if len(grants) == 0 || decl.GrantTypes != nil && !slices.Contains(decl.GrantTypes, "client_credentials") {
			continue
		}
		if decl.GrantTypes == nil && decl.Type != auth0.TypeNonInteractive && decl.Type != auth0.TypeRegularWeb {
			continue
		}
		c.token(i, "app:"+application, "the application "+application+" for itself (client_credentials)", func(_ context.Context, row *matrixRow) (string, error) {
			audience, chosen := c.audience(i, row), ""
			for _, name := range grants {
				identifier := i.tenant.Management()
				if api, ok := i.tenantDecl.APIs.Get(name); ok {
					identifier = api.Identifier
				}
				if chosen == "" || identifier == audience {
					chosen = identifier
				}
			}
			return c.once(func() (string, error) { return i.tenant.MachineToken(application, chosen) }, i.name, "app", application, chosen)
		})
	}
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
