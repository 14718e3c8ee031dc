package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// sqliteWriter is the one connection that writes. The holder of the slot has
// the connection, so that waiting for it respects the context and SQLite
// never sees two writers of this process.
type sqliteWriter struct {
	pool       *sql.DB
	slot       chan struct{}
	ended      chan struct{} // closed with the writer, which releases those waiting for the slot
	connection *sql.Conn
	statements map[string]*sql.Stmt
}

func openSQLiteWriter(ctx context.Context, path string) (*sqliteWriter, error) {
	pool, err := sql.Open("sqlite", sqliteDSN(path, ""))
	if err != nil {
		return nil, fmt.Errorf("open the database for writing: %w", err)
	}
	pool.SetMaxOpenConns(1)
	connection, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database for writing: %w", err), pool.Close())
	}
	return &sqliteWriter{
		pool: pool, slot: make(chan struct{}, 1), ended: make(chan struct{}), connection: connection, statements: map[string]*sql.Stmt{},
	}, nil
}

func (w *sqliteWriter) acquire(ctx context.Context) error {
	select {
	case w.slot <- struct{}{}:
		return nil
	case <-w.ended:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errClosed = errors.New("the database is closed")

func (w *sqliteWriter) release() { <-w.slot }

// prepared is called with the slot held.
func (w *sqliteWriter) prepared(ctx context.Context, statement string) (*sql.Stmt, error) {
	if stmt, ok := w.statements[statement]; ok {
		return stmt, nil
	}
	if len(w.statements) >= maxStatements {
		return nil, errors.New("too many distinct statements: one is built from data")
	}
	stmt, err := w.connection.PrepareContext(ctx, statement)
	if err != nil {
		return nil, sqliteError(err)
	}
	w.statements[statement] = stmt
	return stmt, nil
}

func (w *sqliteWriter) exec(ctx context.Context, statement string, arguments []any) (int64, error) {
	stmt, err := w.prepared(ctx, statement) //nolint:sqlclosecheck // kept for the life of the connection
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, sqliteArguments(arguments)...)
	if err != nil {
		return 0, sqliteError(err)
	}
	return result.RowsAffected()
}

func (w *sqliteWriter) query(ctx context.Context, statement string, arguments []any) (*sql.Rows, error) {
	stmt, err := w.prepared(ctx, statement) //nolint:sqlclosecheck // kept for the life of the connection
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, sqliteArguments(arguments)...)
	if err != nil {
		return nil, sqliteError(err)
	}
	return rows, nil
}

// Exec runs a statement as its own transaction.
func (w *sqliteWriter) Exec(ctx context.Context, statement string, arguments ...any) (int64, error) {
	if err := w.acquire(ctx); err != nil {
		return 0, err
	}
	defer w.release()
	return w.exec(ctx, statement, arguments)
}

// Query runs a statement as its own transaction, and holds the slot until
// the rows are closed.
func (w *sqliteWriter) Query(ctx context.Context, statement string, arguments ...any) (Rows, error) {
	if err := w.acquire(ctx); err != nil {
		return nil, err
	}
	rows, err := w.query(ctx, statement, arguments) //nolint:rowserrcheck // handed on: the caller asks
	if err != nil {
		w.release()
		return nil, err
	}
	return &sqliteRows{rows: rows, release: w.release}, nil
}

// QueryRow is Query for one row.
func (w *sqliteWriter) QueryRow(ctx context.Context, statement string, arguments ...any) Row {
	rows, err := w.Query(ctx, statement, arguments...)
	return &firstRow{rows: rows, err: err}
}

func (w *sqliteWriter) begin(ctx context.Context) (transaction, error) {
	if err := w.acquire(ctx); err != nil {
		return nil, err
	}
	// IMMEDIATE takes the write lock at once: a transaction that began as a
	// reader could otherwise fail half-way with SQLITE_BUSY.
	// Detach from the caller's cancellation: the driver returns an error for a statement
	// cancelled while it ran even if it took effect, and a BEGIN that took effect unnoticed
	// would swallow everything written after it. The busy timeout bounds the wait.
	if _, err := w.exec(context.WithoutCancel(ctx), "BEGIN IMMEDIATE", nil); err != nil {
		w.release()
		return nil, err
	}
	return &sqliteTransaction{writer: w}, nil
}

func (w *sqliteWriter) close() error {
	w.slot <- struct{}{} // the current writer finishes first
	close(w.ended)
	failures := make([]error, 0, len(w.statements)+2)
	for _, statement := range w.statements {
		failures = append(failures, statement.Close())
	}
	return errors.Join(append(failures, w.connection.Close(), w.pool.Close())...)
}

// sqliteTransaction holds the slot from BEGIN to COMMIT or ROLLBACK. Neither is
// ever cancelled, not even by a deadline: the slot would go to the next writer
// with this transaction still open.
type sqliteTransaction struct {
	writer *sqliteWriter
	ended  bool
}

var errEnded = errors.New("the transaction has ended")

func (t *sqliteTransaction) Exec(ctx context.Context, statement string, arguments ...any) (int64, error) {
	if t.ended {
		return 0, errEnded
	}
	return t.writer.exec(ctx, statement, arguments)
}

func (t *sqliteTransaction) Query(ctx context.Context, statement string, arguments ...any) (Rows, error) {
	if t.ended {
		return nil, errEnded
	}
	rows, err := t.writer.query(ctx, statement, arguments) //nolint:rowserrcheck // handed on: the caller asks
	if err != nil {
		return nil, err
	}
	return &sqliteRows{rows: rows, release: func() {}}, nil
}

func (t *sqliteTransaction) QueryRow(ctx context.Context, statement string, arguments ...any) Row {
	rows, err := t.Query(ctx, statement, arguments...)
	return &firstRow{rows: rows, err: err}
}

func (t *sqliteTransaction) commit(ctx context.Context) error {
	if _, err := t.writer.exec(context.WithoutCancel(ctx), "COMMIT", nil); err != nil {
		return errors.Join(err, t.rollback(ctx))
	}
	t.ended = true
	t.writer.release()
	return nil
}

func (t *sqliteTransaction) rollback(ctx context.Context) error {
	if t.ended {
		return nil
	}
	t.ended = true
	defer t.writer.release()
	_, err := t.writer.exec(context.WithoutCancel(ctx), "ROLLBACK", nil)
	return err
}
