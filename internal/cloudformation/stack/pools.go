package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	userPoolType     = "AWS::Cognito::UserPool"
	identityPoolType = "AWS::Cognito::IdentityPool"
	poolDomainType   = "AWS::Cognito::UserPoolDomain"
)

// A pool is what a user pool has for good: as a template declares it, and as
// DescribeUserPool tells it.
// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-updating.html
type pool struct {
	UsernameAttributes    []string
	AliasAttributes       []string
	UsernameConfiguration *struct{ CaseSensitive *bool }
	Schema                []attribute // of a template
	SchemaAttributes      []attribute // of a pool that is there
	Domain                string      // of a pool that is there
}

// caseSensitive says whether names differ by case: "If you don't include
// UsernameConfiguration [...] username case sensitivity is true".
func (p pool) caseSensitive() bool {
	return p.UsernameConfiguration == nil || p.UsernameConfiguration.CaseSensitive == nil || *p.UsernameConfiguration.CaseSensitive
}

// An attribute is one of a user pool's users.
type attribute struct {
	Name                       string
	AttributeDataType          string
	Mutable                    *bool
	Required                   bool
	NumberAttributeConstraints struct{ MinValue, MaxValue string }
	StringAttributeConstraints struct{ MinLength, MaxLength string }
}

// form says what a custom attribute is, such as a String from 0 to 20, mutable. The bounds that a String has without any are
// those that Cognito shows of it.
func (a attribute) form() string {
	mutable := ", mutable"
	if a.Mutable != nil && !*a.Mutable {
		mutable = ", not mutable"
	}
	kind := cmp.Or(a.AttributeDataType, "String")
	between := func(least, most string) string {
		if least == "" && most == "" {
			return ""
		}
		return " from " + cmp.Or(least, "any") + " to " + cmp.Or(most, "any")
	}
	switch kind {
	case "String":
		s := a.StringAttributeConstraints
		return "a " + kind + between(cmp.Or(s.MinLength, "0"), cmp.Or(s.MaxLength, "2048")) + mutable
	case "Number":
		return "a " + kind + between(a.NumberAttributeConstraints.MinValue, a.NumberAttributeConstraints.MaxValue) + mutable
	}
	return "a " + kind + mutable
}

// userPools compares the declared pools with those that are there, in what AWS cannot
// change later. CloudFormation finds that out in the middle of an update ("Updates are
// not allowed for property - UsernameAttributes"), and goes back.
//
// What is declared as it was at the last deploy is left in peace, whatever AWS tells of
// it: nothing of it is going to be changed.
func (c *checking) userPools(ctx context.Context) error {
	there := map[string]pool{} // by logical id
	for _, id := range c.t.of(userPoolType) {
		if c.live[id] == "" {
			continue
		}
		want, err := c.t.pool(id)
		if err != nil {
			return err
		}
		before, err := c.before.pool(id)
		if err != nil {
			return err
		}
		var out struct{ UserPool pool }
		err = c.ask(ctx, "looking at the user pool "+c.live[id], cognitoService, "DescribeUserPool", map[string]string{"UserPoolId": c.live[id]}, &out)
		if missing(err) {
			c.refuse(c.d.Positions[id], "give the pool another name in the declaration: then a new one is made",
				"%s (%s) is not there any more: it was deleted outside of the stack", id, c.live[id])
			continue
		}
		if err != nil {
			return err
		}
		there[id] = out.UserPool
		c.comparePool(id, want, out.UserPool, before)
	}
	return c.domains(ctx, there)
}

// pool reads what a template says of one for good.
func (t template) pool(id string) (pool, error) {
	var p pool
	if r, ok := t.Resources[id]; ok {
		if err := json.Unmarshal(r.Properties, &p); err != nil {
			return pool{}, fmt.Errorf("reading %s in the template: %w", id, err)
		}
	}
	return p, nil
}

const poolFix = "AWS never changes these of a user pool that is there. Take the change back; or give the pool another name in the declaration: the next deploy " +
	"then makes a new one, to which the trigger userMigration can bring the users, and its plan says what becomes of this one; or deploy another stage"

func (c *checking) comparePool(id string, want, have, before pool) {
	of := func(p pool, list []attribute) [4]string {
		var required []string
		for _, a := range list {
			if a.Required && a.Name != "sub" {
				required = append(required, a.Name)
			}
		}
		return [4]string{sorted(p.UsernameAttributes), sorted(p.AliasAttributes), fmt.Sprint(p.caseSensitive()), sorted(required)}
	}
	h, w, b := of(have, have.SchemaAttributes), of(want, want.Schema), of(before, before.Schema)
	for i, property := range []string{"UsernameAttributes", "AliasAttributes", "UsernameConfiguration.CaseSensitive", "Schema.Required"} {
		if w[i] != b[i] && w[i] != h[i] {
			c.refuse(c.position(id, property), poolFix, "%s of %s (%s) is %s, and is declared to be %s", property, id, c.live[id], h[i], w[i])
		}
	}
	c.compareCustom(id, want, have, before)
}

// sorted shows a list whose order says nothing.
func sorted(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// custom gives the attributes of a template that an app has made for itself. A standard
// one is there because it is required, which those cannot be.
func (p pool) custom() map[string]attribute {
	list := map[string]attribute{}
	for _, a := range p.Schema {
		if !a.Required {
			list["custom:"+a.Name] = a
		}
	}
	return list
}

// compareCustom compares attributes of the app's own. They can be added, and neither
// changed nor taken away ("Existing schema attributes cannot be modified or deleted").
// What was added outside of the stack is no affair of the template's.
func (c *checking) compareCustom(id string, want, have, before pool) {
	declared, ours := want.custom(), before.custom()
	for _, a := range have.SchemaAttributes {
		d, is := declared[a.Name]
		o, was := ours[a.Name]
		switch {
		case is && d.form() != a.form() && !(was && o.form() == d.form()):
			c.refuse(c.position(id, "Schema."+a.Name), poolFix, "the attribute %s of %s (%s) is %s, and is declared to be %s", a.Name, id, c.live[id], a.form(), d.form())
		case was && !is:
			c.refuse(c.d.Positions[id], "declare it again, and leave it unused: attributes are never taken away from a user pool",
				"the attribute %s of %s (%s), %s, is not declared any more", a.Name, id, c.live[id], a.form())
		}
	}
}

// domains looks whether the prefixes of pools' domains are free. They are one
// namespace for all accounts of a region.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
func (c *checking) domains(ctx context.Context, there map[string]pool) error {
	for _, id := range c.t.of(poolDomainType) {
		want, err := c.t.domain(id)
		if err != nil {
			return err
		}
		if before, err := c.before.domain(id); err != nil || before == want {
			if err != nil {
				return err
			}
			continue
		}
		pool := want.UserPoolID.Ref
		switch has := there[pool].Domain; {
		case has == want.Domain:
			continue
		case has != "":
			// CloudFormation makes the new one before it deletes the old one, and is
			// answered "User pool already has a domain configured."
			c.refuse(c.position(id, "Domain"), "take the change back; or take domain out, deploy, write the new one, and deploy again: in between there are no hosted pages, and their address changes",
				"%s (%s) has the domain %s, and a user pool has one: it cannot become %s in one deploy", pool, c.live[pool], has, want.Domain)
			continue
		}
		var out struct {
			DomainDescription struct{ UserPoolID, AWSAccountID string }
		}
		err = c.ask(ctx, "looking for the domain "+want.Domain, cognitoService, "DescribeUserPoolDomain", map[string]string{"Domain": want.Domain}, &out)
		if err != nil && !missing(err) {
			return err
		}
		if d := out.DomainDescription; d.UserPoolID != "" {
			whose := "of account " + d.AWSAccountID
			if d.AWSAccountID == c.target.Account || d.AWSAccountID == "" {
				whose = "of this account"
			}
			c.refuse(c.position(id, "Domain"), "choose another domain: a prefix is taken once in a region, by whichever account",
				"the domain %s is that of the user pool %s %s already", want.Domain, d.UserPoolID, whose)
		}
	}
	return nil
}

// A poolDomain is a domain as a template has it.
type poolDomain struct {
	Domain     string
	UserPoolID struct{ Ref string } `json:"UserPoolId"`
}

func (t template) domain(id string) (poolDomain, error) {
	var d poolDomain
	if r, ok := t.Resources[id]; ok {
		if err := json.Unmarshal(r.Properties, &d); err != nil {
			return poolDomain{}, fmt.Errorf("reading %s in the template: %w", id, err)
		}
	}
	return d, nil
}
