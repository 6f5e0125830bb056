package doorwright_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/keytest"
	"github.com/doorwright/doorwright/sigv4"
)

// declare writes a declaration into a folder of its own.
func declare(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "doorwright.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// upstreamApp declares an API in front of an upstream: no function is built,
// so that tests of everything else are quick.
func upstreamApp(t *testing.T, upstream, extra string) string {
	t.Helper()
	return declare(t, fmt.Sprintf(`name: app
userPools:
  Users: {signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
apis:
  Api:
    %s
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users}
    routes:
      GET /private: {url: %q}
      GET /open: {url: %q, authorizer: none}
outputs: {Url: "${apis.Api.url}", Pool: "${userPools.Users.id}", Issuer: "${userPools.Users.issuer}"}
`, extra, upstream, upstream))
}

// running is an app that runs until stop.
type running struct {
	*doorwright.App
	t    *testing.T
	stop func() error // idempotent

	mu     sync.Mutex
	events []doorwright.Event // guarded by mu
}

// keys are what pools and tenants sign with.
var keys keytest.Ring

// portShift keeps the ports that a stage has again when it starts again from who starts
// the program meanwhile, as the tests of other packages and of other checkouts do.
var portShift = 1000 * (2 + os.Getpid()%20)

// run starts an app. Its events are kept, unless cfg has a use for them; each of
// prepare may change it before it listens.
func run(t *testing.T, cfg doorwright.Config, prepare ...func(*doorwright.App)) *running {
	t.Helper()
	cfg.Temporary = true
	return runKept(t, cfg, prepare...)
}

// runKept is run with a state that the program itself opens, too.
func runKept(t *testing.T, cfg doorwright.Config, prepare ...func(*doorwright.App)) *running {
	t.Helper()
	r := &running{t: t}
	if cfg.Observe == nil {
		cfg.Observe = r.observe
	}
	if cfg.AuthorityDir == "" {
		cfg.AuthorityDir = filepath.Join(t.TempDir(), "ca")
	}
	a, err := doorwright.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.SetGenerateKey(keys.Maker(t))
	a.SetPortShift(portShift)
	for _, p := range prepare {
		p(a)
	}
	if err := a.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r.App = a
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run ends with %v", err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-ended:
		t.Fatalf("Run ends with %v before it was ready", err)
	}
	return r
}

func (r *running) observe(e doorwright.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// text gives all that was observed so far of a kind.
func (r *running) text(kind doorwright.Kind) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, e := range r.events {
		if e.Kind == kind {
			fmt.Fprintln(&b, e.Text)
		}
	}
	return b.String()
}

func (r *running) output(name string) string {
	for _, o := range r.Outputs() {
		if o.Name == name {
			return o.Value
		}
	}
	r.t.Fatalf("there is no output %q", name)
	return ""
}

func hello(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNothingIsLeftAfterRun counts goroutines: what Run started must have
// ended when it returns.
func TestNothingIsLeftAfterRun(t *testing.T) {
	upstream := hello(t)
	dir := upstreamApp(t, upstream.URL, "")
	before := goroutines()
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	if _, err := r.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, get(t, r.output("Url")+"/open")); status != 200 || body != "hello" {
		t.Errorf("the open route answers %d %s", status, body)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	upstream.Close()
	if left := leftOver(before); left != "" {
		t.Errorf("goroutines are left after Run:\n%s", left)
	}
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(r.output("Url"), "http://"), time.Second); err == nil {
		t.Error("the API's port still listens after Run")
	}
}

// goroutines gives the stack of every goroutine of ours, by its header.
func goroutines() map[string]bool {
	seen := map[string]bool{}
	for _, g := range stacks() {
		id, _, _ := strings.Cut(g, " [")
		seen[id] = true
	}
	return seen
}

func stacks() []string {
	buf := make([]byte, 1<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

// leftOver gives the goroutines that were not there before and run our code,
// once they have had the time to end: a goroutine may be past its last
// statement and not yet gone.
func leftOver(before map[string]bool) string {
	var left string
	for range 100 {
		left = ""
		for _, g := range stacks() {
			id, _, _ := strings.Cut(g, " [")
			if !before[id] && strings.Contains(g, "github.com/doorwright/") && !strings.Contains(g, "leftOver") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
		runtime.Gosched()
		time.Sleep(10 * time.Millisecond)
	}
	return left
}

// TestStageIsHeldByOneProcess starts the same stage twice, and another stage
// beside it.
func TestStageIsHeldByOneProcess(t *testing.T) {
	dir := upstreamApp(t, hello(t).URL, "")
	run(t, doorwright.Config{Dir: dir, AnyPort: true})
	second, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir, AnyPort: true})
	if err != nil {
		t.Fatal(err)
	}
	err = second.Listen(t.Context())
	if want := "stage dev is held by"; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("a second start of the stage ends with %v; want %q and this process's id", err, want)
	}
	other := run(t, doorwright.Config{Dir: dir, Stage: "other", AnyPort: true})
	if status, _ := ask(t, get(t, other.output("Url")+"/open")); status != 200 {
		t.Errorf("another stage of the app answers %d", status)
	}
}

// TestStageKeepsItsState runs a stage twice: ids, keys, ports and root keys are
// the same, and a token of the first run opens the second.
func TestStageKeepsItsState(t *testing.T) {
	dir := upstreamApp(t, hello(t).URL, "")
	first := run(t, doorwright.Config{Dir: dir})
	tokens, err := first.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	outputs, environment := fmt.Sprint(first.Outputs()), first.Environment()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()

	second := run(t, doorwright.Config{Dir: dir})
	if strings.Contains(second.text(doorwright.KindWarning), "is in use") {
		t.Skip("another program took a port between the two runs")
	}
	if got := fmt.Sprint(second.Outputs()); got != outputs {
		t.Errorf("the outputs were %s and are %s", outputs, got)
	}
	if got := second.Environment(); got != environment {
		t.Errorf("the endpoint was %s and is %s, or the root keys changed", environment.Endpoint, got.Endpoint)
	}
	r := get(t, second.output("Url")+"/private")
	r.Header.Set("Authorization", tokens.ID)
	if status, body := ask(t, r); status != 200 {
		t.Errorf("the token of the first run is answered %d %s", status, body)
	}
}

// TestBusyPorts holds the stage's ports while it does not run: it moves on and
// remembers; a port that the declaration fixes is an error instead.
func TestBusyPorts(t *testing.T) {
	upstream := hello(t)
	dir := upstreamApp(t, upstream.URL, "")
	r := run(t, doorwright.Config{Dir: dir})
	was := r.output("Url")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp", strings.Replace(strings.TrimPrefix(was, "http://"), "localhost", "127.0.0.1", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	r = run(t, doorwright.Config{Dir: dir})
	if now := r.output("Url"); now == was {
		t.Errorf("the API claims to be at %s, which another program holds", now)
	}
	if got := r.text(doorwright.KindWarning); !strings.Contains(got, "is in use; it is at ") {
		t.Errorf("the warnings are %q", got)
	}

	port := squatter.Addr().(*net.TCPAddr).Port
	fixed, err := doorwright.New(doorwright.Config{Temporary: true, Dir: upstreamApp(t, upstream.URL, fmt.Sprintf("port: %d", port))})
	if err != nil {
		t.Fatal(err)
	}
	err = fixed.Listen(t.Context())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d is in use by another program", port)) {
		t.Errorf("a fixed port that is busy ends with %v", err)
	}
}

// TestForeignHostIsMisdirected asks each listener under a name that is not its
// own, as a page would after rebinding its DNS name to 127.0.0.1.
func TestForeignHostIsMisdirected(t *testing.T) {
	r := run(t, doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true})
	for _, base := range []string{r.output("Url") + "/open", r.Environment().Endpoint + "/"} {
		for _, host := range []string{"attacker.example", "localhost", "localhost:1", "localhost.attacker.example", ""} {
			req := get(t, base)
			req.Host = host
			if host == "" {
				continue // net/http sends the URL's own
			}
			status, body := ask(t, req)
			if status != http.StatusMisdirectedRequest || strings.Contains(body, "hello") {
				t.Errorf("%s under Host %q is answered %d %s; want 421", base, host, status, body)
			}
		}
	}
	for _, name := range []string{"127.0.0.1", "[::1]"} {
		url := strings.Replace(r.output("Url"), "localhost", name, 1) + "/open"
		resp, err := http.Get(url)
		if err != nil {
			if name == "[::1]" {
				t.Logf("no IPv6 loopback here: %v", err)
				continue
			}
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s is answered %d", url, resp.StatusCode)
		}
	}
}

// TestEndpointRefusesOtherServices sends what clients of SQS, DynamoDB, Kinesis and IAM
// do, signed or not.
func TestEndpointRefusesOtherServices(t *testing.T) {
	r := run(t, doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true})
	for _, target := range []string{"", "DynamoDB_20120810.GetItem", "Kinesis_20131202.PutRecord"} {
		req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		if target != "" {
			req.Header.Set("X-Amz-Target", target)
		}
		status, body := ask(t, req)
		if status != 400 || !strings.Contains(body, `"__type":"UnknownOperationException"`) {
			t.Errorf("target %q is answered %d %s", target, status, body)
		}
	}
	e := r.Environment()
	for service, form := range map[string]string{"sqs": "", "iam": "Action=ListUsers&Version=2010-05-08", "kms": ""} {
		req, err := http.NewRequest(http.MethodPost, e.Endpoint+"/", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		code := `"__type":"UnknownOperationException"`
		if form != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			code = "<Code>InvalidAction</Code>"
		}
		sigv4.Sign(req, []byte(form), sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}, service, e.Region, time.Now())
		if status, body := ask(t, req); status != 400 || !strings.Contains(body, code) {
			t.Errorf("%s is answered %d %s", service, status, body)
		}
	}
	got := r.text(doorwright.KindWarning)
	if strings.Count(got, "was refused") != 6 || !strings.Contains(got, `"kms" was refused: of the AWS services these run locally in this version: Cognito user pools (cognito-idp), Cognito identity pools (cognito-identity), STS (sts)`) {
		t.Errorf("the warnings are %q; want one for each refusal", got)
	}
}

// TestDrain ends the app while a request is in flight: it is answered.
func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		io.WriteString(w, "finished")
	}))
	defer upstream.Close()
	r := run(t, doorwright.Config{Dir: upstreamApp(t, upstream.URL, ""), AnyPort: true})
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get(r.output("Url") + "/open")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		answered <- fmt.Sprint(resp.StatusCode, " ", string(b), " ", err)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	select {
	case err := <-stopped:
		t.Errorf("Run ended (%v) with a request in flight", err)
	case <-time.After(50 * time.Millisecond): // it must still wait after that
	}
	close(release)
	if got := <-answered; got != "200 finished <nil>" {
		t.Errorf("the request in flight was answered %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestListenLeavesNothingAfterAnError ends in the middle of Listen and starts
// again.
func TestListenLeavesNothingAfterAnError(t *testing.T) {
	upstream := hello(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := busy.Addr().(*net.TCPAddr).Port
	dir := upstreamApp(t, upstream.URL, fmt.Sprintf("port: %d", port))
	a, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Listen(t.Context()); err == nil {
		t.Fatal("Listen took a port that is busy")
	}
	busy.Close()
	r := run(t, doorwright.Config{Dir: dir}) // the stage and its endpoint are free again
	if want := fmt.Sprintf("http://localhost:%d", port); r.output("Url") != want {
		t.Errorf("the API is at %s; the declaration says %s", r.output("Url"), want)
	}
}

// TestCheckGivesAllMistakes is the library's side of `doorwright check`.
func TestCheckGivesAllMistakes(t *testing.T) {
	dir := declare(t, "name: App\nregoin: us-east-1\n")
	decl, err := doorwright.Check(dir, "dev")
	if err == nil || decl != nil {
		t.Fatalf("Check gives %v, %v", decl, err)
	}
	for _, want := range []string{"doorwright.yaml:1:7", "doorwright.yaml:2:1", "region"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the mistakes do not name %q:\n%v", want, err)
		}
	}
	if _, err := doorwright.Check(dir, "../prod"); err == nil {
		t.Error("a path is taken for a stage's name")
	}
	if _, err := doorwright.New(doorwright.Config{Temporary: true, Dir: filepath.Join(dir, "nowhere")}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a folder without a declaration gives %v", err)
	}
}
