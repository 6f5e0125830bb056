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
