package cognito_test

import (
	"slices"
	"strings"
	"time"
)

// modelDeed is something that somebody does, and how often beside the others.
type modelDeed struct {
	name  string
	share int
	do    func(m *machine)
}

// modelDeeds are what TestModel does.
var modelDeeds = []modelDeed{
	{"time passes", 10, (*machine).timePasses},
	{"sign up", 8, (*machine).signUp},
	{"confirm the sign-up", 12, (*machine).confirmSignUp},
	{"send the sign-up code again", 4, (*machine).resend},
	{"an administrator creates a user", 4, (*machine).adminCreate},
	{"an administrator confirms", 3, func(m *machine) { m.admin("AdminConfirmSignUp", m.adminConfirm) }},
	{"an administrator sets a password", 6, (*machine).adminSetPassword},
	{"an administrator asks for a new password", 2, func(m *machine) { m.admin("AdminResetUserPassword", m.adminReset) }},
	{"forget the password", 7, (*machine).forgot},
	{"set a new password by a code", 10, (*machine).confirmForgot},
	{"change the password", 5, (*machine).changePassword},
	{"sign in with a password", 26, (*machine).signInByPassword},
	{"begin SRP", 5, (*machine).startSRP},
	{"answer SRP", 6, (*machine).answerSRP},
	{"begin a choice", 6, (*machine).startChoice},
	{"answer a challenge", 24, (*machine).answerChallenge},
	{"answer with another's name or client", 5, (*machine).answerSwapped},
	{"refresh", 14, (*machine).renew},
	{"revoke a token", 2, (*machine).revoke},
	{"sign out everywhere", 1, (*machine).globalSignOut},
	{"an administrator signs a user out", 1, func(m *machine) { m.admin("AdminUserGlobalSignOut", m.adminSignOut) }},
	{"an administrator disables", 2, func(m *machine) { m.admin("AdminDisableUser", m.adminDisable) }},
	{"an administrator enables", 5, func(m *machine) { m.admin("AdminEnableUser", m.adminEnable) }},
	{"change the address", 5, (*machine).updateEmail},
	{"ask for a code for the address", 4, (*machine).attributeCode},
	{"verify the address", 6, (*machine).verifyEmail},
	{"an administrator changes the address", 4, (*machine).adminUpdate},
	{"set up a software token", 12, (*machine).setUpToken},
	{"verify a software token", 14, (*machine).verifyToken},
	{"switch the second factor", 8, (*machine).prefer},
	{"join or leave a group", 4, (*machine).group},
	{"delete a user", 1, (*machine).remove},
	{"sweep", 1, (*machine).sweep},
	{"restart", 1, func(m *machine) {
		if m.IntN(4) == 0 { // it takes a while
			m.restart()
		}
	}},
}

// timePasses moves the clock: mostly by seconds, seldom past what lives longest.
func (m *machine) timePasses() {
	by := time.Duration(1+m.IntN(40)) * time.Second
	switch n := m.IntN(100); {
	case n < 1:
		by *= 24 * 3600
	case n < 4:
		by *= 3 * 3600
	case n < 10:
		by *= 300
	case n < 35:
		by *= 15
	}
	m.w.advance(by)
	m.history = append(m.history, "   "+by.String())
}

func (m *machine) anAddress(p *modelPool) string { return modelAddresses[m.IntN(len(modelAddresses))] }

// newUser takes a user who was made.
func (m *machine) newUser(p *modelPool, sub, name, email, status string) *modelUser {
	u := &modelUser{
		pool: p, sub: sub, username: name, status: status, enabled: true, email: email, touched: true,
		codes: map[string]*modelCode{}, sent: map[string][]string{}, counts: newCounts(), groups: map[string]bool{},
	}
	if p.byEmail {
		u.username, u.email = sub, name
	}
	m.users = append(m.users, u)
	// Of those who are gone a few are enough.
	if gone := func(u *modelUser) bool { return u.deleted }; len(m.users) > 16 {
		first := slices.IndexFunc(m.users, gone)
		m.users = slices.Delete(m.users, first, first+1)
	}
	return u
}

// nameTaken says whether a new user's username is another's.
func (m *machine) nameTaken(p *modelPool, name string) bool { return m.lookup(p, name) != nil }

func (m *machine) signUp() {
	c := m.aClient()
	p := c.pool
	name, email := m.aName(p), ""
	password, refused := m.aNewPassword()
	in := obj{"ClientId": c.id, "Username": name, "Password": password}
	if !p.byEmail && m.IntN(4) > 0 {
		email = m.anAddress(p)
		in["UserAttributes"] = attrs("email", email)
	}
	want := ""
	switch {
	case !p.byEmail && strings.Contains(name, "@"):
		want = "InvalidParameterException: Username cannot be of email format, since user pool is configured for email alias."
	case refused != "":
		want = refused
	case m.nameTaken(p, name):
		want = "UsernameExistsException: User already exists"
	}
	out := m.send("SignUp", in, want)
	if want != "" {
		return
	}
	u := m.newUser(p, out["UserSub"].(string), name, email, "UNCONFIRMED")
	m.setPassword(u, password, "UNCONFIRMED")
	if out["UserConfirmed"] != false || (out["CodeDeliveryDetails"] != nil) != (u.email != "") {
		m.fail("SignUp gave %s", brief(out))
	}
	if u.email != "" {
		m.newCode(u, signUpPurpose, 24*time.Hour)
	}
}

func (m *machine) confirmSignUp() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	code, force := m.aCode(u, signUpPurpose), m.IntN(4) == 0
	want, done := "", func() {}
	switch {
	case u == nil || !u.enabled && c.hides:
		want = m.strangersCode(c, name, signUpPurpose, 15)
	case !u.enabled:
		want = isDisabled
	case u.status != "UNCONFIRMED":
		want = "NotAuthorizedException: User cannot be confirmed. Current status is " + u.status
	default:
		var undo func()
		if want, undo, done = m.tryCode(u, signUpPurpose, code, 15); want != "" {
			break
		}
		if o := m.holder(u, u.email, true); o != nil && !force {
			want = aliasExists
			undo()
		} else if o != nil {
			o.verified, o.touched = false, true
		}
	}
	m.send("ConfirmSignUp", obj{"ClientId": c.id, "Username": name, "ConfirmationCode": code, "ForceAliasCreation": force}, want)
	if want == "" {
		done()
		u.status, u.verified = "CONFIRMED", true
	}
}

// strangersCode says what a code gets for a name without a user.
func (m *machine) strangersCode(c *modelClient, name, purpose string, limit int) string {
	switch {
	case !c.hides:
		return noCodeUser
	case !m.countsOf(c.pool, nil, name).spend(purpose, limit, m.now()):
		return limited
	}
	return codeWrong
}

func (m *machine) resend() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	want, pretends := "", c.hides && (u == nil || !u.enabled)
	switch {
	case pretends:
		if !m.countsOf(c.pool, nil, name).spend("resend", 5, m.now()) {
			want = limited
		}
	case u == nil:
		want = noCodeUser
	case !u.enabled:
		want = isDisabled
	case u.status != "UNCONFIRMED":
		want = "InvalidParameterException: User is already confirmed."
	case u.email == "":
		want = "InvalidParameterException: Cannot resend codes. Auto verification not turned on."
	case !u.counts.spend("resend", 5, m.now()):
		want = limited
	}
	m.send("ResendConfirmationCode", obj{"ClientId": c.id, "Username": name}, want)
	if want == "" && !pretends {
		m.newCode(u, signUpPurpose, 24*time.Hour)
	}
}

func (m *machine) adminCreate() {
	p := m.pools[m.IntN(len(m.pools))]
	name, password := m.aName(p), modelPasswords[m.IntN(len(modelPasswords))]
	in := obj{"UserPoolId": p.id, "Username": name, "TemporaryPassword": password, "DesiredDeliveryMediums": []string{"EMAIL"}}
	u := m.lookup(p, name)
	switch m.IntN(3) {
	case 0:
		in["MessageAction"] = "RESEND"
		want := ""
		switch {
		case u == nil:
			want = noUser
		case u.status != "FORCE_CHANGE_PASSWORD":
			want = "UnsupportedUserStateException: Resend not possible. " + name + " status is not FORCE_CHANGE_PASSWORD"
		}
		m.send("AdminCreateUser", in, want)
		if want == "" {
			m.setPassword(u, password, "FORCE_CHANGE_PASSWORD")
			m.invited(u, password)
		}
		return
	case 1:
		in["MessageAction"] = "SUPPRESS"
	}
	email, verified, force := "", m.IntN(2) == 0, m.IntN(4) == 0
	list := attrs()
	if p.byEmail {
		email = name
	} else if m.IntN(4) > 0 {
		email = m.anAddress(p)
		list = attrs("email", email)
	}
	if verified = verified && email != ""; verified {
		list = append(list, attrs("email_verified", "true")...)
	}
	in["UserAttributes"], in["ForceAliasCreation"] = list, force
	want := ""
	var other *modelUser
	for _, o := range m.users {
		if !p.byEmail && o.pool == p && !o.deleted && verified && o.verified && o.email == email {
			other = o
		}
	}
	switch {
	case !p.byEmail && strings.Contains(name, "@"):
		want = "InvalidParameterException: Username cannot be of email format, since user pool is configured for email alias."
	case u != nil:
		want = "UsernameExistsException: User account already exists"
	case other != nil && !force:
		want = aliasExists
	case other != nil:
		other.verified, other.touched = false, true
	}
	out := m.send("AdminCreateUser", in, want)
	if want != "" {
		return
	}
	sub := ""
	for _, a := range out["User"].(obj)["Attributes"].([]any) {
		if a.(obj)["Name"] == "sub" {
			sub = a.(obj)["Value"].(string)
		}
	}
	u = m.newUser(p, sub, name, email, "")
	u.verified = verified
	m.setPassword(u, password, "FORCE_CHANGE_PASSWORD")
	if in["MessageAction"] == nil {
		m.invited(u, password)
	}
}

// invited takes the message that tells a temporary password.
func (m *machine) invited(u *modelUser, password string) {
	if u.email != "" && m.code(u, "invitation") != password {
		m.fail("the invitation does not have the password")
	}
}

// admin does an operation on a user that may be missing.
func (m *machine) admin(operation string, do func(*modelUser) (want string, done func())) {
	p := m.pools[m.IntN(len(m.pools))]
	name := m.aName(p)
	u := m.lookup(p, name)
	want, done := noUser, func() {}
	if u != nil {
		want, done = do(u)
	}
	m.send(operation, obj{"UserPoolId": p.id, "Username": name}, want)
	if want == "" {
		done()
	}
}

func (m *machine) adminConfirm(u *modelUser) (string, func()) {
	if u.status != "UNCONFIRMED" {
		return "NotAuthorizedException: User cannot be confirmed. Current status is " + u.status, nil
	}
	return "", func() { u.status = "CONFIRMED"; delete(u.codes, signUpPurpose) }
}

func (m *machine) adminReset(u *modelUser) (string, func()) {
	switch {
	case u.status == "UNCONFIRMED" || u.status == "FORCE_CHANGE_PASSWORD":
		return noReset, nil
	case !u.verified || u.email == "":
		return noRecovery, nil
	}
	return "", func() { m.newCode(u, resetPurpose, time.Hour); u.status = "RESET_REQUIRED" }
}

const noRecovery = "InvalidParameterException: Cannot reset password for the user as there is no registered/verified email or phone_number"

func (m *machine) adminSignOut(u *modelUser) (string, func()) { return "", func() { m.signOut(u) } }

func (m *machine) adminDisable(u *modelUser) (string, func()) {
	return "", func() { u.enabled = false; m.signOut(u) }
}

func (m *machine) adminEnable(u *modelUser) (string, func()) { return "", func() { u.enabled = true } }

func (m *machine) adminSetPassword() {
	p := m.pools[m.IntN(len(m.pools))]
	name, permanent := m.aName(p), m.IntN(2) == 0
	password, want := m.aNewPassword()
	u := m.lookup(p, name)
	if u == nil {
		want = noUser
	}
	m.send("AdminSetUserPassword", obj{"UserPoolId": p.id, "Username": name, "Password": password, "Permanent": permanent}, want)
	if want != "" {
		return
	}
	m.setPassword(u, password, "FORCE_CHANGE_PASSWORD")
	if permanent {
		u.status = "CONFIRMED"
	}
}

func (m *machine) forgot() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	channel := u != nil && u.verified && u.email != ""
	pretends := c.hides && (u == nil || !u.enabled || u.status == "FORCE_CHANGE_PASSWORD" || !channel)
	want := ""
	switch {
	case pretends:
		if !m.countsOf(c.pool, nil, name).spend("forgot", 5, m.now()) {
			want = limited
		}
	case u == nil:
		want = noCodeUser
	case !u.enabled:
		want = isDisabled
	default:
		before := modelWindow{}
		if w := u.counts.windows["forgot"]; w != nil {
			before = *w
		}
		switch {
		case !u.counts.spend("forgot", 5, m.now()):
			want = limited
		case u.status == "FORCE_CHANGE_PASSWORD":
			want = noReset
		case !channel:
			want = noRecovery
		}
		if want != "" { // what sends no code is not counted
			*u.counts.windows["forgot"] = before
		}
	}
	m.send("ForgotPassword", obj{"ClientId": c.id, "Username": name}, want)
	if want == "" && !pretends {
		m.newCode(u, resetPurpose, time.Hour)
	}
}

func (m *machine) confirmForgot() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	code := m.aCode(u, resetPurpose)
	password, want := m.aNewPassword()
	done := func() {}
	switch {
	case want != "":
	case u == nil, c.hides && (!u.enabled || u.status == "FORCE_CHANGE_PASSWORD" || !u.verified || u.email == ""):
		want = m.strangersCode(c, name, resetPurpose, 5)
	case !u.enabled:
		want = isDisabled
	default:
		var undo func()
		want, undo, done = m.tryCode(u, resetPurpose, code, 5)
		switch {
		case want != "":
			undo = func() {}
		case u.status == "UNCONFIRMED":
			want = unconfirmed
		case u.status == "FORCE_CHANGE_PASSWORD":
			want = noReset
		case m.holder(u, u.email, true) != nil:
			want = aliasExists
		}
		if want != "" {
			undo()
		}
	}
	m.send("ConfirmForgotPassword", obj{"ClientId": c.id, "Username": name, "ConfirmationCode": code, "Password": password}, want)
	if want == "" {
		done()
		m.setPassword(u, password, "CONFIRMED")
		u.verified, u.counts.signIn = true, modelLock{}
	}
}

func (m *machine) changePassword() {
	a := m.anAccess()
	if a == nil {
		return
	}
	u := a.grant.user
	old := m.aPassword(u)
	password, refused := m.aNewPassword()
	want := m.bearer(a)
	switch {
	case want != "":
	case refused != "":
		want = refused
	case !u.counts.spend("change", 5, m.now()):
		want = limited
	case old != u.password:
		want = badPassword
	}
	m.send("ChangePassword", obj{"AccessToken": a.token, "PreviousPassword": old, "ProposedPassword": password}, want)
	if want == "" {
		m.setPassword(u, password, u.status)
	}
}

func (m *machine) signInByPassword() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	password := m.aPassword(u)
	in := obj{"ClientId": c.id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": name, "PASSWORD": password}}
	if m.IntN(4) == 0 {
		in["AuthFlow"] = "USER_AUTH"
		in["AuthParameters"].(obj)["PREFERRED_CHALLENGE"] = "PASSWORD"
	}
	want := m.password(c, u, name, u != nil && password == u.password)
	if want == "" {
		want = m.maySignIn(u)
	}
	if out := m.send("InitiateAuth", in, want); want == "" {
		m.entered(c, u, out)
	}
}

func (m *machine) startSRP() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	want := ""
	if u == nil && !c.hides {
		want = noUser
	}
	in := obj{"ClientId": c.id, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": obj{"USERNAME": name, "SRP_A": m.srp.A.Text(16)}}
	out := m.send("InitiateAuth", in, want)
	if want != "" {
		return
	}
	b := &modelBlock{user: u, name: name, client: c, expires: m.now().Add(3 * time.Minute)}
	b.challenge, _ = out["ChallengeParameters"].(obj)
	if out["ChallengeName"] != "PASSWORD_VERIFIER" || b.challenge == nil {
		m.fail("got %s", brief(out))
	}
	if u != nil {
		b.generation = u.generation
	}
	m.blocks = keepLast(append(m.blocks, b))
}

func (m *machine) answerSRP() {
	b := m.aBlock()
	if b == nil {
		return
	}
	c := b.client
	if m.IntN(10) == 0 {
		c = m.aClient()
	}
	u := b.user
	password := m.aPassword(u)
	_, pool, _ := strings.Cut(b.client.pool.id, "_")
	in := m.w.srpProof(m.srp, pool, b.challenge, password)
	in["ClientId"] = c.id
	named := m.lookup(c.pool, b.challenge["USERNAME"].(string))
	if m.IntN(10) == 0 {
		other := m.aName(c.pool)
		named = m.lookup(c.pool, other)
		in = answering(in, obj{"USERNAME": other})
	}
	says := in["ChallengeResponses"].(obj)["USERNAME"]
	want := ""
	switch {
	case c != b.client:
		want = sessionBad
	case !m.now().Before(b.expires):
		want = sessionOld
	case u != named || u == nil && says != b.name && says != b.challenge["USERNAME"]:
		want = sessionBad
	case b.used:
		want = sessionOnce
	default:
		right := u != nil && password == u.password && b.generation == u.generation
		want = m.password(c, u, b.name, right)
		b.used = want != lockedOut
		if want == "" {
			want = m.maySignIn(u)
		}
	}
	if out := m.send("RespondToAuthChallenge", in, want); want == "" {
		m.entered(c, u, out)
	}
}

func (m *machine) startChoice() {
	c := m.aClient()
	name := m.aName(c.pool)
	u := m.lookup(c.pool, name)
	params := obj{"USERNAME": name}
	challenge := "SELECT_CHALLENGE"
	if m.IntN(2) == 0 {
		challenge = "PASSWORD"
		params["PREFERRED_CHALLENGE"] = challenge
	}
	want := ""
	if u == nil && !c.hides {
		want = noUser
	}
	if out := m.send("InitiateAuth", obj{"ClientId": c.id, "AuthFlow": "USER_AUTH", "AuthParameters": params}, want); want == "" {
		m.asked(c, u, name, out, challenge)
	}
}

// reply gives the answer that a session waits for.
func (m *machine) reply(s *modelSession, c *modelClient, name string) (in obj, values obj) {
	values = obj{"USERNAME": name}
	return obj{"ClientId": c.id, "ChallengeName": s.challenge, "Session": s.id, "ChallengeResponses": values}, values
}

func (m *machine) answerChallenge() {
	s := m.aSession(m.session)
	if s == nil {
		return
	}
	c, u := s.client, s.user
	in, values := m.reply(s, c, s.name)
	want := ""
	var then func(out obj)
	held := func() bool { want = m.held(s, c, s.challenge, s.name); return want == "" }
	switch s.challenge {
	case "PASSWORD", "SELECT_CHALLENGE":
		password := m.aPassword(u)
		values["PASSWORD"] = password
		if s.challenge == "SELECT_CHALLENGE" {
			values["ANSWER"] = "PASSWORD"
		}
		if !held() {
			break
		}
		if want = m.password(c, u, s.name, u != nil && password == u.password); want == "" {
			s.used = true
			want = m.maySignIn(u)
		}
		then = func(out obj) { m.entered(c, u, out) }
	case "NEW_PASSWORD_REQUIRED":
		var password string
		password, want = m.aNewPassword()
		values["NEW_PASSWORD"] = password
		switch {
		case want != "" || !heldNew(m, s, c, &want):
		case !u.enabled:
			want = isDisabled
		case u.status != "FORCE_CHANGE_PASSWORD":
			want = sessionBad
		}
		then = func(out obj) { m.setPassword(u, password, "CONFIRMED"); m.entered(c, u, out) }
	case "SOFTWARE_TOKEN_MFA":
		code := m.aTOTP(u.secret)
		values["SOFTWARE_TOKEN_MFA_CODE"] = code
		if held() {
			want = m.second(s, u, code)
		}
		then = func(out obj) { s.used = true; m.newGrant(c, u, out) }
	case "MFA_SETUP":
		if held() {
			want = stillMaySignIn(u)
			if want == "" && !s.verified {
				want = sessionBad
			}
		}
		then = func(out obj) { s.used = true; m.newGrant(c, u, out) }
	}
	if out := m.send("RespondToAuthChallenge", in, want); want == "" {
		then(out)
	}
}

// heldNew is held for NEW_PASSWORD_REQUIRED.
func heldNew(m *machine, s *modelSession, c *modelClient, want *string) bool {
	*want = m.held(s, c, "NEW_PASSWORD_REQUIRED", s.name)
	return *want == ""
}

// stillMaySignIn says what the state of a user lets the next step of a sign-in
// do.
func stillMaySignIn(u *modelUser) string {
	switch {
	case !u.enabled:
		return isDisabled
	case u.status == "RESET_REQUIRED":
		return resetWanted
	case u.status != "CONFIRMED":
		return sessionBad
	}
	return ""
}

// second says what the code of a software token gets.
func (m *machine) second(s *modelSession, u *modelUser, code string) string {
	if why := stillMaySignIn(u); why != "" {
		return why
	}
	if m.now().Before(u.counts.second.until) {
		return lockedOut
	}
	if !u.hasToken() {
		return sessionBad
	}
	at, ok := m.totpStep(u.secret, code)
	switch {
	case !ok:
		u.counts.second.failed(10, m.now())
		return "CodeMismatchException: Invalid code received for user"
	case at <= u.lastStep:
		return "ExpiredCodeException: Your software token has already been used once."
	}
	u.lastStep, u.counts.second = at, modelLock{}
	return ""
}

// answerSwapped gives an answer that would be right but for whose it is.
func (m *machine) answerSwapped() {
	s := m.aSession(m.session)
	if s == nil {
		return
	}
	c, name := m.aClient(), s.name
	if m.IntN(2) == 0 {
		c, name = s.client, m.aName(s.client.pool)
	}
	if c == s.client && m.lookup(c.pool, name) == s.user {
		return
	}
	in, values := m.reply(s, c, name)
	switch s.challenge {
	case "PASSWORD", "SELECT_CHALLENGE":
		values["PASSWORD"], values["ANSWER"] = m.aPassword(s.user), "PASSWORD"
	case "NEW_PASSWORD_REQUIRED":
		values["NEW_PASSWORD"] = modelPasswords[0]
	case "SOFTWARE_TOKEN_MFA":
		values["SOFTWARE_TOKEN_MFA_CODE"] = m.aTOTP(s.user.secret)
	}
	want := m.held(s, c, s.challenge, name)
	if want == "" {
		m.fail("the model lets another answer")
	}
	m.send("RespondToAuthChallenge", in, want)
}

func (m *machine) renew() {
	r := m.aRefresh()
	if r == nil {
		return
	}
	c := r.grant.client
	if m.IntN(12) == 0 {
		c = m.aClient()
	}
	if m.IntN(4) == 0 {
		want := "UnsupportedOperationException: REFRESH_TOKEN_AUTH is not possible with refresh token rotation; use GetTokensFromRefreshToken."
		if !c.rotates {
			want = m.renewal(c, r)
		}
		in := obj{"ClientId": c.id, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": r.token}}
		if out := m.send("InitiateAuth", in, want); want == "" {
			m.tokens(r.grant, out, false)
		}
		return
	}
	want := m.renewal(c, r)
	out := m.send("GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": r.token}, want)
	if want != "" {
		return
	}
	if c.rotates && !r.rotated {
		r.rotated, r.until = true, m.now().Add(c.grace)
	}
	m.tokens(r.grant, out, c.rotates)
}

func (m *machine) revoke() {
	r := m.aRefresh()
	if r == nil {
		return
	}
	g, c := r.grant, r.grant.client
	if m.IntN(4) == 0 {
		c = m.aClient()
	}
	want, ends := "", false
	switch {
	case g.user.deleted || g.swept || g.client.pool != c.pool:
	case g.client != c:
		want = "UnauthorizedException: Unauthorized"
	default:
		ends = true
	}
	m.send("RevokeToken", obj{"ClientId": c.id, "Token": r.token}, want)
	g.revoked = g.revoked || ends
}

func (m *machine) globalSignOut() {
	a := m.anAccess()
	if a == nil {
		return
	}
	want := m.bearer(a)
	if m.send("GlobalSignOut", obj{"AccessToken": a.token}, want); want == "" {
		m.signOut(a.grant.user)
	}
}

func (m *machine) updateEmail() {
	a := m.anAccess()
	if a == nil {
		return
	}
	email := m.anAddress(a.grant.user.pool)
	want, done := m.bearer(a), func() {}
	if want == "" {
		want, done = m.setEmail(a.grant.user, &email, nil)
	}
	if m.send("UpdateUserAttributes", obj{"AccessToken": a.token, "UserAttributes": attrs("email", email)}, want); want == "" {
		done()
	}
}

func (m *machine) attributeCode() {
	a := m.anAccess()
	if a == nil {
		return
	}
	u := a.grant.user
	want := m.bearer(a)
	switch {
	case want != "":
	case u.email == "":
		want = "InvalidParameterException: User does not have an attribute email to verify."
	case !u.counts.spend("attribute code", 5, m.now()):
		want = limited
	}
	if m.send("GetUserAttributeVerificationCode", obj{"AccessToken": a.token, "AttributeName": "email"}, want); want == "" {
		m.newCode(u, verifyEmail, 24*time.Hour)
	}
}

func (m *machine) verifyEmail() {
	a := m.anAccess()
	if a == nil {
		return
	}
	u := a.grant.user
	code := m.aCode(u, verifyEmail)
	want, done := m.bearer(a), func() {}
	if want == "" {
		var undo func()
		if want, undo, done = m.tryCode(u, verifyEmail, code, 15); want == "" && m.holder(u, u.email, true) != nil {
			want = aliasExists
			undo()
		}
	}
	if m.send("VerifyUserAttribute", obj{"AccessToken": a.token, "AttributeName": "email", "Code": code}, want); want == "" {
		done()
		u.verified = true
	}
}

func (m *machine) adminUpdate() {
	p := m.pools[m.IntN(len(m.pools))]
	name := m.aName(p)
	u := m.lookup(p, name)
	var email *string
	var verified *bool
	list := attrs()
	if m.IntN(2) == 0 {
		email = new(m.anAddress(p))
		if m.IntN(4) == 0 {
			*email = ""
		}
		list = append(list, attrs("email", *email)...)
	}
	if email == nil || m.IntN(2) == 0 {
		verified = new(m.IntN(3) > 0)
		list = append(list, attrs("email_verified", map[bool]string{true: "true", false: "false"}[*verified])...)
	}
	want, done := noUser, func() {}
	if u != nil {
		want, done = m.setEmail(u, email, verified)
	}
	if m.send("AdminUpdateUserAttributes", obj{"UserPoolId": p.id, "Username": name, "UserAttributes": list}, want); want == "" {
		done()
	}
}

// setting draws an access token or a session in which a token can be set up.
func (m *machine) setting() (a *modelAccess, s *modelSession) {
	var sessions []*modelSession
	for _, s := range m.session {
		if s.challenge == "MFA_SETUP" || m.IntN(20) == 0 {
			sessions = append(sessions, s)
		}
	}
	if s = m.aSession(sessions); s == nil || m.IntN(2) == 0 {
		return m.anAccess(), nil
	}
	return nil, s
}

// setsUp says whether a session of MFA_SETUP can be gone on with.
func (m *machine) setsUp(s *modelSession) string {
	if s.user == nil {
		return sessionBad
	}
	want := m.held(s, s.client, "MFA_SETUP", s.user.sub)
	if want == "" {
		want = stillMaySignIn(s.user)
	}
	if want == "" && s.user.hasToken() {
		want = sessionBad
	}
	return want
}

// next takes the session that replaces one.
func (m *machine) next(s *modelSession, out obj) *modelSession {
	s.used = true
	n := *s
	n.id, n.used, n.expires = out["Session"].(string), false, m.now().Add(3*time.Minute)
	m.session = keepLast(append(m.session, &n))
	return &n
}

func (m *machine) setUpToken() {
	a, s := m.setting()
	switch {
	case a != nil:
		want := m.bearer(a)
		if out := m.send("AssociateSoftwareToken", obj{"AccessToken": a.token}, want); want == "" {
			a.grant.user.pending = m.secretOf(out)
		}
	case s != nil:
		want := m.setsUp(s)
		if out := m.send("AssociateSoftwareToken", obj{"Session": s.id}, want); want == "" {
			m.next(s, out).secret = m.secretOf(out)
		}
	}
}

func (m *machine) verifyToken() {
	a, s := m.setting()
	var u *modelUser
	in, want, secret := obj{}, "", ""
	switch {
	case a != nil:
		u, in["AccessToken"] = a.grant.user, a.token
		want, secret = m.bearer(a), u.pending
	case s != nil:
		u, in["Session"] = s.user, s.id
		want, secret = m.setsUp(s), s.secret
	default:
		return
	}
	code := m.aTOTP(secret)
	in["UserCode"] = code
	at, ok := int64(0), false
	switch {
	case want != "":
	case !u.counts.spend("verify token", 15, m.now()):
		want = "TooManyRequestsException: Attempt limit exceeded, please try after some time."
	case secret == "":
		want = "InvalidParameterException: No software token was associated."
	default:
		if at, ok = m.totpStep(secret, code); !ok {
			want = "EnableSoftwareTokenMFAException: Code mismatch and fail enable Software Token MFA"
		}
	}
	out := m.send("VerifySoftwareToken", in, want)
	if want != "" {
		return
	}
	delete(u.counts.windows, "verify token")
	u.secret, u.lastStep = secret, at
	if a != nil {
		u.pending = ""
		u.on = u.on || u.pool.mfaOn
		return
	}
	u.on = true
	n := m.next(s, out)
	n.secret, n.verified = "", true
}

func (m *machine) prefer() {
	var u *modelUser
	in, want, operation := obj{}, noUser, "AdminSetUserMFAPreference"
	if m.IntN(3) == 0 {
		p := m.pools[m.IntN(len(m.pools))]
		in["UserPoolId"], in["Username"] = p.id, m.aName(p)
		if u = m.lookup(p, in["Username"].(string)); u != nil {
			want = ""
		}
	} else {
		a := m.anAccess()
		if a == nil {
			return
		}
		operation, in["AccessToken"] = "SetUserMFAPreference", a.token
		u, want = a.grant.user, m.bearer(a)
	}
	on, preferred := m.IntN(3) > 0, m.IntN(2) == 0
	in["SoftwareTokenMfaSettings"] = settings(on, preferred)
	switch {
	case want != "":
	case !on && preferred:
		want = "InvalidParameterException: SOFTWARE_TOKEN_MFA cannot be preferred and not enabled."
	case on && u.secret == "" && u.pending != "":
		want = "InvalidParameterException: User has not verified software token mfa"
	case on && u.secret == "":
		want = "InvalidParameterException: User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA"
	case !on && u.on && u.pool.mfaOn:
		want = "InvalidParameterException: MFA is required in the user pool; the last MFA method of a user cannot be switched off."
	}
	if m.send(operation, in, want); want == "" {
		u.on, u.preferred = on, on && preferred
	}
}

func (m *machine) group() {
	p := m.pools[m.IntN(len(m.pools))]
	name, group, joins := m.aName(p), modelGroups[m.IntN(len(modelGroups))], m.IntN(3) > 0
	operation := map[bool]string{true: "AdminAddUserToGroup", false: "AdminRemoveUserFromGroup"}[joins]
	u, want := m.lookup(p, name), ""
	if u == nil {
		want = noUser
	}
	if m.send(operation, obj{"UserPoolId": p.id, "Username": name, "GroupName": group}, want); want == "" {
		u.groups[group] = joins
	}
}

func (m *machine) remove() {
	if a := m.anAccess(); a != nil && m.IntN(2) == 0 {
		want := m.bearer(a)
		if m.send("DeleteUser", obj{"AccessToken": a.token}, want); want == "" {
			a.grant.user.deleted = true
		}
		return
	}
	m.admin("AdminDeleteUser", func(u *modelUser) (string, func()) { return "", func() { u.deleted = true } })
}
