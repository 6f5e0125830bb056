// Command private greets the caller by the claims that the authorizer has
// verified. It checks nothing itself: an unauthorized request never gets here.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func handle(_ context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	claims := r.RequestContext.Authorizer.JWT.Claims
	return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "Hello " + claims["email"] + "!"}, nil
}

func main() { lambda.Start(handle) }
