package iam

import (
	"strconv"
	"strings"
	"time"
)

// Source is the kind of policy that decided a request, as AWS's messages name it.
type Source string

// The sources.
const (
	ByRoot     Source = "" // root is allowed all
	ByResource Source = "resource-based policy"
	ByIdentity Source = "identity-based policy"
	ByBoundary Source = "permissions boundary"
	BySession  Source = "session policy"
	ByTrust    Source = "trust policy" // of a role, asked alone
)

// Decision is what all policies that count say of a request together. The zero
// Decision refuses.
type Decision struct {
	Allowed bool
	// Explicit says that a statement denies it; otherwise, unless it is allowed,
	// none allows it.
	Explicit bool
	// By is the kind of policy that decided. Of a request that is allowed it is the
	// one that grants it, and of one that none allows the first that would have had
	// to.
	By Source
	// Statement names the statement that decided, such as "policy 1, statement 2
	// (NoAdmin)"; "" if none did.
	Statement string

	principal, action, resource string
	asked                       *question
	at                          place // of the statement that decided
}

// A place is where a statement is among the policies of its kind; statement is 0 for
// none, and counted from 1.
type place struct{ policy, statement int }

// Message gives AWS's text for a refusal
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).
func (d Decision) Message() string { return d.MessageOn(d.resource) }

// MessageOn is Message for a service that writes the resource in another way, as
// S3 and API Gateway do.
func (d Decision) MessageOn(resource string) string {
	return "User: " + d.principal + " is not authorized to perform: " + d.action + " on resource: " + resource + " " + d.because()
}

// because is how the message ends.
func (d Decision) because() string {
	article := "a "
	if d.By == ByIdentity {
		article = "an "
	}
	if d.Explicit {
		return "with an explicit deny in " + article + string(d.By)
	}
	return "because no " + string(d.By) + " allows the " + d.action + " action"
}

// Explanation says what decided, for the log.
func (d Decision) Explanation() string {
	switch {
	case d.Allowed && d.By == ByRoot:
		return "the root user is allowed all"
	case d.Statement == "":
		return "no " + string(d.By) + " allows " + d.action
	case d.Allowed:
		return d.Statement + " of the " + string(d.By) + " allows " + d.action
	}
	return d.Statement + " of the " + string(d.By) + " denies " + d.action
}

// Decide evaluates every policy that counts for a request, in the order that AWS
// has within one account. resource is the policy of what is asked for; nil is
// none. The request's Context is asked for what the request itself has; what the
// caller brings, nobody else can give.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func (a *Account) Decide(p Principal, r Request, resource *Policy) Decision {
	q := &question{account: a, name: p.ARN, principal: p, request: r, resource: resource, now: a.cfg.Now()}
	if p.anonymous() {
		q.name, q.principal = "anonymous", Principal{}
	}
	return q.decide(nil)
}

// A question is what a decision was about.
type question struct {
	account   *Account
	name      string // of who asks
	principal Principal
	request   Request // whose Context has what is the request's own
	resource  *Policy
	now       time.Time
}

// decide is Decide. With a recorder it looks at every statement, and decides the same.
func (q *question) decide(to *recorder) Decision {
	p, r := &q.principal, q.request
	d := Decision{principal: q.name, action: r.Action, resource: r.Resource, asked: q}
	r.Context = q.account.contextOf(p, r.Context, q.now)
	who := p.caller()

	var policies, session []*Policy
	var boundary []*Policy
	if p.Session != nil {
		role := q.account.roles[p.Session.Role]
		if role == nil {
			d.By = ByIdentity // a role that is gone allows nothing
			return d
		}
		policies, session = role.policies, p.Session.Policies
		if role.boundary != nil {
			boundary = []*Policy{role.boundary}
		}
	}
	var byResource []*Policy
	if q.resource != nil {
		byResource = []*Policy{q.resource}
	}

	e := evaluation{request: &r, who: who, decision: d, to: to}
	granted := e.ask(ByResource, byResource)
	identity := e.ask(ByIdentity, policies)
	bounded := e.ask(ByBoundary, boundary)
	scoped := e.ask(BySession, session)
	switch {
	case e.decision.Explicit: // a Deny anywhere is a Deny
		return e.decision
	case p.Root:
		e.decision.Allowed = true
		return e.decision
	case granted.reach == asSession, granted.reach == toRole && p.anonymous():
		return e.allow(granted)
	case p.anonymous():
		return e.refuse(ByResource)
	case identity.reach == nobody && granted.reach != toRole:
		return e.refuse(ByIdentity)
	case boundary != nil && bounded.reach == nobody:
		return e.refuse(ByBoundary)
	case session != nil && scoped.reach == nobody:
		return e.refuse(BySession)
	case granted.reach == toRole:
		return e.allow(granted)
	}
	return e.allow(identity)
}

// evaluation is a decision under way.
type evaluation struct {
	request  *Request
	who      *caller
	decision Decision
	to       *recorder // nil for a decision alone
}

// answer is what the policies of one kind allow.
type answer struct {
	by        Source
	reach     reach
	statement string
	at        place
}

// ask asks the policies of one kind. The first that denies settles the decision.
func (e *evaluation) ask(by Source, policies []*Policy) (found answer) {
	for i, p := range policies {
		e.to.turn(by, i)
		f := p.evaluate(e.request, e.who, e.to)
		if f.verdict == ImplicitDeny {
			continue
		}
		name := p.nameOf(f.statement)
		if len(policies) > 1 {
			name = "policy " + strconv.Itoa(i+1) + ", " + name
		}
		if f.verdict == ExplicitDeny && !e.decision.Explicit {
			e.decision.Explicit, e.decision.By, e.decision.Statement, e.decision.at = true, by, name, place{i, f.statement + 1}
		}
		if f.verdict == Allow && f.reach > found.reach {
			found = answer{by, f.reach, name, place{i, f.statement + 1}}
		}
	}
	return found
}

func (e *evaluation) allow(by answer) Decision {
	e.decision.Allowed, e.decision.By, e.decision.Statement, e.decision.at = true, by.by, by.statement, by.at
	return e.decision
}

func (e *evaluation) refuse(by Source) Decision {
	e.decision.By = by
	return e.decision
}

// contextOf gives a request the keys of its caller, which come before its own, and
// those that every request has. A caller that is nil has no keys.
func (a *Account) contextOf(p *Principal, own func(string) ([]string, bool), now time.Time) func(string) ([]string, bool) {
	now = now.UTC()
	return func(key string) ([]string, bool) {
		key = strings.ToLower(key)
		if p != nil {
			if values, ok, known := p.values(key); known {
				return values, ok
			}
		}
		switch key {
		case "aws:currenttime":
			return []string{now.Format(time.RFC3339)}, true
		case "aws:epochtime":
			return []string{strconv.FormatInt(now.Unix(), 10)}, true
		}
		if own != nil {
			if values, ok := own(key); ok {
				return values, true
			}
		}
		if key == "aws:requestedregion" && a.cfg.Region != "" {
			return []string{a.cfg.Region}, true
		}
		return nil, false
	}
}
