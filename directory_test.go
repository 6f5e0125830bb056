package doorwright_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// directoryApp has users in a pool and in a tenant.
const directoryApp = `name: app
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    groups: {admins: {}, riders: {}}
    clients: {web: {authFlows: [userPassword]}}
tenants:
  Auth0:
    applications: {web: {type: regular_web, callbacks: ["http://localhost:5678"]}}
    apis: {Api: {identifier: "https://api.example", rbac: true, permissions: [read, write]}}
    roles: {reader: {Api: [read]}, writer: {Api: [read, write]}}
    users: [{email: ann@example.com, password: "Passw0rd!", roles: [reader]}]
outputs: {Pool: "${userPools.Users.id}", Web: "${userPools.Users.clients.web.id}"}
`

func directory(t *testing.T, r *running, pool, tenant string) *doorwright.Directory {
	t.Helper()
	d, err := r.Directory(pool, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// refusedWith holds an error and its fix to the words that they must have.
func refusedWith(t *testing.T, err error, text, fix string) {
	t.Helper()
	var mendable interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), text) || !errors.As(err, &mendable) || !strings.Contains(mendable.Hint(), fix) {
		t.Errorf("refused with %v (%v)\nwant %q and the fix %q", err, mendable, text, fix)
	}
}

// names gives those of a page's users, by address.
func names(p doorwright.UserPage) string {
	var list []string
	for _, u := range p.Users {
		list = append(list, u.Email)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestDirectoryOfPool changes users of a pool, and looks by the pool's own operations
// at what came of it.
func TestDirectoryOfPool(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true})
	ctx, d := t.Context(), directory(t, r, "Users", "")
	signIn := func(password string) string {
		t.Helper()
		status, body := r.pool("InitiateAuth", map[string]any{
			"ClientId": r.output("Web"), "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": "bea@example.com", "PASSWORD": password},
		})
		for _, word := range []string{"NEW_PASSWORD_REQUIRED", "AccessToken", "User is disabled", "Incorrect username or password"} {
			if strings.Contains(body, word) {
				return word
			}
		}
		return fmt.Sprint(status, body)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.Create(ctx, doorwright.NewUser{Name: "bea@example.com"})
	refusedWith(t, err, "a user needs a password", "--temporary")
	for password, text := range map[string]string{"passw0rd!": "InvalidPasswordException", "short": "length greater than or equal to 6"} {
		_, err = d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Password: password})
		refusedWith(t, err, text, "userPools.Users.passwordPolicy")
	}
	_, err = d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Password: "Passw0rd!", Groups: []string{"nobody"}})
	refusedWith(t, err, "ResourceNotFoundException", "users groups --pool Users")
	_, err = d.User(ctx, "bea@example.com")
	refusedWith(t, err, "UserNotFoundException", "users list --pool Users") // what was refused has left nobody

	u, err := d.Create(ctx, doorwright.NewUser{
		Name: "bea@example.com", Password: "Passw0rd!", Attributes: []doorwright.Attribute{{"given_name", "Bea"}}, Groups: []string{"riders"},
	})
	must(err)
	if u.Email != "bea@example.com" || !u.EmailVerified || u.Status != "CONFIRMED" || !u.Enabled || !reflect.DeepEqual(u.Groups, []string{"riders"}) ||
		!slices.Contains(u.Attributes, doorwright.Attribute{"given_name", "Bea"}) || u.Created.IsZero() {
		t.Errorf("the user is %+v", u)
	}
	if got := signIn("Passw0rd!"); got != "AccessToken" {
		t.Errorf("the user signs in with %s", got)
	}
	_, err = d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Password: "Passw0rd!"})
	refusedWith(t, err, "UsernameExistsException", "users show --pool Users bea@example.com")

	must(d.Change(ctx, "bea@example.com", doorwright.UserChange{Join: []string{"admins"}, Leave: []string{"riders"}}))
	if u, err = d.User(ctx, "bea@example.com"); err != nil || !reflect.DeepEqual(u.Groups, []string{"admins"}) {
		t.Errorf("after join and leave: %+v %v", u, err)
	}
	refusedWith(t, d.Change(ctx, "bea@example.com", doorwright.UserChange{Grant: []doorwright.Permission{{API: "Api", Name: "read"}}}), "has no permissions", "userPools.Users.groups")

	signIns, err := d.SignIns(ctx, "bea@example.com")
	if err != nil || len(signIns) != 1 || signIns[0].Client != "web" {
		t.Fatalf("signed in by %+v %v", signIns, err)
	}
	must(d.EndSignIn(ctx, "bea@example.com", signIns[0].ID))
	refusedWith(t, d.EndSignIn(ctx, "bea@example.com", signIns[0].ID), "is not signed in by", "users sign-ins")
	signIn("Passw0rd!")
	must(d.SignOut(ctx, "bea@example.com"))
	if signIns, err = d.SignIns(ctx, "bea@example.com"); err != nil || len(signIns) != 0 {
		t.Errorf("signed out, and in by %+v %v", signIns, err)
	}

	must(d.Change(ctx, "bea@example.com", doorwright.UserChange{Enabled: new(false)}))
	if got := signIn("Passw0rd!"); got != "User is disabled" {
		t.Errorf("a disabled user signs in with %s", got)
	}
	must(d.Change(ctx, "bea@example.com", doorwright.UserChange{Enabled: new(true), Password: "Temp0rary!", Temporary: true}))
	if got := signIn("Temp0rary!"); got != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("a temporary password gives %s", got)
	}
	if status, body := r.pool("SignUp", map[string]any{"ClientId": r.output("Web"), "Username": "cid@example.com", "Password": "Passw0rd!"}); status != 200 {
		t.Fatal(body)
	}
	if u, err = d.User(ctx, "cid@example.com"); err != nil || u.Status != "UNCONFIRMED" {
		t.Errorf("who has signed up is %+v %v", u, err)
	}
	must(d.Change(ctx, "cid@example.com", doorwright.UserChange{Confirmed: true}))
	if u, err = d.User(ctx, "cid@example.com"); err != nil || u.Status != "CONFIRMED" {
		t.Errorf("who was confirmed is %+v %v", u, err)
	}
	refusedWith(t, d.Change(ctx, "cid@example.com", doorwright.UserChange{Confirmed: true}), "NotAuthorizedException", "users show --pool Users cid@example.com")
	must(d.Delete(ctx, "bea@example.com"))
	refusedWith(t, d.Delete(ctx, "bea@example.com"), "UserNotFoundException", "users list")
}

// TestDirectoryPages lists users in pages, and by how their addresses begin.
func TestDirectoryPages(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true})
	for _, d := range r.Directories() {
		if d.Tenant != "" {
			if err := d.Delete(t.Context(), "ann@example.com"); err == nil {
				t.Error("a declared user was deleted")
			}
		}
		for _, name := range []string{"ada", "abe", "bea"} {
			if _, err := d.Create(t.Context(), doorwright.NewUser{Name: name + "@example.com", Password: "Passw0rd!"}); err != nil {
				t.Fatal(err)
			}
		}
		var all []string
		f := doorwright.UserFilter{Limit: 2}
		for range 3 {
			page, err := d.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Users {
				all = append(all, u.Email)
			}
			if f.Page = page.Next; f.Page == "" {
				break
			}
		}
		slices.Sort(all)
		want := "abe@example.com ada@example.com bea@example.com"
		if d.Tenant != "" {
			want = "abe@example.com ada@example.com ann@example.com bea@example.com"
		}
		if got := strings.Join(all, " "); got != want || f.Page != "" {
			t.Errorf("%s lists %s, and then %q", d, got, f.Page)
		}
		if page, err := d.List(t.Context(), doorwright.UserFilter{Text: "AB"}); err != nil || d.Tenant != "" && names(page) != "abe@example.com" {
			t.Errorf("%s finds %s %v", d, names(page), err)
		}
		if page, err := d.List(t.Context(), doorwright.UserFilter{Text: "ab"}); err != nil || names(page) != "abe@example.com" {
			t.Errorf("%s finds %s %v", d, names(page), err)
		}
		for _, odd := range []string{`a"b`, "a(b)*?~^[]{}/!", `a\`, "a b", "a:b", "=", "\x00"} {
			if _, err := d.List(t.Context(), doorwright.UserFilter{Text: odd}); err != nil && strings.Contains(err.Error(), "Internal") {
				t.Errorf("%s, searching %q: %v", d, odd, err)
			}
		}
		if _, err := d.List(t.Context(), doorwright.UserFilter{Limit: 61}); err == nil {
			t.Errorf("%s gives a page of 61", d)
		}
		if _, err := d.List(t.Context(), doorwright.UserFilter{Page: "x"}); err == nil {
			t.Errorf("%s gives the page x", d)
		}
	}
}

// TestDirectoryOfTenant changes users of a tenant, and looks at the tokens that they
// then get.
func TestDirectoryOfTenant(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true})
	ctx, d := t.Context(), directory(t, r, "", "Auth0")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	scopes := func() (string, error) {
		tokens, err := r.TenantToken(ctx, doorwright.TenantTokenRequest{User: "bea@example.com", API: "Api", Scope: "read write"})
		if err != nil {
			return "", err
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.Access, ".")[1])
		if err != nil {
			return "", err
		}
		var claims struct{ Scope string }
		err = json.Unmarshal(payload, &claims)
		return claims.Scope, err
	}
	_, err := d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Password: "short"})
	refusedWith(t, err, "Password is too weak", "Auth0's rules")
	_, err = d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Temporary: true})
	refusedWith(t, err, "no temporary passwords", "resets it by a link")
	_, err = d.Create(ctx, doorwright.NewUser{Name: "bea@example.com", Password: "Passw0rd!", Groups: []string{"nobody"}})
	refusedWith(t, err, `tenant Auth0 has no role "nobody"`, "it has reader, writer")
	u, err := d.Create(ctx, doorwright.NewUser{
		Name: "bea@example.com", Password: "Passw0rd!", Attributes: []doorwright.Attribute{{"nickname", "B"}, {"app_metadata", `{"plan":"gold"}`}}, Groups: []string{"reader"},
	})
	must(err)
	if !strings.HasPrefix(u.Name, "auth0|") || u.Status != "CONFIRMED" || !u.Enabled || !reflect.DeepEqual(u.Groups, []string{"reader"}) ||
		!reflect.DeepEqual(u.Permissions, []doorwright.Permission{{API: "Api", Name: "read", Roles: []string{"reader"}}}) ||
		!slices.Contains(u.Attributes, doorwright.Attribute{"app_metadata", `{"plan":"gold"}`}) {
		t.Errorf("the user is %+v", u)
	}
	if got, err := scopes(); err != nil || got != "read" {
		t.Errorf("a reader gets %q %v", got, err)
	}
	must(d.Change(ctx, "bea@example.com", doorwright.UserChange{Join: []string{"writer"}, Leave: []string{"reader"}}))
	if got, err := scopes(); err != nil || got != "read write" {
		t.Errorf("a writer gets %q %v", got, err)
	}
	must(d.Change(ctx, u.Name, doorwright.UserChange{Leave: []string{"writer"}, Grant: []doorwright.Permission{{API: "Api", Name: "write"}}}))
	if got, err := scopes(); err != nil || got != "write" {
		t.Errorf("with a permission of its own the user gets %q %v", got, err)
	}
	must(d.Change(ctx, u.Name, doorwright.UserChange{Revoke: []doorwright.Permission{{API: "Api", Name: "write"}}}))

	refusedWith(t, d.ChangeGroup(ctx, "reader", []doorwright.Permission{{API: "Api", Name: "write"}}, nil), "is declared in doorwright.yaml", "")
	must(d.CreateGroup(ctx, doorwright.Group{Name: "editor", Permissions: []doorwright.Permission{{API: "Api", Name: "write"}}}))
	must(d.ChangeGroup(ctx, "editor", []doorwright.Permission{{API: "Api", Name: "read"}}, []doorwright.Permission{{API: "Api", Name: "write"}}))
	must(d.Change(ctx, u.Name, doorwright.UserChange{Join: []string{"editor"}}))
	if got, err := scopes(); err != nil || got != "read" {
		t.Errorf("an editor gets %q %v", got, err)
	}
	groups, err := d.Groups(ctx)
	if err != nil || len(groups) != 3 {
		t.Errorf("the roles are %+v %v", groups, err)
	}
	must(d.DeleteGroup(ctx, "editor"))

	if signIns, err := d.SignIns(ctx, u.Name); err != nil || len(signIns) == 0 || signIns[0].Client != "web" {
		t.Errorf("signed in by %+v %v", signIns, err)
	}
	must(d.SignOut(ctx, "bea@example.com"))
	if signIns, err := d.SignIns(ctx, u.Name); err != nil || len(signIns) != 0 {
		t.Errorf("signed out, and in by %+v %v", signIns, err)
	}
	must(d.Change(ctx, u.Name, doorwright.UserChange{Enabled: new(false)}))
	if got, err := scopes(); err == nil {
		t.Errorf("a blocked user gets %q", got)
	}
	must(d.Change(ctx, u.Name, doorwright.UserChange{Enabled: new(true), Password: "An0ther-one"}))
	must(d.Delete(ctx, u.Name))
	refusedWith(t, d.Delete(ctx, u.Name), "The user does not exist", "users list --tenant Auth0")
	refusedWith(t, d.Delete(ctx, "bea@example.com"), "The user does not exist", "users list --tenant Auth0")
	if _, err := d.SignIns(ctx, u.Name); err == nil {
		t.Error("nobody is signed in")
	}
}

// TestDirectoryNamed: what is not named is found where there is one place alone.
func TestDirectoryNamed(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true})
	_, err := r.Directory("", "")
	refusedWith(t, err, "more than one place for users", "--pool Users or --tenant Auth0")
	_, err = r.Directory("Usres", "")
	refusedWith(t, err, "no user pool Usres", "--pool Users or --tenant Auth0")
	if _, err = r.Directory("Users", "Auth0"); err == nil {
		t.Error("both were named")
	}
	one := run(t, doorwright.Config{Dir: declare(t, "name: app\nuserPools: {Users: {clients: {web: {}}}}\n"), AnyPort: true})
	if d, err := one.Directory("", ""); err != nil || d.Pool != "Users" {
		t.Errorf("the one directory: %v %v", d, err)
	}
	none := run(t, doorwright.Config{Dir: declare(t, "name: app\n"), AnyPort: true})
	if _, err := none.Directory("", ""); err == nil || !strings.Contains(err.Error(), "no user pool, and no tenant") {
		t.Errorf("without users: %v", err)
	}
}
