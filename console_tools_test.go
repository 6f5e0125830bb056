package doorwright_test

import (
	"bytes"
	"encoding/base64"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/matrix"
)

// consoleOf is a browser at the console of a running app.
type consoleOf struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (r *running) openedConsole(t *testing.T) *consoleOf {
	t.Helper()
	link, ok := r.ConsoleLink()
	if !ok {
		t.Fatal("there is no console")
	}
	client, base := openConsole(t, link)
	return &consoleOf{t, client, base}
}

// page gives a page, and post what a form leads to.
func (c *consoleOf) page(path string) string {
	c.t.Helper()
	_, page := askWith(c.t, c.client, c.base+path)
	return page
}

func (c *consoleOf) post(path string, form url.Values) string {
	c.t.Helper()
	form.Set("csrf", html.UnescapeString(regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(c.page("/activity"))[1]))
	r, err := http.NewRequest(http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", c.base)
	saved := http.DefaultClient
	http.DefaultClient = c.client
	defer func() { http.DefaultClient = saved }()
	status, page := ask(c.t, r)
	if status != http.StatusOK {
		c.t.Errorf("POST %s: %d\n%s", path, status, page)
	}
	return page
}

// words takes the tags out of a page.
func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))), " ")
}

// eventsOf keeps all that an app tells.
type eventsOf struct {
	mu   sync.Mutex
	text []string
}

func (e *eventsOf) observe(event doorwright.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = append(e.text, event.Text)
}

func (e *eventsOf) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.text, "\n")
}

// TestInspector: a token of the stage is verified and tried at each route; a forged one,
// one of another's and one of nobody's are not verified, and say why. Nobody outside is
// asked, and the token is kept nowhere.
func TestInspector(t *testing.T) {
	var strangers sync.Map
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { strangers.Store(r.URL.Path, true) }))
	defer stranger.Close()
	var told eventsOf
	dir := matrixDir(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Console: doorwright.NewConsole(), Observe: told.observe})
	c := r.openedConsole(t)
	tokens, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: "Users", Client: "web", User: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	inspect := func(token string) string { return words(c.post("/token", url.Values{"token": {token}})) }
	payload := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	has := func(name, page string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page has no %q:\n%s", name, want, page)
			}
		}
	}
	has("a user's access token", inspect(tokens.Access), "Verified Signed by user pool Users", "token_use", "opens ANY /rides/{id} Api", "403 GET /rides Api", "401 GET /notes Api", "403 GET /mine Signed", "401 GET /plain Old",
		"request the scope rides/read where users sign in at the domain of userPools.Users", "403 GET /guarded", "isAuthorized: false", "opens GET /counted Old", "API key, which is sent too")
	has("a user's ID token", inspect("Bearer "+tokens.ID), "Verified Signed by user pool Users", "opens GET /plain Old", "This is an ID token")
	has("a forged token", inspect(matrix.Forge(tokens.Access)), "Not verified It says that it is of user pool Users: signature does not match key", "Anybody may have written", "401 ANY /rides/{id} Api", "It opens none of the 12 routes that are guarded; 3 more are open to everybody")
	has("a stranger's", inspect(payload(`{"alg":"RS256","kid":"k"}`)+"."+payload(`{"iss":"`+stranger.URL+`"}`)+".c2ln"), "its issuer \""+stranger.URL+"\" is none that this stage knows", "user pool Users (", "tenant Auth0 (")
	header, rest, _ := strings.Cut(tokens.Access, ".")
	_, signature, _ := strings.Cut(rest, ".")
	near := payload(`{"iss":"` + issuerOf(t, tokens.Access) + `/"}`)
	has("a slash more", inspect(header+"."+near+"."+signature), "by the slash at its end")
	has("garbage", inspect("opaque"), "no JWT", "401 ANY /rides/{id} Api")
	strangers.Range(func(path, _ any) bool { t.Errorf("the issuer that a token names was asked for %s", path); return true })

	// Neither the ring, nor the feed, nor what is told, nor a file has it.
	for _, path := range []string{"/", "/requests", "/activity"} {
		if page := c.page(path); strings.Contains(page, signature) || strings.Contains(page, "ANY /rides/{id}?") {
			t.Errorf("%s has the token:\n%s", path, page)
		}
	}
	if page := c.page("/requests"); strings.Contains(page, "/requests/") {
		t.Errorf("the dry runs are requests:\n%s", page)
	}
	if strings.Contains(told.all(), signature) {
		t.Errorf("the token is told:\n%s", told.all())
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(signature)) {
			t.Errorf("%s has the token", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// issuerOf reads the claim iss.
func issuerOf(t *testing.T, token string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`"iss":"([^"]+)"`).FindStringSubmatch(string(b))[1]
}

// TestConsoleMatrix is the matrix of App.Matrix, with the reasons of each cell; what
// changes it is told since.
func TestConsoleMatrix(t *testing.T) {
	r := run(t, doorwright.Config{Dir: matrixDir(t), AnyPort: true, Console: doorwright.NewConsole()})
	c := r.openedConsole(t)
	page := c.post("/matrix", url.Values{})
	want, err := r.Matrix(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(html.UnescapeString(page), want.Text()) {
		t.Errorf("the page has not the text of App.Matrix:\n%s", words(page))
	}
	links := 0
	for _, row := range want.Rows {
		for _, cell := range row.Cells {
			if cell.Explanation != nil {
				links++
			}
		}
	}
	cells := regexp.MustCompile(`href="(/matrix/\S+)" title="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(cells) != links {
		t.Errorf("%d cells lead to their reasons, of %d", len(cells), links)
	}
	for _, cell := range cells {
		if !strings.HasPrefix(cell[2], "Users.group:riders: ") || !strings.Contains(cell[2], "isAuthorized") {
			continue
		}
		if story := words(c.page(cell[1])); !strings.Contains(story, "guard.handler") || !strings.Contains(story, "Caller Users.group:riders") {
			t.Errorf("the reasons of %s:\n%s", cell[2], story)
		}
	}
	for _, r := range []string{"users by client web (rides/read)", "Auth.authenticated; Users.groups.admins; root", "whom the function guard.handler lets in", "anyone"} {
		if !strings.Contains(words(page), r) {
			t.Errorf("who may call is not said in the words of `routes`: %q", r)
		}
	}
	if since := changes(c); len(since) > 0 {
		t.Errorf("nothing was changed, and there is %q", since)
	}
	pool, err := r.Directory("Users", "")
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := r.Directory("", "Auth0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Create(t.Context(), doorwright.NewUser{Name: "ada", Password: "Passw0rd!"}); err != nil {
		t.Fatal(err)
	}
	if since := changes(c); len(since) > 0 {
		t.Errorf("a user is no change, and there is %q", since)
	}
	for _, change := range []struct {
		does func() error
		want string
	}{
		{func() error { return pool.Change(t.Context(), "ada", doorwright.UserChange{Join: []string{"admins"}}) }, "AdminAddUserToGroup Users ada"},
		{func() error { return tenant.CreateGroup(t.Context(), doorwright.Group{Name: "editor"}) }, "/api/v2/roles"},
		{func() error {
			return tenant.ChangeGroup(t.Context(), "editor", []doorwright.Permission{{API: "Notes", Name: "write"}}, nil)
		}, "/permissions"},
	} {
		if err := change.does(); err != nil {
			t.Fatal(err)
		}
		if since := changes(c); len(since) == 0 || !strings.Contains(since[0], change.want) {
			t.Errorf("%q is not told: %q", change.want, since)
		}
	}
	again := words(c.post("/matrix", url.Values{}))
	if since := changes(c); len(since) > 0 || !regexp.MustCompile(`Api PUT /notes +notes .*`).MatchString(again) || !strings.Contains(again, "Auth0.role:editor") {
		t.Errorf("the matrix is made again, and still there is %q", since)
	}
}

// changes are those that the page of the matrix tells of.
func changes(c *consoleOf) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?s)<li class="row">.*?</li>`).FindAllString(c.page("/matrix"), -1) {
		all = append(all, words(m))
	}
	return all
}
