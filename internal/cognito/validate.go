package cognito

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// shape is a shape of the service's model: what a member's value must satisfy
// before the operation looks at it.
type shape struct {
	// least and most bound a string's length in UTF-16 units or a number's
	// value. A most of 0 is no bound.
	least, most int
	// pattern must match the whole string.
	pattern string
	matches *regexp.Regexp
	// values is the enumeration.
	values []string
	// sensitive keeps the value out of the message.
	sensitive bool
}

func pattern(p string) (string, *regexp.Regexp) {
	return p, regexp.MustCompile(`^(?:` + p + `)$`)
}

func text(least, most int, p string) shape {
	s := shape{least: least, most: most}
	s.pattern, s.matches = pattern(p)
	return s
}

func secretText(least, most int, p string) shape {
	s := text(least, most, p)
	s.sensitive = true
	return s
}

const printableText = `[\p{L}\p{M}\p{S}\p{N}\p{P}]+`

// shapes are those of the service's model (2016-04-18) that the emulated
// operations use, under the model's names. PasswordType has the minimum of 6
// that the service enforces and its model does not state.
var shapes = map[string]shape{
	"IdentityProviderTypeType": {values: []string{"SAML", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple", "OIDC"}},
	"CSSType":                  {most: 131072},
	// 131072 bytes in base64.
	"ImageFileType":                {most: 174764},
	"DomainType":                   text(1, 63, `^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$`),
	"ClientIdType":                 secretText(1, 128, `[\w+]+`),
	"SecretHashType":               secretText(1, 128, `[\w+=/]+`),
	"ClientSecretType":             secretText(24, 64, `[\w+]+`),
	"UsernameType":                 secretText(1, 128, printableText),
	"PasswordType":                 secretText(6, 256, `[\S]+`),
	"AttributeNameType":            text(1, 32, `[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r ]+`),
	"AttributeValueType":           {most: 2048, sensitive: true},
	"ConfirmationCodeType":         text(1, 2048, `[\S]+`),
	"SessionType":                  {least: 20, most: 2048, sensitive: true},
	"SoftwareTokenMFAUserCodeType": secretText(6, 6, `[0-9]+`),
	"StringType":                   {most: 131072},
	"UserPoolIdType":               text(1, 55, `[\w-]+_[0-9a-zA-Z]+`),
	"TokenModelType":               secretText(0, 0, `[A-Za-z0-9-_=.]+`),
	"UserFilterType":               {most: 256},
	"PaginationToken":              text(1, 0, `[\S]+`),
	"QueryLimitType":               {least: 0, most: 60},
	"QueryLimit":                   {least: 1, most: 60},
	"PoolQueryLimitType":           {least: 1, most: 60},
	"GroupNameType":                text(1, 128, printableText),
	"DescriptionType":              {most: 2048},
	"ArnType":                      text(20, 2048, `arn:[\w+=/,.@-]+:[\w+=/,.@-]+:([\w+=/,.@-]*)?:[0-9]+:[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?`),
	"PrecedenceType":               {most: math.MaxInt32},
	"PaginationKey":                text(1, 131072, `[\S]+`),

	"UserPoolNameType":               text(1, 128, `[\w\s+=,.@-]+`),
	"DeletionProtectionType":         {values: []string{"ACTIVE", "INACTIVE"}},
	"VerifiedAttributeType":          {values: []string{"phone_number", "email"}},
	"AliasAttributeType":             {values: []string{"phone_number", "email", "preferred_username"}},
	"SmsVerificationMessageType":     text(6, 140, `.*\{####\}.*`),
	"EmailVerificationMessageType":   text(6, 20000, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{####\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*`),
	"EmailMfaSubjectType":            text(1, 140, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+`),
	"EmailVerificationSubjectType":   text(1, 140, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+`),
	"SmsInviteMessageType":           text(6, 140, `(?s).*`),
	"EmailInviteMessageType":         text(6, 20000, `[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*`),
	"DefaultEmailOptionType":         {values: []string{"CONFIRM_WITH_LINK", "CONFIRM_WITH_CODE"}},
	"UserPoolMfaType":                {values: []string{"OFF", "ON", "OPTIONAL"}},
	"EmailSendingAccountType":        {values: []string{"COGNITO_DEFAULT", "DEVELOPER"}},
	"AdvancedSecurityModeType":       {values: []string{"OFF", "AUDIT", "ENFORCED"}},
	"UserPoolTierType":               {values: []string{"LITE", "ESSENTIALS", "PLUS"}},
	"AuthFactorType":                 {values: []string{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}},
	"PriorityType":                   {least: 1, most: 2},
	"RecoveryOptionNameType":         {values: []string{"verified_email", "verified_phone_number", recoverAdmin}},
	"PasswordPolicyMinLengthType":    {least: 6, most: 99},
	"ValidityDaysType":               {most: 365},
	"PreTokenVersionType":            {values: []string{tokenV1, tokenV2, tokenV3}},
	"RefreshTokenValidityType":       {most: 315360000},
	"TokenValidityType":              {least: 1, most: 86400},
	"TimeUnitsType":                  {values: []string{"seconds", "minutes", "hours", "days"}},
	"ExplicitAuthFlowsType":          {values: authFlows},
	"PreventUserExistenceErrorTypes": {values: []string{"LEGACY", "ENABLED"}},
	"AuthSessionValidityType":        {least: 3, most: 15},
	"FeatureType":                    {values: []string{"ENABLED", "DISABLED"}},
	"RetryGracePeriodSecondsType":    {most: 60},
	"TagKeysType":                    {least: 1, most: 128},

	"CustomAttributeNameType": text(1, 20, printableText),
	"AttributeDataType":       {values: attributeTypes},

	"ResourceServerIdentifierType":       text(1, 256, `[\x21\x23-\x5B\x5D-\x7E]+`),
	"ResourceServerNameType":             text(1, 256, `[\w\s+=,.@-]+`),
	"ResourceServerScopeNameType":        text(1, 256, `[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+`),
	"ResourceServerScopeDescriptionType": {least: 1, most: 256},
	"ListResourceServersLimitType":       {least: 1, most: 50},
	"RedirectUrlType":                    text(1, 1024, printableText),
	"OAuthFlowType":                      {values: []string{"code", "implicit", "client_credentials"}},
	"ScopeType":                          text(1, 256, `[\x21\x23-\x5B\x5D-\x7E]+`),

	"DeliveryMediumType": {values: []string{"SMS", "EMAIL"}},
	"MessageActionType":  {values: []string{"RESEND", "SUPPRESS"}},
	"AuthFlowType": {values: []string{"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH",
		"ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH"}},
	"ChallengeNameType": {values: []string{"SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "MFA_SETUP",
		"PASSWORD_VERIFIER", "CUSTOM_CHALLENGE", "SELECT_CHALLENGE", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER",
		"ADMIN_NO_SRP_AUTH", "NEW_PASSWORD_REQUIRED", "SMS_OTP", "PASSWORD", "WEB_AUTHN", "PASSWORD_SRP"}},
}

// check validates members against the tags of In's fields: shape names a shape
// of the model, for a list that of its elements, and required:"true" asks for
// presence. Violations are told all at once, as AWS's services do.
func check[In any](members awsjson.Object) error {
	var v violations
	v.structure("", reflect.TypeFor[In](), members)
	switch len(v) {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: %s", v[0])
	}
	return invalid("%d validation errors detected: %s", len(v), strings.Join(v, "; "))
}

// nullMember refuses a request without a member that its operation asks for.
func nullMember(member string) *aws.Error {
	return invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// maxViolations bounds the message.
const maxViolations = 10

type violations []string

func (v *violations) add(format string, args ...any) {
	if len(*v) < maxViolations {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

func (v *violations) structure(path string, t reflect.Type, members map[string]any) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, ok := awsjson.MemberName(field)
		if !ok {
			continue
		}
		at := path + strings.ToLower(name[:1]) + name[1:]
		s := shapes[field.Tag.Get("shape")]
		value := members[name]
		switch {
		case value != nil:
			v.value(at, field.Type, s, value)
		case field.Tag.Get("required") == "true" && s.sensitive:
			v.add("Value at '%s' failed to satisfy constraint: Member must not be null", at)
		case field.Tag.Get("required") == "true":
			v.add("Value null at '%s' failed to satisfy constraint: Member must not be null", at)
		}
	}
}

func (v *violations) value(at string, t reflect.Type, s shape, value any) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value := value.(type) {
	case string:
		v.text(at, s, value)
	case json.Number:
		v.number(at, s, value)
	case []any:
		for i, item := range value {
			v.value(at+"."+strconv.Itoa(i+1)+".member", t.Elem(), s, item)
		}
	case map[string]any:
		if t.Kind() == reflect.Struct {
			v.structure(at+".", t, value)
		}
	}
}

func (v *violations) text(at string, s shape, value string) {
	subject := "Value"
	if !s.sensitive {
		subject = "Value '" + value + "'"
	}
	length := len(utf16.Encode([]rune(value)))
	if s.most > 0 && length > s.most {
		v.add("%s at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", subject, at, s.most)
	}
	if length < s.least {
		v.add("%s at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", subject, at, s.least)
	}
	if s.matches != nil && !s.matches.MatchString(value) {
		v.add("%s at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", subject, at, s.pattern)
	}
	if s.values != nil && !slices.Contains(s.values, value) {
		v.add("%s at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", subject, at, strings.Join(s.values, ", "))
	}
}

func (v *violations) number(at string, s shape, value json.Number) {
	n, err := value.Int64()
	if err != nil {
		return // the decoder has refused it
	}
	if s.most > 0 && n > int64(s.most) {
		v.add("Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", n, at, s.most)
	}
	if n < int64(s.least) {
		v.add("Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", n, at, s.least)
	}
}
