package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/gateway"
)

// The gateway's answers to what goes wrong behind it.
func TestIntegrationErrors(t *testing.T) {
	for _, row := range []struct {
		name          string
		reply         string
		functionError string
		err           error
		status        int
		body          string
		cause         string
	}{
		{"unhandled error", `{"errorMessage":"boom","errorType":"Error"}`, "Unhandled", nil, 500, bodyInternal, "function error (Unhandled): Error: boom"},
		{"error with a trace", `{"errorType":"TypeError","errorMessage":"x is null","trace":["TypeError: x is null","    at main (/src/private.js:4:72)"]}`, "Unhandled", nil, 500, bodyInternal,
			"function error (Unhandled): TypeError: x is null"},
		{"error without a type", `{"errorMessage":"boom"}`, "Unhandled", nil, 500, bodyInternal, "function error (Unhandled): boom"},
		{"error that is no error's JSON", `"boom"`, "Unhandled", nil, 500, bodyInternal, `function error (Unhandled): "boom"`},
		{"handled error that looks like a reply", `{"statusCode":200}`, "Handled", nil, 500, bodyInternal, "function error (Handled)"},
		{"throttled", "", "", &aws.Error{Code: "TooManyRequestsException", Message: "Rate Exceeded.", Status: 429}, 503, bodyUnavailable, "throttled"},
		{"nothing to invoke", "", "", &aws.Error{Code: "ServiceException", Message: "build failed", Status: 500}, 500, bodyInternal, "build failed"},
		{"another error", "", "", errors.New("odd"), 500, bodyInternal, "odd"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := serve(t, base(open("GET /")...))
			w.invoker.reply = func(context.Context, string, []byte) ([]byte, string, error) {
				return []byte(row.reply), row.functionError, row.err
			}
			w.do(t, "GET", "/").assert(t, row.status, row.body, typeJSON)
			if e := w.journal.last(t); e.Err == nil || !strings.Contains(e.Err.Error(), row.cause) || strings.Contains(e.Err.Error(), "    at ") {
				t.Errorf("cause %v, want %q in it", e.Err, row.cause)
			}
		})
	}
}

// A time-out is 503, after the route's time, 30 s if it names none.
func TestIntegrationTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := base(gateway.Route{Key: "GET /", Authorizer: gateway.None, Function: "f", Timeout: timeout})
			c.Now = nil
			c.Invoker = &invoker{reply: func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
				<-ctx.Done()
				return nil, "", ctx.Err()
			}}
			var entry gateway.Entry
			c.Log = func(e gateway.Entry) { entry = e }
			g, err := gateway.New(c)
			if err != nil {
				t.Fatal(err)
			}
			recorder := httptest.NewRecorder()
			g.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
			want := timeout
			if want == 0 {
				want = 30 * time.Second
			}
			if recorder.Code != 503 || recorder.Body.String() != bodyUnavailable || entry.Duration != want {
				t.Errorf("%d %s after %s", recorder.Code, recorder.Body, entry.Duration)
			}
			if want := fmt.Sprintf("timed out after %s", want); entry.Err == nil || !strings.Contains(entry.Err.Error(), want) {
				t.Errorf("cause %v", entry.Err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	w := serve(t, base(open("POST /")...))
	address := w.server.Listener.Addr().String()
	head := "POST / HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n"

	t.Run("body announced too large", func(t *testing.T) {
		w.raw(t, "POST", head+"Content-Length: 10485761\r\n\r\n").assert(t, 413, bodyTooLarge, typeJSON)
	})
	t.Run("chunked body too large", func(t *testing.T) {
		a := w.raw(t, "POST", head+"Transfer-Encoding: chunked\r\n\r\n"+strings.Repeat("100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n", 11)+"0\r\n\r\n")
		a.assert(t, 413, bodyTooLarge, typeJSON)
		if e := w.journal.last(t); e.Err == nil || !strings.Contains(e.Err.Error(), "10 MB") {
			t.Errorf("cause %v", e.Err)
		}
	})
	t.Run("event too large for Lambda", func(t *testing.T) {
		w.send(t, "POST", "/", strings.Repeat("x", 6<<20), "Content-Type: text/plain").assert(t, 413, bodyTooLarge, typeJSON)
	})
	t.Run("event large enough", func(t *testing.T) {
		if a := w.send(t, "POST", "/", strings.Repeat("x", 5<<20), "Content-Type: text/plain"); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	if n := w.invoker.calls.Load(); n != 1 {
		t.Errorf("invoked %d times, want once", n)
	}
	t.Run("headers", func(t *testing.T) {
		for size, want := range map[int]int{10_000: 200, 10_241: 431} {
			a := w.send(t, "POST", "/", "x", "X-Large: "+strings.Repeat("x", size))
			if a.status != want {
				t.Errorf("%d bytes: %d, want %d", size, a.status, want)
			}
		}
		a := w.send(t, "POST", "/?"+strings.Repeat("q", 10_240), "x")
		a.assert(t, 431, `{"message":"Request Header Fields Too Large"}`, typeJSON)
	})
}

// A client that waits for 100 Continue is told to go on, but not for a body
// that nobody wants.
func TestExpectContinue(t *testing.T) {
	c := base(append(open("POST /"), gateway.Route{Key: "POST /private", Authorizer: "never", Function: "f"})...)
	c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
	w := serve(t, c)
	for path, want := range map[string]string{"/": "HTTP/1.1 100 Continue", "/private": "HTTP/1.1 401 Unauthorized"} {
		conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", path)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if strings.TrimSpace(line) != want {
			t.Errorf("%s: %q, %v", path, line, err)
		}
		conn.Close()
	}
}

// A client that leaves in the middle of its body invokes nothing.
func TestClientGoneInTheBody(t *testing.T) {
	logged := make(chan gateway.Entry, 1)
	c := base(open("POST /")...)
	inv := &invoker{}
	c.Invoker = inv
	c.Log = func(e gateway.Entry) { logged <- e }
	g, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	conn.Close()
	if e := <-logged; e.Err == nil || !strings.Contains(e.Err.Error(), "reading the request body") || inv.calls.Load() != 0 {
		t.Errorf("%v, invoked %d times", e.Err, inv.calls.Load())
	}
}

// A panic is a 500, and the gateway goes on.
func TestPanics(t *testing.T) {
	c := base(append(open("GET /"), gateway.Route{Key: "GET /guarded", Authorizer: "broken", Function: "f"}, gateway.Route{Key: "GET /silent", Authorizer: "silent", Function: "f"})...)
	c.Authorizers = map[string]gateway.Authorizer{
		"broken": authorize(func(*http.Request, []string) authorizer.Decision { panic("authorizer") }),
		"silent": authorize(func(*http.Request, []string) authorizer.Decision { return authorizer.Decision{} }),
	}
	w := serve(t, c)
	w.invoker.reply = func(context.Context, string, []byte) ([]byte, string, error) { panic("room \x1b[2J") }
	w.do(t, "GET", "/").assert(t, 500, bodyInternal, typeJSON)
	if e := w.journal.last(t); !strings.Contains(e.String(), `panic: room \x1b[2J`) || !strings.Contains(e.Stack, "TestPanics") {
		t.Errorf("%s", e)
	}
	w.do(t, "GET", "/guarded").assert(t, 500, bodyInternal, typeJSON)
	w.do(t, "GET", "/silent").assert(t, 500, bodyInternal, typeJSON) // the zero Decision is not a yes
	if n := w.invoker.calls.Load(); n != 1 {
		t.Errorf("invoked %d times", n)
	}
	w.invoker.says(`"fine"`)
	w.do(t, "GET", "/").assert(t, 200, "fine", typeJSON)
}

// A clock that panics before the answer is a 500; after it, a line in the log.
func TestClockPanics(t *testing.T) {
	var calls, broken atomic.Int64 // how often it was asked, and when it panics
	c := base(open("GET /")...)
	c.Now = func() time.Time {
		if calls.Add(1) == broken.Load() {
			panic("clock")
		}
		return time.Now()
	}
	w := serve(t, c)
	w.invoker.says(`"fine"`)
	for _, when := range []struct {
		call, status int64
		body         string
	}{{1, 500, bodyInternal}, {2, 200, "fine"}} {
		broken.Store(calls.Load() + when.call)
		w.do(t, "GET", "/").assert(t, int(when.status), when.body, typeJSON)
		if e := w.journal.last(t); e.Err == nil || e.Err.Error() != "panic: clock" || !strings.Contains(e.Stack, "TestClockPanics") || e.Duration != 0 || e.RequestID == "" {
			t.Errorf("call %d: %+v", when.call, e)
		}
		w.do(t, "GET", "/").assert(t, 200, "fine", typeJSON)
		if e := w.journal.last(t); e.Err != nil || e.Duration <= 0 {
			t.Errorf("after call %d: %+v", when.call, e)
		}
	}
}

func TestLogLine(t *testing.T) {
	w := serve(t, base(append(open("GET /x"), gateway.Route{Key: "GET /v/{token}", Authorizer: gateway.None, Function: "f"})...))
	for target, want := range map[string]string{
		"/x":                     "200 GET /x",
		"/x?a=1&access_token=s3": "200 GET /x?a=1&access_token=***",
		"/x?code=s3&STATE=s3&X-Amz-Signature=s3&b": "200 GET /x?code=***&STATE=***&X-Amz-Signature=***&b",
		"/x?%63ode=s3": "200 GET /x?%63ode=***",
		"/x?q=eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.e30.c2ln": "200 GET /x?q=***",
		"/v/eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.e30.c2ln":   "200 GET /v/***",
		"/x?a=\xc2\x9b2J\xff": "200 GET /x?a=\\u009b2J\ufffd",
		"/%1b[2J":             `404 GET /%1b[2J  the path has a control character`,
	} {
		w.do(t, "GET", target)
		if got := w.journal.last(t).String(); got != want {
			t.Errorf("%q is logged as %q, want %q", target, got, want)
		}
	}
	w.do(t, "GET", "/v/eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.e30.c2ln%2Fx")
	if got := w.journal.last(t).String(); strings.Contains(got, "eyJ") || !strings.Contains(got, "ambiguous") {
		t.Errorf("logged as %q", got)
	}
	w.do(t, "GET", "/x?"+strings.Repeat("a=b&", 500))
	if got := w.journal.last(t).Path; len(got) > 600 {
		t.Errorf("logged %d bytes of a path", len(got))
	}
}

func TestEntryShowsDecisions(t *testing.T) {
	d := newDenyWorld(t, "")
	d.do(t, "GET", "/private", "Authorization: "+d.issuer.Token(nil))
	e := d.journal.last(t)
	if got, want := e.String(), "200 GET /private  jwt: token verified"; got != want || !e.Allowed || e.Function != "private" || e.SourceIP != "127.0.0.1" {
		t.Errorf("%q, want %q: %+v", got, want, e)
	}
	d.do(t, "GET", "/private")
	if got, want := d.journal.last(t).Hint(), "send Authorization: Bearer TOKEN"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
}

// Many requests at once keep to themselves, though they share memory one after
// the other.
func TestConcurrentRequests(t *testing.T) {
	w := serve(t, base(open("GET /{id}")...))
	w.invoker.reply = func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		_, after, _ := strings.Cut(string(event), `"pathParameters":{"id":"`)
		id, _, _ := strings.Cut(after, `"`)
		return []byte(`"` + id + `"`), "", nil
	}
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", n, i)
				r := httptest.NewRequest("GET", "/"+id+"?q="+id, nil)
				recorder := httptest.NewRecorder()
				w.gateway.ServeHTTP(recorder, r)
				if recorder.Body.String() != id {
					t.Errorf("got %s, want %s", recorder.Body, id)
				}
			}
		})
	}
	group.Wait()
}
