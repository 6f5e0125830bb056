package auth0

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// Bounds of grants. A refresh token is good for 30 days from the sign-in on,
// rotated or not; an application has at most 200 of a user, and one more ends
// the oldest.
const (
	refreshLife = 30 * 24 * time.Hour
	maxRefresh  = 200
)

// grant is one sign-in of a user for an application: the family of all tokens
// that come of it, which end together.
type grant struct {
	id, client, subject string
	// audience is an API's identifier, or "" for the tenant itself.
	audience string
	// scope is what the application asked for: what it gets is decided anew with
	// each token.
	scope    []string
	sid      string
	authTime time.Time
	tellTime bool // the request had max_age, so ID tokens have auth_time
	revoked  bool
	outcome  outcome // of the Action
}

func (t *Tenant) newGrant(ctx context.Context, tx *sql.Tx, g *grant) error {
	g.id = aws.NewRequestID()
	said, err := json.Marshal(g.outcome)
	if err != nil {
		return fmt.Errorf("encoding an Action's outcome: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO auth0_grant (id, tenant, client, subject, audience, scope, sid, auth_time, tell_time, revoked, expires, outcome)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		g.id, t.cfg.Name, g.client, g.subject, g.audience, strings.Join(g.scope, " "), g.sid, g.authTime.UnixMilli(), g.tellTime,
		t.svc.cfg.Now().Add(opaqueLife).UnixMilli(), string(said))
	if err != nil {
		return fmt.Errorf("keeping a grant: %w", err)
	}
	return nil
}

// grantOf gives a grant of this tenant, or nil if there is none that is good.
func (t *Tenant) grantOf(ctx context.Context, tx *sql.Tx, id string) (*grant, error) {
	g := grant{id: id}
	var scope, said string
	var authTime, expires int64
	err := tx.QueryRowContext(ctx, `
		SELECT client, subject, audience, scope, sid, auth_time, tell_time, revoked, expires, outcome FROM auth0_grant WHERE id = ? AND tenant = ?`,
		id, t.cfg.Name).Scan(&g.client, &g.subject, &g.audience, &scope, &g.sid, &authTime, &g.tellTime, &g.revoked, &expires, &said)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a grant: %w", err)
	case g.revoked, t.svc.cfg.Now().UnixMilli() >= expires:
		return nil, nil
	}
	if err := json.Unmarshal([]byte(said), &g.outcome); err != nil {
		return nil, fmt.Errorf("reading an Action's outcome: %w", err)
	}
	g.scope, g.authTime = strings.Fields(scope), time.UnixMilli(authTime)
	return &g, nil
}

// keepOutcome keeps what an Action said at a refresh, and gives the user as it is
// now: what ended the grant while the Action ran ends the refresh too.
func (t *Tenant) keepOutcome(ctx context.Context, g *grant) (u *user, err error) {
	said, err := json.Marshal(g.outcome)
	if err != nil {
		return nil, fmt.Errorf("encoding an Action's outcome: %w", err)
	}
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if u, err = t.userByID(ctx, tx, g.subject); err != nil {
			return err
		}
		good, err := t.grantOf(ctx, tx, g.id)
		switch {
		case err != nil:
			return err
		case u != nil && u.Blocked:
			return isBlocked()
		case u == nil, good == nil:
			return invalidRefresh("it was revoked while the Action ran")
		}
		_, err = tx.ExecContext(ctx, "UPDATE auth0_grant SET outcome = ? WHERE id = ? AND tenant = ?", string(said), g.id, t.cfg.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// endGrant ends all that came of a sign-in.
func (t *Tenant) endGrant(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE auth0_grant SET revoked = 1 WHERE id = ? AND tenant = ?", id, t.cfg.Name); err != nil {
		return fmt.Errorf("ending a grant: %w", err)
	}
	return nil
}

// isBlockedFamily says whether a grant ended because its user is blocked.
func (t *Tenant) isBlockedFamily(ctx context.Context, tx *sql.Tx, id, client string) bool {
	var blocked bool
	err := tx.QueryRowContext(ctx, `
		SELECT u.blocked FROM auth0_grant g JOIN auth0_user u ON u.tenant = g.tenant AND u.id = g.subject WHERE g.id = ? AND g.tenant = ? AND g.client = ?`,
		id, t.cfg.Name, client).Scan(&blocked)
	return err == nil && blocked // in doubt it is merely unknown
}

// newRefresh gives a refresh token of a grant. It begins as Auth0's do.
func (t *Tenant) newRefresh(ctx context.Context, tx *sql.Tx, g *grant) (string, error) {
	token := "v1.M" + oidc.Random(48)
	_, err := tx.ExecContext(ctx, "INSERT INTO auth0_refresh (hash, family, used) VALUES (?, ?, 0)", oidc.Hash(token), g.id)
	if err != nil {
		return "", fmt.Errorf("keeping a refresh token: %w", err)
	}
	return token, nil
}

// firstRefresh gives the first refresh token of a grant, which lives longer for
// it.
func (t *Tenant) firstRefresh(ctx context.Context, tx *sql.Tx, g *grant) (string, error) {
	token, err := t.newRefresh(ctx, tx, g)
	if err != nil {
		return "", err
	}
	if _, err = tx.ExecContext(ctx, "UPDATE auth0_grant SET expires = ? WHERE id = ?", t.svc.cfg.Now().Add(refreshLife).UnixMilli(), g.id); err == nil {
		_, err = tx.ExecContext(ctx, `
			UPDATE auth0_grant SET revoked = 1 WHERE id IN (
			  SELECT g.id FROM auth0_grant g WHERE g.tenant = ? AND g.client = ? AND g.subject = ? AND g.revoked = 0
			    AND EXISTS (SELECT 1 FROM auth0_refresh r WHERE r.family = g.id)
			  ORDER BY g.expires DESC, g.id LIMIT -1 OFFSET ?)`, t.cfg.Name, g.client, g.subject, maxRefresh)
	}
	if err != nil {
		return "", fmt.Errorf("bounding refresh tokens: %w", err)
	}
	return token, nil
}

// familyOf gives the grant's id of a refresh token, and whether the token was
// used; "" for an unknown one.
func familyOf(ctx context.Context, tx *sql.Tx, token string) (family string, used bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT family, used FROM auth0_refresh WHERE hash = ?", oidc.Hash(token)).Scan(&family, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading a refresh token: %w", err)
	}
	return family, used, nil
}
