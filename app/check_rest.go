package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ProtocolREST is the Protocol of a REST API.
const ProtocolREST = "rest"

// The longest that an integration may take (API Gateway quotas).
const (
	longestHTTP = 30 * time.Second
	longestREST = 29 * time.Second
)

func (a *API) longestTimeout() time.Duration {
	if a.Protocol == ProtocolREST {
		return longestREST
	}
	return longestHTTP
}

// rest checks what is different in a REST API.
func (c *checker) rest(path string, api *API) {
	if api.StageName == "$default" {
		if _, written := c.places[path+".stageName"]; written {
			c.at(path+".stageName", "give the stage a name, or delete the line: then it is the app's stage", "a REST API has no stage $default")
		}
		api.StageName = c.app.Stage
	}
	c.restCORS(path+".cors", api.CORS)
	c.gatewayResponses(path+".gatewayResponses", api)
	c.apiKeys(path, api)
	c.usagePlans(path, api)
	c.resourcePolicy(path+".resourcePolicy", api)
	const oneFormat = "payloadFormatVersion is for HTTP APIs; a REST API has one format"
	c.unwanted(path+".defaults.payloadFormatVersion", oneFormat)
	for name, a := range api.Authorizers.All() {
		at := join(path+".authorizers", name)
		switch {
		case a == nil || c.opaque[at]:
		case a.Type == "jwt":
			c.at(at+".type", "write protocol: http, where they are", "a REST API has no JWT authorizers")
		}
	}
	for key, r := range api.Routes.All() {
		at := join(path+".routes", key)
		if r == nil || c.opaque[at] {
			continue
		}
		if key == "$default" {
			c.key(at, `write "ANY /{proxy+}", and "ANY /" for the root`, "a REST API has no route $default")
		}
		if !r.URL.IsZero() {
			c.key(at+".url", "write function:, or protocol: http", "a url in a REST API %s", unsupported)
		}
		c.unwanted(at+".payloadFormatVersion", oneFormat)
		if r.Timeout > longestREST {
			c.at(at+".timeout", "write 29s or less", "timeout: a REST API waits 29s at most, not %s", formatDuration(r.Timeout))
		}
	}
}

// unwanted reports the key of path if it is there.
func (c *checker) unwanted(path, message string) {
	if _, ok := c.places[path]; ok {
		c.key(path, "delete it", "%s", message)
	}
}

// onlyREST reports what an HTTP API has not.
func (c *checker) onlyREST(path string, api *API) {
	for _, key := range []string{"gatewayResponses", "binaryMediaTypes", "apiKeySource", "apiKeys", "usagePlans", "throttle", "resourcePolicy"} {
		c.unwanted(join(path, key), key+" of an HTTP API: only REST APIs have that")
	}
	for route := range api.Routes.All() {
		for _, key := range []string{"requestParameters", "apiKeyRequired", "throttle"} {
			c.unwanted(join(path+".routes", route)+"."+key, key+" in an HTTP API: only REST APIs have that")
		}
	}
}

// restCORS checks what a REST API cannot do of CORS: what it sends is a constant.
func (c *checker) restCORS(path string, cors *CORS) {
	if cors == nil || len(cors.AllowOrigins) == 0 {
		return
	}
	if strings.HasSuffix(cors.AllowOrigins[0], "//*") {
		c.at(path+".allowOrigins[0]", "write *, or the origins", "the first origin of a REST API stands in its errors, so it cannot be %s", cors.AllowOrigins[0])
	}
	c.unwanted(path+".exposeHeaders", "the functions of a REST API write Access-Control-Expose-Headers themselves")
}

// responseTypes are the types of gateway responses that can be changed.
var responseTypes = []string{
	"ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY",
	"BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT",
	"INVALID_API_KEY", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "RESOURCE_NOT_FOUND",
	"THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
}

// contextName is a name of $context that gateway responses can use (API Gateway
// developer guide, api-gateway-mapping-template-reference).
const contextName = `(accountId|apiId|authorizer\.(claims\.)?[A-Za-z0-9_-]+|domainName|domainPrefix|error\.(message|messageString|responseType|validationErrorString)|` +
	`extendedRequestId|httpMethod|identity\.(sourceIp|userAgent)|path|protocol|requestId|requestTime|requestTimeEpoch|resourceId|resourcePath|stage)`

// templateVariable is a variable in a template, and knownVariable one that is filled in.
var (
	templateVariable = regexp.MustCompile(`\$(context|stageVariables|method\.request)\.[A-Za-z0-9._-]*`)
	knownVariable    = late(`^\$(context\.` + contextName + `|stageVariables\.[A-Za-z0-9_.-]+|method\.request\.(header|querystring|path)\.[A-Za-z0-9._-]+)$`)
)

// reservedHeaders are those the gateway writes itself, or the connection needs.
var reservedHeaders = []string{
	"content-length", "date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype", "x-amzn-trace-id",
	"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}

func (c *checker) gatewayResponses(path string, api *API) {
	for kind, r := range api.GatewayResponses.All() {
		at := join(path, kind)
		if r == nil || c.opaque[at] {
			continue
		}
		for name := range r.Headers.All() {
			if slices.Contains(reservedHeaders, strings.ToLower(name)) {
				c.key(join(at+".headers", name), "delete it", "the gateway writes %s itself", name)
			}
		}
		for media, text := range r.Templates.All() {
			for _, name := range templateVariable.FindAllString(text, -1) {
				if name = strings.TrimRight(name, "."); !knownVariable.MatchString(name) {
					c.at(join(at+".templates", media), "the variables are "+variableNames(), "%s is not known in a gateway response", name)
				}
			}
		}
	}
}

// variableNames lists contextName for people.
func variableNames() string {
	names := strings.NewReplacer(
		"error\\.(message|messageString|responseType|validationErrorString)", "error.message, error.messageString, error.responseType, error.validationErrorString",
		"identity\\.(sourceIp|userAgent)", "identity.sourceIp, identity.userAgent", `authorizer\.(claims\.)?[A-Za-z0-9_-]+`, "authorizer.NAME, authorizer.claims.NAME",
		"|", ", ", "(", "", ")", "",
	).Replace(contextName)
	return "$context. with " + names + ", and $stageVariables.NAME and $method.request.header.NAME"
}

var parameterPattern = late(`^('[^'\x00-\x1f\x7f]*'|method\.request\.(header|querystring|path)\.[A-Za-z0-9._-]+|context\.` + contextName + `|stageVariables\.[A-Za-z0-9_]+)$`)

var bareLiteral = regexp.MustCompile(`^[^'"$]+$`)

// fixParameter knows the slips with a response parameter.
func fixParameter(s string) string {
	g := parameterPattern
	for _, prefix := range []string{"$", "integration.", "gatewayresponse."} {
		if rest := strings.TrimPrefix(s, prefix); rest != s && g.MatchString(rest) {
			return fmt.Sprintf("write %q", rest)
		}
	}
	if literal := "'" + s + "'"; bareLiteral.MatchString(s) && !strings.Contains(s, "request.") && !strings.HasPrefix(s, "context.") && g.MatchString(literal) {
		return fmt.Sprintf("a literal stands in single quotes inside the text: %q", literal)
	}
	return ""
}
