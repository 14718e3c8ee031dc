package clientkeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// How long fetched keys are used; see the package comment.
const (
	freshFor     = 10 * time.Minute
	usableFor    = time.Hour
	betweenTries = 10 * time.Second
	// fetchTimeout bounds a fetch, the wait for its turn included.
	fetchTimeout = 5 * time.Second

	// At most 512 sets of 64 KiB; and so many fetches at one time, whatever the addresses.
	maxCachedSets = 512
	maxFetches    = 32
)

// ErrNoKeys is returned for a client without keys, or whose keys can't be had now.
var ErrNoKeys = errors.New("the client's keys can't be had")

// Asker asks an address that a client registered.
type Asker interface {
	Do(ctx context.Context, request egress.Request) (egress.Response, error)
}

// Deps is what the service needs.
type Deps struct {
	Egress Asker
	Clock  clock.Clock
	Logger *slog.Logger
}

// Service finds the keys of clients. It is safe for concurrent use.
type Service struct {
	egress   Asker
	clock    clock.Clock
	logger   *slog.Logger
	fetching singleflight.Group
	turns    chan struct{} // has an entry for each fetch that is under way

	mu     sync.Mutex
	cached map[string]entry // by address
}

// entry is what is known about one address.
type entry struct {
	set       jose.KeySet
	fetchedAt time.Time // zero: never
	triedAt   time.Time
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		egress: deps.Egress, clock: deps.Clock, logger: deps.Logger, turns: make(chan struct{}, maxFetches), cached: map[string]entry{},
	}
}

// Verify checks the signature of a token that a client made, and returns its
// payload. The error wraps [jose.ErrInvalidToken] or [ErrNoKeys].
func (s *Service) Verify(ctx context.Context, known client.Client, token string, expected jose.Expectation) ([]byte, error) {
	var payload []byte
	err := s.with(ctx, known, func(set jose.KeySet) (err error) {
		payload, err = set.Verify(token, expected)
		return err
	})
	return payload, err
}

// with lets work use the client's keys, and once more with newer ones if it missed a key.
func (s *Service) with(ctx context.Context, known client.Client, work func(jose.KeySet) error) error {
	set, err := s.keys(ctx, known)
	if err != nil {
		return err
	}
	if err = work(set); !errors.Is(err, jose.ErrUnknownKey) || known.JWKSURI == "" {
		return err
	}
	s.fetch(ctx, known.JWKSURI)
	return work(s.held(known.JWKSURI).set)
}

// Encrypt returns a signed token as a nested JWT for a client (RFC 7519 section
// 5.2). A client that has no key for that is told so by an [*oauth.Error]: it is not
// a failure of this server.
func (s *Service) Encrypt(ctx context.Context, known client.Client, how client.Encryption, signed string) (string, error) {
	return s.encrypt(ctx, known, how, jose.ContentJWT, []byte(signed))
}

// EncryptClaims returns claims as an encrypted JWT that is not signed; see Encrypt.
func (s *Service) EncryptClaims(ctx context.Context, known client.Client, how client.Encryption, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	return s.encrypt(ctx, known, how, jose.ContentClaims, payload)
}

func (s *Service) encrypt(ctx context.Context, known client.Client, how client.Encryption, kind jose.TypeOfContent, payload []byte) (string, error) {
	var token string
	err := s.with(ctx, known, func(set jose.KeySet) (err error) {
		token, err = set.Encrypt(how.Algorithm, how.Content, payload, kind)
		return err
	})
	if errors.Is(err, ErrNoKeys) || errors.Is(err, jose.ErrUnknownKey) {
		return "", oauth.Refuse(oauth.InvalidRequest, "the client has no key to encrypt to").Because(err)
	}
	return token, err
}

// keys returns the client's keys, from its record, from memory, or from its address.
func (s *Service) keys(ctx context.Context, known client.Client) (jose.KeySet, error) {
	if len(known.JWKS) > 0 {
		set, err := jose.ParseKeySet(known.JWKS)
		if err != nil {
			return jose.KeySet{}, fmt.Errorf("%w: %w", ErrNoKeys, err)
		}
		return set, nil
	}
	if known.JWKSURI == "" {
		return jose.KeySet{}, ErrNoKeys
	}
	held := s.held(known.JWKSURI)
	if held.isUsable(s.clock.Now(), freshFor) {
		return held.set, nil
	}
	s.fetch(ctx, known.JWKSURI)
	// The time is asked anew: what was fetched meanwhile is not from the future.
	if held = s.held(known.JWKSURI); held.isUsable(s.clock.Now(), usableFor) {
		return held.set, nil
	}
	return jose.KeySet{}, ErrNoKeys
}

// isUsable tells whether the keys are there and new enough. Keys from the future are
// not: the clock was set back, and how old they are is unknown.
func (e entry) isUsable(now time.Time, within time.Duration) bool {
	since := now.Sub(e.fetchedAt)
	return !e.fetchedAt.IsZero() && since >= 0 && since < within
}

func (s *Service) held(address string) entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cached[address]
}

// fetch asks the address, unless that was done a moment ago; [Service.held] has the
// outcome. Whoever comes meanwhile waits for the same answer, so that it must not end with
// the request of the first.
func (s *Service) fetch(ctx context.Context, address string) {
	_, _, _ = s.fetching.Do(address, func() (any, error) {
		now := s.clock.Now()
		if since := now.Sub(s.held(address).triedAt); since >= 0 && since < betweenTries {
			return nil, nil
		}
		s.note(address, func(known *entry) { known.triedAt = now })
		set, err := s.ask(context.WithoutCancel(ctx), address)
		if err != nil {
			s.logger.WarnContext(ctx, "the keys of a client can't be fetched", slog.Any("error", err))
			return nil, nil
		}
		s.note(address, func(known *entry) { known.set, known.fetchedAt, known.triedAt = set, now, now })
		return nil, nil
	})
}

// note changes what is known about an address, and makes room for it.
func (s *Service) note(address string, change func(known *entry)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, there := s.cached[address]
	for !there && len(s.cached) >= maxCachedSets {
		oldest := ""
		for other, held := range s.cached {
			if oldest == "" || held.triedAt.Before(s.cached[oldest].triedAt) {
				oldest = other
			}
		}
		delete(s.cached, oldest)
	}
	change(&known)
	s.cached[address] = known
}

func (s *Service) ask(ctx context.Context, address string) (jose.KeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return jose.KeySet{}, fmt.Errorf("fetch a client's keys: too many at one time: %w", ctx.Err())
	}
	answer, err := s.egress.Do(ctx, egress.Request{URL: address, Accept: "application/jwk-set+json, application/json", MaxBytes: jose.MaxKeySetBytes})
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("fetch a client's keys: %w", err)
	}
	if !answer.IsOK() {
		return jose.KeySet{}, fmt.Errorf("fetch a client's keys: the answer has the status %d", answer.Status)
	}
	return jose.ParseKeySet(answer.Body)
}
