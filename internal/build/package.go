package build

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Architecture is the instruction set of Lambda functions (CreateFunction
// Architectures).
type Architecture string

// The architectures.
const (
	ARM64 Architecture = "arm64"
	X8664 Architecture = "x86_64"
)

// targets are the Go tool's names of the architectures, and those in files for Linux.
var targets = map[Architecture]struct {
	goarch  string
	machine elf.Machine
}{
	ARM64: {"arm64", elf.EM_AARCH64},
	X8664: {"amd64", elf.EM_X86_64},
}

// The runtimes that packages are for (Lambda developer guide, lambda-runtimes). Of those
// of Node.js the newest that calls handlers with a callback, as is done locally.
const (
	lambdaGo     = "provided.al2023"
	lambdaNode   = "nodejs22.x"
	lambdaPython = "python3.13"
)

// taskRootOnLambda is where Lambda unpacks a package (LAMBDA_TASK_ROOT).
const taskRootOnLambda = "/var/task"

// A Package is a handler's code for Lambda.
type Package struct {
	// Runtime and Handler are those of the function on AWS (CreateFunction).
	Runtime, Handler string
	// Key is made of the zip's bytes: the same key is the same code.
	Key string
	// Path is the zip, and Size its length.
	Path string
	Size int64
	// SourceMaps says that the code has source maps, which Node.js is to read.
	SourceMaps bool
}

// maxUnzipped is what Lambda unpacks at most. The 50 MB of a zip are those of one that is
// sent with the request; from S3 any is taken that unpacks to this.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxUnzipped = 250 << 20

// maxEntries bounds the files of a package.
const maxEntries = 50_000

// An entry is a file of a package: data, or what is in the file at path.
type entry struct {
	name string
	exec bool
	data []byte
	path string
	size int64
}

// Package makes the zips of handlers for Linux, one for each, in their order: of a Go
// main package its binary, of JavaScript and TypeScript a bundle with its source map, and
// the data below the task root if it asks where it is, of Python the tree there. The same source gives the same bytes on every
// machine with the same tools. The error joins an *[Error] for each handler that could
// not be packaged.
func (b *Builder) Package(ctx context.Context, arch Architecture, handlers ...string) ([]Package, error) {
	if _, ok := targets[arch]; !ok {
		return nil, fmt.Errorf("packaging for %q: the architectures are arm64 and x86_64", arch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &packager{b: b, arch: arch, dir: filepath.Join(b.cache, "packages"), trees: map[string]Package{}}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the build cache: %w", err)
	}
	packages := make([]Package, len(handlers))
	var errs []error
	for i, h := range handlers {
		var err error
		if packages[i], err = p.handler(ctx, h); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.prune(packages)
	return packages, nil
}

// packager is one call of Package.
type packager struct {
	b    *Builder
	arch Architecture
	dir  string
	// trees are the packages of Python's task roots, which their handlers share.
	trees map[string]Package
}

// handler packages one handler.
func (p *packager) handler(ctx context.Context, handler string) (Package, error) {
	s, _, err := resolve(p.b.dir, handler)
	if err != nil {
		return Package{}, err
	}
	p.b.progress(Step{Runtime: s.runtime, Handlers: []string{handler}})
	switch s.runtime {
	case Go:
		return p.goPackage(ctx, s)
	case Node:
		return p.nodePackage(ctx, s)
	case Python:
		return p.pythonPackage(ctx, s)
	}
	return Package{}, fmt.Errorf("packaging %s: unknown runtime %q", handler, s.runtime)
}

// zip writes entries, sorted, and gives the file and its key.
func (p *packager) zip(s source, entries []entry) (Package, error) {
	fail := func(err error) (Package, error) {
		return Package{}, failed(s.handler, Diagnostic{File: s.path, Message: "writing its package: " + err.Error()})
	}
	if err := p.check(s, entries); err != nil {
		return Package{}, err
	}
	f, err := os.CreateTemp(p.dir, "new-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name()) // Nothing is left there once it is renamed.
	defer f.Close()
	sum := sha256.New()
	if err := writeZip(io.MultiWriter(f, sum), entries); err != nil {
		return fail(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Close()
	}
	key := hex.EncodeToString(sum.Sum(nil)) + ".zip"
	path := filepath.Join(p.dir, key)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	return Package{Key: key, Path: path, Size: info.Size()}, nil
}

// check holds entries to what Lambda takes.
func (p *packager) check(s source, entries []entry) error {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var total int64
	for i := range entries {
		e := &entries[i]
		if e.data != nil {
			e.size = int64(len(e.data))
		}
		total += e.size
		if err := e.native(p.arch); err != nil {
			return failed(s.handler, Diagnostic{
				File: e.path, Message: fmt.Sprintf("packaging %s: %v", e.name, err),
				Hint: fmt.Sprintf("install its package for Linux on %s", p.arch),
			})
		}
	}
	if total > maxUnzipped {
		biggest := slices.MaxFunc(entries, func(a, b entry) int { return cmp.Compare(a.size, b.size) })
		return failed(s.handler, Diagnostic{
			File:    s.path,
			Message: fmt.Sprintf("its package unzips to %d MB and Lambda takes %d MB; the largest file is %s with %d MB", total>>20, maxUnzipped>>20, biggest.name, biggest.size>>20),
			Hint:    "take out what the function does not need",
		})
	}
	return nil
}

// open gives what is in an entry.
func (e *entry) open() (io.ReadCloser, error) {
	if e.data != nil {
		return io.NopCloser(bytes.NewReader(e.data)), nil
	}
	return os.Open(e.path)
}

// native says what is wrong with code that is for another machine than Lambda's: it is
// found when the function is first invoked, otherwise.
func (e *entry) native(arch Architecture) error {
	ext := filepath.Ext(e.name)
	if ext != ".so" && ext != ".node" && !strings.Contains(filepath.Base(e.name), ".so.") && e.name != "bootstrap" {
		return nil
	}
	r, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	head := make([]byte, 20) // e_ident and the beginning of the header
	if _, err := io.ReadFull(r, head); err != nil || string(head[:4]) != elf.ELFMAG {
		return errors.New("it is no binary for Linux")
	}
	machine := elf.Machine(uint16(head[18]) | uint16(head[19])<<8)
	if want := targets[arch].machine; machine != want {
		return fmt.Errorf("it is for %s and the function runs on %s", machine, want)
	}
	return nil
}

// writeZip writes entries with one time and one mode for all: those of the developer's
// files say nothing of their content.
func writeZip(w io.Writer, entries []entry) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o644)
		if e.exec {
			h.SetMode(0o755)
		}
		to, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		from, err := e.open()
		if err != nil {
			return err
		}
		// One byte more than is expected tells of a file that grew.
		n, err := io.Copy(to, io.LimitReader(from, e.size+1))
		from.Close()
		if err != nil {
			return err
		}
		if n != e.size {
			return fmt.Errorf("%s was changed while it was read", e.name)
		}
	}
	return z.Close()
}

// keepPackages is how long a package stays that is in no use: another command may be
// sending it.
const keepPackages = 24 * time.Hour

// prune removes packages of former days.
func (p *packager) prune(inUse []Package) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		used := slices.ContainsFunc(inUse, func(p Package) bool { return p.Key == e.Name() })
		if info, err := e.Info(); err == nil && !used && time.Since(info.ModTime()) > keepPackages {
			os.Remove(filepath.Join(p.dir, e.Name()))
		}
	}
}

// fileEntry makes an entry of a file of a tree.
func fileEntry(name, path string, info fs.FileInfo) entry {
	return entry{name: filepath.ToSlash(name), exec: info.Mode()&0o111 != 0, path: path, size: info.Size()}
}
