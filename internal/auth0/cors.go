package auth0

import (
	"net/http"
	"slices"
)

// allowsOrigin says whether scripts of an origin may ask the token endpoint for
// an application, or, if that is not known yet, for any
// (https://auth0.com/docs/get-started/applications/set-up-cors).
func (t *Tenant) allowsOrigin(origin string, cl *client) bool {
	if cl != nil {
		return slices.Contains(cl.origins, origin)
	}
	return slices.ContainsFunc(t.directory.Load().clients, func(c *client) bool { return slices.Contains(c.origins, origin) })
}

// fromAllowed lets through who is no script, and scripts of allowed origins,
// which may then read the answer. It answers others itself, but for those that
// are another application's.
func (t *Tenant) fromAllowed(w http.ResponseWriter, r *http.Request, c *call, cl *client) bool {
	origin, ok := originHeader(r)
	h := w.Header()
	h.Add("Vary", "Origin")
	switch {
	case origin == "" && ok:
		return true
	case ok && t.allowsOrigin(origin, cl):
		h.Set("Access-Control-Allow-Origin", origin)
		return true
	}
	h.Del("Access-Control-Allow-Origin")
	if cl == nil {
		c.event.Code, c.event.Reason = "origin_not_allowed", "the origin "+origin+" is none of an application's webOrigins or callbacks"
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("Origin " + origin + " is not allowed.")) // the client went away
	}
	return false
}

// originHeader gives the Origin of a request, "" for none; false if it has two.
func originHeader(r *http.Request) (string, bool) {
	switch list := r.Header.Values("Origin"); len(list) {
	case 0:
		return "", true
	case 1:
		return list[0], true
	}
	return "", false
}

// preflight answers what browsers ask before a script's request: Auth0's SDKs
// send a header of their own.
func (t *Tenant) preflight(w http.ResponseWriter, r *http.Request, c *call) {
	if !t.fromAllowed(w, r, c, nil) {
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// openPreflight is preflight where any origin may ask.
func (t *Tenant) openPreflight(w http.ResponseWriter, r *http.Request, _ *call) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
