package main

import (
	"net/http"
	"strings"
)

// settle finds out whether the change that was not acknowledged has happened.
// It may have or not; but not by half.
func (a *account) settle() {
	d := a.doubt
	if a.doubt = nil; d == nil {
		return
	}
	happened := false
	switch d.operation {
	case "SignUp":
		user := a.must("AdminGetUser", map[string]any{"Username": a.name}, "", "UserNotFoundException")
		if happened = user.status == http.StatusOK; happened {
			a.born(user.sub(), d.password, d.before)
		}
	case "DeleteUser", "AdminDeleteUser":
		user := a.must("AdminGetUser", map[string]any{"Username": a.name}, "", "UserNotFoundException")
		if happened = user.status != http.StatusOK; happened {
			a.gone()
		}
	case "ConfirmSignUp", "AdminConfirmSignUp":
		a.confirmed = a.must("AdminGetUser", map[string]any{"Username": a.name}, "").result.UserStatus == "CONFIRMED"
		happened = a.confirmed
	case "AdminSetUserPassword", "ChangePassword", "ConfirmForgotPassword":
		happened = a.signsIn(d.password, "", "NotAuthorizedException").status == http.StatusOK
		a.settlePassword(d, happened)
	case "ResendConfirmationCode":
		// A code that never reached the mailbox may have ended the one before.
		a.oldCode, a.code = mail{}, mail{}
		if m := a.newest(); m != d.before {
			a.code, happened = m, true
		}
	case "ForgotPassword":
		a.reset = mail{}
		if m := a.newest(); m != d.before {
			a.reset, happened = m, true
		}
	case "RevokeToken":
		happened = a.refused(d.grant)
		d.grant.revoked = happened
	case "GlobalSignOut", "AdminUserGlobalSignOut":
		happened = a.settleSignOut()
	}
	if happened {
		a.w.happened.Add(1)
	}
}

// settlePassword notes which of two passwords is the user's.
func (a *account) settlePassword(d *action, happened bool) {
	switch {
	case happened:
		a.changed(d.password)
		if d.code.code != "" {
			a.reset, a.usedReset = mail{}, d.code
		}
	case d.code.code != "":
		// The password was not set, so the code was not used up.
		a.must("ConfirmForgotPassword", a.resetBy(d.code, d.password), "")
		a.changed(d.password)
		a.reset, a.usedReset = mail{}, d.code
	default:
		a.former = d.password
	}
}

// settleSignOut says whether the user was signed out: everywhere or nowhere.
func (a *account) settleSignOut() bool {
	revoked, all := 0, 0
	for _, g := range a.grants {
		if g.revoked || g.erased {
			continue
		}
		all++
		if a.refused(g) {
			revoked++
			g.revoked = true
		}
	}
	if revoked != 0 && revoked != all {
		a.w.t.Errorf("%s was signed out of %d sessions of %d", a.name, revoked, all)
	}
	return revoked > 0
}

// refused says whether a grant's refresh token is refused as revoked.
func (a *account) refused(g *grant) bool {
	got, err := a.w.api.refresh(g.refresh)
	if err != nil {
		a.w.t.Error(err)
		return false
	}
	if !got.is("", "") && !got.is("NotAuthorizedException", "Refresh Token has been revoked") {
		a.w.t.Errorf("a refresh of %s was answered %s", a.name, got)
	}
	return got.status != http.StatusOK
}

// check holds all that was acknowledged of the account against what the
// program says.
func (a *account) check() {
	if !a.exists {
		a.must("AdminGetUser", map[string]any{"Username": a.name}, "UserNotFoundException")
		if a.former != "" {
			a.signsIn(a.former, "UserNotFoundException")
		}
	} else {
		a.checkUser()
	}
	for _, g := range a.grants {
		a.checkGrant(g)
	}
}

func (a *account) checkUser() {
	user := a.must("AdminGetUser", map[string]any{"Username": a.name}, "")
	status := "UNCONFIRMED"
	if a.confirmed {
		status = "CONFIRMED"
	}
	if user.sub() != a.sub || user.result.UserStatus != status {
		a.w.t.Errorf("%s is %s, want %s, %s", a.name, user, a.sub, status)
	}
	if a.former != "" {
		a.signsIn(a.former, "NotAuthorizedException")
	}
	if a.usedReset.code != "" {
		// A code that has been used sets no other password, which the sign-in below would show too.
		a.must("ConfirmForgotPassword", a.resetBy(a.usedReset, "Passw0rd!by-a-used-code"), "ExpiredCodeException", "CodeMismatchException")
		a.usedReset = mail{} // once is enough: only few attempts are allowed
	}
	if !a.confirmed {
		a.signsIn(a.password, "UserNotConfirmedException")
		a.wrong = 0
		if a.oldCode.code != "" && a.oldCode.code != a.code.code {
			a.must("ConfirmSignUp", map[string]any{
				"ClientId": a.w.api.client, "Username": a.name, "ConfirmationCode": a.oldCode.code,
			}, "CodeMismatchException")
			a.oldCode = mail{code: "checked"}
		}
		return
	}
	if a.code.code != "" {
		a.must("ConfirmSignUp", map[string]any{
			"ClientId": a.w.api.client, "Username": a.name, "ConfirmationCode": a.code.code,
		}, "NotAuthorizedException")
	}
	a.signsIn(a.password, "")
	a.wrong = 0
}

// checkGrant expects of a grant's tokens that they work until they are revoked
// or their user is deleted, and never again afterwards. An API that goes by
// the signature alone takes the ID token to its end, as on AWS.
func (a *account) checkGrant(g *grant) {
	refresh, access := [2]string{}, [2]string{}
	switch {
	case g.erased:
		refresh = [2]string{"NotAuthorizedException", "Invalid Refresh Token"}
		access = [2]string{"UserNotFoundException", "User does not exist."}
	case g.revoked:
		refresh = [2]string{"NotAuthorizedException", "Refresh Token has been revoked"}
		access = [2]string{"NotAuthorizedException", "Access Token has been revoked"}
	}
	t := a.w.t
	if got, err := a.w.api.refresh(g.refresh); err != nil || !got.is(refresh[0], refresh[1]) {
		t.Errorf("a refresh token of %s (revoked %v, erased %v): %v, %v", a.name, g.revoked, g.erased, got, err)
	}
	if got, err := a.w.api.call("GetUser", map[string]any{"AccessToken": g.access}); err != nil || !got.is(access[0], access[1]) {
		t.Errorf("an access token of %s (revoked %v, erased %v): %v, %v", a.name, g.revoked, g.erased, got, err)
	}
	if got, err := a.w.api.get(a.w.api.api+"/private", g.id); err != nil || got.status != http.StatusOK || got.body != "private" {
		t.Errorf("an ID token of %s at the gateway: %v, %v", a.name, got, err)
	}
	forged := g.id[:strings.LastIndexByte(g.id, '.')+1] + "AAAA"
	if got, err := a.w.api.get(a.w.api.api+"/private", forged); err != nil || got.status != http.StatusUnauthorized || got.body != `{"message":"Unauthorized"}` {
		t.Errorf("a forged token at the gateway: %v, %v", got, err)
	}
}

// must makes a call that has to be answered in one of the ways that want
// names; "" stands for a success.
func (a *account) must(operation string, in map[string]any, want ...string) *answer {
	got, err := a.w.api.call(operation, in)
	if err != nil {
		a.w.t.Errorf("%s of %s: %v", operation, a.name, err)
		return &answer{}
	}
	for _, code := range want {
		if got.is(code, "") {
			return got
		}
	}
	a.w.t.Errorf("%s of %s was answered %s, want one of %q", operation, a.name, got, want)
	return got
}

// signsIn is must for a sign-in by a password.
func (a *account) signsIn(password string, want ...string) *answer {
	return a.must("InitiateAuth", map[string]any{
		"ClientId": a.w.api.client, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": a.name, "PASSWORD": password},
	}, want...)
}

// sub gives the user's sub.
func (a *answer) sub() string {
	for _, v := range a.result.UserAttributes {
		if v.Name == "sub" {
			return v.Value
		}
	}
	return ""
}
