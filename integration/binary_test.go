package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var binary string // the doorwright program, built once by TestMain

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doorwright-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "doorwright")
	build := exec.Command("go", "build", "-o", binary, "./cmd/doorwright")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building doorwright: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need finds a program or skips the test, or fails it where all is required.
func need(t *testing.T, program string) string {
	t.Helper()
	p, err := exec.LookPath(program)
	if err == nil {
		return p
	}
	if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
		t.Fatalf("%s is required and is not on the PATH", program)
	}
	t.Skipf("%s is not on the PATH", program)
	return ""
}

// project copies an example into a folder of its own and gives the folder.
func project(t *testing.T, example string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), example)
	out, err := exec.Command(binary, "init", example, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("doorwright init %s: %v\n%s", example, err, out)
	}
	return dir
}

// process is a running `doorwright start`.
type process struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when all output has been read

	mu   sync.Mutex
	cond *sync.Cond
	log  bytes.Buffer // guarded by mu
	over bool         // guarded by mu: no more output will come
}

// start runs `doorwright start DIR` and waits until it has deployed.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := spawn(t, dir, args...)
	p.waitFor("Status: deployed")
	p.waitFor("ready")
	return p
}

func spawn(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, done: make(chan struct{})}
	p.cond = sync.NewCond(&p.mu)
	p.cmd = exec.Command(binary, append([]string{"start", dir}, args...)...)
	p.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go p.read(r)
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("doorwright start %s printed:\n%s", dir, p.text())
		}
	})
	return p
}

func (p *process) read(r io.ReadCloser) {
	defer close(p.done)
	defer r.Close()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.mu.Lock()
		fmt.Fprintln(&p.log, s.Text())
		p.cond.Broadcast()
		p.mu.Unlock()
	}
	p.mu.Lock()
	p.over = true
	p.cond.Broadcast()
	p.mu.Unlock()
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// waitFor waits until the output holds text, and fails the test after a
// minute or when the program ends before.
func (p *process) waitFor(text string) {
	p.t.Helper()
	p.waitMatch(regexp.MustCompile(regexp.QuoteMeta(text)))
}

func (p *process) waitMatch(re *regexp.Regexp) string {
	p.t.Helper()
	late := time.AfterFunc(time.Minute, func() {
		p.mu.Lock()
		p.over = true
		p.cond.Broadcast()
		p.mu.Unlock()
	})
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if m := re.FindString(p.log.String()); m != "" {
			return m
		}
		if p.over {
			p.t.Fatalf("doorwright start %s never printed %q; it printed:\n%s", p.dir, re, p.log.String())
		}
		p.cond.Wait()
	}
}

// stop interrupts the program and waits for its end, which must be clean.
func (p *process) stop() {
	p.t.Helper()
	if p.cmd.ProcessState != nil {
		return
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			p.t.Errorf("doorwright start %s ended with %v; it printed:\n%s", p.dir, err, p.text())
		}
	case <-time.After(45 * time.Second):
		p.cmd.Process.Kill()
		p.t.Errorf("doorwright start %s did not end after an interrupt", p.dir)
	}
	<-p.done
}

// outputs gives the stage's outputs, as a script would read them.
func (p *process) outputs() map[string]string {
	p.t.Helper()
	return objectOf(p.t, "outputs", p.dir, "--json")
}

// env gives the environment of a shell after `eval "$(doorwright env)"`.
func (p *process) env() []string {
	p.t.Helper()
	env := cleanEnv()
	for name, value := range objectOf(p.t, "env", p.dir, "--json") {
		env = append(env, name+"="+value)
	}
	return env
}

// cleanEnv is the test's environment without anything of AWS's.
func cleanEnv() []string {
	env := []string{"AWS_PAGER=", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") {
			env = append(env, e)
		}
	}
	return env
}

func objectOf(t *testing.T, args ...string) map[string]string {
	t.Helper()
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		t.Fatalf("doorwright %v: %v", args, err)
	}
	object := map[string]string{}
	if err := json.Unmarshal(out, &object); err != nil {
		t.Fatalf("doorwright %v printed %s: %v", args, out, err)
	}
	return object
}

// shell runs a command line as a user types it, with the environment of
// `eval "$(doorwright env)"`, and gives its standard output.
func (p *process) shell(line string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Env = p.env()
	c.Dir = p.dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		p.t.Fatalf("$ %s\n%v\n%s%s", line, err, out, stderr.String())
	}
	return string(out)
}

// answer is what a test looks at of a response.
type answer struct {
	status int
	body   string
	header http.Header
}

func get(t *testing.T, url, token string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(b), resp.Header}
}
