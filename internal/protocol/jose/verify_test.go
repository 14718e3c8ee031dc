package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"authly/internal/protocol/jose"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signRaw signs whatever header it is given with the RSA key, so that a test can
// make a token with a good signature and a bad header.
func signRaw(t *testing.T, header string) string {
	t.Helper()
	input := encode(header) + "." + encode(`{"sub":"ada"}`)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, testKeys()[jose.RS256].Signer.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestVerifyHeader(t *testing.T) {
	kid := testKeys()[jose.RS256].KeyID
	ecKid := testKeys()[jose.ES256].KeyID
	foreign, err := jose.PublicJWK(testKeys()[jose.ES256].Verification())
	if err != nil {
		t.Fatal(err)
	}
	with := func(members string) string {
		return fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"%s}`, kid, members)
	}
	for _, test := range []struct {
		name, header string
		accepted     bool
	}{
		{"plain", with(""), true},
		{"unknown members are ignored", with(`,"x":{"y":[1,{"z":null}]}`), true},
		{"rfc7515-4.1.9 type in another case", strings.Replace(with(""), "JWT", "jwt", 1), true},
		{"rfc7515-4.1.9 type with its prefix", strings.Replace(with(""), "JWT", "Application/JWT", 1), true},
		{"rfc8725-3.10 jku is not fetched", with(`,"jku":"https://evil.example/jwks"`), true},
		{"rfc8725-3.10 x5u is not fetched", with(`,"x5u":"https://evil.example/cert"`), true},
		{"rfc7515-4.1.3 jwk is not used", with(`,"jwk":` + string(foreign)), true},

		{"rfc7515-4.1.11 crit", with(`,"crit":["exp"],"exp":1`), false},
		{"rfc7515-4.1.11 empty crit", with(`,"crit":[]`), false},
		{"rfc7797-3 b64", with(`,"b64":true`), false},
		{"zip", with(`,"zip":"DEF"`), false},
		{"enc", with(`,"enc":"A128GCM"`), false},
		{"broken jwk", with(`,"jwk":{"kty":"oct","k":"AAAA"}`), false},
		{"broken x5c", with(`,"x5c":["AAAA"]`), false},
		{"rfc7515-4 member twice", with(`,"alg":"RS256"`), false},
		{"member twice by an escape", with(`,"\u0061lg":"RS256"`), false},
		{"member twice but for case", with(`,"ALG":"none"`), false},
		{"member twice, nested", with(`,"x":{"a":1,"a":2}`), false},
		{"member twice, nested in a list", with(`,"x":[{"a":1,"a":2}]`), false},
		{"nested too deeply", with(`,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), false},
		{"rfc7515-4.1.1 alg missing", fmt.Sprintf(`{"kid":%q,"typ":"JWT"}`, kid), false},
		{"alg in upper case only", fmt.Sprintf(`{"ALG":"RS256","kid":%q,"typ":"JWT"}`, kid), false},
		{"alg is not a text", fmt.Sprintf(`{"alg":["RS256"],"kid":%q,"typ":"JWT"}`, kid), false},
		{"kid missing", `{"alg":"RS256","typ":"JWT"}`, false},
		{"kid empty", `{"alg":"RS256","kid":"","typ":"JWT"}`, false},
		{"kid null", `{"alg":"RS256","kid":null,"typ":"JWT"}`, false},
		{"kid is a number", `{"alg":"RS256","kid":1,"typ":"JWT"}`, false},
		{"kid unknown", `{"alg":"RS256","kid":"x","typ":"JWT"}`, false},
		{"kid with a path", `{"alg":"RS256","kid":"../../dev/null","typ":"JWT"}`, false},
		{"kid of another key", fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, ecKid), false},
		{"rfc8725-3.1 alg isn't the key's", fmt.Sprintf(`{"alg":"PS256","kid":%q,"typ":"JWT"}`, kid), false},
		{"rfc8725-3.2 none", fmt.Sprintf(`{"alg":"none","kid":%q,"typ":"JWT"}`, kid), false},
		{"rfc8725-3.11 other type", strings.Replace(with(""), "JWT", "at+jwt", 1), false},
		{"rfc8725-3.11 no type", fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid), false},
		{"type is not a text", strings.Replace(with(""), `"JWT"`, `1`, 1), false},
		{"header is a list", `[]`, false},
		{"header is null", `null`, false},
		{"header is cut", with("")[:20], false},
		{"data after the header", with("") + "{}", false},
		{"header is not UTF-8", with(`,"x":"` + "\xff" + `"`), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			payload, err := jose.Verify(signRaw(t, test.header), verificationKeys(), jose.TypeJWT)
			if test.accepted {
				if err != nil || string(payload) != `{"sub":"ada"}` {
					t.Errorf("got %s, %v", payload, err)
				}
			} else if !errors.Is(err, jose.ErrInvalidToken) || payload != nil {
				t.Errorf("got %s, %v; want ErrInvalidToken", payload, err)
			}
		})
	}
}

func TestVerifyForm(t *testing.T) {
	good, err := jose.Sign(testKeys()[jose.ES256], jose.TypeJWT, map[string]string{"sub": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	last := good[len(good)-1:]
	notCanonical := string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.Index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", last)+1])
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	zeros := base64.RawURLEncoding.EncodeToString(make([]byte, len(signature)))
	for name, token := range map[string]string{
		"empty":                        "",
		"dots":                         "..",
		"two parts":                    parts[0] + "." + parts[1],
		"four parts":                   good + ".x",
		"five parts, as a JWE has":     good + ".x.y",
		"signature left out":           parts[0] + "." + parts[1] + ".",
		"payload left out (detached)":  parts[0] + ".." + parts[2],
		"header left out":              "." + parts[1] + "." + parts[2],
		"space before":                 " " + good,
		"line break behind":            good + "\n",
		"line break inside":            parts[0] + "." + parts[1][:4] + "\r\n" + parts[1][4:] + "." + parts[2],
		"padding":                      good + "==",
		"alphabet of plain base64":     parts[0] + "." + parts[1] + "." + "+/+/" + parts[2][4:],
		"signature not canonical":      good[:len(good)-1] + notCanonical,
		"signature cut":                good[:len(good)-4],
		"signature longer":             good + "AAAA",
		"cve-2022-21449 zero":          parts[0] + "." + parts[1] + "." + zeros,
		"payload changed":              parts[0] + "." + encode(`{"sub":"eve"}`) + "." + parts[2],
		"header changed":               encode(fmt.Sprintf(`{"kid":%q,"alg":"ES256","typ":"JWT"}`, testKeys()[jose.ES256].KeyID)) + "." + parts[1] + "." + parts[2],
		"signature in DER, not R || S": parts[0] + "." + parts[1] + "." + derSignature(t, parts[0]+"."+parts[1]),
		"JSON serialisation":           fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]),
	} {
		t.Run(name, func(t *testing.T) {
			if payload, err := jose.Verify(token, verificationKeys(), jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) || payload != nil {
				t.Errorf("got %s, %v; want ErrInvalidToken", payload, err)
			}
		})
	}
	for length, accepted := range map[int]bool{jose.MaxTokenBytes / 2: true, jose.MaxTokenBytes: false} {
		token, err := jose.Sign(testKeys()[jose.ES256], jose.TypeJWT, strings.Repeat("x", length))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(token, verificationKeys(), jose.TypeJWT); (err == nil) != accepted {
			t.Errorf("a payload of %d bytes: %v", length, err)
		}
	}
	if _, err := jose.Verify(good, verificationKeys(), jose.TypeJWT); err != nil {
		t.Errorf("the token that all were made from is refused: %v", err)
	}
}

func derSignature(t *testing.T, input string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, testKeys()[jose.ES256].Signer.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(der)
}

// RFC 8725 section 2.1: the public key taken for the secret of an HMAC.
func TestVerifyAlgorithmConfusion(t *testing.T) {
	key := testKeys()[jose.RS256]
	der, err := x509.MarshalPKIXPublicKey(key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	input := encode(fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"JWT"}`, key.KeyID)) + "." + encode(`{"sub":"ada"}`)
	mac := hmac.New(sha256.New, der)
	mac.Write([]byte(input))
	token := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if _, err := jose.Verify(token, verificationKeys(), jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
		t.Errorf("error is %v", err)
	}
	// Even a caller's key list that says so doesn't make it good.
	symmetric := []jose.VerificationKey{{KeyID: key.KeyID, Algorithm: "HS256", Public: der}}
	if payload, err := jose.Verify(token, symmetric, jose.TypeJWT); err == nil {
		t.Errorf("an HMAC is accepted: %s", payload)
	}
}

func TestVerifyAllowedAlgorithmsAndKeys(t *testing.T) {
	token, err := jose.Sign(testKeys()[jose.PS256], jose.TypeJWT, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(token, verificationKeys(), jose.TypeJWT, jose.ES256, jose.PS256); err != nil {
		t.Errorf("PS256 of ES256 and PS256: %v", err)
	}
	if _, err := jose.Verify(token, verificationKeys(), jose.TypeJWT, jose.ES256, jose.RS256); !errors.Is(err, jose.ErrInvalidToken) {
		t.Errorf("PS256 of ES256 and RS256: %v", err)
	}
	if _, err := jose.Verify(token, nil, jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
		t.Errorf("no keys: %v", err)
	}
	// A list may have the same RSA key for two algorithms; each token finds its own.
	key := testKeys()[jose.PS256].Verification()
	asRS256 := key
	asRS256.Algorithm = jose.RS256
	if _, err := jose.Verify(token, []jose.VerificationKey{asRS256, key}, jose.TypeJWT); err != nil {
		t.Errorf("the same key for two algorithms: %v", err)
	}
	if _, err := jose.Verify(token, []jose.VerificationKey{asRS256}, jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
		t.Errorf("PS256 with a key for RS256: %v", err)
	}
	// A key list with a private key or a key of another kind is a mistake of ours.
	broken := []jose.VerificationKey{{KeyID: key.KeyID, Algorithm: jose.PS256, Public: testKeys()[jose.PS256].Signer}}
	if _, err := jose.Verify(token, broken, jose.TypeJWT); !errors.Is(err, jose.ErrUnsupported) {
		t.Errorf("a private key in the list: %v", err)
	}
}

func TestUnmarshalClaims(t *testing.T) {
	var claims struct {
		Subject string          `json:"sub"`
		Rest    json.RawMessage `json:"rest"`
	}
	if err := jose.UnmarshalClaims([]byte(` {"sub":"ada","rest":{"a":[{"b":1},{"b":2}]},"x":{"sub":"other"}} `), &claims); err != nil || claims.Subject != "ada" {
		t.Errorf("got %+v, %v", claims, err)
	}
	for name, payload := range map[string]string{
		"empty": "", "text": `"sub"`, "list": `[{"sub":"ada"}]`, "null": `null`, "cut": `{"sub":"ada"`, "cut inside": `{"sub":`, "comma": `{"sub":"ada",}`,
		"twice": `{"sub":"ada","sub":"ada"}`, "twice but for case": `{"sub":"ada","Sub":"eve"}`, "twice with long s": `{"sub":"ada","ſub":"eve"}`,
		"twice inside": `{"x":{"a":1,"b":2,"a":3}}`, "two objects": `{"sub":"ada"}{}`, "trailing text": `{"sub":"ada"} x`, "type": `{"sub":1}`,
		"not UTF-8": "{\"sub\":\"\xff\"}", "deep": strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "mismatched": `{"x":[1}`,
	} {
		if err := jose.UnmarshalClaims([]byte(payload), &claims); !errors.Is(err, jose.ErrInvalidToken) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// fuzzKeys are the same in every process, so that an input that was found once
// means the same again. They sign nothing but this test's seeds.
func fuzzKeys(f *testing.F) []jose.SigningKey {
	f.Helper()
	seed := sha256.Sum256([]byte("fuzz"))
	elliptical, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		f.Fatal(err)
	}
	return []jose.SigningKey{
		{KeyID: "ed", Algorithm: jose.EdDSA, Signer: ed25519.NewKeyFromSeed(seed[:])},
		{KeyID: "ec", Algorithm: jose.ES256, Signer: elliptical},
	}
}

func FuzzVerify(f *testing.F) {
	var keys []jose.VerificationKey
	for _, key := range fuzzKeys(f) {
		token, err := jose.Sign(key, jose.TypeJWT, map[string]string{"sub": "ada"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(token)
		keys = append(keys, key.Verification())
	}
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"ES256","kid":"x","typ":"JWT"}`, `{"alg":"ES256","kid":"ec","typ":"JWT","crit":["x"]}`,
		`{"alg":"ES256","kid":"ec","typ":"JWT","jwk":{"kty":"EC"}}`, `{"alg":"EdDSA","kid":"ed","typ":"JWT","alg":"none"}`, `{"alg":"EdDSA","kid":"ed","typ":"JWT"}`,
	} {
		f.Add(encode(header) + ".e30.AAAA")
	}
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		payload, err := jose.Verify(token, keys, jose.TypeJWT)
		if err == nil && string(payload) != `{"sub":"ada"}` {
			t.Fatalf("forged: %q", token)
		}
		if err != nil && (!errors.Is(err, jose.ErrInvalidToken) || payload != nil) {
			t.Fatalf("got %q, %v", payload, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	claims := map[string]any{"iss": "https://id.example.com", "sub": "0198b6c0-6c1f-7c7b-9c55-4c2f4d1f7d3a", "aud": "client_x", "exp": 1, "iat": 0}
	for _, algorithm := range jose.Algorithms() {
		b.Run(string(algorithm), func(b *testing.B) {
			signer, err := jose.NewSigner(testKeys()[algorithm])
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := signer.Sign(jose.TypeAccessToken, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := verificationKeys()
	for _, algorithm := range jose.Algorithms() {
		b.Run(string(algorithm), func(b *testing.B) {
			token, err := jose.Sign(testKeys()[algorithm], jose.TypeJWT, map[string]any{"sub": "ada"})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := jose.Verify(token, keys, jose.TypeJWT); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
