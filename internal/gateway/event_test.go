package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify/verifytest"
)

func TestEventV2(t *testing.T) {
	c := base(open("POST /a/{id}/{rest+}")...)
	c.StageVariables = map[string]string{"k": "v"}
	c.AccountID = "123456789012"
	w := serve(t, c)
	a := w.send(t, "POST", "/a/x%20y/p%C3%A9/q/?a=1&b=x+y&a=2%2B&empty=&bare&c=%zz&a=1;2", `{"n":1}`,
		"Content-Type: application/json; charset=utf-8", "X-One: 1", "x-ONE: 2", "Cookie: s=1; t=2", "Cookie: u=3", "X-Forwarded-For: 203.0.113.9, 198.51.100.2", "X-Forwarded-Proto: gopher", "User-Agent: test")
	a.assert(t, 200, "called POST /a/{id}/{rest+}", "Content-Type: text/plain; charset=utf-8")
	e := w.invoker.lastV2(t)
	trace, port := e.Headers["x-amzn-trace-id"], w.server.Listener.Addr().String()
	port = port[strings.LastIndexByte(port, ':')+1:]
	if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`).MatchString(trace) {
		t.Errorf("trace id %q", trace)
	}
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST /a/{id}/{rest+}",
		RawPath: "/a/x y/pé/q/", RawQueryString: "a=1&b=x+y&a=2%2B&empty=&bare&c=%zz&a=1;2",
		Cookies: []string{"s=1", "t=2", "u=3"},
		Headers: map[string]string{
			"connection": "close", "content-length": "7", "content-type": "application/json; charset=utf-8", "host": w.server.Listener.Addr().String(),
			"x-one": "1,2", "user-agent": "test", "x-amzn-trace-id": trace,
			"x-forwarded-for": "203.0.113.9, 198.51.100.2, 127.0.0.1", "x-forwarded-port": port, "x-forwarded-proto": "http",
		},
		QueryStringParameters: map[string]string{"a": "1,2+,1;2", "b": "x y", "empty": "", "bare": "", "c": "%zz"},
		PathParameters:        map[string]string{"id": "x y", "rest": "pé/q"},
		StageVariables:        map[string]string{"k": "v"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST /a/{id}/{rest+}", AccountID: "123456789012", Stage: "$default", RequestID: a.header.Get("Apigw-Requestid"),
			APIID: "abcdefghij", DomainName: "localhost:3100", DomainPrefix: "localhost", Time: "21/Nov/2026:14:05:11 +0000", TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST", Path: "/a/x y/pé/q/", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "test"},
		},
		Body: `{"n":1}`,
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
}

// A bare GET: what is empty is left out, and content-length is there.
func TestEventV2OfABareGET(t *testing.T) {
	w := serve(t, base(open("$default")...))
	w.do(t, "GET", "/")
	var top map[string]json.RawMessage
	if err := json.Unmarshal([]byte(w.invoker.lastText()), &top); err != nil {
		t.Fatal(err)
	}
	want := []string{"headers", "isBase64Encoded", "rawPath", "rawQueryString", "requestContext", "routeKey", "version"}
	if got := slices.Sorted(maps.Keys(top)); !slices.Equal(got, want) {
		t.Errorf("keys %q", got)
	}
	e := w.invoker.lastV2(t)
	if e.RouteKey != "$default" || e.Headers["content-length"] != "0" || e.IsBase64Encoded || e.RequestContext.Authorizer != nil {
		t.Errorf("%+v", e)
	}
}

func TestEventV1(t *testing.T) {
	c := base(gateway.Route{Key: "POST /a/{id}", Authorizer: gateway.None, Function: "f", PayloadFormatVersion: "1.0"},
		gateway.Route{Key: "$default", Authorizer: gateway.None, Function: "f", PayloadFormatVersion: "1.0"})
	c.Stage = "dev"
	w := serve(t, c)
	a := w.send(t, "POST", "/dev/a/x%20y?a=1&b=2&a=3", "\x00\xff", "x-custom-HEADER: 1", "X-Custom-Header: 2", "Cookie: s=1", "Content-Type: application/octet-stream")
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, w.journal.last(t))
	}
	var e struct {
		Version string
		events.APIGatewayProxyRequest
	}
	if err := json.Unmarshal([]byte(w.invoker.lastText()), &e); err != nil {
		t.Fatal(err)
	}
	id := a.header.Get("Apigw-Requestid")
	for _, row := range []struct{ name, got, want any }{
		{"version", e.Version, "1.0"},
		{"resource", e.Resource, "/a/{id}"},
		{"path is encoded and has the stage", e.Path, "/dev/a/x%20y"},
		{"requestContext.path is decoded", e.RequestContext.Path, "/dev/a/x y"},
		{"pathParameters", e.PathParameters["id"], "x y"},
		{"single header is the last", e.Headers["X-Custom-Header"], "2"},
		{"multi header", strings.Join(e.MultiValueHeaders["X-Custom-Header"], "|"), "1|2"},
		{"cookie stays", e.Headers["Cookie"], "s=1"},
		{"content-length", e.Headers["Content-Length"], "2"},
		{"host", e.Headers["Host"], w.server.Listener.Addr().String()},
		{"single query is the last", e.QueryStringParameters["a"], "3"},
		{"multi query", strings.Join(e.MultiValueQueryStringParameters["a"], "|"), "1|3"},
		{"body", e.Body, base64.StdEncoding.EncodeToString([]byte("\x00\xff"))},
		{"isBase64Encoded", e.IsBase64Encoded, true},
		{"requestId", e.RequestContext.RequestID, id},
		{"extendedRequestId", e.RequestContext.ExtendedRequestID, id},
		{"resourceId", e.RequestContext.ResourceID, "POST /a/{id}"},
		{"resourcePath", e.RequestContext.ResourcePath, "/a/{id}"},
		{"stage", e.RequestContext.Stage, "dev"},
		{"requestTime", e.RequestContext.RequestTime, "21/Nov/2026:14:05:11 +0000"},
		{"sourceIp", e.RequestContext.Identity.SourceIP, "127.0.0.1"},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", row.name, row.got, row.want)
		}
	}
	w.do(t, "GET", "/dev/other")
	for _, part := range []string{`"resource":"$default"`, `"queryStringParameters":null`, `"pathParameters":null`, `"stageVariables":null`, `"body":null`, `"authorizer":{"claims":null,"scopes":null}`} {
		if !strings.Contains(w.invoker.lastText(), part) {
			t.Errorf("%s lacks %s", w.invoker.lastText(), part)
		}
	}
}

// Which bodies stand in an event as text. Recorded on AWS, but for the rows of
// the other +json type and of bytes that are not UTF-8.
func TestEventBodyEncoding(t *testing.T) {
	w := serve(t, base(open("POST /")...))
	for _, row := range []struct {
		contentType, body string
		base64            bool
	}{
		{"text/plain", "x", false}, {"text/html; charset=utf-8", "x", false}, {"TEXT/CSV", "x", false}, {"application/json", "x", false},
		{"application/json; charset=utf-8", "x", false}, {"application/xml", "x", false}, {"application/javascript", "x", false},
		{"", "x", true}, {"application/x-www-form-urlencoded", "a=b", true}, {"multipart/form-data; boundary=x", "x", true},
		{"application/octet-stream", "x", true}, {"application/vnd.api+json", "x", true}, {"image/svg+xml", "x", true}, {"application/jsonx", "x", true},
		{"text/plain", "\xff", true},
	} {
		header := []string{"X-A: b"}
		if row.contentType != "" {
			header = append(header, "Content-Type: "+row.contentType)
		}
		w.send(t, "POST", "/", row.body, header...)
		e := w.invoker.lastV2(t)
		want := row.body
		if row.base64 {
			want = base64.StdEncoding.EncodeToString([]byte(row.body))
		}
		if e.IsBase64Encoded != row.base64 || e.Body != want {
			t.Errorf("%q: %v %q, want %v %q", row.contentType, e.IsBase64Encoded, e.Body, row.base64, want)
		}
	}
}

func TestChunkedBodyIsWhole(t *testing.T) {
	w := serve(t, base(open("POST /")...))
	a := w.raw(t, "POST", "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
	if e := w.invoker.lastV2(t); a.status != 200 || e.Body != "abcdefg" || e.Headers["content-length"] != "7" || e.Headers["transfer-encoding"] != "" {
		t.Errorf("%d %+v", a.status, e)
	}
}

// How claims come: measured on a Cognito-backed HTTP API, but for the object
// and the fraction.
func TestEventClaims(t *testing.T) {
	issuer := newIssuer(t)
	routes := func(version string) []gateway.Route {
		return []gateway.Route{
			{Key: "GET /plain", Authorizer: "jwt", Function: "f", PayloadFormatVersion: version},
			{Key: "GET /scoped", Authorizer: "jwt", Scopes: []string{"b"}, Function: "f", PayloadFormatVersion: version},
		}
	}
	const claims = `{"sub":"u","n":1604085585,"big":12345678901234567890,"exp0":1.6e9,"frac":0.5,"yes":true,"no":false,"groups":["admin","poweruser"],"one":["x"],"none":[],` +
		`"nothing":null,"mixed":[1,"a",true,["b"]],"object":{"roles":["admin"],"a":1},"scope":"a b c","text":"<&>\"é","iss":%q,"aud":%q,"exp":%d}`
	token := issuer.Sign(nil, fmt.Appendf(nil, claims, issuer.URL(), verifytest.Audience, now.Unix()+60))
	want := map[string]string{
		"sub": "u", "n": "1604085585", "big": "12345678901234567890", "exp0": "1600000000", "frac": "0.5", "yes": "true", "no": "false",
		"groups": "[admin poweruser]", "one": "[x]", "none": "[]", "mixed": "[1 a true [b]]", "object": "map[a:1 roles:[admin]]",
		"scope": "a b c", "text": "<&>\"é", "iss": issuer.URL(), "aud": verifytest.Audience, "exp": fmt.Sprint(now.Unix() + 60),
	}
	for _, version := range []string{"2.0", "1.0"} {
		c := base(routes(version)...)
		c.Authorizers = map[string]gateway.Authorizer{"jwt": newJWT(t, authorizer.JWTConfig{Issuer: issuer.URL(), Keys: keysOf(t, issuer)})}
		w := serve(t, c)
		for path, scopes := range map[string]any{"/plain": nil, "/scoped": []any{"a", "b", "c"}} {
			if a := w.do(t, "GET", path, "Authorization: "+token); a.status != 200 {
				t.Fatalf("%d %s", a.status, w.journal.last(t))
			}
			var e struct {
				RequestContext struct{ Authorizer map[string]any }
			}
			if err := json.Unmarshal([]byte(w.invoker.lastText()), &e); err != nil {
				t.Fatal(err)
			}
			got := e.RequestContext.Authorizer
			if version == "2.0" {
				got = got["jwt"].(map[string]any)
			}
			all := map[string]string{}
			for k, v := range got["claims"].(map[string]any) {
				all[k], _ = v.(string)
			}
			if !maps.Equal(all, want) {
				t.Errorf("%s %s: claims %v\nwant %v", version, path, all, want)
			}
			s, there := got["scopes"]
			if !there || !reflect.DeepEqual(s, scopes) {
				t.Errorf("%s %s: scopes %v, want %v", version, path, s, scopes)
			}
		}
	}
}

// FuzzEvent builds events of any request and reads them as handlers do.
func FuzzEvent(f *testing.F) {
	f.Add("/x%20y", "a=b&a=%zz", "v", "s=1; t", "text/plain", []byte("body"))
	f.Add("/%ff%00", ";&&=&", "\xff\x00", ";;", "text/plain", []byte{0xff})
	inv := &invoker{}
	c := base(open("GET /{id}", "GET /a/{p+}", "$default")...)
	c.Invoker = inv
	g, err := gateway.New(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query, value, cookie, contentType string, body []byte) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			t.Skip()
		}
		u.RawQuery = query
		r := httptest.NewRequest("GET", "/", strings.NewReader(string(body)))
		r.URL = u
		r.Header = http.Header{"X-Value": {value, value}, "Cookie": {cookie}, "Content-Type": {contentType}}
		recorder := httptest.NewRecorder()
		before := inv.calls.Load()
		g.ServeHTTP(recorder, r)
		if inv.calls.Load() == before {
			return
		}
		e := inv.lastV2(t)
		got := []byte(e.Body)
		if e.IsBase64Encoded {
			if got, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != string(body) {
			t.Errorf("body %q, want %q", got, body)
		}
		if _, ok := e.Headers["cookie"]; ok {
			t.Error("cookie is among the headers")
		}
	})
}
