package explain

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/gateway"
)

// Of puts a record into words, without the log lines that a [Ring] has.
func Of(rec Record) *Explanation {
	if rec.Operation != nil {
		return rec.Operation.explain(rec.Source)
	}
	e := rec.Entry
	x := &Explanation{
		RequestID: e.RequestID, Time: e.Time, Source: rec.Source, Method: e.Method, Path: e.Path, Route: e.RouteKey,
		Status: e.Status, Allowed: e.Allowed, Duration: e.Duration,
	}
	for _, r := range e.Reasons {
		s := Step{Kind: "authorizer", Name: e.Authorizer, Outcome: Refused, Text: r.Text, Facts: r.Facts}
		if e.Allowed {
			s.Outcome = Passed
		} else if r.Hint != "" {
			x.Advice = append(x.Advice, Advice{r.Hint, r.Change})
		}
		x.Steps = append(x.Steps, s)
	}
	x.Verdict = verdict(e)
	return x
}

func verdict(e *gateway.Entry) string {
	if e.Status == 0 {
		return "allowed"
	}
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}

func (o *Operation) explain(source string) *Explanation {
	x := &Explanation{
		RequestID: o.RequestID, Time: o.Time, Source: source, Method: o.Name, Path: o.Resource, Status: o.Status,
		Allowed: o.Allowed, Verdict: o.Verdict, Steps: slices.Clone(o.Steps), Advice: slices.Clone(o.Advice), Duration: o.Duration,
	}
	if o.Tell != nil {
		o.Tell(x)
	}
	return x
}

// Text gives the explanation as `doorwright explain` prints it: lines without
// control characters.
func (e *Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", e.Verdict)
	for _, s := range e.Steps {
		fmt.Fprintf(&b, "  %-11s %s\n", s.Outcome, s.Text)
	}
	for i, a := range e.Advice {
		if i == 0 {
			b.WriteString("To get in:\n")
		}
		fmt.Fprintf(&b, "  %s\n", a.Text)
	}
	return b.String()
}
