package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
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

// ErrUnavailable is returned where no usable keys are cached and none can be fetched.
var ErrUnavailable = errors.New("the key set can't be had")

// Fetcher asks an address; [egress.Client] does.
type Fetcher interface {
	Do(ctx context.Context, request egress.Request) (egress.Response, error)
}

// Cache keeps key sets by their address. It is safe for concurrent use.
type Cache struct {
	fetcher  Fetcher
	clock    clock.Clock
	logger   *slog.Logger
	fetching singleflight.Group
	turns    chan struct{} // has an entry for each fetch that is running

	mu     sync.Mutex
	cached map[string]entry // by address
}

// entry is what is cached of one address.
type entry struct {
	set       jose.KeySet
	fetchedAt time.Time // zero: never
	triedAt   time.Time
}

// New returns an empty cache.
func New(fetcher Fetcher, at clock.Clock, logger *slog.Logger) *Cache {
	return &Cache{fetcher: fetcher, clock: at, logger: logger, turns: make(chan struct{}, maxFetches), cached: map[string]entry{}}
}

// Use calls work with the key set of an address, and once more with a newer one if the error of
// work wraps [jose.ErrUnknownKey]. The error is that of work, or wraps [ErrUnavailable].
func (c *Cache) Use(ctx context.Context, address string, work func(jose.KeySet) error) error {
	set, err := c.usable(ctx, address)
	if err != nil {
		return err
	}
	if err = work(set); !errors.Is(err, jose.ErrUnknownKey) {
		return err
	}
	c.fetch(ctx, address)
	return work(c.entry(address).set)
}

// usable returns a key set that may be used, from memory or from its address.
func (c *Cache) usable(ctx context.Context, address string) (jose.KeySet, error) {
	cached := c.entry(address)
	if cached.isUsable(c.clock.Now(), freshFor) {
		return cached.set, nil
	}
	c.fetch(ctx, address)
	// The time is asked anew: what was fetched meanwhile is not from the future.
	if cached = c.entry(address); cached.isUsable(c.clock.Now(), usableFor) {
		return cached.set, nil
	}
	return jose.KeySet{}, ErrUnavailable
}

// isUsable reports whether the keys are there and new enough. Keys from the future are
// not: the clock was set back, and their age is unknown.
func (e entry) isUsable(now time.Time, within time.Duration) bool {
	age := now.Sub(e.fetchedAt)
	return !e.fetchedAt.IsZero() && age >= 0 && age < within
}

func (c *Cache) entry(address string) entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cached[address]
}

// fetch asks the address, unless that was done a moment ago; [Cache.entry] has the outcome.
// Calls at the same time share the answer, so that it must not end with the request of the first.
func (c *Cache) fetch(ctx context.Context, address string) {
	_, _, _ = c.fetching.Do(address, func() (any, error) {
		now := c.clock.Now()
		if since := now.Sub(c.entry(address).triedAt); since >= 0 && since < betweenTries {
			return nil, nil
		}
		c.change(address, func(e *entry) { e.triedAt = now })
		set, err := c.ask(context.WithoutCancel(ctx), address)
		if err != nil {
			c.logger.WarnContext(ctx, "fetching a key set failed", slog.Any("error", err))
			return nil, nil
		}
		c.change(address, func(e *entry) { e.set, e.fetchedAt, e.triedAt = set, now, now })
		return nil, nil
	})
}

// change changes the entry of an address, and makes room for a new one.
func (c *Cache) change(address string, change func(*entry)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, there := c.cached[address]
	for !there && len(c.cached) >= maxCachedSets {
		oldest := ""
		for other, cached := range c.cached {
			if oldest == "" || cached.triedAt.Before(c.cached[oldest].triedAt) {
				oldest = other
			}
		}
		delete(c.cached, oldest)
	}
	change(&changed)
	c.cached[address] = changed
}

func (c *Cache) ask(ctx context.Context, address string) (jose.KeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return jose.KeySet{}, fmt.Errorf("too many fetches at one time: %w", ctx.Err())
	}
	answer, err := c.fetcher.Do(ctx, egress.Request{URL: address, Accept: "application/jwk-set+json, application/json", MaxBytes: jose.MaxKeySetBytes})
	if err != nil {
		return jose.KeySet{}, err
	}
	if !answer.IsOK() {
		return jose.KeySet{}, fmt.Errorf("the answer has the status %d", answer.Status)
	}
	return jose.ParseKeySet(answer.Body)
}
