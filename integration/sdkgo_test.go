package integration

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
)

// sdk gives a client of aws-sdk-go-v2 as a user's program has it in the
// environment of `doorwright env`.
func (p *process) sdk(ctx context.Context) *idp.Client {
	p.t.Helper()
	env := objectOf(p.t, "env", p.dir, "--json")
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(env["AWS_REGION"]),
		config.WithBaseEndpoint(env["AWS_ENDPOINT_URL"]),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")),
		config.WithSharedConfigFiles(nil),
		config.WithSharedCredentialsFiles(nil),
	)
	if err != nil {
		p.t.Fatal(err)
	}
	return idp.NewFromConfig(cfg)
}

// TestWalkThroughBySDK is the walk-through through aws-sdk-go-v2, and the
// errors that a program handles.
func TestWalkThroughBySDK(t *testing.T) {
	need(t, "node")
	p := start(t, project(t, "api-auth-jwt-cognito-user-pool"))
	out := p.outputs()
	ctx := t.Context()
	c := p.sdk(ctx)
	client, pool := aws.String(out["UserPoolClientId"]), aws.String(out["UserPoolId"])
	user, password := aws.String("go@example.com"), aws.String("Passw0rd!")

	up, err := c.SignUp(ctx, &idp.SignUpInput{ClientId: client, Username: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if up.UserConfirmed || up.CodeDeliveryDetails == nil || aws.ToString(up.CodeDeliveryDetails.Destination) != "g***@e***" {
		t.Errorf("SignUp answers %+v", up)
	}
	signIn := &idp.InitiateAuthInput{
		ClientId: client, AuthFlow: types.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": *user, "PASSWORD": *password},
	}
	_, err = c.InitiateAuth(ctx, signIn)
	if unconfirmed := new(types.UserNotConfirmedException); !errors.As(err, &unconfirmed) {
		t.Errorf("InitiateAuth before the confirmation fails with %v", err)
	}
	if _, err := c.AdminConfirmSignUp(ctx, &idp.AdminConfirmSignUpInput{UserPoolId: pool, Username: user}); err != nil {
		t.Fatal(err)
	}
	auth, err := c.InitiateAuth(ctx, signIn)
	if err != nil {
		t.Fatal(err)
	}
	tokens := auth.AuthenticationResult
	if got := get(t, out["ApiEndpoint"]+"/private", *tokens.IdToken); got.status != 200 || got.body != "Hello user!" {
		t.Errorf("GET /private with the ID token answers %d %s", got.status, got.body)
	}
	if got := get(t, out["ApiEndpoint"]+"/private", *tokens.AccessToken); got.status != 200 {
		t.Errorf("GET /private with the access token answers %d %s; the gateway takes it by client_id", got.status, got.body)
	}

	refreshed, err := c.InitiateAuth(ctx, &idp.InitiateAuthInput{
		ClientId: client, AuthFlow: types.AuthFlowTypeRefreshTokenAuth,
		AuthParameters: map[string]string{"REFRESH_TOKEN": *tokens.RefreshToken},
	})
	if err != nil {
		t.Fatal(err)
	}
	if refreshed.AuthenticationResult.RefreshToken != nil {
		t.Error("a refresh answers a refresh token; Cognito gives none without rotation")
	}
	who, err := c.GetUser(ctx, &idp.GetUserInput{AccessToken: refreshed.AuthenticationResult.AccessToken})
	if err != nil || aws.ToString(who.Username) != aws.ToString(up.UserSub) {
		t.Errorf("GetUser answers %v, %v; want the username %s", who, err, *up.UserSub)
	}
	if _, err := c.GlobalSignOut(ctx, &idp.GlobalSignOutInput{AccessToken: tokens.AccessToken}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetUser(ctx, &idp.GetUserInput{AccessToken: tokens.AccessToken})
	wantError(t, err, "NotAuthorizedException", "Access Token has been revoked")
}

// TestAdminOperationsNeedTheRootKeys calls an admin operation with keys that
// are not the stage's, and with a changed secret.
func TestAdminOperationsNeedTheRootKeys(t *testing.T) {
	p := start(t, project(t, "quickstart"))
	out := p.outputs()
	env := objectOf(t, "env", p.dir, "--json")
	call := func(key, secret string) error {
		_, err := p.sdk(t.Context()).AdminGetUser(t.Context(),
			&idp.AdminGetUserInput{UserPoolId: aws.String(out["UserPoolId"]), Username: aws.String("nobody")},
			func(o *idp.Options) {
				o.Credentials = credentials.NewStaticCredentialsProvider(key, secret, "")
				o.RetryMaxAttempts = 1
			})
		return err
	}
	wantError(t, call("AKIAIOSFODNN7EXAMPLE", env["AWS_SECRET_ACCESS_KEY"]), "UnrecognizedClientException", "The security token included in the request is invalid.")
	wantError(t, call(env["AWS_ACCESS_KEY_ID"], "not"+env["AWS_SECRET_ACCESS_KEY"]), "InvalidSignatureException", "")
	wantError(t, call(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]), "UserNotFoundException", "User does not exist.")
}

// wantError wants a service's error by code and, unless empty, by message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("the call ends with %v; want %s", err, code)
		return
	}
	if api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("the call fails with %s: %s; want %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}
