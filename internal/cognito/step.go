package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// step is what is kept of a sign-in until its next answer, under the hash of a
// session: for one user, one client and one use, for a few minutes.
type step struct {
	hash    []byte
	client  string
	sub     string // "" for a name without a user
	used    bool
	expires time.Time

	// Challenge is what is to be answered.
	Challenge string `json:"-"`
	// Name is what the user was called, UserID what the challenge calls it: an
	// answer for a name without a user must say one of the two.
	Name   string `json:"name"`
	UserID string `json:"userId"`
	// Mark tells the user's password from every other: a new one ends the
	// sign-in, as it ends all others under way.
	Mark []byte `json:"mark,omitempty"`
	// First says that the step is of a first factor.
	First bool `json:"first,omitempty"`
	// Choices are the answers that a step of choice takes.
	Choices []string `json:"choices,omitempty"`
	// Custom is the custom sign-in that goes on after this step.
	Custom *customFlow `json:"custom,omitempty"`
	// Attribute is where the code went, Address what that is once the code was
	// right, if the user does not have it yet, and Code the code's MAC.
	Attribute string `json:"attribute,omitempty"`
	Address   string `json:"address,omitempty"`
	Code      []byte `json:"code,omitempty"`
	// Secret is the key of the software token that is being set up; Verified
	// says that it has been.
	Secret   []byte `json:"secret,omitempty"`
	Verified bool   `json:"verified,omitempty"`
}

// forUser makes the step one of u's.
func (st *step) forUser(p *Pool, u *user) {
	st.sub, st.Name, st.UserID, st.Mark = u.sub, u.username, u.username, p.passwordMark(u)
}

// keepStep keeps a step under a new session. Code is what went to the address,
// "" for nothing.
func (cl *Client) keepStep(ctx context.Context, tx *sql.Tx, st *step, address, code string) (string, error) {
	session, hash := newSecret(sessionPrefix)
	if st.hash = hash; code != "" {
		st.Code = cl.pool.stepMAC(hash, st.Attribute, address, code)
	}
	state, err := json.Marshal(st)
	if err != nil {
		return "", err
	}
	var sub *string
	if st.sub != "" {
		sub = &st.sub
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO cognito_step (hash, pool, client, sub, challenge, state, expires, used) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
		hash, cl.pool.id, cl.id, sub, st.Challenge, string(state), cl.pool.svc.cfg.Now().Add(cl.sessionValidity()).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping a step of a sign-in: %w", err)
	}
	return session, nil
}

// stepMAC binds a code to the session that it was sent in, and to the address
// that it went to.
func (p *Pool) stepMAC(hash []byte, attribute, address, code string) []byte {
	return p.mac("step", string(hash), attribute, address, code)
}

// readStep gives the step of a session, whatever its state, or nil.
func readStep(ctx context.Context, tx *sql.Tx, session string) (*step, error) {
	st := &step{hash: oidc.Hash(session)}
	var sub sql.NullString
	var state string
	var expires int64
	err := tx.QueryRowContext(ctx, "SELECT client, sub, challenge, state, expires, used FROM cognito_step WHERE hash = ?", st.hash).
		Scan(&st.client, &sub, &st.Challenge, &state, &expires, &st.used)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a step of a sign-in: %w", err)
	}
	st.sub, st.expires = sub.String, time.UnixMilli(expires)
	if !st.used {
		if err := json.Unmarshal([]byte(state), st); err != nil {
			return nil, fmt.Errorf("reading a step of a sign-in: %w", err)
		}
	}
	return st, nil
}

// openStep gives the step of a session that this client may answer with the
// challenge, and its user, who is nil for a name without one. It does not use
// the session up: an answer that is refused may be corrected.
func (cl *Client) openStep(ctx context.Context, tx *sql.Tx, session, challenge string) (*step, *user, error) {
	st, err := readStep(ctx, tx, session)
	switch {
	case err != nil:
		return nil, nil, err
	case st == nil:
		return nil, nil, notAuthorized(textInvalidSession, "no such session")
	case st.client != cl.id:
		return nil, nil, notAuthorized(textInvalidSession, "the session is another client's")
	case st.Challenge != challenge:
		return nil, nil, notAuthorized(textInvalidSession, "the session is for "+st.Challenge)
	case st.used:
		return nil, nil, notAuthorized(textSessionUsed, "")
	case !cl.pool.svc.cfg.Now().Before(st.expires):
		return nil, nil, notAuthorized(textSessionExpired, "")
	case st.sub == "":
		return st, nil, nil
	}
	u, err := cl.pool.userOf(ctx, tx, st.sub)
	switch {
	case err != nil:
		return nil, nil, err
	case u == nil:
		return nil, nil, notAuthorized(textInvalidSession, "the user was deleted meanwhile")
	case !hmac.Equal(cl.pool.passwordMark(u), st.Mark):
		return nil, nil, notAuthorized(textInvalidSession, "the password was changed meanwhile")
	}
	return st, u, nil
}

// useStep uses a session up. What was kept of it is forgotten but for that.
func useStep(ctx context.Context, tx *sql.Tx, st *step) error {
	if _, err := tx.ExecContext(ctx, "UPDATE cognito_step SET used = 1, state = '' WHERE hash = ?", st.hash); err != nil {
		return fmt.Errorf("using up a session: %w", err)
	}
	return nil
}

// stepAnswer is an answer to a step: what every one of them says.
type stepAnswer struct {
	client    *Client
	session   string
	challenge string
	name      string
	named     *user // whom the answer names, nil for nobody
	values    map[string]string
}

// stepAnswer reads an answer, whose required values are named, and checks its
// secret hash.
func (cl *Client) stepAnswer(ctx context.Context, challenge, session string, values map[string]string, required ...string) (*stepAnswer, error) {
	for _, name := range append([]string{"USERNAME"}, required...) {
		if values[name] == "" {
			return nil, missing(name)
		}
	}
	if session == "" {
		return nil, missing("Session")
	}
	a := &stepAnswer{client: cl, session: session, challenge: challenge, name: values["USERNAME"], values: values}
	var err error
	a.named, err = cl.identify(ctx, a.name, values["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	return a, nil
}

// open gives the step that the answer is to and its user: the one that the
// answer names, in a state that allows a sign-in.
func (a *stepAnswer) open(ctx context.Context, tx *sql.Tx) (*step, *user, error) {
	p := a.client.pool
	st, u, err := a.client.openStep(ctx, tx, a.session, a.challenge)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case u == nil && p.fold(a.name) != p.fold(st.Name) && p.fold(a.name) != p.fold(st.UserID):
		return nil, nil, notAuthorized(textInvalidSession, "the session is another name's")
	case u == nil:
		return st, nil, nil
	case a.named == nil || a.named.sub != u.sub:
		return nil, nil, notAuthorized(textInvalidSession, "the session is another user's")
	}
	return st, u, nil
}
