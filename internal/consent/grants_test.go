package consent_test

import (
	"sync"
	"testing"
	"time"

	"authly/internal/consent"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/protocol/oauth"
)

func TestAllowRaceOfTheSameConsent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		grants := sync.Map{}
		var racing sync.WaitGroup
		for range 32 {
			racing.Go(func() {
				given, err := service.Allow(t.Context(), consent.Grant{Client: clientRecord, UserID: userID, Scopes: oauth.ScopeSet{"openid"}})
				if err != nil {
					t.Error(err)
					return
				}
				grants.Store(given.ID, true)
			})
		}
		racing.Wait()
		distinct := 0
		grants.Range(func(any, any) bool { distinct++; return true })
		if distinct != 1 {
			t.Errorf("%d grants for one user and client", distinct)
		}
	})
}

// Whoever revokes and whoever allows at the same time: each grant that was
// revoked stays so, and at most one lives.
func TestAllowAndRevokeRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		revoked := sync.Map{}
		var racing sync.WaitGroup
		for i := range 32 {
			racing.Go(func() {
				given, err := service.Allow(t.Context(), consent.Grant{
					Client: clientRecord, UserID: userID, Scopes: oauth.ScopeSet{"openid", "scope" + string(rune('a'+i))},
				})
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					if _, err := service.Revoke(t.Context(), given.ID); err != nil {
						t.Error(err)
					}
					revoked.Store(given.ID, true)
				}
			})
		}
		racing.Wait()
		all, err := service.ListOfUser(t.Context(), userID)
		if err != nil || len(all) > 1 {
			t.Errorf("%d live grants, %v", len(all), err)
		}
		for _, grant := range all {
			if _, ended := revoked.Load(grant.ID); ended {
				t.Error("a revoked grant lives")
			}
		}
	})
}

func TestRevokingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		first, clientRecord, userID := newGrants(t, database)
		given, err := first.Allow(t.Context(), consent.Grant{Client: clientRecord, UserID: userID, Scopes: oauth.ScopeSet{"openid"}})
		if err != nil {
			t.Fatal(err)
		}
		if revoked, err := first.Revoke(t.Context(), given.ID); err != nil || !revoked {
			t.Fatal(err)
		}
		later := consent.New(consent.Deps{Database: database, Clock: clock.NewFake(noon.Add(time.Hour))})
		if revoked, err := later.Revoke(t.Context(), given.ID); err != nil || revoked {
			t.Fatal(err)
		}
		var untouched int
		err = database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM grants WHERE revoked_at = $1 AND updated_at = $1`, noon).Scan(&untouched)
		if err != nil || untouched != 1 {
			t.Errorf("the times of the first end are gone: %v", err)
		}
	})
}

func TestWhatAGrantCovers(t *testing.T) {
	t.Parallel()
	grant := consent.Grant{ID: id.New(), Scopes: oauth.ScopeSet{"openid", "email"}, Resources: []string{"https://api.example"}, Claims: []string{"birthdate"}}
	for name, test := range map[string]struct {
		scopes    oauth.ScopeSet
		resources []string
		claims    []string
		want      bool
	}{
		"nothing":                   {nil, nil, nil, true},
		"the same, another order":   {oauth.ScopeSet{"email", "openid"}, []string{"https://api.example"}, nil, true},
		"less":                      {oauth.ScopeSet{"email"}, nil, nil, true},
		"another scope":             {oauth.ScopeSet{"email", "phone"}, nil, nil, false},
		"another case":              {oauth.ScopeSet{"Email"}, nil, nil, false},
		"another resource":          {oauth.ScopeSet{"email"}, []string{"https://other.example"}, nil, false},
		"one of two resources":      {nil, []string{"https://api.example", "https://other.example"}, nil, false},
		"a resource below it":       {nil, []string{"https://api.example/v1"}, nil, false},
		"offline access, not given": {oauth.ScopeSet{"openid", "offline_access"}, nil, nil, false},
		"a claim":                   {nil, nil, []string{"birthdate"}, true},
		"another claim":             {nil, nil, []string{"birthdate", "gender"}, false},
	} {
		if got := grant.Covers(consent.Wanted{Scopes: test.scopes, Resources: test.resources, Claims: test.claims}); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
