package client_test

import (
	"context"
	"errors"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// A client of the server's own can be disabled and enabled, and nothing else.
func TestBuiltInClientsCanNotBeChanged(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		prepared, err := service.Prepare(t.Context(), client.Metadata{
			Name: "Own", AuthenticationMethod: oauth.AuthenticationMethodNone, RedirectURIs: []string{"https://id.example/callback"},
		})
		if err != nil {
			t.Fatal(err)
		}
		ensured, err := service.EnsureBuiltIn(t.Context(), "own", client.Active, prepared)
		if err != nil || !ensured.IsNew() || !ensured.IsChanged() {
			t.Fatalf("made: %+v, %v", ensured, err)
		}
		again, err := service.EnsureBuiltIn(t.Context(), "own", client.Active, prepared)
		if err != nil || again.IsNew() || again.IsChanged() || again.After.ID != ensured.After.ID {
			t.Errorf("again: %+v, %v", again, err)
		}
		known := again.After
		wanted := known.Metadata
		wanted.RedirectURIs = append(wanted.RedirectURIs, "https://evil.example/callback")
		for name, attempt := range map[string]func() error{
			"replace": func() error { _, err := service.Replace(t.Context(), known.ID, wanted); return err },
			"replace unchanged": func() error {
				_, err := service.ReplaceUnchanged(t.Context(), known, wanted, func(context.Context) error { return nil })
				return err
			},
			"delete": func() error { return service.Delete(t.Context(), known.ID) },
		} {
			var refusal *fault.Error
			if err := attempt(); !errors.As(err, &refusal) || refusal.Kind != fault.Conflict || refusal.Key != "client.built_in" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := service.Disable(t.Context(), known.ID); err != nil {
			t.Error(err)
		}
		after, err := service.Find(t.Context(), "own")
		if err != nil || after.IsActive() || !after.BuiltIn || after.HasRedirectURI("https://evil.example/callback") {
			t.Errorf("after: %+v, %v", after, err)
		}
		if err := service.Enable(t.Context(), known.ID); err != nil {
			t.Error(err)
		}
	})
}
