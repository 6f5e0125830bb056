package console_test

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/iam"
)

// secretOfStage is in everything that only who has opened the console may see.
const secretOfStage = "unicorn"

// feed is a console.Feed that a test fills.
type feed struct {
	mu        sync.Mutex
	events    []*console.Event
	listeners map[chan *console.Event]bool
}

func (f *feed) Last(topic console.Topic, n int, wanted func(*console.Event) bool) ([]*console.Event, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*console.Event
	for i := len(f.events) - 1; i >= 0 && len(list) < n; i-- {
		if e := f.events[i]; e.Topic == topic && wanted(e) {
			list = append(list, e)
		}
	}
	return list, uint64(len(f.events))
}

func (f *feed) Listen(topic console.Topic, seq uint64) (missed []*console.Event, live <-chan *console.Event, stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Topic == topic && e.Seq > seq {
			missed = append(missed, e)
		}
	}
	c := make(chan *console.Event, 16)
	f.listeners[c] = true
	return missed, c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, c)
	}
}

func (f *feed) add(e console.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Seq = uint64(len(f.events) + 1)
	f.events = append(f.events, &e)
	for c := range f.listeners {
		c <- &e
	}
}

func (f *feed) listening() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.listeners)
}

// world is a console that is served, and a clock to put forward.
type world struct {
	t       *testing.T
	feed    *feed
	keys    *console.Keyring
	console *console.Console
	stop    context.CancelFunc
	url     string
	mu      sync.Mutex
	now     time.Time
	logged  []string
}

func newWorld(t *testing.T, change func(*console.Config)) *world {
	t.Helper()
	w := &world{t: t, feed: &feed{listeners: map[chan *console.Event]bool{}}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	clock := func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }
	w.keys = console.NewKeyring(clock)
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.console.ServeHTTP(rw, r.WithContext(console.WithStop(r.Context(), ctx)))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(stop) // first
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	cfg := console.Config{
		Stack: "dev-" + secretOfStage, Port: port, Keys: w.keys, Now: clock, Feed: w.feed,
		Routes: func() []console.Route { return routes },
		Story:  stories,
		Log:    func(text string) { w.mu.Lock(); defer w.mu.Unlock(); w.logged = append(w.logged, text) },
	}
	if change != nil {
		change(&cfg)
	}
	if w.console, err = console.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	t.Cleanup(func() {
		for _, text := range w.logged {
			t.Errorf("the console could not show a page: %s", text)
		}
	})
	return w
}

var routes = []console.Route{
	{API: "Api", Protocol: "http", URL: "http://localhost:3100", Key: "GET /unicorns", Authorizer: "users", Type: "user_pool", Scopes: []string{"list:unicorn"}, Target: "src/list.handler"},
	{API: "Api", Protocol: "http", URL: "http://localhost:3100", Key: "GET /open", Authorizer: "none", Type: "none", Target: "http://localhost:9000/"},
	{API: "Stamps", Protocol: "rest", URL: "http://localhost:3101/dev", Key: "POST /stamps", Authorizer: "iam", Type: "iam", APIKeyRequired: true, Callers: []string{"pools.Riders"}, Target: "src/stamp.handler"},
}

func stories(id string) (*explain.Explanation, bool) {
	if id != "refused-1" {
		return nil, false
	}
	return &explain.Explanation{
		RequestID: id, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "Api", Method: "GET", Path: "/unicorns?a='b'", Route: "GET /unicorns", Status: 403,
		Verdict: "refused by authorizer users", Duration: 1500 * time.Microsecond,
		Steps: []explain.Step{
			{Kind: "route", Name: "GET /unicorns", Outcome: explain.Passed, Text: "matches <script>alert(1)</script>"},
			{Kind: "authorizer", Name: "users", Outcome: explain.Refused, Text: "the token has none of the scopes", Facts: []authorizer.Fact{{Name: "scope", Want: "list:unicorn", Got: `"openid"`}, {Name: "issuer", Want: "x", Got: "x", Match: true}},
				Statements: []iam.Considered{{Policy: "Riders", Statement: "2", Effect: "Deny", Matched: true, Deciding: true, Why: "leading key differs"}}},
			{Kind: "function", Outcome: explain.NotReached, Function: &explain.Invocation{Function: "f", Event: `{"a":1}`, Reply: "not JSON", Error: "it failed", Log: []string{"one", "two"}}},
		},
		Advice: []explain.Advice{{Text: "request scope list:unicorn at login", Change: &authorizer.Change{Where: authorizer.AtLogin, Name: "scope", Value: "list:unicorn"}}},
	}, true
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) refused(status int, path string) console.Event {
	return console.Event{
		Time: w.now, Topic: console.Requests, Kind: "request", Source: "Api", RequestID: "refused-1",
		Request: &console.Request{Method: "GET", Path: path, Route: "GET " + path, Status: status, Duration: time.Millisecond, Refused: status == 401 || status == 403, Reasons: []string{"no token <b>"}, Hint: "send one"},
	}
}

// browser is a client with cookies.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// opened is a browser that has opened the console.
func (w *world) opened() *browser {
	w.t.Helper()
	b := w.browser()
	if a := b.get(w.console.Link(), nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		w.t.Fatalf("a fresh link is answered %d, to %q", a.status, a.header.Get("Location"))
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request, header map[string]string) answer {
	b.w.t.Helper()
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(address string, header map[string]string) answer {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do(r, header)
}

func (b *browser) post(path string, form url.Values, header map[string]string) answer {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r, header)
}

// token reads the token of a page's forms.
func (b *browser) token() string {
	b.w.t.Helper()
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(b.get(b.w.url+"/", nil).body)
	if m == nil {
		b.w.t.Fatal("no form of the first page has a token")
	}
	return html.UnescapeString(m[1])
}

// TestClosed is a page for who has no session: it says how to get one, and nothing
// of the stage.
func TestClosed(t *testing.T) {
	w := newWorld(t, nil)
	w.feed.add(w.refused(401, "/unicorns"))
	other := newWorld(t, nil).opened()
	for name, b := range map[string]*browser{"no cookie": w.browser(), "the cookie of another stage": other} {
		for _, path := range []string{"/", "/requests", "/requests/refused-1", "/activity", "/events?topic=requests&after=0", "/nothing", "/theme"} {
			a := b.get(w.url+path, nil)
			if a.status != http.StatusForbidden || strings.Contains(a.body, secretOfStage) || !strings.Contains(a.body, "doorwright console") {
				t.Errorf("%s: GET %s: %d\n%s", name, path, a.status, a.body)
			}
		}
		if a := b.post("/theme", url.Values{"theme": {"dark"}}, map[string]string{"Origin": w.url}); a.status != http.StatusForbidden {
			t.Errorf("%s: POST /theme: %d", name, a.status)
		}
	}
	if n := w.feed.listening(); n != 0 {
		t.Errorf("%d strangers listen", n)
	}
}

// TestLink opens the console once, within an hour, for a browser's own window.
func TestLink(t *testing.T) {
	w := newWorld(t, nil)
	link := w.console.Link()
	if secret := link[strings.LastIndex(link, "/")+1:]; len(secret) != 43 || link == w.console.Link() {
		t.Fatalf("%q is no link with 256 random bits", link)
	}
	first := w.browser()
	for _, ahead := range []map[string]string{
		{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"},
		{"Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "empty"},
	} {
		if a := first.get(link, ahead); a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%v: %d %v", ahead, a.status, a.header)
		}
	}
	r, _ := http.NewRequest(http.MethodHead, link, nil)
	if a := first.do(r, nil); a.status != http.StatusForbidden {
		t.Errorf("HEAD of the link: %d", a.status)
	}

	a := first.get(link, nil)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" || a.header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, secretOfStage) {
		t.Fatalf("the link is answered %d %v", a.status, a.header)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, part := range []string{"doorwright-console-", strconv.Itoa(w.port()), "dev-" + secretOfStage, "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q has no %s", cookie, part)
		}
	}
	if strings.Contains(cookie, "Domain") || strings.Contains(cookie, "Max-Age") {
		t.Errorf("the cookie %q is for more than this host and this run of the browser", cookie)
	}
	if a := first.get(w.url+"/", nil); a.status != http.StatusOK || !strings.Contains(a.body, "GET /unicorns") {
		t.Errorf("with the cookie: %d", a.status)
	}
	if a := w.browser().get(link, nil); a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a used link is answered %d", a.status)
	}
	if a := first.get(link, nil); a.status != http.StatusSeeOther || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a used link, in the browser that used it, is answered %d", a.status)
	}
	old := w.console.Link()
	w.advance(time.Hour)
	if a := w.browser().get(old, nil); a.status != http.StatusForbidden {
		t.Errorf("a link after an hour is answered %d", a.status)
	}
	for _, wrong := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 5000)} {
		if a := w.browser().get(w.url+"/open/"+wrong, nil); a.status != http.StatusForbidden {
			t.Errorf("/open/%.50s is answered %d", wrong, a.status)
		}
	}
}

// TestLinkFromAnotherPage opens the console although a strict cookie does not come
// with a redirect that another page began.
func TestLinkFromAnotherPage(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	a := b.get(w.console.Link(), map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
	if a.status != http.StatusOK || a.header.Get("Refresh") != "0; url=/" || strings.Contains(a.body, secretOfStage) {
		t.Fatalf("%d %v\n%s", a.status, a.header, a.body)
	}
	if a := b.get(w.url+"/", nil); a.status != http.StatusOK {
		t.Errorf("after it: %d", a.status)
	}
}

// TestSessionsEnd: by Leave, by time, and by there being too many.
func TestSessionsEnd(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	if a := b.post("/leave", url.Values{"csrf": {b.token()}}, map[string]string{"Origin": w.url}); a.status != http.StatusSeeOther {
		t.Fatalf("leaving: %d", a.status)
	}
	if a := b.get(w.url+"/", nil); a.status != http.StatusForbidden {
		t.Errorf("after leaving: %d", a.status)
	}
	b = w.opened()
	w.advance(11 * time.Hour)
	if a := b.get(w.url+"/", nil); a.status != http.StatusOK {
		t.Errorf("after 11 hours: %d", a.status)
	}
	w.advance(13 * time.Hour)
	if a := b.get(w.url+"/", nil); a.status != http.StatusForbidden {
		t.Errorf("after 13 hours without use: %d", a.status)
	}
	b = w.opened()
	for range 16 {
		w.opened()
	}
	if a := b.get(w.url+"/", nil); a.status != http.StatusForbidden {
		t.Errorf("after 16 others: %d", a.status)
	}
	oldest := w.console.Link()
	for range 16 {
		w.console.Link()
	}
	if a := w.browser().get(oldest, nil); a.status != http.StatusForbidden {
		t.Errorf("the oldest of 17 links: %d", a.status)
	}
}

// TestSessionIsOfItsOrigin: a session that was opened at 127.0.0.1 is none at
// localhost, where other servers would have its cookie.
func TestSessionIsOfItsOrigin(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	u, _ := url.Parse(w.url)
	cookie := b.client.Jar.Cookies(u)[0]
	elsewhere := strings.Replace(w.url, "127.0.0.1", "localhost", 1)
	for host, want := range map[string]int{strings.TrimPrefix(w.url, "http://"): 200, strings.TrimPrefix(elsewhere, "http://"): 403} {
		a := w.browser().get(w.url+"/", map[string]string{"Host": host, "Cookie": cookie.Name + "=" + cookie.Value})
		if a.status != want {
			t.Errorf("at %s: %d", host, a.status)
		}
	}
	twice := cookie.Name + "=" + cookie.Value + "; " + cookie.Name + "=mine"
	if a := w.browser().get(w.url+"/", map[string]string{"Cookie": twice}); a.status != http.StatusForbidden {
		t.Errorf("with two cookies of the name: %d", a.status)
	}
	if !console.IsCookie(cookie.Name) || console.IsCookie("session") {
		t.Error("IsCookie does not know the console's cookie")
	}
}

// TestFormsOfOthers are refused, with our cookie and even with our token.
func TestFormsOfOthers(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	token := b.token()
	good := url.Values{"csrf": {token}, "theme": {"dark"}, "to": {"/requests"}}
	for name, c := range map[string]struct {
		form   url.Values
		header map[string]string
		want   int
	}{
		"ours":                    {good, map[string]string{"Origin": w.url}, 303},
		"ours, with both":         {good, map[string]string{"Origin": w.url, "Sec-Fetch-Site": "same-origin"}, 303},
		"ours, no origin":         {good, map[string]string{"Sec-Fetch-Site": "same-origin"}, 303},
		"no browser's":            {good, nil, 403},
		"another site":            {good, map[string]string{"Origin": "http://evil.example"}, 403},
		"another port":            {good, map[string]string{"Origin": "http://127.0.0.1:3100"}, 403},
		"localhost":               {good, map[string]string{"Origin": strings.Replace(w.url, "127.0.0.1", "localhost", 1)}, 403},
		"https":                   {good, map[string]string{"Origin": strings.Replace(w.url, "http:", "https:", 1)}, 403},
		"null":                    {good, map[string]string{"Origin": "null"}, 403},
		"said to be cross-site":   {good, map[string]string{"Origin": w.url, "Sec-Fetch-Site": "cross-site"}, 403},
		"said to be same-site":    {good, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"said to be the person's": {good, map[string]string{"Sec-Fetch-Site": "none"}, 403},
		"no token":                {url.Values{"theme": {"dark"}}, map[string]string{"Origin": w.url}, 403},
		"a wrong token":           {url.Values{"csrf": {"x" + token[1:]}, "theme": {"dark"}}, map[string]string{"Origin": w.url}, 403},
		"two tokens":              {url.Values{"csrf": {token, token}, "theme": {"dark"}}, map[string]string{"Origin": w.url}, 403},
		"another session's token": {url.Values{"csrf": {w.opened().token()}, "theme": {"dark"}}, map[string]string{"Origin": w.url}, 403},
		"too large":               {url.Values{"csrf": {token}, "theme": {strings.Repeat("x", 1<<20)}}, map[string]string{"Origin": w.url}, 413},
		"no such theme":           {url.Values{"csrf": {token}, "theme": {"pink"}}, map[string]string{"Origin": w.url}, 400},
	} {
		if a := b.post("/theme", c.form, c.header); a.status != c.want {
			t.Errorf("%s: %d, want %d\n%s", name, a.status, c.want, a.body)
		}
	}
	inQuery := b.post("/theme?csrf="+token, url.Values{"theme": {"dark"}}, map[string]string{"Origin": w.url})
	if inQuery.status != http.StatusForbidden {
		t.Errorf("a token in the query: %d", inQuery.status)
	}
	r, _ := http.NewRequest(http.MethodPut, w.url+"/theme", nil)
	if a := b.do(r, map[string]string{"Origin": w.url}); a.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", a.status)
	}
	for to, want := range map[string]string{"/requests?api=Api": "/requests?api=Api", "//evil.example/": "/", "https://evil.example/": "/", "/\\evil.example": "/", "": "/"} {
		a := b.post("/theme", url.Values{"csrf": {token}, "theme": {"dark"}, "to": {to}}, map[string]string{"Origin": w.url})
		if got := a.header.Get("Location"); got != want {
			t.Errorf("to %q leads to %q, want %q", to, got, want)
		}
	}
	if a := b.get(w.url+"/", nil); !strings.Contains(a.body, `<html lang="en" data-theme="dark">`) {
		t.Error("the theme is not kept")
	}
}

// TestReadingFromAnotherPage: another page may lead here by a link, and reads nothing.
func TestReadingFromAnotherPage(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	for name, c := range map[string]struct {
		path, site, mode, dest string
		want                   int
	}{
		"typed":            {"/", "none", "navigate", "document", 200},
		"our own link":     {"/", "same-origin", "navigate", "document", 200},
		"a link elsewhere": {"/", "cross-site", "navigate", "document", 200},
		"a frame":          {"/", "cross-site", "navigate", "iframe", 403},
		"fetch":            {"/", "same-site", "cors", "empty", 403},
		"an image":         {"/", "cross-site", "no-cors", "image", 403},
		"EventSource":      {"/events?topic=requests&after=0", "cross-site", "cors", "empty", 403},
		"of the same site": {"/events?topic=requests&after=0", "same-site", "cors", "empty", 403},
	} {
		a := b.get(w.url+c.path, map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest})
		if a.status != c.want || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d, want %d", name, a.status, c.want)
		}
	}
	if n := w.feed.listening(); n != 0 {
		t.Errorf("%d other pages listen", n)
	}
}

// TestHeaders are on every answer: nothing of the console is framed, kept, guessed
// at or run that is not its own.
func TestHeaders(t *testing.T) {
	w := newWorld(t, nil)
	b := w.opened()
	want := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	for _, who := range []*browser{b, w.browser()} {
		for _, path := range []string{"/", "/requests", "/requests/refused-1", "/requests/none", "/nothing", "/open/x", "/assets/console.css", "/assets/x", "/events?topic=x"} {
			a := who.get(w.url+path, nil)
			for name, value := range want {
				if path == "/assets/console.css" && name == "Cache-Control" {
					value = "no-cache"
				}
				if got := a.header.Values(name); len(got) != 1 || got[0] != value {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			if inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>|javascript:`).FindString(a.body); inline != "" && path != "/assets/console.css" {
				t.Errorf("%s has an inline style or script: %q", path, inline)
			}
		}
	}
}

func (w *world) port() int {
	u, _ := url.Parse(w.url)
	n, _ := strconv.Atoi(u.Port())
	return n
}

// TestStreamEndsWithItsSession: what happens after somebody has left, or while a session
// has run out, is not sent to the pages that were open; nor are messages with their codes.
func TestStreamEndsWithItsSession(t *testing.T) {
	for name, end := range map[string]func(*world, *browser){
		"left": func(w *world, b *browser) {
			b.post("/leave", url.Values{"csrf": {b.token()}}, map[string]string{"Origin": w.url})
		},
		"unused too long": func(w *world, _ *browser) { w.advance(13 * time.Hour) },
		"made room for others": func(w *world, _ *browser) {
			for range 16 {
				w.opened()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			b := w.opened()
			res, err := b.client.Get(w.url + "/events?topic=requests&after=0")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			if !lines.Scan() || lines.Text() != "retry: 2000" {
				t.Fatalf("the stream begins with %q", lines.Text())
			}
			end(w, b)
			w.feed.add(w.refused(401, "/"+secretOfStage))
			for lines.Scan() { // to its end
				if strings.Contains(lines.Text(), secretOfStage) {
					t.Errorf("after the session has ended it says %q", lines.Text())
					break
				}
			}
		})
	}
}
