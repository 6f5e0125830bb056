package lambda

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is a child process and what it starts.
type process struct {
	cmd    *exec.Cmd
	marker string
	mu     sync.Mutex
	// reaped is set as the system may give the process's id to another.
	// Guarded by mu.
	reaped bool
}

// startProcess starts a child in a process group of its own, that ends with
// this process even if this one is killed.
func startProcess(cmd *exec.Cmd, marker string) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, marker: marker}, nil
}

// kill ends the process group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// wait waits for the process to end and then ends all that it started. Until
// that is done the process stays a zombie, so that its id, which is also the
// group's, means no other.
func (p *process) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	p.kill()
	p.killStrays()
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	return p.cmd.Wait()
}

// maxSweeps bounds the search for processes that start others as it goes on.
const maxSweeps = 10

// killStrays ends the processes that left the group (setsid, as detached
// children of Node.js and browsers do) by the marker in their environment.
func (p *process) killStrays() {
	for range maxSweeps {
		found := false
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == p.cmd.Process.Pid {
				continue
			}
			env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
			if err == nil && bytes.Contains(env, []byte("AWS_LAMBDA_RUNTIME_API="+p.marker+"\x00")) {
				found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
			}
		}
		if !found {
			return
		}
	}
}

// peakMemory gives the most memory that the process has used, in MB, 0 if it is
// not known.
func (p *process) peakMemory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	fmt.Sscan(rest, &kb)
	return (kb + 1023) / 1024
}
