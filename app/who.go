package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// WhoMayCall says in words who may call a route, by this file alone: whom the declared
// users, roles, groups, clients and applications let in, one kind of caller an item. What
// is changed while a stage runs is not in it.
func (a *App) WhoMayCall(r ResolvedRoute) []string {
	api, ok := a.APIs.Get(r.API)
	if !ok {
		return nil
	}
	who := a.callersBy(api, r)
	if r.APIKeyRequired {
		var keys []string
		for _, plan := range api.UsagePlans.All() {
			keys = append(keys, plan.APIKeys...)
		}
		for i := range who {
			who[i] += " with the API key " + either(keys)
		}
	}
	if api.ResourcePolicy != nil {
		for i := range who {
			who[i] += ", as the resource policy allows"
		}
	}
	return who
}

// callersBy says whom the route's authorizer lets in.
func (a *App) callersBy(api *API, r ResolvedRoute) []string {
	guard, declared := api.Authorizers.Get(r.Authorizer)
	switch {
	case r.Authorizer == AuthorizerIAM:
		return append(a.Callers(r), "root")
	case !declared:
		return []string{"anyone"}
	case guard.Type == "user_pool":
		return a.usersOf(guard.UserPool, guard.Clients, r.Scopes)
	case guard.Type == "lambda":
		for _, z := range a.FunctionAuthorizers() {
			if z.API == r.API && z.Name == r.Authorizer {
				return []string{"whom the function " + a.handlerOf(z.Function) + " lets in"}
			}
		}
	case guard.Type == "jwt":
		return a.holdersOf(guard, r.Scopes)
	}
	return []string{"whom " + r.Authorizer + " lets in"}
}

func (a *App) handlerOf(function string) string {
	for _, f := range a.Functions() {
		if f.Name == function {
			return f.Handler
		}
	}
	return function
}

// holdersOf says whom a JWT authorizer lets in, by its issuer.
func (a *App) holdersOf(guard *Authorizer, scopes []string) []string {
	text := func(e Expr) string {
		s, err := a.Resolve(e, func(Ref) (string, error) { return "", errors.New("it is known to a running stage") })
		if err != nil {
			return e.String()
		}
		return s
	}
	for _, ref := range guard.Issuer.Refs() {
		switch ref.Kind {
		case RefUserPool:
			var clients []string
			for _, audience := range guard.Audience {
				for _, client := range audience.Refs() {
					clients = append(clients, client.Client)
				}
			}
			return a.usersOf(ref.Name, clients, scopes)
		case RefTenant:
			var who []string
			tenant, _ := a.Tenants.Get(ref.Name)
			for name, api := range tenant.APIs.All() {
				if slices.ContainsFunc(guard.Audience, func(e Expr) bool { return text(e) == api.Identifier }) {
					who = append(who, tenant.holders(ref.Name, name, api, scopes)...)
				}
			}
			if who != nil {
				return who
			}
		}
	}
	who := "anyone with a token of " + text(guard.Issuer)
	if len(scopes) > 0 {
		who += " with the scope " + either(scopes)
	}
	return []string{who}
}

// apiSignIn is the scope of access tokens of who signs in by the API of user pools.
const apiSignIn = "aws.cognito.signin.user.admin"

// usersOf says whose tokens of a user pool are good: of all its users, or, of a route
// with scopes, of those clients that may ask for one.
func (a *App) usersOf(name string, clients, scopes []string) []string {
	pool, ok := a.UserPools.Get(name)
	if !ok {
		return nil
	}
	if len(scopes) == 0 {
		who := "anyone with a token of user pool " + name
		if len(clients) > 0 && len(clients) < pool.Clients.Len() {
			who += " by client " + either(clients)
		}
		return []string{who}
	}
	var who []string
	for client, c := range pool.Clients.All() {
		if len(clients) > 0 && !slices.Contains(clients, client) {
			continue
		}
		held := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !slices.Contains(c.OAuthScopes, s) })
		if slices.Contains(scopes, apiSignIn) && !slices.Contains(held, apiSignIn) {
			held = append(held, apiSignIn)
		}
		if len(held) == 0 {
			continue
		}
		kind := "users by client "
		if slices.Contains(c.OAuthFlows, "clientCredentials") {
			kind = "client "
		}
		who = append(who, fmt.Sprintf("%s%s (%s)", kind, client, strings.Join(held, ", ")))
	}
	if who == nil {
		return []string{"nobody: no client of user pool " + name + " may ask for " + either(scopes)}
	}
	return who
}

// holders says whose tokens of a tenant for one of its APIs are good.
func (t *Tenant) holders(tenant, name string, api *TenantAPI, scopes []string) []string {
	holds := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !slices.Contains(list, s) })
	}
	var who []string
	add := func(caller string, by Map[[]string]) {
		list, ok := by.Get(name)
		if held := holds(list); ok && len(held) > 0 {
			who = append(who, caller+" ("+strings.Join(held, ", ")+")")
		}
	}
	switch {
	case len(scopes) == 0:
		who = append(who, "anyone with a token of tenant "+tenant+" for "+name)
	case !api.RBAC:
		// Without RBAC a user has what the application asks for.
		who = append(who, "users of tenant "+tenant+" who ask for "+either(scopes))
	default:
		for role, by := range t.Roles.All() {
			add("role "+role, by)
		}
		for _, u := range t.Users {
			add(u.Email, u.Permissions)
		}
	}
	for application, d := range t.Applications.All() {
		if len(scopes) > 0 {
			add("application "+application, d.Grants)
		}
	}
	if who == nil {
		return []string{"nobody: no role, user or application of tenant " + tenant + " has " + either(scopes)}
	}
	return who
}

// either lists names of which one will do.
func either(names []string) string {
	if len(names) == 0 {
		return "that there is none of"
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
