package app

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// resourceServers checks that no two resource servers have one identifier.
func (c *checker) resourceServers(path string, pool *UserPool) {
	seen := make(map[string]string)
	for name, server := range pool.ResourceServers.All() {
		if server == nil || server.Identifier == "" {
			continue
		}
		at := join(path+".resourceServers", name)
		if other, taken := seen[server.Identifier]; taken {
			c.at(at+".identifier", "give it another identifier", "the identifier %q is already that of %s", server.Identifier, other)
		}
		seen[server.Identifier] = name
		if slices.Contains(builtInScopes, server.Identifier) {
			c.at(at+".identifier", "give it another identifier", "%q is a scope of OpenID Connect or Cognito", server.Identifier)
		}
	}
}

// builtInScopes are the scopes that every pool has (Cognito developer guide,
// cognito-user-pools-define-resource-servers).
var builtInScopes = []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"}

// scopes gives the scopes that clients of the pool may ask for.
func (p *UserPool) scopes() []string {
	all := slices.Clone(builtInScopes)
	for _, server := range p.ResourceServers.All() {
		if server == nil {
			continue
		}
		for _, scope := range server.Scopes.Keys() {
			all = append(all, server.Identifier+"/"+scope)
		}
	}
	return all
}

// oauth checks what a client may do at the pool's domain, as CreateUserPoolClient
// does. Without oauthFlows the other keys would do nothing, so they are refused.
func (c *checker) oauth(poolPath, path string, pool *UserPool, client *UserPoolClient) {
	flows := client.OAuthFlows
	has := func(flow string) bool { return slices.Contains(flows, flow) }
	for _, key := range []string{"oauthScopes", "callbackUrls", "defaultRedirectUri", "logoutUrls", "identityProviders"} {
		if _, there := c.places[path+"."+key]; there && flows == nil && c.readable(path) {
			c.key(path+"."+key, "add oauthFlows: [code]", "%s does nothing for a client without oauthFlows", key)
		}
	}
	if flows == nil {
		return
	}
	if client.IdentityProviders == nil {
		client.IdentityProviders = []string{cognitoProvider}
	}
	at := path + ".oauthFlows"
	if client.OAuthScopes == nil && c.readable(path) {
		c.at(at, "add oauthScopes: [openid]", "oauthFlows without oauthScopes allow nothing")
	}
	if has("clientCredentials") {
		if len(flows) > 1 {
			c.at(at, "declare a client of its own for clientCredentials", "clientCredentials cannot be combined with code or implicit")
		}
		if !client.GenerateSecret && c.readable(path) {
			c.at(at, "add generateSecret: true", "clientCredentials takes a client with a secret")
		}
	}
	if (has("code") || has("implicit")) && client.CallbackURLs == nil && c.readable(path) {
		c.at(at, "add callbackUrls: [\"http://localhost:3000/\"]", "code and implicit lead nowhere without callbackUrls")
	}
	c.redirects(path, client)
	c.oauthScopes(poolPath, path, pool, client)
	for i, name := range client.IdentityProviders {
		known := append([]string{cognitoProvider}, pool.IdentityProviders.Keys()...)
		if name != "" && !slices.Contains(known, name) && c.readable(poolPath+".identityProviders") {
			hint := "write COGNITO, the pool itself"
			if len(known) > 1 {
				hint = "the identity providers are " + strings.Join(known, ", ")
			}
			c.at(fmt.Sprintf("%s.identityProviders[%d]", path, i), hint, "there is no identity provider %q", name)
		}
	}
}

// attributeNames gives the attributes that a provider can fill.
func (p *UserPool) attributeNames() []string {
	all := slices.DeleteFunc(slices.Clone(standardAttributes), func(name string) bool { return name == "sub" })
	for _, name := range p.CustomAttributes.Keys() {
		all = append(all, "custom:"+name)
	}
	return all
}

// identityProviders checks the providers that sign users in for a pool.
func (c *checker) identityProviders(path string, pool *UserPool) {
	for name, provider := range pool.IdentityProviders.All() {
		at := join(path+".identityProviders", name)
		if provider == nil || c.opaque[at] {
			continue
		}
		if pool.Domain == "" && c.readable(path) && c.readable(path+".domain") {
			c.key(at, "add domain: PREFIX to the pool", "identity providers sign users in at the pool's domain, and it has none")
		}
		if issuer, ok := c.literal(provider.Issuer); ok && !provider.Issuer.IsZero() {
			c.issuer(at+".issuer", issuer)
		}
		secret := slices.ContainsFunc(provider.ClientSecret.Refs(), func(r Ref) bool { return r.Kind == RefSecret })
		if !provider.ClientSecret.IsZero() && !secret {
			c.at(at+".clientSecret", "write ${secret:NAME} and put the value into .env", "a secret does not belong into this file")
		}
		if len(provider.Scopes) > 0 && !slices.Contains(provider.Scopes, "openid") && c.readable(at+".scopes") {
			c.at(at+".scopes", "add openid", "without openid the provider gives no ID token")
		}
		known := pool.attributeNames()
		for attribute := range provider.AttributeMapping.All() {
			if !slices.Contains(known, attribute) && c.readable(path+".customAttributes") && c.readable(at+".attributeMapping") {
				c.key(join(at+".attributeMapping", attribute), "declare it below customAttributes, or delete the line", "the user pool has no attribute %q", attribute)
			}
		}
	}
}

// cognitoProvider is the pool among the providers that may sign its users in.
const cognitoProvider = "COGNITO"

func (c *checker) oauthScopes(poolPath, path string, pool *UserPool, client *UserPoolClient) {
	if !c.readable(poolPath) || !c.readable(poolPath+".resourceServers") {
		return
	}
	for name := range pool.ResourceServers.All() {
		if at := join(poolPath+".resourceServers", name); !c.readable(at) || !c.readable(at+".scopes") {
			return
		}
	}
	known := pool.scopes()
	custom := false
	for i, scope := range client.OAuthScopes {
		custom = custom || !slices.Contains(builtInScopes, scope)
		if scope != "" && !slices.Contains(known, scope) {
			hint := didYouMean(scope, known)
			if hint == "" {
				hint = "the scopes are " + strings.Join(known[:min(len(known), 10)], ", ")
			}
			c.at(fmt.Sprintf("%s.oauthScopes[%d]", path, i), hint, "there is no scope %q", scope)
		}
	}
	if slices.Contains(client.OAuthFlows, "clientCredentials") && client.OAuthScopes != nil && !custom {
		c.at(path+".oauthScopes", "add a scope of a resource server", "clientCredentials gives scopes of resource servers only, and there is none")
	}
}

// maxRedirectURL is the length of a callback or logout URL.
const maxRedirectURL = 1024

// redirects checks the URLs that a browser may be sent to.
func (c *checker) redirects(path string, client *UserPoolClient) {
	check := func(at, raw string) {
		if raw == "" {
			return // reported
		}
		u, err := url.Parse(raw)
		switch {
		case err != nil || len(raw) > maxRedirectURL:
			c.at(at, fmt.Sprintf("write an absolute URL of at most %d characters", maxRedirectURL), "%.60q is not a redirect URL", raw)
		case u.User != nil:
			c.at(at, "delete what is before the @", "a redirect URL cannot hold a user")
		case u.Scheme == "http" && u.Hostname() != "localhost":
			c.at(at, "write https, or http://localhost", "a redirect URL is https; http is for localhost alone")
		case slices.Contains(scriptSchemes, u.Scheme):
			c.at(at, "write https, or a scheme of your app", "a browser does not follow %s: to an app", u.Scheme)
		case u.Scheme == "https" && u.Hostname() == "":
			c.at(at, "write https://host/path", "%q has no host", raw)
		}
	}
	for i, raw := range client.CallbackURLs {
		check(fmt.Sprintf("%s.callbackUrls[%d]", path, i), raw)
	}
	for i, raw := range client.LogoutURLs {
		check(fmt.Sprintf("%s.logoutUrls[%d]", path, i), raw)
	}
	if d := client.DefaultRedirectURI; d != "" && !slices.Contains(client.CallbackURLs, d) && c.readable(path+".callbackUrls") {
		c.at(path+".defaultRedirectUri", "write one of callbackUrls", "%q is missing from callbackUrls", d)
	}
}

// scriptSchemes run or show what they hold.
var scriptSchemes = []string{"javascript", "data", "vbscript", "file", "blob", "about"}
