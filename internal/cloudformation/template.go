// Package cloudformation compiles a stage of a declaration to an AWS CloudFormation
// template: what the local stage plays, in resources of AWS's own types.
//
// It owns the template and its JSON, the logical ids, what references and permissions
// become there, and the refusal of what exists on the developer's machine alone. It
// knows nothing of accounts and opens no connection: what a template says depends on
// the declaration and the handlers' sources, and on nothing else.
package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/doorwright/doorwright/app"
)

// A Template is a CloudFormation template.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
type Template struct {
	// Description says what the stack is.
	Description string
	// Parameters are what is known only when the stack is made, by name.
	Parameters map[string]Parameter
	// Resources are the stack's, by logical id.
	Resources map[string]Resource
	// Outputs are the declaration's, by name.
	Outputs map[string]Output
	// Secrets are what has to be in Secrets Manager before the stack is made, sorted by
	// name. They are not in the JSON.
	Secrets []Secret
	// Providers are the OIDC providers of the account that the template trusts and does
	// not make, in the declaration's order. They are not in the JSON as such.
	Providers []Provider
}

// A Provider is an OIDC provider that the account has already.
type Provider struct {
	ARN string
	// URL is that of its issuer, and Clients are those whose tokens have to be good; what
	// is known only when the stack is made is not among them.
	URL     string
	Clients []string
	// Pos is the federation's place in the declaration.
	Pos app.Pos
}

// A Secret is one that a template refers to.
type Secret struct {
	// Name is its name in Secrets Manager, STACK/NAME.
	Name string
	// Pos is where the declaration refers to it first.
	Pos app.Pos
}

// A Parameter is a value that the stack is given.
type Parameter struct {
	Type        string
	Description string `json:",omitempty"`
}

// A Resource is one resource of a stack.
type Resource struct {
	// Type is such as AWS::Lambda::Function.
	Type string
	// DependsOn are the logical ids of what has to be there before, beside what the
	// properties refer to. They are written sorted.
	DependsOn []string `json:",omitempty"`
	// DeletionPolicy and UpdateReplacePolicy say what becomes of the resource when it is
	// taken from the stack, or replaced: Retain, or "" for CloudFormation's default.
	DeletionPolicy      string `json:",omitempty"`
	UpdateReplacePolicy string `json:",omitempty"`
	// Properties is one of this package's structs, whose fields are AWS's.
	Properties any `json:",omitempty"`

	// Pos is the line of the declaration that asks for the resource.
	Pos app.Pos `json:"-"`
	// Lines are the places of properties that have a line of their own, by the names that
	// deploy knows them by, such as UsernameAttributes or Schema.custom:team.
	Lines map[string]app.Pos `json:"-"`
}

// An Output is a value that the stack gives.
type Output struct {
	Description string `json:",omitempty"`
	Value       Value

	// Pos is the output's line in the declaration.
	Pos app.Pos `json:"-"`
}

// The bounds of a template.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	maxResources = 500
	maxOutputs   = 200
	maxTemplate  = 1 << 20 // read from S3
	// Each place counts, also of one secret.
	maxDynamicReferences = 60
)

// JSON gives the template's text, which is the same for the same template: names are
// sorted, and properties come in the order of their structs.
func (t *Template) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the text is read by people, too
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		AWSTemplateFormatVersion string
		Description              string               `json:",omitempty"`
		Parameters               map[string]Parameter `json:",omitempty"`
		Resources                map[string]Resource
		Outputs                  map[string]Output `json:",omitempty"`
	}{"2010-09-09", t.Description, t.Parameters, t.Resources, t.Outputs})
	if err != nil {
		return nil, fmt.Errorf("writing the template: %w", err)
	}
	if b.Len() > maxTemplate {
		return nil, fmt.Errorf("writing the template: it has %d bytes and CloudFormation takes %d; split the app in two", b.Len(), maxTemplate)
	}
	return b.Bytes(), nil
}
