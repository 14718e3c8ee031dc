package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// promise promises an event in a transaction in which it happens.
func (w *world) promise(created audit.Event) {
	w.t.Helper()
	w.must(w.log.RecordEventually(w.t.Context(), func(context.Context) (*audit.Event, error) { return &created, nil }))
}

// takeAway makes the log one that can't be written, until giveBack is called.
func takeAway(t *testing.T, database *db.DB) (giveBack func()) {
	t.Helper()
	rename := func(from, to string) {
		if _, err := database.Write(t.Context()).Exec(t.Context(), fmt.Sprintf(`ALTER TABLE %s RENAME TO %s`, from, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename("audit_events", "events_away")
	return func() { rename("events_away", "audit_events") }
}

// What is promised is in the log as if it had been recorded: at once, or as soon as the log can be written.
func TestPromisedEventIsDelivered(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := event(audit.TokenRevoke, ada, "family")
		created.Details = audit.Details{Reason: "why", Subject: bob}
		w.promise(created)
		giveBack := takeAway(t, database)
		w.promise(created)
		if err := w.log.Deliver(t.Context()); err == nil {
			t.Error("a job that delivered nothing said nothing")
		}
		giveBack()
		if found := w.list(audit.Query{}); len(found) != 1 {
			t.Fatalf("%d events, want the one before the log was away", len(found))
		}
		for range 2 {
			w.must(w.log.Deliver(t.Context()))
		}
		found := w.list(audit.Query{})
		if len(found) != 2 {
			t.Fatalf("%d events of 2", len(found))
		}
		for _, each := range found {
			want := created
			want.ID, want.OccurredAt, want.Outcome, want.Origin = each.ID, start, audit.Success, from
			if diff := cmp.Diff(want, each); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		w.must(w.log.Seal(t.Context()))
		if chain := w.verify(""); !chain.OK() || chain.Events != 2 {
			t.Errorf("the chain: %+v", chain)
		}
	})
}

// What didn't happen is not promised.
func TestPromiseIsPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w, errFails := newWorld(t, database), errors.New("it fails")
		err := w.log.RecordEventually(t.Context(), func(ctx context.Context) (*audit.Event, error) {
			w.must(w.log.Promise(ctx, event(audit.TokenRevoke, ada, "family")))
			return nil, errFails
		})
		if !errors.Is(err, errFails) {
			t.Errorf("got %v", err)
		}
		w.must(w.log.RecordEventually(t.Context(), func(context.Context) (*audit.Event, error) { return nil, nil }))
		w.must(w.log.Deliver(t.Context()))
		if found := w.list(audit.Query{}); len(found) != 0 {
			t.Errorf("%v", found)
		}
	})
}

// Two jobs have both found the same promised events before either moves one.
func TestTwoJobsDeliverOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		const events = 100 // in more than one transaction
		for range events {
			w.must(w.log.Promise(t.Context(), event(audit.TokenRevoke, ada, "family")))
		}
		var arrived, working sync.WaitGroup
		arrived.Add(2)
		for range 2 {
			working.Go(func() {
				var first sync.Once
				observed := database.Observed(t.Context(), func(statement db.Statement) {
					if statement.Text == db.Begin {
						first.Do(func() { arrived.Done(); arrived.Wait() })
					}
				})
				if err := w.log.Deliver(observed); err != nil {
					t.Error(err)
				}
			})
		}
		working.Wait()
		if found := w.list(audit.Query{Limit: audit.MaxLimit}); len(found) != events {
			t.Errorf("%d events of %d", len(found), events)
		}
	})
}
