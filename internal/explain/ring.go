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
	logs    logs
}

type kept struct {
	Record
	size int64
}

// NewRing gives a ring of so many requests and bytes, a quarter of which is for what
// functions log. It takes memory as it fills.
func NewRing(requests int, bytes int64) *Ring {
	return &Ring{requests: requests, most: bytes - bytes/4, logs: logs{most: bytes / 4, invocations: 2 * requests}}
}

func (r Record) id() string {
	switch {
	case r.Entry != nil:
		return r.Entry.RequestID
	case r.Operation != nil:
		return r.Operation.RequestID
	}
	return ""
}

// Add keeps a record, in the place of the oldest if there is no room. The entry is the
// ring's from then on, and what else it refers to must not change any more.
func (r *Ring) Add(rec Record) {
	rec.settle()
	k := kept{rec, rec.size()}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count > 0 && (r.count == r.requests || r.bytes+k.size > r.most) {
		r.drop()
	}
	if r.requests < 1 || k.size > r.most {
		return
	}
	if r.count == len(r.records) {
		r.grow()
	}
	r.records[(r.first+r.count)%len(r.records)] = k
	r.count++
	r.bytes += k.size
}

// drop lets go of the oldest record. The caller holds mu.
func (r *Ring) drop() {
	r.bytes -= r.records[r.first].size
	r.records[r.first] = kept{}
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
	line := gateway.RedactLine(text, r.names)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs.add(invocation, line)
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
	for i := range r.count {
		k := &r.records[(r.first+i)%len(r.records)]
		switch id := k.id(); {
		case id == requestID:
			return k.Record, 1
		case strings.HasPrefix(id, requestID):
			found = k.Record
			matches++
		}
	}
	return found, matches
}

// Last gives the last n records, the newest first.
func (r *Ring) Last(n int) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Record
	for i := range min(n, r.count) {
		list = append(list, r.records[(r.first+r.count-1-i)%len(r.records)].Record)
	}
	return list
}

// Explain puts a record into words, with what its functions have logged.
func (r *Ring) Explain(rec Record) *Explanation {
	x := Of(rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.Function != nil {
		x.Function.Log = r.logs.of(x.Function.RequestID)
	}
	for _, s := range x.Steps {
		if s.Function != nil {
			s.Function.Log = r.logs.of(s.Function.RequestID)
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
	e := r.Entry
	if e.Err != nil {
		r.cause = string(gateway.Redact([]byte(e.Err.Error())))
	}
	r.panicked = e.Stack != ""
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

// size is about how many bytes a record takes.
func (r *Record) size() int64 {
	const own = 512
	if o := r.Operation; o != nil {
		n := own + o.Size + int64(len(o.Name)+len(o.Caller)+len(o.Resource)+len(o.Verdict))
		for i := range o.Steps {
			n += o.Steps[i].size()
		}
		for _, a := range o.Advice {
			n += int64(len(a.Text)) + 128
		}
		return n
	}
	e := r.Entry
	n := own + len(r.cause) + len(e.Path) + len(e.Method) + len(e.SourceIP)
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
	if e.Trace != nil {
		n += e.Trace.Size()
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
