package examples_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/doorwrighttest"
)

// TestWalkThroughUnicorns calls the walk-through's API as each role and as a
// machine. The scopes are all asked for; the tenant gives what is held.
func TestWalkThroughUnicorns(t *testing.T) {
	needs(t, "python3")
	app := doorwrighttest.Start(t, "unicorns")
	if issuer := app.Output(t, "Issuer"); !strings.HasPrefix(issuer, "http://localhost:") || !strings.HasSuffix(issuer, "/") {
		t.Errorf("the issuer is %s", issuer)
	}
	const all = "openid profile email list:unicorns read:unicorn"
	token := func(user, scope string) string {
		return app.TenantToken(t, doorwrighttest.TenantUser{Name: user, API: "Unicorns", Scope: scope}).Access
	}
	rider, trainer := token("rider@example.com", all), token("trainer@example.com", all)
	machine := app.TenantToken(t, doorwrighttest.TenantUser{Application: "test", API: "Unicorns"}).Access
	opaque := app.TenantToken(t, doorwrighttest.TenantUser{Name: "trainer@example.com", Scope: all})
	const unauthorized, forbidden = `401 {"message":"Unauthorized"}`, `403 {"message":"Forbidden"}`
	const one = `200 {"name": "Gaia", "gift": "Flight"}`
	const list = `200 [{"name": "Gaia", "gift": "Speed"}, {"name": "Magestic", "gift": "Magic"}, {"name": "Sparkles", "gift": "Glitter"}]`
	for _, c := range []struct{ name, path, token, want string }{
		{"a stranger", "/unicorns", "", unauthorized},
		{"a rider at one", "/unicorn?name=Gaia", rider, one},
		{"a rider at all", "/unicorns", rider, forbidden},
		{"a trainer at one", "/unicorn?name=Gaia", trainer, one},
		{"a trainer at all", "/unicorns", trainer, list},
		{"a trainer who did not ask", "/unicorns", token("trainer@example.com", "openid profile"), forbidden},
		{"a machine at one", "/unicorn?name=Gaia", machine, one},
		{"a machine at all", "/unicorns", machine, forbidden},
		{"an opaque token", "/unicorns", opaque.Access, unauthorized},
		{"an ID token", "/unicorns", opaque.ID, unauthorized},
		{"a forged one", "/unicorns", forge(trainer), unauthorized},
	} {
		if got := app.Get(t, "Api", c.path, c.token).String(); got != c.want {
			t.Errorf("%s is answered %s; want %s", c.name, got, c.want)
		}
	}
	for _, e := range app.Events() {
		if e.Kind == doorwright.KindTenant && strings.Contains(e.Text, trainer) {
			t.Errorf("the token is shown: %s", e.Text)
		}
	}
}

// TestUnicornsOfOthers brings the tokens of one app's tenant to another app's,
// which is declared the same.
func TestUnicornsOfOthers(t *testing.T) {
	needs(t, "python3")
	here, there := doorwrighttest.Start(t, "unicorns"), doorwrighttest.Start(t, "unicorns")
	machine := doorwrighttest.TenantUser{Application: "test", API: "Unicorns"}
	if got := there.Get(t, "Api", "/unicorn?name=Gaia", here.TenantToken(t, machine).Access); got.Status != 401 {
		t.Errorf("another app's token is answered %s", got)
	}
}
