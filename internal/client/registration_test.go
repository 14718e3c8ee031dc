package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// outside stands for what is beyond this package: keys and issued tokens.
type outside struct{ ended []uuid.UUID }

func (*outside) Ensure(context.Context, jose.Algorithm) error { return nil }

func (o *outside) EndAllOfClient(_ context.Context, record uuid.UUID) error {
	o.ended = append(o.ended, record)
	return nil
}

func newClients(database *db.DB) (*client.Service, *outside) {
	beyond := &outside{}
	return client.NewService(client.Deps{Database: database, Clock: clock.NewFake(noon), Keys: beyond, Issued: beyond}), beyond
}

func TestRegisteredClientComesBackWhole(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		age := 90 * time.Minute
		made, err := service.Register(t.Context(), client.New{
			Name: " Shop ", RedirectURIs: []string{"https://shop.example/callback?x=1"}, Scopes: oauth.ScopeSet{"openid"},
			GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials},
			Resources:  []string{"https://api.example"}, ProtectedResources: []string{"https://shop.example/api"},
			AccessTokenLifetime: time.Minute, ClientURI: "https://shop.example", Contacts: []string{"ops@shop.example"}, DefaultMaxAge: &age,
			IDTokenAlgorithm: jose.EdDSA, AccessTokenFormat: client.FormatOpaque, PKCE: client.PKCEOrNonce,
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := service.Find(t.Context(), made.Client.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		if !found.KnowsSecret(made.Secret, noon) || found.KnowsSecret(secret.New(), noon) || found.KnowsSecret(secret.Redacted{}, noon) {
			t.Error("the secret is not the one that was given")
		}
		ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".secrets" }, cmp.Ignore())
		empty := cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore())
		if diff := cmp.Diff(made.Client, found, ignore, empty); diff != "" {
			t.Error(diff)
		}
		if found.Name != "Shop" || !strings.HasPrefix(found.ClientID, "client_") || found.RotatesRefreshTokens() {
			t.Errorf("got %+v", found)
		}
		replaced, err := service.ReplaceSecret(t.Context(), found.ID)
		if err != nil {
			t.Fatal(err)
		}
		found, err = service.FindByRecord(t.Context(), found.ID)
		if err != nil || found.KnowsSecret(made.Secret, noon) || !found.KnowsSecret(replaced, noon) {
			t.Errorf("the old secret was not replaced: %v", err)
		}
	})
}

func TestDisablingEndsWhatWasGiven(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, beyond := newClients(database)
		made, err := service.Register(t.Context(), client.New{Name: "App", RedirectURIs: []string{"https://app.example/callback"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := service.Disable(t.Context(), made.Client.ID); err != nil {
			t.Fatal(err)
		}
		found, err := service.FindByRecord(t.Context(), made.Client.ID)
		if err != nil || found.IsActive() || len(beyond.ended) != 1 {
			t.Errorf("active %v, ended %v, %v", found.IsActive(), beyond.ended, err)
		}
		if err := service.Delete(t.Context(), made.Client.ID); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			service.Delete(t.Context(), made.Client.ID), service.Enable(t.Context(), made.Client.ID), service.Disable(t.Context(), made.Client.ID),
		} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("a client that is gone gives %v", err)
			}
		}
	})
}

func TestRegistrationRefusesAndNamesTheField(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, db.SQLite)
	service, _ := newClients(database)
	for field, change := range map[string]func(*client.New){
		"client_name":                func(n *client.New) { n.Name = " \t" },
		"redirect_uris":              func(n *client.New) { n.RedirectURIs = []string{"https://*.app.example/"} },
		"post_logout_redirect_uris":  func(n *client.New) { n.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} },
		"application_type":           func(n *client.New) { n.ApplicationType = "desktop" },
		"token_endpoint_auth_method": func(n *client.New) { n.AuthenticationMethod = "client_secret_jwt" },
		"grant_types":                func(n *client.New) { n.GrantTypes = []oauth.GrantType{"password"} },
		"pkce": func(n *client.New) { // OAuth 2.1 section 4.1.1
			n.AuthenticationMethod, n.PKCE = oauth.AuthenticationMethodNone, client.PKCEOptional
		},
		"refresh_token_rotation": func(n *client.New) { // OAuth 2.1 section 4.3.1
			n.AuthenticationMethod, n.RefreshTokenRotation = oauth.AuthenticationMethodNone, client.Static
		},
		"protected_resources": func(n *client.New) { // RFC 7662 section 2.1
			n.AuthenticationMethod, n.ProtectedResources = oauth.AuthenticationMethodNone, []string{"https://api.example"}
		},
		"id_token_signed_response_alg": func(n *client.New) { n.IDTokenAlgorithm = "none" },
		"consent":                      func(n *client.New) { n.Consent = "never" },
		"access_token_format":          func(n *client.New) { n.AccessTokenFormat = "saml" },
		"access_token_lifetime":        func(n *client.New) { n.AccessTokenLifetime = -time.Second },
		"client_uri":                   func(n *client.New) { n.ClientURI = "javascript:alert(1)" },
		"policy_uri":                   func(n *client.New) { n.PolicyURI = "http://app.example/policy" },
		"scope":                        func(n *client.New) { n.Scopes = oauth.ScopeSet{"two words"} },
		"resources":                    func(n *client.New) { n.Resources = []string{"https://api.example#fragment"} },
		"contacts":                     func(n *client.New) { n.Contacts = []string{"a\nb"} },
	} {
		wanted := client.New{Name: "App", RedirectURIs: []string{"https://app.example/callback"}}
		change(&wanted)
		_, err := service.Register(t.Context(), wanted)
		var refusal *fault.Error
		if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid || refusal.Fields[field] == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestPublicClientAlwaysNeedsAChallenge(t *testing.T) {
	t.Parallel()
	public := client.Client{AuthenticationMethod: oauth.AuthenticationMethodNone, PKCE: client.PKCEOptional, RefreshTokenRotation: client.Static}
	if !public.NeedsChallenge(client.NonceSent) || !public.RotatesRefreshTokens() {
		t.Error("a record that can't be made relaxed a public client")
	}
	for policy, want := range map[client.PKCE][2]bool{ // with a nonce, without
		client.PKCERequired: {true, true}, client.PKCEOrNonce: {false, true}, client.PKCEOptional: {false, false}, "": {true, true}, "new": {true, true},
	} {
		known := client.Client{AuthenticationMethod: oauth.ClientSecretBasic, PKCE: policy}
		if got := [2]bool{known.NeedsChallenge(client.NonceSent), known.NeedsChallenge(client.NonceAbsent)}; got != want {
			t.Errorf("%q: %v", policy, got)
		}
	}
}
