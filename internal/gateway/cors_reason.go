package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// preflightReason explains why a browser goes no further after a preflight was
// answered; nil if it does. What counts is the Fetch standard, section 4.8: the
// answer has to name the origin, a method that is not simple, and each header.
func (x *exchange) preflightReason(c *cors, allowed *CORS) *authorizer.Reason {
	h := x.r.Header
	origin := h.Get("Origin")
	facts := []authorizer.Fact{{Name: "Origin", Want: strings.Join(allowed.AllowOrigins, " or "), Got: authorizer.ShortQuote(origin), Match: c.allows(origin)}}
	if !facts[0].Match {
		return x.corsReason(CodeOriginNotAllowed, "allowOrigins", origin, "the origin "+authorizer.ShortQuote(origin)+" is not one of cors", facts)
	}
	wildcard := !allowed.AllowCredentials
	method := h.Get("Access-Control-Request-Method")
	simple := method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
	ok := simple || slices.Contains(allowed.AllowMethods, method) || wildcard && slices.Contains(allowed.AllowMethods, "*")
	facts = append(facts, authorizer.Fact{Name: "Access-Control-Request-Method", Want: strings.Join(allowed.AllowMethods, " or "), Got: authorizer.ShortQuote(method), Match: ok})
	if !ok {
		return x.corsReason(CodeMethodNotAllowed, "allowMethods", method, "the method "+authorizer.ShortQuote(method)+" is not one of cors", facts)
	}
	for name := range strings.SplitSeq(h.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.ToLower(strings.Trim(name, " \t")); name == "" {
			continue
		}
		ok := wildcard && slices.Contains(allowed.AllowHeaders, "*") ||
			slices.ContainsFunc(allowed.AllowHeaders, func(h string) bool { return strings.EqualFold(h, name) })
		facts = append(facts, authorizer.Fact{Name: "Access-Control-Request-Headers", Want: strings.Join(allowed.AllowHeaders, " or "), Got: authorizer.ShortQuote(name), Match: ok})
		if !ok {
			return x.corsReason(CodeHeadersNotAllowed, "allowHeaders", name, "the header "+authorizer.ShortQuote(name)+" is not one of cors", facts)
		}
		if len(facts) > 32 {
			break
		}
	}
	return nil
}

// corsReason is what is missing from a list of cors.
func (x *exchange) corsReason(code, list, value, text string, facts []authorizer.Fact) *authorizer.Reason {
	path := x.g.config.declared("cors", list)
	r := &authorizer.Reason{Code: code, Text: text + ": the browser goes no further", Facts: facts}
	if shown := authorizer.ShortQuote(value); len(value) <= 80 && shown == `"`+value+`"` {
		value = strings.Trim(shown, `"`)
	} else {
		value = shown
	}
	r.Hint = "add " + authorizer.ShortQuote(value) + " to " + path
	r.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: value}
	if list == "allowOrigins" && checkOrigin(value) != nil { // such as "null", of a file or a sandbox
		r.Hint = "serve the page from an origin of its own, such as http://localhost:3000, and add that to " + path + `; or allow "*"`
		r.Change.Value = "*"
	}
	return r
}

// example gives an origin that is allowed.
func (c *CORS) example() string {
	for _, o := range c.AllowOrigins {
		switch {
		case o == "http://*":
			return "http://localhost:3000"
		case o != "*" && o != "https://*":
			return o
		}
	}
	return "https://example.com"
}

// preflightGuardedReason explains why a browser's preflight is refused. A route for
// OPTIONS has to be of the path that the guarded one has: a wider one would not win.
func (x *exchange) preflightGuardedReason() authorizer.Reason {
	key, path := "OPTIONS /{proxy+}", x.g.config.declared("routes")
	if x.match.resource != "" {
		key = "OPTIONS " + x.match.resource
	}
	r := authorizer.Reason{
		Code:   CodePreflightGuarded,
		Text:   "a preflight carries no token, and this route guards OPTIONS too",
		Facts:  []authorizer.Fact{{Name: "route of OPTIONS", Want: "none, or one with the authorizer none", Got: x.match.key + " with the authorizer " + x.match.authorizerName}},
		Hint:   "name the methods instead of " + strings.TrimSuffix(x.match.key, " "+x.match.resource) + ", or add the route " + key + " with the authorizer none to " + path,
		Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: key},
	}
	if x.match.key == key {
		path = x.g.config.declared("routes", key, "authorizer")
		r.Hint = "cors answers preflights where no route for OPTIONS does: take " + key + " out, or set " + path + ": none"
		r.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: "none"}
	}
	return r
}
