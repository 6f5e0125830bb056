package doorwright

import (
	"strings"
	"sync"

	"github.com/doorwright/doorwright/internal/console"
)

// How many events of each topic the feed keeps, and how many it lets a listener
// be behind.
const (
	keptFeed   = 500
	feedBehind = 128
	// maxFeedText bounds the text of an event, in bytes: a function's line may have
	// 256 KB. `doorwright logs` has it whole.
	maxFeedText = 8 << 10
)

// feed is what happened lately and who listens to what happens: a console.Feed.
// publish never waits; who is too slow is left behind, and may listen again.
type feed struct {
	mu        sync.Mutex
	seq       uint64                             // guarded by mu, as all below
	kept      map[console.Topic][]*console.Event // rings, once they are full
	next      map[console.Topic]int              // the oldest of each
	listeners map[chan *console.Event]struct{}
}

// newFeed makes a feed whose first event comes after seq. Starting again in the
// same process, a stage goes on after what browsers have seen.
func newFeed(seq uint64) *feed {
	return &feed{seq: seq, kept: map[console.Topic][]*console.Event{}, next: map[console.Topic]int{}, listeners: map[chan *console.Event]struct{}{}}
}

// feedText gives a text as the console shows it, in memory of its own.
func feedText(s string) string {
	if len(s) > maxFeedText {
		s = strings.ToValidUTF8(s[:maxFeedText], "") + "… (cut off here)"
	}
	return withoutColour(s)
}

// publish tells of an event, and whether it changes who may call. The code or link of
// a mail stays out of it.
func (f *feed) publish(e Event, changes bool) {
	shown := &console.Event{Time: e.Time, Kind: string(e.Kind), Source: e.Source, RequestID: e.RequestID, Text: feedText(e.Text), Topic: console.Activity, Changes: changes}
	switch {
	case e.Request != nil:
		r := e.Request
		shown.Topic, shown.Text = console.Requests, "" // Request says it
		shown.Request = &console.Request{
			Method: r.Method, Path: r.Path, Route: r.RouteKey, Status: r.Status, Duration: r.Duration, Refused: r.Refused, Reasons: r.Reasons, Hint: r.Hint, Cause: feedText(r.Cause),
		}
	case e.Kind == KindFunction:
		shown.Topic = console.Logs
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	shown.Seq = f.seq
	if ring := f.kept[shown.Topic]; len(ring) < keptFeed {
		f.kept[shown.Topic] = append(ring, shown)
	} else {
		ring[f.next[shown.Topic]] = shown
		f.next[shown.Topic] = (f.next[shown.Topic] + 1) % keptFeed
	}
	for l := range f.listeners {
		select {
		case l <- shown:
		default:
			delete(f.listeners, l)
			close(l)
		}
	}
}

// Last gives the latest events of a topic.
func (f *feed) Last(topic console.Topic, n int, wanted func(*console.Event) bool) ([]*console.Event, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*console.Event
	ring := f.kept[topic]
	for i := 0; i < len(ring) && len(list) < n; i++ {
		if e := ring[(f.next[topic]+2*len(ring)-1-i)%len(ring)]; wanted(e) {
			list = append(list, e)
		}
	}
	return list, f.seq
}

// Listen gives the events of a topic after seq, and those to come.
func (f *feed) Listen(topic console.Topic, seq uint64) (missed []*console.Event, live <-chan *console.Event, stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ring := f.kept[topic]
	for i := range ring {
		if e := ring[(f.next[topic]+i)%len(ring)]; e.Seq > seq {
			missed = append(missed, e)
		}
	}
	l := make(chan *console.Event, feedBehind)
	f.listeners[l] = struct{}{}
	return missed, l, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, l) // publish has closed it, or nobody will
	}
}

// withoutColour takes out of a text the colours that printable left in it.
func withoutColour(s string) string {
	if !strings.Contains(s, "\x1b") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := colourSequence(s[i:]); n > 0 {
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}
