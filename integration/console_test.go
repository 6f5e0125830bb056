package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link gives a link that opens the stage's console.
func (p *process) link() string {
	p.t.Helper()
	out, err := exec.Command(binary, "console", p.dir).Output()
	if err != nil {
		p.t.Fatalf("doorwright console: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestConsoleInBrowser watches a request be refused, and asks why. Every page is looked
// at by axe-core, on a desk and on a phone, light and dark.
func TestConsoleInBrowser(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := start(t, project(t, "quickstart"))
	p.waitFor("good once")
	printed := regexp.MustCompile(`Console: (http://127\.0\.0\.1:\d+/open/\S+)`).FindStringSubmatch(p.text())
	if printed == nil {
		t.Fatal("start prints no link to the console")
	}
	p.browse(browser, js, "console.mjs", map[string]string{"Link": printed[1]})
}

// TestConsolePeopleInBrowser makes, changes and deletes users, and has axe-core look at
// every page of people.
func TestConsolePeopleInBrowser(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "doorwright.yaml"), []byte(consolePeople), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir)
	p.browse(browser, js, "console-people.mjs", map[string]string{"Link": p.link()})
}

// consolePeople has users everywhere.
const consolePeople = `name: people
region: us-east-1
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    autoVerify: [email]
    groups: {admins: {}, riders: {}}
    clients: {web: {authFlows: [userPassword]}}
tenants:
  Auth0:
    applications: {web: {type: regular_web, callbacks: ["http://localhost:5678"]}}
    apis: {Api: {identifier: "https://api.example", rbac: true, permissions: ["read:things", "write:things"]}}
    roles: {reader: {Api: ["read:things"]}, writer: {Api: ["read:things", "write:things"]}}
    users: [{email: ann@example.com, password: "Passw0rd!", roles: [reader]}]
identityPools:
  Auth:
    userPools: [{userPool: Users, clients: [web]}]
    allowUnauthenticatedIdentities: true
    roleMappings: {Users: {type: token, ambiguousRoleResolution: authenticatedRole}}
outputs: {IdentityPoolId: "${identityPools.Auth.id}", UserPoolId: "${userPools.Users.id}", UserPoolClientId: "${userPools.Users.clients.web.id}"}
`

// TestConsoleOfStrangers: a page without the link, a stranger's page in another tab, a
// forged Host, a cross-site form.
func TestConsoleOfStrangers(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := start(t, project(t, "quickstart"))
	p.browse(browser, js, "console-strangers.mjs", map[string]string{
		"Link": p.link(), "Unused": p.link(), "NoScript": p.link(), "LinkAtLocalhost": strings.Replace(p.link(), "127.0.0.1", "localhost", 1),
	})
}

// TestConsoleToolsInBrowser goes from a new user to a route that opens: what the console
// shows of a token, of a refusal and of who may call what changes with groups, roles and
// the declaration.
func TestConsoleToolsInBrowser(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p := toolsApp(t)
	p.browse(browser, js, "console-tools.mjs", map[string]string{"Link": p.link(), "Binary": binary, "Dir": p.dir})
}

// TestConsoleStoriesInBrowser shows what policies say of signed requests, and functions.
func TestConsoleStoriesInBrowser(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := toolsApp(t)
	p.browse(browser, js, "console-stories.mjs", map[string]string{"Link": p.link(), "Binary": binary, "Dir": p.dir})
}

// TestConsoleTokensInBrowser pastes what is no good token.
func TestConsoleTokensInBrowser(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := toolsApp(t)
	p.browse(browser, js, "console-tokens.mjs", map[string]string{"Link": p.link()})
}

// toolsApp starts the app of consoleTools.
func toolsApp(t *testing.T) *process {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"doorwright.yaml": consoleTools,
		"hello.mjs":       `export const handler = async () => ({ statusCode: 200, body: "hello" });`,
		"guard.mjs": `export const handler = async (event) => {
  const claims = JSON.parse(Buffer.from(event.identitySource[0].split(".")[1], "base64url"));
  return { isAuthorized: (claims["cognito:groups"] ?? []).includes("admins") };
};`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, dir)
}

// consoleTools has an authorizer of each kind.
const consoleTools = `name: tools
region: us-east-1
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    groups: {admins: {}, riders: {}}
    clients: {web: {authFlows: [userPassword]}}
tenants:
  Auth0:
    applications: {web: {type: regular_web, callbacks: ["http://localhost:5678"]}}
    apis: {Things: {identifier: "https://things.example", rbac: true, permissions: ["read:things", "write:things"]}}
    roles:
      reader: {Things: ["read:things"]}
      writer: {Things: ["read:things", "write:things"]}
    users: [{email: ann@example.com, password: "Passw0rd!", roles: [reader]}]
identityPools:
  Auth:
    userPools: [Users]
    permissions: {authenticated: [{actions: ["execute-api:Invoke"], resources: ["Signed/GET/mine"]}]}
apis:
  Api:
    authorizers:
      users: {type: user_pool, userPool: Users}
      things: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://things.example"]}
      admins: {type: lambda, function: guard.handler, enableSimpleResponses: true, resultTtlInSeconds: 0}
    defaults: {authorizer: users}
    routes:
      GET /private: hello.handler
      GET /public: {function: hello.handler, authorizer: none}
      GET /admin: {function: hello.handler, authorizer: admins}
      GET /things: {function: hello.handler, authorizer: things, scopes: ["read:things"]}
      PUT /things: {function: hello.handler, authorizer: things, scopes: ["write:things"]}
  Signed:
    defaults: {authorizer: iam}
    routes:
      GET /mine: hello.handler
      GET /theirs: hello.handler
outputs: {ApiEndpoint: "${apis.Api.url}", SignedEndpoint: "${apis.Signed.url}", UserPoolClientId: "${userPools.Users.clients.web.id}"}
`
