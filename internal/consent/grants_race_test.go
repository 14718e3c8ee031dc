package consent_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/protocol/oauth"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// newGrants returns the service with a user and a client that grants can refer to.
func newGrants(t *testing.T, database *db.DB) (service *consent.Service, clientRecord, userID uuid.UUID) {
	t.Helper()
	clientRecord, userID = id.New(), id.New()
	for statement, arguments := range map[string][]any{
		`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change,
			phone_number_verified, created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $2, $2, $2, $3, $3)`: {userID, false, noon},
		`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types,
			response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
			id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at)
			VALUES ($1, 'client_1', 'App', 'web', 'none', '[]', '[]', '[]', '[]', '[]', '[]', 'required', 'remember', 'at+jwt',
			'rotate', 'RS256', '[]', '[]', $2, 'active', $3, $3)`: {clientRecord, false, noon},
	} {
		if _, err := database.Write(t.Context()).Exec(t.Context(), statement, arguments...); err != nil {
			t.Fatal(err)
		}
	}
	return consent.New(consent.Deps{Database: database, Clock: clock.NewFake(noon)}), clientRecord, userID
}

// permissions reads scopes, each with its resource after an @ unless it is this server's.
func permissions(texts ...string) oauth.Permissions {
	var created oauth.Permissions
	for _, text := range texts {
		scope, resource, _ := strings.Cut(text, "@")
		created = append(created, oauth.Permission{Resource: resource, Scope: scope})
	}
	return created
}

// allowed is a grant with permissions.
func allowed(clientRecord, userID uuid.UUID, texts ...string) consent.Grant {
	return consent.Grant{Client: clientRecord, UserID: userID, Permissions: permissions(texts...)}
}

func TestAllowRaceKeepsOneGrantWithEverything(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		var tabs sync.WaitGroup
		for i := range 16 {
			tabs.Go(func() {
				wanted := allowed(clientRecord, userID, "openid", fmt.Sprintf("scope%d@https://api%d.example", i, i%4))
				given, err := service.Allow(t.Context(), wanted)
				if err != nil || !given.Covers(consent.Wanted{Permissions: wanted.Permissions}) {
					t.Errorf("tab %d: %v, %v", i, given.Permissions, err)
				}
			})
		}
		tabs.Wait()
		all, err := service.ListOfUser(t.Context(), userID)
		if err != nil || len(all) != 1 || len(all[0].Permissions) != 17 || len(all[0].Permissions.Resources()) != 4 {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

func TestRevokedGrantIsGoneAndConsentBeginsAnew(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, clientRecord, userID := newGrants(t, database)
		first, err := service.Allow(t.Context(), allowed(clientRecord, userID, "openid", "email"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second changes nothing
			if _, err := service.Revoke(t.Context(), first.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, found, err := service.Find(t.Context(), clientRecord, userID); found || err != nil {
			t.Errorf("a revoked grant is found: %v", err)
		}
		second, err := service.Allow(t.Context(), allowed(clientRecord, userID, "openid"))
		if err != nil || second.ID == first.ID || second.Permissions.Scopes().Has("email") {
			t.Errorf("the old consent came back: %+v, %v", second, err)
		}
		if _, err := service.Revoke(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an unknown grant gives %v", err)
		}
	})
}

func TestWhatMayBeRemembered(t *testing.T) {
	t.Parallel()
	public := client.Client{Metadata: client.Metadata{AuthenticationMethod: oauth.AuthenticationMethodNone, Consent: client.ConsentRemember}}
	confidential := client.Client{Metadata: client.Metadata{AuthenticationMethod: oauth.ClientSecretBasic, Consent: client.ConsentRemember}}
	always := confidential
	always.Consent = client.ConsentAlways
	for name, test := range map[string]struct {
		client      client.Client
		redirectURI string
		want        bool
	}{
		"confidential":                       {confidential, "http://127.0.0.1/callback", true},
		"rfc10017-6.1 public with https":     {public, "https://app.example/callback", true},
		"rfc8252-8.6 public on loopback":     {public, "http://127.0.0.1/callback", false},
		"rfc8252-8.6 public, private scheme": {public, "com.example.app:/callback", false},
		"set to ask always":                  {always, "https://app.example/callback", false},
	} {
		if got := consent.MayRemember(test.client, test.redirectURI); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
