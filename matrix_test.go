package doorwright_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/matrix"
)

// matrixApp has a route of every kind. UPSTREAM is in front of no authorizer.
const matrixApp = `name: app
region: eu-west-1
userPools:
  Users:
    domain: rides
    groups:
      admins: {permissions: [Signed]}
      riders: {}
    resourceServers: {Rides: {identifier: rides, scopes: {read: See, write: Book}}}
    clients:
      web: {oauthFlows: [code], oauthScopes: [openid, rides/read, rides/write], callbackUrls: ["http://localhost:5173/"]}
      other: {}
      machine: {generateSecret: true, oauthFlows: [clientCredentials], oauthScopes: [rides/read]}
tenants:
  Auth0:
    applications:
      spa: {type: spa, callbacks: ["http://localhost:5678"]}
      test: {type: non_interactive, grants: {Notes: [see]}}
    apis:
      Notes: {identifier: "https://notes.example", rbac: true, permissions: [see, write]}
    roles: {writer: {Notes: [see, write]}, reader: {Notes: [see]}}
identityPools:
  Auth:
    userPools: [Users]
    allowUnauthenticatedIdentities: true
    permissions:
      authenticated: [{actions: ["execute-api:Invoke"], resources: ["Signed/GET/mine"]}]
    roleMappings: {Users: {type: token}}
apis:
  Api:
    authorizers:
      users: {type: user_pool, userPool: Users, clients: [web, machine]}
      notes: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://notes.example"], identitySource: "$request.querystring.access"}
      guard: {type: lambda, function: guard.handler, enableSimpleResponses: true, resultTtlInSeconds: 0}
    defaults: {authorizer: users}
    routes:
      GET /rides: {url: UPSTREAM, scopes: [rides/read]}
      POST /rides: {url: UPSTREAM, scopes: [rides/write]}
      ANY /rides/{id}: {url: UPSTREAM}
      GET /rides/1: {url: UPSTREAM, authorizer: none}
      GET /files/{path+}: {url: UPSTREAM}
      GET /notes: {url: UPSTREAM, authorizer: notes, scopes: [see]}
      PUT /notes: {url: UPSTREAM, authorizer: notes, scopes: [write]}
      GET /guarded: {url: UPSTREAM, authorizer: guard}
      $default: {url: UPSTREAM, authorizer: none}
  Signed:
    stageName: v1
    defaults: {authorizer: iam}
    routes: {GET /mine: {url: UPSTREAM}, GET /theirs: {url: UPSTREAM}}
  Old:
    protocol: rest
    stageName: old
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    apiKeys: {partner: {}}
    usagePlans: {free: {apiKeys: [partner]}}
    routes:
      GET /plain: {function: hello.handler}
      GET /scoped: {function: hello.handler, scopes: [rides/read]}
      GET /metered/{id}: {function: hello.handler, apiKeyRequired: true, requestParameters: [method.request.header.X-Trip, method.request.querystring.day]}
      GET /counted: {function: hello.handler, apiKeyRequired: true, authorizer: none}
`

// runMatrixApp runs it, with texts of the declaration replaced by others.
func runMatrixApp(t *testing.T, replace ...string) *running {
	t.Helper()
	return run(t, doorwright.Config{Dir: matrixDir(t, replace...), AnyPort: true})
}

// matrixDir gives its folder.
func matrixDir(t *testing.T, replace ...string) string {
	t.Helper()
	needNode(t)
	text := strings.NewReplacer(replace...).Replace(matrixApp)
	dir := declare(t, strings.ReplaceAll(text, "UPSTREAM", fmt.Sprintf("%q", hello(t).URL)))
	guard := `export const handler = async (event) => {
	const [, payload] = event.identitySource[0].replace("Bearer ", "").split(".")
	const claims = JSON.parse(Buffer.from(payload, "base64url"))
	return {isAuthorized: (claims["cognito:groups"] ?? []).includes("admins")}
}
`
	hello := `export const handler = async () => ({statusCode: 200, body: "hello"})`
	for name, text := range map[string]string{"guard.mjs": guard, "hello.mjs": hello} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// needNode skips a test where Node is missing, and may be.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is required and is not on the PATH")
		}
		t.Skip("node is not on the PATH")
	}
}

// TestMatrixText holds the matrix of an app with everything.
func TestMatrixText(t *testing.T) {
	r := runMatrixApp(t)
	m, err := r.Matrix(t.Context(), doorwright.MatrixCaller{
		Name: "own", About: "a caller of the test's own", Send: func(api, route string, r *http.Request) {
			if route == "GET /guarded" {
				r.Header.Set("Authorization", "Bearer .eyJjb2duaXRvOmdyb3VwcyI6WyJhZG1pbnMiXX0.")
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(m.Text()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Text(); got != string(want) {
		t.Errorf("the matrix is\n%s", got)
	}
	kept, err := matrix.Parse(string(want))
	if err != nil {
		t.Fatal(err)
	}
	if changes := matrix.Diff(kept, m); len(changes) > 0 {
		t.Errorf("the matrix differs from its own text: %v", changes)
	}
	again, err := r.Matrix(t.Context())
	if err != nil || len(again.Columns) != len(m.Columns)-1 {
		t.Errorf("asked again, there are %d callers (%v)", len(again.Columns), err)
	}
	if c, _ := m.Of("Api", "GET /rides", "Users.without:rides/read"); c.Outcome != "403" || !strings.Contains(c.Why, "rides/read") || c.Explanation == nil {
		t.Errorf("who lacks the scope is told %+v", c)
	}
}

// TestMatrixIsWhatHappens sends each caller's request to each route.
func TestMatrixIsWhatHappens(t *testing.T) {
	for name, dir := range map[string]string{"guards": matrixDir(t), "claims": claimsDir(t)} {
		t.Run(name, func(t *testing.T) { matrixIsWhatHappens(t, dir) })
	}
}

func matrixIsWhatHappens(t *testing.T, dir string) {
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	p, err := r.MatrixPlan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, row := range p.Rows {
		for j, cell := range row.Cells {
			if cell.Outcome == matrix.NotAsked || cell.Outcome == matrix.NoToken {
				continue
			}
			seen[asTheMatrixSays(t, p, i, j, p.Credentials[p.Sent[i][j]])]++
		}
	}
	for _, status := range []string{"200", "401", "403"} {
		if seen[status] < 10 {
			t.Errorf("%d requests were answered %s: the matrix asks too little", seen[status], status)
		}
	}
}

// asTheMatrixSays sends the request of a row with the credentials of a column's caller, and
// gives the status that its cell says, and that it has to be answered.
func asTheMatrixSays(t *testing.T, p *doorwright.MatrixPlan, i, j int, credentials matrix.Credentials) string {
	t.Helper()
	row, cell := p.Rows[i], p.Rows[i].Cells[j]
	request, err := p.Questions[i].Request(t.Context(), p.URLs[row.API], credentials, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	status, body := ask(t, request)
	want := cell.Outcome
	if want == matrix.Allowed {
		want = "200"
	}
	if strconv.Itoa(status) != want {
		t.Errorf("%s %s: %s is answered %d %s, and the matrix says %s (%s)", row.API, row.Route, p.Columns[j].Name, status, body, cell.Outcome, cell.Why)
	}
	return want
}

// TestMatrixLeavesNothing compares the stage's state before and after.
func TestMatrixLeavesNothing(t *testing.T) {
	r := runMatrixApp(t)
	// What the stage has at first need, such as the keys of a pool.
	r.admin("AdminCreateUser", map[string]any{"UserPoolId": poolOf(t, r), "Username": "ann"})
	if _, err := r.Matrix(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := r.CountRows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Matrix(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := r.CountRows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, after) {
		t.Errorf("the state had %v, and has %v", before, after)
	}
	for table, rows := range map[string]int{"cognito_user": 1, "cognito_grant": 0, "cognito_member": 0, "auth0_user": 0, "auth0_grant": 0, "identity_identity": 0} {
		if n, ok := after[table]; !ok || n != rows {
			t.Errorf("%s has %d rows (%v), want %d", table, n, ok, rows)
		}
	}
}

// poolOf gives the id of the app's one user pool.
func poolOf(t *testing.T, r *running) string {
	t.Helper()
	return r.admin("ListUserPools", map[string]any{"MaxResults": 1})["UserPools"].([]any)[0].(map[string]any)["Id"].(string)
}
