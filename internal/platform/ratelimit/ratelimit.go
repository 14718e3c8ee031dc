package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/protocol/policy"
)

// Rate is how much is allowed.
type Rate = policy.Rate

// ClockSkew is how far the clocks of the nodes that share a store may differ. A store
// remembers a subject that much longer than it counts, since a late node may
// still count it.
const ClockSkew = time.Second

// MaxPeriod bounds how long a store has to remember a subject.
const MaxPeriod = 366 * 24 * time.Hour

// Limit is a rate with the name under which attempts are counted.
type Limit struct {
	Name string
	Rate Rate
}

// Decision is the outcome of an attempt.
type Decision struct {
	Allowed bool
	// RetryAfter is how long to wait for an attempt to be allowed; 0 if this one was.
	RetryAfter time.Duration
}

// Key stands for one subject under one limit.
type Key [sha256.Size]byte

// KeyOf returns the key of a subject under the limit of the given name.
func KeyOf(name, subject string) Key {
	hash := sha256.New()
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(name)))
	_, _ = hash.Write(length[:]) // delimits the name
	_, _ = hash.Write([]byte(name))
	_, _ = hash.Write([]byte(subject))
	return Key(hash.Sum(nil))
}

// Store remembers attempts. Implementations are safe for concurrent use.
type Store interface {
	// Reserve takes one attempt at now if the rate allows it. Reading and taking
	// are atomic: concurrent calls never exceed the rate.
	// Times count in microseconds. They may go back by as much as [ClockSkew].
	Reserve(ctx context.Context, key Key, rate Rate, now time.Time) (Decision, error)
	// Reset forgets all attempts of the key.
	Reset(ctx context.Context, key Key) error
}

// Limiter applies named limits to subjects.
type Limiter struct {
	store  Store
	clock  clock.Clock
	limits map[string]Rate
}

// New returns a limiter with the given limits.
func New(store Store, clock clock.Clock, limits ...Limit) (*Limiter, error) {
	rates := make(map[string]Rate, len(limits))
	for _, limit := range limits {
		if err := validate(limit.Rate); err != nil {
			return nil, fmt.Errorf("rate limit %q: %w", limit.Name, err)
		}
		if _, duplicate := rates[limit.Name]; duplicate || limit.Name == "" {
			return nil, fmt.Errorf("rate limit %q: the name is empty or there twice", limit.Name)
		}
		rates[limit.Name] = limit.Rate
	}
	return &Limiter{store: store, clock: clock, limits: rates}, nil
}

// validate keeps stores from overflows and from fractions of microseconds, which not
// all of them can store.
func validate(rate Rate) error {
	switch {
	case rate.Burst < 1:
		return errors.New("the burst must be 1 or more")
	case rate.Interval < time.Microsecond || rate.Interval%time.Microsecond != 0:
		return errors.New("the interval must be a whole number of microseconds, and more than 0")
	case rate.Period() > MaxPeriod:
		return fmt.Errorf("burst times interval must be at most %s", MaxPeriod)
	}
	return nil
}

// Allow reserves one attempt of subject under the named limit. On an error the state is
// unknown, so callers must refuse.
//
// It must not be called in a database transaction: a rollback would give
// the attempt back.
func (l *Limiter) Allow(ctx context.Context, name, subject string) (Decision, error) {
	return l.allow(ctx, name, share{subject, 1})
}

func (l *Limiter) allow(ctx context.Context, name string, of share) (Decision, error) {
	rate, ok := l.limits[name]
	if !ok {
		return Decision{}, fmt.Errorf("there is no rate limit %q", name)
	}
	decision, err := l.store.Reserve(ctx, KeyOf(name, of.subject), times(rate, of.factor), l.clock.Now())
	if err != nil {
		return Decision{}, fmt.Errorf("reserve an attempt under the rate limit %q: %w", name, err)
	}
	return decision, nil
}

// Reset forgets the attempts of subject under the named limit, after a success.
func (l *Limiter) Reset(ctx context.Context, name, subject string) error {
	if _, ok := l.limits[name]; !ok {
		return fmt.Errorf("there is no rate limit %q", name)
	}
	if err := l.store.Reset(ctx, KeyOf(name, subject)); err != nil {
		return fmt.Errorf("reset the rate limit %q: %w", name, err)
	}
	return nil
}

// refused returns the decision on an attempt that a store refused, given the stored
// theoretical arrival.
func refused(rate Rate, theoreticalArrival, now time.Time) Decision {
	_, retryAfter := rate.Reserve(theoreticalArrival, now)
	// A store that reads the arrival after refusing may see it reset meanwhile:
	// the attempt is refused all the same, but may be retried at once.
	return Decision{RetryAfter: max(retryAfter, time.Microsecond)}
}
