package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// goSettings is what the Go tool says of its environment, which may come from
// variables, from go env -w, or from a file above ("go help environment").
type goSettings struct {
	GOWORK, GOFLAGS, GOENV, GOROOT, GOTOOLDIR, GOVERSION, GOTOOLCHAIN string
}

// askGo asks for the settings that hold in a folder.
func (b *Builder) askGo(ctx context.Context, tool, dir string) (goSettings, error) {
	cmd := exec.CommandContext(ctx, tool, "env", "-json", "GOWORK", "GOFLAGS", "GOENV", "GOROOT", "GOTOOLDIR", "GOVERSION", "GOTOOLCHAIN")
	cmd.Dir, cmd.Env = dir, b.goEnv(dir)
	ownGroup(cmd)
	out, err := cmd.Output()
	if err != nil {
		return goSettings{}, err
	}
	var s goSettings
	err = json.Unmarshal(out, &s)
	return s, err
}

// root gives the folder to run the Go tool in: that of the workspace if the
// module is in one, else the module's.
func (s goSettings) root(module string) string {
	if s.GOWORK == "" || s.GOWORK == "off" {
		return module
	}
	return filepath.Dir(s.GOWORK)
}

// settingsKey gives a hash of what decides a build without being a file that
// the build reads: our own flags, the Go tool that is found, the C compiler, and
// the variables that either reads. It is "" if they cannot be known: the tool
// may be a script that chooses another by rules of its own.
func (b *Builder) settingsKey(tool string) string {
	real, err := filepath.EvalSymlinks(tool)
	if err != nil || !isProgram(real) || !exists(filepath.Join(filepath.Dir(real), "..", "VERSION")) {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\x00%s\x00", b.goFlags(""), runtime.GOOS+"/"+runtime.GOARCH)
	if stampFile(sum, tool) != nil {
		return ""
	}
	// The standard library has some C in it: whether there is a compiler decides
	// whether it is used.
	for _, name := range []string{"gcc", "clang", b.getenv("CC")} {
		if found, err := b.lookPath(name); name != "" && err == nil {
			if stampFile(sum, found) != nil {
				return ""
			}
		}
	}
	env := slices.DeleteFunc(slices.Clone(b.env), func(kv string) bool { return !decidesGo(kv) })
	slices.Sort(env)
	for _, kv := range env {
		fmt.Fprintf(sum, "%d:%s", len(kv), kv)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// decidesGo says whether a variable can change what the Go tool makes. The tool
// is run with our own GOOS and GOARCH.
func decidesGo(kv string) bool {
	name, _, _ := strings.Cut(kv, "=")
	switch name {
	case "GOOS", "GOARCH":
		return false
	case "CC", "CXX", "FC", "AR", "GCCGO", "PKG_CONFIG", "HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH":
		return true
	}
	return strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_")
}

// isProgram says whether a file is no script.
func isProgram(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [2]byte
	_, err = io.ReadFull(f, start[:])
	return err == nil && !bytes.Equal(start[:], []byte("#!"))
}

// knownFlags are the flags in GOFLAGS whose text is all they mean. Others name
// files (-overlay, -modfile, -pgo), programs (-toolexec), or the state of the
// repository (-buildvcs).
var knownFlags = []string{"tags", "trimpath", "mod", "race", "v", "x", "p", "count", "modcacherw"}

// doubtful says whether something might decide a build that no probe sees.
func (s goSettings) doubtful() bool {
	if s.GOROOT == "" || s.GOTOOLDIR == "" || !strings.HasPrefix(s.GOVERSION, "go1") || // an empty one, or a toolchain under development
		strings.Contains(s.GOTOOLCHAIN, "path") { // another toolchain may be found in PATH
		return true
	}
	for _, f := range splitFlags(s.GOFLAGS) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if !slices.Contains(knownFlags, name) && !(name == "buildvcs" && value == "false") {
			return true
		}
	}
	return false
}

// foreign says whether a package is made of more than Go. What a C compiler
// reads is not known, nor what assembly includes.
func (g *goGroup) foreign(p listedPackage) bool {
	if len(p.CgoFiles)+len(p.SwigFiles)+len(p.SwigCXXFiles) > 0 {
		return true
	}
	return g.mutable(p) && len(p.SFiles)+len(p.HFiles)+len(p.CFiles)+len(p.CXXFiles)+len(p.MFiles)+len(p.FFiles)+len(p.SysoFiles) > 0
}

// probes gives where everything is seen that decides a handler's binary, or nil
// in a doubt. GOROOT and the module cache are taken as the Go tool takes them:
// their folders' names hold the versions, and nobody writes there.
func (g *goGroup) probes(dir string, p listedPackage, packages map[string]listedPackage) []probe {
	if g.settings.doubtful() || p.Name != "main" || p.Module == nil || p.Module.Dir == "" {
		return nil
	}
	set := map[probe]bool{}
	g.addToolchain(set)
	if !g.addModules(set, p.Module.Dir) {
		return nil
	}
	set[probe{Look: lookContent, Path: filepath.Join(dir, "default.pgo")}] = true
	set[probe{Look: lookSources, Path: dir}] = true // by the name that the developer gave it
	for _, path := range append(slices.Clone(p.Deps), p.ImportPath) {
		dep := packages[path]
		switch {
		case dep.Standard:
			continue
		case dep.ImportPath == "" || dep.Dir == "" || g.foreign(dep):
			return nil
		case !g.mutable(dep):
			continue
		}
		set[probe{Look: lookSources, Path: dep.Dir}] = true
		for _, pattern := range dep.EmbedPatterns {
			set[probe{Look: lookEmbed, Path: dep.Dir, Pattern: pattern}] = true
		}
		if dep.Module == nil || dep.Module.Dir == "" {
			continue // It is vendored.
		}
		set[probe{Look: lookContent, Path: filepath.Join(dep.Module.Dir, "go.mod")}] = true
		// A go.mod between makes the package another module's.
		for at := dep.Dir; at != dep.Module.Dir && at != filepath.Dir(at); at = filepath.Dir(at) {
			set[probe{Look: lookContent, Path: filepath.Join(at, "go.mod")}] = true
		}
	}
	return sortedProbes(set)
}

// addToolchain adds what tells one toolchain from another, beside the Go tool
// itself, which is one of the settings.
func (g *goGroup) addToolchain(set map[probe]bool) {
	s := g.settings
	real := realPath(g.tool)
	set[probe{Look: lookContent, Path: filepath.Join(filepath.Dir(filepath.Dir(real)), "VERSION")}] = true
	set[probe{Look: lookContent, Path: filepath.Join(filepath.Dir(filepath.Dir(real)), "go.env")}] = true
	for _, f := range []string{"VERSION", "go.env"} {
		set[probe{Look: lookContent, Path: filepath.Join(s.GOROOT, f)}] = true
	}
	for _, f := range []string{"compile", "link", "asm"} {
		if runtime.GOOS == "windows" {
			f += ".exe"
		}
		set[probe{Look: lookStamp, Path: filepath.Join(s.GOTOOLDIR, f)}] = true
	}
	if s.GOENV != "" && s.GOENV != "off" {
		set[probe{Look: lookContent, Path: s.GOENV}] = true
	}
}

// addModules adds the files that choose modules and their versions, also those
// that are not there: the module's and the workspace's, and the go.mod of every
// folder that one of them names. It says false if the names cannot be read.
func (g *goGroup) addModules(set map[probe]bool, module string) bool {
	add := func(elem ...string) { set[probe{Look: lookContent, Path: filepath.Join(elem...)}] = true }
	for _, f := range []string{"go.mod", "go.sum", "go.work", "go.work.sum", "vendor", "vendor/modules.txt"} {
		add(g.root, filepath.FromSlash(f))
	}
	add(module, "go.mod")
	add(module, "go.sum")
	for at := module; ; at = filepath.Dir(at) { // A workspace may be found there.
		add(at, "go.work")
		if at == filepath.Dir(at) {
			break
		}
	}
	if g.settings.GOWORK != "" && g.settings.GOWORK != "off" {
		add(g.settings.GOWORK)
	}
	dirs, ok := namedFolders(filepath.Join(g.root, "go.work"))
	dirs = append(dirs, module, g.root)
	for _, dir := range slices.Clone(dirs) {
		more, plain := namedFolders(filepath.Join(dir, "go.mod"))
		dirs, ok = append(dirs, more...), ok && plain
	}
	for _, dir := range dirs {
		add(dir, "go.mod")
		add(dir, "go.sum")
	}
	return ok
}

// namedFolders gives every path that a go.mod or go.work names, by use or
// replace; a word that only looks like one does no harm. It says false of a file
// with quotes, in which a word may have spaces.
func namedFolders(file string) ([]string, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, isAbsent(err)
	}
	var dirs []string
	for _, word := range strings.FieldsFunc(string(data), func(r rune) bool { return strings.ContainsRune(" \t\r\n()", r) }) {
		switch path := filepath.FromSlash(word); {
		case filepath.IsAbs(path):
			dirs = append(dirs, path)
		case word == ".", word == "..", strings.HasPrefix(word, "./"), strings.HasPrefix(word, "../"):
			dirs = append(dirs, filepath.Join(filepath.Dir(file), path))
		}
	}
	return dirs, !bytes.ContainsAny(data, "\"`")
}
