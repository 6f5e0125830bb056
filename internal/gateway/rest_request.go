package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// required are the parameters that a route's request validator wants.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
type required struct{ headers, query []string }

// compileRequired reads names such as "method.request.header.X-Id".
func compileRequired(names []string) (r required, err error) {
	var mistakes []error
	for _, n := range names {
		if header, ok := strings.CutPrefix(n, "method.request.header."); ok && validName(header) {
			r.headers = append(r.headers, header)
		} else if parameter, ok := strings.CutPrefix(n, "method.request.querystring."); ok && parameter != "" {
			r.query = append(r.query, parameter)
		} else {
			mistakes = append(mistakes, fmt.Errorf("requestParameters: %q is neither method.request.header.NAME nor method.request.querystring.NAME", n))
		}
	}
	return r, errors.Join(mistakes...)
}

// missing gives the parameters that a request has not, or that are blank:
// headers first, then those of the query, as AWS lists them.
func (r required) missing(request *http.Request) (names []string) {
	for _, h := range r.headers {
		if strings.TrimSpace(request.Header.Get(h)) == "" {
			names = append(names, h)
		}
	}
	if len(r.query) == 0 {
		return names
	}
	query := queryREST(nil, request.URL.RawQuery)
	for _, q := range r.query {
		if strings.TrimSpace(pairValue(query, q)) == "" {
			names = append(names, q)
		}
	}
	return names
}

// validate answers a request that lacks what its route requires.
func (x *exchange) validate() bool {
	x.reach(AtValidator)
	names := x.match.required.missing(x.r)
	if len(names) == 0 {
		return true
	}
	list := "[" + strings.Join(names, ", ") + "]"
	f := missingParameters
	f.message = quoteJSON("Missing required request parameters: " + list)
	f.validation = list
	x.fail(f, missingReason(x.match.required, names))
	return false
}

// binaryTypes are an API's binaryMediaTypes.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
type binaryTypes []string

func compileBinaryTypes(types []string) (binaryTypes, error) {
	for _, t := range types {
		if kind, sub, ok := strings.Cut(t, "/"); !ok || !validName(kind) || !validName(sub) || kind == "*" && sub != "*" {
			return nil, fmt.Errorf("binaryMediaTypes: %q is none of type/subtype, type/* and */*", t)
		}
	}
	return types, nil
}

// match says whether a media type is one of them. What the request says is
// compared to the letter: its own */* is of no type but */*. Observed. A
// request that says nothing is of */* only.
func (b binaryTypes) match(said string) bool {
	said, _, _ = strings.Cut(said, ";")
	said = strings.ToLower(strings.TrimSpace(said))
	kind, _, _ := strings.Cut(said, "/")
	return slices.ContainsFunc(b, func(t string) bool {
		t = strings.ToLower(t)
		return t == "*/*" || t == said || strings.HasSuffix(t, "/*") && strings.TrimSuffix(t, "/*") == kind
	})
}

// replyBody gives the bytes of a reply's body. Those that are base64 are decoded
// if the first media type of the request's Accept is binary, and else go out
// as they are. Observed.
func (x *exchange) replyBody(reply apigw.ReplyREST) ([]byte, error) {
	accepted, _, _ := strings.Cut(x.r.Header.Get("Accept"), ",")
	if !reply.IsBase64Encoded || !x.g.rest.binary.match(accepted) {
		return reply.Body, nil
	}
	decoded, err := reply.DecodedBody()
	if err != nil {
		return nil, fmt.Errorf("decoding the reply's body, as isBase64Encoded says: %w", err)
	}
	return decoded, nil
}
