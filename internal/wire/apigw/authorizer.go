package apigw

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The events that authorizer functions get and the replies that they give.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html

// AppendAuthorizerJSON appends the event as an authorizer function gets it: with
// the route's ARN and the values of the identity sources, and without a body or
// what an authorizer has said.
func (e *EventV2) AppendAuthorizerJSON(b []byte, routeARN string, identity []string) []byte {
	b = append(b, `{"version":"2.0","type":"REQUEST"`...)
	b = appendMember(b, "routeArn", routeARN)
	if len(identity) > 0 {
		b = appendArray(appendName(b, "identitySource"), identity)
	} else {
		b = appendNull(b, "identitySource")
	}
	return append(e.appendRequest(b), '}')
}

// AppendAuthorizerJSON appends the event as an authorizer function gets it. Its
// context is a smaller one, and its empty maps are {}, as in the developer
// guide's sample.
func (e *EventV1) AppendAuthorizerJSON(b []byte, methodARN string, identity []string) []byte {
	b = append(b, `{"version":"1.0","type":"REQUEST"`...)
	b = appendMember(b, "methodArn", methodARN)
	joined := strings.Join(identity, ",")
	b = appendMember(b, "identitySource", joined)
	b = appendMember(b, "authorizationToken", joined)
	b = appendMember(b, "resource", e.Resource)
	b = appendMember(b, "path", e.Path)
	b = appendMember(b, "httpMethod", e.HTTPMethod)
	b = appendObject(appendName(b, "headers"), e.Headers)
	b = appendObject(appendName(b, "queryStringParameters"), e.QueryStringParameters)
	b = appendObject(appendName(b, "pathParameters"), e.PathParameters)
	b = appendObject(appendName(b, "stageVariables"), e.StageVariables)
	c := &e.RequestContext
	b = append(b, `,"requestContext":{"path":`...)
	b = appendString(b, c.Path)
	b = appendMember(b, "accountId", c.AccountID)
	b = appendMember(b, "resourceId", c.ResourceID)
	b = appendMember(b, "stage", c.Stage)
	b = appendMember(b, "requestId", c.RequestID)
	b = append(b, `,"identity":{"sourceIp":`...)
	b = appendString(b, c.SourceIP)
	b = append(b, '}')
	b = appendMember(b, "resourcePath", e.Resource)
	b = appendMember(b, "httpMethod", c.HTTPMethod)
	b = appendMember(b, "apiId", c.APIID)
	return append(b, "}}"...)
}

// A Member is one member of a JSON object whose values are of any kind.
type Member struct {
	Name  string
	Value []byte // JSON text
}

// A Caller is what an authorizer function has said of who calls.
type Caller struct {
	// PrincipalID is empty after a simple response.
	PrincipalID string
	// Context is nil if the function gave none.
	Context []Member
}

// appendV2 appends the members of requestContext.authorizer in format 2.0, in
// which values keep their types.
func (c *Caller) appendV2(b []byte) []byte {
	if c.Context == nil {
		return append(b, `"lambda":null`...)
	}
	b = append(b, `"lambda":{`...)
	for i, m := range c.Context {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, m.Name), ':')
		b = append(b, m.Value...)
	}
	return append(b, '}')
}

// appendV1 appends them in format 1.0, in which the context lies beside
// principalId. A principalId of the context would be the second of its name.
func (c *Caller) appendV1(b []byte) []byte {
	comma := false
	if c.PrincipalID != "" {
		b = append(b, `"principalId":`...)
		b, comma = appendString(b, c.PrincipalID), true
	}
	for _, m := range c.Context {
		if m.Name == "principalId" {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(appendString(b, m.Name), ':')
		b = append(b, m.Value...)
	}
	return b
}

// An AuthorizerReply is the reply of an authorizer function.
type AuthorizerReply struct {
	Caller
	// IsAuthorized is the verdict of a simple response.
	IsAuthorized bool
	// PolicyDocument is the text of the policy of any other reply.
	PolicyDocument []byte
	// UsageIdentifierKey is an API key of a usage plan, for REST APIs.
	UsageIdentifierKey string
}

// reservedContext is the key that a context may not have: "You can't set a
// claims key in the context" (developer guide, api-gateway-lambda-authorizer-output,
// of $context.authorizer.claims).
const reservedContext = "claims"

// ParseSimpleReply reads a simple response:
//
//	{"isAuthorized": true, "context": {…}}
func ParseSimpleReply(reply []byte) (AuthorizerReply, error) {
	var out AuthorizerReply
	seen := false
	err := replyMembers(reply, func(name string, value []byte) (err error) {
		switch name {
		case "isAuthorized":
			seen = true
			out.IsAuthorized, err = boolValue(name, value)
		case "context":
			out.Context, err = parseContext(value, false)
		default:
			err = unknownKey(name)
		}
		return err
	})
	if err == nil && !seen {
		err = errors.New("it has no isAuthorized")
	}
	if err != nil {
		return AuthorizerReply{}, fmt.Errorf("reading the authorizer's simple response: %w", err)
	}
	return out, nil
}

// ParsePolicyReply reads a reply with a policy:
//
//	{"principalId": "…", "policyDocument": {…}, "context": {…}}
//
// If scalars is set, values of the context have to be strings, numbers or
// booleans, as REST APIs and format 1.0 want them.
func ParsePolicyReply(reply []byte, scalars bool) (AuthorizerReply, error) {
	var out AuthorizerReply
	seen := false
	err := replyMembers(reply, func(name string, value []byte) (err error) {
		switch name {
		case "principalId":
			seen = true
			out.PrincipalID, err = stringValue(name, value)
		case "policyDocument":
			out.PolicyDocument = value
		case "context":
			out.Context, err = parseContext(value, scalars)
		case "usageIdentifierKey":
			if !isNull(value) {
				out.UsageIdentifierKey, err = stringValue(name, value)
			}
		default:
			err = unknownKey(name)
		}
		return err
	})
	switch {
	case err != nil:
	case !seen:
		err = errors.New("it has no principalId")
	case out.PolicyDocument == nil:
		err = errors.New("it has no policyDocument")
	}
	if err != nil {
		return AuthorizerReply{}, fmt.Errorf("reading the authorizer's response: %w", err)
	}
	return out, nil
}

// replyMembers reads an object that has each of its keys once: of two verdicts
// none is believed.
func replyMembers(reply []byte, member func(name string, value []byte) error) error {
	if !json.Valid(reply) {
		return errors.New("it is not JSON")
	}
	text := skipSpace(reply)
	if text[0] != '{' {
		return fmt.Errorf("it is %s, not an object", kind(text))
	}
	return distinctMembers("it", text, member)
}

func distinctMembers(what string, object []byte, member func(name string, value []byte) error) error {
	seen := map[string]bool{}
	return members(object, func(name string, value []byte) error {
		if seen[name] {
			return fmt.Errorf("%s has %.40q twice", what, name)
		}
		seen[name] = true
		return member(name, value)
	})
}

func unknownKey(name string) error { return fmt.Errorf("it has the unknown key %.40q", name) }

func stringValue(field string, value []byte) (string, error) {
	if !isString(value) {
		return "", notString(field, value)
	}
	return string(decodeString(value)), nil
}

// parseContext reads a context. Null stands for none.
func parseContext(value []byte, scalars bool) ([]Member, error) {
	if isNull(value) {
		return nil, nil
	}
	if value[0] != '{' {
		return nil, fmt.Errorf("context is %s, not an object", kind(value))
	}
	list := []Member{}
	err := distinctMembers("context", value, func(name string, v []byte) error {
		if name == reservedContext {
			return errors.New("context has the key claims, which is reserved")
		}
		if k := kind(v); scalars && (k == "an object" || k == "an array" || k == "null") {
			return fmt.Errorf("context[%.40q] is %s; only strings, numbers and booleans can be passed on", name, k)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, v); err != nil {
			return err
		}
		list = append(list, Member{name, compact.Bytes()})
		return nil
	})
	return list, err
}
