package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The mark is a file beside the database: it is there once the database has
// been made, and not empty while a process has it open. Without it SQLite
// would take a database or a write-ahead log that somebody has removed for one
// that never was, and the stage would quietly go on without what it knew:
// without its users, or with tokens that were revoked.
const (
	markName = databaseName + "-mark"
	logName  = databaseName + "-wal"
)

// checkMark refuses a folder that has lost its database or its log. It is for
// before the database is opened.
func checkMark(dir string) error {
	mark, err := os.Lstat(filepath.Join(dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // No start has come so far.
	}
	if err != nil {
		return fmt.Errorf("looking for the database's mark: %w", err)
	}
	if info, err := os.Stat(filepath.Join(dir, databaseName)); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return damaged(dir, fmt.Errorf("%s is empty or gone", databaseName))
	}
	_, err = os.Stat(filepath.Join(dir, logName))
	if mark.Size() > 0 && errors.Is(err, fs.ErrNotExist) {
		return damaged(dir, fmt.Errorf("%s is gone, and with it the last writes", logName))
	}
	return nil
}

// markOpen notes that the database has been made, and that from now on its log
// is needed.
func markOpen(dir string) error {
	path := filepath.Join(dir, markName)
	if err := makeFile(path); err != nil {
		return fmt.Errorf("marking the database: %w", err)
	}
	if err := os.WriteFile(path, []byte("open\n"), fileMode); err != nil {
		return fmt.Errorf("marking the database: %w", err)
	}
	return nil
}

// markClosed notes that the log is not needed any more. It is for before
// SQLite removes the log: a process that is killed in between leaves both.
func markClosed(dir string) error {
	err := os.Truncate(filepath.Join(dir, markName), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("marking the database: %w", err)
	}
	return nil
}
