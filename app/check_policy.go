package app

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// maxResourcePolicy is in characters (API Gateway quotas, "API Gateway resource
// policy size").
const maxResourcePolicy = 8192

// resourcePolicy reports what of a REST API's policy cannot be evaluated, where it
// stands. Only the policy of an API whose routes take signed requests can say whom a
// statement is for.
func (c *checker) resourcePolicy(path string, api *API) {
	p, compile := api.ResourcePolicy, iam.CompileResource
	if api.takesSigned() {
		compile = iam.CompileSigned
	}
	if p == nil || c.opaque[path] || c.opaque[path+".Statement"] {
		return
	}
	whole := true
	for i, s := range p.Statement {
		at := fmt.Sprintf("%s.Statement[%d]", path, i)
		if s == nil || c.opaque[at] || s.Effect == "" || s.Principal == nil || len(s.Principal.AWS) == 0 ||
			slices.Contains(slices.Concat(s.Principal.AWS, s.Action, s.NotAction, s.Resource, s.NotResource), "") { // reported
			whole = false
			continue
		}
		one := *s
		one.Condition = Map[Map[[]string]]{}
		if err := evaluable(p.Version, &one, compile); err != nil && c.readable(at) {
			c.at(at, "", "the statement cannot be evaluated: %s", err)
			continue
		}
		for operator, keys := range s.Condition.All() {
			below := join(at+".Condition", operator)
			if keys.Len() == 0 && !c.opaque[below] {
				c.key(below, "name a key, such as aws:SourceIp", "the condition %s has no key", operator)
			}
			for key, values := range keys.All() {
				if len(values) == 0 || c.opaque[join(below, key)] {
					continue // reported
				}
				if !grammarOf("condition operator or key").matches(key) {
					continue // reported
				}
				var single Map[[]string]
				single.put(key, values)
				one.Condition = Map[Map[[]string]]{}
				one.Condition.put(operator, single)
				if err := evaluable(p.Version, &one, compile); err != nil {
					c.key(join(below, key), "", "the condition %s of %s cannot be evaluated: %s", operator, key, err)
				}
			}
		}
	}
	if whole {
		if n := len(p.JSON()); n > maxResourcePolicy {
			c.key(path, "the limit is AWS's", "the policy has %d characters as JSON, %d at most", n, maxResourcePolicy)
		}
	}
}

// takesSigned says whether a route of the API has the authorizer iam.
func (a *API) takesSigned() bool {
	for _, r := range a.Routes.All() {
		if r != nil && cmp.Or(r.Authorizer, a.Defaults.Authorizer) == AuthorizerIAM {
			return true
		}
	}
	return false
}

// evaluable says what is wrong with a statement.
func evaluable(version string, s *PolicyStatement, compile func(policy.Document) (*iam.Policy, error)) error {
	one := ResourcePolicy{Version: cmp.Or(version, "2012-10-17"), Statement: []*PolicyStatement{s}}
	doc, err := policy.ParseResource(one.JSON())
	if err != nil {
		return err
	}
	for _, list := range [...][]string{doc.Statements[0].Resource, doc.Statements[0].NotResource} {
		for i, r := range list { // the gateway completes the short form
			list[i] = strings.Replace(r, "execute-api:/", "arn:aws:execute-api:*:*:*/", 1)
		}
	}
	_, err = compile(doc)
	// What is of the whole policy, and of which statement and condition, is seen by
	// where it stands.
	for range 1 + s.Condition.Len() {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
	}
	return err
}
