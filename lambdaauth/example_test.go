package lambdaauth_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/doorwright/doorwright/lambdaauth"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// The whole of a Lambda function that is a REST API's TOKEN authorizer.
func Example() {
	main := func() {
		auth, err := lambdaauth.New(lambdaauth.Config{
			Issuer:   "https://example.eu.auth0.com/", // with its slash
			Audience: []string{"https://api.example.com"},
			Claims:   []string{"email"},
		})
		if err != nil {
			log.Fatal(err)
		}
		lambda.Start(auth.Token)
	}
	_ = main
}

// What a TOKEN authorizer answers.
func ExampleAuthorizer_Token() {
	issuer := verifytest.NewIssuer(verify.RS256) // stands for https://example.eu.auth0.com/
	defer issuer.Close()
	auth, err := lambdaauth.New(lambdaauth.Config{Issuer: issuer.URL(), Audience: []string{"https://api.example.com"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}

	event := events.APIGatewayCustomAuthorizerRequest{
		Type:               "TOKEN",
		AuthorizationToken: "Bearer " + issuer.Token(verifytest.Claims{"sub": "alice", "scope": "get:profile"}),
		MethodArn:          "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/GET/profile",
	}
	answer, err := auth.Token(context.Background(), event)
	fmt.Println(answer.PrincipalID, answer.Context["scope"], err)
	fmt.Println(answer.PolicyDocument.Statement[0].Effect, answer.PolicyDocument.Statement[0].Resource)

	event.AuthorizationToken = "Bearer " + issuer.Token(verifytest.Claims{"aud": "https://other.example.com"})
	_, err = auth.Token(context.Background(), event)
	fmt.Println(err)
	// Output:
	// alice get:profile <nil>
	// Allow [arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/*/*]
	// Unauthorized
}

// What an authorizer with simple responses answers to a token without the scope.
func ExampleAuthorizer_Simple() {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	auth, err := lambdaauth.New(lambdaauth.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.example.com"}, Scopes: []string{"write"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	for _, scope := range []string{"read write", "read"} {
		answer, err := auth.Simple(context.Background(), events.APIGatewayV2CustomAuthorizerV2Request{
			Version: "2.0", RouteArn: "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/$default/GET/profile",
			Headers: map[string]string{"authorization": "Bearer " + issuer.Token(verifytest.Claims{"scope": scope})},
		})
		fmt.Println(answer.IsAuthorized, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}
