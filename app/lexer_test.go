package app_test

import (
	"slices"
	"testing"

	"github.com/doorwright/doorwright/app"
)

// TestColonsWithinPlainText holds the rule that a colon ends a key only before a space:
// scopes have colons in them, and stand in flow mappings (YAML 1.2.2, section 7.3.3).
func TestColonsWithinPlainText(t *testing.T) {
	for _, scopes := range []string{"[read:unicorn, list:unicorns]", "[read:unicorn ,list:unicorns ]", "[ read:unicorn,\n         list:unicorns]", `["read:unicorn", 'list:unicorns']`} {
		a, err := app.Parse("doorwright.yaml", []byte(`name: unicorns
userPools: {Users: {clients: {web: {}}}}
apis: {Api: {authorizers: {u: {type: user_pool, userPool: Users}}, defaults: {authorizer: u},
       routes: {GET /: {url: http://localhost:8080/a:b, scopes: `+scopes+`}}}}
`), app.Options{})
		if err != nil {
			t.Errorf("scopes: %s is refused:\n%v", scopes, err)
			continue
		}
		r := a.Routes()[0]
		if want := []string{"read:unicorn", "list:unicorns"}; !slices.Equal(r.Scopes, want) || r.URL.String() != "http://localhost:8080/a:b" {
			t.Errorf("scopes: %s reads as %q, url as %q", scopes, r.Scopes, r.URL)
		}
	}
}

// TestKeyWithoutSpace takes {a:b} as YAML does: for the key "a:b" of nothing.
func TestKeyWithoutSpace(t *testing.T) {
	if _, err := app.Parse("doorwright.yaml", []byte("name: app\nuserPools: {Users: {selfSignUp:true}}\n"), app.Options{}); err == nil {
		t.Error("selfSignUp:true without a space is taken for a setting")
	}
}
