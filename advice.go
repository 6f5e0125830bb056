package doorwright

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
)

// advise says the smallest changes by which policies would have let a request in. all
// are the statements that they considered.
func (a *App) advise(e *iam.Evidence, all []iam.Considered) []explain.Advice {
	near := iam.Nearest(all, e.By)
	switch {
	case e.Allowed:
		return nil
	case e.Explicit && near != nil:
		return []explain.Advice{narrowed(near)}
	case e.By == iam.ByTrust:
		return a.adviseTrust(e, near)
	case e.By == iam.BySession:
		return []explain.Advice{{Text: "the session has a policy of its own, which can only take away: " +
			"whoever calls sts:AssumeRole allows " + e.Action + " in its Policy; who is a guest of an identity pool signs in"}}
	case e.Role == "":
		return []explain.Advice{{Text: "sign the request with keys of this stage", Change: &authorizer.Change{Where: authorizer.AtSigning, Name: "request"}}}
	}
	var list []explain.Advice
	if near != nil {
		list = append(list, askOtherwise(near)...)
	}
	elsewhere := a.askElsewhere(e, all)
	if near == nil {
		list = append(list, elsewhere...)
	}
	if grant, ok := a.grant(e); ok {
		switch {
		case near != nil:
			grant.Text = "or allow it whatever the condition says: " + grant.Text
		case elsewhere != nil:
			grant.Text = "or allow it to whoever has the role: " + grant.Text
		}
		list = append(list, grant)
	}
	return list
}

// adviseRequest advises on a request to an API that its authorizer refused, by what else
// is known of this stage: who holds which scope, and where the declaration gives a role
// its permissions. It is empty where what the authorizer advises is all.
func (a *App) adviseRequest(ctx context.Context, api string, e *gateway.Entry) []explain.Advice {
	if e.Allowed || e.Refusal != nil || e.Trace == nil {
		return nil
	}
	if list := a.adviseToken(ctx, api, e); list != nil {
		return list
	}
	if denied := e.Trace.Denied(); denied != nil && denied.Role != "" && denied.By != iam.ByResource {
		return a.advise(denied, denied.Considered())
	}
	return nil
}

// narrowed advises on a statement that denies.
func narrowed(c *iam.Considered) explain.Advice {
	advice := explain.Advice{Text: "a Deny counts before every Allow: delete or narrow " + c.In()}
	if c.Path != "" {
		advice.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: c.Path}
	}
	return advice
}

// askOtherwise advises on a statement that would allow, if the request asked for what its
// conditions want.
func askOtherwise(c *iam.Considered) []explain.Advice {
	var list []explain.Advice
	for _, x := range c.Conditions {
		if x.Match || len(x.Want) == 0 {
			continue
		}
		advice := explain.Advice{Text: "ask for what " + c.In() + " allows: " + x.Key + " " + x.Wants()}
		if x.Positive() {
			advice.Change = &authorizer.Change{Where: authorizer.InRequest, Name: x.Key, Value: x.Want[0]}
		}
		list = append(list, advice)
	}
	return list
}

// askElsewhere advises on a statement that would allow the same on another part of the same
// bucket, table or API, such as the caller's own.
func (a *App) askElsewhere(e *iam.Evidence, all []iam.Considered) []explain.Advice {
	part := func(arn string) (name, of string) {
		name = a.declaredName(arn, nil)
		of, _, _ = strings.Cut(name, "/")
		return name, of
	}
	_, asked := part(e.Resource)
	for i := range all {
		if c := &all[i]; c.Effect == "Allow" && c.Source == e.By {
			for _, about := range c.About {
				if name, of := part(about); of == asked && !strings.HasPrefix(name, "arn:") {
					return []explain.Advice{{
						Text:   "ask for what " + c.In() + " is about: " + aws.Printable(name),
						Change: &authorizer.Change{Where: authorizer.InRequest, Name: "resource", Value: about},
					}}
				}
			}
		}
	}
	return nil
}

// grant advises to allow what was asked for where the role has its permissions.
func (a *App) grant(e *iam.Evidence) (explain.Advice, bool) {
	path, ok := a.granted[e.Role]
	if !ok {
		return explain.Advice{}, false
	}
	return permit(path, e.Action, a.declaredName(e.Resource, literal)), true
}

// permit advises to add a permission to a list of them.
func permit(path, action, resource string) explain.Advice {
	statement := fmt.Sprintf("{actions: [%q], resources: [%q]}", action, resource)
	return explain.Advice{
		Text:   "add to " + path + ": " + statement,
		Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: statement},
	}
}

// inDeclaration says what is advised about a role where the declaration gives the role
// its permissions. The advice itself is kept by others, and not changed.
func (a *App) inDeclaration(x *explain.Explanation) {
	for i, advice := range x.Advice {
		if advice.Change == nil || advice.Change.Where != authorizer.InRole {
			continue
		}
		path, ok := a.granted[advice.Change.Name]
		if !ok {
			continue
		}
		var s struct{ Effect, Action, Resource string }
		if json.Unmarshal([]byte(advice.Change.Value), &s) == nil && s.Effect == "Allow" {
			x.Advice[i] = permit(path, s.Action, a.declaredName(s.Resource, nil))
		} else if c := denying(x); c != nil {
			x.Advice[i] = narrowed(c)
		}
	}
}

// denying finds the statement that denied.
func denying(x *explain.Explanation) *iam.Considered {
	for i := range x.Steps {
		for j := range x.Steps[i].Statements {
			if c := &x.Steps[i].Statements[j]; c.Deciding && c.Effect == "Deny" {
				return c
			}
		}
	}
	return nil
}

// adviseTrust advises on a role that does not trust who asks for it.
func (a *App) adviseTrust(e *iam.Evidence, near *iam.Considered) []explain.Advice {
	role := e.Resource[strings.LastIndexByte(e.Resource, '/')+1:]
	path := strings.TrimSuffix(a.granted[role], ".permissions")
	switch {
	case strings.HasPrefix(path, "userPools."):
		part := strings.Split(path, ".") // userPools.POOL.groups.GROUP
		value := "{type: token}"
		return []explain.Advice{{
			Text:   "the role of a group is given by identity pools that map its user pool: set identityPools.NAME.roleMappings." + part[1] + " to " + value,
			Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: "identityPools." + a.poolOf(near) + ".roleMappings." + part[1], Value: value},
		}}
	case path == "":
		return nil
	}
	return []explain.Advice{{Text: path + " is a role for others: ask for one whose trust policy names you"}}
}

// poolOf finds the declared identity pool that a condition of a trust policy was asked
// about, or the only one.
func (a *App) poolOf(c *iam.Considered) string {
	if c != nil {
		for _, x := range c.Conditions {
			for name, id := range a.identityPoolIDs {
				if strings.HasSuffix(strings.ToLower(x.Key), ":aud") && slices.Contains(x.Got, id) {
					return name
				}
			}
		}
	}
	if keys := a.decl.IdentityPools.Keys(); len(keys) == 1 {
		return keys[0]
	}
	return "NAME"
}

// literal writes a text so that IAM reads it as itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars
func literal(text string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}

// declaredName gives a resource in the declaration's words, such as Uploads/public/x, or
// as its ARN if it is not a declared one. What comes below a declared one is written by
// write; nil writes it as it is.
func (a *App) declaredName(arn string, write func(string) string) string {
	below := func(name, of string) (string, bool) {
		if arn == of {
			return name, true
		}
		rest, ok := strings.CutPrefix(arn, of+"/")
		if ok && write != nil {
			rest = write(rest)
		}
		return name + "/" + rest, ok
	}
	for _, k := range a.namedARNs() {
		if name, ok := below(k.name, k.arn); ok {
			return name
		}
	}
	return arn
}

type namedARN struct{ name, arn string }

// namedARNs are what permissions can name, and how they are named if a name is not of
// one thing alone.
func (a *App) namedARNs() []namedARN {
	var all []namedARN
	times := map[string]int{}
	add := func(kind, name, arn string) {
		times[name]++
		all = append(all, namedARN{kind + "." + name, arn})
	}
	for name, api := range a.decl.APIs.All() {
		add("apis", name, a.apiARN(name)+"/"+api.StageName)
	}
	for name := range a.decl.Tables.All() {
		add("tables", name, a.tableARN(name))
	}
	for name := range a.decl.Buckets.All() {
		add("buckets", name, a.bucketARN(name))
	}
	for name := range a.decl.UserPools.All() {
		if pool := a.pools.Pool(name); pool != nil {
			add("userPools", name, pool.ARN())
		}
	}
	for name := range a.decl.IdentityPools.All() {
		add("identityPools", name, a.identityPoolARN(name))
	}
	for i := range all {
		if _, name, _ := strings.Cut(all[i].name, "."); times[name] == 1 {
			all[i].name = name
		}
	}
	return all
}
