package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Group commits the writes of concurrent callers together: callers that arrive during
// a commit queue up and share the next one. One caller leads each commit, so there is no
// goroutine to start or stop, and a lone caller has no overhead.
//
// Making a commit durable costs one write to the disk, however much it contains, so a
// shared commit is cheaper than a transaction for each caller. No caller gets its verdict
// before the commit with its item is durable.
type Group[T any] struct {
	database *DB
	apply    func(ctx context.Context, batch []T) ([]error, error)
	written  func(ctx context.Context, batch []T) ([]bool, error)
	timeout  time.Duration // of one commit

	mu      sync.Mutex
	waiting []*groupEntry[T]
	leading bool
}

type groupEntry[T any] struct {
	item T
	done chan error    // receives the result
	lead chan struct{} // receives when this entry's caller must lead
}

const (
	// maxBatch bounds how many share a commit, so that a statement's placeholders stay within both engines' limits.
	maxBatch = 64
	// groupTimeout bounds one shared commit. It is not the deadline of any caller:
	// a caller that leaves must not cancel the writes of the others.
	groupTimeout = 15 * time.Second
)

// NewGroup returns a group whose batches are written by apply, inside one
// transaction. apply returns a verdict for each item, nil if it was written; a
// refused item must have changed nothing. An error as the second result
// fails the transaction; the items are then tried one by one, so that one bad
// item can't fail its neighbours.
//
// written reports for each item whether it is in the database. It is called when the answer to a
// COMMIT was lost, so an item must leave something that no other item writes.
func NewGroup[T any](
	database *DB, apply func(ctx context.Context, batch []T) ([]error, error), written func(ctx context.Context, batch []T) ([]bool, error),
) *Group[T] {
	return &Group[T]{database: database, apply: apply, written: written, timeout: groupTimeout}
}

// Do writes item and returns its verdict when it is durable. If ctx ends
// first, Do returns its error and the item may or may not be written.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	if _, open := ctx.Value(transactionKey{g.database}).(transaction); open {
		// It would make other callers' writes part of this caller's transaction.
		return errors.New("a group commit can't be part of a transaction")
	}
	entry := &groupEntry[T]{item: item, done: make(chan error, 1), lead: make(chan struct{}, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, entry)
	mustLead := !g.leading
	g.leading = true
	g.mu.Unlock()

	if mustLead {
		g.commitNext(ctx)
	}
	for {
		select {
		case verdict := <-entry.done:
			return verdict
		case <-entry.lead:
			g.commitNext(ctx)
		case <-ctx.Done():
			if g.withdraw(entry) {
				return ctx.Err()
			}
			// The entry is in a commit, or was asked to lead one: wait for the result.
			select {
			case verdict := <-entry.done:
				return verdict
			case <-entry.lead:
				g.commitNext(ctx)
				return <-entry.done
			}
		}
	}
}

// withdraw removes an entry that no commit has taken from the queue and reports whether it did.
// An entry that was asked to lead stays, because the queue needs a leader.
func (g *Group[T]) withdraw(entry *groupEntry[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting {
		if other == entry && len(entry.lead) == 0 {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// commitNext commits the head of the queue, then makes the first remaining entry the leader.
func (g *Group[T]) commitNext(ctx context.Context) {
	g.mu.Lock()
	count := min(len(g.waiting), maxBatch)
	batch := g.waiting[:count:count]
	g.waiting = append([]*groupEntry[T](nil), g.waiting[count:]...)
	g.mu.Unlock()

	shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.timeout)
	defer cancel()
	g.commit(shared, batch)

	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.leading = false
		return
	}
	g.waiting[0].lead <- struct{}{}
}

// commit writes a batch and sends every entry its result, whatever happens.
func (g *Group[T]) commit(ctx context.Context, batch []*groupEntry[T]) {
	verdicts, err := g.try(ctx, batch)
	switch {
	case IsOutcomeUnknown(err):
		// The time of the batch may have gone by with the COMMIT.
		resolving, cancel := context.WithTimeout(context.WithoutCancel(ctx), groupTimeout)
		defer cancel()
		g.resolve(resolving, batch, verdicts, err)
	case err != nil && len(batch) > 1 && ctx.Err() == nil:
		for _, entry := range batch {
			g.commit(ctx, []*groupEntry[T]{entry})
		}
	default:
		for i, entry := range batch {
			if err != nil {
				entry.done <- err
				continue
			}
			entry.done <- verdicts[i]
		}
	}
}

func (g *Group[T]) try(ctx context.Context, batch []*groupEntry[T]) (verdicts []error, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("write a batch: panic: %v", recovered)
		}
	}()
	items := itemsOf(batch)
	err = g.database.Tx(ctx, func(ctx context.Context) error {
		verdicts, err = g.apply(ctx, items)
		if err == nil && len(verdicts) != len(items) {
			return errors.New("write a batch: a verdict is missing")
		}
		return err
	})
	return verdicts, err
}

func itemsOf[T any](batch []*groupEntry[T]) []T {
	items := make([]T, len(batch))
	for i, entry := range batch {
		items[i] = entry.item
	}
	return items
}
