package sigv4_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// botocoreSigns signs the requests on its standard input with botocore, AWS's
// own signer for Python, as its clients do.
const botocoreSigns = `
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

cases = json.load(sys.stdin)
for c in cases:
    request = AWSRequest(method=c["method"], url=c["url"], data=c["body"].encode(), headers=c["headers"])
    if c["hash"]:
        request.headers["X-Amz-Content-SHA256"] = __import__("hashlib").sha256(c["body"].encode()).hexdigest()
    credentials = Credentials(c["key"], c["secret"], c["token"] or None)
    SigV4Auth(credentials, c["service"], c["region"]).add_auth(request)
    c["headers"] = dict(request.headers.items())
json.dump(cases, sys.stdout)
`

// signedByBotocore is one request for botocoreSigns.
type signedByBotocore struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Hash    bool              `json:"hash"`
	Key     string            `json:"key"`
	Secret  string            `json:"secret"`
	Token   string            `json:"token"`
	Service string            `json:"service"`
	Region  string            `json:"region"`
}

// pick gives one of several.
func pick[T any](rnd *rand.Rand, from ...T) T { return from[rnd.IntN(len(from))] }

// randomRequest makes a request whose path, query and headers are as awkward as
// botocore can send.
func randomRequest(rnd *rand.Rand) signedByBotocore {
	word := func() string {
		return pick(rnd, "a", "Z9", "orders", "-._~", "ሴ", "a b", "100%", "k=v", "x+y", "a/b", "@:!$'()*,;", "\"", "é")
	}
	var path strings.Builder
	for range rnd.IntN(5) {
		path.WriteString("/")
		path.WriteString(pick(rnd, "", ".", "..", url.PathEscape(word()), url.PathEscape(word()), url.PathEscape(word())))
	}
	path.WriteString("/")
	// botocore takes the query as it is, so it is written in AWS's own encoding.
	var query []string
	for range rnd.IntN(5) {
		escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
		query = append(query, escape(word())+pick(rnd, "", "=", "="+escape(word())))
	}
	c := signedByBotocore{
		Method: pick(rnd, "GET", "POST", "PUT", "DELETE", "PATCH"),
		URL:    "http://" + pick(rnd, "localhost:4566", "localhost", "127.0.0.1:3100", "abc.execute-api.us-east-1.amazonaws.com") + path.String(),
		Headers: map[string]string{
			"Content-Type":  pick(rnd, "application/x-amz-json-1.1", "application/x-www-form-urlencoded; charset=utf-8"),
			"X-Amz-Target":  "AWSCognitoIdentityProviderService.AdminGetUser",
			"X-Custom":      pick(rnd, "plain", "two  spaces", "a, b", "\"quoted   text\"", ""),
			"User-Agent":    "unsigned",
			"Authorization": "replaced",
		},
		Body:    pick(rnd, "", "{}", strings.Repeat("ሴ", 100)),
		Hash:    rnd.IntN(2) == 0,
		Key:     admin.AccessKeyID,
		Secret:  admin.SecretAccessKey,
		Service: pick(rnd, "execute-api", "cognito-idp"),
		Region:  pick(rnd, "us-east-1", "eu-west-1"),
	}
	if len(query) > 0 {
		c.URL += "?" + strings.Join(query, "&")
	}
	if rnd.IntN(2) == 0 {
		c.Token = "FwoGZXIvYXdzEXAMPLE/token+=="
	}
	return c
}

func TestSignedByBotocore(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import botocore; print(botocore.__version__)").CombinedOutput(); err != nil {
		t.Skipf("python3 with botocore is not installed: %v: %.200s", err, out)
	}
	seed := rand.Uint64()
	if s := os.Getenv("DOORWRIGHT_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DOORWRIGHT_TEST_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	cases := make([]signedByBotocore, 300)
	for i := range cases {
		cases[i] = randomRequest(rnd)
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", botocoreSigns)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("botocore: %v", err)
	}
	if err := json.Unmarshal(out, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if err := c.verify(); err != nil {
			t.Errorf("case %d: %s %s: %v", i, c.Method, c.URL, err)
		}
	}
}

// verify verifies what botocore signed, and signs the same request in the same
// way: the signatures must be equal.
func (c signedByBotocore) verify() error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	_, target, _ := strings.Cut(strings.TrimPrefix(c.URL, "http://"), "/")
	r := &http.Request{Method: c.Method, URL: u, Host: u.Host, RequestURI: "/" + target, Header: http.Header{}}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	v := sigv4.Verifier{Service: c.Service, Region: c.Region, Lookup: lookupWith(c.Token)}
	id, err := v.Verify(r, []byte(c.Body))
	if err != nil {
		if e, ok := err.(*sigv4.Error); ok {
			return fmt.Errorf("%s", e.Explanation())
		}
		return err
	}
	theirs := r.Header.Get("Authorization")
	sigv4.Sign(r, []byte(c.Body), sigv4.Credentials{AccessKeyID: c.Key, SecretAccessKey: c.Secret, SessionToken: c.Token}, c.Service, c.Region, id.SignedAt)
	if ours := r.Header.Get("Authorization"); ours != theirs {
		return fmt.Errorf("we sign\n%s, botocore\n%s", ours, theirs)
	}
	if now := time.Now(); now.Sub(id.SignedAt).Abs() > time.Minute {
		return fmt.Errorf("signed at %v, now %v", id.SignedAt, now)
	}
	return nil
}
