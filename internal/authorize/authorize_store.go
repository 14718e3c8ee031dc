package authorize

import (
	"context"

	"authly/internal/platform/db"
)

// store has no table of its own: it holds together what other features write.
type store struct{ database *db.DB }

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}
