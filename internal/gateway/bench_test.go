package gateway_test

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// benchWorld gives a gateway with a JWT authorizer before an upstream, a bare
// reverse proxy before the same upstream, and some good tokens.
func benchWorld(b *testing.B, tokens int) (guarded, bare http.Handler, headers []string) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		io.WriteString(w, `{"message":"Hello"}`)
	}))
	b.Cleanup(upstream.Close)
	issuer := verifytest.NewIssuer(verify.RS256)
	b.Cleanup(issuer.Close)
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		b.Fatal(err)
	}
	jwt, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "jwt", Kind: "jwt", Issuer: issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{
		ID: "abcdefghij", DomainName: "localhost:3100", Log: func(gateway.Entry) {},
		Routes: []gateway.Route{
			{Key: "GET /private", Authorizer: "jwt", URL: upstream.URL},
			{Key: "GET /items/{id}", Authorizer: "jwt", URL: upstream.URL},
			{Key: "$default", Authorizer: gateway.None, URL: upstream.URL},
		},
		Authorizers: map[string]gateway.Authorizer{"jwt": jwt},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := gateway.NewTransport()
	b.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}}
	for i := range tokens {
		headers = append(headers, "Bearer "+issuer.Token(verifytest.Claims{"sub": fmt.Sprint(i), "exp": time.Now().Add(time.Hour).Unix()}))
	}
	return g, proxy, headers
}

// BenchmarkProxy sets the guarded gateway beside a bare httputil.ReverseProxy,
// both behind a listener and driven by clients with keep-alive. The gateway is
// to reach 0.9 of the proxy, with one token and with ten thousand.
func BenchmarkProxy(b *testing.B) {
	for _, tokens := range []int{1, 10_000} {
		guarded, bare, headers := benchWorld(b, tokens)
		for _, side := range []struct {
			name    string
			handler http.Handler
		}{{"bare", bare}, {"gateway", guarded}} {
			b.Run(fmt.Sprintf("tokens=%d/%s", tokens, side.name), func(b *testing.B) { benchServe(b, side.handler, headers) })
		}
	}
}

func benchServe(b *testing.B, handler http.Handler, headers []string) {
	server := httptest.NewServer(handler)
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(i int) error {
		r, err := http.NewRequest("GET", server.URL+"/private", nil)
		if err != nil {
			return err
		}
		r.Header["Authorization"] = headers[i%len(headers) : i%len(headers)+1]
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != 200 {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	}
	for i := range headers { // every token has been seen once
		if i > 10_000 {
			break
		}
		if err := get(i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i += 7919 {
			if err := get(i); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkRefusal is what a request without a token costs, without a network.
func BenchmarkRefusal(b *testing.B) {
	g, _, _ := benchWorld(b, 1)
	r := httptest.NewRequest("GET", "/private", nil)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		g.ServeHTTP(w, r)
	}
}

// BenchmarkFunction is a whole request to a function that replies at once:
// match, authorize, event, reply.
func BenchmarkFunction(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		b.Fatal(err)
	}
	jwt, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "jwt", Kind: "jwt", Issuer: issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	reply := []byte(`{"statusCode":200,"body":"Hello user!"}`)
	for _, version := range []string{"2.0", "1.0"} {
		g, err := gateway.New(gateway.Config{
			ID: "abcdefghij", DomainName: "localhost:3100", Log: func(gateway.Entry) {},
			Routes:      []gateway.Route{{Key: "GET /private/{id}", Authorizer: "jwt", Function: "f", PayloadFormatVersion: version}},
			Authorizers: map[string]gateway.Authorizer{"jwt": jwt},
			Invoker: &invoker{reply: func(context.Context, string, []byte) ([]byte, string, error) {
				return reply, "", nil
			}},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("payload="+version, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/private/7?q=1&r=2", nil)
			r.Header = http.Header{"Authorization": {"Bearer " + issuer.Token(nil)}, "User-Agent": {"curl/8"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip"}}
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				w.status = 0
				g.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatal(w.status)
			}
		})
	}
}

// discard is a ResponseWriter for benchmarks.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
