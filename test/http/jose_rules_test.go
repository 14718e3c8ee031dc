package http_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

// A kid is compared, and never used to find a file. The files are there, this server can
// read them, and they hold the key that the assertion was signed with.
func TestKidOfAnAssertionIsNeverAPath(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "kid", Rule: "jose: kid", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
		known, attacker := w.Keyed(jose.ES256, nil), newSigningKey(w.T, jose.ES256)
		der, err := x509.MarshalPKIXPublicKey(attacker.Signer.Public())
		must(w.T, err)
		jwk, err := jose.PublicJWK(attacker.Verification())
		must(w.T, err)
		set, err := jose.JWKS([]jose.VerificationKey{attacker.Verification()})
		must(w.T, err)
		for name, content := range map[string][]byte{
			"der": der, "pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "jwk": jwk, "jwks": set, "nothing": {},
		} {
			path := filepath.Join(w.T.TempDir(), name)
			must(w.T, os.WriteFile(path, content, 0o600))
			here, err := os.Getwd()
			must(w.T, err)
			relative, err := filepath.Rel(here, path)
			must(w.T, err)
			for _, keyID := range []string{path, relative, "file://" + path} {
				claims := claimsText(w.T, w.claims(known, nil))
				input := segment([]byte(fmt.Sprintf(`{"alg":"HS256","kid":%q}`, keyID))) + "." + segment([]byte(claims))
				mac := hmac.New(sha256.New, content)
				mac.Write([]byte(input))
				for kind, assertion := range map[string]string{
					"a signature": forge(w.T, attacker, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, keyID), claims),
					"an HMAC":     input + "." + segment(mac.Sum(nil)),
				} {
					if answer := w.Post("/oauth/token", asserted(machine(), assertion)); answer.Status != http.StatusUnauthorized {
						w.T.Errorf("%s with the %s at %s: %d %s", kind, name, keyID, answer.Status, answer.Body)
					}
				}
			}
		}
		return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil)))) // the control
	}}})
}

// RFC 7518 section 4.8.1.2: a token that is encrypted with a password says how much work the
// reader shall do. Nothing here reads one: with this count it would take minutes, and the
// client of these tests waits for half of one.
func TestNoWorkIsDoneForEncryptedTokens(t *testing.T) {
	t.Parallel()
	blob := func(size int) string { return segment(make([]byte, size)) }
	jwe := segment([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAAAAAAAAAAAAAAAAAAAA","cty":"JWT"}`)) +
		"." + blob(24) + "." + blob(12) + "." + blob(64) + "." + blob(16)
	var scenarios []Scenario
	for name, use := range map[string]func(w *World) (testx.Answer, bool){
		"client_assertion": func(w *World) (testx.Answer, bool) {
			answer := w.Post("/oauth/token", asserted(machine(set("client_id", w.Keyed(jose.ES256, nil).ClientID)), jwe))
			return answer, answer.Status == http.StatusUnauthorized
		},
		"request": func(w *World) (testx.Answer, bool) {
			known := w.Keyed(jose.ES256, nil)
			answer := w.open(w.SignedIn(), outside(known, set("prompt", "none"), set("redirect_uri", callback), set("request", jwe)))
			return answer, answer.Query().Get("error") == "invalid_request_object"
		},
		"id_token_hint": func(w *World) (testx.Answer, bool) {
			answer := w.Authorize(w.SignedIn(), set("prompt", "none"), set("id_token_hint", jwe))
			return answer, answer.Query().Get("error") == "invalid_request"
		},
		"id_token_hint of a logout": func(w *World) (testx.Answer, bool) {
			answer := w.Get("/oidc/logout?" + set("id_token_hint", jwe).Encode())
			return answer, answer.Status == http.StatusBadRequest
		},
		"UserInfo": func(w *World) (testx.Answer, bool) {
			answer := w.Get("/oidc/userinfo", testx.Bearer(jwe))
			return answer, answer.Status == http.StatusUnauthorized
		},
		"introspection": func(w *World) (testx.Answer, bool) {
			answer := w.Introspect(w.App, jwe)
			return answer, answer.JSON["active"] == false
		},
		"revocation": func(w *World) (testx.Answer, bool) {
			answer := w.Revoke(w.App, jwe)
			return answer, answer.Status == http.StatusOK
		},
		"a record's algorithm": func(w *World) (testx.Answer, bool) {
			_, err := w.Clients.Register(w.T.Context(), client.Metadata{
				Name: "x", RedirectURIs: []string{callback}, JWKS: publicKeys(w.T), IDTokenEncryptionAlgorithm: "PBES2-HS256+A128KW", IDTokenEncryptionContent: jose.A128GCM,
			})
			return testx.Answer{}, err != nil
		},
		"refresh_token": func(w *World) (testx.Answer, bool) {
			answer := w.Token(w.App, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {jwe}})
			return answer, answer.Text("error") == "invalid_grant"
		},
	} {
		scenarios = append(scenarios, Scenario{Name: name, Rule: "jose: huge p2c", Do: func(w *World) testx.Answer {
			answer, isRefused := use(w)
			if !isRefused {
				w.T.Errorf("%d %s %s", answer.Status, answer.Header.Get("Location"), answer.Body)
			}
			return answer
		}})
	}
	play(t, scenarios)
}
