package http_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
	"authly/internal/registration"
	"authly/internal/testx"
)

// Whoever names no algorithm for ID tokens gets the server's own default: a client that registers
// itself, one of an administrator, and those of the server's own. Who names one gets that.
func TestIDTokenAlgorithmByDefault(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]jose.Algorithm{"": jose.RS256, "PS256": jose.PS256, "EdDSA": jose.EdDSA} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			a := administer(t, db.SQLite, withRegistration(registration.Open), testx.WithConfig(func(c *config.Config) {
				if setting != "" {
					c.Tokens.IDTokenSigningAlgorithm = setting
				}
			}))
			w := &World{Server: a.Server, T: t}
			registered := w.enroll("", plain)
			if got := registered.Text("id_token_signed_response_alg"); registered.Status != http.StatusCreated || got != string(want) {
				t.Errorf("a client that registered itself has %q: %s", got, registered.Body)
			}
			if named := w.enroll("", plain.with(object{"id_token_signed_response_alg": "ES256"})); named.Text("id_token_signed_response_alg") != "ES256" {
				t.Errorf("a client that registered ES256: %s", named.Body)
			}
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
			a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"Mine","redirect_uris":["https://a.example/cb"]}`), http.StatusCreated,
				`"id_token_signed_response_alg":"`+string(want)+`"`)
			a.wants(a.send(token, http.MethodGet, "/clients/authly-cli", ""), http.StatusOK, `"id_token_signed_response_alg":"`+string(want)+`"`)
			known := a.Confidential(callback, nil)
			if got := algorithmOf(t, a.Tokens(known, a.Person("ada")).Text("id_token")); got != string(want) {
				t.Errorf("an ID token is signed with %s", got)
			}
		})
	}
}

// Encryption on SHA-1 is off unless the setting says otherwise: the metadata doesn't have it, and
// nobody can register for it. A client that has it goes on, and can be changed to another algorithm.
func TestWeakEncryption(t *testing.T) {
	t.Parallel()
	const weak, strong = "RSA-OAEP", "RSA-OAEP-256"
	key := newSigningKey(t, jose.RS256)
	document, err := json.Marshal(gojose.JSONWebKeySet{Keys: []gojose.JSONWebKey{{Key: key.Signer.Public(), KeyID: key.KeyID, Use: "enc"}}})
	must(t, err)
	for _, allowed := range []bool{false, true} {
		t.Run(map[bool]string{false: "off", true: "on"}[allowed], func(t *testing.T) {
			t.Parallel()
			a := administer(t, db.SQLite, withRegistration(registration.Open), testx.WithConfig(func(c *config.Config) { c.Tokens.AllowWeakEncryption = allowed }))
			w := &World{Server: a.Server, T: t}
			for _, name := range []string{"id_token_encryption_alg_values_supported", "userinfo_encryption_alg_values_supported"} {
				if algorithms := listed(t, w, name); slices.Contains(algorithms, weak) != allowed || !slices.Contains(algorithms, strong) {
					t.Errorf("%s: %v", name, algorithms)
				}
			}
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
			for _, what := range []string{"id_token", "userinfo"} {
				member := what + "_encrypted_response_alg"
				answer := w.enroll("", plain.with(object{"jwks": json.RawMessage(document), member: weak}))
				if allowed && answer.Status != http.StatusCreated || !allowed && answer.Text("error") != "invalid_client_metadata" {
					t.Errorf("%s is registered: %d %s", member, answer.Status, answer.Body)
				}
				answer = a.send(token, http.MethodPost, "/clients", `{"client_name":"Mine","redirect_uris":["https://a.example/cb"],"jwks":`+string(document)+`,"`+member+`":"`+weak+`"}`)
				if allowed && answer.Status != http.StatusCreated || !allowed && (answer.Status != http.StatusUnprocessableEntity || !strings.Contains(answer.Body, "body."+member)) {
					t.Errorf("%s of an administrator: %d %s", member, answer.Status, answer.Body)
				}
			}

			// One that is there, as before the setting was turned off.
			known := a.Confidential(callback, func(m *client.Metadata) {
				m.JWKS, m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent = document, jose.RSAOAEP256, jose.A256GCM
			})
			_, err := a.Database().Write(t.Context()).Exec(t.Context(), `UPDATE clients SET id_token_encrypted_response_alg = $1 WHERE id = $2`, weak, known.ID)
			must(t, err)
			idToken := a.Tokens(known, a.Person("ada")).Text("id_token")
			parsed, err := gojose.ParseEncryptedCompact(idToken, []gojose.KeyAlgorithm{gojose.RSA_OAEP}, []gojose.ContentEncryption{gojose.A256GCM})
			must(t, err)
			if _, err := parsed.Decrypt(key.Signer); err != nil {
				t.Errorf("the client can't read its ID token: %v", err)
			}
			current, err := a.Clients.FindByRecord(t.Context(), known.ID)
			must(t, err)
			if _, err := a.Clients.Replace(t.Context(), known.ID, current.Metadata); (fault.KindOf(err) == fault.Invalid) == allowed {
				t.Errorf("its record is replaced with the same: %v", err)
			}
			current.IDTokenEncryptionAlgorithm = jose.RSAOAEP256
			if _, err := a.Clients.Replace(t.Context(), known.ID, current.Metadata); err != nil {
				t.Errorf("its record is replaced with a better one: %v", err)
			}
		})
	}
}
