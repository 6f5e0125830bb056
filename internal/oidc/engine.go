package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/store"
)

// Engine is the authorization server of one tenant. It is immutable and holds
// no state but the store's: its methods run inside their caller's transaction.
type Engine struct {
	// Tenant tells the rows of this server from those of others in the stage.
	Tenant string
	// Origin is where its pages are: scheme, host and port, such as
	// http://localhost:4200. It is never taken from a request.
	Origin string
	// Secret keys the MACs of forms.
	Secret []byte
	// CrossSite is a cookie that other sites' frames send along too, where the pages
	// are on https, as for a silent sign-in; "" for none. Elsewhere cookies are for
	// whom the browser itself comes to.
	CrossSite string
	// SessionLife is how long a browser session lasts.
	SessionLife time.Duration
	// Now is the clock.
	Now func() time.Time
}

// codeLife is how long an authorization code is good. RFC 6749 section 4.1.2
// recommends at most ten minutes; Cognito's codes last five.
const codeLife = 5 * time.Minute

// Migrations gives the engine's tables, in order.
func Migrations() []store.Migration {
	return []store.Migration{{Room: "oidc", Version: 1, SQL: schema1}}
}

// schema1 keeps times as milliseconds since the epoch. A code that was redeemed
// stays until it is swept, so that its second use is noticed.
const schema1 = `
CREATE TABLE oidc_code (
  hash      BLOB PRIMARY KEY,
  tenant    TEXT NOT NULL,
  client    TEXT NOT NULL,
  redirect  TEXT NOT NULL,
  challenge TEXT NOT NULL,
  nonce     TEXT NOT NULL,
  owner     TEXT NOT NULL,
  expires   INTEGER NOT NULL,
  used      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_code_expires ON oidc_code (expires);

CREATE TABLE oidc_session (
  hash      BLOB PRIMARY KEY,
  tenant    TEXT NOT NULL,
  subject   TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_session_subject ON oidc_session (tenant, subject, auth_time);
CREATE INDEX oidc_session_expires ON oidc_session (expires);

CREATE TABLE oidc_flight (
  hash     BLOB PRIMARY KEY,
  tenant   TEXT NOT NULL,
  browser  BLOB NOT NULL,
  provider TEXT NOT NULL,
  nonce    TEXT NOT NULL,
  verifier TEXT NOT NULL,
  request  TEXT NOT NULL,
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_flight_expires ON oidc_flight (expires);
`

// usedCodeLife is how long a code is remembered after its end, so that a second
// use of it ends what the first one gave.
const usedCodeLife = 24 * time.Hour

// Sweep deletes what has ended, of all tenants. Anybody can begin a flight, so
// these do not stay a moment longer.
func Sweep(ctx context.Context, tx *sql.Tx, now time.Time) error {
	for table, before := range map[string]time.Time{"oidc_code": now.Add(-usedCodeLife), "oidc_session": now, "oidc_flight": now} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE expires < ?", before.UnixMilli()); err != nil {
			return fmt.Errorf("sweeping %s: %w", table, err)
		}
	}
	return nil
}

// Secure says whether the pages are on https.
func (e *Engine) Secure() bool { return strings.HasPrefix(e.Origin, "https://") }

// Elsewhere sends a browser that came by another of the machine's names to the one of the
// origin, and says whether it did: cookies and forms are of that name alone.
func (e *Engine) Elsewhere(w http.ResponseWriter, r *http.Request) bool {
	_, host, _ := strings.Cut(e.Origin, "://")
	if strings.EqualFold(r.Host, host) {
		return false
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, e.Origin+r.URL.RequestURI(), http.StatusFound)
	return true
}

// mac gives HMAC-SHA256 of the parts, each with its length before it, so that
// no two lists of parts are one message.
func (e *Engine) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, e.Secret)
	for _, part := range append([]string{"oidc", e.Tenant}, parts...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Seal gives text that carries a payload through a browser: who has it can read
// it, and nobody can make or change one. A purpose, and all of bound (such as the
// browser's value), must be the same for Unseal.
func (e *Engine) Seal(payload []byte, purpose string, bound ...string) string {
	mac := e.mac(append([]string{"seal", purpose, string(payload)}, bound...)...)
	return base64.RawURLEncoding.EncodeToString(payload) + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// Unseal gives the payload of a text that Seal gave, or false.
func (e *Engine) Unseal(text, purpose string, bound ...string) ([]byte, bool) {
	encoded, mac, _ := strings.Cut(text, ".")
	payload, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, false
	}
	want := base64.RawURLEncoding.EncodeToString(e.mac(append([]string{"seal", purpose, string(payload)}, bound...)...))
	return payload, hmac.Equal([]byte(mac), []byte(want))
}

// SessionID names the session of a cookie's value to applications: it is no
// secret, and does not tell the value.
func (e *Engine) SessionID(value string) string {
	return base64.RawURLEncoding.EncodeToString(e.mac("sid", value)[:24])
}

// Key derives a key of 32 bytes for a purpose of the room's own.
func (e *Engine) Key(purpose string) []byte { return e.mac("key", purpose) }

// Random gives n random bytes as text of the alphabet of URLs.
func Random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Hash gives what the store keeps of a secret that is far beyond guessing, such as a
// code or a session, and what two secrets are compared by.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
