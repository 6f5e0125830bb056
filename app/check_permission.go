package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A grantee is who gets permissions.
type grantee int

const (
	toFunction grantee = iota
	toIdentity         // who is signed in at an identity pool
	toAnybody          // who is not
)

// services are the services that permissions can be about: those that run here, by
// which nothing is allowed that would not be asked.
var services = map[string]RefKind{
	"execute-api": RefAPI, "dynamodb": RefTable, "s3": RefBucket, "cognito-idp": RefUserPool, "cognito-identity": RefIdentityPool, "sts": "",
}

// grant checks the permissions at path, which are those of to.
func (c *checker) grant(path string, list []*Permission, to grantee) {
	if c.opaque[path] {
		return
	}
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if p == nil || c.opaque[at] || !c.readable(at) {
			continue
		}
		if p.Resource != "" {
			c.wholeResource(at, p, to)
		} else if len(p.Actions) > 0 {
			c.statement(at, p, to)
		}
	}
}

// wholeResource checks a permission that names a resource and nothing else.
func (c *checker) wholeResource(at string, p *Permission, to grantee) {
	for _, key := range []string{"resources", "condition", "effect"} {
		if _, ok := c.places[at+"."+key]; ok {
			c.key(at+"."+key, "write actions: [...] and resources: [...] in the place of resource", "%s goes with actions: a resource alone is allowed whole", key)
		}
	}
	kind, ok := c.resourceOf(at+".resource", p.Resource)
	if ok && to != toFunction && slices.ContainsFunc(Grants(), func(g Grant) bool { return g.Kind == kind && g.FunctionsOnly }) {
		c.at(at+".resource", "write a statement with the actions that are meant, or give the permission to a function", "%s.%s whole lets its holder manage the users: that is for functions, not for the users themselves", kind, lastWord(p.Resource))
	}
}

// resourceOf finds the one kind of resource that has a name, or reports that there is
// none, or several.
func (c *checker) resourceOf(at, name string) (RefKind, bool) {
	kinds := c.app.kindsOf(name)
	switch {
	case len(kinds) == 1:
		return kinds[0], true
	case len(kinds) > 1:
		var known []string
		for _, k := range kinds {
			known = append(known, string(k)+"."+name)
		}
		c.at(at, "write "+oneOf(known), "several resources are called %s", name)
		return "", false
	}
	var known []string
	for _, k := range c.app.grantable() {
		if !c.readable(string(k.kind)) {
			return "", false // it may be there
		}
		for _, n := range k.names {
			if strings.Contains(name, ".") {
				n = string(k.kind) + "." + n
			}
			known = append(known, n)
		}
	}
	hint := didYouMean(name, known)
	switch {
	case slices.Contains(c.app.Tenants.Keys(), name):
		hint = "a tenant is none of AWS's: its tokens are used without a permission"
	case hint == "" && len(known) == 0:
		hint = "declare it"
	case hint == "":
		hint = "there are " + strings.Join(known[:min(len(known), 10)], ", ")
	}
	c.at(at, hint, "there is no API, table, bucket, user pool or identity pool %s", name)
	return "", false
}

// statement checks a permission that is an IAM statement.
func (c *checker) statement(at string, p *Permission, to grantee) {
	if _, ok := c.places[at+".resources"]; !ok {
		c.key(at, `add resources: [NAME], or resources: ["*"]`, "the statement says what may be done, and not with which resources")
		return
	}
	if slices.Contains(slices.Concat(p.Actions, p.Resources), "") || c.opaque[at+".resources"] {
		return // reported
	}
	var used []string // services
	for i, action := range p.Actions {
		service, _, _ := strings.Cut(action, ":")
		used = append(used, service)
		if _, ok := services[service]; !ok && action != "*" {
			hint := didYouMean(service, sortedKeys(services))
			if hint == "" {
				hint = "the services are " + strings.Join(sortedKeys(services), ", ")
			}
			c.at(fmt.Sprintf("%s.actions[%d]", at, i), hint, "actions of the service %q cannot be asked for here", service)
		}
	}
	for i, r := range p.Resources {
		c.statementResource(fmt.Sprintf("%s.resources[%d]", at, i), r)
	}
	c.conditions(at, p, to, used)
	if to == toFunction {
		for i, r := range p.Resources {
			if strings.Contains(r, "${cognito-identity.amazonaws.com:") {
				c.at(fmt.Sprintf("%s.resources[%d]", at, i), "give the permission to an identity pool, or name the resource without the variable", "the variable has a value for identities of an identity pool alone: for a function the statement would never hold")
			}
		}
	}
	one := *p
	one.Condition = Map[Map[[]string]]{}
	if err := compiles(&one); err != nil {
		c.at(at, "", "the statement cannot be evaluated: %s", err)
	}
}

// statementResource checks a resource of a statement.
func (c *checker) statementResource(at, text string) {
	if text == "*" || strings.HasPrefix(text, "arn:") {
		return
	}
	name, path, part := strings.Cut(text, "/")
	kind, ok := c.resourceOf(at, name)
	if !ok || !part {
		return
	}
	switch kind {
	case RefTable:
		c.tablePart(at, lastWord(name), path)
	case RefAPI:
		method, _, _ := strings.Cut(path, "/")
		if strings.ContainsAny(method, "*?$") || slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
			return
		}
		c.at(at, fmt.Sprintf("write %s/METHOD/PATH, such as %s/GET/items, or %s/*/%s", name, name, name, path), "%q is no method of a request to %s", method, name)
	case RefUserPool, RefIdentityPool:
		c.at(at, "write "+name, "%s has no parts", name)
	}
}

// tablePart checks index/NAME of a table.
func (c *checker) tablePart(at, table, path string) {
	word, index, _ := strings.Cut(path, "/")
	t, _ := c.app.Tables.Get(table)
	switch {
	case word != "index" || index == "":
		c.at(at, fmt.Sprintf("write %s, or %s/index/NAME", table, table), "%q is no part of a table", path)
	case t == nil || strings.ContainsAny(index, "*?$"):
	default:
		known := append(t.GlobalIndexes.Keys(), t.LocalIndexes.Keys()...)
		if !slices.Contains(known, index) && c.readable("tables."+table) && c.readable("tables."+table+".globalIndexes") && c.readable("tables."+table+".localIndexes") {
			c.at(at, c.nameHint(index, known, "tables."+table+".globalIndexes"), "the table %s has no index %q", table, index)
		}
	}
}

// conditions checks the conditions of a statement one by one.
func (c *checker) conditions(at string, p *Permission, to grantee, used []string) {
	known := slices.Clone(policyKeys[""])
	if to != toFunction {
		known = append(known, policyKeys["cognito-identity.amazonaws.com"]...)
	}
	for _, service := range []string{"dynamodb", "s3"} {
		if slices.Contains(used, service) || slices.Contains(used, "*") {
			known = append(known, policyKeys[service]...)
		}
	}
	for operator, keys := range p.Condition.All() {
		below := join(at+".condition", operator)
		if keys.Len() == 0 && !c.opaque[below] {
			c.key(below, "name a key, such as aws:SourceIp", "the condition %s has no key", operator)
		}
		for key, values := range keys.All() {
			path := join(below, key)
			if len(values) == 0 || c.opaque[path] || !grammarOf("condition operator or key").matches(key) {
				continue // reported
			}
			if !knownKey(key, known) {
				c.key(path, keyHint(key, known), "a request for these actions never has the condition key %s", key)
				continue
			}
			var single Map[[]string]
			single.put(key, values)
			one := Permission{Actions: []string{"*"}, Resources: []string{"*"}, Effect: "Allow"}
			one.Condition.put(operator, single)
			if err := compiles(&one); err != nil {
				c.key(path, "", "the condition %s of %s cannot be evaluated: %s", operator, key, err)
			}
		}
	}
}

// compiles says what is wrong with a statement.
func compiles(p *Permission) error {
	s := policy.Statement{Effect: p.Effect, Action: p.Actions}
	if s.Effect == "" {
		s.Effect = "Allow" // the effect itself was reported
	}
	for _, r := range p.Resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") {
			r = "arn:aws:s3:::" + r
		}
		s.Resource = append(s.Resource, r)
	}
	for operator, keys := range p.Condition.All() {
		for key, values := range keys.All() {
			s.Condition = append(s.Condition, policy.Condition{Operator: operator, Key: key, Values: values})
		}
	}
	_, err := iam.Compile(policy.Document{Version: "2012-10-17", Statements: []policy.Statement{s}})
	// What is of the whole policy, and of which statement and condition, is seen by
	// where it stands.
	for range 1 + p.Condition.Len() {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
	}
	return err
}
