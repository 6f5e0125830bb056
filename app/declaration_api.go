package app

import "time"

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

	// AccessLog keeps a line of each request, as API Gateway would log it: on your machine
	// in access-API.log in the stage's folder, which ends at 8 MB; on AWS in a log group
	// of CloudWatch (AccessLogSettings of the stage, AWS::Logs::LogGroup).
	AccessLog *AccessLog `yaml:"accessLog"`

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

	// ResourcePolicy is a REST API's own policy (AWS::ApiGateway::RestApi Policy). A
	// route without an authorizer is open to whom it allows, and closed to all others.
	ResourcePolicy *ResourcePolicy `yaml:"resourcePolicy"`

	_ struct{} `noun:"an API"`
}

// An AccessLog is what is logged of each request (AWS::ApiGatewayV2::Stage
// AccessLogSettings, AWS::ApiGateway::Stage AccessLogSetting; API Gateway developer
// guide, http-api-logging, set-up-access-logging).
type AccessLog struct {
	// Format is the line, with $context.NAME where a value of the request belongs: JSON,
	// CLF, CSV, XML or any other text (Format). It has $context.requestId in it. What a
	// request does not have is logged as -.
	Format string `yaml:"format" required:"true" nonEmpty:"true" grammar:"access log format"`
	// RetentionInDays is for how long AWS keeps the lines (RetentionInDays of the log
	// group), in the steps that CloudWatch has.
	RetentionInDays int `yaml:"retentionInDays" default:"30" min:"1" max:"3653"`

	_ struct{} `noun:"an access log" shorthand:"format"`
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
	// Authorizer is the authorizer of the API's routes: one of its authorizers, iam, or
	// none. An API that declares authorizers and no default must name one, or none,
	// on each route: a route is never open by forgetting.
	Authorizer string `yaml:"authorizer" grammar:"authorizer"`
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
	// such as https://example.com (AllowOrigins).
	AllowOrigins []string `yaml:"allowOrigins" required:"true" grammar:"origin" minItems:"1" unique:"true"`
	// AllowMethods are the methods that may be used, or * (AllowMethods).
	AllowMethods []string `yaml:"allowMethods" enum:"* GET HEAD POST PUT PATCH DELETE OPTIONS" unique:"true"`
	// AllowHeaders are the request headers that may be sent, or * (AllowHeaders).
	AllowHeaders []string `yaml:"allowHeaders" grammar:"header name" unique:"true"`
	// ExposeHeaders are the response headers a script may read, or * (ExposeHeaders).
	ExposeHeaders []string `yaml:"exposeHeaders" grammar:"header name" unique:"true"`
	// MaxAge is for how long a browser may keep the answer to a preflight: whole
	// seconds, at most a day (MaxAge). By default the header is not sent.
	MaxAge time.Duration `yaml:"maxAge" min:"0s" max:"1d" step:"1s"`
	// AllowCredentials lets a browser send cookies and Authorization (AllowCredentials).
	// It cannot be combined with the origin *.
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
	// Permissions are what the function may do with other resources, beside its own
	// permissions.
	Permissions []*Permission `yaml:"permissions" maxItems:"100" unique:"true"`
	// URL is the HTTP server that answers the route: http://host:port, with a path
	// if need be.
	URL Expr `yaml:"url" oneof:"true" refs:"a url" nonEmpty:"true"`
	// Authorizer is one of the API's authorizers; iam, who signs requests with AWS
	// credentials (Signature Version 4) that allow execute-api:Invoke (AuthorizationType
	// AWS_IAM); or none: open to everybody.
	Authorizer string `yaml:"authorizer" grammar:"authorizer"`
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

	_ struct{} `noun:"a route" later:"requestModels" shorthand:"function"`
}

// A Function is a Lambda function (AWS::Lambda::Function). A text in its place is
// its handler.
type Function struct {
	// Handler is a directory that holds a Go main package, or path/file.export for a
	// .js, .mjs, .cjs, .ts or .py file, relative to the declaration.
	Handler string `yaml:"handler" required:"true" grammar:"handler path"`

	FunctionSettings

	_ struct{} `noun:"a function" shorthand:"handler"`
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
	// Permissions are what the function may do with other resources (Role): it has keys
	// of a role of its own, which allows them and nothing else. Those of an API's
	// defaults are added to the function's own.
	Permissions []*Permission `yaml:"permissions" maxItems:"100" unique:"true"`

	_ struct{} `noun:"a function's settings"`
}
