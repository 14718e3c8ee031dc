package token_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// logged gives the environment a log that takes over what is issued.
func (e *environment) logged() *audit.Log {
	e.t.Helper()
	sealer, err := secret.NewSealer(secret.NewSealingKey())
	e.must(err)
	log := audit.New(audit.Deps{Database: e.database, Clock: e.clock, ChainKey: secret.FromString("the key of the chain"), Sealer: sealer, Origin: func(context.Context) audit.Origin { return e.from }})
	e.keeper = log
	e.tokens = e.newService()
	log.Use(e.tokens.Events())
	return log
}

// issues returns what the log says was issued, the oldest first, and holds that its chain is right.
func (e *environment) issues(log *audit.Log) (all []audit.Event) {
	e.t.Helper()
	e.must(log.Seal(e.t.Context()))
	found, err := log.Verify(e.t.Context(), "")
	e.must(err)
	if !found.OK() || found.Unsealed != 0 {
		e.t.Errorf("the chain: %+v", found)
	}
	for _, action := range []audit.Action{audit.TokenIssue, audit.TokenRefresh} {
		for query := (audit.Query{Action: action}); ; {
			read, err := log.List(e.t.Context(), query)
			e.must(err)
			all = append(all, read.Events...)
			if query.After = read.Next; read.Next.IsZero() {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b audit.Event) int { return a.OccurredAt.Compare(b.OccurredAt) })
	return all
}

func (e *environment) jti(answer token.Response) uuid.UUID {
	e.t.Helper()
	live, err := e.tokens.Lookup(e.t.Context(), secret.FromString(answer.AccessToken))
	e.must(err)
	return live.ID
}

// The row is the event: it says who, through which client, for what and when.
func TestIssueIsAnEvent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		log, app := e.logged(), e.register(confidential)
		began := e.clock.Now()
		first, err := e.redeem(app, e.code(app, nil))
		e.must(err)
		e.clock.Advance(time.Second)
		second, err := e.refresh(app, first.RefreshToken)
		e.must(err)
		e.clock.Advance(time.Second)
		own, err := e.exchange(e.tokens, app, url.Values{"grant_type": {"client_credentials"}})
		e.must(err)
		family := e.issued(token.IssuedQuery{Kind: token.KindFamily})[0].ID.String()
		e.must(log.Collect(t.Context()))
		if early := e.issues(log); len(early) != 0 {
			t.Errorf("taken over before it was settled: %v", early)
		}
		e.clock.Advance(time.Minute)
		for range 2 {
			e.must(log.Collect(t.Context()))
		}
		ada, itself := audit.Actor{Kind: audit.User, ID: e.user.String(), Name: "ada"}, audit.Actor{Kind: audit.Client, ID: app.ClientID}
		event := func(answer token.Response, action audit.Action, after time.Duration, actor audit.Actor, family string, scopes ...string) audit.Event {
			id := e.jti(answer)
			return audit.Event{
				ID: id, OccurredAt: began.Add(after), Action: action, Outcome: audit.Success, Actor: actor, ClientID: app.ClientID,
				Target: audit.Target{Kind: "access_token", ID: id.String()}, Details: audit.Details{Scopes: scopes, Family: family},
			}
		}
		want := []audit.Event{
			event(first, audit.TokenIssue, 0, ada, family, "openid", "offline_access"),
			event(second, audit.TokenRefresh, time.Second, ada, family, "openid", "offline_access"),
			event(own, audit.TokenIssue, 2*time.Second, itself, ""),
		}
		if diff := cmp.Diff(want, e.issues(log), cmpopts.IgnoreFields(audit.Event{}, "Batch")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for name, query := range map[string]audit.Query{
			"actor": {ActorID: e.user.String()}, "client": {ClientID: app.ClientID, Action: audit.TokenRefresh}, "target": {TargetID: want[2].ID.String()},
		} {
			if read, err := log.List(t.Context(), query); err != nil || len(read.Events) != map[string]int{"actor": 2, "client": 1, "target": 1}[name] {
				t.Errorf("by %s: %v %v", name, read.Events, err)
			}
		}
	})
}

// Each request is known by its own address and identifier, whether the job or the sweep takes the row over. A row that outlives its
// account doesn't have the person's address.
func TestIssueHasItsOrigin(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		log, app := e.logged(), e.register(confidential)
		home, elsewhere, server := audit.Origin{Address: "192.0.2.1", RequestID: "one"}, audit.Origin{Address: "2001:db8::2", RequestID: "two"}, audit.Origin{Address: "198.51.100.3", RequestID: "three"}
		use := func() map[uuid.UUID]audit.Origin {
			e.from = home
			first, err := e.redeem(app, e.code(app, nil))
			e.must(err)
			e.from = elsewhere
			second, err := e.refresh(app, first.RefreshToken)
			e.must(err)
			e.from = server
			own, err := e.exchange(e.tokens, app, url.Values{"grant_type": {"client_credentials"}})
			e.must(err)
			return map[uuid.UUID]audit.Origin{e.jti(first): home, e.jti(second): elsewhere, e.jti(own): server}
		}
		inLog := func() map[uuid.UUID]audit.Origin {
			got := map[uuid.UUID]audit.Origin{}
			for _, event := range e.issues(log) {
				got[event.ID] = event.Origin
			}
			return got
		}
		want := use()
		rows, err := database.Read(t.Context()).Query(t.Context(), `SELECT address FROM access_tokens WHERE user_id IS NOT NULL`)
		stored, err := db.Collect(rows, err, func(row db.Row) (text string, err error) {
			err = row.Scan(&text)
			return text, err
		})
		e.must(err)
		if len(stored) != 2 || slices.Contains(stored, home.Address) || slices.Contains(stored, elsewhere.Address) || slices.Contains(stored, "") {
			t.Errorf("the rows of a person have %q", stored)
		}
		e.clock.Advance(time.Minute)
		e.must(log.Collect(t.Context()))
		maps.Copy(want, use())
		e.clock.Advance(time.Hour)
		e.must(e.tokens.Sweep(t.Context()))
		if diff := cmp.Diff(want, inLog()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		left := use()
		_, err = database.Write(t.Context()).Exec(t.Context(), `DELETE FROM users WHERE id = $1`, e.user)
		e.must(err)
		e.must(log.Erase(t.Context(), e.user))
		e.clock.Advance(time.Minute)
		e.must(log.Collect(t.Context()))
		maps.Copy(want, left)
		for which, from := range want {
			if from != server {
				want[which] = audit.Origin{Address: audit.Erased, RequestID: from.RequestID}
			}
		}
		if diff := cmp.Diff(want, inLog()); diff != "" {
			t.Errorf("after the deletion (-want +got):\n%s", diff)
		}
	})
}

// Whatever is deleted, and whether or not the job came first, the log has each token once.
func TestIssueIsKept(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		log := e.logged()
		use := func() (client.Client, []string) {
			known := e.register(confidential)
			first, err := e.redeem(known, e.code(known, nil))
			e.must(err)
			own, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}})
			e.must(err)
			return known, []string{e.jti(first).String(), e.jti(own).String()}
		}
		var want []string
		// Swept before the job has seen it, and swept after.
		_, ids := use()
		want = append(want, ids...)
		e.clock.Advance(time.Hour)
		e.must(e.tokens.Sweep(t.Context()))
		e.must(log.Collect(t.Context()))
		_, ids = use()
		want = append(want, ids...)
		e.clock.Advance(time.Hour)
		e.must(log.Collect(t.Context()))
		e.must(e.tokens.Sweep(t.Context()))
		// The client and the user are gone before the job has seen it.
		gone, ids := use()
		want = append(want, ids...)
		e.must(e.clients.Delete(t.Context(), gone.ID))
		_, err := database.Write(t.Context()).Exec(t.Context(), `DELETE FROM users WHERE id = $1`, e.user)
		e.must(err)
		e.clock.Advance(time.Minute)
		e.must(log.Collect(t.Context()))
		e.clock.Advance(time.Hour)
		e.must(e.tokens.Sweep(t.Context()))

		var got []string
		byClient := 0
		for _, event := range e.issues(log) {
			got = append(got, event.ID.String())
			if event.ClientID == gone.ClientID && event.Actor.ID != "" {
				byClient++
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" || byClient != 2 {
			t.Errorf("%d by the client that is gone (-want +got):\n%s", byClient, diff)
		}
		var rows int
		e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM access_tokens`).Scan(&rows))
		if rows != 0 {
			t.Errorf("%d rows stay", rows)
		}
	})
}

var errCrash = errors.New("crashed")

// A crash at the end of the work leaves all of it undone, and it is done again.
func TestIssueIsKeptThroughCrashes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		log, known := e.logged(), e.register(confidential)
		crash := func(work func(ctx context.Context) error) {
			t.Helper()
			if err := database.Tx(t.Context(), func(ctx context.Context) error {
				e.must(work(ctx))
				return errCrash
			}); !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
		}
		for range 3 {
			e.own(known)
		}
		e.clock.Advance(time.Minute)
		crash(log.Collect)
		e.must(log.Collect(t.Context()))
		e.own(known)
		e.clock.Advance(time.Hour)
		crash(e.tokens.Sweep)
		e.must(e.tokens.Sweep(t.Context()))
		if got := e.issues(log); len(got) != 4 {
			t.Errorf("%d events for 4 tokens", len(got))
		}
		// Even if it is forgotten how far the job was, nothing is there twice.
		e.own(known)
		e.clock.Advance(time.Minute)
		e.must(log.Collect(t.Context()))
		_, err := database.Write(t.Context()).Exec(t.Context(), `DELETE FROM audit_sources`)
		e.must(err)
		e.must(log.Collect(t.Context()))
		if got := e.issues(log); len(got) != 5 {
			t.Errorf("%d events for 5 tokens", len(got))
		}
	})
}

// Several nodes take over, seal and sweep while tokens are issued: each is in the log once, and the chain is right.
func TestIssueIsKeptRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		log, known := e.logged(), e.register(confidential)
		params, err := oauth.ParseParams(url.Values{"grant_type": {"client_credentials"}}, "resource")
		e.must(err)
		const writers, each, nodes = 8, 40, 4
		var writing, keeping sync.WaitGroup
		done := make(chan struct{})
		for range writers {
			writing.Go(func() {
				for range each {
					if _, err := e.tokens.Exchange(t.Context(), params, func(context.Context) (client.Client, error) { return known, nil }); err != nil {
						t.Error(err)
					}
					e.clock.Advance(2 * time.Second)
				}
			})
		}
		for range nodes {
			keeping.Go(func() {
				for {
					for _, work := range []func(context.Context) error{log.Collect, e.tokens.Sweep, log.Seal} {
						if err := work(t.Context()); err != nil {
							t.Error(err)
							return
						}
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		writing.Wait()
		close(done)
		keeping.Wait()
		e.clock.Advance(time.Hour)
		e.must(e.tokens.Sweep(t.Context()))
		distinct := map[uuid.UUID]bool{}
		for _, event := range e.issues(log) {
			distinct[event.ID] = true
		}
		if len(distinct) != writers*each {
			t.Errorf("the log has %d tokens of %d", len(distinct), writers*each)
		}
	})
}

// Without a keeper nothing is handed over, and rows go as they went.
func TestIssueIsNotKept(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		for range 3 {
			e.own(known)
		}
		e.clock.Advance(time.Hour)
		e.must(e.tokens.Sweep(t.Context()))
		var rows, events int
		e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT (SELECT count(*) FROM access_tokens), (SELECT count(*) FROM audit_events WHERE action LIKE 'token.%')`).Scan(&rows, &events))
		if rows != 0 || events != 0 {
			t.Errorf("%d rows and %d events", rows, events)
		}
	})
}

func TestIssuesAreReadByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		for range 20 {
			e.own(known)
		}
		dbtest.ExpectIndex(t, database, "access_tokens_pkey", func(ctx context.Context) error {
			found, err := e.tokens.Events().After(ctx, uuid.Nil, e.clock.Now(), 15)
			if len(found) != 15 {
				return fmt.Errorf("%d events", len(found))
			}
			return err
		})
	})
}
