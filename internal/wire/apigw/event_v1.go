package apigw

import "time"

// An EventV1 is an event in payload format 1.0 of an HTTP API. Every key is
// always there; what is empty is null.
type EventV1 struct {
	Resource                        string
	Path                            string
	HTTPMethod                      string
	Headers                         []Pair
	MultiValueHeaders               []List
	QueryStringParameters           []Pair
	MultiValueQueryStringParameters []List
	PathParameters                  []Pair
	StageVariables                  []Pair
	RequestContext                  ContextV1
	// Body is the request's body as it came. IsBase64Encoded says that it
	// stands in the event as base64; else it must be UTF-8.
	Body            []byte
	IsBase64Encoded bool
}

// A ContextV1 is the requestContext of an EventV1.
type ContextV1 struct {
	AccountID, APIID string
	// Authorizer or Lambda is what the route's authorizer says. On open routes
	// both are nil; AWS's sample event shows an authorizer there whose claims and
	// scopes are null.
	Authorizer               *JWT
	Lambda                   *Caller
	Signer                   *Signer // nil if nobody has signed
	DomainName, DomainPrefix string
	HTTPMethod               string
	SourceIP, UserAgent      string
	Path, Protocol           string
	// RequestID is also extendedRequestId.
	RequestID  string
	ResourceID string
	Stage      string
	Time       time.Time
}

// AppendJSON appends the event's text.
func (e *EventV1) AppendJSON(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, 2*sizeHint(e.Body))
	}
	b = append(b, `{"version":"1.0"`...)
	b = appendMember(b, "resource", e.Resource)
	b = appendMember(b, "path", e.Path)
	b = appendMember(b, "httpMethod", e.HTTPMethod)
	b = appendObject(appendName(b, "headers"), e.Headers)
	b = appendLists(appendName(b, "multiValueHeaders"), e.MultiValueHeaders)
	b = appendPairsOrNull(b, "queryStringParameters", e.QueryStringParameters)
	if len(e.MultiValueQueryStringParameters) > 0 {
		b = appendLists(appendName(b, "multiValueQueryStringParameters"), e.MultiValueQueryStringParameters)
	} else {
		b = appendNull(b, "multiValueQueryStringParameters")
	}
	b = e.RequestContext.appendJSON(appendName(b, "requestContext"), e.Resource)
	b = appendPairsOrNull(b, "pathParameters", e.PathParameters)
	b = appendPairsOrNull(b, "stageVariables", e.StageVariables)
	if len(e.Body) > 0 {
		b = appendBody(appendName(b, "body"), e.Body, e.IsBase64Encoded)
	} else {
		b = appendNull(b, "body")
	}
	b = appendBool(b, "isBase64Encoded", e.IsBase64Encoded)
	return append(b, '}')
}

func appendPairsOrNull(b []byte, name string, pairs []Pair) []byte {
	if len(pairs) == 0 {
		return appendNull(b, name)
	}
	return appendObject(appendName(b, name), pairs)
}

func (c *ContextV1) appendJSON(b []byte, resource string) []byte {
	b = append(b, `{"accountId":`...)
	b = appendString(b, c.AccountID)
	b = appendMember(b, "apiId", c.APIID)
	b = append(b, `,"authorizer":{`...)
	switch {
	case c.Authorizer != nil:
		b = c.Authorizer.appendMembers(b)
	case c.Lambda != nil:
		b = c.Lambda.appendV1(b)
	default:
		b = append(b, `"claims":null,"scopes":null`...)
	}
	b = append(b, '}')
	b = appendMember(b, "domainName", c.DomainName)
	b = appendMember(b, "domainPrefix", c.DomainPrefix)
	b = appendMember(b, "extendedRequestId", c.RequestID)
	b = appendMember(b, "httpMethod", c.HTTPMethod)
	b = append(appendName(b, "identity"), '{')
	b = c.Signer.appendIdentity(b, "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
		"cognitoIdentityId", "cognitoIdentityPoolId")
	b = appendNull(b, "principalOrgId")
	b = appendMember(b, "sourceIp", c.SourceIP)
	b = c.Signer.appendIdentity(b, "user")
	b = appendMember(b, "userAgent", c.UserAgent)
	b = c.Signer.appendIdentity(b, "userArn")
	b = append(b, '}')
	b = appendMember(b, "path", c.Path)
	b = appendMember(b, "protocol", c.Protocol)
	b = appendMember(b, "requestId", c.RequestID)
	b = appendTime(b, "requestTime", c.Time)
	b = appendInt(b, "requestTimeEpoch", c.Time.UnixMilli())
	b = appendMember(b, "resourceId", c.ResourceID)
	b = appendMember(b, "resourcePath", resource)
	b = appendMember(b, "stage", c.Stage)
	return append(b, '}')
}
