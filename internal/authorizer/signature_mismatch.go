package authorizer

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/sigv4"
)

// A signature does not say what was signed. Who knows the secret can find it out, if
// it was nearly this request: by comparing it with that of what is usually signed in
// its place.

// A slip is one part of a canonical request as it may have been signed in the place
// of what was sent.
type slip struct {
	part         string // of the request, such as "method"
	signed, sent string // for people: what the signature is of
	advice       string
	at           int // the line of the canonical request that differs
	line         string
}

// The bounds of the search: of what is hashed each time, and how often.
const (
	maxSlipped = 8 << 10
	maxSlips   = 64
)

// slipOf finds the one part in which what was signed differs from what was sent; nil
// if it is none of the usual ones, or if the secret is another.
func slipOf(r *http.Request, e *sigv4.Error, shown func(string) string) *slip {
	lines := strings.Split(e.CanonicalRequest, "\n")
	if len(lines) < 6 || len(e.CanonicalRequest) > maxSlipped {
		return nil
	}
	for i, s := range slipsOf(r, lines, shown) {
		if i == maxSlips {
			break
		}
		other := slices.Clone(lines)
		other[s.at] = s.line
		if e.Signed(strings.Join(other, "\n")) {
			return &s
		}
	}
	return nil
}

// slipsOf gives what is usually signed in the place of a request.
func slipsOf(r *http.Request, lines []string, shown func(string) string) (list []slip) {
	last := len(lines) - 1
	empty := sha256.Sum256(nil)
	hash := func(line, signed, advice string) {
		if line != lines[last] {
			list = append(list, slip{part: "body", signed: signed, sent: "another body", advice: advice, at: last, line: line})
		}
	}
	hash(hex.EncodeToString(empty[:]), "no body", "sign the body that is sent")
	hash("UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD", "sign the body's hash: UNSIGNED-PAYLOAD is for S3")
	if said := r.Header.Get("X-Amz-Content-Sha256"); len(said) == 64 {
		hash(said, "the body whose hash X-Amz-Content-Sha256 is", "send the body that was signed")
	}
	path := func(line, advice string) {
		if line != lines[1] && line != "" {
			list = append(list, slip{part: "path", signed: ShortQuote(shown(line)), sent: ShortQuote(shown(lines[1])), advice: advice, at: 1, line: line})
		}
	}
	if _, behind, ok := strings.Cut(strings.TrimPrefix(lines[1], "/"), "/"); ok {
		path("/"+behind, "sign the path as it is sent, with its stage")
	} else {
		path("/", "sign the path as it is sent, with its stage")
	}
	path(r.URL.EscapedPath(), "encode the path's segments once more before they are signed, as all services but S3 want")
	path(r.URL.Path, "encode the path's segments before they are signed")
	path(lines[1]+"/", "sign the path as it is sent: a slash at the end counts")
	path(strings.TrimSuffix(lines[1], "/"), "sign the path as it is sent: a slash at the end counts")
	list = append(list, querySlips(r, lines[2])...)
	for i := 3; i < last; i++ {
		if sent, ok := strings.CutPrefix(lines[i], "host:"); ok {
			list = append(list, hostSlips(sent, i)...)
		}
	}
	for _, m := range [...]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"} {
		if m != lines[0] {
			list = append(list, slip{part: "method", signed: m, sent: ShortQuote(lines[0]), advice: "send what was signed: " + m, at: 0, line: m})
		}
	}
	return list
}

// querySlips leave one or all of the parameters out, or sign them as they were sent.
func querySlips(r *http.Request, canonical string) (list []slip) {
	if canonical == "" {
		return nil
	}
	query := func(line, signed, advice string) {
		list = append(list, slip{part: "query", signed: signed, sent: "more", advice: advice, at: 2, line: line})
	}
	pairs := strings.Split(canonical, "&")
	var own []string
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "X-Amz-") {
			own = append(own, pair)
		} else if i < 16 {
			query(strings.Join(slices.Delete(slices.Clone(pairs), i, i+1), "&"), "the query without "+ShortQuote(name), "the parameter "+ShortQuote(name)+" was added to what was signed: sign it too")
		}
	}
	if len(own) < len(pairs) {
		query(strings.Join(own, "&"), "no query", "sign the query too")
	}
	if r.URL.RawQuery != canonical {
		query(r.URL.RawQuery, "the query as it was sent", "sort the parameters, and encode all but letters, digits and -._~, before they are signed")
		list[len(list)-1].sent = "the query as it has to be signed"
	}
	return list
}

// hostSlips are other names of this machine, and the name without the port.
func hostSlips(sent string, at int) (list []slip) {
	name, port, err := net.SplitHostPort(sent)
	if err != nil {
		name, port = sent, ""
	}
	for _, n := range [...]string{"localhost", "127.0.0.1", name} {
		for _, host := range [...]string{n, net.JoinHostPort(n, port)} {
			if host != sent && !strings.HasSuffix(host, ":") {
				list = append(list, slip{part: "Host header", signed: ShortQuote(host), sent: ShortQuote(sent), advice: "sign for the host that the request is sent to, with its port", at: at, line: "host:" + host})
			}
		}
	}
	return list
}
