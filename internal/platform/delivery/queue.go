package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// The bounds of deliveries.
const (
	// claimLifetime is how long an attempt may take before another one is made.
	claimLifetime = time.Minute
	maxAttempts   = 5
	recordTimeout = 10 * time.Second

	logRetention    = 30 * 24 * time.Hour
	maxLoggedAtOnce = 100
)

// pause returns how long to wait after an attempt: about an hour in all.
func pause(attempts int) time.Duration {
	switch attempts {
	case 1:
		return time.Minute
	case 2:
		return 5 * time.Minute
	case 3:
		return 15 * time.Minute
	default:
		return 40 * time.Minute
	}
}

// Queue is the deliveries of a kind. It is safe for concurrent use.
type Queue struct {
	store store
	clock clock.Clock
	wake  chan struct{} // holds one signal
}

// NewQueue returns the queue of a kind.
func NewQueue(database *db.DB, at clock.Clock, kind Kind) *Queue {
	return &Queue{store: newStore(database, kind), clock: at, wake: make(chan struct{}, 1)}
}

// Wake makes deliveries begin at once instead of at the next run. It is called after the transaction
// that inserted them is committed.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default: // one signal is enough
	}
}

// Woken signals that there may be something to deliver.
func (q *Queue) Woken() <-chan struct{} { return q.wake }

// Deliveries returns the log of a target, the newest first, at most a hundred.
func (q *Queue) Deliveries(ctx context.Context, target uuid.UUID) ([]Delivery, error) {
	deliveries, err := q.store.deliveries(ctx, target, maxLoggedAtOnce)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return deliveries, nil
}

// Sweep closes deliveries whose last attempt was interrupted, and deletes old ones.
func (q *Queue) Sweep(ctx context.Context) error {
	now := q.clock.Now()
	if err := q.store.closeInterrupted(ctx, now); err != nil {
		return fmt.Errorf("close interrupted deliveries: %w", err)
	}
	if err := q.store.sweep(ctx, now.Add(-logRetention)); err != nil {
		return fmt.Errorf("sweep deliveries: %w", err)
	}
	return nil
}
