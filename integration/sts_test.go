package integration

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// keysApp has a function that gives away its keys, for tests to be it.
const keysApp = `name: keys
region: eu-west-1
apis:
  Api:
    routes:
      GET /keys: {function: src/keys.handler, authorizer: none}
outputs:
  ApiEndpoint: ${apis.Api.url}
`

// sessionKeys are temporary keys as the AWS CLI prints them.
type sessionKeys struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// env gives a shell's environment with these keys.
func (k sessionKeys) env(p *process) []string {
	env := slices.DeleteFunc(p.env(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(v, "AWS_SECRET_ACCESS_KEY=")
	})
	return append(env, "AWS_ACCESS_KEY_ID="+k.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+k.SecretAccessKey, "AWS_SESSION_TOKEN="+k.SessionToken)
}

// startKeys starts keysApp and gives the keys of its function.
func startKeys(t *testing.T) (*process, sessionKeys) {
	t.Helper()
	need(t, "node")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"doorwright.yaml": keysApp,
		"src/keys.mjs": `export const handler = async () => ({
  AccessKeyID: process.env.AWS_ACCESS_KEY_ID, SecretAccessKey: process.env.AWS_SECRET_ACCESS_KEY, SessionToken: process.env.AWS_SESSION_TOKEN,
});
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, dir)
	var keys sessionKeys
	got := get(t, p.outputs()["ApiEndpoint"]+"/keys", "")
	if err := json.Unmarshal([]byte(got.body), &keys); err != nil || keys.SessionToken == "" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return p, keys
}

// The identities of the stage, as `aws sts get-caller-identity` prints them.
var (
	rootIdentity     = regexp.MustCompile(`^\{\s*"UserId": "000000000000",\s*"Account": "000000000000",\s*"Arn": "arn:aws:iam::000000000000:root"\s*\}$`)
	functionIdentity = regexp.MustCompile(`^\{\s*"UserId": "AROA[A-Z2-7]{17}:(dev-keys-[\w-]+)",\s*"Account": "000000000000",\s*"Arn": "arn:aws:sts::000000000000:assumed-role/(dev-keys-[\w-]+)/(dev-keys-[\w-]+)"\s*\}$`)
)

// TestSTSByCLI: who root, a session of it and a function are, by the AWS CLI.
func TestSTSByCLI(t *testing.T) {
	need(t, "aws")
	p, function := startKeys(t)
	cli := func(env []string, arguments ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), "aws", append([]string{"sts", "--output", "json"}, arguments...)...)
		c.Env = env
		out, _ := c.CombinedOutput() // a refusal is text too
		return strings.TrimSpace(string(out))
	}
	if out := cli(p.env(), "get-caller-identity"); !rootIdentity.MatchString(out) {
		t.Errorf("root is %s", out)
	}
	out := cli(p.env(), "get-session-token", "--duration-seconds", "900")
	var session struct{ Credentials sessionKeys }
	if err := json.Unmarshal([]byte(out), &session); err != nil || session.Credentials.SessionToken == "" {
		t.Fatalf("get-session-token: %s", out)
	}
	if out := cli(session.Credentials.env(p), "get-caller-identity"); !rootIdentity.MatchString(out) {
		t.Errorf("a session of root is %s", out)
	}
	if out := cli(function.env(p), "get-caller-identity"); !functionIdentity.MatchString(out) {
		t.Errorf("the function is %s", out)
	}
	const arn = "arn:aws:iam::000000000000:role/dev-keys-other"
	for want, env := range map[string][]string{
		"An error occurred (AccessDenied) when calling the AssumeRole operation: Roles may not be assumed by root accounts.": p.env(),
		" is not authorized to perform: sts:AssumeRole on resource: " + arn:                                                  function.env(p),
		"An error occurred (InvalidClientTokenId) when calling the AssumeRole operation: The security token included in the request is invalid.": sessionKeys{
			function.AccessKeyID, function.SecretAccessKey, session.Credentials.SessionToken}.env(p),
	} {
		if out := cli(env, "assume-role", "--role-arn", arn, "--role-session-name", "me"); !strings.HasSuffix(out, want) {
			t.Errorf("assume-role: %s\nwant %s", out, want)
		}
	}
}

// TestSTSBySDK: aws-sdk-go-v2 with root's keys, a function's, and by stscreds.
func TestSTSBySDK(t *testing.T) {
	p, function := startKeys(t)
	env := objectOf(t, "env", p.dir, "--json")
	client := func(keys sessionKeys) *sts.Client {
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(env["AWS_REGION"]), config.WithBaseEndpoint(env["AWS_ENDPOINT_URL"]),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)),
			config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil))
		if err != nil {
			t.Fatal(err)
		}
		return sts.NewFromConfig(cfg)
	}
	root := client(sessionKeys{env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""})
	who := func(c *sts.Client) string {
		t.Helper()
		out, err := c.GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.Arn)
	}
	if got := who(root); got != "arn:aws:iam::000000000000:root" {
		t.Errorf("root is %s", got)
	}
	session, err := root.GetSessionToken(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := who(client(sessionKeys{*session.Credentials.AccessKeyId, *session.Credentials.SecretAccessKey, *session.Credentials.SessionToken})); got != "arn:aws:iam::000000000000:root" {
		t.Errorf("a session of root is %s", got)
	}
	if got := who(client(function)); !strings.HasPrefix(got, "arn:aws:sts::000000000000:assumed-role/dev-keys-") {
		t.Errorf("the function is %s", got)
	}
	presigned, err := sts.NewPresignClient(client(function)).PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, presigned.URL, ""); got.status != 200 || !strings.Contains(got.body, "<Arn>arn:aws:sts::000000000000:assumed-role/dev-keys-") {
		t.Errorf("presigned: %d %s", got.status, got.body)
	}
	if got := get(t, strings.Replace(presigned.URL, "GetCallerIdentity", "GetSessionToken", 1), ""); got.status != 403 || !strings.Contains(got.body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("presigned for another operation: %d %s", got.status, got.body)
	}
	const arn = "arn:aws:iam::000000000000:role/dev-keys-other"
	_, err = stscreds.NewAssumeRoleProvider(client(function), arn).Retrieve(t.Context())
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" || !strings.HasSuffix(refused.ErrorMessage(), " is not authorized to perform: sts:AssumeRole on resource: "+arn) {
		t.Errorf("stscreds: %v", err)
	}
}

// TestSTSByBoto3: the identities, and the errors that a program handles.
func TestSTSByBoto3(t *testing.T) {
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3") // names what is missing; there is no such program
	}
	p, function := startKeys(t)
	script := `
import boto3, sys
from botocore.exceptions import ClientError
sts = boto3.client("sts")
me = sts.get_caller_identity()
assert me["Arn"].startswith("arn:aws:sts::000000000000:assumed-role/dev-keys-"), me
try:
    sts.get_session_token()
    sys.exit("a session has a session")
except ClientError as e:
    assert e.response["Error"]["Code"] == "AccessDenied" and e.response["ResponseMetadata"]["HTTPStatusCode"] == 403, e.response
    assert e.response["Error"]["Message"] == "Cannot call GetSessionToken with session credentials", e.response
try:
    sts.assume_role_with_web_identity(RoleArn="arn:aws:iam::000000000000:role/other", RoleSessionName="me", WebIdentityToken="a.b.c")
    sys.exit("a token of nobody's is taken")
except sts.exceptions.InvalidIdentityTokenException as e:
    pass
try:
    sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/other", RoleSessionName="me", Policy="{")
    sys.exit("a policy that is none is taken")
except sts.exceptions.MalformedPolicyDocumentException as e:
    pass
`
	c := exec.CommandContext(t.Context(), python, "-c", script)
	c.Env = function.env(p)
	if printed, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
}
