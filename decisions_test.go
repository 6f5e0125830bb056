package doorwright_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/sigv4"
)

// echoing is a function that prints what it gets and sends it back, and an authorizer
// function.
func echoing(t *testing.T) string {
	t.Helper()
	dir := declare(t, `name: app
apis:
  Api:
    authorizers:
      guard: {type: lambda, function: guard, identitySource: ["$request.header.X-Door"], enableSimpleResponses: true, resultTtlInSeconds: 0}
    defaults: {authorizer: guard}
    routes:
      POST /notes: fn
      GET /open: {function: fn, authorizer: none}
outputs: {Url: "${apis.Api.url}"}
`)
	guard := strings.Replace(strings.Replace(echo, `"statusCode": 200, "body": string(event)`, `"isAuthorized": bytes.Contains(event, []byte("let-me-in"))`, 1),
		`reply, _ :=`, `println("the door was asked")
		reply, _ :=`, 1)
	noisy := strings.Replace(echo, `reply, _ :=`, `os.Stdout.Write(append(event, '\n'))
		reply, _ :=`, 1)
	for name, text := range map[string]string{"go.mod": "module example.com/echo\n\ngo 1.26\n", "fn/main.go": noisy, "guard/main.go": strings.Replace(guard, `"os"`, `"os"`, 1)} {
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

// send sends a request and gives the id and the body of its answer.
func (r *running) send(method, path, body string, header http.Header) (id string, status int, answer string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.output("Url")+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header = header
	res, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Header.Get("Apigw-Requestid"), res.StatusCode, string(text)
}

// TestExplainOneRequest tells of a request from its route to its function's log lines,
// of the authorizer function too, without the secrets that both have printed.
func TestExplainOneRequest(t *testing.T) {
	r := run(t, doorwright.Config{AnyPort: true, Dir: echoing(t)})
	const secret = "let-me-in-0123456789"
	id, status, _ := r.send("POST", "/notes?token="+secret, `{"password":"hunter2hunter2"}`, http.Header{"X-Door": {secret}, "Cookie": {"sid=s3cr3ts3cr3t"}, "Content-Type": {"application/json"}})
	if status != 200 {
		t.Fatalf("status %d", status)
	}
	var x *doorwright.Explanation
	logged := func() bool {
		var ok bool
		if x, ok = r.Explain(id[:8]); !ok || x.Function == nil {
			t.Fatalf("%s is not explained: %+v", id, x)
		}
		return strings.Contains(fmt.Sprint(x.Function.Log), "REPORT") && strings.Contains(fmt.Sprint(x.Function.Log), `"routeKey"`)
	}
	for deadline := time.Now().Add(20 * time.Second); !logged(); { // a log comes on its own way
		if time.Now().After(deadline) {
			t.Fatalf("the log is %q", x.Function.Log)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if x.RequestID != id || x.Source != "Api" || x.Route != "POST /notes" || x.Status != 200 || !x.Allowed || x.Function.Function != "fn" || x.Function.RequestID == "" {
		t.Errorf("the explanation is %+v", x)
	}
	var asked *explain.Invocation
	for _, s := range x.Steps {
		if s.Kind == explain.KindAuthorizer && s.Name == "guard" && s.Outcome == explain.Passed {
			asked = s.Function
		}
	}
	if asked == nil || asked.Function != "guard" || asked.RequestID == x.Function.RequestID || !strings.Contains(fmt.Sprint(asked.Log), "the door was asked") {
		t.Errorf("the authorizer's invocation is %+v", asked)
	}
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, "hunter2", "s3cr3t"} {
		if strings.Contains(string(text)+x.Text(), s) {
			t.Errorf("%s is told:\n%s", s, x.Text())
		}
	}
	if strings.Contains(x.Text(), "app-fn") {
		t.Errorf("functions have names that the declaration has not:\n%s", x.Text())
	}
}

// TestExplainIsForTheRootKeys asks a running stage why, by id and dry, with its keys and
// without. That a role's keys are not enough, TestControlIsForTheRoot says.
func TestExplainIsForTheRootKeys(t *testing.T) {
	r := run(t, doorwright.Config{AnyPort: true, Dir: upstreamApp(t, hello(t).URL, "")})
	env := r.Environment()
	res, err := http.Get(r.output("Url") + "/private")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	id := res.Header.Get("Apigw-Requestid")
	root := sigv4.Credentials{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}
	guessed := root
	guessed.SecretAccessKey = "guessed"
	for name, c := range map[string]struct {
		keys *sigv4.Credentials
		want int
	}{"unsigned": {nil, 403}, "by a guessed secret": {&guessed, 403}, "by the root": {&root, 200}} {
		for target, body := range map[string]string{"Doorwright.Explain": fmt.Sprintf(`{"RequestID":%q}`, id), "Doorwright.ExplainDry": `{"Method":"GET","Path":"/private"}`} {
			request, err := http.NewRequest("POST", env.Endpoint+"/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amz-Target", target)
			if c.keys != nil {
				sigv4.Sign(request, []byte(body), *c.keys, "doorwright", env.Region, time.Now())
			}
			res, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(string(text), "no Authorization header"); res.StatusCode != c.want || told != (c.want == 200) {
				t.Errorf("%s of %s: %d %s", target, name, res.StatusCode, text)
			}
		}
	}
}

// TestExplainUnknownID says how many requests are kept.
func TestExplainUnknownID(t *testing.T) {
	dir := upstreamApp(t, hello(t).URL, "")
	r := run(t, doorwright.Config{AnyPort: true, Dir: dir})
	for range 3 {
		res, err := http.Get(r.output("Url") + "/open")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	_, err := doorwright.ReadExplanation(t.Context(), dir, doorwright.DefaultStage, "nothing")
	if err == nil || !strings.Contains(err.Error(), `no request "nothing" is kept: of 3 requests since the start, at most 1000`) {
		t.Errorf("the error is %v", err)
	}
	for q, want := range map[*doorwright.RequestQuery]string{
		{API: "Apy", Method: "GET", Path: "/"}:           `there is no API "Apy": the APIs are Api`,
		{Method: "GET bad", Path: "/"}:                   "reading the request",
		{Method: "GET", Path: "http://localhost:1/open"}: "is not of an API",
	} {
		if _, err := doorwright.ReadDryRun(t.Context(), dir, doorwright.DefaultStage, *q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", *q, err, want)
		}
	}
	x, err := doorwright.ReadDryRun(t.Context(), dir, doorwright.DefaultStage, doorwright.RequestQuery{Method: "GET", Path: r.output("Url") + "/open?q=1"})
	if err != nil || !x.DryRun || !x.Allowed || x.Path != "/open?q=1" || x.RequestID != "" {
		t.Errorf("a whole URL: %+v, %v", x, err)
	}
}
