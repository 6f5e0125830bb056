package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/verify"
)

// sessionLife is how long a browser stays signed in. Auth0's sessions end after
// three days without use.
const sessionLife = 72 * time.Hour

// sessionCookie is the cookie of a browser that is signed in; Auth0's has this
// name too.
const sessionCookie = "auth0"

// cookieTenant begins the tenant's name in the names of its cookies.
const cookieTenant = "auth0-"

// tenantName is what a declaration takes as a tenant's name.
var tenantName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,63}$`)

// IsCookie says whether a cookie is one of a tenant's, of this stage or of
// another. Browsers send them to every server on localhost.
func IsCookie(name string) bool {
	return oidc.IsCookie(name, sessionCookie, func(text string) bool {
		tenant, ok := strings.CutPrefix(text, cookieTenant)
		return ok && tenantName.MatchString(tenant)
	})
}

// Tenant is one tenant. But for what it keeps in the store, it is immutable once
// it is open.
type Tenant struct {
	svc     *Service
	cfg     TenantConfig
	issuer  string
	clients []*client
	// guesses are of passwords, by address; signUps and mails, by address too, and ""
	// for all together.
	guesses, signUps, mails *guesses
	hasher                  *hasher

	directory atomic.Pointer[directory]
	reloading sync.Mutex // held by who replaces directory
	// changing is held by a request that changes applications, APIs or client
	// grants, from its look at the directory until that is replaced.
	changing sync.Mutex
	key      lazyKey

	// Set by open.
	engine   *oidc.Engine
	verifier *verify.Verifier // of access tokens at the userinfo endpoint
	managers *verify.Verifier // of access tokens for the Management API
}

// client is an application with what is kept of it.
type client struct {
	ApplicationConfig
	id, secret string   // the secret of a public client is ""
	origins    []string // whose scripts may ask the token endpoint
	// made are the settings of one that a request made, in the API's words; nil for a
	// declared one. number is its place among the others.
	made   map[string]any
	number int64
}

// public says whether an application cannot keep a secret and has none.
func (c *client) public() bool { return c.authMethod() == authNone }

// originate finds the origins of which scripts may ask the token endpoint.
func (c *client) originate(more []string) {
	c.origins = slices.Concat(c.WebOrigins, more)
	for _, callback := range c.Callbacks {
		if o := originOf(callback); o != "" && !slices.Contains(c.origins, o) {
			c.origins = append(c.origins, o)
		}
	}
}

func newTenant(s *Service, cfg TenantConfig) (*Tenant, error) {
	u, err := url.Parse(cfg.Origin)
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the origin %q is not scheme://host:port", cfg.Origin)
	}
	t := &Tenant{svc: s, cfg: cfg, issuer: cfg.Origin + "/", hasher: s.hasher,
		guesses: newGuesses(maxGuesses, guessBlock), signUps: newGuesses(maxSignUps, signUpBlock), mails: newGuesses(maxMails, mailBlock),
	}
	if cfg.PostLogin != "" && s.cfg.Invoke == nil {
		return nil, errors.New("the Action post-login needs Invoke")
	}
	apis, users := map[string]bool{}, map[string]bool{}
	for _, api := range cfg.APIs {
		if api.Identifier == "" || apis[api.Identifier] {
			return nil, fmt.Errorf("the identifier %q is empty or taken", api.Identifier)
		}
		if t.ownAudience(api.Identifier) || api.Identifier == t.management() {
			return nil, fmt.Errorf("the identifier %q is the tenant's own", api.Identifier)
		}
		if authz(api.Dialect) && !api.RBAC {
			return nil, fmt.Errorf("the dialect %s of %q needs RBAC", api.Dialect, api.Identifier)
		}
		apis[api.Identifier] = true
	}
	for _, a := range cfg.Applications {
		c := &client{ApplicationConfig: a}
		if c.public() && (len(c.Grants) > 0 && !c.ThirdParty || len(c.Management) > 0) {
			return nil, fmt.Errorf("application %s has no secret and cannot have grants", a.Name)
		}
		for _, scope := range a.Management {
			if !slices.Contains(ManagementScopes(), scope) {
				return nil, fmt.Errorf("the Management API has no scope %q, which application %s is granted", scope, a.Name)
			}
		}
		c.number = int64(len(t.clients)) - declaredBefore
		c.originate(nil)
		t.clients = append(t.clients, c)
	}
	t.cfg.Users = slices.Clone(cfg.Users)
	for i := range t.cfg.Users {
		c := &t.cfg.Users[i]
		c.Email = strings.ToLower(c.Email)
		if c.Email == "" || users[c.Email] {
			return nil, fmt.Errorf("the user %q is without an address or twice there", c.Email)
		}
		for _, name := range c.Roles {
			if _, ok := cfg.Roles[name]; !ok {
				return nil, fmt.Errorf("the user %s has the role %q, which there is not", c.Email, name)
			}
		}
		users[c.Email] = true
	}
	return t, nil
}

// originOf gives the origin of an http or https URL, as browsers write it, or "".
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; u.Port() != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host
}

// Issuer is the iss of the tenant's tokens: it ends in a slash.
func (t *Tenant) Issuer() string { return t.issuer }

// ClientID gives the id of an application, or "".
func (t *Tenant) ClientID(application string) string {
	if c := t.named(application); c != nil {
		return c.id
	}
	return ""
}

// ClientSecret gives the secret of an application, or "" if it has none.
func (t *Tenant) ClientSecret(application string) string {
	if c := t.named(application); c != nil {
		return c.secret
	}
	return ""
}

func (t *Tenant) named(application string) *client {
	for _, c := range t.clients {
		if c.Name == application {
			return c
		}
	}
	return nil
}

func (t *Tenant) clientOf(id string) *client {
	return t.directory.Load().client(id)
}

// userinfo is the audience of the userinfo endpoint.
func (t *Tenant) userinfo() string { return t.issuer + "userinfo" }

// ownAudience says whether an audience is the tenant itself, and no API.
func (t *Tenant) ownAudience(audience string) bool {
	return audience == "" || audience == t.userinfo() || audience == t.issuer || audience == t.cfg.Origin
}

// open reads what is kept, and makes and keeps what is new.
func (t *Tenant) open(ctx context.Context) error {
	secret, err := t.readSecret(ctx)
	if err != nil {
		return err
	}
	t.engine = &oidc.Engine{
		Tenant: cookieTenant + t.cfg.Name, Origin: t.cfg.Origin, Secret: secret, SessionLife: sessionLife, Now: t.svc.cfg.Now,
		// Auth0's is SameSite=None, for renewal in a frame of an application that is
		// of another site: on https one on http is.
		CrossSite: sessionCookie,
	}
	applied, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range t.clients {
			if err := t.openClient(ctx, tx, c); err != nil {
				return err
			}
		}
		return t.apply(ctx, tx, applied)
	})
	if err != nil {
		return err
	}
	if err := t.reload(ctx); err != nil {
		return err
	}
	if t.managers, err = t.newManagers(); err != nil {
		return err
	}
	t.verifier, err = verify.New(verify.Config{Issuer: t.issuer, Audience: []string{t.userinfo()}, Keys: t, Now: t.svc.cfg.Now, CacheSize: -1,
		Algorithms: []verify.Algorithm{verify.RS256},
	})
	return err
}

func (t *Tenant) openClient(ctx context.Context, tx *sql.Tx, c *client) error {
	err := tx.QueryRowContext(ctx, "SELECT id, secret FROM auth0_client WHERE tenant = ? AND name = ?", t.cfg.Name, c.Name).Scan(&c.id, &c.secret)
	if errors.Is(err, sql.ErrNoRows) {
		c.id, c.secret = aws.RandomText(alphanumeric, 32), oidc.Random(48)
		_, err = tx.ExecContext(ctx, "INSERT INTO auth0_client (tenant, name, id, secret) VALUES (?, ?, ?, ?)", t.cfg.Name, c.Name, c.id, c.secret)
	}
	if err != nil {
		return fmt.Errorf("reading application %s: %w", c.Name, err)
	}
	if c.public() {
		c.secret = ""
	}
	return nil
}

// KeptSecret gives the secret that a stage keeps of a tenant's application, or ""
// if the application was never opened.
func KeptSecret(ctx context.Context, db *store.DB, tenant, application string) (secret string, err error) {
	err = db.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT secret FROM auth0_client WHERE tenant = ? AND name = ?", tenant, application).Scan(&secret)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading the secret of application %s: %w", application, err)
	}
	return secret, nil
}

// call is one request, for the log.
type call struct{ event Event }

// note says what is surprising about a success.
func (c *call) note(format string, args ...any) {
	c.event.Notes = append(c.event.Notes, fmt.Sprintf(format, args...))
}

type endpoint func(t *Tenant, w http.ResponseWriter, r *http.Request, c *call)

// endpoints are what a tenant answers to.
func endpoints() map[string]endpoint {
	all := managementEndpoints()
	maps.Copy(all, map[string]endpoint{
		"GET " + discoveryPath:                        (*Tenant).discovery,
		"GET /.well-known/oauth-authorization-server": (*Tenant).discovery,
		"GET " + jwksPath:                             (*Tenant).jwks,
		"GET /authorize":                              (*Tenant).authorize,
		"POST /authorize":                             (*Tenant).postAuthorize,
		"POST /oauth/token":                           (*Tenant).token,
		"OPTIONS /oauth/token":                        (*Tenant).preflight,
		"POST /oauth/revoke":                          (*Tenant).revoke,
		"OPTIONS /oauth/revoke":                       (*Tenant).preflight,
		"GET /userinfo":                               (*Tenant).userInfo,
		"POST /userinfo":                              (*Tenant).userInfo,
		"OPTIONS /userinfo":                           (*Tenant).openPreflight,
		"GET /v2/logout":                              (*Tenant).logout,
		"GET /oidc/logout":                            (*Tenant).endSession,
		"POST /oidc/logout":                           (*Tenant).confirmLogout,
		"GET /u/login":                                (*Tenant).showLogin,
		"POST /u/login":                               (*Tenant).login,
		"GET /u/signup":                               (*Tenant).showSignUp,
		"POST /u/signup":                              (*Tenant).postSignUp,
		"GET /u/consent":                              (*Tenant).showConsent,
		"POST /u/consent":                             (*Tenant).consent,
		"GET " + resetRequestPath:                     (*Tenant).showResetRequest,
		"POST " + resetRequestPath:                    (*Tenant).postResetRequest,
		"GET /u/reset-password":                       (*Tenant).showReset,
		"POST /u/reset-password":                      (*Tenant).postReset,
		"GET /u/email-verification":                   (*Tenant).verifyEmail,
		"POST /dbconnections/signup":                  (*Tenant).signUp,
		"OPTIONS /dbconnections/signup":               (*Tenant).preflight,
		"POST /dbconnections/change_password":         (*Tenant).changePassword,
		"OPTIONS /dbconnections/change_password":      (*Tenant).preflight,
		"GET /assets/universal.css":                   func(_ *Tenant, w http.ResponseWriter, r *http.Request, _ *call) { oidc.Style(w, r) },
		"/":                                           (*Tenant).unknown,
	})
	return all
}

// unknown answers what a tenant does not have, and says so in the log: Auth0 may
// well have it.
func (t *Tenant) unknown(w http.ResponseWriter, r *http.Request, c *call) {
	c.failed(fail(http.StatusNotFound, "not_found", "Not Found", "%s %.100s is not part of this version of a local tenant", r.Method, r.URL.Path))
	http.Error(w, "Not Found", http.StatusNotFound)
}

// quiet are the requests that are no line of the log while they succeed.
func quiet(pattern string) bool {
	return strings.HasPrefix(pattern, "OPTIONS") || strings.Contains(pattern, "/.well-known/") || strings.Contains(pattern, "/assets/")
}

// Handler serves the tenant at its origin.
func (t *Tenant) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range endpoints() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			start := t.svc.cfg.Now()
			c := &call{event: Event{
				Operation: r.Method + " " + r.URL.Path, Tenant: t.cfg.Name, RequestID: aws.RandomText("0123456789abcdef", 20), Request: r,
			}}
			w.Header().Set("X-Auth0-RequestId", c.event.RequestID)
			w.Header().Set("Date", start.UTC().Format(http.TimeFormat))
			w.Header().Set("X-Content-Type-Options", "nosniff")
			serve(t, w, r, c)
			c.event.Time = t.svc.cfg.Now()
			c.event.Duration = c.event.Time.Sub(start)
			if c.event.Code != "" || !quiet(pattern) {
				t.svc.cfg.Log(c.event)
			}
		})
	}
	return mux
}

// failure is a refusal with the words and the status that Auth0 has for it.
type failure struct {
	status            int
	code, description string
	reason            string // for the log alone
}

func (f *failure) Error() string { return f.code + ": " + f.description + " (" + f.reason + ")" }

func fail(status int, code, description, reason string, args ...any) *failure {
	return &failure{status, code, description, fmt.Sprintf(reason, args...)}
}

// failed notes an error for the log, and gives its words for the client.
func (c *call) failed(err error) *failure {
	var f *failure
	var refused *oidc.Error
	switch {
	case errors.As(err, &f):
	case errors.As(err, &refused):
		f = &failure{http.StatusBadRequest, refused.Code, refused.Reason, ""}
	default:
		f = &failure{http.StatusInternalServerError, oidc.ServerError, "Internal Server Error", err.Error()}
	}
	c.event.Code, c.event.Description, c.event.Reason = f.code, f.description, f.reason
	return f
}
