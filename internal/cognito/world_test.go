package cognito_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// obj is a JSON object.
type obj = map[string]any

const goodPassword = "Passw0rd!"

// spareKeys are made once: a key takes a tenth of a second.
var spareKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 3)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], _ = rsa.GenerateKey(rand.Reader, 2048) })
	}
	group.Wait()
	return keys
})

// world is a stage with user pools behind a real HTTP server, with a clock
// that stands still unless it is moved.
type world struct {
	t       testing.TB
	dir     string
	cfg     cognito.Config
	stage   *store.Stage
	svc     *cognito.Service
	server  *httptest.Server
	nextKey int

	mu     sync.Mutex
	now    time.Time
	codes  []cognito.CodeSent
	events []cognito.Event
	// functions are those of triggers, by name.
	functions map[string]cognito.Invoke
	// may are the actions that the rider may do, each with the resource after a space.
	may map[string]bool
}

func (w *world) authorize(action, resource string) (iam.Decision, error) {
	if w.may[action+" "+resource] {
		return iam.Decision{}, nil
	}
	return iam.Decision{}, fmt.Errorf("User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
		action, resource, action)
}

// emailPool is the pool of the walk-through: users sign up and in with their
// e-mail address.
func emailPool() cognito.PoolConfig {
	return cognito.PoolConfig{
		Name: "UserPool", UsernameAttributes: []string{"email"}, AutoVerifiedAttributes: []string{"email"},
		Clients: []cognito.ClientConfig{
			{Name: "web", ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}},
			{Name: "hiding", PreventUserExistenceErrors: true, ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}},
			{Name: "secret", GenerateSecret: true, ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}},
			{Name: "plain"},
		},
	}
}

// aliasPool is a pool of usernames with aliases.
func aliasPool() cognito.PoolConfig {
	p := emailPool()
	p.Name, p.UsernameAttributes = "AliasPool", nil
	p.AliasAttributes = []string{"email", "phone_number", "preferred_username"}
	return p
}

func newWorld(t testing.TB, pools ...cognito.PoolConfig) *world {
	t.Helper()
	w := &world{t: t, dir: store.Path(t.TempDir(), "test"), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.svc.ServeHTTP(rw, r) }))
	t.Cleanup(w.server.Close)
	w.cfg = cognito.Config{
		Region: "us-east-1", AccountID: aws.AccountID, IssuerBase: "http://localhost:4566", Pools: pools, Now: w.clock,
		Authenticate: func(r *http.Request, _ []byte) (cognito.Principal, error) {
			switch r.Header.Get("Authorization") {
			case "root":
				return cognito.Principal{Root: true}, nil
			case "rider":
				return cognito.Principal{Authorize: w.authorize}, nil
			}
			return cognito.Principal{}, &aws.Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token", Status: 403}
		},
		Invoke: func(ctx context.Context, function string, event []byte) ([]byte, string, error) {
			w.mu.Lock()
			f := w.functions[function]
			w.mu.Unlock()
			if f == nil {
				return nil, "", &aws.Error{Code: "ResourceNotFoundException", Message: "Function not found: " + function, Status: 404}
			}
			return f(ctx, function, event)
		},
		GenerateKey: func() (*rsa.PrivateKey, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.nextKey++
			return spareKeys()[w.nextKey%len(spareKeys())], nil
		},
		Log: func(e cognito.Event) { w.mu.Lock(); defer w.mu.Unlock(); w.events = append(w.events, e) },
		CodeSent: func(c cognito.CodeSent) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.codes = append(w.codes, c)
		},
	}
	w.open()
	t.Cleanup(func() { w.stage.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.stage, err = store.Open(context.Background(), w.dir, store.Options{Migrations: migrations(), Begin: emptyState(w.t)}); err != nil {
		w.t.Fatal(err)
	}
	w.cfg.DB, w.cfg.Mailbox = w.stage.DB(), w.stage.Mailbox()
	if w.svc, err = cognito.New(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	if err := w.svc.Open(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// restart ends the stage and begins it again from what it kept.
func (w *world) restart() {
	w.t.Helper()
	if err := w.stage.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// pool and client give ids; the client's pool is the first unless it is named
// POOL/CLIENT.
func (w *world) pool() string { return w.svc.Pool(w.cfg.Pools[0].Name).ID() }

func (w *world) client(name string) string {
	w.t.Helper()
	id := w.svc.Pool(w.cfg.Pools[0].Name).ClientID(name)
	if id == "" {
		w.t.Fatalf("no client %s", name)
	}
	return id
}

// answer is an HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) request(method, path, target, authorization, contentType, body string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]string{"X-Amz-Target": target, "Authorization": authorization, "Content-Type": contentType} {
		if value != "" {
			r.Header.Set(name, value)
		}
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
	return answer{res.StatusCode, res.Header, string(b)}
}

const target = "AWSCognitoIdentityProviderService."

// send sends an operation as root; operations that are unsigned ignore that.
func (w *world) send(operation string, in obj) answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.request("POST", "/", target+operation, "root", "application/x-amz-json-1.1", string(body))
}

// do sends an operation that must succeed and gives its output.
func (w *world) do(operation string, in obj) obj {
	w.t.Helper()
	a := w.send(operation, in)
	if a.status != 200 {
		w.t.Fatalf("%s %v: %d %s", operation, in, a.status, a.body)
	}
	if a.body == "" {
		return nil
	}
	out := obj{}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		w.t.Fatalf("%s: %v in %s", operation, err, a.body)
	}
	return out
}

// refused sends an operation that must be refused with exactly this error, in
// the body's bytes and in the headers.
func (w *world) refused(operation string, in obj, code, message string) {
	w.t.Helper()
	w.checkRefusal(operation, w.send(operation, in), 400, code, message)
}

func (w *world) checkRefusal(operation string, a answer, status int, code, message string) {
	w.t.Helper()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{code, message}); err != nil {
		w.t.Fatal(err)
	}
	if text := strings.TrimSuffix(want.String(), "\n"); a.status != status || a.body != text {
		w.t.Errorf("%s:\n got %d %s\nwant %d %s", operation, a.status, a.body, status, text)
	}
	if got := a.header.Get("x-amzn-ErrorType"); got != code+":" {
		w.t.Errorf("%s: x-amzn-ErrorType is %q", operation, got)
	}
	if got := a.header.Get("x-amzn-ErrorMessage"); got != strings.TrimSpace(message) {
		w.t.Errorf("%s: x-amzn-ErrorMessage is %q", operation, got)
	}
}

// reason gives the reason of the last log line.
func (w *world) reason() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[len(w.events)-1].Reason
}

// code gives the code that was sent last.
func (w *world) code() string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.codes) == 0 {
		w.t.Fatal("no code was sent")
	}
	return w.codes[len(w.codes)-1].Code
}

// wrongCode gives a code that is not the last one.
func (w *world) wrongCode() string {
	if w.code() == "000000" {
		return "000001"
	}
	return "000000"
}

// signUp signs a user up through the client "web" and gives its sub.
func (w *world) signUp(name string) string {
	w.t.Helper()
	return w.do("SignUp", obj{"ClientId": w.client("web"), "Username": name, "Password": goodPassword})["UserSub"].(string)
}

// confirmed signs up and confirms a user.
func (w *world) confirmed(name string) string {
	w.t.Helper()
	sub := w.signUp(name)
	w.do("ConfirmSignUp", obj{"ClientId": w.client("web"), "Username": name, "ConfirmationCode": w.code()})
	return sub
}

func (w *world) passwordAuth(name, password string) obj {
	return obj{"ClientId": w.client("web"), "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": name, "PASSWORD": password}}
}

// signIn gives the tokens of a sign-in.
func (w *world) signIn(name, password string) tokens {
	w.t.Helper()
	return w.tokensOf(w.do("InitiateAuth", w.passwordAuth(name, password)))
}

type tokens struct{ id, access, refresh string }

func (w *world) tokensOf(out obj) tokens {
	w.t.Helper()
	result, ok := out["AuthenticationResult"].(obj)
	if !ok {
		w.t.Fatalf("no tokens in %v", out)
	}
	refresh, _ := result["RefreshToken"].(string)
	return tokens{result["IdToken"].(string), result["AccessToken"].(string), refresh}
}

func (w *world) user(name string) obj { return obj{"UserPoolId": w.pool(), "Username": name} }

// attributesOf gives what AdminGetUser shows.
func (w *world) attributesOf(name string) map[string]string {
	w.t.Helper()
	values := map[string]string{}
	for _, a := range w.do("AdminGetUser", w.user(name))["UserAttributes"].([]any) {
		values[a.(obj)["Name"].(string)] = a.(obj)["Value"].(string)
	}
	return values
}

func (w *world) statusOf(name string) string {
	w.t.Helper()
	return w.do("AdminGetUser", w.user(name))["UserStatus"].(string)
}

// with gives a copy of o with more members.
func with(o obj, more obj) obj {
	c := obj{}
	for k, v := range o {
		c[k] = v
	}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func attrs(nameValues ...string) []any {
	var list []any
	for i := 0; i < len(nameValues); i += 2 {
		list = append(list, obj{"Name": nameValues[i], "Value": nameValues[i+1]})
	}
	return list
}

func migrations() []store.Migration { return slices.Concat(cognito.Migrations(), oidc.Migrations()) }

// madeState is the database that each test's stage begins with.
var madeState = sync.OnceValues(func() ([]byte, error) { return store.Empty(context.Background(), migrations()) })

func emptyState(t testing.TB) []byte {
	t.Helper()
	b, err := madeState()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
