package explain

import "slices"

// What is kept of the log of one invocation. The beginning says what went wrong first.
const (
	maxLogLines = 200
	maxLogBytes = 32 << 10
)

// logs are the lines of the last invocations. Those of an invocation come before its
// request is over and after, so that they are found by the invocation's id.
type logs struct {
	most        int64
	invocations int
	byID        map[string]*invocationLog
	order       []string // the oldest first, from first on
	first       int
	bytes       int64
}

type invocationLog struct {
	lines []string
	bytes int64
}

func (l *logs) add(id, line string) {
	log := l.byID[id]
	if log == nil {
		if l.byID == nil {
			l.byID = map[string]*invocationLog{}
		}
		log = &invocationLog{bytes: 256, lines: make([]string, 0, 4)} // START, END, REPORT
		l.byID[id] = log
		l.order = append(l.order, id)
		l.bytes += log.bytes
	}
	if size := int64(len(line)) + 16; len(log.lines) < maxLogLines && log.bytes+size <= maxLogBytes {
		log.lines = append(log.lines, line)
		log.bytes += size
		l.bytes += size
	}
	for l.first < len(l.order) && (l.bytes > l.most || len(l.byID) > l.invocations) {
		l.bytes -= l.byID[l.order[l.first]].bytes
		delete(l.byID, l.order[l.first])
		l.first++
	}
	if l.first > 64 && l.first > len(l.order)/2 {
		l.order, l.first = slices.Clone(l.order[l.first:]), 0
	}
}

// of gives the lines of an invocation.
func (l *logs) of(id string) []string {
	if log := l.byID[id]; log != nil {
		return slices.Clone(log.lines)
	}
	return nil
}
