package cognito_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

var (
	modelSteps = flag.Int("model-steps", 1000, "how many operations TestModel does")
	modelSeed  = flag.Uint64("model-seed", 0, "the seed of TestModel; 0 draws one")
)

// TestModel does random operations, by several users through the clients of two
// pools, and holds every answer against a model of what a user pool is: who may
// do what, and what is left of a user, a code, a session and a token after it.
// The model is written from AWS's documentation and from the assumptions that
// COMPAT.md prints, in plain values: it has no store, and no clock but the test's.
//
// A failure is shown with the shortest history that could be found of it.
func TestModel(t *testing.T) {
	seed := cmp.Or(*modelSeed, rand.Uint64())
	t.Logf("-model-seed %d -model-steps %d", seed, *modelSteps)
	done := map[string]int{}
	// A long run is many short ones, whose histories are soon shrunk.
	const most = 600
	draw := rand.New(rand.NewPCG(seed, 0))
	for left := *modelSteps; left > 0; left -= most {
		steps := drawSteps(draw, min(left, most))
		found := play(t, steps, done)
		if found == nil {
			continue
		}
		t.Logf("step %d: %s\nlooking for the shortest history ...", found.at, found.text)
		found = shrink(t, steps[:found.at+1], found)
		t.Fatalf("%s\nafter %d steps:\n%s", found.text, found.at+1, strings.Join(found.history, "\n"))
	}
	for _, name := range slices.Sorted(maps.Keys(done)) {
		t.Logf("%7d %s", done[name], name)
	}
}

// modelStep is a deed and the dice that it throws. It throws its own, so that a
// history that others were taken out of still has it do much the same.
type modelStep struct {
	deed int
	seed uint64
}

func drawSteps(r *rand.Rand, n int) []modelStep {
	var lots []int
	for i, d := range modelDeeds {
		for range d.share {
			lots = append(lots, i)
		}
	}
	steps := make([]modelStep, n)
	for i := range steps {
		steps[i] = modelStep{lots[r.IntN(len(lots))], r.Uint64()}
	}
	return steps
}

// modelFailure is the step whose answer the model does not allow.
type modelFailure struct {
	at         int
	deed, text string
	history    []string
}

// play does steps in a new world and gives the first failure, or nil. It counts
// in done how often each answer was had.
func play(t *testing.T, steps []modelStep, done map[string]int) (found *modelFailure) {
	t.Run("history", func(t *testing.T) { // so that the world ends with it
		m := newMachine(t)
		m.done = done
		found = m.play(steps)
	})
	return found
}

func (m *machine) play(steps []modelStep) (found *modelFailure) {
	at := 0
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *modelFailure:
			e.at, e.deed, e.history = at, modelDeeds[steps[at].deed].name, m.history
			found = e
		default:
			panic(e)
		}
	}()
	for i, s := range steps {
		at = i
		m.Rand = rand.New(rand.NewPCG(s.seed, 0))
		m.history = append(m.history, fmt.Sprintf("%d. %s", i+1, modelDeeds[s.deed].name))
		modelDeeds[s.deed].do(m)
		m.invariants()
	}
	return nil
}

// shrink takes out of a history what the failure does not need: halves first,
// then ever smaller parts.
func shrink(t *testing.T, steps []modelStep, found *modelFailure) *modelFailure {
	end := time.Now().Add(30 * time.Second)
	for size := len(steps) / 2; size > 0; {
		shorter := false
		for from := 0; from < len(steps)-1 && time.Now().Before(end); {
			rest := slices.Concat(steps[:from], steps[min(from+size, len(steps)-1):])
			if f := play(t, rest, map[string]int{}); f != nil && f.deed == found.deed {
				steps, found, shorter = rest[:f.at+1], f, true
				continue
			}
			from += size
		}
		if size = min(size, len(steps)); !shorter || size > 1 {
			size /= 2
		}
	}
	return found
}

// machine is a world and what the model knows of it.
type machine struct {
	*rand.Rand
	w       *world
	pools   []*modelPool
	clients []*modelClient
	users   []*modelUser
	access  []*modelAccess
	refresh []*modelRefresh
	session []*modelSession
	blocks  []*modelBlock
	srp     *srpClient
	read    int // how many codes were read
	history []string
	done    map[string]int
}

// modelPool is one whose users are called by their e-mail addresses, where MFA
// is OPTIONAL; or one of usernames with addresses as aliases, where it is ON.
type modelPool struct {
	name, id  string
	byEmail   bool
	mfaOn     bool
	names     []string // what its users could be called
	strangers map[string]*modelCounts
}

type modelClient struct {
	pool           *modelPool
	id             string
	hides, rotates bool
	grace          time.Duration
	accessLife     time.Duration
	refreshLife    time.Duration
}

var modelAddresses = []string{"one@example.com", "two@example.com", "three@example.com"}

const modelTemporaryDays = 7

func newMachine(t *testing.T) *machine {
	flows := []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_AUTH"}
	clients := func(open cognito.ClientConfig) []cognito.ClientConfig {
		open.Name, open.AccessTokenValidity, open.RefreshTokenValidity = "open", 10*time.Minute, 2*time.Hour
		return []cognito.ClientConfig{open, {
			Name: "shy", ExplicitAuthFlows: flows, PreventUserExistenceErrors: true,
			Rotation: &cognito.Rotation{RetryGracePeriod: 30 * time.Second},
		}}
	}
	base := cognito.PoolConfig{AutoVerifiedAttributes: []string{"email"}, EnabledMFAs: []string{"SOFTWARE_TOKEN_MFA"}}
	mail, names := base, base
	mail.Name, mail.UsernameAttributes, mail.MFA = "Mail", []string{"email"}, "OPTIONAL"
	mail.Clients = clients(cognito.ClientConfig{ExplicitAuthFlows: append(slices.Clone(flows), "ALLOW_REFRESH_TOKEN_AUTH")})
	names.Name, names.AliasAttributes, names.MFA = "Names", []string{"email"}, "ON"
	names.Clients = clients(cognito.ClientConfig{ExplicitAuthFlows: flows, Rotation: &cognito.Rotation{}})
	m := &machine{w: newWorld(t, mail, names), srp: newSRPClient(vectorA)}
	for _, p := range []*modelPool{
		{name: "Mail", byEmail: true, names: modelAddresses},
		{name: "Names", mfaOn: true, names: append([]string{"alice", "bob", "carol"}, modelAddresses[:2]...)},
	} {
		served := m.w.svc.Pool(p.name)
		p.id, p.strangers = served.ID(), map[string]*modelCounts{}
		m.pools = append(m.pools, p)
		m.clients = append(m.clients,
			&modelClient{pool: p, id: served.ClientID("open"), rotates: !p.byEmail, accessLife: 10 * time.Minute, refreshLife: 2 * time.Hour},
			&modelClient{pool: p, id: served.ClientID("shy"), hides: true, rotates: true, grace: 30 * time.Second,
				accessLife: time.Hour, refreshLife: 30 * 24 * time.Hour})
		for i, group := range modelGroups {
			m.w.do("CreateGroup", obj{"UserPoolId": p.id, "GroupName": group, "Precedence": i})
		}
	}
	return m
}

// now is the clock's.
func (m *machine) now() time.Time { return m.w.clock() }

func (m *machine) fail(format string, args ...any) {
	panic(&modelFailure{text: fmt.Sprintf(format, args...)})
}

// send sends an operation that must end as the model says: "" is success, else
// it is "CODE: message". It gives the output of a success.
func (m *machine) send(operation string, in obj, want string) obj {
	a := m.w.send(operation, in)
	got := ""
	var out obj
	if a.body != "" {
		if err := json.Unmarshal([]byte(a.body), &out); err != nil {
			m.fail("%s %v: %v in %s", operation, in, err, a.body)
		}
	}
	if a.status != 200 {
		got = fmt.Sprintf("%v: %v", out["__type"], out["message"])
	}
	m.history = append(m.history, fmt.Sprintf("   %s %s %s: %s", m.now().Format("Jan 2 15:04:05"), operation, brief(in), cmp.Or(got, "200 "+brief(out))))
	if got != want || a.status == 200 != (want == "") {
		m.fail("%s %s\n got %d %s\nwant %s", operation, brief(in), a.status, cmp.Or(got, "success"), cmp.Or(want, "success"))
	}
	code, _, _ := strings.Cut(got, ":")
	m.done[operation+" "+cmp.Or(code, "200")]++
	return out
}

// brief writes an object with its long texts cut.
func brief(o obj) string {
	var parts []string
	for _, name := range names(o) {
		value := fmt.Sprint(o[name])
		if inner, ok := o[name].(obj); ok {
			value = brief(inner)
		}
		if len(value) > 60 && !strings.HasPrefix(value, "{") {
			value = value[:20] + ".." + value[len(value)-8:]
		}
		parts = append(parts, name+"="+value)
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// code reads the one code that the operation before has sent.
func (m *machine) code(u *modelUser, purpose string) string {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if len(m.w.codes) != m.read+1 {
		m.fail("%d codes were sent, want one for %s", len(m.w.codes)-m.read, purpose)
	}
	c := m.w.codes[m.read]
	m.read++
	if c.Purpose != purpose || c.To != u.email || c.Pool != u.pool.name || c.User != u.username {
		m.fail("a code for %q went to %s for %s: %+v", purpose, u.email, u.username, c)
	}
	return c.Code
}

// invariants looks at what must be true after every step: no code was sent that
// nobody asked for, users are as the model has them, and tokens are worth what
// it says.
func (m *machine) invariants() {
	m.w.mu.Lock()
	unread := m.w.codes[m.read:]
	m.w.mu.Unlock()
	if len(unread) > 0 {
		m.fail("codes were sent that nobody asked for: %+v", unread)
	}
	quiet := len(m.history)
	for _, u := range m.users {
		// Those that the step was about, and now and then another.
		if !u.touched && m.IntN(10) > 0 {
			continue
		}
		u.touched = false
		m.look(u)
	}
	if len(m.access) > 0 {
		a := m.access[m.IntN(len(m.access))]
		m.send("GetUser", obj{"AccessToken": a.token}, m.bearer(a))
	}
	m.history = m.history[:quiet]
}

// look holds AdminGetUser against the model.
func (m *machine) look(u *modelUser) {
	in := obj{"UserPoolId": u.pool.id, "Username": u.sub}
	if u.deleted {
		m.send("AdminGetUser", in, noUser)
		return
	}
	out := m.send("AdminGetUser", in, "")
	values := map[string]string{}
	for _, a := range out["UserAttributes"].([]any) {
		values[a.(obj)["Name"].(string)] = a.(obj)["Value"].(string)
	}
	list, preferred := []any(nil), any(nil)
	if u.on {
		list = []any{"SOFTWARE_TOKEN_MFA"}
		if u.preferred {
			preferred = list[0]
		}
	}
	got := []any{out["Username"], out["UserStatus"], out["Enabled"], values["sub"], values["email"], values["email_verified"] == "true", out["UserMFASettingList"], out["PreferredMfaSetting"]}
	want := []any{u.username, u.status, u.enabled, u.sub, u.email, u.verified, nil, preferred}
	if list != nil {
		want[6] = list
	}
	if fmt.Sprint(got...) != fmt.Sprint(want...) {
		m.fail("AdminGetUser of %s\n got %v\nwant %v", u.username, got, want)
	}
}
