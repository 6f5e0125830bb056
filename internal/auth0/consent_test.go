package auth0_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/store"
)

// inState says whether the text is in any column of any row of the state.
func inState(t testing.TB, db *store.DB, text string) bool {
	t.Helper()
	found := false
	must(t, db.Read(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT hash FROM auth0_ticket")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var hash []byte
			must(t, rows.Scan(&hash))
			found = found || strings.Contains(string(hash), text)
		}
		return rows.Err()
	}))
	return found
}

// thirdQuery is a good request of the application other.
func (w *world) thirdQuery(changes ...string) string {
	return w.query(append([]string{"client_id", w.tenant.ClientID("other"), "redirect_uri", "http://localhost:3001/"}, changes...)...)
}

// at gives the parameters with which the browser is sent to the other application.
func (w *world) at(a answer) url.Values {
	w.t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != 302 || u.Host != "localhost:3001" {
		w.t.Fatalf("not sent to the other application: %d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	return u.Query()
}

// TestConsent holds who is asked what an application may have, and what becomes of
// the answer.
func TestConsent(t *testing.T) {
	w := newWorld(t, tenantConfig(func(c *auth0.TenantConfig) {
		c.Applications[1].ThirdParty = true
		c.Applications[1].Grants = auth0.Permissions{unicorns: {"r", "d"}}
	}))
	asked := func(a answer) string {
		t.Helper()
		location := a.header.Get("Location")
		if a.status != 302 || !strings.HasPrefix(location, "/u/consent?state=") {
			t.Fatalf("nobody is asked: %d %s", a.status, location)
		}
		return location
	}
	answerWith := func(b *browser, path, action string) answer {
		return b.post(path, b.form(path, "action", action), "Origin", w.origin)
	}
	query := w.thirdQuery("audience", unicorns, "scope", "openid email r w d")
	b := w.browser()
	path := asked(b.signIn(query, "ann@example.com", password))
	page := b.get(path)
	for _, want := range []string{"ann@example.com", "other is requesting access", "Your email address (email)", "Unicorns: r<", `value="accept">Accept</button>`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page has no %s: %s", want, page.body)
		}
	}
	if strings.Contains(page.body, "Unicorns: d") || strings.Contains(page.body, "Unicorns: w") {
		t.Error("the page shows what the user does not hold, or the application has no grant for")
	}
	if v := w.at(answerWith(b, path, "deny")); v.Get("error") != "access_denied" || v.Get("error_description") != "User did not authorize the request" || v.Get("code") != "" || v.Get("state") != "a+b/c==" {
		t.Errorf("a no: %v", v)
	}
	if v := w.at(b.get("/authorize?" + w.thirdQuery("audience", unicorns, "scope", "openid email r", "prompt", "none"))); v.Get("error") != "consent_required" || v.Get("error_description") != "Consent required" {
		t.Errorf("prompt=none before the yes: %v", v)
	}
	path = asked(b.get("/authorize?" + query))
	// What is held meanwhile was not shown, so it is not given.
	must(t, w.tenant.SetRolePermissions(t.Context(), "reader", unicorns, "r", "d"))
	v := w.at(answerWith(b, path, "accept"))
	tokens := w.token("other", url.Values{"grant_type": {"authorization_code"}, "code": {v.Get("code")}, "code_verifier": {verifier}}).json(t)
	if tokens["scope"] != "openid email r" {
		t.Errorf("the scope is %v", tokens["scope"])
	}
	if v := w.at(b.get("/authorize?" + w.thirdQuery("audience", unicorns, "scope", "openid r", "prompt", "none"))); v.Get("code") == "" {
		t.Errorf("prompt=none after the yes: %v", v)
	}
	asked(b.get("/authorize?" + query))                                                                              // d is more than was said yes to
	asked(b.get("/authorize?" + w.thirdQuery("scope", "openid")))                                                    // another audience
	asked(b.get("/authorize?" + w.thirdQuery("audience", unicorns, "scope", "openid r", "prompt", "consent")))       // wanted so
	asked(w.browser().signIn(w.thirdQuery("audience", unicorns, "scope", "openid r"), "bob@example.com", "Other1!")) // another user
	if v := w.at(b.get("/authorize?" + w.thirdQuery("audience", "https://open.example", "scope", "openid r"))); v.Get("error") != "access_denied" || !strings.HasPrefix(v.Get("error_description"), `Client is not authorized to access "https://open.example"`) {
		t.Errorf("an API without a grant: %v", v)
	}
	// The application of one's own is not asked for, unless it wants it.
	if v := w.landed(b.get("/authorize?" + w.query("audience", unicorns))); v.Get("code") == "" {
		t.Errorf("one's own: %v", v)
	}
	own := asked(b.get("/authorize?" + w.query("prompt", "consent")))
	if v := w.landed(answerWith(b, own, "accept")); v.Get("code") == "" {
		t.Errorf("one's own, after the yes: %v", v)
	}
	// A consent page is for the user who was to be asked, and no way around a sign-in.
	theirs := asked(b.get("/authorize?" + query))
	form := b.form(theirs, "action", "accept")
	b.get("/v2/logout")
	if v := w.at(b.post(theirs, form, "Origin", w.origin)); v.Get("error") != "login_required" {
		t.Errorf("after a logout: %v", v)
	}
	theirs = asked(b.signIn(query, "ann@example.com", password))
	asked(b.signIn(w.thirdQuery("scope", "openid", "prompt", "login"), "bob@example.com", "Other1!"))
	if a := b.get(theirs); a.status == 200 {
		t.Error("bob is asked for ann")
	}
	login := w.browser()
	state := login.get("/authorize?" + query).header.Get("Location")
	if a := login.get(strings.Replace(state, "/u/login", "/u/consent", 1)); a.status != 400 {
		t.Errorf("the state of a login is one of a consent: %d", a.status)
	}
}
