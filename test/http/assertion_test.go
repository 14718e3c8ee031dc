package http_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/testx/testkeys"
)

// keyed is a client with a key of its own.
type keyed struct {
	testx.Client
	key jose.SigningKey
}

// newSigningKey makes a key. An RSA key takes long to make, so it is the same each time: a test
// that needs two different ones takes them from the clients of its world.
func newSigningKey(t *testing.T, algorithm jose.Algorithm) jose.SigningKey {
	t.Helper()
	return signingKey(t, testkeys.OfClients(), algorithm)
}

func signingKey(t *testing.T, generate func(jose.Algorithm) (crypto.Signer, error), algorithm jose.Algorithm) jose.SigningKey {
	t.Helper()
	signer, err := generate(algorithm)
	must(t, err)
	id, err := jose.KeyID(signer.Public())
	must(t, err)
	return jose.SigningKey{KeyID: id, Algorithm: algorithm, Signer: signer}
}

// Keyed registers a client that authenticates with private_key_jwt.
func (w *World) Keyed(algorithm jose.Algorithm, change func(*client.Metadata)) keyed {
	w.T.Helper()
	key := signingKey(w.T, w.clientKeys, algorithm)
	document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
	must(w.T, err)
	return keyed{w.Confidential(callback, func(m *client.Metadata) {
		m.AuthenticationMethod, m.JWKS = oauth.PrivateKeyJWT, document
		if change != nil {
			change(m)
		}
	}), key}
}

// claims are those of a good assertion, with changes; a nil takes one away.
func (w *World) claims(known keyed, changes map[string]any) map[string]any {
	now := w.Clock.Now()
	claims := map[string]any{
		"iss": known.ClientID, "sub": known.ClientID, "aud": w.Issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (w *World) assert(known keyed, typ string, claims map[string]any) string {
	w.T.Helper()
	token, err := jose.Sign(known.key, typ, claims)
	must(w.T, err)
	return token
}

func asserted(form url.Values, assertion string) url.Values {
	sent := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
	maps.Copy(sent, form)
	return sent
}

// RFC 7523 sections 2.2 and 3, as amended; JA-01 to JA-04.
func TestClientAssertions(t *testing.T) {
	t.Parallel()
	ok, refused := Want{Status: http.StatusOK}, Want{Status: http.StatusUnauthorized, Error: oauth.InvalidClient}
	legacy := func(m *client.Metadata) { m.SecurityProfile = client.ProfileOpenIDLegacy }
	var scenarios []Scenario
	for _, test := range []struct {
		name    string
		profile func(*client.Metadata)
		changes func(w *World) map[string]any
		want    Want
	}{
		{"a good one", nil, nil, ok},
		{"JA-01 aud in a list of one", nil, func(w *World) map[string]any { return map[string]any{"aud": []string{w.Issuer}} }, ok},
		{"JA-01 trap-6 aud in a list of two", nil, func(w *World) map[string]any {
			w.Holds("jose: aud in lists")
			return map[string]any{"aud": []string{w.Issuer, "https://other.example"}}
		}, refused},
		{"JA-01 trap-6 aud is the token endpoint", nil, func(w *World) map[string]any {
			w.Holds("jose: aud is the issuer only", "trap-6 aud of assertions")
			return map[string]any{"aud": w.Issuer + "/oauth/token"}
		}, refused},
		{"aud is the token endpoint, for older practice", legacy, func(w *World) map[string]any { return map[string]any{"aud": w.Issuer + "/oauth/token"} }, ok},
		{"aud in a list, for older practice", legacy, func(w *World) map[string]any {
			return map[string]any{"aud": []string{"https://other.example", w.Issuer + "/oauth/token"}}
		}, ok},
		{"aud is somebody else, for older practice", legacy, func(*World) map[string]any { return map[string]any{"aud": "https://other.example"} }, refused},
		{"aud missing", nil, func(*World) map[string]any { return map[string]any{"aud": nil} }, refused},
		{"aud with a slash", nil, func(w *World) map[string]any { return map[string]any{"aud": w.Issuer + "/"} }, refused},
		{"aud is a number", nil, func(*World) map[string]any { return map[string]any{"aud": 1} }, refused},
		{"aud list with a number", nil, func(w *World) map[string]any { return map[string]any{"aud": []any{w.Issuer, 1}} }, refused},
		{"iss is another", nil, func(w *World) map[string]any { return map[string]any{"iss": w.App.ClientID} }, refused},
		{"iss missing", nil, func(w *World) map[string]any {
			w.Holds("jose: iss missing")
			return map[string]any{"iss": nil}
		}, refused},
		{"sub is another", nil, func(w *World) map[string]any { return map[string]any{"sub": w.App.ClientID} }, refused},
		{"sub missing", nil, func(*World) map[string]any { return map[string]any{"sub": nil} }, refused},
		{"JA-02 exp missing", nil, func(w *World) map[string]any {
			w.Holds("jose: exp missing")
			return map[string]any{"exp": nil}
		}, refused},
		{"JA-02 exp five minutes ago", nil, func(w *World) map[string]any {
			return map[string]any{"exp": w.Clock.Now().Add(-5 * time.Minute).Unix()}
		}, refused},
		{"JA-02 exp within the tolerance", nil, func(w *World) map[string]any {
			return map[string]any{"exp": w.Clock.Now().Add(-30 * time.Second).Unix()}
		}, ok},
		{"JA-02 exp an hour ahead", nil, func(w *World) map[string]any { return map[string]any{"exp": w.Clock.Now().Add(time.Hour).Unix()} }, refused},
		{"exp beyond all times", nil, func(*World) map[string]any { return map[string]any{"exp": 1e300} }, refused},
		{"exp is a text", nil, func(*World) map[string]any { return map[string]any{"exp": "soon"} }, refused},
		{"JA-02 iat eight seconds ahead", nil, func(w *World) map[string]any { return map[string]any{"iat": w.Clock.Now().Add(8 * time.Second).Unix()} }, ok},
		{"JA-02 iat two minutes ahead", nil, func(w *World) map[string]any { return map[string]any{"iat": w.Clock.Now().Add(2 * time.Minute).Unix()} }, refused},
		{"JA-02 nbf two minutes ahead", nil, func(w *World) map[string]any { return map[string]any{"nbf": w.Clock.Now().Add(2 * time.Minute).Unix()} }, refused},
		{"JA-02 jti missing", nil, func(*World) map[string]any { return map[string]any{"jti": nil} }, refused},
		{"jti too long", nil, func(*World) map[string]any { return map[string]any{"jti": strings.Repeat("x", 1000)} }, refused},
	} {
		scenarios = append(scenarios, Scenario{Name: test.name, Want: test.want, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, test.profile)
			var changes map[string]any
			if test.changes != nil {
				changes = test.changes(w)
			}
			form := asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, changes)))
			if changes["sub"] != nil || test.name == "sub missing" { // who it is from can't be told by the assertion then
				form.Set("client_id", known.ClientID)
			}
			return w.Post("/oauth/token", form)
		}})
	}
	send := func(do func(w *World, known keyed) url.Values) func(w *World) testx.Answer {
		return func(w *World) testx.Answer { return w.Post("/oauth/token", do(w, w.Keyed(jose.ES256, nil))) }
	}
	scenarios = append(
		scenarios,
		Scenario{Name: "JA-02 the explicit type", Want: ok, Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(), w.assert(known, jose.TypeClientAuthentication, w.claims(known, nil)))
		})},
		Scenario{Name: "an ID token's cousin of another type", Want: refused, Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(), w.assert(known, jose.TypeAccessToken, w.claims(known, nil)))
		})},
		Scenario{Name: "JA-03 signed by another client", Want: refused, Do: send(func(w *World, known keyed) url.Values {
			other := w.Keyed(jose.ES256, nil)
			other.ClientID = known.ClientID
			return asserted(machine(), w.assert(other, jose.TypeJWT, w.claims(known, nil)))
		})},
		Scenario{Name: "JA-04 client_id in the body", Want: ok, Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(set("client_id", known.ClientID)), w.assert(known, jose.TypeJWT, w.claims(known, nil)))
		})},
		Scenario{Name: "JA-04 another client_id in the body", Want: refused, Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(set("client_id", w.App.ClientID)), w.assert(known, jose.TypeJWT, w.claims(known, nil)))
		})},
		Scenario{Name: "another client_assertion_type", Want: refused, Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")), w.assert(known, jose.TypeJWT, w.claims(known, nil)))
		})},
		Scenario{Name: "a type without an assertion", Want: refused, Do: send(func(_ *World, known keyed) url.Values {
			return machine(set("client_id", known.ClientID), set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
		})},
		Scenario{Name: "nothing", Want: refused, Do: send(func(_ *World, known keyed) url.Values { return machine(set("client_id", known.ClientID)) })},
		Scenario{Name: "OA-11 an assertion and a secret", Want: jsonError(http.StatusBadRequest, oauth.InvalidRequest), Do: send(func(w *World, known keyed) url.Values {
			return asserted(machine(set("client_secret", "x")), w.assert(known, jose.TypeJWT, w.claims(known, nil)))
		})},
		Scenario{Name: "OA-11 an assertion and the Authorization header", Want: jsonError(http.StatusBadRequest, oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil))), testx.As(w.App))
		}},
		Scenario{Name: "a secret of a client that has a key", Want: refused, Do: send(func(_ *World, known keyed) url.Values {
			return machine(set("client_id", known.ClientID), set("client_secret", "anything"))
		})},
		Scenario{Name: "an assertion of a client that has a secret", Want: refused, Do: func(w *World) testx.Answer {
			impostor := keyed{w.App, newSigningKey(w.T, jose.ES256)}
			return w.Post("/oauth/token", asserted(machine(), w.assert(impostor, jose.TypeJWT, w.claims(impostor, nil))))
		}},
		Scenario{Name: "an algorithm that the client did not register", Want: refused, Do: func(w *World) testx.Answer {
			other, err := jose.PublicJWK(newSigningKey(w.T, jose.PS256).Verification())
			must(w.T, err)
			known := w.Keyed(jose.ES256, func(m *client.Metadata) {
				m.AuthenticationAlgorithm = jose.PS256
				m.JWKS = bytes.Replace(m.JWKS, []byte("["), slices.Concat([]byte("["), other, []byte(",")), 1)
			})
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil))))
		}},
		Scenario{Name: "not a JWT", Want: refused, Do: send(func(_ *World, known keyed) url.Values {
			return asserted(machine(set("client_id", known.ClientID)), "x")
		})},
		Scenario{Name: "introspection", Want: Want{Status: http.StatusOK, Active: "false"}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.RS256, nil)
			return w.Post("/oauth/introspect", asserted(url.Values{"token": {"x"}}, w.assert(known, jose.TypeJWT, w.claims(known, nil))))
		}},
		Scenario{Name: "revocation", Want: ok, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.EdDSA, nil)
			return w.Post("/oauth/revoke", asserted(url.Values{"token": {"x"}}, w.assert(known, jose.TypeJWT, w.claims(known, nil))))
		}},
	)
	play(t, scenarios)
}

// An assertion is good for one time, also for many at once, and for as long as it
// would be accepted at all.
func TestClientAssertionRace(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "clients: an assertion is used once")
			w := newWorld(t, engine)
			known := w.Keyed(jose.ES256, nil)
			form := asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil)))
			var accepted atomic.Int32
			var running sync.WaitGroup
			for range 32 {
				running.Go(func() {
					if w.Post("/oauth/token", form).Status == http.StatusOK {
						accepted.Add(1)
					}
				})
			}
			running.Wait()
			if accepted.Load() != 1 {
				t.Errorf("accepted %d times", accepted.Load())
			}
			w.Clock.Advance(110 * time.Second) // expired, and within the tolerance
			if got := w.Post("/oauth/token", form); got.Status == http.StatusOK {
				t.Error("accepted again at the end of its life")
			}
			other := w.Keyed(jose.ES256, nil)
			claims := w.claims(other, map[string]any{"jti": "the same"})
			for _, each := range []keyed{other, w.Keyed(jose.ES256, nil)} { // identifiers are each client's own
				claims["iss"], claims["sub"] = each.ClientID, each.ClientID
				if got := w.Post("/oauth/token", asserted(machine(), w.assert(each, jose.TypeJWT, claims))); got.Status != http.StatusOK {
					t.Errorf("another client's identifier: %s", got.Body)
				}
			}
		})
	}
}

// OpenID Connect Core 1.0 sections 5.3.2 and 16.14: encrypted to the client's key.
func TestEncryptedAnswers(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			key := newSigningKey(t, jose.RS256) // an RSA key that is used for encryption
			document, err := gojose.JSONWebKey{Key: key.Signer.Public(), KeyID: "enc", Use: "enc"}.MarshalJSON()
			must(t, err)
			how := client.Encryption{Algorithm: jose.RSAOAEP256, Content: jose.A256GCM}
			open := func(token string) []byte {
				parsed, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.RSA_OAEP_256}, []gojose.ContentEncryption{gojose.A256GCM})
				must(t, err)
				payload, err := parsed.Decrypt(key.Signer)
				must(t, err)
				return payload
			}
			for name, signed := range map[string]jose.Algorithm{"signed and encrypted": jose.ES256, "encrypted only": ""} {
				known := w.Confidential(callback, func(m *client.Metadata) {
					m.JWKS = []byte(`{"keys":[` + string(document) + `]}`)
					m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent = how.Algorithm, how.Content
					m.UserInfoEncryptionAlgorithm, m.UserInfoEncryptionContent = how.Algorithm, how.Content
					m.UserInfoAlgorithm = signed
				})
				tokens := w.Tokens(known, w.Ada)
				_, claims := jwt(t, string(open(tokens.Text("id_token"))))
				if claims["sub"] != w.Ada.Subject() || claims["aud"] != known.ClientID {
					t.Errorf("%s: ID token %v", name, claims)
				}
				info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
				if info.Header.Get("Content-Type") != "application/jwt" {
					t.Errorf("%s: %s", name, info.Header.Get("Content-Type"))
				}
				payload := open(info.Body)
				claims = nil
				if signed != "" {
					_, claims = jwt(t, string(payload))
				} else {
					must(t, json.Unmarshal(payload, &claims))
				}
				if claims["sub"] != w.Ada.Subject() || claims["iss"] != w.Issuer || claims["aud"] != known.ClientID {
					t.Errorf("%s: UserInfo %v", name, claims)
				}
			}
		})
	}
}
