package auth0

import (
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/verify"
)

// userInfo says who the user of an access token is, as they are now
// (https://auth0.com/docs/api/authentication/user-profile/get-user-info).
func (t *Tenant) userInfo(w http.ResponseWriter, r *http.Request, c *call) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	claims, reason, err := t.whoIs(r, c)
	switch {
	case err != nil:
		writeFailure(w, c.failed(err))
	case reason != "":
		c.failed(fail(http.StatusUnauthorized, oidc.InvalidToken, "Unauthorized", "%s", reason))
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("Unauthorized")) // the client went away
	default:
		writeJSON(w, http.StatusOK, claims)
	}
}

// whoIs gives the claims of a request's token, or why it is not good.
func (t *Tenant) whoIs(r *http.Request, c *call) (claims map[string]any, reason string, err error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return nil, "there is not one Authorization header", nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.Contains(token, " ") {
		return nil, "the Authorization header is not of the scheme Bearer", nil
	}
	ctx := r.Context()
	var subject, scope string
	var said outcome // of the Action, which the token of an API does not lead to
	if strings.Count(token, ".") == 4 {
		opaque, ok := t.unseal(token)
		if !ok {
			return nil, "the token is not one of this tenant, or has expired", nil
		}
		var g *grant
		err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
			g, err = t.grantOf(ctx, tx, opaque.Grant)
			return err
		})
		if err != nil {
			return nil, "", err
		}
		if g == nil || g.subject != opaque.Subject {
			return nil, "the token was revoked", nil
		}
		subject, scope, said = opaque.Subject, opaque.Scope, g.outcome
	} else {
		verified, err := t.verifier.Verify(ctx, token)
		if refused := (*verify.Error)(nil); errors.As(err, &refused) && refused.Reason == verify.UnknownKey {
			return nil, "it was signed by another tenant, or by a key that is gone: this tenant is " + t.issuer, nil
		}
		if err != nil {
			return nil, err.Error(), nil
		}
		subject, _ = verified.Claims.String("sub")
		scope, _ = verified.Claims.String("scope")
	}
	scopes := strings.Fields(scope)
	u, err := t.readUser(ctx, subject)
	switch {
	case err != nil:
		return nil, "", err
	case u == nil, u.Blocked:
		return nil, "its user is no more, or is blocked", nil
	case !slices.Contains(scopes, "openid"):
		return nil, "the token does not have the scope openid", nil
	}
	c.event.User = u.Email
	claims = u.profile(scopes)
	said.addTo(claims, scopes)
	return claims, "", nil
}
