package auth0

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorwright/doorwright/internal/oidc"
)

// allowedLogout says whether a browser may be sent to an address after a
// sign-out. The query and the fragment do not count, nor does the case of scheme
// and host
// (https://auth0.com/docs/authenticate/login/logout/redirect-users-after-logout).
func allowedLogout(registered []string, given string) bool {
	g, err := url.Parse(given)
	if err != nil || g.User != nil || g.Opaque != "" || strings.ContainsAny(given, "\\\t\r\n ") {
		return false
	}
	for _, uri := range registered {
		r, err := url.Parse(uri)
		if err == nil && strings.EqualFold(r.Scheme, g.Scheme) && strings.EqualFold(r.Host, g.Host) && r.EscapedPath() == g.EscapedPath() {
			return true
		}
	}
	return false
}

// logout ends the browser's session and sends it on
// (https://auth0.com/docs/api/authentication/logout/auth-0-logout). A request that
// leads nowhere does nothing.
func (t *Tenant) logout(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	params, err := oidc.Query(r)
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	to := params.Get("returnTo")
	var allowed []string
	if id := params.Get("client_id"); id != "" {
		cl := t.clientOf(id)
		if cl == nil {
			t.showError(w, c, c.failed(fail(http.StatusBadRequest, oidc.InvalidRequest, "Unknown client: "+id, "")))
			return
		}
		c.event.Application = cl.Name
		if allowed = cl.LogoutURLs; to == "" && len(allowed) > 0 {
			to = allowed[0]
		}
	}
	if to != "" && !allowedLogout(allowed, to) {
		t.showError(w, c, c.failed(fail(http.StatusBadRequest, oidc.InvalidRequest, `The "returnTo" querystring parameter "`+to+`" is not defined as a valid URL in "Allowed Logout URLs"`,
			"without client_id no address is allowed; with it, those of the application's logoutUrls")))
		return
	}
	t.leave(w, r, c, to)
}

// leave ends the session of a browser, and sends it to an address or says OK.
func (t *Tenant) leave(w http.ResponseWriter, r *http.Request, c *call, to string) {
	ctx := r.Context()
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return t.engine.EndSession(ctx, tx, t.engine.Cookie(r, sessionCookie)) })
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	t.engine.SetCookie(w, sessionCookie, "", -1)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if to == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("OK")) // the client went away
		return
	}
	h.Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// ending is a sign-out as OpenID Connect has it (RP-Initiated Logout 1.0).
type ending struct {
	to string
	// sid is the session that the application proved to know, by an ID token or
	// its name; "" for none.
	sid string
}

func (t *Tenant) readEnding(query string, c *call) (*ending, error) {
	bad := func(text string) error { return fail(http.StatusBadRequest, oidc.InvalidRequest, text, "") }
	params, err := oidc.Query(&http.Request{URL: &url.URL{RawQuery: query}})
	if err != nil {
		return nil, err
	}
	e := &ending{sid: params.Get("logout_hint"), to: params.Get("post_logout_redirect_uri")}
	id := params.Get("client_id")
	if hint := params.Get("id_token_hint"); hint != "" {
		audience, sid, ok := t.hinted(hint)
		if !ok || id != "" && id != audience || e.sid != "" && e.sid != sid {
			return nil, bad("id_token_hint is not an ID token of this tenant, or is not that of client_id and logout_hint")
		}
		id, e.sid = audience, sid
	}
	var cl *client
	if id != "" {
		if cl = t.clientOf(id); cl == nil {
			return nil, bad("Unknown client: " + id)
		}
		c.event.Application = cl.Name
	}
	switch {
	case e.to == "":
	case cl == nil || !allowedLogout(cl.LogoutURLs, e.to):
		return nil, bad("post_logout_redirect_uri is not defined as a valid URL in \"Allowed Logout URLs\"")
	default:
		if state := params.Get("state"); state != "" {
			u, err := url.Parse(e.to)
			if err != nil {
				return nil, err
			}
			values := u.Query()
			values.Set("state", state)
			u.RawQuery = values.Encode()
			e.to = u.String()
		}
	}
	return e, nil
}

// hinted gives the audience and the session of an ID token of this tenant, which
// may have expired.
func (t *Tenant) hinted(token string) (audience, sid string, ok bool) {
	input, encoded, _ := cutLast(token)
	signature, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	digest := sha256.Sum256([]byte(input))
	key, failed := t.signingKey()
	if err != nil || failed != nil || rsa.VerifyPKCS1v15(&key.private.PublicKey, crypto.SHA256, digest[:], signature) != nil {
		return "", "", false
	}
	_, payload, _ := strings.Cut(input, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Audience string `json:"aud"` // an access token's may be a list, or an API
		SID      string `json:"sid"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.SID == "" {
		return "", "", false
	}
	return claims.Audience, claims.SID, true
}

func cutLast(token string) (before, after string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return "", "", false
	}
	return token[:i], token[i+1:], true
}

// endSession signs a browser out for an application that knows its session, and
// asks the person if it does not
// (https://auth0.com/docs/authenticate/login/logout/log-users-out-of-auth0).
func (t *Tenant) endSession(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	e, err := t.readEnding(r.URL.RawQuery, c)
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	cookie := t.engine.Cookie(r, sessionCookie)
	session, _, err := t.signedIn(r.Context(), cookie)
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	if session == nil || e.sid == t.engine.SessionID(cookie) {
		t.leave(w, r, c, e.to)
		return
	}
	t.show(w, r, c, nil, &page{
		Kind: "logout", Title: "Log out", Lead: "Do you want to log out of " + t.cfg.Name + "?", Query: template.URL(r.URL.RawQuery), target: e.to,
		status: http.StatusOK, Footer: footer,
	})
}

// confirmLogout is the person's yes.
func (t *Tenant) confirmLogout(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = t.engine.CheckForm(r, form.Get("_csrf"))
	}
	var e *ending
	if err == nil {
		e, err = t.readEnding(r.URL.RawQuery, c)
	}
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	t.leave(w, r, c, e.to)
}
