package cognito_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// mfaDomainPool is the pool with a domain, with MFA.
func mfaDomainPool(mode string, factors ...string) cognito.PoolConfig {
	return domainPool(func(p *cognito.PoolConfig) {
		p.MFA, p.EnabledMFAs = mode, factors
		p.Clients[0].ExplicitAuthFlows = append(p.Clients[0].ExplicitAuthFlows, "ALLOW_USER_SRP_AUTH")
	})
}

const noLonger = "This form is no longer valid."

func code(text string) map[string]string { return map[string]string{"code": text} }

func TestSoftwareTokenOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, _ := w.withTOTP("rider@example.com")
	for _, client := range []string{"web", "confidential"} {
		b := w.browser()
		query := w.requestQuery("client_id", w.client(client))
		page := b.login(query, "rider@example.com", goodPassword)
		b.shows(page, 200, "authenticator app")
		if strings.Contains(page.body, "AYABe") || page.header.Get("Location") != "" {
			t.Errorf("the page shows the API's session:\n%s", page.body)
		}
		if at := b.location(b.get("/oauth2/authorize?" + query)); at.Path != "/login" {
			t.Errorf("before the second factor the browser is signed in: %s", at)
		}
		wrong := b.submit(page, code(w.wrongTOTP(secret)))
		b.shows(wrong, 400, totpMismatch)
		b.shows(b.submit(wrong, code("")), 400, "SOFTWARE_TOKEN_MFA_CODE")
		right := w.totp(secret, 0)
		b.code(b.submit(wrong, code(right[:3]+" "+right[3:]))) // as apps show it
		// After the sign-in the form is worth nothing, and neither is its flow in
		// another form.
		b.shows(b.submit(page, code(w.totp(secret, 1))), 403, noLonger)
		again := code(w.totp(secret, 1))
		again["_csrf"] = b.fields(b.get("/login?" + query)).Get("_csrf")
		b.shows(b.submit(page, again), 403, noLonger)
		w.advance(2 * time.Minute)
	}
}

// TestMFAFlowsAreBound: what a page carries of a sign-in is worth something in
// the browser and for the request that it was made for, once, and nowhere else.
func TestMFAFlowsAreBound(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, _ := w.withTOTP("rider@example.com")
	otherSecret, _ := w.withTOTP("other@example.com")
	one, two := w.browser(), w.browser()
	query := w.requestQuery()
	first := one.login(query, "rider@example.com", goodPassword)
	second := two.login(query, "other@example.com", goodPassword)
	flow := one.fields(first).Get("flow")
	stolen := two.fields(second)
	stolen.Set("flow", flow)
	stolen.Set("code", w.totp(secret, 0))
	two.shows(two.post("/mfa?"+query, stolen), 403, noLonger)
	// Both at once swapped, with each other's codes.
	own := one.fields(first)
	own.Set("flow", two.fields(second).Get("flow"))
	own.Set("code", w.totp(otherSecret, 0))
	one.shows(one.post("/mfa?"+query, own), 403, noLonger)
	for what, change := range map[string]struct{ path, flow string }{
		"another request":  {"/mfa?" + w.requestQuery("state", "other"), flow},
		"another client":   {"/mfa?" + w.requestQuery("client_id", w.client("other")), flow},
		"another address":  {"/mfa?" + w.requestQuery("redirect_uri", appCallback), flow},
		"another step":     {"/newPassword?" + query, flow},
		"another step too": {"/verifyToken?" + query, flow},
		"changed":          {"/mfa?" + query, flow[:len(flow)-4] + "AAAA"},
		"short":            {"/mfa?" + query, "AAAA"},
		"none":             {"/mfa?" + query, ""},
		"no base64":        {"/mfa?" + query, "%"},
	} {
		form := one.fields(first)
		form.Set("flow", change.flow)
		form.Set("code", w.totp(secret, 0))
		form.Set("password", "An0ther-password")
		form.Set("confirmPassword", "An0ther-password")
		if a := one.post(change.path, form); a.status != 403 || !strings.Contains(a.body, noLonger) {
			t.Errorf("%s: %d", what, a.status)
		}
	}
	// The flow of a page is no session of the API, and one of the API is no flow.
	w.refused("RespondToAuthChallenge", w.totpAnswer(flow, "rider@example.com", w.totp(secret, 0)), "NotAuthorizedException", invalidSession)
	session := w.challenged("InitiateAuth", w.passwordAuth("rider@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")["Session"].(string)
	form := one.fields(first)
	form.Set("flow", session)
	form.Set("code", w.totp(secret, 0))
	one.shows(one.post("/mfa?"+query, form), 403, noLonger)
	// After all that the right form of the right browser is as good as before.
	one.code(one.submit(first, code(w.totp(secret, 0))))
	two.code(two.submit(second, code(w.totp(otherSecret, 0))))
}

// TestMFAPagesRace: of many answers to one page one signs in.
func TestMFAPagesRace(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("ON", "EMAIL_OTP"))
	w.confirmed("rider@example.com")
	b := w.browser()
	page := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	form := b.fields(page)
	form.Set("code", w.code())
	answers := make([]answer, 8)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			r, _ := http.NewRequest("POST", w.origin()+"/mfa?"+w.requestQuery(), strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", w.origin())
			origin, _ := url.Parse(w.origin())
			for _, c := range b.jar.Cookies(origin) {
				r.AddCookie(c)
			}
			res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
			if err == nil {
				answers[i] = answer{res.StatusCode, res.Header, ""}
				res.Body.Close()
			}
		})
	}
	group.Wait()
	won := 0
	for _, a := range answers {
		if a.status == 302 {
			won++
		} else if a.status != 400 {
			t.Errorf("status %d", a.status)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d answers signed in", won, len(answers))
	}
}

// TestMFAGuessesOnPages: wrong codes are counted with those of the API, over all
// sign-ins of the user; sessions expire.
func TestMFAGuessesOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA"))
	secret, sub := w.withTOTP("rider@example.com")
	b := w.browser()
	page := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	for range 6 {
		b.shows(b.submit(page, code(w.wrongTOTP(secret))), 400, totpMismatch)
	}
	session := w.challenged("InitiateAuth", w.passwordAuth("rider@example.com", goodPassword), "SOFTWARE_TOKEN_MFA")["Session"]
	for range 4 {
		w.refused("RespondToAuthChallenge", w.totpAnswer(session, sub, w.wrongTOTP(secret)), "CodeMismatchException", totpMismatch)
	}
	b.shows(b.submit(page, code(w.totp(secret, 0))), 400, "Password attempts exceeded")
	fresh := w.browser()
	fresh.shows(fresh.submit(fresh.login(w.requestQuery(), "rider@example.com", goodPassword), code(w.totp(secret, 0))), 400, "Password attempts exceeded")
	w.advance(time.Minute)
	b.code(b.submit(page, code(w.totp(secret, 0))))

	late := fresh.login(w.requestQuery(), "rider@example.com", goodPassword)
	w.advance(4 * time.Minute)
	fresh.shows(fresh.submit(late, code(w.totp(secret, 0))), 400, sessionExpired)
	// A new password ends the sign-in under way.
	changed := fresh.login(w.requestQuery(), "rider@example.com", goodPassword)
	w.do("AdminSetUserPassword", with(w.user("rider@example.com"), obj{"Password": "An0ther-password", "Permanent": true}))
	fresh.shows(fresh.submit(changed, code(w.totp(secret, 0))), 400, invalidSession)
}

var (
	shownKey  = regexp.MustCompile(`<code>([A-Z2-7]{52})</code>`)
	shownLink = regexp.MustCompile(`href="(otpauth:[^"]*)"`)
)

// TestMFASetupOnPages: where MFA is ON a user without a factor sets one up
// after the password, by the key or the link that the page shows.
func TestMFASetupOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("ON", "SOFTWARE_TOKEN_MFA"))
	w.confirmed("rider+1@example.com")
	b := w.browser()
	page := b.login(w.requestQuery(), "rider+1@example.com", goodPassword)
	b.shows(page, 200, "Set up your authenticator app")
	key := shownKey.FindStringSubmatch(page.body)
	link := shownLink.FindStringSubmatch(page.body)
	if key == nil || link == nil {
		t.Fatalf("no key in %s", page.body)
	}
	u, err := url.Parse(html.UnescapeString(link[1]))
	if err != nil || u.Host != "totp" || u.Path != "/UserPool:rider+1@example.com" || u.Query().Get("secret") != key[1] || u.Query().Get("issuer") != "UserPool" || strings.Contains(u.RawQuery, "+") {
		t.Errorf("the link is %v, %v", u, err)
	}
	for _, wrong := range []string{w.wrongTOTP(key[1]), "12345", "abcdef", ""} {
		again := b.submit(page, code(wrong))
		b.shows(again, 400, "Code mismatch and fail enable Software Token MFA")
		b.shows(again, 400, key[1]) // there is no other way to see it again
	}
	thief := w.browser()
	form := thief.fields(thief.get("/login?" + w.requestQuery()))
	form.Set("flow", b.fields(page).Get("flow"))
	form.Set("code", w.totp(key[1], 0))
	thief.shows(thief.post("/verifyToken?"+w.requestQuery(), form), 403, noLonger)

	b.code(b.submit(page, code(w.totp(key[1], 0))))
	w.advance(time.Minute)
	next := b.login(w.requestQuery(), "rider+1@example.com", goodPassword)
	b.shows(next, 200, "Enter your code")
	if strings.Contains(next.body, key[1]) {
		t.Error("a page shows the key again")
	}
	b.code(b.submit(next, code(w.totp(key[1], 0))))
	w.do("AdminCreateUser", with(w.user("fresh@example.com"), obj{"MessageAction": "SUPPRESS", "UserAttributes": attrs("email", "fresh@example.com", "email_verified", "true")}))
	w.do("AdminSetUserPassword", with(w.user("fresh@example.com"), obj{"Password": goodPassword, "Permanent": true}))
	guesser := w.browser()
	page = guesser.login(w.requestQuery(), "fresh@example.com", goodPassword)
	key = shownKey.FindStringSubmatch(page.body)
	for range 15 {
		guesser.submit(page, code(w.wrongTOTP(key[1])))
	}
	guesser.shows(guesser.submit(page, code(w.totp(key[1], 0))), 400, "Attempt limit exceeded")
}

// TestMFASetupIsHeldOnPages: two browsers that know the password set a factor
// up; once one has, the other's page is worth nothing.
func TestMFASetupIsHeldOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("ON", "SOFTWARE_TOKEN_MFA"))
	w.confirmed("rider@example.com")
	one, two := w.browser(), w.browser()
	first := one.login(w.requestQuery(), "rider@example.com", goodPassword)
	second := two.login(w.requestQuery(), "rider@example.com", goodPassword)
	one.code(one.submit(first, code(w.totp(shownKey.FindStringSubmatch(first.body)[1], 0))))
	two.shows(two.submit(second, code(w.totp(shownKey.FindStringSubmatch(second.body)[1], 0))), 400, invalidSession)
}

// TestMessageMFAOnPages sends codes by SMS and e-mail, has a user choose, and
// sets e-mail up.
func TestMessageMFAOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("OPTIONAL", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"))
	secret, _ := w.withTOTP("rider@example.com")
	w.do("AdminUpdateUserAttributes", with(w.user("rider@example.com"), obj{"UserAttributes": attrs("phone_number", "+15555550100", "phone_number_verified", "true")}))
	prefer := func(more obj) { w.do("AdminSetUserMFAPreference", with(w.user("rider@example.com"), more)) }
	prefer(obj{"SMSMfaSettings": settings(true, true)})
	b := w.browser()
	page := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	b.shows(page, 200, "We have sent a code as a text message to &#43;*******0100.")
	sent := w.code()
	b.shows(b.submit(page, code(w.wrongCode())), 400, "Invalid code or auth state for the user.")
	w.browser().login(w.requestQuery(), "rider@example.com", goodPassword)
	if w.code() != sent { // each code is for its own sign-in
		b.shows(b.submit(page, code(w.code())), 400, "Invalid code or auth state for the user.")
	}
	b.code(b.submit(page, code(sent)))

	prefer(obj{"SMSMfaSettings": settings(true, false), "EmailMfaSettings": settings(true, false)})
	choice := b.login(w.requestQuery(), "rider@example.com", goodPassword)
	b.shows(choice, 200, "Choose how to verify")
	for _, text := range []string{"Authenticator app", "Text message", "E-mail"} {
		b.shows(choice, 200, text)
	}
	b.shows(b.submit(choice, map[string]string{"mfa": "WEB_AUTHN"}), 400, "WEB_AUTHN is not one of the MFA types of the user.")
	mail := b.submit(choice, map[string]string{"mfa": "EMAIL_OTP"})
	b.shows(mail, 200, "We have sent a code by e-mail to r***@e***.")
	b.shows(b.submit(choice, map[string]string{"mfa": "SMS_MFA"}), 400, sessionUsed)
	b.code(b.submit(mail, code(w.code())))
	choice = b.login(w.requestQuery(), "rider@example.com", goodPassword)
	b.code(b.submit(b.submit(choice, map[string]string{"mfa": "SOFTWARE_TOKEN_MFA"}), code(w.totp(secret, 0))))
}

// TestMFASetupChoiceOnPages: a user without a factor chooses, and proves an
// address of its own.
func TestMFASetupChoiceOnPages(t *testing.T) {
	pool := mfaDomainPool("ON", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP")
	pool.UsernameAttributes, pool.AutoVerifiedAttributes = nil, nil
	w := newDomainWorld(t, pool)
	for _, name := range []string{"mail", "token", `x"><script>1</script>`} {
		w.do("AdminCreateUser", with(w.user(name), obj{"TemporaryPassword": "T3mporary!", "MessageAction": "SUPPRESS"}))
	}
	b := w.browser()
	own := map[string]string{"password": goodPassword, "confirmPassword": goodPassword}
	// From a temporary password to one's own, and on to the factor.
	page := b.submit(b.login(w.requestQuery(), "mail", "T3mporary!"), own)
	b.shows(page, 200, "Set up a second factor")
	if strings.Contains(page.body, "Text message") {
		t.Error("the page offers to set up SMS")
	}
	b.shows(b.submit(page, map[string]string{"mfa": "SMS_MFA"}), 400, "SMS_MFA is not one of the MFA types of the user pool.")
	b.shows(b.submit(page, map[string]string{"mfa": "EMAIL_OTP"}), 400, "EMAIL")
	b.shows(b.submit(page, map[string]string{"mfa": "EMAIL_OTP", "email": "nonsense"}), 400, "Invalid email address format.")
	asked := b.submit(page, map[string]string{"mfa": "EMAIL_OTP", "email": "mail@example.com"})
	b.shows(asked, 200, "m***@e***")
	b.code(b.submit(asked, code(w.code())))
	if got := w.attributesOf("mail"); got["email"] != "mail@example.com" || got["email_verified"] != "true" {
		t.Errorf("the attributes are %v", got)
	}
	b.shows(b.login(w.requestQuery(), "mail", goodPassword), 200, "m***@e***")

	page = b.submit(b.submit(b.login(w.requestQuery(), "token", "T3mporary!"), own), map[string]string{"mfa": "SOFTWARE_TOKEN_MFA"})
	b.code(b.submit(page, code(w.totp(shownKey.FindStringSubmatch(page.body)[1], 0))))

	page = b.submit(b.login(w.requestQuery("state", `"><script>`), `x"><script>1</script>`, "T3mporary!"), own)
	token := b.submit(page, map[string]string{"mfa": "SOFTWARE_TOKEN_MFA"})
	for _, a := range []answer{page, token} {
		if a.status != 200 || strings.Contains(a.body, "<script") {
			t.Errorf("a page has a name as markup:\n%s", a.body)
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' http://localhost:3000;") || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", a.header)
		}
	}
}

// TestMFADeadEndsOnPages: who cannot be asked for a factor is not signed in.
func TestMFADeadEndsOnPages(t *testing.T) {
	w := newDomainWorld(t, mfaDomainPool("ON", "SMS_MFA"))
	w.confirmed("rider@example.com")
	b := w.browser()
	b.shows(b.login(w.requestQuery(), "rider@example.com", goodPassword), 501, "no verified phone number")
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("without a factor the browser is signed in: %s", at)
	}
}
