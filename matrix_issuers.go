package doorwright

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/cognito"
)

// noToken says why a caller has no token, because the function that runs before tokens
// gives none; "" if that is not what an error is about.
func noToken(ctx context.Context, err error) string {
	if ctx.Err() != nil || !errors.Is(err, cognito.ErrNoToken) && !errors.Is(err, auth0.ErrNoToken) {
		return ""
	}
	return printable(err.Error())
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
