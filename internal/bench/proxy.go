package main

import (
	"context"
	"crypto"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// guard makes a JWT authorizer of an issuer's tokens.
func guard(issuer *verifytest.Issuer) (gateway.Authorizer, error) {
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		return nil, err
	}
	return authorizer.NewJWT(authorizer.JWTConfig{Name: "jwt", Kind: "jwt", Issuer: issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys})
}

// guardedGateway is a gateway with one route that asks for a token, and others
// that are not asked for.
func guardedGateway(issuer *verifytest.Issuer, route gateway.Route, invoker gateway.Invoker) (*gateway.Gateway, error) {
	return tracedGateway(issuer, route, invoker, nil)
}

// tracedGateway is guardedGateway with a ring of decisions; nil is none.
func tracedGateway(issuer *verifytest.Issuer, route gateway.Route, invoker gateway.Invoker, ring *explain.Ring) (*gateway.Gateway, error) {
	jwt, err := guard(issuer)
	if err != nil {
		return nil, err
	}
	route.Key, route.Authorizer = "GET /private", "jwt"
	open := route
	open.Key, open.Authorizer = "$default", gateway.None
	other := route
	other.Key = "GET /items/{id}"
	log := func(gateway.Entry) {}
	if ring != nil {
		log = func(e gateway.Entry) { ring.AddEntry("Api", &e) }
	}
	return gateway.New(gateway.Config{
		ID: "abcdefghij", DomainName: "localhost:3100", Log: log, Trace: ring != nil, Invoker: invoker,
		Routes: []gateway.Route{route, other, open}, Authorizers: map[string]gateway.Authorizer{"jwt": jwt},
	})
}

// bufferPool gives httputil.ReverseProxy its buffers.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }

// bareProxy is what the gateway is compared with: httputil.ReverseProxy with
// the same settings of the transport, a pool of buffers, the headers that a
// proxy adds, and no authorization at all.
func bareProxy(target string) (http.Handler, func(), error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, nil, err
	}
	transport := gateway.NewTransport()
	return &httputil.ReverseProxy{
		Transport: transport, BufferPool: &bufferPool{},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.SetXForwarded()
		},
	}, transport.CloseIdleConnections, nil
}

// goodTokens signs tokens of which no two are the same. A thousand take most of a
// second.
func goodTokens(issuer *verifytest.Issuer, n int) []string {
	tokens := make([]string, n)
	var wg sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := worker; i < n; i += runtime.GOMAXPROCS(0) {
				tokens[i] = idToken(issuer, i+1)
			}
		})
	}
	wg.Wait()
	return tokens
}

// bearerRequests writes a request for each of some tokens.
func bearerRequests(issuer *verifytest.Issuer, n int) [][]byte {
	requests := make([][]byte, n)
	for i, token := range goodTokens(issuer, n) {
		requests[i] = fmt.Appendf(nil, "GET /private HTTP/1.1\r\nHost: localhost:3100\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer %s\r\n\r\n", token)
	}
	return requests
}

// measureGateway sets the gateway with a JWT authorizer before an HTTP upstream
// beside a bare reverse proxy before the same one.
func measureGateway(ctx context.Context, b *bench) ([]result, error) {
	up, err := newUpstream()
	if err != nil {
		return nil, err
	}
	defer up.close()
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	g, err := guardedGateway(issuer, gateway.Route{URL: up.url()}, nil)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	proxy, closeIdle, err := bareProxy(up.url())
	if err != nil {
		return nil, err
	}
	defer closeIdle()
	guarded, bare := httptest.NewServer(g), httptest.NewServer(proxy)
	defer guarded.Close()
	defer bare.Close()
	tokens := bearerRequests(issuer, b.pick(10_000, 200))
	var results []result
	for _, c := range []struct {
		name     string
		requests [][]byte
	}{{"hot", tokens[:1]}, {"10000", tokens}} {
		for _, connections := range []int{1, 64} {
			r, err := compareProxies(ctx, b, guarded.Listener.Addr().String(), bare.Listener.Addr().String(), connections, c.requests)
			if err != nil {
				return nil, err
			}
			r.Row = fmt.Sprintf("gateway-%s-%d", c.name, connections)
			r.What = fmt.Sprintf("requests through JWT to an HTTP upstream, of a bare ReverseProxy: %s, %s", plural(len(c.requests), "token"), plural(connections, "connection"))
			results = append(results, r.atLeast(0.9))
		}
	}
	return results, nil
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strings.TrimSpace(fmt.Sprintf("%d %ss", n, word))
}

// compareProxies gives the row of some connections and tokens.
func compareProxies(ctx context.Context, b *bench, guarded, bare string, connections int, requests [][]byte) (r result, err error) {
	ours, err := newLoad(guarded, connections, requests)
	if err != nil {
		return r, err
	}
	defer ours.close()
	limit, err := newLoad(bare, connections, requests)
	if err != nil {
		return r, err
	}
	defer limit.close()
	if err := ours.all(); err != nil { // each token has been seen once
		return r, err
	}
	// Short rounds, and many: what else the machine does then falls on both sides.
	// It does not fall on both alike where 64 connections wait for two processors
	// that are busy with something else; the time that a processor was at work
	// does not mind.
	d := time.Duration(b.pick(200, 20)) * time.Millisecond
	var work, sent [2]float64
	round := func(i int, l *load) side {
		return func() (float64, error) {
			before, began := l.sent.Load(), processorTime()
			rate, err := l.run(ctx, d)
			work[i] += float64(processorTime() - began)
			sent[i] += float64(l.sent.Load() - before)
			return rate, err
		}
	}
	if r, err = alternate(b.pick(51, 1), round(0, ours), round(1, limit)); err != nil {
		return r, err
	}
	if a, b := work[0]/sent[0], work[1]/sent[1]; b > 0 {
		r.Note = fmt.Sprintf("a request takes %s of a processor, client and upstream included; bare %s; speed by that %.2f", format(a, "ns"), format(b, "ns"), b/a)
	}
	var count [2]float64
	for i, l := range []*load{ours, limit} {
		if count[i], err = allocations(b.pick(2000, 50), func() error { return l.clients[0].do(requests[0]) }); err != nil {
			return r, err
		}
	}
	r.Unit, r.Allocations = "/s", fmt.Sprintf("%.0f (bare %.0f)", count[0], count[1])
	return r, nil
}
