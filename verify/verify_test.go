package verify_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range everyAlgorithm {
		t.Run(string(alg), func(t *testing.T) {
			issuer := newIssuer(t, alg)
			v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms = []verify.Algorithm{alg} })
			raw := issuer.Token(verifytest.Claims{"sub": "alice"})
			for range 2 { // by signature and from the cache
				token := accept(t, v, raw)
				if want := (verify.Header{Algorithm: alg, KeyID: issuer.KeyID(), Type: "JWT"}); token.Header != want {
					t.Errorf("header is %+v, not %+v", token.Header, want)
				}
				if sub, ok := token.Claims.String("sub"); !ok || sub != "alice" {
					t.Errorf("sub is %q, %v", sub, ok)
				}
			}
			for _, other := range everyAlgorithm {
				if other != alg {
					v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms = []verify.Algorithm{other} })
					refuse(t, v, raw, verify.AlgorithmNotAllowed)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := verify.Config{
		Issuer: "https://issuer.example", Audience: []string{"a"},
		Algorithms: []verify.Algorithm{verify.RS256}, Keys: emptySet{},
	}
	if _, err := verify.New(good); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*verify.Config)
		want   string
	}{
		{"no issuer", func(c *verify.Config) { c.Issuer = "" }, "Issuer is empty"},
		{"no keys", func(c *verify.Config) { c.Keys = nil }, "Keys is nil"},
		{"no algorithms", func(c *verify.Config) { c.Algorithms = nil }, "Algorithms is empty"},
		{"none", func(c *verify.Config) { c.Algorithms = []verify.Algorithm{"none"} }, `"none", which is not an algorithm`},
		{"HS256", func(c *verify.Config) { c.Algorithms = []verify.Algorithm{verify.RS256, "HS256"} }, `"HS256", which is not`},
		{"lower case", func(c *verify.Config) { c.Algorithms = []verify.Algorithm{"rs256"} }, `"rs256", which is not`},
		{"no audience", func(c *verify.Config) { c.Audience = nil }, "Audience is empty"},
		{"empty audience", func(c *verify.Config) { c.Audience = []string{"a", ""} }, "empty member"},
		{"skip and audience", func(c *verify.Config) { c.InsecureSkipAudience = true }, "exclude each other"},
		{"skip and client_id", func(c *verify.Config) { c.Audience, c.InsecureSkipAudience, c.ClientIDAudience = nil, true, true }, "exclude each other"},
		{"negative leeway", func(c *verify.Config) { c.Leeway = -1 }, "Leeway"},
		{"large leeway", func(c *verify.Config) { c.Leeway = 6 * time.Minute }, "Leeway is 6m0s"},
		{"huge cache", func(c *verify.Config) { c.CacheSize = 1 << 30 }, "CacheSize"},
	} {
		config := good
		test.change(&config)
		v, err := verify.New(config)
		if err == nil || v != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v; want an error with %q", test.name, v, err, test.want)
		}
	}
	_, err := verify.New(verify.Config{})
	if n := strings.Count(err.Error(), "verify: "); n != 4 {
		t.Errorf("an empty configuration has %d mistakes, not 4:\n%v", n, err)
	}
}

type emptySet struct{}

func (emptySet) Key(context.Context, verify.Header) (crypto.PublicKey, error) {
	return nil, errors.New("empty set")
}

// TestConfigIsCopied: whoever keeps the slices cannot widen what is accepted.
func TestConfigIsCopied(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	audience, algorithms := []string{"a"}, []verify.Algorithm{verify.RS256}
	v := newVerifier(t, issuer, func(c *verify.Config) { c.Audience, c.Algorithms = audience, algorithms })
	algorithms[0], audience[0] = verify.ES256, verifytest.Audience
	refuse(t, v, issuer.Token(nil), verify.AlgorithmNotAllowed)
}

func TestIssuer(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	for name, test := range map[string]struct {
		iss    any
		reason verify.Reason
	}{
		"trailing slash": {issuer.URL() + "/", verify.WrongIssuer},
		"upper case":     {strings.ToUpper(issuer.URL()), verify.WrongIssuer},
		"prefix":         {issuer.URL()[:len(issuer.URL())-1], verify.WrongIssuer},
		"path":           {issuer.URL() + "/pool", verify.WrongIssuer},
		"space":          {issuer.URL() + " ", verify.WrongIssuer},
		"empty":          {"", verify.WrongIssuer},
		"another":        {"https://example.com", verify.WrongIssuer},
		"absent":         {verifytest.Absent, verify.MissingClaim},
		"null":           {nil, verify.BadClaims},
		"number":         {1, verify.BadClaims},
		"array":          {[]string{issuer.URL()}, verify.BadClaims},
	} {
		t.Run(name, func(t *testing.T) {
			e := refuse(t, v, issuer.Token(verifytest.Claims{"iss": test.iss}), test.reason)
			if e.Claim != "iss" {
				t.Errorf("claim is %q", e.Claim)
			}
		})
	}
	e := refuse(t, v, issuer.Token(verifytest.Claims{"iss": issuer.URL() + "/"}), verify.WrongIssuer)
	if !strings.Contains(e.Message(), "the trailing slash counts") {
		t.Errorf("no hint at the slash: %s", e.Message())
	}
}

func TestAudience(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	type claims = verifytest.Claims
	absent := verifytest.Absent
	plain := newVerifier(t, issuer, func(c *verify.Config) { c.Audience = []string{"a", "b"} })
	cognito := newVerifier(t, issuer, func(c *verify.Config) { c.Audience, c.ClientIDAudience = []string{"a", "b"}, true })
	skip := newVerifier(t, issuer, func(c *verify.Config) { c.Audience, c.InsecureSkipAudience = nil, true })
	for _, test := range []struct {
		name                 string
		claims               claims
		plain, cognito, skip verify.Reason // empty: accepted
	}{
		{"string", claims{"aud": "b"}, "", "", ""},
		{"array", claims{"aud": []string{"x", "a"}}, "", "", ""},
		{"other", claims{"aud": "x"}, verify.WrongAudience, verify.WrongAudience, ""},
		{"others", claims{"aud": []string{"x", "ab", "A"}}, verify.WrongAudience, verify.WrongAudience, ""},
		{"joined", claims{"aud": "a b"}, verify.WrongAudience, verify.WrongAudience, ""},
		{"empty string", claims{"aud": ""}, verify.WrongAudience, verify.WrongAudience, ""},
		{"empty array", claims{"aud": []string{}}, verify.WrongAudience, verify.WrongAudience, ""},
		{"null", claims{"aud": nil}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
		{"number", claims{"aud": 1}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
		{"object", claims{"aud": claims{"a": "a"}}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
		{"array with a number", claims{"aud": []any{"a", 1}}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
		{"array in array", claims{"aud": []any{[]any{"a"}}}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
		{"absent", claims{"aud": absent}, verify.MissingClaim, verify.MissingClaim, ""},
		{"client_id", claims{"aud": absent, "client_id": "a"}, verify.MissingClaim, "", ""},
		{"other client_id", claims{"aud": absent, "client_id": "x"}, verify.MissingClaim, verify.WrongAudience, ""},
		{"client_id array", claims{"aud": absent, "client_id": []string{"a"}}, verify.MissingClaim, verify.BadClaims, ""},
		{"client_id does not mend aud", claims{"aud": "x", "client_id": "a"}, verify.WrongAudience, verify.WrongAudience, ""},
		{"client_id does not mend an empty aud", claims{"aud": []string{}, "client_id": "a"}, verify.WrongAudience, verify.WrongAudience, ""},
		{"client_id does not mend a null aud", claims{"aud": nil, "client_id": "a"}, verify.BadClaims, verify.BadClaims, verify.BadClaims},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := issuer.Token(test.claims)
			for v, reason := range map[*verify.Verifier]verify.Reason{plain: test.plain, cognito: test.cognito, skip: test.skip} {
				if reason == "" {
					accept(t, v, raw)
				} else {
					refuse(t, v, raw, reason)
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	now := time.Date(2026, 3, 4, 14, 5, 11, 500_000_000, time.UTC) // half past a second
	issuer.Now = func() time.Time { return now }
	strict := newVerifier(t, issuer, nil)
	lenient := newVerifier(t, issuer, func(c *verify.Config) { c.Leeway = time.Minute })
	second := now.Unix() // half a second ago
	for _, test := range []struct {
		name, claim     string
		value           any
		strict, lenient verify.Reason
	}{
		{"exp ahead", "exp", second + 1, "", ""},
		{"exp this second", "exp", second, verify.Expired, ""},
		{"exp a minute ago", "exp", second - 59, verify.Expired, ""},
		{"exp beyond the leeway", "exp", second - 60, verify.Expired, verify.Expired},
		{"exp absent", "exp", verifytest.Absent, verify.MissingClaim, verify.MissingClaim},
		{"exp fraction ahead", "exp", jsonNumber(second, ".500000001"), "", ""},
		{"exp fraction equal", "exp", jsonNumber(second, ".5"), verify.Expired, ""},
		{"exp finer than the clock", "exp", jsonNumber(second, ".5000000009"), verify.Expired, ""},
		{"exp with exponent", "exp", json.Number("2.5e9"), "", ""},
		{"exp with negative exponent", "exp", json.Number("25000000000e-1"), "", ""},
		{"exp end of 9999", "exp", int64(253402300799), "", ""},
		{"exp 10000", "exp", int64(253402300800), verify.BadClaims, verify.BadClaims},
		{"exp 1e400", "exp", json.Number("1e400"), verify.BadClaims, verify.BadClaims},
		{"exp 1e-400", "exp", json.Number("1e-400"), verify.Expired, verify.Expired},
		{"exp 1e999999999", "exp", json.Number("1e999999999"), verify.BadClaims, verify.BadClaims},
		{"exp of many digits", "exp", json.Number("1" + strings.Repeat("0", 4000)), verify.BadClaims, verify.BadClaims},
		{"exp zero", "exp", 0, verify.Expired, verify.Expired},
		{"exp negative", "exp", -1, verify.BadClaims, verify.BadClaims},
		{"exp in milliseconds", "exp", 1000 * (second + 60), verify.BadClaims, verify.BadClaims},
		{"exp int64 overflow", "exp", json.Number("9223372036854775808"), verify.BadClaims, verify.BadClaims},
		{"exp uint64 wrap", "exp", json.Number("18446744073709551617"), verify.BadClaims, verify.BadClaims},
		{"exp string", "exp", "2000000000", verify.BadClaims, verify.BadClaims},
		{"exp null", "exp", nil, verify.BadClaims, verify.BadClaims},
		{"exp true", "exp", true, verify.BadClaims, verify.BadClaims},
		{"exp array", "exp", []int64{second + 60}, verify.BadClaims, verify.BadClaims},

		{"nbf past", "nbf", second, "", ""},
		{"nbf ahead", "nbf", second + 1, verify.NotYetValid, ""},
		{"nbf fraction equal", "nbf", jsonNumber(second, ".5"), "", ""},
		{"nbf finer than the clock", "nbf", jsonNumber(second, ".5000000001"), verify.NotYetValid, ""},
		{"nbf beyond the leeway", "nbf", second + 61, verify.NotYetValid, verify.NotYetValid},
		{"nbf 1e400", "nbf", json.Number("1e400"), verify.BadClaims, verify.BadClaims},
		{"nbf string", "nbf", "0", verify.BadClaims, verify.BadClaims},
		{"nbf null", "nbf", nil, verify.BadClaims, verify.BadClaims},

		{"iat past", "iat", second, "", ""},
		{"iat absent", "iat", verifytest.Absent, "", ""},
		{"iat ahead", "iat", second + 1, verify.IssuedInTheFuture, ""},
		{"iat beyond the leeway", "iat", second + 61, verify.IssuedInTheFuture, verify.IssuedInTheFuture},
		{"iat string", "iat", "0", verify.BadClaims, verify.BadClaims},
		{"iat object", "iat", map[string]any{}, verify.BadClaims, verify.BadClaims},

		{"sub number", "sub", 1, verify.BadClaims, verify.BadClaims},
		{"sub null", "sub", nil, verify.BadClaims, verify.BadClaims},
		{"jti object", "jti", map[string]any{}, verify.BadClaims, verify.BadClaims},
		{"any claim 1e400", "x", json.Number("1e400"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := issuer.Token(verifytest.Claims{test.claim: test.value})
			for v, reason := range map[*verify.Verifier]verify.Reason{strict: test.strict, lenient: test.lenient} {
				if reason == "" {
					accept(t, v, raw)
				} else if e := refuse(t, v, raw, reason); e.Claim != test.claim {
					t.Errorf("claim is %q, not %q", e.Claim, test.claim)
				}
			}
		})
	}
}

func jsonNumber(seconds int64, fraction string) json.Number {
	return json.Number(strconv.FormatInt(seconds, 10) + fraction)
}

// TestPayloads signs payloads that are no claim sets.
func TestPayloads(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	good := string(payloadOf(t, issuer.Token(nil)))
	for name, payload := range map[string]string{
		"empty":               ``,
		"array":               `[` + good + `]`,
		"string":              `"x"`,
		"trailing brace":      good + `}`,
		"trailing object":     good + `{}`,
		"trailing NUL":        good + "\x00",
		"duplicate exp":       good[:len(good)-1] + `,"exp":99999999999}`,
		"duplicate, escaped":  good[:len(good)-1] + `,"\u0065xp":99999999999}`,
		"duplicate aud":       good[:len(good)-1] + `,"aud":"x"}`,
		"duplicate inside":    good[:len(good)-1] + `,"x":[{"a":1,"a":1}]}`,
		"duplicate of many":   good[:len(good)-1] + manyMembers(100) + `,"m7":0}`,
		"leading zero":        good[:len(good)-1] + `,"x":01}`,
		"plus sign":           good[:len(good)-1] + `,"x":+1}`,
		"hexadecimal":         good[:len(good)-1] + `,"x":0x10}`,
		"NaN":                 good[:len(good)-1] + `,"x":NaN}`,
		"point only":          good[:len(good)-1] + `,"x":1.}`,
		"invalid UTF-8":       good[:len(good)-1] + ",\"x\":\"\xff\"}",
		"surrogate half":      good[:len(good)-1] + `,"x":"\udc00"}`,
		"surrogates reversed": good[:len(good)-1] + `,"x":"\udc00\ud800"}`,
		"too deep":            good[:len(good)-1] + `,"x":` + strings.Repeat(`{"x":`, 20) + `1` + strings.Repeat(`}`, 20) + `}`,
		"deep as it gets":     good[:len(good)-1] + `,"x":` + strings.Repeat(`[`, 5000),
	} {
		t.Run(name, func(t *testing.T) { refuse(t, v, issuer.SignRaw(header(t, issuer), []byte(payload)), verify.BadClaims) })
	}
	accept(t, v, issuer.SignRaw(header(t, issuer), []byte(good[:len(good)-1]+manyMembers(100)+`}`)))
}

func header(t *testing.T, issuer *verifytest.Issuer) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"alg": verify.ES256, "kid": issuer.KeyID()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strconv.Itoa(i) + `":0`)
	}
	return b.String()
}

func TestClaims(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	payload := []byte(`{"iss":"` + issuer.URL() + `","aud":["` + verifytest.Audience + `","b"],"exp":4000000000.25,"sub":"alice",` +
		`"big":12345678901234567890,"yes":true,"none":null,"object":{"list":[1,{"a":"b"}]},"unicode":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","empty":{}}`)
	claims := accept(t, v, issuer.SignRaw(header(t, issuer), payload)).Claims

	// The oracle is encoding/json.
	var want map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	decoder.UseNumber()
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	var order []string
	for name, value := range claims.All() {
		got[name] = value
		order = append(order, name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("All gives %v, not %v", got, want)
	}
	if s := strings.Join(order, " "); s != "iss aud exp sub big yes none object unicode empty" {
		t.Errorf("order is %s", s)
	}
	for name := range want {
		if value, ok := claims.Get(name); !ok || !reflect.DeepEqual(value, want[name]) {
			t.Errorf("Get(%q) gives %v, %v", name, value, ok)
		}
	}
	if string(claims.Raw()) != string(payload) {
		t.Errorf("Raw gives %s", claims.Raw())
	}
	if list, ok := claims.Strings("aud"); !ok || !reflect.DeepEqual(list, []string{verifytest.Audience, "b"}) {
		t.Errorf("Strings(aud) gives %v, %v", list, ok)
	}
	if list, ok := claims.Strings("sub"); !ok || !reflect.DeepEqual(list, []string{"alice"}) {
		t.Errorf("Strings(sub) gives %v, %v", list, ok)
	}
	if at, ok := claims.Time("exp"); !ok || !at.Equal(time.Unix(4000000000, 250_000_000)) {
		t.Errorf("Time(exp) gives %v, %v", at, ok)
	}
	if yes, ok := claims.Bool("yes"); !ok || !yes {
		t.Errorf("Bool(yes) gives %v, %v", yes, ok)
	}
	for _, name := range []string{"none", "object", "absent", "big"} {
		if s, ok := claims.String(name); ok {
			t.Errorf("String(%q) gives %q", name, s)
		}
		if list, ok := claims.Strings(name); ok {
			t.Errorf("Strings(%q) gives %q", name, list)
		}
		if b, ok := claims.Bool(name); ok {
			t.Errorf("Bool(%q) gives %v", name, b)
		}
		if at, ok := claims.Time(name); ok {
			t.Errorf("Time(%q) gives %v", name, at)
		}
	}
	for range claims.All() {
		break // must not panic
	}
}

// TestClaimsAreImmutable changes all that a caller can get hold of.
func TestClaimsAreImmutable(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	raw := issuer.Token(verifytest.Claims{"aud": []string{verifytest.Audience, "b"}, "o": map[string]any{"l": []any{"x"}}})
	first := accept(t, v, raw).Claims
	list, _ := first.Strings("aud")
	list[0] = "changed"
	value, _ := first.Get("aud")
	value.([]any)[0] = "changed"
	object, _ := first.Get("o")
	object.(map[string]any)["l"].([]any)[0] = "changed"
	object.(map[string]any)["new"] = "changed"
	first.Raw()[0] = 'X'
	for _, claims := range []verify.Claims{first, accept(t, v, raw).Claims} {
		if list, _ := claims.Strings("aud"); list[0] != verifytest.Audience {
			t.Errorf("aud was changed: %v", list)
		}
		if o, _ := claims.Get("o"); !reflect.DeepEqual(o, map[string]any{"l": []any{"x"}}) {
			t.Errorf("o was changed: %v", o)
		}
		if claims.Raw()[0] != '{' {
			t.Error("Raw was changed")
		}
	}
}

func TestZeroToken(t *testing.T) {
	var claims verify.Claims
	if _, ok := claims.String("sub"); ok {
		t.Error("the zero Claims have a sub")
	}
	if _, ok := claims.Get("sub"); ok || claims.Raw() != nil {
		t.Error("the zero Claims are not empty")
	}
	for name := range claims.All() {
		t.Errorf("the zero Claims have %s", name)
	}
}
