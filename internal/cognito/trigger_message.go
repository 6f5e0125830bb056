package cognito

import (
	"context"
	"strings"
	"unicode/utf8"
)

// customMessageRequest is what the function before a message is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html).
// It is not told the code, but what to write in its place.
type customMessageRequest struct {
	UserAttributes    map[string]string `json:"userAttributes"`
	CodeParameter     string            `json:"codeParameter"`
	LinkParameter     string            `json:"linkParameter"`
	UsernameParameter *string           `json:"usernameParameter"`
	ClientMetadata    map[string]string `json:"clientMetadata,omitempty"`
}

type customMessageResponse struct {
	SMSMessage   *string `json:"smsMessage"`
	EmailMessage *string `json:"emailMessage"`
	EmailSubject *string `json:"emailSubject"`
}

// What stands in a message for what the function is not told.
const (
	codePlaceholder     = "{####}"
	linkPlaceholder     = "{##Click Here##}"
	usernamePlaceholder = "{username}"
)

// Bounds of messages, in characters: "For email, the maximum length for the
// message is 20,000 UTF-8 characters, including the verification code. ... For
// SMS, the maximum length is 140", and a subject's (EmailVerificationSubjectType).
const (
	maxEmailMessage = 20_000
	maxEmailSubject = 140
	maxSMSMessage   = 140
)

// messageSources gives, by the operation that sends it, what a message is to
// the function.
var messageSources = map[string]string{
	"SignUp":                           "SignUp",
	"AdminCreateUser":                  "AdminCreateUser",
	"ResendConfirmationCode":           "ResendCode",
	"ForgotPassword":                   "ForgotPassword",
	"AdminResetUserPassword":           "ForgotPassword",
	"UpdateUserAttributes":             "UpdateUserAttribute",
	"AdminUpdateUserAttributes":        "UpdateUserAttribute",
	"GetUserAttributeVerificationCode": "VerifyUserAttribute",
	"InitiateAuth":                     "Authentication",
	"AdminInitiateAuth":                "Authentication",
	"RespondToAuthChallenge":           "Authentication",
	"AdminRespondToAuthChallenge":      "Authentication",
}

// customMessage lets the pool's function write a message's text. What it
// leaves empty keeps Cognito's own text.
func (p *Pool) customMessage(ctx context.Context, msg *message) error {
	c := callOf(ctx)
	source, ok := messageSources[c.operation()]
	if msg.purpose == purposeSignIn { // by any operation, and on the hosted pages
		source, ok = "Authentication", true
	}
	if !ok || !p.has(triggerCustomMessage) {
		return nil
	}
	request := customMessageRequest{
		UserAttributes: p.triggerAttributes(msg.user), CodeParameter: codePlaceholder, LinkParameter: linkPlaceholder,
		ClientMetadata: c.laterMetadata(),
	}
	if source == "AdminCreateUser" {
		request.UsernameParameter = new(usernamePlaceholder)
	}
	var response customMessageResponse
	m := moment{trigger: triggerCustomMessage, source: "CustomMessage_" + source, user: msg.User}
	if err := p.run(ctx, m, request, &response); err != nil {
		return err
	}
	body, most := response.EmailMessage, maxEmailMessage
	if msg.Medium == "SMS" {
		body, most = response.SMSMessage, maxSMSMessage
	}
	if body != nil && *body != "" {
		text := *body
		if !strings.Contains(text, codePlaceholder) {
			return p.badLambda(m, "its message does not contain the codeParameter %s", codePlaceholder)
		}
		if source == "AdminCreateUser" && !strings.Contains(text, usernamePlaceholder) {
			return p.badLambda(m, "its message does not contain the usernameParameter %s", usernamePlaceholder)
		}
		pairs := []string{codePlaceholder, msg.Code}
		if source == "AdminCreateUser" {
			name, _ := c.members["Username"].(string)
			pairs = append(pairs, usernamePlaceholder, name)
		}
		// One pass: a username that reads like a placeholder is not replaced.
		msg.Body = strings.NewReplacer(pairs...).Replace(text)
		if n := utf8.RuneCountInString(msg.Body); n > most {
			return p.badLambda(m, "its message has %d characters; the limit is %d", n, most)
		}
	}
	if subject := response.EmailSubject; subject != nil && *subject != "" && msg.Medium == "EMAIL" {
		if n := utf8.RuneCountInString(*subject); n > maxEmailSubject {
			return p.badLambda(m, "its subject has %d characters; the limit is %d", n, maxEmailSubject)
		}
		msg.Subject = *subject
	}
	return nil
}
