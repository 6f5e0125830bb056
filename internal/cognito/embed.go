package cognito

import (
	"context"
	"database/sql"
	"fmt"
)

// Tokens are what a completed sign-in gives.
type Tokens struct{ ID, Access, Refresh string }

// SignIn gives a user's tokens without a password, for a program that embeds
// the stage. They are the tokens that the user gets by signing in, whichever
// flows the client allows; a user who could not sign in gets none.
func (cl *Client) SignIn(ctx context.Context, username string) (Tokens, error) {
	cl = cl.latest()
	found, err := cl.pool.findUser(ctx, username)
	if err != nil {
		return Tokens{}, err
	}
	if found != nil {
		err = cl.preAuthentication(ctx, found, username)
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("signing in %q: %w", username, err)
	}
	var done signedIn
	err = cl.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		u, err := cl.pool.userNamed(ctx, tx, username)
		if err != nil {
			return err
		}
		if u == nil {
			return refuse(codeUserNotFound, textNoUser, "no such user")
		}
		return cl.afterPassword(ctx, tx, u, &done)
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("signing in %q: %w", username, err)
	}
	out, err := done.output(ctx, cl)
	if err != nil {
		return Tokens{}, fmt.Errorf("signing in %q: %w", username, err)
	}
	if out.AuthenticationResult == nil {
		return Tokens{}, fmt.Errorf("signing in %q: the user has the challenge %s to answer first", username, out.ChallengeName)
	}
	r := out.AuthenticationResult
	return Tokens{ID: r.IDToken, Access: r.AccessToken, Refresh: r.RefreshToken}, nil
}

// latest gives the client as it is now: a program may hold one for long.
func (cl *Client) latest() *Client {
	if now := cl.pool.svc.served.Load().clients[cl.id]; now != nil {
		return now
	}
	return cl
}
