package cognito

import (
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// Event is what an operation came to, for one line on the terminal. It holds
// no password, code, session or token.
type Event struct {
	// Time is when the operation ended, Duration how long it took.
	Time     time.Time
	Duration time.Duration
	// RequestID is the id that the client got.
	RequestID string
	// Operation is the wire name.
	Operation string
	// Pool is the pool's declared name, if it became known.
	Pool string
	// User is the user as the caller named it, or the username behind a token.
	User string
	// Code and Message are the error that the client got; "" for a success.
	Code, Message string
	// Reason says why, in words that the client does not get.
	Reason string
	// Fix says what the user can do about it, if anything.
	Fix string
	// Caller is the ARN of who signed; "" if nobody did.
	Caller string
	// Decisions are what the policies said, and Cause is why it was refused.
	Decisions []*iam.Evidence
	Cause     error
	// Request is the request, for as long as the log is told of it; nil where there was
	// none.
	Request *http.Request
}

// Fault says whether the operation failed for a reason that is not its
// caller's.
func (e Event) Fault() bool { return e.Code == codeInternalError || e.Fix != "" }

// String gives the event as one line without control characters.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	for _, word := range []string{e.Pool, e.User} {
		if word != "" {
			b.WriteString(" " + aws.Printable(word))
		}
	}
	if e.Code == "" {
		b.WriteString(": ok")
	} else {
		b.WriteString(": " + e.Code)
	}
	switch {
	case e.Reason != "":
		b.WriteString(" (" + aws.Printable(e.Reason) + ")")
	case e.Message != "":
		b.WriteString(" (" + aws.Printable(e.Message) + ")")
	}
	if e.Fix != "" {
		b.WriteString(": " + aws.Printable(e.Fix))
	}
	return b.String()
}

// CodeSent is a message that Cognito would have sent and the mailbox has got.
type CodeSent struct {
	// Pool is the pool's declared name, User the username.
	Pool, User string
	// Medium is "EMAIL" or "SMS", To the address or number.
	Medium, To string
	// Purpose says what for: "sign-up", "password reset", "attribute
	// verification", "sign-in" or "invitation".
	Purpose string
	// Code is the code, or the temporary password of an invitation.
	Code string
}

func (s *Service) log(e Event) {
	if s.cfg.Log == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = s.cfg.Now()
	}
	s.cfg.Log(e)
}

// logFault tells of a failure of what nobody called for.
func (s *Service) logFault(what, pool string, err error) {
	s.log(Event{Operation: what, Pool: pool, Code: codeInternalError, Reason: err.Error(), Fix: fixOf(err)})
}
