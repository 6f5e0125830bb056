package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// USER_AUTH: the user chooses the first factor among those that the pool allows
// and the user has
// (https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-selection-sdk.html#authentication-flows-selection-choice).
const (
	challengeSelect   = "SELECT_CHALLENGE"
	challengePassword = "PASSWORD"
	challengeSRP      = "PASSWORD_SRP"
	challengeWebAuthn = "WEB_AUTHN"
	factorEmailOTP    = factorEmail // one name for the first factor and the second
	factorSMSOTP      = "SMS_OTP"
)

// firstCodeDigits is the length of codes that are the first factor.
const firstCodeDigits = 8

// The steps of a sign-up that goes on to a sign-in. Nobody can answer them as
// challenges: the model does not have their names.
const (
	stepSignUp    = "SIGN_UP"
	stepConfirmed = "SIGN_UP_CONFIRMED"
)

// allowsFirst says whether the pool allows a first factor.
func (p *Pool) allowsFirst(factor string) bool { return slices.Contains(p.firstAuthFactors(), factor) }

func (p *Pool) firstAuthFactors() []string {
	if p.cfg.AllowedFirstAuthFactors == nil {
		return []string{challengePassword}
	}
	return p.cfg.AllowedFirstAuthFactors
}

// passwordless says whether a user of these attributes needs no password: it
// can sign in by what is sent to one of them, once that is verified.
func (p *Pool) passwordless(attributes map[string]string) bool {
	return p.allowsFirst(factorEmailOTP) && attributes["email"] != "" || p.allowsFirst(factorSMSOTP) && attributes["phone_number"] != ""
}

// configuredFactors gives the first factors that the pool allows and the user
// has, as GetUserAuthFactors shows them.
func (p *Pool) configuredFactors(u *user) []string {
	var list []string
	if p.allowsFirst(challengePassword) && len(u.verifier) == verifierSize {
		list = append(list, challengePassword)
	}
	for _, factor := range []string{factorEmailOTP, factorSMSOTP} {
		if p.allowsFirst(factor) && verifiedAddress(u, addressOf[factor]) {
			list = append(list, factor)
		}
	}
	return list
}

// choice is a sign-in by USER_AUTH at its beginning.
type choice struct {
	client *Client
	found  *user // nil for nobody
	name   string
	// factors are what can be chosen.
	factors []string
	// sends says that a code that is asked for is sent: there is a user, who may
	// sign in.
	sends bool
}

// choose finds out what a user can choose from. To a client that hides
// existence nobody, and a user who may not sign in, has factors as others do:
// always the same for one name, and such as a user of that name might have.
func (cl *Client) choose(ctx context.Context, found *user, name string) (*choice, error) {
	p := cl.pool
	ch := &choice{client: cl, found: found, name: name}
	if found == nil || !found.enabled || found.status == statusUnconfirmed || found.status == statusResetRequired {
		if found != nil && !cl.hides() {
			if len(found.verifier) != verifierSize {
				return nil, awsjson.Refusal(stateAllows(found)) // there is no password to ask for first
			}
			ch.factors = []string{challengeSRP, challengePassword}
			return ch, nil
		}
		ch.factors = p.madeUpFactors(name, found != nil || p.has(triggerUserMigration))
		return ch, nil
	}
	ch.sends = true
	configured := p.configuredFactors(found)
	if slices.Contains(configured, challengePassword) {
		ch.factors = append(ch.factors, challengeSRP, challengePassword)
	}
	// "Passwordless" factors are for users without MFA: they would be the only one.
	second, err := p.asksMore(ctx, found)
	if err != nil {
		return nil, err
	}
	if found.status == statusConfirmed && !second {
		for _, factor := range configured {
			if factor != challengePassword {
				ch.factors = append(ch.factors, factor)
			}
		}
	}
	if len(ch.factors) == 0 {
		return nil, invalid("The user has no authentication factor that the user pool allows.")
	}
	return ch, nil
}

// asksMore says whether the user has a second factor.
func (p *Pool) asksMore(ctx context.Context, u *user) (more bool, err error) {
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		m, err := p.mfaOf(ctx, tx, u.sub)
		if err != nil {
			return err
		}
		usable, blocked := p.factors(u, m)
		more = len(usable) > 0 || blocked
		return nil
	})
	return more, err
}

// madeUpFactors gives what a name without a user has: mostly what the name's
// form suggests, sometimes less or more, so that no list tells that there is a
// user. With a password it always has that.
func (p *Pool) madeUpFactors(name string, password bool) []string {
	n := p.mac("factors", p.fold(name))
	seldom := func(b byte) bool { return b < 32 }
	var codes []string
	for i, factor := range []string{factorEmailOTP, factorSMSOTP} {
		likely := (addressOf[factor] == "phone_number") == phoneForm.MatchString(name)
		if p.allowsFirst(factor) && likely != seldom(n[i]) {
			codes = append(codes, factor)
		}
	}
	if p.allowsFirst(challengePassword) && (password || len(codes) == 0 || !seldom(n[2])) {
		return append([]string{challengeSRP, challengePassword}, codes...)
	}
	return codes
}

// startUserAuth begins USER_AUTH with the factor that is preferred, if it can
// be chosen; else with the choice.
func (s *Service) startUserAuth(ctx context.Context, cl *Client, params map[string]string, session string) (*authOutput, error) {
	name, preferred := params["USERNAME"], params["PREFERRED_CHALLENGE"]
	if name == "" {
		return nil, missing("USERNAME")
	}
	if !slices.Contains([]string{"", challengePassword, challengeSRP, factorEmailOTP, factorSMSOTP, challengeWebAuthn}, preferred) {
		return nil, invalid("PREFERRED_CHALLENGE %s is not supported.", preferred)
	}
	found, err := cl.identify(ctx, name, params["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	if session != "" {
		return cl.afterSignUp(ctx, session, found, name)
	}
	password, migrates := params["PASSWORD"], cl.pool.has(triggerUserMigration)
	if found == nil && preferred == challengePassword && password != "" {
		if found, err = cl.migrate(ctx, migrateSignIn, name, password); err != nil {
			return nil, err
		}
	}
	if found == nil && !cl.hides() && !migrates {
		return nil, refuse(codeUserNotFound, textNoUser, "no such user")
	}
	if err := cl.preAuthentication(ctx, found, name); err != nil {
		return nil, err
	}
	ch, err := cl.choose(ctx, found, name)
	if err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(ch.factors, preferred):
		return ch.ask(ctx, challengeSelect, nil)
	case preferred == challengePassword && password != "":
		return s.checkPassword(ctx, cl, found, name, password, nil)
	case preferred == challengeSRP && params["SRP_A"] != "":
		return ch.verifier(ctx, params["SRP_A"], nil)
	}
	return ch.ask(ctx, preferred, nil)
}

// step gives a step of the sign-in.
func (ch *choice) step(challenge string) *step {
	st := &step{Challenge: challenge, First: true}
	if ch.found != nil {
		st.forUser(ch.client.pool, ch.found)
	}
	st.Name, st.UserID = ch.name, ch.client.pool.srpUser(ch.found, ch.name).username
	return st
}

// ask asks for a factor, or for the choice. What takes the step before, if
// there is one, runs in the same transaction.
func (ch *choice) ask(ctx context.Context, challenge string, take func(*sql.Tx) error) (*authOutput, error) {
	var done signedIn
	err := ch.client.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		if take != nil {
			if err := take(tx); err != nil {
				return err
			}
		}
		return ch.challenge(ctx, tx, challenge, &done)
	})
	if err != nil {
		return nil, err
	}
	out, err := done.output(ctx, ch.client)
	if err != nil {
		return nil, err
	}
	if take == nil {
		out.AvailableChallenges = ch.factors
	}
	return out, nil
}

func (ch *choice) challenge(ctx context.Context, tx *sql.Tx, challenge string, done *signedIn) error {
	cl, st := ch.client, ch.step(challenge)
	if challenge == factorEmailOTP || challenge == factorSMSOTP {
		if ch.sends {
			return cl.challengeCode(ctx, tx, ch.found, st, firstCodeDigits, done)
		}
		return ch.pretend(ctx, tx, st, done)
	}
	if challenge == challengeSelect {
		st.Choices = ch.factors
	}
	session, err := cl.keepStep(ctx, tx, st, "", "")
	if err != nil {
		return err
	}
	done.user, done.challenge, done.session, done.parameters = ch.found, challenge, session, map[string]string{}
	return nil
}

// pretend asks for a code that is not sent. No answer to it is right.
func (ch *choice) pretend(ctx context.Context, tx *sql.Tx, st *step, done *signedIn) error {
	callOf(ctx).note("no such user who may sign in; the answer pretends")
	p := ch.client.pool
	st.sub, st.Mark = "", nil
	session, err := ch.client.keepStep(ctx, tx, st, "", "")
	if err != nil {
		return err
	}
	details := p.fakeDetailsOf(ch.name, addressOf[st.Challenge])
	done.ask(ch.found, st, session, map[string]string{
		"CODE_DELIVERY_DELIVERY_MEDIUM": details.DeliveryMedium, "CODE_DELIVERY_DESTINATION": details.Destination,
	})
	return nil
}

// verifier goes on with the password's proof by SRP.
func (ch *choice) verifier(ctx context.Context, srpA string, take func(*sql.Tx) error) (*authOutput, error) {
	a, err := readSRPA(srpA)
	if err != nil {
		return nil, err
	}
	out, err := ch.ask(ctx, challengePasswordVerifier, take)
	if err != nil {
		return nil, err
	}
	next, err := ch.client.passwordVerifier(ch.found, ch.name, a, out.Session, true)
	if err != nil {
		return nil, err
	}
	next.AvailableChallenges = out.AvailableChallenges
	return next, nil
}

// chosen gives the sign-in of a step that an answer is to, which stays to be
// used up. Somebody who signed up since is not whom it is about.
func (a *stepAnswer) chosen(ctx context.Context) (ch *choice, st *step, err error) {
	ch = &choice{client: a.client}
	err = a.client.pool.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		st, ch.found, err = a.open(ctx, tx)
		if err == nil && ch.found == nil && a.named != nil {
			err = notAuthorized(textInvalidSession, "the session is of the time before the user")
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	ch.name, ch.factors = st.Name, st.Choices
	return ch, st, nil
}

// take uses up the step that an answer is to.
func (a *stepAnswer) take(ctx context.Context, tx *sql.Tx) error {
	st, _, err := a.open(ctx, tx)
	if err != nil {
		return err
	}
	return useStep(ctx, tx, st)
}

// answerSelect goes on with the factor that was chosen. PASSWORD and
// PASSWORD_SRP come with what they need.
func (s *Service) answerSelect(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengeSelect, session, answers, "ANSWER")
	if err != nil {
		return nil, err
	}
	ch, st, err := a.chosen(ctx)
	if err != nil {
		return nil, err
	}
	selected := answers["ANSWER"]
	if !slices.Contains(st.Choices, selected) {
		return nil, invalid("Selected challenge is not available")
	}
	take := func(tx *sql.Tx) error { return a.take(ctx, tx) }
	switch selected {
	case challengePassword:
		return s.answerChosenPassword(ctx, a, ch)
	case challengeSRP:
		return ch.verifier(ctx, answers["SRP_A"], take)
	}
	// What was made up, or what changed since, is not asked for.
	now, err := cl.choose(ctx, ch.found, ch.name)
	if err != nil {
		return nil, err
	}
	if now.sends && !slices.Contains(now.factors, selected) {
		return nil, invalid("Selected challenge is not available")
	}
	return now.ask(ctx, selected, take)
}

// answerPassword takes the password that a challenge PASSWORD asked for.
func (s *Service) answerPassword(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengePassword, session, answers, "PASSWORD")
	if err != nil {
		return nil, err
	}
	ch, _, err := a.chosen(ctx)
	if err != nil {
		return nil, err
	}
	return s.answerChosenPassword(ctx, a, ch)
}

func (s *Service) answerChosenPassword(ctx context.Context, a *stepAnswer, ch *choice) (*authOutput, error) {
	password := a.values["PASSWORD"]
	if password == "" {
		return nil, missing("PASSWORD")
	}
	if ch.found == nil {
		var err error
		if ch.found, err = a.client.migrate(ctx, migrateSignIn, ch.name, password); err != nil {
			return nil, err
		}
	}
	return s.checkPassword(ctx, a.client, ch.found, ch.name, password, a)
}

// answerSRP takes the SRP_A that a challenge PASSWORD_SRP asked for.
func (s *Service) answerSRP(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	a, err := cl.stepAnswer(ctx, challengeSRP, session, answers, "SRP_A")
	if err != nil {
		return nil, err
	}
	ch, _, err := a.chosen(ctx)
	if err != nil {
		return nil, err
	}
	return ch.verifier(ctx, answers["SRP_A"], func(tx *sql.Tx) error { return a.take(ctx, tx) })
}

// answerChosenSRP ends the password's proof within USER_AUTH.
func (s *Service) answerChosenSRP(ctx context.Context, a *stepAnswer, b *srpBlock, sealed []byte, found *user, matches bool) (*authOutput, error) {
	if !hmac.Equal(b.Session, oidc.Hash(a.session)) {
		return nil, notAuthorized(textInvalidSession, "PASSWORD_CLAIM_SECRET_BLOCK is another session's")
	}
	return s.endPassword(ctx, a.client, found, b.Name, matches, a, func(tx *sql.Tx) error {
		return a.client.pool.useOnce(ctx, tx, sealed, b.Expires)
	})
}

// afterSignUp signs in a user who has just confirmed the sign-up: "Amazon
// Cognito assumes the SMS or email message one-time verification password from
// ConfirmSignUp as the primary authentication factor"
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html).
func (cl *Client) afterSignUp(ctx context.Context, session string, found *user, name string) (*authOutput, error) {
	if found == nil && !cl.hides() {
		return nil, refuse(codeUserNotFound, textNoUser, "no such user")
	}
	if err := cl.preAuthentication(ctx, found, name); err != nil {
		return nil, err
	}
	a := &stepAnswer{client: cl, session: session, challenge: stepConfirmed, name: name, named: found}
	return a.settle(ctx, func(tx *sql.Tx, _ *step, u *user, done *signedIn) error {
		return cl.secondFactor(ctx, tx, u, nil, done)
	})
}

// signUpSession gives the session with which a sign-up can go on to a sign-in,
// for a client that has USER_AUTH; "" for others.
func (cl *Client) signUpSession(ctx context.Context, tx *sql.Tx, u *user, name string) (string, error) {
	if !cl.allows("USER_AUTH") {
		return "", nil
	}
	st := &step{Challenge: name}
	st.forUser(cl.pool, u)
	return cl.keepStep(ctx, tx, st, "", "")
}

// confirmedSession gives the session after ConfirmSignUp for the one of SignUp,
// or "" if that has expired: the code may take its time.
func (cl *Client) confirmedSession(ctx context.Context, tx *sql.Tx, u *user, session string) (string, error) {
	st, of, err := cl.openStep(ctx, tx, session, stepSignUp)
	if err != nil {
		var refusal *aws.Error
		if errors.As(err, &refusal) && refusal.Message == textSessionExpired {
			return "", nil
		}
		return "", err
	}
	if of == nil || of.sub != u.sub {
		return "", notAuthorized(textInvalidSession, "the session is another user's")
	}
	if err := useStep(ctx, tx, st); err != nil {
		return "", err
	}
	return cl.signUpSession(ctx, tx, u, stepConfirmed)
}
