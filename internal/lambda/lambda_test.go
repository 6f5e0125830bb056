package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/userdata"
)

// stage is a Runtime that runs, and what it has said.
type stage struct {
	t       testing.TB
	r       *lambda.Runtime
	dir     string
	cache   string
	stop    func()
	mu      sync.Mutex
	lines   []lambda.Line
	events  []lambda.Event
	changed chan struct{} // closed and renewed as lines or events come
}

// need skips a test whose interpreter is missing, unless all are required.
func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
				t.Fatalf("%s is required (DOORWRIGHT_REQUIRE=all): %v", tool, err)
			}
			t.Skipf("%s is not installed: %v", tool, err)
		}
	}
}

// fixtures is the folder of the handlers that no test changes.
func fixtures(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// built is a cache that the tests with fixtures share, one after another: linking
// takes longer than most of them.
var built string

func TestMain(m *testing.M) {
	if os.Getenv("DOORWRIGHT_TEST_HOST") != "" {
		os.Exit(m.Run()) // To be killed: it must have nothing to remove.
	}
	var err error
	if built, err = os.MkdirTemp("", "doorwright-lambda-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("XDG_DATA_HOME", filepath.Join(built, "data")) // the user's key
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

// start builds and runs functions until the test ends, and then looks for what
// they have left behind.
func start(t testing.TB, dir string, change func(*lambda.Config), functions ...lambda.Function) *stage {
	t.Helper()
	s := &stage{t: t, dir: dir, cache: filepath.Join(t.TempDir(), "cache"), changed: make(chan struct{})}
	if dir == fixtures(t) {
		s.cache = built
	}
	c := lambda.Config{
		Dir: dir, Cache: s.cache, Key: userdata.NewKey(dir), Region: "eu-west-1", Functions: functions, NoWatch: true,
		Log:    func(l lambda.Line) { s.note(func() { s.lines = append(s.lines, l) }) },
		Events: func(e lambda.Event) { s.note(func() { s.events = append(s.events, e) }) },
	}
	if change != nil {
		change(&c)
	}
	before := runtime.NumGoroutine()
	r, err := lambda.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.r = r
	if err := r.Build(t.Context()); err != nil {
		t.Logf("building: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(20 * time.Second):
			buf := make([]byte, 1<<20)
			t.Fatalf("Run did not return:\n%s", buf[:runtime.Stack(buf, true)])
		}
		s.checkNothingLeft(before)
	})
	t.Cleanup(s.stop)
	return s
}

// note records something and wakes who waits for it.
func (s *stage) note(record func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until a condition on what was said holds.
func (s *stage) wait(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		ok, changed := holds(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("waited in vain for %s; events:\n%s\nlines:\n%s", what, s.told(), s.log())
		}
	}
}

func (s *stage) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, l := range s.lines {
		fmt.Fprintf(&b, "%s %s %s\n", l.Function, l.Kind, l.Text[:min(len(l.Text), 300)])
	}
	return b.String()
}

func (s *stage) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&b, "%s %v %s %v\n", e.Kind, e.Functions, e.Text, e.Err)
	}
	return b.String()
}

// event waits for the next event of a kind, and forgets those before it.
func (s *stage) event(kind lambda.EventKind) lambda.Event {
	s.t.Helper()
	var found lambda.Event
	s.wait("the event "+string(kind), func() bool {
		n := slices.IndexFunc(s.events, func(e lambda.Event) bool { return e.Kind == kind })
		if n >= 0 {
			found, s.events = s.events[n], s.events[n+1:]
		}
		return n >= 0
	})
	return found
}

// linesOf gives the lines of one invocation or function.
func (s *stage) linesOf(id string) (lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.RequestID == id || l.Function == id {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

// invoke wants an answer, of whichever kind.
func (s *stage) invoke(function, event string) (string, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reply, functionError, err := s.r.Invoke(ctx, function, []byte(event))
	if err != nil {
		s.t.Fatalf("Invoke(%s, %s): %v\n%s", function, event, err, s.log())
	}
	return string(reply), functionError
}

// into decodes an answer.
func into[T any](t testing.TB, reply string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(reply), &v); err != nil {
		t.Fatalf("%q: %v", reply, err)
	}
	return v
}

// failure is the part of an error that all runtimes share.
type failure struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
	RequestID    string `json:"requestId"`
}

// checkNothingLeft looks for goroutines, children and folders.
func (s *stage) checkNothingLeft(goroutines int) {
	if _, err := os.Stat(filepath.Join(s.cache, "tmp")); !errors.Is(err, os.ErrNotExist) {
		s.t.Errorf("temporary folders are left: %v", err)
	}
	if pids := children(); len(pids) > 0 {
		s.t.Errorf("processes are left: %v", pids)
	}
	// A goroutine that has done its last act may still be counted.
	for range 1000 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	s.t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), goroutines, buf[:runtime.Stack(buf, true)])
}

// children gives the processes that descend from this one, where the system
// shows them.
func children() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) {
			found = append(found, string(stat[:min(len(stat), 40)]))
		}
	}
	return found
}

// wantCode wants an error of AWS's.
func wantCode(t testing.TB, err error, code string, status int) *aws.Error {
	t.Helper()
	var e *aws.Error
	if !errors.As(err, &e) || e.Code != code || e.Status != status {
		t.Fatalf("got error %v; want %s with status %d", err, code, status)
	}
	return e
}
