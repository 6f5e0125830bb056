package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// A probe is one thing on the disk that can change what a build makes: how it
// is looked at, and where.
type probe struct {
	Look look   `json:"look"`
	Path string `json:"path"`
	// Pattern is an embed pattern, relative to Path, for lookEmbed alone.
	Pattern string `json:"pattern,omitempty"`
}

// look is how a probe looks.
type look string

const (
	// lookContent reads a file. That there is none, or a folder, is an
	// observation too.
	lookContent look = "content"
	// lookSources reads the names and contents of the files in a folder that the
	// Go tool may compile.
	lookSources look = "sources"
	// lookEmbed reads the names and contents of what an embed pattern takes in.
	lookEmbed look = "embed"
	// lookStamp takes a file's size and time: a compiler's, which no editor saves.
	lookStamp look = "stamp"
)

// observation is a probe with what was seen there.
type observation struct {
	probe
	Sum string `json:"sum"`
}

// Bounds of what is read to find out whether a build would make the same. What
// is larger is built.
const (
	maxEvidenceFiles = 20_000
	maxEvidenceBytes = 256 << 20
)

// errTooMuch says that the bounds do not suffice.
var errTooMuch = errors.New("too much to read")

// sight looks at probes, at each once.
type sight struct {
	mu    sync.Mutex
	seen  map[probe]string // guarded by mu
	files int              // guarded by mu
	bytes int64            // guarded by mu
}

func newSight() *sight { return &sight{seen: map[probe]string{}} }

// at looks at probes. It says false if one cannot be looked at, or ctx ended:
// then nothing is known.
func (s *sight) at(ctx context.Context, probes []probe) ([]observation, bool) {
	seen := make([]observation, len(probes))
	failed := make([]bool, len(probes))
	var wg sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := worker; i < len(probes) && ctx.Err() == nil; i += runtime.GOMAXPROCS(0) {
				sum, err := s.one(probes[i])
				seen[i], failed[i] = observation{probes[i], sum}, err != nil
			}
		})
	}
	wg.Wait()
	return seen, ctx.Err() == nil && !slices.Contains(failed, true)
}

// one looks at one probe, or remembers it.
func (s *sight) one(p probe) (string, error) {
	s.mu.Lock()
	sum, ok := s.seen[p]
	s.mu.Unlock()
	if ok {
		return sum, nil
	}
	sum, err := s.look(p)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.seen[p] = sum
	s.mu.Unlock()
	return sum, nil
}

func (s *sight) look(p probe) (string, error) {
	sum := sha256.New()
	var err error
	switch p.Look {
	case lookContent:
		err = s.content(sum, p.Path)
	case lookSources:
		err = s.sources(sum, p.Path)
	case lookEmbed:
		err = s.embedded(sum, p.Path, p.Pattern)
	case lookStamp:
		err = stampFile(sum, p.Path)
	default:
		err = fmt.Errorf("no way to look %q", p.Look)
	}
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// content adds what is at a path.
func (s *sight) content(sum hash.Hash, path string) error {
	info, err := os.Stat(path) // before it is opened: a pipe would keep us waiting
	switch {
	case isAbsent(err):
		io.WriteString(sum, "absent")
		return nil
	case err != nil:
		return err
	case info.IsDir():
		io.WriteString(sum, "folder")
		return nil
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	}
	if err := s.count(info.Size()); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	io.WriteString(sum, "file\x00")
	n, err := io.Copy(sum, io.LimitReader(f, info.Size()+1))
	if err == nil && n != info.Size() {
		err = fmt.Errorf("%s is being written", path)
	}
	return err
}

// count holds the bounds.
func (s *sight) count(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files++
	s.bytes += size
	if s.files > maxEvidenceFiles || s.bytes > maxEvidenceBytes {
		return errTooMuch
	}
	return nil
}

// isAbsent says whether an error is that of a path that leads nowhere.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// named adds a file's name and contents, in a form of fixed length, so that no
// two sets of files read the same.
func (s *sight) named(sum hash.Hash, name, path string) error {
	inner := sha256.New()
	if err := s.content(inner, path); err != nil {
		return err
	}
	nameSum := sha256.Sum256([]byte(name))
	sum.Write(nameSum[:])
	sum.Write(inner.Sum(nil))
	return nil
}

// sources adds the files of a folder that the Go tool may compile: it leaves
// out names that begin with _ or . ("go help packages") and tests.
func (s *sight) sources(sum hash.Hash, dir string) error {
	entries, err := os.ReadDir(dir) // sorted
	if isAbsent(err) {
		io.WriteString(sum, "absent")
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go") || e.IsDir() ||
			!slices.ContainsFunc(goSources, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
			continue
		}
		if err := s.named(sum, name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// embedded adds what a pattern of package embed takes in, and a little more:
// it leaves out hidden files of a folder, and other modules.
func (s *sight) embedded(sum hash.Hash, dir, pattern string) error {
	matches, err := filepath.Glob(filepath.Join(escapeGlob(dir), filepath.FromSlash(strings.TrimPrefix(pattern, "all:"))))
	if err != nil {
		return err
	}
	for _, match := range matches { // sorted
		err := filepath.WalkDir(match, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if err := s.count(0); err != nil { // also folders
				return err
			}
			return s.named(sum, path, path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stampFile adds what tells one version of a program from another without
// reading it, through symbolic links.
func stampFile(sum hash.Hash, path string) error {
	real, err := filepath.EvalSymlinks(path)
	if isAbsent(err) {
		io.WriteString(sum, "absent")
		return nil
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s\x00%d\x00%d\x00%v", real, info.Size(), info.ModTime().UnixNano(), info.Mode())
	return nil
}
