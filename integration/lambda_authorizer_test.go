package integration

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWalkThroughLambdaAuthorizer types the walk-through "AWS Lambda authorizers
// with Node.js": its Account API as it is written, with npm's jsonwebtoken and
// jwks-rsa, by curl. An issuer of this test stands for the tenant.
func TestWalkThroughLambdaAuthorizer(t *testing.T) {
	need(t, "curl")
	need(t, "node")
	npm := need(t, "npm")
	issuer, token := tenant(t)
	dir := project(t, "account-api")
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm ci in account-api: %v\n%s", err, out)
	}
	t.Setenv("TOKEN_ISSUER", issuer+"/")
	t.Setenv("JWKS_URI", issuer+"/.well-known/jwks.json")
	p := start(t, dir)
	profile := p.outputs()["ApiEndpoint"] + "/profile"

	call := func(header string) (status, headers, body string) {
		t.Helper()
		out := p.shell(`curl -s -i --request GET --url ` + profile + header)
		head, body, _ := strings.Cut(strings.ReplaceAll(out, "\r", ""), "\n\n")
		status, headers, _ = strings.Cut(head, "\n")
		return strings.TrimPrefix(status, "HTTP/1.1 "), strings.ToLower(headers) + "\n", body
	}
	bearer := func(scope string) string { return ` --header 'authorization: Bearer ` + token(scope) + `'` }
	for _, row := range []struct{ name, header, status, body string }{
		{"without a token", "", "401 Unauthorized", `{"message":"Unauthorized"}`},
		{"with the test token", bearer("get:profile"), "200 OK", `{"name":"Daniël"}`},
		{"with more scopes", bearer("openid get:profile update:profile"), "200 OK", `{"name":"Daniël"}`},
		{"without the scope", bearer("update:profile"), "403 Forbidden", `{"message":"Error: Forbidden","info":"scope \"get:profile\" is required"}`},
		{"with a token of nobody's", ` --header 'authorization: Bearer a.b.c'`, "401 Unauthorized", `{"message":"Unauthorized"}`},
	} {
		status, headers, body := call(row.header)
		if status != row.status || body != row.body {
			t.Errorf("%s: %s %s; want %s %s", row.name, status, body, row.status, row.body)
		}
		// "APIG will not execute any Lambda handlers ... That's why we must define
		// additional APIG response resources" of the gateway's own answers.
		if row.status == "401 Unauthorized" {
			for _, h := range []string{"access-control-allow-origin: *\n", "access-control-allow-headers: *\n", "x-amzn-errortype: unauthorizedexception\n", "content-type: application/json\n"} {
				if !strings.Contains(headers, h) {
					t.Errorf("%s: there is no %s in\n%s", row.name, h, headers)
				}
			}
		}
	}
	p.waitMatch(regexp.MustCompile(`401 GET /dev/profile  auth0: no .*Authorization`))
	p.waitMatch(regexp.MustCompile(`200 GET /dev/profile  auth0: `))
	if strings.Contains(p.text(), "eyJ") {
		t.Error("a token is shown")
	}
}

// tenant is an issuer with one key, and gives tokens for the Account API.
func tenant(t *testing.T) (issuer string, token func(scope string) string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
			"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func(scope string) string {
		part := func(v any) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return encode(b)
		}
		now := time.Now().Unix()
		text := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}) + "." + part(map[string]any{
			"iss": server.URL + "/", "sub": "FHgLVARPk8oXjsP5utP8wYAnZePPAkw1@clients", "aud": "https://api.danillouz.dev/account",
			"iat": now, "exp": now + 86400, "azp": "FHgLVARPk8oXjsP5utP8wYAnZePPAkw1", "scope": scope, "gty": "client-credentials",
		})
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + encode(signature)
	}
}
