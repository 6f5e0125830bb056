package cognito

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorwright/doorwright/internal/aws"
)

// preAuthenticationRequest is what the function before a sign-in is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-authentication.html).
type preAuthenticationRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	ValidationData map[string]string `json:"validationData"`
	UserNotFound   bool              `json:"userNotFound"`
}

// preAuthentication asks the function before a sign-in, before anything is
// looked at that the user knows or has. A user that there is not is its
// business only for a client that hides existence; to others the missing user
// is told, as Cognito does.
func (cl *Client) preAuthentication(ctx context.Context, found *user, name string) error {
	p := cl.pool
	if !p.has(triggerPreAuthentication) || found == nil && !cl.hides() {
		return nil
	}
	if found != nil {
		name = found.username
	}
	// "The validationData attribute ... provides the data that you assigned to
	// the ClientMetadata parameter in your InitiateAuth request."
	request := preAuthenticationRequest{p.triggerAttributes(found), callOf(ctx).metadata(), found == nil}
	m := moment{trigger: triggerPreAuthentication, source: "PreAuthentication_Authentication", client: cl.id, user: name}
	return p.run(ctx, m, request, &struct{}{})
}

// postAuthenticationRequest is what the function after a sign-in is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-post-authentication.html).
type postAuthenticationRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	NewDeviceUsed  bool              `json:"newDeviceUsed"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
}

// postAuthentication asks the function after a sign-in; without its yes there
// are no tokens.
func (cl *Client) postAuthentication(ctx context.Context, u *user) error {
	request := postAuthenticationRequest{cl.pool.triggerAttributes(u), false, callOf(ctx).laterMetadata()}
	m := moment{trigger: triggerPostAuthentication, source: "PostAuthentication_Authentication", client: cl.id, user: u.username}
	return cl.pool.run(ctx, m, request, &struct{}{})
}

// laterMetadata gives the ClientMetadata for triggers after the first step of
// a sign-in: "InitiateAuth ... doesn't provide the ClientMetadata value as
// input" to these
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html).
func (c *call) laterMetadata() map[string]string {
	if op := c.operation(); op == "InitiateAuth" || op == "AdminInitiateAuth" {
		return nil
	}
	return c.metadata()
}

// beforeTokens runs the triggers between a sign-in, or a refresh, and its
// tokens. The grant was kept before them, so that whatever ends the user's
// sign-ins while they run ends this one too; it is looked at again after each,
// and the user is given as they left it. A refusal ends the grant of a new
// sign-in, whose refresh token nobody has.
func (cl *Client) beforeTokens(ctx context.Context, g *grant, u *user) (*user, *tokenChanges, error) {
	p := cl.pool
	if !p.has(triggerPostAuthentication) && !p.has(triggerPreToken) {
		return u, nil, nil
	}
	source := tokenSource(callOf(ctx))
	u, changes, err := cl.runBeforeTokens(ctx, source, g, u)
	if err == nil {
		return u, changes, nil
	}
	if source == tokensRefreshed {
		return nil, nil, err
	}
	return nil, nil, cl.undo(ctx, g, err)
}

func (cl *Client) runBeforeTokens(ctx context.Context, source string, g *grant, u *user) (_ *user, _ *tokenChanges, err error) {
	p := cl.pool
	if p.has(triggerPostAuthentication) && source != tokensRefreshed && source != tokensHosted {
		if err := cl.postAuthentication(ctx, u); err != nil {
			return nil, nil, err
		}
		if u, err = cl.stillSignedIn(ctx, g); err != nil {
			return nil, nil, err
		}
	}
	if !p.has(triggerPreToken) {
		return u, nil, nil
	}
	groups, err := p.membershipsOf(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	changes, err := cl.preTokenGeneration(ctx, source, g, u, groups)
	if err != nil {
		return nil, nil, err
	}
	if u, err = cl.stillSignedIn(ctx, g); err == nil {
		return u, changes, nil
	}
	var refusal *aws.Error
	if source == tokensRefreshed && errors.As(err, &refusal) && refusal.Message == textWrongPassword {
		refusal.Message = textRevokedRefresh // no password was asked for
	}
	return nil, nil, &endedError{err}
}

// endedError is the refusal of tokens of a sign-in that ended while a trigger
// ran. It says nothing of the request itself: at the token endpoint it is an
// invalid_grant, as if the sign-in had ended before.
type endedError struct{ refusal error }

func (e *endedError) Error() string { return e.refusal.Error() }
func (e *endedError) Unwrap() error { return e.refusal }

// stillSignedIn gives the user of a grant as it is now, unless the grant ended
// or the user may not have tokens any more.
func (cl *Client) stillSignedIn(ctx context.Context, g *grant) (u *user, err error) {
	p := cl.pool
	var now *grant
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if u, err = p.userOf(ctx, tx, g.sub); err != nil {
			return err
		}
		now, err = readGrant(tx.QueryRowContext(ctx, "SELECT "+grantColumns+" FROM cognito_grant WHERE event = ? AND pool = ?", g.event, p.id))
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a user after a trigger: %w", err)
	case u == nil:
		return nil, refuse(codeUserNotFound, textNoUser, "the user was deleted while a trigger ran")
	case !u.enabled:
		return nil, notAuthorized(textDisabled, "the user was disabled while a trigger ran")
	case now == nil || now.revoked:
		return nil, notAuthorized(textWrongPassword, "the user's sign-ins were ended while a trigger ran")
	case u.status == statusResetRequired:
		return nil, refuse(codePasswordReset, textResetRequired, "an administrator asked for a new password while a trigger ran")
	}
	return u, nil
}
