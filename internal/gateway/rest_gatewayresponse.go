package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// A GatewayResponse changes what a REST API answers by itself, for one type of
// gateway response.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
type GatewayResponse struct {
	// StatusCode is the status. Zero leaves the type's own.
	StatusCode int
	// Headers are response parameters, gatewayresponse.header.NAME: a 'literal'
	// in single quotes, or the name of a variable.
	Headers map[string]string
	// Templates are bodies by media type.
	Templates map[string]string
}

// responseTypes are the types that can be changed.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
var responseTypes = []string{
	"ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY",
	"BAD_REQUEST_PARAMETERS", default4XX, default5XX, "EXPIRED_TOKEN", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT",
	"INVALID_API_KEY", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "RESOURCE_NOT_FOUND",
	"THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
}

// The types that all others fall back to.
const (
	default4XX = "DEFAULT_4XX"
	default5XX = "DEFAULT_5XX"
)

// gatewayResponse is a compiled GatewayResponse.
type gatewayResponse struct {
	status      int
	headers     []responseParameter
	contentType string // of the body; empty leaves the body as it is
	body        template
}

type responseParameter struct {
	name  string
	value value
}

// response gives what was configured for a failure: for its own type, or else
// for all types that are not. Nil is nothing. The answer to a request that is
// too large cannot be changed, nor that to one that has missed the stage, to
// which a configuration belongs.
func (r *rest) response(f failure) *gatewayResponse {
	if f.kind == "" || f.kind == requestTooLarge.kind {
		return nil
	}
	if own := r.responses[f.kind]; own != nil {
		return own
	}
	if f.status < 500 {
		return r.responses[default4XX]
	}
	return r.responses[default5XX]
}

func compileResponses(all map[string]GatewayResponse) (map[string]*gatewayResponse, error) {
	compiled := make(map[string]*gatewayResponse, len(all))
	var mistakes []error
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(responseTypes, kind) {
			mistakes = append(mistakes, fmt.Errorf("gateway response %q is none of %s", kind, strings.Join(responseTypes, ", ")))
			continue
		}
		r, err := compileResponse(all[kind])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("gateway response %s: %w", kind, err))
		}
		compiled[kind] = r
	}
	return compiled, errors.Join(mistakes...)
}

func compileResponse(c GatewayResponse) (*gatewayResponse, error) {
	r := &gatewayResponse{status: c.StatusCode}
	var mistakes []error
	if c.StatusCode != 0 && (c.StatusCode < 200 || c.StatusCode > 599) {
		mistakes = append(mistakes, fmt.Errorf("its status %d is not from 200 to 599", c.StatusCode))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if !validName(name) || ownREST(name) {
			mistakes = append(mistakes, fmt.Errorf("header %q is not one that it can set", name))
			continue
		}
		v, err := compileParameter(c.Headers[name])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("header %s: %w", name, err))
		}
		r.headers = append(r.headers, responseParameter{name, v})
	}
	for _, contentType := range slices.Sorted(maps.Keys(c.Templates)) {
		t, err := compileTemplate(c.Templates[contentType])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("template %s: %w", contentType, err))
		}
		if !mediaType(contentType) {
			mistakes = append(mistakes, fmt.Errorf("template %q is not for a media type", contentType))
		}
		// How one of several is chosen is not documented: JSON before others.
		if r.contentType == "" || contentType == contentTypeJSON {
			r.contentType, r.body = contentType, t
		}
	}
	return r, errors.Join(mistakes...)
}

// ownREST says whether a header is the gateway's own or frames the answer.
func ownREST(name string) bool {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch canonical {
	case "Content-Length", "Date", "X-Amzn-Requestid", "X-Amz-Apigw-Id", "X-Amzn-Errortype", "X-Amzn-Trace-Id":
		return true
	}
	return isHopByHop(canonical)
}
