package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// A Specimen is a token that shows what an authorizer says of tokens of its kind: it is
// signed by the tenant as others are, for a user who is not there. Nothing is kept of
// it. The tenant's Action runs, as it changes what is in tokens.
type Specimen struct {
	// Application is the declared name of who asked for it.
	Application string
	// Audience is the identifier of the API that it is for.
	Audience string
	// Scopes are what was asked for; the token has what of it the user may have.
	Scopes []string
	// Roles are the names of the user's roles. All gives the user every permission.
	Roles []string
	All   bool
	// ID asks for an ID token in place of an access token.
	ID bool
	// Issued is when it was issued; now if zero.
	Issued time.Time
}

// ErrNoToken is that the tenant's Action gives such a user none.
var ErrNoToken = errors.New("the post-login Action gives no token")

// Specimen signs a token that stands for others of its kind.
func (t *Tenant) Specimen(ctx context.Context, s Specimen) (string, error) {
	cl, api := t.named(s.Application), t.api(s.Audience)
	switch {
	case cl == nil:
		return "", fmt.Errorf("the tenant has no application %q", s.Application)
	case api == nil && !s.ID:
		return "", fmt.Errorf("the tenant has no API with the identifier %q", s.Audience)
	}
	u := &user{id: "auth0|" + aws.NewRequestID(), Email: "nobody@example.com", held: Permissions{}}
	if s.ID {
		s.Scopes = append([]string{"openid"}, s.Scopes...)
	} else if s.All {
		u.held[s.Audience] = api.Permissions
	} else if err := t.holdRoles(ctx, u, s.Roles); err != nil {
		return "", err
	}
	g := &grant{client: cl.id, subject: u.id, sid: oidc.Random(24), authTime: s.Issued}
	if g.authTime.IsZero() {
		g.authTime = t.svc.cfg.Now()
	}
	if t.cfg.PostLogin != "" {
		a, err := t.act(ctx, &call{}, signIn{
			user: u, client: cl, api: api, scopes: s.Scopes, protocol: protocolCode, authTime: g.authTime, sessionID: g.sid,
		}, s.Roles)
		if err == nil {
			err = a.end()
		}
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoToken, err)
		}
		g.outcome = *a.o
	}
	if s.ID {
		return t.idToken(g, u, cl, idTokenOf{scopes: s.Scopes[:1]})
	}
	requested, err := cl.mayAsk(s.Scopes, api)
	if err != nil {
		return "", err
	}
	return t.sign(accessToken{
		api: api, client: cl, subject: u.id, scopes: g.outcome.edit(t.granted(requested, api, u)), permissions: t.permissions(api, u),
		life: api.TokenLifetime, issued: s.Issued, custom: g.outcome.Access,
	})
}

// holdRoles gives a user what roles give now.
func (t *Tenant) holdRoles(ctx context.Context, u *user, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		all, err := t.allRoles(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range all {
			if !slices.Contains(names, r.name) {
				continue
			}
			list, err := t.rolePermissions(ctx, tx, r.id)
			if err != nil {
				return err
			}
			for _, p := range list {
				u.held[p.audience] = append(u.held[p.audience], p.name)
			}
		}
		return nil
	})
}

// RoleNames gives the names of the tenant's roles as they are now, in the order of
// their making.
func (t *Tenant) RoleNames(ctx context.Context) (names []string, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		all, err := t.allRoles(ctx, tx)
		for _, r := range all {
			names = append(names, r.name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tenant's roles: %w", err)
	}
	return names, nil
}
