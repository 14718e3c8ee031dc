package token

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
)

// A batch of each size has statements of its own. They have to stay well within
// what SQLite's writer keeps prepared (512), with room for those of the rest of the program.
func TestBatchesOfEverySizeLeaveRoomForOtherStatements(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		recorder, now := &recorderStore{database: database, reuseWindow: time.Minute}, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		write := func(batch []Record) []error {
			var verdicts []error
			err := database.Tx(t.Context(), func(ctx context.Context) error {
				var err error
				verdicts, err = recorder.write(ctx, batch)
				return err
			})
			if err != nil {
				t.Fatalf("%d records: %v", len(batch), err)
			}
			return verdicts
		}
		for size := 1; size <= 64; size++ {
			codes, refreshes := make([]Record, size), make([]Record, size)
			for i := range size {
				codes[i] = Record{Now: now, Use: Use{Code: &CodeUse{ID: id.New()}}}
				refreshes[i] = Record{Now: now, Use: Use{Refresh: &RefreshUse{ID: id.New()}}, Rotate: true}
			}
			for i, verdict := range write(codes) {
				if !errors.Is(verdict, ErrCodeUsed) {
					t.Fatalf("code %d of %d that nobody issued: %v", i, size, verdict)
				}
			}
			for i, verdict := range write(refreshes) {
				if !errors.Is(verdict, ErrRefreshReused) {
					t.Fatalf("refresh token %d of %d that nobody issued: %v", i, size, verdict)
				}
			}
		}
		const inserts, rest = 3 * 7, 250
		for i := range inserts + rest {
			if _, err := database.Write(t.Context()).Exec(t.Context(), fmt.Sprintf(`DELETE FROM access_tokens WHERE %d = 0`, i+1)); err != nil {
				t.Fatalf("after %d other statements: %v", i, err)
			}
		}
	})
}
