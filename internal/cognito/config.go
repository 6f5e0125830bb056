package cognito

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/store"
)

// Config is what a Service needs. Fields without a stated default are required.
type Config struct {
	// Region is the AWS region that is played; pool ids begin with it.
	Region string
	// AccountID is the account in ARNs.
	AccountID string
	// IssuerBase is the origin before the pool id in "iss", without a final
	// slash, such as http://localhost:4566. It is never taken from a request.
	IssuerBase string
	// DB is the stage's database, migrated with Migrations.
	DB *store.DB
	// Mailbox receives what Cognito would send by e-mail and SMS.
	Mailbox *store.Mailbox
	// Pools are the declared pools, in the declaration's order. A pool or
	// client that is no longer declared keeps its state and is not served.
	Pools []PoolConfig
	// Authenticate verifies the signature of a signed request and says who
	// made it. An *aws.Error goes to the client as it is; any other error is an
	// internal one.
	Authenticate func(r *http.Request, body []byte) (Principal, error)
	// Invoke runs the functions of triggers; required if there are any. It is
	// first called after Open.
	Invoke Invoke
	// TriggerTimeout is how long a trigger may take; Cognito's 5 seconds if 0.
	TriggerTimeout time.Duration
	// GenerateKey makes a signing key, which has keyBits: a new one of Go's if nil. It is
	// for tests, as that is slow.
	GenerateKey func() (*rsa.PrivateKey, error)
	// OpenDomain and CloseDomain are for the domains that requests make. Nil:
	// no request makes one.
	OpenDomain  OpenDomain
	CloseDomain func(pool string)
	// Log is told of each operation when it has ended. Nil: nobody is.
	Log func(Event)
	// CodeSent is told of each message that went into the mailbox. Nil: nobody
	// is. It may show the code on the user's terminal, and nowhere else.
	CodeSent func(CodeSent)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Principal is who signed a request.
type Principal struct {
	// Root may do everything.
	Root bool
	// Authorize says whether anybody else may do an action, such as
	// cognito-idp:ListUsers, with a user pool, by its ARN, or with "*". Its error is
	// AWS's text for the refusal, and the cause below it what decided. Nil allows
	// nothing.
	Authorize func(action, resource string) (iam.Decision, error)
	// ARN is the caller's, for the log.
	ARN string
}

// PoolConfig declares a user pool.
type PoolConfig struct {
	// Name is the declared name. The pool's id is kept under it.
	Name string
	// UsernameAttributes lists what users sign up and in with in place of a
	// username: "email", "phone_number". It excludes AliasAttributes.
	UsernameAttributes []string
	// AliasAttributes lists what users may sign in with beside their username:
	// "email", "phone_number", "preferred_username".
	AliasAttributes []string
	// CaseSensitive makes usernames and aliases differ by case.
	CaseSensitive bool
	// AutoVerifiedAttributes lists what is verified by a code at sign-up:
	// "email", "phone_number".
	AutoVerifiedAttributes []string
	// AdminCreateUserOnly refuses SignUp.
	AdminCreateUserOnly bool
	// PasswordPolicy is the policy; nil is Cognito's default.
	PasswordPolicy *PasswordPolicy
	// AllowedFirstAuthFactors lists what USER_AUTH may begin with: PASSWORD, which
	// it must have, EMAIL_OTP, SMS_OTP. Nil is PASSWORD alone.
	AllowedFirstAuthFactors []string
	// MFA is the MfaConfiguration: OFF, which "" is too, OPTIONAL or ON.
	MFA string
	// EnabledMFAs lists the second factors that the pool takes:
	// SOFTWARE_TOKEN_MFA, SMS_MFA, EMAIL_OTP. It needs one, unless MFA is off.
	EnabledMFAs []string
	// Schema adds custom attributes, named "custom:...", and makes standard
	// attributes required.
	Schema []SchemaAttribute
	// Domain is the prefix of the pool's domain, where its hosted pages and
	// OAuth endpoints are; "" for none. On AWS they are at
	// https://DOMAIN.auth.REGION.amazoncognito.com.
	Domain string
	// Origin is where they are here: scheme, host and port. Required with
	// Domain. It is never taken from a request.
	Origin string
	// Groups are the declared groups; others may be added beside them.
	Groups []GroupConfig
	// ResourceServers are the declared resource servers; others may be added
	// beside them.
	ResourceServers []ResourceServerConfig
	// IdentityProviders are the declared providers that sign users in; others
	// may be added beside them.
	IdentityProviders []IdentityProviderConfig
	// Clients are the app clients; others may be added beside them.
	Clients []ClientConfig
	// AccountRecovery lists how a forgotten password may be recovered, in order:
	// "verified_email", "verified_phone_number", or "admin_only". Nil: by a
	// verified number, else by a verified address.
	AccountRecovery []string
	// Messages are the texts of codes and invitations.
	Messages Messages
	// Triggers are the functions that run inside the pool's operations.
	Triggers Triggers
}

// Messages are the texts in place of Cognito's own; "" keeps its own. A text
// holds {####} for the code or password, and an invitation {username}.
type Messages struct{ Verification, Invitation, Authentication MessageTexts }

// MessageTexts are a message's texts by medium.
type MessageTexts struct{ Email, Subject, SMS string }

// recoverAdmin is the recovery by nobody but an administrator.
const recoverAdmin = "admin_only"

// PasswordPolicy says which passwords a pool accepts.
type PasswordPolicy struct {
	// MinimumLength is 6 to 99.
	MinimumLength                                                      int
	RequireUppercase, RequireLowercase, RequireNumbers, RequireSymbols bool
	// TemporaryPasswordValidityDays is how long a user that an administrator
	// created may take to sign in; 0 means 7.
	TemporaryPasswordValidityDays int
}

// SchemaAttribute is an attribute that differs from the standard schema.
type SchemaAttribute struct {
	// Name is a standard attribute's, or "custom:" and up to 20 characters;
	// "dev:" before that keeps it from clients.
	Name string
	// Type is "String", "Number", "Boolean" or "DateTime"; "" means "String".
	// Ignored for standard attributes.
	Type string
	// Required makes a standard attribute required at sign-up.
	Required bool
	// Immutable forbids changes after the user was created.
	Immutable bool
	// Min and Max bound a string's length or a number's value. Nil: no bound
	// but Cognito's 2048 characters.
	Min, Max *int64
}

// ClientConfig declares an app client.
type ClientConfig struct {
	// Name is the declared name. The client's id is kept under it.
	Name string
	// ExplicitAuthFlows lists what AWS lists there, such as
	// ALLOW_USER_PASSWORD_AUTH. Nil is Cognito's default: SRP, custom, refresh.
	ExplicitAuthFlows []string
	// GenerateSecret gives the client a secret.
	GenerateSecret bool
	// PreventUserExistenceErrors hides whether a user exists (ENABLED); false
	// is LEGACY.
	PreventUserExistenceErrors bool
	// Token lifetimes; 0 means Cognito's default: 1 h, 1 h, 30 days.
	AccessTokenValidity, IDTokenValidity, RefreshTokenValidity time.Duration
	// AuthSessionValidity is how long a challenge may take; 0 means 3 minutes.
	AuthSessionValidity time.Duration
	// DisableTokenRevocation leaves jti and origin_jti out of tokens and
	// refuses RevokeToken.
	DisableTokenRevocation bool
	// Rotation gives a new refresh token with each refresh. Nil: none. It
	// excludes ALLOW_REFRESH_TOKEN_AUTH.
	Rotation *Rotation
	// ReadAttributes and WriteAttributes list what the client may see and set.
	// Nil: everything.
	ReadAttributes, WriteAttributes []string

	// AllowedOAuthFlowsUserPoolClient lets the client use the pool's domain at
	// all; the members below are then what it may do there.
	AllowedOAuthFlowsUserPoolClient bool
	// AllowedOAuthFlows lists "code" and "implicit", or "client_credentials".
	AllowedOAuthFlows []string
	// AllowedOAuthScopes lists built-in scopes and IDENTIFIER/SCOPE of the
	// pool's resource servers.
	AllowedOAuthScopes []string
	// CallbackURLs and LogoutURLs list where a browser may be sent after a
	// sign-in and a sign-out, to the letter.
	CallbackURLs, LogoutURLs []string
	// DefaultRedirectURI is one of CallbackURLs, or "".
	DefaultRedirectURI string
	// SupportedIdentityProviders lists who may sign users in for the client:
	// "COGNITO" and the pool's identity providers.
	SupportedIdentityProviders []string
}

// Limits of https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html.
const (
	minTokenValidity   = 5 * time.Minute
	maxTokenValidity   = 24 * time.Hour
	minRefreshValidity = time.Hour
	maxRefreshValidity = 10 * 365 * 24 * time.Hour
	minSessionValidity = 3 * time.Minute
	maxSessionValidity = 15 * time.Minute
)

var (
	authFlows = []string{
		"ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH",
		"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH",
		"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH",
	}
	declaredName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w\s+=,.@-]{1,128}$`) })
	customName    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(dev:)?custom:[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,20}$`) })
	domainPrefix  = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)
	contactable   = []string{"email", "phone_number"}
	aliasable     = []string{"email", "phone_number", "preferred_username"}
	defaultPolicy = PasswordPolicy{
		MinimumLength: 8, RequireUppercase: true, RequireLowercase: true,
		RequireNumbers: true, RequireSymbols: true, TemporaryPasswordValidityDays: 7,
	}
)

// validate gives every problem at once, joined. It changes nothing.
func (c *Config) validate() error {
	var problems []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	bad(c.Region == "", "Region is required")
	bad(c.AccountID == "", "AccountID is required")
	bad(c.DB == nil, "DB is required")
	bad(c.Mailbox == nil, "Mailbox is required")
	bad(c.Authenticate == nil, "Authenticate is required")
	u, err := url.Parse(c.IssuerBase)
	bad(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.HasSuffix(c.IssuerBase, "/"),
		"IssuerBase %q is not an origin without a final slash", c.IssuerBase)
	names := map[string]bool{}
	for i := range c.Pools {
		p := &c.Pools[i]
		bad(names[p.Name], "pool %q is declared twice", p.Name)
		names[p.Name] = true
		p.validate(func(wrong bool, format string, args ...any) {
			bad(wrong, "pool %q: %w", p.Name, fmt.Errorf(format, args...))
		})
		p.Triggers.validate(c.Invoke, func(wrong bool, format string, args ...any) {
			bad(wrong, "pool %q: %w", p.Name, fmt.Errorf(format, args...))
		})
	}
	return errors.Join(problems...)
}

func (p *PoolConfig) validate(bad func(bool, string, ...any)) {
	bad(!declaredName().MatchString(p.Name), "the name is not 1 to 128 of letters, digits, space and +=,.@-")
	bad(p.UsernameAttributes != nil && p.AliasAttributes != nil, "UsernameAttributes and AliasAttributes exclude each other")
	subset := func(field string, values, of []string) {
		for _, v := range values {
			bad(!slices.Contains(of, v), "%s: %q is not one of %s", field, v, strings.Join(of, ", "))
		}
	}
	subset("UsernameAttributes", p.UsernameAttributes, contactable)
	subset("AliasAttributes", p.AliasAttributes, aliasable)
	bad(!slices.Contains([]string{"", mfaOff, mfaOptional, mfaOn}, p.MFA), "MFA: %q is not OFF, OPTIONAL or ON", p.MFA)
	bad((p.mfa() == mfaOff) != (len(p.EnabledMFAs) == 0), "MFA is %s and EnabledMFAs lists %d", p.mfa(), len(p.EnabledMFAs))
	subset("EnabledMFAs", p.EnabledMFAs, []string{factorTOTP, factorSMS, factorEmail})
	subset("AllowedFirstAuthFactors", p.AllowedFirstAuthFactors, []string{challengePassword, factorEmailOTP, factorSMSOTP})
	bad(p.AllowedFirstAuthFactors != nil && !slices.Contains(p.AllowedFirstAuthFactors, challengePassword), "AllowedFirstAuthFactors: PASSWORD is missing")
	// "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth
	// factor if MFA is enabled", says Cognito where it is required.
	bad(p.mfa() == mfaOn && len(p.AllowedFirstAuthFactors) > 1, "AllowedFirstAuthFactors: only PASSWORD is possible while MFA is ON")
	subset("AutoVerifiedAttributes", p.AutoVerifiedAttributes, contactable)
	if policy := p.PasswordPolicy; policy != nil {
		bad(policy.MinimumLength < 6 || policy.MinimumLength > 99, "PasswordPolicy.MinimumLength is %d, not 6 to 99", policy.MinimumLength)
		days := policy.TemporaryPasswordValidityDays
		bad(days < 0 || days > 365, "PasswordPolicy.TemporaryPasswordValidityDays is %d, not 0 to 365", days)
	}
	p.validateSchema(bad)
	if p.Domain != "" {
		u, err := url.Parse(p.Origin)
		bad(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || p.Origin != u.Scheme+"://"+u.Host,
			"Origin %q is not an origin without a final slash", p.Origin)
		bad(!domainPrefix.MatchString(p.Domain), "Domain %q is not a prefix", p.Domain)
	}
	groups := map[string]bool{}
	for i := range p.Groups {
		g := &p.Groups[i]
		bad(groups[g.Name], "group %q is declared twice", g.Name)
		groups[g.Name] = true
		g.validate(bad)
	}
	bad(len(p.Groups) > maxGroups, "Groups: %d groups; the limit is %d", len(p.Groups), maxGroups)
	p.validateServers(bad)
	p.validateProviders(bad)
	names := map[string]bool{}
	for i := range p.Clients {
		c := &p.Clients[i]
		bad(names[c.Name], "client %q is declared twice", c.Name)
		names[c.Name] = true
		c.validate(func(wrong bool, format string, args ...any) {
			bad(wrong, "client %q: %w", c.Name, fmt.Errorf(format, args...))
		})
		for _, name := range slices.Concat(c.ReadAttributes, c.WriteAttributes) {
			bad(!p.hasAttribute(name), "client %q: there is no attribute %s", c.Name, name)
		}
		for _, name := range c.WriteAttributes {
			bad(!settable(name), "client %q: WriteAttributes: %s is not a client's to write", c.Name, name)
		}
		if err := c.checkOAuth(p.ResourceServers, p.IdentityProviders); err != nil {
			bad(true, "client %q: %s", c.Name, err.Message)
		}
	}
}

func (c *ClientConfig) validate(bad func(bool, string, ...any)) {
	bad(!declaredName().MatchString(c.Name), "the name is not 1 to 128 of letters, digits, space and +=,.@-")
	legacy := 0
	for _, flow := range c.ExplicitAuthFlows {
		bad(!slices.Contains(authFlows, flow), "ExplicitAuthFlows: %q is not one of %s", flow, strings.Join(authFlows, ", "))
		if !strings.HasPrefix(flow, "ALLOW_") {
			legacy++
		}
	}
	bad(legacy > 0 && legacy < len(c.ExplicitAuthFlows), "ExplicitAuthFlows: values with and without ALLOW_ cannot be mixed")
	within := func(field string, d, least, most time.Duration) {
		bad(d != 0 && (d < least || d > most), "%s is %s, not %s to %s", field, d, least, most)
		bad(d%time.Second != 0, "%s is %s, not whole seconds", field, d)
	}
	within("AccessTokenValidity", c.AccessTokenValidity, minTokenValidity, maxTokenValidity)
	within("IDTokenValidity", c.IDTokenValidity, minTokenValidity, maxTokenValidity)
	within("RefreshTokenValidity", c.RefreshTokenValidity, minRefreshValidity, maxRefreshValidity)
	within("AuthSessionValidity", c.AuthSessionValidity, minSessionValidity, maxSessionValidity)
	if r := c.Rotation; r != nil {
		grace := r.RetryGracePeriod
		bad(grace < 0 || grace > maxRetryGracePeriod || grace%time.Second != 0,
			"Rotation.RetryGracePeriod is %s, not whole seconds up to %s", grace, maxRetryGracePeriod)
		bad(slices.Contains(c.ExplicitAuthFlows, "ALLOW_REFRESH_TOKEN_AUTH"), "Rotation and ALLOW_REFRESH_TOKEN_AUTH exclude each other")
	}
	refresh := or(c.RefreshTokenValidity, 30*24*time.Hour)
	bad(c.AccessTokenValidity > refresh, "AccessTokenValidity is longer than RefreshTokenValidity, %s", refresh)
	bad(c.IDTokenValidity > refresh, "IDTokenValidity is longer than RefreshTokenValidity, %s", refresh)
	bad(c.AuthSessionValidity%time.Minute != 0, "AuthSessionValidity is %s, not whole minutes", c.AuthSessionValidity)
}
