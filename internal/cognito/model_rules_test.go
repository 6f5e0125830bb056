package cognito_test

import (
	"slices"
	"strings"
	"time"
)

// What the model says of answers.
const (
	noUser       = "UserNotFoundException: User does not exist."
	noCodeUser   = "UserNotFoundException: Username/client id combination not found."
	badPassword  = "NotAuthorizedException: Incorrect username or password."
	lockedOut    = "NotAuthorizedException: Password attempts exceeded"
	isDisabled   = "NotAuthorizedException: User is disabled."
	unconfirmed  = "UserNotConfirmedException: User is not confirmed."
	resetWanted  = "PasswordResetRequiredException: Password reset required for the user"
	noReset      = "NotAuthorizedException: User password cannot be reset in the current state."
	codeWrong    = "CodeMismatchException: Invalid verification code provided, please try again."
	codeGone     = "ExpiredCodeException: Invalid code provided, please request a code again."
	limited      = "LimitExceededException: Attempt limit exceeded, please try after some time."
	temporaryEnd = "NotAuthorizedException: Temporary password has expired and must be reset by an administrator."
	sessionBad   = "NotAuthorizedException: Invalid session for the user."
	sessionOnce  = "NotAuthorizedException: Invalid session for the user, session can only be used once."
	sessionOld   = "NotAuthorizedException: Invalid session for the user, session is expired."
	aliasExists  = "AliasExistsException: An account with the email already exists."
	refreshBad   = "NotAuthorizedException: Invalid Refresh Token"
	refreshOld   = "NotAuthorizedException: Refresh Token has expired"
	refreshEnded = "NotAuthorizedException: Refresh Token has been revoked"
	refreshAgain = "RefreshTokenReuseException: Refresh token has already been used."
	accessOld    = "NotAuthorizedException: Access Token has expired"
	accessEnded  = "NotAuthorizedException: Access Token has been revoked"
	policyRefuse = "InvalidPasswordException: Password did not conform with policy: Password must have uppercase characters"
)

// modelUser is what the model knows of a user.
type modelUser struct {
	pool             *modelPool
	sub, username    string
	deleted, touched bool
	status           string
	enabled          bool
	password         string
	generation       int       // of the password
	since            time.Time // of the password
	email            string
	verified         bool
	codes            map[string]*modelCode // by purpose
	sent             map[string][]string   // all codes ever, by purpose
	counts           *modelCounts
	secret, pending  string // SecretCodes
	lastStep         int64  // of a software token's code
	on, preferred    bool   // the software token
	groups           map[string]bool
}

type modelCode struct {
	code, address string
	expires       time.Time
}

// modelCounts is what somebody, or a name without a user, has tried.
type modelCounts struct {
	windows        map[string]*modelWindow
	signIn, second modelLock
}

type modelWindow struct {
	count int
	since time.Time
}

func newCounts() *modelCounts { return &modelCounts{windows: map[string]*modelWindow{}} }

// spend takes one of the attempts of an hour, or says that there is none left.
func (c *modelCounts) spend(kind string, limit int, now time.Time) bool {
	w := c.windows[kind]
	if w == nil || now.Sub(w.since) >= time.Hour {
		w = &modelWindow{since: now}
		c.windows[kind] = w
	}
	if w.count == limit {
		return false
	}
	w.count++
	return true
}

// modelLock is the lock after failures: 2^(n-5) s from the fifth, at most 15
// minutes; forgotten after 15 quiet minutes.
type modelLock struct {
	failures    int
	last, until time.Time
}

func (l *modelLock) failed(free int, now time.Time) {
	if now.Sub(l.last) > 15*time.Minute {
		l.failures = 0
	}
	l.failures++
	l.last = now
	if over := l.failures - free; over >= 0 {
		l.until = now.Add(min(time.Duration(1)<<min(over, 20)*time.Second, 15*time.Minute))
	}
}

// modelGrant is a sign-in with all its tokens.
type modelGrant struct {
	user                *modelUser
	client              *modelClient
	revoked, swept      bool
	at, expires         time.Time
	originJTI, authTime any
}

type modelAccess struct {
	grant   *modelGrant
	token   string
	expires time.Time
}

type modelRefresh struct {
	grant   *modelGrant
	token   string
	rotated bool
	until   time.Time
}

// modelSession is a step of a sign-in: user is nil for a name without one.
type modelSession struct {
	id, challenge string
	user          *modelUser
	name          string
	client        *modelClient
	expires       time.Time
	used, swept   bool
	generation    int
	secret        string // of the software token that is being set up
	verified      bool
}

// modelBlock is the first step of SRP.
type modelBlock struct {
	user       *modelUser
	name       string
	client     *modelClient
	challenge  obj
	expires    time.Time
	used       bool
	generation int
}

// lookup gives the user of a name in a pool, or nil.
func (m *machine) lookup(p *modelPool, name string) *modelUser {
	for _, u := range m.users {
		if u.pool == p && !u.deleted && (u.username == name || u.sub == name || u.email == name && (p.byEmail || u.verified)) {
			u.touched = true
			return u
		}
	}
	return nil
}

// holder gives another user who has u's address for a name.
func (m *machine) holder(u *modelUser, address string, verified bool) *modelUser {
	for _, o := range m.users {
		if o.pool == u.pool && o != u && !o.deleted && address != "" && o.email == address && (u.pool.byEmail || verified && o.verified) {
			return o
		}
	}
	return nil
}

// countsOf gives what counts attempts for a name.
func (m *machine) countsOf(p *modelPool, u *modelUser, name string) *modelCounts {
	if u != nil {
		return u.counts
	}
	if p.strangers[name] == nil {
		p.strangers[name] = newCounts()
	}
	return p.strangers[name]
}

// maySignIn says what the state of a user lets who knows the password do.
func (m *machine) maySignIn(u *modelUser) string {
	switch {
	case !u.enabled:
		return isDisabled
	case u.status == "UNCONFIRMED":
		return unconfirmed
	case u.status == "RESET_REQUIRED":
		return resetWanted
	case u.status == "FORCE_CHANGE_PASSWORD" && !m.now().Before(u.since.Add(modelTemporaryDays*24*time.Hour)):
		return temporaryEnd
	}
	return ""
}

// password says what a password gets and counts it.
func (m *machine) password(c *modelClient, u *modelUser, name string, right bool) string {
	if u == nil && !c.hides {
		return noUser
	}
	lock := &m.countsOf(c.pool, u, name).signIn
	switch now := m.now(); {
	case now.Before(lock.until):
		return lockedOut
	case u == nil || !right:
		lock.failed(5, now)
		return badPassword
	}
	*lock = modelLock{}
	return ""
}

func (u *modelUser) hasToken() bool { return u.secret != "" && (u.on || u.pool.mfaOn) }

// entered takes what comes after the first factor: tokens, or what the user's
// state and second factor ask for.
func (m *machine) entered(c *modelClient, u *modelUser, out obj) {
	want := ""
	switch {
	case u.status == "FORCE_CHANGE_PASSWORD":
		want = "NEW_PASSWORD_REQUIRED"
	case u.hasToken():
		want = "SOFTWARE_TOKEN_MFA"
	case u.pool.mfaOn:
		want = "MFA_SETUP"
	}
	m.asked(c, u, u.username, out, want)
}

// asked takes the challenge that must come, or the tokens if there is none.
func (m *machine) asked(c *modelClient, u *modelUser, name string, out obj, want string) {
	if want == "" {
		m.newGrant(c, u, out)
		return
	}
	id, _ := out["Session"].(string)
	if out["ChallengeName"] != want || out["AuthenticationResult"] != nil || id == "" {
		m.fail("got %s, want the challenge %s", brief(out), want)
	}
	s := &modelSession{id: id, challenge: want, user: u, name: name, client: c, expires: m.now().Add(3 * time.Minute)}
	if u != nil {
		s.generation = u.generation
	}
	m.session = keepLast(append(m.session, s))
}

// keepLast forgets what was long ago.
func keepLast[T any](list []T) []T {
	const most = 60
	if len(list) > most {
		return slices.Clone(list[len(list)-most:])
	}
	return list
}

// newGrant takes the tokens of a sign-in.
func (m *machine) newGrant(c *modelClient, u *modelUser, out obj) {
	if out["ChallengeName"] != nil {
		m.fail("got %s, want tokens", brief(out))
	}
	if why := m.maySignIn(u); why != "" {
		m.fail("tokens for a user who must get %q", why)
	}
	now := m.now()
	g := &modelGrant{user: u, client: c, at: now, expires: now.Add(c.refreshLife)}
	m.tokens(g, out, true)
}

// tokens takes tokens of a grant and looks at what they say.
func (m *machine) tokens(g *modelGrant, out obj, withRefresh bool) {
	result, ok := out["AuthenticationResult"].(obj)
	if !ok {
		m.fail("got %s, want tokens", brief(out))
	}
	c, u, now := g.client, g.user, m.now()
	token := func(name string) string { s, _ := result[name].(string); return s }
	refresh := token("RefreshToken")
	if (refresh != "") != withRefresh || result["ExpiresIn"] != c.accessLife.Seconds() || result["TokenType"] != "Bearer" {
		m.fail("result %s", brief(result))
	}
	_, id := decoded(m.w.t, token("IdToken"))
	_, access := decoded(m.w.t, token("AccessToken"))
	if g.originJTI == nil {
		g.originJTI, g.authTime = access["origin_jti"], float64(g.at.Unix())
	}
	var groups any
	if list := u.groupList(); len(list) > 0 {
		groups = list
	}
	iss := m.w.cfg.IssuerBase + "/" + u.pool.id
	both := obj{"sub": u.sub, "iss": iss, "auth_time": g.authTime, "iat": float64(now.Unix()), "origin_jti": g.originJTI, "cognito:groups": groups}
	for _, of := range []struct {
		kind   string
		claims obj
		want   obj
	}{
		{"ID", id, obj{"token_use": "id", "aud": c.id, "cognito:username": u.username, "exp": float64(now.Add(time.Hour).Unix()), "email_verified": u.email != "" && u.verified}},
		{"access", access, obj{"token_use": "access", "client_id": c.id, "username": u.username, "scope": "aws.cognito.signin.user.admin",
			"exp": float64(now.Add(c.accessLife).Unix()), "version": nil, "email": nil}},
	} {
		for name, want := range with(both, of.want) {
			got := of.claims[name]
			if name == "email_verified" && got == nil {
				got = false
			}
			if brief(obj{"": got}) != brief(obj{"": want}) {
				m.fail("the %s token says %s = %v, want %v", of.kind, name, got, want)
			}
		}
	}
	if email, _ := id["email"].(string); email != u.email {
		m.fail("the ID token says email = %q, want %q", email, u.email)
	}
	m.access = keepLast(append(m.access, &modelAccess{g, token("AccessToken"), now.Add(c.accessLife)}))
	if withRefresh {
		m.refresh = keepLast(append(m.refresh, &modelRefresh{grant: g, token: refresh}))
	}
}

var modelGroups = []string{"admins", "riders"}

func (u *modelUser) groupList() []any {
	var list []any
	for _, group := range modelGroups {
		if u.groups[group] {
			list = append(list, group)
		}
	}
	return list
}

// bearer says what an access token is worth.
func (m *machine) bearer(a *modelAccess) string {
	u := a.grant.user
	switch {
	case !m.now().Before(a.expires):
		return accessOld
	case u.deleted:
		return noUser
	case !u.enabled:
		return isDisabled
	case a.grant.revoked:
		return accessEnded
	case u.status == "RESET_REQUIRED":
		return resetWanted
	}
	u.touched = true
	return ""
}

// renewal says what a refresh token is worth to a client, and ends the sign-in
// if it is used again.
func (m *machine) renewal(c *modelClient, r *modelRefresh) string {
	g := r.grant
	switch {
	case g.user.deleted || g.client != c || g.swept:
		return refreshBad
	case !g.user.enabled:
		return isDisabled
	case g.revoked:
		return refreshEnded
	case !m.now().Before(g.expires):
		return refreshOld
	case r.rotated && !m.now().Before(r.until):
		g.revoked = true
		return refreshAgain
	case g.user.status == "RESET_REQUIRED":
		return resetWanted
	}
	return ""
}

// held says what a session is worth to a client as the answer to a challenge
// for a user, or for a name without one.
func (m *machine) held(s *modelSession, c *modelClient, challenge, name string) string {
	named := m.lookup(c.pool, name)
	switch {
	case s.user != nil && s.user.deleted || s.swept || s.client != c || s.challenge != challenge:
		return sessionBad
	case s.used:
		return sessionOnce
	case !m.now().Before(s.expires):
		return sessionOld
	case s.user == nil && (named != nil || name != s.name):
		return sessionBad
	case s.user != nil && (s.user != named || s.generation != s.user.generation):
		return sessionBad
	}
	return ""
}

// setPassword gives a user a password. Challenges under way end.
func (m *machine) setPassword(u *modelUser, password, status string) {
	u.password, u.status, u.since = password, status, m.now()
	u.generation++
	for _, s := range m.session {
		if s.user == u && s.challenge == "NEW_PASSWORD_REQUIRED" {
			s.used = true
		}
	}
}

// signOut ends all sign-ins of a user.
func (m *machine) signOut(u *modelUser) {
	for _, g := range m.grants() {
		if g.user == u {
			g.revoked = true
		}
	}
}

func (m *machine) grants() []*modelGrant {
	var list []*modelGrant
	for _, a := range m.access {
		list = append(list, a.grant)
	}
	for _, r := range m.refresh {
		list = append(list, r.grant)
	}
	return list
}

// newCode takes the code that was sent for a purpose.
func (m *machine) newCode(u *modelUser, purpose string, life time.Duration) {
	shown := purpose
	if purpose == verifyEmail {
		shown = "attribute verification"
	}
	code := m.code(u, shown)
	u.codes[purpose] = &modelCode{code, u.email, m.now().Add(life)}
	u.sent[purpose] = append(u.sent[purpose], code)
}

const (
	signUpPurpose = "sign-up"
	resetPurpose  = "password reset"
	verifyEmail   = "verify"
)

// tryCode says what a code is worth and counts the attempt. Done uses it up.
func (m *machine) tryCode(u *modelUser, purpose, code string, limit int) (want string, undo, done func()) {
	before := modelWindow{}
	if w := u.counts.windows[purpose]; w != nil {
		before = *w
	}
	undo = func() { *u.counts.windows[purpose] = before }
	done = func() {
		delete(u.codes, purpose)
		delete(u.counts.windows, purpose)
	}
	if !u.counts.spend(purpose, limit, m.now()) {
		return limited, undo, done
	}
	switch c := u.codes[purpose]; {
	case c == nil || !m.now().Before(c.expires):
		return codeGone, undo, done
	case c.code != code || c.address != u.email:
		return codeWrong, undo, done
	}
	return "", undo, done
}

// aCode draws a code for somebody: mostly the last one, else an older one, one
// for another purpose, or none that there was.
func (m *machine) aCode(u *modelUser, purpose string) string {
	if u != nil {
		list := u.sent[purpose]
		switch n := m.IntN(10); {
		case n < 6 && len(list) > 0:
			return list[len(list)-1]
		case n < 7 && len(list) > 0:
			return list[m.IntN(len(list))]
		case n < 8:
			for _, other := range []string{signUpPurpose, resetPurpose, verifyEmail} {
				if list := u.sent[other]; other != purpose && len(list) > 0 {
					return list[len(list)-1]
				}
			}
		}
	}
	return "nonsense"
}

// totp gives the code of a key some steps from now.
func (m *machine) totp(secret string, off int64) string { return m.w.totp(secret, off) }

// totpStep gives the time step that a code is of, of those that are taken.
func (m *machine) totpStep(secret, code string) (int64, bool) {
	for off := int64(1); off >= -1; off-- {
		if m.totp(secret, off) == code {
			return m.now().Unix()/30 + off, true
		}
	}
	return 0, false
}

// aTOTP draws a code of a key: mostly that of now.
func (m *machine) aTOTP(secret string) string {
	switch n := m.IntN(10); {
	case secret == "" || n == 0:
		return "123456"
	case n < 7:
		return m.totp(secret, 0)
	default:
		return m.totp(secret, int64(m.IntN(5))-2)
	}
}

// setEmail changes a user's address, or whether it is verified; nil leaves it.
func (m *machine) setEmail(u *modelUser, email *string, verified *bool) (want string, done func()) {
	next, is, changed := u.email, u.verified, false
	if email != nil && *email != u.email {
		next, is, changed = *email, false, *email != ""
	}
	if verified != nil && next != "" {
		is = *verified
	}
	switch {
	case next == "" && u.email != "" && u.pool.byEmail:
		return "InvalidParameterException: Attributes did not conform to the schema: email: The attribute is required\n", nil
	case next == "" && verified != nil:
		return "InvalidParameterException: Email is required to verify/un-verify an email", nil
	case m.holder(u, next, is) != nil:
		return aliasExists, nil
	}
	return "", func() {
		u.email, u.verified = next, is
		switch {
		case changed && is:
			delete(u.codes, verifyEmail)
		case changed:
			m.newCode(u, verifyEmail, 24*time.Hour)
		}
	}
}

var modelPasswords = []string{"Passw0rd!", "N3wPassw0rd!", "Th1rd-passw0rd"}

// aPassword draws a password for a user: mostly the right one.
func (m *machine) aPassword(u *modelUser) string {
	if u != nil && m.IntN(10) < 8 {
		return u.password
	}
	return modelPasswords[m.IntN(len(modelPasswords))]
}

// aNewPassword draws a password to set, seldom one against the policy.
func (m *machine) aNewPassword() (password, refused string) {
	if m.IntN(20) == 0 {
		return "no-capitals-1", policyRefuse
	}
	return modelPasswords[m.IntN(len(modelPasswords))], ""
}

// recent draws from a list, the later the likelier, and mostly one that is
// still good for something; the zero value for none.
func recent[T any](m *machine, list []T, good func(T) bool) (one T) {
	for range 1 + m.IntN(8) {
		if len(list) == 0 {
			break
		}
		one = list[len(list)-1-m.IntN(1+m.IntN(len(list)))]
		if good(one) {
			break
		}
	}
	return one
}

func (g *modelGrant) live(now time.Time) bool {
	return !g.revoked && g.user.enabled && !g.user.deleted && now.Before(g.expires)
}

func (m *machine) anAccess() *modelAccess {
	return recent(m, m.access, func(a *modelAccess) bool { return a.grant.live(m.now()) && m.now().Before(a.expires) })
}

func (m *machine) aRefresh() *modelRefresh {
	return recent(m, m.refresh, func(r *modelRefresh) bool { return r.grant.live(m.now()) && !r.rotated })
}

func (m *machine) aSession(list []*modelSession) *modelSession {
	return recent(m, list, func(s *modelSession) bool { return !s.used && m.now().Before(s.expires) })
}

func (m *machine) aBlock() *modelBlock {
	return recent(m, m.blocks, func(b *modelBlock) bool { return !b.used && m.now().Before(b.expires) })
}

// aClient and aName draw who acts, through what.
func (m *machine) aClient() *modelClient { return m.clients[m.IntN(len(m.clients))] }

func (m *machine) aName(p *modelPool) string { return p.names[m.IntN(len(p.names))] }

// secretOf gives the SecretCode of an answer.
func (m *machine) secretOf(out obj) string {
	secret, _ := out["SecretCode"].(string)
	if len(secret) != 52 || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		m.fail("SecretCode %q", secret)
	}
	return secret
}

// sweep forgets what ended a day ago.
func (m *machine) sweep() {
	if err := m.w.svc.Sweep(m.w.t.Context()); err != nil {
		m.fail("sweeping: %v", err)
	}
	m.swept()
}

// restart begins the stage again, which sweeps too.
func (m *machine) restart() {
	m.w.restart()
	m.swept()
}

func (m *machine) swept() {
	old := m.now().Add(-24 * time.Hour)
	for _, g := range m.grants() {
		g.swept = g.swept || g.expires.Before(old)
	}
	for _, s := range m.session {
		s.swept = s.swept || s.expires.Before(old)
	}
}
