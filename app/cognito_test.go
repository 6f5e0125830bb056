package app_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
)

// TestCognitoWords: every word that the declaration takes is one of Cognito's, in its
// order. A word that is forgotten would be an empty one here and on AWS.
func TestCognitoWords(t *testing.T) {
	var (
		pool   app.UserPool
		client app.UserPoolClient
	)
	for _, tt := range []struct {
		of    any
		field string
		words func() []string
		want  string
	}{
		{&pool, "AutoVerify", pool.AutoVerifiedAttributes, "email phone_number"},
		{&pool, "AllowedFirstAuthFactors", pool.FirstAuthFactors, "PASSWORD EMAIL_OTP SMS_OTP"},
		{&pool, "EnabledMfas", pool.MFAFactors, "SOFTWARE_TOKEN_MFA SMS_MFA EMAIL_OTP"},
		{&client, "OAuthFlows", client.AllowedOAuthFlows, "code implicit client_credentials"},
		{&client, "AuthFlows", client.ExplicitAuthFlows,
			"ALLOW_USER_PASSWORD_AUTH ALLOW_ADMIN_USER_PASSWORD_AUTH ALLOW_USER_SRP_AUTH ALLOW_CUSTOM_AUTH ALLOW_USER_AUTH ALLOW_REFRESH_TOKEN_AUTH"},
	} {
		v := reflect.ValueOf(tt.of).Elem()
		f, ok := v.Type().FieldByName(tt.field)
		if !ok || f.Tag.Get("enum") == "" {
			t.Fatalf("%s is no list of words", tt.field)
		}
		if got := tt.words(); got != nil {
			t.Errorf("%s is empty and gives %q", tt.field, got)
		}
		v.FieldByIndex(f.Index).Set(reflect.ValueOf(strings.Fields(f.Tag.Get("enum"))))
		if got := strings.Join(tt.words(), " "); got != tt.want {
			t.Errorf("%s gives %s, want %s", tt.field, got, tt.want)
		}
	}
	client.RefreshTokenRotation = &app.RefreshTokenRotation{}
	if got := client.ExplicitAuthFlows(); slices.Contains(got, "ALLOW_REFRESH_TOKEN_AUTH") || len(got) != 5 {
		t.Errorf("with rotation a client has %q", got)
	}
	client.AuthFlows = nil
	if got := strings.Join(client.ExplicitAuthFlows(), " "); got != "ALLOW_USER_SRP_AUTH ALLOW_CUSTOM_AUTH" {
		t.Errorf("with rotation and the default flows a client has %s", got)
	}
	pool.SignInAliases = []string{"email", "username", "preferredUsername"}
	if beside, instead := pool.Aliases(); strings.Join(beside, " ") != "email preferred_username" || instead != nil {
		t.Errorf("beside a username %q, in its place %q", beside, instead)
	}
	pool.SignInAliases = []string{"phone", "email"}
	if beside, instead := pool.Aliases(); beside != nil || strings.Join(instead, " ") != "phone_number email" {
		t.Errorf("beside a username %q, in its place %q", beside, instead)
	}
}
