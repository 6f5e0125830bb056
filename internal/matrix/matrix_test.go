package matrix_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/matrix"
	"github.com/doorwright/doorwright/sigv4"
)

// table makes a matrix of lines: the callers, then a route, an authorizer and outcomes.
func table(t *testing.T, lines ...string) *matrix.Matrix {
	t.Helper()
	m, err := matrix.Parse("route  authorizer  " + strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTextIsReadBack writes and reads.
func TestTextIsReadBack(t *testing.T) {
	m := table(t, "nobody  role:a", "Api GET /x  users  401  allowed", "Api $default  none  allowed  allowed", "B ANY /{p+}  iam  403  unreachable")
	m.Columns[0].About = "sends nothing"
	const want = `# Who may call what. A number is the status of the gateway's refusal; what is allowed
# goes on to the route's function, which may still refuse it.
#
# nobody  sends nothing
# role:a

route         authorizer  nobody   role:a
Api GET /x    users       401      allowed
Api $default  none        allowed  allowed
B ANY /{p+}   iam         403      unreachable
`
	if got := m.Text(); got != want {
		t.Errorf("the text is\n%s", got)
	}
	back, err := matrix.Parse(strings.ReplaceAll(m.Text(), "\n", "\r\n"))
	if m.Columns[0].About = ""; err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("it reads back as %+v (%v), not %+v", back, err, m)
	}
	for _, text := range []string{"", "# nothing\n", "Api GET /x  users  401\n", "route  authorizer  a\nApi GET /x  users\n", strings.Repeat("#\n", 5<<20)} {
		if m, err := matrix.Parse(text); err == nil {
			t.Errorf("%.40q is read as %v", text, m)
		}
	}
}

// TestDiff says who gained and lost what.
func TestDiff(t *testing.T) {
	was := table(t, "nobody  user  gone", "Api GET /a  users  401  allowed  401", "Api GET /b  users  401  403  401", "Api GET /c  users  401  allowed  401", "Api GET /old  none  allowed  allowed  allowed")
	now := table(t, "nobody  user  new", "Api GET /a  none  allowed  allowed  allowed", "Api GET /b  users  401  allowed  401", "Api GET /c  users  403  500  401", "Api GET /new  users  401  allowed  401")
	now.Rows[2].Cells[1].Why = "the function failed"
	var got []string
	for _, c := range matrix.Diff(was, now) {
		got = append(got, c.String())
	}
	want := []string{
		"~ Api GET /a is guarded by none, no longer by users",
		"+ nobody gained Api GET /a (was 401)",
		"+ user gained Api GET /b (was 403)",
		"~ nobody is refused Api GET /c with 403, no longer with 401",
		"- user lost Api GET /c (now 500): the function failed",
		"+ Api GET /new is a new route (users), open to user",
		"- Api GET /old is gone; it was open to nobody, user, gone",
		"+ new is a new caller, who may call Api GET /a",
		"- gone is gone, who might call Api GET /old",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if same := matrix.Diff(now, now); len(same) > 0 {
		t.Errorf("a matrix differs from itself: %v", same)
	}
}

// TestForge changes one bit of a signature, and nothing else.
func TestForge(t *testing.T) {
	for token, want := range map[string]string{
		"eyJ.e30.AAAA": "eyJ.e30.AAEA", "opaque0": "opaque1", "opaque1": "opaque0", "a.b.!": "a.b.1", "": "",
	} {
		if got := matrix.Forge(token); got != want {
			t.Errorf("%q is forged as %q, want %q", token, got, want)
		}
	}
}

// TestRequest puts credentials where the route's authorizer looks for them.
func TestRequest(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	q := matrix.Question{Method: "PUT", Path: "/a/1", Query: "day=1", Header: map[string]string{"X-Trip": "1"}, Region: "eu-west-1", APIKey: true}
	request := func(c matrix.Credentials) *http.Request {
		t.Helper()
		r, err := q.Request(t.Context(), "http://localhost:3100/v1", c, now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	q.Tokens = []matrix.Place{matrix.Bearer, {Header: "X-Token"}, {Query: "access"}}
	r := request(matrix.Credentials{Token: "a.e30.AAAA", APIKey: "key"})
	if got := r.Method + " " + r.URL.String(); got != "PUT http://localhost:3100/v1/a/1?access=a.e30.AAAA&day=1" {
		t.Errorf("the request is %s", got)
	}
	if want := (http.Header{"Authorization": {"Bearer a.e30.AAAA"}, "X-Token": {"a.e30.AAAA"}, "X-Trip": {"1"}, "X-Api-Key": {"key"}}); !reflect.DeepEqual(r.Header, want) {
		t.Errorf("the header is %v, want %v", r.Header, want)
	}
	if got := request(matrix.Credentials{Token: "a.e30.AAAA", Forged: true}).Header.Get("Authorization"); got != "Bearer a.e30.AAEA" {
		t.Errorf("a forged token is %s", got)
	}
	if got := request(matrix.Credentials{}); len(got.Header) != 1 || got.URL.RawQuery != "day=1" {
		t.Errorf("nobody sends %v %s", got.Header, got.URL)
	}
	if r, err := (matrix.Question{Method: "GET", Path: "@evil.example/"}).Request(t.Context(), "https://localhost", matrix.Credentials{Token: "x"}, now); err == nil {
		t.Errorf("a path leads to %s", r.URL)
	}
	v := sigv4.Verifier{Service: "execute-api", Region: "eu-west-1", Now: func() time.Time { return now }}
	v.Lookup = staticSecret
	for _, c := range []struct {
		name string
		matrix.Credentials
		good bool
	}{
		{"right keys", matrix.Credentials{}, true}, {"forged", matrix.Credentials{Forged: true}, false}, {"expired", matrix.Credentials{Expired: true}, false},
	} {
		c.AccessKeyID, c.SecretKey = "AKIDEXAMPLE", "secret"
		r := request(c.Credentials)
		r.RequestURI = r.URL.RequestURI()
		if _, err := v.Verify(r, nil); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func staticSecret(context.Context, string, string) (string, error) { return "secret", nil }
