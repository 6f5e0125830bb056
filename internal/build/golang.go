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
func (b *Builder) buildGo(ctx context.Context, group []source) []Result {
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
	var order []string
	modules := map[string][]int{}
	for i, s := range group {
		m, err := goModule(s)
		if err != nil {
			results[i].Err = err
			results[i].Inputs.addDir(s.path, ".go", "go.mod")
			continue
		}
		root := b.goRoot(ctx, tool, m)
		if modules[root] == nil {
			order = append(order, root)
		}
		modules[root] = append(modules[root], i)
	}
	for _, root := range order {
		g := &goGroup{b: b, tool: tool, root: root, env: b.goEnv(root)}
		b.buildModule(ctx, g, group, modules[root], results)
	}
	return results
}

// goGroup is the packages that one call of the Go tool builds.
type goGroup struct {
	b    *Builder
	tool string
	// root is the folder of go.work, or else of go.mod: where the tool runs.
	root string
	env  []string
	// flags are the build flags, merged with the developer's GOFLAGS.
	flags []string
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

// goRoot gives the folder to run the Go tool in: that of the workspace if the
// module is in one, else the module's.
func (b *Builder) goRoot(ctx context.Context, tool, module string) string {
	out, err := b.goEnvValue(ctx, tool, module, "GOWORK")
	if err != nil || out == "" || out == "off" {
		return module
	}
	return filepath.Dir(out)
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

// goEnvValue asks the Go tool for a setting, which may come from the
// environment, from go env -w, or from a file above.
func (b *Builder) goEnvValue(ctx context.Context, tool, dir, name string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, "env", name)
	cmd.Dir, cmd.Env = dir, b.goEnv(dir)
	ownGroup(cmd)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// buildModule builds the handlers of one module or workspace.
func (b *Builder) buildModule(ctx context.Context, g *goGroup, group []source, indices []int, results []Result) {
	flags, err := b.goEnvValue(ctx, g.tool, g.root, "GOFLAGS")
	if err != nil && ctx.Err() != nil {
		for _, i := range indices {
			results[i].Err = ctx.Err()
		}
		return
	}
	g.flags = goFlags(flags)
	var listed map[string]goPackage
	var wg sync.WaitGroup
	// What the packages are made of is asked for while they are compiled.
	wg.Go(func() { listed = g.list(ctx, group, indices) })
	built := g.compile(ctx, group, indices)
	wg.Wait()

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
	}
}

// notMain says that a Go handler's package makes no binary.
func notMain(s source, name string) error {
	return failed(s.handler, Diagnostic{
		File: s.path, Message: fmt.Sprintf("package %s is not a main package", name),
		Hint: "a Go handler is a folder with package main, whose main calls lambda.Start",
	})
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
