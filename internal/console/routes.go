package console

import "net/http"

// overviewEvents is how many requests stand beside the routes.
const overviewEvents = 50

// overview is the first page: what there is, and what happens to it.
type overview struct {
	APIs []apiRoutes
	Feed requestFeed
}

type apiRoutes struct {
	Name, Protocol, URL string
	Routes              []Route
}

func (c *Console) showRoutes(r *http.Request) (string, any, error) {
	o := overview{Feed: c.requestFeed(nil, overviewEvents)}
	if c.cfg.Routes != nil {
		for _, route := range c.cfg.Routes() {
			if n := len(o.APIs); n == 0 || o.APIs[n-1].Name != route.API {
				o.APIs = append(o.APIs, apiRoutes{Name: route.API, Protocol: route.Protocol, URL: route.URL})
			}
			api := &o.APIs[len(o.APIs)-1]
			api.Routes = append(api.Routes, route)
		}
	}
	return "Overview", o, nil
}
