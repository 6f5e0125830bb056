package gateway

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// An Entry is what is told of one request. It holds no token, signature or
// code, and nothing in it can move a terminal's cursor.
type Entry struct {
	Time      time.Time
	RequestID string
	SourceIP  string
	Method    string
	// Path is the path as it was sent, with its query; what may be a secret is
	// left out of both.
	Path     string
	RouteKey string // empty if no route matched
	Status   int
	Duration time.Duration
	// Authorizer is the name of the route's authorizer, or None.
	Authorizer string
	// Allowed and Reasons are the authorizer's decision.
	Allowed bool
	Reasons []authorizer.Reason
	// Function and URL are the route's target. One of them is set if a route
	// matched.
	Function, URL string
	// Refusal is why the gateway itself has refused, before the authorizer was asked
	// or after it has let the request in; nil if it has not. Its text is Err's. Of a
	// preflight that was answered, it is why a browser goes no further.
	Refusal *authorizer.Reason
	// Err is the cause of an error that the gateway answered by itself, or of
	// an answer that could not be finished.
	Err error
	// Stack is set if the request ended in a panic.
	Stack string
	// Trace is how the request was decided; nil unless Config.Trace or Config.AccessLog. It
	// is Log's until Log returns.
	Trace *Trace
}

// String gives the request's line for the terminal, such as
//
//	401 GET /private  jwt: token expired 3m ago (exp 14:02:11)
//
// A request to an open route has no reason to show; one that failed shows its
// cause.
func (e Entry) String() string {
	b := make([]byte, 0, 128)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	b = append(b, e.Method...)
	b = append(b, ' ')
	b = append(b, e.Path...)
	gap := "  "
	for _, r := range e.Reasons {
		b = append(b, gap...)
		b = append(b, e.Authorizer...)
		b = append(b, ": "...)
		b = appendPrintable(b, r.Text)
		gap = "; "
	}
	if e.Err != nil {
		b = append(b, gap...)
		b = appendPrintable(b, e.Err.Error())
	} else if e.Refusal != nil { // a preflight that was answered
		b = append(b, gap...)
		b = appendPrintable(b, e.Refusal.Text)
	}
	return string(b)
}

// Hint gives the smallest change that would have let a refused request in, or
// the empty string.
func (e Entry) Hint() string {
	if e.Refusal != nil && e.Refusal.Hint != "" {
		return e.Refusal.Hint
	}
	if !e.Allowed {
		for _, r := range e.Reasons {
			if r.Hint != "" {
				return r.Hint
			}
		}
	}
	return ""
}

// maxLoggedPath bounds the path of an Entry.
const maxLoggedPath = 512

// redacted stands for what is left out of an Entry.
const redacted = "***"

// loggedPath gives the path and the query of a request for an Entry.
func (x *exchange) loggedPath() string {
	u, secretNames := x.r.URL, x.g.secretQuery
	path := RedactedPath(x.withoutSegments(u.EscapedPath(), redacted)) // ASCII without control characters, whatever was sent
	if u.RawQuery == "" && len(path) <= maxLoggedPath {
		return path
	}
	b := append(make([]byte, 0, maxLoggedPath+8), path[:min(len(path), maxLoggedPath)]...)
	for i, rest := 0, u.RawQuery; rest != "" && len(b) < maxLoggedPath; i++ {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if i == 0 {
			b = append(b, '?')
		} else {
			b = append(b, '&')
		}
		name, value, found := strings.Cut(pair, "=")
		if authorizer.HoldsToken(name) {
			name = redacted
		}
		b = appendPrintable(b, name)
		if found {
			b = append(b, '=')
			if authorizer.HoldsToken(value) || secretParameter(name, secretNames) {
				value = redacted
			}
			b = appendPrintable(b, value)
		}
	}
	if len(b) > maxLoggedPath {
		b = append(b[:maxLoggedPath], "..."...)
	}
	return string(b)
}

// loggedMethod bounds a method, which may be any word that a client makes up.
func loggedMethod(method string) string {
	const most = 32 // the longest registered one has 17 letters
	if len(method) <= most {
		return method
	}
	return method[:most] + "..."
}

// RedactedPath gives a path without the segments that have tokens in them.
func RedactedPath(path string) string {
	if !strings.Contains(path, "eyJ") && strings.IndexByte(path, '%') < 0 {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if authorizer.HoldsToken(s) {
			segments[i] = redacted
		}
	}
	return strings.Join(segments, "/")
}

// secretWords are what the names of parameters with secret values have in
// them: tokens, signatures (X-Amz-Signature, X-Amz-Credential), OAuth's codes
// and states, passwords and keys.
var secretWords = [...]string{
	"token", "sig", "code", "secret", "passw", "pwd", "key", "credential", "auth", "jwt", "session", "assertion", "state", "nonce", "otp",
}

func secretParameter(name string, secretNames []string) bool {
	if n, err := url.QueryUnescape(name); err == nil {
		name = n
	}
	for _, n := range secretNames {
		if name == n {
			return true
		}
	}
	name = strings.ToLower(name)
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// appendPrintable appends s with everything but printable ASCII escaped as
// Go does, so that no text from outside can act on a terminal.
func appendPrintable(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			plain = false
			break
		}
	}
	if plain {
		return append(b, s...)
	}
	for _, r := range s {
		switch {
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		case strconv.IsPrint(r) && r != '\u200b':
			b = append(b, string(r)...)
		default:
			q := strconv.AppendQuoteRuneToASCII(nil, r)
			b = append(b, q[1:len(q)-1]...)
		}
	}
	return b
}

// sourceIP gives the address of the TCP peer.
func sourceIP(r *http.Request) string {
	addr := r.RemoteAddr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[:i]
	}
	addr = strings.Trim(addr, "[]")
	addr, _, _ = strings.Cut(addr, "%") // the zone of a link-local address
	return addr
}
