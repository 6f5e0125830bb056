package build

import (
	"context"
	"fmt"
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
		entries, err := treeEntries(ctx, s, notPython)
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

// notPython says whether a file has no place in a function of Python.
func notPython(name string) bool {
	switch filepath.Ext(name) {
	case ".pyc", ".go", ".ts", ".tsx", ".mts", ".cts", ".jsx", ".mjs", ".cjs":
		return true
	}
	return notDeployed(name)
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
