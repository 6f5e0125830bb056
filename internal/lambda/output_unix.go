//go:build unix

package lambda

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// output is a pipe from a process's standard output or error.
type output struct {
	lineWriter
	// child is the process's end.
	child *os.File
	// parent is ours, and raw its descriptor, which does not block.
	parent *os.File
	raw    syscall.RawConn
	// buffer is guarded by lineWriter.mu.
	buffer [32 << 10]byte
}

func newOutput(log *logger, kind LineKind) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		r.Close()
		w.Close()
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	return &output{lineWriter: lineWriter{log: log, kind: kind}, child: w, parent: r, raw: raw}, nil
}

// read takes the output as it comes, until its end.
func (o *output) read() {
	for eof := false; !eof; {
		err := o.raw.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			var again bool
			again, eof = o.take(int(fd))
			return !again
		})
		if err != nil {
			break // end has set a deadline and it is over.
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushPartial()
}

// take reads once. The caller holds mu. empty means that there is nothing yet,
// eof that there will be nothing more.
func (o *output) take(fd int) (empty, eof bool) {
	for {
		n, err := syscall.Read(fd, o.buffer[:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return true, false
		case err != nil || n <= 0:
			return false, true
		}
		o.write(o.buffer[:n])
		return false, false
	}
}

// maxDrain bounds how much drain takes: another process may write faster than
// it reads.
const maxDrain = 1 << 20

// drain takes what the process has written so far. A process writes before it
// answers, so this is all that belongs to the invocation: nothing is left to
// the reader's pace.
func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.raw.Control(func(fd uintptr) { // If it is closed there is nothing to take.
		for range maxDrain / len(o.buffer) {
			if empty, eof := o.take(int(fd)); empty || eof {
				return
			}
		}
	})
	o.flushPartial()
}

// end is called once the process has ended: what it wrote is there, and a
// process that outlived it is not waited for.
func (o *output) end() { o.parent.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) }

// close closes both ends.
func (o *output) close() {
	o.child.Close()
	o.parent.Close()
}
