package apigw

import "time"

// An EventREST is an event of a REST API's Lambda proxy integration. It has no
// version; every key is always there, and what is empty is null.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
type EventREST struct {
	Resource                        string
	Path                            string
	HTTPMethod                      string
	Headers                         []Pair
	MultiValueHeaders               []List
	QueryStringParameters           []Pair
	MultiValueQueryStringParameters []List
	PathParameters                  []Pair
	StageVariables                  []Pair
	RequestContext                  ContextREST
	// Body is the request's body as it came. IsBase64Encoded says that it
	// stands in the event as base64; else it is text.
	Body            []byte
	IsBase64Encoded bool
}

// A ContextREST is the requestContext of an EventREST.
type ContextREST struct {
	AccountID, APIID, DeploymentID string
	// Authorizer is the JSON of what the authorizer adds. Nil leaves the key out.
	Authorizer               []byte
	DomainName, DomainPrefix string
	ResourceID, ResourcePath string
	HTTPMethod               string
	Path, Protocol, Stage    string
	RequestID, ExtendedID    string
	Time                     time.Time
	SourceIP                 string
	// UserAgent is null if it is empty. APIKey and APIKeyID are left out if empty.
	UserAgent, APIKey, APIKeyID string
	// Signer is nil if nobody has signed.
	Signer *Signer
}

// AppendJSON appends the event's text, its keys in the order that REST APIs
// were observed to write.
func (e *EventREST) AppendJSON(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, 2*sizeHint(e.Body))
	}
	b = append(b, `{"resource":`...)
	b = appendString(b, e.Resource)
	b = appendMember(b, "path", e.Path)
	b = appendMember(b, "httpMethod", e.HTTPMethod)
	b = appendPairsOrNull(b, "headers", e.Headers)
	b = appendListsOrNull(b, "multiValueHeaders", e.MultiValueHeaders)
	b = appendPairsOrNull(b, "queryStringParameters", e.QueryStringParameters)
	b = appendListsOrNull(b, "multiValueQueryStringParameters", e.MultiValueQueryStringParameters)
	b = appendPairsOrNull(b, "pathParameters", e.PathParameters)
	b = appendPairsOrNull(b, "stageVariables", e.StageVariables)
	b = e.RequestContext.appendJSON(appendName(b, "requestContext"))
	if len(e.Body) > 0 {
		b = appendBody(appendName(b, "body"), e.Body, e.IsBase64Encoded)
	} else {
		b = appendNull(b, "body")
	}
	b = appendBool(b, "isBase64Encoded", e.IsBase64Encoded)
	return append(b, '}')
}

func appendListsOrNull(b []byte, name string, lists []List) []byte {
	if len(lists) == 0 {
		return appendNull(b, name)
	}
	return appendLists(appendName(b, name), lists)
}

func (c *ContextREST) appendJSON(b []byte) []byte {
	b = append(b, `{"resourceId":`...)
	b = appendString(b, c.ResourceID)
	if c.Authorizer != nil {
		b = append(appendName(b, "authorizer"), c.Authorizer...)
	}
	b = appendMember(b, "resourcePath", c.ResourcePath)
	b = appendMember(b, "httpMethod", c.HTTPMethod)
	b = appendMember(b, "extendedRequestId", c.ExtendedID)
	b = appendTime(b, "requestTime", c.Time)
	b = appendMember(b, "path", c.Path)
	b = appendMember(b, "accountId", c.AccountID)
	b = appendMember(b, "protocol", c.Protocol)
	b = appendMember(b, "stage", c.Stage)
	b = appendMember(b, "domainPrefix", c.DomainPrefix)
	b = appendInt(b, "requestTimeEpoch", c.Time.UnixMilli())
	b = appendMember(b, "requestId", c.RequestID)
	b = append(appendName(b, "identity"), '{')
	b = c.Signer.appendIdentity(b, "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller")
	if c.APIKey != "" {
		b = appendMember(b, "apiKey", c.APIKey)
	}
	b = appendMember(b, "sourceIp", c.SourceIP)
	b = appendNull(b, "principalOrgId")
	b = c.Signer.appendIdentity(b, "accessKey", "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn")
	if c.APIKeyID != "" {
		b = appendMember(b, "apiKeyId", c.APIKeyID)
	}
	if c.UserAgent != "" {
		b = appendMember(b, "userAgent", c.UserAgent)
	} else {
		b = appendNull(b, "userAgent")
	}
	b = c.Signer.appendIdentity(b, "user")
	b = append(b, '}')
	b = appendMember(b, "domainName", c.DomainName)
	b = appendMember(b, "deploymentId", c.DeploymentID)
	b = appendMember(b, "apiId", c.APIID)
	return append(b, '}')
}

// AppendClaims appends what a Cognito user pool's authorizer adds to the
// request context of a REST API: {"claims":{...}}.
func AppendClaims(b []byte, claims []Pair) []byte {
	return append(appendObject(append(b, `{"claims":`...), claims), '}')
}
