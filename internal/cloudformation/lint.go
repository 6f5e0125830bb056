package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// lint holds the template against what AWS refuses when it makes a resource, or worse,
// takes: an open route in the place of a guarded one. None of it is the declaration's
// fault, and cfn-lint sees none of it, so that a mistake here would be found half-way
// through a deployment, or never.
func lint(t *Template) error {
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		check := lints[r.Type]
		if check == nil {
			continue
		}
		text, err := json.Marshal(r.Properties)
		if err != nil {
			return fmt.Errorf("writing %s: %w", id, err)
		}
		var p map[string]any
		if err := json.Unmarshal(text, &p); err != nil {
			return fmt.Errorf("reading %s: %w", id, err)
		}
		if wrong := check(t, r, p); wrong != "" {
			return fmt.Errorf("%s: compiling %s: %s", r.Pos, id, wrong)
		}
	}
	return nil
}

// ourReference is how the template refers to a secret.
var ourReference = regexp.MustCompile(`\{\{resolve:secretsmanager:[a-z0-9-]+/[A-Za-z0-9_]+:SecretString\}\}`)

// secretTypes are the resources that secrets go into.
var secretTypes = []string{"AWS::Lambda::Function", "AWS::ApiGateway::ApiKey", "AWS::Cognito::UserPoolIdentityProvider"}

// dynamicReferences refuses texts of the declaration in which CloudFormation would see a
// reference of its own: it would put another text there than the local stage has, and
// that may be a secret, in a place that is shown to everybody.
func (s *synth) dynamicReferences() {
	for _, id := range slices.Sorted(maps.Keys(s.template.Resources)) {
		r := s.template.Resources[id]
		text, err := plainJSON(r.Properties)
		if slices.Contains(secretTypes, r.Type) {
			text = ourReference.ReplaceAll(text, nil)
		}
		if err == nil && bytes.Contains(text, []byte("{{resolve:")) {
			s.refuse(r.Pos, "write it in another way; a secret is ${secret:NAME}", "CloudFormation would put another text in the place of {{resolve:...}}, which stands as it is locally")
		}
	}
}

// countSecrets counts the references to secrets.
func (s *synth) countSecrets() int {
	n := 0
	for _, r := range s.template.Resources {
		if text, err := plainJSON(r.Properties); err == nil && slices.Contains(secretTypes, r.Type) {
			n += len(ourReference.FindAll(text, -1))
		}
	}
	return n
}

// lints say what is wrong with a resource of a type; "" if nothing is.
var lints = map[string]func(t *Template, r Resource, p map[string]any) string{
	"AWS::ApiGatewayV2::Route":      lintRoute,
	"AWS::ApiGatewayV2::Authorizer": lintAuthorizer,
	"AWS::ApiGateway::Method":       lintMethod,
	"AWS::ApiGateway::Authorizer":   lintRestAuthorizer,
	"AWS::ApiGateway::Deployment":   lintDeployment,
	"AWS::Cognito::UserPool":        lintUserPool,
	"AWS::Cognito::UserPoolClient":  lintClient,
}

var routeKeyForm = regexp.MustCompile(`^(\$default|(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S*)$`)

// https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes.html
func lintRoute(_ *Template, _ Resource, p map[string]any) string {
	if key, _ := p["RouteKey"].(string); !routeKeyForm.MatchString(key) {
		return fmt.Sprintf("the route key %q is neither a method and a path nor $default", key)
	}
	return lintAuthorization(p, []string{"NONE", "AWS_IAM"}, []string{"JWT", "CUSTOM"})
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-method.html
func lintMethod(_ *Template, _ Resource, p map[string]any) string {
	return lintAuthorization(p, []string{"NONE", "AWS_IAM"}, []string{"CUSTOM", "COGNITO_USER_POOLS"})
}

// lintAuthorization wants an authorizer where there has to be one, and only there.
func lintAuthorization(p map[string]any, without, with []string) string {
	kind, _ := p["AuthorizationType"].(string)
	authorizer := p["AuthorizerId"] != nil
	switch {
	case slices.Contains(with, kind) && !authorizer:
		return "the authorization " + kind + " has no authorizer"
	case slices.Contains(without, kind) && authorizer:
		return "the authorization " + kind + " has an authorizer, which would not be asked"
	case !slices.Contains(with, kind) && !slices.Contains(without, kind):
		return fmt.Sprintf("%q is no type of authorization", kind)
	}
	return ""
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-authorizer.html
func lintAuthorizer(_ *Template, _ Resource, p map[string]any) string {
	switch p["AuthorizerType"] {
	case "JWT":
		c, _ := p["JwtConfiguration"].(map[string]any)
		if audience, _ := c["Audience"].([]any); len(audience) == 0 || c["Issuer"] == nil || c["Issuer"] == "" {
			return "the JWT authorizer has no issuer or no audience"
		}
		return ""
	case "REQUEST":
		return lintURI(p["AuthorizerUri"])
	}
	return fmt.Sprintf("%v is no type of an HTTP API's authorizer", p["AuthorizerType"])
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html
func lintRestAuthorizer(_ *Template, _ Resource, p map[string]any) string {
	switch p["Type"] {
	case "COGNITO_USER_POOLS":
		if arns, _ := p["ProviderARNs"].([]any); len(arns) == 0 {
			return "the authorizer has no user pool"
		}
		return ""
	case "TOKEN", "REQUEST":
		return lintURI(p["AuthorizerUri"])
	}
	return fmt.Sprintf("%v is no type of a REST API's authorizer", p["Type"])
}

// An authorizer's URI is not the function's ARN, but of the call of it.
var authorizerURIForm = regexp.MustCompile(`^arn:\$\{AWS::Partition\}:apigateway:\$\{AWS::Region\}:lambda:path/2015-03-31/functions/\$\{[A-Za-z0-9]+\.Arn\}/invocations$`)

func lintURI(v any) string {
	sub, _ := v.(map[string]any)
	if text, _ := sub["Fn::Sub"].(string); !authorizerURIForm.MatchString(text) {
		return fmt.Sprintf("%v is not the address of a function's invocations", v)
	}
	return ""
}

// A deployment is a picture of the methods that are there as it is made: one that does
// not wait for all of them is of an API with holes, or of none.
func lintDeployment(t *Template, r Resource, p map[string]any) string {
	api := fmt.Sprint(p["RestApiId"])
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		part := t.Resources[id]
		switch part.Type {
		case "AWS::ApiGateway::Method", "AWS::ApiGateway::Authorizer", "AWS::ApiGateway::GatewayResponse":
		default:
			continue
		}
		text, err := json.Marshal(part.Properties)
		var of struct {
			RestAPIID any `json:"RestApiId"`
		}
		if err == nil {
			err = json.Unmarshal(text, &of)
		}
		if err != nil {
			return err.Error()
		}
		if fmt.Sprint(of.RestAPIID) == api && !slices.Contains(r.DependsOn, id) {
			return "the deployment does not wait for " + id
		}
	}
	return ""
}

// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html
func lintUserPool(_ *Template, _ Resource, p map[string]any) string {
	policies, _ := p["Policies"].(map[string]any)
	policy, _ := policies["PasswordPolicy"].(map[string]any)
	if n, ok := policy["MinimumLength"].(float64); ok && (n < 6 || n > 99) {
		return fmt.Sprintf("passwords of at least %v characters: Cognito takes 6 to 99", n)
	}
	return ""
}

// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
func lintClient(_ *Template, _ Resource, p map[string]any) string {
	flows, _ := p["AllowedOAuthFlows"].([]any)
	scopes, _ := p["AllowedOAuthScopes"].([]any)
	urls, _ := p["CallbackURLs"].([]any)
	machine := slices.Contains(flows, any("client_credentials"))
	switch {
	case len(flows) > 0 && (len(scopes) == 0 || p["AllowedOAuthFlowsUserPoolClient"] != true):
		return "the client has OAuth flows and no scopes"
	case len(flows) > 0 && !machine && len(urls) == 0:
		return "the client has OAuth flows that lead nowhere"
	case len(scopes) > 0 && len(flows) == 0:
		return "the client has OAuth scopes and no flow"
	}
	return ""
}
