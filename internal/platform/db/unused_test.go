package db_test

import (
	"errors"
	"path/filepath"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// A database that is open is found in use, also while nothing is done with it, and isn't after that.
func TestCheckUnused(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			options := dbtest.Options(t, engine)
			if err := db.CheckUnused(t.Context(), options); err != nil {
				t.Errorf("a database at rest: %v", err)
			}
			opened, err := db.Open(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := db.CheckUnused(t.Context(), options); !errors.Is(err, db.ErrInUse) {
					t.Errorf("an open database: %v", err)
				}
			}
			if err := opened.Ping(t.Context()); err != nil {
				t.Errorf("the database doesn't work after it was looked at: %v", err)
			}
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
			if err := db.CheckUnused(t.Context(), options); err != nil {
				t.Errorf("a database that was closed: %v", err)
			}
		})
	}
}

func TestCheckUnusedWithoutAFile(t *testing.T) {
	t.Parallel()
	if err := db.CheckUnused(t.Context(), db.Options{SQLitePath: filepath.Join(t.TempDir(), "none.db")}); err != nil {
		t.Error(err)
	}
}
