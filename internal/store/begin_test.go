package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// TestBegin: a stage begins with the database that it is given, goes on with what is
// written, and is never begun anew: not where the database was lost, which its mark tells,
// nor where the mark was.
func TestBegin(t *testing.T) {
	given := begun(t)
	dir := store.Path(t.TempDir(), "dev")
	open := func() (*store.Stage, error) {
		return store.Open(t.Context(), dir, store.Options{Migrations: []store.Migration{notes}, Begin: given})
	}
	for want := 1; want < 5; want++ { // the first note is of the database that it was given
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "state.db"))
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("the database has mode %v (%v)", info.Mode(), err)
		}
		if got := note(t, s); got != want {
			t.Errorf("opened %d times, it had %d notes", want, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if want == 3 {
			marks, err := filepath.Glob(filepath.Join(dir, "state.*"))
			if err != nil || len(marks) != 2 {
				t.Fatalf("a stage that is closed has %v (%v)", marks, err)
			}
			for _, file := range marks {
				if filepath.Base(file) != "state.db" {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err := open(); err == nil {
			t.Error("a database that is gone is taken for one that never was", s.Close())
		}
		if _, err := os.Stat(filepath.Join(dir, "state.db")); err == nil {
			t.Error("a database that is gone is replaced")
		}
	}
}

// begun gives a database in which there is a note.
func begun(t *testing.T) []byte {
	t.Helper()
	empty, err := store.Empty(t.Context(), []store.Migration{notes})
	if err != nil {
		t.Fatal(err)
	}
	dir := store.Path(t.TempDir(), "dev")
	s, err := store.Open(t.Context(), dir, store.Options{Migrations: []store.Migration{notes}, Begin: empty})
	if err != nil {
		t.Fatal(err)
	}
	if got := note(t, s); got != 0 {
		t.Errorf("an empty database has %d notes", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	database, err := os.ReadFile(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	return database
}

// note counts the notes of a stage, and adds one.
func note(t *testing.T, s *store.Stage) (had int) {
	t.Helper()
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		if err := tx.QueryRow("SELECT count(*) FROM notes").Scan(&had); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO notes (text) VALUES (?)", fmt.Sprint(had))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return had
}
