package integration

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestWalkThroughCodeExchange does the login and the code exchange of "How to
// add Auth0 authentication to a serverless API": the login page in a browser, the
// code copied from the URL, and curl with the application's secret.
func TestWalkThroughCodeExchange(t *testing.T) {
	need(t, "curl")
	p := clients(t, "exchange")
	out := p.outputs()
	domain, client := out["Domain"], out["ClientId"]
	login := func() string {
		code, _ := universalLogin(t, "http://"+domain+"/authorize?response_type=code&client_id="+client+
			"&redirect_uri=http://localhost:5678&scope=openid%20profile", "ann@example.com", "Passw0rd!")
		return code
	}
	secret := strings.TrimSpace(p.shell("'" + binary + "' secret tenants.Auth0.applications.web.clientSecret"))
	exchange := func(secret, code string) map[string]any {
		t.Helper()
		printed := p.shell(`curl -sS --request POST \
  --url http://` + domain + `/oauth/token \
  --data "grant_type=authorization_code&client_id=` + client + `&client_secret=` + secret + `&code=` + code + `&redirect_uri=http://localhost:5678"`)
		var tokens map[string]any
		if err := json.Unmarshal([]byte(printed), &tokens); err != nil {
			t.Fatalf("curl prints %s: %v", printed, err)
		}
		return tokens
	}
	code := login()
	tokens := exchange(secret, code)
	if tokens["scope"] != "openid profile" || tokens["token_type"] != "Bearer" || tokens["expires_in"] != 86400.0 || strings.Count(tokens["id_token"].(string), ".") != 2 {
		t.Errorf("the tokens are %v", tokens)
	}
	if again := exchange(secret, code); again["error"] != "invalid_grant" || again["error_description"] != "Invalid authorization code" {
		t.Errorf("the code once more: %v", again)
	}
	for _, wrong := range []string{"", secret[1:]} {
		if refused := exchange(wrong, login()); refused["error"] != "access_denied" || refused["error_description"] != "Unauthorized" {
			t.Errorf("the secret %q: %v", wrong, refused)
		}
	}
	// The stage that ran last still tells it.
	p.stop()
	printed, err := exec.Command(binary, "secret", "--dir", p.dir, "tenants.Auth0.applications.web.clientSecret").Output()
	if err != nil || strings.TrimSpace(string(printed)) != secret {
		t.Errorf("the last stage's secret is %s, %v", printed, err)
	}
}
