package explain

import (
	"slices"
	"strings"
)

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
	inKey bool // the lines are those of a private key
}

// ofKey says whether a line is in the middle of a private key (RFC 7468), which is written
// on several.
func (l *invocationLog) ofKey(line string) bool {
	if strings.Contains(line, "PRIVATE KEY-----") { // what is in front of it may be left out already
		l.inKey = !strings.Contains(line, "-----END")
		return false
	}
	if l.inKey {
		line = strings.TrimSpace(line)
		l.inKey = strings.Trim(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == "" ||
			strings.HasPrefix(line, "Proc-Type:") || strings.HasPrefix(line, "DEK-Info:") // of the older form (RFC 1421)
	}
	return l.inKey
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
	if log.ofKey(line) {
		line = "***"
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
