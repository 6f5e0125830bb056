package doorwright

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// Directory is where users are: a declared user pool, or a tenant that runs here. It
// has one vocabulary for both. Each change is an operation of the service, so that all
// of its rules hold and triggers run; its refusals are the service's, with a fix.
type Directory struct {
	// Pool or Tenant is the declared name; the other is empty.
	Pool, Tenant string

	app  *App
	room room
}

// room is what a directory asks of a user pool or a tenant.
type room interface {
	list(ctx context.Context, q UserFilter) (UserPage, error)
	user(ctx context.Context, name string) (*User, error)
	create(ctx context.Context, n NewUser) (string, error)
	change(ctx context.Context, name string, c UserChange) error
	remove(ctx context.Context, name string) error
	groups(ctx context.Context) ([]Group, error)
	createGroup(ctx context.Context, g Group) error
	changeGroup(ctx context.Context, name string, grant, revoke []Permission) error
	removeGroup(ctx context.Context, name string) error
	signIns(ctx context.Context, name string) ([]oidc.SignIn, error)
	endSignIn(ctx context.Context, name, id string) (bool, error)
	endAll(ctx context.Context, name string) error
}

// User is one user of a directory. It holds no password and no secret.
type User struct {
	// Name is what the service knows the user by: the Username, or Auth0's user_id.
	Name string `json:"name"`
	// Email is the address, if there is one.
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"emailVerified"`
	// Status is Cognito's UserStatus; of a tenant's user it is CONFIRMED, or
	// UNVERIFIED while the address is not verified, which keeps nobody from signing in.
	Status string `json:"status"`
	// Enabled is false for who is disabled, or blocked.
	Enabled bool `json:"enabled"`
	// Attributes are all others, by name. Metadata is JSON.
	Attributes []Attribute `json:"attributes"`
	// Groups are a pool's groups, or a tenant's roles. A list of users leaves them out.
	Groups []string `json:"groups,omitempty"`
	// Permissions are a tenant's.
	Permissions []Permission `json:"permissions,omitempty"`
	// MFA are the second factors, the preferred one first.
	MFA       []string   `json:"mfa,omitempty"`
	Created   time.Time  `json:"created"`
	Changed   time.Time  `json:"changed"`
	LastLogin *time.Time `json:"lastLogin,omitempty"`
}

// Attribute is an attribute of a user.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Permission is a permission for a tenant's API.
type Permission struct {
	// API is the declared name, or the identifier of an API that was made at run time.
	API  string `json:"api"`
	Name string `json:"name"`
	// Roles are those by which a user has it; Direct, that the user has it by itself.
	Roles  []string `json:"roles,omitempty"`
	Direct bool     `json:"direct,omitempty"`
}

// Group is a group of a pool, or a role of a tenant.
type Group struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Role is the IAM role of a pool's group.
	Role string `json:"role,omitempty"`
	// Permissions are those of a tenant's role.
	Permissions []Permission `json:"permissions,omitempty"`
}

// SignIn is something that a user is signed in to: a browser at the hosted pages, or a
// client (application) that has tokens of a sign-in.
type SignIn struct {
	ID string `json:"id"`
	// Client is the declared name; "" is a browser.
	Client  string    `json:"client,omitempty"`
	Began   time.Time `json:"began"`
	Expires time.Time `json:"expires"`
}

// UserFilter says which users are listed.
type UserFilter struct {
	// Text is what the username or the address begins with, or a filter in the words of
	// the service: ListUsers' Filter, or Auth0's q.
	Text string
	// Limit is how many are in a page; 50 if 0, at most 60.
	Limit int
	// Page is Next of the page before; "" is the first.
	Page string
}

// UserPage is a part of a list of users. Next is "" at its end.
type UserPage struct {
	Users []User `json:"users"`
	Next  string `json:"next,omitempty"`
}

// NewUser is a user to be made. The user is confirmed, and the address verified.
type NewUser struct {
	// Name is what the user signs in with; a tenant's user has an address.
	Name string
	// Password is the password. With Temporary the user has to change it at the first
	// sign-in; without a password the pool then makes one and sends it.
	Password  string
	Temporary bool
	// Attributes are further ones.
	Attributes []Attribute
	// Groups are groups of the pool, or roles of the tenant.
	Groups []string
}

// UserChange is what changes of a user; what is nil or empty stays as it is.
type UserChange struct {
	// Password is the new one. It signs the user out everywhere.
	Password  string
	Temporary bool
	// Confirmed confirms a user who has signed up.
	Confirmed bool
	// Enabled lets a user sign in again, or not any more, which ends its tokens.
	Enabled *bool
	// Join and Leave are groups of a pool, or roles of a tenant.
	Join, Leave []string
	// Grant and Revoke are a tenant's permissions, beside those of the roles.
	Grant, Revoke []Permission
	Attributes    []Attribute
}

// Bounds of a page.
const (
	userPage    = 50
	maxUserPage = 60 // ListUsers' own
)

// Directories gives all there are, pools first, in the declaration's order. It may be
// called after Listen.
func (a *App) Directories() []*Directory {
	var all []*Directory
	for name := range a.decl.UserPools.All() {
		all = append(all, a.poolDirectory(name))
	}
	for name := range a.decl.Tenants.All() {
		if a.tenants.Tenant(name) != nil {
			all = append(all, a.tenantDirectory(name))
		}
	}
	return all
}

// Directory gives that of a declared user pool or tenant. Both names may be empty if
// there is only one directory. It may be called after Listen.
func (a *App) Directory(pool, tenant string) (*Directory, error) {
	all := a.Directories()
	var names []string
	for _, d := range all {
		if d.Pool == pool && d.Tenant == tenant {
			return d, nil
		}
		names = append(names, d.flag())
	}
	switch {
	case pool != "" && tenant != "":
		return nil, errors.New("a user is in a user pool or in a tenant: name one of them")
	case pool == "" && tenant == "" && len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return nil, errors.New("the declaration has no user pool, and no tenant that runs here")
	case pool == "" && tenant == "":
		return nil, fixable(errors.New("there is more than one place for users"), "say which: "+joined(names))
	}
	if decl, ok := a.decl.Tenants.Get(tenant); ok {
		return nil, fmt.Errorf("the tenant %s of this stage is %s, which keeps its users itself", tenant, decl.Domain)
	}
	return nil, fixable(fmt.Errorf("the declaration has no %s", (&Directory{Pool: pool, Tenant: tenant}).String()), "there is "+joined(names))
}

// String names a directory in a sentence.
func (d *Directory) String() string {
	if d.Tenant != "" {
		return "tenant " + d.Tenant
	}
	return "user pool " + d.Pool
}

// flag names a directory on a command line.
func (d *Directory) flag() string {
	if d.Tenant != "" {
		return "--tenant " + d.Tenant
	}
	return "--pool " + d.Pool
}

// List gives a page of the users.
func (d *Directory) List(ctx context.Context, f UserFilter) (UserPage, error) {
	if f.Limit == 0 {
		f.Limit = userPage
	}
	if f.Limit < 0 || f.Limit > maxUserPage {
		return UserPage{}, fmt.Errorf("a page has 1 to %d users, not %d", maxUserPage, f.Limit)
	}
	page, err := d.room.list(ctx, f)
	if err != nil {
		return UserPage{}, d.refused("", err)
	}
	if page.Users == nil {
		page.Users = []User{}
	}
	return page, nil
}

// User gives one user with groups and permissions, by any name that it signs in with.
func (d *Directory) User(ctx context.Context, name string) (*User, error) {
	u, err := d.room.user(ctx, name)
	if err != nil {
		return nil, d.refused(name, err)
	}
	return u, nil
}

// Create makes a user. If the user cannot be made whole there is none.
func (d *Directory) Create(ctx context.Context, n NewUser) (*User, error) {
	if n.Password == "" && !n.Temporary {
		return nil, fixable(errors.New("a user needs a password"), "give one, or let the pool make a temporary one and send it: --temporary")
	}
	created, err := d.room.create(ctx, n)
	if err != nil {
		return nil, d.refused(n.Name, err)
	}
	if len(n.Groups) > 0 {
		if err := d.room.change(ctx, created, UserChange{Join: n.Groups}); err != nil {
			return nil, d.refused(n.Name, errors.Join(err, d.room.remove(context.WithoutCancel(ctx), created)))
		}
	}
	return d.User(ctx, created)
}

// Change changes a user, one operation of the service after the other: the first that
// is refused is the last.
func (d *Directory) Change(ctx context.Context, name string, c UserChange) error {
	return d.refused(name, d.room.change(ctx, name, c))
}

// Delete deletes a user.
func (d *Directory) Delete(ctx context.Context, name string) error {
	return d.refused(name, d.room.remove(ctx, name))
}

// Groups gives the groups of the pool, or the roles of the tenant.
func (d *Directory) Groups(ctx context.Context) ([]Group, error) {
	groups, err := d.room.groups(ctx)
	if err != nil {
		return nil, d.refused("", err)
	}
	return groups, nil
}

// CreateGroup makes a group of the pool, or a role of the tenant with its permissions.
func (d *Directory) CreateGroup(ctx context.Context, g Group) error {
	return d.refused("", d.room.createGroup(ctx, g))
}

// ChangeGroup gives a tenant's role permissions, and takes some.
func (d *Directory) ChangeGroup(ctx context.Context, name string, grant, revoke []Permission) error {
	return d.refused("", d.room.changeGroup(ctx, name, grant, revoke))
}

// DeleteGroup deletes a group, or a role, that is not declared.
func (d *Directory) DeleteGroup(ctx context.Context, name string) error {
	return d.refused("", d.room.removeGroup(ctx, name))
}

// SignIns gives what a user is signed in to, the newest first.
func (d *Directory) SignIns(ctx context.Context, name string) ([]SignIn, error) {
	found, err := d.room.signIns(ctx, name)
	if err != nil {
		return nil, d.refused(name, err)
	}
	list := []SignIn{}
	for _, s := range found {
		list = append(list, SignIn{ID: s.ID, Client: s.Client, Began: s.Began.UTC(), Expires: s.Expires.UTC()})
	}
	return list, nil
}

// EndSignIn ends one of them: the browser is signed out, the tokens are revoked. What
// an API was shown before stays good there until it expires.
func (d *Directory) EndSignIn(ctx context.Context, name, id string) error {
	ended, err := d.room.endSignIn(ctx, name, id)
	if err == nil && !ended {
		err = fixable(fmt.Errorf("%s is not signed in by %.100q", name, id), "`doorwright users sign-ins` shows by what")
	}
	return d.refused(name, err)
}

// SignOut ends all of them.
func (d *Directory) SignOut(ctx context.Context, name string) error {
	return d.refused(name, d.room.endAll(ctx, name))
}

// fixableError is an error with its fix.
type fixableError struct {
	error
	fix string
}

func (e *fixableError) Hint() string  { return e.fix }
func (e *fixableError) Unwrap() error { return e.error }

func fixable(err error, fix string) error { return &fixableError{err, fix} }

// joined lists names in a sentence.
func joined(names []string) string {
	if len(names) < 2 {
		return fmt.Sprint(slices.Concat(names, []string{"none"})[0])
	}
	text := ""
	for i, name := range names {
		switch {
		case i == len(names)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
}

// refused gives a refusal of the service its fix.
func (d *Directory) refused(user string, err error) error {
	var refusal *aws.Error
	var fixed interface{ Hint() string }
	if err == nil || errors.As(err, &fixed) || !errors.As(err, &refusal) {
		return err
	}
	fix := ""
	switch refusal.Code {
	case "UserNotFoundException", "inexistent_user":
		fix = "`doorwright users list " + d.flag() + "` shows who there is"
	case "InvalidPasswordException":
		fix = d.passwordRules()
	case "UsernameExistsException", "AliasExistsException", "auth0_idp_error":
		fix = "`doorwright users show " + d.flag() + " " + aws.Printable(user) + "` shows who it is"
	case "ResourceNotFoundException":
		fix = "`doorwright users groups " + d.flag() + "` shows which there are"
	case "NotAuthorizedException":
		fix = "`doorwright users show " + d.flag() + " " + aws.Printable(user) + "` shows the status; set-password confirms who has a temporary password"
	}
	switch {
	case refusal.Message == weakPassword:
		fix = "Auth0's rules: 8 characters, and three of capitals, small letters, digits and symbols"
	case strings.Contains(refusal.Message, "at 'temporaryPassword'"), strings.Contains(refusal.Message, "at 'password'"):
		fix = d.passwordRules()
	}
	return fixable(err, fix)
}

func (d *Directory) passwordRules() string {
	return "the rules are userPools." + d.Pool + ".passwordPolicy in doorwright.yaml; without it, Cognito's: 8 characters with a capital, a small letter, a digit and a symbol"
}

// weakPassword is Auth0's refusal of a password.
const weakPassword = "PasswordStrengthError: Password is too weak"
