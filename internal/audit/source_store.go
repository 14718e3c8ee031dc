package audit

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

// lockPosition returns the position up to which a source was collected, and keeps other nodes from collecting
// more of it until the transaction ends.
func (s store) lockPosition(ctx context.Context, source string) (position uuid.UUID, err error) {
	if _, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_sources (name, position) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		source, uuid.Nil); err != nil {
		return uuid.Nil, err
	}
	err = s.database.Write(ctx).QueryRow(ctx, `UPDATE audit_sources SET position = position WHERE name = $1 RETURNING position`, source).Scan(&position)
	return position, err
}

func (s store) setPosition(ctx context.Context, source string, position uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE audit_sources SET position = $2 WHERE name = $1`, source, position)
	return err
}

// errExists is returned when a collected event is in the log already.
var errExists = errors.New("the event is in the log")

// insertSealed fails with errExists if one of the events is there.
func (s store) insertSealed(ctx context.Context, events []stored) error {
	err := s.insert(ctx, events)
	if db.IsUnique(err, "") {
		return errExists
	}
	return err
}

// missing returns those of some events that are not in the log.
func (s store) missing(ctx context.Context, events []stored) ([]stored, error) {
	present := map[uuid.UUID]bool{}
	err := inChunks(events, func(some []stored) error {
		rows, err := s.database.Write(ctx).Query(ctx, `SELECT id FROM audit_events WHERE id IN (`+db.Placeholders(1, len(some))+`)`, identifiers(some)...)
		ids, err := db.Collect(rows, err, func(row db.Row) (uuid.UUID, error) {
			var event uuid.UUID
			err := row.Scan(&event)
			return event, err
		})
		for _, id := range ids {
			present[id] = true
		}
		return err
	})
	var left []stored
	for _, event := range events {
		if !present[event.ID] {
			left = append(left, event)
		}
	}
	return left, err
}
