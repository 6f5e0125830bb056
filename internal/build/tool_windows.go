package build

import "os/exec"

// ownGroup does nothing here: the compilers and linkers of a Go tool that was
// ended finish what they do.
func ownGroup(*exec.Cmd) {}
