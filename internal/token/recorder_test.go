package token

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
)

// A batch of each size has statements of its own. They have to stay well within
// what SQLite's writer keeps prepared (512), with room for those of the rest of the program.
func TestBatchesOfEverySizeLeaveRoomForOtherStatements(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		recorder, now := &recorderStore{database: database, reuseWindow: time.Minute}, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		client, family := insertLiveFamily(t, database, now)
		write := func(batch []Record) []error {
			var verdicts []error
			err := database.Tx(t.Context(), func(ctx context.Context) error {
				var err error
				verdicts, err = recorder.write(ctx, batch)
				return err
			})
			if err != nil {
				t.Fatalf("%d records: %v", len(batch), err)
			}
			return verdicts
		}
		for size := 1; size <= 64; size++ {
			codes, refreshes := make([]Record, size), make([]Record, size)
			for i := range size {
				codes[i] = Record{Now: now, Client: client, Use: Use{Code: &CodeUse{ID: id.New()}}}
				refreshes[i] = Record{Now: now, Client: client, Use: Use{Refresh: &RefreshUse{ID: id.New()}}, Rotate: true, Access: AccessToken{FamilyID: &family}}
			}
			for i, verdict := range write(codes) {
				if !errors.Is(verdict, ErrCodeUsed) {
					t.Fatalf("code %d of %d that nobody issued: %v", i, size, verdict)
				}
			}
			for i, verdict := range write(refreshes) {
				if !errors.Is(verdict, ErrRefreshReused) {
					t.Fatalf("refresh token %d of %d that nobody issued: %v", i, size, verdict)
				}
			}
		}
		const inserts, rest = 3 * 7, 250
		for i := range inserts + rest {
			if _, err := database.Write(t.Context()).Exec(t.Context(), fmt.Sprintf(`DELETE FROM access_tokens WHERE %d = 0`, i+1)); err != nil {
				t.Fatalf("after %d other statements: %v", i, err)
			}
		}
	})
}

// Requests that share a commit keep their own addresses and identifiers.
func TestOriginsOfOneBatch(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		recorder, now := &recorderStore{database: database}, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		client, _ := insertLiveFamily(t, database, now)
		batch, want := make([]Record, 5), map[uuid.UUID]audit.Origin{}
		for i := range batch {
			from := audit.Origin{Address: fmt.Sprintf("192.0.2.%d", i), RequestID: fmt.Sprintf("request %d", i)}
			batch[i] = Record{Now: now, Client: client, Access: AccessToken{ID: id.New(), Client: client.ID, IssuedAt: now, ExpiresAt: now.Add(time.Hour), Origin: from}}
			want[batch[i].Access.ID] = from
		}
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			verdicts, err := recorder.write(ctx, batch)
			return errors.Join(append(verdicts, err)...)
		})
		if err != nil {
			t.Fatal(err)
		}
		events, err := store{database}.issuedAfter(t.Context(), uuid.Nil, now, len(batch)+1)
		if err != nil {
			t.Fatal(err)
		}
		got := map[uuid.UUID]audit.Origin{}
		for _, event := range events {
			got[event.ID] = event.Origin
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// insertLiveFamily makes a family that counts, with all that it hangs from.
func insertLiveFamily(t *testing.T, database *db.DB, now time.Time) (JudgedClient, uuid.UUID) {
	t.Helper()
	client, user, grant, family := id.New(), id.New(), id.New(), id.New()
	for _, row := range []struct {
		statement string
		arguments []any
	}{
		{`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change, phone_number_verified,
			created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $2, $2, $2, $3, $3)`, []any{user, false, now}},
		{`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types, response_types,
			scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation, id_token_signed_response_alg, contacts,
			post_logout_redirect_uris, require_auth_time, state, created_at, updated_at) VALUES ($1, 'app', 'App', 'web', 'none', '[]', '[]', '[]', '[]',
			'[]', '[]', 'required', 'remember', 'opaque', 'rotate', 'RS256', '[]', '[]', $2, 'active', $3, $3)`, []any{client, false, now}},
		{`INSERT INTO grants (id, client, user_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`, []any{grant, client, user, now}},
		{`INSERT INTO token_families (id, grant_id, client, user_id, offline, scopes, resources, authentication_methods, authenticated_at, max_age_requested,
			created_at, expires_at) VALUES ($1, $2, $3, $4, $5, '[]', '[]', '[]', $6, $7, $6, $8)`, []any{family, grant, client, user, true, now, false, now.Add(time.Hour)}},
	} {
		if _, err := database.Write(t.Context()).Exec(t.Context(), row.statement, row.arguments...); err != nil {
			t.Fatal(err)
		}
	}
	return JudgedClient{ID: client, UpdatedAt: now}, family
}
