package stack_test

import (
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// TestAdvice: where AWS's reason alone does not tell, the way on is told.
func TestAdvice(t *testing.T) {
	for _, c := range []struct{ kind, reason, want string }{
		{"AWS::Lambda::Function", "Resource handler returned message: \"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10]. (Service: Lambda, Status Code: 400)\"", "Service Quotas"},
		{"AWS::Lambda::Function", "prod-notes-api-list already exists in stack arn:aws:cloudformation:eu-west-1:123456789012:stack/prod-notes-api/1", "another stack"},
		{"AWS::Logs::LogGroup", "/aws/lambda/prod-notes-api-list already exists in stack arn:aws:cloudformation:eu-west-1:123456789012:stack/prod-notes-api/1", "another stack"},
		{"AWS::Logs::LogGroup", "Resource of type 'AWS::Logs::LogGroup' with identifier '{\"/properties/LogGroupName\":\"/aws/lambda/x\"}' already exists.", "aws logs delete-log-group"},
		{"AWS::ApiGatewayV2::Stage", "Resource handler returned message: \"Insufficient permissions to enable logging (Service: ApiGatewayV2, Status Code: 400)\"", "logs:CreateLogDelivery"},
		{"AWS::Cognito::UserPoolIdentityProvider", "User: arn is not authorized to perform: secretsmanager:GetSecretValue", "needs secretsmanager:GetSecretValue"},
		{"AWS::IAM::OIDCProvider", "Provider with url https://x already exists.", "providerArn"},
	} {
		f := newFake(t)
		f.refuses["One"] = c.reason
		d := stack.Deployment{Template: []byte(`{"Resources": {"One": {"Type": "` + c.kind + `"}}}`)}
		if c.kind == "AWS::IAM::OIDCProvider" {
			d.Template = []byte(`{"Resources": {"One": {"Type": "` + c.kind + `", "Properties": {"Url": {"Ref": "AWS::Region"}}}}}`)
		}
		fails(t, f, d, c.want)
	}
}
