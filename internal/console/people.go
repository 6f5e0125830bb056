package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// The kinds of places where users are.
const (
	UserPool = "pool"
	Tenant   = "tenant"
)

// A Place is where users are: a user pool, or a tenant that runs here.
type Place struct {
	Kind string // UserPool or Tenant
	Name string // as declared
	// ID is the pool's id, or the tenant's issuer.
	ID string
	// SignsInWith says what a new user is named by: username, email, phone number.
	SignsInWith string
	// Permissions are those that a tenant's role can have.
	Permissions []Permission
	Directory
}

// Path is where the page of a place's users is.
func (p *Place) Path() string {
	return "/users/" + url.PathEscape(p.Kind) + "/" + url.PathEscape(p.Name)
}

// IsPool says whether it is a user pool.
func (p *Place) IsPool() bool { return p.Kind == UserPool }

// Noun is what a place has users in: groups, or roles.
func (p *Place) Noun() string {
	if p.IsPool() {
		return "group"
	}
	return "role"
}

// pathOf is where the page of a user is. A name may hold anything, and what is in a
// path is taken apart by browsers ("..", "%2e"): it is in the query.
func (p *Place) pathOf(name string) string {
	return p.Path() + "/user?" + url.Values{"name": {name}}.Encode()
}

// Directory is what the pages of users need of a place. An error's text is shown as it
// is, with its Hint.
type Directory interface {
	Users(ctx context.Context, text, page string) (list []User, next string, err error)
	User(ctx context.Context, name string) (*User, error)
	Create(ctx context.Context, n NewUser) (name string, err error)
	Change(ctx context.Context, name string, c UserChange) error
	Delete(ctx context.Context, name string) error
	Groups(ctx context.Context) ([]Group, error)
	CreateGroup(ctx context.Context, g Group) error
	DeleteGroup(ctx context.Context, name string) error
	// Grant gives a tenant's role a permission, or takes it.
	Grant(ctx context.Context, role string, p Permission, have bool) error
	SignIns(ctx context.Context, name string) ([]SignIn, error)
	EndSignIn(ctx context.Context, name, id string) error
	SignOut(ctx context.Context, name string) error
}

// User is one user.
type User struct {
	Name, Email   string
	EmailVerified bool
	Status        string
	Enabled       bool
	Attributes    []Attribute
	Groups        []string
	Permissions   []Permission
	MFA           []string
	Created       time.Time
	Changed       time.Time
	LastLogin     time.Time // zero: never, or not known
}

// Label is what a person knows the user by.
func (u User) Label() string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name
}

// Attribute is an attribute of a user.
type Attribute struct{ Name, Value string }

// Permission is a permission for an API of a tenant, and by which roles a user has it.
type Permission struct {
	API, Name string
	Roles     []string
	Direct    bool
}

// String names a permission in a form.
func (p Permission) String() string { return p.API + ": " + p.Name }

// Group is a group of a pool with its IAM role, or a role of a tenant with its
// permissions.
type Group struct {
	Name, Description, Role string
	Permissions             []Permission
}

// SignIn is a browser (Client is "") or an application that a user is signed in at.
type SignIn struct {
	ID, Client     string
	Began, Expires time.Time
}

// NewUser is a user to be made. Without a password, a pool makes a temporary one and
// sends it.
type NewUser struct {
	Name, Email, Password string
	Temporary             bool
	Groups                []string
}

// UserChange is one change of a user.
type UserChange struct {
	Confirm     bool
	Password    string
	Temporary   bool
	Enabled     *bool
	Join, Leave string
}

func hasPeople(cfg *Config) bool { return cfg.Places != nil }

// refusal gives the text of an error of a Directory and its fix. An error that is not
// the service's is for the log.
func refusal(err error) (text, fix string) {
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		fix = hint.Hint()
	}
	if strings.Contains(fix, "`doorwright ") { // this page shows it
		fix = ""
	}
	return strings.ToValidUTF8(err.Error(), "\uFFFD"), fix
}

// isMissing says whether an error is that there is no such user.
func isMissing(err error) bool {
	var refused *aws.Error
	return errors.As(err, &refused) && (refused.Code == "UserNotFoundException" || refused.Code == "inexistent_user")
}

// place finds the one of a request.
func (c *Console) place(r *http.Request) (*Place, error) {
	all := c.cfg.Places()
	i := slices.IndexFunc(all, func(p *Place) bool { return p.Kind == r.PathValue("kind") && p.Name == r.PathValue("place") })
	if i < 0 {
		return nil, notFound("There is no such user pool or tenant.")
	}
	return all[i], nil
}

// usersPage is a page of a place's users.
type usersPage struct {
	*Place
	Places []*Place
	Text   string
	Users  []User
	// More leads to the page after this one; First to the first, from a later one.
	More, First string
	Error, Fix  string
}

// PathOf is where a user's page is.
func (p *usersPage) PathOf(u User) string { return p.pathOf(u.Name) }

func (c *Console) showPlaces(r *http.Request) (string, any, error) {
	all := c.cfg.Places()
	if len(all) == 0 {
		return "Users", &usersPage{}, nil
	}
	return c.showUsersOf(r, all[0])
}

func (c *Console) showUsers(r *http.Request) (string, any, error) {
	place, err := c.place(r)
	if err != nil {
		return "", nil, err
	}
	return c.showUsersOf(r, place)
}

// maxSearch bounds what is searched for, and the name of a user.
const (
	maxSearch   = 500
	maxUserName = 1024
)

func (c *Console) showUsersOf(r *http.Request, place *Place) (string, any, error) {
	query := r.URL.Query()
	p := &usersPage{Place: place, Places: c.cfg.Places(), Text: query.Get("q")}
	if len(p.Text) > maxSearch || len(query.Get("page")) > 8<<10 {
		return "", nil, invalid("What is searched for is too long.")
	}
	users, next, err := place.Users(r.Context(), strings.TrimSpace(p.Text), query.Get("page"))
	if err != nil {
		p.Error, p.Fix = refusal(err)
		return "Users", p, nil
	}
	p.Users = users
	if next != "" {
		p.More = place.Path() + "?" + url.Values{"q": {p.Text}, "page": {next}}.Encode()
	}
	if query.Get("page") != "" {
		p.First = place.Path() + "?" + url.Values{"q": {p.Text}}.Encode()
	}
	return "Users", p, nil
}

// newUserPage is the form of a new user, with what was typed but for the password.
type newUserPage struct {
	*Place
	NewUser
	All        []Group
	Error, Fix string
}

// In says whether a group is chosen.
func (p *newUserPage) In(group string) bool { return slices.Contains(p.NewUser.Groups, group) }

func (c *Console) newUser(r *http.Request) (*newUserPage, error) {
	place, err := c.place(r)
	if err != nil {
		return nil, err
	}
	all, err := place.Groups(r.Context())
	return &newUserPage{Place: place, All: all}, err
}

func (c *Console) showNewUser(r *http.Request) (string, any, error) {
	p, err := c.newUser(r)
	return "New user", p, err
}

// doNewUser makes a user, or shows the form again with the service's refusal.
func (c *Console) doNewUser(r *http.Request) (done, error) {
	p, err := c.newUser(r)
	if err != nil {
		return done{}, err
	}
	form := r.PostForm
	p.NewUser = NewUser{
		Name: strings.TrimSpace(form.Get("name")), Email: strings.TrimSpace(form.Get("email")),
		Password: form.Get("password"), Temporary: form.Get("temporary") != "", Groups: form["group"],
	}
	again := func(text, fix string) (done, error) {
		p.NewUser.Password = ""
		p.Error, p.Fix = text, fix
		return done{title: "New user", again: p}, nil
	}
	switch {
	case p.NewUser.Name == "":
		return again(p.SignsInWith+" is missing.", "")
	case len(p.NewUser.Name) > maxUserName || len(p.NewUser.Email) > 2*maxUserName || len(p.NewUser.Groups) > len(p.All):
		p.NewUser = NewUser{}
		return again("That is too long.", "")
	}
	name, err := p.Create(r.Context(), p.NewUser)
	if err != nil {
		return again(refusal(err))
	}
	return done{to: p.pathOf(name), text: "Created " + p.NewUser.Name + "."}, nil
}
