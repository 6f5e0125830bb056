package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
)

var seedFlag = flag.Uint64("seed", 0, "repeat a randomised test by the seed that it printed")

// random gives a test its random numbers and prints how to repeat them.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// patience bounds every wait for another process. It is no measure of speed.
const patience = time.Minute

// program is `doorwright start`, the real one, as a process of its own.
type program struct {
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when the process has ended and its output is whole
}

// startProgram starts the program on the app in dir. adapt may change the
// command before.
func startProgram(t *testing.T, dir string, adapt ...func(*exec.Cmd)) *program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// TestMain goes by the name under which it is called. No PATH: what the
	// declaration does not name is not to be run.
	p := &program{
		cmd: &exec.Cmd{Path: exe, Args: []string{"doorwright", "start", dir}, Env: []string{"NO_COLOR=1", "HOME=" + t.TempDir()}},
		out: newOutput(), ended: make(chan struct{}),
	}
	if traces := os.Getenv("GOCOVERDIR"); traces != "" {
		p.cmd.Env = append(p.cmd.Env, "GOCOVERDIR="+traces)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	for _, f := range adapt {
		f(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which the test kills if nobody did before
		_ = p.cmd.Wait() // cmd.ProcessState has it
		p.out.close()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill kills the program as kill -9 does, and nothing but it.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop asks the program to end, and expects that it does so in good order.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("the program did not end after an interrupt:\n%s", p.out)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("the program ended with exit code %d:\n%s", code, p.out)
	}
}

// ready waits until the program has said that everything answers.
func (p *program) ready(t *testing.T) *program {
	t.Helper()
	p.says(t, "  Status: deployed\n")
	return p
}

// says waits until the program has printed text.
func (p *program) says(t *testing.T, text string) {
	t.Helper()
	if !p.out.wait(text) {
		t.Fatalf("the program never said %q:\n%s", text, p.out)
	}
}

// fails expects that the program does not start, for a reason that the user
// can mend: it says so in a few lines, which hold all of want.
func (p *program) fails(t *testing.T, want ...string) {
	t.Helper()
	if p.out.wait("Status: deployed") {
		t.Fatalf("the program has started:\n%s", p.out)
	}
	p.failed(t, want...)
	if n := strings.Count(p.out.String(), "\n"); n == 0 || n > 4 {
		t.Errorf("%d lines, want a few:\n%s", n, p.out)
	}
}

// failed waits for the program's end, which must be that of one that has told
// the user what to mend: code 1, and no trace of its inside.
func (p *program) failed(t *testing.T, want ...string) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("the program did not end:\n%s", p.out)
	}
	text, bad := p.out.String(), false
	expect := func(holds bool, format string, args ...any) {
		t.Helper()
		if !holds {
			bad = true
			t.Errorf(format, args...)
		}
	}
	code := p.cmd.ProcessState.ExitCode()
	expect(code == 1, "exit code %d, want 1", code)
	for _, w := range want {
		expect(strings.Contains(text, w), "the program does not say %q", w)
	}
	for _, trace := range []string{"goroutine ", "panic", ".go:", "internal error"} {
		expect(!strings.Contains(text, trace), "the program says %q", trace)
	}
	if bad {
		t.Logf("the program says:\n%s", text)
	}
}

// output collects what a process prints, for those who wait for a part of it.
type output struct {
	mu     sync.Mutex
	more   *sync.Cond
	text   bytes.Buffer // guarded by mu
	closed bool         // guarded by mu
}

func newOutput() *output {
	o := &output{}
	o.more = sync.NewCond(&o.mu)
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	o.more.Broadcast()
	return len(p), nil
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.more.Broadcast()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// wait waits until text was written. It is false if the output ended without.
func (o *output) wait(text string) bool {
	expired := false
	timer := time.AfterFunc(patience, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		expired = true
		o.more.Broadcast()
	})
	defer timer.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for !bytes.Contains(o.text.Bytes(), []byte(text)) {
		if o.closed || expired {
			return false
		}
		o.more.Wait()
	}
	return true
}

// poolApp writes an app with a user pool and one route behind it, whose
// upstream runs as long as the test. Nothing of it has to be built.
func poolApp(t *testing.T) (dir string) {
	t.Helper()
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "private") })}
	served := make(chan struct{})
	go func() { // ends by Close
		defer close(served)
		_ = srv.Serve(upstream)
	}()
	t.Cleanup(func() { srv.Close(); <-served })
	dir = t.TempDir()
	declare(t, dir, fmt.Sprintf(`name: durable
userPools:
  Users: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users, clients: [web]}}
    defaults: {authorizer: users}
    routes:
      GET /private: {url: "http://%s/"}
outputs:
  ApiEndpoint: "${apis.Api.url}"
  UserPoolId: "${userPools.Users.id}"
  UserPoolClientId: "${userPools.Users.clients.web.id}"
`, upstream.Addr()))
	return dir
}

func declare(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, app.FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pinPorts makes a stage that remembers ports which nobody else prefers, so
// that they are still free when a killed program starts again. Such a state is
// one from before there were user pools.
func pinPorts(t *testing.T, dir string, rnd *rand.Rand) (ports []string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Path(dir, doorwright.DefaultStage), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, key := range []string{"port.endpoint", "port.apis.Api"} {
		port := fmt.Sprint(freePort(t, rnd))
		if err := s.Remember(t.Context(), key, port); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}

// freePort finds a port below those that the system gives to clients.
func freePort(t *testing.T, rnd *rand.Rand) int {
	t.Helper()
	for range 100 {
		port := 12000 + rnd.IntN(18000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port found")
	return 0
}

// caller talks to a running program as the AWS CLI does. It is for many
// goroutines.
type caller struct {
	http      *http.Client
	env       doorwright.Environment
	api, pool string
	client    string
}

// newCaller reads where the program in dir answers and with which keys.
func newCaller(t *testing.T, dir string) *caller {
	t.Helper()
	env, err := doorwright.ReadEnvironment(dir, doorwright.DefaultStage)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := doorwright.ReadOutputs(dir, doorwright.DefaultStage)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, o := range outputs {
		of[o.Name] = o.Value
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{
		http: &http.Client{Transport: transport, Timeout: patience},
		env:  env, api: of["ApiEndpoint"], pool: of["UserPoolId"], client: of["UserPoolClientId"],
	}
}

// answer is what a call was answered: the result, or a refusal.
type answer struct {
	status        int
	body          string
	code, message string // of a refusal
	result        struct {
		UserSub, UserStatus  string
		UserAttributes       []struct{ Name, Value string }
		AuthenticationResult struct{ AccessToken, IdToken, RefreshToken string }
	}
}

func (a *answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// is says whether the call was refused so; "" stands for a success.
func (a *answer) is(code, message string) bool {
	if code == "" {
		return a.status == http.StatusOK
	}
	return a.status == http.StatusBadRequest && a.code == code && (message == "" || a.message == message)
}

// call calls an operation on user pools. An error means that no answer came:
// the operation may have happened or not.
func (c *caller) call(operation string, in map[string]any) (*answer, error) {
	if strings.HasPrefix(operation, "Admin") {
		in["UserPoolId"] = c.pool
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, c.env.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	if strings.HasPrefix(operation, "Admin") {
		keys := sigv4.Credentials{AccessKeyID: c.env.AccessKeyID, SecretAccessKey: c.env.SecretAccessKey}
		sigv4.Sign(r, body, keys, "cognito-idp", c.env.Region, time.Now())
	}
	a, err := c.do(r)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusOK {
		if a.body != "" {
			err = json.Unmarshal([]byte(a.body), &a.result)
		}
		return a, err
	}
	var refusal struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(a.body), &refusal); err != nil {
		return nil, fmt.Errorf("%s was answered %s: %w", operation, a, err)
	}
	a.code, a.message = refusal.Type, refusal.Message
	return a, nil
}

// get asks for a path below a base, with a bearer token if there is one.
func (c *caller) get(url, token string) (*answer, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return c.do(r)
}

func (c *caller) do(r *http.Request) (*answer, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: resp.StatusCode, body: string(body)}, nil
}

// The calls that most tests make.

func (c *caller) signUp(name, password string) (*answer, error) {
	return c.call("SignUp", map[string]any{"ClientId": c.client, "Username": name, "Password": password})
}

func (c *caller) signIn(name, password string) (*answer, error) {
	return c.call("InitiateAuth", map[string]any{
		"ClientId": c.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": name, "PASSWORD": password},
	})
}

func (c *caller) refresh(token string) (*answer, error) {
	return c.call("InitiateAuth", map[string]any{
		"ClientId": c.client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": map[string]string{"REFRESH_TOKEN": token},
	})
}

// mailReader reads the mailbox of a stage, as somebody who signs up looks for
// the code. It is for many goroutines.
type mailReader struct {
	dir string

	mu     sync.Mutex
	read   map[string]bool // by file name
	newest map[string]mail // by address
}

// mail is a code, and which of the mailbox's messages brought it.
type mail struct{ file, code string }

func newMailReader(dir string) *mailReader {
	return &mailReader{
		dir:  filepath.Join(store.Path(dir, doorwright.DefaultStage), "mailbox"),
		read: map[string]bool{}, newest: map[string]mail{},
	}
}

// latest gives the newest message to an address; none is the zero mail.
func (m *mailReader) latest(to string) (mail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries, err := os.ReadDir(m.dir) // sorted by name, so oldest first
	if err != nil {
		return mail{}, err
	}
	for _, e := range entries {
		if m.read[e.Name()] || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // the mailbox is full: the oldest go
		}
		if err != nil {
			return mail{}, err
		}
		var msg store.Message
		if err := json.Unmarshal(b, &msg); err != nil {
			return mail{}, fmt.Errorf("reading %s: %w", e.Name(), err)
		}
		m.read[e.Name()] = true
		m.newest[msg.To] = mail{e.Name(), msg.Code}
	}
	return m.newest[to], nil
}
