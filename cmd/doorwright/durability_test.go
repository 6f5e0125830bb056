package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/store"
)

var killsFlag = flag.Int("kills", 4, "how often TestKilled kills the program; the other kill tests do so in proportion")

// The size of TestKilled: workers act at once, each on accounts of its own, so
// that what was acknowledged of an account has one order.
const (
	killedWorkers  = 6
	killedAccounts = 3 // of each worker
	killedAnswers  = 250
)

// TestKilled kills the program at random moments while many clients change
// users, and holds what it knows afterwards against what it had acknowledged.
func TestKilled(t *testing.T) {
	rnd := random(t)
	dir := poolApp(t)
	w := &killedWorld{t: t, dir: dir, mail: newMailReader(dir), ports: pinPorts(t, dir, rnd)}
	for i := range killedWorkers {
		var own []*account
		for j := range killedAccounts {
			own = append(own, &account{w: w, name: fmt.Sprintf("w%da%d@example.com", i, j)})
		}
		w.accounts = append(w.accounts, own)
	}
	for round := range *killsFlag + 1 {
		p := startProgram(t, dir).ready(t)
		w.api = newCaller(t, dir)
		w.checkStage()
		w.each(rnd, func(_ *rand.Rand, own []*account) {
			for _, a := range own {
				a.settle()
				a.check()
			}
		})
		if t.Failed() || round == *killsFlag {
			break
		}
		w.actUntilKilled(rnd, p)
		w.api.http.CloseIdleConnections()
	}
	t.Logf("%d kills, %d answers: %d writes acknowledged, %d in doubt (%d of them had happened)",
		*killsFlag, w.answers.Load(), w.acknowledged.Load(), w.inDoubt.Load(), w.happened.Load())
}

// killedWorld is one stage over all its lives.
type killedWorld struct {
	t        *testing.T
	dir      string
	api      *caller
	mail     *mailReader
	ports    []string     // that the stage remembered before its first life
	accounts [][]*account // by worker

	stage map[string]string // what must never change, as it was first seen

	answers, acknowledged, inDoubt, happened atomic.Int64
}

// checkStage holds ids, keys, ports and outputs against the first life's.
func (w *killedWorld) checkStage() {
	now := map[string]string{}
	for _, name := range []string{"outputs.json", "environment.json"} {
		b, err := os.ReadFile(filepath.Join(store.Path(w.dir, doorwright.DefaultStage), name))
		if err != nil {
			w.t.Fatal(err)
		}
		now[name] = string(b)
	}
	keys, err := w.api.get(w.api.env.Endpoint+"/"+w.api.pool+"/.well-known/jwks.json", "")
	if err != nil || keys.status != http.StatusOK {
		w.t.Fatalf("the signing keys: %v, %v", keys, err)
	}
	now["the signing keys"] = keys.body
	if w.stage == nil {
		w.stage = now
	}
	for i, url := range []string{w.api.env.Endpoint, w.api.api} {
		if url != "http://localhost:"+w.ports[i] {
			w.t.Errorf("it answers at %s, and remembered port %s", url, w.ports[i])
		}
	}
	for what, text := range now {
		if first := w.stage[what]; first != text {
			w.t.Errorf("%s changed from\n%s\nto\n%s", what, first, text)
		}
	}
}

// each runs f for all workers at once, each with random numbers of its own.
func (w *killedWorld) each(rnd *rand.Rand, f func(rnd *rand.Rand, own []*account)) {
	var wg sync.WaitGroup
	for _, own := range w.accounts {
		mine := rand.New(rand.NewPCG(rnd.Uint64(), 0))
		wg.Go(func() { f(mine, own) })
	}
	wg.Wait()
}

// actUntilKilled lets all workers act and kills the program once it has given
// a random number of answers, at a random moment then.
func (w *killedWorld) actUntilKilled(rnd *rand.Rand, p *program) {
	left, wait := int64(1+rnd.IntN(killedAnswers)), time.Duration(rnd.IntN(8000))*time.Microsecond
	if rnd.IntN(2) == 0 {
		wait = 0 // as the answer arrives: what it acknowledges has to be on its way to the disk
	}
	var count atomic.Int64
	var killer sync.WaitGroup
	w.each(rnd, func(rnd *rand.Rand, own []*account) {
		for !w.t.Failed() {
			a := own[rnd.IntN(len(own))]
			if !a.act(rnd) {
				return
			}
			switch {
			case count.Add(1) != left:
			case wait == 0:
				p.kill()
			default:
				killer.Go(func() {
					<-time.After(wait) // which moment it is does not matter, only that it varies
					p.kill()
				})
			}
		}
	})
	killer.Wait()
	p.kill() // if the test has failed
	w.answers.Add(count.Load())
}

// account is an address, and what is known of the user that has it.
type account struct {
	w    *killedWorld
	name string

	exists    bool
	sub       string
	confirmed bool
	password  string
	former    string // one that was replaced
	changes   int    // of ChangePassword, of which few are allowed in an hour
	resets    int    // of ForgotPassword, likewise
	wrong     int    // sign-ins with a wrong password since the last right one; the fifth would lock
	code      mail   // confirms the sign-up; zero if it is not known
	oldCode   mail   // did so until another was sent
	reset     mail   // sets a new password; zero if there is none
	usedReset mail   // did so, and was used up
	grants    []*grant

	doubt *action // what was asked for and not answered
}

// grant is what a sign-in gave.
type grant struct {
	access, id, refresh string
	revoked             bool
	erased              bool // its user was deleted
}

// action is a change of an account: the call, and what holds once it was
// acknowledged.
type action struct {
	operation string
	in        map[string]any
	password  string // the new one, if it sets one
	grant     *grant // the one that it revokes, if it does
	before    mail   // the newest message before, if it sends one
	code      mail   // the code that it uses, if it does
	limit     *int   // counts it, if few are allowed
	done      func(*answer)
	then      func() *action // what has to follow
}

// act does something at random to the account. It is false once the program
// does not answer any more, or not as it must.
func (a *account) act(rnd *rand.Rand) bool {
	if rnd.IntN(8) == 0 {
		return a.look(rnd)
	}
	actions := a.actions(rnd)
	return a.try(actions[rnd.IntN(len(actions))])
}

// try does one thing to the account and notes what came of it.
func (a *account) try(next *action) bool {
	if next.limit != nil {
		*next.limit++ // one that is in doubt may have been counted
	}
	got, err := a.w.api.call(next.operation, next.in)
	if err != nil {
		a.doubt = next
		a.w.inDoubt.Add(1)
		return false
	}
	if got.status != http.StatusOK {
		a.w.t.Errorf("%s of %s was answered %s", next.operation, a.name, got)
		return false
	}
	a.w.acknowledged.Add(1)
	if next.done != nil {
		next.done(got)
	}
	return next.then == nil || a.try(next.then())
}

// look makes a call that must be refused, or that changes nothing.
func (a *account) look(rnd *rand.Rand) bool {
	var got *answer
	var err error
	want := "NotAuthorizedException"
	switch g := a.anyGrant(rnd, true); {
	case g != nil && rnd.IntN(2) == 0:
		want = ""
		got, err = a.w.api.refresh(g.refresh)
	case g != nil:
		want = ""
		got, err = a.w.api.call("GetUser", map[string]any{"AccessToken": g.access})
	case !a.exists:
		want = "UserNotFoundException"
		got, err = a.w.api.signIn(a.name, "Wr0ng-Password!")
	case a.wrong < 2: // the check after a kill may add two
		a.wrong++
		got, err = a.w.api.signIn(a.name, "Wr0ng-Password!")
	default:
		return true
	}
	if err != nil {
		return false
	}
	if !got.is(want, "") {
		a.w.t.Errorf("%s was answered %s, want %q", a.name, got, want)
	}
	return true
}

// anyGrant gives one of the account's grants that works or does not, or nil.
func (a *account) anyGrant(rnd *rand.Rand, works bool) *grant {
	var some []*grant
	for _, g := range a.grants {
		if works == (!g.revoked && !g.erased) {
			some = append(some, g)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rnd.IntN(len(some))]
}

// newPassword gives one that no account had before.
func newPassword(rnd *rand.Rand) string { return fmt.Sprintf("Passw0rd!%x", rnd.Uint64()) }

// actions gives what can be done to the account as it is.
func (a *account) actions(rnd *rand.Rand) []*action {
	switch {
	case !a.exists:
		return []*action{a.signUp(newPassword(rnd))}
	case !a.confirmed:
		return a.unconfirmedActions()
	}
	actions := []*action{a.signIn(), a.signIn(), a.setPassword(newPassword(rnd)), a.adminSignOut()}
	if a.resets < 4 {
		actions = append(actions, a.forgot())
	}
	if a.reset.code != "" {
		reset := a.confirmForgot(newPassword(rnd))
		actions = append(actions, reset, reset, reset)
	}
	if g := a.anyGrant(rnd, true); g != nil {
		actions = append(actions, a.revoke(g), a.revoke(g), a.signOut(g), a.delete("DeleteUser", map[string]any{"AccessToken": g.access}))
		if a.changes < 4 {
			actions = append(actions, a.changePassword(g, newPassword(rnd)))
		}
	}
	if rnd.IntN(3) == 0 {
		actions = append(actions, a.delete("AdminDeleteUser", map[string]any{"Username": a.name}))
	}
	return actions
}

func (a *account) unconfirmedActions() []*action {
	confirmed := func(*answer) { a.confirmed = true }
	actions := []*action{{operation: "AdminConfirmSignUp", in: map[string]any{"Username": a.name}, done: confirmed}}
	if a.code.code != "" {
		confirm := &action{operation: "ConfirmSignUp", done: confirmed, in: map[string]any{
			"ClientId": a.w.api.client, "Username": a.name, "ConfirmationCode": a.code.code,
		}}
		actions = append(actions, confirm, confirm, confirm)
	}
	if a.oldCode.code == "" {
		before := a.newest()
		actions = append(actions, &action{
			operation: "ResendConfirmationCode", before: before,
			in:   map[string]any{"ClientId": a.w.api.client, "Username": a.name},
			done: func(*answer) { a.oldCode, a.code = a.code, a.newest() },
		})
	}
	return actions
}

func (a *account) signUp(password string) *action {
	before := a.newest()
	return &action{
		operation: "SignUp", password: password, before: before,
		in:   map[string]any{"ClientId": a.w.api.client, "Username": a.name, "Password": password},
		done: func(got *answer) { a.born(got.result.UserSub, password, before) },
	}
}

// born notes that the account has a user from now on.
func (a *account) born(sub, password string, before mail) {
	*a = account{w: a.w, name: a.name, grants: a.grants, exists: true, sub: sub, password: password}
	if m := a.newest(); m != before {
		a.code = m
	}
}

// signIn also counts as a change: the tokens that it gives must go on working.
func (a *account) signIn() *action {
	return &action{
		operation: "InitiateAuth",
		in: map[string]any{
			"ClientId": a.w.api.client, "AuthFlow": "USER_PASSWORD_AUTH",
			"AuthParameters": map[string]string{"USERNAME": a.name, "PASSWORD": a.password},
		},
		done: func(got *answer) {
			a.wrong = 0
			r := got.result.AuthenticationResult
			a.grants = append(a.grants, &grant{access: r.AccessToken, id: r.IdToken, refresh: r.RefreshToken})
			a.forgetGrants()
		},
	}
}

// forgetGrants bounds what has to be checked of an account.
func (a *account) forgetGrants() {
	if most := 8; len(a.grants) > most {
		a.grants = slices.Delete(a.grants, 0, len(a.grants)-most)
	}
}

// changed notes a new password.
func (a *account) changed(password string) { a.former, a.password = a.password, password }

func (a *account) setPassword(password string) *action {
	return &action{
		operation: "AdminSetUserPassword", password: password,
		in:   map[string]any{"Username": a.name, "Password": password, "Permanent": true},
		done: func(*answer) { a.changed(password) },
	}
}

func (a *account) changePassword(g *grant, password string) *action {
	return &action{
		operation: "ChangePassword", password: password, limit: &a.changes,
		in:   map[string]any{"AccessToken": g.access, "PreviousPassword": a.password, "ProposedPassword": password},
		done: func(*answer) { a.changed(password) },
	}
}

// forgot asks for a code to set a new password. Such a code goes to a verified
// address only.
func (a *account) forgot() *action {
	return &action{
		operation: "AdminUpdateUserAttributes",
		in:        map[string]any{"Username": a.name, "UserAttributes": []map[string]string{{"Name": "email_verified", "Value": "true"}}},
		then: func() *action {
			return &action{
				operation: "ForgotPassword", before: a.newest(), limit: &a.resets,
				in:   map[string]any{"ClientId": a.w.api.client, "Username": a.name},
				done: func(*answer) { a.reset = a.newest() },
			}
		},
	}
}

func (a *account) confirmForgot(password string) *action {
	code := a.reset
	return &action{
		operation: "ConfirmForgotPassword", password: password, code: code, in: a.resetBy(code, password),
		done: func(*answer) {
			a.changed(password)
			a.reset, a.usedReset = mail{}, code
		},
	}
}

func (a *account) resetBy(code mail, password string) map[string]any {
	return map[string]any{"ClientId": a.w.api.client, "Username": a.name, "ConfirmationCode": code.code, "Password": password}
}

func (a *account) revoke(g *grant) *action {
	return &action{
		operation: "RevokeToken", grant: g,
		in:   map[string]any{"ClientId": a.w.api.client, "Token": g.refresh},
		done: func(*answer) { g.revoked = true },
	}
}

func (a *account) signOut(g *grant) *action {
	return &action{
		operation: "GlobalSignOut", grant: g,
		in: map[string]any{"AccessToken": g.access}, done: func(*answer) { a.signedOut() },
	}
}

func (a *account) adminSignOut() *action {
	return &action{
		operation: "AdminUserGlobalSignOut", in: map[string]any{"Username": a.name}, done: func(*answer) { a.signedOut() },
	}
}

func (a *account) signedOut() {
	for _, g := range a.grants {
		g.revoked = true
	}
}

func (a *account) delete(operation string, in map[string]any) *action {
	return &action{operation: operation, in: in, done: func(*answer) { a.gone() }}
}

// gone notes that the account has no user any more.
func (a *account) gone() {
	for _, g := range a.grants {
		g.erased = true
	}
	*a = account{w: a.w, name: a.name, grants: a.grants, former: a.password}
}

// newest gives the newest message to the account.
func (a *account) newest() mail {
	m, err := a.w.mail.latest(a.name)
	if err != nil {
		a.w.t.Error(err)
	}
	return m
}
