package http_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
	"authly/internal/testx"
)

// A copy of the database has nothing that can be used: of secrets, tokens, codes and cookies there are
// only hashes. All rows are looked at, and the files of SQLite as they are.
func TestNothingUsableIsStored(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "operation: nothing usable in a copy of the database")
			nothingUsableIsStored(t, engine)
		})
	}
}

func nothingUsableIsStored(t *testing.T, engine db.Engine) {
	t.Helper()
	w := newWorld(t, engine, withRegistration(registration.InitialAccessToken))
	w.T = t
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
	everything := strings.ToLower(strings.Join(rows(t, w.Database()), "\n"))
	if !strings.Contains(everything, strings.ToLower(made.Text("client_id"))) {
		t.Fatal("these are not the rows of the database")
	}
	stored := filesOf(t, w)
	for name, value := range secrets {
		if len(value) < 20 {
			t.Fatalf("%s is %q", name, value)
		}
		raw, err := base64.RawURLEncoding.DecodeString(value)
		inRows := strings.Contains(everything, strings.ToLower(value)) || err == nil && strings.Contains(everything, hex.EncodeToString(raw))
		if inRows || bytes.Contains(stored, []byte(value)) || err == nil && bytes.Contains(stored, raw) {
			t.Errorf("%s is in the database", name)
		}
	}
}

// filesOf returns the files of SQLite, nothing of PostgreSQL.
func filesOf(t *testing.T, w *World) []byte {
	t.Helper()
	if w.Database().Engine() != db.SQLite {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(w.Settings.DataDirectory, "*.db*"))
	must(t, err)
	var stored []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		stored = append(stored, content...)
	}
	if len(files) < 2 {
		t.Fatalf("these are not the files of the database: %v", files)
	}
	return stored
}
