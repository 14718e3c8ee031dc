package jwks_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/platform/jwks"
	"authly/internal/protocol/jose"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func namedKey(t *testing.T, keyID string) jose.SigningKey {
	t.Helper()
	signer, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{KeyID: keyID, Algorithm: jose.ES256, Signer: signer}
}

func setText(t *testing.T, keys ...jose.SigningKey) string {
	t.Helper()
	var public []jose.VerificationKey
	for _, key := range keys {
		public = append(public, key.Verification())
	}
	text, err := jose.JWKS(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sign(t *testing.T, key jose.SigningKey) string {
	t.Helper()
	token, err := jose.Sign(key, jose.TypeJWT, map[string]string{"sub": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// publisher is a web server that publishes keys.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(http.ResponseWriter)
	asked  atomic.Int32
}

func (p *publisher) serves(answer func(http.ResponseWriter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *publisher) servesText(text string) {
	p.serves(func(w http.ResponseWriter) { _, _ = io.WriteString(w, text) })
}

type world struct {
	cache   *jwks.Cache
	clock   *clock.Fake
	party   *publisher
	address string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	away := &publisher{}
	away.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		away.asked.Add(1)
		away.mu.Lock()
		answer := away.answer
		away.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(away.Close)
	now := clock.NewFake(noon)
	return &world{
		cache: jwks.New(egress.New(egress.Options{Loopback: egress.LoopbackAllowed}), now, slog.New(slog.DiscardHandler)),
		clock: now, party: away, address: away.URL + "/jwks",
	}
}

func (w *world) verify(t *testing.T, token string) error {
	t.Helper()
	var payload []byte
	err := w.cache.Use(t.Context(), w.address, func(set jose.KeySet) (err error) {
		payload, err = set.Verify(token, jose.Expectation{Algorithms: jose.Algorithms(), Types: []string{jose.TypeJWT}})
		return err
	})
	if err == nil && string(payload) != `{"sub":"ada"}` {
		t.Errorf("payload %s", payload)
	}
	return err
}

// expect checks a verification and how often the address was asked by then.
func (w *world) expect(t *testing.T, story, token string, want error, asked int32) {
	t.Helper()
	if err := w.verify(t, token); !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("%s: %v, want %v", story, err, want)
	}
	if got := w.party.asked.Load(); got != asked {
		t.Errorf("%s: the address was asked %d times, want %d", story, got, asked)
	}
}

func TestLifeOfFetchedKeys(t *testing.T) {
	t.Parallel()
	w, first, second, third := newWorld(t), namedKey(t, "1"), namedKey(t, "2"), namedKey(t, "3")
	w.party.servesText(setText(t, first))
	w.expect(t, "the first time", sign(t, first), nil, 1)
	w.clock.Advance(9 * time.Minute)
	w.expect(t, "while they are fresh", sign(t, first), nil, 1)
	w.clock.Advance(time.Minute)
	w.expect(t, "when they no longer are", sign(t, first), nil, 2)

	// The client changes its key.
	w.party.servesText(setText(t, second))
	w.expect(t, "a new key too soon after the last request", sign(t, second), jose.ErrUnknownKey, 2)
	w.clock.Advance(10 * time.Second)
	w.expect(t, "a new key", sign(t, second), nil, 3)
	w.expect(t, "the key that it withdrew", sign(t, first), jose.ErrInvalidToken, 3)
	for range 100 {
		w.expect(t, "a key that nobody has, again and again", sign(t, third), jose.ErrInvalidToken, 3)
	}
	w.clock.Advance(10 * time.Second)
	w.expect(t, "and later", sign(t, third), jose.ErrUnknownKey, 4)

	// Its web server goes away.
	w.party.serves(func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	w.clock.Advance(10 * time.Minute)
	w.expect(t, "ageing", sign(t, second), nil, 5)
	w.expect(t, "ageing, and asked a moment ago", sign(t, second), nil, 5)
	w.clock.Advance(49 * time.Minute)
	w.expect(t, "just not gone", sign(t, second), nil, 6)
	w.clock.Advance(time.Minute)
	w.expect(t, "gone", sign(t, second), jwks.ErrUnavailable, 7)
	w.expect(t, "gone, and asked a moment ago", sign(t, second), jwks.ErrUnavailable, 7)
	w.party.servesText(setText(t, second))
	w.expect(t, "back, but asked a moment ago", sign(t, second), jwks.ErrUnavailable, 7)
	w.clock.Advance(10 * time.Second)
	w.expect(t, "back", sign(t, second), nil, 8)
	w.clock.Advance(-24 * time.Hour)
	w.expect(t, "after the clock was set back", sign(t, second), nil, 9)
}

func TestAnswersThatAreNoKeySet(t *testing.T) {
	t.Parallel()
	key := namedKey(t, "1")
	good := setText(t, key)
	for name, answer := range map[string]func(http.ResponseWriter){
		"not found":    func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound); _, _ = io.WriteString(w, good) },
		"created":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated); _, _ = io.WriteString(w, good) },
		"a redirect":   func(w http.ResponseWriter) { w.Header().Set("Location", "/jwks2"); w.WriteHeader(http.StatusFound) },
		"too large":    func(w http.ResponseWriter) { _, _ = io.WriteString(w, good+strings.Repeat(" ", jose.MaxKeySetBytes)) },
		"a page":       func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"empty":        func(http.ResponseWriter) {},
		"a secret key": func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"keys":[{"kty":"oct","k":"AAAA"}]}`) },
		"cut off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, good)
		},
	} {
		w := newWorld(t)
		w.party.serves(answer)
		w.expect(t, name, sign(t, key), jwks.ErrUnavailable, 1)
		w.expect(t, name+", again", sign(t, key), jwks.ErrUnavailable, 1)
	}
	w := newWorld(t)
	w.cache = jwks.New(egress.New(egress.Options{}), w.clock, slog.New(slog.DiscardHandler))
	w.party.servesText(good)
	w.expect(t, "loopback is not allowed", sign(t, key), jwks.ErrUnavailable, 0)
	w.address = "https://169.254.169.254/latest/meta-data/"
	w.expect(t, "the metadata of a cloud", sign(t, key), jwks.ErrUnavailable, 0)
}

// However many want the keys at once, the address is asked once.
func TestRequestsAreShared(t *testing.T) {
	t.Parallel()
	w, first, second := newWorld(t), namedKey(t, "1"), namedKey(t, "2")
	for round, key := range []jose.SigningKey{first, second} {
		text, arrived := setText(t, key), make(chan struct{})
		w.party.serves(func(w http.ResponseWriter) {
			<-arrived
			_, _ = io.WriteString(w, text)
		})
		w.clock.Advance(10 * time.Second)
		token := sign(t, key)
		var waiting sync.WaitGroup
		for range 32 {
			waiting.Go(func() {
				if err := w.verify(t, token); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		close(arrived)
		waiting.Wait()
		if got := w.party.asked.Load(); int(got) != round+1 {
			t.Errorf("round %d: asked %d times", round, got)
		}
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	t.Parallel()
	w, key := newWorld(t), namedKey(t, "1")
	w.party.servesText(setText(t, key))
	token, address := sign(t, key), w.party.URL
	for i := range 513 {
		w.address = fmt.Sprintf("%s/%d", address, i)
		w.expect(t, "each of many", token, nil, int32(i+1))
		w.clock.Advance(time.Millisecond)
	}
	w.address = address + "/512"
	w.expect(t, "the last is known", token, nil, 513)
	w.address = address + "/1"
	w.expect(t, "so is the second", token, nil, 513)
	w.address = address + "/0"
	w.expect(t, "the first was forgotten", token, nil, 514)
}

// ticking is a clock that moves on whenever somebody looks, as real ones do.
type ticking struct{ *clock.Fake }

func (t ticking) Now() time.Time {
	t.Advance(time.Millisecond)
	return t.Fake.Now()
}

// Keys that are fetched for a request are good for that very request, although they
// are newer than it.
func TestKeysAreGoodForTheRequestThatFetchedThem(t *testing.T) {
	t.Parallel()
	w, key := newWorld(t), namedKey(t, "one")
	w.party.servesText(setText(t, key))
	w.cache = jwks.New(egress.New(egress.Options{Loopback: egress.LoopbackAllowed}), ticking{w.clock}, slog.New(slog.DiscardHandler))
	if err := w.verify(t, sign(t, key)); err != nil {
		t.Error(err)
	}
}
