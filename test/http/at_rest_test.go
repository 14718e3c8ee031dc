package http_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/registration"
	"authly/internal/testx"
)

// Whoever gets a copy of the database gets nothing that can be used: of secrets, tokens,
// codes and cookies there are only hashes. The files of SQLite are looked at as they are; the SQL is
// the same for PostgreSQL.
func TestNothingUsableIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite, withRegistration(registration.InitialAccessToken))
	initial := w.permit(registration.NewInitialToken{Uses: 5})
	made := w.enrolled(initial, plain.with(object{"grant_types": []string{"authorization_code", "refresh_token"}}))
	opaque := w.Confidential(callback, func(m *client.Metadata) { m.AccessTokenFormat = client.FormatOpaque })
	secrets := map[string]string{
		"initial access token": initial, "registration access token": made.Text("registration_access_token"), "client secret": made.Text("client_secret"),
		"an administrator's client secret": opaque.Secret, "password": w.Ada.Password,
	}
	for name, known := range map[string]testx.Client{"JWT": w.asClient(made), "opaque": opaque} {
		browser, request := w.Browser(), w.Request(known)
		page := browser.Open(w.AuthorizeURL(request))
		for _, cookie := range browser.Cookies() {
			secrets[name+": cookie before the sign-in "+cookie.Name] = cookie.Value
		}
		response := browser.Through(page, w.Ada)
		tokens := w.Redeem(known, request, response)
		secrets[name+": code"] = response.Query().Get("code")
		secrets[name+": verifier"] = request.Verifier
		for _, member := range []string{"access_token", "refresh_token", "id_token"} {
			secrets[name+": "+member] = tokens.Text(member)
		}
		for _, cookie := range browser.Cookies() {
			secrets[name+": cookie "+cookie.Name] = cookie.Value
		}
	}
	files, err := filepath.Glob(filepath.Join(w.Settings.DataDirectory, "*.db*"))
	must(t, err)
	var stored []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		stored = append(stored, content...)
	}
	if !bytes.Contains(stored, []byte(made.Text("client_id"))) || len(files) < 2 {
		t.Fatalf("these are not the files of the database: %v", files)
	}
	for name, value := range secrets {
		if len(value) < 20 {
			t.Fatalf("%s is %q", name, value)
		}
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if bytes.Contains(stored, []byte(value)) || err == nil && bytes.Contains(stored, raw) {
			t.Errorf("%s is in the database", name)
		}
	}
}
