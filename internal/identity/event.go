package identity

import (
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// Event is what an operation came to, for one line on the terminal. It holds no
// token and no credentials.
type Event struct {
	aws.Outcome
	// Pool is the pool's name, if it became known.
	Pool string
	// Identity is the identity's id.
	Identity string
	// Role is the role whose credentials were given, or would have been.
	Role string
	// Logins are the providers whose tokens were good, and Choices how the role was
	// chosen, of each login that had a say in it.
	Logins  []string
	Choices []Choice
	// Decisions are what the policies said, also those of whom the role trusts.
	Decisions []*iam.Evidence
}

// Choice is how a role was chosen, or that none was.
type Choice struct {
	// By is what chose: one of those below. Provider is the login's, if it had a say.
	By, Provider string
	// Rules are those of a mapping that were asked, in their order; the last one chose,
	// if its Matched is true.
	Rules []Tried
	// Roles are those that the token names, and Preferred the one of them that it
	// prefers.
	Roles     []string
	Preferred string
	// Custom is the CustomRoleArn of the request.
	Custom string
	// Role is the ARN of the role that was chosen; "" if none was.
	Role string
}

// What chooses a role.
const (
	ByPool  = "pool"  // the pool has one for all
	ByToken = "token" // the claims that a user's groups give
	ByRules = "rules" // the rules of the provider's role mapping
)

// Tried is a rule that a token was held against. Got is nil if the token does not have
// the claim.
type Tried struct {
	Claim, Match, Want string
	Got                []string
	Matched            bool
	Role               string
}

// Fault says whether the operation failed for a reason that is not its caller's.
func (e Event) Fault() bool {
	return e.Code == codeInternalError || e.Code == codeInvalidConfiguration || e.Code == codeExternalService
}

// String gives the event as one line without control characters.
func (e Event) String() string {
	line := e.Verdict(e.Pool, e.Identity)
	if e.Role != "" {
		line += " as " + aws.Printable(e.Role)
	}
	return line + e.Why()
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
