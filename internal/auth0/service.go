package auth0

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// Config says which tenants there are.
type Config struct {
	Tenants []TenantConfig
	DB      *store.DB
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// PasswordIterations is how much work it is to check a password; 600,000 if 0.
	PasswordIterations int
	// GenerateKey makes a signing key, which has keyBits: a new one of Go's if nil. It is
	// for tests, as that is slow.
	GenerateKey func() (*rsa.PrivateKey, error)
	// Mailbox receives the mails of tenants; without it none are sent.
	Mailbox *store.Mailbox
	// Invoke runs the function of PostLogin.
	Invoke Invoke
	// MailSent is told of each mail; nobody if nil.
	MailSent func(MailSent)
	// Log is told of each request that is worth a line; nobody if nil.
	Log func(Event)
}

// TenantConfig is a tenant.
type TenantConfig struct {
	// Name tells its rows from other tenants'. It must stay the same.
	Name string
	// Origin is where it is served, such as http://localhost:4000, without a slash.
	Origin       string
	Applications []ApplicationConfig
	APIs         []APIConfig
	// Roles give permissions by API, by role.
	Roles map[string]Permissions
	Users []UserConfig
	// SignUp lets anybody become a user.
	SignUp bool
	// PostLogin is the function that runs after each sign-in and before its tokens, and
	// at each refresh; "" is none.
	PostLogin string
}

// Permissions are lists of permissions by the identifier of their API.
type Permissions map[string][]string

// The types of applications (app_type).
const (
	TypeSPA            = "spa"
	TypeNative         = "native"
	TypeRegularWeb     = "regular_web"
	TypeNonInteractive = "non_interactive"
)

// ApplicationConfig is an application.
type ApplicationConfig struct {
	Name, Type                        string
	Callbacks, LogoutURLs, WebOrigins []string
	// GrantTypes are what the application may ask for (grant_types); nil is what its
	// type has by default.
	GrantTypes []string
	// Grants are the client grants, by API. One without permissions is a grant too.
	Grants Permissions
	// Management are its scopes at the tenant's Management API. With none it has no
	// grant for it.
	Management []string
	// ThirdParty makes users be asked what the application may have, and lets it have
	// of an API what its Grants say at most.
	ThirdParty bool
	// RotateRefreshTokens ends a refresh token with its use.
	RotateRefreshTokens bool
}

// The dialects of access tokens (token_dialect).
const (
	DialectAuth0        = "access_token"
	DialectAuth0Authz   = "access_token_authz"
	DialectRFC9068      = "rfc9068_profile"
	DialectRFC9068Authz = "rfc9068_profile_authz"
)

// APIConfig is an API.
type APIConfig struct {
	Name, Identifier   string
	RBAC               bool
	Permissions        []string
	Dialect            string
	AllowOfflineAccess bool
	TokenLifetime      time.Duration

	id           string // of the store's row
	number       int64  // its place in lists
	descriptions map[string]string
	entry        []byte // of the declaration; empty for one that a request made
}

// UserConfig is a user of the tenant's database connection.
type UserConfig struct {
	// Email is in small letters.
	Email, Password                       string
	EmailVerified                         bool
	Name, Nickname, GivenName, FamilyName string
	Roles                                 []string
	Permissions                           Permissions
	UserMetadata, AppMetadata             map[string]any
	Blocked                               bool
}

// Service serves the tenants of a stage.
type Service struct {
	cfg     Config
	hasher  *hasher
	tenants map[string]*Tenant
}

// New validates the configuration and opens nothing.
func New(cfg Config) (*Service, error) {
	if cfg.DB == nil {
		return nil, errors.New("making tenants: there is no DB")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PasswordIterations == 0 {
		cfg.PasswordIterations = passwordIterations
	}
	if cfg.GenerateKey == nil {
		cfg.GenerateKey = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }
	}
	if cfg.Log == nil {
		cfg.Log = func(Event) {}
	}
	s := &Service{cfg: cfg, hasher: newHasher(cfg.PasswordIterations), tenants: map[string]*Tenant{}}
	for _, c := range cfg.Tenants {
		if s.tenants[c.Name] != nil || c.Name == "" {
			return nil, fmt.Errorf("making tenants: the name %q is empty or taken", c.Name)
		}
		t, err := newTenant(s, c)
		if err != nil {
			return nil, fmt.Errorf("making tenant %s: %w", c.Name, err)
		}
		s.tenants[c.Name] = t
	}
	return s, nil
}

// Tenant gives a tenant by its name, or nil.
func (s *Service) Tenant(name string) *Tenant { return s.tenants[name] }

// Open reads what is kept of the tenants, and makes and keeps what is new. It
// must return before the first request.
func (s *Service) Open(ctx context.Context) error {
	for _, t := range s.tenants {
		if err := t.open(ctx); err != nil {
			return fmt.Errorf("opening tenant %s: %w", t.cfg.Name, err)
		}
	}
	return s.sweep(ctx)
}

// sweepEvery is how often what has ended is deleted from the store.
const sweepEvery = 10 * time.Minute

// Run deletes what has ended from time to time. It returns nil when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log(Event{Time: s.cfg.Now(), Operation: "sweeping", Code: oidc.ServerError, Reason: err.Error()})
			}
		}
	}
}

// sweep deletes grants a day after their end, with their refresh tokens.
func (s *Service) sweep(ctx context.Context) error {
	if len(s.tenants) == 0 {
		return nil
	}
	now := s.cfg.Now()
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM auth0_grant WHERE expires < ?", now.Add(-24*time.Hour).UnixMilli())
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM auth0_ticket WHERE expires < ?", now.UnixMilli()); err != nil {
			return err
		}
		return oidc.Sweep(ctx, tx, now)
	})
	if err != nil {
		return fmt.Errorf("sweeping tenants: %w", err)
	}
	return nil
}

// randomHex gives an id as Auth0's are: 24 hexadecimal digits.
func randomHex() string {
	b := make([]byte, 12)
	rand.Read(b)
	return hex.EncodeToString(b)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
