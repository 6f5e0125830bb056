package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// A value gives a text of a request that failed. It is empty if there is none.
type value func(x *exchange, f failure) string

// contextVariables are what gateway responses may say of $context, beside
// authorizer.NAME and authorizer.claims.NAME. What only signed requests have is empty.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
var contextVariables = map[string]value{
	"accountId":                   func(x *exchange, _ failure) string { return x.g.config.AccountID },
	"apiId":                       func(x *exchange, _ failure) string { return x.g.config.ID },
	"domainName":                  func(x *exchange, _ failure) string { return x.g.config.DomainName },
	"domainPrefix":                func(x *exchange, _ failure) string { return x.g.domainPrefix },
	"error.message":               func(_ *exchange, f failure) string { return f.text() },
	"error.messageString":         func(_ *exchange, f failure) string { return f.message },
	"error.responseType":          func(_ *exchange, f failure) string { return f.kind },
	"error.validationErrorString": func(_ *exchange, f failure) string { return f.validation },
	"extendedRequestId":           func(x *exchange, _ failure) string { return x.rest.extendedID },
	"httpMethod":                  func(x *exchange, _ failure) string { return x.r.Method },
	"identity.sourceIp":           func(x *exchange, _ failure) string { return x.entry.SourceIP },
	"identity.userAgent":          func(x *exchange, _ failure) string { return x.r.UserAgent() },
	"path":                        func(x *exchange, _ failure) string { return x.rest.contextPath },
	"protocol":                    func(x *exchange, _ failure) string { return x.r.Proto },
	"requestId":                   func(x *exchange, _ failure) string { return x.entry.RequestID },
	"requestTime":                 func(x *exchange, _ failure) string { return apigw.FormatTime(x.entry.Time) },
	"requestTimeEpoch":            func(x *exchange, _ failure) string { return strconv.FormatInt(x.entry.Time.UnixMilli(), 10) },
	"resourceId":                  func(x *exchange, _ failure) string { return x.resourceID() },
	"resourcePath":                func(x *exchange, _ failure) string { return x.resourcePath() },
	"stage":                       func(x *exchange, _ failure) string { return x.g.config.Stage },
}

func (x *exchange) resourcePath() string {
	if x.match.endpoint == nil {
		return ""
	}
	return x.match.resource
}

func (x *exchange) resourceID() string {
	if x.match.endpoint == nil {
		return ""
	}
	return shortID(x.g.config.ID + "\x00" + x.match.resource)
}

// text gives the message without its quotes, and null as nothing.
func (f failure) text() string {
	if s, ok := strings.CutPrefix(f.message, `"`); ok {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(s, `"`))
	}
	return ""
}

// variable compiles a name such as context.requestId, stageVariables.table or
// method.request.header.Origin.
func variableValue(name string) (value, error) {
	kind, rest, _ := strings.Cut(name, ".")
	switch kind {
	case "context":
		if claim, ok := strings.CutPrefix(rest, "authorizer.claims."); ok && claim != "" {
			return func(x *exchange, _ failure) string { return pairValue(x.rest.decision.EventClaims(nil), claim) }, nil
		}
		if name, ok := strings.CutPrefix(rest, "authorizer."); ok && name != "" && !strings.Contains(name, ".") {
			return func(x *exchange, _ failure) string { return x.rest.decision.Caller.Text(name) }, nil
		}
		if v := contextVariables[rest]; v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("there is no $context.%s; there are %s, authorizer.NAME and authorizer.claims.NAME",
			rest, strings.Join(slices.Sorted(maps.Keys(contextVariables)), ", "))
	case "stageVariables":
		if rest != "" {
			return func(x *exchange, _ failure) string { return pairValue(x.g.stageVariables, rest) }, nil
		}
	case "method":
		if v := parameterValue(rest); v != nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%q is none of context.NAME, stageVariables.NAME and method.request.{header|querystring|path}.NAME", name)
}

// parameterValue gives a parameter of the request: "request.header.Origin".
func parameterValue(name string) value {
	if header, ok := strings.CutPrefix(name, "request.header."); ok && header != "" {
		return func(x *exchange, _ failure) string {
			if strings.EqualFold(header, "Host") {
				return x.r.Host
			}
			return x.r.Header.Get(header)
		}
	}
	if parameter, ok := strings.CutPrefix(name, "request.querystring."); ok && parameter != "" {
		return func(x *exchange, _ failure) string { return pairValue(queryREST(nil, x.r.URL.RawQuery), parameter) }
	}
	if variable, ok := strings.CutPrefix(name, "request.path."); ok && variable != "" {
		return func(x *exchange, _ failure) string { return pairValue(x.pathParametersREST(nil), variable) }
	}
	return nil
}

// queryREST decodes a query of a REST API: a semicolon parts data as & does
// (api-gateway-known-issues).
func queryREST(to []apigw.Pair, raw string) []apigw.Pair {
	return appendQuery(to, strings.ReplaceAll(raw, ";", "&"))
}

// pathParametersREST gives the values of the path's variables as they were sent.
func (x *exchange) pathParametersREST(to []apigw.Pair) []apigw.Pair {
	if x.match.endpoint == nil {
		return to
	}
	for _, v := range x.match.variables {
		to = append(to, apigw.Pair{Name: v.name, Value: strings.TrimSuffix(escapedValue(x.rest.path, v), "/")})
	}
	return to
}

// pairValue gives the last value of a name.
func pairValue(pairs []apigw.Pair, name string) string {
	for _, p := range slices.Backward(pairs) {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// compileParameter compiles the value of a response parameter: 'a literal', or
// the name of a variable.
func compileParameter(text string) (value, error) {
	if s, ok := strings.CutPrefix(text, "'"); ok {
		s, closed := strings.CutSuffix(s, "'")
		if !closed || strings.Contains(s, "'") || !validValue(s) {
			return nil, fmt.Errorf("%q is not a literal between single quotes that a header can hold", text)
		}
		return func(*exchange, failure) string { return s }, nil
	}
	return variableValue(text)
}

// A template is a text with variables, such as {"m":$context.error.messageString}.
// It is not the Velocity of mapping templates: nothing but variables is replaced.
//
// "[gateway response templates] support only simple variable substitution" (api-gateway-gatewayResponse-definition)
type template []func(x *exchange, f failure) string

func compileTemplate(text string) (template, error) {
	var t template
	literal := func(s string) {
		if s != "" {
			t = append(t, func(*exchange, failure) string { return s })
		}
	}
	for {
		i := variableStart(text)
		if i < 0 {
			literal(text)
			return t, nil
		}
		literal(text[:i])
		name := variableName(text[i+1:])
		v, err := variableValue(name)
		if err != nil {
			return nil, err
		}
		t = append(t, v)
		text = text[i+1+len(name):]
	}
}

// variableStart gives where the first variable of a template begins, or -1.
func variableStart(text string) int {
	first := -1
	for _, prefix := range [...]string{"$context.", "$stageVariables.", "$method.request."} {
		if i := strings.Index(text, prefix); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

// variableName gives the name that a text begins with. A dot behind it ends a
// sentence.
func variableName(text string) string {
	n := len(text) - len(strings.TrimLeft(text, segmentNameBytes))
	return strings.TrimRight(text[:n], ".")
}

const segmentNameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

// text fills a template in.
func (t template) text(x *exchange, f failure) string {
	var b strings.Builder
	for _, part := range t {
		b.WriteString(part(x, f))
	}
	return b.String()
}

// mediaType says whether s is type/subtype (RFC 9110, section 8.3.1).
func mediaType(s string) bool {
	kind, sub, ok := strings.Cut(s, "/")
	return ok && validName(kind) && validName(sub)
}
