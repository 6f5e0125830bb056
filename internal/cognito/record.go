package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// The states of a user
// (https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html).
const (
	statusUnconfirmed   = "UNCONFIRMED"
	statusConfirmed     = "CONFIRMED"
	statusForceChange   = "FORCE_CHANGE_PASSWORD"
	statusResetRequired = "RESET_REQUIRED"
	statusExternal      = "EXTERNAL_PROVIDER"
)

// user is a user's record. Attributes holds what the schema knows but sub.
type user struct {
	sub, username    string
	status           string
	enabled          bool
	salt, verifier   []byte
	passwordSet      time.Time
	created, changed time.Time
	attributes       map[string]string
}

const userColumns = "u.sub, u.username, u.status, u.enabled, u.salt, u.verifier, u.password_set, u.created, u.modified, u.attributes"

// scanUser reads a row of userColumns.
func scanUser(scan func(...any) error) (*user, error) {
	var u user
	var passwordSet, created, modified int64
	var attributes string
	err := scan(&u.sub, &u.username, &u.status, &u.enabled, &u.salt, &u.verifier, &passwordSet, &created, &modified, &attributes)
	if err != nil {
		return nil, err
	}
	// The driver gives nil for an empty blob, which it would write as null: that is
	// of a user without a password.
	u.salt, u.verifier = append([]byte{}, u.salt...), append([]byte{}, u.verifier...)
	u.passwordSet, u.created, u.changed = time.UnixMilli(passwordSet), time.UnixMilli(created), time.UnixMilli(modified)
	if err := json.Unmarshal([]byte(attributes), &u.attributes); err != nil {
		return nil, fmt.Errorf("reading the attributes of user %s: %w", u.sub, err)
	}
	return &u, nil
}

// oneUser gives nil for no row.
func oneUser(row *sql.Row) (*user, error) {
	u, err := scanUser(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return u, err
}

// userNamed gives the user of a username, sub or alias, or nil.
func (p *Pool) userNamed(ctx context.Context, tx *sql.Tx, name string) (*user, error) {
	return oneUser(tx.QueryRowContext(ctx, "SELECT "+userColumns+
		" FROM cognito_name n JOIN cognito_user u ON u.pool = n.pool AND u.sub = n.sub WHERE n.pool = ? AND n.key = ?",
		p.id, p.fold(name)))
}

// userOf gives the user of a sub, or nil.
func (p *Pool) userOf(ctx context.Context, tx *sql.Tx, sub string) (*user, error) {
	return oneUser(tx.QueryRowContext(ctx, "SELECT "+userColumns+" FROM cognito_user u WHERE u.pool = ? AND u.sub = ?", p.id, sub))
}

// findUser is userNamed in a transaction of its own.
func (p *Pool) findUser(ctx context.Context, name string) (u *user, err error) {
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = p.userNamed(ctx, tx, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finding a user: %w", err)
	}
	return u, nil
}

// findExisting is findUser for a user that there has to be.
func (p *Pool) findExisting(ctx context.Context, name string) (*user, error) {
	u, err := p.findUser(ctx, name)
	if err == nil && u == nil {
		err = refuse(codeUserNotFound, textNoUser, "")
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// nameTakenError says that a name is another user's.
type nameTakenError struct {
	kind string // "username", "sub" or the attribute that is an alias
}

func (e *nameTakenError) Error() string { return "the " + e.kind + " belongs to another user" }

// saveUser writes a user's record, new or not, with its names and what it can
// be searched by. A name that is another user's is a *nameTakenError; with
// force an alias moves to u instead and is no longer verified there.
func (p *Pool) saveUser(ctx context.Context, tx *sql.Tx, u *user, force bool) error {
	u.changed = p.svc.cfg.Now()
	attributes, err := json.Marshal(u.attributes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO cognito_user (pool, sub, username, status, enabled, salt, verifier, password_set, created, modified, attributes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (pool, sub) DO UPDATE SET status = excluded.status, enabled = excluded.enabled, salt = excluded.salt,
		  verifier = excluded.verifier, password_set = excluded.password_set, modified = excluded.modified, attributes = excluded.attributes`,
		p.id, u.sub, u.username, u.status, u.enabled, u.salt, u.verifier, u.passwordSet.UnixMilli(),
		u.created.UnixMilli(), u.changed.UnixMilli(), string(attributes))
	if err != nil {
		return fmt.Errorf("saving a user: %w", err)
	}
	if err := p.saveNames(ctx, tx, u, force); err != nil {
		return err
	}
	return p.saveSearch(ctx, tx, u)
}

// names gives the names by which u can be found, with their kinds.
//
// What a pool's UsernameAttributes name is a name from sign-up on, verified or
// not. An alias is one only once it is verified
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html#user-pool-settings-aliases).
func (p *Pool) names(u *user) map[string]string {
	names := map[string]string{p.fold(u.sub): "sub"}
	if u.status == statusExternal {
		// Who signs in elsewhere is found by no address: one that a provider
		// vouches for is another's to prove here.
		names[p.fold(u.username)] = "username"
		return names
	}
	for _, alias := range p.cfg.UsernameAttributes {
		if v := u.attributes[alias]; v != "" {
			names[p.fold(v)] = alias
		}
	}
	for _, alias := range p.cfg.AliasAttributes {
		v := u.attributes[alias]
		if v != "" && (alias == "preferred_username" || u.attributes[alias+"_verified"] == "true") {
			names[p.fold(v)] = alias
		}
	}
	names[p.fold(u.username)] = "username"
	return names
}

func (p *Pool) saveNames(ctx context.Context, tx *sql.Tx, u *user, force bool) error {
	wanted := p.names(u)
	rows, err := tx.QueryContext(ctx, "SELECT key FROM cognito_name WHERE pool = ? AND sub = ?", p.id, u.sub)
	if err != nil {
		return err
	}
	had, err := collect(rows)
	if err != nil {
		return err
	}
	for _, key := range had {
		if _, ok := wanted[key]; ok {
			delete(wanted, key)
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM cognito_name WHERE pool = ? AND key = ?", p.id, key); err != nil {
			return err
		}
	}
	// The username first: who repeats a sign-up hears of it and not of an alias.
	keys := slices.Sorted(maps.Keys(wanted))
	if own := slices.Index(keys, p.fold(u.username)); own > 0 {
		keys = slices.Insert(slices.Delete(keys, own, own+1), 0, p.fold(u.username))
	}
	for _, key := range keys {
		if err := p.claim(ctx, tx, u, key, wanted[key], force); err != nil {
			return err
		}
	}
	return nil
}

// claim makes key a name of u.
func (p *Pool) claim(ctx context.Context, tx *sql.Tx, u *user, key, kind string, force bool) error {
	insert := func() (bool, error) {
		result, err := tx.ExecContext(ctx, "INSERT INTO cognito_name (pool, key, kind, sub) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			p.id, key, kind, u.sub)
		if err != nil {
			return false, fmt.Errorf("saving a name: %w", err)
		}
		n, err := result.RowsAffected()
		return n == 1, err
	}
	done, err := insert()
	if err != nil || done {
		return err
	}
	if !force || !slices.Contains(p.cfg.AliasAttributes, kind) {
		return &nameTakenError{kind}
	}
	owner, err := p.userNamed(ctx, tx, key)
	if err != nil {
		return err
	}
	if owner == nil || p.names(owner)[key] != kind {
		return &nameTakenError{kind} // it is the other's username, which does not move
	}
	if kind == "preferred_username" {
		delete(owner.attributes, kind)
	} else {
		owner.attributes[kind+"_verified"] = "false"
	}
	if err := p.saveUser(ctx, tx, owner, false); err != nil {
		return err
	}
	if done, err = insert(); err == nil && !done {
		err = &nameTakenError{kind}
	}
	return err
}

// searchable lists the attributes that ListUsers can filter by.
var searchable = []string{"email", "phone_number", "name", "given_name", "family_name", "preferred_username"}

func (p *Pool) saveSearch(ctx context.Context, tx *sql.Tx, u *user) error {
	for _, name := range searchable {
		var err error
		if v, ok := u.attributes[name]; ok {
			_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO cognito_search (pool, sub, name, value) VALUES (?, ?, ?, ?)", p.id, u.sub, name, v)
		} else {
			_, err = tx.ExecContext(ctx, "DELETE FROM cognito_search WHERE pool = ? AND sub = ? AND name = ?", p.id, u.sub, name)
		}
		if err != nil {
			return fmt.Errorf("saving an attribute: %w", err)
		}
	}
	return nil
}

// eraseUser deletes a user with all that hangs on it: names, codes, sessions
// and grants, and so every token inside Cognito's operations.
func (p *Pool) eraseUser(ctx context.Context, tx *sql.Tx, sub string) error {
	for _, statement := range []string{
		"DELETE FROM cognito_attempt WHERE pool = ? AND subject = ?",
		"DELETE FROM cognito_user WHERE pool = ? AND sub = ?",
	} {
		if _, err := tx.ExecContext(ctx, statement, p.id, sub); err != nil {
			return fmt.Errorf("deleting a user: %w", err)
		}
	}
	return oidc.EndSessions(ctx, tx, p.id, sub)
}

// setPassword gives u a password whose salt and verifier were computed before,
// outside of the transaction. Challenges that were under way end, and so does
// being signed in at the hosted pages.
func (p *Pool) setPassword(ctx context.Context, tx *sql.Tx, u *user, salt, verifier []byte) error {
	u.salt, u.verifier, u.passwordSet = salt, verifier, p.svc.cfg.Now()
	_, err := tx.ExecContext(ctx, "UPDATE cognito_session SET used = 1 WHERE pool = ? AND sub = ?", p.id, u.sub)
	if err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return oidc.EndSessions(ctx, tx, p.id, u.sub)
}

// wireAttributes gives the attributes, sub among them, in the order of their
// names; only those that readable says yes to.
func (u *user) wireAttributes(readable func(string) bool) []attribute {
	list := []attribute{}
	add := func(name, value string) {
		if readable(name) {
			list = append(list, attribute{name, value})
		}
	}
	subDone := false
	for _, name := range slices.Sorted(maps.Keys(u.attributes)) {
		if !subDone && name > "sub" {
			add("sub", u.sub)
			subDone = true
		}
		add(name, u.attributes[name])
	}
	if !subDone {
		add("sub", u.sub)
	}
	return list
}

func all(string) bool { return true }

func (u *user) wire(readable func(string) bool) userType {
	return userType{
		Username: u.username, Attributes: u.wireAttributes(readable),
		UserCreateDate: awsjson.Time{Time: u.created}, UserLastModifiedDate: awsjson.Time{Time: u.changed},
		Enabled: u.enabled, UserStatus: u.status,
	}
}

// collect reads rows of one text column and closes them.
func collect(rows *sql.Rows) ([]string, error) {
	defer rows.Close()
	var values []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}
