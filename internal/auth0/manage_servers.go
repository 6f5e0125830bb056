package auth0

import (
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

func serverOperations() []operation {
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	return []operation{
		{method: "GET", path: "/resource-servers", scopes: []string{"read:resource_servers"}, status: ok,
			query: slices.Concat(checkpoint, some, []string{"identifiers"}), run: (*Tenant).listServers},
		{method: "POST", path: "/resource-servers", scopes: []string{"create:resource_servers"}, status: created, run: (*Tenant).createServer, note: "RS256 alone"},
		{method: "GET", path: "/resource-servers/{id}", scopes: []string{"read:resource_servers"}, status: ok, query: some, run: (*Tenant).readServer,
			note: "by id or identifier"},
		{method: "PATCH", path: "/resource-servers/{id}", scopes: []string{"update:resource_servers"}, status: ok, run: (*Tenant).updateServer, note: "not of a declared API"},
		{method: "DELETE", path: "/resource-servers/{id}", scopes: []string{"delete:resource_servers"}, status: gone, run: (*Tenant).deleteServer, note: "not a declared API"},
	}
}

// implicitLife is how long tokens for an API are good that the authorization
// endpoint gives (token_lifetime_for_web). It is not longer than others are.
const implicitLife = 7200

// serverShape is what an API may be.
var serverShape = shape{
	kind: "object",
	members: map[string]shape{
		"name": {kind: "string", max: 200},
		"scopes": list(shape{kind: "object", required: []string{"value"}, members: map[string]shape{
			"value": {kind: "string", min: 1, max: 280}, "description": {kind: "string", max: 500, nullable: true},
		}}, maxPermissions),
		"signing_alg":          {kind: "string", enum: []string{"HS256", "RS256", "PS256"}, only: "RS256"},
		"allow_offline_access": flag,
		"token_lifetime":       {kind: "integer", min: 1, max: 2592000},
		// Tokens of the implicit flow have no lifetime of their own here.
		"token_lifetime_for_web":                          {kind: "integer", min: 1, max: 2592000, only: implicitLife},
		"skip_consent_for_verifiable_first_party_clients": flag,
		"enforce_policies":                                flag,
		"token_dialect":                                   {kind: "string", enum: []string{DialectAuth0, DialectAuth0Authz, DialectRFC9068, DialectRFC9068Authz}},
		"subject_type_authorization": {kind: "object", members: map[string]shape{
			"user":   {kind: "object", members: map[string]shape{"policy": {kind: "string", enum: []string{"allow_all", "deny_all", "require_client_grant"}, only: "allow_all"}}},
			"client": {kind: "object", members: map[string]shape{"policy": {kind: "string", enum: []string{"deny_all", "require_client_grant"}, only: "require_client_grant"}}},
		}},
	},
	unsupported: []string{"signing_secret", "token_encryption", "consent_policy", "authorization_details", "proof_of_possession", "verificationLocation", "client_id"},
}

// server is an API as the Management API shows it.
type server struct {
	*APIConfig
	system bool
}

func (s *server) place() int64 { return s.number }

// managementAPI is the Management API among the tenant's APIs. Users get no tokens
// for it.
func (t *Tenant) managementAPI() *APIConfig {
	return &APIConfig{
		Name: ManagementName, Identifier: t.management(), Permissions: ManagementScopes(), Dialect: DialectAuth0,
		TokenLifetime: managementLifeSeconds * time.Second, id: t.derived("Management API", 24), number: -declaredBefore,
	}
}

// servers gives all APIs in the order of their places: the tenant's own, those that
// are declared, and those that requests made.
func (t *Tenant) servers(apis []*APIConfig) []*server {
	all := []*server{{t.managementAPI(), true}}
	for _, api := range apis {
		all = append(all, &server{APIConfig: api})
	}
	return all
}

// machineAPI gives an API that applications get tokens of their own for, or nil.
func (t *Tenant) machineAPI(identifier string) *APIConfig {
	for _, s := range t.directory.Load().servers {
		if s.Identifier == identifier {
			return s.APIConfig
		}
	}
	return nil
}

// serverOf gives an API by its id or its identifier, or nil.
func (t *Tenant) serverOf(id string) *server {
	for _, s := range t.directory.Load().servers {
		if s.id == id || s.Identifier == id {
			return s
		}
	}
	return nil
}

// wire gives an API as Auth0 does.
func (s *server) wire(*Tenant, *managed) ordered {
	scopes := []ordered{}
	for _, p := range s.Permissions {
		of := ordered{{"value", p}}
		if d := s.descriptions[p]; d != "" {
			of = of.with("description", d)
		}
		scopes = append(scopes, of)
	}
	life := int64(s.TokenLifetime / time.Second)
	o := ordered{{"id", s.id}, {"name", s.Name}, {"identifier", s.Identifier}, {"scopes", scopes}, {"signing_alg", "RS256"}}
	o = o.with("allow_offline_access", s.AllowOfflineAccess).with("token_lifetime", life).with("token_lifetime_for_web", min(implicitLife, life)).
		with("skip_consent_for_verifiable_first_party_clients", true)
	if s.system {
		return o.with("is_system", true)
	}
	policy := func(is string) ordered { return ordered{{"policy", is}} }
	return o.with("enforce_policies", s.RBAC).with("token_dialect", s.Dialect).
		with("subject_type_authorization", ordered{{"user", policy("allow_all")}, {"client", policy("require_client_grant")}})
}

var errNoServer = notFound("The resource server does not exist", "inexistent_resource_server")

func (t *Tenant) listServers(m *managed) (any, error) {
	all := slices.Clone(t.directory.Load().servers)
	if identifier := m.query.Get("identifiers"); identifier != "" {
		all = slices.DeleteFunc(all, func(s *server) bool { return s.Identifier != identifier })
	}
	return listKept(t, m, "resource_servers", all)
}

func (t *Tenant) readServer(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	s := t.serverOf(m.path("id"))
	if s == nil {
		return nil, errNoServer
	}
	return s.wire(t, m).only(fields, include), nil
}

// apply puts what a request said over what an API is.
func (api *APIConfig) apply(body map[string]any) error {
	if name, ok := body["name"].(string); ok {
		api.Name = name
	}
	for name, to := range map[string]*bool{"allow_offline_access": &api.AllowOfflineAccess, "enforce_policies": &api.RBAC} {
		if is, ok := body[name].(bool); ok {
			*to = is
		}
	}
	if seconds, ok := numberOf(body["token_lifetime"]); ok {
		api.TokenLifetime = time.Duration(seconds) * time.Second
	}
	if dialect, ok := body["token_dialect"].(string); ok {
		api.Dialect = dialect
	}
	if authz(api.Dialect) && !api.RBAC {
		return apiFail(http.StatusBadRequest, codeInvalidBody, "The token_dialect %s needs enforce_policies.", api.Dialect)
	}
	scopes, ok := body["scopes"].([]any)
	if !ok {
		return nil
	}
	api.Permissions, api.descriptions = nil, map[string]string{}
	for _, one := range scopes {
		value, _ := asObject(one)["value"].(string)
		switch {
		case slices.Contains(oidcScopes, value), len(oidc.Scopes(value)) != 1 || oidc.Scopes(value)[0] != value:
			return apiFail(http.StatusBadRequest, codeInvalidBody, "The scope %q cannot be a permission of an API.", value)
		case slices.Contains(api.Permissions, value):
			return apiFail(http.StatusBadRequest, codeInvalidBody, "The scope %q is there twice.", value)
		}
		api.Permissions = append(api.Permissions, value)
		api.descriptions[value], _ = asObject(one)["description"].(string)
	}
	return nil
}

func (t *Tenant) createServer(m *managed) (any, error) {
	wanted := serverShape.and("identifier", shape{kind: "string", min: 1, max: 600})
	wanted.required = []string{"identifier"}
	body, err := m.readBody(wanted)
	if err != nil {
		return nil, err
	}
	api := &APIConfig{Dialect: DialectAuth0, TokenLifetime: 24 * time.Hour}
	api.Identifier, _ = body["identifier"].(string)
	api.Name = api.Identifier
	if err := api.apply(body); err != nil {
		return nil, err
	}
	return t.saveServer(m, api)
}

// saveServer keeps an API and shows it. Only createServer calls it without holding
// changing for a look before.
func (t *Tenant) saveServer(m *managed, api *APIConfig) (any, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	err := t.change(m.ctx, func(tx *sql.Tx) error { return t.saveAPI(m.ctx, tx, api) })
	if errors.Is(err, errAPIExists) {
		return nil, conflict("A resource server with the same identifier already exists", codeConflict)
	}
	if err != nil {
		return nil, err
	}
	return t.serverOf(api.id).wire(t, m), nil
}

// ownServer gives an API that requests may change.
func (t *Tenant) ownServer(id string) (*server, error) {
	s := t.serverOf(id)
	switch {
	case s == nil:
		return nil, errNoServer
	case s.system:
		return nil, unsupported("The Management API is the tenant's own and cannot be changed.")
	case len(s.entry) > 0:
		return nil, t.declaredIn("apis.%s", s.Name)
	}
	return s, nil
}

func (t *Tenant) updateServer(m *managed) (any, error) {
	body, err := m.readBody(serverShape)
	if err != nil {
		return nil, err
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	s, err := t.ownServer(m.path("id"))
	if err != nil {
		return nil, err
	}
	api := *s.APIConfig
	if err := api.apply(body); err != nil {
		return nil, err
	}
	err = t.change(m.ctx, func(tx *sql.Tx) error {
		if err := t.saveAPI(m.ctx, tx, &api); err != nil {
			return err
		}
		return t.dropPermissions(m.ctx, tx, &api)
	})
	if err != nil {
		return nil, err
	}
	return t.serverOf(api.id).wire(t, m), nil
}

// deleteServer deletes an API. Deleting one that there is not is a success.
func (t *Tenant) deleteServer(m *managed) (any, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	s, err := t.ownServer(m.path("id"))
	if errors.Is(err, errNoServer) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, t.change(m.ctx, func(tx *sql.Tx) error { return t.deleteAPI(m.ctx, tx, s.APIConfig) })
}
