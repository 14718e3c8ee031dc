package db

import (
	"context"
	"path/filepath"
	"testing"
)

// TestEndOfATransactionIsNeverCancelled: a slow disk may use up the deadline of
// a COMMIT, and the ROLLBACK after it must still happen.
func TestEndOfATransactionIsNeverCancelled(t *testing.T) {
	t.Parallel()
	database, err := Open(t.Context(), Options{SQLitePath: filepath.Join(t.TempDir(), "authly.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = database.Close() }()
	over, end := context.WithCancel(t.Context())
	end()
	for name, finish := range map[string]func(transaction) error{
		"commit":   func(open transaction) error { return open.commit(over) },
		"rollback": func(open transaction) error { return open.rollback(over) },
	} {
		open, err := database.backend.begin(t.Context())
		if err != nil {
			t.Fatalf("%s: the transaction before was left open: %v", name, err)
		}
		if err := finish(open); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := database.Migrate(t.Context()); err != nil {
		t.Errorf("the database is locked: %v", err)
	}
}
