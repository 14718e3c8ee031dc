package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

// judgeClients refuses the records whose client is not the one that was authenticated: it was
// disabled or deleted, or its record or secrets were changed. A change that is committed
// later than this statement comes after the issue of the token; if it disables the client, the
// epoch ends the token all the same.
func (s *recorderStore) judgeClients(ctx context.Context, batch []Record, verdicts []error) error {
	var ids []any
	seen := map[uuid.UUID]bool{}
	for _, record := range batch {
		if !seen[record.Client.ID] {
			seen[record.Client.ID] = true
			ids = append(ids, record.Client.ID)
		}
	}
	ids = padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx,
		`SELECT id, epoch, updated_at FROM live_clients WHERE id IN (`+db.Placeholders(1, len(ids))+`)`, ids...)
	found, err := db.Collect(rows, err, func(row db.Row) (JudgedClient, error) {
		var c JudgedClient
		err := row.Scan(&c.ID, &c.Epoch, &c.UpdatedAt)
		return c, err
	})
	if err != nil {
		return err
	}
	live := make(map[uuid.UUID]JudgedClient, len(found))
	for _, c := range found {
		live[c.ID] = c
	}
	for i, record := range batch {
		now, ok := live[record.Client.ID]
		if !ok || now.Epoch != record.Client.Epoch || !now.UpdatedAt.Equal(record.Client.UpdatedAt.Truncate(time.Microsecond)) {
			verdicts[i] = ErrClientChanged
		}
	}
	return nil
}

// judgeFamilies refuses the refreshes whose family ended after it was looked at: by itself, or with
// its grant, session, user or client. Codes are judged in the statement that consumes them.
func (s *recorderStore) judgeFamilies(ctx context.Context, batch []Record, verdicts []error) error {
	var ids []any
	seen := map[uuid.UUID]bool{}
	for i, record := range batch {
		if family := record.Access.FamilyID; record.Use.Refresh != nil && verdicts[i] == nil && !seen[*family] {
			seen[*family] = true
			ids = append(ids, *family)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ids = padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx, `SELECT id FROM live_families WHERE counts_until > $1 AND id IN (`+db.Placeholders(2, len(ids))+`)`,
		append([]any{latest(batch)}, ids...)...)
	live, err := idSet(rows, err)
	if err != nil {
		return err
	}
	for i, record := range batch {
		if record.Use.Refresh != nil && verdicts[i] == nil && !live[*record.Access.FamilyID] {
			verdicts[i] = ErrEnded
		}
	}
	return nil
}

// useSessions notes the sessions that a refresh depends on as used.
func (s *recorderStore) useSessions(ctx context.Context, batch []Record, verdicts []error) error {
	var used []uuid.UUID
	for i, record := range batch {
		if verdicts[i] == nil && record.Use.Refresh != nil && record.SessionID != nil {
			used = append(used, *record.SessionID)
		}
	}
	if len(used) == 0 || s.sessions == nil {
		return nil
	}
	return s.sessions.Use(ctx, used)
}

// written reports which records are in the database: each has an access token of its own.
func (s *recorderStore) written(ctx context.Context, batch []Record) ([]bool, error) {
	ids := make([]any, len(batch))
	for i, record := range batch {
		ids[i] = record.Access.ID
	}
	ids = padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx, `SELECT id FROM access_tokens WHERE id IN (`+db.Placeholders(1, len(ids))+`)`, ids...)
	there, err := idSet(rows, err)
	if err != nil {
		return nil, err
	}
	written := make([]bool, len(batch))
	for i, record := range batch {
		written[i] = there[record.Access.ID]
	}
	return written, nil
}

// padded repeats the last of some values until their number is a power of two, so that there are
// few distinct statements to keep prepared.
func padded(values []any) []any {
	for len(values)&(len(values)-1) != 0 {
		values = append(values, values[len(values)-1])
	}
	return values
}
