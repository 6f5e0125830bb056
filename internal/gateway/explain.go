package gateway

import "net/http"

// Explain decides on a request as ServeHTTP would, without invoking what the route
// leads to, and without counting it against limits and quotas. An authorizer function
// is asked, and its answer not kept. The Entry has its Trace always; its Status is the refusal's, or 0 where
// the request would have gone on. A preflight that the gateway answers has its status,
// and is Allowed.
func (g *Gateway) Explain(r *http.Request) (e Entry) {
	x := &exchange{g: g, dry: true}
	x.begin(&discarded{http.Header{}}, r)
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			x.panicked(p)
			x.entry.Status, x.entry.Allowed = http.StatusInternalServerError, false
		}
		x.close()
		e = x.entry
	}()
	x.run()
	return e
}

// discarded takes an answer that nobody gets.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(int)             {}
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
