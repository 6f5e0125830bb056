package cognito

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/store"
)

// associateSoftwareToken gives out the key of a new software token: to the
// user of an access token, or in a sign-in that must set one up. It is the only
// operation that shows a key. A token that the user has verified before works
// until the new one is verified.
func (s *Service) associateSoftwareToken(ctx context.Context, c *call, in *associateSoftwareTokenInput) (*associateSoftwareTokenOutput, error) {
	if (in.AccessToken == "") == (in.Session == "") {
		return nil, oneOfTokenAndSession()
	}
	secret := newTOTPSecret()
	out := &associateSoftwareTokenOutput{SecretCode: secretCode(secret)}
	if in.Session != "" {
		session, err := s.setUp(ctx, c, in.Session, func(tx *sql.Tx, cl *Client, st *step, u *user) error {
			st.Secret = secret
			return nil
		})
		if err != nil {
			return nil, err
		}
		out.Session = session
		return out, nil
	}
	b, err := s.bearer(ctx, c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	if !b.pool.takes(factorTOTP) {
		return nil, noSoftwareTokens()
	}
	err = s.changeMFA(ctx, b.pool, b.user.sub, func(tx *sql.Tx, u *user, m *mfa) error {
		m.pending = secret
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func oneOfTokenAndSession() error {
	return invalid("Exactly one of AccessToken and Session is required.")
}

func noSoftwareTokens() error {
	return refuse(codeTOTPNotFound, "Software Token MFA has not been enabled by the userPool", "the pool's mfa and enabledMfas do not take software tokens")
}

// verifySoftwareToken ends what AssociateSoftwareToken began, with a code that
// the new token made. That code is used up.
func (s *Service) verifySoftwareToken(ctx context.Context, c *call, in *verifySoftwareTokenInput) (*verifySoftwareTokenOutput, error) {
	if (in.AccessToken == "") == (in.Session == "") {
		return nil, oneOfTokenAndSession()
	}
	out := &verifySoftwareTokenOutput{Status: "SUCCESS"}
	if in.Session != "" {
		session, err := s.setUp(ctx, c, in.Session, func(tx *sql.Tx, cl *Client, st *step, u *user) error {
			m, err := cl.pool.mfaOf(ctx, tx, u.sub)
			if err != nil {
				return err
			}
			if err := cl.pool.verifyToken(ctx, tx, u, m, st.Secret, in); err != nil {
				return err
			}
			m.turnOn(factorTOTP)
			st.Secret, st.Verified = nil, true
			return cl.pool.saveMFA(ctx, tx, u.sub, m)
		})
		if err != nil {
			return nil, err
		}
		out.Session = session
		return out, nil
	}
	b, err := s.bearer(ctx, c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	if !b.pool.takes(factorTOTP) {
		return nil, noSoftwareTokens()
	}
	err = s.changeMFA(ctx, b.pool, b.user.sub, func(tx *sql.Tx, u *user, m *mfa) error {
		if err := b.pool.verifyToken(ctx, tx, u, m, m.pending, in); err != nil {
			return err
		}
		m.pending = nil
		if b.pool.mfaMode() == mfaOn {
			m.turnOn(factorTOTP)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// verifyToken makes the key of a software token the user's if a code is its.
func (p *Pool) verifyToken(ctx context.Context, tx *sql.Tx, u *user, m *mfa, secret []byte, in *verifySoftwareTokenInput) error {
	if err := p.countAttempt(ctx, tx, u.sub, kindVerifyToken, limitVerifyToken); err != nil {
		var refusal *aws.Error
		if errors.As(err, &refusal) && refusal.Code == codeLimitExceeded {
			refusal.Code = codeTooManyRequests // the operation's model has no other
		}
		return err
	}
	if len(secret) == 0 {
		return store.Keep(invalid("No software token was associated."))
	}
	at, ok := totpMatch(secret, in.UserCode, p.svc.cfg.Now())
	if !ok {
		return store.Keep(tokenMismatch())
	}
	m.secret, m.device, m.step = secret, in.FriendlyDeviceName, at
	return p.forgetAttempts(ctx, tx, u.sub, kindVerifyToken)
}

func tokenMismatch() error {
	return refuse(codeEnableTOTP, "Code mismatch and fail enable Software Token MFA", "")
}

// turnOn adds a factor to those that are on.
func (m *mfa) turnOn(factor string) {
	if !slices.Contains(m.enabled, factor) {
		m.enabled = append(m.enabled, factor)
	}
}

// setUp takes a step of MFA_SETUP further and gives its new session. Once the
// user has a factor, set up in any other way, the session is worth nothing:
// with the password alone nobody may replace it.
func (s *Service) setUp(ctx context.Context, c *call, session string, further func(*sql.Tx, *Client, *step, *user) error) (next string, err error) {
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		cl, err := s.clientOfStep(ctx, tx, session)
		if err != nil {
			return err
		}
		p := cl.pool
		c.about(p, "")
		c.client = cl
		st, u, err := cl.openStep(ctx, tx, session, challengeMFASetup)
		if err != nil {
			return err
		}
		c.event.User = u.username
		if err := stateAllows(u); err != nil {
			return err
		}
		m, err := p.mfaOf(ctx, tx, u.sub)
		if err != nil {
			return err
		}
		if usable, blocked := p.factors(u, m); len(usable) > 0 || blocked {
			return notAuthorized(textInvalidSession, "the user has a second factor")
		}
		if !p.takes(factorTOTP) {
			return noSoftwareTokens()
		}
		if err := further(tx, cl, st, u); err != nil {
			return err
		}
		if err := useStep(ctx, tx, st); err != nil {
			return err
		}
		next, err = cl.keepStep(ctx, tx, st, "", "")
		return err
	})
	if err != nil {
		return "", err
	}
	return next, nil
}

// clientOfStep gives the client of a session, for operations that name none.
func (s *Service) clientOfStep(ctx context.Context, tx *sql.Tx, session string) (*Client, error) {
	st, err := readStep(ctx, tx, session)
	if err != nil {
		return nil, err
	}
	if st == nil || s.served.Load().clients[st.client] == nil {
		return nil, notAuthorized(textInvalidSession, "no such session")
	}
	return s.served.Load().clients[st.client], nil
}
