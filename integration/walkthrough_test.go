package integration

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWalkThroughUserPoolJWT types the walk-through "How to add JWT
// authorization with Cognito User Pool to a serverless API" as written, with
// the AWS CLI and curl.
func TestWalkThroughUserPoolJWT(t *testing.T) {
	need(t, "aws")
	need(t, "curl")
	need(t, "node")
	p := start(t, project(t, "api-auth-jwt-cognito-user-pool"))
	out := p.outputs()
	api, pool, client := out["ApiEndpoint"], out["UserPoolId"], out["UserPoolClientId"]

	if got := p.shell("curl -s " + api + "/public"); got != "Hello stranger!" {
		t.Errorf("GET /public answers %q", got)
	}
	denied := get(t, api+"/private", "")
	if denied.status != 401 || denied.body != `{"message":"Unauthorized"}` {
		t.Errorf("GET /private without a token answers %d %s", denied.status, denied.body)
	}
	if got := denied.header.Values("www-authenticate"); !reflect.DeepEqual(got, []string{"Bearer"}) {
		t.Errorf("GET /private without a token says www-authenticate %q; want Bearer", got)
	}

	signUp := object(t, p.shell(`aws cognito-idp sign-up \
		--region us-east-1 \
		--client-id `+client+` \
		--username admin@example.com \
		--password Passw0rd!`))
	sub, _ := signUp["UserSub"].(string)
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(sub) {
		t.Errorf("sign-up prints UserSub %q", sub)
	}
	wantSignUp := map[string]any{
		"UserConfirmed": false,
		"UserSub":       sub,
		"CodeDeliveryDetails": map[string]any{
			"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email",
		},
	}
	if !reflect.DeepEqual(signUp, wantSignUp) {
		t.Errorf("sign-up prints %v\nwant %v", signUp, wantSignUp)
	}

	if got := p.shell(`aws cognito-idp admin-confirm-sign-up \
		--region us-east-1 \
		--user-pool-id ` + pool + ` \
		--username admin@example.com`); got != "" {
		t.Errorf("admin-confirm-sign-up prints %q; the CLI prints nothing for an empty result", got)
	}

	auth := object(t, p.shell(`aws cognito-idp initiate-auth \
		--client-id `+client+` \
		--auth-flow USER_PASSWORD_AUTH \
		--auth-parameters USERNAME=admin@example.com,PASSWORD=Passw0rd!`))
	idToken := checkAuth(t, auth, sub, client)

	curl := `curl -s --url ` + api + `/private -H "Authorization: Bearer ` + idToken + `"`
	if got := p.shell(curl); got != "Hello user!" {
		t.Errorf("GET /private with the IdToken answers %q", got)
	}
	p.waitMatch(regexp.MustCompile(`401 GET /private  jwt: no Authorization header`))
	p.waitMatch(regexp.MustCompile(`200 GET /private`))

	// Making changes: the handler is edited on disk and the same request is
	// made again.
	edit(t, filepath.Join(p.dir, "functions", "private.ts"), `import { APIGatewayProxyHandlerV2 } from "aws-lambda";

export const handler: APIGatewayProxyHandlerV2 = async (event) => {
  return {
    statusCode: 200,
    body: `+"`Hello ${event.requestContext.authorizer.jwt.claims.sub}!`"+`,
  };
};
`)
	eventually(t, "Hello "+sub+"!", func() string { return p.shell(curl) })
}

// checkAuth holds the answer of initiate-auth against the walk-through's and
// gives the ID token.
func checkAuth(t *testing.T, auth map[string]any, sub, client string) string {
	t.Helper()
	if got := auth["ChallengeParameters"]; !reflect.DeepEqual(got, map[string]any{}) {
		t.Errorf("initiate-auth prints ChallengeParameters %v; want {}", got)
	}
	result, _ := auth["AuthenticationResult"].(map[string]any)
	keys := map[string]bool{}
	for k := range result {
		keys[k] = true
	}
	if want := map[string]bool{"AccessToken": true, "ExpiresIn": true, "TokenType": true, "RefreshToken": true, "IdToken": true}; !reflect.DeepEqual(keys, want) {
		t.Errorf("AuthenticationResult has %v; want %v", keys, want)
	}
	if result["ExpiresIn"] != 3600.0 || result["TokenType"] != "Bearer" {
		t.Errorf("AuthenticationResult says ExpiresIn %v, TokenType %v", result["ExpiresIn"], result["TokenType"])
	}
	id := claims(t, result["IdToken"])
	if id["sub"] != sub || id["aud"] != client || id["token_use"] != "id" || id["email"] != "admin@example.com" || id["cognito:username"] != sub {
		t.Errorf("the ID token claims %v", id)
	}
	access := claims(t, result["AccessToken"])
	if access["sub"] != sub || access["client_id"] != client || access["scope"] != "aws.cognito.signin.user.admin" || access["aud"] != nil || access["email"] != nil {
		t.Errorf("the access token claims %v", access)
	}
	if refresh, _ := result["RefreshToken"].(string); refresh == "" || strings.Contains(refresh, sub) {
		t.Errorf("the refresh token is %q", refresh)
	}
	token, _ := result["IdToken"].(string)
	return token
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("reading %q: %v", text, err)
	}
	return v
}

// claims reads a token's claims; whether it is genuine is the API's to say.
func claims(t *testing.T, token any) map[string]any {
	t.Helper()
	s, _ := token.(string)
	part := strings.Split(s, ".")
	if len(part) != 3 {
		t.Fatalf("%q is not a token", s)
	}
	b, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	return object(t, string(b))
}

// edit saves a file in place, as an editor does.
func edit(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until the answer is want; how long it may take is for the
// benchmarks.
func eventually(t *testing.T, want string, ask func() string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if got = ask(); got == want {
			return
		}
	}
	t.Errorf("the answer stays %q; want %q", got, want)
}
