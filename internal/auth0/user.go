package auth0

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// user is a user of the tenant's database connection, as the store has it. It is
// read anew for each request: what was changed shows in the next token.
type user struct {
	id                                             string // auth0|...
	Email                                          string // in small letters
	EmailVerified                                  bool
	Name, Nickname, GivenName, FamilyName, Picture string // "" for the default
	UserMetadata, AppMetadata                      map[string]any
	Blocked                                        bool
	created, updated                               time.Time
	lastLogin, passwordReset                       time.Time // zero for never
	lastIP                                         string
	logins                                         int
	password                                       passwordHash

	// declared is the address in the declaration, which may have been changed since;
	// "" for who is not declared.
	declared string
	entry    []byte
	// entryPassword is what is kept of the declared password, so that a new one is
	// noticed while one that the user chose stays.
	entryPassword passwordHash

	// held are the user's permissions by audience, from roles and directly.
	held Permissions
}

// errUserExists is the refusal of an address or an id that another user has.
var errUserExists = errors.New("the user already exists")

// maxUsers bounds the users of a tenant: anybody may sign up.
const maxUsers = 100_000

// errManyUsers is the refusal of one user more.
var errManyUsers = fmt.Errorf("the tenant has %d users, and takes no more", maxUsers)

const userColumns = `id, email, email_verified, name, nickname, given_name, family_name, picture, user_metadata, app_metadata, blocked,
	created, updated, last_login, last_ip, logins, password_reset, salt, iterations, hash, declared, entry, entry_salt, entry_iterations, entry_hash`

// userColumnsOf are userColumns where another table is beside u.
const userColumnsOf = `u.id, u.email, u.email_verified, u.name, u.nickname, u.given_name, u.family_name, u.picture, u.user_metadata, u.app_metadata, u.blocked,
	u.created, u.updated, u.last_login, u.last_ip, u.logins, u.password_reset, u.salt, u.iterations, u.hash, u.declared, u.entry, u.entry_salt, u.entry_iterations, u.entry_hash`

// scanUser reads a row of userColumns.
func scanUser(row interface{ Scan(...any) error }) (*user, error) {
	var u user
	var userMetadata, appMetadata string
	var created, updated, lastLogin, reset int64
	err := row.Scan(&u.id, &u.Email, &u.EmailVerified, &u.Name, &u.Nickname, &u.GivenName, &u.FamilyName, &u.Picture, &userMetadata, &appMetadata, &u.Blocked,
		&created, &updated, &lastLogin, &u.lastIP, &u.logins, &reset, &u.password.salt, &u.password.iterations, &u.password.hash,
		&u.declared, &u.entry, &u.entryPassword.salt, &u.entryPassword.iterations, &u.entryPassword.hash)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(json.Unmarshal([]byte(userMetadata), &u.UserMetadata), json.Unmarshal([]byte(appMetadata), &u.AppMetadata)); err != nil {
		return nil, fmt.Errorf("reading the metadata of %s: %w", u.id, err)
	}
	u.created, u.updated, u.lastLogin, u.passwordReset = timeOf(created), timeOf(updated), timeOf(lastLogin), timeOf(reset)
	return &u, nil
}

func timeOf(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds)
}

func millisecondsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// userByID gives a user with what it may do, or nil.
func (t *Tenant) userByID(ctx context.Context, tx *sql.Tx, id string) (*user, error) {
	return t.oneUser(ctx, tx, "id = ?", id)
}

// userByEmail gives the user of an address with what it may do, or nil.
func (t *Tenant) userByEmail(ctx context.Context, tx *sql.Tx, email string) (*user, error) {
	return t.oneUser(ctx, tx, "email = ?", strings.ToLower(email))
}

func (t *Tenant) oneUser(ctx context.Context, tx *sql.Tx, where, value string) (*user, error) {
	u, err := scanUser(tx.QueryRowContext(ctx, "SELECT "+userColumns+" FROM auth0_user WHERE tenant = ? AND "+where, t.cfg.Name, value))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		u.held, err = t.heldBy(ctx, tx, u.id)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a user: %w", err)
	}
	return u, nil
}

// readUser is userByID in a transaction of its own.
func (t *Tenant) readUser(ctx context.Context, id string) (u *user, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = t.userByID(ctx, tx, id)
		return err
	})
	return u, err
}

// listUsers gives users whom a search finds in its order, and how many there are.
// They come without held.
func (t *Tenant) listUsers(ctx context.Context, tx *sql.Tx, q userQuery, offset, limit int) (users []*user, total int, err error) {
	where, args := q.where(t.cfg.Name)
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM auth0_user u WHERE "+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("counting users: %w", err)
	}
	for rows, err := range each(ctx, tx, q.list(where), append(args, limit, offset)...) {
		var u *user
		if err == nil {
			u, err = scanUser(rows)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("listing users: %w", err)
		}
		users = append(users, u)
	}
	return users, total, nil
}

// createUser makes a user, with an id if it has none. It is errUserExists if there
// is one of the address or the id, and errManyUsers beyond the bound.
func (t *Tenant) createUser(ctx context.Context, tx *sql.Tx, u *user) error {
	if u.id == "" {
		u.id = "auth0|" + randomHex()
	}
	var total int
	var taken bool
	err := tx.QueryRowContext(ctx, "SELECT count(*), coalesce(max(email = ? OR id = ?), 0) FROM auth0_user WHERE tenant = ?",
		u.Email, u.id, t.cfg.Name).Scan(&total, &taken)
	switch {
	case err != nil:
		return fmt.Errorf("making a user: %w", err)
	case taken:
		return errUserExists
	case total >= maxUsers:
		return errManyUsers
	}
	u.created = t.svc.cfg.Now()
	u.updated = u.created
	_, err = tx.ExecContext(ctx, "INSERT INTO auth0_user (tenant, "+userColumns+") VALUES (?"+strings.Repeat(", ?", 25)+")", append([]any{t.cfg.Name}, u.values()...)...)
	if err == nil {
		_, err = tx.ExecContext(ctx, `
			UPDATE auth0_user SET number = (SELECT max(number) + 1 FROM auth0_user WHERE tenant = ?1) WHERE tenant = ?1 AND id = ?2`, t.cfg.Name, u.id)
	}
	if err != nil {
		return fmt.Errorf("making a user: %w", err)
	}
	return nil
}

// values gives a row of userColumns.
func (u *user) values() []any {
	return []any{
		u.id, u.Email, u.EmailVerified, u.Name, u.Nickname, u.GivenName, u.FamilyName, u.Picture, jsonOf(u.UserMetadata), jsonOf(u.AppMetadata), u.Blocked,
		u.created.UnixMilli(), u.updated.UnixMilli(), millisecondsOf(u.lastLogin), u.lastIP, u.logins, millisecondsOf(u.passwordReset),
		bytesOf(u.password.salt), u.password.iterations, bytesOf(u.password.hash),
		u.declared, bytesOf(u.entry), bytesOf(u.entryPassword.salt), u.entryPassword.iterations, bytesOf(u.entryPassword.hash),
	}
}

func bytesOf(b []byte) []byte { return append([]byte{}, b...) } // never NULL

func jsonOf(m map[string]any) string {
	if len(m) == 0 {
		return "{}"
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic("auth0: " + err.Error()) // what came from JSON or YAML encodes
	}
	return string(b)
}

// saveUser keeps what was changed of a user that was read in this transaction, as
// a change of now. Who is blocked
// has no session and no refresh token any more. It is errUserExists if another
// user has the address.
func (t *Tenant) saveUser(ctx context.Context, tx *sql.Tx, u *user) error {
	other, err := t.userByEmail(ctx, tx, u.Email)
	switch {
	case err != nil:
		return err
	case other != nil && other.id != u.id:
		return errUserExists
	}
	u.updated = t.svc.cfg.Now()
	if err := t.writeUser(ctx, tx, u); err != nil {
		return err
	}
	if u.Blocked {
		return t.endSignIns(ctx, tx, u.id)
	}
	return nil
}

// writeUser keeps a user as it is.
func (t *Tenant) writeUser(ctx context.Context, tx *sql.Tx, u *user) error {
	_, err := tx.ExecContext(ctx, "UPDATE auth0_user SET ("+userColumns+") = (?"+strings.Repeat(", ?", 24)+") WHERE tenant = ? AND id = ?",
		append(u.values(), t.cfg.Name, u.id)...)
	if err != nil {
		return fmt.Errorf("keeping a user: %w", err)
	}
	return nil
}

// setPassword gives a user another password, which hasher.hash made outside of
// the transaction. Whoever knew the old one is signed out.
func (t *Tenant) setPassword(ctx context.Context, tx *sql.Tx, u *user, password passwordHash) error {
	u.password, u.passwordReset = password, t.svc.cfg.Now()
	if err := t.saveUser(ctx, tx, u); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM auth0_ticket WHERE tenant = ? AND user = ? AND purpose = ?", t.cfg.Name, u.id, ticketReset); err != nil {
		return fmt.Errorf("ending the tickets of a user: %w", err)
	}
	t.guesses.succeeded(u.Email) // Auth0 unblocks with a change of the password
	return t.endSignIns(ctx, tx, u.id)
}

// errChanged is a user who was signed in, and may no longer be.
var errChanged = fail(http.StatusBadRequest, oidc.InvalidGrant, textWrong, "the user was deleted, or the password changed, just now")

// stillIn gives a user whom check or a session gave as it is now, unless what has
// changed meanwhile ends all sign-ins: judging a password takes time, and so do
// Actions.
func (t *Tenant) stillIn(ctx context.Context, tx *sql.Tx, u *user) (*user, error) {
	now, err := t.userByID(ctx, tx, u.id)
	switch {
	case err != nil:
		return nil, err
	case now == nil || !bytes.Equal(now.password.hash, u.password.hash):
		return nil, errChanged
	case now.Blocked:
		return nil, isBlocked()
	}
	return now, nil
}

// startSession signs a browser in as a user whom check gave, unless the user was
// changed meanwhile, and gives the new session's cookie.
func (t *Tenant) startSession(ctx context.Context, tx *sql.Tx, r *http.Request, u *user) (string, error) {
	if _, err := t.stillIn(ctx, tx, u); err != nil {
		return "", err
	}
	// The session that the browser had is not taken over.
	if err := t.engine.EndSession(ctx, tx, t.engine.Cookie(r, sessionCookie)); err != nil {
		return "", err
	}
	at := t.svc.cfg.Now()
	_, err := tx.ExecContext(ctx, "UPDATE auth0_user SET logins = logins + 1, last_login = ?1, last_ip = ?2, updated = ?1 WHERE tenant = ?3 AND id = ?4",
		at.UnixMilli(), addressOf(r), t.cfg.Name, u.id)
	if err != nil {
		return "", fmt.Errorf("counting a sign-in: %w", err)
	}
	return t.engine.NewSession(ctx, tx, oidc.Session{Subject: u.id, AuthTime: at})
}

// addressOf gives the address that a request came from, for last_ip.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// endSignIns ends all sessions of a user, and all that came of its sign-ins.
func (t *Tenant) endSignIns(ctx context.Context, tx *sql.Tx, id string) error {
	if err := oidc.EndSessions(ctx, tx, t.engine.Tenant, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE auth0_grant SET revoked = 1 WHERE tenant = ? AND subject = ?", t.cfg.Name, id)
	if err != nil {
		return fmt.Errorf("ending the grants of a user: %w", err)
	}
	return nil
}

// deleteUser deletes a user with all that it has, and says whether there was one.
func (t *Tenant) deleteUser(ctx context.Context, tx *sql.Tx, id string) (bool, error) {
	if err := t.endSignIns(ctx, tx, id); err != nil {
		return false, err
	}
	done, err := tx.ExecContext(ctx, "DELETE FROM auth0_user WHERE tenant = ? AND id = ?", t.cfg.Name, id)
	if err != nil {
		return false, fmt.Errorf("deleting a user: %w", err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
