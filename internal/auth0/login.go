package auth0

import (
	"context"
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
	// User and Scope are who is asked for a consent, and to what.
	User  string   `json:"u,omitempty"`
	Scope []string `json:"s,omitempty"`
}

// continued gives the request that a login page belongs to, or answers that
// there is none.
func (t *Tenant) continued(w http.ResponseWriter, r *http.Request, c *call, purpose string) (*authorization, string) {
	params, err := oidc.Query(r)
	state := params.Get("state")
	var of transaction
	payload, ok := t.engine.Unseal(state, purpose, t.engine.BrowserOf(r))
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
	a.of = of
	return a, state
}

// posted gives the request that a page's form belongs to, and the form, or answers
// that it is not good.
func (t *Tenant) posted(w http.ResponseWriter, r *http.Request, c *call, purpose string) (*authorization, string, oidc.Params) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = t.engine.CheckForm(r, form.Get("_csrf"))
	}
	if err != nil {
		t.showStaleForm(w, c, err)
		return nil, "", oidc.Params{}
	}
	a, state := t.continued(w, r, c, purpose)
	return a, state, form
}

// showStaleForm answers a form that another site, or an earlier session, could have
// sent.
func (t *Tenant) showStaleForm(w http.ResponseWriter, c *call, err error) {
	c.failed(err)
	t.showError(w, c, &failure{http.StatusForbidden, oidc.InvalidRequest, "This form is no longer valid. Try logging in again from the application.", ""})
}

// showLogin asks who it is.
func (t *Tenant) showLogin(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	a, state := t.continued(w, r, c, "login")
	if a == nil {
		return
	}
	p := t.loginPage(a, state)
	p.Username = a.params.Get("login_hint")
	if a.params.Get("screen_hint") == "signup" && !t.cfg.SignUp {
		p.Notice = textNoSignUp
	}
	t.show(w, r, c, a, p)
}

func (t *Tenant) loginPage(a *authorization, state string) *page {
	return &page{
		Kind: "login", Title: "Welcome", Lead: "Log in to " + t.cfg.Name + " to continue to " + a.client.Name + ".", State: state, status: http.StatusOK,
		Footer: footer, SignUp: t.cfg.SignUp, Reset: resetRequestPath,
	}
}

// footer tells people where they are.
const footer = "A local tenant of Doorwright."

// The words of the login page, which people's tests look for.
const (
	textWrong      = "Wrong email or password"
	textBlocked    = "Your account has been blocked after multiple consecutive login attempts."
	textNoEmail    = "Please enter an email address"
	textNoPassword = "Password is required"
	textNoSignUp   = "Nobody signs up here: doorwright.yaml lets nobody become a user of this tenant (signUp)."
)

// login checks an address and a password, and signs the browser in.
func (t *Tenant) login(w http.ResponseWriter, r *http.Request, c *call) {
	a, state, form := t.posted(w, r, c, "login")
	if a == nil {
		return
	}
	p := t.loginPage(a, state)
	p.Username = form.Get("username")
	u, err := t.check(r.Context(), p.Username, form.Get("password"))
	if err != nil {
		f := c.failed(err)
		if f.code == unauthorized { // who knows the password may know it
			t.refuseAuthorization(w, c, &authorizationError{f, a})
			return
		}
		p.Error, p.status = f.description, f.status
		t.show(w, r, c, a, p)
		return
	}
	t.enter(w, r, c, a, u)
}

// enter signs the browser in as a user, and lets it go on.
func (t *Tenant) enter(w http.ResponseWriter, r *http.Request, c *call, a *authorization, u *user) {
	ctx := r.Context()
	var cookie string
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		cookie, err = t.startSession(ctx, tx, r, u)
		return err
	})
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	t.engine.SetCookie(w, sessionCookie, cookie, sessionLife)
	t.engine.EndForms(w)
	t.proceed(w, r, c, a, u, t.svc.cfg.Now(), t.engine.SessionID(cookie))
}

// unauthorized is Auth0's code for who may not sign in although all is right.
const unauthorized = "unauthorized"

// isBlocked is Auth0's answer for a user whom an administrator blocked.
func isBlocked() error {
	return fail(http.StatusForbidden, unauthorized, "user is blocked", "an administrator, or the declaration, blocked the user")
}

// check gives the user of an address and a password. Who is unknown is told
// the same as who is wrong, in the same time, and is blocked as soon.
func (t *Tenant) check(ctx context.Context, name, password string) (*user, error) {
	email := strings.ToLower(strings.TrimSpace(name))
	switch {
	case email == "":
		return nil, fail(http.StatusBadRequest, oidc.InvalidRequest, textNoEmail, "")
	case password == "":
		return nil, fail(http.StatusBadRequest, oidc.InvalidRequest, textNoPassword, "")
	}
	if !t.guesses.begin(email, t.svc.cfg.Now()) {
		return nil, fail(http.StatusTooManyRequests, "too_many_attempts", textBlocked, "%d failures in a row; a restart unblocks", maxGuesses)
	}
	var u *user
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		u, err = t.userByEmail(ctx, tx, email)
		return err
	})
	if err != nil {
		return nil, err
	}
	var kept passwordHash
	if u != nil {
		kept = u.password
	}
	ok, err := t.hasher.matches(ctx, kept, password)
	switch {
	case err != nil:
		return nil, err
	case u == nil:
		return nil, fail(http.StatusBadRequest, oidc.InvalidGrant, textWrong, "the tenant has no such user")
	case !ok:
		return nil, fail(http.StatusBadRequest, oidc.InvalidGrant, textWrong, "the password is wrong")
	}
	t.guesses.succeeded(email)
	if u.Blocked {
		return nil, isBlocked()
	}
	return u, nil
}
