package integration

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TestTenantByGoOIDC is a server with go-oidc and x/oauth2: what they discover,
// and which ID tokens the verifier takes.
func TestTenantByGoOIDC(t *testing.T) {
	need(t, "node") // runs the function that gives the secret
	p := clients(t, "tenant")
	ctx, out := t.Context(), p.outputs()
	provider := func(issuer string) *oidc.Provider {
		of, err := oidc.NewProvider(ctx, issuer)
		if err != nil {
			t.Fatal(err)
		}
		return of
	}
	ours, other := provider(out["Issuer"]), provider(out["OtherIssuer"])
	if _, err := oidc.NewProvider(ctx, strings.TrimSuffix(out["Issuer"], "/")); err == nil {
		t.Error("an issuer without its slash is taken; Auth0's end with one")
	}
	web := &oauth2.Config{
		ClientID: out["ClientId"], ClientSecret: get(t, out["ApiEndpoint"]+"/secret", "").body, Endpoint: ours.Endpoint(),
		RedirectURL: "http://localhost:5678/callback", Scopes: []string{oidc.ScopeOpenID, "email", "read", oidc.ScopeOfflineAccess},
	}
	pkce := oauth2.GenerateVerifier()
	code, state := universalLogin(t, web.AuthCodeURL("a state", oauth2.S256ChallengeOption(pkce), oidc.Nonce("a nonce"),
		oauth2.SetAuthURLParam("audience", "https://rides.example")), "ann@example.com", "Passw0rd!")
	if state != "a state" {
		t.Errorf("the state comes back as %q", state)
	}
	tokens, err := web.Exchange(ctx, code, oauth2.VerifierOption(pkce))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	verifier := ours.VerifierContext(ctx, &oidc.Config{ClientID: web.ClientID})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil || claims.Email != "ann@example.com" || !claims.Verified || id.Nonce != "a nonce" || id.Issuer != out["Issuer"] {
		t.Errorf("the ID token is %+v of %+v, %v", claims, id, err)
	}
	info, err := ours.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil || info.Subject != id.Subject || info.Email != claims.Email {
		t.Errorf("userinfo answers %+v, %v", info, err)
	}
	if got := get(t, out["ApiEndpoint"]+"/private", tokens.AccessToken); got.status != http.StatusOK {
		t.Errorf("GET /private answers %d %s", got.status, got.body)
	}
	again, err := web.TokenSource(ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
	if err != nil || again.RefreshToken == tokens.RefreshToken || again.RefreshToken == "" {
		t.Errorf("a refresh gives %v, %v; want another refresh token", again, err)
	}

	// Verify leaves the use of a token to its audience, so of an access token too.
	foreign := tenantToken(t, p, "--tenant", "Other", "--user", "ann@example.com", "--scope", "openid", "--id-token")
	cut := raw[:strings.LastIndexByte(raw, '.')+1]
	for what, c := range map[string]struct {
		verifier *oidc.IDTokenVerifier
		token    string
		want     string
	}{
		"the ID token of another tenant": {verifier, foreign, "failed to verify signature"},
		"ours for another tenant":        {other.VerifierContext(ctx, &oidc.Config{ClientID: web.ClientID}), raw, "failed to verify signature"},
		"ours, by our keys, for another": {oidc.NewVerifier(out["OtherIssuer"], oidc.NewRemoteKeySet(ctx, out["Issuer"]+".well-known/jwks.json"), &oidc.Config{ClientID: web.ClientID}), raw, "issued by a different provider"},
		"for another application":        {ours.VerifierContext(ctx, &oidc.Config{ClientID: "another"}), raw, "expected audience"},
		"our access token":               {verifier, tokens.AccessToken, "expected audience"},
		"another's signature":            {verifier, cut + foreign[strings.LastIndexByte(foreign, '.')+1:], "failed to verify signature"},
	} {
		if _, err := c.verifier.Verify(ctx, c.token); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", what, err, c.want)
		}
	}
	if _, err := other.VerifierContext(ctx, &oidc.Config{ClientID: out["OtherClientId"]}).Verify(ctx, foreign); err != nil {
		t.Errorf("the other tenant's verifier refuses its own: %v", err)
	}

	machine := &clientcredentials.Config{
		ClientID: web.ClientID, ClientSecret: web.ClientSecret, TokenURL: web.Endpoint.TokenURL,
		EndpointParams: url.Values{"audience": {"https://rides.example"}},
	}
	if token, err := machine.Token(ctx); err != nil || token.Extra("scope") != "read write" {
		t.Errorf("the machine gets %v, %v", token, err)
	}
	machine.ClientSecret = "guessed"
	_, err = machine.Token(ctx)
	if refused := new(oauth2.RetrieveError); !errors.As(err, &refused) || refused.ErrorCode != "access_denied" || refused.Response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a guessed secret ends with %v", err)
	}
}

// tenantToken gives the token that `doorwright token` prints.
func tenantToken(t *testing.T, p *process, args ...string) string {
	t.Helper()
	words := []string{"'" + binary + "' token"}
	for _, arg := range args {
		words = append(words, "'"+arg+"'")
	}
	return strings.TrimSpace(p.shell(strings.Join(words, " ")))
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// universalLogin goes where an application sends a browser, logs in there, and
// gives the code and the state with which the browser leaves.
func universalLogin(t *testing.T, authorize, email, password string) (code, state string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	origin := authorize[:strings.Index(authorize, "/authorize")]
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), origin+"/") {
			return http.ErrUseLastResponse // it leaves
		}
		return nil
	}}
	if strings.HasPrefix(origin, "https:") {
		browser.Transport = trusting(t)
	}
	do := func(method, address string, form url.Values) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", origin)
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	page, body := do(http.MethodGet, authorize, nil)
	form := url.Values{"username": {email}, "password": {password}, "action": {"default"}}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	res, body := do(http.MethodPost, page.Request.URL.String(), form)
	to, err := res.Location()
	if err != nil {
		t.Fatalf("the login page answers %d %s", res.StatusCode, body)
	}
	return to.Query().Get("code"), to.Query().Get("state")
}
