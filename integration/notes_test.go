package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// notes starts the notes, with the packages that the clients have too.
func notes(t *testing.T) *process {
	t.Helper()
	need(t, "node")
	dir := project(t, "notes")
	if err := os.Symlink(filepath.Join(packages(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return start(t, dir)
}

// as runs a command line with other keys than root's, and gives all that it prints,
// with its end: a refusal is text too.
func (p *process) as(keys sessionKeys, line string) string {
	p.t.Helper()
	c := exec.CommandContext(p.t.Context(), "sh", "-c", line)
	c.Env, c.Dir = keys.env(p), p.dir
	out, _ := c.CombinedOutput()
	return strings.TrimSpace(string(out))
}

// signUp makes a user of a user pool by the AWS CLI, and gives the user's sub and ID token.
func (p *process) signUp(user string) (sub, token string) {
	p.t.Helper()
	client, pool := p.outputs()["UserPoolClientId"], p.outputs()["UserPoolId"]
	up := object(p.t, p.shell(`aws cognito-idp sign-up --client-id `+client+` --username `+user+` --password 'Passw0rd!'`))
	sub, _ = up["UserSub"].(string)
	p.shell(`aws cognito-idp admin-confirm-sign-up --user-pool-id ` + pool + ` --username ` + user)
	auth := object(p.t, p.shell(`aws cognito-idp initiate-auth --client-id `+client+` --auth-flow USER_PASSWORD_AUTH --auth-parameters 'USERNAME=`+user+`,PASSWORD=Passw0rd!'`))
	result, _ := auth["AuthenticationResult"].(map[string]any)
	token, _ = result["IdToken"].(string)
	return sub, token
}

// identityOf gives the identity that a login has, and its credentials, by the AWS CLI.
func (p *process) identityOf(login, token string) (string, sessionKeys) {
	p.t.Helper()
	got := object(p.t, p.shell("aws cognito-identity get-id --identity-pool-id "+p.outputs()["IdentityPoolId"]+" --logins "+login+"="+token))
	id, _ := got["IdentityId"].(string)
	if len(got) != 1 || !strings.HasPrefix(id, "us-east-1:") {
		p.t.Fatalf("get-id prints %v", got)
	}
	got = object(p.t, p.shell("aws cognito-identity get-credentials-for-identity --identity-id "+id+" --logins "+login+"="+token))
	keys, _ := got["Credentials"].(map[string]any)
	if got["IdentityId"] != id || keys["Expiration"] == nil {
		p.t.Fatalf("get-credentials-for-identity prints %v", got)
	}
	text := func(name string) string { s, _ := keys[name].(string); return s }
	return id, sessionKeys{text("AccessKeyId"), text("SecretKey"), text("SessionToken")}
}

// TestWalkThroughNotes types the walk-through of the Auth construct with the AWS CLI and
// curl: files by presigned URLs, and the table and the bucket with the credentials of an
// identity pool.
func TestWalkThroughNotes(t *testing.T) {
	need(t, "aws")
	need(t, "curl")
	p := notes(t)
	out := p.outputs()
	sub, token := p.signUp("rider@example.com")
	p.waitFor(sub + " is signing in")
	p.waitFor(sub + " has signed in")

	if got := p.shell("curl -s " + out["ApiEndpoint"] + "/notes"); got != `{"message":"Unauthorized"}` {
		t.Errorf("a stranger is answered %s", got)
	}
	p.shell(`aws dynamodb put-item --table-name ` + out["TableName"] + ` --item '{"userId":{"S":"` + sub + `"},"noteId":{"S":"1"},"text":{"S":"of the app"}}'`)
	if got := p.shell(`curl -s -H "Authorization: Bearer ` + token + `" ` + out["ApiEndpoint"] + "/notes"); got != `[{"noteId":"1","text":"of the app"}]` {
		t.Errorf("GET /notes answers %s", got)
	}
	uploadsByCurl(t, p, sub, token)
	directly(t, p, token)
}

// uploadsByCurl asks for the URLs of a file and uses them.
func uploadsByCurl(t *testing.T, p *process, sub, token string) {
	t.Helper()
	const put = "curl -s -o /dev/null -w '%{http_code}' -X PUT --data-binary hello '"
	links := object(t, p.shell(`curl -s -X POST `+p.outputs()["ApiEndpoint"]+`/upload-url -H "Authorization: Bearer `+token+`" -d '{"name":"photo.txt"}'`))
	upload, _ := links["upload"].(string)
	download, _ := links["download"].(string)
	if links["key"] != "uploads/"+sub+"/photo.txt" || upload == "" || download == "" {
		t.Fatalf("POST /upload-url answers %v", links)
	}
	if got := p.shell(put + upload + "'"); got != "200" {
		t.Errorf("the upload is answered %s", got)
	}
	if got := p.shell("curl -s '" + download + "'"); got != "hello" {
		t.Errorf("the download is %q", got)
	}
	const mismatch = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided. Check your key and signing method.</Message>`
	for what, altered := range map[string]string{
		"another file":      strings.Replace(download, "photo.txt", "other.txt", 1),
		"another life":      strings.Replace(download, "X-Amz-Expires=300", "X-Amz-Expires=301", 1),
		"another signature": regexp.MustCompile(`X-Amz-Signature=[0-9a-f]{64}`).ReplaceAllString(download, "X-Amz-Signature="+strings.Repeat("0", 64)),
		"more in the query": download + "&versionId=1",
		"the URL to upload": upload,
	} {
		if got := p.shell("curl -s '" + altered + "'"); !strings.HasPrefix(got, mismatch) {
			t.Errorf("%s: %s", what, got)
		}
	}
	// A URL of five minutes that was made ten ago.
	env := objectOf(t, "env", p.dir, "--json")
	r, err := http.NewRequest(http.MethodGet, strings.Split(download, "?")[0]+"?X-Amz-Expires=300", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	old, _, err := signer.PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]},
		r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now().Add(-10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	expired := regexp.MustCompile(`^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message>` +
		`<X-Amz-Expires>300</X-Amz-Expires><Expires>[0-9TZ:-]+</Expires><ServerTime>[0-9TZ:-]+</ServerTime><RequestId>[0-9A-Z]{16}</RequestId><HostId>[^<]+</HostId></Error>403$`)
	if got := p.shell("curl -s -w '%{http_code}' '" + old + "'"); !expired.MatchString(got) {
		t.Errorf("an expired URL is answered %s", got)
	}
}

// directly reaches the table and the bucket with the credentials of the identity pool.
func directly(t *testing.T, p *process, token string) {
	t.Helper()
	out := p.outputs()
	id, keys := p.identityOf("cognito-idp.us-east-1.amazonaws.com/"+out["UserPoolId"], token)
	table := "--table-name " + out["TableName"]
	query := func(user string) string {
		return "aws dynamodb query " + table + ` --key-condition-expression 'userId = :u' --expression-attribute-values '{":u":{"S":"` + user + `"}}' --query Items[0].text.S --output text`
	}
	put := func(user string) string {
		return "aws dynamodb put-item " + table + ` --item '{"userId":{"S":"` + user + `"},"noteId":{"S":"1"},"text":{"S":"my own"}}'`
	}
	object := func(operation, user, more string) string {
		return "aws s3api " + operation + " --bucket " + out["BucketName"] + " --key private/" + user + "/a.txt " + more
	}
	const other = "us-east-1:11111111-2222-3333-4444-555555555555"
	refused := func(code, operation, action, resource string) string {
		return "An error occurred (" + code + ") when calling the " + operation + " operation: User: arn:aws:sts::000000000000:assumed-role/dev-notes-Auth-authenticated/CognitoIdentityCredentials" +
			" is not authorized to perform: " + action + " on resource: " + resource + " because no identity-based policy allows the " + action + " action"
	}
	arn := "arn:aws:dynamodb:us-east-1:000000000000:table/" + out["TableName"]
	file := "arn:aws:s3:::" + out["BucketName"]
	edit(t, filepath.Join(p.dir, "a.txt"), "hello")
	for _, c := range []struct{ line, want string }{
		{put(id), ""},
		{query(id), "my own"},
		{put(other), refused("AccessDeniedException", "PutItem", "dynamodb:PutItem", arn)},
		{query(other), refused("AccessDeniedException", "Query", "dynamodb:Query", arn)},
		{"aws dynamodb scan " + table, refused("AccessDeniedException", "Scan", "dynamodb:Scan", arn)},
		{"aws dynamodb delete-item " + table + ` --key '{"userId":{"S":"` + id + `"},"noteId":{"S":"1"}}'`, refused("AccessDeniedException", "DeleteItem", "dynamodb:DeleteItem", arn)},
		{object("put-object", id, "--body a.txt --query ETag --output text"), `"5d41402abc4b2a76b9719d911017c592"`},
		{object("get-object", id, "b.txt --query ContentLength --output text") + " && cat b.txt", "5\nhello"},
		{object("put-object", other, "--body a.txt"), refused("AccessDenied", "PutObject", "s3:PutObject", `"`+file+"/private/"+other+`/a.txt"`)},
		{object("get-object", other, "c.txt"), refused("AccessDenied", "GetObject", "s3:GetObject", `"`+file+"/private/"+other+`/a.txt"`)},
		{"aws s3 ls s3://" + out["BucketName"] + "/private/" + id + "/", refused("AccessDenied", "ListObjectsV2", "s3:ListBucket", `"`+file+`"`)},
	} {
		if got := p.as(keys, c.line); !strings.HasSuffix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("$ %s\n%s\nwant %s", c.line, got, c.want)
		}
	}
}
