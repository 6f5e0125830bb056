package auth0_test

import (
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCodeFlow signs in on the login page, and follows the tokens to their ends.
func TestCodeFlow(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	v := w.landed(b.signIn(w.query(), "Ann@Example.com", password))
	if v.Get("state") != "a+b/c==" || v.Get("error") != "" || len(v) != 2 {
		t.Fatalf("the callback has %v", v)
	}
	tokens := w.token("spa", redemption(v.Get("code"))).json(t)
	if tokens["expires_in"] != 86400.0 || tokens["token_type"] != "Bearer" || tokens["scope"] != "openid profile email" || tokens["refresh_token"] != nil {
		t.Errorf("the answer is %v", tokens)
	}
	// Without an audience the access token is opaque: a JWE with this very header.
	access := tokens["access_token"].(string)
	header := part(t, access, 0)
	if want := map[string]any{"alg": "dir", "enc": "A256GCM", "iss": w.origin + "/"}; !reflect.DeepEqual(header, want) || strings.Count(access, ".") != 4 || !strings.Contains(access, "..") {
		t.Errorf("the opaque token is %s, with %v", access, header)
	}
	id := part(t, tokens["id_token"], 1)
	now := float64(w.clock().Unix())
	for claim, want := range map[string]any{
		"iss": w.origin + "/", "aud": w.tenant.ClientID("spa"), "iat": now, "exp": now + 36000, "nonce": "n1", "name": "ann@example.com", "nickname": "ann",
		"given_name": "Ann", "email": "ann@example.com", "email_verified": false, "updated_at": "2026-11-21T10:00:00.000Z", "auth_time": nil,
	} {
		if id[claim] != want {
			t.Errorf("%s is %v; want %v", claim, id[claim], want)
		}
	}
	if !regexp.MustCompile(`^https://s\.gravatar\.com/avatar/[0-9a-f]{32}\?s=480&r=pg&d=https%3A%2F%2Fcdn\.auth0\.com%2Favatars%2Fan\.png$`).MatchString(id["picture"].(string)) {
		t.Errorf("picture is %v", id["picture"])
	}
	if !regexp.MustCompile(`^auth0\|[0-9a-f]{24}$`).MatchString(id["sub"].(string)) || id["sid"] == "" {
		t.Errorf("sub is %v, sid %v", id["sub"], id["sid"])
	}
	userinfo := func(token string) answer {
		r, err := http.NewRequest("GET", w.origin+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		return w.browser().do(r)
	}
	me := userinfo(access)
	if me.status != 200 || me.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("userinfo: %d %s", me.status, me.body)
	}
	for claim, want := range me.json(t) {
		if id[claim] != want {
			t.Errorf("userinfo has %s %v; the ID token %v", claim, want, id[claim])
		}
	}
	api := w.tokens("audience", unicorns, "scope", "openid r")
	for name, token := range map[string]string{
		"an ID token": tokens["id_token"].(string), "nothing": "", "a changed one": access[:len(access)-4] + "AAAA",
		"another header": strings.Replace(access, "ey", "eA", 1),
		"without openid": w.tokens("audience", unicorns, "scope", "r")["access_token"].(string),
	} {
		if a := userinfo(token); a.status != 401 || a.body != "Unauthorized" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("userinfo answers %s with %d %s", name, a.status, a.body)
		}
	}
	if a := userinfo(api["access_token"].(string)); a.status != 200 {
		t.Errorf("userinfo answers a token for it and an API with %d", a.status)
	}
	w.advance(25 * time.Hour)
	if a := userinfo(access); a.status != 401 {
		t.Errorf("a day later userinfo answers %d", a.status)
	}
}

// TestSession holds single sign-on, prompt and max_age, and the ways out.
func TestSession(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("error") != "login_required" || v.Get("error_description") != "Login required" || v.Get("state") != "a+b/c==" {
		t.Errorf("nobody is signed in: %v", v)
	}
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("code") == "" {
		t.Errorf("prompt=none with a session: %v", v)
	}
	if v := w.landed(w.browser().get("/authorize?" + w.query("prompt", "none"))); v.Get("error") != "login_required" {
		t.Errorf("another browser: %v", v)
	}
	toLogin := func(a answer) bool {
		return a.status == 302 && strings.HasPrefix(a.header.Get("Location"), "/u/login?state=")
	}
	if !toLogin(b.get("/authorize?" + w.query("prompt", "login"))) {
		t.Error("prompt=login does not show the login page")
	}
	w.advance(10 * time.Minute)
	if !toLogin(b.get("/authorize?" + w.query("max_age", "600"))) {
		t.Error("max_age lets an old session through")
	}
	v := w.landed(b.get("/authorize?" + w.query("max_age", "601")))
	id := part(t, w.token("spa", redemption(v.Get("code"))).json(t)["id_token"], 1)
	if id["auth_time"] != float64(w.clock().Add(-10*time.Minute).Unix()) {
		t.Errorf("auth_time is %v", id["auth_time"])
	}
	client := w.tenant.ClientID("spa")
	for name, c := range map[string]struct {
		query  url.Values
		status int
		to     string
	}{
		"another's address":      {url.Values{"client_id": {client}, "returnTo": {"https://evil.example/"}}, 400, ""},
		"a user before the host": {url.Values{"client_id": {client}, "returnTo": {"http://localhost:3000@evil.example/bye"}}, 400, ""},
		"a user at the host":     {url.Values{"client_id": {client}, "returnTo": {"http://user@localhost:3000/bye"}}, 400, ""},
		"a backslash":            {url.Values{"client_id": {client}, "returnTo": {`http://localhost:3000\@evil.example/bye`}}, 400, ""},
		"another path":           {url.Values{"client_id": {client}, "returnTo": {"http://localhost:3000/BYE"}}, 400, ""},
		"without an application": {url.Values{"returnTo": {"http://localhost:3000/bye"}}, 400, ""},
		"an unknown application": {url.Values{"client_id": {"x"}}, 400, ""},
	} {
		if a := b.get("/v2/logout?" + c.query.Encode()); a.status != c.status || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.header.Get("Location"))
		}
	}
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("code") == "" {
		t.Error("a refused logout ended the session")
	}
	if a := b.get("/v2/logout?" + url.Values{"client_id": {client}, "returnTo": {"HTTP://LOCALHOST:3000/bye?x=1"}}.Encode()); a.status != 302 || a.header.Get("Location") != "HTTP://LOCALHOST:3000/bye?x=1" {
		t.Errorf("logout: %d %s", a.status, a.header.Get("Location"))
	}
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("error") != "login_required" {
		t.Errorf("after the logout: %v", v)
	}
	if a := b.get("/v2/logout"); a.status != 200 || a.body != "OK" {
		t.Errorf("a bare logout: %d %s", a.status, a.body)
	}
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	w.advance(72 * time.Hour)
	if !toLogin(b.get("/authorize?" + w.query())) {
		t.Error("a session outlives its 72 hours")
	}
}

// TestEndSession holds OpenID Connect's logout: who proves to know the session
// ends it, others have the person asked.
func TestEndSession(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	tokens := w.token("spa", redemption(w.landed(b.signIn(w.query(), "ann@example.com", password)).Get("code"))).json(t)
	hint := tokens["id_token"].(string)
	end := func(more ...string) answer {
		q := url.Values{"client_id": {w.tenant.ClientID("spa")}, "post_logout_redirect_uri": {"http://localhost:3000/bye"}, "state": {"s"}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return b.get("/oidc/logout?" + q.Encode())
	}
	for name, a := range map[string]answer{
		"an address of nobody's": end("post_logout_redirect_uri", "https://evil.example/"), "another application's hint": end("id_token_hint", hint, "client_id", w.tenant.ClientID("other")),
		"a forged hint": end("id_token_hint", hint[:len(hint)-6]+"AAAAAA"), "another session": end("id_token_hint", hint, "logout_hint", "x"),
	} {
		if a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	asked := end()
	if asked.status != 200 || !strings.Contains(asked.body, "Accept") {
		t.Fatalf("without a hint: %d %s", asked.status, asked.body)
	}
	w.advance(24 * time.Hour) // an expired hint is a hint
	if a := end("id_token_hint", hint); a.status != 302 || a.header.Get("Location") != "http://localhost:3000/bye?state=s" {
		t.Errorf("with the hint: %d %s", a.status, a.header.Get("Location"))
	}
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("error") != "login_required" {
		t.Errorf("after the logout: %v", v)
	}
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	page := end()
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page.body)[1]
	path := strings.ReplaceAll(action, "&amp;", "&")
	good, other := fields(page.body), w.browser()
	other.get(other.get("/authorize?" + w.query()).header.Get("Location"))
	for name, a := range map[string]answer{
		"with a token made up": b.post(path, url.Values{"_csrf": {"x"}}, "Origin", w.origin),
		"of another origin":    b.post(path, good, "Origin", webOrigin),
		"of another site":      b.post(path, good, "Sec-Fetch-Site", "cross-site"),
		"of another browser":   other.post(path, good, "Origin", w.origin),
	} {
		if a.status != 400 && a.status != 403 || a.header.Get("Location") != "" {
			t.Errorf("the form %s: %d %s", name, a.status, a.header.Get("Location"))
		}
	}
	if v := w.landed(b.get("/authorize?" + w.query("prompt", "none"))); v.Get("code") == "" {
		t.Errorf("forged forms log out: %v", v)
	}
	if frame := page.header.Get("X-Frame-Options"); frame != "DENY" {
		t.Errorf("the page may be framed: %q", frame)
	}
	if a := b.post(path, fields(page.body), "Origin", w.origin); a.status != 302 || a.header.Get("Location") != "http://localhost:3000/bye?state=s" {
		t.Errorf("the person's yes: %d %s", a.status, a.body)
	}
}

// TestRefresh holds rotation, and what ends a family.
func TestRefresh(t *testing.T) {
	w := newWorld(t, tenantConfig())
	offline := []string{"audience", unicorns, "scope", "openid r d offline_access"}
	refresh := func(application string, token any, more ...string) answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return w.token(application, form)
	}
	refused := func(what string, a answer) {
		t.Helper()
		if a.status != 403 || strings.TrimSpace(a.body) != `{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}` {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	first := w.tokens(offline...)
	if !strings.HasPrefix(first["refresh_token"].(string), "v1.M") || first["scope"] != "openid r offline_access" {
		t.Fatalf("the first tokens: %v", first)
	}
	refused("another application", refresh("other", first["refresh_token"]))
	second := refresh("spa", first["refresh_token"]).json(t)
	if claims := part(t, second["access_token"], 1); claims["scope"] != "openid r offline_access" || claims["gty"] != "refresh_token" || second["id_token"] == nil {
		t.Errorf("refreshed: %v %v", second, claims)
	}
	if a := refresh("spa", second["refresh_token"], "scope", "openid w"); a.status != 403 || !strings.Contains(a.body, "invalid_scope") {
		t.Errorf("a scope beyond: %d %s", a.status, a.body)
	}
	third := refresh("spa", second["refresh_token"], "scope", "openid").json(t)
	if third["scope"] != "openid" {
		t.Errorf("narrowed: %v", third["scope"])
	}
	refused("the first one again", refresh("spa", first["refresh_token"]))
	refused("the newest one, after that", refresh("spa", third["refresh_token"]))

	// Not asked for, not allowed by the API: no token and no word.
	for _, q := range [][]string{{"audience", unicorns, "scope", "openid r"}, {"audience", "https://open.example", "scope", "openid offline_access"}} {
		if got := w.tokens(q...); got["refresh_token"] != nil || strings.Contains(got["scope"].(string), "offline_access") {
			t.Errorf("%v: %v", q, got)
		}
	}
	if got := w.tokens("scope", "openid offline_access"); got["refresh_token"] == nil {
		t.Error("no refresh token without an API")
	}
	// Revoked, and ended by time.
	again := w.tokens(offline...)
	for _, token := range []string{"v1.Munknown", again["refresh_token"].(string)} {
		form := url.Values{"client_id": {w.tenant.ClientID("spa")}, "token": {token}}
		if a := w.browser().post("/oauth/revoke", form); a.status != 200 || a.body != "" {
			t.Errorf("revoke: %d %s", a.status, a.body)
		}
	}
	refused("a revoked one", refresh("spa", again["refresh_token"]))
	last := w.tokens(offline...)
	w.advance(30 * 24 * time.Hour)
	refused("one of 30 days ago", refresh("spa", last["refresh_token"]))
}

// TestWebApplication signs in to an application with a secret and exchanges the
// code as the walk-through's curl does: no PKCE, the secret in the form.
func TestWebApplication(t *testing.T) {
	w := newWorld(t, tenantConfig())
	query := url.Values{"client_id": {w.tenant.ClientID("web")}, "redirect_uri": {"http://localhost:5678"}, "response_type": {"code"}, "scope": {"openid profile"}}
	code := func() string {
		a := w.browser().signIn(query.Encode(), "ann@example.com", password)
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != 302 || u.Host != "localhost:5678" || u.Query().Get("code") == "" {
			t.Fatalf("%d %s", a.status, a.header.Get("Location"))
		}
		return u.Query().Get("code")
	}
	exchange := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {"http://localhost:5678"}}
	exchange.Set("code", code())
	tokens := w.token("web", exchange).json(t)
	id := part(t, tokens["id_token"], 1)
	if tokens["scope"] != "openid profile" || id["aud"] != w.tenant.ClientID("web") || id["name"] != "ann@example.com" || id["email"] != nil || id["nonce"] != nil {
		t.Errorf("the tokens are %v, with %v", tokens, id)
	}
	for name, secret := range map[string]string{"no secret": "", "a wrong one": "x", "another application's": w.tenant.ClientSecret("machine")} {
		good := code()
		exchange.Set("code", good)
		exchange.Set("client_secret", secret)
		if a := w.token("web", exchange); a.status != 401 || strings.TrimSpace(a.body) != `{"error":"access_denied","error_description":"Unauthorized"}` {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestSignInEndsTheSessionBefore signs in as somebody else in one browser: whoever
// kept the cookie from before is nobody.
func TestSignInEndsTheSessionBefore(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	silent := func(cookies []*http.Cookie) string {
		t.Helper()
		r, err := http.NewRequest("GET", w.origin+"/authorize?"+w.query("prompt", "none"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		return w.landed(w.browser().do(r)).Get("error")
	}
	page, err := http.NewRequest("GET", w.origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	before := b.c.Jar.Cookies(page.URL)
	if got := silent(before); got != "" {
		t.Fatalf("the session is answered %s", got)
	}
	w.landed(b.signIn(w.query("prompt", "login"), "bob@example.com", "Other1!"))
	if got := silent(before); got != "login_required" {
		t.Errorf("the session before is answered %q", got)
	}
	if got := silent(b.c.Jar.Cookies(page.URL)); got != "" {
		t.Errorf("the new session is answered %s", got)
	}
}
