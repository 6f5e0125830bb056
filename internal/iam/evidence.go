package iam

import (
	"strconv"
	"strings"
)

// Evidence is all that a decision went by, without the request: what is needed to
// decide again and tell of every statement. It holds nothing secret, is bounded, and
// does not change.
type Evidence struct {
	// Principal is the ARN of who asked, or "anonymous"; Action and Resource are what
	// for.
	Principal, Action, Resource string
	// Allowed, Explicit and By are the decision's.
	Allowed, Explicit bool
	By                Source
	// Role is the name of the caller's role; "" for root and who has not signed.
	Role string

	again    func() []Considered
	rendered []Considered // if it is not evaluated again
	size     int
}

// Evidence takes down what the decision went by. It asks the request for the condition
// keys that policies name, and so has to be called while the request is there. A
// decision that nobody made has none.
func (d Decision) Evidence() *Evidence {
	if d.asked == nil {
		return nil
	}
	e := &Evidence{
		Principal: d.principal, Action: shorten(d.action), Resource: shortenTo(d.resource, maxResource),
		Allowed: d.Allowed, Explicit: d.Explicit, By: d.By, size: evidenceSize + len(d.action) + len(d.resource),
	}
	q := *d.asked
	if q.principal.Session != nil {
		e.Role = q.principal.Session.Role
		for name, value := range q.principal.Session.Tags {
			e.size += len(name) + len(value) + 64
		}
		if q.principal.Session.Policies != nil {
			return e.render(d.considered()) // they are of this caller alone, and larger compiled than written
		}
	}
	q.request.Context = e.take(q.request.Context, q.policies())
	if e.size > maxKept {
		return e.render(d.considered())
	}
	e.again = Decision{asked: &q}.considered
	return e
}

// evidenceOf is Evidence for a policy that decides alone, such as whom a role trusts.
func evidenceOf(p *Policy, r Request, who *caller, by Source, principal string) *Evidence {
	found := p.evaluate(&r, who, nil)
	e := &Evidence{
		Principal: shorten(principal), Action: shorten(r.Action), Resource: shortenTo(r.Resource, maxResource),
		Allowed: found.verdict == Allow, Explicit: found.verdict == ExplicitDeny, By: by, size: evidenceSize + len(r.Action) + len(r.Resource),
	}
	r.Context = e.take(r.Context, []*Policy{p})
	if e.size > maxKept {
		return e.render(p.consider(&r, who, by))
	}
	e.again = func() []Considered { return p.consider(&r, who, by) }
	return e
}

// render keeps what is told of it, which is bounded, in the place of what it takes to
// evaluate again.
func (e *Evidence) render(list []Considered) *Evidence {
	e.rendered, e.size = list, evidenceSize+renderedSize(list)
	return e
}

// What an Evidence takes beside what it counts: itself, its question and a session.
const evidenceSize = 768

const (
	maxResource = 2048
	// maxKept bounds the values of a request that are kept of one decision. What has
	// more is told of at once.
	maxKept = 16 << 10
	// maxDecisions bounds how many decisions are kept of one request.
	maxDecisions = 16
)

// Keep adds what a decision went by to that of the others of one request. Of very many
// it keeps the first ones and the last, with which a refused request ends.
func Keep(list []*Evidence, d Decision) []*Evidence {
	e := d.Evidence()
	switch {
	case e == nil:
	case len(list) < maxDecisions:
		list = append(list, e)
	default:
		list[maxDecisions-1] = e
	}
	return list
}

// take asks a request for the keys that policies name.
func (e *Evidence) take(own func(string) ([]string, bool), policies []*Policy) func(string) ([]string, bool) {
	if own == nil {
		return nil
	}
	var kept map[string][]string
	for _, p := range policies {
		for _, key := range p.keys {
			if _, known := kept[key]; known {
				continue
			}
			if values, ok := own(key); ok {
				if kept == nil {
					kept = map[string][]string{}
				}
				own := make([]string, len(values))
				for i, v := range values {
					own[i] = strings.Clone(v) // a part of the request would keep it whole
					e.size += len(v) + 16
				}
				kept[key] = own
				e.size += len(key) + 64
			}
		}
	}
	return func(key string) ([]string, bool) {
		values, ok := kept[key]
		return values, ok
	}
}

// policies are all that the question was asked of.
func (q *question) policies() (all []*Policy) {
	if q.resource != nil {
		all = append(all, q.resource)
	}
	if s := q.principal.Session; s != nil {
		if role := q.account.roles[s.Role]; role != nil {
			all = append(all, role.policies...)
			if role.boundary != nil {
				all = append(all, role.boundary)
			}
		}
		all = append(all, s.Policies...)
	}
	return all
}

func (d Decision) considered() []Considered {
	rec := &recorder{}
	again := d.asked.decide(rec)
	return rec.result(again.By, again.at)
}

// Considered tells of every statement of every policy that counts, in the order in
// which they are looked at. Of very many some are left out, which the last entry says.
func (e *Evidence) Considered() []Considered {
	if e.again == nil {
		return e.rendered
	}
	return e.again()
}

// Size is about how many bytes it takes.
func (e *Evidence) Size() int {
	return e.size
}

func renderedSize(list []Considered) int {
	size := 0
	for i := range list {
		size += list[i].size()
	}
	return size
}

// size is about how many bytes it takes.
func (c *Considered) size() int {
	size := 176 + len(c.Policy) + len(c.Statement) + len(c.Position) + len(c.Why)
	for _, v := range c.About {
		size += len(v) + 16
	}
	for _, x := range c.Conditions {
		size += 96 + len(x.Operator) + len(x.Key)
		for _, values := range [...][]string{x.Want, x.Got} {
			for _, v := range values {
				size += len(v) + 16
			}
		}
	}
	return size
}

// Consider tells of every statement of one policy, of which a request is asked that
// nobody has signed.
func (p *Policy) Consider(r *Request) []Considered {
	return p.consider(r, &caller{}, "")
}

func (p *Policy) consider(r *Request, who *caller, by Source) []Considered {
	rec := &recorder{by: by}
	found := p.evaluate(r, who, rec)
	at := place{}
	if found.verdict != ImplicitDeny {
		at.statement = found.statement + 1
	}
	return rec.result(by, at)
}

// result gives what was noted, with the statement marked that decided.
func (rec *recorder) result(by Source, at place) []Considered {
	for i := range rec.list {
		rec.list[i].Deciding = at.statement > 0 && rec.places[i] == considered{by, at}
	}
	if rec.left > 0 {
		rec.list = append(rec.list, Considered{Policy: "…", Statement: strconv.Itoa(rec.left) + " more statements", Why: "too many to keep"})
	}
	return rec.list
}

// Nearest finds the statement that says most of a decision: the one that decided, or
// else, of the kind of policy that would have had to allow, an Allow of this action and
// resource of which a condition does not hold. It is nil if there is none.
func Nearest(list []Considered, by Source) *Considered {
	for i := range list {
		if list[i].Deciding {
			return &list[i]
		}
	}
	for i := range list {
		if c := &list[i]; c.Source == by && c.Effect == allow && !c.Matched && len(c.Conditions) > 0 {
			return c
		}
	}
	return nil
}

const allow = "Allow"

// In names a statement by its policy and, if it is known, where it stands: "statement 2
// of identityPools.Auth.permissions.authenticated (doorwright.yaml:21)".
func (c *Considered) In() string {
	name := c.Statement + " of " + c.Policy
	if c.Position != "" {
		name += " (" + c.Position + ")"
	}
	return name
}

// Verdict says in one line what was decided and by what.
func (e *Evidence) Verdict() string { return e.verdict(e.Considered()) }

func (e *Evidence) verdict(all []Considered) string {
	if e.Allowed && e.By == ByRoot {
		return "the root user is allowed all"
	}
	near := Nearest(all, e.By)
	switch {
	case near == nil:
		return "no statement of the " + string(e.By) + " allows " + e.Action + " on " + shorten(e.Resource)
	case !near.Deciding:
		return near.In() + " does not allow " + e.Action + " because " + near.failing()
	case near.Effect == allow:
		return near.In() + " allows " + e.Action
	case len(near.Conditions) == 0:
		return near.In() + " denies " + e.Action + " on " + shorten(e.Resource)
	}
	return near.In() + " denies " + e.Action + " because " + near.Why
}

// failing says the conditions that do not hold.
func (c *Considered) failing() string {
	var all []string
	for _, x := range c.Conditions {
		if !x.Match {
			all = append(all, x.String())
		}
	}
	return shortenTo(strings.Join(all, "; "), maxWhy)
}
