package app

// An IdentityPool gives temporary AWS credentials to who is signed in elsewhere, and,
// if it is told to, to anybody (AWS::Cognito::IdentityPool).
type IdentityPool struct {
	// UserPools are the user pools whose ID tokens are good (CognitoIdentityProviders):
	// the name of a pool is all of its clients.
	UserPools []*IdentityUserPool `yaml:"userPools" maxItems:"50" unique:"true"`
	// Federation are other issuers whose ID tokens are good, by name
	// (OpenIdConnectProviderARNs): an application of a tenant, or an issuer and one of
	// its clients.
	Federation Map[*Federation] `yaml:"federation" keys:"resource name" maxItems:"50"`
	// AllowUnauthenticatedIdentities gives credentials to who is not signed in, too
	// (AllowUnauthenticatedIdentities): those of permissions.unauthenticated.
	AllowUnauthenticatedIdentities bool `yaml:"allowUnauthenticatedIdentities" default:"false"`
	// AllowClassicFlow lets clients get an OpenID token and call
	// AssumeRoleWithWebIdentity themselves (AllowClassicFlow).
	AllowClassicFlow bool `yaml:"allowClassicFlow" default:"false"`
	// ServerSideTokenCheck refuses the tokens of users of user pools who were signed out
	// everywhere, disabled or deleted (CognitoIdentityProviders ServerSideTokenCheck).
	ServerSideTokenCheck bool `yaml:"serverSideTokenCheck" default:"false"`
	// DeveloperProviderName is the name under which the app's own servers sign users in,
	// by GetOpenIdTokenForDeveloperIdentity (DeveloperProviderName).
	DeveloperProviderName string `yaml:"developerProviderName" grammar:"developer provider name"`
	// Permissions are what the credentials allow. Without any they allow nothing.
	Permissions IdentityPermissions `yaml:"permissions"`
	// RoleMappings choose other permissions than permissions.authenticated for some of a
	// provider's users (AWS::Cognito::IdentityPoolRoleAttachment RoleMappings): by the
	// name of a user pool in userPools or of an issuer in federation.
	RoleMappings Map[*RoleMapping] `yaml:"roleMappings" keys:"resource name" maxItems:"10"`
	// PrincipalTags give the sessions of a provider's users tags (session tags), by
	// provider as in roleMappings: the claim that each tag has its value of, such as
	// {Users: {username: sub}} (AWS::Cognito::IdentityPoolPrincipalTag). Policies use
	// them as aws:PrincipalTag/TAG.
	PrincipalTags Map[Map[string]] `yaml:"principalTags" keys:"tag name" grammar:"claim name" maxItems:"50"`

	_ struct{} `noun:"an identity pool" later:"samlProviders supportedLoginProviders cognitoStreams pushSync"`
}

// An IdentityUserPool is a user pool whose users have identities. A text in its place
// is the name of the pool.
type IdentityUserPool struct {
	// UserPool is the name of the user pool (ProviderName).
	UserPool string `yaml:"userPool" required:"true" grammar:"resource name"`
	// Clients are the names of the pool's clients whose tokens are good (ClientId). By
	// default all clients of the pool.
	Clients []string `yaml:"clients" grammar:"resource name" minItems:"1" maxItems:"50" unique:"true"`

	_ struct{} `noun:"a user pool of an identity pool" shorthand:"userPool"`
}

// A Federation is an issuer elsewhere whose users have identities
// (AWS::IAM::OIDCProvider): tenant and application, or domain and clientId, or issuer
// and clientId.
type Federation struct {
	// Tenant is the name of a tenant of this file.
	Tenant string `yaml:"tenant" oneof:"true" grammar:"resource name"`
	// Domain is the domain of an Auth0 tenant elsewhere, such as myorg.us.auth0.com.
	Domain string `yaml:"domain" oneof:"true" grammar:"tenant domain"`
	// Issuer is the URL of any other OpenID Connect issuer, as it is in its tokens' iss:
	// https, or http on this machine (Url).
	Issuer Expr `yaml:"issuer" oneof:"true" refs:"an issuer" nonEmpty:"true"`
	// Application is the name of the application of the tenant whose ID tokens are good.
	Application string `yaml:"application" grammar:"resource name"`
	// ClientID is the client whose ID tokens are good, of a domain or an issuer
	// (ClientIdList).
	ClientID string `yaml:"clientId" grammar:"claim name"`
	// ProviderARN is the provider of the issuer that the AWS account has already. An
	// account has one for each URL: without it deploy refuses a second stack with that
	// issuer. The client has to be in its list, which deploy looks at.
	ProviderARN string `yaml:"providerArn" grammar:"OIDC provider ARN"`

	_ struct{} `noun:"a federation"`
}

// IdentityPermissions are what an identity pool's credentials allow
// (AWS::Cognito::IdentityPoolRoleAttachment Roles). Each is a role of its own.
type IdentityPermissions struct {
	// Authenticated are the permissions of who is signed in.
	Authenticated []*Permission `yaml:"authenticated" maxItems:"100" unique:"true"`
	// Unauthenticated are the permissions of everybody else.
	Unauthenticated []*Permission `yaml:"unauthenticated" maxItems:"100" unique:"true"`

	_ struct{} `noun:"an identity pool's permissions"`
}

// A RoleMapping chooses the role of a signed-in user (RoleMapping).
type RoleMapping struct {
	// Type is token, the role of the user's group as the ID token names it, or rules
	// (Type).
	Type string `yaml:"type" required:"true" enum:"token rules"`
	// AmbiguousRoleResolution says what a user gets for whom no role was found: deny,
	// nothing, or authenticatedRole, permissions.authenticated
	// (AmbiguousRoleResolution).
	AmbiguousRoleResolution string `yaml:"ambiguousRoleResolution" default:"deny" enum:"deny authenticatedRole"`
	// Rules are looked at in order, and the first that holds decides (RulesConfiguration).
	// At most 25.
	Rules []*RoleRule `yaml:"rules" for:"rules" required:"true" minItems:"1" maxItems:"25"`

	_ struct{} `noun:"a role mapping" discriminator:"type"`
}

// A RoleRule gives a role to who has a claim (MappingRule).
type RoleRule struct {
	// Claim is the claim of the ID token, such as custom:role (Claim).
	Claim string `yaml:"claim" required:"true" grammar:"claim name"`
	// MatchType is how the claim is compared; notEqual does not hold for who has no such
	// claim (MatchType).
	MatchType string `yaml:"matchType" default:"equals" enum:"equals contains startsWith notEqual"`
	// Value is what the claim is compared with (Value).
	Value string `yaml:"value" required:"true" grammar:"rule value"`
	// Permissions are those of a role of the rule's own.
	Permissions []*Permission `yaml:"permissions" oneof:"true" maxItems:"100" unique:"true"`
	// Role is a role of this file in its place: authenticated, that of
	// permissions.authenticated, or USERPOOL.GROUP, that of a group with permissions
	// (RoleARN).
	Role string `yaml:"role" oneof:"true" grammar:"declared role"`

	_ struct{} `noun:"a rule"`
}

// A Permission is a declared resource that may be used whole, or an IAM statement. A
// text in its place is the name of the resource.
type Permission struct {
	// Resource is the name of an API, whose routes may be called; of a table, whose items
	// may be read and written; of a bucket, whose objects may be read, written, deleted
	// and listed; of a user pool or an identity pool, whose users a function may manage.
	// Write tables.NAME where several resources have the name.
	Resource string `yaml:"resource" oneof:"true" grammar:"declared resource"`
	// Actions are what may be done: service:Name, with * for any run of characters and ?
	// for one (Action).
	Actions []string `yaml:"actions" oneof:"true" grammar:"IAM action" single:"true" minItems:"1" unique:"true"`
	// Resources are what it may be done with (Resource): the name of a declared resource,
	// or a part of it, such as Notes, Notes/index/*, Uploads/public/*, Api/GET/items; an
	// ARN; or "*". Policy variables such as ${cognito-identity.amazonaws.com:sub} stand
	// for what is known of the caller.
	Resources []string `yaml:"resources" grammar:"statement resource" variables:"true" single:"true" minItems:"1" unique:"true"`
	// Condition are values by operator and key, such as StringEquals: {"s3:prefix":
	// public/} (Condition).
	Condition Map[Map[[]string]] `yaml:"condition" keys:"condition operator or key" grammar:"condition value" variables:"true" single:"true" minItems:"1"`
	// Effect is Allow, or Deny, which counts before every Allow (Effect).
	Effect string `yaml:"effect" default:"Allow" enum:"Allow Deny"`

	_ struct{} `noun:"a permission" shorthand:"resource" later:"notActions notResources"`

	path string // where it is written
}

// Path returns where the permission is written, such as
// identityPools.Auth.permissions.authenticated[1], for App.Pos.
func (p *Permission) Path() string { return p.path }

func (p *Permission) setPath(path string) { p.path = path }
