package gateway_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
)

type responses = map[string]gateway.GatewayResponse

// guardedREST is an API whose authorizer refuses with a status, with gateway
// responses.
func guardedREST(t *testing.T, status int, r responses) *world {
	t.Helper()
	c := baseREST(gateway.Route{Key: "GET /pets/{id}", Authorizer: "guard", Function: "f"}, gateway.Route{Key: "GET /open", Authorizer: gateway.None, Function: "f"})
	c.Authorizers = map[string]gateway.Authorizer{"guard": decides{authorizer.Decision{Status: status}}}
	c.StageVariables = map[string]string{"table": "pets"}
	c.REST.GatewayResponses = r
	return serve(t, c)
}

// What a declared gateway response changes, and what it leaves.
func TestGatewayResponses(t *testing.T) {
	const plain = "Content-Type: application/json"
	headers := func(h map[string]string) gateway.GatewayResponse { return gateway.GatewayResponse{Headers: h} }
	body := func(contentType, text string) gateway.GatewayResponse {
		return gateway.GatewayResponse{Templates: map[string]string{contentType: text}}
	}
	origin := headers(map[string]string{"Access-Control-Allow-Origin": "'*'", "Access-Control-Allow-Headers": "'*'"})
	both := []string{"Access-Control-Allow-Origin: *", "Access-Control-Allow-Headers: *"}
	for _, tt := range []struct {
		name      string
		responses responses
		decision  int
		path      string
		status    int
		code      string
		body      string
		header    []string // beside the error type
	}{
		{"the walk-through's CORS on its 401", responses{"DEFAULT_4XX": origin, "DEFAULT_5XX": origin}, 401, "/dev/pets/1", 401, "UnauthorizedException", bodyUnauthorized, append(both, plain)},
		{"and on its 403", responses{"DEFAULT_4XX": origin, "DEFAULT_5XX": origin}, 403, "/dev/pets/1", 403, "AccessDeniedException", bodyImplicitDeny, append(both, plain)},
		{"and on its 500", responses{"DEFAULT_4XX": origin, "DEFAULT_5XX": origin}, 500, "/dev/pets/1", 500, "AuthorizerConfigurationException", `{"message":null}`, append(both, plain)},
		{"and where nothing matches", responses{"DEFAULT_4XX": origin}, 401, "/dev/no", 403, errorMissingToken, bodyMissingToken, append(both, plain)},
		{"not on the other class", responses{"DEFAULT_4XX": origin}, 500, "/dev/pets/1", 500, "AuthorizerConfigurationException", `{"message":null}`, []string{plain}},
		{"not where the stage is missed", responses{"DEFAULT_4XX": origin}, 401, "/prod/no", 403, "ForbiddenException", bodyForbidden, []string{plain}},
		{"its own type before the default, whole", responses{"DEFAULT_4XX": origin, "UNAUTHORIZED": headers(map[string]string{"X-A": "'b'"})}, 401, "/dev/pets/1", 401, "UnauthorizedException", bodyUnauthorized, []string{plain, "X-A: b"}},
		{"a status for a type", responses{"UNAUTHORIZED": {StatusCode: 403}}, 401, "/dev/pets/1", 403, "UnauthorizedException", bodyUnauthorized, []string{plain}},
		{"a status for all types that fall back", responses{"DEFAULT_4XX": {StatusCode: 418}}, 403, "/dev/pets/1", 418, "AccessDeniedException", bodyImplicitDeny, []string{plain}},
		{"a 204 has no body", responses{"DEFAULT_4XX": {StatusCode: 204}}, 403, "/dev/pets/1", 204, "AccessDeniedException", "", []string{plain}},
		{"the default template", responses{"UNAUTHORIZED": body("application/json", `{"message":$context.error.messageString}`)}, 401, "/dev/pets/1", 401, "UnauthorizedException", bodyUnauthorized, []string{plain}},
		{"the default template where there is no message", responses{"DEFAULT_5XX": body("application/json", `{"message":$context.error.messageString}`)}, 500, "/dev/pets/1", 500, "AuthorizerConfigurationException", `{"message":null}`, []string{plain}},
		{"the default template of an access denial", responses{"DEFAULT_4XX": body("application/json", `{"message":$context.error.messageString}`)}, 403, "/dev/pets/1", 403, "AccessDeniedException", strings.Replace(bodyImplicitDeny, "Message", "message", 1), []string{plain}},
		{"another media type", responses{"UNAUTHORIZED": body("text/html", `<p>$context.error.message ($context.error.responseType)</p>`)}, 401, "/dev/pets/1", 401, "UnauthorizedException", "<p>Unauthorized (UNAUTHORIZED)</p>", []string{"Content-Type: text/html"}},
		{"every variable", responses{"UNAUTHORIZED": body("text/plain", "$context.httpMethod $context.path $context.resourcePath $context.stage $context.apiId $context.accountId $context.domainName $context.domainPrefix $context.identity.sourceIp [$context.identity.userAgent] $context.protocol $context.requestTime $context.requestTimeEpoch [$context.error.validationErrorString] [$context.authorizer.claims.sub] $stageVariables.table $method.request.header.x-a $method.request.querystring.q $method.request.path.id. $other $context")},
			401, "/dev/pets/a%20b?q=1&q=2", 401, "UnauthorizedException",
			"GET /dev/pets/a%20b /pets/{id} dev abcdefghij 000000000000 localhost:3100 localhost 127.0.0.1 [] HTTP/1.1 21/Nov/2026:14:05:11 +0000 1795269911000 [] [] pets from-header 2 a%20b. $other $context", []string{"Content-Type: text/plain"}},
		{"headers of variables, and none without a value", responses{"UNAUTHORIZED": headers(map[string]string{"X-A": "method.request.header.X-A", "X-B": "method.request.header.X-B", "x-path": "context.path", "X-T": "stageVariables.table", "X-Q": "method.request.querystring.q", "Content-Type": "'application/problem+json'"})},
			401, "/dev/pets/1?q=a%0d%0aSet-Cookie:b", 401, "UnauthorizedException", bodyUnauthorized, []string{"X-A: from-header", "X-Path: /dev/pets/1", "X-T: pets", "Content-Type: application/problem+json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := guardedREST(t, tt.decision, tt.responses)
			a := w.do(t, "GET", tt.path, "X-A: from-header")
			a.assertREST(t, tt.status, tt.body, append(tt.header, "X-Amzn-Errortype: "+tt.code)...)
			if w.invoker.calls.Load() != 0 {
				t.Error("the function was invoked")
			}
		})
	}
}

// A function's reply that is malformed falls under DEFAULT_5XX; what is too
// large cannot be changed; a good reply is never touched.
func TestGatewayResponsesAndFunctions(t *testing.T) {
	w := guardedREST(t, 401, responses{"DEFAULT_5XX": {Headers: map[string]string{"X-A": "'b'"}}, "DEFAULT_4XX": {StatusCode: 400}})
	w.invoker.says(`[]`)
	w.do(t, "GET", "/dev/open").assertREST(t, 502, bodyInternalREST, "Content-Type: application/json", "X-Amzn-Errortype: "+errorInternal, "X-A: b")
	w.invoker.says(`{"statusCode":500,"body":"mine"}`)
	w.do(t, "GET", "/dev/open").assertREST(t, 500, "mine", "Content-Type: application/json", "X-Amzn-Trace-Id")
	w.send(t, "GET", "/dev/open", strings.Repeat("x", 6<<20)).assertFailure(t, 413, "RequestTooLargeException", `{"message":"Request Too Long"}`)
}

func TestGatewayResponseMistakes(t *testing.T) {
	c := baseREST(open("GET /a")...)
	c.Invoker = &invoker{}
	c.REST.GatewayResponses = responses{
		"NONSENSE": {}, "REQUEST_TOO_LARGE": {},
		"UNAUTHORIZED": {StatusCode: 99, Headers: map[string]string{"A": "x", "B": "'a\r\nb'", "C": "context.nonsense", "Connection": "'x'", "D": "'a", "E": "method.request.body.x", "F": "stageVariables."},
			Templates: map[string]string{"json": "", "application/json": "$context.nonsense"}},
	}
	_, err := gateway.New(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`"NONSENSE" is none of`, `"REQUEST_TOO_LARGE" is none of`, "status 99", "header A:", "header B:", "header C: there is no $context.nonsense", `header "Connection"`, "header D:", "header E:", "header F:", `template "json"`, "template application/json: there is no"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
}

// CORS of a REST API: OPTIONS methods of resources that have none, and the
// header on the gateway's own errors. Functions write their own.
func TestRESTCORS(t *testing.T) {
	serveCORS := func(t *testing.T, c *gateway.CORS, r responses) *world {
		config := baseREST(append(open("ANY /pets/{id}", "GET /", "OPTIONS /own"), gateway.Route{Key: "POST /own", Authorizer: "guard", Function: "f"})...)
		config.Authorizers = map[string]gateway.Authorizer{"guard": decides{authorizer.Decision{Status: 401}}}
		config.CORS, config.REST.GatewayResponses = c, r
		return serve(t, config)
	}
	all := &gateway.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
	preflight := []string{"Origin: https://a.example", "Access-Control-Request-Method: PUT"}

	w := serveCORS(t, all, nil)
	for _, path := range []string{"/dev/pets/1", "/dev", "/dev/pets/1/"} {
		for _, header := range [][]string{preflight, nil} { // a mock answers any OPTIONS
			w.do(t, "OPTIONS", path, header...).assertREST(t, 204, "", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: *", "Access-Control-Allow-Headers: *", "Content-Type: application/json")
		}
	}
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("a preflight invoked %d times", n)
	}
	if a := w.do(t, "OPTIONS", "/dev/own", preflight...); a.status != 200 || w.invoker.called != "OPTIONS /own" {
		t.Errorf("an OPTIONS method of its own: %v by %q", a, w.invoker.called)
	}
	w.do(t, "OPTIONS", "/dev/nowhere", preflight...).assertREST(t, 403, bodyMissingToken, "Access-Control-Allow-Origin: *", "Content-Type: application/json", "X-Amzn-Errortype: "+errorMissingToken)
	w.do(t, "POST", "/dev/own").assertREST(t, 401, bodyUnauthorized, "Access-Control-Allow-Origin: *", "Content-Type: application/json", "X-Amzn-Errortype: UnauthorizedException")
	w.invoker.says(`{"headers":{"Access-Control-Allow-Origin":"https://mine.example"},"body":"x"}`)
	w.do(t, "GET", "/dev", preflight...).assertREST(t, 200, "x", "Access-Control-Allow-Origin: https://mine.example", "Content-Type: application/json", "X-Amzn-Trace-Id")
	w.invoker.says(`{"body":"x"}`)
	w.do(t, "GET", "/dev", preflight...).assertREST(t, 200, "x", "Content-Type: application/json", "X-Amzn-Trace-Id")

	w = serveCORS(t, &gateway.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowMethods: []string{"GET", "PUT"}, AllowCredentials: true, MaxAge: 600e9},
		responses{"UNAUTHORIZED": {Headers: map[string]string{"access-control-allow-origin": "'null'"}}, "ACCESS_DENIED": {StatusCode: 404}})
	some := []string{"Access-Control-Allow-Methods: GET,PUT", "Access-Control-Allow-Credentials: true", "Access-Control-Max-Age: 600", "Content-Type: application/json", "Vary: Origin"}
	for sent, want := range map[string]string{"https://a.example": "https://a.example", "https://b.example": "https://b.example", "https://evil.example": "https://a.example", "null": "https://a.example"} {
		w.do(t, "OPTIONS", "/dev", "Origin: "+sent).assertREST(t, 204, "", append(some, "Access-Control-Allow-Origin: "+want)...)
	}
	w.do(t, "GET", "/dev/nowhere", "Origin: https://evil.example").assertREST(t, 403, bodyMissingToken, "Access-Control-Allow-Origin: https://a.example", "Access-Control-Allow-Credentials: true", "Content-Type: application/json", "X-Amzn-Errortype: "+errorMissingToken)
	w.do(t, "POST", "/dev/own").assertREST(t, 401, bodyUnauthorized, "Access-Control-Allow-Origin: null", "Access-Control-Allow-Credentials: true", "Content-Type: application/json", "X-Amzn-Errortype: UnauthorizedException")
}
