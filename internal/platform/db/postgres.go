package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout bounds opening one connection, unless the URL has its
	// own connect_timeout: a server that accepts connections and then stays silent
	// must not block a start, or a stop, for minutes.
	connectTimeout = 10 * time.Second
	// closeTimeout bounds closing the pool, which waits for statements that the
	// server may never answer.
	closeTimeout = 3 * time.Second
	// applicationName identifies this program to PostgreSQL, unless the URL sets another name.
	applicationName = "authly"
)

type postgresBackend struct {
	pool *pgxpool.Pool
	all  *postgresQuerier
}

// postgresSettings refuses a URL that could lead to another machine without verified TLS, unless that is allowed.
func postgresSettings(options Options) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(options.URL.Reveal())
	if err != nil {
		return nil, errPostgresURL
	}
	if !options.AllowPlaintext {
		if err := refuseUnverified(unverifiedHosts(&settings.ConnConfig.Config)); err != nil {
			return nil, err
		}
	}
	if settings.ConnConfig.ConnectTimeout <= 0 {
		settings.ConnConfig.ConnectTimeout = connectTimeout
	}
	if settings.ConnConfig.RuntimeParams["application_name"] == "" {
		settings.ConnConfig.RuntimeParams["application_name"] = applicationName
	}
	return settings, nil
}

func openPostgreSQL(ctx context.Context, options Options) (*postgresBackend, error) {
	settings, err := postgresSettings(options)
	if err != nil {
		return nil, err
	}
	if options.MaxConnections > 0 {
		settings.MaxConns = int32(min(options.MaxConnections, 10_000))
	}
	settings.AfterConnect = func(_ context.Context, connection *pgx.Conn) error {
		connection.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("open the PostgreSQL pool: %w", err)
	}
	// Twice the time to connect, to leave time for the answer.
	reaching, cancel := context.WithTimeout(ctx, 2*settings.ConnConfig.ConnectTimeout)
	defer cancel()
	if err := pool.Ping(reaching); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach PostgreSQL: %w", err)
	}
	return &postgresBackend{pool: pool, all: &postgresQuerier{runner: pool}}, nil
}

func (b *postgresBackend) engine() Engine                 { return PostgreSQL }
func (b *postgresBackend) reader() Querier                { return b.all }
func (b *postgresBackend) writer() Querier                { return b.all }
func (b *postgresBackend) ping(ctx context.Context) error { return b.pool.Ping(ctx) }

func (b *postgresBackend) close() error {
	closed := make(chan struct{})
	go func() {
		b.pool.Close()
		close(closed)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-closed:
		return nil
	case <-timer.C:
		return errors.New("close the connections to PostgreSQL: it still owes answers")
	}
}

func (b *postgresBackend) begin(ctx context.Context) (transaction, error) {
	begun, err := b.pool.Begin(ctx)
	if err != nil {
		return nil, postgresError(err)
	}
	return &postgresTransaction{postgresQuerier{runner: begun}, begun}, nil
}

// retryable: serialization_failure and deadlock_detected ask for another run.
func (b *postgresBackend) retryable(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && (failure.Code == "40001" || failure.Code == "40P01")
}

// outcomeUnknown: a server that answers with an error has not committed, unless it says that it is
// going down (class 57P0, and class 08 of a proxy in between). A connection that ended earlier has
// rolled back. The driver's SafeToRetry doesn't help: it is also set for a lost answer.
func (b *postgresBackend) outcomeUnknown(err error) bool {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return strings.HasPrefix(failure.Code, "08") || strings.HasPrefix(failure.Code, "57P0")
	}
	return !errors.Is(err, pgx.ErrTxCommitRollback) && !errors.Is(err, pgx.ErrTxClosed) && !errors.Is(err, errNotSent)
}

// postgresRunner is the common part of a pool and a transaction.
type postgresRunner interface {
	Exec(ctx context.Context, statement string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, statement string, arguments ...any) (pgx.Rows, error)
}

type postgresQuerier struct{ runner postgresRunner }

func (q *postgresQuerier) Exec(ctx context.Context, statement string, arguments ...any) (int64, error) {
	tag, err := q.runner.Exec(ctx, statement, postgresArguments(arguments)...)
	if err != nil {
		return 0, postgresError(err)
	}
	return tag.RowsAffected(), nil
}

func (q *postgresQuerier) Query(ctx context.Context, statement string, arguments ...any) (Rows, error) {
	rows, err := q.runner.Query(ctx, statement, postgresArguments(arguments)...)
	if err != nil {
		return nil, postgresError(err)
	}
	return &postgresRows{rows}, nil
}

func (q *postgresQuerier) QueryRow(ctx context.Context, statement string, arguments ...any) Row {
	rows, err := q.Query(ctx, statement, arguments...)
	return &firstRow{rows: rows, err: err}
}

type postgresRows struct{ rows pgx.Rows }

func (r *postgresRows) Next() bool             { return r.rows.Next() }
func (r *postgresRows) Scan(dest ...any) error { return postgresError(r.rows.Scan(dest...)) }
func (r *postgresRows) Err() error             { return postgresError(r.rows.Err()) }
func (r *postgresRows) Close()                 { r.rows.Close() }

type postgresTransaction struct {
	postgresQuerier
	begun pgx.Tx
}

// errNotSent is a COMMIT on a connection that had already ended.
var errNotSent = errors.New("the connection ended during the transaction")

func (t *postgresTransaction) commit(ctx context.Context) error {
	if t.begun.Conn().IsClosed() {
		return &unreachableError{errors.Join(errNotSent, t.begun.Rollback(ctx))}
	}
	return postgresError(t.begun.Commit(ctx))
}
func (t *postgresTransaction) rollback(ctx context.Context) error { return t.begun.Rollback(ctx) }

// postgresArguments unwraps optional identifiers: the driver takes a nil
// pointer to an array type for an empty array instead of NULL.
func postgresArguments(arguments []any) []any {
	for i, argument := range arguments {
		if value, ok := argument.(*uuid.UUID); ok {
			if value == nil {
				arguments[i] = nil
			} else {
				arguments[i] = *value
			}
		}
	}
	return arguments
}

// postgresError turns the driver's errors into ours.
func postgresError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoRows
	}
	if isUnreachable(err) {
		return &unreachableError{err}
	}
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		return err
	}
	kind := ConstraintKind("")
	switch failure.Code {
	case "23505":
		kind = UniqueConstraint
	case "23503":
		kind = ForeignKeyConstraint
	case "23514":
		kind = CheckConstraint
	case "23502":
		kind = NotNullConstraint
	default:
		return err
	}
	return &ConstraintError{Kind: kind, name: failure.ConstraintName, cause: err}
}

// unreachableError is a temporary failure of the server or of the connection, and not of
// the statement, such as a database that restarts or fails over.
type unreachableError struct{ cause error }

func (e *unreachableError) Error() string { return e.cause.Error() }

// Unwrap returns the driver's error.
func (e *unreachableError) Unwrap() error { return e.cause }

// RetryAfter returns how long a caller should wait before retrying.
func (e *unreachableError) RetryAfter() time.Duration { return retryAfter }

// retryAfter is roughly how long a database takes to restart.
const retryAfter = 5 * time.Second

func isUnreachable(err error) bool {
	var (
		connecting *pgconn.ConnectError
		network    *net.OpError
		failure    *pgconn.PgError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false // the caller's own deadline
	case errors.As(err, &connecting), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), pgconn.SafeToRetry(err):
		return true
	case errors.As(err, &failure):
		// Class 08 is a connection exception, 57P01 to 57P03 a server that stops
		// or starts, 53300 one that has too many connections.
		return strings.HasPrefix(failure.Code, "08") || strings.HasPrefix(failure.Code, "57P0") || failure.Code == "53300"
	}
	return false
}
