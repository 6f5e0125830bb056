package auth0_test

import (
	"net/http"
	"testing"
)

// TestGotchas holds what the log says of requests that succeed and surprise, and of
// refusals that a look at the declaration would have spared.
func TestGotchas(t *testing.T) {
	w := newWorld(t, tenantConfig())
	other := newWorld(t, tenantConfig())
	last := func(what, want string) {
		t.Helper()
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := w.events[len(w.events)-1].String(); got != want {
			t.Errorf("of %s the log says\n%s\nwant\n%s", what, got, want)
		}
	}
	const token = "POST /oauth/token Auth0 spa ann@example.com: ok ("
	w.tokens("audience", "-", "scope", "openid")
	last("no audience", token+"no audience was asked for, so the access token is opaque: it is good for /userinfo alone)")
	w.tokens("audience", unicorns, "scope", "openid r")
	last("a scope that is not requested", token+"held by the user and not asked for, so not in the token's scope: w)")
	w.tokens("audience", unicorns, "scope", "openid r w d")
	last("a scope that is not held", token+"asked for and not among the user's permissions: d)")
	w.tokens("audience", unicorns, "scope", "openid r w x")
	last("a scope that there is not", token+"asked for and no permission of the API: x)")
	w.browser().get("/authorize?" + w.query("redirect_uri", "http://localhost:3000/other"))
	last("a callback that is not registered",
		`GET /authorize Auth0 spa: invalid_request (redirect_uri "http://localhost:3000/other" is none of the callbacks of spa: add it to the declaration, letter by letter)`)
	for _, c := range []struct{ audience, want string }{
		{"-", "the token is not one of this tenant, or has expired"},
		{unicorns, "it was signed by another tenant, or by a key that is gone: this tenant is " + w.origin + "/"},
	} {
		r, err := http.NewRequest("GET", w.origin+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+other.tokens("scope", "openid", "audience", c.audience)["access_token"].(string))
		w.browser().do(r)
		last("another tenant's token", "GET /userinfo Auth0: invalid_token ("+c.want+")")
	}
}
