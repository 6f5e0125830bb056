package cognito

import (
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// Event is what an operation came to, for one line on the terminal. It holds
// no password, code, session or token.
type Event struct {
	aws.Outcome
	// Pool is the pool's declared name, if it became known.
	Pool string
	// User is the user as the caller named it, or the username behind a token.
	User string
	// Fix says what the user can do about it, if anything.
	Fix string
	// Decisions are what the policies said.
	Decisions []*iam.Evidence
}

// Fault says whether the operation failed for a reason that is not its
// caller's.
func (e Event) Fault() bool { return e.Code == codeInternalError || e.Fix != "" }

// String gives the event as one line without control characters.
func (e Event) String() string {
	line := e.Verdict(e.Pool, e.User) + e.Why()
	if e.Fix != "" {
		line += ": " + aws.Printable(e.Fix)
	}
	return line
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
	s.log(Event{Outcome: aws.Outcome{Operation: what, Code: codeInternalError, Reason: err.Error()}, Pool: pool, Fix: fixOf(err)})
}
