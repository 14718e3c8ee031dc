package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// retryPrimary is the pause before a failed primary is tried again.
const retryPrimary = 5 * time.Second

// Fallback uses a primary store, and a secondary one while the primary
// fails. Losing the primary costs speed and at most one fresh allowance: the
// secondary starts without the attempts recorded in the primary.
//
// After a failure the primary is not tried for five seconds, so that not every
// attempt waits for a server that does not answer; then one attempt tries it again. An
// outage is logged once when it begins and once when it ends.
type Fallback struct {
	primary, secondary Store
	clock              clock.Clock
	logger             *slog.Logger

	mu      sync.Mutex
	out     bool
	retryAt time.Time
}

// NewFallback returns a store that uses secondary while primary fails.
func NewFallback(primary, secondary Store, clock clock.Clock, logger *slog.Logger) *Fallback {
	return &Fallback{primary: primary, secondary: secondary, clock: clock, logger: logger}
}

// Reserve implements [Store].
func (f *Fallback) Reserve(ctx context.Context, key Key, rate Rate, now time.Time) (Decision, error) {
	var decision Decision
	served, err := f.try(ctx, func() (err error) {
		decision, err = f.primary.Reserve(ctx, key, rate, now)
		return err
	})
	if served || err != nil {
		return decision, err
	}
	return f.secondary.Reserve(ctx, key, rate, now)
}

// Reset implements [Store]. It resets both stores, because attempts of an outage that
// is over are still in the secondary.
func (f *Fallback) Reset(ctx context.Context, key Key) error {
	_, err := f.try(ctx, func() error { return f.primary.Reset(ctx, key) })
	return errors.Join(err, f.secondary.Reset(ctx, key))
}

// try calls the primary unless it is unavailable, and reports whether it served.
// The only error is that of the caller's own context, which is no failure of
// the primary.
func (f *Fallback) try(ctx context.Context, call func() error) (bool, error) {
	if !f.mayTry() {
		return false, nil
	}
	err := call()
	if err == nil {
		f.recovered(ctx)
		return true, nil
	}
	if ctx.Err() != nil {
		return false, err
	}
	f.failed(ctx, err)
	return false, nil
}

func (f *Fallback) mayTry() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.out {
		return true
	}
	now := f.clock.Now()
	if now.Before(f.retryAt) {
		return false
	}
	f.retryAt = now.Add(retryPrimary) // this caller tries, the others wait for the outcome
	return true
}

func (f *Fallback) failed(ctx context.Context, cause error) {
	f.mu.Lock()
	first := !f.out
	f.out = true
	f.retryAt = f.clock.Now().Add(retryPrimary)
	f.mu.Unlock()
	if first {
		f.logger.WarnContext(ctx, "rate limit store unavailable, using the fallback", slog.Any("error", cause))
	}
}

func (f *Fallback) recovered(ctx context.Context) {
	f.mu.Lock()
	was := f.out
	f.out = false
	f.mu.Unlock()
	if was {
		f.logger.InfoContext(ctx, "rate limit store works again")
	}
}
