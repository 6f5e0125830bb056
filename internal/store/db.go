package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// DB is the stage's database: one writer at a time and several readers, which
// do not wait for one another. Transactions do not nest: a transaction begun
// inside another's function may wait for ever.
type DB struct {
	dir     string
	writer  *sql.DB // one connection, a writerConn
	readers *sql.DB
	gate    gate

	mu      sync.Mutex
	leading bool      // a writer leads a group; the others queue
	queue   []*waiter // oldest first
}

// openDB opens the database, making the file if there is none, and checks that
// it is whole.
func openDB(ctx context.Context, path string, durability Durability) (*DB, error) {
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	writer, err := sqlite.NewConnector(dsn(path,
		"journal_mode(WAL)",
		"synchronous("+string(durability)+")",
		"fullfsync(1)", // macOS: fsync(2) alone leaves data in the drive's cache.
		"journal_size_limit(16777216)",
	))
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	reader, err := sqlite.NewConnector(dsn(path, "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	db := &DB{
		dir:     filepath.Dir(path),
		writer:  sql.OpenDB(writerConnector{writer}),
		readers: sql.OpenDB(reader),
	}
	db.writer.SetMaxOpenConns(1)
	readers := max(4, runtime.GOMAXPROCS(0))
	db.readers.SetMaxOpenConns(readers)
	db.readers.SetMaxIdleConns(readers)
	if err := db.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), db.close())
	}
	return db, nil
}

// dsn gives the data source name of a connection. The pragmas are SQLite's
// (https://sqlite.org/pragma.html).
func dsn(path string, pragmas ...string) string {
	pragmas = append([]string{
		"busy_timeout(5000)", // Only a stranger, such as the sqlite3 shell, makes us wait.
		"foreign_keys(1)",
		"trusted_schema(0)",  // A state file that came with a repository calls no functions.
		"temp_store(MEMORY)", // No copies of secrets in the system's folder for temporary files.
	}, pragmas...)
	query := url.Values{
		"_pragma": pragmas,
		"_dqs":    {"0"}, // A misspelt column name is an error, not a string.
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/x becomes file:///C:/x (https://sqlite.org/uri.html).
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}
	return u.String()
}

// applicationID marks the file as ours (https://sqlite.org/pragma.html#pragma_application_id):
// "Dwrt" in ASCII.
const applicationID = 0x44777274

// check refuses a file that is not ours or not whole, and marks a new one.
func (db *DB) check(ctx context.Context) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		var id, tables int
		if err := tx.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
			return err
		}
		if id == 0 && tables == 0 {
			_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
			return err
		}
		if id != applicationID {
			return damaged(db.dir, fmt.Errorf("%s is not a database of doorwright", databaseName))
		}
		var report string
		if err := tx.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&report); err != nil {
			return err
		}
		if report != "ok" {
			return damaged(db.dir, errors.New(report))
		}
		return nil
	})
}

// Read runs fn in a read-only transaction, which sees one state of the database
// from its first statement on: everything that was committed before Read was
// called. It gives fn's error. When ctx ends, a statement that runs is stopped.
func (db *DB) Read(ctx context.Context, fn func(*sql.Tx) error) error {
	if err := db.gate.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("beginning to read: %w", explain(db.dir, err))
	}
	defer tx.Rollback() // There is nothing to commit.
	return explain(db.dir, fn(tx))
}

// Write runs fn in a transaction. Nil means that it is committed, as does an
// error that fn wrapped in Keep, which is then passed on; fn's other errors and
// panics roll it back and are passed on.
//
// Writers run one after another. Those that wait while one runs join its
// commit, each in a savepoint of its own, so that the failure of one does not
// touch the others. fn must not commit or roll back itself.
//
// ctx counts while Write waits for its turn, and each statement looks at it
// before it starts. A statement that runs is not stopped: SQLite would roll
// back the whole transaction, other writers' parts included
// (https://sqlite.org/c3ref/interrupt.html).
func (db *DB) Write(ctx context.Context, fn func(*sql.Tx) error) error {
	if err := db.gate.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	var refusal error
	err := db.write(ctx, func(tx *sql.Tx) error {
		refusal = nil // fn may be run again
		err := fn(tx)
		var kept *keptError
		if errors.As(err, &kept) {
			refusal = kept.refusal
			return nil
		}
		return err
	})
	if err != nil {
		return explain(db.dir, err)
	}
	return refusal
}

// Keep has the Write commit whose function returns it, and give refusal: an
// attempt that was counted stays counted although what it was for is refused.
func Keep(refusal error) error { return &keptError{refusal} }

type keptError struct{ refusal error }

func (e *keptError) Error() string { return e.refusal.Error() }
func (e *keptError) Unwrap() error { return e.refusal }

// close waits for the transactions that run, then closes all connections.
func (db *DB) close() error {
	if !db.gate.close() {
		return nil
	}
	// The last connection to close moves the write-ahead log into the database.
	if err := errors.Join(markClosed(db.dir), db.readers.Close(), db.writer.Close()); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// gate counts who is inside and closes when they have left.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.inside.Add(1)
	return nil
}

func (g *gate) leave() { g.inside.Done() }

// close lets nobody in any more and waits until all have left. It reports
// whether it was this call that closed the gate.
func (g *gate) close() bool {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
	return first
}
