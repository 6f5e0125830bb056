package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A failure is an answer that a REST API makes by itself: a gateway response.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
type failure struct {
	// kind is the type of gateway response, which says what may be configured
	// for it; empty for none.
	kind   string
	status int
	// code is x-amzn-ErrorType.
	code string
	// message is the JSON text behind "message", or behind "Message" if denied
	// is set: a string, or null.
	message string
	// denied: access denials alone spell the name with a capital. Observed.
	denied bool
	// spaced: those of the Lambda proxy have a space after the colon, which
	// makes 36 bytes of "Internal server error". Observed.
	spaced bool
	// validation says what a validator found, for $context.error.validationErrorString.
	validation string
}

const codeInternal = "InternalServerErrorException"

// The failures. Statuses are documented; codes, messages and spacing were
// observed, but for those that Assumptions lists.
var (
	noStage                 = failure{kind: "", status: 403, code: "ForbiddenException", message: `"Forbidden"`}
	missingToken            = failure{kind: "MISSING_AUTHENTICATION_TOKEN", status: 403, code: "MissingAuthenticationTokenException", message: `"Missing Authentication Token"`}
	unauthorizedREST        = failure{kind: "UNAUTHORIZED", status: 401, code: "UnauthorizedException", message: `"Unauthorized"`}
	accessDenied            = failure{kind: "ACCESS_DENIED", status: 403, code: "AccessDeniedException", message: `"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"`, denied: true}
	accessDeniedExplicitly  = failure{kind: "ACCESS_DENIED", status: 403, code: "AccessDeniedException", message: `"User is not authorized to access this resource with an explicit deny in an identity-based policy"`, denied: true}
	arnTooLong              = failure{kind: "REQUEST_TOO_LARGE", status: 414, code: "RequestTooLargeException", message: `"Request URI too long"`}
	authorizerConfiguration = failure{kind: "AUTHORIZER_CONFIGURATION_ERROR", status: 500, code: "AuthorizerConfigurationException", message: "null"}
	invalidAPIKey           = failure{kind: "INVALID_API_KEY", status: 403, code: "ForbiddenException", message: `"Forbidden"`}
	throttled               = failure{kind: "THROTTLED", status: 429, code: "TooManyRequestsException", message: `"Too Many Requests"`}
	quotaExceeded           = failure{kind: "QUOTA_EXCEEDED", status: 429, code: "LimitExceededException", message: `"Limit Exceeded"`}
	badQuery                = failure{kind: "BAD_REQUEST_PARAMETERS", status: 400, code: "BadRequestException", message: `"Bad Request"`}
	missingParameters       = failure{kind: "BAD_REQUEST_PARAMETERS", status: 400, code: "BadRequestException"}
	badBody                 = failure{kind: "BAD_REQUEST_BODY", status: 400, code: "BadRequestException", message: `"Invalid request body"`}
	requestTooLarge         = failure{kind: "REQUEST_TOO_LARGE", status: 413, code: "RequestTooLargeException", message: `"Request Too Long"`}
	headersTooLargeREST     = failure{kind: "REQUEST_TOO_LARGE", status: 431, code: "RequestTooLargeException", message: `"Request Header Fields Too Large"`}
	integrationTimeout      = failure{kind: "INTEGRATION_TIMEOUT", status: 504, code: codeInternal, message: `"Endpoint request timed out"`, spaced: true}
	badReply                = failure{kind: "INTEGRATION_FAILURE", status: 502, code: codeInternal, message: `"Internal server error"`, spaced: true}
	notInvoked              = failure{kind: "INTEGRATION_FAILURE", status: 500, code: codeInternal, message: `"Internal server error"`, spaced: true}
	internalErrorREST       = failure{kind: "API_CONFIGURATION_ERROR", status: 500, code: codeInternal, message: `"Internal server error"`, spaced: true}
)

// body gives the bytes, which clients compare.
func (f failure) body() string {
	name, space := `{"message":`, ""
	if f.denied {
		name = `{"Message":`
	}
	if f.spaced {
		space = " "
	}
	return name + space + f.message + "}"
}

// fail answers with a failure, as it is or as was configured for its type. The
// cause is logged and never sent.
func (x *exchange) fail(f failure, cause error) {
	x.entry.Err, x.entry.Refusal = cause, reasonOf(cause)
	x.logged.own, x.logged.failure = true, f
	h := x.w.Header()
	h["Content-Type"] = []string{contentTypeJSON}
	h["x-amzn-ErrorType"] = []string{f.code}
	status, body := f.status, f.body()
	r := x.g.rest.response(f)
	if t := x.entry.Trace; t != nil {
		t.Response, t.Configured = f.kind, r != nil
	}
	if r != nil {
		if r.status != 0 {
			status = r.status
		}
		if r.contentType != "" {
			h["Content-Type"] = []string{r.contentType}
			body = r.body.text(x, f)
		}
		x.addParameters(h, r.headers, f)
	}
	hasBody := status != http.StatusNoContent && status != http.StatusNotModified
	if hasBody {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.writeHeadREST(status)
	if hasBody {
		x.written(io.WriteString(x.w, body)) // net/http sends none of it for HEAD
	}
}

// addParameters sets response parameters. One without a value is left out.
func (x *exchange) addParameters(h http.Header, parameters []responseParameter, f failure) {
	for _, p := range parameters {
		v := p.value(x, f)
		if v == "" || !validValue(v) {
			continue
		}
		if strings.EqualFold(p.name, "Content-Type") {
			h["Content-Type"] = []string{v}
			continue
		}
		h[p.name] = []string{v}
	}
}

// quoteJSON gives a text as a JSON string, with nothing escaped for HTML.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
