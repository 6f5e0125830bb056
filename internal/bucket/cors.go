package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORSRule is a rule of a bucket
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html).
type CORSRule struct {
	ID             string
	AllowedOrigins []string // with at most one * in each
	AllowedMethods []string // GET PUT POST DELETE HEAD
	AllowedHeaders []string // with at most one * in each
	ExposedHeaders []string
	MaxAgeSeconds  *int // nil sends none
}

func (r *CORSRule) validate() error {
	if len(r.AllowedOrigins) == 0 || len(r.AllowedMethods) == 0 {
		return errors.New("it has no origins or no methods")
	}
	for _, p := range slices.Concat(r.AllowedOrigins, r.AllowedHeaders) {
		if strings.Count(p, "*") > 1 {
			return fmt.Errorf("%q has more than one *", p)
		}
	}
	for _, m := range r.AllowedMethods {
		if !slices.Contains([]string{get, put, post, del, head}, m) {
			return fmt.Errorf("%q is not one of GET, PUT, POST, DELETE and HEAD", m)
		}
	}
	return nil
}

// matchStar matches a pattern with at most one *.
func matchStar(pattern, s string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}

// allows says whether a rule is for an origin, a method and the headers of a
// preflight.
func (r *CORSRule) allows(origin, method string, headers []string) bool {
	if !slices.ContainsFunc(r.AllowedOrigins, func(p string) bool { return matchStar(p, origin) }) || !slices.Contains(r.AllowedMethods, method) {
		return false
	}
	for _, h := range headers {
		if !slices.ContainsFunc(r.AllowedHeaders, func(p string) bool { return matchStar(strings.ToLower(p), strings.ToLower(h)) }) {
			return false
		}
	}
	return true
}

// corsRule gives the first rule that allows a request, or nil.
func (c *call) corsRule(origin, method string, headers []string) *CORSRule {
	if c.of == nil {
		return nil
	}
	for i := range c.of.cors {
		if r := &c.of.cors[i]; r.allows(origin, method, headers) {
			return r
		}
	}
	return nil
}

// allowOrigin sets the headers by which a page may read the answer, whatever it
// will be.
func (c *call) allowOrigin() {
	origin := c.r.Header.Get("Origin")
	if origin == "" {
		return
	}
	if rule := c.corsRule(origin, c.r.Method, nil); rule != nil {
		c.writeCORS(rule, origin)
	}
}

// writeCORS sets what actual requests and preflights share. An origin that is
// allowed by name may send credentials; a star is a star.
func (c *call) writeCORS(rule *CORSRule, origin string) {
	h := c.w.Header()
	if slices.Contains(rule.AllowedOrigins, "*") {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(rule.AllowedMethods, ", "))
	if len(rule.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(rule.ExposedHeaders, ", "))
	}
	if rule.MaxAgeSeconds != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(*rule.MaxAgeSeconds))
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// preflight answers OPTIONS, which is not signed
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html).
func (c *call) preflight() error {
	origin, method := c.r.Header.Get("Origin"), c.r.Header.Get("Access-Control-Request-Method")
	switch {
	case origin == "":
		return refuse("BadRequest", "Insufficient information. Origin request header needed.")
	case !slices.Contains([]string{get, put, post, del, head}, method):
		return refuse("BadRequest", "Invalid Access-Control-Request-Method: "+orNull(method))
	case c.of == nil:
		return noSuchBucket(c.address.bucket)
	}
	forbidden := func(message string) error {
		e := refuse(codeAccessForbidden, message, "Method", method, "ResourceType", string(c.levelOf()))
		e.Status = http.StatusForbidden
		return e
	}
	if len(c.of.cors) == 0 {
		return forbidden("CORSResponse: CORS is not enabled for this bucket.")
	}
	var headers []string
	for _, list := range c.r.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				headers = append(headers, name)
			}
		}
	}
	rule := c.corsRule(origin, method, headers)
	if rule == nil {
		return forbidden("CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
	}
	c.writeCORS(rule, origin)
	if len(headers) > 0 {
		c.w.Header().Set("Access-Control-Allow-Headers", strings.ToLower(strings.Join(headers, ", ")))
	}
	return c.writeEmpty(http.StatusOK)
}

const codeAccessForbidden = "AccessForbidden"

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func (c *call) levelOf() level {
	if c.key != "" {
		return ofObject
	}
	return ofBucket
}

// getBucketCORS gives the declared rules.
func (s *Service) getBucketCORS(_ context.Context, c *call) error {
	if len(c.of.cors) == 0 {
		return refuse(codeNoSuchCORS, "The CORS configuration does not exist", "BucketName", c.of.name)
	}
	d := newDocument("CORSConfiguration")
	for _, r := range c.of.cors {
		d.begin("CORSRule")
		d.optional("ID", r.ID)
		for _, list := range []struct {
			name   string
			values []string
		}{{"AllowedMethod", r.AllowedMethods}, {"AllowedOrigin", r.AllowedOrigins}, {"AllowedHeader", r.AllowedHeaders}, {"ExposeHeader", r.ExposedHeaders}} {
			for _, v := range list.values {
				d.text(list.name, v)
			}
		}
		if r.MaxAgeSeconds != nil {
			d.number("MaxAgeSeconds", int64(*r.MaxAgeSeconds))
		}
		d.end()
	}
	return c.writeXML(http.StatusOK, d)
}
