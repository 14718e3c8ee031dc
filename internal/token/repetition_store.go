package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/db"
)

// judgeRepetitions judges the records of a batch, by their places, whose refresh token was rotated before. Within the
// window the token gives its successor again, and the rotation counts as repeated, however often that happens. If more
// rotations in a row were repeated than s.repetitions allows, two parties use the family, and it is reuse.
func (s *recorderStore) judgeRepetitions(ctx context.Context, now time.Time, batch []Record, places []int, verdicts []error) error {
	ids := make([]any, len(places))
	for i, place := range places {
		ids[i] = batch[place].Use.Refresh.ID
	}
	shared, err := s.withinWindow(ctx, now, padded(ids))
	if err != nil {
		return err
	}
	var repeated []int
	for _, place := range places {
		if shared[batch[place].Use.Refresh.ID] {
			repeated = append(repeated, place)
		} else {
			verdicts[place] = ErrRefreshReused
		}
	}
	if len(repeated) == 0 {
		return nil
	}
	if err := s.noteRepetitions(ctx, now, batch, repeated); err != nil {
		return err
	}
	over, err := s.repeatedTooOften(ctx, now, batch, repeated)
	if err != nil {
		return err
	}
	for _, place := range repeated {
		if over[batch[place].NewRefresh.FamilyID] {
			verdicts[place] = ErrRefreshReused
		}
	}
	return nil
}

// noteRepetitions marks rotations as repeated, each once by one conditional statement, and promises an event of each that it marks.
func (s *recorderStore) noteRepetitions(ctx context.Context, now time.Time, batch []Record, repeated []int) error {
	ids := make([]any, len(repeated))
	for i, place := range repeated {
		ids[i] = batch[place].Use.Refresh.ID
	}
	ids = padded(ids)
	rows, err := s.database.Write(ctx).Query(ctx, `UPDATE refresh_tokens SET repeated_at = $1
		WHERE repeated_at IS NULL AND rotated_at IS NOT NULL AND id IN (`+db.Placeholders(2, len(ids))+`) RETURNING id`, append([]any{now}, ids...)...)
	first, err := idSet(rows, err)
	if err != nil {
		return err
	}
	for _, place := range repeated {
		record := batch[place]
		if !first[record.Use.Refresh.ID] {
			continue
		}
		delete(first, record.Use.Refresh.ID)
		if err := s.audit.Promise(ctx, repetitionOf(record)); err != nil {
			return err
		}
	}
	return nil
}

// repetitionOf says that the rotation of a refresh token was repeated.
func repetitionOf(record Record) audit.Event {
	event := audit.Event{
		Action: audit.RefreshRepeat, ClientID: record.ClientID, Actor: audit.Actor{Kind: audit.Client, ID: record.ClientID},
		Target: audit.Target{Kind: "token_family", ID: record.NewRefresh.FamilyID.String()}, Origin: record.Origin,
	}
	if record.UserID != nil {
		event.Details.Subject = record.UserID.String()
	}
	return event
}

// repeatedTooOften returns the families in which more rotations in a row were repeated than is allowed. A rotation
// that was not repeated while its window was open ends a row; what was repeated before the rolling period doesn't count.
//
// The families are locked first, so that of two nodes that mark different rotations of a family the later one counts both.
func (s *recorderStore) repeatedTooOften(ctx context.Context, now time.Time, batch []Record, repeated []int) (map[uuid.UUID]bool, error) {
	if s.repetitions <= 0 {
		return nil, nil //nolint:nilnil // an empty set
	}
	ids := make([]any, len(repeated))
	for i, place := range repeated {
		ids[i] = batch[place].NewRefresh.FamilyID
	}
	ids = padded(ids)
	if _, err := s.database.Write(ctx).Exec(ctx, lockFamilies+`(`+db.Placeholders(1, len(ids))+`)`, ids...); err != nil {
		return nil, err
	}
	families := `(` + db.Placeholders(4, len(ids)) + `)`
	rows, err := s.database.Write(ctx).Query(ctx, `SELECT r.family_id FROM refresh_tokens r
		LEFT JOIN (SELECT family_id, max(rotated_at) AS rotated_at FROM refresh_tokens
			WHERE repeated_at IS NULL AND rotated_at <= $1 AND family_id IN `+families+` GROUP BY family_id) alone ON alone.family_id = r.family_id
		WHERE r.repeated_at > $2 AND r.family_id IN `+families+` AND (alone.rotated_at IS NULL OR r.rotated_at >= alone.rotated_at)
		GROUP BY r.family_id HAVING count(*) > $3`,
		append([]any{now.Add(-s.reuseWindow), now.Add(-s.repetitionPeriod), s.repetitions}, ids...)...)
	return idSet(rows, err)
}

// lockFamilies changes nothing.
const lockFamilies = `UPDATE token_families SET revoked_at = revoked_at WHERE id IN `
