package gateway

import (
	"crypto/sha256"
	"encoding/base64"
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
	x.entry.Err = cause
	h := x.w.Header()
	h["Content-Type"] = []string{contentTypeJSON}
	h["x-amzn-ErrorType"] = []string{f.code}
	status, body := f.status, f.body()
	if r := x.g.rest.response(f); r != nil {
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

// failUnrouted answers for a path or method that no resource serves. API
// Gateway takes it for an AWS operation, and an Authorization that is not a
// signature for a broken one. Observed.
func (x *exchange) failUnrouted(cause error) {
	f := missingToken
	if text := incompleteSignature(x.r.Header); text != "" {
		f = failure{kind: "INVALID_SIGNATURE", status: http.StatusForbidden, code: "IncompleteSignatureException", message: quoteJSON(text)}
	}
	x.fail(f, cause)
}

// incompleteSignature says what is wrong with an Authorization that is read as
// a signature (Signature Version 4), or nothing if there is none or it may be
// one. The header's value comes back as a hash only.
func incompleteSignature(h http.Header) string {
	const suffix = " (Hashed with SHA-256 and encoded with Base64) Authorization="
	value := strings.TrimSpace(h.Get("Authorization"))
	if value == "" {
		return ""
	}
	_, parameters, _ := strings.Cut(value, " ")
	named := map[string]bool{}
	for pair := range strings.SplitSeq(parameters, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		name, _, found := strings.Cut(pair, "=")
		if !found {
			return "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed(pair) + "'."
		}
		named[name] = true
	}
	var b strings.Builder
	for _, name := range [...]string{"Credential", "Signature", "SignedHeaders"} {
		if !named[name] {
			b.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if h.Get("X-Amz-Date") == "" && h.Get("Date") == "" {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if b.Len() == 0 {
		return ""
	}
	return strings.TrimSuffix(b.String(), " ") + suffix + hashed(value)
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// quoteJSON gives a text of printable ASCII as a JSON string.
func quoteJSON(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
