package auth0

import (
	"database/sql"
	"errors"
	"net/http"

	"github.com/doorwright/doorwright/internal/oidc"
)

// The grant types by which an application has a user's password. No type of
// application has them by default
// (https://auth0.com/docs/get-started/authentication-and-authorization-flow/resource-owner-password-flow).
const (
	grantPassword = "password"
	grantRealm    = "http://auth0.com/oauth/grant-type/password-realm"
)

// textBlockedAPI is what the token endpoint says of too many guesses.
const textBlockedAPI = textBlocked + " We've sent you a notification via your preferred contact method with instructions on how to unblock it."

// password gives the tokens of a user whose password an application has. There is
// no browser session.
func (t *Tenant) password(r *http.Request, c *call, cl *client, form oidc.Params) (*tokenAnswer, error) {
	ctx := r.Context()
	needed := []string{"username", "password"}
	if form.Get("grant_type") == grantRealm {
		needed = append(needed, "realm")
	}
	if cl.ThirdParty {
		return nil, fail(http.StatusForbidden, oidc.UnauthorizedClient, "Grant type '"+form.Get("grant_type")+"' not allowed for the client.", "it is another party's, which gets nobody's password")
	}
	for _, name := range needed {
		if form.Get(name) == "" {
			return nil, missing(name)
		}
	}
	if realm := form.Get("realm"); form.Get("grant_type") == grantRealm && realm != connectionName {
		return nil, fail(http.StatusBadRequest, oidc.InvalidRequest, "the connection was not found", "the tenant has the connection %s alone", connectionName)
	}
	g := &grant{client: cl.id, scope: oidc.Scopes(form.Get("scope")), authTime: t.svc.cfg.Now()}
	var api *APIConfig
	if audience := form.Get("audience"); !t.ownAudience(audience) {
		if api = t.api(audience); api == nil {
			return nil, denied("Service not found: "+audience, "the tenant has no API of this identifier")
		}
		g.audience = audience
	}
	u, err := t.check(ctx, form.Get("username"), form.Get("password"))
	if err != nil {
		return nil, passwordFailure(err)
	}
	g.subject = u.id
	if len(g.scope) == 0 && api != nil {
		// Who asks for nothing is given all that there is to give
		// (https://auth0.com/docs/get-started/apis/scopes/api-scopes).
		g.scope = t.granted(api.Permissions, api, u)
	}
	g.outcome, err = t.postLogin(ctx, c, signIn{user: u, client: cl, api: api, scopes: g.scope, protocol: protocolPassword, request: r, authTime: g.authTime})
	if err != nil {
		return nil, err
	}
	var refresh string
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if _, err = t.stillIn(ctx, tx, u); err != nil {
			return err
		}
		if err = t.newGrant(ctx, tx, g); err == nil && t.mayRefresh(g, cl) {
			refresh, err = t.firstRefresh(ctx, tx, g)
		}
		return err
	})
	if err != nil {
		return nil, passwordFailure(err)
	}
	return t.issue(ctx, c, g, cl, issuing{requested: g.scope, refresh: refresh, grantType: grantPassword})
}

// passwordFailure says the login page's refusals in the token endpoint's words.
func passwordFailure(err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	switch {
	case f.code == oidc.InvalidGrant:
		return fail(http.StatusForbidden, f.code, textWrong+".", "%s", f.reason)
	case f.status == http.StatusTooManyRequests:
		return fail(f.status, f.code, textBlockedAPI, "%s", f.reason)
	}
	return f
}
