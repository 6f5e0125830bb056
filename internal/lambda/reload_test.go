package lambda_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/build"
	"github.com/doorwright/doorwright/internal/lambda"
)

// project writes files into a new folder.
func project(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		save(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

// save writes a file as many editors do: beside, then renamed over it.
func save(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

func watched(c *lambda.Config) { c.NoWatch = false }

// answers invokes until the answer is as wanted; none may fail on the way.
func (s *stage) answers(function, want string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		reply, functionError := s.invoke(function, `{}`)
		if functionError == "" && reply == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s still answers %s (%s), want %s; events:\n%s", function, reply, functionError, want, s.told())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestReloadTypeScript(t *testing.T) {
	need(t, "node")
	dir := project(t, map[string]string{
		"functions/private.ts": `export async function handler() { return "Hello user!" }`,
		"functions/public.ts":  `import { word } from "../lib/word"; export const handler = async () => word;`,
		"lib/word.ts":          `export const word: string = "one";`,
	})
	private, word := filepath.Join(dir, "functions", "private.ts"), filepath.Join(dir, "lib", "word.ts")
	s := start(t, dir, watched, lambda.Function{Name: "private", Handler: "functions/private.handler"}, lambda.Function{Name: "public", Handler: "functions/public.handler"})
	s.answers("private", `"Hello user!"`)
	s.answers("public", `"one"`)

	save(t, private, `export async function handler() { return "Hello sub!" }`)
	if e := s.event(lambda.Reloaded); len(e.Functions) != 1 || e.Functions[0] != "private" {
		t.Errorf("reloaded %v", e.Functions)
	}
	if reply, _ := s.invoke("private", `{}`); reply != `"Hello sub!"` {
		t.Errorf("after the reload: %s", reply)
	}

	// Only what a file takes part in is built.
	save(t, word, `export const word: string = "two";`)
	if e := s.event(lambda.Reloaded); len(e.Functions) != 1 || e.Functions[0] != "public" {
		t.Errorf("reloaded %v", e.Functions)
	}
	s.answers("public", `"two"`)

	// A mistake is told with its place, and the old code serves on.
	save(t, private, "export async function handler() {\n\treturn missing(;\n}")
	e := s.event(lambda.BuildFailed)
	want := build.Diagnostic{File: private, Line: 2, Column: 17, Message: `Unexpected ";"`, Snippet: "\treturn missing(;"}
	if len(e.Diagnostics) != 1 || e.Diagnostics[0] != want {
		t.Errorf("diagnostics %+v, want %+v", e.Diagnostics, want)
	}
	if want := private + ":2:17: Unexpected \";\"\n  2 | \treturn missing(;\n    | \t               ^"; e.Diagnostics[0].Detail() != want {
		t.Errorf("detail\n%s\nwant\n%s", e.Diagnostics[0].Detail(), want)
	}
	s.answers("private", `"Hello sub!"`)

	// So it does if the new code does not start.
	save(t, private, "type T = string;\nthrow new Error(\"at the start\");\nexport const handler = 1;\n")
	e = s.event(lambda.InitFailed)
	want = build.Diagnostic{File: private, Line: 2, Column: 7, Message: "Error: at the start", Snippet: `throw new Error("at the start");`}
	if !strings.Contains(e.Text, "at the start") || !strings.Contains(e.Text, "serving") || len(e.Diagnostics) != 1 || e.Diagnostics[0] != want {
		t.Errorf("event %+v", e)
	}
	s.answers("private", `"Hello sub!"`)

	// A file that is not there yet mends the build by coming.
	save(t, private, `import { extra } from "./extra"; export const handler = async () => extra;`)
	if e := s.event(lambda.BuildFailed); e.Diagnostics[0].Message != `Could not resolve "./extra"` || e.Diagnostics[0].Line != 1 || e.Diagnostics[0].Column != 23 {
		t.Errorf("diagnostics %+v", e.Diagnostics)
	}
	save(t, filepath.Join(dir, "functions", "extra.ts"), `export const extra = "extra";`)
	s.event(lambda.Reloaded)
	s.answers("private", `"extra"`)

	// A handler's file that is removed leaves the old code; it may come back.
	if err := os.Remove(private); err != nil {
		t.Fatal(err)
	}
	s.event(lambda.BuildFailed)
	s.answers("private", `"extra"`)
	save(t, private, `export const handler = async () => "back";`)
	s.event(lambda.Reloaded)
	s.answers("private", `"back"`)
}

func TestReloadPython(t *testing.T) {
	need(t, "python3")
	dir := project(t, map[string]string{
		"src/get.py": "from src import word\ndef handler(event, context):\n    return word.WORD\n", "src/word.py": "WORD = 'one'\n",
	})
	s := start(t, dir, watched, lambda.Function{Name: "get", Handler: "src/get.handler"})
	s.answers("get", `"one"`)
	save(t, filepath.Join(dir, "src", "word.py"), "WORD = 'two'\n") // of the same size, within a second
	s.event(lambda.Reloaded)
	s.answers("get", `"two"`)
	save(t, filepath.Join(dir, "src", "word.py"), "WORD = (\n")
	e := s.event(lambda.InitFailed)
	if len(e.Diagnostics) != 1 || e.Diagnostics[0].File != filepath.Join(dir, "src", "word.py") || e.Diagnostics[0].Line != 1 {
		t.Errorf("diagnostics %+v", e.Diagnostics)
	}
	s.answers("get", `"two"`)
	save(t, filepath.Join(dir, "src", "word.py"), "WORD = 'six'\n")
	s.event(lambda.Reloaded)
	s.answers("get", `"six"`)
	if _, err := os.Stat(filepath.Join(dir, "src", "__pycache__")); err == nil {
		t.Error("__pycache__ was left in the project")
	}
}

// goModule gives the files of a module with aws-lambda-go, as this one pins it.
func goModule(t testing.TB, files map[string]string) map[string]string {
	t.Helper()
	sum, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "github.com/aws/aws-lambda-go" {
			files["go.mod"] = "module example.com/app\n\ngo 1.26\n\nrequire github.com/aws/aws-lambda-go " + f[1] + "\n"
		}
	}
	files["go.sum"] = string(sum)
	return files
}

const goHandler = `package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"example.com/app/word"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return word.Word, nil })
}
`

func TestReloadGo(t *testing.T) {
	dir := project(t, goModule(t, map[string]string{
		"one/handler/main.go": goHandler,
		"two/handler/main.go": strings.ReplaceAll(strings.ReplaceAll(goHandler, "word.Word", `"two"`), "\"example.com/app/word\"\n", ""),
		"word/word.go":        "package word\n\nconst Word = \"first\"\n",
	}))
	word, main := filepath.Join(dir, "word", "word.go"), filepath.Join(dir, "one", "handler", "main.go")
	// Both binaries have the same name.
	s := start(t, dir, watched, lambda.Function{Name: "one", Handler: "one/handler"}, lambda.Function{Name: "two", Handler: "two/handler"})
	s.answers("one", `"first"`)
	s.answers("two", `"two"`)

	// Invocations without a pause, across a reload, all succeed.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if reply, functionError, err := s.r.Invoke(context.Background(), "one", []byte(`{}`)); err != nil || functionError != "" {
					t.Errorf("during the reload: %s, %s, %v", reply, functionError, err)
				}
			}
		})
	}
	save(t, word, "package word\n\nconst Word = \"second\"\n")
	if e := s.event(lambda.Reloaded); len(e.Functions) != 1 || e.Functions[0] != "one" {
		t.Errorf("reloaded %v", e.Functions)
	}
	if reply, _ := s.invoke("one", `{}`); reply != `"second"` {
		t.Errorf("after the reload: %s", reply)
	}
	cancel()
	wg.Wait()

	save(t, main, strings.Replace(goHandler, "word.Word", "word.Wrod", 1))
	e := s.event(lambda.BuildFailed)
	want := build.Diagnostic{
		File: main, Line: 11, Column: 67, Message: "undefined: word.Wrod",
		Snippet: "\tlambda.Start(func(context.Context) (string, error) { return word.Wrod, nil })",
	}
	if len(e.Functions) != 1 || e.Functions[0] != "one" || len(e.Diagnostics) != 1 || e.Diagnostics[0] != want {
		t.Errorf("%v: diagnostics %+v, want %+v", e.Functions, e.Diagnostics, want)
	}
	s.answers("one", `"second"`)

	// A new file in a package's folder takes part in it.
	save(t, main, strings.Replace(goHandler, "word.Word", "word.Word + more()", 1))
	s.event(lambda.BuildFailed)
	save(t, filepath.Join(dir, "one", "handler", "more.go"), "package main\n\nfunc more() string { return \"!\" }\n")
	s.event(lambda.Reloaded)
	s.answers("one", `"second!"`)
}

func TestFirstBuildThatFails(t *testing.T) {
	need(t, "node")
	dir := project(t, map[string]string{"a.js": "export const handler = async () => {", "b.js": `export const handler = async () => "b"`})
	s := start(t, dir, watched, lambda.Function{Name: "a", Handler: "a.handler"}, lambda.Function{Name: "b", Handler: "b.handler"}, lambda.Function{Name: "c", Handler: "later/c.handler"})
	_, _, err := s.r.Invoke(t.Context(), "a", nil)
	e := wantCode(t, err, "ServiceException", 500)
	var failure *build.Error
	if !errors.As(err, &failure) || failure.Handler != "a.handler" || failure.Diagnostics[0].Line != 1 || e.Message == failure.Error() {
		t.Errorf("error %v", err)
	}
	s.answers("b", `"b"`)
	save(t, filepath.Join(dir, "a.js"), `export const handler = async () => "a"`)
	if e := s.event(lambda.Built); e.Functions[0] != "b" { // the first build's
		t.Errorf("built %v", e.Functions)
	}
	if e := s.event(lambda.Built); len(e.Functions) != 1 || e.Functions[0] != "a" {
		t.Errorf("built %v", e.Functions)
	}
	s.answers("a", `"a"`)
	// A source in a folder that did not exist.
	save(t, filepath.Join(dir, "later", "c.mjs"), `export const handler = async () => "c"`)
	s.event(lambda.Built)
	s.answers("c", `"c"`)
}

// TestPackageInstalled mends a build as npm does: a folder that grows, and at
// the end a marker.
func TestPackageInstalled(t *testing.T) {
	need(t, "node")
	dir := project(t, map[string]string{"package.json": "{}", "src/f.ts": `import pad from "left-pad"; export const handler = async () => pad;`})
	s := start(t, dir, watched, lambda.Function{Name: "f", Handler: "src/f.handler"})
	if e := s.event(lambda.BuildFailed); e.Diagnostics[0].Hint != "npm install left-pad" {
		t.Errorf("diagnostics %+v", e.Diagnostics)
	}
	// Only once the source is watched can the folder be seen to come.
	save(t, filepath.Join(dir, "src", "f.ts"), `import pad from "left-pad"; export const handler = async () => pad + 1;`)
	s.event(lambda.BuildFailed)
	if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.event(lambda.BuildFailed)
	save(t, filepath.Join(dir, "node_modules", "left-pad", "index.js"), "module.exports = 1;")
	save(t, filepath.Join(dir, "node_modules", ".package-lock.json"), "{}")
	s.event(lambda.Built)
	s.answers("f", "2")
}

// TestOldInstanceFinishes reloads while the old code is at work.
func TestOldInstanceFinishes(t *testing.T) {
	need(t, "node")
	dir := project(t, map[string]string{"f.mjs": `
		import { existsSync } from "node:fs";
		export const handler = async (event) => {
			while (event.gate && !existsSync(event.gate)) await new Promise((r) => setTimeout(r, 5));
			return "old";
		}`})
	s := start(t, dir, watched, lambda.Function{Name: "f", Handler: "f.handler", MaxConcurrency: 1})
	gate := filepath.Join(t.TempDir(), "gate")
	old := make(chan string, 1)
	go func() {
		reply, _, _ := s.r.Invoke(context.Background(), "f", []byte(`{"gate":"`+filepath.ToSlash(gate)+`"}`))
		old <- string(reply)
	}()
	s.wait("the invocation to begin", func() bool { return len(s.lines) > 0 })
	save(t, filepath.Join(dir, "f.mjs"), `export const handler = async () => "new";`)
	s.event(lambda.Reloaded)
	s.answers("f", `"new"`)
	save(t, gate, "")
	if reply := <-old; reply != `"old"` {
		t.Errorf("the old instance answered %s", reply)
	}
}
