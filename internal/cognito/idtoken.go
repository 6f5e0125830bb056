package cognito

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorwright/doorwright/verify"
)

// What who gives something for an ID token has to know of its pool: identity
// pools.

// PoolOfID gives the served pool of an id, declared or made by a request, or nil.
func (s *Service) PoolOfID(id string) *Pool { return s.served.Load().byID[id] }

// Active says whether the sign-in that a verified token of the pool is from has not
// been ended: its user is there and enabled, and has neither signed out nor had the
// token revoked.
func (p *Pool) Active(ctx context.Context, claims verify.Claims) (active bool, err error) {
	sub, _ := claims.String("sub")
	event, _ := claims.String("event_id")
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err := p.userOf(ctx, tx, sub)
		if err != nil {
			return err
		}
		g, err := readGrant(tx.QueryRowContext(ctx, "SELECT "+grantColumns+" FROM cognito_grant WHERE event = ? AND pool = ?", event, p.id))
		if err != nil {
			return err
		}
		active = u != nil && u.enabled && g != nil && !g.revoked && g.sub == u.sub
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("reading the sign-in of a token: %w", err)
	}
	return active, nil
}
