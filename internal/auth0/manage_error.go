package auth0

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/doorwright/doorwright/internal/oidc"
)

// apiError is a refusal of the Management API
// (https://auth0.com/docs/api/management/v2/introduction).
type apiError struct {
	status        int
	message, code string
	reason        string // for the log alone
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// The errorCodes of the Management API.
const (
	codeInvalidBody       = "invalid_body"
	codeInvalidQuery      = "invalid_query_string"
	codeInvalidURI        = "invalid_uri"
	codeInsufficientScope = "insufficient_scope"
	codeConflict          = "resource_conflict"
	// codeUnsupported is for what Auth0 does and a local tenant does not, or not
	// to this object.
	codeUnsupported = "operation_not_supported"
)

func apiFail(status int, code, message string, args ...any) *apiError {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &apiError{status: status, message: message, code: code}
}

// stranger refuses who calls. The reason is for the log: the caller learns as
// little as from Auth0.
func stranger(message, reason string) *apiError {
	return &apiError{http.StatusUnauthorized, message, "", reason}
}

func notFound(message, code string) *apiError { return apiFail(http.StatusNotFound, code, message) }

func conflict(message, code string) *apiError { return apiFail(http.StatusConflict, code, message) }

// unsupported refuses what would do something at Auth0 and nothing here.
func unsupported(message string, args ...any) *apiError {
	return apiFail(http.StatusBadRequest, codeUnsupported, message, args...)
}

// declaredIn refuses to change what the declaration says, and names its key.
func (t *Tenant) declaredIn(format string, args ...any) *apiError {
	return unsupported("tenants.%s.%s is declared in doorwright.yaml; change it there.", t.cfg.Name, fmt.Sprintf(format, args...))
}

// apiErrorBody is the body of a refusal, in Auth0's order.
type apiErrorBody struct {
	StatusCode int                 `json:"statusCode"`
	Error      string              `json:"error"`
	Message    string              `json:"message"`
	Code       string              `json:"errorCode,omitempty"`
	Attributes *apiErrorAttributes `json:"attributes,omitempty"`
}

type apiErrorAttributes struct {
	Error string `json:"error"`
}

// refused writes an error of the Management API, and notes it for the log.
func (m *managed) refused(err error) {
	e := m.failed(err)
	body := apiErrorBody{StatusCode: e.status, Error: http.StatusText(e.status), Message: e.message, Code: e.code}
	if e.status == http.StatusUnauthorized {
		body.Attributes = &apiErrorAttributes{e.message}
	}
	m.write(e.status, body)
}

// write answers with JSON as Auth0 does: without a line's end.
func (m *managed) write(status int, body any) {
	h := m.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if status == http.StatusNoContent || body == nil {
		m.w.WriteHeader(status)
		return
	}
	raw, err := marshal(body)
	if err != nil {
		m.c.event.Code, m.c.event.Reason = oidc.ServerError, err.Error()
		m.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	m.w.WriteHeader(status)
	_, _ = m.w.Write(raw) // the client went away
}

// ordered is a JSON object whose members keep their order.
type ordered []field

type field struct {
	name  string
	value any
}

// with adds a member, but for one that says nothing.
func (o ordered) with(name string, value any) ordered { return append(o, field{name, value}) }

// MarshalJSON writes the members in their order.
func (o ordered) MarshalJSON() ([]byte, error) {
	raw := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			raw = append(raw, ',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(f.value)
		if err != nil {
			return nil, err
		}
		raw = append(append(append(raw, name...), ':'), value...)
	}
	return append(raw, '}'), nil
}

// only gives the members that a caller asked for, or all but those.
func (o ordered) only(fields map[string]bool, include bool) ordered {
	if len(fields) == 0 {
		return o
	}
	kept := ordered{}
	for _, f := range o {
		if fields[f.name] == include {
			kept = append(kept, f)
		}
	}
	return kept
}
