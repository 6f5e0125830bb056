package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/app"
)

// folder writes files, by slash-separated path, into a new directory.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir string, opts app.Options) *app.App {
	t.Helper()
	a, err := app.Load(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// problems loads dir, which has to fail, and returns what is wrong.
func problems(t *testing.T, dir string, opts app.Options) app.ErrorList {
	t.Helper()
	a, err := app.Load(dir, opts)
	if a != nil {
		t.Error("an App with an error")
	}
	var list app.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("the error is %T %v, want an ErrorList", err, err)
	}
	return list
}

// TestLoadWalkthrough reads the declaration of design's fourth walk-through.
func TestLoadWalkthrough(t *testing.T) {
	_, a, err := parseFile(t, filepath.Join("testdata", "good", "walkthrough-4.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "api-auth-jwt-cognito-user-pool" || a.Region != "us-east-1" || a.Stage != "dev" {
		t.Errorf("got %q %q %q", a.Name, a.Region, a.Stage)
	}
	pool, _ := a.UserPools.Get("UserPool")
	if !pool.SelfSignUp || pool.SignInCaseSensitive || !slices.Equal(pool.SignInAliases, []string{"email"}) || !slices.Equal(pool.AutoVerify, []string{"email"}) {
		t.Errorf("the pool is %+v", pool)
	}
	if p := pool.PasswordPolicy; p.MinimumLength != 8 || !p.RequireUppercase || !p.RequireLowercase || !p.RequireNumbers || !p.RequireSymbols || p.TemporaryPasswordValidityDays != 7 {
		t.Errorf("the password policy is %+v", p)
	}
	client, _ := pool.Clients.Get("UserPoolClient")
	if client.AccessTokenValidity != time.Hour || client.IDTokenValidity != time.Hour || client.RefreshTokenValidity != 30*24*time.Hour ||
		client.AuthSessionValidity != 3*time.Minute || client.EnableTokenRevocation == nil || !*client.EnableTokenRevocation || client.GenerateSecret {
		t.Errorf("the client is %+v", client)
	}
	api, _ := a.APIs.Get("Api")
	if api.Protocol != "http" || api.StageName != "$default" || api.CORS != nil || api.Port != 0 {
		t.Errorf("the API is %+v", api)
	}
	jwt, _ := api.Authorizers.Get("jwt")
	if jwt.Type != "user_pool" || jwt.UserPool != "UserPool" || !slices.Equal(jwt.Clients, []string{"UserPoolClient"}) ||
		!slices.Equal(jwt.IdentitySource, []string{"$request.header.Authorization"}) {
		t.Errorf("the authorizer is %+v", jwt)
	}
	if got := a.Outputs.Keys(); !slices.Equal(got, []string{"ApiEndpoint", "UserPoolId", "UserPoolClientId"}) {
		t.Errorf("the outputs are %v", got)
	}

	var routes []string
	for _, r := range a.Routes() {
		routes = append(routes, fmt.Sprintf("%s %s %s %s %s %s", r.API, r.Key, r.Authorizer, r.Function, r.PayloadFormatVersion, r.Timeout))
	}
	want := []string{
		"Api GET /private jwt dev-api-auth-jwt-cognito-user-pool-functions-private-handler 2.0 30s",
		"Api GET /public none dev-api-auth-jwt-cognito-user-pool-functions-public-handler 2.0 30s",
	}
	if !slices.Equal(routes, want) {
		t.Errorf("the routes are\n%s\nwant\n%s", strings.Join(routes, "\n"), strings.Join(want, "\n"))
	}
	for _, f := range a.Functions() {
		if f.Kind != app.FunctionNode || f.Export != "handler" || !filepath.IsAbs(f.Path) || filepath.Ext(f.Path) != ".ts" || f.Timeout != 3*time.Second || f.MemorySize != 128 {
			t.Errorf("a function is %+v", f)
		}
	}
}

func TestPos(t *testing.T) {
	file := filepath.Join("testdata", "good", "walkthrough-4.yaml")
	_, a, err := parseFile(t, file)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"apis.Api.routes.GET /private":              ":13:7",
		"apis.Api.routes.GET /public.authorizer":    ":14:57",
		"apis.Api.authorizers.jwt.clients[0]":       ":10:72",
		"userPools.UserPool.clients.UserPoolClient": ":7:15",
		"userPools.UserPool.passwordPolicy":         ":4:3", // not in the file: the pool's place
		"name":                                      ":1:1",
		"nothing.like.it":                           "",
		"":                                          "",
	} {
		if got := a.Pos(path).String(); got != file+want {
			t.Errorf("Pos(%q) is %s, want %s%s", path, got, file, want)
		}
	}
}

func TestStages(t *testing.T) {
	const declaration = `name: app
userPools:
  Users:
    signInAliases: [email, phone]
    passwordPolicy: {minimumLength: 10}
    clients: {web: {}}
apis:
  Api:
    authorizers: {a: {type: jwt, issuer: "http://localhost:9000", audience: [one, two]}}
    routes:
      GET /a: {url: "http://localhost:8080", authorizer: a}
stages:
  prod:
    region: eu-central-1
    userPools:
      Users: {signInAliases: [email], clients: {app: {}}}
    apis:
      Api:
        authorizers: {a: {issuer: "https://${env:TENANT}/", audience: [three]}}
        routes: {GET /b: {url: "http://localhost:8081", authorizer: none}}
`
	dir := folder(t, map[string]string{app.FileName: declaration})

	// dev is not among the stages: the file as it stands. TENANT is prod's alone.
	dev := load(t, dir, app.Options{})
	if dev.Stage != app.DefaultStage || dev.Region != "us-east-1" || len(dev.Routes()) != 1 {
		t.Errorf("dev is %+v", dev)
	}

	prod := load(t, dir, app.Options{Stage: "prod", Env: func(name string) (string, bool) { return "tenant.example", name == "TENANT" }})
	pool, _ := prod.UserPools.Get("Users")
	api, _ := prod.APIs.Get("Api")
	authorizer, _ := api.Authorizers.Get("a")
	issuer, err := prod.Resolve(authorizer.Issuer, nil)
	if prod.Region != "eu-central-1" || pool.PasswordPolicy.MinimumLength != 10 || !slices.Equal(pool.SignInAliases, []string{"email"}) ||
		!slices.Equal(pool.Clients.Keys(), []string{"web", "app"}) || len(authorizer.Audience) != 1 || authorizer.Audience[0].String() != "three" ||
		!slices.Equal(api.Routes.Keys(), []string{"GET /a", "GET /b"}) || issuer != "https://tenant.example/" || err != nil {
		t.Errorf("prod is %+v, its authorizer %+v, its issuer %q (%v)", prod, authorizer, issuer, err)
	}
	if got := prod.Pos("apis.Api.authorizers.a.issuer").Line; got != 19 {
		t.Errorf("the issuer of prod is in line %d, want 19, where prod has it", got)
	}

	// A mistake of a stage is one of the file, whichever stage is asked for.
	if list := problems(t, dir, app.Options{Stage: "prod"}); len(list) != 1 || !strings.Contains(list[0].Message, "TENANT is not set") {
		t.Errorf("got %v", list)
	}
	broken := folder(t, map[string]string{app.FileName: strings.Replace(declaration, "authorizer: none", "authorizer: non", 1)})
	for _, stage := range []string{"", "prod", "test"} {
		list := problems(t, broken, app.Options{Stage: stage, Env: func(string) (string, bool) { return "x.example", true }})
		if len(list) != 1 || list[0].Line != 20 {
			t.Errorf("stage %q: got %v", stage, list)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	yml := folder(t, map[string]string{"doorwright.yml": "name: app\n"})
	below := folder(t, map[string]string{"doorwright.yaml": "name: app\n", "sub/x": ""})
	for _, test := range []struct {
		dir, hint string
	}{
		{yml, "there is a doorwright.yml: rename it to doorwright.yaml"},
		{filepath.Join(below, "sub"), "there is one in "},
		{filepath.Join(below, "doorwright.yaml"), "give the directory, not the file: "},
		{filepath.Join(below, "no"), "there is no directory "},
	} {
		list := problems(t, test.dir, app.Options{})
		if len(list) != 1 || !strings.HasPrefix(list[0].Hint, test.hint) || list[0].Message != "there is no declaration" {
			t.Errorf("%s: got %v", test.dir, list)
		}
	}
	if _, err := app.Load(yml, app.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
	if list := problems(t, below, app.Options{Stage: "../prod"}); !strings.Contains(list[0].Message, "is not a stage name") {
		t.Errorf("got %v", list)
	}
}

// TestText has what a text file of the corpus cannot hold or would lose in a checkout.
func TestText(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"invalid UTF-8":     {"name: app\nregion: \"\xff\"\n", "doorwright.yaml:2:10: the text is not UTF-8"},
		"UTF-16":            {"\xff\xfen\x00a\x00", "doorwright.yaml:1:1: the text is not UTF-8"},
		"NUL":               {"name: a\x00pp\n", "doorwright.yaml:1:8: the control character U+0000 is not allowed in YAML"},
		"escape":            {"name: \x1b[31mapp\n", "doorwright.yaml:1:7: the control character U+001B is not allowed in YAML"},
		"lone CR":           {"name: app\rregion: x\n", "doorwright.yaml:1:10: a carriage return (CR) without a line feed"},
		"inner BOM":         {"name: \ufeffapp\n", "doorwright.yaml:1:7: a byte order mark may only start the file"},
		"BOM and CR LF":     {"\ufeffname: App\r\nregion: x\r\n", "doorwright.yaml:1:7: name: \"App\" is not an app name"},
		"only comments":     {"# nothing\n", "doorwright.yaml: the file is empty"},
		"only null":         {"~\n", "doorwright.yaml:1:1: a declaration must be a mapping, not nothing"},
		"too large":         {strings.Repeat("# x\n", 1<<18+1), "doorwright.yaml: the file has 1048580 bytes; a declaration has at most 1048576"},
		"too many tokens":   {"name: [" + strings.Repeat("1,", 40_000) + "]", "doorwright.yaml:1:32773: the file has more than 32768 YAML tokens"},
		"too deep in flow":  {strings.Repeat("[", 30_000), "doorwright.yaml:1:33: more than 32 levels of nesting"},
		"too deep in lines": {strings.Repeat("- ", 30_000) + "x", "doorwright.yaml:1:65: more than 32 levels of nesting"},
		"too deep by lines": {deepLines(40), "doorwright.yaml:33:33: more than 32 levels of nesting"},
		"too many tags":     {"name: " + strings.Repeat("!!str ", 30_000) + "x", "doorwright.yaml:1:7: tags (!!str) are not supported"},
		"too many stages":   {"name: app\nstages:\n" + manyKeys(33, "  s%d: {}\n"), "doorwright.yaml:35:3: a declaration can have at most 32 stages, not 33"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := app.Parse("doorwright.yaml", []byte(test.data), app.Options{})
			if a != nil || err == nil {
				t.Fatalf("got %v, %v", a, err)
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); first != test.want {
				t.Errorf("got  %s\nwant %s", first, test.want)
			}
		})
	}
	if _, err := app.Parse("doorwright.yaml", []byte("\ufeffname: app\r\nregion: us-east-1\r\n"), app.Options{}); err != nil {
		t.Errorf("a BOM and CR LF: %v", err)
	}
}

func deepLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestTooManyErrors: a report has a bound.
func TestTooManyErrors(t *testing.T) {
	_, err := app.Parse("doorwright.yaml", []byte("name: app\n"+manyKeys(500, "k%d: x\n")), app.Options{})
	var list app.ErrorList
	if !errors.As(err, &list) || len(list) != 101 || list[100].Message != "more than 100 problems; the first 100 are shown" {
		t.Errorf("got %d problems", len(list))
	}
}

func TestErrorListJSON(t *testing.T) {
	_, err := app.Parse("dir/doorwright.yaml", []byte("name: app\nregoin: x\n"), app.Options{})
	got, jsonErr := json.Marshal(err)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	const want = `[{"file":"dir/doorwright.yaml","line":2,"column":1,"message":"unknown key \"regoin\" in the declaration",` +
		`"hint":"did you mean \"region\"?","snippet":"   2 | regoin: x\n     | ^^^^^^"}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestProtected: prod is protected and no other stage, unless it says otherwise.
func TestProtected(t *testing.T) {
	for _, c := range []struct {
		text, stage string
		want        bool
	}{
		{"", "prod", true},
		{"", "dev", false},
		{"stages: {live: {protected: true}}\n", "live", true},
		{"stages: {live: {protected: true}}\n", "dev", false},
		{"stages: {prod: {protected: false}}\n", "prod", false},
		{"protected: true\nstages: {dev: {protected: false}}\n", "test", true},
		{"protected: true\nstages: {dev: {protected: false}}\n", "dev", false},
	} {
		a := load(t, folder(t, map[string]string{app.FileName: "name: x\n" + c.text}), app.Options{Stage: c.stage})
		if *a.Protected != c.want {
			t.Errorf("%q, stage %s: protected is %t", c.text, c.stage, *a.Protected)
		}
	}
}
