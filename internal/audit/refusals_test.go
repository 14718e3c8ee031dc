package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

func refusalOf(subject string) audit.Refusal {
	return audit.Refusal{Subject: subject, Event: audit.Event{
		Action: audit.ClientAuthenticate, Target: audit.Target{Kind: "client", ID: subject}, Details: audit.Details{Reason: "client.secret_wrong"},
	}}
}

// A flood leaves one event of each kind, subject and address in ten minutes, and the next says how much was left out.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i := range 10_000 {
			if written, err := w.log.RecordRefusal(t.Context(), refusalOf("app")); err != nil || written != (i == 0) {
				t.Fatalf("%d: %t %v", i, written, err)
			}
		}
		other := refusalOf("app")
		other.Event.Details.Reason = "client.disabled"
		for _, another := range []audit.Refusal{refusalOf("shop"), other} {
			if written, err := w.log.RecordRefusal(t.Context(), another); err != nil || !written {
				t.Errorf("another subject or reason: %t %v", written, err)
			}
		}
		w.clock.Advance(10 * time.Minute)
		if written, err := w.log.RecordRefusal(t.Context(), refusalOf("app")); err != nil || !written {
			t.Errorf("later: %t %v", written, err)
		}
		all := w.list(audit.Query{})
		if len(all) != 4 || all[0].Details.Omitted != 9999 || all[3].Details.Omitted != 0 || all[0].Outcome != audit.Failure || all[0].Origin != from {
			t.Errorf("%+v", all)
		}
	})
}

// Whoever has a new subject or address for each attempt does not fill the log either, nor the memory.
func TestFloodOfManySubjects(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		request := 0
		w.log = audit.New(audit.Deps{Database: database, Clock: w.clock, Sealer: w.sealer, Origin: func(context.Context) audit.Origin {
			return audit.Origin{Address: fmt.Sprintf("10.%d.%d.%d", request>>16&255, request>>8&255, request&255)}
		}})
		written := 0
		for request = range 25_000 {
			one, err := w.log.RecordRefusal(t.Context(), refusalOf(fmt.Sprint(request)))
			w.must(err)
			if one {
				written++
			}
		}
		if got := len(w.list(audit.Query{Limit: audit.MaxLimit})); got != 100 || written != 100 {
			t.Errorf("%d events, %d said to be written", got, written)
		}
		if remembered := audit.RememberedRefusals(w.log); remembered > 10_000 {
			t.Errorf("%d subjects are remembered", remembered)
		}
		// Those of which nothing is remembered any more are counted together.
		w.clock.Advance(time.Hour)
		w.must(second(w.log.RecordRefusal(t.Context(), refusalOf("another"))))
		if omitted := w.list(audit.Query{})[0].Details.Omitted; omitted < 15_000 || omitted > 24_900 {
			t.Errorf("%d were left out", omitted)
		}
	})
}

func second(_ bool, err error) error { return err }

// What can't be written is not forgotten: the next attempt is.
func TestRefusalThatCantBeWritten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		broken := refusalOf("app")
		failed := errors.New("the database is away")
		broken.Fill = func(context.Context, *audit.Event) error { return failed }
		if _, err := w.log.RecordRefusal(t.Context(), broken); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		if written, err := w.log.RecordRefusal(gone, refusalOf("app")); err != nil || !written {
			t.Errorf("of a caller who hangs up: %t %v", written, err)
		}
		if all := w.list(audit.Query{}); len(all) != 1 || all[0].Details.Omitted != 1 {
			t.Errorf("%+v", all)
		}
	})
}
