package lambdaauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/lambdaauth"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

type claims = verifytest.Claims

// world is an authorizer, its issuer, and what it logs.
type world struct {
	issuer *verifytest.Issuer
	auth   *lambdaauth.Authorizer
	log    bytes.Buffer
}

func newWorld(t *testing.T, change func(*lambdaauth.Config)) *world {
	t.Helper()
	w := &world{issuer: verifytest.NewIssuer(verify.RS256)}
	t.Cleanup(w.issuer.Close)
	keys, err := verify.ParseKeySet(w.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c := lambdaauth.Config{
		Issuer: w.issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys,
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	if w.auth, err = lambdaauth.New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// invoker runs handlers as the Lambda runtime of Go does, and everything else as a
// function that says what it was told.
type invoker map[string]lambda.Handler

func (i invoker) Invoke(ctx context.Context, function string, event []byte) ([]byte, string, error) {
	h, ok := i[function]
	if !ok {
		var e struct {
			RequestContext struct{ Authorizer json.RawMessage }
		}
		json.Unmarshal(event, &e)
		body, _ := json.Marshal(string(e.RequestContext.Authorizer))
		return []byte(`{"statusCode":200,"body":` + string(body) + `}`), "", nil
	}
	reply, err := h.Invoke(ctx, event)
	if err != nil {
		reply, _ = json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": reflect.TypeOf(err).Name()})
		return reply, "Unhandled", nil
	}
	return reply, "", nil
}

// kinds are the four handlers and the authorizers they are for.
func (w *world) kinds() map[string]struct {
	handler any
	config  authorizer.LambdaConfig
} {
	http, rest := []string{"$request.header.Authorization"}, []string{"method.request.header.Authorization"}
	type kind = struct {
		handler any
		config  authorizer.LambdaConfig
	}
	return map[string]kind{
		"Token":       {w.auth.Token, authorizer.LambdaConfig{Format: authorizer.FormatToken, IdentitySources: rest}},
		"Request":     {w.auth.Request, authorizer.LambdaConfig{Format: authorizer.FormatRequest, IdentitySources: rest}},
		"Request 1.0": {w.auth.Request, authorizer.LambdaConfig{Format: authorizer.FormatV1, IdentitySources: http}},
		"Policy":      {w.auth.Policy, authorizer.LambdaConfig{Format: authorizer.FormatV2, IdentitySources: http}},
		"Simple":      {w.auth.Simple, authorizer.LambdaConfig{Format: authorizer.FormatV2, IdentitySources: http, SimpleResponses: true}},
	}
}

// serve puts a handler in front of an API with two methods.
func serve(t *testing.T, handler any, c authorizer.LambdaConfig) *gateway.Gateway {
	t.Helper()
	functions := invoker{"guard": lambda.NewHandler(handler)}
	c.Name, c.Function, c.Invoker = "guard", "guard", functions
	l, err := authorizer.NewLambda(c)
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{ID: "abcdefghij", DomainName: "localhost:3100", Stage: "dev", Invoker: functions, Authorizers: map[string]gateway.Authorizer{"guard": l},
		Routes: []gateway.Route{{Key: "GET /", Authorizer: "guard", Function: "f"}, {Key: "GET /a", Authorizer: "guard", Function: "f"}, {Key: "POST /b/{x+}", Authorizer: "guard", Function: "f"}}}
	if c.Format == authorizer.FormatToken || c.Format == authorizer.FormatRequest {
		cfg.REST = &gateway.REST{}
	}
	g, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func ask(g *gateway.Gateway, method, path string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header["Authorization"] = authorization
	answer := httptest.NewRecorder()
	g.ServeHTTP(answer, r)
	return answer
}

// Each handler behind the gateway of its kind: who is let in, who is a stranger, who
// lacks a scope, and what the route sees.
func TestHandlers(t *testing.T) {
	w := newWorld(t, func(c *lambdaauth.Config) {
		c.Scopes, c.Claims = []string{"get:profile", "list"}, []string{"email", "n", "ok", "roles", "absent"}
	})
	good := claims{"sub": "alice", "scope": "openid get:profile", "email": "a@example.com", "n": 1, "ok": true, "roles": []string{"a b", "c"}}
	poor := claims{"scope": "openid"}
	for name, kind := range w.kinds() {
		t.Run(name, func(t *testing.T) {
			g := serve(t, kind.handler, kind.config)
			got := ask(g, "GET", "/dev/a", "Bearer "+w.issuer.Token(good))
			if got.Code != 200 {
				t.Fatalf("%d %s: %s", got.Code, got.Body, &w.log)
			}
			for _, want := range []string{`"sub":"alice"`, `"scope":"openid get:profile"`, `"email":"a@example.com"`, `"roles":"[\"a b\",\"c\"]"`} {
				if !strings.Contains(got.Body.String(), want) {
					t.Errorf("%s lacks %s", got.Body, want)
				}
			}
			for _, row := range []struct {
				name   string
				header []string
				status int
				reason string
			}{
				{"no scope", []string{"Bearer " + w.issuer.Token(poor)}, 403, "InsufficientScope"},
				{"another audience", []string{"Bearer " + w.issuer.Token(claims{"aud": "x"})}, 401, "WrongAudience"},
				{"another issuer", []string{"Bearer " + w.issuer.Token(claims{"iss": w.issuer.URL() + "/"})}, 401, "WrongIssuer"},
				{"expired", []string{"Bearer " + w.issuer.Token(claims{"exp": 1})}, 401, "Expired"},
				{"forged", []string{"Bearer " + w.issuer.Token(good)[:40] + "." + w.issuer.Token(good)}, 401, "WrongSegments"},
				{"no subject", []string{"Bearer " + w.issuer.Token(claims{"sub": verifytest.Absent})}, 401, "MissingClaim"},
				{"a subject that is none", []string{"Bearer " + w.issuer.Token(claims{"sub": ""})}, 401, "MissingClaim"},
				{"basic", []string{"Basic " + w.issuer.Token(good)}, 401, "NoBearerToken"},
				{"bare", []string{w.issuer.Token(good)}, 401, "NoBearerToken"},
				{"bearer", []string{"bearer " + w.issuer.Token(good)}, 401, "NoBearerToken"},
				{"two", []string{"Bearer " + w.issuer.Token(good), "Bearer " + w.issuer.Token(good)}, 401, ""},
			} {
				w.log.Reset()
				got := ask(g, "GET", "/dev/a", row.header...)
				if got.Code != row.status {
					t.Errorf("%s: %d %s", row.name, got.Code, got.Body)
				}
				log := w.log.String()
				if !strings.Contains(log, row.reason) {
					t.Errorf("%s: the log lacks %s: %s", row.name, row.reason, log)
				}
				for _, h := range row.header {
					if token := strings.TrimPrefix(h, "Bearer "); strings.Contains(log, token) || strings.Contains(log, token[len(token)-30:]) {
						t.Errorf("%s: the log holds the token: %s", row.name, log)
					}
				}
			}
		})
	}
}

// A policy names all methods of the stage, so that what is kept of it opens them;
// or, on request, the one that was asked for, whatever stands in its path.
func TestPolicyResource(t *testing.T) {
	wide, exact := newWorld(t, nil), newWorld(t, func(c *lambdaauth.Config) { c.ExactResource = true })
	for _, w := range []*world{wide, exact} {
		for name, kind := range w.kinds() {
			kind.config.TTL = time.Minute
			g := serve(t, kind.handler, kind.config)
			token := "Bearer " + w.issuer.Token(nil)
			if got := ask(g, "POST", "/dev/b/*", token); got.Code != 200 {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
			want := 200
			if w == exact && name != "Simple" {
				want = 403
			}
			for _, path := range []string{"/dev/b/x", "/dev/b/*/x"} {
				if got := ask(g, "POST", path, token); got.Code != want {
					t.Errorf("%s, kept, %s: %d %s", name, path, got.Code, got.Body)
				}
			}
			if got := ask(g, "GET", "/dev/a", token); got.Code != want {
				t.Errorf("%s, kept, another method: %d", name, got.Code)
			}
			if got := ask(g, "GET", "/dev/", token); got.Code != want && name != "" {
				t.Errorf("%s, kept, the root: %d %s", name, got.Code, got.Body)
			}
			if got := ask(g, "POST", "/dev/b/*", token); got.Code != 200 {
				t.Errorf("%s, kept: %d", name, got.Code)
			}
		}
	}
	const arn = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/$default/GET/a:b/*/${aws:userid}?"
	for _, w := range []*world{wide, exact} {
		r, err := w.auth.Token(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: "Bearer " + w.issuer.Token(nil), MethodArn: arn})
		if err != nil {
			t.Fatal(err)
		}
		want := "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/$default/*/*"
		if w == exact {
			want = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/$default/GET/a:b/${*}/${$}{aws:userid}${?}"
		}
		if got := r.PolicyDocument.Statement[0].Resource; !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, arn := range []string{"", "*", "arn:aws:execute-api:r:a:api", "arn:aws:execute-api:r:a:api/stage", "arn:aws:execute-api:r:a:*/*/GET/a", "arn:aws:s3:r:a:b/c/d"} {
		if r, err := wide.auth.Token(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: "Bearer " + wide.issuer.Token(nil), MethodArn: arn}); err == nil || err.Error() == "Unauthorized" || r.PrincipalID != "" {
			t.Errorf("%q: %+v, %v", arn, r, err)
		}
	}
}

// The issuer's outage is not the caller's fault: 500, and not 401.
func TestIssuerDown(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	w := newWorld(t, func(c *lambdaauth.Config) { c.Keys, c.Issuer = nil, down.URL })
	token := "Bearer " + w.issuer.Token(claims{"iss": down.URL})
	for name, kind := range w.kinds() {
		if got := ask(serve(t, kind.handler, kind.config), "GET", "/dev/a", token); got.Code != 500 {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	_, err := w.auth.Token(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: token, MethodArn: "arn:aws:execute-api:r:a:api/stage/GET/"})
	var refused *verify.Error
	if !errors.As(err, &refused) || refused.Reason != verify.DiscoveryUnavailable {
		t.Errorf("%v", err)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("%s", &w.log)
	}
}

// The error says "Unauthorized", to the letter, and keeps the cause for tests.
func TestUnauthorizedIsExact(t *testing.T) {
	w := newWorld(t, nil)
	for value, want := range map[string]verify.Reason{"": "", "Bearer x": verify.WrongSegments, "Bearer " + w.issuer.Token(claims{"exp": 1}): verify.Expired} {
		r, err := w.auth.Token(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: value, MethodArn: "arn:aws:execute-api:r:a:api/stage/GET/"})
		if err == nil || err.Error() != "Unauthorized" || !reflect.DeepEqual(r, events.APIGatewayCustomAuthorizerResponse{}) {
			t.Fatalf("%q: %+v %v", value, r, err)
		}
		var refused *verify.Error
		if errors.As(err, &refused) != (want != "") || want != "" && refused.Reason != want {
			t.Errorf("%q: %v", value, refused)
		}
	}
}

// An authorizer of another kind, or one whose answers would be kept for something
// else than the token, is a mistake and not a refusal of the caller.
func TestMisplacedHandlers(t *testing.T) {
	w := newWorld(t, nil)
	token := "Bearer " + w.issuer.Token(nil)
	for name, kind := range w.kinds() {
		for other, of := range w.kinds() {
			same := reflect.ValueOf(kind.handler).Pointer() == reflect.ValueOf(of.handler).Pointer()
			v2 := kind.config.Format == authorizer.FormatV2 && of.config.Format == authorizer.FormatV2
			if same || v2 {
				continue
			}
			if got := ask(serve(t, kind.handler, of.config), "GET", "/dev/a", token); got.Code != 500 {
				t.Errorf("the handler %s as %s: %d %s", name, other, got.Code, got.Body)
			}
		}
	}
	for _, kind := range []string{"Policy", "Simple"} {
		k := w.kinds()[kind]
		k.config.IdentitySources = []string{"$request.querystring.key"}
		if got := ask(serve(t, k.handler, k.config), "GET", "/dev/a?key=x", token); got.Code != 500 {
			t.Errorf("%s by another identity source: %d", kind, got.Code)
		}
	}
}

// Two spellings of the header are one header, which may be there once.
func TestHeaderIsThereOnce(t *testing.T) {
	w := newWorld(t, func(c *lambdaauth.Config) { c.Header = "x-token" })
	token := "Bearer " + w.issuer.Token(nil)
	for _, row := range []struct {
		single map[string]string
		multi  map[string][]string
		ok     bool
	}{
		{map[string]string{"X-TOKEN": token}, nil, true},
		{map[string]string{"X-Token": token}, map[string][]string{"X-Token": {token}}, true},
		{map[string]string{"X-Token": token, "x-token": token}, nil, false},
		{map[string]string{"X-Token": token}, map[string][]string{"X-Token": {token, token}}, false},
		{map[string]string{"X-Token": token}, map[string][]string{"x-token": {"Bearer x"}}, false},
		{map[string]string{"Authorization": token}, nil, false},
		{nil, nil, false},
	} {
		_, err := w.auth.Request(t.Context(), events.APIGatewayCustomAuthorizerRequestTypeRequest{
			Type: "REQUEST", MethodArn: "arn:aws:execute-api:r:a:api/stage/GET/", Headers: row.single, MultiValueHeaders: row.multi,
		})
		if (err == nil) != row.ok || err != nil && err.Error() != "Unauthorized" {
			t.Errorf("%v %v: %v", len(row.single), len(row.multi), err)
		}
	}
}

// Scopes are words of scope, or members of scp, which comes first.
func TestScopes(t *testing.T) {
	w := newWorld(t, func(c *lambdaauth.Config) { c.Scopes = []string{"a", "b"} })
	for _, row := range []struct {
		claims claims
		ok     bool
	}{
		{claims{"scope": "b c"}, true}, {claims{"scope": "ab"}, false}, {claims{"scope": "a,b"}, false}, {claims{"scope": "c\ta"}, false},
		{claims{"scp": []string{"a"}}, true}, {claims{"scp": []string{"a b"}}, false}, {claims{"scp": "x b"}, true}, {claims{"scp": []any{1, nil}}, false},
		{claims{"scp": []string{"x"}, "scope": "a"}, false}, {claims{"scope": []string{"a"}}, false}, {claims{"scope": 1}, false}, {nil, false},
	} {
		r, err := w.auth.Simple(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{
			Version: "2.0", RouteArn: "arn:aws:execute-api:r:a:api/stage/GET/", Headers: map[string]string{"authorization": "Bearer " + w.issuer.Token(row.claims)},
		})
		if err != nil || r.IsAuthorized != row.ok {
			t.Errorf("%v: %+v %v", row.claims, r, err)
		}
	}
}

func TestConfigurationMistakes(t *testing.T) {
	keys, _ := verify.NewStaticKeySet(nil)
	for want, c := range map[string]lambdaauth.Config{
		"Issuer is empty":         {Audience: []string{"a"}, Keys: keys},
		"Audience is empty":       {Issuer: "https://i.example", Keys: keys},
		"the name is taken":       {Issuer: "https://i.example", Audience: []string{"a"}, Claims: []string{"claims"}},
		"exclude each other":      {Issuer: "https://i.example", Audience: []string{"a"}, Keys: keys, JWKSURL: "https://i.example/jwks"},
		"neither https nor http":  {Issuer: "http://i.example", Audience: []string{"a"}},
		"lambdaauth: verify: ...": {Issuer: "https://i.example", Audience: []string{"a"}, JWKSURL: "ftp://i.example"},
	} {
		a, err := lambdaauth.New(c)
		if err == nil || a != nil || !strings.HasPrefix(err.Error(), "lambdaauth: ") || !strings.Contains(err.Error(), want) && !strings.HasSuffix(want, "...") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Keys by their address, without discovery.
func TestJWKSURL(t *testing.T) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	var asked []string
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Write(issuer.JWKS())
	}))
	defer jwks.Close()
	w := newWorld(t, func(c *lambdaauth.Config) { c.Issuer, c.Keys, c.JWKSURL = issuer.URL(), nil, jwks.URL+"/keys" })
	for range 2 {
		r, err := w.auth.Token(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: "Bearer " + issuer.Token(nil), MethodArn: "arn:aws:execute-api:r:a:api/stage/GET/"})
		if err != nil || r.PrincipalID == "" {
			t.Errorf("%+v %v", r, err)
		}
	}
	if fmt.Sprint(asked) != "[/keys]" {
		t.Errorf("asked for %v", asked)
	}
}
