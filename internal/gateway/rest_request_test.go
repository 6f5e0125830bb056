package gateway_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/gateway"
)

// The body of the request validator, which was recorded on AWS for parameters
// like these.
func TestRequestParameters(t *testing.T) {
	c := baseREST(gateway.Route{Key: "GET /{issuer}", Authorizer: gateway.None, Function: "f", RequestParameters: []string{
		"method.request.querystring.qs1", "method.request.header.x-header-param", "method.request.querystring.qs2",
	}})
	c.REST.GatewayResponses = responses{"BAD_REQUEST_PARAMETERS": {Headers: map[string]string{"X-Why": "context.error.validationErrorString"}}}
	w := serve(t, c)
	explanations := openBook(t, "rest-parameters")
	for _, tt := range []struct{ query, header, missing string }{
		{"", "X-A: b", "[x-header-param, qs1, qs2]"},
		{"?qs1=a", "X-A: b", "[x-header-param, qs2]"},
		{"?qs1=&qs2=%20&QS1=a", "X-Header-Param:  ", "[x-header-param, qs1, qs2]"},
		{"?qs1=a&qs2=b", "X-A: b", "[x-header-param]"},
	} {
		a := w.do(t, "GET", "/dev/x"+tt.query, tt.header)
		a.assertREST(t, 400, `{"message":"Missing required request parameters: `+tt.missing+`"}`,
			"Content-Type: application/json", "X-Amzn-Errortype: BadRequestException", "X-Why: "+tt.missing)
		p := &plot{method: "GET", target: "/dev/x" + tt.query, header: []string{tt.header}, config: c}
		p.explained(t, explanations, tt.query+" "+tt.header)
	}
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
	if a := w.do(t, "GET", "/dev/x?qs2=b;qs1=a", "x-HEADER-param: c"); a.status != 200 {
		t.Errorf("with all of them: %v", a)
	}
}

// Bodies of requests: base64 if the content type is one of binaryMediaTypes.
func TestBinaryRequests(t *testing.T) {
	const sent = "\x00\xff text"
	for _, tt := range []struct {
		types  []string
		header string
		binary bool
	}{
		{nil, "Content-Type: image/png", false},
		{[]string{"image/png"}, "Content-Type: image/png", true},
		{[]string{"image/png"}, "Content-Type: IMAGE/png; q=1", true},
		{[]string{"image/png"}, "Content-Type: image/jpeg", false},
		{[]string{"image/*"}, "Content-Type: image/jpeg", true},
		{[]string{"image/*"}, "Content-Type: imagery/jpeg", false},
		{[]string{"image/png"}, "Content-Type: */*", false},
		{[]string{"image/png"}, "X-A: b", false},
		{[]string{"*/*"}, "X-A: b", true},
		{[]string{"*/*"}, "Content-Type: text/plain", true},
		{[]string{"multipart/form-data"}, "Content-Type: multipart/form-data; boundary=x", true},
	} {
		c := baseREST(open("POST /")...)
		c.REST.BinaryMediaTypes = tt.types
		w := serve(t, c)
		w.send(t, "POST", "/dev", sent, tt.header)
		want := strings.ToValidUTF8(sent, "\uFFFD")
		if tt.binary {
			want = base64.StdEncoding.EncodeToString([]byte(sent))
		}
		if e := w.invoker.lastREST(t); e.IsBase64Encoded != tt.binary || e.Body != want {
			t.Errorf("%q, %s: body %q, isBase64Encoded %t", tt.types, tt.header, e.Body, e.IsBase64Encoded)
		}
	}
}

// Bodies of replies: decoded if what the client accepts first is binary.
func TestBinaryReplies(t *testing.T) {
	for _, tt := range []struct {
		types        []string
		accept, want string
	}{
		{nil, "image/png", "aGVsbG8="},
		{[]string{"image/png"}, "image/png", "hello"},
		{[]string{"image/png"}, "image/png;q=1, text/html", "hello"},
		{[]string{"image/png"}, "text/html, image/png", "aGVsbG8="},
		{[]string{"image/png"}, "*/*", "aGVsbG8="},
		{[]string{"image/png"}, "", "aGVsbG8="},
		{[]string{"*/*"}, "text/html", "hello"},
		{[]string{"*/*"}, "", "hello"},
	} {
		c := baseREST(open("GET /")...)
		c.REST.BinaryMediaTypes = tt.types
		w := serve(t, c)
		w.invoker.says(`{"body":"aGVsbG8=","isBase64Encoded":true,"headers":{"Content-Type":"image/png"}}`)
		header := []string{"X-A: b"}
		if tt.accept != "" {
			header = []string{"Accept: " + tt.accept}
		}
		w.do(t, "GET", "/dev", header...).assertREST(t, 200, tt.want, "Content-Type: image/png", "X-Amzn-Trace-Id")
	}
	c := baseREST(open("GET /")...)
	c.REST.BinaryMediaTypes = []string{"*/*"}
	w := serve(t, c)
	w.invoker.says(`{"body":"not base64!","isBase64Encoded":true}`)
	w.do(t, "GET", "/dev").assertFailure(t, 500, errorInternal, bodyInternalREST)
}
