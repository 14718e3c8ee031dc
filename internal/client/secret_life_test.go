package client_test

import (
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
)

// An old secret can be used for as long as it overlaps with the new one, to the second.
func TestAnOldSecretEnds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made := register(t, service, oauth.ClientSecretBasic)
		_, value, err := service.AddSecret(t.Context(), made.Client.ID, client.NewSecret{Overlap: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		found, err := service.FindByRecord(t.Context(), made.Client.ID)
		if err != nil {
			t.Fatal(err)
		}
		for after, oldCounts := range map[time.Duration]bool{0: true, 59 * time.Second: true, time.Minute: false, 24 * time.Hour: false} {
			if got := found.KnowsSecret(made.Secret, noon.Add(after)); got != oldCounts {
				t.Errorf("the old one after %s: %t", after, got)
			}
			if !found.KnowsSecret(value, noon.Add(after)) {
				t.Errorf("the new one after %s is refused", after)
			}
		}
	})
}
