package audit

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

func (s store) insertPromised(ctx context.Context, events []stored) error {
	return inChunks(events, func(some []stored) error {
		arguments := make([]any, 0, len(some)*promisedCount)
		for _, event := range some {
			arguments = append(arguments, event.values()...)
		}
		_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_outbox (`+eventColumns+`) VALUES `+db.Values(len(some), promisedCount), arguments...)
		return err
	})
}

// isOutcomeUnknown reports whether err is a COMMIT whose answer was lost.
func isOutcomeUnknown(err error) bool { return db.IsOutcomeUnknown(err) }

// promised returns the oldest events in the outbox.
func (s store) promised(ctx context.Context, most int) ([]uuid.UUID, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT id FROM audit_outbox ORDER BY id LIMIT $1`, most)
	return db.Collect(rows, err, func(row db.Row) (uuid.UUID, error) {
		var event uuid.UUID
		err := row.Scan(&event)
		return event, err
	})
}

// takePromised deletes those of the given events that are in the outbox, and returns them. Concurrent calls
// never return the same event.
func (s store) takePromised(ctx context.Context, events []uuid.UUID) (taken []stored, err error) {
	err = inChunks(events, func(some []uuid.UUID) error {
		ids := make([]any, len(some))
		for i, id := range some {
			ids[i] = id
		}
		rows, err := s.database.Write(ctx).Query(ctx, `DELETE FROM audit_outbox WHERE id IN (`+db.Placeholders(1, len(ids))+`) RETURNING `+eventColumns+`, NULL`, ids...)
		found, err := db.Collect(rows, err, scanStored)
		taken = append(taken, found...)
		return err
	})
	return taken, err
}
