package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

const bodyNotFound = `{"message":"Not Found"}`

// The developer guide's own worked example (http-api-develop-routes).
func TestRouteSelection(t *testing.T) {
	w := serve(t, base(open("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")...))
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/pets/dog/1", "GET /pets/dog/1"},
		{"GET", "/pets/dog/2", "GET /pets/dog/{id}"},
		{"GET", "/pets/cat/1", "GET /pets/{proxy+}"},
		{"POST", "/test/5", "ANY /{proxy+}"},
		// Beyond the example.
		{"POST", "/pets/dog/1", "ANY /{proxy+}"},
		{"GET", "/pets", "ANY /{proxy+}"},
		{"GET", "/", "$default"},
		{"HEAD", "/pets/dog/1", "ANY /{proxy+}"},
		{"PROPFIND", "/pets/dog/1", "ANY /{proxy+}"},
		{"GET", "/pets/d%6Fg/1", "GET /pets/dog/1"},
		{"GET", "/PETS/dog/1", "ANY /{proxy+}"},
		{"GET", "/pets/dog/1?/x", "GET /pets/dog/1"},
	} {
		w.do(t, row.method, row.path)
		if got := w.journal.last(t).RouteKey; got != row.want {
			t.Errorf("%s %s: %q, want %q", row.method, row.path, got, row.want)
		}
	}
}

// Ties that the developer guide says nothing of.
func TestRouteTies(t *testing.T) {
	w := serve(t, base(open(
		"ANY /a/{x}", "GET /a/{y}",
		"GET /{x}/b/c", "GET /a/{x}/{y}", "GET /{x}/m/{y}", "GET /k/{x}/{y}",
		"GET /g/{x}/{p+}", "GET /g/{p+}", "GET /g/h/{p+}",
		"POST /only", "ANY /{p+}",
	)...))
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/a/1", "GET /a/{y}"},         // an exact method before ANY
		{"PUT", "/a/1", "ANY /a/{x}"},         //
		{"GET", "/a/b/c", "GET /{x}/b/c"},     // more literals
		{"GET", "/k/m/1", "GET /k/{x}/{y}"},   // as many literals, further left
		{"GET", "/g/h/i", "GET /g/h/{p+}"},    // more literals before a greedy
		{"GET", "/g/z/i", "GET /g/{x}/{p+}"},  // more segments before a greedy
		{"GET", "/g/z", "GET /g/{p+}"},        //
		{"GET", "/only", "ANY /{p+}"},         // a path that has not the method falls through
		{"POST", "/only", "POST /only"},       //
		{"GET", "/a/1/2/3/4/5", "ANY /{p+}"},  //
		{"GET", "/a%20b", "ANY /{p+}"},        //
		{"GET", "/a/%E2%82%AC", "GET /a/{y}"}, //
	} {
		w.do(t, row.method, row.path)
		if got := w.journal.last(t).RouteKey; got != row.want {
			t.Errorf("%s %s: %q, want %q", row.method, row.path, got, row.want)
		}
	}
}

// No route, no stage, another method: one and the same answer, and no 405.
func TestNotFound(t *testing.T) {
	w := serve(t, base(open("GET /x", "POST /y", "GET /{z}/more")...))
	explanations := openBook(t, "routes")
	for _, row := range []struct{ method, path string }{
		{"GET", "/"}, {"GET", "/y"}, {"POST", "/x"}, {"HEAD", "/x"}, {"OPTIONS", "/x"}, {"GET", "/x/y"}, {"GET", "/x/"}, {"GET", "/X"}, {"GET", "//x"}, {"GET", "/z//more"},
	} {
		a := w.do(t, row.method, row.path)
		body, header := bodyNotFound, []string{"Content-Type: application/json"}
		if row.method == "HEAD" {
			body, header = "", append(header, "Content-Length: 23")
		}
		a.assert(t, 404, body, header...)
		p := &plot{method: row.method, target: row.path, config: base(open("GET /x", "POST /y", "GET /{z}/more")...)}
		p.explained(t, explanations, row.method+" "+row.path)
	}
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
}

func TestStages(t *testing.T) {
	c := base(open("GET /", "GET /x/{id}", "ANY /files/{proxy+}")...)
	c.Stage = "dev"
	w := serve(t, c)
	explanations := openBook(t, "routes-stage")
	for _, row := range []struct {
		path   string
		status int
		raw    string
	}{
		{"/dev", 200, "/dev"}, {"/dev/", 200, "/dev/"}, {"/dev/x/1", 200, "/dev/x/1"}, {"/d%65v/x/1", 200, "/dev/x/1"},
		{"/dev/files/a/b", 200, "/dev/files/a/b"},
		{"/", 404, ""}, {"/x/1", 404, ""}, {"/Dev/x/1", 404, ""}, {"/dev/dev/x/1", 404, ""}, {"//dev/x/1", 404, ""},
		{"/prod/x/1", 404, ""}, {"/$default/x/1", 404, ""}, {"/dev/../dev/x/1", 404, ""},
	} {
		a := w.do(t, "GET", row.path)
		if a.status != row.status {
			t.Errorf("%s: %d, want %d", row.path, a.status, row.status)
		}
		if row.status != 200 {
			p := &plot{method: "GET", target: row.path, config: c}
			p.explained(t, explanations, row.path)
		}
		if row.status == 200 {
			if e := w.invoker.lastV2(t); e.RawPath != row.raw || e.RequestContext.HTTP.Path != row.raw || e.RequestContext.Stage != "dev" || strings.Contains(e.RouteKey, "dev") {
				t.Errorf("%s: event %+v", row.path, e)
			}
		}
	}
	w.do(t, "GET", "/dev/x/7")
	if e := w.invoker.lastV2(t); e.PathParameters["id"] != "7" {
		t.Errorf("path parameters %v", e.PathParameters)
	}
}

// A path that a later reader could take for another route reaches nothing. The
// guarded route is /private; all others are open.
func TestPathTricks(t *testing.T) {
	guarded := gateway.Route{Key: "ANY /private", Authorizer: "never", Function: "private"}
	below := gateway.Route{Key: "ANY /admin/{proxy+}", Authorizer: "never", Function: "admin"}
	for _, catchAll := range []string{"ANY /{proxy+}", "$default"} {
		c := base(append(open("GET /public/{proxy+}", "GET /items/{id}", catchAll), guarded, below)...)
		c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
		w := serve(t, c)
		for _, path := range []string{
			"//private", "/./private", "/x/../private", "/public/../private", "/public/%2e%2e/private", "/public/.%2E/private",
			"/private/", "/private//", "/private/.", "/private/..", "/private/%2e", "/%2fprivate", "/%2Fprivate",
			"/private%2f", "/private%2F%2F", "/private%3F", "/private%3fx=1", "/private%3F/../x", "/private%23x", "/private;x", "/private;a=b;c",
			"/%5cprivate", `/\private`, `/private\`, "/private%5C", "/public/..%5cprivate", "/public/..%2fprivate", "/public/..%252fprivate",
			"/%2570rivate", "/%252Fprivate", "/%25252Fprivate", "/%70rivate%00", "/private%00", "/private%0a", "/private%0d%0aX:%20y", "/private%09",
			"/x/..;/private", "/public/..;a=b/private", "/.//private", "///private", "/public/%c0%ae%c0%ae/../private",
			"/admin%2Fx", "/admin%5Cx", "/admin%252Fx", "/admin//x", "//admin/x", "/admin;a/x", "/admin/x/../../public/y", "/public/../admin/x",
			"/%61dmin%2fx", "/items/..", "/items/%2e%2e", "/..", "/.", "/../", "/public/a/..", "/private%2f%2e%2e%2fpublic%2fx",
		} {
			before := w.invoker.calls.Load()
			a := w.do(t, "GET", path)
			guardedByNever := a.status == 401 && a.body == bodyUnauthorized
			if !guardedByNever && a.status != 404 {
				t.Errorf("%s with %s: %d %s by route %q", path, catchAll, a.status, a.body, w.journal.last(t).RouteKey)
			}
			if w.invoker.calls.Load() != before {
				t.Errorf("%s with %s invoked %q", path, catchAll, w.invoker.called)
			}
			if a.status == 404 {
				p := &plot{method: "GET", target: path, config: c, fakes: c.Authorizers}
				p.allowed = func(a answer) bool { return a.status == 200 || a.status == 401 }
				p.followed(t)
			}
		}
		// Odd paths that mean one thing only are served, as they were sent.
		for path, raw := range map[string]string{
			"/public/a%2Fb":         "/public/a/b",
			"/public/a//b/":         "/public/a//b/",
			"/public/a;v=1/b":       "/public/a;v=1/b",
			"/public/100%25":        "/public/100%",
			"/public/what%3Fnow":    "/public/what",
			"/public/.well-known/x": "/public/.well-known/x",
			"/public/...":           "/public/...",
			"/items/a%20b+c":        "/items/a b+c",
			"/items/%E2%82%AC":      "/items/€",
			"/items/a;b":            "/items/a;b",
		} {
			if a := w.do(t, "GET", path); a.status != 200 {
				t.Errorf("%s: %d: %s", path, a.status, w.journal.last(t))
			} else if e := w.invoker.lastV2(t); e.RawPath != raw {
				t.Errorf("%s: rawPath %q, want %q", path, e.RawPath, raw)
			}
		}
	}
}

// An absolute-form target has its path read like any other's.
func TestAbsoluteFormTarget(t *testing.T) {
	c := base(append(open("$default"), gateway.Route{Key: "GET /private", Authorizer: "never", Function: "private"})...)
	c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
	w := serve(t, c)
	if a := w.do(t, "GET", "http://elsewhere.example/private"); a.status != 401 {
		t.Errorf("%d", a.status)
	}
	if a := w.do(t, "CONNECT", "elsewhere.example:443"); a.status != 404 {
		t.Errorf("CONNECT: %d", a.status)
	}
}

func TestTooManyEncodingsAreRefused(t *testing.T) {
	w := serve(t, base(open("$default")...))
	deep := "/x%" + strings.Repeat("25", 9) + "2F"
	w.do(t, "GET", deep).assert(t, 404, bodyNotFound, "Content-Type: application/json")
	if e := w.journal.last(t); e.Err == nil || !strings.Contains(e.Err.Error(), "percent-encoded more than") {
		t.Errorf("%v", e.Err)
	}
}

func TestAmbiguityIsExplained(t *testing.T) {
	w := serve(t, base(open("GET /a/{id}", "GET /a/b/c")...))
	w.do(t, "GET", "/a/b%2Fc")
	if got, want := w.journal.last(t).String(), `404 GET /a/b%2Fc  the path is ambiguous: it is for GET /a/{id}, but for GET /a/b/c where it is read as "/a/b/c"`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestConfigurationMistakes(t *testing.T) {
	c := gateway.Config{ID: "id", DomainName: "localhost", Stage: "de v", Invoker: &invoker{}, CORS: &gateway.CORS{AllowOrigins: []string{"*", "https://*.example.com", "https://example.com/x"}, AllowCredentials: true, MaxAge: time.Millisecond, AllowMethods: []string{"G ET"}},
		Authorizers: map[string]gateway.Authorizer{"jwt": never{}, "none": never{}},
		Routes: []gateway.Route{
			{Key: "GET /a", Function: "f"},
			{Key: "GET /b", Function: "f", Authorizer: "jtw"},
			{Key: "GET /c", Authorizer: "none"},
			{Key: "GET /d", Authorizer: "none", Function: "f", URL: "http://localhost"},
			{Key: "GET /e", Authorizer: "none", Function: "f", Scopes: []string{"s"}},
			{Key: "GET /f", Authorizer: "jwt", Function: "f", Scopes: []string{`a"b`}},
			{Key: "GET /g", Authorizer: "none", URL: "ftp://localhost"},
			{Key: "GET /h/{x}", Authorizer: "none", URL: "http://localhost/{y}"},
			{Key: "GET /i", Authorizer: "none", URL: "http://user:pass@localhost/?q"},
			{Key: "GET /j", Authorizer: "none", Function: "f", Timeout: 31 * time.Second},
			{Key: "GET /k", Authorizer: "none", Function: "f", PayloadFormatVersion: "3.0"},
			{Key: "GET /l/", Authorizer: "none", Function: "f"},
			{Key: "get /m", Authorizer: "none", Function: "f"},
			{Key: "GET /n/{x+}/y", Authorizer: "none", Function: "f"},
			{Key: "GET /o/{x", Authorizer: "none", Function: "f"},
			{Key: "GET /p/a{x}", Authorizer: "none", Function: "f"},
			{Key: "GET /q/{x}/{x}", Authorizer: "none", Function: "f"},
			{Key: "GET /r//s", Authorizer: "none", Function: "f"},
			{Key: "GET /t/../u", Authorizer: "none", Function: "f"},
			{Key: "GET /v/{x}", Authorizer: "none", Function: "f"},
			{Key: "GET /v/{y}", Authorizer: "none", Function: "f"},
			{Key: "$default", Authorizer: "none", Function: "f"},
			{Key: "$default", Authorizer: "none", Function: "f"},
		}}
	g, err := gateway.New(c)
	if g != nil || err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`stage "de v"`, `cannot be named "none"`, `does not go with the origin "*"`, `"https://*.example.com" is neither`, `"https://example.com/x" is neither`, "maxAge 1ms", `"G ET" is not the name`,
		`"GET /a": it has no authorizer`, `"GET /b": there is no authorizer "jtw"`, `"GET /c": it has neither a function nor a url`,
		`"GET /d": it has both`, `"GET /e": it has scopes but nothing`, `"GET /f": its scopes`, `"GET /g": url`, `"GET /h/{x}": url "http://localhost/{y}" has {y}`,
		`"GET /i": url`, `"GET /j": timeout`, `"GET /k": payloadFormatVersion`, `"GET /l/": its path ends with a slash`, `"get /m": a route key is`,
		`"GET /n/{x+}/y": a greedy variable must be the last`, `"GET /o/{x": segment`, `"GET /p/a{x}": segment`, `"GET /q/{x}/{x}": it has the variable "x" twice`,
		`"GET /r//s": segment ""`, `"GET /t/../u": segment ".."`, `"GET /v/{y}": it matches the same requests as route "GET /v/{x}"`, `"$default": it is there twice`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %s", want)
		}
	}
	if strings.Contains(err.Error(), "user:pass") {
		t.Error("the error has a password in it")
	}
	if _, err := gateway.New(gateway.Config{Routes: open("GET /x")}); err == nil || !strings.Contains(err.Error(), "ID and DomainName") || !strings.Contains(err.Error(), "nothing runs functions") {
		t.Errorf("%v", err)
	}
}

// Random routes and paths against a model that is slow and obvious.
func TestRoutesAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		keys := randomKeys(rng)
		w := newQuiet(t, keys)
		for range 40 {
			method := pick(rng, "GET", "POST", "OPTIONS")
			path := "/" + strings.Join(randomWords(rng, 5), "/")
			got := w.route(method, path)
			if want := modelRoute(keys, method, path); got != want {
				t.Fatalf("seed %d: %s %s of %q: %q, want %q", seed, method, path, keys, got, want)
			}
		}
	}
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func randomWords(rng *rand.Rand, most int) (words []string) {
	for range rng.IntN(most + 1) {
		words = append(words, pick(rng, "a", "b", "c"))
	}
	return words
}

func randomKeys(rng *rand.Rand) (keys []string) {
	seen := map[string]bool{}
	for range 1 + rng.IntN(12) {
		segments := randomWords(rng, 4)
		for i := range segments {
			if rng.IntN(3) == 0 {
				segments[i] = fmt.Sprintf("{v%d}", i)
			}
		}
		if rng.IntN(4) == 0 {
			segments = append(segments, "{rest+}")
		}
		key := pick(rng, "GET", "POST", "ANY") + " /" + strings.Join(segments, "/")
		if rng.IntN(10) == 0 {
			key = "$default"
		}
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// modelRoute sorts all routes that match by the rules, one after the other.
func modelRoute(keys []string, method, path string) string {
	var matching []string
	for _, k := range keys {
		if modelMatches(k, method, path) {
			matching = append(matching, k)
		}
	}
	if len(matching) == 0 {
		return ""
	}
	return slices.MinFunc(matching, func(a, b string) int {
		for _, better := range []func(string) int{
			func(k string) int { return b2i(k != "$default") },
			func(k string) int { return b2i(!strings.Contains(k, "+}")) },
			func(k string) int { return modelLiterals(k) },
			func(k string) int { return strings.Count(k, "/") },
			func(k string) int { // the leftmost literals
				score := 0
				for _, s := range strings.Split(k, "/")[1:] {
					score = score*2 + b2i(!strings.HasPrefix(s, "{"))
				}
				return score
			},
			func(k string) int { return b2i(!strings.HasPrefix(k, "ANY ")) },
		} {
			x, y := a, b
			if x == "$default" {
				x = "$default /"
			}
			if y == "$default" {
				y = "$default /"
			}
			if a == "$default" || b == "$default" {
				return b2i(a == "$default") - b2i(b == "$default")
			}
			if d := better(y) - better(x); d != 0 {
				return d
			}
		}
		return 0
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func modelLiterals(key string) (n int) {
	for _, s := range strings.Split(key, "/")[1:] {
		n += b2i(s != "" && !strings.HasPrefix(s, "{"))
	}
	return n
}

func modelMatches(key, method, path string) bool {
	if key == "$default" {
		return true
	}
	m, pattern, _ := strings.Cut(key, " ")
	if m != "ANY" && m != method {
		return false
	}
	var want, got []string
	if pattern != "/" {
		want = strings.Split(pattern[1:], "/")
	}
	if path != "/" {
		got = strings.Split(path[1:], "/")
	}
	for i, s := range want {
		if strings.HasSuffix(s, "+}") {
			return len(got) > i
		}
		if i >= len(got) || !strings.HasPrefix(s, "{") && s != got[i] {
			return false
		}
	}
	return len(want) == len(got)
}

// quiet is a gateway without a listener, asked for routes only.
type quiet struct {
	g    *gateway.Gateway
	last *gateway.Entry
}

func newQuiet(t testing.TB, keys []string) quiet {
	q := quiet{last: &gateway.Entry{}}
	c := base(open(keys...)...)
	c.Invoker = &invoker{}
	c.Log = func(e gateway.Entry) { *q.last = e }
	g, err := gateway.New(c)
	if err != nil {
		t.Fatalf("%q: %v", keys, err)
	}
	q.g = g
	return q
}

func (q quiet) route(method, path string) string {
	r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{}, Proto: "HTTP/1.1"}
	q.g.ServeHTTP(httptest.NewRecorder(), r)
	return q.last.RouteKey
}

// FuzzRoute asks for what no path may do: reach an open route where a cleaned
// up reading of it is the guarded one.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"/private", "/x/../private", "/%2fprivate", "/private%252f", "/x%5c..%5cprivate", "//private//", "/private;a", "/..;/private", "/private%3f"} {
		f.Add(s)
	}
	c := base(append(open("ANY /{proxy+}", "GET /{a}/{b}", "$default"), gateway.Route{Key: "ANY /private", Authorizer: "never", Function: "private"})...)
	c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
	c.Invoker = &invoker{}
	var last gateway.Entry
	c.Log = func(e gateway.Entry) { last = e }
	g, err := gateway.New(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || len(target) > 2000 {
			t.Skip()
		}
		recorder := httptest.NewRecorder()
		g.ServeHTTP(recorder, &http.Request{Method: "GET", URL: u, Header: http.Header{}, Proto: "HTTP/1.1"})
		for _, reading := range laterReadings(u.EscapedPath()) {
			if reading == "/private" && recorder.Code == 200 {
				t.Errorf("%q reached %s, and reads as /private", target, last.RouteKey)
			}
		}
		if strings.ContainsFunc(last.String(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q is in the log as %q", target, last.String())
		}
	})
}

// laterReadings gives what careless upstreams make of a path.
func laterReadings(path string) (readings []string) {
	for range 4 {
		for _, p := range []string{path, strings.ReplaceAll(path, `\`, "/")} {
			p, _, _ = strings.Cut(p, "?")
			for _, params := range []bool{false, true} {
				segments := []string{}
				for _, s := range strings.Split(p, "/") {
					if params {
						s, _, _ = strings.Cut(s, ";")
					}
					switch s {
					case "", ".":
					case "..":
						segments = segments[:max(len(segments)-1, 0)]
					default:
						segments = append(segments, s)
					}
				}
				readings = append(readings, "/"+strings.Join(segments, "/"))
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			return readings
		}
		path = decoded
	}
	return readings
}
