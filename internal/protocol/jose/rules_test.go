package jose_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"authly/internal/protocol/jose"
	"authly/internal/testx/rules"
)

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Keys)

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }

// RFC 7518 section 6.2.1: with a point that is not on the curve, an agreement on a key
// reveals the sender's secret bit by bit. The same key with its own point is taken.
func TestNothingIsEncryptedToAPointOffTheCurve(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "jose: ECDH, invalid curve")
	members := map[string]any{"alg": nil, "use": "enc"}
	good := setOf(t, published(t, jose.ES256, members))
	members["y"] = encode(string(bytes.Repeat([]byte{1}, 32)))
	bad := setOf(t, published(t, jose.ES256, members))
	for _, algorithm := range []jose.KeyAlgorithm{jose.ECDHES, jose.ECDHESA128KW, jose.ECDHESA256KW} {
		if _, err := good.Encrypt(algorithm, jose.A128GCM, []byte("x"), jose.ContentJWT); err != nil || !good.CanEncrypt(algorithm) {
			t.Errorf("%s: %v", algorithm, err)
		}
		if token, err := bad.Encrypt(algorithm, jose.A128GCM, []byte("x"), jose.ContentJWT); !errors.Is(err, jose.ErrUnknownKey) || bad.CanEncrypt(algorithm) {
			t.Errorf("%s: %q, %v", algorithm, token, err)
		}
	}
}

// A kid is compared, and never used to find a file: the files that these name hold the key
// that the token was signed with, in each form that a program could read.
func TestKidIsNeverAPath(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "jose: kid is never a path")
	own, attacker := testKeys()[jose.ES256], testKeys()[jose.RS256]
	public := attacker.Signer.Public()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jose.PublicJWK(attacker.Verification())
	if err != nil {
		t.Fatal(err)
	}
	set, err := jose.JWKS([]jose.VerificationKey{attacker.Verification()})
	if err != nil {
		t.Fatal(err)
	}
	trusted := []jose.VerificationKey{own.Verification()}
	published := setOf(t, published(t, jose.ES256, nil))
	everything := jose.Expectation{Algorithms: append(jose.Algorithms(), "HS256"), Types: []string{jose.TypeJWT}}
	for name, content := range map[string][]byte{
		"der": der, "pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "jwk": jwk, "jwks": set, "nothing": {},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		relative, err := filepath.Rel(here, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, keyID := range []string{path, relative, "file://" + path} {
			mac := fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"JWT"}`, keyID)
			input := encode(mac) + "." + encode(`{"sub":"ada"}`)
			sum := hmac.New(sha256.New, content)
			sum.Write([]byte(input))
			for kind, token := range map[string]string{
				"a signature": signRaw(t, fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, keyID)),
				"an HMAC":     input + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)),
			} {
				if payload, err := jose.Verify(token, trusted, jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
					t.Errorf("%s with %s: %s, %v", kind, keyID, payload, err)
				}
				if payload, err := published.Verify(token, everything); !errors.Is(err, jose.ErrInvalidToken) {
					t.Errorf("%s with %s and a set: %s, %v", kind, keyID, payload, err)
				}
			}
		}
	}
	// The control: the same token is good under the key's own name.
	if _, err := jose.Verify(signRaw(t, fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, attacker.KeyID)), []jose.VerificationKey{attacker.Verification()}, jose.TypeJWT); err != nil {
		t.Error(err)
	}
}
