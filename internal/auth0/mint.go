package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorwright/doorwright/internal/oidc"
)

// Tokens are what a sign-in gives.
type Tokens struct{ ID, Access, Refresh string }

// ErrNoUser is that the tenant has no such user.
var ErrNoUser = errors.New("the tenant has no user")

// UserToken gives the tokens that a user would get by signing in to an
// application with a scope for an API; audience "" is the tenant itself. It is
// for who runs the tenant, and asks for no password.
func (t *Tenant) UserToken(ctx context.Context, application, email, audience, scope string) (Tokens, error) {
	cl := t.named(application)
	var u *user
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		u, err = t.userByEmail(ctx, tx, email)
		return err
	})
	switch {
	case err != nil:
		return Tokens{}, err
	case cl == nil:
		return Tokens{}, fmt.Errorf("the tenant has no application %q", application)
	case cl.Type == TypeNonInteractive:
		return Tokens{}, fmt.Errorf("nobody signs in by the application %s: it is non_interactive", application)
	case u == nil:
		return Tokens{}, fmt.Errorf("%w %q", ErrNoUser, email)
	case u.Blocked:
		return Tokens{}, fmt.Errorf("the user %q is blocked", email)
	case audience != "" && t.api(audience) == nil:
		return Tokens{}, fmt.Errorf("the tenant has no API with the identifier %q", audience)
	}
	g := &grant{client: cl.id, subject: u.id, audience: audience, scope: oidc.Scopes(scope), sid: oidc.Random(24), authTime: t.svc.cfg.Now()}
	g.outcome, err = t.postLogin(ctx, &call{}, signIn{
		user: u, client: cl, api: t.api(audience), scopes: g.scope, protocol: protocolCode, authTime: g.authTime, sessionID: g.sid,
	})
	if err != nil {
		return Tokens{}, err
	}
	var refresh string
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if err = t.newGrant(ctx, tx, g); err == nil && t.mayRefresh(g, cl) {
			refresh, err = t.firstRefresh(ctx, tx, g)
		}
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	answer, err := t.issue(ctx, &call{}, g, cl, issuing{requested: g.scope, refresh: refresh})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{answer.IDToken, answer.AccessToken, refresh}, nil
}

// MachineToken gives the access token that an application would get with its
// secret.
func (t *Tenant) MachineToken(application, audience string) (string, error) {
	cl := t.named(application)
	if cl == nil {
		return "", fmt.Errorf("the tenant has no application %q", application)
	}
	if !cl.allows(grantMachine) {
		return "", fmt.Errorf("the application %s is of type %s, which has no tokens of its own", application, cl.Type)
	}
	if audience == "" {
		return "", errors.New("a token of a machine needs an API")
	}
	api := t.machineAPI(audience)
	if api == nil {
		return "", fmt.Errorf("the tenant has no API with the identifier %q", audience)
	}
	answer, err := t.machineToken(cl, api, nil)
	if err != nil {
		return "", err
	}
	return answer.AccessToken, nil
}
