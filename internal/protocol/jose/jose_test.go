package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"authly/internal/protocol/jose"
)

// testKeys has one key for each algorithm, made once for all tests.
var testKeys = sync.OnceValue(func() map[jose.Algorithm]jose.SigningKey {
	keys := map[jose.Algorithm]jose.SigningKey{}
	for _, algorithm := range jose.Algorithms() {
		signer, err := jose.GenerateKey(algorithm)
		if err != nil {
			panic(err)
		}
		keyID, err := jose.KeyID(signer.Public())
		if err != nil {
			panic(err)
		}
		keys[algorithm] = jose.SigningKey{KeyID: keyID, Algorithm: algorithm, Signer: signer}
	}
	return keys
})

func verificationKeys() []jose.VerificationKey {
	var keys []jose.VerificationKey
	for _, algorithm := range jose.Algorithms() {
		keys = append(keys, testKeys()[algorithm].Verification())
	}
	return keys
}

// foreignSigner hides the type of a key, as one in a hardware module would.
type foreignSigner struct{ crypto.Signer }

func TestSignVerify(t *testing.T) {
	for _, algorithm := range jose.Algorithms() {
		for _, kind := range []string{"in memory", "foreign"} {
			t.Run(string(algorithm)+" "+kind, func(t *testing.T) {
				key := testKeys()[algorithm]
				if kind == "foreign" {
					key.Signer = foreignSigner{key.Signer}
				}
				signer, err := jose.NewSigner(key)
				if err != nil {
					t.Fatal(err)
				}
				if signer.Algorithm() != algorithm || signer.KeyID() != key.KeyID || signer.Verification().KeyID != key.KeyID {
					t.Errorf("the signer is for %s %s", signer.Algorithm(), signer.KeyID())
				}
				for _, typ := range []string{jose.TypeJWT, jose.TypeAccessToken, "logout+jwt", ""} {
					token, err := signer.Sign(typ, map[string]any{"sub": "ada", "n": 1})
					if err != nil {
						t.Fatal(err)
					}
					payload, err := jose.Verify(token, verificationKeys(), typ, algorithm)
					if err != nil || string(payload) != `{"n":1,"sub":"ada"}` {
						t.Errorf("%q: payload %s, %v", typ, payload, err)
					}
					header := headerOf(t, token)
					want := map[string]any{"alg": string(algorithm), "kid": key.KeyID}
					if typ != "" {
						want["typ"] = typ
					}
					if fmt.Sprint(header) != fmt.Sprint(want) {
						t.Errorf("header %v, want %v", header, want)
					}
				}
			})
		}
	}
}

func TestSignConcurrently(t *testing.T) {
	for _, algorithm := range jose.Algorithms() {
		signer, err := jose.NewSigner(testKeys()[algorithm])
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				token, err := signer.Sign([]string{jose.TypeJWT, "other"}[i%2], i)
				if err != nil {
					t.Error(err)
					return
				}
				payload, err := jose.Verify(token, verificationKeys(), []string{jose.TypeJWT, "other"}[i%2])
				if err != nil || string(payload) != fmt.Sprint(i) {
					t.Errorf("payload %s, %v", payload, err)
				}
			})
		}
		group.Wait()
	}
}

func TestSignRefusesClaimsThatAreNotJSON(t *testing.T) {
	if token, err := jose.Sign(testKeys()[jose.ES256], jose.TypeJWT, make(chan int)); err == nil || token != "" {
		t.Errorf("got %q, %v", token, err)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	keys := testKeys()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]jose.SigningKey{
		"no key":                     {KeyID: "k", Algorithm: jose.RS256},
		"no key ID":                  {Algorithm: jose.RS256, Signer: keys[jose.RS256].Signer},
		"no algorithm":               {KeyID: "k", Signer: keys[jose.RS256].Signer},
		"none":                       {KeyID: "k", Algorithm: "none", Signer: keys[jose.RS256].Signer},
		"symmetric":                  {KeyID: "k", Algorithm: "HS256", Signer: keys[jose.RS256].Signer},
		"EC key for RSA":             {KeyID: "k", Algorithm: jose.RS256, Signer: keys[jose.ES256].Signer},
		"RSA key for EC":             {KeyID: "k", Algorithm: jose.ES256, Signer: keys[jose.RS256].Signer},
		"RSA key for EdDSA":          {KeyID: "k", Algorithm: jose.EdDSA, Signer: keys[jose.RS256].Signer},
		"rfc7518-3.3 RSA too small":  {KeyID: "k", Algorithm: jose.RS256, Signer: small},
		"rfc7518-3.4 P-384 as ES256": {KeyID: "k", Algorithm: jose.ES256, Signer: p384},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := jose.NewSigner(key); !errors.Is(err, jose.ErrUnsupported) {
				t.Errorf("error is %v", err)
			}
			if _, err := jose.Sign(key, jose.TypeJWT, 1); !errors.Is(err, jose.ErrUnsupported) {
				t.Errorf("Sign: error is %v", err)
			}
		})
	}
}

func TestKeysPrintNothingPrivate(t *testing.T) {
	key := testKeys()[jose.RS256]
	signer, err := jose.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	private := key.Signer.(*rsa.PrivateKey)
	encoded, err := json.Marshal(map[string]any{"key": key, "signer": signer})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{string(encoded)}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(format, key), fmt.Sprintf(format, &key), fmt.Sprintf(format, signer))
	}
	for _, text := range texts {
		for _, secret := range []string{private.D.String(), private.D.Text(16), private.Primes[0].String()} {
			if strings.Contains(text, secret) || len(text) > 400 {
				t.Errorf("prints %s", text)
			}
		}
	}
}

// The example of RFC 7638 section 3.1.
const rfc7638Modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" +
	"n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
	"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

func TestKeyID(t *testing.T) {
	modulus, err := base64.RawURLEncoding.DecodeString(rfc7638Modulus)
	if err != nil {
		t.Fatal(err)
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}
	if got, err := jose.KeyID(public); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("rfc7638-3.1: %q, %v", got, err)
	}
	// The example of RFC 8037 appendix A.3.
	edwards, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := jose.KeyID(ed25519.PublicKey(edwards)); err != nil || got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("rfc8037-A.3: %q, %v", got, err)
	}
	if got, err := jose.KeyID("no key"); err == nil {
		t.Errorf("a string has the key ID %q", got)
	}
}

func TestPublicJWK(t *testing.T) {
	members := map[jose.Algorithm]string{jose.RS256: "RSA n e", jose.PS256: "RSA n e", jose.ES256: "EC crv x y", jose.EdDSA: "OKP crv x"}
	for _, algorithm := range jose.Algorithms() {
		t.Run(string(algorithm), func(t *testing.T) {
			key := testKeys()[algorithm].Verification()
			encoded, err := jose.PublicJWK(key)
			if err != nil {
				t.Fatal(err)
			}
			var jwk map[string]string
			if err := json.Unmarshal(encoded, &jwk); err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(members[algorithm])
			for name, value := range map[string]string{"kty": want[0], "use": "sig", "alg": string(algorithm), "kid": key.KeyID} {
				if jwk[name] != value {
					t.Errorf("%s is %q, want %q", name, jwk[name], value)
				}
			}
			for _, name := range want[1:] {
				if jwk[name] == "" {
					t.Errorf("%s is missing", name)
				}
			}
			if len(jwk) != 4+len(want)-1 {
				t.Errorf("members besides the public ones: %s", encoded)
			}
		})
	}
	key := testKeys()[jose.RS256]
	for name, wrong := range map[string]jose.VerificationKey{
		"private key": {KeyID: "k", Algorithm: jose.RS256, Public: key.Signer},
		"symmetric":   {KeyID: "k", Algorithm: jose.RS256, Public: []byte("secret")},
		"nothing":     {KeyID: "k", Algorithm: jose.RS256},
		"nil key":     {KeyID: "k", Algorithm: jose.RS256, Public: (*rsa.PublicKey)(nil)},
	} {
		if encoded, err := jose.PublicJWK(wrong); !errors.Is(err, jose.ErrUnsupported) {
			t.Errorf("%s: %s, %v", name, encoded, err)
		}
		if encoded, err := jose.JWKS([]jose.VerificationKey{key.Verification(), wrong}); !errors.Is(err, jose.ErrUnsupported) {
			t.Errorf("%s in a set: %s, %v", name, encoded, err)
		}
	}
}

func TestJWKS(t *testing.T) {
	encoded, err := jose.JWKS(verificationKeys())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(encoded, &set); err != nil || len(set.Keys) != len(jose.Algorithms()) {
		t.Fatalf("%s, %v", encoded, err)
	}
	for i, key := range verificationKeys() {
		if set.Keys[i].Kid != key.KeyID {
			t.Errorf("key %d is %s", i, set.Keys[i].Kid)
		}
	}
	if encoded, err := jose.JWKS(nil); err != nil || string(encoded) != `{"keys":[]}` {
		t.Errorf("no keys: %s, %v", encoded, err)
	}
}

func TestPrivateKeyEncoding(t *testing.T) {
	for _, algorithm := range jose.Algorithms() {
		key := testKeys()[algorithm]
		der, err := jose.MarshalPrivateKey(key.Signer)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jose.ParsePrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jose.Sign(jose.SigningKey{KeyID: key.KeyID, Algorithm: algorithm, Signer: parsed}, jose.TypeJWT, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(token, verificationKeys(), jose.TypeJWT); err != nil {
			t.Errorf("%s: a key that was encoded signs otherwise: %v", algorithm, err)
		}
		if _, err := jose.ParsePrivateKey(der[:len(der)-1]); err == nil {
			t.Errorf("%s: a cut key is accepted", algorithm)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := jose.MarshalPrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.ParsePrivateKey(der); !errors.Is(err, jose.ErrUnsupported) {
		t.Errorf("P-384: %v", err)
	}
	if _, err := jose.MarshalPrivateKey(failingSigner{}); err == nil {
		t.Error("a key without an encoding is encoded")
	}
}

// failingSigner is a module that has the public key and is not reachable.
type failingSigner struct{ public crypto.PublicKey }

func (f failingSigner) Public() crypto.PublicKey { return f.public }
func (failingSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}

func TestSignReportsAFailingModule(t *testing.T) {
	key := testKeys()[jose.ES256]
	key.Signer = failingSigner{key.Signer.Public()}
	if token, err := jose.Sign(key, jose.TypeJWT, 1); !errors.Is(err, io.ErrUnexpectedEOF) || token != "" {
		t.Errorf("got %q, %v", token, err)
	}
}

func TestGenerateKey(t *testing.T) {
	if _, err := jose.GenerateKey("HS256"); !errors.Is(err, jose.ErrUnsupported) {
		t.Errorf("HS256: %v", err)
	}
	if bits := testKeys()[jose.RS256].Signer.(*rsa.PrivateKey).N.BitLen(); bits != 3072 {
		t.Errorf("RSA has %d bits", bits)
	}
	if signer, err := jose.Generator(2048)(jose.PS256); err != nil || signer.(*rsa.PrivateKey).N.BitLen() != 2048 {
		t.Errorf("RSA of 2048 bits: %v", err)
	}
	for _, bits := range []int{0, 1024, 2047, 8193} {
		if _, err := jose.Generator(bits)(jose.RS256); !errors.Is(err, jose.ErrUnsupported) {
			t.Errorf("RSA of %d bits: %v", bits, err)
		}
	}
	for _, algorithm := range []jose.Algorithm{"none", "HS256", "", "rs256"} {
		if algorithm.IsSupported() {
			t.Errorf("%q is supported", algorithm)
		}
	}
}

// The hash of the example in OpenID Connect Core 1.0 appendix A.3, whose ID token is RS256.
func TestLeftHalfHash(t *testing.T) {
	const accessToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	for algorithm, want := range map[jose.Algorithm]string{
		jose.RS256: "77QmUPtjPfzWtF2AnpK9RQ", jose.ES256: "77QmUPtjPfzWtF2AnpK9RQ", jose.PS256: "77QmUPtjPfzWtF2AnpK9RQ", "none": "",
	} {
		if got := algorithm.LeftHalfHash(accessToken); got != want {
			t.Errorf("%s: %q, want %q", algorithm, got, want)
		}
	}
	// By `printf %s TOKEN | openssl dgst -sha512 -binary | head -c 32 | basenc --base64url`.
	if got, want := jose.EdDSA.LeftHalfHash(accessToken), "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"; got != want {
		t.Errorf("EdDSA: %q, want %q", got, want)
	}
}

func headerOf(t *testing.T, token string) map[string]any {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{}
	if err := json.Unmarshal(decoded, &header); err != nil {
		t.Fatal(err)
	}
	return header
}
