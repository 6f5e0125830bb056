package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/doorwright/doorwright/sigv4"
)

// The keys that the signers have, one with and one without a session.
const (
	signersKey, signersSessionKey = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
	signersSecret                 = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	signersToken                  = "FwoGZXIvYXdzEXAMPLE/token+=="
)

func signersSecretOf(_ context.Context, id, token string) (string, error) {
	if id == signersKey && token == "" || id == signersSessionKey && token == signersToken {
		return signersSecret, nil
	}
	return "", sigv4.ErrUnknownKey
}

// verifyingServer answers what sigv4 says of each request: 200 with the form, or
// 403 with all of the explanation. What is signed for s3 is verified as S3 does.
type verifyingServer struct {
	*httptest.Server
	seen map[string]int // forms of good requests, by service
}

func newVerifyingServer(t *testing.T) *verifyingServer {
	s := &verifyingServer{seen: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what, err := s.verify(r)
		if err != nil {
			text := err.Error()
			if e := (&sigv4.Error{}); errors.As(err, &e) {
				text += "\n" + e.Explanation()
			}
			t.Logf("%s %s: %s", r.Method, r.RequestURI, text)
			http.Error(w, text, http.StatusForbidden)
			return
		}
		s.seen[what]++ // The clients send one request after the other.
		if strings.HasPrefix(what, "sts ") {
			w.Header().Set("Content-Type", "text/xml")
			io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root</Arn>`+
				`<UserId>000000000000</UserId><Account>000000000000</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
			return
		}
		// S3's clients read any body of a 200 as XML.
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *verifyingServer) verify(r *http.Request) (string, error) {
	service := "execute-api"
	credential := r.URL.Query().Get("X-Amz-Credential")
	if a, err := sigv4.ParseAuthorization(r.Header.Get("Authorization")); err == nil {
		service = a.Scope.Service
	} else if parts := strings.Split(credential, "/"); len(parts) == 5 {
		service = parts[3]
	}
	v := &sigv4.Verifier{Service: service, Region: "us-east-1", Lookup: signersSecretOf, S3: service == "s3"}
	if v.S3 {
		id, body, err := v.VerifyStream(r)
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		what := service + " " + string(id.Form)
		if marker := r.Header.Get("X-Amz-Content-Sha256"); strings.HasPrefix(marker, "STREAMING-") {
			what += " " + marker
		}
		return what, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	id, err := v.Verify(r, body)
	return service + " " + string(id.Form), err
}

// wants checks that requests of these forms have come, and were good.
func (s *verifyingServer) wants(t *testing.T, forms ...string) {
	t.Helper()
	for _, form := range forms {
		if s.seen[form] == 0 {
			t.Errorf("no request came as %s: %v", form, s.seen)
		}
	}
}

// awkward are targets that signers find hard.
var awkward = []string{"/", "/a%20b/%E1%88%B4", "/a/b/?b=2&a=1&a=0&empty=&plus=%2B&s=%20&t=~", "/-._~/c%3Ad%40e"}

func signersRun(t *testing.T, s *verifyingServer, c *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", c.Args[0], err, stderr.String(), out)
	}
	return string(out)
}

func signersEnv(dir, endpoint string) []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID="+signersSessionKey, "AWS_SECRET_ACCESS_KEY="+signersSecret, "AWS_SESSION_TOKEN="+signersToken,
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL="+endpoint, "HOME="+dir, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1")
}

// TestSignerOfGoSDK has aws-sdk-go-v2's signer and presigner sign.
func TestSignerOfGoSDK(t *testing.T) {
	s := newVerifyingServer(t)
	for _, credentials := range []aws.Credentials{
		{AccessKeyID: signersKey, SecretAccessKey: signersSecret},
		{AccessKeyID: signersSessionKey, SecretAccessKey: signersSecret, SessionToken: signersToken},
	} {
		for _, service := range []string{"execute-api", "s3"} {
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
			for _, target := range awkward {
				for _, body := range []string{"", "{}"} {
					sum := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
					r, err := http.NewRequest("POST", s.URL+target, strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("X-Amz-Target", "a.b")
					if service == "s3" {
						r.Header.Set("X-Amz-Content-Sha256", sum)
					}
					if err := signer.SignHTTP(t.Context(), credentials, r, sum, service, "us-east-1", time.Now()); err != nil {
						t.Fatal(err)
					}
					signersSend(t, r)

					if service == "s3" {
						sum = "UNSIGNED-PAYLOAD"
					}
					expires := "X-Amz-Expires=604800"
					if strings.Contains(target, "?") {
						expires = "&" + expires
					} else {
						expires = "?" + expires
					}
					r, err = http.NewRequest("PUT", s.URL+target+expires, strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					link, header, err := signer.PresignHTTP(t.Context(), credentials, r, sum, service, "us-east-1", time.Now())
					if err != nil {
						t.Fatal(err)
					}
					if r, err = http.NewRequest("PUT", link, strings.NewReader(body)); err != nil {
						t.Fatal(err)
					}
					for name, values := range header {
						if name != "Host" && name != "Content-Length" {
							r.Header[name] = values
						}
					}
					signersSend(t, r)
				}
			}
		}
	}
	s.wants(t, "execute-api REST-HEADER", "execute-api REST-QUERY-STRING", "s3 REST-HEADER", "s3 REST-QUERY-STRING")
}

func signersSend(t *testing.T, r *http.Request) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s", r.Method, r.URL, text)
	}
}

// TestSignersInJavaScript goes through @smithy/signature-v4, the SDK's S3 client
// and s3-request-presigner, aws4 and aws4fetch.
func TestSignersInJavaScript(t *testing.T) {
	js := scripts(t)
	s := newVerifyingServer(t)
	argument, err := json.Marshal(map[string]any{
		"Endpoint": s.URL, "Targets": awkward, "Key": signersKey, "SessionKey": signersSessionKey, "Secret": signersSecret, "Token": signersToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("node", filepath.Join(js, "signers.mjs"), string(argument))
	c.Dir, c.Env = js, signersEnv(js, s.URL)
	t.Log(signersRun(t, s, c))
	s.wants(t, "execute-api REST-HEADER", "execute-api REST-QUERY-STRING", "s3 REST-HEADER", "s3 REST-QUERY-STRING", "s3 REST-HEADER STREAMING-UNSIGNED-PAYLOAD-TRAILER")
}

// TestSignersInPython goes through botocore's signers and boto3's S3 client, and
// holds a browser's form that boto3 has made against its policy.
func TestSignersInPython(t *testing.T) {
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3")
	}
	s := newVerifyingServer(t)
	c := exec.Command(python, "-c", signersPython, s.URL, strings.Join(awkward, "\n"))
	c.Env = signersEnv(t.TempDir(), s.URL)
	out := signersRun(t, s, c)
	s.wants(t, "execute-api REST-HEADER", "execute-api REST-QUERY-STRING", "s3 REST-HEADER", "s3 REST-QUERY-STRING")

	var post struct {
		URL    string            `json:"url"`
		Fields map[string]string `json:"fields"`
	}
	if err := json.Unmarshal([]byte(out), &post); err != nil {
		t.Fatal(err)
	}
	form := map[string][]string{"bucket": {"uploads"}, "Content-Type": {"image/png"}}
	for name, value := range post.Fields {
		form[name] = []string{value}
	}
	v := &sigv4.Verifier{Service: "s3", Region: "us-east-1", S3: true, Lookup: signersSecretOf}
	id, policy, err := v.VerifyPolicy(t.Context(), form)
	if err != nil || id.AccessKeyID != signersSessionKey || policy.MinLength != 1 || policy.MaxLength != 1024 {
		t.Errorf("VerifyPolicy = %+v, %+v, %v", id, policy, err)
	}
	form["key"] = []string{"b/photo.png"}
	if _, _, err := v.VerifyPolicy(t.Context(), form); err == nil {
		t.Error("another key is taken")
	}
}

const signersPython = `
import sys, json, io, urllib.request, boto3
from botocore.auth import SigV4Auth, SigV4QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

endpoint, targets = sys.argv[1], sys.argv[2].split("\n")
session = boto3.Session().get_credentials().get_frozen_credentials()

def send(method, url, headers, body):
    request = urllib.request.Request(url, data=body or None, headers=headers, method=method)
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as e:
        sys.exit(f"{method} {url}: {e.code} {e.read().decode()}")

for service, header, query in (("execute-api", SigV4Auth, SigV4QueryAuth), ("s3", S3SigV4Auth, S3SigV4QueryAuth)):
    for target in targets:
        for body in (b"", b"{}"):
            request = AWSRequest(method="POST", url=endpoint + target, data=body, headers={"Content-Type": "application/json", "X-Amz-Target": "a.b"})
            header(session, service, "us-east-1").add_auth(request)
            send("POST", request.url, dict(request.headers.items()), body)
            request = AWSRequest(method="PUT", url=endpoint + target, data=body)
            query(session, service, "us-east-1", expires=60).add_auth(request)
            send("PUT", request.url, {}, request.data) # botocore moves a body of JSON into the query

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"))
for key in ("a b/ü", "//x/./../y", "-._~!'()*+,=@&?#%41"):
    s3.put_object(Bucket="uploads", Key=key, Body=b"hello", Metadata={"a": "b  c"}, ACL="private")
    s3.put_object(Bucket="uploads", Key=key, Body=io.BytesIO(b"hello"))
    s3.get_object(Bucket="uploads", Key=key)["Body"].read()
    for operation in ("get_object", "put_object"):
        url = s3.generate_presigned_url(operation, Params={"Bucket": "uploads", "Key": key}, ExpiresIn=60)
        send({"get_object": "GET", "put_object": "PUT"}[operation], url, {}, b"")
print(json.dumps(s3.generate_presigned_post("uploads", "a/photo.png", Fields={"acl": "private"},
    Conditions=[{"acl": "private"}, ["starts-with", "$Content-Type", "image/"], ["content-length-range", 1, 1024]], ExpiresIn=60)))
`

// TestSignerOfCLI has the AWS CLI sign for a query protocol's service and for S3.
func TestSignerOfCLI(t *testing.T) {
	cli := need(t, "aws")
	s := newVerifyingServer(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Links that the CLI makes for us-east-1 have another signature by default.
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte("[default]\ns3 =\n  signature_version = s3v4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		c := exec.Command(cli, args...)
		c.Env = append(signersEnv(dir, s.URL), "AWS_CONFIG_FILE="+config)
		return signersRun(t, s, c)
	}
	run("sts", "get-caller-identity")
	run("s3api", "put-object", "--bucket", "uploads", "--key", "a b/ü", "--body", file)
	run("s3api", "get-object", "--bucket", "uploads", "--key", "a b/ü", filepath.Join(dir, "out"))
	run("s3", "cp", file, "s3://uploads/a b/c+d")
	link := strings.TrimSpace(run("s3", "presign", "s3://uploads/a b/c+d", "--endpoint-url", s.URL))
	r, err := http.NewRequest("GET", link, nil)
	if err != nil {
		t.Fatal(err)
	}
	signersSend(t, r)
	s.wants(t, "sts REST-HEADER", "s3 REST-HEADER", "s3 REST-QUERY-STRING")
}

// TestSignerOfCurl has curl sign. Curl before 8.3 encodes no path and sorts no
// query, so both are plain here.
func TestSignerOfCurl(t *testing.T) {
	curl := need(t, "curl")
	s := newVerifyingServer(t)
	for _, args := range [][]string{
		{"--aws-sigv4", "aws:amz:us-east-1:execute-api", s.URL + "/orders?a=1&b=2"},
		{"--aws-sigv4", "aws:amz:us-east-1:execute-api", "-X", "POST", "--data-binary", `{"id":1}`, "-H", "Content-Type: application/json", s.URL + "/orders"},
		{"--aws-sigv4", "aws:amz:us-east-1:s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", s.URL + "/uploads/key"},
	} {
		for _, user := range [][]string{
			{"--user", signersKey + ":" + signersSecret},
			{"--user", signersSessionKey + ":" + signersSecret, "-H", "x-amz-security-token: " + signersToken},
		} {
			c := exec.Command(curl, append(append([]string{"-sS", "--fail-with-body"}, user...), args...)...)
			signersRun(t, s, c)
		}
	}
	s.wants(t, "execute-api REST-HEADER", "s3 REST-HEADER")
}
