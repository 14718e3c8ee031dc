package db_test

import (
	"context"
	"errors"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// A guard is asked once in each transaction, before its work, and its error leaves nothing behind.
func TestGuarded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		asked, refuse := 0, error(nil)
		note := func(ctx context.Context, name string) error {
			_, err := database.Write(ctx).Exec(ctx, `INSERT INTO user_locks (name) VALUES ($1)`, name)
			return err
		}
		guarded := database.Guarded(t.Context(), func(ctx context.Context) error {
			asked++
			if err := note(ctx, "guard"); err != nil {
				return err
			}
			return refuse
		})
		count := func() (rows int) {
			t.Helper()
			if err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM user_locks`).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			return rows
		}
		work := func(ctx context.Context) error {
			return database.Tx(ctx, func(ctx context.Context) error { return note(ctx, "work") })
		}
		before := count()
		refuse = errors.New("not any more")
		if err := database.Tx(guarded, work); !errors.Is(err, refuse) || asked != 1 || count() != before {
			t.Errorf("refused: %v, asked %d times, %d rows", err, asked, count()-before)
		}
		refuse = nil
		if err := database.Tx(guarded, work); err != nil || asked != 2 || count() != before+2 {
			t.Errorf("let through: %v, asked %d times, %d rows", err, asked, count()-before)
		}
		if err := database.Tx(database.Guarded(guarded, nil), func(context.Context) error { return nil }); err != nil || asked != 2 {
			t.Errorf("without a guard: %v, asked %d times", err, asked)
		}
	})
}
