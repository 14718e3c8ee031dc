package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// A caller who hangs up while the transaction begins must not leave one open:
// every later one would fail, and what is written alone would never be committed.
func TestCancelledTransactionsLeaveTheWriterUsable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var callers sync.WaitGroup
		for i := range 8 {
			callers.Go(func() {
				for j := range 1000 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration((i*53+j)%400)*time.Microsecond)
					err := database.Tx(ctx, func(context.Context) error { return nil })
					cancel()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("a neighbour's transaction: %v", err)
						return
					}
				}
			})
		}
		callers.Wait()
		if err := database.Tx(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Errorf("nothing can be written any more: %v", err)
		}
	})
}
