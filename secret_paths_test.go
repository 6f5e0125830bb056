package doorwright_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// TestSecretPaths sends what is in the address of mails: a token that is a segment of a
// path whose name says so, and one in a JWT's form anywhere. Neither is told, whoever
// decides, and whoever answers.
func TestSecretPaths(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("called")) }))
	t.Cleanup(upstream.Close)
	dir := declare(t, `name: paths
userPools: {Users: {clients: {web: {}}}}
apis:
  Api:
    accessLog: {format: "$context.path $context.routeKey $context.status $context.requestId"}
    authorizers: {users: {type: user_pool, userPool: Users}}
    routes:
      GET /open/{token}: {function: fn, authorizer: none}
      GET /url/{resetToken}/x: {url: "`+upstream.URL+`", authorizer: none}
      GET /user/{token}: {function: fn, authorizer: users}
      GET /iam/{token}: {function: fn, authorizer: iam}
      GET /any/{id}: {function: fn, authorizer: iam}
  Rest:
    protocol: rest
    accessLog: {format: "$context.path $context.resourcePath $context.status $context.requestId"}
    resourcePolicy:
      Version: "2012-10-17"
      Statement:
        - {Effect: Deny, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*/GET/closed/*"}
        - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*"}
    routes:
      GET /open/{token}: {function: fn, authorizer: none}
      GET /closed/{token}: {function: fn, authorizer: none}
      GET /iam/{token}: {function: fn, authorizer: iam}
outputs: {Api: "${apis.Api.url}", Rest: "${apis.Rest.url}"}
`)
	for name, text := range map[string]string{"go.mod": "module example.com/echo\n\ngo 1.26\n", "fn/main.go": echo} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	call, err := doorwright.ReadKeys(t.Context(), dir, "dev", doorwright.CallQuery{Role: "fn"})
	if err != nil {
		t.Fatal(err)
	}
	root := r.Environment()
	opaque, jwt := "0paque-S3CR3T%2Dtoken", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.S3CR3T"
	for _, path := range []string{
		"Api/open/" + opaque, "Api/url/" + opaque + "/x", "Api/user/" + opaque, "Api/iam/" + opaque, "Api/any/" + jwt, "Api/iam/" + jwt, "Api/nowhere/" + jwt, "Api/open/" + opaque + "?a=1",
		"Rest/open/" + opaque, "Rest/closed/" + opaque, "Rest/iam/" + opaque, "Rest/iam/" + jwt, "Rest/closed/" + jwt,
	} {
		for _, as := range []string{"nobody", "root", "fn", "forger", "who has signed another path"} {
			api, below, _ := strings.Cut(path, "/")
			q := get(t, strings.TrimSuffix(r.output(api), "/")+"/"+below)
			keys := sigv4.Credentials{AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey}
			switch as {
			case "fn":
				keys = sigv4.Credentials{AccessKeyID: call.Keys.AccessKeyID, SecretAccessKey: call.Keys.SecretAccessKey, SessionToken: call.Keys.SessionToken}
			case "forger":
				keys.SecretAccessKey = "another"
			}
			sent := *q.URL
			if as == "who has signed another path" {
				q.URL.Path, q.URL.RawPath = strings.TrimPrefix(q.URL.Path, "/dev"), strings.TrimPrefix(q.URL.RawPath, "/dev")
				if api == "Api" {
					q.URL.Path, q.URL.RawPath = "/dev"+q.URL.Path, "/dev"+q.URL.EscapedPath()
				}
			}
			if as != "nobody" {
				sigv4.Sign(q, nil, keys, "execute-api", root.Region, time.Now())
			}
			q.URL = &sent
			res, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			id := res.Header.Get("Apigw-Requestid") + res.Header.Get("X-Amzn-Requestid")
			x, ok := r.Explain(id)
			if !ok {
				t.Fatalf("%s as %s: %d, and no story of %q", path, as, res.StatusCode, id)
			}
			text, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text)+x.Text(), "S3CR3T") {
				at := strings.Index(string(text), "S3CR3T")
				t.Errorf("%s as %s (%d) is told: %.300s\n%s", path, as, res.StatusCode, text[max(0, at-100):], x.Text())
			}
		}
	}
	r.mu.Lock()
	for _, e := range r.events {
		if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), "S3CR3T") {
			t.Errorf("an event tells %s, %v", text, err)
		}
	}
	r.mu.Unlock()
	for _, api := range []string{"Api", "Rest"} {
		lines := 0
		if err := doorwright.ReadAccessLog(t.Context(), dir, "dev", api, false, func(line string) error {
			if lines++; strings.Contains(line, "S3CR3T") {
				t.Errorf("the access log of %s has %s", api, line)
			}
			return nil
		}); err != nil || lines == 0 {
			t.Errorf("%d lines of %s, %v", lines, api, err)
		}
	}
}
