package consent_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"authly/internal/consent"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
)

// revokedGrants makes grants of one user to one client that were revoked.
func revokedGrants(t *testing.T, database *db.DB, clientRecord, userID uuid.UUID, count int) {
	t.Helper()
	err := database.Tx(t.Context(), func(ctx context.Context) error {
		for range count {
			if _, err := database.Write(ctx).Exec(ctx, `INSERT INTO grants (id, client, user_id, created_at, updated_at, revoked_at)
				VALUES ($1, $2, $3, $4, $4, $4)`, id.New(), clientRecord, userID, noon); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestListOfGrants(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		revokedGrants(t, database, clientRecord, userID, 3)
		given, err := service.Allow(t.Context(), consent.Grant{Client: clientRecord, UserID: userID})
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			query consent.Query
			want  int
		}{
			"all":       {consent.Query{Limit: 1}, 4},
			"of user":   {consent.Query{UserID: userID, Limit: 3}, 4},
			"of client": {consent.Query{Client: clientRecord}, 4},
			"of both":   {consent.Query{UserID: userID, Client: clientRecord, Limit: 2}, 4},
			"active":    {consent.Query{State: consent.Active}, 1},
			"revoked":   {consent.Query{UserID: userID, State: consent.Revoked, Limit: 1}, 3},
			"of nobody": {consent.Query{UserID: id.New()}, 0},
			"elsewhere": {consent.Query{UserID: userID, Client: id.New()}, 0},
		} {
			var all []consent.Known
			for {
				read, err := service.List(t.Context(), test.query)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, read.Items...)
				if test.query.After = read.Next; read.Next.IsZero() {
					break
				}
			}
			if len(all) != test.want {
				t.Errorf("%s: %d, want %d", name, len(all), test.want)
			}
			for i, each := range all {
				if each.Username != "ada" || each.ClientID != "client_1" || i > 0 && each.ID.String() >= all[i-1].ID.String() {
					t.Errorf("%s: %+v", name, each)
				}
			}
		}
		if found, err := service.FindByID(t.Context(), given.ID); err != nil || found.ID != given.ID {
			t.Errorf("%+v %v", found, err)
		}
		for _, unknown := range []error{errorOf(service.FindByID(t.Context(), id.New())), errorOf(service.Revoke(t.Context(), id.New()))} {
			if fault.KindOf(unknown) != fault.NotFound {
				t.Errorf("a grant that never was: %v", unknown)
			}
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestRevokingVeryMany(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		for name, revoke := range map[string]func(after uuid.UUID) (page.Batch, error){
			"of a user": func(after uuid.UUID) (page.Batch, error) { return service.RevokeSomeOf(t.Context(), userID, after) },
			"of a client": func(after uuid.UUID) (page.Batch, error) {
				return service.RevokeSomeOfClient(t.Context(), clientRecord, after)
			},
		} {
			if _, err := database.Write(t.Context()).Exec(t.Context(), `DELETE FROM grants`); err != nil {
				t.Fatal(err)
			}
			revokedGrants(t, database, clientRecord, userID, 1200) // looked at, and left as they are
			if _, err := service.Allow(t.Context(), consent.Grant{Client: clientRecord, UserID: userID}); err != nil {
				t.Fatal(err)
			}
			batches := ""
			for after := uuid.Nil; ; {
				created, err := revoke(after)
				if err != nil {
					t.Fatal(err)
				}
				batches += fmt.Sprintf("%d ", created.Changed)
				if after = created.Next; after == uuid.Nil {
					break
				}
			}
			if live, err := service.ListOfUser(t.Context(), userID); err != nil || len(live) != 0 || batches != "0 1 " {
				t.Errorf("%s: batches of %s leave %v, %v", name, batches, live, err)
			}
		}
	})
}

func TestListsOfGrantsReadByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		revokedGrants(t, database, clientRecord, userID, 30)
		after := page.Position{ID: id.New()}
		for index, queries := range map[string][]consent.Query{
			"grants_pkey":          {{}, {After: after}, {State: consent.Active, After: after}, {State: consent.Revoked}},
			"grants_user_id_idx":   {{UserID: id.New()}, {UserID: id.New(), Client: id.New(), State: consent.Revoked, After: after}},
			"grants_client_id_idx": {{Client: id.New()}, {Client: id.New(), State: consent.Revoked, After: after}},
		} {
			for _, query := range queries {
				dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
					_, err := service.List(ctx, query)
					return err
				})
			}
		}
	})
}
