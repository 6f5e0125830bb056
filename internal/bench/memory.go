package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"

	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// verified is how many verified tokens a gateway's authorizer remembers, and
// longest the longest token that it does.
const (
	verified = verify.DefaultCacheSize
	longest  = 4 << 10
)

// measureMemory sends a gateway tokens of which no two are the same, and looks
// at what it has kept: of forged ones, then of good ones.
func measureMemory(_ context.Context, b *bench) ([]result, error) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	up, err := newUpstream()
	if err != nil {
		return nil, err
	}
	defer up.close()
	g, err := guardedGateway(issuer, gateway.Route{URL: up.url()}, nil)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	send := func(token string, status int) {
		r := httptest.NewRequest("GET", "/private", nil)
		r.Header = http.Header{"Authorization": {"Bearer " + token}}
		w := httptest.NewRecorder()
		if g.ServeHTTP(w, r); w.Code != status && err == nil {
			err = fmt.Errorf("a token is answered %d, not %d", w.Code, status)
		}
	}
	good := idToken(issuer, 0)
	send(good, 200)
	before := heap()
	forged := b.pick(200_000, 2000)
	signature := good[strings.LastIndexByte(good, '.'):]
	parts := strings.SplitN(good, ".", 3)
	for n := range forged {
		if n%2 == 0 { // a payload that was never signed
			send(parts[0]+"."+parts[1]+fmt.Sprintf("%08d", n)+signature, 401)
		} else { // a key that there is none of
			send(fmt.Sprintf("eyJhbGciOiJSUzI1NiIsImtpZCI6I%08dIn0.", n)+parts[1]+signature, 401)
		}
	}
	left := max(0, heap()-before)
	before = heap()
	// Half as many again as are remembered: they come into the slots by chance,
	// and few slots then have room.
	fill := b.pick(verified*3/2, 200)
	for _, token := range goodTokens(issuer, fill) {
		send(token, 200)
	}
	const forgedBound, bound = 1.0, verified * longest / (1 << 20)
	return []result{
		bounded("memory-forged", fmt.Sprintf("heap that %s leave in the gateway", plural(forged, "forged token")), "MB", left, forgedBound),
		bounded("memory-verified", fmt.Sprintf("the same of %s, of %d of which it remembers: that many of 4 KiB", plural(fill, "good token"), verified), "MB", max(0, heap()-before), bound),
	}, err
}

// heap gives what is in use, in MB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return (float64(m.HeapAlloc)) / (1 << 20)
}
