package doorwright_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// actionsApp has an Action as Auth0's documentation writes them, letter by letter, and
// one of each other kind of function.
var actionsApp = map[string]string{
	"doorwright.yaml": `name: app
tenants:
  Node:
    applications: {spa: {type: spa, callbacks: ["http://localhost:3000"]}}
    apis: {Api: {identifier: "https://api.example", permissions: [read]}}
    roles: {reader: {Api: [read]}}
    users: [{email: ann@example.com, password: "Passw0rd!", roles: [reader], userMetadata: {color: blue}}, {email: eve@example.com, password: "Passw0rd!"}]
    actions: {postLogin: {handler: src/roles.onExecutePostLogin, environment: {PLAN: "${stage}-plan"}}}
  Second:
    applications: {spa: {type: spa, callbacks: ["http://localhost:3000"]}}
    users: [{email: ann@example.com, password: "Passw0rd!"}]
    actions: {postLogin: src/mfa.onExecutePostLogin}
  Python:
    applications: {spa: {type: spa, callbacks: ["http://localhost:3000"]}}
    apis: {Api: {identifier: "https://api.example"}}
    users: [{email: ann@example.com, password: "Passw0rd!"}]
    actions: {postLogin: src/claims.handler}
`,
	"src/roles.js": `/**
* Handler that will be called during the execution of a PostLogin flow.
*
* @param {Event} event - Details about the user and the context in which they are logging in.
* @param {PostLoginAPI} api - Interface whose methods can be used to change the behavior of the login.
*/
exports.onExecutePostLogin = async (event, api) => {
  const namespace = 'https://my-app.example.com';
  if (event.authorization) {
    api.idToken.setCustomClaim(` + "`${namespace}/roles`" + `, event.authorization.roles);
    api.accessToken.setCustomClaim(` + "`${namespace}/roles`" + `, event.authorization.roles);
  }
  const { color } = event.user.user_metadata;
  api.accessToken.setCustomClaim('color', color || 'none');
  api.accessToken.setCustomClaim('plan', event.secrets.PLAN);
  api.accessToken.setCustomClaim('key', event.secrets.AWS_SECRET_ACCESS_KEY || 'none');
  if (event.user.email === 'eve@example.com') api.access.deny('Eve may not');
};
`,
	"package.json":  "{}\n", // CommonJS, whatever is above
	"src/mfa.js":    "exports.onExecutePostLogin = async (event, api) => { api.multifactor.enable('any', { allowRememberBrowser: false }); };\n",
	"src/claims.py": "def handler(event, context):\n    return [{'accessToken.setCustomClaim': ['https://example.com/user', event['user']['user_id']]}]\n",
}

// TestActionsEndToEnd has people's tokens changed by an Action of Auth0's as it stands,
// and by a function in Python.
func TestActionsEndToEnd(t *testing.T) {
	for _, tool := range []string{"node", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
				t.Fatal(tool + " is required and is not on the PATH")
			}
			t.Skip(tool + " is not on the PATH")
		}
	}
	dir := t.TempDir()
	for name, text := range actionsApp {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	claims := func(tenant, user string) (map[string]any, error) {
		api := "Api"
		if tenant == "Second" {
			api = ""
		}
		tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Tenant: tenant, User: user, API: api, Scope: "openid"})
		if err != nil {
			return nil, err
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.Access, ".")[1])
		if err != nil {
			return nil, err
		}
		var claims map[string]any
		return claims, json.Unmarshal(payload, &claims)
	}
	got, err := claims("Node", "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if roles, ok := got["https://my-app.example.com/roles"].([]any); !ok || len(roles) != 1 || roles[0] != "reader" || got["color"] != "blue" || got["plan"] != "dev-plan" || got["key"] != "none" {
		t.Errorf("the token has %v", got)
	}
	if _, err := claims("Node", "eve@example.com"); err == nil || !strings.Contains(err.Error(), "Eve may not") {
		t.Errorf("who is denied: %v", err)
	}
	if _, err := claims("Second", "ann@example.com"); err == nil || !strings.Contains(err.Error(), "api.multifactor.enable is not part of this version") {
		t.Errorf("an Action that asks for a second factor: %v", err)
	}
	got, err = claims("Python", "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if got["https://example.com/user"] != got["sub"] {
		t.Errorf("the token has %v", got)
	}
}
