package doorwright

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/oidc"
)

// tenantRoom is a tenant as a room for users.
type tenantRoom struct {
	tenant *auth0.Tenant
	name   string
	decl   *app.Tenant
}

func (a *App) tenantDirectory(name string) *Directory {
	decl, _ := a.decl.Tenants.Get(name)
	return &Directory{Tenant: name, app: a, room: &tenantRoom{a.tenants.Tenant(name), name, decl}}
}

// tenantUser is a user as Auth0 shows it.
type tenantUser struct {
	ID                      string          `json:"user_id"`
	Email                   string          `json:"email"`
	EmailVerified           bool            `json:"email_verified"`
	Blocked                 bool            `json:"blocked"`
	Created                 time.Time       `json:"created_at"`
	Updated                 time.Time       `json:"updated_at"`
	LastLogin               *time.Time      `json:"last_login"`
	Name, Nickname, Picture string          `json:",omitempty"`
	GivenName               string          `json:"given_name"`
	FamilyName              string          `json:"family_name"`
	UserMetadata            json.RawMessage `json:"user_metadata"`
	AppMetadata             json.RawMessage `json:"app_metadata"`
}

func (u *tenantUser) user() User {
	out := User{
		Name: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Status: "UNVERIFIED", Enabled: !u.Blocked,
		Created: u.Created, Changed: u.Updated, LastLogin: u.LastLogin, Attributes: []Attribute{},
	}
	if u.EmailVerified {
		out.Status = "CONFIRMED"
	}
	for _, one := range []Attribute{
		{"app_metadata", string(u.AppMetadata)}, {"family_name", u.FamilyName}, {"given_name", u.GivenName}, {"name", u.Name}, {"nickname", u.Nickname},
		{"picture", u.Picture}, {"user_metadata", string(u.UserMetadata)},
	} {
		if one.Value != "" {
			out.Attributes = append(out.Attributes, one)
		}
	}
	return out
}

func (t *tenantRoom) list(ctx context.Context, f UserFilter) (UserPage, error) {
	page := 0
	if f.Page != "" {
		var err error
		if page, err = strconv.Atoi(f.Page); err != nil || page < 0 {
			return UserPage{}, fmt.Errorf("%.100q is no page that a list gave", f.Page)
		}
	}
	q := url.Values{"per_page": {strconv.Itoa(f.Limit)}, "page": {strconv.Itoa(page)}, "include_totals": {"true"}, "search_engine": {"v3"}}
	if f.Text != "" {
		q.Set("q", tenantFilter(f.Text))
	}
	var out struct {
		Users []tenantUser
		Total int
	}
	if err := t.tenant.Call(ctx, http.MethodGet, "/users?"+q.Encode(), nil, &out); err != nil {
		return UserPage{}, err
	}
	var list UserPage
	for _, u := range out.Users {
		list.Users = append(list.Users, u.user())
	}
	if (page+1)*f.Limit < out.Total {
		list.Next = strconv.Itoa(page + 1)
	}
	return list, nil
}

// tenantFilter gives Auth0's q: a word is what the address or the name begins with.
func tenantFilter(text string) string {
	if strings.ContainsAny(text, `:"`) {
		return text
	}
	escaped := strings.NewReplacer(`\`, `\\`, " ", `\ `, "(", `\(`, ")", `\)`, "*", `\*`, "?", `\?`, "~", `\~`, "^", `\^`, "[", `\[`, "]", `\]`,
		"{", `\{`, "}", `\}`, "/", `\/`, "!", `\!`).Replace(strings.ToLower(text))
	return "email:" + escaped + "* OR name:" + escaped + "*"
}

// id finds a user's id by the id or the address.
func (t *tenantRoom) id(ctx context.Context, name string) (string, error) {
	if strings.Contains(name, "|") || !strings.Contains(name, "@") {
		return name, nil
	}
	var found []tenantUser
	err := t.tenant.Call(ctx, http.MethodGet, "/users-by-email?"+url.Values{"email": {strings.ToLower(name)}}.Encode(), nil, &found)
	if err != nil || len(found) == 0 {
		return name, err // what is asked next says that there is none
	}
	return found[0].ID, nil
}

// of gives the path of a user.
func of(id string) string { return "/users/" + url.PathEscape(id) }

func (t *tenantRoom) user(ctx context.Context, name string) (*User, error) {
	id, err := t.id(ctx, name)
	if err != nil {
		return nil, err
	}
	var found tenantUser
	if err := t.tenant.Call(ctx, http.MethodGet, of(id), nil, &found); err != nil {
		return nil, err
	}
	u := found.user()
	roles, err := whole[tenantRole](ctx, t, of(id)+"/roles")
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		u.Groups = append(u.Groups, r.Name)
	}
	slices.Sort(u.Groups)
	u.Permissions, err = t.permissions(ctx, of(id)+"/permissions")
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// tenantRole is a role as Auth0 shows it.
type tenantRole struct{ ID, Name, Description string }

// tenantPermission is a permission as Auth0 shows it, and takes it.
type tenantPermission struct {
	API     string `json:"resource_server_identifier"`
	Name    string `json:"permission_name"`
	Sources []struct {
		Name string `json:"source_name"`
		Type string `json:"source_type"`
	} `json:"sources,omitempty"`
}

// whole reads all pages of a list. The service bounds what there is of each.
func whole[T any](ctx context.Context, t *tenantRoom, path string) ([]T, error) {
	const size = 100
	var all []T
	for page := 0; ; page++ {
		var some []T
		if err := t.tenant.Call(ctx, http.MethodGet, fmt.Sprintf("%s?per_page=%d&page=%d", path, size, page), nil, &some); err != nil {
			return nil, err
		}
		if all = append(all, some...); len(some) < size {
			return all, nil
		}
	}
}

func (t *tenantRoom) permissions(ctx context.Context, path string) ([]Permission, error) {
	found, err := whole[tenantPermission](ctx, t, path)
	var list []Permission
	for _, one := range found {
		p := Permission{API: one.API, Name: one.Name}
		for name, decl := range t.decl.APIs.All() {
			if decl.Identifier == one.API {
				p.API = name
			}
		}
		for _, s := range one.Sources {
			if s.Type == "DIRECT" {
				p.Direct = true
			} else {
				p.Roles = append(p.Roles, s.Name)
			}
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Permission) int {
		return cmp.Or(strings.Compare(a.API, b.API), strings.Compare(a.Name, b.Name))
	})
	return list, err
}

// body puts attributes into the words of Auth0.
func (t *tenantRoom) body(attributes []Attribute) (map[string]any, error) {
	body := map[string]any{}
	for _, one := range attributes {
		body[one.Name] = one.Value
		if slices.Contains([]string{"user_metadata", "app_metadata", "email_verified"}, one.Name) {
			var value any
			if err := json.Unmarshal([]byte(one.Value), &value); err != nil {
				return nil, fixable(fmt.Errorf("the value of %s is not JSON: %w", one.Name, err), "such as "+one.Name+`={"plan":"gold"}`)
			}
			body[one.Name] = value
		}
	}
	return body, nil
}

func (t *tenantRoom) create(ctx context.Context, n NewUser) (string, error) {
	if n.Temporary {
		return "", fixable(errors.New("a tenant's users have no temporary passwords"), "give the user a password; a user who does not know it resets it by a link at the sign-in page")
	}
	body, err := t.body(append([]Attribute{{"email_verified", "true"}}, n.Attributes...))
	if err != nil {
		return "", err
	}
	body["connection"], body["email"], body["password"] = "Username-Password-Authentication", n.Name, n.Password
	var made tenantUser
	if err := t.tenant.Call(ctx, http.MethodPost, "/users", body, &made); err != nil {
		return "", err
	}
	return made.ID, nil
}

func (t *tenantRoom) change(ctx context.Context, name string, c UserChange) error {
	if c.Temporary {
		return errors.New("a tenant's users have no temporary passwords")
	}
	id, err := t.id(ctx, name)
	if err != nil {
		return err
	}
	body, err := t.body(c.Attributes)
	if err != nil {
		return err
	}
	if c.Confirmed {
		body["email_verified"] = true
	}
	if c.Enabled != nil {
		body["blocked"] = !*c.Enabled
	}
	if c.Password != "" {
		body["password"] = c.Password
	}
	if len(body) > 0 {
		if err := t.tenant.Call(ctx, http.MethodPatch, of(id), body, nil); err != nil {
			return err
		}
	}
	if err := t.changeRoles(ctx, id, http.MethodPost, c.Join); err != nil {
		return err
	}
	if err := t.changeRoles(ctx, id, http.MethodDelete, c.Leave); err != nil {
		return err
	}
	return t.changePermissions(ctx, of(id), c.Grant, c.Revoke)
}

// changeRoles gives a user roles, or takes them.
func (t *tenantRoom) changeRoles(ctx context.Context, id, method string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var ids []string
	for _, name := range names {
		role, err := t.roleID(ctx, name)
		if err != nil {
			return err
		}
		ids = append(ids, role)
	}
	return t.tenant.Call(ctx, method, of(id)+"/roles", map[string]any{"roles": ids}, nil)
}

// changePermissions gives a user or a role permissions, and takes some.
func (t *tenantRoom) changePermissions(ctx context.Context, of string, grant, revoke []Permission) error {
	for _, step := range []struct {
		method string
		list   []Permission
	}{{http.MethodPost, grant}, {http.MethodDelete, revoke}} {
		if len(step.list) == 0 {
			continue
		}
		if err := t.tenant.Call(ctx, step.method, of+"/permissions", map[string]any{"permissions": t.identified(step.list)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// identified names the APIs of permissions by their identifiers.
func (t *tenantRoom) identified(list []Permission) []tenantPermission {
	var all []tenantPermission
	for _, p := range list {
		if decl, ok := t.decl.APIs.Get(p.API); ok {
			p.API = decl.Identifier
		}
		all = append(all, tenantPermission{API: p.API, Name: p.Name})
	}
	return all
}

// roleID finds the id of a role by its name.
func (t *tenantRoom) roleID(ctx context.Context, name string) (string, error) {
	all, err := whole[tenantRole](ctx, t, "/roles")
	if err != nil {
		return "", err
	}
	var have []string
	for _, r := range all {
		if r.Name == name {
			return r.ID, nil
		}
		have = append(have, r.Name)
	}
	slices.Sort(have)
	if len(have) == 0 {
		have = []string{"none"}
	}
	return "", fixable(fmt.Errorf("tenant %s has no role %q", t.name, name), "it has "+strings.Join(have, ", "))
}

func (t *tenantRoom) remove(ctx context.Context, name string) error {
	id, err := t.id(ctx, name)
	if err != nil {
		return err
	}
	// Auth0 answers that one who is not there was deleted. Who types a name wants to
	// know that it was wrong.
	if err := t.tenant.Call(ctx, http.MethodGet, of(id), nil, nil); err != nil {
		return err
	}
	return t.tenant.Call(ctx, http.MethodDelete, of(id), nil, nil)
}

func (t *tenantRoom) groups(ctx context.Context) ([]Group, error) {
	roles, err := whole[tenantRole](ctx, t, "/roles")
	if err != nil {
		return nil, err
	}
	list := []Group{}
	for _, r := range roles {
		permissions, err := t.permissions(ctx, "/roles/"+url.PathEscape(r.ID)+"/permissions")
		if err != nil {
			return nil, err
		}
		list = append(list, Group{Name: r.Name, Description: r.Description, Permissions: permissions})
	}
	slices.SortFunc(list, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (t *tenantRoom) createGroup(ctx context.Context, g Group) error {
	var made tenantRole
	if err := t.tenant.Call(ctx, http.MethodPost, "/roles", map[string]any{"name": g.Name, "description": g.Description}, &made); err != nil {
		return err
	}
	path := "/roles/" + url.PathEscape(made.ID)
	if err := t.changePermissions(ctx, path, g.Permissions, nil); err != nil {
		return errors.Join(err, t.tenant.Call(context.WithoutCancel(ctx), http.MethodDelete, path, nil, nil))
	}
	return nil
}

func (t *tenantRoom) changeGroup(ctx context.Context, name string, grant, revoke []Permission) error {
	id, err := t.roleID(ctx, name)
	if err != nil {
		return err
	}
	return t.changePermissions(ctx, "/roles/"+url.PathEscape(id), grant, revoke)
}

func (t *tenantRoom) removeGroup(ctx context.Context, name string) error {
	id, err := t.roleID(ctx, name)
	if err != nil {
		return err
	}
	return t.tenant.Call(ctx, http.MethodDelete, "/roles/"+url.PathEscape(id), nil, nil)
}

func (t *tenantRoom) signIns(ctx context.Context, name string) ([]oidc.SignIn, error) {
	id, err := t.id(ctx, name)
	if err != nil {
		return nil, err
	}
	return t.tenant.SignIns(ctx, id)
}

func (t *tenantRoom) endSignIn(ctx context.Context, name, signIn string) (bool, error) {
	id, err := t.id(ctx, name)
	if err != nil {
		return false, err
	}
	return t.tenant.EndSignIn(ctx, id, signIn)
}

func (t *tenantRoom) endAll(ctx context.Context, name string) error {
	id, err := t.id(ctx, name)
	if err != nil {
		return err
	}
	return t.tenant.SignOut(ctx, id)
}
