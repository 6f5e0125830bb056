package explain_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
)

var million = flag.Bool("million", false, "fill the ring with a million requests")

func entry(id string) explain.Record {
	return explain.Record{Source: "Api", Entry: &gateway.Entry{RequestID: id, Method: "GET", Path: "/" + id, Status: 401, Time: time.Unix(1, 0)}}
}

// TestRingKeepsTheLast keeps so many requests, and finds them by the beginning of an id.
func TestRingKeepsTheLast(t *testing.T) {
	r := explain.NewRing(50, 1<<20)
	for i := range 200 {
		r.Add(entry(fmt.Sprintf("%03d-id", i)))
	}
	if n, _ := r.Len(); n != 50 {
		t.Errorf("%d requests are kept, want 50", n)
	}
	last := r.Last(3)
	if len(last) != 3 || last[0].Entry.RequestID != "199-id" || last[2].Entry.RequestID != "197-id" {
		t.Errorf("the last are %+v", last)
	}
	if n := len(r.Last(1000)); n != 50 {
		t.Errorf("Last(1000) gives %d", n)
	}
	for id, want := range map[string]bool{"150-id": true, "199": true, "149-id": false, "19": false, "": false, "x": false} {
		if _, found := r.Find(id); found != want {
			t.Errorf("Find(%q) is %t", id, found)
		}
	}
	if n := r.Count("19"); n != 10 {
		t.Errorf("%d ids begin with 19, want 10", n)
	}
	r.Add(entry("150-id2")) // a whole id is found though another begins with it
	if rec, found := r.Find("150-id2"); !found || rec.Entry.Path != "/150-id2" {
		t.Error("a whole id is not found")
	}
	if _, found := explain.NewRing(0, 0).Find("x"); found {
		t.Error("an empty ring has something")
	}
}

// TestInvoked has requests to two functions, some of them refused, and an operation.
func TestInvoked(t *testing.T) {
	ring := explain.NewRing(10, 1<<20)
	for i := range 16 { // the first six make room
		e := gateway.Entry{RequestID: fmt.Sprint(i), Function: "f", Allowed: i%4 != 0}
		if i%4 == 1 {
			e.Function = "g"
		}
		ring.AddEntry("Api", &e)
	}
	ring.Add(explain.Record{Operation: &explain.Operation{RequestID: "operation", Allowed: true}})
	for _, tt := range []struct {
		function string
		n        int
		want     string
	}{{"f", 10, "15 14 11 10 7"}, {"f", 2, "15 14"}, {"g", 10, "13 9"}, {"g", 0, ""}, {"h", 10, ""}, {"", 10, ""}} {
		var ids []string
		for _, rec := range ring.Invoked(tt.function, tt.n) {
			ids = append(ids, rec.Entry.RequestID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("Invoked(%q, %d) gives %q, want %q", tt.function, tt.n, got, tt.want)
		}
	}
}

// TestRingIsBoundedInBytes fills a ring far past its bounds with requests that have
// large events, and with the lines of functions.
func TestRingIsBoundedInBytes(t *testing.T) {
	const most = 4 << 20
	n := 4_000
	if *million {
		n = 1_000_000
	}
	w := newWorld(t, most)
	body := strings.Repeat("z ", 20<<10)
	if *million { // some minutes instead of an hour
		body = body[:4<<10]
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		r := httptest.NewRequest("POST", fmt.Sprintf("/notes/%d?token=abc", i), strings.NewReader(body[:len(body)/(1+i%7)]))
		r.Header.Set("Authorization", "Bearer let-me-in")
		if i%3 == 0 {
			r.Header.Del("Authorization")
		}
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		w.ring.Line(fmt.Sprintf("invocation %d", i), body[:i%4000])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	requests, bytes := w.ring.Len()
	if bytes > most || requests < 20 {
		t.Errorf("%d requests of %d bytes are kept, want some, of %d at most", requests, bytes, most)
	}
	// Counted is what is taken: the heap has room for both halves of the garbage.
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2*most {
		t.Errorf("the heap has grown by %d bytes for %d that were counted", grown, bytes)
	}
	runtime.KeepAlive(w)
}

// TestFullRingUsesItsMemoryAgain counts what a request takes of a ring that is full, and
// that the function's log takes: nothing. What was read before stays as it was.
func TestFullRingUsesItsMemoryAgain(t *testing.T) {
	w := newWorld(t, 1<<20)
	var traces []gateway.Trace
	for i := range 4 {
		r := httptest.NewRequest("POST", "/open/1", strings.NewReader(strings.Repeat(fmt.Sprint(i), 1000)))
		r.Header.Set("Content-Type", "text/plain")
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		traces = append(traces, *w.ring.Last(1)[0].Entry.Trace)
	}
	ring := explain.NewRing(101, 1<<20)
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprint("invocation ", i)
	}
	n := 0
	add := func() {
		ring.AddEntry("Api", &gateway.Entry{RequestID: ids[n%1000], Allowed: true, Trace: &traces[n%4]})
		ring.Line(ids[n%1000], "START RequestId: 1")
		ring.Line(ids[n%1000], "password=hunter2 is left out")
		n++
	}
	for range 1000 {
		add()
	}
	old := ring.Last(1)[0]
	event := string(old.Entry.Trace.Function.Event)
	if took := testing.AllocsPerRun(1000, add); took > 0 {
		t.Errorf("a request takes memory %v times", took)
	}
	if requests, _ := ring.Len(); requests != 101 {
		t.Errorf("%d requests are kept", requests)
	}
	if got := string(old.Entry.Trace.Function.Event); got != event || len(event) < 1000 {
		t.Errorf("what was read has become %.100q, was %.100q", got, event)
	}
	if got := ring.Last(4); string(got[0].Entry.Trace.Function.Event) == string(got[1].Entry.Trace.Function.Event) || got[0].Entry.Trace.Function.ID != traces[(n-1)%4].Function.ID {
		t.Error("one request has another's event")
	}
}

// TestRingByManyAtOnce adds and reads from many goroutines. What is kept is never the
// memory of another request.
func TestRingByManyAtOnce(t *testing.T) {
	w := newWorld(t, 64<<20)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				mark := fmt.Sprintf("mark-%d-%d", worker, i)
				r := httptest.NewRequest("POST", "/notes/"+mark, strings.NewReader(`{"note":"`+mark+`"}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer let-me-in")
				r.Header.Set("X-Mark", mark)
				w.gateway.ServeHTTP(httptest.NewRecorder(), r)
				w.ring.Last(2)
			}
		})
	}
	wg.Wait()
	all := w.ring.Last(10_000)
	if len(all) != 1000 {
		t.Fatalf("%d are kept", len(all))
	}
	for _, rec := range all {
		mark := strings.TrimPrefix(rec.Entry.Path, "/notes/")
		event := string(rec.Entry.Trace.Function.Event)
		if n := strings.Count(event, "mark-"); n == 0 || strings.Count(event, mark) != n {
			t.Fatalf("the event of %s is %s", mark, event)
		}
		if reply := string(rec.Entry.Trace.Function.Reply); !strings.Contains(reply, mark) {
			t.Fatalf("the reply of %s is %s", mark, reply)
		}
	}
}

// TestLogsAreBounded gives one function's lines to its request, and keeps the beginning
// of what is too long.
func TestLogsAreBounded(t *testing.T) {
	w := newWorld(t, 1<<20)
	r := httptest.NewRequest("GET", "/notes/1", nil)
	r.Header.Set("Authorization", "Bearer let-me-in")
	w.gateway.ServeHTTP(httptest.NewRecorder(), r)
	rec := w.ring.Last(1)[0]
	id := rec.Entry.Trace.Function.ID
	w.ring.Line(id, "first")
	w.ring.Line("", "nobody's")
	w.ring.Line("another", "somebody else's")
	for range 10_000 {
		w.ring.Line(id, strings.Repeat("x", 100))
	}
	x := w.ring.Explain(rec)
	size := 0
	for _, l := range x.Function.Log {
		size += len(l)
	}
	if n := len(x.Function.Log); n == 0 || x.Function.Log[0] != "first" || n > 1000 || size > 32<<10 {
		t.Errorf("%d lines of %d bytes, the first %.40q", n, size, x.Function.Log)
	}
	if strings.Contains(x.Text(), "somebody") || strings.Contains(x.Text(), "nobody") {
		t.Error("lines of others are told")
	}
	for i := range 5000 {
		w.ring.Line(fmt.Sprint("invocation ", i), "line")
	}
	if _, bytes := w.ring.Len(); bytes > 1<<20 {
		t.Errorf("%d bytes are kept", bytes)
	}
}

// TestTextActsOnNoTerminal sends control characters in each place where a text may hold
// what was sent.
func TestTextActsOnNoTerminal(t *testing.T) {
	const evil = "\x1b]0;title\x07\r\n\x9b31m\u202egnp\u0000\u0085\ttab\xff"
	e := gateway.Entry{
		RequestID: evil, Method: evil, Path: evil, RouteKey: evil, Authorizer: evil, Status: 403, Err: errors.New(evil),
		Reasons: []authorizer.Reason{{
			Text: evil, Hint: evil, Facts: []authorizer.Fact{{Name: evil, Want: evil, Got: evil}}, Change: &authorizer.Change{Name: evil, Value: evil},
		}},
	}
	x := explain.Of(explain.Record{Source: evil, Entry: &e})
	x.Steps = append(x.Steps, explain.Step{
		Kind: evil, Name: evil, Outcome: evil, Text: evil + "\n" + evil, Facts: []authorizer.Fact{{Name: evil, Got: evil}},
		Function: &explain.Invocation{Function: evil, Event: evil, Reply: evil, Error: evil, Log: []string{evil}},
	})
	x.Function = x.Steps[len(x.Steps)-1].Function
	for _, c := range x.Text() {
		if c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 || c == '\u202e' || c == '\ufffd' {
			t.Fatalf("the text has %+q:\n%q", c, x.Text())
		}
	}
	if !strings.Contains(x.Text(), `\x1b]0;title`) {
		t.Errorf("what was sent is not shown:\n%s", x.Text())
	}
}

// TestKeysOnSeveralLines has a function log a private key, as libraries write one, and go
// on; and one that is not ended.
func TestKeysOnSeveralLines(t *testing.T) {
	w := newWorld(t, 1<<20)
	r := httptest.NewRequest("GET", "/open/1", nil)
	w.gateway.ServeHTTP(httptest.NewRecorder(), r)
	rec := w.ring.Last(1)[0]
	id := rec.Entry.Trace.Function.ID
	for _, line := range []string{
		"before", "key: -----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,S3CR3T", "", "MIIES3CR3T+/", "  S3CR3T==", "-----END RSA PRIVATE KEY-----", "between",
		"-----BEGIN PRIVATE KEY-----S3CR3T-----END PRIVATE KEY-----", "BETWEEN2", "-----BEGIN PRIVATE KEY-----", "S3CR3T", "END RequestId: " + id, "after",
	} {
		w.ring.Line(id, line)
	}
	text := w.ring.Explain(rec).Text()
	for _, seen := range []string{"before", "between", "BETWEEN2", "END RequestId", "after"} {
		if !strings.Contains(text, seen) {
			t.Errorf("%s is left out of %s", seen, text)
		}
	}
	if strings.Contains(text, "S3CR3T") {
		t.Errorf("a key is told: %s", text)
	}
}

// TestKeyEndsWithItsInvocation has an invocation end in the middle of a private key, and the
// next ones, to which its memory goes, log what might be another line of it.
func TestKeyEndsWithItsInvocation(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.gateway.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/open/1", nil))
	entry := *w.ring.Last(1)[0].Entry
	ring := explain.NewRing(1, 1<<20)
	for i := range 10 {
		entry.Trace.Function.ID = fmt.Sprint("invocation ", i)
		ring.AddEntry("Api", &entry)
		ring.Line(entry.Trace.Function.ID, "seen")
		if text := ring.Explain(ring.Last(1)[0]).Text(); !strings.Contains(text, "seen") {
			t.Errorf("the log of the invocation %d has become %s", i, text)
		}
		ring.Line(entry.Trace.Function.ID, "-----BEGIN PRIVATE KEY-----")
		ring.Line(entry.Trace.Function.ID, "MIIES3CR3T")
	}
}
