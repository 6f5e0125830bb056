package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// Wherever a client puts a token, a key or a session token, no reason, fact, hint or
// change shows it, nor what could act on a terminal.
func TestReasonsShowNoSecret(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.Token(verifytest.Claims{"scope": "x", "aud": "other"})
	long := strings.Repeat("a", 3000)
	guardOf := func(c gateway.Config, reply string, l authorizer.LambdaConfig) *plot {
		return guardPlot(c, (&guard{}).says(reply), l, "ANY /a/{proxy+}")
	}
	tokenSource := authorizer.LambdaConfig{Format: authorizer.FormatToken, IdentitySources: []string{"method.request.header.Authorization"}, ValidationExpression: "x"}
	withPolicy := func(c gateway.Config, statements ...string) *plot {
		c.REST.ResourcePolicy = policyOf(statements...)
		return &plot{config: c}
	}
	cors := base(open("GET /a")...)
	cors.CORS = &gateway.CORS{AllowOrigins: []string{"https://app.example"}}
	required := baseREST(gateway.Route{Key: "ANY /a/{proxy+}", Authorizer: gateway.None, Function: "f", RequestParameters: []string{"method.request.header.X-Must"}})
	worlds := map[string]func() *plot{
		"no route":            func() *plot { return &plot{config: base(open("GET /b")...)} },
		"no resource":         func() *plot { return &plot{config: baseREST(open("GET /b")...)} },
		"required parameters": func() *plot { return &plot{config: required} },
		"cors":                func() *plot { return &plot{config: cors} },
		"an API key": func() *plot {
			return usagePlot(gateway.UsagePlan{}, func(c *gateway.Config) { c.Routes[0].Key = "ANY /a/{proxy+}" })
		},
		"jwt": func() *plot {
			return &plot{config: base(gateway.Route{Key: "ANY /a/{proxy+}", Authorizer: "jwt", Function: "f"}), jwt: map[string]authorizer.JWTConfig{"jwt": {Issuer: issuer.URL(), Keys: keysOf(t, issuer)}}}
		},
		"a silent policy of a function":  func() *plot { return guardOf(base(), policyReply("Allow", "arn:x"), authorizer.LambdaConfig{}) },
		"a denying policy of a function": func() *plot { return guardOf(base(), policyReply("Deny", "*"), authorizer.LambdaConfig{}) },
		"an expression":                  func() *plot { return guardOf(baseREST(), policyReply("Allow", "*"), tokenSource) },
		"a silent policy": func() *plot {
			return withPolicy(baseREST(open("ANY /a/{proxy+}")...), everybody("Allow", "execute-api:/x"))
		},
		"a denying policy": func() *plot {
			return withPolicy(baseREST(open("ANY /a/{proxy+}")...), everybody("Deny", "*", `,"Condition":{"StringLike":{"aws:UserAgent":"*","aws:Referer":"*"}}`))
		},
		"iam": func() *plot {
			return &plot{config: withIAM(t, baseREST(), newAccount(t, now, 's'), "ANY /a/{proxy+}"), roles: roleStatements()}
		},
	}
	reasons := 0
	for name, world := range worlds {
		for _, target := range []string{
			"/a/" + token, "/a/eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl", "/a/b?token=" + token, "/" + token, "/a/" + long, "/A/" + token + "/", "/a/%1b[2J", "/a/b?access_token=" + token + "&x-api-key=" + keyOne, "/a%2f" + token,
		} {
			for _, header := range [][]string{
				nil, {"Authorization: Bearer " + token}, {"Authorization: " + token}, {"Authorization: Basic " + token}, {"Authorization: AWS4-HMAC-SHA256 " + token}, {"Authorization: " + token + " x"},
				{"x-api-key: " + keyOne + "x"}, {"x-api-key: " + token}, {"Authorization: Bearer Bearer " + token},
				{"Origin: " + token, "Access-Control-Request-Method: PUT"}, {"Origin: https://app.example", "Access-Control-Request-Method: " + token},
				{"Origin: https://app.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: " + token},
				{"User-Agent: " + token, "Referer: " + token, "Authorization: x"},
			} {
				p := world()
				p.method, p.target, p.header = "OPTIONS", target, header
				if p.config.REST != nil {
					p.target = "/dev" + target
				}
				_, e := p.send(t)
				if r := decidingReason(e); r != nil {
					reasons++
					checkReason(t, r, token, keyOne, "\x1b")
				}
				if t.Failed() {
					t.Fatalf("%s, %s %q: %s", name, p.target, header, e)
				}
				p.w.server.Close()
			}
		}
	}
	// Signatures and session tokens, good and bad.
	account := newAccount(t, now, 's')
	reader := assume(t, account, "reader", nil)
	for _, s := range []signing{
		{target: "/dev/a/" + token, keys: reader}, {target: "/dev/a/b?x=" + token, keys: reader},
		{target: "/dev/a/b", keys: reader, presign: 1e9 * 60, change: func(r *http.Request) { r.URL.RawQuery += "&token=" + token }},
		{target: "/dev/a/" + token, keys: sigv4.Credentials{AccessKeyID: reader.AccessKeyID, SecretAccessKey: "x", SessionToken: reader.SessionToken}},
		{target: "/dev/a/b", keys: sigv4.Credentials{AccessKeyID: token[:100], SecretAccessKey: "x"}},
		{target: "/dev/a/b", keys: reader, region: "us-east-9"}, {target: "/dev/a/b", keys: reader, service: token[:60]},
		{target: "/dev/a/b", keys: reader, region: token[:60]},
		{target: "/dev/a/b", keys: reader, change: func(r *http.Request) { r.Header.Set("X-Amz-Date", token) }},
		{target: "/dev/a/b", keys: reader, change: func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+token+", SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="+strings.Repeat("a", 64))
		}},
		{target: "/dev/a/b", keys: reader, change: func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256", token, 1))
		}},
		{target: "/dev/a/b", keys: reader, change: func(r *http.Request) { r.Header.Set("X-Amz-"+token[:40], "x") }},
	} {
		p := worlds["iam"]()
		p.keys, p.signing = reader, &s
		_, e := p.send(t)
		r := decidingReason(e)
		if r == nil {
			t.Fatalf("%s is not refused", s.target)
		}
		reasons++
		checkReason(t, r, token, reader.SecretAccessKey, reader.SessionToken, token[:60])
	}
	if reasons < 500 {
		t.Errorf("only %d reasons were looked at", reasons)
	}
}
