package doorwright

import (
	"context"

	"github.com/doorwright/doorwright/internal/console"
)

// consolePlaces gives the directories to the console.
func (a *App) consolePlaces() []*console.Place {
	var places []*console.Place
	for _, d := range a.Directories() {
		p := &console.Place{Kind: console.Tenant, Name: d.Tenant, SignsInWith: "Email", Directory: consoleDirectory{d}}
		if d.Pool != "" {
			decl, _ := a.decl.UserPools.Get(d.Pool)
			p.Kind, p.Name, p.ID = console.UserPool, d.Pool, a.pools.Pool(d.Pool).ID()
			switch email, phone := signsInWith(decl, "email"), signsInWith(decl, "phone"); {
			case email && phone:
				p.SignsInWith = "Email or phone number"
			case phone:
				p.SignsInWith = "Phone number"
			case !email:
				p.SignsInWith = "Username"
			}
		} else {
			p.ID = a.tenants.Tenant(d.Tenant).Issuer()
			decl, _ := a.decl.Tenants.Get(d.Tenant)
			for api, of := range decl.APIs.All() {
				for _, name := range of.Permissions {
					p.Permissions = append(p.Permissions, console.Permission{API: api, Name: name})
				}
			}
		}
		places = append(places, p)
	}
	return places
}

// consoleDirectory is a Directory in the console's words.
type consoleDirectory struct{ *Directory }

func (d consoleDirectory) Users(ctx context.Context, text, page string) ([]console.User, string, error) {
	found, err := d.List(ctx, UserFilter{Text: text, Page: page})
	var list []console.User
	for i := range found.Users {
		list = append(list, consoleUser(&found.Users[i]))
	}
	return list, found.Next, err
}

func consoleUser(u *User) console.User {
	shown := console.User{
		Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Status: u.Status, Enabled: u.Enabled, Groups: u.Groups,
		Permissions: consolePermissions(u.Permissions), MFA: u.MFA, Created: u.Created, Changed: u.Changed,
	}
	for _, one := range u.Attributes {
		shown.Attributes = append(shown.Attributes, console.Attribute(one))
	}
	if u.LastLogin != nil {
		shown.LastLogin = *u.LastLogin
	}
	return shown
}

func consolePermissions(list []Permission) []console.Permission {
	var shown []console.Permission
	for _, p := range list {
		shown = append(shown, console.Permission(p))
	}
	return shown
}

func (d consoleDirectory) User(ctx context.Context, name string) (*console.User, error) {
	u, err := d.Directory.User(ctx, name)
	if err != nil {
		return nil, err
	}
	shown := consoleUser(u)
	return &shown, nil
}

func (d consoleDirectory) Create(ctx context.Context, n console.NewUser) (string, error) {
	made := NewUser{Name: n.Name, Password: n.Password, Temporary: n.Temporary, Groups: n.Groups}
	if n.Email != "" {
		made.Attributes = []Attribute{{"email", n.Email}, {"email_verified", "true"}}
	}
	u, err := d.Directory.Create(ctx, made)
	if err != nil {
		return "", err
	}
	return u.Name, nil
}

func (d consoleDirectory) Change(ctx context.Context, name string, c console.UserChange) error {
	change := UserChange{Confirmed: c.Confirm, Password: c.Password, Temporary: c.Temporary, Enabled: c.Enabled}
	if c.Join != "" {
		change.Join = []string{c.Join}
	}
	if c.Leave != "" {
		change.Leave = []string{c.Leave}
	}
	return d.Directory.Change(ctx, name, change)
}

func (d consoleDirectory) Groups(ctx context.Context) ([]console.Group, error) {
	groups, err := d.Directory.Groups(ctx)
	var list []console.Group
	for _, g := range groups {
		list = append(list, console.Group{Name: g.Name, Description: g.Description, Role: g.Role, Permissions: consolePermissions(g.Permissions)})
	}
	return list, err
}

func (d consoleDirectory) SignIns(ctx context.Context, name string) ([]console.SignIn, error) {
	found, err := d.Directory.SignIns(ctx, name)
	var list []console.SignIn
	for _, s := range found {
		list = append(list, console.SignIn(s))
	}
	return list, err
}

func (d consoleDirectory) CreateGroup(ctx context.Context, g console.Group) error {
	return d.Directory.CreateGroup(ctx, Group{Name: g.Name, Description: g.Description})
}

func (d consoleDirectory) Grant(ctx context.Context, role string, p console.Permission, have bool) error {
	list := []Permission{{API: p.API, Name: p.Name}}
	if have {
		return d.ChangeGroup(ctx, role, list, nil)
	}
	return d.ChangeGroup(ctx, role, nil, list)
}
