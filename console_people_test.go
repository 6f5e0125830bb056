package doorwright_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// person is somebody with the console open, who reads pages and sends their forms.
type person struct {
	t      *testing.T
	client *http.Client
	base   string
}

func visit(t *testing.T, r *running) *person {
	t.Helper()
	link, ok := r.ConsoleLink()
	if !ok {
		t.Fatal("there is no console")
	}
	client, base := openConsole(t, link)
	return &person{t, client, base}
}

var csrfOf = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// send sends a request, and gives the page that it leads to.
func (v *person) send(r *http.Request) (status int, page string) {
	v.t.Helper()
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		v.t.Errorf("%s may be kept: %q", r.URL, got)
	}
	return res.StatusCode, string(body)
}

func (v *person) read(path string) (status int, page string) {
	v.t.Helper()
	return v.send(get(v.t, v.base+path))
}

// fill sends a form of the console with its token, as a browser without JavaScript.
func (v *person) fill(path string, fields ...string) (status int, page string) {
	v.t.Helper()
	_, first := v.read("/")
	form := url.Values{"csrf": {html.UnescapeString(csrfOf.FindStringSubmatch(first)[1])}}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.base)
	return v.send(r)
}

// hasAll holds a page to a status and to texts; one that begins with ! is not there.
func (v *person) hasAll(what string, wantStatus, status int, page string, texts ...string) {
	v.t.Helper()
	if status != wantStatus {
		v.t.Errorf("%s is answered %d, want %d\n%s", what, status, wantStatus, page)
	}
	for _, text := range texts {
		unwanted, not := strings.CutPrefix(text, "!")
		if strings.Contains(page, html.EscapeString(unwanted)) == not {
			v.t.Errorf("%s: %q\n%s", what, text, page)
		}
	}
}

// TestConsolePeopleOfPool walks through the pages of a user pool, and asks the pool
// what came of it.
func TestConsolePeopleOfPool(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true, Console: doorwright.NewConsole()})
	v := visit(t, r)
	const place = "/users/pool/Users"
	const bea = place + "/user?name=bea%40example.com"
	signIn := func(password string) string {
		t.Helper()
		_, body := r.pool("InitiateAuth", map[string]any{
			"ClientId": r.output("Web"), "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": "bea@example.com", "PASSWORD": password},
		})
		for _, word := range []string{"NEW_PASSWORD_REQUIRED", "AccessToken", "User is disabled", "UserNotFoundException"} {
			if strings.Contains(body, word) {
				return word
			}
		}
		return body
	}
	in := func(password, want string) {
		t.Helper()
		if got := signIn(password); got != want {
			t.Errorf("the user signs in with %s, want %s", got, want)
		}
	}
	// A page's form, the status and texts of what follows.
	do := func(what string, wantStatus int, path string, fields []string, texts ...string) {
		t.Helper()
		status, page := v.fill(path, fields...)
		v.hasAll(what, wantStatus, status, page, texts...)
	}
	status, page := v.read("/users")
	v.hasAll("no users", 200, status, page, "Nobody yet", r.output("Pool"), "/users/tenant/Auth0")

	// What is refused is said in the form, which keeps what was typed but the password.
	do("a weak password", 422, place+"/new", []string{"name", "bea@example.com", "password", "hush-weak", "group", "riders"},
		"InvalidPasswordException", "passwordPolicy", "bea@example.com", "!hush-weak", "!doorwright users")
	do("no password", 422, place+"/new", []string{"name", "bea@example.com"}, "a user needs a password")
	do("no name", 422, place+"/new", []string{"password", "Passw0rd!"}, "Email is missing.")
	do("no such group", 422, place+"/new", []string{"name", "bea@example.com", "password", "Passw0rd!", "group", "nobody"}, "ResourceNotFoundException")
	if status, _ := v.read(bea); status != http.StatusNotFound {
		t.Errorf("what was refused has left a user: %d", status)
	}
	do("a user", 200, place+"/new", []string{"name", "bea@example.com", "password", "Passw0rd!", "group", "riders"},
		"Created bea@example.com.", "CONFIRMED", "verified", "Remove from riders", "!Passw0rd!")
	in("Passw0rd!", "AccessToken")
	do("the same again", 422, place+"/new", []string{"name", "bea@example.com", "password", "Passw0rd!"}, "UsernameExistsException")

	do("join", 200, bea, []string{"do", "join", "group", "admins"}, "Remove from admins", "Remove from riders")
	do("leave", 200, bea, []string{"do", "leave", "group", "riders"}, "Remove from admins", "!Remove from riders")
	do("no such group", 422, bea, []string{"do", "join", "group", "nobody"}, "ResourceNotFoundException")
	do("no group", 422, bea, []string{"do", "join"}, "Choose a group.")

	status, page = v.read(bea)
	v.hasAll("a user who is signed in", 200, status, page, "Sign out at web since ", "Sign out everywhere")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)
	if id == nil {
		t.Fatalf("the page has no sign-in:\n%s", page)
	}
	do("end", 200, bea, []string{"do", "end", "id", html.UnescapeString(id[1])}, "Signed out there.", "Nowhere.")
	do("end again", 422, bea, []string{"do", "end", "id", html.UnescapeString(id[1])}, "is not signed in by")
	in("Passw0rd!", "AccessToken")
	do("sign out", 200, bea, []string{"do", "sign-out"}, "Signed out everywhere.", "Nowhere.")

	do("disable", 200, bea, []string{"do", "disable"}, "may not sign in")
	in("Passw0rd!", "User is disabled")
	do("enable", 200, bea, []string{"do", "enable"}, "!>may not sign in<")
	do("a temporary password", 200, bea, []string{"do", "password", "password", "Temp0rary!", "temporary", "on"}, "FORCE_CHANGE_PASSWORD", "!Temp0rary!")
	in("Temp0rary!", "NEW_PASSWORD_REQUIRED")
	do("a weak one", 422, bea, []string{"do", "password", "password", "hush-weak"}, "InvalidPasswordException", "!hush-weak")
	do("a password", 200, bea, []string{"do", "password", "password", "An0ther!!"}, "CONFIRMED", "The password is set.")
	in("An0ther!!", "AccessToken")
	do("no such change", 400, bea, []string{"do", "anything"}, "no such change")

	// Who has signed up is confirmed; of the mail the pool sends itself there is a page.
	if status, body := r.pool("SignUp", map[string]any{"ClientId": r.output("Web"), "Username": "cid@example.com", "Password": "Passw0rd!"}); status != 200 {
		t.Fatal(body)
	}
	do("confirm", 200, place+"/user?name=cid%40example.com", []string{"do", "confirm"}, "Confirmed.", "!UNCONFIRMED")
	do("confirm again", 422, place+"/user?name=cid%40example.com", []string{"do", "confirm"}, "NotAuthorizedException")
	status, page = v.read(place + "?q=ci")
	v.hasAll("a search", 200, status, page, "cid@example.com", "!bea@example.com", "Show all")
	status, page = v.read(place + "?q=" + url.QueryEscape(`given_name = `))
	v.hasAll("a search that is none", 200, status, page, "InvalidParameterException", `given_name = `)

	do("a group", 200, place+"/groups", []string{"do", "create", "name", "late", "description", "made here"}, "made here", "Created late.")
	do("the same group", 422, place+"/groups", []string{"do", "create", "name", "late"}, "GroupExistsException")
	do("not that group", 200, place+"/groups", []string{"do", "delete", "name", "late"}, "Deleted late.", "!made here")
	do("a group that is not there", 422, place+"/groups", []string{"do", "delete", "name", "late"}, "no such group")

	// Deletion asks first.
	status, page = v.read(place + "/delete?name=bea%40example.com")
	v.hasAll("the question", 200, status, page, "Delete bea@example.com?", "Keep")
	do("deletion", 200, place+"/delete?name=bea%40example.com", nil, "Deleted bea@example.com.", "cid@example.com")
	in("An0ther!!", "UserNotFoundException")
	do("deletion again", 404, place+"/delete?name=bea%40example.com", nil, "no such user")
}

// TestConsolePeopleOfTenant walks through the pages of a tenant.
func TestConsolePeopleOfTenant(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, directoryApp), AnyPort: true, Console: doorwright.NewConsole()})
	v := visit(t, r)
	const place = "/users/tenant/Auth0"
	status, page := v.read(place)
	v.hasAll("the users", 200, status, page, "ann@example.com", "UNVERIFIED", "auth0|")
	status, page = v.read(place + "?q=nobody")
	v.hasAll("a search", 200, status, page, "Nobody is found.")
	do := func(what string, wantStatus int, path string, fields []string, texts ...string) {
		t.Helper()
		status, page := v.fill(path, fields...)
		v.hasAll(what, wantStatus, status, page, texts...)
	}
	const ann = place + "/user?name=ann%40example.com"
	status, page = v.read(ann)
	v.hasAll("a user", 200, status, page, "Api: read", "role reader", "!Api: write", "Add to")
	do("a role", 200, ann, []string{"do", "join", "group", "writer"}, "Api: write", "role reader, role writer", "Remove from writer")
	do("a role taken", 200, ann, []string{"do", "leave", "group", "reader"}, "!role reader", "role writer")
	do("blocked", 200, ann, []string{"do", "disable"}, "may not sign in", "Unblock")
	do("unblocked", 200, ann, []string{"do", "enable"}, "Block")
	do("a weak password", 422, ann, []string{"do", "password", "password", "hush"}, "PasswordStrengthError", "three of capitals", "!>hush")
	do("a password", 200, ann, []string{"do", "password", "password", "An0ther!!"}, "The password is set.")
	do("a new user without a password", 422, place+"/new", []string{"name", "cid@example.com"}, "a user needs a password", "cid@example.com")
	do("a new user", 200, place+"/new", []string{"name", "cid@example.com", "password", "Passw0rd!", "group", "reader"}, "Created cid@example.com.", "role reader")
	do("the same again", 422, place+"/new", []string{"name", "cid@example.com", "password", "Passw0rd!"}, "The user already exists.")
	status, page = v.read(place + "/groups")
	v.hasAll("the roles", 200, status, page, "reader", "Api: write")
	do("a role", 200, place+"/groups", []string{"do", "create", "name", "late"}, "Created late.")
	do("a permission", 200, place+"/groups", []string{"do", "grant", "name", "late", "permission", "Api: write"}, "late has Api: write now.")
	do("of a user", 200, ann, []string{"do", "join", "group", "late"}, "role late, role writer")
	do("taken", 200, place+"/groups", []string{"do", "revoke", "name", "late", "permission", "Api: write"}, "late has Api: write no more.")
	status, page = v.read(ann)
	v.hasAll("the user without it", 200, status, page, "Remove from late", "!role late")
	do("no such permission", 422, place+"/groups", []string{"do", "grant", "name", "late", "permission", "Api: delete"}, "no such permission")
	do("of a declared role", 422, place+"/groups", []string{"do", "grant", "name", "reader", "permission", "Api: write"}, "declar")
	do("a declared role deleted", 422, place+"/groups", []string{"do", "delete", "name", "reader"}, "declar")
	do("deletion", 200, place+"/delete?name=cid%40example.com", nil, "Deleted cid@example.com.", "!auth0|cid")
}
