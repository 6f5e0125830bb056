package verify_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

type members = map[string]any

func keySet(t *testing.T, keys ...members) *verify.StaticKeySet {
	t.Helper()
	data, err := json.Marshal(members{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	set, err := verify.ParseKeySet(data)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestParseKeySetLeavesOut gives one key that may not verify beside one that may,
// and demands that only the second is there and that the first one's absence is
// explained.
func TestParseKeySetLeavesOut(t *testing.T) {
	ec := newIssuer(t, verify.ES256)
	good := verifytest.JWK(ec.PublicKey(), members{"kid": "good"})
	rsaIssuer := newIssuer(t, verify.RS256)
	rsaKey := rsaIssuer.PublicKey().(*rsa.PublicKey)
	ed := newIssuer(t, verify.EdDSA)
	with := func(key crypto.PublicKey, change members) members {
		jwk := verifytest.JWK(key, members{"kid": "bad"})
		for name, value := range change {
			if value == verifytest.Absent {
				delete(jwk, name)
			} else {
				jwk[name] = value
			}
		}
		return jwk
	}
	modulus := func(bits int) members {
		n := make([]byte, bits/8)
		rand.Read(n)
		n[0], n[len(n)-1] = n[0]|0x80, n[len(n)-1]|1
		return with(rsaKey, members{"n": verifytest.Encode(n)})
	}
	x := good["x"].(string)
	for _, test := range []struct {
		name string
		key  members
		want string // in the message, after "not usable"
	}{
		{"symmetric", members{"kid": "bad", "kty": "oct", "k": "AAAA"}, "symmetric"},
		{"unknown kty", members{"kid": "bad", "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, `"kty"`},
		{"no kty", with(ec.PublicKey(), members{"kty": verifytest.Absent}), `"kty"`},
		{"kty of another case", with(ec.PublicKey(), members{"kty": "ec"}), `"kty"`},
		{"use enc", with(rsaKey, members{"use": "enc"}), `"use"`},
		{"use null", with(rsaKey, members{"use": nil}), `"use"`},
		{"use SIG", with(rsaKey, members{"use": "SIG"}), `"use"`},
		{"key_ops encrypt", with(rsaKey, members{"key_ops": []string{"encrypt", "wrapKey"}}), `"key_ops"`},
		{"key_ops sign", with(rsaKey, members{"key_ops": []string{"sign"}}), `"key_ops"`},
		{"key_ops empty", with(rsaKey, members{"key_ops": []string{}}), `"key_ops"`},
		{"key_ops string", with(rsaKey, members{"key_ops": "verify"}), `"key_ops"`},
		{"alg of another kind", with(rsaKey, members{"alg": "ES256"}), `"alg"`},
		{"alg for encryption", with(rsaKey, members{"alg": "RSA-OAEP"}), `"alg"`},
		{"alg HS256", with(rsaKey, members{"alg": "HS256"}), `"alg"`},
		{"alg none", with(rsaKey, members{"alg": "none"}), `"alg"`},
		{"alg null", with(rsaKey, members{"alg": nil}), `"alg"`},
		{"alg of another curve", with(ec.PublicKey(), members{"alg": "ES384"}), `"alg"`},
		{"RSA 512", modulus(512), "512 bits"},
		{"RSA 1024", modulus(1024), "1024 bits"},
		{"RSA 2040", modulus(2040), "2040 bits"},
		{"RSA 16384", modulus(16384), "16384 bits"},
		{"RSA no n", with(rsaKey, members{"n": verifytest.Absent}), `"n"`},
		{"RSA empty n", with(rsaKey, members{"n": ""}), `"n"`},
		{"RSA number n", with(rsaKey, members{"n": 65537}), `"n"`},
		{"RSA padded n", with(rsaKey, members{"n": base64.URLEncoding.EncodeToString(rsaKey.N.Bytes())}), `"n"`},
		{"RSA standard alphabet", with(rsaKey, members{"n": strings.Repeat("+/", 171)}), `"n"`},
		{"RSA exponent 1", with(rsaKey, members{"e": "AQ"}), "exponent is 1"},
		{"RSA exponent 3", with(rsaKey, members{"e": "Aw"}), "exponent is 3"},
		{"RSA exponent even", with(rsaKey, members{"e": "AQAC"}), "exponent is 65538"},
		{"RSA exponent huge", with(rsaKey, members{"e": verifytest.Encode(rsaKey.N.Bytes())}), "more than 31"},
		{"RSA exponent missing", with(rsaKey, members{"e": verifytest.Absent}), `"e"`},
		{"EC unknown curve", with(ec.PublicKey(), members{"crv": "secp256k1"}), `"crv"`},
		{"EC another curve", with(ec.PublicKey(), members{"crv": "P-384"}), "48 bytes"},
		{"EC P-224", with(ec.PublicKey(), members{"crv": "P-224"}), `"crv"`},
		{"EC off the curve", with(ec.PublicKey(), members{"y": x}), "point"},
		{"EC zero", with(ec.PublicKey(), members{"x": verifytest.Encode(make([]byte, 32)), "y": verifytest.Encode(make([]byte, 32))}), "point"},
		{"EC short", with(ec.PublicKey(), members{"x": verifytest.Encode(make([]byte, 31))}), "32 bytes"},
		{"EC long", with(ec.PublicKey(), members{"x": verifytest.Encode(make([]byte, 33))}), "32 bytes"},
		{"EC no y", with(ec.PublicKey(), members{"y": verifytest.Absent}), `"y"`},
		{"OKP X25519", with(ed.PublicKey(), members{"crv": "X25519"}), `"crv"`},
		{"OKP Ed448", with(ed.PublicKey(), members{"crv": "Ed448"}), `"crv"`},
		{"OKP short", with(ed.PublicKey(), members{"x": "AAAA"}), "32 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, order := range [][]members{{test.key, good}, {good, test.key}} {
				set := keySet(t, order...)
				if ids := set.KeyIDs(); !reflect.DeepEqual(ids, []string{"good"}) {
					t.Errorf("keys are %q", ids)
				}
				key, err := set.Key(t.Context(), verify.Header{Algorithm: verify.RS256, KeyID: "bad"})
				if err == nil || key != nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "not usable") {
					t.Errorf("Key gives %v, %v; want an error with %q", key, err, test.want)
				}
			}
		})
	}
}

func TestParseKeySetIDs(t *testing.T) {
	one, two := newIssuer(t, verify.ES256).PublicKey(), newIssuer(t, verify.ES256).PublicKey()
	for _, test := range []struct {
		name string
		keys []members
		want []string
	}{
		{"none", []members{}, []string{}},
		{"two", []members{verifytest.JWK(one, members{"kid": "a"}), verifytest.JWK(two, members{"kid": "b"})}, []string{"a", "b"}},
		{"no id", []members{verifytest.JWK(one, nil), verifytest.JWK(two, members{"kid": "b"})}, []string{"b"}},
		{"empty id", []members{verifytest.JWK(one, members{"kid": ""})}, []string{}},
		{"number", []members{verifytest.JWK(one, members{"kid": 1})}, []string{}},
		{"long", []members{verifytest.JWK(one, members{"kid": strings.Repeat("a", 1025)})}, []string{}},
		{"twice", []members{verifytest.JWK(one, members{"kid": "a"}), verifytest.JWK(two, members{"kid": "a"}), verifytest.JWK(two, members{"kid": "b"})}, []string{"b"}},
		{"twice the same", []members{verifytest.JWK(one, members{"kid": "a"}), verifytest.JWK(one, members{"kid": "a"})}, []string{}},
		{"thrice", []members{verifytest.JWK(one, members{"kid": "a"}), verifytest.JWK(two, members{"kid": "a"}), verifytest.JWK(one, members{"kid": "a"})}, []string{}},
		{"twice, one for encryption", []members{verifytest.JWK(one, members{"kid": "a", "use": "enc"}), verifytest.JWK(two, members{"kid": "a", "use": "sig"})}, []string{"a"}},
	} {
		if ids := keySet(t, test.keys...).KeyIDs(); !reflect.DeepEqual(ids, test.want) {
			t.Errorf("%s: keys are %q, not %q", test.name, ids, test.want)
		}
	}
}

// TestPrivateMembersAreNotRead: a set that leaks its private keys verifies by
// their public halves.
func TestPrivateMembersAreNotRead(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private, KeyID: "a", Use: "sig"}}})
	if err != nil || !bytes.Contains(data, []byte(`"d"`)) {
		t.Fatalf("%s, %v", data, err)
	}
	set, err := verify.ParseKeySet(data)
	if err != nil {
		t.Fatal(err)
	}
	key, err := set.Key(t.Context(), verify.Header{Algorithm: verify.ES256, KeyID: "a"})
	if err != nil || !private.PublicKey.Equal(key) {
		t.Errorf("Key gives %v, %v", key, err)
	}
}

// TestLeadingZero: some issuers write the modulus with a zero octet before it.
func TestLeadingZero(t *testing.T) {
	issuer := newIssuer(t, verify.RS256)
	n := issuer.PublicKey().(*rsa.PublicKey).N.Bytes()
	set := keySet(t, verifytest.JWK(issuer.PublicKey(), members{"kid": issuer.KeyID(), "n": verifytest.Encode(append([]byte{0}, n...))}))
	accept(t, newVerifier(t, issuer, func(c *verify.Config) { c.Keys = set }), issuer.Token(nil))
}

func TestNewStaticKeySetRefuses(t *testing.T) {
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := newIssuer(t, verify.ES256).PublicKey().(*ecdsa.PublicKey)
	for name, keys := range map[string]map[string]crypto.PublicKey{
		"no id":           {"": good},
		"nil":             {"a": nil},
		"nil RSA":         {"a": (*rsa.PublicKey)(nil)},
		"nil ECDSA":       {"a": (*ecdsa.PublicKey)(nil)},
		"empty RSA":       {"a": &rsa.PublicKey{}},
		"weak RSA":        {"a": weak},
		"RSA by value":    {"a": *weak},
		"P-224":           {"a": &p224.PublicKey},
		"empty ECDSA":     {"a": &ecdsa.PublicKey{}},
		"private":         {"a": p224},
		"short Ed25519":   {"a": ed25519.PublicKey{1, 2, 3}},
		"bytes":           {"a": []byte("secret")},
		"one bad of many": {"a": good, "b": "secret"},
	} {
		if set, err := verify.NewStaticKeySet(keys); err == nil || set != nil {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}

func TestParseKeySetBounds(t *testing.T) {
	set, err := verify.ParseKeySet([]byte(`{"keys":[]}` + strings.Repeat(" ", 150_000)))
	if err == nil || set != nil {
		t.Errorf("%v, %v", set, err)
	}
	for _, text := range []string{"", "{}", "[]", "null", `{"keys":null}`, `{"keys":[1]}`, `{"keys":[null]}`, `{"KEYS":[]}`, `{"keys":[]}{}`, `{"keys":[{"kid":"a","kid":"b"}]}`} {
		if set, err := verify.ParseKeySet([]byte(text)); err == nil || set != nil || !strings.HasPrefix(err.Error(), "verify: parsing JWK Set: ") {
			t.Errorf("%s: %v, %v", text, set, err)
		}
	}
}

// TestGoJose holds the package against another implementation: its keys are read
// and its tokens verified.
func TestGoJose(t *testing.T) {
	for _, alg := range everyAlgorithm {
		if alg == verify.Ed25519 {
			continue // go-jose has EdDSA only
		}
		t.Run(string(alg), func(t *testing.T) {
			key := generateKey(t, alg)
			signer, err := jose.NewSigner(
				jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: key, KeyID: "k"}},
				(&jose.SignerOptions{}).WithType("at+jwt"))
			if err != nil {
				t.Fatal(err)
			}
			jws, err := signer.Sign([]byte(`{"iss":"https://issuer.example","aud":"a","exp":4000000000}`))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := jws.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: string(alg), Use: "sig"}}})
			if err != nil {
				t.Fatal(err)
			}
			set, err := verify.ParseKeySet(data)
			if err != nil {
				t.Fatal(err)
			}
			v, err := verify.New(verify.Config{Issuer: "https://issuer.example", Audience: []string{"a"}, Algorithms: everyAlgorithm, Keys: set})
			if err != nil {
				t.Fatal(err)
			}
			if token := accept(t, v, raw); token.Header.Type != "at+jwt" || token.Header.Algorithm != alg {
				t.Errorf("header is %+v", token.Header)
			}
		})
	}
}

func generateKey(t *testing.T, alg verify.Algorithm) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case verify.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case verify.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case verify.ES512:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case verify.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A failingSet fails as it is told.
type failingSet struct{ err error }

func (s failingSet) Key(context.Context, verify.Header) (crypto.PublicKey, error) { return nil, s.err }

// TestKeySetErrors: what a key set of the caller's own says is kept as the cause,
// and no set can make Verify say more than that there is no key.
func TestKeySetErrors(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	cause := errors.New("database is locked")
	for _, test := range []struct {
		name   string
		err    error
		reason verify.Reason
		want   string
	}{
		{"foreign", cause, verify.KeysUnavailable, "verify: keys are unavailable: database is locked"},
		{"context", context.Canceled, verify.KeysUnavailable, "verify: keys are unavailable: context canceled"},
		{"unknown", &verify.Error{Reason: verify.UnknownKey}, verify.UnknownKey, `verify: no key has the id "key-1"`},
		{"wrapped", fmt.Errorf("pool x: %w", &verify.Error{Reason: verify.UnknownKey, Err: cause}), verify.UnknownKey, "pool x: "},
		{"reason of another step", &verify.Error{Reason: verify.Expired, Err: cause}, verify.KeysUnavailable, "keys are unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = failingSet{test.err} })
			e := refuse(t, v, issuer.Token(nil), test.reason)
			if !strings.Contains(e.Error(), test.want) || e.KeyID != issuer.KeyID() {
				t.Errorf("%v (kid %q); want %q", e, e.KeyID, test.want)
			}
			if errors.Is(test.err, cause) && !errors.Is(e, cause) {
				t.Error("the cause is lost")
			}
		})
	}
	// A set that gives no key and no error, or something that is no key.
	for _, key := range []crypto.PublicKey{nil, "key", []byte("key"), (*rsa.PublicKey)(nil), ed25519.PublicKey{1}} {
		v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms, c.Keys = everyAlgorithm, &countedSet{key: key} })
		refuse(t, v, issuer.Token(nil), verify.KeyNotForAlgorithm)
	}
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms, c.Keys = everyAlgorithm, &countedSet{key: weak} })
	e := refuse(t, v, issuer.Sign(map[string]any{"alg": "RS256"}, nil), verify.KeyNotForAlgorithm)
	if !strings.Contains(e.Message(), "1024 bits") {
		t.Error(e.Message())
	}
}
