package auth0

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The declaration is applied to what it declares when that is made, and again
// when its entry there was changed; until then, what requests change stays. A
// fingerprint of the entry tells. That of a user would let passwords be guessed
// cheaply, so the password is not in it, but kept beside it as passwords are.

// fingerprint gives what tells one entry of the declaration from another.
func fingerprint(entry any) []byte {
	b, err := json.Marshal(entry)
	if err != nil {
		panic("auth0: " + err.Error()) // configurations encode
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// userFingerprint is that of a user's entry without the password.
func userFingerprint(c UserConfig) []byte {
	c.Password = ""
	return fingerprint(c)
}

// passwords gives all declared passwords as one. Whether any was changed is one
// derivation for the whole tenant, and is no cheaper to guess than each by itself.
func (t *Tenant) passwords() string {
	var b strings.Builder
	for _, c := range t.cfg.Users {
		fmt.Fprintf(&b, "%d:%s%d:%s", len(c.Email), c.Email, len(c.Password), c.Password)
	}
	return b.String()
}

// application is what applying the declaration needs that takes its time and is
// done before the transaction.
type application struct {
	passwords map[string]passwordHash // of the users to whom it is applied, by declared address
	all       *passwordHash           // nil if it is kept already
}

// prepare finds the users whose entries are new or were changed, and derives what
// is kept of their passwords.
func (t *Tenant) prepare(ctx context.Context) (*application, error) {
	var all passwordHash
	users := map[string]*user{}
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT salt, iterations, hash FROM auth0_declared WHERE tenant = ?", t.cfg.Name).Scan(&all.salt, &all.iterations, &all.hash)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for rows, err := range each(ctx, tx, "SELECT "+userColumns+" FROM auth0_user WHERE tenant = ? AND declared <> ''", t.cfg.Name) {
			if err != nil {
				return err
			}
			u, err := scanUser(rows)
			if err != nil {
				return err
			}
			users[u.declared] = u
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading declared users: %w", err)
	}
	a := &application{passwords: map[string]passwordHash{}}
	same, err := t.hasher.matches(ctx, all, t.passwords())
	if err != nil {
		return nil, err
	}
	derived, failed := make([]passwordHash, len(t.cfg.Users)), make([]error, len(t.cfg.Users))
	var group sync.WaitGroup
	for i, c := range t.cfg.Users {
		group.Go(func() { // awaited below
			u := users[c.Email]
			if u != nil && hmac.Equal(u.entry, userFingerprint(c)) {
				kept := same
				if !kept {
					kept, failed[i] = t.hasher.matches(ctx, u.entryPassword, c.Password)
				}
				if kept || failed[i] != nil {
					return
				}
			}
			derived[i], failed[i] = t.hasher.hash(ctx, c.Password)
		})
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	for i, c := range t.cfg.Users {
		if len(derived[i].hash) > 0 {
			a.passwords[c.Email] = derived[i]
		}
	}
	if !same {
		all, err := t.hasher.hash(ctx, t.passwords())
		if err != nil {
			return nil, err
		}
		a.all = &all
	}
	return a, nil
}

// apply makes the store what the declaration says where that was changed.
func (t *Tenant) apply(ctx context.Context, tx *sql.Tx, a *application) error {
	if err := t.applyAPIs(ctx, tx); err != nil {
		return err
	}
	roles, err := t.applyRoles(ctx, tx)
	if err != nil {
		return err
	}
	if err := t.applyUsers(ctx, tx, a, roles); err != nil {
		return err
	}
	if a.all == nil {
		return nil
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO auth0_declared (tenant, salt, iterations, hash) VALUES (?, ?, ?, ?)",
		t.cfg.Name, a.all.salt, a.all.iterations, a.all.hash)
	return err
}

func (t *Tenant) applyAPIs(ctx context.Context, tx *sql.Tx) error {
	all, err := t.allAPIs(ctx, tx)
	if err != nil {
		return err
	}
	for _, kept := range all {
		if len(kept.entry) > 0 && !slices.ContainsFunc(t.cfg.APIs, func(c APIConfig) bool { return c.Identifier == kept.Identifier }) {
			if err := t.deleteAPI(ctx, tx, kept); err != nil {
				return err
			}
		}
	}
	for _, c := range t.cfg.APIs {
		c.entry = fingerprint(c)
		if i := slices.IndexFunc(all, func(kept *APIConfig) bool { return kept.Identifier == c.Identifier }); i >= 0 {
			if hmac.Equal(all[i].entry, c.entry) {
				continue
			}
			c.id, c.descriptions = all[i].id, all[i].descriptions
		}
		if err := t.saveAPI(ctx, tx, &c); err != nil {
			return err
		}
	}
	return nil
}

// applyRoles gives the ids of the declared roles by name.
func (t *Tenant) applyRoles(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	all, err := t.allRoles(ctx, tx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*role{}
	for _, r := range all {
		if _, declared := t.cfg.Roles[r.name]; !declared && len(r.entry) > 0 {
			if err := t.deleteRole(ctx, tx, r.id); err != nil {
				return nil, err
			}
			continue
		}
		byName[r.name] = r
	}
	ids := map[string]string{}
	for name, permissions := range t.cfg.Roles {
		entry, r := fingerprint(permissions), byName[name]
		if r == nil {
			r = &role{name: name, entry: entry}
			err = t.createRole(ctx, tx, r)
		} else if ids[name] = r.id; hmac.Equal(r.entry, entry) {
			continue
		} else {
			r.entry = entry
			err = t.saveRole(ctx, tx, r)
		}
		if err != nil {
			return nil, err
		}
		ids[name] = r.id
		if _, err := tx.ExecContext(ctx, "DELETE FROM auth0_role_permission WHERE tenant = ? AND role = ?", t.cfg.Name, r.id); err != nil {
			return nil, err
		}
		if err := t.addRolePermissions(ctx, tx, r.id, permissions.list()); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// list gives permissions one by one.
func (p Permissions) list() []permission {
	var list []permission
	for audience, names := range p {
		for _, name := range names {
			list = append(list, permission{audience, name})
		}
	}
	return list
}

// applyUsers deletes who is no longer declared, and makes who is new or changed
// what the declaration says. Who came to a declared address otherwise becomes the
// declared user.
func (t *Tenant) applyUsers(ctx context.Context, tx *sql.Tx, a *application, roles map[string]string) error {
	var gone []string
	for rows, err := range each(ctx, tx, "SELECT id, declared FROM auth0_user WHERE tenant = ? AND declared <> ''", t.cfg.Name) {
		var id, declared string
		if err == nil {
			err = rows.Scan(&id, &declared)
		}
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(t.cfg.Users, func(c UserConfig) bool { return c.Email == declared }) {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		if _, err := t.deleteUser(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, c := range t.cfg.Users {
		password, changed := a.passwords[c.Email]
		if !changed {
			continue
		}
		if err := t.applyUser(ctx, tx, c, password, roles); err != nil {
			return fmt.Errorf("applying the declaration to a user: %w", err)
		}
	}
	return nil
}

func (t *Tenant) applyUser(ctx context.Context, tx *sql.Tx, c UserConfig, password passwordHash, roles map[string]string) error {
	u, err := t.oneUser(ctx, tx, "declared = ?", c.Email)
	if err != nil {
		return err
	}
	at, err := t.userByEmail(ctx, tx, c.Email)
	if err != nil {
		return err
	}
	switch {
	case u == nil && at == nil:
		u = &user{Email: c.Email}
		if err := t.createUser(ctx, tx, u); err != nil {
			return err
		}
	case u == nil:
		u = at
	case at != nil && at.id != u.id: // somebody else took the address meanwhile
		if _, err := t.deleteUser(ctx, tx, at.id); err != nil {
			return err
		}
	}
	u.Email, u.EmailVerified, u.Name, u.Nickname, u.GivenName, u.FamilyName = c.Email, c.EmailVerified, c.Name, c.Nickname, c.GivenName, c.FamilyName
	u.UserMetadata, u.AppMetadata, u.Blocked = c.UserMetadata, c.AppMetadata, c.Blocked
	u.password, u.declared, u.entry, u.entryPassword = password, c.Email, userFingerprint(c), password
	if err := t.saveUser(ctx, tx, u); err != nil {
		return err
	}
	for _, table := range []string{"auth0_user_role", "auth0_user_permission"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE tenant = ? AND user = ?", t.cfg.Name, u.id); err != nil {
			return err
		}
	}
	var ids []string
	for _, name := range c.Roles {
		ids = append(ids, roles[name])
	}
	if err := t.assignRoles(ctx, tx, u.id, ids); err != nil {
		return err
	}
	return t.addPermissions(ctx, tx, u.id, c.Permissions.list())
}
