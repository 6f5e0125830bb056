package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// SignIns lists what a user is signed in to: browsers at the hosted pages, and clients
// that hold a refresh token of a sign-in. Cognito shows no such list for what is
// emulated here: it is for who looks at the stage. A refusal is an *aws.Error.
func (p *Pool) SignIns(ctx context.Context, name string) ([]oidc.SignIn, error) {
	var list []oidc.SignIn
	err := p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err := p.existing(ctx, tx, name)
		if err != nil {
			return err
		}
		if list, err = oidc.Browsers(ctx, tx, p.id, u.sub, p.svc.cfg.Now()); err != nil {
			return err
		}
		grants, err := p.grantsOf(ctx, tx, u.sub)
		list = append(list, grants...)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b oidc.SignIn) int { return b.Began.Compare(a.Began) })
	return list, nil
}

func (p *Pool) grantsOf(ctx context.Context, tx *sql.Tx, sub string) ([]oidc.SignIn, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT event, client, auth_time, expires FROM cognito_grant WHERE pool = ? AND sub = ? AND revoked = 0 AND expires > ? ORDER BY auth_time DESC, event`,
		p.id, sub, p.svc.cfg.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("listing a user's sign-ins: %w", err)
	}
	defer rows.Close()
	var list []oidc.SignIn
	for rows.Next() {
		var id, client string
		var began, expires int64
		if err := rows.Scan(&id, &client, &began, &expires); err != nil {
			return nil, fmt.Errorf("listing a user's sign-ins: %w", err)
		}
		if c := p.clientOfID(client); c != nil {
			client = c.cfg.Name
		}
		list = append(list, oidc.SignIn{ID: id, Client: client, Began: time.UnixMilli(began), Expires: time.UnixMilli(expires)})
	}
	return list, rows.Err()
}

// EndSignIn ends one of them: the browser is signed out, or all tokens that came of the
// sign-in are revoked. It says whether there was one.
func (p *Pool) EndSignIn(ctx context.Context, name, id string) (ended bool, err error) {
	e := Event{Outcome: aws.Begin(nil, "ending a sign-in", p.svc.cfg.Now()), Pool: p.cfg.Name, User: name}
	err = p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.existing(ctx, tx, name)
		if err != nil {
			return err
		}
		if ended, err = oidc.EndBrowser(ctx, tx, p.id, u.sub, id); err != nil || ended {
			return err
		}
		done, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ? AND pool = ? AND sub = ? AND revoked = 0", id, p.id, u.sub)
		if err != nil {
			return fmt.Errorf("revoking the tokens of a sign-in: %w", err)
		}
		n, err := done.RowsAffected()
		ended = n > 0
		return err
	})
	if err != nil || !ended {
		return false, err
	}
	e.End(p.svc.cfg.Now())
	p.svc.log(e)
	return true, nil
}

// existing gives the user of a name, or the refusal that there is none.
func (p *Pool) existing(ctx context.Context, tx *sql.Tx, name string) (*user, error) {
	u, err := p.userNamed(ctx, tx, name)
	if err == nil && u == nil {
		err = refuse(codeUserNotFound, textNoUser, "")
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}
