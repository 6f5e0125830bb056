//go:build unix && !linux

package lambda

import (
	"os/exec"
	"sync"
	"syscall"
)

// process is a child process and what it starts. A process that it starts and
// that leaves the group is not found here; the function's code is then to blame
// for what it leaves.
type process struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	// reaped is set once the group has been ended. Guarded by mu.
	reaped bool
}

// startProcess starts a child in a process group of its own. If this process is
// killed, the child's connection breaks, at which runtimes exit.
func startProcess(cmd *exec.Cmd, _ string) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd}, nil
}

// kill ends the process group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// wait waits for the process to end and then ends its group, whose id stays
// taken while it has a member.
func (p *process) wait() error {
	err := p.cmd.Wait()
	p.kill()
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	return err
}

// peakMemory is not known here.
func (p *process) peakMemory() int { return 0 }
