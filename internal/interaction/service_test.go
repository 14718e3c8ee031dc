package interaction_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/interaction"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

const (
	lifetime = 30 * time.Minute
	racers   = 32
)

// world has the service with a client that requests can be of.
type world struct {
	*interaction.Service
	t        *testing.T
	clock    *clock.Fake
	database *db.DB
	client   uuid.UUID
	session  uuid.UUID
}

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(noon), database: database, client: id.New(), session: id.New()}
	w.Service = interaction.New(interaction.Deps{Database: database, Clock: w.clock, Lifetime: lifetime})
	user := id.New()
	for _, one := range []struct {
		statement string
		arguments []any
	}{
		{`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types,
			response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
			id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at)
			VALUES ($1, 'client_1', 'App', 'web', 'none', '[]', '[]', '[]', '[]', '[]', '[]', 'required', 'remember', 'at+jwt',
			'rotate', 'RS256', '[]', '[]', $2, 'active', $3, $3)`, []any{w.client, false, noon}},
		{`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change,
			phone_number_verified, created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $2, $2, $2, $3, $3)`, []any{user, false, noon}},
		{`INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at, created_at, last_seen_at,
			idle_expires_at, expires_at, user_agent, address) VALUES ($1, $2, $3, '[]', $4, $4, $4, $4, $4, '', '')`, []any{w.session, []byte("x"), user, noon}},
	} {
		if _, err := database.Write(t.Context()).Exec(t.Context(), one.statement, one.arguments...); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) request() interaction.Request {
	return interaction.Request{Client: w.client, ClientID: "client_1"}
}

func (w *world) begin() interaction.Interaction {
	w.t.Helper()
	created, err := w.Begin(w.t.Context(), w.request())
	if err != nil {
		w.t.Fatal(err)
	}
	return created
}

func (w *world) wantKind(name string, err error, want fault.Kind) {
	w.t.Helper()
	if fault.KindOf(err) != want {
		w.t.Errorf("%s: got %v, want the kind %v", name, err, want)
	}
}

func TestClaimRaceHasOneWinner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := w.begin()
		var won atomic.Int64
		var racing sync.WaitGroup
		for range racers {
			racing.Go(func() {
				bound, binding, err := w.Claim(t.Context(), created.ID)
				if err != nil {
					w.wantKind("a loser", err, fault.NotFound)
					return
				}
				won.Add(1)
				if found, err := w.Find(t.Context(), bound.ID, binding); err != nil || found.ID != created.ID {
					t.Errorf("the winner doesn't have it: %v", err)
				}
			})
		}
		racing.Wait()
		if won.Load() != 1 {
			t.Errorf("%d winners", won.Load())
		}
	})
}

func TestCompleteRaceHasOneWinner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := w.begin()
		var won atomic.Int64
		var racing sync.WaitGroup
		for i := range racers {
			racing.Go(func() {
				complete := func(ctx context.Context) error { return w.Complete(ctx, created.ID) }
				err := error(nil)
				if i%2 == 0 { // as part of something larger, and alone
					err = database.Tx(t.Context(), complete)
				} else {
					err = complete(t.Context())
				}
				if err == nil {
					won.Add(1)
					return
				}
				w.wantKind("a loser", err, fault.Conflict)
			})
		}
		racing.Wait()
		if won.Load() != 1 {
			t.Errorf("%d winners", won.Load())
		}
		w.wantKind("a sign-in afterwards", w.RecordSignIn(t.Context(), created.ID, w.session), fault.NotFound)
	})
}

func TestCompletionThatIsRolledBackIsNone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := w.begin()
		failure := fault.New(fault.Unavailable, "later")
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			if err := w.Complete(ctx, created.ID); err != nil {
				return err
			}
			return failure
		})
		w.wantKind("the transaction", err, fault.Unavailable)
		if err := w.Complete(t.Context(), created.ID); err != nil {
			t.Errorf("it counts as completed: %v", err)
		}
	})
}

func TestInteractionComesBackWholeToItsBrowserOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w, ctx := newWorld(t, database), t.Context()
		request := interaction.Request{
			Client: w.client, ClientID: "client_1", ClientName: `<b>"App" & Söhne</b>`, ClientHost: "app.example", ClientURI: "https://app.example/",
			PolicyURI: "https://app.example/policy", TermsURI: "https://app.example/terms", RedirectURI: "https://app.example/callback?x=%20",
			State: "a\u2028b\\u0000 \t\n\"'<>&é😀", Scopes: oauth.ScopeSet{"openid", "email"}, Resources: []string{"https://api.example"},
			CodeChallenge: strings.Repeat("c", 43), Nonce: "n", Prompts: oidc.PromptSet{oidc.PromptConsent}, MaxAge: "0", LoginHint: "ada@example.com",
			Refusal: &interaction.Refusal{Code: oauth.InvalidScope, Description: "no"},
		}
		created, err := w.Begin(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		_, binding, err := w.Claim(ctx, created.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		if err := w.RecordSignIn(ctx, created.ID, w.session); err != nil {
			t.Fatal(err)
		}
		found, err := w.Find(ctx, created.ID, binding)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(request, found.Request); diff != "" {
			t.Error(diff)
		}
		if !found.SignedInWith(w.session) || found.SignedInWith(id.New()) || !found.AuthenticatedAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("the sign-in is %v at %v", found.SessionID, found.AuthenticatedAt)
		}
		_, err = w.Find(ctx, created.ID, secret.New())
		w.wantKind("another browser", err, fault.NotFound)
		_, err = w.Find(ctx, created.ID, secret.Redacted{})
		w.wantKind("no secret", err, fault.NotFound)
		_, err = w.Find(ctx, w.begin().ID, binding)
		w.wantKind("another interaction", err, fault.NotFound)
		if err := w.Complete(ctx, created.ID); err != nil {
			t.Fatal(err)
		}
		if found, err := w.Find(ctx, created.ID, binding); err != nil || found.CompletedAt == nil {
			t.Errorf("who goes back is not told that it is completed: %v", err)
		}
	})
}

func TestUnclaimedInteractionIsNobodys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		created := w.begin()
		for _, binding := range []secret.Redacted{{}, secret.New()} {
			_, err := w.Find(t.Context(), created.ID, binding)
			w.wantKind("unclaimed", err, fault.NotFound)
		}
		transient := w.Transient(w.request())
		_, _, err := w.Claim(t.Context(), transient.ID)
		w.wantKind("one that is not stored", err, fault.NotFound)
	})
}

func TestInteractionExpires(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w, ctx := newWorld(t, database), t.Context()
		created, unclaimed := w.begin(), w.begin()
		_, binding, err := w.Claim(ctx, created.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(lifetime - time.Microsecond)
		if _, err := w.Find(ctx, created.ID, binding); err != nil {
			t.Errorf("too early: %v", err)
		}
		w.clock.Advance(time.Microsecond)
		_, err = w.Find(ctx, created.ID, binding)
		w.wantKind("find", err, fault.NotFound)
		_, _, err = w.Claim(ctx, unclaimed.ID)
		w.wantKind("claim", err, fault.NotFound)
		w.wantKind("sign in", w.RecordSignIn(ctx, created.ID, w.session), fault.NotFound)
		w.wantKind("complete", w.Complete(ctx, created.ID), fault.Conflict)
	})
}

func TestSweepDeletesAllThatExpiredAndNothingElse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			for range 2500 { // more than one deletion takes
				if _, err := w.Begin(ctx, w.request()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		kept := w.begin()
		w.clock.Advance(lifetime - time.Minute)
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM interactions`).Scan(&left); err != nil || left != 1 {
			t.Errorf("%d are left, %v", left, err)
		}
		if _, _, err := w.Claim(t.Context(), kept.ID); err != nil {
			t.Errorf("one that is under way was swept: %v", err)
		}
	})
}

// RFC 6749 section 10.12: a form's token fits one step of one interaction in one browser.
func TestFormToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	claim := func() interaction.Bound {
		bound, _, err := w.Claim(t.Context(), w.begin().ID)
		if err != nil {
			t.Fatal(err)
		}
		return bound
	}
	one, two := claim(), claim()
	token := one.FormToken("login")
	if err := one.CheckFormToken("login", token); err != nil {
		t.Errorf("its own token is refused: %v", err)
	}
	for name, err := range map[string]error{
		"another step":        one.CheckFormToken("consent", token),
		"another interaction": two.CheckFormToken("login", token),
		"empty":               one.CheckFormToken("login", ""),
		"longer":              one.CheckFormToken("login", token+"A"),
		"shorter":             one.CheckFormToken("login", token[:len(token)-1]),
	} {
		w.wantKind(name, err, fault.Forbidden)
	}
}
