package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

func TestCORS(t *testing.T) {
	any := &gateway.CORS{AllowOrigins: []string{"*"}, AllowHeaders: []string{"*"}, AllowMethods: []string{"GET"}}
	named := &gateway.CORS{
		AllowOrigins: []string{"https://app.example", "http://localhost:3000"}, AllowMethods: []string{"GET", "POST"},
		AllowHeaders: []string{"authorization", "content-type"}, ExposeHeaders: []string{"x-total", "x-page"}, MaxAge: 10 * time.Minute, AllowCredentials: true,
	}
	schemes := &gateway.CORS{AllowOrigins: []string{"https://*"}}
	const askGET = "Access-Control-Request-Method: GET"
	explanations := openBook(t, "cors")
	for _, row := range []struct {
		name           string
		cors           *gateway.CORS
		method, path   string
		header         []string
		status         int
		body           string
		wantHeader     []string
		wantInvocation bool
	}{
		{"preflight, any origin", any, "OPTIONS", "/open", []string{"Origin: https://x.example", askGET}, 204, "",
			[]string{"Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET", "Access-Control-Allow-Headers: *"}, false},
		{"preflight, named origin", named, "OPTIONS", "/open", []string{"Origin: http://localhost:3000", askGET}, 204, "",
			[]string{"Access-Control-Allow-Origin: http://localhost:3000", "Vary: origin", "Access-Control-Allow-Credentials: true",
				"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Headers: authorization,content-type", "Access-Control-Max-Age: 600"}, false},
		{"preflight for no route", named, "OPTIONS", "/nothing", []string{"Origin: https://app.example", askGET}, 204, "",
			[]string{"Access-Control-Allow-Origin: https://app.example", "Vary: origin", "Access-Control-Allow-Credentials: true",
				"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Headers: authorization,content-type", "Access-Control-Max-Age: 600"}, false},
		{"preflight for a guarded GET", named, "OPTIONS", "/private", []string{"Origin: https://app.example", askGET}, 204, "",
			[]string{"Access-Control-Allow-Origin: https://app.example", "Vary: origin", "Access-Control-Allow-Credentials: true",
				"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Headers: authorization,content-type", "Access-Control-Max-Age: 600"}, false},
		{"preflight for a guarded ANY", any, "OPTIONS", "/anything", []string{"Origin: https://x.example", askGET}, 401, bodyUnauthorized,
			[]string{"Access-Control-Allow-Origin: *", "Www-Authenticate: Bearer"}, false},
		{"preflight for a guarded greedy ANY", any, "OPTIONS", "/files/a/b", []string{"Origin: https://x.example", askGET}, 401, bodyUnauthorized,
			[]string{"Access-Control-Allow-Origin: *", "Www-Authenticate: Bearer"}, false},
		{"preflight for a guarded OPTIONS", any, "OPTIONS", "/own", []string{"Origin: https://x.example", askGET}, 401, bodyUnauthorized,
			[]string{"Access-Control-Allow-Origin: *", "Www-Authenticate: Bearer"}, false},
		{"preflight, unlisted origin", named, "OPTIONS", "/open", []string{"Origin: https://evil.example", askGET}, 204, "", nil, false},
		{"preflight, origin that begins like a listed one", named, "OPTIONS", "/open", []string{"Origin: https://app.example.evil.example", askGET}, 204, "", nil, false},
		{"preflight, null origin", named, "OPTIONS", "/open", []string{"Origin: null", askGET}, 204, "", nil, false},
		{"preflight, any https origin", schemes, "OPTIONS", "/open", []string{"Origin: https://x.example", askGET}, 204, "",
			[]string{"Access-Control-Allow-Origin: https://x.example", "Vary: origin"}, false},
		{"preflight, http is not https", schemes, "OPTIONS", "/open", []string{"Origin: http://x.example", askGET}, 204, "", nil, false},
		{"OPTIONS without Access-Control-Request-Method", any, "OPTIONS", "/open", []string{"Origin: https://x.example"}, 404, bodyNotFound,
			[]string{"Access-Control-Allow-Origin: *", "Content-Type: application/json"}, false},
		{"OPTIONS without Origin", named, "OPTIONS", "/open", []string{askGET}, 404, bodyNotFound,
			[]string{"Content-Type: application/json"}, false},
		{"preflight without configuration", nil, "OPTIONS", "/open", []string{"Origin: https://x.example", askGET}, 404, bodyNotFound,
			[]string{"Content-Type: application/json"}, false},
		{"preflight without configuration that asks for headers", nil, "OPTIONS", "/open", []string{"Origin: https://x.example", askGET, "Access-Control-Request-Headers: authorization,x-tenant"}, 404, bodyNotFound,
			[]string{"Content-Type: application/json"}, false},
		{"401 of the gateway's own", named, "GET", "/private", []string{"Origin: https://app.example"}, 401, bodyUnauthorized,
			[]string{"Access-Control-Allow-Origin: https://app.example", "Vary: origin", "Access-Control-Allow-Credentials: true", "Access-Control-Expose-Headers: x-total,x-page", "Www-Authenticate: Bearer"}, false},
		{"404 of the gateway's own", any, "GET", "/nothing", []string{"Origin: https://app.example"}, 404, bodyNotFound,
			[]string{"Access-Control-Allow-Origin: *", "Content-Type: application/json"}, false},
		{"the function's CORS headers do not count", named, "GET", "/open", []string{"Origin: https://app.example"}, 200, "ok",
			[]string{"Access-Control-Allow-Origin: https://app.example", "Vary: accept", "Vary: origin", "Access-Control-Allow-Credentials: true", "Access-Control-Expose-Headers: x-total,x-page", "Content-Type: text/plain; charset=utf-8"}, true},
		{"nor without an origin", named, "GET", "/open", nil, 200, "ok", []string{"Vary: accept", "Content-Type: text/plain; charset=utf-8"}, true},
		{"but without configuration they do", nil, "GET", "/open", []string{"Origin: https://app.example"}, 200, "ok",
			[]string{"Access-Control-Allow-Origin: https://own.example", "Access-Control-Allow-Credentials: true", "Vary: accept", "Content-Type: text/plain; charset=utf-8"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := base(append(open("GET /open"),
				gateway.Route{Key: "GET /private", Authorizer: "never", Function: "f"},
				gateway.Route{Key: "ANY /anything", Authorizer: "never", Function: "f"},
				gateway.Route{Key: "ANY /files/{proxy+}", Authorizer: "never", Function: "f"},
				gateway.Route{Key: "OPTIONS /own", Authorizer: "never", Function: "f"})...)
			c.Authorizers = map[string]gateway.Authorizer{"never": never{}}
			c.CORS = row.cors
			w := serve(t, c)
			w.invoker.says(`{"statusCode":200,"headers":{"access-control-allow-origin":"https://own.example","Access-Control-Allow-Credentials":"true","vary":"accept"},"body":"ok"}`)
			w.do(t, row.method, row.path, row.header...).assert(t, row.status, row.body, row.wantHeader...)
			if row.path == "/anything" && !strings.Contains(w.journal.last(t).Hint(), "OPTIONS /anything") {
				t.Errorf("no hint: %+v", w.journal.last(t))
			}
			if w.journal.last(t).Refusal != nil || row.status >= 400 {
				p := &plot{method: row.method, target: row.path, header: row.header, config: c, fakes: c.Authorizers, declare: declareCORS}
				p.allowed = func(a answer) bool { return a.status < 300 && a.header.Get("Access-Control-Allow-Origin") != "" }
				p.explained(t, explanations, row.name)
			} else if row.status == 204 && row.wantHeader == nil {
				t.Error("a preflight is refused without a reason")
			}
			if got := w.invoker.calls.Load() == 1; got != row.wantInvocation {
				t.Errorf("invoked: %v, want %v", got, row.wantInvocation)
			}
		})
	}
}

// declareCORS is what advice changes of cors.
var declareCORS = map[string]func(*plot, string){
	"cors": func(p *plot, _ string) {
		p.config.CORS = &gateway.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
	},
	"routes.OPTIONS /own.authorizer": func(p *plot, value string) {
		p.config.Routes = slices.Clone(p.config.Routes)
		for i, r := range p.config.Routes {
			if r.Key == "OPTIONS /own" {
				p.config.Routes[i].Authorizer = value
			}
		}
	},
	"cors.allowOrigins": func(p *plot, value string) {
		p.cors(func(c *gateway.CORS) {
			if c.AllowOrigins = append(slices.Clone(c.AllowOrigins), value); value == "*" {
				c.AllowCredentials = false
			}
		})
	},
	"cors.allowMethods": func(p *plot, value string) {
		p.cors(func(c *gateway.CORS) { c.AllowMethods = append(slices.Clone(c.AllowMethods), value) })
	},
	"cors.allowHeaders": func(p *plot, value string) {
		p.cors(func(c *gateway.CORS) { c.AllowHeaders = append(slices.Clone(c.AllowHeaders), value) })
	},
}

func (p *plot) cors(change func(*gateway.CORS)) {
	c := *p.config.CORS
	change(&c)
	p.config.CORS = &c
}

// A preflight that is answered, and after which a browser goes no further, is
// explained by the part of cors that does not name what the page asks for; of HTTP
// and of REST APIs.
func TestPreflightsAreExplained(t *testing.T) {
	explanations := openBook(t, "cors-preflights")
	some := &gateway.CORS{AllowOrigins: []string{"https://app.example"}, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"Authorization"}}
	starred := &gateway.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
	with := &gateway.CORS{AllowOrigins: []string{"https://app.example"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, AllowCredentials: true}
	for _, row := range []struct {
		name                    string
		cors                    *gateway.CORS
		origin, method, headers string
		passes                  bool
	}{
		{"all is named", some, "https://app.example", "PUT", "authorization", true},
		{"a simple method", &gateway.CORS{AllowOrigins: []string{"*"}}, "https://app.example", "POST", "", true},
		{"everything", starred, "https://other.example", "PATCH", "x-one,x-two", true},
		{"another origin", some, "https://other.example", "GET", "", false},
		{"another port", some, "https://app.example:8443", "GET", "", false},
		{"another method", some, "https://app.example", "DELETE", "", false},
		{"a method in small letters", some, "https://app.example", "put", "", false},
		{"another header", some, "https://app.example", "GET", "authorization, content-type", false},
		{"a star with credentials is a method's name", with, "https://app.example", "DELETE", "", false},
		{"a star with credentials is a header's name", with, "https://app.example", "GET", "authorization", false},
		{"an origin that is no text", some, `https://"<b>"`, "GET", "", false},
	} {
		for kind, c := range map[string]gateway.Config{"HTTP": base(open("GET /open")...), "REST": baseREST(open("GET /open")...)} {
			t.Run(row.name+" "+kind, func(t *testing.T) {
				c.CORS = row.cors
				p := &plot{method: "OPTIONS", target: "/open", config: c, declare: declareCORS}
				if kind == "REST" {
					p.target = "/dev/open"
				}
				p.header = []string{"Origin: " + row.origin, "Access-Control-Request-Method: " + row.method}
				if row.headers != "" {
					p.header = append(p.header, "Access-Control-Request-Headers: "+row.headers)
				}
				a, e := p.send(t)
				if a.status != 204 || (e.Refusal == nil) != row.passes {
					t.Fatalf("%d, refused for %+v", a.status, e.Refusal)
				}
				if row.passes {
					return
				}
				p.allowed = func(a answer) bool { return p.w.journal.last(t).Refusal == nil }
				p.explained(t, explanations, row.name)
			})
		}
	}
}

// The integration's headers are dropped also where it is an upstream.
func TestCORSOverUpstream(t *testing.T) {
	up := newUpstream(t)
	c := base(gateway.Route{Key: "GET /cors", Authorizer: gateway.None, URL: up.URL})
	c.CORS = &gateway.CORS{AllowOrigins: []string{"https://app.example"}}
	w := serve(t, c)
	a := w.do(t, "GET", "/cors", "Origin: https://evil.example")
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "" || a.status != 200 {
		t.Errorf("%d, allowed %q", a.status, got)
	}
	a = w.do(t, "GET", "/cors", "Origin: https://app.example")
	if got := strings.Join(a.header["Access-Control-Allow-Origin"], ","); got != "https://app.example" {
		t.Errorf("allowed %q", got)
	}
}
