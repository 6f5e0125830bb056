package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxLogins is how many logins can be linked to an identity
// (https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html).
const maxLogins = 20

// row is an identity.
type row struct {
	id, pool string
	// guest says that no login was ever linked to it.
	guest bool
	// parent is the identity that it was merged into, or "".
	parent            string
	created, modified time.Time
}

const rowColumns = "id, pool, guest, coalesce(parent, ''), created, modified"

func (r *row) scan(scan func(...any) error) error {
	var created, modified int64
	if err := scan(&r.id, &r.pool, &r.guest, &r.parent, &created, &modified); err != nil {
		return err
	}
	r.created, r.modified = time.UnixMilli(created), time.UnixMilli(modified)
	return nil
}

// readRow gives an identity, or nil for none.
func readRow(ctx context.Context, tx *sql.Tx, id string) (*row, error) {
	r := &row{}
	err := r.scan(tx.QueryRowContext(ctx, "SELECT "+rowColumns+" FROM identity_identity WHERE id = ?", id).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading an identity: %w", err)
	}
	return r, nil
}

// survivor gives an identity, or the one that it was merged into; nil for none.
func survivor(ctx context.Context, tx *sql.Tx, id string) (*row, error) {
	r, err := readRow(ctx, tx, id)
	if err != nil || r == nil || r.parent == "" {
		return r, err
	}
	return readRow(ctx, tx, r.parent)
}

// errChanges is given inside a transaction that only reads by who must write.
var errChanges = errors.New("it takes a change")

// transact runs fn in a transaction that reads and, where that is not enough, in
// one that writes: nearly all requests are about logins that are linked already.
func (s *Service) transact(ctx context.Context, fn func(tx *linking) error) error {
	err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) error { return fn(&linking{tx: tx, now: s.cfg.Now().UnixMilli()}) })
	if !errors.Is(err, errChanges) {
		return err
	}
	return s.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return fn(&linking{tx: tx, now: s.cfg.Now().UnixMilli(), writes: true}) })
}

// linking is a transaction that links logins to identities.
type linking struct {
	tx     *sql.Tx
	now    int64
	writes bool
}

func (t *linking) exec(ctx context.Context, statement string, args ...any) error {
	if !t.writes {
		return errChanges
	}
	_, err := t.tx.ExecContext(ctx, statement, args...)
	return err
}

// identify gives the identity of a request's logins: the one that they are linked
// to, or a new one. Where they are those of several identities, the request has
// proved that all of these are one person's: they are merged into the oldest.
func (s *Service) identify(ctx context.Context, t *linking, p *pool, logins []login) (string, error) {
	owners, err := t.owners(ctx, p.id, logins)
	if err != nil {
		return "", err
	}
	base, err := t.oldest(ctx, owners)
	if err != nil {
		return "", err
	}
	if base == "" {
		if base, err = s.newIdentity(ctx, t, p, false); err != nil {
			return "", err
		}
	}
	return base, t.gather(ctx, p.id, base, logins, owners)
}

// join gives the identity that a request for r, with logins, is about. It links
// the logins that are new, and merges the identities that the others are linked
// to: a guest into the one that has signed in before, all others into r.
func (s *Service) join(ctx context.Context, t *linking, p *pool, r *row, logins []login) (string, error) {
	owners, err := t.owners(ctx, p.id, logins)
	if err != nil {
		return "", err
	}
	base := r.id
	if r.guest {
		if base, err = t.oldest(ctx, owners); err != nil {
			return "", err
		}
		if base == "" {
			base = r.id
		}
	} else if !slices.Contains(owners, r.id) {
		return "", notAuthorized(textNoMatch, "none of the logins is linked to "+r.id)
	}
	if base != r.id {
		if err := t.merge(ctx, r.id, base); err != nil {
			return "", err
		}
	}
	return base, t.gather(ctx, p.id, base, logins, owners)
}

// owners gives for each login the identity that it is linked to, or "".
func (t *linking) owners(ctx context.Context, pool string, logins []login) ([]string, error) {
	owners := make([]string, len(logins))
	for i, l := range logins {
		err := t.tx.QueryRowContext(ctx, "SELECT identity FROM identity_login WHERE pool = ? AND provider = ? AND subject = ?",
			pool, l.provider, l.subject).Scan(&owners[i])
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("finding the identity of a login: %w", err)
		}
	}
	return owners, nil
}

// oldest gives the first of some identities that was made, or "".
func (t *linking) oldest(ctx context.Context, ids []string) (string, error) {
	var first *row
	for _, id := range ids {
		if id == "" || first != nil && id == first.id {
			continue
		}
		r, err := readRow(ctx, t.tx, id)
		if err != nil {
			return "", err
		}
		if first == nil || r.created.Before(first.created) || r.created.Equal(first.created) && r.id < first.id {
			first = r
		}
	}
	if first == nil {
		return "", nil
	}
	return first.id, nil
}

// gather makes all logins those of base.
func (t *linking) gather(ctx context.Context, pool, base string, logins []login, owners []string) error {
	changed := false
	for i, l := range logins {
		switch owner := owners[i]; {
		case owner == base:
			continue
		case owner == "":
			err := t.exec(ctx, "INSERT INTO identity_login (pool, provider, subject, identity, developer) VALUES (?, ?, ?, ?, ?)", pool, l.provider, l.subject, base, l.developer)
			if err != nil {
				return err
			}
		default: // its logins may be base's already, if another of these was one of them
			if err := t.merge(ctx, owner, base); err != nil {
				return err
			}
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if err := t.exec(ctx, "UPDATE identity_identity SET guest = 0, modified = ? WHERE id = ?", t.now, base); err != nil {
		return err
	}
	return t.check(ctx, base)
}

// check refuses what an identity cannot have: two logins of one provider, other
// than those that a backend vouches for, and too many.
func (t *linking) check(ctx context.Context, id string) error {
	rows, err := t.tx.QueryContext(ctx, "SELECT provider, developer, count(*) FROM identity_login WHERE identity = ? GROUP BY provider, developer", id)
	if err != nil {
		return fmt.Errorf("counting the logins of an identity: %w", err)
	}
	defer rows.Close()
	all := 0
	for rows.Next() {
		var provider string
		var developer bool
		var n int
		if err := rows.Scan(&provider, &developer, &n); err != nil {
			return err
		}
		if n > 1 && !developer {
			return refuse(codeResourceConflict, fmt.Sprintf(textAlreadyLinked, provider), "")
		}
		all += n
	}
	if all > maxLogins {
		return refuse(codeLimitExceeded, fmt.Sprintf("An identity can have %d linked logins.", maxLogins), "")
	}
	return rows.Err()
}

// merge gives the logins of an identity, and what was merged into it, to another.
// It is disabled by that: whoever asks for it is answered for the other.
func (t *linking) merge(ctx context.Context, from, into string) error {
	for _, statement := range []string{
		"UPDATE identity_login SET identity = ?1 WHERE identity = ?2",
		"UPDATE identity_identity SET parent = ?1, guest = 0, modified = ?3 WHERE id = ?2 OR parent = ?2",
		"UPDATE identity_identity SET guest = 0, modified = ?3 WHERE id = ?1",
	} {
		if err := t.exec(ctx, statement, into, from, t.now); err != nil {
			return fmt.Errorf("merging identities: %w", err)
		}
	}
	return nil
}

// newIdentity makes an identity in a pool that is still there.
func (s *Service) newIdentity(ctx context.Context, t *linking, p *pool, guest bool) (string, error) {
	id, exists := s.newID(), false
	if err := t.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM identity_pool WHERE id = ?)", p.id).Scan(&exists); err != nil {
		return "", fmt.Errorf("reading an identity pool: %w", err)
	}
	if !exists {
		return "", noPool(p.id)
	}
	err := t.exec(ctx, "INSERT INTO identity_identity (id, pool, guest, created, modified) VALUES (?1, ?2, ?3, ?4, ?4)", id, p.id, guest, t.now)
	if err != nil {
		return "", err
	}
	if err := s.sweep(ctx, t, p.id, id); err != nil {
		return "", err
	}
	return id, nil
}

// loginsOf lists the providers of an identity's logins.
func loginsOf(ctx context.Context, tx *sql.Tx, id string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT DISTINCT provider FROM identity_login WHERE identity = ? ORDER BY provider", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// admitted is an identity that a request has shown to be its sender's.
type admitted struct {
	pool *pool
	id   string
	// logins are those of the request; none for a guest.
	logins []login
	// tags are those of a token that a backend asked for.
	tags map[string]string
	// choices are how its role was chosen.
	choices []Choice
}

// guest says whether the sender has not signed in.
func (a *admitted) guest() bool { return len(a.logins) == 0 }

// admit finds the identity that a request names and has the request prove that it
// is its sender's, by at least one of its logins unless it is a guest's. ownTokens
// says whether a token of GetOpenIdTokenForDeveloperIdentity is such a proof.
func (s *Service) admit(ctx context.Context, c *call, id string, raw map[string]string, ownTokens bool) (*admitted, error) {
	var r *row
	err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		r, err = survivor(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noIdentity(id)
	}
	a := &admitted{id: r.id}
	if a.pool, err = s.pool(c, r.pool); err != nil {
		return nil, noIdentity(id)
	}
	c.event.Identity = id
	token, own := raw[openIDProvider]
	switch {
	case len(raw) == 0 && !r.guest:
		return nil, forbidden(id, "it has logins, and the request has none")
	case len(raw) == 0 && !a.pool.settings.AllowUnauthenticatedIdentities:
		return nil, notAuthorized(textNoGuests, "")
	case len(raw) == 0:
		return a, nil
	case own && !ownTokens:
		return nil, notAuthorized(textCognitoToken, "")
	case own && len(raw) > 1:
		return nil, refuse(codeInvalidParameter, textPublicProvider, "a token of "+openIDProvider+" goes alone")
	case own:
		if a.logins, a.tags, err = s.developerLogins(ctx, a.pool, r.id, token); err != nil {
			return nil, err
		}
		return a, nil
	}
	if a.logins, err = s.verifyLogins(ctx, a.pool, raw); err != nil {
		return nil, err
	}
	err = s.transact(ctx, func(t *linking) error {
		// It may have been linked, merged or deleted since.
		r, err := survivor(ctx, t.tx, id)
		if err != nil {
			return err
		}
		if r == nil {
			return noIdentity(id)
		}
		a.id, err = s.join(ctx, t, a.pool, r, a.logins)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.event.Identity = a.id
	return a, nil
}

// proofs is what "amr" says of the identity
// (https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html).
func (a *admitted) proofs() []string {
	if a.guest() {
		return []string{roleGuest}
	}
	amr := []string{roleAuthenticated}
	for _, l := range a.logins {
		if !slices.Contains(amr, l.provider) {
			amr = append(amr, l.provider)
		}
		amr = append(amr, l.proof)
	}
	return amr
}

// sessionTags are the principal tags of the identity: those of each login, by the
// pool's map for its provider.
func (a *admitted) sessionTags() (map[string]string, error) {
	tags := cloned(a.tags)
	for _, l := range a.logins {
		for tag, value := range a.pool.tagMaps[l.provider].tagsOf(&l) {
			if have, ok := tags[tag]; ok && have != value {
				return nil, refuse(codeInvalidConfiguration, textConfiguration, "two logins give the principal tag "+tag+" different values")
			}
			tags[tag] = value
		}
	}
	return tags, nil
}

// tagsOf takes principal tags out of a login's token. A claim that is not there,
// or no text that a tag can be, gives no tag.
func (m tagMap) tagsOf(l *login) map[string]string {
	tags := map[string]string{}
	if m.UseDefaults {
		tags["username"], tags["client"] = l.subject, l.client
		return tags
	}
	for tag, name := range m.Claims {
		if value, ok := claimText(l.claims, name); ok && value != "" && shapes["TagValueType"].Holds(value) {
			tags[tag] = value
		}
	}
	return tags
}

// names says a request's logins in the log: providers and subjects.
func names(logins []login) string {
	var list []string
	for _, l := range logins {
		list = append(list, l.provider+" "+l.subject)
	}
	return strings.Join(list, ", ")
}
