package cognito

import (
	"context"
	"slices"
)

// preSignUpRequest is what the function before a sign-up is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html).
type preSignUpRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	ValidationData map[string]string `json:"validationData"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
}

type preSignUpResponse struct {
	AutoConfirmUser bool `json:"autoConfirmUser"`
	AutoVerifyEmail bool `json:"autoVerifyEmail"`
	AutoVerifyPhone bool `json:"autoVerifyPhone"`
}

// preSignUp asks the function before a sign-up and applies to u, which is not
// yet kept, what it says. What u is given is told as the request has it:
// whether an address is verified, the sub and the status are not there yet. It
// says whether aliases that others have verified move to u: an alias that the
// function vouches for does.
func (p *Pool) preSignUp(ctx context.Context, source string, u *user) (moveAliases bool, err error) {
	if !p.has(triggerPreSignUp) {
		return false, nil
	}
	c := callOf(ctx)
	request := preSignUpRequest{UserAttributes: map[string]string{}, ValidationData: c.validation(), ClientMetadata: c.metadata()}
	for name, value := range u.attributes {
		if name != "email_verified" && name != "phone_number_verified" {
			request.UserAttributes[name] = value
		}
	}
	var response preSignUpResponse
	m := moment{trigger: triggerPreSignUp, source: "PreSignUp_" + source, user: u.username}
	if err := p.run(ctx, m, request, &response); err != nil {
		return false, err
	}
	if source == "AdminCreateUser" {
		// "autoConfirmUser ... ignored by Amazon Cognito when the trigger is
		// called by AdminCreateUser", and so are the other two.
		if response != (preSignUpResponse{}) {
			c.note("what the trigger PreSignUp confirms or verifies is ignored for AdminCreateUser, as on AWS")
		}
		return false, nil
	}
	if response.AutoConfirmUser {
		u.status = statusConfirmed
	}
	for _, verify := range []struct {
		asked bool
		name  string
	}{{response.AutoVerifyEmail, "email"}, {response.AutoVerifyPhone, "phone_number"}} {
		if verify.asked {
			u.attributes[verify.name+"_verified"] = "true"
			moveAliases = moveAliases || slices.Contains(p.cfg.AliasAttributes, verify.name)
		}
	}
	return moveAliases, checkVerifiable(u.attributes)
}

// postConfirmationRequest is what the function after a confirmation is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-post-confirmation.html).
type postConfirmationRequest struct {
	UserAttributes map[string]string `json:"userAttributes"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
}

// The sources of a confirmation.
const (
	confirmedSignUp   = "ConfirmSignUp"
	confirmedPassword = "ConfirmForgotPassword"
)

// postConfirmation tells the function after a confirmation. The user stays
// confirmed whatever it answers; the caller hears of its failure. Nil for u:
// nothing was confirmed.
func (p *Pool) postConfirmation(ctx context.Context, source string, u *user) error {
	if u == nil || !p.has(triggerPostConfirmation) {
		return nil
	}
	request := postConfirmationRequest{p.triggerAttributes(u), callOf(ctx).metadata()}
	m := moment{trigger: triggerPostConfirmation, source: "PostConfirmation_" + source, user: u.username}
	return p.run(ctx, m, request, &struct{}{})
}
