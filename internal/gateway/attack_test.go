package gateway_test

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

var seed = flag.Uint64("seed", 0, "the seed of the randomised tests; 0 takes one of the clock's")

// newRand gives a source of numbers that a failed run can be repeated with.
func newRand(t *testing.T) *mathrand.Rand {
	s := cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t.Logf("-seed=%d", s)
	return mathrand.New(mathrand.NewPCG(s, s))
}

// The descriptions of refused tokens. Nothing else may stand in a challenge:
// each is a constant, so that none holds a part of the token.
const (
	textSegments  = "token contains an invalid number of segments"
	textMalformed = "token is malformed"
	textAlgorithm = "signing method is invalid"
	textKeyID     = "the token does not have a valid key id"
	textSignature = "crypto/rsa: verification error"
	textClaims    = "the token does not have valid claims"
	textAudience  = "the token does not have a valid audience"
	textIssuer    = "the token does not have a valid issuer"
	textExpired   = "the token has expired"
	textNotYet    = "the token is not valid yet"
	textTooEarly  = "the token was used before it was issued"
	textBearer    = "tokenstring should not contain 'bearer '"
	textDiscovery = "OIDC discovery endpoint communication error"
	textKeys      = "JWKS communication error"
)

// challengeGrammar is the grammar of www-authenticate on AWS (see
// internal/authorizer/challenge.go): parameters parted by single spaces, in this
// order, and nothing that would end a quoted string or a line.
var challengeGrammar = regexp.MustCompile(`^Bearer(?: scope="((?:[!#-\[\]-~]+(?: [!#-\[\]-~]+)*)?)" error="(invalid_token|insufficient_scope)" error_description="([ !#-\[\]-~]+)")?$`)

// checkChallenge parses a challenge strictly and holds its parts against lists.
func checkChallenge(t *testing.T, challenge string) {
	t.Helper()
	parts := challengeGrammar.FindStringSubmatch(challenge)
	if parts == nil {
		t.Errorf("www-authenticate %q is against its grammar", challenge)
		return
	}
	if challenge == "Bearer" {
		return
	}
	if scope := parts[1]; scope != "" && scope != "read:unicorn admin" {
		t.Errorf("www-authenticate has the scope %q, which is not the route's", scope)
	}
	known := []string{
		textSegments, textMalformed, textAlgorithm, textKeyID, textSignature, textClaims, textAudience, textIssuer,
		textExpired, textNotYet, textTooEarly, textBearer, textDiscovery, textKeys,
	}
	if parts[2] == "insufficient_scope" {
		known = []string{"insufficient scope"}
	}
	if !slices.Contains(known, parts[3]) {
		t.Errorf("www-authenticate has the description %q, which is none of the gateway's", parts[3])
	}
}

// A canary is a listener at an address that attacks name. It counts whoever
// comes, also one that says nothing.
type canary struct {
	address string
	accepts atomic.Int64
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &canary{address: listener.Addr().String()}
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.accepts.Add(1)
			io.WriteString(conn, "HTTP/1.1 500 Caught\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}()
	return c
}

func (c *canary) url() string { return "http://" + c.address }

// silent demands that nobody came.
func (c *canary) silent(t *testing.T) {
	t.Helper()
	if n := c.accepts.Load(); n != 0 {
		t.Errorf("%d connections went to an address taken from outside", n)
	}
}

// attackWorld is a gateway behind an issuer whose private key the test holds, so
// that it can sign what no issuer would.
type attackWorld struct {
	*world
	config   gateway.Config
	issuer   *verifytest.Issuer
	private  *rsa.PrivateKey
	attacker *rsa.PrivateKey
	canary   *canary
}

func newAttackWorld(t *testing.T) *attackWorld {
	t.Helper()
	d := &attackWorld{issuer: newIssuer(t), private: rsaKeys.Take(t), attacker: rsaKeys.Take(t), canary: newCanary(t)}
	d.issuer.Handle(verifytest.JWKSPath, jwks(verifytest.JWK(d.private.Public(), map[string]any{"kid": "key-1", "use": "sig"})))
	remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: d.issuer.URL(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remote.Close() })
	c := base(
		gateway.Route{Key: "GET /private", Authorizer: "jwt", Function: "private"},
		gateway.Route{Key: "GET /scoped", Authorizer: "jwt", Scopes: []string{"read:unicorn", "admin"}, Function: "scoped"},
		gateway.Route{Key: "GET /query", Authorizer: "query", Function: "query"},
	)
	c.Authorizers = map[string]gateway.Authorizer{
		"jwt":   newJWT(t, authorizer.JWTConfig{Issuer: d.issuer.URL(), Keys: remote}),
		"query": newJWT(t, authorizer.JWTConfig{Name: "query", Issuer: d.issuer.URL(), Keys: remote, IdentitySource: "$request.querystring.token"}),
	}
	d.world, d.config = serve(t, c), c
	return d
}

// plot is a request with headers as advice can change it. Its world is its own, so
// that an honest token neither fills a cache nor counts as a call.
func (d *attackWorld) plot(t *testing.T, target string, header ...string) *plot {
	t.Helper()
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{"key-1": d.private.Public()})
	if err != nil {
		t.Fatal(err)
	}
	p := &plot{
		method: "GET", target: target, header: header, config: d.config, scheme: "Bearer ", issuer: d.issuer.URL(),
		honest: func(c verifytest.Claims) string {
			all := verifytest.Claims{"exp": now.Unix() + 1<<30}
			maps.Copy(all, c)
			return d.signed(goodHeader, d.claims(all))
		},
		jwt: map[string]authorizer.JWTConfig{
			"jwt":   {Declared: "apis.Api", Issuer: d.issuer.URL(), Keys: keys},
			"query": {Declared: "apis.Api", Issuer: d.issuer.URL(), Keys: keys, IdentitySource: "$request.querystring.token"},
		},
	}
	p.declare = map[string]func(*plot, string){"authorizers.jwt.issuer": func(p *plot, value string) {
		j := p.jwt["jwt"]
		j.Issuer = value
		p.jwt["jwt"] = j
	}}
	if strings.HasPrefix(target, "/query") {
		p.inQuery = "token"
	}
	return p
}

// newRSA makes a key of a size that rsaKeys does not have.
func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// jwks serves a JWK Set.
func jwks(keys ...map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	})
}

// claims gives good claims with changes; an Absent one is left out.
func (d *attackWorld) claims(changes verifytest.Claims) []byte {
	all := verifytest.Claims{"iss": d.issuer.URL(), "aud": verifytest.Audience, "sub": "user-1", "exp": now.Unix() + 60}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == verifytest.Absent })
	return marshal(all)
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// signed signs any header and payload with RS256 by the issuer's key.
func (d *attackWorld) signed(header string, payload []byte) string {
	return signedBytes(d.private, verify.RS256, header, payload)
}

func signedBytes(key crypto.Signer, alg verify.Algorithm, header string, payload []byte) string {
	input := verifytest.Encode([]byte(header)) + "." + verifytest.Encode(payload)
	return input + "." + verifytest.Encode(verifytest.Sign(alg, key, []byte(input)))
}

const goodHeader = `{"alg":"RS256","kid":"key-1","typ":"JWT"}`

func (d *attackWorld) good() string { return d.signed(goodHeader, d.claims(nil)) }

// header signs good claims under a header with changes.
func (d *attackWorld) header(changes map[string]any) string {
	return d.headerBy(d.private, changes)
}

func (d *attackWorld) headerBy(key crypto.Signer, changes map[string]any) string {
	all := map[string]any{"alg": "RS256", "kid": "key-1", "typ": "JWT"}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == verifytest.Absent })
	return signedBytes(key, verify.RS256, string(marshal(all)), d.claims(nil))
}

// An attack is a token that must be refused, and the text that says so.
type attack struct{ name, token, text string }

// TestAttackList holds the list of attacks on tokens against a gateway with real
// keys, over real sockets: 401 with AWS's bytes, nothing of the token in the
// answer or its signature in the log, no invocation, no fetch.
func TestAttackList(t *testing.T) {
	d := newAttackWorld(t)
	d.do(t, "GET", "/private", "Authorization: Bearer "+d.good()).assert(t, 200, "called private", "Content-Type: text/plain; charset=utf-8")
	asked, called := d.issuer.Fetches(verifytest.JWKSPath), d.invoker.calls.Load()
	for _, group := range []struct {
		name string
		list func(*testing.T, *attackWorld) []attack
	}{
		{"alg none", attackNone},
		{"HMAC", attackHMAC},
		{"relabelled", attackRelabelled},
		{"signature", attackSignatures},
		{"embedded keys", attackEmbeddedKeys},
		{"kid", attackKeyIDs},
		{"header", attackHeaders},
		{"segments", attackSegments},
		{"base64", attackBase64},
		{"claims", attackClaims},
		{"times", attackTimes},
		{"names", attackNames},
	} {
		t.Run(group.name, func(t *testing.T) {
			list := group.list(t, d)
			for _, a := range list {
				t.Run(a.name, func(t *testing.T) { d.refused(t, a) })
			}
			t.Logf("%d attacks", len(list))
		})
	}
	d.canary.silent(t)
	if n := d.invoker.calls.Load() - called; n != 0 {
		t.Errorf("the function was invoked %d times", n)
	}
	// One fetch is for the first id that nobody knows; the clock stands still, so
	// that its cool-down never ends.
	if n := d.issuer.Fetches(verifytest.JWKSPath) - asked; n > 1 {
		t.Errorf("the attacks caused %d fetches of the issuer's keys", n)
	}
	// They have broken nothing.
	d.do(t, "GET", "/private", "Authorization: Bearer "+d.good()).assert(t, 200, "called private", "Content-Type: text/plain; charset=utf-8")
}

// refused sends a token twice, so that nothing hostile comes from a cache.
func (d *attackWorld) refused(t *testing.T, a attack) {
	t.Helper()
	for range 2 {
		got := d.do(t, "GET", "/private", "Authorization: Bearer "+a.token)
		got.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid(a.text))
		checkChallenge(t, got.header.Get("Www-Authenticate"))
		if got.header["Content-Type"] != nil {
			t.Errorf("the 401 has the content type %q", got.header["Content-Type"])
		}
		line := d.journal.last(t).String()
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 }) {
			t.Errorf("the line %q can act on a terminal", line)
		}
		if parts := strings.Split(a.token, "."); len(parts) == 3 && len(parts[2]) > 16 && strings.Contains(line, parts[2][:16]) {
			t.Errorf("the line %q has the signature in it", line)
		}
	}
	d.plot(t, "/private", "Authorization: Bearer "+a.token).followed(t)
}

func attackNone(t *testing.T, d *attackWorld) (list []attack) {
	payload := verifytest.Encode(d.claims(nil))
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `"none "`, `" none"`, `"n\u006fne"`, `"none\u0000"`, `"n` + "\u043e" + `ne"`,
		`"` + "\uff4e\uff4f\uff4e\uff45" + `"`, `"NoNe\t"`, `"HS0"`, `"null"`, `"false"`,
	} {
		head := verifytest.Encode([]byte(`{"alg":` + alg + `,"kid":"key-1"}`))
		list = append(list,
			attack{alg + " without a signature", head + "." + payload + ".", textMalformed},
			attack{alg + " with two segments", head + "." + payload, textSegments},
			attack{alg + " with a zero byte", head + "." + payload + ".AA", textAlgorithm},
			attack{alg + " rightly signed", d.signed(`{"alg":`+alg+`,"kid":"key-1"}`, d.claims(nil)), textAlgorithm})
	}
	for _, head := range []string{
		`{"kid":"key-1"}`, `{"alg":"","kid":"key-1"}`, `{"alg":null,"kid":"key-1"}`, `{"alg":0,"kid":"key-1"}`, `{"alg":false,"kid":"key-1"}`,
		`{"alg":["RS256"],"kid":"key-1"}`, `{"alg":["none","RS256"],"kid":"key-1"}`, `{"alg":{"alg":"RS256"},"kid":"key-1"}`, `{"ALG":"RS256","kid":"key-1"}`,
	} {
		list = append(list, attack{head, d.signed(head, d.claims(nil)), textMalformed})
	}
	return list
}

// publicForms gives the issuer's public key in every form in which somebody may
// have pasted it as a secret.
func publicForms(t *testing.T, public *rsa.PublicKey) map[string][]byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	jwk := verifytest.JWK(public, map[string]any{"kid": "key-1", "use": "sig"})
	bare := verifytest.JWK(public, nil)
	indented, _ := json.MarshalIndent(jwk, "", "  ")
	forms := map[string][]byte{
		"PKIX DER": der, "PKCS1 DER": pkcs1,
		"PKIX DER in base64": []byte(base64.StdEncoding.EncodeToString(der)), "PKCS1 DER in base64": []byte(base64.StdEncoding.EncodeToString(pkcs1)),
		"JWK": marshal(jwk), "JWK of three members": marshal(bare), "JWK indented": indented, "JWK Set": marshal(map[string]any{"keys": []any{jwk}}),
		"modulus": public.N.Bytes(), "modulus with a zero": append([]byte{0}, public.N.Bytes()...), "modulus as base64url": []byte(jwk["n"].(string)),
		"modulus in hex": []byte(public.N.Text(16)), "modulus in decimal": []byte(public.N.String()),
		"key id": []byte("key-1"), "nothing": {}, "a zero byte": {0},
	}
	for name, block := range map[string]*pem.Block{
		"PKIX PEM":  {Type: "PUBLIC KEY", Bytes: der},
		"PKCS1 PEM": {Type: "RSA PUBLIC KEY", Bytes: pkcs1},
	} {
		text := pem.EncodeToMemory(block)
		trimmed := bytes.TrimSuffix(text, []byte("\n"))
		forms[name] = text
		forms[name+" without a newline"] = trimmed
		forms[name+" with two newlines"] = append(slices.Clone(text), '\n')
		forms[name+" with CRLF"] = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		forms[name+" with CRLF, the last one off"] = bytes.ReplaceAll(trimmed, []byte("\n"), []byte("\r\n"))
		forms[name+" in one line"] = bytes.ReplaceAll(text, []byte("\n"), nil)
	}
	return forms
}

func attackHMAC(t *testing.T, d *attackWorld) (list []attack) {
	payload := verifytest.Encode(d.claims(nil))
	for form, secret := range publicForms(t, &d.private.PublicKey) {
		for alg, hash := range map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512} {
			mac := func(head string) string {
				input := verifytest.Encode([]byte(head)) + "." + payload
				m := hmac.New(hash.New, secret)
				m.Write([]byte(input))
				return input + "." + verifytest.Encode(m.Sum(nil))
			}
			list = append(list, attack{alg + " with " + form, mac(`{"alg":"` + alg + `","kid":"key-1"}`), textAlgorithm})
			if alg == "HS256" {
				list = append(list,
					attack{"hs256 with " + form, mac(`{"alg":"hs256","kid":"key-1"}`), textAlgorithm},
					attack{"HMAC as RS256 with " + form, mac(goodHeader), textSignature})
			}
		}
	}
	return list
}

func attackRelabelled(t *testing.T, d *attackWorld) (list []attack) {
	for _, alg := range []string{
		"RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "HS256",
		"rs256", "Rs256", "RS256 ", " RS256", "RS256\x00", "RS256,none", "RS", "RSA", "RSA256", "RS1", "SHA256withRSA", "A128GCM", "RSA-OAEP", "dir",
		"RS\uff12\uff15\uff16", "R\u0405256", "*", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
	} {
		list = append(list, attack{"RS256 called " + alg, d.header(map[string]any{"alg": alg}), textAlgorithm})
	}
	for _, alg := range []verify.Algorithm{verify.RS384, verify.RS512, verify.PS256, verify.PS384, verify.PS512} {
		list = append(list,
			attack{string(alg) + " called RS256", signedBytes(d.private, alg, goodHeader, d.claims(nil)), textSignature},
			attack{string(alg) + ", which is not configured", signedBytes(d.private, alg, `{"alg":"`+string(alg)+`","kid":"key-1"}`, d.claims(nil)), textAlgorithm})
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, attack{"ES256 called RS256", signedBytes(curve, verify.ES256, goodHeader, d.claims(nil)), textSignature})
	return list
}

func attackSignatures(t *testing.T, d *attackWorld) (list []attack) {
	good := d.good()
	dot := strings.LastIndexByte(good, '.')
	input, text := good[:dot], good[dot+1:]
	signature, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, signature []byte) {
		list = append(list, attack{name, input + "." + verifytest.Encode(signature), textSignature})
	}
	list = append(list, attack{"empty", input + ".", textMalformed})
	for n := 1; n < len(signature); n += 17 {
		add(fmt.Sprintf("first %d bytes", n), signature[:n])
		add(fmt.Sprintf("last %d bytes", n), signature[len(signature)-n:])
	}
	for _, pad := range []string{"=", "==", "===", "%3D", "%3D%3D", "AAAA=", "\t=", " ="} {
		list = append(list, attack{"padded with " + pad, good + pad, textMalformed})
	}
	n := d.private.N
	s := new(big.Int).SetBytes(signature)
	add("a zero byte after", append(slices.Clone(signature), 0))
	add("a zero byte before", append([]byte{0}, signature...))
	add("256 bytes after", append(slices.Clone(signature), make([]byte, 256)...))
	add("twice", append(slices.Clone(signature), signature...))
	add("plus the modulus", new(big.Int).Add(s, n).Bytes())
	add("negated", new(big.Int).Sub(n, s).FillBytes(make([]byte, 256)))
	add("reversed", reversed(signature))
	add("zero", make([]byte, 256))
	add("one", append(make([]byte, 255), 1))
	add("the modulus", n.Bytes())
	add("the modulus less one", new(big.Int).Sub(n, big.NewInt(1)).Bytes())
	add("all ones", bytes.Repeat([]byte{0xff}, 256))
	list = append(list,
		attack{"of another token", input + d.header(map[string]any{"x": 1})[strings.LastIndexByte(d.header(map[string]any{"x": 1}), '.'):], textSignature},
		attack{"by another key", signedBytes(d.attacker, verify.RS256, goodHeader, d.claims(nil)), textSignature})

	// What an old RSA library let pass: no DigestInfo, that of another hash, and
	// rubbish in the padding (RFC 8017 section 8.2; CVE-2006-4339).
	digest := crypto.SHA256.New()
	digest.Write([]byte(input))
	raw, err := rsa.SignPKCS1v15(nil, d.private, 0, digest.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	add("no DigestInfo", raw)
	mixed, err := rsa.SignPKCS1v15(nil, d.private, crypto.SHA3_256, digest.Sum(nil))
	if err == nil {
		add("DigestInfo of SHA3-256", mixed)
	}
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, digest.Sum(nil)...)
	short := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 8), []byte{0}, info, make([]byte, 256-11-len(info)))
	add("short padding and rubbish after", new(big.Int).Exp(new(big.Int).SetBytes(short), d.private.D, n).FillBytes(make([]byte, 256)))
	return list
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

func attackEmbeddedKeys(t *testing.T, d *attackWorld) (list []attack) {
	jwk := verifytest.JWK(d.attacker.Public(), map[string]any{"kid": "mine", "alg": "RS256", "use": "sig"})
	certificate := selfSigned(t, d.attacker)
	mine := d.canary.url()
	for name, params := range map[string]map[string]any{
		"jwk":           {"jwk": jwk},
		"jwk as text":   {"jwk": string(marshal(jwk))},
		"jwks":          {"jwks": map[string]any{"keys": []any{jwk}}},
		"jku":           {"jku": mine + "/jwks.json"},
		"jku at issuer": {"jku": d.issuer.URL() + "@" + d.canary.address + "/jwks.json"},
		"jku, no host":  {"jku": "//" + d.canary.address + "/jwks.json"},
		"jku as a file": {"jku": "file:///proc/self/environ"},
		"x5u":           {"x5u": mine + "/chain.pem"},
		"x5c":           {"x5c": []string{base64.StdEncoding.EncodeToString(certificate)}},
		"x5t":           {"x5t": verifytest.Encode(certificate[:20]), "x5t#S256": verifytest.Encode(certificate[:32])},
		"iss in header": {"iss": mine, "jwks_uri": mine + "/jwks.json", "url": mine},
		"all of them":   {"jwk": jwk, "jku": mine, "x5u": mine, "x5c": []string{base64.StdEncoding.EncodeToString(certificate)}, "epk": jwk},
	} {
		with := func(kid any) map[string]any {
			p := maps.Clone(params)
			p["kid"] = kid
			return p
		}
		list = append(list,
			attack{name + " under the issuer's key id", d.headerBy(d.attacker, with("key-1")), textSignature},
			attack{name + " under its own", d.headerBy(d.attacker, with("mine")), textKeyID},
			attack{name + " without a key id", d.headerBy(d.attacker, with(verifytest.Absent)), textKeyID},
			attack{name + " with an address as key id", d.headerBy(d.attacker, with(mine+"/jwks.json")), textKeyID})
	}
	// The issuer claim is an address too, and it is read before nothing else.
	payload := d.claims(verifytest.Claims{"iss": mine})
	list = append(list,
		attack{"iss elsewhere, by another key", signedBytes(d.attacker, verify.RS256, goodHeader, payload), textSignature},
		attack{"iss elsewhere, rightly signed", d.signed(goodHeader, payload), textIssuer})
	return list
}

func selfSigned(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func attackKeyIDs(_ *testing.T, d *attackWorld) (list []attack) {
	for _, kid := range []string{
		"", "key-2", "KEY-1", "Key-1", " key-1", "key-1 ", "key-1\x00", "key-1\x00.pem", "\x00", "key-1\n", "key%2D1", "key\u20101", "\u202ekey-1", "key-1\u200b",
		"../../../../../../dev/null", "/dev/null", "/proc/self/environ", "..\\..\\windows\\win.ini", "file:///etc/passwd", "./key-1", "key-1/", "x/../key-1",
		"key-1' OR '1'='1", "x' UNION SELECT 'secret' -- ", "'; DROP TABLE keys; --", `key-1" or ""="`, "key-1;--", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "%s%n%d",
		"| /usr/bin/id", "$(id)", "`id`", "<script>alert(1)</script>", "\x1b[2J\x1b]0;owned\a\r\nSet-Cookie: a=b", "\u0085\u009b2J", "*", "key-*", "__proto__", "constructor",
		strings.Repeat("k", 1024),
	} {
		list = append(list, attack{fmt.Sprintf("%.40q", kid), d.header(map[string]any{"kid": kid}), textKeyID})
	}
	list = append(list, attack{"absent", d.header(map[string]any{"kid": verifytest.Absent}), textKeyID})
	for name, kid := range map[string]any{
		"too long": strings.Repeat("k", 1025), "null": nil, "a number": 1, "a fraction": 1.5, "true": true, "a list": []string{"key-1"}, "an object": map[string]string{"key-1": "key-1"}, "an empty list": []string{},
	} {
		list = append(list, attack{name, d.header(map[string]any{"kid": kid}), textMalformed})
	}
	return list
}

func attackHeaders(t *testing.T, d *attackWorld) (list []attack) {
	for name, params := range map[string]map[string]any{
		"crit":                   {"crit": []string{"exp"}, "exp": now.Unix() + 60},
		"crit of what is known":  {"crit": []string{"alg", "kid"}},
		"crit of nothing":        {"crit": []string{}},
		"crit null":              {"crit": nil},
		"crit as text":           {"crit": "b64"},
		"b64 with crit":          {"b64": false, "crit": []string{"b64"}},
		"b64 false":              {"b64": false},
		"b64 true":               {"b64": true},
		"b64 null":               {"b64": nil},
		"zip":                    {"zip": "DEF"},
		"zip null":               {"zip": nil},
		"enc":                    {"enc": "A128GCM"},
		"cty JWT":                {"cty": "JWT"},
		"cty jwt":                {"cty": "jwt"},
		"cty application/jwt":    {"cty": "application/jwt"},
		"cty is a number":        {"cty": 7},
		"typ is a list":          {"typ": []string{"JWT"}},
		"typ null":               {"typ": nil},
		"kid is the right one's": {"kid": map[string]any{"kid": "key-1"}},
	} {
		list = append(list, attack{name, d.header(params), textMalformed})
	}
	for _, head := range []string{
		`{"alg":"RS256","kid":"key-1","alg":"RS256"}`, `{"alg":"none","kid":"key-1","alg":"RS256"}`, `{"alg":"RS256","kid":"key-1","alg":"none"}`,
		`{"alg":"RS256","\u0061lg":"none","kid":"key-1"}`, `{"alg":"RS256","kid":"key-2","kid":"key-1"}`, `{"alg":"RS256","kid":"key-1","x":{"a":1,"a":2}}`,
		`{"alg":"RS256","kid":"key-1"}}`, `{"alg":"RS256","kid":"key-1"}{}`, `{"alg":"RS256","kid":"key-1"} x`, "{\"alg\":\"RS256\",\"kid\":\"key-1\"}\x00",
		`{"alg":"RS256","kid":"key-1",}`, `{"alg":"RS256","kid":"key-1"`, "\ufeff" + goodHeader, "{\"alg\":\"RS256\",\"kid\":\"key-1\",\"x\":\"\xff\"}",
		`{"alg":"RS256","kid":"key-1","x":"\ud800"}`, `{"alg":"RS256","kid":"key-1","x":1e}`, `{"alg":"RS256","kid":"key-1","x":01}`, `{'alg':'RS256','kid':'key-1'}`,
		`{"alg":"RS256",/**/"kid":"key-1"}`, `["alg","RS256"]`, `"RS256"`, `null`, `1`, ``, ` `, `{}`, `[]`, `<xml/>`,
		`{"alg":"RS256","kid":"key-1","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
	} {
		list = append(list, attack{fmt.Sprintf("%.60q", head), d.signed(head, d.claims(nil)), textMalformed})
	}

	nested := []byte(d.good())
	var zipped bytes.Buffer
	z, _ := flate.NewWriter(&zipped, flate.BestCompression)
	z.Write(d.claims(nil))
	z.Close()
	part := strings.Split(d.good(), ".")
	return append(list,
		attack{"a token in a token", d.signed(`{"alg":"RS256","kid":"key-1","cty":"JWT"}`, nested), textMalformed},
		attack{"a token in a token, unsaid", d.signed(goodHeader, nested), textClaims},
		attack{"a token in a token, quoted", d.signed(goodHeader, marshal(string(nested))), textClaims},
		attack{"a zipped payload", d.signed(`{"alg":"RS256","kid":"key-1","zip":"DEF"}`, zipped.Bytes()), textMalformed},
		attack{"a zipped payload, unsaid", d.signed(goodHeader, zipped.Bytes()), textClaims},
		attack{"encrypted", verifytest.Encode([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM","kid":"key-1"}`)) + ".AAAA.AAAA." + part[1] + ".AAAA", textSegments},
		attack{"encrypted, direct", verifytest.Encode([]byte(`{"alg":"dir","enc":"A128GCM","kid":"key-1"}`)) + ".." + part[1] + "." + part[1] + ".AAAA", textSegments},
		attack{"encrypted in three segments", verifytest.Encode([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM","kid":"key-1"}`)) + ".AAAA.AAAA", textMalformed})
}

func attackSegments(_ *testing.T, d *attackWorld) []attack {
	good := d.good()
	p := strings.Split(good, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	return []attack{
		{"one", p[0], textSegments}, {"two", join(p[0], p[1]), textSegments}, {"signature alone", p[2], textSegments},
		{"four, the last one empty", good + ".", textSegments}, {"four", join(good, p[2]), textSegments}, {"five", join(good, p[1], p[2]), textSegments},
		{"two tokens", join(good, good), textSegments}, {"a dot before", "." + good, textSegments}, {"a dot alone", ".", textSegments},
		{"two dots", "..", textMalformed}, {"three dots", "...", textSegments}, {"a thousand dots", strings.Repeat(".", 1000), textSegments},
		{"no header", join("", p[1], p[2]), textMalformed}, {"no payload", join(p[0], "", p[2]), textSignature},
		{"payload twice", join(p[1], p[1], p[2]), textMalformed}, {"header twice", join(p[0], p[0], p[2]), textSignature},
		{"turned round", join(p[2], p[1], p[0]), textMalformed}, {"header after", join(p[1], p[2], p[0]), textMalformed},
		{"not a token", "not-a-token", textSegments}, {"a word", "null", textSegments}, {"undefined", "undefined", textSegments}, {"[object Object]", "[object Object]", textSegments},
		{"quoted", `"` + good + `"`, textMalformed}, {"in brackets", "<" + good + ">", textMalformed}, {"token=", "token=" + good, textMalformed},
		{"JSON serialization", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p[1], p[0], p[2]), textSegments},
		{"space before the signature", join(p[0], p[1], " "+p[2]), textMalformed}, {"space in the payload", join(p[0], p[1][:4]+" "+p[1][4:], p[2]), textMalformed},
		{"tab inside", join(p[0][:4]+"\t"+p[0][4:], p[1], p[2]), textMalformed}, {"not ASCII", join(p[0], p[1], "\u00e4"+p[2]), textMalformed},
		{"a fullwidth dot", p[0] + "\uff0e" + p[1] + "." + p[2], textSegments}, {"an encoded dot", p[0] + "%2E" + p[1] + "." + p[2], textSegments},
		{"percent-encoded", strings.Replace(good, "e", "%65", 1), textMalformed}, {"a byte after", good + "A", textSignature}, {"two bytes after", good + "AA", textSignature},
		{"a byte before", "A" + good, textMalformed}, {"a soft hyphen", good[:20] + "\u00ad" + good[20:], textMalformed}, {"zero width space", good + "\u200b", textMalformed},
		{"lower case", strings.ToLower(good), textMalformed}, {"upper case", strings.ToUpper(good), textMalformed},
		{"comma and another", good + "," + good, textSegments}, {"comma after", good + ",", textMalformed}, {"semicolon after", good + ";q=1", textMalformed},
	}
}

// attackBase64 spells a good token otherwise: one that decodes to the same must
// not be taken, or lists of revoked tokens would be worth nothing.
func attackBase64(t *testing.T, d *attackWorld) (list []attack) {
	var part []string
	for n := 0; ; n++ {
		header := `{"alg":"RS256","kid":"key-1","x":"???>>>` + strings.Repeat(" ", n%3) + `"}`
		good := d.signed(header, d.claims(verifytest.Claims{"s": "\u00ff\u00fe???>>>~~~", "n": strings.Repeat("x", n/3%3), "m": n}))
		part = strings.Split(good, ".")
		ready := true
		for _, p := range part {
			ready = ready && strings.ContainsAny(p, "-_") && len(p)%4 != 0
		}
		if ready {
			d.do(t, "GET", "/private", "Authorization: "+good).assert(t, 200, "called private", "Content-Type: text/plain; charset=utf-8")
			d.invoker.calls.Add(-1) // this one was honest
			break
		}
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i, name := range []string{"header", "payload", "signature"} {
		with := func(text string) string {
			p := slices.Clone(part)
			p[i] = text
			return strings.Join(p, ".")
		}
		last := strings.IndexByte(alphabet, part[i][len(part[i])-1])
		list = append(list,
			attack{name + " in the standard alphabet", with(strings.NewReplacer("-", "+", "_", "/").Replace(part[i])), textMalformed},
			attack{name + " with one letter of it", with(strings.Replace(strings.Replace(part[i], "-", "+", 1), "_", "/", 1)), textMalformed},
			attack{name + " padded", with(part[i] + strings.Repeat("=", 4-len(part[i])%4)), textMalformed},
			attack{name + " over-padded", with(part[i] + "===="), textMalformed},
			attack{name + " with a bit after its end", with(part[i][:len(part[i])-1] + string(alphabet[last|1])), textMalformed},
			attack{name + " with a lone letter", with(part[i] + strings.Repeat("A", 5-len(part[i])%4)), textMalformed},
			attack{name + " in hex", with(fmt.Sprintf("%x!", part[i])), textMalformed})
	}
	return list
}

func attackClaims(_ *testing.T, d *attackWorld) (list []attack) {
	add := func(name, text string, c verifytest.Claims) {
		list = append(list, attack{name, d.signed(goodHeader, d.claims(c)), text})
	}
	raw := func(payload string) {
		list = append(list, attack{fmt.Sprintf("%.60q", payload), d.signed(goodHeader, []byte(payload)), textClaims})
	}
	wrong := map[string]any{
		"null": nil, "a number": 1, "a fraction": 1.5, "true": true, "false": false, "an object": map[string]any{"iss": d.issuer.URL()}, "an empty object": map[string]any{},
	}
	for name, v := range wrong {
		add("iss is "+name, textClaims, verifytest.Claims{"iss": v})
		add("sub is "+name, textClaims, verifytest.Claims{"sub": v})
		add("jti is "+name, textClaims, verifytest.Claims{"jti": v})
		add("aud is "+name, textClaims, verifytest.Claims{"aud": v})
		add("aud is "+name+" beside a good client_id", textClaims, verifytest.Claims{"aud": v, "client_id": verifytest.Audience})
		add("client_id is "+name, textClaims, verifytest.Claims{"aud": verifytest.Absent, "client_id": v})
	}
	add("iss is a list", textClaims, verifytest.Claims{"iss": []string{d.issuer.URL()}})
	add("iss is absent", textIssuer, verifytest.Claims{"iss": verifytest.Absent})
	add("iss is empty", textIssuer, verifytest.Claims{"iss": ""})
	add("aud is absent", textAudience, verifytest.Claims{"aud": verifytest.Absent})
	add("aud is empty", textAudience, verifytest.Claims{"aud": ""})
	add("aud is an empty list", textAudience, verifytest.Claims{"aud": []string{}})
	add("aud is an empty list beside a good client_id", textAudience, verifytest.Claims{"aud": []string{}, "client_id": verifytest.Audience})
	add("aud is a list of an empty text", textAudience, verifytest.Claims{"aud": []string{""}})
	add("aud is a list of a list", textClaims, verifytest.Claims{"aud": []any{[]string{verifytest.Audience}}})
	add("aud is a list with a number in it", textClaims, verifytest.Claims{"aud": []any{verifytest.Audience, 1}})
	add("aud is a list with null in it", textClaims, verifytest.Claims{"aud": []any{nil, verifytest.Audience}})
	add("aud is a list as text", textAudience, verifytest.Claims{"aud": `["` + verifytest.Audience + `"]`})
	add("aud holds it among others in one text", textAudience, verifytest.Claims{"aud": "a " + verifytest.Audience + " b"})
	add("aud with commas", textAudience, verifytest.Claims{"aud": verifytest.Audience + ",b"})
	add("aud of a thousand others", textAudience, verifytest.Claims{"aud": slices.Repeat([]string{"x"}, 1000)})
	add("client_id is a list", textClaims, verifytest.Claims{"aud": verifytest.Absent, "client_id": []string{verifytest.Audience}})
	add("client_id is another", textAudience, verifytest.Claims{"aud": verifytest.Absent, "client_id": "x"})
	add("azp does not count", textAudience, verifytest.Claims{"aud": verifytest.Absent, "azp": verifytest.Audience, "cid": verifytest.Audience})
	add("AUD does not count", textAudience, verifytest.Claims{"aud": verifytest.Absent, "AUD": verifytest.Audience, "Aud": verifytest.Audience})

	good := string(d.claims(nil))
	open := strings.TrimSuffix(good, "}")
	for _, payload := range []string{
		"", " ", "null", "true", "1", `"claims"`, "[]", "[" + good + "]", `{`, good + "}", good + good, good + "\x00", good + " x", "\ufeff" + good, open + ",}",
		open + `,"iss":"` + d.issuer.URL() + `"}`, open + `,"exp":9999999999}`, open + `,"\u0065xp":9999999999}`, open + `,"aud":"x"}`, open + `,"sub":"admin"}`,
		open + `,"x":{"a":1,"a":2}}`, open + `,"x":"` + "\xff" + `"}`, open + `,"x":"` + "\xc0\x80" + `"}`, open + `,"x":"\ud800"}`, open + `,"x":"` + "\n" + `"}`, open + `,"x":NaN}`,
		open + `,"x":Infinity}`, open + `,"x":01}`, open + `,"x":+1}`, open + `,"x":.5}`, open + `,"x":1.}`, open + `,"x":0x10}`, open + `,"x":'y'}`, open + `,x:1}`,
		open + `,"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, open + `,"x":` + strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500) + `}`,
	} {
		raw(payload)
	}
	return list
}

func attackTimes(_ *testing.T, d *attackWorld) (list []attack) {
	raw := func(claim, value, text string) {
		c := map[string]json.RawMessage{}
		json.Unmarshal(d.claims(nil), &c)
		delete(c, claim)
		open := strings.TrimSuffix(string(marshal(c)), "}")
		list = append(list, attack{claim + " is " + value, d.signed(goodHeader, []byte(open+`,"`+claim+`":`+value+"}")), text})
	}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		for _, value := range []string{
			`"1795269911"`, `"soon"`, `""`, `null`, `true`, `false`, `[]`, `[9999999999]`, `{}`, `{"exp":1}`, `-1`, `-1.5`, `-1e300`, `1e400`, `-1e400`, `1e999999999`,
			`1e308`, `1e19`, `9223372036854775807`, `9223372036854775808`, `18446744073709551616`, `253402300800`, `99999999999999999999999999999999`, `"1e400"`,
		} {
			raw(claim, value, textClaims)
		}
	}
	list = append(list, attack{"exp is absent", d.signed(goodHeader, d.claims(verifytest.Claims{"exp": verifytest.Absent})), textClaims})
	at := now.Unix()
	for _, value := range []string{
		"0", "1", "0.0", "1e0", "1e-400", fmt.Sprint(at), fmt.Sprint(at - 1), fmt.Sprintf("%d.0", at), fmt.Sprintf("%d.999999999", at-1), fmt.Sprintf("%de-3", at), fmt.Sprintf("%d.%se3", at/1000, fmt.Sprintf("%03d", at%1000)),
	} {
		raw("exp", value, textExpired)
	}
	for _, value := range []string{fmt.Sprint(at + 1), fmt.Sprintf("%d.0000000000000001", at), fmt.Sprintf("%d.5", at), "253402300799", "2.5e11"} {
		raw("nbf", value, textNotYet)
		raw("iat", value, textTooEarly)
	}
	return list
}

// attackNames are issuers and audiences that look or compare like the right ones.
func attackNames(_ *testing.T, d *attackWorld) (list []attack) {
	for claim, text := range map[string]string{"iss": textIssuer, "aud": textAudience} {
		right := d.issuer.URL()
		if claim == "aud" {
			right = verifytest.Audience
		}
		scheme, rest, _ := strings.Cut(right, "://")
		for name, value := range map[string]string{
			"trailing slash": right + "/", "two slashes": right + "//", "a dot": right + "/.", "port": right + ":80", "query": right + "?", "fragment": right + "#",
			"upper scheme": strings.ToUpper(scheme) + "://" + rest, "upper": strings.ToUpper(right), "space before": " " + right, "space after": right + " ", "newline": right + "\n",
			"NUL": right + "\x00", "user": scheme + "://user@" + rest, "other scheme": "ftp://" + rest, "no scheme": rest, "slashes only": "//" + rest, "prefix": right[:len(right)-1],
			"longer": right + "x", "percent-encoded": strings.Replace(right, ".", "%2E", 1), "percent-encoded letter": strings.Replace(right, "/", "/%", 1), "soft hyphen": right[:8] + "\u00ad" + right[8:],
			"zero width": right + "\u200b", "fullwidth dot": strings.Replace(right, ".", "\uff0e", 1), "ideographic stop": strings.Replace(right, ".", "\u3002", 1), "Cyrillic": strings.NewReplacer("a", "\u0430", "p", "\u0440", "h", "\u04bb").Replace(right),
			"long s": strings.Replace(right, "s", "\u017f", 1) + "\u017f", "decomposed": right + "\u0301", "byte order mark": "\ufeff" + right, "right to left": "\u202e" + right, "backslash": strings.Replace(right, "//", `\\`, 1),
			"twice": right + " " + right, "canary": d.canary.url(), "at canary": right + "@" + d.canary.address, "wildcard": "*", "glob": scheme + "://*",
		} {
			list = append(list, attack{claim + ": " + name, d.signed(goodHeader, d.claims(verifytest.Claims{claim: value})), text})
		}
	}
	return list
}

// TestHonestVariants passes, so that the list above does not pass by refusing
// everything.
func TestHonestVariants(t *testing.T) {
	d := newAttackWorld(t)
	at := now.Unix()
	for name, token := range map[string]string{
		"white space in the header":     d.signed("{ \"alg\" : \"RS256\",\n\t\"kid\":\"key-1\" }\r\n", d.claims(nil)),
		"another type":                  d.header(map[string]any{"typ": "at+jwt"}),
		"without a type":                d.header(map[string]any{"typ": verifytest.Absent}),
		"thumbprint":                    d.header(map[string]any{"x5t": "AAAA", "nonce": "x", "ALG": "none"}),
		"embedded keys beside the real": d.header(map[string]any{"jku": d.canary.url(), "x5u": d.canary.url(), "jwk": verifytest.JWK(d.attacker.Public(), nil), "x5c": []string{"AAAA"}}),
		"exp with a fraction":           d.signed(goodHeader, d.claims(verifytest.Claims{"exp": float64(at) + 0.5})),
		"exp with an exponent":          d.signed(goodHeader, []byte(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":2.0e9}`, d.issuer.URL(), verifytest.Audience))),
		"exp in the year 9999":          d.signed(goodHeader, d.claims(verifytest.Claims{"exp": 253402300799})),
		"nbf and iat of now":            d.signed(goodHeader, d.claims(verifytest.Claims{"nbf": at, "iat": at})),
		"nbf and iat of 1970":           d.signed(goodHeader, d.claims(verifytest.Claims{"nbf": 0, "iat": 0})),
		"one audience of many":          d.signed(goodHeader, d.claims(verifytest.Claims{"aud": []string{"x", "y", verifytest.Audience}})),
		"client_id":                     d.signed(goodHeader, d.claims(verifytest.Claims{"aud": verifytest.Absent, "client_id": verifytest.Audience})),
	} {
		if a := d.do(t, "GET", "/private", "Authorization: Bearer "+token); a.status != 200 {
			t.Errorf("%s: %d %s %s", name, a.status, a.body, d.journal.last(t))
		}
	}
	d.canary.silent(t)
}

// TestScopeCombinations tries every type of scope beside every type of scp. "If
// you include scp it must be an array or a string, and scope a string" is the
// documented part; that scp goes before scope was observed in a peer.
func TestScopeCombinations(t *testing.T) {
	type value struct {
		text string // JSON; "" is absence
		ok   bool   // holds one of the route's scopes
	}
	scope := []value{
		{"", false}, {`"admin"`, true}, {`"x admin"`, true}, {`"read:unicorn x"`, true}, {`" admin "`, true}, {`""`, false}, {`" "`, false}, {`"ADMIN"`, false}, {`"admi"`, false}, {`"administrator"`, false},
		{`"admin\tx"`, false}, {`"x\nadmin"`, false}, {`"admin,x"`, false}, {`"read:unicorn\u00a0admin"`, false}, {`"\u0430dmin"`, false}, {`"*"`, false}, {`"read:*"`, false}, {`["admin"]`, false}, {`{"admin":true}`, false},
		{`null`, false}, {`true`, false}, {`1`, false}, {`1e400`, false}, {`[]`, false},
	}
	scp := []value{
		{"", false}, {`"admin"`, true}, {`"x admin"`, true}, {`["admin"]`, true}, {`["x","read:unicorn"]`, true}, {`[1,null,"admin"]`, true}, {`["x admin"]`, false}, {`[["admin"]]`, false}, {`[{"admin":1}]`, false}, {`["ADMIN"]`, false},
		{`[" admin"]`, false}, {`""`, false}, {`[]`, false}, {`[""]`, false}, {`null`, false}, {`{"admin":true}`, false}, {`{"0":"admin"}`, false}, {`1`, false}, {`true`, false}, {`"admin,x"`, false},
	}
	d := newAttackWorld(t)
	open := strings.TrimSuffix(string(d.claims(nil)), "}")
	called := int64(0)
	client := d.dial(t)
	for _, s := range scope {
		for _, p := range scp {
			payload := open
			want := s.ok
			if s.text != "" {
				payload += `,"scope":` + s.text
			}
			if p.text != "" {
				payload += `,"scp":` + p.text
				want = p.ok
			}
			a := client.get(t, "/scoped", "Bearer "+d.signed(goodHeader, []byte(payload+"}")))
			switch {
			case want:
				called++
				if a.status != 200 {
					t.Errorf("scope %s, scp %s: %d %s", s.text, p.text, a.status, d.journal.last(t))
				}
			default:
				a.assert(t, 403, bodyForbidden, "Www-Authenticate: "+insufficient, typeJSON)
				checkChallenge(t, a.header.Get("Www-Authenticate"))
			}
			// Forged or expired, it is a 401, and nothing is said of scopes but what
			// the route asks for.
			a = client.get(t, "/scoped", "Bearer "+signedBytes(d.attacker, verify.RS256, goodHeader, []byte(payload+"}")))
			a.assert(t, 401, bodyUnauthorized, `Www-Authenticate: Bearer scope="read:unicorn admin" error="invalid_token" error_description="`+textSignature+`"`)
		}
	}
	if n := d.invoker.calls.Load(); n != called {
		t.Errorf("invoked %d times, not %d", n, called)
	}
}

// TestAccessAndIDTokens sends the two tokens of a sign-in to routes with and
// without scopes: on the second an ID token is refused, on the first each passes.
func TestAccessAndIDTokens(t *testing.T) {
	d := newAttackWorld(t)
	token := func(c verifytest.Claims) string { return "Bearer " + d.signed(goodHeader, d.claims(c)) }
	id := verifytest.Claims{"token_use": "id", "email": "a@example.com", "cognito:groups": []string{"admin"}, "permissions": []string{"admin"}, "roles": "admin"}
	access := verifytest.Claims{"token_use": "access", "aud": verifytest.Absent, "client_id": verifytest.Audience, "scope": "aws.cognito.signin.user.admin"}
	scoped := maps.Clone(access)
	scoped["scope"] = "aws.cognito.signin.user.admin read:unicorn"
	for _, row := range []struct {
		name, path, token string
		status            int
	}{
		{"ID token, no scopes", "/private", token(id), 200},
		{"ID token, scopes", "/scoped", token(id), 403},
		{"access token, no scopes", "/private", token(access), 200},
		{"access token without the scope", "/scoped", token(access), 403},
		{"access token with the scope", "/scoped", token(scoped), 200},
	} {
		before := d.invoker.calls.Load()
		a := d.do(t, "GET", row.path, "Authorization: "+row.token)
		if row.status == 403 {
			a.assert(t, 403, bodyForbidden, "Www-Authenticate: "+insufficient, typeJSON)
		}
		if n := d.invoker.calls.Load() - before; a.status != row.status || n != int64(map[bool]int{true: 1}[row.status == 200]) {
			t.Errorf("%s: %d and %d invocations", row.name, a.status, n)
		}
	}
}

// TestAuthorizationHeaderForms sends the header, and not the token, in other ways
// than the documented two, `TOKEN` and `Bearer TOKEN`.
func TestAuthorizationHeaderForms(t *testing.T) {
	d := newAttackWorld(t)
	good := d.good()
	mid := len(good) / 2
	for _, row := range []struct {
		name, lines string // without the last line break
		status      int
		text        string // of a 401; "Bearer" for the challenge without parameters
	}{
		{"plain", "Authorization: " + good, 200, ""},
		{"prefix", "Authorization: Bearer " + good, 200, ""},
		{"no space after the colon", "Authorization:Bearer " + good, 200, ""},
		{"white space around the value", "authorization: \t Bearer " + good + " \t ", 200, ""},
		// RFC 9112 section 5.2 lets a server put a space for a folded line. What
		// comes of it is the same token in the same form.
		{"folded after the prefix", "Authorization: Bearer\r\n " + good, 200, ""},
		{"folded in the token", "Authorization: Bearer " + good[:mid] + "\r\n " + good[mid:], 401, textMalformed},

		{"absent", "X-Other: " + good, 401, "Bearer"},
		{"empty", "Authorization:", 401, "Bearer"},
		{"blank", "Authorization:   \t ", 401, "Bearer"},
		{"two", "Authorization: Bearer " + good + "\r\nAuthorization: Bearer " + good, 401, textSegments},
		{"two, the first one bad", "Authorization: Bearer x\r\nAuthorization: Bearer " + good, 401, textSegments},
		{"two, the second one bad", "Authorization: Bearer " + good + "\r\nauthorization: Basic x", 401, textSegments},
		{"two, the first one empty", "Authorization:\r\nAuthorization: Bearer " + good, 401, textSegments},
		{"two in different cases", "AUTHORIZATION: Bearer " + good + "\r\nauthorization: Bearer " + good, 401, textSegments},
		{"joined by a comma", "Authorization: Bearer " + good + ", Bearer " + good, 401, textSegments},
		{"joined, the first one empty", "Authorization: ,Bearer " + good, 401, textMalformed},
		{"joined, another scheme first", "Authorization: Basic x, Bearer " + good, 401, textMalformed},
		{"another scheme", "Authorization: Basic " + good, 401, textMalformed},
		{"DPoP", "Authorization: DPoP " + good, 401, textMalformed},
		{"lower case", "Authorization: bearer " + good, 401, textBearer},
		{"upper case", "Authorization: BEARER " + good, 401, textBearer},
		{"odd case", "Authorization: bEaReR " + good, 401, textBearer},
		{"twice", "Authorization: Bearer Bearer " + good, 401, textBearer},
		{"two spaces", "Authorization: Bearer  " + good, 401, textMalformed},
		{"a tab", "Authorization: Bearer\t" + good, 401, textMalformed},
		{"no-break space", "Authorization: Bearer\u00a0" + good, 401, textMalformed},
		{"no space", "Authorization: Bearer" + good, 401, textMalformed},
		{"a colon", "Authorization: Bearer: " + good, 401, textMalformed},
		{"prefix alone", "Authorization: Bearer", 401, textSegments},
		{"prefix and a space", "Authorization: Bearer ", 401, textSegments},
		{"token twice", "Authorization: Bearer " + good + " " + good, 401, textSegments},
		{"quoted", `Authorization: Bearer "` + good + `"`, 401, textMalformed},
		{"as a parameter", "Authorization: Bearer token=" + good, 401, textMalformed},
		{"percent-encoded prefix", "Authorization: Bearer%20" + good, 401, textMalformed},
		{"another name", "X-Authorization: Bearer " + good, 401, "Bearer"},
		{"an underscore for nothing", "Authorization_: Bearer " + good, 401, "Bearer"},
		{"proxy's", "Proxy-Authorization: Bearer " + good, 401, "Bearer"},
		{"forwarded", "X-Forwarded-Authorization: Bearer " + good, 401, "Bearer"},
		{"a cookie", "Cookie: Authorization=Bearer " + good + "; access_token=" + good, 401, "Bearer"},
		{"hop by hop", "Connection: Authorization\r\nAuthorization: Bearer x", 401, textSegments},

		// net/http's own refusals: such a request has no right reading.
		{"a space before the colon", "Authorization : Bearer " + good, 400, ""},
		{"a space before the name", "X-A: b\r\n\x0bAuthorization: Bearer " + good, 400, ""},
		{"NUL in the value", "Authorization: Bearer " + good + "\x00", 400, ""},
		{"bare CR in the value", "Authorization: Bearer " + good + "\rx", 400, ""},
		{"no colon", "Authorization Bearer " + good, 400, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := d.invoker.calls.Load()
			a := d.raw(t, "GET", "GET /private HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+row.lines+"\r\n\r\n")
			wanted := int64(0)
			switch {
			case row.status == 401 && row.text == "Bearer":
				a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: Bearer")
			case row.status == 401:
				a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid(row.text))
			case a.status != row.status:
				t.Errorf("%d %s, not %d", a.status, a.body, row.status)
			case row.status == 200:
				wanted = 1
			}
			if n := d.invoker.calls.Load() - before; n != wanted {
				t.Errorf("%d invocations", n)
			}
			if strings.Contains(a.body, "eyJ") {
				t.Errorf("the answer holds the token: %s", a.body)
			}
			if row.status == 401 {
				lines := strings.Split(strings.ReplaceAll(row.lines, "\r\n ", "\x00"), "\r\n")
				for i := range lines {
					lines[i] = strings.ReplaceAll(lines[i], "\x00", "\r\n ")
				}
				d.plot(t, "/private", lines...).followed(t)
			}
		})
	}
}

// TestTokenInTwoPlaces: the identity source is one place, and a token elsewhere
// neither helps nor hurts.
func TestTokenInTwoPlaces(t *testing.T) {
	d := newAttackWorld(t)
	good, bad := d.good(), signedBytes(d.attacker, verify.RS256, goodHeader, d.claims(nil))
	for _, row := range []struct {
		target, header string
		status         int
		text           string
	}{
		{"/private?token=" + good, "X-A: b", 401, "Bearer"},
		{"/private?Authorization=" + good + "&access_token=" + good, "X-A: b", 401, "Bearer"},
		{"/private?token=" + good, "Authorization: " + bad, 401, invalid(textSignature)},
		{"/private?token=" + bad, "Authorization: " + good, 200, ""},
		{"/query", "Authorization: " + good, 401, "Bearer"},
		{"/query?token=" + bad, "Authorization: " + good, 401, invalid(textSignature)},
		{"/query?token=" + good, "Authorization: " + bad, 200, ""},
		{"/query?token=" + good + "&token=" + good, "X-A: b", 401, invalid(textSegments)},
		{"/query?token=" + bad + "&token=" + good, "X-A: b", 401, invalid(textSegments)},
		{"/query?token=" + good + "&%74oken=" + bad, "X-A: b", 401, invalid(textSegments)},
		{"/query?token=&token=" + good, "X-A: b", 401, invalid(textSegments)},
		{"/query?Token=" + good, "X-A: b", 401, "Bearer"},
		{"/query?token=" + good + ";token=" + good, "X-A: b", 401, invalid(textSegments)},
		{"/query?a=b;token=" + good, "X-A: b", 401, "Bearer"},
		{"/query?token[]=" + good, "X-A: b", 401, "Bearer"},
		{"/query?token=" + good + "%00", "X-A: b", 401, invalid(textMalformed)},
		{"/query?token=%20" + good, "X-A: b", 401, invalid(textMalformed)},
		{"/query?token=%zz" + good, "X-A: b", 401, invalid(textMalformed)},
		{"/private?" + good, "X-A: b", 401, "Bearer"},
		{"/private?a=%65" + good[1:], "X-A: b", 401, "Bearer"},
		{"/private?a=Bearer%20" + good, "X-A: b", 401, "Bearer"},
		{"/query?token=bearer%20" + good, "X-A: b", 401, invalid(textBearer)},
	} {
		a := d.do(t, "GET", row.target, row.header)
		if row.status == 200 {
			if a.status != 200 {
				t.Errorf("%.60s and %.40s: %d, %s", row.target, row.header, a.status, d.journal.last(t))
			}
			continue
		}
		a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+row.text)
		checkChallenge(t, a.header.Get("Www-Authenticate"))
		d.plot(t, row.target, row.header).followed(t)
	}
	if n := d.invoker.calls.Load(); n != 2 {
		t.Errorf("invoked %d times, not 2", n)
	}
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	for _, e := range d.journal.entries {
		if strings.Contains(e.String()+e.Path, good[1:40]) || strings.Contains(e.String()+e.Path, bad[len(bad)-20:]) {
			t.Errorf("the log has a token: %s", e)
		}
	}
}

// TestHugeTokens: what is over the quota of headers never reaches an authorizer,
// and a client that goes on sending is hung up on.
func TestHugeTokens(t *testing.T) {
	d := newAttackWorld(t)
	const tooLarge = `{"message":"Request Header Fields Too Large"}`
	for name, token := range map[string]string{
		"64 KB key id":     d.header(map[string]any{"kid": strings.Repeat("k", 64<<10)}),
		"64 KB claim":      d.signed(goodHeader, d.claims(verifytest.Claims{"x": strings.Repeat("x", 64<<10)})),
		"64 KB dots":       strings.Repeat(".", 64<<10),
		"good and padding": d.good() + "." + strings.Repeat("A", 10<<10),
	} {
		t.Run(name, func(t *testing.T) {
			d.do(t, "GET", "/private", "Authorization: Bearer "+token).assert(t, 431, tooLarge, typeJSON)
		})
	}
	// A megabyte and more is refused by net/http, in words of its own.
	// The listeners let pass 64 KB of them.
	server := httptest.NewUnstartedServer(d.gateway)
	server.Config.MaxHeaderBytes = 64 << 10
	server.Start()
	defer server.Close()
	d.server.Close()
	d.server = server
	for name, lines := range map[string]string{
		"one header":   "Authorization: Bearer " + strings.Repeat("A", 2<<20),
		"many headers": strings.Repeat("Authorization: Bearer "+d.good()+"\r\n", 2000) + "X: y",
		"one name":     strings.Repeat("A", 2<<20) + ": x",
		"no line end":  "Authorization: Bearer " + d.good() + strings.Repeat(" ", 2<<20) + ".",
	} {
		t.Run(name, func(t *testing.T) {
			a := d.raw(t, "GET", "GET /private HTTP/1.1\r\nHost: x\r\n"+lines+"\r\n\r\n")
			if a.status != 431 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if n := d.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
	d.canary.silent(t)
}

// TestMutatedTokensAreRefused changes a good token in any of its bytes, at random
// and one after the other: only the token itself opens the route.
func TestMutatedTokensAreRefused(t *testing.T) {
	d := newAttackWorld(t)
	random := newRand(t)
	good := d.good()
	client := d.dial(t)
	if a := client.get(t, "/private", "Bearer "+good); a.status != 200 {
		t.Fatalf("the good token is answered %d", a.status)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ,\"\\"
	letter := func() byte {
		if random.IntN(4) == 0 {
			return byte(1 + random.IntN(255)) // also what no header may hold
		}
		return letters[random.IntN(len(letters))]
	}
	mutate := func(b []byte, at int) []byte {
		switch random.IntN(8) {
		case 0: // drop
			return slices.Delete(b, at, at+1)
		case 1: // insert
			return slices.Insert(b, at, letter())
		case 2: // swap with another
			other := random.IntN(len(b))
			b[at], b[other] = b[other], b[at]
		case 3: // flip a bit
			b[at] ^= 1 << random.IntN(8)
		case 4: // cut
			return b[:at]
		case 5: // repeat a part
			return slices.Insert(b, at, b[at:min(len(b), at+1+random.IntN(8))]...)
		default:
			b[at] = letter()
		}
		return b
	}
	refused := 0
	try := func(token string) {
		value := strings.Trim("Bearer "+token, " \t") // as HTTP reads it
		if value == "Bearer "+good || strings.ContainsAny(token, "\r\n") {
			return
		}
		switch a := client.get(t, "/private", "Bearer "+token); a.status {
		case 401:
			refused++
			if a.body != bodyUnauthorized || a.header["Content-Type"] != nil {
				t.Errorf("%q: the 401 is %q %q", token, a.header, a.body)
			}
			checkChallenge(t, a.header.Get("Www-Authenticate"))
		case 400: // net/http's, for what cannot be in a header
			refused++
		default:
			t.Fatalf("a token that is not the good one is answered %d:\n%q\n%q", a.status, token, good)
		}
	}
	for at := range len(good) { // every byte once, by a letter of the alphabet
		b := []byte(good)
		for b[at] == good[at] {
			b[at] = letters[random.IntN(64)]
		}
		try(string(b))
	}
	for range 3000 {
		b := []byte(good)
		for range 1 + random.IntN(3) {
			if len(b) > 0 {
				b = mutate(b, random.IntN(len(b)))
			}
		}
		try(string(b))
	}
	if n := d.invoker.calls.Load(); n != 1 {
		t.Errorf("the function was invoked %d times, not once", n)
	}
	t.Logf("%d mutated tokens", refused)
	if refused < 3000 {
		t.Errorf("only %d tokens were tried", refused)
	}
	d.canary.silent(t)
}

// A wire is a connection that is used again and again, and opened anew when the
// server has closed it.
type wire struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func (w *world) dial(t *testing.T) *wire {
	c := &wire{address: w.server.Listener.Addr().String()}
	t.Cleanup(c.close)
	return c
}

func (c *wire) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// get sends a request with a value of Authorization, byte for byte.
func (c *wire) get(t *testing.T, path, authorization string) answer {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: "+authorization+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatalf("reading the response to %.200q: %v", authorization, err)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Close {
		c.close()
	}
	return answer{response.StatusCode, response.Header, string(content)}
}
