package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// tokenAnswer is the token endpoint's answer, in the order of AWS's
// (https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html).
type tokenAnswer struct {
	IDToken      string `json:"id_token,omitempty"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    int    `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

// textInvalidSecret is what the token endpoint says of a secret that is
// missing or wrong; it was observed.
const textInvalidSecret = "invalid_client_secret"

// token gives tokens for a code, a refresh token or a client's secret.
func (d *domain) token(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	var answer *tokenAnswer
	if err == nil {
		answer, err = d.tokenFor(r, c, form)
	}
	var ended *endedError
	if errors.As(err, &ended) {
		err = invalidGrant(err)
	}
	if err != nil {
		writeOAuth(w, http.StatusBadRequest, c.refused(err))
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (d *domain) tokenFor(r *http.Request, c *call, form oidc.Params) (*tokenAnswer, error) {
	kind := form.Get("grant_type")
	c.note("grant_type " + aws.Printable(kind))
	switch kind {
	case "":
		return nil, bad(oidc.InvalidRequest, "grant_type is missing")
	case "authorization_code", "refresh_token", "client_credentials":
	default:
		return nil, bad(oidc.UnsupportedGrantType, "grant_type is not one that Cognito knows")
	}
	cl, err := d.authenticateClient(r, c, form)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "authorization_code":
		return d.redeemCode(r.Context(), c, cl, form)
	case "refresh_token":
		return d.refreshTokens(r.Context(), c, cl, form)
	}
	return d.machineToken(r.Context(), c, cl, form)
}

// authenticateClient gives the client that a request proves to be from. A
// public one has nothing to prove.
func (d *domain) authenticateClient(r *http.Request, c *call, form oidc.Params) (*Client, error) {
	credentials, err := oidc.ClientCredentials(r, form)
	if err != nil {
		return nil, err
	}
	if credentials.ID == "" {
		return nil, bad(oidc.InvalidRequest, "client_id is missing")
	}
	cl, err := d.clientOf(c, credentials.ID)
	if err != nil {
		return nil, err
	}
	if !credentials.Prove(cl.secret) {
		return nil, &oidc.Error{Code: oidc.InvalidClient, Description: textInvalidSecret, Reason: "the client's secret is missing or wrong"}
	}
	return cl, nil
}

// redeemCode gives the tokens of an authorization code.
func (d *domain) redeemCode(ctx context.Context, c *call, cl *Client, form oidc.Params) (*tokenAnswer, error) {
	if !slices.Contains(cl.cfg.AllowedOAuthFlows, "code") {
		return nil, bad(oidc.UnauthorizedClient, "the client's oauthFlows do not have code")
	}
	if form.Get("code") == "" {
		return nil, bad(oidc.InvalidRequest, "code is missing")
	}
	refreshToken, hash := newSecret("")
	var g *grant
	var u *user
	err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		g, u, err = d.redeem(ctx, tx, cl, form)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE cognito_grant SET refresh = ? WHERE event = ?", hash, g.event)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.event.User, c.tokens = u.username, tokensHosted
	out, err := cl.issue(ctx, g, u, refreshToken)
	if err != nil {
		return nil, err
	}
	return newTokenAnswer(out), nil
}

func newTokenAnswer(out *authOutput) *tokenAnswer {
	t := out.AuthenticationResult
	return &tokenAnswer{t.IDToken, t.AccessToken, t.RefreshToken, t.ExpiresIn, t.TokenType}
}

// redeem uses a code up. What it has to refuse is kept: the code is used, and a
// second use ends what the first one gave.
func (d *domain) redeem(ctx context.Context, tx *sql.Tx, cl *Client, form oidc.Params) (*grant, *user, error) {
	code, err := d.engine.Redeem(ctx, tx, oidc.Redemption{
		Code: form.Get("code"), Client: cl.id, RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"),
	})
	var reused *oidc.ReuseError
	var refused *oidc.Error
	switch {
	case errors.As(err, &reused):
		if _, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ? AND pool = ?", reused.Owner, d.pool.id); err != nil {
			return nil, nil, fmt.Errorf("ending a sign-in: %w", err)
		}
		return nil, nil, store.Keep(bad(oidc.InvalidGrant, "the code was used before; its tokens have been ended"))
	case errors.As(err, &refused):
		return nil, nil, store.Keep(refused)
	case err != nil:
		return nil, nil, err
	}
	g, err := readGrant(tx.QueryRowContext(ctx, "SELECT "+grantColumns+" FROM cognito_grant WHERE event = ? AND pool = ?", code.Owner, d.pool.id))
	if err != nil {
		return nil, nil, err
	}
	if g == nil || g.revoked {
		return nil, nil, store.Keep(bad(oidc.InvalidGrant, "the user's sign-ins were ended"))
	}
	u, err := d.pool.userOf(ctx, tx, g.sub)
	switch {
	case err != nil:
		return nil, nil, err
	case u == nil || !u.enabled || u.status == statusResetRequired:
		return nil, nil, store.Keep(bad(oidc.InvalidGrant, "the user may not sign in any more"))
	}
	g.nonce = code.Nonce
	return g, u, nil
}

// refreshTokens renews the tokens of a grant, from the pages or from the API.
func (d *domain) refreshTokens(ctx context.Context, c *call, cl *Client, form oidc.Params) (*tokenAnswer, error) {
	raw := form.Get("refresh_token")
	switch {
	case raw == "":
		return nil, bad(oidc.InvalidRequest, "refresh_token is missing")
	case cl.cfg.Rotation == nil && !cl.allows("REFRESH_TOKEN_AUTH"):
		return nil, bad(oidc.UnauthorizedClient, "the client may not refresh tokens")
	}
	r, err := cl.redeemed(ctx, c, raw)
	if err != nil {
		return nil, invalidGrant(err)
	}
	if err := narrow(r.grant, form.Get("scope")); err != nil {
		return nil, err
	}
	next, hash := "", []byte(nil)
	if cl.cfg.Rotation != nil {
		next, hash = newSecret("")
	}
	c.tokens = tokensRefreshed
	out, err := cl.issue(ctx, r.grant, r.user, next)
	if err != nil {
		return nil, err
	}
	if next != "" {
		err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return cl.rotate(ctx, tx, raw, hash) })
		if err != nil {
			return nil, invalidGrant(err)
		}
	}
	return newTokenAnswer(out), nil
}

// invalidGrant says a refusal of Cognito's in OAuth's one word.
func invalidGrant(err error) error {
	if refusal := awsjson.Refusal(err); refusal.Code != codeInternalError {
		reason := refusal.Message
		if refusal.Err != nil {
			reason += ": " + refusal.Err.Error()
		}
		return bad(oidc.InvalidGrant, "%s", reason)
	}
	return err
}

// narrow gives the one answer fewer scopes than the grant has: "The requested
// scope MUST NOT include any scope not originally granted" (RFC 6749 section 6).
func narrow(g *grant, text string) error {
	scopes := oidc.Scopes(text)
	for _, s := range scopes {
		if !slices.Contains(g.scopes(), s) {
			return bad(oidc.InvalidScope, "scope %.100q was not granted", s)
		}
	}
	if g.hosted() && len(scopes) > 0 {
		g.scope = strings.Join(scopes, " ")
	}
	return nil
}

// machineToken gives a client an access token of its own, for scopes of
// resource servers.
func (d *domain) machineToken(ctx context.Context, c *call, cl *Client, form oidc.Params) (*tokenAnswer, error) {
	if !slices.Contains(cl.cfg.AllowedOAuthFlows, "client_credentials") || cl.secret == "" {
		return nil, bad(oidc.UnauthorizedClient, "the client's oauthFlows do not have clientCredentials")
	}
	scopes := oidc.Scopes(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = slices.DeleteFunc(slices.Clone(cl.cfg.AllowedOAuthScopes), isBuiltIn)
	}
	for _, s := range scopes {
		if isBuiltIn(s) || !slices.Contains(cl.cfg.AllowedOAuthScopes, s) {
			return nil, bad(oidc.InvalidScope, "scope %.100q is not one of the client's own", s)
		}
	}
	if len(scopes) == 0 {
		return nil, bad(oidc.InvalidScope, "the client has no scope of a resource server")
	}
	metadata, err := machineMetadata(form.Get("aws_client_metadata"))
	if err != nil {
		return nil, err
	}
	changes, err := cl.beforeMachineToken(ctx, scopes, metadata)
	if err != nil {
		return nil, err
	}
	keys, err := d.pool.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	now := d.pool.svc.cfg.Now()
	claims, err := changes.onAccess(accessClaims{
		Subject: cl.id, Issuer: d.pool.Issuer(), ClientID: cl.id, TokenUse: "access", Scope: strings.Join(scopes, " "),
		AuthTime: now.Unix(), Expires: now.Add(cl.accessValidity()).Unix(), IssuedAt: now.Unix(), Version: 2, JTI: aws.NewRequestID(),
	})
	if err != nil {
		return nil, err
	}
	token, err := keys.access.sign(claims)
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{AccessToken: token, ExpiresIn: int(cl.accessValidity() / time.Second), TokenType: "Bearer"}, nil
}

func isBuiltIn(scope string) bool { return slices.Contains(builtInScopes, scope) }

// machineMetadata reads aws_client_metadata, a JSON object of strings.
func machineMetadata(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	var values map[string]string
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, bad(oidc.InvalidRequest, "aws_client_metadata is not a JSON object of strings")
	}
	return values, nil
}

// writeOAuth writes an OAuth error (RFC 6749 section 5.2).
func writeOAuth(w http.ResponseWriter, status int, e *oidc.Error) {
	if e.Code == oidc.ServerError {
		status = http.StatusInternalServerError
	}
	writeJSON(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.Description})
}

// writeJSON writes an answer that nobody keeps and every origin may read.
func writeJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client went away
}
