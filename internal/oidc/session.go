package oidc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxSessions bounds the browser sessions of one user; one more ends the
// oldest.
const maxSessions = 100

// Session is a browser in which somebody signed in.
type Session struct {
	Subject  string
	AuthTime time.Time
}

// NewSession keeps a session and gives the value of its cookie. It is always a
// new value: one that a browser brings along is never taken over.
func (e *Engine) NewSession(ctx context.Context, tx *sql.Tx, s Session) (string, error) {
	value := Random(48)
	_, err := tx.ExecContext(ctx, "INSERT INTO oidc_session (hash, tenant, subject, auth_time, expires) VALUES (?, ?, ?, ?, ?)",
		Hash(value), e.Tenant, s.Subject, s.AuthTime.UnixMilli(), e.Now().Add(e.SessionLife).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping a browser session: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM oidc_session WHERE hash IN (
		  SELECT hash FROM oidc_session WHERE tenant = ? AND subject = ? ORDER BY auth_time DESC, hash LIMIT -1 OFFSET ?)`,
		e.Tenant, s.Subject, maxSessions)
	if err != nil {
		return "", fmt.Errorf("bounding browser sessions: %w", err)
	}
	return value, nil
}

// Session gives the session of a cookie's value, or nil.
func (e *Engine) Session(ctx context.Context, tx *sql.Tx, value string) (*Session, error) {
	if value == "" {
		return nil, nil
	}
	var s Session
	var authTime, expires int64
	err := tx.QueryRowContext(ctx, "SELECT subject, auth_time, expires FROM oidc_session WHERE hash = ? AND tenant = ?",
		Hash(value), e.Tenant).Scan(&s.Subject, &authTime, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a browser session: %w", err)
	case e.Now().UnixMilli() >= expires:
		return nil, nil
	}
	s.AuthTime = time.UnixMilli(authTime)
	return &s, nil
}

// EndSession ends the session of a cookie's value.
func (e *Engine) EndSession(ctx context.Context, tx *sql.Tx, value string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM oidc_session WHERE hash = ? AND tenant = ?", Hash(value), e.Tenant)
	if err != nil {
		return fmt.Errorf("ending a browser session: %w", err)
	}
	return nil
}

// EndSessions ends all sessions of a user.
func EndSessions(ctx context.Context, tx *sql.Tx, tenant, subject string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM oidc_session WHERE tenant = ? AND subject = ?", tenant, subject)
	if err != nil {
		return fmt.Errorf("ending browser sessions: %w", err)
	}
	return nil
}
