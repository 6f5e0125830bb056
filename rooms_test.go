package doorwright_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// everyService declares an app with something in every service of the AWS endpoint.
const everyService = `name: rooms
userPools: {Users: {signInAliases: [email], clients: {web: {}}}}
identityPools: {Auth: {userPools: [Users], allowUnauthenticatedIdentities: true, permissions: {authenticated: [], unauthenticated: [{actions: ["*"], resources: "*"}]}}}
buckets: {Uploads: {}}
tables: {Notes: {fields: {id: string}, primaryIndex: {partitionKey: id}, engine: "%s"}}
tenants: {Auth0: {applications: {machine: {type: non_interactive}}}}
outputs: {Bucket: "${buckets.Uploads.name}", Identities: "${identityPools.Auth.id}"}
`

// runEveryService runs it. asked counts what its tables' engine is asked.
func runEveryService(t *testing.T) (r *running, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
		case "DescribeTable":
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
		case "ListTables":
			asked.Add(1)
			io.WriteString(w, `{"TableNames":[]}`)
		default:
			io.WriteString(w, "{}")
		}
	}))
	t.Cleanup(engine.Close)
	return run(t, doorwright.Config{AnyPort: true, Dir: declare(t, fmt.Sprintf(everyService, engine.URL))}), asked
}

// roomRequest asks a service of the endpoint for something that the root may have. gives
// is what only the service's own answer has.
type roomRequest struct {
	name, service, method, path, target, contentType, body, gives string
	host                                                          string // "" for the endpoint's own
}

func roomRequests(r *running) []roomRequest {
	const json, form = "application/x-amz-json-1.1", "application/x-www-form-urlencoded"
	bucket := r.output("Bucket")
	return []roomRequest{
		{name: "user pools", service: "cognito-idp", target: "AWSCognitoIdentityProviderService.ListUserPools", contentType: json, body: `{"MaxResults":1}`, gives: `"UserPools":[`},
		{name: "identity pools", service: "cognito-identity", target: "AWSCognitoIdentityService.ListIdentityPools", contentType: json, body: `{"MaxResults":1}`, gives: `"IdentityPools":[`},
		{name: "STS", service: "sts", contentType: form, body: "Action=GetCallerIdentity&Version=2011-06-15", gives: ":root</Arn>"},
		{name: "tables", service: "dynamodb", target: "DynamoDB_20120810.ListTables", contentType: json, body: `{}`, gives: `"TableNames":[`},
		{name: "buckets", service: "s3", method: "GET", path: "?x-id=ListBuckets", gives: "<ListAllMyBucketsResult"},
		{name: "a bucket", service: "s3", method: "GET", path: bucket + "?list-type=2", gives: "<ListBucketResult"},
		{name: "a bucket by its host", service: "s3", method: "GET", path: "?list-type=2", host: bucket + ".localhost:" + port(r.Environment().Endpoint), gives: "<ListBucketResult"},
		{name: "secrets", service: "doorwright", target: "Doorwright.Secret", contentType: json, body: `{"Ref":"tenants.Auth0.applications.machine.clientSecret"}`, gives: `"Value":"`},
	}
}

// signed sends it signed for a service and a region.
func (q roomRequest) signed(t *testing.T, r *running, keys sigv4.Credentials, service, region string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	req, err := http.NewRequest(q.method, r.Environment().Endpoint+"/"+q.path, bytes.NewReader([]byte(q.body)))
	if err != nil {
		t.Fatal(err)
	}
	if q.host != "" {
		req.Host = q.host
	}
	if q.contentType != "" {
		req.Header.Set("Content-Type", q.contentType)
	}
	if q.target != "" {
		req.Header.Set("X-Amz-Target", q.target)
	}
	sum := sha256.Sum256([]byte(q.body))
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	sigv4.Signer{Service: service, Region: region}.Sign(req, []byte(q.body), keys, time.Now())
	if change != nil {
		change(req)
	}
	return do(t, req)
}

// TestSignaturesAreForOneRoom signs a request to each service of the endpoint for each of
// the others, and has it say in every way that there is that it is for another one: what
// one of them is signed for none of the others does.
func TestSignaturesAreForOneRoom(t *testing.T) {
	r, asked := runEveryService(t)
	e := r.Environment()
	root := sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}
	all := roomRequests(r)
	for _, q := range all {
		if res, body := q.signed(t, r, root, q.service, e.Region, nil); res.StatusCode != 200 || !strings.Contains(body, q.gives) {
			t.Errorf("%s, as it should be: %d %s", q.name, res.StatusCode, body)
		}
		refused := func(what string, res *http.Response, body string) {
			t.Helper()
			for _, other := range all {
				if res.StatusCode < 400 || strings.Contains(body, other.gives) {
					t.Errorf("%s %s: %d %s", q.name, what, res.StatusCode, body)
				}
			}
		}
		before := asked.Load()
		for _, other := range all {
			if other.service != q.service {
				res, body := q.signed(t, r, root, other.service, e.Region, nil)
				refused("signed for "+other.service, res, body)
			}
			if other.target == q.target || q.host != "" && other.target == "" {
				continue
			}
			res, body := q.signed(t, r, root, q.service, e.Region, func(req *http.Request) { req.Header.Set("X-Amz-Target", other.target) })
			refused("with the target of "+other.name, res, body)
		}
		for what, change := range map[string]func(*http.Request){
			"with the host of a bucket": func(req *http.Request) { req.Host = all[6].host },
			"with the path of a bucket": func(req *http.Request) { req.URL.Path = "/" + all[5].path },
			"with a second target":      func(req *http.Request) { req.Header.Add("X-Amz-Target", "Doorwright.Secret") },
			"with a second signature":   func(req *http.Request) { req.Header.Add("Authorization", req.Header.Get("Authorization")) },
			"with the query of a link":  func(req *http.Request) { req.URL.RawQuery += "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x" },
			"with an action":            func(req *http.Request) { req.URL.RawQuery += "&Action=GetCallerIdentity&Version=2011-06-15" },
		} {
			if q.host != "" && strings.HasPrefix(what, "with the host") {
				continue
			}
			res, body := q.signed(t, r, root, q.service, e.Region, change)
			refused(what, res, body)
		}
		res, body := q.signed(t, r, root, q.service, "ap-south-2", nil)
		refused("for another region", res, body)
		if n := asked.Load(); n != before {
			t.Errorf("%s: the tables' engine was asked %d times", q.name, n-before)
		}
	}
}

// TestControlIsForTheRoot: whoever may do everything by a policy may still have no token
// and no secret of others; a session of the root is the root. A page can have neither: it
// is not let read the answer.
func TestControlIsForTheRoot(t *testing.T) {
	r, _ := runEveryService(t)
	e := r.Environment()
	all := roomRequests(r)
	secret := all[len(all)-1]
	token := secret
	token.target, token.body, token.gives = "Doorwright.Token", `{"User":"ann@example.com","Pool":"Users"}`, `"ID":"ey`
	_, guest := identityKeys(t, r, r.output("Identities"), nil)
	const denied = `{"message":"AccessDeniedException: what a running stage tells is for its root keys alone"}` + "\n"
	for _, target := range []string{"Doorwright.Explain", "Doorwright.ExplainDry"} {
		q := secret
		q.target = target
		if res, body := q.signed(t, r, guest, q.service, e.Region, nil); res.StatusCode != 403 || body != denied {
			t.Errorf("%s to a guest who may everything: %d %s", target, res.StatusCode, body)
		}
	}
	for _, q := range []roomRequest{secret, token} {
		if res, body := q.signed(t, r, guest, q.service, e.Region, nil); res.StatusCode != 403 || body != denied {
			t.Errorf("%s to a guest who may everything: %d %s", q.target, res.StatusCode, body)
		}
		if res, body := q.signed(t, r, rootSession(t, r, time.Now()), q.service, e.Region, nil); res.StatusCode != 200 || !strings.Contains(body, q.gives) {
			t.Errorf("%s to a session of the root: %d %s", q.target, res.StatusCode, body)
		}
		res, _ := q.signed(t, r, guest, q.service, e.Region, func(req *http.Request) { req.Header.Set("Origin", "http://localhost:3000") })
		if h := res.Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s to a page: %v", q.target, h)
		}
	}
}
