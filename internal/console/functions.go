package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/explain"
)

// Limits of what the page of a function shows and does.
const (
	shownInvocations = 5
	maxInvocation    = 64 << 10 // of an event and a reply that are kept to be shown
	// invokeTimeout ends the wait for a function while the page can still be sent.
	invokeTimeout = 100 * time.Second
)

// Function is a declared function.
type Function struct {
	Name, Handler string
	Kind          string // go, node, python
	Timeout       time.Duration
	MemorySize    int
	// Uses are what it is for: its routes, and what else calls it.
	Uses []string
	// Place is where it is in the declaration.
	Place string
}

// Functions is what the pages of functions need.
type Functions struct {
	// List gives all functions.
	List func() []Function
	// Invocations gives the requests, the newest first and at most n, for which a
	// function was invoked.
	Invocations func(function string, n int) []*explain.Explanation
	// Invoke runs a function. functionError is what it failed with by itself.
	Invoke func(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error)
}

func hasFunctions(cfg *Config) bool { return cfg.Functions.List != nil }

// logFeed is a list of log lines that goes on by itself.
type logFeed struct {
	Events []*Event
	Live   string
	Limit  int
}

// logFeed gives the latest lines of one function, or of all.
func (c *Console) logFeed(handler string) logFeed {
	filter := url.Values{"function": {handler}}
	events, seq := c.cfg.Feed.Last(Logs, pageEvents, wantedLines(filter))
	filter.Set("topic", string(Logs))
	filter.Set("after", strconv.FormatUint(seq, 10))
	return logFeed{events, "/events?" + filter.Encode(), pageEvents}
}

// wantedLines tells the lines of a function, or of all.
func wantedLines(filter url.Values) func(*Event) bool {
	handler := filter.Get("function")
	return func(e *Event) bool { return handler == "" || e.Source == handler }
}

func (c *Console) showFunctions(*http.Request) (string, any, error) {
	return "Functions", struct {
		Functions []Function
		Logs      logFeed
	}{c.cfg.Functions.List(), c.logFeed("")}, nil
}

// functionPage is one function: its log, what it was last sent, and a form to send it
// something.
type functionPage struct {
	Function
	Logs        logFeed
	Invocations []*explain.Explanation
	Event       string // what the form begins with
	Last        *invoked
}

// invoked is the last invocation from a function's page.
type invoked struct {
	At       time.Time
	Event    string
	Reply    string
	Error    string
	Duration time.Duration // 0 if it was not invoked
}

func (c *Console) function(r *http.Request) (Function, error) {
	all := c.cfg.Functions.List()
	i := slices.IndexFunc(all, func(f Function) bool { return f.Name == r.PathValue("name") })
	if i < 0 {
		return Function{}, notFound("There is no such function.")
	}
	return all[i], nil
}

func (c *Console) showFunction(r *http.Request) (string, any, error) {
	f, err := c.function(r)
	if err != nil {
		return "", nil, err
	}
	p := functionPage{Function: f, Logs: c.logFeed(f.Handler), Event: "{}"}
	if c.cfg.Functions.Invocations != nil {
		p.Invocations = c.cfg.Functions.Invocations(f.Name, shownInvocations)
	}
	c.mu.Lock()
	p.Last = c.invoked[f.Name]
	c.mu.Unlock()
	chosen := r.URL.Query().Get("event") // of which request
	for i, x := range p.Invocations {
		if x.Function != nil && x.Function.Event != "" && (chosen == "" && i == 0 || x.RequestID == chosen) {
			p.Event = pretty(x.Function.Event)
		}
	}
	if p.Last != nil && chosen == "" {
		p.Event = p.Last.Event
	}
	return f.Handler, p, nil
}

// doInvoke runs a function by hand. What became of it is on its page.
func (c *Console) doInvoke(r *http.Request) (done, error) {
	f, err := c.function(r)
	if err != nil {
		return done{}, err
	}
	event := r.PostFormValue("event")
	last := &invoked{At: c.cfg.Now(), Event: cut(strings.ReplaceAll(event, "\r\n", "\n"))}
	page := done{to: "/functions/" + url.PathEscape(f.Name) + "#invoked"}
	if !json.Valid([]byte(event)) {
		page.to = "/functions/" + url.PathEscape(f.Name)
		err = invalid("The event is not JSON: nothing was invoked.")
	} else {
		page.text = "Invoked " + f.Handler + "."
		ctx, cancel := context.WithTimeout(r.Context(), invokeTimeout)
		defer cancel()
		start := time.Now()
		reply, failed, err := c.cfg.Functions.Invoke(ctx, f.Name, []byte(event))
		last.Duration, last.Reply, last.Error = time.Since(start), cut(pretty(string(reply))), failed
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			last.Error = "No answer within " + invokeTimeout.String() + "."
		case err != nil:
			last.Error = err.Error()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.invoked == nil {
		c.invoked = map[string]*invoked{}
	}
	c.invoked[f.Name] = last
	return page, err
}

// cut bounds what is kept to be shown.
func cut(text string) string {
	if len(text) <= maxInvocation {
		return text
	}
	return strings.ToValidUTF8(text[:maxInvocation], "") + "\n… (cut off here)"
}
