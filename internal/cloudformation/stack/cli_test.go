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
		"AES256": "s3api get-bucket-encryption --expected-bucket-owner " + accountID + " --bucket " + bucket + " --query ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm",
		"22":     "s3api head-object --expected-bucket-owner " + accountID + " --bucket " + bucket + " --key functions/1.zip --query ContentLength",
	} {
		args := strings.Fields(args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		if got := run(args...); got != want && !(strings.HasPrefix(want, "(") && strings.Contains(got, want)) {
			t.Errorf("aws %s: got %q, want %q", args, got, want)
		}
	}
}
