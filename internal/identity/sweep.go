package identity

import (
	"context"
	"fmt"
)

const (
	// maxLoginless is how many identities a pool keeps to which no login leads: guests',
	// those that were merged into others, those whose last login was unlinked. Anybody
	// can make them without end.
	maxLoginless = 10_000
	// sweepEvery is how many identities are made between two sweeps.
	sweepEvery = 500
)

// sweep forgets the identities without a login that were changed longest ago, but for
// the one that was just made, once there are too many. A guest who comes back with a
// forgotten one is told that it is not found, upon which clients ask for a new one.
func (s *Service) sweep(ctx context.Context, t *linking, pool, made string) error {
	if n := s.made.Add(1); (n-1)%s.sweepEvery != 0 {
		return nil
	}
	err := t.exec(ctx, `DELETE FROM identity_identity WHERE id IN (
		SELECT id FROM identity_identity i WHERE pool = ?1 AND id <> ?2
			AND NOT EXISTS (SELECT 1 FROM identity_login WHERE identity = i.id)
		ORDER BY modified DESC, id DESC LIMIT -1 OFFSET ?3)`, pool, made, s.maxLoginless)
	if err != nil {
		return fmt.Errorf("forgetting guests' identities: %w", err)
	}
	return nil
}
