package app

import (
	"fmt"
	"slices"
	"strings"
)

// identityPool checks what an identity pool refers to.
func (c *checker) identityPool(path string, p *IdentityPool) {
	if p == nil || c.opaque[path] {
		return
	}
	seen := make(map[string]bool)
	for i, u := range p.UserPools {
		at := fmt.Sprintf("%s.userPools[%d]", path, i)
		if u == nil || c.opaque[at] || u.UserPool == "" {
			continue
		}
		if seen[u.UserPool] {
			c.at(at, "name all of its clients in one item", "the user pool %s is named twice", u.UserPool)
		}
		seen[u.UserPool] = true
		u.Clients = c.poolClients(at, u.UserPool, u.Clients)
	}
	for name, f := range p.Federation.All() {
		at := join(path+".federation", name)
		if f == nil || c.opaque[at] {
			continue
		}
		if seen[name] {
			c.key(at, "give it another name", "%s is already a user pool of this identity pool", name)
		}
		c.federation(at, f)
	}
	c.grant(path+".permissions.authenticated", p.Permissions.Authenticated, toIdentity)
	c.grant(path+".permissions.unauthenticated", p.Permissions.Unauthenticated, toAnybody)
	if len(p.Permissions.Unauthenticated) > 0 && !p.AllowUnauthenticatedIdentities && c.readable(path) && c.readable(path+".allowUnauthenticatedIdentities") {
		c.key(path+".permissions.unauthenticated", "add allowUnauthenticatedIdentities: true, or delete them", "nobody gets these permissions: the pool does not allow unauthenticated identities")
	}
	if !c.readable(path+".userPools") || !c.readable(path+".federation") {
		return
	}
	providers := append(sortedKeys(seen), p.Federation.Keys()...)
	slices.Sort(providers)
	providers = slices.Compact(providers)
	if p.DeveloperProviderName != "" {
		providers = append(providers, p.DeveloperProviderName)
	}
	for name, m := range p.RoleMappings.All() {
		at := join(path+".roleMappings", name)
		c.provider(at, name, providers)
		if m != nil && !c.opaque[at] {
			c.roleMapping(at, name, m, seen[name])
		}
	}
	for name := range p.PrincipalTags.All() {
		c.provider(join(path+".principalTags", name), name, providers)
	}
}

// provider checks that name is one of an identity pool's providers.
func (c *checker) provider(at, name string, providers []string) {
	if slices.Contains(providers, name) {
		return
	}
	hint := didYouMean(name, providers)
	if hint == "" && len(providers) > 0 {
		hint = "there are " + strings.Join(providers, ", ")
	} else if hint == "" {
		hint = "name a user pool below userPools, or an issuer below federation"
	}
	c.key(at, hint, "%s is no provider of this identity pool", name)
}

// federation checks that an issuer is said in one way, and its client with it.
func (c *checker) federation(at string, f *Federation) {
	there := func(key string) bool { _, ok := c.places[at+"."+key]; return ok }
	switch {
	case !c.readable(at):
	case there("tenant") && there("clientId"):
		c.key(at+".clientId", "write application: and the name of the tenant's application", "clientId goes with a domain or an issuer; a tenant of this file has applications")
	case there("tenant") && !there("application"):
		c.key(at, "add application: and the name of the tenant's application", "a tenant alone does not say whose tokens are good")
	case !there("tenant") && there("application"):
		c.key(at+".application", "write clientId:, or tenant: and the name of a tenant of this file", "application goes with a tenant of this file")
	case (there("domain") || there("issuer")) && !there("clientId"):
		c.key(at, "add clientId:", "an issuer alone does not say whose tokens are good")
	}
	if issuer, ok := c.literal(f.Issuer); ok && !f.Issuer.IsZero() {
		c.issuer(at+".issuer", issuer)
	}
	if f.Tenant == "" || !c.readable("tenants") {
		return
	}
	t, ok := c.app.Tenants.Get(f.Tenant)
	if !ok {
		c.at(at+".tenant", c.nameHint(f.Tenant, c.app.Tenants.Keys(), "tenants"), "there is no tenants.%s", f.Tenant)
		return
	}
	path := "tenants." + f.Tenant
	if t == nil || f.Application == "" || !c.readable(path) || !c.readable(path+".applications") {
		return
	}
	app, ok := t.Applications.Get(f.Application)
	switch {
	case !ok:
		c.at(at+".application", c.nameHint(f.Application, t.Applications.Keys(), path+".applications"), "there is no %s.applications.%s", path, f.Application)
	case app == nil || !c.readable(path+".applications."+f.Application):
	case app.Type == "non_interactive":
		c.at(at+".application", "name one that signs users in", "the application %s is a machine, which gets no ID tokens", f.Application)
	case t.Domain != "" && app.ClientID == "":
		c.at(at+".application", fmt.Sprintf("add clientId: to the application below stages.%s", c.app.Stage), "the application %s of the real tenant has no clientId", f.Application)
	}
}

// roleMapping checks the mapping of the provider name, which may be a user pool.
func (c *checker) roleMapping(at, name string, m *RoleMapping, isUserPool bool) {
	if m.Type == "token" && !isUserPool {
		c.at(at+".type", "write type: rules", "only the ID tokens of user pools name roles (cognito:roles)")
	}
	for i, r := range m.Rules {
		rule := fmt.Sprintf("%s.rules[%d]", at, i)
		if r == nil || c.opaque[rule] {
			continue
		}
		c.grant(rule+".permissions", r.Permissions, toIdentity)
		pool, group, named := strings.Cut(r.Role, ".")
		if !named || !c.readable("userPools") {
			continue
		}
		up, ok := c.app.UserPools.Get(pool)
		if !ok {
			c.at(rule+".role", c.nameHint(pool, c.app.UserPools.Keys(), "userPools"), "there is no userPools.%s", pool)
			continue
		}
		groups := "userPools." + pool + ".groups"
		if up == nil || !c.readable("userPools."+pool) || !c.readable(groups) {
			continue
		}
		g, ok := up.Groups.Get(group)
		switch {
		case !ok:
			c.at(rule+".role", c.nameHint(group, up.Groups.Keys(), groups), "there is no %s.%s", groups, group)
		case g != nil && g.Permissions == nil && c.readable(groups+"."+group):
			c.at(rule+".role", "give the group permissions:", "the group %s has no permissions, and so no role", group)
		}
	}
}

// group checks the permissions of a group.
func (c *checker) group(at string, g *UserPoolGroup) {
	if c.opaque[at] {
		return
	}
	if _, ok := c.places[at+".permissions"]; ok && g.RoleArn != "" {
		c.key(at+".permissions", "keep one of them", "a group has one role: that of roleArn, or one that permissions make")
	}
	c.grant(at+".permissions", g.Permissions, toIdentity)
}
