package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	// AppliedAt is nil while the step is pending.
	AppliedAt *time.Time `json:"applied_at,omitempty"`
}

// Migrate brings the schema to the newest version. Steps only go forward; an applied step
// whose text differs from the program's is refused. On
// PostgreSQL an advisory lock keeps several nodes from migrating at once.
func (d *DB) Migrate(ctx context.Context) error {
	if err := d.backend.migrate(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Migrations lists all steps of the program, and which are applied.
func (d *DB) Migrations(ctx context.Context) ([]Migration, error) {
	migrations, err := d.backend.status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the schema: %w", err)
	}
	return migrations, nil
}

// steps are the migration files of an engine: all that end in .sql,
// except those of the other engine (name.sqlite.sql, name.postgres.sql).
type steps struct {
	files    fs.FS
	excluded []string
}

func stepsFor(engine Engine) (steps, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return steps{}, fmt.Errorf("open the migrations: %w", err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return steps{}, fmt.Errorf("list migrations: %w", err)
	}
	selected := steps{files: files}
	for _, name := range names {
		if parts := strings.Split(name, "."); len(parts) == 3 && parts[1] != string(engine) {
			selected.excluded = append(selected.excluded, name)
		}
	}
	return selected, nil
}

func newProvider(engine Engine, database *sql.DB) (*goose.Provider, fs.FS, error) {
	chosen, err := stepsFor(engine)
	if err != nil {
		return nil, nil, err
	}
	dialect := goose.DialectSQLite3
	if engine == PostgreSQL {
		dialect = goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, database, chosen.files,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_versions"), goose.WithExcludeNames(chosen.excluded))
	return provider, chosen.files, err
}

func runMigrations(ctx context.Context, engine Engine, database *sql.DB) error {
	provider, files, err := newProvider(engine, database)
	if err != nil {
		return err
	}
	if err := verifyChecksums(ctx, database, files); err != nil {
		return err
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return err
	}
	return recordChecksums(ctx, database, files, applied)
}

func listMigrations(ctx context.Context, engine Engine, database *sql.DB) ([]Migration, error) {
	provider, _, err := newProvider(engine, database)
	if err != nil {
		return nil, err
	}
	states, err := provider.Status(ctx)
	if err != nil {
		return nil, err
	}
	migrations := make([]Migration, 0, len(states))
	for _, state := range states {
		step := Migration{Version: state.Source.Version, Name: strings.TrimSuffix(path.Base(state.Source.Path), ".sql")}
		if state.State == goose.StateApplied {
			appliedAt := state.AppliedAt.UTC()
			step.AppliedAt = &appliedAt
		}
		migrations = append(migrations, step)
	}
	return migrations, nil
}

const createChecksums = `CREATE TABLE IF NOT EXISTS schema_checksums (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL)`

// verifyChecksums refuses a database whose applied steps had a different text.
func verifyChecksums(ctx context.Context, database *sql.DB, files fs.FS) error {
	if _, err := database.ExecContext(ctx, createChecksums); err != nil {
		return fmt.Errorf("prepare the checksums: %w", err)
	}
	rows, err := database.QueryContext(ctx, `SELECT name, sha256 FROM schema_checksums ORDER BY name`)
	if err != nil {
		return fmt.Errorf("read the checksums: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, recorded string
		if err := rows.Scan(&name, &recorded); err != nil {
			return fmt.Errorf("read the checksums: %w", err)
		}
		current, err := checksum(files, name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the database has step %s, which this version of the program doesn't know: it is older than the database", name)
		}
		if err != nil {
			return err
		}
		if current != recorded {
			return fmt.Errorf("step %s was applied to the database with another text than this program has", name)
		}
	}
	return rows.Err()
}

func recordChecksums(ctx context.Context, database *sql.DB, files fs.FS, applied []*goose.MigrationResult) error {
	for _, step := range applied {
		name := path.Base(step.Source.Path)
		sum, err := checksum(files, name)
		if err != nil {
			return err
		}
		if _, err := database.ExecContext(ctx,
			`INSERT INTO schema_checksums (name, sha256) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, sum); err != nil {
			return fmt.Errorf("record the checksum of %s: %w", name, err)
		}
	}
	return nil
}

func checksum(files fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (b *sqliteBackend) migrate(ctx context.Context) error {
	return b.withMigrationPool(func(pool *sql.DB) error {
		// SQLite has no advisory lock. Of two processes that start at once, one loses the
		// race for a step and is rolled back; run again, it finds the step applied.
		var err error
		for range maxAttempts {
			if err = runMigrations(ctx, SQLite, pool); err == nil || ctx.Err() != nil {
				return err
			}
		}
		return err
	})
}

func (b *sqliteBackend) status(ctx context.Context) ([]Migration, error) {
	var migrations []Migration
	err := b.withMigrationPool(func(pool *sql.DB) (err error) {
		migrations, err = listMigrations(ctx, SQLite, pool)
		return err
	})
	return migrations, err
}

func (b *sqliteBackend) withMigrationPool(work func(*sql.DB) error) error {
	pool, err := sql.Open("sqlite", sqliteDSN(b.path, "&_txlock=immediate"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	return errors.Join(work(pool), pool.Close())
}

// migrationLock is the key of the advisory lock that a migrating node holds.
const migrationLock = 0x617574686c79 // "authly"

func (b *postgresBackend) migrate(ctx context.Context) (err error) {
	// A connection of its own: with a pool of one, holding the lock would leave none to migrate with.
	holder, err := pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect for the migration lock: %w", err)
	}
	// Closing the connection releases the lock, whatever happened before.
	defer func() { err = errors.Join(err, holder.Close(context.WithoutCancel(ctx))) }()
	if _, err := holder.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("take the migration lock: %w", err)
	}
	pool := stdlib.OpenDBFromPool(b.pool)
	return errors.Join(runMigrations(ctx, PostgreSQL, pool), pool.Close())
}

func (b *postgresBackend) status(ctx context.Context) ([]Migration, error) {
	pool := stdlib.OpenDBFromPool(b.pool)
	migrations, err := listMigrations(ctx, PostgreSQL, pool)
	return migrations, errors.Join(err, pool.Close())
}
