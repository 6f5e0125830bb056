package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// TestBegin: a stage that begins with an empty database has its tables, keeps what is
// written, and goes on with that; a database that was lost is not replaced by it.
func TestBegin(t *testing.T) {
	empty, err := store.Empty(context.Background(), []store.Migration{notes})
	if err != nil {
		t.Fatal(err)
	}
	dir := store.Path(t.TempDir(), "dev")
	open := func() (*store.Stage, error) {
		return store.Open(t.Context(), dir, store.Options{Migrations: []store.Migration{notes}, Begin: empty})
	}
	for want := range 3 {
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "state.db"))
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("the database has mode %v (%v)", info.Mode(), err)
		}
		var got int
		err = s.DB().Write(t.Context(), func(tx *sql.Tx) error {
			if err := tx.QueryRow("SELECT count(*) FROM notes").Scan(&got); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO notes (text) VALUES (?)", fmt.Sprint(want))
			return err
		})
		if err != nil || got != want {
			t.Errorf("opened %d times before, it has %d notes (%v)", want, got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	if s, err := open(); err == nil {
		t.Error("a database that is gone is taken for one that never was", s.Close())
	}
}
