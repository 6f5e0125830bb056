package cognito_test

import (
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

const invalidGrant = `{"error":"invalid_grant"}`

// TestCodeAttacks: a code is good once, for one client, at one address, with
// one verifier, for five minutes; whatever is tried with it, it is used up.
func TestCodeAttacks(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	b.login(w.requestQuery(), "rider@example.com", goodPassword)
	code := func(pairs ...string) string {
		t.Helper()
		return b.code(b.get("/oauth2/authorize?" + w.requestQuery(pairs...)))
	}
	secret := w.svc.Pool("UserPool").Client("confidential").Secret()
	for _, c := range []struct {
		what    string
		request []string
		attempt []string
		want    string
	}{
		{"another client", nil, []string{"client_id", w.client("other")}, invalidGrant},
		{"another client with its secret", nil, []string{"client_id", w.client("confidential"), "client_secret", secret}, invalidGrant},
		{"wrong verifier", nil, []string{"code_verifier", strings.Repeat("a", 43)}, invalidGrant},
		{"no verifier", nil, []string{"code_verifier", ""}, invalidGrant},
		{"the challenge as the verifier", nil, []string{"code_verifier", challenge}, invalidGrant},
		{"short verifier", nil, []string{"code_verifier", "x"}, invalidGrant},
		{"a verifier where the challenge was taken away", []string{"code_challenge", "", "code_challenge_method", ""}, nil, invalidGrant},
		{"no address", nil, []string{"redirect_uri", ""}, `{"error":"unauthorized_client"}`},
		{"another registered address", nil, []string{"redirect_uri", appCallback}, `{"error":"unauthorized_client"}`},
		{"address with a slash", nil, []string{"redirect_uri", callback + "/"}, `{"error":"unauthorized_client"}`},
	} {
		it := code(c.request...)
		w.oauthRefused(c.what, "/oauth2/token", w.exchange(it, c.attempt...), 400, c.want)
		w.oauthRefused(c.what+", and then the right thing", "/oauth2/token", w.exchange(it), 400, invalidGrant)
	}
	late := code()
	w.advance(5 * time.Minute)
	w.oauthRefused("five minutes later", "/oauth2/token", w.exchange(late), 400, invalidGrant)

	again := code()
	out := w.tokensFor(w.exchange(again))
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {out["refresh_token"].(string)}}
	w.tokensFor(refresh)
	w.oauthRefused("a code again", "/oauth2/token", w.exchange(again), 400, invalidGrant)
	w.oauthRefused("the refresh token after that", "/oauth2/token", refresh, 400, invalidGrant)
	if a := w.userInfo(out["access_token"].(string)); a.status != 401 {
		t.Errorf("the access token after that: %d", a.status)
	}
	// What ends the user's sign-ins ends a code on its way.
	onItsWay := code()
	w.do("AdminUserGlobalSignOut", w.user("rider@example.com"))
	w.oauthRefused("after a global sign-out", "/oauth2/token", w.exchange(onItsWay), 400, invalidGrant)
}

// TestCodesRace: of many redemptions at once one gets tokens, and since the
// others may be a thief's its tokens end.
func TestCodesRace(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	code := b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))
	answers := make([]answer, 8)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = w.endpoint("/oauth2/token", w.exchange(code)) })
	}
	group.Wait()
	won := 0
	for _, a := range answers {
		if a.status == 200 {
			won++
			if info := w.userInfo(parse(t, a.body)["access_token"].(string)); info.status != 401 {
				t.Errorf("the tokens of a code that was used %d times are good", len(answers))
			}
		} else if a.body != invalidGrant {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if won > 1 {
		t.Errorf("%d of %d got tokens", won, len(answers))
	}
}

// TestRedirectURIVariations: an address is one of the registered ones to the
// byte, at the authorization endpoint and at the sign-out.
func TestRedirectURIVariations(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	b := w.browser()
	for _, uri := range []string{
		"https://evil.example/", callback + "/", callback + "&x=1", callback + "#", callback + "#f", callback + " ", " " + callback,
		"http://localhost:3000/callback", "http://localhost:3000/callback?APP=1", "http://LOCALHOST:3000/callback?app=1", "HTTP://localhost:3000/callback?app=1",
		"http://localhost:3000/Callback?app=1", "http://localhost:3000/x/../callback?app=1", "http://localhost:3000//callback?app=1",
		"http://localhost:3000/%63allback?app=1", "http://localhost/callback?app=1", "http://localhost:30000/callback?app=1", "https://localhost:3000/callback?app=1",
		"http://user@localhost:3000/callback?app=1", "http://localhost:3000@evil.example/callback?app=1", "http://localhost:3000.evil.example/callback?app=1",
		"http://evil.example/?http://localhost:3000/callback?app=1", "//localhost:3000/callback?app=1", "/callback", "myapp://callback/", "myapp:callback", "javascript:alert(1)",
		"http://127.0.0.1:3000/callback?app=1", callback + "\x00", callback + "\r\nX: y",
	} {
		for _, path := range []string{"/oauth2/authorize?" + w.requestQuery("redirect_uri", uri), "/login?" + w.requestQuery("redirect_uri", uri), "/logout?" + w.requestQuery("redirect_uri", uri)} {
			if to := b.location(b.get(path)); to.Path != "/error" || to.Host != "" {
				t.Errorf("redirect_uri %q is followed to %s", uri, to)
			}
		}
		out := b.location(b.get("/logout?" + url.Values{"client_id": {w.client("web")}, "logout_uri": {uri}}.Encode()))
		if out.Path != "/error" || out.Host != "" {
			t.Errorf("logout_uri %q is followed to %s", uri, out)
		}
	}
	// One of the other's is none of this one's, and neither is one of sign-in.
	if to := b.location(b.get("/logout?" + url.Values{"client_id": {w.client("web")}, "logout_uri": {callback}}.Encode())); to.Path != "/error" {
		t.Errorf("logout_uri is a callback: %s", to)
	}
	if to := b.location(b.get("/logout?" + url.Values{"logout_uri": {signedOut}}.Encode())); to.Path != "/error" {
		t.Errorf("logout_uri without a client: %s", to)
	}
}

// TestFormsOfOtherSites: a form without this browser's token, or from another
// origin, does nothing.
func TestFormsOfOtherSites(t *testing.T) {
	w := newDomainWorld(t, domainPool(), func() cognito.PoolConfig { p := domainPool(); p.Name = "Other"; return p }())
	w.confirmed("rider@example.com")
	victim, attacker := w.browser(), w.browser()
	form := func(token string) url.Values {
		return url.Values{"_csrf": {token}, "username": {"rider@example.com"}, "password": {goodPassword}, "confirmPassword": {goodPassword}, "code": {"1"}, "session": {strings.Repeat("x", 30)}}
	}
	own := victim.fields(victim.get("/login?" + w.requestQuery())).Get("_csrf")
	foreign := attacker.fields(attacker.get("/login?" + w.requestQuery())).Get("_csrf")
	for _, path := range []string{"/login", "/signup", "/confirm", "/resendcode", "/forgotPassword", "/resetPassword", "/newPassword", "/mfa", "/selectMfa", "/setUpMfa", "/verifyToken"} {
		query := path + "?" + w.requestQuery()
		for what, a := range map[string]answer{
			"no token":             victim.post(query, form("")),
			"another browser's":    victim.post(query, form(foreign)),
			"a changed one":        victim.post(query, form(own[:len(own)-2]+"AA")),
			"another origin":       victim.postFrom("http://localhost:3000", query, form(own)),
			"the origin null":      victim.postFrom("null", query, form(own)),
			"the origin's prefix":  victim.postFrom(w.origin()+".evil.example", query, form(own)),
			"no cookie":            w.browser().post(query, form(own)),
			"in the query instead": victim.post(query+"&_csrf="+own, form("")),
		} {
			if a.status != 403 || a.header.Get("Location") != "" || !strings.Contains(a.body, "This form is no longer valid.") {
				t.Errorf("%s: %s: %d %v", path, what, a.status, a.header)
			}
		}
	}
	r, err := http.NewRequest("POST", w.origin()+"/login?"+w.requestQuery(), strings.NewReader(form(own).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-site")
	if a := victim.do(r); a.status != 403 {
		t.Errorf("from another port of this machine, without an Origin: %d", a.status)
	}
	if a := victim.post("/login?"+w.requestQuery(), form(own)); a.status != 302 {
		t.Errorf("the right form: %d %s", a.status, a.body)
	}
	if len(w.codesFor("password reset")) > 0 {
		t.Error("a foreign form had a code sent")
	}
}

// codesFor gives the codes that were sent for a purpose.
func (w *world) codesFor(purpose string) []cognito.CodeSent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.codes), func(c cognito.CodeSent) bool { return c.Purpose != purpose })
}

// TestSessionFixation: a session cookie that the browser had before a sign-in is
// not taken over, and one of another pool is nothing.
func TestSessionFixation(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	origin, err := url.Parse(w.origin())
	if err != nil {
		t.Fatal(err)
	}
	name := "cognito-" + w.pool()
	planted := strings.Repeat("A", 64)
	b.jar.SetCookies(origin, []*http.Cookie{{Name: name, Value: planted, Path: "/"}})
	done := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	var session *http.Cookie
	for _, c := range (&http.Response{Header: done.header}).Cookies() {
		if c.Name == name {
			session = c
		}
		if !cognito.IsCookie(c.Name) {
			t.Errorf("the cookie %s is not known as one of the domain's", c.Name)
		}
	}
	if session == nil || session.Value == planted || len(session.Value) < 32 || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" || session.Secure {
		t.Fatalf("the session's cookie is %v", session)
	}
	fixed := w.browser()
	fixed.jar.SetCookies(origin, []*http.Cookie{{Name: name, Value: planted, Path: "/"}})
	if at := fixed.location(fixed.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("the planted cookie is signed in: %s", at)
	}
	// After a sign-out the cookie is worth nothing, wherever it was kept.
	copied := w.browser()
	copied.jar.SetCookies(origin, []*http.Cookie{{Name: name, Value: session.Value, Path: "/"}})
	copied.code(copied.get("/oauth2/authorize?" + w.requestQuery()))
	b.get("/logout?" + url.Values{"client_id": {w.client("web")}, "logout_uri": {signedOut}}.Encode())
	if at := copied.location(copied.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("after the sign-out a copy of the cookie is signed in: %s", at)
	}
}

// TestPagesEscape: whatever of a request a page shows is text there.
func TestPagesEscape(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	b := w.browser()
	const evil = `"><script>alert(1)</script><b x='`
	bodies := []string{
		b.get("/login?" + w.requestQuery("login_hint", evil, "state", evil, "nonce", evil)).body,
		b.get("/login?" + w.requestQuery() + "&" + url.Values{evil: {evil}}.Encode()).body,
		b.get("/signup?" + w.requestQuery("state", evil)).body,
		b.get("/forgotPassword?" + w.requestQuery("login_hint", evil)).body,
		b.get("/error?" + url.Values{"error": {evil}, "client_id": {evil}, "error_description": {evil}}.Encode()).body,
	}
	for _, path := range []string{"/login", "/signup", "/confirm", "/resendcode", "/forgotPassword", "/resetPassword"} {
		bodies = append(bodies, b.submit(b.get("/login?"+w.requestQuery("state", evil)), nil).body)
		form := b.fields(b.get("/login?" + w.requestQuery()))
		for _, name := range []string{"username", "password", "confirmPassword", "code", "session", "requiredAttributes[name]", "requiredAttributes[" + evil + "]"} {
			form.Set(name, evil)
		}
		a := b.post(path+"?"+w.requestQuery("state", evil), form)
		if a.status == 403 {
			t.Fatalf("%s: the form was refused", path)
		}
		bodies = append(bodies, a.body)
	}
	for _, body := range bodies {
		if strings.Contains(body, "<script") || strings.Contains(body, "<b x") || strings.Contains(body, `x='`) {
			t.Errorf("a page has it as markup:\n%s", body)
		}
	}
	to := b.location(b.get("/oauth2/authorize?" + w.requestQuery("state", "a\r\nSet-Cookie: x=1", "prompt", "none")))
	if to.Query().Get("state") != "a\r\nSet-Cookie: x=1" {
		t.Errorf("the state comes back as %q", to.Query().Get("state"))
	}
}

// TestPageHeaders: a page runs no script, stands in no frame, is kept nowhere,
// and its form goes here and to the application alone.
func TestPageHeaders(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	b := w.browser()
	for query, action := range map[string]string{
		w.requestQuery(): "'self' http://localhost:3000",
		w.requestQuery("redirect_uri", appCallback): "'self' myapp:",
	} {
		for _, path := range []string{"/login?", "/signup?", "/confirm?", "/forgotPassword?", "/resetPassword?"} {
			h := b.get(path + query).header
			want := "default-src 'none'; style-src 'self'; img-src data:; form-action " + action + "; base-uri 'none'; frame-ancestors 'none'"
			if got := h.Get("Content-Security-Policy"); got != want {
				t.Errorf("%s: the policy is\n%s, not\n%s", path, got, want)
			}
			for name, value := range map[string]string{
				"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
				"Content-Type": "text/html; charset=utf-8",
			} {
				if h.Get(name) != value {
					t.Errorf("%s: %s is %q", path, name, h.Get(name))
				}
			}
		}
	}
	if css := b.get("/assets/hosted.css"); css.status != 200 || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("the style sheet: %d %v", css.status, css.header)
	}
}

// TestCookiesOnHTTPS: on https cookies are bound to the host and never go
// without TLS.
func TestCookiesOnHTTPS(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.cfg.Pools[0].Origin = "https://localhost:4200"
	w.restart()
	res := httptest.NewRecorder()
	w.svc.Pool("UserPool").Domain().ServeHTTP(res, httptest.NewRequest("GET", "https://localhost:4200/login?"+w.requestQuery(), nil))
	cookies := res.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-XSRF-TOKEN-"+w.pool() || !cognito.IsCookie(cookies[0].Name) || !cookies[0].Secure || cookies[0].Domain != "" || cookies[0].Path != "/" {
		t.Errorf("the cookies are %v", cookies)
	}
}

// TestAnotherNameOfTheOrigin: pages are at one name of the machine, whose
// cookies they have.
func TestAnotherNameOfTheOrigin(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	other := strings.Replace(w.origin(), "127.0.0.1", "localhost", 1)
	b := w.browser()
	for _, path := range []string{"/oauth2/authorize?", "/login?", "/logout?"} {
		if to := b.location(b.get(other + path + w.requestQuery())); to.String() != w.origin()+path+w.requestQuery() {
			t.Errorf("%s at another name: %s", path, to)
		}
	}
}

// TestOtherPoolsCodes: codes, sessions and clients of one pool are nothing at the
// domain of another of the same stage, although the browser sends all of them
// its cookies.
func TestOtherPoolsCodes(t *testing.T) {
	second := domainPool()
	second.Name, second.Domain = "Second", "second"
	var w *world
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.svc.Pool("Second").Domain().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	second.Origin = server.URL
	w = newDomainWorld(t, domainPool(), second)
	w.confirmed("rider@example.com")
	theirs := w.svc.Pool("Second").ClientID("web")
	b := w.browser()
	code := b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))
	post := func(what string, form url.Values, want string) {
		t.Helper()
		res, err := http.PostForm(server.URL+"/oauth2/token", form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 400 || string(body) != want {
			t.Errorf("%s: %d %s", what, res.StatusCode, body)
		}
	}
	post("a client of another pool", w.exchange(code), `{"error":"invalid_client"}`)
	post("a code of another pool", w.exchange(code, "client_id", theirs), invalidGrant)
	if reason := w.reason(); !strings.Contains(reason, "no such authorization code") {
		t.Errorf("the code is refused because %s", reason)
	}
	session, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var cookies []*http.Cookie
	for _, c := range b.jar.Cookies(session) { // one host: cookies know no port
		cookies = append(cookies, c, &http.Cookie{Name: strings.ReplaceAll(c.Name, w.pool(), w.svc.Pool("Second").ID()), Value: c.Value, Path: "/"})
	}
	b.jar.SetCookies(session, cookies)
	at := b.location(b.get(server.URL + "/oauth2/authorize?" + w.requestQuery("client_id", theirs)))
	if at.Path != "/login" {
		t.Errorf("signed in at another pool: %s", at)
	}
	w.tokensFor(w.exchange(code))
}

// TestSweepOfTheDomain: what a browser left behind goes when it has ended; a used
// code is remembered for a day.
func TestSweepOfTheDomain(t *testing.T) {
	w, _ := federatedWorld(t)
	w.confirmed("rider@example.com")
	b := w.browser()
	code := b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))
	w.tokensFor(w.exchange(code))
	w.browser().fly(w.requestQuery("identity_provider", "Corp"))
	count := func() (n int) {
		t.Helper()
		err := w.stage.DB().Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow("SELECT (SELECT count(*) FROM oidc_code) * 100 + (SELECT count(*) FROM oidc_session) * 10 + (SELECT count(*) FROM oidc_flight)").Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := w.svc.Sweep(t.Context()); err != nil || count() != 111 {
		t.Errorf("at once: %d, %v", count(), err)
	}
	w.advance(2 * time.Hour)
	if err := w.svc.Sweep(t.Context()); err != nil || count() != 100 {
		t.Errorf("two hours later: %d, %v", count(), err)
	}
	w.oauthRefused("the code again", "/oauth2/token", w.exchange(code), 400, invalidGrant)
	if reason := w.reason(); !strings.Contains(reason, "used before") {
		t.Errorf("refused because %s", reason)
	}
	w.advance(24 * time.Hour)
	if err := w.svc.Sweep(t.Context()); err != nil || count() != 0 {
		t.Errorf("a day later: %d, %v", count(), err)
	}
}

// TestClientDeletedMeanwhile: what was begun through a client ends with it: its
// code, its forms, its tokens. The browser stays signed in for others.
func TestClientDeletedMeanwhile(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	newClient := func() string {
		return w.createClient(w.pool(), obj{
			"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"code"}, "AllowedOAuthScopes": []string{"openid", "email"},
			"CallbackURLs": []string{callback}, "SupportedIdentityProviders": []string{"COGNITO"}, "ExplicitAuthFlows": []string{"ALLOW_REFRESH_TOKEN_AUTH"},
		})["ClientId"].(string)
	}
	id := newClient()
	query := w.requestQuery("client_id", id)
	b := w.browser()
	tokens := w.tokensFor(w.exchange(b.code(b.login(query, "rider@example.com", goodPassword)), "client_id", id))
	code := b.code(b.get("/oauth2/authorize?" + query))
	other := w.browser()
	page := other.get("/login?" + query)
	w.do("DeleteUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": id})

	w.oauthRefused("its code", "/oauth2/token", w.exchange(code, "client_id", id), 400, `{"error":"invalid_client"}`)
	w.oauthRefused("its code, by another client", "/oauth2/token", w.exchange(code), 400, invalidGrant)
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {tokens["refresh_token"].(string)}}
	w.oauthRefused("its refresh token", "/oauth2/token", refresh, 400, `{"error":"invalid_client"}`)
	refresh.Set("client_id", w.client("web"))
	w.oauthRefused("its refresh token, by another client", "/oauth2/token", refresh, 400, invalidGrant)
	if a := w.ask("GET", w.origin()+"/oauth2/userInfo", "Authorization", "Bearer "+tokens["access_token"].(string)); a.status != 401 {
		t.Errorf("userInfo of its token: %d %s", a.status, a.body)
	}
	if at := other.location(other.submit(page, map[string]string{"username": "rider@example.com", "password": goodPassword})); at.Path != "/error" {
		t.Errorf("its form leads to %s", at)
	}
	b.code(b.get("/oauth2/authorize?" + w.requestQuery()))

	// At once: who comes first counts, and nothing breaks.
	for range 10 {
		id, done := newClient(), sync.WaitGroup{}
		code := b.code(b.get("/oauth2/authorize?" + w.requestQuery("client_id", id)))
		for _, request := range []func() answer{
			func() answer { return w.endpoint("/oauth2/token", w.exchange(code, "client_id", id)) },
			func() answer { return b.get("/oauth2/authorize?" + w.requestQuery("client_id", id)) },
			func() answer { return w.send("DeleteUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": id}) },
		} {
			done.Go(func() {
				if a := request(); a.status >= 500 || strings.Contains(a.header.Get("Location"), "server_error") {
					t.Errorf("at once: %d %s %s (%s)", a.status, a.body, a.header.Get("Location"), w.reason())
				}
			})
		}
		done.Wait()
	}
}
