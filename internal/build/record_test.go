package build_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/build"
	"github.com/doorwright/doorwright/internal/userdata"
)

// restart builds handlers with a new Builder of the same cache, as another run
// of the program does, and says whether a compiler was called.
func restart(t *testing.T, dir, cache string, env []string, handlers ...string) (compiled bool, results []build.Result) {
	t.Helper()
	b, err := build.New(build.Config{Dir: dir, Cache: cache, Key: userdata.NewKey(dir), Env: env, Progress: func(build.Step) { compiled = true }})
	if err != nil {
		t.Fatal(err)
	}
	results = b.Build(t.Context(), handlers...)
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return compiled, results
}

// recorded is a project whose handler's binary prints what decided it.
var recorded = map[string]string{
	"app/go.mod":              "module example.com/app\n\ngo 1.26\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n",
	"app/f/main.go":           "package main\n\nimport (\n\t\"embed\"\n\t\"os\"\n\n\t\"example.com/app/own\"\n\t\"example.com/lib\"\n)\n\n//go:embed static *.txt\nvar files embed.FS\n\nfunc main() {\n\tnames, _ := files.ReadDir(\".\")\n\tinner, _ := files.ReadDir(\"static/deep\")\n\tdata, _ := files.ReadFile(\"static/deep/x.css\")\n\tos.Stdout.WriteString(word + own.Word + lib.Word + extra)\n\tos.Stdout.Write(data)\n\tos.Stdout.WriteString(string(rune('0'+len(names))) + string(rune('0'+len(inner))))\n}\n",
	"app/f/word.go":           "package main\n\nconst word = \"a\"\n\nvar extra string\n",
	"app/f/note.txt":          "",
	"app/f/static/deep/x.css": "x",
	"app/own/own.go":          "package own\n\nconst Word = \"b\"\n",
	"lib/go.mod":              "module example.com/lib\n\ngo 1.26\n",
	"lib/lib.go":              "package lib\n\nconst Word = \"c\"\n",
}

// TestBuiltBefore changes one thing after another between two runs. The second
// must never serve what the first has built, and a third must not call the
// compiler again.
func TestBuiltBefore(t *testing.T) {
	type world struct {
		dir string
		env []string
	}
	at := func(w *world, name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }
	write := func(t *testing.T, w *world, name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(w, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(w, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The first run is the same for all: each goes on from what it has left.
	dir, _ := project(t, recorded)
	app, cache := filepath.Join(dir, "app"), filepath.Join(dir, "cache")
	compiled, first := restart(t, app, cache, cleanGo(), "f")
	if got := output(t, first[0]); !compiled || got != "abcx21" {
		t.Fatalf("the first run compiled: %v, and prints %q", compiled, got)
	}
	kept := keep(t, dir)
	for _, c := range []struct {
		name   string
		change func(*testing.T, *world)
		prints string
	}{
		{"nothing", nil, "abcx21"},
		{"a file of the same size and time", func(t *testing.T, w *world) {
			info, err := os.Stat(at(w, "app/f/word.go"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, w, "app/f/word.go", "package main\n\nconst word = \"Z\"\n\nvar extra string\n")
			if err := os.Chtimes(at(w, "app/f/word.go"), info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "Zbcx21"},
		{"a package of the module", func(t *testing.T, w *world) {
			write(t, w, "app/own/own.go", "package own\n\nconst Word = \"Z\"\n")
		}, "aZcx21"},
		{"a new file in the package", func(t *testing.T, w *world) {
			write(t, w, "app/f/new.go", "package main\n\nfunc init() { extra = \"new\" }\n")
		}, "abcnewx21"},
		{"a new file in another package", func(t *testing.T, w *world) {
			write(t, w, "app/own/new.go", "package own\n\nimport \"os\"\n\nfunc init() { os.Stdout.WriteString(\"init\") }\n")
		}, "initabcx21"},
		{"the replaced module", func(t *testing.T, w *world) {
			write(t, w, "lib/lib.go", "package lib\n\nconst Word = \"Z\"\n")
		}, "abZx21"},
		{"what go.mod replaces it by", func(t *testing.T, w *world) {
			write(t, w, "fork/go.mod", "module example.com/lib\n\ngo 1.26\n")
			write(t, w, "fork/lib.go", "package lib\n\nconst Word = \"Z\"\n")
			write(t, w, "app/go.mod", strings.ReplaceAll(recorded["app/go.mod"], "../lib", "../fork"))
		}, "abZx21"},
		{"the language version of the replaced module", func(t *testing.T, w *world) {
			write(t, w, "lib/lib.go", "package lib\n\nvar Word = func() string {\n\tvar first func() int\n\tfor i := 0; i < 2; i++ {\n\t\tif first == nil {\n\t\t\tfirst = func() int { return i }\n\t\t}\n\t}\n\treturn string(rune('0' + first()))\n}()\n")
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			write(t, w, "lib/go.mod", "module example.com/lib\n\ngo 1.21\n") // one variable for the whole loop
		}, "ab2x21"},
		{"a workspace above", func(t *testing.T, w *world) {
			write(t, w, "fork/go.mod", "module example.com/lib\n\ngo 1.26\n")
			write(t, w, "fork/lib.go", "package lib\n\nconst Word = \"Z\"\n")
			write(t, w, "app/go.mod", strings.Split(recorded["app/go.mod"], "\nreplace")[0])
			write(t, w, "go.work", "go 1.26\n\nuse (\n\t./app\n\t./lib\n)\n")
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			write(t, w, "go.work", "go 1.26\n\nuse (\n\t./app\n\t./fork\n)\n")
		}, "abZx21"},
		{"what another module of the workspace replaces", func(t *testing.T, w *world) {
			write(t, w, "fork/go.mod", "module example.com/lib\n\ngo 1.26\n")
			write(t, w, "fork/lib.go", "package lib\n\nconst Word = \"Z\"\n")
			write(t, w, "app/go.mod", strings.Split(recorded["app/go.mod"], "\nreplace")[0])
			write(t, w, "go.work", "go 1.26\n\nuse (\n\t./app\n\t./other\n)\n")
			write(t, w, "other/go.mod", "module example.com/other\n\ngo 1.26\n\nreplace example.com/lib => ../lib\n")
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			write(t, w, "other/go.mod", "module example.com/other\n\ngo 1.26\n\nreplace example.com/lib => ../fork\n")
		}, "abZx21"},
		{"a new workspace", func(t *testing.T, w *world) {
			write(t, w, "fork/go.mod", "module example.com/lib\n\ngo 1.26\n")
			write(t, w, "fork/lib.go", "package lib\n\nconst Word = \"Z\"\n")
			write(t, w, "go.work", "go 1.26\n\nuse ./app\n\nreplace example.com/lib => ./fork\n")
		}, "abZx21"},
		{"a vendor folder", func(t *testing.T, w *world) {
			write(t, w, "app/vendor/modules.txt", "# example.com/lib v0.0.0 => ../lib\n## explicit; go 1.26\nexample.com/lib\n# example.com/lib => ../lib\n")
			write(t, w, "app/vendor/example.com/lib/lib.go", "package lib\n\nconst Word = \"Z\"\n")
		}, "abZx21"},
		{"a vendored file", func(t *testing.T, w *world) {
			write(t, w, "app/vendor/modules.txt", "# example.com/lib v0.0.0 => ../lib\n## explicit; go 1.26\nexample.com/lib\n# example.com/lib => ../lib\n")
			write(t, w, "app/vendor/example.com/lib/lib.go", "package lib\n\nconst Word = \"Y\"\n")
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			write(t, w, "app/vendor/example.com/lib/lib.go", "package lib\n\nconst Word = \"Z\"\n")
		}, "abZx21"},
		{"an embedded file", func(t *testing.T, w *world) { write(t, w, "app/f/static/deep/x.css", "Z") }, "abcZ21"},
		{"a new file that a pattern takes in", func(t *testing.T, w *world) { write(t, w, "app/f/more.txt", "") }, "abcx31"},
		{"a new file deep in an embedded folder", func(t *testing.T, w *world) { write(t, w, "app/f/static/deep/y.css", "") }, "abcx22"},
		{"the flags", func(t *testing.T, w *world) {
			write(t, w, "app/f/tagged.go", "//go:build special\n\npackage main\n\nfunc init() { extra = \"tag\" }\n")
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			w.env = append(w.env, "GOFLAGS=-tags=special")
		}, "abctagx21"},
		{"the settings of go env -w", func(t *testing.T, w *world) {
			write(t, w, "app/f/tagged.go", "//go:build special\n\npackage main\n\nfunc init() { extra = \"tag\" }\n")
			write(t, w, "goenv", "")
			w.env = append(w.env, "GOENV="+at(w, "goenv"))
			restart(t, filepath.Join(w.dir, "app"), filepath.Join(w.dir, "cache"), w.env, "f")
			write(t, w, "goenv", "GOFLAGS=-tags=special\n")
		}, "abctagx21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{dir: dir, env: cleanGo()}
			refill(t, dir, kept)
			if c.change != nil {
				c.change(t, w)
			}
			compiled, second := restart(t, app, cache, w.env, "f")
			if compiled != (c.change != nil) {
				t.Errorf("the second run compiled: %v", compiled)
			}
			if got := output(t, second[0]); got != c.prints {
				t.Errorf("the second run prints %q, want %q", got, c.prints)
			}
			compiled, third := restart(t, app, cache, w.env, "f")
			if compiled || third[0].Artifact != second[0].Artifact {
				t.Errorf("the third run compiled: %v, and gives %+v, before %+v", compiled, third[0].Artifact, second[0].Artifact)
			}
			if got, want := third[0].Inputs.Dirs(), second[0].Inputs.Dirs(); !slices.Equal(got, want) {
				t.Errorf("the third run watches\n%q, the second\n%q", got, want)
			}
			if third[0].Inputs.Changed() {
				t.Error("the third run thinks that its inputs have changed since")
			}
		})
	}
}

// keep copies a folder's contents to a new one.
func keep(t *testing.T, dir string) string {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return kept
}

// refill gives a folder the contents that were kept.
func refill(t *testing.T, dir, kept string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
}

// cleanGo is the environment without settings of the Go tool.
func cleanGo() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GOFLAGS=") || strings.HasPrefix(kv, "GOWORK=") })
}

// TestBuiltBeforeDamaged damages what the first run has left. The second must
// run the right code all the same.
func TestBuiltBeforeDamaged(t *testing.T) {
	one := func(t *testing.T, cache, pattern string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(cache, filepath.FromSlash(pattern)))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found[0]
	}
	rewrite := func(t *testing.T, path string, change func([]byte) []byte) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		mode, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(data), mode.Mode()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, mode.ModTime(), mode.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("right")})
	cache := filepath.Join(dir, "cache")
	restart(t, dir, cache, cleanGo(), "f")
	kept := keep(t, dir)
	for name, damage := range map[string]func(t *testing.T, dir, cache string){
		"the artifact is gone": func(t *testing.T, _, cache string) {
			if err := os.RemoveAll(filepath.Dir(one(t, cache, "artifacts/*/f*"))); err != nil {
				t.Fatal(err)
			}
		},
		"the artifact is cut off": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "artifacts/*/f*"), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"the artifact has another byte": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "artifacts/*/f*"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		},
		"the artifact is zeros": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "artifacts/*/f*"), func(b []byte) []byte { return make([]byte, len(b)) })
		},
		"the record is cut off": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "records/*"), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"the record has another byte": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "records/*"), func(b []byte) []byte {
				return bytes.Replace(b, []byte("go.work"), []byte("go.wOrk"), 1) // which there is none of either
			})
		},
		"the record is empty": func(t *testing.T, _, cache string) {
			rewrite(t, one(t, cache, "records/*"), func([]byte) []byte { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			refill(t, dir, kept)
			damage(t, dir, cache)
			compiled, results := restart(t, dir, cache, cleanGo(), "f")
			if got := output(t, results[0]); !compiled || got != "right" {
				t.Errorf("compiled: %v, prints %q", compiled, got)
			}
			compiled, results = restart(t, dir, cache, cleanGo(), "f")
			if got := output(t, results[0]); compiled || got != "right" {
				t.Errorf("the run after it compiled: %v, prints %q", compiled, got)
			}
		})
	}
}

// TestBuiltBeforeDoubt builds what may depend on things that are not looked at.
// Each run must ask the Go tool.
func TestBuiltBeforeDoubt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the tool that is a script is one for a POSIX shell")
	}
	tool := filepath.Join(goEnv(t, "GOROOT"), "bin", "go")
	plain := map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("f")}
	for _, c := range []struct {
		name  string
		files map[string]string
		env   string
	}{
		{"a tool that is a script", map[string]string{"bin/go": "#!/bin/sh\nexec " + tool + " \"$@\"\n"}, "PATH=DIR/bin:" + os.Getenv("PATH")},
		{"a file that a flag names", map[string]string{"overlay.json": "{}"}, "GOFLAGS=-overlay=DIR/overlay.json"},
		{"flags for the linker", nil, "GOFLAGS=-ldflags=-X=main.x=y"},
		{"toolchains in PATH", nil, "GOTOOLCHAIN=local+path"},
		{"assembly", map[string]string{"f/a.s": "", "f/a.go": "package main\n"}, ""},
		{"quotes in go.mod", map[string]string{"go.mod": "module \"example.com/app\"\n\ngo 1.26\n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := project(t, plain)
			for name, text := range c.files {
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			env := append(cleanGo(), strings.ReplaceAll(c.env, "DIR", dir))
			for range 2 {
				compiled, results := restart(t, dir, filepath.Join(dir, "cache"), env, "f")
				if got := output(t, results[0]); !compiled || got != "f" {
					t.Errorf("compiled: %v, prints %q", compiled, got)
				}
			}
		})
	}
}

// TestBuiltBeforeByAnotherToolchain replaces the Go tool by another version.
func TestBuiltBeforeByAnotherToolchain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links to the toolchain need a privilege there")
	}
	root := goEnv(t, "GOROOT")
	toolchain := filepath.Join(t.TempDir(), "go")
	if err := os.MkdirAll(filepath.Join(toolchain, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"src", "pkg", "lib", "go.env"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(toolchain, name)); err != nil {
			t.Fatal(err)
		}
	}
	tool, err := os.ReadFile(filepath.Join(root, "bin", "go"))
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	install := func(version string, at time.Time) {
		t.Helper()
		for path, data := range map[string][]byte{filepath.Join(toolchain, "bin", "go"): tool, filepath.Join(toolchain, "VERSION"): []byte(version)} {
			if err := os.WriteFile(path, data, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("f")})
	env := append(cleanGo(), "PATH="+filepath.Join(toolchain, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"), "GOROOT="+toolchain)
	began := time.Now().Add(-time.Hour)
	for n, step := range []struct {
		version  string
		at       time.Time
		compiles bool
	}{
		{string(version), began, true},
		{string(version), began, false},
		{string(version) + "\n", began, true},                  // another version by its text alone
		{string(version) + "\n", began.Add(time.Second), true}, // another program by its time alone
		{string(version) + "\n", began.Add(time.Second), false},
	} {
		install(step.version, step.at)
		if compiled, _ := restart(t, dir, filepath.Join(dir, "cache"), env, "f"); compiled != step.compiles {
			t.Errorf("step %d compiled: %v, want %v", n, compiled, step.compiles)
		}
	}
}

// TestSavedDuringBuild saves a source between the look at it and its build. What
// was seen is then not what the binary was made from, and must not be kept as if
// it were.
func TestSavedDuringBuild(t *testing.T) {
	dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("one")})
	cache, source := filepath.Join(dir, "cache"), filepath.Join(dir, "f", "main.go")
	save := func(word string) {
		if err := os.WriteFile(source, []byte(says(word)), 0o644); err != nil {
			t.Error(err)
		}
	}
	restart(t, dir, cache, cleanGo(), "f")
	save("two")
	b, err := build.New(build.Config{Dir: dir, Cache: cache, Key: userdata.NewKey(dir), Env: cleanGo(), Progress: func(build.Step) { save("three") }})
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, b.Build(t.Context(), "f")[0]); got != "three" {
		t.Fatalf("prints %q: the source was not saved in time", got)
	}
	save("two")
	if _, results := restart(t, dir, cache, cleanGo(), "f"); output(t, results[0]) != "two" {
		t.Error("the next run serves what was saved while the source was compiled")
	}
}

// TestSavedAfterCompiling saves a source as the first build ends, before anyone
// watches. Whoever begins to watch must be told.
func TestSavedAfterCompiling(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the tool is a script for a POSIX shell")
	}
	tool := filepath.Join(goEnv(t, "GOROOT"), "bin", "go")
	dir, _ := project(t, map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("old"),
		"bin/go": "#!/bin/sh\n" + tool + " \"$@\" || exit\ntest \"$1\" = build && echo // >>f/main.go\nexit 0\n",
	})
	if err := os.Chmod(filepath.Join(dir, "bin", "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := builder(t, dir, append(cleanGo(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH")))
	r := b.Build(t.Context(), "f")[0]
	if got := output(t, r); got != "old" || !r.Inputs.Changed() {
		t.Errorf("prints %q; changed since: %v, want true", got, r.Inputs.Changed())
	}
}

// goEnv asks the Go tool for a setting.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
