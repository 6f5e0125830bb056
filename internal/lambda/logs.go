package lambda

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Line is one line of a function's log.
type Line struct {
	Time     time.Time
	Function string
	// RequestID is the invocation's, empty for what is written outside of one.
	RequestID string
	Kind      LineKind
	// Text has no line break. It is the function's own and may hold anything
	// else, terminal control sequences too.
	Text string
}

// LineKind says where a line comes from.
type LineKind string

// The kinds of lines. Lambda makes all but the first two.
const (
	Stdout   LineKind = "stdout"
	Stderr   LineKind = "stderr"
	Start    LineKind = "START"
	End      LineKind = "END"
	Report   LineKind = "REPORT"
	Platform LineKind = "platform" // a timeout, a crash, a failed init
)

// maxLine bounds a line; longer ones are split. It is CloudWatch's bound of an
// event: "Maximum log event size: 256 KB" was its figure when Lambda's split was
// made, and terminals want no more.
const maxLine = 256 << 10

// logger gives lines their function and request.
type logger struct {
	function string
	// secret is left out of every line: runtimes name the address that they
	// could not reach.
	secret string
	sink   func(Line)
	// request is the id of the invocation that is running.
	request atomic.Pointer[string]
}

// print writes a line.
func (l *logger) print(kind LineKind, text string) {
	text = strings.ReplaceAll(text, l.secret, "...")
	line := Line{Time: time.Now(), Function: l.function, Kind: kind, Text: text}
	if id := l.request.Load(); id != nil {
		line.RequestID = *id
	}
	l.sink(line)
}

// lineWriter splits what a process writes into lines.
type lineWriter struct {
	log  *logger
	kind LineKind

	mu sync.Mutex
	// partial is a line without its end, guarded by mu.
	partial []byte
}

// write takes bytes as they come. The caller holds mu.
func (w *lineWriter) write(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(w.partial); len(line) > room {
			w.partial = append(w.partial, line[:room]...)
			p = p[room:]
			w.flush()
			continue
		}
		w.partial = append(w.partial, line...)
		if p = rest; ended {
			w.flush()
		}
	}
}

// flush ends a line. The caller holds mu.
func (w *lineWriter) flush() {
	w.log.print(w.kind, strings.TrimSuffix(string(w.partial), "\r"))
	w.partial = w.partial[:0]
}

// flushPartial ends a line that was begun. The caller holds mu.
func (w *lineWriter) flushPartial() {
	if len(w.partial) > 0 {
		w.flush()
	}
}

// reportText is the REPORT line of an invocation (Lambda developer guide,
// "Viewing logs"). Since August 2025 the time of an init is billed too.
func reportText(id string, took, init time.Duration, memory, used int, status, errorType string) string {
	var s strings.Builder
	billed := (took + init + time.Millisecond - 1) / time.Millisecond
	fmt.Fprintf(&s, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\t", id, milliseconds(took), billed, memory)
	if used > 0 {
		fmt.Fprintf(&s, "Max Memory Used: %d MB\t", used)
	}
	if init > 0 {
		fmt.Fprintf(&s, "Init Duration: %.2f ms\t", milliseconds(init))
	}
	if status != "" {
		fmt.Fprintf(&s, "Status: %s\t", status)
	}
	if status == "error" && errorType != "" {
		fmt.Fprintf(&s, "Error Type: %s\t", errorType)
	}
	return s.String()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
