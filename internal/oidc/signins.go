package oidc

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// SignIn is something that a user is signed in to, for who administers users: a
// browser at the pages, or an application with all tokens that came of one sign-in.
type SignIn struct {
	// ID names it to EndSignIn. It is no secret: no cookie or token can be made of it.
	ID string
	// Client is the application's name; "" is a browser.
	Client         string
	Began, Expires time.Time
}

// browserPrefix begins the ids of browsers, and idBytes of the cookie's hash follow.
const (
	browserPrefix = "browser-"
	idBytes       = 12
)

// Browsers lists the browsers that a user is signed in at, the last one first.
func Browsers(ctx context.Context, tx *sql.Tx, tenant, subject string, now time.Time) ([]SignIn, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT substr(hash, 1, ?), auth_time, expires FROM oidc_session
		WHERE tenant = ? AND subject = ? AND expires > ? ORDER BY auth_time DESC, hash`, idBytes, tenant, subject, now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("listing browser sessions: %w", err)
	}
	defer rows.Close()
	var list []SignIn
	for rows.Next() {
		var id []byte
		var began, expires int64
		if err := rows.Scan(&id, &began, &expires); err != nil {
			return nil, fmt.Errorf("listing browser sessions: %w", err)
		}
		list = append(list, SignIn{ID: browserPrefix + hex.EncodeToString(id), Began: time.UnixMilli(began), Expires: time.UnixMilli(expires)})
	}
	return list, rows.Err()
}

// EndBrowser signs one of a user's browsers out by an id of Browsers. It says whether
// there was one.
func EndBrowser(ctx context.Context, tx *sql.Tx, tenant, subject, id string) (bool, error) {
	text, ok := strings.CutPrefix(id, browserPrefix)
	hash, err := hex.DecodeString(text)
	if !ok || err != nil || len(hash) != idBytes {
		return false, nil
	}
	done, err := tx.ExecContext(ctx, "DELETE FROM oidc_session WHERE tenant = ? AND subject = ? AND substr(hash, 1, ?) = ?", tenant, subject, idBytes, hash)
	if err != nil {
		return false, fmt.Errorf("ending a browser session: %w", err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
