package app

import "time"

// A Tenant is an Auth0 tenant. Locally it is a stand-in for one, on an origin of its
// own; with a domain it is the real one, of which only the issuer and the client ids
// are used.
type Tenant struct {
	// Domain is the domain of a real tenant, such as myorg.us.auth0.com. Nothing is then
	// run in its place: its keys are fetched. It belongs below stages.
	Domain string `yaml:"domain" grammar:"tenant domain"`
	// Applications are who asks the tenant for tokens, by name (Auth0 applications,
	// clients of its API).
	Applications Map[*Application] `yaml:"applications" keys:"resource name"`
	// APIs are who the access tokens are for, by name (Auth0 APIs, resource servers).
	APIs Map[*TenantAPI] `yaml:"apis" keys:"resource name"`
	// Roles give for each API the permissions of who has the role, by name (Auth0
	// roles).
	Roles Map[Map[[]string]] `yaml:"roles" keys:"role name" grammar:"permission" unique:"true"`
	// Users are users of the tenant's database connection. An entry here is applied when
	// it is new or was changed; what is changed of a user at run time stays until then.
	// Who is taken out here is deleted.
	Users []*TenantUser `yaml:"users"`
	// SignUp lets anybody become a user of the database connection, on the sign-up page
	// and by the sign-up API. Auth0 lets them unless disable_signup is set; here it has to
	// be said, as of a user pool, so that who reads this file knows who can get in.
	SignUp bool `yaml:"signUp" default:"false"`
	// HTTPS has the tenant's origin served by https, by the certificate authority that
	// `doorwright trust` shows: for SDKs that put https:// before a domain. By default it is
	// http, which needs nobody's trust.
	HTTPS bool `yaml:"https" default:"false"`
	// Actions are the functions that run inside the tenant's sign-ins (Auth0 Actions).
	Actions Actions `yaml:"actions"`
	// Port makes the tenant's origin http://localhost:PORT, or https. By default a free
	// one from 4000 on, which the stage remembers.
	Port int `yaml:"port" min:"1" max:"65535"`

	_ struct{} `noun:"a tenant" later:"organizations connections branding mfa passwordless defaultAudience allowedLogoutUrls"`
}

// Actions are the functions that a tenant runs inside its sign-ins (Auth0 Actions).
type Actions struct {
	// PostLogin runs after each sign-in and before its tokens, and at each refresh; it may
	// add claims, change scopes and refuse (post-login). Of a JavaScript or TypeScript
	// file an export named onExecutePostLogin runs as in Auth0, where event.secrets is the
	// environment; any other function answers a list of commands, such as
	// [{"accessToken.setCustomClaim": ["https://example.com/plan", "pro"]}].
	PostLogin *Function `yaml:"postLogin"`

	_ struct{} `noun:"a tenant's actions" later:"credentialsExchange preUserRegistration postUserRegistration postChangePassword sendPhoneMessage passwordResetPostChallenge"`
}

// An Application asks a tenant for tokens.
type Application struct {
	// Type is the kind of application (app_type): spa and native cannot keep a secret
	// and have none; regular_web signs users in with one; non_interactive is a machine.
	Type string `yaml:"type" required:"true" enum:"spa regular_web non_interactive native"`
	// Callbacks are where a sign-in may return to, letter by letter (callbacks).
	// Wildcards are not taken.
	Callbacks []string `yaml:"callbacks" grammar:"redirect URL" minItems:"1" unique:"true"`
	// LogoutURLs are where a sign-out may return to (allowed_logout_urls).
	LogoutURLs []string `yaml:"logoutUrls" grammar:"redirect URL" minItems:"1" unique:"true"`
	// WebOrigins are the origins of pages that may renew tokens in a hidden frame and
	// ask the token endpoint (web_origins).
	WebOrigins []string `yaml:"webOrigins" grammar:"web origin" minItems:"1" unique:"true"`
	// Grants are the permissions that the application itself has, by API (client
	// grants): its tokens by client_credentials have all of them. Under management are
	// scopes of the tenant's own Management API. Not for spa and native, unless they are
	// another party's.
	Grants Map[[]string] `yaml:"grants" keys:"resource name" grammar:"permission" unique:"true"`
	// FirstParty says that the application is your own (is_first_party). One of another
	// party asks users what it may have, and has of an API at most what its grants say.
	FirstParty bool `yaml:"firstParty" default:"true"`
	// GrantTypes are what the application may ask for (grant_types), where implicit is
	// tokens from /authorize itself. By default all that its type can but for the
	// password ones: implicit, authorization_code and refresh_token, for regular_web
	// client_credentials too, and for non_interactive that alone.
	GrantTypes []string `yaml:"grantTypes" enum:"implicit authorization_code refresh_token client_credentials password http://auth0.com/oauth/grant-type/password-realm" later:"http://auth0.com/oauth/grant-type/passwordless/otp http://auth0.com/oauth/grant-type/mfa-otp http://auth0.com/oauth/grant-type/mfa-oob http://auth0.com/oauth/grant-type/mfa-recovery-code urn:ietf:params:oauth:grant-type:device_code urn:ietf:params:oauth:grant-type:token-exchange" minItems:"1" unique:"true"`
	// RefreshTokenRotation gives a new refresh token with each use and ends the old one;
	// its second use ends all that came of the sign-in (refresh_token rotation_type). By
	// default true for spa and native, false for regular_web.
	RefreshTokenRotation *bool `yaml:"refreshTokenRotation"`
	// ClientID is the application's id in the real tenant: only with a domain.
	ClientID string `yaml:"clientId" grammar:"client id"`

	_ struct{} `noun:"an application" later:"allowedOrigins jwtConfiguration organizations crossOriginAuthentication"`
}

// A TenantAPI is an API that a tenant's access tokens are for (a resource server).
type TenantAPI struct {
	// Identifier names the API as audience, such as https://unicorns.example
	// (identifier).
	Identifier string `yaml:"identifier" required:"true" grammar:"api identifier"`
	// RBAC gives a user's token only the permissions that the user has
	// (enforce_policies); otherwise any that was asked for.
	RBAC bool `yaml:"rbac" default:"false"`
	// Permissions are what may be asked for as scope (scopes).
	Permissions []string `yaml:"permissions" grammar:"permission" unique:"true"`
	// TokenDialect is the form of access tokens (token_dialect); those that end in _authz
	// have the claim permissions, and need rbac.
	TokenDialect string `yaml:"tokenDialect" default:"access_token" enum:"access_token access_token_authz rfc9068_profile rfc9068_profile_authz"`
	// AllowOfflineAccess lets applications ask for a refresh token
	// (allow_offline_access).
	AllowOfflineAccess bool `yaml:"allowOfflineAccess" default:"false"`
	// TokenLifetime is how long an access token is good (token_lifetime).
	TokenLifetime time.Duration `yaml:"tokenLifetime" default:"1d" min:"1s" max:"30d" step:"1s"`

	_ struct{} `noun:"an API of a tenant" later:"signingAlg consentPolicy subjectTypeAuthorization"`
}

// A TenantUser is a user of a tenant.
type TenantUser struct {
	// Email is what the user signs in with. It is kept in small letters.
	Email string `yaml:"email" required:"true" grammar:"email address"`
	// Password is the user's; it may be ${secret:NAME}.
	Password Expr `yaml:"password" required:"true" refs:"a user's password" nonEmpty:"true"`
	// Roles are the user's roles.
	Roles []string `yaml:"roles" grammar:"role name" unique:"true"`
	// Permissions are those that the user has beside those of roles, by API.
	Permissions Map[[]string] `yaml:"permissions" keys:"resource name" grammar:"permission" unique:"true"`
	// EmailVerified says that the address was verified (email_verified).
	EmailVerified bool `yaml:"emailVerified" default:"false"`
	// Name is the user's full name; by default the email (name).
	Name string `yaml:"name" grammar:"profile text"`
	// Nickname is by default what is before the @ (nickname).
	Nickname string `yaml:"nickname" grammar:"profile text"`
	// GivenName is the user's first name (given_name).
	GivenName string `yaml:"givenName" grammar:"profile text"`
	// FamilyName is the user's last name (family_name).
	FamilyName string `yaml:"familyName" grammar:"profile text"`
	// UserMetadata is what the user may see and change of its own data (user_metadata).
	UserMetadata Object `yaml:"userMetadata"`
	// AppMetadata is what applications know of the user (app_metadata).
	AppMetadata Object `yaml:"appMetadata"`
	// Blocked keeps the user from signing in, and ends what it began (blocked).
	Blocked bool `yaml:"blocked" default:"false"`

	_ struct{} `noun:"a user of a tenant" later:"username phone"`
}
