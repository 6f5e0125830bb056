package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/store/storetest"
)

// database is what rooms rely on. Every engine must pass testDatabase.
type database interface {
	Read(ctx context.Context, fn func(*sql.Tx) error) error
	Write(ctx context.Context, fn func(*sql.Tx) error) error
}

var _ database = (*store.DB)(nil)

// contractTables is written in the SQL that SQLite and PostgreSQL share.
var contractTables = store.Migration{Room: "contract", Version: 1, SQL: `
	CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
	CREATE TABLE children (id INTEGER PRIMARY KEY, counter TEXT NOT NULL REFERENCES counters (name));
	INSERT INTO counters (name, value) VALUES ('a', 0);`}

func TestContract(t *testing.T) {
	for _, d := range []store.Durability{store.DurabilityNormal, store.DurabilityFull} {
		t.Run("SQLite "+string(d), func(t *testing.T) {
			testDatabase(t, func(t *testing.T) database {
				return open(t, store.Path(t.TempDir(), "dev"), store.Options{
					Durability: d,
					Migrations: []store.Migration{contractTables},
				}).DB()
			})
		})
	}
}

func testDatabase(t *testing.T, fresh func(*testing.T) database) {
	for _, c := range []struct {
		name string
		test func(*testing.T, database)
	}{
		{"a write is seen by the next read", testWriteThenRead},
		{"an error rolls back and passes unchanged", testError},
		{"a kept error commits and is passed on bare", testKept},
		{"a panic rolls back and reaches the caller", testPanic},
		{"Goexit rolls back and ends the caller only", testGoexit},
		{"constraints hold", testConstraints},
		{"a read cannot write", testReadOnly},
		{"a read sees one state", testSnapshot},
		{"ctx is respected while waiting", testWaiting},
		{"an ended ctx begins nothing", testEnded},
		{"a transaction ended by its function is an error", testEndedInside},
		{"rows left open harm nobody", testRowsLeftOpen},
		{"no write is lost among concurrent ones", testConcurrent},
		{"writers that fail do not touch those that wait with them", testFailuresAmongOthers},
	} {
		// In a bubble, synctest.Wait says when all other writers wait.
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(t, fresh(t)) })
		})
	}
}

func value(t *testing.T, db database, name string) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow(`SELECT value FROM counters WHERE name = $1`, name).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func add(tx *sql.Tx, name string, n int) error {
	_, err := tx.Exec(`UPDATE counters SET value = value + $2 WHERE name = $1`, name, n)
	return err
}

func testWriteThenRead(t *testing.T, db database) {
	for want := 1; want <= 3; want++ {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			stmt, err := tx.PrepareContext(t.Context(), `UPDATE counters SET value = value + $1 WHERE name = $2`)
			if err != nil {
				return err
			}
			defer stmt.Close()
			_, err = stmt.ExecContext(t.Context(), 1, "a")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := value(t, db, "a"); got != want {
			t.Fatalf("value is %d, want %d", got, want)
		}
	}
}

func testKept(t *testing.T, db database) {
	mine := errors.New("mine")
	for _, wrap := range []func(error) error{
		func(err error) error { return err },
		func(err error) error { return fmt.Errorf("counting: %w", err) },
	} {
		before := value(t, db, "a")
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			if err := add(tx, "a", 1); err != nil {
				return err
			}
			return wrap(store.Keep(mine))
		})
		if err != mine {
			t.Errorf("the error is %v", err)
		}
		if got := value(t, db, "a"); got != before+1 {
			t.Errorf("value is %d, want %d", got, before+1)
		}
	}
}

func testError(t *testing.T, db database) {
	mine := errors.New("mine")
	for _, call := range []func(context.Context, func(*sql.Tx) error) error{db.Write, db.Read} {
		err := call(t.Context(), func(tx *sql.Tx) error {
			_ = add(tx, "a", 1)
			return mine
		})
		if err != mine {
			t.Errorf("the function's error came back as %v", err)
		}
	}
	if got := value(t, db, "a"); got != 0 {
		t.Errorf("value is %d after a write that failed", got)
	}
}

func testPanic(t *testing.T, db database) {
	for _, call := range []func(context.Context, func(*sql.Tx) error) error{db.Write, db.Read} {
		got := func() (r any) {
			defer func() { r = recover() }()
			_ = call(t.Context(), func(tx *sql.Tx) error {
				_ = add(tx, "a", 1)
				panic("mine")
			})
			return nil
		}()
		if got != "mine" {
			t.Errorf("recovered %v, want the function's own panic", got)
		}
	}
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 10) }); err != nil {
		t.Fatal(err)
	}
	if got := value(t, db, "a"); got != 10 {
		t.Errorf("value is %d, want 10", got)
	}
}

func testGoexit(t *testing.T, db database) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Write(t.Context(), func(tx *sql.Tx) error {
			_ = add(tx, "a", 1)
			runtime.Goexit()
			return nil
		})
	})
	wg.Wait()
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 10) }); err != nil {
		t.Fatal(err)
	}
	if got := value(t, db, "a"); got != 10 {
		t.Errorf("value is %d, want 10", got)
	}
}

func testConstraints(t *testing.T, db database) {
	for _, statement := range []string{
		`INSERT INTO counters (name, value) VALUES ('a', 1)`,
		`INSERT INTO children (id, counter) VALUES (1, 'missing')`,
	} {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(statement)
			return err
		})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "constraint") {
			t.Errorf("%s: %v, want a violated constraint", statement, err)
		}
	}
}

func testReadOnly(t *testing.T, db database) {
	if err := db.Read(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 1) }); err == nil {
		t.Error("a read wrote")
	}
	if got := value(t, db, "a"); got != 0 {
		t.Errorf("value is %d after a read", got)
	}
}

func testSnapshot(t *testing.T, db database) {
	err := db.Read(t.Context(), func(tx *sql.Tx) error {
		for want := range 2 {
			var got int
			if err := tx.QueryRow(`SELECT value FROM counters WHERE name = 'a'`).Scan(&got); err != nil {
				return err
			}
			if got != 0 {
				t.Errorf("statement %d of one read saw %d", want+1, got)
			}
			if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 1) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := value(t, db, "a"); got != 2 {
		t.Errorf("value is %d, want 2", got)
	}
}

func testWaiting(t *testing.T, db database) {
	let := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			<-let
			return add(tx, "a", 1)
		})
		if err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	impatient := make(chan error, 1)
	go func() {
		impatient <- db.Write(ctx, func(tx *sql.Tx) error { return add(tx, "a", 100) })
	}()
	synctest.Wait()
	cancel()
	if err := <-impatient; !errors.Is(err, context.Canceled) { // Would hang if Write went on waiting.
		t.Errorf("the waiting writer got %v, want context.Canceled", err)
	}
	close(let)
	wg.Wait()
	if got := value(t, db, "a"); got != 1 {
		t.Errorf("value is %d, want 1", got)
	}
}

func testEnded(t *testing.T, db database) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []func(context.Context, func(*sql.Tx) error) error{db.Write, db.Read} {
		err := call(ctx, func(*sql.Tx) error { t.Error("the function ran"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
}

func testEndedInside(t *testing.T, db database) {
	err := db.Write(t.Context(), func(tx *sql.Tx) error { return tx.Rollback() })
	if !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("got %v, want sql.ErrTxDone", err)
	}
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 1) }); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

func testRowsLeftOpen(t *testing.T, db database) {
	for range 20 { // More than the pool of readers holds.
		for _, call := range []func(context.Context, func(*sql.Tx) error) error{db.Write, db.Read} {
			err := call(t.Context(), func(tx *sql.Tx) error {
				rows, err := tx.QueryContext(t.Context(), `SELECT name FROM counters`)
				if err != nil {
					return err
				}
				rows.Next()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 1) }); err != nil {
		t.Fatal(err)
	}
}

func testConcurrent(t *testing.T, db database) {
	const writers, each = 16, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := db.Write(t.Context(), func(tx *sql.Tx) error { return add(tx, "a", 1) }); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			last := 0
			for range each {
				n := value(t, db, "a")
				if n < last {
					t.Errorf("the value went back from %d to %d", last, n)
				}
				last = n
			}
		})
	}
	wg.Wait()
	if got := value(t, db, "a"); got != writers*each {
		t.Errorf("value is %d, want %d", got, writers*each)
	}
}

// Writers that wait share a commit. Each third one fails in its own way.
func testFailuresAmongOthers(t *testing.T, db database) {
	const writers = 90
	failures := []func(context.CancelFunc) error{
		func(context.CancelFunc) error { return errors.New("mine") },
		func(context.CancelFunc) error { panic("mine") },
		func(context.CancelFunc) error { runtime.Goexit(); return nil },
		func(cancel context.CancelFunc) error { cancel(); return context.Canceled },
	}
	let := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.Write(t.Context(), func(*sql.Tx) error { <-let; return nil }); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	for i := range writers {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			defer func() { _ = recover() }()
			err := db.Write(ctx, func(tx *sql.Tx) error {
				name := fmt.Sprintf("w%d", i)
				if _, err := tx.ExecContext(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)`, name, i); err != nil {
					return err
				}
				if i%3 == 0 {
					return failures[i/3%len(failures)](cancel)
				}
				return nil
			})
			if failed := err != nil; failed != (i%3 == 0) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	synctest.Wait() // Now all writers wait and will share commits.
	close(let)
	wg.Wait()
	err := db.Read(t.Context(), func(tx *sql.Tx) error {
		var n, thirds int
		if err := tx.QueryRow(`SELECT count(*), count(CASE WHEN value % 3 = 0 THEN 1 END) FROM counters WHERE name LIKE 'w%'`).Scan(&n, &thirds); err != nil {
			return err
		}
		if n != writers/3*2 || thirds != 0 {
			t.Errorf("%d rows, %d of writers that failed; want %d and 0", n, thirds, writers/3*2)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, d := range []store.Durability{store.DurabilityNormal, store.DurabilityFull} {
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/writers=%d", d, writers), func(b *testing.B) {
				s, err := store.Open(b.Context(), store.Path(b.TempDir(), "bench"), store.Options{Durability: d, Migrations: []store.Migration{notes}})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				text := strings.Repeat("x", 400)
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for i := w; i < b.N; i += writers {
							err := s.DB().Write(b.Context(), func(tx *sql.Tx) error {
								_, err := tx.Exec(`INSERT INTO notes (text) VALUES (? || ?)`, text, i)
								return err
							})
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s := storetest.Open(b)
	if err := s.Remember(b.Context(), "key", "value"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Recall(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}
