package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

// recorderStore writes batches. Each step is one statement for all records of a
// batch; a record whose verdict is not nil is left out of the steps after it.
type recorderStore struct {
	database    *db.DB
	audit       Auditor
	reuseWindow time.Duration
	sessions    Sessions
	// repetitions is how many rotations in a row may be repeated within repetitionPeriod; 0 for any number.
	repetitions      int
	repetitionPeriod time.Duration
}

// latest is the time at which a batch is judged: nobody gains from having waited in line.
func latest(batch []Record) time.Time {
	now := batch[0].Now
	for _, record := range batch[1:] {
		if record.Now.After(now) {
			now = record.Now
		}
	}
	return now
}

// consumeCodes marks codes as used, each by one conditional statement; of two
// records in a batch with the same code the first wins.
func (s *recorderStore) consumeCodes(ctx context.Context, batch []Record, verdicts []error) error {
	var ids []any
	for i, record := range batch {
		if record.Use.Code != nil && verdicts[i] == nil {
			ids = append(ids, record.Use.Code.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	now, ids := latest(batch), padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx, `UPDATE authorization_codes SET used_at = $1
		WHERE used_at IS NULL AND expires_at > $1 AND id IN (`+db.Placeholders(2, len(ids))+`)
		AND EXISTS (SELECT 1 FROM redeemable_codes r WHERE r.id = authorization_codes.id AND (r.counts_until IS NULL OR r.counts_until > $1))
		RETURNING id`, append([]any{now}, ids...)...)
	won, err := idSet(rows, err)
	if err != nil {
		return err
	}
	for i, record := range batch {
		if record.Use.Code == nil || verdicts[i] != nil {
			continue
		}
		if !won[record.Use.Code.ID] {
			verdicts[i] = ErrCodeUsed
		}
		delete(won, record.Use.Code.ID)
	}
	return nil
}

func idSet(rows db.Rows, err error) (map[uuid.UUID]bool, error) {
	ids, err := db.Collect(rows, err, func(row db.Row) (uuid.UUID, error) {
		var id uuid.UUID
		err := row.Scan(&id)
		return id, err
	})
	set := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set, err
}

func (s *recorderStore) insertFamilies(ctx context.Context, batch []Record, verdicts []error) error {
	return insertAll(ctx, s.database, `token_families`, "", batch, verdicts, func(record Record) []column {
		if record.NewFamily == nil {
			return nil
		}
		return record.NewFamily.columns()
	})
}

// rotateRefreshTokens marks tokens as rotated, each by one conditional statement.
// A request that loses the race for one repeats the rotation; see judgeRepetitions.
func (s *recorderStore) rotateRefreshTokens(ctx context.Context, batch []Record, verdicts []error) error {
	var ids []any
	for i, record := range batch {
		if record.Use.Refresh != nil && record.Rotate && verdicts[i] == nil {
			ids = append(ids, record.Use.Refresh.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	now, ids := latest(batch), padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx, `UPDATE refresh_tokens SET rotated_at = $1
		WHERE rotated_at IS NULL AND expires_at > $1 AND id IN (`+db.Placeholders(2, len(ids))+`) RETURNING id`, append([]any{now}, ids...)...)
	won, err := idSet(rows, err)
	if err != nil {
		return err
	}
	var repetitions []int
	for i, record := range batch {
		if record.Use.Refresh == nil || !record.Rotate || verdicts[i] != nil {
			continue
		}
		if id := record.Use.Refresh.ID; won[id] {
			delete(won, id)
		} else {
			repetitions = append(repetitions, i)
		}
	}
	if len(repetitions) == 0 {
		return nil
	}
	return s.judgeRepetitions(ctx, now, batch, repetitions, verdicts)
}

// withinWindow returns those refresh tokens that were rotated so recently that they give their
// successor again. Without a window there are none, whatever the clocks of other nodes say.
func (s *recorderStore) withinWindow(ctx context.Context, now time.Time, ids []any) (map[uuid.UUID]bool, error) {
	if s.reuseWindow <= 0 {
		return nil, nil //nolint:nilnil // an empty set
	}
	rows, err := s.database.Write(ctx).Query(ctx, `SELECT id FROM refresh_tokens
		WHERE rotated_at > $1 AND expires_at > $2 AND id IN (`+db.Placeholders(3, len(ids))+`)`,
		append([]any{now.Add(-s.reuseWindow), now}, ids...)...)
	return idSet(rows, err)
}

// extendRefreshTokens moves the idle end of tokens that are not replaced.
func (s *recorderStore) extendRefreshTokens(ctx context.Context, batch []Record, verdicts []error) error {
	for i, record := range batch {
		if verdicts[i] != nil || record.Use.Refresh == nil || record.Rotate || record.IdleExpiry.IsZero() {
			continue
		}
		if _, err := s.database.Write(ctx).Exec(ctx,
			`UPDATE refresh_tokens SET expires_at = $1 WHERE id = $2 AND expires_at < $1`, record.IdleExpiry, record.Use.Refresh.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *recorderStore) insertRefreshTokens(ctx context.Context, batch []Record, verdicts []error) error {
	written := map[uuid.UUID]bool{} // by predecessor: a batch may hold the same rotation several times
	return insertAll(ctx, s.database, `refresh_tokens`,
		` ON CONFLICT (token_hash) DO NOTHING`, batch, verdicts, func(record Record) []column {
			r := record.NewRefresh
			if r == nil {
				return nil
			}
			if use := record.Use.Refresh; use != nil {
				if written[use.ID] {
					return nil
				}
				written[use.ID] = true
			}
			return []column{
				{"id", r.ID, nil},
				{"token_hash", r.Digest.Bytes(), nil},
				{"family_id", r.FamilyID, nil},
				{"created_at", r.CreatedAt, nil},
				{"expires_at", r.ExpiresAt, nil},
			}
		})
}

func (s *recorderStore) insertAccessTokens(ctx context.Context, batch []Record, verdicts []error) error {
	return insertAll(ctx, s.database, `access_tokens`, "", batch, verdicts, func(record Record) []column {
		a := record.Access
		var digest []byte
		if a.Digest != nil {
			digest = a.Digest.Bytes()
		}
		return append(a.columns(),
			column{"token_hash", digest, nil},
			column{"client_epoch", record.Client.Epoch, nil},
			column{"client_id", record.ClientID, nil},
			column{"user_id", record.UserID, nil},
			column{"refreshed", record.Use.Refresh != nil, nil},
			column{"address", a.Origin.Address, nil},
			column{"request_id", a.Origin.RequestID, nil},
		)
	})
}

// insertAll inserts a row for each accepted record that has one. The rows go in
// chunks of powers of two, so that there are few distinct statements to keep prepared.
func insertAll(ctx context.Context, database *db.DB, table, tail string, batch []Record, verdicts []error, row func(Record) []column) error {
	var rows [][]column
	for i, record := range batch {
		if verdicts[i] != nil {
			continue
		}
		if columns := row(record); columns != nil {
			rows = append(rows, columns)
		}
	}
	for size := 64; size > 0; size /= 2 {
		for len(rows) >= size {
			width := len(rows[0])
			arguments := make([]any, 0, size*width)
			for _, columns := range rows[:size] {
				arguments = append(arguments, values(columns)...)
			}
			if _, err := database.Write(ctx).Exec(ctx,
				`INSERT INTO `+table+` (`+names("", rows[0])+`) VALUES `+db.Values(size, width)+tail, arguments...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}
