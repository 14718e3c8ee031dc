package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
	"authly/internal/session"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	idle     = 30 * time.Minute
	absolute = 4 * time.Hour
)

type world struct {
	database *db.DB
	clock    *clock.Fake
	sessions *session.Service
}

// recognized is a user whose sign-in is not what is tested.
type recognized uuid.UUID

func (k recognized) Admit(context.Context) (uuid.UUID, error) { return uuid.UUID(k), nil }

func newWorld(database *db.DB) world {
	w := world{database: database, clock: clock.NewFake(start)}
	w.sessions = session.NewService(session.Deps{
		Database: database, Clock: w.clock, Lifetime: policy.Lifetime{Idle: idle, Absolute: absolute},
	})
	return w
}

// user puts a user into the database, as far as sessions need one.
func (w world) user(t *testing.T, name string) uuid.UUID {
	t.Helper()
	created := uuid.New()
	_, err := w.database.Write(t.Context()).Exec(t.Context(), `INSERT INTO users (id, username, username_folded, email_verified, state,
		administrator, require_password_change, phone_number_verified, created_at, updated_at)
		VALUES ($1, $2, $2, $3, 'active', $3, $3, $3, $4, $4)`, created, name, false, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func (w world) begin(t *testing.T, begun session.New) (session.Session, secret.Redacted) {
	t.Helper()
	started, token, err := w.sessions.Start(t.Context(), begun)
	if err != nil {
		t.Fatalf("start a session: %v", err)
	}
	return started, token
}

func (w world) current(t *testing.T, token secret.Redacted) (session.Session, bool) {
	t.Helper()
	found, live, err := w.sessions.Current(t.Context(), token)
	if err != nil {
		t.Fatalf("current session: %v", err)
	}
	return found, live
}

func TestStartAndCurrent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada := w.user(t, "ada")
		started, token := w.begin(t, session.New{
			Person: recognized(ada), Methods: []string{"pwd"}, UserAgent: strings.Repeat("ü\x00\n", 5000), Address: "192.0.2.1",
		})
		want := session.Session{
			ID: started.ID, UserID: ada, Methods: []string{"pwd"}, AuthenticatedAt: start, CreatedAt: start, LastSeenAt: start,
			IdleExpiresAt: start.Add(idle), ExpiresAt: start.Add(absolute),
		}
		if diff := cmp.Diff(want, started); diff != "" {
			t.Errorf("started (-want +got):\n%s", diff)
		}
		found, live := w.current(t, token)
		if !live {
			t.Fatal("the session is not live")
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("current (-want +got):\n%s", diff)
		}
		for _, worthless := range []secret.Redacted{{}, secret.New(), secret.FromString(started.ID.String()), secret.FromString("\x00")} {
			if _, live := w.current(t, worthless); live {
				t.Error("a token that was never given is live")
			}
		}
		if _, _, err := w.sessions.Start(t.Context(), session.New{Person: recognized(uuid.New())}); err == nil {
			t.Error("a session of nobody")
		}
	})
}

func TestExpiry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada := w.user(t, "ada")
		t.Run("idle", func(t *testing.T) {
			_, token := w.begin(t, session.New{Person: recognized(ada)})
			w.clock.Advance(idle - time.Microsecond)
			if _, live := w.current(t, token); !live {
				t.Error("expired too early")
			}
			w.clock.Advance(idle - time.Microsecond) // since the use above
			if _, live := w.current(t, token); !live {
				t.Error("using it did not keep it alive")
			}
			w.clock.Advance(idle)
			if _, live := w.current(t, token); live {
				t.Error("not expired")
			}
			if _, live := w.current(t, token); live {
				t.Error("asking brought it back")
			}
		})
		t.Run("absolute", func(t *testing.T) {
			started, token := w.begin(t, session.New{Person: recognized(ada)})
			for w.clock.Now().Add(idle / 2).Before(started.ExpiresAt) {
				w.clock.Advance(idle / 2)
				found, live := w.current(t, token)
				if !live || found.IdleExpiresAt.After(started.ExpiresAt) {
					t.Fatalf("at %s: live %v, idle until %s", w.clock.Now(), live, found.IdleExpiresAt)
				}
			}
			w.clock.Set(started.ExpiresAt)
			if _, live := w.current(t, token); live {
				t.Error("lives for ever when used")
			}
		})
		t.Run("use is written down once a minute", func(t *testing.T) {
			started, token := w.begin(t, session.New{Person: recognized(ada)})
			w.clock.Advance(time.Minute - time.Microsecond)
			if found, _ := w.current(t, token); !found.LastSeenAt.Equal(started.CreatedAt) {
				t.Error("written down at once")
			}
			w.clock.Advance(time.Microsecond)
			if found, _ := w.current(t, token); !found.LastSeenAt.Equal(w.clock.Now()) {
				t.Error("not written down after a minute")
			}
			stored, _ := w.current(t, token)
			if !stored.LastSeenAt.Equal(w.clock.Now()) || !stored.IdleExpiresAt.Equal(w.clock.Now().Add(idle)) {
				t.Errorf("stored: %+v", stored)
			}
		})
	})
}

func TestAuthenticatingAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada, bob := w.user(t, "ada"), w.user(t, "bob")
		first, old := w.begin(t, session.New{Person: recognized(ada), Methods: []string{"pwd"}})
		w.clock.Advance(10 * time.Minute)

		again, token := w.begin(t, session.New{Person: recognized(ada), Methods: []string{"pwd", "otp"}, Replaces: old})
		want := first
		want.Methods, want.AuthenticatedAt, want.LastSeenAt = []string{"pwd", "otp"}, w.clock.Now(), w.clock.Now()
		want.IdleExpiresAt, want.ExpiresAt = w.clock.Now().Add(idle), w.clock.Now().Add(absolute)
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("the same user again (-want +got):\n%s", diff)
		}
		if _, live := w.current(t, old); live {
			t.Error("the token from before the authentication still works")
		}
		if found, live := w.current(t, token); !live || found.ID != first.ID {
			t.Error("the new token does not work")
		}

		other, others := w.begin(t, session.New{Person: recognized(bob), Replaces: token})
		if other.ID == first.ID || other.UserID != bob {
			t.Error("another user took the session over")
		}
		if _, live := w.current(t, token); live {
			t.Error("the session of the user before is live")
		}
		if found, live := w.current(t, others); !live || found.UserID != bob {
			t.Error("the other user is not signed in")
		}

		// What a session has been is no longer taken up.
		if _, err := w.sessions.End(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		fresh, _ := w.begin(t, session.New{Person: recognized(bob), Replaces: others})
		if fresh.ID == other.ID {
			t.Error("an ended session was taken up again")
		}
		planted := secret.New()
		created, given := w.begin(t, session.New{Person: recognized(bob), Replaces: planted})
		if given.Equal(planted) {
			t.Error("the browser's own token was taken")
		}
		if _, live := w.current(t, planted); live {
			t.Error("a planted token is live")
		}
		w.clock.Advance(idle)
		late, _ := w.begin(t, session.New{Person: recognized(bob), Replaces: given})
		if late.ID == created.ID {
			t.Error("an expired session was taken up again")
		}
	})
}

// However many sign in at once, an account has no more sessions than it may have: the newest, and clients are told of the others.
func TestSessionsOfAnAccountAreBounded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		const maximum, racers = 5, 32
		w, told := newWorld(database), &counted{ended: map[uuid.UUID]uuid.UUID{}}
		w.sessions = session.NewService(session.Deps{
			Database: database, Clock: w.clock, Endings: told, Maximum: maximum, Lifetime: policy.Lifetime{Idle: idle, Absolute: absolute},
		})
		created := w.user(t, "ada")
		ada := account{created, database}
		_, others := w.begin(t, session.New{Person: recognized(w.user(t, "bob"))})
		var first []secret.Redacted
		for range maximum {
			w.clock.Advance(time.Second)
			_, token := w.begin(t, session.New{Person: ada})
			first = append(first, token)
		}
		w.clock.Advance(time.Second)
		// Authenticating again is no session more.
		_, first[0] = w.begin(t, session.New{Person: ada, Replaces: first[0]})
		if count, err := w.sessions.CountOf(t.Context(), created); err != nil || count != maximum || len(told.ended) != 0 {
			t.Fatalf("%d sessions, %v; told of %v", count, err, told.ended)
		}
		_, newest := w.begin(t, session.New{Person: ada})
		for i, token := range append(first, newest) {
			if _, live := w.current(t, token); live != (i > 0) {
				t.Errorf("session %d is live: %t", i, live)
			}
		}
		var group sync.WaitGroup
		for range racers {
			group.Go(func() {
				if _, _, err := w.sessions.Start(context.WithoutCancel(t.Context()), session.New{Person: ada}); err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		group.Wait()
		if count, err := w.sessions.CountOf(t.Context(), created); err != nil || count != maximum || len(told.ended) != 1+racers {
			t.Errorf("%d sessions, %v; told of %d ends", count, err, len(told.ended))
		}
		if _, live := w.current(t, others); !live {
			t.Error("the session of another account ended")
		}
	})
}

// account is a user who is locked as the real proof does it.
type account struct {
	id       uuid.UUID
	database *db.DB
}

func (a account) Admit(ctx context.Context) (uuid.UUID, error) {
	_, err := a.database.Write(ctx).Exec(ctx, `UPDATE users SET credential_version = credential_version WHERE id = $1`, a.id)
	return a.id, err
}

// Two tabs that authenticate at once must not give two tokens for one session.
func TestAuthenticatingAgainAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada := w.user(t, "ada")
		first, old := w.begin(t, session.New{Person: recognized(ada)})
		tokens, started := make([]secret.Redacted, 32), make([]session.Session, 32)
		var group sync.WaitGroup
		for i := range tokens {
			group.Go(func() {
				var err error
				started[i], tokens[i], err = w.sessions.Start(context.WithoutCancel(t.Context()), session.New{Person: recognized(ada), Replaces: old})
				if err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		group.Wait()
		renewed := 0
		for i, token := range tokens {
			found, live := w.current(t, token)
			if !live || found.ID != started[i].ID {
				t.Errorf("token %d is not its session's", i)
			}
			if found.ID == first.ID {
				renewed++
			}
		}
		if renewed != 1 {
			t.Errorf("%d tokens are live for the first session, want 1", renewed)
		}
	})
}

func TestEnding(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada, bob := w.user(t, "ada"), w.user(t, "bob")
		one, first := w.begin(t, session.New{Person: recognized(ada)})
		_, second := w.begin(t, session.New{Person: recognized(ada)})
		_, others := w.begin(t, session.New{Person: recognized(bob)})
		if _, err := w.sessions.End(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		if _, live := w.current(t, first); live {
			t.Error("the session that was ended is live")
		}
		if _, live := w.current(t, second); !live {
			t.Error("the user's other session was ended too")
		}
		if err := w.sessions.EndAllOf(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		if _, live := w.current(t, second); live {
			t.Error("a session outlived EndAllOf")
		}
		if _, live := w.current(t, others); !live {
			t.Error("another user's session was ended")
		}
		for _, nothing := range []uuid.UUID{one.ID, uuid.New()} {
			if _, err := w.sessions.End(t.Context(), nothing); err != nil {
				t.Errorf("end what has ended: %v", err)
			}
		}
		// The user's state counts, whoever changed it.
		if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET state = 'disabled' WHERE id = $1`, bob); err != nil {
			t.Fatal(err)
		}
		if _, live := w.current(t, others); live {
			t.Error("a disabled user is signed in")
		}
	})
}

func TestSweep(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(database)
		ada := w.user(t, "ada")
		referred, _ := w.begin(t, session.New{Person: recognized(ada)})
		_, ended := w.begin(t, session.New{Person: recognized(ada)})
		if err := w.sessions.EndAllOf(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		refer(t, database, w.clock.Now(), ada, referred.ID)
		count := func() (rows int) {
			t.Helper()
			if err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			return rows
		}
		sweep := func() {
			t.Helper()
			if err := w.sessions.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sweep()
		if got := count(); got != 2 {
			t.Errorf("%d sessions before their time, want 2", got)
		}
		w.clock.Advance(absolute + 2*time.Hour)
		_, live := w.begin(t, session.New{Person: recognized(ada)})
		sweep()
		if got := count(); got != 2 {
			t.Errorf("%d sessions, want the live one and the one that is referred to", got)
		}
		if _, ok := w.current(t, live); !ok {
			t.Error("a live session was swept")
		}
		if _, ok := w.current(t, ended); ok {
			t.Error("an ended session is live")
		}
		if _, err := database.Write(t.Context()).Exec(t.Context(), `DELETE FROM token_families`); err != nil {
			t.Fatal(err)
		}
		sweep()
		if got := count(); got != 1 {
			t.Errorf("%d sessions, want 1", got)
		}
	})
}

// refer issues something from a session, by hand.
func refer(t *testing.T, database *db.DB, now time.Time, userID, sessionID uuid.UUID) {
	t.Helper()
	client, grant := uuid.New(), uuid.New()
	for _, statement := range []struct {
		text      string
		arguments []any
	}{
		{`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types,
			response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
			id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at)
			VALUES ($1, 'c', 'c', 'web', 'none', '[]', '[]', '[]', '[]', '[]', '[]', 'required', 'always', 'opaque', 'rotate',
			'RS256', '[]', '[]', $2, 'active', $3, $3)`, []any{client, false, now}},
		{
			`INSERT INTO grants (id, client, user_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`,
			[]any{grant, client, userID, now},
		},
		{
			`INSERT INTO token_families (id, grant_id, client, user_id, session_id, offline, scopes, resources, authentication_methods,
			authenticated_at, max_age_requested, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, '[]', '[]', '[]', $7, $6, $7, $8)`,
			[]any{uuid.New(), grant, client, userID, sessionID, false, now, now.Add(1000 * time.Hour)},
		},
	} {
		if _, err := database.Write(t.Context()).Exec(t.Context(), statement.text, statement.arguments...); err != nil {
			t.Fatal(err)
		}
	}
}
