package auth0

import (
	"context"
	"database/sql"
	"slices"
	"sync/atomic"
)

// User is a user, for tests that change one as the Management API would.
type User = user

// ChangeUser changes a user of an address, or makes one.
func (t *Tenant) ChangeUser(ctx context.Context, email string, change func(*User)) error {
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if u == nil {
			u = &user{Email: email}
			change(u)
			return t.createUser(ctx, tx, u)
		}
		change(u)
		return t.saveUser(ctx, tx, u)
	})
}

// FindUser gives a user of an address, or nil.
func (t *Tenant) FindUser(ctx context.Context, email string) (u *User, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = t.userByEmail(ctx, tx, email)
		return err
	})
	return u, err
}

// ID is the user's id.
func (u *User) ID() string { return u.id }

// Logins is how often the user signed in.
func (u *User) Logins() int { return u.logins }

// ChangePassword gives a user another password.
func (t *Tenant) ChangePassword(ctx context.Context, email, password string) error {
	hash, err := t.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		return t.setPassword(ctx, tx, u, hash)
	})
}

// SetRoles gives a user these roles and no others.
func (t *Tenant) SetRoles(ctx context.Context, email string, names ...string) error {
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		all, err := t.allRoles(ctx, tx)
		if err != nil {
			return err
		}
		var wanted, others []string
		for _, r := range all {
			if slices.Contains(names, r.name) {
				wanted = append(wanted, r.id)
			} else {
				others = append(others, r.id)
			}
		}
		if err := t.removeRoles(ctx, tx, u.id, others); err != nil {
			return err
		}
		return t.assignRoles(ctx, tx, u.id, wanted)
	})
}

// SetRolePermissions gives a role of a name, which is made if there is none, these
// permissions of an API and no others.
func (t *Tenant) SetRolePermissions(ctx context.Context, name, audience string, permissions ...string) error {
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		all, err := t.allRoles(ctx, tx)
		if err != nil {
			return err
		}
		var r *role
		if i := slices.IndexFunc(all, func(r *role) bool { return r.name == name }); i >= 0 {
			r = all[i]
		} else if r = (&role{name: name}); true {
			if err := t.createRole(ctx, tx, r); err != nil {
				return err
			}
		}
		old, err := t.rolePermissions(ctx, tx, r.id)
		if err != nil {
			return err
		}
		if err := t.removeRolePermissions(ctx, tx, r.id, old); err != nil {
			return err
		}
		return t.addRolePermissions(ctx, tx, r.id, Permissions{audience: permissions}.list())
	})
}

// SaveAPI makes an API as a request would.
func (t *Tenant) SaveAPI(ctx context.Context, api APIConfig) error {
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return t.saveAPI(ctx, tx, &api) })
	if err != nil {
		return err
	}
	return t.reload(ctx)
}

// DeleteUser deletes a user.
func (t *Tenant) DeleteUser(ctx context.Context, email string) error {
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByEmail(ctx, tx, email)
		if err == nil {
			_, err = t.deleteUser(ctx, tx, u.id)
		}
		return err
	})
}

// CountDerivations counts from now on how often work is done for passwords, one
// after another.
func (t *Tenant) CountDerivations() *atomic.Int64 {
	var n atomic.Int64
	turns := make(chan struct{})
	t.hasher.turns = turns
	go func() { // ends with the test's process
		for {
			<-turns
			n.Add(1)
			turns <- struct{}{}
		}
	}()
	return &n
}

// UserPlan gives how SQLite finds a page of users, or, for the search members,
// of who has a role.
func (t *Tenant) UserPlan(ctx context.Context, q, sort string) (plan []string, err error) {
	query, args := membersQuery, []any{t.cfg.Name, "rol_x", 0, 50, 0}
	if q != "members" {
		search, err := readUserQuery(q, sort, "")
		if err != nil {
			return nil, err
		}
		where, found := search.where(t.cfg.Name)
		query, args = search.list(where), append(found, 50, 0)
	}
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		for rows, err := range each(ctx, tx, "EXPLAIN QUERY PLAN "+query, args...) {
			var id, parent, unused int
			var step string
			if err == nil {
				err = rows.Scan(&id, &parent, &unused, &step)
			}
			if err != nil {
				return err
			}
			plan = append(plan, step)
		}
		return nil
	})
	return plan, err
}
