package auth0

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// SignIns lists what a user is signed in to: browsers, and applications that hold
// tokens of a sign-in. The Management API's sessions and refresh tokens are not
// emulated: this is for who looks at the stage. A refusal is an *aws.Error.
func (t *Tenant) SignIns(ctx context.Context, id string) ([]oidc.SignIn, error) {
	var list []oidc.SignIn
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err := t.userByID(ctx, tx, id)
		if err == nil && u == nil {
			err = errNoUser.coded()
		}
		if err != nil {
			return err
		}
		if list, err = oidc.Browsers(ctx, tx, t.engine.Tenant, id, t.svc.cfg.Now()); err != nil {
			return err
		}
		for rows, err := range each(ctx, tx, `
			SELECT id, client, auth_time, expires FROM auth0_grant WHERE tenant = ? AND subject = ? AND revoked = 0 AND expires > ? ORDER BY auth_time DESC, id`,
			t.cfg.Name, id, t.svc.cfg.Now().UnixMilli()) {
			var grant, client string
			var began, expires int64
			if err == nil {
				err = rows.Scan(&grant, &client, &began, &expires)
			}
			if err != nil {
				return fmt.Errorf("listing a user's sign-ins: %w", err)
			}
			if c := t.clientOf(client); c != nil {
				client = c.Name
			}
			list = append(list, oidc.SignIn{ID: grant, Client: client, Began: time.UnixMilli(began), Expires: time.UnixMilli(expires)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b oidc.SignIn) int { return b.Began.Compare(a.Began) })
	return list, nil
}

// EndSignIn ends one of them: the browser is signed out, or all tokens that came of the
// sign-in are revoked. It says whether there was one.
func (t *Tenant) EndSignIn(ctx context.Context, id, signIn string) (ended bool, err error) {
	err = t.ending(ctx, id, func(tx *sql.Tx) error {
		if ended, err = oidc.EndBrowser(ctx, tx, t.engine.Tenant, id, signIn); err != nil || ended {
			return err
		}
		done, err := tx.ExecContext(ctx, "UPDATE auth0_grant SET revoked = 1 WHERE id = ? AND tenant = ? AND subject = ? AND revoked = 0", signIn, t.cfg.Name, id)
		if err != nil {
			return fmt.Errorf("ending a grant: %w", err)
		}
		n, err := done.RowsAffected()
		ended = n > 0
		return err
	})
	return ended, err
}

// SignOut ends all that a user is signed in to.
func (t *Tenant) SignOut(ctx context.Context, id string) error {
	return t.ending(ctx, id, func(tx *sql.Tx) error { return t.endSignIns(ctx, tx, id) })
}

// ending runs a change that ends sign-ins of a user, and tells of it in the log.
func (t *Tenant) ending(ctx context.Context, id string, change func(*sql.Tx) error) error {
	e := Event{Operation: "ending sign-ins", Tenant: t.cfg.Name, User: id}
	start := t.svc.cfg.Now()
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByID(ctx, tx, id)
		if err == nil && u == nil {
			err = errNoUser.coded()
		}
		if err != nil {
			return err
		}
		e.User = u.Email
		return change(tx)
	})
	if err == nil {
		e.Time = t.svc.cfg.Now()
		e.Duration = e.Time.Sub(start)
		t.svc.cfg.Log(e)
	}
	return err
}
