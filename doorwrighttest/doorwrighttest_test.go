package doorwrighttest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/doorwrighttest"
)

// TestPrivateRouteIsPrivate is the test that the README shows.
func TestPrivateRouteIsPrivate(t *testing.T) {
	app := doorwrighttest.Start(t, "../examples/quickstart")
	rider := app.Token(t, doorwrighttest.User{Name: "rider@example.com"})

	if got := app.Get(t, "Api", "/private", rider.ID); got.Status != 200 {
		t.Errorf("the rider is answered %v", got)
	}
	app.Clock.Advance(2 * time.Hour)
	if got := app.Get(t, "Api", "/private", rider.ID); got.Status != 401 {
		t.Errorf("two hours later the rider is answered %v", got)
	}
}

// TestREADMEShowsThatTest keeps the README true.
func TestREADMEShowsThatTest(t *testing.T) {
	function := regexp.MustCompile(`(?ms)^func TestPrivateRouteIsPrivate.*?^}\n`)
	ours, err := os.ReadFile("doorwrighttest_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(function.FindString(string(ours)), "../examples/quickstart", ".", 1)
	if got := function.FindString(string(readme)); got == "" || got != want {
		t.Errorf("the README shows\n%s\nand the test is\n%s", got, want)
	}
}

// TestToken asks for tokens of users old and new, and for users and clients
// that are not declared.
func TestToken(t *testing.T) {
	app := doorwrighttest.Start(t, "../examples/quickstart")
	first := app.Token(t, doorwrighttest.User{Name: "ada@example.com", Attributes: map[string]string{"given_name": "Ada"}})
	again := app.Token(t, doorwrighttest.User{Pool: "Users", Client: "web", Name: "ADA@example.com"})
	if first.ID == again.ID || first.Refresh == again.Refresh {
		t.Error("two sign-ins gave the same tokens")
	}
	users := 0
	for _, e := range app.Events() {
		if e.Kind == doorwright.KindPool && strings.HasPrefix(e.Text, "AdminCreateUser ") {
			users++
		}
	}
	if users != 1 {
		t.Errorf("%d users were created for one address in two spellings", users)
	}
	for _, u := range []doorwrighttest.User{
		{Name: "a@example.com", Pool: "Nobody"}, {Name: "a@example.com", Client: "nothing"}, {},
	} {
		if !fails(t, func(t testing.TB) { app.Token(t, u) }) {
			t.Errorf("a token for %+v does not fail the test", u)
		}
	}
	if !fails(t, func(t testing.TB) { app.URL(t, "Nothing") }) || !fails(t, func(t testing.TB) { app.Output(t, "Nothing") }) {
		t.Error("an API or output that is not declared does not fail the test")
	}
}

// recorder is a test that may fail without failing the one it is part of.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }
func (r *recorder) Helper()               {}

// fails says whether do fails the test that it is given.
func fails(t *testing.T, do func(testing.TB)) bool {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		do(r)
	}()
	return r.failed
}

// TestClock puts a clock forward.
func TestClock(t *testing.T) {
	start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	app := doorwrighttest.Start(t, "../examples/quickstart", doorwrighttest.Options{Now: start, Quiet: true})
	if now := app.Clock.Now(); now.Before(start) || now.After(start.Add(time.Hour)) {
		t.Errorf("the clock shows %v; it was set to %v", now, start)
	}
	app.Clock.Advance(24 * time.Hour)
	if now := app.Clock.Now(); now.Before(start.Add(24 * time.Hour)) {
		t.Errorf("a day later the clock shows %v", now)
	}
	token := app.Token(t, doorwrighttest.User{Name: "rider@example.com"})
	if got := app.Get(t, "Api", "/private", token.ID); got.Status != 200 {
		t.Errorf("a token made by this clock is answered %v", got)
	}
}

// TestPoolDomain asks a user pool's domain, which is served by https, and looks
// whether the user's own certificate authority was left alone.
func TestPoolDomain(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", home)
	dir := t.TempDir()
	declaration := "name: app\nuserPools:\n  Users: {domain: rides}\noutputs:\n  Url: \"${userPools.Users.url}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "doorwright.yaml"), []byte(declaration), 0o600); err != nil {
		t.Fatal(err)
	}
	app := doorwrighttest.Start(t, dir)
	url := app.Output(t, "Url")
	if !strings.HasPrefix(url, "https://localhost:") {
		t.Errorf("the domain is at %s", url)
	}
	r, err := http.NewRequest(http.MethodGet, url+"/nothing", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := app.Do(t, r); got.Status != 404 {
		t.Errorf("the domain answers %v", got)
	}
	client := http.Client{Transport: &http.Transport{}}
	if resp, err := client.Get(url); err == nil {
		resp.Body.Close()
		t.Error("a client that was not told of the authority trusts it")
	}
	if left, err := os.ReadDir(home); err != nil || len(left) != 0 {
		t.Errorf("the test left %v in the user's folder (%v)", left, err)
	}
}
