package cognito

import (
	"context"
	"crypto"
	"database/sql"
	"fmt"

	"github.com/doorwright/doorwright/verify"
)

// What who gives something for an ID token has to know of its pool: identity
// pools.

// PoolOfID gives the served pool of an id, declared or made by a request, or nil.
func (s *Service) PoolOfID(id string) *Pool { return s.served.Load().byID[id] }

// IDKeys is the verify.KeySet that knows the key of the pool's ID tokens only: an
// access token is no ID token, whatever it claims.
func (p *Pool) IDKeys() verify.KeySet { return idKeys{p} }

type idKeys struct{ pool *Pool }

func (k idKeys) Key(ctx context.Context, h verify.Header) (crypto.PublicKey, error) {
	keys, err := k.pool.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	if h.KeyID != keys.id.kid || h.Algorithm != verify.RS256 {
		return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
	}
	return &keys.id.private.PublicKey, nil
}

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
