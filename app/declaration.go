package app

import "time"

// This file is the declaration's vocabulary. Its struct tags are what the walker
// enforces and what Schema prints, and its comments are the descriptions Schema
// carries, so a rule or an explanation is written once. The tags are read in
// fields.go; the rules that need more than one field are in check_api.go and
// check_pool.go.

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
	// UserPools are Cognito user pools by name (AWS::Cognito::UserPool).
	UserPools Map[*UserPool] `yaml:"userPools" keys:"resource name"`
	// APIs are API Gateway APIs by name (AWS::ApiGatewayV2::Api).
	APIs Map[*API] `yaml:"apis" keys:"resource name"`
	// Outputs are the values printed once the app is up, by name, such as
	// ${apis.Api.url} (the Outputs section of a CloudFormation template). They are
	// shown to everybody, so they cannot refer to secrets.
	Outputs Map[Expr] `yaml:"outputs" keys:"output name" refs:"an output"`

	_ struct{} `noun:"the declaration" later:"tenants identityPools tables buckets"`

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

	_ struct{} `noun:"a function" later:"permissions" shorthand:"handler"`
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

// An API is an API Gateway HTTP API (AWS::ApiGatewayV2::Api) or REST API
// (AWS::ApiGateway::RestApi).
type API struct {
	// Protocol is the kind of API: http, an HTTP API (ProtocolType HTTP), or rest, a
	// REST API. The routes of a REST API have functions, not a url.
	Protocol string `yaml:"protocol" default:"http" enum:"http rest"`
	// Port is the local port the API listens on. Without one the first free port
	// from 3100 is taken and kept; a port given here that is busy is an error.
	Port int `yaml:"port" min:"1" max:"65535"`
	// StageName is the API's stage (AWS::ApiGatewayV2::Stage StageName). Any other
	// than $default is the first segment of the API's URL. A REST API has no $default:
	// by default its stage is the app's.
	StageName string `yaml:"stageName" default:"$default" grammar:"API stage name"`
	// StageVariables are what functions see as stageVariables (StageVariables of the
	// stage): at most 100, names up to 64 and values up to 512 characters. They are
	// shown in templates and events, so they cannot refer to secrets.
	StageVariables Map[Expr] `yaml:"stageVariables" keys:"stage variable name" maxItems:"100" refs:"a stage variable" nonEmpty:"true"`
	// CORS makes the gateway answer preflight requests and write the
	// Access-Control headers (CorsConfiguration). true allows every origin, method
	// and header, without credentials. In a REST API it adds OPTIONS methods for the
	// preflights, and the header of the first origin to the API's own errors;
	// functions write their own headers.
	CORS *CORS `yaml:"cors"`
	// Authorizers decide who may call, by name (AWS::ApiGatewayV2::Authorizer): at
	// most 10. none and iam are taken.
	Authorizers Map[*Authorizer] `yaml:"authorizers" keys:"authorizer name" maxItems:"10"`
	// Defaults are for every route that does not say otherwise.
	Defaults APIDefaults `yaml:"defaults"`
	// Routes are what the API answers, by route key: "METHOD /path", "ANY /path" or
	// $default (AWS::ApiGatewayV2::Route RouteKey). A segment is a literal, {name},
	// or, as the last one, {name+}.
	Routes Map[*Route] `yaml:"routes" keys:"route key"`

	// GatewayResponses change what a REST API answers by itself, by type: UNAUTHORIZED,
	// or DEFAULT_4XX and DEFAULT_5XX for all types that are not here
	// (AWS::ApiGateway::GatewayResponse).
	GatewayResponses Map[*GatewayResponse] `yaml:"gatewayResponses" keys:"gateway response type"`
	// BinaryMediaTypes are the media types that a REST API passes on as base64, and
	// decodes in replies to a client that accepts them first: such as image/png,
	// image/* or */* (BinaryMediaTypes).
	BinaryMediaTypes []string `yaml:"binaryMediaTypes" grammar:"media range" unique:"true"`

	// APIKeySource is where a REST API finds a request's API key: header, the header
	// x-api-key, or authorizer, usageIdentifierKey in the reply of its Lambda
	// authorizer (ApiKeySourceType).
	APIKeySource string `yaml:"apiKeySource" default:"header" enum:"header authorizer"`
	// APIKeys are the API keys of a REST API, by name (AWS::ApiGateway::ApiKey). They
	// open routes with apiKeyRequired, through the usage plan that names them.
	APIKeys Map[*APIKey] `yaml:"apiKeys" keys:"resource name" maxItems:"300"`
	// UsagePlans say how often the holders of keys may call, by name
	// (AWS::ApiGateway::UsagePlan).
	UsagePlans Map[*UsagePlan] `yaml:"usagePlans" keys:"resource name" maxItems:"300"`
	// Throttle bounds each route of a REST API that has no throttle of its own
	// (AWS::ApiGateway::Stage MethodSettings of all methods).
	Throttle *Throttle `yaml:"throttle"`

	_ struct{} `noun:"an API" later:"resourcePolicy"`
}

// An APIKey counts who calls a REST API; it does not authorize
// (AWS::ApiGateway::ApiKey).
type APIKey struct {
	// Value is the key: ${secret:NAME}, with 20 to 128 characters. Without one it is
	// made and kept in the stage's state, and ${apis.API.apiKeys.NAME.value} shows it
	// (Value).
	Value Expr `yaml:"value" refs:"an API key" nonEmpty:"true"`

	_ struct{} `noun:"an API key"`
}

// A UsagePlan says how often the holders of its keys may call
// (AWS::ApiGateway::UsagePlan). Requests are counted from each start anew.
type UsagePlan struct {
	// APIKeys are the names of the plan's keys. A key is in one plan
	// (AWS::ApiGateway::UsagePlanKey).
	APIKeys []string `yaml:"apiKeys" required:"true" grammar:"resource name" minItems:"1" unique:"true"`
	// Throttle bounds each key over all routes (Throttle).
	Throttle *Throttle `yaml:"throttle"`
	// Routes bound each key on a route, by route key, in the place of throttle
	// (ApiStages Throttle).
	Routes Map[*Throttle] `yaml:"routes" keys:"route key"`
	// Quota bounds the requests of each key in a period (Quota).
	Quota *Quota `yaml:"quota"`

	_ struct{} `noun:"a usage plan"`
}

// A Throttle bounds requests by a token bucket (ThrottleSettings).
type Throttle struct {
	// RateLimit is how many requests a second are let in over time (RateLimit).
	RateLimit int `yaml:"rateLimit" required:"true" min:"0" max:"10000"`
	// BurstLimit is how many are let in at once (BurstLimit).
	BurstLimit int `yaml:"burstLimit" required:"true" min:"0" max:"10000"`

	_ struct{} `noun:"a throttle"`
}

// A Quota bounds requests in a period of the calendar, in UTC (QuotaSettings).
type Quota struct {
	// Limit is how many requests there may be in a period (Limit).
	Limit int `yaml:"limit" required:"true" min:"1" max:"2147483647"`
	// Period is the period (Period).
	Period string `yaml:"period" required:"true" enum:"day week month"`

	_ struct{} `noun:"a quota" later:"offset"`
}

// A GatewayResponse changes one type of answer that a REST API gives by itself
// (AWS::ApiGateway::GatewayResponse).
type GatewayResponse struct {
	// StatusCode is the status. Without one it is that of the type (StatusCode).
	StatusCode int `yaml:"statusCode" min:"200" max:"599"`
	// Headers are headers of the answer, by name (ResponseParameters,
	// gatewayresponse.header.NAME): a literal in single quotes, such as "'*'", or
	// method.request.header.NAME, method.request.querystring.NAME,
	// method.request.path.NAME, context.NAME or stageVariables.NAME.
	Headers Map[string] `yaml:"headers" keys:"response header name" grammar:"response parameter"`
	// Templates are bodies, by media type (ResponseTemplates). In them
	// $context.NAME, $stageVariables.NAME and $method.request.header.NAME are
	// replaced, and nothing else.
	Templates Map[string] `yaml:"templates" keys:"media type" grammar:"template" maxItems:"1"`

	_ struct{} `noun:"a gateway response"`
}

// APIDefaults are what a route of the API has when it does not say otherwise.
type APIDefaults struct {
	// Authorizer is the authorizer of the API's routes: one of its authorizers, or
	// none. An API that declares authorizers and no default must name one, or none,
	// on each route: a route is never open by forgetting.
	Authorizer string `yaml:"authorizer" grammar:"authorizer" later:"iam"`
	// Scopes are the scopes of routes that have an authorizer: a token needs at
	// least one of them (AuthorizationScopes).
	Scopes []string `yaml:"scopes" grammar:"scope" maxItems:"10" unique:"true"`
	// Function are the settings of the functions. Environments are merged, the
	// function's own variables winning.
	Function *FunctionSettings `yaml:"function"`
	// PayloadFormatVersion is the format of the events the functions get
	// (AWS::ApiGatewayV2::Integration PayloadFormatVersion).
	PayloadFormatVersion string `yaml:"payloadFormatVersion" enum:"2.0 1.0" inherits:"2.0"`

	_ struct{} `noun:"an API's defaults"`
}

// CORS is a CorsConfiguration of an HTTP API (API Gateway developer guide,
// http-api-cors).
type CORS struct {
	// AllowOrigins are the origins that may call: *, https://*, http://*, or an origin
	// such as https://example.com.
	AllowOrigins []string `yaml:"allowOrigins" required:"true" grammar:"origin" minItems:"1" unique:"true"`
	// AllowMethods are the methods that may be used, or *.
	AllowMethods []string `yaml:"allowMethods" enum:"* GET HEAD POST PUT PATCH DELETE OPTIONS" unique:"true"`
	// AllowHeaders are the request headers that may be sent, or *.
	AllowHeaders []string `yaml:"allowHeaders" grammar:"header name" unique:"true"`
	// ExposeHeaders are the response headers a script may read, or *.
	ExposeHeaders []string `yaml:"exposeHeaders" grammar:"header name" unique:"true"`
	// MaxAge is for how long a browser may keep the answer to a preflight: whole
	// seconds, at most a day. By default the header is not sent.
	MaxAge time.Duration `yaml:"maxAge" min:"0s" max:"1d" step:"1s"`
	// AllowCredentials lets a browser send cookies and Authorization. It cannot be
	// combined with the origin *.
	AllowCredentials bool `yaml:"allowCredentials" default:"false"`

	_ struct{} `noun:"a cors setting" shorthand:"true"`
}

// An Authorizer decides who may call a route (AWS::ApiGatewayV2::Authorizer or
// AWS::ApiGateway::Authorizer; API Gateway developer guide, http-api-jwt-authorizer,
// http-api-lambda-authorizer, apigateway-use-lambda-authorizer).
type Authorizer struct {
	// Type is jwt, tokens of any OpenID Connect issuer, user_pool, tokens of a user
	// pool of this file, or lambda, whatever a function says.
	Type string `yaml:"type" required:"true" enum:"jwt user_pool lambda"`
	// Issuer is the URL that must be a token's iss, to the letter, and below which
	// .well-known/openid-configuration is read (JwtConfiguration.Issuer). https, or
	// http on this machine.
	Issuer Expr `yaml:"issuer" for:"jwt" required:"true" refs:"an issuer" nonEmpty:"true"`
	// Audience are the values one of which a token's aud must hold; client_id is
	// compared for a token without aud (JwtConfiguration.Audience). At most 50.
	Audience []Expr `yaml:"audience" for:"jwt" required:"true" minItems:"1" maxItems:"50" refs:"an audience" nonEmpty:"true"`
	// IdentitySource is where the token is: $request.header.NAME or
	// $request.querystring.NAME, exactly one (IdentitySource). Of type lambda there may
	// be any number, also $context.NAME and $stageVariables.NAME: all have to be in a
	// request, and a cached answer is found by them. In a REST API the forms are
	// method.request.header.NAME, method.request.querystring.NAME, context.NAME and
	// stageVariables.NAME. By default the Authorization header.
	IdentitySource []string `yaml:"identitySource" default:"$request.header.Authorization" grammar:"identity source" single:"true" maxItems:"20"`
	// Function is the function that decides (AuthorizerUri): a handler, or a mapping
	// with the handler and its settings.
	Function *Function `yaml:"function" for:"lambda" required:"true"`
	// Kind is what the function of a REST API gets: the request, or the token alone
	// (Type REQUEST or TOKEN). An HTTP API has request only.
	Kind string `yaml:"kind" for:"lambda" default:"request" enum:"request token"`
	// PayloadFormatVersion is the format of the function's event in an HTTP API
	// (AuthorizerPayloadFormatVersion).
	PayloadFormatVersion string `yaml:"payloadFormatVersion" for:"lambda" default:"2.0" enum:"2.0 1.0"`
	// EnableSimpleResponses says that the function of an HTTP API answers with
	// isAuthorized in the place of a policy (EnableSimpleResponses).
	EnableSimpleResponses bool `yaml:"enableSimpleResponses" for:"lambda" default:"false"`
	// ResultTTLInSeconds is how long an answer is kept for all routes of the
	// authorizer, found by its identity sources; 0 keeps none
	// (AuthorizerResultTtlInSeconds).
	ResultTTLInSeconds int `yaml:"resultTtlInSeconds" for:"lambda" default:"300" min:"0" max:"3600"`
	// IdentityValidationExpression is a regular expression that the whole token has to
	// match for the function to be asked; only of the kind token
	// (IdentityValidationExpression).
	IdentityValidationExpression string `yaml:"identityValidationExpression" for:"lambda" grammar:"validation expression"`
	// UserPool is the name of the user pool whose tokens are good.
	UserPool string `yaml:"userPool" for:"user_pool" required:"true" grammar:"resource name"`
	// Clients are the names of the pool's clients whose tokens are good. By default
	// all clients of the pool. At most 50.
	Clients []string `yaml:"clients" for:"user_pool" grammar:"resource name" minItems:"1" maxItems:"50" unique:"true"`

	_ struct{} `noun:"an authorizer" discriminator:"type"`
}

// A Route is a route of an API and its integration (AWS::ApiGatewayV2::Route and
// AWS::ApiGatewayV2::Integration). A text in its place is its function's handler.
type Route struct {
	// Function answers the route: a handler, or a mapping with the handler and its
	// settings.
	Function *Function `yaml:"function" oneof:"true"`
	// URL is the HTTP server that answers the route: http://host:port, with a path
	// if need be.
	URL Expr `yaml:"url" oneof:"true" refs:"a url" nonEmpty:"true"`
	// Authorizer is one of the API's authorizers, or none: open to everybody.
	Authorizer string `yaml:"authorizer" grammar:"authorizer" later:"iam"`
	// Scopes are the scopes one of which a token needs (AuthorizationScopes). At
	// most 10; an empty list asks for none.
	Scopes []string `yaml:"scopes" grammar:"scope" maxItems:"10" unique:"true"`
	// PayloadFormatVersion is the format of the event the function gets.
	PayloadFormatVersion string `yaml:"payloadFormatVersion" enum:"2.0 1.0" inherits:"2.0"`
	// Timeout is how long the gateway waits for the function or the url: 50
	// milliseconds to 30 seconds, or to 29 seconds in a REST API (TimeoutInMillis). By
	// default the longest.
	Timeout time.Duration `yaml:"timeout" min:"50ms" max:"30s" step:"1ms"`

	// RequestParameters are what a request to a REST API must have:
	// method.request.header.NAME or method.request.querystring.NAME; a request
	// without them is answered 400 (AWS::ApiGateway::Method RequestParameters, with a
	// validator of parameters).
	RequestParameters []string `yaml:"requestParameters" grammar:"request parameter" unique:"true"`

	// APIKeyRequired asks a request to a REST API for an API key (ApiKeyRequired).
	APIKeyRequired bool `yaml:"apiKeyRequired" default:"false"`
	// Throttle bounds the route of a REST API (AWS::ApiGateway::Stage MethodSettings).
	Throttle *Throttle `yaml:"throttle"`

	_ struct{} `noun:"a route" later:"permissions requestModels" shorthand:"function"`
}

// A Function is a Lambda function (AWS::Lambda::Function). A text in its place is
// its handler.
type Function struct {
	// Handler is a directory that holds a Go main package, or path/file.export for a
	// .js, .mjs, .cjs, .ts or .py file, relative to the declaration.
	Handler string `yaml:"handler" required:"true" grammar:"handler path"`

	FunctionSettings

	_ struct{} `noun:"a function" later:"permissions" shorthand:"handler"`
}

// FunctionSettings are a function's settings that an API's defaults can give.
//
// A zero value is not set: App.Functions has the settings in force.
type FunctionSettings struct {
	// Timeout is how long one invocation may take: whole seconds, 1 second to 15
	// minutes (Timeout).
	Timeout time.Duration `yaml:"timeout" inherits:"3s" min:"1s" max:"900s" step:"1s"`
	// MemorySize is the memory in MB (MemorySize).
	MemorySize int `yaml:"memorySize" inherits:"128" min:"128" max:"10240"`
	// Environment are the function's environment variables (Environment.Variables):
	// at most 4 KB in all. They may refer to secrets.
	Environment Map[Expr] `yaml:"environment" keys:"environment variable name" refs:"an environment variable"`
	// Concurrency is how many invocations may run at once
	// (ReservedConcurrentExecutions). By default there is no limit of its own.
	Concurrency int `yaml:"concurrency" min:"1" max:"1000"`

	_ struct{} `noun:"a function's settings" later:"permissions"`
}
