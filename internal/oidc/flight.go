package oidc

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// flightLife is how long a browser may be away at a provider.
	flightLife = 15 * time.Minute
	// maxFlights bounds those of a tenant, as anybody can begin one; one more
	// ends the oldest.
	maxFlights = 1000
)

// Flight is a browser's way to a provider elsewhere and back.
type Flight struct {
	// Provider is the provider's name, and Request the room's own request that
	// goes on when the browser is back.
	Provider, Request string
	// Nonce and Verifier are for the provider's tokens.
	Nonce, Verifier string
}

// Departure is what a browser takes along to a provider.
type Departure struct{ State, Nonce, Challenge string }

// Depart keeps a flight of a browser and gives what it takes along.
func (e *Engine) Depart(ctx context.Context, tx *sql.Tx, browser, provider, request string) (*Departure, error) {
	verifier, challenge := newVerifier()
	d := &Departure{State: Random(32), Nonce: Random(24), Challenge: challenge}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO oidc_flight (hash, tenant, browser, provider, nonce, verifier, request, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		Hash(d.State), e.Tenant, Hash(browser), provider, d.Nonce, verifier, request, e.Now().Add(flightLife).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("keeping a flight to a provider: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM oidc_flight WHERE hash IN (
		  SELECT hash FROM oidc_flight WHERE tenant = ? ORDER BY expires DESC, hash LIMIT -1 OFFSET ?)`, e.Tenant, maxFlights)
	if err != nil {
		return nil, fmt.Errorf("bounding flights to providers: %w", err)
	}
	return d, nil
}

// Arrive ends the flight of a state, which must be this browser's: a state that
// was given to another (RFC 6749 section 10.12), was used or has expired is an
// *Error.
func (e *Engine) Arrive(ctx context.Context, tx *sql.Tx, browser, state string) (*Flight, error) {
	var f Flight
	var of []byte
	var expires int64
	err := tx.QueryRowContext(ctx, "SELECT browser, provider, nonce, verifier, request, expires FROM oidc_flight WHERE hash = ? AND tenant = ?",
		Hash(state), e.Tenant).Scan(&of, &f.Provider, &f.Nonce, &f.Verifier, &f.Request, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, refuse(InvalidRequest, "no such state")
	case err != nil:
		return nil, fmt.Errorf("reading a flight to a provider: %w", err)
	case browser == "" || !hmac.Equal(of, Hash(browser)):
		return nil, refuse(InvalidRequest, "the state is another browser's")
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM oidc_flight WHERE hash = ?", Hash(state)); err != nil {
		return nil, fmt.Errorf("ending a flight to a provider: %w", err)
	}
	if e.Now().UnixMilli() >= expires {
		return nil, refuse(InvalidRequest, "the state has expired")
	}
	return &f, nil
}
