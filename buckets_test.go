package doorwright_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// s3 sends a request that the stage's root has signed.
func s3(t *testing.T, e doorwright.Environment, method, url, body string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if change != nil {
		change(req)
	}
	sigv4.Signer{Service: "s3", Region: e.Region, S3: true}.Sign(req, []byte(body), sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}, time.Now())
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// TestBucket declares a bucket and uses it by path and by host; objects outlive
// the process, and nobody who has not signed gets any.
func TestBucket(t *testing.T) {
	dir := declare(t, "name: app\nbuckets: {Uploads: {cors: true}}\napis: {Api: {routes: {GET /hello: {url: \""+hello(t).URL+"\"}}}}\noutputs: {BucketName: \"${buckets.Uploads.name}\"}\n")
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	e := r.Environment()
	name := r.Outputs()[0].Value
	if res, body := s3(t, e, "PUT", e.Endpoint+"/"+name+"/a/b.txt", "hello", nil); res.StatusCode != 200 {
		t.Fatalf("put: %d %s", res.StatusCode, body)
	}
	port := e.Endpoint[strings.LastIndex(e.Endpoint, ":"):]
	byHost := func(req *http.Request) { req.Host = name + ".localhost" + port }
	if res, body := s3(t, e, "GET", e.Endpoint+"/a/b.txt", "", byHost); res.StatusCode != 200 || body != "hello" {
		t.Errorf("get by host: %d %s", res.StatusCode, body)
	}
	for what, change := range map[string]func(*http.Request){"by path": nil, "by host": byHost} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			req, err := http.NewRequest(method, e.Endpoint+"/"+name+"/a/b.txt", nil)
			if err != nil {
				t.Fatal(err)
			}
			if change != nil {
				change(req)
			}
			if res, body := do(t, req); res.StatusCode != 403 || !strings.Contains(body, "<Code>AccessDenied</Code><Message>Access Denied</Message>") {
				t.Errorf("%s %s without a signature: %d %s", method, what, res.StatusCode, body)
			}
		}
	}
	preflight, err := http.NewRequest("OPTIONS", e.Endpoint+"/"+name+"/a/b.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	preflight.Header.Set("Origin", "https://page.example")
	preflight.Header.Set("Access-Control-Request-Method", "PUT")
	preflight.Header.Set("Access-Control-Request-Headers", "content-type")
	if res, body := do(t, preflight); res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v %s", res.StatusCode, res.Header, body)
	}
	// A host of a bucket is of S3 alone: no other service answers there.
	req, err := http.NewRequest("POST", e.Endpoint+"/", bytes.NewReader([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	byHost(req)
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.SignUp")
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if res, body := do(t, req); !strings.Contains(body, "<Error>") || res.Header.Get("Server") != "AmazonS3" {
		t.Errorf("another service by a bucket's host: %d %s", res.StatusCode, body)
	}
	// Other listeners do not answer to it.
	api, _ := r.URL("Api")
	req, err = http.NewRequest("GET", api+"/hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = name + ".localhost" + api[strings.LastIndex(api, ":"):]
	if res, body := do(t, req); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("an API by a bucket's host: %d %s", res.StatusCode, body)
	}
}
