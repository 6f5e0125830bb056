package cognito

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/doorwright/doorwright/internal/store"
)

// initiateAuth begins a sign-in from an app
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html).
func (s *Service) initiateAuth(ctx context.Context, c *call, in *initiateAuthInput) (*authOutput, error) {
	cl, err := s.client(c, in.ClientID, in.AuthParameters["USERNAME"])
	if err != nil {
		return nil, err
	}
	disabled := invalid("%s flow not enabled for this client", in.AuthFlow)
	switch in.AuthFlow {
	case "USER_PASSWORD_AUTH":
		if !cl.allows(in.AuthFlow) {
			return nil, disabled
		}
		return s.signInWithPassword(ctx, cl, in.AuthParameters)
	case "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN":
		if cl.cfg.Rotation != nil {
			return nil, rotationIsOn()
		}
		if !cl.allows("REFRESH_TOKEN_AUTH") {
			return nil, disabled
		}
		return s.refresh(ctx, c, cl, in.AuthParameters)
	case "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH":
		return nil, wrongMethod()
	}
	if !cl.allows(in.AuthFlow) {
		if in.AuthFlow == "USER_SRP_AUTH" {
			return nil, invalid("USER_SRP_AUTH is not enabled for the client.")
		}
		return nil, disabled
	}
	if in.AuthFlow == "USER_SRP_AUTH" {
		return s.startSRP(ctx, cl, in.AuthParameters)
	}
	if in.AuthFlow == "CUSTOM_AUTH" {
		return s.startCustom(ctx, cl, in.AuthParameters)
	}
	return s.startUserAuth(ctx, cl, in.AuthParameters, in.Session)
}

// adminInitiateAuth begins a sign-in from a back end.
func (s *Service) adminInitiateAuth(ctx context.Context, c *call, in *adminInitiateAuthInput) (*authOutput, error) {
	cl, err := s.clientOf(c, in.UserPoolID, in.ClientID, in.AuthParameters["USERNAME"])
	if err != nil {
		return nil, err
	}
	disabled := invalid("Auth flow not enabled for this client")
	switch in.AuthFlow {
	case "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH":
		if !cl.allows("ADMIN_USER_PASSWORD_AUTH") {
			return nil, disabled
		}
		return s.signInWithPassword(ctx, cl, in.AuthParameters)
	case "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN":
		if cl.cfg.Rotation != nil {
			return nil, rotationIsOn()
		}
		if !cl.allows("REFRESH_TOKEN_AUTH") {
			return nil, disabled
		}
		return s.refresh(ctx, c, cl, in.AuthParameters)
	case "USER_PASSWORD_AUTH":
		return nil, wrongMethod()
	}
	if !cl.allows(in.AuthFlow) {
		return nil, disabled
	}
	if in.AuthFlow == "USER_SRP_AUTH" {
		return s.startSRP(ctx, cl, in.AuthParameters)
	}
	if in.AuthFlow == "CUSTOM_AUTH" {
		return s.startCustom(ctx, cl, in.AuthParameters)
	}
	return s.startUserAuth(ctx, cl, in.AuthParameters, in.Session)
}

func wrongMethod() error { return invalid("Initiate Auth method not supported") }

func rotationIsOn() error {
	return refuse(codeUnsupportedOperation, "REFRESH_TOKEN_AUTH is not possible with refresh token rotation; use GetTokensFromRefreshToken.", "")
}

func missing(parameter string) error { return invalid("Missing required parameter %s", parameter) }

// signInWithPassword checks a name and a password and gives tokens or the
// challenge to set a new password.
//
// The user's state is told only to who knows the password. Computing the
// verifier takes milliseconds and happens outside of the store's one writer;
// the transaction then looks again at what may have changed meanwhile, so that
// guesses made at once do not get around the lock.
func (s *Service) signInWithPassword(ctx context.Context, cl *Client, params map[string]string) (*authOutput, error) {
	name, password := params["USERNAME"], params["PASSWORD"]
	switch {
	case name == "":
		return nil, missing("USERNAME")
	case password == "":
		return nil, missing("PASSWORD")
	}
	found, err := cl.identify(ctx, name, params["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	if found == nil {
		if found, err = cl.migrate(ctx, migrateSignIn, name, password); err != nil {
			return nil, err
		}
	}
	if err := cl.preAuthentication(ctx, found, name); err != nil {
		return nil, err
	}
	return s.checkPassword(ctx, cl, found, name, password, nil)
}

// checkPassword signs in with a password. Answered is the answer that it came
// in, if it was asked for.
func (s *Service) checkPassword(ctx context.Context, cl *Client, found *user, name, password string, answered *stepAnswer) (*authOutput, error) {
	return s.endPassword(ctx, cl, found, name, cl.pool.passwordMatches(found, name, password), answered, nil)
}

// endPassword decides on a password that was looked at, and goes on. Before,
// which may be nil, runs in the same transaction; what it did stays done though
// the password is wrong. A session that was answered is used up by a right one.
func (s *Service) endPassword(ctx context.Context, cl *Client, found *user, name string, matches bool, answered *stepAnswer, before func(*sql.Tx) error) (*authOutput, error) {
	var done signedIn
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		var st *step
		if answered != nil {
			var err error
			if st, _, err = answered.open(ctx, tx); err != nil {
				return err
			}
		}
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		u, err := cl.admit(ctx, tx, found, name, matches)
		if err != nil {
			return err
		}
		if st != nil {
			if err := useStep(ctx, tx, st); err != nil {
				return err
			}
		}
		return cl.afterPassword(ctx, tx, u, &done)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, cl)
}

// admit decides about a password within a transaction and counts failures.
func (cl *Client) admit(ctx context.Context, tx *sql.Tx, found *user, name string, matches bool) (*user, error) {
	p := cl.pool
	if found == nil && !cl.hides() {
		return nil, refuse(codeUserNotFound, textNoUser, "no such user")
	}
	subject := p.stranger(name)
	if found != nil {
		subject = found.sub
	}
	if err := p.checkLock(ctx, tx, subject, kindSignIn); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, p.failed(ctx, tx, subject, kindSignIn, notAuthorized(textWrongPassword, "no such user"))
	}
	if !matches {
		return nil, p.failed(ctx, tx, subject, kindSignIn, notAuthorized(textWrongPassword, "wrong password"))
	}
	u, err := p.userOf(ctx, tx, found.sub)
	if err != nil {
		return nil, err
	}
	if u == nil || !bytes.Equal(u.verifier, found.verifier) {
		return nil, notAuthorized(textWrongPassword, "the password was changed just now")
	}
	return u, p.forgetAttempts(ctx, tx, subject, kindSignIn)
}

// The lock after failed sign-ins: from the fifth on, 1, 2, 4, ... seconds, up
// to 15 minutes; 15 quiet minutes forget them all
// (https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html).
//
// Codes of second factors and one-time passwords are counted apart, and from
// the tenth on: six wrong ones in a row were seen to lock nothing.
const (
	kindSignIn    = "sign-in"
	kindCode      = "code"
	failuresFree  = 5
	codesFree     = 10
	lockMost      = 15 * time.Minute
	forgetfulness = 15 * time.Minute
)

// checkLock refuses a sign-in during a lock, right password or not. It does
// not extend the lock.
func (p *Pool) checkLock(ctx context.Context, tx *sql.Tx, subject, kind string) error {
	a, err := p.attempts(ctx, tx, subject, kind)
	if err != nil {
		return err
	}
	if left := a.until.Sub(p.svc.cfg.Now()); left > 0 {
		return notAuthorized(textLocked, fmt.Sprintf("%d failures; locked for another %s", a.count, left.Round(time.Second)))
	}
	return nil
}

// failed counts a failure of a kind and gives the refusal.
func (p *Pool) failed(ctx context.Context, tx *sql.Tx, subject, kind string, refusal error) error {
	a, err := p.attempts(ctx, tx, subject, kind)
	if err != nil {
		return err
	}
	now := p.svc.cfg.Now()
	if now.Sub(a.since) > forgetfulness {
		a = attempts{}
	}
	a.count++
	a.since, a.until = now, now
	count := a.count
	if kind == kindCode {
		count -= codesFree - failuresFree
	}
	if count >= failuresFree {
		a.until = now.Add(lockTime(count))
	}
	if err := p.saveAttempts(ctx, tx, subject, kind, a); err != nil {
		return err
	}
	return store.Keep(refusal)
}

// lockTime gives 2^(n-5) seconds, up to the cap.
func lockTime(failures int) time.Duration {
	exponent := failures - failuresFree
	if exponent >= 10 { // 2^10 s is past the cap
		return lockMost
	}
	return min(time.Second<<exponent, lockMost)
}

// afterPassword goes from the right password to tokens or a challenge, by the
// user's state.
func (cl *Client) afterPassword(ctx context.Context, tx *sql.Tx, u *user, done *signedIn) error {
	if err := cl.checkState(ctx, tx, u, done); err != nil || done.challenge != "" {
		return err
	}
	return cl.secondFactor(ctx, tx, u, nil, done)
}

// checkState refuses a user whose state allows no sign-in, and asks one with a
// temporary password for its own.
func (cl *Client) checkState(ctx context.Context, tx *sql.Tx, u *user, done *signedIn) error {
	p := cl.pool
	if !u.enabled || u.status != statusForceChange {
		return stateAllows(u)
	}
	validity := time.Duration(p.policy.TemporaryPasswordValidityDays) * 24 * time.Hour
	if !p.svc.cfg.Now().Before(u.passwordSet.Add(validity)) {
		return store.Keep(notAuthorized("Temporary password has expired and must be reset by an administrator.", ""))
	}
	var err error
	done.user, done.challenge = u, challengeNewPassword
	done.session, err = cl.newSession(ctx, tx, u, challengeNewPassword)
	return err
}

// stateAllows refuses a user whose state allows no sign-in.
func stateAllows(u *user) error {
	switch {
	case !u.enabled:
		return store.Keep(notAuthorized(textDisabled, ""))
	case u.status == statusUnconfirmed:
		return store.Keep(refuse(codeUserNotConfirmed, textNotConfirmed, "confirm with ConfirmSignUp or AdminConfirmSignUp"))
	case u.status == statusResetRequired:
		return store.Keep(refuse(codePasswordReset, textResetRequired, "an administrator asked for a new password"))
	case u.status == statusForceChange:
		return store.Keep(notAuthorized(textInvalidSession, "the user's password is temporary"))
	}
	return nil
}

// finishSignIn keeps the grant of a sign-in that is complete.
func (cl *Client) finishSignIn(ctx context.Context, tx *sql.Tx, u *user, done *signedIn) error {
	var err error
	done.user = u
	done.grant, done.refreshToken, err = cl.newGrant(ctx, tx, u)
	return err
}

// signedIn is what a transaction of a sign-in came to: a session for the next
// challenge, or a grant. Tokens are signed after it has committed.
type signedIn struct {
	user         *user
	challenge    string
	session      string
	parameters   map[string]string
	message      *message    // what is sent with the challenge
	custom       *customFlow // a custom sign-in that goes on
	grant        *grant
	refreshToken string
}

func (d *signedIn) output(ctx context.Context, cl *Client) (*authOutput, error) {
	switch {
	case d.grant != nil:
		if page := callOf(ctx).page; page != nil {
			return page.complete(ctx, cl, d)
		}
		return cl.issue(ctx, d.grant, d.user, d.refreshToken)
	case d.custom != nil:
		return cl.goOn(ctx, d.user, d.custom)
	case d.challenge == challengeNewPassword:
		return cl.newPasswordChallenge(d.user, d.session)
	}
	if err := cl.pool.svc.send(ctx, d.message); err != nil {
		return nil, err
	}
	return &authOutput{ChallengeName: d.challenge, Session: d.session, ChallengeParameters: d.parameters}, nil
}
