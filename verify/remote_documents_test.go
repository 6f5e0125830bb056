package verify_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// TestRemoteDocuments: answers over a real socket that must not be believed, each
// before any key is known and then again when one is. The known one goes on
// working.
func TestRemoteDocuments(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	canary := newIssuer(t, verify.ES256)
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(s)) }
	}
	discovery := func(issuerURL, jwksURI any) http.HandlerFunc {
		body, _ := json.Marshal(map[string]any{"issuer": issuerURL, "jwks_uri": jwksURI})
		return text(string(body))
	}
	redirect := func(path string) http.HandlerFunc {
		return http.RedirectHandler(canary.URL()+path, http.StatusFound).ServeHTTP
	}
	ten := strings.Repeat(" ", 10<<20)
	jwk := strings.TrimSuffix(strings.TrimPrefix(string(issuer.JWKS()), `{"keys":[`), `]}`)
	for _, test := range []struct {
		name, path string
		handler    http.HandlerFunc
		want       string // in the message
	}{
		{"discovery of another issuer", verifytest.DiscoveryPath, discovery("https://example.com", issuer.JWKSURL()), `its issuer is "https://example.com"`},
		{"discovery with a slash", verifytest.DiscoveryPath, discovery(issuer.URL()+"/", issuer.JWKSURL()), `its issuer is`},
		{"discovery without issuer", verifytest.DiscoveryPath, discovery(nil, issuer.JWKSURL()), `its issuer is ""`},
		{"discovery without jwks_uri", verifytest.DiscoveryPath, discovery(issuer.URL(), nil), `jwks_uri "": it has no host`},
		{"plain http", verifytest.DiscoveryPath, discovery(issuer.URL(), "http://keys.example/jwks"), "neither https nor http on localhost"},
		{"file", verifytest.DiscoveryPath, discovery(issuer.URL(), "file:///etc/passwd"), "it has no host"},
		{"userinfo", verifytest.DiscoveryPath, discovery(issuer.URL(), "https://u:p@example.com/"), "it has a user"},
		{"HTML", verifytest.DiscoveryPath, text("<html>"), "is not a JSON object"},
		{"duplicate jwks_uri", verifytest.DiscoveryPath, text(`{"issuer":"` + issuer.URL() + `","jwks_uri":"https://a.example","jwks_uri":"https://b.example"}`), "second member"},
		{"10 MB of discovery", verifytest.DiscoveryPath, text(ten), "more than 65536"},
		{"discovery redirected", verifytest.DiscoveryPath, redirect(verifytest.DiscoveryPath), "redirects are not followed"},
		{"discovery gone", verifytest.DiscoveryPath, http.NotFound, "status 404"},

		{"10 MB of keys", verifytest.JWKSPath, text(ten), "more than 150000"},
		{"10 MB of keys, sized", verifytest.JWKSPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10485760")
			w.Write([]byte(ten))
		}, "10485760 bytes, more than 150000"},
		{"keys redirected", verifytest.JWKSPath, redirect(verifytest.JWKSPath), "redirects are not followed"},
		{"error", verifytest.JWKSPath, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }, "status 500"},
		{"no content", verifytest.JWKSPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "status 204"},
		{"cut short", verifytest.JWKSPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write(issuer.JWKS())
		}, "unexpected EOF"},
		{"no JSON", verifytest.JWKSPath, text("keys"), "is not a JSON object"},
		{"one key, no set", verifytest.JWKSPath, text(jwk), `no array "keys"`},
		{"keys is an object", verifytest.JWKSPath, text(`{"keys":{}}`), `no array "keys"`},
		{"two members keys", verifytest.JWKSPath, text(`{"keys":[],"keys":[` + jwk + `]}`), "second member"},
		{"key is a string", verifytest.JWKSPath, text(`{"keys":["` + verifytest.Encode([]byte(jwk)) + `"]}`), "not a JSON object"},
		{"trailing data", verifytest.JWKSPath, text(string(issuer.JWKS()) + "{}"), "data after"},
		{"too many keys", verifytest.JWKSPath, text(`{"keys":[` + strings.Repeat(`{},`, 128) + jwk + `]}`), "129 keys, more than 128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason := verify.KeysUnavailable
			if test.path == verifytest.DiscoveryPath {
				reason = verify.DiscoveryUnavailable
			}
			now := time.Now()
			v := newVerifier(t, issuer, func(c *verify.Config) {
				c.CacheSize = -1
				c.Keys = newRemote(t, verify.RemoteConfig{Issuer: issuer.URL(), Now: func() time.Time { return now }})
			})
			issuer.Handle(test.path, test.handler)
			defer issuer.Handle(test.path, nil)
			if e := refuse(t, v, issuer.Token(nil), reason); !strings.Contains(e.Message(), test.want) {
				t.Errorf("message is %q; want %q in it", e.Message(), test.want)
			}
			issuer.Handle(test.path, nil)
			now = now.Add(time.Second)
			accept(t, v, issuer.Token(nil))
			issuer.Handle(test.path, test.handler)
			now = now.Add(2 * time.Hour)
			accept(t, v, issuer.Token(nil))
		})
	}
	for _, path := range []string{verifytest.DiscoveryPath, verifytest.JWKSPath} {
		if n := canary.Fetches(path); n != 0 {
			t.Errorf("a redirect to %s was followed %d times", path, n)
		}
	}
}

// TestRemoteNoKeys: an issuer that withdraws all its keys is believed.
func TestRemoteNoKeys(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		accept(t, v, issuer.Token(nil))
		issuer.Handle(verifytest.JWKSPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) }))
		time.Sleep(2 * time.Hour)
		refuse(t, v, issuer.Token(nil), verify.UnknownKey)
	})
}

func TestNewRemoteRefuses(t *testing.T) {
	for _, issuer := range []string{
		"", "issuer", "/issuer", "http://issuer.example", "http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com",
		"ftp://localhost", "file:///etc", "https://", "https:///path", "https://u@issuer.example", "https://issuer.example?x=1", "https://issuer.example?",
		"https://issuer.example#x", "https://issuer.example#", "javascript:alert(1)", "http://[::2]", "https://%zz", "http://0.0.0.0:80",
	} {
		if remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer}); err == nil || remote != nil {
			t.Errorf("issuer %q: %v, %v", issuer, remote, err)
		}
		if issuer != "" && !strings.Contains(issuer, "?") {
			if remote, err := verify.NewRemote(verify.RemoteConfig{JWKSURL: issuer}); err == nil || remote != nil {
				t.Errorf("JWKS URL %q: %v, %v", issuer, remote, err)
			}
		}
	}
	for _, issuer := range []string{"https://issuer.example", "https://issuer.example/", "https://issuer.example/pool", "http://localhost:4566/pool", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:80", "http://LOCALHOST"} {
		if _, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer}); err != nil {
			t.Errorf("issuer %q: %v", issuer, err)
		}
	}
	for _, config := range []verify.RemoteConfig{
		{Issuer: "https://a.example", JWKSURL: "https://a.example/keys"},
		{Issuer: "https://a.example", CoolDown: -1},
		{Issuer: "https://a.example", MaxBytes: -1},
	} {
		if _, err := verify.NewRemote(config); err == nil {
			t.Errorf("%+v accepted", config)
		}
	}
}

// TestRemoteJWKSURL: keys without discovery.
func TestRemoteJWKSURL(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, func(c *verify.Config) {
		c.Keys = newRemote(t, verify.RemoteConfig{JWKSURL: issuer.JWKSURL()})
	})
	accept(t, v, issuer.Token(nil))
	if n := issuer.Fetches(verifytest.DiscoveryPath); n != 0 {
		t.Errorf("%d fetches of the discovery document", n)
	}
}

// TestRemoteTrailingSlash: the slash at an issuer's end is not doubled on the way
// to its discovery document, and counts in the comparison.
func TestRemoteTrailingSlash(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	name := issuer.URL() + "/"
	issuer.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": name, "jwks_uri": issuer.JWKSURL()})
	}))
	v := newVerifier(t, issuer, func(c *verify.Config) {
		c.Issuer = name
		c.Keys = newRemote(t, verify.RemoteConfig{Issuer: name})
	})
	accept(t, v, issuer.Token(verifytest.Claims{"iss": name}))
	refuse(t, v, issuer.Token(nil), verify.WrongIssuer)
	if n := issuer.Fetches(verifytest.DiscoveryPath); n != 1 {
		t.Errorf("%d fetches of the discovery document", n)
	}
}

// TestRemoteSendsToLoopback: an issuer on the network, which is https, cannot have
// this machine's ports asked.
func TestRemoteSendsToLoopback(t *testing.T) {
	inner := newIssuer(t, verify.ES256)
	outer := httptest.NewUnstartedServer(nil)
	outer.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": outer.URL, "jwks_uri": inner.JWKSURL()})
	})
	outer.StartTLS()
	defer outer.Close()
	v := newVerifier(t, inner, func(c *verify.Config) {
		c.Issuer = outer.URL
		c.Keys = newRemote(t, verify.RemoteConfig{Issuer: outer.URL, HTTPClient: outer.Client()})
	})
	e := refuse(t, v, inner.Token(verifytest.Claims{"iss": outer.URL}), verify.DiscoveryUnavailable)
	if !strings.Contains(e.Message(), "neither https nor http on localhost") {
		t.Error(e.Message())
	}
	fetches(t, inner, 0)

	// A certificate that nobody vouches for is refused by the client of our own.
	v = newVerifier(t, inner, func(c *verify.Config) {
		c.Keys = newRemote(t, verify.RemoteConfig{Issuer: outer.URL})
	})
	if e := refuse(t, v, inner.Token(nil), verify.DiscoveryUnavailable); !strings.Contains(e.Message(), "certificate") {
		t.Error(e.Message())
	}
}

// An endless body counts what is read of it.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func (*endless) Close() error { return nil }

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: e, ContentLength: -1, Request: r}, nil
}

// TestRemoteStopsReading: an answer without an end is read up to its bound, and
// not until the time is up.
func TestRemoteStopsReading(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	var body endless
	v := newVerifier(t, issuer, func(c *verify.Config) {
		c.Keys = newRemote(t, verify.RemoteConfig{JWKSURL: issuer.JWKSURL(), HTTPClient: &http.Client{Transport: &body}})
	})
	refuse(t, v, issuer.Token(nil), verify.KeysUnavailable)
	if n := body.read.Load(); n > 400_000 {
		t.Errorf("%d bytes were read", n)
	}
}
