package scope

import (
	"context"
	"time"

	"authly/internal/platform/db"
)

type store struct{ database *db.DB }

func (s store) add(ctx context.Context, entries []Scope, now time.Time) error {
	arguments := make([]any, 0, 6*len(entries))
	for _, entry := range entries {
		arguments = append(arguments, entry.Name, entry.Description, entry.Default, entry.Active, now, now)
	}
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO scopes (name, description, is_default, active, created_at, updated_at)
		VALUES `+db.Values(len(entries), 6)+` ON CONFLICT (name) DO NOTHING`, arguments...)
	return err
}

func (s store) list(ctx context.Context) ([]Scope, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT name, description, is_default, active FROM scopes ORDER BY name`)
	return db.Collect(rows, err, func(row db.Row) (Scope, error) {
		var entry Scope
		err := row.Scan(&entry.Name, &entry.Description, &entry.Default, &entry.Active)
		return entry, err
	})
}
