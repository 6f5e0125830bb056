package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An upstream is the URL of a route, compiled.
//
// As in an HTTP API's integration URI, {name} in its path stands for the value
// of the route's variable {name} or {name+}, and the path is then exactly what
// it says:
//
//	ANY /pets/{proxy+}: {url: "http://localhost:8080/store/{proxy}"}   /pets/a/b -> /store/a/b
//	GET /pets:          {url: "http://localhost:8080/store"}           /pets     -> /store
//
// A URL of only a scheme and a host passes the request's path on, without the
// stage, which on AWS is the parameter mapping `overwrite:path: $request.path`.
// The query is passed on in each case. The client's own spelling of the path
// is kept, percent-encoding included.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
type upstream struct {
	text         string // as declared
	scheme, host string
	pieces       []piece // of the path; none: pass the path on
}

// A piece of an upstream's path is a literal, and the variable after it.
type piece struct {
	literal  string
	variable int // index in endpoint.variables, or -1
}

// compileUpstream checks the URL of a route.
func compileUpstream(text string, variables []variable) (*upstream, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading its url: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("url %q is not http://host or https://host", text)
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return nil, fmt.Errorf("url %q has more than a scheme, a host and a path", u.Redacted())
	}
	up := &upstream{text: text, scheme: u.Scheme, host: u.Host}
	path := u.Path
	if path == "" || path == "/" {
		return up, nil
	}
	for path != "" {
		literal, rest, open := strings.Cut(path, "{")
		p := piece{literal: (&url.URL{Path: literal}).EscapedPath(), variable: -1}
		if strings.ContainsRune(literal, '}') {
			return nil, fmt.Errorf("url %q has a } without a {", text)
		}
		if open {
			name, after, closed := strings.Cut(rest, "}")
			name = strings.TrimSuffix(name, "+")
			for i, v := range variables {
				if closed && v.name == name {
					p.variable = i
				}
			}
			if p.variable < 0 {
				return nil, fmt.Errorf("url %q has {%s}, which is no variable of the route's path", text, name)
			}
			rest = after
		}
		up.pieces = append(up.pieces, p)
		path = rest
	}
	return up, nil
}

// target gives the URL that a request is forwarded to.
func (x *exchange) target() *url.URL {
	up, stage := x.match.upstream, x.g.table.stage
	escaped := x.r.URL.EscapedPath()
	if stage != "" {
		// The first segment is the stage, in whatever spelling.
		if i := strings.IndexByte(escaped[1:], '/'); i >= 0 {
			escaped = escaped[1+i:]
		} else {
			escaped = "/"
		}
	}
	if len(up.pieces) > 0 {
		var b strings.Builder
		for _, p := range up.pieces {
			b.WriteString(p.literal)
			if p.variable >= 0 {
				b.WriteString(escapedValue(escaped, x.match.variables[p.variable]))
			}
		}
		escaped = b.String()
	}
	u := &url.URL{Scheme: up.scheme, Host: up.host, Path: escaped, RawQuery: x.r.URL.RawQuery}
	if strings.IndexByte(escaped, '%') >= 0 {
		if path, err := url.PathUnescape(escaped); err == nil {
			u.Path, u.RawPath = path, escaped
		}
	}
	return u
}

// escapedValue gives the value of a variable as the client spelled it.
func escapedValue(escaped string, v variable) string {
	rest := escaped[1:]
	for range v.at {
		_, rest, _ = strings.Cut(rest, "/")
	}
	if !v.greedy {
		rest, _, _ = strings.Cut(rest, "/")
	}
	return rest
}

// NewTransport gives the transport that forwards to upstreams. It passes
// encodings on as they are, and its owner ends its idle connections.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		DisableCompression:     true,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// forward passes the request on to the route's upstream, and its response back.
func (x *exchange) forward() {
	if x.r.ContentLength > maxBody {
		x.refuse(tooLarge, tooLargeReason("body", "10 MB", errBodyTooLarge))
		return
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), x.match.timeout)
	defer cancel()
	response, err := x.g.config.Transport.RoundTrip(x.outgoing(ctx))
	if err != nil {
		x.refuseForwarding(ctx, err)
		return
	}
	defer response.Body.Close()
	x.logged.upstream = response.StatusCode
	if response.StatusCode < minForwardedStatus || response.StatusCode > maxForwardedStatus {
		// Among them 101 Switching Protocols: an HTTP API has no tunnels.
		x.refuse(internalError, x.failedBehind(fmt.Sprintf("the status %d", response.StatusCode), "let the upstream answer with one of those", fmt.Errorf("the upstream answered with the status %d", response.StatusCode)))
		return
	}
	h := x.w.Header()
	listed := connectionNames(response.Header)
	for name, values := range response.Header {
		if !x.isOwnHeader(name) && !slices.Contains(listed, name) {
			h[name] = values
		}
	}
	if response.Header["Content-Type"] == nil {
		h["Content-Type"] = nil // keeps net/http from guessing one
	}
	if v := response.Header["Content-Length"]; len(v) == 1 {
		h["Content-Length"] = v // net/http has checked it
	}
	x.writeHead(response.StatusCode)
	if err := x.stream(response); err != nil {
		x.entry.Err = fmt.Errorf("sending the upstream's answer: %w", err)
		panic(http.ErrAbortHandler) // the client must see that it is cut off
	}
}

const (
	minForwardedStatus = 200
	maxForwardedStatus = 599
)

// stream copies the body of a response. Without a length it is passed on as it
// comes, which an HTTP API, that buffers, would not do: nobody can tell but by
// the clock.
func (x *exchange) stream(response *http.Response) error {
	if response.ContentLength >= 0 {
		n, err := io.Copy(x.w, response.Body)
		x.logged.sent += n
		return err
	}
	buffer := x.g.buffers.Get().(*[]byte)
	defer x.g.buffers.Put(buffer)
	flush := http.NewResponseController(x.w)
	for {
		n, err := response.Body.Read(*buffer)
		if n > 0 {
			sent, err := x.w.Write((*buffer)[:n])
			if x.logged.sent += int64(sent); err != nil {
				return err
			}
			flush.Flush() // a writer that cannot flush sends all at the end
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// outgoing gives the request to the upstream.
func (x *exchange) outgoing(ctx context.Context) *http.Request {
	r := x.r
	out := r.WithContext(ctx)
	out.URL, out.Host, out.RequestURI = x.target(), "", ""
	out.Proto, out.ProtoMajor, out.ProtoMinor = "HTTP/1.1", 1, 1
	out.Close, out.TransferEncoding, out.Trailer = false, nil, nil
	out.Body = nil
	if r.ContentLength != 0 && r.Body != nil {
		out.Body = &boundedBody{body: r.Body, left: maxBody}
	}
	out.Header = make(http.Header, len(r.Header)+3)
	listed := connectionNames(r.Header)
	for name, values := range r.Header {
		// "HTTP APIs translate incoming X-Forwarded-* headers into the standard
		// Forwarded header" (api-gateway-known-issues).
		if isHopByHop(name) || name == "Expect" || name == "Forwarded" ||
			strings.HasPrefix(name, "X-Forwarded-") || slices.Contains(listed, name) {
			continue
		}
		out.Header[name] = values
	}
	added := []string{forwarded(r, x.entry.SourceIP), ""}
	out.Header["Forwarded"] = added[:1:1]
	if r.Header["X-Amzn-Trace-Id"] == nil {
		added[1] = newTraceID(x.entry.Time)
		out.Header["X-Amzn-Trace-Id"] = added[1:]
	}
	if r.Header["User-Agent"] == nil {
		out.Header["User-Agent"] = nil // not Go's
	}
	return out
}

// refuseForwarding answers for an upstream that did not.
func (x *exchange) refuseForwarding(ctx context.Context, err error) {
	switch {
	case errors.Is(err, errBodyTooLarge):
		x.refuse(tooLarge, tooLargeReason("body", "10 MB", errBodyTooLarge))
	case x.r.Context().Err() != nil:
		x.refuse(serviceUnavailable, fmt.Errorf("the client went away: %w", err))
	case ctx.Err() != nil:
		x.refuse(serviceUnavailable, x.failedTimeout())
	default:
		x.refuse(serviceUnavailable, x.failedBehind("none", "see that the upstream is up: its address is the route's url", fmt.Errorf("forwarding to %s://%s: %w", x.match.upstream.scheme, x.match.upstream.host, err)))
	}
}

// A boundedBody is a request body that fails beyond a limit.
type boundedBody struct {
	body io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errBodyTooLarge
	}
	return n, err
}

func (b *boundedBody) Close() error { return b.body.Close() }

// connectionNames gives the headers that Connection names, which are for this
// connection only (RFC 9110, section 7.6.1).
func connectionNames(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "keep-alive") && !strings.EqualFold(name, "close") {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

// forwarded gives the Forwarded header (RFC 7239): an element for each address
// that X-Forwarded-For brought, then one for this gateway. A Forwarded of the
// client's own stays before them, unless its quotes are not closed, which would
// make what follows a part of it.
func forwarded(r *http.Request, peer string) string {
	b := make([]byte, 0, 96)
	for _, v := range r.Header["Forwarded"] {
		if strings.Count(v, `"`)%2 == 0 && !strings.Contains(v, `\`) {
			b = append(append(b, v...), ',')
		}
	}
	for _, v := range r.Header["X-Forwarded-For"] {
		for addr := range strings.SplitSeq(v, ",") {
			b = append(appendNode(append(b, "for="...), strings.Trim(addr, " \t")), ',')
		}
	}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		b = append(appendNode(append(b, "by="...), a.IP.String()), ';')
	}
	b = appendNode(append(b, "for="...), peer)
	b = append(b, `;host="`...)
	for i := 0; i < len(r.Host); i++ {
		if c := r.Host[i]; c > ' ' && c <= '~' && c != '"' && c != '\\' {
			b = append(b, c)
		}
	}
	b = append(append(b, `";proto=`...), scheme(r)...)
	return string(b)
}

// appendNode appends an address as a node identifier. What is not an address
// is "unknown": it must not become syntax.
func appendNode(b []byte, addr string) []byte {
	ip, err := netip.ParseAddr(addr)
	switch {
	case err != nil:
		return append(b, "unknown"...)
	case ip.Is4():
		return append(b, addr...)
	}
	b = append(b, `"[`...)
	b = ip.WithZone("").AppendTo(b)
	return append(b, `]"`...)
}
