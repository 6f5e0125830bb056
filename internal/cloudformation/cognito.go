package cloudformation

// The properties of AWS::Cognito user pool resources. Their words and order are those of
// the resource reference:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Cognito.html

type userPool struct {
	AdminCreateUserConfig  adminCreateUserConfig `json:"AdminCreateUserConfig"`
	AliasAttributes        []string              `json:"AliasAttributes,omitempty"`
	AutoVerifiedAttributes []string              `json:"AutoVerifiedAttributes,omitempty"`
	DeletionProtection     string                `json:"DeletionProtection"`
	EnabledMfas            []string              `json:"EnabledMfas,omitempty"`
	LambdaConfig           *lambdaConfig         `json:"LambdaConfig,omitempty"`
	MfaConfiguration       string                `json:"MfaConfiguration"`
	Policies               userPoolPolicies      `json:"Policies"`
	Schema                 []schemaAttribute     `json:"Schema,omitempty"`
	SmsConfiguration       *smsConfiguration     `json:"SmsConfiguration,omitempty"`
	UserPoolName           string                `json:"UserPoolName,omitempty"`
	UsernameAttributes     []string              `json:"UsernameAttributes,omitempty"`
	UsernameConfiguration  usernameConfiguration `json:"UsernameConfiguration"`
	UserPoolTier           string                `json:"UserPoolTier"`
}

type adminCreateUserConfig struct {
	AllowAdminCreateUserOnly bool `json:"AllowAdminCreateUserOnly"`
}

type usernameConfiguration struct {
	CaseSensitive bool `json:"CaseSensitive"`
}

type userPoolPolicies struct {
	PasswordPolicy passwordPolicy `json:"PasswordPolicy"`
	SignInPolicy   signInPolicy   `json:"SignInPolicy"`
}

type passwordPolicy struct {
	MinimumLength                 int  `json:"MinimumLength"`
	RequireLowercase              bool `json:"RequireLowercase"`
	RequireNumbers                bool `json:"RequireNumbers"`
	RequireSymbols                bool `json:"RequireSymbols"`
	RequireUppercase              bool `json:"RequireUppercase"`
	TemporaryPasswordValidityDays int  `json:"TemporaryPasswordValidityDays"`
}

type signInPolicy struct {
	AllowedFirstAuthFactors []string `json:"AllowedFirstAuthFactors"`
}

type schemaAttribute struct {
	AttributeDataType          string             `json:"AttributeDataType,omitempty"`
	Mutable                    *bool              `json:"Mutable,omitempty"`
	Name                       string             `json:"Name"`
	NumberAttributeConstraints *numberConstraints `json:"NumberAttributeConstraints,omitempty"`
	Required                   bool               `json:"Required,omitempty"`
	StringAttributeConstraints *stringConstraints `json:"StringAttributeConstraints,omitempty"`
}

// The bounds of attributes are texts.
type numberConstraints struct {
	MaxValue string `json:"MaxValue,omitempty"`
	MinValue string `json:"MinValue,omitempty"`
}

type stringConstraints struct {
	MaxLength string `json:"MaxLength,omitempty"`
	MinLength string `json:"MinLength,omitempty"`
}

type smsConfiguration struct {
	ExternalID   string `json:"ExternalId"`
	SnsCallerArn Value  `json:"SnsCallerArn"`
}

// lambdaConfig has no PreTokenGeneration: PreTokenGenerationConfig says all versions.
type lambdaConfig struct {
	CreateAuthChallenge         Value                     `json:"CreateAuthChallenge,omitzero"`
	CustomMessage               Value                     `json:"CustomMessage,omitzero"`
	DefineAuthChallenge         Value                     `json:"DefineAuthChallenge,omitzero"`
	PostAuthentication          Value                     `json:"PostAuthentication,omitzero"`
	PostConfirmation            Value                     `json:"PostConfirmation,omitzero"`
	PreAuthentication           Value                     `json:"PreAuthentication,omitzero"`
	PreSignUp                   Value                     `json:"PreSignUp,omitzero"`
	PreTokenGenerationConfig    *preTokenGenerationConfig `json:"PreTokenGenerationConfig,omitempty"`
	UserMigration               Value                     `json:"UserMigration,omitzero"`
	VerifyAuthChallengeResponse Value                     `json:"VerifyAuthChallengeResponse,omitzero"`
}

type preTokenGenerationConfig struct {
	LambdaArn     Value  `json:"LambdaArn"`
	LambdaVersion string `json:"LambdaVersion"`
}

type userPoolClient struct {
	AccessTokenValidity             int                   `json:"AccessTokenValidity"`
	AllowedOAuthFlows               []string              `json:"AllowedOAuthFlows,omitempty"`
	AllowedOAuthFlowsUserPoolClient bool                  `json:"AllowedOAuthFlowsUserPoolClient,omitempty"`
	AllowedOAuthScopes              []string              `json:"AllowedOAuthScopes,omitempty"`
	AuthSessionValidity             int                   `json:"AuthSessionValidity"`
	CallbackURLs                    []string              `json:"CallbackURLs,omitempty"`
	ClientName                      string                `json:"ClientName"`
	DefaultRedirectURI              string                `json:"DefaultRedirectURI,omitempty"`
	EnableTokenRevocation           bool                  `json:"EnableTokenRevocation"`
	ExplicitAuthFlows               []string              `json:"ExplicitAuthFlows,omitempty"`
	GenerateSecret                  bool                  `json:"GenerateSecret"`
	IDTokenValidity                 int                   `json:"IdTokenValidity"`
	LogoutURLs                      []string              `json:"LogoutURLs,omitempty"`
	PreventUserExistenceErrors      string                `json:"PreventUserExistenceErrors"`
	ReadAttributes                  []string              `json:"ReadAttributes,omitempty"`
	RefreshTokenRotation            *refreshTokenRotation `json:"RefreshTokenRotation,omitempty"`
	RefreshTokenValidity            int                   `json:"RefreshTokenValidity"`
	SupportedIdentityProviders      []string              `json:"SupportedIdentityProviders,omitempty"`
	TokenValidityUnits              tokenValidityUnits    `json:"TokenValidityUnits"`
	UserPoolID                      Value                 `json:"UserPoolId"`
	WriteAttributes                 []string              `json:"WriteAttributes,omitempty"`
}

type refreshTokenRotation struct {
	Feature                 string `json:"Feature"`
	RetryGracePeriodSeconds int    `json:"RetryGracePeriodSeconds"`
}

type tokenValidityUnits struct {
	AccessToken  string `json:"AccessToken"`
	IDToken      string `json:"IdToken"`
	RefreshToken string `json:"RefreshToken"`
}

type userPoolGroup struct {
	Description string `json:"Description,omitempty"`
	GroupName   string `json:"GroupName"`
	Precedence  *int   `json:"Precedence,omitempty"`
	RoleArn     Value  `json:"RoleArn,omitzero"`
	UserPoolID  Value  `json:"UserPoolId"`
}

type userPoolResourceServer struct {
	Identifier string                `json:"Identifier"`
	Name       string                `json:"Name"`
	Scopes     []resourceServerScope `json:"Scopes,omitempty"`
	UserPoolID Value                 `json:"UserPoolId"`
}

type resourceServerScope struct {
	ScopeDescription string `json:"ScopeDescription"`
	ScopeName        string `json:"ScopeName"`
}

type userPoolDomain struct {
	Domain     string `json:"Domain"`
	UserPoolID Value  `json:"UserPoolId"`
}

type userPoolIdentityProvider struct {
	AttributeMapping map[string]string `json:"AttributeMapping,omitempty"`
	IdpIdentifiers   []string          `json:"IdpIdentifiers,omitempty"`
	ProviderDetails  map[string]Value  `json:"ProviderDetails"`
	ProviderName     string            `json:"ProviderName"`
	ProviderType     string            `json:"ProviderType"`
	UserPoolID       Value             `json:"UserPoolId"`
}
