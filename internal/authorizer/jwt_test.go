package authorizer_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

var now = time.Date(2026, 11, 21, 14, 5, 11, 0, time.UTC)

func clock() time.Time { return now }

func newIssuer(t testing.TB) (*verifytest.Issuer, verify.KeySet) {
	i := verifytest.NewIssuer(verify.RS256)
	i.Now = clock
	t.Cleanup(i.Close)
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{i.KeyID(): i.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	return i, keys
}

func newJWT(t testing.TB, issuer string, keys verify.KeySet) *authorizer.JWT {
	j, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "auth0", Kind: "jwt", Issuer: issuer, Audience: []string{verifytest.Audience}, Keys: keys, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func request(token string) *http.Request {
	r, err := http.NewRequest("GET", "http://localhost/private", nil)
	if err != nil {
		panic(err)
	}
	if token != "" {
		r.Header["Authorization"] = []string{token}
	}
	return r
}

func TestZeroDecisionRefuses(t *testing.T) {
	if (authorizer.Decision{}).Allow {
		t.Error("the zero Decision allows")
	}
}

// A refusal carries no claims and no scopes, and says why and what would help.
func TestExplanations(t *testing.T) {
	type claims = verifytest.Claims
	issuer, keys := newIssuer(t)
	slashed := newJWT(t, issuer.URL()+"/", keys)
	j := newJWT(t, issuer.URL(), keys)
	for _, row := range []struct {
		name             string
		j                *authorizer.JWT
		token            string
		scopes           []string
		status           int
		code, text, hint string
	}{
		{"absent", j, "", nil, 401, "TokenAbsent", "no Authorization header", "send Authorization: Bearer TOKEN"},
		{"not a JWT", j, "Bearer x", nil, 401, "WrongSegments", "token has 1 segment, not 3", "send a signed JWT in compact form"},
		{"expired", j, issuer.Token(claims{"exp": now.Unix() - 180}), nil, 401, "Expired", "token expired 3m ago (exp 14:02:11)", "get a new token"},
		{"issuer by a slash", slashed, issuer.Token(nil), nil, 401, "WrongIssuer", "(the trailing slash counts)", "the issuer has a slash at the end that the token has not: set authorizers.auth0.issuer: " + issuer.URL()},
		{"issuer", j, issuer.Token(claims{"iss": "https://other.example/"}), nil, 401, "WrongIssuer", `issuer is "https://other.example/", not "` + issuer.URL() + `"`, "get a token from " + issuer.URL()},
		{"audience", j, issuer.Token(claims{"aud": "x"}), nil, 401, "WrongAudience", `aud is "x", not `, `ask for the audience https://api.example.com at login, or add "x" to authorizers.auth0.audience`},
		{"no scope", j, issuer.Token(nil), []string{"read:unicorn"}, 403, "InsufficientScope", "token has no scope, and the route wants read:unicorn", "request the scope read:unicorn at login"},
		{"scope", j, issuer.Token(claims{"scope": "a b"}), []string{"read:unicorn"}, 403, "InsufficientScope", `scope "a b" does not hold read:unicorn`, "request the scope read:unicorn at login"},
		{"ID token", j, issuer.Token(claims{"token_use": "id"}), []string{"read:unicorn"}, 403, "InsufficientScope", "token has no scope", "send the access token, not the ID token"},
		{"scope with controls", j, issuer.Token(claims{"scope": "\x1b[2J\u202e"}), []string{"s"}, 403, "InsufficientScope", `scope "\x1b[2J\u202e" does not hold s`, ""},
		{"long scope", j, issuer.Token(claims{"scope": strings.Repeat("x", 3000)}), []string{"s"}, 403, "InsufficientScope", `xxx"... does not hold s`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := row.j.Authorize(request(row.token), row.scopes)
			if d.Allow || d.Status != row.status || len(d.Claims.Raw()) != 0 || d.Scopes != nil || len(d.Reasons) != 1 {
				t.Fatalf("%+v", d)
			}
			r := d.Reasons[0]
			if r.Code != row.code || !strings.Contains(r.Text, row.text) || !strings.HasPrefix(r.Hint, row.hint) {
				t.Errorf("%+v, want %q %q %q", r, row.code, row.text, row.hint)
			}
			if len(r.Text) > 600 {
				t.Errorf("a text of %d bytes", len(r.Text))
			}
		})
	}
}

func TestConfigurationMistakes(t *testing.T) {
	_, err := authorizer.NewJWT(authorizer.JWTConfig{Kind: "lambda", IdentitySource: "$request.body.x", Audience: make([]string, 51), Algorithms: []verify.Algorithm{verify.ES256, verify.PS256}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"it has no name", `kind "lambda"`, `identity source "$request.body.x"`, "51 audiences, 50 at most", `algorithm "ES256"`, `algorithm "PS256"`, "Issuer is empty", "Keys is nil"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	_, keys := newIssuer(t)
	for source, ok := range map[string]bool{
		"": true, "$request.header.Authorization": true, "$request.header.x-token": true, "$request.querystring.token": true,
		"$request.header.": false, "$request.header.a b": false, "$request.querystring.a&b": false,
		"Authorization": false, "method.request.header.Authorization": false, "$context.x": false,
	} {
		_, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "a", Kind: "jwt", Issuer: "i", Audience: []string{"a"}, Keys: keys, IdentitySource: source})
		if (err == nil) != ok {
			t.Errorf("%q: %v", source, err)
		}
	}
}

// The identity source may be a query parameter, whose name has a case.
func TestQuerySource(t *testing.T) {
	issuer, keys := newIssuer(t)
	j, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "a", Kind: "user_pool", Issuer: issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys, Now: clock, IdentitySource: "$request.querystring.Token"})
	if err != nil {
		t.Fatal(err)
	}
	if j.QueryParameter() != "Token" {
		t.Errorf("query parameter %q", j.QueryParameter())
	}
	good := issuer.Token(nil)
	for query, code := range map[string]string{
		"Token=" + good: "Verified", "a=b&Token=Bearer+" + good: "Verified", "%54oken=" + good: "Verified",
		"token=" + good: "TokenAbsent", "Token=": "TokenAbsent", "": "TokenAbsent", "Token": "TokenAbsent",
		"Token=" + good + "&Token=" + good: "SeveralTokens", "Token=x": "WrongSegments",
		"Token=bearer%20" + good: "BearerInToken", "Token=" + issuer.Token(verifytest.Claims{"aud": "x"}): "WrongAudience",
	} {
		r := request("Bearer " + good) // the header does not count
		r.URL.RawQuery = query
		if d := j.Authorize(r, nil); d.Reasons[0].Code != code || d.Allow != (code == "Verified") {
			t.Errorf("%.40q: %+v, want %s", query, d.Reasons, code)
		}
	}
}

// Claims come as strings, in the token's order.
func TestEventClaims(t *testing.T) {
	issuer, keys := newIssuer(t)
	payload := fmt.Sprintf(`{"s":"<é>","n":1604085585,"e":1.6e9,"f":1.5,"huge":1e400,"b":true,"a":["x","y"],"z":null,"m":[null,1,{"k":["v"]}],"o":{"b":1,"a":[true]},"iss":%q,"aud":%q,"exp":%d}`,
		issuer.URL(), verifytest.Audience, now.Unix()+1)
	d := newJWT(t, issuer.URL(), keys).Authorize(request(issuer.Sign(nil, []byte(payload))), nil)
	if !d.Allow {
		t.Fatalf("%+v", d)
	}
	want := []apigw.Pair{
		{Name: "s", Value: "<é>"}, {Name: "n", Value: "1604085585"}, {Name: "e", Value: "1600000000"}, {Name: "f", Value: "1.5"}, {Name: "huge", Value: "1e400"},
		{Name: "b", Value: "true"}, {Name: "a", Value: "[x y]"}, {Name: "m", Value: "[<nil> 1 map[k:[v]]]"}, {Name: "o", Value: "map[a:[true] b:1]"},
		{Name: "iss", Value: issuer.URL()}, {Name: "aud", Value: verifytest.Audience}, {Name: "exp", Value: fmt.Sprint(now.Unix() + 1)},
	}
	if got := d.EventClaims(nil); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A key set that fails in a way of its own refuses.
func TestKeySetFailure(t *testing.T) {
	issuer, _ := newIssuer(t)
	j := newJWT(t, issuer.URL(), failing{})
	d := j.Authorize(request(issuer.Token(nil)), nil)
	if d.Allow || d.Status != 401 || !strings.Contains(d.Challenge, "JWKS communication error") || !strings.Contains(d.Reasons[0].Text, "keys are unavailable") {
		t.Errorf("%+v", d)
	}
}

// An issuer that is declared by another name than it has for itself is up, and says so.
func TestIssuerByAnotherName(t *testing.T) {
	issuer, _ := newIssuer(t)
	for declared, want := range map[string]string{
		issuer.URL() + "/": "the issuer has a slash at the end that it calls itself without: set authorizers.auth0.issuer: " + issuer.URL(),
		issuer.URL():       "the issuer lacks its slash at the end: set authorizers.auth0.issuer: " + issuer.URL() + "/",
		issuer.URL() + "/v2": "an issuer is written as it calls itself, which its tokens do too: set authorizers.auth0.issuer: " + issuer.URL() +
			", if that is whom you trust",
	} {
		name := issuer.URL()
		if declared == name {
			name += "/"
		}
		for _, path := range []string{verifytest.DiscoveryPath, "/v2" + verifytest.DiscoveryPath} {
			issuer.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, name, issuer.JWKSURL())
			}))
		}
		remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: declared, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		r := newJWT(t, declared, remote).Authorize(request(issuer.Token(nil)), nil).Reasons[0]
		if r.Code != "DiscoveryUnavailable" || r.Hint != want || r.Change.Value != name {
			t.Errorf("issuer %s: %+v\nwant the hint %q", declared, r, want)
		}
	}
}

type failing struct{}

func (failing) Key(context.Context, verify.Header) (crypto.PublicKey, error) {
	return nil, errors.New("out of order")
}

func TestOtherAlgorithmsByConfiguration(t *testing.T) {
	issuer := verifytest.NewIssuer(verify.RS512)
	defer issuer.Close()
	issuer.Now = clock
	keys, err := verify.ParseKeySet(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	for alg, allow := range map[verify.Algorithm]bool{verify.RS512: true, verify.RS256: false} {
		j, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "a", Kind: "jwt", Issuer: issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys, Now: clock, Algorithms: []verify.Algorithm{alg}})
		if err != nil {
			t.Fatal(err)
		}
		if d := j.Authorize(request(issuer.Token(nil)), nil); d.Allow != allow {
			t.Errorf("%s: %+v", alg, d)
		}
	}
}

// challengeGrammar is that of AWS's samples.
var challengeGrammar = regexp.MustCompile(`^Bearer( scope="[!#-\[\]-~ ]*" error="(invalid_token|insufficient_scope)" error_description="[A-Za-z' /:]*")?$`)

// Whatever a token says, it is never allowed by luck, nothing of it gets into
// the challenge, and no control character into the explanation.
func FuzzToken(f *testing.F) {
	issuer, keys := newIssuer(f)
	j := newJWT(f, issuer.URL(), keys)
	f.Add(`{"alg":"RS256","kid":"key-1"}`, `{"iss":"\"\r\nX: y"}`, "sig", "Bearer ")
	f.Add(`{"alg":"none","kid":"\" error=\"x"}`, `{}`, "", "bearer ")
	f.Fuzz(func(t *testing.T, header, payload, signature, prefix string) {
		genuine := json.Valid([]byte(header)) && strings.Contains(header, `"key-1"`)
		raw := verifytest.Encode([]byte(header)) + "." + verifytest.Encode([]byte(payload)) + "." + verifytest.Encode([]byte(signature))
		tokens := []string{prefix + raw, prefix + header + payload}
		if genuine {
			tokens = append(tokens, "Bearer "+issuer.SignRaw([]byte(header), []byte(payload)))
		}
		for i, token := range tokens {
			for _, scopes := range [][]string{nil, {"read:x", "b"}} {
				d := j.Authorize(request(token), scopes)
				if d.Allow && i < 2 {
					t.Fatalf("%q is allowed", token)
				}
				if !d.Allow && !challengeGrammar.MatchString(d.Challenge) {
					t.Errorf("challenge %q", d.Challenge)
				}
				for _, r := range d.Reasons {
					if strings.ContainsFunc(r.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
						t.Errorf("text %q", r.Text)
					}
				}
			}
		}
	})
}

// The hot path is that of package verify and allocates nothing.
func TestHotPathAllocatesNothing(t *testing.T) {
	issuer, keys := newIssuer(t)
	j := newJWT(t, issuer.URL(), keys)
	r := request("Bearer " + issuer.Token(nil))
	j.Authorize(r, nil)
	if n := testing.AllocsPerRun(100, func() { j.Authorize(r, nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAuthorizeHot(b *testing.B) {
	issuer, keys := newIssuer(b)
	j := newJWT(b, issuer.URL(), keys)
	r := request("Bearer " + issuer.Token(verifytest.Claims{"scope": "a read:x"}))
	b.ReportAllocs()
	for b.Loop() {
		if d := j.Authorize(r, []string{"read:x"}); !d.Allow {
			b.Fatal(d)
		}
	}
}
