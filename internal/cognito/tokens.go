package cognito

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/verify"
)

// scopeAdmin is the scope of every access token of an API sign-in; the
// operations that take an access token ask for it.
const scopeAdmin = "aws.cognito.signin.user.admin"

// grant is one authentication: what its refresh token renews, and what
// revocation ends. Every token of it has its event as event_id.
type grant struct {
	event, originJTI string
	client, sub      string
	authTime         time.Time
	expires          time.Time
	revoked          bool
	// scope is what was granted at the pool's domain; "" for an API sign-in.
	scope string
	// nonce goes into the ID token of the one answer that it was sent for.
	nonce string
}

// scopes gives those of the grant's access tokens.
func (g *grant) scopes() []string {
	if !g.hosted() {
		return []string{scopeAdmin}
	}
	return strings.Fields(g.scope)
}

// hosted says whether the sign-in was at the pool's domain.
func (g *grant) hosted() bool { return g.scope != "" }

// newGrant keeps an authentication of u that just happened and gives its
// refresh token, of which only a hash is kept.
func (cl *Client) newGrant(ctx context.Context, tx *sql.Tx, u *user) (*grant, string, error) {
	now := cl.pool.svc.cfg.Now()
	g := &grant{
		event: aws.NewRequestID(), originJTI: aws.NewRequestID(), client: cl.id, sub: u.sub,
		authTime: now, expires: now.Add(cl.refreshValidity()),
	}
	token, hash := newSecret("")
	_, err := tx.ExecContext(ctx, `
		INSERT INTO cognito_grant (event, origin_jti, pool, client, sub, refresh, auth_time, expires, revoked)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		g.event, g.originJTI, cl.pool.id, g.client, g.sub, hash, g.authTime.UnixMilli(), g.expires.UnixMilli())
	if err != nil {
		return nil, "", fmt.Errorf("keeping a grant: %w", err)
	}
	return g, token, nil
}

// newSecret gives a random text of [A-Za-z0-9_-], far beyond guessing, and the
// hash to keep of it.
func newSecret(prefix string) (secret string, hash []byte) {
	b := make([]byte, 96)
	rand.Read(b)
	secret = prefix + base64.RawURLEncoding.EncodeToString(b)
	return secret, oidc.Hash(secret)
}

const grantColumns = "event, origin_jti, client, sub, auth_time, expires, revoked, scope"

// readGrant gives the grant of a row, or nil for none.
func readGrant(row *sql.Row) (*grant, error) {
	var g grant
	var authTime, expires int64
	err := row.Scan(&g.event, &g.originJTI, &g.client, &g.sub, &authTime, &expires, &g.revoked, &g.scope)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a grant: %w", err)
	}
	g.authTime, g.expires = time.UnixMilli(authTime), time.UnixMilli(expires)
	return &g, nil
}

// accessClaims are the claims of an access token
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html).
type accessClaims struct {
	Subject   string `json:"sub"`
	Issuer    string `json:"iss"`
	ClientID  string `json:"client_id"`
	OriginJTI string `json:"origin_jti,omitempty"`
	EventID   string `json:"event_id,omitempty"`
	TokenUse  string `json:"token_use"`
	Scope     string `json:"scope"`
	AuthTime  int64  `json:"auth_time"`
	Expires   int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	// Version is 2 in tokens of the pool's domain.
	Version  int    `json:"version,omitempty"`
	JTI      string `json:"jti,omitempty"`
	Username string `json:"username,omitempty"`
	// Groups are the names of the user's groups.
	Groups []string `json:"cognito:groups,omitempty"`
}

// issue signs the tokens of a grant for u as it is now. A refresh changes all
// but auth_time, origin_jti and event_id.
func (cl *Client) issue(ctx context.Context, g *grant, u *user, refreshToken string) (*authOutput, error) {
	u, changes, err := cl.beforeTokens(ctx, g, u)
	if err != nil {
		return nil, err
	}
	keys, err := cl.pool.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := cl.pool.membershipsOf(ctx, u)
	if err != nil {
		return nil, err
	}
	now := cl.pool.svc.cfg.Now()
	access := accessClaims{
		Subject: u.sub, Issuer: cl.pool.Issuer(), ClientID: cl.id, EventID: g.event, TokenUse: "access", Scope: strings.Join(g.scopes(), " "),
		AuthTime: g.authTime.Unix(), Expires: now.Add(cl.accessValidity()).Unix(), IssuedAt: now.Unix(), Username: u.username,
		Groups: groups.names,
	}
	if !cl.cfg.DisableTokenRevocation {
		access.OriginJTI, access.JTI = g.originJTI, aws.NewRequestID()
	}
	if g.hosted() {
		access.Version = 2
	}
	result := &authenticationResult{
		ExpiresIn: int(cl.accessValidity() / time.Second), TokenType: "Bearer", RefreshToken: refreshToken,
	}
	accessClaims, err := changes.onAccess(access)
	if err != nil {
		return nil, err
	}
	if result.AccessToken, err = keys.access.sign(accessClaims); err != nil {
		return nil, err
	}
	out := &authOutput{ChallengeParameters: map[string]string{}, AuthenticationResult: result}
	if g.hosted() && !slices.Contains(g.scopes(), "openid") {
		return out, nil
	}
	claims := cl.idClaims(g, u, groups, now)
	if g.hosted() {
		claims["at_hash"] = accessHash(result.AccessToken)
		if g.nonce != "" {
			claims["nonce"] = g.nonce
		}
	}
	if result.IDToken, err = keys.id.sign(changes.onID(claims)); err != nil {
		return nil, err
	}
	return out, nil
}

// accessHash binds an ID token to its access token: the left half of the hash
// (https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken).
func accessHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// idClaims are the claims of an ID token
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html):
// what identifies the sign-in, and the attributes that the client may read.
func (cl *Client) idClaims(g *grant, u *user, groups *memberships, now time.Time) map[string]any {
	claims := map[string]any{}
	for name, value := range u.attributes {
		if cl.readable(name) && g.reads(name) {
			claims[name] = claimValue(name, value)
		}
	}
	groups.onID(claims)
	claims["sub"] = u.sub
	claims["aud"] = cl.id
	claims["iss"] = cl.pool.Issuer()
	claims["cognito:username"] = u.username
	claims["event_id"] = g.event
	claims["token_use"] = "id"
	claims["auth_time"] = g.authTime.Unix()
	claims["exp"] = now.Add(cl.idValidity()).Unix()
	claims["iat"] = now.Unix()
	if !cl.cfg.DisableTokenRevocation {
		claims["origin_jti"], claims["jti"] = g.originJTI, aws.NewRequestID()
	}
	return claims
}

// claimValue gives an attribute as a claim of the type that OpenID Connect
// gives it (https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims).
// Custom attributes are always strings.
func claimValue(name, value string) any {
	switch name {
	case "email_verified", "phone_number_verified":
		return value == "true"
	case "identities":
		return json.RawMessage(value)
	case "address":
		return map[string]string{"formatted": value}
	case "updated_at":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n
		}
	}
	return value
}

// prepareVerifier makes the verifier of the pool's access tokens. It is the
// one that gateways use: one implementation decides what a valid token is.
func (p *Pool) prepareVerifier() error {
	p.verifier = nil
	if len(p.clients) == 0 {
		return nil // no client, no tokens
	}
	var audience []string
	for _, c := range p.clients {
		audience = append(audience, c.id)
	}
	var err error
	p.verifier, err = verify.New(verify.Config{
		Issuer: p.Issuer(), Audience: audience, ClientIDAudience: true,
		Algorithms: []verify.Algorithm{verify.RS256}, Keys: accessKeys{p}, Now: p.svc.cfg.Now,
	})
	return err
}

// bearer is whom an access token was given to.
type bearer struct {
	pool   *Pool
	client *Client
	user   *user
	event  string
	scopes []string
}

// bearer checks an access token: the signature, the pool, the time, then the
// scope and whether it was revoked, then the user's state. What the message
// tells, it tells of genuine tokens only.
func (s *Service) bearer(ctx context.Context, c *call, raw string) (*bearer, error) {
	return s.bearerWith(ctx, c, raw, func(scopes []string) error {
		if slices.Contains(scopes, scopeAdmin) {
			return nil
		}
		return notAuthorized("Access Token does not have required scopes", "the token lacks "+scopeAdmin)
	})
}

// bearerWith is bearer with its caller's word on the token's scopes.
func (s *Service) bearerWith(ctx context.Context, c *call, raw string, allow func(scopes []string) error) (*bearer, error) {
	p := s.issuerOf(raw)
	if p == nil || p.verifier == nil {
		return nil, notAuthorized(textInvalidAccess, "not a token of a user pool of this stage")
	}
	c.event.Pool = p.cfg.Name
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, accessTokenRefused(err)
	}
	claim := func(name string) string {
		v, _ := token.Claims.String(name)
		return v
	}
	c.event.User = claim("username")
	if claim("token_use") != "access" {
		return nil, notAuthorized(textInvalidAccess, "token_use is "+claim("token_use"))
	}
	b := &bearer{pool: p, client: p.clientOfID(claim("client_id")), event: claim("event_id"), scopes: strings.Fields(claim("scope"))}
	if err := allow(b.scopes); err != nil {
		return nil, err
	}
	var g *grant
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if b.user, err = p.userOf(ctx, tx, claim("sub")); err != nil {
			return err
		}
		g, err = readGrant(tx.QueryRowContext(ctx, "SELECT "+grantColumns+" FROM cognito_grant WHERE event = ? AND pool = ?", b.event, p.id))
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the user of an access token: %w", err)
	case b.user == nil:
		return nil, refuse(codeUserNotFound, textNoUser, "the user was deleted")
	case !b.user.enabled:
		return nil, notAuthorized(textDisabled, "")
	case g == nil || g.revoked || g.sub != b.user.sub:
		return nil, notAuthorized("Access Token has been revoked", "")
	case b.user.status == statusResetRequired:
		return nil, refuse(codePasswordReset, textResetRequired, "")
	}
	c.client = b.client
	return b, nil
}

// issuerOf gives the served pool that a token says it is from. The token is
// not verified yet; the answer only picks the verifier that will do it.
func (s *Service) issuerOf(raw string) *Pool {
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	id, ok := strings.CutPrefix(claims.Issuer, s.cfg.IssuerBase+"/")
	if !ok {
		return nil
	}
	return s.served.Load().byID[id]
}

func accessTokenRefused(err error) error {
	var refusal *verify.Error
	if !errors.As(err, &refusal) || refusal.Reason == verify.KeysUnavailable {
		return fmt.Errorf("verifying an access token: %w", err)
	}
	if refusal.Reason == verify.Expired {
		return notAuthorized("Access Token has expired", refusal.Message())
	}
	return notAuthorized(textInvalidAccess, refusal.Message())
}

// revokeToken ends the grant of a refresh token, and with it every access
// token of it inside Cognito's operations. A token that is nobody's, or was
// revoked before, is a success.
func (s *Service) revokeToken(ctx context.Context, c *call, in *revokeTokenInput) (*empty, error) {
	cl := s.served.Load().clients[in.ClientID]
	if cl == nil {
		// The operation's model has no ResourceNotFoundException.
		return nil, invalid("User pool client %s does not exist.", in.ClientID)
	}
	c.about(cl.pool, "")
	if subtle.ConstantTimeCompare(oidc.Hash(cl.secret), oidc.Hash(in.ClientSecret)) != 1 {
		return nil, refuse(codeUnauthorized, "Unauthorized", "the client's secret is missing or wrong")
	}
	if cl.cfg.DisableTokenRevocation {
		return nil, refuse(codeUnsupportedOperation, "Token revocation is not enabled for this client.", "")
	}
	if strings.Count(in.Token, ".") == 2 && s.issuerOf(in.Token) != nil {
		return nil, refuse(codeUnsupportedToken, "Unsupported token type", "only refresh tokens can be revoked")
	}
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		r, err := cl.pool.readRefresh(ctx, tx, in.Token)
		switch {
		case err != nil:
			return err
		case r == nil:
			c.event.Reason = "nothing to revoke: not a refresh token of this pool"
			return nil
		case r.grant.client != cl.id:
			return refuse(codeUnauthorized, "Unauthorized", "the token is another client's")
		}
		_, err = tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ?", r.grant.event)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// revokeAll ends every grant of a user: all refresh and access tokens.
func (p *Pool) revokeAll(ctx context.Context, tx *sql.Tx, u *user) error {
	_, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE pool = ? AND sub = ?", p.id, u.sub)
	if err != nil {
		return fmt.Errorf("revoking tokens: %w", err)
	}
	return oidc.EndSessions(ctx, tx, p.id, u.sub)
}

// globalSignOut ends all of the user's tokens but ID tokens, which nothing
// here accepts.
func (s *Service) globalSignOut(ctx context.Context, _ *call, b *bearer, _ *tokenInput) (*empty, error) {
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return b.pool.revokeAll(ctx, tx, b.user) })
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}
