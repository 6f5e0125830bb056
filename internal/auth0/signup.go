package auth0

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// Bounds of sign-ups: of one address, lest who has an account be looked up, and of
// all, lest the store be filled.
const (
	maxSignUps    = 10
	signUpBlock   = time.Hour
	maxAllSignUps = 1000
)

// Bounds of what who signs up may say of themself
// (https://auth0.com/docs/manage-users/user-accounts/metadata/metadata-fields-data).
const (
	maxBody        = 64 << 10
	maxEmail       = 254
	maxProfile     = 300
	maxMetadata    = 10
	maxMetadataKey = 100
	maxMetadataVal = 500
)

// emailForm is what is taken as an address: who has a stranger one is not let in.
var emailForm = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]+@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// readEmail gives an address in small letters, or "" for none.
func readEmail(text string) string {
	email := strings.ToLower(strings.TrimSpace(text))
	if len(email) > maxEmail || !emailForm.MatchString(email) {
		return ""
	}
	return email
}

// signUpFailure is a refusal of the sign-up API: Auth0 answers in another form than
// the token endpoint. One answer serves for an address that has an account and for
// nearly all that is wrong.
func signUpFailure(reason string, args ...any) *failure {
	return fail(http.StatusBadRequest, "invalid_signup", "Invalid sign up", reason, args...)
}

// newUser makes a user of an address and a password, with a mail to verify the
// address. The work is the same if there is one already.
func (t *Tenant) newUser(ctx context.Context, u *user, password string) error {
	now := t.svc.cfg.Now()
	switch {
	case !t.cfg.SignUp:
		return signUpFailure("nobody may sign up: write signUp: true to let them")
	case u.Email == "":
		return signUpFailure("the email is missing or not an address")
	case checkStrength(password) != nil:
		return checkStrength(password)
	case !t.signUps.begin(u.Email, now), !t.signUps.beginOf("", now, maxAllSignUps):
		return fail(http.StatusTooManyRequests, "too_many_attempts", "Too many sign-ups. Please try again later.", "more than %d in %s", maxSignUps, signUpBlock)
	}
	var err error
	if u.password, err = t.hasher.hash(ctx, password); err != nil {
		return err
	}
	var ticket string
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if err := t.createUser(ctx, tx, u); err != nil {
			return err
		}
		ticket, err = t.newTicket(ctx, tx, u, ticketVerify, verifyLife)
		return err
	})
	switch {
	case errors.Is(err, errUserExists):
		return signUpFailure("the address has an account")
	case errors.Is(err, errManyUsers):
		return signUpFailure("%v", err)
	case err != nil:
		return err
	}
	return t.mail(ctx, u, ticketVerify, ticket)
}

// signUp makes a user for an application's own form
// (https://auth0.com/docs/api/authentication/signup/create-a-new-user).
func (t *Tenant) signUp(w http.ResponseWriter, r *http.Request, c *call) {
	if !t.fromAllowed(w, r, c, nil) {
		return
	}
	u, password, err := t.readSignUp(w, r, c)
	if err == nil {
		err = t.newUser(r.Context(), u, password)
	}
	var weak *weakPassword
	switch {
	case errors.As(err, &weak):
		c.failed(fail(http.StatusBadRequest, "invalid_password", weak.Message, "the password does not meet the policy"))
		writeJSON(w, http.StatusBadRequest, weak)
	case err != nil:
		f := c.failed(err)
		writeJSON(w, f.status, struct {
			Name        string `json:"name"`
			Code        string `json:"code"`
			Description string `json:"description"`
			StatusCode  int    `json:"statusCode"`
		}{"BadRequestError", f.code, f.description, f.status})
	default:
		c.event.User = u.Email
		writeJSON(w, http.StatusOK, struct {
			ID            string `json:"_id"`
			EmailVerified bool   `json:"email_verified"`
			Email         string `json:"email"`
		}{strings.TrimPrefix(u.id, "auth0|"), false, u.Email})
	}
}

// readSignUp reads the request of an application's own form.
func (t *Tenant) readSignUp(w http.ResponseWriter, r *http.Request, c *call) (*user, string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, "", signUpFailure("the body is too large, or broke off")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := oidc.FormOrJSON(w, r)
	if err != nil {
		return nil, "", signUpFailure("%v", err)
	}
	cl, err := t.databaseClient(w, r, c, form)
	if cl == nil {
		return nil, "", err
	}
	u := &user{
		Email: readEmail(form.Get("email")), Name: form.Get("name"), Nickname: form.Get("nickname"),
		GivenName: form.Get("given_name"), FamilyName: form.Get("family_name"), Picture: form.Get("picture"),
	}
	for _, text := range []string{u.Name, u.Nickname, u.GivenName, u.FamilyName, u.Picture} {
		if len(text) > maxProfile {
			return nil, "", signUpFailure("a part of the profile has more than %d characters", maxProfile)
		}
	}
	if p, err := url.Parse(u.Picture); u.Picture != "" && (err != nil || p.Scheme != "https" || p.Host == "") {
		return nil, "", signUpFailure("the picture is no https URL")
	}
	if u.UserMetadata, err = signUpMetadata(r, body); err != nil {
		return nil, "", err
	}
	return u, form.Get("password"), nil
}

// databaseClient gives the application that a request to the database connection
// names. It needs no secret, as such requests come from pages.
func (t *Tenant) databaseClient(w http.ResponseWriter, r *http.Request, c *call, form oidc.Params) (*client, error) {
	cl := t.clientOf(form.Get("client_id"))
	switch {
	case cl == nil || cl.Type == TypeNonInteractive:
		return nil, signUpFailure("the tenant has no application of this client_id by which users sign in")
	case form.Get("connection") != connectionName:
		return nil, signUpFailure("the tenant has the connection %s alone", connectionName)
	}
	c.event.Application = cl.Name
	if !t.fromAllowed(w, r, c, cl) {
		return nil, fail(http.StatusForbidden, oidc.AccessDenied, "Origin "+r.Header.Get("Origin")+" is not allowed.", "declare it below the application's webOrigins")
	}
	return cl, nil
}

// signUpMetadata reads user_metadata, which JSON alone can have.
func signUpMetadata(r *http.Request, body []byte) (map[string]any, error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return nil, nil
	}
	var in struct {
		Metadata map[string]string `json:"user_metadata"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Metadata) > maxMetadata {
		return nil, signUpFailure("user_metadata is not an object of at most %d texts", maxMetadata)
	}
	metadata := map[string]any{}
	for key, value := range in.Metadata {
		if len(key) > maxMetadataKey || len(value) > maxMetadataVal {
			return nil, signUpFailure("user_metadata has a key of more than %d characters, or a value of more than %d", maxMetadataKey, maxMetadataVal)
		}
		metadata[key] = value
	}
	return metadata, nil
}

// showSignUp asks for what a new user is to have.
func (t *Tenant) showSignUp(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	a, state := t.continued(w, r, c, "login")
	switch {
	case a == nil:
	case !t.cfg.SignUp:
		p := t.loginPage(a, state)
		p.Notice = textNoSignUp
		t.show(w, r, c, a, p)
	default:
		p := t.signUpPage(a, state)
		p.Username = a.params.Get("login_hint")
		t.show(w, r, c, a, p)
	}
}

func (t *Tenant) signUpPage(a *authorization, state string) *page {
	return &page{
		Kind: "signup", Title: "Welcome", Lead: "Sign Up to " + t.cfg.Name + " to continue to " + a.client.Name + ".", State: state, status: http.StatusOK, Footer: footer,
	}
}

// postSignUp makes a user, and signs the browser in.
func (t *Tenant) postSignUp(w http.ResponseWriter, r *http.Request, c *call) {
	a, state, form := t.posted(w, r, c, "login")
	if a == nil {
		return
	}
	p := t.signUpPage(a, state)
	p.Username = form.Get("email")
	u := &user{Email: readEmail(p.Username)}
	var err error
	switch {
	case u.Email == "":
		err = fail(http.StatusBadRequest, oidc.InvalidRequest, textNoEmail, "")
	case form.Get("password") == "":
		err = fail(http.StatusBadRequest, oidc.InvalidRequest, textNoPassword, "")
	default:
		err = t.newUser(r.Context(), u, form.Get("password"))
	}
	var weak *weakPassword
	switch {
	case errors.As(err, &weak):
		c.failed(fail(http.StatusBadRequest, "invalid_password", weak.Message, "the password does not meet the policy"))
		p.Error, p.Policy, p.status = "Password is too weak.", weak.Policy, http.StatusBadRequest
	case err != nil:
		f := c.failed(err)
		if p.Error, p.status = f.description, f.status; f.code == "invalid_signup" {
			p.Error = "Something went wrong, please try again later" // and not whether the address has an account
		}
	default:
		t.enter(w, r, c, a, u)
		return
	}
	t.show(w, r, c, a, p)
}
