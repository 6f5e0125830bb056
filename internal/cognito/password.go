package cognito

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/store"
)

// What begins the text of a policy refusal. AdminCreateUser's differs.
const (
	policyPrefix      = "Password did not conform with policy: "
	adminPolicyPrefix = "Password did not conform with password policy: "
)

// symbols are the characters that count as symbols
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-policies.html).
const symbols = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+-"

// check refuses a password against the policy, for the first reason only.
func (p *PasswordPolicy) check(password, prefix string) error {
	lower := strings.IndexFunc(password, unicode.IsLower) >= 0
	upper := strings.IndexFunc(password, unicode.IsUpper) >= 0
	digit := strings.IndexFunc(password, func(r rune) bool { return '0' <= r && r <= '9' }) >= 0
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{len(utf16.Encode([]rune(password))) < p.MinimumLength, "Password not long enough"},
		{p.RequireLowercase && !lower, "Password must have lowercase characters"},
		{p.RequireUppercase && !upper, "Password must have uppercase characters"},
		{p.RequireNumbers && !digit, "Password must have numeric characters"},
		{p.RequireSymbols && !strings.ContainsAny(password, symbols), "Password must have symbol characters"},
	} {
		if rule.broken {
			return refuse(codeInvalidPassword, prefix+rule.text, "")
		}
	}
	return nil
}

// generate gives a random password that every policy of its length accepts.
func (p *PasswordPolicy) generate() string {
	classes := []string{"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "!@#%&*+-="}
	password := []byte(aws.RandomText(strings.Join(classes[:3], ""), max(p.MinimumLength, 12)))
	places := randomPlaces(len(password), len(classes))
	for i, class := range classes {
		password[places[i]] = aws.RandomText(class, 1)[0]
	}
	return string(password)
}

// randomPlaces gives k different numbers below n.
func randomPlaces(n, k int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = i
	}
	for i := range k {
		j, _ := rand.Int(rand.Reader, big.NewInt(int64(n-i))) // crypto/rand.Reader never fails
		other := i + int(j.Int64())
		places[i], places[other] = places[other], places[i]
	}
	return places[:k]
}

// changePassword sets a new password for a user that knows the old one. It
// revokes no tokens.
func (s *Service) changePassword(ctx context.Context, _ *call, b *bearer, in *changePasswordInput) (*empty, error) {
	p := b.pool
	if err := p.policy.check(in.ProposedPassword, policyPrefix); err != nil {
		return nil, err
	}
	matches := p.passwordMatches(b.user, b.user.username, in.PreviousPassword)
	if len(b.user.verifier) == 0 {
		matches = in.PreviousPassword == "" // who has no password sets the first
	}
	salt, verifier := newPassword(p.srpName(), b.user.username, in.ProposedPassword)
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if err := p.countAttempt(ctx, tx, b.user.sub, kindChangePassword, limitChangePassword); err != nil {
			return err
		}
		u, err := p.userOf(ctx, tx, b.user.sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "the user was deleted just now")
		case !matches || !bytes.Equal(u.verifier, b.user.verifier):
			return store.Keep(notAuthorized(textWrongPassword, "wrong previous password"))
		}
		if err := p.setPassword(ctx, tx, u, salt, verifier); err != nil {
			return err
		}
		return p.saveUser(ctx, tx, u, false)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// forgotPassword sends a code to a verified address. The old password works
// until the new one is set.
func (s *Service) forgotPassword(ctx context.Context, c *call, in *codeRequest) (*codeDelivery, error) {
	cl, found, err := s.clientAndUser(ctx, c, in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if cl.pool.adminRecovers() { // the same for everybody: it does not tell who exists
		return nil, notAuthorized("Contact administrator to reset password.", "the pool's AccountRecoverySetting is admin_only")
	}
	if found == nil {
		if found, err = cl.migrate(ctx, migrateForgot, in.Username, ""); err != nil {
			return nil, err
		}
	}
	p := cl.pool
	hidden, err := cl.hidesReset(ctx, found)
	if err != nil {
		return nil, err
	}
	if hidden {
		err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
			return p.countAttempt(ctx, tx, p.stranger(in.Username), kindForgot, limitForgot)
		})
		if err != nil {
			return nil, err
		}
		c.note("no such enabled user with a password to reset and a verified address; the answer pretends")
		return &codeDelivery{p.fakeDetails(in.Username)}, nil
	}
	if found == nil {
		return nil, refuse(codeUserNotFound, textNoUserForClient, "no such user")
	}
	var m *message
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		m = nil
		u, err := p.userOf(ctx, tx, found.sub)
		if err != nil {
			return err
		}
		if u == nil {
			return refuse(codeUserNotFound, textNoUserForClient, "the user was deleted just now")
		}
		if !u.enabled {
			return notAuthorized(textDisabled, "")
		}
		if err := p.countAttempt(ctx, tx, u.sub, kindForgot, limitForgot); err != nil {
			return err
		}
		m, err = p.resetCode(ctx, tx, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &codeDelivery{&m.details}, s.send(ctx, m)
}

// hidesReset says whether the client must not learn that there is no such user,
// or none whose password can be reset: what has no code answers as nobody.
func (cl *Client) hidesReset(ctx context.Context, found *user) (hidden bool, err error) {
	if !cl.hides() || found == nil || !found.enabled {
		return cl.hides(), nil
	}
	err = cl.pool.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		attribute, err := cl.pool.recoveryAttribute(ctx, tx, found)
		hidden = found.status == statusExternal || found.status == statusForceChange || attribute == ""
		return err
	})
	return hidden, err
}

// resetCode makes the code of a password reset.
func (p *Pool) resetCode(ctx context.Context, tx *sql.Tx, u *user) (*message, error) {
	switch u.status {
	case statusForceChange:
		return nil, notAuthorized(textResetImpossible, "the user has a temporary password")
	case statusExternal:
		return nil, notAuthorized(textResetImpossible, "the user signs in by an identity provider, and has no password")
	}
	attribute, err := p.recoveryAttribute(ctx, tx, u)
	if err != nil {
		return nil, err
	}
	if attribute == "" {
		return nil, invalid(textNoChannel)
	}
	return p.newCode(ctx, tx, u, purposeReset, attribute, resetCodeLife)
}

// confirmForgotPassword sets a new password by the code that was sent.
func (s *Service) confirmForgotPassword(ctx context.Context, c *call, in *confirmForgotPasswordInput) (*empty, error) {
	cl, found, err := s.clientAndUser(ctx, c, in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return nil, err
	}
	p := cl.pool
	if err := p.policy.check(in.Password, policyPrefix); err != nil {
		return nil, err
	}
	username := in.Username
	if found != nil {
		username = found.username
	}
	hidden, err := cl.hidesReset(ctx, found)
	if err != nil {
		return nil, err
	}
	salt, verifier := newPassword(p.srpName(), username, in.Password)
	var u *user
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if found == nil || hidden {
			return cl.strangersCode(ctx, tx, in.Username, purposeReset, limitConfirmForgot)
		}
		u, err = p.userOf(ctx, tx, found.sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUserForClient, "the user was deleted just now")
		case !u.enabled:
			return notAuthorized(textDisabled, "")
		}
		attribute, err := p.useCode(ctx, tx, u, purposeReset, in.ConfirmationCode, limitConfirmForgot)
		if err != nil {
			return err
		}
		switch u.status {
		case statusUnconfirmed:
			return refuse(codeUserNotConfirmed, textNotConfirmed, "")
		case statusForceChange:
			return notAuthorized(textResetImpossible, "the user has a temporary password")
		}
		u.status = statusConfirmed
		u.attributes[attribute+"_verified"] = "true"
		if err := p.setPassword(ctx, tx, u, salt, verifier); err != nil {
			return err
		}
		if err := p.forgetAttempts(ctx, tx, u.sub, kindSignIn); err != nil {
			return err
		}
		return aliasTaken(p.saveUser(ctx, tx, u, false))
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, p.postConfirmation(ctx, confirmedPassword, u)
}

// adminSetUserPassword sets a password, temporary or for good.
func (s *Service) adminSetUserPassword(ctx context.Context, c *call, in *adminSetUserPasswordInput) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	found, err := p.findExisting(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	if err := p.policy.check(in.Password, policyPrefix); err != nil {
		return nil, err
	}
	salt, verifier := newPassword(p.srpName(), found.username, in.Password)
	return s.change(ctx, c, in.UserPoolID, found.sub, func(tx *sql.Tx, p *Pool, u *user) error {
		c.event.User = in.Username
		u.status = statusForceChange
		if in.Permanent {
			u.status = statusConfirmed
		}
		return p.setPassword(ctx, tx, u, salt, verifier)
	})
}

// adminResetUserPassword makes the user choose a new password, by a code that
// goes to a verified address.
func (s *Service) adminResetUserPassword(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	var m *message
	out, err := s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		if u.status == statusUnconfirmed {
			return notAuthorized(textResetImpossible, "the user is not confirmed")
		}
		var err error
		if m, err = p.resetCode(ctx, tx, u); err != nil {
			return err
		}
		u.status = statusResetRequired
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, s.send(ctx, m)
}
