package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
)

// Group commit. The first writer to come leads a group: it begins a SQLite
// transaction and runs its own function, lets those that queued meanwhile run
// theirs one by one, each in its caller's goroutine, and commits once for all.
// Then it makes the next in the queue the leader. So there is no goroutine to
// end, and a panic in a function is a panic of its caller.

// maxGroup bounds how long a leader serves others.
const maxGroup = 64

// group is one SQLite transaction and those who share it.
type group struct {
	conn *sql.Conn
	lost error         // owned by whoever's turn it is: SQLite has rolled the transaction back
	done chan struct{} // closed once err says how it ended
	err  error
}

// waiter is a writer in the queue.
type waiter struct {
	turn chan *group   // it may run in this group; nil: it leads the next one
	ran  chan struct{} // closed when it has run
}

// write runs fn as the leader of a group or in another's.
func (db *DB) write(ctx context.Context, fn func(*sql.Tx) error) error {
	db.mu.Lock()
	if !db.leading {
		db.leading = true
		db.mu.Unlock()
		return db.lead(ctx, fn)
	}
	w := &waiter{turn: make(chan *group, 1), ran: make(chan struct{})}
	db.queue = append(db.queue, w)
	db.mu.Unlock()

	var g *group
	select {
	case g = <-w.turn:
	case <-ctx.Done():
		if db.leaveQueue(w) {
			return waitEnded(ctx)
		}
		g = <-w.turn // It was called just now; the caller counts on it.
	}
	if g == nil {
		return db.lead(ctx, fn)
	}
	return g.follow(ctx, w, fn)
}

// waitEnded is the error of a writer whose ctx ended before its turn.
func waitEnded(ctx context.Context) error {
	return fmt.Errorf("waiting to write: %w", context.Cause(ctx))
}

// lead runs fn and then the queue's functions, and commits.
func (db *DB) lead(ctx context.Context, fn func(*sql.Tx) error) error {
	defer db.handOver()
	if ctx.Err() != nil {
		return waitEnded(ctx)
	}
	g, err := begin(db.writer)
	if err != nil {
		return fmt.Errorf("beginning to write: %w", err)
	}
	defer g.abandon() // For a panic in fn; nobody else has run then.
	err = g.run(fn)
	for range maxGroup - 1 {
		if g.lost != nil {
			break
		}
		w := db.callNext()
		if w == nil {
			break
		}
		w.turn <- g
		<-w.ran
	}
	committed := g.commit()
	if err != nil {
		return err // fn's own; its savepoint is rolled back whatever became of the others.
	}
	return committed
}

// follow runs fn in a group that another leads.
func (g *group) follow(ctx context.Context, w *waiter, fn func(*sql.Tx) error) error {
	err := func() error {
		defer close(w.ran)
		if ctx.Err() != nil {
			return waitEnded(ctx)
		}
		return g.run(fn)
	}()
	if err != nil {
		return err
	}
	<-g.done
	return g.err
}

// callNext takes the oldest waiter from the queue, if there is one.
func (db *DB) callNext() *waiter {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.queue) == 0 {
		return nil
	}
	w := db.queue[0]
	db.queue = slices.Delete(db.queue, 0, 1)
	return w
}

// handOver makes the oldest waiter the leader.
func (db *DB) handOver() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.queue) == 0 {
		db.leading = false
		return
	}
	db.queue[0].turn <- nil
	db.queue = slices.Delete(db.queue, 0, 1)
}

// leaveQueue takes a waiter out of the queue, if it has not been called yet.
func (db *DB) leaveQueue(w *waiter) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	i := slices.Index(db.queue, w)
	if i < 0 {
		return false
	}
	db.queue = slices.Delete(db.queue, i, i+1)
	return true
}

// begin begins a group's transaction. IMMEDIATE takes the database's write lock
// at once, so that no statement inside can fail for want of it.
func begin(writer *sql.DB) (*group, error) {
	ctx := context.Background()
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &group{conn: conn, done: make(chan struct{})}, nil
}

// run runs fn in a savepoint of the group's transaction.
func (g *group) run(fn func(*sql.Tx) error) error {
	tx, err := g.conn.BeginTx(context.Background(), nil) // A savepoint: see writerConn.
	if err != nil {
		g.lost = err
		return fmt.Errorf("beginning to write: %w", err)
	}
	// After a panic or a commit this rolls back or does nothing.
	defer func() { g.note(tx.Rollback()) }()
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		g.note(err)
		return fmt.Errorf("ending a write: %w", err)
	}
	return nil
}

// note keeps the error of a savepoint that could not be ended: SQLite has
// rolled back the transaction around it, as it does when the disk is full
// (https://sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
func (g *group) note(err error) {
	if err != nil && !errors.Is(err, sql.ErrTxDone) && g.lost == nil {
		g.lost = err
	}
}

// commit commits the group's transaction and tells all who ran in it.
func (g *group) commit() error {
	err := g.lost
	if err == nil {
		_, err = g.conn.ExecContext(context.Background(), `COMMIT`)
	}
	if err != nil {
		err = fmt.Errorf("committing: %w", err)
	}
	g.end(err)
	return err
}

// abandon rolls back a group that was not committed.
func (g *group) abandon() {
	if g.conn != nil {
		g.end(errors.New("the write that led the commit panicked"))
	}
}

// end gives the connection back and tells how the group ended.
func (g *group) end(err error) {
	if err != nil {
		if _, rollback := g.conn.ExecContext(context.Background(), `ROLLBACK`); rollback != nil {
			// SQLite has no transaction any more, or this connection is
			// beyond use: the next group gets a fresh one.
			_ = g.conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	_ = g.conn.Close() // It says only that the connection has been given up.
	g.conn = nil
	g.err = err
	close(g.done)
}
