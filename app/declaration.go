package app

import "time"

// The files declaration*.go are the declaration's vocabulary. Their struct
// tags are what the walker enforces and what Schema prints, and their comments are
// the descriptions Schema carries, so a rule or an explanation is written once. The
// tags are read in
// fields.go; the rules that need more than one field are in check_api.go,
// check_pool.go and check_tenant.go.

// An App is one stage of a declaration: all that doorwright.yaml says, with the
// stage's overrides merged in and defaults filled in.
//
// Load returns an App only when no stage of the file has a problem. An App must not
// be modified.
type App struct {
	// Name is the app's name: up to 63 lower-case letters, digits and hyphens.
	// With the stage in front it names the stack, STAGE-NAME
	// (CreateStack StackName).
	Name string `yaml:"name" required:"true" grammar:"app name"`
	// Region is the AWS region the app is deployed to, which is also the region its
	// local identifiers carry.
	Region string `yaml:"region" default:"us-east-1" grammar:"region"`
	// Protected keeps the stage on AWS from mistakes: its stack refuses to be removed, user
	// pools and tables refuse to be deleted, and what is in pools, tables and buckets
	// outlives the stack (EnableTerminationProtection, DeletionProtection,
	// DeletionPolicy). By default prod is protected and no other stage is: write it below
	// stages. It is about AWS alone.
	Protected *bool `yaml:"protected"`
	// UserPools are Cognito user pools by name (AWS::Cognito::UserPool).
	UserPools Map[*UserPool] `yaml:"userPools" keys:"resource name"`
	// Tenants are Auth0 tenants by name: local ones, which Auth0's SDKs accept, or with
	// a domain real ones.
	Tenants Map[*Tenant] `yaml:"tenants" keys:"resource name"`
	// APIs are API Gateway APIs by name (AWS::ApiGatewayV2::Api).
	APIs Map[*API] `yaml:"apis" keys:"resource name"`
	// IdentityPools are Cognito identity pools by name (AWS::Cognito::IdentityPool).
	IdentityPools Map[*IdentityPool] `yaml:"identityPools" keys:"resource name"`
	// Tables are DynamoDB tables by name (AWS::DynamoDB::Table).
	Tables Map[*Table] `yaml:"tables" keys:"resource name"`
	// Buckets are S3 buckets by name (AWS::S3::Bucket).
	Buckets Map[*Bucket] `yaml:"buckets" keys:"resource name"`
	// Outputs are the values printed once the app is up, by name, such as
	// ${apis.Api.url} (the Outputs section of a CloudFormation template). They are
	// shown to everybody, so they cannot refer to secrets.
	Outputs Map[Expr] `yaml:"outputs" keys:"output name" refs:"an output"`

	_ struct{} `noun:"the declaration"`

	// Stage is the stage this App is of.
	Stage string `yaml:"-"`
	// Dir is the folder of the declaration, as given to Load.
	Dir string `yaml:"-"`
	// File is the path of the declaration.
	File string `yaml:"-"`

	state state
}

// A UserPool is a directory of users who sign up and sign in
// (AWS::Cognito::UserPool).
type UserPool struct {
	// SelfSignUp lets people create their own accounts with SignUp; otherwise only
	// an administrator does (AdminCreateUserConfig.AllowAdminCreateUserOnly is the
	// opposite).
	SelfSignUp bool `yaml:"selfSignUp" default:"false"`
	// SignInAliases are what users sign in with. Without username (email, phone or
	// both) they are UsernameAttributes: the address is the user name. With username
	// they are AliasAttributes, which sign in once verified. preferredUsername needs
	// username.
	SignInAliases []string `yaml:"signInAliases" default:"username" enum:"username preferredUsername email phone" minItems:"1" unique:"true"`
	// SignInCaseSensitive tells user names and aliases apart by case
	// (UsernameConfiguration.CaseSensitive).
	SignInCaseSensitive bool `yaml:"signInCaseSensitive" default:"false"`
	// AutoVerify are the attributes verified by a code at sign-up
	// (AutoVerifiedAttributes). By default those of email and phone that are sign-in
	// aliases; an empty list verifies none.
	AutoVerify []string `yaml:"autoVerify" enum:"email phone" unique:"true"`
	// RequiredAttributes are the standard attributes that a user must have from the
	// start (Schema, Required).
	RequiredAttributes []string `yaml:"requiredAttributes" enum:"name given_name family_name middle_name nickname preferred_username profile picture website email gender birthdate zoneinfo locale phone_number address updated_at" unique:"true"`
	// CustomAttributes are attributes of the app's own, by name without custom:, at
	// most 50 (Schema). They can be added, and never removed or changed.
	CustomAttributes Map[*CustomAttribute] `yaml:"customAttributes" keys:"custom attribute name" maxItems:"50"`
	// PasswordPolicy is what a password must contain (Policies.PasswordPolicy).
	PasswordPolicy PasswordPolicy `yaml:"passwordPolicy"`
	// AllowedFirstAuthFactors are what a sign-in by the flow user may begin with
	// (Policies.SignInPolicy.AllowedFirstAuthFactors): password is PASSWORD, which
	// has to be there; emailOtp is EMAIL_OTP and smsOtp SMS_OTP, codes that are sent,
	// which mfa: on excludes.
	AllowedFirstAuthFactors []string `yaml:"allowedFirstAuthFactors" default:"password" enum:"password emailOtp smsOtp" later:"webAuthn" unique:"true"`
	// MFA says whether signing in takes a second factor: never (off), for users who
	// switched one on (optional), or always (on) (MfaConfiguration).
	MFA string `yaml:"mfa" default:"off" enum:"off optional on"`
	// EnabledMfas are the second factors the pool takes (EnabledMfas): softwareToken
	// is SOFTWARE_TOKEN_MFA, codes of an authenticator app; sms is SMS_MFA and email
	// EMAIL_OTP, codes that are sent. mfa optional and on need one.
	EnabledMfas []string `yaml:"enabledMfas" enum:"softwareToken sms email" minItems:"1" unique:"true"`
	// Clients are the applications that may use the pool, by name
	// (AWS::Cognito::UserPoolClient).
	Clients Map[*UserPoolClient] `yaml:"clients" keys:"resource name"`
	// Groups are the pool's groups, by name (AWS::Cognito::UserPoolGroup). The
	// declaration owns what they say; their members, and groups created through the
	// API beside them, are kept.
	Groups Map[*UserPoolGroup] `yaml:"groups" keys:"group name" maxItems:"10000"`
	// ResourceServers are the APIs whose scopes clients may ask for, by name
	// (AWS::Cognito::UserPoolResourceServer): at most 25.
	ResourceServers Map[*ResourceServer] `yaml:"resourceServers" keys:"resource name" maxItems:"25"`
	// Domain gives the pool hosted pages and OAuth endpoints on an origin of their own
	// (AWS::Cognito::UserPoolDomain Domain): the prefix of
	// https://PREFIX.auth.REGION.amazoncognito.com. Locally it is an https origin on
	// localhost; see doorwright trust.
	Domain string `yaml:"domain" grammar:"domain prefix"`
	// IdentityProviders are providers elsewhere that sign users in at the pool's
	// domain, by name (AWS::Cognito::UserPoolIdentityProvider). Clients name those
	// that they use in their identityProviders.
	IdentityProviders Map[*IdentityProvider] `yaml:"identityProviders" keys:"identity provider name" maxItems:"300"`
	// Triggers are the functions that run inside the pool's operations (LambdaConfig).
	Triggers Triggers `yaml:"triggers"`

	_ struct{} `noun:"a user pool"`
}

// Triggers are the functions that a user pool runs inside its operations
// (AWS::Cognito::UserPool LambdaConfig). Each has 5 seconds to answer.
type Triggers struct {
	// PreSignUp runs before a user is created; it may refuse, confirm and verify
	// (PreSignUp).
	PreSignUp *Function `yaml:"preSignUp"`
	// PostConfirmation runs after a user or a new password was confirmed
	// (PostConfirmation).
	PostConfirmation *Function `yaml:"postConfirmation"`
	// PreAuthentication runs before a sign-in looks at the password; it may refuse
	// (PreAuthentication).
	PreAuthentication *Function `yaml:"preAuthentication"`
	// PostAuthentication runs after a sign-in and before its tokens; it may refuse
	// (PostAuthentication).
	PostAuthentication *Function `yaml:"postAuthentication"`
	// PreTokenGeneration runs before tokens are made and changes what is in them
	// (PreTokenGenerationConfig).
	PreTokenGeneration *PreTokenFunction `yaml:"preTokenGeneration"`
	// CustomMessage runs before a message is sent and writes its text (CustomMessage).
	CustomMessage *Function `yaml:"customMessage"`
	// UserMigration runs when somebody who is not in the pool signs in or has
	// forgotten the password, and may bring the user (UserMigration).
	UserMigration *Function `yaml:"userMigration"`
	// DefineAuthChallenge decides on the next step of a custom sign-in
	// (DefineAuthChallenge).
	DefineAuthChallenge *Function `yaml:"defineAuthChallenge"`
	// CreateAuthChallenge makes a challenge of a custom sign-in (CreateAuthChallenge).
	CreateAuthChallenge *Function `yaml:"createAuthChallenge"`
	// VerifyAuthChallengeResponse judges an answer of a custom sign-in
	// (VerifyAuthChallengeResponse).
	VerifyAuthChallengeResponse *Function `yaml:"verifyAuthChallengeResponse"`

	_ struct{} `noun:"a user pool's triggers" later:"customEmailSender customSMSSender inboundFederation"`
}

// A PreTokenFunction is the function of preTokenGeneration. A text in its place is
// its handler.
type PreTokenFunction struct {
	// Handler is a directory that holds a Go main package, or path/file.export, as
	// for any function.
	Handler string `yaml:"handler" required:"true" grammar:"handler path"`
	// Version is the version of its event: V1_0 changes the ID token and the groups,
	// V2_0 the access token too, V3_0 is V2_0 and also for tokens of machines
	// (PreTokenGenerationConfig.LambdaVersion).
	Version string `yaml:"version" default:"V1_0" enum:"V1_0 V2_0 V3_0"`

	FunctionSettings

	_ struct{} `noun:"a function" shorthand:"handler"`
}

// An IdentityProvider is an OpenID Connect provider elsewhere
// (AWS::Cognito::UserPoolIdentityProvider). At it the pool is a client, whose
// callback is the pool's url and /oauth2/idpresponse.
type IdentityProvider struct {
	// Type is the kind of provider (ProviderType): oidc.
	Type string `yaml:"type" required:"true" enum:"oidc"`
	// Issuer is the provider's issuer (ProviderDetails oidc_issuer): https, or http on
	// this machine.
	Issuer Expr `yaml:"issuer" required:"true" refs:"an identity provider's issuer" nonEmpty:"true"`
	// ClientID is the pool's client id there (ProviderDetails client_id).
	ClientID Expr `yaml:"clientId" required:"true" refs:"an identity provider's client id" nonEmpty:"true"`
	// ClientSecret is the pool's secret there, as ${secret:NAME} (ProviderDetails
	// client_secret).
	ClientSecret Expr `yaml:"clientSecret" required:"true" refs:"an identity provider's client secret" nonEmpty:"true"`
	// Scopes are what the provider is asked for, openid among them (ProviderDetails
	// authorize_scopes).
	Scopes []string `yaml:"scopes" default:"openid" grammar:"scope" minItems:"1" unique:"true"`
	// AttributeMapping gives the provider's claim for each attribute of the pool that
	// it fills, such as email: email (AttributeMapping).
	AttributeMapping Map[string] `yaml:"attributeMapping" keys:"attribute" grammar:"claim name"`
	// Identifiers are other names of the provider in requests, such as a mail domain
	// (IdpIdentifiers).
	Identifiers []string `yaml:"identifiers" grammar:"claim name" maxItems:"50" unique:"true"`

	_ struct{} `noun:"an identity provider"`
}

// A UserPoolGroup is a group of users (AWS::Cognito::UserPoolGroup). Tokens name
// the user's groups in cognito:groups.
type UserPoolGroup struct {
	// Precedence ranks the groups of a user: the role of the group with the lowest
	// number is cognito:preferred_role. By default after all numbers (Precedence).
	Precedence *int `yaml:"precedence" min:"0" max:"2147483647"`
	// Description says what the group is for: at most 2048 characters (Description).
	Description string `yaml:"description" grammar:"description"`
	// RoleArn is the IAM role that the tokens of members name (RoleArn).
	RoleArn string `yaml:"roleArn" grammar:"role ARN"`
	// Permissions give the group a role of its own, which the tokens of members name: who
	// trades them at an identity pool whose roleMappings go by token gets what the role
	// allows.
	Permissions []*Permission `yaml:"permissions" maxItems:"100" unique:"true"`

	_ struct{} `noun:"a group"`
}

// A CustomAttribute is the SchemaAttributeType of the Cognito API. Users and tokens
// have it as custom:NAME, always as text.
type CustomAttribute struct {
	// Type is what its values are (AttributeDataType).
	Type string `yaml:"type" default:"String" enum:"String Number Boolean DateTime"`
	// Mutable lets it change after the user was created (Mutable).
	Mutable *bool `yaml:"mutable" default:"true"`
	// MinLength is the least number of characters of a String (MinLength).
	MinLength *int `yaml:"minLength" min:"0" max:"2048"`
	// MaxLength is the greatest number of characters of a String (MaxLength).
	MaxLength *int `yaml:"maxLength" min:"0" max:"2048"`
	// Min is the least value of a Number (MinValue).
	Min *int `yaml:"min" min:"-2147483648" max:"2147483647"`
	// Max is the greatest value of a Number (MaxValue).
	Max *int `yaml:"max" min:"-2147483648" max:"2147483647"`

	_ struct{} `noun:"a custom attribute"`
}

// A ResourceServer is an API with scopes of its own
// (AWS::Cognito::UserPoolResourceServer). A scope in tokens and in routes is
// IDENTIFIER/SCOPE.
type ResourceServer struct {
	// Identifier names the API in scopes, such as https://rides.example: up to 256
	// visible ASCII characters but for " and \ (Identifier).
	Identifier string `yaml:"identifier" required:"true" grammar:"resource server identifier"`
	// Scopes are what may be asked for, by name, each with what it permits in words
	// (Scopes): at most 100.
	Scopes Map[string] `yaml:"scopes" keys:"scope name" grammar:"scope description" maxItems:"100"`

	_ struct{} `noun:"a resource server"`
}

// A PasswordPolicy says what a password must contain; its words are those of the
// PasswordPolicyType of the Cognito API.
type PasswordPolicy struct {
	// MinimumLength is the least number of characters.
	MinimumLength int `yaml:"minimumLength" default:"8" min:"6" max:"99"`
	// RequireUppercase asks for an upper-case letter.
	RequireUppercase bool `yaml:"requireUppercase" default:"true"`
	// RequireLowercase asks for a lower-case letter.
	RequireLowercase bool `yaml:"requireLowercase" default:"true"`
	// RequireNumbers asks for a digit.
	RequireNumbers bool `yaml:"requireNumbers" default:"true"`
	// RequireSymbols asks for a symbol.
	RequireSymbols bool `yaml:"requireSymbols" default:"true"`
	// TemporaryPasswordValidityDays is for how many days a password set by an
	// administrator can be used to sign in for the first time.
	TemporaryPasswordValidityDays int `yaml:"temporaryPasswordValidityDays" default:"7" min:"0" max:"365"`

	_ struct{} `noun:"a password policy"`
}

// A UserPoolClient is an application that signs users in
// (AWS::Cognito::UserPoolClient).
type UserPoolClient struct {
	// AuthFlows are the ways to sign in the client may use (ExplicitAuthFlows):
	// userPassword is ALLOW_USER_PASSWORD_AUTH, adminUserPassword
	// ALLOW_ADMIN_USER_PASSWORD_AUTH, userSrp ALLOW_USER_SRP_AUTH, custom
	// ALLOW_CUSTOM_AUTH, user ALLOW_USER_AUTH. Refreshing tokens is always allowed,
	// by refreshTokenRotation or without it.
	// Without any, Cognito allows userSrp and custom.
	AuthFlows []string `yaml:"authFlows" enum:"userPassword adminUserPassword userSrp custom user" unique:"true"`
	// GenerateSecret gives the client a secret, for applications that can keep one
	// (GenerateSecret).
	GenerateSecret bool `yaml:"generateSecret" default:"false"`
	// PreventUserExistenceErrors answers for an unknown user as for a wrong password
	// (PreventUserExistenceErrors ENABLED; false is LEGACY, the API's default).
	PreventUserExistenceErrors bool `yaml:"preventUserExistenceErrors" default:"false"`
	// AccessTokenValidity is how long an access token is good: 5 minutes to 1 day,
	// and no longer than a refresh token (AccessTokenValidity).
	AccessTokenValidity time.Duration `yaml:"accessTokenValidity" default:"1h" min:"5m" max:"1d" step:"1s"`
	// IDTokenValidity is how long an ID token is good: 5 minutes to 1 day, and no
	// longer than a refresh token (IdTokenValidity).
	IDTokenValidity time.Duration `yaml:"idTokenValidity" default:"1h" min:"5m" max:"1d" step:"1s"`
	// RefreshTokenValidity is how long a refresh token is good: 60 minutes to 10
	// years of 365 days (RefreshTokenValidity).
	RefreshTokenValidity time.Duration `yaml:"refreshTokenValidity" default:"30d" min:"60m" max:"3650d" step:"1s"`
	// AuthSessionValidity is how long a challenge may be answered: whole minutes, 3
	// to 15 (AuthSessionValidity).
	AuthSessionValidity time.Duration `yaml:"authSessionValidity" default:"3m" min:"3m" max:"15m" step:"1m"`
	// EnableTokenRevocation lets RevokeToken end a refresh token and the access
	// tokens made from it (EnableTokenRevocation).
	EnableTokenRevocation *bool `yaml:"enableTokenRevocation" default:"true"`
	// RefreshTokenRotation gives a new refresh token with each refresh and ends the
	// old one (RefreshTokenRotation). Tokens are then refreshed by
	// GetTokensFromRefreshToken, and no longer by REFRESH_TOKEN_AUTH. Write {} for no
	// grace.
	RefreshTokenRotation *RefreshTokenRotation `yaml:"refreshTokenRotation"`
	// ReadAttributes are the attributes that the client may see in GetUser and ID
	// tokens, custom ones as custom:NAME (ReadAttributes). By default all.
	ReadAttributes []string `yaml:"readAttributes" grammar:"attribute" minItems:"1" unique:"true"`
	// WriteAttributes are the attributes that the client may set, at sign-up and later
	// (WriteAttributes). By default all.
	WriteAttributes []string `yaml:"writeAttributes" grammar:"attribute" minItems:"1" unique:"true"`
	// OAuthFlows are the grants that the client may use at the pool's domain
	// (AllowedOAuthFlows): code, implicit, clientCredentials. clientCredentials stands
	// alone and needs generateSecret.
	OAuthFlows []string `yaml:"oauthFlows" enum:"code implicit clientCredentials" minItems:"1" unique:"true"`
	// OAuthScopes are the scopes that the client may ask for there (AllowedOAuthScopes):
	// openid, email, phone, profile, aws.cognito.signin.user.admin, or IDENTIFIER/SCOPE
	// of one of the pool's resource servers. At most 50.
	OAuthScopes []string `yaml:"oauthScopes" grammar:"OAuth scope" minItems:"1" maxItems:"50" unique:"true"`
	// CallbackURLs are where a sign-in may return to (CallbackURLs): https,
	// http://localhost, or a scheme of an app, such as myapp://callback. At most 100.
	CallbackURLs []string `yaml:"callbackUrls" grammar:"redirect URL" minItems:"1" maxItems:"100" unique:"true"`
	// DefaultRedirectURI is the one of callbackUrls that a request without redirect_uri
	// returns to (DefaultRedirectURI).
	DefaultRedirectURI string `yaml:"defaultRedirectUri" grammar:"redirect URL"`
	// LogoutURLs are where a sign-out may return to (LogoutURLs). At most 100.
	LogoutURLs []string `yaml:"logoutUrls" grammar:"redirect URL" minItems:"1" maxItems:"100" unique:"true"`
	// IdentityProviders are who may sign users in for the client
	// (SupportedIdentityProviders): COGNITO, the pool itself. By default COGNITO for a
	// client with oauthFlows.
	IdentityProviders []string `yaml:"identityProviders" grammar:"identity provider" minItems:"1" unique:"true"`

	_ struct{} `noun:"a user pool client"`
}

// RefreshTokenRotation is the RefreshTokenRotationType of the Cognito API.
type RefreshTokenRotation struct {
	// RetryGracePeriod is how long an old refresh token still works: whole seconds,
	// at most 60 (RetryGracePeriodSeconds).
	RetryGracePeriod time.Duration `yaml:"retryGracePeriod" default:"0s" min:"0s" max:"60s" step:"1s"`

	_ struct{} `noun:"a refresh token rotation"`
}
