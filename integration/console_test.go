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
	browser, js := chromium(t), scripts(t)
	p := start(t, project(t, "quickstart"))
	p.browse(browser, js, "console-strangers.mjs", map[string]string{
		"Link": p.link(), "Unused": p.link(), "NoScript": p.link(), "LinkAtLocalhost": strings.Replace(p.link(), "127.0.0.1", "localhost", 1),
	})
}
