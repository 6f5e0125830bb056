package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/keytest"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// An attack is a token that must be refused, and why.
type attack struct {
	name   string
	raw    string
	reason verify.Reason
}

// runAttacks holds attacks against a verifier that accepts the issuer's honest token.
// Each is tried twice, so that nothing hostile comes from a cache.
func runAttacks(t *testing.T, v *verify.Verifier, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			for range 2 {
				refuse(t, v, a.raw, a.reason)
			}
		})
	}
}

// refuse demands that a token is refused for a reason, that the Token is zero,
// and that the message is printable, bounded, and tells nothing of the token.
func refuse(t *testing.T, v *verify.Verifier, raw string, reason verify.Reason) *verify.Error {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if err == nil {
		t.Fatalf("accepted %.200q", raw)
	}
	if token != (verify.Token{}) {
		t.Errorf("the Token is not zero: %v", token)
	}
	var e *verify.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T, not *verify.Error: %v", err, err)
	}
	if e.Reason != reason {
		t.Errorf("reason is %s, not %s: %v", e.Reason, reason, err)
	}
	message := err.Error()
	if len(message) > 1200 {
		t.Errorf("message has %d bytes", len(message))
	}
	for _, c := range message {
		if c < ' ' || c == 0x7f {
			t.Errorf("message holds a control character: %q", message)
			break
		}
	}
	if segments := strings.Split(raw, "."); len(segments) == 3 && len(segments[2]) > 16 && strings.Contains(message, segments[2][:16]) {
		t.Errorf("message holds a part of the signature: %s", message)
	}
	return e
}

// newVerifier gives a verifier of an issuer's tokens, with changes.
func newVerifier(t *testing.T, issuer *verifytest.Issuer, change func(*verify.Config)) *verify.Verifier {
	t.Helper()
	config := verify.Config{
		Issuer: issuer.URL(), Audience: []string{verifytest.Audience},
		Algorithms: []verify.Algorithm{verify.RS256, verify.ES256},
		Now:        issuer.Now,
	}
	if change != nil {
		change(&config)
	}
	if config.Keys == nil {
		config.Keys = newRemote(t, verify.RemoteConfig{Issuer: issuer.URL(), Now: issuer.Now})
	}
	v, err := verify.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newRemote(t *testing.T, config verify.RemoteConfig) *verify.Remote {
	t.Helper()
	remote, err := verify.NewRemote(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remote.Close() })
	return remote
}

// rsaKeys are what issuers sign with.
var rsaKeys keytest.Ring

func newIssuer(t *testing.T, alg verify.Algorithm) *verifytest.Issuer {
	t.Helper()
	var issuer *verifytest.Issuer
	switch alg {
	case verify.RS256, verify.RS384, verify.RS512, verify.PS256, verify.PS384, verify.PS512:
		issuer = verifytest.NewIssuerWithKey(alg, rsaKeys.Take(t))
	default:
		issuer = verifytest.NewIssuer(alg)
	}
	t.Cleanup(issuer.Close)
	return issuer
}

func accept(t *testing.T, v *verify.Verifier, raw string) verify.Token {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("honest token refused: %v", err)
	}
	return token
}

// payloadOf gives the payload of a token as its issuer made it.
func payloadOf(t *testing.T, raw string) []byte {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestAlgNone(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	payload := payloadOf(t, issuer.Token(nil))
	var attacks []attack
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "none\x00", "n\u043ene", "NoNe\n", "es256", "ES256 ", "Es256", "ES256\x00", "RSASHA256", "HS256", "HS384", "HS512", "*"} {
		header, _ := json.Marshal(map[string]any{"alg": alg, "kid": issuer.KeyID()})
		unsigned := verifytest.Encode(header) + "." + verifytest.Encode(payload) + "."
		attacks = append(attacks,
			attack{fmt.Sprintf("%q unsigned", alg), unsigned, verify.Malformed},
			attack{fmt.Sprintf("%q with any signature", alg), unsigned + "AAAA", verify.AlgorithmNotAllowed},
			attack{fmt.Sprintf("%q with a good signature", alg), issuer.SignRaw(header, payload), verify.AlgorithmNotAllowed})
	}
	for _, alg := range []any{verifytest.Absent, nil, "", 0, true, []string{"ES256"}, map[string]any{"ES256": 1}} {
		attacks = append(attacks, attack{fmt.Sprintf("alg %v", alg), issuer.Sign(map[string]any{"alg": alg}, payload), verify.Malformed})
	}
	accept(t, v, issuer.Token(nil))
	runAttacks(t, v, attacks)
}

var everyAlgorithm = []verify.Algorithm{
	verify.RS256, verify.RS384, verify.RS512, verify.PS256, verify.PS384, verify.PS512,
	verify.ES256, verify.ES384, verify.ES512, verify.EdDSA, verify.Ed25519,
}

// TestRelabelled puts every other algorithm's name on a good token: by the key's
// own "alg" first, and then by a key set that has no such memory.
func TestRelabelled(t *testing.T) {
	for _, alg := range []verify.Algorithm{verify.RS256, verify.PS256, verify.ES256, verify.Ed25519} {
		t.Run(string(alg), func(t *testing.T) {
			issuer := newIssuer(t, alg)
			static, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
			if err != nil {
				t.Fatal(err)
			}
			published := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms = everyAlgorithm })
			bare := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms, c.Keys = everyAlgorithm, static })
			payload := payloadOf(t, issuer.Token(nil))
			_, isRSA := issuer.PublicKey().(*rsa.PublicKey)
			for _, other := range everyAlgorithm {
				if other == alg {
					continue
				}
				raw := issuer.Sign(map[string]any{"alg": other}, payload)
				refuse(t, published, raw, verify.KeyNotForAlgorithm)
				switch {
				case isRSA && (other[0] == 'R' || other[0] == 'P'):
					refuse(t, bare, raw, verify.BadSignature) // any RSA key can do it
				case alg == verify.Ed25519 && other == verify.EdDSA:
					accept(t, bare, raw) // one signature, two names, both allowed here
				default:
					refuse(t, bare, raw, verify.KeyNotForAlgorithm)
				}
			}
		})
	}
}

func TestSignatures(t *testing.T) {
	for _, alg := range []verify.Algorithm{verify.RS256, verify.PS256, verify.ES256, verify.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			issuer := newIssuer(t, alg)
			v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms = everyAlgorithm })
			good := issuer.Token(nil)
			accept(t, v, good)
			dot := strings.LastIndexByte(good, '.')
			input := good[:dot]
			signature, err := base64.RawURLEncoding.DecodeString(good[dot+1:])
			if err != nil {
				t.Fatal(err)
			}
			with := func(signature []byte) string { return input + "." + verifytest.Encode(signature) }
			attacks := []attack{
				{"empty", input + ".", verify.Malformed},
				{"one byte", with([]byte{1}), verify.BadSignature},
				{"last byte cut", with(signature[:len(signature)-1]), verify.BadSignature},
				{"half", with(signature[:len(signature)/2]), verify.BadSignature},
				{"zero byte added", with(append(signature[:len(signature):len(signature)], 0)), verify.BadSignature},
				{"zero byte before", with(append([]byte{0}, signature...)), verify.BadSignature},
				{"twice", with(append(signature[:len(signature):len(signature)], signature...)), verify.BadSignature},
				{"all zero", with(make([]byte, len(signature))), verify.BadSignature},
				{"of another payload", input[:len(input)-4] + "AAAA" + good[dot:], verify.BadSignature},
				{"of another key", with(newIssuer(t, alg).Signature(input)), verify.BadSignature},
				{"padded text", good + "=", verify.Malformed},
				{"double padded text", good + "==", verify.Malformed},
			}
			for bit := range 8 * len(signature) {
				if bit%37 == 0 { // enough of them
					flipped := append([]byte(nil), signature...)
					flipped[bit/8] ^= 1 << (bit % 8)
					attacks = append(attacks, attack{fmt.Sprintf("bit %d flipped", bit), with(flipped), verify.BadSignature})
				}
			}
			runAttacks(t, v, attacks)
		})
	}
}

// TestECDSAForms signs correctly and writes r and s as they must not be written.
func TestECDSAForms(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	good := issuer.Token(nil)
	accept(t, v, good)
	dot := strings.LastIndexByte(good, '.')
	signature, _ := base64.RawURLEncoding.DecodeString(good[dot+1:])
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	n := issuer.PublicKey().(*ecdsa.PublicKey).Params().N
	fixed := func(r, s *big.Int, size int) string {
		text := make([]byte, 2*size)
		r.FillBytes(text[:size])
		s.FillBytes(text[size:])
		return good[:dot+1] + verifytest.Encode(text)
	}
	runAttacks(t, v, []attack{
		{"ASN.1", good[:dot+1] + verifytest.Encode(der), verify.BadSignature},
		{"33 bytes each", fixed(r, s, 33), verify.BadSignature},
		{"48 bytes each", fixed(r, s, 48), verify.BadSignature},
		{"32 and 33 bytes", good[:dot+1] + verifytest.Encode(slices.Concat(signature[:32], []byte{0}, signature[32:])), verify.BadSignature},
		{"r and s swapped", fixed(s, r, 32), verify.BadSignature},
		// CVE-2022-21449, the "psychic signature".
		{"zero", fixed(new(big.Int), new(big.Int), 32), verify.BadSignature},
		{"order", fixed(n, n, 32), verify.BadSignature},
	})
}

func TestKeyIDs(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	payload := payloadOf(t, issuer.Token(nil))
	accept(t, v, issuer.Token(nil))
	var attacks []attack
	for kid, reason := range map[any]verify.Reason{
		verifytest.Absent:              verify.KeyIDMissing,
		"":                             verify.KeyIDMissing,
		"key-2":                        verify.UnknownKey,
		"KEY-1":                        verify.UnknownKey,
		" key-1":                       verify.UnknownKey,
		"key-1\x00":                    verify.UnknownKey,
		"\x00":                         verify.UnknownKey,
		"../../../../../../dev/null":   verify.UnknownKey,
		"/proc/self/environ":           verify.UnknownKey,
		"C:\\Windows\\win.ini":         verify.UnknownKey,
		"key-1' OR '1'='1":             verify.UnknownKey,
		"x' UNION SELECT 'secret' -- ": verify.UnknownKey,
		"| /usr/bin/id":                verify.UnknownKey,
		"\x1b[2J\x1b]0;owned\a\r\n":    verify.UnknownKey,
		"\u202ekey-1":                  verify.UnknownKey,
		strings.Repeat("k", 1024):      verify.UnknownKey,
		strings.Repeat("k", 1025):      verify.Malformed,
		strings.Repeat("k", 64<<10):    verify.Malformed, // and too long a token
		1:                              verify.Malformed,
		1.5:                            verify.Malformed,
		true:                           verify.Malformed,
		nil:                            verify.Malformed,
	} {
		attacks = append(attacks, attack{fmt.Sprintf("%.40q", fmt.Sprint(kid)), issuer.Sign(map[string]any{"kid": kid}, payload), reason})
	}
	attacks = append(attacks,
		attack{"list", issuer.Sign(map[string]any{"kid": []string{"key-1"}}, payload), verify.Malformed},
		attack{"object", issuer.Sign(map[string]any{"kid": map[string]any{"key-1": ""}}, payload), verify.Malformed})
	runAttacks(t, v, attacks)
	if n := issuer.Fetches(verifytest.JWKSPath); n > 2 {
		t.Errorf("%d fetches for all these ids, not at most 2", n)
	}
}

func TestHeaders(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	payload := payloadOf(t, issuer.Token(nil))
	accept(t, v, issuer.Token(nil))
	signed := func(name string, reason verify.Reason, params map[string]any) attack {
		return attack{name, issuer.Sign(params, payload), reason}
	}
	raw := func(name, header string) attack {
		return attack{name, issuer.SignRaw([]byte(header), payload), verify.Malformed}
	}
	deep := `{"alg":"ES256","kid":"key-1","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	attacks := []attack{
		signed("crit", verify.HeaderNotAllowed, map[string]any{"crit": []string{"exp"}, "exp": 1}),
		signed("crit of a known parameter", verify.HeaderNotAllowed, map[string]any{"crit": []string{"kid"}}),
		signed("crit empty", verify.HeaderNotAllowed, map[string]any{"crit": []string{}}),
		signed("crit null", verify.HeaderNotAllowed, map[string]any{"crit": nil}),
		signed("crit of another type", verify.HeaderNotAllowed, map[string]any{"crit": "b64"}),
		signed("b64 false", verify.HeaderNotAllowed, map[string]any{"b64": false, "crit": []string{"b64"}}),
		signed("b64 without crit", verify.HeaderNotAllowed, map[string]any{"b64": false}),
		signed("b64 true", verify.HeaderNotAllowed, map[string]any{"b64": true}),
		signed("zip", verify.HeaderNotAllowed, map[string]any{"zip": "DEF"}),
		signed("enc", verify.HeaderNotAllowed, map[string]any{"enc": "A128GCM"}),
		signed("cty JWT", verify.HeaderNotAllowed, map[string]any{"cty": "JWT"}),
		signed("cty jwt", verify.HeaderNotAllowed, map[string]any{"cty": "jwt"}),
		signed("cty application/jwt", verify.HeaderNotAllowed, map[string]any{"cty": "Application/JWT"}),
		signed("cty number", verify.Malformed, map[string]any{"cty": 1}),
		signed("typ number", verify.Malformed, map[string]any{"typ": 1}),
		{"nested", issuer.Sign(map[string]any{"cty": "JWT"}, []byte(issuer.Token(nil))), verify.HeaderNotAllowed},
		{"nested, unsaid", issuer.Sign(nil, []byte(issuer.Token(nil))), verify.BadClaims},

		raw("duplicate alg", `{"alg":"ES256","kid":"key-1","alg":"ES256"}`),
		raw("duplicate alg, none first", `{"alg":"none","kid":"key-1","alg":"ES256"}`),
		raw("duplicate alg, escaped", `{"alg":"ES256","kid":"key-1","\u0061lg":"none"}`),
		raw("duplicate kid", `{"alg":"ES256","kid":"key-2","kid":"key-1"}`),
		raw("duplicate name inside", `{"alg":"ES256","kid":"key-1","x":{"a":1,"a":2}}`),
		raw("ALG only", `{"ALG":"ES256","kid":"key-1"}`),
		raw("trailing brace", `{"alg":"ES256","kid":"key-1"}}`),
		raw("trailing object", `{"alg":"ES256","kid":"key-1"}{}`),
		raw("trailing NUL", "{\"alg\":\"ES256\",\"kid\":\"key-1\"}\x00"),
		raw("trailing comma", `{"alg":"ES256","kid":"key-1",}`),
		raw("byte order mark", "\ufeff{\"alg\":\"ES256\",\"kid\":\"key-1\"}"),
		raw("invalid UTF-8", "{\"alg\":\"ES256\",\"kid\":\"key-1\",\"x\":\"\xff\"}"),
		raw("overlong UTF-8", "{\"alg\":\"ES256\",\"kid\":\"key-1\",\"x\":\"\xc0\x80\"}"),
		raw("lone surrogate", `{"alg":"ES256","kid":"key-1","x":"\ud800"}`),
		raw("control character", "{\"alg\":\"ES256\",\"kid\":\"key-1\",\"x\":\"\n\"}"),
		raw("single quotes", `{'alg':'ES256','kid':'key-1'}`),
		raw("comment", `{"alg":"ES256",/**/"kid":"key-1"}`),
		raw("array", `["alg","ES256"]`),
		raw("string", `"ES256"`),
		raw("null", `null`),
		raw("empty", ``),
		raw("no end", `{"alg":"ES256","kid":"key-1"`),
		raw("too deep", deep),
	}
	runAttacks(t, v, attacks)
	// White space is JSON and no attack; other parameters are the issuer's business.
	accept(t, v, issuer.SignRaw([]byte("{ \"alg\" : \"ES256\",\n\t\"kid\":\"key-1\", \"typ\":\"at+jwt\", \"cty\":\"json\", \"ALG\":\"none\" }"), payload))
}

func TestSegments(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	good := issuer.Token(nil)
	accept(t, v, good)
	part := strings.Split(good, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	attacks := []attack{
		{"empty", "", verify.WrongSegments},
		{"one", part[0], verify.WrongSegments},
		{"two", join(part[0], part[1]), verify.WrongSegments},
		{"four", good + ".", verify.WrongSegments},
		{"four, full", join(good, part[2]), verify.WrongSegments},
		{"dot before", "." + good, verify.WrongSegments},
		{"five, as a JWE", join(part[0], "", part[1], part[2], part[2]), verify.WrongSegments},
		{"five, all", join(good, "AA", "AA"), verify.WrongSegments},
		{"dots only", "..", verify.Malformed},
		{"many dots", strings.Repeat(".", 1<<20), verify.Malformed},
		{"no header", join("", part[1], part[2]), verify.Malformed},
		{"no payload", join(part[0], "", part[2]), verify.BadSignature},
		{"no signature", join(part[0], part[1], ""), verify.Malformed},
		{"not a token", "not-a-token", verify.WrongSegments},
		{"Bearer before", "Bearer " + good, verify.Malformed},
		{"space before", " " + good, verify.Malformed},
		{"line break after", good + "\n", verify.Malformed},
		{"line break in header", part[0][:8] + "\n" + part[0][8:] + "." + part[1] + "." + part[2], verify.Malformed},
		{"CRLF in payload", join(part[0], part[1][:8]+"\r\n"+part[1][8:], part[2]), verify.Malformed},
		{"four line breaks in signature", join(part[0], part[1], part[2]+"\n\n\n\n"), verify.Malformed},
		{"padded header", join(part[0]+"=", part[1], part[2]), verify.Malformed},
		{"padded payload", join(part[0], part[1]+"==", part[2]), verify.Malformed},
		{"NUL after", good + "\x00", verify.Malformed},
		{"not ASCII", join(part[0], part[1], "ä"+part[2]), verify.Malformed},
		{"JSON serialization", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, part[1], part[0], part[2]), verify.WrongSegments},
		{"1 MB", join(part[0], strings.Repeat("A", 1<<20), part[2]), verify.Malformed},
		{"1 MB of header", join(strings.Repeat("A", 1<<20), part[1], part[2]), verify.Malformed},
		{"one byte too long", good + strings.Repeat("A", verify.MaxTokenBytes+1-len(good)), verify.Malformed},
	}
	runAttacks(t, v, attacks)

	// The longest token that is looked at. Half of it is padding in a claim.
	room := verify.MaxTokenBytes/4*3 - len(good)
	accept(t, v, issuer.Token(verifytest.Claims{"pad": strings.Repeat("x", room)}))
}

// TestBase64 demands one spelling of each token: one that base64 decoders take
// for the same would pass blacklists that hold the other.
func TestBase64(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	// A payload with both letters in which the alphabets differ, and a length that
	// leaves trailing bits.
	good := ""
	for n := 0; ; n++ {
		good = issuer.Token(verifytest.Claims{"s": "\u00ff\u00fe???>>>~~~", "n": strings.Repeat("x", n%3), "m": n})
		payload, signature := strings.Split(good, ".")[1], strings.Split(good, ".")[2]
		if strings.ContainsAny(payload, "-_") && strings.ContainsAny(signature, "-_") && len(payload)%4 != 0 && len(signature)%4 != 0 {
			break
		}
	}
	accept(t, v, good)
	standard := strings.NewReplacer("-", "+", "_", "/")
	part := strings.Split(good, ".")
	var attacks []attack
	for i, name := range []string{"header", "payload", "signature"} {
		if respelled := standard.Replace(part[i]); respelled != part[i] {
			parts := append([]string(nil), part...)
			parts[i] = respelled
			attacks = append(attacks, attack{"standard alphabet in " + name, strings.Join(parts, "."), verify.Malformed})
		}
		if len(part[i])%4 != 0 {
			parts := append([]string(nil), part...)
			parts[i] = setTrailingBit(part[i])
			attacks = append(attacks, attack{"trailing bits in " + name, strings.Join(parts, "."), verify.Malformed})
		}
	}
	if len(attacks) < 4 {
		t.Fatalf("only %d attacks", len(attacks))
	}
	runAttacks(t, v, attacks)
}

// setTrailingBit changes the last letter of a segment by a bit that decodes to
// nothing.
func setTrailingBit(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	return segment[:len(segment)-1] + string(alphabet[last|1])
}

// TestForgeryLearnsNothing: of a token that is forged, nothing but the forgery is
// told, whatever else is wrong with it.
func TestForgeryLearnsNothing(t *testing.T) {
	issuer := newIssuer(t, verify.RS256)
	attacker := newIssuer(t, verify.RS256)
	v := newVerifier(t, issuer, nil)
	for name, claims := range map[string]verifytest.Claims{
		"good":         {"iss": issuer.URL()},
		"expired":      {"iss": issuer.URL(), "exp": 1},
		"wrong issuer": {"iss": "https://example.com"},
		"no audience":  {"iss": issuer.URL(), "aud": verifytest.Absent},
		"bad types":    {"iss": 1, "exp": "soon"},
	} {
		forged := attacker.Token(claims)
		e := refuse(t, v, forged, verify.BadSignature)
		if want := (verify.Error{Reason: verify.BadSignature, KeyID: issuer.KeyID()}); fmt.Sprint(*e) != fmt.Sprint(want) {
			t.Errorf("%s: error tells %+v", name, *e)
		}
	}
}
