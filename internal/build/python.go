package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Bounds of the search for Python sources: a tree may be a home folder.
const (
	maxPythonDirs  = 512
	maxPythonFiles = 4096
	maxPythonBytes = 32 << 20
)

// buildPython finds the interpreter and what to watch: Python runs from its
// source, and the interpreter says of mistakes when it reads them.
func (b *Builder) buildPython(ctx context.Context, group []source, begin func([]source)) []Result {
	begin(group)
	results := make([]Result, len(group))
	trees := map[string]pythonTree{}
	for i, s := range group {
		tree, ok := trees[s.root]
		if !ok {
			tree = readPythonTree(ctx, s.root)
			trees[s.root] = tree
		}
		r := &results[i]
		r.Inputs = tree.inputs.Merge(Inputs{files: map[string]bool{s.path: true}})
		python, err := b.findPython(ctx)
		switch {
		case ctx.Err() != nil:
			r.Err = ctx.Err()
		case err != nil:
			r.Err = failed(s.handler, Diagnostic{
				File: s.path, Message: "a Python handler needs Python: " + err.Error(),
				Hint: "install Python 3.9 or later from https://www.python.org and start again",
			})
		default:
			r.Artifact, r.Err = pythonArtifact(s, python, tree.hash)
		}
	}
	return results
}

// pythonArtifact describes how to run a source.
func pythonArtifact(s source, python, hash string) (Artifact, error) {
	module, err := filepath.Rel(s.root, s.module)
	if err != nil {
		return Artifact{}, fmt.Errorf("building %s: %w", s.handler, err)
	}
	return Artifact{
		Runtime: Python, Root: s.root, Tool: python, Path: s.path,
		Module: filepath.ToSlash(module), Export: s.export, Hash: hash,
	}, nil
}

// findPython finds the interpreter: that of a virtual environment in the
// declaration's folder, of the one that is active, or the first in PATH.
//
// A first one in PATH that is a script, such as pyenv's shims, chooses another
// interpreter by the developer's environment and takes a tenth of a second for
// it. It is asked once, here: functions start without that environment.
func (b *Builder) findPython(ctx context.Context) (string, error) {
	tool, err := b.choosePython()
	if err != nil || isProgram(tool) {
		return tool, err
	}
	if b.pythons[tool] == "" && ctx.Err() == nil {
		b.pythons[tool] = tool
		cmd := exec.CommandContext(ctx, tool, "-I", "-S", "-c", "import sys; sys.stdout.write(sys.executable)")
		cmd.Dir, cmd.Env = b.dir, b.env
		ownGroup(cmd)
		// What gives no interpreter is started as it is, and says why.
		if out, err := cmd.Output(); err == nil && filepath.IsAbs(string(out)) && executable(string(out)) {
			b.pythons[tool] = string(out)
		}
	}
	return b.pythons[tool], ctx.Err()
}

// choosePython finds it by its name.
func (b *Builder) choosePython() (string, error) {
	bin, names := "bin", []string{"python3", "python"}
	if runtime.GOOS == "windows" {
		bin, names = "Scripts", []string{"python", "python3"}
	}
	for _, venv := range []string{filepath.Join(b.dir, ".venv"), filepath.Join(b.dir, "venv"), b.getenv("VIRTUAL_ENV")} {
		if venv == "" {
			continue
		}
		for _, name := range names {
			p := filepath.Join(venv, bin, name)
			if runtime.GOOS == "windows" {
				p += ".exe"
			}
			if executable(p) {
				return p, nil
			}
		}
	}
	var first error
	for _, name := range names {
		p, err := b.lookPath(name)
		if err == nil {
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", first
}

// pythonTree is the sources below a task root. What a module imports is known
// only by running it, so all of them are watched.
type pythonTree struct {
	inputs Inputs
	hash   string
}

// readPythonTree reads a tree as far as the bounds allow.
func readPythonTree(ctx context.Context, root string) pythonTree {
	var t pythonTree
	sum := sha256.New()
	dirs, files, size := 0, 0, int64(0)
	filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return fs.SkipDir // What cannot be read cannot be imported either.
		}
		if e.IsDir() {
			if dirs++; path != root && foreignDir(path, e.Name()) {
				return fs.SkipDir
			}
			if dirs > maxPythonDirs {
				return fs.SkipAll
			}
			t.inputs.addDir(path, ".py", folders)
			return nil
		}
		if !strings.HasSuffix(e.Name(), ".py") {
			return nil
		}
		if files++; files > maxPythonFiles {
			return fs.SkipAll
		}
		if info, err := e.Info(); err == nil {
			hashPython(sum, path, info, &size)
		}
		return nil
	})
	t.hash = hex.EncodeToString(sum.Sum(nil)[:12])
	return t
}

// hashPython adds a file to a tree's hash: its contents, or beyond the bound
// its size and time.
func hashPython(sum hash.Hash, path string, info fs.FileInfo, size *int64) {
	fmt.Fprintf(sum, "%s\x00%d\x00", path, info.Size())
	if *size += info.Size(); *size > maxPythonBytes {
		fmt.Fprintf(sum, "%d\x00", info.ModTime().UnixNano())
		return
	}
	if f, err := os.Open(path); err == nil {
		io.Copy(sum, io.LimitReader(f, maxPythonBytes)) // A file that vanishes is another change.
		f.Close()
	}
}

// foreignDir says whether a folder holds what others wrote: hidden folders,
// caches, packages, virtual environments.
func foreignDir(path, name string) bool {
	switch {
	case strings.HasPrefix(name, "."), name == "__pycache__", name == "node_modules", name == "site-packages":
		return true
	}
	return exists(filepath.Join(path, "pyvenv.cfg"))
}
