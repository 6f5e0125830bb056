package explain

import (
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
)

// A Record is what a room left of one request: Entry or Operation.
type Record struct {
	// Source is the API, or the service.
	Source string
	// Entry is a request to an API. Its Err and Stack are not kept.
	Entry *gateway.Entry
	// Operation is a request to any other service.
	Operation *Operation

	isSettled bool
	cause     string // of Entry.Err
	panicked  bool
}

// An Operation is a request to a service beside the APIs, told by the room itself.
type Operation struct {
	Time      time.Time
	RequestID string
	// Name is the operation, such as GetItem.
	Name string
	// Caller is who has asked, such as the role's ARN.
	Caller   string
	Resource string
	Status   int
	Allowed  bool
	Verdict  string
	Steps    []Step
	Advice   []Advice
	Duration time.Duration
	// Tell adds the steps and the advice that are put into words when they are read;
	// nil adds none. Size is about how many bytes it keeps until then.
	Tell func(*Explanation)
	Size int64
}

// A Ring keeps the last requests, bounded in their number and in their bytes. It is
// safe for concurrent use.
type Ring struct {
	requests int
	most     int64
	names    []string

	mu      sync.Mutex
	records []kept // guarded by mu, as all below: a circle
	first   int    // the oldest
	count   int
	bytes   int64
	spare   []byte // the texts of a record that was dropped, for the next one
	logs    logs
	line    []byte // memory for one line while it is told; empty of it else
}

// kept is a record. An entry and its trace are in the circle itself: a full ring takes no
// memory for a request, and who reads gets copies.
type kept struct {
	source    string
	entry     gateway.Entry // unless operation is set; without its Trace
	trace     gateway.Trace // the entry's if isTraced
	isTraced  bool
	texts     []byte // trace's, this record's until it is dropped
	operation *Operation
	cause     string
	panicked  bool
	size      int64
}

func (k *kept) id() string {
	if k.operation != nil {
		return k.operation.RequestID
	}
	return k.entry.RequestID
}

// record gives what is kept to who reads it.
func (k *kept) record() Record {
	if k.operation != nil {
		return Record{Source: k.source, Operation: k.operation}
	}
	e := k.entry
	if k.isTraced {
		e.Trace = new(gateway.Trace)
		k.trace.CopyTo(e.Trace, make([]byte, 0, len(k.texts)))
	}
	return Record{Source: k.source, Entry: &e, isSettled: true, cause: k.cause, panicked: k.panicked}
}

// NewRing gives a ring of so many requests and bytes, a quarter of which is for what
// functions log. It takes memory as it fills.
func NewRing(requests int, bytes int64) *Ring {
	return &Ring{requests: requests, most: bytes - bytes/4, logs: logs{most: bytes / 4, invocations: 2 * requests}}
}

// Add keeps a record, in the place of the oldest if there is no room. What it refers to
// must not change any more.
func (r *Ring) Add(rec Record) {
	if rec.Entry != nil {
		r.AddEntry(rec.Source, rec.Entry)
		return
	}
	size := rec.Operation.size()
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.next(size); k != nil {
		*k = kept{source: rec.Source, operation: rec.Operation, size: size}
	}
}

// AddEntry is Add of a request to an API. It copies the entry and its trace, which the
// caller may use for another request then.
func (r *Ring) AddEntry(source string, e *gateway.Entry) {
	settled := *e
	settled.Trace = nil
	cause, panicked := settle(&settled)
	size, texts := entrySize(&settled, cause), 0
	if e.Trace != nil {
		size, texts = size+int64(e.Trace.Size()), e.Trace.TextSize()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.next(size + int64(texts))
	if k == nil {
		return
	}
	k.source, k.entry, k.operation, k.cause, k.panicked = source, settled, nil, cause, panicked
	k.isTraced, k.texts, k.size = e.Trace != nil, nil, size+int64(texts)
	if !k.isTraced {
		k.trace = gateway.Trace{}
		return
	}
	k.texts = e.Trace.CopyTo(&k.trace, r.room(texts))
	more := int64(cap(k.texts) - texts)
	k.size += more
	r.bytes += more
	for r.bytes > r.most {
		r.drop()
	}
}

// room gives memory for so many bytes of texts: that of a record that was dropped, unless
// it is far too large. The caller holds mu.
func (r *Ring) room(n int) []byte {
	if room := r.spare; cap(room) >= n && cap(room) <= n+n/4+256 {
		r.spare = nil
		return room[:0]
	}
	return make([]byte, 0, n)
}

// next gives the place of the next record, of so many bytes, or nil if it is too large. All
// of it is to be set. The caller holds mu.
func (r *Ring) next(size int64) *kept {
	if r.requests < 1 || size > r.most {
		return nil
	}
	if r.count == r.requests { // the oldest one's place is the next one's
		r.release()
	}
	for r.count > 0 && r.bytes+size > r.most {
		r.drop()
	}
	if r.count == len(r.records) {
		r.grow()
	}
	k := &r.records[(r.first+r.count)%len(r.records)]
	r.count++
	r.bytes += size
	return k
}

// drop lets go of the oldest record. The caller holds mu.
func (r *Ring) drop() {
	k := &r.records[r.first]
	r.release()
	*k = kept{}
}

// release is drop where the record's place is taken at once. The caller holds mu.
func (r *Ring) release() {
	k := &r.records[r.first]
	if cap(k.texts) > 0 {
		r.spare = k.texts
	}
	r.bytes -= k.size
	r.first = (r.first + 1) % len(r.records)
	r.count--
}

// grow makes room for more records. The caller holds mu.
func (r *Ring) grow() {
	larger := make([]kept, min(max(2*len(r.records), 16), r.requests))
	for i := range r.count {
		larger[i] = r.records[(r.first+i)%len(r.records)]
	}
	r.records, r.first = larger, 0
}

// Secret says further names, in lower case, whose values are secret in what functions
// write. It is to be called before any other method.
func (r *Ring) Secret(names ...string) { r.names = append(r.names, names...) }

// Line keeps a line that a function wrote in an invocation.
func (r *Ring) Line(invocation, text string) {
	if invocation == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs.add(invocation, func(to []byte) []byte {
		r.line = append(r.line[:0], text...)
		to = gateway.AppendRedacted(to, r.line, r.names)
		clear(r.line) // of its secrets
		if cap(r.line) > maxLogBytes {
			r.line = nil
		}
		return to
	})
}

// Len says how many requests are kept, and about how many bytes, logs included.
func (r *Ring) Len() (requests int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.bytes + r.logs.bytes
}

// Find gives the record of a request, by its id, or by the beginning of it if no other
// begins so.
func (r *Ring) Find(requestID string) (Record, bool) {
	found, matches := r.find(requestID)
	return found, matches == 1
}

// Count says how many requests' ids begin so.
func (r *Ring) Count(requestID string) int {
	_, matches := r.find(requestID)
	return matches
}

func (r *Ring) find(requestID string) (found Record, matches int) {
	if requestID == "" {
		return Record{}, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var last *kept
	for i := range r.count {
		k := &r.records[(r.first+i)%len(r.records)]
		switch id := k.id(); {
		case id == requestID:
			return k.record(), 1
		case strings.HasPrefix(id, requestID):
			last = k
			matches++
		}
	}
	if last != nil {
		found = last.record()
	}
	return found, matches
}

// Last gives the last n records, the newest first.
func (r *Ring) Last(n int) []Record { return r.last(n, func(*kept) bool { return true }) }

// Invoked gives the last n requests that were let in to a function, the newest first.
func (r *Ring) Invoked(function string, n int) []Record {
	return r.last(n, func(k *kept) bool { return k.operation == nil && k.entry.Function == function && k.entry.Allowed })
}

// last copies those that are wanted, and no others: a ring is large.
func (r *Ring) last(n int, wanted func(*kept) bool) (list []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.count {
		if len(list) >= n {
			break
		}
		if k := &r.records[(r.first+r.count-1-i)%len(r.records)]; wanted(k) {
			list = append(list, k.record())
		}
	}
	return list
}

// Explain puts a record into words, with what its functions have logged.
func (r *Ring) Explain(rec Record) *Explanation {
	x := Of(rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.Function != nil {
		x.Function.Log = r.logs.lines(x.Function.RequestID)
	}
	for _, s := range x.Steps {
		if s.Function != nil {
			s.Function.Log = r.logs.lines(s.Function.RequestID)
		}
	}
	return x
}

// settle lets go of all but what is told, and of what is secret.
func (r *Record) settle() {
	if r.Entry == nil || r.isSettled {
		return
	}
	r.isSettled = true
	r.cause, r.panicked = settle(r.Entry)
}

// settle is that of an entry; it gives the cause of its failure, and whether that was a
// panic.
func settle(e *gateway.Entry) (cause string, panicked bool) {
	if e.Err != nil {
		cause = string(gateway.Redact([]byte(e.Err.Error())))
	}
	panicked = e.Stack != ""
	e.Err, e.Stack = nil, ""
	if e.Refusal != nil {
		refusal := settledReason(*e.Refusal)
		if refusal.Code == gateway.CodeIntegrationFailed {
			refusal.Text = string(gateway.Redact([]byte(refusal.Text))) // it may be a function's own
		}
		e.Refusal = &refusal
	}
	if !e.Allowed { // those of what is allowed are everybody's
		reasons := make([]authorizer.Reason, len(e.Reasons))
		for i := range e.Reasons {
			reasons[i] = settledReason(e.Reasons[i])
		}
		e.Reasons = reasons
	}
	return cause, panicked
}

// settledReason gives a reason without what has the form of a token.
func settledReason(r authorizer.Reason) authorizer.Reason {
	r.Text, r.Hint = gateway.WithoutTokens(r.Text), gateway.WithoutTokens(r.Hint)
	facts := make([]authorizer.Fact, len(r.Facts))
	for i, f := range r.Facts {
		f.Want, f.Got = gateway.WithoutTokens(f.Want), gateway.WithoutTokens(f.Got)
		facts[i] = f
	}
	if r.Facts = facts; len(facts) == 0 {
		r.Facts = nil
	}
	return r
}

// ownSize is about how many bytes a record takes beside what it refers to.
const ownSize = 512

// size is about how many bytes an operation takes.
func (o *Operation) size() int64 {
	n := ownSize + o.Size + int64(len(o.Name)+len(o.Caller)+len(o.Resource)+len(o.Verdict))
	for i := range o.Steps {
		n += o.Steps[i].size()
	}
	for _, a := range o.Advice {
		n += int64(len(a.Text)) + 128
	}
	return n
}

// entrySize is that of an entry but for its trace.
func entrySize(e *gateway.Entry, cause string) int64 {
	n := ownSize + len(cause) + len(e.Path) + len(e.Method) + len(e.SourceIP)
	if e.Refusal != nil {
		n += reasonSize(e.Refusal)
	}
	if !e.Allowed {
		for i := range e.Reasons {
			n += reasonSize(&e.Reasons[i])
		}
	} else {
		for i := range e.Reasons {
			n += len(e.Reasons[i].Text)
		}
	}
	return int64(n)
}

func reasonSize(r *authorizer.Reason) int {
	n := 160 + len(r.Text) + len(r.Hint)
	for _, f := range r.Facts {
		n += 56 + len(f.Name) + len(f.Want) + len(f.Got)
	}
	if r.Change != nil {
		n += 64 + len(r.Change.Name) + len(r.Change.Value)
	}
	return n
}

func (s *Step) size() int64 {
	n := 256 + len(s.Text) + len(s.Name)
	for _, f := range s.Facts {
		n += 56 + len(f.Name) + len(f.Want) + len(f.Got)
	}
	for _, c := range s.Statements {
		n += 256 + len(c.Policy) + len(c.Statement) + len(c.Why)
		for _, x := range c.Conditions {
			n += 128 + len(x.Key)
			for _, v := range x.Want {
				n += 16 + len(v)
			}
			for _, v := range x.Got {
				n += 16 + len(v)
			}
		}
	}
	return int64(n)
}
