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

	"github.com/doorwright/doorwright/internal/store"
)

// The modes of a pool's MfaConfiguration; "" is mfaOff too.
const (
	mfaOff      = "OFF"
	mfaOptional = "OPTIONAL"
	mfaOn       = "ON"
)

// The second factors, which are also the names of their challenges
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html).
const (
	factorTOTP  = "SOFTWARE_TOKEN_MFA"
	factorSMS   = "SMS_MFA"
	factorEmail = "EMAIL_OTP"
)

// The challenges around second factors.
const (
	challengeSelectMFA = "SELECT_MFA_TYPE"
	challengeMFASetup  = "MFA_SETUP"
)

// schemaMFA keeps what users have set up as second factors, and the steps of
// sign-ins that are under way.
//
// secret is the key of the verified software token, pending that of one that
// was given out and not yet verified. Both must be used again, so they are kept
// as they are. step is the last time step of which a code was taken. enabled
// lists factors, parted by spaces.
//
// A step of a sign-in is found by the hash of its session. For a name without
// a user sub is null.
const schemaMFA = `
CREATE TABLE cognito_mfa (
  pool      TEXT NOT NULL,
  sub       TEXT NOT NULL,
  secret    BLOB,
  pending   BLOB,
  device    TEXT NOT NULL,
  step      INTEGER NOT NULL,
  enabled   TEXT NOT NULL,
  preferred TEXT NOT NULL,
  PRIMARY KEY (pool, sub),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE cognito_step (
  hash      BLOB PRIMARY KEY,
  pool      TEXT NOT NULL,
  client    TEXT NOT NULL,
  sub       TEXT,
  challenge TEXT NOT NULL,
  state     TEXT NOT NULL,
  expires   INTEGER NOT NULL,
  used      INTEGER NOT NULL,
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_step_user ON cognito_step (pool, sub);
CREATE INDEX cognito_step_expires ON cognito_step (expires);
`

// mfa is what a user has set up.
type mfa struct {
	secret, pending []byte
	device          string
	step            int64
	enabled         []string
	preferred       string // "" for none
}

// mfaOf gives what a user has set up; an empty record if that is nothing.
func (p *Pool) mfaOf(ctx context.Context, tx *sql.Tx, sub string) (*mfa, error) {
	var m mfa
	var enabled string
	err := tx.QueryRowContext(ctx, "SELECT secret, pending, device, step, enabled, preferred FROM cognito_mfa WHERE pool = ? AND sub = ?", p.id, sub).
		Scan(&m.secret, &m.pending, &m.device, &m.step, &enabled, &m.preferred)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading second factors: %w", err)
	}
	m.enabled = strings.Fields(enabled)
	return &m, nil
}

func (p *Pool) saveMFA(ctx context.Context, tx *sql.Tx, sub string, m *mfa) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO cognito_mfa (pool, sub, secret, pending, device, step, enabled, preferred) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.id, sub, m.secret, m.pending, m.device, m.step, strings.Join(m.enabled, " "), m.preferred)
	if err != nil {
		return fmt.Errorf("saving second factors: %w", err)
	}
	return nil
}

func (p *Pool) mfaMode() string { return p.cfg.mfa() }

func (p *PoolConfig) mfa() string {
	if p.MFA == "" {
		return mfaOff
	}
	return p.MFA
}

// takes says whether the pool takes a second factor.
func (p *Pool) takes(factor string) bool {
	return p.mfaMode() != mfaOff && slices.Contains(p.cfg.EnabledMFAs, factor)
}

// mfaList gives the factors that are on for the user in the pool, in the pool's
// order of factors: what UserMFASettingList shows.
func (p *Pool) mfaList(m *mfa) []string {
	var list []string
	for _, factor := range []string{factorSMS, factorTOTP, factorEmail} {
		if slices.Contains(m.enabled, factor) && slices.Contains(p.cfg.EnabledMFAs, factor) {
			list = append(list, factor)
		}
	}
	return list
}

// factors gives what the user can be asked for after the first factor. Where
// MFA is ON, what was verified counts although the user did not switch it on,
// if nothing else is on. Blocked says that the user has factors on and none
// that can be used.
func (p *Pool) factors(u *user, m *mfa) (usable []string, blocked bool) {
	if p.mfaMode() == mfaOff {
		return nil, false
	}
	on := p.mfaList(m)
	for _, factor := range on {
		if ready(factor, u, m) {
			usable = append(usable, factor)
		}
	}
	if len(on) > 0 || p.mfaMode() != mfaOn {
		return usable, len(on) > 0 && len(usable) == 0
	}
	for _, factor := range []string{factorTOTP, factorSMS, factorEmail} {
		if p.takes(factor) && ready(factor, u, m) {
			return []string{factor}, false
		}
	}
	return nil, false
}

// addressOf gives the attribute that the codes of a factor go to.
var addressOf = map[string]string{
	factorSMS: "phone_number", factorEmail: "email", factorSMSOTP: "phone_number",
}

// ready says whether the user has what a factor needs.
func ready(factor string, u *user, m *mfa) bool {
	if factor == factorTOTP {
		return len(m.secret) > 0
	}
	return verifiedAddress(u, addressOf[factor])
}

func verifiedAddress(u *user, attribute string) bool {
	return u.attributes[attribute] != "" && u.attributes[attribute+"_verified"] == "true"
}

// secondFactor goes on after the first factor of a user whose state allows
// tokens: to a second one, or to the end. Custom is the custom sign-in that the
// first factor was a step of, or nil.
func (cl *Client) secondFactor(ctx context.Context, tx *sql.Tx, u *user, custom *customFlow, done *signedIn) error {
	p := cl.pool
	if p.mfaMode() == mfaOff {
		return cl.afterFactors(ctx, tx, u, custom, done)
	}
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return err
	}
	usable, blocked := p.factors(u, m)
	switch {
	case slices.Contains(usable, m.preferred):
		return cl.challengeFactor(ctx, tx, u, m, m.preferred, custom, done)
	case len(usable) == 1:
		return cl.challengeFactor(ctx, tx, u, m, usable[0], custom, done)
	case len(usable) > 1:
		return cl.challenge(ctx, tx, u, &step{Challenge: challengeSelectMFA, Choices: usable, Custom: custom}, done,
			map[string]string{"MFAS_CAN_CHOOSE": jsonList(usable)})
	case blocked:
		// To let the user in, or set up another factor, with one factor would
		// make deleting a number a way around MFA.
		return store.Keep(refuse(codeMFAMethodNotFound, "No MFA mechanism is available for the user.",
			"the user has MFA on and no verified address that it could use"))
	case p.mfaMode() == mfaOn:
		return cl.challenge(ctx, tx, u, &step{Challenge: challengeMFASetup, Custom: custom}, done,
			map[string]string{"MFAS_CAN_SETUP": jsonList(p.canSetUp())})
	}
	return cl.afterFactors(ctx, tx, u, custom, done)
}

// canSetUp gives the pool's factors, in the order of MFAS_CAN_SETUP.
func (p *Pool) canSetUp() []string {
	var list []string
	for _, factor := range []string{factorSMS, factorTOTP, factorEmail} {
		if p.takes(factor) {
			list = append(list, factor)
		}
	}
	return list
}

// afterFactors goes on after the last factor.
func (cl *Client) afterFactors(ctx context.Context, tx *sql.Tx, u *user, custom *customFlow, done *signedIn) error {
	if custom != nil {
		done.user, done.custom = u, custom
		return nil
	}
	return cl.finishSignIn(ctx, tx, u, done)
}

// mfaCodeDigits is the length of the codes of SMS and e-mail MFA.
const mfaCodeDigits = 6

// challengeFactor asks for a second factor.
func (cl *Client) challengeFactor(ctx context.Context, tx *sql.Tx, u *user, m *mfa, factor string, custom *customFlow, done *signedIn) error {
	st := &step{Challenge: factor, Custom: custom}
	if factor != factorTOTP {
		return cl.challengeCode(ctx, tx, u, st, mfaCodeDigits, done)
	}
	parameters := map[string]string{}
	if m.device != "" {
		parameters["FRIENDLY_DEVICE_NAME"] = m.device
	}
	return cl.challenge(ctx, tx, u, st, done, parameters)
}

// challengeCode sends a code to the user's address, or to the one that the step
// is to prove, and asks for it. The message goes when the transaction has
// committed.
func (cl *Client) challengeCode(ctx context.Context, tx *sql.Tx, u *user, st *step, digits int, done *signedIn) error {
	st.Attribute = addressOf[st.Challenge]
	to := *u
	if st.Address != "" {
		to.attributes = maps.Clone(u.attributes)
		to.attributes[st.Attribute] = st.Address
	}
	code, err := randomDigits(digits)
	if err != nil {
		return err
	}
	done.message = cl.pool.compose(&to, purposeSignIn, st.Attribute, "Your authentication code", "Your authentication code is "+code, code)
	done.message.use(cl.pool.cfg.Messages.Authentication, codePlaceholder, code)
	st.forUser(cl.pool, u)
	session, err := cl.keepStep(ctx, tx, st, to.attributes[st.Attribute], code)
	if err != nil {
		return err
	}
	done.ask(u, st, session, map[string]string{
		"CODE_DELIVERY_DELIVERY_MEDIUM": done.message.details.DeliveryMedium,
		"CODE_DELIVERY_DESTINATION":     done.message.details.Destination,
	})
	return nil
}

// challenge keeps a step of a user's sign-in and fills in what is asked.
func (cl *Client) challenge(ctx context.Context, tx *sql.Tx, u *user, st *step, done *signedIn, parameters map[string]string) error {
	st.forUser(cl.pool, u)
	session, err := cl.keepStep(ctx, tx, st, "", "")
	if err != nil {
		return err
	}
	done.ask(u, st, session, parameters)
	return nil
}

// ask says what comes next.
func (d *signedIn) ask(u *user, st *step, session string, parameters map[string]string) {
	parameters["USER_ID_FOR_SRP"] = st.UserID
	d.user, d.challenge, d.session, d.parameters = u, st.Challenge, session, parameters
}

// jsonList gives a list as the JSON text that challenge parameters hold.
func jsonList(list []string) string {
	b, _ := json.Marshal(list) // strings always have a JSON form
	return string(b)
}
