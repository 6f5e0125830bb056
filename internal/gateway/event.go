package gateway

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// eventScratch is memory that events are put together in.
type eventScratch struct {
	headers   []apigw.List
	flat      []apigw.Pair
	query     []apigw.Pair
	variables []apigw.Pair
	claims    []apigw.Pair
	cookies   []string
	added     [5]string // values of the headers that the gateway adds
	trace     string    // the trace id, the same in all events of a request
	jwt       apigw.JWT
}

func (s *eventScratch) reset() {
	clear(s.headers[:cap(s.headers)])
	clear(s.flat[:cap(s.flat)])
	clear(s.query[:cap(s.query)])
	clear(s.variables[:cap(s.variables)])
	clear(s.claims[:cap(s.claims)])
	clear(s.cookies[:cap(s.cookies)])
	*s = eventScratch{
		headers: s.headers[:0], flat: s.flat[:0], query: s.query[:0],
		variables: s.variables[:0], claims: s.claims[:0], cookies: s.cookies[:0],
	}
}

// buildEvent gives the event of the route's payload format. Its memory is the
// event's own: an invocation may outlive the request.
func (x *exchange) buildEvent(d authorizer.Decision, body []byte) []byte {
	s := &x.event
	x.gather(int64(len(body)))
	var jwt *apigw.JWT
	if x.match.authorizer != nil && d.Caller == nil && d.Signer == nil {
		s.claims = d.EventClaims(s.claims[:0])
		s.jwt = apigw.JWT{Claims: s.claims, Scopes: d.Scopes}
		jwt = &s.jwt
	}
	base64 := !isText(x.r.Header.Get("Content-Type"), body)
	if x.match.payloadV1 {
		e := x.eventV1()
		e.RequestContext.Authorizer, e.RequestContext.Lambda, e.RequestContext.Signer = jwt, d.Caller, d.Signer
		e.Body, e.IsBase64Encoded = body, base64
		return e.AppendJSON(nil)
	}
	e := x.eventV2()
	e.RequestContext.Authorizer, e.RequestContext.Lambda, e.RequestContext.Signer = jwt, d.Caller, d.Signer
	e.Body, e.IsBase64Encoded = body, base64
	return e.AppendJSON(nil)
}

// gather puts together what events of both formats have. A body of unknown
// length is less than 0.
func (x *exchange) gather(bodyLen int64) {
	s := &x.event
	s.variables = x.g.table.variables(s.variables[:0], x.match.endpoint, x.match.segments)
	s.query = appendQuery(s.query[:0], x.r.URL.RawQuery)
	s.headers = x.appendHeaders(s.headers[:0], bodyLen)
}

// eventV2 gives an event without a body and without what an authorizer says.
func (x *exchange) eventV2() apigw.EventV2 {
	s, r, c := &x.event, x.r, &x.g.config
	s.flat = s.flat[:0]
	for _, h := range s.headers {
		if h.Name == "Cookie" {
			s.cookies = appendCookies(s.cookies[:0], h.Values)
			continue
		}
		s.flat = append(s.flat, apigw.Pair{Name: h.Name, Value: joinValues(h.Values)})
	}
	path := decodedPath(r)
	return apigw.EventV2{
		RouteKey:              x.match.key,
		RawPath:               path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               s.cookies,
		Headers:               s.flat,
		QueryStringParameters: joinRepeats(s.query),
		PathParameters:        s.variables,
		StageVariables:        x.g.stageVariables,
		RequestContext: apigw.ContextV2{
			AccountID: c.AccountID, APIID: c.ID,
			DomainName: c.DomainName, DomainPrefix: x.g.domainPrefix,
			Method: r.Method, Path: path, Protocol: r.Proto,
			SourceIP: x.entry.SourceIP, UserAgent: r.UserAgent(),
			RequestID: x.entry.RequestID, Stage: c.Stage,
			Time: x.entry.Time,
		},
	}
}

// eventV1 is eventV2 in the other format.
func (x *exchange) eventV1() apigw.EventV1 {
	s, r, c := &x.event, x.r, &x.g.config
	resource := x.match.resource
	if resource == "" {
		resource = x.match.key // $default
	}
	s.flat = s.flat[:0]
	for _, h := range s.headers {
		s.flat = append(s.flat, apigw.Pair{Name: h.Name, Value: h.Values[len(h.Values)-1]})
	}
	single, multi := groupRepeats(s.query)
	return apigw.EventV1{
		Resource:                        resource,
		Path:                            r.URL.EscapedPath(),
		HTTPMethod:                      r.Method,
		Headers:                         s.flat,
		MultiValueHeaders:               s.headers,
		QueryStringParameters:           single,
		MultiValueQueryStringParameters: multi,
		PathParameters:                  s.variables,
		StageVariables:                  x.g.stageVariables,
		RequestContext: apigw.ContextV1{
			AccountID: c.AccountID, APIID: c.ID,
			DomainName: c.DomainName, DomainPrefix: x.g.domainPrefix,
			HTTPMethod: r.Method,
			SourceIP:   x.entry.SourceIP, UserAgent: r.UserAgent(),
			Path: decodedPath(r), Protocol: r.Proto,
			RequestID: x.entry.RequestID, ResourceID: x.match.key, Stage: c.Stage,
			Time: x.entry.Time,
		},
	}
}

// decodedPath gives rawPath, which is decoded in spite of its name, and cut at
// a decoded question mark. Both were reported of the real service.
func decodedPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.URL.Path, "?")
	return path
}

// appendHeaders gives the headers of an event, by their canonical names and
// sorted: the client's, and those that the gateway adds.
func (x *exchange) appendHeaders(to []apigw.List, bodyLen int64) []apigw.List {
	r, added := x.r, x.event.added[:0]
	add := func(name, value string) {
		added = append(added, value)
		to = append(to, apigw.List{Name: name, Values: added[len(added)-1:]})
	}
	for name, values := range r.Header {
		switch name {
		case "Content-Length", "Host", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto":
		default:
			if len(values) > 0 {
				to = append(to, apigw.List{Name: name, Values: values})
			}
		}
	}
	if bodyLen >= 0 {
		add("Content-Length", strconv.FormatInt(bodyLen, 10))
	}
	add("X-Forwarded-For", forwardedFor(r, x.entry.SourceIP))
	add("X-Forwarded-Port", localPort(r))
	add("X-Forwarded-Proto", scheme(r))
	if r.Header["X-Amzn-Trace-Id"] == nil {
		if x.event.trace == "" {
			x.event.trace = newTraceID(x.entry.Time)
		}
		add("X-Amzn-Trace-Id", x.event.trace)
	}
	to = append(to, apigw.List{Name: "Host", Values: []string{r.Host}})
	slices.SortFunc(to, func(a, b apigw.List) int { return cmp.Compare(a.Name, b.Name) })
	return to
}

// forwardedFor keeps what the client has sent and appends the peer.
func forwardedFor(r *http.Request, peer string) string {
	if sent := r.Header["X-Forwarded-For"]; len(sent) > 0 {
		return strings.Join(sent, ", ") + ", " + peer
	}
	return peer
}

func localPort(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return strconv.Itoa(a.Port)
	}
	if r.TLS != nil {
		return "443"
	}
	return "80"
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// newTraceID gives a trace id in X-Ray's form.
//
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
func newTraceID(t time.Time) string {
	const form = "Root=1-00000000-000000000000000000000000"
	var raw [16]byte
	binary.BigEndian.PutUint32(raw[:], uint32(t.Unix()))
	binary.BigEndian.PutUint64(raw[4:], rand.Uint64())
	binary.BigEndian.PutUint32(raw[12:], rand.Uint32())
	b := append(make([]byte, 0, len(form)), "Root=1-"...)
	b = hex.AppendEncode(b, raw[:4])
	b = append(b, '-')
	return string(hex.AppendEncode(b, raw[4:]))
}

func joinValues(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ",")
}

// appendCookies gives the cookie pairs of the cookie headers.
func appendCookies(to []string, headers []string) []string {
	for _, h := range headers {
		for more := true; more; {
			var pair string
			pair, h, more = strings.Cut(h, ";")
			if pair = strings.Trim(pair, " \t"); pair != "" {
				to = append(to, pair)
			}
		}
	}
	return to
}

// appendQuery decodes a query in its order. What cannot be decoded stays as it
// was sent.
func appendQuery(to []apigw.Pair, raw string) []apigw.Pair {
	for more := raw != ""; more; {
		var pair string
		pair, raw, more = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		to = append(to, apigw.Pair{Name: unescapeQuery(name), Value: unescapeQuery(value)})
	}
	return to
}

func unescapeQuery(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// byName sorts by name and keeps the order of equal names.
func byName(pairs []apigw.Pair) {
	slices.SortStableFunc(pairs, func(a, b apigw.Pair) int { return cmp.Compare(a.Name, b.Name) })
}

// joinRepeats joins, in place, the values of each name with commas.
func joinRepeats(pairs []apigw.Pair) []apigw.Pair {
	byName(pairs)
	out := pairs[:0]
	for i := 0; i < len(pairs); {
		j := i + 1
		for j < len(pairs) && pairs[j].Name == pairs[i].Name {
			j++
		}
		p := pairs[i]
		if j > i+1 {
			values := make([]string, 0, j-i)
			for _, q := range pairs[i:j] {
				values = append(values, q.Value)
			}
			p.Value = strings.Join(values, ",")
		}
		out = append(out, p)
		i = j
	}
	return out
}

// groupRepeats gives the last value of each name and, apart, all of them.
func groupRepeats(pairs []apigw.Pair) (last []apigw.Pair, all []apigw.List) {
	byName(pairs)
	for _, p := range pairs {
		if n := len(all); n > 0 && all[n-1].Name == p.Name {
			all[n-1].Values = append(all[n-1].Values, p.Value)
			last[n-1].Value = p.Value
			continue
		}
		last = append(last, p)
		all = append(all, apigw.List{Name: p.Name, Values: []string{p.Value}})
	}
	return last, all
}

// isText says whether a body stands in the event as text. All others are
// base64, also those without a content type. Observed. A body of a text type
// that is not UTF-8 is base64 too, as nothing of it is lost so; what AWS does
// with one is not documented.
func isText(contentType string, body []byte) bool {
	if len(body) == 0 {
		return true
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	switch {
	case strings.HasPrefix(mediaType, "text/"):
	case mediaType == "application/json", mediaType == "application/xml", mediaType == "application/javascript":
	default:
		return false
	}
	return utf8.Valid(body)
}
