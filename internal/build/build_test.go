package build_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/build"
)

// project writes files into a new folder and gives a Builder for it.
func project(t *testing.T, files map[string]string) (string, *build.Builder) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, builder(t, dir, nil)
}

func builder(t *testing.T, dir string, env []string) *build.Builder {
	t.Helper()
	b, err := build.New(build.Config{Dir: dir, Cache: filepath.Join(t.TempDir(), "cache"), Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// need skips a test whose tool is missing, unless all are required.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatalf("%s is required (DOORWRIGHT_REQUIRE=all): %v", tool, err)
		}
		t.Skipf("%s is not installed: %v", tool, err)
	}
}

// diagnostics wants a build that failed because of the source.
func diagnostics(t *testing.T, r build.Result) []build.Diagnostic {
	t.Helper()
	var e *build.Error
	if !errors.As(r.Err, &e) || len(e.Diagnostics) == 0 {
		t.Fatalf("got %v, want an *Error with diagnostics", r.Err)
	}
	if r.Artifact != (build.Artifact{}) {
		t.Errorf("a failed build has the artifact %+v", r.Artifact)
	}
	return e.Diagnostics
}

// output runs an artifact of Go and gives what it prints.
func output(t *testing.T, r build.Result) string {
	t.Helper()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	out, err := exec.Command(r.Artifact.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const hello = "package main\n\nfunc main() { print(\"\"); println(\"stderr\") }\n"

// says is a program that prints a word.
func says(word string) string {
	return fmt.Sprintf("package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(%q) }\n", word)
}

func TestGoModule(t *testing.T) {
	dir, b := project(t, map[string]string{
		"go.mod":           "module example.com/app\n\ngo 1.26\n",
		"a/api/main.go":    "package main\n\nimport (\n\t\"os\"\n\n\t\"example.com/app/lib\"\n)\n\nfunc main() { os.Stdout.WriteString(lib.Word) }\n",
		"b/api/main.go":    says("b"), // Its binary has the same name as a's.
		"c/v2/main.go":     says("c"),
		"c/main.go":        says("root of c"), // And this one as that of c/v2.
		"lib/lib.go":       "package lib\n\nconst Word = \"a\"\n",
		"lib/lib_test.go":  "package lib\n",
		"web/main.go":      "package main\n\nimport (\n\t\"embed\"\n\t\"os\"\n)\n\n//go:embed static\nvar files embed.FS\n\nfunc main() {\n\tdata, _ := files.ReadFile(\"static/x.txt\")\n\tos.Stdout.Write(data)\n}\n",
		"web/static/x.txt": "embedded",
	})
	results := b.Build(t.Context(), "a/api", "b/api", "c/v2", "c", "web")
	for n, want := range []string{"a", "b", "c", "root of c", "embedded"} {
		if got := output(t, results[n]); got != want {
			t.Errorf("handler %d prints %q, want %q", n, got, want)
		}
	}
	in := results[0].Inputs
	for name, want := range map[string]bool{
		"a/api/main.go": true, "a/api/new.go": true, "a/api/x_test.go": false, "lib/lib.go": true, "lib/other.go": true,
		"lib/lib_test.go": false, "b/api/main.go": false, "go.mod": true, "go.sum": true, "go.work": true, "a/api/.#main.go": false, "README.md": false,
	} {
		if got := in.Match(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("Match(%s) = %v, want %v", name, got, want)
		}
	}
	if !results[4].Inputs.Match(filepath.Join(dir, "web", "static", "new.txt")) {
		t.Error("a new file in an embedded folder does not match")
	}
	// The same source gives the same result, without a new file.
	if again := b.Build(t.Context(), "a/api")[0]; again.Artifact != results[0].Artifact {
		t.Errorf("built again: %+v, before %+v", again.Artifact, results[0].Artifact)
	}
	// Another gives another, and leaves the first.
	if err := os.WriteFile(filepath.Join(dir, "lib", "lib.go"), []byte("package lib\n\nconst Word = \"changed\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := b.Build(t.Context(), "a/api")[0]
	if got := output(t, changed); got != "changed" {
		t.Errorf("after the change: %q", got)
	}
	if got := output(t, results[0]); got != "a" {
		t.Errorf("the first result now prints %q", got)
	}
	b.Prune(changed.Artifact)
	if _, err := os.Stat(results[0].Artifact.Path); err == nil {
		t.Error("Prune left what is not in use")
	}
	output(t, changed)
}

// TestGoWorkspaceAndFlags builds across modules with the developer's settings.
func TestGoWorkspaceAndFlags(t *testing.T) {
	dir, _ := project(t, map[string]string{
		"go.work":        "go 1.26\n\nuse (\n\t./app\n\t./lib\n)\n",
		"app/go.mod":     "module example.com/app\n\ngo 1.26\n",
		"app/f/main.go":  "package main\n\nimport (\n\t\"os\"\n\n\t\"example.com/lib\"\n)\n\nvar stamp = \"unset\"\n\nfunc main() { os.Stdout.WriteString(lib.Word + \" \" + word + \" \" + stamp) }\n",
		"app/f/plain.go": "//go:build !special\n\npackage main\n\nconst word = \"plain\"\n",
		"app/f/tag.go":   "//go:build special && lambda.norpc\n\npackage main\n\nconst word = \"special\"\n",
		"lib/go.mod":     "module example.com/lib\n\ngo 1.26\n",
		"lib/lib.go":     "package lib\n\nconst Word = \"from the workspace\"\n",
	})
	// A developer who cross-compiles still runs handlers here.
	b := builder(t, dir, append(os.Environ(), "GOFLAGS=-tags=special '-ldflags=-X main.stamp=stamped'", "GOOS=plan9", "GOARCH=arm"))
	r := b.Build(t.Context(), "app/f")[0]
	if got, want := output(t, r), "from the workspace special stamped"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !r.Inputs.Match(filepath.Join(dir, "lib", "lib.go")) || !r.Inputs.Match(filepath.Join(dir, "go.work")) {
		t.Errorf("inputs %v", r.Inputs.Dirs())
	}
}

func TestGoVendored(t *testing.T) {
	dir, b := project(t, map[string]string{
		"go.mod":                        "module example.com/app\n\ngo 1.26\n\nrequire example.org/dep v1.0.0\n",
		"f/main.go":                     "package main\n\nimport (\n\t\"os\"\n\n\t\"example.org/dep\"\n)\n\nfunc main() { os.Stdout.WriteString(dep.Word) }\n",
		"vendor/modules.txt":            "# example.org/dep v1.0.0\n## explicit; go 1.26\nexample.org/dep\n",
		"vendor/example.org/dep/dep.go": "package dep\n\nconst Word = \"vendored\"\n",
	})
	r := b.Build(t.Context(), "f")[0]
	if got := output(t, r); got != "vendored" {
		t.Errorf("got %q", got)
	}
	if !r.Inputs.Match(filepath.Join(dir, "vendor", "example.org", "dep", "dep.go")) {
		t.Errorf("inputs %v", r.Inputs.Dirs())
	}
}

func TestGoMistakes(t *testing.T) {
	dir, b := project(t, map[string]string{
		"go.mod":            "module example.com/app\n\ngo 1.26\n",
		"good/main.go":      hello,
		"type/main.go":      "package main\n\nfunc one(int) {}\n\nfunc main() {\n\tone(\"x\", 2)\n\tundefined()\n}\n",
		"syntax/main.go":    "package main\n\nfunc main() {\n",
		"import/main.go":    "package main\n\nimport \"example.org/nowhere\"\n\nfunc main() { nowhere.X() }\n",
		"wanted/main.go":    "package main\n\nimport \"example.com/app/later\"\n\nfunc main() { later.X() }\n",
		"library/lib.go":    "package library\n",
		"shared/shared.go":  "package shared\n\nvar X = missing\n",
		"uses/main.go":      "package main\n\nimport _ \"example.com/app/shared\"\n\nfunc main() {}\n",
		"empty/notes.txt":   "",
		"excluded/other.go": "//go:build neverset\n\npackage main\n",
	})
	handlers := []string{"good", "type", "syntax", "import", "wanted", "library", "uses", "empty", "excluded", "nothing", "nothing/here.go"}
	results := b.Build(t.Context(), handlers...)
	if results[0].Err != nil {
		t.Errorf("a handler without a mistake failed for the others: %v", results[0].Err)
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for n, want := range map[int]build.Diagnostic{
		1:  {File: at("type/main.go"), Line: 6, Column: 11, Message: "too many arguments in call to one; have (string, number); want (int)", Snippet: "\tone(\"x\", 2)"},
		2:  {File: at("syntax/main.go"), Line: 4, Column: 1, Message: "syntax error: unexpected EOF, expected }"},
		3:  {File: at("import/main.go"), Line: 3, Column: 8, Message: "no required module provides package example.org/nowhere", Snippet: "import \"example.org/nowhere\"", Hint: "go get example.org/nowhere"},
		5:  {File: at("library"), Message: "package library is not a main package", Hint: "a Go handler is a folder with package main, whose main calls lambda.Start"},
		6:  {File: at("shared/shared.go"), Line: 3, Column: 9, Message: "undefined: missing", Snippet: "var X = missing"},
		7:  {File: at("empty"), Message: "the folder holds no Go files", Hint: "a handler is a folder with a Go main package, or path/file.export of a .js, .mjs, .cjs, .ts or .py file"},
		10: {Message: `there is no source for the handler "nothing/here.go"`, Hint: "a Go handler is named by its folder: nothing"},
	} {
		if got := diagnostics(t, results[n]); got[0] != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", handlers[n], got[0], want)
		}
	}
	if d := diagnostics(t, results[1]); len(d) != 2 || d[1].Message != "undefined: undefined" {
		t.Errorf("type: %+v", d)
	}
	for _, n := range []int{4, 8, 9} {
		diagnostics(t, results[n])
	}
	// What would mend each is watched.
	for n, name := range map[int]string{4: "later/later.go", 7: "empty/main.go", 9: "nothing/main.go", 2: "syntax/main.go", 6: "shared/shared.go"} {
		if !results[n].Inputs.Match(at(name)) {
			t.Errorf("%s: %s does not match", handlers[n], name)
		}
	}
}

func TestGoWithoutModule(t *testing.T) {
	_, b := project(t, map[string]string{"f/main.go": hello})
	d := diagnostics(t, b.Build(t.Context(), "f")[0])
	if !strings.Contains(d[0].Message, "no go.mod") || d[0].Hint == "" {
		t.Errorf("%+v", d)
	}
}

func TestMissingTools(t *testing.T) {
	dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n", "f/main.go": hello, "a.js": "", "b.py": ""})
	b := builder(t, dir, []string{"PATH=" + t.TempDir() + string(os.PathListSeparator) + "."})
	for n, r := range b.Build(t.Context(), "f", "a.handler", "b.handler") {
		d := diagnostics(t, r)
		if !strings.Contains(d[0].Message, "not found in PATH") || !strings.HasPrefix(d[0].Hint, "install ") {
			t.Errorf("%d: %+v", n, d)
		}
	}
}

// run evaluates a bundle and gives what its handler answers.
func run(t *testing.T, r build.Result) string {
	t.Helper()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	script := `import(require("url").pathToFileURL(process.argv[1]).href).then(async (m) => {
		globalThis.require ??= require;
		const h = m[process.argv[2]] ?? m.default[process.argv[2]];
		process.stdout.write(JSON.stringify(await h()));
	})`
	cmd := exec.Command(r.Artifact.Tool, "--enable-source-maps", "-e", script, r.Artifact.Path, r.Artifact.Export)
	cmd.Dir = r.Artifact.Root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	return string(out)
}

func TestJavaScript(t *testing.T) {
	need(t, "node")
	dir, b := project(t, map[string]string{
		"package.json":                    `{"name": "app"}`,
		"tsconfig.json":                   `{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"]}}}`,
		"src/typed.ts":                    "import type { Handler } from \"aws-lambda\";\nimport { Context } from \"aws-lambda\";\nimport { word } from \"@lib/word\";\nimport data from \"./data.json\";\nconst late = await Promise.resolve(\"late\");\nexport const handler = async (e: unknown, c: Context) => [word, data.n, late, new URL(\".\", import.meta.url).pathname.endsWith(\"/src/\")];\n",
		"src/data.json":                   `{"n": 7}`,
		"lib/word.ts":                     "export const word: string = \"word\";\n",
		"src/common.js":                   "const dep = require(\"dep\");\nmodule.exports.handler = () => [dep, require(\"path\").basename(__dirname), typeof this];\n",
		"src/own.mjs":                     "import { createRequire } from \"node:module\";\nimport { dirname } from \"node:path\";\nimport { fileURLToPath } from \"node:url\";\nconst __dirname = dirname(fileURLToPath(import.meta.url));\nconst require = createRequire(import.meta.url);\nexport const handler = async () => [require(\"dep\"), __dirname.endsWith(\"src\")];\n",
		"src/dual.handler.cjs":            "exports.nested = { deep: () => 1 }; exports.deep = () => \"cjs\";\n",
		"node_modules/dep/index.js":       "module.exports = \"dep\";\n",
		"node_modules/dep/package.json":   `{"name": "dep"}`,
		"node_modules/.package-lock.json": "{}",
		"src/shared.cjs":                  "exports.a = () => 1; exports.b = () => 2;\n",
	})
	results := b.Build(t.Context(), "src/typed.handler", "src/common.handler", "src/own.handler", "src/shared.a", "src/shared.b")
	for n, want := range []string{`["word",7,"late",true]`, `["dep","src","object"]`, `["dep",true]`, `1`, `2`} {
		if got := run(t, results[n]); got != want {
			t.Errorf("handler %d answers %s, want %s", n, got, want)
		}
	}
	if ext := filepath.Ext(results[1].Artifact.Path); ext != ".cjs" {
		t.Errorf("CommonJS was bundled as %s", ext)
	}
	if results[3].Artifact.Path != results[4].Artifact.Path {
		t.Error("two handlers of one file have two bundles")
	}
	for name, want := range map[string]bool{
		"src/typed.ts": true, "src/data.json": true, "lib/word.ts": true, "tsconfig.json": true, "package.json": true,
		"node_modules/.package-lock.json": true, "src/common.js": false, "node_modules/dep/index.js": false,
	} {
		if got := results[0].Inputs.Match(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("Match(%s) = %v, want %v", name, got, want)
		}
	}
}

func TestJavaScriptMistakes(t *testing.T) {
	need(t, "node")
	dir, b := project(t, map[string]string{
		"package.json": "{}",
		"syntax.ts":    "export const handler = async () => {\n  return {;\n};\n",
		"pkg.ts":       "import pad from \"left-pad/lib\";\nexport const handler = () => pad;\n",
		"sdk.mjs":      "import { S3Client } from \"@aws-sdk/client-s3\";\nexport const handler = () => S3Client;\n",
		"rel.ts":       "export { handler } from \"./impl\";\n",
	})
	results := b.Build(t.Context(), "syntax.handler", "pkg.handler", "sdk.handler", "rel.handler", "gone.handler", "pkg.ts")
	at := func(name string) string { return filepath.Join(dir, name) }
	for n, want := range []build.Diagnostic{
		{File: at("syntax.ts"), Line: 2, Column: 11, Message: `Expected identifier but found ";"`, Snippet: "  return {;"},
		{File: at("pkg.ts"), Line: 1, Column: 17, Message: `Could not resolve "left-pad/lib"`, Snippet: `import pad from "left-pad/lib";`, Hint: "npm install left-pad"},
		{File: at("sdk.mjs"), Line: 1, Column: 26, Message: `Could not resolve "@aws-sdk/client-s3"`, Snippet: `import { S3Client } from "@aws-sdk/client-s3";`,
			Hint: "npm install @aws-sdk/client-s3 (Lambda brings the SDK on AWS; here it must be installed)"},
		{File: at("rel.ts"), Line: 1, Column: 25, Message: `Could not resolve "./impl"`, Snippet: `export { handler } from "./impl";`},
		{Message: `there is no source for the handler "gone.handler"`, Hint: "looked for " + at("gone") + " with .ts .mts .cts .tsx .js .mjs .cjs .jsx .py"},
		{Message: `there is no source for the handler "pkg.ts"`, Hint: "name the exported function, not the file: pkg.handler"},
	} {
		if got := diagnostics(t, results[n]); len(got) != 1 || got[0] != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if !results[3].Inputs.Match(at("impl.ts")) || results[3].Inputs.Match(at("other.ts")) || !results[4].Inputs.Match(at("gone.mjs")) {
		t.Error("what would mend a build is not watched")
	}
	if !results[0].Inputs.Match(at("syntax.ts")) {
		t.Error("a file with a mistake is not watched")
	}
}

func TestPython(t *testing.T) {
	need(t, "python3")
	dir, b := project(t, map[string]string{
		"src/get.py": "def handler(e, c): pass\n", "lib/x.py": "", ".hidden/y.py": "", "env/pyvenv.cfg": "", "env/z.py": "",
		"my-app/a.b.py": "def handler(e, c): pass\n",
	})
	r := b.Build(t.Context(), "src/get.handler")[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if a := r.Artifact; a.Module != "src/get" || a.Export != "handler" || a.Root != dir || a.Path != filepath.Join(dir, "src", "get.py") || !filepath.IsAbs(a.Tool) {
		t.Errorf("%+v", a)
	}
	for name, want := range map[string]bool{"src/get.py": true, "src/new.py": true, "lib/x.py": true, "newfolder": true, ".hidden/y.py": false, "env/z.py": false, "README.md": false} {
		if got := r.Inputs.Match(filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("Match(%s) = %v, want %v", name, got, want)
		}
	}
	if again := b.Build(t.Context(), "src/get.handler")[0]; again.Artifact != r.Artifact {
		t.Error("the same tree has two hashes")
	}
	if err := os.WriteFile(filepath.Join(dir, "lib", "x.py"), []byte("X = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if changed := b.Build(t.Context(), "src/get.handler")[0]; changed.Artifact.Hash == r.Artifact.Hash {
		t.Error("another tree has the same hash")
	}
}

// TestUnchanged wants what was just built not to count as changed since: whoever
// begins to watch would build it again.
func TestUnchanged(t *testing.T) {
	need(t, "python3")
	_, b := project(t, map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.26\n", "g/main.go": says("go"),
		"f.py": "import other\n\ndef handler(event, context): pass\n", "other.py": "", "h.mjs": "export const handler = () => {};\n",
	})
	for _, r := range b.Build(t.Context(), "g", "f.handler", "h.handler") {
		if r.Err != nil || r.Inputs.Changed() {
			t.Errorf("%v %v: changed since, %v", r.Artifact, r.Inputs.Files(), r.Err)
		}
	}
}

func TestPythonVirtualEnvironment(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders of virtual environments have other names there")
	}
	dir, b := project(t, map[string]string{"f.py": "", ".venv/bin/python3": "#!/bin/sh\n"})
	tool := filepath.Join(dir, ".venv", "bin", "python3")
	if err := os.Chmod(tool, 0o755); err != nil {
		t.Fatal(err)
	}
	if r := b.Build(t.Context(), "f.handler")[0]; r.Err != nil || r.Artifact.Tool != tool {
		t.Errorf("%+v, %v", r.Artifact, r.Err)
	}
}

// TestPythonShim wants the interpreter that a script in PATH chooses, as
// pyenv's do by a variable that functions do not have.
func TestPythonShim(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the shim is a POSIX shell's")
	}
	need(t, "python3")
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	python := strings.TrimSpace(string(out))
	dir, _ := project(t, map[string]string{
		"f.py":          "",
		"shims/python3": "#!/bin/sh\ntest \"$CHOICE\" = it || exit 1\necho asked >>" + "\"$ASKED\"" + "\nexec " + python + " \"$@\"\n",
	})
	shim, asked := filepath.Join(dir, "shims", "python3"), filepath.Join(dir, "asked")
	if err := os.Chmod(shim, 0o755); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Dir(shim) + ":" + os.Getenv("PATH")
	b := builder(t, dir, []string{path, "CHOICE=it", "ASKED=" + asked})
	for range 2 {
		if r := b.Build(t.Context(), "f.handler")[0]; r.Err != nil || r.Artifact.Tool != python {
			t.Errorf("tool %q, %v; want %q", r.Artifact.Tool, r.Err, python)
		}
	}
	if data, err := os.ReadFile(asked); string(data) != "asked\n" {
		t.Errorf("asked %q, %v; want once", data, err)
	}
	// One that chooses none is started, and says why.
	if r := builder(t, dir, []string{path}).Build(t.Context(), "f.handler")[0]; r.Err != nil || r.Artifact.Tool != shim {
		t.Errorf("tool %q, %v; want the shim itself", r.Artifact.Tool, r.Err)
	}
}

func TestProgress(t *testing.T) {
	dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "a/main.go": hello, "b/main.go": hello})
	var steps []string
	b, err := build.New(build.Config{Dir: dir, Cache: t.TempDir(), Progress: func(s build.Step) { steps = append(steps, fmt.Sprint(s)) }})
	if err != nil {
		t.Fatal(err)
	}
	b.Build(t.Context(), "a", "b")
	b.Build(t.Context(), "a", "b") // nothing to do
	if err := os.WriteFile(filepath.Join(dir, "b", "main.go"), []byte(says("b")), 0o644); err != nil {
		t.Fatal(err)
	}
	b.Build(t.Context(), "a", "b")
	if want := []string{"{go [a b] true}", "{go [b] false}"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	if _, err := build.New(build.Config{Dir: "relative", Cache: "relative"}); err == nil {
		t.Error("relative folders were accepted")
	}
}

func TestDiagnosticDetail(t *testing.T) {
	d := build.Diagnostic{File: "/app/f/main.go", Line: 12, Column: 3, Message: "undefined: x", Snippet: "\t\tx()", Hint: "declare it"}
	want := "f/main.go:12:3: undefined: x\n  12 | \t\tx()\n     | \t\t^\n  hint: declare it"
	if got := d.Relative("/app").Detail(); runtime.GOOS != "windows" && got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
