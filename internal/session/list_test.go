package session_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
	"authly/internal/protocol/policy"
	"authly/internal/session"
)

// list reads all pages of a query.
func (w world) list(t *testing.T, query session.Query) (all []session.Known) {
	t.Helper()
	for range 1000 {
		read, err := w.sessions.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, read.Items...)
		if query.After = read.Next; read.Next.IsZero() {
			return all
		}
	}
	t.Fatal("the list has no end")
	return nil
}

func TestListOfSessions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada, bob := w.user(t, "ada"), w.user(t, "bob")
		names := map[uuid.UUID]string{}
		start := func(name string, userID uuid.UUID) session.Session {
			created, _ := w.begin(t, session.New{Person: recognized(userID), UserAgent: "Browser of " + name, Address: "192.0.2.1"})
			names[created.ID] = name
			w.clock.Advance(time.Minute)
			return created
		}
		start("a", ada) // expires
		ended := start("b", ada)
		w.clock.Advance(idle)
		start("c", bob)
		start("d", ada)
		if first, err := w.sessions.End(t.Context(), ended.ID); err != nil || !first {
			t.Fatal(first, err)
		}
		since := w.clock.Now().Add(-3 * time.Minute)
		app := w.client(t, "app")
		w.exec(t, `INSERT INTO session_clients (session_id, client, created_at) SELECT id, $1, $2 FROM sessions`, w.client(t, "everywhere"), since)
		for created, name := range names {
			if name != "d" {
				w.exec(t, `INSERT INTO session_clients (session_id, client, created_at) VALUES ($1, $2, $3)`, created, app, since)
			}
		}
		for name, test := range map[string]struct {
			query session.Query
			want  string
		}{
			"all":           {session.Query{Limit: 1}, "dcba"},
			"of ada":        {session.Query{UserID: ada, Limit: 2}, "dba"},
			"of nobody":     {session.Query{UserID: id.New()}, ""},
			"active":        {session.Query{State: session.Active, Limit: 1}, "dc"},
			"ada's active":  {session.Query{UserID: ada, State: session.Active}, "d"},
			"expired":       {session.Query{State: session.Expired}, "a"},
			"ended":         {session.Query{State: session.Ended}, "b"},
			"since":         {session.Query{Since: since}, "dc"},
			"until":         {session.Query{Until: since}, "ba"},
			"between, ada":  {session.Query{UserID: ada, Since: since, Until: w.clock.Now()}, "d"},
			"more at once?": {session.Query{Limit: 100000}, "dcba"},
			"of an app":     {session.Query{Client: app}, "cba"},
			"one by one":    {session.Query{Client: app, Limit: 1}, "cba"},
			"of no client":  {session.Query{Client: id.New()}, ""},
			"ada's in it":   {session.Query{Client: app, UserID: ada, Limit: 1}, "ba"},
			"active in it":  {session.Query{Client: app, State: session.Active}, "c"},
			"ended in it":   {session.Query{Client: app, State: session.Ended}, "b"},
			"expired in it": {session.Query{Client: app, State: session.Expired, Limit: 1}, "a"},
			"since, in it":  {session.Query{Client: app, Since: since}, "c"},
			"until, in it":  {session.Query{Client: app, Until: since, UserID: ada}, "ba"},
			"between in it": {session.Query{Client: app, Since: since.Add(-2 * idle), Until: since, State: session.Ended}, "b"},
		} {
			got := ""
			for _, each := range w.list(t, test.query) {
				got += names[each.ID]
				if test.query.State != "" && each.State(w.clock.Now()) != test.query.State {
					t.Errorf("%s: %s is %s", name, names[each.ID], each.State(w.clock.Now()))
				}
			}
			if got != test.want {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
		}
		found, err := w.sessions.Find(t.Context(), ended.ID)
		if err != nil || found.Username != "ada" || found.UserAgent != "Browser of b" || found.Address != "192.0.2.1" || found.EndedAt == nil {
			t.Errorf("%+v %v", found, err)
		}
		if _, err := w.sessions.Find(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a session that never was: %v", err)
		}
	})
}

// counted counts what it is told of.
type counted struct {
	mu    sync.Mutex
	ended map[uuid.UUID]uuid.UUID // the user by session
	twice bool
}

func (c *counted) SessionsEnded(_ context.Context, userID uuid.UUID, sessions []uuid.UUID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, each := range sessions {
		if _, known := c.ended[each]; known {
			c.twice = true
		}
		c.ended[each] = userID
	}
	return nil
}

// However many sessions there are and however many end them at once, each ends once, and
// who has to be told is told of all of them.
func TestEndingVeryManyRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w, told := newWorld(database), &counted{ended: map[uuid.UUID]uuid.UUID{}}
		w.sessions = session.NewService(session.Deps{
			Database: database, Clock: w.clock, Endings: told, Lifetime: policy.Lifetime{Idle: idle, Absolute: absolute},
		})
		const count = 700
		app := w.client(t, "app")
		whose := w.many(t, count, app)
		other, _ := w.begin(t, session.New{Person: recognized(w.user(t, "other"))})
		var (
			racing sync.WaitGroup
			mu     sync.Mutex
			total  int
		)
		for range 8 {
			racing.Go(func() {
				for after := uuid.Nil; ; {
					created, err := w.sessions.EndSomeOfClient(t.Context(), app, after)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					total += created.Changed
					mu.Unlock()
					if after = created.Next; after == uuid.Nil {
						return
					}
				}
			})
		}
		racing.Wait()
		if total != count || len(told.ended) != count || told.twice {
			t.Errorf("%d were ended, %d told, twice %v; want %d", total, len(told.ended), told.twice, count)
		}
		for each, userID := range told.ended {
			if whose[each] != userID {
				t.Fatal("a session was told of as another user's")
			}
		}
		if left := w.list(t, session.Query{State: session.Active}); len(left) != 1 || left[0].ID != other.ID {
			t.Errorf("%d sessions are left", len(left))
		}
		if created, err := w.sessions.EndSomeOf(t.Context(), other.UserID, uuid.Nil); err != nil || created != (page.Batch{Changed: 1}) {
			t.Errorf("%+v %v", created, err)
		}
	})
}

func (w world) client(t *testing.T, name string) uuid.UUID {
	t.Helper()
	created := id.New()
	w.exec(t, `INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types,
		response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
		id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at)
		VALUES ($1, $2, $2, 'web', 'none', '[]', '[]', '[]', '[]', '[]', '[]', 'required', 'remember', 'opaque', 'rotate', 'RS256', '[]', '[]', $3, 'active', $4, $4)`,
		created, name, false, w.clock.Now())
	return created
}

func (w world) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	if _, err := w.database.Write(t.Context()).Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
}

// many makes sessions of three users in which a client took part, and returns whose they are.
func (w world) many(t *testing.T, count int, clientRecord uuid.UUID) map[uuid.UUID]uuid.UUID {
	t.Helper()
	whose := map[uuid.UUID]uuid.UUID{}
	users := []uuid.UUID{w.user(t, "a"), w.user(t, "b"), w.user(t, "c")}
	err := w.database.Tx(t.Context(), func(ctx context.Context) error {
		for i := range count {
			created := id.New()
			whose[created] = users[i%3]
			if _, err := w.database.Write(ctx).Exec(ctx, `INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at,
				created_at, last_seen_at, idle_expires_at, expires_at, user_agent, address) VALUES ($1, $2, $3, '[]', $4, $4, $4, $5, $5, '', '')`,
				created, created[:], users[i%3], w.clock.Now(), w.clock.Now().Add(idle)); err != nil {
				return err
			}
			if _, err := w.database.Write(ctx).Exec(ctx, `INSERT INTO session_clients (session_id, client, created_at) VALUES ($1, $2, $3)`,
				created, clientRecord, w.clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whose
}

func TestListsOfSessionsReadByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		app := w.client(t, "app")
		w.many(t, 30, app)
		after := page.Position{At: w.clock.Now(), ID: id.New()}
		for index, queries := range map[string][]session.Query{
			"sessions_created_idx": {
				{}, {After: after}, {State: session.Active}, {State: session.Expired, After: after}, {State: session.Ended}, {Since: start, Until: start.Add(time.Hour)},
			},
			"sessions_user_created_idx": {
				{UserID: id.New()},
				{UserID: id.New(), After: after},
				{UserID: id.New(), State: session.Ended, After: after},
				{UserID: id.New(), Since: start},
				{UserID: id.New(), Client: app},
			},
			"session_clients_client_idx": {
				{Client: app}, {Client: app, After: after}, {Client: app, State: session.Active}, {Client: app, State: session.Expired, Since: start, After: after},
			},
		} {
			for _, query := range queries {
				dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
					_, err := w.sessions.List(ctx, query)
					return err
				})
			}
		}
		dbtest.ExpectIndex(t, database, "session_clients_client_idx", func(ctx context.Context) error {
			_, err := w.sessions.EndSomeOfClient(ctx, app, uuid.Nil)
			return err
		})
	})
}
