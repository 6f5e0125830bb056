// Package explain says why a request was let in or refused, and the smallest change
// that would flip it. The rooms leave what decided in a [Ring]; it is put into words
// when somebody asks.
package explain

import (
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/iam"
)

// An Explanation is the story of one request. It holds no secret, and is what
// `doorwright explain --json` prints.
type Explanation struct {
	// RequestID is the apigw-requestid or x-amzn-RequestId of the answer; of a
	// dry run it is nobody's.
	RequestID string    `json:"requestId"`
	Time      time.Time `json:"time"`
	// Source is the API, or the service.
	Source string `json:"source"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Route is the route's key; empty if none matched.
	Route string `json:"route,omitempty"`
	// Status is that of the answer; 0 where a dry run would have gone on.
	Status  int  `json:"status"`
	Allowed bool `json:"allowed"`
	// DryRun says that nobody has sent the request.
	DryRun bool `json:"dryRun,omitempty"`
	// Verdict is one sentence.
	Verdict string   `json:"verdict"`
	Steps   []Step   `json:"steps"`
	Advice  []Advice `json:"advice,omitempty"`
	// Function is the invocation of the route's function.
	Function *Invocation   `json:"function,omitempty"`
	Duration time.Duration `json:"durationNs"`
}

// A Step is one thing that a request went through, or would have.
type Step struct {
	// Kind is a word for programs, one of those below, and Name what it was, such
	// as the authorizer's name.
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	// Outcome is one of those below.
	Outcome string `json:"outcome"`
	Text    string `json:"text"`
	// Facts are what was compared.
	Facts []authorizer.Fact `json:"facts,omitempty"`
	// Statements are those of the policies that were looked at.
	Statements []iam.Considered `json:"statements,omitempty"`
	Duration   time.Duration    `json:"durationNs,omitempty"`
	// Function is the invocation of an authorizer function.
	Function *Invocation `json:"function,omitempty"`
}

// The outcomes of a step.
const (
	Passed     = "passed"
	Refused    = "refused"
	NotReached = "not reached"
	Noted      = "noted"
)

// Advice is a change that would have let the request in.
type Advice struct {
	Text   string             `json:"text"`
	Change *authorizer.Change `json:"change,omitempty"`
}

// An Invocation is what a function was sent and what it gave, with what is secret left
// out.
type Invocation struct {
	Function string `json:"function"`
	// RequestID is the invocation's own, which is on its log lines.
	RequestID string        `json:"requestId,omitempty"`
	Event     string        `json:"event,omitempty"`
	Reply     string        `json:"reply,omitempty"`
	Error     string        `json:"error,omitempty"`
	Log       []string      `json:"log,omitempty"`
	Duration  time.Duration `json:"durationNs,omitempty"`
}
