package cognito_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

const otpMismatch = "Invalid code or auth state for the user."

// factorAnswers are the challenges whose codes are sent, with what their
// answers say the code in.
var factorAnswers = map[string]string{"SMS_MFA": "SMS_MFA_CODE", "EMAIL_OTP": "EMAIL_OTP_CODE", "SMS_OTP": "SMS_OTP_CODE"}

func (w *world) codeAnswer(challenge string, session any, name, code string) obj {
	return w.answer(challenge, session, name, obj{factorAnswers[challenge]: code})
}

// reachable makes a user with a verified address and number.
func (w *world) reachable(name string) (sub string) {
	w.t.Helper()
	w.do("AdminCreateUser", with(w.user(name), obj{"MessageAction": "SUPPRESS",
		"UserAttributes": attrs("email", name, "email_verified", "true", "phone_number", "+15550001234", "phone_number_verified", "true")}))
	w.do("AdminSetUserPassword", with(w.user(name), obj{"Password": goodPassword, "Permanent": true}))
	return w.attributesOf(name)["sub"]
}

func (w *world) prefer(name string, more obj) {
	w.t.Helper()
	w.do("AdminSetUserMFAPreference", with(w.user(name), more))
}

func TestCodesAsSecondFactor(t *testing.T) {
	for _, tt := range []struct{ factor, setting, medium, to, masked string }{
		{"SMS_MFA", "SMSMfaSettings", "SMS", "+15550001234", "+*******1234"},
		{"EMAIL_OTP", "EmailMfaSettings", "EMAIL", "a@example.com", "a***@e***"},
	} {
		t.Run(tt.factor, func(t *testing.T) {
			w := newWorld(t, mfaPool("OPTIONAL", "SMS_MFA", "EMAIL_OTP"))
			sub := w.reachable("a@example.com")
			w.signIn("a@example.com", goodPassword)
			w.prefer("a@example.com", obj{tt.setting: settings(true, false)})
			start := func() any {
				return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), tt.factor)["Session"]
			}
			out := w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), tt.factor)
			if got := fmt.Sprint(out["ChallengeParameters"]); got != fmt.Sprint(obj{"USER_ID_FOR_SRP": sub,
				"CODE_DELIVERY_DELIVERY_MEDIUM": tt.medium, "CODE_DELIVERY_DESTINATION": tt.masked}) {
				t.Errorf("got %s", got)
			}
			sent := w.codes[len(w.codes)-1]
			if sent != (cognito.CodeSent{Pool: "UserPool", User: sub, Medium: tt.medium, To: tt.to, Purpose: "sign-in", Code: sent.Code}) || len(sent.Code) != 6 {
				t.Errorf("sent %+v", sent)
			}
			good := w.codeAnswer(tt.factor, out["Session"], sub, sent.Code)
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, out["Session"], sub, w.wrongCode()), "CodeMismatchException", otpMismatch)
			// A code is for the session that it was sent in.
			second := start()
			if w.code() == sent.Code {
				t.Skip("one in a million: two codes are equal")
			}
			w.refused("RespondToAuthChallenge", with(good, obj{"Session": second}), "CodeMismatchException", otpMismatch)
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, out["Session"], sub, w.code()), "CodeMismatchException", otpMismatch)
			w.refused("RespondToAuthChallenge", with(good, obj{"ClientId": w.client("other")}), "NotAuthorizedException", invalidSession)
			w.reachable("b@example.com")
			w.refused("RespondToAuthChallenge", answering(good, obj{"USERNAME": "b@example.com"}), "NotAuthorizedException", invalidSession)
			w.tokensOf(w.do("RespondToAuthChallenge", good))
			w.refused("RespondToAuthChallenge", good, "NotAuthorizedException", sessionUsed)
			session := start()
			w.advance(3 * time.Minute)
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code()), "NotAuthorizedException", sessionExpired)

			// Of answers at once one wins; guesses are counted over sessions.
			session = start()
			oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return w.codeAnswer(tt.factor, session, sub, w.code()) }), sessionUsed)
			for range 10 {
				session = start()
				w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.wrongCode()), "CodeMismatchException", otpMismatch)
			}
			session = start()
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code()), "NotAuthorizedException", locked)
			w.advance(time.Second)
			w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, w.code())))

			// To another address the code proves nothing, nor once the factor is off.
			session = start()
			code := w.code()
			w.do("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("phone_number", "+15550009999", "phone_number_verified", "true",
				"email", "z@example.com", "email_verified", "true")}))
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, code), "CodeMismatchException", otpMismatch)
			w.prefer(sub, obj{tt.setting: settings(false, false)})
			w.refused("RespondToAuthChallenge", w.codeAnswer(tt.factor, session, sub, code), "NotAuthorizedException", invalidSession)
		})
	}
}

func TestSelectMFAType(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"))
	sub := w.reachable("a@example.com")
	access := w.signIn("a@example.com", goodPassword).access
	secret := w.token(access)
	w.do("SetUserMFAPreference", obj{"AccessToken": access, "SMSMfaSettings": settings(true, false), "SoftwareTokenMfaSettings": settings(true, false)})
	w.advance(time.Minute)
	start := func(challenge string) obj {
		t.Helper()
		return w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), challenge)
	}
	out := start("SELECT_MFA_TYPE")
	if got := fmt.Sprint(out["ChallengeParameters"]); got != fmt.Sprint(obj{"USER_ID_FOR_SRP": sub, "MFAS_CAN_CHOOSE": `["SMS_MFA","SOFTWARE_TOKEN_MFA"]`}) {
		t.Errorf("got %s", got)
	}
	choose := func(session any, factor string) obj {
		return w.answer("SELECT_MFA_TYPE", session, sub, obj{"ANSWER": factor})
	}
	w.refused("RespondToAuthChallenge", choose(out["Session"], "EMAIL_OTP"), "InvalidParameterException", "EMAIL_OTP is not one of the MFA types of the user.")
	w.refused("RespondToAuthChallenge", w.totpAnswer(out["Session"], sub, w.totp(secret, 0)), "NotAuthorizedException", invalidSession)
	next := w.challenged("RespondToAuthChallenge", choose(out["Session"], "SOFTWARE_TOKEN_MFA"), "SOFTWARE_TOKEN_MFA")
	w.refused("RespondToAuthChallenge", choose(out["Session"], "SMS_MFA"), "NotAuthorizedException", sessionUsed)
	w.tokensOf(w.do("RespondToAuthChallenge", w.totpAnswer(next["Session"], sub, w.totp(secret, 0))))
	next = w.challenged("RespondToAuthChallenge", choose(start("SELECT_MFA_TYPE")["Session"], "SMS_MFA"), "SMS_MFA")
	w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("SMS_MFA", next["Session"], sub, w.code())))
	session := start("SELECT_MFA_TYPE")["Session"]
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return choose(session, "SMS_MFA") }), sessionUsed)

	// The preferred one is asked for, one at most is preferred.
	w.prefer(sub, obj{"SMSMfaSettings": settings(true, true)})
	start("SMS_MFA")
	w.prefer(sub, obj{"EmailMfaSettings": settings(true, true)})
	if got := w.do("AdminGetUser", w.user(sub)); got["PreferredMfaSetting"] != "EMAIL_OTP" || fmt.Sprint(got["UserMFASettingList"]) != "[SMS_MFA SOFTWARE_TOKEN_MFA EMAIL_OTP]" {
		t.Errorf("got %v", got)
	}
	start("EMAIL_OTP")
	w.refused("AdminSetUserMFAPreference", with(w.user(sub), obj{"SMSMfaSettings": settings(true, true), "EmailMfaSettings": settings(true, true)}),
		"InvalidParameterException", "Only one MFA method can be preferred.")
	w.prefer(sub, obj{"EmailMfaSettings": settings(true, false)})
	start("SELECT_MFA_TYPE")
}

// TestMFANeedsItsAddress: to lose the address is no way around MFA.
func TestMFANeedsItsAddress(t *testing.T) {
	w := newWorld(t, mfaPool("ON", "SMS_MFA", "EMAIL_OTP"))
	w.confirmed("a@example.com")
	w.refused("AdminSetUserMFAPreference", with(w.user("a@example.com"), obj{"SMSMfaSettings": settings(true, false)}),
		"InvalidParameterException", "User does not have delivery config set to turn on SMS_MFA")
	// Who has a verified address is asked there although nothing is switched on.
	w.challenged("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "EMAIL_OTP")
	w.reachable("b@example.com")
	w.prefer("b@example.com", obj{"SMSMfaSettings": settings(true, true)})
	w.do("AdminDeleteUserAttributes", with(w.user("b@example.com"), obj{"UserAttributeNames": []string{"phone_number"}}))
	a := w.send("InitiateAuth", w.passwordAuth("b@example.com", goodPassword))
	if a.status != 400 || !strings.Contains(a.body, `"MFAMethodNotFoundException"`) { // the text is ours
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestMFASetupByEmail(t *testing.T) {
	p := mfaPool("ON", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA")
	p.UsernameAttributes, p.AliasAttributes = nil, []string{"email"}
	w := newWorld(t, p)
	for _, name := range []string{"amelie", "bertram"} {
		w.do("AdminCreateUser", with(w.user(name), obj{"MessageAction": "SUPPRESS"}))
		w.do("AdminSetUserPassword", with(w.user(name), obj{"Password": goodPassword, "Permanent": true}))
	}
	start := func(name string) any {
		out := w.challenged("InitiateAuth", w.passwordAuth(name, goodPassword), "MFA_SETUP")
		if got := out["ChallengeParameters"].(obj)["MFAS_CAN_SETUP"]; got != `["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]` {
			t.Errorf("got %v", got)
		}
		return out["Session"]
	}
	setup := func(name, email string) obj {
		return w.answer("MFA_SETUP", start(name), name, obj{"EMAIL": email})
	}
	w.refused("RespondToAuthChallenge", setup("amelie", "amelie"), "InvalidParameterException", "Invalid email address format.")
	late := w.challenged("RespondToAuthChallenge", setup("amelie", "thief@example.com"), "EMAIL_OTP")
	thief := w.code()
	out := w.challenged("RespondToAuthChallenge", setup("amelie", "a@example.com"), "EMAIL_OTP")
	if got := out["ChallengeParameters"].(obj)["CODE_DELIVERY_DESTINATION"]; got != "a***@e***" {
		t.Errorf("got %v", got)
	}
	if w.attributesOf("amelie")["email"] != "" {
		t.Error("the address is the user's before it is proved")
	}
	w.refused("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", out["Session"], "amelie", w.wrongCode()), "CodeMismatchException", otpMismatch)
	w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", out["Session"], "amelie", w.code())))
	if got := w.attributesOf("amelie"); got["email"] != "a@example.com" || got["email_verified"] != "true" {
		t.Errorf("got %v", got)
	}
	// The other session cannot put its own address in the place of that one.
	w.refused("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", late["Session"], "amelie", thief), "NotAuthorizedException", invalidSession)
	w.challenged("InitiateAuth", w.passwordAuth("amelie", goodPassword), "EMAIL_OTP")

	w.refused("RespondToAuthChallenge", with(setup("bertram", "a@example.com"), obj{"ClientId": w.client("other")}), "NotAuthorizedException", invalidSession)
	out = w.challenged("RespondToAuthChallenge", setup("bertram", "a@example.com"), "EMAIL_OTP")
	w.refused("RespondToAuthChallenge", w.codeAnswer("EMAIL_OTP", out["Session"], "bertram", w.code()), "AliasExistsException", "An account with the email already exists.")
	w.do("AdminUpdateUserAttributes", with(w.user("bertram"), obj{"UserAttributes": attrs("email", "b@example.com")}))
	w.refused("RespondToAuthChallenge", setup("bertram", "thief@example.com"), "InvalidParameterException", "The user has another email address.")
}

// TestResetIsNotTheFactor: a password reset does not go where MFA codes go.
func TestResetIsNotTheFactor(t *testing.T) {
	w := newWorld(t, mfaPool("OPTIONAL", "SMS_MFA", "EMAIL_OTP"))
	w.reachable("a@example.com")
	medium := func() any {
		return w.do("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "a@example.com"})["CodeDeliveryDetails"].(obj)["DeliveryMedium"]
	}
	if got := medium(); got != "SMS" {
		t.Errorf("got %v", got)
	}
	w.prefer("a@example.com", obj{"SMSMfaSettings": settings(true, false)})
	if got := medium(); got != "EMAIL" {
		t.Errorf("got %v", got)
	}
	w.prefer("a@example.com", obj{"EmailMfaSettings": settings(true, false)})
	w.refused("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "a@example.com"}, "InvalidParameterException",
		"Cannot reset password for the user as there is no registered/verified email or phone_number")
}

// TestMFAMessagesAreCustom: CustomMessage_Authentication writes them.
func TestMFAMessagesAreCustom(t *testing.T) {
	p := triggered("CustomMessage")
	p.MFA, p.EnabledMFAs = "OPTIONAL", []string{"SMS_MFA"}
	w := newWorld(t, p)
	w.reachable("a@example.com")
	w.prefer("a@example.com", obj{"SMSMfaSettings": settings(true, false)})
	seen := on(w, "CustomMessage", func(e *customMessage) error {
		e.Response.SMSMessage = "Door code " + e.Request.CodeParameter
		return nil
	})
	out := w.challenged("InitiateAuth", with(w.passwordAuth("a@example.com", goodPassword), obj{"ClientMetadata": obj{"not": "for it"}}), "SMS_MFA")
	if e := (*seen)[0]; e.TriggerSource != "CustomMessage_Authentication" || e.Request.ClientMetadata != nil {
		t.Errorf("got %+v", e)
	}
	w.tokensOf(w.do("RespondToAuthChallenge", w.codeAnswer("SMS_MFA", out["Session"], "a@example.com", w.code())))
}

// TestUserMigrationEnablesSMSMFA: enableSMSMFA where the pool takes it, and the
// number is verified.
func TestUserMigrationEnablesSMSMFA(t *testing.T) {
	enable, verified := true, "true"
	p := triggered("UserMigration")
	p.MFA, p.EnabledMFAs = "OPTIONAL", []string{"SMS_MFA"}
	w := newWorld(t, p)
	w.function("UserMigration", func(_ context.Context, _ string, event []byte) ([]byte, string, error) { // AWS's type lacks the member
		var e obj
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, "", err
		}
		e["response"] = obj{"enableSMSMFA": enable, "userAttributes": words("email", e["userName"].(string), "email_verified", "true",
			"phone_number", "+15550001234", "phone_number_verified", verified)}
		reply, err := json.Marshal(e)
		return reply, "", err
	})
	verified = "false"
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", "0ld-password"), "InvalidLambdaResponseException", "Unrecognizable lambda output")
	verified = "true"
	w.challenged("InitiateAuth", w.passwordAuth("a@example.com", "0ld-password"), "SMS_MFA")
	enable = false
	w.tokensOf(w.do("InitiateAuth", w.passwordAuth("b@example.com", "0ld-password")))
	enable = true
	w.cfg.Pools[0].MFA, w.cfg.Pools[0].EnabledMFAs = "", nil
	w.restart()
	w.refused("InitiateAuth", w.passwordAuth("c@example.com", "0ld-password"), "InvalidLambdaResponseException", "Unrecognizable lambda output")
}
