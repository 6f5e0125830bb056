package integration

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// delveVersion is the debugger that functions in Go are inspected with.
const delveVersion = "v1.27.2"

// delve gives the folder of dlv, which is built once and kept in the user's cache.
func delve(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a debugger needs permissions there that a test has not")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "doorwright-integration", "delve-"+delveVersion)
	if _, err := os.Stat(filepath.Join(dir, "dlv")); err == nil {
		return dir
	}
	build := exec.CommandContext(t.Context(), "go", "install", "github.com/go-delve/delve/cmd/dlv@"+delveVersion)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	build.Dir = t.TempDir()
	if out, err := build.CombinedOutput(); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatalf("installing dlv: %v\n%s", err, out)
		}
		t.Skipf("dlv cannot be installed: %v", err)
	}
	return dir
}

// TestInspectGo sets a breakpoint in a function by Delve's own protocol: a request stops
// there, its source and variables are known, and it goes on. Nothing of it is left when
// the stage ends.
func TestInspectGo(t *testing.T) {
	t.Setenv("PATH", delve(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	dir := project(t, "quickstart")
	p := start(t, dir, "--inspect", "functions/public")
	said := p.waitMatch(regexp.MustCompile(`inspecting functions/public: Delve is at 127\.0\.0\.1:\d+`))
	p.waitFor("API server listening at")
	if a := get(t, p.outputs()["ApiEndpoint"]+"/public", ""); a.status != 200 { // without a debugger it just runs
		t.Fatalf("before a debugger has attached it is answered %+v", a)
	}
	conn, err := net.Dial("tcp", said[strings.LastIndex(said, " ")+1:])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(conn)
	call := func(method string, params any, result any) {
		t.Helper()
		if err := json.NewEncoder(conn).Encode(map[string]any{"method": "RPCServer." + method, "params": []any{params}, "id": 1}); err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Result json.RawMessage
			Error  any
		}
		if err := answers.Decode(&answer); err != nil || answer.Error != nil {
			t.Fatalf("%s: %v %v", method, answer.Error, err)
		}
		if result != nil {
			if err := json.Unmarshal(answer.Result, result); err != nil {
				t.Fatal(err)
			}
		}
	}
	type state struct {
		State struct {
			CurrentThread struct {
				File     string
				Function struct{ Name string }
			}
		}
	}
	call("Command", map[string]any{"name": "halt"}, nil)
	call("CreateBreakpoint", map[string]any{"Breakpoint": map[string]any{"functionName": "main.handle"}}, nil)
	answered := make(chan answer, 1)
	go func() { answered <- get(t, p.outputs()["ApiEndpoint"]+"/public", "") }()
	var at state
	call("Command", map[string]any{"name": "continue"}, &at) // until it stops
	if at.State.CurrentThread.Function.Name != "main.handle" || filepath.Base(at.State.CurrentThread.File) != "main.go" {
		t.Errorf("it stopped at %+v", at)
	}
	select {
	case a := <-answered:
		t.Errorf("it is answered at the breakpoint: %+v", a)
	default:
	}
	call("ClearBreakpoint", map[string]any{"Name": "", "Id": 1}, nil)
	// It is answered when the program ends.
	if err := json.NewEncoder(conn).Encode(map[string]any{"method": "RPCServer.Command", "params": []any{map[string]any{"name": "continue"}}, "id": 2}); err != nil {
		t.Fatal(err)
	}
	if a := <-answered; a.status != 200 || a.body != "Hello stranger!" {
		t.Errorf("it is answered %+v", a)
	}
}
