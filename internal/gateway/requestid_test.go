package gateway_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/gateway"
)

// TestRequestIDsAreNoFlags holds that an id may follow any command as it is: none begins
// with a hyphen. One in 64 would, were all letters as likely.
func TestRequestIDsAreNoFlags(t *testing.T) {
	route := open("GET /open")
	for kind, c := range map[string]gateway.Config{"HTTP": base(route...), "REST": baseREST(route...)} {
		c.Invoker = &invoker{}
		g, err := gateway.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for range 600 {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest("GET", "/nowhere", nil))
			for _, name := range []string{"Apigw-Requestid", "X-Amzn-Requestid", "X-Amz-Apigw-Id"} {
				if id := w.Header().Get(name); strings.HasPrefix(id, "-") || strings.HasPrefix(id, "_") {
					t.Fatalf("%s of the %s API is %s", name, kind, id)
				}
			}
		}
	}
}
