package stack_test

import "testing"

// TestLogsOfRESTAPIs: a REST API's access log needs a role of the whole account, which is
// looked for before anything is made, and made by nobody but who reads the command.
func TestLogsOfRESTAPIs(t *testing.T) {
	f := newFake(t)
	d := deployment(t)
	d.Artifacts = nil
	with := func(setting string) {
		d.Template = []byte(`{"Parameters": {"ArtifactsBucket": {"Type": "String"}}, "Resources": {
  "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a"}},
  "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {` + setting + `"StageName": "prod"}}}}`)
	}
	d.Positions = map[string]string{"Stage": "doorwright.yaml:3:3"}
	with(`"AccessLogSetting": {"DestinationArn": "arn", "Format": "$context.requestId"}, `)
	refused(t, f, d, "doorwright.yaml:3:3: a REST API has an access log, and API Gateway has no role by which it writes logs",
		"aws apigateway update-account --region eu-west-1 --patch-operations op=replace,path=/cloudwatchRoleArn,value=arn:aws:iam::"+accountID+":role/apigateway-logs")
	f.before = func(op string, _ int) *fault {
		if op == "apigateway.GetAccount" {
			return &fault{403, "AccessDeniedException", "not authorized to perform: apigateway:GET"}
		}
		return nil
	}
	fails(t, f, d, "looking for the role by which API Gateway writes logs: AccessDeniedException: not authorized to perform: apigateway:GET", "the caller needs the permission")
	f.before = nil
	equal(t, "stacks and buckets", len(f.stacks)+len(f.buckets), 0)
	f.logsRole = "arn:aws:iam::" + accountID + ":role/any"
	deploy(t, f, d)

	n := len(f.calls)
	f.logsRole = ""
	with("")
	deploy(t, f, d)
	for _, call := range f.calls[n:] {
		if call == "apigateway.GetAccount" {
			t.Error("without a log the role is asked for")
		}
	}
}
