package verify

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// anyJSON parses one JSON text of any kind with encoding/json and refuses what
// follows it.
func anyJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("trailing data")
	}
	return value, nil
}

// FuzzParseObject holds the strict parser against encoding/json: what it accepts,
// that one accepts with the same value; what it refuses and that one accepts must
// be one of the things that strictness is about.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : [ 1 , -0.5e+7 , true , false , null , "x" ] } `, `{"a":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`,
		`{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":1}x`, `{"a":01}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":{"b":{"c":{}}}}`,
		`{"\u0061":1,"a":2}`, `{"a":1e400}`, `{"a":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}`, `[1]`, ``, `{"a":"\u00`, `{"a":tru}`, "\ufeff{}",
		`{`, `{"a"`, `{"a" 1}`, `{"a":`, `{"a":1 "b":2}`, `{1:2}`, `{"a":1,}`, `{"a":[1 2]}`, `{"a":[1,]}`, `{"a":-}`, `{"a":1e}`, `{"a":1e+}`, `{"a":.5}`,
		`{"a":"x`, `{"a\`, `{"a\tb`, "{\"a\\t\n\":1}", `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\ud83dx"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\ud83d\uZZZZ"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseObject(text)
		want, wantErr := anyJSON(text)
		if err != nil {
			if o != nil {
				t.Fatalf("error %v and result %v", err, o)
			}
			if _, isObject := want.(map[string]any); wantErr == nil && isObject && !strictnessRefuses(text, err) {
				t.Fatalf("refused %q: %v", text, err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("accepted %q, of which encoding/json says %v", text, wantErr)
		}
		if got := export(o); !reflect.DeepEqual(got, want) {
			t.Fatalf("parsed %q as %v, not %v", text, got, want)
		}
	})
}

// strictnessRefuses says whether an object that encoding/json accepts was refused
// for a reason that it forgives.
func strictnessRefuses(text string, err error) bool {
	for _, why := range []string{"a second member", "half a surrogate pair", "too deep nesting"} {
		if strings.Contains(err.Error(), why) {
			return true
		}
	}
	return !utf8.ValidString(text)
}

// FuzzNumericDate holds dates against exact arithmetic.
func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1", "-1", "1.5", "253402300799", "253402300799.9", "253402300800", "1e9", "1E+9", "1e-9", "1e400", "0.0000000001", "1.0000000009", "9223372036854775808", "1e999999999", "0e5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := parser{text: text}
		if text == "" || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
			return
		}
		if _, err := p.number(); err != nil || p.pos != len(text) || len(text) > maxDateText {
			return // not the text of a JSON number
		}
		date, ok := parseNumericDate(text)
		if exponent := strings.IndexAny(text, "eE"); exponent >= 0 && len(text)-exponent > 5 {
			if ok {
				t.Fatalf("accepted %s", text)
			}
			return
		}
		exact, isRat := new(big.Rat).SetString(text)
		if !isRat {
			t.Fatalf("big.Rat does not read %s", text)
		}
		if inRange := exact.Sign() >= 0 && exact.Cmp(big.NewRat(maxSeconds, 1)) <= 0; inRange != ok {
			t.Fatalf("%s: ok is %v", text, ok)
		}
		if !ok {
			return
		}
		floor, ceil := nanoseconds(date.time()), nanoseconds(date.ceil())
		exact.Mul(exact, big.NewRat(1e9, 1))
		if new(big.Rat).SetInt(floor).Cmp(exact) > 0 || new(big.Rat).SetInt(ceil).Cmp(exact) < 0 || new(big.Int).Sub(ceil, floor).Cmp(big.NewInt(1)) > 0 {
			t.Fatalf("%s: floor %v, ceil %v", text, floor, ceil)
		}
	})
}

func nanoseconds(t time.Time) *big.Int {
	n := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(int64(time.Second)))
	return n.Add(n, big.NewInt(int64(t.Nanosecond())))
}

// FuzzDecode: what decodes strictly has one spelling.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "AA", "AB", "AAA", "AAAA", "A", "AA==", "A\nA", "AAAA\n", "\n\n\n\n", "-_-_", "+/+/", "AA\r\nA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoded, ok := decodeString(text)
		if !ok && decoded != nil {
			t.Fatalf("refused %q and gave %x", text, decoded)
		}
		if respelled := base64.RawURLEncoding.EncodeToString(decoded); ok && respelled != text {
			t.Fatalf("%q and %q are the same", text, respelled)
		}
	})
}

// FuzzVerify signs a fuzzed header and payload and spoils the result: whatever is
// refused leaves a zero Token and an *Error with a bounded message, and whatever
// is accepted is what was signed, by the honest key.
func FuzzVerify(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	keys, err := NewStaticKeySet(map[string]crypto.PublicKey{"k": &private.PublicKey})
	if err != nil {
		f.Fatal(err)
	}
	v, err := New(Config{Issuer: "i", Audience: []string{"a"}, Algorithms: []Algorithm{ES256, RS256}, Keys: keys})
	if err != nil {
		f.Fatal(err)
	}
	header, claims := []byte(`{"alg":"ES256","kid":"k"}`), []byte(`{"iss":"i","aud":"a","exp":4000000000}`)
	f.Add(header, claims, "", 0)
	f.Add(header, []byte(`{"iss":"i","aud":["a"],"exp":4e9,"nbf":1.5,"x":{"y":[1,null]}}`), "", 0)
	f.Add(header, claims, ".", 5)
	f.Add(header, claims, "=", 1000)
	f.Add([]byte(`{"alg":"none","kid":"k"}`), claims, "", 0)
	f.Add([]byte(`{"alg":"ES256","kid":"k","alg":"none"}`), claims, "", 0)
	f.Add([]byte(`{"alg":"ES256","kid":"k","crit":["b64"],"b64":false}`), claims, "\n", 3)
	f.Add(header, []byte(`{"iss":"i","aud":"a","exp":1e400}`), "", 0)
	f.Fuzz(func(t *testing.T, header, payload []byte, insert string, at int) {
		input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
		var sum [64]byte
		_, hash := ES256.scheme()
		r, s, err := ecdsa.Sign(rand.Reader, private, digest(hash, []byte(input), &sum))
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		raw := input + "." + base64.RawURLEncoding.EncodeToString(signature)
		at = max(0, min(at, len(raw)))
		spoiled := raw[:at] + insert + raw[at:]

		token, err := v.Verify(context.Background(), spoiled)
		if err != nil {
			var e *Error
			if token != (Token{}) || !errors.As(err, &e) || e.Reason == "" || len(err.Error()) > 1200 {
				t.Fatalf("token %v, error %v", token, err)
			}
			return
		}
		if insert != "" {
			t.Fatalf("accepted %q, which was not signed", spoiled)
		}
		if !bytes.Equal(token.Claims.Raw(), payload) || token.Header.Algorithm != ES256 || token.Header.KeyID != "k" {
			t.Fatalf("token %v of %s.%s", token, header, payload)
		}
		if iss, _ := token.Claims.String("iss"); iss != "i" {
			t.Fatalf("issuer is %q", iss)
		}
		again, err := v.Verify(context.Background(), spoiled)
		if err != nil || again.Claims != token.Claims && !reflect.DeepEqual(again, token) {
			t.Fatalf("the second time %v, %v", again, err)
		}
	})
}

// FuzzParseKeySet: an error means no result, and every key that is there can be
// got and is sound.
func FuzzParseKeySet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":[{}]}`, `{"keys":[{"kid":"a","kty":"oct","k":"AAAA"}]}`, `{"keys":[1]}`, `{}`, `[]`, ``,
		`{"keys":[{"kid":"a","kty":"EC","crv":"P-256","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZ","y":"AA"}]}`,
		`{"keys":[{"kid":"a","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kid":"a","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kid":"a","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kid":"b","use":"sig","key_ops":["verify"],"alg":"ES256","kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}]}`,
		`{"keys":[{"kid":"c","kty":"RSA","n":"rJBIp6T1","e":"AQAB"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseKeySet(data)
		if err != nil {
			if set != nil || len(err.Error()) > 1200 {
				t.Fatalf("set %v, error %v", set, err)
			}
			return
		}
		for _, id := range set.KeyIDs() {
			sound := 0
			for _, alg := range everyAlgorithm {
				key, err := set.Key(context.Background(), Header{Algorithm: alg, KeyID: id})
				if err == nil && checkKey(key, alg) == nil {
					sound++
				}
			}
			if sound == 0 {
				t.Fatalf("key %q is good for nothing", id)
			}
		}
		if !set.equal(set) {
			t.Fatal("set is not equal to itself")
		}
	})
}
