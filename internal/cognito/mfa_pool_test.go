package cognito_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var smsSender = obj{"SnsCallerArn": "arn:aws:iam::000000000000:role/sms"}

// mailSender and recovery are what e-mail MFA needs.
var (
	mailSender = obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:000000000000:identity/app@example.com"}
	recovery   = obj{"RecoveryMechanisms": []obj{{"Priority": 1, "Name": "verified_phone_number"}, {"Priority": 2, "Name": "verified_email"}}}
)

// mfaConfigOf gives what GetUserPoolMfaConfig and DescribeUserPool show.
func (w *world) mfaConfigOf(pool string) string {
	w.t.Helper()
	in := obj{"UserPoolId": pool}
	config := w.do("GetUserPoolMfaConfig", in)
	if described := w.do("DescribeUserPool", in)["UserPool"].(obj); described["MfaConfiguration"] != config["MfaConfiguration"] {
		w.t.Errorf("DescribeUserPool has %v, GetUserPoolMfaConfig %v", described["MfaConfiguration"], config)
	}
	return fmt.Sprint(config)
}

// A pool that a request made asks for the software token that its
// configuration takes, before and after a restart.
func TestSoftwareTokenAtRunTime(t *testing.T) {
	w := newWorld(t)
	pool := w.createPool(nil)
	client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "alice", "MessageAction": "SUPPRESS"})
	w.do("AdminSetUserPassword", obj{"UserPoolId": pool, "Username": "alice", "Password": goodPassword, "Permanent": true})
	signIn := obj{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": "alice", "PASSWORD": goodPassword}}
	access := w.tokensOf(w.do("InitiateAuth", signIn)).access
	w.refused("AssociateSoftwareToken", obj{"AccessToken": access}, "SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool")

	out := w.do("SetUserPoolMfaConfig", obj{"UserPoolId": pool, "MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}})
	const config = "map[MfaConfiguration:ON SoftwareTokenMfaConfiguration:map[Enabled:true]]"
	if fmt.Sprint(out) != config || w.mfaConfigOf(pool) != config {
		t.Errorf("got %v and %s", out, w.mfaConfigOf(pool))
	}
	w.restart()
	if got := w.mfaConfigOf(pool); got != config {
		t.Errorf("after a restart: %s", got)
	}
	setup := w.challenged("InitiateAuth", signIn, "MFA_SETUP")
	given := w.do("AssociateSoftwareToken", obj{"Session": setup["Session"]})
	verified := w.do("VerifySoftwareToken", obj{"Session": given["Session"], "UserCode": w.totp(given["SecretCode"], 0)})
	answer := func(challenge string, session any, more obj) obj {
		return obj{"ClientId": client, "ChallengeName": challenge, "Session": session, "ChallengeResponses": with(obj{"USERNAME": "alice"}, more)}
	}
	w.tokensOf(w.do("RespondToAuthChallenge", answer("MFA_SETUP", verified["Session"], nil)))
	w.restart()
	w.advance(time.Minute)
	asked := w.challenged("InitiateAuth", signIn, "SOFTWARE_TOKEN_MFA")
	w.refused("RespondToAuthChallenge", answer("SOFTWARE_TOKEN_MFA", asked["Session"], obj{"SOFTWARE_TOKEN_MFA_CODE": w.wrongTOTP(given["SecretCode"])}), "CodeMismatchException", totpMismatch)
	w.tokensOf(w.do("RespondToAuthChallenge", answer("SOFTWARE_TOKEN_MFA", asked["Session"], obj{"SOFTWARE_TOKEN_MFA_CODE": w.totp(given["SecretCode"], 0)})))

	// UpdateUserPool resets what it does not name: to OFF, and then there is no
	// factor left.
	w.do("UpdateUserPool", obj{"UserPoolId": pool, "MfaConfiguration": "OPTIONAL"})
	if got := w.mfaConfigOf(pool); got != strings.Replace(config, "ON", "OPTIONAL", 1) {
		t.Errorf("UpdateUserPool with MfaConfiguration: %s", got)
	}
	w.do("UpdateUserPool", obj{"UserPoolId": pool})
	if got := w.mfaConfigOf(pool); got != "map[MfaConfiguration:OFF]" {
		t.Errorf("UpdateUserPool without MfaConfiguration: %s", got)
	}
	w.tokensOf(w.do("InitiateAuth", signIn))
	w.refused("UpdateUserPool", obj{"UserPoolId": pool, "MfaConfiguration": "ON"}, "InvalidParameterException",
		"SMS configuration and Auto verification for phone_number are required when MFA is required/optional")
}

// SMS MFA goes with the pool's SmsConfiguration, and its messages have the text
// of the request.
func TestMessageMFAAtRunTime(t *testing.T) {
	w := newWorld(t)
	pool := w.createPool(obj{
		"MfaConfiguration": "ON", "SmsConfiguration": smsSender, "SmsAuthenticationMessage": "Door code {####}", "EmailConfiguration": mailSender, "AccountRecoverySetting": recovery,
		"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": []string{"PASSWORD"}}},
	})
	want := "map[MfaConfiguration:ON SmsMfaConfiguration:map[SmsAuthenticationMessage:Door code {####} SmsConfiguration:map[SnsCallerArn:arn:aws:iam::000000000000:role/sms]]]"
	if got := w.mfaConfigOf(pool); got != want {
		t.Errorf("got %s", got)
	}
	if got := w.do("DescribeUserPool", obj{"UserPoolId": pool})["UserPool"].(obj)["SmsAuthenticationMessage"]; got != "Door code {####}" {
		t.Errorf("SmsAuthenticationMessage is %v", got)
	}
	client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "alice", "MessageAction": "SUPPRESS",
		"UserAttributes": attrs("phone_number", "+15555550100", "phone_number_verified", "true", "email", "a@example.com", "email_verified", "true")})
	w.do("AdminSetUserPassword", obj{"UserPoolId": pool, "Username": "alice", "Password": goodPassword, "Permanent": true})
	signIn := obj{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": "alice", "PASSWORD": goodPassword}}
	body := func() string {
		t.Helper()
		messages, err := w.stage.Mailbox().List()
		if err != nil || len(messages) == 0 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		return messages[0].Subject + "/" + messages[0].Body
	}
	asked := w.challenged("InitiateAuth", signIn, "SMS_MFA")
	if got := body(); got != "/Door code "+w.code() {
		t.Errorf("the message is %q", got)
	}
	w.tokensOf(w.do("RespondToAuthChallenge", obj{"ClientId": client, "ChallengeName": "SMS_MFA", "Session": asked["Session"], "ChallengeResponses": obj{"USERNAME": "alice", "SMS_MFA_CODE": w.code()}}))

	set := obj{"UserPoolId": pool, "MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": obj{"Message": "Use {####}", "Subject": "Door"}}
	w.refused("SetUserPoolMfaConfig", set, "InvalidParameterException", "Can't turn off SMS_MFA when SMS configuration is set for the user pool")
	w.do("SetUserPoolMfaConfig", with(set, obj{"SmsMfaConfiguration": obj{}}))
	want = "map[EmailMfaConfiguration:map[Message:Use {####} Subject:Door] MfaConfiguration:OPTIONAL SmsMfaConfiguration:map[SmsConfiguration:map[SnsCallerArn:arn:aws:iam::000000000000:role/sms]]]"
	if got := w.mfaConfigOf(pool); got != want {
		t.Errorf("got %s", got)
	}
	w.do("AdminSetUserMFAPreference", obj{"UserPoolId": pool, "Username": "alice", "EmailMfaSettings": settings(true, true)})
	w.challenged("InitiateAuth", signIn, "EMAIL_OTP")
	if got := body(); got != "Door/Use "+w.code() {
		t.Errorf("the message is %q", got)
	}
	// What e-mail MFA needs cannot go while it is on.
	w.refused("UpdateUserPool", obj{"UserPoolId": pool, "MfaConfiguration": "ON", "EmailConfiguration": mailSender}, "InvalidParameterException",
		"Email MFA needs an AccountRecoverySetting with two RecoveryMechanisms.")
	w.refused("UpdateUserPool", obj{"UserPoolId": pool, "MfaConfiguration": "ON", "AccountRecoverySetting": recovery}, "InvalidParameterException",
		"Email MFA needs an EmailConfiguration with the EmailSendingAccount DEVELOPER.")
	if got := w.mfaConfigOf(pool); got != want {
		t.Errorf("a refused change left %s", got)
	}
	w.do("UpdateUserPool", obj{"UserPoolId": pool, "MfaConfiguration": "ON", "EmailConfiguration": mailSender, "AccountRecoverySetting": recovery})
	if got := w.mfaConfigOf(pool); got != "map[EmailMfaConfiguration:map[Message:Use {####} Subject:Door] MfaConfiguration:ON]" {
		t.Errorf("without SmsConfiguration: %s", got)
	}
	w.do("SetUserPoolMfaConfig", obj{"UserPoolId": pool, "MfaConfiguration": "OFF"})
	if got := w.mfaConfigOf(pool); got != "map[MfaConfiguration:OFF]" {
		t.Errorf("OFF: %s", got)
	}
}

// A pool that a request made lets users begin with what its SignInPolicy says.
func TestFirstFactorsAtRunTime(t *testing.T) {
	w := newWorld(t)
	pool := w.createPool(obj{"AutoVerifiedAttributes": []string{"email"}, "Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": []string{"PASSWORD", "EMAIL_OTP"}}}})
	client := w.createClient(pool, obj{"ExplicitAuthFlows": []string{"ALLOW_USER_AUTH"}})["ClientId"].(string)
	w.do("SignUp", obj{"ClientId": client, "Username": "alice", "UserAttributes": attrs("email", "a@example.com")})
	w.do("ConfirmSignUp", obj{"ClientId": client, "Username": "alice", "ConfirmationCode": w.code()})
	w.restart()
	policies := w.do("DescribeUserPool", obj{"UserPoolId": pool})["UserPool"].(obj)["Policies"].(obj)
	if got := fmt.Sprint(policies["SignInPolicy"]); got != "map[AllowedFirstAuthFactors:[PASSWORD EMAIL_OTP]]" {
		t.Errorf("SignInPolicy is %s", got)
	}
	signIn := obj{"ClientId": client, "AuthFlow": "USER_AUTH", "AuthParameters": obj{"USERNAME": "alice", "PREFERRED_CHALLENGE": "EMAIL_OTP"}}
	asked := w.challenged("InitiateAuth", signIn, "EMAIL_OTP")
	w.tokensOf(w.do("RespondToAuthChallenge", obj{"ClientId": client, "ChallengeName": "EMAIL_OTP", "Session": asked["Session"], "ChallengeResponses": obj{"USERNAME": "alice", "EMAIL_OTP_CODE": w.code()}}))
	w.do("UpdateUserPool", obj{"UserPoolId": pool})
	w.refused("InitiateAuth", signIn, "InvalidParameterException", "The user has no authentication factor that the user pool allows.")
}

func TestMFASettingsAtRunTimeAreChecked(t *testing.T) {
	w := newWorld(t)
	first := func(factors ...string) obj {
		return obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": factors}}
	}
	const sms = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
	for _, tt := range []struct {
		in            obj
		code, message string
	}{
		{obj{"MfaConfiguration": "OPTIONAL"}, "InvalidParameterException", sms},
		{obj{"Policies": first("PASSWORD", "WEB_AUTHN")}, "InvalidParameterException", "the first factor WEB_AUTHN is not emulated by Doorwright; leave it out."},
		{obj{"Policies": first("EMAIL_OTP")}, "InvalidParameterException", "AllowedFirstAuthFactors: PASSWORD is missing"},
		{obj{"Policies": first("PASSWORD", "SMS_OTP")}, "InvalidParameterException", "SMS configuration is required for the first factor SMS_OTP."},
		{obj{"Policies": first("PASSWORD", "EMAIL_OTP"), "UserPoolTier": "LITE"}, "FeatureUnavailableInTierException", "One-time passwords by e-mail and SMS are not available in the user pool tier LITE."},
		{obj{"Policies": first("PASSWORD", "EMAIL_OTP"), "MfaConfiguration": "ON", "SmsConfiguration": smsSender}, "InvalidParameterException", "AllowedFirstAuthFactors: only PASSWORD is possible while MFA is ON"},
	} {
		w.refused("CreateUserPool", with(obj{"PoolName": "made"}, tt.in), tt.code, tt.message)
	}
	pool := w.createPool(nil)
	for _, tt := range []struct {
		in      obj
		message string
	}{
		{obj{"MfaConfiguration": "ON"}, sms},
		{obj{"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": obj{"Enabled": false}}, sms},
		{obj{"MfaConfiguration": "ON", "SmsMfaConfiguration": obj{}}, "SMS MFA needs an SmsConfiguration."},
		{obj{"MfaConfiguration": "ON", "EmailMfaConfiguration": obj{}}, "Email MFA needs an EmailConfiguration with the EmailSendingAccount DEVELOPER."},
		{obj{"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}}, "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."},
		{obj{"WebAuthnConfiguration": obj{}}, "WebAuthnConfiguration is not emulated by Doorwright; leave it out."},
		{obj{"MfaConfiguration": "ON", "EmailMfaConfiguration": obj{"Message": "no code"}}, "1 validation error detected: Value 'no code' at 'emailMfaConfiguration.message' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}\\s*]*\\{####\\}[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}\\s*]*"},
	} {
		w.refused("SetUserPoolMfaConfig", with(obj{"UserPoolId": pool}, tt.in), "InvalidParameterException", tt.message)
	}
	if got := w.mfaConfigOf(pool); got != "map[MfaConfiguration:OFF]" {
		t.Errorf("refused requests left %s", got)
	}
}
