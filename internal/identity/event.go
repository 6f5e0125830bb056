package identity

import (
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Event is what an operation came to, for one line on the terminal. It holds no
// token and no credentials.
type Event struct {
	// Time is when the operation ended, Duration how long it took.
	Time     time.Time
	Duration time.Duration
	// RequestID is the id that the client got.
	RequestID string
	// Operation is the wire name.
	Operation string
	// Pool is the pool's name, if it became known.
	Pool string
	// Identity is the identity's id.
	Identity string
	// Role is the role whose credentials were given, or would have been.
	Role string
	// Code and Message are the error that the client got; "" for a success.
	Code, Message string
	// Reason says why, in words that the client does not get.
	Reason string
}

// Fault says whether the operation failed for a reason that is not its caller's.
func (e Event) Fault() bool {
	return e.Code == codeInternalError || e.Code == codeInvalidConfiguration || e.Code == codeExternalService
}

// String gives the event as one line without control characters.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	for _, word := range []string{e.Pool, e.Identity} {
		if word != "" {
			b.WriteString(" " + aws.Printable(word))
		}
	}
	if e.Code == "" {
		b.WriteString(": ok")
	} else {
		b.WriteString(": " + e.Code)
	}
	if e.Role != "" {
		b.WriteString(" as " + aws.Printable(e.Role))
	}
	switch {
	case e.Reason != "":
		b.WriteString(" (" + aws.Printable(e.Reason) + ")")
	case e.Message != "":
		b.WriteString(" (" + aws.Printable(e.Message) + ")")
	}
	return b.String()
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
