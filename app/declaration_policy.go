package app

import "encoding/json"

// A ResourcePolicy is an IAM policy of a REST API, in IAM's words (API Gateway
// developer guide, apigateway-resource-policies). A Deny counts before every Allow.
type ResourcePolicy struct {
	// Version is the version of the policy language (Version).
	Version string `yaml:"Version" required:"true" enum:"2012-10-17 2008-10-17"`
	// ID names the policy (Id).
	ID string `yaml:"Id" grammar:"policy name"`
	// Statement are the statements (Statement).
	Statement []*PolicyStatement `yaml:"Statement" required:"true" minItems:"1"`

	_ struct{} `noun:"a resource policy"`
}

// A PolicyStatement allows or denies requests.
type PolicyStatement struct {
	// SID names the statement (Sid).
	SID string `yaml:"Sid" grammar:"policy name"`
	// Effect is what the statement does to the requests it is about (Effect).
	Effect string `yaml:"Effect" required:"true" enum:"Allow Deny"`
	// Principal is whom it is about: "*", everybody (Principal).
	Principal *PolicyPrincipal `yaml:"Principal" required:"true"`
	// Action is the action, execute-api:Invoke (Action). It or NotAction has to be
	// there.
	Action []string `yaml:"Action" grammar:"policy action" single:"true" minItems:"1"`
	// NotAction is every other action (NotAction).
	NotAction []string `yaml:"NotAction" grammar:"policy action" single:"true" minItems:"1"`
	// Resource is which requests it is about: execute-api:/STAGE/METHOD/PATH, with * for
	// any run of characters and ? for one (Resource). It or NotResource has to be there.
	Resource []string `yaml:"Resource" grammar:"policy resource" single:"true" minItems:"1"`
	// NotResource is every other request (NotResource).
	NotResource []string `yaml:"NotResource" grammar:"policy resource" single:"true" minItems:"1"`
	// Condition are values by operator and key, such as IpAddress: {"aws:SourceIp":
	// 127.0.0.1/32} (Condition). The keys are aws:CurrentTime, aws:EpochTime,
	// aws:Referer, aws:SecureTransport, aws:SourceIp and aws:UserAgent.
	Condition Map[Map[[]string]] `yaml:"Condition" keys:"condition operator or key" grammar:"condition value" single:"true" minItems:"1"`

	_ struct{} `noun:"a policy statement" later:"NotPrincipal"`
}

// A PolicyPrincipal is whom a statement is about.
type PolicyPrincipal struct {
	// AWS is "*", everybody. Others cannot sign a request to this version.
	AWS []string `yaml:"AWS" required:"true" grammar:"policy principal" single:"true" minItems:"1"`

	_ struct{} `noun:"a principal" later:"Service Federated CanonicalUser" shorthand:"AWS"`
}

// JSON returns the policy as AWS takes it. It does not change what was written.
func (p *ResourcePolicy) JSON() []byte {
	type statement struct {
		SID         string              `json:"Sid,omitempty"`
		Effect      string              `json:"Effect"`
		Principal   map[string][]string `json:"Principal"`
		Action      []string            `json:"Action,omitempty"`
		NotAction   []string            `json:"NotAction,omitempty"`
		Resource    []string            `json:"Resource,omitempty"`
		NotResource []string            `json:"NotResource,omitempty"`
		Condition   object              `json:"Condition,omitempty"`
	}
	doc := struct {
		Version   string      `json:"Version"`
		ID        string      `json:"Id,omitempty"`
		Statement []statement `json:"Statement"`
	}{Version: p.Version, ID: p.ID}
	for _, s := range p.Statement {
		to := statement{
			SID: s.SID, Effect: s.Effect, Principal: map[string][]string{"AWS": s.Principal.AWS},
			Action: s.Action, NotAction: s.NotAction, Resource: s.Resource, NotResource: s.NotResource,
		}
		for operator, keys := range s.Condition.All() {
			below := object{}
			for key, values := range keys.All() {
				below = append(below, member{key, values})
			}
			to.Condition = append(to.Condition, member{operator, below})
		}
		doc.Statement = append(doc.Statement, to)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic("app: " + err.Error()) // strings encode
	}
	return text
}
