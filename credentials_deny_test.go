package doorwright_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// guardedApp declares one of everything that an identity pool's credentials reach, and
// another pool whose identities reach none of it.
const guardedApp = `name: app
region: us-east-1
userPools:
  Users: {signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
identityPools:
  Auth:
    userPools: [Users]
    allowUnauthenticatedIdentities: true
    permissions:
      authenticated:
        - Api
        - Rest
        - Notes
        - actions: ["s3:GetObject", "s3:PutObject"]
          resources: ["Files/private/${cognito-identity.amazonaws.com:sub}/*"]
        - {actions: [cognito-identity:DescribeIdentityPool], resources: [Auth], condition: {IpAddress: {"aws:SourceIp": ["127.0.0.0/8", "::1"]}}}
      unauthenticated: [{actions: ["execute-api:Invoke"], resources: ["Api/GET/guests"]}]
  Other: {userPools: [Users], permissions: {authenticated: [{actions: ["execute-api:Invoke"], resources: ["Api/GET/guests"]}]}}
tables:
  Notes: {engine: "ENGINE", fields: {id: string}, primaryIndex: {partitionKey: id}}
buckets: {Files: {}}
apis:
  Api:
    defaults: {authorizer: iam}
    routes: {"GET /a": {url: "UPSTREAM"}, "GET /guests": {url: "UPSTREAM"}}
  Rest:
    protocol: rest
    routes: {"GET /a": {function: fn, authorizer: iam}}
outputs:
  Id: "${identityPools.Auth.id}"
  Other: "${identityPools.Other.id}"
  Provider: "${userPools.Users.providerName}"
  Table: "${tables.Notes.name}"
  Bucket: "${buckets.Files.name}"
  Api: "${apis.Api.url}"
  Rest: "${apis.Rest.url}"
`

// guarded is a stage of guardedApp.
type guarded struct {
	*running
	reached *atomic.Int64 // how often something behind the door was asked
	later   *atomic.Int64
}

func (g *guarded) now() time.Time { return time.Now().Add(time.Duration(g.later.Load())) }

func runGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{reached: new(atomic.Int64), later: new(atomic.Int64)}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.reached.Add(1); w.Write([]byte("called")) }))
	t.Cleanup(upstream.Close)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
		case "CreateTable":
			w.Write([]byte(`{}`))
		case "DescribeTable":
			http.Error(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`, http.StatusBadRequest)
		default:
			g.reached.Add(1)
			w.Write([]byte(`{"called":true}`))
		}
	}))
	t.Cleanup(engine.Close)
	text := strings.NewReplacer("ENGINE", engine.URL, "UPSTREAM", upstream.URL).Replace(guardedApp)
	dir := declare(t, text)
	for name, text := range map[string]string{"go.mod": "module example.com/echo\n\ngo 1.26\n", "fn/main.go": echo} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.running = run(t, doorwright.Config{Dir: dir, AnyPort: true, Now: g.now})
	return g
}

// keysOf gives the identity of a user, or of a guest, in a pool, and its credentials.
func (g *guarded) keysOf(pool, user string) (string, sigv4.Credentials) {
	g.t.Helper()
	logins := map[string]any{}
	if user != "" {
		tokens, err := g.Token(g.t.Context(), doorwright.TokenRequest{User: user})
		if err != nil {
			g.t.Fatal(err)
		}
		logins[g.output("Provider")] = tokens.ID
	}
	return identityKeys(g.t, g.running, g.output(pool), logins)
}

// a door is a way to something that an identity may reach.
type door struct {
	name, service string
	request       func(g *guarded, id string) (r *http.Request, body string)
}

func operationAt(service, target, contentType string, body func(g *guarded) string) func(*guarded, string) (*http.Request, string) {
	return func(g *guarded, _ string) (*http.Request, string) {
		text := body(g)
		r, err := http.NewRequest(http.MethodPost, g.Environment().Endpoint+"/", strings.NewReader(text))
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Amz-Target", target)
		return r, text
	}
}

var doors = []door{
	{"HTTP API", "execute-api", func(g *guarded, _ string) (*http.Request, string) {
		return get(g.t, strings.TrimSuffix(g.output("Api"), "/")+"/a"), ""
	}},
	{"REST API", "execute-api", func(g *guarded, _ string) (*http.Request, string) {
		return get(g.t, strings.TrimSuffix(g.output("Rest"), "/")+"/a"), ""
	}},
	{"table", "dynamodb", operationAt("dynamodb", "DynamoDB_20120810.GetItem", "application/x-amz-json-1.0", func(g *guarded) string {
		return `{"TableName":"` + g.output("Table") + `","Key":{"id":{"S":"1"}}}`
	})},
	{"bucket", "s3", func(g *guarded, id string) (*http.Request, string) {
		r := get(g.t, g.Environment().Endpoint+"/"+g.output("Bucket")+"/private/"+id+"/a.txt")
		r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		return r, ""
	}},
	{"identity pool", "cognito-identity", operationAt("cognito-identity", "AWSCognitoIdentityService.DescribeIdentityPool", "application/x-amz-json-1.1", func(g *guarded) string {
		return `{"IdentityPoolId":"` + g.output("Id") + `"}`
	})},
}

// knock asks at a door.
func (g *guarded) knock(d door, id string, keys sigv4.Credentials, service, region string, at time.Time) string {
	g.t.Helper()
	r, body := d.request(g, id)
	sigv4.Signer{Service: service, Region: region, S3: d.service == "s3"}.Sign(r, []byte(body), keys, at)
	status, text := ask(g.t, r)
	return fmt.Sprint(status, " ", text)
}

// refusals are what each door answers to credentials that it does not take: the status,
// and what the answer has to hold.
var refusals = map[string]map[string]string{
	"HTTP API": {
		"": `403 {"message":"Forbidden"}`, // of whatever is wrong
	},
	"REST API": {
		"policy": `403 {"Message":"User: WHO is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:`,
		"token":  `403 {"message":"The security token included in the request is invalid."}`,
		"ended":  `403 {"message":"The security token included in the request is expired"}`,
		"region": `403 {"message":"Credential should be scoped to a valid region. "}`, "service": `403 {"message":"Credential should be scoped to correct service: 'execute-api'. "}`,
		"early": `403 {"message":"Signature not yet current: `, "late": `403 {"message":"Signature expired: `,
	},
	"table": {
		"policy":  `400 {"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: WHO is not authorized to perform: dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/`,
		"token":   `400 {"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}`,
		"ended":   `400 {"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}`,
		"region":  `400 {"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Credential should be scoped to a valid region, not 'eu-west-1'."}`,
		"service": `400 {"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Credential should be scoped to correct service: 'dynamodb'."}`,
		"early":   `400 {"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature not yet current: `, "late": `400 {"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired: `,
	},
	"bucket": {
		"policy": `403 <Code>AccessDenied</Code><Message>User: WHO is not authorized to perform: s3:GetObject on resource: &quot;arn:aws:s3:::`,
		"key":    `403 <Code>InvalidAccessKeyId</Code>`, "token": `400 <Code>InvalidToken</Code>`, "ended": `400 <Code>ExpiredToken</Code>`,
		"region":  `400 <Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'</Message>`,
		"service": `400 <Code>InvalidAction</Code>`, // it is STS that it was signed for
		"early":   `403 <Code>RequestTimeTooSkewed</Code>`, "late": `403 <Code>RequestTimeTooSkewed</Code>`,
	},
	"identity pool": {
		"policy":  `400 {"__type":"AccessDeniedException","message":"User: WHO is not authorized to perform: cognito-identity:DescribeIdentityPool on resource: arn:aws:cognito-identity:us-east-1:000000000000:identitypool/`,
		"token":   `400 {"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`,
		"ended":   `400 {"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`,
		"region":  `400 {"__type":"InvalidSignatureException","message":"Credential should be scoped to a valid region, not 'eu-west-1'."}`,
		"service": `400 {"__type":"InvalidSignatureException","message":"Credential should be scoped to correct service: 'cognito-identity'."}`,
		"early":   `400 {"__type":"InvalidSignatureException","message":"Signature not yet current: `, "late": `400 {"__type":"InvalidSignatureException","message":"Signature expired: `,
	},
}

// refused checks an answer against the door's refusal of a kind.
func (g *guarded) refused(d door, what, kind, role, got string) {
	g.t.Helper()
	texts := refusals[d.name]
	want, ok := texts[kind]
	if !ok && kind == "key" {
		want, ok = texts["token"]
	}
	if !ok {
		want = texts[""]
	}
	status, text, _ := strings.Cut(strings.ReplaceAll(want, "WHO", "arn:aws:sts::000000000000:assumed-role/"+role+"/CognitoIdentityCredentials"), " ")
	if want == "" || !strings.HasPrefix(got, status+" ") || !strings.Contains(got, text) {
		g.t.Errorf("%s with %s: %s\nwant %s %s", d.name, what, got, status, text)
	}
}

// TestCredentialsAtEveryDoor brings credentials of an identity pool to all that they may
// reach, and those that are ended, tampered with, another pool's, another stage's or a
// guest's, or signed for something else or another time: nothing behind a door is asked.
func TestCredentialsAtEveryDoor(t *testing.T) {
	one, two := runGuarded(t), runGuarded(t)
	id, keys := one.keysOf("Id", "rider@example.com")
	guest, guestKeys := one.keysOf("Id", "")
	_, otherPool := one.keysOf("Other", "rider@example.com")
	_, otherStage := two.keysOf("Id", "rider@example.com")
	with := func(change func(*sigv4.Credentials)) sigv4.Credentials {
		c := keys
		change(&c)
		return c
	}
	flipped := func(at int) sigv4.Credentials {
		return with(func(c *sigv4.Credentials) {
			b := []byte(c.SessionToken)
			b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
			c.SessionToken = string(b)
		})
	}
	for _, d := range doors {
		if got := one.knock(d, id, keys, d.service, "us-east-1", one.now()); !strings.HasPrefix(got, "200 ") && !strings.Contains(got, "<Code>NoSuchKey</Code>") && !strings.Contains(got, "s3:ListBucket") {
			t.Fatalf("%s: the credentials are answered %s", d.name, got)
		}
		reached := one.reached.Load()
		for _, c := range []struct {
			what, kind, role string
			id               string
			keys             sigv4.Credentials
		}{
			{"a guest's credentials", "policy", "dev-app-Auth-unauthenticated", guest, guestKeys},
			{"a guest's credentials, at another's", "policy", "dev-app-Auth-unauthenticated", id, guestKeys},
			{"another pool's credentials", "policy", "dev-app-Other-authenticated", id, otherPool},
			{"another stage's credentials", "token", "", id, otherStage},
			{"another pool's session token", "token", "", id, with(func(c *sigv4.Credentials) { c.SessionToken = otherPool.SessionToken })},
			{"another stage's session token", "token", "", id, with(func(c *sigv4.Credentials) { c.SessionToken = otherStage.SessionToken })},
			{"no session token", "key", "", id, with(func(c *sigv4.Credentials) { c.SessionToken = "" })},
			{"a session token cut off", "token", "", id, with(func(c *sigv4.Credentials) { c.SessionToken = c.SessionToken[:len(c.SessionToken)-4] })},
			{"the first byte of the token changed", "token", "", id, flipped(0)},
			{"a byte of the token changed", "token", "", id, flipped(len(keys.SessionToken) / 2)},
			{"a late byte of the token changed", "token", "", id, flipped(len(keys.SessionToken) - 5)},
		} {
			one.refused(d, c.what, c.kind, c.role, one.knock(d, c.id, c.keys, d.service, "us-east-1", one.now()))
		}
		one.refused(d, "another region", "region", "", one.knock(d, id, keys, d.service, "eu-west-1", one.now()))
		one.refused(d, "another service", "service", "", one.knock(d, id, keys, "sts", "us-east-1", one.now()))
		one.refused(d, "a signature of before", "late", "", one.knock(d, id, keys, d.service, "us-east-1", one.now().Add(-16*time.Minute)))
		one.refused(d, "a signature of later", "early", "", one.knock(d, id, keys, d.service, "us-east-1", one.now().Add(16*time.Minute)))
		if n := one.reached.Load() - reached; n != 0 {
			t.Errorf("%s: what is behind it was reached %d times", d.name, n)
		}
	}
	one.later.Store(int64(61 * time.Minute))
	reached := one.reached.Load()
	for _, d := range doors {
		one.refused(d, "credentials that have ended", "ended", "", one.knock(d, id, keys, d.service, "us-east-1", one.now()))
	}
	if n := one.reached.Load() - reached; n != 0 {
		t.Errorf("credentials that have ended reached something %d times", n)
	}
}
