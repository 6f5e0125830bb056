package cognito

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/store"
)

// What codes are for. A user has one code of each purpose; a new one ends the
// one before. Codes that verify an attribute have its name after verifyPrefix.
const (
	purposeSignUp = "sign-up"
	purposeReset  = "password reset"
	verifyPrefix  = "verify "
	purposeSignIn = "sign-in" // of no row here: a step keeps its code
)

// Lifetimes of codes and limits of attempts
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
// Where AWS gives a range that depends on risk, the lowest is taken.
const (
	signUpCodeLife = 24 * time.Hour
	verifyCodeLife = 24 * time.Hour
	resetCodeLife  = time.Hour

	attemptWindow        = time.Hour
	limitConfirmSignUp   = 15
	limitResend          = 5
	limitForgot          = 5
	limitConfirmForgot   = 5
	limitChangePassword  = 5
	limitAttributeCode   = 5
	limitVerifyAttribute = 15
	limitVerifyToken     = 15
)

// What attempts are counted by. Attempts at a code are counted by the code's
// purpose.
const (
	kindResend         = "resend"
	kindForgot         = "forgot password"
	kindChangePassword = "change password"
	kindAttributeCode  = "attribute code"
	kindVerifyToken    = "verify software token"
)

// message is a code or temporary password on its way into the mailbox.
type message struct {
	pool    *Pool
	user    *user
	purpose string
	store.Message
	details codeDeliveryDetails
}

// compose gives the message that takes a code to an attribute's address.
func (p *Pool) compose(u *user, purpose, attribute, subject, body, code string) *message {
	medium := mediumOf(attribute)
	to := u.attributes[attribute]
	return &message{
		pool: p, user: u, purpose: purpose,
		Message: store.Message{
			To: to, Medium: medium, Subject: subject, Body: body, Code: code, At: p.svc.cfg.Now(), Pool: p.id, User: u.username,
		},
		details: codeDeliveryDetails{Destination: mask(attribute, to), DeliveryMedium: medium, AttributeName: attribute},
	}
}

// send puts a message into the mailbox, after the transaction that made its
// code. Nothing leaves the machine.
func (s *Service) send(ctx context.Context, m *message) error {
	if m == nil {
		return nil
	}
	if err := m.pool.customMessage(ctx, m); err != nil {
		return err
	}
	if m.Medium == "SMS" {
		m.Subject = ""
	}
	m.Message.Purpose = m.purpose
	if err := s.cfg.Mailbox.Deliver(ctx, m.Message); err != nil {
		return &aws.Error{
			Code: codeCodeDeliveryFailure, Message: "The message could not be delivered.", Status: http.StatusBadRequest,
			Err: fmt.Errorf("putting a message into the mailbox: %w", err),
		}
	}
	if s.cfg.CodeSent != nil {
		s.cfg.CodeSent(CodeSent{
			Pool: m.pool.cfg.Name, User: m.User, Medium: m.Medium, To: m.To, Purpose: m.purpose, Code: m.Code,
		})
	}
	return nil
}

// newCode makes and keeps a code that goes to an attribute's address.
func (p *Pool) newCode(ctx context.Context, tx *sql.Tx, u *user, purpose, attribute string, life time.Duration) (*message, error) {
	code, err := randomDigits(6)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx,
		"INSERT OR REPLACE INTO cognito_code (pool, sub, purpose, attribute, mac, expires) VALUES (?, ?, ?, ?, ?, ?)",
		p.id, u.sub, purpose, attribute, p.codeMAC(u, purpose, attribute, code), p.svc.cfg.Now().Add(life).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("keeping a code: %w", err)
	}
	shown := purpose
	if strings.HasPrefix(purpose, verifyPrefix) {
		shown = "attribute verification"
	}
	word := "confirmation"
	if purpose == purposeReset {
		word = "password reset"
	}
	m := p.compose(u, shown, attribute, "Your verification code", "Your "+word+" code is "+code, code)
	m.use(p.cfg.Messages.Verification, codePlaceholder, code)
	return m, nil
}

// use takes the texts of a template, with pairs of placeholders and what they
// stand for. One pass: a username that reads like a placeholder is not replaced.
func (m *message) use(texts MessageTexts, pairs ...string) {
	fill := strings.NewReplacer(pairs...)
	body := texts.Email
	if m.Medium == "SMS" {
		body = texts.SMS
	}
	if body != "" {
		m.Body = fill.Replace(body)
	}
	if texts.Subject != "" {
		m.Subject = texts.Subject
	}
}

// randomDigits gives n random digits.
func randomDigits(n int) (string, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, most)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", n, v), nil
}

// codeMAC binds a code to the user, to what it is for and to the address that
// it went to: it proves nothing about another address.
func (p *Pool) codeMAC(u *user, purpose, attribute, code string) []byte {
	return p.mac("code", u.sub, purpose, attribute, u.attributes[attribute], code)
}

// useCode checks a code and deletes it. It counts the attempt first, so that
// of a million codes nobody tries more than the limit allows. It gives the
// attribute that the code went to. Its refusals keep what was counted.
func (p *Pool) useCode(ctx context.Context, tx *sql.Tx, u *user, purpose, code string, limit int) (attribute string, err error) {
	if err := p.countAttempt(ctx, tx, u.sub, purpose, limit); err != nil {
		return "", err
	}
	var mac []byte
	var expires int64
	err = tx.QueryRowContext(ctx, "SELECT attribute, mac, expires FROM cognito_code WHERE pool = ? AND sub = ? AND purpose = ?",
		p.id, u.sub, purpose).Scan(&attribute, &mac, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", store.Keep(refuse(codeExpiredCode, textCodeExpired, "no code was requested"))
	case err != nil:
		return "", fmt.Errorf("reading a code: %w", err)
	case p.svc.cfg.Now().UnixMilli() >= expires:
		return "", store.Keep(refuse(codeExpiredCode, textCodeExpired, "the code has expired"))
	case !hmac.Equal(mac, p.codeMAC(u, purpose, attribute, code)):
		return "", store.Keep(refuse(codeCodeMismatch, textCodeMismatch, "wrong code"))
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM cognito_code WHERE pool = ? AND sub = ? AND purpose = ?", p.id, u.sub, purpose); err != nil {
		return "", fmt.Errorf("ending a code: %w", err)
	}
	return attribute, p.forgetAttempts(ctx, tx, u.sub, purpose)
}

// dropCode ends the code of a purpose, if there is one.
func (p *Pool) dropCode(ctx context.Context, tx *sql.Tx, u *user, purpose string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM cognito_code WHERE pool = ? AND sub = ? AND purpose = ?", p.id, u.sub, purpose)
	if err != nil {
		return fmt.Errorf("ending a code: %w", err)
	}
	return nil
}

// stranger is the subject under which attempts on a name without a user are
// counted, so that limits do not tell which users exist.
func (p *Pool) stranger(name string) string {
	return "?" + hex.EncodeToString(p.mac("stranger", p.fold(name))[:16])
}

// countAttempt counts an attempt of a kind, or refuses it if there were too
// many in the window, which begins with its first attempt and is not extended
// by refused ones: clients retry LimitExceededException by themselves.
func (p *Pool) countAttempt(ctx context.Context, tx *sql.Tx, subject, kind string, limit int) error {
	a, err := p.attempts(ctx, tx, subject, kind)
	if err != nil {
		return err
	}
	now := p.svc.cfg.Now()
	if now.Sub(a.since) >= attemptWindow {
		a = attempts{since: now}
	}
	if a.count >= limit {
		return refuse(codeLimitExceeded, textTooManyAttempts,
			fmt.Sprintf("%d attempts since %s; the next is possible at %s", a.count, a.since.Format(time.TimeOnly), a.since.Add(attemptWindow).Format(time.TimeOnly)))
	}
	a.count++
	a.until = a.since.Add(attemptWindow)
	return p.saveAttempts(ctx, tx, subject, kind, a)
}

// attempts counts what somebody tried.
type attempts struct {
	count int
	since time.Time // when the count began
	until time.Time // when it ends, or when a lock ends
}

func (p *Pool) attempts(ctx context.Context, tx *sql.Tx, subject, kind string) (attempts, error) {
	var a attempts
	var since, until int64
	err := tx.QueryRowContext(ctx, "SELECT count, since, until FROM cognito_attempt WHERE pool = ? AND subject = ? AND kind = ?",
		p.id, subject, kind).Scan(&a.count, &since, &until)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return attempts{}, nil
	case err != nil:
		return attempts{}, fmt.Errorf("reading attempts: %w", err)
	}
	a.since, a.until = time.UnixMilli(since), time.UnixMilli(until)
	return a, nil
}

func (p *Pool) saveAttempts(ctx context.Context, tx *sql.Tx, subject, kind string, a attempts) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO cognito_attempt (pool, subject, kind, count, since, until) VALUES (?, ?, ?, ?, ?, ?)",
		p.id, subject, kind, a.count, a.since.UnixMilli(), a.until.UnixMilli())
	if err != nil {
		return fmt.Errorf("counting an attempt: %w", err)
	}
	return nil
}

func (p *Pool) forgetAttempts(ctx context.Context, tx *sql.Tx, subject, kind string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM cognito_attempt WHERE pool = ? AND subject = ? AND kind = ?", p.id, subject, kind)
	if err != nil {
		return fmt.Errorf("forgetting attempts: %w", err)
	}
	return nil
}

// signUpAttribute gives the attribute that a sign-up code goes to, or "": of
// what the pool verifies by itself and the user has, the number before the
// address.
func (p *Pool) signUpAttribute(u *user) string {
	for _, name := range []string{"phone_number", "email"} {
		if slices.Contains(p.cfg.AutoVerifiedAttributes, name) && u.attributes[name] != "" {
			return name
		}
	}
	return ""
}

// recoveryAttribute gives the verified attribute that a password reset goes
// to, or "". Without an AccountRecoverySetting SMS comes first
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgotPassword.html).
// "Users can't receive MFA and password reset codes at the same email address
// or phone number": that would be one factor
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html).
func (p *Pool) recoveryAttribute(ctx context.Context, tx *sql.Tx, u *user) (string, error) {
	m, err := p.mfaOf(ctx, tx, u.sub)
	if err != nil {
		return "", err
	}
	usable, _ := p.factors(u, m)
	var taken []string
	for _, factor := range usable {
		taken = append(taken, addressOf[factor])
	}
	order := []string{"phone_number", "email"}
	if p.cfg.AccountRecovery != nil && !p.adminRecovers() {
		order = nil
		for _, name := range p.cfg.AccountRecovery {
			order = append(order, strings.TrimPrefix(name, "verified_"))
		}
	}
	for _, name := range order {
		if verifiedAddress(u, name) && !slices.Contains(taken, name) {
			return name, nil
		}
	}
	return "", nil
}

// adminRecovers says whether users cannot reset their passwords by themselves.
func (p *Pool) adminRecovers() bool { return slices.Contains(p.cfg.AccountRecovery, recoverAdmin) }

func mediumOf(attribute string) string {
	if attribute == "phone_number" {
		return "SMS"
	}
	return "EMAIL"
}

// mask gives an address as Cognito shows it: f***@e*** or +*******5555.
func mask(attribute, address string) string {
	if attribute == "phone_number" {
		digits := strings.TrimPrefix(address, "+")
		if len(digits) <= 4 {
			return "+" + strings.Repeat("*", len(digits))
		}
		return "+" + strings.Repeat("*", len(digits)-4) + digits[len(digits)-4:]
	}
	local, domain, _ := strings.Cut(address, "@")
	return initial(local) + "***@" + initial(domain) + "***"
}

func initial(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

// fakeDetails is what a client that hides existence says of a code that was
// not sent: always the same for one name, and of the form that the name has.
func (p *Pool) fakeDetails(name string) *codeDeliveryDetails {
	attribute := "email"
	if phoneForm.MatchString(name) || !emailForm.MatchString(name) && slices.Equal(p.cfg.AutoVerifiedAttributes, []string{"phone_number"}) {
		attribute = "phone_number"
	}
	return p.fakeDetailsOf(name, attribute)
}

// fakeDetailsOf is fakeDetails for an attribute: the name if it has the form of
// one, else always the same for the name.
func (p *Pool) fakeDetailsOf(name, attribute string) *codeDeliveryDetails {
	n := p.mac("destination", p.fold(name))
	switch {
	case attribute == "email" && !emailForm.MatchString(name):
		letter := func(b byte) string { return string(rune('a' + b%26)) }
		name = letter(n[0]) + "@" + letter(n[1])
	case attribute == "phone_number" && !phoneForm.MatchString(name):
		name = fmt.Sprintf("+1555%07d", (int(n[2])<<16|int(n[3])<<8|int(n[4]))%10_000_000)
	}
	return &codeDeliveryDetails{Destination: mask(attribute, name), DeliveryMedium: mediumOf(attribute), AttributeName: attribute}
}
