package auth0

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strconv"
)

func roleOperations() []operation {
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	read, update := []string{"read:roles"}, []string{"update:roles"}
	return []operation{
		{method: "GET", path: "/roles", scopes: read, status: ok, query: slices.Concat(offset, []string{"name_filter"}), run: (*Tenant).listRoles},
		{method: "POST", path: "/roles", scopes: []string{"create:roles"}, status: ok, run: (*Tenant).postRole},
		{method: "GET", path: "/roles/{id}", scopes: read, status: ok, run: (*Tenant).getRole},
		{method: "PATCH", path: "/roles/{id}", scopes: update, status: ok, run: (*Tenant).patchRole, note: "not of a declared role"},
		{method: "DELETE", path: "/roles/{id}", scopes: []string{"delete:roles"}, status: ok, run: (*Tenant).removeRole, note: "not a declared role"},
		{method: "GET", path: "/roles/{id}/permissions", scopes: read, status: ok, query: offset, run: (*Tenant).getRolePermissions},
		{method: "POST", path: "/roles/{id}/permissions", scopes: update, status: created, run: (*Tenant).postRolePermissions, note: "not of a declared role"},
		{method: "DELETE", path: "/roles/{id}/permissions", scopes: update, status: gone, run: (*Tenant).deleteRolePermissions, note: "not of a declared role"},
		{method: "GET", path: "/roles/{id}/users", scopes: []string{"read:role_members"}, beside: []string{"read:users"}, status: ok, query: checkpoint, run: (*Tenant).getRoleUsers},
		{method: "POST", path: "/roles/{id}/users", scopes: []string{"create:role_members"}, status: ok, run: (*Tenant).postRoleUsers},
	}
}

var roleShape = shape{kind: "object", members: map[string]shape{
	"name": {kind: "string", min: 1, max: 50}, "description": {kind: "string", max: 255},
}}

// permissionsShape is a list of permissions.
var permissionsShape = shape{kind: "object", required: []string{"permissions"}, members: map[string]shape{
	"permissions": arrayOf(shape{kind: "object", required: []string{"resource_server_identifier", "permission_name"}, members: map[string]shape{
		"resource_server_identifier": {kind: "string", min: 1, max: 600}, "permission_name": {kind: "string", min: 1, max: 280},
	}}, 1, 1500),
}}

// maxAtOnce bounds the roles and users that are assigned by one request.
const maxAtOnce = 500

var (
	errNoRole = notFound("The role does not exist.", "")
	errNoUser = notFound("The user does not exist.", "inexistent_user")
)

func (r *role) wire() ordered {
	return ordered{{"id", r.id}, {"name", r.name}, {"description", r.description}}
}

// reading and writing run in a transaction.
func (t *Tenant) reading(m *managed, fn func(*sql.Tx) error) error {
	return t.svc.cfg.DB.Read(m.ctx, fn)
}
func (t *Tenant) writing(m *managed, fn func(*sql.Tx) error) error {
	return t.svc.cfg.DB.Write(m.ctx, fn)
}

// existingRole gives the role of a request's path.
func (t *Tenant) existingRole(ctx context.Context, tx *sql.Tx, id string) (*role, error) {
	r, err := t.roleByID(ctx, tx, id)
	if err == nil && r == nil {
		err = errNoRole
	}
	return r, err
}

// ownRole gives a role that requests may change.
func (t *Tenant) ownRole(ctx context.Context, tx *sql.Tx, id string) (*role, error) {
	r, err := t.existingRole(ctx, tx, id)
	if err == nil && len(r.entry) > 0 {
		err = t.declaredIn("roles.%s", r.name)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (t *Tenant) existingUser(ctx context.Context, tx *sql.Tx, m *managed, id string) (*user, error) {
	u, err := t.userByID(ctx, tx, id)
	switch {
	case err != nil:
		return nil, err
	case u == nil:
		return nil, errNoUser
	}
	m.c.event.User = u.Email
	return u, nil
}

// pageOf gives a page of a list that was read whole.
func pageOf[T any](w window, all []T) []T {
	all = all[min(w.start, len(all)):]
	return all[:min(w.limit, len(all))]
}

func wired(roles []*role) []ordered {
	var list []ordered
	for _, r := range roles {
		list = append(list, r.wire())
	}
	return list
}

func (t *Tenant) listRoles(m *managed) (any, error) {
	w, err := m.window(false)
	if err != nil {
		return nil, err
	}
	var all []*role
	err = t.reading(m, func(tx *sql.Tx) error {
		all, err = t.allRoles(m.ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if filter := m.query.Get("name_filter"); filter != "" {
		all = slices.DeleteFunc(all, func(r *role) bool { return !containsFold(r.name, filter) })
	}
	return w.listed(totalLast, "roles", wired(pageOf(w, all)), len(all)), nil
}

func (t *Tenant) postRole(m *managed) (any, error) {
	wanted := roleShape
	wanted.required = []string{"name"}
	body, err := m.readBody(wanted)
	if err != nil {
		return nil, err
	}
	r := &role{}
	r.apply(body)
	err = t.writing(m, func(tx *sql.Tx) error { return t.createRole(m.ctx, tx, r) })
	return answerRole(r, err)
}

func (r *role) apply(body map[string]any) {
	for name, to := range map[string]*string{"name": &r.name, "description": &r.description} {
		if s, ok := body[name].(string); ok {
			*to = s
		}
	}
}

func answerRole(r *role, err error) (any, error) {
	switch {
	case errors.Is(err, errRoleExists):
		return nil, conflict("A role with the same name already exists.", codeConflict)
	case errors.Is(err, errManyRoles):
		return nil, apiFail(http.StatusForbidden, "too_many_entities", "A local tenant has %d roles at most.", maxRoles)
	case err != nil:
		return nil, err
	}
	return r.wire(), nil
}

func (t *Tenant) getRole(m *managed) (any, error) {
	var r *role
	err := t.reading(m, func(tx *sql.Tx) (err error) {
		r, err = t.existingRole(m.ctx, tx, m.path("id"))
		return err
	})
	return answerRole(r, err)
}

func (t *Tenant) patchRole(m *managed) (any, error) {
	body, err := m.readBody(roleShape)
	if err != nil {
		return nil, err
	}
	var r *role
	err = t.writing(m, func(tx *sql.Tx) (err error) {
		if r, err = t.ownRole(m.ctx, tx, m.path("id")); err != nil {
			return err
		}
		r.apply(body)
		return t.saveRole(m.ctx, tx, r)
	})
	return answerRole(r, err)
}

func (t *Tenant) removeRole(m *managed) (any, error) {
	return ordered{}, t.writing(m, func(tx *sql.Tx) error {
		r, err := t.ownRole(m.ctx, tx, m.path("id"))
		if err != nil {
			return err
		}
		return t.deleteRole(m.ctx, tx, r.id)
	})
}

// wirePermission gives a permission as Auth0 does.
func (t *Tenant) wirePermission(p permission) ordered {
	api := t.api(p.audience)
	if api == nil {
		api = &APIConfig{}
	}
	return ordered{
		{"permission_name", p.name}, {"description", api.descriptions[p.name]}, {"resource_server_name", api.Name}, {"resource_server_identifier", p.audience},
	}
}

// readPermissions reads the permissions that a request names, which are all of
// APIs that have them.
func (t *Tenant) readPermissions(m *managed) ([]permission, error) {
	body, err := m.readBody(permissionsShape)
	if err != nil {
		return nil, err
	}
	var all []permission
	list, _ := body["permissions"].([]any)
	for _, one := range list {
		var p permission
		p.audience, _ = asObject(one)["resource_server_identifier"].(string)
		p.name, _ = asObject(one)["permission_name"].(string)
		switch {
		case p.audience == t.management():
			return nil, unsupported("The permissions of the Management API are given to applications by client grants alone.")
		case t.api(p.audience) == nil:
			return nil, notFound(`The resource server does not exist: "`+p.audience+`"`, "inexistent_resource_server")
		case !t.hasPermission(p):
			return nil, apiFail(http.StatusBadRequest, codeInvalidBody, "The following permissions are not defined for %s: %s", p.audience, p.name)
		}
		all = append(all, p)
	}
	return all, nil
}

func (t *Tenant) getRolePermissions(m *managed) (any, error) {
	w, err := m.window(false)
	if err != nil {
		return nil, err
	}
	var all []permission
	err = t.reading(m, func(tx *sql.Tx) error {
		r, err := t.existingRole(m.ctx, tx, m.path("id"))
		if err != nil {
			return err
		}
		all, err = t.rolePermissions(m.ctx, tx, r.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	var page []ordered
	for _, p := range pageOf(w, all) {
		page = append(page, t.wirePermission(p))
	}
	return w.listed(totalLast, "permissions", page, len(all)), nil
}

func (t *Tenant) postRolePermissions(m *managed) (any, error) {
	return t.changeRolePermissions(m, t.addRolePermissions)
}

func (t *Tenant) deleteRolePermissions(m *managed) (any, error) {
	return t.changeRolePermissions(m, t.removeRolePermissions)
}

func (t *Tenant) changeRolePermissions(m *managed, change func(context.Context, *sql.Tx, string, []permission) error) (any, error) {
	list, err := t.readPermissions(m)
	if err != nil {
		return nil, err
	}
	return ordered{}, t.writing(m, func(tx *sql.Tx) error {
		r, err := t.ownRole(m.ctx, tx, m.path("id"))
		if err != nil {
			return err
		}
		return change(m.ctx, tx, r.id, list)
	})
}

func (t *Tenant) getRoleUsers(m *managed) (any, error) {
	w, err := m.window(true)
	if err != nil {
		return nil, err
	}
	behind := int64(0)
	if w.after != "" {
		if behind, err = strconv.ParseInt(w.after, 10, 64); err != nil {
			return nil, invalidQuery("from", "Object didn't pass validation for format checkpoint: %s", m.query.Get("from"))
		}
	}
	var users []member
	var total int
	err = t.reading(m, func(tx *sql.Tx) error {
		r, err := t.existingRole(m.ctx, tx, m.path("id"))
		if err == nil {
			users, total, err = t.usersOf(m.ctx, tx, r.id, behind, w.start, w.limit+1)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	more := len(users) > w.limit
	users = users[:min(w.limit, len(users))]
	var page []ordered
	last := ""
	for _, u := range users {
		page = append(page, ordered{{"user_id", u.id}, {"email", u.Email}, {"picture", u.pictureOr()}, {"name", or(u.Name, u.Email)}})
		last = strconv.FormatInt(u.number, 10)
	}
	if !w.checkpoint {
		return w.listed(totalLast, "users", page, total), nil
	}
	if !more {
		last = ""
	}
	return w.going("users", page, last), nil
}

func (t *Tenant) postRoleUsers(m *managed) (any, error) {
	body, err := m.readBody(shape{kind: "object", required: []string{"users"}, members: map[string]shape{"users": arrayOf(text, 1, maxAtOnce)}})
	if err != nil {
		return nil, err
	}
	return ordered{}, t.writing(m, func(tx *sql.Tx) error {
		r, err := t.existingRole(m.ctx, tx, m.path("id"))
		if err != nil {
			return err
		}
		for _, id := range textsOf(body["users"]) {
			if _, err := t.existingUser(m.ctx, tx, m, id); err != nil {
				return err
			}
			if err := t.assignRoles(m.ctx, tx, id, []string{r.id}); err != nil {
				return err
			}
		}
		return nil
	})
}
