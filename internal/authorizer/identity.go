package authorizer

import (
	"fmt"
	"slices"
	"strings"
)

// An identity is one identity source of an authorizer function.
type identity struct {
	source               // a header or a query parameter, or
	variable      string // a context variable, or
	stageVariable string // a stage variable
}

// ContextVariables are the context variables that identity sources may name.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
func ContextVariables() []string {
	return []string{
		"accountId", "apiId", "domainName", "domainPrefix", "httpMethod", "identity.sourceIp", "identity.userAgent",
		"path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "routeKey", "stage",
	}
}

// parseIdentity reads an identity source: of an HTTP API
//
//	$request.header.NAME  $request.querystring.NAME  $context.NAME  $stageVariables.NAME
//
// and of a REST API
//
//	method.request.header.NAME  method.request.querystring.NAME  context.NAME  stageVariables.NAME
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/configure-api-gateway-lambda-authorization.html
func parseIdentity(text string, format Format) (identity, error) {
	rest, ok := text, true
	if format.rest() {
		rest = strings.TrimPrefix(text, "method.")
		ok = strings.HasPrefix(rest, "request.") == (rest != text)
	} else {
		rest, ok = strings.CutPrefix(text, "$")
	}
	if src, err := parseSource("$" + rest); ok && err == nil {
		return identity{source: src}, nil
	}
	if name, is := strings.CutPrefix(rest, "context."); ok && is {
		if !slices.Contains(ContextVariables(), name) {
			return identity{}, fmt.Errorf("identity source %q: the context variables are %s", text, strings.Join(ContextVariables(), ", "))
		}
		return identity{variable: name}, nil
	}
	if name, is := strings.CutPrefix(rest, "stageVariables."); ok && is && isName(name) {
		return identity{stageVariable: name}, nil
	}
	return identity{}, fmt.Errorf("identity source %q is not one of %s", text, strings.Join(format.identityForms(), ", "))
}

func (f Format) identityForms() []string {
	switch f {
	case FormatToken:
		return []string{"method.request.header.NAME"}
	case FormatRequest:
		return []string{"method.request.header.NAME", "method.request.querystring.NAME", "context.NAME", "stageVariables.NAME"}
	}
	return []string{"$request.header.NAME", "$request.querystring.NAME", "$context.NAME", "$stageVariables.NAME"}
}

// read gives the value, and how many there are.
func (i identity) read(q *Question) (value string, count int) {
	switch {
	case i.variable != "":
		value = q.Variable(i.variable)
	case i.stageVariable != "":
		for _, v := range q.StageVariables {
			if v.Name == i.stageVariable {
				value = v.Value
			}
		}
	default:
		return i.source.read(q.HTTP)
	}
	return value, 1
}

func (i identity) String() string {
	switch {
	case i.variable != "":
		return "context variable " + i.variable
	case i.stageVariable != "":
		return "stage variable " + i.stageVariable
	}
	return i.source.String()
}

func (i identity) hint() string {
	switch {
	case i.variable != "":
		return ""
	case i.stageVariable != "":
		return "give the stage variable " + i.stageVariable + " a value"
	case i.header != "":
		return "send the header " + i.header
	}
	return "send ?" + i.query + "=..."
}
