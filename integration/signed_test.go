package integration

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signedApp starts the app of testdata/signed, with a user who has signed in, and gives
// the user's ID token.
func signedApp(t *testing.T) (p *process, token string) {
	t.Helper()
	need(t, "aws")
	need(t, "node")
	dir := filepath.Join(t.TempDir(), "signed")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "signed"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(packages(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p = start(t, dir)
	_, token = p.signUp("rider@example.com")
	return p, token
}

// apis gives the URLs of the two APIs.
func (p *process) apis() map[string]string {
	out := p.outputs()
	return map[string]string{"HTTP": out["ApiEndpoint"], "REST": out["RestEndpoint"]}
}

// guarded are the awkward targets, below the guarded resource.
func guarded() (targets []string) {
	for _, target := range awkward {
		targets = append(targets, "/who/x"+target)
	}
	return targets
}

// TestSignersAtAStage has signers that nobody here wrote call APIs with IAM
// authorization with the credentials of an identity pool; each call is to say whose.
func TestSignersAtAStage(t *testing.T) {
	need(t, "curl")
	python := need(t, "python3")
	p, token := signedApp(t)
	provider := p.outputs()["Provider"]
	id, keys := p.identityOf(provider, token)
	for name, api := range p.apis() {
		t.Run("aws-sdk-go-v2 "+name, func(t *testing.T) { signedByGoSDK(t, api, id, keys) })
		t.Run("curl "+name, func(t *testing.T) {
			const signed = `curl -sS --aws-sigv4 aws:amz:us-east-1:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN" `
			for _, line := range []string{api + "/who/x", `"` + api + `/who/x?a=1&b=2"`, `-X POST --data-binary '{"id":1}' -H "Content-Type: application/json" ` + api + "/who/x"} {
				if got := p.as(keys, signed+line); got != id {
					t.Errorf("curl %s: %s", line, got)
				}
			}
			if got := p.as(keys, "curl -s "+api+"/who/x"); got != `{"message":"Forbidden"}` && name == "HTTP" || got != `{"message":"Missing Authentication Token"}` && name == "REST" {
				t.Errorf("an unsigned request is answered %s", got)
			}
		})
		t.Run("boto3 "+name, func(t *testing.T) {
			c := exec.Command(python, "-c", signedByBoto3, api, p.outputs()["IdentityPoolId"], provider, token, strings.Join(guarded(), "\n"))
			c.Env = p.env()
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
		t.Run("JavaScript "+name, func(t *testing.T) { signedByJavaScript(t, p, api, token) })
	}
}

func signedByGoSDK(t *testing.T, api, id string, keys sessionKeys) {
	credentials := aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}
	signer := v4.NewSigner()
	for _, target := range guarded() {
		for _, body := range []string{"", "{}"} {
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
			r, err := http.NewRequest(http.MethodPost, api+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := signer.SignHTTP(t.Context(), credentials, r, sum, "execute-api", "us-east-1", time.Now()); err != nil {
				t.Fatal(err)
			}
			answers(t, r, id)
			r, err = http.NewRequest(http.MethodPost, api+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			link, _, err := signer.PresignHTTP(t.Context(), credentials, r, sum, "execute-api", "us-east-1", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if r, err = http.NewRequest(http.MethodPost, link, strings.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			answers(t, r, id)
		}
	}
}

// answers wants a request to be answered with a text.
func answers(t *testing.T, r *http.Request, want string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || string(text) != want {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, resp.StatusCode, text)
	}
}

const signedByBoto3 = `
import sys, urllib.request, urllib.error, boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

api, pool, provider, token, targets = sys.argv[1:]
client = boto3.client("cognito-identity", config=Config(signature_version=UNSIGNED))
me = client.get_id(IdentityPoolId=pool, Logins={provider: token})["IdentityId"]
given = client.get_credentials_for_identity(IdentityId=me, Logins={provider: token})["Credentials"]
keys = Credentials(given["AccessKeyId"], given["SecretKey"], given["SessionToken"])

def send(method, url, headers, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body or None, headers=headers, method=method)) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as e:
        sys.exit(f"{method} {url}: {e.code} {e.read().decode()}")
    if text != me:
        sys.exit(f"{method} {url}: {text}, not {me}")

for target in targets.split("\n"):
    for body in (b"", b"{}"):
        request = AWSRequest(method="POST", url=api + target, data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
        send("POST", request.url, dict(request.headers.items()), body)
    request = AWSRequest(method="GET", url=api + target)
    SigV4QueryAuth(keys, "execute-api", "us-east-1", expires=60).add_auth(request)
    send("GET", request.url, {}, b"")
`

// signedByJavaScript goes through the SDK's provider of an identity pool's credentials,
// and its signer, aws4 and aws4fetch.
func signedByJavaScript(t *testing.T, p *process, api, token string) {
	js := scripts(t)
	u, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, target := range guarded() {
		targets = append(targets, u.Path+target)
	}
	argument, err := json.Marshal(map[string]any{
		"Endpoint": u.Scheme + "://" + u.Host, "Targets": targets, "Stage": map[string]string{
			"IdentityPoolId": p.outputs()["IdentityPoolId"], "Provider": p.outputs()["Provider"], "IDToken": token,
			"Endpoint": objectOf(t, "env", p.dir, "--json")["AWS_ENDPOINT_URL"],
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("node", filepath.Join(js, "signers.mjs"), string(argument))
	c.Dir, c.Env = js, p.env()
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("node js/signers.mjs: %v\n%s", err, out)
	}
}

// TestDirectlyFromABrowser is a web app that reaches the table, the bucket and the
// signed APIs itself, from another origin: by the AWS SDK with the credentials of an
// identity pool, and by Amplify v6.
func TestDirectlyFromABrowser(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, token := signedApp(t)
	p.browse(browser, js, "direct.mjs", map[string]string{"IDToken": token, "User": "rider@example.com"})
}
