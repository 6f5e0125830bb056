package doorwright_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// identityApp declares two identity pools over a user pool and a tenant. What the
// identities of one may, is said of both.
const identityApp = `name: app
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    groups: {admins: {permissions: [{actions: [cognito-identity:DescribeIdentityPool, cognito-identity:ListIdentities], resources: [Auth]}]}}
    clients: {web: {authFlows: [userPassword]}, other: {authFlows: [userPassword]}}
  Strangers: {signInAliases: [email], clients: {web: {}}}
tenants:
  Auth0:
    applications: {web: {type: spa, callbacks: ["http://localhost:3000"]}, second: {type: spa, callbacks: ["http://localhost:3000"]}}
    users: [{email: ann@example.com, password: "Passw0rd!"}]
identityPools:
  Auth:
    userPools: [{userPool: Users, clients: [web]}]
    federation: {auth0: {tenant: Auth0, application: web}}
    allowUnauthenticatedIdentities: true
    allowClassicFlow: true
    serverSideTokenCheck: true
    roleMappings: {Users: {type: token, ambiguousRoleResolution: authenticatedRole}}
    principalTags: {Users: {mail: email}}
    permissions:
      authenticated: [{actions: [cognito-identity:DescribeIdentityPool], resources: [Auth], condition: {StringEquals: {"aws:PrincipalTag/mail": "rider@example.com"}}}]
      unauthenticated: [{actions: [cognito-identity:GetIdentityPoolRoles, "sts:*"], resources: "*"}]
  Other:
    userPools: [Users]
    permissions: {authenticated: [{actions: [cognito-identity:DescribeIdentityPool], resources: [Other]}]}
outputs:
  Id: "${identityPools.Auth.id}"
  Other: "${identityPools.Other.id}"
  Pool: "${userPools.Users.id}"
  Provider: "${userPools.Users.providerName}"
  Tenant: "${tenants.Auth0.domain}"
`

// identityCall sends an operation on identity pools, signed if there are keys.
func identityCall(t *testing.T, r *running, operation string, in map[string]any, keys *sigv4.Credentials) (int, map[string]any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	if keys != nil {
		sigv4.Sign(req, body, *keys, "cognito-identity", r.Environment().Region, time.Now())
	}
	status, text := ask(t, req)
	out := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s answered %s", operation, text)
		}
	}
	return status, out
}

func refusal(out map[string]any) string {
	code, _ := out["__type"].(string)
	message, _ := out["message"].(string)
	return code + ": " + message
}

// identityKeys gives an identity and its credentials, as applications get them.
func identityKeys(t *testing.T, r *running, pool string, logins map[string]any) (string, sigv4.Credentials) {
	t.Helper()
	status, out := identityCall(t, r, "GetId", map[string]any{"IdentityPoolId": pool, "Logins": logins}, nil)
	id, _ := out["IdentityId"].(string)
	if status != 200 || id == "" {
		t.Fatalf("GetId: %d %v", status, out)
	}
	status, out = identityCall(t, r, "GetCredentialsForIdentity", map[string]any{"IdentityId": id, "Logins": logins}, nil)
	given, ok := out["Credentials"].(map[string]any)
	if status != 200 || !ok {
		t.Fatalf("GetCredentialsForIdentity: %d %v; %s", status, out, r.text(doorwright.KindError))
	}
	return id, sigv4.Credentials{AccessKeyID: given["AccessKeyId"].(string), SecretAccessKey: given["SecretKey"].(string), SessionToken: given["SessionToken"].(string)}
}

// stsCall sends an operation of STS, signed if there are keys.
func stsCall(t *testing.T, r *running, keys *sigv4.Credentials, form url.Values) (int, string) {
	t.Helper()
	form.Set("Version", "2011-06-15")
	body := form.Encode()
	req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if keys != nil {
		sigv4.Sign(req, []byte(body), *keys, "sts", r.Environment().Region, time.Now())
	}
	return ask(t, req)
}

// TestIdentityPools walks from the tokens of a stage's own user pool and tenant to
// credentials, and holds what these allow and what they do not.
func TestIdentityPools(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, identityApp), AnyPort: true})
	token := func(pool, client, user string) doorwright.Tokens {
		t.Helper()
		tokens, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: pool, Client: client, User: user})
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	rider := token("Users", "web", "rider@example.com")
	auth, other, provider := r.output("Id"), r.output("Other"), r.output("Provider")
	id, keys := identityKeys(t, r, auth, map[string]any{provider: rider.ID})
	if again, _ := identityKeys(t, r, auth, map[string]any{strings.TrimPrefix(r.Environment().Endpoint, "http://") + "/" + r.output("Pool"): rider.ID}); again != id {
		t.Errorf("by the local key the identity is %s, not %s", again, id)
	}
	status, caller := stsCall(t, r, &keys, url.Values{"Action": {"GetCallerIdentity"}})
	if status != 200 || !strings.Contains(caller, "<Arn>arn:aws:sts::000000000000:assumed-role/dev-app-Auth-authenticated/CognitoIdentityCredentials</Arn>") {
		t.Errorf("the caller is %d %s", status, caller)
	}

	// What the pool's role allows, by the tag that the token's claim became.
	may := func(who string, keys sigv4.Credentials, operation, pool string, want bool) {
		t.Helper()
		status, out := identityCall(t, r, operation, map[string]any{"IdentityPoolId": pool, "MaxResults": 1}, &keys)
		if (status == 200) != want || !want && out["__type"] != "AccessDeniedException" {
			t.Errorf("%s: %s of %s is answered %d %v", who, operation, pool, status, out)
		}
	}
	may("a rider", keys, "DescribeIdentityPool", auth, true)
	may("a rider", keys, "DescribeIdentityPool", other, false)
	may("a rider", keys, "ListIdentities", auth, false)
	_, else_ := identityKeys(t, r, auth, map[string]any{provider: token("Users", "web", "else@example.com").ID})
	may("without the tag's value", else_, "DescribeIdentityPool", auth, false)
	_, elsewhere := identityKeys(t, r, other, map[string]any{provider: rider.ID})
	may("by the other pool", elsewhere, "DescribeIdentityPool", other, true)
	may("by the other pool", elsewhere, "DescribeIdentityPool", auth, false)
	mixed := keys
	mixed.SessionToken = elsewhere.SessionToken
	if status, out := identityCall(t, r, "DescribeIdentityPool", map[string]any{"IdentityPoolId": other}, &mixed); status != 400 || out["__type"] != "UnrecognizedClientException" {
		t.Errorf("with the session token of another pool's: %d %v", status, out)
	}

	// A group's role, by the token.
	if status, out := asRoot(t, r, "AdminAddUserToGroup", map[string]any{"UserPoolId": r.output("Pool"), "GroupName": "admins", "Username": "else@example.com"}); status != 200 {
		t.Fatal(out)
	}
	_, admin := identityKeys(t, r, auth, map[string]any{provider: token("Users", "web", "else@example.com").ID})
	may("an admin", admin, "ListIdentities", auth, true)
	may("an admin", admin, "ListIdentities", other, false)

	// A guest gets no service that guests have not, whatever the role allows.
	guest, guestKeys := identityKeys(t, r, auth, nil)
	may("a guest", guestKeys, "GetIdentityPoolRoles", auth, true)
	may("a guest", guestKeys, "DescribeIdentityPool", auth, false)
	status, refused := stsCall(t, r, &guestKeys, url.Values{"Action": {"GetAccessKeyInfo"}, "AccessKeyId": {keys.AccessKeyID}})
	if status != 403 || !strings.Contains(refused, "because no session policy allows the sts:GetAccessKeyInfo action") {
		t.Errorf("a guest at STS: %d %s", status, refused)
	}

	// The tenant of the stage, by its host alone.
	tenant, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Application: "web", User: "ann@example.com", Scope: "openid email"})
	if err != nil {
		t.Fatal(err)
	}
	ann, _ := identityKeys(t, r, auth, map[string]any{r.output("Tenant"): tenant.ID})
	if again, _ := identityKeys(t, r, auth, map[string]any{r.output("Tenant") + "/": tenant.ID}); again != ann || ann == id || ann == guest {
		t.Errorf("the identities are %s, %s, %s, %s", ann, again, id, guest)
	}

	// The classic flow: a token of the identity, at STS. It is trusted by its own
	// pool's roles alone.
	status, out := identityCall(t, r, "GetOpenIdToken", map[string]any{"IdentityId": id, "Logins": map[string]any{provider: rider.ID}}, nil)
	if status != 200 {
		t.Fatalf("GetOpenIdToken: %d %v", status, out)
	}
	for role, want := range map[string]int{"dev-app-Auth-authenticated": 200, "dev-app-Auth-unauthenticated": 403, "dev-app-Other-authenticated": 403} {
		status, answer := stsCall(t, r, nil, url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {"arn:aws:iam::000000000000:role/" + role}, "RoleSessionName": {"me"}, "WebIdentityToken": {out["Token"].(string)}})
		if status != want || want == 403 && !strings.Contains(answer, "<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>") {
			t.Errorf("%s by the classic flow: %d %s", role, status, answer)
		}
	}

	// Real tokens in the wrong place.
	second, err := r.TenantToken(t.Context(), doorwright.TenantTokenRequest{Application: "second", User: "ann@example.com", Scope: "openid"})
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "NotAuthorizedException: "
	for name, c := range map[string]struct{ pool, key, token, want string }{
		"access token":             {auth, provider, rider.Access, "Invalid login token. Missing a required claim: aud"},
		"refresh token":            {auth, provider, rider.Refresh, "Invalid login token. Not a valid OpenId Connect identity token."},
		"another client":           {auth, provider, token("Users", "other", "rider@example.com").ID, "Token is not from a supported provider of this identity pool."},
		"another user pool":        {auth, provider, token("Strangers", "web", "rider@example.com").ID, "Invalid login token. Issuer doesn't match providerName"},
		"another application":      {auth, r.output("Tenant"), second.ID, "Token is not from a supported provider of this identity pool."},
		"a tenant's, another pool": {other, r.output("Tenant"), tenant.ID, "Token is not from a supported provider of this identity pool."},
		"signature changed":        {auth, provider, rider.ID[:len(rider.ID)-6] + "AAAAAA", "Invalid login token. Couldn't verify signed token."},
	} {
		if status, out := identityCall(t, r, "GetId", map[string]any{"IdentityPoolId": c.pool, "Logins": map[string]any{c.key: c.token}}, nil); status != 400 || refusal(out) != prefix+c.want {
			t.Errorf("%s: %d %s", name, status, refusal(out))
		}
	}
	r.admin("AdminUserGlobalSignOut", map[string]any{"UserPoolId": r.output("Pool"), "Username": "rider@example.com"})
	if _, out := identityCall(t, r, "GetCredentialsForIdentity", map[string]any{"IdentityId": id, "Logins": map[string]any{provider: rider.ID}}, nil); refusal(out) != prefix+"Token is inactive" {
		t.Errorf("after signing out: %s", refusal(out))
	}
	if _, out := identityCall(t, r, "GetId", map[string]any{"IdentityPoolId": other, "Logins": map[string]any{provider: rider.ID}}, nil); refusal(out) != ": " {
		t.Errorf("a pool that does not ask the server: %s", refusal(out))
	}

	log := r.text(doorwright.KindService)
	for _, want := range []string{
		"GetCredentialsForIdentity Auth " + id + ": ok as arn:aws:iam::000000000000:role/dev-app-Auth-authenticated (" + provider + " ",
		"GetId Auth: NotAuthorizedException (issuer is",
		"(a guest)",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	for what, secret := range map[string]string{"an ID token": rider.ID, "a secret key": keys.SecretAccessKey, "a session token": keys.SessionToken, "an OpenID token": out["IdentityId"].(string) + "."} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", what)
		}
	}
}

// TestIdentityPoolsOfStages: what one stage gives, another takes nothing for, and
// a pool keeps its id.
func TestIdentityPoolsOfStages(t *testing.T) {
	dir := declare(t, identityApp)
	one := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	two := run(t, doorwright.Config{Dir: declare(t, identityApp), AnyPort: true})
	if one.output("Id") == two.output("Id") {
		t.Error("two stages have pools of one id")
	}
	tokens, err := one.Token(t.Context(), doorwright.TokenRequest{Pool: "Users", Client: "web", User: "rider@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	logins := map[string]any{one.output("Provider"): tokens.ID}
	id, keys := identityKeys(t, one, one.output("Id"), logins)
	if _, out := identityCall(t, two, "GetId", map[string]any{"IdentityPoolId": two.output("Id"), "Logins": map[string]any{two.output("Provider"): tokens.ID}}, nil); refusal(out) != "NotAuthorizedException: Invalid login token. Issuer doesn't match providerName" {
		t.Errorf("a token of another stage: %s", refusal(out))
	}
	if _, out := identityCall(t, two, "GetCredentialsForIdentity", map[string]any{"IdentityId": id, "Logins": logins}, nil); refusal(out) != "ResourceNotFoundException: Identity '"+id+"' not found." {
		t.Errorf("an identity of another stage: %s", refusal(out))
	}
	if status, out := identityCall(t, two, "DescribeIdentityPool", map[string]any{"IdentityPoolId": two.output("Id")}, &keys); status != 400 || out["__type"] != "UnrecognizedClientException" {
		t.Errorf("keys of another stage: %d %v", status, out)
	}
	status, out := identityCall(t, one, "GetOpenIdToken", map[string]any{"IdentityId": id, "Logins": logins}, nil)
	if status != 200 {
		t.Fatalf("GetOpenIdToken: %d %v", status, out)
	}
	if status, answer := stsCall(t, two, nil, url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {"arn:aws:iam::000000000000:role/dev-app-Auth-authenticated"}, "RoleSessionName": {"me"}, "WebIdentityToken": {out["Token"].(string)}}); status != 400 || !strings.Contains(answer, "<Code>InvalidIdentityToken</Code>") {
		t.Errorf("an OpenID token of another stage: %d %s", status, answer)
	}
	res, err := http.Get(one.Environment().Endpoint + "/.well-known/jwks_uri")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 200 || !strings.Contains(string(b), `"alg":"RS512"`) {
		t.Errorf("the keys are %d %s", res.StatusCode, b)
	}
}
