package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/store/storetest"
)

// fill puts a thousand rows into the notes.
func fill(t *testing.T, s *store.Stage) {
	t.Helper()
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
			INSERT INTO notes (text) SELECT 'note ' || i || ' ' || hex(randomblob(50)) FROM n`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedDatabase(t *testing.T) {
	overwrite := func(at, n int) func([]byte) []byte {
		return func(b []byte) []byte {
			for i := at; i < at+n; i++ {
				b[i] = 0xa5
			}
			return b
		}
	}
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"not a database", func([]byte) []byte { return []byte(strings.Repeat("<html>", 1000)) }},
		{"header", overwrite(0, 100)},
		{"schema page", overwrite(100, 300)},
		{"a page in the middle", overwrite(20*4096, 64)},
		{"cut short", func(b []byte) []byte { return b[:len(b)/2/4096*4096] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := store.Path(t.TempDir(), "dev")
			opts := store.Options{Migrations: []store.Migration{notes}}
			s := open(t, dir, opts)
			fill(t, s)
			closeStage(t, s)
			path := filepath.Join(dir, "state.db")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			expectFix(t, dir, opts, "is damaged", "move "+dir+" away and start again")
		})
	}
}

// expectFix opens a folder that cannot be opened and checks what the user is
// told, and that the folder is not held afterwards.
func expectFix(t *testing.T, dir string, opts store.Options, problem, fix string) {
	t.Helper()
	for range 2 { // The second time finds the lock free.
		s, err := store.Open(t.Context(), dir, opts)
		if err == nil {
			s.Close()
			t.Fatal("Open succeeded")
		}
		var e *store.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), problem) || !strings.Contains(hint(err), fix) {
			t.Errorf("Open: %v\nhint: %s\nwant %q and %q", err, hint(err), problem, fix)
		}
	}
}

func TestForeignDatabase(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	s := open(t, dir, store.Options{Migrations: []store.Migration{notes}})
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`PRAGMA application_id = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStage(t, s)
	expectFix(t, dir, store.Options{Migrations: []store.Migration{notes}}, "state.db is not a database of doorwright", "move "+dir+" away")
}

// A database or a log that somebody has removed is missed, and not made anew.
func TestLostFiles(t *testing.T) {
	opts := store.Options{Migrations: []store.Migration{notes}}
	for _, c := range []struct {
		name   string
		closed bool // in good order
		lose   string
	}{
		{"the database", true, "state.db"},
		{"the database and not its log", false, "state.db"},
		{"the log", false, "state.db-wal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := store.Path(t.TempDir(), "dev")
			s := open(t, dir, opts)
			fill(t, s)
			if c.closed {
				closeStage(t, s)
			} else {
				dir = copyStage(t, dir) // As a process that was killed leaves it.
			}
			if err := os.Remove(filepath.Join(dir, c.lose)); err != nil {
				t.Fatal(err)
			}
			expectFix(t, dir, opts, c.lose+" is ", "move "+dir+" away and start again")
		})
	}
	t.Run("neither", func(t *testing.T) {
		dir := store.Path(t.TempDir(), "dev")
		s := open(t, dir, opts)
		fill(t, s)
		dir = copyStage(t, dir)
		closeStage(t, open(t, dir, opts)) // All is there: it opens,
		closeStage(t, open(t, dir, opts)) // and again, now without a log.
	})
}

// copyStage copies the files of a stage that is open.
func copyStage(t *testing.T, dir string) string {
	t.Helper()
	to := store.Path(t.TempDir(), "dev")
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "state.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// Damage that shows only later carries the same fix.
func TestDamageFoundLater(t *testing.T) {
	s := storetest.Open(t, notes)
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 9999 WHERE name = 'notes'; PRAGMA writable_schema = RESET`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.DB().Read(t.Context(), func(tx *sql.Tx) error {
		var n int
		return tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n)
	})
	if err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(hint(err), "away and start again") {
		t.Errorf("Read: %v; hint: %s", err, hint(err))
	}
}

func TestDiskFull(t *testing.T) {
	s := storetest.Open(t, notes)
	fill(t, s)
	// SQLite reports a database at its page limit as it does a full disk.
	setLimit := func(pages string) error {
		return s.DB().Write(t.Context(), func(tx *sql.Tx) error {
			var n int
			return tx.QueryRow(fmt.Sprintf(`PRAGMA max_page_count = %s`, pages)).Scan(&n)
		})
	}
	if err := setLimit("1"); err != nil { // As many as it has.
		t.Fatal(err)
	}
	err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO notes (text) VALUES (hex(randomblob(100000)))`)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), s.Dir()+" cannot grow") || !strings.Contains(hint(err), "make room") {
		t.Errorf("Write: %v; hint: %s", err, hint(err))
	}
	if err := setLimit("1073741823"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remember(t.Context(), "room", "again"); err != nil {
		t.Errorf("writing with room on the disk again: %v", err)
	}
}

// SQLite may roll back the whole transaction when the disk is full or fails.
// Then nobody in the group is told that the write is committed.
func TestLostGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, notes)
		insert := func(text string) error {
			return s.DB().Write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.Exec(`INSERT INTO notes (text) VALUES (?)`, text)
				return err
			})
		}
		let := make(chan struct{})
		var leader, before, culprit, after error
		var wg sync.WaitGroup
		for _, write := range []func(){
			func() {
				leader = s.DB().Write(t.Context(), func(tx *sql.Tx) error {
					<-let
					_, err := tx.Exec(`INSERT INTO notes (text) VALUES ('leader')`)
					return err
				})
			},
			func() { before = insert("before") },
			func() {
				culprit = s.DB().Write(t.Context(), func(tx *sql.Tx) error {
					// What SQLite does by itself then, asked for by name.
					if _, err := tx.Exec(`INSERT OR ROLLBACK INTO notes (text) VALUES (NULL)`); err == nil {
						t.Error("the constraint did not hold")
					}
					return nil // It does not even notice.
				})
			},
			func() { after = insert("after") },
		} {
			wg.Go(write)
			synctest.Wait() // Until it leads or waits behind those before it.
		}
		close(let)
		wg.Wait()
		for who, err := range map[string]error{"leader": leader, "before": before, "culprit": culprit} {
			if err == nil {
				t.Errorf("%s was told that its write is committed", who)
			}
		}
		if after != nil {
			t.Errorf("the next group: %v", after)
		}
		var texts string
		err := s.DB().Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT group_concat(text) FROM notes`).Scan(&texts)
		})
		if err != nil || texts != "after" {
			t.Errorf("the notes are %q, %v; want those of the next group only", texts, err)
		}
	})
}

// A writer whose ctx ends while its statement runs does not take the others'
// writes with it, as an interrupt of SQLite would.
func TestEndedContextInGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, notes)
		let := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			err := s.DB().Write(t.Context(), func(tx *sql.Tx) error {
				<-let
				_, err := tx.Exec(`INSERT INTO notes (text) VALUES ('leader')`)
				return err
			})
			if err != nil {
				t.Errorf("the leader: %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			_ = s.DB().Write(ctx, func(tx *sql.Tx) error {
				wg.Go(func() { // Far less work than the statement's.
					for range 1000 {
						_ = sha256.Sum256(make([]byte, 1000))
					}
					cancel()
				})
				_, err := tx.ExecContext(ctx, `
					WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
					INSERT INTO notes (text) SELECT 'many ' || i FROM n`)
				return err
			})
		})
		synctest.Wait()
		close(let)
		wg.Wait()
		var leaders, many int
		err := s.DB().Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow(`SELECT count(*) FILTER (WHERE text = 'leader'), count(*) FILTER (WHERE text LIKE 'many %') FROM notes`).Scan(&leaders, &many)
		})
		if err != nil || leaders != 1 || many != 0 && many != 20000 {
			t.Errorf("%d notes of the leader, %d of the other, %v", leaders, many, err)
		}
	})
}

// The panic of a group's leader is its own: those behind it go on.
func TestLeaderPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, notes)
		let := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = s.DB().Write(t.Context(), func(*sql.Tx) error { <-let; panic("mine") })
		})
		synctest.Wait()
		for i := range 3 {
			wg.Go(func() {
				if err := s.Remember(t.Context(), fmt.Sprint(i), ""); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(let)
		wg.Wait()
	})
}
