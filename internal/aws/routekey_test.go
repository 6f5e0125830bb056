package aws_test

import (
	"testing"

	"github.com/doorwright/doorwright/internal/aws"
)

func TestVariablesConflict(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"GET /a/{id}", "GET /a/{name}", true},
		{"GET /a/{id}/b", "PUT /a/{name}", true},
		{"GET /a/{id}/b/{x}", "GET /a/{id}/b/{y}/c", true},
		{"GET /a/{id}", "PUT /a/{id}", false},
		{"GET /a/{id}", "GET /b/{name}", false},
		{"GET /a/{id}", "GET /a/b", false},
		{"GET /a/{id}/b/{x}", "GET /a/{id}/c/{y}", false},
		{"GET /a/{id}", "GET /a/{rest+}", false},
		{"GET /a/{id}", "$default", false},
		{"$default", "$default", false},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got := aws.VariablesConflict(pair[0], pair[1]); got != c.want {
				t.Errorf("%q and %q: %t", pair[0], pair[1], got)
			}
		}
	}
}
