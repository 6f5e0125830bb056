package doorwright

import "time"

// Kind says what sort of thing happened.
type Kind string

// The kinds of events.
const (
	KindProgress Kind = "progress" // a step of starting, or of a rebuild
	KindReady    Kind = "ready"    // everything answers
	KindRequest  Kind = "request"  // one request and its decision
	KindFunction Kind = "function" // one line of a function's log
	KindPool     Kind = "pool"     // one operation on a user pool
	KindService  Kind = "service"  // one operation on another service of AWS
	KindTenant   Kind = "tenant"   // one request to a tenant
	KindCode     Kind = "code"     // a code was sent to a user
	KindWarning  Kind = "warning"  // works, but not as the user may think
	KindError    Kind = "error"    // does not work: what, why, and the fix
)

// Event is one thing that happened while an app ran. It holds no secret but
// for Secret.
type Event struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Text is one line, or several for compile errors, ready to be shown.
	// Control characters from outside are escaped.
	Text string `json:"text"`
	// Source is what it is about: an API, a function, a user pool, or a tenant.
	Source string `json:"source,omitempty"`
	// Line is where a line of KindFunction comes from: stdout, stderr, or Lambda itself,
	// START, END, REPORT or platform.
	Line string `json:"line,omitempty"`
	// RequestID ties what belongs to one request together.
	RequestID string `json:"requestId,omitempty"`
	// Request is set for KindRequest.
	Request *Request `json:"request,omitempty"`
	// Refused says that an operation of a service was refused for its signature, or that
	// policies denied it: App.Explain says why, by RequestID. Of a request to an API, Request says it.
	Refused bool `json:"refused,omitempty"`
	// Outputs are the declared outputs, for KindReady.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Mailbox is the folder in which the message of KindCode is.
	Mailbox string `json:"mailbox,omitempty"`
	// Secret is the code of KindCode. It is for a terminal that a person
	// looks at, and is never encoded.
	Secret string `json:"-"`
}

// Request is one finished request to an API.
type Request struct {
	API      string        `json:"api"`
	Method   string        `json:"method"`
	Path     string        `json:"path"`
	RouteKey string        `json:"routeKey,omitempty"`
	Status   int           `json:"status"`
	Function string        `json:"function,omitempty"`
	Duration time.Duration `json:"durationNs"`
	// Reasons say why the authorizer decided as it did.
	Reasons []string `json:"reasons,omitempty"`
	// Refused says that the authorizer or the gateway refused it, or could not get an
	// answer: App.Explain says why, by the event's RequestID.
	Refused bool `json:"refused,omitempty"`
	// Hint is the smallest change that would have let a refused request in.
	Hint string `json:"hint,omitempty"`
	// Cause says why the gateway answered an error of its own.
	Cause string `json:"cause,omitempty"`
}
