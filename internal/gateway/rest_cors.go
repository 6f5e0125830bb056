package gateway

import (
	"maps"
	"net/http"
	"strings"
)

// A REST API knows nothing of CORS. What `cors` stands for there is what one
// builds by hand, and what SST and the CDK build:
//
//   - each resource without an OPTIONS method gets one, without an authorizer,
//     whose mock integration answers a preflight;
//   - gateway responses get the header without which no script could read them.
//
// The answers of functions are theirs alone.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html

// preflightEndpoints gives the OPTIONS methods.
func preflightEndpoints(have []*endpoint) (added []*endpoint) {
	served := map[string]bool{}
	for _, e := range have {
		if path, ok := strings.CutPrefix(e.key, "OPTIONS "); ok {
			served[path] = true
		}
	}
	for _, e := range have {
		_, path, ok := strings.Cut(e.key, " ")
		if !ok || served[path] {
			continue
		}
		served[path] = true
		added = append(added, &endpoint{key: "OPTIONS " + path, authorizerName: None, preflight: true})
	}
	return added
}

// answerPreflightREST is the mock integration. Like the CDK's it names the first
// of several origins unless the request's is another one of them.
func (x *exchange) answerPreflightREST() {
	x.entry.Allowed, x.entry.Authorizer, x.entry.Refusal = true, None, nil
	if isPreflight(x.r) {
		x.entry.Refusal = x.preflightReason(x.g.rest.cors, x.g.config.CORS)
	}
	c, h := x.g.rest.cors, x.w.Header()
	origin := x.g.config.CORS.AllowOrigins[0]
	if sent := x.r.Header.Get("Origin"); !c.any && c.allows(sent) {
		origin = sent
	}
	if origin != "*" {
		h["Vary"] = []string{"Origin"}
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	setIfAny(h, "Access-Control-Allow-Headers", c.headers)
	setIfAny(h, "Access-Control-Allow-Methods", c.methods)
	setIfAny(h, "Access-Control-Max-Age", c.maxAge)
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	h["Content-Type"] = []string{contentTypeJSON}
	x.writeHeadREST(http.StatusNoContent)
}

// withCORS gives the gateway responses with the header of cors in those that do
// not say otherwise. It is a constant, as on AWS: the first of several origins.
func withCORS(c *CORS, responses map[string]GatewayResponse) map[string]GatewayResponse {
	if c == nil || len(c.AllowOrigins) == 0 {
		return responses
	}
	out := map[string]GatewayResponse{default4XX: {}, default5XX: {}}
	maps.Copy(out, responses)
	for kind, r := range out {
		headers := map[string]string{}
		set := func(name, value string) {
			for have := range r.Headers {
				if strings.EqualFold(have, name) {
					return
				}
			}
			headers[name] = "'" + value + "'"
		}
		set("Access-Control-Allow-Origin", c.AllowOrigins[0])
		if c.AllowCredentials {
			set("Access-Control-Allow-Credentials", "true")
		}
		maps.Copy(headers, r.Headers)
		r.Headers = headers
		out[kind] = r
	}
	return out
}
