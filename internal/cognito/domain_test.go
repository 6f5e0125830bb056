package cognito_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// TestCodeFlow goes the whole way: authorize, login page, code, tokens with
// PKCE, userInfo, refresh, an operation of the API, logout.
func TestCodeFlow(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	sub := w.confirmed("rider@example.com")
	b := w.browser()

	at := b.location(b.get("/oauth2/authorize?" + w.requestQuery()))
	if at.Path != "/login" || at.Query().Encode() != w.requestQuery() {
		t.Fatalf("a browser that is not signed in is sent to %s", at)
	}
	w.advance(time.Minute)
	signedInAt := w.clock().Unix()
	done := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	to := b.location(done)
	if !strings.HasPrefix(to.String(), callback+"&") || to.Query().Get("state") != "s&t=1" {
		t.Fatalf("the browser goes to %s", to)
	}
	w.advance(time.Minute)
	out := w.tokensFor(w.exchange(b.code(done)))
	if out["token_type"] != "Bearer" || out["expires_in"] != 3600.0 {
		t.Errorf("the token endpoint answers %v", out)
	}
	id, access := payload(t, out["id_token"]), payload(t, out["access_token"])
	for name, want := range map[string]any{
		"sub": sub, "aud": w.client("web"), "nonce": "n-1", "token_use": "id", "email": "rider@example.com", "email_verified": true,
		"auth_time": float64(signedInAt), "at_hash": leftHash(out["access_token"]), "cognito:username": sub,
	} {
		if id[name] != want {
			t.Errorf("the ID token's %s is %v, not %v", name, id[name], want)
		}
	}
	for name, want := range map[string]any{
		"scope": "openid email", "version": 2.0, "token_use": "access", "client_id": w.client("web"), "username": sub, "auth_time": float64(signedInAt),
	} {
		if access[name] != want {
			t.Errorf("the access token's %s is %v, not %v", name, access[name], want)
		}
	}
	w.refused("GetUser", obj{"AccessToken": out["access_token"]}, "NotAuthorizedException", "Access Token does not have required scopes")

	info := w.userInfo(out["access_token"].(string))
	if got := parse(t, info.body); info.status != 200 || got["sub"] != sub || got["email_verified"] != "true" || got["username"] != sub {
		t.Errorf("userInfo: %d %s", info.status, info.body)
	}
	again := w.tokensFor(url.Values{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {out["refresh_token"].(string)}})
	if has(again, "refresh_token") {
		t.Error("a refresh without rotation gives a refresh token")
	}
	renewed := payload(t, again["id_token"])
	if renewed["auth_time"] != float64(signedInAt) || has(renewed, "nonce") || payload(t, again["access_token"])["scope"] != "openid email" {
		t.Errorf("refreshed: %v", renewed)
	}

	// Signed in, the next application is let through at once, with the time of
	// the sign-in.
	second := b.get("/oauth2/authorize?" + w.requestQuery("client_id", w.client("other")))
	tokens := w.tokensFor(w.exchange(b.code(second), "client_id", w.client("other")))
	if payload(t, tokens["id_token"])["auth_time"] != float64(signedInAt) {
		t.Error("auth_time is not that of the sign-in")
	}
	bye := b.get("/logout?" + url.Values{"client_id": {w.client("web")}, "logout_uri": {signedOut}}.Encode())
	if b.location(bye).String() != signedOut {
		t.Errorf("after the sign-out: %v", bye.header)
	}
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("after the sign-out the browser is sent to %s", at)
	}
}

func (w *world) userInfo(token string) answer {
	w.t.Helper()
	return w.ask("GET", w.origin()+"/oauth2/userInfo", "Authorization", "Bearer "+token)
}

func TestImplicitFlow(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	to := b.location(b.login(w.requestQuery("response_type", "token", "code_challenge", "", "code_challenge_method", ""), "rider@example.com", goodPassword))
	if to.Query().Get("code") != "" {
		t.Fatalf("implicit gives a code: %s", to)
	}
	got, err := url.ParseQuery(to.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	if got.Get("token_type") != "Bearer" || got.Get("expires_in") != "3600" || got.Get("state") != "s&t=1" || got.Has("refresh_token") {
		t.Errorf("the fragment is %v", got)
	}
	if payload(t, got.Get("id_token"))["nonce"] != "n-1" || payload(t, got.Get("access_token"))["scope"] != "openid email" {
		t.Errorf("the tokens are %v", got)
	}
	without := b.location(b.get("/oauth2/authorize?" + w.requestQuery("response_type", "token", "scope", "https://rides.example/read")))
	if f, _ := url.ParseQuery(without.EscapedFragment()); f.Has("id_token") || f.Get("access_token") == "" {
		t.Errorf("without openid: %v", f)
	}
}

// TestClientAuthentication has a client with a secret prove it by Basic and by
// body, and fail in every other way.
func TestClientAuthentication(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	id := w.client("confidential")
	secret := w.svc.Pool("UserPool").Client("confidential").Secret()
	query := w.requestQuery("client_id", id)
	code := func() string {
		w.t.Helper()
		if a := b.get("/oauth2/authorize?" + query); b.location(a).Path != "/login" {
			return b.code(a)
		}
		return b.code(b.login(query, "rider@example.com", goodPassword))
	}
	w.tokensFor(w.exchange(code(), "client_id", id, "client_secret", secret))
	w.tokensFor(w.exchange(code(), "client_id", ""), "Authorization", basic(id, secret))
	w.tokensFor(w.exchange(code(), "client_id", id), "Authorization", basic(id, secret))

	const wrong = `{"error":"invalid_client","error_description":"invalid_client_secret"}`
	const unknown = `{"error":"invalid_client"}`
	for name, attempt := range map[string]struct {
		form   url.Values
		header []string
		want   string
	}{
		"no secret":           {w.exchange(code(), "client_id", id), nil, wrong},
		"wrong secret":        {w.exchange(code(), "client_id", id, "client_secret", secret+"x"), nil, wrong},
		"wrong Basic":         {w.exchange(code(), "client_id", ""), []string{"Authorization", basic(id, "x")}, wrong},
		"empty Basic":         {w.exchange(code(), "client_id", ""), []string{"Authorization", basic(id, "")}, wrong},
		"Basic of another":    {w.exchange(code(), "client_id", id), []string{"Authorization", basic(w.client("web"), "")}, unknown},
		"Bearer":              {w.exchange(code(), "client_id", id), []string{"Authorization", "Bearer " + secret}, unknown},
		"unknown client":      {w.exchange(code(), "client_id", "nobody", "client_secret", secret), nil, unknown},
		"public with secret":  {w.exchange(code(), "client_secret", secret), nil, wrong},
		"two ways":            {w.exchange(code(), "client_id", id, "client_secret", secret), []string{"Authorization", basic(id, secret)}, `{"error":"invalid_request"}`},
		"no client":           {w.exchange(code(), "client_id", ""), nil, `{"error":"invalid_request"}`},
		"client without flow": {w.exchange(code(), "client_id", w.client("plain")), nil, `{"error":"unauthorized_client"}`},
	} {
		w.oauthRefused(name, "/oauth2/token", attempt.form, 400, attempt.want, attempt.header...)
	}
}

func TestTokenErrors(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	for want, forms := range map[string][]url.Values{
		"invalid_request": {
			{}, {"grant_type": {"authorization_code"}}, {"grant_type": {"authorization_code"}, "client_id": {w.client("web")}},
			{"grant_type": {"authorization_code", "authorization_code"}, "client_id": {w.client("web")}, "code": {"x"}},
			{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}},
		},
		"unsupported_grant_type": {{"grant_type": {"password"}, "client_id": {w.client("web")}}, {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}}},
		"invalid_grant": {
			{"grant_type": {"authorization_code"}, "client_id": {w.client("web")}, "code": {"x"}, "redirect_uri": {callback}},
			{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {"x"}},
		},
		"unauthorized_client": {{"grant_type": {"client_credentials"}, "client_id": {w.client("web")}}},
		"invalid_client":      {{"grant_type": {"authorization_code"}, "client_id": {"nobody"}, "code": {"x"}}},
	} {
		for _, form := range forms {
			w.oauthRefused(form.Encode(), "/oauth2/token", form, 400, `{"error":"`+want+`"}`)
		}
	}
	a := w.endpoint("/oauth2/token", url.Values{"grant_type": {"password"}}, "Content-Type", "application/json")
	if a.status != 400 || a.body != `{"error":"invalid_request"}` {
		t.Errorf("a body of JSON: %d %s", a.status, a.body)
	}
	if a.header.Get("Cache-Control") == "" || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Content-Type") != "application/json;charset=UTF-8" {
		t.Errorf("headers: %v", a.header)
	}
	if get := w.browser().get("/oauth2/token"); get.status != 405 {
		t.Errorf("GET /oauth2/token: %d", get.status)
	}
	if huge := w.endpoint("/oauth2/token", url.Values{"grant_type": {strings.Repeat("x", 100<<10)}}); huge.status != 400 {
		t.Errorf("a huge form: %d", huge.status)
	}
}

func TestMachineTokens(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	id, secret := w.client("machine"), w.svc.Pool("UserPool").Client("machine").Secret()
	ask := func(scope string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope}}
	}
	out := w.tokensFor(ask("https://rides.example/write"))
	if has(out, "id_token") || has(out, "refresh_token") {
		t.Errorf("a machine gets %v", out)
	}
	claims := payload(t, out["access_token"])
	for name, want := range map[string]any{
		"sub": id, "client_id": id, "token_use": "access", "scope": "https://rides.example/write", "version": 2.0,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, not %v", name, claims[name], want)
		}
	}
	if has(claims, "username") || has(claims, "event_id") {
		t.Errorf("a machine's token is %v", claims)
	}
	if all := payload(t, w.tokensFor(ask(""))["access_token"])["scope"]; all != "https://rides.example/read https://rides.example/write" {
		t.Errorf("without a scope: %v", all)
	}
	w.oauthRefused("foreign scope", "/oauth2/token", ask("https://rides.example/read openid"), 400, `{"error":"invalid_scope"}`)
	w.oauthRefused("no such scope", "/oauth2/token", ask("https://rides.example/delete"), 400, `{"error":"invalid_scope"}`)
	bare := ask("")
	bare.Del("client_secret")
	w.oauthRefused("no secret", "/oauth2/token", bare, 400, `{"error":"invalid_client","error_description":"invalid_client_secret"}`)
	w.refused("GetUser", obj{"AccessToken": out["access_token"]}, "NotAuthorizedException", "Access Token does not have required scopes")
	if a := w.userInfo(out["access_token"].(string)); a.status != 401 {
		t.Errorf("userInfo of a machine: %d %s", a.status, a.body)
	}
}

// TestScopesShowClaims holds the claims that each scope shows, in the ID token
// and at userInfo.
func TestScopesShowClaims(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.Schema = []cognito.SchemaAttribute{{Name: "custom:club"}}
	}))
	w.do("AdminCreateUser", with(w.user("rider@example.com"), obj{"UserAttributes": attrs(
		"email", "rider@example.com", "email_verified", "true", "phone_number", "+15551234567", "name", "Ada", "custom:club", "north", "address", "Road 1")}))
	w.do("AdminSetUserPassword", with(w.user("rider@example.com"), obj{"Password": goodPassword, "Permanent": true}))
	b := w.browser()
	b.login(w.requestQuery(), "rider@example.com", goodPassword)
	for scope, want := range map[string]string{
		"openid":                                  "email email_verified phone_number name custom:club address",
		"openid email":                            "email email_verified",
		"openid phone":                            "phone_number",
		"openid profile":                          "name custom:club",
		"openid email profile":                    "email email_verified name custom:club",
		"openid aws.cognito.signin.user.admin":    "email email_verified phone_number name custom:club address",
		"openid email https://rides.example/read": "email email_verified",
	} {
		out := w.tokensFor(w.exchange(b.code(b.get("/oauth2/authorize?" + w.requestQuery("scope", scope)))))
		if got := payload(t, out["access_token"])["scope"]; got != scope {
			t.Errorf("%s: the access token has %v", scope, got)
		}
		id, info := payload(t, out["id_token"]), parse(t, w.userInfo(out["access_token"].(string)).body)
		for _, name := range strings.Fields("email email_verified phone_number name custom:club address") {
			shown := strings.Contains(" "+want+" ", " "+name+" ")
			if has(id, name) != shown || has(info, name) != shown {
				t.Errorf("%s: %s is in the ID token: %v, at userInfo: %v; want %v", scope, name, has(id, name), has(info, name), shown)
			}
		}
	}
	all := w.tokensFor(w.exchange(b.code(b.get("/oauth2/authorize?" + w.requestQuery("scope", "")))))
	if got := payload(t, all["access_token"])["scope"]; got != "openid email phone profile aws.cognito.signin.user.admin https://rides.example/read" {
		t.Errorf("without a scope: %v", got)
	}
	if out := w.do("GetUser", obj{"AccessToken": all["access_token"]}); out["Username"] == nil {
		t.Error("GetUser with aws.cognito.signin.user.admin")
	}
	api := w.signIn("rider@example.com", goodPassword)
	a := w.userInfo(api.access)
	if a.status != 401 || a.body != `{"error":"invalid_token","error_description":"Access token does not contain openid scope"}` ||
		a.header.Get("WWW-Authenticate") != `error="invalid_token", error_description="Access token does not contain openid scope"` {
		t.Errorf("userInfo of an API sign-in: %d %s %v", a.status, a.body, a.header)
	}
}

func TestUserInfoErrors(t *testing.T) {
	w := newDomainWorld(t, domainPool(), func() cognito.PoolConfig { p := domainPool(); p.Name = "Other"; return p }())
	w.confirmed("rider@example.com")
	b := w.browser()
	tokens := func() obj {
		return w.tokensFor(w.exchange(b.code(b.login(w.requestQuery("scope", "openid aws.cognito.signin.user.admin"), "rider@example.com", goodPassword))))
	}
	const expired = `{"error":"invalid_token","error_description":"Access token is expired, disabled, or deleted, or the user has globally signed out."}`
	check := func(what, token, want string) {
		t.Helper()
		if a := w.userInfo(token); a.status != 401 || a.body != want {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	out := tokens()
	access := out["access_token"].(string)
	check("an ID token", out["id_token"].(string), expired)
	check("a changed token", access[:len(access)-6]+"AAAAAA", expired)
	check("nonsense", "x", expired)
	for _, header := range []string{"", "Basic " + access, "Bearer"} {
		a := w.ask("GET", w.origin()+"/oauth2/userInfo", "Authorization", header)
		if a.status != 400 || a.header.Get("WWW-Authenticate") != `error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint"` {
			t.Errorf("Authorization %.10q: %d %v", header, a.status, a.header)
		}
	}
	w.do("GlobalSignOut", obj{"AccessToken": access})
	check("signed out globally", access, expired)
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("after GlobalSignOut the browser is still signed in: %s", at)
	}
	later := tokens()["access_token"].(string)
	w.advance(2 * time.Hour)
	check("expired", later, expired)
}

func TestRevoke(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	out := w.tokensFor(w.exchange(b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))))
	refresh, client := out["refresh_token"].(string), w.client("web")
	w.oauthRefused("no token", "/oauth2/revoke", url.Values{"client_id": {client}}, 400, `{"error":"invalid_request"}`)
	w.oauthRefused("an access token", "/oauth2/revoke", url.Values{"client_id": {client}, "token": {out["access_token"].(string)}}, 400, `{"error":"unsupported_token_type"}`)
	w.oauthRefused("another client", "/oauth2/revoke", url.Values{"client_id": {w.client("other")}, "token": {refresh}}, 401, `{"error":"invalid_client"}`)
	w.oauthRefused("unknown client", "/oauth2/revoke", url.Values{"client_id": {"x"}, "token": {refresh}}, 401, `{"error":"invalid_client"}`)
	w.oauthRefused("a client without its secret", "/oauth2/revoke", url.Values{"client_id": {w.client("confidential")}, "token": {refresh}}, 401, `{"error":"invalid_client"}`)
	w.oauthRefused("an unknown token", "/oauth2/revoke", url.Values{"client_id": {client}, "token": {"x"}}, 200, "")
	if a := w.userInfo(out["access_token"].(string)); a.status != 200 {
		t.Fatalf("before: %d", a.status)
	}
	for range 2 {
		w.oauthRefused("the token", "/oauth2/revoke", url.Values{"client_id": {client}, "token": {refresh}}, 200, "")
	}
	if a := w.userInfo(out["access_token"].(string)); a.status != 401 {
		t.Errorf("the access token after its revocation: %d", a.status)
	}
	w.oauthRefused("refresh", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {refresh}}, 400, `{"error":"invalid_grant"}`)
}

// TestAuthorizeErrors: until client and address are certain nobody is sent to an
// application; then the application hears what is wrong.
func TestAuthorizeErrors(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	b := w.browser()
	for _, c := range []struct {
		what  string
		pairs []string
		page  string // error page
		code  string // told to the application
	}{
		{"no client", []string{"client_id", ""}, "invalid_client", ""},
		{"unknown client", []string{"client_id", "nobody"}, "invalid_client", ""},
		{"client without flows", []string{"client_id", w.client("plain")}, "unauthorized_client", ""},
		{"no address", []string{"redirect_uri", ""}, "redirect_mismatch", ""},
		{"another address", []string{"redirect_uri", "https://evil.example/"}, "redirect_mismatch", ""},
		{"no response_type", []string{"response_type", ""}, "", "invalid_request"},
		{"response_type id_token", []string{"response_type", "id_token"}, "", "invalid_request"},
		{"implicit where it is not allowed", []string{"client_id", w.client("other"), "response_type", "token"}, "", "unauthorized_client"},
		{"unknown scope", []string{"scope", "openid root"}, "", "invalid_scope"},
		{"email without openid", []string{"scope", "email"}, "", "invalid_scope"},
		{"plain", []string{"code_challenge_method", "plain"}, "", "invalid_request"},
		{"no method", []string{"code_challenge_method", ""}, "", "invalid_request"},
		{"no challenge", []string{"code_challenge", ""}, "", "invalid_request"},
		{"short challenge", []string{"code_challenge", "abc"}, "", "invalid_request"},
		{"unknown provider", []string{"identity_provider", "Google"}, "", "invalid_request"},
		{"prompt=none", []string{"prompt", "none"}, "", "login_required"},
		{"prompt=none login", []string{"prompt", "none login"}, "", "invalid_request"},
	} {
		for _, path := range []string{"/oauth2/authorize?", "/login?"} {
			if strings.HasPrefix(c.what, "prompt") && path == "/login?" {
				continue
			}
			to := b.location(b.get(path + w.requestQuery(c.pairs...)))
			if c.page != "" {
				if to.Path != "/error" || to.Host != "" || to.Query().Get("error") != c.page {
					t.Errorf("%s: sent to %s", c.what, to)
				}
				if a := b.get(to.String()); a.status != 400 {
					t.Errorf("%s: the error page has status %d", c.what, a.status)
				}
				continue
			}
			answer := to.Query()
			if strings.Contains(to.Fragment, "error") {
				answer, _ = url.ParseQuery(to.EscapedFragment())
			}
			if !strings.HasPrefix(to.String(), callback) || answer.Get("error") != c.code || answer.Get("state") != "s&t=1" {
				t.Errorf("%s: sent to %s", c.what, to)
			}
		}
	}
	// The same parameter twice is believed in neither form.
	twice := b.location(b.get("/oauth2/authorize?" + w.requestQuery() + "&redirect_uri=https%3A%2F%2Fevil.example"))
	if twice.Path != "/error" || twice.Query().Get("error") != "invalid_request" {
		t.Errorf("redirect_uri twice: %s", twice)
	}
}

func TestPrompt(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	b.login(w.requestQuery(), "rider@example.com", goodPassword)
	b.code(b.get("/oauth2/authorize?" + w.requestQuery("prompt", "none")))
	for _, prompt := range []string{"login", "select_account"} {
		if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery("prompt", prompt))); at.Path != "/login" {
			t.Errorf("prompt=%s: %s", prompt, at)
		}
	}
	if p := b.get("/login?" + w.requestQuery("login_hint", "ada@example.com")); !strings.Contains(p.body, `value="ada@example.com"`) {
		t.Error("login_hint is not filled in")
	}
	w.advance(time.Hour)
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("an hour later: %s", at)
	}
	// A session outlives a restart.
	b.login(w.requestQuery(), "rider@example.com", goodPassword)
	w.restart()
	b.code(b.get("/oauth2/authorize?" + w.requestQuery("prompt", "none")))
}

func TestDiscoveryNamesTheDomain(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	d := parse(t, w.request("GET", "/"+w.pool()+"/.well-known/openid-configuration", "", "", "", "").body)
	for name, path := range map[string]string{
		"authorization_endpoint": "/oauth2/authorize", "token_endpoint": "/oauth2/token", "userinfo_endpoint": "/oauth2/userInfo",
		"revocation_endpoint": "/oauth2/revoke", "end_session_endpoint": "/logout",
	} {
		if d[name] != w.origin()+path {
			t.Errorf("%s is %v", name, d[name])
		}
	}
}
