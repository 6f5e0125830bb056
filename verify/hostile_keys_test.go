package verify_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// TestKeyConfusion signs with HMAC under every text that the public key has, the
// classic of CVE-2015-9235. Verify is told to accept every algorithm that it
// knows.
func TestKeyConfusion(t *testing.T) {
	for _, alg := range []verify.Algorithm{verify.RS256, verify.ES256, verify.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			issuer := newIssuer(t, alg)
			v := newVerifier(t, issuer, func(c *verify.Config) { c.Algorithms = everyAlgorithm })
			accept(t, v, issuer.Token(nil))
			payload := payloadOf(t, issuer.Token(nil))
			var attacks []attack
			for form, secret := range encodings(t, issuer) {
				for name, newHash := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
					header, _ := json.Marshal(map[string]any{"alg": name, "kid": issuer.KeyID()})
					input := verifytest.Encode(header) + "." + verifytest.Encode(payload)
					mac := hmac.New(newHash, secret)
					mac.Write([]byte(input))
					attacks = append(attacks, attack{name + " with " + form, input + "." + verifytest.Encode(mac.Sum(nil)), verify.AlgorithmNotAllowed})
					// The same MAC under the name of the real algorithm.
					header, _ = json.Marshal(map[string]any{"alg": alg, "kid": issuer.KeyID()})
					input = verifytest.Encode(header) + "." + verifytest.Encode(payload)
					mac = hmac.New(newHash, secret)
					mac.Write([]byte(input))
					attacks = append(attacks, attack{string(alg) + " by " + name + " with " + form, input + "." + verifytest.Encode(mac.Sum(nil)), verify.BadSignature})
				}
			}
			runAttacks(t, v, attacks)
		})
	}
}

// encodings gives a public key in every form that a server might have it in.
func encodings(t *testing.T, issuer *verifytest.Issuer) map[string][]byte {
	t.Helper()
	public := issuer.PublicKey()
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	jwk, err := json.Marshal(verifytest.JWK(public, nil))
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"SPKI": spki, "PEM": block, "PEM without its last line break": []byte(strings.TrimSpace(string(block))),
		"PEM with CRLF": []byte(strings.ReplaceAll(string(block), "\n", "\r\n")),
		"PEM body":      []byte(base64.StdEncoding.EncodeToString(spki)),
		"JWK":           jwk, "JWK Set": issuer.JWKS(), "nothing": {}, "kid": []byte(issuer.KeyID()),
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		forms["PKCS #1"] = x509.MarshalPKCS1PublicKey(public)
		forms["PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: forms["PKCS #1"]})
		forms["modulus"] = public.N.Bytes()
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		forms["point"], forms["x"] = point, point[1:33]
	}
	return forms
}

// TestHeaderKeys signs with an attacker's key and offers that key in every way
// that RFC 7515 has for it. A canary on loopback must not hear a thing.
func TestHeaderKeys(t *testing.T) {
	var heard atomic.Int32
	attacker := newIssuer(t, verify.RS256)
	canary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		w.Write(attacker.JWKS())
	}))
	defer canary.Close()
	issuer := newIssuer(t, verify.RS256)
	v := newVerifier(t, issuer, nil)
	payload := payloadOf(t, issuer.Token(nil))
	certificate := selfSigned(t, attacker)
	thumbprint := sha256.Sum256([]byte(certificate))
	jwk := verifytest.JWK(attacker.PublicKey(), map[string]any{"kid": issuer.KeyID()})
	var attacks []attack
	for name, header := range map[string]map[string]any{
		"jwk":                   {"jwk": jwk},
		"jwk with alg":          {"jwk": verifytest.JWK(attacker.PublicKey(), map[string]any{"alg": "RS256", "use": "sig"})},
		"jku":                   {"jku": canary.URL + "/jwks.json"},
		"x5u":                   {"x5u": canary.URL + "/cert.pem"},
		"x5c":                   {"x5c": []string{certificate}},
		"x5t":                   {"x5t#S256": verifytest.Encode(thumbprint[:])},
		"iss":                   {"iss": canary.URL},
		"url":                   {"url": canary.URL, "jwks_uri": canary.URL, "jwks": map[string]any{"keys": []any{jwk}}},
		"everything":            {"jwk": jwk, "jku": canary.URL, "x5u": canary.URL, "x5c": []string{certificate}},
		"everything, other kid": {"jwk": jwk, "jku": canary.URL, "x5u": canary.URL, "x5c": []string{certificate}, "kid": "attacker"},
		"kid is a URL":          {"kid": canary.URL + "/jwks.json"},
		"kid is a file URL":     {"kid": "file:///dev/null"},
	} {
		reason := verify.BadSignature
		if kid, ok := header["kid"]; ok && kid != issuer.KeyID() {
			reason = verify.UnknownKey
		} else {
			header["kid"] = issuer.KeyID()
		}
		attacks = append(attacks, attack{name, attacker.Sign(header, payload), reason})
	}
	// Claims that name an address are not followed either.
	attacks = append(attacks, attack{"iss claim", attacker.Token(verifytest.Claims{"iss": canary.URL, "jwks_uri": canary.URL}), verify.BadSignature})
	runAttacks(t, v, attacks)

	// An honest issuer that sends such parameters is understood: they are ignored.
	honest := issuer.Sign(map[string]any{"jwk": jwk, "jku": canary.URL, "x5u": canary.URL, "x5c": []string{certificate}}, payload)
	accept(t, v, honest)
	if n := heard.Load(); n != 0 {
		t.Errorf("the canary was asked %d times", n)
	}
	if n := attacker.Fetches(verifytest.JWKSPath); n != 0 {
		t.Errorf("the attacker's keys were fetched %d times", n)
	}
}

// selfSigned gives a certificate of the attacker's key, as x5c has it.
func selfSigned(t *testing.T, attacker *verifytest.Issuer) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, attacker.PublicKey(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
