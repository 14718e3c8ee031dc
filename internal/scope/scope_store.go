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
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT name, description, is_default, active, managed_by FROM scopes ORDER BY name`)
	return db.Collect(rows, err, func(row db.Row) (Scope, error) {
		var entry Scope
		err := row.Scan(&entry.Name, &entry.Description, &entry.Default, &entry.Active, &entry.ManagedBy)
		return entry, err
	})
}

// errNoRecord is returned for a scope that is not in the catalogue.
var errNoRecord = db.ErrNoRows

func (s store) find(ctx context.Context, name string) (Scope, error) {
	entry := Scope{Name: name}
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT description, is_default, active, managed_by FROM scopes WHERE name = $1`, name).
		Scan(&entry.Description, &entry.Default, &entry.Active, &entry.ManagedBy)
	return entry, err
}

func (s store) insert(ctx context.Context, entry Scope, now time.Time) (bool, error) {
	added, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO scopes (name, description, is_default, active, managed_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name) DO NOTHING`,
		entry.Name, entry.Description, entry.Default, entry.Active, entry.ManagedBy, now)
	return added == 1, err
}

func (s store) update(ctx context.Context, old, entry Scope, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE scopes SET description = $1, is_default = $2, active = $3, managed_by = $4, updated_at = $5
		WHERE name = $6 AND description = $7 AND is_default = $8 AND active = $9 AND managed_by = $10`,
		entry.Description, entry.Default, entry.Active, entry.ManagedBy, now,
		old.Name, old.Description, old.Default, old.Active, old.ManagedBy)
	return changed == 1, err
}

func (s store) remove(ctx context.Context, name string) (bool, error) {
	removed, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM scopes WHERE name = $1`, name)
	return removed == 1, err
}
