package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

// newUpstream starts a server that says what it was asked.
func newUpstream(t testing.TB) *httptest.Server {
	mux := http.NewServeMux()
	handle := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("Echo-Target", r.RequestURI)
		w.Header().Set("Echo-Method", r.Method)
		for name, values := range r.Header {
			w.Header()["Echo-"+name] = values
		}
		w.Header().Set("Echo-Host", r.Host)
		switch {
		case r.URL.Path == "/cors":
			w.Header().Set("Access-Control-Allow-Origin", "*")
		case r.URL.Path == "/hop":
			w.Header().Set("Connection", "X-Private")
			w.Header().Set("X-Private", "p")
			w.Header().Set("Keep-Alive", "k")
			w.Header().Set("Apigw-Requestid", "mine")
		case r.URL.Path == "/untyped":
			w.Header()["Content-Type"] = nil
		case r.URL.Path == "/teapot":
			w.WriteHeader(418)
		case strings.HasPrefix(r.URL.Path, "/cut"):
			if r.URL.Path == "/cut" {
				w.Header().Set("Content-Length", "100")
			}
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/early":
			w.WriteHeader(103)
		case r.URL.Path == "/switch":
			conn, _, _ := http.NewResponseController(w).Hijack()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
			conn.Close()
			return
		}
		fmt.Fprintf(w, "body %q %v", body, err)
	}
	mux.HandleFunc("/", handle)
	s := httptest.NewServer(http.HandlerFunc(handle)) // a ServeMux would clean paths
	t.Cleanup(s.Close)
	return s
}

// What becomes of the path and the query.
func TestUpstreamTargets(t *testing.T) {
	up := newUpstream(t)
	c := base(
		gateway.Route{Key: "ANY /{proxy+}", Authorizer: gateway.None, URL: up.URL},
		gateway.Route{Key: "ANY /pets/{proxy+}", Authorizer: gateway.None, URL: up.URL + "/store/{proxy}"},
		gateway.Route{Key: "GET /items/{id}/{sub}", Authorizer: gateway.None, URL: up.URL + "/i-{id}/of/{sub}.json"},
		gateway.Route{Key: "GET /fixed", Authorizer: gateway.None, URL: up.URL + "/a%20b/c"},
	)
	for _, stage := range []string{"", "dev"} {
		c.Stage = stage
		w := serve(t, c)
		prefix := ""
		if stage != "" {
			prefix = "/" + stage
		}
		for _, row := range []struct{ sent, want string }{
			{"/any/path", "/any/path"},
			{"/any/p%C3%A9?q=%zz&a=1;2", "/any/p%C3%A9?q=%zz&a=1;2"},
			{"/any/a%2Fb", "/any/a%2Fb"},
			{"/pets/cat/1/", "/store/cat/1/"},
			{"/pets/a%20b", "/store/a%20b"},
			{"/pets/a%252Fb", "/store/a%252Fb"},
			{"/items/1%20/x?y", "/i-1%20/of/x.json?y"},
			{"/fixed?q=1", "/a%20b/c?q=1"},
		} {
			a := w.do(t, "GET", prefix+row.sent)
			if got := a.header.Get("Echo-Target"); got != row.want || a.status != 200 {
				t.Errorf("%s: %d %q, want %q (%s)", prefix+row.sent, a.status, got, row.want, w.journal.last(t))
			}
		}
		for _, sent := range []string{"/pets/../admin", "/pets/%2e%2e/admin", "/pets/x/..%2f..%2fadmin", "/pets/..;/admin"} {
			w.do(t, "GET", prefix+sent).assert(t, 404, bodyNotFound, typeJSON)
		}
	}
}

func TestUpstreamHeaders(t *testing.T) {
	up := newUpstream(t)
	w := serve(t, base(gateway.Route{Key: "ANY /{proxy+}", Authorizer: gateway.None, URL: up.URL}))
	a := w.send(t, "POST", "/x", "hello", "Authorization: Bearer t", "X-Keep: 1", "X-Keep: 2", "Connection: X-Drop", "X-Drop: 1", "Keep-Alive: x", "Te: trailers",
		"Upgrade: websocket", "Proxy-Authorization: x", "X-Forwarded-For: 203.0.113.9, evil;for=1.1.1.1, 2001:db8::1", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=192.0.2.7", `Forwarded: for="open`)
	if a.status != 200 || a.body != `body "hello" <nil>` {
		t.Fatalf("%d %s: %s", a.status, a.body, w.journal.last(t))
	}
	host := w.server.Listener.Addr().String()
	for name, want := range map[string]string{
		"Echo-Authorization": "Bearer t", "Echo-X-Keep": "1|2", "Echo-Content-Length": "5", "Echo-Host": strings.TrimPrefix(up.URL, "http://"),
		"Echo-Forwarded": `for=192.0.2.7,for=203.0.113.9,for=unknown,for="[2001:db8::1]",by=127.0.0.1;for=127.0.0.1;host="` + host + `";proto=http`,
		"Echo-X-Drop":    "", "Echo-Keep-Alive": "", "Echo-Te": "", "Echo-Upgrade": "", "Echo-Connection": "", "Echo-Proxy-Authorization": "",
		"Echo-X-Forwarded-For": "", "Echo-X-Forwarded-Host": "", "Echo-X-Forwarded-Proto": "", "Echo-User-Agent": "", "Echo-Accept-Encoding": "",
	} {
		if got := strings.Join(a.header[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if a.header.Get("Echo-X-Amzn-Trace-Id") == "" {
		t.Error("no trace id")
	}
	a = w.do(t, "GET", "/hop")
	for _, name := range []string{"X-Private", "Keep-Alive"} {
		if got := a.header.Get(name); got != "" {
			t.Errorf("%s: %q came through", name, got)
		}
	}
	if got := a.header["Apigw-Requestid"]; len(got) != 1 || got[0] == "mine" {
		t.Errorf("apigw-requestid %q", got)
	}
	if a = w.do(t, "GET", "/untyped"); a.header["Content-Type"] != nil {
		t.Errorf("content type %q was guessed", a.header["Content-Type"])
	}
	if a = w.do(t, "GET", "/teapot"); a.status != 418 {
		t.Errorf("%d", a.status)
	}
	if a = w.do(t, "HEAD", "/x"); a.status != 200 || a.body != "" || a.header.Get("Echo-Method") != "HEAD" {
		t.Errorf("%d %q", a.status, a.body)
	}
}

func TestUpstreamFailures(t *testing.T) {
	up := newUpstream(t)
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	w := serve(t, base(
		gateway.Route{Key: "ANY /{proxy+}", Authorizer: gateway.None, URL: up.URL},
		gateway.Route{Key: "GET /down", Authorizer: gateway.None, URL: "http://" + down.Addr().String()},
	))
	w.do(t, "GET", "/down").assert(t, 503, bodyUnavailable, typeJSON)
	w.do(t, "GET", "/switch", "Connection: Upgrade", "Upgrade: websocket").assert(t, 500, bodyInternal, typeJSON)
	head := "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	w.raw(t, "POST", head+"Content-Length: 10485761\r\n\r\n").assert(t, 413, bodyTooLarge, typeJSON)
	w.raw(t, "POST", head+"Transfer-Encoding: chunked\r\n\r\n"+strings.Repeat("100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n", 11)+"0\r\n\r\n").assert(t, 413, bodyTooLarge, typeJSON)

	// An answer that breaks off must not look like a whole one.
	for _, path := range []string{"/cut", "/cut-without-a-length"} {
		response, err := http.Get(w.server.URL + path)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: a cut-off answer looks whole", path)
		}
		if e := w.journal.last(t); e.Err == nil || !strings.Contains(e.Err.Error(), "sending the upstream's answer") {
			t.Errorf("%s: cause %v", path, e.Err)
		}
	}
}

// The path of a refused request goes nowhere near the upstream.
func TestUpstreamBehindAuthorizer(t *testing.T) {
	c := base(gateway.Route{Key: "ANY /{proxy+}", Authorizer: "never", URL: "http://upstream.example"})
	c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
	c.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("forwarded")
		return nil, io.EOF
	})
	serve(t, c).do(t, "GET", "/x").assert(t, 401, bodyUnauthorized, "Www-Authenticate: Bearer")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUpstreamTimeout(t *testing.T) {
	c := base(gateway.Route{Key: "ANY /{proxy+}", Authorizer: gateway.None, URL: "http://upstream.example", Timeout: gateway.MinTimeout})
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	})
	w := serve(t, c)
	w.do(t, "GET", "/x").assert(t, 503, bodyUnavailable, typeJSON)
	if e := w.journal.last(t); e.Err == nil || !strings.Contains(e.Err.Error(), "timed out after 50ms") {
		t.Errorf("%v", e.Err)
	}
}

// A stream reaches the client as it is written.
func TestUpstreamStreams(t *testing.T) {
	next := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "%d\n", i)
			http.NewResponseController(w).Flush()
			<-next
		}
	}))
	defer up.Close()
	w := serve(t, base(gateway.Route{Key: "$default", Authorizer: gateway.None, URL: up.URL}))
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for i := range 3 {
		line := make([]byte, 2)
		if _, err := io.ReadFull(response.Body, line); err != nil || string(line) != fmt.Sprintf("%d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
}
