package auth0_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/auth0"
)

// acting is a world whose tenant has an Action that answers reply.
func acting(t testing.TB, reply string) (w *world, events *[]map[string]any) {
	t.Helper()
	w = newWorld(t, tenantConfig(func(c *auth0.TenantConfig) { c.PostLogin = "action" }))
	events = &[]map[string]any{}
	w.answerAction(events, reply)
	return w, events
}

func (w *world) answerAction(events *[]map[string]any, reply string) {
	w.action = func(_ context.Context, function string, event []byte) ([]byte, string, error) {
		var e map[string]any
		if err := json.Unmarshal(event, &e); err != nil || function != "action" {
			w.t.Errorf("%s: %v", function, err)
		}
		*events = append(*events, e)
		return []byte(reply), "", nil
	}
}

// TestPostLogin holds what an Action does to tokens, and that it runs at each sign-in
// and each refresh.
func TestPostLogin(t *testing.T) {
	w, events := acting(t, `[{"accessToken.setCustomClaim":["https://example.com/plan","pro"]},{"accessToken.setCustomClaim":["teams",["a",1]]},
		{"idToken.setCustomClaim":["https://example.com/plan","id"]},{"idToken.setCustomClaim":["email","forged@example.com"]},{"idToken.setCustomClaim":["locale","de"]},
		{"accessToken.addScope":["extra"]},{"accessToken.removeScope":["w"]},{"user.setAppMetadata":["seen",true]},{"user.setUserMetadata":["theme","dark"]},
		{"accessToken.setCustomClaim":["sub","auth0|x"]},{"accessToken.setCustomClaim":["permissions",["d"]]},{"accessToken.setCustomClaim":["scope","d"]},
		{"accessToken.setCustomClaim":["aud","x"]},{"idToken.setCustomClaim":["aud","x"]},{"accessToken.setCustomClaim":["https://my.auth0.com/x",1]},{"accessToken.setCustomClaim":["urn:auth0:x",1]}]`)
	b := w.browser()
	code := w.landed(b.signIn(w.query("audience", unicorns, "scope", "openid r w offline_access", "ext", "mine"), "ann@example.com", password)).Get("code")
	tokens := w.token("spa", redemption(code)).json(t)
	access, id := part(t, tokens["access_token"], 1), part(t, tokens["id_token"], 1)
	if access["https://example.com/plan"] != "pro" || !reflect.DeepEqual(access["teams"], []any{"a", 1.0}) || access["scope"] != "openid r offline_access extra" || tokens["scope"] != access["scope"] {
		t.Errorf("the access token has %v", access)
	}
	if !strings.HasPrefix(access["sub"].(string), "auth0|") || access["sub"] == "auth0|x" || len(access["permissions"].([]any)) != 2 || access["https://my.auth0.com/x"] != nil || access["urn:auth0:x"] != nil || id["aud"] != w.tenant.ClientID("spa") {
		t.Errorf("an Action sets what is reserved: %v %v", access, id)
	}
	if id["https://example.com/plan"] != "id" || id["email"] != nil || id["locale"] != nil {
		t.Errorf("the ID token has %v", id)
	}
	u, err := w.tenant.FindUser(t.Context(), "ann@example.com")
	must(t, err)
	if u.AppMetadata["seen"] != true || u.UserMetadata["theme"] != "dark" {
		t.Errorf("the metadata is %v %v", u.AppMetadata, u.UserMetadata)
	}
	// The event is as Auth0's, and holds no secret.
	e := (*events)[0]
	for path, want := range map[string]any{
		"user.email": "ann@example.com", "user.user_id": u.ID(), "client.name": "spa", "client.client_id": w.tenant.ClientID("spa"), "connection.strategy": "auth0",
		"transaction.protocol": "oidc-basic-profile", "transaction.redirect_uri": callback, "resource_server.identifier": unicorns, "request.query.ext": "mine",
		"request.query.state": nil, "request.query.nonce": nil, "request.query.code_challenge": nil, "stats.logins_count": 1.0, "request.hostname": strings.TrimPrefix(w.origin, "http://"),
	} {
		var at any = e
		for name := range strings.SplitSeq(path, ".") {
			at = at.(map[string]any)[name]
		}
		if at != want {
			t.Errorf("event.%s is %v, not %v", path, at, want)
		}
	}
	if roles := e["authorization"].(map[string]any)["roles"]; !reflect.DeepEqual(roles, []any{"reader"}) {
		t.Errorf("the roles are %v", roles)
	}
	all, _ := json.Marshal(e)
	for _, secret := range []string{password, code, challenge, "a+b/c=="} {
		if strings.Contains(string(all), secret) {
			t.Errorf("the event holds %s: %s", secret, all)
		}
	}
	// At a refresh it runs again, and what it says then counts.
	w.answerAction(events, `[{"accessToken.setCustomClaim":["https://example.com/plan","basic"]}]`)
	tokens = w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}).json(t)
	access = part(t, tokens["access_token"], 1)
	last := (*events)[len(*events)-1]
	if access["https://example.com/plan"] != "basic" || access["scope"] != "openid r w offline_access" || last["transaction"].(map[string]any)["protocol"] != "oauth2-refresh-token" {
		t.Errorf("refreshed: %v", access)
	}
	// The userinfo endpoint tells an ID token's claims too, and a session is a sign-in.
	w.answerAction(events, `[{"idToken.setCustomClaim":["https://example.com/plan","id"]}]`)
	tokens = w.token("spa", redemption(w.landed(b.get("/authorize?"+w.query("prompt", "none"))).Get("code"))).json(t)
	r, err := http.NewRequest("GET", w.origin+"/userinfo", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
	if me := w.browser().do(r).json(t); me["https://example.com/plan"] != "id" {
		t.Errorf("userinfo: %v", me)
	}
	n := len(*events)
	if _, err := w.tenant.UserToken(t.Context(), "spa", "ann@example.com", unicorns, "r"); err != nil || len(*events) != n+1 {
		t.Errorf("a token without a password passes the Action by: %v", err)
	}
}

// TestPostLoginRefuses holds that nobody is let in by an Action that denies, or that
// does not end well.
func TestPostLoginRefuses(t *testing.T) {
	w, events := acting(t, `[{"access.deny":["Not on Sundays"]},{"user.setAppMetadata":["denied",1]}]`)
	const failed = "The post-login Action failed."
	login := func() url.Values {
		v := w.landed(w.browser().signIn(w.query("scope", "openid offline_access"), "ann@example.com", password))
		if v.Get("code") != "" {
			t.Errorf("a code all the same: %v", v)
		}
		return v
	}
	if v := login(); v.Get("error") != "access_denied" || v.Get("error_description") != "Not on Sundays" {
		t.Errorf("denied: %v", v)
	}
	if u, err := w.tenant.FindUser(t.Context(), "ann@example.com"); err != nil || u.AppMetadata["denied"] != 1.0 {
		t.Error("metadata of a denied sign-in is not kept")
	}
	for name, reply := range map[string]string{
		"no JSON": `{`, "no list": `{"access":"granted"}`, "a method there is not": `[{"multifactor.enable":["any"]}]`, "a redirect": `[{"redirect.sendUserTo":["https://evil.example"]}]`,
		"no name": `[{"accessToken.setCustomClaim":[]}]`, "two scopes in one": `[{"accessToken.addScope":["a b"]}]`, "large claims": `[{"idToken.setCustomClaim":["x","` + strings.Repeat("a", 101<<10) + `"]}]`,
		"many commands": "[" + strings.Repeat(`{"accessToken.addScope":["a"]},`, 200) + `{"accessToken.addScope":["a"]}]`, "a large reply": `["` + strings.Repeat("a", 257<<10) + `"]`,
	} {
		if w.answerAction(events, reply); login().Get("error_description") != failed {
			t.Errorf("%s lets in, or says why", name)
		}
	}
	for name, action := range map[string]auth0.Invoke{
		"an error": func(context.Context, string, []byte) ([]byte, string, error) {
			return nil, "", errors.New("secret words")
		},
		"an exception":  func(context.Context, string, []byte) ([]byte, string, error) { return []byte(`[]`), "Unhandled", nil },
		"an empty null": func(context.Context, string, []byte) ([]byte, string, error) { return nil, "", nil },
	} {
		w.action = action
		if v := login(); v.Get("error") != "access_denied" || v.Get("error_description") != failed {
			t.Errorf("%s: %v", name, v)
		}
	}
	w.action = func(context.Context, string, []byte) ([]byte, string, error) { return []byte("null"), "", nil }
	tokens := w.token("spa", redemption(w.landed(w.browser().signIn(w.query("scope", "openid offline_access"), "ann@example.com", password)).Get("code"))).json(t)
	w.answerAction(events, `[{"access.deny":["No more"]}]`)
	if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 || strings.TrimSpace(a.body) != `{"error":"access_denied","error_description":"No more"}` {
		t.Errorf("a refresh: %d %s", a.status, a.body)
	}
	if _, err := w.tenant.UserToken(t.Context(), "spa", "ann@example.com", "", "openid"); err == nil {
		t.Error("a token without a password for who is denied")
	}
	// An Action that waits is not waited for by others, nor in a transaction.
	entered, leave := make(chan struct{}), make(chan struct{})
	w.action = func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("an Action may take for ever")
		}
		close(entered)
		<-leave
		return []byte("[]"), "", nil
	}
	done := make(chan answer)
	go func() { done <- w.browser().signIn(w.query(), "ann@example.com", password) }() // awaited below
	<-entered
	must(t, w.tenant.SetRoles(t.Context(), "bob@example.com", "reader"))
	close(leave)
	if a := <-done; a.status != 302 {
		t.Errorf("%d", a.status)
	}
	if slices.ContainsFunc(w.events, func(e auth0.Event) bool { return strings.Contains(e.Description, "secret words") }) {
		t.Error("the client is told of the error")
	}
}

// TestChangedDuringTheAction: an Action takes its time, and what an administrator
// does meanwhile counts: nothing begins, and nothing is renewed, that the change
// would have ended.
func TestChangedDuringTheAction(t *testing.T) {
	const ann = "ann@example.com"
	for what, c := range map[string]struct {
		change func(*auth0.Tenant) error
		signIn string // error of a sign-in
	}{
		"a block": {func(t *auth0.Tenant) error {
			return t.ChangeUser(context.Background(), ann, func(u *auth0.User) { u.Blocked = true })
		}, "unauthorized"},
		"a new password": {func(t *auth0.Tenant) error { return t.ChangePassword(context.Background(), ann, "Another-1") }, "login_required"},
		"a deletion":     {func(t *auth0.Tenant) error { return t.DeleteUser(context.Background(), ann) }, "login_required"},
	} {
		for _, response := range []string{"code", "id_token token", "code token"} {
			w, _ := acting(t, "[]")
			w.meanwhile(c.change)
			v, _ := w.answered(w.browser().signIn(w.query("response_type", response, "nonce", "n", "audience", unicorns), ann, password))
			if v.Get("error") != c.signIn || v.Get("code")+v.Get("access_token")+v.Get("id_token") != "" {
				t.Errorf("%s during a sign-in for %s: %v", what, response, v)
			}
		}
		w, events := acting(t, "[]")
		tokens := w.tokens("scope", "openid offline_access", "audience", unicorns)
		w.meanwhile(c.change)
		refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}
		if a := w.token("spa", refresh); a.status != 403 || strings.Contains(a.body, "access_token") {
			t.Errorf("%s during a refresh: %d %s", what, a.status, a.body)
		}
		w.answerAction(events, "[]")
		if a := w.token("spa", refresh); a.status != 403 {
			t.Errorf("%s, the next refresh: %d %s", what, a.status, a.body)
		}
	}
	// A role that is gone is in no token, whenever it went.
	w, _ := acting(t, "[]")
	w.meanwhile(func(t *auth0.Tenant) error { return t.SetRoles(context.Background(), ann) })
	v, _ := w.answered(w.browser().signIn(w.query("response_type", "token", "audience", unicorns, "scope", "r w"), ann, password))
	if claims := part(t, v.Get("access_token"), 1); v.Get("scope") != "w" || !reflect.DeepEqual(claims["permissions"], []any{"w"}) { // her own
		t.Errorf("a role taken away during a sign-in: %q, %v", v.Get("scope"), claims)
	}
}

// meanwhile has an Action during which something changes.
func (w *world) meanwhile(change func(*auth0.Tenant) error) {
	w.action = func(context.Context, string, []byte) ([]byte, string, error) {
		if err := change(w.tenant); err != nil {
			w.t.Error(err)
		}
		return []byte("[]"), "", nil
	}
}
