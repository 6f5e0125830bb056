package authorizer

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
)

// An Invocation is one invocation of an authorizer function, for who wants to tell of
// it. It is the whole event and the whole reply, secrets included.
type Invocation struct {
	// ID is the invocation's own request id, which is on the function's log
	// lines; empty if the function was not invoked for this request.
	ID           string
	Event, Reply []byte
	// PolicySize is about how much memory the Policy of the Decision takes.
	PolicySize int
	// Error says what kept the function from answering, or that it failed.
	Error    string
	Duration time.Duration
}

// end notes what has become of an invocation. Nil is one that nobody wants to know of.
func (i *Invocation) end(began time.Time, reply []byte, functionError string, err error) {
	if i == nil {
		return
	}
	i.Reply, i.Duration = reply, time.Since(began)
	if err != nil {
		i.Error = err.Error()
	} else if functionError != "" {
		i.Error = "function error (" + functionError + ")"
	}
}

// told adds to a decision the policy that it went by, for who wants to know.
func (q *Question) told(d Decision, v *verdict) Decision {
	if q.Invocation != nil {
		d.Policy, q.Invocation.PolicySize = v.policy, 4*v.size
	}
	return d
}

// Snapshot gives what policies are asked of, without the request: its memory is its own.
func (q *Question) Snapshot() *Question {
	s := &Question{ARN: q.ARN, Readings: slices.Clone(q.Readings), SourceIP: strings.Clone(q.SourceIP), Time: q.Time, HTTP: &http.Request{Header: http.Header{}}}
	for _, name := range [...]string{"User-Agent", "Referer"} {
		if v := q.HTTP.Header.Get(name); v != "" {
			s.HTTP.Header[name] = []string{strings.Clone(v)}
		}
	}
	return s
}

// Consider tells of every statement that Evaluate has looked at.
func (q *Question) Consider(p *iam.Policy) []iam.Considered {
	r := iam.Request{Action: InvokeAction, Resource: q.ARN, Context: q.conditionKey}
	for _, arn := range q.Readings {
		reading := iam.Request{Action: InvokeAction, Resource: arn, Context: q.conditionKey}
		if p.Evaluate(&r) != iam.ExplicitDeny && p.Evaluate(&reading) == iam.ExplicitDeny {
			r = reading
		}
	}
	return p.Consider(&r)
}
