package explain_test

import (
	"crypto"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

const (
	apiKey  = "an-api-key-0123456789"
	example = "AKIAIOSFODNN7EXAMPLE"
)

// newRESTWorld is a REST API with all that a request can be stopped by.
func newRESTWorld(t *testing.T) *world {
	t.Helper()
	w := &world{ring: explain.NewRing(100, 1<<20), issuer: verifytest.NewIssuer(verify.RS256), rest: true}
	t.Cleanup(w.issuer.Close)
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{w.issuer.KeyID(): w.issuer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := authorizer.NewUserPool(authorizer.JWTConfig{Name: "pool", Issuer: w.issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys, IdentitySource: "method.request.header.Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"Calls","Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"},{"Sid":"NoPut","Effect":"Deny","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:*/*/PUT/*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	account, err := iam.New(iam.Config{
		AccountID: aws.AccountID, Region: "us-east-1", Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
		Root:  sigv4.Credentials{AccessKeyID: example, SecretAccessKey: "secret"},
		Roles: []iam.RoleConfig{{Name: "caller", Policies: []policy.Document{doc}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.account = account
	signed, err := authorizer.NewIAM(account, "us-east-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.gateway, err = gateway.New(gateway.Config{
		ID: "abcdefghij", DomainName: "localhost:3100", Stage: "dev", Invoker: w, Trace: true,
		Authorizers: map[string]gateway.Authorizer{"pool": pool, "iam": signed},
		Log:         func(e gateway.Entry) { w.ring.Add(explain.Record{Source: "Rest", Entry: &e}) },
		Routes: []gateway.Route{
			{Key: "GET /keyed", Authorizer: gateway.None, Function: "f", APIKeyRequired: true, RequestParameters: []string{"method.request.querystring.q"}},
			{Key: "GET /pool", Authorizer: "pool", Function: "f"},
			{Key: "ANY /signed", Authorizer: "iam", Function: "f"},
			{Key: "GET /fenced", Authorizer: gateway.None, Function: "f"},
			{Key: "GET /mail/{link}", Authorizer: gateway.None, Function: "f"},
		},
		REST: &gateway.REST{
			APIKeys:          []gateway.APIKey{{Name: "partner", ID: "id1", Value: apiKey}},
			UsagePlans:       []gateway.UsagePlan{{Name: "basic", Keys: []string{"partner"}, Throttle: &gateway.Throttle{BurstLimit: 1}}},
			GatewayResponses: map[string]gateway.GatewayResponse{"INVALID_API_KEY": {StatusCode: 402}},
			ResourcePolicy: []byte(`{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"},
				{"Sid":"Fence","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*/GET/fenced"},
				{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*/GET/mail/*","Condition":{"StringNotLike":{"aws:UserAgent":"*mail*","aws:Referer":"https://mail.example/*"}}}]}`),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestPoliciesTellNoToken sends tokens in what policies are asked of.
func TestPoliciesTellNoToken(t *testing.T) {
	w := newRESTWorld(t)
	token := w.issuer.Token(nil)
	for _, agent := range []string{"browser " + token, "mail " + token} {
		r := httptest.NewRequest("GET", "/dev/mail/"+token, nil)
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Referer", "https://other.example/"+token+"?code=QUERY-SECRET")
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		x := w.ring.Explain(w.ring.Last(1)[0])
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{token[:30], token[len(token)-30:], "QUERY-SECRET"} {
			if strings.Contains(x.Text(), s) || strings.Contains(string(text), s) {
				t.Errorf("%s is told of a request by %.10s:\n%s\n%s", s, agent, x.Text(), text)
			}
		}
		if len(x.Steps) < 3 || !strings.Contains(x.Text(), "aws:UserAgent") && x.Status == 403 {
			t.Errorf("nothing is told: %s", x.Text())
		}
	}
}

// TestStepsOfARESTAPI tells of each step that can refuse, by what it compared, and of
// those before and behind it.
func TestStepsOfARESTAPI(t *testing.T) {
	w := newRESTWorld(t)
	sent := func(method, target string, header ...string) *explain.Explanation {
		r := httptest.NewRequest(method, target, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		return w.ring.Explain(w.ring.Last(1)[0])
	}
	given, err := w.account.Assume(iam.AssumeRequest{Role: "caller", Session: "session"})
	if err != nil {
		t.Fatal(err)
	}
	caller := given.Credentials
	guessed := caller
	guessed.SecretAccessKey = "guessed"
	signed := func(method string, keys sigv4.Credentials) *explain.Explanation {
		r := httptest.NewRequest(method, "http://localhost:3100/dev/signed", nil)
		sigv4.Sign(r, nil, keys, "execute-api", "us-east-1", time.Now())
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		return w.ring.Explain(w.ring.Last(1)[0])
	}
	id := w.issuer.Token(verifytest.Claims{"token_use": "id"})
	for _, tt := range []struct {
		name    string
		x       *explain.Explanation
		status  int
		refused string // the kind of the step
		texts   []string
	}{
		{"another stage", sent("GET", "/prod/keyed"), 403, explain.KindStage, []string{"stage"}},
		{"no route", sent("GET", "/dev/nothing"), 403, explain.KindRoute, []string{"GET /keyed: segment 1 is", "gateway response"}},
		{"no key", sent("GET", "/dev/keyed"), 402, explain.KindAPIKey, []string{"no API key", "INVALID_API_KEY, as the API's gatewayResponses", "To get in:", "x-api-key"}},
		{"no parameter", sent("GET", "/dev/keyed", "x-api-key", apiKey), 400, explain.KindValidator, []string{"the key partner is in the usage plan basic", "within the rates", "lacks q"}},
		{"too often", sent("GET", "/dev/keyed?q=1", "x-api-key", apiKey), 429, explain.KindLimits, []string{"over the rate of its usage plan basic"}},
		{"the policy", sent("GET", "/dev/fenced"), 403, explain.KindPolicy, []string{"statement 2 (Fence) of resourcePolicy, Deny, decides"}},
		{"no token", sent("GET", "/dev/pool"), 401, explain.KindAuthorizer, []string{"no Authorization header", "Bearer"}},
		{"a token", sent("GET", "/dev/pool", "Authorization", id), 200, "", []string{"the token says", "token_use: id", "does not stand in the way", "statement 1 of resourcePolicy, Allow, decides"}},
		{"a token again", sent("GET", "/dev/pool", "Authorization", id), 200, "", []string{"known from an earlier request"}},
		{"not signed", sent("GET", "/dev/signed"), 403, explain.KindAuthorizer, []string{"sign it"}},
		{"signed by another", signed("GET", guessed), 403, explain.KindAuthorizer, []string{"canonical request", "host:localhost:3100"}},
		{"signed", signed("GET", caller), 200, "", []string{"signed by", "assumed-role/caller/session", "statement 1 (Calls) of policy 1 of role caller, Allow, matches"}},
		{"denied", signed("PUT", caller), 403, explain.KindAuthorizer, []string{"statement 2 (NoPut) of policy 1 of role caller, Deny, decides"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, text := tt.x, tt.x.Text()
			if x.Status != tt.status || x.Allowed == slices.Contains([]string{explain.KindStage, explain.KindRoute, explain.KindAuthorizer, explain.KindPolicy}, tt.refused) {
				t.Errorf("status %d, allowed %t", x.Status, x.Allowed)
			}
			refused := slices.IndexFunc(x.Steps, func(s explain.Step) bool { return s.Outcome == explain.Refused })
			if kind := ""; refused >= 0 {
				if kind = x.Steps[refused].Kind; kind != tt.refused {
					t.Errorf("the step %q refused, want %q", kind, tt.refused)
				}
				for _, s := range x.Steps[:refused] {
					if s.Outcome == explain.NotReached {
						t.Errorf("%s was not reached, and is before the one that refused", s.Kind)
					}
				}
				for _, s := range x.Steps[refused+1:] {
					if s.Outcome == explain.Passed {
						t.Errorf("%s was passed, and is behind the one that refused", s.Kind)
					}
				}
				if len(x.Advice) == 0 || !strings.Contains(text, "To get in:") {
					t.Error("there is no advice")
				}
			} else if tt.refused != "" {
				t.Errorf("nothing refused, want %q", tt.refused)
			}
			for _, want := range tt.texts {
				if !strings.Contains(text, want) {
					t.Errorf("the text has no %q", want)
				}
			}
			for _, secret := range []string{apiKey, id, "Signature=", caller.SessionToken} {
				if b, err := json.Marshal(x); err != nil || strings.Contains(text+string(b), secret) {
					t.Errorf("%s is told, %v", secret, err)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}
