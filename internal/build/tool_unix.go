//go:build unix

package build

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the end of a command's context end its compilers and linkers
// too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
