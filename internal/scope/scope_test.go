package scope_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
)

func TestCatalogue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		scopes := scope.New(scope.Deps{Database: database, Clock: fake})
		names := func() oauth.ScopeSet {
			t.Helper()
			active, err := scopes.Active(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var names oauth.ScopeSet
			for _, entry := range active {
				if entry.Description == "" {
					t.Errorf("%s has no description", entry.Name)
				}
				names = append(names, entry.Name)
			}
			return names
		}
		change := func(statement string) {
			t.Helper()
			if _, err := database.Write(t.Context()).Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if got := names(); len(got) != 0 {
			t.Errorf("before the seeding: %v", got)
		}
		all := oauth.ScopeSet{
			"address", "admin:audit:read", "admin:clients:read", "admin:clients:write", "admin:keys:read", "admin:keys:write", "admin:scopes:read",
			"admin:scopes:write", "admin:sessions:read", "admin:sessions:write", "admin:system:read", "admin:system:write", "admin:tokens:read",
			"admin:tokens:write", "admin:users:read", "admin:users:write", "email", "offline_access", "openid", "phone", "profile",
		}
		for range 2 {
			if err := scopes.Seed(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all, names()); diff != "" {
				t.Errorf("seeded (-want +got):\n%s", diff)
			}
		}
		defaults, err := scopes.Defaults(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(oauth.ScopeSet{"email", "openid", "profile"}, defaults); diff != "" {
			t.Errorf("defaults (-want +got):\n%s", diff)
		}

		// What an administrator changed stays, and is seen when the memory's time is over.
		change(`UPDATE scopes SET active = FALSE, description = 'changed' WHERE name = 'phone'`)
		if diff := cmp.Diff(all, names()); diff != "" {
			t.Errorf("the catalogue was read again at once (-want +got):\n%s", diff)
		}
		fake.Advance(scope.Lifetime)
		if got := names(); got.Has("phone") {
			t.Error("a scope that was switched off is still there")
		}
		if err := scopes.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		usable, err := scopes.Usable(t.Context(), oauth.ScopeSet{"phone", "unknown", "profile", "openid"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(oauth.ScopeSet{"profile", "openid"}, usable); diff != "" {
			t.Errorf("usable (-want +got):\n%s", diff)
		}
		texts, err := scopes.Descriptions(t.Context(), oauth.ScopeSet{"unknown", "phone"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"unknown", "changed"}, texts); diff != "" {
			t.Errorf("descriptions (-want +got):\n%s", diff)
		}
	})
}
