package gateway_test

import (
	"bufio"
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/keytest"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// now is the moment at which these tests play.
var now = time.Date(2026, 11, 21, 14, 5, 11, 0, time.UTC)

func clock() time.Time { return now }

// invoker is an Invoker that counts, remembers the last event, and replies.
type invoker struct {
	calls  atomic.Int64
	mu     sync.Mutex
	event  []byte
	called string
	reply  func(ctx context.Context, function string, event []byte) ([]byte, string, error)
}

func (i *invoker) Invoke(ctx context.Context, function string, event []byte) ([]byte, string, error) {
	i.calls.Add(1)
	i.mu.Lock()
	i.event, i.called = event, function
	reply := i.reply
	i.mu.Unlock()
	if reply == nil {
		return []byte(`{"statusCode":200,"body":"called ` + function + `"}`), "", nil
	}
	return reply(ctx, function, event)
}

// says makes the invoker reply with a text.
func (i *invoker) says(text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reply = func(context.Context, string, []byte) ([]byte, string, error) { return []byte(text), "", nil }
}

// lastV2 gives the last event as Go handlers read it.
func (i *invoker) lastV2(t *testing.T) (e events.APIGatewayV2HTTPRequest) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	d := json.NewDecoder(strings.NewReader(string(i.event)))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("decoding event %s: %v", i.event, err)
	}
	return e
}

func (i *invoker) lastText() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return string(i.event)
}

// journal collects entries.
type journal struct {
	mu      sync.Mutex
	entries []gateway.Entry
}

func (j *journal) add(e gateway.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Trace != nil {
		trace := new(gateway.Trace)
		e.Trace.CopyTo(trace, nil)
		e.Trace = trace
	}
	j.entries = append(j.entries, e)
}

func (j *journal) last(t *testing.T) gateway.Entry {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) == 0 {
		t.Fatal("nothing was logged")
	}
	return j.entries[len(j.entries)-1]
}

// world is a gateway behind a listener, and what it talks to.
type world struct {
	gateway *gateway.Gateway
	server  *httptest.Server
	invoker *invoker
	journal *journal
}

// base is a configuration that is complete but for its routes.
func base(routes ...gateway.Route) gateway.Config {
	return gateway.Config{ID: "abcdefghij", Declared: "apis.Api", DomainName: "localhost:3100", Routes: routes, Now: clock}
}

// open gives routes without an authorizer, each with a function of its key.
func open(keys ...string) (routes []gateway.Route) {
	for _, k := range keys {
		routes = append(routes, gateway.Route{Key: k, Authorizer: gateway.None, Function: k})
	}
	return routes
}

func serve(t *testing.T, c gateway.Config) *world {
	t.Helper()
	w := &world{invoker: &invoker{}, journal: &journal{}}
	if c.Invoker == nil {
		c.Invoker = w.invoker
	}
	c.Log = w.journal.add
	g, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.gateway = g
	w.server = httptest.NewServer(g)
	t.Cleanup(func() { w.server.Close(); g.Close() })
	return w
}

// An answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request whose target is the text given, exactly.
func (w *world) do(t *testing.T, method, target string, header ...string) answer {
	t.Helper()
	return w.send(t, method, target, "", header...)
}

func (w *world) send(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, w.server.Listener.Addr())
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return w.raw(t, method, b.String())
}

// raw sends bytes and reads one response.
func (w *world) raw(t *testing.T, method, text string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(conn, text) // ends with the connection
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading the response to %.200q: %v", text, err)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the body of the response to %.200q: %v", text, err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

// assert checks an answer of the gateway's own: status, body, and all headers
// but for those that differ each time.
func (a answer) assert(t *testing.T, status int, body string, header ...string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("got %d %s, want %d %s", a.status, a.body, status, body)
	}
	var got []string
	for name, values := range a.header {
		for _, v := range values {
			switch name {
			case "Date", "Connection":
			case "Apigw-Requestid":
				if len(v) != 16 || v[15] != '=' {
					t.Errorf("apigw-requestid %q is not of the form JCJJxhz4PHcEJgQ=", v)
				}
				got = append(got, name)
			default:
				got = append(got, name+": "+v)
			}
		}
	}
	want := append(header, "Apigw-Requestid")
	if body != "" && !slices.ContainsFunc(header, func(h string) bool { return strings.HasPrefix(h, "Content-Length") }) {
		want = append(want, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("headers %q, want %q", got, want)
	}
}

// keysOf gives the keys of an issuer, without a network.
func keysOf(t *testing.T, i *verifytest.Issuer) verify.KeySet {
	t.Helper()
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{i.KeyID(): i.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// rsaKeys are what issuers and attackers sign with.
var rsaKeys keytest.Ring

func newIssuer(t testing.TB) *verifytest.Issuer {
	i := verifytest.NewIssuerWithKey(verify.RS256, rsaKeys.Take(t))
	i.Now = clock
	t.Cleanup(i.Close)
	return i
}

func newJWT(t *testing.T, c authorizer.JWTConfig) *authorizer.JWT {
	t.Helper()
	c.Now = clock
	if c.Name == "" {
		c.Name = "jwt"
	}
	if c.Kind == "" {
		c.Kind = "jwt"
	}
	if c.Audience == nil {
		c.Audience = []string{verifytest.Audience}
	}
	a, err := authorizer.NewJWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// rawText sends bytes and gives the answer's.
func (w *world) rawText(t *testing.T, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
