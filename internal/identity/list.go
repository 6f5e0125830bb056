package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

func (s *Service) describeIdentity(ctx context.Context, c *call, in *identityInput) (*identityDescription, error) {
	var d *identityDescription
	err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		r, err := readRow(ctx, tx, in.IdentityID)
		if err != nil {
			return err
		}
		if r == nil {
			return noIdentity(in.IdentityID)
		}
		if _, err := s.pool(c, r.pool); err != nil {
			return noIdentity(in.IdentityID)
		}
		d, err = r.describe(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.event.Identity = in.IdentityID
	return d, nil
}

func (r *row) describe(ctx context.Context, tx *sql.Tx) (*identityDescription, error) {
	logins, err := loginsOf(ctx, tx, r.id)
	if err != nil {
		return nil, fmt.Errorf("reading the logins of an identity: %w", err)
	}
	return &identityDescription{r.id, logins, awsjson.Time{Time: r.created}, awsjson.Time{Time: r.modified}}, nil
}

// listIdentities gives a page of a pool's identities, those that were merged into
// others among them unless HideDisabled is set. Each page is an index range.
func (s *Service) listIdentities(ctx context.Context, c *call, in *listIdentitiesInput) (*listIdentitiesOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	list, after := "identities "+p.id, ""
	if in.NextToken != "" {
		if after, err = s.openCursor(list, in.NextToken); err != nil {
			return nil, err
		}
	}
	out := &listIdentitiesOutput{IdentityPoolID: p.id, Identities: []identityDescription{}}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		found, err := pageOf(ctx, tx, p.id, after, in.HideDisabled, in.MaxResults+1)
		if err != nil {
			return err
		}
		if len(found) > in.MaxResults {
			found = found[:in.MaxResults]
			out.NextToken = s.sealCursor(list, found[len(found)-1].id)
		}
		for _, r := range found {
			d, err := r.describe(ctx, tx)
			if err != nil {
				return err
			}
			out.Identities = append(out.Identities, *d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func pageOf(ctx context.Context, tx *sql.Tx, pool, after string, hide bool, limit int) ([]row, error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+rowColumns+" FROM identity_identity WHERE pool = ? AND id > ? AND (parent IS NULL OR NOT ?) ORDER BY id LIMIT ?", pool, after, hide, limit)
	if err != nil {
		return nil, fmt.Errorf("listing identities: %w", err)
	}
	defer rows.Close()
	var found []row
	for rows.Next() {
		var r row
		if err := r.scan(rows.Scan); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// deleteIdentities deletes identities with what was merged into them. One that is
// not there is deleted already.
func (s *Service) deleteIdentities(ctx context.Context, _ *call, in *deleteIdentitiesInput) (*deleteIdentitiesOutput, error) {
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, id := range in.IdentityIDsToDelete {
			if _, err := tx.ExecContext(ctx, "DELETE FROM identity_identity WHERE id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deleting identities: %w", err)
	}
	return &deleteIdentitiesOutput{[]empty{}}, nil
}

// sealCursor makes the token with which a list goes on after a place.
func (s *Service) sealCursor(list, after string) string {
	return base64.RawURLEncoding.EncodeToString(append(s.cursorMAC(list, after), after...))
}

func (s *Service) cursorMAC(list, after string) []byte {
	h := hmac.New(sha256.New, s.listSecret)
	fmt.Fprintf(h, "%d %s%d %s", len(list), list, len(after), after)
	return h.Sum(nil)
}

// openCursor reads a token that sealCursor made in this run of the process.
func (s *Service) openCursor(list, token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < sha256.Size || !hmac.Equal(b[:sha256.Size], s.cursorMAC(list, string(b[sha256.Size:]))) {
		return "", invalid("Invalid NextToken.")
	}
	return string(b[sha256.Size:]), nil
}
