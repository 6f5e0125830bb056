// Package awsjson is the codec of the AWS JSON 1.1 protocol: it turns HTTP
// requests into operation names and members, and results and errors into the
// bytes that AWS's clients expect.
//
// It decides nothing: which operations exist, who may call them and what they
// do is the caller's. It holds no clock, no store and no policy. Service is the
// order in which a request is decoded, authenticated, run and answered, which
// is the protocol's too, so that no service has one of its own.
//
// The protocol is that of https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
package awsjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

const (
	// ContentType is the media type of requests and responses.
	ContentType = "application/x-amz-json-1.1"
	// MaxBody bounds a request's body. The largest documented request of a
	// service that speaks this protocol here is far below it.
	MaxBody = 1 << 20
)

// Target gives the service and the operation that X-Amz-Target names. It is
// not ok unless there is exactly one such header of the form Service.Operation.
func Target(h http.Header) (service, operation string, ok bool) {
	values := h.Values("X-Amz-Target")
	if len(values) != 1 {
		return "", "", false
	}
	service, operation, ok = strings.Cut(values[0], ".")
	if !ok || !isName(service) || !isName(operation) {
		return "", "", false
	}
	return service, operation, true
}

// Operation gives the operation of a service that a request is for. What is no
// such request is an *aws.Error, UnknownOperationException.
func Operation(w http.ResponseWriter, r *http.Request, service string) (string, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		e := Unknown("method " + r.Method)
		e.Status = http.StatusMethodNotAllowed
		return "", e
	}
	of, name, ok := Target(r.Header)
	if !ok || of != service {
		return "", Unknown("no X-Amz-Target of " + service)
	}
	return name, nil
}

// Refuse gives the error that the client sees, which JSON services answer with 400, and
// the reason that only the log line says.
func Refuse(code, message, reason string) *aws.Error {
	e := &aws.Error{Code: code, Message: message, Status: http.StatusBadRequest}
	if reason != "" {
		e.Err = errors.New(reason)
	}
	return e
}

// Unknown is the refusal of what is no operation, with the reason that only the
// log tells.
func Unknown(reason string) *aws.Error {
	return Refuse("UnknownOperationException", "", reason)
}

// isName says whether s is a Smithy identifier of a bounded length, so that an
// operation's name is safe to print and to put into a message.
func isName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		default:
			return false
		}
	}
	return true
}

// HasContentType says whether the request is declared to be AWS JSON 1.1.
// Parameters such as a charset are allowed.
func HasContentType(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && media == ContentType
}

// ReadBody reads the body of a request for an operation, up to MaxBody bytes. A
// larger one is an *aws.Error of status 413, and one that is not declared to be
// AWS JSON 1.1 UnknownOperationException.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !HasContentType(r.Header) {
		return nil, Unknown("the content type is not " + ContentType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &aws.Error{
			Code:    "RequestEntityTooLargeException",
			Message: fmt.Sprintf("Request body is larger than %d bytes", tooLarge.Limit),
			Status:  http.StatusRequestEntityTooLarge,
			Err:     err,
		}
	case err != nil:
		return nil, serialization("Request body could not be read", fmt.Errorf("reading the request body: %w", err))
	}
	return body, nil
}

// Refusal gives an error as it goes to the client. What is not a coded error is an
// InternalErrorException, whose cause stays in the log.
func Refusal(err error) *aws.Error {
	var coded *aws.Error
	if errors.As(err, &coded) {
		return coded
	}
	return &aws.Error{Code: "InternalErrorException", Message: "Internal error", Status: http.StatusInternalServerError, Err: err}
}

// EncodeResult gives the body of the answer of an operation whose result is v: JSON. A
// nil v, for an operation whose model has no output, gives no body at all; an empty
// structure gives "{}".
func EncodeResult(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	body, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return body, nil
}

// WriteResult answers 200 with what EncodeResult gave.
func WriteResult(w http.ResponseWriter, requestID string, body []byte) error {
	header(w, requestID)
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}

// WriteError answers with e: code and message in the body, for the clients
// that read __type there, and the same in headers, for those that prefer them.
func WriteError(w http.ResponseWriter, requestID string, e *aws.Error) error {
	body, err := encode(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{e.Code, e.Message})
	if err != nil {
		return fmt.Errorf("encoding the error: %w", err)
	}
	header(w, requestID)
	h := w.Header()
	// AWS's front end writes a colon after the code; its clients cut there.
	h["x-amzn-ErrorType"] = []string{headerText(e.Code) + ":"}
	h["x-amzn-ErrorMessage"] = []string{headerText(e.Message)}
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}

// WritePreflight answers a browser's preflight as the front end that AWS's
// JSON services share does: every method and header asked for is allowed, for
// the body's signature or token is what decides.
func WritePreflight(w http.ResponseWriter, r *http.Request, requestID string) {
	cors(w, requestID)
	h := w.Header()
	method := r.Header.Get("Access-Control-Request-Method")
	if method == "" {
		method = http.MethodPost
	}
	h.Set("Access-Control-Allow-Methods", method)
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "172800")
	w.WriteHeader(http.StatusOK)
}

// header sets what every answer to a request carries. The names are written
// as AWS writes them, which net/http's canonical form would not keep.
func header(w http.ResponseWriter, requestID string) {
	cors(w, requestID)
	w.Header().Set("Content-Type", ContentType)
}

func cors(w http.ResponseWriter, requestID string) {
	h := w.Header()
	h["x-amzn-RequestId"] = []string{requestID}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date")
}

// headerText makes s safe as a header's value: one line of printable ASCII.
// The body keeps the text as it is.
func headerText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r < 0x20 || r == 0x7f:
			return ' '
		case r > 0x7e:
			return '?'
		}
		return r
	}, s))
}

// encode gives v as JSON without HTML escapes, as AWS's services do.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
