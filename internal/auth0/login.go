package auth0

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// loginLife is how long a sign-in may take
// (https://auth0.com/docs/authenticate/login/auth0-universal-login).
const loginLife = time.Hour

// transaction is a sign-in under way. The browser carries it, sealed and bound
// to the browser: there is nothing to keep for who never comes back.
type transaction struct {
	Query   string `json:"q"`
	Expires int64  `json:"e"`
}

// beginLogin gives the state of a sign-in, for the login page's address.
func (t *Tenant) beginLogin(w http.ResponseWriter, r *http.Request, a *authorization) string {
	payload, err := json.Marshal(transaction{a.params.Encode(), t.svc.cfg.Now().Add(loginLife).Unix()})
	if err != nil {
		panic("auth0: " + err.Error()) // a text and a number encode
	}
	return t.engine.Seal(payload, "login", t.engine.Browser(w, r))
}

// continued gives the request that a login page belongs to, or answers that
// there is none.
func (t *Tenant) continued(w http.ResponseWriter, r *http.Request, c *call) (*authorization, string) {
	params, err := oidc.Query(r)
	state := params.Get("state")
	var of transaction
	payload, ok := t.engine.Unseal(state, "login", t.engine.BrowserOf(r))
	switch {
	case err != nil, !ok, json.Unmarshal(payload, &of) != nil, t.engine.BrowserOf(r) == "", t.svc.cfg.Now().Unix() >= of.Expires:
		t.showError(w, c, c.failed(fail(http.StatusBadRequest, oidc.InvalidRequest, "You may have pressed the back button, refreshed during login, "+
			"opened too many login dialogs, or there is some issue with cookies, since we couldn't find your session. "+
			"Try logging in again from the application.", "the login page's state is not one of this browser, or has expired")))
		return nil, ""
	}
	a, err := t.readAuthorization(of.Query, c)
	if err != nil {
		t.refuseAuthorization(w, c, err)
		return nil, ""
	}
	return a, state
}

// showLogin asks who it is.
func (t *Tenant) showLogin(w http.ResponseWriter, r *http.Request, c *call) {
	if t.elsewhere(w, r) {
		return
	}
	a, state := t.continued(w, r, c)
	if a == nil {
		return
	}
	p := t.loginPage(a, state)
	p.Username = a.params.Get("login_hint")
	if a.params.Get("screen_hint") == "signup" {
		p.Notice = "Nobody signs up here: this tenant's users are in doorwright.yaml."
	}
	t.show(w, r, c, a, p)
}

func (t *Tenant) loginPage(a *authorization, state string) *page {
	return &page{
		Kind: "login", Title: "Welcome", Lead: "Log in to " + t.cfg.Name + " to continue to " + a.client.Name + ".", State: state, status: http.StatusOK,
		Footer: "A local tenant of Doorwright.",
	}
}

// The words of the login page, which people's tests look for.
const (
	textWrong      = "Wrong email or password"
	textBlocked    = "Your account has been blocked after multiple consecutive login attempts."
	textNoEmail    = "Please enter an email address"
	textNoPassword = "Password is required"
)

// login checks an address and a password, and signs the browser in.
func (t *Tenant) login(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = t.engine.CheckForm(r, form.Get("_csrf"))
	}
	if err != nil {
		c.failed(err)
		t.showError(w, c, &failure{http.StatusForbidden, oidc.InvalidRequest, "This form is no longer valid. Try logging in again from the application.", ""})
		return
	}
	a, state := t.continued(w, r, c)
	if a == nil {
		return
	}
	p := t.loginPage(a, state)
	p.Username = form.Get("username")
	u, err := t.check(p.Username, form.Get("password"))
	if err != nil {
		f := c.failed(err)
		p.Error, p.status = f.description, f.status
		t.show(w, r, c, a, p)
		return
	}
	ctx := r.Context()
	now := t.svc.cfg.Now()
	var cookie string
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		// The session that the browser had is not taken over.
		if err = t.engine.EndSession(ctx, tx, t.engine.Cookie(r, sessionCookie)); err != nil {
			return err
		}
		cookie, err = t.engine.NewSession(ctx, tx, oidc.Session{Subject: u.id, AuthTime: now})
		return err
	})
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	t.engine.SetCookie(w, sessionCookie, cookie, sessionLife)
	t.engine.EndForms(w)
	t.letIn(w, r, c, a, u, now, t.engine.SessionID(cookie))
}

// check gives the user of an address and a password. Who is unknown is told
// the same as who is wrong, in the same time, and is blocked as soon.
func (t *Tenant) check(name, password string) (*user, error) {
	email := strings.ToLower(strings.TrimSpace(name))
	switch {
	case email == "":
		return nil, fail(http.StatusBadRequest, oidc.InvalidRequest, textNoEmail, "")
	case password == "":
		return nil, fail(http.StatusBadRequest, oidc.InvalidRequest, textNoPassword, "")
	}
	now := t.svc.cfg.Now()
	if t.guesses.blocked(email, now) {
		return nil, fail(http.StatusTooManyRequests, "too_many_attempts", textBlocked, "%d failures in a row; a restart unblocks", maxGuesses)
	}
	u := t.users[email]
	if !t.passwordMatches(u, password) {
		t.guesses.failed(email, now)
		reason := "the password is wrong"
		if u == nil {
			reason = "the tenant has no such user"
		}
		return nil, fail(http.StatusBadRequest, oidc.InvalidGrant, textWrong, "%s", reason)
	}
	t.guesses.succeeded(email)
	return u, nil
}
