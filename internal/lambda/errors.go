package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Names of errors, as Lambda spells them: the first group is Invoke's
// ("Invoke", API reference), the second appears in answers and log lines.
const (
	codeNoFunction      = "ResourceNotFoundException"
	codeTooManyRequests = "TooManyRequestsException"
	codeTooLarge        = "RequestTooLargeException"
	codeService         = "ServiceException"

	typeTimeout    = "Sandbox.Timedout"
	typeExit       = "Runtime.ExitError"
	typeEntrypoint = "Runtime.InvalidEntrypoint"
	typeTooLarge   = "Function.ResponseSizeTooLarge"
	typeUnknown    = "Runtime.Unknown"
)

// unhandled is Lambda's X-Amz-Function-Error for everything that goes wrong in
// a function.
const unhandled = "Unhandled"

var (
	errStopped     = errors.New("the functions have been stopped")
	errNotBuilt    = errors.New("the function has not been built")
	errInitTimeout = errors.New("the init took too long")
)

func errNoFunction(name string) error {
	return &aws.Error{Code: codeNoFunction, Status: http.StatusNotFound, Message: "Function not found: " + name}
}

func errEventTooLarge() error {
	return &aws.Error{
		Code: codeTooLarge, Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", maxPayload),
	}
}

func errThrottled() error {
	return &aws.Error{Code: codeTooManyRequests, Status: http.StatusTooManyRequests, Message: "Rate Exceeded."}
}

// errService is Lambda's word for a failure of its own: here that there is
// nothing to invoke, because of cause.
func errService(cause error) error {
	return &aws.Error{
		Code: codeService, Status: http.StatusInternalServerError,
		Message: "The Lambda service encountered an internal error.", Err: cause,
	}
}

// platformError is an error that Lambda makes, not the function.
type platformError struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

// answer gives the error as an invocation's.
func (e platformError) answer() answer {
	reply, _ := json.Marshal(e) // Two strings always have a JSON form.
	return answer{reply: reply, functionError: unhandled, status: "error", errorType: e.ErrorType}
}

// timeoutError is the answer of an invocation that took too long.
func timeoutError(id string, after time.Duration) answer {
	a := platformError{typeTimeout, fmt.Sprintf("RequestId: %s Error: %s", id, timeoutText(after))}.answer()
	a.status = "timeout"
	return a
}

func timeoutText(after time.Duration) string {
	return fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds())
}

// exitError is the answer of an invocation whose process has ended.
func exitError(id string, err error) answer {
	return platformError{typeExit, fmt.Sprintf("RequestId: %s Error: %s", id, exitText(err))}.answer()
}

// exitText says how a process ended: os/exec's words ("exit status 3",
// "signal: killed") are also Lambda's.
func exitText(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "Runtime exited without providing a reason"
	case errors.As(err, &exit):
		return "Runtime exited with error: " + exit.Error()
	}
	return "Runtime failed to start: " + err.Error()
}

// tooLargeError is the answer of an invocation that answered too much.
func tooLargeError() answer {
	return platformError{typeTooLarge, fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)}.answer()
}

// reportedError is the answer of an invocation whose process posted an error.
// What is not JSON, which no runtime of AWS's sends, is wrapped.
func reportedError(body []byte, errorType string) answer {
	if errorType == "" {
		errorType = typeUnknown
	}
	if !json.Valid(body) {
		return platformError{errorType, string(body)}.answer()
	}
	return answer{reply: body, functionError: unhandled, status: "error", errorType: errorType}
}

// withRequestID puts an invocation's id where Python's runtime writes it, into
// the error of an init that was run for it.
func (a answer) withRequestID(id string) answer {
	var shape map[string]json.RawMessage
	if json.Unmarshal(a.reply, &shape) != nil {
		return a
	}
	if v, ok := shape["requestId"]; !ok || string(v) != `""` {
		return a
	}
	shape["requestId"], _ = json.Marshal(id) // A string always has a JSON form.
	if reply, err := json.Marshal(shape); err == nil {
		a.reply = reply
	}
	return a
}
