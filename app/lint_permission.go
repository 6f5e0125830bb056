package app

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// permissions looks at everything that grants.
func (l *linter) permissions() {
	a := l.app
	function := func(at string, f *Function) {
		if f != nil {
			l.grant(at+".permissions", f.Permissions, toFunction)
		}
	}
	for name, api := range a.APIs.All() {
		at := "apis." + name
		if f := api.Defaults.Function; f != nil {
			l.grant(at+".defaults.function.permissions", f.Permissions, toFunction)
		}
		for key, r := range api.Routes.All() {
			function(at+".routes."+key+".function", r.Function)
			l.grant(at+".routes."+key+".permissions", r.Permissions, toFunction)
		}
		for z, authorizer := range api.Authorizers.All() {
			function(at+".authorizers."+z+".function", authorizer.Function)
		}
	}
	for name, pool := range a.UserPools.All() {
		for key, f := range pool.Triggers.functions() {
			function("userPools."+name+".triggers."+key, f)
		}
		for group, g := range pool.Groups.All() {
			at := "userPools." + name + ".groups." + group
			l.grant(at+".permissions", g.Permissions, toIdentity)
			l.group(at, name, group, g)
		}
	}
	for name, pool := range a.IdentityPools.All() {
		at := "identityPools." + name
		l.grant(at+".permissions.authenticated", pool.Permissions.Authenticated, toIdentity)
		l.grant(at+".permissions.unauthenticated", pool.Permissions.Unauthenticated, toAnybody)
		for provider, m := range pool.RoleMappings.All() {
			for i, r := range m.Rules {
				l.grant(fmt.Sprintf("%s.roleMappings.%s.rules[%d].permissions", at, provider, i), r.Permissions, toIdentity)
			}
		}
		if len(pool.UserPools) == 0 && pool.Federation.Len() == 0 && pool.DeveloperProviderName == "" && !pool.AllowUnauthenticatedIdentities {
			l.key(at, "add userPools:, federation: or allowUnauthenticatedIdentities: true", "nobody can get credentials of this identity pool")
		}
	}
}

// group looks for a role that nobody is given.
func (l *linter) group(at, pool, group string, g *UserPoolGroup) {
	byToken := false
	for _, p := range l.app.IdentityPools.All() {
		for provider, m := range p.RoleMappings.All() {
			byToken = byToken || provider == pool && m.Type == "token"
			if slices.ContainsFunc(m.Rules, func(r *RoleRule) bool { return r.Role == pool+"."+group }) {
				return
			}
		}
	}
	switch {
	case len(g.Permissions) > 0 && !byToken:
		l.key(at+".permissions", fmt.Sprintf("add roleMappings: {%s: {type: token}} to the identity pool", pool), "nobody gets these permissions: no identity pool takes roles from the tokens of %s", pool)
	case g.RoleArn != "" && byToken:
		l.at(at+".roleArn", "write permissions: in its place", "there is no such role in a local stage: the group's members get no credentials there")
	}
}

func (l *linter) grant(at string, list []*Permission, to grantee) {
	for i, p := range list {
		here := fmt.Sprintf("%s[%d]", at, i)
		l.openTable(here, p, to)
		if p.Resource == "" {
			l.statement(here, p)
		}
	}
}

// openTable looks for a table that is open to everybody.
func (l *linter) openTable(at string, p *Permission, to grantee) {
	if to != toAnybody || p.Effect == "Deny" || p.Condition.Len() > 0 {
		return
	}
	for _, s := range l.app.Statements([]*Permission{p}) {
		for _, t := range s.Targets {
			if t.Kind == RefTable {
				l.at(at, "add a condition on dynamodb:LeadingKeys, or let a route read the table", "anybody may use the table %s: nothing says which of its items", t.Name)
				return
			}
		}
	}
}

// knownActions are the actions by which permissions are written most, for what is
// misspelt in one. Others exist.
var knownActions = slices.Concat(tableActions, objectActions, bucketActions, []string{
	"execute-api:Invoke", "execute-api:InvalidateCache",
	"dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTables", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert",
	"dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
	"s3:DeleteObjectTagging", "s3:DeleteObjectVersion", "s3:GetObjectAcl", "s3:GetObjectAttributes", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:ListAllMyBuckets",
	"s3:ListBucketVersions", "s3:PutObjectAcl", "s3:PutObjectTagging",
})

// statement looks for statements that do not say what they seem to.
func (l *linter) statement(at string, p *Permission) {
	for i, action := range p.Actions {
		here := fmt.Sprintf("%s.actions[%d]", at, i)
		if action == "*" && p.Effect == "Allow" {
			l.at(here, "name the actions", "every action of every service is allowed, with %s", strings.Join(p.Resources, ", "))
			continue
		}
		if near := misspelt(action); near != "" {
			l.at(here, fmt.Sprintf("did you mean %q?", near), "%s is hardly an action of AWS", action)
			continue
		}
		l.applies(here, action, p)
	}
	if p.Effect == "Allow" {
		l.vacuous(at, p)
	}
}

// misspelt gives the action that was meant by one that is a letter or two off.
func misspelt(action string) string {
	if strings.ContainsAny(action, "*?") || slices.ContainsFunc(knownActions, func(k string) bool { return covers(action, k) }) {
		return ""
	}
	near := nearest(action, knownActions)
	if near == "" || distance([]rune(near), []rune(action)) > 2 {
		return ""
	}
	return near
}

// applies looks for an action none of whose resources is among those of the statement.
func (l *linter) applies(at, action string, p *Permission) {
	service, _, _ := strings.Cut(action, ":")
	var names []string
	for _, s := range l.app.Statements([]*Permission{p}) {
		for _, t := range s.Targets {
			if t.ARN == "*" || strings.HasPrefix(t.ARN, "arn:") {
				return
			}
			if services[service] != t.Kind {
				continue
			}
			switch ofObject := slices.ContainsFunc(objectActions, func(k string) bool { return covers(action, k) }); {
			case t.Kind != RefBucket:
				return
			case ofObject && t.Path == "" && !covers(action, "s3:ListBucket"):
				names = append(names, t.Name+"/*")
			case !ofObject && t.Path != "" && slices.ContainsFunc(bucketActions, func(k string) bool { return covers(action, k) }):
				names = append(names, t.Name)
			default:
				return
			}
		}
	}
	if len(names) > 0 {
		l.at(at, "write "+strings.Join(names, ", "), "the statement says nothing of %s: its resources are none that the action is about", action)
		return
	}
	l.at(at, "name a resource that the action is about, or delete it", "the statement says nothing of %s: none of its resources is of %s", action, service)
}

// vacuous looks for ForAllValues on a key that requests for some of the actions do not
// have: "ForAllValues also returns true if there are no keys in the request".
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func (l *linter) vacuous(at string, p *Permission) {
	for operator, keys := range p.Condition.All() {
		if !strings.HasPrefix(operator, "ForAllValues:") {
			continue
		}
		for key := range keys.All() {
			if !strings.EqualFold(key, "dynamodb:LeadingKeys") {
				continue
			}
			for i, action := range p.Actions {
				if covers(action, "dynamodb:Scan") {
					l.at(fmt.Sprintf("%s.actions[%d]", at, i), "leave dynamodb:Scan out, or write ForAnyValue",
						"a Scan has no dynamodb:LeadingKeys, so that %s holds for every one: it reads the items of all keys", operator)
				}
			}
		}
	}
}

// covers says whether an action with wildcards covers one.
func covers(pattern, action string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
	return ok && err == nil
}
