package integration

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// TestBySRP signs users up and in through amazon-cognito-identity-js: by SRP,
// with a new password, and for an administrator's user; the API takes the
// token.
func TestBySRP(t *testing.T) {
	t.Parallel()
	js := scripts(t)
	p := clients(t, "clients")
	out := p.outputs()
	invited, temporary := "invited@example.com", "Temp0rary!"
	if _, err := p.sdk(t.Context()).AdminCreateUser(t.Context(), &idp.AdminCreateUserInput{
		UserPoolId: aws.String(out["UserPoolId"]), Username: &invited, TemporaryPassword: &temporary, MessageAction: types.MessageActionTypeSuppress,
	}); err != nil {
		t.Fatal(err)
	}
	token := p.script(js, "srp.mjs", map[string]string{"Invited": invited, "TemporaryPassword": temporary})
	if got := get(t, out["ApiEndpoint"]+"/private", token); got.status != 200 || got.body != "Hello "+invited+"!" {
		t.Errorf("GET /private answers %d %s", got.status, got.body)
	}
}

// TestBySDKForJavaScript goes through the AWS SDK for JavaScript v3.
func TestBySDKForJavaScript(t *testing.T) {
	t.Parallel()
	js := scripts(t)
	p := clients(t, "clients")
	token := p.script(js, "sdk.mjs", nil)
	if got := get(t, p.outputs()["ApiEndpoint"]+"/private", token); got.status != 200 || got.body != "Hello made@example.com!" {
		t.Errorf("GET /private answers %d %s", got.status, got.body)
	}
}

// TestAWSVerifierTakesOurTokens has aws-jwt-verify judge tokens of the stage,
// and forgeries of them.
func TestAWSVerifierTakesOurTokens(t *testing.T) {
	t.Parallel()
	js := scripts(t)
	p := clients(t, "clients")
	out := p.outputs()
	tokens, err := json.Marshal(map[string]*types.AuthenticationResultType{
		"ours":        p.newUser(t.Context(), out["UserPoolId"], out["WebClientId"], "verify@example.com"),
		"otherClient": p.newUser(t.Context(), out["UserPoolId"], out["OtherClientId"], "verify2@example.com"),
		"otherPool":   p.newUser(t.Context(), out["OthersId"], out["OthersClientId"], "verify@example.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.script(js, "verify.mjs", map[string]string{"Tokens": string(tokens)})
}

// newUser signs a user up, and in with a password.
func (p *process) newUser(ctx context.Context, pool, client, user string) *types.AuthenticationResultType {
	p.t.Helper()
	c, password := p.sdk(ctx), "Passw0rd!"
	if _, err := c.SignUp(ctx, &idp.SignUpInput{ClientId: &client, Username: &user, Password: &password}); err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.AdminConfirmSignUp(ctx, &idp.AdminConfirmSignUpInput{UserPoolId: &pool, Username: &user}); err != nil {
		p.t.Fatal(err)
	}
	auth, err := c.InitiateAuth(ctx, &idp.InitiateAuthInput{
		ClientId: &client, AuthFlow: types.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": user, "PASSWORD": password},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return auth.AuthenticationResult
}
