package auth0

import (
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Event is what a request to a tenant came to, for one line on the terminal. It
// holds no password, code, session or token.
type Event struct {
	// Time is when the request ended, Duration how long it took.
	Time     time.Time
	Duration time.Duration
	// Operation is the method and the path, without the query.
	Operation string
	// Tenant is the tenant's name.
	Tenant string
	// Application and User are whom it was about, once they were known.
	Application, User string
	// Code and Description are the error that the client got; "" for a success.
	Code, Description string
	// Reason says why, in words that the client does not get.
	Reason string
	// Notes say what is surprising about a success.
	Notes []string
	// RequestID is the id that the client got.
	RequestID string
	// Scopes says what of the scopes that were asked for a token has not; nil where none
	// was made for an API.
	Scopes *Scopes
	// Request is the request, for as long as the log is told of it; nil where there was
	// none.
	Request *http.Request
}

// Scopes are those that a user's token for an API lacks, and why.
type Scopes struct {
	API  string // its declared name
	RBAC bool
	// Unheld were asked for and are none of the user's permissions, Unknown no
	// permissions of the API, and Unasked are held and were not asked for.
	Unheld, Unknown, Unasked []string
}

// Fault says whether the request failed for a reason that is not its sender's.
func (e Event) Fault() bool { return e.Code == "server_error" }

// String gives the event as one line without control characters.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(aws.Printable(e.Operation))
	for _, word := range []string{e.Tenant, e.Application, e.User} {
		if word != "" {
			b.WriteString(" " + aws.Printable(word))
		}
	}
	if e.Code == "" {
		b.WriteString(": ok")
	} else {
		b.WriteString(": " + aws.Printable(e.Code))
	}
	details := e.Notes
	switch {
	case e.Reason != "":
		details = append([]string{e.Reason}, details...)
	case e.Description != "":
		details = append([]string{e.Description}, details...)
	}
	if len(details) > 0 {
		b.WriteString(" (" + aws.Printable(strings.Join(details, "; ")) + ")")
	}
	return b.String()
}
