package console_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/console"
)

// markup is text that would be more than text on a page that does not escape it.
const markup = `"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;`

// people is a console.Directory that keeps what it was asked, and whose texts are all
// markup.
type people struct {
	mu    sync.Mutex
	names []string // of the users that there are
	asked []string // by what would change something
	err   error    // what each change is refused with
	seen  []string // the names that users were looked up by
}

func (p *people) change(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, what)
	return p.err
}

func (p *people) changes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *people) one(name string) console.User {
	permissions := []console.Permission{{API: markup, Name: markup, Roles: []string{markup}, Direct: true}}
	return console.User{
		Name: name, Email: markup, Status: markup, Attributes: []console.Attribute{{Name: markup, Value: markup}}, Groups: []string{markup},
		Permissions: permissions, MFA: []string{markup},
	}
}

func (p *people) Users(_ context.Context, text, page string) (list []console.User, next string, err error) {
	for _, name := range p.names {
		list = append(list, p.one(name))
	}
	return list, markup, nil
}

func (p *people) User(_ context.Context, name string) (*console.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, name)
	if !slices.Contains(p.names, name) {
		return nil, &aws.Error{Code: "UserNotFoundException", Message: "User does not exist."}
	}
	u := p.one(name)
	return &u, nil
}

func (p *people) Create(_ context.Context, n console.NewUser) (string, error) {
	return n.Name, p.change("create " + n.Name)
}

func (p *people) Change(_ context.Context, name string, c console.UserChange) error {
	return p.change("change " + name)
}
func (p *people) Delete(_ context.Context, name string) error { return p.change("delete " + name) }
func (p *people) Groups(context.Context) ([]console.Group, error) {
	return []console.Group{{Name: markup, Description: markup, Role: markup, Permissions: p.one("").Permissions}, {Name: "other" + markup}}, nil
}
func (p *people) CreateGroup(_ context.Context, g console.Group) error {
	return p.change("create group " + g.Name)
}
func (p *people) DeleteGroup(_ context.Context, name string) error {
	return p.change("delete group " + name)
}
func (p *people) Grant(_ context.Context, role string, of console.Permission, have bool) error {
	return p.change(fmt.Sprint(role, " ", of, " ", have))
}
func (p *people) SignIns(context.Context, string) ([]console.SignIn, error) {
	return []console.SignIn{{ID: markup, Client: markup}}, nil
}
func (p *people) EndSignIn(_ context.Context, name, id string) error { return p.change("end " + id) }
func (p *people) SignOut(_ context.Context, name string) error       { return p.change("sign out " + name) }

// withPeople has the pages of people about p, and a mailbox whose messages are markup.
func withPeople(t *testing.T, p *people, mails func() []console.Mail) *world {
	return newWorld(t, func(cfg *console.Config) {
		cfg.Places = func() []*console.Place {
			return []*console.Place{
				{Kind: console.UserPool, Name: "Riders", ID: markup, SignsInWith: "Username", Directory: p},
				{Kind: console.Tenant, Name: "Auth0", ID: markup, SignsInWith: "Email", Directory: p, Permissions: []console.Permission{{API: "Api", Name: markup}}},
			}
		}
		cfg.Identities = console.Identities{
			Pools: func() []console.IdentityPool { return []console.IdentityPool{{Name: "Auth", ID: markup, Guests: true}} },
			List: func(_ context.Context, pool, page string) ([]console.Identity, string, error) {
				return []console.Identity{{ID: "i", Logins: []string{markup}, Roles: []console.GivenRole{{Role: markup, When: markup}}}}, markup, nil
			},
			Delete: func(_ context.Context, id string) error { return p.change("delete identity " + id) },
		}
		cfg.Mailbox = console.Mailbox{
			Since: func(first uint64, n int) ([]console.Mail, error) {
				var list []console.Mail
				for _, m := range mails() {
					if m.Number >= first && len(list) < n {
						list = append(list, m)
					}
				}
				return list, nil
			},
			Confirm: func(_ context.Context, id string) error { return p.change("confirm " + id) },
			Remove:  func(id string) error { return p.change("remove " + id) },
		}
	})
}

func markedMails() []console.Mail {
	return []console.Mail{
		{ID: markup, Number: 2, To: markup, Medium: markup, Subject: markup, Body: markup, Code: "javascript:alert(1)", Purpose: markup, Kind: console.UserPool, Place: markup, User: markup, Confirms: true},
		{ID: "1", Number: 1, Code: "https://x.example/" + markup},
	}
}

// peopleForms are all forms of the pages of people, with what each would do.
var peopleForms = []struct {
	path string
	form url.Values
	want string
}{
	{"/users/pool/Riders/new", url.Values{"name": {"ann"}, "password": {"x"}}, "create ann"},
	{"/users/pool/Riders/groups", url.Values{"do": {"create"}, "name": {"g"}}, "create group g"},
	{"/users/pool/Riders/groups", url.Values{"do": {"delete"}, "name": {markup}}, "delete group " + markup},
	{"/users/tenant/Auth0/groups", url.Values{"do": {"grant"}, "name": {"g"}, "permission": {"Api: " + markup}}, "g Api: " + markup + " true"},
	{"/users/tenant/Auth0/groups", url.Values{"do": {"revoke"}, "name": {"g"}, "permission": {"Api: " + markup}}, "g Api: " + markup + " false"},
	{"/users/pool/Riders/user?name=ann", url.Values{"do": {"confirm"}}, "change ann"},
	{"/users/pool/Riders/user?name=ann", url.Values{"do": {"password"}, "password": {"x"}}, "change ann"},
	{"/users/pool/Riders/user?name=ann", url.Values{"do": {"disable"}}, "change ann"},
	{"/users/tenant/Auth0/user?name=ann", url.Values{"do": {"join"}, "group": {"g"}}, "change ann"},
	{"/users/tenant/Auth0/user?name=ann", url.Values{"do": {"leave"}, "group": {"g"}}, "change ann"},
	{"/users/pool/Riders/user?name=ann", url.Values{"do": {"end"}, "id": {"s"}}, "end s"},
	{"/users/pool/Riders/user?name=ann", url.Values{"do": {"sign-out"}}, "sign out ann"},
	{"/users/pool/Riders/delete?name=ann", url.Values{}, "delete ann"},
	{"/identities/Auth?page=x", url.Values{"id": {"i"}}, "delete identity i"},
	{"/mailbox", url.Values{"do": {"confirm"}, "id": {"1"}}, "confirm 1"},
	{"/mailbox", url.Values{"do": {"remove"}, "id": {"1"}}, "remove 1"},
}

// TestPeopleFormsOfOthers: without the session, its token and our origin, no form of
// the pages of people does anything; with them each does what it says.
func TestPeopleFormsOfOthers(t *testing.T) {
	p := &people{names: []string{"ann"}}
	w := withPeople(t, p, markedMails)
	b, stranger := w.opened(), w.browser()
	token, another := b.token(), w.opened().token()
	ours := map[string]string{"Origin": w.url}
	for _, f := range peopleForms {
		with := func(csrf string) url.Values {
			form := url.Values{}
			for name, values := range f.form {
				form[name] = values
			}
			if csrf != "" {
				form.Set("csrf", csrf)
			}
			return form
		}
		for name, a := range map[string]answer{
			"no session":              stranger.post(f.path, with(token), ours),
			"no token":                b.post(f.path, with(""), ours),
			"another session's token": b.post(f.path, with(another), ours),
			"another site":            b.post(f.path, with(token), map[string]string{"Origin": "http://evil.example"}),
			"another port":            b.post(f.path, with(token), map[string]string{"Origin": "http://127.0.0.1:1"}),
			"cross-site":              b.post(f.path, with(token), map[string]string{"Origin": w.url, "Sec-Fetch-Site": "cross-site"}),
			"no origin":               b.post(f.path, with(token), nil),
		} {
			if a.status != http.StatusForbidden || strings.Contains(a.body, "Riders") && name == "no session" {
				t.Errorf("%s %s, %s: %d", f.path, f.form.Get("do"), name, a.status)
			}
		}
		query := f.path + map[bool]string{true: "&", false: "?"}[strings.Contains(f.path, "?")] + with(token).Encode()
		b.get(w.url+query, nil) // a link does nothing
		if got := p.changes(); len(got) != 0 {
			t.Fatalf("%s %s did %v", f.path, f.form.Get("do"), got)
		}
		if a := b.post(f.path, with(token), ours); a.status != http.StatusSeeOther {
			t.Errorf("%s %s: %d\n%s", f.path, f.form.Get("do"), a.status, a.body)
		}
		if got := p.changes(); !slices.Equal(got, []string{f.want}) {
			t.Errorf("%s %s did %q, want %q", f.path, f.form.Get("do"), got, f.want)
		}
		p.asked = nil
	}
}

// TestPeopleAreText: what others have named themselves, and what a refusal says, is no
// markup on any page, and no address of a script.
func TestPeopleAreText(t *testing.T) {
	p := &people{names: []string{"ann", markup}, err: errors.New(markup)}
	w := withPeople(t, p, markedMails)
	b := w.opened()
	token := b.token()
	pages := map[string]answer{}
	for _, path := range []string{"/users", "/users/tenant/Auth0", "/users/pool/Riders?q=" + url.QueryEscape(markup) + "&page=x", "/users/pool/Riders/new", "/users/pool/Riders/groups", "/users/pool/Riders/user?name=ann",
		"/users/tenant/Auth0/user?" + url.Values{"name": {markup}}.Encode(), "/users/tenant/Auth0/delete?" + url.Values{"name": {markup}}.Encode(), "/mailbox", "/identities", "/identities/Auth"} {
		pages[path] = b.get(w.url+path, nil)
	}
	for _, f := range peopleForms { // each is refused, and shows its page again
		f.form.Set("csrf", token)
		pages["refused: "+f.path+" "+f.form.Get("do")] = b.post(f.path, f.form, map[string]string{"Origin": w.url})
	}
	typed := url.Values{"csrf": {token}, "name": {markup}, "email": {markup}, "password": {"hush-hush"}, "group": {markup}}
	pages["what was typed"] = b.post("/users/pool/Riders/new", typed, map[string]string{"Origin": w.url})
	if strings.Contains(pages["what was typed"].body, "hush-hush") || !strings.Contains(pages["what was typed"].body, `value="`+html.EscapeString(markup)+`"`) {
		t.Errorf("the form has lost what was typed, or kept the password:\n%s", pages["what was typed"].body)
	}
	for name, a := range pages {
		if name == "refused: /mailbox remove" { // an error that is for the log
			continue
		}
		if a.status != http.StatusOK && a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, a.status)
		}
		for _, bad := range []string{"<script>alert", "<img src", `href="javascript:`, `action="javascript:`} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s has %s:\n%s", name, bad, a.body)
			}
		}
		if !strings.Contains(a.body, "&lt;script&gt;alert(1)") && name != "/users/pool/Riders/new" {
			t.Errorf("%s has no markup as text: is it shown?\n%s", name, a.body)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", name)
		}
	}
	w.mu.Lock()
	w.logged = nil
	w.mu.Unlock()
}

// TestNamesInAddresses: any name leads to its user, and nothing else does.
func TestNamesInAddresses(t *testing.T) {
	names := []string{"a/b", "..", ".", "../../mailbox", "%2e%2e", "%", "a%2Fb", "?name=x", "#x", "a&name=b", "a+b c", "a\\b", "ünï", `"'<>`, "javascript:alert(1)", "//evil.example", "auth0|5f", "a\tb"}
	p := &people{names: names}
	w := withPeople(t, p, func() []console.Mail { return nil })
	b := w.opened()
	token := b.token()
	address := regexp.MustCompile(`<a href="(/users/pool/Riders/user\?[^"]*)"`)
	found := address.FindAllStringSubmatch(b.get(w.url+"/users", nil).body, -1)
	if len(found) != len(names) {
		t.Fatalf("%d of %d users are listed", len(found), len(names))
	}
	for i, name := range names {
		p.seen, p.asked = nil, nil
		a := b.get(w.url+html.UnescapeString(found[i][1]), nil)
		if a.status != http.StatusOK || len(p.seen) != 1 || p.seen[0] != name {
			t.Errorf("%q leads to %q: %d", name, p.seen, a.status)
			continue
		}
		action := regexp.MustCompile(`action="(/users/pool/Riders/user\?[^"]*)"`).FindStringSubmatch(a.body)
		asks := regexp.MustCompile(`href="(/users/pool/Riders/delete\?[^"]*)"`).FindStringSubmatch(a.body)
		if action == nil || asks == nil {
			t.Fatalf("%q has no form:\n%s", name, a.body)
		}
		did := b.post(html.UnescapeString(action[1]), url.Values{"csrf": {token}, "do": {"sign-out"}}, map[string]string{"Origin": w.url})
		to, err := url.Parse(did.header.Get("Location"))
		if err != nil || did.status != http.StatusSeeOther || to.Host != "" || to.Path != "/users/pool/Riders/user" || to.Query().Get("name") != name {
			t.Errorf("%q: after a form to %q: %d", name, to, did.status)
		}
		b.post(html.UnescapeString(asks[1]), url.Values{"csrf": {token}}, map[string]string{"Origin": w.url})
		if got := p.changes(); !slices.Equal(got, []string{"sign out " + name, "delete " + name}) {
			t.Errorf("the forms of %q did %q", name, got)
		}
	}
	for path, want := range map[string]int{
		"/users/pool/Riders/user": 404, "/users/pool/Riders/user?name=": 404, "/users/pool/Riders/user?name=nobody": 404, "/users/pool/Other": 404, "/users/x/Riders": 404,
		"/users/tenant/Riders": 404, "/users/pool/..%2FRiders": 404, "/users/pool/%2e%2e/Riders": 404,
	} {
		if a := b.get(w.url+path, nil); a.status != want && a.status != http.StatusMovedPermanently && a.status != http.StatusTemporaryRedirect {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
}

// TestPeopleAreBounded: what is too long goes no further.
func TestPeopleAreBounded(t *testing.T) {
	p := &people{names: []string{"ann"}}
	w := withPeople(t, p, func() []console.Mail { return nil })
	b := w.opened()
	token := b.token()
	long := strings.Repeat("x", 64<<10)
	groups := slices.Repeat([]string{"g"}, 5000)
	for name, c := range map[string]struct {
		path string
		form url.Values
		want int
	}{
		"a name":        {"/users/pool/Riders/new", url.Values{"name": {long}, "password": {"x"}}, 422},
		"an address":    {"/users/pool/Riders/new", url.Values{"name": {"x"}, "email": {long}, "password": {"x"}}, 422},
		"many groups":   {"/users/pool/Riders/new", url.Values{"name": {"x"}, "password": {"x"}, "group": groups}, 422},
		"a group":       {"/users/pool/Riders/groups", url.Values{"do": {"create"}, "name": {long}}, 422},
		"a form":        {"/users/pool/Riders/groups", url.Values{"do": {"create"}, "name": {strings.Repeat(long, 17)}}, 413},
		"a user's name": {"/users/pool/Riders/user?name=" + long, url.Values{"do": {"sign-out"}}, 404},
	} {
		c.form.Set("csrf", token)
		a := b.post(c.path, c.form, map[string]string{"Origin": w.url})
		if a.status != c.want || len(a.body) > 40<<10 {
			t.Errorf("%s that is too long: %d with %d bytes, want %d", name, a.status, len(a.body), c.want)
		}
	}
	if a := b.get(w.url+"/users?q="+long, nil); a.status != http.StatusBadRequest {
		t.Errorf("a search that is too long: %d", a.status)
	}
	if got := p.changes(); len(got) != 0 {
		t.Errorf("done: %.200q", got)
	}
}

// TestMailsOnTheStream: an event that tells of a message wakes the stream, which sends
// each message once. A text cannot go on as another field of the stream.
func TestMailsOnTheStream(t *testing.T) {
	var mu sync.Mutex
	var box []console.Mail
	deliver := func(body string) {
		mu.Lock()
		defer mu.Unlock()
		n := uint64(len(box))
		box = append([]console.Mail{{ID: strconv.FormatUint(n, 10), Number: n, To: "ann", Code: "code-" + strconv.FormatUint(n, 10), Body: body}}, box...)
	}
	w := withPeople(t, &people{}, func() []console.Mail { mu.Lock(); defer mu.Unlock(); return slices.Clone(box) })
	deliver("first")
	deliver("second")
	b := w.opened()
	contains(t, "the page", b.get(w.url+"/mailbox", nil).body, "after=2&amp;topic=mails", "code-0", "code-1")
	next, _ := b.events(t, t.Context(), "topic=mails&after=1", nil)
	next() // retry
	contains(t, "what was missed", next(), "id: 2\n", "code-1", `name="csrf" value="`+b.token())
	deliver("one\revent: evil\rid: 99\r\rdata: evil\nend")
	w.feed.add(console.Event{Topic: console.Activity, Kind: "pool", Text: "SignUp"})
	w.feed.add(console.Event{Topic: console.Activity, Kind: console.KindCode, Text: "a message"})
	w.feed.add(console.Event{Topic: console.Activity, Kind: console.KindCode, Text: "a message"}) // of the same
	came := next()
	contains(t, "what came", came, "id: 3\n", "code-2", "data: id: 99\n")
	if strings.Contains(came, "\r") || strings.Contains(came, "code-1") {
		t.Errorf("what came is %q", came)
	}
	deliver("last")
	w.feed.add(console.Event{Topic: console.Activity, Kind: console.KindCode})
	contains(t, "the last", next(), "id: 4\n", "code-3")
	if _, status := w.browser().events(t, t.Context(), "topic=mails&after=0", nil); status != http.StatusForbidden {
		t.Errorf("a stranger's stream: %d", status)
	}
	if a := newWorld(t, nil).opened().get(w.url+"/events?topic=mails&after=0", nil); a.status == http.StatusOK {
		t.Error("a console without a mailbox has a stream of it")
	}
}
