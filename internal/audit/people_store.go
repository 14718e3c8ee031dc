package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

func (s store) afterCommit(ctx context.Context, done func()) { s.database.AfterCommit(ctx, done) }

// personKeys returns the sealed keys of people, nil for a destroyed one.
func (s store) personKeys(ctx context.Context, people []uuid.UUID) (map[uuid.UUID][]byte, error) {
	keys := make(map[uuid.UUID][]byte, len(people))
	err := inChunks(people, func(some []uuid.UUID) error {
		arguments := make([]any, len(some))
		for i, person := range some {
			arguments[i] = person
		}
		rows, err := s.database.Read(ctx).Query(ctx, `SELECT person, sealed_key FROM audit_keys WHERE person IN (`+db.Placeholders(1, len(some))+`)`, arguments...)
		_, err = db.Collect(rows, err, func(row db.Row) (struct{}, error) {
			var (
				person uuid.UUID
				sealed []byte
			)
			err := row.Scan(&person, &sealed)
			keys[person] = sealed
			return struct{}{}, err
		})
		return err
	})
	return keys, err
}

// insertPersonKey stores a key if there is an account without one, and reports whether it did.
func (s store) insertPersonKey(ctx context.Context, person uuid.UUID, sealed []byte, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_keys (person, sealed_key, created_at)
		SELECT id, $2, $3 FROM user_names WHERE id = $1 ON CONFLICT (person) DO NOTHING`, person, sealed, now)
	return changed == 1, err
}

// destroyPersonKey leaves a row without a key, even where there was none, so that a concurrent
// insertPersonKey waits for it, or the other way round.
func (s store) destroyPersonKey(ctx context.Context, person uuid.UUID, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_keys (person, created_at, destroyed_at) VALUES ($1, $2, $2)
		ON CONFLICT (person) DO UPDATE SET sealed_key = NULL, destroyed_at = excluded.destroyed_at`, person, now)
	return err
}

func (s store) sweepPersonKeys(ctx context.Context, before time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM audit_keys WHERE destroyed_at < $1`, before)
	return err
}
