package store_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// orders is a second room.
var orders = store.Migration{Room: "orders", Version: 1, SQL: `CREATE TABLE orders (id INTEGER PRIMARY KEY) STRICT;`}

func moreNotes(sql string) []store.Migration {
	return []store.Migration{notes, {Room: "notes", Version: 2, SQL: sql}}
}

func TestMigrationsAreAppliedOnceAndInOrder(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	s := open(t, dir, store.Options{Migrations: []store.Migration{notes, orders}})
	fill(t, s)
	closeStage(t, s)
	for range 2 {
		s = open(t, dir, store.Options{Migrations: append(moreNotes(`ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0`), orders)})
		var n int
		err := s.DB().Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM notes WHERE starred = 0`).Scan(&n)
		})
		if err != nil || n != 1000 {
			t.Errorf("%d notes, %v; want 1000", n, err)
		}
		closeStage(t, s)
	}
}

// A step that fails leaves the state as it was before that step.
func TestFailedMigrationLeavesTheStateWhole(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	bad := `ALTER TABLE notes ADD COLUMN starred INTEGER; UPDATE notes SET nonsense = 1`
	s, err := store.Open(t.Context(), dir, store.Options{Migrations: moreNotes(bad)})
	if err == nil {
		s.Close()
		t.Fatal("Open succeeded")
	}
	if want := "migrating notes to version 2: "; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("Open: %v; want %q and the cause", err, want)
	}
	open(t, dir, store.Options{Migrations: moreNotes(`ALTER TABLE notes ADD COLUMN starred INTEGER`)})
}

// A step cannot break the references of rows that are there.
func TestMigrationKeepsReferences(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	tables := store.Migration{Room: "r", Version: 1, SQL: `
		CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
		CREATE TABLE children (parent INTEGER NOT NULL REFERENCES parents (id)) STRICT;
		INSERT INTO parents VALUES (1);
		INSERT INTO children VALUES (1);`}
	orphan := store.Migration{Room: "r", Version: 2, SQL: `DELETE FROM parents`}
	if s, err := store.Open(t.Context(), dir, store.Options{Migrations: []store.Migration{tables, orphan}}); err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
		t.Errorf("Open = %v, %v; want a violated foreign key", s, err)
	}
}

func TestNewerStateIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, holds string
		older       []store.Migration
	}{
		{"a later version", "notes version 2 (known: 1)", []store.Migration{notes, orders}},
		{"another room", "orders version 1 (known: 0)", moreNotes(`SELECT 1`)},
		{"a renamed room", "notes version 2 (known: 0)", []store.Migration{{Room: "memos", Version: 1, SQL: notes.SQL}, orders}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := store.Path(t.TempDir(), "dev")
			closeStage(t, open(t, dir, store.Options{Migrations: append(moreNotes(`SELECT 1`), orders)}))
			expectFix(t, dir, store.Options{Migrations: c.older}, c.holds, "update doorwright")
			// It was not touched: the newer one still opens it.
			open(t, dir, store.Options{Migrations: append(moreNotes(`SELECT 1`), orders)})
		})
	}
}

func TestRecordWithAGapIsRefused(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	s := open(t, dir, store.Options{Migrations: moreNotes(`SELECT 1`)})
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM store_migrations WHERE room = 'notes' AND version = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStage(t, s)
	expectFix(t, dir, store.Options{Migrations: moreNotes(`SELECT 1`)}, "room notes goes from version 0 to 2", "away and start again")
}

func TestOpenRespectsItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := store.Path(t.TempDir(), "dev")
	if s, err := store.Open(ctx, dir, store.Options{}); err == nil {
		s.Close()
		t.Error("Open went on after its context had ended")
	}
	open(t, dir, store.Options{}) // It holds nothing and has left nothing by half.
}
