package authorizer

import (
	"fmt"
	"net/url"
	"strings"
)

// ShortQuote makes a text of the request harmless for a terminal, and short. One in
// which a token may be is not shown.
func ShortQuote(s string) string {
	const most = 80
	if HoldsToken(s) {
		return `"***"`
	}
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}

// shorten bounds a text that a part of the request may be in.
func shorten(s string) string {
	const most = 240
	if HoldsToken(s) {
		before, _, _ := strings.Cut(s, tokenStart)
		if HoldsToken(before) || before == s {
			before = ""
		}
		s = before + "***"
	}
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// tokenStart is what every JWT begins with: the base64url text of `{"`.
const tokenStart = "eyJ"

// HoldsToken says whether there is in s, percent-encoded or not, what every JWT begins
// with. It looks in the middle too: a server that parts parameters by semicolons, or a
// header pasted into a query, has the token there.
func HoldsToken(s string) bool {
	if strings.IndexByte(s, '%') >= 0 {
		if decoded, err := url.PathUnescape(s); err == nil {
			s = decoded
		}
	}
	i := strings.Index(s, tokenStart)
	return i >= 0 && len(s)-i > 20
}
