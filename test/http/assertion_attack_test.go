package http_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

func segment(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// forge signs with the client's own P-256 key what no honest library would make:
// any header, any payload.
func forge(t *testing.T, key jose.SigningKey, header, payload string) string {
	t.Helper()
	input := segment([]byte(header)) + "." + segment([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	private, ok := key.Signer.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("a %T", key.Signer)
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
	must(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + segment(signature)
}

func claimsText(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return string(text)
}

// The list "JOSE" of the attacks on servers like this one, against client assertions.
// The signature is good wherever it can be: what is wrong is all that the server has to notice.
func TestClientAssertionAttacks(t *testing.T) {
	t.Parallel()
	ok, refused := Want{Status: http.StatusOK}, Want{Status: http.StatusUnauthorized, Error: oauth.InvalidClient}
	var scenarios []Scenario
	for _, test := range []struct {
		rule, name, members string // members are those of the header besides alg and kid
		want                Want
	}{
		{"", "no more than alg and kid", ``, ok},
		{"", "JA-02 typ in another case and with its prefix", `,"typ":"Application/Client-Authentication+JWT"`, ok},
		{"jose: typ", "rfc8725-3.11 the type of a proof of possession", `,"typ":"dpop+jwt"`, refused},
		{"jose: typ", "rfc8725-3.11 the type of a request object", `,"typ":"oauth-authz-req+jwt"`, refused},
		{"jose: typ", "rfc8725-3.11 the type of a logout token", `,"typ":"logout+jwt"`, refused},
		{"jose: crit", "rfc7515-4.1.11 crit", `,"crit":["exp"],"exp":1`, refused},
		{"jose: crit", "rfc7515-4.1.11 crit with what is known elsewhere", `,"crit":["b64"],"b64":false`, refused},
		{"jose: zip", "zip", `,"zip":"DEF"`, refused},
		{"", "enc, with the work of a password", `,"enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"`, refused},
		{"jose: members twice", "rfc7515-4 kid twice", `,"kid":"x"`, refused},
		{"jose: members twice", "rfc7515-4 alg twice", `,"alg":"none"`, refused},
		{"jose: members twice", "alg twice but for case", `,"ALG":"none"`, refused},
		{"", "x5c that is no certificate", `,"x5c":["AAAA"]`, refused},
	} {
		scenarios = append(scenarios, Scenario{Name: test.name, Rule: test.rule, Want: test.want, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			header := fmt.Sprintf(`{"alg":"ES256","kid":%q%s}`, known.key.KeyID, test.members)
			return w.Post("/oauth/token", asserted(machine(), forge(w.T, known.key, header, claimsText(w.T, w.claims(known, nil)))))
		}})
	}
	for name, make := range map[string]func(w *World, known keyed) string{
		"rfc8725-3.2 none": func(w *World, known keyed) string {
			w.Holds("jose: none")
			return segment([]byte(`{"alg":"none"}`)) + "." + segment([]byte(claimsText(w.T, w.claims(known, nil)))) + "."
		},
		"rfc8725-3.2 none, with the signature of another algorithm": func(w *World, known keyed) string {
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"none","kid":%q}`, known.key.KeyID), claimsText(w.T, w.claims(known, nil)))
		},
		"rfc8725-3.1 an algorithm of another kind of key": func(w *World, known keyed) string {
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"RS256","kid":%q}`, known.key.KeyID), claimsText(w.T, w.claims(known, nil)))
		},
		"cve-2022-21449 a signature of zeros": func(w *World, known keyed) string {
			return segment([]byte(fmt.Sprintf(`{"alg":"ES256","kid":%q}`, known.key.KeyID))) + "." +
				segment([]byte(claimsText(w.T, w.claims(known, nil)))) + "." + segment(make([]byte, 64))
		},
		"a payload that was changed": func(w *World, known keyed) string {
			parts := strings.Split(w.assert(known, jose.TypeJWT, w.claims(known, nil)), ".")
			return parts[0] + "." + segment([]byte(claimsText(w.T, w.claims(known, nil)))) + "." + parts[2]
		},
		"rfc7519-4 sub twice": func(w *World, known keyed) string {
			w.Holds("jose: members twice")
			claims := claimsText(w.T, w.claims(known, nil))
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, known.key.KeyID), fmt.Sprintf(`{"sub":%q,%s`, w.App.ClientID, claims[1:]))
		},
		"aud twice": func(w *World, known keyed) string {
			claims := claimsText(w.T, w.claims(known, nil))
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, known.key.KeyID), `{"aud":"https://other.example",`+claims[1:])
		},
		"claims in another case": func(w *World, known keyed) string {
			claims := strings.Replace(claimsText(w.T, w.claims(known, nil)), `"aud"`, `"AUD"`, 1)
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, known.key.KeyID), claims[:len(claims)-1]+`,"Aud":"https://other.example"}`)
		},
		"nested too deeply": func(w *World, known keyed) string {
			return w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"x": json.RawMessage(strings.Repeat("[", 200) + strings.Repeat("]", 200))}))
		},
		"rfc9101-10.8 a request object that names its client as sub": func(w *World, known keyed) string {
			return w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"response_type": "code", "client_id": known.ClientID}))
		},
		"rfc9101-10.8 a request object without a type and response_type": func(w *World, known keyed) string {
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, known.key.KeyID), claimsText(w.T, w.claims(known, map[string]any{"redirect_uri": callback})))
		},
		"five parts, as an encrypted one has": func(w *World, known keyed) string {
			return w.assert(known, jose.TypeJWT, w.claims(known, nil)) + ".AAAA.AAAA"
		},
		"JSON serialisation": func(w *World, known keyed) string {
			parts := strings.Split(w.assert(known, jose.TypeJWT, w.claims(known, nil)), ".")
			return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
		},
		"another client's kid": func(w *World, known keyed) string {
			other := w.Keyed(jose.ES256, nil)
			return forge(w.T, known.key, fmt.Sprintf(`{"alg":"ES256","kid":%q}`, other.key.KeyID), claimsText(w.T, w.claims(known, nil)))
		},
		"a kid that is a path": func(w *World, known keyed) string {
			return forge(w.T, known.key, `{"alg":"ES256","kid":"../../../../dev/null"}`, claimsText(w.T, w.claims(known, nil)))
		},
		"the server's own token": func(w *World, known keyed) string {
			return w.Tokens(w.App, w.Ada).Text("id_token")
		},
	} {
		scenarios = append(scenarios, Scenario{Name: name, Want: refused, WantNot: []string{"kid", "signature", "aud"}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.Post("/oauth/token", asserted(machine(set("client_id", known.ClientID)), make(w, known)))
		}})
	}
	scenarios = append(scenarios, Scenario{Name: "another client's identifier in an assertion that is the caller's own", Want: refused, Do: func(w *World) testx.Answer {
		known, victim := w.Keyed(jose.ES256, nil), w.Keyed(jose.ES256, nil)
		return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"iss": victim.ClientID, "sub": victim.ClientID}))))
	}}, Scenario{Name: "a huge one", Want: jsonError(http.StatusBadRequest, oauth.InvalidRequest), Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, nil)
		return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"x": strings.Repeat("x", 32<<10)}))))
	}}, Scenario{Name: "a disabled client", Want: refused, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, nil)
		must(w.T, w.Clients.Disable(w.T.Context(), known.ID))
		return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil))))
	}}, Scenario{Name: "the URL of the endpoint that is called, for older practice", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.SecurityProfile = client.ProfileOpenIDLegacy })
		return w.Post("/oauth/revoke", asserted(set("token", "x"), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"aud": w.Issuer + "/oauth/revoke"}))))
	}}, Scenario{Name: "the URL of another endpoint than is called, for older practice", Want: refused, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.SecurityProfile = client.ProfileOpenIDLegacy })
		return w.Post("/oauth/revoke", asserted(set("token", "x"), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"aud": w.Issuer + "/oauth/introspect"}))))
	}}, Scenario{Name: "used at one endpoint, then at another", Want: refused, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, nil)
		assertion := w.assert(known, jose.TypeJWT, w.claims(known, nil))
		if first := w.Post("/oauth/revoke", asserted(set("token", "x"), assertion)); first.Status != http.StatusOK {
			w.T.Errorf("the first use: %s", first.Body)
		}
		return w.Post("/oauth/introspect", asserted(set("token", "x"), assertion))
	}}, Scenario{Name: "an assertion of nobody's is not used up by a wrong signature", Want: ok, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, nil)
		claims, thief := w.claims(known, nil), keyed{known.Client, newSigningKey(w.T, jose.ES256)}
		thief.key.KeyID = known.key.KeyID
		if stolen := w.Post("/oauth/token", asserted(machine(), w.assert(thief, jose.TypeJWT, claims))); stolen.Status != http.StatusUnauthorized {
			w.T.Errorf("somebody else's signature: %s", stolen.Body)
		}
		return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, claims)))
	}}, Scenario{Name: "used up, whatever became of the request", Want: refused, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.ES256, nil)
		assertion := w.assert(known, jose.TypeJWT, w.claims(known, nil))
		if first := w.Post("/oauth/token", asserted(refreshWith("nobody's"), assertion)); first.Text("error") != string(oauth.InvalidGrant) {
			w.T.Errorf("the first use: %s", first.Body)
		}
		return w.Post("/oauth/token", asserted(machine(), assertion))
	}})
	play(t, scenarios)
}

// RFC 8725 section 2.1: everything that is public about an RSA key, taken for the
// secret of an HMAC.
func TestClientAssertionAlgorithmConfusion(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "rfc8725-2.1", Rule: "jose: HS and RS", Want: Want{Status: http.StatusUnauthorized, Error: oauth.InvalidClient}, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.RS256, nil)
		der, err := x509.MarshalPKIXPublicKey(known.key.Signer.Public())
		must(w.T, err)
		jwk, err := jose.PublicJWK(known.key.Verification())
		must(w.T, err)
		var answer testx.Answer
		for _, material := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), jwk, known.JWKS, {}} {
			input := segment([]byte(fmt.Sprintf(`{"alg":"HS256","kid":%q}`, known.key.KeyID))) + "." + segment([]byte(claimsText(w.T, w.claims(known, nil))))
			mac := hmac.New(sha256.New, material)
			mac.Write([]byte(input))
			if answer = w.Post("/oauth/token", asserted(machine(), input+"."+segment(mac.Sum(nil)))); answer.Status == http.StatusOK {
				w.T.Errorf("an HMAC with %.20q is accepted", material)
			}
		}
		return answer
	}}})
}

// To the second (JA-02): exp up to a minute ago and five minutes ahead and one more,
// the others a minute ahead.
func TestClientAssertionTimes(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for _, test := range []struct {
		claim   string
		seconds int64
		status  int
	}{
		{"exp", -60, 401},
		{"exp", -59, 200},
		{"exp", 360, 200},
		{"exp", 361, 401},
		{"nbf", 60, 200},
		{"nbf", 61, 401},
		{"iat", 60, 200},
		{"iat", 61, 401},
		{"iat", -3600, 200},
		{"nbf", -3600, 200},
	} {
		scenarios = append(scenarios, Scenario{Name: fmt.Sprintf("%s %d", test.claim, test.seconds), Rule: "jose: edges of the clock", Want: Want{Status: test.status}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			changes := map[string]any{test.claim: w.Clock.Now().Unix() + test.seconds}
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, changes))))
		}})
	}
	for seconds, status := range map[int64]int{3660: 200, 3661: 401} { // an hour and a minute for older practice
		scenarios = append(scenarios, Scenario{Name: fmt.Sprintf("exp %d, for older practice", seconds), Want: Want{Status: status}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.SecurityProfile = client.ProfileOpenIDLegacy })
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"exp": w.Clock.Now().Unix() + seconds}))))
		}})
	}
	for name, changes := range map[string]map[string]any{
		"exp is null": {"exp": json.RawMessage("null")}, "exp negative": {"exp": -1}, "exp beyond a float": {"exp": json.RawMessage("1e999")},
		"nbf is a text": {"nbf": "0"}, "iat beyond all times": {"iat": 1e300}, "jti is a number": {"jti": 1}, "jti empty": {"jti": ""},
		"iss in a list": {"iss": []string{"x"}}, "aud is null": {"aud": json.RawMessage("null")}, "aud is empty": {"aud": []string{}}, "aud is an object": {"aud": map[string]any{}},
	} {
		scenarios = append(scenarios, Scenario{Name: name, Want: Want{Status: 401, Error: oauth.InvalidClient}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, changes))))
		}})
	}
	play(t, scenarios)
}

// keyServer publishes what it is told to, and counts who asks.
type keyServer struct {
	*httptest.Server
	text  atomic.Pointer[string]
	asked atomic.Int32
}

func newKeyServer(t *testing.T) *keyServer {
	t.Helper()
	server := &keyServer{}
	server.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		server.asked.Add(1)
		if text := server.text.Load(); text != nil {
			_, _ = io.WriteString(w, *text)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func (s *keyServer) publish(t *testing.T, key jose.SigningKey) {
	t.Helper()
	document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
	must(t, err)
	text := string(document)
	s.text.Store(&text)
}

// Keys that an attacker brings along are neither used nor fetched, even where the
// server could reach them (RFC 8725 section 3.10).
func TestKeysInAnAssertionAreNotUsed(t *testing.T) {
	t.Parallel()
	loopback := testx.WithConfig(func(c *config.Config) { c.Egress.AllowLoopback = true })
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "jose: jku, x5u, jwk")
			w, evil := newWorld(t, engine, loopback), newKeyServer(t)
			known, own := w.Keyed(jose.ES256, nil), newSigningKey(t, jose.ES256)
			evil.publish(t, own)
			jwk, err := jose.PublicJWK(own.Verification())
			must(t, err)
			for name, members := range map[string]string{
				"jku": `"jku":"` + evil.URL + `/jwks"`, "x5u": `"x5u":"` + evil.URL + `/certificate"`, "jwk": `"jwk":` + string(jwk),
				"all of them": `"jku":"` + evil.URL + `/jwks","x5u":"` + evil.URL + `/certificate","jwk":` + string(jwk),
			} {
				for _, keyID := range []string{known.key.KeyID, own.KeyID} {
					header := fmt.Sprintf(`{"alg":"ES256","kid":%q,%s}`, keyID, members)
					answer := w.Post("/oauth/token", asserted(machine(), forge(t, own, header, claimsText(t, w.claims(known, nil)))))
					if answer.Status != http.StatusUnauthorized || answer.Text("error") != string(oauth.InvalidClient) {
						t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
					}
				}
				header := fmt.Sprintf(`{"alg":"ES256","kid":%q,%s}`, known.key.KeyID, members)
				if answer := w.Post("/oauth/token", asserted(machine(), forge(t, known.key, header, claimsText(t, w.claims(known, nil))))); answer.Status != http.StatusOK {
					t.Errorf("%s beside the client's own key: %d %s", name, answer.Status, answer.Body)
				}
			}
			if asked := evil.asked.Load(); asked != 0 {
				t.Errorf("the attacker was asked %d times", asked)
			}
		})
	}
}

// A client that publishes its keys at an address, and changes them (OpenID Connect
// Core 1.0 section 10.1.1). Without the setting, addresses on this machine are not asked.
func TestClientWithAnAddressOfKeys(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "egress: jwks_uri")
			for _, isAllowed := range []bool{true, false} {
				w := newWorld(t, engine, testx.WithConfig(func(c *config.Config) { c.Egress.AllowLoopback = isAllowed }))
				away, first, second := newKeyServer(t), newSigningKey(t, jose.ES256), newSigningKey(t, jose.ES256)
				known := keyed{w.Confidential(callback, func(m *client.Metadata) {
					m.AuthenticationMethod, m.JWKSURI = oauth.PrivateKeyJWT, "https://nowhere.invalid/jwks"
				}), first}
				// Where this machine is not asked, no interface takes such an address; a record from before may have one.
				_, err := w.Database().Write(t.Context()).Exec(t.Context(), `UPDATE clients SET jwks_uri = $1 WHERE id = $2`, away.URL+"/jwks", known.ID)
				must(t, err)
				status := func() int {
					return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, nil)))).Status
				}
				away.publish(t, first)
				if !isAllowed {
					if got, asked := status(), away.asked.Load(); got != http.StatusUnauthorized || asked != 0 {
						t.Errorf("not allowed: %d, asked %d times", got, asked)
					}
					continue
				}
				if got := status(); got != http.StatusOK {
					t.Errorf("the first key: %d", got)
				}
				away.publish(t, second)
				w.Clock.Advance(10 * time.Second)
				known.key = second
				if got := status(); got != http.StatusOK {
					t.Errorf("the next key: %d", got)
				}
				known.key = first
				if got := status(); got != http.StatusUnauthorized {
					t.Errorf("the key before: %d", got)
				}
				if asked := away.asked.Load(); asked != 2 {
					t.Errorf("asked %d times", asked)
				}
			}
		})
	}
}
