package gateway_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/gateway"
)

// TestForeignCookies: what is foreign reaches neither functions nor upstreams, of
// neither protocol; every other byte of the header does.
func TestForeignCookies(t *testing.T) {
	foreign := func(name string) bool { return name == "own" || name == "__Host-own" }
	up := newUpstream(t)
	http := base(gateway.Route{Key: "GET /up", Authorizer: gateway.None, URL: up.URL}, open("GET /f")[0])
	rest := baseREST(open("GET /f")...)
	http.Foreign, rest.Foreign = foreign, foreign
	forwarded, invoked, invokedREST := serve(t, http), serve(t, http), serve(t, rest)
	for sent, want := range map[string]string{
		"a=1; own=x; b=2":                    "a=1; b=2",
		"own=x; a=1":                         "a=1",
		"a=1; own=x":                         "a=1",
		"own=x":                              "",
		"__Host-own=x;own=y; own=z":          "",
		"a=1;own=x;b=2":                      "a=1;b=2",
		"a=1;  own =x;\tb=2;":                "a=1;\tb=2;",
		"own":                                "",
		`a="x, y" ; b==; ; own=1;=c`:         `a="x, y" ; b==; ;=c`,
		"Own=1; own2=2; xown=3; a=own; =own": "Own=1; own2=2; xown=3; a=own; =own",
		" a=1 ;; b ":                         "a=1 ;; b",
	} {
		a := forwarded.do(t, "GET", "/up", "Cookie: "+sent)
		if got := a.header["Echo-Cookie"]; a.status != 200 || strings.Join(got, "|") != want || len(got) > 0 && want == "" {
			t.Errorf("%q: the upstream got %q, want %q", sent, got, want)
		}
		invoked.do(t, "GET", "/f", "Cookie: "+sent)
		var pairs []string
		for pair := range strings.SplitSeq(want, ";") {
			if pair = strings.Trim(pair, " \t"); pair != "" {
				pairs = append(pairs, pair)
			}
		}
		if got := invoked.invoker.lastV2(t).Cookies; strings.Join(got, "|") != strings.Join(pairs, "|") {
			t.Errorf("%q: the function got %q, want %q", sent, got, pairs)
		}
		invokedREST.do(t, "GET", "/dev/f", "Cookie: "+sent)
		e := invokedREST.invoker.lastREST(t)
		if got, ok := e.Headers["Cookie"]; got != want || ok != (want != "") || len(e.MultiValueHeaders["Cookie"]) != len(got[:min(1, len(got))]) {
			t.Errorf("%q: the REST API's function got %q, want %q", sent, got, want)
		}
	}
	a := forwarded.do(t, "GET", "/up", "Cookie: own=1", "Cookie: b=2; own=3")
	if got := a.header["Echo-Cookie"]; strings.Join(got, "|") != "b=2" {
		t.Errorf("of two headers the upstream got %q", got)
	}
}
