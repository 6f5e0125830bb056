package auth0

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// mayAsk gives what of a request an application may ask an API for. One of another
// party has a grant for the API, and asks for what that says
// (https://auth0.com/docs/get-started/applications/confidential-and-public-applications/user-consent-and-third-party-applications).
func (c *client) mayAsk(requested []string, api *APIConfig) ([]string, error) {
	if !c.ThirdParty || api == nil {
		return requested, nil
	}
	granted, ok := c.Grants[api.Identifier]
	if !ok {
		return nil, noClientGrant(api)
	}
	return slices.DeleteFunc(slices.Clone(requested), func(s string) bool { return !slices.Contains(oidcScopes, s) && !slices.Contains(granted, s) }), nil
}

// proceed lets a user who is signed in go on to the application, who is asked first
// if the application is another party's, or wants it so.
func (t *Tenant) proceed(w http.ResponseWriter, r *http.Request, c *call, a *authorization, u *user, authTime time.Time, sid string) {
	if !a.client.ThirdParty && !a.prompted("consent") {
		t.letIn(w, r, c, a, u, authTime, sid)
		return
	}
	wanted := t.granted(a.scopes, a.api, u)
	kept, err := t.consentOf(r.Context(), a, u)
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	covered := kept != nil && !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(kept, s) })
	switch {
	case covered && !a.prompted("consent"):
		a.scopes = wanted
		t.letIn(w, r, c, a, u, authTime, sid)
	case a.prompted("none"):
		t.refuseAuthorization(w, c, &authorizationError{fail(0, "consent_required", "Consent required", "prompt=none, and the user was not asked yet"), a})
	default:
		c.event.User = u.Email
		state := t.sealTransaction(transaction{Query: a.params.Encode(), User: u.id, Scope: wanted}, "consent", t.engine.NewBrowser(w))
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Location", "/u/consent?state="+state)
		w.WriteHeader(http.StatusFound)
	}
}

// consentOf gives the scopes that a user let an application have; nil if the user
// was not asked.
func (t *Tenant) consentOf(ctx context.Context, a *authorization, u *user) (scopes []string, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		var scope string
		err := tx.QueryRowContext(ctx, "SELECT scope FROM auth0_consent WHERE tenant = ? AND user = ? AND client = ? AND audience = ?",
			t.cfg.Name, u.id, a.client.id, a.audience()).Scan(&scope)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		scopes = append([]string{}, strings.Fields(scope)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading a consent: %w", err)
	}
	return scopes, nil
}

// audience is the API of a request, or "" for the tenant itself.
func (a *authorization) audience() string {
	if a.api == nil {
		return ""
	}
	return a.api.Identifier
}

// consenting gives the request that a consent page belongs to, whose user must be
// the one who is signed in, or answers that there is none.
func (t *Tenant) consenting(w http.ResponseWriter, r *http.Request, c *call) (*authorization, string, *user, *oidc.Session) {
	a, state := t.continued(w, r, c, "consent")
	if a == nil {
		return nil, "", nil, nil
	}
	session, u, err := t.signedIn(r.Context(), t.engine.Cookie(r, sessionCookie))
	if err == nil && (u == nil || u.id != a.of.User) {
		err = fail(0, oidc.LoginRequired, "Login required", "who is to be asked is no longer signed in")
	}
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return nil, "", nil, nil
	}
	c.event.User = u.Email
	return a, state, u, session
}

// showConsent asks whether an application may have what it asks for.
func (t *Tenant) showConsent(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	a, state, u, _ := t.consenting(w, r, c)
	if a == nil {
		return
	}
	p := &page{
		Kind: "consent", Title: "Authorize App", State: state, status: http.StatusOK, Footer: footer,
		Lead: "Hi " + u.Email + ", " + a.client.Name + " is requesting access to your " + t.cfg.Name + " account.",
	}
	for _, s := range a.of.Scope {
		p.Scopes = append(p.Scopes, described(a.api, s))
	}
	t.show(w, r, c, a, p)
}

// described says a scope to a person.
func described(api *APIConfig, scope string) string {
	switch scope {
	case "openid":
		return "Your identity (openid)"
	case "profile":
		return "Your profile (profile)"
	case "email":
		return "Your email address (email)"
	case "offline_access":
		return "Access while you are away (offline_access)"
	}
	if api != nil && api.descriptions[scope] != "" {
		return api.Name + ": " + api.descriptions[scope] + " (" + scope + ")"
	}
	if api != nil && slices.Contains(api.Permissions, scope) {
		return api.Name + ": " + scope
	}
	return scope
}

// consent is the person's yes or no. A yes is kept; what the application gets is
// what the person saw, as far as it is still to be had.
func (t *Tenant) consent(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = t.engine.CheckForm(r, form.Get("_csrf"))
	}
	if err != nil {
		t.showStaleForm(w, c, err)
		return
	}
	a, _, u, session := t.consenting(w, r, c)
	if a == nil {
		return
	}
	t.engine.EndForms(w)
	if form.Get("action") != "accept" {
		t.refuseAuthorization(w, c, &authorizationError{fail(0, oidc.AccessDenied, "User did not authorize the request", "the user said no"), a})
		return
	}
	a.scopes = slices.DeleteFunc(t.granted(a.scopes, a.api, u), func(s string) bool { return !slices.Contains(a.of.Scope, s) })
	kept, err := t.consentOf(r.Context(), a, u)
	if err == nil {
		for _, s := range a.scopes {
			if !slices.Contains(kept, s) {
				kept = append(kept, s)
			}
		}
		ctx := r.Context()
		err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO auth0_consent (tenant, user, client, audience, scope) VALUES (?, ?, ?, ?, ?)",
				t.cfg.Name, u.id, a.client.id, a.audience(), strings.Join(kept, " "))
			return err
		})
	}
	if err != nil {
		t.refuseAuthorization(w, c, &authorizationError{c.failed(err), a})
		return
	}
	t.letIn(w, r, c, a, u, session.AuthTime, t.engine.SessionID(t.engine.Cookie(r, sessionCookie)))
}

// sealTransaction gives the state of what a browser is in the middle of.
func (t *Tenant) sealTransaction(of transaction, purpose, browser string) string {
	of.Expires = t.svc.cfg.Now().Add(loginLife).Unix()
	payload, err := json.Marshal(of)
	if err != nil {
		panic("auth0: " + err.Error()) // texts and a number encode
	}
	return url.QueryEscape(t.engine.Seal(payload, purpose, browser))
}
