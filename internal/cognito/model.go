package cognito

import "github.com/doorwright/doorwright/internal/wire/awsjson"

// The structures of the service's model, under its names. Members that no
// emulated operation looks at (analytics, context data) are left out, which the
// codec ignores. ClientMetadata and ValidationData are for triggers, which take
// them from the call once their types were checked here.

// empty is a modelled output without members: "{}" on the wire.
type empty struct{}

type attribute struct {
	Name  string `json:"Name" shape:"AttributeNameType" required:"true"`
	Value string `json:"Value" shape:"AttributeValueType"`
}

type codeDeliveryDetails struct {
	Destination    string `json:"Destination"`
	DeliveryMedium string `json:"DeliveryMedium"`
	AttributeName  string `json:"AttributeName"`
}

type codeDelivery struct {
	CodeDeliveryDetails *codeDeliveryDetails `json:"CodeDeliveryDetails,omitempty"`
}

type signUpInput struct {
	ClientID       string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	SecretHash     string            `json:"SecretHash" shape:"SecretHashType"`
	Username       string            `json:"Username" shape:"UsernameType" required:"true"`
	Password       string            `json:"Password" shape:"PasswordType"`
	UserAttributes []attribute       `json:"UserAttributes"`
	ValidationData []attribute       `json:"ValidationData"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type signUpOutput struct {
	UserConfirmed       bool                 `json:"UserConfirmed"`
	UserSub             string               `json:"UserSub"`
	Session             string               `json:"Session,omitempty"`
	CodeDeliveryDetails *codeDeliveryDetails `json:"CodeDeliveryDetails,omitempty"`
}

type confirmSignUpInput struct {
	ClientID           string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	SecretHash         string            `json:"SecretHash" shape:"SecretHashType"`
	Username           string            `json:"Username" shape:"UsernameType" required:"true"`
	ConfirmationCode   string            `json:"ConfirmationCode" shape:"ConfirmationCodeType" required:"true"`
	ForceAliasCreation bool              `json:"ForceAliasCreation"`
	ClientMetadata     map[string]string `json:"ClientMetadata"`
	Session            string            `json:"Session" shape:"SessionType"`
}

type confirmSignUpOutput struct {
	Session string `json:"Session,omitempty"`
}

// codeRequest asks for a code: ResendConfirmationCode and ForgotPassword.
type codeRequest struct {
	ClientID       string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	SecretHash     string            `json:"SecretHash" shape:"SecretHashType"`
	Username       string            `json:"Username" shape:"UsernameType" required:"true"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type confirmForgotPasswordInput struct {
	ClientID         string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	SecretHash       string            `json:"SecretHash" shape:"SecretHashType"`
	Username         string            `json:"Username" shape:"UsernameType" required:"true"`
	ConfirmationCode string            `json:"ConfirmationCode" shape:"ConfirmationCodeType" required:"true"`
	Password         string            `json:"Password" shape:"PasswordType" required:"true"`
	ClientMetadata   map[string]string `json:"ClientMetadata"`
}

type initiateAuthInput struct {
	AuthFlow       string            `json:"AuthFlow" shape:"AuthFlowType" required:"true"`
	AuthParameters map[string]string `json:"AuthParameters"`
	ClientID       string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	Session        string            `json:"Session" shape:"SessionType"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type adminInitiateAuthInput struct {
	UserPoolID     string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ClientID       string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	AuthFlow       string            `json:"AuthFlow" shape:"AuthFlowType" required:"true"`
	AuthParameters map[string]string `json:"AuthParameters"`
	Session        string            `json:"Session" shape:"SessionType"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type respondInput struct {
	ClientID           string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	ChallengeName      string            `json:"ChallengeName" shape:"ChallengeNameType" required:"true"`
	Session            string            `json:"Session" shape:"SessionType"`
	ChallengeResponses map[string]string `json:"ChallengeResponses"`
	ClientMetadata     map[string]string `json:"ClientMetadata"`
}

type adminRespondInput struct {
	UserPoolID         string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ClientID           string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	ChallengeName      string            `json:"ChallengeName" shape:"ChallengeNameType" required:"true"`
	ChallengeResponses map[string]string `json:"ChallengeResponses"`
	Session            string            `json:"Session" shape:"SessionType"`
	ClientMetadata     map[string]string `json:"ClientMetadata"`
}

// authOutput is the answer to a step of a sign-in: either a challenge with its
// session or the tokens. ChallengeParameters is there in both.
type authOutput struct {
	ChallengeName        string                `json:"ChallengeName,omitempty"`
	Session              string                `json:"Session,omitempty"`
	ChallengeParameters  map[string]string     `json:"ChallengeParameters"`
	AvailableChallenges  []string              `json:"AvailableChallenges,omitempty"`
	AuthenticationResult *authenticationResult `json:"AuthenticationResult,omitempty"`
}

type authenticationResult struct {
	AccessToken  string `json:"AccessToken"`
	ExpiresIn    int    `json:"ExpiresIn"`
	TokenType    string `json:"TokenType"`
	RefreshToken string `json:"RefreshToken,omitempty"`
	IDToken      string `json:"IdToken,omitempty"`
}

type getTokensInput struct {
	RefreshToken   string            `json:"RefreshToken" shape:"TokenModelType" required:"true"`
	ClientID       string            `json:"ClientId" shape:"ClientIdType" required:"true"`
	ClientSecret   string            `json:"ClientSecret" shape:"ClientSecretType"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type getTokensOutput struct {
	AuthenticationResult *authenticationResult `json:"AuthenticationResult"`
}

type revokeTokenInput struct {
	Token        string `json:"Token" shape:"TokenModelType" required:"true"`
	ClientID     string `json:"ClientId" shape:"ClientIdType" required:"true"`
	ClientSecret string `json:"ClientSecret" shape:"ClientSecretType"`
}

// tokenInput is the input of operations that need nothing but the token.
type tokenInput struct {
	AccessToken string `json:"AccessToken" shape:"TokenModelType" required:"true"`
}

type changePasswordInput struct {
	PreviousPassword string `json:"PreviousPassword" shape:"PasswordType"`
	ProposedPassword string `json:"ProposedPassword" shape:"PasswordType" required:"true"`
	AccessToken      string `json:"AccessToken" shape:"TokenModelType" required:"true"`
}

type getUserOutput struct {
	Username       string      `json:"Username"`
	UserAttributes []attribute `json:"UserAttributes"`
	shownMFA
}

type updateUserAttributesInput struct {
	UserAttributes []attribute       `json:"UserAttributes" required:"true"`
	AccessToken    string            `json:"AccessToken" shape:"TokenModelType" required:"true"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type updateUserAttributesOutput struct {
	CodeDeliveryDetailsList []codeDeliveryDetails `json:"CodeDeliveryDetailsList"`
}

type deleteUserAttributesInput struct {
	UserAttributeNames []string `json:"UserAttributeNames" shape:"AttributeNameType" required:"true"`
	AccessToken        string   `json:"AccessToken" shape:"TokenModelType" required:"true"`
}

type attributeCodeInput struct {
	AccessToken    string            `json:"AccessToken" shape:"TokenModelType" required:"true"`
	AttributeName  string            `json:"AttributeName" shape:"AttributeNameType" required:"true"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type verifyUserAttributeInput struct {
	AccessToken   string `json:"AccessToken" shape:"TokenModelType" required:"true"`
	AttributeName string `json:"AttributeName" shape:"AttributeNameType" required:"true"`
	Code          string `json:"Code" shape:"ConfirmationCodeType" required:"true"`
}

// adminUserInput names a user to an administrator's operation. ClientMetadata
// is of those that run triggers: AdminConfirmSignUp, AdminResetUserPassword.
type adminUserInput struct {
	UserPoolID     string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username       string            `json:"Username" shape:"UsernameType" required:"true"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type adminCreateUserInput struct {
	UserPoolID             string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username               string            `json:"Username" shape:"UsernameType" required:"true"`
	UserAttributes         []attribute       `json:"UserAttributes"`
	TemporaryPassword      string            `json:"TemporaryPassword" shape:"PasswordType"`
	ForceAliasCreation     bool              `json:"ForceAliasCreation"`
	MessageAction          string            `json:"MessageAction" shape:"MessageActionType"`
	DesiredDeliveryMediums []string          `json:"DesiredDeliveryMediums" shape:"DeliveryMediumType"`
	ValidationData         []attribute       `json:"ValidationData"`
	ClientMetadata         map[string]string `json:"ClientMetadata"`
}

type adminCreateUserOutput struct {
	User userType `json:"User"`
}

type userType struct {
	Username             string       `json:"Username"`
	Attributes           []attribute  `json:"Attributes"`
	UserCreateDate       awsjson.Time `json:"UserCreateDate"`
	UserLastModifiedDate awsjson.Time `json:"UserLastModifiedDate"`
	Enabled              bool         `json:"Enabled"`
	UserStatus           string       `json:"UserStatus"`
}

type adminGetUserOutput struct {
	Username             string       `json:"Username"`
	UserAttributes       []attribute  `json:"UserAttributes"`
	UserCreateDate       awsjson.Time `json:"UserCreateDate"`
	UserLastModifiedDate awsjson.Time `json:"UserLastModifiedDate"`
	Enabled              bool         `json:"Enabled"`
	UserStatus           string       `json:"UserStatus"`
	shownMFA
}

type adminSetUserPasswordInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username   string `json:"Username" shape:"UsernameType" required:"true"`
	Password   string `json:"Password" shape:"PasswordType" required:"true"`
	Permanent  bool   `json:"Permanent"`
}

type adminUpdateUserAttributesInput struct {
	UserPoolID     string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username       string            `json:"Username" shape:"UsernameType" required:"true"`
	UserAttributes []attribute       `json:"UserAttributes" required:"true"`
	ClientMetadata map[string]string `json:"ClientMetadata"`
}

type adminDeleteUserAttributesInput struct {
	UserPoolID         string   `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username           string   `json:"Username" shape:"UsernameType" required:"true"`
	UserAttributeNames []string `json:"UserAttributeNames" shape:"AttributeNameType" required:"true"`
}

type listUsersInput struct {
	UserPoolID      string   `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	AttributesToGet []string `json:"AttributesToGet" shape:"AttributeNameType"`
	Limit           *int     `json:"Limit" shape:"QueryLimitType"`
	PaginationToken string   `json:"PaginationToken" shape:"PaginationToken"`
	Filter          string   `json:"Filter" shape:"UserFilterType"`
}

type listUsersOutput struct {
	Users           []userType `json:"Users"`
	PaginationToken string     `json:"PaginationToken,omitempty"`
}

type listUserPoolsInput struct {
	NextToken  string `json:"NextToken" shape:"PaginationToken"`
	MaxResults int    `json:"MaxResults" shape:"PoolQueryLimitType" required:"true"`
}

type listUserPoolsOutput struct {
	UserPools []userPoolDescription `json:"UserPools"`
	NextToken string                `json:"NextToken,omitempty"`
}

type userPoolDescription struct {
	ID               string       `json:"Id"`
	Name             string       `json:"Name"`
	LambdaConfig     lambdaConfig `json:"LambdaConfig"`
	LastModifiedDate awsjson.Time `json:"LastModifiedDate"`
	CreationDate     awsjson.Time `json:"CreationDate"`
}

type describeUserPoolInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
}

type describeUserPoolOutput struct {
	UserPool userPool `json:"UserPool"`
}

type userPool struct {
	ID                          string                      `json:"Id"`
	Name                        string                      `json:"Name"`
	Policies                    policies                    `json:"Policies"`
	DeletionProtection          string                      `json:"DeletionProtection"`
	LambdaConfig                lambdaConfig                `json:"LambdaConfig"`
	LastModifiedDate            awsjson.Time                `json:"LastModifiedDate"`
	CreationDate                awsjson.Time                `json:"CreationDate"`
	SchemaAttributes            []schemaAttribute           `json:"SchemaAttributes"`
	AutoVerifiedAttributes      []string                    `json:"AutoVerifiedAttributes,omitempty"`
	AliasAttributes             []string                    `json:"AliasAttributes,omitempty"`
	UsernameAttributes          []string                    `json:"UsernameAttributes,omitempty"`
	SmsVerificationMessage      string                      `json:"SmsVerificationMessage,omitempty"`
	SmsAuthenticationMessage    string                      `json:"SmsAuthenticationMessage,omitempty"`
	EmailVerificationMessage    string                      `json:"EmailVerificationMessage,omitempty"`
	EmailVerificationSubject    string                      `json:"EmailVerificationSubject,omitempty"`
	VerificationMessageTemplate verificationMessageTemplate `json:"VerificationMessageTemplate"`
	MfaConfiguration            string                      `json:"MfaConfiguration"`
	EstimatedNumberOfUsers      int                         `json:"EstimatedNumberOfUsers"`
	EmailConfiguration          emailConfiguration          `json:"EmailConfiguration"`
	SmsConfiguration            *smsConfiguration           `json:"SmsConfiguration,omitempty"`
	UserPoolTags                map[string]string           `json:"UserPoolTags,omitempty"`
	AccountRecoverySetting      *accountRecoverySetting     `json:"AccountRecoverySetting,omitempty"`
	AdminCreateUserConfig       adminCreateUserConfig       `json:"AdminCreateUserConfig"`
	UsernameConfiguration       *usernameConfiguration      `json:"UsernameConfiguration,omitempty"`
	Arn                         string                      `json:"Arn"`
	UserPoolTier                string                      `json:"UserPoolTier"`
	Domain                      string                      `json:"Domain,omitempty"`
}

type policies struct {
	PasswordPolicy passwordPolicy `json:"PasswordPolicy"`
	SignInPolicy   signInPolicy   `json:"SignInPolicy"`
}

type passwordPolicy struct {
	MinimumLength                 int  `json:"MinimumLength"`
	RequireUppercase              bool `json:"RequireUppercase"`
	RequireLowercase              bool `json:"RequireLowercase"`
	RequireNumbers                bool `json:"RequireNumbers"`
	RequireSymbols                bool `json:"RequireSymbols"`
	TemporaryPasswordValidityDays int  `json:"TemporaryPasswordValidityDays"`
}

type signInPolicy struct {
	AllowedFirstAuthFactors []string `json:"AllowedFirstAuthFactors" shape:"AuthFactorType"`
}

type schemaAttribute struct {
	Name                       string             `json:"Name"`
	AttributeDataType          string             `json:"AttributeDataType"`
	DeveloperOnlyAttribute     bool               `json:"DeveloperOnlyAttribute"`
	Mutable                    bool               `json:"Mutable"`
	Required                   bool               `json:"Required"`
	NumberAttributeConstraints *numberConstraints `json:"NumberAttributeConstraints,omitempty"`
	StringAttributeConstraints *stringConstraints `json:"StringAttributeConstraints,omitempty"`
}

type numberConstraints struct {
	MinValue string `json:"MinValue,omitempty"`
	MaxValue string `json:"MaxValue,omitempty"`
}

type stringConstraints struct {
	MinLength string `json:"MinLength,omitempty"`
	MaxLength string `json:"MaxLength,omitempty"`
}

type verificationMessageTemplate struct {
	SmsMessage         string `json:"SmsMessage,omitempty" shape:"SmsVerificationMessageType"`
	EmailMessage       string `json:"EmailMessage,omitempty" shape:"EmailVerificationMessageType"`
	EmailSubject       string `json:"EmailSubject,omitempty" shape:"EmailVerificationSubjectType"`
	DefaultEmailOption string `json:"DefaultEmailOption,omitempty" shape:"DefaultEmailOptionType"`
}

type emailConfiguration struct {
	SourceArn           string `json:"SourceArn,omitempty" shape:"ArnType"`
	ReplyToEmailAddress string `json:"ReplyToEmailAddress,omitempty"`
	EmailSendingAccount string `json:"EmailSendingAccount,omitempty" shape:"EmailSendingAccountType"`
	From                string `json:"From,omitempty"`
	ConfigurationSet    string `json:"ConfigurationSet,omitempty"`
}

type adminCreateUserConfig struct {
	AllowAdminCreateUserOnly  bool             `json:"AllowAdminCreateUserOnly"`
	UnusedAccountValidityDays int              `json:"UnusedAccountValidityDays"`
	InviteMessageTemplate     *messageTemplate `json:"InviteMessageTemplate,omitempty"`
}

type usernameConfiguration struct {
	CaseSensitive bool `json:"CaseSensitive"`
}

type describeUserPoolClientInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ClientID   string `json:"ClientId" shape:"ClientIdType" required:"true"`
}

type describeUserPoolClientOutput struct {
	UserPoolClient userPoolClient `json:"UserPoolClient"`
}

type userPoolClient struct {
	UserPoolID                      string             `json:"UserPoolId"`
	ClientName                      string             `json:"ClientName"`
	ClientID                        string             `json:"ClientId"`
	ClientSecret                    string             `json:"ClientSecret,omitempty"`
	LastModifiedDate                awsjson.Time       `json:"LastModifiedDate"`
	CreationDate                    awsjson.Time       `json:"CreationDate"`
	RefreshTokenValidity            int                `json:"RefreshTokenValidity"`
	AccessTokenValidity             int                `json:"AccessTokenValidity,omitempty"`
	IDTokenValidity                 int                `json:"IdTokenValidity,omitempty"`
	TokenValidityUnits              tokenValidityUnits `json:"TokenValidityUnits"`
	ReadAttributes                  []string           `json:"ReadAttributes,omitempty"`
	WriteAttributes                 []string           `json:"WriteAttributes,omitempty"`
	ExplicitAuthFlows               []string           `json:"ExplicitAuthFlows,omitempty"`
	SupportedIdentityProviders      []string           `json:"SupportedIdentityProviders,omitempty"`
	CallbackURLs                    []string           `json:"CallbackURLs,omitempty"`
	LogoutURLs                      []string           `json:"LogoutURLs,omitempty"`
	DefaultRedirectURI              string             `json:"DefaultRedirectURI,omitempty"`
	AllowedOAuthFlows               []string           `json:"AllowedOAuthFlows,omitempty"`
	AllowedOAuthScopes              []string           `json:"AllowedOAuthScopes,omitempty"`
	AllowedOAuthFlowsUserPoolClient bool               `json:"AllowedOAuthFlowsUserPoolClient"`
	PreventUserExistenceErrors      string             `json:"PreventUserExistenceErrors,omitempty"`
	EnableTokenRevocation           bool               `json:"EnableTokenRevocation"`
	EnablePropagateUserContextData  bool               `json:"EnablePropagateAdditionalUserContextData"`
	AuthSessionValidity             int                `json:"AuthSessionValidity"`
	RefreshTokenRotation            *tokenRotation     `json:"RefreshTokenRotation,omitempty"`
}

type tokenRotation struct {
	Feature                 string `json:"Feature" shape:"FeatureType" required:"true"`
	RetryGracePeriodSeconds int    `json:"RetryGracePeriodSeconds" shape:"RetryGracePeriodSecondsType"`
}

type tokenValidityUnits struct {
	AccessToken  string `json:"AccessToken,omitempty" shape:"TimeUnitsType"`
	IDToken      string `json:"IdToken,omitempty" shape:"TimeUnitsType"`
	RefreshToken string `json:"RefreshToken,omitempty" shape:"TimeUnitsType"`
}

type listUserPoolClientsInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	MaxResults *int   `json:"MaxResults" shape:"QueryLimit"`
	NextToken  string `json:"NextToken" shape:"PaginationToken"`
}

type listUserPoolClientsOutput struct {
	UserPoolClients []userPoolClientDescription `json:"UserPoolClients"`
	NextToken       string                      `json:"NextToken,omitempty"`
}

type userPoolClientDescription struct {
	ClientID   string `json:"ClientId"`
	UserPoolID string `json:"UserPoolId"`
	ClientName string `json:"ClientName"`
}

type groupType struct {
	GroupName        string       `json:"GroupName"`
	UserPoolID       string       `json:"UserPoolId"`
	Description      string       `json:"Description,omitempty"`
	RoleARN          string       `json:"RoleArn,omitempty"`
	Precedence       *int         `json:"Precedence,omitempty"`
	LastModifiedDate awsjson.Time `json:"LastModifiedDate"`
	CreationDate     awsjson.Time `json:"CreationDate"`
}

type groupInput struct {
	GroupName  string `json:"GroupName" shape:"GroupNameType" required:"true"`
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
}

// createGroupInput is that of UpdateGroup too.
type createGroupInput struct {
	GroupName   string  `json:"GroupName" shape:"GroupNameType" required:"true"`
	UserPoolID  string  `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Description *string `json:"Description" shape:"DescriptionType"`
	RoleARN     *string `json:"RoleArn" shape:"ArnType"`
	Precedence  *int    `json:"Precedence" shape:"PrecedenceType"`
}

type groupOutput struct {
	Group groupType `json:"Group"`
}

type memberInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Username   string `json:"Username" shape:"UsernameType" required:"true"`
	GroupName  string `json:"GroupName" shape:"GroupNameType" required:"true"`
}

type listGroupsInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Limit      *int   `json:"Limit" shape:"QueryLimitType"`
	NextToken  string `json:"NextToken" shape:"PaginationKey"`
}

type listGroupsForUserInput struct {
	Username   string `json:"Username" shape:"UsernameType" required:"true"`
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Limit      *int   `json:"Limit" shape:"QueryLimitType"`
	NextToken  string `json:"NextToken" shape:"PaginationKey"`
}

type listGroupsOutput struct {
	Groups    []groupType `json:"Groups"`
	NextToken string      `json:"NextToken,omitempty"`
}

type listUsersInGroupInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	GroupName  string `json:"GroupName" shape:"GroupNameType" required:"true"`
	Limit      *int   `json:"Limit" shape:"QueryLimitType"`
	NextToken  string `json:"NextToken" shape:"PaginationKey"`
}

type listUsersInGroupOutput struct {
	Users     []userType `json:"Users"`
	NextToken string     `json:"NextToken,omitempty"`
}

type schemaAttributeInput struct {
	Name                       string             `json:"Name,omitempty" shape:"CustomAttributeNameType"`
	AttributeDataType          string             `json:"AttributeDataType,omitempty" shape:"AttributeDataType"`
	DeveloperOnlyAttribute     bool               `json:"DeveloperOnlyAttribute,omitempty"`
	Mutable                    *bool              `json:"Mutable,omitempty"`
	Required                   bool               `json:"Required,omitempty"`
	NumberAttributeConstraints *numberConstraints `json:"NumberAttributeConstraints,omitempty"`
	StringAttributeConstraints *stringConstraints `json:"StringAttributeConstraints,omitempty"`
}

type addCustomAttributesInput struct {
	UserPoolID       string                 `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	CustomAttributes []schemaAttributeInput `json:"CustomAttributes" required:"true"`
}

// resourceServer is also the input of CreateResourceServer and
// UpdateResourceServer.
type resourceServer struct {
	UserPoolID string                `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Identifier string                `json:"Identifier" shape:"ResourceServerIdentifierType" required:"true"`
	Name       string                `json:"Name" shape:"ResourceServerNameType" required:"true"`
	Scopes     []resourceServerScope `json:"Scopes,omitempty"`
}

type resourceServerScope struct {
	ScopeName        string `json:"ScopeName" shape:"ResourceServerScopeNameType" required:"true"`
	ScopeDescription string `json:"ScopeDescription" shape:"ResourceServerScopeDescriptionType" required:"true"`
}

type resourceServerInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	Identifier string `json:"Identifier" shape:"ResourceServerIdentifierType" required:"true"`
}

type resourceServerOutput struct {
	ResourceServer resourceServer `json:"ResourceServer"`
}

type listResourceServersInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	MaxResults *int   `json:"MaxResults" shape:"ListResourceServersLimitType"`
	NextToken  string `json:"NextToken" shape:"PaginationKey"`
}

type listResourceServersOutput struct {
	ResourceServers []resourceServer `json:"ResourceServers"`
	NextToken       string           `json:"NextToken,omitempty"`
}
