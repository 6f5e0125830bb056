package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// source is where a handler's code is.
type source struct {
	handler string
	runtime Runtime
	// path is the source file, or the Go package's folder.
	path string
	// root is the task root.
	root string
	// module is the path from root that the handler names, without extension.
	module string
	// export is the handler's name within the file.
	export string
}

// extensions are the source files looked for, in order, as esbuild and Lambda
// do: TypeScript before the JavaScript that may have been made from it.
var extensions = []struct {
	ext     string
	runtime Runtime
}{
	{".ts", Node}, {".mts", Node}, {".cts", Node}, {".tsx", Node},
	{".js", Node}, {".mjs", Node}, {".cjs", Node}, {".jsx", Node},
	{".py", Python},
}

// resolve finds what a handler names: a folder with a Go main package, or
// path/file.export. On failure the Inputs say where it was looked for.
func resolve(dir, handler string) (source, Inputs, error) {
	var in Inputs
	path := filepath.Join(dir, filepath.FromSlash(handler))
	if filepath.IsAbs(filepath.FromSlash(handler)) {
		path = filepath.Clean(filepath.FromSlash(handler))
	}
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		if names, _ := filepath.Glob(filepath.Join(escapeGlob(path), "*.go")); len(names) == 0 {
			in.addDir(path, ".go")
			return source{}, in, failed(handler, Diagnostic{
				File: path, Message: "the folder holds no Go files",
				Hint: "a handler is a folder with a Go main package, or path/file.export of a .js, .mjs, .cjs, .ts or .py file",
			})
		}
		return source{handler: handler, runtime: Go, path: path, root: dir}, in, nil
	}
	if exists(path) && isSource(filepath.Ext(path)) {
		in.addFile(path)
		return source{}, in, missing(handler, path)
	}
	// AWS's Node.js runtime splits the file name at its first dot, its Python
	// runtime at its last. A file decides between the two.
	base := filepath.Base(path)
	for i := 0; i < len(base)-1; i++ {
		if base[i] != '.' || i == 0 {
			continue
		}
		stem := filepath.Join(filepath.Dir(path), base[:i])
		for _, e := range extensions {
			file := stem + e.ext
			fi, err := os.Stat(file)
			if err != nil || !fi.Mode().IsRegular() {
				continue
			}
			return source{
				handler: handler, runtime: e.runtime, path: file, root: taskRoot(dir, file),
				module: stem, export: base[i+1:],
			}, Inputs{}, nil
		}
		in.addWanted(stem)
	}
	in.addWanted(path)
	return source{}, in, missing(handler, path)
}

// isSource says whether an extension is one of those looked for.
func isSource(ext string) bool {
	for _, e := range extensions {
		if e.ext == ext {
			return true
		}
	}
	return false
}

// missing describes a handler for which there is no source.
func missing(handler, path string) error {
	d := Diagnostic{Message: fmt.Sprintf("there is no source for the handler %q", handler)}
	base := filepath.Base(path)
	stem, export, ok := strings.Cut(base, ".")
	switch {
	case ok && export == "go":
		d.Hint = "a Go handler is named by its folder: " + filepath.ToSlash(filepath.Dir(handler))
	case ok && stem != "" && export != "":
		var looked []string
		for _, e := range extensions {
			looked = append(looked, e.ext)
		}
		d.Hint = fmt.Sprintf("looked for %s with %s", filepath.Join(filepath.Dir(path), stem), strings.Join(looked, " "))
		if ext := filepath.Ext(handler); isSource(ext) {
			d.Hint = fmt.Sprintf("name the exported function, not the file: %s.handler", strings.TrimSuffix(handler, ext))
		}
	default:
		d.Hint = "a handler is a folder with a Go main package, or path/file.export of a .js, .mjs, .cjs, .ts or .py file"
	}
	return failed(handler, d)
}

// taskRoot gives the folder that stands for AWS's /var/task: the
// declaration's, whose layout a deployed package keeps, or the source's own if
// it lies elsewhere in the workspace.
func taskRoot(dir, file string) string {
	if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
		return dir
	}
	return filepath.Dir(file)
}

// escapeGlob makes a path match only itself.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' { // Match has no escapes there.
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
