package doorwright_test

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/doorwright/doorwright"
)

const mailboxApp = `name: app
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    autoVerify: [email]
    clients: {web: {authFlows: [userPassword], generateSecret: true}, other: {authFlows: [userPassword]}}
tenants:
  Auth0:
    signUp: true
    applications: {web: {type: regular_web, callbacks: ["http://localhost:5678"]}}
outputs: {Pool: "${userPools.Users.id}", Web: "${userPools.Users.clients.other.id}", Auth0Client: "${tenants.Auth0.applications.web.clientId}", Issuer: "${tenants.Auth0.issuer}"}
`

// TestConsoleMailbox: a code is on its page, at once, and confirms who has signed up by
// ConfirmSignUp; it is nowhere else.
func TestConsoleMailbox(t *testing.T) {
	var mu sync.Mutex
	var told []doorwright.Event
	dir := declare(t, mailboxApp)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Console: doorwright.NewConsole(), Observe: func(e doorwright.Event) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, e)
	}})
	v := visit(t, r)
	status, page := v.read("/mailbox")
	v.hasAll("an empty mailbox", 200, status, page, "Nothing yet")
	live := lines(t, v.client, v.base+"/events?topic=mails&after=0")
	activity := lines(t, v.client, v.base+"/events?topic=activity&after=0")
	// message waits for one more on the stream.
	message := func() string {
		text := ""
		for line := range live {
			if text += line + "\n"; strings.HasSuffix(line, "</li>") {
				return text
			}
		}
		t.Fatalf("the stream has ended:\n%s", text)
		return ""
	}
	if status, body := r.pool("SignUp", map[string]any{"ClientId": r.output("Web"), "Username": "cid@example.com", "Password": "Passw0rd!"}); status != 200 {
		t.Fatal(body)
	}
	first := message()
	code := regexp.MustCompile(`<code class="code"[^>]*>(\d{6})<`).FindStringSubmatch(first)
	if code == nil {
		t.Fatalf("the message that came has no code:\n%s", first)
	}
	id := html.UnescapeString(regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(first)[1])
	v.hasAll("the message that came", 200, 200, first, "cid@example.com", "sign-up", "Your verification code", "Confirm")
	status, page = v.read("/mailbox")
	v.hasAll("the mailbox", 200, status, page, code[1], "after=1&topic=mails", "/users/pool/Users/user?name=")

	seen := ""
	for line := range activity { // until it tells of the message
		if seen += line + "\n"; strings.Contains(line, "a message to cid@example.com") {
			break
		}
	}
	if strings.Contains(seen, code[1]) {
		t.Errorf("the activity has the code:\n%s", seen)
	}

	status, page = v.fill("/mailbox", "do", "confirm", "id", id)
	v.hasAll("confirm", 200, status, page, "Confirmed.")
	status, page = v.read("/users/pool/Users/user?name=cid%40example.com")
	v.hasAll("the user", 200, status, page, "CONFIRMED", "!UNCONFIRMED", "verified")
	status, page = v.fill("/mailbox", "do", "confirm", "id", id)
	v.hasAll("confirm again", 422, status, page, "NotAuthorizedException: User cannot be confirmed. Current status is CONFIRMED")
	status, page = v.fill("/mailbox", "do", "confirm", "id", "../outputs.json")
	v.hasAll("no such message", 200, status, page, "not kept any more")
	status, _ = v.fill("/mailbox", "do", "remove", "id", "../outputs.json")
	if _, err := os.Stat(filepath.Join(dir, ".doorwright", "dev", "outputs.json")); err != nil {
		t.Errorf("deletion of what is no message: %d %v", status, err)
	}

	// A reset's code is to be typed, and confirms nobody.
	if status, body := r.pool("ForgotPassword", map[string]any{"ClientId": r.output("Web"), "Username": "cid@example.com"}); status != 200 {
		t.Fatal(body)
	}
	reset := message()
	v.hasAll("a reset", 200, 200, reset, "password reset", "!>Confirm<")
	resetID := html.UnescapeString(regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(reset)[1])
	status, page = v.fill("/mailbox", "do", "confirm", "id", resetID)
	v.hasAll("a reset confirmed", 422, status, page, "confirms no sign-up")

	// A tenant's link is opened where it leads.
	res, err := http.Post(r.output("Issuer")+"dbconnections/signup", "application/json",
		strings.NewReader(`{"client_id":"`+r.output("Auth0Client")+`","email":"dora@example.com","password":"Passw0rd!","connection":"Username-Password-Authentication"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	link := regexp.MustCompile(`<a class="button main" href="([^"]+)" target="_blank" rel="noopener noreferrer"`).FindStringSubmatch(message())
	if link == nil || !strings.HasPrefix(html.UnescapeString(link[1]), r.output("Issuer")) {
		t.Fatalf("%d: the tenant's link is %q", res.StatusCode, link)
	}
	if status, _ := ask(t, get(t, html.UnescapeString(link[1]))); status != 200 {
		t.Errorf("the link is answered %d", status)
	}
	status, page = v.read("/users/tenant/Auth0/user?name=dora%40example.com")
	v.hasAll("who has opened the link", 200, status, page, "CONFIRMED", "!UNVERIFIED")

	status, page = v.fill("/mailbox", "do", "remove", "id", id)
	v.hasAll("deletion", 200, status, page, "The message is deleted.", "!"+code[1], "dora@example.com")
	if _, err := os.Stat(filepath.Join(dir, ".doorwright", "dev", "mailbox", id)); !os.IsNotExist(err) {
		t.Errorf("a message that was deleted: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, e := range told {
		if strings.Contains(e.Text, code[1]) {
			t.Errorf("the log has the code: %s", e.Text)
		}
	}
}
