package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"authly/internal/platform/secret"
)

// Engine names a database engine.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Options say which database to open.
type Options struct {
	// URL of a PostgreSQL database (postgres://…). Empty means SQLite.
	URL secret.Redacted
	// SQLitePath is the database file, used when URL is empty. Its directory must exist.
	SQLitePath string
	// AllowPlaintext lets the URL name another machine without TLS that verifies it;
	// otherwise Open refuses it.
	AllowPlaintext bool
	// MaxConnections bounds the pool of PostgreSQL connections, or SQLite's
	// readers. Zero means a default that suits the engine.
	MaxConnections int
	// Logger receives what the engine does on its own, such as retrying a transaction.
	Logger *slog.Logger
}

// Row is one row that a query found; see [Querier.QueryRow].
type Row interface {
	// Scan copies the columns into dest. It returns [ErrNoRows] if there was no row.
	Scan(dest ...any) error
}

// Rows is a result that is read row by row. Close must be called.
type Rows interface {
	Row
	Next() bool
	Err() error
	Close()
}

// Querier runs statements: on the transaction of a context, or each on its own.
type Querier interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, statement string, arguments ...any) (int64, error)
	Query(ctx context.Context, statement string, arguments ...any) (Rows, error)
	QueryRow(ctx context.Context, statement string, arguments ...any) Row
}

// ErrNoRows is returned by Scan when there is no row.
var ErrNoRows = errors.New("no rows")

// backend is what each engine implements.
type backend interface {
	engine() Engine
	reader() Querier
	writer() Querier
	begin(ctx context.Context) (transaction, error)
	// outcomeUnknown reports whether an error of a COMMIT leaves open whether it took effect.
	outcomeUnknown(err error) bool
	// retryable reports whether a transaction that failed with err may succeed when run again.
	retryable(err error) bool
	migrate(ctx context.Context) error
	status(ctx context.Context) ([]Migration, error)
	ping(ctx context.Context) error
	close() error
}

type transaction interface {
	Querier
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
}

// DB is an open database, safe for concurrent use.
type DB struct {
	backend backend
	logger  *slog.Logger
	closing sync.Once
	closed  error
}

// Open connects to the database that the options describe, without changing
// its schema (see [DB.Migrate]). Close must be called.
func Open(ctx context.Context, options Options) (*DB, error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	var (
		opened backend
		err    error
	)
	if options.URL.IsZero() {
		opened, err = openSQLite(ctx, options)
	} else {
		opened, err = openPostgreSQL(ctx, options)
	}
	if err != nil {
		return nil, err
	}
	return &DB{backend: opened, logger: options.Logger}, nil
}

// Engine returns the engine behind d. It is for tests and reports: a store must not
// branch on it.
func (d *DB) Engine() Engine { return d.backend.engine() }

// Ping returns an error if the database can't be reached.
func (d *DB) Ping(ctx context.Context) error { return d.backend.ping(ctx) }

// Close waits for running statements, for a few seconds at most if a server may
// not answer, and closes all connections. It is safe to call twice.
func (d *DB) Close() error {
	d.closing.Do(func() { d.closed = d.backend.close() })
	return d.closed
}

// transactionKey finds the transaction of one database in a context.
type transactionKey struct{ database *DB }

// running is the transaction that a context carries.
type running struct {
	transaction
	committed []func()
}

// AfterCommit calls done once the transaction of ctx is committed, or at once if there is none. It
// does not call done if the transaction is rolled back, or if the outcome of its COMMIT is unknown:
// a copy in memory must not come from a change that may never have happened.
func (d *DB) AfterCommit(ctx context.Context, done func()) {
	if open, ok := ctx.Value(transactionKey{d}).(*running); ok {
		open.committed = append(open.committed, done)
		return
	}
	done()
}

// Read returns the transaction of ctx if there is one, otherwise the readers. On SQLite
// the readers refuse to write.
func (d *DB) Read(ctx context.Context) Querier {
	if open, ok := ctx.Value(transactionKey{d}).(transaction); ok {
		return d.observed(ctx, open)
	}
	return d.observed(ctx, d.backend.reader())
}

// Write returns the transaction of ctx if there is one; otherwise each statement is a
// transaction of its own.
func (d *DB) Write(ctx context.Context) Querier {
	if open, ok := ctx.Value(transactionKey{d}).(transaction); ok {
		return d.observed(ctx, open)
	}
	return d.observed(ctx, d.backend.writer())
}

// maxAttempts bounds how often a transaction is run after conflicts with others.
const maxAttempts = 5

// Tx runs work in one transaction, committed when work returns nil and rolled
// back otherwise. Inside another Tx of the same context it joins that one. It
// may run work several times when the engine asks for that (SQLSTATE 40001 and
// 40P01), so work must change nothing but the database and variables that it sets afresh.
// If the answer to the COMMIT is lost, the error is one of [IsOutcomeUnknown] and work is not
// run again: it may have taken effect.
func (d *DB) Tx(ctx context.Context, work func(ctx context.Context) error) error {
	if _, joined := ctx.Value(transactionKey{d}).(transaction); joined {
		return work(ctx)
	}
	work = d.behindGuard(ctx, work)
	var err error
	for attempt := range maxAttempts {
		if err = d.once(ctx, work); err == nil || IsOutcomeUnknown(err) || !d.backend.retryable(err) || ctx.Err() != nil {
			return err
		}
		d.logger.DebugContext(ctx, "transaction is run again", slog.Int("attempt", attempt+1), slog.Any("error", err))
	}
	return err
}

// endTimeout bounds a COMMIT or ROLLBACK, which no caller can cancel: a server
// that does not answer must not block the other callers that share the commit.
const endTimeout = 15 * time.Second

func (d *DB) once(ctx context.Context, work func(ctx context.Context) error) error {
	d.notify(ctx, Begin)
	begun, err := d.backend.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	open := &running{transaction: begun}
	finished := false
	defer func() {
		if !finished { // work panicked or failed: undo all of it
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
			defer cancel()
			_ = open.rollback(ending)
			d.notify(ctx, Rollback)
		}
	}()
	if err := work(context.WithValue(ctx, transactionKey{d}, open)); err != nil {
		return err
	}
	finished = true
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	err = d.commit(ending, open)
	d.notify(ctx, Commit)
	switch {
	case err == nil:
		for _, done := range open.committed {
			done()
		}
		return nil
	case d.backend.outcomeUnknown(err):
		return &outcomeUnknownError{err}
	default:
		return fmt.Errorf("commit: %w", err)
	}
}

// ConstraintKind says which kind of rule of the schema a statement broke.
type ConstraintKind string

// The kinds of constraints.
const (
	UniqueConstraint     ConstraintKind = "unique"
	ForeignKeyConstraint ConstraintKind = "foreign key"
	CheckConstraint      ConstraintKind = "check"
	NotNullConstraint    ConstraintKind = "not null"
)

// ConstraintError is a statement that the schema refused.
type ConstraintError struct {
	Kind ConstraintKind
	// name is the constraint's name on PostgreSQL, "table.column" on SQLite;
	// constraints are named table_column_key so that both contain the column.
	name  string
	cause error
}

func (e *ConstraintError) Error() string { return e.cause.Error() }

// Unwrap returns the driver's error.
func (e *ConstraintError) Unwrap() error { return e.cause }

// IsUnique reports whether err is a violation of the unique constraint on the given column.
func IsUnique(err error, column string) bool {
	var breach *ConstraintError
	return errors.As(err, &breach) && breach.Kind == UniqueConstraint && strings.Contains(breach.name, column)
}

// IsForeignKey reports whether err is a reference to a row that does not exist.
func IsForeignKey(err error) bool {
	var breach *ConstraintError
	return errors.As(err, &breach) && breach.Kind == ForeignKeyConstraint
}

// Collect reads all rows of a query through scan and closes them. Its first two
// parameters are the results of [Querier.Query].
func Collect[T any](rows Rows, err error, scan func(Row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// sweepLimit bounds one deletion of Sweep, so that other writers don't wait long.
const sweepLimit = 1000

// Sweep runs a DELETE repeatedly until no rows are left, a bounded number of rows
// at a time. That number is passed as the argument after the given ones:
//
//	DELETE FROM t WHERE expires_at <= $1 AND id IN (SELECT id FROM t WHERE expires_at <= $1 LIMIT $2)
//
// The condition also stands outside the subquery, because PostgreSQL re-evaluates only the
// outer one for a row that another transaction renews meanwhile.
func (d *DB) Sweep(ctx context.Context, statement string, arguments ...any) error {
	for {
		deleted, err := d.Write(ctx).Exec(ctx, statement, append(slices.Clone(arguments), sweepLimit)...)
		if err != nil || deleted < sweepLimit {
			return err
		}
	}
}

// Values returns the placeholders of an INSERT of several rows:
// Values(2, 3) is "($1,$2,$3),($4,$5,$6)".
func Values(rows, columns int) string {
	var text strings.Builder
	next := 1
	for row := range rows {
		if row > 0 {
			text.WriteByte(',')
		}
		text.WriteByte('(')
		for column := range columns {
			if column > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, "$%d", next)
			next++
		}
		text.WriteByte(')')
	}
	return text.String()
}

// Placeholders returns "$first,$first+1,…" of the given count, for an IN list.
func Placeholders(first, count int) string {
	var text strings.Builder
	for i := range count {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "$%d", first+i)
	}
	return text.String()
}
