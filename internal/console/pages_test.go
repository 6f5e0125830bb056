package console_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/explain"
)

func contains(t *testing.T, what, body string, all ...string) {
	t.Helper()
	for _, text := range all {
		if !strings.Contains(body, text) {
			t.Errorf("%s does not have %q:\n%s", what, text, body)
		}
	}
}

// TestOverview shows every route with who may call it, and the latest requests.
func TestOverview(t *testing.T) {
	w := newWorld(t, nil)
	w.feed.add(w.refused(401, "/unicorns"))
	a := w.opened().get(w.url+"/", nil)
	contains(t, "the overview", a.body, "GET /unicorns", "users <i>user pool</i>", "list:unicorn", "src/list.handler", "open to everybody",
		"API key", "pools.Riders", "REST API", "http://localhost:3101/dev", `href="/requests/refused-1"`, "<b>401</b> refused", "no token &lt;b&gt;", "send one",
		`data-live="/events?after=1&amp;topic=requests"`, `aria-current="page"`, `href="#main"`)
}

// TestRequestsAreFiltered in the page and in what is live.
func TestRequestsAreFiltered(t *testing.T) {
	w := newWorld(t, nil)
	w.feed.add(w.refused(401, "/unicorns"))
	w.feed.add(w.refused(200, "/open"))
	w.feed.add(w.refused(502, "/broken"))
	b := w.opened()
	for query, want := range map[string]string{
		"": "/broken /open /unicorns", "status=refused": "/unicorns", "status=failed": "/broken", "status=passed": "/open", "status=401": "/unicorns",
		"route=GET+%2Fopen": "/open", "api=Api": "/broken /open /unicorns", "api=Other": "", "api=Api&status=502": "/broken",
	} {
		body := b.get(w.url+"/requests?"+query, nil).body
		var got []string
		for _, part := range strings.Split(body, `<span class="path">`)[1:] {
			path, _, _ := strings.Cut(part, "<")
			got = append(got, path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s shows %v, want %s", query, got, want)
		}
		values, _ := url.ParseQuery(query)
		if values.Get("status") != "" && !strings.Contains(body, "&amp;status="+values.Get("status")) {
			t.Errorf("%s: what is live is not filtered", query)
		}
	}
}

// TestStory shows all that an explanation has, and runs none of it.
func TestStory(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	a := b.get(w.url+"/requests/refused-1", nil)
	if a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	contains(t, "the story", a.body, "refused by authorizer users", "To get in", "request scope list:unicorn at login", "at login",
		"matches &lt;script&gt;alert(1)&lt;/script&gt;", "list:unicorn", "&#34;openid&#34;", "differs", "matches", "not reached", "Riders", "leading key differs", "decides",
		"&#34;a&#34;: 1", "not JSON", "it failed", "one\ntwo", "refused-1", "1.50 ms", `data-copy="told"`,
		"curl -i -H &#34;Authorization: Bearer $TOKEN&#34; &#39;http://localhost:3100/unicorns?a=&#39;\\&#39;&#39;b&#39;\\&#39;&#39;&#39;")
	x, _ := stories("refused-1")
	contains(t, "the text", a.body, "<pre id=\"told\" tabindex=\"0\" aria-labelledby=\"text-title\">"+html.EscapeString(x.Text()))
	if a := b.get(w.url+"/requests/gone", nil); a.status != http.StatusNotFound {
		t.Errorf("a request that is not kept: %d", a.status)
	}
}

// events reads a stream, message by message.
func (b *browser) events(t *testing.T, ctx context.Context, query string, header map[string]string) (next func() string, status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.w.url+"/events?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	in := bufio.NewReader(res.Body)
	return func() string {
		var message strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return message.String() + "ended"
			}
			if line == "\n" {
				return message.String()
			}
			message.WriteString(line)
		}
	}, res.StatusCode
}

// untilListen waits until so many listen, or the test's own time ends.
func (w *world) untilListen(n int) {
	for w.feed.listening() != n {
		runtime.Gosched()
	}
}

// TestStream sends what was missed and what comes, filtered, as the page shows it,
// and ends when the client goes and when the stage does.
func TestStream(t *testing.T) {
	w := newWorld(t, nil)
	w.feed.add(w.refused(401, "/seen"))
	w.feed.add(w.refused(401, "/missed"))
	b := w.opened()
	ctx, leave := context.WithCancel(t.Context())
	next, status := b.events(t, ctx, "topic=requests&after=1&status=refused", nil)
	if first := next(); status != http.StatusOK || !strings.HasPrefix(first, "retry: ") {
		t.Fatalf("%d %q", status, first)
	}
	missed := next()
	contains(t, "what was missed", missed, "id: 2\n", "data: <li class=\"row refused\">\n", "/missed", "no token &lt;b&gt;")
	for _, line := range strings.Split(strings.TrimSuffix(missed, "\n"), "\n") {
		if !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "id: ") {
			t.Errorf("a line that is not the event's: %q", line)
		}
	}
	w.feed.add(w.refused(200, "/passed"))
	w.feed.add(console.Event{Topic: console.Activity, Kind: "pool", Text: "SignUp"})
	w.feed.add(w.refused(403, "/came"))
	contains(t, "what came", next(), "id: 5\n", "/came")

	again, _ := b.events(t, t.Context(), "topic=requests&after=0", map[string]string{"Last-Event-ID": "3"})
	again()
	contains(t, "who comes again", again(), "id: 5\n")
	w.untilListen(2)
	leave()
	w.untilListen(1)
	w.stop()
	if got := again(); got != "ended" {
		t.Errorf("after the stage has ended: %q", got)
	}
	w.untilListen(0)
}

// TestListenersAreBounded: pages that nobody closes do not take the stage's memory.
func TestListenersAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	ctx, leave := context.WithCancel(t.Context())
	for i := range 32 {
		if _, status := b.events(t, ctx, "topic=requests&after=0", nil); status != http.StatusOK {
			t.Fatalf("listener %d: %d", i+1, status)
		}
	}
	if _, status := b.events(t, t.Context(), "topic=requests&after=0", nil); status != http.StatusServiceUnavailable {
		t.Errorf("listener 33: %d", status)
	}
	leave()
	w.untilListen(0)
	if _, status := b.events(t, t.Context(), "topic=requests&after=0", nil); status != http.StatusOK {
		t.Errorf("once they have left: %d", status)
	}
	for _, query := range []string{"", "topic=x&after=0", "topic=requests", "topic=requests&after=x"} {
		if _, status := b.events(t, t.Context(), query, nil); status != http.StatusBadRequest {
			t.Errorf("%q: %d", query, status)
		}
	}
}

// recorder is one that may be read while it is written.
type recorder struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ResponseRecorder.Write(p)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Body.String()
}

// TestStreamBeats, so that who has gone is noticed, and ends with the session.
func TestStreamBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{listeners: map[chan *console.Event]bool{}}
		c, err := console.New(console.Config{Stack: "dev-x", Port: 4560, Keys: console.NewKeyring(time.Now), Feed: f})
		if err != nil {
			t.Fatal(err)
		}
		opened := httptest.NewRecorder()
		c.ServeHTTP(opened, httptest.NewRequest(http.MethodGet, c.Link(), nil))
		cookie := opened.Result().Cookies()[0]
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4560/events?topic=requests&after=0", nil)
		r.AddCookie(cookie)
		stream := &recorder{ResponseRecorder: httptest.NewRecorder()}
		var ended atomic.Bool
		go func() { // ends with its session
			c.ServeHTTP(stream, r)
			ended.Store(true)
		}()
		time.Sleep(time.Hour) // of the bubble
		synctest.Wait()
		if got := stream.text(); got != "retry: 2000\n\n"+strings.Repeat(":\n\n", 240) || ended.Load() {
			t.Errorf("an hour of a stream is %d bytes, and it has ended: %v", len(got), ended.Load())
		}
		time.Sleep(11*time.Hour + time.Minute)
		synctest.Wait()
		if !ended.Load() {
			t.Error("the stream goes on after its session")
		}
	})
}

// TestNew refuses what could not be served.
func TestNew(t *testing.T) {
	keys, f := console.NewKeyring(nil), &feed{}
	for name, cfg := range map[string]console.Config{
		"no keys": {Feed: f, Port: 1}, "no feed": {Keys: keys, Port: 1}, "no port": {Keys: keys, Feed: f},
	} {
		if c, err := console.New(cfg); err == nil || c != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := console.New(console.Config{Keys: keys, Feed: f, Port: 1}); err != nil {
		t.Error(err)
	}
}

// TestFunctions: their logs, their last requests, and running one again.
func TestFunctions(t *testing.T) {
	var sent []string
	w := newWorld(t, func(cfg *console.Config) {
		cfg.Functions = console.Functions{
			List: func() []console.Function {
				return []console.Function{{Name: "dev-app-list", Handler: "src/list.handler", Kind: "node", Timeout: 3 * time.Second, MemorySize: 128, Uses: []string{"GET /unicorns"}}, {Name: "dev-app-other", Handler: "src/other.handler"}}
			},
			Invocations: func(function string, n int) []*explain.Explanation {
				x, _ := stories("refused-1")
				x.Function = x.Steps[2].Function
				return []*explain.Explanation{x}
			},
			Invoke: func(ctx context.Context, function string, event []byte) ([]byte, string, error) {
				sent = append(sent, function+" "+string(event))
				if _, limited := ctx.Deadline(); !limited {
					t.Error("nothing ends an invocation")
				}
				switch {
				case strings.Contains(string(event), "deep"):
					return []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), "", nil
				case strings.Contains(string(event), "large"):
					return bytes.Repeat([]byte("x"), 1<<20), "", nil
				case strings.Contains(string(event), "broken"):
					return nil, "", errors.New("it did not start")
				}
				return []byte(`{"statusCode":200}`), "Unhandled", nil
			},
		}
	})
	w.feed.add(console.Event{Topic: console.Logs, Kind: "function", Source: "src/list.handler", Text: "first <line>"})
	w.feed.add(console.Event{Topic: console.Logs, Kind: "function", Source: "src/other.handler", Text: "of another"})
	b := w.opened()
	contains(t, "the list", b.get(w.url+"/functions", nil).body, "src/list.handler", "GET /unicorns", "first &lt;line&gt;", "of another", "topic=logs")
	page := b.get(w.url+"/functions/dev-app-list", nil).body
	contains(t, "the function", page, "first &lt;line&gt;", "/requests/refused-1", "?event=refused-1#invoke", "{\n  &#34;a&#34;: 1\n}", "function=src%2Flist.handler")
	if strings.Contains(page, "of another") {
		t.Error("a function's page has the log of another")
	}
	next, _ := b.events(t, t.Context(), "topic=logs&after=0&function=src%2Fother.handler", nil)
	next()
	contains(t, "the live log", next(), "id: 2\n", "of another")

	all, _ := b.events(t, t.Context(), "topic=logs&after=1", nil)
	all()
	all()
	w.feed.add(console.Event{Topic: console.Activity, Kind: "pool", Source: "Users", Text: "no line of a log"})
	w.feed.add(console.Event{Topic: console.Logs, Kind: "function", Source: "src/list.handler", Text: "another line"})
	contains(t, "the live log of all", all(), "id: 4\n", "another line")

	invoke := func(name, event string) string {
		t.Helper()
		a := b.post("/functions/"+name+"/invoke", url.Values{"csrf": {b.token()}, "event": {event}}, map[string]string{"Origin": w.url})
		if a.status != http.StatusSeeOther || strings.TrimSuffix(a.header.Get("Location"), "#invoked") != "/functions/"+name {
			t.Errorf("invoking %s: %d to %s", name, a.status, a.header.Get("Location"))
		}
		return b.get(w.url+"/functions/"+name, nil).body
	}
	contains(t, "the reply", invoke("dev-app-list", "{\"b\":\r\n2}"), "&#34;statusCode&#34;: 200", "Unhandled", "{&#34;b&#34;:\n2}", `role="status">Invoked src/list.handler.`)
	contains(t, "the failure", invoke("dev-app-list", `"broken"`), "it did not start")
	contains(t, "no JSON", invoke("dev-app-list", "{no"), `role="alert">The event is not JSON`, "{no")
	if again := b.get(w.url+"/functions/dev-app-list", nil).body; strings.Contains(again, "not JSON") {
		t.Error("what a form has brought is said twice")
	}
	if large := invoke("dev-app-list", `"large"`); len(large) > 200<<10 || !strings.Contains(large, "(cut off here)") {
		t.Errorf("a large reply makes a page of %d bytes", len(large))
	}
	if deep := invoke("dev-app-list", `"deep"`); len(deep) > 100<<10 || strings.Contains(deep, "(cut off here)") || !strings.Contains(deep, "[[[") {
		t.Errorf("a reply that is nested deeply makes a page of %d bytes", len(deep))
	}
	if want := []string{"dev-app-list {\"b\":\r\n2}", `dev-app-list "broken"`, `dev-app-list "large"`, `dev-app-list "deep"`}; !slices.Equal(sent, want) {
		t.Errorf("sent %q", sent)
	}
	if a := b.post("/functions/dev-app-list/invoke", url.Values{"event": {"{}"}}, map[string]string{"Origin": w.url}); a.status != http.StatusForbidden || len(sent) != 4 {
		t.Errorf("without a token: %d", a.status)
	}
	for _, a := range []answer{b.get(w.url+"/functions/none", nil), b.post("/functions/none/invoke", url.Values{"csrf": {b.token()}, "event": {"{}"}}, map[string]string{"Origin": w.url})} {
		if a.status != http.StatusNotFound {
			t.Errorf("a function that there is not: %d", a.status)
		}
	}
	if a := newWorld(t, nil).opened().get(w.url+"/functions", nil); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
		t.Errorf("without functions: %d", a.status)
	}
}

// TestFailure: what a page cannot show is told to the log, and not to the page.
func TestFailure(t *testing.T) {
	var logged []string
	w := newWorld(t, func(cfg *console.Config) {
		cfg.Story = func(string) (*explain.Explanation, bool) { panic("the cause") }
		cfg.Log = func(text string) { logged = append(logged, text) }
	})
	a := w.opened().get(w.url+"/requests/x", nil)
	if a.status != http.StatusInternalServerError || strings.Contains(a.body, "the cause") || len(logged) != 1 || !strings.Contains(logged[0], "the cause") {
		t.Errorf("%d %s %q", a.status, a.body, logged)
	}
}
