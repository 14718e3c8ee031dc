package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
)

// sealed makes three batches of two events, and one event that is not sealed.
func (w *world) sealed() {
	w.t.Helper()
	for i := range 3 {
		w.clock.Set(start.Add(time.Duration(i) * time.Hour))
		w.record(event(audit.RegisterClient, ada, "first"), event(audit.ClientDelete, bob, "second"))
		w.must(w.log.Seal(w.t.Context()))
	}
	w.record(event(audit.SignIn, ada, "third"))
}

func TestChainOfBatches(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		if empty := w.verify(""); !empty.OK() || empty.Head != "" {
			t.Errorf("an empty chain: %+v", empty)
		}
		w.sealed()
		found := w.verify("")
		if !found.OK() || found.Batches != 3 || found.Events != 6 || found.Unsealed != 1 || found.Head == "" {
			t.Fatalf("%+v", found)
		}
		w.must(w.log.Seal(t.Context()))
		w.must(w.log.Seal(t.Context()))
		if later := w.verify(found.Head); !later.OK() || later.Batches != 4 || later.Head == found.Head || later.Unsealed != 0 {
			t.Errorf("with the head noted before: %+v", later)
		}
		if other, err := w.with("another key").Verify(t.Context(), ""); err != nil || other.OK() {
			t.Errorf("whoever has another key can make the chain: %+v %v", other, err)
		}
	})
}

var errUndo = errors.New("undo")

// Whoever can write to the database is found out.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.sealed()
		head := w.verify("").Head
		victim := w.list(audit.Query{TargetID: "second"})[1] // of batch 2
		if victim.Batch != 2 {
			t.Fatalf("the victim is in batch %d", victim.Batch)
		}
		for name, attack := range map[string]string{
			"time":             `UPDATE audit_events SET occurred_at = $2 WHERE id = $1`,
			"action":           `UPDATE audit_events SET action = 'client.update' WHERE id = $1`,
			"outcome":          `UPDATE audit_events SET outcome = 'failure' WHERE id = $1`,
			"actor":            `UPDATE audit_events SET actor_id = 'eve' WHERE id = $1`,
			"actor's name":     `UPDATE audit_events SET actor_name = 'eve' WHERE id = $1`,
			"actor's kind":     `UPDATE audit_events SET actor_kind = 'server' WHERE id = $1`,
			"client":           `UPDATE audit_events SET client_id = '' WHERE id = $1`,
			"target":           `UPDATE audit_events SET target_id = 'x' WHERE id = $1`,
			"target's kind":    `UPDATE audit_events SET target_kind = 'x' WHERE id = $1`,
			"target's name":    `UPDATE audit_events SET target_name = 'x' WHERE id = $1`,
			"address":          `UPDATE audit_events SET address = '' WHERE id = $1`,
			"request":          `UPDATE audit_events SET request_id = '' WHERE id = $1`,
			"details":          `UPDATE audit_events SET details = '{} ' WHERE id = $1`,
			"deleted":          `DELETE FROM audit_events WHERE id = $1`,
			"taken out":        `UPDATE audit_events SET batch = NULL WHERE id = $1`,
			"moved":            `UPDATE audit_events SET batch = 1 WHERE id = $1`,
			"batch is gone":    `DELETE FROM audit_batches WHERE number = 2`,
			"digest":           `UPDATE audit_batches SET digest = (SELECT digest FROM audit_batches WHERE number = 1) WHERE number = 2`,
			"count":            `UPDATE audit_batches SET events = 1 WHERE number = 2`,
			"called deleted":   `UPDATE audit_batches SET deleted_at = $2, deletion = digest WHERE number = 2 AND EXISTS (SELECT 1 FROM audit_events WHERE id = $1)`,
			"last is cut off":  `DELETE FROM audit_batches WHERE number = 3`,
			"an event's twin":  `UPDATE audit_events SET id = $3 WHERE id = $1 AND (occurred_at = $2 OR occurred_at <> $2)`,
			"one more":         `UPDATE audit_events SET batch = 2 WHERE batch IS NULL`,
			"first is cut off": `DELETE FROM audit_batches WHERE number = 1`,
		} {
			var found audit.Verification
			err := database.Tx(t.Context(), func(ctx context.Context) error {
				arguments := []any{victim.ID, start, id.New()}
				if name == "batch is gone" || name == "last is cut off" || name == "first is cut off" {
					number := map[string]int{"batch is gone": 2, "last is cut off": 3, "first is cut off": 1}[name]
					if _, err := database.Write(ctx).Exec(ctx, `DELETE FROM audit_events WHERE batch = $1`, number); err != nil {
						return err
					}
				}
				most := 0
				for i := range arguments {
					if containsPlaceholder(attack, i+1) {
						most = i + 1
					}
				}
				changed, err := database.Write(ctx).Exec(ctx, attack, arguments[:most]...)
				if err != nil || changed != 1 {
					t.Errorf("%s: changed %d: %v", name, changed, err)
					return errUndo
				}
				if found, err = w.log.Verify(ctx, head); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				return errUndo
			})
			if !errors.Is(err, errUndo) {
				t.Fatalf("%s: %v", name, err)
			}
			if found.OK() {
				t.Errorf("%s: not found: %+v", name, found)
			}
		}
		if found := w.verify(head); !found.OK() {
			t.Errorf("after all that: %+v", found)
		}
	})
}

func containsPlaceholder(statement string, number int) bool {
	for i := range len(statement) - 1 {
		if statement[i] == '$' && int(statement[i+1]-'0') == number {
			return true
		}
	}
	return false
}

// What is over is deleted with its batch, and the chain goes on.
func TestRetention(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.sealed()
		head := w.verify("").Head
		w.must(w.log.Delete(t.Context(), start.Add(time.Hour)))
		found := w.verify(head)
		if !found.OK() || found.Deleted != 1 || found.Batches != 2 || found.Events != 4 || found.Unsealed != 2 {
			t.Errorf("%+v", found)
		}
		said := w.list(audit.Query{Action: audit.Retention})
		if len(said) != 1 || said[0].Actor.Kind != audit.Server || said[0].Target.ID != "1" {
			t.Errorf("the log says %+v", said)
		}
		w.must(w.log.Delete(t.Context(), start.Add(time.Hour)))
		if again := w.list(audit.Query{Action: audit.Retention}); len(again) != 1 {
			t.Errorf("nothing was deleted, and the log says %+v", again)
		}
		w.must(w.log.Delete(t.Context(), start.Add(time.Hour*24)))
		w.must(w.log.Seal(t.Context()))
		if found := w.verify(head); !found.OK() || found.Deleted != 3 || found.Batches != 1 || found.Events != 4 {
			t.Errorf("%+v", found)
		}
		w.exec(`UPDATE audit_events SET batch = 1`)
		if found := w.verify(""); found.OK() {
			t.Error("an event slipped into a batch that was deleted")
		}
	})
}

// Whoever verifies while the server deletes what is over sees nothing wrong.
func TestVerifyWhileDeletingRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		const batches = 30
		for range batches {
			w.record(event(audit.SignIn, ada, "x"))
			w.must(w.log.Seal(t.Context()))
		}
		w.clock.Advance(time.Hour)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := w.log.Delete(t.Context(), w.clock.Now()); err != nil {
				t.Error(err)
			}
		}()
		for deleting := true; deleting; {
			select {
			case <-done:
				deleting = false
			default:
			}
			if found := w.verify(""); !found.OK() {
				t.Fatalf("%+v", found)
			}
		}
		if found := w.verify(""); found.Deleted != batches {
			t.Errorf("%+v", found)
		}
	})
}
