package lambdaauth

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Token is the handler of a REST API's TOKEN authorizer.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
func (a *Authorizer) Token(ctx context.Context, event events.APIGatewayCustomAuthorizerRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	if event.Type != "TOKEN" {
		return events.APIGatewayCustomAuthorizerResponse{}, fmt.Errorf("lambdaauth: the event's type is %q, not TOKEN: is the authorizer of this kind?", event.Type)
	}
	return a.answer(ctx, event.AuthorizationToken, event.MethodArn)
}

// Request is the handler of a REST API's REQUEST authorizer, and of an HTTP API's in
// payload format 1.0.
func (a *Authorizer) Request(ctx context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	if event.Type != "REQUEST" || event.MethodArn == "" {
		return events.APIGatewayCustomAuthorizerResponse{}, fmt.Errorf("lambdaauth: the event's type is %q without a methodArn, not REQUEST in format 1.0: is the authorizer of this kind?", event.Type)
	}
	value, err := a.header(ctx, event.Headers, event.MultiValueHeaders)
	if err != nil {
		return events.APIGatewayCustomAuthorizerResponse{}, err
	}
	return a.answer(ctx, value, event.MethodArn)
}

// Policy is the handler of an HTTP API's authorizer in payload format 2.0 without
// simple responses.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
func (a *Authorizer) Policy(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerIAMPolicyResponse, error) {
	value, err := a.headerV2(ctx, &event)
	if err != nil {
		return events.APIGatewayV2CustomAuthorizerIAMPolicyResponse{}, err
	}
	r, err := a.answer(ctx, value, event.RouteArn)
	return events.APIGatewayV2CustomAuthorizerIAMPolicyResponse{PrincipalID: r.PrincipalID, PolicyDocument: r.PolicyDocument, Context: r.Context}, err
}

// Simple is the handler of an HTTP API's authorizer in payload format 2.0 with simple
// responses.
func (a *Authorizer) Simple(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	value, err := a.headerV2(ctx, &event)
	if err != nil {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	c, err := a.authorize(ctx, value)
	if err != nil || !c.allowed {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: c.context}, nil
}

// answer verifies a token and gives the policy for its caller.
func (a *Authorizer) answer(ctx context.Context, value, methodARN string) (events.APIGatewayCustomAuthorizerResponse, error) {
	resource, err := a.resource(methodARN)
	if err != nil {
		return events.APIGatewayCustomAuthorizerResponse{}, err
	}
	c, err := a.authorize(ctx, value)
	if err != nil {
		return events.APIGatewayCustomAuthorizerResponse{}, err
	}
	statement := events.IAMPolicyStatement{Action: []string{"execute-api:Invoke"}, Effect: "Deny", Resource: []string{resource}}
	if c.allowed {
		statement.Effect = "Allow"
	}
	return events.APIGatewayCustomAuthorizerResponse{
		PrincipalID:    c.principal,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{Version: "2012-10-17", Statement: []events.IAMPolicyStatement{statement}},
		Context:        c.context,
	}, nil
}

// literal spells what would be a wildcard or the beginning of a variable in a
// policy: a client may put them into the path that it asks for.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
var literal = strings.NewReplacer("*", "${*}", "?", "${?}", "${", "${$}{")

// resource gives what a policy names for a method ARN,
//
//	arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
func (a *Authorizer) resource(methodARN string) (string, error) {
	parts := strings.SplitN(methodARN, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "execute-api" {
		return "", fmt.Errorf("lambdaauth: %.100q is not the ARN of a method", methodARN)
	}
	path := strings.SplitN(parts[5], "/", 3)
	if len(path) < 3 || path[0] == "" || path[1] == "" || strings.ContainsAny(path[0]+path[1], "*?") {
		return "", fmt.Errorf("lambdaauth: %.100q is not the ARN of a method", methodARN)
	}
	if a.config.ExactResource {
		path[2] = literal.Replace(path[2])
	} else {
		path[2] = "*/*"
	}
	return strings.Join(parts[:5], ":") + ":" + strings.Join(path, "/"), nil
}

// errHeader is the cause where the header is there more than once.
var errHeader = errors.New("lambdaauth: the token's header is there more than once")

// header finds the token's header, whose name has no case, and which must be there
// once: of two, another reader of the request might believe the other.
func (a *Authorizer) header(ctx context.Context, single map[string]string, multi map[string][]string) (string, error) {
	value, names := "", 0
	for name, v := range single {
		if strings.EqualFold(name, a.config.Header) {
			value = v
			names++
		}
	}
	for name, list := range multi {
		if strings.EqualFold(name, a.config.Header) && (len(list) > 1 || len(list) == 1 && names == 1 && list[0] != value) {
			names = 2
		}
	}
	if names > 1 {
		return "", a.refuse(ctx, "SeveralTokens", errHeader)
	}
	return value, nil
}

// headerV2 is header for format 2.0. If the API has identity sources, the token has to
// be one of them: an answer that is kept for something else would let in whoever
// has that, with any token.
func (a *Authorizer) headerV2(ctx context.Context, event *events.APIGatewayV2CustomAuthorizerV2Request) (string, error) {
	if event.Version != "2.0" || event.RouteArn == "" {
		return "", fmt.Errorf("lambdaauth: the event's version is %q without a routeArn, not 2.0: is the authorizer of this format?", event.Version)
	}
	value, err := a.header(ctx, event.Headers, nil)
	if err != nil {
		return "", err
	}
	if len(event.IdentitySource) > 0 && value != "" && !slices.Contains(event.IdentitySource, value) {
		return "", fmt.Errorf("lambdaauth: the authorizer's identity sources have to include $request.header.%s, which the token is taken from", textproto.CanonicalMIMEHeaderKey(a.config.Header))
	}
	return value, nil
}
