package doorwright_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// echo is a function that answers with its event.
const echo = `package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"
	for {
		next, err := http.Get(base + "/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		event, _ := io.ReadAll(next.Body)
		next.Body.Close()
		reply, _ := json.Marshal(map[string]any{"statusCode": 200, "body": string(event)})
		res, err := http.Post(base+"/invocation/"+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(reply))
		if err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
	}
}
`

// restApp declares a REST API whose function answers with its event, and all
// that a REST API can have.
func restApp(t *testing.T) string {
	t.Helper()
	dir := declare(t, `name: account-api
apis:
  Account:
    protocol: rest
    stageVariables: {table: accounts}
    cors: {allowOrigins: ["https://a.example"]}
    gatewayResponses:
      DEFAULT_4XX: {headers: {X-All: "'4xx'"}}
      INVALID_API_KEY:
        headers:
          X-Id: context.extendedRequestId
          X-Origin: method.request.header.Origin
        templates:
          application/json: '{"m":$context.error.messageString,"all":"$context.accountId $context.apiId $context.authorizer.claims.sub $context.domainName $context.domainPrefix $context.error.message $context.error.responseType $context.error.validationErrorString $context.extendedRequestId $context.httpMethod $context.identity.sourceIp $context.identity.userAgent $context.path $context.protocol $context.requestId $context.requestTime $context.requestTimeEpoch $context.resourceId $context.resourcePath $context.stage $stageVariables.table $method.request.querystring.q"}'
    apiKeys: {partner: {}, given: {value: "${secret:GIVEN}"}}
    usagePlans: {basic: {apiKeys: [partner, given], throttle: {rateLimit: 0, burstLimit: 2}, quota: {limit: 9, period: day}}}
    binaryMediaTypes: [image/*]
    throttle: {rateLimit: 1000, burstLimit: 1000}
    routes:
      ANY /{proxy+}: fn
      GET /metered: {function: fn, apiKeyRequired: true}
      GET /picky: {function: fn, requestParameters: [method.request.querystring.q]}
outputs: {Url: "${apis.Account.url}", Key: "${apis.Account.apiKeys.partner.value}", KeyId: "${apis.Account.apiKeys.partner.id}"}
`)
	for name, text := range map[string]string{"go.mod": "module example.com/echo\n\ngo 1.26\n", "fn/main.go": echo, ".env": "GIVEN=0123456789-the-given-key\n"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRESTAPI runs a REST API from its declaration: the URL with the stage,
// what is declared in force, keys that are made and remembered.
func TestRESTAPI(t *testing.T) {
	cfg := doorwright.Config{Dir: restApp(t), AnyPort: true}
	r := run(t, cfg)
	url, key := r.output("Url"), r.output("Key")
	if !strings.HasSuffix(url, "/dev") || len(key) != 40 || len(r.output("KeyId")) != 10 {
		t.Errorf("outputs %v", r.Outputs())
	}
	call := func(path string, header ...string) (int, http.Header, string) {
		t.Helper()
		q := get(t, url+path)
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			q.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(body)
	}
	if status, _, body := call("/a/b?x=1"); status != 200 || !strings.Contains(body, `"path":"/a/b"`) || !strings.Contains(body, `"stageVariables":{"table":"accounts"}`) {
		t.Errorf("the function: %d %s", status, body)
	}
	if status, header, body := call("/"); status != 403 || body != `{"message":"Missing Authentication Token"}` || header.Get("X-All") != "4xx" || header.Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Errorf("the root: %d %v %s", status, header, body)
	}
	status, header, body := call("/metered?q=found", "Origin: https://b.example")
	var m struct{ M, All string }
	if err := json.Unmarshal([]byte(body), &m); err != nil || status != 403 || m.M != "Forbidden" || !strings.HasSuffix(m.All, " /metered dev accounts found") ||
		header.Get("X-Origin") != "https://b.example" || header.Get("X-Id") != header.Get("X-Amz-Apigw-Id") || header.Get("X-All") != "" {
		t.Errorf("without a key: %d %v %s", status, header, body)
	}
	for _, k := range []string{key, "0123456789-the-given-key"} {
		if status, _, body := call("/metered", "x-api-key: "+k); status != 200 || !strings.Contains(body, `"apiKey":"`+k+`"`) {
			t.Errorf("with a key: %d %s", status, body)
		}
	}
	call("/metered", "x-api-key: "+key)
	if status, _, body := call("/metered", "x-api-key: "+key); status != 429 || body != `{"message":"Too Many Requests"}` {
		t.Errorf("over the rate: %d %s", status, body)
	}
	if status, _, body := call("/picky"); status != 400 || body != `{"message":"Missing required request parameters: [q]"}` {
		t.Errorf("without a parameter: %d %s", status, body)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	leaks(t, fmt.Sprint(r.text(doorwright.KindRequest), r.text(doorwright.KindFunction)), map[string]string{"the key": key, "the given key": "0123456789-the-given-key"})
	if again := run(t, cfg); again.output("Key") != key {
		t.Errorf("the next run has the key %q, not %q", again.output("Key"), key)
	}
}

// TestRESTHeaderSpelling sends names in unusual spellings, over one connection
// and with bodies between: the events have them as they were sent.
func TestRESTHeaderSpelling(t *testing.T) {
	r := run(t, doorwright.Config{Dir: restApp(t), AnyPort: true})
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.output("Url"), "http://"), "/dev"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	host := strings.TrimSuffix(strings.TrimPrefix(r.output("Url"), "http://"), "/dev")
	reader := bufio.NewReader(conn)
	answer := func() (e struct {
		Headers           map[string]string
		MultiValueHeaders map[string][]string
	}) {
		t.Helper()
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v", resp.Status, err)
		}
		return e
	}
	for i := range 20 {
		n := fmt.Sprint(i)
		body := strings.Repeat("x: y\r\n\r\nGET /dev/z HTTP/1.1\r\n", i)
		io.WriteString(conn, "POST /dev/"+n+" HTTP/1.1\r\nhost: "+host+"\r\ntEsT-HEADeR: "+n+"\r\nx-twice: 1\r\nX-TWICE: 2\r\nx-twice: 3\r\n")
		io.WriteString(conn, "authorization: Bearer "+n+"\r\nuser-AGENT: me\r\ncontent-length: "+fmt.Sprint(len(body))+"\r\n\r\n"+body)
		e := answer()
		want := map[string][]string{"tEsT-HEADeR": {n}, "x-twice": {"1", "3"}, "X-TWICE": {"2"}, "Authorization": {"Bearer " + n}, "User-Agent": {"me"}, "Host": {host}}
		for name, values := range want {
			if fmt.Sprint(e.MultiValueHeaders[name]) != fmt.Sprint(values) || e.Headers[name] != values[len(values)-1] {
				t.Errorf("request %s: %s is %q in %v", n, name, e.MultiValueHeaders[name], e)
			}
		}
		if len(e.Headers) != len(want)+4 { // X-Amzn-Trace-Id, X-Forwarded-*
			t.Errorf("request %s: headers %v", n, e.Headers)
		}
	}
	// Two at once: what is not known of the second is spelled as ever, and none
	// of the first one's headers are in it.
	one := "GET /dev/1 HTTP/1.1\r\nHost: " + host + "\r\nx-first: 1\r\n\r\n"
	io.WriteString(conn, one+strings.Replace(one, "x-first", "x-second", 1))
	if first, second := answer(), answer(); first.Headers["x-first"] != "1" || len(second.Headers) != 6 || second.Headers["X-Second"]+second.Headers["x-second"] != "1" {
		t.Errorf("two at once: %v, %v", first, second)
	}
	// A head too large to keep.
	io.WriteString(conn, "GET /dev/1 HTTP/1.1\r\nHost: "+host+"\r\nx-"+strings.Repeat("n", 20<<10)+": 1\r\nx-a: 2\r\n\r\n")
	if e := answer(); e.Headers["X-A"] != "2" {
		t.Errorf("too large to keep: %d headers", len(e.Headers))
	}
}

// TestRESTHeadersOfABodyInFront sends a request whose head came together with the
// one before, so that what is read next is its body: whatever that holds, the
// event has the request's own headers.
func TestRESTHeadersOfABodyInFront(t *testing.T) {
	r := run(t, doorwright.Config{Dir: restApp(t), AnyPort: true})
	host := strings.TrimSuffix(strings.TrimPrefix(r.output("Url"), "http://"), "/dev")
	for _, body := range []string{
		"POST /dev/2 HTTP/1.1\r\n: empty\r\n\r\n",
		"POST /dev/2 HTTP/1.1\r\nX-A\r\n:\r\n\r\n",
		"POST /dev/2 HTTP/1.1\r\nx-a: 3\r\nhost: evil\r\ncontent-length: 9\r\n\r\n",
		"POST /dev/2 HTTP/1.1\r\nCookie: 3\r\nX-A: 3\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(conn, "GET /dev/1 HTTP/1.1\r\nHost: "+host+"\r\n\r\nPOST /dev/2 HTTP/1.1\r\nHost: "+host+"\r\nx-a: 2\r\nContent-Length: "+fmt.Sprint(len(body))+"\r\n\r\n")
		reader := bufio.NewReader(conn)
		for i := range 2 {
			resp, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			var e struct{ Headers map[string]string }
			if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != 200 {
				t.Errorf("%q: answer %d: %s %v", body, i+1, resp.Status, err)
			}
			resp.Body.Close()
			if i == 0 {
				io.WriteString(conn, body)
			} else if len(e.Headers) != 6 || strings.ToLower(e.Headers["X-A"]+e.Headers["x-a"]) != "2" {
				t.Errorf("%q: headers %v", body, e.Headers)
			}
		}
		conn.Close()
	}
}

// TestRESTResourcePolicy holds a declared policy against requests: what it denies,
// what no statement allows, and what passes on to the validator.
func TestRESTResourcePolicy(t *testing.T) {
	dir := declare(t, `name: app
apis:
  Api:
    protocol: rest
    resourcePolicy:
      Version: "2012-10-17"
      Statement:
        - {Effect: Allow, Principal: "*", Action: execute-api:Invoke, Resource: [execute-api:/dev/GET/open, execute-api:/dev/GET/admin]}
        - Sid: NoAdmin
          Effect: Deny
          Principal: {AWS: "*"}
          Action: execute-api:Invoke
          Resource: execute-api:/*/*/admin
          Condition:
            NotIpAddress:
              aws:SourceIp: 203.0.113.0/24
    routes:
      GET /open: {function: f.handler, requestParameters: [method.request.querystring.q]}
      GET /admin: f.handler
      GET /other: f.handler
outputs: {Url: "${apis.Api.url}"}
`)
	if err := os.WriteFile(filepath.Join(dir, "f.mjs"), []byte("export const handler = async () => ({})\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	for path, want := range map[string]string{
		"/open":  `400 {"message":"Missing required request parameters: [q]"}`,
		"/admin": `403 .*/dev/GET/admin with an explicit deny in a resource-based policy"}`,
		"/other": `403 .*/dev/GET/other because no resource-based policy allows the execute-api:Invoke action"}`,
	} {
		status, body := ask(t, get(t, r.output("Url")+path))
		got := fmt.Sprintf("%d %s", status, body)
		begin, end, _ := strings.Cut(want, ".*")
		if !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if text := r.text(doorwright.KindRequest); !strings.Contains(text, "resourcePolicy: statement 2 (NoAdmin) denies this request of ") {
		t.Errorf("%s", text)
	}
}
