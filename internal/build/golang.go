package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// buildGo builds Go main packages, all of one module or workspace by one call
// of the Go tool: what they share is then compiled once, and two cores link.
func (b *Builder) buildGo(ctx context.Context, group []source, begin func([]source)) []Result {
	results := make([]Result, len(group))
	tool, err := b.lookPath("go")
	if err != nil {
		for i, s := range group {
			results[i].Err = failed(s.handler, Diagnostic{
				File: s.path, Message: "a Go handler needs the Go tool: " + err.Error(),
				Hint: "install Go from https://go.dev/dl and start again",
			})
		}
		return results
	}
	now, settings := newSight(), b.settingsKey(tool)
	var todo []int
	for i, s := range group {
		if a, inputs, ok := b.recall(ctx, s, now, settings); ok {
			results[i].Artifact, results[i].Inputs = a, inputs
			continue
		}
		todo = append(todo, i)
	}
	if len(todo) == 0 {
		return results
	}
	begin(at(group, todo))
	for _, m := range b.goModules(ctx, tool, group, todo, results) {
		g := &goGroup{b: b, tool: tool, root: m.root, env: b.goEnv(m.root), settings: m.settings, flags: b.goFlags(m.settings.GOFLAGS)}
		b.buildModule(ctx, g, group, m.indices, results, now, settings)
	}
	return results
}

// at picks from a group.
func at(group []source, indices []int) []source {
	picked := make([]source, 0, len(indices))
	for _, i := range indices {
		picked = append(picked, group[i])
	}
	return picked
}

// module is handlers that one call of the Go tool builds: those of a module, or
// of a workspace.
type module struct {
	root     string
	settings goSettings
	indices  []int
}

// goModules parts handlers by module or workspace.
func (b *Builder) goModules(ctx context.Context, tool string, group []source, indices []int, results []Result) []*module {
	var order []*module
	asked, byRoot := map[string]goSettings{}, map[string]*module{}
	for _, i := range indices {
		s := group[i]
		dir, err := goModule(s)
		if err != nil {
			results[i].Err = err
			results[i].Inputs.addDir(s.path, ".go", "go.mod")
			continue
		}
		settings, ok := asked[dir]
		if !ok {
			// A tool that does not say builds in the module, and says why it cannot.
			settings, _ = b.askGo(ctx, tool, dir)
			asked[dir] = settings
		}
		root := settings.root(dir)
		if byRoot[root] == nil {
			byRoot[root] = &module{root: root, settings: settings}
			order = append(order, byRoot[root])
		}
		byRoot[root].indices = append(byRoot[root].indices, i)
	}
	return order
}

// goGroup is the packages that one call of the Go tool builds.
type goGroup struct {
	b    *Builder
	tool string
	// root is the folder of go.work, or else of go.mod: where the tool runs.
	root string
	env  []string
	// settings are the tool's, flags the build flags, merged with the
	// developer's GOFLAGS.
	settings goSettings
	flags    []string
}

// goModule gives the folder of the go.mod that a package belongs to.
func goModule(s source) (string, error) {
	for dir := s.path; ; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && fi.Mode().IsRegular() {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", failed(s.handler, Diagnostic{
				File: s.path, Message: "the package belongs to no Go module: there is no go.mod here or above",
				Hint: "run go mod init NAME in the project's folder",
			})
		}
	}
}

// goEnv is the developer's environment but for the target: the handler runs
// here, whatever it is deployed to.
func (b *Builder) goEnv(dir string) []string {
	env := slices.DeleteFunc(slices.Clone(b.env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == "GOOS" || name == "GOARCH" || name == "PWD"
	})
	return append(env, "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "PWD="+dir)
}

// survey asks what the packages are made of, and looks at it. A first time that
// is done before they are compiled; then, while they are, and what was looked at
// is what was known from the time before: a save is to be answered soon.
func (g *goGroup) survey(ctx context.Context, group []source, indices []int, now *sight) (compiled []Diagnostic, listed map[string]goPackage) {
	known := true
	for _, i := range indices {
		m, ok := g.b.remembered[group[i].path]
		now.at(ctx, m.probes)
		known = known && ok
	}
	if !known {
		listed = g.list(ctx, group, indices)
		for dir, p := range listed {
			now.at(ctx, p.probes)
			p.inputs.stamps = p.inputs.current() // A save while they are compiled is seen later.
			listed[dir] = p
		}
		return g.compile(ctx, group, indices), listed
	}
	var wg sync.WaitGroup
	wg.Go(func() { listed = g.list(ctx, group, indices) })
	compiled = g.compile(ctx, group, indices)
	wg.Wait()
	return compiled, listed
}

// buildModule builds the handlers of one module or workspace.
func (b *Builder) buildModule(ctx context.Context, g *goGroup, group []source, indices []int, results []Result, now *sight, settings string) {
	for _, i := range indices {
		b.disown(group[i])
	}
	built, listed := g.survey(ctx, group, indices, now)
	rest := make([]int, 0, len(indices))
	for _, i := range indices {
		p := listed[group[i].path]
		results[i].Inputs = p.inputs
		if p.name != "" && p.name != "main" {
			results[i].Err = notMain(group[i], p.name)
			continue
		}
		rest = append(rest, i)
	}
	if len(rest) < len(indices) && len(rest) > 0 {
		built = g.compile(ctx, group, rest)
	}
	// A handler that failed must not stop the others: say whose fault it is,
	// then build the rest. Each round leaves at least one fewer.
	for built != nil && len(rest) > 0 && ctx.Err() == nil {
		blamed := g.blame(ctx, built, group, rest, listed)
		next := make([]int, 0, len(rest))
		for _, i := range rest {
			if diags := blamed[i]; len(diags) > 0 {
				results[i].Err = &Error{Handler: group[i].handler, Diagnostics: diags}
			} else {
				next = append(next, i)
			}
		}
		if rest = next; len(rest) > 0 {
			built = g.compile(ctx, group, rest)
		}
	}
	for _, i := range rest {
		if results[i].Err = ctx.Err(); results[i].Err == nil {
			results[i].Artifact, results[i].Err = b.goArtifact(group[i])
		}
		b.remember(ctx, group[i], listed[group[i].path], results[i], now, settings)
	}
}

// notMain says that a Go handler's package makes no binary.
func notMain(s source, name string) error {
	return failed(s.handler, Diagnostic{
		File: s.path, Message: fmt.Sprintf("package %s is not a main package", name),
		Hint: "a Go handler is a folder with package main, whose main calls lambda.Start",
	})
}

// disown removes what an earlier process has left where the Go tool will build, unless
// there is a record that it was built here: the tool takes a binary for up to date by an
// id in it, which anybody can write there.
func (b *Builder) disown(s source) {
	output := b.goOutput(s.path)
	if b.ours[output] {
		return
	}
	b.ours[output] = true
	hash := hashFile(output)
	if hash == "" || !slices.ContainsFunc(b.records.of(s.path), func(r *record) bool { return r.Hash == hash }) {
		os.RemoveAll(output) // What cannot be removed fails the build.
	}
}

// goArtifact takes a binary from where the Go tool left it.
func (b *Builder) goArtifact(s source) (Artifact, error) {
	bin, hash, err := b.store.addFile(b.goOutput(s.path))
	if err != nil {
		return Artifact{}, failed(s.handler, Diagnostic{File: s.path, Message: err.Error()})
	}
	return Artifact{Runtime: Go, Root: s.root, Path: bin, Hash: hash}, nil
}

// compile calls go build. On failure it gives what the tool said; nil means
// that all were built. Packages whose binaries would have the same name are
// built by calls of their own, since go build -o DIR/ would silently keep one.
func (g *goGroup) compile(ctx context.Context, group []source, indices []int) []Diagnostic {
	rounds := map[string][]string{}
	for _, i := range indices {
		dir := filepath.Dir(g.b.goOutput(group[i].path))
		rounds[dir] = append(rounds[dir], g.pattern(group[i].path))
	}
	for dir, patterns := range rounds {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return []Diagnostic{{Message: fmt.Sprintf("creating the build cache: %v", err)}}
		}
		args := slices.Concat([]string{"build"}, g.flags, []string{"-o", dir + string(filepath.Separator)}, patterns)
		if out, err := g.run(ctx, args...); err != nil {
			diags := parseGo(g.root, out)
			if len(diags) == 0 {
				diags = []Diagnostic{{Message: "go build: " + err.Error()}}
			}
			return diags
		}
	}
	return nil
}

// pattern names a package's folder to the Go tool, whose import paths the
// developer need not know. It must begin with a dot.
func (g *goGroup) pattern(dir string) string {
	rel, err := filepath.Rel(g.root, dir)
	if err != nil {
		return dir
	}
	return "." + string(filepath.Separator) + rel
}

// maxToolOutput bounds what is kept of a compiler's output.
const maxToolOutput = 1 << 20

// run calls the Go tool and gives what it wrote to standard error.
func (g *goGroup) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.tool, args...)
	cmd.Dir, cmd.Env = g.root, g.env
	ownGroup(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &limitedWriter{w: &stderr, left: maxToolOutput}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		err = fmt.Errorf("running %s: %w", g.tool, err)
	}
	return stderr.String(), err
}

// limitedWriter drops what is too much.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// goOutput gives the path at which go build leaves a package's binary. It is
// the same every time, so that an unchanged package is not linked again.
func (b *Builder) goOutput(dir string) string {
	name := goExecName(dir)
	place, ok := b.linked[dir]
	if !ok {
		for other, p := range b.linked {
			if goExecName(other) == name {
				place = max(place, p+1)
			}
		}
		b.linked[dir] = place
	}
	return filepath.Join(b.cache, "go", strconv.Itoa(place), name)
}

// goExecName gives the name that go build chooses for a package's binary: the
// last element of its import path, or the one before a version (go help build).
func goExecName(dir string) string {
	name := filepath.Base(dir)
	if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" {
				name = goPathName(strings.Trim(f[1], "\"`"))
				break
			}
		}
	} else if isVersion(name) {
		// The parent's name, unless the parent is itself a module's root.
		name = goExecName(filepath.Dir(dir))
	}
	if runtime.GOOS == "windows" && !strings.HasSuffix(name, ".exe") {
		name += ".exe"
	}
	return name
}

// goPathName is the last element of an import path that is no version.
func goPathName(importPath string) string {
	name := path.Base(importPath)
	if isVersion(name) && path.Dir(importPath) != "." {
		return path.Base(path.Dir(importPath))
	}
	return name
}

// isVersion says whether a path element is a major version, v2 and up.
func isVersion(s string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "v"))
	return err == nil && strings.HasPrefix(s, "v") && n >= 2 && s[1] != '0' && s[1] != '+'
}

// goFlags gives the flags to build with. The Go tool lets a flag on the command
// line win over the same one in GOFLAGS, so the developer's are merged in.
//
// lambda.norpc leaves out the RPC mode that only the retired go1.x runtime
// used. Without symbols (-s -w) linking, which decides the time between a save
// and the next answer, takes half as long.
func goFlags(goflags string) []string {
	tags, ldflags, stamp := "lambda.norpc", "-s -w", "-buildvcs=false"
	for _, f := range splitFlags(goflags) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-"), "=")
		switch name {
		case "tags":
			tags = value + "," + tags
		case "ldflags":
			if strings.HasPrefix(value, "-") {
				ldflags += " " + value
			} else {
				ldflags = "" // pattern=flags: leave it as the developer wrote it.
			}
		case "buildvcs":
			stamp = ""
		}
	}
	flags := []string{"-tags", tags}
	if ldflags != "" {
		flags = append(flags, "-ldflags", ldflags)
	}
	if stamp != "" {
		flags = append(flags, stamp)
	}
	return flags
}

// goFlags gives the flags of this Builder: with Symbols, what a debugger needs. Packages
// of others stay optimised, so that only the handlers' own are compiled anew.
func (b *Builder) goFlags(goflags string) []string {
	flags := goFlags(goflags)
	if !b.symbols {
		return flags
	}
	if i := slices.Index(flags, "-ldflags"); i >= 0 {
		if flags[i+1] = strings.TrimSpace(strings.TrimPrefix(flags[i+1], "-s -w")); flags[i+1] == "" {
			flags = slices.Delete(flags, i, i+2)
		}
	}
	if !slices.ContainsFunc(splitFlags(goflags), func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "gcflags") }) {
		flags = append(flags, "-gcflags=-N -l")
	}
	return flags
}

// splitFlags splits GOFLAGS as the Go tool does: at spaces, but not within
// quotes that begin an element.
func splitFlags(s string) []string {
	var out []string
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			return out
		}
		if q := s[0]; q == '\'' || q == '"' {
			field, rest, ok := strings.Cut(s[1:], string(q))
			if !ok {
				return out // The Go tool will complain of it.
			}
			out, s = append(out, field), rest
			continue
		}
		end := strings.IndexAny(s, " \t\r\n")
		if end < 0 {
			end = len(s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
}
