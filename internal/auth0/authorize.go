package auth0

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// connectionName is the tenant's one connection: the database of its users.
const connectionName = "Username-Password-Authentication"

// maxAuthorization bounds the query of a request for a sign-in, which goes
// through the login page.
const maxAuthorization = 8 << 10

// authorization is a request for a sign-in, found to be good but for who signs
// in (https://auth0.com/docs/api/authentication/login/authorize-application).
type authorization struct {
	params      oidc.Params
	client      *client
	redirectURI string
	response    responseTypes
	mode        string // response_mode
	api         *APIConfig
	scopes      []string
	challenge   oidc.Challenge
	prompts     []string
	maxAge      time.Duration // negative for none
	of          transaction   // that a page belongs to
}

func (a *authorization) prompted(name string) bool { return slices.Contains(a.prompts, name) }

// authorizationError is the refusal of a request for a sign-in. The application
// hears of it if to is set: until it is certain who asks and where the answer
// goes, nobody may be sent anywhere.
type authorizationError struct {
	refusal *failure
	to      *authorization
}

func (e *authorizationError) Error() string { return e.refusal.Error() }
func (e *authorizationError) Unwrap() error { return e.refusal }

func (t *Tenant) readAuthorization(query string, c *call) (*authorization, error) {
	onPage := func(status int, description, reason string, args ...any) error {
		return &authorizationError{refusal: fail(status, oidc.InvalidRequest, description, reason, args...)}
	}
	if len(query) > maxAuthorization {
		return nil, onPage(http.StatusBadRequest, "The request is too long.", "its query has more than %d characters", maxAuthorization)
	}
	params, err := oidc.Query(&http.Request{URL: &url.URL{RawQuery: query}})
	if err != nil {
		return nil, onPage(http.StatusBadRequest, "The request is malformed.", "%v", err)
	}
	id := params.Get("client_id")
	if id == "" {
		return nil, onPage(http.StatusBadRequest, "Missing required parameter: client_id", "")
	}
	cl := t.clientOf(id)
	if cl == nil {
		return nil, onPage(http.StatusForbidden, "Unknown client: "+id, "the tenant has no application of this client_id")
	}
	c.event.Application = cl.Name
	a := &authorization{params: params, client: cl, redirectURI: params.Get("redirect_uri"), maxAge: -1}
	if !oidc.Registered(cl.Callbacks, a.redirectURI) {
		return nil, onPage(http.StatusForbidden, "Callback URL mismatch.",
			"redirect_uri %.200q is none of the callbacks of %s: add it to the declaration, letter by letter", a.redirectURI, cl.Name)
	}
	var known bool
	a.response, known = parseResponseType(params.Get("response_type"))
	refusal := a.readMode()
	switch {
	case refusal != nil && refusal.status != 0: // whoever has the page in a frame must not hear of it
		return nil, &authorizationError{refusal: refusal}
	case refusal == nil:
		refusal = a.readResponseType(known)
	}
	if refusal == nil {
		refusal = t.readRest(a)
	}
	if refusal != nil {
		return nil, &authorizationError{refusal, a}
	}
	return a, nil
}

// readRest reads what the application may be told of. What would change who may
// sign in, and is not enforced here, is refused and not passed over.
func (t *Tenant) readRest(a *authorization) *failure {
	get := a.params.Get
	refuse := func(code, description, reason string, args ...any) *failure {
		return fail(0, code, description, reason, args...)
	}
	// The last two have codes of their own (OpenID Connect Core 1.0 section 6).
	for _, name := range []string{"organization", "invitation", "dpop_jkt", "acr_values", "request", "request_uri"} {
		if get(name) == "" {
			continue
		}
		code := oidc.InvalidRequest
		if strings.HasPrefix(name, "request") {
			code = name + "_not_supported"
		}
		return refuse(code, name+" is not supported by this tenant", "organizations, PAR, DPoP and MFA are not part of this version")
	}
	if connection := get("connection"); connection != "" && connection != connectionName {
		return refuse(oidc.InvalidRequest, "the connection was not found", "the tenant has the connection %s alone", connectionName)
	}
	var err error
	if a.challenge, err = oidc.ParseChallenge(get("code_challenge"), get("code_challenge_method")); err != nil {
		return refuse(oidc.InvalidRequest, "code_challenge is malformed, or its method is not S256", "%v", err)
	}
	if a.challenge == "" && a.client.public() && a.response.code {
		return refuse(oidc.InvalidRequest, "Parameter 'code_challenge' is required for this client", "an application of type %s has no secret, so its codes need PKCE", a.client.Type)
	}
	if audience := get("audience"); !t.ownAudience(audience) {
		if audience == t.management() {
			return refuse(oidc.AccessDenied, "The Management API is not supported for users by this tenant", "the scopes of the current user are not part of this version")
		}
		if a.api = t.api(audience); a.api == nil {
			return refuse(oidc.AccessDenied, "Service not found: "+audience, "the tenant has no API of this identifier")
		}
	}
	if a.scopes, err = a.client.mayAsk(oidc.Scopes(get("scope")), a.api); err != nil {
		return noClientGrant(a.api)
	}
	if err := a.readIDToken(); err != nil {
		return err
	}
	if a.prompts = oidc.Scopes(get("prompt")); a.prompted("none") && len(a.prompts) > 1 {
		return refuse(oidc.InvalidRequest, "prompt=none cannot be combined with another value", "")
	}
	if text := get("max_age"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1<<30 {
			return refuse(oidc.InvalidRequest, "max_age is not a number of seconds", "")
		}
		a.maxAge = time.Duration(n) * time.Second
	}
	return nil
}

// postAuthorize takes a request for a sign-in that is a form (OpenID Connect Core
// 1.0 section 3.1.2.1) and has the browser ask with it again: the session's cookie
// does not come along with a form of another site.
func (t *Tenant) postAuthorize(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	query := form.Encode()
	switch {
	case err != nil:
	case r.URL.RawQuery != "":
		err = fail(http.StatusBadRequest, oidc.InvalidRequest, "The request is malformed.", "it has a form and a query")
	case len(query) > maxAuthorization:
		err = fail(http.StatusBadRequest, oidc.InvalidRequest, "The request is too long.", "its form has more than %d characters", maxAuthorization)
	}
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", "/authorize?"+query)
	w.WriteHeader(http.StatusSeeOther)
}

// authorize lets a browser that is signed in through, and sends others to the
// login page.
func (t *Tenant) authorize(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	a, err := t.readAuthorization(r.URL.RawQuery, c)
	if err != nil {
		t.refuseAuthorization(w, c, err)
		return
	}
	if !a.prompted("login") && !a.prompted("select_account") {
		session, u, err := t.signedIn(r.Context(), t.engine.Cookie(r, sessionCookie))
		if err != nil {
			t.refuseAuthorization(w, c, err)
			return
		}
		if u != nil && (a.maxAge < 0 || t.svc.cfg.Now().Sub(session.AuthTime) < a.maxAge) {
			t.proceed(w, r, c, a, u, session.AuthTime, t.engine.SessionID(t.engine.Cookie(r, sessionCookie)))
			return
		}
	}
	if a.prompted("none") {
		t.refuseAuthorization(w, c, &authorizationError{fail(0, oidc.LoginRequired, "Login required", "prompt=none, and nobody is signed in"), a})
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	path := "/u/login"
	if a.params.Get("screen_hint") == "signup" && t.cfg.SignUp {
		path = "/u/signup"
	}
	h.Set("Location", path+"?state="+t.sealTransaction(transaction{Query: a.params.Encode()}, "login", t.engine.Browser(w, r)))
	w.WriteHeader(http.StatusFound)
}

// signedIn gives the session of a cookie's value and its user, or nil.
func (t *Tenant) signedIn(ctx context.Context, cookie string) (session *oidc.Session, u *user, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if session, err = t.engine.Session(ctx, tx, cookie); err != nil || session == nil {
			return err
		}
		u, err = t.userByID(ctx, tx, session.Subject)
		return err
	})
	if err != nil || u == nil || u.Blocked {
		return nil, nil, err
	}
	return session, u, nil
}

// letIn answers an application whose user is signed in.
func (t *Tenant) letIn(w http.ResponseWriter, r *http.Request, c *call, a *authorization, u *user, authTime time.Time, sid string) {
	c.event.User = u.Email
	ctx := r.Context()
	g := &grant{client: a.client.id, subject: u.id, scope: a.scopes, sid: sid, authTime: authTime, tellTime: a.maxAge >= 0}
	if a.api != nil {
		g.audience = a.api.Identifier
	}
	protocol := protocolCode
	switch {
	case a.response.front() && a.response.code:
		protocol = protocolHybrid
	case a.response.front():
		protocol = protocolImplicit
	}
	var err error
	g.outcome, err = t.postLogin(ctx, c, signIn{
		user: u, client: a.client, api: a.api, scopes: a.scopes, protocol: protocol, params: a.params, request: r, authTime: authTime, sessionID: sid,
	})
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	answer := url.Values{}
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		now, err := t.stillIn(ctx, tx, u)
		if err == nil {
			u, err = now, t.newGrant(ctx, tx, g)
		}
		if err != nil || !a.response.code {
			return err
		}
		code, err := t.engine.NewCode(ctx, tx, oidc.Code{
			Client: a.client.id, RedirectURI: a.redirectURI, Challenge: a.challenge, Nonce: a.params.Get("nonce"), Owner: g.id,
		})
		answer.Set("code", code)
		return err
	})
	if errors.Is(err, errChanged) {
		err = fail(0, oidc.LoginRequired, "Login required", "the user was deleted, or the password changed, just now")
	}
	if err == nil && a.response.front() {
		err = t.frontTokens(c, a, g, u, answer)
	}
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	t.respond(w, c, a, answer)
}

// refuseAuthorization tells the application of a refusal, or a person if there is
// no application that may be told.
func (t *Tenant) refuseAuthorization(w http.ResponseWriter, c *call, err error) {
	f := c.failed(err)
	var at *authorizationError
	if errors.As(err, &at) && at.to != nil {
		t.respond(w, c, at.to, url.Values{"error": {f.code}, "error_description": {f.description}})
		return
	}
	t.showError(w, c, f)
}

// respond sends the browser to the application with an answer.
func (t *Tenant) respond(w http.ResponseWriter, c *call, a *authorization, answer url.Values) {
	if state := a.params.Get("state"); state != "" {
		answer.Set("state", state)
	}
	switch a.mode {
	case "form_post", "web_message":
		t.postResponse(w, c, a, answer)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", oidc.Respond(a.redirectURI, a.mode == "fragment", answer))
	w.WriteHeader(http.StatusFound)
}
