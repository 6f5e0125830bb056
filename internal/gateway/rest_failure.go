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
}

const codeInternal = "InternalServerErrorException"

// The failures. Statuses are documented; codes, messages and spacing were
// observed, but for those that Assumptions lists.
var (
	noStage                 = failure{"", 403, "ForbiddenException", `"Forbidden"`, false, false}
	missingToken            = failure{"MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", `"Missing Authentication Token"`, false, false}
	unauthorizedREST        = failure{"UNAUTHORIZED", 401, "UnauthorizedException", `"Unauthorized"`, false, false}
	accessDenied            = failure{"ACCESS_DENIED", 403, "AccessDeniedException", `"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"`, true, false}
	authorizerConfiguration = failure{"AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", "null", false, false}
	badQuery                = failure{"BAD_REQUEST_PARAMETERS", 400, "BadRequestException", `"Bad Request"`, false, false}
	badBody                 = failure{"BAD_REQUEST_BODY", 400, "BadRequestException", `"Invalid request body"`, false, false}
	requestTooLarge         = failure{"REQUEST_TOO_LARGE", 413, "RequestTooLargeException", `"Request Too Long"`, false, false}
	headersTooLargeREST     = failure{"REQUEST_TOO_LARGE", 431, "RequestTooLargeException", `"Request Header Fields Too Large"`, false, false}
	integrationTimeout      = failure{"INTEGRATION_TIMEOUT", 504, codeInternal, `"Endpoint request timed out"`, false, true}
	badReply                = failure{"INTEGRATION_FAILURE", 502, codeInternal, `"Internal server error"`, false, true}
	notInvoked              = failure{"INTEGRATION_FAILURE", 500, codeInternal, `"Internal server error"`, false, true}
	internalErrorREST       = failure{"API_CONFIGURATION_ERROR", 500, codeInternal, `"Internal server error"`, false, true}
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

// fail answers with a failure. The cause is logged and never sent.
func (x *exchange) fail(f failure, cause error) {
	x.entry.Err = cause
	h := x.w.Header()
	h["Content-Type"] = []string{contentTypeJSON}
	h["x-amzn-ErrorType"] = []string{f.code}
	body := f.body()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.writeHeadREST(f.status)
	x.written(io.WriteString(x.w, body)) // net/http sends none of it for HEAD
}

// failUnrouted answers for a path or method that no resource serves. API
// Gateway takes it for an AWS operation, and an Authorization that is not a
// signature for a broken one. Observed.
func (x *exchange) failUnrouted(cause error) {
	f := missingToken
	if text := incompleteSignature(x.r.Header); text != "" {
		f = failure{"INVALID_SIGNATURE", http.StatusForbidden, "IncompleteSignatureException", quoteJSON(text), false, false}
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
