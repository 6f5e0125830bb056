package gateway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify/verifytest"
)

const (
	bodyExplicitDeny = `{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`
	bodyNull         = `{"message":null}`
	devARN           = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/dev"
)

func errorType(name string) string { return "X-Amzn-Errortype: " + name }

// tokenGuard is a TOKEN authorizer of the Authorization header.
func tokenGuard(t *testing.T, g *guard, c authorizer.LambdaConfig) *authorizer.Lambda {
	t.Helper()
	c.Format, c.IdentitySources = authorizer.FormatToken, []string{"method.request.header.Authorization"}
	return newGuard(t, g, c)
}

// assertRESTFailure checks one of the gateway's own answers, of the kinds that
// authorizers lead to.
func (a answer) assertRESTFailure(t *testing.T, status int) {
	t.Helper()
	switch status {
	case 401:
		a.assertREST(t, 401, bodyUnauthorized, typeJSON, errorType("UnauthorizedException"))
	case 403:
		a.assertREST(t, 403, bodyImplicitDeny, typeJSON, errorType("AccessDeniedException"))
	case -403:
		a.assertREST(t, 403, bodyExplicitDeny, typeJSON, errorType("AccessDeniedException"))
	case 500:
		a.assertREST(t, 500, bodyNull, typeJSON, errorType("AuthorizerConfigurationException"))
	case 200:
		if a.status != 200 {
			t.Errorf("%+v", a)
		}
	}
}

// The failures of a REST API's Lambda authorizer, byte for byte.
func TestRESTFunctionAuthorizerAnswers(t *testing.T) {
	explanations := openBook(t, "functions-rest")
	context := func(c string) string {
		return strings.TrimSuffix(policyReply("Allow", "*"), "}") + `,"context":` + c + "}"
	}
	for _, row := range []struct {
		name, reply string
		status      int // -403 is the text of an explicit deny
	}{
		{"Allow", policyReply("Allow", devARN+"/GET/a"), 200},
		{"Allow all", policyReply("Allow", devARN+"/*/*"), 200},
		{"Deny", policyReply("Deny", devARN+"/GET/a"), -403},
		{"of another method", policyReply("Allow", devARN+"/POST/a"), 403},
		{"of another stage", policyReply("Allow", strings.Replace(devARN, "/dev", "/prod", 1)+"/*"), 403},
		{"of another API", policyReply("Allow", strings.Replace(devARN, "abcdefghij", "zzzzzzzzzz", 1)+"/*"), 403},
		{"no statements", `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[]}}`, 403},
		{"chalice's without routes", `{"principalId":"u","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":[]}]},"context":{}}`, 403},
		{"Unauthorized", "!Unauthorized", 401},
		{"Unauthorized, otherwise", "!Error: Unauthorized", 500},
		{"another error", "!jwt expired", 500},
		{"a time-out", "!2026-11-21T14:05:11Z 1 Task timed out after 3.00 seconds", 500},
		{"no answer", "null", 500},
		{"a proxy's reply", `{"statusCode":401,"body":"no"}`, 500},
		{"no policy", `{"principalId":"me"}`, 500},
		{"no principal", strings.Replace(policyReply("Allow", "*"), `"principalId":"me",`, "", 1), 500},
		{"a broken policy", strings.Replace(policyReply("Allow", "*"), "Allow", "allow", 1), 500},
		{"scalars in the context", context(`{"a":"x","b":1,"c":true}`), 200},
		{"an object in the context", context(`{"e":{"x":"value"}}`), 500},
		{"an array in the context", context(`{"d":[9,8,7]}`), 500},
		{"null in the context", context(`{"d":null}`), 500},
		{"a context that is a text", context(`"x"`), 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := (&guard{}).says(row.reply)
			if message, ok := strings.CutPrefix(row.reply, "!"); ok {
				g.throws(message)
			}
			w := serve(t, guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{}), "GET /a"))
			w.do(t, "GET", "/dev/a", "Authorization: Bearer x").assertRESTFailure(t, row.status)
			if n := w.invoker.calls.Load(); (n > 0) != (row.status == 200) {
				t.Errorf("the method's function ran %d times", n)
			}
			if row.status != 200 {
				p := guardPlot(baseREST(), g, authorizer.LambdaConfig{Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.Authorization"}}, "GET /a")
				p.target, p.header = "/dev/a", []string{"Authorization: Bearer x"}
				p.explained(t, explanations, row.name)
			}
		})
	}
}

// The log names the statement that denies, by whichever reading of the path it does.
func TestDenyingStatementIsLogged(t *testing.T) {
	reply := func(sid, resource string) string {
		return `{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[` +
			`{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"` + sid + `","Effect":"Deny","Action":"execute-api:Invoke","Resource":"` + resource + `"}]}}`
	}
	for _, row := range []struct{ reply, path, want string }{
		{reply("NoAdmin", "*"), "/dev/a", "statement 2 (NoAdmin) of the authorizer's policy denies this request"},
		{reply("", "*"), "/dev/a", "statement 2 of the authorizer's policy denies this request"},
		{reply(`\u001b[2J`, "*"), "/dev/a", "statement 2 of the authorizer's policy denies this request"},
		{reply("Decoded", devARN+"/GET/a b"), "/dev/a%20b", "statement 2 (Decoded) of the authorizer's policy denies this request"},
		{reply("Sent", devARN+"/GET/a%20b"), "/dev/a%20b", "statement 2 (Sent) of the authorizer's policy denies this request"},
	} {
		w := serve(t, guarded(baseREST(), tokenGuard(t, (&guard{}).says(row.reply), authorizer.LambdaConfig{}), "GET /{x}"))
		w.do(t, "GET", row.path, "Authorization: Bearer x").assertRESTFailure(t, -403)
		if e := w.journal.last(t); len(e.Reasons) != 1 || e.Reasons[0].Text != row.want {
			t.Errorf("%s of %s: %+v", row.path, row.reply, e.Reasons)
		}
	}
}

// What does not match identityValidationExpression, or is not there, is refused
// without asking the function; what merely holds a match does not match.
func TestIdentityValidationExpression(t *testing.T) {
	g := (&guard{}).says(policyReply("Allow", "*"))
	config := authorizer.LambdaConfig{ValidationExpression: `Bearer [-0-9a-zA-Z._]*`, Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.Authorization"}}
	w := serve(t, guarded(baseREST(), tokenGuard(t, g, config), "GET /a"))
	explanations := openBook(t, "functions-expression")
	rows := map[string]int{
		"Authorization: Bearer a.b-c_d": 200, "authorization: Bearer x": 200, "Authorization: Bearer ": 401,
		"Authorization: bearer a": 401, "Authorization: xBearer a": 401, "Authorization: Bearer a b": 401, "Authorization: Bearer a,Bearer b": 401,
		"Authorization:": 401, "X: y": 401, "Authorization: Bearer a\r\nAuthorization: Bearer b": 401,
	}
	for _, header := range slices.Sorted(maps.Keys(rows)) {
		status := rows[header]
		before := g.calls.Load()
		w.do(t, "GET", "/dev/a", header).assertRESTFailure(t, status)
		if asked := g.calls.Load() > before; asked != (status == 200) {
			t.Errorf("%s: asked %v", header, asked)
		}
		if status == 401 {
			p := guardPlot(baseREST(), g, config, "GET /a")
			p.target, p.header, p.value = "/dev/a", strings.Split(header, "\r\n"), map[string]string{"Authorization": "Bearer a"}
			p.explained(t, explanations, strings.ReplaceAll(header, "\r\n", ", "))
		}
	}
}

// A REQUEST authorizer without a cache is asked even if its sources are missing;
// with one it is not.
func TestRESTRequestAuthorizerSources(t *testing.T) {
	g := (&guard{}).says(policyReply("Allow", "*"))
	c := authorizer.LambdaConfig{Format: authorizer.FormatRequest, IdentitySources: []string{"method.request.header.X", "method.request.querystring.q"}}
	for ttl, status := range map[time.Duration]int{0: 200, time.Minute: 401} {
		c.TTL = ttl
		w := serve(t, guarded(baseREST(), newGuard(t, g, c), "GET /a"))
		w.do(t, "GET", "/dev/a", "X: 1").assertRESTFailure(t, status)
		w.do(t, "GET", "/dev/a?q=1", "X: 1").assertRESTFailure(t, 200)
	}
}

// The events of the developer guide (api-gateway-lambda-authorizer-input), which
// aws-lambda-go reads whole.
func TestRESTFunctionAuthorizerEvents(t *testing.T) {
	varying := regexp.MustCompile(`"(Root=1-[^"]*|[0-9a-f-]{36}|127\.0\.0\.1:\d+|\d{5})"`)
	const arn = devARN + "/GET/items/a%20b"
	resource := regexp.MustCompile(`"resourceId":"[a-z0-9]{6}"`)
	for format, want := range map[authorizer.Format]string{
		authorizer.FormatToken: `{"type":"TOKEN","authorizationToken":"Bearer t","methodArn":"` + arn + `"}`,
		authorizer.FormatRequest: `{"type":"REQUEST","methodArn":"` + arn + `","resource":"/items/{id}","path":"/items/a%20b","httpMethod":"GET",` +
			`"headers":{"Authorization":"Bearer t","Host":"*","X-Amzn-Trace-Id":"*","X-Forwarded-For":"127.0.0.1","X-Forwarded-Port":"*","X-Forwarded-Proto":"http"},` +
			`"multiValueHeaders":{"Authorization":["Bearer t"],"Host":["*"],"X-Amzn-Trace-Id":["*"],"X-Forwarded-For":["127.0.0.1"],"X-Forwarded-Port":["*"],"X-Forwarded-Proto":["http"]},` +
			`"queryStringParameters":{"q":"2"},"multiValueQueryStringParameters":{"q":["1","2"]},"pathParameters":{"id":"a%20b"},"stageVariables":{},` +
			`"requestContext":{"path":"/dev/items/a%20b","accountId":"000000000000","resourceId":"*","stage":"dev","requestId":"*","identity":{"sourceIp":"127.0.0.1"},` +
			`"resourcePath":"/items/{id}","httpMethod":"GET","apiId":"abcdefghij"}}`,
	} {
		g := (&guard{}).says(policyReply("Allow", arn))
		l := newGuard(t, g, authorizer.LambdaConfig{Format: format, IdentitySources: []string{"method.request.header.Authorization"}})
		w := serve(t, guarded(baseREST(), l, "GET /items/{id}"))
		text := "GET /dev/items/a%20b?q=1&q=2 HTTP/1.1\r\nHost: " + w.server.Listener.Addr().String() + "\r\nAuthorization: Bearer t\r\n\r\n"
		if got := w.raw(t, "GET", text); got.status != 200 {
			t.Fatalf("%+v %+v", got, w.journal.last(t))
		}
		if got := resource.ReplaceAllString(varying.ReplaceAllString(g.last(), `"*"`), `"resourceId":"*"`); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", format, got, want)
		}
		var into any = &events.APIGatewayCustomAuthorizerRequest{}
		if format == authorizer.FormatRequest {
			into = &events.APIGatewayCustomAuthorizerRequestTypeRequest{}
		}
		d := json.NewDecoder(strings.NewReader(g.last()))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		assertRoundTrip(t, g.last(), into)
	}
}

// The context reaches the method's function as strings, with principalId and the
// time that the authorizer took.
func TestRESTFunctionAuthorizerContext(t *testing.T) {
	g := (&guard{}).says(strings.TrimSuffix(policyReply("Allow", "*"), "}") +
		`,"context":{"scope":"get:profile","n":1,"f":1.50,"b":true,"q":"\"é\"","principalId":"other","integrationLatency":"x"},"usageIdentifierKey":"key"}`)
	w := serve(t, guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{TTL: time.Minute}), "GET /a"))
	want := regexp.MustCompile(`"authorizer":\{"principalId":"me","scope":"get:profile","n":"1","f":"1\.50","b":"true","q":"\\"é\\"","integrationLatency":\d+\}`)
	for range 2 {
		w.do(t, "GET", "/dev/a", "Authorization: Bearer x").assertRESTFailure(t, 200)
		if !want.MatchString(w.invoker.lastText()) {
			t.Errorf("%s", w.invoker.lastText())
		}
	}
	if !strings.Contains(w.invoker.lastText(), `"integrationLatency":0}`) {
		t.Errorf("an answer from the cache has taken time: %s", w.invoker.lastText())
	}
	var e events.APIGatewayProxyRequest
	if err := json.Unmarshal([]byte(w.invoker.lastText()), &e); err != nil || e.RequestContext.Authorizer["scope"] != "get:profile" {
		t.Errorf("%v %+v", err, e.RequestContext.Authorizer)
	}
}

// The walk-through's policy names its own method, which is why its TTL is 0: kept,
// the same token opens no other method.
func TestRESTFunctionAuthorizerCache(t *testing.T) {
	g := &guard{reply: func(event []byte) ([]byte, string, error) {
		var e struct{ MethodArn string }
		json.Unmarshal(event, &e)
		return []byte(policyReply("Allow", e.MethodArn)), "", nil
	}}
	for ttl, other := range map[time.Duration]int{time.Minute: 403, 0: 200} {
		w := serve(t, guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{TTL: ttl}), "GET /a", "GET /b", "ANY /{proxy+}"))
		w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, 200)
		w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, 200)
		w.do(t, "GET", "/dev/b", "Authorization: x").assertRESTFailure(t, other)
		w.do(t, "POST", "/dev/a", "Authorization: x").assertRESTFailure(t, other)
		w.do(t, "POST", "/dev/a", "Authorization: x", "X-HTTP-Method-Override: GET").assertRESTFailure(t, 200)
		w.do(t, "GET", "/dev/a/", "Authorization: x").assertRESTFailure(t, other)
	}
}

// A Deny counts however the path is spelled, and a path that makes the ARN too
// long is refused.
func TestRESTMethodARN(t *testing.T) {
	g := (&guard{}).says(`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":["arn:*/GET/a b","arn:*/GET/admin"]}]}}`)
	w := serve(t, guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{}), "GET /{x}"))
	for target, status := range map[string]int{"/dev/a%20b": -403, "/dev/admin": -403, "/dev/admin/": -403, "/dev/%61dmin": -403, "/dev/x": 200} {
		w.do(t, "GET", target, "Authorization: x").assertRESTFailure(t, status)
	}
	w.do(t, "GET", "/dev/"+strings.Repeat("x", 1601), "Authorization: x").
		assertREST(t, 414, `{"message":"Request URI too long"}`, typeJSON, errorType("RequestTooLargeException"))
}

// The walk-through's CORS headers on the gateway's own answers.
func TestRESTAuthorizerFailuresAreGatewayResponses(t *testing.T) {
	c := guarded(baseREST(), tokenGuard(t, (&guard{}).throws("x"), authorizer.LambdaConfig{}), "GET /profile")
	c.REST.GatewayResponses = map[string]gateway.GatewayResponse{
		"DEFAULT_4XX": {Headers: map[string]string{"Access-Control-Allow-Origin": "'*'"}},
		"DEFAULT_5XX": {Headers: map[string]string{"Access-Control-Allow-Origin": "'*'"}},
	}
	w := serve(t, c)
	w.do(t, "GET", "/dev/profile").assertREST(t, 401, bodyUnauthorized, typeJSON, errorType("UnauthorizedException"), "Access-Control-Allow-Origin: *")
	w.do(t, "GET", "/dev/profile", "Authorization: x").assertREST(t, 500, bodyNull, typeJSON, errorType("AuthorizerConfigurationException"), "Access-Control-Allow-Origin: *")
}

// A COGNITO_USER_POOLS authorizer takes ID tokens where a method has no scopes
// and access tokens where it has.
func TestRESTUserPoolAuthorizer(t *testing.T) {
	type claims = verifytest.Claims
	issuer := newIssuer(t)
	users := authorizer.JWTConfig{
		Name: "users", Declared: "apis.Api", Issuer: issuer.URL(), Audience: []string{"client"}, Keys: keysOf(t, issuer), Now: clock, IdentitySource: "method.request.header.Authorization",
	}
	explanations := openBook(t, "user-pool-rest")
	p, err := authorizer.NewUserPool(users)
	if err != nil {
		t.Fatal(err)
	}
	c := baseREST(gateway.Route{Key: "GET /id", Authorizer: "users", Function: "f"}, gateway.Route{Key: "GET /scoped", Authorizer: "users", Function: "f", Scopes: []string{"read", "list"}})
	c.Authorizers = map[string]gateway.Authorizer{"users": p}
	w := serve(t, c)
	token := func(c claims) string { return issuer.Token(c) }
	id := claims{"token_use": "id", "aud": "client", "email_verified": true, "auth_time": 1492467169, "iat": now.Unix() - 60, "exp": now.Unix() + 60,
		"cognito:groups": []string{"a", "b"}}
	access := claims{"token_use": "access", "aud": verifytest.Absent, "client_id": "client", "scope": "list x"}
	with := func(base claims, name string, value any) claims {
		c := claims{}
		for k, v := range base {
			c[k] = v
		}
		c[name] = value
		return c
	}
	for _, row := range []struct {
		name, path, header string
		status             int
	}{
		{"ID token", "/id", token(id), 200},
		{"after Bearer", "/id", "Bearer " + token(id), 200},
		{"none", "/id", "", 401},
		{"nonsense", "/id", "Bearer x", 401},
		{"access token without scopes", "/id", token(access), 401},
		{"ID token with scopes", "/scoped", token(with(id, "scope", "read")), 401},
		{"access token", "/scoped", token(access), 200},
		{"access token of other scopes", "/scoped", token(with(access, "scope", "write")), 401},
		{"access token of another client", "/scoped", token(with(access, "client_id", "other")), 401},
		{"another client", "/id", token(with(id, "aud", "other")), 401},
		{"another pool", "/id", token(with(id, "iss", "https://other.example")), 401},
		{"no token_use", "/id", token(with(id, "token_use", verifytest.Absent)), 401},
		{"not valid yet", "/id", token(with(id, "nbf", now.Unix()+60)), 401},
		{"forged and expired", "/id", mangle(token(with(id, "exp", now.Unix()-60))), 401},
		{"expired", "/id", token(with(id, "exp", now.Unix()-60)), 402},
		{"expired access token", "/scoped", token(with(access, "exp", now.Unix()-60)), 402},
	} {
		var header []string
		if row.header != "" {
			header = append(header, "Authorization: "+row.header)
		}
		got := w.do(t, "GET", "/dev"+row.path, header...)
		switch row.status {
		case 402:
			got.assertREST(t, 401, `{"message":"The incoming token has expired"}`, typeJSON, errorType("UnauthorizedException"))
		default:
			got.assertRESTFailure(t, row.status)
		}
		if t.Failed() {
			t.Fatalf("%s: %+v", row.name, w.journal.last(t))
		}
		if row.status != 200 {
			p := &plot{
				method: "GET", target: "/dev" + row.path, header: header, config: c, pools: map[string]authorizer.JWTConfig{"users": users},
				honest: issuer.Token, issuer: issuer.URL(), claims: with(id, "exp", now.Unix()+600), names: map[string]string{issuer.URL(): "POOL"},
			}
			if row.path == "/scoped" {
				p.claims = access
			}
			p.explained(t, explanations, row.name)
		}
	}
	w.do(t, "GET", "/dev/id", "Authorization: "+token(id))
	for _, want := range []string{`"authorizer":{"claims":{`, `"email_verified":"true"`, `"auth_time":"1492467169"`, `"exp":"Sat Nov 21 14:06:11 UTC 2026"`, `"iat":"Sat Nov 21 14:04:11 UTC 2026"`, `"cognito:groups":"a,b"`} {
		if !strings.Contains(w.invoker.lastText(), want) {
			t.Errorf("%s lacks %s", w.invoker.lastText(), want)
		}
	}
	for _, source := range []string{"$request.header.Authorization", "method.request.querystring.x", "context.stage", ""} {
		if p, err := authorizer.NewUserPool(authorizer.JWTConfig{Name: "users", Issuer: "i", Audience: []string{"c"}, Keys: keysOf(t, issuer), IdentitySource: source}); err == nil || p != nil {
			t.Errorf("identity source %q is accepted", source)
		}
	}
}

// mangle changes a character of a token's signature.
func mangle(token string) string {
	i := len(token) - 10
	c := byte('A')
	if token[i] == c {
		c = 'B'
	}
	return token[:i] + fmt.Sprintf("%c", c) + token[i+1:]
}
