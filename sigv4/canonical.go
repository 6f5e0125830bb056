package sigv4

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// PathRule says how the canonical request takes the path.
type PathRule int

const (
	// NormalizePath is the rule of every service but S3: empty and dot segments
	// are resolved, and what stands on the wire is encoded once more.
	NormalizePath PathRule = iota
	// KeepPath is S3's rule: all segments stay, because they are part of an
	// object's name, and the name is encoded once, however the wire spells it.
	KeepPath
)

// canonicalRequest gives the canonical request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
// step 1). A signed header that the request lacks has no line in it, not even an
// empty one, so that no signature over such a line matches.
//
// A presigned query's own signature is no part of what it signs.
func canonicalRequest(r *http.Request, form Form, signed []string, payloadHash string, rule PathRule) (string, error) {
	path, query := target(r)
	if len(path)+len(query) > maxCanonical {
		return "", tooLarge("request target")
	}
	canonicalPath, err := rule.canonical(path)
	if err != nil {
		return "", err
	}
	canonicalQuery, err := canonicalQuery(query, form == QueryForm)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(method(r))
	b.WriteByte('\n')
	b.WriteString(canonicalPath)
	b.WriteByte('\n')
	b.WriteString(canonicalQuery)
	b.WriteByte('\n')
	before := b.Len()
	for _, name := range signed {
		values := headerValues(r, name)
		if len(values) == 0 {
			continue
		}
		b.WriteString(name)
		for i, value := range values {
			b.WriteByte(":,"[min(i, 1)])
			writeTrimmed(&b, value)
		}
		b.WriteByte('\n')
		if b.Len()-before > maxCanonical {
			return "", tooLarge("signed headers")
		}
	}
	b.WriteByte('\n')
	for i, name := range signed {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name)
	}
	b.WriteByte('\n')
	b.WriteString(payloadHash)
	return b.String(), nil
}

func tooLarge(what string) error {
	return &Error{Reason: TooLarge, Message: fmt.Sprintf("The %s is longer than %d bytes.", what, maxCanonical)}
}

func method(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// target gives the path and the query as they stand on the wire. A server has
// them in RequestURI, untouched by parsing and by handlers that strip prefixes.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		uri = r.URL.RequestURI()
		if rest, ok := strings.CutPrefix(r.URL.Opaque, "//"); ok { // the authority is not part of the path
			_, path, _ := strings.Cut(rest, "/")
			_, query, asked := strings.Cut(uri, "?")
			if uri = "/" + path; asked {
				uri += "?" + query
			}
		}
	}
	path, query, _ = strings.Cut(uri, "?")
	return path, query
}

// headerValues gives a header's values. Go's server keeps Host, and what it has
// made of Content-Length, outside the header map.
func headerValues(r *http.Request, name string) []string {
	switch name {
	case "host":
		if r.Host == "" && r.URL.Host != "" {
			return []string{r.URL.Host}
		}
		return []string{r.Host}
	case "content-length":
		if r.ContentLength < 0 {
			return nil
		}
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	return r.Header.Values(name)
}

// writeTrimmed writes a header's value without the space around it and with
// one space for each run of it inside, inside quotes too.
func writeTrimmed(b *strings.Builder, value string) {
	space, begun := false, false
	for i := range len(value) {
		switch c := value[i]; c {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			space = true
		default:
			if space && begun {
				b.WriteByte(' ')
			}
			space, begun = false, true
			b.WriteByte(c)
		}
	}
}

// canonical gives the canonical form of a path.
func (rule PathRule) canonical(path string) (string, error) {
	if rule == KeepPath {
		decoded, err := decode(path)
		if err != nil {
			return "", err
		}
		return encode(cmp.Or(decoded, "/"), true), nil
	}
	return encode(normalize(path), true), nil
}

// normalize resolves empty and dot segments. Segments are compared as they
// stand, so an escaped dot is none. As AWS's own signers have it, a final dot
// segment leaves no slash: /a/b/.. is /a.
func normalize(path string) string {
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	normal := "/" + strings.Join(kept, "/")
	if strings.HasSuffix(path, "/") && len(kept) > 0 {
		normal += "/"
	}
	return normal
}

// canonicalQuery gives the canonical form of a query: each name and value
// decoded and encoded again, sorted by name, then value. A plus sign is a plus
// sign: only forms read it as a space.
func canonicalQuery(query string, unsigned bool) (string, error) {
	all, err := parseQuery(query)
	if err != nil || len(all) == 0 {
		return "", err
	}
	if unsigned {
		all = slices.DeleteFunc(all, func(p parameter) bool { return p.name == querySignature })
	}
	for i, p := range all {
		all[i] = parameter{encode(p.name, false), encode(p.value, false)}
	}
	slices.SortFunc(all, func(a, b parameter) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range all {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String(), nil
}

// parameter is a parameter of the query, decoded.
type parameter struct{ name, value string }

func parseQuery(query string) ([]parameter, error) {
	var all []parameter
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := decode(name)
		if err != nil {
			return nil, err
		}
		if value, err = decode(value); err != nil {
			return nil, err
		}
		all = append(all, parameter{name, value})
	}
	return all, nil
}

const upperHex = "0123456789ABCDEF"

// encode percent-encodes every byte that is not unreserved (RFC 3986, section
// 2.3), with the slash kept in a path.
func encode(s string, path bool) string {
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || path && c == '/'
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&0xf]})
		}
	}
	return b.String()
}

// decode resolves percent escapes and nothing else.
func decode(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", malformed("Illegal hex character in escape %% pattern: %s", s[i:])
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", malformed("Illegal hex character in escape %% pattern: %s", s[i:i+3])
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}
