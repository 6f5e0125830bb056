package integration

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/auth0/go-auth0/management"
)

// TestManagementByGoAuth0 is a program that manages a tenant with go-auth0, over
// http, which it takes only before it is told of the application.
func TestManagementByGoAuth0(t *testing.T) {
	p := clients(t, "management")
	ctx, out := t.Context(), p.outputs()
	m, err := management.New(out["Domain"], management.WithInsecure(),
		management.WithClientCredentials(ctx, out["ClientId"], p.secretOf("tenants.Auth0.applications.manager.clientSecret")), management.WithNoRetries())
	if err != nil {
		t.Fatal(err)
	}
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	refused := func(what string, err error, status int, message string) {
		t.Helper()
		var of management.Error
		if !errors.As(err, &of) || of.Status() != status || of.Error() != fmt.Sprintf("%d %s: %s", status, http.StatusText(status), message) {
			t.Errorf("%s ends with %v; want %d: %s", what, err, status, message)
		}
	}

	// Users: made, found, changed, and paged through.
	connection := "Username-Password-Authentication"
	for i := range 7 {
		user := &management.User{
			Connection: &connection, Email: new(fmt.Sprintf("u%d@example.com", i)), Password: new("Passw0rd!"),
			AppMetadata: &map[string]any{"team": fmt.Sprint(i % 2)},
		}
		must("making a user", m.User.Create(ctx, user))
	}
	seen := map[string]bool{}
	for page := 0; ; page++ {
		list, err := m.User.List(ctx, management.PerPage(3), management.Page(page))
		must("listing users", err)
		for _, u := range list.Users {
			seen[u.GetEmail()] = true
		}
		if !list.HasNext() {
			break
		}
	}
	if len(seen) != 8 {
		t.Errorf("the pages show %v", seen)
	}
	found, err := m.User.Search(ctx, management.Query(`app_metadata.team:"1" AND email:u*`))
	must("searching", err)
	if len(found.Users) != 3 || found.Total != 3 {
		t.Errorf("the search finds %v", found)
	}
	byEmail, err := m.User.ListByEmail(ctx, "u1@example.com")
	must("asking by address", err)
	id := byEmail[0].GetID()
	must("changing a user", m.User.Update(ctx, id, &management.User{Nickname: new("one")}))
	if u, err := m.User.Read(ctx, id); err != nil || u.GetNickname() != "one" || u.Identities[0].GetProvider() != "auth0" {
		t.Errorf("the user is %v, %v", u, err)
	}
	refused("an address that is taken", m.User.Create(ctx, &management.User{Connection: &connection, Email: new("ann@example.com"), Password: new("Passw0rd!")}), 409, "The user already exists.")

	// A role with a permission, and who has it.
	role := &management.Role{Name: new("rider"), Description: new("Rides")}
	must("making a role", m.Role.Create(ctx, role))
	read := []*management.Permission{{ResourceServerIdentifier: new("https://rides.example"), Name: new("read")}}
	must("giving it a permission", m.Role.AssociatePermissions(ctx, role.GetID(), read))
	must("giving it to users", m.Role.AssignUsers(ctx, role.GetID(), []*management.User{{ID: &id}}))
	must("giving it to a user", m.User.AssignRoles(ctx, byEmail[0].GetID(), []*management.Role{role}))
	users, err := m.Role.Users(ctx, role.GetID())
	must("asking who has it", err)
	held, err := m.User.Permissions(ctx, id)
	must("asking what a user may do", err)
	if len(users.Users) != 1 || len(held.Permissions) != 1 || held.Permissions[0].GetName() != "read" {
		t.Errorf("%v have the role, and may %v", users, held)
	}
	must("giving a permission", m.User.AssignPermissions(ctx, id, []*management.Permission{{ResourceServerIdentifier: new("https://rides.example"), Name: new("write")}}))
	must("taking the role", m.User.RemoveRoles(ctx, id, []*management.Role{role}))
	if held, err = m.User.Permissions(ctx, id); err != nil || len(held.Permissions) != 1 || held.Permissions[0].GetName() != "write" {
		t.Errorf("without the role the user may %v, %v", held, err)
	}
	must("deleting the role", m.Role.Delete(ctx, role.GetID()))
	_, err = m.Role.Read(ctx, role.GetID())
	refused("the deleted role", err, 404, "The role does not exist.")

	// An API, an application, and the grant between them.
	api := &management.ResourceServer{Identifier: new("https://new.example/"), Name: new("New"), Scopes: &[]management.ResourceServerScope{{Value: new("ride"), Description: new("Ride")}}}
	must("making an API", m.ResourceServer.Create(ctx, api))
	if got, err := m.ResourceServer.Read(ctx, "https%3A%2F%2Fnew.example%2F"); err != nil || got.GetID() != api.GetID() {
		if got, err = m.ResourceServer.Read(ctx, "https://new.example/"); err != nil || got.GetID() != api.GetID() {
			t.Errorf("the API by its identifier is %v, %v", got, err)
		}
	}
	machine := &management.Client{Name: new("Machine"), AppType: new("non_interactive")}
	must("making an application", m.Client.Create(ctx, machine))
	must("granting", m.ClientGrant.Create(ctx, &management.ClientGrant{ClientID: machine.ClientID, Audience: api.Identifier, Scope: &[]string{"ride"}}))
	grants, err := m.ClientGrant.List(ctx, management.Parameter("client_id", machine.GetClientID()))
	must("listing grants", err)
	rotated, err := m.Client.RotateSecret(ctx, machine.GetClientID())
	must("rotating its secret", err)
	if len(grants.ClientGrants) != 1 || rotated.GetClientSecret() == machine.GetClientSecret() || rotated.GetClientSecret() == "" {
		t.Errorf("the grants are %v, the secrets the same", grants)
	}
	list, err := m.Client.List(ctx, management.IncludeFields("client_id", "name"))
	must("listing applications", err)
	connections, err := m.Connection.List(ctx)
	must("listing connections", err)
	if len(list.Clients) != 2 || len(connections.Connections) != 1 || connections.Connections[0].GetStrategy() != "auth0" {
		t.Errorf("the applications are %v, the connections %v", list, connections)
	}
	refused("a declared application", m.Client.Delete(ctx, out["ClientId"]), 400, "tenants.Auth0.applications.manager is declared in doorwright.yaml; change it there.")
	must("deleting the application", m.Client.Delete(ctx, machine.GetClientID()))
	must("deleting the API", m.ResourceServer.Delete(ctx, api.GetID()))
	must("deleting a user", m.User.Delete(ctx, id))
}

// TestManagementByNodeAuth0 is a program that manages a tenant with auth0 for Node,
// which speaks https alone.
func TestManagementByNodeAuth0(t *testing.T) {
	js := scripts(t)
	t.Setenv("DOORWRIGHT_CA_DIR", filepath.Join(t.TempDir(), "ca"))
	p := clients(t, "management", "https: false", "https: true")
	p.script(js, "node-management.mjs", map[string]string{
		"ClientSecret": p.secretOf("tenants.Auth0.applications.manager.clientSecret"), "Trust": trustCommand(t, "Node"),
	})
}
