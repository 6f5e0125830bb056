package auth0_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

// answered gives the parameters of an answer, and where they were: "query",
// "fragment" or "form_post".
func (w *world) answered(a answer) (url.Values, string) {
	w.t.Helper()
	if a.status == 200 && strings.Contains(a.body, `<form method="post" action="`+html.EscapeString(callback)+`">`) {
		return fields(a.body), "form_post"
	}
	location := a.header.Get("Location")
	for mode, cut := range map[string]string{"query": "&", "fragment": "#"} {
		if rest, ok := strings.CutPrefix(location, callback+cut); ok && a.status == 302 {
			v, err := url.ParseQuery(rest)
			if err != nil {
				w.t.Fatal(err)
			}
			return v, mode
		}
	}
	w.t.Fatalf("not sent to the callback: %d %q %s", a.status, location, a.body)
	return nil, ""
}

// half is at_hash and c_hash by OpenID Connect Core 1.0 section 3.3.2.11.
func half(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// TestResponseTypes asks for each response type in each mode and order: what is
// in the answer, where it is, and that the ID token binds what is beside it.
func TestResponseTypes(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	kinds := map[string][]string{
		"code": {"code"}, "token": {"token"}, "id_token": {"id_token"}, "token id_token": {"token id_token", "id_token token"},
		"code token": {"code token", "token code"}, "code id_token": {"code id_token", "id_token code"},
		"code token id_token": {"code token id_token", "id_token code token", "code id_token token"},
	}
	document := b.get("/.well-known/openid-configuration").json(t)
	told := []string{}
	for _, kind := range document["response_types_supported"].([]any) {
		told = append(told, kind.(string))
	}
	if slices.Sort(told); !slices.Equal(told, slices.Sorted(maps.Keys(kinds))) || fmt.Sprint(document["response_modes_supported"]) != "[query fragment form_post]" {
		t.Errorf("discovery lists %q and %v", told, document["response_modes_supported"])
	}
	for kind, orders := range kinds {
		words := strings.Fields(kind)
		has := func(word string) bool { return slices.Contains(words, word) }
		front := has("token") || has("id_token")
		for _, order := range orders {
			for _, mode := range []string{"-", "query", "fragment", "form_post"} {
				for _, audience := range []string{"-", unicorns} {
					what := fmt.Sprintf("%q by %s for %s", order, mode, audience)
					v, where := w.answered(b.get("/authorize?" + w.query("response_type", order, "response_mode", mode, "audience", audience, "scope", "openid email r d offline_access")))
					if front && mode == "query" {
						if where != "fragment" || v.Get("error") != "invalid_request" || len(v) != 3 || v.Get("state") != "a+b/c==" {
							t.Errorf("%s: %s %v", what, where, v)
						}
						continue
					}
					want := mode
					if mode == "-" {
						if want = "query"; front {
							want = "fragment"
						}
					}
					names := []string{"state"}
					if has("code") {
						names = append(names, "code")
					}
					if has("id_token") {
						names = append(names, "id_token")
					}
					if has("token") {
						names = append(names, "access_token", "token_type", "expires_in", "scope")
					}
					got := []string{}
					for name := range v {
						got = append(got, name)
					}
					slices.Sort(names)
					if slices.Sort(got); where != want || !slices.Equal(got, names) || v.Get("state") != "a+b/c==" {
						t.Errorf("%s: %s %v; want %s %v", what, where, got, want, names)
						continue
					}
					w.checkFront(what, v, audience)
				}
			}
		}
	}
}

// checkFront holds the tokens of an answer.
func (w *world) checkFront(what string, v url.Values, audience string) {
	t := w.t
	t.Helper()
	access := v.Get("access_token")
	scope := map[bool]string{true: "openid email r", false: "openid email"}[audience == unicorns]
	life := 7200.0
	if access != "" {
		if audience != unicorns && v.Has("code") {
			life = 86400
		}
		if v.Get("token_type") != "Bearer" || v.Get("expires_in") != fmt.Sprint(life) || v.Get("scope") != scope {
			t.Errorf("%s: %v", what, v)
		}
		if opaque := strings.Count(access, ".") == 4; opaque != (audience != unicorns) {
			t.Errorf("%s: the access token is %s", what, access)
		}
		if audience == unicorns {
			if claims := part(t, access, 1); claims["exp"].(float64)-claims["iat"].(float64) != life || claims["scope"] != scope || claims["gty"] != nil {
				t.Errorf("%s: the access token is %v", what, claims)
			}
		}
		if a := w.userinfo(access); a.status != 200 || a.json(t)["email"] != "ann@example.com" {
			t.Errorf("%s: userinfo answers %d %s", what, a.status, a.body)
		}
	}
	if !v.Has("id_token") {
		return
	}
	id := part(t, v.Get("id_token"), 1)
	if id["nonce"] != "n1" || id["aud"] != w.tenant.ClientID("spa") || id["iss"] != w.origin+"/" || id["email"] != "ann@example.com" || id["s_hash"] != nil {
		t.Errorf("%s: the ID token is %v", what, id)
	}
	for name, of := range map[string]string{"at_hash": access, "c_hash": v.Get("code")} {
		if hash, there := id[name]; there != (of != "") || there && hash != half(of) {
			t.Errorf("%s: %s is %v", what, name, hash)
		}
	}
}

// userinfo asks the userinfo endpoint with a token.
func (w *world) userinfo(token string) answer {
	w.t.Helper()
	return w.browser().post("/userinfo", nil, "Authorization", "Bearer "+token)
}

// TestHybridCode redeems a code that came with tokens, and then once more: the
// access token that came beside it ends too.
func TestHybridCode(t *testing.T) {
	w := newWorld(t, tenantConfig())
	v, _ := w.answered(w.browser().signIn(w.query("response_type", "code token id_token", "scope", "openid offline_access"), "ann@example.com", password))
	got := w.token("spa", redemption(v.Get("code"))).json(t)
	id := part(t, got["id_token"], 1)
	if id["nonce"] != "n1" || id["sub"] != part(t, v.Get("id_token"), 1)["sub"] || id["iss"] != part(t, v.Get("id_token"), 1)["iss"] || got["refresh_token"] == nil {
		t.Errorf("the code gives %v with %v", got, id)
	}
	if a := w.userinfo(v.Get("access_token")); a.status != 200 {
		t.Errorf("userinfo: %d", a.status)
	}
	if a := w.token("spa", redemption(v.Get("code"))); !isCode(a, "Invalid authorization code") {
		t.Errorf("a replay: %d %s", a.status, a.body)
	}
	if a := w.userinfo(v.Get("access_token")); a.status != 401 {
		t.Errorf("userinfo after a replay: %d", a.status)
	}
	w.advance(24 * time.Hour)
	if a := w.userinfo(got["access_token"].(string)); a.status != 401 {
		t.Errorf("userinfo a day later: %d", a.status)
	}
}

// TestResponseTypesRefused holds what is refused of a request for tokens, and
// that the refusal is no query either.
func TestResponseTypesRefused(t *testing.T) {
	w := newWorld(t, tenantConfig(func(c *auth0.TenantConfig) {
		c.Applications[0].GrantTypes = nil
		for name, kinds := range map[string][]string{"codeOnly": {"authorization_code", "refresh_token"}, "implicitOnly": {"implicit"}} {
			c.Applications = append(c.Applications, auth0.ApplicationConfig{Name: name, Type: auth0.TypeSPA, Callbacks: []string{callback}, GrantTypes: kinds})
		}
	}))
	b := w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	const none = "-"
	for _, c := range []struct {
		application, kind string
		more              []string
		where, code, text string
	}{
		{"spa", none, nil, "query", "invalid_request", "Missing required parameter: response_type"},
		{"spa", "none", nil, "query", "unsupported_response_type", "Unsupported response type: none"},
		{"spa", "code code", nil, "query", "unsupported_response_type", "Unsupported response type: code code"},
		{"spa", "token magic", nil, "fragment", "unsupported_response_type", "Unsupported response type: token magic"},
		{"spa", "code  id_token", nil, "fragment", "unsupported_response_type", "Unsupported response type: code  id_token"},
		{"spa", "id_token", []string{"nonce", none}, "fragment", "invalid_request", "Missing required parameter: nonce"},
		{"spa", "code id_token", []string{"nonce", none}, "fragment", "invalid_request", "Missing required parameter: nonce"},
		{"spa", "id_token", []string{"scope", "profile"}, "fragment", "invalid_request", "The scope openid is required for response_type=id_token"},
		{"spa", "id_token", []string{"response_mode", "query"}, "fragment", "invalid_request", "response_mode=query is not allowed for response_type=id_token"},
		{"spa", "code id_token", []string{"response_mode", "Query"}, "fragment", "invalid_request", "Unsupported response mode: Query"},
		{"spa", "code", []string{"response_mode", "jwt"}, "query", "invalid_request", "Unsupported response mode: jwt"},
		{"spa", "code token", []string{"code_challenge", none, "code_challenge_method", none}, "fragment", "invalid_request", "Parameter 'code_challenge' is required for this client"},
		{"spa", "token", []string{"prompt", "none", "max_age", "0"}, "fragment", "login_required", "Login required"},
		{"codeOnly", "token", nil, "fragment", "unauthorized_client", "Grant type 'implicit' not allowed for the client."},
		{"codeOnly", "code id_token", []string{"response_mode", "form_post"}, "form_post", "unauthorized_client", "Grant type 'implicit' not allowed for the client."},
		{"implicitOnly", "code", nil, "query", "unauthorized_client", "Grant type 'authorization_code' not allowed for the client."},
		{"implicitOnly", "code token", nil, "fragment", "unauthorized_client", "Grant type 'authorization_code' not allowed for the client."},
	} {
		query := w.query(append([]string{"client_id", w.tenant.ClientID(c.application), "response_type", c.kind}, c.more...)...)
		v, where := w.answered(b.get("/authorize?" + query))
		if where != c.where || v.Get("error") != c.code || v.Get("error_description") != c.text || v.Get("state") != "a+b/c==" || len(v) != 3 {
			t.Errorf("%s by %s with %v: %s %v; want %s %s", c.kind, c.application, c.more, where, v, c.where, c.text)
		}
	}
	for application, kind := range map[string]string{"codeOnly": "code", "implicitOnly": "token id_token"} {
		query := w.query("client_id", w.tenant.ClientID(application), "response_type", kind)
		if application == "implicitOnly" { // PKCE is for codes
			query = w.query("client_id", w.tenant.ClientID(application), "response_type", kind, "code_challenge", none, "code_challenge_method", none)
		}
		if v, _ := w.answered(b.get("/authorize?" + query)); v.Get("error") != "" {
			t.Errorf("%s cannot have %s: %v", application, kind, v)
		}
	}
	machine := b.get("/authorize?" + w.query("client_id", w.tenant.ClientID("machine"), "response_type", "token"))
	if machine.status != 403 || machine.header.Get("Location") != "" {
		t.Errorf("a machine: %d %s", machine.status, machine.header.Get("Location"))
	}
}

var script = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// TestFormPost reads the page with a form as a hostile request would have it:
// what it says is escaped, its policy lets its own script run and no other, and
// it has a button where none runs.
func TestFormPost(t *testing.T) {
	w := newWorld(t, tenantConfig())
	b := w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	hostile := `"><script>alert(1)</script><input name="code" value='x`
	for _, kind := range []string{"code", "id_token", "code token id_token"} {
		a := b.get("/authorize?" + w.query("response_type", kind, "response_mode", "form_post", "state", hostile))
		v, where := w.answered(a)
		if where != "form_post" || v.Get("state") != hostile {
			t.Fatalf("%s: %s %v", kind, where, v)
		}
		scripts := script.FindAllStringSubmatch(a.body, -1)
		if strings.Contains(a.body, "alert(1)</script>") || len(scripts) != 1 || strings.Count(a.body, "<script") != 1 {
			t.Fatalf("the page is %s", a.body)
		}
		sum := sha256.Sum256([]byte(scripts[0][1]))
		policy := "default-src 'none'; base-uri 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'"
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "origin", "Location": "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
		if !strings.Contains(a.body, `<noscript><button type="submit">Continue</button></noscript>`) {
			t.Errorf("there is no button in %s", a.body)
		}
	}
	// An error goes the same way.
	a := b.get("/authorize?" + w.query("response_mode", "form_post", "audience", hostile))
	if v, where := w.answered(a); where != "form_post" || v.Get("error_description") != "Service not found: "+hostile || strings.Contains(a.body, "alert(1)</script>") {
		t.Errorf("%s %v %s", where, v, a.body)
	}
}
