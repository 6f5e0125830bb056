package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// moto is a server that stands for AWS, with an account of its own. It takes
// templates more easily than AWS does, so that nothing goes by a status alone.
type moto struct {
	t   *testing.T
	url string
}

func startMoto(t *testing.T) moto {
	t.Helper()
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import moto.server, flask_cors, openapi_spec_validator").Run(); err != nil {
		need(t, "python3 with moto[server,cloudformation]")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	c := exec.Command(python, filepath.Join("testdata", "moto", "server.py"), fmt.Sprint(port))
	log, err := os.Create(filepath.Join(t.TempDir(), "moto.log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		log.Close()
		if b, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("moto wrote:\n%s", b[max(0, len(b)-8000):])
		}
	})
	m := moto{t, fmt.Sprintf("http://127.0.0.1:%d", port)}
	for end := time.Now().Add(time.Minute); ; {
		resp, err := http.Get(m.url + "/moto-api/")
		if err == nil {
			resp.Body.Close()
			return m
		}
		if time.Now().After(end) {
			t.Fatalf("moto does not answer: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (m moto) env() []string {
	return append(os.Environ(), "NO_COLOR=1", "AWS_ENDPOINT_URL="+m.url, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_SESSION_TOKEN=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1")
}

// doorwright runs a command against moto.
func (m moto) doorwright(args ...string) string {
	m.t.Helper()
	c := exec.Command(binary, args...)
	c.Env = m.env()
	out, err := c.CombinedOutput()
	if err != nil {
		m.t.Fatalf("doorwright %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// aws gives the words that the AWS CLI answers with, sorted.
func (m moto) aws(args string) []string {
	m.t.Helper()
	c := exec.Command(need(m.t, "aws"), append(strings.Fields(args), "--output", "text")...)
	c.Env = m.env()
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		m.t.Fatalf("aws %s: %v\n%s", args, err, stderr.String())
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return words
}

// TestDeployToMoto deploys the quickstart, reads it back by the AWS CLI, deploys it
// again, with another route, and removes it.
func TestDeployToMoto(t *testing.T) {
	m := startMoto(t)
	dir := project(t, "quickstart")
	out := m.doorwright("deploy", dir, "--stage", "test", "--yes")
	for _, want := range []string{"Stack test-quickstart in account 123456789012, region us-east-1", "+ add UserPoolUsers (AWS::Cognito::UserPool)", "Status: deployed", "ApiEndpoint: https://"} {
		if !strings.Contains(out, want) {
			t.Errorf("deploy printed\n%s\nwithout %q", out, want)
		}
	}
	var template struct{ Resources map[string]any }
	if err := json.Unmarshal([]byte(m.doorwrightOut("synth", dir, "--stage", "test")), &template); err != nil {
		t.Fatal(err)
	}
	var want []string
	for id := range template.Resources {
		want = append(want, id)
	}
	slices.Sort(want)
	const listed = "cloudformation list-stack-resources --stack-name test-quickstart --query StackResourceSummaries[].LogicalResourceId"
	if got := m.aws(listed); !slices.Equal(got, want) {
		t.Errorf("the stack's resources are\n%q, the template's\n%q", got, want)
	}
	pool := strings.TrimSpace(m.doorwright("outputs", dir, "--stage", "test", "--deployed", "--name", "UserPoolId"))
	if got := m.aws("cognito-idp list-user-pools --max-results 10 --query UserPools[].Id"); !slices.Equal(got, []string{pool}) {
		t.Errorf("the user pools are %q, the output is %s", got, pool)
	}
	api := m.aws("apigatewayv2 get-apis --query Items[].ApiId")
	if len(api) != 1 {
		t.Fatalf("there are the APIs %q", api)
	}
	routes := "apigatewayv2 get-routes --api-id " + api[0] + " --query Items[].[AuthorizationType,RouteKey]"
	if got := strings.Join(m.aws(routes), " "); got != "/private /public GET GET JWT NONE" {
		t.Errorf("the routes are %q", got)
	}

	if out := m.doorwright("deploy", dir, "--stage", "test", "--yes"); !strings.Contains(out, "no changes") || !strings.Contains(out, "is there already") && strings.Contains(out, " of ") {
		t.Errorf("the second deploy printed\n%s", out)
	}

	edit(t, filepath.Join(dir, "doorwright.yaml"), strings.Replace(read(t, filepath.Join(dir, "doorwright.yaml")), "GET /public", "GET /open", 1))
	out = m.doorwright("deploy", dir, "--stage", "test", "--plan")
	if !strings.Contains(out, "+ add RouteApiGETOpen") || !strings.Contains(out, "- remove RouteApiGETPublic") || !strings.Contains(out, "nothing was changed (--plan)") {
		t.Errorf("the plan is\n%s", out)
	}
	m.doorwright("deploy", dir, "--stage", "test", "--yes")
	if got := strings.Join(m.aws(routes), " "); got != "/open /private GET GET JWT NONE" {
		t.Errorf("with another route the routes are %q", got)
	}

	out = m.doorwright("remove", dir, "--stage", "test", "--yes", "--delete-data")
	if !strings.Contains(out, "Removed stack test-quickstart") {
		t.Errorf("remove printed\n%s", out)
	}
	for what, args := range map[string]string{
		"APIs": "apigatewayv2 get-apis --query Items[].ApiId", "functions": "lambda list-functions --query Functions[].FunctionName", "roles": "iam list-roles --query Roles[].RoleName",
		"log groups": "logs describe-log-groups --query logGroups[].logGroupName", "user pools": "cognito-idp list-user-pools --max-results 10 --query UserPools[].Id",
	} {
		if left := m.aws(args); len(left) > 0 {
			t.Errorf("%s are left: %q", what, left)
		}
	}
	if out := m.doorwright("remove", dir, "--stage", "test", "--yes"); !strings.Contains(out, "nothing to remove") {
		t.Errorf("the second removal printed\n%s", out)
	}
}

// doorwrightOut gives what a command prints on its standard output alone.
func (m moto) doorwrightOut(args ...string) string {
	m.t.Helper()
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		m.t.Fatalf("doorwright %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
