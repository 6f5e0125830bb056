package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
)

// Of puts a record into words, without the log lines that a [Ring] has.
func Of(rec Record) *Explanation {
	if rec.Entry != nil && !rec.isSettled {
		e := *rec.Entry
		rec.Entry = &e
		rec.settle()
	}
	if rec.Operation != nil {
		return rec.Operation.explain(rec.Source)
	}
	e := rec.Entry
	s := story{Record: rec, x: &Explanation{
		RequestID: e.RequestID, Time: e.Time, Source: rec.Source, Method: e.Method, Path: e.Path, Route: e.RouteKey,
		Status: e.Status, Allowed: e.Allowed, Duration: e.Duration,
	}}
	s.refused = e.Status != 0 && (!e.Allowed || e.Refusal != nil && e.Status >= 400 || rec.panicked)
	s.tellSteps()
	s.advise()
	s.x.Verdict = s.verdict()
	return s.x
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

// A story is an explanation under way.
type story struct {
	Record
	x       *Explanation
	refused bool
}

// The kinds of steps.
const (
	KindRequest    = "request"
	KindStage      = "stage"
	KindRoute      = "route"
	KindPreflight  = "preflight"
	KindPolicy     = "resource policy"
	KindAuthorizer = "authorizer"
	KindClaims     = "claims"
	KindSignature  = "signature"
	KindAPIKey     = "api key"
	KindLimits     = "limits"
	KindValidator  = "validator"
	KindEvent      = "event"
	KindInvocation = "invocation"
	KindReply      = "reply"
	KindResponse   = "gateway response"

	// Of requests to other services, beside KindSignature.
	KindLogin       = "login"       // a provider's token
	KindRole        = "role"        // which role an identity gets
	KindPermissions = "permissions" // what policies say of one action and resource
	KindScopes      = "scopes"      // what a tenant's token lacks
	KindOperation   = "operation"   // the operation itself
)

var kinds = [...]string{
	gateway.AtRequest: KindRequest, gateway.AtStage: KindStage, gateway.AtRoute: KindRoute, gateway.AtPreflight: KindPreflight,
	gateway.AtPolicy: KindPolicy, gateway.AtAuthorizer: KindAuthorizer, gateway.AtAPIKey: KindAPIKey, gateway.AtLimits: KindLimits,
	gateway.AtValidator: KindValidator, gateway.AtEvent: KindEvent, gateway.AtInvocation: KindInvocation, gateway.AtReply: KindReply,
}

// tellSteps tells of every step, in the order of the request's way.
func (s *story) tellSteps() {
	e := s.Entry
	t := e.Trace
	if t == nil {
		s.add(Step{Kind: KindAuthorizer, Name: e.Authorizer, Outcome: s.outcome(), Text: s.why()})
		return
	}
	plan := e.Plan()
	came := slices.Index(plan, t.At)
	for i, at := range plan {
		step := Step{Kind: kinds[at], Duration: t.Took[at]}
		switch {
		case i > came && s.x.Status == 0 && !s.panicked:
			step.Outcome, step.Text = NotReached, "a dry run ends before this"
		case i > came:
			step.Outcome, step.Text = NotReached, "not asked"
		case i == came && s.refused:
			step.Outcome, step.Text = Refused, s.why()
		default:
			step.Outcome = Passed
		}
		s.tell(at, step)
	}
	if t.Response != "" {
		text := "API Gateway's own " + t.Response
		if t.Configured {
			text = t.Response + ", as the API's gatewayResponses or cors have it"
		}
		s.add(Step{Kind: KindResponse, Name: t.Response, Outcome: Noted, Text: text})
	}
}

func (s *story) add(step Step) { s.x.Steps = append(s.x.Steps, step) }

func (s *story) outcome() string {
	if s.refused {
		return Refused
	}
	return Passed
}

// tell tells of one step. One that everything passes is told of if it refused.
func (s *story) tell(at gateway.Step, step Step) {
	e, t := s.Entry, s.Entry.Trace
	if step.Outcome == Refused {
		step.Facts = s.facts()
	}
	switch at {
	case gateway.AtRequest, gateway.AtStage, gateway.AtEvent:
		if step.Outcome == Refused {
			s.add(step)
		}
	case gateway.AtRoute:
		s.tellRoute(step)
	case gateway.AtPreflight:
		s.tellPreflight(step)
	case gateway.AtPolicy:
		if step.Outcome == Passed {
			step.Text = "the API's own policy does not stand in the way"
		}
		step.Statements = considered(t.Policies, step.Kind)
		s.add(step)
	case gateway.AtAuthorizer:
		s.tellAuthorizer(step)
	case gateway.AtAPIKey:
		if step.Outcome == Passed {
			step.Name, step.Text = t.APIKey, "the key "+t.APIKey+" is in the usage plan "+t.UsagePlan
		}
		s.add(step)
	case gateway.AtLimits:
		if step.Outcome == Passed {
			step.Text = "within the rates and quotas"
		}
		s.add(step)
	case gateway.AtValidator:
		if step.Outcome == Passed {
			step.Text = "the required parameters are there"
		}
		s.add(step)
	case gateway.AtInvocation:
		step.Name = cmp.Or(e.Function, e.URL)
		if step.Outcome == Passed {
			step.Text = "was asked, and has answered"
			if e.URL != "" {
				step.Text = "the request was passed on"
			}
		}
		s.x.Function = invocation(&t.Function)
		s.add(step)
	case gateway.AtReply:
		if step.Outcome == Passed {
			step.Text = "answered with " + status(e.Status)
		}
		if e.URL == "" && step.Outcome == Passed || step.Outcome == Refused {
			s.add(step)
		}
	}
}

// tellRoute tells of the route, and of those that were passed over.
func (s *story) tellRoute(step Step) {
	e := s.Entry
	step.Name = e.RouteKey
	if step.Outcome == Passed {
		step.Text = e.RouteKey + " goes to " + cmp.Or(e.Function, e.URL)
		if e.Trace.At == gateway.AtPreflight && e.RouteKey == "" {
			step.Text = "none is needed for a preflight"
		}
	}
	s.add(step)
	for _, p := range e.PassedOver() {
		s.add(Step{Kind: KindRoute, Name: p.Route, Outcome: Noted, Text: p.Why})
	}
}

func (s *story) tellPreflight(step Step) {
	if step.Outcome == Passed {
		step.Text = "the gateway answers the preflight by itself: the origin may send the request"
		if r := s.Entry.Refusal; r != nil {
			step.Outcome, step.Text, step.Facts = Refused, r.Text, r.Facts
		}
	}
	s.add(step)
}

// tellAuthorizer tells of the authorizer: what it compared, who the caller is, and the
// function that it asked.
func (s *story) tellAuthorizer(step Step) {
	e, t := s.Entry, s.Entry.Trace
	if step.Name = e.Authorizer; e.Authorizer == gateway.None {
		step.Text = "none: the route is open to everybody"
		s.add(step)
		return
	}
	if step.Outcome == Passed {
		step.Text = s.reasons()
		if t.At == gateway.AtPolicy { // a user pool's, which has let the request in
			step.Name, step.Text = "", "the token was verified"
		}
	}
	if t.Cached && step.Outcome != NotReached {
		step.Text += " (known from an earlier request)"
	}
	step.Statements = considered(t.Policies, step.Kind)
	step.Function = invocation(&t.Authorizer)
	s.add(step)
	if facts := claims(t); len(facts) > 0 {
		s.add(Step{Kind: KindClaims, Outcome: Noted, Text: "the token says", Facts: facts})
	}
	if t.Signer != nil {
		s.add(Step{Kind: KindSignature, Outcome: Noted, Text: "signed by " + t.Signer.UserARN + " with the key " + t.Signer.AccessKey})
	}
	if t.Signed != "" {
		s.add(Step{Kind: KindSignature, Outcome: Noted, Text: "what should have been signed is the canonical request\n" + t.Signed})
	}
}

// considered gives the statements of the policies that a step has asked.
func considered(policies []gateway.Asked, kind string) (all []iam.Considered) {
	for i := range policies {
		own := policies[i].Name == "resourcePolicy"
		if own != (kind == KindPolicy) {
			continue
		}
		list := policies[i].Considered()
		for j := range list {
			if list[j].Policy == "policy" { // it has no name of its own
				list[j].Policy = policies[i].Name
			}
		}
		all = append(all, list...)
	}
	return all
}

// claims gives the claims of a token for people.
func claims(t *gateway.Trace) (facts []authorizer.Fact) {
	const most, longest = 50, 200
	for name, value := range t.Claims.All() {
		text, ok := value.(string)
		if !ok {
			b, err := json.Marshal(value)
			if err != nil {
				continue
			}
			text = string(b)
		}
		if len(text) > longest {
			text = text[:longest] + "..."
		}
		// A claim may be called anything, and hold what is secret elsewhere.
		b, err := json.Marshal(map[string]string{name: text})
		if err != nil {
			continue
		}
		var shown map[string]string
		if json.Unmarshal(gateway.Redact(b), &shown) == nil {
			text = shown[name]
		}
		if facts = append(facts, authorizer.Fact{Name: name, Got: text, Match: true}); len(facts) == most {
			break
		}
	}
	return facts
}

func invocation(i *gateway.Invocation) *Invocation {
	if i.Function == "" {
		return nil
	}
	return &Invocation{
		Function: i.Function, RequestID: i.ID, Event: string(i.Event), Reply: string(i.Reply), Error: i.Error, Duration: i.Duration,
	}
}

// why says why the request was refused: the gateway's own reason, or the authorizer's.
func (s *story) why() string {
	e := s.Entry
	switch {
	case s.panicked:
		return "an internal error: " + s.cause
	case e.Refusal != nil:
		return e.Refusal.Text
	case s.cause != "":
		return s.cause
	}
	return s.reasons()
}

func (s *story) reasons() string {
	var texts []string
	for _, r := range s.Entry.Reasons {
		texts = append(texts, r.Text)
	}
	return strings.Join(texts, "; ")
}

// facts are those of what refused.
func (s *story) facts() (facts []authorizer.Fact) {
	if r := s.Entry.Refusal; r != nil {
		return r.Facts
	}
	for _, r := range s.Entry.Reasons {
		facts = append(facts, r.Facts...)
	}
	return facts
}

// advise gives what would have let the request in, the smallest change first.
func (s *story) advise() {
	e := s.Entry
	reasons := e.Reasons
	if e.Refusal != nil {
		reasons = append([]authorizer.Reason{*e.Refusal}, reasons...)
	} else if e.Allowed {
		return
	}
	for _, r := range reasons {
		known := slices.ContainsFunc(s.x.Advice, func(a Advice) bool { return a.Text == r.Hint })
		if r.Hint != "" && !known {
			s.x.Advice = append(s.x.Advice, Advice{r.Hint, r.Change})
		}
	}
}

// verdict says it all in one sentence.
func (s *story) verdict() string {
	e := s.Entry
	who := ""
	if t := e.Trace; t != nil && s.refused {
		switch t.At {
		case gateway.AtAuthorizer:
			who = "the authorizer " + e.Authorizer + " refused: "
		case gateway.AtPolicy:
			who = "the API's resource policy refused: "
		case gateway.AtInvocation, gateway.AtReply:
			who = "the request was let in, and then failed: "
		}
	}
	target := cmp.Or(e.Function, e.URL)
	switch {
	case s.refused && who == "" && e.Authorizer != "":
		return status(e.Status) + ": " + s.why()
	case s.refused:
		return status(e.Status) + ": " + who + s.why()
	case e.Trace != nil && e.Trace.At == gateway.AtPreflight:
		if e.Refusal != nil {
			return status(e.Status) + ": " + e.Refusal.Text // which ends in: the browser goes no further
		}
		return status(e.Status) + ": the gateway answers the preflight"
	case e.Status == 0:
		return "let in: " + e.RouteKey + " by " + s.by() + "; it would go to " + target
	case e.Status >= 400:
		return status(e.Status) + ": the request was let in by " + s.by() + ", and " + target + " answered so itself"
	}
	return status(e.Status) + ": let in by " + s.by() + ", and answered by " + target
}

// by says who has let the request in.
func (s *story) by() string {
	if s.Entry.Authorizer == gateway.None {
		return "a route that is open to everybody"
	}
	return "the authorizer " + s.Entry.Authorizer
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// say writes a fact for people.
func say(f authorizer.Fact) string {
	switch {
	case f.Want == "":
		return f.Name + ": " + f.Got
	case f.Match:
		return fmt.Sprintf("%s: %s, as wanted", f.Name, cmp.Or(f.Got, f.Want))
	}
	return fmt.Sprintf("%s: %s; wanted %s", f.Name, cmp.Or(f.Got, "nothing"), f.Want)
}
