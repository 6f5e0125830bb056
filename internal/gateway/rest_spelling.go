package gateway

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// Events of REST APIs have header names as the client spelled them, which
// net/http does not keep. Whoever owns the connections may.

// A Head gives the head of the connection's request as it came: the request
// line and the lines after it. What it gives is compared with what net/http has
// read, and left alone if the two do not agree: of requests that come together it
// may be anything that the client sent. Only spellings are taken from it, never
// values.
type Head interface{ Head() []byte }

type headKey struct{}

// WithHead gives the context of a connection whose heads are known.
func WithHead(ctx context.Context, h Head) context.Context {
	return context.WithValue(ctx, headKey{}, h)
}

// rewritten says whether API Gateway spells a header its own way. Observed.
func rewritten(canonical string) bool {
	switch canonical {
	case "Host", "User-Agent", "Authorization", "X-Amzn-Trace-Id":
		return true
	}
	return strings.HasPrefix(canonical, "X-Forwarded-")
}

// spelledHeaders gives the request's headers as they were spelled, names of
// another case apart, in the order of their first occurrence; nil if the
// spelling is not known.
func spelledHeaders(r *http.Request) (list []apigw.List) {
	source, ok := r.Context().Value(headKey{}).(Head)
	if !ok {
		return nil
	}
	line, rest, _ := bytes.Cut(source.Head(), []byte("\n"))
	// The first byte of a request may be read ahead, before its head is kept.
	want := " " + r.RequestURI + " " + r.Proto
	if got := strings.TrimSuffix(string(line), "\r"); !strings.HasSuffix(got, want) {
		return nil
	}
	at := map[string]int{}     // by canonical name: how many were seen
	listed := map[string]int{} // by spelled name: where it is in list
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		name, _, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 || name[0] == ' ' || name[0] == '\t' {
			continue
		}
		canonical := textproto.CanonicalMIMEHeaderKey(string(name))
		values, i := r.Header[canonical], at[canonical]
		if values == nil {
			continue // Host, and what net/http keeps for itself
		}
		if at[canonical]++; i >= len(values) {
			return nil
		}
		spelled := string(name)
		if rewritten(canonical) {
			spelled = canonical
		}
		j, again := listed[spelled]
		if !again {
			j = len(list)
			listed[spelled] = j
			list = append(list, apigw.List{Name: spelled})
		}
		list[j].Values = append(list[j].Values, values[i])
	}
	for name, values := range r.Header {
		if at[name] != len(values) {
			return nil
		}
	}
	return list
}
