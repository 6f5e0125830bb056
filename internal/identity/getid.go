package identity

import (
	"context"
	"database/sql"
	"fmt"
)

// getID gives the identity of the request's logins, or a new guest's each time.
func (s *Service) getID(ctx context.Context, c *call, in *getIDInput) (*identityOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	if in.AccountID != "" && in.AccountID != s.cfg.AccountID {
		return nil, noPool(p.id)
	}
	var logins []login
	switch {
	case len(in.Logins) > 0:
		if logins, err = s.verifyLogins(ctx, p, in.Logins); err != nil {
			return nil, err
		}
	case !p.settings.AllowUnauthenticatedIdentities:
		return nil, notAuthorized(textNoGuests, "")
	}
	err = s.transact(ctx, func(t *linking) error {
		if len(logins) == 0 {
			c.event.Identity, err = s.newIdentity(ctx, t, p, true)
		} else {
			c.event.Identity, err = s.identify(ctx, t, p, logins)
		}
		return err
	})
	if err != nil {
		c.event.Identity = ""
		return nil, err
	}
	c.event.Reason = names(logins)
	if len(logins) == 0 {
		c.event.Reason = "a guest"
	}
	return &identityOutput{c.event.Identity}, nil
}

// unlinkIdentity takes logins away from an identity. With the last one it becomes
// nobody's.
func (s *Service) unlinkIdentity(ctx context.Context, c *call, in *unlinkInput) (*empty, error) {
	if len(in.Logins) == 0 {
		return nil, forbidden(in.IdentityID, "a request to unlink has to have a login")
	}
	a, err := s.admit(ctx, c, in.IdentityID, in.Logins, false)
	if err != nil {
		return nil, err
	}
	var remove []string
	for _, key := range in.LoginsToRemove {
		provider, _, err := s.providerOf(a.pool, key)
		if err != nil {
			return nil, err
		}
		remove = append(remove, provider.Name)
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, provider := range remove {
			if _, err := tx.ExecContext(ctx, "DELETE FROM identity_login WHERE identity = ? AND provider = ? AND developer = 0", a.id, provider); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE identity_identity SET modified = ? WHERE id = ?", s.cfg.Now().UnixMilli(), a.id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unlinking logins: %w", err)
	}
	return &empty{}, nil
}
