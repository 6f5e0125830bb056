package doorwright_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// workSource is a Go function that does what its request's query says, and
// answers with its version and the SHA-256 of the body that reached it.
const workSource = `package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

const version = "VERSION"

func handle(_ context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	switch e.QueryStringParameters["do"] {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("out of order")
	case "sleep":
		time.Sleep(time.Minute)
	case "nap":
		time.Sleep(50 * time.Millisecond)
	case "large":
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: strings.Repeat("y", 5<<20)}, nil
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		body, _ = base64.StdEncoding.DecodeString(e.Body)
	}
	sum := sha256.Sum256(body)
	return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: version + " " + hex.EncodeToString(sum[:])}, nil
}

func main() { lambda.Start(handle) }
`

// workConcurrency is how many instances the function of workApp has at most.
const workConcurrency = 4

// workApp declares two functions, one that has time on a busy machine and one
// that has a second, an upstream, a user pool and a foreign issuer; more is added
// to its routes.
func workApp(t *testing.T, upstream, issuer, more string) string {
	t.Helper()
	dir := declare(t, fmt.Sprintf(`name: work
userPools:
  Users: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
apis:
  Api:
    authorizers:
      users: {type: user_pool, userPool: Users}
      issuer: {type: jwt, issuer: %q, audience: [%q]}
    defaults: {authorizer: users}
    routes:
      POST /work: {function: {handler: functions/work, timeout: 20s, concurrency: %d}, authorizer: none}
      POST /other: {function: {handler: functions/other, timeout: 1s, concurrency: %d}, authorizer: none}
      GET /private: {url: "%[5]s/hello"}
      GET /open: {url: "%[5]s/hello", authorizer: none}
      GET /nap: {url: "%[5]s/nap", authorizer: none}
      GET /large: {url: "%[5]s/large", authorizer: none}
      POST /echo: {url: "%[5]s/echo", authorizer: none}
      GET /foreign: {url: "%[5]s/hello", authorizer: issuer}
      GET /scoped: {url: "%[5]s/hello", authorizer: issuer, scopes: [read]}
%[6]s
outputs: {Url: "${apis.Api.url}", Client: "${userPools.Users.clients.web.id}", Pool: "${userPools.Users.id}"}
`, issuer, verifytest.Audience, workConcurrency, workConcurrency, upstream, more))
	for _, name := range []string{"work", "other"} {
		write(t, filepath.Join(dir, "functions", name, "main.go"), strings.Replace(workSource, "VERSION", "v1", 1))
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "github.com/aws/aws-lambda-go" {
			write(t, filepath.Join(dir, "go.mod"), "module example.com/work\n\ngo 1.26\n\nrequire github.com/aws/aws-lambda-go "+f[1]+"\n")
		}
	}
	write(t, filepath.Join(dir, "go.sum"), string(sum))
	return dir
}

// write saves a file as many editors do: beside, then renamed over it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

// largeAnswer is more than the buffers between two sockets hold.
var largeAnswer = bytes.Repeat([]byte("large "), 2<<20)

// workUpstream is what the routes of workApp with a url lead to.
func workUpstream(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/nap", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Write(largeAnswer) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		if _, err := io.Copy(h, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// exchange sends one request and wants exactly this answer; want "" accepts any
// body.
func exchange(client *http.Client, method, url, token string, body []byte, wantStatus int, want string) error {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, url, err)
	}
	if resp.StatusCode != wantStatus || want != "" && string(got) != want {
		return fmt.Errorf("%s %s (%d bytes) is answered %d %.200q; want %d %.200q", method, url, len(body), resp.StatusCode, got, wantStatus, want)
	}
	return nil
}

// operation calls the AWS endpoint without a signature and gives its answer.
func operation(client *http.Client, endpoint, name string, in any) (int, map[string]any, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequest(http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+name)
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	out := map[string]any{}
	if len(b) > 0 {
		err = json.Unmarshal(b, &out)
	}
	return resp.StatusCode, out, err
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

const (
	unauthorizedBody = `{"message":"Unauthorized"}`
	forbiddenBody    = `{"message":"Forbidden"}`
	notFoundBody     = `{"message":"Not Found"}`
	failedBody       = `{"message":"Internal Server Error"}`
	tooLargeBody     = `{"message":"Request Entity Too Large"}`
	headersBody      = `{"message":"Request Header Fields Too Large"}`
)

// forged gives a token whose signature's bytes are other ones.
func forged(token string) string { return token[:len(token)-12] + "AAAAAAAAAAAA" }

// besieged is a running app, and an honest client of it.
type besieged struct {
	*running
	api, endpoint string
	issuer        *verifytest.Issuer
	tokens        doorwright.Tokens
	fresh, kept   *http.Client
	body, large   []byte
}

func besiege(t *testing.T) *besieged {
	t.Helper()
	issuer := verifytest.NewIssuer(verify.RS256)
	t.Cleanup(issuer.Close)
	b := &besieged{issuer: issuer, body: bytes.Repeat([]byte("b"), 4<<10), large: bytes.Repeat([]byte("c"), 1<<20)}
	b.running = run(t, doorwright.Config{
		Dir: workApp(t, workUpstream(t).URL, issuer.URL(), ""), AnyPort: true,
		Observe: func(doorwright.Event) {}, // a flood of events is not to be kept
	})
	b.api, b.endpoint = b.output("Url"), b.Environment().Endpoint
	var err error
	if b.tokens, err = b.Token(t.Context(), doorwright.TokenRequest{User: "honest@example.com"}); err != nil {
		t.Fatal(err)
	}
	b.fresh = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	b.kept = &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	t.Cleanup(b.kept.CloseIdleConnections)
	// All instances come up now: they stay, and descriptors are counted later.
	var all sync.WaitGroup
	for _, path := range []string{"/work", "/other"} {
		for range workConcurrency {
			all.Go(func() {
				if err := exchange(b.fresh, "POST", b.api+path+"?do=nap", "", nil, 200, ""); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	return b
}

// honest asks both listeners for all that they have, on new connections and on
// kept ones, and gives the first answer that is wrong.
func (b *besieged) honest() error {
	for _, client := range []*http.Client{b.fresh, b.kept} {
		for _, q := range []struct {
			method, path, token string
			body                []byte
			status              int
			want                string
		}{
			{"GET", "/open", "", nil, 200, "hello"},
			{"GET", "/private", b.tokens.ID, nil, 200, "hello"},
			{"GET", "/private", forged(b.tokens.ID), nil, 401, unauthorizedBody},
			{"GET", "/private", "", nil, 401, unauthorizedBody},
			{"GET", "/foreign", b.issuer.Token(nil), nil, 200, "hello"},
			{"GET", "/nowhere", b.tokens.ID, nil, 404, notFoundBody},
			{"POST", "/work", "", b.body, 200, "v1 " + hexSum(b.body)},
			{"POST", "/work", "", b.large, 200, "v1 " + hexSum(b.large)},
			{"POST", "/echo", "", b.large, 200, hexSum(b.large)},
		} {
			if err := exchange(client, q.method, b.api+q.path, q.token, q.body, q.status, q.want); err != nil {
				return err
			}
		}
		status, out, err := operation(client, b.endpoint, "GetUser", map[string]string{"AccessToken": b.tokens.Access})
		if err != nil || status != 200 || !strings.Contains(fmt.Sprint(out["UserAttributes"]), "honest@example.com") {
			return fmt.Errorf("GetUser is answered %d %v %w", status, out, err)
		}
		status, out, err = operation(client, b.endpoint, "GetUser", map[string]string{"AccessToken": forged(b.tokens.Access)})
		if err != nil || status != 400 || out["__type"] != "NotAuthorizedException" {
			return fmt.Errorf("GetUser with a forged token is answered %d %v %w", status, out, err)
		}
	}
	return nil
}

// heapBound is what no attack may make of the heap: the largest bodies at once
// with their events, and the connections' buffers, several times over. Without
// the bounds the attacks on memory exceed it.
const heapBound = 768 << 20

// under runs an attack and asks honestly while it lasts, before and after: all
// must be answered rightly, memory stay bounded, and the descriptors come back.
// The attack calls stands as it stands at its worst, and keeps so until rest
// ends.
func (b *besieged) under(t *testing.T, attack func(stands func(), rest <-chan struct{})) {
	t.Helper()
	if err := b.honest(); err != nil {
		t.Fatalf("before the attack: %v", err)
	}
	b.kept.CloseIdleConnections()
	before := descriptors(t)
	peak := peakHeap(t)
	rest, standing, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() { // ends with the attack, which is awaited below
		defer close(ended)
		attack(func() { once.Do(func() { close(standing) }) }, rest)
		once.Do(func() { close(standing) })
	}()
	for rounds, at := 0, false; !at || rounds < 3; rounds++ {
		select {
		case <-standing:
			if !at {
				at, rounds = true, 0
			}
		default:
		}
		if err := b.honest(); err != nil {
			t.Errorf("during the attack: %v", err)
			break
		}
	}
	close(rest)
	<-ended
	if got := peak(); got > heapBound {
		t.Errorf("the heap grew to %d MB; the bound is %d MB", got>>20, heapBound>>20)
	} else {
		t.Logf("heap at its largest: %d MB", got>>20)
	}
	if err := b.honest(); err != nil {
		t.Errorf("after the attack: %v", err)
	}
	b.kept.CloseIdleConnections()
	const others = 16 // connections to the upstream that stay open
	if !eventually(func() bool { return descriptors(t) <= before+others }) {
		t.Errorf("%d descriptors are open after the attack, %d were before", descriptors(t), before)
	}
}

// eventually waits until a condition holds, for as long as the longest of the
// listeners' time-outs but one.
func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

// peakHeap begins to watch the heap and gives what ends it with the largest size.
func peakHeap(t *testing.T) func() uint64 {
	t.Helper()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	stop, done := make(chan struct{}), make(chan uint64)
	go func() { // ends with the call of what is returned
		var peak uint64
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				done <- peak
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// descriptors counts those of this process, or gives 0 where that is not known.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// affordable gives how many connections this process may open to itself, of
// those that are wanted.
func affordable(t *testing.T, want int) int {
	t.Helper()
	// The listener holds a part of its ends of them; see crowd.go.
	if limit := doorwright.DescriptorLimit() / 2; want > limit {
		t.Logf("%d connections instead of %d: the system allows %d descriptors", limit, want, doorwright.DescriptorLimit())
		return limit
	}
	return want
}

func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }

// dial connects to a listener. The connection closes with a reset, so that
// thousands leave no ports behind.
func dial(url string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", strings.Replace(hostOf(url), "localhost", "127.0.0.1", 1), time.Minute)
	if err != nil {
		return nil, err
	}
	c.(*net.TCPConn).SetLinger(0)
	return c, nil
}

// herd opens n connections, a few at once, sends the same on each, and then has
// each do something until rest ends. It calls stands once all have sent, or have
// been shut out.
func herd(url string, n int, first []byte, stands func(), rest <-chan struct{}, then func(net.Conn)) {
	var all, begun sync.WaitGroup
	slots := make(chan struct{}, 64)
	begun.Add(n)
	for range n {
		slots <- struct{}{}
		all.Go(func() {
			c, err := dial(url)
			if err == nil {
				defer c.Close()
				c.SetWriteDeadline(time.Now().Add(2 * time.Second)) // a listener need not read what is sent
				c.Write(first)
			}
			<-slots
			begun.Done()
			if err == nil && then != nil {
				then(c)
			}
			<-rest
		})
	}
	begun.Wait()
	stands()
	all.Wait()
}

// drip sends bytes one at a time until rest ends or the listener has enough.
func drip(rest <-chan struct{}) func(net.Conn) {
	return func(c net.Conn) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-rest:
				return
			case <-tick.C:
				c.SetWriteDeadline(time.Now().Add(time.Second))
				if _, err := c.Write([]byte("x")); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
			}
		}
	}
}

// TestLoadHoldingOn has hundreds and thousands of clients take places and not
// give them up.
func TestLoadHoldingOn(t *testing.T) {
	needLoad(t)
	b := besiege(t)
	line := func(url, method, path string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + hostOf(url) + "\r\n"
	}
	for _, on := range []struct{ name, url, path, target string }{
		{"api", b.api, "/work", ""},
		{"endpoint", b.endpoint, "/", "X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth\r\nContent-Type: application/x-amz-json-1.1\r\n"},
	} {
		t.Run(on.name+"/dripping headers", func(t *testing.T) {
			b.under(t, func(stands func(), rest <-chan struct{}) {
				herd(on.url, 500, []byte(line(on.url, "GET", on.path)+"X-A: "), stands, rest, drip(rest))
			})
		})
		t.Run(on.name+"/dripping bodies", func(t *testing.T) {
			head := line(on.url, "POST", on.path) + on.target + "Content-Length: 1000000\r\n\r\n{"
			b.under(t, func(stands func(), rest <-chan struct{}) {
				herd(on.url, 500, []byte(head), stands, rest, drip(rest))
			})
		})
		t.Run(on.name+"/bodies that never end", func(t *testing.T) { // all but the last byte, held
			head := line(on.url, "POST", on.path) + on.target + "Content-Length: 6000000\r\n\r\n"
			b.under(t, func(stands func(), rest <-chan struct{}) {
				herd(on.url, 120, append([]byte(head), zeros[:6000000-1]...), stands, rest, nil)
			})
		})
		t.Run(on.name+"/idle", func(t *testing.T) {
			n := affordable(t, 10000)
			b.under(t, func(stands func(), rest <-chan struct{}) { herd(on.url, n, nil, stands, rest, nil) })
		})
		t.Run(on.name+"/kept alive", func(t *testing.T) { // idle after a request
			n := affordable(t, 10000)
			b.under(t, func(stands func(), rest <-chan struct{}) {
				herd(on.url, n, []byte(line(on.url, "GET", "/nowhere")+"\r\n"), stands, rest, nil)
			})
		})
		t.Run(on.name+"/half open", func(t *testing.T) { // come, say half a word, go
			b.under(t, func(stands func(), rest <-chan struct{}) {
				for range 10 {
					none := make(chan struct{})
					close(none)
					herd(on.url, 500, []byte("POST / HT"), func() {}, none, nil)
				}
				stands()
			})
		})
	}
	for _, c := range []struct{ request, path string }{{"GET", "/large"}, {"POST", "/other?do=large"}} {
		t.Run("answers not taken from "+c.path, func(t *testing.T) {
			head := line(b.api, c.request, c.path) + "Content-Length: 0\r\n\r\n"
			b.under(t, func(stands func(), rest <-chan struct{}) {
				var all, begun sync.WaitGroup
				slots := make(chan struct{}, workConcurrency) // more are throttled
				for range 200 {
					slots <- struct{}{}
					begun.Add(1)
					all.Go(func() {
						c, err := dial(b.api)
						if err == nil {
							defer c.Close()
							io.WriteString(c, head)
							io.ReadFull(c, make([]byte, 12)) // and not one more
						}
						<-slots
						begun.Done()
						<-rest
					})
				}
				begun.Wait()
				stands()
				all.Wait()
			})
		})
	}
}

// refused sends a request and gives the status with which it is refused, or 0
// if the listener hung up before it said anything.
func refused(url string, write func(w io.Writer) error) (int, string, error) {
	c, err := dial(url)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	sent := make(chan error, 1)
	go func() { sent <- write(c) }() // ends as the connection does
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		c.Close()
		<-sent
		return 0, "", nil
	}
	body, err := io.ReadAll(resp.Body)
	c.Close()
	<-sent
	return resp.StatusCode, string(body), err
}

// zeros is what large bodies are made of: the clients' memory is measured too.
var zeros = make([]byte, 11<<20)

// TestLoadTooMuch sends what is too large, from many clients at once.
func TestLoadTooMuch(t *testing.T) {
	needLoad(t)
	b := besiege(t)
	endless := func(w io.Writer) error { // until it is cut off
		chunk := append(append([]byte("10000\r\n"), make([]byte, 1<<16)...), "\r\n"...)
		for {
			if _, err := w.Write(chunk); err != nil {
				return err
			}
		}
	}
	text := func(url, method, path, headers string, body int) func(io.Writer) error {
		head := method + " " + path + " HTTP/1.1\r\nHost: " + hostOf(url) + "\r\n" + headers + "\r\n"
		return func(w io.Writer) error {
			if _, err := io.WriteString(w, head); err != nil {
				return err
			}
			if body < 0 {
				return endless(w)
			}
			_, err := w.Write(zeros[:body])
			return err
		}
	}
	const target = "X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth\r\nContent-Type: application/x-amz-json-1.1\r\n"
	for _, c := range []struct {
		name, url, method, path, headers string
		body                             int
		status                           int
		want                             string
	}{
		{"1 MB of headers", b.api, "GET", "/open", "X-A: " + strings.Repeat("a", 1<<20) + "\r\n", 0, 431, ""},
		{"1 MB of headers", b.endpoint, "GET", "/", "X-A: " + strings.Repeat("a", 1<<20) + "\r\n", 0, 431, ""},
		{"many headers", b.api, "GET", "/open", strings.Repeat("X-A: a\r\n", 1<<17), 0, 431, ""},
		{"a line of 60 KB", b.api, "GET", "/open", "X-A: " + strings.Repeat("a", 60<<10) + "\r\n", 0, 431, headersBody},
		{"a token of 60 KB", b.api, "GET", "/private", "Authorization: Bearer " + strings.Repeat("a", 60<<10) + "\r\n", 0, 431, headersBody},
		{"a line of 70 KB", b.api, "GET", "/open", "X-A: " + strings.Repeat("a", 70<<10) + "\r\n", 0, 431, ""},
		{"11 MB for a function", b.api, "POST", "/work", "Content-Length: 11534336\r\n", 11 << 20, 413, tooLargeBody},
		{"7 MB for a function", b.api, "POST", "/work", "Content-Length: 7340032\r\n", 7 << 20, 413, tooLargeBody},
		{"11 MB for an upstream", b.api, "POST", "/echo", "Content-Length: 11534336\r\n", 11 << 20, 413, tooLargeBody},
		{"11 MB for the endpoint", b.endpoint, "POST", "/", target + "Content-Length: 11534336\r\n", 11 << 20, 413, ""},
		{"endless for a function", b.api, "POST", "/work", "Transfer-Encoding: chunked\r\n", -1, 413, tooLargeBody},
		{"endless for an upstream", b.api, "POST", "/echo", "Transfer-Encoding: chunked\r\n", -1, 413, tooLargeBody},
		{"endless for the endpoint", b.endpoint, "POST", "/", target + "Transfer-Encoding: chunked\r\n", -1, 413, ""},
		{"endless without a token", b.api, "GET", "/private", "Transfer-Encoding: chunked\r\n", -1, 401, unauthorizedBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			var answered atomic.Int64
			b.under(t, func(stands func(), rest <-chan struct{}) {
				var all sync.WaitGroup
				for range 40 {
					all.Go(func() {
						status, body, err := refused(c.url, text(c.url, c.method, c.path, c.headers, c.body))
						switch {
						case err != nil:
							t.Errorf("reading the refusal: %v", err)
						case status == 0: // a reset may overtake the answer to one who goes on sending
						case status != c.status || c.want != "" && body != c.want:
							t.Errorf("is answered %d %.200q; want %d %q", status, body, c.status, c.want)
						default:
							answered.Add(1)
						}
					})
				}
				all.Wait()
				stands()
			})
			if answered.Load() == 0 {
				t.Errorf("none of the clients was told %d", c.status)
			}
		})
	}
}

// TestLoadPipelined sends a thousand requests without waiting, good and bad by
// turns: each gets its own answer, in order.
func TestLoadPipelined(t *testing.T) {
	b := besiege(t)
	c, err := dial(b.api)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	const pairs = 500
	sent := make(chan error, 1)
	go func() { // ends with its last request, or as the connection closes
		var all bytes.Buffer
		for i := range pairs {
			token := b.tokens.ID
			if i%3 == 0 {
				token = forged(token)
			}
			fmt.Fprintf(&all, "GET /private?i=%d HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n", i, hostOf(b.api), token)
			fmt.Fprintf(&all, "POST /work HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\n%03d", hostOf(b.api), i)
		}
		_, err := c.Write(all.Bytes())
		sent <- err
	}()
	answers := bufio.NewReader(c)
	next := func(status int, want string) {
		t.Helper()
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || string(body) != want {
			t.Fatalf("is answered %d %q %v; want %d %q", resp.StatusCode, body, err, status, want)
		}
	}
	for i := range pairs {
		if i%3 == 0 {
			next(401, unauthorizedBody)
		} else {
			next(200, "hello")
		}
		next(200, "v1 "+hexSum(fmt.Appendf(nil, "%03d", i)))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// TestLoadManyTokens sends thousands of tokens, each with a kid or a signature
// of its own: none gets in, memory stays, and the issuer is hardly asked.
func TestLoadManyTokens(t *testing.T) {
	needLoad(t)
	b := besiege(t)
	var asked atomic.Int64
	b.under(t, func(stands func(), rest <-chan struct{}) {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
				defer client.CloseIdleConnections()
				for i := range 250 {
					stray := b.issuer.Sign(map[string]any{"kid": fmt.Sprintf("kid-%d-%d", worker, i)}, fmt.Appendf(nil, `{"n":%d}`, i))
					expired := b.issuer.Token(verifytest.Claims{"exp": time.Now().Unix() - 60, "n": i})
					for _, token := range []string{stray, expired, forged(b.tokens.ID)} {
						path := "/foreign"
						if token != stray && token != expired {
							path = "/private"
						}
						if err := exchange(client, "GET", b.api+path, token, nil, 401, unauthorizedBody); err != nil {
							t.Error(err)
							return
						}
						asked.Add(1)
					}
				}
			})
		}
		all.Wait()
		stands()
	})
	if n := b.issuer.Fetches(verifytest.JWKSPath); n > 20 {
		t.Errorf("%d tokens made the issuer be asked for its keys %d times", asked.Load(), n)
	} else {
		t.Logf("%d hostile tokens, %d fetches of the keys", asked.Load(), n)
	}
}

var load = flag.Bool("load", false, "run the load tests that take long")

// needLoad keeps the fast loop fast: what floods a listener for many seconds
// runs with -load, as .ci/run has it.
func needLoad(t *testing.T) {
	t.Helper()
	if !*load {
		t.Skipf("takes long: go test -run %s -load .", t.Name())
	}
}
