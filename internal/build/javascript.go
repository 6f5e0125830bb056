package build

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
)

// buildNode bundles JavaScript and TypeScript. Handlers of one file share its
// bundle.
func (b *Builder) buildNode(ctx context.Context, group []source, begin func([]source)) []Result {
	begin(group)
	results := make([]Result, len(group))
	node, err := b.findNode(ctx)
	if err != nil {
		for i, s := range group {
			results[i].Err = failed(s.handler, Diagnostic{
				File: s.path, Message: "a JavaScript handler needs Node.js: " + err.Error(),
				Hint: "install Node.js 20 or later from https://nodejs.org and start again",
			})
			results[i].Inputs.addFile(s.path)
		}
		return results
	}
	sharers := map[string][]int{}
	for i, s := range group {
		sharers[s.path] = append(sharers[s.path], i)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex // guards b.cjs
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	for path, indices := range sharers {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			mu.Lock()
			cjs := b.cjs[path]
			mu.Unlock()
			r := bundle{b: b, source: group[indices[0]], cjs: cjs}
			r.run()
			mu.Lock()
			b.cjs[path] = r.cjs
			mu.Unlock()
			for _, i := range indices {
				results[i] = r.result(group[i], node)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		for i := range results {
			results[i].Err = err
		}
	}
	return results
}

// findNode finds node and, once, its version.
func (b *Builder) findNode(ctx context.Context) (string, error) {
	node, err := b.lookPath("node")
	if err != nil || b.nodeVersion != "" {
		return node, err
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", node, err)
	}
	b.nodeVersion = strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	return node, nil
}

// bundle is one run of esbuild.
//
// The bundle is an ES module, so that a top-level await works, unless the
// source is CommonJS, which may depend on sloppy mode. As in Node.js, the
// extension decides, and where it does not, the syntax.
type bundle struct {
	b      *Builder
	source source
	cjs    bool
	// deployed is the bundle's path below Lambda's task root, without extension; "" is a
	// bundle that runs here.
	deployed string

	outputs    []api.OutputFile // of a deployed one
	path, hash string
	inputs     Inputs
	warnings   []Diagnostic
	errors     []Diagnostic
}

// metafile is the part of esbuild's metafile that is used
// (https://esbuild.github.io/api/#metafile).
type metafile struct {
	Inputs map[string]struct {
		Format string `json:"format"`
	} `json:"inputs"`
}

// run bundles, keeps the bundle and gathers what it was made of.
func (r *bundle) run() {
	ext := filepath.Ext(r.source.path)
	r.cjs = r.cjs && ext == ".js" || ext == ".cjs" || ext == ".cts"
	trace := &loadTrace{loaded: map[string]bool{}, asked: map[string]bool{}}
	result := api.Build(r.options(trace))
	if !r.cjs && len(result.Errors) == 0 && ext == ".js" {
		var meta metafile
		if json.Unmarshal([]byte(result.Metafile), &meta) == nil && meta.Inputs[filepath.ToSlash(r.source.path)].Format == "cjs" {
			r.cjs = true
			result = api.Build(r.options(trace))
		}
	}
	r.warnings = r.diagnostics(result.Warnings)
	r.errors = r.diagnostics(result.Errors)
	r.gather(trace, len(r.errors) > 0)
	if len(r.errors) > 0 {
		return
	}
	if r.deployed != "" {
		r.outputs = result.OutputFiles
		return
	}
	files := map[string][]byte{}
	for _, f := range result.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	var err error
	if r.path, r.hash, err = r.b.store.addFiles(files, "index"+r.ext()); err != nil {
		r.errors = []Diagnostic{{File: r.source.path, Message: err.Error()}}
	}
}

// ext is the bundle's extension, which tells Node.js its format whatever
// package.json is above it.
func (r *bundle) ext() string {
	if r.cjs {
		return ".cjs"
	}
	return ".mjs"
}

// options are esbuild's.
func (r *bundle) options(trace *loadTrace) api.BuildOptions {
	dir := filepath.Dir(r.source.path)
	format := api.FormatESModule
	if r.cjs {
		format = api.FormatCommonJS
	}
	o := api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{{InputPath: r.source.path, OutputPath: "index"}},
		// The name is as long as the one the bundle is kept under, so that the
		// source map's relative paths hold there.
		Outdir:        filepath.Join(r.b.store.dir, "bundle"),
		OutExtension:  map[string]string{".js": r.ext()},
		AbsWorkingDir: r.source.root,
		AbsPaths:      api.MetafileAbsPath | api.LogAbsPath,
		Bundle:        true,
		Platform:      api.PlatformNode,
		Format:        format,
		Engines:       []api.Engine{{Name: api.EngineNode, Version: r.b.nodeVersion}},
		Loader:        map[string]api.Loader{".node": api.LoaderCopy},
		// A bundle that runs elsewhere than its source keeps the source's idea
		// of where it is, as the deployed package does, whose layout is the
		// same. A source that declares these names itself is not affected.
		Define: map[string]string{
			"__dirname":       quote(dir),
			"__filename":      quote(r.source.path),
			"import.meta.url": quote(fileURL(r.source.path)),
		},
		KeepNames:      true, // errorType is a class's name.
		Sourcemap:      api.SourceMapLinked,
		SourcesContent: api.SourcesContentExclude,
		Charset:        api.CharsetUTF8,
		LegalComments:  api.LegalCommentsNone,
		LogLevel:       api.LogLevelSilent,
		LogLimit:       maxDiagnostics,
		Metafile:       true,
		Plugins:        []api.Plugin{trace.plugin()},
	}
	if r.deployed != "" {
		return r.forLambda(o)
	}
	return o
}

// quote makes a JavaScript string literal; JSON is one.
func quote(s string) string {
	q, _ := json.Marshal(s) // A string always has one.
	return string(q)
}

// fileURL is a path as a file: URL.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// loadTrace records what esbuild reads and asks for. The metafile says the same
// of a build that succeeds; this also serves one that fails, which saving a
// file is to mend.
type loadTrace struct {
	mu     sync.Mutex
	loaded map[string]bool // files, guarded by mu
	asked  map[string]bool // relative imports as absolute paths, guarded by mu
}

// plugin watches without changing anything: it answers nothing, so esbuild
// goes on by itself.
func (t *loadTrace) plugin() api.Plugin {
	return api.Plugin{Name: "trace", Setup: func(pb api.PluginBuild) {
		pb.OnResolve(api.OnResolveOptions{Filter: `^\.`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.asked[filepath.Join(a.ResolveDir, filepath.FromSlash(a.Path))] = true
			return api.OnResolveResult{}, nil
		})
		pb.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "file"}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.loaded[a.Path] = true
			return api.OnLoadResult{}, nil
		})
	}}
}

// maxAncestors bounds the search for configuration files above a source.
const maxAncestors = 32

// gather turns a trace into Inputs. Packages in node_modules are not watched
// file by file: package managers write a marker there when they change them.
func (r *bundle) gather(t *loadTrace, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.inputs.addFile(r.source.path)
	dirs := map[string]bool{filepath.Dir(r.source.path): true}
	for f := range t.loaded {
		if !strings.Contains(filepath.ToSlash(f), "/node_modules/") {
			r.inputs.addFile(f)
			dirs[filepath.Dir(f)] = true
		}
	}
	if failed {
		for p := range t.asked {
			if !strings.Contains(filepath.ToSlash(p), "/node_modules/") && !t.has(p) {
				r.inputs.addWanted(p)
			}
		}
	}
	seen := map[string]bool{}
	for dir := range dirs {
		for range maxAncestors {
			if seen[dir] || dir == filepath.Dir(dir) {
				break
			}
			seen[dir] = true
			r.gatherConfiguration(dir, failed)
			if exists(filepath.Join(dir, ".git")) {
				break
			}
			dir = filepath.Dir(dir)
		}
	}
}

// gatherConfiguration adds what esbuild looks for in a folder above a source. If
// the build failed, packages that are installed there may mend it.
func (r *bundle) gatherConfiguration(dir string, failed bool) {
	for _, name := range []string{"tsconfig.json", "package.json"} {
		if f := filepath.Join(dir, name); exists(f) {
			r.inputs.addFile(f)
		}
	}
	modules := filepath.Join(dir, "node_modules")
	if !exists(modules) && !(failed && exists(filepath.Join(dir, "package.json"))) {
		return
	}
	r.inputs.addFile(modules)
	for _, marker := range []string{".package-lock.json", ".modules.yaml", ".yarn-integrity", ".yarn-state.yml"} {
		r.inputs.addFile(filepath.Join(modules, marker))
	}
}

// has says whether a file was loaded for an import, whose extension may be left
// out or stand for another.
func (t *loadTrace) has(asked string) bool {
	stem := strings.TrimSuffix(asked, filepath.Ext(asked))
	for f := range t.loaded {
		if f == asked || strings.HasPrefix(f, stem+".") || strings.HasPrefix(f, asked+".") || strings.HasPrefix(f, asked+string(filepath.Separator)+"index.") {
			return true
		}
	}
	return false
}

// exists says whether there is such a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// result is the bundle's, for one of the handlers that share it.
func (r *bundle) result(s source, node string) Result {
	if len(r.errors) > 0 {
		return Result{Inputs: r.inputs, Warnings: r.warnings, Err: &Error{Handler: s.handler, Diagnostics: r.errors}}
	}
	return Result{Inputs: r.inputs, Warnings: r.warnings, Artifact: Artifact{
		Runtime: Node, Root: s.root, Tool: node, Path: r.path, Module: s.path, Export: s.export, Hash: r.hash,
	}}
}

// diagnostics turns esbuild's messages into ours.
func (r *bundle) diagnostics(messages []api.Message) []Diagnostic {
	var diags []Diagnostic
	for _, m := range messages {
		d := Diagnostic{Message: m.Text}
		if l := m.Location; l != nil {
			// esbuild counts columns from 0.
			d.File, d.Line, d.Column, d.Snippet = l.File, l.Line, l.Column+1, clip(l.LineText)
			if !filepath.IsAbs(d.File) {
				d.File = filepath.Join(r.source.root, d.File)
			}
			if l.Suggestion != "" {
				d.Hint = "write " + l.Suggestion
			}
		}
		if h := packageHint(m.Text); h != "" {
			d.Hint = h
		}
		diags = append(diags, d)
	}
	return diags
}

// packageHint says how to get a package that esbuild could not find.
//
// The AWS SDK is no exception: Lambda's Node.js runtimes bring one, of a
// version that changes with time, and AWS advises to bundle one's own ("Best
// practices for working with Lambda functions"). Without it the handler could
// not run here.
func packageHint(message string) string {
	rest, ok := strings.CutPrefix(message, `Could not resolve "`)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, `"`)
	if name == "" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.Contains(name, ":") {
		return ""
	}
	parts := strings.SplitN(name, "/", 3)
	pkg := parts[0]
	if strings.HasPrefix(pkg, "@") && len(parts) > 1 {
		pkg += "/" + parts[1]
	}
	if strings.HasPrefix(pkg, "@aws-sdk/") {
		return "npm install " + pkg + " (Lambda brings the SDK on AWS; here it must be installed)"
	}
	return "npm install " + pkg
}
