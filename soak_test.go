package doorwright_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

var (
	soakFor  = flag.Duration("soak", 12*time.Second, "how long TestSoak goes on")
	soakSeed = flag.Uint64("soak-seed", 0, "the seed of TestSoak; 0 draws one")
)

const scriptSource = `export const handler = async (e) => ({ statusCode: 200, body: e.requestContext.authorizer.jwt.claims.sub });
`

// visitors is how many use the app at once.
const visitors = 8

// soak is an app and those who use it, well and badly.
type soak struct {
	t             *testing.T
	app           *running
	dir, state    string
	api, endpoint string
	client        string // of the user pool
	issuer        *verifytest.Issuer
	work          string // the function's source file
	node          bool

	pause sync.RWMutex  // held to read by whoever is at work, to write for a measurement
	slots chan struct{} // one for each instance of the function
	turn  sync.Mutex    // of the script's only instance
	// version is the newest one that was saved, served the oldest that may answer.
	version, served atomic.Int64

	mu     sync.Mutex
	codes  map[string]string // by address; guarded by mu
	counts map[string]int    // by deed; guarded by mu
	broken int               // builds that failed; guarded by mu

	members []member // users who stay
	clients [visitors]*http.Client
}

type member struct {
	sub    string
	tokens doorwright.Tokens
}

// observe keeps what the deeds need: codes and failed builds.
func (s *soak) observe(e doorwright.Event) {
	switch {
	case e.Kind == doorwright.KindCode:
		// "sign-up code for USER to ADDRESS (EMAIL); ..."
		_, rest, _ := strings.Cut(e.Text, " to ")
		to, _, _ := strings.Cut(rest, " (")
		s.mu.Lock()
		s.codes[to] = e.Secret
		s.mu.Unlock()
	case e.Kind == doorwright.KindError && strings.Contains(e.Text, "failed; the code before it goes on serving"):
		s.mu.Lock()
		s.broken++
		s.mu.Unlock()
	case strings.Contains(e.Text, "internal error") || strings.Contains(e.Text, "panic serving"):
		s.t.Errorf("the log says: %s", e.Text)
	}
}

// visitor is one who comes again and again.
type visitor struct {
	*soak
	*rand.Rand
	name   int
	n      int // users signed up
	client *http.Client
}

// deed is something that a visitor does, and how often beside the others. Its
// error is an answer that must not be.
type deed struct {
	name  string
	share int
	do    func(*visitor) error
}

var deeds = []deed{
	{"open", 20, func(v *visitor) error {
		return exchange(v.client, "GET", v.api+"/open", "", nil, 200, "hello")
	}},
	{"good token", 30, func(v *visitor) error {
		m := v.members[v.IntN(len(v.members))]
		token := []string{m.tokens.ID, m.tokens.Access}[v.IntN(2)]
		return exchange(v.client, "GET", v.api+"/private", token, nil, 200, "hello")
	}},
	{"foreign token", 10, func(v *visitor) error {
		token := v.issuer.Token(verifytest.Claims{"scope": "write read", "n": v.Uint64()})
		return exchange(v.client, "GET", v.api+[]string{"/foreign", "/scoped"}[v.IntN(2)], token, nil, 200, "hello")
	}},
	{"bad token", 40, (*visitor).badToken},
	{"no token", 10, func(v *visitor) error {
		return exchange(v.client, "GET", v.api+"/private", "", nil, 401, unauthorizedBody)
	}},
	{"scope missing", 10, func(v *visitor) error {
		token := v.issuer.Token(verifytest.Claims{"scope": []string{"", "write", "reader"}[v.IntN(3)]})
		return exchange(v.client, "GET", v.api+"/scoped", token, nil, 403, forbiddenBody)
	}},
	{"unknown route", 10, func(v *visitor) error {
		path := []string{"/", "/nowhere", "/private/x", "/%2e%2e/private", "//private"}[v.IntN(5)]
		return exchange(v.client, "GET", v.api+path, v.members[0].tokens.ID, nil, 404, notFoundBody)
	}},
	{"function", 20, (*visitor).function},
	{"script", 20, (*visitor).script},
	{"large body", 4, func(v *visitor) error {
		body := bytes.Repeat([]byte{byte('a' + v.IntN(26))}, v.IntN(4<<20))
		return exchange(v.client, "POST", v.api+"/echo", "", body, 200, hexSum(body))
	}},
	{"too large", 1, func(v *visitor) error {
		return exchange(v.client, "POST", v.api+"/work", "", zeros[:7<<20], 413, tooLargeBody)
	}},
	{"exit", 1, func(v *visitor) error { return v.crash("/work?do=exit") }},
	{"panic", 1, func(v *visitor) error { return v.crash("/work?do=panic") }},
	{"time-out", 1, func(v *visitor) error { return v.crash("/other?do=sleep") }},
	{"slow client", 3, (*visitor).slow},
	{"gone in the request", 5, (*visitor).goneAsking},
	{"gone in the answer", 5, (*visitor).goneTaking},
	{"a user's life", 2, (*visitor).life},
}

// badToken sends one of every kind of token that must not be let in.
func (v *visitor) badToken() error {
	m := v.members[v.IntN(len(v.members))]
	now := time.Now().Unix()
	issue := func(c verifytest.Claims) string { return v.issuer.Token(c) }
	payload := fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"x","iat":%d,"exp":%d}`, v.issuer.URL(), verifytest.Audience, now, now+300)
	header := func(h map[string]any) string { return v.issuer.Sign(h, payload) }
	foreign := []string{
		issue(verifytest.Claims{"exp": now - 1 - v.Int64N(1e6)}),
		issue(verifytest.Claims{"exp": verifytest.Absent}),
		issue(verifytest.Claims{"exp": "tomorrow"}),
		issue(verifytest.Claims{"nbf": now + 3600}),
		issue(verifytest.Claims{"iss": v.issuer.URL() + "/"}),
		issue(verifytest.Claims{"aud": "https://other.example"}),
		issue(verifytest.Claims{"aud": []string{}}),
		forged(issue(verifytest.Claims{"n": v.Uint64()})),
		header(map[string]any{"alg": "none"}),
		header(map[string]any{"alg": "HS256"}),
		header(map[string]any{"alg": "RS512"}),
		header(map[string]any{"kid": fmt.Sprint("kid-", v.Uint64())}),
		header(map[string]any{"kid": verifytest.Absent}),
		header(map[string]any{"kid": "../../etc/passwd"}),
		header(map[string]any{"crit": []string{"exp"}}),
		m.tokens.ID, // of the other authorizer
		v.issuer.SignRaw([]byte(`{"alg":"RS256"`), payload),
		strings.Repeat("A", 1+v.IntN(8000)),
		"..", "a.b.c", "eyJ", strings.Repeat(".", 100),
	}
	own := []string{
		m.tokens.Refresh, forged(m.tokens.ID), forged(m.tokens.Access),
		m.tokens.ID + "A", m.tokens.ID[:len(m.tokens.ID)-2], m.tokens.ID + ".", "Bearer " + m.tokens.ID,
		issue(nil), // of the other authorizer
	}
	if i := v.IntN(len(foreign) + len(own)); i < len(foreign) {
		return exchange(v.client, "GET", v.api+[]string{"/foreign", "/scoped"}[v.IntN(2)], foreign[i], nil, 401, unauthorizedBody)
	} else {
		return exchange(v.client, "GET", v.api+"/private", own[i-len(foreign)], nil, 401, unauthorizedBody)
	}
}

// slot waits until one of the function's instances is this visitor's: more at
// once would be throttled.
func (v *visitor) slot() (release func()) {
	v.slots <- struct{}{}
	return func() { <-v.slots }
}

// function wants the body's sum and a version that is served now.
func (v *visitor) function() error {
	defer v.slot()()
	body := bytes.Repeat([]byte{byte(v.IntN(256))}, v.IntN(100<<v.IntN(15)))
	oldest := v.served.Load()
	r, err := v.client.Post(v.api+"/work", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	version, sum, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseInt(strings.TrimPrefix(version, "v"), 10, 64)
	if newest := v.version.Load(); r.StatusCode != 200 || err != nil || sum != hexSum(body) || n < oldest || n > newest {
		return fmt.Errorf("the function answers %d %.200q to %d bytes; want a version from %d to %d and %s", r.StatusCode, b, len(body), oldest, newest, hexSum(body))
	}
	return nil
}

// script wants the claims of the token that was sent, and nobody else's.
func (v *visitor) script() error {
	if !v.node {
		return nil
	}
	m := v.members[v.IntN(len(v.members))]
	v.turn.Lock()
	defer v.turn.Unlock()
	return exchange(v.client, "GET", v.api+"/script", m.tokens.ID, nil, 200, m.sub)
}

func (v *visitor) crash(path string) error {
	defer v.slot()()
	return exchange(v.client, "POST", v.api+path, "", nil, 500, failedBody)
}

// slow sends a good request a few bytes at a time.
func (v *visitor) slow() error {
	c, err := dial(v.api)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	text := "GET /private HTTP/1.1\r\nHost: " + hostOf(v.api) + "\r\nConnection: close\r\nAuthorization: " + v.members[0].tokens.ID + "\r\n\r\n"
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for text != "" {
		<-pace.C
		n := min(1+v.IntN(64), len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	answer, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer, []byte("\r\n\r\nhello")) {
		return fmt.Errorf("a slow client is answered %.300q %w", answer, err)
	}
	return nil
}

// goneAsking hangs up in the middle of a request.
func (v *visitor) goneAsking() error {
	c, err := dial(v.api)
	if err != nil {
		return err
	}
	defer c.Close()
	if v.IntN(2) == 0 {
		c.(*net.TCPConn).SetLinger(-1) // an end, not a reset
	}
	path := []string{"/work", "/echo", "/nowhere"}[v.IntN(3)]
	text := "POST " + path + " HTTP/1.1\r\nHost: " + hostOf(v.api) + "\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 200000)
	c.SetWriteDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, text[:v.IntN(len(text))]) // a refusal may come first
	return nil
}

// goneTaking hangs up in the middle of an answer.
func (v *visitor) goneTaking() error {
	c, err := dial(v.api)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	path, method := "/large", "GET"
	if v.IntN(4) == 0 {
		defer v.slot()()
		path, method = "/work?do=large", "POST"
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, path, hostOf(v.api))
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(c, status); err != nil || string(status) != "HTTP/1.1 200" {
		return fmt.Errorf("%s is answered %q %w", path, status, err)
	}
	_, err = io.CopyN(io.Discard, c, v.Int64N(100<<10))
	return err
}

// life is a user's: sign-up, sign-in, use, refresh, sign-out, and the end.
func (v *visitor) life() error {
	v.n++
	name := fmt.Sprintf("u%d-%d@example.com", v.name, v.n)
	const password = "Passw0rd!"
	ask := func(operation string, want int, in map[string]any) (map[string]any, error) {
		status, out, err := v.operation(operation, in)
		if err != nil || status != want {
			return nil, fmt.Errorf("%s of %s is answered %d %v %w; want %d", operation, name, status, out, err, want)
		}
		return out, nil
	}
	signIn := map[string]any{"ClientId": v.soak.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": name, "PASSWORD": password}}
	if _, err := ask("SignUp", 200, map[string]any{"ClientId": v.soak.client, "Username": name, "Password": password}); err != nil {
		return err
	}
	if _, err := ask("InitiateAuth", 400, signIn); err != nil { // not confirmed
		return err
	}
	v.mu.Lock()
	code := v.codes[name]
	delete(v.codes, name)
	v.mu.Unlock()
	if _, err := ask("ConfirmSignUp", 200, map[string]any{"ClientId": v.soak.client, "Username": name, "ConfirmationCode": code}); err != nil {
		return err
	}
	out, err := ask("InitiateAuth", 200, signIn)
	if err != nil {
		return err
	}
	tokens, _ := out["AuthenticationResult"].(map[string]any)
	id, access, refresh := fmt.Sprint(tokens["IdToken"]), fmt.Sprint(tokens["AccessToken"]), fmt.Sprint(tokens["RefreshToken"])
	if err := exchange(v.client, "GET", v.api+"/private", id, nil, 200, "hello"); err != nil {
		return err
	}
	renew := map[string]any{"ClientId": v.soak.client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": map[string]string{"REFRESH_TOKEN": refresh}}
	if _, err := ask("InitiateAuth", 200, renew); err != nil {
		return err
	}
	if v.IntN(2) == 0 {
		_, err = ask("RevokeToken", 200, map[string]any{"ClientId": v.soak.client, "Token": refresh})
	} else {
		_, err = ask("GlobalSignOut", 200, map[string]any{"AccessToken": access})
	}
	if err != nil {
		return err
	}
	if _, err := ask("InitiateAuth", 400, renew); err != nil {
		return err
	}
	if _, err := ask("GetUser", 400, map[string]any{"AccessToken": access}); err != nil {
		return err
	}
	if out, err = ask("InitiateAuth", 200, signIn); err != nil {
		return err
	}
	tokens, _ = out["AuthenticationResult"].(map[string]any)
	if _, err := ask("DeleteUser", 200, map[string]any{"AccessToken": tokens["AccessToken"]}); err != nil {
		return err
	}
	_, err = ask("InitiateAuth", 400, signIn)
	return err
}

func (v *visitor) operation(name string, in any) (int, map[string]any, error) {
	return operation(v.client, v.endpoint, name, in)
}

// visit does one deed after another until the end.
func (s *soak) visit(name int, seed uint64, end <-chan struct{}) {
	v := &visitor{soak: s, Rand: rand.New(rand.NewPCG(seed, uint64(name))), name: name, client: s.clients[name]}
	defer v.client.CloseIdleConnections()
	total := 0
	var first []deed // one's part of all that there is, so that none is left out
	for i, d := range deeds {
		if total += d.share; i%visitors == name {
			first = append(first, d)
		}
	}
	for {
		select {
		case <-end:
			return
		default:
		}
		var d deed
		if len(first) > 0 {
			d, first = first[0], first[1:]
		} else {
			n := v.IntN(total)
			for _, d = range deeds {
				if n -= d.share; n < 0 {
					break
				}
			}
		}
		s.pause.RLock()
		err := d.do(v)
		s.pause.RUnlock()
		s.mu.Lock()
		s.counts[d.name]++
		s.mu.Unlock()
		if err != nil {
			s.t.Errorf("%s: %v", d.name, err)
			return
		}
	}
}

// reload saves new versions of the function, and in between a broken one.
func (s *soak) reload(every time.Duration, end <-chan struct{}) {
	pace := time.NewTicker(every)
	defer pace.Stop()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-end:
			return
		case <-pace.C:
		}
		s.pause.RLock()
		err := s.reloadOnce(client)
		s.pause.RUnlock()
		if err != nil {
			s.t.Errorf("reloading: %v", err)
			return
		}
	}
}

func (s *soak) reloadOnce(client *http.Client) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	write(s.t, s.work, "package main\n\nfunc main() { this is not Go }\n")
	if !eventually(func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.broken > broken }) {
		return errors.New("the broken source was not noticed")
	}
	next := s.version.Add(1)
	write(s.t, s.work, strings.Replace(workSource, "VERSION", fmt.Sprint("v", next), 1))
	want := fmt.Sprintf("v%d %s", next, hexSum(nil))
	var last error
	if !eventually(func() bool {
		s.slots <- struct{}{}
		defer func() { <-s.slots }()
		last = exchange(client, "POST", s.api+"/work", "", nil, 200, want)
		return last == nil
	}) {
		return last
	}
	s.served.Store(next)
	s.mu.Lock()
	s.counts["reload"]++
	s.mu.Unlock()
	return nil
}

// measure is what the process holds while nobody is at work.
type measure struct {
	at                                time.Duration
	heap, rss                         int
	goroutines, descriptors, children int
	temporary, state, requests        int
}

// muster has every instance of the function come up, and more connections to
// the upstream than all visitors need, so that two measurements count the same.
func (s *soak) muster(client *http.Client) error {
	var all sync.WaitGroup
	errs := make(chan error, 1+workConcurrency+2*visitors)
	all.Go(func() { errs <- exchange(client, "POST", s.api+"/other", "", nil, 200, "") })
	for range workConcurrency {
		all.Go(func() { errs <- exchange(client, "POST", s.api+"/work?do=nap", "", nil, 200, "") })
	}
	for range 2 * visitors {
		all.Go(func() { errs <- exchange(client, "GET", s.api+"/nap", "", nil, 200, "") })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// take stops all, waits until it is quiet, and measures.
func (s *soak) take(start time.Time) (measure, error) {
	s.pause.Lock()
	defer s.pause.Unlock()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	if err := s.muster(client); err != nil {
		return measure{}, fmt.Errorf("mustering the instances: %w", err)
	}
	want := workConcurrency + 1 // and one of the function that times out
	if s.node {
		want++
	}
	m := measure{}
	for quiet := 0; quiet < 3; { // thrice the same in a row
		was := m
		runtime.GC()
		m = measure{goroutines: runtime.NumGoroutine(), descriptors: descriptors(s.t), children: len(children())}
		if quiet++; was != m || m.children > want {
			quiet = 0
		}
		if time.Since(start) > *soakFor+3*time.Minute {
			return measure{}, fmt.Errorf("it never got quiet: %+v", m)
		}
	}
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	m.heap, m.rss = int(stats.HeapAlloc), residentMemory()
	m.at = time.Since(start)
	m.temporary, _ = tree(os.Getenv("TMPDIR"))
	more, _ := tree(filepath.Join(s.state, "functions", "tmp"))
	m.temporary += more
	_, m.state = tree(s.state)
	s.mu.Lock()
	for _, n := range s.counts {
		m.requests += n
	}
	s.mu.Unlock()
	return m, nil
}

// children lists the processes that this one has started, dead ones too while
// nobody has waited for them. It knows none but on Linux.
func children() []int {
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, e := range entries {
		b, err := os.ReadFile(e)
		if err != nil {
			continue
		}
		// PID (NAME) STATE PPID ..., where NAME may hold anything
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(e)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func residentMemory() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, resident int
	fmt.Sscan(string(b), &total, &resident)
	return resident * os.Getpagesize()
}

// tree counts the files and folders below dir, and their bytes.
func tree(dir string) (n, size int) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return nil
		}
		n++
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += int(info.Size())
		}
		return nil
	})
	return n, size
}

// flat says by how much the median of each measure may grow between the second
// quarter of a soak and the last.
//
// Heap: what is left to fill of the cache of verified tokens, which a long soak
// fills beforehand. RSS: what large bodies leave of
// arenas; not held under the race detector, whose shadow of every address ever
// used is most of it. State: a thousand messages, and a row of attempts of each name, for
// less than an hour. A leak of one goroutine, descriptor or process for each
// crash, hang-up or reload is past these after seconds.
var flat = []struct {
	name   string
	of     func(measure) int
	growth int
}{
	{"heap", func(m measure) int { return m.heap }, 8 << 20},
	{"rss", func(m measure) int { return m.rss }, 64 << 20},
	{"goroutines", func(m measure) int { return m.goroutines }, 6},
	{"descriptors", func(m measure) int { return m.descriptors }, 6},
	{"children", func(m measure) int { return m.children }, 0},
	{"temporary files", func(m measure) int { return m.temporary }, 2},
	{"state", func(m measure) int { return m.state }, 12 << 20},
}

// TestSoak uses one app in every way, rightly and wrongly, for -soak, checks
// each answer, and wants it to be no larger at the end.
func TestSoak(t *testing.T) {
	needLoad(t)
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-soak %s -soak-seed %d", *soakFor, seed)
	t.Setenv("TMPDIR", t.TempDir()) // so that what is left there is ours; Windows has another name for it
	before, openBefore := goroutines(), descriptors(t)
	s := newSoak(t)
	if *soakFor >= longSoak {
		s.remember()
	}
	start, end := time.Now(), make(chan struct{})
	var all sync.WaitGroup
	for name := range visitors {
		all.Go(func() { s.visit(name, seed, end) })
	}
	all.Go(func() { s.reload(min(10*time.Second, *soakFor/8), end) })
	var taken []measure
	for tick := time.NewTicker(min(*soakFor/16, 10*time.Second)); time.Since(start) < *soakFor && !t.Failed(); {
		<-tick.C
		m, err := s.take(start)
		if err != nil {
			t.Error(err)
			break
		}
		taken = append(taken, m)
	}
	close(end)
	all.Wait()
	s.report(taken)
	if t.Failed() {
		return
	}
	s.hold(taken)
	s.leave(before, openBefore)
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t, codes: map[string]string{}, counts: map[string]int{}, slots: make(chan struct{}, workConcurrency)}
	for i := range s.clients {
		s.clients[i] = &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	}
	s.version.Store(1)
	s.served.Store(1)
	s.issuer = verifytest.NewIssuer(verify.RS256)
	t.Cleanup(s.issuer.Close)
	_, err := exec.LookPath("node")
	more := ""
	if s.node = err == nil; s.node {
		more = "      GET /script: {function: {handler: functions/script.handler, concurrency: 1}}\n"
	} else {
		t.Log("without the function in JavaScript: node is not on the PATH")
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is required and is not on the PATH")
		}
	}
	s.dir = workApp(t, workUpstream(t).URL, s.issuer.URL(), more)
	s.work = filepath.Join(s.dir, "functions", "work", "main.go")
	write(t, filepath.Join(s.dir, "functions", "script.mjs"), scriptSource)
	s.state = filepath.Join(t.TempDir(), "state")
	s.app = run(t, doorwright.Config{Dir: s.dir, State: s.state, AnyPort: true, Observe: s.observe})
	s.api, s.endpoint, s.client = s.app.output("Url"), s.app.Environment().Endpoint, s.app.output("Client")
	for i := range 20 {
		tokens, err := s.app.Token(t.Context(), doorwright.TokenRequest{User: fmt.Sprintf("member%d@example.com", i)})
		if err != nil {
			t.Fatal(err)
		}
		s.members = append(s.members, member{subject(t, tokens.ID), tokens})
	}
	return s
}

// longSoak is from when on a soak begins with full caches of verified tokens.
// Filling them takes minutes, and without it they fill for an hour, which heap
// profiles show to be all that grows, and which looks like a leak.
const longSoak = 5 * time.Minute

// remember has both authorizers verify half as many tokens again as they keep,
// which leaves few places empty.
func (s *soak) remember() {
	const tokens = verify.DefaultCacheSize * 3 / 2
	var all sync.WaitGroup
	for i, client := range s.clients {
		send := func(path, token string) {
			if err := exchange(client, "GET", s.api+path, token, nil, 200, "hello"); err != nil {
				s.t.Error(err)
			}
		}
		all.Go(func() {
			for n := i; n < tokens && !s.t.Failed(); n += len(s.clients) {
				send("/foreign", s.issuer.Token(verifytest.Claims{"scope": "write read", "n": n}))
				if n%2 == 1 {
					continue // a sign-in gives two
				}
				own, err := s.app.Token(s.t.Context(), doorwright.TokenRequest{User: fmt.Sprintf("member%d@example.com", n%len(s.members))})
				if err != nil {
					s.t.Error(err)
					return
				}
				send("/private", own.ID)
				send("/private", own.Access)
			}
		})
	}
	all.Wait()
}

// subject reads a token's sub without a look at its signature.
func subject(t *testing.T, token string) string {
	t.Helper()
	part := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Sub == "" {
		t.Fatalf("no sub in %s: %v", payload, err)
	}
	return claims.Sub
}

// report prints what was done and measured.
func (s *soak) report(taken []measure) {
	var b strings.Builder
	for name, n := range s.counts {
		fmt.Fprintf(&b, "%s %d  ", name, n)
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at\tdeeds\theap MB\trss MB\tgoroutines\tdescriptors\tchildren\ttemporary\tstate MB\t")
	for i, m := range taken {
		if i%max(1, len(taken)/20) == 0 || i == len(taken)-1 {
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t%.1f\t\n", m.at.Round(100*time.Millisecond), m.requests,
				float64(m.heap)/(1<<20), float64(m.rss)/(1<<20), m.goroutines, m.descriptors, m.children, m.temporary, float64(m.state)/(1<<20))
		}
	}
	w.Flush()
	s.t.Log("\n" + b.String())
}

// hold compares the second quarter with the last; the first is to warm up.
func (s *soak) hold(taken []measure) {
	if len(taken) < 8 {
		s.t.Errorf("only %d measurements", len(taken))
		return
	}
	q := len(taken) / 4
	for _, f := range flat {
		if f.name == "rss" && raceDetector {
			continue
		}
		second, last := median(taken[q:2*q], f.of), median(taken[len(taken)-q:], f.of)
		if last-second > f.growth {
			s.t.Errorf("%s grew from %d in the second quarter to %d in the last; %d is allowed", f.name, second, last, f.growth)
		}
	}
	for _, d := range deeds {
		if s.counts[d.name] == 0 {
			s.t.Errorf("nobody did %q: soak for longer", d.name)
		}
	}
	if s.counts["reload"] == 0 {
		s.t.Error("nothing was reloaded: soak for longer")
	}
}

func median(taken []measure, of func(measure) int) int {
	var all []int
	for _, m := range taken {
		all = append(all, of(m))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// leave stops the app and looks for what it leaves.
func (s *soak) leave(before map[string]bool, open int) {
	if err := s.app.stop(); err != nil {
		s.t.Errorf("Run ends with %v", err)
	}
	if left := children(); len(left) > 0 {
		s.t.Errorf("the processes %v are left after Run", left)
	}
	if left := leftOver(before); strings.Contains(left, "doorwright.(*App)") || strings.Contains(left, "/internal/") {
		s.t.Errorf("goroutines are left after Run:\n%s", left)
	}
	if n, _ := tree(filepath.Join(s.state, "functions", "tmp")); n > 0 {
		s.t.Errorf("%d temporary files are left of the functions", n)
	}
	if n, _ := tree(os.Getenv("TMPDIR")); n > 0 {
		s.t.Errorf("%d files are left in the folder for temporary files", n)
	}
	const others = 8 // the test's own servers and the runtime's poller
	if !eventually(func() bool { return descriptors(s.t) <= open+others }) {
		s.t.Errorf("%d descriptors are open after Run, %d were before", descriptors(s.t), open)
	}
}
