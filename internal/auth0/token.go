package auth0

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// The grant types that are emulated, and those that Auth0 has beside them, which
// no application here may use.
const (
	grantCode    = "authorization_code"
	grantMachine = "client_credentials"
	grantRefresh = "refresh_token"
	// grantImplicit is no grant type of the token endpoint: it lets the authorization
	// endpoint give tokens itself.
	grantImplicit = "implicit"
)

// defaultGrants are the grant types (grant_types) that an application has by its
// type (https://auth0.com/docs/get-started/applications/application-grant-types).
var defaultGrants = map[string][]string{
	TypeSPA:            {grantImplicit, grantCode, grantRefresh},
	TypeNative:         {grantImplicit, grantCode, grantRefresh},
	TypeRegularWeb:     {grantImplicit, grantCode, grantRefresh, grantMachine},
	TypeNonInteractive: {grantMachine},
}

var otherGrants = []string{
	"http://auth0.com/oauth/grant-type/passwordless/otp",
	"http://auth0.com/oauth/grant-type/mfa-otp", "http://auth0.com/oauth/grant-type/mfa-oob", "http://auth0.com/oauth/grant-type/mfa-recovery-code",
	"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
	"urn:okta:params:oauth:grant-type:webauthn", grantImplicit,
}

// allows says whether an application has a grant type.
func (c *client) allows(kind string) bool {
	kinds := c.GrantTypes
	if kinds == nil {
		kinds = defaultGrants[c.Type]
	}
	return slices.Contains(kinds, kind)
}

// notAllowed refuses a grant type that an application does not have.
func notAllowed(status int, kind string, cl *client) *failure {
	reason := "the application is of type " + cl.Type + ", which does not have it without grantTypes"
	if cl.GrantTypes != nil {
		reason = "it is none of the application's grantTypes"
	}
	return fail(status, oidc.UnauthorizedClient, "Grant type '"+kind+"' not allowed for the client.", "%s", reason)
}

// tokenAnswer is the token endpoint's answer, in Auth0's order.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

// token gives tokens for a code, a refresh token or an application's secret
// (https://auth0.com/docs/api/authentication).
func (t *Tenant) token(w http.ResponseWriter, r *http.Request, c *call) {
	if !t.fromAllowed(w, r, c, nil) {
		return
	}
	answer, err := t.tokensFor(w, r, c)
	if err != nil {
		writeFailure(w, c.failed(err))
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (t *Tenant) tokensFor(w http.ResponseWriter, r *http.Request, c *call) (*tokenAnswer, error) {
	form, err := oidc.FormOrJSON(w, r)
	if err != nil {
		return nil, err
	}
	kind := form.Get("grant_type")
	known := slices.Contains([]string{grantCode, grantMachine, grantRefresh, grantPassword, grantRealm}, kind)
	switch {
	case kind == "":
		return nil, missing("grant_type")
	case !known && !slices.Contains(otherGrants, kind):
		return nil, fail(http.StatusForbidden, oidc.UnsupportedGrantType, "Unsupported grant type: "+kind, "")
	}
	cl, err := t.authenticate(r, c, form)
	if err != nil {
		return nil, err
	}
	if !t.fromAllowed(w, r, c, cl) {
		return nil, fail(http.StatusForbidden, oidc.AccessDenied, "Origin "+r.Header.Get("Origin")+" is not allowed.",
			"declare it below the application's webOrigins")
	}
	if !cl.allows(kind) {
		return nil, notAllowed(http.StatusForbidden, kind, cl)
	}
	switch kind {
	case grantCode:
		return t.redeem(r.Context(), c, cl, form)
	case grantRefresh:
		return t.refresh(r, c, cl, form)
	case grantPassword, grantRealm:
		return t.password(r, c, cl, form)
	}
	return t.machine(cl, form)
}

func missing(name string) error {
	return fail(http.StatusBadRequest, oidc.InvalidRequest, "Missing required parameter: "+name, "")
}

// authenticate gives the application that a request proves to be from.
func (t *Tenant) authenticate(r *http.Request, c *call, form oidc.Params) (*client, error) {
	unauthorized := func(reason string) error {
		return fail(http.StatusUnauthorized, oidc.AccessDenied, "Unauthorized", "%s", reason)
	}
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		return nil, unauthorized("private_key_jwt is not supported by this version")
	}
	credentials, err := oidc.ClientCredentials(r, form)
	if err != nil {
		return nil, unauthorized(err.Error())
	}
	if credentials.ID == "" {
		return nil, missing("client_id")
	}
	cl := t.clientOf(credentials.ID)
	if cl == nil {
		return nil, unauthorized("the tenant has no application of this client_id")
	}
	c.event.Application = cl.Name
	if !credentials.Prove(cl.secret) {
		return nil, unauthorized("the application's secret is missing or wrong")
	}
	return cl, nil
}

// invalidCode is Auth0's one answer for a code that is not good.
func invalidCode(reason string) error {
	return fail(http.StatusForbidden, oidc.InvalidGrant, "Invalid authorization code", "%s", reason)
}

// redeem gives the tokens of an authorization code.
func (t *Tenant) redeem(ctx context.Context, c *call, cl *client, form oidc.Params) (*tokenAnswer, error) {
	if form.Get("code") == "" {
		return nil, missing("code")
	}
	var g *grant
	var nonce, refresh string
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		code, err := t.engine.Redeem(ctx, tx, oidc.Redemption{
			Code: form.Get("code"), Client: cl.id, RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"), RedirectOptional: true,
		})
		if err != nil {
			return t.refusedCode(ctx, tx, err)
		}
		if g, err = t.grantOf(ctx, tx, code.Owner); err != nil {
			return err
		}
		if g == nil {
			return store.Keep(invalidCode("the sign-in was ended"))
		}
		nonce, refresh = code.Nonce, ""
		if t.mayRefresh(g, cl) {
			refresh, err = t.firstRefresh(ctx, tx, g)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.issue(ctx, c, g, cl, issuing{requested: g.scope, nonce: nonce, refresh: refresh})
}

// refusedCode says the engine's refusals in Auth0's words. They are kept: the
// code is used up, and one that is used twice ends what the first use gave.
func (t *Tenant) refusedCode(ctx context.Context, tx *sql.Tx, err error) error {
	var reused *oidc.ReuseError
	var refused *oidc.Error
	switch {
	case errors.As(err, &reused):
		if err := t.endGrant(ctx, tx, reused.Owner); err != nil {
			return err
		}
		return store.Keep(invalidCode("the code was used before; what it gave has been ended"))
	case errors.As(err, &refused) && refused.Verifier:
		return store.Keep(fail(http.StatusForbidden, oidc.InvalidGrant, "Failed to verify code verifier", "%s", refused.Reason))
	case errors.As(err, &refused):
		return store.Keep(invalidCode(refused.Reason))
	}
	return err
}

// mayRefresh says whether a grant gives refresh tokens: it was asked for, the API
// lets it, and the application may.
func (t *Tenant) mayRefresh(g *grant, cl *client) bool {
	api := t.api(g.audience)
	return slices.Contains(g.scope, "offline_access") && cl.allows(grantRefresh) && (g.audience == "" || api != nil && api.AllowOfflineAccess)
}

// issuing is what of an answer is not the grant's.
type issuing struct {
	requested []string
	nonce     string
	refresh   string
	grantType string
	request   *http.Request // of a refresh, for the Action
}

// issue gives the tokens of a grant, with what its user may do now.
func (t *Tenant) issue(ctx context.Context, c *call, g *grant, cl *client, i issuing) (*tokenAnswer, error) {
	api := t.api(g.audience)
	u, err := t.readUser(ctx, g.subject)
	switch {
	case err != nil:
		return nil, err
	case u == nil, g.audience != "" && api == nil:
		return nil, invalidCode("the user or the API is no more")
	case u.Blocked:
		return nil, isBlocked()
	}
	if i.requested, err = cl.mayAsk(i.requested, api); err != nil {
		return nil, err
	}
	c.event.User = u.Email
	if i.grantType == grantRefresh {
		g.outcome, err = t.postLogin(ctx, c, signIn{
			user: u, client: cl, api: api, scopes: i.requested, protocol: protocolRefresh, request: i.request, authTime: g.authTime, sessionID: g.sid,
		})
		if err == nil && t.cfg.PostLogin != "" {
			u, err = t.keepOutcome(ctx, g)
		}
		if err != nil {
			return nil, err
		}
	}
	scopes := g.outcome.edit(t.granted(i.requested, api, u))
	if !t.mayRefresh(g, cl) {
		scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == "offline_access" })
	}
	t.surprises(c, i.requested, api, u)
	answer := &tokenAnswer{RefreshToken: i.refresh, Scope: strings.Join(scopes, " "), TokenType: "Bearer"}
	life := opaqueLife
	if api != nil {
		life = api.TokenLifetime
	}
	answer.ExpiresIn = int64(life / time.Second)
	answer.AccessToken, err = t.access(cl, g, u, api, scopes, i.grantType, life)
	if err == nil && slices.Contains(scopes, "openid") {
		answer.IDToken, err = t.idToken(g, u, cl, idTokenOf{nonce: i.nonce, scopes: scopes})
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// access gives an access token of a grant: for an API, or an opaque one.
func (t *Tenant) access(cl *client, g *grant, u *user, api *APIConfig, scopes []string, grantType string, life time.Duration) (string, error) {
	if api == nil {
		return t.seal(opaqueClaims{Grant: g.id, Subject: u.id, Scope: strings.Join(scopes, " "), Expires: t.svc.cfg.Now().Add(life).Unix()})
	}
	return t.sign(accessToken{
		api: api, client: cl, subject: u.id, scopes: scopes, permissions: t.permissions(api, u), grantType: grantType, life: life, custom: g.outcome.Access,
	})
}

// invalidRefresh is Auth0's one answer for a refresh token that is not good.
func invalidRefresh(reason string) error {
	return fail(http.StatusForbidden, oidc.InvalidGrant, "Unknown or invalid refresh token.", "%s", reason)
}

// refresh renews the tokens of a grant. With rotation the token ends, and if it
// is used again, so does all that came of the sign-in: one of the two who had it
// stole it
// (https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation).
func (t *Tenant) refresh(r *http.Request, c *call, cl *client, form oidc.Params) (*tokenAnswer, error) {
	ctx := r.Context()
	token := form.Get("refresh_token")
	if token == "" {
		return nil, missing("refresh_token")
	}
	var g *grant
	var next string
	requested := oidc.Scopes(form.Get("scope"))
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		family, used, err := familyOf(ctx, tx, token)
		if err != nil {
			return err
		}
		if g, err = t.grantOf(ctx, tx, family); err != nil {
			return err
		}
		switch {
		case g == nil && t.isBlockedFamily(ctx, tx, family, cl.id):
			return isBlocked()
		case g == nil:
			return invalidRefresh("it is unknown, has expired, or was revoked")
		case g.client != cl.id:
			return invalidRefresh("it is another application's")
		case used:
			if err := t.endGrant(ctx, tx, g.id); err != nil {
				return err
			}
			return store.Keep(invalidRefresh("it was used before; all that came of its sign-in has been ended"))
		case !t.mayRefresh(g, cl):
			return invalidRefresh("its application or API may not refresh any more")
		}
		for _, s := range requested {
			if !slices.Contains(g.scope, s) {
				return fail(http.StatusForbidden, oidc.InvalidScope, "The requested scope was not originally granted: "+s, "")
			}
		}
		if next = ""; !cl.RotateRefreshTokens {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "UPDATE auth0_refresh SET used = 1 WHERE hash = ?", oidc.Hash(token)); err != nil {
			return err
		}
		next, err = t.newRefresh(ctx, tx, g)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(requested) == 0 {
		requested = g.scope
	}
	if next == "" && cl.public() {
		next = token // auth0-spa-js forgets the one it has if it is given none
	}
	return t.issue(ctx, c, g, cl, issuing{requested: requested, refresh: next, grantType: grantRefresh, request: r})
}

// machine gives an application a token of its own. It has all that the grant
// has, also if less was asked for
// (https://auth0.com/docs/get-started/applications/application-access-to-apis-client-grants).
func (t *Tenant) machine(cl *client, form oidc.Params) (*tokenAnswer, error) {
	audience := form.Get("audience")
	if audience == "" {
		return nil, denied("Non-global clients are not allowed access to APIv1", "the request has no audience")
	}
	api := t.machineAPI(audience)
	if api == nil {
		return nil, denied("Service not found: "+audience, "the tenant has no API of this identifier")
	}
	return t.machineToken(cl, api, oidc.Scopes(form.Get("scope")))
}

// denied is Auth0's refusal of a machine.
func denied(description, reason string, args ...any) error {
	return fail(http.StatusForbidden, oidc.AccessDenied, description, reason, args...)
}

func noClientGrant(api *APIConfig) *failure {
	return fail(http.StatusForbidden, oidc.AccessDenied,
		`Client is not authorized to access "`+api.Identifier+`". You need to create a "client-grant" associated to this API. `+
			"See: https://auth0.com/docs/api/management/v2/client-grants/post-client-grants",
		"add grants: {%s: [...]} to the application", api.Name)
}

func (t *Tenant) machineToken(cl *client, api *APIConfig, requested []string) (*tokenAnswer, error) {
	scopes, ok := t.grantedTo(cl, api.Identifier)
	if !ok {
		return nil, noClientGrant(api)
	}
	var outside []string
	for _, s := range requested {
		if !slices.Contains(scopes, s) {
			outside = append(outside, s)
		}
	}
	if len(outside) > 0 {
		return nil, denied("Client has not been granted scopes: "+strings.Join(outside, ", "), "")
	}
	permissions := append([]string{}, scopes...) // a list, if it is empty too
	token, err := t.sign(accessToken{
		api: api, client: cl, subject: cl.id + "@clients", scopes: scopes, permissions: permissions, grantType: "client-credentials",
		life: api.TokenLifetime,
	})
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{
		AccessToken: token, Scope: strings.Join(scopes, " "), ExpiresIn: int64(api.TokenLifetime / time.Second), TokenType: "Bearer",
	}, nil
}

// revoke ends a refresh token with all that came of its sign-in. A token that
// there is not is revoked too (RFC 7009 section 2.2).
func (t *Tenant) revoke(w http.ResponseWriter, r *http.Request, c *call) {
	if !t.fromAllowed(w, r, c, nil) {
		return
	}
	ctx := r.Context()
	form, err := oidc.FormOrJSON(w, r)
	if err == nil {
		var cl *client
		if cl, err = t.authenticate(r, c, form); err == nil && form.Get("token") == "" {
			err = missing("token")
		}
		if err == nil {
			err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
				family, _, err := familyOf(ctx, tx, form.Get("token"))
				if err != nil || family == "" {
					return err
				}
				g, err := t.grantOf(ctx, tx, family)
				if err != nil || g == nil || g.client != cl.id {
					return err
				}
				return t.endGrant(ctx, tx, family)
			})
		}
	}
	if err != nil {
		writeFailure(w, c.failed(err))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// writeFailure writes a refusal as the token endpoint does.
func writeFailure(w http.ResponseWriter, f *failure) {
	writeJSON(w, f.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{f.code, f.description})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the client went away
}
