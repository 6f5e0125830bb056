package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

const (
	bodyUnauthorized = `{"message":"Unauthorized"}`
	bodyForbidden    = `{"message":"Forbidden"}`
)

// denyWorld has a private route behind an issuer, whose keys are fetched over
// HTTP as for any issuer, one with a scope, and one behind a user pool.
type denyWorld struct {
	*world
	config                  gateway.Config
	jwt                     map[string]authorizer.JWTConfig
	issuer, pool, otherPool *verifytest.Issuer
	canary                  *httptest.Server
	canaryHits              atomic.Int64
	ahead                   atomic.Int64 // of the clock of the issuer's keys
}

func (d *denyWorld) now() time.Time { return now.Add(time.Duration(d.ahead.Load())) }

func newDenyWorld(t *testing.T, payloadFormatVersion string) *denyWorld {
	d := &denyWorld{issuer: newIssuer(t), pool: newIssuer(t), otherPool: newIssuer(t)}
	d.canary = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.canaryHits.Add(1) }))
	t.Cleanup(d.canary.Close)
	d.otherPool.RotateTo(verify.RS256, rsaKeys.Take(t)) // pools have key ids of their own
	remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: d.issuer.URL(), Now: d.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remote.Close() })
	c := base(
		gateway.Route{Key: "GET /private", Authorizer: "jwt", Function: "private", PayloadFormatVersion: payloadFormatVersion},
		gateway.Route{Key: "GET /scoped", Authorizer: "jwt", Scopes: []string{"read:unicorn", "admin"}, Function: "scoped", PayloadFormatVersion: payloadFormatVersion},
		gateway.Route{Key: "GET /pool", Authorizer: "pool", Function: "pool", PayloadFormatVersion: payloadFormatVersion},
		gateway.Route{Key: "GET /query", Authorizer: "query", Function: "query", PayloadFormatVersion: payloadFormatVersion},
	)
	d.jwt = map[string]authorizer.JWTConfig{
		"jwt":   {Issuer: d.issuer.URL(), Keys: remote},
		"pool":  {Name: "pool", Kind: "user_pool", Issuer: d.pool.URL(), Audience: []string{"client-1"}, Keys: keysOf(t, d.pool)},
		"query": {Name: "query", Issuer: d.issuer.URL(), Keys: keysOf(t, d.issuer), IdentitySource: "$request.querystring.Token"},
	}
	c.Authorizers = map[string]gateway.Authorizer{}
	for name, j := range d.jwt {
		j.Declared = c.Declared
		d.jwt[name] = j
		c.Authorizers[name] = newJWT(t, j)
	}
	d.config = c
	d.world = serve(t, c)
	return d
}

// plot is a row as advice can change it.
func (d *denyWorld) plot(row denyRow) *plot {
	p := &plot{
		method: "GET", target: row.path, config: d.config, jwt: maps.Clone(d.jwt), scheme: "Bearer ",
		honest: d.issuer.Token, issuer: d.issuer.URL(),
		mend: func() {
			d.issuer.SetDown(false)
			d.issuer.Handle(verifytest.JWKSPath, nil)
			d.ahead.Add(int64(time.Minute))
		},
		names: map[string]string{d.issuer.URL(): "ISSUER", d.pool.URL(): "POOL", d.canary.URL: "CANARY"},
		declare: map[string]func(*plot, string){"authorizers.jwt.issuer": func(p *plot, value string) {
			j := p.jwt["jwt"]
			j.Issuer, j.Keys = value, p.jwt["query"].Keys
			p.jwt["jwt"] = j
		}},
	}
	if row.token != "" {
		p.header = []string{"Authorization: " + row.token}
	}
	if row.path == "/pool" {
		p.honest, p.issuer, p.claims = d.pool.Token, d.pool.URL(), verifytest.Claims{"aud": "client-1"}
	}
	return p
}

// invalid is www-authenticate for an invalid token on a route without scopes.
func invalid(description string) string {
	return `Bearer scope="" error="invalid_token" error_description="` + description + `"`
}

// Each row of the deny table: exact status, bytes and headers, no invocation,
// and no request to an address that the token names.
func TestDenyTable(t *testing.T) {
	for _, version := range []string{"2.0", "1.0"} {
		t.Run("payload "+version, func(t *testing.T) { testDenyTable(t, version) })
	}
}

type denyRow struct {
	name, path, token string
	status            int
	challenge         string
	line              string // a part of what the terminal shows behind "401 GET /private  "
}

func testDenyTable(t *testing.T, version string) {
	d := newDenyWorld(t, version)
	explanations := openBook(t, "jwt")
	for _, row := range d.rows(t) {
		t.Run(row.name, func(t *testing.T) {
			before := d.invoker.calls.Load()
			var header []string
			if row.token != "" {
				header = append(header, "Authorization: "+row.token)
			}
			a := d.do(t, "GET", row.path, header...)
			switch row.status {
			case 401: // without a content type
				a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+row.challenge)
			case 403:
				a.assert(t, 403, bodyForbidden, "Www-Authenticate: "+row.challenge, "Content-Type: application/json")
			}
			if n := d.invoker.calls.Load() - before; n != 0 {
				t.Errorf("the function was invoked %d times", n)
			}
			if n := d.canaryHits.Load(); n != 0 {
				t.Errorf("%d requests went to an address taken from the token", n)
			}
			e := d.journal.last(t)
			if got := e.String(); !strings.HasPrefix(got, fmt.Sprintf("%d GET %s  ", row.status, row.path)) || !strings.Contains(got, row.line) {
				t.Errorf("line %q, want %q in it", got, row.line)
			}
			if parts := strings.Split(row.token, "."); len(parts) == 3 && (strings.Contains(e.String(), parts[2][:min(12, len(parts[2]))]) && parts[2] != "") {
				t.Errorf("line %q has the signature in it", e.String())
			}
			d.plot(row).explained(t, explanations, row.name)
		})
	}
}

func (d *denyWorld) rows(t *testing.T) []denyRow {
	type claims = verifytest.Claims
	good := d.issuer.Token(nil)
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	canary := d.canary.URL
	sign := func(header map[string]any, c claims) string {
		if c == nil {
			c = claims{}
		}
		for k, v := range (claims{"iss": d.issuer.URL(), "aud": verifytest.Audience, "exp": now.Unix() + 60}) {
			if _, ok := c[k]; !ok {
				c[k] = v
			}
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return d.issuer.Sign(header, text)
	}
	return []denyRow{
		{"absent", "/private", "", 401, "Bearer", "jwt: no Authorization header"},
		{"malformed", "/private", "Bearer not-a-token", 401, invalid("token contains an invalid number of segments"), "jwt: token has 1 segment, not 3"},
		{"two segments", "/private", "Bearer " + head + "." + payload, 401, invalid("token contains an invalid number of segments"), "jwt: token"},
		{"five segments", "/private", "Bearer a.b.c.d.e", 401, invalid("token contains an invalid number of segments"), "jwt: token"},
		{"prefix alone", "/private", "Bearer", 401, invalid("token contains an invalid number of segments"), "jwt: token"},
		{"another scheme", "/private", "Basic dXNlcjpwYXNz", 401, invalid("token contains an invalid number of segments"), "jwt: token"},
		{"undefined", "/private", "Bearer undefined", 401, invalid("token contains an invalid number of segments"), "jwt: token has 1 segment, not 3"},
		{"null without the prefix", "/private", "null", 401, invalid("token contains an invalid number of segments"), "jwt: token has 1 segment, not 3"},
		{"not base64url", "/private", "Bearer !.!.!", 401, invalid("token is malformed"), "jwt: token"},
		{"prefix in lower case", "/private", "bearer " + good, 401, invalid("tokenstring should not contain 'bearer '"), `jwt: the token begins with "bearer "`},
		{"prefix twice", "/private", "Bearer Bearer " + good, 401, invalid("tokenstring should not contain 'bearer '"), `jwt: the token begins with "bearer "`},
		{"wrong signature", "/private", "Bearer " + head + "." + payload + "." + flip(signature), 401, invalid("crypto/rsa: verification error"), "jwt: signature does not match key \"key-1\""},
		{"changed payload", "/private", "Bearer " + head + "." + verifytest.Encode([]byte(`{"sub":"admin"}`)) + "." + signature, 401, invalid("crypto/rsa: verification error"), "jwt: signature does not match"},
		{"no signature", "/private", "Bearer " + head + "." + payload + ".", 401, invalid("token is malformed"), "jwt: token has an empty signature"},
		{"wrong key", "/private", "Bearer " + signedBy(d.otherPool, "key-1", claims{"iss": d.issuer.URL(), "aud": verifytest.Audience, "exp": now.Unix() + 60}), 401, invalid("crypto/rsa: verification error"), "jwt: signature does not match"},
		{"alg none", "/private", "Bearer " + verifytest.Encode([]byte(`{"alg":"none","kid":"key-1"}`)) + "." + payload + ".", 401, invalid("token is malformed"), "jwt: "},
		{"alg none with a signature", "/private", "Bearer " + sign(map[string]any{"alg": "none"}, nil), 401, invalid("signing method is invalid"), `"none"`},
		{"alg HS256 with the public key as secret", "/private", "Bearer " + hs256(t, d.issuer, payload), 401, invalid("signing method is invalid"), `"HS256"`},
		{"alg RS512, which is not configured", "/private", "Bearer " + sign(map[string]any{"alg": "RS512"}, nil), 401, invalid("signing method is invalid"), `"RS512"`},
		{"alg ES256", "/private", "Bearer " + sign(map[string]any{"alg": "ES256"}, nil), 401, invalid("signing method is invalid"), `"ES256"`},
		{"no kid", "/private", "Bearer " + sign(map[string]any{"kid": verifytest.Absent}, nil), 401, invalid("the token does not have a valid key id"), `jwt: header has no "kid"`},
		{"unknown kid", "/private", "Bearer " + sign(map[string]any{"kid": "key-9"}, nil), 401, invalid("the token does not have a valid key id"), `jwt: no key has the id "key-9"`},
		{"kid that is a path and a quote", "/private", "Bearer " + sign(map[string]any{"kid": "../../\"\x1b[2J\r\nSet-Cookie: a=b"}, nil), 401, invalid("the token does not have a valid key id"), `jwt: no key has the id`},
		{"key in the token", "/private", "Bearer " + sign(map[string]any{"kid": "mine", "jwk": verifytest.JWK(d.issuer.PublicKey(), nil)}, nil), 401, invalid("the token does not have a valid key id"), `jwt: no key has the id "mine"`},
		{"address of keys in the token", "/private", "Bearer " + sign(map[string]any{"kid": "mine", "jku": canary + "/jwks", "x5u": canary + "/x5u"}, nil), 401, invalid("the token does not have a valid key id"), `jwt: no key has the id "mine"`},
		{"expired", "/private", "Bearer " + sign(nil, claims{"exp": now.Unix() - 180}), 401, invalid("the token has expired"), "jwt: token expired 3m ago (exp 14:02:11)"},
		{"expired this very second", "/private", "Bearer " + sign(nil, claims{"exp": now.Unix()}), 401, invalid("the token has expired"), "jwt: token expired"},
		{"no exp", "/private", "Bearer " + d.issuer.Token(claims{"exp": verifytest.Absent}), 401, invalid("the token does not have valid claims"), `jwt: claim "exp" is missing`},
		{"exp is null", "/private", "Bearer " + sign(nil, claims{"exp": nil}), 401, invalid("the token does not have valid claims"), `jwt: claim "exp"`},
		{"not yet valid", "/private", "Bearer " + sign(nil, claims{"nbf": now.Unix() + 60}), 401, invalid("the token is not valid yet"), "1m (nbf 14:06:11)"},
		{"issued in the future", "/private", "Bearer " + sign(nil, claims{"iat": now.Unix() + 60}), 401, invalid("the token was used before it was issued"), "jwt: token was issued 1m in the future"},
		{"wrong issuer", "/private", "Bearer " + sign(nil, claims{"iss": canary}), 401, invalid("the token does not have a valid issuer"), "jwt: issuer is "},
		{"wrong issuer by a slash", "/private", "Bearer " + sign(nil, claims{"iss": d.issuer.URL() + "/"}), 401, invalid("the token does not have a valid issuer"), "the trailing slash counts"},
		{"wrong audience", "/private", "Bearer " + sign(nil, claims{"aud": "x"}), 401, invalid("the token does not have a valid audience"), `jwt: aud is "x", not `},
		{"wrong audiences", "/private", "Bearer " + sign(nil, claims{"aud": []string{"x", "y"}}), 401, invalid("the token does not have a valid audience"), "jwt: aud is "},
		{"no audience", "/private", "Bearer " + d.issuer.Token(claims{"aud": verifytest.Absent}), 401, invalid("the token does not have a valid audience"), `jwt: claim "aud" is missing`},
		{"client_id does not help a wrong aud", "/private", "Bearer " + sign(nil, claims{"aud": "x", "client_id": verifytest.Audience}), 401, invalid("the token does not have a valid audience"), "jwt: aud is"},
		{"access token of another client", "/pool", "Bearer " + d.pool.Token(claims{"aud": verifytest.Absent, "client_id": "client-2", "token_use": "access"}), 401, invalid("the token does not have a valid audience"), `pool: client_id is "client-2", not `},
		{"another pool's token", "/pool", "Bearer " + d.otherPool.Token(claims{"aud": "client-1"}), 401, invalid("the token does not have a valid key id"), `pool: no key has the id "key-2"`},
		{"another issuer's token that names this one", "/pool", "Bearer " + signedBy(d.otherPool, "key-1", claims{"aud": "client-1", "iss": d.pool.URL(), "exp": now.Unix() + 60}), 401, invalid("crypto/rsa: verification error"), "pool: signature does not match"},
		{"no scope", "/scoped", "Bearer " + good, 403, insufficient, "jwt: token has no scope, and the route wants one of [read:unicorn admin]"},
		{"missing scope", "/scoped", "Bearer " + sign(nil, claims{"scope": "a b"}), 403, insufficient, `jwt: scope "a b" holds none of [read:unicorn admin]`},
		{"scope is not a prefix", "/scoped", "Bearer " + sign(nil, claims{"scope": "read:unicorns administrator"}), 403, insufficient, "jwt: scope"},
		{"scp wins over scope", "/scoped", "Bearer " + sign(nil, claims{"scope": "admin", "scp": []string{"a"}}), 403, insufficient, `jwt: scp "[a]" holds none of`},
		{"scope of a wrong type", "/scoped", "Bearer " + sign(nil, claims{"scope": []string{"admin"}}), 403, insufficient, "jwt: scope"},
		{"ID token on a scoped route", "/scoped", "Bearer " + sign(nil, claims{"token_use": "id"}), 403, insufficient, "jwt: token has no scope"},
		{"expired without scope is expired", "/scoped", "Bearer " + sign(nil, claims{"exp": now.Unix() - 1}), 401, `Bearer scope="read:unicorn admin" error="invalid_token" error_description="the token has expired"`, "jwt: token expired"},
		{"header does not count for a query source", "/query", "Bearer " + good, 401, "Bearer", "query: no query parameter Token"},
	}
}

const insufficient = `Bearer scope="read:unicorn admin" error="insufficient_scope" error_description="insufficient scope"`

// signedBy signs with an issuer's key under another issuer's key id.
func signedBy(i *verifytest.Issuer, kid string, c verifytest.Claims) string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return i.Sign(map[string]any{"kid": kid}, text)
}

// flip changes the first character of a signature.
func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// hs256 signs with the issuer's public key as an HMAC secret, in the hope of a
// verifier that lets the token choose.
func hs256(t *testing.T, i *verifytest.Issuer, payload string) string {
	der, err := x509.MarshalPKIXPublicKey(i.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	input := verifytest.Encode([]byte(`{"alg":"HS256","kid":"`+i.KeyID()+`","typ":"JWT"}`)) + "." + payload
	m := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	m.Write([]byte(input))
	return input + "." + verifytest.Encode(m.Sum(nil))
}

// What passes, so that the table above does not pass by refusing everything.
func TestAllowTable(t *testing.T) {
	type claims = verifytest.Claims
	d := newDenyWorld(t, "")
	for _, row := range []struct{ name, path, header string }{
		{"with the prefix", "/private", "Authorization: Bearer " + d.issuer.Token(nil)},
		{"without the prefix", "/private", "Authorization: " + d.issuer.Token(nil)},
		{"header name in another case", "/private", "aUTHORIZATION: Bearer " + d.issuer.Token(nil)},
		{"one audience of several", "/private", "Authorization: " + d.issuer.Token(claims{"aud": []string{"x", verifytest.Audience}})},
		{"access token by client_id", "/pool", "Authorization: Bearer " + d.pool.Token(claims{"aud": verifytest.Absent, "client_id": "client-1", "token_use": "access", "scope": "aws.cognito.signin.user.admin"})},
		{"ID token by aud", "/pool", "Authorization: Bearer " + d.pool.Token(claims{"aud": "client-1", "token_use": "id"})},
		{"one scope of several", "/scoped", "Authorization: Bearer " + d.issuer.Token(claims{"scope": "x admin"})},
		{"scp as a string", "/scoped", "Authorization: Bearer " + d.issuer.Token(claims{"scp": "x admin"})},
		{"scp as an array", "/scoped", "Authorization: Bearer " + d.issuer.Token(claims{"scp": []string{"x", "read:unicorn"}, "scope": "x"})},
		{"in the query", "/query?a=b&Token=" + d.issuer.Token(nil), "X-A: b"},
		{"in the query with the prefix", "/query?Token=Bearer%20" + d.issuer.Token(nil), "X-A: b"},
	} {
		if a := d.do(t, "GET", row.path, row.header); a.status != 200 {
			t.Errorf("%s: %d %s %s (%s)", row.name, a.status, a.body, a.header.Get("Www-Authenticate"), d.journal.last(t))
		}
		if line := d.journal.last(t).String(); strings.Contains(line, "eyJ") {
			t.Errorf("%s: the log has the token: %s", row.name, line)
		}
	}
}

func TestSeveralTokensAreRefused(t *testing.T) {
	d := newDenyWorld(t, "")
	good := d.issuer.Token(nil)
	explanations := openBook(t, "jwt-placement")
	explain := func(name, path string, header ...string) {
		t.Helper()
		p := d.plot(denyRow{path: path})
		p.header = header
		p.explained(t, explanations, name)
	}
	explain("two headers", "/private", "Authorization: Bearer "+good, "Authorization: Bearer "+good)
	explain("two query parameters", "/query?Token="+good+"&%54oken="+good)
	explain("a query parameter in another case", "/query?token="+good)
	explain("a query parameter for a header", "/private?access_token="+good)
	explain("a header for a query parameter", "/query", "Authorization: Bearer "+good)
	a := d.do(t, "GET", "/private", "Authorization: Bearer "+good, "Authorization: Bearer "+good)
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid("token contains an invalid number of segments"))
	a = d.do(t, "GET", "/query?Token="+good+"&%54oken="+good)
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid("token contains an invalid number of segments"))
	// The name of a query parameter has a case.
	a = d.do(t, "GET", "/query?token="+good)
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: Bearer")
	if n := d.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
}

// An issuer that is down makes a 401 with the observed texts, not a 5xx.
func TestIssuerDown(t *testing.T) {
	d := newDenyWorld(t, "")
	d.issuer.SetDown(true)
	explanations := openBook(t, "jwt-issuer-down")
	a := d.do(t, "GET", "/private", "Authorization: "+d.issuer.Token(nil))
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid("OIDC discovery endpoint communication error"))
	d.plot(denyRow{path: "/private", token: d.issuer.Token(nil)}).explained(t, explanations, "discovery")

	d = newDenyWorld(t, "")
	d.issuer.Handle(verifytest.JWKSPath, http.NotFoundHandler())
	a = d.do(t, "GET", "/private", "Authorization: "+d.issuer.Token(nil))
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid("JWKS communication error"))
	d.plot(denyRow{path: "/private", token: d.issuer.Token(nil)}).explained(t, explanations, "keys")
}
