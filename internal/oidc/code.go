package oidc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorwright/doorwright/internal/aws"
)

// Code is what an authorization code stands for.
type Code struct {
	// Client and RedirectURI are whom it was given to, and at which address.
	Client, RedirectURI string
	// Challenge is the PKCE challenge of the request; "" for none.
	Challenge Challenge
	// Nonce is the request's, for the ID token.
	Nonce string
	// Owner names what the code gives: the room's own grant.
	Owner string
}

// NewCode keeps an authorization code and gives it: a UUID, as Cognito's are.
func (e *Engine) NewCode(ctx context.Context, tx *sql.Tx, c Code) (string, error) {
	code := aws.NewRequestID()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO oidc_code (hash, tenant, client, redirect, challenge, nonce, owner, expires, used)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		Hash(code), e.Tenant, c.Client, c.RedirectURI, string(c.Challenge), c.Nonce, c.Owner, e.Now().Add(codeLife).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping an authorization code: %w", err)
	}
	return code, nil
}

// Redemption is what a client brings to have its code redeemed.
type Redemption struct {
	Code, Client, RedirectURI, Verifier string
	// RedirectOptional lets the redirect URI be left out, as some services do. One
	// that is there must still be right.
	RedirectOptional bool
}

// Redeem uses an authorization code up and gives what it stands for. Whatever
// is wrong with the redemption, the code is used up, and the caller must commit
// although there is an error: who has a code and not all that belongs to it
// has no second try. A second use is a *ReuseError, all else an *Error.
func (e *Engine) Redeem(ctx context.Context, tx *sql.Tx, r Redemption) (*Code, error) {
	var c Code
	var challenge string
	var expires int64
	var used bool
	err := tx.QueryRowContext(ctx, `
		SELECT client, redirect, challenge, nonce, owner, expires, used FROM oidc_code WHERE hash = ? AND tenant = ?`,
		Hash(r.Code), e.Tenant).Scan(&c.Client, &c.RedirectURI, &challenge, &c.Nonce, &c.Owner, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, refuse(InvalidGrant, "no such authorization code")
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE oidc_code SET used = 1 WHERE hash = ?", Hash(r.Code))
	}
	if err != nil {
		return nil, fmt.Errorf("redeeming an authorization code: %w", err)
	}
	c.Challenge = Challenge(challenge)
	switch {
	case used:
		return nil, &ReuseError{Owner: c.Owner}
	case c.Client != r.Client:
		return nil, refuse(InvalidGrant, "the authorization code is another client's")
	case e.Now().UnixMilli() >= expires:
		return nil, refuse(InvalidGrant, "the authorization code has expired")
	case c.RedirectURI != r.RedirectURI && (r.RedirectURI != "" || !r.RedirectOptional):
		// Cognito's word for it, as users found out
		// (https://stackoverflow.com/questions/50264679).
		return nil, refuse(UnauthorizedClient, "redirect_uri is not that of the authorization request")
	case !c.Challenge.Verify(r.Verifier):
		return nil, &Error{Code: InvalidGrant, Reason: verifierProblem(c.Challenge, r.Verifier), Verifier: true}
	}
	return &c, nil
}

func verifierProblem(c Challenge, verifier string) string {
	switch {
	case c == "":
		return "code_verifier for an authorization request without code_challenge"
	case verifier == "":
		return "code_verifier is missing"
	}
	return "code_verifier is not that of the code_challenge"
}
