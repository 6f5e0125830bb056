package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// pageEvents is how many requests the page of requests shows.
const pageEvents = 200

// requestFeed is a list of requests that goes on by itself.
type requestFeed struct {
	Events []*Event
	// Live is where it goes on, Limit how many it shows.
	Live  string
	Limit int
}

// requestFeed gives the latest requests that a filter wants.
func (c *Console) requestFeed(filter url.Values, n int) requestFeed {
	events, seq := c.cfg.Feed.Last(Requests, n, wantedRequests(filter))
	query := url.Values{"topic": {string(Requests)}, "after": {strconv.FormatUint(seq, 10)}}
	for _, name := range requestFilters {
		if v := filter.Get(name); v != "" {
			query.Set(name, v)
		}
	}
	return requestFeed{Events: events, Live: "/events?" + query.Encode(), Limit: n}
}

// requestFilters are the fields by which requests are filtered, in the form, in
// the page's address and in the stream's.
var requestFilters = []string{"api", "route", "status"}

// The values of the filter by status.
const (
	statusPassed  = "passed"
	statusRefused = "refused"
	statusFailed  = "failed"
)

// wantedRequests tells the requests that a filter asks for.
func wantedRequests(filter url.Values) func(*Event) bool {
	api, route, status := filter.Get("api"), filter.Get("route"), filter.Get("status")
	return func(e *Event) bool {
		return e.Request != nil && (api == "" || e.Source == api) && (route == "" || e.Request.Route == route) &&
			hasOutcome(e.Request, status)
	}
}

// hasOutcome says whether a request is one of a status, or of what a status means.
func hasOutcome(r *Request, wanted string) bool {
	switch wanted {
	case "":
		return true
	case statusRefused:
		return r.Refused && r.Status < 500
	case statusPassed:
		return !r.Refused && r.Status < 500
	case statusFailed:
		return r.Status >= 500
	}
	return strconv.Itoa(r.Status) == wanted
}

// requestsPage is the page of all requests, with its filter.
type requestsPage struct {
	Feed               requestFeed
	API, Route, Status string
	APIs, Routes       []string
	Filtered           bool
}

func (c *Console) showRequests(r *http.Request) (string, any, error) {
	filter := r.URL.Query()
	p := requestsPage{API: filter.Get("api"), Route: filter.Get("route"), Status: filter.Get("status"), Feed: c.requestFeed(filter, pageEvents)}
	p.Filtered = p.API != "" || p.Route != "" || p.Status != ""
	if c.cfg.Routes != nil {
		for _, route := range c.cfg.Routes() {
			if !slices.Contains(p.APIs, route.API) {
				p.APIs = append(p.APIs, route.API)
			}
			if !slices.Contains(p.Routes, route.Key) {
				p.Routes = append(p.Routes, route.Key)
			}
		}
	}
	return "Requests", p, nil
}

// showActivity is the page of what happens beside requests to APIs: calls of AWS
// services and tenants, rebuilds, warnings.
func (c *Console) showActivity(r *http.Request) (string, any, error) {
	events, seq := c.cfg.Feed.Last(Activity, pageEvents, anything)
	return "Activity", requestFeed{events, "/events?topic=" + string(Activity) + "&after=" + strconv.FormatUint(seq, 10), pageEvents}, nil
}
