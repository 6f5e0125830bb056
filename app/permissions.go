package app

import (
	"fmt"
	"slices"
	"strings"
)

// AuthorizerIAM is the authorizer of a route that takes signed requests.
const AuthorizerIAM = "iam"

// A Statement is a permission as an IAM statement says it, but for the ARNs of declared
// resources.
type Statement struct {
	// Effect is Allow or Deny.
	Effect string
	// Actions are such as dynamodb:GetItem, with wildcards.
	Actions []string
	// Targets are the resources.
	Targets []Target
	// Condition are values by operator and key.
	Condition Map[Map[[]string]]
	// Path is that of the permission which it says.
	Path string
}

// A Target is a resource of a Statement, or a part of one.
type Target struct {
	// Kind is RefAPI, RefTable, RefBucket, RefUserPool or RefIdentityPool, and Name the
	// name of the resource; Kind is "" if ARN says it.
	Kind RefKind
	Name string
	// Path is the part below it, as it comes in its ARN after a slash: of an API METHOD
	// and path, of a table index/NAME, of a bucket a key. Of an API without a Path all
	// is meant. It may hold wildcards and policy variables.
	Path string
	// ARN is an ARN with wildcards and policy variables, or "*".
	ARN string
}

// A Grant is what a permission allows that names a resource whole: what an app does with
// what is in it, and nothing that changes the resource itself or who may use it. A
// statement says it otherwise.
type Grant struct {
	// Kind is the kind of resource.
	Kind RefKind
	// Paths are the parts of it that the actions are about, as in Target; "" is the
	// resource itself, and of an API all of it.
	Paths []string
	// Actions are what is allowed.
	Actions []string
	// FunctionsOnly says that users are not given it.
	FunctionsOnly bool
}

// Grants lists what a resource's name alone permits.
func Grants() []Grant {
	return []Grant{
		{RefAPI, []string{""}, []string{"execute-api:Invoke"}, false},
		{RefTable, []string{"", "index/*"}, tableActions, false},
		{RefBucket, []string{"*"}, objectActions, false},
		{RefBucket, []string{""}, bucketActions, false},
		{RefUserPool, []string{""}, userPoolActions, true},
		{RefIdentityPool, []string{""}, identityPoolActions, true},
	}
}

var (
	tableActions = []string{
		"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable",
		"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
	}
	objectActions   = []string{"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"}
	bucketActions   = []string{"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"}
	userPoolActions = []string{
		"cognito-idp:Admin*", "cognito-idp:DescribeUserPool", "cognito-idp:GetGroup", "cognito-idp:ListGroups", "cognito-idp:ListUsers", "cognito-idp:ListUsersInGroup",
	}
	identityPoolActions = []string{
		"cognito-identity:DescribeIdentityPool", "cognito-identity:GetOpenIdTokenForDeveloperIdentity", "cognito-identity:ListIdentities",
		"cognito-identity:LookupDeveloperIdentity", "cognito-identity:MergeDeveloperIdentities", "cognito-identity:UnlinkDeveloperIdentity",
	}
)

// Statements gives what permissions of this App allow and deny, in their order.
func (a *App) Statements(permissions []*Permission) []Statement {
	var all []Statement
	for _, p := range permissions {
		if p.Resource == "" {
			s := Statement{Effect: p.Effect, Actions: p.Actions, Condition: p.Condition, Path: p.path}
			for _, r := range p.Resources {
				s.Targets = append(s.Targets, a.target(r))
			}
			all = append(all, s)
			continue
		}
		t := a.target(p.Resource)
		for _, g := range Grants() {
			if g.Kind != t.Kind {
				continue
			}
			s := Statement{Effect: "Allow", Actions: g.Actions, Path: p.path}
			for _, path := range g.Paths {
				s.Targets = append(s.Targets, Target{Kind: t.Kind, Name: t.Name, Path: path})
			}
			all = append(all, s)
		}
	}
	return all
}

// target reads the resource of a permission: [KIND.]NAME[/PATH], an ARN or "*".
func (a *App) target(text string) Target {
	if text == "*" || strings.HasPrefix(text, "arn:") {
		return Target{ARN: text}
	}
	name, path, _ := strings.Cut(text, "/")
	if kinds := a.kindsOf(name); len(kinds) > 0 {
		return Target{Kind: kinds[0], Name: lastWord(name), Path: path}
	}
	return Target{}
}

// kindsOf gives the kinds of resources of a name, which may say its kind.
func (a *App) kindsOf(name string) []RefKind {
	var kinds []RefKind
	of, short, qualified := strings.Cut(name, ".")
	if !qualified {
		of, short = "", name
	}
	for _, k := range a.grantable() {
		if (of == "" || of == string(k.kind)) && slices.Contains(k.names, short) {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

type namesOfKind struct {
	kind  RefKind
	names []string
}

// grantable lists the names of the resources that permissions can be about.
func (a *App) grantable() []namesOfKind {
	return []namesOfKind{
		{RefAPI, a.APIs.Keys()}, {RefTable, a.Tables.Keys()}, {RefBucket, a.Buckets.Keys()},
		{RefUserPool, a.UserPools.Keys()}, {RefIdentityPool, a.IdentityPools.Keys()},
	}
}

// joinPermissions gives both, each once.
func joinPermissions(one, other []*Permission) []*Permission {
	var all []*Permission
	seen := make(map[string]bool)
	for _, p := range slices.Concat(one, other) {
		if p != nil && !seen[p.id()] {
			seen[p.id()] = true
			all = append(all, p)
		}
	}
	return all
}

// id is the same for permissions that are the same.
func (p *Permission) id() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%q %q %q %q", p.Resource, p.Effect, p.Actions, p.Resources)
	for operator, keys := range p.Condition.All() {
		for key, values := range keys.All() {
			fmt.Fprintf(&b, " %q %q %q", operator, key, values)
		}
	}
	b.WriteByte(')')
	return b.String()
}
