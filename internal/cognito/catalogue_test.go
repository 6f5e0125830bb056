package cognito_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// refusal is a row of the catalogue: what provokes an error, and the error.
type refusal struct {
	name          string
	provoke       func(*world) (operation string, in obj)
	code, message string
	// doubtful says why only the code is held.
	doubtful string
}

// prepare gives the user a@example.com with a password, and its tokens.
func (w *world) prepare() tokens {
	w.t.Helper()
	w.confirmed("a@example.com")
	return w.signIn("a@example.com", goodPassword)
}

func (w *world) asClient(client string, more obj) obj {
	return with(obj{"ClientId": w.client(client), "Username": "a@example.com"}, more)
}

// setUser sets a@example.com's password by an administrator.
func (w *world) setUser(permanent bool) {
	w.t.Helper()
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": goodPassword, "Permanent": permanent}))
}

// catalogue lists the errors that clients meet, by the operations that give
// them. Only what belongs to emulated operations is there.
func catalogue() []refusal {
	missing := func(operation string, more obj) func(*world) (string, obj) {
		return func(w *world) (string, obj) { return operation, w.asClient("web", more) }
	}
	prepared := func(operation string, more obj) func(*world) (string, obj) {
		return func(w *world) (string, obj) { w.prepare(); return operation, w.asClient("web", more) }
	}
	auth := func(client, password string, before func(*world)) func(*world) (string, obj) {
		return func(w *world) (string, obj) {
			before(w)
			return "InitiateAuth", with(w.passwordAuth("a@example.com", password), obj{"ClientId": w.client(client)})
		}
	}
	ready := func(w *world) { w.prepare() }
	nobody := func(*world) {}
	refreshing := func(before func(*world, tokens) string) func(*world) (string, obj) {
		return func(w *world) (string, obj) { return "InitiateAuth", w.refresh("web", before(w, w.prepare())) }
	}
	getUser := func(before func(*world, tokens) string) func(*world) (string, obj) {
		return func(w *world) (string, obj) { return "GetUser", obj{"AccessToken": before(w, w.prepare())} }
	}
	update := func(name, value string) func(*world) (string, obj) {
		return func(w *world) (string, obj) {
			return "UpdateUserAttributes", obj{"AccessToken": w.prepare().access, "UserAttributes": attrs(name, value)}
		}
	}
	session := func(before func(*world, string) string) func(*world) (string, obj) {
		return func(w *world) (string, obj) {
			s := w.temporary("n@example.com")["Session"].(string)
			return "RespondToAuthChallenge", w.newPassword(before(w, s), "n@example.com")
		}
	}
	signUp := func(password string) func(*world) (string, obj) {
		return missing("SignUp", obj{"Password": password})
	}
	pools := func(operation string, in obj, settings obj) func(*world) (string, obj) {
		return func(w *world) (string, obj) { return operation, with(in, obj{"UserPoolId": w.createPool(settings)}) }
	}
	code := obj{"ConfirmationCode": "999999999"}
	const (
		invalid, notAuthorized, notFound = "InvalidParameterException", "NotAuthorizedException", "ResourceNotFoundException"
		noUser, noPair                   = "User does not exist.", "Username/client id combination not found."
		badPassword                      = "Password did not conform with policy: "
	)
	return []refusal{
		{"user missing, sign-in", auth("web", goodPassword, nobody), "UserNotFoundException", noUser, ""},
		{"user missing, ForgotPassword", missing("ForgotPassword", nil), "UserNotFoundException", noPair, ""},
		{"user missing, ResendConfirmationCode", missing("ResendConfirmationCode", nil), "UserNotFoundException", noPair, ""},
		{"user missing, ConfirmSignUp", missing("ConfirmSignUp", code), "UserNotFoundException", noPair, ""},
		{"user missing, hidden", auth("hiding", goodPassword, nobody), notAuthorized, wrongPassword, ""},
		{"wrong password", auth("web", "Wr0ngPass!", ready), notAuthorized, wrongPassword, ""},
		{"wrong password, hidden", auth("hiding", "Wr0ngPass!", ready), notAuthorized, wrongPassword, ""},
		{"disabled", auth("web", goodPassword, func(w *world) { w.prepare(); w.do("AdminDisableUser", w.user("a@example.com")) }), notAuthorized, "User is disabled.", ""},
		{"not confirmed", auth("web", goodPassword, func(w *world) { w.signUp("a@example.com") }), "UserNotConfirmedException", "User is not confirmed.", ""},
		{"reset required", auth("web", goodPassword, func(w *world) { w.prepare(); w.do("AdminResetUserPassword", w.user("a@example.com")) }), "PasswordResetRequiredException", "Password reset required for the user", ""},
		{"temporary password expired", auth("web", goodPassword, func(w *world) { w.prepare(); w.setUser(false); w.advance(8 * 24 * time.Hour) }), notAuthorized,
			"Temporary password has expired and must be reset by an administrator.", ""},
		{"locked", auth("web", goodPassword, func(w *world) {
			w.prepare()
			for range 6 {
				w.send("InitiateAuth", w.passwordAuth("a@example.com", "Wr0ngPass!"))
			}
		}), notAuthorized, locked, ""},
		{"wrong code", func(w *world) (string, obj) {
			w.signUp("a@example.com")
			return "ConfirmSignUp", w.asClient("web", obj{"ConfirmationCode": w.wrongCode()})
		}, "CodeMismatchException", "Invalid verification code provided, please try again.", ""},
		{"expired code", func(w *world) (string, obj) {
			w.signUp("a@example.com")
			w.advance(25 * time.Hour)
			return "ConfirmSignUp", w.asClient("web", obj{"ConfirmationCode": w.code()})
		}, "ExpiredCodeException", "Invalid code provided, please request a code again.", ""},
		{"code never requested", prepared("ConfirmForgotPassword", obj{"ConfirmationCode": "000000", "Password": goodPassword}), "ExpiredCodeException", "Invalid code provided, please request a code again.", ""},
		{"too many attempts", func(w *world) (string, obj) {
			w.signUp("a@example.com")
			for range 15 {
				w.send("ConfirmSignUp", w.asClient("web", obj{"ConfirmationCode": w.wrongCode()}))
			}
			return "ConfirmSignUp", w.asClient("web", obj{"ConfirmationCode": w.code()})
		}, "LimitExceededException", "Attempt limit exceeded, please try after some time.", ""},
		{"confirmed before", prepared("ConfirmSignUp", code), notAuthorized, "User cannot be confirmed. Current status is CONFIRMED", ""},
		{"resend, confirmed", prepared("ResendConfirmationCode", nil), invalid, "User is already confirmed.", ""},
		{"sign-up by administrators only", func(w *world) (string, obj) {
			pool := w.createPool(obj{"AdminCreateUserConfig": obj{"AllowAdminCreateUserOnly": true}})
			return "SignUp", obj{"ClientId": w.createClient(pool, nil)["ClientId"], "Username": "a", "Password": goodPassword}
		}, notAuthorized, "SignUp is not permitted for this user pool", ""},
		{"sign-up, taken", func(w *world) (string, obj) {
			w.prepare()
			return "SignUp", w.asClient("web", obj{"Password": goodPassword})
		}, "UsernameExistsException", "User already exists", ""},
		{"AdminCreateUser, taken", func(w *world) (string, obj) { w.prepare(); return "AdminCreateUser", w.user("a@example.com") }, "UsernameExistsException", "User account already exists", ""},
		{"RESEND, wrong state", func(w *world) (string, obj) {
			w.prepare()
			return "AdminCreateUser", with(w.user("a@example.com"), obj{"MessageAction": "RESEND"})
		}, "UnsupportedUserStateException", "Resend not possible. a@example.com status is not FORCE_CHANGE_PASSWORD", ""},
		{"username no address", func(w *world) (string, obj) {
			return "SignUp", w.asClient("web", obj{"Username": "alice", "Password": goodPassword})
		}, invalid, "Username should be an email.", ""},
		{"username of an alias's form", func(w *world) (string, obj) {
			pool := w.createPool(obj{"AliasAttributes": []string{"email"}})
			return "AdminCreateUser", obj{"UserPoolId": pool, "Username": "a@example.com"}
		}, invalid, "Username cannot be of email format, since user pool is configured for email alias.", ""},
		{"alias taken", func(w *world) (string, obj) {
			pool := w.createPool(obj{"AliasAttributes": []string{"email"}})
			in := obj{"UserPoolId": pool, "UserAttributes": attrs("email", "a@example.com", "email_verified", "true")}
			w.do("AdminCreateUser", with(in, obj{"Username": "alice"}))
			return "AdminCreateUser", with(in, obj{"Username": "bob"})
		}, "AliasExistsException", "An account with the email already exists.", ""},
		{"e-mail's form", update("email", "nobody"), invalid, "Invalid email address format.", ""},
		{"number's form", update("phone_number", "5550100"), invalid, "Invalid phone number format.", ""},
		{"schema, required", pools("AdminCreateUser", obj{"Username": "a"}, obj{"Schema": []obj{{"Name": "email", "Required": true}}}), invalid,
			"Attributes did not conform to the schema: email: The attribute is required\n", ""},
		{"schema, unknown", update("custom:role", "x"), invalid, "Attributes did not conform to the schema: Type for attribute {custom:role} could not be determined", ""},
		{"schema, unknown to delete", func(w *world) (string, obj) {
			return "DeleteUserAttributes", obj{"AccessToken": w.prepare().access, "UserAttributeNames": []string{"custom:foo"}}
		}, invalid, "Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n", ""},
		{"schema, required custom", pools("AddCustomAttributes", obj{"CustomAttributes": []obj{{"Name": "x", "AttributeDataType": "String", "Required": true}}}, nil), invalid,
			"Required custom attributes are not supported currently.", ""},
		{"immutable", func(w *world) (string, obj) {
			pool := w.createPool(obj{"Schema": []obj{{"Name": "x", "AttributeDataType": "String", "Mutable": false}}})
			w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "a"})
			return "AdminUpdateUserAttributes", obj{"UserPoolId": pool, "Username": "a", "UserAttributes": attrs("custom:x", "1")}
		}, invalid, "Invalid user attributes: user.custom:x: Attribute cannot be updated.\n", ""},
		{"client may not write", func(w *world) (string, obj) {
			id := w.createClient(w.pool(), obj{"WriteAttributes": []string{"email"}})["ClientId"]
			return "SignUp", w.asClient("web", obj{"ClientId": id, "Password": goodPassword, "UserAttributes": attrs("name", "A")})
		}, notAuthorized, "A client attempted to write unauthorized attribute", ""},
		{"flow, password", auth("plain", goodPassword, ready), invalid, "USER_PASSWORD_AUTH flow not enabled for this client", ""},
		{"flow, administrator's", func(w *world) (string, obj) {
			return "AdminInitiateAuth", with(w.passwordAuth("a", "x"), obj{"UserPoolId": w.pool(), "ClientId": w.client("plain"), "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"})
		}, invalid, "Auth flow not enabled for this client", ""},
		{"flow, SRP", func(w *world) (string, obj) {
			return "InitiateAuth", with(w.passwordAuth("a", "x"), obj{"AuthFlow": "USER_SRP_AUTH", "AuthParameters": obj{"USERNAME": "a", "SRP_A": "aa"}})
		}, invalid, "USER_SRP_AUTH is not enabled for the client.", ""},
		{"unknown client", func(w *world) (string, obj) {
			return "InitiateAuth", with(w.passwordAuth("a", "x"), obj{"ClientId": "nosuch"})
		}, notFound, "User pool client nosuch does not exist.", ""},
		{"unknown pool", func(w *world) (string, obj) { return "DescribeUserPool", obj{"UserPoolId": "us-east-1_nosuch"} }, notFound, "User pool us-east-1_nosuch does not exist.", ""},
		{"client of another pool", func(w *world) (string, obj) {
			return "DescribeUserPoolClient", obj{"UserPoolId": w.createPool(nil), "ClientId": w.client("web")}
		}, notFound, "User pool client CLIENT does not exist.", ""},
		{"reset, no verified address", func(w *world) (string, obj) {
			w.signUp("a@example.com")
			w.do("AdminConfirmSignUp", w.user("a@example.com"))
			return "ForgotPassword", w.asClient("web", nil)
		}, invalid, "Cannot reset password for the user as there is no registered/verified email or phone_number", ""},
		{"reset, administrators only", func(w *world) (string, obj) {
			pool := w.createPool(obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": []obj{{"Priority": 1, "Name": "admin_only"}}}})
			return "ForgotPassword", obj{"ClientId": w.createClient(pool, nil)["ClientId"], "Username": "a"}
		}, notAuthorized, "Contact administrator to reset password.", ""},
		{"reset, temporary password", func(w *world) (string, obj) {
			w.prepare()
			w.setUser(false)
			return "ForgotPassword", w.asClient("web", nil)
		}, notAuthorized, "User password cannot be reset in the current state.", ""},
		{"access token, bad", getUser(func(*world, tokens) string { return "x.y.z" }), notAuthorized, "Invalid Access Token", ""},
		{"access token, an ID token", getUser(func(_ *world, tk tokens) string { return tk.id }), notAuthorized, "Invalid Access Token", ""},
		{"access token, expired", getUser(func(w *world, tk tokens) string { w.advance(2 * time.Hour); return tk.access }), notAuthorized, "Access Token has expired", ""},
		{"access token, revoked", getUser(func(w *world, tk tokens) string {
			w.do("GlobalSignOut", obj{"AccessToken": tk.access})
			return tk.access
		}), notAuthorized, "Access Token has been revoked", ""},
		{"access token, user deleted", getUser(func(w *world, tk tokens) string {
			w.do("AdminDeleteUser", w.user("a@example.com"))
			return tk.access
		}), "UserNotFoundException", noUser, ""},
		{"access token without the scope", func(w *world) (string, obj) {
			w.answering("2", `{"claimsAndScopeOverrideDetails":{"accessTokenGeneration":{"scopesToSuppress":["aws.cognito.signin.user.admin"]}}}`)
			pool := w.createPool(obj{"LambdaConfig": obj{"PreTokenGenerationConfig": obj{"LambdaVersion": "V2_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:PreTokenGeneration"}}})
			w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "a"})
			w.do("AdminSetUserPassword", obj{"UserPoolId": pool, "Username": "a", "Password": goodPassword, "Permanent": true})
			id := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"]
			return "GetUser", obj{"AccessToken": w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("a", goodPassword), obj{"ClientId": id}))).access}
		}, notAuthorized, "Access Token does not have required scopes", ""},
		{"refresh token, bad", refreshing(func(*world, tokens) string { return "x" }), notAuthorized, "Invalid Refresh Token", "a variant with a full stop exists"},
		{"refresh token, expired", refreshing(func(w *world, tk tokens) string { w.advance(30*24*time.Hour + time.Second); return tk.refresh }), notAuthorized, "Refresh Token has expired", ""},
		{"refresh token, revoked", refreshing(func(w *world, tk tokens) string {
			w.do("RevokeToken", obj{"ClientId": w.client("web"), "Token": tk.refresh})
			return tk.refresh
		}), notAuthorized, "Refresh Token has been revoked", ""},
		{"refresh token, rotated out", func(w *world) (string, obj) {
			w.confirmed("a@example.com")
			id := w.createClient(w.pool(), obj{"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}, "RefreshTokenRotation": obj{"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}})["ClientId"]
			tk := w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("a@example.com", goodPassword), obj{"ClientId": id})))
			in := obj{"ClientId": id, "RefreshToken": tk.refresh}
			w.do("GetTokensFromRefreshToken", in)
			w.advance(time.Second)
			return "GetTokensFromRefreshToken", in
		}, "RefreshTokenReuseException", "", "no text is known"},
		{"refresh by InitiateAuth with rotation", func(w *world) (string, obj) {
			id := w.createClient(w.pool(), obj{"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}, "RefreshTokenRotation": obj{"Feature": "ENABLED"}})["ClientId"]
			return "InitiateAuth", with(w.refresh("web", "x"), obj{"ClientId": id})
		}, "UnsupportedOperationException", "", "documented as not possible, without the error"},
		{"session, expired", session(func(w *world, s string) string { w.advance(4 * time.Minute); return s }), notAuthorized, "Invalid session for the user, session is expired.", ""},
		{"session, used", session(func(w *world, s string) string {
			w.do("RespondToAuthChallenge", w.newPassword(s, "n@example.com"))
			return s
		}), notAuthorized, "Invalid session for the user, session can only be used once.", ""},
		{"session, garbage", session(func(*world, string) string { return strings.Repeat("x", 30) }), notAuthorized, "Invalid session for the user.", ""},
		{"group missing", pools("GetGroup", obj{"GroupName": "g"}, nil), notFound, "Group not found.", ""},
		{"group taken", func(w *world) (string, obj) {
			w.do("CreateGroup", w.group("g", nil))
			return "CreateGroup", w.group("g", nil)
		}, "GroupExistsException", "A group with the name g already exists.", ""},
		{"resource server taken", func(w *world) (string, obj) {
			in := obj{"UserPoolId": w.pool(), "Identifier": "rides", "Name": "Rides"}
			w.do("CreateResourceServer", in)
			return "CreateResourceServer", in
		}, invalid, "rides already exists in user pool POOL.", ""},
		{"filter, form", pools("ListUsers", obj{"Filter": "email"}, nil), invalid, "Error while parsing filter", ""},
		{"filter, attribute", pools("ListUsers", obj{"Filter": `custom:foo = "x"`}, nil), invalid, "Invalid search attribute: custom:foo", ""},
		{"secret hash missing", func(w *world) (string, obj) { return "SignUp", w.asClient("secret", obj{"Password": goodPassword}) }, notAuthorized,
			"Client SECRET is configured with secret but SECRET_HASH was not received", ""},
		{"secret hash wrong", func(w *world) (string, obj) {
			return "SignUp", w.asClient("secret", obj{"Password": goodPassword, "SecretHash": "eA=="})
		}, notAuthorized, "Unable to verify secret hash for client SECRET", ""},
		{"secret hash unasked", func(w *world) (string, obj) {
			return "SignUp", w.asClient("web", obj{"Password": goodPassword, "SecretHash": "eA=="})
		}, notAuthorized, "Unable to verify secret hash for client CLIENT", ""},
		{"password of 5", signUp("aB1!x"), invalid, "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to 6", ""},
		{"password, short", signUp("aB1!xyz"), "InvalidPasswordException", badPassword + "Password not long enough", ""},
		{"password, no upper case", signUp("passw0rd!"), "InvalidPasswordException", badPassword + "Password must have uppercase characters", ""},
		{"password, no lower case", signUp("PASSW0RD!"), "InvalidPasswordException", badPassword + "Password must have lowercase characters", ""},
		{"password, no number", signUp("Password!"), "InvalidPasswordException", badPassword + "Password must have numeric characters", ""},
		{"password, no symbol", signUp("Passw0rdd"), "InvalidPasswordException", badPassword + "Password must have symbol characters", ""},
		{"password, two faults", signUp("passworddd"), "InvalidPasswordException", "", "the order of the checks is not known"},
		{"temporary password", func(w *world) (string, obj) {
			return "AdminCreateUser", with(w.user("a@example.com"), obj{"TemporaryPassword": "Password!"})
		}, "InvalidPasswordException", "Password did not conform with password policy: Password must have numeric characters", ""},
		{"old password wrong", func(w *world) (string, obj) {
			return "ChangePassword", obj{"AccessToken": w.prepare().access, "PreviousPassword": "Wr0ngPass!", "ProposedPassword": goodPassword}
		}, notAuthorized, wrongPassword, ""},
		{"access token to revoke", func(w *world) (string, obj) {
			return "RevokeToken", obj{"ClientId": w.client("web"), "Token": w.prepare().access}
		}, "UnsupportedTokenTypeException", "", "no text is known"},
		{"revocation off", func(w *world) (string, obj) {
			id := w.createClient(w.pool(), obj{"EnableTokenRevocation": false})["ClientId"]
			return "RevokeToken", obj{"ClientId": id, "Token": "x"}
		}, "UnsupportedOperationException", "", "no text is known"},
		{"revocation, wrong secret", func(w *world) (string, obj) {
			return "RevokeToken", obj{"ClientId": w.client("secret"), "Token": "x", "ClientSecret": strings.Repeat("x", 30)}
		}, "UnauthorizedException", "", "no text is known"},
		{"deletion protection", pools("DeleteUserPool", nil, obj{"DeletionProtection": "ACTIVE"}), invalid,
			"The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.", ""},
		{"unknown operation", func(*world) (string, obj) { return "MakeCoffee", nil }, "UnknownOperationException", "", "only the code is known"},
	}
}

// TestErrorCatalogue provokes each error of the catalogue through the wire, in
// a stage of its own, and holds code and message to the letter; of those that
// are doubtful, the code alone, and lists them.
func TestErrorCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range catalogue() {
		if seen[row.name] {
			t.Errorf("%s is there twice", row.name)
		}
		seen[row.name] = true
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, emailPool())
			operation, in := row.provoke(w)
			a := w.send(operation, in)
			if row.doubtful == "" {
				message := strings.NewReplacer("CLIENT", w.client("web"), "SECRET is", w.client("secret")+" is", "client SECRET", "client "+w.client("secret"), "POOL", w.pool()).Replace(row.message)
				w.checkRefusal(operation, a, 400, row.code, message)
				return
			}
			t.Logf("doubtful: %s", row.doubtful)
			var body struct {
				Type string `json:"__type"`
			}
			if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != 400 || body.Type != row.code {
				t.Errorf("%s: %d %s, want %s", operation, a.status, a.body, row.code)
			}
		})
	}
}
