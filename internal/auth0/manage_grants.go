package auth0

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

func grantOperations() []operation {
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	return []operation{
		{method: "GET", path: "/client-grants", scopes: []string{"read:client_grants"}, status: ok,
			query: slices.Concat(checkpoint, []string{"audience", "client_id", "subject_type"}), run: (*Tenant).listGrants},
		{method: "POST", path: "/client-grants", scopes: []string{"create:client_grants"}, status: created, run: (*Tenant).createGrant, note: "subject_type client alone"},
		{method: "GET", path: "/client-grants/{id}", scopes: []string{"read:client_grants"}, status: ok, run: (*Tenant).readGrant},
		{method: "PATCH", path: "/client-grants/{id}", scopes: []string{"update:client_grants"}, status: ok, run: (*Tenant).updateGrant, note: "not of a declared grant"},
		{method: "DELETE", path: "/client-grants/{id}", scopes: []string{"delete:client_grants"}, status: gone, run: (*Tenant).deleteGrant, note: "not a declared grant"},
	}
}

// maxGrants bounds what requests can make.
const maxGrants = 10_000

// grantShape is what a client grant may be.
var grantShape = shape{
	kind:        "object",
	members:     map[string]shape{"scope": list(shape{kind: "string", min: 1, max: 280}, maxPermissions)},
	unsupported: []string{"organization_usage", "allow_any_organization", "authorization_details_types", "allow_all_scopes"},
}

// clientGrant is what an application may do at an API by itself.
type clientGrant struct {
	id, client, audience string
	scope                []string
	number               int64
	declaredAt           string // the key in the declaration; "" for one that a request made
	// user says that it is about what users let the application have: it is another
	// party's, and has no secret for a token of its own.
	user bool
}

func (g *clientGrant) place() int64 { return g.number }

// wire gives a client grant as Auth0 does.
func (g *clientGrant) wire(*Tenant, *managed) ordered {
	return ordered{{"id", g.id}, {"client_id", g.client}, {"audience", g.audience}, {"scope", slices.Concat([]string{}, g.scope)}, {"subject_type", g.subject()}}
}

func (g *clientGrant) subject() string {
	if g.user {
		return "user"
	}
	return "client"
}

// grantedTo gives what an application may do at an API by itself, and whether it
// has a grant at all. What the API no longer has is not given.
func (t *Tenant) grantedTo(c *client, audience string) ([]string, bool) {
	for _, g := range t.directory.Load().grants {
		if g.client == c.id && g.audience == audience && !g.user {
			return g.scope, true
		}
	}
	return nil, false
}

// derived gives an id of something that has no row: it is the same at each start,
// and tells nothing of the tenant's secret.
func (t *Tenant) derived(of string, length int) string {
	h := hmac.New(sha256.New, t.engine.Key("ids"))
	h.Write([]byte(of))
	return fmt.Sprintf("%x", h.Sum(nil))[:length]
}

// declaredGrants are the client grants of declared applications, in the order of
// the declaration.
func (t *Tenant) declaredGrants(d *directory) []*clientGrant {
	var all []*clientGrant
	add := func(c *client, audience, key string, scope []string) {
		all = append(all, &clientGrant{
			id: "cgr_" + t.derived("grant "+c.id+" "+audience, 16), client: c.id, audience: audience, scope: scope,
			number: int64(len(all)) - declaredBefore, user: c.public(), declaredAt: "applications." + c.Name + ".grants." + key,
		})
	}
	for _, c := range t.clients {
		if len(c.Management) > 0 {
			add(c, t.management(), "management", c.Management)
		}
		for _, audience := range slices.Sorted(maps.Keys(c.Grants)) {
			if api := d.apis[audience]; api != nil {
				add(c, audience, api.Name, c.Grants[audience])
			}
		}
	}
	return all
}

// readGrants gives all client grants. One of an application or an API that there
// is not is none; one that the declaration has as well is the declaration's.
func (t *Tenant) readGrants(ctx context.Context, tx *sql.Tx, d *directory) ([]*clientGrant, error) {
	all := t.declaredGrants(d)
	for rows, err := range each(ctx, tx, "SELECT number, id, client, audience, scope FROM auth0_client_grant WHERE tenant = ? ORDER BY number", t.cfg.Name) {
		var g clientGrant
		var scope string
		if err == nil {
			err = rows.Scan(&g.number, &g.id, &g.client, &g.audience, &scope)
		}
		if err != nil {
			return nil, fmt.Errorf("reading client grants: %w", err)
		}
		if g.audience == "" {
			g.audience = t.management()
		}
		i := slices.IndexFunc(d.servers, func(s *server) bool { return s.Identifier == g.audience })
		same := func(o *clientGrant) bool { return o.client == g.client && o.audience == g.audience }
		if i < 0 || d.client(g.client) == nil || slices.ContainsFunc(all, same) {
			continue
		}
		for _, s := range strings.Fields(scope) {
			if slices.Contains(d.servers[i].Permissions, s) {
				g.scope = append(g.scope, s)
			}
		}
		all = append(all, &g)
	}
	return all, nil
}

var errNoGrant = notFound("The grant does not exist.", "inexistent_client_grant")

func (t *Tenant) grantByID(id string) *clientGrant {
	for _, g := range t.directory.Load().grants {
		if g.id == id {
			return g
		}
	}
	return nil
}

// ownGrant gives a client grant that requests may change.
func (t *Tenant) ownGrant(id string) (*clientGrant, error) {
	g := t.grantByID(id)
	switch {
	case g == nil:
		return nil, errNoGrant
	case g.declaredAt != "":
		return nil, t.declaredIn("%s", g.declaredAt)
	}
	return g, nil
}

func (t *Tenant) listGrants(m *managed) (any, error) {
	all := slices.Clone(t.directory.Load().grants)
	all = slices.DeleteFunc(all, func(g *clientGrant) bool {
		audience, client, subject := m.query.Get("audience"), m.query.Get("client_id"), m.query.Get("subject_type")
		return audience != "" && audience != g.audience || client != "" && client != g.client || subject != "" && subject != g.subject()
	})
	return listKept(t, m, "client_grants", all)
}

func (t *Tenant) readGrant(m *managed) (any, error) {
	g := t.grantByID(m.path("id"))
	if g == nil {
		return nil, errNoGrant
	}
	return g.wire(t, m), nil
}

// checkScope refuses scopes that an API does not have.
func checkScope(scope []string, api *APIConfig) error {
	for i, s := range scope {
		switch {
		case slices.Contains(scope[:i], s):
			return invalidBody(&violation{"Array items are not unique", "scope"})
		case !slices.Contains(api.Permissions, s):
			return apiFail(http.StatusBadRequest, codeInvalidBody, "The following scopes are not valid for %s: %s", api.Identifier, s)
		}
	}
	return nil
}

func (t *Tenant) createGrant(m *managed) (any, error) {
	wanted := grantShape.and("client_id", text).and("audience", text).and("subject_type", shape{kind: "string", enum: []string{"client", "user"}, only: "client"})
	wanted.required = []string{"client_id", "audience", "scope"}
	body, err := m.readBody(wanted)
	if err != nil {
		return nil, err
	}
	g := &clientGrant{id: "cgr_" + aws.RandomText(alphanumeric, 16), scope: textsOf(body["scope"])}
	g.client, _ = body["client_id"].(string)
	g.audience, _ = body["audience"].(string)
	t.changing.Lock()
	defer t.changing.Unlock()
	c, api := t.clientOf(g.client), t.machineAPI(g.audience)
	switch {
	case c == nil:
		return nil, errNoClient
	case api == nil:
		return nil, errNoServer
	case c.public():
		return nil, apiFail(http.StatusBadRequest, codeInvalidBody, "A client grant needs a client that has a secret.")
	case len(t.directory.Load().grants) >= maxGrants:
		return nil, apiFail(http.StatusForbidden, "too_many_entities", "A local tenant has %d client grants at most.", maxGrants)
	}
	if err := checkScope(g.scope, api); err != nil {
		return nil, err
	}
	if _, there := t.grantedTo(c, g.audience); there {
		return nil, conflict("A resource with the same client_id and audience already exists.", codeConflict)
	}
	audience := g.audience
	if audience == t.management() {
		audience = "" // its identifier goes with the origin, which may be another one day
	}
	err = t.change(m.ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(m.ctx, "INSERT INTO auth0_client_grant (tenant, id, client, audience, scope) VALUES (?, ?, ?, ?, ?)",
			t.cfg.Name, g.id, g.client, audience, strings.Join(g.scope, " "))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping a client grant: %w", err)
	}
	return g.wire(t, m), nil
}

func (t *Tenant) updateGrant(m *managed) (any, error) {
	body, err := m.readBody(grantShape)
	if err != nil {
		return nil, err
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	g, err := t.ownGrant(m.path("id"))
	if err != nil {
		return nil, err
	}
	if body["scope"] == nil {
		return g.wire(t, m), nil
	}
	scope := textsOf(body["scope"])
	if err := checkScope(scope, t.machineAPI(g.audience)); err != nil {
		return nil, err
	}
	err = t.change(m.ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(m.ctx, "UPDATE auth0_client_grant SET scope = ? WHERE tenant = ? AND id = ?", strings.Join(scope, " "), t.cfg.Name, g.id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping a client grant: %w", err)
	}
	return t.grantByID(g.id).wire(t, m), nil
}

// deleteGrant deletes a client grant. Deleting one that there is not is a success.
func (t *Tenant) deleteGrant(m *managed) (any, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	g, err := t.ownGrant(m.path("id"))
	if errors.Is(err, errNoGrant) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, t.change(m.ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(m.ctx, "DELETE FROM auth0_client_grant WHERE tenant = ? AND id = ?", t.cfg.Name, g.id)
		return err
	})
}
