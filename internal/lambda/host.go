package lambda

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

//go:embed bootstrap/node.mjs
var nodeBootstrap []byte

//go:embed bootstrap/python.py
var pythonBootstrap []byte

// bootstraps are the files that give an interpreter its Runtime API client.
type bootstraps struct{ dir, node, python string }

// host starts processes and knows when all have ended.
type host struct {
	// tmp holds the instances' temporary folders.
	tmp  string
	boot bootstraps
	// wg counts the instances, and what Run started besides.
	wg sync.WaitGroup
	// spawn passes commands to the thread that starts them.
	spawn chan spawnRequest
}

// spawnRequest is a process to start.
type spawnRequest struct {
	cmd     *exec.Cmd
	marker  string
	started chan<- spawned
}

// spawned is its outcome.
type spawned struct {
	process *process
	err     error
}

// newHost writes the bootstraps and clears what an earlier process has left.
func newHost(cache string) (*host, error) {
	h := &host{tmp: filepath.Join(cache, "tmp"), spawn: make(chan spawnRequest)}
	if err := os.RemoveAll(h.tmp); err != nil {
		return nil, fmt.Errorf("clearing temporary folders: %w", err)
	}
	h.boot.dir = filepath.Join(cache, "runtime")
	for _, dir := range []string{h.tmp, h.boot.dir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the functions' folders: %w", err)
		}
	}
	h.boot.node, h.boot.python = filepath.Join(h.boot.dir, "node.mjs"), filepath.Join(h.boot.dir, "python.py")
	for path, data := range map[string][]byte{h.boot.node: nodeBootstrap, h.boot.python: pythonBootstrap} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, fmt.Errorf("writing the bootstraps: %w", err)
		}
	}
	return h, nil
}

// start starts a process. marker is text that its environment holds and no
// other process's does.
func (h *host) start(cmd *exec.Cmd, marker string) (*process, error) {
	started := make(chan spawned)
	h.spawn <- spawnRequest{cmd, marker, started}
	s := <-started
	return s.process, s.err
}

// spawner starts processes, until spawn is closed. It keeps to one thread:
// Linux ends a child with the thread that started it (PR_SET_PDEATHSIG), and a
// Go program's threads come and go.
func (h *host) spawner() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for r := range h.spawn {
		p, err := startProcess(r.cmd, r.marker)
		r.started <- spawned{p, err}
	}
}
