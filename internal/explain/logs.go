package explain

import "bytes"

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
	order       []*invocationLog // the oldest first, from first on
	first       int
	last        *invocationLog // that of the last line, which the next is mostly of too
	spare       *invocationLog // one that was dropped, for the next invocation
	bytes       int64
}

// An invocationLog has the lines of one invocation, one after the other.
type invocationLog struct {
	id    string
	texts []byte
	ends  []int // of the lines in texts
	inKey bool  // the lines are those of a private key
}

// ofKey says whether a line is in the middle of a private key (RFC 7468), which is written
// on several.
func (l *invocationLog) ofKey(line []byte) bool {
	if bytes.Contains(line, []byte("PRIVATE KEY-----")) { // what is in front of it may be left out already
		l.inKey = !bytes.Contains(line, []byte("-----END"))
		return false
	}
	if l.inKey {
		line = bytes.TrimSpace(line)
		l.inKey = len(bytes.Trim(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")) == 0 ||
			bytes.HasPrefix(line, []byte("Proc-Type:")) || bytes.HasPrefix(line, []byte("DEK-Info:")) // of the older form (RFC 1421)
	}
	return l.inKey
}

// size is about how many bytes it takes.
func (l *invocationLog) size() int64 { return 256 + int64(cap(l.texts)+8*cap(l.ends)) }

// add keeps a line, as tell appends it.
func (l *logs) add(id string, tell func(to []byte) []byte) {
	log := l.of(id)
	if log == nil {
		log = l.begin(id)
	}
	l.last = log
	if len(log.ends) < maxLogLines {
		before, from := log.size(), len(log.texts)
		texts := tell(log.texts)
		if line := texts[from:]; log.ofKey(line) {
			clear(line)
			texts = append(texts[:from], "***"...)
		}
		if len(texts) <= maxLogBytes {
			log.texts, log.ends = texts, append(log.ends, len(texts))
			l.bytes += log.size() - before
		}
	}
	for l.first < len(l.order) && (l.bytes > l.most || len(l.byID) > l.invocations) {
		l.drop()
	}
}

// of gives the log of an invocation, or nil.
func (l *logs) of(id string) *invocationLog {
	if l.last != nil && l.last.id == id {
		return l.last
	}
	return l.byID[id]
}

// begin makes the log of an invocation.
func (l *logs) begin(id string) *invocationLog {
	if l.byID == nil {
		l.byID = map[string]*invocationLog{}
	}
	log := l.spare
	if log == nil {
		log = &invocationLog{texts: make([]byte, 0, 512), ends: make([]int, 0, 4)} // START, END, REPORT
	}
	log.id, l.spare = id, nil
	l.byID[id] = log
	if l.first > 64 && l.first > len(l.order)/2 {
		n := copy(l.order, l.order[l.first:])
		clear(l.order[n:])
		l.order, l.first = l.order[:n], 0
	}
	l.order = append(l.order, log)
	l.bytes += log.size()
	return log
}

// drop lets go of the oldest log.
func (l *logs) drop() {
	log := l.order[l.first]
	l.order[l.first] = nil
	l.first++
	l.bytes -= log.size()
	delete(l.byID, log.id)
	if l.last == log {
		l.last = nil
	}
	if cap(log.texts) <= 1<<10 && cap(log.ends) <= 16 { // as large as most need
		log.id, log.texts, log.ends, log.inKey = "", log.texts[:0], log.ends[:0], false
		l.spare = log
	}
}

// lines gives the lines of an invocation.
func (l *logs) lines(id string) (lines []string) {
	log := l.of(id)
	if log == nil {
		return nil
	}
	from := 0
	for _, end := range log.ends {
		lines = append(lines, string(log.texts[from:end]))
		from = end
	}
	return lines
}
