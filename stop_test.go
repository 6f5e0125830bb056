package doorwright_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestStopInMidAnything has everybody at a stage at once: requests, dry runs, matrices,
// stories, two commands that change the same user, pages, streams and forms of the console,
// who reads its answer slowly or not at all. Then it stops, and starts again with the same
// console, as after a change of the declaration. Nothing panics, and nothing is left.
func TestStopInMidAnything(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("called")) }))
	t.Cleanup(upstream.Close)
	dir := declare(t, `name: busy
userPools: {Users: {clients: {web: {authFlows: [userPassword]}}, groups: {a: {}, b: {}}}}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    routes:
      GET /open/{id}: {url: "`+upstream.URL+`", authorizer: none}
      GET /users: {url: "`+upstream.URL+`", authorizer: users}
      GET /iam: {url: "`+upstream.URL+`", authorizer: iam}
outputs: {Url: "${apis.Api.url}"}
`)
	console := doorwright.NewConsole()
	before := goroutines()
	for round := range 2 {
		r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Console: console})
		ask := func(q doorwright.UsersQuery) error {
			_, err := doorwright.AskUsers(context.Background(), dir, "dev", q)
			return err
		}
		if err := ask(doorwright.UsersQuery{Do: doorwright.CreateUser, New: doorwright.NewUser{Name: "ann", Password: "Passw0rd-of-ann"}}); err != nil && round == 0 {
			t.Fatal(err)
		}
		link, _ := r.ConsoleLink()
		browser, base := openConsole(t, link)
		browser.Timeout = 0
		address := r.output("Url")
		fetch := func(client *http.Client, address string, most int64) error {
			res, err := client.Get(address)
			if err != nil {
				return err
			}
			_, err = io.CopyN(io.Discard, res.Body, most)
			res.Body.Close()
			return err
		}
		change := func(c doorwright.UserChange) func() error {
			return func() error { return ask(doorwright.UsersQuery{Do: doorwright.ChangeUser, User: "ann", Change: c}) }
		}
		var stopped atomic.Bool
		var all, begun sync.WaitGroup
		for i, do := range []func() error{
			func() error { return fetch(http.DefaultClient, address+"/open/1", 1<<20) },
			func() error { return fetch(http.DefaultClient, address+"/users", 1<<20) },
			func() error { return fetch(http.DefaultClient, address+"/iam", 1<<20) },
			func() error { _, err := r.Matrix(context.Background()); return err },
			func() error {
				q := httptest.NewRequest("GET", "/users", nil)
				_, err := r.ExplainRequest(context.Background(), "Api", q)
				return err
			},
			func() error {
				_, err := doorwright.ReadDryRun(context.Background(), dir, "dev", doorwright.RequestQuery{Method: "GET", Path: "/iam"})
				return err
			},
			func() error { _, err := doorwright.ReadConsoleLink(context.Background(), dir, "dev"); return err },
			func() error { r.Explain("A"); return nil },
			change(doorwright.UserChange{Join: []string{"a"}}),
			change(doorwright.UserChange{Leave: []string{"a"}, Join: []string{"b"}}),
			change(doorwright.UserChange{Password: "Passw0rd-of-ann-2"}),
			func() error { return fetch(browser, base+"/", 1<<20) },
			func() error { return fetch(browser, base+"/requests", 10) },
			func() error { return fetch(browser, base+"/events?topic=requests&after=0", 2000) },
			func() error { return fetch(browser, base+"/events?topic=activity&after=0", 20) },
			func() error {
				res, err := browser.PostForm(base+"/matrix", url.Values{"csrf": {"of another"}})
				if err == nil {
					res.Body.Close()
				}
				return err
			},
		} {
			begun.Add(1)
			all.Add(1)
			go func() { // ends once it has stopped and fails, or after that in any case
				defer all.Done()
				for n := 0; n < 3 || !stopped.Load(); n++ {
					if err := do(); err != nil && !stopped.Load() && i < 8 && err != io.EOF {
						t.Errorf("%d: %v", i, err)
					}
					if n == 2 {
						begun.Done()
					}
				}
			}()
		}
		begun.Wait()
		stopped.Store(true)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		browser.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		r.mu.Lock()
		for _, e := range r.events {
			if text := fmt.Sprint(e.Text); strings.Contains(text, "panic") || strings.Contains(text, "internal error") {
				t.Errorf("%s", text)
			}
		}
		r.mu.Unlock()
	}
	if left := leftOver(before); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
}
