package doorwright_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/matrix"
	"github.com/doorwright/doorwright/sigv4"
)

// parityConfig compares with a stage that stands for a deployed one, with tokens and
// credentials of all its callers.
func parityConfig(t *testing.T, dir string, deployed *running) doorwright.ParityConfig {
	t.Helper()
	p, err := deployed.MatrixPlan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := doorwright.ParityConfig{Dir: dir, Stage: "prod", URLs: p.URLs, Tokens: map[string][]string{}, Keys: map[string]sigv4.Credentials{}, AllMethods: true}
	for i := range p.Rows {
		for j, column := range p.Columns {
			c := p.Credentials[p.Sent[i][j]]
			switch {
			case column.Kind == matrix.Keys:
				cfg.Keys[column.Name] = sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken}
			case (column.Kind == matrix.Token || column.Kind == matrix.Expired) && c.Token != "" && !slices.Contains(cfg.Tokens[column.Name], c.Token):
				cfg.Tokens[column.Name] = append(cfg.Tokens[column.Name], c.Token)
			}
			if c.APIKey != "" && column.Kind != matrix.WrongAPIKey {
				cfg.APIKey = c.APIKey
			}
		}
	}
	return cfg
}

// differences lists what differs, and holds that nothing of it is a token.
func differences(t *testing.T, cfg doorwright.ParityConfig, report *doorwright.ParityReport) []string {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range cfg.Tokens {
		for _, token := range tokens {
			if strings.Contains(string(text), token[len(token)-40:]) || strings.Contains(string(text), token[60:100]) {
				t.Errorf("a token is told: %s", text)
			}
		}
	}
	var all []string
	for _, d := range report.Differences {
		all = append(all, fmt.Sprintf("%s %s as %s: %s %s, %s", d.API, d.Route, d.Caller, d.What, d.Local, d.Deployed))
	}
	return all
}

// TestParityOfTheSame compares a declaration with itself, with every caller.
func TestParityOfTheSame(t *testing.T) {
	deployed := runMatrixApp(t)
	dir := matrixDir(t)
	cfg := parityConfig(t, dir, deployed)
	check := func() {
		t.Helper()
		report, err := doorwright.Parity(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := differences(t, cfg, report); len(got) > 0 {
			t.Errorf("it differs from itself:\n%s", strings.Join(got, "\n"))
		}
		if len(report.NotAsked) > 0 {
			t.Errorf("not asked: %+v", report.NotAsked)
		}
		if report.Alike != 15*22+2*2 {
			t.Errorf("%d requests were answered alike, want those of 22 callers at 15 routes, and of two without an API key at two", report.Alike)
		}
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary) // on Windows
	check()                    // it starts the local stage
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("of the stage that it has started this is left: %v (%v)", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".doorwright")); !os.IsNotExist(err) {
		t.Errorf("something is left of the stage that it has started (%v)", err)
	}
	local := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	before := len(local.text(doorwright.KindRequest))
	check() // it asks the running one
	if len(local.text(doorwright.KindRequest)) == before {
		t.Error("the running stage was not asked")
	}
}

// TestParityFindsDifferences compares with a stage that differs in a scope, an authorizer
// and a permission.
func TestParityFindsDifferences(t *testing.T) {
	deployed := runMatrixApp(t,
		"GET /rides: {url: UPSTREAM, scopes: [rides/read]}", "GET /rides: {url: UPSTREAM}",
		"GET /files/{path+}: {url: UPSTREAM}", "GET /files/{path+}: {url: UPSTREAM, authorizer: none}",
		"Signed/GET/mine", "Signed/GET/theirs",
	)
	cfg := parityConfig(t, matrixDir(t), deployed)
	report, err := doorwright.Parity(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := differences(t, cfg, report)
	routes := map[string]bool{}
	for _, d := range report.Differences {
		routes[d.API+" "+d.Route] = true
	}
	if want := []string{"Api GET /files/{path+}", "Api GET /rides", "Signed GET /mine", "Signed GET /theirs"}; !slices.Equal(slices.Sorted(maps.Keys(routes)), want) {
		t.Errorf("these routes differ: %v", routes)
	}
	for _, want := range []string{
		"Api GET /rides as Users.id-token: status 403, 200",
		`Api GET /rides as Users.id-token: body {"message":"Forbidden"}, hello`,
		`Api GET /rides as Users.without:rides/read: www-authenticate Bearer scope="rides/read" error="insufficient_scope" error_description="insufficient scope", `,
		"Api GET /files/{path+} as nobody: status 401, 200",
		"Api GET /files/{path+} as forged: status 401, 200",
		"Signed GET /mine as aws:authenticated: status 200, 403",
		"Signed GET /theirs as aws:authenticated: status 403, 200",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not found in\n%s", want, strings.Join(got, "\n"))
		}
	}
	for _, d := range report.Differences {
		if d.Caller == "Users.user" || d.API == "Signed" && d.Caller == "aws:Users.admins" {
			t.Errorf("%+v: both are let in", d)
		}
	}
}

// TestParitySaysWhatItDidNotAsk gives it fewer and fewer credentials.
func TestParitySaysWhatItDidNotAsk(t *testing.T) {
	deployed := runMatrixApp(t)
	dir := matrixDir(t)
	run(t, doorwright.Config{Dir: dir, AnyPort: true})
	all := parityConfig(t, dir, deployed)
	parity := func(change func(*doorwright.ParityConfig)) (*doorwright.ParityReport, error) {
		cfg := all
		cfg.Tokens, cfg.Keys = maps.Clone(all.Tokens), maps.Clone(all.Keys)
		change(&cfg)
		return doorwright.Parity(t.Context(), cfg)
	}
	gaps := func(change func(*doorwright.ParityConfig)) string {
		t.Helper()
		report, err := parity(change)
		if err != nil {
			t.Fatal(err)
		}
		if got := differences(t, all, report); len(got) > 0 {
			t.Errorf("it differs from itself:\n%s", strings.Join(got, "\n"))
		}
		var b strings.Builder
		n := 0
		for _, g := range report.NotAsked {
			n += len(g.Callers)
			fmt.Fprintf(&b, "%s %s as %s (%s)\n", g.API, g.Route, strings.Join(g.Callers, ","), g.Why)
		}
		if n+report.Alike != 15*22+2*2 {
			t.Errorf("%d alike and %d not asked are not all", report.Alike, n)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		change func(*doorwright.ParityConfig)
		want   []string
	}{
		"some": {func(c *doorwright.ParityConfig) {
			c.AllMethods = false
			c.Tokens["Users.user"] = c.Tokens["Users.user"][:1]
			delete(c.Tokens, "Users.without:rides/read")
			c.Env = func(name string) (string, bool) {
				return strings.Join(all.Tokens["Users.without:rides/read"], " "), name == "DOORWRIGHT_TOKEN_USERS_WITHOUT_RIDES_READ"
			}
		}, []string{
			"Api POST /rides as Users.user,Users.group:admins,Users.group:riders,Users.without:rides/read (POST would act: --all-methods)",
			"Api PUT /notes as Auth0.role:writer (PUT would act: --all-methods)",
			"Old GET /plain as Users.user (no token of the kind: give an ID token too, by --token Users.user=@FILE)\n",
		}},
		"none": {func(c *doorwright.ParityConfig) { c.Tokens, c.Keys, c.APIKey = nil, nil, "" }, []string{
			"Api GET /rides as forged (no token to begin with: --token CALLER=@FILE)", "Api GET /rides as Users.user (no token: --token Users.user=@FILE)",
			"Api GET /rides as Users.without:rides/read (no token: --token Users.without:rides/read=@FILE)", "Api GET /rides as expired (no token: --token expired=@FILE)",
			"Signed GET /mine as forged,expired (no credentials to begin with: --profile CALLER=PROFILE)", "(no credentials: --profile aws:authenticated=PROFILE)",
			"Old GET /metered/{id} as nobody (no API key: --api-key @FILE)",
		}},
		"one API": {func(c *doorwright.ParityConfig) { c.URLs = map[string]string{"Old": c.URLs["Old"]} }, []string{"(where it is deployed is not known: --url Api=URL)"}},
	} {
		got := gaps(c.change)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not found in\n%s", name, want, got)
			}
		}
	}
	for want, change := range map[string]func(*doorwright.ParityConfig){
		`there is no caller "nobody" with a token`:              func(c *doorwright.ParityConfig) { c.Tokens["nobody"] = []string{"x"} },
		`there is no caller "user" with AWS credentials`:        func(c *doorwright.ParityConfig) { c.Keys["user"] = sigv4.Credentials{} },
		`no header can have`:                                    func(c *doorwright.ParityConfig) { c.Tokens["expired"] = []string{"a\nb"} },
		`"http://example.com/" is not https`:                    func(c *doorwright.ParityConfig) { c.URLs = map[string]string{"Api": "http://example.com/"} },
		`"https://u:p@example.com" is no base URL`:              func(c *doorwright.ParityConfig) { c.URLs = map[string]string{"Api": "https://u:p@example.com"} },
		`the declaration has no API "Apy"`:                      func(c *doorwright.ParityConfig) { c.URLs = map[string]string{"Apy": "https://example.com"} },
		`nothing is known on this machine of stage prod on AWS`: func(c *doorwright.ParityConfig) { c.URLs = nil },
		`"../x" is not a stage name`:                            func(c *doorwright.ParityConfig) { c.Stage = "../x" },
	} {
		if report, err := parity(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v, %v", want, report, err)
		}
	}
}

// queryTokenApp has tokens in the query.
const queryTokenApp = `name: app
tenants:
  Auth0:
    applications: {spa: {type: spa, callbacks: ["http://localhost:5678"]}}
    apis: {Notes: {identifier: "https://notes.example", permissions: [see]}}
    roles: {reader: {Notes: [see]}}
apis:
  Api:
    authorizers: {notes: {type: jwt, issuer: "${tenants.Auth0.issuer}", audience: ["https://notes.example"], identitySource: "$request.querystring.access"}}
    defaults: {authorizer: notes}
    routes: {GET /rides: {url: UPSTREAM}, GET /notes: {url: UPSTREAM}, GET /other: {url: UPSTREAM}}
`

// TestParityOfAForeignFile has an address in what `deploy` writes down that is none of
// AWS's, as a cloned repository may bring it.
func TestParityOfAForeignFile(t *testing.T) {
	dir := declare(t, "name: app\napis: {Api: {routes: {GET /: {url: \"http://127.0.0.1:9\", authorizer: none}}}}\noutputs: {Url: \"${apis.Api.url}\"}\n")
	for address, refused := range map[string]bool{
		"https://evil.example": true, "https://abc.execute-api.eu-west-1.amazonaws.com.evil.example/prod": true, "https://abc.execute-api.eu-west-1.amazonaws.com@evil.example": true,
		"http://localhost:1": true, "https://abc123.execute-api.eu-west-1.amazonaws.com": false, "https://abc123.execute-api.eu-west-1.amazonaws.com/prod": false,
	} {
		if err := doorwright.WriteDeployed(dir, "prod", doorwright.Deployed{Outputs: map[string]string{"Url": address}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		asking := ""
		_, err := doorwright.Parity(ctx, doorwright.ParityConfig{Dir: dir, Stage: "prod", Asking: func(_, url string) { asking = url; cancel() }})
		cancel()
		if refused != (asking == "") || err == nil || refused != strings.Contains(err.Error(), "is no address of API Gateway") {
			t.Errorf("%s is asked as %q: %v", address, asking, err)
		}
	}
}

// TestParityIsCareful has a deployed side that redirects, answers without end, or not at
// all: nothing of the token is told, and the redirect's target is not asked.
func TestParityIsCareful(t *testing.T) {
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer elsewhere.Close()
	deployed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/rides"):
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case strings.HasSuffix(r.URL.Path, "/notes"): // the token is in the query
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "%s %s", r.URL.Query().Get("access"), r.Header.Get("Authorization"))
			w.Write(make([]byte, 1<<20))
		}
	}))
	defer deployed.Close()
	dir := func() string { return declare(t, strings.ReplaceAll(queryTokenApp, "UPSTREAM", hello(t).URL)) }
	cfg := parityConfig(t, dir(), run(t, doorwright.Config{Dir: dir(), AnyPort: true}))
	cfg.URLs = map[string]string{"Api": deployed.URL}
	report, err := doorwright.Parity(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := differences(t, cfg, report)
	for _, want := range []string{"Api GET /rides as nobody: status 401, 307", "Api GET /notes as role:reader: answer 200, EOF"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not found in\n%.3000s", want, strings.Join(got, "\n"))
		}
	}
	if asked {
		t.Error("a redirect was followed")
	}
}

// TestParityWithoutATokenHere: whom a trigger gives no token is nobody to compare.
func TestParityWithoutATokenHere(t *testing.T) {
	dir := claimsDir(t)
	deployed := run(t, doorwright.Config{Dir: dir, AnyPort: true, Stage: "prod"})
	run(t, doorwright.Config{Dir: dir, AnyPort: true})
	report, err := doorwright.Parity(t.Context(), parityConfig(t, dir, deployed))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range report.NotAsked {
		if strings.HasPrefix(g.Why, "there is no token of the local stage: the trigger PreTokenGeneration gives no token") {
			n += len(g.Callers)
		}
	}
	if n != 8 {
		t.Errorf("%d requests have no token to be sent with: %+v", n, report.NotAsked)
	}
}
