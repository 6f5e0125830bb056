package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// temporaryPrefix begins the name of a file that is being written.
const temporaryPrefix = ".new-"

// WriteFile writes a file of mode 0600 in the stage's folder, such as
// outputs.json. It appears whole: a reader sees the old content or the new.
func (s *Stage) WriteFile(name string, data []byte) error {
	switch {
	case !filepath.IsLocal(name), name != filepath.Base(name), name == ".",
		name == lockName, name == mailboxName, name == ignoreName, strings.HasPrefix(name, databaseName), strings.HasPrefix(name, temporaryPrefix):
		return fmt.Errorf("writing %q in the stage's folder: not a name for a file of yours", name)
	}
	if err := writeFile(filepath.Join(s.dir, name), data); err != nil {
		return fmt.Errorf("writing %s: %w", name, explain(s.dir, err))
	}
	return nil
}

// WriteFile writes a file of mode 0600 that appears whole. A link in its place is
// replaced, and not followed.
func WriteFile(path string, data []byte) error { return writeFile(path, data) }

// ReadFile reads a file of at most that many bytes. What is no file is refused: a cloned
// repository may bring a link to a device that never ends.
func ReadFile(path string, most int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Problem: "is not a regular file", Fix: fmt.Sprintf("move %s away", path)}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, &Error{Path: path, Problem: fmt.Sprintf("is too large: doorwright writes %d bytes at most", most), Fix: fmt.Sprintf("move %s away", path)}
	}
	return data, nil
}

// writeFile writes a file of mode 0600 through a temporary one beside it.
func writeFile(path string, data []byte) error {
	temp := filepath.Join(filepath.Dir(path), temporaryPrefix+rand.Text())
	err := os.WriteFile(temp, data, fileMode)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	return nil
}

// sweep removes the temporary files of a process that died while it wrote. The
// lock is held, so they are nobody's.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("removing unfinished files: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporaryPrefix) {
			continue
		}
		if err := removeIfThere(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("removing unfinished files: %w", err)
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
