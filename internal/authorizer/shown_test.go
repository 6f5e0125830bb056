package authorizer_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// TestShortQuote: what is quoted for people neither acts on a terminal nor has a token
// in it, however that was spelt.
func TestShortQuote(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
	for s, want := range map[string]string{
		"":                                  `""`,
		"a b":                               `"a b"`,
		"a\x1b[2J\u202eé":                   `"a\x1b[2J\u202e\u00e9"`,
		"eyJoy":                             `"eyJoy"`,
		strings.Repeat("a", 81):             `"` + strings.Repeat("a", 80) + `"...`,
		token:                               `"***"`,
		"/notes;t=" + token:                 `"***"`,
		strings.Repeat("a", 100) + token:    `"***"`,
		"%65yJ" + token[3:]:                 `"***"`,
		"Bearer%20%65%79%4A" + token[3:]:    `"***"`,
		"100%" + token:                      `"***"`,
		"100%25" + strings.ToLower("EYJHB"): `"100%25eyjhb"`,
	} {
		if got := authorizer.ShortQuote(s); got != want {
			t.Errorf("%q is shown as %s, want %s", s, got, want)
		}
	}
}
