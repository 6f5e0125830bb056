package cognito

import (
	"math"
	"reflect"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

const printableText = `[\p{L}\p{M}\p{S}\p{N}\p{P}]+`

// shapes are those of the service's model (2016-04-18) that the emulated
// operations use, under the model's names. PasswordType has the minimum of 6
// that the service enforces and its model does not state.
var shapes = map[string]awsjson.Shape{
	"IdentityProviderTypeType": {Values: []string{"SAML", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple", "OIDC"}},
	"CSSType":                  {Most: 131072},
	// 131072 bytes in base64.
	"ImageFileType":                {Most: 174764},
	"DomainType":                   awsjson.Text(1, 63, `^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$`),
	"ClientIdType":                 awsjson.SecretText(1, 128, `[\w+]+`),
	"SecretHashType":               awsjson.SecretText(1, 128, `[\w+=/]+`),
	"ClientSecretType":             awsjson.SecretText(24, 64, `[\w+]+`),
	"UsernameType":                 awsjson.SecretText(1, 128, printableText),
	"PasswordType":                 awsjson.SecretText(6, 256, `[\S]+`),
	"AttributeNameType":            awsjson.Text(1, 32, `[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r ]+`),
	"AttributeValueType":           {Most: 2048, Sensitive: true},
	"ConfirmationCodeType":         awsjson.Text(1, 2048, `[\S]+`),
	"SessionType":                  {Least: 20, Most: 2048, Sensitive: true},
	"SoftwareTokenMFAUserCodeType": awsjson.SecretText(6, 6, `[0-9]+`),
	"StringType":                   {Most: 131072},
	"UserPoolIdType":               awsjson.Text(1, 55, `[\w-]+_[0-9a-zA-Z]+`),
	"TokenModelType":               awsjson.SecretText(0, 0, `[A-Za-z0-9-_=.]+`),
	"UserFilterType":               {Most: 256},
	"PaginationToken":              awsjson.Text(1, 0, `[\S]+`),
	"QueryLimitType":               {Least: 0, Most: 60},
	"QueryLimit":                   {Least: 1, Most: 60},
	"PoolQueryLimitType":           {Least: 1, Most: 60},
	"GroupNameType":                awsjson.Text(1, 128, printableText),
	"DescriptionType":              {Most: 2048},
	"ArnType":                      awsjson.Text(20, 2048, `arn:[\w+=/,.@-]+:[\w+=/,.@-]+:([\w+=/,.@-]*)?:[0-9]+:[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?`),
	"PrecedenceType":               {Most: math.MaxInt32},
	"PaginationKey":                awsjson.Text(1, 131072, `[\S]+`),

	"UserPoolNameType":               awsjson.Text(1, 128, `[\w\s+=,.@-]+`),
	"DeletionProtectionType":         {Values: []string{"ACTIVE", "INACTIVE"}},
	"VerifiedAttributeType":          {Values: []string{"phone_number", "email"}},
	"AliasAttributeType":             {Values: []string{"phone_number", "email", "preferred_username"}},
	"SmsVerificationMessageType":     awsjson.Text(6, 140, `.*\{####\}.*`),
	"EmailVerificationMessageType":   awsjson.Text(6, 20000, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{####\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*`),
	"EmailMfaSubjectType":            awsjson.Text(1, 140, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+`),
	"EmailVerificationSubjectType":   awsjson.Text(1, 140, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+`),
	"SmsInviteMessageType":           awsjson.Text(6, 140, `(?s).*`),
	"EmailInviteMessageType":         awsjson.Text(6, 20000, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*`),
	"DefaultEmailOptionType":         {Values: []string{"CONFIRM_WITH_LINK", "CONFIRM_WITH_CODE"}},
	"UserPoolMfaType":                {Values: []string{"OFF", "ON", "OPTIONAL"}},
	"EmailSendingAccountType":        {Values: []string{"COGNITO_DEFAULT", "DEVELOPER"}},
	"AdvancedSecurityModeType":       {Values: []string{"OFF", "AUDIT", "ENFORCED"}},
	"UserPoolTierType":               {Values: []string{"LITE", "ESSENTIALS", "PLUS"}},
	"AuthFactorType":                 {Values: []string{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}},
	"PriorityType":                   {Least: 1, Most: 2},
	"RecoveryOptionNameType":         {Values: []string{"verified_email", "verified_phone_number", recoverAdmin}},
	"PasswordPolicyMinLengthType":    {Least: 6, Most: 99},
	"ValidityDaysType":               {Most: 365},
	"PreTokenVersionType":            {Values: []string{tokenV1, tokenV2, tokenV3}},
	"RefreshTokenValidityType":       {Most: 315360000},
	"TokenValidityType":              {Least: 1, Most: 86400},
	"TimeUnitsType":                  {Values: []string{"seconds", "minutes", "hours", "days"}},
	"ExplicitAuthFlowsType":          {Values: authFlows},
	"PreventUserExistenceErrorTypes": {Values: []string{"LEGACY", "ENABLED"}},
	"AuthSessionValidityType":        {Least: 3, Most: 15},
	"FeatureType":                    {Values: []string{"ENABLED", "DISABLED"}},
	"RetryGracePeriodSecondsType":    {Most: 60},
	"TagKeysType":                    {Least: 1, Most: 128},

	"CustomAttributeNameType": awsjson.Text(1, 20, printableText),
	"AttributeDataType":       {Values: attributeTypes},

	"ResourceServerIdentifierType":       awsjson.Text(1, 256, `[\x21\x23-\x5B\x5D-\x7E]+`),
	"ResourceServerNameType":             awsjson.Text(1, 256, `[\w\s+=,.@-]+`),
	"ResourceServerScopeNameType":        awsjson.Text(1, 256, `[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+`),
	"ResourceServerScopeDescriptionType": {Least: 1, Most: 256},
	"ListResourceServersLimitType":       {Least: 1, Most: 50},
	"RedirectUrlType":                    awsjson.Text(1, 1024, printableText),
	"OAuthFlowType":                      {Values: []string{"code", "implicit", "client_credentials"}},
	"ScopeType":                          awsjson.Text(1, 256, `[\x21\x23-\x5B\x5D-\x7E]+`),

	"DeliveryMediumType": {Values: []string{"SMS", "EMAIL"}},
	"MessageActionType":  {Values: []string{"RESEND", "SUPPRESS"}},
	"AuthFlowType": {Values: []string{"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH",
		"ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH"}},
	"ChallengeNameType": {Values: []string{"SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "MFA_SETUP",
		"PASSWORD_VERIFIER", "CUSTOM_CHALLENGE", "SELECT_CHALLENGE", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER",
		"ADMIN_NO_SRP_AUTH", "NEW_PASSWORD_REQUIRED", "SMS_OTP", "PASSWORD", "WEB_AUTHN", "PASSWORD_SRP"}},
}

// check validates members against the tags of In's fields.
func check[In any](members awsjson.Object) error {
	if message := awsjson.Violations(shapes, reflect.TypeFor[In](), members); message != "" {
		return invalid("%s", message)
	}
	return nil
}

// nullMember refuses a request without a member that its operation asks for.
func nullMember(member string) *aws.Error {
	return invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}
