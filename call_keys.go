package doorwright

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// roleKeys gives keys of a declared role for an hour.
func (a *App) roleKeys(caller string) (*SessionKeys, error) {
	roles := a.callerRoles()
	i := slices.IndexFunc(roles, func(r callerRole) bool {
		return r.caller == caller || r.role == caller || a.handlerOf[r.role] == caller
	})
	if i < 0 {
		var names []string
		for _, r := range roles {
			names = append(names, r.caller)
		}
		for tenant, decl := range a.decl.Tenants.All() {
			if _, ok := decl.Roles.Get(caller); ok {
				return nil, fixable(fmt.Errorf("%q is a role of the tenant %s, which signs nothing: its users have it", caller, tenant),
					"call as one of them by --user; doorwright users roles USER --tenant "+tenant+" --add "+caller+" gives it to one")
			}
		}
		return nil, fmt.Errorf("there is no role %q: the roles are %s", caller, joined(names))
	}
	given, err := a.account.Assume(iam.AssumeRequest{Role: roles[i].role, Session: "doorwright", Duration: time.Hour})
	if err != nil {
		return nil, err
	}
	return &SessionKeys{given.AccessKeyID, given.SecretAccessKey, given.SessionToken, given.Expiration}, nil
}

// callerRole is a role by what `routes` calls who has it.
type callerRole struct{ caller, role string }

func (a *App) callerRoles() []callerRole {
	var all []callerRole
	for name, pool := range a.decl.IdentityPools.All() {
		all = append(all, callerRole{name + "." + authenticated, a.identityRole(name, authenticated)})
		if pool.AllowUnauthenticatedIdentities {
			all = append(all, callerRole{name + "." + unauthenticated, a.identityRole(name, unauthenticated)})
		}
		for provider, m := range pool.RoleMappings.All() {
			for i, rule := range m.Rules {
				if rule.Role == "" {
					all = append(all, callerRole{fmt.Sprintf("%s.rules.%s[%d]", name, provider, i), a.ruleRole(name, provider, i)})
				}
			}
		}
	}
	for name, pool := range a.decl.UserPools.All() {
		for group, g := range pool.Groups.All() {
			if g.Permissions != nil {
				all = append(all, callerRole{name + ".groups." + group, a.groupRole(name, group)})
			}
		}
	}
	for _, f := range a.decl.Functions() {
		all = append(all, callerRole{f.Name, f.Name})
	}
	return all
}

// A login is whose users an identity pool knows: a user pool's client, or a tenant's
// application.
type login struct{ pool, client, tenant, application string }

// issuer names the flag and the name of whose users they are.
func (l login) issuer() string {
	if l.tenant != "" {
		return "--tenant " + l.tenant
	}
	return "--pool " + l.pool
}

func joinedIssuers(logins []login) string {
	var names []string
	for _, l := range logins {
		names = append(names, l.issuer())
	}
	return joined(names)
}

// loginsOfPool gives the logins of an identity pool that a user's may be, by what is said
// of the user: one of each user pool and tenant.
func (a *App) loginsOfPool(name string, q TokenQuery) []login {
	decl, _ := a.decl.IdentityPools.Get(name)
	var all []login
	add := func(l login) {
		fits := (q.Pool == "" || q.Pool == l.pool) && (q.Client == "" || q.Client == l.client) &&
			(q.Tenant == "" || q.Tenant == l.tenant) && (q.Application == "" || q.Application == l.application)
		if fits && !slices.ContainsFunc(all, func(o login) bool { return o.issuer() == l.issuer() }) {
			all = append(all, l)
		}
	}
	for _, u := range decl.UserPools {
		for _, client := range u.Clients {
			add(login{pool: u.UserPool, client: client})
		}
	}
	for _, f := range decl.Federation.All() {
		if f.Tenant != "" && a.tenants.Tenant(f.Tenant) != nil {
			add(login{tenant: f.Tenant, application: f.Application})
		}
	}
	return all
}

// poolsTaking gives the identity pools that take such a login of a user's.
func (a *App) poolsTaking(q TokenQuery) []string {
	var names []string
	for name := range a.decl.IdentityPools.All() {
		if len(a.loginsOfPool(name, q)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// keysForRoute finds the keys that a user signs a request with who has said no more: those
// of the one identity pool that knows the user.
func (a *App) keysForRoute(ctx context.Context, q CallQuery, route app.ResolvedRoute, c *Call) error {
	others := "sign with --root; --token - sends a token all the same"
	if may := a.decl.Callers(route); len(may) > 0 {
		others = "sign as another with --role, such as " + joined(may) + ", or " + others
	}
	if q.Token.User == "" {
		return fixable(errors.New("the request is to be signed (authorizer: iam), and an application that calls for itself has no AWS keys"), others)
	}
	able := a.poolsTaking(q.Token)
	switch {
	case a.decl.IdentityPools.Len() == 0:
		return fixable(fmt.Errorf("the request is to be signed (authorizer: iam), and %s has no AWS keys: the declaration has no identity pool that gives some", q.Token.User), others)
	case len(able) == 0:
		return fixable(fmt.Errorf("the request is to be signed (authorizer: iam), and no identity pool takes such a login of %s", q.Token.User),
			"say whose user it is, with --pool and --client or with --tenant and --application, as an identity pool has them; or "+others)
	case len(able) > 1:
		return fixable(fmt.Errorf("more than one identity pool takes logins of %s", q.Token.User), "say which: --identity-pool "+joined(able))
	}
	q.IdentityPool = able[0]
	return a.identityLogin(ctx, q, c)
}

// identityLogin signs the user of a call in, or nobody, and has an identity pool give keys.
func (a *App) identityLogin(ctx context.Context, q CallQuery, c *Call) error {
	name, err := oneOf("identity pool", q.IdentityPool, a.decl.IdentityPools.Keys())
	if err != nil {
		return err
	}
	c.IdentityPool, c.IdentityPoolID = name, a.identityPoolIDs[name]
	logins := map[string]string{}
	if q.Token.User != "" {
		able := a.loginsOfPool(name, q.Token)
		switch len(able) {
		case 0:
			err := fmt.Errorf("identity pool %s takes no logins of a user pool or a tenant of this stage that would be %s's", name, q.Token.User)
			if takes := a.loginsOfPool(name, TokenQuery{}); len(takes) > 0 {
				return fixable(err, "it takes those of "+joinedIssuers(takes))
			}
			return err
		case 1:
		default:
			return fixable(fmt.Errorf("identity pool %s takes logins of more than one user pool or tenant", name), "say whose user "+q.Token.User+" is: "+joinedIssuers(able))
		}
		l := able[0]
		c.Token.Pool, c.Token.Client, c.Token.Tenant, c.Token.Application = l.pool, l.client, l.tenant, l.application
		if l.tenant == "" {
			c.Provider = a.userPoolProvider(a.pools.Pool(l.pool).ID())
		} else {
			c.Provider = issuerProvider(a.tenants.Tenant(l.tenant).Issuer())
		}
		if logins[c.Provider], err = a.bearer(ctx, c.Token, true); err != nil {
			return err
		}
	}
	if c.Keys, err = a.identityKeys(ctx, name, logins); err != nil {
		return err
	}
	who, err := a.account.Principal(c.Keys.AccessKeyID, c.Keys.SessionToken)
	if err != nil {
		return fmt.Errorf("reading the keys of identity pool %s: %w", name, err)
	}
	for _, r := range a.callerRoles() {
		if who.Session != nil && r.role == who.Session.Role {
			c.Role = r.caller
		}
	}
	return nil
}

// identityKeys goes the way of an SDK to the keys of an identity pool.
// https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
func (a *App) identityKeys(ctx context.Context, name string, logins map[string]string) (*SessionKeys, error) {
	ask := func(operation string, in members, out any) error {
		if len(logins) > 0 {
			in["Logins"] = logins
		}
		err := a.identities.Call(ctx, operation, in, out)
		var refused *aws.Error
		if errors.As(err, &refused) { // its cause is in the log
			return fmt.Errorf("asking identity pool %s: %s: %s: %s", name, operation, refused.Code, refused.Message)
		}
		return err
	}
	var id struct{ IdentityId string }
	if err := ask("GetId", members{"IdentityPoolId": a.identityPoolIDs[name]}, &id); err != nil {
		return nil, err
	}
	var out struct {
		Credentials struct {
			AccessKeyId, SecretKey, SessionToken string
			Expiration                           json.Number
		}
	}
	if err := ask("GetCredentialsForIdentity", members{"IdentityId": id.IdentityId}, &out); err != nil {
		return nil, err
	}
	k := out.Credentials
	return &SessionKeys{k.AccessKeyId, k.SecretKey, k.SessionToken, seconds(k.Expiration)}, nil
}
