package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
)

// guardedBesideProxy is a REST API with a guarded resource beside an open proxy:
// whoever gets a path to the proxy that somebody behind it reads as the guarded
// one is in.
func guardedBesideProxy() gateway.Config {
	c := baseREST(append(open("ANY /{proxy+}", "ANY /a/{b}", "GET /"),
		gateway.Route{Key: "ANY /private", Authorizer: "never", Function: "private"},
		gateway.Route{Key: "ANY /private/{proxy+}", Authorizer: "never", Function: "private"})...)
	c.Authorizers = map[string]gateway.Authorizer{"never": decides{authorizer.Decision{Status: 401}}}
	return c
}

// followPath follows the advice for a path, to a route or to what guards it.
func followPath(t *testing.T, method, path string) {
	t.Helper()
	c := guardedBesideProxy()
	p := &plot{method: method, target: path, config: c, fakes: c.Authorizers}
	p.allowed = func(a answer) bool { return a.status == 200 || a.status == 401 }
	p.followed(t)
}

// Each spelling of the guarded path is refused, by the authorizer or for being
// one of several; none reaches the function behind the proxy.
func TestRESTPathTricks(t *testing.T) {
	w := serve(t, guardedBesideProxy())
	for _, path := range []string{
		"/dev/private", "/dev/private/", "/dev//private", "//dev/private", "/dev///private//", "///dev///private",
		"/dev/%70rivate", "/dev/priv%61te", "/dev/%2570rivate", "/dev/%252570rivate",
		"/dev/private%2F", "/dev/%2Fprivate", "/dev/private%2f..", "/dev/x%2F..%2Fprivate", "/dev/x%252F..%252Fprivate",
		"/dev/./private", "/dev/x/../private", "/dev/x/%2e%2e/private", "/dev/x/%252e%252e/private", "/dev/.%2e/private", "/dev/%2e/private",
		"/dev/private;a", "/dev/private;a=b/", "/dev/;/private", "/dev/..;/private", "/dev/private%3Ba",
		"/dev/private%3Fa", "/dev/private%23a", "/dev/private%00", "/dev/private%0a", "/dev/private%0d%0aX:a", "/dev/private%09",
		`/dev/\private`, "/dev/%5Cprivate", "/dev/x%5C..%5Cprivate", `/dev/private\`, "/dev/private%5c",
		"/dev/a/..%2Fprivate", "/dev/a/..%5cprivate",
		"/dev/private/x", "/dev/private//x", "/dev/private/%2e%2e/private", "/dev/x/..//private",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			a := w.do(t, method, path)
			if a.status != 401 && a.status != 403 || w.invoker.calls.Load() != 0 {
				t.Fatalf("%s %s: %d %s, %d invocations (%s)", method, path, a.status, a.body, w.invoker.calls.Load(), w.journal.last(t))
			}
			if a.status == 403 {
				followPath(t, method, path)
			}
		}
	}
	// The stage in other spellings is no stage.
	for _, path := range []string{
		"/%64ev/x", "/DEV/x", "/Dev/x", "/dev%2Fx", "/dev%2fx", "/dev;/x", "/dev;a=b/x", "/./dev/x", "/x/../dev/x", "/%2e/dev/x", "/dev%20/x", "/dev./x", "/$default/x", "/x", `/\dev/x`, "/%2fdev/x", "/dev%00/x", "/dev%3f/x",
	} {
		if a := w.do(t, "GET", path); a.status != 403 || a.body != bodyForbidden || w.invoker.calls.Load() != 0 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		followPath(t, "GET", path)
	}
	// A case is a case: these are other paths, and the proxy's.
	for _, path := range []string{"/dev/Private", "/dev/PRIVATE", "/dev/privat%C3%A9", "/dev/privates"} {
		if a := w.do(t, "GET", path); a.status != 200 || w.invoker.called != "ANY /{proxy+}" {
			t.Errorf("%s: %d by %q", path, a.status, w.invoker.called)
		}
	}
	// So are targets that are no paths: an absolute one has its path looked at.
	for target, want := range map[string]int{"http://evil.example/dev/private": 401, "http://evil.example/dev/x": 200, "*": 403} {
		if a := w.do(t, "GET", target); a.status != want {
			t.Errorf("%s: %d %s, want %d", target, a.status, a.body, want)
		}
	}
}

// A method that the header names is the one that the authorizer guards.
func TestRESTMethodOverrideIsGuarded(t *testing.T) {
	c := baseREST(append(open("GET /a"), gateway.Route{Key: "DELETE /a", Authorizer: "never", Function: "delete"})...)
	c.Authorizers = map[string]gateway.Authorizer{"never": decides{authorizer.Decision{Status: 401}}}
	w := serve(t, c)
	w.do(t, "GET", "/dev/a", "X-HTTP-Method-Override: DELETE").assertFailure(t, 401, "UnauthorizedException", bodyUnauthorized)
	for _, method := range []string{"delete", " DELETE", "DELETE, GET", "ANY", "\tGET\x7f"} {
		if a := w.do(t, "GET", "/dev/a", "X-HTTP-Method-Override: "+method); a.status != 403 && a.status != 401 && a.status != 400 {
			t.Errorf("%q: %v", method, a)
		}
	}
	if a := w.do(t, "DELETE", "/dev/a", "X-HTTP-Method-Override: GET"); a.status != 200 || w.invoker.lastREST(t).HTTPMethod != "GET" {
		t.Errorf("away from the guarded method: %v, event %s", a, w.invoker.lastText())
	}
	// Twice: the first is the one.
	w.do(t, "GET", "/dev/a", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method-Override: GET").assertFailure(t, 401, "UnauthorizedException", bodyUnauthorized)
}

// FuzzREST sends any target, method and headers to a guarded resource beside an
// open proxy. What the function sees is JSON and says what was sent, and no
// reading of it is the guarded path.
func FuzzREST(f *testing.F) {
	for _, s := range []string{"/dev/private", "/dev/x/../private", "/dev/%2fprivate", "/dev/private%252f", "/dev/x%5c..%5cprivate", "//dev//private//", "/dev/private;a", "/dev/a/b%20c?x=%zz&x=2;y=%00", "/dev?q=|", "/dev", "/%64ev/private"} {
		f.Add(s, "GET", "Bearer x, y=", "\xff{\"")
	}
	c := guardedBesideProxy()
	seen := &invoker{}
	c.Invoker = seen
	var last gateway.Entry
	c.Log = func(e gateway.Entry) { last = e }
	c.REST.GatewayResponses = responses{"DEFAULT_4XX": {
		Headers:   map[string]string{"X-Echo": "method.request.header.Authorization", "X-Query": "method.request.querystring.x", "X-Path": "context.path"},
		Templates: map[string]string{"application/json": `{"m":$context.error.messageString}`},
	}}
	g, err := gateway.New(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target, method, header, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || len(target)+len(header) > 4000 {
			t.Skip()
		}
		before := seen.calls.Load()
		recorder := httptest.NewRecorder()
		g.ServeHTTP(recorder, &http.Request{
			Method: method, URL: u, RequestURI: target, Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:1",
			Header: http.Header{"Authorization": {header}, "X-A": {body, header}},
			Body:   http.NoBody,
		})
		for name, values := range recorder.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("header %s: %q", name, v)
				}
			}
		}
		if seen.calls.Load() == before {
			if recorder.Code < 400 || recorder.Code == 401 && last.RouteKey == "" || !json.Valid(recorder.Body.Bytes()) {
				t.Errorf("%s %q: %d %s without an invocation", method, target, recorder.Code, recorder.Body)
			}
			return
		}
		if last.RouteKey == "ANY /private" || strings.HasPrefix(last.RouteKey, "ANY /private/") {
			t.Errorf("%s %q reached %s", method, target, last.RouteKey)
		}
		var e struct {
			Path           string
			RequestContext struct{ Path string }
			HTTPMethod     string
		}
		if err := json.Unmarshal([]byte(seen.lastText()), &e); err != nil {
			t.Fatalf("event %s: %v", seen.lastText(), err)
		}
		if e.HTTPMethod != method || strings.TrimLeft(e.RequestContext.Path, "/") != strings.TrimLeft(u.EscapedPath(), "/") {
			t.Errorf("%s %q is %s %q in the event", method, target, e.HTTPMethod, e.RequestContext.Path)
		}
		for _, reading := range laterReadings(e.Path) {
			if reading == "/private" {
				t.Errorf("%q reached %s, and reads as /private", target, last.RouteKey)
			}
		}
		if strings.ContainsFunc(last.String(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q is in the log as %q", target, last.String())
		}
	})
}
