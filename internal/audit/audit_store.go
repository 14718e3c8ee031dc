package audit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/page"
)

type store struct{ database *db.DB }

// errSealedElsewhere is returned when another node has sealed the same batch.
var errSealedElsewhere = errors.New("another node has sealed the batch")

const (
	eventColumns = `id, occurred_at, action, outcome, actor_kind, actor_id, actor_name, client_id, target_kind, target_id, target_name, address, request_id, details, personal`
	columnCount  = promisedCount + 1 // eventColumns and batch
	// promisedCount is the number of eventColumns.
	promisedCount = 15
	batchColumns  = `number, events, digest, sealed_at, deleted_at, deletion`
)

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// insert writes events, including their batch numbers.
func (s store) insert(ctx context.Context, events []stored) error { return s.write(ctx, events, "") }

// insertMissing writes the events that are not stored yet.
func (s store) insertMissing(ctx context.Context, events []stored) error {
	return s.write(ctx, events, ` ON CONFLICT (id) DO NOTHING`)
}

func (s store) write(ctx context.Context, events []stored, tail string) error {
	return inChunks(events, func(some []stored) error {
		arguments := make([]any, 0, len(some)*columnCount)
		for _, e := range some {
			var batch *int64
			if e.Batch != 0 {
				batch = &e.Batch
			}
			arguments = append(append(arguments, e.values()...), batch)
		}
		_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_events (`+eventColumns+`, batch) VALUES `+db.Values(len(some), columnCount)+tail, arguments...)
		return err
	})
}

// values returns the values of eventColumns.
func (s stored) values() []any {
	return []any{
		s.ID, s.OccurredAt, string(s.Action), string(s.Outcome), string(s.Actor.Kind), s.Actor.ID, s.Actor.Name, s.ClientID,
		s.Target.Kind, s.Target.ID, s.Target.Name, s.Origin.Address, s.Origin.RequestID, s.details, s.personal,
	}
}

// inChunks calls do for chunks of powers of two, so that there are few
// distinct statements to keep prepared.
func inChunks[T any](all []T, do func(chunk []T) error) error {
	for size := 64; size > 0; size /= 2 {
		for len(all) >= size {
			if err := do(all[:size]); err != nil {
				return err
			}
			all = all[size:]
		}
	}
	return nil
}

// nameOf returns the name of a user, "" for an unknown subject.
func (s store) nameOf(ctx context.Context, subject string) (name string, err error) {
	user, err := uuid.Parse(subject)
	if err != nil {
		return "", nil //nolint:nilerr // not a subject of this server
	}
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT username FROM user_names WHERE id = $1`, user).Scan(&name)
	if errors.Is(err, db.ErrNoRows) {
		return "", nil
	}
	return name, err
}

func scanStored(row db.Row) (stored, error) {
	var (
		e                     stored
		action, outcome, kind string
		batch                 *int64
	)
	err := row.Scan(&e.ID, &e.OccurredAt, &action, &outcome, &kind, &e.Actor.ID, &e.Actor.Name, &e.ClientID,
		&e.Target.Kind, &e.Target.ID, &e.Target.Name, &e.Origin.Address, &e.Origin.RequestID, &e.details, &e.personal, &batch)
	e.Action, e.Outcome, e.Actor.Kind = Action(action), Outcome(outcome), ActorKind(kind)
	if batch != nil {
		e.Batch = *batch
	}
	return e, err
}

// list reads by the index of the narrowest filter and checks the others row by row.
func (s store) list(ctx context.Context, query Query) (page.Of[stored], error) {
	list := db.Listing{Table: "audit_events", Columns: eventColumns + `, batch`, Time: "occurred_at"}
	indexed := false
	for _, equal := range []struct{ column, value string }{
		{"target_id", query.TargetID},
		{"actor_id", query.ActorID},
		{"client_id", query.ClientID},
		{"action", string(query.Action)},
	} {
		switch condition := equal.column + " = $?"; {
		case equal.value == "":
		case indexed:
			list.Matching(condition, equal.value)
		default:
			list.Within(condition, equal.value)
			indexed = true
		}
	}
	if query.Outcome != "" {
		list.Matching("outcome = $?", string(query.Outcome))
	}
	if query.TargetKind != "" {
		list.Matching("target_kind = $?", query.TargetKind)
	}
	list.Between(query.Since, query.Until)
	list.Before(query.After)
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanStored, func(e stored) page.Position {
		return page.Position{At: e.OccurredAt, ID: e.ID}
	})
}

func (s store) find(ctx context.Context, event uuid.UUID) (stored, bool, error) {
	return found(scanStored(s.database.Read(ctx).QueryRow(ctx, `SELECT `+eventColumns+`, batch FROM audit_events WHERE id = $1`, event)))
}

func (s store) unsealed(ctx context.Context, most int) ([]stored, error) {
	rows, err := s.database.Write(ctx).Query(ctx,
		`SELECT `+eventColumns+`, batch FROM audit_events WHERE batch IS NULL ORDER BY id LIMIT $1`, most)
	return db.Collect(rows, err, scanStored)
}

func (s store) countUnsealed(ctx context.Context) (count int64, err error) {
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*) FROM audit_events WHERE batch IS NULL`).Scan(&count)
	return count, err
}

func (s store) ofBatch(ctx context.Context, number int64, most int) ([]stored, error) {
	rows, err := s.database.Read(ctx).Query(ctx,
		`SELECT `+eventColumns+`, batch FROM audit_events WHERE batch = $1 ORDER BY id LIMIT $2`, number, most)
	return db.Collect(rows, err, scanStored)
}

// isStray reports whether there are events of a deleted batch.
func (s store) isStray(ctx context.Context) (stray bool, err error) {
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM audit_batches b
		WHERE b.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM audit_events e WHERE e.batch = b.number))`).Scan(&stray)
	return stray, err
}

func scanBatch(row db.Row) (batch, error) {
	var b batch
	err := row.Scan(&b.number, &b.events, &b.digest, &b.sealedAt, &b.deletedAt, &b.deletion)
	return b, err
}

// lastBatch returns the newest batch, the zero value if there is none.
func (s store) lastBatch(ctx context.Context) (batch, error) {
	last, _, err := found(scanBatch(s.database.Write(ctx).QueryRow(ctx, `SELECT `+batchColumns+` FROM audit_batches ORDER BY number DESC LIMIT 1`)))
	return last, err
}

// newestBatch is lastBatch outside of the transaction that creates the next one.
func (s store) newestBatch(ctx context.Context) (batch, error) {
	last, _, err := found(scanBatch(s.database.Read(ctx).QueryRow(ctx, `SELECT `+batchColumns+` FROM audit_batches ORDER BY number DESC LIMIT 1`)))
	return last, err
}

func (s store) batchAfter(ctx context.Context, number int64) (batch, bool, error) {
	return found(scanBatch(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+batchColumns+` FROM audit_batches WHERE number > $1 ORDER BY number LIMIT 1`, number)))
}

func (s store) oldestBatch(ctx context.Context) (batch, bool, error) {
	return found(scanBatch(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+batchColumns+` FROM audit_batches WHERE deleted_at IS NULL ORDER BY number LIMIT 1`)))
}

// insertBatch fails with errSealedElsewhere if there is a batch of that number.
func (s store) insertBatch(ctx context.Context, b batch) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO audit_batches (number, events, digest, sealed_at) VALUES ($1, $2, $3, $4)`,
		b.number, b.events, b.digest, b.sealedAt)
	if db.IsUnique(err, "number") {
		return errSealedElsewhere
	}
	return err
}

// assign puts exactly these events into a batch.
func (s store) assign(ctx context.Context, number int64, events []stored) error {
	return inChunks(events, func(some []stored) error {
		changed, err := s.database.Write(ctx).Exec(ctx,
			`UPDATE audit_events SET batch = $1 WHERE batch IS NULL AND id IN (`+db.Placeholders(2, len(some))+`)`, append([]any{number}, identifiers(some)...)...)
		if err == nil && changed != int64(len(some)) {
			return errSealedElsewhere
		}
		return err
	})
}

func identifiers(events []stored) []any {
	all := make([]any, len(events))
	for i, event := range events {
		all[i] = event.ID
	}
	return all
}

func (s store) markDeleted(ctx context.Context, number int64, at time.Time, deletion []byte) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE audit_batches SET deleted_at = $2, deletion = $3 WHERE number = $1 AND deleted_at IS NULL`, number, at, deletion)
	return changed == 1, err
}

func (s store) deleteEvents(ctx context.Context, number int64) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM audit_events WHERE batch = $1`, number)
	return err
}

// found reports whether there was a row.
func found[T any](row T, err error) (T, bool, error) {
	if errors.Is(err, db.ErrNoRows) {
		return row, false, nil
	}
	return row, err == nil, err
}
