package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pythonPackage packages the tree below the task root: what Lambda imports from is what
// is imported from here. Packages that are installed into the tree are in it; those of a
// virtual environment are for this machine, and are not.
// https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
func (p *packager) pythonPackage(ctx context.Context, s source) (Package, error) {
	made, ok := p.trees[s.root]
	if !ok {
		entries, err := pythonEntries(ctx, s)
		if err != nil {
			return Package{}, err
		}
		if err := p.required(s); err != nil {
			return Package{}, err
		}
		if made, err = p.zip(s, entries); err != nil {
			return Package{}, err
		}
		p.trees[s.root] = made
	}
	module, err := filepath.Rel(s.root, s.module)
	if err != nil {
		return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: err.Error()})
	}
	made.Runtime, made.Handler = lambdaPython, filepath.ToSlash(module)+"."+s.export
	return made, nil
}

// pythonEntries lists the tree: all but what is hidden (.env holds secrets), caches,
// virtual environments, and what is for another runtime.
func pythonEntries(ctx context.Context, s source) ([]entry, error) {
	var entries []entry
	fail := func(path, hint, format string, args ...any) error {
		return failed(s.handler, Diagnostic{File: path, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	err := filepath.WalkDir(s.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fail(path, "", "reading the function's files: %v", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e.IsDir() {
			if path != s.root && foreignDir(path, e.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if notPython(e.Name()) {
			return nil
		}
		info, err := e.Info()
		if err == nil && e.Type()&fs.ModeSymlink != 0 {
			info, err = linked(s.root, path)
		}
		if err != nil {
			return fail(path, "", "reading the function's files: %v", err)
		}
		if !info.Mode().IsRegular() {
			return fail(path, "copy it into the folder", "a package holds files alone, and this is none")
		}
		if len(entries) == maxEntries {
			return fail(path, "take out what the function does not need", "the package has more than %d files", maxEntries)
		}
		name, err := filepath.Rel(s.root, path)
		if err != nil {
			return fail(path, "", "%v", err)
		}
		entries = append(entries, fileEntry(name, path, info))
		return nil
	})
	return entries, err
}

// linked gives the file that a symbolic link leads to, within the tree: what it leads to
// outside is not the function's, and may be anything.
func linked(root, path string) (fs.FileInfo, error) {
	to, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	if rel, err := filepath.Rel(real, to); err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("the symbolic link leads out of %s", root)
	}
	return os.Stat(to)
}

// notPython says whether a file has no place in a function of Python.
func notPython(name string) bool {
	switch filepath.Ext(name) {
	case ".pyc", ".go", ".ts", ".tsx", ".mts", ".cts", ".jsx", ".mjs", ".cjs":
		return true
	}
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"doorwright.yaml", "go.mod", "go.sum", "go.work", "package.json", "package-lock.json"}, name)
}

// The packages that Lambda's runtime brings.
var broughtByLambda = []string{"boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six"}

var (
	requirementName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	separators      = regexp.MustCompile(`[-_.]+`)
)

// normal gives a package's name as PyPI compares it (PEP 503).
func normal(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// required refuses a tree that lacks what its requirements.txt asks for: locally it is
// found in a virtual environment, and on Lambda the import would fail.
func (p *packager) required(s source) error {
	file := filepath.Join(s.root, "requirements.txt")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // it asks for nothing
	}
	installed, _ := filepath.Glob(filepath.Join(escapeGlob(s.root), "*.dist-info"))
	has := map[string]bool{}
	for _, dir := range installed {
		name, _, _ := strings.Cut(filepath.Base(dir), "-")
		has[normal(name)] = true
	}
	machine := map[Architecture]string{ARM64: "aarch64", X8664: "x86_64"}[p.arch]
	line := 0
	for l := range strings.Lines(string(text)) {
		line++
		l, _, _ = strings.Cut(strings.TrimSpace(l), "#")
		name := normal(requirementName.FindString(l))
		if name == "" || strings.Contains(l, ";") || has[name] || slices.Contains(broughtByLambda, name) {
			continue
		}
		d := At(file, line, 1, fmt.Sprintf("the package %s is not in the function's folder", name))
		d.Hint = "install it there for Lambda: python3 -m pip install -r requirements.txt --target . --only-binary=:all: --implementation cp --python-version " +
			strings.TrimPrefix(lambdaPython, "python") + " --platform manylinux2014_" + machine
		return failed(s.handler, d)
	}
	return nil
}
