package client_test

import (
	"errors"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

func TestWhichClientsCanAdminister(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		acting := client.Metadata{Name: "Robot", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Administrator: true}
		made, err := service.Register(t.Context(), acting)
		if err != nil {
			t.Fatal(err)
		}
		found, err := service.FindByRecord(t.Context(), made.Client.ID)
		if err != nil || !found.MayAdminister() {
			t.Errorf("it may not administer, %v", err)
		}
		if err := service.Disable(t.Context(), found.ID); err != nil {
			t.Fatal(err)
		}
		if found, err = service.FindByRecord(t.Context(), found.ID); err != nil || found.MayAdminister() {
			t.Errorf("a disabled client may administer, %v", err)
		}
		for name, wrong := range map[string]func(*client.Metadata){
			"registered itself": func(m *client.Metadata) { m.RegisteredBy = client.ByClient },
			"public":            func(m *client.Metadata) { m.AuthenticationMethod = oauth.AuthenticationMethodNone },
			"for people only": func(m *client.Metadata) {
				m.GrantTypes, m.RedirectURIs = []oauth.GrantType{oauth.AuthorizationCode}, []string{"https://app.example/callback"}
			},
		} {
			metadata := acting
			wrong(&metadata)
			_, err := service.Register(t.Context(), metadata)
			var refusal *fault.Error
			if !errors.As(err, &refusal) || refusal.Fields["administrator"] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = service.Register(t.Context(), client.Metadata{
			Name: "Self", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, RegisteredBy: client.ByClient, Scopes: oauth.ScopeSet{"admin:users:write"},
		})
		var refusal *fault.Error
		if !errors.As(err, &refusal) || refusal.Fields["scope"] == "" {
			t.Errorf("a client gave itself a scope of the administration: %v", err)
		}
	})
}
