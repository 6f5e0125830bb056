package cloudformation

import (
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
)

// A PolicyDocument is an IAM policy.
type PolicyDocument struct {
	Version   string
	Statement []Statement
}

// A Statement is one of a policy's.
type Statement struct {
	Effect    string
	Principal map[string]any `json:",omitempty"`
	Action    []string
	Resource  []Value `json:",omitempty"`
	// Condition are values by operator and key.
	Condition map[string]map[string]any `json:",omitempty"`
}

const policyVersion = "2012-10-17"

// Role is AWS::IAM::Role. It has no name of its own: with one a stack asks for
// CAPABILITY_NAMED_IAM, and a role could not be replaced.
type Role struct {
	AssumeRolePolicyDocument PolicyDocument
	Description              string         `json:",omitempty"`
	Policies                 []InlinePolicy `json:",omitempty"`
}

// InlinePolicy is AWS::IAM::Role Policy.
type InlinePolicy struct {
	PolicyDocument PolicyDocument
	PolicyName     string
}

// Policy is AWS::IAM::Policy: an inline policy that is made after its role.
type Policy struct {
	PolicyDocument PolicyDocument
	PolicyName     string
	Roles          []Value
}

// trustLambda lets Lambda alone assume a role.
func trustLambda() PolicyDocument {
	return PolicyDocument{Version: policyVersion, Statement: []Statement{{
		Effect: "Allow", Principal: map[string]any{"Service": "lambda.amazonaws.com"}, Action: []string{"sts:AssumeRole"},
	}}}
}

// grant gives a role permissions, by a resource of their own. In the role itself they
// would close a circle: a user pool needs the function that it runs, the function its
// role, and a policy that is about the pool needs the pool.
func (s *synth) grant(policy, role string, at app.Pos, permissions []*app.Permission) {
	doc := s.policyDocument(permissions)
	if len(doc.Statement) == 0 {
		return
	}
	for _, p := range s.app.Statements(permissions) {
		for _, t := range p.Targets {
			s.refuseLocalAccount(at, t.ARN)
		}
	}
	if n := doc.leastSize(); n > maxInlinePolicy {
		s.refuse(at, "write statements with wildcards in their actions, or give each route a function of its own",
			"the permissions take %d characters or more as a policy; IAM allows %d for a role", n, maxInlinePolicy)
	}
	s.add(policy, Resource{Type: "AWS::IAM::Policy", Pos: at, Properties: Policy{
		PolicyDocument: doc, PolicyName: "permissions", Roles: []Value{Ref(role)},
	}})
}

// maxInlinePolicy is what the policies of a role may take in all.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxInlinePolicy = 10240

// leastSize gives the size of the policy but for what is not known yet.
func (d PolicyDocument) leastSize() int {
	known := PolicyDocument{Version: d.Version}
	for _, s := range d.Statement {
		to := s
		to.Resource = nil
		for _, v := range s.Resource {
			to.Resource = append(to.Resource, Text(variable.ReplaceAllString(v.sub(), "")))
		}
		known.Statement = append(known.Statement, to)
	}
	text, err := plainJSON(known)
	if err != nil {
		return 0 // what cannot be written is found where it is
	}
	return len(text)
}

// refuseLocalAccount refuses an ARN that is somebody else's on AWS.
func (s *synth) refuseLocalAccount(at app.Pos, arn string) {
	if strings.Contains(arn, ":"+aws.AccountID+":") {
		s.refuse(at, "write the resource's name, or the ARN with your account", "the resource %s is of the account that stands for yours locally", arn)
	}
}

// policyDocument says permissions as an IAM policy, as the local stage's roles have it.
func (s *synth) policyDocument(permissions []*app.Permission) PolicyDocument {
	doc := PolicyDocument{Version: policyVersion}
	for _, p := range s.app.Statements(permissions) {
		to := Statement{Effect: p.Effect, Action: p.Actions}
		for _, t := range p.Targets {
			to.Resource = append(to.Resource, s.targetARN(t))
		}
		for operator, keys := range p.Condition.All() {
			for key, values := range keys.All() {
				if to.Condition == nil {
					to.Condition = map[string]map[string]any{}
				}
				if to.Condition[operator] == nil {
					to.Condition[operator] = map[string]any{}
				}
				to.Condition[operator][key] = values
			}
		}
		doc.Statement = append(doc.Statement, to)
	}
	return doc
}

// targetARN gives the ARN of a declared resource, or of a part of one. Wildcards and
// policy variables in it are IAM's.
func (s *synth) targetARN(t app.Target) Value {
	below := func(arn Value) Value {
		if t.Path == "" {
			return arn
		}
		return Join(arn, Text("/"+t.Path))
	}
	switch t.Kind {
	case app.RefAPI:
		if t.Path == "" {
			return s.apiARN(t.Name, Text("/*"))
		}
		api, _ := s.app.APIs.Get(t.Name)
		return s.apiARN(t.Name, Text("/"+api.StageName+"/"+t.Path))
	case app.RefTable:
		return below(GetAtt(tableID(t.Name), "Arn"))
	case app.RefBucket:
		return below(GetAtt(bucketID(t.Name), "Arn"))
	case app.RefUserPool:
		return GetAtt(userPoolID(t.Name), "Arn")
	case app.RefIdentityPool:
		return s.identityPoolARN(t.Name)
	}
	return Text(t.ARN)
}
