package audit_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
)

// deleteAda deletes an account as package user does.
func (w *world) deleteAda(ctx context.Context) error {
	return w.database.Tx(ctx, func(ctx context.Context) error {
		if _, err := w.database.Write(ctx).Exec(ctx, `DELETE FROM users WHERE id = $1`, uuid.MustParse(ada)); err != nil {
			return err
		}
		return w.log.Erase(ctx, uuid.MustParse(ada))
	})
}

// rows returns everything that is stored of the log, keys left out.
func (w *world) rows() string {
	w.t.Helper()
	rows, err := w.database.Read(w.t.Context()).Query(w.t.Context(), `SELECT actor_name, target_name, address, details, personal FROM audit_events ORDER BY id`)
	all, err := db.Collect(rows, err, func(row db.Row) (string, error) {
		var columns [5]string
		err := row.Scan(&columns[0], &columns[1], &columns[2], &columns[3], &columns[4])
		return strings.Join(columns[:], " | "), err
	})
	w.must(err)
	return strings.Join(all, "\n")
}

// named is what tells of a person in the events of these tests.
var named = []string{"name of", "ada@example.com", "+4912345", "Main Street", from.Address}

func (w *world) expectNothingPersonal() {
	w.t.Helper()
	for _, text := range named {
		if rows := w.rows(); strings.Contains(rows, text) {
			w.t.Errorf("%q is stored:\n%s", text, rows)
		}
	}
}

func changeOf(actor, target string) audit.Event {
	return audit.Event{
		Action: audit.UserUpdate, Actor: audit.Actor{Kind: audit.User, ID: actor, Name: "name of actor"}, ClientID: "console",
		Target: audit.Target{Kind: "user", ID: target, Name: "name of target"},
		Details: audit.Details{Changes: []audit.Change{
			{Field: "administrator", Before: false, After: true},
			{Field: "address", After: map[string]any{"street_address": "Main Street 1"}},
			{Field: "email", Before: nil, After: "ada@example.com"},
			{Field: "phone_number", Before: "+4912345", After: nil},
		}},
	}
}

// What events have of a person is read as long as the account is there; once it is deleted nothing is
// left of it, and the chain is still what it was.
func TestDeletedPersonIsErased(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		failed := audit.Event{Action: audit.SignIn, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: ada, Name: "name of target"}}
		ended := audit.Event{
			Action: audit.SessionEnd, Actor: audit.Actor{Kind: audit.User, ID: bob, Name: "name of actor"}, Target: audit.Target{Kind: "session", ID: "s"},
			Details: audit.Details{Subject: ada, Changes: []audit.Change{{Field: "user_agent", Before: "name of browser", After: nil}}},
		}
		events := []audit.Event{changeOf(bob, ada), changeOf(ada, bob), changeOf(ada, ada), failed, ended}
		w.record(events...)
		w.must(w.log.Seal(t.Context()))
		w.record(changeOf(bob, ada)) // in no batch yet
		w.expectNothingPersonal()
		all := w.list(audit.Query{})
		for i, want := range append([]audit.Event{changeOf(bob, ada)}, ended, failed, changeOf(ada, ada), changeOf(ada, bob), changeOf(bob, ada)) {
			got := all[i]
			if got.Actor.Name != want.Actor.Name || got.Target.Name != want.Target.Name || got.Origin != from || cmp.Diff(want.Details, got.Details) != "" {
				t.Errorf("with the keys: %+v\nwant %+v", got, want)
			}
		}
		head := w.verify("").Head

		w.must(w.deleteAda(t.Context()))
		if found := w.verify(head); !found.OK() || found.Head != head || found.Events != 5 {
			t.Errorf("the chain after that: %+v", found)
		}
		w.must(w.log.Seal(t.Context()))
		if found := w.verify(head); !found.OK() || found.Events != 6 {
			t.Errorf("the chain goes on: %+v", found)
		}
		all = w.list(audit.Query{})
		erased := []audit.Change{
			{Field: "administrator", Before: false, After: true},
			{Field: "address", After: audit.Erased},
			{Field: "email", After: audit.Erased},
			{Field: "phone_number", Before: audit.Erased},
		}
		type read struct {
			actor, target, address string
			changes                []audit.Change
		}
		whole := changeOf(ada, bob).Details.Changes
		byBob := read{"name of actor", audit.Erased, from.Address, erased}
		for i, want := range []read{
			byBob,
			{"name of actor", "", from.Address, []audit.Change{{Field: "user_agent", Before: audit.Erased}}},
			{"", audit.Erased, audit.Erased, nil},
			{audit.Erased, audit.Erased, audit.Erased, erased},
			{audit.Erased, "name of target", audit.Erased, whole},
			byBob,
		} {
			got := read{all[i].Actor.Name, all[i].Target.Name, all[i].Origin.Address, all[i].Details.Changes}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(read{})); diff != "" {
				t.Errorf("event %d of %s (-want +got):\n%s", i, all[i].Action, diff)
			}
			one, err := w.log.Find(t.Context(), all[i].ID)
			if diff := cmp.Diff(all[i], one); err != nil || diff != "" {
				t.Errorf("alone: %v (-list +alone):\n%s", err, diff)
			}
		}
		// Identifiers stay, and are searched by.
		if got := len(w.list(audit.Query{ActorID: ada})); got != 2 {
			t.Errorf("%d events by the actor", got)
		}
		if got := len(w.list(audit.Query{TargetKind: "user", TargetID: ada})); got != 4 {
			t.Errorf("%d events about the account", got)
		}
		// What comes too late has nothing personal either, also once nothing is left of the key.
		w.record(changeOf(ada, ada))
		w.clock.Advance(48 * time.Hour)
		w.must(w.log.SweepKeys(t.Context()))
		w.record(changeOf(ada, ada))
		w.expectNothingPersonal()
		var keys int
		w.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM audit_keys`).Scan(&keys))
		if keys != 1 {
			t.Errorf("%d keys for one person", keys)
		}
		for _, late := range w.list(audit.Query{ActorID: ada})[:2] {
			if late.Actor.Name != audit.Erased || late.Target.Name != audit.Erased || late.Origin.Address != audit.Erased || cmp.Diff(erased, late.Details.Changes) != "" {
				t.Errorf("%+v", late)
			}
		}
	})
}

// What a client does with what a person gave it often comes from the person's own device, and ends what hangs from
// the account, so the address is the person's. That of a client on its own behalf stays.
func TestAddressOfAClientThatActsForAPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		byClient := func(action audit.Action, subject string) audit.Event {
			return audit.Event{
				Action: action, Actor: audit.Actor{Kind: audit.Client, ID: "app"}, ClientID: "app",
				Target: audit.Target{Kind: "token_family", ID: "family"}, Details: audit.Details{Subject: subject},
			}
		}
		ofPerson := []audit.Event{byClient(audit.RefreshRepeat, ada), byClient(audit.RefreshReuse, ada), byClient(audit.CodeReplay, ada), byClient(audit.TokenRevoke, ada)}
		w.record(ofPerson...)
		for _, each := range ofPerson {
			w.promise(each)
		}
		w.expectNothingPersonal()
		for _, each := range w.list(audit.Query{ActorID: "app"}) {
			if each.Origin != from {
				t.Errorf("%s while there is the account: %+v", each.Action, each.Origin)
			}
		}
		w.record(byClient(audit.TokenRevoke, ""))
		w.must(w.deleteAda(t.Context()))
		all := w.list(audit.Query{ActorID: "app"})
		if len(all) != 2*len(ofPerson)+1 || all[0].Origin != from {
			t.Fatalf("%d events, the client's own with %+v", len(all), all[0].Origin)
		}
		for _, each := range all[1:] {
			if each.Origin.Address != audit.Erased || each.Details.Subject != ada {
				t.Errorf("%s after that: %+v of %s", each.Action, each.Origin, each.Details.Subject)
			}
		}
	})
}

// A key that is moved to another person or another event opens nothing, and the chain says that it was changed.
func TestSealedValuesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.record(changeOf(ada, ada), changeOf(ada, ada))
		w.must(w.log.Seal(t.Context()))
		all := w.list(audit.Query{})
		w.exec(`UPDATE audit_events SET personal = (SELECT other.personal FROM audit_events other WHERE other.id = $2) WHERE id = $1`, all[0].ID, all[1].ID)
		if got, err := w.log.Find(t.Context(), all[0].ID); err != nil || got.Actor.Name != audit.Sealed || got.Details.Note != "unreadable" {
			t.Errorf("%+v %v", got, err)
		}
		if found := w.verify(""); found.OK() {
			t.Errorf("%+v", found)
		}
		w.record(changeOf(bob, bob))
		w.exec(`UPDATE audit_keys SET sealed_key = (SELECT other.sealed_key FROM audit_keys other WHERE other.person = $2) WHERE person = $1`, uuid.MustParse(bob), uuid.MustParse(ada))
		if _, err := w.log.List(t.Context(), audit.Query{ActorID: bob}); !errors.Is(err, secret.ErrNotSealedHere) {
			t.Errorf("with another person's key: %v", err)
		}
	})
}

// A key of a transaction that was rolled back is in no memory: what would be sealed under it could never be read.
func TestKeyOfAnUndoneTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		if err := database.Tx(t.Context(), func(ctx context.Context) error {
			w.must(w.log.Record(ctx, changeOf(ada, bob)))
			w.must(w.log.Record(ctx, changeOf(ada, bob)))
			return errUndo
		}); !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		w.must(database.Tx(t.Context(), func(ctx context.Context) error {
			w.must(w.log.Record(ctx, changeOf(ada, bob)))
			return w.log.Record(ctx, changeOf(bob, ada))
		}))
		w.record(changeOf(ada, bob))
		for _, each := range w.list(audit.Query{}) {
			if each.Actor.Name != "name of actor" || each.Target.Name != "name of target" {
				t.Errorf("%+v", each)
			}
		}
	})
}

// A process that has the keys in memory asks the database for none of them when it writes.
func TestWritingAsksForAKeyOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		statements := 0
		ctx := database.Observed(t.Context(), func(db.Statement) { statements++ })
		for range 3 {
			w.must(w.log.Record(ctx, changeOf(ada, ada)))
		}
		if statements != 3+2 {
			t.Errorf("%d statements for three events: one each, and two for the key", statements)
		}
	})
}

// At whichever statement of a writer the account is deleted, nothing of the person is stored in the clear, and
// nothing can be read.
func TestEventBesideADeletion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		for _, at := range []string{"SELECT username FROM user_names", "SELECT person, sealed_key", "INSERT INTO audit_keys", "INSERT INTO audit_events"} {
			w := &world{t: t, database: database}
			_, err := database.Write(t.Context()).Exec(t.Context(), `DELETE FROM users`)
			w.must(err)
			_, err = database.Write(t.Context()).Exec(t.Context(), `DELETE FROM audit_keys`)
			w.must(err)
			_, err = database.Write(t.Context()).Exec(t.Context(), `DELETE FROM audit_events`)
			w.must(err)
			w = newWorld(t, database)
			reached, deleted := make(chan struct{}), make(chan struct{})
			var once sync.Once
			ctx := database.Observed(t.Context(), func(statement db.Statement) {
				if strings.HasPrefix(statement.Text, at) {
					once.Do(func() { close(reached); <-deleted })
				}
			})
			var writing sync.WaitGroup
			event := changeOf(ada, ada)
			event.Actor.Name = "" // so that it is looked up
			writing.Go(func() {
				if err := w.log.Record(ctx, event); err != nil {
					t.Errorf("at %s: %v", at, err)
				}
			})
			<-reached
			w.must(w.deleteAda(t.Context()))
			close(deleted)
			writing.Wait()
			w.expectNothingPersonal()
			all := w.list(audit.Query{})
			if len(all) != 1 || all[0].Target.Name != audit.Erased || all[0].Origin.Address != audit.Erased || all[0].Actor.Name != audit.Erased && all[0].Actor.Name != "" {
				t.Errorf("at %s: %+v", at, all)
			}
			for _, change := range all[0].Details.Changes {
				if text := fmt.Sprint(change.Before, change.After); strings.Contains(text, "ada") {
					t.Errorf("at %s: %v", at, change)
				}
			}
		}
	})
}

// A writer that has made a key and not committed it yet, and the deletion: the key is gone in the end,
// whichever is first.
func TestNewKeyBesideADeletion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		var deleting sync.WaitGroup
		w.must(database.Tx(t.Context(), func(ctx context.Context) error {
			w.must(w.log.Record(ctx, changeOf(ada, ada)))
			deleting.Go(func() {
				if err := w.deleteAda(t.Context()); err != nil {
					t.Error(err)
				}
			})
			awaitLock(t, database)
			return nil
		}))
		deleting.Wait()
		w.expectNothingPersonal()
		if all := w.list(audit.Query{}); len(all) != 1 || all[0].Actor.Name != audit.Erased {
			t.Errorf("%+v", all)
		}
	})
}

// awaitLock returns when a statement waits for a lock on PostgreSQL. On SQLite there is one writer.
func awaitLock(t *testing.T, database *db.DB) {
	t.Helper()
	if database.Engine() != db.PostgreSQL {
		return
	}
	for waiting := 0; waiting == 0; {
		err := database.Read(t.Context()).QueryRow(t.Context(),
			`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Events of before are as they were, and their batches too.
func TestEventsWithoutASealedPart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.exec(`INSERT INTO audit_events (id, occurred_at, action, outcome, actor_kind, actor_id, actor_name, client_id, target_kind, target_id, target_name, address, request_id, details)
			VALUES ($1, $2, 'user.update', 'success', 'user', $3, 'ada', '', 'user', $3, 'ada', '192.0.2.7', '', '{"changes":[{"field":"email","before":"a@b","after":null}]}')`,
			uuid.MustParse("0199e000-0000-7000-8000-000000000001"), start, ada)
		w.must(w.log.Seal(t.Context()))
		w.must(w.deleteAda(t.Context()))
		if got := w.list(audit.Query{})[0]; got.Actor.Name != "ada" || got.Target.Name != "ada" || got.Origin.Address != "192.0.2.7" || got.Details.Changes[0].Before != "a@b" {
			t.Errorf("%+v", got)
		}
		if found := w.verify(""); !found.OK() {
			t.Errorf("%+v", found)
		}
		sum := hmac.New(sha256.New, []byte("the key of the chain"))
		_, _ = sum.Write([]byte("authly audit batch\n1\n\n1\n" + `{"id":"0199e000-0000-7000-8000-000000000001","occurred_at":1795608000000000,"action":"user.update",` +
			`"outcome":"success","actor_kind":"user","actor_id":"` + ada + `","actor_name":"ada","client_id":"","target_kind":"user","target_id":"` + ada +
			`","target_name":"ada","address":"192.0.2.7","request_id":"","details":"{\"changes\":[{\"field\":\"email\",\"before\":\"a@b\",\"after\":null}]}"}` + "\n"))
		if got, want := w.verify("").Head, fmt.Sprintf("1:%x", sum.Sum(nil)); got != want {
			t.Errorf("the digest of events of before is another one: %s, want %s", got, want)
		}
	})
}

// A log without a sealer writes nothing personal, and opens nothing.
func TestLogWithoutASealer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		blind := audit.New(audit.Deps{Database: database, Clock: w.clock})
		w.must(blind.Record(t.Context(), changeOf(ada, ada)))
		w.record(changeOf(ada, ada))
		w.expectNothingPersonal()
		page, err := blind.List(t.Context(), audit.Query{})
		w.must(err)
		if page.Events[0].Actor.Name != audit.Sealed || page.Events[1].Actor.Name != audit.Erased {
			t.Errorf("%+v", page.Events)
		}
	})
}
