package doorwright

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// The two kinds of identities of an identity pool, which are also what the claim amr of
// their tokens begins with.
const (
	authenticated   = "authenticated"
	unauthenticated = "unauthenticated"
)

// roles gives the roles of the stage: one for each function, and those of identity
// pools, of the rules of their role mappings, and of groups with permissions. The pools
// have their ids by now.
func (a *App) roles() ([]iam.RoleConfig, error) {
	var all []iam.RoleConfig
	a.granted = map[string]string{}
	add := func(name, path string, trust policy.Document, permissions []*app.Permission) error {
		doc, written, err := a.policyDocument(permissions)
		if err != nil {
			return err
		}
		role := iam.RoleConfig{Name: name, Trust: trust}
		if len(doc.Statements) > 0 {
			role.Policies = []policy.Document{doc}
			role.Origins = []iam.Origin{{Name: path, Statements: written}}
		}
		a.granted[name] = path
		all = append(all, role)
		return nil
	}
	paths := a.functionPaths()
	for _, f := range a.decl.Functions() {
		if err := add(f.Name, paths[f.Name]+".permissions", trustLambda(), f.Permissions); err != nil {
			return nil, err
		}
	}
	for name, pool := range a.decl.IdentityPools.All() {
		id, path := a.identityPoolIDs[name], "identityPools."+name
		if err := add(a.identityRole(name, authenticated), path+".permissions.authenticated", trustIdentities(authenticated, id), pool.Permissions.Authenticated); err != nil {
			return nil, err
		}
		if pool.AllowUnauthenticatedIdentities {
			if err := add(a.identityRole(name, unauthenticated), path+".permissions.unauthenticated", trustIdentities(unauthenticated, id), pool.Permissions.Unauthenticated); err != nil {
				return nil, err
			}
		}
		for provider, m := range pool.RoleMappings.All() {
			for i, r := range m.Rules {
				if r.Role != "" {
					continue
				}
				if err := add(a.ruleRole(name, provider, i), fmt.Sprintf("%s.roleMappings.%s.rules[%d].permissions", path, provider, i), trustIdentities(authenticated, id), r.Permissions); err != nil {
					return nil, err
				}
			}
		}
	}
	for name, pool := range a.decl.UserPools.All() {
		for group, g := range pool.Groups.All() {
			if g.Permissions == nil {
				continue
			}
			if err := add(a.groupRole(name, group), "userPools."+name+".groups."+group+".permissions", trustIdentities(authenticated, a.mappersOf(name, group)...), g.Permissions); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// mappersOf gives the ids of the identity pools that may give the role of a group.
func (a *App) mappersOf(userPool, group string) []string {
	var ids []string
	for _, name := range a.decl.IdentityPoolsOf(userPool, group) {
		ids = append(ids, a.identityPoolIDs[name])
	}
	return ids
}

// functionPaths gives the first place in the declaration at which each function, whose
// role has its name, can be given permissions.
func (a *App) functionPaths() map[string]string {
	paths := map[string]string{}
	note := func(function, path string) {
		if paths[function] == "" {
			paths[function] = path
		}
	}
	for _, r := range a.decl.Routes() {
		note(r.Function, "apis."+r.API+".routes."+r.Key)
	}
	for _, z := range a.decl.FunctionAuthorizers() {
		note(z.Function, "apis."+z.API+".authorizers."+z.Name+".function")
	}
	for _, t := range a.decl.Triggers() {
		note(t.Function, "userPools."+t.UserPool+".triggers."+t.Trigger)
	}
	for _, t := range a.decl.Actions() {
		note(t.Function, "tenants."+t.Tenant+".actions."+t.Action)
	}
	return paths
}

// policyDocument says permissions as an IAM policy, and where each statement of it was
// written.
func (a *App) policyDocument(permissions []*app.Permission) (policy.Document, []iam.Written, error) {
	var written []iam.Written
	doc := policy.Document{Version: "2012-10-17"}
	for _, s := range a.decl.Statements(permissions) {
		to := policy.Statement{Effect: s.Effect, Action: s.Actions}
		for _, t := range s.Targets {
			arn, err := a.targetARN(t)
			if err != nil {
				return policy.Document{}, nil, err
			}
			to.Resource = append(to.Resource, arn)
		}
		for operator, keys := range s.Condition.All() {
			for key, values := range keys.All() {
				to.Condition = append(to.Condition, policy.Condition{Operator: operator, Key: key, Values: values})
			}
		}
		doc.Statements = append(doc.Statements, to)
		written = append(written, iam.Written{Path: s.Path, Position: a.position(s.Path)})
	}
	return doc, written, nil
}

// position says where the declaration has a path: FILE:LINE.
func (a *App) position(path string) string {
	pos := a.decl.Pos(path)
	if path == "" || pos.Line == 0 {
		return ""
	}
	return filepath.Base(pos.File) + ":" + strconv.Itoa(pos.Line)
}

// targetARN gives the ARN of a declared resource, or of a part of one.
func (a *App) targetARN(t app.Target) (string, error) {
	below := func(arn string) string {
		if t.Path == "" {
			return arn
		}
		return arn + "/" + t.Path
	}
	switch t.Kind {
	case app.RefAPI:
		api, ok := a.decl.APIs.Get(t.Name)
		if ok && t.Path == "" {
			return a.apiARN(t.Name) + "/*", nil
		}
		if ok {
			return below(a.apiARN(t.Name) + "/" + api.StageName), nil
		}
	case app.RefTable:
		return below(a.tableARN(t.Name)), nil
	case app.RefBucket:
		return below(a.bucketARN(t.Name)), nil
	case app.RefUserPool:
		if pool := a.pools.Pool(t.Name); pool != nil {
			return pool.ARN(), nil
		}
	case app.RefIdentityPool:
		return a.identityPoolARN(t.Name), nil
	case "":
		if t.ARN != "" {
			return t.ARN, nil
		}
	}
	return "", fmt.Errorf("giving the ARN of %s %s: there is no such resource", t.Kind, t.Name)
}

// trustLambda lets Lambda alone assume a role.
func trustLambda() policy.Document {
	return policy.Document{Version: "2012-10-17", Statements: []policy.Statement{{
		Effect: "Allow", Principal: []policy.Principal{{Type: "Service", ID: "lambda.amazonaws.com"}}, Action: []string{"sts:AssumeRole"},
	}}}
}

// trustIdentities lets the identities of identity pools assume a role, and their
// sessions have tags. Without a pool nobody does.
// https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
func trustIdentities(whom string, pools ...string) policy.Document {
	if len(pools) == 0 {
		return policy.Document{}
	}
	return policy.Document{Version: "2012-10-17", Statements: []policy.Statement{{
		Effect:    "Allow",
		Principal: []policy.Principal{{Type: "Federated", ID: "cognito-identity.amazonaws.com"}},
		Action:    []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"},
		Condition: []policy.Condition{
			{Operator: "StringEquals", Key: "cognito-identity.amazonaws.com:aud", Values: pools},
			{Operator: "ForAnyValue:StringLike", Key: "cognito-identity.amazonaws.com:amr", Values: []string{whom}},
		},
	}}}
}

// openIdentityPoolIDs finds the ids of the declared identity pools, REGION:UUID, which
// the stage makes once and remembers.
func (a *App) openIdentityPoolIDs(ctx context.Context) error {
	a.identityPoolIDs = map[string]string{}
	for name := range a.decl.IdentityPools.All() {
		key := "identityPool." + name + "." + a.decl.Region
		id, ok, err := a.state.Recall(ctx, key)
		if err != nil {
			return err
		}
		if !ok {
			id = a.decl.Region + ":" + aws.NewRequestID() // a random UUID
			if err := a.state.Remember(ctx, key, id); err != nil {
				return err
			}
		}
		a.identityPoolIDs[name] = id
	}
	return nil
}
