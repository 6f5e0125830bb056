package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/verify"
)

// Config is what a Service needs. Fields without a stated default are required.
type Config struct {
	// Region is the AWS region that is played; ids begin with it.
	Region string
	// AccountID is the account in ARNs.
	AccountID string
	// DB is the stage's database, migrated with Migrations.
	DB *store.DB
	// Pools are the declared pools. One that is no longer declared keeps its
	// state and is not served.
	Pools []PoolConfig
	// Provider finds who signs users in, by the provider's name. It is asked for
	// each login, since user pools come and go. Not ok: there is none here.
	Provider func(name string) (Provider, bool)
	// Account gives credentials of roles.
	Account Account
	// Authenticate verifies the signature of a signed request and says who made
	// it. An *aws.Error goes to the client as it is; any other error is an
	// internal one.
	Authenticate func(r *http.Request, body []byte) (iam.Principal, error)
	// Log is told of each operation when it has ended. Nil: nobody is.
	Log func(Event)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Account is what identity pools need of the stage's AWS account.
type Account interface {
	// AssumeWithWebIdentity gives credentials of a role, if the role's trust
	// policy lets the identity have them.
	AssumeWithWebIdentity(iam.WebIdentityRequest) (iam.Credentials, error)
	// Decide says whether a principal may do what it asks for.
	Decide(p iam.Principal, r iam.Request, resource *iam.Policy) iam.Decision
}

// Provider is who signs users in: a user pool of this stage, or an OpenID Connect
// provider that the account knows.
type Provider struct {
	// Name is how AWS names it: cognito-idp.REGION.amazonaws.com/POOLID, or an
	// issuer without its scheme and final slash. It is the key of its logins.
	Name string
	// Issuer is what "iss" is in its tokens, byte for byte. Without the scheme it
	// is a key of its logins too: Amplify takes the key from there.
	Issuer string
	// ClientIDs lists for whom the tokens of an OpenID Connect provider may be in
	// pools that requests make; other pools name the clients themselves.
	ClientIDs []string
	// Keys are the keys that sign its ID tokens.
	Keys verify.KeySet
	// Active says whether the sign-in that a token is from has not been ended.
	// Required for user pools, and for nobody else.
	Active func(context.Context, verify.Claims) (bool, error)
}

// userPool says whether it is one.
func (p *Provider) userPool() bool { return p.Active != nil }

// PoolConfig declares an identity pool.
type PoolConfig struct {
	// ID is the pool's id, REGION:UUID, which is the same in every run of the
	// stage: roles name it in their trust policies before there is a pool.
	ID string
	// Name is the declared name.
	Name string
	// AllowGuests gives identities to those who have not signed in.
	AllowGuests bool
	// AllowClassicFlow lets applications call GetOpenIdToken and STS themselves.
	AllowClassicFlow bool
	// UserPools are the user pools whose users may sign in, one for each client.
	UserPools []UserPoolClient
	// OpenIDConnect lists the names of the other providers, and of each the clients
	// whose users may sign in to this pool.
	OpenIDConnect map[string][]string
	// DeveloperProvider is how logins that a backend vouches for are called; ""
	// for none.
	DeveloperProvider string
	// Authenticated and Unauthenticated are the ARNs of the roles of those who
	// have signed in and of guests; "" for none, who then get no credentials.
	Authenticated, Unauthenticated string
	// RoleMappings choose other roles for some who have signed in, by provider and,
	// of user pools, client: PROVIDER:CLIENTID.
	RoleMappings map[string]RoleMapping
	// PrincipalTags are by provider the claims that principal tags are taken from,
	// by tag.
	PrincipalTags map[string]map[string]string
}

// RoleMapping chooses a role by the claims of a token.
type RoleMapping struct {
	// Rules are looked at in order. None: the token itself says the role.
	Rules []RoleRule
	// ElseAuthenticated gives those for whom there is no role the pool's role for
	// who has signed in; otherwise they get none.
	ElseAuthenticated bool
}

// RoleRule gives a role to who has a claim.
type RoleRule struct {
	// Match is Equals, Contains, StartsWith or NotEqual.
	Claim, Match, Value string
	// Role is the role's ARN.
	Role string
}

// UserPoolClient is a client of a user pool, whose users may sign in.
type UserPoolClient struct {
	// Provider is the user pool's name as a provider.
	Provider string
	// ClientID is the id of its client.
	ClientID string
	// ServerSideTokenCheck refuses tokens of users who have signed out, were
	// disabled or deleted.
	ServerSideTokenCheck bool
}

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
	bad(c.Provider == nil, "Provider is required")
	bad(c.Account == nil, "Account is required")
	bad(c.Authenticate == nil, "Authenticate is required")
	names := map[string]bool{}
	for _, p := range c.Pools {
		bad(!shapes["IdentityPoolId"].Holds(p.ID) || !strings.HasPrefix(p.ID, c.Region+":"), "identity pool %q: %q is no id of a pool in %s", p.Name, p.ID, c.Region)
		bad(names[p.Name], "identity pool %q is declared twice", p.Name)
		names[p.Name] = true
		bad(!shapes["IdentityPoolName"].Holds(p.Name), "identity pool %q: the name is not 1 to 128 of letters, digits, space and +=,.@-", p.Name)
		bad(p.DeveloperProvider != "" && !shapes["DeveloperProviderName"].Holds(p.DeveloperProvider), "identity pool %q: DeveloperProvider %q is no name", p.Name, p.DeveloperProvider)
		for _, role := range []string{p.Authenticated, p.Unauthenticated} {
			bad(role != "" && !strings.HasPrefix(role, "arn:"), "identity pool %q: %q is no ARN of a role", p.Name, role)
		}
		for provider, m := range p.RoleMappings {
			for _, r := range m.Rules {
				bad(!slices.Contains(shapes["MappingRuleMatchType"].Values, r.Match), "identity pool %q: the rules for %s: %q is no way to compare", p.Name, provider, r.Match)
				bad(!strings.HasPrefix(r.Role, "arn:"), "identity pool %q: the rules for %s: %q is no ARN of a role", p.Name, provider, r.Role)
			}
		}
	}
	return errors.Join(problems...)
}
