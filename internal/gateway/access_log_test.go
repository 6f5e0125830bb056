package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// logging has the lines of a configuration's access log come through a channel.
func logging(c *gateway.Config, format string) <-chan string {
	lines := make(chan string, 100)
	c.AccessLog = &gateway.AccessLog{Format: format, Write: func(line []byte) { lines <- string(line) }}
	return lines
}

// The lines of the requests of an HTTP API, in the form of AWS's samples
// (http-api-logging) and with what its table of variables says of each.
func TestAccessLogHTTP(t *testing.T) {
	issuer := newIssuer(t)
	c := base(open("GET /open", "GET /fails", "GET /odd")...)
	c.Routes = append(c.Routes, gateway.Route{Key: "GET /users/{id}", Authorizer: "jwt", Function: "f"}, gateway.Route{Key: "GET /up", Authorizer: gateway.None, URL: upstreamThat(t, http.StatusTeapot)},
		gateway.Route{Key: "GET /guarded", Authorizer: "guard", Function: "f"})
	g := &guard{}
	g.says(`{"isAuthorized":true,"context":{"key":"value","numKey":1,"boolKey":true}}`)
	c.Authorizers = map[string]gateway.Authorizer{
		"jwt":   newJWT(t, authorizer.JWTConfig{Issuer: issuer.URL(), Keys: keysOf(t, issuer)}),
		"guard": newGuard(t, g, authorizer.LambdaConfig{Format: authorizer.FormatV2, SimpleResponses: true}),
	}
	const format = `$context.identity.sourceIp [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength ` +
		`$context.path $context.authorizer.claims.sub $context.authorizer.error $context.authorizer.key $context.authorizer.numKey $context.authorizer.boolKey ` +
		`$context.error.message $context.error.messageString $context.error.responseType $context.integration.status $context.integrationStatus $context.integrationErrorMessage ` +
		`$context.stage $context.customDomain.basePathMatched $context.identity.userAgent $context.dataProcessed`
	lines := logging(&c, format)
	w := serve(t, c)
	w.invoker.reply = func(_ context.Context, function string, _ []byte) ([]byte, string, error) {
		switch function {
		case "GET /fails":
			return []byte(`{"errorMessage":"boom"}`), "Unhandled", nil
		case "GET /odd":
			return []byte(`{"statusCode":"none"}`), "", nil
		}
		return []byte(`{"statusCode":201,"body":"hello"}`), "", nil
	}
	const head = `127.0.0.1 [21/Nov/2026:14:05:11 +0000] `
	const failed = "The Lambda function returned the following error: Unhandled. Check your Lambda function code and try again."
	const odd = "The response from the Lambda function doesn't match the format that API Gateway expects."
	good, old := issuer.Token(verifytest.Claims{"sub": "ann"}), issuer.Token(verifytest.Claims{"sub": "ann", "exp": now.Add(-time.Hour).Unix()})
	for _, row := range []struct{ name, target, header, want string }{
		{"open", "/open", "", `"GET GET /open HTTP/1.1" 201 5 /open - - - - - - - - 201 200 - $default - - 5`},
		{"allowed", "/users/7", "Authorization: Bearer " + good, `"GET GET /users/{id} HTTP/1.1" 201 5 /users/7 ann - - - - - - - 201 200 - $default - - 5`},
		{"refused", "/users/7", "", `"GET GET /users/{id} HTTP/1.1" 401 26 /users/7 - - - - - Unauthorized \"Unauthorized\" UNAUTHORIZED - - - $default - - 26`},
		{"expired", "/users/7", "Authorization: Bearer " + old, `"GET GET /users/{id} HTTP/1.1" 401 26 /users/7 - invalid_token: the token has expired - - - Unauthorized \"Unauthorized\" UNAUTHORIZED - - - $default - - 26`},
		{"a function's context", "/guarded", "Authorization: x", `"GET GET /guarded HTTP/1.1" 201 5 /guarded - - value 1 true - - - 201 200 - $default - - 5`},
		{"no route", "/nowhere", "", `"GET - HTTP/1.1" 404 23 /nowhere - - - - - Not Found \"Not Found\" - - - - $default - - 23`},
		{"a function that fails", "/fails", "", `"GET GET /fails HTTP/1.1" 500 35 /fails - - - - - Internal Server Error \"Internal Server Error\" - - 200 ` + failed + ` $default - - 35`},
		{"a reply that is none", "/odd", "", `"GET GET /odd HTTP/1.1" 500 35 /odd - - - - - Internal Server Error \"Internal Server Error\" - - 200 ` + odd + ` $default - - 35`},
		{"an upstream", "/up", "", `"GET GET /up HTTP/1.1" 418 3 /up - - - - - - - - 418 418 - $default - - 3`},
		{"what would end the line", "/open", "User-Agent: a\"b\\c\td", `"GET GET /open HTTP/1.1" 201 5 /open - - - - - - - - 201 200 - $default - a\"b\\c\td 5`},
		{"a credential of one letter", "/open", "Authorization: 2", `"GET GET /open HTTP/1.1" 201 5 /open - - - - - - - - 201 200 - $default - - 5`},
		{"a credential in another place", "/open", "Authorization: Basic cGFzc3dvcmQ=\r\nUser-Agent: cGFzc3dvcmQ=", `"GET GET /open HTTP/1.1" 201 5 /open - - - - - - - - 201 200 - $default - *** 5`},
		{"tokens in other places", "/open?token=" + good, "User-Agent: x " + good, `"GET GET /open HTTP/1.1" 201 5 /open - - - - - - - - 201 200 - $default - x *** 5`},
	} {
		header := row.header
		if header == "" {
			header = "X: y"
		}
		w.do(t, "GET", row.target, header)
		if got := <-lines; got != head+row.want {
			t.Errorf("%s is logged as\n%s\nwant\n%s", row.name, got, head+row.want)
		}
	}
}

// Those of a REST API, in JSON, and that requests outside of the stage have no line.
func TestAccessLogREST(t *testing.T) {
	c := baseREST(open("GET /open")...)
	c.Routes = append(c.Routes, gateway.Route{Key: "GET /keyed", Authorizer: gateway.None, Function: "f", APIKeyRequired: true})
	c.REST.APIKeys = []gateway.APIKey{{ID: "abcdefghij", Name: "key", Value: "a-key-of-twenty-characters"}}
	c.REST.UsagePlans = []gateway.UsagePlan{{Name: "plan", Keys: []string{"key"}}}
	lines := logging(&c, `{"requestId":"$context.requestId","extended":"$context.extendedRequestId","path":"$context.path","resource":"$context.resourcePath","status":"$context.status",`+
		`"key":"$context.identity.apiKeyId","type":"$context.error.responseType","agent":"$context.identity.userAgent","trace":"$context.xrayTraceId","latency":$context.responseLatency}`)
	w := serve(t, c)
	for _, row := range []struct {
		target, header, resource, status, key, kind string
	}{
		{"/dev/open", "User-Agent: a\"b", "/open", "200", "-", "-"},
		{"/dev/keyed", "User-Agent: a\"b", "/keyed", "403", "-", "INVALID_API_KEY"},
		{"/dev/keyed", "User-Agent: a\"b\r\nX-Api-Key: a-key-of-twenty-characters", "/keyed", "200", "abcdefghij", "-"},
		{"/dev/nowhere", "User-Agent: a\"b", "-", "403", "-", "MISSING_AUTHENTICATION_TOKEN"},
	} {
		w.do(t, "GET", "/live/open")
		a := w.do(t, "GET", row.target, row.header)
		line := <-lines
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		for name, want := range map[string]any{
			"requestId": a.header.Get("X-Amzn-Requestid"), "extended": a.header.Get("X-Amz-Apigw-Id"), "path": row.target, "resource": row.resource,
			"status": row.status, "key": row.key, "type": row.kind, "agent": `a"b`, "trace": "-", "latency": 0.0,
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", row.target, name, got[name], want)
			}
		}
		if strings.Contains(line, "a-key-of") {
			t.Errorf("%s holds the key", line)
		}
	}
}

// Who has signed a request is logged as functions see it.
func TestAccessLogSigner(t *testing.T) {
	account := newAccount(t, now, 's')
	keys := assume(t, account, "reader", member)
	c := withIAM(t, base(), account, "GET /a")
	lines := logging(&c, "$context.requestId $context.identity.accountId $context.identity.caller $context.identity.user $context.identity.userArn $context.identity.cognitoIdentityId "+
		"$context.identity.cognitoAuthenticationType $context.identity.cognitoIdentityPoolId")
	w := serve(t, c)
	if a := (signing{target: "/a", keys: keys}).send(t, w); a.status != 200 {
		t.Fatal(a)
	}
	p, err := account.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(<-lines, " ")
	if want := strings.Join([]string{stageAccount, p.UserID, p.UserID, roleSession + "reader/session", member.ID, member.AMR[0], member.Pool}, " "); got != want {
		t.Errorf("logged as %s, want %s", got, want)
	}
}

// A format that AWS does not take is refused; a dry run is not a request.
func TestAccessLogMistakes(t *testing.T) {
	c := base(open("GET /")...)
	logging(&c, "$context.requestId $context.resourcePath")
	if _, err := gateway.New(c); err == nil || !regexp.MustCompile(`there is no \$context\.resourcePath`).MatchString(err.Error()) {
		t.Errorf("a variable of REST APIs in an HTTP API: %v", err)
	}
	lines := logging(&c, "$context.requestId")
	w := serve(t, c)
	w.gateway.Explain(httptest.NewRequest("GET", "/", nil))
	a := w.do(t, "GET", "/")
	if got := <-lines; got != a.header.Get("Apigw-Requestid") {
		t.Errorf("logged %q, and the request is %q", got, a.header.Get("Apigw-Requestid"))
	}
}

func upstreamThat(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte("tea"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
