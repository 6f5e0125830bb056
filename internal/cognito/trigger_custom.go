package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/doorwright/doorwright/internal/oidc"
)

// challengeCustom asks for the answer to a challenge of the pool's own
// functions
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html).
const challengeCustom = "CUSTOM_CHALLENGE"

// Bounds of a custom sign-in: how many steps it has, and how large what its
// functions keep of one is.
const (
	maxCustomSteps = 50
	maxCustomBytes = 32 << 10
)

// challengeResult is one step of a custom sign-in, as its functions see it.
type challengeResult struct {
	Name     string  `json:"challengeName"`
	Result   bool    `json:"challengeResult"`
	Metadata *string `json:"challengeMetadata"`
}

type defineRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	Session        []challengeResult `json:"session"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	UserNotFound   bool              `json:"userNotFound"`
}

type defineResponse struct {
	ChallengeName      *string `json:"challengeName"`
	IssueTokens        *bool   `json:"issueTokens"`
	FailAuthentication *bool   `json:"failAuthentication"`
}

type createRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	ChallengeName  string            `json:"challengeName"`
	Session        []challengeResult `json:"session"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	UserNotFound   bool              `json:"userNotFound"`
}

type createResponse struct {
	PublicChallengeParameters  map[string]string `json:"publicChallengeParameters"`
	PrivateChallengeParameters map[string]string `json:"privateChallengeParameters"`
	ChallengeMetadata          *string           `json:"challengeMetadata"`
}

type verifyRequest struct {
	UserAttributes             map[string]string `json:"userAttributes"`
	PrivateChallengeParameters map[string]string `json:"privateChallengeParameters"`
	ChallengeAnswer            string            `json:"challengeAnswer"`
	ClientMetadata             map[string]string `json:"clientMetadata,omitempty"`
	UserNotFound               bool              `json:"userNotFound"`
}

type verifyResponse struct {
	AnswerCorrect *bool `json:"answerCorrect"`
}

// customFlow is what is kept of a custom sign-in between two steps.
type customFlow struct {
	// Name is what the user was called in the first step.
	Name string `json:"name"`
	// Password tells the user's password from every other: a new one ends the
	// sign-in, as it ends all others under way.
	Password []byte `json:"password,omitempty"`
	// History are the steps so far, oldest first.
	History []challengeResult `json:"history"`
	// Challenge is what is to be answered, Private and Metadata what the
	// function that made it keeps of it.
	Challenge string            `json:"challenge"`
	Private   map[string]string `json:"private,omitempty"`
	Metadata  *string           `json:"metadata,omitempty"`
	// SRPA is the client's public number, if it came with one.
	SRPA string `json:"srpA,omitempty"`
}

// passwordMark gives what stands for a user's password in a customFlow.
func (p *Pool) passwordMark(u *user) []byte { return p.mac("custom sign-in", string(u.verifier)) }

// schemaCustom keeps custom sign-ins under way. For a name without a user sub
// is null.
const schemaCustom = `
CREATE TABLE cognito_custom (
  hash    BLOB PRIMARY KEY,
  pool    TEXT NOT NULL,
  client  TEXT NOT NULL,
  sub     TEXT,
  state   TEXT NOT NULL,
  expires INTEGER NOT NULL,
  used    INTEGER NOT NULL,
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_custom_user ON cognito_custom (pool, sub);
CREATE INDEX cognito_custom_expires ON cognito_custom (expires);
`

// startCustom begins CUSTOM_AUTH. A name without a user goes the same way for
// a client that hides existence, and never comes to tokens.
func (s *Service) startCustom(ctx context.Context, cl *Client, params map[string]string) (*authOutput, error) {
	name := params["USERNAME"]
	if name == "" {
		return nil, missing("USERNAME")
	}
	f := &customFlow{Name: name, History: []challengeResult{}}
	switch challenge := params["CHALLENGE_NAME"]; challenge {
	case "", challengeCustom:
	case "SRP_A":
		if _, err := readSRPA(params["SRP_A"]); err != nil {
			return nil, err
		}
		f.SRPA = params["SRP_A"]
		f.History = append(f.History, challengeResult{Name: "SRP_A", Result: true})
	default:
		return nil, invalid("CHALLENGE_NAME %s cannot begin CUSTOM_AUTH.", challenge)
	}
	found, err := cl.identify(ctx, name, params["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	if found == nil && !cl.hides() {
		return nil, refuse(codeUserNotFound, textNoUser, "no such user")
	}
	if err := cl.preAuthentication(ctx, found, name); err != nil {
		return nil, err
	}
	if found != nil {
		f.Password = cl.pool.passwordMark(found)
	}
	return cl.defineChallenge(ctx, found, f)
}

// moment gives the occasion of a function of a custom sign-in.
func (cl *Client) moment(t trigger, found *user, f *customFlow) moment {
	m := moment{trigger: t, source: string(t) + "_Authentication", client: cl.id, user: f.Name}
	if found != nil {
		m.user = found.username
	}
	return m
}

func (p *Pool) needs(t trigger) error {
	if p.has(t) {
		return nil
	}
	e := invalid("Custom auth lambda trigger is not configured for the user pool.")
	e.Err = fmt.Errorf("the pool has no trigger %s", t)
	return e
}

// defineChallenge asks what comes next, and does it.
func (cl *Client) defineChallenge(ctx context.Context, found *user, f *customFlow) (*authOutput, error) {
	p := cl.pool
	if err := p.needs(triggerDefine); err != nil {
		return nil, err
	}
	request := defineRequest{p.triggerAttributes(found), f.History, callOf(ctx).laterMetadata(), found == nil}
	var response defineResponse
	m := cl.moment(triggerDefine, found, f)
	if err := p.run(ctx, m, request, &response); err != nil {
		return nil, err
	}
	yes := func(b *bool) bool { return b != nil && *b }
	next := ""
	if response.ChallengeName != nil {
		next = *response.ChallengeName
	}
	switch {
	case yes(response.FailAuthentication):
		return nil, notAuthorized(textWrongPassword, "the trigger DefineAuthChallenge failed the authentication")
	case yes(response.IssueTokens):
		return cl.customTokens(ctx, found, f)
	case next == challengeCustom && len(f.History) < maxCustomSteps:
		return cl.createChallenge(ctx, found, f)
	case next == challengeCustom:
		return nil, notAuthorized(textWrongPassword, fmt.Sprintf("the sign-in has %d steps and no end", maxCustomSteps))
	case next == challengePasswordVerifier && len(f.History) == 1 && f.History[0].Name == "SRP_A":
		return cl.customSRP(ctx, found, f)
	}
	return nil, p.badLambda(m, "challengeName %q cannot come next", next)
}

// createChallenge has the function make a challenge, and keeps what is needed
// to judge the answer.
func (cl *Client) createChallenge(ctx context.Context, found *user, f *customFlow) (*authOutput, error) {
	p := cl.pool
	if err := errors.Join(p.needs(triggerCreate), p.needs(triggerVerify)); err != nil {
		return nil, err
	}
	request := createRequest{p.triggerAttributes(found), challengeCustom, f.History, callOf(ctx).laterMetadata(), found == nil}
	var response createResponse
	m := cl.moment(triggerCreate, found, f)
	if err := p.run(ctx, m, request, &response); err != nil {
		return nil, err
	}
	f.Challenge, f.Private, f.Metadata = challengeCustom, response.PrivateChallengeParameters, response.ChallengeMetadata
	if size := sizeOf(response); size > maxCustomBytes {
		return nil, p.badLambda(m, "its challenge has %d bytes; the limit is %d", size, maxCustomBytes)
	}
	session, err := cl.keepCustom(ctx, found, f)
	if err != nil {
		return nil, err
	}
	parameters := map[string]string{}
	maps.Copy(parameters, response.PublicChallengeParameters)
	parameters["USERNAME"] = p.srpUser(found, f.Name).username
	return &authOutput{ChallengeName: challengeCustom, Session: session, ChallengeParameters: parameters}, nil
}

func sizeOf(v any) int {
	b, _ := json.Marshal(v) // strings always have a JSON form
	return len(b)
}

// customSRP asks for the password's proof within a custom sign-in.
func (cl *Client) customSRP(ctx context.Context, found *user, f *customFlow) (*authOutput, error) {
	a, err := readSRPA(f.SRPA)
	if err != nil {
		return nil, err
	}
	f.Challenge = challengePasswordVerifier
	session, err := cl.keepCustom(ctx, found, f)
	if err != nil {
		return nil, err
	}
	return cl.passwordVerifier(found, f.Name, a, session, false)
}

// keepCustom keeps a custom sign-in under a new session.
func (cl *Client) keepCustom(ctx context.Context, found *user, f *customFlow) (string, error) {
	p := cl.pool
	state, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	session, hash := newSecret(sessionPrefix)
	var sub *string
	if found != nil {
		sub = &found.sub
	}
	err = p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO cognito_custom (hash, pool, client, sub, state, expires, used) VALUES (?, ?, ?, ?, ?, ?, 0)",
			hash, p.id, cl.id, sub, string(state), p.svc.cfg.Now().Add(cl.sessionValidity()).UnixMilli())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keeping a custom sign-in: %w", err)
	}
	return session, nil
}

// takeCustom gives the custom sign-in of a session and uses the session up:
// before a function judges an answer, so that of two answers at once one is
// judged. The answer must name the sign-in's user.
func (cl *Client) takeCustom(ctx context.Context, session, challenge string, named *user, name string) (f *customFlow, err error) {
	p := cl.pool
	err = p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		var client, state string
		var sub sql.NullString
		var expires int64
		var used bool
		err := tx.QueryRowContext(ctx, "SELECT client, sub, state, expires, used FROM cognito_custom WHERE hash = ? AND pool = ?",
			oidc.Hash(session), p.id).Scan(&client, &sub, &state, &expires, &used)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notAuthorized(textInvalidSession, "no such session")
		case err != nil:
			return fmt.Errorf("reading a custom sign-in: %w", err)
		case client != cl.id:
			return notAuthorized(textInvalidSession, "the session is another client's")
		case used:
			return notAuthorized(textSessionUsed, "")
		case p.svc.cfg.Now().UnixMilli() >= expires:
			return notAuthorized(textSessionExpired, "")
		}
		f = &customFlow{}
		if err := json.Unmarshal([]byte(state), f); err != nil {
			return fmt.Errorf("reading a custom sign-in: %w", err)
		}
		if reason := f.mismatch(p, challenge, sub, named, name); reason != "" {
			return notAuthorized(textInvalidSession, reason)
		}
		_, err = tx.ExecContext(ctx, "UPDATE cognito_custom SET used = 1, state = '' WHERE hash = ?", oidc.Hash(session))
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// mismatch says why an answer is not one to the sign-in, or "".
func (f *customFlow) mismatch(p *Pool, challenge string, sub sql.NullString, named *user, name string) string {
	switch {
	case f.Challenge != challenge:
		return "the session is for " + f.Challenge
	case sub.Valid && (named == nil || named.sub != sub.String), !sub.Valid && named != nil:
		return "the session is another user's"
	case named != nil && !hmac.Equal(p.passwordMark(named), f.Password):
		return "the password was changed meanwhile"
	case named == nil && p.fold(name) != p.fold(f.Name) && p.fold(name) != p.fold(p.srpUser(nil, f.Name).username):
		return "the session is another name's"
	}
	return ""
}

// answerCustom has the function judge the answer to a challenge.
func (s *Service) answerCustom(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	for _, name := range []string{"USERNAME", "ANSWER"} {
		if answers[name] == "" {
			return nil, missing(name)
		}
	}
	if session == "" {
		return nil, missing("Session")
	}
	found, err := cl.identify(ctx, answers["USERNAME"], answers["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	p := cl.pool
	if err := p.needs(triggerVerify); err != nil {
		return nil, err
	}
	f, err := cl.takeCustom(ctx, session, challengeCustom, found, answers["USERNAME"])
	if err != nil {
		return nil, err
	}
	private := f.Private
	if private == nil {
		private = map[string]string{}
	}
	request := verifyRequest{p.triggerAttributes(found), private, answers["ANSWER"], callOf(ctx).metadata(), found == nil}
	var response verifyResponse
	if err := p.run(ctx, cl.moment(triggerVerify, found, f), request, &response); err != nil {
		return nil, err
	}
	correct := response.AnswerCorrect != nil && *response.AnswerCorrect
	f.add(challengeResult{challengeCustom, correct, f.Metadata})
	return cl.goOn(ctx, found, f)
}

// answerCustomPassword goes on after the password's proof within a custom
// sign-in. A wrong password ends it, and counts as any other.
func (s *Service) answerCustomPassword(ctx context.Context, cl *Client, session string, b *srpBlock, sealed []byte, found *user, matches bool) (*authOutput, error) {
	if !hmac.Equal(b.Session, oidc.Hash(session)) {
		return nil, notAuthorized(textInvalidSession, "PASSWORD_CLAIM_SECRET_BLOCK is another session's")
	}
	f, err := cl.takeCustom(ctx, session, challengePasswordVerifier, found, b.Name)
	if err != nil {
		return nil, err
	}
	f.add(challengeResult{Name: challengePasswordVerifier, Result: true})
	var done signedIn
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		if err := cl.pool.useOnce(ctx, tx, sealed, b.Expires); err != nil {
			return err
		}
		u, err := cl.admit(ctx, tx, found, b.Name, matches)
		switch {
		case err != nil:
			return err
		case !u.enabled || u.status != statusConfirmed:
			// The end of the sign-in decides about the state, and what comes after.
			return cl.afterFactors(ctx, tx, u, f, &done)
		}
		return cl.secondFactor(ctx, tx, u, f, &done)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, cl)
}

// add adds a step's result.
func (f *customFlow) add(result challengeResult) {
	f.History = append(slices.Clip(f.History), result)
	f.Challenge, f.Private, f.Metadata = "", nil, nil
}

// goOn asks what comes next, with the user as it is now.
func (cl *Client) goOn(ctx context.Context, found *user, f *customFlow) (*authOutput, error) {
	if found != nil {
		var err error
		if found, err = cl.pool.findUser(ctx, found.sub); err != nil {
			return nil, err
		}
		if found == nil {
			return nil, notAuthorized(textWrongPassword, "the user was deleted while a trigger ran")
		}
	}
	return cl.defineChallenge(ctx, found, f)
}

// customTokens ends a custom sign-in as a right password ends another: the
// user's state decides, as it is now.
func (cl *Client) customTokens(ctx context.Context, found *user, f *customFlow) (*authOutput, error) {
	if found == nil {
		return nil, notAuthorized(textWrongPassword, "the trigger DefineAuthChallenge issued tokens to a user that there is not")
	}
	var done signedIn
	err := cl.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		u, err := cl.pool.userOf(ctx, tx, found.sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return notAuthorized(textWrongPassword, "the user was deleted while a trigger ran")
		case !hmac.Equal(cl.pool.passwordMark(u), f.Password):
			return notAuthorized(textInvalidSession, "the password was changed meanwhile")
		}
		// No second factor: "MFA generation is dependent on the password verifier
		// challenge being triggered", after which it was asked for
		// (https://github.com/aws-amplify/amplify-js/issues/12887).
		if err := cl.checkState(ctx, tx, u, &done); err != nil || done.challenge != "" {
			return err
		}
		return cl.finishSignIn(ctx, tx, u, &done)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, cl)
}
