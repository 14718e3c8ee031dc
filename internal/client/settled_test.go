package client_test

import (
	"context"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// A client's own update is judged against the record as it is when the update is written: neither one that goes beyond
// what an administrator has left, nor one from before the administrator's change, is stored.
func TestOwnUpdateIsJudgedWhenItIsWritten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		at, beyond := clock.NewFake(noon), &outside{}
		service := client.NewService(client.Deps{Database: database, Clock: at, Keys: beyond, Issued: beyond})
		made, err := service.Register(t.Context(), client.Metadata{
			Name: "Own", RegisteredBy: client.ByClient, RedirectURIs: []string{"https://app.example/cb"}, Scopes: oauth.ScopeSet{"openid", "email"},
		})
		if err != nil {
			t.Fatal(err)
		}
		nothing := func(context.Context) error { return nil }
		before, wide := made.Client, made.Client.Metadata
		narrow := wide
		narrow.Scopes, narrow.RequireAuthTime = oauth.ScopeSet{"openid"}, true
		changed, err := service.Replace(t.Context(), before.ID, narrow) // at the same instant: the time of the change is the same
		if err != nil {
			t.Fatal(err)
		}
		if got := changed.Client.Settled.Members(); len(got) != 2 || got[0] != "require_auth_time" || got[1] != "scopes" {
			t.Errorf("settled: %v", got)
		}
		for name, known := range map[string]client.Client{"as it was before": before, "as it is": changed.Client} {
			if _, err := service.ReplaceUnchanged(t.Context(), known, wide, nothing); fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		at.Advance(time.Second)
		within := changed.Client.Within(wide)
		own, err := service.ReplaceUnchanged(t.Context(), changed.Client, within, nothing)
		if err != nil || len(own.Client.Scopes) != 1 || !own.Client.RequireAuthTime || len(own.Client.Settled) != 2 {
			t.Errorf("within: %+v, %v", own.Client, err)
		}
	})
}
