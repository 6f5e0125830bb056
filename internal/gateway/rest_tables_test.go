package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/gateway"
)

// Every type of gateway response (supported-gateway-response-types): the request
// that raises it, with the whole of its answer, or the reason why none can. Each type
// is configured to say its own name in a header, so that none is taken for another.
func TestGatewayResponseTypes(t *testing.T) {
	types := []string{
		"ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY",
		"BAD_REQUEST_PARAMETERS", "EXPIRED_TOKEN", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE",
		"MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED", "UNAUTHORIZED",
		"UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
	}
	c := baseREST(open("GET /ok", "GET /fails", "GET /throttles", "GET /absent", "GET /late", "GET /badly", "GET /encoded", "POST /body")...)
	for _, r := range []gateway.Route{
		{Key: "GET /unauthorized"}, {Key: "GET /denied"}, {Key: "GET /broken"},
		{Key: "GET /picky", RequestParameters: []string{"method.request.querystring.q"}}, {Key: "GET /keyed", APIKeyRequired: true},
		{Key: "GET /slow", Throttle: &gateway.Throttle{RateLimit: 0, BurstLimit: 0}},
	} {
		r.Authorizer, r.Function = gateway.None, r.Key
		if name := strings.TrimPrefix(r.Key, "GET /"); name == "unauthorized" || name == "denied" || name == "broken" {
			r.Authorizer = name
		}
		c.Routes = append(c.Routes, r)
	}
	c.Authorizers = map[string]gateway.Authorizer{
		"unauthorized": decides{authorizer.Decision{Status: 401}}, "denied": decides{authorizer.Decision{Status: 403}}, "broken": decides{authorizer.Decision{Status: 500}},
	}
	c.REST.APIKeys = []gateway.APIKey{{Name: "one", ID: "id1", Value: keyOne}}
	c.REST.UsagePlans = []gateway.UsagePlan{{Name: "basic", Keys: []string{"one"}, Quota: &gateway.Quota{Limit: 1, Period: "DAY"}}}
	c.REST.BinaryMediaTypes = []string{"image/png"}
	c.REST.GatewayResponses = responses{}
	for _, kind := range types {
		if kind != "REQUEST_TOO_LARGE" { // it cannot be changed
			c.REST.GatewayResponses[kind] = gateway.GatewayResponse{Headers: map[string]string{"X-Kind": "'" + kind + "'"}}
		}
	}
	w := serve(t, c)
	w.invoker.reply = func(_ context.Context, function string, _ []byte) ([]byte, string, error) {
		switch strings.TrimPrefix(function, "GET /") {
		case "fails":
			return []byte(`{"errorMessage":"x"}`), "Unhandled", nil
		case "throttles":
			return nil, "", &aws.Error{Code: "TooManyRequestsException", Status: 429}
		case "absent":
			return nil, "", &aws.Error{Code: "ResourceNotFoundException", Status: 404}
		case "late":
			return nil, "", context.DeadlineExceeded
		case "badly":
			return []byte(`[]`), "", nil
		case "encoded":
			return []byte(`{"isBase64Encoded":true,"body":"?"}`), "", nil
		}
		return []byte(`{"body":"ok"}`), "", nil
	}
	const (
		exact      = true
		statusOnly = false // the status is documented; code or text were not observed
	)
	raised := map[string]bool{}
	for _, row := range []struct {
		kind, why string // why no request can raise it
		exact     bool
		path      string
		header    []string
		status    int
		code      string
		body      string
	}{
		{"ACCESS_DENIED", "", exact, "/dev/denied", nil, 403, "AccessDeniedException", bodyImplicitDeny},
		{"API_CONFIGURATION_ERROR", "", statusOnly, "/dev/encoded", []string{"Accept: image/png"}, 500, "", ""},
		{"AUTHORIZER_CONFIGURATION_ERROR", "", exact, "/dev/broken", nil, 500, "AuthorizerConfigurationException", bodyNull},
		{"AUTHORIZER_FAILURE", "nothing is known that raises it; whatever an authorizer does wrong was observed as AUTHORIZER_CONFIGURATION_ERROR", false, "", nil, 0, "", ""},
		{"BAD_REQUEST_PARAMETERS", "", exact, "/dev/picky", nil, 400, "BadRequestException", `{"message":"Missing required request parameters: [q]"}`},
		{"BAD_REQUEST_BODY", "", exact, "", nil, 400, "BadRequestException", `{"message":"Invalid request body"}`},
		{"EXPIRED_TOKEN", "of signed requests, which the declaration refuses", false, "", nil, 0, "", ""},
		{"INTEGRATION_FAILURE", "", exact, "/dev/fails", nil, 502, errorInternal, bodyInternalREST},
		{"INTEGRATION_FAILURE", "", exact, "/dev/badly", nil, 502, errorInternal, bodyInternalREST},
		{"INTEGRATION_FAILURE", "", exact, "/dev/absent", nil, 500, errorInternal, bodyInternalREST},
		{"INTEGRATION_FAILURE", "", statusOnly, "/dev/throttles", nil, 500, "", ""},
		{"INTEGRATION_TIMEOUT", "", exact, "/dev/late", nil, 504, errorInternal, bodyTimeoutREST},
		{"INVALID_API_KEY", "", exact, "/dev/keyed", nil, 403, errorKey, bodyForbidden},
		{"INVALID_SIGNATURE", "", statusOnly, "/dev/no", []string{"Authorization: Bearer abc"}, 403, "", ""},
		{"MISSING_AUTHENTICATION_TOKEN", "", exact, "/dev/no", nil, 403, errorMissingToken, bodyMissingToken},
		{"", "", exact, "/dev/keyed", []string{"x-api-key: " + keyOne}, 200, "", "ok"}, // the one of the quota
		{"QUOTA_EXCEEDED", "", exact, "/dev/keyed", []string{"x-api-key: " + keyOne}, 429, errorLimit, bodyLimit},
		{"REQUEST_TOO_LARGE", "", statusOnly, "", nil, 413, "", ""},
		{"RESOURCE_NOT_FOUND", "nothing is known that raises it: what matches no resource was observed as MISSING_AUTHENTICATION_TOKEN", false, "", nil, 0, "", ""},
		{"THROTTLED", "", exact, "/dev/slow", nil, 429, errorThrottle, bodyTooMany},
		{"UNAUTHORIZED", "", exact, "/dev/unauthorized", nil, 401, "UnauthorizedException", bodyUnauthorized},
		{"UNSUPPORTED_MEDIA_TYPE", "of integrations with templates: a Lambda proxy takes any media type", false, "", nil, 0, "", ""},
		{"WAF_FILTERED", "of AWS WAF, which there is none of here", false, "", nil, 0, "", ""},
	} {
		raised[row.kind] = true
		if row.why != "" {
			continue
		}
		t.Run(row.kind+" "+row.path, func(t *testing.T) {
			var a answer
			switch row.kind {
			case "BAD_REQUEST_BODY":
				a = w.raw(t, "POST", "POST /dev/body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
			case "REQUEST_TOO_LARGE":
				a = w.send(t, "POST", "/dev/body", strings.Repeat("x", 6<<20))
			default:
				a = w.do(t, "GET", row.path, row.header...)
			}
			kind := row.kind
			if kind == "REQUEST_TOO_LARGE" {
				kind = ""
			}
			if a.status != row.status || a.header.Get("X-Kind") != kind {
				t.Errorf("%d %s of %q, want %d of %q", a.status, a.body, a.header.Get("X-Kind"), row.status, kind)
			}
			if row.exact && row.kind != "" {
				a.assertREST(t, row.status, row.body, typeJSON, errorType(row.code), "X-Kind: "+row.kind)
			}
		})
	}
	for _, kind := range types {
		if !raised[kind] {
			t.Errorf("no row of %s", kind)
		}
	}
}

// The function of a REST API's authorizer that cannot be asked, answers too much,
// or does not answer at all, for which it has the integration's time.
func TestRESTFunctionAuthorizerOutOfOrder(t *testing.T) {
	for name, g := range map[string]*guard{
		"no such function": {reply: func([]byte) ([]byte, string, error) { return nil, "", errors.New("no such function") }},
		"may not be asked": {reply: func([]byte) ([]byte, string, error) {
			return nil, "", &aws.Error{Code: "AccessDeniedException", Status: 403}
		}},
		"throttled": {reply: func([]byte) ([]byte, string, error) {
			return nil, "", &aws.Error{Code: "TooManyRequestsException", Status: 429}
		}},
		"a long resource": (&guard{}).says(policyReply("Allow", "arn:"+strings.Repeat("*", 509))),
		"huge":            (&guard{}).says(policyReply("Allow", "*") + strings.Repeat(" ", 64<<10)),
		"a Principal":     (&guard{}).says(strings.Replace(policyReply("Allow", "*"), `"Action"`, `"Principal":"*","Action"`, 1)),
	} {
		w := serve(t, guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{TTL: time.Minute}), "GET /a"))
		for range 2 { // a failure is not kept
			w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, 500)
		}
		if g.calls.Load() != 2 || w.invoker.calls.Load() != 0 {
			t.Errorf("%s: asked %d times, and the method ran %d times", name, g.calls.Load(), w.invoker.calls.Load())
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l, err := authorizer.NewLambda(authorizer.LambdaConfig{
			Name: "guard", Function: "guard", Invoker: lateInvoker{}, Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.X"},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := guarded(baseREST(), l, "GET /a")
		c.Invoker = lateInvoker{}
		gw, err := gateway.New(c)
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		began, r, got := time.Now(), httptest.NewRequest(http.MethodGet, "/dev/a", nil), httptest.NewRecorder()
		r.Header.Set("X", "1")
		gw.ServeHTTP(got, r)
		if took := time.Since(began); got.Code != 500 || got.Body.String() != bodyNull || took != 29*time.Second {
			t.Errorf("%d %s after %s", got.Code, got.Body, took)
		}
	})
}

// A Deny of a REST API's authorizer is kept as long as an Allow is, and answers are
// not found across stages, APIs and authorizers, nor under the names of sources.
func TestRESTFunctionAuthorizerKeeps(t *testing.T) {
	at := now
	g := (&guard{}).says(policyReply("Deny", devARN+"/*"))
	kept := authorizer.LambdaConfig{TTL: 300 * time.Second, Now: func() time.Time { return at }}
	w := serve(t, guarded(baseREST(), tokenGuard(t, g, kept), "GET /a", "GET /b"))
	w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, -403)
	g.says(policyReply("Allow", "*"))
	at = now.Add(300*time.Second - 1)
	w.do(t, "GET", "/dev/b", "Authorization: x").assertRESTFailure(t, -403)
	at = now.Add(300 * time.Second)
	w.do(t, "GET", "/dev/b", "Authorization: x").assertRESTFailure(t, 200)
	if n := g.calls.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}

	// The same token at another stage, another API and another authorizer.
	for name, change := range map[string]func(*gateway.Config){
		"another stage": func(c *gateway.Config) { c.Stage = "prod" },
		"another API":   func(c *gateway.Config) { c.ID = "zzzzzzzzzz" },
		"the same":      func(*gateway.Config) {},
	} {
		before := g.calls.Load()
		c := guarded(baseREST(), tokenGuard(t, g, kept), "GET /a")
		change(&c)
		serve(t, c).do(t, "GET", "/"+c.Stage+"/a", "Authorization: x").assertRESTFailure(t, 200)
		if g.calls.Load() != before+1 {
			t.Errorf("%s: asked %d times", name, g.calls.Load()-before)
		}
	}
	no := (&guard{}).says(policyReply("Deny", "*"))
	c := guarded(baseREST(), tokenGuard(t, g, kept), "GET /a")
	c.Authorizers["other"] = tokenGuard(t, no, kept)
	c.Routes = append(c.Routes, gateway.Route{Key: "GET /other", Authorizer: "other", Function: "f"})
	w = serve(t, c)
	w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, 200)
	w.do(t, "GET", "/dev/other", "Authorization: x").assertRESTFailure(t, -403)
	w.do(t, "GET", "/dev/a", "Authorization: x").assertRESTFailure(t, 200)

	// Two sources whose values change places are two identities.
	g = (&guard{}).says(policyReply("Allow", "*"))
	both := kept
	both.Format, both.IdentitySources = authorizer.FormatRequest, []string{"method.request.header.A", "method.request.header.B"}
	w = serve(t, guarded(baseREST(), newGuard(t, g, both), "GET /a"))
	for range 2 {
		w.do(t, "GET", "/dev/a", "A: 1", "B: 2").assertRESTFailure(t, 200)
		w.do(t, "GET", "/dev/a", "A: 2", "B: 1").assertRESTFailure(t, 200)
	}
	if n := g.calls.Load(); n != 2 {
		t.Errorf("asked %d times for two identities", n)
	}
}

// What a function in format 1.0 replies, and what the client of an HTTP API gets:
// the column of HTTP APIs beside TestRESTReply's.
func TestRepliesV1Table(t *testing.T) {
	for _, row := range []struct {
		reply, functionError string
		status               int // below 0: not observed, the status alone is held
	}{
		{`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"c":["d"]},"body":"x","isBase64Encoded":false}`, "", 200},
		{`{"statusCode":0}`, "", 500},
		{`{"statusCode":"x"}`, "", 500},
		{`{"statusCode":200.5}`, "", 500},
		{`"x"`, "", 500},
		{`{"statusCode":200`, "", 500},
		{`[]`, "", 500},
		{`1`, "", 500},
		{`null`, "", 500},
		{`{"errorMessage":"x"}`, "Unhandled", 500},
		{`{"body":"x"}`, "", -500},
		{`{}`, "", -500},
		{`{"statusCode":"201"}`, "", -500},
		{`{"statusCode":200,"body":{}}`, "", -500},
		{`{"statusCode":200,"extra":1}`, "", -500},
		{`{"statusCode":200,"headers":null}`, "", -200},
		{`{"statusCode":200,"headers":{"a":true}}`, "", -500},
		{`{"statusCode":200,"multiValueHeaders":{"a":"b"}}`, "", -500},
	} {
		w := serve(t, base(gateway.Route{Key: "GET /", Authorizer: gateway.None, Function: "f", PayloadFormatVersion: "1.0"}))
		w.invoker.reply = func(context.Context, string, []byte) ([]byte, string, error) {
			return []byte(row.reply), row.functionError, nil
		}
		switch got := w.do(t, "GET", "/"); {
		case row.status == 500:
			got.assert(t, 500, bodyInternal, typeJSON)
		case got.status != max(row.status, -row.status):
			t.Errorf("%s: %d %s", row.reply, got.status, got.body)
		}
	}
}
