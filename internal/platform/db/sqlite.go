package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"
)

// maxStatements bounds the prepared statements kept by each side. The program
// has fewer distinct texts; the bound guards against building them from data.
const maxStatements = 512

// sqliteParameters are ordered: without the busy timeout
// first, switching to WAL could itself fail with "database is locked".
const sqliteParameters = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=journal_size_limit(67108864)"

type sqliteBackend struct {
	path    string
	readers *sqliteReaders
	single  *sqliteWriter
}

func openSQLite(ctx context.Context, options Options) (*sqliteBackend, error) {
	path, err := filepath.Abs(options.SQLitePath)
	if err != nil {
		return nil, fmt.Errorf("find the database file: %w", err)
	}
	// Created here and not by the driver, so that it never exists with wider permissions.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	writer, err := openSQLiteWriter(ctx, path)
	if err != nil {
		return nil, err
	}
	readers, err := openSQLiteReaders(path, options.MaxConnections)
	if err != nil {
		return nil, errors.Join(err, writer.close())
	}
	return &sqliteBackend{path: path, readers: readers, single: writer}, nil
}

func (b *sqliteBackend) engine() Engine  { return SQLite }
func (b *sqliteBackend) reader() Querier { return b.readers }
func (b *sqliteBackend) writer() Querier { return b.single }

func (b *sqliteBackend) begin(ctx context.Context) (transaction, error) {
	return b.single.begin(ctx)
}

func (b *sqliteBackend) retryable(err error) bool {
	var failure *sqlite.Error
	return errors.As(err, &failure) && failure.Code()&0xff == sqlitecodes.SQLITE_BUSY
}

// outcomeUnknown: a COMMIT that found the file locked was not carried out and was rolled back.
// After a failed write only the database can tell.
func (b *sqliteBackend) outcomeUnknown(err error) bool { return !b.retryable(err) }

func (b *sqliteBackend) ping(ctx context.Context) error {
	var one int
	return b.readers.QueryRow(ctx, "SELECT 1 FROM sqlite_master LIMIT 1").Scan(&one)
}

func (b *sqliteBackend) close() error {
	return errors.Join(b.readers.close(), b.single.close())
}

func sqliteDSN(path, more string) string {
	return "file:" + sqliteEscape(path) + sqliteParameters + more
}

// sqliteEscape keeps a path with a question mark or a percent sign from being
// read as the parameters of the file URI.
func sqliteEscape(path string) string {
	var escaped []byte
	for i := range len(path) {
		switch c := path[i]; c {
		case '?', '#', '%':
			escaped = fmt.Appendf(escaped, "%%%02x", c)
		default:
			escaped = append(escaped, c)
		}
	}
	return string(escaped)
}

// sqliteReaders is the pool of read-only connections.
type sqliteReaders struct {
	pool       *sql.DB
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

func openSQLiteReaders(path string, maxConnections int) (*sqliteReaders, error) {
	pool, err := sql.Open("sqlite", sqliteDSN(path, "&_pragma=query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open the database for reading: %w", err)
	}
	if maxConnections <= 0 {
		maxConnections = max(4, 2*runtime.GOMAXPROCS(0))
	}
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(maxConnections)
	return &sqliteReaders{pool: pool, statements: map[string]*sql.Stmt{}}, nil
}

func (r *sqliteReaders) prepared(ctx context.Context, statement string) (*sql.Stmt, error) {
	r.mu.RLock()
	stmt, ok := r.statements[statement]
	r.mu.RUnlock()
	if ok {
		return stmt, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if stmt, ok := r.statements[statement]; ok {
		return stmt, nil
	}
	if len(r.statements) >= maxStatements {
		return nil, errors.New("too many distinct statements: one is built from data")
	}
	stmt, err := r.pool.PrepareContext(ctx, statement) //nolint:sqlclosecheck // kept for the life of the pool
	if err != nil {
		return nil, sqliteError(err)
	}
	r.statements[statement] = stmt
	return stmt, nil
}

func (r *sqliteReaders) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("a statement that writes was given to the readers: use Write")
}

func (r *sqliteReaders) Query(ctx context.Context, statement string, arguments ...any) (Rows, error) {
	stmt, err := r.prepared(ctx, statement) //nolint:sqlclosecheck // kept for the life of the pool
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, sqliteArguments(arguments)...) //nolint:rowserrcheck // handed on: the caller asks
	if err != nil {
		return nil, sqliteError(err)
	}
	return &sqliteRows{rows: rows, release: func() {}}, nil
}

func (r *sqliteReaders) QueryRow(ctx context.Context, statement string, arguments ...any) Row {
	rows, err := r.Query(ctx, statement, arguments...)
	return &firstRow{rows: rows, err: err}
}

func (r *sqliteReaders) close() error { return r.pool.Close() }

// sqliteRows converts the columns and returns the connection when closed.
type sqliteRows struct {
	rows    *sql.Rows
	release func()
}

func (r *sqliteRows) Next() bool             { return r.rows.Next() }
func (r *sqliteRows) Scan(dest ...any) error { return sqliteError(r.rows.Scan(sqliteTargets(dest)...)) }
func (r *sqliteRows) Err() error             { return sqliteError(r.rows.Err()) }

func (r *sqliteRows) Close() {
	_ = r.rows.Close()
	r.release()
	r.release = func() {}
}

// firstRow reads one row and closes the result.
type firstRow struct {
	rows Rows
	err  error
}

func (r *firstRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	// SQLite finishes an UPDATE … RETURNING only when it is stepped to the end.
	for r.rows.Next() {
		continue
	}
	return r.rows.Err()
}

// sqliteError turns the driver's errors into ours.
func sqliteError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRows
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return err
	}
	kind := ConstraintKind("")
	switch failure.Code() {
	case sqlitecodes.SQLITE_CONSTRAINT_UNIQUE, sqlitecodes.SQLITE_CONSTRAINT_PRIMARYKEY:
		kind = UniqueConstraint
	case sqlitecodes.SQLITE_CONSTRAINT_FOREIGNKEY:
		kind = ForeignKeyConstraint
	case sqlitecodes.SQLITE_CONSTRAINT_CHECK:
		kind = CheckConstraint
	case sqlitecodes.SQLITE_CONSTRAINT_NOTNULL:
		kind = NotNullConstraint
	default:
		return err
	}
	return &ConstraintError{Kind: kind, name: failure.Error(), cause: err}
}
