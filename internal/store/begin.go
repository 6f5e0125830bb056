package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Empty gives the database of a stage in which nothing has happened, for
// [Options.Begin]: many stages that are thrown away need not make its tables anew.
func Empty(ctx context.Context, migrations []Migration) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "doorwright-empty-")
	if err != nil {
		return nil, fmt.Errorf("making an empty stage: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := Open(ctx, filepath.Join(dir, "empty"), Options{Migrations: migrations})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // which leaves all in the one file
		return nil, err
	}
	return os.ReadFile(filepath.Join(s.Dir(), databaseName))
}

// beginWith gives a folder in which no database was so far, as checkMark has found, the one
// that it begins with.
func beginWith(dir string, database []byte) error {
	if len(database) == 0 {
		return nil
	}
	path := filepath.Join(dir, databaseName)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err // nil if it is there
	}
	return writeFile(path, database)
}
