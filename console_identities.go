package doorwright

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/console"
)

// consoleIdentityPools gives the declared identity pools to the console.
func (a *App) consoleIdentityPools() []console.IdentityPool {
	var pools []console.IdentityPool
	for name, decl := range a.decl.IdentityPools.All() {
		pools = append(pools, console.IdentityPool{Name: name, ID: a.identityPoolIDs[name], Guests: decl.AllowUnauthenticatedIdentities})
	}
	return pools
}

// poolRoles is what GetIdentityPoolRoles answers.
type poolRoles struct {
	Roles        map[string]string
	RoleMappings map[string]struct {
		Type, AmbiguousRoleResolution string
		RulesConfiguration            struct {
			Rules []struct{ Claim, MatchType, Value, RoleARN string }
		}
	}
}

// consoleIdentities gives a page of a pool's identities, with the roles that each
// would get.
func (a *App) consoleIdentities(ctx context.Context, pool, page string) ([]console.Identity, string, error) {
	in := members{"IdentityPoolId": a.identityPoolIDs[pool], "MaxResults": maxUserPage, "HideDisabled": true}
	if page != "" {
		in["NextToken"] = page
	}
	var out struct {
		Identities []struct {
			IdentityID                     string `json:"IdentityId"`
			Logins                         []string
			CreationDate, LastModifiedDate json.Number
		}
		NextToken string
	}
	if err := a.identities.Call(ctx, "ListIdentities", in, &out); err != nil {
		return nil, "", err
	}
	var roles poolRoles
	if err := a.identities.Call(ctx, "GetIdentityPoolRoles", members{"IdentityPoolId": a.identityPoolIDs[pool]}, &roles); err != nil {
		return nil, "", err
	}
	var list []console.Identity
	for _, i := range out.Identities {
		shown := console.Identity{ID: i.IdentityID, Created: seconds(i.CreationDate), Changed: seconds(i.LastModifiedDate)}
		for _, login := range i.Logins {
			shown.Logins = append(shown.Logins, a.loginName(login))
			shown.Roles = append(shown.Roles, roles.of(login)...)
		}
		if len(i.Logins) == 0 {
			shown.Roles = given("unauthenticated", roles.Roles["unauthenticated"])
		}
		list = append(list, shown)
	}
	return list, out.NextToken, nil
}

// given is a role that is got when, or that there is none.
func given(when, arn string) []console.GivenRole {
	_, role, _ := strings.Cut(arn, ":role/")
	return []console.GivenRole{{Role: role, When: when}}
}

// of says which roles a login gives, in the order in which they are looked for.
func (p *poolRoles) of(login string) []console.GivenRole {
	var list []console.GivenRole
	for _, key := range slices.Sorted(maps.Keys(p.RoleMappings)) {
		m := p.RoleMappings[key]
		if key != login && !strings.HasPrefix(key, login+":") && !strings.HasSuffix(key, ":oidc-provider/"+login) {
			continue
		}
		if m.Type == "Token" {
			list = append(list, console.GivenRole{ByToken: true, When: "cognito:preferred_role of the token: that of the user's group"})
		}
		for _, r := range m.RulesConfiguration.Rules {
			list = append(list, given(r.Claim+" "+r.MatchType+" "+r.Value, r.RoleARN)...)
		}
		if m.AmbiguousRoleResolution != "AuthenticatedRole" {
			return append(list, console.GivenRole{When: "otherwise: refused"})
		}
		return append(list, given("otherwise: authenticated", p.Roles["authenticated"])...)
	}
	return given("authenticated", p.Roles["authenticated"])
}

// loginName is what the declaration calls a provider, or the provider.
func (a *App) loginName(provider string) string {
	for name := range a.decl.UserPools.All() {
		if provider == a.userPoolProvider(a.pools.Pool(name).ID()) {
			return "user pool " + name
		}
	}
	return provider
}

// deleteIdentity deletes an identity of a declared pool.
func (a *App) deleteIdentity(ctx context.Context, id string) error {
	return a.identities.Call(ctx, "DeleteIdentities", members{"IdentityIdsToDelete": []string{id}}, nil)
}
