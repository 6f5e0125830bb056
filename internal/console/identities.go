package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// IdentityPool is a declared identity pool.
type IdentityPool struct {
	Name, ID string
	Guests   bool // who has not signed in gets an identity, too
}

// Path is where its page is.
func (p IdentityPool) Path() string { return "/identities/" + url.PathEscape(p.Name) }

// Identity is one identity of a pool. Without Logins it is a guest's.
type Identity struct {
	ID               string
	Logins           []string
	Roles            []GivenRole
	Created, Changed time.Time
}

// GivenRole is a role that an identity gets, and when. Role is "" where there is none,
// or where ByToken the token says it.
type GivenRole struct {
	Role, When string
	ByToken    bool
}

// Identities is what the pages of identity pools need.
type Identities struct {
	Pools  func() []IdentityPool
	List   func(ctx context.Context, pool, page string) (list []Identity, next string, err error)
	Delete func(ctx context.Context, id string) error
}

func hasIdentities(cfg *Config) bool { return cfg.Identities.Pools != nil }

// identitiesPage is a page of a pool's identities.
type identitiesPage struct {
	IdentityPool
	Pools      []IdentityPool
	Identities []Identity
	// Self is the page's own path, with its place in the list.
	Self        string
	More, First string
	Error, Fix  string
}

// identities reads what a page shows, by the first pool if none is named.
func (c *Console) identities(r *http.Request) (*identitiesPage, error) {
	p := &identitiesPage{Pools: c.cfg.Identities.Pools()}
	name, page := r.PathValue("pool"), r.URL.Query().Get("page")
	i := slices.IndexFunc(p.Pools, func(of IdentityPool) bool { return of.Name == name || name == "" })
	switch {
	case i < 0 && name == "":
		return p, nil
	case i < 0:
		return nil, notFound("There is no such identity pool.")
	case len(page) > 8<<10:
		return nil, invalid("There is no such page.")
	}
	p.IdentityPool = p.Pools[i]
	p.Self = p.Path() + "?" + url.Values{"page": {page}}.Encode()
	list, next, err := c.cfg.Identities.List(r.Context(), p.Name, page)
	if err != nil {
		p.Error, p.Fix = refusal(err)
		return p, nil
	}
	p.Identities = list
	if next != "" {
		p.More = p.Path() + "?" + url.Values{"page": {next}}.Encode()
	}
	if page != "" {
		p.First = p.Path()
	}
	return p, nil
}

func (c *Console) showIdentities(r *http.Request) (string, any, error) {
	p, err := c.identities(r)
	return "Identity pools", p, err
}

// doIdentity deletes an identity.
func (c *Console) doIdentity(r *http.Request) (done, error) {
	p, err := c.identities(r)
	if err != nil {
		return done{}, err
	}
	id := r.PostForm.Get("id")
	if !slices.ContainsFunc(p.Identities, func(i Identity) bool { return i.ID == id }) {
		return done{to: p.Path()}, invalid("There is no such identity on this page any more.")
	}
	if err := c.cfg.Identities.Delete(r.Context(), id); err != nil {
		p.Error, p.Fix = refusal(err)
		return done{title: "Identity pools", again: p}, nil
	}
	return done{to: p.Path(), text: "Deleted " + id + "."}, nil
}
