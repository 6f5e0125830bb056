package cognito_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// shows fails unless a page has a status and a text.
func (b *browser) shows(a answer, status int, text string) {
	b.t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		b.t.Fatalf("the page has status %d and not %q:\n%s", a.status, text, a.body)
	}
}

func TestSignUpOnPages(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	b := w.browser()
	page := b.get("/signup?" + w.requestQuery())
	b.shows(page, 200, "Sign up")
	differ := b.submit(page, map[string]string{"username": "rider@example.com", "password": goodPassword, "confirmPassword": "x"})
	b.shows(differ, 400, "The passwords do not match.")
	weak := b.submit(page, map[string]string{"username": "rider@example.com", "password": "weak-password", "confirmPassword": "weak-password"})
	b.shows(weak, 400, "Password did not conform with policy: Password must have uppercase characters")
	b.shows(b.submit(page, map[string]string{"username": "rider", "password": goodPassword, "confirmPassword": goodPassword}), 400, "Username should be an email.")
	confirm := b.submit(page, map[string]string{"username": "rider@example.com", "password": goodPassword, "confirmPassword": goodPassword})
	b.shows(confirm, 200, "r***@e***")
	b.shows(b.submit(page, map[string]string{"username": "rider@example.com", "password": goodPassword, "confirmPassword": goodPassword}), 400, "User already exists")

	// The right password of a user who is not confirmed leads to the code.
	unconfirmed := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	b.shows(unconfirmed, 200, "Confirm your account")
	b.shows(b.submit(unconfirmed, map[string]string{"code": w.wrongCode()}), 400, "Invalid verification code provided, please try again.")
	b.shows(b.post("/resendcode?"+w.requestQuery(), b.fields(unconfirmed)), 200, "r***@e***")
	b.code(b.submit(unconfirmed, map[string]string{"code": w.code()}))
}

// TestConfirmedAfterLogin: a user who gave the right password and lacked only
// the code goes on to the application with it, in that browser alone, and as
// nobody else.
func TestConfirmedAfterLogin(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	query := w.requestQuery()
	asked := func(b *browser, name string) answer {
		t.Helper()
		w.signUp(name)
		page := b.login(query, name, goodPassword)
		b.shows(page, 200, "Confirm your account")
		return page
	}
	stays := func(b *browser) {
		t.Helper()
		if at := b.location(b.get("/oauth2/authorize?" + query)); at.Path != "/login" {
			t.Errorf("the browser is signed in: %s", at)
		}
	}
	own := w.browser()
	wrong := own.submit(asked(own, "own@example.com"), code(w.wrongCode()))
	own.shows(wrong, 400, "Invalid verification code provided, please try again.")
	tokens := w.tokensFor(w.exchange(own.code(own.submit(wrong, code(w.code())))))
	if claims := payload(t, tokens["id_token"]); claims["email"] != "own@example.com" {
		t.Errorf("the token is of %v", claims)
	}

	// A wrong password leads nowhere.
	w.signUp("guessed@example.com")
	guesser := w.browser()
	guesser.shows(guesser.login(query, "guessed@example.com", "Wr0ngPass!"), 400, wrongPassword)

	// The flow in another browser, for another request; another's flow.
	page := asked(w.browser(), "stolen@example.com")
	thief := w.browser()
	form := thief.fields(thief.get("/confirm?" + query))
	form.Set("username", "stolen@example.com")
	form.Set("code", w.code())
	form.Set("flow", thief.fields(page).Get("flow"))
	if form.Get("flow") == "" {
		t.Fatal("the page has no flow")
	}
	thief.shows(thief.post("/confirm?"+query, form), 403, noLonger)
	if w.statusOf("stolen@example.com") != "UNCONFIRMED" {
		t.Error("a foreign flow confirmed")
	}
	attacker := w.browser()
	attackers := attacker.fields(asked(attacker, "attacker@example.com"))
	attacker.shows(attacker.post("/confirm?"+w.requestQuery("state", "other"), attackers), 403, noLonger)
	w.signUp("victim@example.com")
	attackers.Set("username", "victim@example.com")
	attackers.Set("code", w.code())
	attacker.shows(attacker.post("/confirm?"+query, attackers), 403, noLonger)
	stays(attacker)

	// The user is another by now.
	changed := w.browser()
	page = asked(changed, "changed@example.com")
	w.do("AdminDeleteUser", w.user("changed@example.com"))
	w.signUp("changed@example.com")
	changed.shows(changed.submit(page, code(w.code())), 400, invalidSession)
	stays(changed)
}

// TestSignedInAfterSignUp: the browser that signed up is signed in once the
// code is right; the code alone, or another browser, signs nobody in.
func TestSignedInAfterSignUp(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	query := w.requestQuery()
	signUp := func(b *browser, name string) answer {
		t.Helper()
		page := b.submit(b.get("/signup?"+query), map[string]string{"username": name, "password": goodPassword, "confirmPassword": goodPassword})
		b.shows(page, 200, "Confirm your account")
		return page
	}
	login := func(b *browser, a answer) {
		t.Helper()
		b.shows(a, 200, "Your account is confirmed. Sign in.")
		if at := b.location(b.get("/oauth2/authorize?" + query)); at.Path != "/login" {
			t.Errorf("the browser is signed in: %s", at)
		}
	}
	own := w.browser()
	page := signUp(own, "own@example.com")
	wrong := own.submit(page, code(w.wrongCode()))
	own.shows(wrong, 400, "Invalid verification code provided, please try again.")
	again := own.post("/resendcode?"+query, own.fields(wrong))
	own.shows(again, 200, "o***@e***")
	tokens := w.tokensFor(w.exchange(own.code(own.submit(again, code(w.code())))))
	if claims := payload(t, tokens["id_token"]); claims["email"] != "own@example.com" {
		t.Errorf("the token is of %v", claims)
	}
	own.code(own.get("/oauth2/authorize?" + query))

	// The flow in another browser; the code without the flow; another's flow.
	page = signUp(w.browser(), "stolen@example.com")
	thief := w.browser()
	form := thief.fields(thief.get("/confirm?" + query))
	form.Set("username", "stolen@example.com")
	form.Set("code", w.code())
	form.Set("flow", thief.fields(page).Get("flow"))
	thief.shows(thief.post("/confirm?"+query, form), 403, noLonger)
	if w.statusOf("stolen@example.com") != "UNCONFIRMED" {
		t.Error("a foreign flow confirmed")
	}
	form.Del("flow")
	login(thief, thief.post("/confirm?"+query, form))

	attacker := w.browser()
	attackers := attacker.fields(signUp(attacker, "attacker@example.com"))
	signUp(w.browser(), "victim@example.com")
	attackers.Set("username", "victim@example.com")
	attackers.Set("code", w.code())
	attacker.shows(attacker.post("/confirm?"+query, attackers), 403, noLonger)
	attackers.Set("flow", attackers.Get("flow")[:20])
	attacker.shows(attacker.post("/confirm?"+query, attackers), 403, noLonger)

	// A day later, after a change of the password, and of a user who is another.
	late := w.browser()
	page = signUp(late, "late@example.com")
	w.advance(24 * time.Hour)
	page = late.post("/resendcode?"+query, late.fields(page))
	login(late, late.submit(page, code(w.code())))

	changed := w.browser()
	page = signUp(changed, "changed@example.com")
	form = changed.fields(page)
	w.do("AdminDeleteUser", w.user("changed@example.com"))
	signUp(w.browser(), "changed@example.com")
	form.Set("code", w.code())
	changed.shows(changed.post("/confirm?"+query, form), 400, invalidSession)
	if at := changed.location(changed.get("/oauth2/authorize?" + query)); at.Path != "/login" {
		t.Errorf("with the flow of a deleted user the browser is signed in: %s", at)
	}

	disabled := w.browser()
	page = signUp(disabled, "disabled@example.com")
	w.do("AdminDisableUser", w.user("disabled@example.com"))
	if a := disabled.submit(page, code(w.code())); a.status == 302 {
		t.Error("a disabled user is signed in")
	}
	// The code is taken once.
	once := w.browser()
	page = signUp(once, "once@example.com")
	form = once.fields(page)
	form.Set("code", w.code())
	w.do("ConfirmSignUp", obj{"ClientId": w.client("web"), "Username": "once@example.com", "ConfirmationCode": w.code()})
	once.shows(once.post("/confirm?"+query, form), 400, "User cannot be confirmed. Current status is CONFIRMED")
}

// TestSignUpGoesOnToMFA: where MFA is ON the sign-up ends with a factor.
func TestSignUpGoesOnToMFA(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("ON", "SOFTWARE_TOKEN_MFA"))
	b := w.browser()
	page := b.submit(b.get("/signup?"+w.requestQuery()), map[string]string{"username": "rider@example.com", "password": goodPassword, "confirmPassword": goodPassword})
	token := b.submit(page, code(w.code()))
	b.shows(token, 200, "Set up your authenticator app")
	b.code(b.submit(token, code(w.totp(shownKey.FindStringSubmatch(token.body)[1], 0))))
}

// fields gives the hidden fields of a page.
func (b *browser) fields(page answer) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

func TestSignUpIsNotOffered(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) { p.AdminCreateUserOnly = true }))
	b := w.browser()
	if page := b.get("/login?" + w.requestQuery()); strings.Contains(page.body, "/signup") {
		t.Error("the login page offers a sign-up")
	}
	b.shows(b.get("/signup?"+w.requestQuery()), 400, "SignUp is not permitted for this user pool")
	form := b.fields(b.get("/login?" + w.requestQuery()))
	form.Set("username", "rider@example.com")
	form.Set("password", goodPassword)
	form.Set("confirmPassword", goodPassword)
	b.shows(b.post("/signup?"+w.requestQuery(), form), 400, "SignUp is not permitted for this user pool")
}

// TestSignUpWithAliases asks for what an alias pool needs, and for what its
// schema requires.
func TestSignUpWithAliases(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.UsernameAttributes, p.AliasAttributes = nil, []string{"email"}
		p.Schema = []cognito.SchemaAttribute{{Name: "given_name", Required: true}}
	}))
	b := w.browser()
	page := b.get("/signup?" + w.requestQuery())
	b.shows(page, 200, `name="requiredAttributes[email]"`)
	b.shows(page, 200, `autocomplete="given-name"`)
	confirm := b.submit(page, map[string]string{
		"username": "rider", "password": goodPassword, "confirmPassword": goodPassword,
		"requiredAttributes[email]": "rider@example.com", "requiredAttributes[given_name]": "Ada",
	})
	b.code(b.submit(confirm, code(w.code())))
	if got := w.attributesOf("rider"); got["given_name"] != "Ada" || got["email_verified"] != "true" {
		t.Errorf("the attributes are %v", got)
	}
}

func TestPasswordResetOnPages(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	other := w.browser()
	other.login(w.requestQuery(), "rider@example.com", goodPassword)

	reset := b.submit(b.get("/forgotPassword?"+w.requestQuery()), map[string]string{"username": "rider@example.com"})
	b.shows(reset, 200, "r***@e***")
	with := func(code, password string) map[string]string {
		return map[string]string{"code": code, "password": password, "confirmPassword": password}
	}
	b.shows(b.submit(reset, with(w.wrongCode(), "N3w-password")), 400, "Invalid verification code provided, please try again.")
	login := b.submit(reset, with(w.code(), "N3w-password"))
	b.shows(login, 200, "Your password was changed.")
	b.shows(b.submit(login, map[string]string{"password": goodPassword}), 400, "Incorrect username or password.")
	b.code(b.submit(login, map[string]string{"password": "N3w-password"}))
	if at := other.location(other.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("after the change of the password another browser is still signed in: %s", at)
	}
	b.shows(b.submit(b.get("/forgotPassword?"+w.requestQuery()), map[string]string{"username": "nobody@example.com"}), 400, "Username/client id combination not found.")

	w.do("AdminResetUserPassword", w.user("rider@example.com"))
	b.shows(b.login(w.requestQuery(), "rider@example.com", "N3w-password"), 200, "Password reset required for the user")
}

func TestNewPasswordOnPages(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.Schema = []cognito.SchemaAttribute{{Name: "given_name", Required: true}}
	}))
	for _, client := range []string{"web", "confidential"} {
		name := client + "@example.com"
		w.do("AdminCreateUser", with(w.user(name), obj{"TemporaryPassword": "T3mporary!", "UserAttributes": attrs("email", name, "email_verified", "true", "given_name", "A")}))
		b := w.browser()
		query := w.requestQuery("client_id", w.client(client))
		page := b.login(query, name, "T3mporary!")
		b.shows(page, 200, "Change your password")
		fields := func(password string) map[string]string {
			return map[string]string{"password": password, "confirmPassword": password, "requiredAttributes[given_name]": "Ada"}
		}
		b.shows(b.submit(page, fields("weak-password")), 400, "Password did not conform with policy")
		b.shows(b.submit(page, map[string]string{"flow": "x", "password": goodPassword, "confirmPassword": goodPassword}), 403, "This form is no longer valid.")
		done := b.submit(page, fields(goodPassword))
		b.code(done)
		b.shows(b.submit(page, fields("An0ther-password")), 403, "This form is no longer valid.") // made before the sign-in
		again := fields("An0ther-password")
		again["_csrf"] = b.fields(b.get("/login?" + query)).Get("_csrf")
		b.shows(b.submit(page, again), 403, "This form is no longer valid.") // and so is its flow
		if w.statusOf(name) != "CONFIRMED" || w.attributesOf(name)["given_name"] != "Ada" {
			t.Errorf("%s: %s %v", name, w.statusOf(name), w.attributesOf(name))
		}
	}
}

// TestLoginPageIsTheAPIs: texts, the lock and the states of the user are those of
// InitiateAuth, and its failures count together.
func TestLoginPageIsTheAPIs(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	w.confirmed("rider@example.com")
	b := w.browser()
	b.shows(b.login(w.requestQuery(), "nobody@example.com", goodPassword), 400, "User does not exist.")
	for range 3 {
		b.shows(b.login(w.requestQuery(), "rider@example.com", "wrong"), 400, "Incorrect username or password.")
	}
	for range 2 {
		w.refused("InitiateAuth", w.passwordAuth("rider@example.com", "wrong"), "NotAuthorizedException", "Incorrect username or password.")
	}
	b.shows(b.login(w.requestQuery(), "rider@example.com", goodPassword), 400, "Password attempts exceeded")
	w.advance(time.Minute)
	b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))
	w.do("AdminDisableUser", w.user("rider@example.com"))
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("a disabled user is let through to %s", at)
	}
	b.shows(b.login(w.requestQuery(), "rider@example.com", goodPassword), 400, "User is disabled.")
}

// TestTriggersOnPages runs the triggers of a hosted sign-in in their order, and
// has each of them refuse.
func TestTriggersOnPages(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.Triggers = cognito.Triggers{
			PreAuthentication: "f", PostAuthentication: "f", PreTokenGeneration: "f", PreTokenGenerationVersion: "V3_0", PreSignUp: "f",
		}
	}))
	var mu sync.Mutex
	var sources []string
	refuse := ""
	w.functions = map[string]cognito.Invoke{"f": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		mu.Lock()
		defer mu.Unlock()
		var e obj
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, "", err
		}
		source := e["triggerSource"].(string)
		sources = append(sources, source)
		switch {
		case source == refuse:
			return []byte(`{"errorMessage":"not <you>"}`), "Unhandled", nil
		case source == "PreSignUp_SignUp":
			e["response"] = obj{"autoConfirmUser": true}
		case strings.HasPrefix(source, "TokenGeneration"):
			scopes, _ := json.Marshal(e["request"].(obj)["scopes"])
			e["response"] = obj{"claimsAndScopeOverrideDetails": obj{"accessTokenGeneration": obj{"claimsToAddOrOverride": obj{"seen": string(scopes)}}}}
		}
		b, err := json.Marshal(e)
		return b, "", err
	}}
	b := w.browser()
	// Confirmed by the function, the user is signed in at once.
	done := b.submit(b.get("/signup?"+w.requestQuery()), map[string]string{"username": "rider@example.com", "password": goodPassword, "confirmPassword": goodPassword})
	out := w.tokensFor(w.exchange(b.code(done)))
	w.tokensFor(url.Values{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {out["refresh_token"].(string)}})
	secret := w.svc.Pool("UserPool").Client("machine").Secret()
	machine := w.tokensFor(url.Values{"grant_type": {"client_credentials"}, "client_id": {w.client("machine")}, "client_secret": {secret}})
	want := []string{
		"PreSignUp_SignUp", "PreAuthentication_Authentication", "PostAuthentication_Authentication",
		"TokenGeneration_HostedAuth", "TokenGeneration_RefreshTokens", "TokenGeneration_ClientCredentials",
	}
	if !slices.Equal(sources, want) {
		t.Errorf("the triggers are %v, not %v", sources, want)
	}
	if seen := payload(t, out["access_token"])["seen"]; seen != `["openid","email"]` {
		t.Errorf("the function before tokens sees the scopes %v", seen)
	}
	if seen := payload(t, machine["access_token"])["seen"]; seen != `["https://rides.example/read","https://rides.example/write"]` {
		t.Errorf("the function before machine tokens sees the scopes %v", seen)
	}

	for _, c := range []struct{ source, text string }{
		{"PreAuthentication_Authentication", "PreAuthentication failed with error not &lt;you&gt;."},
		{"PostAuthentication_Authentication", "PostAuthentication failed with error not &lt;you&gt;."},
	} {
		refuse = c.source
		fresh := w.browser()
		fresh.shows(fresh.login(w.requestQuery(), "rider@example.com", goodPassword), 400, c.text)
		if at := fresh.location(fresh.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
			t.Errorf("%s refused, and the browser is signed in", c.source)
		}
	}
	refuse = "TokenGeneration_HostedAuth"
	code := b.code(b.get("/oauth2/authorize?" + w.requestQuery()))
	w.oauthRefused("refused before tokens", "/oauth2/token", w.exchange(code), 400,
		`{"error":"invalid_request","error_description":"PreTokenGeneration failed with error not \u003cyou\u003e."}`)
	w.oauthRefused("the code again", "/oauth2/token", w.exchange(code), 400, `{"error":"invalid_grant"}`)
	implicit := b.location(b.get("/oauth2/authorize?" + w.requestQuery("response_type", "token")))
	if got, _ := url.ParseQuery(implicit.EscapedFragment()); got.Get("error") != "invalid_request" || !strings.HasPrefix(got.Get("error_description"), "PreTokenGeneration failed") {
		t.Errorf("implicit: %v", got)
	}
}

// TestUnknownChallengeLetsNobodyIn: a step that the pages have no form for ends
// the sign-in.
func TestUnknownChallengeLetsNobodyIn(t *testing.T) {
	w := newDomainWorld(t, domainPool())
	res := w.svc.ChallengePage("UserPool", "WEB_AUTHN")
	if res.Code != http.StatusNotImplemented || !strings.Contains(res.Body.String(), "WEB_AUTHN") || res.Header().Get("Set-Cookie") != "" || res.Header().Get("Location") != "" {
		t.Errorf("%d %v %s", res.Code, res.Header(), res.Body)
	}
}

// TestRotationAtTheTokenEndpoint: a client that rotates gets a new refresh token
// each time, and the use of an old one ends the family.
func TestRotationAtTheTokenEndpoint(t *testing.T) {
	w := newDomainWorld(t, domainPool(func(p *cognito.PoolConfig) {
		p.Clients[0].ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH"}
		p.Clients[0].Rotation = &cognito.Rotation{}
	}))
	w.confirmed("rider@example.com")
	b := w.browser()
	first := w.tokensFor(w.exchange(b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))))["refresh_token"].(string)
	refresh := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {w.client("web")}, "refresh_token": {token}}
	}
	second := w.tokensFor(refresh(first))
	w.oauthRefused("the old one", "/oauth2/token", refresh(first), 400, `{"error":"invalid_grant"}`)
	w.oauthRefused("the new one, after that", "/oauth2/token", refresh(second["refresh_token"].(string)), 400, `{"error":"invalid_grant"}`)
	if a := w.userInfo(second["access_token"].(string)); a.status != 401 {
		t.Errorf("the family's access token: %d", a.status)
	}
}
