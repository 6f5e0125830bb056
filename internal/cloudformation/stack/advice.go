package stack

import "strings"

// advice says what to do about a resource that failed, where AWS's reason alone does
// not tell, or "". What can be known before a deploy is refused by check; this is for
// who has come in between, and for what AWS does not show.
func advice(r ResourceEvent) string {
	reason := strings.ToLower(r.Reason)
	says := func(texts ...string) bool {
		for _, text := range texts {
			if strings.Contains(reason, text) {
				return true
			}
		}
		return false
	}
	if says("already exists in stack") {
		return "another stack of the account has something of that name: give this app, or the handler, another name"
	}
	switch r.Type {
	case oidcProviderType:
		if says("already exists", "entityalreadyexists") {
			return "an account has one OIDC provider for each issuer: look for its ARN with `aws iam list-open-id-connect-providers`, and write it in the federation as providerArn"
		}
	case poolDomainType:
		if says("already associated", "already exists", "already has a domain") {
			return "a domain's prefix is taken once in a region, by whichever account, and a user pool has one: choose another domain, or take the old one out in a deploy before"
		}
	case userPoolType:
		if says("updates are not allowed", "schema attributes cannot be", "invalid attributedatatype") {
			return poolFix
		}
	case "AWS::Logs::LogGroup":
		if says("already exists") {
			return "a log group of that name is there, as a function outside of a stack makes it: export what you need of it, and delete it with `aws logs delete-log-group`"
		}
	case "AWS::ApiGatewayV2::Stage":
		// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
		if says("insufficient permissions to enable logging") {
			return "who deploys an HTTP API with an access log needs logs:CreateLogDelivery, logs:GetLogDelivery, logs:UpdateLogDelivery, logs:DeleteLogDelivery, logs:ListLogDeliveries, logs:PutResourcePolicy, logs:DescribeResourcePolicies and logs:DescribeLogGroups"
		}
	case "AWS::Lambda::Function", "AWS::ApiGateway::ApiKey", "AWS::Cognito::UserPoolIdentityProvider":
		if says("unreservedconcurrentexecution") {
			return "the account has too few concurrent executions left, of which a new one has 10 in all: ask for more in Service Quotas (Lambda, concurrent executions), or take concurrency out for the stage"
		}
		if says("secrets manager", "secretsmanager") {
			return "who deploys needs secretsmanager:GetSecretValue on the secret: CloudFormation reads it by those credentials"
		}
	case "AWS::S3::Bucket":
		if says("not empty") {
			return "`doorwright remove --delete-data` empties buckets first"
		}
	}
	return ""
}
