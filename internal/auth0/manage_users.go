package auth0

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

func userOperations() []operation {
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	read, update := []string{"read:users"}, []string{"update:users"}
	return []operation{
		{method: "GET", path: "/users", scopes: read, status: ok,
			query: slices.Concat(offset, some, []string{"q", "search_engine", "sort", "connection"}), run: (*Tenant).getUsers, note: "the first 1000 of a search; part of Lucene's syntax"},
		{method: "GET", path: "/users-by-email", scopes: read, status: ok, query: slices.Concat(some, []string{"email"}), run: (*Tenant).usersByEmail},
		{method: "POST", path: "/users", scopes: []string{"create:users"}, status: created, run: (*Tenant).postUser, note: "of the database connection"},
		{method: "GET", path: "/users/{id}", scopes: read, status: ok, query: some, run: (*Tenant).getUser},
		{method: "PATCH", path: "/users/{id}", scopes: []string{"update:users", scopeAppMetadata}, status: ok, run: (*Tenant).patchUser,
			note: "of a declared user until its entry is changed; update:users_app_metadata changes app_metadata alone"},
		{method: "DELETE", path: "/users/{id}", scopes: []string{"delete:users"}, status: gone, run: (*Tenant).removeUser, note: "not a declared user"},
		{method: "GET", path: "/users/{id}/roles", scopes: read, beside: []string{"read:roles"}, status: ok, query: offset, run: (*Tenant).getUserRoles},
		{method: "POST", path: "/users/{id}/roles", scopes: update, status: gone, run: (*Tenant).postUserRoles},
		{method: "DELETE", path: "/users/{id}/roles", scopes: update, status: gone, run: (*Tenant).deleteUserRoles},
		{method: "GET", path: "/users/{id}/permissions", scopes: read, status: ok, query: offset, run: (*Tenant).getUserPermissions},
		{method: "POST", path: "/users/{id}/permissions", scopes: update, status: created, run: (*Tenant).postUserPermissions},
		{method: "DELETE", path: "/users/{id}/permissions", scopes: update, status: gone, run: (*Tenant).deleteUserPermissions},
	}
}

const scopeAppMetadata = "update:users_app_metadata"

// Bounds of users (https://auth0.com/docs/manage-users/user-accounts/metadata).
const (
	maxMetadataSize = 16 << 10
	maxFound        = 1000 // of a search, that one can page through
)

// userShape is what a user may be.
var userShape = shape{
	kind: "object",
	members: map[string]shape{
		"connection":     {kind: "string", min: 1, max: 128},
		"email":          {kind: "string", format: formatEmail},
		"password":       {kind: "string", min: 1, max: maxPassword},
		"email_verified": flag,
		"verify_email":   {kind: "boolean", only: false},
		"user_metadata":  {kind: "object", open: true},
		"app_metadata":   {kind: "object", open: true},
		"blocked":        flag,
		"given_name":     {kind: "string", max: 150, nullable: true},
		"family_name":    {kind: "string", max: 150, nullable: true},
		"name":           {kind: "string", max: 300, nullable: true},
		"nickname":       {kind: "string", max: 300, nullable: true},
		"picture":        {kind: "string", max: 2048, nullable: true},
	},
	unsupported: []string{"username", "phone_number", "phone_verified", "verify_phone_number", "verify_password", "client_id", "preferred_username"},
}

// userPart is what a user may be given as an id: it is stored behind auth0|.
var userPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._@+-]{1,200}$`) })

// instant is how Auth0 writes times.
func instant(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (u *user) pictureOr() string { return or(u.Picture, picture(u.Email)) }

// wire gives a user as Auth0 does.
func (u *user) wire() ordered {
	o := ordered{}
	if u.Blocked {
		o = o.with("blocked", true)
	}
	o = o.with("created_at", instant(u.created)).with("email", u.Email).with("email_verified", u.EmailVerified)
	for _, f := range []field{{"family_name", u.FamilyName}, {"given_name", u.GivenName}} {
		if f.value != "" {
			o = append(o, f)
		}
	}
	_, bare, _ := strings.Cut(u.id, "|")
	o = o.with("identities", []ordered{{{"connection", connectionName}, {"user_id", bare}, {"provider", "auth0"}, {"isSocial", false}}}).
		with("name", or(u.Name, u.Email)).with("nickname", or(u.Nickname, strings.SplitN(u.Email, "@", 2)[0])).with("picture", u.pictureOr()).
		with("updated_at", instant(u.updated)).with("user_id", u.id)
	if len(u.UserMetadata) > 0 {
		o = o.with("user_metadata", u.UserMetadata)
	}
	if !u.passwordReset.IsZero() {
		o = o.with("last_password_reset", instant(u.passwordReset))
	}
	if len(u.AppMetadata) > 0 {
		o = o.with("app_metadata", u.AppMetadata)
	}
	if !u.lastLogin.IsZero() {
		o = o.with("last_ip", u.lastIP).with("last_login", instant(u.lastLogin)).with("logins_count", u.logins)
	}
	return o
}

func (t *Tenant) getUsers(m *managed) (any, error) {
	w, err := m.window(false)
	if err != nil {
		return nil, err
	}
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	if engine := m.query.Get("search_engine"); engine != "" && engine != "v3" {
		return nil, unsupported("search_engine: a local tenant supports v3 alone.")
	}
	q, err := readUserQuery(m.query.Get("q"), m.query.Get("sort"), m.query.Get("connection"))
	if err != nil {
		return nil, err
	}
	if w.start+w.limit > maxFound {
		return nil, apiFail(http.StatusBadRequest, "invalid_paging", "You can only page through the first 1000 records. "+
			"See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation")
	}
	var users []*user
	var total int
	err = t.reading(m, func(tx *sql.Tx) error {
		users, total, err = t.listUsers(m.ctx, tx, q, w.start, w.limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	var page []ordered
	for _, u := range users {
		page = append(page, u.wire().only(fields, include))
	}
	return w.listed(withLength, "users", page, total), nil
}

func (t *Tenant) usersByEmail(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	if m.query.Get("email") == "" {
		return nil, invalidQuery("", "Missing required property: email")
	}
	found := []ordered{}
	err = t.reading(m, func(tx *sql.Tx) error {
		u, err := t.userByEmail(m.ctx, tx, m.query.Get("email"))
		if err == nil && u != nil {
			found = append(found, u.wire().only(fields, include))
		}
		return err
	})
	return found, err
}

func (t *Tenant) getUser(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	var u *user
	err = t.reading(m, func(tx *sql.Tx) error {
		u, err = t.existingUser(m.ctx, tx, m, m.path("id"))
		return err
	})
	if err != nil {
		return nil, err
	}
	return u.wire().only(fields, include), nil
}

// errConflictingUser is Auth0's refusal of an address or an id that another user
// has.
var errConflictingUser = conflict("The user already exists.", "auth0_idp_error")

// amend puts what a request said over what a user is.
func (u *user) amend(body map[string]any) error {
	for name, to := range map[string]*string{
		"given_name": &u.GivenName, "family_name": &u.FamilyName, "name": &u.Name, "nickname": &u.Nickname, "picture": &u.Picture,
	} {
		if value, given := body[name]; given {
			*to, _ = value.(string) // null is the default again
		}
	}
	if email, ok := body["email"].(string); ok {
		if email = strings.ToLower(email); email != u.Email {
			u.Email, u.EmailVerified = email, false
		}
	}
	for name, to := range map[string]*bool{"email_verified": &u.EmailVerified, "blocked": &u.Blocked} {
		if is, ok := body[name].(bool); ok {
			*to = is
		}
	}
	for name, to := range map[string]*map[string]any{"user_metadata": &u.UserMetadata, "app_metadata": &u.AppMetadata} {
		change, ok := body[name].(map[string]any)
		if !ok {
			continue
		}
		merged := map[string]any{}
		maps.Copy(merged, *to)
		maps.Copy(merged, change) // of the first level alone, as Auth0 does
		maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
		if len(jsonOf(merged)) > maxMetadataSize {
			return apiFail(http.StatusBadRequest, codeInvalidBody, "%s has more than %d bytes.", name, maxMetadataSize)
		}
		*to = merged
	}
	return nil
}

// newPassword derives what is kept of a request's password.
func (t *Tenant) newPassword(ctx context.Context, password string) (passwordHash, error) {
	if checkStrength(password) != nil {
		return passwordHash{}, apiFail(http.StatusBadRequest, "", "PasswordStrengthError: Password is too weak")
	}
	return t.hasher.hash(ctx, password)
}

// checkConnection refuses a connection that there is not.
func checkConnection(body map[string]any) error {
	if name, ok := body["connection"].(string); ok && name != connectionName {
		return apiFail(http.StatusBadRequest, "inexistent_connection", "The connection does not exist.")
	}
	return nil
}

func (t *Tenant) postUser(m *managed) (any, error) {
	wanted := userShape.and("user_id", shape{kind: "string", min: 1, max: 200})
	wanted.required = []string{"connection"}
	body, err := m.readBody(wanted)
	if err != nil {
		return nil, err
	}
	if err := checkConnection(body); err != nil {
		return nil, err
	}
	u := &user{}
	for _, name := range []string{"email", "password"} {
		if _, ok := body[name]; !ok {
			return nil, invalidBody(&violation{"Missing required property: " + name, ""})
		}
	}
	if id, ok := body["user_id"].(string); ok {
		if !userPart().MatchString(id) {
			return nil, invalidBody(&violation{"Object didn't pass validation for format user-id: " + id, "user_id"})
		}
		u.id = "auth0|" + id
	}
	if err := u.amend(body); err != nil {
		return nil, err
	}
	password, _ := body["password"].(string)
	if u.password, err = t.newPassword(m.ctx, password); err != nil {
		return nil, err
	}
	m.c.event.User = u.Email
	err = t.writing(m, func(tx *sql.Tx) error { return t.createUser(m.ctx, tx, u) })
	return answerUser(u, err)
}

func answerUser(u *user, err error) (any, error) {
	switch {
	case errors.Is(err, errUserExists):
		return nil, errConflictingUser
	case errors.Is(err, errManyUsers):
		return nil, apiFail(http.StatusForbidden, "too_many_entities", "A local tenant has %d users at most.", maxUsers)
	case err != nil:
		return nil, err
	}
	return u.wire(), nil
}

// patchUser changes a user. Another password, and a block, end what the user is
// signed in to.
func (t *Tenant) patchUser(m *managed) (any, error) {
	body, err := m.readBody(userShape)
	if err != nil {
		return nil, err
	}
	if err := checkConnection(body); err != nil {
		return nil, err
	}
	if !m.holds("update:users") {
		for name := range body {
			if name != "app_metadata" {
				return nil, apiFail(http.StatusForbidden, codeInsufficientScope, "Insufficient scope, expected any of: update:users")
			}
		}
	}
	password, changed := body["password"].(string)
	if _, email := body["email"]; email && changed {
		return nil, unsupported("Cannot update password and email simultaneously")
	}
	var hash passwordHash
	if changed {
		if hash, err = t.newPassword(m.ctx, password); err != nil {
			return nil, err
		}
	}
	var u *user
	err = t.writing(m, func(tx *sql.Tx) (err error) {
		if u, err = t.existingUser(m.ctx, tx, m, m.path("id")); err != nil {
			return err
		}
		if err := u.amend(body); err != nil {
			return err
		}
		if changed {
			return t.setPassword(m.ctx, tx, u, hash)
		}
		return t.saveUser(m.ctx, tx, u)
	})
	return answerUser(u, err)
}

// removeUser deletes a user. Deleting one who is not there is a success.
func (t *Tenant) removeUser(m *managed) (any, error) {
	return nil, t.writing(m, func(tx *sql.Tx) error {
		u, err := t.userByID(m.ctx, tx, m.path("id"))
		if err != nil || u == nil {
			return err
		}
		if m.c.event.User = u.Email; u.declared != "" {
			return t.declaredIn("users (%s)", u.declared)
		}
		_, err = t.deleteUser(m.ctx, tx, u.id)
		return err
	})
}

func (t *Tenant) getUserRoles(m *managed) (any, error) {
	w, err := m.window(false)
	if err != nil {
		return nil, err
	}
	var all []*role
	err = t.reading(m, func(tx *sql.Tx) error {
		u, err := t.existingUser(m.ctx, tx, m, m.path("id"))
		if err == nil {
			all, err = t.rolesOf(m.ctx, tx, u.id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w.listed(totalLast, "roles", wired(pageOf(w, all)), len(all)), nil
}

func (t *Tenant) postUserRoles(m *managed) (any, error) { return t.changeUserRoles(m, t.assignRoles) }

func (t *Tenant) deleteUserRoles(m *managed) (any, error) { return t.changeUserRoles(m, t.removeRoles) }

// changeUserRoles gives a user roles, or takes them. It shows in the user's next
// token.
func (t *Tenant) changeUserRoles(m *managed, change func(context.Context, *sql.Tx, string, []string) error) (any, error) {
	body, err := m.readBody(shape{kind: "object", required: []string{"roles"}, members: map[string]shape{
		"roles": arrayOf(shape{kind: "string", min: 1, max: 64}, 1, maxAtOnce),
	}})
	if err != nil {
		return nil, err
	}
	return nil, t.writing(m, func(tx *sql.Tx) error {
		u, err := t.existingUser(m.ctx, tx, m, m.path("id"))
		if err != nil {
			return err
		}
		ids := textsOf(body["roles"])
		for _, id := range ids {
			if _, err := t.existingRole(m.ctx, tx, id); err != nil {
				return err
			}
		}
		return change(m.ctx, tx, u.id, ids)
	})
}

func (t *Tenant) getUserPermissions(m *managed) (any, error) {
	w, err := m.window(false)
	if err != nil {
		return nil, err
	}
	var held map[permission][]source
	err = t.reading(m, func(tx *sql.Tx) error {
		u, err := t.existingUser(m.ctx, tx, m, m.path("id"))
		if err == nil {
			held, err = t.permissionsOf(m.ctx, tx, u.id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all := slices.SortedFunc(maps.Keys(held), func(a, b permission) int {
		return strings.Compare(a.audience+"\x00"+a.name, b.audience+"\x00"+b.name)
	})
	var page []ordered
	for _, p := range pageOf(w, all) {
		sources := []ordered{}
		for _, s := range held[p] {
			kind := "ROLE"
			if s.roleID == "" {
				kind = "DIRECT"
			}
			sources = append(sources, ordered{{"source_id", s.roleID}, {"source_name", s.roleName}, {"source_type", kind}})
		}
		page = append(page, t.wirePermission(p).with("sources", sources))
	}
	return w.listed(totalLast, "permissions", page, len(all)), nil
}

func (t *Tenant) postUserPermissions(m *managed) (any, error) {
	return t.changeUserPermissions(m, t.addPermissions)
}

func (t *Tenant) deleteUserPermissions(m *managed) (any, error) {
	return t.changeUserPermissions(m, t.removePermissions)
}

func (t *Tenant) changeUserPermissions(m *managed, change func(context.Context, *sql.Tx, string, []permission) error) (any, error) {
	list, err := t.readPermissions(m)
	if err != nil {
		return nil, err
	}
	return ordered{}, t.writing(m, func(tx *sql.Tx) error {
		u, err := t.existingUser(m.ctx, tx, m, m.path("id"))
		if err != nil {
			return err
		}
		return change(m.ctx, tx, u.id, list)
	})
}
