package auth0_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

func isCode(a answer, text string) bool {
	return a.status == 403 && strings.TrimSpace(a.body) == `{"error":"invalid_grant","error_description":"`+text+`"}`
}

// TestCodesAreSingleUse replays a code: it gives nothing, and what it gave ends.
func TestCodesAreSingleUse(t *testing.T) {
	w := newWorld(t, tenantConfig())
	code := w.code("scope", "openid offline_access")
	tokens := w.token("spa", redemption(code)).json(t)
	if a := w.token("spa", redemption(code)); !isCode(a, "Invalid authorization code") {
		t.Errorf("a replay: %d %s", a.status, a.body)
	}
	if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 {
		t.Errorf("the refresh token after a replay: %d", a.status)
	}
	r, err := http.NewRequest("GET", w.origin+"/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
	if a := w.browser().do(r); a.status != 401 {
		t.Errorf("userinfo after a replay: %d", a.status)
	}
	// Whatever is wrong, there is no second try.
	for name, c := range map[string]struct {
		application, key, value, text string
	}{
		"another application":  {"other", "", "", "Invalid authorization code"},
		"another redirect URI": {"spa", "redirect_uri", "http://localhost:3000/", "Invalid authorization code"},
		"a wrong verifier":     {"spa", "code_verifier", strings.Repeat("a", 43), "Failed to verify code verifier"},
		"no verifier":          {"spa", "code_verifier", "", "Failed to verify code verifier"},
	} {
		code := w.code()
		form := redemption(code)
		if c.key != "" {
			form.Set(c.key, c.value)
		}
		if a := w.token(c.application, form); !isCode(a, c.text) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a := w.token("spa", redemption(code)); a.status != 403 {
			t.Errorf("%s, then all that is right: %d", name, a.status)
		}
	}
	form := redemption(w.code())
	form.Del("redirect_uri")
	if a := w.token("spa", form); a.status != 200 {
		t.Errorf("without redirect_uri: %d %s", a.status, a.body)
	}
	code = w.code()
	w.advance(5 * time.Minute)
	if a := w.token("spa", redemption(code)); !isCode(a, "Invalid authorization code") {
		t.Errorf("an old code: %d %s", a.status, a.body)
	}
}

// TestPKCECannotBeTakenOut asks without a challenge, with plain, and redeems with
// a verifier that nobody asked for.
func TestPKCECannotBeTakenOut(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	for name, q := range map[string]string{
		"no challenge": w.query("code_challenge", "-", "code_challenge_method", "-"),
		"plain":        w.query("code_challenge", verifier, "code_challenge_method", "plain"),
		"no method":    w.query("code_challenge_method", "-"),
	} {
		if v := w.landed(b.get("/authorize?" + q)); v.Get("error") != "invalid_request" || v.Get("code") != "" {
			t.Errorf("%s: %v", name, v)
		}
	}
	web := url.Values{"client_id": {w.tenant.ClientID("web")}, "redirect_uri": {"http://localhost:5678"}, "response_type": {"code"}, "scope": {"openid"}}
	location := b.get("/authorize?" + web.Encode()).header.Get("Location")
	u, err := url.Parse(location)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatal(location)
	}
	form := redemption(u.Query().Get("code"))
	form.Set("redirect_uri", "http://localhost:5678")
	if a := w.token("web", form); !isCode(a, "Failed to verify code verifier") {
		t.Errorf("a verifier without a challenge: %d %s", a.status, a.body)
	}
}

// TestNobodyIsSentAnywhere tries addresses that are none of the application's.
func TestNobodyIsSentAnywhere(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	for _, uri := range []string{
		"https://evil.example/", "", "http://localhost:3000/callback", callback + "&x=1", callback + "#f", "http://localhost:3000/callback/../?app=1",
		"http://LOCALHOST:3000/callback?app=1", "http://localhost:3000@evil.example/callback?app=1", "http://127.0.0.1:3000/callback?app=1",
		"javascript:alert(1)", "http://localhost:3001/", callback + "%00",
	} {
		// Neither an answer nor a refusal goes there, in whatever form.
		for _, more := range [][]string{
			nil, {"response_type", "code id_token token"}, {"response_type", "id_token", "response_mode", "form_post"}, {"response_mode", "web_message"},
			{"response_type", "token", "response_mode", "query"}, {"response_type", "magic"}, {"prompt", "none", "max_age", "0"}, {"audience", "https://x.example"},
		} {
			a := b.get("/authorize?" + w.query(append([]string{"redirect_uri", uri}, more...)...))
			if a.status != 403 || a.header.Get("Location") != "" || !strings.Contains(a.body, "Callback URL mismatch") || strings.Contains(a.body, "<form") || strings.Contains(a.body, "<script") {
				t.Errorf("redirect_uri %q with %v: %d %s", uri, more, a.status, a.header.Get("Location"))
			}
		}
	}
	unknown := b.get("/authorize?" + w.query("client_id", "<b>x"))
	if unknown.status != 403 || !strings.Contains(html.UnescapeString(unknown.body), "Unknown client: <b>x") || strings.Contains(unknown.body, "<b>x") {
		t.Errorf("an unknown client: %d %s", unknown.status, unknown.body)
	}
	for _, more := range []string{"redirect_uri=https://evil.example/", "response_mode=query", "response_mode=fragment&response_mode=query", "response_type=token", "nonce=n2", "state=s2"} {
		twice := b.get("/authorize?" + w.query("response_mode", "fragment") + "&" + more)
		if twice.status != 400 || twice.header.Get("Location") != "" {
			t.Errorf("%s once more: %d %s", more, twice.status, twice.header.Get("Location"))
		}
	}
	for name, c := range map[string]struct {
		key, value, code, text string
	}{
		"an unknown audience": {"audience", "https://x.example", "access_denied", "Service not found: https://x.example"},
		"an organization":     {"organization", "org_1", "invalid_request", "organization is not supported by this tenant"},
		"a second factor":     {"acr_values", "http://schemas.openid.net/pape/policies/2007/06/multi-factor", "invalid_request", "acr_values is not supported by this tenant"},
		"a request object":    {"request", "x", "request_not_supported", "request is not supported by this tenant"},
		"a request elsewhere": {"request_uri", "https://evil.example/", "request_uri_not_supported", "request_uri is not supported by this tenant"},
		"another connection":  {"connection", "google-oauth2", "invalid_request", "the connection was not found"},
		"none at all":         {"response_type", "none", "unsupported_response_type", "Unsupported response type: none"},
		"none and login":      {"prompt", "none login", "invalid_request", "prompt=none cannot be combined with another value"},
		"a bad max_age":       {"max_age", "x", "invalid_request", "max_age is not a number of seconds"},
		"a mode":              {"response_mode", "jwt", "invalid_request", "Unsupported response mode: jwt"},
	} {
		if v := w.landed(b.get("/authorize?" + w.query(c.key, c.value))); v.Get("error") != c.code || v.Get("error_description") != c.text || v.Get("state") != "a+b/c==" {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// TestFormsOfOthers posts the login form as other sites and browsers could.
func TestFormsOfOthers(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	location := b.get("/authorize?" + w.query()).header.Get("Location")
	page := b.get(location)
	for header, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
		if got := page.header.Get(header); got != want {
			t.Errorf("%s is %q", header, got)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(page.body, "<script") {
		t.Errorf("the policy is %q", policy)
	}
	for _, want := range []string{`id="username" name="username"`, `id="password" name="password"`, `name="action" value="default">Continue</button>`, `name="viewport"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	good := fields(page.body)
	good.Set("username", "ann@example.com")
	good.Set("password", password)
	without := func(key string) url.Values {
		v := url.Values{}
		for name, list := range good {
			if name != key {
				v[name] = list
			}
		}
		return v
	}
	other := w.browser()
	other.get(other.get("/authorize?" + w.query()).header.Get("Location"))
	for name, a := range map[string]answer{
		"without its token":  b.post(location, without("_csrf"), "Origin", w.origin),
		"of another origin":  b.post(location, good, "Origin", "http://localhost:3000"),
		"of no origin's":     b.post(location, good, "Origin", "null"),
		"of another site":    b.post(location, good, "Sec-Fetch-Site", "cross-site"),
		"of another browser": other.post(location, good, "Origin", w.origin),
		"of no browser":      w.browser().post(location, good, "Origin", w.origin),
		"without its state":  b.post("/u/login", good, "Origin", w.origin),
		"of a state made up": b.post("/u/login?state="+strings.Replace(good.Get("state"), "e", "f", 1), good, "Origin", w.origin),
	} {
		if a.status != 403 && a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("a form %s: %d %s", name, a.status, a.header.Get("Location"))
		}
		for _, cookie := range a.header.Values("Set-Cookie") {
			if strings.HasPrefix(cookie, "auth0-") {
				t.Errorf("a form %s signs in", name)
			}
		}
	}
	// The session is a new one, whatever the browser came with.
	fixed, err := http.NewRequest("POST", w.origin+location, strings.NewReader(good.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	fixed.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	fixed.Header.Set("Origin", w.origin)
	fixed.AddCookie(&http.Cookie{Name: "auth0-auth0-Auth0", Value: "fixed"})
	a := b.do(fixed)
	if cookies := strings.Join(a.header.Values("Set-Cookie"), "\n"); !strings.Contains(cookies, "auth0-auth0-Auth0=") || strings.Contains(cookies, "fixed") || !strings.Contains(cookies, "HttpOnly; SameSite=Lax") {
		t.Errorf("the cookies are %s", cookies)
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if !auth0.IsCookie(c.Name) {
			t.Errorf("the cookie %s is not known as one of a tenant's", c.Name)
		}
	}
	if again := b.post(location, good, "Origin", w.origin); again.header.Get("Location") != "" {
		t.Error("the form is good a second time")
	}
	stale := b.get("/authorize?" + w.query("prompt", "login")).header.Get("Location")
	w.advance(time.Hour)
	if old := b.get(stale); old.status != 400 {
		t.Errorf("a sign-in of an hour ago: %d", old.status)
	}
	if bare := b.get("/u/login"); bare.status != 400 {
		t.Errorf("/u/login without a sign-in: %d", bare.status)
	}
}

// TestGuessing holds the one answer for wrong and unknown, and the block.
func TestGuessing(t *testing.T) {
	w := newWorld(t, tenantConfig())
	text := regexp.MustCompile(`id="error-element-password">([^<]*)<`)
	try := func(user, pass string) (int, string) {
		a := w.browser().signIn(w.query(), user, pass)
		m := text.FindStringSubmatch(a.body)
		if m == nil {
			return a.status, ""
		}
		return a.status, m[1]
	}
	for _, user := range []string{"ann@example.com", "nobody@example.com"} {
		for range 10 {
			if status, said := try(user, "wrong"); status != 400 || said != "Wrong email or password" {
				t.Fatalf("%s: %d %q", user, status, said)
			}
		}
		if status, said := try(user, password); status != 429 || said != "Your account has been blocked after multiple consecutive login attempts." {
			t.Errorf("%s after ten: %d %q", user, status, said)
		}
	}
	if status, _ := try("bob@example.com", "Other1!"); status != 302 {
		t.Errorf("another user: %d", status)
	}
	w.advance(30 * 24 * time.Hour)
	if status, _ := try("ann@example.com", password); status != 302 {
		t.Errorf("30 days later: %d", status)
	}
}

// TestTenantsAreApart brings what one tenant gave to another in the same stage.
func TestTenantsAreApart(t *testing.T) {
	db := openDB(t, t.TempDir())
	here := newWorldIn(t, db, tenantConfig())
	there := newWorldIn(t, db, tenantConfig(func(c *auth0.TenantConfig) { c.Name = "Other" }))
	tokens := here.tokens("scope", "openid offline_access")
	code := here.code()
	if a := there.token("spa", redemption(code)); !isCode(a, "Invalid authorization code") {
		t.Errorf("a code abroad: %d %s", a.status, a.body)
	}
	if a := there.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 {
		t.Errorf("a refresh token abroad: %d", a.status)
	}
	for _, token := range []any{tokens["access_token"], here.tokens("audience", unicorns, "scope", "openid")["access_token"]} {
		r, err := http.NewRequest("GET", there.origin+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token.(string))
		if a := there.browser().do(r); a.status != 401 {
			t.Errorf("an access token abroad: %d", a.status)
		}
	}
	// The cookies of one, under the other's names.
	b := here.browser()
	here.landed(b.signIn(here.query(), "ann@example.com", password))
	origin, err := url.Parse(here.origin)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("GET", there.origin+"/authorize?"+there.query("prompt", "none"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range b.c.Jar.Cookies(origin) {
		r.AddCookie(cookie)
		r.AddCookie(&http.Cookie{Name: strings.Replace(cookie.Name, "-Auth0", "-Other", 1), Value: cookie.Value})
	}
	if v := there.landed(there.browser().do(r)); v.Get("error") != "login_required" {
		t.Errorf("a cookie abroad: %v", v)
	}
}

// TestWebMessage holds the silent renewal: a page for the application's frame
// alone, which tells its origin alone.
func TestWebMessage(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	silent := []string{"response_mode", "web_message", "prompt", "none"}
	response := func(a answer) string {
		t.Helper()
		m := regexp.MustCompile(`postMessage\(\{type: "authorization_response", response: (\{[^}]*\})\}, "([^"]*)"\)`).FindStringSubmatch(a.body)
		if a.status != 200 || m == nil || m[2] != `http://localhost:3000` && m[2] != `http:\/\/localhost:3000` {
			t.Fatalf("%d %s", a.status, a.body)
		}
		policy := a.header.Get("Content-Security-Policy")
		if a.header.Get("X-Frame-Options") != "" || !strings.Contains(policy, "frame-ancestors "+webOrigin) || strings.Contains(policy, "unsafe") || a.header.Get("Cross-Origin-Opener-Policy") != "" {
			t.Errorf("the headers are %v", a.header)
		}
		return m[1]
	}
	if got := response(b.get("/authorize?" + w.query(silent...))); !strings.Contains(got, `"error":"login_required"`) || !strings.Contains(got, `"error_description":"Login required"`) {
		t.Errorf("nobody is signed in: %s", got)
	}
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	if got := response(b.get("/authorize?" + w.query(append(silent, "state", "</script><b>")...))); !strings.Contains(got, `"code":"`) || strings.Contains(got, "<") {
		t.Errorf("signed in: %s", got)
	}
	web := url.Values{"client_id": {w.tenant.ClientID("web")}, "redirect_uri": {"http://localhost:5678"}, "response_type": {"code"}, "response_mode": {"web_message"}, "prompt": {"none"}}
	if a := b.get("/authorize?" + web.Encode()); a.status != 403 || strings.Contains(a.body, "postMessage") || a.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("an origin that is none of webOrigins: %d %s", a.status, a.body)
	}
	posted := b.get("/authorize?" + w.query("response_mode", "form_post"))
	if posted.status != 200 || !strings.Contains(posted.body, `action="http://localhost:3000/callback?app=1"`) || fields(posted.body).Get("code") == "" || posted.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("form_post: %d %s", posted.status, posted.body)
	}
}

// TestCORS holds who may ask the token endpoint from a script.
func TestCORS(t *testing.T) {
	w := newWorld(t, tenantConfig())
	preflight := func(origin string) answer {
		r, err := http.NewRequest("OPTIONS", w.origin+"/oauth/token", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "auth0-client")
		return w.browser().do(r)
	}
	if a := preflight(webOrigin); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != webOrigin || a.header.Get("Access-Control-Allow-Headers") != "auth0-client" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	if a := preflight("https://evil.example"); a.status != 403 || a.body != "Origin https://evil.example is not allowed." || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a strange preflight: %d %s %v", a.status, a.body, a.header)
	}
	for origin, want := range map[string]int{webOrigin: 200, "http://localhost:3001": 403, "https://evil.example": 403, "null": 403} {
		a := w.token("spa", redemption(w.code()), "Origin", origin)
		allowed := a.header.Get("Access-Control-Allow-Origin")
		if a.status != want || (want == 200) != (allowed == origin) {
			t.Errorf("%s: %d %q", origin, a.status, allowed)
		}
	}
}

// TestWhatIsNotThere asks for parts of Auth0 that a local tenant does not have:
// they are refused, and the log says so.
func TestWhatIsNotThere(t *testing.T) {
	w := newWorld(t, tenantConfig())
	for _, path := range []string{"/oauth/device/code", "/oauth/par", "/passwordless/start", "/mfa/challenge", "/oidc/register"} {
		if a := w.browser().post(path, url.Values{"client_id": {w.tenant.ClientID("spa")}}); a.status != 404 {
			t.Errorf("POST %s: %d", path, a.status)
		}
		w.mu.Lock()
		if last := w.events[len(w.events)-1].String(); !strings.Contains(last, "POST "+path+" is not part of this version") {
			t.Errorf("the log says %s", last)
		}
		w.mu.Unlock()
	}
}

// TestSignInsSideBySide has one browser sign in to two applications at once: each
// answer goes to the application that asked, with its own state, nonce and code.
func TestSignInsSideBySide(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	ours := w.query("response_type", "code id_token", "state", "ours", "nonce", "our nonce")
	theirs := w.query("client_id", w.tenant.ClientID("other"), "redirect_uri", "http://localhost:3001/", "response_type", "code id_token", "state", "theirs", "nonce", "their nonce")
	first, second := b.get("/authorize?"+ours).header.Get("Location"), b.get("/authorize?"+theirs).header.Get("Location")
	form := fields(b.get(first).body)
	other := fields(b.get(second).body)
	for _, f := range []url.Values{form, other} {
		f.Set("username", "ann@example.com")
		f.Set("password", password)
	}
	// The form of one page sent to the other's address answers who is there.
	at, err := url.Parse(b.post(second, form, "Origin", w.origin).header.Get("Location"))
	if err != nil || at.Host != "localhost:3001" {
		t.Fatalf("the second sign-in leads to %v, %v", at, err)
	}
	check := func(v url.Values, application, state, nonce string) {
		t.Helper()
		id := part(t, v.Get("id_token"), 1)
		if v.Get("state") != state || id["nonce"] != nonce || id["aud"] != w.tenant.ClientID(application) || id["c_hash"] != half(v.Get("code")) {
			t.Errorf("%s is answered %v with %v", application, v, id)
		}
	}
	theirsBack, err := url.ParseQuery(at.Fragment)
	if err != nil {
		t.Fatal(err)
	}
	check(theirsBack, "other", "theirs", "their nonce")
	if a := b.post(first, form, "Origin", w.origin); a.status != 403 || a.header.Get("Location") != "" {
		t.Errorf("the first page's form, after the browser signed in: %d %s", a.status, a.header.Get("Location"))
	}
	oursBack, _ := w.answered(b.get("/authorize?" + ours))
	check(oursBack, "spa", "ours", "our nonce")
	// A code of one is nothing to the other, and an ID token is no access token.
	if a := w.token("spa", redemption(theirsBack.Get("code"))); !isCode(a, "Invalid authorization code") {
		t.Errorf("their code, by us: %d %s", a.status, a.body)
	}
	if a := w.userinfo(oursBack.Get("id_token")); a.status != 401 {
		t.Errorf("an ID token at userinfo: %d", a.status)
	}
}
