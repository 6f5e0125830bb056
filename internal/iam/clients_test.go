package iam_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
)

// TestAssumeRoleByClients: the AWS CLI and boto3 assume roles, unmodified. No
// declaration has a role that trusts another yet, so they talk to STS alone.
func TestAssumeRoleByClients(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	s.now = time.Now() // which the clients sign by
	server := httptest.NewServer(sts)
	defer server.Close()
	keys := s.assume(t, iam.AssumeRequest{}).Credentials
	run := func(program string, arguments ...string) string {
		t.Helper()
		path, err := exec.LookPath(program)
		if err != nil {
			if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		c := exec.CommandContext(t.Context(), path, arguments...)
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_PAGER=", "AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken}
		for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION", "SYSTEMROOT"} {
			c.Env = append(c.Env, name+"="+os.Getenv(name))
		}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	t.Run("aws", func(t *testing.T) {
		out := run("aws", "sts", "assume-role", "--role-arn", "arn:aws:iam::000000000000:role/trusts-tags", "--role-session-name", "next",
			"--tags", "Key=Team,Value=blue", "--policy", document(statement("Allow", "*", "*")), "--duration-seconds", "900",
			"--query", "[AssumedRoleUser.Arn,AssumedRoleUser.AssumedRoleId,Credentials.AccessKeyId]", "--output", "text")
		if !regexp.MustCompile(`^arn:aws:sts::000000000000:assumed-role/trusts-tags/next\tAROA[A-Z2-7]{17}:next\tASIA[A-Z2-7]{16}$`).MatchString(out) {
			t.Errorf("%q", out)
		}
	})
	t.Run("boto3", func(t *testing.T) {
		if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
			t.Skip("python3 with boto3 is not there")
		}
		token := poolToken(t, map[string]any{"iat": s.now.Unix(), "exp": s.now.Unix() + 600})
		out := run("python3", "-c", `
import boto3, sys
sts = boto3.client("sts")
got = sts.assume_role_with_web_identity(RoleArn="arn:aws:iam::000000000000:role/pool-authenticated", RoleSessionName="CognitoIdentityCredentials", WebIdentityToken=sys.argv[1])
assert got["Provider"] == "cognito-identity.amazonaws.com" and got["SubjectFromWebIdentityToken"] == "us-east-1:me", got
c = got["Credentials"]
print(boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"]).get_caller_identity()["Arn"])
`, token)
		if out != "arn:aws:sts::000000000000:assumed-role/pool-authenticated/CognitoIdentityCredentials" {
			t.Errorf("%q", out)
		}
	})
}
