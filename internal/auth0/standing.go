package auth0

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// A Standing is what stands between somebody's tokens and a permission of an API, as the
// tenant is now.
type Standing struct {
	// API is the API's name, the declared one if it is declared; empty if the tenant has
	// no such API. Known says that it has the permission.
	API   string
	Known bool
	// RBAC says that users' tokens have only what the users hold.
	RBAC bool
	// User is the address of the user, and Held says that the user holds the permission:
	// by Roles, or without any directly. User is empty of whom there is not.
	User  string
	Held  bool
	Roles []string
	// Givers are roles of the tenant that hold it, the one that holds least first.
	Givers []string
	// Application is the name of the application. Machine says that the token was its
	// own, and Granted that it may have the permission: for itself, or of its users.
	Application      string
	Declared         bool // the application is
	Machine, Granted bool
}

// maxGivers bounds the roles that advice names.
const maxGivers = 5

// machineSubject is what the sub of an application's own token ends in.
const machineSubject = "@clients"

// Standing tells it of the subject and the application of a token.
func (t *Tenant) Standing(ctx context.Context, subject, application, audience, name string) (Standing, error) {
	api := t.api(audience)
	if api == nil {
		return Standing{}, nil
	}
	s := Standing{API: api.Name, RBAC: api.RBAC, Known: slices.Contains(api.Permissions, name)}
	if id, ok := strings.CutSuffix(subject, machineSubject); ok {
		s.Machine, application = true, id
	}
	if c := t.clientOf(application); c != nil {
		s.Application, s.Declared = c.Name, c.made == nil
		if s.Machine {
			scopes, _ := t.grantedTo(c, audience)
			s.Granted = slices.Contains(scopes, name)
		} else {
			scopes, err := c.mayAsk([]string{name}, api)
			s.Granted = err == nil && len(scopes) > 0
		}
	}
	if s.Machine || !s.Known {
		return s, nil
	}
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error { return t.standing(ctx, tx, &s, subject, permission{audience, name}) })
	if err != nil {
		return Standing{}, fmt.Errorf("reading what a user holds: %w", err)
	}
	return s, nil
}

// standing reads what the user holds, and who would give it.
func (t *Tenant) standing(ctx context.Context, tx *sql.Tx, s *Standing, subject string, p permission) error {
	u, err := t.userByID(ctx, tx, subject)
	if err != nil || u == nil {
		return err
	}
	s.User = u.Email
	held, err := t.permissionsOf(ctx, tx, subject)
	if err != nil {
		return err
	}
	sources, ok := held[p]
	s.Held = ok
	for _, of := range sources {
		if of.roleName != "" && len(s.Roles) < maxGivers {
			s.Roles = append(s.Roles, of.roleName)
		}
	}
	for rows, err := range each(ctx, tx, `
		SELECT o.name FROM auth0_role_permission p JOIN auth0_role o ON o.tenant = p.tenant AND o.id = p.role
		WHERE p.tenant = ?1 AND p.audience = ?2 AND p.permission = ?3
		ORDER BY (SELECT count(*) FROM auth0_role_permission x WHERE x.tenant = o.tenant AND x.role = o.id), o.name LIMIT ?4`,
		t.cfg.Name, p.audience, p.name, maxGivers) {
		var name string
		if err == nil {
			err = rows.Scan(&name)
		}
		if err != nil {
			return fmt.Errorf("reading which roles hold a permission: %w", err)
		}
		s.Givers = append(s.Givers, name)
	}
	return nil
}
