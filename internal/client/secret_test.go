package client_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

func register(t *testing.T, service *client.Service, method oauth.AuthenticationMethod) client.Registered {
	t.Helper()
	made, err := service.Register(t.Context(), client.Metadata{
		Name: "App", RedirectURIs: []string{"https://app.example/callback"}, AuthenticationMethod: method,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestReplaceSecretRaceLeavesOneSecret(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made := register(t, service, oauth.ClientSecretBasic)
		for range 8 {
			replaced := make([]secret.Redacted, 32)
			var racing sync.WaitGroup
			for i := range replaced {
				racing.Go(func() {
					var err error
					if replaced[i], err = service.ReplaceSecret(t.Context(), made.Client.ID); err != nil {
						t.Error(err)
					}
				})
			}
			racing.Wait()
			found, err := service.FindByRecord(t.Context(), made.Client.ID)
			if err != nil {
				t.Fatal(err)
			}
			accepted := 0
			for _, value := range slices.Concat(replaced, []secret.Redacted{made.Secret}) {
				if found.KnowsSecret(value, noon) {
					accepted++
				}
			}
			if accepted != 1 {
				t.Errorf("%d secrets are accepted", accepted)
			}
		}
	})
}

func TestSecretsAreStoredHashedAndExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made := register(t, service, oauth.ClientSecretPost)
		var stored []byte
		err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT secret_hash FROM client_secrets WHERE client = $1`, made.Client.ID).Scan(&stored)
		if err != nil || len(stored) != 32 || strings.Contains(string(stored), made.Secret.Reveal()) {
			t.Errorf("%d bytes are stored, %v", len(stored), err)
		}
		end := noon.Add(time.Hour)
		if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE client_secrets SET expires_at = $1`, end); err != nil {
			t.Fatal(err)
		}
		found, err := service.Find(t.Context(), made.Client.ClientID)
		if err != nil || !found.KnowsSecret(made.Secret, end.Add(-time.Microsecond)) || found.KnowsSecret(made.Secret, end) {
			t.Errorf("the secret does not end at its end: %v", err)
		}
		for name, wrong := range map[string]string{
			"empty": "", "prefix": made.Secret.Reveal()[:42], "longer": made.Secret.Reveal() + "=", "padded": " " + made.Secret.Reveal(),
			"its hash": string(stored), "case": strings.ToUpper(made.Secret.Reveal()),
		} {
			if found.KnowsSecret(secret.FromString(wrong), noon) {
				t.Errorf("%s is accepted", name)
			}
		}
	})
}

func TestPublicClientHasNoSecret(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		made := register(t, service, oauth.AuthenticationMethodNone)
		if !made.Secret.IsZero() || made.Client.KnowsSecret(secret.Redacted{}, noon) {
			t.Error("it has one")
		}
		if _, err := service.ReplaceSecret(t.Context(), made.Client.ID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("it can be given one: %v", err)
		}
		if _, err := service.ReplaceSecret(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an unknown client: %v", err)
		}
	})
}

func TestFindTakesOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		known := register(t, service, oauth.ClientSecretBasic).Client.ClientID
		for name, clientID := range map[string]string{
			"empty": "", "NUL": known + "\x00", "case": strings.ToUpper(known), "blank": known + " ", "prefix": known[:10], "wildcard": "client_%",
			"injection": "' OR '1'='1", "long": strings.Repeat("c", 10_000),
		} {
			if _, err := service.Find(t.Context(), clientID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := service.FindByRecord(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("an unknown record: %v", err)
		}
	})
}

// RFC 8707 section 2, with the one tolerance for what URL libraries do.
func TestResourcesOfAClient(t *testing.T) {
	t.Parallel()
	known := client.Client{Metadata: client.Metadata{Resources: []string{"https://api.example"}, ProtectedResources: []string{"https://Guard.example/"}}}
	for requested, want := range map[string]string{
		"https://api.example": "https://api.example", "https://api.example/": "https://api.example", "HTTPS://API.example": "https://api.example",
		"https://api.example/v1": "", "https://api.example.evil.example": "", "http://api.example": "", "https://guard.example": "", "": "",
	} {
		got, ok := known.Resource(requested)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", requested, got, ok)
		}
	}
	for audience, want := range map[string][]string{"https://guard.example": {"https://guard.example"}, "https://api.example": nil, "": nil} {
		if got := known.Protected([]string{"https://other.example", audience}); !slices.Equal(got, want) {
			t.Errorf("protects %q: %q", audience, got)
		}
	}
	if got := known.Protected(nil); len(got) != 0 {
		t.Errorf("protects %q of nothing", got)
	}
}
