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
	return insertAll(ctx, s.database, `INSERT INTO token_families (id, grant_id, client, client_epoch, user_id, session_id, offline, scopes, resources, claims,
		authentication_methods, authenticated_at, max_age_requested, created_at, expires_at) VALUES `, "", 15,
		batch, verdicts, func(record Record) []any {
			f := record.NewFamily
			if f == nil {
				return nil
			}
			return []any{
				f.ID, f.GrantID, f.Client, f.ClientEpoch, f.UserID, f.SessionID, f.Offline, db.Strings(f.Scopes), db.Strings(f.Resources), claims(f.Claims),
				db.Strings(f.AuthenticationMethods), f.AuthenticatedAt, f.MaxAgeRequested, f.CreatedAt, f.ExpiresAt,
			}
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
	return insertAll(ctx, s.database, `INSERT INTO refresh_tokens (id, token_hash, family_id, created_at, expires_at) VALUES `,
		` ON CONFLICT (token_hash) DO NOTHING`, 5, batch, verdicts, func(record Record) []any {
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
			return []any{r.ID, r.Digest.Bytes(), r.FamilyID, r.CreatedAt, r.ExpiresAt}
		})
}

func (s *recorderStore) insertAccessTokens(ctx context.Context, batch []Record, verdicts []error) error {
	return insertAll(ctx, s.database, `INSERT INTO access_tokens (id, token_hash, client, client_epoch, client_id, family_id, user_id, refreshed, scopes, audience,
		issued_at, expires_at, address, request_id) VALUES `, "", 14, batch, verdicts, func(record Record) []any {
		a := record.Access
		var digest []byte
		if a.Digest != nil {
			digest = a.Digest.Bytes()
		}
		return []any{
			a.ID, digest, a.Client, record.Client.Epoch, record.ClientID, a.FamilyID, record.UserID, record.Use.Refresh != nil, db.Strings(a.Scopes), db.Strings(a.Audience),
			a.IssuedAt, a.ExpiresAt, a.Origin.Address, a.Origin.RequestID,
		}
	})
}

// insertAll inserts a row for each accepted record that has one. The rows go in
// chunks of powers of two, so that there are few distinct statements to keep prepared.
func insertAll(ctx context.Context, database *db.DB, head, tail string, columns int, batch []Record, verdicts []error,
	row func(Record) []any,
) error {
	var rows [][]any
	for i, record := range batch {
		if verdicts[i] != nil {
			continue
		}
		if values := row(record); values != nil {
			rows = append(rows, values)
		}
	}
	for size := 64; size > 0; size /= 2 {
		for len(rows) >= size {
			arguments := make([]any, 0, size*columns)
			for _, values := range rows[:size] {
				arguments = append(arguments, values...)
			}
			if _, err := database.Write(ctx).Exec(ctx, head+db.Values(size, columns)+tail, arguments...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}
