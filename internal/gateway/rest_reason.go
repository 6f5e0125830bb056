package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/iam"
)

const apiKeyHeader = "x-api-key"

// apiKeyReason explains why a request has no API key that counts. It names keys and
// plans, and shows no value.
func (x *exchange) apiKeyReason(err error, key *apiKey, value string) error {
	u := x.g.rest.usage
	r := authorizer.Reason{Code: CodeNoAPIKey, Text: err.Error()}
	fromAuthorizer := u.source == KeyFromAuthorizer
	source, change := "header "+apiKeyHeader, authorizer.Change{Where: authorizer.InHeader, Name: apiKeyHeader, Value: "KEY"}
	if fromAuthorizer {
		source = "usageIdentifierKey"
		change = authorizer.Change{Where: authorizer.InFunction, Name: x.match.authorizerName, Value: "usageIdentifierKey"}
	}
	f := authorizer.Fact{Name: source, Want: "the value of " + u.names(), Got: "none"}
	switch {
	case key != nil:
		r.Code = CodeNoUsagePlan
		f = authorizer.Fact{Name: "usage plan of the API key " + key.Name, Want: "one", Got: "none"}
		path := x.g.config.declared("usagePlans")
		r.Hint = "add a usage plan with apiKeys: [" + key.Name + "] to " + path
		if name := x.g.config.REST.firstPlan(); name != "" {
			path = x.g.config.declared("usagePlans", name, "apiKeys")
			r.Hint = "add " + key.Name + " to " + path
		}
		change = authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: key.Name}
	case errors.Is(err, errSeveralKeys):
		f.Want, f.Got = "once", strconv.Itoa(len(x.r.Header[http.CanonicalHeaderKey(apiKeyHeader)]))+" times"
		r.Hint = "send the header " + apiKeyHeader + " once"
	case value == "" && fromAuthorizer:
		r.Hint = "let the authorizer's function return usageIdentifierKey with the value of " + u.names()
	case value == "":
		r.Hint = "send the header " + apiKeyHeader + " with the value of " + u.names()
		if x.r.URL.Query().Has(apiKeyHeader) {
			r.Hint += "; in the query it does not count"
		}
	default:
		r.Code = CodeUnknownAPIKey
		f.Got = fmt.Sprintf("another of %d characters", len(value))
		r.Hint = "send the value of " + u.names()
		if fromAuthorizer {
			r.Hint = "let the authorizer's function return usageIdentifierKey with the value of " + u.names()
		}
		for _, k := range u.keys {
			if value == k.ID || value == k.Name {
				f.Got = "the name or id of the API key " + k.Name
				r.Hint = "this is the key's name or id: send its value"
			}
		}
	}
	r.Facts, r.Change = []authorizer.Fact{f}, &change
	return &refused{r, err}
}

// firstPlan names a usage plan, or nothing.
func (r *REST) firstPlan() string {
	if len(r.UsagePlans) == 0 {
		return ""
	}
	return r.UsagePlans[0].Name
}

// names lists the keys that open routes, each with its plan.
func (u *usage) names() string {
	const most = 5
	var names []string
	more := 0
	for _, k := range u.keys {
		switch {
		case k.plan == nil:
		case len(names) == most:
			more++
		default:
			names = append(names, k.Name+" (plan "+k.plan.Name+")")
		}
	}
	switch {
	case len(names) == 0:
		return "an API key that a usage plan names: there is none"
	case more > 0:
		return fmt.Sprintf("the API key %s or %d more", strings.Join(names, ", "), more)
	}
	return "the API key " + strings.Join(names, " or ")
}

// throttledReason explains a bucket without a token: of a key, or of the route if
// that is nil.
func (x *exchange) throttledReason(b *bucket, key *apiKey) error {
	text, path := "the route is over its rate", x.g.config.declared("throttle", "burstLimit")
	if slices.ContainsFunc(x.g.config.Routes, func(r Route) bool { return r.Key == x.match.key && r.Throttle != nil }) {
		path = x.g.config.declared("routes", x.match.key, "throttle", "burstLimit")
	}
	if key != nil {
		text = fmt.Sprintf("the API key %s is over the rate of its usage plan %s", key.Name, key.plan.Name)
		path = x.g.config.declared("usagePlans", key.plan.Name, "throttle", "burstLimit")
		if _, own := key.routes[x.match.key]; own {
			path = x.g.config.declared("usagePlans", key.plan.Name, "routes", x.match.key, "burstLimit")
		}
	}
	r := authorizer.Reason{Code: CodeThrottled, Text: text, Facts: []authorizer.Fact{{
		Name: "rate", Want: fmt.Sprintf("%d a second, %d at once", b.limit.RateLimit, b.limit.BurstLimit), Got: "more",
	}}}
	wait, comes := b.wait()
	if !comes {
		r.Hint = "nothing passes at rate 0 once the burst is spent: raise " + path
		if b.limit.BurstLimit == 0 {
			r.Hint = "nothing passes with a burst of 0: raise " + path
		}
		r.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: strconv.Itoa(max(1, 2*b.limit.BurstLimit))}
		return because(r)
	}
	r.Hint = "wait " + wait.String() + ", or raise " + path
	r.Change = &authorizer.Change{Where: authorizer.InClock, Name: "wait", Value: wait.String()}
	return because(r)
}

// wait says how long it takes until there is a token, or that none comes.
func (b *bucket) wait() (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit.RateLimit == 0 || b.limit.BurstLimit == 0 {
		return 0, false
	}
	seconds := (1 - b.tokens) / float64(b.limit.RateLimit)
	wait := time.Duration(seconds * float64(time.Second)).Truncate(time.Millisecond)
	return wait + time.Millisecond, true
}

// quotaReason explains a quota that is used up.
func (x *exchange) quotaReason(key *apiKey) error {
	q := key.quota.quota
	wait := q.end(x.entry.Time).Sub(x.entry.Time).Truncate(time.Second) + time.Second
	path := x.g.config.declared("usagePlans", key.plan.Name, "quota", "limit")
	return because(authorizer.Reason{
		Code: CodeQuotaExceeded, Text: fmt.Sprintf("the API key %s is over the quota of its usage plan %s", key.Name, key.plan.Name),
		Facts:  []authorizer.Fact{{Name: "quota", Want: fmt.Sprintf("%d a %s", q.Limit, strings.ToLower(q.Period)), Got: "more"}},
		Hint:   fmt.Sprintf("wait %s, until the %s ends in UTC, or raise %s", wait, strings.ToLower(q.Period), path),
		Change: &authorizer.Change{Where: authorizer.InClock, Name: "wait", Value: wait.String()},
	})
}

// end gives when the period of a moment ends.
func (q Quota) end(now time.Time) time.Time {
	begin := q.begin(now)
	switch q.Period {
	case "WEEK":
		return begin.AddDate(0, 0, 7)
	case "MONTH":
		return begin.AddDate(0, 1, 0)
	}
	return begin.AddDate(0, 0, 1)
}

// policyReason explains why the API's own policy has refused.
func (x *exchange) policyReason(q *authorizer.Question, p *iam.Policy, explicit bool) authorizer.Reason {
	name := x.g.config.declared(resourcePolicy)
	resource := "execute-api:/" + x.g.config.Stage + "/" + x.r.Method + x.withoutSegments(x.rest.path, "*")
	near := q.Nearest(p)
	facts := append([]authorizer.Fact{
		{Name: "Action", Want: "what a statement allows", Got: authorizer.InvokeAction, Match: near != nil},
		{Name: "Resource", Want: "what a statement allows", Got: authorizer.ShortQuote(resource), Match: near != nil},
	}, authorizer.Conditions(near)...)
	if explicit {
		statement := q.Denying(p)
		for i := range 2 {
			facts[i].Want, facts[i].Match = "nothing that a statement denies", false
		}
		return authorizer.Reason{
			Code: authorizer.CodeExplicitDeny, Text: statement + " denies this request of " + x.entry.SourceIP, Facts: facts,
			Hint:   "a Deny counts before every Allow: narrow " + statement + " of " + name + ", or take it out",
			Change: &authorizer.Change{Where: authorizer.InPolicy, Name: name, Value: "without " + statement},
		}
	}
	return authorizer.Reason{
		Code: authorizer.CodeImplicitDeny, Text: "no statement allows this request of " + x.entry.SourceIP, Facts: facts,
		Hint:   "add a statement to " + name + " that allows it, such as for Resource " + authorizer.ShownResource(resource) + authorizer.Failing(near),
		Change: &authorizer.Change{Where: authorizer.InPolicy, Name: name, Value: authorizer.Statement("*", resource)},
	}
}
