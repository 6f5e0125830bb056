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

// measureMemory sends a gateway many tokens of which no two are the same, most
// of them forged, and looks at what it has kept.
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
	send := func(token string) {
		r := httptest.NewRequest("GET", "/private", nil)
		r.Header = http.Header{"Authorization": {"Bearer " + token}}
		g.ServeHTTP(httptest.NewRecorder(), r)
	}
	good := idToken(issuer, 0)
	send(good)
	before := heap()
	forged := b.pick(200_000, 2000)
	signature := good[strings.LastIndexByte(good, '.'):]
	parts := strings.SplitN(good, ".", 3)
	for n := range forged {
		if n%2 == 0 { // a payload that was never signed
			send(parts[0] + "." + parts[1] + fmt.Sprintf("%08d", n) + signature)
		} else { // a key that there is none of
			send(fmt.Sprintf("eyJhbGciOiJSUzI1NiIsImtpZCI6I%08dIn0.", n) + parts[1] + signature)
		}
	}
	for n := range b.pick(2000, 20) {
		send(idToken(issuer, n+1))
	}
	const bound = 24
	return []result{bounded("memory", fmt.Sprintf("heap that %d distinct tokens leave in the gateway", forged+b.pick(2000, 20)), "MB", max(0, heap()-before), bound)}, nil
}

// heap gives what is in use, in MB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return (float64(m.HeapAlloc)) / (1 << 20)
}
