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
				given, err := service.Allow(t.Context(), allowed(clientRecord, userID, "openid"))
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
				given, err := service.Allow(t.Context(), allowed(clientRecord, userID, "openid", "scope"+string(rune('a'+i))))
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
		given, err := first.Allow(t.Context(), allowed(clientRecord, userID, "openid"))
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
	const api, other = "https://api.example", "https://other.example"
	grant := consent.Grant{
		ID: id.New(), Permissions: permissions("openid", "email", "read@"+api, "delete@"+other, "@https://bare.example"), Claims: []string{"birthdate"},
		ReliedOn: []byte("as it was"),
	}
	for name, test := range map[string]struct {
		scopes    oauth.ScopeSet
		resources []string
		claims    []string
		want      bool
	}{
		"nothing":                           {nil, nil, nil, true},
		"the same, another order":           {oauth.ScopeSet{"read", "email", "openid"}, []string{api}, nil, true},
		"less":                              {oauth.ScopeSet{"email"}, nil, nil, true},
		"another scope":                     {oauth.ScopeSet{"email", "phone"}, nil, nil, false},
		"another case":                      {oauth.ScopeSet{"Email"}, nil, nil, false},
		"another resource":                  {oauth.ScopeSet{"read"}, []string{"https://another.example"}, nil, false},
		"the resource with a slash":         {oauth.ScopeSet{"read"}, []string{api + "/"}, nil, true},
		"no scope at a resource with some":  {nil, []string{api}, nil, true},
		"no scope at a resource with none":  {nil, []string{"https://bare.example"}, nil, true},
		"a scope at a resource with none":   {oauth.ScopeSet{"read"}, []string{"https://bare.example"}, nil, false},
		"a scope of one at the other":       {oauth.ScopeSet{"delete"}, []string{api}, nil, false},
		"both scopes at both":               {oauth.ScopeSet{"read", "delete"}, []string{api, other}, nil, false},
		"both scopes at one":                {oauth.ScopeSet{"read", "delete"}, []string{other}, nil, false},
		"a scope of a resource here":        {oauth.ScopeSet{"read"}, nil, nil, false},
		"an identity scope with a resource": {oauth.ScopeSet{"email", "read"}, []string{api}, nil, true},
		"one of two resources":              {nil, []string{api, "https://another.example"}, nil, false},
		"a resource below it":               {nil, []string{api + "/v1"}, nil, false},
		"offline access, not given":         {oauth.ScopeSet{"openid", "offline_access"}, nil, nil, false},
		"a claim":                           {nil, nil, []string{"birthdate"}, true},
		"another claim":                     {nil, nil, []string{"birthdate", "gender"}, false},
	} {
		wanted := consent.Wanted{Permissions: oauth.PermissionsOf(test.scopes, test.resources), Claims: test.claims, ReliedOn: []byte("as it was")}
		if got := grant.Covers(wanted); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		if wanted.ReliedOn = []byte("as it is"); grant.Covers(wanted) {
			t.Errorf("%s: a client that looks different", name)
		}
	}
}
