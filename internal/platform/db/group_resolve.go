package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The bounds of finding out whether a lost COMMIT took effect.
const (
	lookAttempts   = 6
	firstLookPause = 50 * time.Millisecond
)

// resolve answers a batch after the answer to its COMMIT was lost. It checks before it writes
// again: an item that consumes something would otherwise be refused because of its own
// first attempt.
func (g *Group[T]) resolve(ctx context.Context, batch []*groupEntry[T], verdicts []error, cause error) {
	written, err := g.look(ctx, batch)
	if err != nil {
		for _, entry := range batch {
			entry.done <- errors.Join(cause, err)
		}
		return
	}
	// One transaction: all of it took effect, or none. If all items were refused there is nothing to find.
	valid := !slices.Contains(verdicts, nil) || slices.Contains(written, true)
	for i, entry := range batch {
		if valid {
			entry.done <- verdicts[i]
			continue
		}
		entry.done <- g.again(ctx, entry, cause)
	}
}

// again writes an item whose first COMMIT was lost and has left nothing so far. The server may still
// carry that COMMIT out, so if the item is refused or fails, again looks for it once more.
func (g *Group[T]) again(ctx context.Context, entry *groupEntry[T], cause error) error {
	one := []*groupEntry[T]{entry}
	verdicts, err := g.try(ctx, one)
	if err == nil && verdicts[0] == nil {
		return nil
	}
	written, looking := g.look(ctx, one)
	switch {
	case looking != nil:
		return errors.Join(cause, looking)
	case written[0]:
		return nil
	case err != nil:
		return err
	default:
		return verdicts[0]
	}
}

// look asks which items are in the database, several times if it is unreachable.
func (g *Group[T]) look(ctx context.Context, batch []*groupEntry[T]) (written []bool, err error) {
	pause := firstLookPause
	for attempt := range lookAttempts {
		if attempt > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil, errors.Join(err, ctx.Err())
			}
			pause *= 2
		}
		if written, err = g.lookOnce(ctx, batch); err == nil {
			return written, nil
		}
	}
	return nil, err
}

func (g *Group[T]) lookOnce(ctx context.Context, batch []*groupEntry[T]) (written []bool, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("look for a batch: panic: %v", recovered)
		}
	}()
	written, err = g.written(ctx, itemsOf(batch))
	if err == nil && len(written) != len(batch) {
		err = errors.New("look for a batch: an answer is missing")
	}
	return written, err
}
