package build

import (
	"bytes"
	"context"
	"path"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// lambdaNodeVersion is what esbuild may write for.
const lambdaNodeVersion = "22"

// nodePackage bundles a JavaScript or TypeScript source for Lambda. The bundle has the
// place and the name of its source, by which Lambda finds the handler.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
func (p *packager) nodePackage(ctx context.Context, s source) (Package, error) {
	stem, err := filepath.Rel(s.root, s.module)
	if err != nil {
		return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: err.Error()})
	}
	r := bundle{b: p.b, source: s, deployed: filepath.ToSlash(stem)}
	r.run()
	if len(r.errors) > 0 {
		return Package{}, &Error{Handler: s.handler, Diagnostics: r.errors}
	}
	var entries []entry
	for _, f := range r.outputs {
		name, err := filepath.Rel(s.root, f.Path)
		if err != nil {
			return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: err.Error()})
		}
		entries = append(entries, entry{name: filepath.ToSlash(name), data: f.Contents})
	}
	if r.namesItsPlace() {
		beside, err := treeEntries(ctx, s, notData)
		if err != nil {
			return Package{}, err
		}
		entries = append(entries, beside...)
	}
	made, err := p.zip(s, entries)
	made.Runtime, made.Handler, made.SourceMaps = lambdaNode, r.deployed+"."+s.export, true
	return made, err
}

// namesItsPlace says whether the bundle asks where it is, as code does that reads files
// beside itself. Then the package has the files that such a path leads to locally.
func (r *bundle) namesItsPlace() bool {
	for _, f := range r.outputs {
		if filepath.Ext(f.Path) != ".map" && bytes.Contains(f.Contents, []byte(r.taskDir())) {
			return true
		}
	}
	return false
}

// taskDir is the folder of the source on Lambda.
func (r *bundle) taskDir() string { return path.Join(taskRootOnLambda, path.Dir(r.deployed)) }

// notData says whether a file is code, which a bundle holds if it needs it.
func notData(name string) bool {
	switch filepath.Ext(name) {
	case ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".map", ".node", ".py", ".pyc", ".go":
		return true
	}
	return notDeployed(name)
}

// forLambda changes the options of a bundle that runs here to those of one that runs on
// Lambda: the names that a source has for its own place are those that it has there,
// and the source map is relative to it.
func (r *bundle) forLambda(o api.BuildOptions) api.BuildOptions {
	file := path.Join(r.taskDir(), filepath.Base(r.source.path))
	o.EntryPointsAdvanced[0].OutputPath = r.deployed
	o.Outdir = r.source.root
	o.Engines = []api.Engine{{Name: api.EngineNode, Version: lambdaNodeVersion}}
	o.Define = map[string]string{
		"__dirname":       quote(path.Dir(file)),
		"__filename":      quote(file),
		"import.meta.url": quote(fileURL(file)),
	}
	return o
}
