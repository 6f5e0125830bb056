package auth0_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/verify"
)

// TestMachineTokens holds client_credentials: the whole grant, whatever is asked
// for, and Auth0's words for what is refused.
func TestMachineTokens(t *testing.T) {
	w := newWorld(t, tenantConfig())
	ask := func(application string, changes ...string) answer {
		form := url.Values{"grant_type": {"client_credentials"}, "audience": {unicorns}}
		for i := 0; i < len(changes); i += 2 {
			if form.Set(changes[i], changes[i+1]); changes[i+1] == "-" {
				form.Del(changes[i])
			}
		}
		return w.token(application, form)
	}
	noGrant := `Client is not authorized to access "https://open.example". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/management/v2/client-grants/post-client-grants`
	for _, c := range []struct {
		name, application string
		changes           []string
		status            int
		code, text        string
	}{
		{"no audience", "machine", []string{"audience", "-"}, 403, "access_denied", "Non-global clients are not allowed access to APIv1"},
		{"an unknown audience", "machine", []string{"audience", "https://x.example"}, 403, "access_denied", "Service not found: https://x.example"},
		{"no grant", "machine", []string{"audience", "https://open.example"}, 403, "access_denied", noGrant},
		{"scopes beyond", "machine", []string{"scope", "r d openid"}, 403, "access_denied", "Client has not been granted scopes: d, openid"},
		{"a wrong secret", "machine", []string{"client_secret", "x"}, 401, "access_denied", "Unauthorized"},
		{"an unknown client", "machine", []string{"client_id", "x"}, 401, "access_denied", "Unauthorized"},
		{"a public client", "spa", nil, 403, "unauthorized_client", "Grant type 'client_credentials' not allowed for the client."},
		{"a code by a machine", "machine", []string{"grant_type", "authorization_code"}, 403, "unauthorized_client", "Grant type 'authorization_code' not allowed for the client."},
		{"a password", "web", []string{"grant_type", "password"}, 403, "unauthorized_client", "Grant type 'password' not allowed for the client."},
		{"an unknown grant type", "machine", []string{"grant_type", "magic"}, 403, "unsupported_grant_type", "Unsupported grant type: magic"},
		{"no grant type", "machine", []string{"grant_type", "-"}, 400, "invalid_request", "Missing required parameter: grant_type"},
		{"no code", "web", []string{"grant_type", "authorization_code"}, 400, "invalid_request", "Missing required parameter: code"},
		{"no refresh token", "web", []string{"grant_type", "refresh_token"}, 400, "invalid_request", "Missing required parameter: refresh_token"},
		{"a bad refresh token", "web", []string{"grant_type", "refresh_token", "refresh_token", "v1.Mx"}, 403, "invalid_grant", "Unknown or invalid refresh token."},
		{"a bad code", "web", []string{"grant_type", "authorization_code", "code", "x"}, 403, "invalid_grant", "Invalid authorization code"},
		{"an assertion", "machine", []string{"client_assertion", "x"}, 401, "access_denied", "Unauthorized"},
	} {
		a := ask(c.application, c.changes...)
		text, _ := json.Marshal(c.text)
		want := fmt.Sprintf(`{"error":%q,"error_description":%s}`, c.code, text)
		if a.status != c.status || strings.TrimSpace(a.body) != want || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s; want %d %s (%v)", c.name, a.status, a.body, c.status, want, a.header)
		}
	}
	for _, scope := range []string{"-", "r"} { // a subset is not narrowed
		got := ask("machine", "scope", scope).json(t)
		claims := part(t, got["access_token"], 1)
		id := w.tenant.ClientID("machine")
		now := float64(w.clock().Unix())
		want := map[string]any{
			"iss": w.origin + "/", "sub": id + "@clients", "aud": unicorns, "iat": now, "exp": now + 86400, "scope": "r w",
			"gty": "client-credentials", "azp": id, "permissions": []any{"r", "w"},
		}
		if !reflect.DeepEqual(claims, want) {
			t.Errorf("the claims are %v; want %v", claims, want)
		}
		header := part(t, got["access_token"], 0)
		if header["alg"] != "RS256" || header["typ"] != "JWT" || len(header["kid"].(string)) != 21 || len(header) != 3 {
			t.Errorf("the header is %v", header)
		}
		if got["scope"] != "r w" || got["expires_in"] != 86400.0 || got["token_type"] != "Bearer" || len(got) != 4 {
			t.Errorf("the answer is %v", got)
		}
	}
	// Both forms of a body, and both ways to bring a secret.
	request := func(kind, body string, basic bool) answer {
		r, err := http.NewRequest("POST", w.origin+"/oauth/token", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		if basic {
			r.SetBasicAuth(w.tenant.ClientID("machine"), w.tenant.ClientSecret("machine"))
		}
		return w.browser().do(r)
	}
	body := fmt.Sprintf(`{"grant_type":"client_credentials","audience":%q,"client_id":%q,"client_secret":%q,"other":{"a":1}}`,
		unicorns, w.tenant.ClientID("machine"), w.tenant.ClientSecret("machine"))
	for name, a := range map[string]answer{
		"JSON":  request("application/json", body, false),
		"Basic": request("application/x-www-form-urlencoded", "grant_type=client_credentials&audience="+url.QueryEscape(unicorns), true),
	} {
		if a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, bad := range []string{`{"grant_type":"a","grant_type":"b"}`, `[]`, `{"a":1} {}`, `{`, ``} {
		if a := request("application/json", bad, false); a.status != 400 {
			t.Errorf("the body %s is answered %d", bad, a.status)
		}
	}
}

// TestDocuments holds discovery and keys: a verifier of tokens needs no more, and
// a second run has the same.
func TestDocuments(t *testing.T) {
	db := openDB(t, t.TempDir())
	w := newWorldIn(t, db, tenantConfig())
	document := w.browser().get("/.well-known/openid-configuration")
	d := document.json(t)
	if d["issuer"] != w.origin+"/" || d["token_endpoint"] != w.origin+"/oauth/token" || d["jwks_uri"] != w.origin+"/.well-known/jwks.json" ||
		d["end_session_endpoint"] != w.origin+"/oidc/logout" || document.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("discovery: %v", d)
	}
	if other := w.browser().get("/.well-known/oauth-authorization-server"); other.body != document.body {
		t.Errorf("the two documents differ")
	}
	keys := w.browser().get("/.well-known/jwks.json")
	key := keys.json(t)["keys"].([]any)[0].(map[string]any)
	der, err := base64.StdEncoding.DecodeString(key["x5c"].([]any)[0].(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		t.Error(err)
	}
	if sum := sha1.Sum(der); key["x5t"] != base64.RawURLEncoding.EncodeToString(sum[:]) || key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" {
		t.Errorf("the key is %v", key)
	}
	remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: w.origin + "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	v, err := verify.New(verify.Config{Issuer: w.origin + "/", Audience: []string{unicorns}, Keys: remote, Now: w.clock, Algorithms: []verify.Algorithm{verify.RS256}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.tenant.MachineToken("machine", unicorns)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("the token is not verified by the JWKS: %v", err)
	}
	again := newWorldIn(t, db, tenantConfig())
	if again.browser().get("/.well-known/jwks.json").body != keys.body {
		t.Error("another run has other keys")
	}
	if again.tenant.ClientID("spa") != w.tenant.ClientID("spa") || again.tenant.ClientSecret("web") != w.tenant.ClientSecret("web") || w.tenant.ClientSecret("spa") != "" {
		t.Error("another run has other ids or secrets")
	}
}

// TestRBAC holds the worked cases of Auth0's rules: DECL is r, w, d, and the user
// holds r and w.
func TestRBAC(t *testing.T) {
	w := newWorld(t, tenantConfig(func(c *auth0.TenantConfig) {
		c.Users[0].Permissions["https://open.example"] = []string{"d"}
	}))
	for _, c := range []struct {
		audience, requested, scope string
		aud                        any
		permissions                any
	}{
		{"https://open.example", "openid r d", "openid r d", []any{"https://open.example", w.origin + "/userinfo"}, nil},
		{unicorns, "openid r d", "openid r", []any{unicorns, w.origin + "/userinfo"}, []any{"r", "w"}},
		{"https://open.example", "openid", "openid", []any{"https://open.example", w.origin + "/userinfo"}, nil},
		{unicorns, "openid", "openid", []any{unicorns, w.origin + "/userinfo"}, []any{"r", "w"}},
		{"https://open.example", "r x", "r", "https://open.example", nil},
		{unicorns, "r x", "r", unicorns, []any{"r", "w"}},
		{unicorns, "w profile r", "w profile r", unicorns, []any{"r", "w"}},
		{unicorns, "d", "", unicorns, []any{"r", "w"}},
	} {
		got := w.tokens("audience", c.audience, "scope", c.requested)
		claims := part(t, got["access_token"], 1)
		scope, _ := claims["scope"].(string)
		told, _ := got["scope"].(string)
		if scope != c.scope || told != c.scope || !reflect.DeepEqual(claims["permissions"], c.permissions) || !reflect.DeepEqual(claims["aud"], c.aud) {
			t.Errorf("%s of %s: %q, %v, %v; want %q, %v, %v", c.requested, c.audience, scope, claims["permissions"], claims["aud"], c.scope, c.permissions, c.aud)
		}
		if _, there := claims["gty"]; there || claims["azp"] != w.tenant.ClientID("spa") || claims["nbf"] != nil || claims["jti"] != nil || claims["sid"] != nil {
			t.Errorf("the claims are %v", claims)
		}
	}
	bob := w.landed(w.browser().signIn(w.query("audience", unicorns, "scope", "r"), "bob@example.com", "Other1!")).Get("code")
	claims := part(t, w.token("spa", redemption(bob)).json(t)["access_token"], 1)
	if p, ok := claims["permissions"].([]any); !ok || len(p) != 0 || claims["scope"] != nil {
		t.Errorf("who holds nothing has %v", claims)
	}
	standard := w.tokens("audience", "https://standard.example", "scope", "openid r")
	header, claims := part(t, standard["access_token"], 0), part(t, standard["access_token"], 1)
	if header["typ"] != "at+jwt" || claims["client_id"] != w.tenant.ClientID("spa") || claims["azp"] != nil || claims["jti"] == nil || claims["permissions"] != nil {
		t.Errorf("the dialect of RFC 9068: %v %v", header, claims)
	}
}

// TestRBACModel holds random configurations against the rules in ten lines.
func TestRBACModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	oidcScopes := []string{"openid", "profile", "email", "address", "phone"}
	pick := func(from []string) []string {
		var some []string
		for _, s := range from {
			if rng.IntN(2) == 0 {
				some = append(some, s)
			}
		}
		return some
	}
	db := openDB(t, t.TempDir()) // the keys of one tenant, made once
	all := []string{"p0", "p1", "p2", "p3", "p4"}
	for range 25 {
		decl := pick(all)
		api := auth0.APIConfig{Name: "Api", Identifier: "api", Permissions: decl, RBAC: rng.IntN(2) == 0, Dialect: auth0.DialectAuth0, TokenLifetime: time.Hour}
		if api.RBAC {
			api.Dialect = auth0.DialectAuth0Authz
		}
		roleA, roleB, direct := pick(decl), pick(decl), pick(decl)
		roles := pick([]string{"a", "b"})
		w := newWorldIn(t, db, tenantConfig(func(c *auth0.TenantConfig) {
			c.APIs = append(c.APIs, api)
			c.Roles = map[string]auth0.Permissions{"a": {"api": roleA, unicorns: {"r"}}, "b": {"api": roleB}}
			c.Users = []auth0.UserConfig{{Email: "ann@example.com", Password: password, Roles: roles, Permissions: auth0.Permissions{"api": direct}}}
		}))
		for range 8 {
			requested := pick(append(append([]string{"r", "undeclared"}, all...), oidcScopes...))
			rng.Shuffle(len(requested), func(i, j int) { requested[i], requested[j] = requested[j], requested[i] })
			tokens, err := w.tenant.UserToken(t.Context(), "spa", "ann@example.com", "api", strings.Join(requested, " "))
			if err != nil {
				t.Fatal(err)
			}
			// The model.
			perm := slices.Clone(direct)
			if slices.Contains(roles, "a") {
				perm = append(perm, roleA...)
			}
			if slices.Contains(roles, "b") {
				perm = append(perm, roleB...)
			}
			var want []string
			for _, s := range requested {
				if slices.Contains(oidcScopes, s) || slices.Contains(decl, s) && (!api.RBAC || slices.Contains(perm, s)) {
					want = append(want, s)
				}
			}
			claims := part(t, tokens.Access, 1)
			if got, _ := claims["scope"].(string); got != strings.Join(want, " ") {
				t.Fatalf("%v of %v with %v (rbac %v): %q, want %q", requested, decl, perm, api.RBAC, got, want)
			}
			held, there := claims["permissions"].([]any)
			if there != api.RBAC || there && len(held) != len(slices.Compact(slices.Sorted(slices.Values(perm)))) {
				t.Fatalf("permissions %v of %v (rbac %v)", held, perm, api.RBAC)
			}
		}
	}
}
