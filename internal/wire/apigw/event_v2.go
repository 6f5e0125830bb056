package apigw

import "time"

// An EventV2 is an event in payload format 2.0. Sections that are empty are
// left out of it, but for headers.
type EventV2 struct {
	RouteKey              string
	RawPath               string
	RawQueryString        string
	Cookies               []string
	Headers               []Pair // names are written in lower case
	QueryStringParameters []Pair
	PathParameters        []Pair
	StageVariables        []Pair
	RequestContext        ContextV2
	// Body is the request's body as it came. IsBase64Encoded says that it
	// stands in the event as base64; else it must be UTF-8.
	Body            []byte
	IsBase64Encoded bool
}

// A ContextV2 is the requestContext of an EventV2.
type ContextV2 struct {
	AccountID, APIID string
	// Authorizer or Lambda is what the route's authorizer says. On open routes
	// both are nil, and authorizer is left out.
	Authorizer               *JWT
	Lambda                   *Caller
	Signer                   *Signer // who has signed, of a route with IAM authorization
	DomainName, DomainPrefix string
	Method, Path, Protocol   string
	SourceIP, UserAgent      string
	RequestID, Stage         string
	Time                     time.Time
}

// AppendJSON appends the event's text.
func (e *EventV2) AppendJSON(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, sizeHint(e.Body))
	}
	b = append(b, `{"version":"2.0"`...)
	b = e.appendRequest(b)
	if len(e.Body) > 0 {
		b = appendBody(appendName(b, "body"), e.Body, e.IsBase64Encoded)
	}
	b = appendBool(b, "isBase64Encoded", e.IsBase64Encoded)
	return append(b, '}')
}

// appendRequest appends what an integration and an authorizer both get.
func (e *EventV2) appendRequest(b []byte) []byte {
	b = appendMember(b, "routeKey", e.RouteKey)
	b = appendMember(b, "rawPath", e.RawPath)
	b = appendMember(b, "rawQueryString", e.RawQueryString)
	if len(e.Cookies) > 0 {
		b = appendArray(appendName(b, "cookies"), e.Cookies)
	}
	b = appendLowerObject(appendName(b, "headers"), e.Headers)
	if len(e.QueryStringParameters) > 0 {
		b = appendObject(appendName(b, "queryStringParameters"), e.QueryStringParameters)
	}
	b = e.RequestContext.appendJSON(appendName(b, "requestContext"), e.RouteKey)
	if len(e.PathParameters) > 0 {
		b = appendObject(appendName(b, "pathParameters"), e.PathParameters)
	}
	if len(e.StageVariables) > 0 {
		b = appendObject(appendName(b, "stageVariables"), e.StageVariables)
	}
	return b
}

func (c *ContextV2) appendJSON(b []byte, routeKey string) []byte {
	b = append(b, `{"accountId":`...)
	b = appendString(b, c.AccountID)
	b = appendMember(b, "apiId", c.APIID)
	switch {
	case c.Authorizer != nil:
		b = append(b, `,"authorizer":{"jwt":{`...)
		b = c.Authorizer.appendMembers(b)
		b = append(b, "}}"...)
	case c.Lambda != nil:
		b = append(b, `,"authorizer":{`...)
		b = c.Lambda.appendV2(b)
		b = append(b, '}')
	case c.Signer != nil:
		b = append(b, `,"authorizer":{`...)
		b = c.Signer.appendV2(b)
		b = append(b, '}')
	}
	b = appendMember(b, "domainName", c.DomainName)
	b = appendMember(b, "domainPrefix", c.DomainPrefix)
	b = append(b, `,"http":{"method":`...)
	b = appendString(b, c.Method)
	b = appendMember(b, "path", c.Path)
	b = appendMember(b, "protocol", c.Protocol)
	b = appendMember(b, "sourceIp", c.SourceIP)
	b = appendMember(b, "userAgent", c.UserAgent)
	b = append(b, '}')
	b = appendMember(b, "requestId", c.RequestID)
	b = appendMember(b, "routeKey", routeKey)
	b = appendMember(b, "stage", c.Stage)
	b = appendTime(b, "time", c.Time)
	b = appendInt(b, "timeEpoch", c.Time.UnixMilli())
	return append(b, '}')
}
