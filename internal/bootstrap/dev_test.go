package bootstrap_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/bootstrap"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/user"
)

// devFile is what scripts read.
type devFile struct {
	Issuer string `json:"issuer"`
	User   struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"user"`
	Administrator struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"administrator"`
	PublicClient struct {
		ClientID     string   `json:"client_id"`
		ClientSecret *string  `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	} `json:"public_client"`
	ConfidentialClient struct {
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	} `json:"confidential_client"`
}

func readFile(t *testing.T, directory string) devFile {
	t.Helper()
	path := filepath.Join(directory, "dev.json")
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	entries, err := os.ReadDir(directory)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%d files in the directory, want 1", len(entries))
	}
	content, err := os.ReadFile(path)
	must(t, err)
	var found devFile
	must(t, json.Unmarshal(content, &found))
	return found
}

// seed starts the server for development, and checks that what it says is true.
func (w *world) seed(t *testing.T, directory string) bootstrap.Dev {
	t.Helper()
	created, err := w.service.Dev(t.Context(), directory)
	must(t, err)
	verified, err := w.users.VerifyPassword(t.Context(), created.User.Username, created.User.Password)
	if err != nil {
		t.Errorf("the demo user's password does not fit: %v", err)
	}
	if verified.User.Administrator {
		t.Error("the demo user is an administrator")
	}
	verified, err = w.users.VerifyPassword(t.Context(), created.Administrator.Username, created.Administrator.Password)
	if err != nil || !verified.User.MayAdminister() {
		t.Errorf("the demo administrator: %+v, %v", verified, err)
	}
	if created.Administrator.Password.Equal(created.User.Password) {
		t.Error("both demo accounts have the same password")
	}
	public, err := w.clients.Find(t.Context(), created.PublicClient.ClientID)
	must(t, err)
	if !public.IsPublic() || !public.MayUse(oauth.AuthorizationCode) || !public.MayUse(oauth.RefreshToken) || public.MayUse(oauth.ClientCredentials) {
		t.Errorf("public client: %+v", public)
	}
	for _, uri := range []string{"http://127.0.0.1:4321/callback", "http://localhost:1/callback", "http://[::1]:65535/callback", w.issuer + "/playground"} {
		if !public.HasRedirectURI(uri) {
			t.Errorf("the public client refuses %s", uri)
		}
	}
	confidential, err := w.clients.Find(t.Context(), created.ConfidentialClient.ClientID)
	must(t, err)
	if !confidential.KnowsSecret(created.ConfidentialClient.ClientSecret, w.clock.Now()) || !confidential.MayUse(oauth.ClientCredentials) ||
		!confidential.HasRedirectURI("http://127.0.0.1:4321/callback") || confidential.HasRedirectURI(w.issuer+"/playground") {
		t.Errorf("confidential client: %+v", confidential)
	}
	file := readFile(t, directory)
	want := devFile{Issuer: w.issuer}
	want.User.Username, want.User.Password = created.User.Username, created.User.Password.Reveal()
	want.Administrator.Username, want.Administrator.Password = created.Administrator.Username, created.Administrator.Password.Reveal()
	want.PublicClient.ClientID, want.PublicClient.RedirectURIs = public.ClientID, public.RedirectURIs
	want.ConfidentialClient.ClientID, want.ConfidentialClient.RedirectURIs = confidential.ClientID, confidential.RedirectURIs
	want.ConfidentialClient.ClientSecret = created.ConfidentialClient.ClientSecret.Reveal()
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	return created
}

func (w *world) clientCount(t *testing.T) (count int) {
	t.Helper()
	must(t, w.database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM clients`).Scan(&count))
	return count
}

func TestDev(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		directory := t.TempDir()
		w := newWorld(t, database, "http://localhost:8080")
		first := w.seed(t, directory)
		for _, created := range []secret.Redacted{first.User.Password, first.Administrator.Password, first.ConfidentialClient.ClientSecret} {
			if len(created.Reveal()) < 26 {
				t.Error("a credential is short")
			}
		}
		u, err := w.users.FindByIdentifier(t.Context(), "demo@example.com")
		must(t, err)
		all := oauth.ScopeSet{"openid", "profile", "email", "address", "phone"}
		claims := u.Claims.ClaimsForScopes(u.Subject(), all)
		for _, name := range oidc.ClaimNames(all) {
			if claims[name] == nil {
				t.Errorf("the demo user has no %s", name)
			}
		}

		again := w.seed(t, directory)
		same := again.User.Password.Equal(first.User.Password) && again.Administrator.Password.Equal(first.Administrator.Password) && again.PublicClient.ClientID == first.PublicClient.ClientID &&
			again.ConfidentialClient.ClientID == first.ConfidentialClient.ClientID &&
			again.ConfidentialClient.ClientSecret.Equal(first.ConfidentialClient.ClientSecret)
		if !same || w.clientCount(t) != 2 {
			t.Error("credentials that fit were not kept")
		}

		// What no longer fits is made anew, and only that.
		must(t, w.users.SetPassword(t.Context(), u.ID, secret.FromString(goodPassword)))
		must(t, w.users.Disable(t.Context(), u.ID))
		confidential, err := w.clients.Find(t.Context(), first.ConfidentialClient.ClientID)
		must(t, err)
		_, err = w.clients.ReplaceSecret(t.Context(), confidential.ID)
		must(t, err)
		third := w.seed(t, directory)
		if third.User.Password.Equal(first.User.Password) || third.ConfidentialClient.ClientSecret.Equal(first.ConfidentialClient.ClientSecret) {
			t.Error("a credential that no longer fits was kept")
		}
		if !third.Administrator.Password.Equal(first.Administrator.Password) {
			t.Error("the demo administrator has another password without need")
		}
		if third.PublicClient.ClientID != first.PublicClient.ClientID || third.ConfidentialClient.ClientID != first.ConfidentialClient.ClientID || w.clientCount(t) != 2 {
			t.Error("a client was replaced without need")
		}

		// Whoever makes the demo user an administrator goes on with it.
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET administrator = $1 WHERE id = $2`, true, u.ID)
		must(t, err)
		promoted, err := w.service.Dev(t.Context(), directory)
		must(t, err)
		if !promoted.User.Password.Equal(third.User.Password) {
			t.Error("a demo user that was made an administrator has another password")
		}
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET administrator = $1 WHERE id = $2`, false, u.ID)
		must(t, err)

		// At another address the playground is somewhere else.
		moved := newWorld(t, database, "http://localhost:9090")
		fourth := moved.seed(t, directory)
		if fourth.PublicClient.ClientID == first.PublicClient.ClientID || moved.clientCount(t) != 2 ||
			!fourth.User.Password.Equal(third.User.Password) {
			t.Error("the move changed too little or too much")
		}
		if _, err := w.clients.Find(t.Context(), first.PublicClient.ClientID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the public client of the old address: %v", err)
		}

		// A file that is not ours is replaced.
		path := filepath.Join(directory, bootstrap.DevFile)
		must(t, os.WriteFile(path, []byte("{"), 0o644))
		moved.seed(t, directory)

		// A new database beside an old file.
		other := newWorld(t, dbtest.Open(t, db.SQLite), "http://localhost:9090")
		other.seed(t, directory)
	})
}

// Accounts that only have the name of a demo account stay as they are.
func TestDevLeavesOtherAccountsAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "http://localhost:8080")
		for _, other := range []user.New{
			{Username: "admin", Email: "admin@example.com"},
			{Username: "admin", Email: "root@example.com", Administrator: true},
			{Username: "demo", Administrator: true},
		} {
			other.Password = secret.FromString(goodPassword)
			_, err := w.users.Create(t.Context(), other)
			must(t, err)
			if _, err := w.service.Dev(t.Context(), t.TempDir()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), other.Username) {
				t.Errorf("%+v: %v", other, err)
			}
			after, err := w.users.VerifyPassword(t.Context(), other.Username, other.Password)
			if err != nil || after.User.Administrator != other.Administrator {
				t.Errorf("%+v: %+v, %v", other, after, err)
			}
			_, err = database.Write(t.Context()).Exec(t.Context(), `DELETE FROM users`)
			must(t, err)
		}
	})
}
