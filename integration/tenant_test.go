package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unicorns starts the example for an application at a site, with words of its
// declaration replaced, and gives it with what a script needs.
func unicorns(t *testing.T, replace ...string) (*process, map[string]string) {
	t.Helper()
	need(t, "python3")
	dir, origin := site(t)
	folder := project(t, "unicorns")
	file := filepath.Join(folder, "doorwright.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, file, strings.NewReplacer(append(replace, "http://localhost:3000", origin)...).Replace(string(b)))
	return start(t, folder), map[string]string{"Site": dir, "Origin": origin}
}

// TestTenantByOIDCClient is a web app with oidc-client-ts.
func TestTenantByOIDCClient(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := unicorns(t)
	p.browse(browser, js, "tenant.mjs", stage)
}

// TestTenantByOpenIDClient is a server with openid-client, and a machine.
func TestTenantByOpenIDClient(t *testing.T) {
	js := scripts(t)
	p := clients(t, "tenant")
	secret := get(t, p.outputs()["ApiEndpoint"]+"/secret", "").body
	p.script(js, "openid.mjs", map[string]string{"ClientSecret": secret})
}

// TestTenantByAuth0 is a web app with auth0-spa-js.
func TestTenantByAuth0(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := unicorns(t, "Unicorns: {", "Unicorns: {allowOfflineAccess: true, ")
	p.browse(browser, js, "auth0.mjs", stage)
	p.waitFor("POST /oauth/revoke Auth0 spa: ok")
}

// TestTenantAccount is a person who signs up, resets the password and lets an
// application in.
func TestTenantAccount(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := unicorns(t, "  Auth0: #", "  Auth0:\n    signUp: true #")
	p.browse(browser, js, "account.mjs", stage)
}

// TestTenantByAuth0React is a web app with auth0-react.
func TestTenantByAuth0React(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := unicorns(t)
	p.browse(browser, js, "auth0-react.mjs", stage)
}

// TestTenantByExpress is two servers with express-openid-connect and a browser:
// one that asks for an ID token by form_post, which is the default, and one that
// asks for a code.
func TestTenantByExpress(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	page, server := freeOrigin(t), freeOrigin(t)
	p := clients(t, "tenant",
		`callbacks: ["http://localhost:5678/callback"]`, fmt.Sprintf("callbacks: [%q, %q]", page+"/callback", server+"/callback"),
		`logoutUrls: ["http://localhost:5678/bye"]`, fmt.Sprintf("logoutUrls: [%q, %q]", page, server))
	p.script(js, "express.mjs", map[string]string{
		"Chromium": browser, "Page": page, "Server": server, "ClientSecret": p.secretOf("tenants.Auth0.applications.web.clientSecret"),
	})
	p.waitFor("GET /oidc/logout Auth0 web: ok")
}

// freeOrigin gives an origin on localhost where nobody listens yet: a server's
// callback must be declared before the server is there.
func freeOrigin(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
}
