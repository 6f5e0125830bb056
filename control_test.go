package doorwright_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// TestControlsAreForRoot asks a running stage everything that it can be asked, with the
// keys of roles and without any, and as a page of a browser would.
func TestControlsAreForRoot(t *testing.T) {
	dir := declare(t, `name: app
identityPools: {Auth: {allowUnauthenticatedIdentities: true, userPools: [Users]}}
userPools: {Users: {clients: {web: {}}}}
`)
	r := run(t, doorwright.Config{AnyPort: true, Console: doorwright.NewConsole(), Dir: dir})
	env := r.Environment()
	ask := func(target, body string, keys *doorwright.SessionKeys, header ...string) (int, string) {
		t.Helper()
		request, err := http.NewRequest("POST", env.Endpoint+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", target)
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		if keys != nil {
			sigv4.Sign(request, []byte(body), sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}, "doorwright", env.Region, time.Now())
		}
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if origin := res.Header.Get("Access-Control-Allow-Origin"); origin != "" {
			t.Errorf("%s may be read by the page %s", target, origin)
		}
		return res.StatusCode, string(answer)
	}
	given, err := doorwright.ReadKeys(t.Context(), dir, "dev", doorwright.CallQuery{Role: "Auth.authenticated"})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := doorwright.ReadKeys(t.Context(), dir, "dev", doorwright.CallQuery{IdentityPool: "Auth"})
	if err != nil {
		t.Fatal(err)
	}
	root := &doorwright.SessionKeys{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}
	const question = `{"RequestID":"x","Do":"list","Root":true,"Method":"GET","Path":"/"}`
	targets := doorwright.Controls()
	if len(targets) < 9 {
		t.Fatalf("only %q can be asked", targets)
	}
	for _, target := range targets {
		for name, keys := range map[string]*doorwright.SessionKeys{"a role": given.Keys, "a guest": guest.Keys, "nobody": nil} {
			if status, body := ask(target, question, keys, "Origin", "http://localhost:3000", "Content-Type", "text/plain"); status != 403 {
				t.Errorf("%s asks %s, and is answered %d %s", name, target, status, body)
			}
		}
		if status, body := ask(target, strings.Repeat(" ", 64<<10)+question, root); status != 400 || !strings.Contains(body, "too large") {
			t.Errorf("%s takes a long question: %d %s", target, status, body)
		}
		if status, _ := ask(target, "[1", root); status != 400 {
			t.Errorf("%s takes what is no JSON: %d", target, status)
		}
	}
}

// TestTokensNeedTheRootKeys asks a running stage for somebody's token, and for a
// secret, without its keys, with others, and for another service.
func TestTokensNeedTheRootKeys(t *testing.T) {
	r := run(t, doorwright.Config{AnyPort: true, Console: doorwright.NewConsole(), Dir: declare(t, `name: app
tenants:
  Auth0:
    applications: {machine: {type: non_interactive, grants: {Api: []}}}
    apis: {Api: {identifier: "https://api.example"}}
`)})
	env := r.Environment()
	root := sigv4.Credentials{AccessKeyID: env.AccessKeyID, SecretAccessKey: env.SecretAccessKey}
	guessed := root
	guessed.SecretAccessKey = "guessed"
	ask := func(c *sigv4.Credentials, service, target string) (int, string) {
		const body = `{"Application":"machine","Ref":"tenants.Auth0.applications.machine.clientSecret"}`
		request, err := http.NewRequest("POST", env.Endpoint+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", target)
		if c != nil {
			sigv4.Sign(request, []byte(body), *c, service, env.Region, time.Now())
		}
		res, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(answer)
	}
	for name, c := range map[string]struct {
		keys    *sigv4.Credentials
		service string
		want    int
	}{
		"unsigned": {nil, "", 403}, "by a guessed secret": {&guessed, "doorwright", 403}, "for another service": {&root, "cognito-idp", 403},
		"by the root": {&root, "doorwright", 200},
	} {
		for target, gives := range map[string]string{"Doorwright.Token": "eyJ", "Doorwright.Secret": `"Value":"`, "Doorwright.Console": "/open/"} {
			if status, body := ask(c.keys, c.service, target); status != c.want || (c.want == 200) != strings.Contains(body, gives) {
				t.Errorf("%s of %s: %d %s", target, name, status, body)
			}
		}
	}
}
