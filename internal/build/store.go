package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// store keeps results in folders named by their contents. Nothing in it is
// ever overwritten, unless it is damaged.
type store struct{ dir string }

// hashBytes is how much of a SHA-256 names a result: all of it, for a repository may
// bring what has the name of another result if two can be made that share it.
const hashBytes = sha256.Size

// addFile copies a file into the store under its own name and gives its path
// there and its hash.
func (s store) addFile(path string) (string, string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", "", fmt.Errorf("reading what was built: %w", err)
	}
	defer in.Close()
	sum := sha256.New()
	return s.commit(sum.Sum, func(tmp string) error {
		// A child that is forked while the file is open for writing has it open,
		// too, until it executes; until then nobody can run the file ("text file
		// busy", golang.org/issue/22315).
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		out, err := os.OpenFile(filepath.Join(tmp, filepath.Base(path)), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.MultiWriter(out, sum), in); err != nil {
			out.Close()
			return err
		}
		return out.Close()
	}, filepath.Base(path))
}

// addFiles writes files into one new folder of the store and gives the path of
// the one called entry.
func (s store) addFiles(files map[string][]byte, entry string) (string, string, error) {
	sum := sha256.New()
	sum.Write(files[entry])
	return s.commit(sum.Sum, func(tmp string) error {
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(tmp, name), data, 0o600); err != nil {
				return err
			}
		}
		return nil
	}, entry)
}

// commit fills a temporary folder and renames it to its hash.
func (s store) commit(sum func([]byte) []byte, fill func(tmp string) error, entry string) (string, string, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", "", fmt.Errorf("creating the build cache: %w", err)
	}
	tmp, err := os.MkdirTemp(s.dir, "new-")
	if err != nil {
		return "", "", fmt.Errorf("creating the build cache: %w", err)
	}
	defer os.RemoveAll(tmp) // Nothing is left there once it is renamed.
	if err := fill(tmp); err != nil {
		return "", "", fmt.Errorf("keeping what was built: %w", err)
	}
	hash := hex.EncodeToString(sum(nil)[:hashBytes])
	dir := filepath.Join(s.dir, hash)
	if err := os.Rename(tmp, dir); err != nil {
		// The same contents were built before, unless a machine that stopped has
		// left others in their place.
		if _, ok := s.has(hash, entry); !ok {
			os.RemoveAll(dir)
			err = os.Rename(tmp, dir)
		} else {
			err = nil
		}
		if err != nil {
			return "", "", fmt.Errorf("keeping what was built: %w", err)
		}
	}
	return filepath.Join(dir, entry), hash, nil
}

// has gives the path of a file that was added, if it is there and its contents
// still have the hash.
func (s store) has(hash, name string) (string, bool) {
	path := filepath.Join(s.dir, hash, name)
	return path, hash != "" && hashFile(path) == hash
}

// hashFile gives the hash of a file, "" if it cannot be read.
func hashFile(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil)[:hashBytes])
}

// prune removes what is not in use, also what an earlier process left. Where a
// running binary cannot be removed it stays until the next time.
func (s store) prune(inUse []Artifact) {
	known := map[string]bool{}
	for _, a := range inUse {
		known[filepath.Dir(a.Path)] = true
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return // There is no store yet.
	}
	for _, e := range entries {
		if dir := filepath.Join(s.dir, e.Name()); !known[dir] {
			os.RemoveAll(dir)
		}
	}
}
