package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"
)

// ErrInUse is returned by [CheckUnused] for a file that is open elsewhere.
var ErrInUse = errors.New("another process has the database open: stop the server first")

// CheckUnused returns [ErrInUse] if a SQLite database is open elsewhere, in this process or in another one: each connection to
// a database with a write-ahead log has a lock on the file, which keeps an exclusive one away. It waits for nothing, and
// holds nothing afterwards. A file that isn't there is not in use.
func CheckUnused(ctx context.Context, path string) (err error) {
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
		return fmt.Errorf("look whether the database is in use: %w", err)
	}
	return nil
}
