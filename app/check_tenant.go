package app

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// tenant checks what a tenant's parts say of one another.
func (c *checker) tenant(path string, t *Tenant) {
	if t == nil || c.opaque[path] {
		return
	}
	c.tenantAPIs(path, t)
	if f := t.Actions.PostLogin; f != nil {
		at := path + ".actions.postLogin"
		c.function(at, at, &API{}, f)
	}
	for name, app := range t.Applications.All() {
		if app != nil {
			c.application(path, join(path+".applications", name), t, app)
		}
	}
	for name, apis := range t.Roles.All() {
		c.permissions(path, join(path+".roles", name), t, apis)
	}
	seen := map[string]bool{}
	for i, u := range t.Users {
		if u == nil {
			continue
		}
		at := fmt.Sprintf("%s.users[%d]", path, i)
		u.Email = strings.ToLower(u.Email)
		if u.Email != "" && seen[u.Email] {
			c.at(at+".email", "give each user an address of their own", "the user %s is declared twice", u.Email)
		}
		seen[u.Email] = true
		c.permissions(path, at+".permissions", t, u.Permissions)
		for j, role := range u.Roles {
			if _, ok := t.Roles.Get(role); !ok && role != "" && c.readable(path) && c.readable(path+".roles") {
				c.at(fmt.Sprintf("%s.roles[%d]", at, j), c.nameHint(role, t.Roles.Keys(), path+".roles"), "there is no role %q", role)
			}
		}
	}
}

func (c *checker) tenantAPIs(path string, t *Tenant) {
	seen := map[string]string{}
	if _, taken := t.APIs.Get(managementAPI); taken {
		c.key(join(path+".apis", managementAPI), "give it another name", "%s stands for the tenant's own Management API", managementAPI)
	}
	for name, api := range t.APIs.All() {
		if api == nil {
			continue
		}
		at := join(path+".apis", name)
		if other, taken := seen[api.Identifier]; taken && api.Identifier != "" {
			c.at(at+".identifier", "give it another identifier", "the identifier %q is already that of %s", api.Identifier, other)
		}
		seen[api.Identifier] = name
		if strings.HasSuffix(api.TokenDialect, "_authz") && !api.RBAC && c.readable(at) && c.readable(at+".rbac") {
			c.at(at+".tokenDialect", "add rbac: true", "the claim permissions of %s needs rbac", api.TokenDialect)
		}
		for i, p := range api.Permissions {
			if slices.Contains(oidcScopes, p) {
				c.at(fmt.Sprintf("%s.permissions[%d]", at, i), "give it another name", "%q is a scope of OpenID Connect", p)
			}
		}
	}
}

// oidcScopes are the scopes that belong to no API of a tenant.
var oidcScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// managementAPI stands for the Management API of a tenant among an application's
// grants.
const managementAPI = "management"

// managementScopes are the scopes that a local tenant's Management API asks for.
var managementScopes = []string{
	"create:client_grants", "create:clients", "create:resource_servers", "create:role_members", "create:roles", "create:users",
	"delete:client_grants", "delete:clients", "delete:resource_servers", "delete:roles", "delete:users",
	"read:client_grants", "read:client_keys", "read:clients", "read:connections", "read:resource_servers", "read:role_members", "read:roles", "read:tenant_settings", "read:users",
	"update:client_grants", "update:client_keys", "update:clients", "update:resource_servers", "update:roles", "update:users", "update:users_app_metadata",
}

// management checks the scopes of the Management API that an application is
// granted.
func (c *checker) management(path string, scopes []string) {
	if len(scopes) == 0 {
		c.key(path, "name the scopes that the application needs", "a grant of the Management API without a scope lets nothing be done")
	}
	for i, s := range scopes {
		if s != "" && !slices.Contains(managementScopes, s) {
			hint := didYouMean(s, managementScopes)
			if hint == "" {
				hint = "it has " + strings.Join(managementScopes, ", ")
			}
			c.at(fmt.Sprintf("%s[%d]", path, i), hint, "the Management API of a local tenant has no scope %q", s)
		}
	}
}

// permissions checks that the permissions at path are of the tenant's APIs.
func (c *checker) permissions(tenant, path string, t *Tenant, apis Map[[]string]) {
	for name, list := range apis.All() {
		at := join(path, name)
		api, ok := t.APIs.Get(name)
		if !ok {
			if c.readable(tenant) && c.readable(tenant+".apis") {
				c.key(at, c.nameHint(name, t.APIs.Keys(), tenant+".apis"), "there is no %s.apis.%s", tenant, name)
			}
			continue
		}
		of := join(tenant+".apis", name)
		if api == nil || !c.readable(of) || !c.readable(of+".permissions") {
			continue
		}
		for i, p := range list {
			if p == "" || slices.Contains(api.Permissions, p) {
				continue
			}
			hint := didYouMean(p, api.Permissions)
			if hint == "" {
				hint = "add it to the permissions of the API"
			}
			c.at(fmt.Sprintf("%s[%d]", at, i), hint, "the API %s has no permission %q", name, p)
		}
	}
}

// application checks that an application has what its type can use.
func (c *checker) application(tenant, path string, t *Tenant, app *Application) {
	if !c.readable(path) || app.Type == "" {
		return
	}
	there := func(key string) bool { _, ok := c.places[path+"."+key]; return ok }
	machine := app.Type == "non_interactive"
	c.grantTypes(path, app)
	may := func(kind string) bool { return app.GrantTypes == nil || slices.Contains(app.GrantTypes, kind) }
	for _, key := range []string{"callbacks", "logoutUrls", "webOrigins", "refreshTokenRotation"} {
		if machine && there(key) && !(key == "refreshTokenRotation" && app.GrantTypes != nil && may("refresh_token")) {
			c.key(path+"."+key, "delete it, or write type: regular_web", "%s does nothing for a non_interactive application: nobody signs in by it", key)
		}
	}
	if !machine && (may("authorization_code") || may("implicit")) && !there("callbacks") && t.Domain == "" && c.readable(tenant+".domain") {
		c.key(path, "add callbacks: [\"http://localhost:3000\"]", "a sign-in by a %s application leads nowhere without callbacks", app.Type)
	}
	if machine && !app.FirstParty {
		c.key(path+".firstParty", "delete it, or write type: regular_web", "firstParty does nothing for a non_interactive application: nobody is asked")
	}
	if (app.Type == "spa" || app.Type == "native") && there("grants") && app.FirstParty {
		c.key(path+".grants", "declare a non_interactive application for the machine", "a %s application has no secret, so it cannot have grants", app.Type)
	}
	if !may("client_credentials") && len(app.Grants.Keys()) > 0 {
		c.key(path+".grants", "add client_credentials to grantTypes", "grants do nothing for an application without client_credentials among its grantTypes")
	}
	if app.ClientID != "" && t.Domain == "" && c.readable(tenant+".domain") {
		c.at(path+".clientId", "delete it, or write it below stages together with the domain", "a local tenant makes its own client ids")
	}
	grants := Map[[]string]{}
	for api, list := range app.Grants.All() {
		if api == managementAPI {
			c.management(path+".grants."+managementAPI, list)
			if (app.Type == "spa" || app.Type == "native") && !app.FirstParty {
				c.key(path+".grants."+managementAPI, "declare a non_interactive application for the machine", "a %s application has no secret, so it cannot have this grant", app.Type)
			}
		} else {
			grants.put(api, list)
		}
	}
	c.permissions(tenant, path+".grants", t, grants)
	for key, list := range map[string][]string{"callbacks": app.Callbacks, "logoutUrls": app.LogoutURLs} {
		for i, raw := range list {
			c.tenantURL(fmt.Sprintf("%s.%s[%d]", path, key, i), raw)
		}
	}
	if app.RefreshTokenRotation == nil {
		app.RefreshTokenRotation = new(app.Type == "spa" || app.Type == "native")
	}
}

// grantTypes checks that an application's type can have its grant types
// (https://auth0.com/docs/get-started/applications/application-grant-types).
func (c *checker) grantTypes(path string, app *Application) {
	for i, kind := range app.GrantTypes {
		at := fmt.Sprintf("%s.grantTypes[%d]", path, i)
		switch {
		case kind == "client_credentials" && (app.Type == "spa" || app.Type == "native"):
			c.at(at, "delete it, and declare a non_interactive application for the machine", "a %s application has no secret, so it cannot have client_credentials", app.Type)
		case (kind == "implicit" || kind == "authorization_code") && app.Type == "non_interactive":
			c.at(at, "delete it, or write type: regular_web", "nobody signs in by the pages for a non_interactive application, so it cannot have %s", kind)
		}
	}
}

// tenantURL checks a URL that a browser may be sent to.
func (c *checker) tenantURL(at, raw string) {
	if raw == "" {
		return // reported
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxRedirectURL:
		c.at(at, fmt.Sprintf("write an absolute URL of at most %d characters", maxRedirectURL), "%.60q is not a redirect URL", raw)
	case u.User != nil:
		c.at(at, "delete what is before the @", "a redirect URL cannot hold a user")
	case strings.Contains(raw, "*"):
		c.at(at, "write each URL out", "wildcards in a tenant's URLs %s", unsupported)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.at(at, "write https, or http://localhost", "a redirect URL is https; http is for this machine alone")
	case slices.Contains(scriptSchemes, u.Scheme):
		c.at(at, "write https, or a scheme of your app", "a browser does not follow %s: to an app", u.Scheme)
	case u.Scheme == "https" && u.Hostname() == "":
		c.at(at, "write https://host/path", "%q has no host", raw)
	}
}

// tenantReference checks a reference to a tenant or to one of its applications.
func (c *checker) tenantReference(e *placedExpr, r Ref) {
	if !c.refersTo(r, "tenants", r.Name, c.app.Tenants.Keys()) || r.Kind == RefTenant {
		return
	}
	t, _ := c.app.Tenants.Get(r.Name)
	path := "tenants." + r.Name
	if t == nil || !c.readable(path) || !c.refersTo(r, path+".applications", r.Client, t.Applications.Keys()) {
		return
	}
	app, _ := t.Applications.Get(r.Client)
	at := path + ".applications." + r.Client
	switch {
	case app == nil || !c.readable(at):
	case r.Attribute == "clientSecret" && t.Domain != "":
		c.p.add(r.span, "write ${secret:NAME}", "the secret of an application of a real tenant is not known here")
	case r.Attribute == "clientSecret" && e.is != environmentVariable:
		c.p.add(r.span, secretHint(e, r), "%s is shown, so it cannot refer to a client's secret", e.is)
	case r.Attribute == "clientSecret" && (app.Type == "spa" || app.Type == "native"):
		c.p.add(r.span, "write type: regular_web or non_interactive", "the application %s is %s and has no secret", r.Client, app.Type)
	case r.Attribute == "clientId" && t.Domain != "" && app.ClientID == "":
		c.p.add(r.span, fmt.Sprintf("add clientId: to the application below stages.%s", c.app.Stage), "the application %s of the real tenant has no clientId", r.Client)
	}
}
