package lambda

import (
	"fmt"
	"os"
)

// output is a pipe from a process's standard output or error.
type output struct {
	lineWriter
	// child is the process's end, parent ours.
	child, parent *os.File
}

func newOutput(log *logger, kind LineKind) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	return &output{lineWriter: lineWriter{log: log, kind: kind}, child: w, parent: r}, nil
}

// read takes the output as it comes, until its end.
func (o *output) read() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := o.parent.Read(buffer)
		o.mu.Lock()
		o.write(buffer[:n])
		if err != nil {
			o.flushPartial()
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
	}
}

// drain does nothing: a pipe here has no read that does not wait, so a line may
// come after the end of its invocation.
func (o *output) drain() {}

// end does nothing: the job has ended all that could write.
func (o *output) end() {}

// close closes both ends.
func (o *output) close() {
	o.child.Close()
	o.parent.Close()
}
