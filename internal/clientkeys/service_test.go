package clientkeys_test

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/clientkeys"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
)

// party is a client's server, which publishes keys at one address.
type party struct {
	t     *testing.T
	clock *clock.Fake
	keys  *clientkeys.Service
	known client.Client
	asked atomic.Int32

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
	p.keys = clientkeys.New(clientkeys.Deps{
		Egress: egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed}), Clock: p.clock, Logger: slog.New(slog.DiscardHandler),
	})
	p.known = client.Client{Metadata: client.Metadata{JWKSURI: server.URL + "/jwks"}}
	return p
}

func newKey(t *testing.T) jose.SigningKey {
	t.Helper()
	signer, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := jose.KeyID(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{KeyID: id, Algorithm: jose.ES256, Signer: signer}
}

func (p *party) publish(keys ...jose.SigningKey) {
	p.t.Helper()
	public := make([]jose.VerificationKey, len(keys))
	for i, key := range keys {
		public[i] = key.Verification()
	}
	document, err := jose.JWKS(public)
	if err != nil {
		p.t.Fatal(err)
	}
	p.answer(http.StatusOK, document)
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
	p, key := newParty(t), newKey(t)
	document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
	if err != nil {
		t.Fatal(err)
	}
	p.known = client.Client{Metadata: client.Metadata{JWKS: document}}
	if err := p.verify(key); err != nil {
		t.Error(err)
	}
	if err := p.verify(newKey(t)); !errors.Is(err, jose.ErrUnknownKey) {
		t.Error(err)
	}
	p.known = client.Client{}
	if err := p.verify(key); !errors.Is(err, clientkeys.ErrNoKeys) {
		t.Error(err)
	}
	p.wantAsked("without an address", 0)
}
