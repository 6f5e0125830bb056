package doorwrighttest_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/doorwrighttest"
)

// said is a test that keeps what it is failed with.
type said struct {
	testing.TB
	text string
}

func (s *said) Helper()                        {}
func (s *said) Errorf(format string, a ...any) { s.text += fmt.Sprintf(format, a...) }
func (s *said) Fatalf(format string, a ...any) { s.text += fmt.Sprintf(format, a...); panic(s) }
func (s *said) of(do func(testing.TB)) (r string) {
	defer func() {
		if p := recover(); p != nil && p != any(s) {
			panic(p)
		}
		r = s.text
	}()
	do(s)
	return s.text
}

// TestMatrix holds the quickstart against its file, then against files of other apps.
func TestMatrix(t *testing.T) {
	app := doorwrighttest.Start(t, "../examples/quickstart", doorwrighttest.Options{Quiet: true})
	file := filepath.Join(t.TempDir(), "testdata", "who-may-call.txt")
	against := func(options ...doorwrighttest.MatrixOptions) string {
		t.Helper()
		return (&said{TB: t}).of(func(t testing.TB) { doorwrighttest.Matrix(t, app, file, options...) })
	}
	if got := against(); got != "doorwrighttest: "+file+" is not there: write it with DOORWRIGHT_UPDATE=1 go test -run '^TestMatrix$', and read it" {
		t.Errorf("without a file it says %s", got)
	}
	t.Setenv("DOORWRIGHT_UPDATE", "1")
	if got := against(); got != "" {
		t.Fatalf("the file is not written: %s", got)
	}
	t.Setenv("DOORWRIGHT_UPDATE", "")
	if got := against(); got != "" {
		t.Errorf("against its own file it says %s", got)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasSuffix(text, `
route             authorizer  nobody   forged   expired  user     id-token
Api GET /private  users       401      401      401      allowed  allowed
Api GET /public   none        allowed  allowed  allowed  allowed  allowed
`) {
		t.Errorf("the file is\n%s", text)
	}
	for _, c := range []struct{ from, to, says string }{
		{"401      401      401      allowed", "allowed  401      401      401", "\n  - nobody lost Api GET /private (now 401): no Authorization header\n  + user gained Api GET /private (was 401)\nIf that is meant: DOORWRIGHT_UPDATE=1"},
		{"Api GET /public   none ", "Api GET /other   none ", "\n  + Api GET /public is a new route (none), open to nobody, forged, expired, user, id-token\n  - Api GET /other is gone; it was open to nobody, forged, expired, user, id-token\n"},
		{"none ", "users", "\n  ~ Api GET /public is guarded by none, no longer by users\n"},
		{"route  ", "root  ", "line 10 is before the line of route and authorizer"},
	} {
		if err := os.WriteFile(file, []byte(strings.Replace(text, c.from, c.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := against(); !strings.Contains(got, c.says) {
			t.Errorf("with %q in the file it says\n%s\nwant\n%s", c.to, got, c.says)
		}
	}
	for _, name := range []string{"", "a b"} {
		if got := against(doorwrighttest.MatrixOptions{Callers: []doorwrighttest.Caller{{Name: name, Send: func(*http.Request) {}}}}); !strings.Contains(got, "needs a name without spaces") {
			t.Errorf("a caller %q is answered %s", name, got)
		}
	}
	if got := against(doorwrighttest.MatrixOptions{Without: []string{"GET /nothing"}}); !strings.Contains(got, `there is no route or caller "GET /nothing" to leave out`) {
		t.Errorf("a route that is not there is left out: %s", got)
	}
	if got := against(doorwrighttest.MatrixOptions{Callers: []doorwrighttest.Caller{{Name: "user", Send: func(*http.Request) {}}}}); !strings.Contains(got, `two callers "user"`) {
		t.Errorf("a second user: %s", got)
	}
}

// TestMatrixOptions adds callers and leaves out routes.
func TestMatrixOptions(t *testing.T) {
	app := doorwrighttest.Start(t, "../examples/quickstart", doorwrighttest.Options{Quiet: true})
	token := app.Token(t, doorwrighttest.User{Name: "rider@example.com"}).Access
	doorwrighttest.Matrix(t, app, filepath.Join("testdata", "options.txt"), doorwrighttest.MatrixOptions{
		Callers: []doorwrighttest.Caller{
			{Name: "rider", About: "one who has signed in", Send: func(r *http.Request) { r.Header.Set("Authorization", token) }},
			{Name: "twice", About: "the same, with two headers", Send: func(r *http.Request) { r.Header["Authorization"] = []string{token, token} }},
		},
		Without: []string{"GET /public", "id-token"},
	})
}

// Who may call what is kept beside the tests:
//
//	DOORWRIGHT_UPDATE=1 go test -run TestWhoMayCall
func ExampleMatrix() {
	// func TestWhoMayCall(t *testing.T)
	_ = func(t *testing.T) {
		app := doorwrighttest.Start(t, ".")
		doorwrighttest.Matrix(t, app, "testdata/who-may-call.txt", doorwrighttest.MatrixOptions{
			Callers: []doorwrighttest.Caller{{
				Name: "partner", About: "has the partner's token",
				Send: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+partnerToken(t)) },
			}},
			Without: []string{"GET /health"},
		})
	}
	// Output:
}

func partnerToken(testing.TB) string { return "" }
