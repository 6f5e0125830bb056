package explain

import (
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

// A Record is what a room left of one request: Entry or Operation.
type Record struct {
	// Source is the API, or the service.
	Source string
	// Entry is a request to an API.
	Entry *gateway.Entry
	// Operation is a request to any other service.
	Operation *Operation
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

	mu      sync.Mutex
	records []kept // guarded by mu, as all below; the oldest at next if it is full
	next    int
	bytes   int64
	byID    map[string]int
}

type kept struct {
	Record
	size int64
}

// NewRing gives a ring of so many requests and bytes. It takes memory as it fills.
func NewRing(requests int, bytes int64) *Ring {
	return &Ring{requests: requests, most: bytes}
}

func (r Record) id() string {
	if r.Entry != nil {
		return r.Entry.RequestID
	}
	return r.Operation.RequestID
}

// Add keeps a record, which must not change any more, in the place of the oldest.
func (r *Ring) Add(rec Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) < r.requests {
		r.records = append(r.records, kept{Record: rec})
		return
	}
	r.records[r.next] = kept{Record: rec}
	r.next = (r.next + 1) % len(r.records)
}

// Find gives the record of a request, by its id or the beginning of it.
func (r *Ring) Find(requestID string) (Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.records {
		if strings.HasPrefix(k.id(), requestID) {
			return k.Record, true
		}
	}
	return Record{}, false
}

// Last gives the last n records, the newest first.
func (r *Ring) Last(n int) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Record
	for i := range min(n, len(r.records)) {
		list = append(list, r.records[(r.next+2*len(r.records)-1-i)%len(r.records)].Record)
	}
	return list
}

// Explain puts a record into words.
func (r *Ring) Explain(rec Record) *Explanation { return Of(rec) }
