package bucket

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// address says what a request is about.
type address struct {
	bucket, key string
	query       query
}

// HostSuffix ends the host of a request whose bucket is in the host:
// BUCKET.localhost.
const HostSuffix = ".localhost"

// BucketOf gives the bucket that a request names, in the host or in the path:
// "" for none.
func BucketOf(r *http.Request) string {
	a, err := addressOf(r)
	if err != nil {
		return ""
	}
	return a.bucket
}

// maxKey is S3's limit of a key in bytes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
const maxKey = 1024

// addressOf reads bucket, key and query as they stand on the wire: a key may
// hold empty and dot segments, which are nothing but text.
func addressOf(r *http.Request) (address, error) {
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		uri = r.URL.RequestURI()
	}
	path, rawQuery, _ := strings.Cut(uri, "?")
	var a address
	name, virtual := cutSuffixFold(hostOnly(r.Host), HostSuffix)
	rest := strings.TrimPrefix(path, "/")
	if virtual {
		a.bucket = strings.ToLower(name)
	} else {
		var err error
		var raw string
		raw, rest, _ = strings.Cut(rest, "/")
		if a.bucket, err = unescape(raw); err != nil {
			return address{}, err
		}
	}
	var err error
	if a.key, err = unescape(rest); err != nil {
		return address{}, err
	}
	if !utf8.ValidString(a.key) || !utf8.ValidString(a.bucket) {
		return address{}, invalidURI(path)
	}
	if a.query, err = parseQuery(rawQuery); err != nil {
		return address{}, err
	}
	return a, nil
}

// hostOnly takes the port off a host.
func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

func cutSuffixFold(s, suffix string) (string, bool) {
	at := len(s) - len(suffix)
	if at <= 0 || !strings.EqualFold(s[at:], suffix) {
		return s, false
	}
	return s[:at], true
}

func checkKey(key string) error {
	if len(key) > maxKey {
		return refuse(codeKeyTooLong, "Your key is too long", "Size", strconv.Itoa(len(key)), "MaxSizeAllowed", strconv.Itoa(maxKey))
	}
	return nil
}

func invalidURI(uri string) error {
	return refuse(codeInvalidURI, "Couldn't parse the specified URI.", "URI", uri)
}

// unescape resolves percent escapes and nothing else: a plus sign is one, here
// as in the canonical request.
func unescape(s string) (string, error) {
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
			return "", invalidURI(s)
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", invalidURI(s)
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// query is a request's parameters.
type query map[string][]string

// maxParameters bounds a query: no operation has as many.
const maxParameters = 64

func parseQuery(raw string) (query, error) {
	q := query{}
	if raw == "" {
		return q, nil
	}
	n := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParameters {
			return nil, invalidURI("?" + raw[:min(len(raw), 100)])
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, invalidURI("?" + raw[:min(len(raw), 100)])
		}
		q[name] = append(q[name], value)
	}
	return q, nil
}

func (q query) has(name string) bool { return len(q[name]) > 0 }

// get gives the first value.
func (q query) get(name string) string {
	if values := q[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// number reads a parameter that is a number from low to high, absent if it is
// not there.
func (q query) number(name string, low, high, absent int) (int, error) {
	if !q.has(name) || q.get(name) == "" && name != "partNumber" {
		return absent, nil
	}
	n, err := strconv.Atoi(q.get(name))
	if err != nil {
		return 0, invalidArgument("Provided "+name+" not an integer or within integer range", name, q.get(name))
	}
	if n < low || n > high {
		word := name
		if name == "max-keys" {
			word = "maxKeys"
		}
		return 0, invalidArgument("Argument "+word+" must be an integer between "+strconv.Itoa(low)+" and "+strconv.Itoa(high), name, q.get(name))
	}
	return n, nil
}
