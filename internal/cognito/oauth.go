package cognito

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// ResourceServerConfig declares an API with scopes of its own.
type ResourceServerConfig struct {
	// Identifier is what the scopes begin with, 1 to 256 characters.
	Identifier string
	// Name is for people.
	Name   string
	Scopes []ScopeConfig
}

// ScopeConfig is a scope of a resource server: tokens have it as
// IDENTIFIER/NAME.
type ScopeConfig struct{ Name, Description string }

// builtInScopes are the scopes that every pool has
// (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html).
var builtInScopes = []string{"openid", "email", "phone", "profile", scopeAdmin}

// Limits of resource servers
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
const (
	maxServers        = 25
	maxScopesOfServer = 100
	maxClientScopes   = 50
	maxRedirectURLs   = 100
)

// providerCognito is the pool itself among those who may sign users in.
const providerCognito = "COGNITO"

func (p *PoolConfig) validateServers(bad func(bool, string, ...any)) {
	bad(len(p.ResourceServers) > maxServers, "ResourceServers: %d servers; the limit is %d", len(p.ResourceServers), maxServers)
	seen := map[string]bool{}
	for _, r := range p.ResourceServers {
		bad(seen[r.Identifier], "ResourceServers: the identifier %q is declared twice", r.Identifier)
		seen[r.Identifier] = true
		bad(!shapes["ResourceServerIdentifierType"].Holds(r.Identifier), "ResourceServers: %q is no identifier", r.Identifier)
		bad(!shapes["ResourceServerNameType"].Holds(r.Name), "ResourceServers: %q is no name", r.Name)
		bad(len(r.Scopes) > maxScopesOfServer, "ResourceServers: %q: %d scopes; the limit is %d", r.Identifier, len(r.Scopes), maxScopesOfServer)
		names := map[string]bool{}
		for _, scope := range r.Scopes {
			bad(names[scope.Name], "ResourceServers: %q: the scope %q is declared twice", r.Identifier, scope.Name)
			names[scope.Name] = true
			bad(!shapes["ResourceServerScopeNameType"].Holds(scope.Name), "ResourceServers: %q: %q is no scope's name", r.Identifier, scope.Name)
			bad(!shapes["ResourceServerScopeDescriptionType"].Holds(scope.Description), "ResourceServers: %q: scope %q needs a description of 1 to 256 characters", r.Identifier, scope.Name)
		}
	}
}

// checkOAuth refuses what a client may not be allowed to do at the pool's
// domain
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html).
func (c *ClientConfig) checkOAuth(servers []ResourceServerConfig, providers []IdentityProviderConfig) *aws.Error {
	if !c.AllowedOAuthFlowsUserPoolClient && len(c.AllowedOAuthFlows)+len(c.AllowedOAuthScopes) > 0 {
		return invalid("AllowedOAuthFlowsUserPoolClient should be set to true if AllowedOAuthFlows or AllowedOAuthScopes are set.")
	}
	if c.AllowedOAuthFlowsUserPoolClient && (len(c.AllowedOAuthFlows) == 0 || len(c.AllowedOAuthScopes) == 0) {
		return invalid("AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.")
	}
	if slices.Contains(c.AllowedOAuthFlows, "client_credentials") {
		switch {
		case len(c.AllowedOAuthFlows) > 1:
			return refuse(codeInvalidOAuthFlow, "client_credentials flow can not be selected along with code flow or implicit flow.", "")
		case !c.GenerateSecret:
			return refuse(codeInvalidOAuthFlow, "client_credentials flow can not be selected if client does not have a client secret.", "")
		}
	} else if c.AllowedOAuthFlowsUserPoolClient && len(c.CallbackURLs) == 0 {
		return invalid("CallbackURLs are required if code flow or implicit flow is selected.")
	}
	for _, flow := range c.AllowedOAuthFlows {
		if !slices.Contains(shapes["OAuthFlowType"].Values, flow) {
			return refuse(codeInvalidOAuthFlow, fmt.Sprintf("%s is not an OAuth flow.", flow), "")
		}
	}
	known := scopesOf(servers)
	for _, scope := range c.AllowedOAuthScopes {
		if !slices.Contains(known, scope) {
			return refuse(codeScopeDoesNotExist, "Invalid scope requested: "+scope, "")
		}
	}
	for _, provider := range c.SupportedIdentityProviders {
		known := slices.ContainsFunc(providers, func(i IdentityProviderConfig) bool { return i.Name == provider })
		if provider != providerCognito && !known {
			return invalid("The provider %s does not exist for this user pool.", provider)
		}
	}
	return c.checkRedirects()
}

func (c *ClientConfig) checkRedirects() *aws.Error {
	for _, list := range [][]string{c.CallbackURLs, c.LogoutURLs} {
		if len(list) > maxRedirectURLs {
			return invalid("A client can have %d callback URLs and %d logout URLs.", maxRedirectURLs, maxRedirectURLs)
		}
		for _, raw := range list {
			if err := checkRedirect(raw); err != nil {
				return err
			}
		}
	}
	if c.DefaultRedirectURI != "" && !slices.Contains(c.CallbackURLs, c.DefaultRedirectURI) {
		return invalid("DefaultRedirectURI must be in the list of CallbackURLs.")
	}
	return nil
}

// checkRedirect refuses a URL to which browsers must not be sent: "Be an
// absolute URI", "Not include a fragment component", "HTTPS over HTTP except
// for http://localhost for testing purposes only. App callback URLs such as
// myapp://example are also supported". Schemes that run what they hold are no
// app's.
func checkRedirect(raw string) *aws.Error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !u.IsAbs() || u.Opaque != "" || !shapes["RedirectUrlType"].Holds(raw):
		return invalid("%s is not a valid redirect URL.", raw)
	case slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about"}, u.Scheme), u.User != nil:
		return invalid("%s is not a valid redirect URL.", raw)
	case u.Fragment != "" || raw[len(raw)-1] == '#':
		return invalid("%s is not a valid redirect URL: it includes a fragment.", raw)
	case u.Scheme == "http" && u.Hostname() != "localhost":
		return invalid("%s cannot use the HTTP protocol.", raw)
	case u.Scheme == "https" && u.Hostname() == "":
		return invalid("%s is not a valid redirect URL.", raw)
	}
	return nil
}

// scopesOf gives the scopes that clients of a pool with these resource servers
// may have.
func scopesOf(servers []ResourceServerConfig) []string {
	all := slices.Clone(builtInScopes)
	for _, r := range servers {
		for _, scope := range r.Scopes {
			all = append(all, r.Identifier+"/"+scope.Name)
		}
	}
	return all
}
