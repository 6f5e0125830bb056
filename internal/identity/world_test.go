package identity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// obj is a JSON object.
type obj = map[string]any

const (
	poolID     = "us-east-1:00000000-0000-c000-8000-000000000001"
	otherPool  = "us-east-1:00000000-0000-c000-8000-000000000002"
	userPool   = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Users0001"
	secondPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Users0002"
	strange    = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Users0003" // of this stage, and of no identity pool
	tenant     = "localhost:4000"
	client     = "4h57kf5cpq17m0e4h8s3v2a1b9"
	webApp     = "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
	otherApp   = "ZyXwVuTsRqPoNmLkJiHgFeDcBa543210" // another client of the tenant
	developer  = "login.rides.example"

	authenticated = "arn:aws:iam::000000000000:role/dev-app-Auth-authenticated"
	guests        = "arn:aws:iam::000000000000:role/dev-app-Auth-unauthenticated"
)

// issuers sign the tokens of the providers, by name. Making a key is slow.
var issuers = sync.OnceValue(func() map[string]*verifytest.Issuer {
	all := map[string]*verifytest.Issuer{}
	for _, name := range []string{userPool, secondPool, strange, tenant, "forger"} {
		all[name] = verifytest.NewIssuer(verify.RS256)
	}
	return all
})

// issuerOf gives what "iss" is in a provider's tokens.
func issuerOf(name string) string {
	if id, ok := strings.CutPrefix(name, "cognito-idp.us-east-1.amazonaws.com/"); ok {
		return "http://localhost:4566/" + id
	}
	return "http://" + name + "/"
}

var spareKey = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })

// world is a stage with identity pools behind a real HTTP server, with a clock
// that stands still unless it is moved.
type world struct {
	t      testing.TB
	dir    string
	cfg    identity.Config
	stage  *store.Stage
	svc    *identity.Service
	server *httptest.Server

	mu      sync.Mutex
	now     time.Time
	events  []identity.Event
	assumed []iam.WebIdentityRequest
	// ended are the subjects whose sign-ins were ended.
	ended map[string]bool
	// gone are the providers that are there no more.
	gone map[string]bool
}

func standardPool() identity.PoolConfig {
	return identity.PoolConfig{
		ID: poolID, Name: "Auth", AllowGuests: true, AllowClassicFlow: true, DeveloperProvider: developer,
		UserPools:     []identity.UserPoolClient{{Provider: userPool, ClientID: client}, {Provider: secondPool, ClientID: client, ServerSideTokenCheck: true}},
		OpenIDConnect: map[string][]string{tenant: {webApp}}, Authenticated: authenticated, Unauthenticated: guests,
	}
}

// strictPool has no guests and no classic flow.
func strictPool() identity.PoolConfig {
	p := standardPool()
	p.ID, p.Name, p.AllowGuests, p.AllowClassicFlow, p.Unauthenticated = otherPool, "Strict", false, false, ""
	return p
}

func newWorld(t testing.TB, pools ...identity.PoolConfig) *world {
	t.Helper()
	if pools == nil {
		pools = []identity.PoolConfig{standardPool(), strictPool()}
	}
	w := &world{t: t, dir: store.Path(t.TempDir(), "test"), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), ended: map[string]bool{}, gone: map[string]bool{}}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.svc.ServeHTTP(rw, r) }))
	t.Cleanup(w.server.Close)
	w.cfg = identity.Config{
		Region: "us-east-1", AccountID: aws.AccountID, Pools: pools, Now: w.clock, Account: w, Provider: w.provider,
		Authenticate: func(r *http.Request, _ []byte) (iam.Principal, error) {
			switch r.Header.Get("Authorization") {
			case "root":
				return iam.Principal{ARN: "arn:aws:iam::000000000000:root", Root: true}, nil
			case "rider":
				return iam.Principal{ARN: "arn:aws:sts::000000000000:assumed-role/rider/s", Session: &iam.Session{Role: "rider"}}, nil
			}
			return iam.Principal{}, &aws.Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token", Status: 400}
		},
		Log: func(e identity.Event) { w.mu.Lock(); defer w.mu.Unlock(); w.events = append(w.events, e) },
	}
	w.open()
	t.Cleanup(func() { w.stage.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.stage, err = store.Open(w.t.Context(), w.dir, store.Options{Migrations: identity.Migrations(), Begin: emptyState(w.t)}); err != nil {
		w.t.Fatal(err)
	}
	cfg := w.cfg
	cfg.DB = w.stage.DB()
	svc, err := identity.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	svc.SetKey(spareKey())
	if err := svc.Open(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.svc = svc
}

// reopen ends the stage and starts it again.
func (w *world) reopen() {
	w.t.Helper()
	if err := w.stage.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) advance(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

// provider is what the stage knows of providers.
func (w *world) provider(name string) (identity.Provider, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	issuer, ok := issuers()[name]
	if !ok || name == "forger" || w.gone[name] {
		return identity.Provider{}, false
	}
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		w.t.Fatal(err)
	}
	p := identity.Provider{Name: name, Issuer: issuerOf(name), Keys: keys}
	if name == tenant {
		p.ClientIDs = []string{webApp, otherApp}
		return p, true
	}
	p.Active = func(_ context.Context, c verify.Claims) (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		sub, _ := c.String("sub")
		return !w.ended[sub], nil
	}
	return p, true
}

// AssumeWithWebIdentity plays the account: a role is there if it is one of ours.
func (w *world) AssumeWithWebIdentity(r iam.WebIdentityRequest) (iam.Credentials, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.assumed = append(w.assumed, r)
	if !strings.HasPrefix(r.Role, "dev-app-") {
		return iam.Credentials{}, errors.New("there is no role " + r.Role)
	}
	return iam.Credentials{
		Credentials: sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "session"}, Expiration: w.now.Add(r.Duration),
	}, nil
}

func (w *world) Decide(p iam.Principal, r iam.Request, _ *iam.Policy) iam.Decision {
	keys := make([]byte, 32)
	account, err := iam.New(iam.Config{
		AccountID: aws.AccountID, Region: "us-east-1", Keys: [][]byte{keys}, Now: w.clock,
		Root: sigv4.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "s"}, Roles: []iam.RoleConfig{{Name: "rider"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return account.Decide(p, r, nil)
}

// token gives an ID token of a provider.
func (w *world) token(provider, sub string, more ...verifytest.Claims) string {
	now := w.clock()
	claims := verifytest.Claims{
		"iss": issuerOf(provider), "sub": sub, "aud": client, "token_use": "id", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if provider == tenant {
		delete(claims, "token_use")
		claims["aud"] = webApp
	}
	for _, m := range more {
		maps.Copy(claims, m)
	}
	return issuers()[provider].Token(claims)
}

// answer is what an operation gave.
type answer struct {
	status int
	header http.Header
	raw    string
	body   obj
}

// refusal is the code and the message of an error, or "".
func (a answer) refusal() string {
	if a.status == http.StatusOK {
		return ""
	}
	code, _ := a.body["__type"].(string)
	message, _ := a.body["message"].(string)
	return code + ": " + message
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// do sends an operation as somebody: "root", "rider" or "".
func (w *world) do(as, operation string, in any) answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest("POST", w.server.URL, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	if as != "" {
		r.Header.Set("Authorization", as)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(b), body: obj{}}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a.body); err != nil {
			w.t.Fatalf("%s answered %s", operation, b)
		}
	}
	return a
}

// must is do for what has to succeed.
func (w *world) must(as, operation string, in any) answer {
	w.t.Helper()
	a := w.do(as, operation, in)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s of %v: %d %s", operation, in, a.status, a.raw)
	}
	return a
}

// id gives the identity of logins, which are pairs of a key and a token.
func (w *world) id(pool string, logins ...string) string {
	w.t.Helper()
	return w.must("", "GetId", obj{"IdentityPoolId": pool, "Logins": pairs(logins)}).text("IdentityId")
}

func pairs(list []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

// credentials asks for an identity's credentials.
func (w *world) credentials(id string, logins ...string) answer {
	w.t.Helper()
	in := obj{"IdentityId": id}
	if len(logins) > 0 {
		in["Logins"] = pairs(logins)
	}
	return w.do("", "GetCredentialsForIdentity", in)
}

// last gives what the account was asked for last.
func (w *world) last() iam.WebIdentityRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.assumed) == 0 {
		return iam.WebIdentityRequest{}
	}
	return w.assumed[len(w.assumed)-1]
}

// reason gives the reason of the last operation in the log.
func (w *world) reason() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[len(w.events)-1].Reason
}

// madeState is the database that each test's stage begins with.
var madeState = sync.OnceValues(func() ([]byte, error) { return store.Empty(context.Background(), identity.Migrations()) })

func emptyState(t testing.TB) []byte {
	t.Helper()
	b, err := madeState()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
