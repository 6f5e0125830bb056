package doorwright_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// resourcesApp declares what a user pool has beside users.
const resourcesApp = `name: app
userPools:
  Users:
    selfSignUp: true
    signInAliases: [username]
    requiredAttributes: [email]
    customAttributes:
      plan: {minLength: 2, maxLength: 10, mutable: false}
      seats: {type: Number, min: 1, max: 5}
    resourceServers:
      Rides: {identifier: rides, scopes: {read: See rides, write: Book rides}}
    clients:
      web:
        authFlows: [userPassword]
        readAttributes: [email, "custom:plan"]
        writeAttributes: [email, "custom:plan", "custom:seats"]
        oauthFlows: [code, implicit]
        oauthScopes: [openid, rides/read]
        callbackUrls: ["http://localhost:5173/", "myapp://cb"]
        defaultRedirectUri: myapp://cb
        logoutUrls: ["https://app.example/"]
      machine: {generateSecret: true, oauthFlows: [clientCredentials], oauthScopes: [rides/write]}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    routes: {"GET /": {url: "UPSTREAM"}}
outputs: {Pool: "${userPools.Users.id}", Web: "${userPools.Users.clients.web.id}", Machine: "${userPools.Users.clients.machine.id}", Api: "${apis.Api.url}"}
`

// admin performs an operation with the stage's root keys.
func (r *running) admin(operation string, in map[string]any) map[string]any {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	env := r.Environment()
	req, err := http.NewRequest(http.MethodPost, env.Endpoint, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	sigv4.Sign(req, body, sigv4.Credentials{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}, "cognito-idp", env.Region, time.Now())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		r.t.Fatalf("%s: %d %s %v", operation, resp.StatusCode, b, err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// TestDeclaredResources follows the declaration's words to the wire.
func TestDeclaredResources(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, strings.ReplaceAll(resourcesApp, "UPSTREAM", hello(t).URL))})
	describe := func(client string) map[string]any {
		return r.admin("DescribeUserPoolClient", map[string]any{"UserPoolId": r.output("Pool"), "ClientId": r.output(client)})["UserPoolClient"].(map[string]any)
	}
	web, machine := describe("Web"), describe("Machine")
	for member, want := range map[string]string{
		"ReadAttributes": "[email custom:plan]", "WriteAttributes": "[email custom:plan custom:seats]", "AllowedOAuthFlows": "[code implicit]",
		"AllowedOAuthScopes": "[openid rides/read]", "CallbackURLs": "[http://localhost:5173/ myapp://cb]", "DefaultRedirectURI": "myapp://cb",
		"LogoutURLs": "[https://app.example/]", "SupportedIdentityProviders": "[COGNITO]", "AllowedOAuthFlowsUserPoolClient": "true",
	} {
		if got := fmt.Sprint(web[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	if got := fmt.Sprint(machine["AllowedOAuthFlows"], machine["AllowedOAuthScopes"]); got != "[client_credentials] [rides/write]" {
		t.Errorf("machine: %s", got)
	}
	server := r.admin("DescribeResourceServer", map[string]any{"UserPoolId": r.output("Pool"), "Identifier": "rides"})["ResourceServer"].(map[string]any)
	if got := fmt.Sprint(server["Name"], server["Scopes"]); got != "Rides[map[ScopeDescription:See rides ScopeName:read] map[ScopeDescription:Book rides ScopeName:write]]" {
		t.Errorf("resource server: %s", got)
	}
	schema := map[string]map[string]any{}
	for _, a := range r.admin("DescribeUserPool", map[string]any{"UserPoolId": r.output("Pool")})["UserPool"].(map[string]any)["SchemaAttributes"].([]any) {
		schema[a.(map[string]any)["Name"].(string)] = a.(map[string]any)
	}
	for name, want := range map[string]string{
		"email":        "String true true map[MaxLength:2048 MinLength:0] <nil>",
		"custom:plan":  "String false false map[MaxLength:10 MinLength:2] <nil>",
		"custom:seats": "Number true false <nil> map[MaxValue:5 MinValue:1]",
	} {
		a := schema[name]
		if got := strings.TrimSuffix(fmt.Sprintln(a["AttributeDataType"], a["Mutable"], a["Required"], a["StringAttributeConstraints"], a["NumberAttributeConstraints"]), "\n"); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestAuthorizerHasTheDeclaredClients: an authorizer that names no clients
// accepts those of the declaration. One that was made since is none of them, as
// on AWS; a restart does not change that.
func TestAuthorizerHasTheDeclaredClients(t *testing.T) {
	cfg := doorwright.Config{Dir: declare(t, strings.ReplaceAll(resourcesApp, "UPSTREAM", hello(t).URL))}
	r := run(t, cfg)
	made := r.admin("CreateUserPoolClient", map[string]any{"UserPoolId": r.output("Pool"), "ClientName": "web", "ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}})["UserPoolClient"].(map[string]any)["ClientId"]
	r.admin("AdminCreateUser", map[string]any{"UserPoolId": r.output("Pool"), "Username": "alice", "UserAttributes": []map[string]string{{"Name": "email", "Value": "a@example.com"}}})
	r.admin("AdminSetUserPassword", map[string]any{"UserPoolId": r.output("Pool"), "Username": "alice", "Password": "Passw0rd!", "Permanent": true})
	check := func() {
		t.Helper()
		for _, tt := range []struct {
			client any
			status int
		}{{r.output("Web"), 200}, {made, 401}} {
			status, body := r.pool("InitiateAuth", map[string]any{"ClientId": tt.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": "alice", "PASSWORD": "Passw0rd!"}})
			var out struct {
				AuthenticationResult struct{ AccessToken string }
			}
			if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
				t.Fatalf("InitiateAuth: %d %s", status, body)
			}
			req := get(t, r.output("Api")+"/")
			req.Header.Set("Authorization", "Bearer "+out.AuthenticationResult.AccessToken)
			if status, body := ask(t, req); status != tt.status {
				t.Errorf("client %s: %d %s", tt.client, status, body)
			}
		}
	}
	check()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = run(t, cfg)
	check()
}
