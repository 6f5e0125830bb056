package gateway

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// decide asks the route's authorizer. It has answered itself if it gives no
// decision.
func (x *exchange) decide() (authorizer.Decision, bool) {
	if s, ok := x.match.authorizer.(SignedAuthorizer); ok {
		return x.decideSigned(s)
	}
	f, ok := x.match.authorizer.(FunctionAuthorizer)
	if !ok {
		return x.match.authorizer.Authorize(x.r, x.match.scopes), true
	}
	q := x.question(f.Format())
	if x.g.rest != nil && len(q.ARN) > maxMethodARN {
		return methodARNTooLong(q.ARN), true
	}
	return f.Decide(q), true
}

// maxMethodARN: "For an authorization-enabled method ARN ... the maximum length is
// 1600 bytes ... When this happens, the API client will receive a 414 Request URI
// too long response" (api-gateway-lambda-authorizer-output).
const maxMethodARN = 1600

// question shows the request to an authorizer function.
func (x *exchange) question(format authorizer.Format) *authorizer.Question {
	arn, readings := x.methodARN()
	var shown func(string) string
	if len(x.secretSegments()) > 0 {
		shown = func(path string) string { return x.withoutSegments(path, redacted) }
	}
	return &authorizer.Question{
		HTTP: x.r, ARN: arn, Readings: readings, ShownARN: x.withoutSegments(arn, "*"), Shown: shown,
		Variable:       x.contextVariable,
		StageVariables: x.g.stageVariables,
		SourceIP:       x.entry.SourceIP,
		Invocation:     x.asks(),
		Time:           x.entry.Time,
		ResourcePolicy: x.rest.policy,
		Declared:       x.g.config.Declared,
		Dry:            x.dry,
		Event: func(identity []string) []byte {
			switch format {
			case authorizer.FormatToken:
				return apigw.AppendTokenEvent(nil, identity[0], arn)
			case authorizer.FormatRequest:
				e := x.eventREST()
				return e.AppendAuthorizerJSON(nil, arn)
			}
			x.gather(x.r.ContentLength)
			if format == authorizer.FormatV1 {
				e := x.eventV1()
				return e.AppendAuthorizerJSON(nil, arn, identity)
			}
			e := x.eventV2()
			return e.AppendAuthorizerJSON(nil, arn, identity)
		},
	}
}

// methodARN gives the ARN of the method and path asked for: with the actual path,
// not the resource's, and without a slash in front of it. Encoded or decoded is
// not documented: that of a REST API has the path as it was sent, that of an HTTP
// API decoded, as its events have. The other readings are given apart.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
func (x *exchange) methodARN() (arn string, readings []string) {
	c := &x.g.config
	sent := x.rest.path
	if x.g.rest == nil {
		sent = x.r.URL.EscapedPath()
		if c.Stage != DefaultStage {
			sent = strings.TrimPrefix(sent, "/"+c.Stage)
		}
	}
	of := func(path string) string {
		return c.executeAPI(c.AccountID, c.ID+"/"+c.Stage+"/"+x.r.Method+"/"+strings.TrimPrefix(path, "/"))
	}
	decoded, err := url.PathUnescape(sent)
	if err != nil {
		decoded = sent
	}
	if x.g.rest != nil {
		arn, decoded = of(sent), of(decoded)
	} else {
		arn, decoded = of(decoded), of(sent)
	}
	for _, r := range [...]string{decoded, strings.TrimSuffix(decoded, "/"), strings.TrimSuffix(arn, "/")} {
		if r != arn {
			readings = append(readings, r)
		}
	}
	return arn, readings
}

// partition gives the partition of a region.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// contextVariable gives one of authorizer.ContextVariables.
func (x *exchange) contextVariable(name string) string {
	c := &x.g.config
	path := x.r.URL.Path
	if x.g.rest != nil {
		path = x.rest.contextPath
	}
	switch name {
	case "accountId":
		return c.AccountID
	case "apiId":
		return c.ID
	case "domainName":
		return c.DomainName
	case "domainPrefix":
		return x.g.domainPrefix
	case "httpMethod":
		return x.r.Method
	case "identity.sourceIp":
		return x.entry.SourceIP
	case "identity.userAgent":
		return x.r.UserAgent()
	case "path":
		return path
	case "protocol":
		return x.r.Proto
	case "requestId":
		return x.entry.RequestID
	case "requestTime":
		return x.entry.Time.UTC().Format(clfTime)
	case "requestTimeEpoch":
		return strconv.FormatInt(x.entry.Time.UnixMilli(), 10)
	case "routeKey":
		return x.match.key
	case "stage":
		return c.Stage
	}
	return ""
}

// clfTime is the Common Log Format's.
const clfTime = "02/Jan/2006:15:04:05 -0700"
