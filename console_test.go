package doorwright_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/console"
)

// openConsole gives a client that has opened the console, and the console's URL.
func openConsole(t *testing.T, link string) (*http.Client, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		t.Fatalf("the link leads to %s, which is answered %d", res.Request.URL, res.StatusCode)
	}
	base, _, _ := strings.Cut(link, "/open/")
	return client, base
}

// lines gives the lines of a stream until it ends.
func lines(t *testing.T, client *http.Client, url string) <-chan string {
	t.Helper()
	res, err := client.Do(get(t, url))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %d", url, res.StatusCode)
	}
	c := make(chan string)
	go func() { // ends with the stream
		defer res.Body.Close()
		defer close(c)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			c <- s.Text()
		}
	}()
	return c
}

// TestConsoleShowsWhatHappens: the request that was refused comes by the stream, its
// story is there, and the stream ends with Run, which leaves nothing.
func TestConsoleShowsWhatHappens(t *testing.T) {
	before := goroutines()
	r := run(t, doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true, Console: doorwright.NewConsole()})
	link, ok := r.ConsoleLink()
	if !ok {
		t.Fatal("there is no console")
	}
	client, base := openConsole(t, link)
	live := lines(t, client, base+"/events?topic=requests&after=0")
	if first := <-live; first != "retry: 2000" {
		t.Fatalf("the stream begins %q", first)
	}
	request := get(t, r.output("Url")+"/private?access_token=hush")
	res, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	id := res.Header.Get("Apigw-Requestid")
	seen := ""
	for line := range live {
		if seen += line + "\n"; strings.HasSuffix(line, "</li>") {
			break
		}
	}
	for _, text := range []string{"<b>401</b> refused", "/private", "/requests/" + id, "no Authorization header", "send Authorization: Bearer TOKEN"} {
		if !strings.Contains(seen, text) {
			t.Errorf("the stream has no %q:\n%s", text, seen)
		}
	}
	if strings.Contains(seen, "hush") {
		t.Errorf("the stream has a secret:\n%s", seen)
	}
	_, story := askWith(t, client, base+"/requests/"+id)
	x, ok := r.Explain(id)
	if !ok || !strings.Contains(story, x.Verdict) || !strings.Contains(story, "To get in") {
		t.Errorf("the story of %s is\n%s", id, story)
	}
	ended := make(chan error)
	go func() { ended <- r.stop() }()
	for range live { // until it ends
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	if left := leftOver(before); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

func askWith(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	saved := http.DefaultClient
	http.DefaultClient = client
	defer func() { http.DefaultClient = saved }()
	return ask(t, get(t, url))
}

// TestConsoleStaysOpen when a stage starts again in the same process, as it does when
// its declaration is saved: the port is the same, the session is good, and a stream
// goes on after what it has seen.
func TestConsoleStaysOpen(t *testing.T) {
	dir, keys := upstreamApp(t, hello(t).URL, ""), doorwright.NewConsole()
	r := run(t, doorwright.Config{Dir: dir, Console: keys})
	link, _ := r.ConsoleLink()
	unused, _ := r.ConsoleLink()
	client, base := openConsole(t, link)
	ask(t, get(t, r.output("Url")+"/open"))
	last := ""
	for line := range lines(t, client, base+"/events?topic=requests&after=0") {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			last = id
			break
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = run(t, doorwright.Config{Dir: dir, Console: keys})
	if again, _ := r.ConsoleLink(); !strings.HasPrefix(again, base) {
		t.Errorf("the console moved from %s: %s", base, again)
	}
	if status, _ := askWith(t, client, base+"/"); status != http.StatusOK {
		t.Errorf("after the start the session is answered %d", status)
	}
	live := lines(t, client, base+"/events?topic=requests&after="+last)
	ask(t, get(t, r.output("Url")+"/open"))
	for line := range live {
		if strings.HasPrefix(line, "id: ") {
			break
		}
	}
	openConsole(t, unused)

	other := run(t, doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true, Console: doorwright.NewConsole()})
	theirs, _ := other.ConsoleLink()
	otherBase, _, _ := strings.Cut(theirs, "/open/")
	fresh, _ := r.ConsoleLink()
	_, secret, _ := strings.Cut(fresh, "/open/")
	if status, _ := ask(t, get(t, otherBase+"/open/"+secret)); status != http.StatusForbidden {
		t.Errorf("one stage's link at another's console: %d", status)
	}
}

// TestConsoleLinkOfARunningStage is what `doorwright console` prints.
func TestConsoleLinkOfARunningStage(t *testing.T) {
	dir := upstreamApp(t, hello(t).URL, "")
	if _, err := doorwright.ReadConsoleLink(t.Context(), dir, "dev"); err == nil {
		t.Error("a stage that never ran gives a link")
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Console: doorwright.NewConsole()})
	link, err := doorwright.ReadConsoleLink(t.Context(), dir, "dev")
	if err != nil {
		t.Fatal(err)
	}
	openConsole(t, link)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	run(t, doorwright.Config{Dir: dir, AnyPort: true})
	if link, err := doorwright.ReadConsoleLink(t.Context(), dir, "dev"); err == nil || !strings.Contains(err.Error(), "without the console") {
		t.Errorf("a stage without a console gives %q, %v", link, err)
	}
}

// TestFeedIsBounded: neither requests nor who listens and does not read make it grow,
// and nobody waits for them.
func TestFeedIsBounded(t *testing.T) {
	f := doorwright.NewFeed(1)
	_, live, stop := f.Listen("requests", 0)
	defer stop()
	for i := range 2000 {
		f.Publish(doorwright.Event{Kind: doorwright.KindRequest, Time: time.Now(), Text: "\x1b[31mred\x1b[0m", Request: &doorwright.Request{Path: fmt.Sprint(i)}, Secret: "hush"})
		f.Publish(doorwright.Event{Kind: doorwright.KindFunction, Text: "\x1b[31mred\x1b[0m", Secret: "hush"})
	}
	n := 0
	for range live { // it was closed
		n++
	}
	if n != 128 {
		t.Errorf("who did not read was sent %d events", n)
	}
	events, seq := f.Last("requests", 5000, func(*doorwright.FeedEvent) bool { return true })
	if len(events) != 500 || events[0].Request.Path != "1999" || events[499].Request.Path != "1500" || seq != 4001 {
		t.Errorf("%d events are kept, to %d: %+v", len(events), seq, events[0])
	}
	if lines, _ := f.Last("logs", 1, func(*doorwright.FeedEvent) bool { return true }); lines[0].Text != "red" {
		t.Errorf("a line is %q", lines[0].Text)
	}
	missed, _, leave := f.Listen("requests", events[2].Seq)
	defer leave()
	if len(missed) != 2 || missed[1].Request.Path != "1999" {
		t.Errorf("after the third latest %d were missed", len(missed))
	}
}

// TestFeedCutsLongLines tells of more and longer lines than the console keeps: of each there
// is the beginning.
func TestFeedCutsLongLines(t *testing.T) {
	f := doorwright.NewFeed(0)
	last := func(topic console.Topic) []*console.Event {
		list, _ := f.Last(topic, 1000, func(*console.Event) bool { return true })
		return list
	}
	line := "\x1b[31m" + strings.Repeat("é", 128<<10)
	for i := range 600 {
		f.Publish(doorwright.Event{Kind: doorwright.KindFunction, Text: line, Time: time.Unix(int64(i), 0)})
		f.Publish(doorwright.Event{Kind: doorwright.KindRequest, Request: &doorwright.Request{Cause: line}})
	}
	size, kept := 0, last(console.Logs)
	for _, e := range append(kept, last(console.Requests)...) {
		size += len(e.Text)
		if e.Request != nil {
			size += len(e.Request.Cause)
		}
	}
	if len(kept) != 500 || kept[0].Time.Unix() != 599 || size > 10<<20 {
		t.Errorf("%d lines are kept, %d bytes in all", len(kept), size)
	}
	if text := kept[0].Text; !strings.HasPrefix(text, "éé") || !strings.HasSuffix(text, "é… (cut off here)") {
		t.Errorf("a line is shown as %.20q to %q", text, text[len(text)-40:])
	}
}
