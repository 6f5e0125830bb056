package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// treeEntries lists the files below the task root: all but what is hidden (.env holds
// secrets), caches, installed packages of other places, and what skip names.
func treeEntries(ctx context.Context, s source, skip func(name string) bool) ([]entry, error) {
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
		if skip(e.Name()) {
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

// notDeployed says whether a file is the project's and not the function's.
func notDeployed(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"doorwright.yaml", "go.mod", "go.sum", "go.work", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}, name)
}
