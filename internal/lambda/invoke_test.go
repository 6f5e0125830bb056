package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/lambda"
)

type echoed struct {
	Event       any               `json:"event"`
	RequestID   string            `json:"requestId"`
	ARN         string            `json:"arn"`
	RemainingMS int64             `json:"remainingMs"`
	Dir         string            `json:"dir"`
	PID         int               `json:"pid"`
	Env         map[string]string `json:"env"`
}

func TestGoEcho(t *testing.T) {
	dir := fixtures(t)
	s := start(t, dir, nil, lambda.Function{Name: "dev-echo", Handler: "echo", Timeout: 5 * time.Second})
	reply, functionError := s.invoke("dev-echo", `{"a":[1,"ü"]}`)
	got := into[echoed](t, reply)
	if functionError != "" || fmt.Sprint(got.Event) != "map[a:[1 ü]]" {
		t.Errorf("got %s, %q", reply, functionError)
	}
	if want := "arn:aws:lambda:eu-west-1:000000000000:function:dev-echo"; got.ARN != want {
		t.Errorf("ARN %s, want %s", got.ARN, want)
	}
	if got.RemainingMS < 3000 || got.RemainingMS > 5000 {
		t.Errorf("%d ms remain of 5 s", got.RemainingMS)
	}
	if got.Dir != dir {
		t.Errorf("working directory %s, want %s", got.Dir, dir)
	}
	// A second invocation finds the same instance warm.
	again, _ := s.invoke("dev-echo", `1`)
	if second := into[echoed](t, again); second.PID != got.PID || second.RequestID == got.RequestID {
		t.Errorf("second invocation: process %d, request %s; first: %d, %s", second.PID, second.RequestID, got.PID, got.RequestID)
	}
	s.checkFrame(got.RequestID, "hello from echo")
}

// checkFrame wants Lambda's lines around a function's own (Lambda developer
// guide, "Viewing logs").
func (s *stage) checkFrame(id, own string) {
	s.t.Helper()
	lines := s.linesOf(id)
	want := []string{
		`^START RequestId: ` + id + ` Version: \$LATEST$`, `^` + own + `$`, `^END RequestId: ` + id + `$`,
		`^REPORT RequestId: ` + id + "\tDuration: \\d+\\.\\d\\d ms\tBilled Duration: \\d+ ms\tMemory Size: 128 MB\t(Max Memory Used: \\d+ MB\t)?Init Duration: \\d+\\.\\d\\d ms\t$",
	}
	if len(lines) != len(want) {
		s.t.Fatalf("lines of %s:\n%s", id, strings.Join(lines, "\n"))
	}
	for n := range want {
		if !regexp.MustCompile(want[n]).MatchString(lines[n]) {
			s.t.Errorf("line %d is %q, want %s", n, lines[n], want[n])
		}
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-developer")
	t.Setenv("AWS_PROFILE", "canary-of-the-developer")
	t.Setenv("GITHUB_TOKEN", "canary-of-the-developer")
	functions := []lambda.Function{{Name: "go", Handler: "echo", MemorySize: 256, Environment: map[string]string{"TABLE": "Notes", "TZ": "Europe/Berlin"}}}
	for _, f := range []struct{ tool, handler string }{{"node", "js/esm.handler"}, {"python3", "py/functions.handler"}} {
		t.Run(f.tool, func(t *testing.T) {
			need(t, f.tool)
			functions = append(functions, lambda.Function{Name: f.tool, Handler: f.handler, MemorySize: 256, Environment: functions[0].Environment})
		})
	}
	s := start(t, fixtures(t), func(c *lambda.Config) {
		c.Env = map[string]string{"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_SHARED_CREDENTIALS_FILE": "/home/dev/.aws/credentials"}
		c.Credentials = func(function string) (lambda.Credentials, error) {
			return lambda.Credentials{AccessKeyID: "ASIA" + function, SecretAccessKey: "secret", SessionToken: "token"}, nil
		}
	}, functions...)
	for _, f := range functions {
		reply, _ := s.invoke(f.Name, `{}`)
		if strings.Contains(reply, "canary-of-the-developer") {
			t.Errorf("%s sees the developer's environment: %s", f.Name, reply)
		}
		env := into[echoed](t, reply).Env
		for name, want := range map[string]string{
			"AWS_ACCESS_KEY_ID": "ASIA" + f.Name, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
			"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CONFIG_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
			"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
			"AWS_LAMBDA_FUNCTION_NAME": f.Name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
			"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + f.Name,
			"LAMBDA_TASK_ROOT": s.dir, "TABLE": "Notes", "TZ": "Europe/Berlin", "LANG": "en_US.UTF-8",
		} {
			if env[name] != want {
				t.Errorf("%s: %s=%q, want %q", f.Name, name, env[name], want)
			}
		}
		if tmp := env["TMPDIR"]; filepath.Dir(tmp) != filepath.Join(s.cache, "tmp") || env["HOME"] != tmp {
			t.Errorf("%s: TMPDIR=%s HOME=%s", f.Name, tmp, env["HOME"])
		} else if fi, err := os.Stat(tmp); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: TMPDIR: %v, %v", f.Name, fi, err)
		}
	}
}

func TestGoFailures(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave"},
		lambda.Function{Name: "short", Handler: "misbehave", Timeout: time.Second})
	pid, _ := s.invoke("f", `{}`)
	for _, c := range []struct{ event, kind, message string }{
		{`{"do":"error"}`, "errorString", "it did not work"},
		{`{"do":"own error"}`, "ownError", "an error of an own type"},
		{`{"do":"stream error"}`, "errorString", "the stream broke off"},
		{`{"do":"big","size":6291556}`, "", ""},
		{`{"do":"panic"}`, "string", "out of order"},
		{`{"do":"exit","code":3}`, "Runtime.ExitError", `RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3`},
		{`{"do":"exit","code":0}`, "Runtime.ExitError", `RequestId: [0-9a-f-]{36} Error: Runtime exited without providing a reason`},
		{`{"do":"sleep","ms":60000}`, "Sandbox.Timedout", `RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds`},
		{`{"do":"big","size":6291557}`, "Function.ResponseSizeTooLarge", `Response payload size exceeded maximum allowed payload size \(6291556 bytes\)\.`},
	} {
		function := "f"
		if c.kind == "Sandbox.Timedout" {
			function = "short"
		}
		reply, functionError := s.invoke(function, c.event)
		if c.kind == "" {
			if functionError != "" || len(reply) != 6291556 {
				t.Errorf("%s: %q and %d bytes", c.event, functionError, len(reply))
			}
			continue
		}
		got := into[failure](t, reply)
		if functionError != "Unhandled" || got.ErrorType != c.kind || !regexp.MustCompile("^"+c.message+"$").MatchString(got.ErrorMessage) {
			t.Errorf("%s: %q and %s; want %s, %s", c.event, functionError, reply, c.kind, c.message)
		}
	}
	// After a timeout or an exit the instance is gone, and another answers.
	if other, _ := s.invoke("f", `{}`); other == pid {
		t.Errorf("process %s outlived its exit", other)
	}
	log := s.log()
	for _, want := range []string{
		`(?m)^short platform \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 1\.00 seconds$`,
		`(?m)^short REPORT REPORT RequestId: .*Status: timeout\t$`, `(?m)^f stdout last words$`,
		`(?m)^f platform RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$`,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("no line %s in:\n%s", want, log)
		}
	}
}

func TestInitFailure(t *testing.T) {
	s := start(t, fixtures(t), nil,
		lambda.Function{Name: "dies", Handler: "misbehave", Environment: map[string]string{"DIE_AT_INIT": "1"}})
	for range 2 { // Each invocation tries again.
		reply, functionError := s.invoke("dies", `{}`)
		got := into[failure](t, reply)
		if functionError != "Unhandled" || got.ErrorType != "Runtime.ExitError" || !strings.HasSuffix(got.ErrorMessage, " Error: Runtime exited with error: exit status 7") {
			t.Errorf("%q, %s", functionError, reply)
		}
	}
	if e := s.event(lambda.InitFailed); e.Functions[0] != "dies" || e.Err == nil {
		t.Errorf("event %+v", e)
	}
}

func TestInitThatHangs(t *testing.T) {
	need(t, "node")
	dir := project(t, map[string]string{"f.mjs": "setInterval(() => {}, 1000);\nawait new Promise(() => {});\nexport const handler = () => {};\n"})
	r, err := lambda.New(lambda.Config{
		Dir: dir, Cache: filepath.Join(t.TempDir(), "cache"), Region: "eu-west-1", NoWatch: true,
		Functions: []lambda.Function{{Name: "f", Handler: "f.handler"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.SetInitTimeout(250 * time.Millisecond)
	if err := r.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	reply, functionError, err := r.Invoke(t.Context(), "f", []byte(`{}`))
	if got := into[failure](t, string(reply)); err != nil || functionError != "Unhandled" || got.ErrorType != "Sandbox.Timedout" || !strings.HasSuffix(got.ErrorMessage, "Task timed out after 0.25 seconds") {
		t.Errorf("%s, %q, %v", reply, functionError, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEventLimit(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave"})
	largest := `{"do":"` + strings.Repeat("x", 6<<20-9) + `"}`
	_, _, err := s.r.Invoke(t.Context(), "f", []byte(largest+" "))
	wantCode(t, err, "RequestTooLargeException", 413)
	if reply, functionError := s.invoke("f", largest); functionError != "" || len(reply) == 0 {
		t.Errorf("the largest event: %q, %d bytes", functionError, len(reply))
	}
	_, _, err = s.r.Invoke(t.Context(), "other", nil)
	wantCode(t, err, "ResourceNotFoundException", 404)
}

func TestConcurrency(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave", MaxConcurrency: 3})
	gate := filepath.Join(t.TempDir(), "gate")
	event := fmt.Sprintf(`{"do":"wait for file","file":%q}`, gate)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if reply, functionError := s.invoke("f", event); reply != `"seen"` || functionError != "" {
				t.Errorf("got %s, %s", reply, functionError)
			}
		})
	}
	s.wait("three invocations to begin", func() bool {
		n := 0
		for _, l := range s.lines {
			if l.Kind == lambda.Start {
				n++
			}
		}
		return n == 3
	})
	_, _, err := s.r.Invoke(t.Context(), "f", []byte(event))
	if e := wantCode(t, err, "TooManyRequestsException", 429); e.Message != "Rate Exceeded." {
		t.Errorf("message %q", e.Message)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wg.Wait()

	// One instance is enough for any number of invocations, one after another.
	pids := map[string]bool{}
	for range 200 {
		pid, _ := s.invoke("f", `{}`)
		pids[pid] = true
	}
	if len(pids) > 3 {
		t.Errorf("%d instances served invocations that never overlapped", len(pids))
	}
}

func TestSerialInvocationsShareOneInstance(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave", MaxConcurrency: 1})
	first, _ := s.invoke("f", `{}`)
	for range 500 {
		if pid, _ := s.invoke("f", `{}`); pid != first {
			t.Fatalf("process %s, then %s", first, pid)
		}
	}
}

func TestCallerThatLeaves(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave", MaxConcurrency: 1})
	pid, _ := s.invoke("f", `{}`)
	gate := filepath.Join(t.TempDir(), "gate")
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := s.r.Invoke(ctx, "f", fmt.Appendf(nil, `{"do":"wait for file","file":%q}`, gate))
		left <- err
	}()
	s.wait("the invocation to begin", func() bool { return strings.HasPrefix(s.lines[len(s.lines)-1].Text, "START") })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	_, _, err := s.r.Invoke(t.Context(), "f", []byte(`{}`)) // It still runs.
	wantCode(t, err, "TooManyRequestsException", 429)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.wait("the invocation to end", func() bool { return strings.HasPrefix(s.lines[len(s.lines)-1].Text, "REPORT") })
	if again, _ := s.invoke("f", `{}`); again != pid {
		t.Errorf("process %s, then %s", pid, again)
	}
}

func TestManyLinesStayWithTheirInvocation(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave"})
	for range 3 {
		s.invoke("f", `{"do":"lines","size":2000}`)
	}
	count := map[string]int{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.Kind == lambda.Stdout {
			count[l.RequestID]++
			if len(l.Text) > 256<<10 {
				t.Errorf("a line of %d bytes", len(l.Text))
			}
		}
	}
	for id, n := range count {
		if n != 2002 { // The last, of 300 KiB, is split.
			t.Errorf("request %q has %d lines, want 2002", id, n)
		}
	}
	if len(count) != 3 {
		t.Errorf("lines of %d requests, want 3", len(count))
	}
}

func TestGrandchildrenEnd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	need(t, "setsid", "sleep")
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave"})
	reply, _ := s.invoke("f", `{"do":"spawn"}`)
	pids := into[[]int](t, reply)
	s.stop()
	for _, pid := range pids {
		if cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(cmdline) > 0 {
			t.Errorf("process %d is left: %q", pid, cmdline)
		}
	}
}

// TestFunctionsEndWithUs kills a process that runs a function. The process is
// this test, run again.
func TestFunctionsEndWithUs(t *testing.T) {
	if dir := os.Getenv("DOORWRIGHT_TEST_HOST"); dir != "" {
		s := start(t, fixtures(t), func(c *lambda.Config) { c.Cache = dir }, lambda.Function{Name: "f", Handler: "misbehave"})
		pid, _ := s.invoke("f", `{}`)
		fmt.Printf("pid %s\n", pid)
		select {} // until it is killed
	}
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFunctionsEndWithUs$")
	tmp := t.TempDir() // Its own temporary folders are not removed either.
	cmd.Env = append(os.Environ(), "DOORWRIGHT_TEST_HOST="+filepath.Join(tmp, "cache"), "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	_, err = fmt.Fscanf(out, "pid %d", &pid)
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		t.Fatalf("reading the function's process id: %v", err)
	}
	for range 1000 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("process %d is left", pid)
}

func TestIdleInstancesEnd(t *testing.T) {
	s := start(t, fixtures(t), func(c *lambda.Config) { c.IdleTimeout = 20 * time.Millisecond },
		lambda.Function{Name: "f", Handler: "misbehave"})
	first, _ := s.invoke("f", `{}`)
	for range 2000 {
		if len(children()) == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if second, _ := s.invoke("f", `{}`); second == first && runtime.GOOS == "linux" {
		t.Errorf("process %s was idle and still answers", first)
	}
}

// TestStaleKeys: a process whose keys will end soon gets no more events, whether it
// waits for one or is at work as they get old, and one with new keys takes its place.
func TestStaleKeys(t *testing.T) {
	var made, good atomic.Int64
	s := start(t, fixtures(t), func(c *lambda.Config) {
		c.Credentials = func(string) (lambda.Credentials, error) {
			number := made.Add(1)
			return lambda.Credentials{AccessKeyID: fmt.Sprint("ASIA", number), SecretAccessKey: "secret", Stale: func() bool { return number < good.Load() }}, nil
		}
	}, lambda.Function{Name: "f", Handler: "echo"})
	key := func() string {
		reply, _ := s.invoke("f", `{}`)
		return into[echoed](t, reply).Env["AWS_ACCESS_KEY_ID"]
	}
	if first, second := key(), key(); first != "ASIA1" || second != first {
		t.Errorf("keys that are good: %s, %s", first, second)
	}
	good.Store(2)
	if third, fourth := key(), key(); third != "ASIA2" || fourth != third {
		t.Errorf("keys that are stale: %s, %s", third, fourth)
	}
	good.Store(1000) // all are, from the first
	if fifth, sixth := key(), key(); fifth != "ASIA3" || sixth != "ASIA4" {
		t.Errorf("keys that are never good: %s, %s", fifth, sixth)
	}
}

func TestInvokeAfterRun(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave"})
	running := make(chan error, 1)
	go func() {
		_, _, err := s.r.Invoke(context.Background(), "f", []byte(`{"do":"sleep","ms":60000}`))
		running <- err
	}()
	s.wait("the invocation to begin", func() bool { return len(s.lines) > 0 })
	s.stop()
	wantCode(t, <-running, "ServiceException", 500)
	_, _, err := s.r.Invoke(t.Context(), "f", nil)
	wantCode(t, err, "ServiceException", 500)
	if err := s.r.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}

func TestConfigMistakesAreListed(t *testing.T) {
	_, err := lambda.New(lambda.Config{
		Dir: "relative", Cache: "relative",
		Functions: []lambda.Function{
			{Name: "has space", Handler: "x"},
			{Name: "f", Timeout: 901 * time.Second, MemorySize: 64, MaxConcurrency: -1,
				Environment: map[string]string{"AWS_SESSION_TOKEN": "x", "_X": "x", "BIG": strings.Repeat("x", 4096)}},
			{Name: "f", Handler: "x"},
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`Dir "relative"`, `Cache "relative"`, "Region is missing", `"has space"`, "f has no Handler", "Timeout 15m1s", "MemorySize 64",
		"MaxConcurrency -1", "AWS_SESSION_TOKEN is reserved", `"_X"`, "4 KB", "declared twice",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in:\n%v", want, err)
		}
	}
}
