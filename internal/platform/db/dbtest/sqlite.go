package dbtest

import (
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"authly/internal/platform/db"
)

// migrated holds the file of a migrated SQLite database, created once for each test process.
var migrated = struct {
	sync.Mutex
	file []byte
}{}

// createSQLite returns the path of a fresh file with the schema.
func createSQLite(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authly.db")
	if err := os.WriteFile(path, migratedFile(t), 0o600); err != nil {
		t.Fatalf("copy the template database: %v", err)
	}
	return path
}

func migratedFile(t testing.TB) []byte {
	t.Helper()
	migrated.Lock()
	defer migrated.Unlock()
	if migrated.file != nil {
		return migrated.file
	}
	path := filepath.Join(t.TempDir(), "template.db")
	migrate(t, db.Options{SQLitePath: path})
	// Closing has written everything back from the write-ahead log.
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the template database: %v", err)
	}
	migrated.file = file
	return file
}

// migrate creates the schema in a database that is then closed.
func migrate(t testing.TB, options db.Options) {
	t.Helper()
	database, err := db.Open(t.Context(), options)
	if err != nil {
		t.Fatalf("open the template database: %v", err)
	}
	if err := database.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate the template database: %v", err)
	}
	if err := database.Close(); err != nil {
		t.Fatalf("close the template database: %v", err)
	}
}

func copySQLite(t testing.TB, original string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), filepath.Base(original))
	opened, err := sql.Open("sqlite", "file:"+original)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	defer func() { _ = opened.Close() }()
	if _, err := opened.ExecContext(t.Context(), `VACUUM INTO ?`, target); err != nil {
		t.Fatalf("copy the database: %v", err)
	}
	return target
}
