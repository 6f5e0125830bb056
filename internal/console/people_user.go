package console

import (
	"net/http"
	"slices"
)

// userPage is one user, with a form for each thing that can be changed.
type userPage struct {
	*Place
	*User
	SignIns []SignIn
	// Others are the groups that the user is not in.
	Others []Group
	// Of are the groups that the user is in, with what they give.
	Of []Group
	// Failed is the form whose change was refused, with Error and Fix; Chosen is the
	// group that was chosen there.
	Failed, Error, Fix, Chosen string
}

// Self is the page's own path.
func (p *userPage) Self() string { return p.pathOf(p.User.Name) }

// About explains the status.
func (p *userPage) About() string {
	switch p.Status {
	case "UNCONFIRMED":
		return "signed up, and has not given the code"
	case "UNVERIFIED":
		return "may sign in; the address is not verified"
	case "FORCE_CHANGE_PASSWORD":
		return "has a temporary password, to be changed at the first sign-in"
	case "RESET_REQUIRED":
		return "has to reset the password"
	case "EXTERNAL_PROVIDER":
		return "signs in at another provider"
	}
	return ""
}

// named gives the place and the user's name of a request.
func (c *Console) named(r *http.Request) (*Place, string, error) {
	place, err := c.place(r)
	if err != nil {
		return nil, "", err
	}
	name := r.URL.Query().Get("name")
	if name == "" || len(name) > maxUserName {
		return nil, "", notFound("There is no such user.")
	}
	return place, name, nil
}

// user reads what the page of a user shows.
func (c *Console) user(r *http.Request) (*userPage, error) {
	place, name, err := c.named(r)
	if err != nil {
		return nil, err
	}
	p := &userPage{Place: place}
	if p.User, err = place.User(r.Context(), name); err != nil {
		if isMissing(err) {
			return nil, notFound("There is no such user.")
		}
		text, _ := refusal(err)
		return nil, invalid(text)
	}
	if p.SignIns, err = place.SignIns(r.Context(), p.User.Name); err != nil {
		return nil, err
	}
	groups, err := place.Groups(r.Context())
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if slices.Contains(p.User.Groups, g.Name) {
			p.Of = append(p.Of, g)
		} else {
			p.Others = append(p.Others, g)
		}
	}
	return p, nil
}

func (c *Console) showUser(r *http.Request) (string, any, error) {
	p, err := c.user(r)
	if err != nil {
		return "", nil, err
	}
	return p.Label(), p, nil
}

// doUser changes a user by one of the page's forms. A refusal is shown in that form.
func (c *Console) doUser(r *http.Request) (done, error) {
	place, name, err := c.named(r)
	if err != nil {
		return done{}, err
	}
	ctx, form := r.Context(), r.PostForm
	change, text := UserChange{}, ""
	act := form.Get("do")
	switch act {
	case "confirm":
		change.Confirm, text = true, "Confirmed."
	case "password":
		if change.Password, change.Temporary, text = form.Get("password"), form.Get("temporary") != "", "The password is set."; change.Password == "" {
			return c.refusedUser(r, act, invalid("Type the new password."))
		}
	case "enable", "disable":
		change.Enabled, text = new(act == "enable"), map[string]string{"enable": "The user may sign in again.", "disable": "The user may not sign in any more."}[act]
	case "join":
		change.Join, text = form.Get("group"), "Added to "+form.Get("group")+"."
	case "leave":
		change.Leave, text = form.Get("group"), "Taken out of "+form.Get("group")+"."
	case "end":
		err, text = place.EndSignIn(ctx, name, form.Get("id")), "Signed out there."
	case "sign-out":
		err, text = place.SignOut(ctx, name), "Signed out everywhere."
	default:
		return done{}, invalid("There is no such change.")
	}
	if (act == "join" || act == "leave") && form.Get("group") == "" {
		return c.refusedUser(r, act, invalid("Choose a "+place.Noun()+"."))
	}
	if change != (UserChange{}) {
		err = place.Change(ctx, name, change)
	}
	if err != nil {
		return c.refusedUser(r, act, err)
	}
	return done{to: place.pathOf(name) + "#" + act, text: text}, nil
}

// refusedUser shows a user's page again, with why a form was refused.
func (c *Console) refusedUser(r *http.Request, form string, refused error) (done, error) {
	p, err := c.user(r)
	if err != nil {
		return done{}, err
	}
	p.Failed, p.Chosen = form, r.PostForm.Get("group")
	p.Error, p.Fix = refusal(refused)
	return done{title: p.Label(), again: p}, nil
}

func (c *Console) showDeleteUser(r *http.Request) (string, any, error) {
	p, err := c.user(r)
	if err != nil {
		return "", nil, err
	}
	return "Delete " + p.Label(), p, nil
}

// doDeleteUser deletes a user, after the page that asks.
func (c *Console) doDeleteUser(r *http.Request) (done, error) {
	p, err := c.user(r)
	if err != nil {
		return done{}, err
	}
	if err := p.Delete(r.Context(), p.User.Name); err != nil {
		p.Error, p.Fix = refusal(err)
		return done{title: "Delete " + p.Label(), again: p}, nil
	}
	return done{to: p.Path(), text: "Deleted " + p.Label() + "."}, nil
}
