package auth0

import (
	"net/http"
	"slices"
)

func connectionOperations() []operation {
	return []operation{
		{method: "GET", path: "/connections", scopes: []string{"read:connections"}, status: http.StatusOK,
			query: slices.Concat(checkpoint, some, []string{"strategy", "name"}), run: (*Tenant).listConnections, note: "the database connection is the one that there is"},
		{method: "GET", path: "/connections/{id}", scopes: []string{"read:connections"}, status: http.StatusOK, query: some, run: (*Tenant).readConnection},
		{method: "GET", path: "/connections/{id}/clients", scopes: []string{"read:connections"}, status: http.StatusOK, query: []string{"take", "from"},
			run: (*Tenant).connectionClients, note: "all applications: each is enabled"},
		{method: "GET", path: "/tenants/settings", scopes: []string{"read:tenant_settings"}, status: http.StatusOK, query: some, run: (*Tenant).tenantSettings},
	}
}

// connection is the tenant's one connection: the database of its users.
type connection struct{ id string }

func (t *Tenant) connection() connection {
	return connection{"con_" + t.derived("connection "+connectionName, 16)}
}

func (c connection) place() int64 { return 0 }

// wire gives the connection as Auth0 does. Sign-ins by it are open to each
// application.
func (c connection) wire(t *Tenant, _ *managed) ordered {
	clients := []string{}
	for _, cl := range t.directory.Load().clients {
		clients = append(clients, cl.id)
	}
	return ordered{
		{"id", c.id}, {"options", ordered{{"passwordPolicy", "good"}, {"strategy_version", 2}, {"brute_force_protection", true}}},
		{"strategy", "auth0"}, {"name", connectionName}, {"is_domain_connection", false}, {"realms", []string{connectionName}}, {"enabled_clients", clients},
	}
}

func (t *Tenant) listConnections(m *managed) (any, error) {
	all := []connection{t.connection()}
	if name := m.query.Get("name"); name != "" && name != connectionName {
		all = nil
	}
	if strategy := m.query.Get("strategy"); strategy != "" && strategy != "auth0" {
		all = nil
	}
	return listKept(t, m, "connections", all)
}

var errNoConnection = notFound("The connection does not exist", "inexistent_connection")

func (t *Tenant) readConnection(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	if c := t.connection(); c.id == m.path("id") {
		return c.wire(t, m).only(fields, include), nil
	}
	return nil, errNoConnection
}

// enabled is an application that a connection is enabled for.
type enabled struct{ *client }

func (e enabled) wire(*Tenant, *managed) ordered { return ordered{{"client_id", e.id}} }

func (t *Tenant) connectionClients(m *managed) (any, error) {
	if m.path("id") != t.connection().id {
		return nil, errNoConnection
	}
	var all []enabled
	for _, c := range t.directory.Load().clients {
		all = append(all, enabled{c})
	}
	if !m.query.Has("take") {
		m.query.Set("take", "50") // this list has checkpoints alone
	}
	return listKept(t, m, "clients", all)
}

// tenantSettings tells what of Auth0's settings a local tenant keeps to.
func (t *Tenant) tenantSettings(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	hours := int(sessionLife.Hours())
	return ordered{
		{"allowed_logout_urls", []string{}}, {"default_audience", ""}, {"default_directory", connectionName}, {"enabled_locales", []string{"en"}},
		{"friendly_name", t.cfg.Name}, {"session_lifetime", hours}, {"idle_session_lifetime", hours}, {"sandbox_version", "22"},
		{"flags", ordered{{"enable_client_connections", true}, {"revoke_refresh_token_grant", false}}},
	}.only(fields, include), nil
}
