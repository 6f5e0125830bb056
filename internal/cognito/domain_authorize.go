package cognito

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// authorization is a request for a sign-in, found to be good but for who signs
// in
// (https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html).
type authorization struct {
	params oidc.Params
	client *Client
	// redirectURI is where the answer goes; given is what the request said of
	// it, which may be nothing.
	redirectURI, given string
	implicit           bool
	scopes             []string
	challenge          oidc.Challenge
	provider           string
}

// authorizationError is the refusal of a request for a sign-in. It goes to the
// application if its address was found to be good, and to a page of ours if not.
type authorizationError struct {
	refusal  *oidc.Error
	clientID string
	// to is the authorization whose application hears of it; nil for none.
	to *authorization
}

func (e *authorizationError) Error() string { return e.refusal.Error() }
func (e *authorizationError) Unwrap() error { return e.refusal }

// errorPage is what a page says of a request that leads nowhere.
const (
	pageRedirectMismatch = "redirect_mismatch"
	pageNoClient         = "invalid_client"
)

// readAuthorization reads a request for a sign-in: first who asks and where the
// answer would go, since until that is certain nobody may be sent anywhere;
// then the rest.
func (d *domain) readAuthorization(r *http.Request, c *call) (*authorization, error) {
	params, err := oidc.Query(r)
	if err != nil {
		return nil, onPage(err, "")
	}
	id := params.Get("client_id")
	cl, err := d.clientOf(c, id)
	if err != nil {
		return nil, onPage(err, id)
	}
	a := &authorization{params: params, client: cl, given: params.Get("redirect_uri"), provider: params.Get("identity_provider")}
	a.redirectURI = a.given
	if a.given == "" {
		a.redirectURI = cl.cfg.DefaultRedirectURI
	}
	if !oidc.Registered(cl.cfg.CallbackURLs, a.redirectURI) {
		return nil, onPage(&oidc.Error{Code: pageRedirectMismatch, Reason: fmt.Sprintf("redirect_uri %.200q is not one of the client's callbackUrls", a.redirectURI)}, id)
	}
	if err := d.readRest(a); err != nil {
		var refusal *oidc.Error
		if errors.As(err, &refusal) {
			return nil, &authorizationError{refusal, id, a}
		}
		return nil, err
	}
	return a, nil
}

// onPage gives a refusal that the application does not hear of.
func onPage(err error, client string) error {
	var refusal *oidc.Error
	if !errors.As(err, &refusal) {
		return err
	}
	return &authorizationError{refusal: refusal, clientID: client}
}

func bad(code, format string, args ...any) error {
	return &oidc.Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// readRest reads what the application may be told of.
func (d *domain) readRest(a *authorization) error {
	cl := a.client
	switch kind := a.params.Get("response_type"); kind {
	case "code":
	case "token":
		a.implicit = true
	default:
		return bad(oidc.InvalidRequest, "response_type is %.40q, not code or token", kind)
	}
	flow := "code"
	if a.implicit {
		flow = "implicit"
	}
	if !slices.Contains(cl.cfg.AllowedOAuthFlows, flow) {
		return bad(oidc.UnauthorizedClient, "the client's oauthFlows do not have %s", flow)
	}
	var err error
	if a.challenge, err = oidc.ParseChallenge(a.params.Get("code_challenge"), a.params.Get("code_challenge_method")); err != nil {
		return err
	}
	if a.scopes, err = cl.grantable(a.params.Get("scope")); err != nil {
		return err
	}
	if p := a.provider; p != "" && !cl.usesProvider(p) {
		return bad(oidc.InvalidRequest, "identity_provider %.40q is not one of the client's identityProviders", p)
	}
	return nil
}

// grantable gives the scopes of a request: all of the client's if it names
// none. "If a client doesn't request any scopes, the authentication server
// uses all scopes that are associated with the client."
func (cl *Client) grantable(text string) ([]string, error) {
	scopes := oidc.Scopes(text)
	for _, s := range scopes {
		if !slices.Contains(cl.cfg.AllowedOAuthScopes, s) {
			return nil, bad(oidc.InvalidScope, "scope %.100q is not one of the client's oauthScopes", s)
		}
	}
	if len(scopes) == 0 {
		return cl.cfg.AllowedOAuthScopes, nil
	}
	if !slices.Contains(scopes, "openid") {
		for _, s := range []string{"email", "phone", "profile"} {
			if slices.Contains(scopes, s) {
				return nil, bad(oidc.InvalidScope, "scope %s can only be asked for with openid", s)
			}
		}
	}
	return scopes, nil
}

// usesProvider says whether a provider may sign users in for the client.
func (cl *Client) usesProvider(name string) bool {
	return slices.Contains(cl.cfg.SupportedIdentityProviders, name)
}

// sendError answers a request for a sign-in that was refused.
func (d *domain) sendError(w http.ResponseWriter, r *http.Request, c *call, err error) {
	refusal := c.refused(err)
	w.Header().Set("Cache-Control", "no-store")
	var at *authorizationError
	if errors.As(err, &at) && at.to != nil {
		d.tell(w, r, at.to, refusal)
		return
	}
	page := url.Values{"error": {refusal.Code}}
	if at != nil && at.clientID != "" {
		page.Set("client_id", at.clientID)
	}
	http.Redirect(w, r, "/error?"+page.Encode(), http.StatusFound)
}

// tell sends the browser back to the application with an error.
func (d *domain) tell(w http.ResponseWriter, r *http.Request, a *authorization, refusal *oidc.Error) {
	answer := url.Values{"error": {refusal.Code}}
	if refusal.Description != "" {
		answer.Set("error_description", refusal.Description)
	}
	a.send(w, r, answer)
}

// send sends the browser to the application.
func (a *authorization) send(w http.ResponseWriter, r *http.Request, answer url.Values) {
	if state := a.params.Get("state"); state != "" {
		answer.Set("state", state)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", oidc.Respond(a.redirectURI, a.implicit, answer))
	w.WriteHeader(http.StatusFound)
}

// authorize lets a browser that is signed in through, and sends others to the
// login page with the request as it is.
func (d *domain) authorize(w http.ResponseWriter, r *http.Request, c *call) {
	if d.engine.Elsewhere(w, r) {
		return
	}
	a, err := d.readAuthorization(r, c)
	if err != nil {
		d.sendError(w, r, c, err)
		return
	}
	prompts := oidc.Scopes(a.params.Get("prompt"))
	if slices.Contains(prompts, "none") && len(prompts) > 1 {
		d.sendError(w, r, c, &authorizationError{refusal: &oidc.Error{Code: oidc.InvalidRequest, Reason: "prompt has none and another value"}, to: a})
		return
	}
	asked := slices.Contains(prompts, "login") || slices.Contains(prompts, "select_account")
	if !asked {
		session, u, err := d.signedIn(r.Context(), r)
		if err != nil {
			d.sendError(w, r, c, err)
			return
		}
		if u != nil && d.mayPass(a, u) {
			c.event.User = u.username
			d.letThrough(w, r, c, a, session)
			return
		}
	}
	if slices.Contains(prompts, "none") {
		d.sendError(w, r, c, &authorizationError{refusal: &oidc.Error{Code: oidc.LoginRequired, Reason: "prompt=none, and nobody is signed in"}, to: a})
		return
	}
	if provider := d.wanted(a); provider != nil {
		d.depart(w, r, c, a, provider)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/login?"+a.query(), http.StatusFound)
}

// query is the request's own query, for the pages that it goes through.
func (a *authorization) query() string { return a.params.Encode() }

// mayPass says whether a user who is signed in is one that the client and the
// request want: of the pool, or of the provider that the request names. Of a
// user with several ways in nobody knows which one was taken: the client must
// take them all, and the request must name none.
func (d *domain) mayPass(a *authorization, u *user) bool {
	wanted := a.provider
	if i := d.wanted(a); i != nil {
		wanted = i.Name
	}
	providers := u.providersOf()
	for _, provider := range providers {
		if !a.client.usesProvider(provider) || wanted != "" && wanted != provider {
			return false
		}
	}
	return len(providers) > 0
}

// letThrough answers an application whose user had signed in before. The
// tokens say when that was.
func (d *domain) letThrough(w http.ResponseWriter, r *http.Request, c *call, a *authorization, session *oidc.Session) {
	ctx := r.Context()
	var g *grant
	var u *user
	var code string
	err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		_, u, err = d.sessionIn(ctx, tx, d.engine.Cookie(r, sessionCookie))
		if err != nil {
			return err
		}
		if u == nil || u.sub != session.Subject {
			return bad(oidc.LoginRequired, "the user was signed out just now")
		}
		if g, _, err = a.client.newGrant(ctx, tx, u); err != nil {
			return err
		}
		code, err = d.grantTo(ctx, tx, a, g, session.AuthTime)
		return err
	})
	d.answer(w, r, c, a, g, u, code, err)
}

// grantTo makes a grant one of an authorization, and gives its code, or "" for
// the implicit flow.
func (d *domain) grantTo(ctx context.Context, tx *sql.Tx, a *authorization, g *grant, authTime time.Time) (string, error) {
	g.scope, g.authTime, g.nonce = strings.Join(a.scopes, " "), authTime, a.params.Get("nonce")
	result, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET scope = ?, auth_time = ? WHERE event = ? AND revoked = 0",
		g.scope, g.authTime.UnixMilli(), g.event)
	if err != nil {
		return "", fmt.Errorf("keeping what was granted: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return "", errors.Join(err, notAuthorized(textWrongPassword, "the user's sign-ins were ended just now"))
	}
	if a.implicit {
		return "", nil
	}
	return d.engine.NewCode(ctx, tx, oidc.Code{
		Client: a.client.id, RedirectURI: a.given, Challenge: a.challenge, Nonce: g.nonce, Owner: g.event,
	})
}

// answer sends the browser to the application with a code or with tokens.
func (d *domain) answer(w http.ResponseWriter, r *http.Request, c *call, a *authorization, g *grant, u *user, code string, err error) {
	if err != nil {
		d.sendError(w, r, c, &authorizationError{refusal: c.refused(err), to: a})
		return
	}
	if !a.implicit {
		a.send(w, r, url.Values{"code": {code}})
		return
	}
	c.tokens = tokensHosted
	out, err := a.client.issue(r.Context(), g, u, "")
	if err != nil {
		d.sendError(w, r, c, &authorizationError{refusal: c.refused(err), to: a})
		return
	}
	t := out.AuthenticationResult
	answer := url.Values{"access_token": {t.AccessToken}, "token_type": {t.TokenType}, "expires_in": {strconv.Itoa(t.ExpiresIn)}}
	if t.IDToken != "" {
		answer.Set("id_token", t.IDToken)
	}
	a.send(w, r, answer)
}

// logout ends the browser's session and sends it to one of the client's
// addresses, or back to the login page
// (https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html).
// A request that leads nowhere does nothing.
func (d *domain) logout(w http.ResponseWriter, r *http.Request, c *call) {
	if d.engine.Elsewhere(w, r) {
		return
	}
	to, err := d.afterLogout(r, c)
	if err != nil {
		d.sendError(w, r, c, err)
		return
	}
	ctx := r.Context()
	err = d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		return d.engine.EndSession(ctx, tx, d.engine.Cookie(r, sessionCookie))
	})
	if err != nil {
		d.sendError(w, r, c, err)
		return
	}
	d.engine.SetCookie(w, sessionCookie, "", -1)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// afterLogout gives where a browser goes once it is signed out.
func (d *domain) afterLogout(r *http.Request, c *call) (string, error) {
	params, err := oidc.Query(r)
	if err != nil {
		return "", onPage(err, "")
	}
	if uri := params.Get("logout_uri"); uri != "" {
		id := params.Get("client_id")
		cl, err := d.clientOf(c, id)
		if err != nil {
			return "", onPage(err, id)
		}
		if !oidc.Registered(cl.cfg.LogoutURLs, uri) {
			return "", onPage(&oidc.Error{Code: pageRedirectMismatch, Reason: fmt.Sprintf("logout_uri %.200q is not one of the client's logoutUrls", uri)}, id)
		}
		return uri, nil
	}
	a, err := d.readAuthorization(r, c)
	if err != nil {
		return "", err
	}
	return "/login?" + a.query(), nil
}
