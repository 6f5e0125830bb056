package build

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// goPackage is what the Go tool says a handler's package is made of.
type goPackage struct {
	name   string
	inputs Inputs
	// dirs are the folders of the package and of those it imports.
	dirs map[string]bool
	// probes see everything that decides its binary, nil if they might not.
	probes []probe
}

// listedPackage is the part of go list's output that is used (go help list).
type listedPackage struct {
	ImportPath, Dir, Name string
	Standard              bool
	Module                *listedModule
	GoFiles, CgoFiles     []string
	EmbedPatterns         []string
	EmbedFiles            []string
	IgnoredGoFiles        []string
	Deps                  []string
	// Files of other languages.
	SFiles, HFiles, CFiles, CXXFiles, MFiles, FFiles, SysoFiles, SwigFiles, SwigCXXFiles []string
}

// listedModule says where a package's module comes from.
type listedModule struct {
	Path, Version, Dir string
	Main               bool
	Replace            *listedModule
}

// goSources are the names of files that the Go tool compiles: a new one in a
// package's folder takes part in it.
var goSources = []string{".go", ".c", ".h", ".s", ".S", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".syso"}

// listFlags are the flags of a build that decide what packages are made of.
func listFlags(flags []string) []string {
	flags = slices.Clone(flags)
	if i := slices.Index(flags, "-ldflags"); i >= 0 {
		flags = slices.Delete(flags, i, i+2)
	}
	return flags
}

// list asks the Go tool what packages are made of, by their folders. A package
// that does not compile is described as far as it can be read.
func (g *goGroup) list(ctx context.Context, group []source, indices []int) map[string]goPackage {
	args := slices.Concat([]string{"list", "-e", "-deps", "-json=ImportPath,Dir,Name,Standard,Module,GoFiles,CgoFiles,EmbedPatterns,EmbedFiles,IgnoredGoFiles,Deps," +
		"SFiles,HFiles,CFiles,CXXFiles,MFiles,FFiles,SysoFiles,SwigFiles,SwigCXXFiles"},
		listFlags(g.flags))
	for _, i := range indices {
		args = append(args, g.pattern(group[i].path))
	}
	cmd := exec.CommandContext(ctx, g.tool, args...)
	cmd.Dir, cmd.Env = g.root, g.env
	ownGroup(cmd)
	out, _ := cmd.Output() // With -e it succeeds unless nothing can be read at all.
	packages := map[string]listedPackage{}
	byDir := map[string]listedPackage{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if dec.Decode(&p) != nil {
			break
		}
		packages[p.ImportPath] = p
		if p.Dir != "" && !p.Standard {
			byDir[realPath(p.Dir)] = p
		}
	}
	described := map[string]goPackage{}
	for _, i := range indices {
		dir := group[i].path
		d := g.describe(dir, byDir[realPath(dir)], packages)
		d.probes = g.probes(dir, byDir[realPath(dir)], packages)
		described[dir] = d
	}
	return described
}

// describe gathers a package and those it imports.
func (g *goGroup) describe(dir string, p listedPackage, packages map[string]listedPackage) goPackage {
	d := goPackage{name: p.Name, dirs: map[string]bool{realPath(dir): true}}
	d.inputs.addDir(dir, goSources...)
	for _, f := range []string{"go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt"} {
		d.inputs.addFile(filepath.Join(g.root, filepath.FromSlash(f)))
	}
	for _, importPath := range append(slices.Clone(p.Deps), p.ImportPath) {
		dep := packages[importPath]
		if dep.ImportPath == "" || dep.Standard {
			continue
		}
		if dep.Dir == "" {
			g.want(&d.inputs, importPath, p.Module)
			continue
		}
		d.dirs[realPath(dep.Dir)] = true
		if !g.mutable(dep) {
			continue
		}
		if m := dep.Module; m != nil && m.Dir != "" {
			d.inputs.addFile(filepath.Join(m.Dir, "go.mod"))
			d.inputs.addFile(filepath.Join(m.Dir, "go.sum"))
		}
		// The folder is watched by the name that the developer gave it, which
		// may be a symbolic link to the one that the tool reports.
		at := dep.Dir
		if realPath(at) == realPath(dir) {
			at = dir
		}
		d.inputs.addDir(at, goSources...)
		for _, f := range slices.Concat(dep.GoFiles, dep.CgoFiles, dep.IgnoredGoFiles) {
			d.inputs.addFile(filepath.Join(at, f))
		}
		for _, pattern := range dep.EmbedPatterns {
			if dir, last := path.Split(pattern); dir == "" && strings.ContainsAny(last, `*?[`) {
				d.inputs.addDir(at, path.Ext(last)) // A new file may match.
			}
		}
		for _, f := range dep.EmbedFiles {
			d.inputs.addFile(filepath.Join(at, f))
			if embedded := filepath.Dir(filepath.Join(at, f)); embedded != at {
				d.inputs.addDir(embedded, "") // A pattern may take in a new file.
			}
		}
	}
	return d
}

// mutable says whether a developer edits a package in place: it is of a main
// module, replaced by a folder, or vendored. The module cache is read-only.
func (g *goGroup) mutable(p listedPackage) bool {
	m := p.Module
	switch {
	case m == nil || m.Main:
		return true
	case m.Replace != nil && m.Replace.Version == "":
		return true
	}
	rel, err := filepath.Rel(realPath(g.root), realPath(p.Dir))
	return err == nil && filepath.IsLocal(rel)
}

// want notes a package of the module that is imported but does not exist.
func (g *goGroup) want(in *Inputs, path string, m *listedModule) {
	if m == nil || m.Dir == "" {
		return
	}
	if rest, ok := strings.CutPrefix(path, m.Path+"/"); ok {
		in.addWanted(filepath.Join(m.Dir, filepath.FromSlash(rest)))
	}
}

// realPath resolves symbolic links, for comparing: the Go tool may report a
// folder by another name than the one it was given.
func realPath(p string) string {
	if r, err := filepath.EvalSymlinks(p); err == nil {
		return r
	}
	return filepath.Clean(p)
}
