package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

const contentTypeJSON = "application/json"

// refuse answers with one of the gateway's own answers. The cause is logged
// and never sent.
func (x *exchange) refuse(a refusal, cause error) { x.refuseWith(a, cause, contentTypeJSON, "") }

func (x *exchange) refuseWith(a refusal, cause error, contentType, challenge string) {
	x.entry.Err, x.entry.Refusal = cause, reasonOf(cause)
	x.logged.own, x.logged.failure = true, ownAnswer(a)
	h := x.w.Header()
	if contentType == "" {
		h["Content-Type"] = nil // keeps net/http from guessing one
	} else {
		h["Content-Type"] = []string{contentType}
	}
	if challenge != "" {
		h["Www-Authenticate"] = []string{challenge}
	}
	body := a.body()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.writeHead(int(a))
	if x.r.Method != http.MethodHead {
		x.written(io.WriteString(x.w, body))
	}
}

// answerPreflight answers a preflight by the gateway itself: 204, as is widely
// reported; no record of the exact answer was found.
func (x *exchange) answerPreflight() {
	x.entry.Allowed, x.entry.Refusal = true, x.preflightReason(x.g.cors, x.g.config.CORS)
	h := x.w.Header()
	x.g.cors.preflight(h, x.r)
	h["Content-Type"] = nil // keeps net/http from guessing one
	x.answered, x.entry.Status = true, http.StatusNoContent
	h["Apigw-Requestid"] = []string{x.entry.RequestID}
	x.w.WriteHeader(http.StatusNoContent)
}

// writeHead adds what is on every answer and writes the header.
func (x *exchange) writeHead(status int) {
	h := x.w.Header()
	x.g.cors.mark(h, x.r)
	h["Apigw-Requestid"] = []string{x.entry.RequestID}
	x.answered, x.entry.Status = true, status
	x.w.WriteHeader(status)
}

// written notes an error of writing a body: the client is gone.
func (x *exchange) written(n int, err error) {
	x.logged.sent += int64(n)
	if err != nil && x.entry.Err == nil {
		x.entry.Err = fmt.Errorf("sending the answer: %w", err)
	}
}

// reply answers with a function's reply.
func (x *exchange) reply(reply apigw.Reply) {
	if err := checkHeaders(reply); err != nil {
		x.refuse(internalError, x.failedReply(err))
		return
	}
	h := x.w.Header()
	if len(reply.Cookies) > 0 {
		h["Set-Cookie"] = reply.Cookies
	}
	for _, p := range reply.Headers {
		// An HTTP API rewrites names so: MyHeader becomes Myheader. Observed.
		if name := textproto.CanonicalMIMEHeaderKey(p.Name); !x.isOwnHeader(name) {
			h[name] = append(h[name], p.Value)
		}
	}
	hasBody := reply.StatusCode != http.StatusNoContent && reply.StatusCode != http.StatusNotModified
	if hasBody {
		h["Content-Length"] = []string{strconv.Itoa(len(reply.Body))}
	}
	x.writeHead(reply.StatusCode)
	if hasBody && x.r.Method != http.MethodHead {
		x.written(x.w.Write(reply.Body))
	}
}

// checkHeaders refuses what would break the framing of the answer, or put a
// second answer into it. What AWS does with such a reply is not documented:
// strict reading.
func checkHeaders(reply apigw.Reply) error {
	for _, p := range reply.Headers {
		if !validName(p.Name) {
			return fmt.Errorf("the reply's header name %.100q is not valid", p.Name)
		}
		if !validValue(p.Value) {
			return fmt.Errorf("the value of the reply's header %.100q is not valid", p.Name)
		}
	}
	for _, c := range reply.Cookies {
		if !validValue(c) {
			return fmt.Errorf("the reply has a cookie that is not a valid header value")
		}
	}
	return nil
}

// isOwnHeader says whether the gateway writes the header by itself, or must
// not pass it on: hop-by-hop fields (RFC 9110, section 7.6.1), framing, the
// request id, and CORS headers where CORS is configured. The name is canonical.
func (x *exchange) isOwnHeader(name string) bool {
	switch name {
	case "Content-Length", "Date", "Apigw-Requestid":
		return true
	}
	return isHopByHop(name) || x.g.cors != nil && isCORSHeader(name)
}

// isHopByHop says whether a header, canonically named, is for one connection.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// tokenBytes are the bytes of a header name beside letters and digits
// (RFC 9110, section 5.6.2).
const tokenBytes = "!#$%&'*+-.^_`|~"

func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(tokenBytes, c) >= 0) {
			return false
		}
	}
	return s != ""
}

// validValue accepts visible text, spaces, tabs and bytes above ASCII
// (RFC 9110, section 5.5).
func validValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
