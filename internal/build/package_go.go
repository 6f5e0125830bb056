package build

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// goPackage builds a Go main package for Lambda, where it is called bootstrap.
// https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html
func (p *packager) goPackage(ctx context.Context, s source) (Package, error) {
	b := p.b
	tool, err := b.lookPath("go")
	if err != nil {
		return Package{}, failed(s.handler, Diagnostic{
			File: s.path, Message: "a Go handler needs the Go tool: " + err.Error(), Hint: "install Go from https://go.dev/dl",
		})
	}
	dir, err := goModule(s)
	if err != nil {
		return Package{}, err
	}
	settings, _ := b.askGo(ctx, tool, dir) // a tool that does not say builds in the module
	root := settings.root(dir)
	g := &goGroup{b: b, tool: tool, root: root, env: p.goEnv(root), settings: settings}
	tmp, err := os.MkdirTemp(p.dir, "go-")
	if err != nil {
		return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: err.Error()})
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, "bootstrap")
	args := slices.Concat([]string{"build"}, packageFlags(settings.GOFLAGS), []string{"-o", binary, g.pattern(s.path)})
	if out, err := g.run(ctx, args...); err != nil {
		if ctx.Err() != nil {
			return Package{}, ctx.Err()
		}
		diags := parseGo(root, out)
		if len(diags) == 0 {
			diags = []Diagnostic{{File: s.path, Message: "go build: " + err.Error()}}
		}
		return Package{}, &Error{Handler: s.handler, Diagnostics: diags}
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: "reading what was built: " + err.Error()})
	}
	if strings.HasPrefix(string(data), "!<arch>") { // what go build makes of other packages
		return Package{}, failed(s.handler, Diagnostic{
			File: s.path, Message: "the package is not a main package",
			Hint: "a Go handler is a folder with package main, whose main calls lambda.Start",
		})
	}
	made, err := p.zip(s, []entry{{name: "bootstrap", exec: true, data: data}})
	made.Runtime, made.Handler = lambdaGo, "bootstrap"
	return made, err
}

// goEnv is the developer's environment but for the target. Without cgo the binary needs
// no library of the machine that it was built on; the least of an architecture is what
// each of Lambda's machines has.
func (p *packager) goEnv(dir string) []string {
	env := slices.DeleteFunc(slices.Clone(p.b.env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GOOS", "GOARCH", "GOARM64", "GOAMD64", "CGO_ENABLED", "PWD"}, name)
	})
	return append(env, "GOOS=linux", "GOARCH="+targets[p.arch].goarch, "CGO_ENABLED=0", "PWD="+dir)
}

// packageFlags are the build flags of a package: those of a handler that runs here, and
// what keeps the folder, the repository and the build's own id out of the binary.
func packageFlags(goflags string) []string {
	flags := goFlags(goflags)
	if i := slices.Index(flags, "-ldflags"); i >= 0 {
		flags[i+1] += " -buildid="
	}
	return append(flags, "-trimpath", "-buildvcs=false")
}
