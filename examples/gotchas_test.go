package examples_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/doorwrighttest"
)

// TestGotchasAreNamed does what people get wrong with Auth0, at the walk-through's API,
// and holds the lines that say so. What the file itself shows is `check`'s to say.
func TestGotchasAreNamed(t *testing.T) {
	needs(t, "python3")
	app, other := doorwrighttest.Start(t, "unicorns"), doorwrighttest.Start(t, "unicorns")
	issuer := app.Output(t, "Issuer")
	token := func(user, api, scope string) string {
		return app.TenantToken(t, doorwrighttest.TenantUser{Name: user, API: api, Scope: scope}).Access
	}
	named := func(what string, lines ...string) {
		t.Helper()
		var all strings.Builder
		for _, e := range app.Events() {
			all.WriteString(e.Text + "\n")
		}
		for _, line := range lines {
			if !strings.Contains(all.String(), line) {
				t.Errorf("of %s no line says %q:\n%s", what, line, all.String())
			}
		}
	}
	visit := func(method, address string, form url.Values) {
		t.Helper()
		r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}

	app.Get(t, "Api", "/unicorns", token("trainer@example.com", "", "openid"))
	named("no audience", "this one is encrypted, as Auth0's access tokens are where no audience was asked for: ask for the audience https://unicorns.example")
	app.Get(t, "Api", "/unicorns", token("rider@example.com", "Unicorns", "openid list:unicorns"))
	named("a scope that is not held", `scope "openid" does not hold list:unicorns (give rider@example.com the role unicorn-trainer, which holds list:unicorns`)
	foreign := other.TenantToken(t, doorwrighttest.TenantUser{Application: "test", API: "Unicorns"}).Access
	app.Get(t, "Api", "/unicorn?name=Gaia", foreign)
	named("another tenant's token", "get a token from "+issuer+": this one is signed by another issuer or tenant, or by a key that is gone")
	callback := "http://localhost:3000/other"
	visit("GET", issuer+"authorize?"+url.Values{"client_id": {app.Output(t, "ClientId")}, "redirect_uri": {callback}, "response_type": {"code"}}.Encode(), nil)
	named("a callback that is not registered", `redirect_uri "`+callback+`" is none of the callbacks of spa: add it to the declaration, letter by letter`)
}
