package lambda

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/build"
)

// Inspect lets a debugger reach a function. It then has one instance, which is never
// ended for being idle, and no time-out: a person stands at a breakpoint. Invocations
// that come meanwhile wait.
type Inspect struct {
	// Port is where the debugger is listened for, on 127.0.0.1 alone.
	Port int
	// Wait stops the process before it runs anything, until a debugger has attached.
	Wait bool
}

const (
	// InspectTimeout is no time-out to a person.
	InspectTimeout = 24 * time.Hour
	// maxInspectQueue is how many invocations wait for the one instance.
	maxInspectQueue = 100
	// portGrace is how long the process before may take to give back the port.
	portGrace = 10 * time.Second
)

func (i *instance) address() string { return "127.0.0.1:" + strconv.Itoa(i.f.Inspect.Port) }

// inspected is what runs the code under a debugger's eyes.
func (i *instance) inspected() (*exec.Cmd, error) {
	a, wait := i.code.artifact, i.f.Inspect.Wait
	if err := i.awaitPort(); err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	switch boot := i.f.runtime.host.boot; a.Runtime {
	case build.Node:
		// https://nodejs.org/api/cli.html#--inspecthostport
		flag := "--inspect="
		if wait {
			flag = "--inspect-brk="
		}
		cmd = exec.Command(a.Tool, flag+i.address(), "--enable-source-maps", boot.node, a.Path, a.Export, a.Module)
	case build.Python:
		// https://github.com/microsoft/debugpy#debugpy-cli-usage
		if err := exec.Command(a.Tool, "-c", "import debugpy").Run(); err != nil {
			return nil, &noDebuggerError{"debugpy cannot be imported by " + a.Tool, a.Tool + " -m pip install debugpy"}
		}
		args := []string{"-Xfrozen_modules=off", "-m", "debugpy", "--listen", i.address()}
		if wait {
			args = append(args, "--wait-for-client")
		}
		cmd = exec.Command(a.Tool, append(args, boot.python, a.Module, a.Export)...)
	default:
		dlv := i.f.runtime.tool("dlv")
		if dlv == "" && wait {
			return nil, &noDebuggerError{"dlv is not in PATH, without which nothing can wait for it", "go install github.com/go-delve/delve/cmd/dlv@latest"}
		}
		if dlv == "" {
			cmd = exec.Command(a.Path)
			break
		}
		// https://github.com/go-delve/delve/blob/master/Documentation/usage/dlv_exec.md
		args := []string{"exec", "--headless", "--api-version=2", "--accept-multiclient", "--listen=" + i.address()}
		if !wait {
			args = append(args, "--continue")
		}
		cmd = exec.Command(dlv, append(args, a.Path)...)
	}
	cmd.Dir = a.Root
	return cmd, nil
}

// noDebuggerError is a debugger that is not there, with how to get it.
type noDebuggerError struct{ text, fix string }

func (e *noDebuggerError) Error() string { return e.text + ": " + e.fix }

// tool finds a program in the developer's PATH; "" is none.
func (r *Runtime) tool(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, kv := range r.config.DeveloperEnv {
		key, value, _ := strings.Cut(kv, "=")
		if key != "PATH" && (runtime.GOOS != "windows" || !strings.EqualFold(key, "PATH")) {
			continue
		}
		for _, dir := range filepath.SplitList(value) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
				return path
			}
		}
	}
	return ""
}

// awaitPort waits until nobody is at the port: the process before may just be ending.
func (i *instance) awaitPort() error {
	deadline := time.After(portGrace)
	for {
		l, err := net.Listen("tcp4", i.address())
		if err == nil {
			return l.Close()
		}
		select {
		case <-i.over:
			return errors.New("the instance was ended before it began")
		case <-deadline:
			return fmt.Errorf("listening for a debugger: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// inspecting tells how a debugger attaches.
func (i *instance) inspecting(cmd *exec.Cmd) Event {
	how := ""
	switch a := i.code.artifact; {
	case a.Runtime == build.Node:
		how = "Node.js's inspector is at " + i.address() + ": attach VS Code, or open chrome://inspect"
	case a.Runtime == build.Python:
		how = "debugpy is at " + i.address() + ": attach VS Code"
	case cmd.Path == a.Path:
		how = fmt.Sprintf("dlv attach %d (with dlv in PATH, it would be at %s)", cmd.Process.Pid, i.address())
	default:
		how = "Delve is at " + i.address() + ": dlv connect " + i.address() + ", or attach VS Code"
	}
	return Event{Kind: Inspecting, Functions: []string{i.f.Name}, Text: "inspecting " + i.f.Name + ": " + how}
}
