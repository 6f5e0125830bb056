package authorizer

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// A source is where a request carries its token: a header, whose name has no
// case, or a query parameter, whose name has. One of the two is set.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
type source struct {
	header string // canonical
	query  string
}

func parseSource(text string) (source, error) {
	const headerPrefix, queryPrefix = "$request.header.", "$request.querystring."
	if name, ok := strings.CutPrefix(text, headerPrefix); ok && isName(name) {
		return source{header: textproto.CanonicalMIMEHeaderKey(name)}, nil
	}
	if name, ok := strings.CutPrefix(text, queryPrefix); ok && isName(name) {
		return source{query: name}, nil
	}
	return source{}, fmt.Errorf("identity source %q is neither %sNAME nor %sNAME", text, headerPrefix, queryPrefix)
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != ""
}

// read gives the value, and how many there are. More than one is for the
// caller to refuse: which of them would count is not documented, and whoever
// reads the request after us might take another.
func (s source) read(r *http.Request) (value string, count int) {
	if s.header == "Host" { // net/http keeps it apart
		return r.Host, 1
	}
	if s.header != "" {
		values := r.Header[s.header]
		if len(values) == 0 {
			return "", 0
		}
		return values[0], len(values)
	}
	for query := r.URL.RawQuery; query != ""; {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, v, _ := strings.Cut(pair, "=")
		if name != s.query {
			if d, err := url.QueryUnescape(name); err != nil || d != s.query {
				continue
			}
		}
		count++
		if d, err := url.QueryUnescape(v); err == nil {
			v = d
		}
		if count == 1 {
			value = v
		}
	}
	return value, count
}

func (s source) String() string {
	if s.header != "" {
		return s.header + " header"
	}
	return "query parameter " + s.query
}

func (s source) example() string {
	if s.header != "" {
		return s.header + ": Bearer TOKEN"
	}
	return "?" + s.query + "=TOKEN"
}

// secretHeaders gives the header that holds a token, but for those that everybody sends.
func (s source) secretHeaders() []string {
	switch s.header {
	case "", "Host", "Accept", "Origin", "Referer", "User-Agent", "Content-Type":
		return nil
	}
	return []string{s.header}
}
