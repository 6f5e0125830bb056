package console_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/matrix"
)

func segment(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }

// signature ends each token of the tests, and is on no page.
const signature = "c2lnbmF0dXJlLXRoYXQtaXMtbm93aGVyZQ"

// plain takes the tags out of a page.
func plain(page string) string {
	text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))
	return strings.Join(strings.Fields(text), " ")
}

// inspector gives what posts a token and reads the page.
func inspector(t *testing.T, inspect func(context.Context, string, string) (console.Inspection, error)) (w *world, post func(string) string) {
	t.Helper()
	w = newWorld(t, func(cfg *console.Config) { cfg.Inspect = inspect })
	b := w.opened()
	return w, func(token string) string {
		t.Helper()
		a := b.post("/token", url.Values{"csrf": {b.token()}, "token": {token}}, map[string]string{"Origin": w.url})
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%.60q: %d, Cache-Control %q", token, a.status, a.header.Get("Cache-Control"))
		}
		for _, secret := range []string{signature, token} {
			if len(secret) > 20 && strings.Contains(a.body, secret) {
				t.Errorf("the page of %.60q has the token in it", token)
			}
		}
		return plain(a.body)
	}
}

// TestTokenIsRead explains each known claim, with dates by the clock.
func TestTokenIsRead(t *testing.T) {
	story, _ := stories("refused-1")
	var asked []string
	w, post := inspector(t, func(_ context.Context, token, issuer string) (console.Inspection, error) {
		asked = append(asked, issuer)
		return console.Inspection{Issuer: "user pool Users", Verified: true, Opens: []console.Opened{
			{API: "Api", Route: "GET /unicorns", Explanation: story},
			{API: "Api", Route: "GET /open", Explanation: &explain.Explanation{Allowed: true, DryRun: true, Verdict: "would go on"}},
			{API: "Stamps", Route: "POST /stamps"},
		}}, nil
	})
	now := w.now.Unix()
	payload := fmt.Sprintf(`{"iss":"https://issuer.example/","sub":"<script>u</script>","aud":["a","b"],"exp":%d,"nbf":%d,"iat":%d,"auth_time":%d,"token_use":"access","scope":"openid read",
		"scp":["read"],"permissions":["read"],"cognito:groups":["admins"],"client_id":"c","azp":"c","amr":["pwd"],"https://app.example/tier":"gold","mine":{"a":[1,2.50]},"custom:x":1}`,
		now+3600, now-600, now-600, now-86400*3)
	text := post("  Authorization: bearer " + segment(`{"alg":"RS256","kid":"k1","typ":"at+jwt","jku":"https://evil.example"}`) + "." + segment(payload) + "." + signature + "\n")
	for _, want := range []string{
		"Verified Signed by user pool Users, and good now.", "“Authorization: bearer” in front of it was left out", "It opens none of the 2 routes that are guarded; 1 more is open to everybody.",
		`iss "https://issuer.example/" Who has issued it.`, "RFC 7519, 4.1.1", `sub "<script>u</script>"`, `aud ["a","b"] Whom it is for.`,
		"Expires in 60 minutes, at", "Good since", "10 minutes ago", "Issued 10 minutes ago", "Was 3 days ago", "This is an access token", "RFC 8693, 4.2",
		"AWS: JWT authorizers", "Auth0: RBAC for APIs", "The user's groups.", "How the user has signed in", "Auth0: custom claims", `{"a":[1,2.50]} Not a registered one`, "A custom attribute",
		"kid \"k1\" Which of the issuer's keys", "never looked at",
		"403 GET /unicorns", "none of the scopes", "request scope list:unicorn at login", "opens GET /open", "unreachable POST /stamps",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	if len(asked) != 1 || asked[0] != "https://issuer.example/" {
		t.Errorf("asked for the issuers %q", asked)
	}
}

// TestTokenIsRefused is a clear word for what is no good token; only what could be sent
// is tried at the routes.
func TestTokenIsRefused(t *testing.T) {
	good := segment(`{"alg":"RS256","kid":"k"}`)
	header := func(json string) string { return segment(json) + "." + segment(`{"iss":"i"}`) + "." + signature }
	payload := func(json string) string { return good + "." + segment(json) + "." + signature }
	for name, c := range map[string]struct {
		token, want string
		tried       bool
		issuer      string
	}{
		"nothing":          {" \n", "Nothing was pasted.", false, ""},
		"huge":             {strings.Repeat("a", 16<<10+1), "This is 16385 bytes long.", false, ""},
		"just not huge":    {strings.Repeat("a", 16<<10), "it has 1 part in place of three", true, ""},
		"JSON":             {`{"access_token":"` + payload(`{}`) + `"}`, "This is JSON", false, ""},
		"two tokens":       {payload(`{}`) + " " + payload(`{}`), "spaces, line breaks", false, ""},
		"control":          {"a.b\x00.c", "letters that no token has", false, ""},
		"garbage":          {"a.b.c", "its header is not base64url", true, ""},
		"padding":          {good + "=.e30." + signature, "its header is not base64url", true, ""},
		"array":            {segment(`["alg"]`) + ".e30." + signature, "its header is not a JSON object", true, ""},
		"more than one":    {segment(`{} {}`) + ".e30." + signature, "more than a JSON object", true, ""},
		"encrypted":        {segment(`{"alg":"dir","enc":"A256GCM"}`) + "..aXY.Y2lwaGVy." + signature, "encrypted token (JWE, RFC 7516)", true, ""},
		"none":             {segment(`{"alg":"nOnE"}`) + "." + segment(`{"iss":"i"}`) + ".", "its algorithm is none", true, "i"},
		"empty signature":  {good + "." + segment(`{"iss":"i"}`) + ".", "its signature is empty", true, "i"},
		"HMAC":             {header(`{"alg":"HS256"}`), "API Gateway takes RS256, RS384 and RS512, and not this.", true, "i"},
		"critical":         {header(`{"alg":"RS256","crit":["x"]}`), "None is, so the token is refused.", true, "i"},
		"twice":            {payload(`{"iss":"i","iss":"j"}`), `its payload has "iss" twice`, true, ""},
		"nested":           {segment(`{"alg":"RS256","cty":"JWT"}`) + "." + segment(payload(`{}`)) + "." + signature, "a token inside a token", true, ""},
		"deep":             {payload(`{"a":` + strings.Repeat("[", 11000) + strings.Repeat("]", 1)), "its payload is not a JSON object", true, ""},
		"many":             {payload("{" + many(201) + "}"), "more than 200 members", true, ""},
		"long":             {payload(`{"a":"` + strings.Repeat("x", 5000) + `"}`), "xxx…", true, ""},
		"no date":          {payload(`{"exp":"soon"}`), "Not a date in seconds since 1970", true, ""},
		"expired":          {payload(`{"exp":1}`), "Expired", true, ""},
		"issuer no string": {payload(`{"iss":["i"]}`), "Not a string: the token is refused.", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tried, asked := false, ""
			_, post := inspector(t, func(_ context.Context, _, issuer string) (console.Inspection, error) {
				tried, asked = true, issuer
				return console.Inspection{Refusal: "it is refused", Known: []string{"user pool Users"}}, nil
			})
			text := post(c.token)
			if !strings.Contains(text, c.want) || !strings.Contains(text, "Not verified") || tried != c.tried || asked != c.issuer {
				t.Errorf("tried %v for the issuer %q, want %v, %q; the page has to have %q:\n%s", tried, asked, c.tried, c.issuer, c.want, text)
			}
			if len(text) > 20<<10 {
				t.Errorf("the page has %d bytes", len(text))
			}
		})
	}
}

func many(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"c`+strconv.Itoa(i)+`":1`)
	}
	return strings.Join(list, ",")
}

// TestTokenIsKeptNowhere: not in an address, and what fails says nothing of it.
func TestTokenIsKeptNowhere(t *testing.T) {
	token := segment(`{"alg":"RS256"}`) + "." + segment(`{"sub":"somebody"}`) + "." + signature
	var logged []string
	w := newWorld(t, func(cfg *console.Config) {
		cfg.Inspect = func(context.Context, string, string) (console.Inspection, error) {
			return console.Inspection{}, errors.New("the cause")
		}
		cfg.Log = func(text string) { logged = append(logged, text) }
	})
	b := w.opened()
	if page := b.get(w.url+"/token?token="+token, nil).body; strings.Contains(page, "somebody") || strings.Contains(page, token[:20]) || !strings.Contains(page, `method="post" action="/token" autocomplete="off"`) {
		t.Errorf("a token in the address is read:\n%s", page)
	}
	a := b.post("/token?token="+token, url.Values{"csrf": {b.token()}, "token": {token}}, map[string]string{"Origin": w.url})
	if a.status != http.StatusInternalServerError || strings.Contains(a.body, "somebody") || len(logged) != 1 || strings.Contains(logged[0], signature) || strings.Contains(logged[0], token[:20]) {
		t.Errorf("%d, told %q", a.status, logged)
	}
	if a := b.post("/token", url.Values{"token": {token}}, map[string]string{"Origin": w.url}); a.status != http.StatusForbidden {
		t.Errorf("without the form's token: %d", a.status)
	}
	if a := w.browser().post("/token", url.Values{"token": {token}}, map[string]string{"Origin": w.url}); a.status != http.StatusForbidden || len(logged) != 1 {
		t.Errorf("a stranger: %d", a.status)
	}
	if a := b.post("/token", url.Values{"csrf": {b.token()}, "token": {strings.Repeat("a", 2<<20)}}, map[string]string{"Origin": w.url}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB: %d", a.status)
	}
}

// TestMatrix is made by a form, has each cell's reasons, and says what changed since.
func TestMatrix(t *testing.T) {
	story, _ := stories("refused-1")
	var w *world
	var blocked chan struct{}
	made := 0
	w = newWorld(t, func(cfg *console.Config) {
		cfg.Matrix = func(context.Context) (*matrix.Matrix, error) {
			if made++; blocked != nil {
				blocked <- struct{}{}
				<-blocked
			}
			large := *story
			large.Function = &explain.Invocation{Event: strings.Repeat("x", 9<<20)}
			return &matrix.Matrix{
				Columns: []matrix.Column{{Name: "nobody", About: "sends <nothing>"}, {Name: "role:<b>", About: "a role"}, {Name: "no-api-key"}, {Name: "broken"}},
				Rows: []matrix.Row{
					{API: "Api", Route: "GET /unicorns", Authorizer: "users", Cells: []matrix.Cell{
						{Outcome: "403", Why: `no "token"`, Explanation: story}, {Outcome: matrix.Allowed, Explanation: story}, {Outcome: matrix.NotAsked}, {Outcome: "500", Explanation: &large},
					}},
				},
			}, nil
		}
	})
	b := w.opened()
	build := func() answer {
		return b.post("/matrix", url.Values{"csrf": {b.token()}}, map[string]string{"Origin": w.url})
	}
	if page := plain(b.get(w.url+"/matrix", nil).body); made != 0 || !strings.Contains(page, "Not made yet") || !strings.Contains(page, "functions of authorizers are") {
		t.Errorf("it is made by looking at the page, %d times:\n%s", made, page)
	}
	if a := build(); a.status != http.StatusSeeOther || a.header.Get("Location") != "/matrix" || made != 1 {
		t.Fatalf("made %d times, answered %d", made, a.status)
	}
	page := b.get(w.url+"/matrix", nil).body
	for _, want := range []string{
		`<th scope="col">role:<wbr>&lt;b&gt;</th>`, `<td class="refused">`, `title="nobody: no &#34;token&#34;"`, `<span aria-hidden="true">✕</span> 403`, `<span aria-hidden="true">✓</span> allowed`,
		`<td class="failed"><span><span aria-hidden="true">!</span> 500</span>`, "not asked", "Make it again", `role="region" aria-label="Routes and callers" tabindex="0"`, "made at", "# Who may call what.", "sends &lt;nothing&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	links := regexp.MustCompile(`href="(/matrix/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 2 {
		t.Fatalf("%d cells lead to reasons:\n%s", len(links), page)
	}
	cell := links[0][1]
	if a := b.get(w.url+cell, nil); a.status != http.StatusOK || !strings.Contains(plain(a.body), "Caller nobody sends <nothing>") || !strings.Contains(a.body, "none of the scopes") || !strings.Contains(a.body, `href="/matrix">Matrix`) {
		t.Errorf("%s: %d\n%s", cell, a.status, a.body)
	}
	for _, path := range []string{cell + "9", strings.TrimSuffix(cell, "0") + "3", strings.TrimSuffix(cell, "0") + "-1", "/matrix/other/0/0"} {
		if a := b.get(w.url+path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}

	// What changes who may call is told, live and afterwards; nothing else is.
	live := html.UnescapeString(regexp.MustCompile(`data-live="([^"]+)"`).FindStringSubmatch(page)[1])
	query := strings.TrimPrefix(live, "/events?")
	hear := func(b *browser) func() string {
		next, status := b.events(t, t.Context(), query, nil)
		if first := next(); status != http.StatusOK || first != "retry: 2000\n" {
			t.Errorf("the stream begins %d %q", status, first)
		}
		return next
	}
	stream := hear(b)
	w.feed.add(console.Event{Time: w.now, Topic: console.Activity, Kind: "pool", Text: "SignUp Users ada: ok"})
	w.feed.add(console.Event{Time: w.now, Topic: console.Activity, Kind: "tenant", Text: "POST /api/v2/roles: ok", Changes: true})
	if got := stream(); !strings.Contains(got, "/api/v2/roles") || strings.Contains(got, "SignUp") {
		t.Errorf("the stream has\n%s", got)
	}
	if page := b.get(w.url+"/matrix", nil).body; !strings.Contains(page, "/api/v2/roles") || strings.Contains(page, "SignUp") {
		t.Errorf("the page has\n%s", page)
	}
	w.advance(time.Second)
	build()
	if page := b.get(w.url+"/matrix", nil).body; strings.Contains(page, "/api/v2/roles") {
		t.Error("what was before it counts as since")
	}
	if a := b.get(w.url+cell, nil); a.status != http.StatusNotFound || !strings.Contains(a.body, "not kept any more") {
		t.Errorf("a cell of the matrix before: %d", a.status)
	}
	if got := hear(b)(); !strings.Contains(got, "made again since") {
		t.Errorf("a page of the matrix before hears\n%s", got)
	}

	blocked = make(chan struct{})
	csrf, first := b.token(), make(chan answer, 1)
	go func() {
		first <- b.post("/matrix", url.Values{"csrf": {csrf}}, map[string]string{"Origin": w.url})
	}()
	<-blocked
	if build(); made != 3 {
		t.Errorf("made %d times, two at once", made)
	}
	if page := b.get(w.url+"/matrix", nil).body; !strings.Contains(page, "being made already") {
		t.Errorf("the second is not told:\n%s", page)
	}
	blocked <- struct{}{}
	<-first

	// Another stage at the same port has no matrix: a page that is open hears of it.
	other := newWorld(t, func(cfg *console.Config) {
		cfg.Matrix = func(context.Context) (*matrix.Matrix, error) { return nil, errors.New("no") }
	})
	if got := hear(other.opened())(); !strings.Contains(got, "started again since") {
		t.Errorf("after a start it hears\n%s", got)
	}
}
