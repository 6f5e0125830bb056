package integration

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWalkThroughAuth0IdentityPool types the walk-through "How to add Auth0
// authentication to a serverless API" from its first call to its last: the login page,
// the code exchanged by curl, the identity and its credentials by the AWS CLI, and calls
// signed with them by curl.
func TestWalkThroughAuth0IdentityPool(t *testing.T) {
	need(t, "aws")
	need(t, "curl")
	need(t, "node")
	p := start(t, project(t, "api-auth-auth0"))
	out := p.outputs()
	api := out["ApiEndpoint"]

	if got := p.shell("curl -s " + api + "/public"); got != "Hello stranger!" {
		t.Errorf("GET /public answers %q", got)
	}
	if got := get(t, api+"/private", ""); got.status != 403 || got.body != `{"message":"Forbidden"}` {
		t.Errorf("GET /private without a signature answers %d %s", got.status, got.body)
	}

	token := exchangeByCurl(t, p, out["Issuer"])
	login := strings.TrimSuffix(strings.TrimPrefix(out["Issuer"], "http://"), "/")
	id, keys := p.identityOf(login, token)
	if again, _ := p.identityOf(login, strings.TrimSpace(p.shell("'"+binary+"' token --tenant Auth0 --application web --user user@example.com --scope openid --id-token"))); again != id {
		t.Errorf("by another token of the user the identity is %s, not %s", again, id)
	}
	if got := p.shell("aws cognito-identity get-credentials-for-identity --identity-id " + id + " 2>&1 || true"); !strings.Contains(got, "(NotAuthorizedException) when calling the GetCredentialsForIdentity operation: Access to Identity '"+id+"' is forbidden.") {
		t.Errorf("without the login the CLI prints %s", got)
	}

	const signed = `curl -s --aws-sigv4 aws:amz:us-east-1:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN" `
	if got := p.as(keys, signed+api+"/private"); got != "Hello "+id+"!" {
		t.Errorf("the signed call answers %q, not Hello %s!", got, id)
	}
	p.waitFor("200 GET /private")
	other := keys
	other.SecretAccessKey = strings.ToUpper(keys.SecretAccessKey)
	if got := p.as(other, signed+api+"/private"); got != `{"message":"Forbidden"}` {
		t.Errorf("signed with another secret: %s", got)
	}

	// Making changes.
	edit(t, filepath.Join(p.dir, "src", "private.js"), "export async function main(event) {\n  return { statusCode: 200, body: `Hello user!` };\n}\n")
	eventually(t, "Hello user!", func() string { return p.as(keys, signed+api+"/private") })
}

// exchangeByCurl logs a user in on the tenant's page, copies the code from the URL, and
// gives the ID token that curl gets for it with the application's secret.
func exchangeByCurl(t *testing.T, p *process, issuer string) string {
	t.Helper()
	client := p.outputs()["ClientId"]
	login := func() string {
		code, _ := universalLogin(t, issuer+"authorize?response_type=code&client_id="+client+
			"&redirect_uri="+url.QueryEscape("http://localhost:5678")+"&scope=openid%20profile", "user@example.com", "Passw0rd!")
		return code
	}
	secret := strings.TrimSpace(p.shell("'" + binary + "' secret tenants.Auth0.applications.web.clientSecret"))
	exchange := func(secret, code string) map[string]any {
		t.Helper()
		return object(t, p.shell(`curl -sS --request POST \
  --url `+issuer+`oauth/token \
  --data "grant_type=authorization_code&client_id=`+client+`&client_secret=`+secret+`&code=`+code+`&redirect_uri=http://localhost:5678"`))
	}
	code := login()
	tokens := exchange(secret, code)
	id, _ := tokens["id_token"].(string)
	if tokens["scope"] != "openid profile" || tokens["token_type"] != "Bearer" || tokens["expires_in"] != 86400.0 || strings.Count(id, ".") != 2 {
		t.Fatalf("the tokens are %v", tokens)
	}
	if again := exchange(secret, code); again["error"] != "invalid_grant" || again["error_description"] != "Invalid authorization code" {
		t.Errorf("the code once more: %v", again)
	}
	for _, wrong := range []string{"", secret[1:]} {
		if refused := exchange(wrong, login()); refused["error"] != "access_denied" || refused["error_description"] != "Unauthorized" {
			t.Errorf("the secret %q: %v", wrong, refused)
		}
	}
	return id
}

// TestSecretOfTheLastStage asks for a client secret once the stage has ended.
func TestSecretOfTheLastStage(t *testing.T) {
	need(t, "node")
	p := start(t, project(t, "api-auth-auth0"))
	secret := strings.TrimSpace(p.shell("'" + binary + "' secret tenants.Auth0.applications.web.clientSecret"))
	p.stop()
	printed, err := exec.Command(binary, "secret", "--dir", p.dir, "tenants.Auth0.applications.web.clientSecret").Output()
	if err != nil || strings.TrimSpace(string(printed)) != secret || secret == "" {
		t.Errorf("the last stage's secret is %s, %v", printed, err)
	}
}
