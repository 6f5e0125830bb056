package doorwright_test

import (
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

// TestSignedRoutes: routes with the authorizer iam let in who signs with the stage's
// keys, on both kinds of APIs, and nobody else.
func TestSignedRoutes(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("called")) }))
	t.Cleanup(upstream.Close)
	start := func() *running {
		dir := declare(t, `name: signed
apis:
  Api:
    defaults: {authorizer: iam}
    routes:
      GET /a: {url: "`+upstream.URL+`"}
  Rest:
    protocol: rest
    resourcePolicy:
      Version: "2012-10-17"
      Statement:
        - {Effect: Deny, Principal: {AWS: "arn:aws:iam::000000000000:root"}, Action: "execute-api:Invoke", Resource: "execute-api:/*/GET/b"}
    routes:
      GET /a: {function: fn, authorizer: iam}
      GET /b: {function: fn, authorizer: iam}
outputs:
  Api: ${apis.Api.url}
  Rest: ${apis.Rest.url}
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
		return run(t, doorwright.Config{Dir: dir, AnyPort: true})
	}
	r, other := start(), start()
	ask := func(url, service, region string, e doorwright.Environment) (int, string) {
		t.Helper()
		q := get(t, url)
		if service != "" {
			sigv4.Sign(q, nil, sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}, service, region, time.Now())
		}
		return ask(t, q)
	}
	const missing, forbidden = `{"message":"Missing Authentication Token"}`, `{"message":"Forbidden"}`
	api, rest := strings.TrimSuffix(r.output("Api"), "/"), strings.TrimSuffix(r.output("Rest"), "/")
	e := r.Environment()
	for _, row := range []struct {
		name, url, service, region string
		keys                       doorwright.Environment
		status                     int
		body                       string // a part
	}{
		{"signed", api + "/a", "execute-api", e.Region, e, 200, "called"},
		{"signed, REST", rest + "/a", "execute-api", e.Region, e, 200, `"userArn":"arn:aws:iam::000000000000:root"`},
		{"unsigned", api + "/a", "", "", e, 403, forbidden},
		{"unsigned, REST", rest + "/a", "", "", e, 403, missing},
		{"another stage's keys", api + "/a", "execute-api", e.Region, other.Environment(), 403, forbidden},
		{"another stage's keys, REST", rest + "/a", "execute-api", e.Region, other.Environment(), 403, `{"message":"The security token included in the request is invalid."}`},
		{"another service", api + "/a", "s3", e.Region, e, 403, forbidden},
		{"another region, REST", rest + "/a", "execute-api", "ap-south-2", e, 403, `{"message":"Credential should be scoped to a valid region. "}`},
		{"denied by the API's own policy", rest + "/b", "execute-api", e.Region, e, 403, "with an explicit deny in a resource-based policy"},
		{"no route, REST", rest + "/no", "execute-api", e.Region, e, 403, missing},
	} {
		if status, body := ask(row.url, row.service, row.region, row.keys); status != row.status || !strings.Contains(body, row.body) {
			t.Errorf("%s: %d %s, want %d %s", row.name, status, body, row.status, row.body)
		}
	}
}
