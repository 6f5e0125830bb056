package apigw

import "time"

// AppendTokenEvent appends the event of a TOKEN authorizer of a REST API.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
func AppendTokenEvent(b []byte, token, methodARN string) []byte {
	b = append(b, `{"type":"TOKEN"`...)
	b = appendMember(b, "authorizationToken", token)
	b = appendMember(b, "methodArn", methodARN)
	return append(b, '}')
}

// AppendAuthorizerJSON appends the event as a REQUEST authorizer gets it. Its
// context is a smaller one, and its empty maps are {}, as in the developer
// guide's sample.
func (e *EventREST) AppendAuthorizerJSON(b []byte, methodARN string) []byte {
	b = append(b, `{"type":"REQUEST"`...)
	b = appendMember(b, "methodArn", methodARN)
	b = appendMember(b, "resource", e.Resource)
	b = appendMember(b, "path", e.Path)
	b = appendMember(b, "httpMethod", e.HTTPMethod)
	b = appendObject(appendName(b, "headers"), e.Headers)
	b = appendLists(appendName(b, "multiValueHeaders"), e.MultiValueHeaders)
	b = appendObject(appendName(b, "queryStringParameters"), e.QueryStringParameters)
	b = appendLists(appendName(b, "multiValueQueryStringParameters"), e.MultiValueQueryStringParameters)
	b = appendObject(appendName(b, "pathParameters"), e.PathParameters)
	b = appendObject(appendName(b, "stageVariables"), e.StageVariables)
	c := &e.RequestContext
	b = append(b, `,"requestContext":{"path":`...)
	b = appendString(b, c.Path)
	b = appendMember(b, "accountId", c.AccountID)
	b = appendMember(b, "resourceId", c.ResourceID)
	b = appendMember(b, "stage", c.Stage)
	b = appendMember(b, "requestId", c.RequestID)
	b = append(b, `,"identity":{`...)
	if c.APIKey != "" {
		b = append(b, `"apiKey":`...)
		b = append(appendString(b, c.APIKey), ',')
	}
	b = append(b, `"sourceIp":`...)
	b = appendString(b, c.SourceIP)
	b = append(b, '}')
	b = appendMember(b, "resourcePath", c.ResourcePath)
	b = appendMember(b, "httpMethod", c.HTTPMethod)
	b = appendMember(b, "apiId", c.APIID)
	return append(b, "}}"...)
}

// AppendREST appends what an authorizer function adds to the request context of a
// REST API: its context, in which each value has become a string, principalId,
// and how long the function took. A member of the context with the name of one of
// the others would be the second of its name.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
func (c *Caller) AppendREST(b []byte, latency time.Duration) []byte {
	b = append(b, `{"principalId":`...)
	b = appendString(b, c.PrincipalID)
	for _, m := range c.Context {
		if m.Name == "principalId" || m.Name == "integrationLatency" {
			continue
		}
		b = append(appendString(append(b, ','), m.Name), ':')
		if isString(m.Value) {
			b = append(b, m.Value...)
		} else {
			b = appendString(b, m.Value) // a number or a boolean, in its own words
		}
	}
	b = appendInt(b, "integrationLatency", latency.Milliseconds())
	return append(b, '}')
}

// Text gives principalId, or a member of the context, as a REST API's templates
// have it. It is empty if there is none.
func (c *Caller) Text(name string) string {
	if c == nil {
		return ""
	}
	for _, m := range c.Context {
		if m.Name == name {
			if isString(m.Value) {
				return string(decodeString(m.Value))
			}
			return string(m.Value)
		}
	}
	if name == "principalId" {
		return c.PrincipalID
	}
	return ""
}
