package store

import (
	"context"
	"database/sql/driver"
)

// writerConnector makes the writer's connections.
type writerConnector struct {
	driver.Connector
}

// Connect opens a connection.
func (c writerConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return writerConn{conn.(sqliteConn)}, nil
}

// sqliteConn is what modernc.org/sqlite's connections are, for database/sql to
// find through writerConn.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// writerConn is a SQLite connection for writers that share a transaction.
//
// Its transactions are savepoints in the transaction that the group's leader
// began, so each writer has a *sql.Tx of its own. And no statement is ever
// interrupted, because that rolls back more than the statement's own writer.
type writerConn struct {
	sqliteConn
}

const (
	beginWrite    = `SAVEPOINT write`
	commitWrite   = `RELEASE write`
	rollbackWrite = `ROLLBACK TO write; RELEASE write`
)

// BeginTx begins a savepoint.
func (c writerConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	if _, err := c.ExecContext(ctx, beginWrite, nil); err != nil {
		return nil, err
	}
	return savepoint{c}, nil
}

// ExecContext runs a statement to its end.
func (c writerConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.sqliteConn.ExecContext(context.WithoutCancel(ctx), query, args)
}

// QueryContext runs a query. database/sql closes its rows when ctx ends.
func (c writerConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.sqliteConn.QueryContext(context.WithoutCancel(ctx), query, args)
}

// PrepareContext prepares a statement.
func (c writerConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.sqliteConn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	return writerStmt{stmt.(sqliteStmt)}, nil
}

// savepoint is one writer's part of the group's transaction.
type savepoint struct {
	conn writerConn
}

// Commit makes the part one of the group's.
func (s savepoint) Commit() error {
	_, err := s.conn.ExecContext(context.Background(), commitWrite, nil)
	return err
}

// Rollback undoes the part.
func (s savepoint) Rollback() error {
	_, err := s.conn.ExecContext(context.Background(), rollbackWrite, nil)
	return err
}

// sqliteStmt is what modernc.org/sqlite's statements are.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// writerStmt is a prepared statement of a writer.
type writerStmt struct {
	sqliteStmt
}

// ExecContext runs the statement to its end.
func (s writerStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.sqliteStmt.ExecContext(context.WithoutCancel(ctx), args)
}

// QueryContext runs the query.
func (s writerStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.sqliteStmt.QueryContext(context.WithoutCancel(ctx), args)
}
