package cognito

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// notEmulated refuses a setting that would do nothing: a request that asks for
// it must not look as if it had got it.
func notEmulated(setting string) *aws.Error {
	return invalid("%s is not emulated by Doorwright; leave it out.", setting)
}

// check refuses settings of a pool that no pool can have, or that would do
// nothing here. What only concerns the sending of real messages is kept and
// shown: no message leaves the machine. Mfa is what else the pool has of MFA.
func (in *userPoolInput) check(s *Service, mfa *poolMFA) *aws.Error {
	if in.PoolName == "" {
		return nullMember("poolName")
	}
	if err := in.checkEmulated(); err != nil {
		return err
	}
	if err := in.checkPolicies(); err != nil {
		return err
	}
	if err := in.checkFactors(mfa); err != nil {
		return err
	}
	for _, a := range in.Schema {
		_, err := a.of()
		if err != nil {
			return err
		}
	}
	if err := in.LambdaConfig.check(s); err != nil {
		return err
	}
	if err := checkTags(in.UserPoolTags); err != nil {
		return err
	}
	cfg := in.config(mfa)
	var problems []error
	cfg.validate(func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	})
	if len(problems) > 0 {
		return invalid("%s", problems[0].Error())
	}
	return nil
}

func (in *userPoolInput) checkEmulated() *aws.Error {
	for _, asked := range []struct {
		setting string
		yes     bool
	}{
		{"UserAttributeUpdateSettings", in.UserAttributeUpdateSettings != nil && len(in.UserAttributeUpdateSettings.AttributesRequireVerificationBeforeUpdate) > 0},
		{"DeviceConfiguration", in.DeviceConfiguration != nil},
		{"AdvancedSecurityMode", in.UserPoolAddOns != nil && in.UserPoolAddOns.AdvancedSecurityMode != "OFF"},
		{"DefaultEmailOption CONFIRM_WITH_LINK", in.VerificationMessageTemplate != nil && in.VerificationMessageTemplate.DefaultEmailOption == "CONFIRM_WITH_LINK"},
		{"PasswordHistorySize", in.Policies != nil && in.Policies.PasswordPolicy != nil && in.Policies.PasswordPolicy.PasswordHistorySize != 0},
	} {
		if asked.yes {
			return notEmulated(asked.setting)
		}
	}
	if slices.Contains(in.firstFactors(), challengeWebAuthn) {
		return notEmulated("the first factor " + challengeWebAuthn)
	}
	return nil
}

func (in *userPoolInput) checkPolicies() *aws.Error {
	if in.UsernameAttributes != nil && in.AliasAttributes != nil {
		return invalid("Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
	}
	admin := in.AdminCreateUserConfig
	if admin != nil && admin.UnusedAccountValidityDays != nil && in.Policies != nil && in.Policies.PasswordPolicy != nil && in.Policies.PasswordPolicy.TemporaryPasswordValidityDays != nil {
		return invalid("Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")
	}
	if admin != nil && admin.InviteMessageTemplate != nil {
		for _, text := range []string{admin.InviteMessageTemplate.EmailMessage, admin.InviteMessageTemplate.SMSMessage} {
			if text != "" && (!strings.Contains(text, codePlaceholder) || !strings.Contains(text, usernamePlaceholder)) {
				return invalid("Invite messages must contain %s and %s.", usernamePlaceholder, codePlaceholder)
			}
		}
	}
	if r := in.AccountRecoverySetting; r != nil {
		seen := map[int]bool{}
		for _, m := range r.RecoveryMechanisms {
			if seen[m.Priority] {
				return invalid("RecoveryMechanisms have one priority twice.")
			}
			seen[m.Priority] = true
			if m.Name == recoverAdmin && len(r.RecoveryMechanisms) > 1 {
				return invalid("Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.")
			}
		}
	}
	return nil
}

// of gives the attribute that a schema's entry is about.
func (in *schemaAttributeInput) of() (SchemaAttribute, *aws.Error) {
	if _, standard := standardAttribute(in.Name); standard {
		return in.standard()
	}
	return in.custom()
}

// config gives the configuration that the settings of a pool mean. They were
// checked when they came.
func (in *userPoolInput) config(mfa *poolMFA) PoolConfig {
	policy := defaultPolicy
	cfg := PoolConfig{
		Name: in.PoolName, UsernameAttributes: in.UsernameAttributes, AliasAttributes: in.AliasAttributes,
		AutoVerifiedAttributes: in.AutoVerifiedAttributes, PasswordPolicy: &policy, Triggers: in.LambdaConfig.triggers(),
		// "The default is case sensitive".
		CaseSensitive: in.UsernameConfiguration == nil || in.UsernameConfiguration.CaseSensitive,
		MFA:           in.MfaConfiguration, EnabledMFAs: in.secondFactors(mfa), AllowedFirstAuthFactors: in.firstFactors(),
	}
	cfg.Messages.Authentication.SMS = in.SmsAuthenticationMessage
	if mfa != nil && mfa.Email != nil {
		cfg.Messages.Authentication.Email, cfg.Messages.Authentication.Subject = mfa.Email.Message, mfa.Email.Subject
	}
	if admin := in.AdminCreateUserConfig; admin != nil {
		cfg.AdminCreateUserOnly = admin.AllowAdminCreateUserOnly
		if admin.UnusedAccountValidityDays != nil {
			policy.TemporaryPasswordValidityDays = *admin.UnusedAccountValidityDays
		}
		if t := admin.InviteMessageTemplate; t != nil {
			cfg.Messages.Invitation = MessageTexts{Email: t.EmailMessage, Subject: t.EmailSubject, SMS: t.SMSMessage}
		}
	}
	if in.Policies != nil && in.Policies.PasswordPolicy != nil {
		in.Policies.PasswordPolicy.apply(&policy)
	}
	for _, a := range in.Schema {
		attribute, _ := a.of()
		cfg.Schema = append(cfg.Schema, attribute)
	}
	if r := in.AccountRecoverySetting; r != nil {
		list := slices.SortedFunc(slices.Values(r.RecoveryMechanisms), func(a, b recoveryOption) int { return a.Priority - b.Priority })
		for _, m := range list {
			cfg.AccountRecovery = append(cfg.AccountRecovery, m.Name)
		}
	}
	code := &cfg.Messages.Verification
	code.Email, code.Subject, code.SMS = in.EmailVerificationMessage, in.EmailVerificationSubject, in.SmsVerificationMessage
	if t := in.VerificationMessageTemplate; t != nil {
		for _, text := range []struct {
			to   *string
			from string
		}{{&code.Email, t.EmailMessage}, {&code.Subject, t.EmailSubject}, {&code.SMS, t.SmsMessage}} {
			if text.from != "" {
				*text.to = text.from
			}
		}
	}
	return cfg
}

// apply sets what the request has. Its flags are not optional in the model:
// one that is not there is false.
func (in *passwordPolicyInput) apply(policy *PasswordPolicy) {
	if in.MinimumLength != nil {
		policy.MinimumLength = *in.MinimumLength
	}
	policy.RequireUppercase, policy.RequireLowercase = in.RequireUppercase, in.RequireLowercase
	policy.RequireNumbers, policy.RequireSymbols = in.RequireNumbers, in.RequireSymbols
	if in.TemporaryPasswordValidityDays != nil {
		policy.TemporaryPasswordValidityDays = *in.TemporaryPasswordValidityDays
	}
}

// functions gives the functions of a LambdaConfig by their ARNs.
func (in *lambdaConfigInput) functions() []string {
	if in == nil {
		return nil
	}
	list := []string{
		in.PreSignUp, in.CustomMessage, in.PostConfirmation, in.PreAuthentication, in.PostAuthentication, in.DefineAuthChallenge,
		in.CreateAuthChallenge, in.VerifyAuthChallengeResponse, in.PreTokenGeneration, in.UserMigration,
	}
	if in.PreTokenGenerationConfig != nil {
		list = append(list, in.PreTokenGenerationConfig.LambdaARN)
	}
	return slices.DeleteFunc(list, func(arn string) bool { return arn == "" })
}

// check refuses triggers that cannot run: functions are those of the stage.
func (in *lambdaConfigInput) check(s *Service) *aws.Error {
	if in == nil {
		return nil
	}
	if in.CustomSMSSender != nil || in.CustomEmailSender != nil || in.KMSKeyID != "" || in.InboundFederation != nil {
		return notEmulated("a LambdaConfig with CustomSMSSender, CustomEmailSender, KMSKeyID or InboundFederation")
	}
	for _, text := range in.functions() {
		arn, err := aws.ParseARN(text)
		if err != nil || arn.Service != "lambda" || !strings.HasPrefix(arn.Resource, "function:") {
			return invalid("%s is not the ARN of a Lambda function.", text)
		}
		if arn.Region != s.cfg.Region || arn.AccountID != s.cfg.AccountID || strings.Count(arn.Resource, ":") > 1 || s.cfg.Invoke == nil {
			return invalid("%s is not a function of this stage.", text)
		}
	}
	if c := in.PreTokenGenerationConfig; c != nil && in.PreTokenGeneration != "" && c.LambdaARN != in.PreTokenGeneration {
		return invalid("PreTokenGeneration and PreTokenGenerationConfig name different functions.")
	}
	return nil
}

func (in *lambdaConfigInput) triggers() Triggers {
	if in == nil {
		return Triggers{}
	}
	name := func(arn string) string {
		_, function, _ := strings.Cut(arn, ":function:")
		return function
	}
	t := Triggers{
		PreSignUp: name(in.PreSignUp), PostConfirmation: name(in.PostConfirmation), PreAuthentication: name(in.PreAuthentication),
		PostAuthentication: name(in.PostAuthentication), PreTokenGeneration: name(in.PreTokenGeneration), CustomMessage: name(in.CustomMessage),
		UserMigration: name(in.UserMigration), DefineAuthChallenge: name(in.DefineAuthChallenge), CreateAuthChallenge: name(in.CreateAuthChallenge),
		VerifyAuthChallengeResponse: name(in.VerifyAuthChallengeResponse),
	}
	if c := in.PreTokenGenerationConfig; c != nil {
		t.PreTokenGeneration, t.PreTokenGenerationVersion = name(c.LambdaARN), c.LambdaVersion
	}
	return t
}

// replaced gives the settings that hold after an update: "If you don't provide
// a value for an attribute, Amazon Cognito sets it to its default value", but
// for what was fixed when the pool was made.
func (in *userPoolInput) replaced(old *userPoolInput) *userPoolInput {
	next := *in
	next.UserPoolID = ""
	if next.PoolName == "" {
		next.PoolName = old.PoolName
	}
	next.Schema, next.UsernameConfiguration = old.Schema, old.UsernameConfiguration
	next.UsernameAttributes, next.AliasAttributes = old.UsernameAttributes, old.AliasAttributes
	return &next
}

// check refuses settings of a client that no client of the pool can have.
func (in *userPoolClientInput) check(p *Pool) *aws.Error {
	if in.ClientName == "" {
		return nullMember("clientName")
	}
	units := in.units()
	for _, v := range []struct {
		value       *int
		unit        string
		least, most time.Duration
	}{
		{in.AccessTokenValidity, units.AccessToken, minTokenValidity, maxTokenValidity},
		{in.IDTokenValidity, units.IDToken, minTokenValidity, maxTokenValidity},
		{in.RefreshTokenValidity, units.RefreshToken, minRefreshValidity, maxRefreshValidity},
	} {
		if v.value == nil || *v.value == 0 {
			continue
		}
		if seconds := int64(*v.value) * int64(unitSizes[v.unit]/time.Second); seconds < int64(v.least/time.Second) || seconds > int64(v.most/time.Second) {
			return invalid("Invalid range for token validity.")
		}
	}
	for field, list := range map[string][]string{"read": in.ReadAttributes, "write": in.WriteAttributes} {
		for _, name := range list {
			if _, ok := p.schemaOf(name); !ok || field == "write" && !settable(name) {
				return invalid("Invalid %s attributes specified while creating a client", field)
			}
		}
	}
	cfg := in.config()
	if err := cfg.checkOAuth(p.cfg.ResourceServers, p.cfg.IdentityProviders); err != nil {
		return err
	}
	var problems []error
	cfg.validate(func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	})
	if err := errors.Join(problems...); err != nil {
		return invalid("%s", problems[0].Error())
	}
	return nil
}

// unitSizes are those of TokenValidityUnits.
var unitSizes = map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}

// units gives the units of the lifetimes: "days" for refresh tokens and
// "hours" for others, unless stated.
func (in *userPoolClientInput) units() tokenValidityUnits {
	units := tokenValidityUnits{AccessToken: "hours", IDToken: "hours", RefreshToken: "days"}
	if u := in.TokenValidityUnits; u != nil {
		for _, one := range []struct {
			to   *string
			from string
		}{{&units.AccessToken, u.AccessToken}, {&units.IDToken, u.IDToken}, {&units.RefreshToken, u.RefreshToken}} {
			if one.from != "" {
				*one.to = one.from
			}
		}
	}
	return units
}

// config gives the configuration that the settings of a client mean.
func (in *userPoolClientInput) config() ClientConfig {
	units := in.units()
	lifetime := func(value *int, unit string) time.Duration {
		if value == nil {
			return 0
		}
		return time.Duration(*value) * unitSizes[unit]
	}
	cfg := ClientConfig{
		Name: in.ClientName, GenerateSecret: in.GenerateSecret, PreventUserExistenceErrors: in.PreventUserExistenceErrors == "ENABLED",
		AccessTokenValidity: lifetime(in.AccessTokenValidity, units.AccessToken), IDTokenValidity: lifetime(in.IDTokenValidity, units.IDToken),
		RefreshTokenValidity:   lifetime(in.RefreshTokenValidity, units.RefreshToken),
		DisableTokenRevocation: in.EnableTokenRevocation != nil && !*in.EnableTokenRevocation,
		ReadAttributes:         in.ReadAttributes, WriteAttributes: in.WriteAttributes,
		AllowedOAuthFlowsUserPoolClient: in.AllowedOAuthFlowsUserPoolClient, AllowedOAuthFlows: in.AllowedOAuthFlows,
		AllowedOAuthScopes: in.AllowedOAuthScopes, CallbackURLs: in.CallbackURLs, LogoutURLs: in.LogoutURLs,
		DefaultRedirectURI: in.DefaultRedirectURI, SupportedIdentityProviders: in.SupportedIdentityProviders,
	}
	if len(in.ExplicitAuthFlows) > 0 {
		cfg.ExplicitAuthFlows = in.ExplicitAuthFlows
	}
	if in.AuthSessionValidity != nil {
		cfg.AuthSessionValidity = time.Duration(*in.AuthSessionValidity) * time.Minute
	}
	if r := in.RefreshTokenRotation; r != nil && r.Feature == "ENABLED" {
		cfg.Rotation = &Rotation{RetryGracePeriod: time.Duration(r.RetryGracePeriodSeconds) * time.Second}
	}
	return cfg
}

// replaced gives the settings that hold after an update, as for pools.
func (in *userPoolClientInput) replaced(old *userPoolClientInput) *userPoolClientInput {
	next := *in
	next.UserPoolID, next.ClientID, next.ClientSecret = "", "", ""
	if next.ClientName == "" {
		next.ClientName = old.ClientName
	}
	next.GenerateSecret = old.GenerateSecret
	return &next
}
