package integration

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/auth0/go-auth0/authentication"
	"github.com/auth0/go-auth0/authentication/oauth"
	"golang.org/x/oauth2"
)

// secure starts an app whose tenant is on https.
func secure(t *testing.T) *process {
	t.Helper()
	need(t, "node")
	need(t, "python3")
	t.Setenv("DOORWRIGHT_CA_DIR", filepath.Join(t.TempDir(), "ca"))
	return clients(t, "secure")
}

// trusting gives a transport that trusts the authority of `doorwright trust`.
func trusting(t *testing.T) *http.Transport {
	t.Helper()
	out, err := exec.Command(binary, "trust", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var trust struct{ Certificate string }
	if err := json.Unmarshal(out, &trust); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(trust.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s is not PEM", trust.Certificate)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// TestTenantTrustedByFunctions has functions ask a tenant on https for its keys,
// each as its language does: none is told of the authority by its code.
func TestTenantTrustedByFunctions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Go goes by SSL_CERT_FILE on Linux alone")
	}
	p := secure(t)
	for path, want := range map[string]string{"/node": "RSA", "/python": "RSA and others", "/go": "RSA"} {
		if got := get(t, p.outputs()["ApiEndpoint"]+path, ""); got.status != 200 || got.body != want {
			t.Errorf("GET %s answers %d %s, not %s", path, got.status, got.body, want)
		}
	}
}

// secretOf gives what `doorwright secret` prints.
func (p *process) secretOf(ref string) string {
	p.t.Helper()
	return strings.TrimSpace(p.shell("'" + binary + "' secret " + ref))
}

// TestTenantByNodeAuth0 is a server with auth0 for Node, which speaks https alone.
func TestTenantByNodeAuth0(t *testing.T) {
	js := scripts(t)
	p := secure(t)
	p.script(js, "node-auth0.mjs", map[string]string{
		"ClientSecret": p.secretOf("tenants.Auth0.applications.web.clientSecret"), "Trust": trustCommand(t, "Node"),
	})
}

// TestTenantByGoAuth0 is a server with go-auth0's authentication client.
func TestTenantByGoAuth0(t *testing.T) {
	p := secure(t)
	ctx, out := t.Context(), p.outputs()
	client := &http.Client{Transport: trusting(t)}
	with := func(domain, secret string) (*authentication.Authentication, error) {
		return authentication.New(ctx, domain, authentication.WithClientID(out["ClientId"]), authentication.WithClientSecret(secret),
			authentication.WithClient(client), authentication.WithNoRetries())
	}
	auth0, err := with(out["Domain"], p.secretOf("tenants.Auth0.applications.web.clientSecret"))
	if err != nil {
		t.Fatal(err)
	}
	const audience, redirect = "https://rides.example", "http://localhost:5678/callback"
	pkce := oauth2.GenerateVerifier()
	web := oauth2.Config{ClientID: out["ClientId"], Endpoint: oauth2.Endpoint{AuthURL: out["Issuer"] + "authorize"}, RedirectURL: redirect, Scopes: []string{"openid", "email", "offline_access", "read"}}
	code, _ := universalLogin(t, web.AuthCodeURL("a state", oauth2.S256ChallengeOption(pkce), oauth2.SetAuthURLParam("nonce", "a nonce"),
		oauth2.SetAuthURLParam("audience", audience), oauth2.SetAuthURLParam("max_age", "3600")), "ann@example.com", "Passw0rd!")
	exchange := oauth.LoginWithAuthCodeWithPKCERequest{Code: code, CodeVerifier: pkce, RedirectURI: redirect}
	tokens, err := auth0.OAuth.LoginWithAuthCodeWithPKCE(ctx, exchange, oauth.IDTokenValidationOptions{Nonce: "a nonce", MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, out["ApiEndpoint"]+"/private", tokens.AccessToken); got.status != http.StatusOK {
		t.Errorf("GET /private answers %d %s", got.status, got.body)
	}
	if who, err := auth0.UserInfo(ctx, tokens.AccessToken); err != nil || who.Email != "ann@example.com" || !who.EmailVerified {
		t.Errorf("userinfo answers %v, %v", who, err)
	}
	refused := func(what string, err error, status int, code, message string) {
		t.Helper()
		var of *authentication.Error
		if !errors.As(err, &of) || of.Status() != status || of.Err != code || of.Message != message {
			t.Errorf("%s ends with %v; want %d %s: %s", what, err, status, code, message)
		}
	}
	_, err = auth0.OAuth.LoginWithAuthCodeWithPKCE(ctx, exchange, oauth.IDTokenValidationOptions{})
	refused("the code once more", err, 403, "invalid_grant", "Invalid authorization code")

	// Passwords, with the realm and without.
	login := oauth.LoginWithPasswordRequest{Username: "ann@example.com", Password: "Passw0rd!", Audience: audience, Scope: "openid offline_access read"}
	if tokens, err = auth0.OAuth.LoginWithPassword(ctx, login, oauth.IDTokenValidationOptions{}); err != nil || tokens.Scope != login.Scope {
		t.Fatalf("by password: %v, %v", tokens, err)
	}
	login.Realm = "Username-Password-Authentication"
	if byRealm, err := auth0.OAuth.LoginWithPassword(ctx, login, oauth.IDTokenValidationOptions{}); err != nil || byRealm.IDToken == "" {
		t.Errorf("by realm: %v, %v", byRealm, err)
	}
	login.Password = "guessed"
	_, err = auth0.OAuth.LoginWithPassword(ctx, login, oauth.IDTokenValidationOptions{})
	refused("a guessed password", err, 403, "invalid_grant", "Wrong email or password.")

	// The refresh token rotates until it is revoked.
	old := tokens.RefreshToken
	if tokens, err = auth0.OAuth.RefreshToken(ctx, oauth.RefreshTokenRequest{RefreshToken: old}, oauth.IDTokenValidationOptions{}); err != nil || tokens.RefreshToken == old {
		t.Fatalf("a refresh gives %v, %v", tokens, err)
	}
	if err := auth0.OAuth.RevokeRefreshToken(ctx, oauth.RevokeRefreshTokenRequest{Token: tokens.RefreshToken}); err != nil {
		t.Error(err)
	}
	_, err = auth0.OAuth.RefreshToken(ctx, oauth.RefreshTokenRequest{RefreshToken: tokens.RefreshToken}, oauth.IDTokenValidationOptions{})
	refused("a revoked refresh token", err, 403, "invalid_grant", "Unknown or invalid refresh token.")

	machine, err := auth0.OAuth.LoginWithClientCredentials(ctx, oauth.LoginWithClientCredentialsRequest{Audience: audience}, oauth.IDTokenValidationOptions{})
	if err != nil || machine.Scope != "read write" {
		t.Errorf("the machine gets %v, %v", machine, err)
	}
	guessed, err := with(out["Domain"], "guessed")
	if err != nil {
		t.Fatal(err)
	}
	_, err = guessed.OAuth.LoginWithClientCredentials(ctx, oauth.LoginWithClientCredentialsRequest{Audience: audience}, oauth.IDTokenValidationOptions{})
	refused("a guessed secret", err, 401, "access_denied", "Unauthorized")
	if _, err := authentication.New(ctx, out["Domain"], authentication.WithClientID(out["ClientId"])); err == nil {
		t.Error("the client trusts the tenant without being told of the authority")
	}
}
