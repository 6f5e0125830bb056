package gateway

import (
	"maps"
	"net/http"
	"strings"
)

// Cookies know no port (RFC 6265, section 8.5): a browser that is signed in at a
// server on localhost sends its cookies to the API too, which has another host on
// AWS. Nobody behind the gateway gets to see them.

// withoutForeign gives the request without the cookies that are foreign. The
// server's own request stays as it is.
func withoutForeign(r *http.Request, foreign func(string) bool) *http.Request {
	var kept []string
	stripped := false
	for _, line := range r.Header["Cookie"] {
		rest, changed := withoutPairs(line, foreign)
		if stripped = stripped || changed; !changed || rest != "" {
			kept = append(kept, rest)
		}
	}
	if !stripped {
		return r
	}
	r = r.WithContext(r.Context())
	if r.Header = maps.Clone(r.Header); kept == nil {
		delete(r.Header, "Cookie")
	} else {
		r.Header["Cookie"] = kept
	}
	return r
}

// withoutPairs gives a Cookie header without the pairs that are foreign, and
// leaves every other byte as it is.
func withoutPairs(line string, foreign func(string) bool) (rest string, changed bool) {
	var kept []string
	for pair := range strings.SplitSeq(line, ";") {
		name, _, _ := strings.Cut(pair, "=")
		if foreign(strings.Trim(name, " \t")) {
			changed = true
			continue
		}
		if changed && len(kept) == 0 {
			pair = strings.TrimLeft(pair, " \t") // it is the first now
		}
		kept = append(kept, pair)
	}
	if !changed {
		return line, false
	}
	return strings.Join(kept, ";"), true
}
