package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// answerCode judges the code of a second factor, or one that is the first.
func (s *Service) answerCode(ctx context.Context, cl *Client, challenge, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challenge, session, answers, challenge+"_CODE")
	if err != nil {
		return nil, err
	}
	return a.settle(ctx, func(tx *sql.Tx, st *step, u *user, done *signedIn) error {
		if err := cl.judgeCode(ctx, tx, st, u, answers[challenge+"_CODE"]); err != nil {
			return err
		}
		if st.First {
			return cl.secondFactor(ctx, tx, u, nil, done)
		}
		return cl.afterFactors(ctx, tx, u, st.factorDone(), done)
	})
}

// settle goes on with an answer to a second factor's challenge: judge decides
// on it and says what comes next, and the session is used up with that. Of two
// answers at once one finds it so.
func (a *stepAnswer) settle(ctx context.Context, judge func(*sql.Tx, *step, *user, *signedIn) error) (*authOutput, error) {
	var done signedIn
	err := a.client.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
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
	if u == nil {
		return p.counted(ctx, tx, subject, refuse(codeCodeMismatch, textOTPMismatch, "no code was sent; the challenge pretended"))
	}
	if st.Challenge == factorTOTP {
		err := p.judgeTOTP(ctx, tx, u, code)
		return p.counted(ctx, tx, subject, err)
	}
	return p.counted(ctx, tx, subject, cl.judgeSent(ctx, tx, st, u, code))
}

// counted counts a wrong code; a right one makes the others forgotten.
func (p *Pool) counted(ctx context.Context, tx *sql.Tx, subject string, judged error) error {
	var refusal *aws.Error
	switch {
	case judged == nil:
		return p.forgetAttempts(ctx, tx, subject, kindCode)
	case errors.As(judged, &refusal) && refusal.Code == codeCodeMismatch:
		return p.failed(ctx, tx, subject, kindCode, judged)
	}
	return judged
}

// judgeTOTP accepts a code of the user's software token, each once: "the
// verifier MUST NOT accept the second attempt of the OTP after the successful
// validation has been issued for the first OTP" (RFC 6238 section 5.2).
func (p *Pool) judgeTOTP(ctx context.Context, tx *sql.Tx, u *user, code string) error {
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return err
	}
	if usable, _ := p.factors(u, m); !slices.Contains(usable, factorTOTP) {
		return switchedOff()
	}
	at, ok := totpMatch(m.secret, code, p.svc.cfg.Now())
	switch {
	case !ok:
		return refuse(codeCodeMismatch, textTOTPMismatch, "wrong code of the software token")
	case at <= m.step:
		return refuse(codeExpiredCode, textTOTPUsed, "")
	}
	m.step = at
	return p.saveMFA(ctx, tx, u.sub, m)
}

func switchedOff() error {
	return notAuthorized(textInvalidSession, "the factor was switched off meanwhile")
}

// judgeSent accepts the code that was sent in the step. It is worth nothing in
// another, nor once the user's address is another.
func (cl *Client) judgeSent(ctx context.Context, tx *sql.Tx, st *step, u *user, code string) error {
	p := cl.pool
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return err
	}
	address := u.attributes[st.Attribute]
	switch usable, blocked := p.factors(u, m); {
	case st.First && !slices.Contains(p.configuredFactors(u), st.Challenge):
		return switchedOff()
	case st.First:
	case st.Address == "" && !slices.Contains(usable, st.Challenge):
		return switchedOff()
	case st.Address != "" && (len(usable) > 0 || blocked):
		return notAuthorized(textInvalidSession, "the user has a second factor")
	case st.Address != "":
		address = st.Address
	}
	if !hmac.Equal(st.Code, p.stepMAC(st.hash, st.Attribute, address, code)) {
		return refuse(codeCodeMismatch, textOTPMismatch, "wrong code")
	}
	if st.Address == "" {
		return nil
	}
	u.attributes[st.Attribute], u.attributes[st.Attribute+"_verified"] = address, "true"
	if err := p.saveUser(ctx, tx, u, false); err != nil {
		return aliasTaken(err)
	}
	m.turnOn(st.Challenge)
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
// session that VerifySoftwareToken gave; or it takes the user's e-mail address
// and sends a code there.
func (s *Service) answerMFASetup(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengeMFASetup, session, answers)
	if err != nil {
		return nil, err
	}
	return a.settle(ctx, func(tx *sql.Tx, st *step, u *user, done *signedIn) error {
		if email := answers["EMAIL"]; email != "" && !st.Verified {
			return cl.setUpEmail(ctx, tx, st, u, email, done)
		}
		if !st.Verified {
			return notAuthorized(textInvalidSession, "nothing was set up in this session; it takes AssociateSoftwareToken and VerifySoftwareToken")
		}
		return cl.afterFactors(ctx, tx, u, st.factorDone(), done)
	})
}

// setUpEmail asks for the code that proves an address, which becomes the
// user's. The address that the user has stays as it is: the password alone must
// not change it.
func (cl *Client) setUpEmail(ctx context.Context, tx *sql.Tx, st *step, u *user, email string, done *signedIn) error {
	p := cl.pool
	if !p.takes(factorEmail) {
		return invalid("%s is not enabled for the user pool.", factorEmail)
	}
	if _, err := p.checkAttributes([]attribute{{Name: "email", Value: email}}); err != nil {
		return err
	}
	if has := u.attributes["email"]; has != "" && has != email {
		return invalid("The user has another email address.")
	}
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return err
	}
	if usable, blocked := p.factors(u, m); len(usable) > 0 || blocked {
		return notAuthorized(textInvalidSession, "the user has a second factor")
	}
	next := &step{Challenge: factorEmail, Address: email, Custom: st.Custom}
	return cl.challengeCode(ctx, tx, u, next, mfaCodeDigits, done)
}
