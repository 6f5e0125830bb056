package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// issuerTimeout takes the place of the 1.5 s that a slow issuer has, so that a
// test of one does not take as long. Nothing is asserted about how long it is.
const issuerTimeout = 50 * time.Millisecond

// issuerWorld is a gateway in front of an issuer that is fetched from over real
// sockets, and a clock for its back-off, cool-down and age of keys.
type issuerWorld struct {
	*world
	issuer *verifytest.Issuer
	remote *verify.Remote
	canary *canary
	moved  atomic.Int64 // nanoseconds since now
}

func (d *issuerWorld) now() time.Time          { return now.Add(time.Duration(d.moved.Load())) }
func (d *issuerWorld) advance(t time.Duration) { d.moved.Add(int64(t)) }

func newIssuerWorld(t *testing.T, change func(*verify.RemoteConfig)) *issuerWorld {
	t.Helper()
	d := &issuerWorld{issuer: newIssuer(t), canary: newCanary(t)}
	d.issuer.Now = d.now
	config := verify.RemoteConfig{Issuer: d.issuer.URL(), Now: d.now, DiscoveryTimeout: 5 * time.Second, JWKSTimeout: 5 * time.Second}
	if change != nil {
		change(&config)
	}
	var err error
	if d.remote, err = verify.NewRemote(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.remote.Close() })
	a, err := authorizer.NewJWT(authorizer.JWTConfig{
		Name: "jwt", Kind: "jwt", Issuer: config.Issuer, Audience: []string{verifytest.Audience}, Keys: d.remote, Now: d.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := base(gateway.Route{Key: "GET /private", Authorizer: "jwt", Function: "private"})
	c.Now = d.now
	c.Authorizers = map[string]gateway.Authorizer{"jwt": a}
	d.world = serve(t, c)
	return d
}

// hasty shortens both time-outs.
func hasty(c *verify.RemoteConfig) { c.DiscoveryTimeout, c.JWKSTimeout = issuerTimeout, issuerTimeout }

// refused demands the bytes of AWS's 401 with one of its texts, and no invocation.
func (d *issuerWorld) refused(t *testing.T, token, text string) {
	t.Helper()
	before := d.invoker.calls.Load()
	a := d.do(t, "GET", "/private", "Authorization: Bearer "+token)
	a.assert(t, 401, bodyUnauthorized, "Www-Authenticate: "+invalid(text))
	checkChallenge(t, a.header.Get("Www-Authenticate"))
	if n := d.invoker.calls.Load() - before; n != 0 {
		t.Errorf("invoked %d times", n)
	}
}

func (d *issuerWorld) accepted(t *testing.T, token string) {
	t.Helper()
	if a := d.do(t, "GET", "/private", "Authorization: Bearer "+token); a.status != 200 {
		t.Errorf("an honest token is answered %d %s: %s", a.status, a.header.Get("Www-Authenticate"), d.journal.last(t))
	}
}

func (d *issuerWorld) fetched(t *testing.T, path string, want int) {
	t.Helper()
	if got := d.issuer.Fetches(path); got != want {
		t.Errorf("%d fetches of %s, not %d", got, path, want)
	}
}

// unknown is a token under a key id that nobody knows. Its signature is never
// looked at.
func (d *issuerWorld) unknown(id any) string {
	return verifytest.Encode(fmt.Appendf(nil, `{"alg":"RS256","kid":"random-%v"}`, id)) + ".e30.AAAA"
}

// recovers demands that an issuer in order again is believed again, without a
// restart and within the longest back-off.
func (d *issuerWorld) recovers(t *testing.T) {
	t.Helper()
	d.issuer.SetDown(false)
	d.issuer.SetDelay(0)
	d.issuer.Handle(verifytest.DiscoveryPath, nil)
	d.issuer.Handle(verifytest.JWKSPath, nil)
	d.advance(30 * time.Second)
	d.accepted(t, d.issuer.Token(nil))
}

// TestBadIssuerDocuments: whatever an issuer serves in the place of its documents,
// the caller gets a 401 in AWS's words, nothing else is asked, and all is well
// once the issuer is.
func TestBadIssuerDocuments(t *testing.T) {
	text := func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, content) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	both := map[string]func(d *issuerWorld, path string) http.HandlerFunc{
		"404":     func(*issuerWorld, string) http.HandlerFunc { return status(404) },
		"500":     func(*issuerWorld, string) http.HandlerFunc { return status(500) },
		"204":     func(*issuerWorld, string) http.HandlerFunc { return status(204) },
		"401":     func(*issuerWorld, string) http.HandlerFunc { return status(401) },
		"nothing": func(*issuerWorld, string) http.HandlerFunc { return text("") },
		"HTML": func(*issuerWorld, string) http.HandlerFunc {
			return text("<!DOCTYPE html><title>Sign in to the Wi-Fi</title>")
		},
		"null":                    func(*issuerWorld, string) http.HandlerFunc { return text("null") },
		"a list":                  func(*issuerWorld, string) http.HandlerFunc { return text("[]") },
		"another object":          func(*issuerWorld, string) http.HandlerFunc { return text("{}") },
		"members of a wrong type": func(*issuerWorld, string) http.HandlerFunc { return text(`{"keys":{},"issuer":1,"jwks_uri":[]}`) },
		"deep":                    func(*issuerWorld, string) http.HandlerFunc { return text(strings.Repeat(`{"keys":[`, 5000)) },
		"cut in the middle": func(d *issuerWorld, path string) http.HandlerFunc {
			return text(d.document(path)[:len(d.document(path))/2])
		},
		"shorter than it says": func(d *issuerWorld, path string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(d.document(path))+10))
				io.WriteString(w, d.document(path))
			}
		},
		"twice": func(d *issuerWorld, path string) http.HandlerFunc { return text(d.document(path) + d.document(path)) },
		"duplicate member": func(d *issuerWorld, path string) http.HandlerFunc {
			return text(strings.TrimSuffix(strings.TrimSpace(d.document(path)), "}") + `,"keys":[],"issuer":"x","keys":[],"issuer":"x"}`)
		},
		"ten megabytes":                  func(d *issuerWorld, path string) http.HandlerFunc { return padded(d, path, true) },
		"ten megabytes without a length": func(d *issuerWorld, path string) http.HandlerFunc { return padded(d, path, false) },
		"a gzip bomb":                    gzipped,
		"huge headers": func(d *issuerWorld, path string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Huge", strings.Repeat("x", 256<<10))
				io.WriteString(w, d.document(path))
			}
		},
		"a redirect to itself": func(_ *issuerWorld, path string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, path, http.StatusFound) }
		},
		"a redirect on the same origin": func(d *issuerWorld, path string) http.HandlerFunc {
			d.issuer.Handle("/elsewhere", text(d.document(path)))
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
			}
		},
		"a redirect to another origin": func(d *issuerWorld, _ string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, d.canary.url()+"/", http.StatusTemporaryRedirect)
			}
		},
		"a redirect with the documents": func(d *issuerWorld, path string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", d.canary.url())
				w.WriteHeader(303)
				io.WriteString(w, d.document(path))
			}
		},
		"a link and a refresh": func(d *issuerWorld, _ string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "<"+d.canary.url()+">; rel=preload")
				w.Header().Set("Refresh", "0; url="+d.canary.url())
				w.Header().Set("Alt-Svc", `http="`+d.canary.address+`"`)
			}
		},
		"a hung-up connection": func(*issuerWorld, string) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		},
	}
	for path, message := range map[string]string{verifytest.DiscoveryPath: textDiscovery, verifytest.JWKSPath: textKeys} {
		for name, handler := range both {
			t.Run(strings.TrimPrefix(path, "/.well-known/")+" "+name, func(t *testing.T) {
				d := newIssuerWorld(t, nil)
				d.issuer.Handle(path, handler(d, path))
				d.refused(t, d.issuer.Token(nil), message)
				d.refused(t, d.issuer.Token(nil), message) // backing off
				d.fetched(t, path, 1)
				d.fetched(t, "/elsewhere", 0)
				d.canary.silent(t)
				d.recovers(t)
			})
		}
	}
}

// document gives what the issuer serves when it is in order.
func (d *issuerWorld) document(path string) string {
	if path == verifytest.JWKSPath {
		return string(d.issuer.JWKS())
	}
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, d.issuer.URL(), d.issuer.JWKSURL())
}

// padded serves a right document with ten megabytes of white space behind it, so
// that a part of it alone is right too.
func padded(d *issuerWorld, path string, length bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		document := d.document(path)
		blank := bytes.Repeat([]byte(" "), 64<<10)
		const times = 160
		if length {
			w.Header().Set("Content-Length", fmt.Sprint(times*len(blank)+len(document)))
		}
		io.WriteString(w, document)
		for range times {
			if _, err := w.Write(blank); err != nil {
				return
			}
		}
	}
}

// gzipped serves ten megabytes in ten kilobytes.
func gzipped(d *issuerWorld, path string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, d.document(path))
		z.Write(bytes.Repeat([]byte(" "), 10<<20))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(b.Bytes())
	}
}

// TestEndlessIssuerIsHungUpOn: the handler sends for ever, and it ends because
// its client has gone.
func TestEndlessIssuerIsHungUpOn(t *testing.T) {
	for path, message := range map[string]string{verifytest.DiscoveryPath: textDiscovery, verifytest.JWKSPath: textKeys} {
		t.Run(path, func(t *testing.T) {
			d := newIssuerWorld(t, nil)
			ended := make(chan struct{})
			d.issuer.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				defer close(ended)
				blank := bytes.Repeat([]byte(" "), 64<<10)
				for {
					if _, err := w.Write(blank); err != nil {
						return
					}
				}
			}))
			d.refused(t, d.issuer.Token(nil), message)
			<-ended
			d.recovers(t)
		})
	}
}

// TestSlowIssuer: one that does not answer in time, and one that sends a byte now
// and then, which no time-out between two bytes would end.
func TestSlowIssuer(t *testing.T) {
	for path, message := range map[string]string{verifytest.DiscoveryPath: textDiscovery, verifytest.JWKSPath: textKeys} {
		silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		dripping := func(w http.ResponseWriter, r *http.Request) {
			flush := http.NewResponseController(w)
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				flush.Flush()
				runtime.Gosched()
			}
		}
		for name, handler := range map[string]http.HandlerFunc{"silent": silent, "dripping": dripping} {
			t.Run(name+" "+path, func(t *testing.T) {
				ended := make(chan struct{}, 8)
				d := newIssuerWorld(t, hasty)
				d.issuer.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					handler(w, r)
					ended <- struct{}{}
				}))
				d.refused(t, d.issuer.Token(nil), message)
				<-ended // the connection was closed
				d.refused(t, d.issuer.Token(nil), message)
				d.fetched(t, path, 1) // the second one did not wait again
			})
		}
	}
}

// TestIssuerDownFromTheStart is asked again after a second, then two, up to every
// thirty, however many tokens come; and found when it comes up.
func TestIssuerDownFromTheStart(t *testing.T) {
	d := newIssuerWorld(t, nil)
	d.issuer.SetDown(true)
	token := d.issuer.Token(verifytest.Claims{"exp": now.Add(24 * time.Hour).Unix()})
	for range 180 { // seconds
		for range 3 {
			d.refused(t, token, textDiscovery)
		}
		d.advance(time.Second)
	}
	d.fetched(t, verifytest.DiscoveryPath, 10) // at 0, 1, 3, 7, 15, 31, 61, 91, 121 and 151
	d.fetched(t, verifytest.JWKSPath, 0)
	d.recovers(t)
}

// TestBadKeys: keys that must not verify do not, and spoil no others.
func TestBadKeys(t *testing.T) {
	small, other, key, good := newRSA(t, 1024), rsaKeys.Take(t), rsaKeys.Take(t), rsaKeys.Take(t)
	jwk := func(k crypto.Signer, kid string, members ...any) map[string]any {
		m := map[string]any{"kid": kid, "alg": "RS256", "use": "sig"}
		for i := 0; i < len(members); i += 2 {
			m[members[i].(string)] = members[i+1]
		}
		return verifytest.JWK(k.Public(), m)
	}
	without := func(m map[string]any, name string) map[string]any { delete(m, name); return m }
	secret := []byte("0123456789abcdef0123456789abcdef")
	oct := map[string]any{"kty": "oct", "kid": "bad", "k": verifytest.Encode(secret)}
	for name, bad := range map[string][]map[string]any{
		"1024 bits":                   {jwk(small, "bad")},
		"use=enc":                     {jwk(key, "bad", "use", "enc")},
		"use is a list":               {jwk(key, "bad", "use", []string{"sig"})},
		"key_ops for encryption":      {jwk(key, "bad", "key_ops", []string{"encrypt"})},
		"key_ops to sign":             {jwk(key, "bad", "key_ops", []string{"sign"})},
		"alg of encryption":           {jwk(key, "bad", "alg", "RSA-OAEP")},
		"alg of HMAC":                 {jwk(key, "bad", "alg", "HS256")},
		"alg none":                    {jwk(key, "bad", "alg", "none")},
		"duplicate id, right first":   {jwk(key, "bad"), jwk(other, "bad")},
		"duplicate id, right last":    {jwk(other, "bad"), jwk(key, "bad")},
		"duplicate id, the same key":  {jwk(key, "bad"), jwk(key, "bad")},
		"duplicate id, three":         {jwk(key, "bad"), jwk(other, "bad"), jwk(key, "bad")},
		"oct":                         {oct},
		"oct beside RSA":              {oct, without(jwk(key, "bad"), "kid")},
		"another kind with RSA parts": {jwk(key, "bad", "kty", "oct")},
		"EC with RSA parts":           {jwk(key, "bad", "kty", "EC", "crv", "P-256")},
		"no kind":                     {without(jwk(key, "bad"), "kty")},
		"no modulus":                  {without(jwk(key, "bad"), "n")},
		"modulus in hex":              {jwk(key, "bad", "n", key.N.Text(16)+"=")},
		"exponent one":                {jwk(key, "bad", "e", "AQ")},
		"exponent even":               {jwk(key, "bad", "e", "AQAA")},
		"exponent zero":               {jwk(key, "bad", "e", "AA")},
		"exponent huge":               {jwk(key, "bad", "e", strings.Repeat("_", 340))},
		"modulus of 128 kilobits":     {jwk(key, "bad", "n", strings.Repeat("_", 21844))},
		"no id":                       {without(jwk(key, "bad"), "kid")},
		"an id that is a number":      {jwk(key, "bad", "kid", 1)},
		"another id":                  {jwk(key, "Bad")},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIssuerWorld(t, nil)
			d.issuer.Handle(verifytest.JWKSPath, jwks(append(bad, jwk(good, "good"))...))
			payload := marshal(verifytest.Claims{"iss": d.issuer.URL(), "aud": verifytest.Audience, "exp": now.Unix() + 60})
			signer := crypto.Signer(key)
			if name == "1024 bits" {
				signer = small
			}
			d.refused(t, signedBytes(signer, verify.RS256, `{"alg":"RS256","kid":"bad"}`, payload), textKeyID)
			d.refused(t, hmacBytes(secret, `{"alg":"HS256","kid":"bad"}`, payload), textAlgorithm)
			d.refused(t, hmacBytes(secret, `{"alg":"RS256","kid":"bad"}`, payload), textKeyID)
			d.accepted(t, signedBytes(good, verify.RS256, `{"alg":"RS256","kid":"good"}`, payload))
			if n := d.issuer.Fetches(verifytest.JWKSPath); n > 2 {
				t.Errorf("%d fetches", n)
			}
		})
	}
}

func hmacBytes(secret []byte, header string, payload []byte) string {
	input := verifytest.Encode([]byte(header)) + "." + verifytest.Encode(payload)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + verifytest.Encode(m.Sum(nil))
}

// TestNoUsableKeys: a set that is in order and has none is no outage. A set with
// too many is.
func TestNoUsableKeys(t *testing.T) {
	for name, row := range map[string]struct {
		keys []map[string]any
		text string
	}{
		"no keys": {[]map[string]any{}, textKeyID},
		"129":     {make129(), textKeys},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIssuerWorld(t, nil)
			d.issuer.Handle(verifytest.JWKSPath, jwks(row.keys...))
			d.refused(t, d.issuer.Token(nil), row.text)
			d.refused(t, d.issuer.Token(nil), row.text)
			d.fetched(t, verifytest.JWKSPath, 1)
			d.recovers(t)
		})
	}
}

func make129() []map[string]any {
	keys := make([]map[string]any, 129)
	for i := range keys {
		keys[i] = map[string]any{"kty": "oct", "kid": fmt.Sprint(i)}
	}
	return keys
}

// TestHostileDiscovery: a document that speaks for another issuer, or names an
// address at which keys must not be looked for.
func TestHostileDiscovery(t *testing.T) {
	d := newIssuerWorld(t, nil)
	issuer, jwks := d.issuer.URL(), d.issuer.JWKSURL()
	n := 0
	for name, document := range map[string]map[string]any{
		"another issuer":     {"issuer": "https://issuer.example", "jwks_uri": jwks},
		"a slash more":       {"issuer": issuer + "/", "jwks_uri": jwks},
		"upper case":         {"issuer": strings.ToUpper(issuer), "jwks_uri": jwks},
		"no issuer":          {"jwks_uri": jwks},
		"issuers":            {"issuer": []string{issuer}, "jwks_uri": jwks},
		"no address":         {"issuer": issuer},
		"an empty address":   {"issuer": issuer, "jwks_uri": ""},
		"addresses":          {"issuer": issuer, "jwks_uri": []string{jwks}},
		"a path":             {"issuer": issuer, "jwks_uri": "/.well-known/jwks.json"},
		"no scheme":          {"issuer": issuer, "jwks_uri": "//" + d.canary.address + "/"},
		"plain HTTP":         {"issuer": issuer, "jwks_uri": "http://issuer.example/jwks.json"},
		"metadata service":   {"issuer": issuer, "jwks_uri": "http://169.254.169.254/latest/meta-data/"},
		"any address":        {"issuer": issuer, "jwks_uri": "http://0.0.0.0/"},
		"a name of loopback": {"issuer": issuer, "jwks_uri": "http://localhost.example/"},
		"a decimal address":  {"issuer": issuer, "jwks_uri": "http://2130706433/"},
		"a file":             {"issuer": issuer, "jwks_uri": "file:///etc/passwd"},
		"a file on a host":   {"issuer": issuer, "jwks_uri": "file://127.0.0.1/etc/passwd"},
		"data":               {"issuer": issuer, "jwks_uri": "data:application/json,{}"},
		"FTP":                {"issuer": issuer, "jwks_uri": "ftp://" + d.canary.address + "/"},
		"gopher":             {"issuer": issuer, "jwks_uri": "gopher://" + d.canary.address + "/"},
		"a socket":           {"issuer": issuer, "jwks_uri": "unix:///var/run/docker.sock"},
		"script":             {"issuer": issuer, "jwks_uri": "javascript:alert(1)"},
		"a user":             {"issuer": issuer, "jwks_uri": "http://user:password@" + d.canary.address + "/"},
		"a fragment":         {"issuer": issuer, "jwks_uri": d.canary.url() + "/#x"},
		"a line break":       {"issuer": issuer, "jwks_uri": d.canary.url() + "/ HTTP/1.1\r\nX: y"},
		"a control":          {"issuer": issuer, "jwks_uri": d.canary.url() + "/\x00"},
	} {
		d.issuer.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(document) }))
		d.refused(t, d.issuer.Token(nil), textDiscovery)
		if line := d.journal.last(t).String(); strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%s: the line is %q", name, line)
		}
		n++
		d.fetched(t, verifytest.DiscoveryPath, n)
		d.advance(30 * time.Second)
	}
	d.fetched(t, verifytest.JWKSPath, 0)
	d.canary.silent(t)
	d.recovers(t)
}

// TestNetworkIssuerCannotPointHere: an issuer over https may have its keys on any
// https host, but it cannot have us ask the ports of this machine.
func TestNetworkIssuerCannotPointHere(t *testing.T) {
	caught := newCanary(t)
	target := caught.url()
	var asked atomic.Int64
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		json.NewEncoder(w).Encode(map[string]any{"issuer": server.URL, "jwks_uri": target})
	}))
	defer server.Close()
	for _, target = range []string{caught.url(), "http://localhost" + caught.address[strings.LastIndexByte(caught.address, ':'):], "http://[::1]/"} {
		d := newIssuerWorld(t, func(c *verify.RemoteConfig) { c.Issuer, c.HTTPClient = server.URL, server.Client() })
		d.refused(t, d.issuer.Token(verifytest.Claims{"iss": server.URL}), textDiscovery)
	}
	if asked.Load() != 3 {
		t.Errorf("the issuer was asked %d times, not 3", asked.Load())
	}
	caught.silent(t)
}

// TestUnknownKeysAreFloodedInVain: from many connections come tokens under random
// key ids, for a minute of the clock by which the cool-down goes. The issuer is
// asked once each ten seconds, and honest tokens pass between them.
func TestUnknownKeysAreFloodedInVain(t *testing.T) {
	d := newIssuerWorld(t, nil)
	good := d.issuer.Token(nil)
	d.accepted(t, good)
	var clients [16]*wire
	for i := range clients {
		clients[i] = d.dial(t)
	}
	honest := atomic.Int64{}
	for range 60 { // seconds
		var flood sync.WaitGroup
		for n, client := range clients {
			flood.Go(func() {
				for m := range 4 {
					a := client.get(t, "/private", "Bearer "+d.unknown(fmt.Sprint(d.moved.Load(), "-", n, "-", m)))
					if a.status != 401 || a.header.Get("Www-Authenticate") != invalid(textKeyID) {
						t.Errorf("%d %s", a.status, a.header.Get("Www-Authenticate"))
					}
				}
				if a := client.get(t, "/private", "Bearer "+good); a.status == 200 {
					honest.Add(1)
				}
			})
		}
		flood.Wait()
		d.advance(time.Second)
	}
	if n := honest.Load(); n != 60*int64(len(clients)) {
		t.Errorf("%d honest tokens of %d passed", n, 60*len(clients))
	}
	d.fetched(t, verifytest.JWKSPath, 1+6)
	d.fetched(t, verifytest.DiscoveryPath, 1)
	// A key that is new indeed waits for the cool-down, and no longer.
	d.issuer.RotateTo(verify.RS256, rsaKeys.Take(t))
	d.advance(10 * time.Second)
	d.accepted(t, d.issuer.Token(nil))
	d.accepted(t, good)
}

// TestKnownKeysDoNotWait: while a fetch for an unknown key hangs, and many wait
// for it, tokens under known keys are answered; one connection is open to the
// issuer, however many wait.
func TestKnownKeysDoNotWait(t *testing.T) {
	d := newIssuerWorld(t, func(c *verify.RemoteConfig) { c.JWKSTimeout = time.Minute })
	good := d.issuer.Token(nil)
	d.accepted(t, good)
	entered, release := make(chan struct{}, 64), make(chan struct{})
	var inside, most atomic.Int64
	d.issuer.Handle(verifytest.JWKSPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer inside.Add(-1)
		entered <- struct{}{}
		select {
		case <-release:
			w.Write(d.issuer.JWKS())
		case <-r.Context().Done():
		}
	}))
	var waiting sync.WaitGroup
	for n := range 64 {
		waiting.Go(func() { d.dial(t).get(t, "/private", "Bearer "+d.unknown(n)) })
	}
	<-entered
	for n := range 200 {
		if n%2 == 0 {
			good = d.issuer.Token(verifytest.Claims{"n": n}) // not in the cache of tokens
		}
		d.accepted(t, good)
	}
	close(release)
	waiting.Wait()
	if n := most.Load(); n != 1 {
		t.Errorf("%d fetches at one time", n)
	}
}

// TestAbandonedFetches: clients that go away while the issuer hangs leave nothing
// behind, and the fetch they began serves those who stay.
func TestAbandonedFetches(t *testing.T) {
	d := newIssuerWorld(t, func(c *verify.RemoteConfig) { c.DiscoveryTimeout = time.Minute })
	entered, release := make(chan struct{}, 64), make(chan struct{})
	d.issuer.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		io.WriteString(w, d.document(verifytest.DiscoveryPath))
	}))
	token := d.issuer.Token(nil)
	ctx, leave := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	for range 32 {
		gone.Go(func() {
			r, err := http.NewRequestWithContext(ctx, "GET", d.server.URL+"/private", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", token)
			if response, err := http.DefaultClient.Do(r); err == nil {
				response.Body.Close()
				t.Errorf("answered %d while the issuer hangs", response.StatusCode)
			}
		})
	}
	<-entered
	leave()
	gone.Wait()
	stays := make(chan answer, 1)
	go func() { stays <- d.dial(t).get(t, "/private", "Bearer "+token) }()
	close(release)
	if a := <-stays; a.status != 200 {
		t.Errorf("who stayed is answered %d", a.status)
	}
	d.fetched(t, verifytest.DiscoveryPath, 1)
	d.remote.Close()
	buf := make([]byte, 1<<20)
	if text := string(buf[:runtime.Stack(buf, true)]); strings.Contains(text, "verify.(*Remote).run") {
		t.Errorf("a fetch is left:\n%s", text)
	}
}

// TestIssuerComesAndGoes: every other time that its keys are due the issuer is
// away. Known keys work on, through a whole day of it.
func TestIssuerComesAndGoes(t *testing.T) {
	d := newIssuerWorld(t, nil)
	good := d.issuer.Token(verifytest.Claims{"exp": now.Add(100 * time.Hour).Unix()})
	d.accepted(t, good)
	for n := range 24 {
		switch n % 4 {
		case 0:
			d.issuer.SetDown(true)
		case 1:
			d.issuer.SetDown(false)
			d.issuer.Handle(verifytest.JWKSPath, http.NotFoundHandler())
		case 2:
			d.issuer.Handle(verifytest.JWKSPath, gzipped(d, verifytest.JWKSPath))
		case 3:
			d.issuer.Handle(verifytest.JWKSPath, nil)
		}
		d.advance(2*time.Hour + time.Minute)
		d.accepted(t, good)
		d.accepted(t, d.issuer.Token(nil))
	}
	if n := d.issuer.Fetches(verifytest.DiscoveryPath); n > 1+2*24 {
		t.Errorf("%d fetches of the discovery document in two days of two requests each two hours", n)
	}
	d.recovers(t)
}

// TestRotationWithOverlap: the new key is found at its first token, tokens of the
// old one work while it is published, and not once its withdrawal is known.
func TestRotationWithOverlap(t *testing.T) {
	d := newIssuerWorld(t, nil)
	first := d.issuer.KeyID()
	old := d.issuer.Token(verifytest.Claims{"exp": now.Add(100 * time.Hour).Unix()})
	d.accepted(t, old)
	for n := range 3 {
		d.issuer.RotateTo(verify.RS256, rsaKeys.Take(t))
		d.accepted(t, d.issuer.Token(nil))
		d.accepted(t, old)
		d.fetched(t, verifytest.JWKSPath, 2+n)
	}
	d.issuer.Retire(first)
	d.advance(2 * time.Hour) // the age at which keys are fetched anew
	d.refused(t, old, textKeyID)
	d.accepted(t, d.issuer.Token(nil))

	// A rotation without an overlap, as after a theft: at the first new token the
	// old key is gone, with what was verified by it.
	stolen, id := d.issuer.Token(nil), d.issuer.KeyID()
	d.accepted(t, stolen)
	d.issuer.RotateTo(verify.RS256, rsaKeys.Take(t))
	d.issuer.Retire(id)
	d.advance(10 * time.Second)
	d.accepted(t, d.issuer.Token(nil))
	d.refused(t, stolen, textKeyID)
}
