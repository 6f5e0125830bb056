package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// maxTrace is how much longer a request may take for what is kept of how it was decided.
const maxTrace = 1.05

// measureTrace sets requests of which is kept how they were decided, in a ring as large
// as that of a stage, beside the same ones of which nothing is: to a Go function, where
// event, reply and log are kept without their secrets, and to an HTTP upstream.
func measureTrace(ctx context.Context, b *bench) ([]result, error) {
	ring := explain.NewRing(1000, 16<<20)
	var keeps atomic.Bool // one function for both sides: no two processes cost the same
	functions, _, stop, err := startFunction(ctx, b, "traced", func(l lambda.Line) {
		if keeps.Load() {
			ring.Line(l.RequestID, l.Text)
		}
	})
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
		{"trace-function", "p50 of a request through JWT to a Go function with its decisions and log kept, of one without", gateway.Route{Function: "private"}},
		{"trace-upstream", "the same to an HTTP upstream", gateway.Route{URL: up.url()}},
	} {
		r, err := compareTraces(b, issuer, c.route, functions, ring, &keeps)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", c.row, err)
		}
		r.Row, r.What, r.Unit = c.row, c.what, "ns"
		results = append(results, r.atMost(maxTrace))
	}
	return results, nil
}

// compareTraces has requests with and without a trace take turns, over one connection:
// a few of either, with, without, without, with, so that what else the machine does
// falls on both. The time that processors are at work for either is told too: all of it,
// of which the collector's falls on both, and the middle one of the turns' ratios, which
// minds less who else is at work.
func compareTraces(b *bench, issuer *verifytest.Issuer, route gateway.Route, functions gateway.Invoker, ring *explain.Ring, keeps *atomic.Bool) (r result, err error) {
	request := bearerRequests(issuer, 1)[0]
	calls, rounds := b.pick(25, 5), b.pick(600, 3)
	var sides [2]side
	var count [2]float64
	var work [2][]float64 // of each turn
	var asked atomic.Pointer[gateway.Gateway]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Load().ServeHTTP(w, r) }))
	defer server.Close()
	c, err := dial(server.Listener.Addr().String())
	if err != nil {
		return r, err
	}
	defer c.conn.Close()
	call := func() error { return c.do(request) }
	p50 := middle(calls, call)
	for i, decisions := range []*explain.Ring{ring, nil} {
		g, err := tracedGateway(issuer, route, functions, decisions)
		if err != nil {
			return r, err
		}
		defer g.Close()
		asked.Store(g)
		keeps.Store(decisions != nil)
		if count[i], err = allocations(b.pick(1100, 20), call); err != nil { // the ring is full then
			return r, err
		}
		sides[i] = func() (float64, error) {
			asked.Store(g)
			keeps.Store(decisions != nil)
			began := processorTime()
			defer func() { work[i] = append(work[i], float64(processorTime()-began)) }()
			return p50()
		}
	}
	if r, err = alternate(rounds, sides[0], sides[1]); err != nil {
		return r, err
	}
	r.Allocations = fmt.Sprintf("%.0f (without %.0f)", count[0], count[1])
	var sum [2]float64
	var ratios []float64
	for n := range work[1] {
		sum[0], sum[1] = sum[0]+work[0][n], sum[1]+work[1][n]
		if work[1][n] > 0 {
			ratios = append(ratios, work[0][n]/work[1][n])
		}
	}
	if sent := float64(calls * (rounds + 1)); sum[1] > 0 {
		r.Note = fmt.Sprintf("a request takes %s of a processor, client included and the function's process not; without %s; ratio %.3f, the median of the turns' %.3f",
			format(sum[0]/sent, "ns"), format(sum[1]/sent, "ns"), sum[0]/sum[1], median(ratios))
	}
	return r, nil
}
