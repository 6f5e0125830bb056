package app

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A FunctionKind is what runs a function.
type FunctionKind string

// The kinds of functions.
const (
	FunctionGo     FunctionKind = "go"     // a Go main package
	FunctionNode   FunctionKind = "node"   // .js, .mjs, .cjs and .ts
	FunctionPython FunctionKind = "python" // .py
)

// extensions are looked for in this order. A .js beside the .ts of the same name is what
// the compiler made of it, so the .ts counts; other pairs are ambiguous.
var extensions = []struct {
	name string
	kind FunctionKind
}{{".ts", FunctionNode}, {".js", FunctionNode}, {".mjs", FunctionNode}, {".cjs", FunctionNode}, {".py", FunctionPython}}

func isSource(name string) bool {
	for _, e := range extensions {
		if strings.HasSuffix(name, e.name) && !strings.HasSuffix(name, ".d.ts") {
			return true
		}
	}
	return false
}

// A source reference of a function, resolved.
type resolvedHandler struct {
	kind   FunctionKind
	path   string // absolute, symbolic links resolved: the directory of a Go package, or the file
	export string
}

// A handlerError is why a handler does not name a function.
type handlerError struct{ message, hint string }

// A handlers resolves function references of one declaration. It only looks: nothing
// is built or run.
type handlers struct {
	dir   string // of the declaration, absolute
	root  string // what references may not leave, absolute, symbolic links resolved
	found map[string]*resolvedHandler
	wrong map[string]*handlerError
}

func newHandlers(dir string) *handlers {
	h := &handlers{found: make(map[string]*resolvedHandler), wrong: make(map[string]*handlerError)}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	h.dir, h.root = abs, workspaceRoot(abs)
	return h
}

// workspaceRoot is the folder function references may not leave: that of the go.work
// above dir, else of the go.mod or package.json nearest above it, else dir itself.
func workspaceRoot(dir string) string {
	has := func(d, name string) bool {
		info, err := os.Stat(filepath.Join(d, name))
		return err == nil && info.Mode().IsRegular()
	}
	root := ""
	for d := dir; ; d = filepath.Dir(d) {
		if has(d, "go.work") || has(d, "pnpm-workspace.yaml") {
			return d
		}
		if root == "" && (has(d, "go.mod") || has(d, "package.json")) {
			root = d
		}
		if filepath.Dir(d) == d {
			break
		}
	}
	if root == "" {
		return dir
	}
	return root
}

// resolve finds what ref names.
func (h *handlers) resolve(ref string) (*resolvedHandler, *handlerError) {
	if r := h.found[ref]; r != nil {
		return r, nil
	}
	if e := h.wrong[ref]; e != nil {
		return nil, e
	}
	r, e := h.look(ref)
	h.found[ref], h.wrong[ref] = r, e
	return r, e
}

var exportName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

func (h *handlers) look(ref string) (*resolvedHandler, *handlerError) {
	clean := path.Clean(ref)
	target := filepath.Join(h.dir, filepath.FromSlash(clean))
	if !within(target, h.root) {
		return nil, h.outside(ref)
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return h.directory(ref, target)
	}
	folder, base := path.Split(clean)
	stem, export, ok := cutLast(base, ".")
	if !ok {
		return nil, h.noExport(ref, folder, base)
	}
	if isSource(base) {
		return nil, h.noExport(ref, folder, stem)
	}
	if !exportName.MatchString(export) {
		return nil, &handlerError{fmt.Sprintf("%q: %q cannot be the name of an export", ref, export), "write path/file.export, such as functions/private.handler"}
	}
	return h.file(ref, folder, stem, export)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// within reports whether target is root or below it.
func within(target, root string) bool {
	rel, err := filepath.Rel(root, target)
	return err == nil && filepath.IsLocal(rel)
}

func (h *handlers) outside(ref string) *handlerError {
	return &handlerError{
		fmt.Sprintf("%q leaves the app: functions stay below %s", ref, filepath.ToSlash(relative(h.dir, h.root))),
		"move the function below the declaration's folder, or the declaration's module or workspace root above it",
	}
}

// relative names to as seen from dir: "the declaration's folder" or ../...
func relative(dir, to string) string {
	rel, err := filepath.Rel(dir, to)
	if err != nil || rel == "." {
		return "the declaration's folder"
	}
	return rel
}

// inside resolves the symbolic links of target and makes sure that they stay in the app.
func (h *handlers) inside(ref, target string) (string, *handlerError) {
	real, err := filepath.EvalSymlinks(target)
	if err != nil {
		return "", &handlerError{fmt.Sprintf("%q cannot be read: %s", ref, cause(err)), ""}
	}
	if !within(real, h.root) {
		e := h.outside(ref)
		e.message = fmt.Sprintf("%q is a symbolic link that leaves the app", ref)
		return "", e
	}
	return real, nil
}

// directory resolves a Go package: main, with at least one file that is no test.
func (h *handlers) directory(ref, target string) (*resolvedHandler, *handlerError) {
	real, failed := h.inside(ref, target)
	if failed != nil {
		return nil, failed
	}
	names := filesOf(real)
	other := ""
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(real, name), nil, parser.PackageClauseOnly)
		if err != nil {
			continue
		}
		if file.Name.Name == "main" {
			return &resolvedHandler{kind: FunctionGo, path: real}, nil
		}
		other = file.Name.Name
	}
	if other != "" {
		return nil, &handlerError{fmt.Sprintf("%q holds package %s, not a Go main package", ref, other), "make it package main with a func main that calls lambda.Start"}
	}
	hint := "add a Go main package, or write path/file.export"
	for _, name := range names {
		if isSource(name) {
			stem, _, _ := cutLast(name, ".")
			hint = fmt.Sprintf("did you mean %q?", path.Join(path.Clean(ref), stem)+".handler")
			break
		}
	}
	return nil, &handlerError{fmt.Sprintf("%q is a directory without a Go main package", ref), hint}
}

// file resolves path/file.export by looking which extension there is. Names are compared
// with the directory's own, so that what works where case is ignored works on Linux.
func (h *handlers) file(ref, folder, stem, export string) (*resolvedHandler, *handlerError) {
	names := filesOf(filepath.Join(h.dir, filepath.FromSlash(folder)))
	var hits []string
	for _, e := range extensions {
		if slices.Contains(names, stem+e.name) {
			hits = append(hits, stem+e.name)
		}
	}
	if len(hits) == 2 && hits[0] == stem+".ts" && hits[1] == stem+".js" {
		hits = hits[:1]
	}
	switch len(hits) {
	case 0:
		return nil, h.noFile(ref, folder, stem, export, names)
	case 1:
	default:
		return nil, &handlerError{fmt.Sprintf("%q is ambiguous: there are %s", ref, strings.Join(hits, " and ")), "rename or delete all but one"}
	}
	real, failed := h.inside(ref, filepath.Join(h.dir, filepath.FromSlash(folder), hits[0]))
	if failed != nil {
		return nil, failed
	}
	r := &resolvedHandler{path: real, export: export}
	for _, e := range extensions {
		if strings.HasSuffix(hits[0], e.name) {
			r.kind = e.kind
		}
	}
	return r, nil
}

// noFile says what there is instead of the file.
func (h *handlers) noFile(ref, folder, stem, export string, names []string) *handlerError {
	e := &handlerError{message: fmt.Sprintf("%q: there is no %s with the extension .ts, .js, .mjs, .cjs or .py", ref, path.Join(folder, stem))}
	var stems, known []string
	for _, name := range names {
		if isSource(name) {
			s, _, _ := cutLast(name, ".")
			stems, known = append(stems, s), append(known, path.Join(folder, s)+"."+export)
		}
	}
	if near := nearest(stem, stems); near != "" {
		e.hint = fmt.Sprintf("did you mean %q?", path.Join(folder, near)+"."+export)
		return e
	}
	if names == nil { // perhaps the folder is misspelt
		clean := strings.TrimSuffix(folder, "/")
		parent, last := path.Split(clean)
		entries, _ := os.ReadDir(filepath.Join(h.dir, filepath.FromSlash(parent)))
		var folders []string
		for _, entry := range entries {
			if entry.IsDir() {
				folders = append(folders, entry.Name())
			}
		}
		e.message = fmt.Sprintf("%q: there is no directory %s", ref, clean)
		if near := nearest(last, folders); near != "" {
			e.hint = fmt.Sprintf("did you mean %q?", path.Join(parent, near, stem)+"."+export)
		}
		return e
	}
	if slices.Contains(names, stem+".go") {
		e.hint = fmt.Sprintf("a Go function is named by its directory: write %q", path.Clean("./"+folder))
	} else if len(known) > 0 {
		e.hint = "there are " + strings.Join(known[:min(len(known), 5)], ", ")
	} else {
		e.hint = "create the file, or correct the path"
	}
	return e
}

// noExport is the error for a file named without its export.
func (h *handlers) noExport(ref, folder, stem string) *handlerError {
	names := filesOf(filepath.Join(h.dir, filepath.FromSlash(folder)))
	for _, e := range extensions {
		if slices.Contains(names, stem+e.name) {
			return &handlerError{fmt.Sprintf("%q does not name an export", ref), fmt.Sprintf("write path/file.export without the extension, such as %q", path.Join(folder, stem)+".handler")}
		}
	}
	e := &handlerError{fmt.Sprintf("%q is neither a directory nor path/file.export", ref), "write a directory with a Go main package, or path/file.export, such as functions/private.handler"}
	entries, _ := os.ReadDir(filepath.Join(h.dir, filepath.FromSlash(folder)))
	known := make(map[string]string) // by the name in the folder
	for _, entry := range entries[:min(len(entries), maxFiles)] {
		if entry.IsDir() {
			known[entry.Name()] = path.Join(folder, entry.Name())
		} else if s, _, _ := cutLast(entry.Name(), "."); isSource(entry.Name()) {
			known[s] = path.Join(folder, s) + ".handler"
		}
	}
	names = sortedKeys(known)
	if near := nearest(stem, names); near != "" {
		e.hint = fmt.Sprintf("did you mean %q?", known[near])
	}
	return e
}

// maxFiles bounds how many names of a directory are looked at.
const maxFiles = 10_000

// filesOf lists the files of a directory, or nil if there is no such directory.
func filesOf(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, err := d.ReadDir(maxFiles)
	if err != nil && len(entries) == 0 && !errors.Is(err, fs.ErrNotExist) {
		return []string{}
	}
	names := []string{}
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
