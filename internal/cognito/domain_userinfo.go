package cognito

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/oidc"
)

// profileClaims are the attributes of the scope profile; custom attributes are
// too
// (https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html).
var profileClaims = strings.Fields(`name family_name given_name middle_name nickname preferred_username profile picture
	website gender birthdate zoneinfo locale updated_at`)

// reads says whether the grant's scopes show an attribute. "openid" alone shows
// all; together with others, what those are for. Tokens of an API sign-in show
// all.
func (g *grant) reads(attribute string) bool {
	return !g.hosted() || scopesRead(g.scopes(), attribute)
}

func scopesRead(scopes []string, attribute string) bool {
	has := func(scope string) bool { return slices.Contains(scopes, scope) }
	if !has("email") && !has("phone") && !has("profile") {
		return true
	}
	switch attribute {
	case "email", "email_verified":
		return has("email")
	case "phone_number", "phone_number_verified":
		return has("phone")
	case "identities":
		return true
	}
	return has("profile") && (strings.HasPrefix(attribute, "custom:") || slices.Contains(profileClaims, attribute))
}

// The texts of the userInfo endpoint.
const (
	textUserInfoToken   = "Access token is expired, disabled, or deleted, or the user has globally signed out."
	textUserInfoRequest = "Bad OAuth2 request at UserInfo Endpoint"
	textNoOpenID        = "Access token does not contain openid scope"
)

// userInfo tells whose an access token is. All values are strings.
func (d *domain) userInfo(w http.ResponseWriter, r *http.Request, c *call) {
	refuse := func(status int, code, description string) {
		c.event.Code = code
		w.Header().Set("WWW-Authenticate", `error="`+code+`", error_description="`+description+`"`)
		writeOAuth(w, status, &oidc.Error{Code: code, Description: description})
	}
	headers := r.Header.Values("Authorization")
	scheme, raw, _ := strings.Cut(strings.Join(headers, ","), " ")
	if len(headers) != 1 || !strings.EqualFold(scheme, "Bearer") || raw == "" {
		c.note("no Authorization header of the scheme Bearer")
		refuse(http.StatusBadRequest, oidc.InvalidRequest, textUserInfoRequest)
		return
	}
	text := textUserInfoToken
	b, err := d.pool.svc.bearerWith(r.Context(), c, raw, func(scopes []string) error {
		if slices.Contains(scopes, "openid") {
			return nil
		}
		text = textNoOpenID
		return notAuthorized(textInvalidAccess, textNoOpenID)
	})
	if err == nil && b.pool.id != d.pool.id {
		err = notAuthorized(textInvalidAccess, "the token is of another pool")
	}
	if err != nil {
		if refusal := c.failed(err); refusal.Code == codeInternalError {
			writeOAuth(w, http.StatusInternalServerError, &oidc.Error{Code: oidc.ServerError})
			return
		}
		refuse(http.StatusUnauthorized, oidc.InvalidToken, text)
		return
	}
	claims := map[string]string{"sub": b.user.sub, "username": b.user.username}
	for name, value := range b.user.attributes {
		if b.client.readable(name) && scopesRead(b.scopes, name) {
			claims[name] = value
		}
	}
	writeJSON(w, http.StatusOK, claims)
}

// revoke ends a refresh token and all tokens that came of it
// (https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html).
func (d *domain) revoke(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = d.revokeFor(r.Context(), r, c, form)
	}
	if err != nil {
		refusal := c.refused(err)
		status := http.StatusBadRequest
		if refusal.Code == oidc.InvalidClient {
			status = http.StatusUnauthorized
		}
		writeOAuth(w, status, &oidc.Error{Code: refusal.Code})
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func (d *domain) revokeFor(ctx context.Context, r *http.Request, c *call, form oidc.Params) error {
	cl, err := d.authenticateClient(r, c, form)
	if err != nil {
		return err
	}
	raw := form.Get("token")
	switch {
	case raw == "":
		return bad(oidc.InvalidRequest, "token is missing")
	case cl.cfg.DisableTokenRevocation:
		return bad(oidc.InvalidRequest, "token revocation is not enabled for this client")
	case strings.Count(raw, ".") == 2 && d.pool.svc.issuerOf(raw) != nil:
		return bad(oidc.UnsupportedTokenType, "only refresh tokens can be revoked")
	}
	return d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		known, err := d.pool.readRefresh(ctx, tx, raw)
		switch {
		case err != nil:
			return err
		case known == nil:
			c.note("nothing to revoke: not a refresh token of this pool")
			return nil
		case known.grant.client != cl.id:
			return bad(oidc.InvalidClient, "the token is another client's")
		}
		_, err = tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ?", known.grant.event)
		return err
	})
}
