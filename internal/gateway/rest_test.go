package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/gateway"
)

// baseREST is a configuration of a REST API that is complete but for its routes.
func baseREST(routes ...gateway.Route) gateway.Config {
	c := base(routes...)
	c.Stage, c.REST = "dev", &gateway.REST{}
	return c
}

func serveREST(t *testing.T, keys ...string) *world {
	t.Helper()
	return serve(t, baseREST(open(keys...)...))
}

const (
	bodyMissingToken  = `{"message":"Missing Authentication Token"}`
	bodyInternalREST  = `{"message": "Internal server error"}`
	bodyTimeoutREST   = `{"message": "Endpoint request timed out"}`
	bodyImplicitDeny  = `{"Message":"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"}`
	errorMissingToken = "MissingAuthenticationTokenException"
	errorInternal     = "InternalServerErrorException"
)

var (
	formUUID     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	formExtended = regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)
	formTrace    = regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$`)
)

// assertREST checks all of an answer of a REST API but for what differs each
// time, of which it checks the form.
func (a answer) assertREST(t *testing.T, status int, body string, header ...string) {
	t.Helper()
	if a.status != status || a.body != body {
		t.Errorf("got %d %s, want %d %s", a.status, a.body, status, body)
	}
	var got []string
	for name, values := range a.header {
		for _, v := range values {
			form := map[string]*regexp.Regexp{"X-Amzn-Requestid": formUUID, "X-Amz-Apigw-Id": formExtended, "X-Amzn-Trace-Id": formTrace}[name]
			switch {
			case name == "Date" || name == "Connection":
			case form != nil:
				if !form.MatchString(v) {
					t.Errorf("%s %q is not of its form", name, v)
				}
				got = append(got, name)
			default:
				got = append(got, name+": "+v)
			}
		}
	}
	want := append([]string{"X-Amzn-Requestid", "X-Amz-Apigw-Id"}, header...)
	if body != "" {
		want = append(want, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("headers %q, want %q", got, want)
	}
}

// assertFailure checks an answer of the API's own.
func (a answer) assertFailure(t *testing.T, status int, code, body string) {
	t.Helper()
	a.assertREST(t, status, body, "Content-Type: application/json", "X-Amzn-Errortype: "+code)
}

// The resources and the falling-through of REST APIs, of which an unsigned
// request to the proxy beside a guarded method was recorded on AWS.
func TestRESTRouting(t *testing.T) {
	for _, tt := range []struct {
		name          string
		keys          []string
		method, path  string
		want          string // empty: 403
		wantParameter string
	}{
		{"a literal before a variable", []string{"GET /{id}", "GET /me"}, "GET", "/dev/me", "GET /me", ""},
		{"a variable before a proxy", []string{"GET /{proxy+}", "GET /{id}"}, "GET", "/dev/x", "GET /{id}", "x"},
		{"by segment, not by count of literals", []string{"GET /{x}/b/c", "GET /a/{y}/{z}"}, "GET", "/dev/a/b/c", "GET /a/{y}/{z}", ""},
		{"a proxy below a literal before a variable above", []string{"GET /{x}/b", "GET /a/{proxy+}"}, "GET", "/dev/a/b", "GET /a/{proxy+}", "b"},
		{"another branch if one ends", []string{"GET /a/{x}/c", "GET /{y}/b/d"}, "GET", "/dev/a/b/d", "GET /{y}/b/d", ""},
		{"falls through to the proxy for another method", []string{"POST /admin", "ANY /{proxy+}"}, "GET", "/dev/admin", "ANY /{proxy+}", "admin"},
		{"and not when the method is there", []string{"POST /admin", "ANY /{proxy+}"}, "POST", "/dev/admin", "POST /admin", ""},
		{"OPTIONS falls through", []string{"POST /test", "OPTIONS /{proxy+}"}, "OPTIONS", "/dev/test", "OPTIONS /{proxy+}", "test"},
		{"to the nearest proxy", []string{"POST /a/b", "GET /{proxy+}", "GET /a/{proxy+}"}, "GET", "/dev/a/b", "GET /a/{proxy+}", "b"},
		{"not to a variable beside", []string{"POST /admin", "GET /{id}"}, "GET", "/dev/admin", "", ""},
		{"a method of its own before ANY", []string{"ANY /a", "GET /a"}, "GET", "/dev/a", "GET /a", ""},
		{"ANY is seven methods", []string{"ANY /a"}, "TRACE", "/dev/a", "", ""},
		{"ANY is HEAD too", []string{"ANY /a"}, "HEAD", "/dev/a", "ANY /a", ""},
		{"no method for the path", []string{"GET /a"}, "POST", "/dev/a", "", ""},
		{"no resource", []string{"GET /a"}, "GET", "/dev/b", "", ""},
		{"the root", []string{"GET /"}, "GET", "/dev", "GET /", ""},
		{"the root with a slash", []string{"GET /"}, "GET", "/dev/", "GET /", ""},
		{"a proxy is not the root", []string{"ANY /{proxy+}"}, "GET", "/dev/", "", ""},
		{"a slash at the end", []string{"GET /a"}, "GET", "/dev/a/", "GET /a", ""},
		{"a variable is not empty", []string{"GET /a/{id}"}, "GET", "/dev/a/", "", ""},
		{"slashes ahead of the stage", []string{"ANY /{proxy+}"}, "GET", "//dev/value", "ANY /{proxy+}", "value"},
		{"slashes behind the stage", []string{"ANY /{proxy+}"}, "GET", "/dev//value", "ANY /{proxy+}", "value"},
		{"slashes inside", []string{"ANY /{proxy+}"}, "GET", "/dev/value//double-slash", "ANY /{proxy+}", "value//double-slash"},
		{"a slash at the end of a proxy", []string{"ANY /{proxy+}"}, "GET", "/dev/value/", "ANY /{proxy+}", "value"},
		{"not decoded", []string{"ANY /{proxy+}"}, "GET", "/dev/test%2Balias@gmail.com", "ANY /{proxy+}", "test%2Balias@gmail.com"},
		{"a space", []string{"GET /{id}"}, "GET", "/dev/space%20value", "GET /{id}", "space%20value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serveREST(t, tt.keys...)
			a := w.do(t, tt.method, tt.path)
			if tt.want == "" {
				body := bodyMissingToken
				if tt.method == "HEAD" {
					body = ""
				}
				a.assertFailure(t, 403, errorMissingToken, body)
				return
			}
			if a.status != 200 || w.invoker.called != tt.want {
				t.Fatalf("%s %s: %d %s by %q, want %q", tt.method, tt.path, a.status, a.body, w.invoker.called, tt.want)
			}
			if tt.wantParameter != "" {
				e := w.invoker.lastREST(t)
				for _, v := range e.PathParameters {
					if v != tt.wantParameter {
						t.Errorf("path parameters %q, want %q", e.PathParameters, tt.wantParameter)
					}
				}
			}
		})
	}
}

// lastREST gives the last event as Go handlers read it.
func (i *invoker) lastREST(t *testing.T) (e events.APIGatewayProxyRequest) {
	t.Helper()
	if err := json.Unmarshal([]byte(i.lastText()), &e); err != nil {
		t.Fatalf("decoding event %s: %v", i.lastText(), err)
	}
	return e
}

// The event to the byte, with the keys in the order that was recorded.
func TestRESTEvent(t *testing.T) {
	c := baseREST(open("POST /pets/{id}/{proxy+}")...)
	c.StageVariables = map[string]string{"table": "pets"}
	w := serve(t, c)
	a := w.send(t, "POST", "/dev/pets/a%20b/c/d/?q=1&q=2%2B+x&empty=;r=3", `{"é":"<&>"}`,
		"Content-Type: application/json", "X-Two: a", "X-Two: b", "User-Agent: curl/8", "X-Forwarded-For: 203.0.113.9", "X-Amzn-Trace-Id: Root=1-5e",
		"TE: trailers", "Expect: ", "Max-Forwards: 3", "Via: 1.1 x", "Content-MD5: x")
	if a.status != 200 {
		t.Fatal(a)
	}
	port := w.server.Listener.Addr().String()
	host := port
	port = port[strings.LastIndexByte(port, ':')+1:]
	want := `{"resource":"/pets/{id}/{proxy+}","path":"/pets/a%20b/c/d/","httpMethod":"POST",` +
		`"headers":{"Content-Type":"application/json","Host":"` + host + `","User-Agent":"curl/8","Via":"1.1 x","X-Amzn-Trace-Id":"Root=1-5e","X-Forwarded-For":"203.0.113.9, 127.0.0.1","X-Forwarded-Port":"` + port + `","X-Forwarded-Proto":"http","X-Two":"b"},` +
		`"multiValueHeaders":{"Content-Type":["application/json"],"Host":["` + host + `"],"User-Agent":["curl/8"],"Via":["1.1 x"],"X-Amzn-Trace-Id":["Root=1-5e"],"X-Forwarded-For":["203.0.113.9, 127.0.0.1"],"X-Forwarded-Port":["` + port + `"],"X-Forwarded-Proto":["http"],"X-Two":["a","b"]},` +
		`"queryStringParameters":{"empty":"","q":"2+ x","r":"3"},"multiValueQueryStringParameters":{"empty":[""],"q":["1","2+ x"],"r":["3"]},` +
		`"pathParameters":{"id":"a%20b","proxy":"c/d"},"stageVariables":{"table":"pets"},` +
		`"requestContext":{"resourceId":"RID","resourcePath":"/pets/{id}/{proxy+}","httpMethod":"POST","extendedRequestId":"EXT","requestTime":"21/Nov/2026:14:05:11 +0000","path":"/dev/pets/a%20b/c/d/","accountId":"` + aws.AccountID + `","protocol":"HTTP/1.1","stage":"dev","domainPrefix":"localhost","requestTimeEpoch":` + fmt.Sprint(now.UnixMilli()) + `,"requestId":"UUID",` +
		`"identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"127.0.0.1","principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"curl/8","user":null},` +
		`"domainName":"localhost:3100","deploymentId":"DID","apiId":"abcdefghij"},` +
		`"body":"{\"é\":\"<&>\"}","isBase64Encoded":false}`
	got := w.invoker.lastText()
	e := w.invoker.lastREST(t)
	if e.RequestContext.RequestID != a.header.Get("X-Amzn-Requestid") || !strings.Contains(got, `"extendedRequestId":"`+a.header.Get("X-Amz-Apigw-Id")+`"`) {
		t.Errorf("the event's ids are not those of the answer: %s, %v", got, a.header)
	}
	for name, text := range map[string]string{"UUID": e.RequestContext.RequestID, "EXT": a.header.Get("X-Amz-Apigw-Id"), "RID": e.RequestContext.ResourceID} {
		if text == "" {
			t.Fatalf("there is no %s", name)
		}
		got = strings.ReplaceAll(got, `"`+text+`"`, `"`+name+`"`)
	}
	got = regexp.MustCompile(`"deploymentId":"[a-z0-9]{6}"`).ReplaceAllString(got, `"deploymentId":"DID"`)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What is empty is null, and an open route has no authorizer.
func TestRESTEventOfNothing(t *testing.T) {
	w := serveREST(t, "GET /")
	w.do(t, "GET", "/dev")
	got := w.invoker.lastText()
	for _, part := range []string{
		`"path":"/",`, `"queryStringParameters":null,"multiValueQueryStringParameters":null,"pathParameters":null,"stageVariables":null,`,
		`"path":"/dev",`, `"userAgent":null,`, `"body":null,"isBase64Encoded":false}`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("event %s has no %s", got, part)
		}
	}
	if strings.Contains(got, `"authorizer"`) || strings.Contains(got, `"version"`) {
		t.Errorf("event %s has an authorizer or a version", got)
	}
}

// A signature is for the gateway: the function does not see it.
func TestRESTEventWithoutSignature(t *testing.T) {
	w := serveREST(t, "GET /")
	w.do(t, "GET", "/dev", "Authorization: AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c")
	if got := w.invoker.lastText(); strings.Contains(got, "Authorization") {
		t.Errorf("event %s has the signature", got)
	}
	w.do(t, "GET", "/dev", "Authorization: Bearer x")
	if got := w.invoker.lastREST(t).Headers["Authorization"]; got != "Bearer x" {
		t.Errorf("Authorization is %q", got)
	}
}

func TestRESTMethodOverride(t *testing.T) {
	w := serveREST(t, "DELETE /a", "POST /b")
	if a := w.do(t, "POST", "/dev/a", "X-HTTP-Method-Override: DELETE"); a.status != 200 || w.invoker.lastREST(t).HTTPMethod != "DELETE" {
		t.Errorf("overridden: %v, event %s", a, w.invoker.lastText())
	}
	w.do(t, "POST", "/dev/b", "X-HTTP-Method-Override: DELETE").assertFailure(t, 403, errorMissingToken, bodyMissingToken)
	if got := w.journal.last(t).String(); !strings.HasPrefix(got, "403 DELETE /dev/b  ") {
		t.Errorf("line %q", got)
	}
	a := w.do(t, "POST", "/dev/b", "X-HTTP-Method-Override: HEAD")
	a.assertFailure(t, 403, errorMissingToken, bodyMissingToken) // the client did not ask by HEAD
}

// The function's reply (the table of what REST APIs take).
func TestRESTReply(t *testing.T) {
	const ok, bad = 200, 502
	for _, tt := range []struct {
		reply  string
		status int
		body   string
		header []string
	}{
		{`{"statusCode":200,"body":"x"}`, ok, "x", []string{"Content-Type: application/json"}},
		{`{}`, ok, "", []string{"Content-Type: application/json", "Content-Length: 0"}},
		{`{"headers":{"X-A":"b"}}`, ok, "", []string{"Content-Type: application/json", "X-A: b", "Content-Length: 0"}},
		{`{"statusCode":"201","headers":null,"multiValueHeaders":null,"body":null}`, 201, "", []string{"Content-Type: application/json", "Content-Length: 0"}},
		{`{"headers":{"x-bool":true,"x-number":12}, "body":"x"}`, ok, "x", []string{"Content-Type: application/json", "X-Bool: true", "X-Number: 12"}},
		{`{"headers":{"content-TYPE":"text/html"},"body":"x"}`, ok, "x", []string{"Content-Type: text/html"}},
		{`{"headers":{"x-one":"single"},"multiValueHeaders":{"X-One":["m1","m2"]},"body":"x"}`, ok, "x", []string{"Content-Type: application/json", "X-One: m1", "X-One: m2", "X-One: single"}},
		{`{"headers":{"WWW-Authenticate":"Basic","date":"x","Server":"mine","Connection":"close","Content-Length":"99","Transfer-Encoding":"chunked","x-amzn-requestid":"mine","X-Amzn-Trace-Id":"mine","upgrade":"h2c"},"body":"x"}`, ok, "x",
			[]string{"Content-Type: application/json", "X-Amzn-Remapped-Www-Authenticate: Basic", "X-Amzn-Remapped-Date: x", "X-Amzn-Remapped-Server: mine", "X-Amzn-Remapped-Connection: close", "X-Amzn-Remapped-Content-Length: 99"}},
		{`{"statusCode":204}`, 204, "", []string{"Content-Type: application/json"}},
		{`{"statusCode":200,"cookies":["a=b"]}`, bad, "", nil},
		{`{"StatusCode":200}`, bad, "", nil},
		{`{"statusCode":0}`, bad, "", nil},
		{`{"statusCode":200.5}`, bad, "", nil},
		{`{"statusCode":"-200"}`, bad, "", nil},
		{`{"statusCode":"+200"}`, bad, "", nil},
		{`{"statusCode":"ok"}`, bad, "", nil},
		{`{"statusCode":true}`, bad, "", nil},
		{`{"statusCode":101}`, bad, "", nil},
		{`"text"`, bad, "", nil},
		{`text`, bad, "", nil},
		{``, bad, "", nil},
		{`[]`, bad, "", nil},
		{`null`, bad, "", nil},
		{`12`, bad, "", nil},
		{`{"headers":{"x":{}}}`, bad, "", nil},
		{`{"headers":[]}`, bad, "", nil},
		{`{"multiValueHeaders":{"x":"y"}}`, bad, "", nil},
		{`{"body":{"a":1}}`, bad, "", nil},
		{`{"isBase64Encoded":"true"}`, bad, "", nil},
		{`{"headers":{"X-A":"a\r\nSet-Cookie: b"}}`, bad, "", nil},
		{`{"headers":{"X A":"a"}}`, bad, "", nil},
	} {
		t.Run(tt.reply, func(t *testing.T) {
			w := serveREST(t, "GET /")
			w.invoker.says(tt.reply)
			a := w.do(t, "GET", "/dev")
			if tt.status == bad {
				a.assertFailure(t, 502, errorInternal, bodyInternalREST)
				return
			}
			a.assertREST(t, tt.status, tt.body, append(tt.header, "X-Amzn-Trace-Id")...)
		})
	}
}

// A function's header names go out as it has spelled them.
func TestRESTReplyKeepsSpelling(t *testing.T) {
	w := serveREST(t, "GET /")
	w.invoker.says(`{"headers":{"x-lower":"1","X-UPPER":"2","content-type":"text/plain","x-one":"single"},"multiValueHeaders":{"X-oNE":["multi"]},"body":"x"}`)
	text := w.rawText(t, "GET /dev HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	for _, line := range []string{"\r\nx-lower: 1\r\n", "\r\nX-UPPER: 2\r\n", "\r\nX-oNE: multi\r\nX-oNE: single\r\n", "\r\ncontent-type: text/plain\r\n", "\r\nx-amzn-RequestId: ", "\r\nx-amz-apigw-id: ", "\r\nX-Amzn-Trace-Id: "} {
		if !strings.Contains(text, line) {
			t.Errorf("answer %q has no %q", text, line)
		}
	}
	if strings.Count(strings.ToLower(text), "content-type") != 1 {
		t.Errorf("answer %q has several content types", text)
	}
	if text = w.rawText(t, "GET /dev/no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.Contains(text, "\r\nx-amzn-ErrorType: "+errorMissingToken+"\r\n") {
		t.Errorf("answer %q", text)
	}
}

// decides is an authorizer that has made up its mind.
type decides struct{ authorizer.Decision }

func (d decides) Authorize(*http.Request, []string) authorizer.Decision { return d.Decision }

// Every way in which a REST API refuses by itself.
func TestRESTDenyTable(t *testing.T) {
	decided := func(d authorizer.Decision) func(*gateway.Config) {
		return func(c *gateway.Config) {
			if d.Status != 0 {
				d.Reasons = []authorizer.Reason{{Code: "Said", Text: "it says so", Hint: "let it say yes", Facts: []authorizer.Fact{{Name: "what it says", Want: "yes", Got: "no"}},
					Change: &authorizer.Change{Where: authorizer.InFunction, Name: "guard", Value: "yes"}}}
			}
			c.Authorizers = map[string]gateway.Authorizer{"guard": decides{d}}
			c.Routes = append(c.Routes, gateway.Route{Key: "GET /guarded", Authorizer: "guard", Function: "f"})
		}
	}
	replies := func(text, functionError string, err error) func(*gateway.Config) {
		return func(c *gateway.Config) { c.Invoker = fixedReply{text, functionError, err} }
	}
	missing := func(names ...string) (text string) {
		for _, n := range names {
			text += "Authorization header requires '" + n + "' parameter. "
		}
		return text
	}
	explanations := openBook(t, "rest")
	const date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	const suffix = "(Hashed with SHA-256 and encoded with Base64) Authorization="
	for _, tt := range []struct {
		name   string
		change func(*gateway.Config)
		method string
		path   string
		header []string
		status int
		code   string
		body   string
		line   string
	}{
		{"no resource", nil, "GET", "/dev/no", nil, 403, errorMissingToken, bodyMissingToken, "no route matches"},
		{"no method", nil, "POST", "/dev/open", nil, 403, errorMissingToken, bodyMissingToken, "no route matches"},
		{"a preflight without cors", nil, "OPTIONS", "/dev/open", []string{"Origin: https://x.example", "Access-Control-Request-Method: PUT"}, 403, errorMissingToken, bodyMissingToken, "the API has no cors"},
		{"a preflight without cors and Origin", nil, "OPTIONS", "/dev/open", []string{"Access-Control-Request-Method: PUT"}, 403, errorMissingToken, bodyMissingToken, "the API has no cors"},
		{"no resource, a bearer token", nil, "GET", "/dev/no", []string{"Authorization: Bearer abc"}, 403, "IncompleteSignatureException",
			`{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."}`, ""},
		{"no resource, one word", nil, "GET", "/dev/no", []string{"Authorization: abc"}, 403, "IncompleteSignatureException",
			`{"message":"` + missing("Credential", "Signature", "SignedHeaders") + date + suffix + `ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}`, ""},
		{"no resource, half a signature", nil, "GET", "/dev/no", []string{"Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b", "X-Amz-Date: 20261121T140511Z"}, 403, "IncompleteSignatureException",
			`{"message":"` + missing("SignedHeaders") + suffix + `WIPqWomlL2QGrBJdKVmMFJN71JLikBxi7Io9l4Y9baM="}`, ""},
		{"no resource, a whole signature", nil, "GET", "/dev/no", []string{"Authorization: AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "X-Amz-Date: 20261121T140511Z"}, 403, errorMissingToken, bodyMissingToken, ""},
		{"no resource, a signature of another service", nil, "GET", "/dev/no", []string{"Authorization: AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "X-Amz-Date: 20261121T140511Z"}, 403, "InvalidSignatureException",
			`{"message":"Credential should be scoped to correct service: 'execute-api'. "}`, ""},
		{"no stage", nil, "GET", "/prod/open", nil, 403, "ForbiddenException", bodyForbidden, `the path does not begin with the stage "dev"`},
		{"no path", nil, "GET", "/", nil, 403, "ForbiddenException", bodyForbidden, ""},
		{"the stage as a part of a segment", nil, "GET", "/developer/open", nil, 403, "ForbiddenException", bodyForbidden, ""},
		{"the stage in another case", nil, "GET", "/DEV/open", nil, 403, "ForbiddenException", bodyForbidden, ""},
		{"the stage encoded", nil, "GET", "/%64ev/open", nil, 403, "ForbiddenException", bodyForbidden, ""},
		{"an encoded slash behind the stage", nil, "GET", "/dev%2Fopen", nil, 403, "ForbiddenException", bodyForbidden, ""},
		{"a raw bar in the query", nil, "GET", "/dev/open?a=|", nil, 400, "BadRequestException", `{"message":"Bad Request"}`, "percent-encoded"},
		{"the authorizer says 401", decided(authorizer.Decision{Status: 401, Challenge: "Bearer"}), "GET", "/dev/guarded", nil, 401, "UnauthorizedException", bodyUnauthorized, ""},
		{"the authorizer says 403", decided(authorizer.Decision{Status: 403}), "GET", "/dev/guarded", nil, 403, "AccessDeniedException", bodyImplicitDeny, ""},
		{"the authorizer is broken", decided(authorizer.Decision{Status: 500}), "GET", "/dev/guarded", nil, 500, "AuthorizerConfigurationException", `{"message":null}`, ""},
		{"the authorizer says nothing", decided(authorizer.Decision{}), "GET", "/dev/guarded", nil, 500, "AuthorizerConfigurationException", `{"message":null}`, "gave no decision"},
		{"a function error", replies(`{"errorMessage":"secret"}`, "Unhandled", nil), "GET", "/dev/open", nil, 502, errorInternal, bodyInternalREST, "function error (Unhandled)"},
		{"a function that is not there", replies("", "", &aws.Error{Code: "ResourceNotFoundException", Status: 404}), "GET", "/dev/open", nil, 500, errorInternal, bodyInternalREST, ""},
		{"a function that is throttled", replies("", "", &aws.Error{Code: "TooManyRequestsException", Status: 429}), "GET", "/dev/open", nil, 500, errorInternal, bodyInternalREST, ""},
		{"a function that takes too long", replies("", "", context.DeadlineExceeded), "GET", "/dev/open", nil, 504, errorInternal, bodyTimeoutREST, "timed out after 29s"},
		{"headers that are too large", nil, "GET", "/dev/open", []string{"X-Large: " + strings.Repeat("x", 10240)}, 431, "RequestTooLargeException", `{"message":"Request Header Fields Too Large"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := baseREST(gateway.Route{Key: "GET /open", Authorizer: gateway.None, Function: "open"})
			if tt.change != nil {
				tt.change(&c)
			}
			w := serve(t, c)
			w.do(t, tt.method, tt.path, tt.header...).assertFailure(t, tt.status, tt.code, tt.body)
			if n := w.invoker.calls.Load(); n != 0 {
				t.Errorf("the function was invoked %d times", n)
			}
			if got := w.journal.last(t).String(); !strings.HasPrefix(got, fmt.Sprintf("%d %s %s", tt.status, tt.method, tt.path)) || !strings.Contains(got, tt.line) {
				t.Errorf("line %q, want %q in it", got, tt.line)
			}
			p := &plot{method: tt.method, target: tt.path, header: tt.header, config: c, fakes: c.Authorizers}
			if tt.method == "OPTIONS" {
				p.declare, p.allowed = declareCORS, func(a answer) bool { return a.status == 204 }
			}
			if f, ok := c.Invoker.(fixedReply); ok {
				p.says, p.fails, p.breaks = f.text, f.functionError, f.err
			}
			p.explained(t, explanations, tt.name)
		})
	}
}

// A fixedReply is an Invoker that says one thing.
type fixedReply struct {
	text, functionError string
	err                 error
}

func (f fixedReply) Invoke(context.Context, string, []byte) ([]byte, string, error) {
	return []byte(f.text), f.functionError, f.err
}

func TestRESTBodyLimits(t *testing.T) {
	w := serveREST(t, "POST /")
	const tooLong = `{"message":"Request Too Long"}`
	w.raw(t, "POST", "POST /dev HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10485761\r\n\r\n").assertFailure(t, 413, "RequestTooLargeException", tooLong)
	w.send(t, "POST", "/dev", strings.Repeat("x", 6<<20)).assertFailure(t, 413, "RequestTooLargeException", tooLong)
	w.raw(t, "POST", "POST /dev HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").assertFailure(t, 400, "BadRequestException", `{"message":"Invalid request body"}`)
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
}

func TestRESTPanicIsAnswered(t *testing.T) {
	c := baseREST(gateway.Route{Key: "GET /", Authorizer: "guard", Function: "f"})
	c.Authorizers = map[string]gateway.Authorizer{"guard": panics{}}
	w := serve(t, c)
	w.do(t, "GET", "/dev").assertFailure(t, 500, errorInternal, bodyInternalREST)
	if w.journal.last(t).Stack == "" {
		t.Error("the entry has no stack")
	}
}

type panics struct{}

func (panics) Authorize(*http.Request, []string) authorizer.Decision { panic("no") }

// What an HTTP API has and a REST API has not is refused, all at once.
func TestRESTConfigMistakes(t *testing.T) {
	c := baseREST(
		gateway.Route{Key: "$default", Authorizer: gateway.None, Function: "f"},
		gateway.Route{Key: "GET /a", Authorizer: gateway.None, URL: "http://localhost:1"},
		gateway.Route{Key: "GET /b", Authorizer: gateway.None, Function: "f", PayloadFormatVersion: "2.0"},
		gateway.Route{Key: "GET /c", Authorizer: gateway.None, Function: "f", Timeout: 30 * time.Second},
	)
	c.Stage, c.Invoker = gateway.DefaultStage, &invoker{}
	_, err := gateway.New(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"stage with a name", "no $default", `"GET /a": a route of a REST API has a function`, `"GET /b": payloadFormatVersion`, `"GET /c": timeout 30s is above 29s`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
}
