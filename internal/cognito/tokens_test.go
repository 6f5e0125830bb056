package cognito_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/verify"
)

// decoded gives a token's header as text and its claims.
func decoded(t testing.TB, token string) (header string, claims obj) {
	t.Helper()
	part := strings.Split(token, ".")
	if len(part) != 3 {
		t.Fatalf("%q is no compact JWS", token)
	}
	h, err := base64.RawURLEncoding.DecodeString(part[0])
	if err != nil {
		t.Fatal(err)
	}
	p, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(p, &claims); err != nil {
		t.Fatal(err)
	}
	return string(h), claims
}

func names(claims obj) []string { return slices.Sorted(maps.Keys(claims)) }

func TestTokenClaims(t *testing.T) {
	pool := emailPool()
	pool.Schema = []cognito.SchemaAttribute{{Name: "custom:level", Type: "Number"}}
	w := newWorld(t, pool)
	w.advance(123 * time.Millisecond)
	sub := w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword,
		"UserAttributes": attrs("name", "Al", "address", "1 Road", "updated_at", "42", "custom:level", "7")})["UserSub"].(string)
	w.do("AdminConfirmSignUp", w.user(sub))
	tk := w.signIn("a@example.com", goodPassword)
	now := float64(w.clock().Unix())
	header, access := decoded(t, tk.access)
	idHeader, id := decoded(t, tk.id)
	form := regexp.MustCompile(`^\{"kid":"[A-Za-z0-9+/]{43}=","alg":"RS256"\}$`)
	if !form.MatchString(header) || !form.MatchString(idHeader) || header == idHeader {
		t.Errorf("headers %s and %s", header, idHeader)
	}
	wantAccess := obj{"sub": sub, "iss": "http://localhost:4566/" + w.pool(), "client_id": w.client("web"), "token_use": "access",
		"scope": "aws.cognito.signin.user.admin", "auth_time": now, "exp": now + 3600, "iat": now, "username": sub}
	compare(t, "access", access, wantAccess, "jti", "origin_jti", "event_id")
	wantID := obj{"sub": sub, "aud": w.client("web"), "iss": "http://localhost:4566/" + w.pool(), "token_use": "id", "auth_time": now,
		"exp": now + 3600, "iat": now, "cognito:username": sub, "email": "a@example.com", "email_verified": false, "name": "Al",
		"address": obj{"formatted": "1 Road"}, "updated_at": float64(42), "custom:level": "7"}
	compare(t, "ID", id, wantID, "jti", "origin_jti", "event_id")
	if access["origin_jti"] != id["origin_jti"] || access["event_id"] != id["event_id"] || access["jti"] == id["jti"] {
		t.Errorf("ids of one sign-in: %v and %v", access, id)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9-_=.]+$`).MatchString(tk.refresh) {
		t.Errorf("refresh token %q", tk.refresh)
	}
}

// compare wants exactly the members of want and UUIDs of the names in random.
func compare(t *testing.T, what string, got, want obj, random ...string) {
	t.Helper()
	for _, name := range random {
		if s, _ := got[name].(string); !uuidForm.MatchString(s) {
			t.Errorf("%s token: %s is %v", what, name, got[name])
		}
		want[name] = got[name]
	}
	g, _ := json.Marshal(got)
	e, _ := json.Marshal(want)
	if string(g) != string(e) {
		t.Errorf("%s token:\n got %s\nwant %s", what, g, e)
	}
}

func TestClientWithoutRevocation(t *testing.T) {
	pool := emailPool()
	pool.Clients[0].DisableTokenRevocation = true
	pool.Clients[0].AccessTokenValidity = 5 * time.Minute
	pool.Clients[0].ReadAttributes = []string{"email"}
	w := newWorld(t, pool)
	w.confirmed("a@example.com")
	out := w.do("InitiateAuth", w.passwordAuth("a@example.com", goodPassword))
	tk := w.tokensOf(out)
	_, access := decoded(t, tk.access)
	if got := strings.Join(names(access), " "); got != "auth_time client_id event_id exp iat iss scope sub token_use username" {
		t.Errorf("access token has %s", got)
	}
	_, id := decoded(t, tk.id)
	if got := strings.Join(names(id), " "); got != "aud auth_time cognito:username email event_id exp iat iss sub token_use" {
		t.Errorf("ID token has %s", got)
	}
	if out["AuthenticationResult"].(obj)["ExpiresIn"] != float64(300) {
		t.Errorf("ExpiresIn: %v", out)
	}
	w.refused("RevokeToken", obj{"Token": tk.refresh, "ClientId": w.client("web")}, "UnsupportedOperationException", "Token revocation is not enabled for this client.")
	w.do("GetUser", obj{"AccessToken": tk.access})
	w.do("GlobalSignOut", obj{"AccessToken": tk.access})
	w.refused("GetUser", obj{"AccessToken": tk.access}, "NotAuthorizedException", "Access Token has been revoked")
}

func (w *world) refresh(client, token string) obj {
	return obj{"ClientId": w.client(client), "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": token}}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	first := w.signIn("a@example.com", goodPassword)
	w.advance(10 * 24 * time.Hour)
	w.do("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("name", "New")}))
	out := w.do("InitiateAuth", w.refresh("web", first.refresh))
	second := w.tokensOf(out)
	if second.refresh != "" {
		t.Errorf("a refresh gave a refresh token")
	}
	if p, ok := out["ChallengeParameters"].(obj); !ok || len(p) != 0 {
		t.Errorf("ChallengeParameters: %v", out["ChallengeParameters"])
	}
	_, before := decoded(t, first.id)
	_, after := decoded(t, second.id)
	for _, same := range []string{"auth_time", "origin_jti", "event_id", "sub"} {
		if before[same] != after[same] {
			t.Errorf("%s changed from %v to %v", same, before[same], after[same])
		}
	}
	if before["jti"] == after["jti"] || after["iat"].(float64)-before["iat"].(float64) != 10*24*3600 || after["name"] != "New" {
		t.Errorf("refreshed claims %v", after)
	}
	w.refused("InitiateAuth", w.refresh("hiding", first.refresh), "NotAuthorizedException", "Invalid Refresh Token")
	w.do("AdminInitiateAuth", with(w.refresh("web", first.refresh), obj{"UserPoolId": w.pool(), "AuthFlow": "REFRESH_TOKEN"}))
	// Its life counts from the sign-in.
	w.advance(20*24*time.Hour - time.Second)
	w.do("InitiateAuth", w.refresh("web", first.refresh))
	w.advance(time.Second)
	w.refused("InitiateAuth", w.refresh("web", first.refresh), "NotAuthorizedException", "Refresh Token has expired")
}

// What ends tokens ends refresh and access tokens, here and after a restart.
func TestRevocation(t *testing.T) {
	for _, tt := range []struct {
		name                string
		end                 func(w *world, tk tokens)
		access, refresh     string // what is said of the token in question
		code                string
		otherSignInSurvives bool
	}{
		{name: "RevokeToken", otherSignInSurvives: true, access: "Access Token has been revoked", refresh: "Refresh Token has been revoked",
			end: func(w *world, tk tokens) {
				w.do("RevokeToken", obj{"Token": tk.refresh, "ClientId": w.client("web")})
				w.do("RevokeToken", obj{"Token": tk.refresh, "ClientId": w.client("web")}) // twice is a success
			}},
		{name: "GlobalSignOut", access: "Access Token has been revoked", refresh: "Refresh Token has been revoked",
			end: func(w *world, tk tokens) { w.do("GlobalSignOut", obj{"AccessToken": tk.access}) }},
		{name: "AdminUserGlobalSignOut", access: "Access Token has been revoked", refresh: "Refresh Token has been revoked",
			end: func(w *world, tk tokens) { w.do("AdminUserGlobalSignOut", w.user("a@example.com")) }},
		{name: "AdminDisableUser", access: "User is disabled.", refresh: "User is disabled.",
			end: func(w *world, tk tokens) { w.do("AdminDisableUser", w.user("a@example.com")) }},
		{name: "disabled and enabled", access: "Access Token has been revoked", refresh: "Refresh Token has been revoked",
			end: func(w *world, tk tokens) {
				w.do("AdminDisableUser", w.user("a@example.com"))
				w.do("AdminEnableUser", w.user("a@example.com"))
			}},
		{name: "AdminDeleteUser", code: "UserNotFoundException", access: "User does not exist.", refresh: "Invalid Refresh Token",
			end: func(w *world, tk tokens) { w.do("AdminDeleteUser", w.user("a@example.com")) }},
		{name: "DeleteUser", code: "UserNotFoundException", access: "User does not exist.", refresh: "Invalid Refresh Token",
			end: func(w *world, tk tokens) { w.do("DeleteUser", obj{"AccessToken": tk.access}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, emailPool())
			w.confirmed("a@example.com")
			tk, other := w.signIn("a@example.com", goodPassword), w.signIn("a@example.com", goodPassword)
			w.do("GetUser", obj{"AccessToken": tk.access})
			tt.end(w, tk)
			code := tt.code
			if code == "" {
				code = "NotAuthorizedException"
			}
			for range 2 {
				w.refused("GetUser", obj{"AccessToken": tk.access}, code, tt.access)
				w.refused("InitiateAuth", w.refresh("web", tk.refresh), "NotAuthorizedException", tt.refresh)
				if tt.otherSignInSurvives {
					w.do("GetUser", obj{"AccessToken": other.access})
					w.do("InitiateAuth", w.refresh("web", other.refresh))
				} else {
					w.refused("GetUser", obj{"AccessToken": other.access}, code, tt.access)
				}
				w.restart()
			}
		})
	}
}

func TestRevokeTokenRefusals(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	in := func(token, client string) obj { return obj{"Token": token, "ClientId": client} }
	w.refused("RevokeToken", in(tk.access, w.client("web")), "UnsupportedTokenTypeException", "Unsupported token type")
	w.refused("RevokeToken", in(tk.refresh, w.client("hiding")), "UnauthorizedException", "Unauthorized")
	w.refused("RevokeToken", in(tk.refresh, w.client("secret")), "UnauthorizedException", "Unauthorized")
	w.refused("RevokeToken", in(tk.refresh, "nosuch"), "InvalidParameterException", "User pool client nosuch does not exist.")
	w.do("RevokeToken", with(in("x", w.client("secret")), obj{"ClientSecret": w.svc.Pool("UserPool").Client("secret").Secret()}))
	w.do("RevokeToken", in("nobodys.token", w.client("web")))
	w.do("GetUser", obj{"AccessToken": tk.access})
}

func TestAccessTokenRefusals(t *testing.T) {
	w := newWorld(t, emailPool(), aliasPool())
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	part := strings.Split(tk.access, ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	otherPool := func() string {
		_, claims := decoded(t, tk.access)
		claims["iss"] = w.svc.Pool("AliasPool").Issuer()
		b, _ := json.Marshal(claims)
		return part[0] + "." + base64.RawURLEncoding.EncodeToString(b) + "." + part[2]
	}
	for name, token := range map[string]string{
		"garbage":     "x",
		"three parts": "a.b.c",
		"signature":   part[0] + "." + part[1] + "." + strings.Repeat("A", len(part[2])),
		"none":        header(`{"alg":"none"}`) + "." + part[1] + ".",
		"no kid":      header(`{"alg":"RS256"}`) + "." + part[1] + "." + part[2],
		"ID token":    tk.id,
		"other pool":  otherPool(),
		"refresh":     tk.refresh,
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused("GetUser", obj{"AccessToken": token}, "NotAuthorizedException", "Invalid Access Token")
		})
	}
	w.t = t
	w.refused("GetUser", obj{"AccessToken": "no spaces"}, "InvalidParameterException",
		"1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+")
	w.refused("GetUser", obj{}, "InvalidParameterException", "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null")
	w.advance(time.Hour)
	w.refused("GetUser", obj{"AccessToken": tk.access}, "NotAuthorizedException", "Access Token has expired")
	// A forgery is not told that it is expired.
	w.refused("GetUser", obj{"AccessToken": part[0] + "." + part[1] + "." + strings.Repeat("A", len(part[2]))}, "NotAuthorizedException", "Invalid Access Token")
}

func TestJWKSAndDiscovery(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	tk := w.signIn("a@example.com", goodPassword)
	path := "/" + w.pool() + "/.well-known/"
	a := w.request("GET", path+"jwks.json", "", "", "", "")
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(a.body), &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	public := map[string]crypto.PublicKey{}
	for _, k := range set.Keys {
		if k["alg"] != "RS256" || k["kty"] != "RSA" || k["use"] != "sig" || k["e"] != "AQAB" || len(k) != 6 || len(k["kid"]) != 44 {
			t.Errorf("key %v", k)
		}
		n, err := base64.RawURLEncoding.DecodeString(k["n"])
		if err != nil || len(n) != 256 {
			t.Errorf("modulus of %d bytes: %v", len(n), err)
		}
		public[k["kid"]] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	}
	keys, err := verify.NewStaticKeySet(public)
	if err != nil {
		t.Fatal(err)
	}
	pool := w.svc.Pool("UserPool")
	for name, keys := range map[string]verify.KeySet{"JWKS": keys, "in process": pool} {
		v, err := verify.New(verify.Config{Issuer: pool.Issuer(), Audience: []string{w.client("web")}, ClientIDAudience: true,
			Algorithms: []verify.Algorithm{verify.RS256}, Keys: keys, Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{tk.id, tk.access} {
			if _, err := v.Verify(context.Background(), raw); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Cache-Control") != "public, max-age=3600" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", a.header)
	}
	d := w.request("GET", path+"openid-configuration", "", "", "", "")
	issuer := "http://localhost:4566/" + w.pool()
	want := `{"id_token_signing_alg_values_supported":["RS256"],"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/.well-known/jwks.json",` +
		`"response_types_supported":["code","token"],"scopes_supported":["openid","email","phone","profile"],"subject_types_supported":["public"],` +
		`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`
	if strings.TrimSpace(d.body) != want {
		t.Errorf("discovery:\n got %s\nwant %s", d.body, want)
	}
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"POST", path + "jwks.json", 405}, {"HEAD", path + "jwks.json", 200}, {"GET", "/us-east-1_nosuch/.well-known/jwks.json", 404},
		{"GET", path + "other", 404}, {"GET", path, 404}, {"GET", "/x", 404},
	} {
		if a := w.request(tt.method, tt.path, "", "", "", ""); a.status != tt.status {
			t.Errorf("%s %s: %d", tt.method, tt.path, a.status)
		}
	}
}

func TestKeySetRefusesForeignKeys(t *testing.T) {
	w := newWorld(t, emailPool())
	pool := w.svc.Pool("UserPool")
	if pool.Generation() != 0 {
		t.Error("tokens may be cached before there are keys")
	}
	for _, h := range []verify.Header{{Algorithm: verify.RS256, KeyID: "x"}, {Algorithm: verify.RS256}} {
		if key, err := pool.Key(context.Background(), h); err == nil || key != nil {
			t.Errorf("Key(%v) = %v, %v", h, key, err)
		}
	}
	if pool.Generation() == 0 {
		t.Error("tokens may not be cached")
	}
}
