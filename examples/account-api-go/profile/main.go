// Command profile answers GET /profile to callers with the scope get:profile.
package main

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(_ context.Context, r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	scope, _ := r.RequestContext.Authorizer["scope"].(string)
	if !slices.Contains(strings.Fields(scope), "get:profile") {
		return events.APIGatewayProxyResponse{StatusCode: 403, Body: `{"message":"Error: Forbidden","info":"scope \"get:profile\" is required"}`}, nil
	}
	return events.APIGatewayProxyResponse{StatusCode: 200, Body: `{"name":"Daniël"}`}, nil
}
