package build_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/build"
)

// threeHandlers is a project with a handler of each runtime.
var threeHandlers = map[string]string{
	"go.mod":            "module example.com/app\n\ngo 1.26\n",
	"fn/main.go":        "package main\n\nimport (\n\t\"os\"\n\n\t\"example.com/app/lib\"\n)\n\nfunc main() { os.Stdout.WriteString(lib.Word) }\n",
	"lib/lib.go":        "package lib\n\nvar Word = \"packaged\"\n",
	"src/web.ts":        "import { word } from './word';\nexport const handler = async () => word + ' ' + __dirname + ' ' + import.meta.url;\nexport const fails = () => { throw new Error('here'); };\n",
	"src/word.ts":       "export const word: string = 'packaged';\n",
	"src/old.cjs":       "exports.handler = () => 'old';\n",
	"src/text.txt":      "beside",
	"py/app.py":         "from vendored import word\n\ndef main(event, context):\n    return word\n",
	"vendored.py":       "word = 'packaged'\n",
	"data/text.txt":     "data",
	".env":              "KEY=hunter2\n",
	".venv/pyvenv.cfg":  "",
	".venv/lib/x.py":    "",
	"env/pyvenv.cfg":    "",
	"env/lib/y.py":      "",
	"py/__pycache__/z":  "",
	"doorwright.yaml":   "name: x\n",
	"node_modules/m.js": "",
}

var handlersOfThree = []string{"fn", "src/web.handler", "src/old.handler", "py/app.main"}

// unzip gives the files of a package.
func unzip(t *testing.T, p build.Package) map[string]*zip.File {
	t.Helper()
	data, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if p.Key != hex.EncodeToString(sum[:])+".zip" || p.Size != int64(len(data)) {
		t.Errorf("the key %s and size %d are not those of the file", p.Key, p.Size)
	}
	z, err := zip.NewReader(bytes.NewReader(data), p.Size)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if !f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is of %s: the time of a build is in the zip", f.Name, f.Modified)
		}
		files[f.Name] = f
	}
	return files
}

func content(t *testing.T, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func names(files map[string]*zip.File) string {
	var all []string
	for name := range files {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestPackageIsTheSameAnywhere packages a project in two folders, at different times,
// by different caches and environments: the bytes are the same.
func TestPackageIsTheSameAnywhere(t *testing.T) {
	need(t, "go")
	var first []build.Package
	for i, env := range [][]string{nil, append(os.Environ(), "GOOS=plan9", "CGO_ENABLED=1", "GOARM64=v9.0", "TZ=Asia/Tokyo")} {
		dir, _ := project(t, threeHandlers)
		if i > 0 {
			before := time.Now().Add(-1000 * time.Hour)
			for name := range threeHandlers {
				if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(name)), before, before); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(filepath.Join(dir, filepath.FromSlash(name)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		packages, err := builder(t, dir, env).Package(t.Context(), build.ARM64, handlersOfThree...)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = packages
			continue
		}
		for n, p := range packages {
			one, _ := os.ReadFile(first[n].Path)
			other, _ := os.ReadFile(p.Path)
			if len(one) == 0 || !bytes.Equal(one, other) || p.Key != first[n].Key {
				t.Errorf("%s: %s, then %s", handlersOfThree[n], first[n].Key, p.Key)
			}
		}
	}
}

func TestPackageGo(t *testing.T) {
	need(t, "go")
	_, b := project(t, threeHandlers)
	for arch, machine := range map[build.Architecture]elf.Machine{build.ARM64: elf.EM_AARCH64, build.X8664: elf.EM_X86_64} {
		packages, err := b.Package(t.Context(), arch, "fn")
		if err != nil {
			t.Fatal(err)
		}
		p := packages[0]
		files := unzip(t, p)
		if p.Runtime != "provided.al2023" || p.Handler != "bootstrap" || names(files) != "bootstrap" || files["bootstrap"].Mode() != 0o755 {
			t.Errorf("%s: %+v with %s", arch, p, names(files))
		}
		data := content(t, files["bootstrap"])
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if libraries, _ := f.ImportedLibraries(); f.Machine != machine || len(libraries) > 0 {
			t.Errorf("%s: the binary is for %s and needs %v", arch, f.Machine, libraries)
		}
		if runtime.GOOS == "linux" && arch == build.X8664 && runtime.GOARCH == "amd64" {
			path := filepath.Join(t.TempDir(), "bootstrap")
			if err := os.WriteFile(path, data, 0o700); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(path).Output(); string(out) != "packaged" {
				t.Errorf("it says %q, %v", out, err)
			}
		}
	}
}

func TestPackageNode(t *testing.T) {
	_, b := project(t, threeHandlers)
	packages, err := b.Package(t.Context(), build.ARM64, "src/web.handler", "src/old.handler", "src/web.fails")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ handler, files string }{
		{"src/web.handler", "data/text.txt src/text.txt src/web.mjs src/web.mjs.map"},
		{"src/old.handler", "src/old.cjs src/old.cjs.map"},
		{"src/web.fails", "data/text.txt src/text.txt src/web.mjs src/web.mjs.map"},
	} {
		if p := packages[i]; p.Runtime != "nodejs22.x" || p.Handler != want.handler || !p.SourceMaps || names(unzip(t, p)) != want.files {
			t.Errorf("%s: %+v with %s", want.handler, p, names(unzip(t, p)))
		}
	}
	if packages[0].Key != packages[2].Key {
		t.Error("two handlers of a file are two packages")
	}
	need(t, "node")
	dir := t.TempDir()
	for name, f := range unzip(t, packages[0]) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content(t, f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := "const m = await import(process.argv[1]); console.log(await m.handler()); try { m.fails() } catch (e) { console.log(e.stack) }"
	out, err := exec.Command("node", "--enable-source-maps", "--input-type=module", "-e", script, filepath.Join(dir, "src", "web.mjs")).CombinedOutput()
	if want := "packaged /var/task/src file:///var/task/src/web.ts"; err != nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), filepath.Join("src", "web.ts")+":3:") {
		t.Errorf("it says %q, %v; want %q, and the source's line in the trace", out, err, want)
	}
}

func TestPackagePython(t *testing.T) {
	dir, b := project(t, threeHandlers)
	// What is installed into the folder is in the package, and does for its requirement.
	if err := os.Mkdir(filepath.Join(dir, "foo_bar-1.0.dist-info"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"foo_bar-1.0.dist-info/METADATA": "Name: foo_bar\n", "requirements.txt": "Foo.Bar==1.0\n-r other.txt\n"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "vendored.py"), filepath.Join(dir, "linked.py")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	packages, err := b.Package(t.Context(), build.ARM64, "py/app.main")
	if err != nil {
		t.Fatal(err)
	}
	p := packages[0]
	if want := "data/text.txt foo_bar-1.0.dist-info/METADATA linked.py py/app.py requirements.txt src/text.txt vendored.py"; p.Runtime != "python3.13" || p.Handler != "py/app.main" || p.SourceMaps || names(unzip(t, p)) != want {
		t.Errorf("%+v with %s, want %s", p, names(unzip(t, p)), want)
	}
}

// elfFor begins a shared library for a machine.
func elfFor(machine elf.Machine) string {
	head := make([]byte, 64)
	copy(head, elf.ELFMAG+"\x02\x01\x01")
	head[16], head[18] = 3, byte(machine)
	return string(head)
}

// TestPackageRefuses: what Lambda would find out when the function is first invoked is
// found here.
func TestPackageRefuses(t *testing.T) {
	python := func(more map[string]string) map[string]string {
		files := map[string]string{"app.py": "def main(event, context): pass\n"}
		for name, text := range more {
			files[name] = text
		}
		return files
	}
	for _, c := range []struct {
		name    string
		handler string
		files   map[string]string
		change  func(dir string) error
		message string
		hint    string
	}{
		{"requirement", "app.main", python(map[string]string{"requirements.txt": "# what we use\nboto3\nrequests[socks]>=2 # http\n"}), nil,
			"requirements.txt:3:1: the package requests is not in the function's folder", "--platform manylinux2014_aarch64"},
		{"other machine", "app.main", python(map[string]string{"lib/_x.cpython-313.so": elfFor(elf.EM_X86_64)}), nil,
			"packaging lib/_x.cpython-313.so: it is for EM_X86_64 and the function runs on EM_AARCH64", "Linux on arm64"},
		{"other system", "app.main", python(map[string]string{"lib/_x.so": "\xcf\xfa\xed\xfe" + strings.Repeat("\x00", 60)}), nil,
			"it is no binary for Linux", "Linux on arm64"},
		{"too large", "app.main", python(nil), func(dir string) error {
			f, err := os.Create(filepath.Join(dir, "model.bin"))
			if err != nil {
				return err
			}
			defer f.Close()
			return f.Truncate(251 << 20) // sparse
		}, "its package unzips to 251 MB and Lambda takes 250 MB; the largest file is model.bin with 251 MB", "take out"},
		{"link out", "app.main", python(nil), func(dir string) error {
			return os.Symlink("/etc/hosts", filepath.Join(dir, "hosts.py"))
		}, "the symbolic link leads out of", ""},
		{"library", "lib", map[string]string{"go.mod": "module x\n\ngo 1.26\n", "lib/x.go": "package lib\n"}, nil, "not a main package", "package main"},
		{"mistake", "fn", map[string]string{"go.mod": "module x\n\ngo 1.26\n", "fn/main.go": "package main\n\nfunc main() { wrong() }\n"}, nil, "main.go:3:15: undefined: wrong", ""},
		{"mistake in TypeScript", "x.handler", map[string]string{"x.ts": "export const handler = (;\n"}, nil, "x.ts:1:25", ""},
		{"no such", "gone.handler", map[string]string{}, nil, "there is no source", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "link out" && runtime.GOOS == "windows" {
				t.Skip("symbolic links need a privilege")
			}
			if c.handler == "lib" || c.handler == "fn" {
				need(t, "go")
			}
			dir, b := project(t, c.files)
			if c.change != nil {
				if err := c.change(dir); err != nil {
					t.Fatal(err)
				}
			}
			packages, err := b.Package(t.Context(), build.ARM64, c.handler)
			var e *build.Error
			if !errors.As(err, &e) || packages != nil {
				t.Fatalf("got %v and %v", packages, err)
			}
			if d := e.Diagnostics[0]; !strings.Contains(d.String(), c.message) || !strings.Contains(d.Hint, c.hint) {
				t.Errorf("got %s\nhint %s", d, d.Hint)
			}
		})
	}
}
