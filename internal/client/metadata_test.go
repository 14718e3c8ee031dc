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
		age := client.SecondsOf(90 * time.Minute)
		made, err := service.Register(t.Context(), client.Metadata{
			Name: " Shop ", RedirectURIs: []string{"https://shop.example/callback?x=1"}, Scopes: oauth.ScopeSet{"openid"},
			GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials},
			Resources:  []string{"https://api.example"}, ProtectedResources: []string{"https://shop.example/api"},
			AccessTokenLifetime: 60, ClientURI: "https://shop.example", Contacts: []string{"ops@shop.example"}, DefaultMaxAge: &age,
			IDTokenAlgorithm: jose.EdDSA, AccessTokenFormat: client.FormatOpaque, PKCE: client.PKCEOrNonce,
			RegisteredBy: client.ByClient, SecurityProfile: client.ProfileOpenIDLegacy, AuthenticationAlgorithm: jose.ES256,
			AssertionAudience: client.AudienceIssuer, JWKSURI: "https://shop.example/jwks", ResponseModes: []oauth.ResponseMode{oauth.ResponseModeFormPost},
			RefreshTokenLifetime: 3600, IDTokenEncryptionAlgorithm: jose.RSAOAEP256, IDTokenEncryptionContent: jose.A256GCM,
			UserInfoAlgorithm: jose.RS256, UserInfoEncryptionAlgorithm: jose.ECDHES, UserInfoEncryptionContent: jose.A128CBCHS256,
			ResponseAlgorithm: jose.PS256, RequestObjectAlgorithm: jose.ES256, RequireSignedRequestObject: true,
			RequestURIs: []string{"https://shop.example/request#1"}, SubjectType: client.SubjectPairwise, SectorIdentifierURI: "https://shop.example/sector",
			RequireAuthTime: true, DefaultACRValues: []string{"urn:authly:acr:password"}, InitiateLoginURI: "https://shop.example/login",
			LogoURI: "https://shop.example/logo.png", PolicyURI: "https://shop.example/policy", TermsOfServiceURI: "https://shop.example/terms",
			SoftwareID: "shop", SoftwareVersion: "1.0", PostLogoutRedirectURIs: []string{"https://shop.example/bye"},
			BackChannelLogoutURI: "https://shop.example/back", BackChannelLogoutSessionRequired: true,
			FrontChannelLogoutURI: "https://shop.example/front", FrontChannelLogoutSessionRequired: true,
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
		made, err := service.Register(t.Context(), client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/callback"}})
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
	for field, change := range map[string]func(*client.Metadata){
		"client_name":                  func(n *client.Metadata) { n.Name = " \t" },
		"redirect_uris[0]":             func(n *client.Metadata) { n.RedirectURIs = []string{"https://*.app.example/"} },
		"post_logout_redirect_uris[0]": func(n *client.Metadata) { n.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} },
		"application_type":             func(n *client.Metadata) { n.ApplicationType = "desktop" },
		"token_endpoint_auth_method":   func(n *client.Metadata) { n.AuthenticationMethod = "client_secret_jwt" },
		"grant_types":                  func(n *client.Metadata) { n.GrantTypes = []oauth.GrantType{"password"} },
		"pkce": func(n *client.Metadata) { // OAuth 2.1 section 4.1.1
			n.AuthenticationMethod, n.PKCE = oauth.AuthenticationMethodNone, client.PKCEOptional
		},
		"refresh_token_rotation": func(n *client.Metadata) { // OAuth 2.1 section 4.3.1
			n.AuthenticationMethod, n.RefreshTokenRotation = oauth.AuthenticationMethodNone, client.Static
		},
		"protected_resources": func(n *client.Metadata) { // RFC 7662 section 2.1
			n.AuthenticationMethod, n.ProtectedResources = oauth.AuthenticationMethodNone, []string{"https://api.example"}
		},
		"id_token_signed_response_alg": func(n *client.Metadata) { n.IDTokenAlgorithm = "none" },
		"consent":                      func(n *client.Metadata) { n.Consent = "never" },
		"access_token_format":          func(n *client.Metadata) { n.AccessTokenFormat = "saml" },
		"access_token_lifetime":        func(n *client.Metadata) { n.AccessTokenLifetime = -1 },
		"client_uri":                   func(n *client.Metadata) { n.ClientURI = "javascript:alert(1)" },
		"policy_uri":                   func(n *client.Metadata) { n.PolicyURI = "http://app.example/policy" },
		"scope":                        func(n *client.Metadata) { n.Scopes = oauth.ScopeSet{"two words"} },
		"resources":                    func(n *client.Metadata) { n.Resources = []string{"https://api.example#fragment"} },
		"contacts":                     func(n *client.Metadata) { n.Contacts = []string{"a\nb"} },
	} {
		wanted := client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/callback"}}
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
	public := client.Client{Metadata: client.Metadata{AuthenticationMethod: oauth.AuthenticationMethodNone, PKCE: client.PKCEOptional, RefreshTokenRotation: client.Static}}
	if !public.NeedsChallenge(client.NonceSent) || !public.RotatesRefreshTokens() {
		t.Error("a record that can't be made relaxed a public client")
	}
	for policy, want := range map[client.PKCE][2]bool{ // with a nonce, without
		client.PKCERequired: {true, true}, client.PKCEOrNonce: {false, true}, client.PKCEOptional: {false, false}, "": {true, true}, "new": {true, true},
	} {
		known := client.Client{Metadata: client.Metadata{AuthenticationMethod: oauth.ClientSecretBasic, PKCE: policy}}
		if got := [2]bool{known.NeedsChallenge(client.NonceSent), known.NeedsChallenge(client.NonceAbsent)}; got != want {
			t.Errorf("%q: %v", policy, got)
		}
	}
}

func TestReplacedClientIsWholeAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made, err := service.Register(t.Context(), client.Metadata{
			Name: "Shop", RedirectURIs: []string{"https://shop.example/callback"}, ClientURI: "https://shop.example", PKCE: client.PKCEOrNonce,
		})
		if err != nil {
			t.Fatal(err)
		}
		replaced, err := service.Replace(t.Context(), made.Client.ID, client.Metadata{
			Name: "Store", RedirectURIs: []string{"https://store.example/callback"}, AuthenticationMethod: oauth.ClientSecretPost,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := replaced.Client
		if got.Name != "Store" || got.ClientURI != "" || got.PKCE != client.PKCERequired || got.ClientID != made.Client.ClientID {
			t.Errorf("got %+v", got)
		}
		if !replaced.Secret.IsZero() || !got.KnowsSecret(made.Secret, noon) {
			t.Error("the secret changed")
		}
		_, err = service.Replace(t.Context(), made.Client.ID, client.Metadata{
			Name: "Store", RedirectURIs: []string{"https://store.example/callback"}, AuthenticationMethod: oauth.AuthenticationMethodNone,
		})
		if fault.KindOf(err) != fault.Conflict {
			t.Errorf("a confidential client became public: %v", err)
		}
		if _, err := service.Replace(t.Context(), uuid.New(), client.Metadata{Name: "x", RedirectURIs: got.RedirectURIs}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an unknown client: %v", err)
		}
		if _, err := service.Replace(t.Context(), made.Client.ID, client.Metadata{Name: "x"}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("nonsense: %v", err)
		}
	})
}

// A change that was made from an older record than there is undoes somebody's.
func TestReplaceUnchangedNoticesOthers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made, err := service.Register(t.Context(), client.Metadata{Name: "Shop", RedirectURIs: []string{"https://shop.example/callback"}})
		if err != nil {
			t.Fatal(err)
		}
		known, err := service.FindByRecord(t.Context(), made.Client.ID)
		if err != nil {
			t.Fatal(err)
		}
		older, otherwise := known, known
		older.UpdatedAt = known.UpdatedAt.Add(-time.Microsecond)
		otherwise.State = client.Disabled
		for name, stale := range map[string]client.Client{"changed": older, "enabled": otherwise} {
			if _, err := service.ReplaceUnchanged(t.Context(), stale, known.Metadata, nothingElse); fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s meanwhile: %v", name, err)
			}
		}
		if replaced, err := service.ReplaceUnchanged(t.Context(), known, known.Metadata, nothingElse); err != nil || replaced.Client.Name != "Shop" {
			t.Errorf("unchanged: %v", err)
		}
	})
}

// TestSecurityProfile: the profile decides what was not set one by one.
func TestSecurityProfile(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		for name, test := range map[string]struct {
			given client.Metadata
			pkce  client.PKCE
			meant client.AssertionAudience
		}{
			"default":                    {client.Metadata{}, client.PKCERequired, client.AudienceIssuer},
			"oidc-legacy":                {client.Metadata{SecurityProfile: client.ProfileOpenIDLegacy}, client.PKCEOptional, client.AudienceIssuerOrEndpoint},
			"oidc-legacy, one by one":    {client.Metadata{SecurityProfile: client.ProfileOpenIDLegacy, PKCE: client.PKCEOrNonce, AssertionAudience: client.AudienceIssuer}, client.PKCEOrNonce, client.AudienceIssuer},
			"oidc-legacy, public client": {client.Metadata{SecurityProfile: client.ProfileOpenIDLegacy, AuthenticationMethod: oauth.AuthenticationMethodNone}, client.PKCERequired, client.AudienceIssuerOrEndpoint},
		} {
			test.given.Name, test.given.RedirectURIs = "Shop", []string{"https://shop.example/callback"}
			made, err := service.Register(t.Context(), test.given)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if made.Client.PKCE != test.pkce || made.Client.AssertionAudience != test.meant {
				t.Errorf("%s: %s, %s", name, made.Client.PKCE, made.Client.AssertionAudience)
			}
		}
	})
}

// OpenID Connect Core 1.0 section 8.1: a sector is a host, which somebody has. Nobody
// has what a native application writes in its place, so that it must not make one client the
// neighbour of another.
func TestSectors(t *testing.T) {
	t.Parallel()
	service, _ := newClients(dbtest.Open(t, db.SQLite))
	for name, test := range map[string]struct {
		uris       []string
		sectorURI  string
		want       string // "" if the client is refused
		wantsAType oauth.ApplicationType
	}{
		"one host":                            {[]string{"https://shop.example/a", "https://shop.example:8443/b"}, "", "shop.example", oauth.Web},
		"two hosts":                           {[]string{"https://shop.example/a", "https://other.example/b"}, "", "", oauth.Web},
		"two hosts with a document":           {[]string{"https://shop.example/a", "https://other.example/b"}, "https://Sector.example/x.json", "sector.example", oauth.Web},
		"a host in a private-use scheme":      {[]string{"com.evil.app://shop.example/callback"}, "", "", oauth.Native},
		"a private-use scheme without a host": {[]string{"com.evil.app:/callback"}, "", "", oauth.Native},
		"this machine":                        {[]string{"http://127.0.0.1/callback", "http://localhost/callback"}, "", "", oauth.Native},
		"this machine, by https":              {[]string{"https://localhost:8443/callback"}, "", "", oauth.Native},
		"a host and the machine":              {[]string{"https://shop.example/a", "http://127.0.0.1/callback"}, "", "", oauth.Native},
		"a host and a scheme":                 {[]string{"https://shop.example/a", "com.evil.app://shop.example/callback"}, "", "", oauth.Native},
		"a scheme with a document":            {[]string{"com.evil.app:/callback"}, "https://sector.example/x.json", "sector.example", oauth.Native},
	} {
		made, err := service.Register(t.Context(), client.Metadata{
			Name: "App", ApplicationType: test.wantsAType, RedirectURIs: test.uris, SectorIdentifierURI: test.sectorURI, SubjectType: client.SubjectPairwise,
		})
		if (err == nil) != (test.want != "") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && made.Client.PairwiseSector() != test.want {
			t.Errorf("%s: %q, want %q", name, made.Client.PairwiseSector(), test.want)
		}
	}
	record := client.Client{ClientID: "client_x", Metadata: client.Metadata{SubjectType: client.SubjectPairwise, RedirectURIs: []string{"https://a.example/", "https://b.example/"}}}
	if record.PairwiseSector() == "" {
		t.Error("a record that can't be made knows users by their own identifiers")
	}
}

// A name is what people know a client by; one that looks like nothing, or like
// another one, is refused whoever registers it.
func TestNamesThatDisguise(t *testing.T) {
	t.Parallel()
	service, _ := newClients(dbtest.Open(t, db.SQLite))
	register := func(name string) error {
		_, err := service.Register(t.Context(), client.Metadata{Name: name, RedirectURIs: []string{"https://app.example/callback"}})
		return err
	}
	for _, name := range []string{
		"\u202ekna\u202c B", "Ba\u200bnk", "Bank\u2066x\u2069", "Bank\ufeff", "\u200f", "Ba\u0085nk", "Bank\u00ad", "\u3164", "\u2800\u2800", "Bank\U000e0041", "Bank\ue000", "\ufffd",
	} {
		if err := register(name); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+q: %v", name, err)
		}
	}
	for _, name := range []string{"Bücher & Co. 🐈", "بنك", "می\u200cخواهم", "👩\u200d💻", "ร้าน", "O'Reilly <3"} {
		if err := register(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func nothingElse(context.Context) error { return nil }
