package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/app"
)

const goMain = "// Package comment.\npackage main\n\nfunc main() {}\n"

func TestFunctionsShared(t *testing.T) {
	dir := folder(t, map[string]string{
		app.FileName: `name: app
apis:
  One:
    defaults: {function: {timeout: 10s, environment: {A1: x, B1: "${stage}"}}}
    routes:
      GET /a: src/f.handler
      GET /b: {function: {handler: src/f.handler, timeout: 10s}}
      GET /c: {function: {handler: ./src/f.handler, environment: {A1: x}}}
      GET /d: {function: {handler: src/f.handler, environment: {A1: y}}}
      GET /e: {function: {handler: src/f.handler, timeout: 20s, memorySize: 256, concurrency: 2}}
      GET /f: src/f.other
  Two:
    routes:
      GET /a: {function: {handler: src/f.handler, timeout: 10s, environment: {B1: "${stage}", A1: x}}}
      GET /g: cmd/a
      GET /h: cmd-a
`,
		"src/f.mjs": "", "cmd/a/main.go": goMain, "cmd-a/main.go": goMain, "cmd/a/main_test.go": "package main_test\n",
	})
	a := load(t, dir, app.Options{})
	byRoute := make(map[string]string)
	for _, r := range a.Routes() {
		byRoute[r.API+" "+r.Key] = r.Function
	}
	same := []string{"One GET /a", "One GET /b", "One GET /c", "Two GET /a"}
	for _, key := range same {
		if byRoute[key] != "dev-app-src-f-handler" {
			t.Errorf("%s has the function %q", key, byRoute[key])
		}
	}
	pattern := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) // CreateFunction FunctionName
	seen := make(map[string]bool)
	for _, f := range a.Functions() {
		if seen[f.Name] || !pattern.MatchString(f.Name) {
			t.Errorf("the name %q is taken or not Lambda's", f.Name)
		}
		seen[f.Name] = true
	}
	if len(seen) != 6 {
		t.Errorf("there are %d functions, want 6: %v", len(seen), byRoute)
	}
	for _, f := range a.Functions() {
		if f.Name == byRoute["One GET /e"] && (f.Timeout != 20*time.Second || f.MemorySize != 256 || f.Concurrency != 2 || f.Environment.Len() != 2 || f.Pos.Line != 10) {
			t.Errorf("GET /e has %+v", f)
		}
	}
	// Names are the same each time, and the first ones do not depend on later routes.
	again := load(t, dir, app.Options{})
	if !slices.EqualFunc(a.Functions(), again.Functions(), func(x, y app.ResolvedFunction) bool { return x.Name == y.Name && x.Path == y.Path }) {
		t.Error("the names differ from one load to the next")
	}
}

// TestTriggers: the functions of triggers join those of routes, whose names stay.
func TestTriggers(t *testing.T) {
	dir := folder(t, map[string]string{
		app.FileName: `name: app
userPools:
  Users:
    triggers:
      preSignUp: src/f.handler
      preTokenGeneration: {handler: src/f.handler, version: V2_0}
      customMessage: {handler: src/f.handler, timeout: 5s, environment: {A1: "${stage}"}}
      postAuthentication: src/f.other
  Staff: {triggers: {preTokenGeneration: src/f.handler}}
  Guests: {}
apis:
  One: {routes: {GET /a: {function: {handler: src/f.handler, timeout: 9s}}}}
`,
		"src/f.mjs": "",
	})
	a := load(t, dir, app.Options{})
	got := make(map[string]string)
	for _, tr := range a.Triggers() {
		got[tr.UserPool+" "+tr.Trigger+" "+tr.Version] = tr.Function
		if tr.Trigger == "customMessage" && tr.Pos.Line != 7 {
			t.Errorf("customMessage is in line %d", tr.Pos.Line)
		}
	}
	shared := got["Users preSignUp "]
	if len(got) != 5 || shared == "" || got["Users preTokenGeneration V2_0"] != shared || got["Staff preTokenGeneration V1_0"] != shared {
		t.Errorf("got %v", got)
	}
	var names []string
	for _, f := range a.Functions() {
		names = append(names, f.Name)
		if f.Name == got["Users customMessage "] && (f.Timeout != 5*time.Second || f.Environment.Len() != 1 || f.Pos.Line != 7) {
			t.Errorf("customMessage has %+v", f)
		}
		if f.Name == shared && f.Timeout != 3*time.Second {
			t.Errorf("preSignUp has %+v", f)
		}
	}
	if len(names) != 4 || names[0] != "dev-app-src-f-handler" || a.Routes()[0].Function != names[0] {
		t.Errorf("the functions are %v", names)
	}
}

func TestFunctionNamesAreShort(t *testing.T) {
	long := strings.Repeat("deep/", 20) + "file"
	dir := folder(t, map[string]string{
		app.FileName: fmt.Sprintf("name: %s\napis:\n  Api:\n    routes:\n      GET /a: %s.one\n      GET /b: %[2]s.two\n      GET /c: f.x\n",
			strings.Repeat("n", 63), long),
		long + ".py": "", "f.py": "",
	})
	a := load(t, dir, app.Options{Stage: "a-stage"})
	names := make(map[string]bool)
	for _, f := range a.Functions() {
		names[f.Name] = true
		if len(f.Name) > 64 || !strings.HasPrefix(f.Name, "a-stage-nnn") || f.Kind != app.FunctionPython {
			t.Errorf("the name is %q (%d)", f.Name, len(f.Name))
		}
	}
	if len(names) != 3 {
		t.Errorf("got %v", names)
	}
}

// TestHandlers: what a handler may name.
func TestHandlers(t *testing.T) {
	files := map[string]string{
		"go.mod":                "module x\n",
		"shared/s.js":           "",
		"fns/go/main.go":        goMain,
		"fns/go/other.go":       "package main\n",
		"fns/both.ts":           "",
		"fns/both.js":           "",
		"fns/m.mjs":             "",
		"fns/c.cjs":             "",
		"fns/p.py":              "",
		"fns/dots.in.name.js":   "",
		"fns/types.d.ts":        "",
		"fns/tested/x_test.go":  "package main\n",
		"fns/broken/main.go":    "not Go\n",
		"fns/amb.mjs":           "",
		"fns/amb.cjs":           "",
		"app/" + app.FileName:   "",
		"app/inside/handler.js": "",
	}
	root := folder(t, files)
	outside := folder(t, map[string]string{"evil.js": "", "evil/main.go": goMain})
	if runtime.GOOS != "windows" {
		for link, target := range map[string]string{
			"app/link.js": filepath.Join(outside, "evil.js"), "app/linkdir": outside,
			"app/good.js": filepath.Join(root, "shared", "s.js"), "app/dangling.js": filepath.Join(outside, "none.js"),
		} {
			if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		handler string
		kind    app.FunctionKind
		path    string // below root
		problem string
		unix    bool
	}{
		{handler: "../fns/go", kind: app.FunctionGo, path: "fns/go"},
		{handler: "../fns/go/", kind: app.FunctionGo, path: "fns/go"},
		{handler: "../fns/both.main", kind: app.FunctionNode, path: "fns/both.ts"},
		{handler: "../fns/m.main", kind: app.FunctionNode, path: "fns/m.mjs"},
		{handler: "../fns/c.main", kind: app.FunctionNode, path: "fns/c.cjs"},
		{handler: "../fns/p.lambda_handler", kind: app.FunctionPython, path: "fns/p.py"},
		{handler: "../fns/dots.in.name.$main", kind: app.FunctionNode, path: "fns/dots.in.name.js"},
		{handler: "../shared/s.handler", kind: app.FunctionNode, path: "shared/s.js"},
		{handler: "./inside/handler.handler", kind: app.FunctionNode, path: "app/inside/handler.js"},
		{handler: "good.handler", kind: app.FunctionNode, path: "shared/s.js", unix: true},
		{handler: "link.handler", problem: "is a symbolic link that leaves the app", unix: true},
		{handler: "linkdir/evil", problem: "is a symbolic link that leaves the app", unix: true},
		{handler: "linkdir/evil.handler", problem: "is a symbolic link that leaves the app", unix: true},
		{handler: "dangling.handler", problem: "cannot be read", unix: true},
		{handler: "../../x/evil.handler", problem: "leaves the app: functions stay below .."},
		{handler: "../fns/types.handler", problem: "there is no ../fns/types"},
		{handler: "../fns/tested", problem: "is a directory without a Go main package"},
		{handler: "../fns/broken", problem: "is a directory without a Go main package"},
		{handler: "../fns/amb.handler", problem: "is ambiguous: there are amb.mjs and amb.cjs"},
		{handler: "../fns/M.main", problem: "there is no ../fns/M"},
		{handler: "../fns/m.", problem: `"" cannot be the name of an export`},
		{handler: ".", problem: "is a directory without a Go main package"},
	} {
		if test.unix && runtime.GOOS == "windows" {
			continue
		}
		t.Run(test.handler, func(t *testing.T) {
			dir := filepath.Join(root, "app")
			declaration := fmt.Sprintf("name: app\napis: {Api: {routes: {GET /: %q}}}\n", test.handler)
			a, err := app.Parse(filepath.Join(dir, app.FileName), []byte(declaration), app.Options{})
			if test.problem != "" {
				var list app.ErrorList
				if !errors.As(err, &list) || len(list) != 1 || !strings.Contains(list[0].Message, test.problem) {
					t.Fatalf("got %v, want %s", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(test.path)))
			if err != nil {
				t.Fatal(err)
			}
			if f := a.Functions()[0]; f.Kind != test.kind || f.Path != want {
				t.Errorf("got %s %s, want %s %s", f.Kind, f.Path, test.kind, want)
			}
		})
	}
}

// TestRoutes: an API's defaults, and what overrides them.
func TestRoutes(t *testing.T) {
	dir := folder(t, map[string]string{
		"f.js": "",
		app.FileName: `name: app
userPools: {Users: {clients: {web: {}, app: {}}}}
apis:
  Api:
    authorizers: {users: {type: user_pool, userPool: Users}}
    defaults: {authorizer: users, scopes: [read], payloadFormatVersion: "1.0"}
    routes:
      GET /default: f.handler
      GET /own: {function: f.handler, scopes: [write], payloadFormatVersion: "2.0", timeout: 1500ms}
      GET /unscoped: {function: f.handler, scopes: []}
      GET /open: {function: f.handler, authorizer: none}
      GET /url: {url: "http://localhost:8080/${stage}"}
  Open:
    routes: {$default: f.handler}
`})
	a := load(t, dir, app.Options{})
	var got []string
	for _, r := range a.Routes() {
		got = append(got, fmt.Sprintf("%s %s|%s|%s|%s|%s|%s|%d", r.API, r.Key, r.Authorizer, strings.Join(r.Scopes, " "), r.PayloadFormatVersion, r.Timeout, r.URL, r.Pos.Line))
	}
	want := []string{
		"Api GET /default|users|read|1.0|30s||8",
		"Api GET /own|users|write|2.0|1.5s||9",
		"Api GET /unscoped|users||1.0|30s||10",
		"Api GET /open|none||1.0|30s||11",
		"Api GET /url|users|read||30s|http://localhost:8080/${stage}|12",
		"Open $default|none||2.0|30s||14",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	api, _ := a.APIs.Get("Api")
	authorizer, _ := api.Authorizers.Get("users")
	if !slices.Equal(authorizer.Clients, []string{"web", "app"}) {
		t.Errorf("the clients are %v, want all of the pool", authorizer.Clients)
	}
}
