package doorwright_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/matrix"
)

// claimsApp has tokens that functions change, and functions that call. UPSTREAM is in
// front of no authorizer.
const claimsApp = `name: app
userPools:
  Users:
    signInAliases: [email]
    domain: rides
    groups: {riders: {}, admins: {}, banned: {}}
    resourceServers: {Rides: {identifier: rides, scopes: {read: See, write: Book}}}
    clients:
      web: {}
      machine: {generateSecret: true, oauthFlows: [clientCredentials], oauthScopes: [rides/read]}
    triggers: {preTokenGeneration: {handler: claims.handler, version: V3_0}}
tenants:
  Auth0:
    applications:
      spa: {type: spa, callbacks: ["http://localhost:5678"]}
      test: {type: non_interactive, grants: {Notes: [see]}}
    apis: {Notes: {identifier: "https://notes.example", rbac: true, permissions: [see, write]}}
    roles: {writer: {Notes: [see, write]}, reader: {Notes: [see]}, banned: {Notes: [see]}}
    users:
      - {email: user@example.com, password: "Passw0rd!"}
      - {email: writer@example.com, password: "Passw0rd!", roles: [writer]}
      - {email: reader@example.com, password: "Passw0rd!", roles: [reader]}
      - {email: banned@example.com, password: "Passw0rd!", roles: [banned]}
    actions: {postLogin: action.onExecutePostLogin}
apis:
  Api:
    authorizers:
      users: {type: user_pool, userPool: Users, clients: [web, machine]}
      notes: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://notes.example"]}
      guard: {type: lambda, function: guard.handler, enableSimpleResponses: true, resultTtlInSeconds: 0}
    defaults: {authorizer: users}
    routes:
      GET /rides: {url: UPSTREAM, scopes: [rides/read]}
      POST /rides: {url: UPSTREAM, scopes: [rides/write]}
      GET /any: {url: UPSTREAM}
      GET /notes: {url: UPSTREAM, authorizer: notes, scopes: [see]}
      PUT /notes: {url: UPSTREAM, authorizer: notes, scopes: [write]}
      GET /guarded: {url: UPSTREAM, authorizer: guard}
      GET /keys/caller:
        {function: keys.handler, authorizer: none, permissions: [{actions: ["execute-api:Invoke"], resources: ["Signed/GET/mine"]}]}
      GET /keys/other: {function: {handler: keys.handler, timeout: 4s}, authorizer: none, permissions: [Signed]}
      GET /keys/idle: {function: idle.handler, authorizer: none, permissions: [Things]}
  Signed:
    defaults: {authorizer: iam}
    routes: {GET /mine: {url: UPSTREAM}, GET /theirs: {url: UPSTREAM}}
  Old:
    protocol: rest
    stageName: old
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    routes:
      GET /plain: {function: idle.handler}
      GET /scoped: {function: idle.handler, scopes: [rides/read]}
buckets: {Things: {}}
outputs:
  Api: "${apis.Api.url}"
  Url: "${userPools.Users.url}"
  Machine: "${userPools.Users.clients.machine.id}"
`

var claimsFunctions = map[string]string{
	"claims.mjs": `export const handler = async (event) => {
	if (event.triggerSource === "TokenGeneration_ClientCredentials") {
		event.response = {claimsAndScopeOverrideDetails: {accessTokenGeneration: {scopesToAdd: ["rides/write"], scopesToSuppress: ["rides/read"]}}}
		return event
	}
	const groups = event.request.groupConfiguration.groupsToOverride
	if (!event.request.userAttributes.email) throw new Error("no address")
	if (groups.includes("banned")) throw new Error("banned")
	if (groups.includes("riders")) {
		event.response = {claimsAndScopeOverrideDetails: {
			idTokenGeneration: {claimsToAddOrOverride: {plan: "gold"}},
			accessTokenGeneration: {claimsToAddOrOverride: {plan: "gold"}, scopesToAdd: ["rides/read"]},
		}}
	}
	if (groups.includes("admins")) event.response = {claimsAndScopeOverrideDetails: {groupOverrideDetails: {groupsToOverride: []}}}
	return event
}
`,
	"action.js": `exports.onExecutePostLogin = async (event, api) => {
	const roles = event.authorization.roles
	if (roles.includes("banned")) api.access.deny("banned")
	if (roles.includes("reader")) api.accessToken.addScope("write")
	if (roles.includes("writer")) api.accessToken.removeScope("write")
	api.accessToken.setCustomClaim("plan", roles.includes("reader") ? "gold" : "none")
}
`,
	"guard.mjs": `export const handler = async (event) => {
	const claims = JSON.parse(Buffer.from(event.identitySource[0].replace("Bearer ", "").split(".")[1], "base64url"))
	return {isAuthorized: claims.plan === "gold" || (claims["cognito:groups"] ?? []).includes("admins")}
}
`,
	"keys.mjs": `export const handler = async () => ({statusCode: 200, body: JSON.stringify({
	accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY, sessionToken: process.env.AWS_SESSION_TOKEN,
})})
`,
	"idle.mjs": `export const handler = async () => ({statusCode: 200, body: JSON.stringify({
	accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY, sessionToken: process.env.AWS_SESSION_TOKEN,
})})
`,
}

// claimsDir gives its folder.
func claimsDir(t *testing.T) string {
	t.Helper()
	needNode(t)
	dir := declare(t, strings.ReplaceAll(claimsApp, "UPSTREAM", fmt.Sprintf("%q", hello(t).URL)))
	for name, text := range claimsFunctions {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// claimant is somebody real, who is to get what a column of the matrix says.
type claimant struct {
	access, id string
	keys       matrix.Credentials
	refused    bool // the sign-in was
}

// TestMatrixIsWhatTheSignedInGet signs people, machines and functions in, as they are,
// and compares what they get with what the matrix says that such as they do.
func TestMatrixIsWhatTheSignedInGet(t *testing.T) {
	r := run(t, doorwright.Config{Dir: claimsDir(t), AnyPort: true})
	p, err := r.MatrixPlan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	who := r.claimants(t)
	seen := map[string]int{}
	for j, column := range p.Columns {
		c, real := who[column.Name]
		if !real {
			continue
		}
		delete(who, column.Name)
		for i, row := range p.Rows {
			cell := row.Cells[j]
			if asked := slices.Contains([]string{"none", "iam"}, row.Authorizer); c.refused && !asked {
				if cell.Outcome != matrix.NoToken || !strings.Contains(cell.Why, "banned") {
					t.Errorf("%s has no token, and the matrix says of %s %s: %s (%s)", column.Name, row.API, row.Route, cell.Outcome, cell.Why)
				}
				seen[cell.Outcome]++
				continue
			}
			credentials := c.keys
			if credentials.Token = c.access; row.API == "Old" && row.Route == "GET /plain" && c.id != "" {
				credentials.Token = c.id
			}
			seen[asTheMatrixSays(t, p, i, j, credentials)]++
		}
	}
	for name := range who {
		t.Errorf("the matrix has no caller %s", name)
	}
	for outcome, least := range map[string]int{"200": 40, "401": 40, "403": 20, matrix.NoToken: 16} {
		if seen[outcome] < least {
			t.Errorf("%d cells say %s: too little is asked", seen[outcome], outcome)
		}
	}
	if i := slices.IndexFunc(p.Columns, func(c matrix.Column) bool { return c.Name == "function:idle.handler" }); i >= 0 {
		t.Error("a function that may call nothing has a column")
	}
	for _, name := range []string{"Users.group:riders", "Users.app:machine", "Auth0.role:reader"} {
		i := slices.IndexFunc(p.Columns, func(c matrix.Column) bool { return c.Name == name })
		if about := p.Columns[i].About; !strings.Contains(about, " was run for what is in the token") {
			t.Errorf("%s is %q", name, about)
		}
	}
}

// claimants signs in who is in columns of the matrix.
func (r *running) claimants(t *testing.T) map[string]claimant {
	t.Helper()
	who := map[string]claimant{}
	pool := poolOf(t, r)
	for _, group := range []string{"", "riders", "admins", "banned"} {
		of := doorwright.TokenRequest{Pool: "Users", Client: "web", User: group + "user@example.com"}
		name := "Users.user"
		create := map[string]any{"UserPoolId": pool, "Username": of.User, "MessageAction": "SUPPRESS", "UserAttributes": []map[string]string{{"Name": "email", "Value": of.User}}}
		if err := r.Call(t.Context(), "AdminCreateUser", create); err != nil {
			t.Fatal(err)
		}
		if group != "" {
			name = "Users.group:" + group
			in := map[string]any{"UserPoolId": pool, "Username": of.User, "GroupName": group}
			if err := r.Call(t.Context(), "AdminAddUserToGroup", in); err != nil {
				t.Fatal(err)
			}
		}
		in := map[string]any{"UserPoolId": pool, "Username": of.User, "Password": "Passw0rd!", "Permanent": true}
		if err := r.Call(t.Context(), "AdminSetUserPassword", in); err != nil {
			t.Fatal(err)
		}
		tokens, err := r.Token(t.Context(), of)
		who[name] = claimant{access: tokens.Access, id: tokens.ID, refused: err != nil}
	}
	for _, role := range []string{"user", "writer", "reader", "banned"} {
		tokens, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{User: role + "@example.com", API: "Notes", Scope: "openid see write"})
		name := "Auth0.role:" + role
		if role == "user" {
			name = "Auth0.user"
		}
		who[name] = claimant{access: tokens.Access, refused: err != nil}
	}
	machine, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Application: "test", API: "Notes"})
	if err != nil {
		t.Fatal(err)
	}
	who["Auth0.app:test"] = claimant{access: machine.Access}

	who["Users.app:machine"] = claimant{access: r.machineToken(t, r.output("Machine"), r.output("Url"), "")}

	for name, path := range map[string]string{"function:keys.handler": "/keys/caller", "function:keys.handler (2)": "/keys/other"} {
		_, body := ask(t, get(t, r.output("Api")+path))
		var c claimant
		if err := json.Unmarshal([]byte(body), &c.keys); err != nil || c.keys.SessionToken == "" {
			t.Fatalf("a function has the keys %s (%v)", body, err)
		}
		who[name] = c
	}
	return who
}
