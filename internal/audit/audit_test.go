package audit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

type world struct {
	t        *testing.T
	database *db.DB
	clock    *clock.Fake
	sealer   *secret.Sealer
	log      *audit.Log
}

// Two people with accounts.
const (
	ada = "0199e000-0000-7000-8000-00000000000a"
	bob = "0199e000-0000-7000-8000-00000000000b"
)

var from = audit.Origin{Address: "192.0.2.7", RequestID: "request-1"}

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{t: t, database: database, clock: clock.NewFake(start)}
	var err error
	w.sealer, err = secret.NewSealer(secret.NewSealingKey())
	w.must(err)
	w.log = w.with("the key of the chain")
	for name, person := range map[string]string{"ada": ada, "bob": bob} {
		w.exec(`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change, phone_number_verified, created_at, updated_at)
			VALUES ($1, $2, $2, $3, 'active', $3, $3, $3, $4, $4)`, uuid.MustParse(person), name, false, start)
	}
	return w
}

func (w *world) with(key string) *audit.Log {
	return audit.New(audit.Deps{
		Database: w.database, Clock: w.clock, ChainKey: secret.FromString(key), Sealer: w.sealer, Origin: func(context.Context) audit.Origin { return from },
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) record(events ...audit.Event) {
	w.t.Helper()
	for _, event := range events {
		w.must(w.log.Record(w.t.Context(), event))
	}
}

func (w *world) list(query audit.Query) []audit.Event {
	w.t.Helper()
	page, err := w.log.List(w.t.Context(), query)
	w.must(err)
	return page.Events
}

func (w *world) verify(noted string) audit.Verification {
	w.t.Helper()
	found, err := w.log.Verify(w.t.Context(), noted)
	w.must(err)
	return found
}

func (w *world) exec(statement string, arguments ...any) {
	w.t.Helper()
	changed, err := w.database.Write(w.t.Context()).Exec(w.t.Context(), statement, arguments...)
	w.must(err)
	if changed == 0 {
		w.t.Fatalf("%s: nothing was changed", statement)
	}
}

func event(action audit.Action, actor, target string) audit.Event {
	return audit.Event{
		Action: action, Actor: audit.Actor{Kind: audit.User, ID: actor, Name: "name of " + actor}, ClientID: "console",
		Target: audit.Target{Kind: "client", ID: target, Name: "name of " + target},
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := event(audit.ClientUpdate, ada, "app")
		created.Details = audit.Details{Note: "Old \u2028 <b>", Scopes: []string{"openid"}, Methods: []string{"pwd"}, Reason: "why"}
		w.record(created, audit.Event{Action: audit.SignIn, Outcome: audit.Failure})
		all := w.list(audit.Query{})
		if len(all) != 2 {
			t.Fatalf("%d events", len(all))
		}
		want := created
		want.OccurredAt, want.Outcome, want.Origin, want.ID = start, audit.Success, from, all[1].ID
		if diff := cmp.Diff(want, all[1]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if all[0].Actor.Kind != audit.Unknown || all[0].Outcome != audit.Failure {
			t.Errorf("defaults: %+v", all[0])
		}
	})
}

// What is rolled back has not happened, and what can't be logged must not happen.
func TestOneTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		failed := errors.New("the change failed")
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			w.must(w.log.Record(ctx, event(audit.RegisterClient, ada, "app")))
			return failed
		})
		if !errors.Is(err, failed) || len(w.list(audit.Query{})) != 0 {
			t.Errorf("%v, and the log has %v", err, w.list(audit.Query{}))
		}
		if err := w.log.Record(t.Context(), audit.Event{Action: audit.Action(strings.Repeat("x", 65))}); err == nil {
			t.Error("an action without end was recorded")
		}
	})
}

func TestFiltersAndPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i := range 7 {
			w.clock.Set(start.Add(time.Duration(i) * time.Minute))
			actor, action, outcome := ada, audit.RegisterClient, audit.Success
			if i%2 == 1 {
				actor, action, outcome = bob, audit.ClientDelete, audit.Failure
			}
			created := event(action, actor, string(rune('a'+i)))
			created.Outcome = outcome
			w.record(created)
		}
		for name, test := range map[string]struct {
			query audit.Query
			want  string // the targets, newest first
		}{
			"all":           {audit.Query{}, "gfedcba"},
			"action":        {audit.Query{Action: audit.ClientDelete}, "fdb"},
			"outcome":       {audit.Query{Outcome: audit.Success}, "geca"},
			"actor":         {audit.Query{ActorID: bob}, "fdb"},
			"target":        {audit.Query{TargetID: "c"}, "c"},
			"kind":          {audit.Query{TargetKind: "client"}, "gfedcba"},
			"other kind":    {audit.Query{TargetKind: "user"}, ""},
			"client":        {audit.Query{ClientID: "console"}, "gfedcba"},
			"since":         {audit.Query{Since: start.Add(5 * time.Minute)}, "gf"},
			"until":         {audit.Query{Until: start.Add(2 * time.Minute)}, "ba"},
			"both":          {audit.Query{ActorID: ada, Since: start.Add(time.Minute), Until: start.Add(6 * time.Minute)}, "ec"},
			"not an action": {audit.Query{Action: "x' OR '1'='1"}, ""},
		} {
			got := ""
			for _, each := range w.list(test.query) {
				got += each.Target.ID
			}
			if got != test.want {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
		}
		got, query := "", audit.Query{Limit: 3}
		for pages := 1; ; pages++ {
			page, err := w.log.List(t.Context(), query)
			w.must(err)
			for _, each := range page.Events {
				got += each.Target.ID
			}
			got += "."
			if query.After = page.Next; page.Next.IsZero() || pages > 5 {
				break
			}
		}
		if got != "gfe.dcb.a." {
			t.Errorf("the pages are %q", got)
		}
	})
}

// However long the log is, a page costs the same: many events in which few match.
func TestListsReadByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.record(event(audit.ClientDelete, bob, "odd"))
		for range 30 {
			w.clock.Advance(time.Second)
			w.record(event(audit.ClientUpdate, ada, "app"))
		}
		for index, query := range map[string]audit.Query{
			"audit_events_time_idx":   {Outcome: audit.Failure, TargetKind: "client", Since: start, Until: start.Add(time.Hour)},
			"audit_events_action_idx": {Action: audit.ClientDelete, Outcome: audit.Success},
			"audit_events_actor_idx":  {ActorID: bob, Action: audit.ClientDelete, Since: start},
			"audit_events_client_idx": {ClientID: "console", Outcome: audit.Success},
			"audit_events_target_idx": {TargetID: "odd", TargetKind: "client", ActorID: bob, ClientID: "console", Action: audit.ClientDelete},
		} {
			dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
				_, err := w.log.List(ctx, query)
				return err
			})
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.record(event(audit.ClientUpdate, ada, "app"))
		want := w.list(audit.Query{})[0]
		got, err := w.log.Find(t.Context(), want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, err := w.log.Find(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an event that there isn't: %v", err)
		}
	})
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		long := event(audit.ClientUpdate, strings.Repeat("é", 2000), "nul \x00 and \xff")
		worse := event(audit.ClientUpdate, ada, "app")
		worse.Details.Reason = "why"
		for range 2000 {
			worse.Details.Scopes = append(worse.Details.Scopes, "a-scope-with-a-name")
		}
		w.record(long, worse)
		w.must(w.log.Seal(t.Context()))
		all := w.list(audit.Query{})
		if got := all[1]; len(got.Actor.ID) > 512 || got.Target.ID != "nul \ufffd and \ufffd" {
			t.Errorf("%+v", got)
		}
		if all[0].Details.Note == "" || all[0].Details.Reason != "why" || !w.verify("").OK() {
			t.Errorf("%+v %+v", all[0].Details, w.verify(""))
		}
	})
}

func TestVerifyRefusesWrongHeads(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for _, wrong := range []string{"x", "1", "1:", "1:zz", "1:ab", "-1:00", "0:", "1:" + strings.Repeat("a", 65)} {
			if _, err := w.log.Verify(t.Context(), wrong); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	})
}

// However many nodes seal and however many write meanwhile, each event is in one batch.
func TestSealRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		var racing sync.WaitGroup
		const writers, each = 16, 10
		for range writers {
			racing.Go(func() {
				for range each {
					if err := w.log.Record(t.Context(), event(audit.SignIn, ada, "x")); err != nil {
						t.Error(err)
					}
				}
			})
			racing.Go(func() {
				for range each {
					if err := w.log.Seal(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		racing.Wait()
		w.must(w.log.Seal(t.Context()))
		if found := w.verify(""); !found.OK() || found.Events != writers*each || found.Unsealed != 0 {
			t.Errorf("%+v", found)
		}
	})
}
