package console

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of the event stream.
const (
	maxListeners = 32
	heartbeat    = 15 * time.Second
	// sendTimeout is how long a client may take to accept an event.
	sendTimeout = 10 * time.Second
)

// topics says by which template of which page each topic's events are shown, and
// which of them a query asks for.
var topics = map[Topic]struct {
	of             Topic // whose events they are
	page, fragment string
	wanted         func(url.Values) func(*Event) bool
	// first is an event to begin with, or nil.
	first func(c *Console, query url.Values, after uint64) *Event
}{
	Requests: {of: Requests, page: "requests", fragment: "request", wanted: wantedRequests},
	Logs:     {of: Logs, page: "functions", fragment: "line", wanted: wantedLines},
	Activity: {of: Activity, page: "activity", fragment: "happening", wanted: func(url.Values) func(*Event) bool { return anything }},
	Mails:    {of: Activity, page: "mailbox", fragment: "mail", wanted: func(url.Values) func(*Event) bool { return anything }},
	Changes:  {of: Activity, page: "matrix", fragment: "happening", wanted: wantedChanges, first: (*Console).outdated},
}

func anything(*Event) bool { return true }

type stopKey struct{}

// WithStop lets the streams of a request end with stop: a server that ends waits
// for what is in flight, and a stream would never end by itself.
func WithStop(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// stream sends what happens as it happens, as fragments of a page (server-sent
// events, https://html.spec.whatwg.org/multipage/server-sent-events.html). It ends
// when the client goes, the stage ends or the session does.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	topic, ok := topics[Topic(query.Get("topic"))]
	after, err := strconv.ParseUint(query.Get("after"), 10, 64)
	if last := r.Header.Get("Last-Event-ID"); last != "" { // it was here before
		after, err = strconv.ParseUint(last, 10, 64)
	}
	name := Topic(query.Get("topic"))
	if !ok || err != nil || r.Method != http.MethodGet || name == Mails && !hasMailbox(&c.cfg) {
		c.fail(w, r, invalid("There is no such stream."))
		return
	}
	if c.listeners.Add(1) > maxListeners {
		c.listeners.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Too many pages listen.", http.StatusServiceUnavailable)
		return
	}
	defer c.listeners.Add(-1)
	stopped := make(<-chan struct{})
	if stop, ok := r.Context().Value(stopKey{}).(context.Context); ok {
		stopped = stop.Done()
	}
	s := &sender{c: c, w: w, control: http.NewResponseController(w), page: topic.page, fragment: topic.fragment, topic: topic.of, wanted: topic.wanted(query)}
	session, from := visitorOf(r), after
	if name == Mails { // after is a message's Number: the events do no more than wake it
		s.mailbox, s.next, s.csrf = true, after, session.csrf
		from = math.MaxUint64
	}
	missed, live, leave := c.cfg.Feed.Listen(topic.of, from)
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	_ = s.control.SetReadDeadline(time.Time{}) // the server's would end it; a recorder has none
	if !s.send([]byte("retry: 2000\n\n")) {
		return
	}
	if s.mailbox && !s.mails() {
		return
	}
	if topic.first != nil {
		if e := topic.first(c, query, after); e != nil && !s.event(e) {
			return
		}
	}
	for _, e := range missed {
		if !s.event(e) {
			return
		}
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-stopped:
			return
		case e, ok := <-live:
			if !ok || !c.cfg.Keys.alive(session.session) || !s.event(e) { // too slow: it comes again, and asks for what it missed
				return
			}
		case <-beat.C:
			if !c.cfg.Keys.alive(session.session) || !s.send([]byte(":\n\n")) {
				return
			}
		}
	}
}

// sender writes one stream.
type sender struct {
	c              *Console
	w              http.ResponseWriter
	control        *http.ResponseController
	page, fragment string
	topic          Topic
	wanted         func(*Event) bool
	// mailbox says that it shows messages and not events: next is the Number of the next
	// one, and csrf the token of their forms.
	mailbox bool
	next    uint64
	csrf    string
}

// event sends an event that is wanted, and says whether the client takes more.
func (s *sender) event(e *Event) bool {
	if s.mailbox {
		return e.Kind != KindCode || s.mails()
	}
	if e.Topic != s.topic || !s.wanted(e) {
		return true
	}
	var fragment bytes.Buffer
	if err := s.c.render(&fragment, s.page, s.fragment, e); err != nil {
		s.c.cfg.Log("showing an event: " + err.Error())
		return false
	}
	return s.data(e.Seq, fragment.Bytes())
}

// lineEnds makes one of all that ends a line of an event stream: a text cannot go on as
// another field.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// data sends a fragment under an id with which a client comes again.
func (s *sender) data(id uint64, fragment []byte) bool {
	b := append([]byte("id: "), strconv.FormatUint(id, 10)...)
	b = append(b, '\n')
	for line := range strings.Lines(lineEnds.Replace(string(fragment))) {
		b = append(b, "data: "...)
		b = append(b, strings.TrimSuffix(line, "\n")...)
		b = append(b, '\n')
	}
	return s.send(append(b, '\n'))
}

func (s *sender) send(b []byte) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.control.Flush() == nil
}
