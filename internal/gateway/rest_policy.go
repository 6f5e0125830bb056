package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// maxResourcePolicy is the quota "API Gateway resource policy size (characters):
// 8192".
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const maxResourcePolicy = 8192

// compileResourcePolicy checks and compiles the API's own policy, whose resources
// may be in the short form execute-api:/STAGE/METHOD/PATH, which API Gateway
// completes as it saves a policy. Observed.
func compileResourcePolicy(c *Config) (*iam.Policy, error) {
	text := c.REST.ResourcePolicy
	if len(text) == 0 {
		return nil, nil
	}
	if len(text) > maxResourcePolicy {
		return nil, fmt.Errorf("the resource policy has %d characters, %d at most", len(text), maxResourcePolicy)
	}
	doc, err := policy.ParseResource(text)
	if err != nil {
		return nil, fmt.Errorf("resource policy: %w", err)
	}
	for i := range doc.Statements {
		s := &doc.Statements[i]
		for _, list := range [...][]string{s.Resource, s.NotResource} {
			for j, resource := range list {
				if path, ok := strings.CutPrefix(resource, "execute-api:/"); ok {
					list[j] = c.executeAPI(c.AccountID, c.ID+"/"+path)
				}
			}
		}
	}
	compile := iam.CompileResource
	if c.signed() {
		compile = iam.CompileSigned
	}
	p, err := compile(doc)
	if err != nil {
		return nil, fmt.Errorf("resource policy: %w", err)
	}
	return p, nil
}

// signed says whether a route takes signed requests. Only then can a statement
// name whom it is for: all others are sent by nobody but "*".
func (c *Config) signed() bool {
	return slices.ContainsFunc(c.Routes, func(r Route) bool {
		_, ok := c.Authorizers[r.Authorizer].(SignedAuthorizer)
		return ok
	})
}

// executeAPI gives an ARN of the API's.
func (c *Config) executeAPI(account, resource string) string {
	return aws.ARN{Partition: partition(c.Region), Service: "execute-api", Region: c.Region, AccountID: account, Resource: resource}.String()
}

// authorizeREST asks the route's authorizer and the API's own policy.
//
// Without an authorizer the policy alone decides, and has to allow. A Lambda
// authorizer is not asked about what the policy denies, and then it is enough that
// either allows (table A). A user pool's authorizer is asked first, and then the
// policy has to allow as well (table B). The IAM authorizer weighs the policy
// itself (table A), of who has signed: who has not is refused for that.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
func (x *exchange) authorizeREST() (authorizer.Decision, bool) {
	p := x.g.rest.policy
	if _, isSigned := x.match.authorizer.(SignedAuthorizer); p == nil || isSigned {
		return x.authorize()
	}
	x.reach(AtPolicy)
	q := x.question("")
	if len(q.ARN) > maxMethodARN {
		return x.refusePolicy(methodARNTooLong(q.ARN))
	}
	verdict := q.Evaluate(p)
	x.asked(resourcePolicy, p, q, 0)
	if _, isFunction := x.match.authorizer.(FunctionAuthorizer); isFunction && verdict != iam.ExplicitDeny {
		x.rest.policy = verdict
		return x.authorize()
	} else if x.match.authorizer != nil && !isFunction {
		if d, ok := x.authorize(); !ok || verdict == iam.Allow {
			return d, ok
		}
	} else if verdict == iam.Allow {
		return x.authorize()
	}
	explicit := verdict == iam.ExplicitDeny
	return x.refusePolicy(authorizer.Decision{
		Status: http.StatusForbidden, ExplicitDeny: explicit, Reasons: []authorizer.Reason{x.policyReason(q, p, explicit)},
	})
}

// resourcePolicy is what the log calls the one who has decided.
const resourcePolicy = "resourcePolicy"

func (x *exchange) refusePolicy(d authorizer.Decision) (authorizer.Decision, bool) {
	x.reach(AtPolicy) // after a user pool's authorizer, again
	x.entry.Authorizer, x.entry.Allowed, x.entry.Reasons = resourcePolicy, false, d.Reasons
	if d.Status == http.StatusForbidden {
		arn, _ := x.methodARN()
		x.fail(x.deniedByPolicy(arn, d.ExplicitDeny), nil)
	} else {
		x.failDecision(d)
	}
	return authorizer.Decision{}, false
}

// deniedByPolicy gives the answer to what a resource policy has refused to somebody
// who has not signed. The account is not shown but for its last four digits.
// Observed.
func (x *exchange) deniedByPolicy(arn string, explicitly bool) failure {
	reason := "because no resource-based policy allows the execute-api:Invoke action"
	if explicitly {
		reason = "with an explicit deny in a resource-based policy"
	}
	return deniedBecause("User: anonymous is not authorized to perform: execute-api:Invoke on resource: " + x.masked(arn) + " " + reason)
}

// masked gives an ARN of the API's as answers show it.
func (x *exchange) masked(arn string) string {
	c := &x.g.config
	account := c.AccountID
	if len(account) < 4 {
		return arn
	}
	_, resource, _ := strings.Cut(arn, ":"+account+":")
	return c.executeAPI("********"+account[len(account)-4:], resource)
}

func deniedBecause(message string) failure {
	return failure{
		kind: accessDenied.kind, status: http.StatusForbidden, code: accessDenied.code, denied: true, message: quoteJSON(message),
	}
}
