package app

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// openIDScopes are the scopes of any tenant, which belong to no API.
var openIDScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// auth0 looks for what no token of a tenant has: the issuer without its slash, an
// audience that is no API's, a scope that is no permission.
func (l *linter) auth0(path, at string, a *Authorizer, routes []ResolvedRoute) {
	if a.Type != "jwt" {
		return
	}
	name := ""
	issuer, err := l.app.Resolve(a.Issuer, func(r Ref) (string, error) {
		if r.Kind != RefTenant {
			return "", errUnbound
		}
		name = r.Name
		return map[string]string{"issuer": "https://tenant.auth0.com/", "url": "https://tenant.auth0.com", "domain": "tenant.auth0.com"}[r.Attribute], nil
	})
	if err != nil {
		return
	}
	// "the iss claim ... including the trailing slash" (Auth0, validate access tokens).
	// API Gateway compares it to the letter.
	if u, err := url.Parse(issuer); err == nil && strings.HasSuffix(u.Hostname(), ".auth0.com") && u.Path == "" {
		l.at(at+".issuer", fmt.Sprintf("write %q", a.Issuer.String()+"/"), "the iss of Auth0's tokens ends in a slash: none of them would be accepted")
	}
	if tenant, ok := l.app.Tenants.Get(name); ok && tenant.Domain == "" {
		l.tenantAPIs(path, at, a, routes, name, tenant)
	}
}

// tenantAPIs holds an authorizer against the APIs of the local tenant that is its
// issuer.
func (l *linter) tenantAPIs(path, at string, a *Authorizer, routes []ResolvedRoute, name string, tenant *Tenant) {
	var identifiers, permissions []string
	own := true // all audiences are of declared APIs
	for _, api := range tenant.APIs.All() {
		identifiers = append(identifiers, api.Identifier)
		permissions = append(permissions, api.Permissions...)
	}
	for i, e := range a.Audience {
		audience, err := l.app.Resolve(e, func(Ref) (string, error) { return "", errUnbound })
		if err != nil {
			own = false
			continue
		}
		if !slices.Contains(identifiers, audience) {
			own = false
			l.at(fmt.Sprintf("%s.audience[%d]", at, i), fmt.Sprintf("write an identifier of tenants.%s.apis: [%s]", name, strings.Join(identifiers, " ")),
				"%q is the identifier of no API of tenant %s, so no token of it is for that", audience, name)
		}
	}
	if !own {
		return
	}
	for _, r := range routes {
		for _, scope := range r.Scopes {
			if !strings.HasSuffix(at, ".authorizers."+r.Authorizer) || slices.Contains(permissions, scope) || slices.Contains(openIDScopes, scope) {
				continue
			}
			l.key(path+".routes."+r.Key, fmt.Sprintf("add it to permissions of tenants.%s.apis, or write one of [%s]", name, strings.Join(permissions, " ")),
				"the scope %q of %q is no permission of an API of tenant %s: no token has it", scope, r.Key, name)
		}
	}
}
