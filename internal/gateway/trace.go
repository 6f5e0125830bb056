package gateway

import (
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/verify"
)

// A Trace is what an Entry does not tell of how a request was decided. It is made
// if Config.Trace asks for it. What it holds is bounded, is no memory that the next
// request uses, and holds no token, signature, code, key or password.
type Trace struct {
	// At is the last step that the request came to: the one that refused it, if
	// any did.
	At Step
	// Took says how long each step took. One that was not reached took nothing.
	Took [steps]time.Duration

	// Claims are those of the token that was verified, and Scopes its scopes if
	// the route asks for any.
	Claims verify.Claims
	Scopes []string
	// Signer is who has signed the request; nil unless the IAM authorizer allowed.
	Signer *apigw.Signer
	// Cached says that the authorizer had the answer already: a token seen
	// before, or a function's answer that is kept.
	Cached bool

	// Authorizer is the invocation of an authorizer function, and Function that
	// of the route's. The zero value is one that did not take place.
	Authorizer, Function authorizer.Invocation

	g    *Gateway
	last time.Time // when the step before ended, by the machine's clock
}

// A Step is one of the things that a request goes through.
type Step uint8

// The steps, in their order. Some are of REST APIs alone.
const (
	AtRequest    Step = iota // the size of its head
	AtStage                  // REST: the path begins with the stage
	AtRoute                  // method and path
	AtPreflight              // CORS
	AtPolicy                 // REST: the API's own policy
	AtAuthorizer             // the route's authorizer
	AtAPIKey                 // REST: an API key
	AtLimits                 // REST: throttles and quotas
	AtValidator              // REST: required parameters
	AtEvent                  // the body is read and the event made of it
	AtInvocation             // the function or the upstream is asked
	AtReply                  // what it gave is made the answer
	steps
)

// reach notes that a step is over and the next begun.
func (x *exchange) reach(s Step) {
	t := x.entry.Trace
	if t == nil {
		return
	}
	now := time.Now()
	t.Took[t.At] += now.Sub(t.last)
	t.At, t.last = s, now
}
