package cognito

import (
	"context"
	"database/sql"
	"slices"
)

// changeMFA changes what a user has set up, in one transaction.
func (s *Service) changeMFA(ctx context.Context, p *Pool, sub string, change func(*sql.Tx, *user, *mfa) error) error {
	return s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.userOf(ctx, tx, sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "the user was deleted just now")
		}
		m, err := p.mfaOf(ctx, tx, sub)
		if err != nil {
			return err
		}
		if err := change(tx, u, m); err != nil {
			return err
		}
		return p.saveMFA(ctx, tx, sub, m)
	})
}

// setUserMFAPreference switches the second factors of the user whose token it
// is.
func (s *Service) setUserMFAPreference(ctx context.Context, _ *call, b *bearer, in *setUserMFAPreferenceInput) (*empty, error) {
	err := s.changeMFA(ctx, b.pool, b.user.sub, func(_ *sql.Tx, u *user, m *mfa) error {
		return b.pool.prefer(u, m, mfaPreference{in.SMS, in.SoftwareToken, in.Email, in.WebAuthn})
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// adminSetUserMFAPreference switches a user's second factors for an
// administrator.
func (s *Service) adminSetUserMFAPreference(ctx context.Context, c *call, in *adminSetUserMFAPreferenceInput) (*empty, error) {
	return s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		m, err := p.mfaOf(ctx, tx, u.sub)
		if err != nil {
			return err
		}
		if err := p.prefer(u, m, mfaPreference{in.SMS, in.SoftwareToken, in.Email, in.WebAuthn}); err != nil {
			return err
		}
		return p.saveMFA(ctx, tx, u.sub, m)
	})
}

// mfaPreference is what a request says of a user's factors; nil is nothing.
type mfaPreference struct{ sms, softwareToken, email, webAuthn *mfaSettings }

// prefer applies what a request says of factors. One that it leaves out stays
// as it is.
func (p *Pool) prefer(u *user, m *mfa, in mfaPreference) error {
	if in.webAuthn != nil && (in.webAuthn.Enabled || in.webAuthn.PreferredMFA) {
		return refuse(codeInvalidParameter, "WebAuthn MFA is not enabled for the user pool.", "passkeys are not emulated; see COMPAT.md")
	}
	before := p.mfaList(m)
	preferred := 0
	for _, one := range []struct {
		factor string
		wanted *mfaSettings
	}{{factorSMS, in.sms}, {factorTOTP, in.softwareToken}, {factorEmail, in.email}} {
		if one.wanted == nil {
			continue
		}
		if one.wanted.PreferredMFA {
			preferred++
		}
		if err := p.set(u, m, one.factor, one.wanted); err != nil {
			return err
		}
	}
	if preferred > 1 {
		return invalid("Only one MFA method can be preferred.")
	}
	if p.mfaMode() == mfaOn && len(before) > 0 && len(p.mfaList(m)) == 0 {
		return invalid("MFA is required in the user pool; the last MFA method of a user cannot be switched off.")
	}
	return nil
}

func (p *Pool) set(u *user, m *mfa, factor string, wanted *mfaSettings) error {
	if !wanted.Enabled {
		if wanted.PreferredMFA {
			return invalid("%s cannot be preferred and not enabled.", factor)
		}
		m.enabled = slices.DeleteFunc(m.enabled, func(on string) bool { return on == factor })
		if m.preferred == factor {
			m.preferred = ""
		}
		return nil
	}
	switch {
	case !p.takes(factor):
		return invalid("%s is not enabled for the user pool.", factor)
	case factor == factorTOTP && len(m.secret) == 0 && len(m.pending) > 0:
		return invalid("User has not verified software token mfa")
	case !ready(factor, u, m):
		return invalid("User does not have delivery config set to turn on %s", factor)
	}
	m.turnOn(factor)
	switch {
	case wanted.PreferredMFA:
		m.preferred = factor
	case m.preferred == factor:
		m.preferred = ""
	}
	return nil
}

// mfaSettingsOf gives what operations show of a user's second factors.
func (p *Pool) mfaSettingsOf(ctx context.Context, sub string) (shown shownMFA, err error) {
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		m, err := p.mfaOf(ctx, tx, sub)
		if err != nil {
			return err
		}
		shown.List = p.mfaList(m)
		if slices.Contains(shown.List, m.preferred) {
			shown.Preferred = m.preferred
		}
		return nil
	})
	return shown, err
}

// getUserAuthFactors shows the user of a token what can be signed in with.
func (s *Service) getUserAuthFactors(ctx context.Context, _ *call, b *bearer, _ *tokenInput) (*getUserAuthFactorsOutput, error) {
	shown, err := b.pool.mfaSettingsOf(ctx, b.user.sub)
	if err != nil {
		return nil, err
	}
	return &getUserAuthFactorsOutput{Username: b.user.username, shownMFA: shown, ConfiguredUserAuthFactors: b.pool.configuredFactors(b.user)}, nil
}
