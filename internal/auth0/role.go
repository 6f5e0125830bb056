package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/doorwright/doorwright/internal/aws"
)

// role is a name for permissions.
type role struct {
	id                string // rol_...
	name, description string
	entry             []byte // of the declaration; empty for one that a request made
}

// permission is one permission of an API.
type permission struct{ audience, name string }

// source says where a user's permission comes from: a role, or, with the zero
// value, directly.
type source struct{ roleID, roleName string }

var (
	// errRoleExists is the refusal of a name that another role has.
	errRoleExists = errors.New("a role with that name already exists")
	// errManyRoles is the refusal of one role more.
	errManyRoles = fmt.Errorf("the tenant has %d roles, and takes no more", maxRoles)
)

const maxRoles = 1000 // Auth0's limit of roles in a tenant

// each runs a query and gives a scanner of each of its rows.
func each(ctx context.Context, tx *sql.Tx, query string, args ...any) iter.Seq2[*sql.Rows, error] {
	return func(yield func(*sql.Rows, error) bool) {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// heldBy gives what a user may do by roles and directly.
func (t *Tenant) heldBy(ctx context.Context, tx *sql.Tx, user string) (Permissions, error) {
	held := Permissions{}
	for rows, err := range each(ctx, tx, `
		SELECT audience, permission FROM auth0_user_permission WHERE tenant = ?1 AND user = ?2
		UNION
		SELECT p.audience, p.permission FROM auth0_user_role r JOIN auth0_role_permission p ON p.tenant = r.tenant AND p.role = r.role
		WHERE r.tenant = ?1 AND r.user = ?2`, t.cfg.Name, user) {
		var p permission
		if err == nil {
			err = rows.Scan(&p.audience, &p.name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a user's permissions: %w", err)
		}
		held[p.audience] = append(held[p.audience], p.name)
	}
	return held, nil
}

// permissionsOf gives what a user may do, with where each comes from. A permission
// that its API no longer has is none.
func (t *Tenant) permissionsOf(ctx context.Context, tx *sql.Tx, user string) (map[permission][]source, error) {
	all := map[permission][]source{}
	for rows, err := range each(ctx, tx, `
		SELECT audience, permission, '', '' FROM auth0_user_permission WHERE tenant = ?1 AND user = ?2
		UNION ALL
		SELECT p.audience, p.permission, o.id, o.name FROM auth0_user_role r
		  JOIN auth0_role_permission p ON p.tenant = r.tenant AND p.role = r.role
		  JOIN auth0_role o ON o.tenant = r.tenant AND o.id = r.role
		WHERE r.tenant = ?1 AND r.user = ?2
		ORDER BY 1, 2, 4`, t.cfg.Name, user) {
		var p permission
		var s source
		if err == nil {
			err = rows.Scan(&p.audience, &p.name, &s.roleID, &s.roleName)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a user's permissions: %w", err)
		}
		if t.hasPermission(p) {
			all[p] = append(all[p], s)
		}
	}
	return all, nil
}

// addPermissions and removePermissions change a user's direct permissions.
func (t *Tenant) addPermissions(ctx context.Context, tx *sql.Tx, user string, list []permission) error {
	return t.eachPermission(ctx, tx, "INSERT OR IGNORE INTO auth0_user_permission (tenant, user, audience, permission) VALUES (?, ?, ?, ?)", user, list)
}

func (t *Tenant) removePermissions(ctx context.Context, tx *sql.Tx, user string, list []permission) error {
	return t.eachPermission(ctx, tx, "DELETE FROM auth0_user_permission WHERE tenant = ? AND user = ? AND audience = ? AND permission = ?", user, list)
}

// addRolePermissions and removeRolePermissions change those of a role.
func (t *Tenant) addRolePermissions(ctx context.Context, tx *sql.Tx, role string, list []permission) error {
	return t.eachPermission(ctx, tx, "INSERT OR IGNORE INTO auth0_role_permission (tenant, role, audience, permission) VALUES (?, ?, ?, ?)", role, list)
}

func (t *Tenant) removeRolePermissions(ctx context.Context, tx *sql.Tx, role string, list []permission) error {
	return t.eachPermission(ctx, tx, "DELETE FROM auth0_role_permission WHERE tenant = ? AND role = ? AND audience = ? AND permission = ?", role, list)
}

func (t *Tenant) eachPermission(ctx context.Context, tx *sql.Tx, statement, owner string, list []permission) error {
	for _, p := range list {
		if _, err := tx.ExecContext(ctx, statement, t.cfg.Name, owner, p.audience, p.name); err != nil {
			return fmt.Errorf("changing permissions of %s: %w", owner, err)
		}
	}
	return nil
}

// rolePermissions gives those of a role that their APIs have.
func (t *Tenant) rolePermissions(ctx context.Context, tx *sql.Tx, role string) ([]permission, error) {
	var list []permission
	for rows, err := range each(ctx, tx, "SELECT audience, permission FROM auth0_role_permission WHERE tenant = ? AND role = ? ORDER BY 1, 2", t.cfg.Name, role) {
		var p permission
		if err == nil {
			err = rows.Scan(&p.audience, &p.name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a role's permissions: %w", err)
		}
		if t.hasPermission(p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// assignRoles and removeRoles change a user's roles, by their ids. Both must be
// there.
func (t *Tenant) assignRoles(ctx context.Context, tx *sql.Tx, user string, roles []string) error {
	return t.eachRole(ctx, tx, `
		INSERT OR IGNORE INTO auth0_user_role (tenant, user, role, number)
		SELECT ?1, ?2, ?3, coalesce(max(number), 0) + 1 FROM auth0_user_role WHERE tenant = ?1 AND role = ?3`, user, roles)
}

func (t *Tenant) removeRoles(ctx context.Context, tx *sql.Tx, user string, roles []string) error {
	return t.eachRole(ctx, tx, "DELETE FROM auth0_user_role WHERE tenant = ? AND user = ? AND role = ?", user, roles)
}

func (t *Tenant) eachRole(ctx context.Context, tx *sql.Tx, statement, user string, roles []string) error {
	for _, id := range roles {
		if _, err := tx.ExecContext(ctx, statement, t.cfg.Name, user, id); err != nil {
			return fmt.Errorf("changing the roles of %s: %w", user, err)
		}
	}
	return nil
}

// rolesOf gives a user's roles, in the order of their making.
func (t *Tenant) rolesOf(ctx context.Context, tx *sql.Tx, user string) ([]*role, error) {
	return t.roles(ctx, tx, "JOIN auth0_user_role u ON u.tenant = r.tenant AND u.role = r.id WHERE u.tenant = ? AND u.user = ? ORDER BY r.number", t.cfg.Name, user)
}

// allRoles gives the tenant's roles, in the order of their making.
func (t *Tenant) allRoles(ctx context.Context, tx *sql.Tx) ([]*role, error) {
	return t.roles(ctx, tx, "WHERE r.tenant = ? ORDER BY r.number", t.cfg.Name)
}

// roleByID gives a role, or nil.
func (t *Tenant) roleByID(ctx context.Context, tx *sql.Tx, id string) (*role, error) {
	list, err := t.roles(ctx, tx, "WHERE r.tenant = ? AND r.id = ?", t.cfg.Name, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func (t *Tenant) roles(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]*role, error) {
	var list []*role
	for rows, err := range each(ctx, tx, "SELECT r.id, r.name, r.description, r.entry FROM auth0_role r "+where, args...) {
		var r role
		if err == nil {
			err = rows.Scan(&r.id, &r.name, &r.description, &r.entry)
		}
		if err != nil {
			return nil, fmt.Errorf("reading roles: %w", err)
		}
		list = append(list, &r)
	}
	return list, nil
}

// member is a user who has a role; number is their place among those who have it.
type member struct {
	*user
	number int64
}

// membersQuery lists who has a role, from a place on.
const membersQuery = "SELECT m.number, " + userColumnsOf + ` FROM auth0_user_role m CROSS JOIN auth0_user u ON u.tenant = m.tenant AND u.id = m.user
	WHERE m.tenant = ? AND m.role = ? AND m.number > ? ORDER BY m.number LIMIT ? OFFSET ?`

// usersOf gives who has a role behind a place, in the order in which they got it,
// and how many have it.
func (t *Tenant) usersOf(ctx context.Context, tx *sql.Tx, role string, behind int64, offset, limit int) (users []member, total int, err error) {
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM auth0_user_role WHERE tenant = ? AND role = ?", t.cfg.Name, role).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("counting the users of a role: %w", err)
	}
	for rows, err := range each(ctx, tx, membersQuery, t.cfg.Name, role, behind, limit, offset) {
		var one member
		if err == nil {
			one.user, err = scanUser(ahead{rows, []any{&one.number}})
		}
		if err != nil {
			return nil, 0, fmt.Errorf("reading the users of a role: %w", err)
		}
		users = append(users, one)
	}
	return users, total, nil
}

// ahead scans columns that stand before those of a user.
type ahead struct {
	rows  *sql.Rows
	first []any
}

func (a ahead) Scan(rest ...any) error { return a.rows.Scan(append(a.first, rest...)...) }

// createRole makes a role and gives it its id.
func (t *Tenant) createRole(ctx context.Context, tx *sql.Tx, r *role) error {
	all, err := t.allRoles(ctx, tx)
	if err != nil {
		return err
	}
	if len(all) >= maxRoles {
		return errManyRoles
	}
	r.id = "rol_" + aws.RandomText(alphanumeric, 16)
	return t.writeRole(ctx, tx, r, all, `
		INSERT INTO auth0_role (name, description, entry, tenant, id, number)
		SELECT ?1, ?2, ?3, ?4, ?5, coalesce(max(number), 0) + 1 FROM auth0_role WHERE tenant = ?4`)
}

// saveRole keeps a role's name and description.
func (t *Tenant) saveRole(ctx context.Context, tx *sql.Tx, r *role) error {
	all, err := t.allRoles(ctx, tx)
	if err != nil {
		return err
	}
	return t.writeRole(ctx, tx, r, all, "UPDATE auth0_role SET name = ?, description = ?, entry = ? WHERE tenant = ? AND id = ?")
}

func (t *Tenant) writeRole(ctx context.Context, tx *sql.Tx, r *role, all []*role, statement string) error {
	for _, other := range all {
		if other.name == r.name && other.id != r.id {
			return errRoleExists
		}
	}
	if _, err := tx.ExecContext(ctx, statement, r.name, r.description, bytesOf(r.entry), t.cfg.Name, r.id); err != nil {
		return fmt.Errorf("keeping a role: %w", err)
	}
	return nil
}

// deleteRole deletes a role: nobody has it any more.
func (t *Tenant) deleteRole(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM auth0_role WHERE tenant = ? AND id = ?", t.cfg.Name, id); err != nil {
		return fmt.Errorf("deleting a role: %w", err)
	}
	return nil
}
