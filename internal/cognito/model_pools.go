package cognito

import "github.com/doorwright/doorwright/internal/wire/awsjson"

// userPoolInput is the input of CreateUserPool and UpdateUserPool, and what is
// kept of a pool that a request made. Which of the two an operation asks for,
// the id or the name, it checks itself.
type userPoolInput struct {
	UserPoolID                  string                       `json:"UserPoolId,omitempty" shape:"UserPoolIdType"`
	PoolName                    string                       `json:"PoolName,omitempty" shape:"UserPoolNameType"`
	Policies                    *policiesInput               `json:"Policies,omitempty"`
	DeletionProtection          string                       `json:"DeletionProtection,omitempty" shape:"DeletionProtectionType"`
	LambdaConfig                *lambdaConfigInput           `json:"LambdaConfig,omitempty"`
	AutoVerifiedAttributes      []string                     `json:"AutoVerifiedAttributes,omitempty" shape:"VerifiedAttributeType"`
	AliasAttributes             []string                     `json:"AliasAttributes,omitempty" shape:"AliasAttributeType"`
	UsernameAttributes          []string                     `json:"UsernameAttributes,omitempty" shape:"VerifiedAttributeType"`
	SmsVerificationMessage      string                       `json:"SmsVerificationMessage,omitempty" shape:"SmsVerificationMessageType"`
	EmailVerificationMessage    string                       `json:"EmailVerificationMessage,omitempty" shape:"EmailVerificationMessageType"`
	EmailVerificationSubject    string                       `json:"EmailVerificationSubject,omitempty" shape:"EmailVerificationSubjectType"`
	VerificationMessageTemplate *verificationMessageTemplate `json:"VerificationMessageTemplate,omitempty"`
	SmsAuthenticationMessage    string                       `json:"SmsAuthenticationMessage,omitempty" shape:"SmsVerificationMessageType"`
	MfaConfiguration            string                       `json:"MfaConfiguration,omitempty" shape:"UserPoolMfaType"`
	UserAttributeUpdateSettings *attributeUpdateSettings     `json:"UserAttributeUpdateSettings,omitempty"`
	DeviceConfiguration         any                          `json:"DeviceConfiguration,omitempty"`
	EmailConfiguration          *emailConfiguration          `json:"EmailConfiguration,omitempty"`
	SmsConfiguration            *smsConfiguration            `json:"SmsConfiguration,omitempty"`
	UserPoolTags                map[string]string            `json:"UserPoolTags,omitempty"`
	AdminCreateUserConfig       *adminCreateUserConfigInput  `json:"AdminCreateUserConfig,omitempty"`
	Schema                      []schemaAttributeInput       `json:"Schema,omitempty"`
	UserPoolAddOns              *userPoolAddOns              `json:"UserPoolAddOns,omitempty"`
	UsernameConfiguration       *usernameConfiguration       `json:"UsernameConfiguration,omitempty"`
	AccountRecoverySetting      *accountRecoverySetting      `json:"AccountRecoverySetting,omitempty"`
	UserPoolTier                string                       `json:"UserPoolTier,omitempty" shape:"UserPoolTierType"`
}

type policiesInput struct {
	PasswordPolicy *passwordPolicyInput `json:"PasswordPolicy,omitempty"`
	SignInPolicy   *signInPolicy        `json:"SignInPolicy,omitempty"`
}

type passwordPolicyInput struct {
	MinimumLength                 *int `json:"MinimumLength,omitempty" shape:"PasswordPolicyMinLengthType"`
	RequireUppercase              bool `json:"RequireUppercase,omitempty"`
	RequireLowercase              bool `json:"RequireLowercase,omitempty"`
	RequireNumbers                bool `json:"RequireNumbers,omitempty"`
	RequireSymbols                bool `json:"RequireSymbols,omitempty"`
	PasswordHistorySize           int  `json:"PasswordHistorySize,omitempty"`
	TemporaryPasswordValidityDays *int `json:"TemporaryPasswordValidityDays,omitempty" shape:"ValidityDaysType"`
}

type lambdaConfigInput struct {
	PreSignUp                   string                    `json:"PreSignUp,omitempty" shape:"ArnType"`
	CustomMessage               string                    `json:"CustomMessage,omitempty" shape:"ArnType"`
	PostConfirmation            string                    `json:"PostConfirmation,omitempty" shape:"ArnType"`
	PreAuthentication           string                    `json:"PreAuthentication,omitempty" shape:"ArnType"`
	PostAuthentication          string                    `json:"PostAuthentication,omitempty" shape:"ArnType"`
	DefineAuthChallenge         string                    `json:"DefineAuthChallenge,omitempty" shape:"ArnType"`
	CreateAuthChallenge         string                    `json:"CreateAuthChallenge,omitempty" shape:"ArnType"`
	VerifyAuthChallengeResponse string                    `json:"VerifyAuthChallengeResponse,omitempty" shape:"ArnType"`
	PreTokenGeneration          string                    `json:"PreTokenGeneration,omitempty" shape:"ArnType"`
	UserMigration               string                    `json:"UserMigration,omitempty" shape:"ArnType"`
	PreTokenGenerationConfig    *preTokenGenerationConfig `json:"PreTokenGenerationConfig,omitempty"`
	CustomSMSSender             any                       `json:"CustomSMSSender,omitempty"`
	CustomEmailSender           any                       `json:"CustomEmailSender,omitempty"`
	KMSKeyID                    string                    `json:"KMSKeyID,omitempty" shape:"ArnType"`
	InboundFederation           any                       `json:"InboundFederation,omitempty"`
}

type attributeUpdateSettings struct {
	AttributesRequireVerificationBeforeUpdate []string `json:"AttributesRequireVerificationBeforeUpdate" shape:"VerifiedAttributeType"`
}

type smsConfiguration struct {
	SnsCallerArn string `json:"SnsCallerArn" shape:"ArnType" required:"true"`
	ExternalID   string `json:"ExternalId,omitempty"`
	SnsRegion    string `json:"SnsRegion,omitempty"`
}

type adminCreateUserConfigInput struct {
	AllowAdminCreateUserOnly  bool             `json:"AllowAdminCreateUserOnly"`
	UnusedAccountValidityDays *int             `json:"UnusedAccountValidityDays,omitempty" shape:"ValidityDaysType"`
	InviteMessageTemplate     *messageTemplate `json:"InviteMessageTemplate,omitempty"`
}

type messageTemplate struct {
	SMSMessage   string `json:"SMSMessage,omitempty" shape:"SmsInviteMessageType"`
	EmailMessage string `json:"EmailMessage,omitempty" shape:"EmailInviteMessageType"`
	EmailSubject string `json:"EmailSubject,omitempty" shape:"EmailVerificationSubjectType"`
}

type userPoolAddOns struct {
	AdvancedSecurityMode string `json:"AdvancedSecurityMode" shape:"AdvancedSecurityModeType" required:"true"`
}

type accountRecoverySetting struct {
	RecoveryMechanisms []recoveryOption `json:"RecoveryMechanisms,omitempty"`
}

type recoveryOption struct {
	Priority int    `json:"Priority" shape:"PriorityType" required:"true"`
	Name     string `json:"Name" shape:"RecoveryOptionNameType" required:"true"`
}

// userPoolClientInput is the input of CreateUserPoolClient and
// UpdateUserPoolClient, and what is kept of a client that a request made, but
// for its secret. An empty list of attributes is none, and not all: it is kept
// as it is.
type userPoolClientInput struct {
	UserPoolID                      string              `json:"UserPoolId,omitempty" shape:"UserPoolIdType" required:"true"`
	ClientID                        string              `json:"ClientId,omitempty" shape:"ClientIdType"`
	ClientName                      string              `json:"ClientName,omitempty" shape:"UserPoolNameType"`
	GenerateSecret                  bool                `json:"GenerateSecret,omitempty"`
	ClientSecret                    string              `json:"ClientSecret,omitempty" shape:"ClientSecretType"`
	RefreshTokenValidity            *int                `json:"RefreshTokenValidity,omitempty" shape:"RefreshTokenValidityType"`
	AccessTokenValidity             *int                `json:"AccessTokenValidity,omitempty" shape:"TokenValidityType"`
	IDTokenValidity                 *int                `json:"IdTokenValidity,omitempty" shape:"TokenValidityType"`
	TokenValidityUnits              *tokenValidityUnits `json:"TokenValidityUnits,omitempty"`
	ReadAttributes                  []string            `json:"ReadAttributes"`
	WriteAttributes                 []string            `json:"WriteAttributes"`
	ExplicitAuthFlows               []string            `json:"ExplicitAuthFlows,omitempty" shape:"ExplicitAuthFlowsType"`
	SupportedIdentityProviders      []string            `json:"SupportedIdentityProviders,omitempty" shape:"ProviderNameType"`
	CallbackURLs                    []string            `json:"CallbackURLs,omitempty" shape:"RedirectUrlType"`
	LogoutURLs                      []string            `json:"LogoutURLs,omitempty" shape:"RedirectUrlType"`
	DefaultRedirectURI              string              `json:"DefaultRedirectURI,omitempty" shape:"RedirectUrlType"`
	AllowedOAuthFlows               []string            `json:"AllowedOAuthFlows,omitempty" shape:"OAuthFlowType"`
	AllowedOAuthScopes              []string            `json:"AllowedOAuthScopes,omitempty" shape:"ScopeType"`
	AllowedOAuthFlowsUserPoolClient bool                `json:"AllowedOAuthFlowsUserPoolClient,omitempty"`
	PreventUserExistenceErrors      string              `json:"PreventUserExistenceErrors,omitempty" shape:"PreventUserExistenceErrorTypes"`
	EnableTokenRevocation           *bool               `json:"EnableTokenRevocation,omitempty"`
	AuthSessionValidity             *int                `json:"AuthSessionValidity,omitempty" shape:"AuthSessionValidityType"`
	RefreshTokenRotation            *tokenRotation      `json:"RefreshTokenRotation,omitempty"`
}

type tagResourceInput struct {
	ResourceARN string            `json:"ResourceArn" shape:"ArnType" required:"true"`
	Tags        map[string]string `json:"Tags" required:"true"`
}

type untagResourceInput struct {
	ResourceARN string   `json:"ResourceArn" shape:"ArnType" required:"true"`
	TagKeys     []string `json:"TagKeys" shape:"TagKeysType" required:"true"`
}

type listTagsInput struct {
	ResourceARN string `json:"ResourceArn" shape:"ArnType" required:"true"`
}

type listTagsOutput struct {
	Tags map[string]string `json:"Tags"`
}

type customizationInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ClientID   string `json:"ClientId" shape:"ClientIdType"`
}

type setCustomizationInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ClientID   string `json:"ClientId" shape:"ClientIdType"`
	CSS        string `json:"CSS" shape:"CSSType"`
	ImageFile  string `json:"ImageFile" shape:"ImageFileType"`
}

type uiCustomization struct {
	UserPoolID       string        `json:"UserPoolId,omitempty"`
	ClientID         string        `json:"ClientId,omitempty"`
	ImageURL         string        `json:"ImageUrl,omitempty"`
	CSS              string        `json:"CSS,omitempty"`
	CSSVersion       string        `json:"CSSVersion,omitempty"`
	LastModifiedDate *awsjson.Time `json:"LastModifiedDate,omitempty"`
	CreationDate     *awsjson.Time `json:"CreationDate,omitempty"`
}

type customizationOutput struct {
	UICustomization uiCustomization `json:"UICustomization"`
}
