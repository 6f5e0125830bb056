package cognito

import (
	"context"
	"database/sql"
	"slices"

	"github.com/doorwright/doorwright/internal/aws"
)

// poolMFA is what SetUserPoolMfaConfig said of a pool that a request made and
// what CreateUserPool and UpdateUserPool cannot say: software tokens and
// e-mail. SMS goes with the pool's SmsConfiguration, in either.
type poolMFA struct {
	SoftwareToken bool            `json:"softwareToken,omitempty"`
	Email         *emailMfaConfig `json:"email,omitempty"`
}

func (in *userPoolInput) hasMFA() bool {
	return in.MfaConfiguration == mfaOptional || in.MfaConfiguration == mfaOn
}

// secondFactors gives the factors that a pool of these settings takes: "Can't
// turn off SMS_MFA when SMS configuration is set for the user pool".
func (in *userPoolInput) secondFactors(mfa *poolMFA) []string {
	if !in.hasMFA() {
		return nil
	}
	var list []string
	if in.SmsConfiguration != nil {
		list = append(list, factorSMS)
	}
	if mfa != nil && mfa.SoftwareToken {
		list = append(list, factorTOTP)
	}
	if mfa != nil && mfa.Email != nil {
		list = append(list, factorEmail)
	}
	return list
}

// firstFactors gives the AllowedFirstAuthFactors, nil for the default.
func (in *userPoolInput) firstFactors() []string {
	if in.Policies == nil || in.Policies.SignInPolicy == nil || len(in.Policies.SignInPolicy.AllowedFirstAuthFactors) == 0 {
		return nil
	}
	return in.Policies.SignInPolicy.AllowedFirstAuthFactors
}

// checkFactors refuses factors that the rest of the settings does not allow.
func (in *userPoolInput) checkFactors(mfa *poolMFA) *aws.Error {
	first, second := in.firstFactors(), in.secondFactors(mfa)
	beyond := slices.ContainsFunc(first, func(factor string) bool { return factor != challengePassword })
	switch {
	case in.hasMFA() && len(second) == 0:
		return invalid("SMS configuration and Auto verification for phone_number are required when MFA is required/optional")
	case in.UserPoolTier == "LITE" && (beyond || slices.Contains(second, factorEmail)):
		return refuse(codeFeatureUnavailable, "One-time passwords by e-mail and SMS are not available in the user pool tier LITE.", "")
	case slices.Contains(first, factorSMSOTP) && in.SmsConfiguration == nil:
		return invalid("SMS configuration is required for the first factor %s.", factorSMSOTP)
	case !slices.Contains(second, factorEmail):
		return nil
	// "To enable email-based MFA, the user pool must be configured to use the
	// Amazon SES email-sending configuration instead of the default", and who
	// gets codes by e-mail cannot recover the password by e-mail
	// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-sms-email-message.html).
	case in.EmailConfiguration == nil || in.EmailConfiguration.EmailSendingAccount != "DEVELOPER":
		return invalid("Email MFA needs an EmailConfiguration with the EmailSendingAccount DEVELOPER.")
	case in.AccountRecoverySetting == nil || len(in.AccountRecoverySetting.RecoveryMechanisms) < 2:
		return invalid("Email MFA needs an AccountRecoverySetting with two RecoveryMechanisms.")
	}
	return nil
}

// getUserPoolMfaConfig shows what is declared, or what requests made of it.
func (s *Service) getUserPoolMfaConfig(_ context.Context, c *call, in *describeUserPoolInput) (*userPoolMfaConfig, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	return p.mfaConfig(), nil
}

func (p *Pool) mfaConfig() *userPoolMfaConfig {
	config := &userPoolMfaConfig{MfaConfiguration: p.mfaMode()}
	texts := p.cfg.Messages.Authentication
	if p.takes(factorTOTP) {
		config.SoftwareToken = &softwareTokenMfaConfig{Enabled: true}
	}
	if p.takes(factorSMS) {
		config.SMS = &smsMfaConfig{SmsAuthenticationMessage: texts.SMS}
		if in := p.added.Settings; in != nil {
			config.SMS.SmsConfiguration = in.SmsConfiguration
		}
	}
	if p.takes(factorEmail) {
		config.Email = &emailMfaConfig{Message: texts.Email, Subject: texts.Subject}
	}
	return config
}

// setUserPoolMfaConfig replaces the MFA configuration of a pool that a request
// made: what the request leaves out is off. A declared pool's is taken if it
// is what is declared.
func (s *Service) setUserPoolMfaConfig(ctx context.Context, c *call, in *setUserPoolMfaConfigInput) (*userPoolMfaConfig, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	mode := in.MfaConfiguration
	if mode == "" {
		mode = mfaOff
	}
	if mode == mfaOff && (in.softwareToken() || in.SMS != nil || in.Email != nil) {
		return nil, invalid("Invalid MFA configuration given, can't turn off MFA and configure an MFA together.")
	}
	if p.declared != nil {
		if !in.isOf(p, mode) {
			return nil, p.own()
		}
		return p.mfaConfig(), nil
	}
	if in.WebAuthn != nil {
		return nil, notEmulated("WebAuthnConfiguration")
	}
	p, err = s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		return in.apply(s, p, mode)
	})
	if err != nil {
		return nil, err
	}
	return p.mfaConfig(), nil
}

func (in *setUserPoolMfaConfigInput) softwareToken() bool {
	return in.SoftwareToken != nil && in.SoftwareToken.Enabled
}

// isOf says whether a request asks for what a declared pool has. Who sends SMS
// makes no difference: no message leaves the machine.
func (in *setUserPoolMfaConfigInput) isOf(p *Pool, mode string) bool {
	same := mode == p.mfaMode() && in.WebAuthn == nil
	for factor, wanted := range map[string]bool{factorTOTP: in.softwareToken(), factorSMS: in.SMS != nil, factorEmail: in.Email != nil} {
		same = same && wanted == p.takes(factor)
	}
	texts := p.cfg.Messages.Authentication
	if in.SMS != nil {
		same = same && in.SMS.SmsAuthenticationMessage == texts.SMS
	}
	if in.Email != nil {
		same = same && in.Email.Message == texts.Email && in.Email.Subject == texts.Subject
	}
	return same
}

// apply makes the request's configuration that of a pool.
func (in *setUserPoolMfaConfigInput) apply(s *Service, p *Pool, mode string) error {
	next := *p.added.Settings
	next.MfaConfiguration, next.SmsAuthenticationMessage = mode, ""
	switch {
	case in.SMS != nil:
		next.SmsAuthenticationMessage = in.SMS.SmsAuthenticationMessage
		if in.SMS.SmsConfiguration != nil {
			next.SmsConfiguration = in.SMS.SmsConfiguration
		}
		if next.SmsConfiguration == nil {
			return invalid("SMS MFA needs an SmsConfiguration.")
		}
	case mode != mfaOff && next.SmsConfiguration != nil:
		return invalid("Can't turn off SMS_MFA when SMS configuration is set for the user pool")
	}
	p.added.MFA = nil
	if mode != mfaOff {
		p.added.MFA = &poolMFA{SoftwareToken: in.softwareToken(), Email: in.Email}
	}
	if err := next.check(s, p.added.MFA); err != nil {
		return err
	}
	p.added.Settings = &next
	return nil
}
