package app

import (
	"fmt"
	"regexp"
	"strings"
)

// identitySources checks which forms of identity sources an authorizer may have, and
// fills in a REST API's default.
func (c *checker) identitySources(path string, api *API, a *Authorizer) {
	rest := api.Protocol == ProtocolREST
	at := path + ".identitySource"
	if _, written := c.places[at]; !written {
		if rest {
			a.IdentitySource = []string{"method.request.header.Authorization"}
		}
		return
	}
	if a.Type == "" || c.opaque[at] {
		return
	}
	anyNumber := a.Type == "lambda" && a.Kind != "token"
	if !anyNumber && len(a.IdentitySource) != 1 {
		c.at(at, "name one", "an authorizer of this type has exactly one identity source")
	}
	for i, s := range a.IdentitySource {
		item := fmt.Sprintf("%s[%d]", at, i)
		if !grammarOf("identity source").matches(s) {
			continue // reported
		}
		plain := strings.TrimPrefix(strings.TrimPrefix(s, "method."), "$")
		want, protocol := "$"+plain, "an HTTP API"
		if rest {
			protocol, want = "a REST API", plain
			if strings.HasPrefix(plain, "request.") {
				want = "method." + plain
			}
		}
		switch header := strings.HasPrefix(plain, "request.header."); {
		case s != want:
			c.at(item, fmt.Sprintf("write %q", want), "identitySource: %q does not have the form of %s", s, protocol)
		case !anyNumber && !header && (rest || !strings.HasPrefix(plain, "request.")):
			c.at(item, "name a header", "identitySource: an authorizer of this type cannot take its token from %q", s)
		}
	}
}

// functionAuthorizer checks an authorizer of type lambda.
func (c *checker) functionAuthorizer(path string, api *API, a *Authorizer) {
	if api.Protocol == ProtocolREST {
		const httpOnly = " is for HTTP APIs; the functions of a REST API's authorizers return policies"
		c.unwanted(path+".payloadFormatVersion", "payloadFormatVersion"+httpOnly)
		c.unwanted(path+".enableSimpleResponses", "enableSimpleResponses"+httpOnly)
	} else {
		if a.Kind == "token" {
			c.at(path+".kind", "delete it, or write protocol: rest", "kind token is for REST APIs; an HTTP API's function gets the request")
		}
		if a.EnableSimpleResponses && a.PayloadFormatVersion == "1.0" {
			c.at(path+".enableSimpleResponses", `write payloadFormatVersion: "2.0", or delete enableSimpleResponses`, "simple responses need payload format 2.0")
		}
	}
	if a.ResultTTLInSeconds > 0 && a.Kind != "token" && len(a.IdentitySource) == 0 && !c.opaque[path+".identitySource"] {
		c.at(path+".identitySource", "name an identity source, or write resultTtlInSeconds: 0", "answers are kept for %d seconds and found by identity sources, of which there are none", a.ResultTTLInSeconds)
	}
	if expression := a.IdentityValidationExpression; expression != "" {
		at := path + ".identityValidationExpression"
		if _, err := regexp.Compile("^(?:" + expression + ")$"); err != nil {
			c.at(at, "only what Go (RE2) and Java both have can be enforced here", "identityValidationExpression cannot be compiled: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		if a.Kind != "token" {
			c.key(at, "delete it, or write kind: token", "identityValidationExpression goes with the kind token")
		}
	}
	if a.Function != nil {
		c.function(path, path+".function", api, a.Function)
	}
}

// routeScopes reports scopes that the route's authorizer does not look at.
func (c *checker) routeScopes(apiPath, path string, api *API, r *Route, kind string) {
	message, hint := "scopes are not checked by an authorizer of type lambda", "let the function check them, and delete them here"
	switch kind {
	case "lambda":
	case AuthorizerIAM:
		message, hint = "the authorizer iam checks no scopes: a request that is signed has none", "delete them"
	default:
		return
	}
	switch {
	case len(r.Scopes) > 0:
		c.at(path+".scopes", hint, "%s", message)
	case r.Scopes == nil && len(api.Defaults.Scopes) > 0:
		c.key(path, "add scopes: [] to the route", "%q gets the scopes of %s.defaults, and %s", strings.TrimPrefix(path, apiPath+".routes."), apiPath, message)
	}
}
