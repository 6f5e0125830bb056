package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// everybody is a statement of a resource policy.
func everybody(effect, resource string, more ...string) string {
	return fmt.Sprintf(`{"Effect":%q,"Principal":"*","Action":"execute-api:Invoke","Resource":%q%s}`, effect, resource, strings.Join(more, ""))
}

func policyOf(statements ...string) []byte {
	return []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

// deniedBody is the body of what a resource policy has refused, as it was recorded
// on AWS: the account is masked but for its last four digits.
func deniedBody(path, reason string) string {
	return `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:abcdefghij/dev/` +
		path + ` ` + reason + `"}`
}

const (
	silentPolicy  = "because no resource-based policy allows the execute-api:Invoke action"
	denyingPolicy = "with an explicit deny in a resource-based policy"
)

// Both tables of apigateway-authorization-flow, row by row: what the authorizer
// says, what the policy says, and what comes of it.
func TestResourcePolicyTables(t *testing.T) {
	issuer := newIssuer(t)
	users := authorizer.JWTConfig{
		Name: "users", Declared: "apis.Api", Issuer: issuer.URL(), Audience: []string{"client"}, Keys: keysOf(t, issuer), Now: clock, IdentitySource: "method.request.header.Authorization",
	}
	pool, err := authorizer.NewUserPool(users)
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.Token(verifytest.Claims{"token_use": "id", "aud": "client"})
	explanations := openBook(t, "resource-policy")
	policies := map[string][]byte{
		"allow":  policyOf(everybody("Allow", "execute-api:/dev/GET/a")),
		"silent": policyOf(everybody("Allow", "execute-api:/dev/GET/b")),
		"deny":   policyOf(everybody("Allow", "*"), everybody("Deny", "execute-api:/*/GET/a")),
	}
	const (
		ok             = iota
		byPolicySilent // the policy has to allow, and does not
		byPolicyDeny
		bySilentAuthorizer
		byDenyingAuthorizer
		unauthorized
	)
	for _, row := range []struct {
		authorizer, identity, policy string
		want                         int
		asked                        bool
	}{
		{"none", "", "allow", ok, false},
		{"none", "", "silent", byPolicySilent, false},
		{"none", "", "deny", byPolicyDeny, false},
		// Table A.
		{"lambda", "Allow", "allow", ok, true},
		{"lambda", "Allow", "silent", ok, true},
		{"lambda", "silent", "allow", ok, true},
		{"lambda", "silent", "silent", bySilentAuthorizer, true}, // 403; that the text is the authorizer's is assumed
		{"lambda", "Allow", "deny", byPolicyDeny, false},
		{"lambda", "silent", "deny", byPolicyDeny, false},
		{"lambda", "Deny", "deny", byPolicyDeny, false},
		{"lambda", "Deny", "allow", byDenyingAuthorizer, true},
		{"lambda", "Deny", "silent", byDenyingAuthorizer, true},
		{"lambda", "401", "allow", unauthorized, true},
		{"lambda", "missing", "allow", unauthorized, false},
		{"lambda", "missing", "deny", byPolicyDeny, false},
		// Table B.
		{"users", "Allow", "allow", ok, false},
		{"users", "Allow", "silent", byPolicySilent, false},
		{"users", "401", "allow", unauthorized, false},
		{"users", "401", "silent", unauthorized, false},
		{"users", "401", "deny", unauthorized, false},
		{"users", "missing", "allow", unauthorized, false},
		{"users", "Allow", "deny", byPolicyDeny, false},
	} {
		t.Run(row.authorizer+" "+row.identity+" "+row.policy, func(t *testing.T) {
			g := (&guard{}).says(policyReply("Allow", devARN+"/GET/a"))
			header := []string{"Authorization: " + good}
			switch row.identity {
			case "silent":
				g.says(policyReply("Allow", devARN+"/GET/other"))
			case "Deny":
				g.says(policyReply("Deny", devARN+"/GET/a"))
			case "401":
				g.throws("Unauthorized")
				header[0] = "Authorization: x"
			case "missing":
				header = nil
			}
			c := guarded(baseREST(), tokenGuard(t, g, authorizer.LambdaConfig{}), "GET /a")
			switch row.authorizer {
			case "none":
				c = baseREST(open("GET /a")...)
			case "users":
				c.Authorizers[c.Routes[0].Authorizer] = pool
			}
			c.REST.ResourcePolicy = policies[row.policy]
			w := serve(t, c)
			a := w.do(t, "GET", "/dev/a", header...)
			switch row.want {
			case ok:
				a.assertRESTFailure(t, 200)
			case byPolicySilent:
				a.assertFailure(t, 403, "AccessDeniedException", deniedBody("GET/a", silentPolicy))
			case byPolicyDeny:
				a.assertFailure(t, 403, "AccessDeniedException", deniedBody("GET/a", denyingPolicy))
			case bySilentAuthorizer:
				a.assertRESTFailure(t, 403)
			case byDenyingAuthorizer:
				a.assertRESTFailure(t, -403)
			case unauthorized:
				a.assertRESTFailure(t, 401)
			}
			if n := w.invoker.calls.Load(); (n > 0) != (row.want == ok) {
				t.Errorf("the method's function ran %d times", n)
			}
			if n := g.calls.Load(); (n > 0) != row.asked {
				t.Errorf("the authorizer was asked %d times", n)
			}
			if e := w.journal.last(t); e.Allowed != (row.want == ok) || row.authorizer != "none" && len(e.Reasons) == 0 {
				t.Errorf("%+v", e)
			}
			if row.want == ok {
				return
			}
			p := guardPlot(baseREST(), g, authorizer.LambdaConfig{Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.Authorization"}}, "GET /a")
			p.config.Routes, p.config.REST.ResourcePolicy = c.Routes, c.REST.ResourcePolicy
			p.target, p.header, p.names = "/dev/a", header, map[string]string{issuer.URL(): "POOL"}
			if row.authorizer == "users" {
				p.guards, p.guard, p.pools = nil, nil, map[string]authorizer.JWTConfig{"guard": users}
				p.honest, p.issuer, p.claims = issuer.Token, issuer.URL(), verifytest.Claims{"token_use": "id", "aud": "client"}
			}
			p.explained(t, explanations, row.authorizer+" "+row.identity+" "+row.policy)
		})
	}
}

// What a policy says of an address, a method, a path in other spellings and a
// preflight; all of it before any function runs.
func TestResourcePolicyOfRequests(t *testing.T) {
	condition := func(c string) string { return `,"Condition":` + c }
	explanations := openBook(t, "resource-policy-requests")
	for _, row := range []struct {
		name           string
		policy         []byte
		method, target string
		header         string
		denied         string // the reason, or empty
		path           string
	}{
		{"this address", policyOf(everybody("Allow", "execute-api:/*", condition(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","127.0.0.1/32","::1"]}}`))), "GET", "/dev/a", "", "", ""},
		{"another address", policyOf(everybody("Allow", "execute-api:/*", condition(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`))), "GET", "/dev/a", "", silentPolicy, "GET/a"},
		{"an address that the client claims", policyOf(everybody("Allow", "execute-api:/*", condition(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`))), "GET", "/dev/a", "X-Forwarded-For: 203.0.113.9", silentPolicy, "GET/a"},
		{"all but an address", policyOf(everybody("Allow", "*"), everybody("Deny", "*", condition(`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`))), "GET", "/dev/a", "", denyingPolicy, "GET/a"},
		{"a user agent", policyOf(everybody("Allow", "*"), everybody("Deny", "*", condition(`{"StringLike":{"aws:UserAgent":"curl/*"}}`))), "GET", "/dev/a", "User-Agent: curl/8.0", denyingPolicy, "GET/a"},
		{"https, as on AWS", policyOf(everybody("Allow", "*"), everybody("Deny", "*", condition(`{"Bool":{"aws:SecureTransport":"false"}}`))), "GET", "/dev/a", "", "", ""},
		{"a time that is past", policyOf(everybody("Allow", "*", condition(`{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`))), "GET", "/dev/a", "", silentPolicy, "GET/a"},
		{"a method", policyOf(everybody("Allow", "execute-api:/dev/GET/*")), "POST", "/dev/a", "", silentPolicy, "POST/a"},
		{"the method that overrides", policyOf(everybody("Allow", "execute-api:/dev/GET/*")), "GET", "/dev/a", "X-HTTP-Method-Override: DELETE", silentPolicy, "DELETE/a"},
		{"another stage", policyOf(everybody("Allow", "execute-api:/prod/*")), "GET", "/dev/a", "", silentPolicy, "GET/a"},
		{"any API", policyOf(everybody("Allow", "arn:aws:execute-api:*:*:*")), "GET", "/dev/a", "", "", ""},
		{"another API", policyOf(everybody("Allow", "arn:aws:execute-api:us-east-1:000000000000:zzzzzzzzzz/*")), "GET", "/dev/a", "", silentPolicy, "GET/a"},
		{"another action", []byte(strings.Replace(string(policyOf(everybody("Allow", "*"))), "Invoke", "InvalidateCache", 1)), "GET", "/dev/a", "", silentPolicy, "GET/a"},
		{"an encoded letter", policyOf(everybody("Allow", "*"), everybody("Deny", "execute-api:/*/admin")), "GET", "/dev/%61dmin", "", denyingPolicy, "GET/%61dmin"},
		{"a slash at the end", policyOf(everybody("Allow", "*"), everybody("Deny", "execute-api:/*/admin")), "GET", "/dev/admin/", "", denyingPolicy, "GET/admin/"},
		{"the root", policyOf(everybody("Allow", "execute-api:/dev/GET/a")), "GET", "/dev", "", silentPolicy, "GET/"},
		{"a preflight", policyOf(everybody("Allow", "execute-api:/dev/GET/*")), "OPTIONS", "/dev/admin", "Origin: https://a.example", silentPolicy, "OPTIONS/admin"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := baseREST(open("ANY /a", "GET /{x}", "GET /")...)
			c.CORS = &gateway.CORS{AllowOrigins: []string{"https://a.example"}, AllowMethods: []string{"*"}}
			c.REST.ResourcePolicy = row.policy
			w := serve(t, c)
			var header []string
			if row.header != "" {
				header = append(header, row.header)
			}
			a := w.do(t, row.method, row.target, header...)
			if row.denied == "" {
				a.assertRESTFailure(t, 200)
				return
			}
			a.assertREST(t, 403, deniedBody(row.path, row.denied), typeJSON, errorType("AccessDeniedException"), "Access-Control-Allow-Origin: https://a.example")
			if n := w.invoker.calls.Load(); n > 0 {
				t.Errorf("the function ran %d times", n)
			}
			p := &plot{method: row.method, target: row.target, header: header, config: c}
			p.allowed = func(a answer) bool {
				return a.status == 200 || a.status == 204 || a.status == 403 && a.body == bodyMissingToken
			}
			p.explained(t, explanations, row.name)
		})
	}
}

// A policy's answers are gateway responses, an ARN that is too long is refused
// before it is compared, and what matches no resource asks no policy.
func TestResourcePolicyAnswers(t *testing.T) {
	c := baseREST(open("GET /{x}")...)
	c.REST.ResourcePolicy = policyOf(everybody("Deny", "*"))
	c.REST.GatewayResponses = map[string]gateway.GatewayResponse{"ACCESS_DENIED": {StatusCode: 404, Templates: map[string]string{"application/json": `{"m":$context.error.messageString}`}}}
	w := serve(t, c)
	w.do(t, "GET", "/dev/a").assertFailure(t, 404, "AccessDeniedException", `{"m"`+strings.TrimPrefix(deniedBody("GET/a", denyingPolicy), `{"Message"`))
	if e := w.journal.last(t); e.Authorizer != "resourcePolicy" || e.Allowed || e.Reasons[0].Code != authorizer.CodeExplicitDeny {
		t.Errorf("%+v", e)
	}
	w.do(t, "GET", "/dev/"+strings.Repeat("x", 1601)).assertREST(t, 414, `{"message":"Request URI too long"}`, typeJSON, errorType("RequestTooLargeException"))
	w.do(t, "GET", "/dev/a/b").assertFailure(t, 403, errorMissingToken, bodyMissingToken)
}

func TestResourcePolicyMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "no Statement",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`:                                                      "no Principal",
		`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"*","Resource":"*"}]}`:                   "cannot be evaluated",
		`{"Statement":[{"Effect":"Deny","NotPrincipal":"*","Action":"*","Resource":"*"}]}`:                                    "its NotPrincipal cannot be evaluated",
		`{"Statement":[` + everybody("Deny", "execute-api:dev/*") + `]}`:                                                      "a resource is an ARN",
		`{"Statement":[` + everybody("Deny", "*", `,"Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}`) + `]}`:           "has no such key",
		`{"Statement":[` + everybody("Deny", "*", `,"Condition":{"StringEquals":{"aws:UserAgent":"${aws:username}"}}`) + `]}`: "variables are not supported",
		`{"Statement":[` + everybody("Deny", "execute-api:/${aws:userid}") + `]}`:                                             "variables are not supported",
		`{"Statement":[],"Id":"` + strings.Repeat("x", 8192) + `"}`:                                                           "8192 at most",
		`{"Statement":[` + everybody("Deny", "*", `,"Condition":{"IpAddresses":{"aws:SourceIp":"127.0.0.1"}}`) + `]}`:         "no such operator",
	} {
		c := baseREST(open("GET /a")...)
		c.Invoker = &invoker{}
		c.REST.ResourcePolicy = []byte(text)
		if g, err := gateway.New(c); err == nil || g != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", text, err, want)
		}
	}
}
