package http_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// A client whose key to encrypt to can't be had gets nothing in clear, is told why,
// and loses nothing: its code is as good as before when the key is there.
func TestNoKeyToEncryptTo(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, testx.WithConfig(func(c *config.Config) { c.Egress.AllowLoopback = true }))
			away, how := newKeyServer(t), client.Encryption{Algorithm: jose.ECDHESA128KW, Content: jose.A128GCM}
			known := w.Confidential(callback, func(m *client.Metadata) {
				m.JWKSURI = away.URL + "/jwks"
				m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent = how.Algorithm, how.Content
				m.UserInfoEncryptionAlgorithm, m.UserInfoEncryptionContent = how.Algorithm, how.Content
			})
			form := w.code(known)
			nothing := func(story string, answer testx.Answer, status int) {
				t.Helper()
				if answer.Status != status || answer.Text("access_token") != "" || answer.Text("id_token") != "" {
					t.Errorf("%s: %d %s", story, answer.Status, answer.Body)
				}
			}
			refusal := w.Token(known, form)
			nothing("the address has no keys", refusal, http.StatusBadRequest)
			if refusal.Text("error") != string(oauth.InvalidRequest) {
				t.Errorf("the refusal is %s", refusal.Body)
			}
			signing := newSigningKey(t, jose.ES256)
			away.publish(t, signing) // for signatures alone
			w.Clock.Advance(10 * time.Second)
			nothing("the key is for signatures", w.Token(known, form), http.StatusBadRequest)
			text := strings.NewReplacer(`"use":"sig"`, `"use":"enc"`, `"alg":"ES256"`, `"alg":"ECDH-ES+A128KW"`).Replace(*away.text.Load())
			away.text.Store(&text)
			w.Clock.Advance(10 * time.Second)
			tokens := w.Token(known, form)
			if tokens.Status != http.StatusOK || strings.Count(tokens.Text("id_token"), ".") != 4 {
				t.Fatalf("with the key: %d %s", tokens.Status, tokens.Body)
			}
			away.publish(t, signing)
			w.Clock.Advance(time.Minute)
			if info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); info.Status != http.StatusOK || strings.Count(info.Body, ".") != 4 {
				t.Errorf("UserInfo with the key that is known: %d %s", info.Status, info.Body)
			}
			w.Clock.Advance(4 * time.Minute)
			tokens = w.Token(known, refreshWith(tokens.Text("refresh_token")))
			w.Clock.Advance(5 * time.Minute) // the key is looked for again
			if info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); info.Status != http.StatusBadRequest || strings.Contains(info.Body, w.Ada.Subject()) {
				t.Errorf("UserInfo without a key: %d %s", info.Status, info.Body)
			}
		})
	}
}

// OpenID Connect Core 1.0 section 5.3.2: every advertised way of encrypting UserInfo works,
// signed before or not, and what is within is what the client would get in clear.
func TestEncryptedUserInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	private := map[string]jose.SigningKey{"RSA": newSigningKey(t, jose.RS256), "ECDH": newSigningKey(t, jose.ES256)}
	var published gojose.JSONWebKeySet
	for _, key := range private {
		published.Keys = append(published.Keys, gojose.JSONWebKey{Key: key.Signer.Public(), KeyID: key.KeyID, Use: "enc"})
	}
	document, err := json.Marshal(published)
	must(t, err)
	for _, algorithm := range listed(t, w, "userinfo_encryption_alg_values_supported") {
		for _, content := range listed(t, w, "userinfo_encryption_enc_values_supported") {
			for _, signing := range []jose.Algorithm{"", jose.PS256} {
				known := w.Confidential(callback, func(m *client.Metadata) {
					m.JWKS, m.UserInfoAlgorithm = document, signing
					m.UserInfoEncryptionAlgorithm, m.UserInfoEncryptionContent = jose.KeyAlgorithm(algorithm), jose.ContentEncryption(content)
				})
				answer := w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(known, w.Ada, set("nonce", "n")).Text("access_token")))
				parsed, err := gojose.ParseEncryptedCompact(answer.Body, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(algorithm)}, []gojose.ContentEncryption{gojose.ContentEncryption(content)})
				if err != nil || answer.Header.Get("Content-Type") != "application/jwt" {
					t.Errorf("%s, %s, %s: %v %v", algorithm, content, signing, err, answer.Header)
					continue
				}
				kind, _, _ := strings.Cut(algorithm, "-")
				payload, err := parsed.Decrypt(private[kind].Signer)
				must(t, err)
				if signing != "" {
					payload, err = w.Keys().Verify(string(payload), jose.TypeJWT, signing)
					must(t, err)
				}
				var claims map[string]any
				must(t, jose.UnmarshalClaims(payload, &claims))
				if claims["sub"] != w.Ada.Subject() || claims["iss"] != w.Issuer || claims["aud"] != known.ClientID || claims["name"] != w.Ada.Claims.Name || claims["nonce"] != nil {
					t.Errorf("%s, %s, %s: %v", algorithm, content, signing, claims)
				}
			}
		}
	}
}
