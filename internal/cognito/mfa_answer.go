package cognito

import (
	"context"
	"database/sql"
	"slices"
)

// answerCode judges the code of a second factor.
func (s *Service) answerCode(ctx context.Context, cl *Client, challenge, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challenge, session, answers, challenge+"_CODE")
	if err != nil {
		return nil, err
	}
	return a.settle(ctx, func(tx *sql.Tx, st *step, u *user, done *signedIn) error {
		if err := cl.judgeCode(ctx, tx, st, u, answers[challenge+"_CODE"]); err != nil {
			return err
		}
		return cl.afterFactors(ctx, tx, u, st.factorDone(), done)
	})
}

// settle goes on with an answer to a second factor's challenge: judge decides
// on it and says what comes next, and the session is used up with that. Of two
// answers at once one finds it so.
func (a *stepAnswer) settle(ctx context.Context, judge func(*sql.Tx, *step, *user, *signedIn) error) (*authOutput, error) {
	var done signedIn
	err := a.client.pool.svc.write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		st, u, err := a.open(ctx, tx)
		if err != nil {
			return err
		}
		if u != nil {
			if err := stateAllows(u); err != nil {
				return err
			}
		}
		if err := judge(tx, st, u, &done); err != nil {
			return err
		}
		return useStep(ctx, tx, st)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, a.client)
}

// factorDone gives the custom sign-in that goes on after a right answer to the
// step, with that among its results; nil for none.
func (st *step) factorDone() *customFlow {
	if st.Custom != nil {
		st.Custom.add(challengeResult{Name: st.Challenge, Result: true})
	}
	return st.Custom
}

// judgeCode accepts a right code or gives the refusal. Wrong ones are counted
// for the user, whatever session they come in: who knows the password can have
// as many sessions as he likes.
func (cl *Client) judgeCode(ctx context.Context, tx *sql.Tx, st *step, u *user, code string) error {
	p := cl.pool
	subject := p.stranger(st.Name)
	if u != nil {
		subject = u.sub
	}
	if err := p.checkLock(ctx, tx, subject, kindCode); err != nil {
		return err
	}
	if err := p.judgeTOTP(ctx, tx, subject, u, code); err != nil {
		return err
	}
	return p.forgetAttempts(ctx, tx, subject, kindCode)
}

// judgeTOTP accepts a code of the user's software token, each once: "the
// verifier MUST NOT accept the second attempt of the OTP after the successful
// validation has been issued for the first OTP" (RFC 6238 section 5.2).
func (p *Pool) judgeTOTP(ctx context.Context, tx *sql.Tx, subject string, u *user, code string) error {
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return err
	}
	if usable, _ := p.factors(u, m); !slices.Contains(usable, factorTOTP) {
		return notAuthorized(textInvalidSession, "the user's software token was switched off meanwhile")
	}
	at, ok := totpMatch(m.secret, code, p.svc.cfg.Now())
	switch {
	case !ok:
		return p.failed(ctx, tx, subject, kindCode, refuse(codeCodeMismatch, textTOTPMismatch, "wrong code of the software token"))
	case at <= m.step:
		return refuse(codeExpiredCode, textTOTPUsed, "")
	}
	m.step = at
	return p.saveMFA(ctx, tx, u.sub, m)
}

// answerSelectMFA goes on with the factor that the user chose.
func (s *Service) answerSelectMFA(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengeSelectMFA, session, answers, "ANSWER")
	if err != nil {
		return nil, err
	}
	return a.settle(ctx, func(tx *sql.Tx, st *step, u *user, done *signedIn) error {
		m, err := cl.pool.mfaOf(ctx, tx, u.sub)
		if err != nil {
			return err
		}
		usable, _ := cl.pool.factors(u, m)
		if chosen := answers["ANSWER"]; !slices.Contains(st.Choices, chosen) || !slices.Contains(usable, chosen) {
			return invalid("%s is not one of the MFA types of the user.", chosen)
		}
		return cl.challengeFactor(ctx, tx, u, m, answers["ANSWER"], st.Custom, done)
	})
}

// answerMFASetup ends a sign-in that had to set up a factor first, with the
// session that VerifySoftwareToken gave.
func (s *Service) answerMFASetup(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengeMFASetup, session, answers)
	if err != nil {
		return nil, err
	}
	return a.settle(ctx, func(tx *sql.Tx, st *step, u *user, done *signedIn) error {
		if !st.Verified {
			return notAuthorized(textInvalidSession, "nothing was set up in this session; it takes AssociateSoftwareToken and VerifySoftwareToken")
		}
		return cl.afterFactors(ctx, tx, u, st.factorDone(), done)
	})
}
