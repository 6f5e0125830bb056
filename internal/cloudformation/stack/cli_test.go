package stack_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTheFakeByTheCLI has the AWS CLI read what the fake says: what our own client
// takes for AWS's answers is not only its own reading of them.
func TestTheFakeByTheCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	f := newFake(t)
	f.refuses["Notes"] = "Table already exists: <notes>"
	fails(t, f, deployment(t), "Table already exists: <notes>")
	f.mu.Lock() // the race detector sees no order through another process
	f.secrets["prod-notes/KEY"] = &fakeSecret{versions: map[string]string{"11111111-aaaa": "AWSCURRENT"}}
	f.providers[providerARN(issuer)] = &fakeProvider{clients: []string{"web"}, tags: map[string]string{"doorwright:stage": "dev"}}
	f.domains["notes-users"] = accountID + " eu-west-1_other"
	f.made("Users", "AWS::Cognito::UserPool", map[string]any{"UsernameAttributes": []any{"email"}, "UsernameConfiguration": map[string]any{"CaseSensitive": false}, "Schema": []any{map[string]any{"Name": "seats", "AttributeDataType": "Number", "Mutable": true, "NumberAttributeConstraints": map[string]any{"MinValue": "1"}}}})
	f.drifts = map[string]string{"Function": difference("/Timeout", "3", "900")}
	f.mu.Unlock()
	run := func(args ...string) string {
		t.Helper()
		c := exec.Command(cli, append(args, "--endpoint-url", f.URL, "--region", region, "--output", "text")...)
		c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
		out, err := c.CombinedOutput()
		if err != nil {
			return "error: " + string(out)
		}
		// The CLI asks for each page, and prints None for one without an answer.
		return strings.Trim(strings.ReplaceAll("\n"+string(out), "\nNone", ""), "\n")
	}
	for want, args := range map[string]string{
		accountID:                                 "sts get-caller-identity --query Account",
		"ROLLBACK_COMPLETE":                       "cloudformation describe-stacks --stack-name prod-notes --query Stacks[0].StackStatus",
		"notes\tprod":                             "cloudformation describe-stacks --stack-name prod-notes --query Stacks[0].Tags[].Value",
		"Notes\tTable already exists: <notes>":    "cloudformation describe-stack-events --stack-name prod-notes --query StackEvents[?ResourceStatusReason=='Table~already~exists:~<notes>']|[0].[LogicalResourceId,ResourceStatusReason]",
		"(ValidationError) when calling the Desc": "cloudformation describe-stacks --stack-name other",
		"AES256":                        "s3api get-bucket-encryption --expected-bucket-owner " + accountID + " --bucket " + bucket + " --query ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm",
		"AWSCURRENT":                    "secretsmanager describe-secret --secret-id prod-notes/KEY --query VersionIdsToStages.*[][]",
		"(ResourceNotFoundException)":   "secretsmanager describe-secret --secret-id other",
		"tenant.eu.auth0.com\tweb\tdev": "iam get-open-id-connect-provider --open-id-connect-provider-arn " + providerARN(issuer) + " --query [Url,ClientIDList[0],Tags[0].Value]",
		providerARN(issuer):             "iam list-open-id-connect-providers --query OpenIDConnectProviderList[].Arn",
		"(NoSuchEntity)":                "iam get-open-id-connect-provider --open-id-connect-provider-arn " + providerARN("https://none.example"),
		"email\tFalse\t1":               "cognito-idp describe-user-pool --user-pool-id prod-notes-users --query UserPool.[UsernameAttributes[0],UsernameConfiguration.CaseSensitive,SchemaAttributes[?Name=='custom:seats']|[0].NumberAttributeConstraints.MinValue]",
		"eu-west-1_other":               "cognito-idp describe-user-pool-domain --domain notes-users --query DomainDescription.UserPoolId",
		"DETECTION_COMPLETE\tDRIFTED":   "cloudformation describe-stack-drift-detection-status --stack-drift-detection-id d-1 --query [DetectionStatus,StackDriftStatus]",
		"22":                            "s3api head-object --expected-bucket-owner " + accountID + " --bucket " + bucket + " --key functions/1.zip --query ContentLength",
	} {
		args := strings.Fields(args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		if got := run(args...); got != want && !(strings.HasPrefix(want, "(") && strings.Contains(got, want)) {
			t.Errorf("aws %s: got %q, want %q", args, got, want)
		}
	}
	f.mu.Lock()
	f.stacks[0].status = "CREATE_COMPLETE" // drift is of a stack that was good
	f.mu.Unlock()
	if got := run("cloudformation", "detect-stack-drift", "--stack-name", "prod-notes", "--query", "StackDriftDetectionId"); got != "d-1" {
		t.Errorf("detect-stack-drift: got %q", got)
	}
	if got := run("cloudformation", "describe-stack-resource-drifts", "--stack-name", "prod-notes", "--query", "StackResourceDrifts[].[LogicalResourceId,StackResourceDriftStatus,PropertyDifferences[0].ActualValue]"); got != "Function\tMODIFIED\t900" {
		t.Errorf("describe-stack-resource-drifts: got %q", got)
	}
}
