package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
)

// guard is an authorizer function: it answers what it is told to, and counts.
type guard struct {
	calls atomic.Int64
	mu    sync.Mutex
	event []byte
	reply func(event []byte) ([]byte, string, error)
	// release, if it is set, is what an answer waits for.
	release chan struct{}
}

func (g *guard) Invoke(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
	g.calls.Add(1)
	if g.release != nil {
		select {
		case <-g.release:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	g.mu.Lock()
	g.event = event
	reply := g.reply
	g.mu.Unlock()
	return reply(event)
}

func (g *guard) says(text string) *guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reply = func([]byte) ([]byte, string, error) { return []byte(text), "", nil }
	return g
}

// throws makes the function fail with a message, as a runtime reports it.
func (g *guard) throws(message string) *guard {
	text, _ := json.Marshal(map[string]string{"errorType": "Error", "errorMessage": message})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reply = func([]byte) ([]byte, string, error) { return text, "Unhandled", nil }
	return g
}

func (g *guard) last() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.event)
}

const stageARN = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/$default"

// policyReply is an answer with one statement.
func policyReply(effect, resource string) string {
	return fmt.Sprintf(`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":%q,"Resource":%q}]}}`, effect, resource)
}

func newGuard(t *testing.T, g *guard, c authorizer.LambdaConfig) *authorizer.Lambda {
	t.Helper()
	c.Name, c.Function, c.Invoker = "guard", "guard", g
	if c.Format == "" {
		c.Format = authorizer.FormatV2
	}
	if c.IdentitySources == nil {
		c.IdentitySources = []string{"$request.header.Authorization"}
	}
	if c.Now == nil {
		c.Now = clock
	}
	l, err := authorizer.NewLambda(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveGuarded serves routes behind one authorizer function.
func serveGuarded(t *testing.T, l *authorizer.Lambda, keys ...string) *world {
	t.Helper()
	return serve(t, guarded(base(), l, keys...))
}

func guarded(c gateway.Config, l *authorizer.Lambda, keys ...string) gateway.Config {
	c.Authorizers = map[string]gateway.Authorizer{"guard": l}
	for _, k := range keys {
		c.Routes = append(c.Routes, gateway.Route{Key: k, Authorizer: "guard", Function: k})
	}
	return c
}

// guardPlot is a request to routes behind one authorizer function, as advice can
// change it.
func guardPlot(c gateway.Config, g *guard, l authorizer.LambdaConfig, keys ...string) *plot {
	for _, k := range keys {
		c.Routes = append(c.Routes, gateway.Route{Key: k, Authorizer: "guard", Function: k})
	}
	change := func(f func(*authorizer.LambdaConfig, string)) func(*plot, string) {
		return func(p *plot, value string) {
			l := p.guards["guard"]
			f(&l, value)
			p.guards["guard"] = l
		}
	}
	return &plot{
		method: "GET", config: c, guard: g, guards: map[string]authorizer.LambdaConfig{"guard": l},
		declare: map[string]func(*plot, string){
			"authorizers.guard.enableSimpleResponses": change(func(l *authorizer.LambdaConfig, value string) { l.SimpleResponses = value == "true" }),
			"stageVariables.three": func(p *plot, value string) {
				p.config.StageVariables = maps.Clone(p.config.StageVariables)
				if p.config.StageVariables == nil {
					p.config.StageVariables = map[string]string{}
				}
				p.config.StageVariables["three"] = value
			},
		},
	}
}

// The answers of API Gateway to what an authorizer of an HTTP API does, byte for
// byte. Only a clear yes runs the route's function.
func TestFunctionAuthorizerAnswers(t *testing.T) {
	simple := authorizer.LambdaConfig{SimpleResponses: true}
	v1 := authorizer.LambdaConfig{Format: authorizer.FormatV1}
	explanations := openBook(t, "functions-http")
	huge := `{"isAuthorized":true,"context":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`
	for _, row := range []struct {
		name   string
		config authorizer.LambdaConfig
		reply  string // or, with a leading !, the message of a failure
		status int
	}{
		{"isAuthorized", simple, `{"isAuthorized":true}`, 200},
		{"with a context", simple, `{"isAuthorized":true,"context":{"a":[1,{"b":null}]}}`, 200},
		{"aws-lambda-go's", simple, `{"isAuthorized":true,"context":null}`, 200},
		{"not authorized", simple, `{"isAuthorized":false}`, 403},
		{"not authorized, with a context", simple, `{"isAuthorized":false,"context":{"isAuthorized":true}}`, 403},
		{"a text", simple, `{"isAuthorized":"true"}`, 500},
		{"a number", simple, `{"isAuthorized":1}`, 500},
		{"null", simple, `{"isAuthorized":null}`, 500},
		{"another case", simple, `{"IsAuthorized":true}`, 500},
		{"twice", simple, `{"isAuthorized":false,"isAuthorized":true}`, 500},
		{"twice, spelled otherwise", simple, `{"isAuthorized":false,"\u0069sAuthorized":true}`, 500},
		{"nothing", simple, `{}`, 500},
		{"no object", simple, `true`, 500},
		{"an empty answer", simple, ``, 500},
		{"cut off", simple, `{"isAuthorized":true`, 500},
		{"two answers", simple, `{"isAuthorized":true}{"isAuthorized":true}`, 500},
		{"huge", simple, huge, 500},
		{"deep", simple, `{"isAuthorized":true,"context":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`, 500},
		{"claims", simple, `{"isAuthorized":true,"context":{"claims":{}}}`, 500},
		{"context twice", simple, `{"isAuthorized":true,"context":{"a":1,"a":2}}`, 500},
		{"a policy", simple, policyReply("Allow", "*"), 500},
		{"an unknown key", simple, `{"isAuthorized":true,"statusCode":200}`, 500},
		{"Unauthorized", simple, `!Unauthorized`, 401},
		{"unauthorized", simple, `!unauthorized`, 500},
		{"Unauthorized and more", simple, `!Unauthorized: expired`, 500},
		{"crash", simple, `!RequestId: 1 Error: Runtime exited with error: exit status 1`, 500},
		{"Allow", authorizer.LambdaConfig{}, policyReply("Allow", stageARN+"/GET/a"), 200},
		{"Allow all", v1, policyReply("Allow", stageARN+"/*"), 200},
		{"Deny", v1, policyReply("Deny", "*"), 403},
		{"of another API", v1, policyReply("Allow", strings.Replace(stageARN, "abcdefghij", "zzzzzzzzzz", 1)+"/*"), 403},
		{"of another stage", v1, policyReply("Allow", strings.Replace(stageARN, "$default", "prod", 1)+"/*"), 403},
		{"of another route", v1, policyReply("Allow", stageARN+"/GET/b"), 403},
		{"of another action", v1, strings.Replace(policyReply("Allow", "*"), "Invoke", "InvalidateCache", 1), 403},
		{"a simple one", authorizer.LambdaConfig{}, `{"isAuthorized":true}`, 500},
		{"no principal", v1, strings.Replace(policyReply("Allow", "*"), `"principalId":"me",`, "", 1), 500},
		{"a number as principal", v1, strings.Replace(policyReply("Allow", "*"), `"me"`, "1", 1), 500},
		{"no policy", v1, `{"principalId":"me"}`, 500},
		{"no version", v1, strings.Replace(policyReply("Allow", "*"), `"Version":"2012-10-17",`, "", 1), 200},
		{"aws-lambda-go's zero", v1, `{"principalId":"","policyDocument":{"Version":"","Statement":null}}`, 500},
		{"an unknown element", v1, strings.Replace(policyReply("Allow", "*"), `"Action"`, `"Principal":"*","Action"`, 1), 500},
		{"an unknown operator", v1, strings.Replace(policyReply("Allow", "*"), `"Action"`, `"Condition":{"Equals":{"aws:SourceIp":"1"}},"Action"`, 1), 500},
		{"a condition", v1, strings.Replace(policyReply("Allow", "*"), `"Action"`, `"Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}},"Action"`, 1), 200},
		{"a condition that is not met", v1, strings.Replace(policyReply("Allow", "*"), `"Action"`, `"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}},"Action"`, 1), 403},
		{"policyDocument twice", v1, `{"policyDocument":{"Statement":[]},` + policyReply("Allow", "*")[1:], 500},
		{"a policy as text", v1, `{"principalId":"me","policyDocument":"{}"}`, 500},
		{"a long resource", v1, policyReply("Allow", "arn:"+strings.Repeat("*", 509)), 500},
		{"an object in 1.0's context", v1, strings.TrimSuffix(policyReply("Allow", "*"), "}") + `,"context":{"a":{}}}`, 500},
		{"scalars in 1.0's context", v1, strings.TrimSuffix(policyReply("Allow", "*"), "}") + `,"context":{"a":"x","b":1,"c":true}}`, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := (&guard{}).says(row.reply)
			if message, ok := strings.CutPrefix(row.reply, "!"); ok {
				g.throws(message)
			}
			w := serveGuarded(t, newGuard(t, g, row.config), "GET /a")
			got := w.do(t, "GET", "/a", "Authorization: token")
			switch row.status {
			case 200:
				if got.status != 200 || got.body != "called GET /a" {
					t.Errorf("%+v: %+v", got, w.journal.last(t).Reasons)
				}
				return
			case 401:
				got.assert(t, 401, bodyUnauthorized, typeJSON)
			case 403:
				got.assert(t, 403, bodyForbidden, typeJSON)
			case 500:
				got.assert(t, 500, bodyInternal, typeJSON)
			}
			if n := w.invoker.calls.Load(); n != 0 {
				t.Errorf("the route's function ran %d times", n)
			}
			if e := w.journal.last(t); e.Allowed || len(e.Reasons) != 1 || len(e.Reasons[0].Text) > 400 {
				t.Errorf("%+v", e)
			}
			p := guardPlot(base(), g, row.config, "GET /a")
			p.target, p.header = "/a", []string{"Authorization: token"}
			p.explained(t, explanations, row.name)
		})
	}
}

// What an authorizer says as it fails is shown, unless it holds the token.
func TestAuthorizerErrorsShowNoToken(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.Token(nil)
	for message, want := range map[string]string{"cannot read keys": "cannot read keys", "bad token " + token: "not shown"} {
		w := serveGuarded(t, newGuard(t, (&guard{}).throws(message), authorizer.LambdaConfig{}), "GET /a")
		w.do(t, "GET", "/a", "Authorization: "+token).assert(t, 500, bodyInternal, typeJSON)
		if e := w.journal.last(t).String(); !strings.Contains(e, want) || strings.Contains(e, token[:20]) {
			t.Errorf("%s", e)
		}
	}
}

// A function that cannot be asked, or does not answer in time.
func TestFunctionAuthorizerOutOfOrder(t *testing.T) {
	g := &guard{reply: func([]byte) ([]byte, string, error) { return nil, "", errors.New("no such function") }}
	w := serveGuarded(t, newGuard(t, g, authorizer.LambdaConfig{}), "GET /a")
	w.do(t, "GET", "/a", "Authorization: x").assert(t, 500, bodyInternal, typeJSON)

	synctest.Test(t, func(t *testing.T) {
		late := lateInvoker{}
		l, err := authorizer.NewLambda(authorizer.LambdaConfig{Name: "guard", Function: "guard", Invoker: late, Format: authorizer.FormatV2, SimpleResponses: true})
		if err != nil {
			t.Fatal(err)
		}
		c := guarded(base(), l, "GET /a")
		c.Invoker = late
		gw, err := gateway.New(c)
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		began := time.Now()
		answer := httptest.NewRecorder()
		gw.ServeHTTP(answer, httptest.NewRequest("GET", "/a", nil))
		if took := time.Since(began); answer.Code != 500 || answer.Body.String() != bodyInternal || took != 10*time.Second {
			t.Errorf("%d %s after %s, want 500 after 10s", answer.Code, answer.Body, took)
		}
	})
}

type lateInvoker struct{}

func (lateInvoker) Invoke(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
	<-ctx.Done()
	return []byte(`{"isAuthorized":true}`), "", ctx.Err()
}

// A request without an identity source, or with it twice, is refused, and the
// function is not asked.
func TestIdentitySources(t *testing.T) {
	g := (&guard{}).says(`{"isAuthorized":true}`)
	config := authorizer.LambdaConfig{SimpleResponses: true, IdentitySources: []string{
		"$request.header.x-one", "$request.querystring.Two", "$context.identity.sourceIp", "$stageVariables.three", "$context.routeKey",
	}}
	c := guarded(base(), newGuard(t, g, config), "GET /a")
	c.StageVariables = map[string]string{"three": "3"}
	w := serve(t, c)
	explanations := openBook(t, "functions-identity")
	for _, row := range []struct {
		target, header string
		status         int
	}{
		{"/a?Two=2", "X-ONE: 1", 200},
		{"/a?Two=2", "X-Two: 1", 401}, {"/a?Two=2", "X-One:  ", 401}, {"/a?two=2", "X-One: 1", 401}, {"/a?Two=", "X-One: 1", 401}, {"/a", "X-One: 1", 401},
		{"/a?Two=2", "X-One: 1\r\nx-one: 1", 401}, {"/a?Two=2&Two=2", "X-One: 1", 401}, {"/a?Two=2&%54wo=3", "X-One: 1", 401},
	} {
		before := g.calls.Load()
		got := w.do(t, "GET", row.target, row.header)
		if row.status == 401 {
			got.assert(t, 401, bodyUnauthorized, typeJSON)
			if g.calls.Load() != before {
				t.Errorf("%s %q: the function was asked", row.target, row.header)
			}
			p := guardPlot(base(), (&guard{}).says(`{"isAuthorized":true}`), config, "GET /a")
			p.config.StageVariables, p.target, p.header = c.StageVariables, row.target, strings.Split(row.header, "\r\n")
			p.explained(t, explanations, row.target+" "+strings.ReplaceAll(row.header, "\r\n", ", "))
		} else if got.status != row.status {
			t.Errorf("%s %q: %+v", row.target, row.header, got)
		}
	}
	if !strings.Contains(g.last(), `"identitySource":["1","2","127.0.0.1","3","GET /a"]`) {
		t.Errorf("%s", g.last())
	}
	if e := w.journal.last(t); strings.Contains(e.Path, "2&") {
		t.Errorf("the log shows a query parameter that identifies a caller: %s", e.Path)
	}

	p := guardPlot(base(), (&guard{}).says(`{"isAuthorized":true}`), config, "GET /a")
	p.target, p.header = "/a?Two=2", []string{"X-One: 1"}
	p.explained(t, explanations, "no stage variable")
	c.StageVariables = nil
	serve(t, c).do(t, "GET", "/a?Two=2", "X-One: 1").assert(t, 401, bodyUnauthorized, typeJSON)
}

// The events are those of the developer guide (http-api-lambda-authorizer), and
// aws-lambda-go reads them whole.
func TestFunctionAuthorizerEvents(t *testing.T) {
	const target, header = "/v1/items/a%20b?q=1&q=2&e=", "Authorization: t\r\nX-Two: a\r\nX-Two: b\r\nCookie: c=1; d=2\r\nUser-Agent: ua"
	varying := regexp.MustCompile(`"(Root=1-[^"]*|[A-Za-z0-9_-]{15}=|127\.0\.0\.1:\d+|\d{5})"`)
	for format, want := range map[authorizer.Format]string{
		authorizer.FormatV2: `{"version":"2.0","type":"REQUEST","routeArn":"arn:aws:execute-api:us-east-1:000000000000:abcdefghij/v1/GET/items/a b","identitySource":["t"],` +
			`"routeKey":"GET /items/{id}","rawPath":"/v1/items/a b","rawQueryString":"q=1&q=2&e=","cookies":["c=1","d=2"],` +
			`"headers":{"authorization":"t","content-length":"0","host":"*","user-agent":"ua","x-amzn-trace-id":"*","x-forwarded-for":"127.0.0.1","x-forwarded-port":"*","x-forwarded-proto":"http","x-two":"a,b"},` +
			`"queryStringParameters":{"e":"","q":"1,2"},"requestContext":{"accountId":"000000000000","apiId":"abcdefghij","domainName":"localhost:3100","domainPrefix":"localhost",` +
			`"http":{"method":"GET","path":"/v1/items/a b","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"ua"},"requestId":"*","routeKey":"GET /items/{id}","stage":"v1",` +
			`"time":"21/Nov/2026:14:05:11 +0000","timeEpoch":1795269911000},"pathParameters":{"id":"a b"},"stageVariables":{"v":"1"}}`,
		authorizer.FormatV1: `{"version":"1.0","type":"REQUEST","methodArn":"arn:aws:execute-api:us-east-1:000000000000:abcdefghij/v1/GET/items/a b","identitySource":"t","authorizationToken":"t",` +
			`"resource":"/items/{id}","path":"/v1/items/a%20b","httpMethod":"GET",` +
			`"headers":{"Authorization":"t","Content-Length":"0","Cookie":"c=1; d=2","Host":"*","User-Agent":"ua","X-Amzn-Trace-Id":"*","X-Forwarded-For":"127.0.0.1","X-Forwarded-Port":"*","X-Forwarded-Proto":"http","X-Two":"b"},` +
			`"queryStringParameters":{"e":"","q":"2"},"pathParameters":{"id":"a b"},"stageVariables":{"v":"1"},` +
			`"requestContext":{"path":"/v1/items/a b","accountId":"000000000000","resourceId":"GET /items/{id}","stage":"v1","requestId":"*","identity":{"sourceIp":"127.0.0.1"},` +
			`"resourcePath":"/items/{id}","httpMethod":"GET","apiId":"abcdefghij"}}`,
	} {
		g := (&guard{}).says(policyReply("Allow", "*"))
		c := guarded(base(), newGuard(t, g, authorizer.LambdaConfig{Format: format}), "GET /items/{id}")
		c.Stage, c.StageVariables = "v1", map[string]string{"v": "1"}
		w := serve(t, c)
		if got := w.raw(t, "GET", "GET "+target+" HTTP/1.1\r\nHost: "+w.server.Listener.Addr().String()+"\r\n"+header+"\r\n\r\n"); got.status != 200 {
			t.Fatalf("%+v", got)
		}
		if got := varying.ReplaceAllString(g.last(), `"*"`); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", format, got, want)
		}
		var into any = &events.APIGatewayV2CustomAuthorizerV2Request{}
		if format == authorizer.FormatV1 {
			into = &events.APIGatewayV2CustomAuthorizerV1Request{}
		}
		d := json.NewDecoder(strings.NewReader(g.last()))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		assertRoundTrip(t, g.last(), into)
	}
}

// assertRoundTrip marshals what an event was read into: nothing of the event may be
// lost.
func assertRoundTrip(t *testing.T, event string, into any) {
	t.Helper()
	text, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	var sent, read any
	if json.Unmarshal([]byte(event), &sent) != nil || json.Unmarshal(text, &read) != nil {
		t.Fatalf("%s\n%s", event, text)
	}
	var compare func(at string, sent, read any)
	compare = func(at string, sent, read any) {
		object, ok := sent.(map[string]any)
		if !ok || len(object) == 0 { // an empty object may come back as null
			if !ok && !reflect.DeepEqual(sent, read) {
				t.Errorf("%s is %v, and %v again", at, sent, read)
			}
			return
		}
		other, _ := read.(map[string]any)
		for name, v := range object {
			compare(at+"."+name, v, other[name])
		}
	}
	compare("event", sent, read)
}

// Without identity sources there is no cache, and the event's are null.
func TestNoIdentitySource(t *testing.T) {
	g := (&guard{}).says(`{"isAuthorized":true}`)
	w := serveGuarded(t, newGuard(t, g, authorizer.LambdaConfig{SimpleResponses: true, IdentitySources: []string{}}), "GET /a")
	if got := w.do(t, "GET", "/a"); got.status != 200 || !strings.Contains(g.last(), `"identitySource":null,`) {
		t.Errorf("%+v %s", got, g.last())
	}
}

// What the route's function sees of an authorizer.
func TestFunctionAuthorizerContext(t *testing.T) {
	const context = `,"context":{"s":"<é>","n":1.0,"b":true,"z":null,"l":[1, {"x": []}],"principalId":"other"}}`
	g := (&guard{}).says(strings.TrimSuffix(policyReply("Allow", "*"), "}") + context)
	c := guarded(base(), newGuard(t, g, authorizer.LambdaConfig{}), "GET /2")
	c.Routes = append(c.Routes, gateway.Route{Key: "GET /1", Authorizer: "guard", Function: "f", PayloadFormatVersion: "1.0"})
	w := serve(t, c)
	for target, want := range map[string]string{
		"/2": `"authorizer":{"lambda":{"s":"<é>","n":1.0,"b":true,"z":null,"l":[1,{"x":[]}],"principalId":"other"}}`,
		"/1": `"authorizer":{"principalId":"me","s":"<é>","n":1.0,"b":true,"z":null,"l":[1,{"x":[]}]}`,
	} {
		w.do(t, "GET", target, "Authorization: x")
		if !strings.Contains(w.invoker.lastText(), want) {
			t.Errorf("%s: %s lacks %s", target, w.invoker.lastText(), want)
		}
	}
	w.do(t, "GET", "/2", "Authorization: x")
	if e := w.invoker.lastV2(t); !reflect.DeepEqual(e.RequestContext.Authorizer.Lambda["n"], 1.0) {
		t.Errorf("%+v", e.RequestContext.Authorizer)
	}
	g.says(policyReply("Allow", "*"))
	w.do(t, "GET", "/2", "Authorization: x")
	if !strings.Contains(w.invoker.lastText(), `"authorizer":{"lambda":null}`) {
		t.Errorf("%s", w.invoker.lastText())
	}
}

// An answer is kept for its identity alone, for its time alone, and as a policy:
// one that opens GET /a never opens another route.
func TestFunctionAuthorizerCache(t *testing.T) {
	at := now
	g := (&guard{}).says(policyReply("Allow", stageARN+"/GET/a"))
	l := newGuard(t, g, authorizer.LambdaConfig{TTL: 300 * time.Second, Now: func() time.Time { return at }})
	w := serveGuarded(t, l, "GET /a", "POST /a", "GET /b", "GET /a/{more}")
	step := func(method, target, token string, status int, calls int64) {
		t.Helper()
		got := w.do(t, method, target, "Authorization: "+token)
		if got.status != status || g.calls.Load() != calls {
			t.Errorf("%s %s: %d %s after %d calls, want %d after %d", method, target, got.status, got.body, g.calls.Load(), status, calls)
		}
	}
	step("GET", "/a", "one", 200, 1)
	step("GET", "/a", "one", 200, 1)
	step("GET", "/b", "one", 403, 1)
	step("POST", "/a", "one", 403, 1)
	step("GET", "/a/b", "one", 403, 1)
	if hint := w.journal.last(t).Hint(); !strings.Contains(hint, "resultTtlInSeconds") {
		t.Errorf("hint %q", hint)
	}
	p := guardPlot(base(), (&guard{}).says(policyReply("Allow", stageARN+"/GET/a")), authorizer.LambdaConfig{TTL: 300 * time.Second}, "GET /a", "GET /b")
	p.target, p.header = "/a", []string{"Authorization: one"}
	p.send(t)
	p.target = "/b"
	p.explained(t, openBook(t, "functions-cached"), "an answer for another route")
	step("GET", "/a", "One", 200, 2) // case counts
	step("GET", "/a", "one", 200, 2)

	g.says(policyReply("Deny", "*"))
	step("GET", "/b", "two", 403, 3)
	g.says(policyReply("Allow", "*"))
	step("GET", "/b", "two", 403, 3) // a Deny is kept as well
	at = now.Add(300*time.Second - 1)
	step("GET", "/b", "two", 403, 3)
	at = now.Add(300 * time.Second)
	step("GET", "/b", "two", 200, 4)

	g.throws("Unauthorized")
	step("GET", "/b", "three", 401, 5)
	step("GET", "/b", "three", 401, 6) // a failure is not kept
	g.says(`{}`)
	step("GET", "/b", "three", 500, 7)
	g.says(policyReply("Allow", "*"))
	step("GET", "/b", "three", 200, 8)
	l.Flush()
	g.says(policyReply("Deny", "*"))
	step("GET", "/b", "three", 403, 9)
}

// A simple response is kept as the one word that it is, for every route, as the
// developer guide says of it.
func TestSimpleResponseIsForEveryRoute(t *testing.T) {
	g := (&guard{}).says(`{"isAuthorized":true}`)
	w := serveGuarded(t, newGuard(t, g, authorizer.LambdaConfig{SimpleResponses: true, TTL: time.Minute}), "GET /a", "GET /b")
	w.do(t, "GET", "/a", "Authorization: x")
	g.says(`{"isAuthorized":false}`)
	if got := w.do(t, "GET", "/b", "Authorization: x"); got.status != 200 || g.calls.Load() != 1 {
		t.Errorf("%+v after %d calls", got, g.calls.Load())
	}
}

// Answers are not found under the identity of another: values that look alike
// when they are joined, another API, another stage, another authorizer.
func TestCacheKeysAreNotConfused(t *testing.T) {
	seen := map[string]bool{}
	g := &guard{reply: func(event []byte) ([]byte, string, error) {
		var e struct{ IdentitySource []string }
		json.Unmarshal(event, &e)
		seen[fmt.Sprintf("%q", e.IdentitySource)] = true
		return []byte(`{"isAuthorized":true}`), "", nil
	}}
	config := authorizer.LambdaConfig{SimpleResponses: true, TTL: time.Minute, IdentitySources: []string{"$request.header.A", "$request.querystring.b"}}
	w := serveGuarded(t, newGuard(t, g, config), "GET /a")
	pairs := [][2]string{{"a", "b"}, {"a,b", "c"}, {"a", "b,c"}, {"ab", "c"}, {"a", "bc"}, {"a%00b", "c"}, {"a", "%00bc"}, {"A", "b"}, {"b", "a"}, {"1:a", "b"}}
	for range 2 {
		for _, p := range pairs {
			if got := w.do(t, "GET", "/a?b="+p[1], "A: "+p[0]); got.status != 200 {
				t.Errorf("%q: %+v", p, got)
			}
		}
	}
	if n := int(g.calls.Load()); n != len(pairs) || len(seen) != len(pairs) {
		t.Errorf("%d calls for %d identities, want %d: %v", n, len(seen), len(pairs), seen)
	}

	g = (&guard{}).says(`{"isAuthorized":true}`)
	config.IdentitySources = nil
	for i, stage := range []string{"$default", "v1"} {
		c := guarded(base(), newGuard(t, g, config), "GET /a")
		c.Stage = stage
		serve(t, c).do(t, "GET", []string{"/a", "/v1/a"}[i], "Authorization: x")
	}
	if n := g.calls.Load(); n != 2 {
		t.Errorf("%d calls for two stages", n)
	}
}

// However many first requests there are for one identity, the function is asked
// once; another identity does not wait for it, and what was asked before a reload
// is not kept after it.
func TestConcurrentFirstRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := (&guard{release: release}).says(policyReply("Allow", stageARN+"/GET/a"))
		l := newGuard(t, g, authorizer.LambdaConfig{TTL: time.Minute})
		c := guarded(base(), l, "GET /a", "GET /b")
		c.Invoker = &invoker{}
		gw, err := gateway.New(c)
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		var wait sync.WaitGroup
		var statuses [500]atomic.Int64
		ask := func(ctx context.Context, target, token string) {
			wait.Go(func() {
				r := httptest.NewRequestWithContext(ctx, "GET", target, nil)
				r.Header.Set("Authorization", token)
				answer := httptest.NewRecorder()
				gw.ServeHTTP(answer, r)
				if answer.Code == http.StatusInternalServerError {
					answer.Code = 499
				}
				statuses[answer.Code].Add(1)
			})
		}
		ctx := context.Background()
		gone, leave := context.WithCancel(ctx)
		ask(gone, "/a", "x") // who asks first goes away, and the others get the answer all the same
		synctest.Wait()
		for range 50 {
			ask(ctx, "/a", "x")
			ask(ctx, "/b", "x")
		}
		ask(gone, "/a", "x")
		synctest.Wait()
		if n := g.calls.Load(); n != 1 {
			t.Errorf("%d invocations for one identity", n)
		}
		ask(ctx, "/a", "y")
		synctest.Wait()
		if n := g.calls.Load(); n != 2 {
			t.Errorf("%d invocations for two identities", n)
		}
		leave()
		l.Flush()
		ask(ctx, "/a", "x")
		synctest.Wait()
		if n := g.calls.Load(); n != 3 {
			t.Errorf("%d invocations: one after a flush is to ask anew", n)
		}
		close(release)
		wait.Wait()
		if ok, no, failed := statuses[200].Load(), statuses[403].Load(), statuses[499].Load(); ok != 53 || no != 50 || failed != 1 {
			t.Errorf("%d of /a are let in, %d of /b refused, %d failed; want 53, 50, 1", ok, no, failed)
		}
		ask(ctx, "/a", "y") // it was asked for before the flush
		synctest.Wait()
		if n := g.calls.Load(); n != 4 {
			t.Errorf("%d invocations: what was asked before a flush was kept", n)
		}
		wait.Wait()
	})
}

// The cache has a bound.
func TestFunctionAuthorizerCacheIsBounded(t *testing.T) {
	g := (&guard{}).says(`{"isAuthorized":true,"context":{"x":"` + strings.Repeat("x", 60000) + `"}}`)
	l := newGuard(t, g, authorizer.LambdaConfig{SimpleResponses: true, TTL: time.Minute})
	ask := func(i int) {
		r := httptest.NewRequest("GET", "/a", nil)
		r.Header.Set("Authorization", fmt.Sprint(i))
		if d := l.Decide(&authorizer.Question{HTTP: r, Event: func([]string) []byte { return nil }}); !d.Allow {
			t.Fatalf("%+v", d)
		}
	}
	for i := range 1000 {
		ask(i)
	}
	ask(999)
	if n := g.calls.Load(); n != 1000 {
		t.Errorf("%d calls: the last answer was not kept", n)
	}
	ask(0)
	if n := g.calls.Load(); n != 1001 {
		t.Errorf("%d calls: 60 MB of answers were kept", n)
	}
}

// The path of an ARN may be read in several ways: a Deny counts for each.
func TestDenyCountsForEveryReading(t *testing.T) {
	g := (&guard{}).says(`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":["arn:*/GET/a b","arn:*/GET/c%20d","arn:*/GET/admin"]}]}}`)
	w := serveGuarded(t, newGuard(t, g, authorizer.LambdaConfig{}), "GET /{x}")
	for target, status := range map[string]int{"/a%20b": 403, "/c%20d": 403, "/admin": 403, "/%61dmin": 403, "/x": 200} {
		if got := w.do(t, "GET", target, "Authorization: x"); got.status != status {
			t.Errorf("%s: %+v, want %d", target, got, status)
		}
	}
	// What a client puts into a path is not a wildcard of anybody's policy.
	g.says(policyReply("Allow", stageARN+"/GET/a"))
	for _, target := range []string{"/*", "/%2A", "/?", "/$%7B*%7D"} {
		if got := w.do(t, "GET", target, "Authorization: x"); got.status != 403 && got.status != 404 {
			t.Errorf("%s: %+v", target, got)
		}
	}
}

// Mistakes of a configuration are refused as it is made.
func TestFunctionAuthorizerMistakes(t *testing.T) {
	_, err := authorizer.NewLambda(authorizer.LambdaConfig{Format: "3", SimpleResponses: true, TTL: 2 * time.Hour,
		IdentitySources: []string{"Authorization", "$request.body.x", "$context.nothing", "$request.path.id"}, ValidationExpression: "("})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Name, Function and Invoker", `format "3"`, "simple responses need", `"Authorization"`, `"$request.body.x"`, `"$context.nothing"`, `"$request.path.id"`, "TTL 2h0m0s", "is for TOKEN", `compiling the validation expression "("`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	g := &guard{}
	for name, c := range map[string]authorizer.LambdaConfig{
		"a cache without a key":    {Format: authorizer.FormatV2, TTL: time.Second},
		"half a second":            {Format: authorizer.FormatV2, TTL: time.Second / 2, IdentitySources: []string{"$request.header.x"}},
		"simple in 1.0":            {Format: authorizer.FormatV1, SimpleResponses: true},
		"TOKEN by a query":         {Format: authorizer.FormatToken, IdentitySources: []string{"method.request.querystring.x"}},
		"TOKEN by nothing":         {Format: authorizer.FormatToken},
		"an HTTP API's in REST":    {Format: authorizer.FormatRequest, IdentitySources: []string{"$request.header.x"}},
		"a REST API's in HTTP":     {Format: authorizer.FormatV2, IdentitySources: []string{"method.request.header.x"}},
		"a lookahead":              {Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.x"}, ValidationExpression: "(?=a)"},
		"method.context":           {Format: authorizer.FormatRequest, IdentitySources: []string{"method.context.stage"}},
		"request without a method": {Format: authorizer.FormatRequest, IdentitySources: []string{"request.header.x"}},
	} {
		c.Name, c.Function, c.Invoker = "a", "f", g
		if l, err := authorizer.NewLambda(c); err == nil || l != nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, name := range authorizer.ContextVariables() {
		c := authorizer.LambdaConfig{SimpleResponses: true, IdentitySources: []string{"$context." + name}}
		w := serveGuarded(t, newGuard(t, (&guard{}).says(`{"isAuthorized":true}`), c), "GET /a")
		if got := w.do(t, "GET", "/a", "User-Agent: x"); got.status != 200 {
			t.Errorf("$context.%s has no value: %+v", name, got)
		}
	}
	l := newGuard(t, g, authorizer.LambdaConfig{})
	scoped := guarded(base(), l, "GET /a")
	scoped.Routes[0].Scopes, scoped.Invoker = []string{"x"}, g
	if _, err := gateway.New(scoped); err == nil || !strings.Contains(err.Error(), "nothing that checks them") {
		t.Errorf("scopes that no one checks: %v", err)
	}
	rest := guarded(baseREST(), l, "GET /a")
	rest.Invoker = g
	if _, err := gateway.New(rest); err == nil || !strings.Contains(err.Error(), "not for this kind of API") {
		t.Errorf("an HTTP API's authorizer in a REST API: %v", err)
	}
	if d := l.Authorize(httptest.NewRequest("GET", "/a", nil), nil); d.Allow || d.Status != 500 {
		t.Errorf("asked by its header alone it says %+v", d)
	}
}
