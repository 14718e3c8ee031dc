package clientkeys_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/client"
	"authly/internal/clientkeys"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/platform/jwks"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx/testkeys"
)

// party is a client's server, which publishes keys at one address.
type party struct {
	t     *testing.T
	clock *clock.Fake
	keys  *clientkeys.Service
	known client.Client
	asked atomic.Int32
	stop  func()

	mu     sync.Mutex
	status int
	body   []byte
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{t: t, clock: clock.NewFake(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), status: http.StatusOK}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		w.WriteHeader(p.status)
		_, _ = w.Write(p.body)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	p.keys = clientkeys.New(jwks.New(egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed}), p.clock, slog.New(slog.DiscardHandler)))
	p.stop = server.Close
	p.known = client.Client{Metadata: client.Metadata{JWKSURI: server.URL + "/jwks"}}
	return p
}

func newKey(t *testing.T) jose.SigningKey {
	t.Helper()
	return newKeyFor(t, jose.ES256, jose.GenerateKey)
}

func newKeyFor(t *testing.T, algorithm jose.Algorithm, generate func(jose.Algorithm) (crypto.Signer, error)) jose.SigningKey {
	t.Helper()
	signer, err := generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	id, err := jose.KeyID(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{KeyID: id, Algorithm: algorithm, Signer: signer}
}

func (p *party) publish(keys ...jose.SigningKey) {
	p.t.Helper()
	p.answer(http.StatusOK, setOf(p.t, keys...))
}

func setOf(t *testing.T, keys ...jose.SigningKey) json.RawMessage {
	t.Helper()
	public := make([]jose.VerificationKey, len(keys))
	for i, key := range keys {
		public[i] = key.Verification()
	}
	document, err := jose.JWKS(public)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func (p *party) answer(status int, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *party) verify(key jose.SigningKey) error {
	p.t.Helper()
	token, err := jose.Sign(key, jose.TypeJWT, map[string]any{"iss": "me"})
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = p.keys.Verify(p.t.Context(), p.known, token, jose.Expectation{Types: []string{jose.TypeJWT}, Algorithms: jose.Algorithms()})
	return err
}

func (p *party) wantAsked(when string, times int32) {
	p.t.Helper()
	if got := p.asked.Swap(0); got != times {
		p.t.Errorf("%s: asked %d times, want %d", when, got, times)
	}
}

func TestKeysAreFetchedOnceAndAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	p, first, second, nobodys := newParty(t), newKey(t), newKey(t), newKey(t)
	p.publish(first)
	for range 3 {
		if err := p.verify(first); err != nil {
			t.Fatal(err)
		}
	}
	p.wantAsked("the first time", 1)

	// OpenID Connect Core 1.0 section 10.1.1: an unknown kid means that there are new keys.
	p.publish(second)
	p.clock.Advance(10 * time.Second)
	if err := p.verify(second); err != nil {
		t.Errorf("a new key: %v", err)
	}
	p.wantAsked("a new key", 1)
	if err := p.verify(first); !errors.Is(err, jose.ErrInvalidToken) {
		t.Errorf("the key that was taken away: %v", err)
	}

	// Somebody with a kid that nobody has can't make us ask all the time.
	p.clock.Advance(time.Minute)
	p.asked.Store(0)
	for range 20 {
		if err := p.verify(nobodys); !errors.Is(err, jose.ErrUnknownKey) {
			t.Errorf("a key of nobody: %v", err)
		}
	}
	p.wantAsked("twenty wrong kids", 1)

	p.clock.Advance(10 * time.Minute)
	if err := p.verify(second); err != nil {
		t.Error(err)
	}
	p.wantAsked("after ten minutes", 1)
}

func TestAddressThatIsAway(t *testing.T) {
	t.Parallel()
	p, key := newParty(t), newKey(t)
	p.answer(http.StatusInternalServerError, nil)
	for range 5 {
		if err := p.verify(key); !errors.Is(err, clientkeys.ErrNoKeys) {
			t.Errorf("no keys: %v", err)
		}
	}
	p.wantAsked("five failures", 1)

	p.publish(key)
	p.clock.Advance(10 * time.Second)
	if err := p.verify(key); err != nil {
		t.Errorf("back again: %v", err)
	}
	for name, body := range map[string][]byte{"an error": nil, "no JWK Set": []byte("<html>"), "a private key": []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)} {
		status := http.StatusOK
		if body == nil {
			status = http.StatusBadGateway
		}
		p.answer(status, body)
		p.clock.Advance(11 * time.Minute)
		if err := p.verify(key); err != nil {
			t.Errorf("%s: the keys from before were given up: %v", name, err)
		}
	}
	p.clock.Advance(time.Hour)
	if err := p.verify(key); !errors.Is(err, clientkeys.ErrNoKeys) {
		t.Errorf("after an hour of failures: %v", err)
	}
	redirected := newParty(t)
	redirected.answer(http.StatusFound, []byte("{}"))
	if err := redirected.verify(key); !errors.Is(err, clientkeys.ErrNoKeys) {
		t.Errorf("a redirect: %v", err)
	}
}

func TestConcurrentRequestsShareAFetch(t *testing.T) {
	t.Parallel()
	p, key := newParty(t), newKey(t)
	p.publish(key)
	var running sync.WaitGroup
	for range 32 {
		running.Go(func() {
			if err := p.verify(key); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	p.wantAsked("32 at once", 1)
}

func TestKeysInTheRecord(t *testing.T) {
	t.Parallel()
	p, generate := newParty(t), testkeys.OfClients()
	for _, key := range []jose.SigningKey{newKey(t), newKeyFor(t, jose.RS256, generate)} {
		p.known = client.Client{Metadata: client.Metadata{JWKS: setOf(t, key)}}
		if err := p.verify(key); err != nil {
			t.Error(err)
		}
		if err := p.verify(newKey(t)); !errors.Is(err, jose.ErrUnknownKey) {
			t.Error(err)
		}
		other := newKeyFor(t, key.Algorithm, generate)
		other.KeyID = key.KeyID
		if err := p.verify(other); !errors.Is(err, jose.ErrInvalidToken) {
			t.Errorf("another's key of the same name: %v", err)
		}
	}
	for name, keys := range map[string]json.RawMessage{"no keys at all": nil, "what can't be read": json.RawMessage(`{}`)} {
		p.known = client.Client{Metadata: client.Metadata{JWKS: keys}}
		if err := p.verify(newKey(t)); !errors.Is(err, clientkeys.ErrNoKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.wantAsked("without an address", 0)
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	p, generate := newParty(t), testkeys.OfClients()
	first, second := newKeyFor(t, jose.RS256, generate), newKeyFor(t, jose.RS256, generate)
	forEncryption := func(key jose.SigningKey) []byte {
		return []byte(strings.NewReplacer(`"use":"sig"`, `"use":"enc"`, `"alg":"RS256"`, `"alg":"RSA-OAEP-256"`).Replace(string(setOf(t, key))))
	}
	how := client.Encryption{Algorithm: jose.RSAOAEP256, Content: jose.A128CBCHS256}
	open := func(token string, key jose.SigningKey) string {
		parsed, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.RSA_OAEP_256}, []gojose.ContentEncryption{gojose.A128CBC_HS256})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := parsed.Decrypt(key.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(opened)
	}
	p.publish(first) // for signatures
	if _, err := p.keys.Encrypt(t.Context(), p.known, how, "a.b.c"); oauth.CodeOf(err) != oauth.InvalidRequest {
		t.Errorf("no key for encryption: %v", err)
	}
	p.answer(http.StatusOK, forEncryption(second))
	p.clock.Advance(10 * time.Second)
	token, err := p.keys.Encrypt(t.Context(), p.known, how, "a.b.c")
	if err != nil || open(token, second) != "a.b.c" {
		t.Errorf("a key that came later: %q, %v", token, err)
	}
	if token, err = p.keys.EncryptClaims(t.Context(), p.known, how, map[string]string{"sub": "ada"}); err != nil || open(token, second) != `{"sub":"ada"}` {
		t.Errorf("claims: %q, %v", token, err)
	}
	p.stop()
	p.clock.Advance(time.Hour)
	if _, err := p.keys.Encrypt(t.Context(), p.known, how, "a.b.c"); oauth.CodeOf(err) != oauth.InvalidRequest || !errors.Is(err, clientkeys.ErrNoKeys) {
		t.Errorf("nobody answers: %v", err)
	}
	if _, err := p.keys.EncryptClaims(t.Context(), p.known, how, make(chan int)); err == nil || oauth.CodeOf(err) != "" {
		t.Errorf("no JSON: %v", err)
	}
}
