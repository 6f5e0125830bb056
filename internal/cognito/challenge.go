package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/oidc"
)

// challengeNewPassword asks the user of a temporary password for its own
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html).
const challengeNewPassword = "NEW_PASSWORD_REQUIRED"

// sessionPrefix is what Cognito's sessions begin with.
const sessionPrefix = "AYABe"

// newSession keeps a session for a challenge: for one user and one client, for
// one use, for a few minutes. Only a hash is kept.
func (cl *Client) newSession(ctx context.Context, tx *sql.Tx, u *user, challenge string) (string, error) {
	session, hash := newSecret(sessionPrefix)
	_, err := tx.ExecContext(ctx, `
		INSERT INTO cognito_session (hash, pool, client, sub, challenge, expires, used) VALUES (?, ?, ?, ?, ?, ?, 0)`,
		hash, cl.pool.id, cl.id, u.sub, challenge, cl.pool.svc.cfg.Now().Add(cl.sessionValidity()).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping a session: %w", err)
	}
	return session, nil
}

// sessionUser gives the user of a session that can be used for a challenge by
// this client. It does not use it up: an answer that is refused, such as a
// password against the policy, may be corrected.
func (cl *Client) sessionUser(ctx context.Context, tx *sql.Tx, session, challenge string) (*user, error) {
	bad := func(message, reason string) error { return notAuthorized(message, reason) }
	var client, sub, made string
	var expires int64
	var used bool
	err := tx.QueryRowContext(ctx, "SELECT client, sub, challenge, expires, used FROM cognito_session WHERE hash = ? AND pool = ?",
		oidc.Hash(session), cl.pool.id).Scan(&client, &sub, &made, &expires, &used)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, bad(textInvalidSession, "no such session")
	case err != nil:
		return nil, fmt.Errorf("reading a session: %w", err)
	case client != cl.id:
		return nil, bad(textInvalidSession, "the session is another client's")
	case made != challenge:
		return nil, bad(textInvalidSession, "the session is for "+made)
	case used:
		return nil, bad(textSessionUsed, "")
	case cl.pool.svc.cfg.Now().UnixMilli() >= expires:
		return nil, bad(textSessionExpired, "")
	}
	return cl.pool.userOf(ctx, tx, sub)
}

// challenged gives the user that a NEW_PASSWORD_REQUIRED session is for, who
// must be the one that the answer names.
func (cl *Client) challenged(ctx context.Context, tx *sql.Tx, session string, named *user) (*user, error) {
	u, err := cl.sessionUser(ctx, tx, session, challengeNewPassword)
	switch {
	case err != nil:
		return nil, err
	case u == nil || named == nil || u.sub != named.sub:
		return nil, notAuthorized(textInvalidSession, "the session is another user's")
	case !u.enabled:
		return nil, notAuthorized(textDisabled, "")
	case u.status != statusForceChange:
		return nil, notAuthorized(textInvalidSession, "the user's status is "+u.status)
	}
	return u, nil
}

// newPasswordChallenge asks for a new password. The lists in its parameters
// are JSON text.
func (cl *Client) newPasswordChallenge(u *user, session string) (*authOutput, error) {
	required := []string{}
	for _, e := range cl.pool.schema {
		if e.required && e.name != "sub" && u.attributes[e.name] == "" {
			required = append(required, "userAttributes."+e.name)
		}
	}
	requiredText, err := json.Marshal(required)
	if err != nil {
		return nil, err
	}
	shown := maps.Clone(u.attributes)
	maps.DeleteFunc(shown, func(name, _ string) bool { return !cl.readable(name) })
	attributes, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	return &authOutput{
		ChallengeName: challengeNewPassword,
		Session:       session,
		ChallengeParameters: map[string]string{
			"USER_ID_FOR_SRP":    u.username,
			"requiredAttributes": string(requiredText),
			"userAttributes":     string(attributes),
		},
	}, nil
}

func (s *Service) respondToAuthChallenge(ctx context.Context, c *call, in *respondInput) (*authOutput, error) {
	cl, err := s.client(c, in.ClientID, in.ChallengeResponses["USERNAME"])
	if err != nil {
		return nil, err
	}
	return s.respond(ctx, cl, in.ChallengeName, in.Session, in.ChallengeResponses)
}

func (s *Service) adminRespondToAuthChallenge(ctx context.Context, c *call, in *adminRespondInput) (*authOutput, error) {
	cl, err := s.clientOf(c, in.UserPoolID, in.ClientID, in.ChallengeResponses["USERNAME"])
	if err != nil {
		return nil, err
	}
	return s.respond(ctx, cl, in.ChallengeName, in.Session, in.ChallengeResponses)
}

func (s *Service) respond(ctx context.Context, cl *Client, challenge, session string, answers map[string]string) (*authOutput, error) {
	switch challenge {
	case challengeNewPassword:
		return s.answerNewPassword(ctx, cl, session, answers)
	case challengePasswordVerifier:
		return s.answerPasswordVerifier(ctx, cl, session, answers)
	case challengeCustom:
		return s.answerCustom(ctx, cl, session, answers)
	case factorTOTP, factorSMS, factorEmail, factorSMSOTP:
		return s.answerCode(ctx, cl, challenge, session, answers)
	case challengeSelect:
		return s.answerSelect(ctx, cl, session, answers)
	case challengePassword:
		return s.answerPassword(ctx, cl, session, answers)
	case challengeSRP:
		return s.answerSRP(ctx, cl, session, answers)
	case challengeSelectMFA:
		return s.answerSelectMFA(ctx, cl, session, answers)
	case challengeMFASetup:
		return s.answerMFASetup(ctx, cl, session, answers)
	}
	return nil, refuse(codeUnsupportedOperation,
		fmt.Sprintf("%s is a challenge of Amazon Cognito that Doorwright does not emulate.", challenge), "not emulated; see COMPAT.md")
}

// answerNewPassword sets the user's own password in place of a temporary one.
func (s *Service) answerNewPassword(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	name, password := answers["USERNAME"], answers["NEW_PASSWORD"]
	switch {
	case name == "":
		return nil, missing("USERNAME")
	case password == "":
		return nil, missing("NEW_PASSWORD")
	case session == "":
		return nil, missing("Session")
	}
	found, err := cl.identify(ctx, name, answers["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	p := cl.pool
	if err := p.policy.check(password, policyPrefix); err != nil {
		return nil, err
	}
	values, err := cl.answeredAttributes(answers)
	if err != nil {
		return nil, err
	}
	// Without a user the session will be refused, after the same computation.
	username := name
	if found != nil {
		username = found.username
	}
	salt, verifier := newPassword(p.srpName(), username, password)
	var done signedIn
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		u, err := cl.challenged(ctx, tx, session, found)
		if err != nil {
			return err
		}
		if _, err := p.apply(u, values); err != nil {
			return err
		}
		if err := p.checkRequired(u.attributes); err != nil {
			return err
		}
		if err := p.setPassword(ctx, tx, u, salt, verifier); err != nil {
			return err
		}
		u.status = statusConfirmed
		if err := p.saveUser(ctx, tx, u, false); err != nil {
			return aliasTaken(err)
		}
		return cl.secondFactor(ctx, tx, u, nil, &done)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, cl)
}

// answeredAttributes gives the attributes that a NEW_PASSWORD_REQUIRED answer
// sets, which are named "userAttributes.NAME".
func (cl *Client) answeredAttributes(answers map[string]string) (map[string]string, error) {
	var list []attribute
	for key, value := range answers {
		if name, ok := strings.CutPrefix(key, "userAttributes."); ok {
			list = append(list, attribute{name, value})
		}
	}
	slices.SortFunc(list, func(a, b attribute) int { return strings.Compare(a.Name, b.Name) })
	values, err := cl.pool.checkAttributes(list)
	if err != nil {
		return nil, err
	}
	return values, cl.checkWritable(values)
}
