package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cors is a compiled CORS configuration. Nil is none.
type cors struct {
	any, anyHTTP, anyHTTPS bool
	origins                []string
	credentials            bool
	methods, headers       []string // header values: one element, or none
	expose, maxAge         []string
}

// isPreflight says whether r is a CORS-preflight request, as the Fetch
// standard (section 3.2.2) defines it. Any other OPTIONS request is a request
// like the others: whether API Gateway answers one without
// Access-Control-Request-Method is not documented; strict reading.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// allows says whether the configuration names the origin.
func (c *cors) allows(origin string) bool {
	switch {
	case origin == "":
		return false
	case c.any:
		return true
	case c.anyHTTPS && strings.HasPrefix(origin, "https://"), c.anyHTTP && strings.HasPrefix(origin, "http://"):
		return true
	}
	return slices.Contains(c.origins, origin)
}

// mark writes the configured headers on any answer to an allowed origin, the
// gateway's own errors included. Those of the integration are dropped before.
//
// "If you configure CORS for an API, API Gateway ignores CORS headers returned
// from your backend integration." (http-api-cors)
func (c *cors) mark(h http.Header, r *http.Request) {
	if c == nil {
		return
	}
	origin := r.Header.Get("Origin")
	if !c.allows(origin) {
		return
	}
	if c.any {
		origin = "*"
	} else {
		h["Vary"] = append(h["Vary"], "origin")
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	setIfAny(h, "Access-Control-Expose-Headers", c.expose)
}

// preflight answers a preflight. One from an origin that is not allowed gets
// the same status and no CORS header, which makes the browser refuse; what AWS
// answers is not documented.
func (c *cors) preflight(h http.Header, r *http.Request) {
	c.mark(h, r)
	if !c.allows(r.Header.Get("Origin")) {
		return
	}
	delete(h, "Access-Control-Expose-Headers") // not part of a preflight (Fetch, section 3.2.3)
	setIfAny(h, "Access-Control-Allow-Methods", c.methods)
	setIfAny(h, "Access-Control-Allow-Headers", c.headers)
	setIfAny(h, "Access-Control-Max-Age", c.maxAge)
}

func setIfAny(h http.Header, name string, value []string) {
	if value != nil {
		h[name] = value
	}
}

// isCORSHeader says whether a canonical header name is of the CORS protocol.
func isCORSHeader(name string) bool { return strings.HasPrefix(name, "Access-Control-") }

// maxMaxAge is the longest Access-Control-Max-Age of an HTTP API.
const maxMaxAge = 86400 * time.Second

// compileCORS checks a CORS configuration.
func compileCORS(config *CORS) (*cors, error) {
	if config == nil {
		return nil, nil
	}
	c := &cors{
		credentials: config.AllowCredentials,
		methods:     joined(config.AllowMethods),
		headers:     joined(config.AllowHeaders),
		expose:      joined(config.ExposeHeaders),
	}
	var mistakes []error
	for _, o := range config.AllowOrigins {
		switch o {
		case "*":
			c.any = true
		case "https://*":
			c.anyHTTPS = true
		case "http://*":
			c.anyHTTP = true
		default:
			if err := checkOrigin(o); err != nil {
				mistakes = append(mistakes, err)
			}
			c.origins = append(c.origins, o)
		}
	}
	if c.any && c.credentials {
		mistakes = append(mistakes, errors.New(`allowCredentials does not go with the origin "*": name the origins, or "https://*"`))
	}
	if config.MaxAge < 0 || config.MaxAge > maxMaxAge || config.MaxAge%time.Second != 0 {
		mistakes = append(mistakes, fmt.Errorf("maxAge %s is not whole seconds from 0 to %d", config.MaxAge, int(maxMaxAge.Seconds())))
	} else if config.MaxAge > 0 {
		c.maxAge = []string{strconv.Itoa(int(config.MaxAge / time.Second))}
	}
	for _, list := range [...][]string{config.AllowMethods, config.AllowHeaders, config.ExposeHeaders} {
		for _, name := range list {
			if !validName(name) {
				mistakes = append(mistakes, fmt.Errorf("%q is not the name of a method or header", name))
			}
		}
	}
	return c, errors.Join(mistakes...)
}

func joined(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{strings.Join(list, ",")}
}

// checkOrigin accepts an origin as browsers serialise it (RFC 6454, section
// 6.2), so that a comparison of bytes is right.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin || strings.Contains(origin, "*") {
		return fmt.Errorf(`allowOrigins: %q is neither an origin such as "https://example.com", without a path, nor "*", "https://*" or "http://*"`, origin)
	}
	return nil
}
