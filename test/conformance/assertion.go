package conformance

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/platform/clock"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// keyPair is an RSA key of a client that the kit registers.
type keyPair struct {
	id      string
	private *rsa.PrivateKey
	// embedded puts the public key into the header of what is signed.
	embedded bool
}

// keyPairs are made once for a run, since making one takes a while.
type keyPairs struct {
	once sync.Once
	all  [2]keyPair
}

// keyPair returns one of two keys.
func (p *probe) keyPair(number int) keyPair {
	p.env.keyPairs.once.Do(func() {
		for i := range p.env.keyPairs.all {
			private, err := rsa.GenerateKey(rand.Reader, 2048)
			p.must(err == nil, "make a key: %v", err)
			p.env.keyPairs.all[i] = keyPair{id: rand.Text(), private: private}
		}
	})
	return p.env.keyPairs.all[number]
}

// set returns the public keys as a client publishes them: one to verify with and one
// to encrypt to.
func (k keyPair) set() map[string]any {
	return map[string]any{"keys": []gojose.JSONWebKey{
		{Key: k.private.Public(), KeyID: k.id, Algorithm: "RS256", Use: "sig"},
		{Key: k.private.Public(), KeyID: k.id + "-enc", Algorithm: "RSA-OAEP-256", Use: "enc"},
	}}
}

func (k keyPair) document(p *probe) []byte {
	encoded, err := json.Marshal(k.set())
	p.must(err == nil, "%v", err)
	return encoded
}

// sign makes a JWT of claims.
func (k keyPair) sign(p *probe, claims map[string]any) string {
	options := (&gojose.SignerOptions{EmbedJWK: k.embedded}).WithType("JWT")
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.RS256, Key: gojose.JSONWebKey{Key: k.private, KeyID: k.id}}, options)
	p.must(err == nil, "%v", err)
	payload, err := json.Marshal(claims)
	p.must(err == nil, "%v", err)
	signed, err := signer.Sign(payload)
	p.must(err == nil, "%v", err)
	token, err := signed.CompactSerialize()
	p.must(err == nil, "%v", err)
	return token
}

// assertion proves that it is the client (RFC 7523 section 3). Changes are of the claims.
func (p *probe) assertion(c Client, changes map[string]any) string {
	now := clock.System().Now().Unix()
	claims := map[string]any{"iss": c.ID, "sub": c.ID, "aud": p.env.Issuer, "jti": rand.Text(), "iat": now, "exp": now + 60}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return c.key.sign(p, claims)
}

// asserted is a token request with an assertion.
func (p *probe) asserted(assertion string, form url.Values) answer {
	sent := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	for name, values := range form {
		sent[name] = values
	}
	return p.post(p.endpoint("token_endpoint"), sent)
}

// assertionChecks are about private_key_jwt.
func assertionChecks() []Check {
	const rfc7523 = "RFC 7523"
	byKey := func(p *probe) Client {
		p.needs("token_endpoint_auth_methods_supported", "private_key_jwt")
		return p.dynamic(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": p.keyPair(0).set()})
	}
	unknownCode := url.Values{"grant_type": {"authorization_code"}, "code": {"nonsense"}, "redirect_uri": {dynamicCallback}}
	refused := func(id, title string, make func(p *probe, c Client) string) Check {
		return Check{"rfc7523-3-" + id, rfc7523, "3", title, func(p *probe) {
			got := p.asserted(make(p, byKey(p)), unknownCode)
			p.must(got.status == http.StatusUnauthorized || got.status == http.StatusBadRequest, "the answer is %s", got.says())
			p.must(got.text("error") == "invalid_client" || got.text("error") == "invalid_request", "the error is %q", got.text("error"))
		}}
	}
	altered := func(id, title string, changes func(p *probe) map[string]any) Check {
		return refused(id, title, func(p *probe, c Client) string { return p.assertion(c, changes(p)) })
	}
	at := func(seconds int64) int64 { return clock.System().Now().Unix() + seconds }
	return []Check{
		{"core-9-private-key-jwt", core, "9", "private_key_jwt works with the issuer as its audience", func(p *probe) { p.signIn(byKey(p)) }},
		{"registration-2-jwks-uri", registration, "2", "private_key_jwt works with keys that are fetched from jwks_uri", func(p *probe) {
			p.needs("token_endpoint_auth_methods_supported", "private_key_jwt")
			address := p.receiver().serve("application/json", p.keyPair(0).document(p))
			p.signIn(p.dynamic(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": address}))
		}},
		{"core-10.1.1-rotation", core, "10.1.1", "a client that replaces the key at its jwks_uri is known by the new one within a minute", func(p *probe) {
			p.needs("token_endpoint_auth_methods_supported", "private_key_jwt")
			keys := p.receiver()
			address := keys.serve("application/json", p.keyPair(0).document(p))
			c := p.dynamic(map[string]any{
				"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": address, "grant_types": []string{"authorization_code", "refresh_token"},
			})
			made := p.signIn(c, with("scope", "openid offline_access"), with("prompt", "consent"))
			if made.tokens.text("refresh_token") == "" {
				p.skip("the client gets no refresh token")
			}
			next := p.keyPair(1)
			keys.replace(address, "application/json", next.document(p))
			c.key = &next
			var got answer
			for range 30 {
				if got = p.token(c, refreshWith(made.tokens.text("refresh_token"))); got.status == http.StatusOK {
					return
				}
				p.pause(2 * time.Second)
			}
			p.fail("after a minute the answer is still %s", got.says())
		}},
		refused("replay", "an assertion is refused the second time", func(p *probe, c Client) string {
			used := p.assertion(c, nil)
			p.refusal(p.asserted(used, unknownCode), http.StatusBadRequest, "invalid_grant")
			return used
		}),
		altered("audience", "an assertion for somebody else is refused", func(*probe) map[string]any { return map[string]any{"aud": "https://evil.example"} }),
		altered("expired", "an assertion that has expired is refused", func(*probe) map[string]any { return map[string]any{"iat": at(-600), "exp": at(-300)} }),
		altered("no-exp", "an assertion that never expires is refused", func(*probe) map[string]any { return map[string]any{"exp": nil} }),
		altered("subject", "an assertion about another client is refused", func(*probe) map[string]any { return map[string]any{"sub": "somebody-else"} }),
		altered("issuer", "an assertion by another client is refused", func(*probe) map[string]any { return map[string]any{"iss": "somebody-else"} }),
		altered("early", "an assertion that is not valid yet is refused", func(*probe) map[string]any {
			return map[string]any{"nbf": at(3600), "iat": at(3600), "exp": at(3660)}
		}),
		refused("signature", "an assertion that was signed with another key is refused", func(p *probe, c Client) string {
			other := p.keyPair(1)
			other.id, c.key = c.key.id, &other
			return p.assertion(c, nil)
		}),
		refused("unsigned", "an assertion without a signature is refused", func(p *probe, c Client) string { return unsigned(p.assertion(c, nil)) }),
		refused("confusion", "an assertion whose signature is a MAC with the public key is refused", func(p *probe, c Client) string { return confused(p, c, p.assertion(c, nil)) }),
		refused("embedded-key", "an assertion that brings its own key along is refused", func(p *probe, c Client) string {
			other := p.keyPair(1)
			other.embedded, c.key = true, &other
			return p.assertion(c, nil)
		}),
		{"rfc7521-4.2-client-id", "RFC 7521", "4.2", "a client_id beside the assertion has to be the same", func(p *probe) {
			c := byKey(p)
			form := url.Values{"client_id": {"somebody-else"}, "grant_type": {"authorization_code"}, "code": {"nonsense"}}
			got := p.asserted(p.assertion(c, nil), form)
			p.must(got.text("error") == "invalid_client" || got.text("error") == "invalid_request", "the answer is %s", got.says())
		}},
		{"core-9-registered-method", core, "9", "a client for private_key_jwt can't come without an assertion", func(p *probe) {
			c := byKey(p)
			form := url.Values{"client_id": {c.ID}, "grant_type": {"authorization_code"}, "code": {"nonsense"}}
			p.refusal(p.post(p.endpoint("token_endpoint"), form), http.StatusUnauthorized, "invalid_client")
		}},
	}
}

// confused signs what is in a token with HMAC, and with the text of the client's
// public key as the secret (RFC 8725 section 2.1).
func confused(p *probe, c Client, token string) string {
	public, err := x509.MarshalPKIXPublicKey(c.key.private.Public())
	p.must(err == nil, "%v", err)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	header := fmt.Sprintf(`{"alg":"HS256","typ":"JWT","kid":%q}`, c.key.id)
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(token, ".")[1]
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
