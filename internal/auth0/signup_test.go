package auth0_test

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

// open is a tenant at which anybody may sign up.
func open(c *auth0.TenantConfig) { c.SignUp = true }

const connection = "Username-Password-Authentication"

// database asks an endpoint of the database connection as a page would.
func (w *world) database(endpoint, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.origin+"/dbconnections/"+endpoint, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", webOrigin)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.browser().do(r)
}

// signUpBody is a sign-up of an address with more members.
func (w *world) signUpBody(email, password, more string) string {
	return fmt.Sprintf(`{"client_id":%q,"connection":%q,"email":%q,"password":%q%s}`, w.tenant.ClientID("spa"), connection, email, password, more)
}

// links gives the links in the mails to an address, newest first.
func (w *world) links(to string) []string {
	w.t.Helper()
	all, err := w.mails.List()
	must(w.t, err)
	var links []string
	for _, m := range all {
		if m.To == to {
			if !strings.Contains(m.Body, m.Code) || m.Medium != "EMAIL" || m.Tenant != "Auth0" {
				w.t.Errorf("the mail is %+v", m)
			}
			links = append(links, m.Code)
		}
	}
	return links
}

// path is a link without the origin and the fragment.
func (w *world) path(link string) string {
	w.t.Helper()
	path, ok := strings.CutPrefix(link, w.origin)
	if !ok || !strings.HasSuffix(path, "#") {
		w.t.Fatalf("the link %s", link)
	}
	return strings.TrimSuffix(path, "#")
}

// said is the error that a page shows.
func said(a answer) string {
	m := regexp.MustCompile(`role="alert" id="error-element-[a-z]+">([^<]*)<`).FindStringSubmatch(a.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

const weakAnswer = `{"name":"PasswordStrengthError","message":"Password is too weak","code":"invalid_password","description":{"rules":[` +
	`{"message":"At least %d characters in length","format":[8],"code":"lengthAtLeast","verified":false},` +
	`{"message":"Contain at least %d of the following %d types of characters:","format":[3,4],"code":"containsAtLeast","items":[` +
	`{"message":"lower case letters (a-z)","code":"lowerCase","verified":true},{"message":"upper case letters (A-Z)","code":"upperCase","verified":false},` +
	`{"message":"numbers (i.e. 0-9)","code":"numbers","verified":false},{"message":"special characters (e.g. !@#$%^&*)","code":"specialCharacters","verified":false}],` +
	`"verified":false}],"verified":false},"policy":"* At least 8 characters in length\n* Contain at least 3 of the following 4 types of characters:\n ` +
	`* lower case letters (a-z)\n * upper case letters (A-Z)\n * numbers (i.e. 0-9)\n * special characters (e.g. !@#$%^&*)","statusCode":400}`

const invalidSignUp = `{"name":"BadRequestError","code":"invalid_signup","description":"Invalid sign up","statusCode":400}`

// TestSignUpAPI holds POST /dbconnections/signup: Auth0's answers, and who may ask.
func TestSignUpAPI(t *testing.T) {
	w := newWorld(t, tenantConfig(open))
	a := w.database("signup", w.signUpBody("New@Example.com", "Passw0rd", `,"given_name":"Nia","user_metadata":{"theme":"dark"}`))
	if !regexp.MustCompile(`^\{"_id":"[0-9a-f]{24}","email_verified":false,"email":"new@example.com"\}\n$`).MatchString(a.body) || a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != webOrigin {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	u, err := w.tenant.FindUser(t.Context(), "new@example.com")
	must(t, err)
	if u.ID() != "auth0|"+a.json(t)["_id"].(string) || u.GivenName != "Nia" || u.UserMetadata["theme"] != "dark" || u.EmailVerified {
		t.Errorf("the user is %+v", u)
	}
	if !w.signsIn("new@example.com", "Passw0rd") {
		t.Error("the new user cannot sign in")
	}
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"an address that is taken": {w.signUpBody("ann@example.com", "Passw0rd", ""), invalidSignUp},
		"no address":               {w.signUpBody("", "Passw0rd", ""), invalidSignUp},
		"no address's form":        {w.signUpBody("a b@example.com", "Passw0rd", ""), invalidSignUp},
		"two addresses":            {w.signUpBody("a@example.com,b@example.com", "Passw0rd", ""), invalidSignUp},
		"a line break":             {w.signUpBody("a@example.com\nBcc: b@example.com", "Passw0rd", ""), invalidSignUp},
		"a weak password":          {w.signUpBody("x@example.com", "weak", ""), weakAnswer},
		"a weak one of ann":        {w.signUpBody("ann@example.com", "weak", ""), weakAnswer},
		"another connection":       {strings.Replace(w.signUpBody("x@example.com", "Passw0rd", ""), connection, "google-oauth2", 1), invalidSignUp},
		"an unknown application":   {strings.Replace(w.signUpBody("x@example.com", "Passw0rd", ""), w.tenant.ClientID("spa"), "x", 1), invalidSignUp},
		"a machine":                {strings.Replace(w.signUpBody("x@example.com", "Passw0rd", ""), w.tenant.ClientID("spa"), w.tenant.ClientID("machine"), 1), invalidSignUp},
		"a member twice":           {w.signUpBody("x@example.com", "Passw0rd", `,"email":"y@example.com"`), invalidSignUp},
		"much metadata":            {w.signUpBody("x@example.com", "Passw0rd", `,"user_metadata":{"a":"`+strings.Repeat("a", 501)+`"}`), invalidSignUp},
		"nested metadata":          {w.signUpBody("x@example.com", "Passw0rd", `,"user_metadata":{"a":{}}`), invalidSignUp},
		"a script's picture":       {w.signUpBody("x@example.com", "Passw0rd", `,"picture":"javascript:alert(1)"`), invalidSignUp},
		"a large body":             {w.signUpBody("x@example.com", "Passw0rd", `,"x":"`+strings.Repeat("a", 64<<10)+`"`), invalidSignUp},
		"no object":                {`[]`, invalidSignUp},
	} {
		if a := w.database("signup", c.body); a.status != 400 || strings.TrimSpace(a.body) != c.want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, member := range []string{`,"app_metadata":{"admin":true}`, `,"blocked":false,"email_verified":true,"user_id":"auth0|x","roles":["reader"]`} {
		email := fmt.Sprintf("m%d@example.com", len(member))
		if a := w.database("signup", w.signUpBody(email, "Passw0rd", member)); a.status != 200 {
			t.Fatalf("%s: %d %s", member, a.status, a.body)
		}
		if u, err := w.tenant.FindUser(t.Context(), email); err != nil || len(u.AppMetadata) > 0 || u.EmailVerified || u.ID() == "auth0|x" {
			t.Errorf("who signs up writes what is not theirs: %+v %v", u, err)
		}
	}
	for _, origin := range []string{"https://evil.example", "http://localhost:3001", "null"} {
		if a := w.database("signup", w.signUpBody("y@example.com", "Passw0rd", ""), "Origin", origin); a.status != 403 || a.header.Get("Access-Control-Allow-Origin") == origin {
			t.Errorf("the origin %s: %d %s", origin, a.status, a.body)
		}
	}
	if u, err := w.tenant.FindUser(t.Context(), "y@example.com"); err != nil || u != nil {
		t.Error("a strange origin signs somebody up")
	}
	closed := newWorld(t, tenantConfig())
	if a := closed.database("signup", closed.signUpBody("new@example.com", "Passw0rd", "")); a.status != 400 || strings.TrimSpace(a.body) != invalidSignUp {
		t.Errorf("where nobody signs up: %d %s", a.status, a.body)
	}
}

// TestChangePasswordAPI holds POST /dbconnections/change_password: one answer,
// whoever is asked for, and a mail to who is there.
func TestChangePasswordAPI(t *testing.T) {
	w := newWorld(t, tenantConfig())
	ask := func(email string) answer {
		return w.database("change_password", fmt.Sprintf(`{"client_id":%q,"connection":%q,"email":%q}`, w.tenant.ClientID("spa"), connection, email))
	}
	known, unknown := ask("Ann@example.com"), ask("nobody@example.com")
	if known.status != 200 || known.body != "We've just sent you an email to reset your password." || known.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %q %v", known.status, known.body, known.header)
	}
	for _, a := range []*answer{&known, &unknown} {
		if id := a.header.Get("X-Auth0-RequestId"); len(id) != 20 {
			t.Errorf("the request has the id %q", id)
		}
		a.header.Del("X-Auth0-RequestId")
		a.header.Del("Date")
	}
	if known.status != unknown.status || known.body != unknown.body || fmt.Sprint(known.header) != fmt.Sprint(unknown.header) {
		t.Errorf("unknown users are answered otherwise: %v %v", known, unknown)
	}
	if len(w.links("ann@example.com")) != 1 || len(w.links("nobody@example.com")) != 0 {
		t.Errorf("the mails: %v %v", w.links("ann@example.com"), w.links("nobody@example.com"))
	}
	for range 20 { // a mailbox is not to be filled
		if a := ask("ann@example.com"); a.status != 200 || a.body != known.body {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if n := len(w.links("ann@example.com")); n != 10 {
		t.Errorf("%d mails", n)
	}
	w.advance(time.Hour)
	if ask("ann@example.com"); len(w.links("ann@example.com")) != 11 {
		t.Error("an hour later no mail is sent")
	}
	for name, body := range map[string]string{
		"no address": fmt.Sprintf(`{"client_id":%q,"connection":%q}`, w.tenant.ClientID("spa"), connection), "no application": `{"email":"ann@example.com","connection":"` + connection + `"}`,
		"no connection": fmt.Sprintf(`{"client_id":%q,"email":"ann@example.com"}`, w.tenant.ClientID("spa")),
	} {
		if a := w.database("change_password", body); a.status != 400 || a.json(t)["error"] != "invalid_request" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := w.database("change_password", `{}`, "Origin", "https://evil.example"); a.status != 403 {
		t.Errorf("a strange origin: %d", a.status)
	}
}

// form opens a page and gives its form, filled in.
func (b *browser) form(path string, values ...string) url.Values {
	b.w.t.Helper()
	page := b.get(path)
	if page.status != 200 {
		b.w.t.Fatalf("%s: %d %s", path, page.status, page.body)
	}
	form := fields(page.body)
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return form
}

// TestSignUpPage signs up on the page, as people's tests do, and follows the mail.
func TestSignUpPage(t *testing.T) {
	w := newWorld(t, tenantConfig(open))
	b := w.browser()
	location := b.get("/authorize?" + w.query("screen_hint", "signup", "login_hint", "new@example.com")).header.Get("Location")
	if !strings.HasPrefix(location, "/u/signup?state=") {
		t.Fatalf("screen_hint=signup leads to %s", location)
	}
	page := b.get(location)
	for _, want := range []string{`id="email" name="email"`, `id="password" name="password"`, `value="new@example.com"`, `name="action" value="default">Continue</button>`, `href="/u/login?state=`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	try := func(email, password string) answer {
		return b.post(location, b.form(location, "email", email, "password", password, "action", "default"), "Origin", w.origin)
	}
	for _, c := range []struct{ email, password, want string }{
		{"", "Passw0rd", "Please enter an email address"}, {"new@example.com", "", "Password is required"}, {"new@example.com", "password", "Password is too weak."},
		{"new@example.com", "pA1!", "Password is too weak."}, {"ann@example.com", "Passw0rd", "Something went wrong, please try again later"},
	} {
		if a := try(c.email, c.password); a.status != 400 || said(a) != c.want || len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s with %s: %d %q", c.email, c.password, a.status, said(a))
		}
	}
	v := w.landed(try("New@Example.com", "Passw0rd"))
	id := part(t, w.token("spa", redemption(v.Get("code"))).json(t)["id_token"], 1)
	if id["email"] != "new@example.com" || id["email_verified"] != false {
		t.Errorf("the ID token has %v", id)
	}
	if v := w.landed(b.get("/authorize?" + w.query("screen_hint", "signup"))); v.Get("code") == "" {
		t.Error("who is signed in is asked to sign up")
	}
	link := w.path(w.links("new@example.com")[0])
	r, err := http.NewRequest("HEAD", w.origin+link, nil)
	must(t, err)
	b.do(r) // a mail reader's look uses nothing up
	if a := w.browser().get(link); a.status != 200 || !strings.Contains(a.body, "Your email address was successfully verified.") {
		t.Errorf("the link: %d %s", a.status, a.body)
	}
	if u, err := w.tenant.FindUser(t.Context(), "new@example.com"); err != nil || !u.EmailVerified {
		t.Error("the address is not verified")
	}
	if a := w.browser().get(link); a.status != 400 {
		t.Errorf("the link a second time: %d", a.status)
	}
	closed := newWorld(t, tenantConfig())
	b = closed.browser()
	location = b.get("/authorize?" + closed.query("screen_hint", "signup")).header.Get("Location")
	page = b.get(location)
	if !strings.HasPrefix(location, "/u/login?") || !strings.Contains(page.body, "Nobody signs up here") || strings.Contains(page.body, "/u/signup") {
		t.Errorf("where nobody signs up: %s %s", location, page.body)
	}
	path := strings.Replace(location, "/u/login", "/u/signup", 1)
	closed.browser().get(path)
	form := fields(page.body)
	form.Set("email", "new@example.com")
	form.Set("password", "Passw0rd")
	if a := b.post(path, form, "Origin", closed.origin); a.status != 400 {
		t.Errorf("a form where nobody signs up: %d", a.status)
	}
	if u, err := closed.tenant.FindUser(t.Context(), "new@example.com"); err != nil || u != nil {
		t.Error("somebody signed up where nobody may")
	}
}

// resetPath asks for a reset on the page and gives the path of the mail's link.
func (w *world) resetPath(email string) string {
	w.t.Helper()
	b := w.browser()
	login := b.get("/authorize?" + w.query()).header.Get("Location")
	path := strings.Replace(login, "/u/login", "/u/reset-password/request/"+connection, 1)
	if page := b.get(login); !strings.Contains(html.UnescapeString(page.body), `href="`+path+`"`) {
		w.t.Fatal("the login page does not lead to the reset")
	}
	a := b.post(path, b.form(path, "email", email, "action", "default"), "Origin", w.origin)
	if a.status != 200 || !strings.Contains(a.body, "Please check the email address "+email+" for instructions to reset your password.") {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	links := w.links(email)
	if len(links) == 0 {
		w.t.Fatalf("no mail to %s", email)
	}
	return w.path(links[0])
}

// set posts a new password to a link's page.
func (b *browser) set(path, password, again string) answer {
	return b.post(path, b.form(path, "password-reset", password, "re-enter-password", again, "action", "default"), "Origin", b.w.origin)
}

// TestResetPage resets a password on the pages: all that the old one began ends.
func TestResetPage(t *testing.T) {
	w := newWorld(t, tenantConfig())
	before := w.browser()
	tokens := w.token("spa", redemption(w.landed(before.signIn(w.query("scope", "openid offline_access"), "ann@example.com", password)).Get("code"))).json(t)
	path := w.resetPath("ann@example.com")
	b := w.browser()
	for _, c := range []struct{ password, again, want string }{{"weak", "weak", "Password is too weak."}, {"New-Passw0rd", "Other-Passw0rd", "The passwords don't match."}} {
		if a := b.set(path, c.password, c.again); a.status != 400 || said(a) != c.want {
			t.Errorf("%s: %d %q", c.password, a.status, said(a))
		}
	}
	for range 10 { // a reset unblocks
		w.signsIn("ann@example.com", "wrong")
	}
	a := b.set(path, "New-Passw0rd", "New-Passw0rd")
	if a.status != 200 || !strings.Contains(a.body, "Your password has been changed successfully.") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasPrefix(c.Name, "auth0-") {
			t.Error("a reset signs in")
		}
	}
	if w.signsIn("ann@example.com", password) || !w.signsIn("ann@example.com", "New-Passw0rd") {
		t.Error("the password is not changed")
	}
	if v := w.landed(before.get("/authorize?" + w.query("prompt", "none"))); v.Get("error") != "login_required" {
		t.Errorf("a session of the old password: %v", v)
	}
	if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 {
		t.Errorf("a refresh token of the old password: %d", a.status)
	}
}

// TestTickets tries links that are not good, or no longer.
func TestTickets(t *testing.T) {
	state := openState(t, t.TempDir())
	w := newWorldOf(t, state.DB(), state.Mailbox(), tenantConfig(open))
	other := newWorldOf(t, state.DB(), state.Mailbox(), tenantConfig(open, func(c *auth0.TenantConfig) { c.Name = "Other" }))
	bad := func(name string, w *world, path string) {
		t.Helper()
		b := w.browser()
		if a := b.get(path); a.status != 400 || strings.Contains(a.body, "<form") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		b.get(b.get("/authorize?" + w.query()).header.Get("Location"))
		token := b.form(b.get("/authorize?" + w.query()).header.Get("Location")).Get("_csrf")
		n := w.tenant.CountDerivations()
		if a := b.post(path, url.Values{"_csrf": {token}, "password-reset": {"Evil-Passw0rd"}, "re-enter-password": {"Evil-Passw0rd"}}, "Origin", w.origin); a.status == 200 {
			t.Errorf("%s sets a password: %s", name, a.body)
		}
		if n.Load() != 0 {
			t.Errorf("%s costs the work of a password", name)
		}
	}
	used := w.resetPath("ann@example.com")
	if a := w.browser().set(used, "New-Passw0rd", "New-Passw0rd"); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	bad("a used one", w, used)
	first := w.resetPath("ann@example.com")
	second := w.resetPath("ann@example.com")
	bad("one before the newest", w, first)
	bad("one of another tenant", other, second)
	bad("a guess", w, second[:len(second)-3]+"AAA")
	bad("none", w, "/u/reset-password")
	bad("an empty one", w, "/u/reset-password?ticket=")
	w.database("signup", w.signUpBody("new@example.com", "Passw0rd", ""))
	verification := w.path(w.links("new@example.com")[0])
	_, ticket, _ := strings.Cut(verification, "?")
	bad("one to verify an address", w, "/u/reset-password?"+ticket)
	_, ticket, _ = strings.Cut(second, "?")
	if a := w.browser().get("/u/email-verification?" + ticket); a.status != 400 {
		t.Errorf("one to reset verifies an address: %d", a.status)
	}
	must(t, w.tenant.ChangeUser(t.Context(), "new@example.com", func(u *auth0.User) { u.Email = "moved@example.com" }))
	if a := w.browser().get(verification); a.status != 400 {
		t.Errorf("one of another address verifies this: %d", a.status)
	}
	must(t, w.tenant.ChangePassword(t.Context(), "ann@example.com", "Other-Passw0rd"))
	bad("one from before a change", w, second)
	old := w.resetPath("ann@example.com")
	w.advance(time.Hour)
	bad("one of an hour ago", w, old)
	if w.signsIn("ann@example.com", "Evil-Passw0rd") {
		t.Error("the password was set")
	}
	// A ticket is not in the state.
	raced := w.resetPath("bob@example.com")
	_, ticket, _ = strings.Cut(raced, "ticket=")
	if inState(t, state.DB(), ticket) {
		t.Error("the state holds a ticket that can be used")
	}
	b1, b2 := w.browser(), w.browser()
	f1 := b1.form(raced, "password-reset", "First-Passw0rd", "re-enter-password", "First-Passw0rd")
	f2 := b2.form(raced, "password-reset", "Second-Passw0rd", "re-enter-password", "Second-Passw0rd")
	answers := []int{b1.post(raced, f1, "Origin", w.origin).status, b2.post(raced, f2, "Origin", w.origin).status}
	if !slices.Equal(answers, []int{200, 400}) {
		t.Errorf("two forms of one ticket: %v", answers)
	}
}

// TestEnumeration: neither a reset nor a sign-up tells who has an account, beyond that
// an address is not to be had.
func TestEnumeration(t *testing.T) {
	w := newWorld(t, tenantConfig(open))
	ask := func(email string) answer {
		b := w.browser()
		path := strings.Replace(b.get("/authorize?"+w.query()).header.Get("Location"), "/u/login", "/u/reset-password/request/"+connection, 1)
		return b.post(path, b.form(path, "email", email), "Origin", w.origin)
	}
	strip := regexp.MustCompile(`state=[^"]*"|[a-z]+@example.com`)
	known, unknown := ask("ann@example.com"), ask("nobody@example.com")
	if known.status != unknown.status || strip.ReplaceAllString(known.body, "") != strip.ReplaceAllString(unknown.body, "") {
		t.Errorf("a reset tells them apart: %d %s, %d %s", known.status, known.body, unknown.status, unknown.body)
	}
	n := w.tenant.CountDerivations()
	w.database("signup", w.signUpBody("ann@example.com", "Passw0rd", ""))
	taken := n.Load()
	w.database("signup", w.signUpBody("new@example.com", "Passw0rd", ""))
	if taken != 1 || n.Load() != 2 {
		t.Errorf("%d derivations for an address that is taken, %d for another", taken, n.Load()-taken)
	}
	// Looking one up again and again ends, there or not.
	for _, email := range []string{"bob@example.com", "free@example.com"} {
		var last answer
		for range 11 {
			last = w.database("signup", w.signUpBody(email, "Passw0rd", ""))
		}
		if last.status != 429 || !strings.Contains(last.body, "too_many_attempts") {
			t.Errorf("%s after ten: %d %s", email, last.status, last.body)
		}
	}
	if len(bytes.TrimSpace([]byte(w.links("ann@example.com")[0]))) == 0 {
		t.Error("no mail")
	}
}

// TestFormsOfOthersEverywhere posts each form as other sites and browsers could, and
// holds the headers of each page.
func TestFormsOfOthersEverywhere(t *testing.T) {
	w := newWorld(t, tenantConfig(open, func(c *auth0.TenantConfig) { c.Applications[1].ThirdParty = true }))
	for _, c := range []struct {
		name   string
		path   func(b *browser) string
		values []string
	}{
		{"sign-up", func(b *browser) string {
			return b.get("/authorize?" + w.query("screen_hint", "signup")).header.Get("Location")
		}, []string{"email", "forged@example.com", "password", "Passw0rd"}},
		{"reset request", func(b *browser) string {
			return strings.Replace(b.get("/authorize?"+w.query()).header.Get("Location"), "/u/login", "/u/reset-password/request/"+connection, 1)
		}, []string{"email", "bob@example.com"}},
		{"reset", func(*browser) string { return w.resetPath("ann@example.com") }, []string{"password-reset", "Evil-Passw0rd", "re-enter-password", "Evil-Passw0rd"}},
		{"consent", func(b *browser) string {
			return b.signIn(w.thirdQuery(), "ann@example.com", password).header.Get("Location")
		}, []string{"action", "accept"}},
	} {
		b := w.browser()
		path := c.path(b)
		page := b.get(path)
		policy := page.header.Get("Content-Security-Policy")
		for header, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if got := page.header.Get(header); got != want {
				t.Errorf("%s: %s is %q", c.name, header, got)
			}
		}
		if page.status != 200 || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(page.body, "<script") || !strings.Contains(page.body, `name="viewport"`) {
			t.Errorf("%s: %d %q %s", c.name, page.status, policy, page.body)
		}
		good := b.form(path, c.values...)
		without := url.Values{}
		for name, list := range good {
			if name != "_csrf" {
				without[name] = list
			}
		}
		other := w.browser()
		other.get(other.get("/authorize?" + w.query()).header.Get("Location"))
		for name, a := range map[string]answer{
			"without its token":  b.post(path, without, "Origin", w.origin),
			"of another origin":  b.post(path, good, "Origin", "http://localhost:3000"),
			"of no origin's":     b.post(path, good, "Origin", "null"),
			"of another site":    b.post(path, good, "Sec-Fetch-Site", "cross-site"),
			"of another browser": other.post(path, good, "Origin", w.origin),
			"of no browser":      w.browser().post(path, good, "Origin", w.origin),
		} {
			if a.status != 403 && a.status != 400 || a.header.Get("Location") != "" {
				t.Errorf("a %s form %s: %d %s", c.name, name, a.status, a.header.Get("Location"))
			}
		}
		if c.name != "reset" { // its ticket says what it is for
			bare, _, _ := strings.Cut(path, "?")
			if a := b.post(bare, good, "Origin", w.origin); a.status != 400 {
				t.Errorf("a %s form without its state: %d", c.name, a.status)
			}
		}
	}
	if u, err := w.tenant.FindUser(t.Context(), "forged@example.com"); err != nil || u != nil {
		t.Error("a forged form signs somebody up")
	}
	if len(w.links("bob@example.com")) > 0 || w.signsIn("ann@example.com", "Evil-Passw0rd") {
		t.Error("a forged form sends a mail or sets a password")
	}
	// A sign-up takes no session over.
	b := w.browser()
	path := b.get("/authorize?" + w.query("screen_hint", "signup")).header.Get("Location")
	form := b.form(path, "email", "fresh@example.com", "password", "Passw0rd")
	r, err := http.NewRequest("POST", w.origin+path, strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.origin)
	r.AddCookie(&http.Cookie{Name: "auth0-auth0-Auth0", Value: "fixed"})
	a := b.do(r)
	if cookies := strings.Join(a.header.Values("Set-Cookie"), "\n"); !strings.Contains(cookies, "auth0-auth0-Auth0=") || strings.Contains(cookies, "fixed") {
		t.Errorf("the cookies are %s", cookies)
	}
}
