package console

import (
	"net/http"
	"slices"
	"strings"
)

// groupsPage are the groups of a pool or the roles of a tenant, with the forms that
// make one and delete one.
type groupsPage struct {
	*Place
	All               []Group
	Name, Description string // as typed
	Role, Permission  string // as chosen
	Failed            string
	Error, Fix        string
}

func (c *Console) groups(r *http.Request) (*groupsPage, error) {
	place, err := c.place(r)
	if err != nil {
		return nil, err
	}
	all, err := place.Groups(r.Context())
	return &groupsPage{Place: place, All: all}, err
}

func (p *groupsPage) title() string { return strings.ToUpper(p.Noun()[:1]) + p.Noun()[1:] + "s" }

func (c *Console) showGroups(r *http.Request) (string, any, error) {
	p, err := c.groups(r)
	if err != nil {
		return "", nil, err
	}
	return p.title() + " of " + p.Place.Name, p, nil
}

// doGroup makes or deletes a group. What the declaration says is refused by the
// service.
func (c *Console) doGroup(r *http.Request) (done, error) {
	p, err := c.groups(r)
	if err != nil {
		return done{}, err
	}
	act, name, text := r.PostForm.Get("do"), strings.TrimSpace(r.PostForm.Get("name")), ""
	switch act {
	case "create":
		p.Name, p.Description = name, strings.TrimSpace(r.PostForm.Get("description"))
		if len(p.Name) > maxUserName || len(p.Description) > 2*maxUserName {
			err, p.Name, p.Description = invalid("That is too long."), "", ""
			break
		}
		err, text = p.CreateGroup(r.Context(), Group{Name: p.Name, Description: p.Description}), "Created "+name+"."
	case "delete":
		if !slices.ContainsFunc(p.All, func(g Group) bool { return g.Name == name }) {
			err = invalid("There is no such " + p.Noun() + ".")
			break
		}
		err, text = p.DeleteGroup(r.Context(), name), "Deleted "+name+"."
	case "grant", "revoke":
		p.Role, p.Permission = name, r.PostForm.Get("permission")
		i := slices.IndexFunc(p.Place.Permissions, func(of Permission) bool { return of.String() == p.Permission })
		if i < 0 {
			err = invalid("There is no such permission.")
			break
		}
		err = p.Grant(r.Context(), name, p.Place.Permissions[i], act == "grant")
		text = map[string]string{"grant": name + " has " + p.Permission + " now.", "revoke": name + " has " + p.Permission + " no more."}[act]
	default:
		return done{}, invalid("There is no such change.")
	}
	if err != nil {
		p.Failed = act
		p.Error, p.Fix = refusal(err)
		return done{title: p.title() + " of " + p.Place.Name, again: p}, nil
	}
	return done{to: p.Path() + "/groups", text: text}, nil
}
