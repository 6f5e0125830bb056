package explain_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
)

// BenchmarkAdd is what keeping a request costs beside making it.
func BenchmarkAdd(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(map[bool]string{false: "not kept", true: "kept"}[kept], func(b *testing.B) {
			ring := explain.NewRing(1000, 16<<20)
			g, err := gateway.New(gateway.Config{
				ID: "abcdefghij", DomainName: "localhost:3100", Invoker: &world{rest: true}, Trace: kept,
				Log: func(e gateway.Entry) {
					if kept {
						ring.AddEntry("Api", &e)
					}
				},
				Routes: []gateway.Route{{Key: "GET /open", Authorizer: gateway.None, Function: "f"}},
			})
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/open", nil)
			r.Header = http.Header{"User-Agent": {"bench"}, "Accept": {"*/*"}, "Authorization": {"Bearer eyJ0123456789012345678901234567890123456789"}}
			b.ReportAllocs()
			for b.Loop() {
				g.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
