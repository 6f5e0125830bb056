package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Size says how much is in a stage's folder.
type Size struct {
	Files int
	Bytes int64
}

// Measure says how much is in the stage's folder. The error is fs.ErrNotExist
// where there is none.
func Measure(dir string) (Size, error) {
	if err := checkFolder(dir); err != nil {
		return Size{}, err
	}
	var s Size
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone in the meantime: a log that was rotated
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		s.Files++
		s.Bytes += info.Size()
		return nil
	})
	if err != nil {
		return Size{}, fmt.Errorf("measuring the stage's state: %w", err)
	}
	return s, nil
}

// Remove deletes a stage's folder with all that is in it. It fails with a
// *[HeldError] while anybody has the stage open, and with fs.ErrNotExist where
// there is no folder. One that was interrupted is finished by the next Remove:
// the database is not asked whether it is whole.
func Remove(dir, command string, now time.Time) error {
	if err := checkFolder(dir); err != nil {
		return err
	}
	l, err := takeLock(dir, holder{PID: os.Getpid(), Command: command, Since: now})
	if err != nil {
		return fmt.Errorf("removing stage state %s: %w", dir, explain(dir, err))
	}
	err = removeContent(dir)
	if err == nil {
		// Unix deletes the lock's file while it is held: whoever has opened it by then
		// finds another file, or none, below its name, and lets it be (see takeLock).
		// Windows deletes no open file; there it goes after the release, and fails
		// if somebody else has opened it, which is a stage that begins afresh.
		_ = os.Remove(filepath.Join(dir, lockName))
	}
	if released := l.release(); err == nil {
		err = released
	}
	if err == nil {
		err = errors.Join(removeIfThere(filepath.Join(dir, lockName)), removeIfThere(dir))
	}
	if err != nil {
		return fmt.Errorf("removing stage state %s: %w", dir, explain(dir, err))
	}
	return nil
}

// checkFolder refuses what is not a folder of ours: a symbolic link that a
// cloned repository brought would lead the deletion elsewhere.
func checkFolder(dir string) error {
	folders := []string{dir}
	if parent := filepath.Dir(dir); filepath.Base(parent) == FolderName {
		folders = []string{parent, dir}
	}
	for _, f := range folders {
		info, err := os.Lstat(f)
		if err != nil {
			return fmt.Errorf("looking for the stage's state: %w", err)
		}
		if !info.IsDir() {
			return &Error{Path: f, Problem: "is not a folder", Fix: "a stage's state lives in a real folder, not a file or a symbolic link; look at what it is and remove it yourself"}
		}
	}
	return nil
}

// removeContent deletes everything but the lock. The database's mark goes
// first: without it what an interruption leaves is a stage that has never run,
// and with it a damaged one.
func removeContent(dir string) error {
	if err := removeIfThere(filepath.Join(dir, markName)); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
