package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"
)

// ErrInUse is returned by [CheckUnused] for a database that is open elsewhere.
var ErrInUse = errors.New("another process has the database open: stop the server first")

// How often PostgreSQL is asked again for other connections, and the pause in between.
const (
	unusedAttempts = 20
	unusedInterval = 50 * time.Millisecond
)

// CheckUnused returns [ErrInUse] if the database of the options is open elsewhere, in this process or in another one.
// It leaves nothing open. A SQLite file that doesn't exist is not in use.
func CheckUnused(ctx context.Context, options Options) error {
	if options.URL.IsZero() {
		return checkSQLiteUnused(ctx, options.SQLitePath)
	}
	return checkPostgreSQLUnused(ctx, options)
}

// checkSQLiteUnused asks for an exclusive lock on the file: each connection to a database with a write-ahead log holds
// a shared one.
func checkSQLiteUnused(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	probe, err := sql.Open("sqlite", "file:"+sqliteEscape(path)+"?mode=rw&_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		return fmt.Errorf("open the database file: %w", err)
	}
	defer func() { err = errors.Join(err, probe.Close()) }()
	probe.SetMaxOpenConns(1)
	var tables int
	err = probe.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&tables)
	var failure *sqlite.Error
	if errors.As(err, &failure) && failure.Code()&0xff == sqlitecodes.SQLITE_BUSY {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("check whether the database is in use: %w", err)
	}
	return nil
}

// checkPostgreSQLUnused looks for other connections with the same application name, which all commands get from their
// URL or from [applicationName]. An operator's tools have another one. It keeps asking for a second, because
// PostgreSQL lists a connection for some time after its process has closed it.
func checkPostgreSQLUnused(ctx context.Context, options Options) (err error) {
	settings, err := postgresSettings(options)
	if err != nil {
		return err
	}
	connection, err := pgx.ConnectConfig(ctx, settings.ConnConfig)
	if err != nil {
		return fmt.Errorf("reach PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, connection.Close(context.WithoutCancel(ctx))) }()
	ticker := time.NewTicker(unusedInterval)
	defer ticker.Stop()
	for range unusedAttempts {
		var inUse bool
		if err := connection.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid() AND application_name = current_setting('application_name'))`).Scan(&inUse); err != nil {
			return fmt.Errorf("check whether the database is in use: %w", err)
		}
		if !inUse {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ErrInUse
}
