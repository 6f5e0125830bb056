package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// directory is what the tenant has that each request needs: one immutable value,
// replaced whole by reload when it was changed in the store.
type directory struct {
	apis map[string]*APIConfig // by identifier
	// In the order of their places: what is declared comes first.
	clients []*client
	servers []*server
	grants  []*clientGrant
}

// declaredBefore is how many places what is declared has before all that requests
// make.
const declaredBefore = 1 << 20

// client gives an application, or nil.
func (d *directory) client(id string) *client {
	for _, c := range d.clients {
		if c.id == id && id != "" {
			return c
		}
	}
	return nil
}

// change writes to the store and shows requests what it then has. Its caller holds
// changing. Once it is written, a caller who went away does not keep others from
// seeing it.
func (t *Tenant) change(ctx context.Context, write func(*sql.Tx) error) error {
	if err := t.svc.cfg.DB.Write(ctx, write); err != nil {
		return err
	}
	return t.reload(context.WithoutCancel(ctx))
}

// errAPIExists is the refusal of an identifier that another API has.
var errAPIExists = errors.New("a resource server with the same identifier already exists")

// maxAPIs and maxPermissions bound what requests can make.
const (
	maxAPIs        = 1000
	maxPermissions = 1000
)

// api gives an API by its identifier, or nil.
func (t *Tenant) api(identifier string) *APIConfig {
	if d := t.directory.Load(); d != nil {
		return d.apis[identifier]
	}
	return nil
}

func (t *Tenant) hasPermission(p permission) bool {
	api := t.api(p.audience)
	return api != nil && slices.Contains(api.Permissions, p.name)
}

// reload shows requests what the store has. Who changes an API calls it after the
// transaction, before the answer.
func (t *Tenant) reload(ctx context.Context) error {
	t.reloading.Lock()
	defer t.reloading.Unlock()
	return t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		all, err := t.allAPIs(ctx, tx)
		if err != nil {
			return err
		}
		d := &directory{apis: map[string]*APIConfig{}}
		for _, api := range all {
			d.apis[api.Identifier] = api
		}
		made, err := t.readApplications(ctx, tx)
		if err != nil {
			return err
		}
		d.clients = slices.Concat(t.clients, made)
		d.servers = t.servers(all)
		if d.grants, err = t.readGrants(ctx, tx, d); err != nil {
			return err
		}
		t.directory.Store(d)
		return nil
	})
}

// allAPIs gives the tenant's APIs in the order of their making.
func (t *Tenant) allAPIs(ctx context.Context, tx *sql.Tx) ([]*APIConfig, error) {
	var all []*APIConfig
	byID := map[string]*APIConfig{}
	for rows, err := range each(ctx, tx, "SELECT id, identifier, name, rbac, dialect, offline, lifetime, entry, number FROM auth0_api WHERE tenant = ? ORDER BY number", t.cfg.Name) {
		var api APIConfig
		var lifetime int64
		if err == nil {
			err = rows.Scan(&api.id, &api.Identifier, &api.Name, &api.RBAC, &api.Dialect, &api.AllowOfflineAccess, &lifetime, &api.entry, &api.number)
		}
		if err != nil {
			return nil, fmt.Errorf("reading APIs: %w", err)
		}
		api.TokenLifetime, api.descriptions = time.Duration(lifetime)*time.Second, map[string]string{}
		all, byID[api.id] = append(all, &api), &api
	}
	for rows, err := range each(ctx, tx, "SELECT api, name, description FROM auth0_api_permission WHERE tenant = ? ORDER BY api, position", t.cfg.Name) {
		var id, name, description string
		if err == nil {
			err = rows.Scan(&id, &name, &description)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the permissions of APIs: %w", err)
		}
		if api := byID[id]; api != nil {
			api.Permissions = append(api.Permissions, name)
			api.descriptions[name] = description
		}
	}
	return all, nil
}

// saveAPI makes an API that has no id, or keeps what was changed of one; its
// identifier stays. reload must follow.
func (t *Tenant) saveAPI(ctx context.Context, tx *sql.Tx, api *APIConfig) error {
	all, err := t.allAPIs(ctx, tx)
	if err != nil {
		return err
	}
	switch {
	case t.ownAudience(api.Identifier), api.Identifier == t.management(),
		slices.ContainsFunc(all, func(other *APIConfig) bool { return other.Identifier == api.Identifier && other.id != api.id }):
		return errAPIExists
	case api.id == "" && len(all) >= maxAPIs:
		return fmt.Errorf("the tenant has %d APIs, and takes no more", maxAPIs)
	case len(api.Permissions) > maxPermissions:
		return fmt.Errorf("an API has at most %d permissions", maxPermissions)
	}
	if api.id == "" {
		api.id = randomHex()
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO auth0_api (tenant, id, identifier, name, rbac, dialect, offline, lifetime, entry, number)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(max(number), 0) + 1 FROM auth0_api WHERE tenant = ?1
		ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, rbac = excluded.rbac, dialect = excluded.dialect,
		  offline = excluded.offline, lifetime = excluded.lifetime, entry = excluded.entry`,
		t.cfg.Name, api.id, api.Identifier, api.Name, api.RBAC, api.Dialect, api.AllowOfflineAccess, int64(api.TokenLifetime/time.Second), bytesOf(api.entry))
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM auth0_api_permission WHERE tenant = ? AND api = ?", t.cfg.Name, api.id)
	}
	for i, name := range api.Permissions {
		if err == nil {
			_, err = tx.ExecContext(ctx, "INSERT INTO auth0_api_permission (tenant, api, position, name, description) VALUES (?, ?, ?, ?, ?)",
				t.cfg.Name, api.id, i, name, api.descriptions[name])
		}
	}
	if err != nil {
		return fmt.Errorf("keeping an API: %w", err)
	}
	return nil
}

// deleteAPI deletes an API, and its permissions of everybody. reload must follow.
func (t *Tenant) deleteAPI(ctx context.Context, tx *sql.Tx, api *APIConfig) error {
	for _, statement := range []string{
		"DELETE FROM auth0_client_grant WHERE tenant = ? AND audience = ?",
		"DELETE FROM auth0_consent WHERE tenant = ? AND audience = ?",
		"DELETE FROM auth0_role_permission WHERE tenant = ? AND audience = ?",
		"DELETE FROM auth0_user_permission WHERE tenant = ? AND audience = ?",
		"DELETE FROM auth0_api WHERE tenant = ? AND identifier = ?",
	} {
		if _, err := tx.ExecContext(ctx, statement, t.cfg.Name, api.Identifier); err != nil {
			return fmt.Errorf("deleting an API: %w", err)
		}
	}
	return nil
}

// dropPermissions takes from everybody the permissions that an API no longer has:
// if it has one of the name again, it is another.
func (t *Tenant) dropPermissions(ctx context.Context, tx *sql.Tx, api *APIConfig) error {
	for _, table := range []string{"auth0_role_permission", "auth0_user_permission"} {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+table+` WHERE tenant = ?1 AND audience = ?2
			AND permission NOT IN (SELECT name FROM auth0_api_permission WHERE tenant = ?1 AND api = ?3)`, t.cfg.Name, api.Identifier, api.id)
		if err != nil {
			return fmt.Errorf("dropping the permissions of an API: %w", err)
		}
	}
	return nil
}
