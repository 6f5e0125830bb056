package apigw_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// What AWS's own blueprints and sample functions for authorizers return, in Python,
// Node.js and Go: aws-apigateway-lambda-authorizer-blueprints, and the developer
// guide (http-api-lambda-authorizer).
func TestAuthorizerReplies(t *testing.T) {
	for name, text := range map[string]string{
		"blueprint":     `{"principalId":"user|a1b2c3d4","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Deny","Resource":["arn:aws:execute-api:us-east-1:123456789012:abcdef123/dev/*/*"]}]},"context":{"key":"value","number":1,"bool":true}}`,
		"aws-lambda-go": `{"principalId":"user","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":["execute-api:Invoke"],"Effect":"Allow","Resource":["*"]}]},"usageIdentifierKey":"key"}`,
	} {
		for _, scalars := range []bool{true, false} {
			r, err := apigw.ParsePolicyReply([]byte(text), scalars)
			if err != nil || r.PrincipalID[:4] != "user" || len(r.PolicyDocument) == 0 || (r.Context != nil) != (name == "blueprint") || (r.UsageIdentifierKey == "key") != (name != "blueprint") {
				t.Errorf("%s: %+v %v", name, r, err)
			}
		}
	}
	r, err := apigw.ParseSimpleReply([]byte(`{"isAuthorized":true,"context":{"stringKey":"value","numberKey":1,"booleanKey":true,"arrayKey":["value1","value2"],"mapKey":{"value1":"value2"}}}`))
	if err != nil || !r.IsAuthorized || len(r.Context) != 5 || string(r.Context[4].Value) != `{"value1":"value2"}` {
		t.Errorf("%+v %v", r, err)
	}
}

// Whatever an authorizer answers: no panic, nothing beside an error, and an Allow
// only where encoding/json reads one too.
func FuzzAuthorizerReply(f *testing.F) {
	f.Add(`{"isAuthorized":true,"context":{"a":[1,{"b":"\u0063"}]}}`)
	f.Add(`{"principalId":"a","policyDocument":{},"context":null,"usageIdentifierKey":null}`)
	f.Add(`{"isAuthorized":false,"isAuthorized":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := apigw.ParsePolicyReply([]byte(text), true); err != nil && !reflect.DeepEqual(r, apigw.AuthorizerReply{}) {
			t.Errorf("%+v beside %v", r, err)
		}
		r, err := apigw.ParseSimpleReply([]byte(text))
		if err != nil {
			if !reflect.DeepEqual(r, apigw.AuthorizerReply{}) {
				t.Errorf("%+v beside %v", r, err)
			}
			return
		}
		var other struct{ IsAuthorized *bool }
		if err := json.Unmarshal([]byte(text), &other); err != nil || other.IsAuthorized == nil || *other.IsAuthorized != r.IsAuthorized {
			t.Errorf("%q is %v here, and otherwise elsewhere (%v)", text, r.IsAuthorized, err)
		}
		out := (&apigw.EventV2{RequestContext: apigw.ContextV2{Lambda: &r.Caller}}).AppendJSON(nil)
		if !json.Valid(out) {
			t.Errorf("the event is no JSON: %s", out)
		}
		out = (&apigw.EventV1{RequestContext: apigw.ContextV1{Lambda: &r.Caller}}).AppendJSON(nil)
		if !json.Valid(out) || !json.Valid(r.AppendREST(nil, 0)) {
			t.Errorf("the event is no JSON: %s", out)
		}
	})
}
