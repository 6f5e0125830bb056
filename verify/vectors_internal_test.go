package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// These tests are internal because the payloads of the public vectors are not
// claim sets: what they judge is the layer below, authenticate. Verify has to
// refuse the valid ones too, by their claims.

var everyAlgorithm = []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519}

func vectorVerifier(t *testing.T, keys KeySet) *Verifier {
	t.Helper()
	v, err := New(Config{Issuer: "https://vectors.example", InsecureSkipAudience: true, Algorithms: everyAlgorithm, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkVector holds one token against the outcome that its vector states.
func checkVector(t *testing.T, keys KeySet, raw string, valid bool) *Error {
	t.Helper()
	v := vectorVerifier(t, keys)
	header, payload, e := v.authenticate(t.Context(), raw, new(scratch))
	if e != nil && (header != Header{} || payload != nil) {
		t.Errorf("refused, and yet gave header %v and payload %q", header, payload)
	}
	if valid && e != nil {
		t.Errorf("valid token refused: %v", e)
	}
	if !valid && e == nil {
		t.Errorf("invalid token accepted")
	}
	token, err := v.Verify(t.Context(), raw)
	if err == nil || token != (Token{}) {
		t.Errorf("Verify gave %v, %v for a token without claims", token, err)
	}
	var seen *Error
	if !errors.As(err, &seen) {
		t.Errorf("Verify's error is %T, not *Error", err)
	} else if e == nil && seen.Reason != BadClaims {
		t.Errorf("Verify's reason is %s, not BadClaims", seen.Reason)
	} else if e != nil && seen.Reason != e.Reason {
		t.Errorf("Verify's reason is %s, authenticate's %s", seen.Reason, e.Reason)
	}
	return e
}

type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			TcID    int
			Comment string
			JWS     json.RawMessage
			Result  string
		}
	}
}

// wycheproofExceptions lists the valid vectors that are refused on purpose, with
// the reason that must be given. HMAC is not in it: that is a rule, not an
// exception.
var wycheproofExceptions = map[string]map[int]struct {
	reason Reason
	why    string
}{
	"json_web_signature_test.json": {
		346: {KeyNotForAlgorithm, `the key's "alg" is PS256 and the token's PS384`},
		350: {KeyNotForAlgorithm, `the key's "alg" is PS256 and the token's PS384`},
		347: {UnknownKey, `the key's "alg" is ES521, which does not exist (RFC 7518 names it ES512)`},
		351: {UnknownKey, `the key's "alg" is ES521, which does not exist (RFC 7518 names it ES512)`},
	},
}

func TestWycheproof(t *testing.T) {
	for _, file := range []struct {
		name     string
		accepted int // how many have to pass; guards against a test that tests nothing
	}{
		{"json_web_signature_test.json", 46 - 10 - 4}, // ten are HMAC, four exceptions
		{"json_web_key_test.json", 5 - 4},             // four are HMAC
		{"json_web_crypto_test.json", 2},
	} {
		t.Run(file.name, func(t *testing.T) {
			data, err := fs.ReadFile(wycheproof.TestVectors, file.name)
			if err != nil {
				t.Fatal(err)
			}
			var vectors wycheproofFile
			if err := json.Unmarshal(data, &vectors); err != nil {
				t.Fatal(err)
			}
			seen, accepted := 0, 0
			for _, group := range vectors.TestGroups {
				keys := vectorKeys(t, group.Public, group.Private)
				// A group with a symmetric key is about HMAC, which is refused as a rule.
				hmac := strings.Contains(string(bytes.ReplaceAll(group.Private, []byte(" "), nil)), `"kty":"oct"`)
				for _, test := range group.Tests {
					seen++
					t.Run(fmt.Sprintf("%d %s %s", test.TcID, group.Comment, test.Comment), func(t *testing.T) {
						if len(test.JWS) == 0 {
							t.Skip("not a JWS but a JWE, which this package does not read")
						}
						raw := vectorToken(test.JWS)
						exception, excepted := wycheproofExceptions[file.name][test.TcID]
						valid := test.Result == "valid" && !excepted && !hmac
						e := checkVector(t, keys, raw, valid)
						if e == nil {
							accepted++
						} else if excepted && e.Reason != exception.reason {
							t.Errorf("reason is %s, not %s (%s)", e.Reason, exception.reason, exception.why)
						}
					})
				}
			}
			if seen != vectors.NumberOfTests {
				t.Errorf("saw %d vectors of %d", seen, vectors.NumberOfTests)
			}
			if accepted != file.accepted {
				t.Errorf("accepted %d vectors, not %d", accepted, file.accepted)
			}
		})
	}
}

// vectorKeys makes a key set of a group's key or keys. A group of which only the
// private key is given verifies by that: private members are not read.
func vectorKeys(t *testing.T, public, private json.RawMessage) *StaticKeySet {
	t.Helper()
	text := public
	if len(text) == 0 {
		text = private
	}
	if !strings.Contains(string(text), `"keys"`) {
		text = fmt.Appendf(nil, `{"keys":[%s]}`, text)
	}
	keys, err := ParseKeySet(text)
	if err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return keys
}

// vectorToken gives the token of a vector: a string, or for JSON serialization
// an object, whose text is sent then.
func vectorToken(jws json.RawMessage) string {
	var s string
	if json.Unmarshal(jws, &s) == nil {
		return s
	}
	return string(jws)
}

// cookbook is the folder of the RFC examples (github.com/ietf-jose/cookbook).
// They are not part of this repository.
const cookbook = "../../shared/vectors/jose-cookbook"

type cookbookExample struct {
	Title string
	Input struct{ Key json.RawMessage }
	// Output.Compact is empty for examples that exist in JSON serialization only.
	Output struct{ Compact string }
}

func TestCookbookSignatures(t *testing.T) {
	for _, example := range []struct {
		file   string
		reason Reason // empty: accepted
	}{
		{"jws/4_1.rsa_v15_signature.json", ""},
		{"jws/4_2.rsa-pss_signature.json", ""},
		{"jws/4_3.ecdsa_signature.json", ""},
		{"jws/4_4.hmac-sha2_integrity_protection.json", AlgorithmNotAllowed},
		{"curve25519/jws.json", KeyIDMissing}, // see TestCookbookEd25519
		{"rfc7797/hmac-sha2_b64_false.json", HeaderNotAllowed},
	} {
		t.Run(example.file, func(t *testing.T) {
			vector := readExample(t, example.file)
			if vector.Output.Compact == "" {
				t.Fatal("no compact serialization")
			}
			keys := vectorKeys(t, vector.Input.Key, nil)
			e := checkVector(t, keys, vector.Output.Compact, example.reason == "")
			if e != nil && e.Reason != example.reason {
				t.Errorf("reason is %s, not %s", e.Reason, example.reason)
			}
		})
	}
}

// TestCookbookEd25519 checks the signature of RFC 8037 appendix A.4, whose token
// has no key id and whose key has none.
func TestCookbookEd25519(t *testing.T) {
	vector := readExample(t, "curve25519/jws.json")
	jwk, err := parseObject(string(vector.Input.Key))
	if err != nil {
		t.Fatal(err)
	}
	key, err := parseKey(jwk)
	if err != nil {
		t.Fatal(err)
	}
	c, e := split(vector.Output.Compact)
	if e != nil {
		t.Fatal(e)
	}
	input, _, signature, e := new(scratch).decode(vector.Output.Compact, c)
	if e != nil {
		t.Fatal(e)
	}
	if !verifySignature(EdDSA, key.public, input, signature) {
		t.Error("valid signature refused")
	}
	signature[10] ^= 1
	if verifySignature(EdDSA, key.public, input, signature) {
		t.Error("changed signature accepted")
	}
}

func TestCookbookKeys(t *testing.T) {
	for _, example := range []struct {
		file   string
		usable bool
	}{
		{"jwk/3_1.ec_public_key.json", true},
		{"jwk/3_2.ec_private_key.json", true}, // its public half
		{"jwk/3_3.rsa_public_key.json", true},
		{"jwk/3_4.rsa_private_key.json", true},
		{"jwk/3_5.symmetric_key_mac_computation.json", false},
		{"jwk/3_6.symmetric_key_encryption.json", false},
	} {
		t.Run(example.file, func(t *testing.T) {
			keys := vectorKeys(t, readCookbook(t, example.file), nil)
			if usable := len(keys.KeyIDs()) == 1; usable != example.usable {
				t.Errorf("usable is %v, not %v (%v)", usable, example.usable, keys.refused)
			}
		})
	}
}

func readExample(t *testing.T, file string) (example cookbookExample) {
	t.Helper()
	if err := json.Unmarshal(readCookbook(t, file), &example); err != nil {
		t.Fatal(err)
	}
	return example
}

func readCookbook(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cookbook, filepath.FromSlash(file)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the RFC examples are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}
