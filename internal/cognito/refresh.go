package cognito

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// Rotation is a client's RefreshTokenRotation: each refresh gives a new
// refresh token and ends the one it was asked with
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html#using-the-refresh-token-rotation).
type Rotation struct {
	// RetryGracePeriod is how long a token that was rotated out still works, for
	// a client that never got the new one: whole seconds, up to a minute.
	RetryGracePeriod time.Duration
}

const maxRetryGracePeriod = time.Minute

// redeemable is what a refresh token stands for.
type redeemable struct {
	grant *grant
	user  *user
	// rotated says that the token was rotated out, usable until when.
	rotated bool
	until   time.Time
}

// redeem gives what a refresh token stands for, or the refusal. To use a token
// that was rotated out, after its grace, is how a thief, or the one stolen
// from, is noticed: the whole family ends.
func (cl *Client) redeem(ctx context.Context, tx *sql.Tx, raw string) (*redeemable, error) {
	p, now := cl.pool, cl.pool.svc.cfg.Now()
	r, err := p.readRefresh(ctx, tx, raw)
	if err != nil {
		return nil, err
	}
	if r == nil || r.user == nil || r.grant.client != cl.id {
		return nil, notAuthorized(textInvalidRefresh, "not a refresh token of this client")
	}
	g, u := r.grant, r.user
	switch {
	case !u.enabled:
		return nil, notAuthorized(textDisabled, "")
	case g.revoked:
		return nil, notAuthorized(textRevokedRefresh, "")
	case !now.Before(g.expires):
		return nil, notAuthorized("Refresh Token has expired", "it ended at "+g.expires.UTC().Format(time.RFC3339))
	case r.rotated && !now.Before(r.until):
		return r, refuse(codeTokenReuse, "Refresh token has already been used.",
			"it was rotated out; the sign-in and all its tokens have been ended")
	case u.status == statusResetRequired:
		return nil, refuse(codePasswordReset, textResetRequired, "")
	}
	return r, nil
}

// readRefresh reads the grant of a refresh token, the first of its family or a
// later one; nil for none.
func (p *Pool) readRefresh(ctx context.Context, tx *sql.Tx, raw string) (*redeemable, error) {
	hash := oidc.Hash(raw)
	r := &redeemable{}
	var event string
	var until int64
	err := tx.QueryRowContext(ctx, "SELECT event, until FROM cognito_refresh WHERE hash = ?", hash).Scan(&event, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading a refresh token: %w", err)
	}
	if r.rotated = until > 0; r.rotated {
		r.until = time.UnixMilli(until)
	}
	r.grant, err = readGrant(tx.QueryRowContext(ctx,
		"SELECT "+grantColumns+" FROM cognito_grant WHERE (refresh = ? OR event = ?) AND pool = ?", hash, event, p.id))
	if err != nil || r.grant == nil {
		return nil, err
	}
	if r.user, err = p.userOf(ctx, tx, r.grant.sub); err != nil {
		return nil, fmt.Errorf("reading the user of a refresh token: %w", err)
	}
	return r, nil
}

// redeemed is redeem in a transaction of its own. A family that ends here ends
// although the answer is a refusal.
func (cl *Client) redeemed(ctx context.Context, c *call, raw string) (r *redeemable, err error) {
	p := cl.pool
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		var err error
		r, err = cl.redeem(ctx, tx, raw)
		return err
	})
	if r != nil {
		c.event.User = r.user.username
	}
	if err != nil && r != nil {
		return nil, p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return cl.endFamily(ctx, tx, raw) })
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// endFamily ends the grant of a refresh token that was used again.
func (cl *Client) endFamily(ctx context.Context, tx *sql.Tx, raw string) error {
	r, err := cl.redeem(ctx, tx, raw)
	switch {
	case err == nil:
		return errors.New("a refresh token that was rotated out is good again")
	case r == nil:
		return err // the family ended meanwhile
	}
	if _, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ?", r.grant.event); err != nil {
		return fmt.Errorf("ending a sign-in: %w", err)
	}
	return store.Keep(err)
}

// refresh renews the ID and access token of a grant. The refresh token stays
// as it is, and so does its end.
func (s *Service) refresh(ctx context.Context, c *call, cl *Client, params map[string]string) (*authOutput, error) {
	raw := params["REFRESH_TOKEN"]
	if raw == "" {
		return nil, missing("REFRESH_TOKEN")
	}
	hash := params["SECRET_HASH"]
	if cl.secret != "" && hash == "" {
		return nil, cl.hashMissing()
	}
	p := cl.pool
	var known *redeemable
	err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		known, err = p.readRefresh(ctx, tx, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	if known == nil || known.user == nil || known.grant.client != cl.id {
		return nil, notAuthorized(textInvalidRefresh, "not a refresh token of this client")
	}
	names := []string{known.user.username, known.user.sub}
	for key := range p.names(known.user) {
		names = append(names, key)
	}
	if err := cl.checkSecretHash(hash, names...); err != nil {
		return nil, err
	}
	r, err := cl.redeemed(ctx, c, raw)
	if err != nil {
		return nil, err
	}
	return cl.issue(ctx, r.grant, r.user, "")
}

// getTokensFromRefreshToken renews tokens, and the refresh token too for a
// client that rotates them. Tokens are made before the rotation is kept, so
// that a trigger that refuses does not cost the client its refresh token.
func (s *Service) getTokensFromRefreshToken(ctx context.Context, c *call, in *getTokensInput) (*getTokensOutput, error) {
	cl, err := s.client(c, in.ClientID, "")
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(oidc.Hash(cl.secret), oidc.Hash(in.ClientSecret)) != 1 {
		return nil, notAuthorized("Unable to verify secret for client "+cl.id, "ClientSecret is missing or wrong")
	}
	if cl.cfg.Rotation == nil && !cl.allows("REFRESH_TOKEN_AUTH") {
		return nil, invalid("REFRESH_TOKEN_AUTH flow not enabled for this client")
	}
	r, err := cl.redeemed(ctx, c, in.RefreshToken)
	if err != nil {
		return nil, err
	}
	next, hash := "", []byte(nil)
	if cl.cfg.Rotation != nil {
		next, hash = newSecret("")
	}
	out, err := cl.issue(ctx, r.grant, r.user, next)
	if err != nil {
		return nil, err
	}
	if next != "" {
		err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return cl.rotate(ctx, tx, in.RefreshToken, hash) })
		if err != nil {
			return nil, err
		}
	}
	return &getTokensOutput{out.AuthenticationResult}, nil
}

// rotate keeps a new refresh token in place of one that is still good. Within
// the grace of the old one there may be several new ones: of answers that were
// lost nobody knows which arrived.
func (cl *Client) rotate(ctx context.Context, tx *sql.Tx, raw string, next []byte) error {
	r, err := cl.redeem(ctx, tx, raw)
	if err != nil && r != nil {
		return cl.endFamily(ctx, tx, raw)
	}
	if err != nil {
		return err
	}
	until := r.until
	if !r.rotated {
		until = cl.pool.svc.cfg.Now().Add(cl.cfg.Rotation.RetryGracePeriod)
	}
	for _, row := range []struct {
		hash  []byte
		until int64
	}{{oidc.Hash(raw), until.UnixMilli()}, {next, 0}} {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO cognito_refresh (hash, event, until) VALUES (?, ?, ?)", row.hash, r.grant.event, row.until)
		if err != nil {
			return fmt.Errorf("rotating a refresh token: %w", err)
		}
	}
	return nil
}
