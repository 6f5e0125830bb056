// Command authorizer verifies the tokens of the Account API.
package main

import (
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/doorwright/doorwright/lambdaauth"
)

func main() {
	auth, err := lambdaauth.New(lambdaauth.Config{
		Issuer:   os.Getenv("TOKEN_ISSUER"),
		Audience: []string{os.Getenv("AUDIENCE")},
		JWKSURL:  os.Getenv("JWKS_URI"), // without one, the issuer's discovery document says
	})
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(auth.Token)
}
