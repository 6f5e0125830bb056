package cloudformation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation"
)

// TestLint plants the faults that cfn-lint has been seen to pass, one at a time, into
// templates that are sound.
func TestLint(t *testing.T) {
	type properties = map[string]any
	for _, c := range []struct {
		name, dir, typ string
		of             func(p properties) bool // which one; nil is any
		plant          func(p properties, r *cloudformation.Resource)
		want           string
	}{
		{"a route key without a method", "http", "AWS::ApiGatewayV2::Route", nil, func(p properties, _ *cloudformation.Resource) { p["RouteKey"] = "/orders" }, `the route key "/orders"`},
		{"a type of authorization that is none", "http", "AWS::ApiGatewayV2::Route", nil, func(p properties, _ *cloudformation.Resource) { p["AuthorizationType"] = "COGNITO_USER_POOLS" }, "no type of authorization"},
		{"a route without its authorizer", "http", "AWS::ApiGatewayV2::Route", func(p properties) bool { return p["AuthorizationType"] == "JWT" }, func(p properties, _ *cloudformation.Resource) { delete(p, "AuthorizerId") }, "has no authorizer"},
		{"an open route with an authorizer", "http", "AWS::ApiGatewayV2::Route", func(p properties) bool { return p["AuthorizationType"] == "JWT" }, func(p properties, _ *cloudformation.Resource) { p["AuthorizationType"] = "NONE" }, "would not be asked"},
		{"a JWT authorizer without configuration", "http", "AWS::ApiGatewayV2::Authorizer", func(p properties) bool { return p["AuthorizerType"] == "JWT" }, func(p properties, _ *cloudformation.Resource) { delete(p, "JwtConfiguration") }, "no issuer or no audience"},
		{"a malformed address of a function", "http", "AWS::ApiGatewayV2::Authorizer", func(p properties) bool { return p["AuthorizerType"] == "REQUEST" }, func(p properties, _ *cloudformation.Resource) {
			p["AuthorizerUri"] = properties{"Fn::GetAtt": []any{"FunctionA", "Arn"}}
		}, "not the address of a function's invocations"},
		{"a type of REST authorizer that is none", "rest", "AWS::ApiGateway::Authorizer", nil, func(p properties, _ *cloudformation.Resource) { p["Type"] = "JWT" }, "no type of a REST API's authorizer"},
		{"a malformed address in a REST authorizer", "rest", "AWS::ApiGateway::Authorizer", func(p properties) bool { return p["Type"] == "TOKEN" }, func(p properties, _ *cloudformation.Resource) {
			p["AuthorizerUri"] = properties{"Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionA}"}
		}, "not the address of a function's invocations"},
		{"a method without its authorizer", "rest", "AWS::ApiGateway::Method", func(p properties) bool { return p["AuthorizationType"] == "CUSTOM" }, func(p properties, _ *cloudformation.Resource) { delete(p, "AuthorizerId") }, "has no authorizer"},
		{"a deployment that waits for nothing", "rest", "AWS::ApiGateway::Deployment", nil, func(_ properties, r *cloudformation.Resource) { r.DependsOn = nil }, "does not wait for"},
		{"a deployment that does not wait for one method", "rest", "AWS::ApiGateway::Deployment", nil, func(_ properties, r *cloudformation.Resource) {
			for i, id := range r.DependsOn {
				if strings.HasPrefix(id, "Method") {
					r.DependsOn = append(append([]string{}, r.DependsOn[:i]...), r.DependsOn[i+1:]...)
					return
				}
			}
		}, "does not wait for Method"},
		{"passwords of three characters", "pools", "AWS::Cognito::UserPool", nil, func(p properties, _ *cloudformation.Resource) {
			p["Policies"].(properties)["PasswordPolicy"].(properties)["MinimumLength"] = 3
		}, "Cognito takes 6 to 99"},
		{"OAuth flows without scopes", "pools", "AWS::Cognito::UserPoolClient", func(p properties) bool { return p["AllowedOAuthFlows"] != nil }, func(p properties, _ *cloudformation.Resource) { delete(p, "AllowedOAuthScopes") }, "OAuth flows and no scopes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			template, _, err := synth(t, "testdata/"+c.dir, "dev")
			if err != nil {
				t.Fatal(err)
			}
			planted := false
			for id, r := range template.Resources {
				text, err := json.Marshal(r.Properties)
				if err != nil {
					t.Fatal(err)
				}
				var p properties
				if err := json.Unmarshal(text, &p); err != nil {
					t.Fatal(err)
				}
				if r.Type == c.typ && !planted && (c.of == nil || c.of(p)) {
					c.plant(p, &r)
					planted = true
				}
				r.Properties = p
				template.Resources[id] = r
			}
			if err := cloudformation.Lint(template); !planted || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "doorwright.yaml:") {
				t.Errorf("planted %t, error %v; want one with a place and %q", planted, err, c.want)
			}
		})
	}
}
