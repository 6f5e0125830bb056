// Command authorizer is the Lambda authorizer of account-api-go as one writes it
// with golang-jwt: the limit beside which lambdaauth is measured. It does the
// least that a real one does: it fetches the issuer's keys once, and verifies
// signature, issuer, audience and expiry.
package main

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/golang-jwt/jwt/v5"
)

var keys = sync.OnceValues(func() (map[string]*rsa.PublicKey, error) {
	resp, err := http.Get(os.Getenv("JWKS_URI"))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, err
	}
	all := make(map[string]*rsa.PublicKey)
	for _, k := range set.Keys {
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		if err != nil {
			return nil, err
		}
		e, err := base64.RawURLEncoding.DecodeString(k.E)
		if err != nil {
			return nil, err
		}
		all[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	return all, nil
})

func handle(_ context.Context, event events.APIGatewayCustomAuthorizerRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	var claims struct {
		jwt.RegisteredClaims
		Scope string `json:"scope"`
	}
	token := strings.TrimPrefix(event.AuthorizationToken, "Bearer ")
	_, err := jwt.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		all, err := keys()
		if err != nil {
			return nil, err
		}
		id, _ := t.Header["kid"].(string)
		if key := all[id]; key != nil {
			return key, nil
		}
		return nil, errors.New("no such key")
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(os.Getenv("TOKEN_ISSUER")), jwt.WithAudience(os.Getenv("AUDIENCE")), jwt.WithExpirationRequired())
	if err != nil {
		return events.APIGatewayCustomAuthorizerResponse{}, errors.New("Unauthorized")
	}
	return events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: claims.Subject,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{Version: "2012-10-17", Statement: []events.IAMPolicyStatement{
			{Effect: "Allow", Action: []string{"execute-api:Invoke"}, Resource: []string{event.MethodArn}},
		}},
		Context: map[string]any{"scope": claims.Scope},
	}, nil
}

func main() { lambda.Start(handle) }
