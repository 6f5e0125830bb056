package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// oauthPool is the e-mail pool with a resource server and clients that use the
// pool's domain.
func oauthPool() cognito.PoolConfig {
	p := emailPool()
	p.ResourceServers = []cognito.ResourceServerConfig{{
		Identifier: "https://rides.example", Name: "Rides",
		Scopes: []cognito.ScopeConfig{{Name: "read", Description: "See rides"}, {Name: "write", Description: "Book rides"}},
	}}
	p.Clients = append(p.Clients, cognito.ClientConfig{
		Name: "browser", AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthFlows: []string{"code"},
		AllowedOAuthScopes: []string{"openid", "https://rides.example/read"}, CallbackURLs: []string{"http://localhost:5173/", "myapp://cb"},
		LogoutURLs: []string{"https://app.example/"}, DefaultRedirectURI: "myapp://cb", SupportedIdentityProviders: []string{"COGNITO"},
	})
	return p
}

func TestDescribeOAuthClient(t *testing.T) {
	w := newWorld(t, oauthPool())
	c := w.do("DescribeUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": w.client("browser")})["UserPoolClient"].(obj)
	for member, want := range map[string]string{
		"AllowedOAuthFlowsUserPoolClient": "true", "AllowedOAuthFlows": "[code]", "AllowedOAuthScopes": "[openid https://rides.example/read]",
		"CallbackURLs": "[http://localhost:5173/ myapp://cb]", "LogoutURLs": "[https://app.example/]", "DefaultRedirectURI": "myapp://cb",
		"SupportedIdentityProviders": "[COGNITO]",
	} {
		if got := fmt.Sprint(c[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
}

func TestBadOAuthDeclarations(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		change func(*cognito.PoolConfig, *cognito.ClientConfig)
		want   string
	}{
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.AllowedOAuthFlowsUserPoolClient = false }, "AllowedOAuthFlowsUserPoolClient should be set to true"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.AllowedOAuthScopes = nil }, "are required if user pool client is allowed to use OAuth flows"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.AllowedOAuthScopes = []string{"rides/read"} }, "Invalid scope requested: rides/read"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) {
			c.AllowedOAuthFlows = []string{"client_credentials"}
		}, "does not have a client secret"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) {
			c.AllowedOAuthFlows = []string{"client_credentials", "code"}
		}, "can not be selected along with"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.AllowedOAuthFlows = []string{"password"} }, "password is not an OAuth flow"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.CallbackURLs, c.DefaultRedirectURI = nil, "" }, "CallbackURLs are required"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.CallbackURLs = []string{"http://a.example/"} }, "cannot use the HTTP protocol"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.LogoutURLs = []string{"https://a.example/#x"} }, "includes a fragment"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) {
			c.LogoutURLs = []string{"javascript://%0aalert(1)"}
		}, "is not a valid redirect URL"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.LogoutURLs = []string{"/relative"} }, "is not a valid redirect URL"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) { c.DefaultRedirectURI = "http://localhost:5173" }, "must be in the list of CallbackURLs"},
		{func(_ *cognito.PoolConfig, c *cognito.ClientConfig) {
			c.SupportedIdentityProviders = []string{"Google"}
		}, "The provider Google does not exist"},
		{func(p *cognito.PoolConfig, _ *cognito.ClientConfig) {
			p.ResourceServers = append(p.ResourceServers, p.ResourceServers[0])
		}, "is declared twice"},
		{func(p *cognito.PoolConfig, _ *cognito.ClientConfig) { p.ResourceServers[0].Scopes[0].Name = "a/b" }, "is no scope's name"},
		{func(p *cognito.PoolConfig, _ *cognito.ClientConfig) { p.ResourceServers[0].Scopes[0].Description = "" }, "needs a description"},
		{func(p *cognito.PoolConfig, _ *cognito.ClientConfig) { p.ResourceServers[0].Identifier = "a b" }, "is no identifier"},
	} {
		pool := oauthPool()
		tt.change(&pool, &pool.Clients[len(pool.Clients)-1])
		cfg := w.cfg
		cfg.Pools = []cognito.PoolConfig{pool}
		if _, err := cognito.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q is not in %v", tt.want, err)
		}
	}
}

func TestResourceServers(t *testing.T) {
	w := newWorld(t, oauthPool())
	id := func(identifier string, more obj) obj {
		return with(obj{"UserPoolId": w.pool(), "Identifier": identifier}, more)
	}
	scopes := []obj{{"ScopeName": "read", "ScopeDescription": "Read it"}}
	created := w.do("CreateResourceServer", id("notes", obj{"Name": "Notes", "Scopes": scopes}))["ResourceServer"].(obj)
	want := fmt.Sprintf("map[Identifier:notes Name:Notes Scopes:[map[ScopeDescription:Read it ScopeName:read]] UserPoolId:%s]", w.pool())
	if got := fmt.Sprint(created); got != want {
		t.Errorf("created %s", got)
	}
	w.restart()
	if got := fmt.Sprint(w.do("DescribeResourceServer", id("notes", nil))["ResourceServer"]); got != want {
		t.Errorf("described %s", got)
	}
	w.refused("CreateResourceServer", id("notes", obj{"Name": "Notes"}), "InvalidParameterException", "notes already exists in user pool "+w.pool()+".")
	w.do("CreateResourceServer", id("bare", obj{"Name": "Bare"}))
	first := w.do("ListResourceServers", obj{"UserPoolId": w.pool(), "MaxResults": 2})
	if got := listed(first["ResourceServers"], "Identifier"); got != "bare https://rides.example" {
		t.Errorf("first page: %s", got)
	}
	second := w.do("ListResourceServers", obj{"UserPoolId": w.pool(), "MaxResults": 2, "NextToken": first["NextToken"]})
	if got := listed(second["ResourceServers"], "Identifier"); got != "notes" || second["NextToken"] != nil {
		t.Errorf("second page: %s %v", got, second["NextToken"])
	}
	w.refused("ListResourceServers", obj{"UserPoolId": w.pool(), "NextToken": "from-1"}, "InvalidParameterException", "Invalid pagination token given.")
	w.refused("ListUserPoolClients", obj{"UserPoolId": w.pool(), "NextToken": first["NextToken"]}, "InvalidParameterException", "Invalid pagination token given.")
	updated := w.do("UpdateResourceServer", id("notes", obj{"Name": "All notes"}))["ResourceServer"].(obj)
	if updated["Name"] != "All notes" || updated["Scopes"] != nil {
		t.Errorf("updated %v", updated)
	}
	if a := w.send("DeleteResourceServer", id("notes", nil)); a.status != 200 || a.body != "" {
		t.Errorf("DeleteResourceServer: %d %s", a.status, a.body)
	}
	for _, operation := range []string{"DescribeResourceServer", "DeleteResourceServer", "UpdateResourceServer"} {
		w.refused(operation, id("notes", obj{"Name": "x"}), "ResourceNotFoundException", "Resource server notes does not exist.")
	}
	const owned = "userPools.UserPool.resourceServers.Rides is declared in doorwright.yaml; change it there."
	w.refused("UpdateResourceServer", id("https://rides.example", obj{"Name": "x"}), "InvalidParameterException", owned)
	w.refused("DeleteResourceServer", id("https://rides.example", nil), "InvalidParameterException", owned)
	w.refused("CreateResourceServer", id("x", obj{"Name": "X", "Scopes": []obj{{"ScopeName": "a/b", "ScopeDescription": "x"}}}), "InvalidParameterException",
		`1 validation error detected: Value 'a/b' at 'scopes.1.member.scopeName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+`)
	for i := range 23 {
		w.do("CreateResourceServer", id(fmt.Sprint("s", i), obj{"Name": "S"}))
	}
	w.refused("CreateResourceServer", id("more", obj{"Name": "S"}), "LimitExceededException", "A user pool can have 25 resource servers.")
}
