package gateway_test

import (
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
)

// dry decides on a request without sending it.
func (w *world) dry(method, target string, header ...string) gateway.Entry {
	r := httptest.NewRequest(method, target, nil)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return w.gateway.Explain(r)
}

// TestExplainDecidesAsServeDoes sends requests to an HTTP API and asks about the same
// ones: the same refusals for the same reasons, and nothing is invoked for the asking.
func TestExplainDecidesAsServeDoes(t *testing.T) {
	issuer := newIssuer(t)
	c := base(
		gateway.Route{Key: "GET /private", Authorizer: "jwt", Scopes: []string{"read"}, Function: "f"},
		gateway.Route{Key: "POST /{proxy+}", Authorizer: gateway.None, Function: "f"},
		gateway.Route{Key: "GET /open", Authorizer: gateway.None, Function: "f"},
		gateway.Route{Key: "GET /up", Authorizer: gateway.None, URL: "http://127.0.0.1:1"},
	)
	c.Trace = true
	c.CORS = &gateway.CORS{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"GET"}}
	c.Authorizers = map[string]gateway.Authorizer{"jwt": newJWT(t, authorizer.JWTConfig{Issuer: issuer.URL(), Keys: keysOf(t, issuer)})}
	w := serve(t, c)
	bearer := func(scope string) string {
		return "Authorization: Bearer " + issuer.Token(map[string]any{"scope": scope})
	}
	for _, tt := range []struct {
		name, method, target string
		header               []string
		status               int // of the dry run
		at                   gateway.Step
	}{
		{"no route", "GET", "/nowhere", nil, 404, gateway.AtRoute},
		{"another method", "PUT", "/private", nil, 404, gateway.AtRoute},
		{"no token", "GET", "/private", nil, 401, gateway.AtAuthorizer},
		{"a bad token", "GET", "/private", []string{"Authorization: Bearer a.b.c"}, 401, gateway.AtAuthorizer},
		{"the wrong scope", "GET", "/private", []string{bearer("write")}, 403, gateway.AtAuthorizer},
		{"the scope", "GET", "/private", []string{bearer("read")}, 0, gateway.AtEvent},
		{"an open route", "GET", "/open", nil, 0, gateway.AtEvent},
		{"a greedy one", "POST", "/a/b", nil, 0, gateway.AtEvent},
		{"a preflight", "OPTIONS", "/open", []string{"Origin: https://a.example", "Access-Control-Request-Method: GET"}, 204, gateway.AtPreflight},
		{"a large head", "GET", "/open", []string{"X: " + strings.Repeat("x", 11000)}, 431, gateway.AtRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.invoker.calls.Load()
			e := w.dry(tt.method, tt.target, tt.header...)
			if w.invoker.calls.Load() != before {
				t.Error("the function was invoked")
			}
			if e.Status != tt.status || e.Allowed != (tt.status == 0 || tt.status == 204) {
				t.Errorf("status %d, allowed %t, want status %d", e.Status, e.Allowed, tt.status)
			}
			if e.Trace == nil || e.Trace.At != tt.at {
				t.Fatalf("it ends at %+v, want step %d", e.Trace, tt.at)
			}
			if !slices.Contains(e.Plan(), e.Trace.At) {
				t.Errorf("step %d is not in the plan %v", e.Trace.At, e.Plan())
			}
			w.do(t, tt.method, tt.target, tt.header...)
			sent := w.journal.last(t)
			if tt.status != 0 && sent.Status != tt.status || tt.status == 0 && sent.Status != 200 {
				t.Errorf("when it is sent, it has the status %d", sent.Status)
			}
			if !reflect.DeepEqual(sent.Reasons, e.Reasons) || sent.RouteKey != e.RouteKey || sent.Hint() != e.Hint() {
				t.Errorf("sent %+v\nasked %+v", sent, e)
			}
			if tt.status == 0 && (len(e.Trace.Function.Event) == 0 || e.Trace.Function.ID != "" || sent.Trace.Function.ID == "" || sent.Trace.At != gateway.AtReply) {
				t.Errorf("the event of the dry run is %q, of an invocation %q; sent %+v", e.Trace.Function.Event, e.Trace.Function.ID, sent.Trace)
			}
		})
	}
	if e := w.dry("GET", "/up"); e.Status != 0 || !e.Allowed {
		t.Errorf("an upstream: %+v", e)
	}
	if e := w.dry("GET", "/private", bearer("read")); !e.Trace.Cached {
		e = w.dry("GET", "/private", bearer("read"))
		if !e.Trace.Cached {
			t.Error("a token seen before is not told to be known")
		}
	}
}

// TestExplainCountsNothing asks about a request to a route with one left in its burst.
func TestExplainCountsNothing(t *testing.T) {
	w, _ := usageREST(t, gateway.UsagePlan{Throttle: &gateway.Throttle{BurstLimit: 1}, Quota: &gateway.Quota{Limit: 1, Period: "DAY"}}, func(c *gateway.Config) {
		c.Trace = true
		c.Routes[0].RequestParameters = []string{"method.request.querystring.q"}
	})
	key := "x-api-key: " + keyOne
	for range 5 {
		if e := w.dry("GET", "/dev/keyed?q=1", key); e.Status != 0 || e.Trace.APIKey != "one" || e.Trace.UsagePlan != "basic" {
			t.Fatalf("it is counted: %+v", e)
		}
	}
	if e := w.dry("GET", "/dev/keyed", key); e.Status != 400 || e.Trace.At != gateway.AtValidator || e.Trace.Response != "BAD_REQUEST_PARAMETERS" {
		t.Errorf("without the parameter: %+v", e)
	}
	if e := w.dry("GET", "/dev/keyed"); e.Status != 403 || e.Trace.At != gateway.AtAPIKey || e.Trace.Response != "INVALID_API_KEY" || e.Trace.Configured {
		t.Errorf("without the key: %+v", e)
	}
	if e := w.dry("GET", "/prod/keyed", key); e.Status != 403 || e.Trace.At != gateway.AtStage {
		t.Errorf("of another stage: %+v", e)
	}
	if a := w.do(t, "GET", "/dev/keyed?q=1", key); a.status != 200 {
		t.Errorf("the one request is answered %d", a.status)
	}
	e := w.dry("GET", "/dev/keyed?q=1", key)
	if e.Status != 429 || e.Trace.At != gateway.AtLimits {
		t.Errorf("over the limit: %+v", e)
	}
	want := []gateway.Step{gateway.AtRequest, gateway.AtStage, gateway.AtRoute, gateway.AtAuthorizer, gateway.AtAPIKey, gateway.AtLimits, gateway.AtValidator, gateway.AtEvent, gateway.AtInvocation, gateway.AtReply}
	if plan := e.Plan(); !slices.Equal(plan, want) {
		t.Errorf("the plan is %v, want %v", plan, want)
	}
}

// TestExplainAsksTheAuthorizerFunction asks it, tells of its invocation, and of the
// policy that it has answered. What a dry run was answered is for no other request:
// one that is sent asks anew, and that answer is kept for both.
func TestExplainAsksTheAuthorizerFunction(t *testing.T) {
	g := new(guard).says(policyReply("Allow", stageARN+"/GET/open"))
	c := base(
		gateway.Route{Key: "GET /open", Authorizer: "guard", Function: "f"},
		gateway.Route{Key: "GET /shut", Authorizer: "guard", Function: "f"},
	)
	c.Trace = true
	c.Authorizers = map[string]gateway.Authorizer{"guard": newGuard(t, g, authorizer.LambdaConfig{
		Format: authorizer.FormatV2, IdentitySources: []string{"$request.header.Authorization"}, TTL: time.Minute,
	})}
	w := serve(t, c)
	e := w.dry("GET", "/open", "Authorization: let-me-in")
	if e.Status != 0 || g.calls.Load() != 1 || e.Trace.Authorizer.ID == "" || e.Trace.Cached {
		t.Errorf("%d calls; %+v", g.calls.Load(), e.Trace)
	}
	if a := e.Trace.Authorizer; !strings.Contains(string(a.Event), `"authorization":"***"`) || strings.Contains(string(a.Event), "let-me-in") || !strings.Contains(string(a.Reply), `"Allow"`) {
		t.Errorf("the invocation is %s -> %s", a.Event, a.Reply)
	}
	g.says(policyReply("Allow", stageARN+"/GET/shut"))
	if a := w.do(t, "GET", "/open", "Authorization: let-me-in"); a.status != 403 || g.calls.Load() != 2 {
		t.Errorf("after a dry run that was let in, a request that the function refuses is answered %d; %d calls", a.status, g.calls.Load())
	}
	g.says(policyReply("Allow", stageARN+"/GET/open"))
	if e := w.dry("GET", "/shut", "Authorization: let-me-in"); e.Status != 0 || !e.Trace.Cached {
		t.Errorf("the answer that is kept is not told: %+v", e.Trace)
	}
	e = w.dry("GET", "/open", "Authorization: let-me-in")
	if e.Status != 403 || g.calls.Load() != 2 || e.Trace.Authorizer.ID != "" || !e.Trace.Cached || len(e.Trace.Policies) != 1 {
		t.Fatalf("%d calls; %+v", g.calls.Load(), e.Trace)
	}
	all := e.Trace.Policies[0].Considered()
	if len(all) != 1 || all[0].Matched || all[0].Effect != "Allow" {
		t.Errorf("the statements are %+v", all)
	}
}

// TestSecretsOfNothing sends values in the places of secrets that say nothing, or look
// like tokens and are none: the path stays as it was, and what is one is left out.
func TestSecretsOfNothing(t *testing.T) {
	g := new(guard).says(`{"isAuthorized":true,"context":{"who":"eyJ0PAQUE","me":"pre-eyJhbGciOiJub25lIn0"}}`)
	c := base(gateway.Route{Key: "GET /open", Authorizer: "guard", Function: "f"})
	c.Trace = true
	c.Authorizers = map[string]gateway.Authorizer{"guard": newGuard(t, g, authorizer.LambdaConfig{
		Format: authorizer.FormatV2, SimpleResponses: true, IdentitySources: []string{"$request.header.X-Caller"},
	})}
	w := serve(t, c)
	e := w.dry("GET", "/open?a=b", "Authorization: ", "X-Api-Key: b", "X-Caller: pre-eyJhbGciOiJub25lIn0")
	if e.Path != "/open?a=b" {
		t.Errorf("the path is %s", e.Path)
	}
	if reply := string(e.Trace.Authorizer.Reply); !e.Allowed || strings.Contains(reply, "pre-") {
		t.Errorf("the caller's secret is told: %s", reply)
	}
	e = w.dry("GET", "/open", "Authorization: eyJ0PAQUE", "X-Caller: me")
	if reply := string(e.Trace.Authorizer.Reply); !e.Allowed || strings.Contains(reply, "0PAQUE") {
		t.Errorf("what is no token is told: %s", reply)
	}
}

// TestPassedOver says which routes a request did not go to, and why.
func TestPassedOver(t *testing.T) {
	w := serve(t, base(open("GET /notes/{id}", "GET /notes/special", "POST /notes/special", "ANY /notes/{proxy+}", "GET /notes/{id}/tags", "GET /other", "$default")...))
	for target, want := range map[string][]gateway.PassedOver{
		"GET /notes/special": {
			{Route: "GET /notes/{id}", Why: "matches too, and is less specific"},
			{Route: "ANY /notes/{proxy+}", Why: "matches too, and is less specific"},
			{Route: "POST /notes/special", Why: "is for the method POST, not GET"},
			{Route: "$default", Why: "is for what no other route matches"},
			{Route: "GET /notes/{id}/tags", Why: "has 3 segments, the path 2"},
		},
		"GET /notes": {
			{Route: "GET /notes/special", Why: "has 2 segments, the path 1"},
			{Route: "POST /notes/special", Why: "has 2 segments, the path 1"},
			{Route: "GET /notes/{id}", Why: "has 2 segments, the path 1"},
			{Route: "GET /notes/{id}/tags", Why: "has 3 segments, the path 1"},
			{Route: "ANY /notes/{proxy+}", Why: "needs one segment more"},
		},
	} {
		method, path, _ := strings.Cut(target, " ")
		e := w.dry(method, path)
		if got := e.PassedOver(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s goes to %s past %q, want %q", target, e.RouteKey, got, want)
		}
	}
}
