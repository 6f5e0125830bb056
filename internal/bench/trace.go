package main

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// maxTrace is how much longer a request may take for what is kept of how it was decided.
const maxTrace = 1.05

// measureTrace sets requests of which is kept how they were decided, in a ring as large
// as that of a stage, beside the same ones of which nothing is: to a Go function, where
// event and reply are kept without their secrets, and to an HTTP upstream.
func measureTrace(ctx context.Context, b *bench) ([]result, error) {
	functions, _, stop, err := startFunction(ctx, b, "trace")
	if err != nil {
		return nil, err
	}
	defer stop()
	up, err := newUpstream()
	if err != nil {
		return nil, err
	}
	defer up.close()
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	var results []result
	for _, c := range []struct {
		row, what string
		route     gateway.Route
	}{
		{"trace-function", "p50 of a request through JWT to a Go function with its decisions kept, of one without", gateway.Route{Function: "private"}},
		{"trace-upstream", "the same to an HTTP upstream", gateway.Route{URL: up.url()}},
	} {
		r, err := compareTraces(b, issuer, c.route, functions)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", c.row, err)
		}
		r.Row, r.What, r.Unit = c.row, c.what, "ns"
		results = append(results, r.atMost(maxTrace))
	}
	return results, nil
}

// compareTraces has requests with and without a trace take turns, over one connection
// each.
func compareTraces(b *bench, issuer *verifytest.Issuer, route gateway.Route, invoker gateway.Invoker) (r result, err error) {
	request := bearerRequests(issuer, 1)[0]
	calls, rounds := b.pick(100, 5), b.pick(101, 3)
	var sides [2]side
	var count [2]float64
	for i, ring := range []*explain.Ring{explain.NewRing(1000, 16<<20), nil} {
		g, err := tracedGateway(issuer, route, invoker, ring)
		if err != nil {
			return r, err
		}
		defer g.Close()
		server := httptest.NewServer(g)
		defer server.Close()
		c, err := dial(server.Listener.Addr().String())
		if err != nil {
			return r, err
		}
		defer c.conn.Close()
		call := func() error { return c.do(request) }
		if count[i], err = allocations(b.pick(1100, 20), call); err != nil { // the ring is full then
			return r, err
		}
		sides[i] = middle(calls, call)
	}
	if r, err = alternate(rounds, sides[0], sides[1]); err != nil {
		return r, err
	}
	r.Allocations = fmt.Sprintf("%.0f (without %.0f)", count[0], count[1])
	return r, nil
}
