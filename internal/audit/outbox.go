package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/id"
)

const (
	// deliveredAtOnce bounds what one transaction moves from the outbox into the log.
	deliveredAtOnce = 64
	// deliverWithin bounds the delivery for which a request waits.
	deliverWithin = 2 * time.Second
	// promiseAttempts bounds the attempts to promise an event when the answer to the COMMIT is lost.
	promiseAttempts = 3
)

// RecordEventually runs work in a transaction and promises the event that it returns, nil for none (see [Log.Promise]).
// The event is moved into the log at once if possible. The error is that of work or of the
// outbox, never that of the log. It must not be called in a transaction.
//
// When the answer to the COMMIT is lost, work is run again: its caller may be an attacker, who would not retry. So work
// must make changes only by statements that change nothing the second time, and return no event then.
func (l *Log) RecordEventually(ctx context.Context, work func(ctx context.Context) (*Event, error)) error {
	var (
		promised []uuid.UUID
		err      error
	)
	for range promiseAttempts {
		promisedID := uuid.Nil
		err = l.store.inTransaction(ctx, func(ctx context.Context) error {
			promisedID = uuid.Nil
			event, err := work(ctx)
			if err != nil || event == nil {
				return err
			}
			promisedID, err = l.promise(ctx, *event)
			return err
		})
		if promisedID != uuid.Nil {
			promised = append(promised, promisedID)
		}
		if !isOutcomeUnknown(err) || ctx.Err() != nil {
			break
		}
	}
	if err != nil || len(promised) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	_ = l.deliver(ctx, promised) // the job does it later, and reports the error
	return nil
}

// Promise writes an event into the outbox, in the transaction of ctx if there is one; [Log.Deliver] moves it into the log.
// It is for changes that must happen even if the log can't be written at that moment. ID and time are filled in, and the
// origin if the event has none; the name of the actor is not.
func (l *Log) Promise(ctx context.Context, event Event) error {
	_, err := l.promise(ctx, event)
	return err
}

// Origin returns where the request of ctx came from, for an event that is promised in the transaction of another request.
func (l *Log) Origin(ctx context.Context) Origin { return l.origin(ctx) }

func (l *Log) promise(ctx context.Context, event Event) (uuid.UUID, error) {
	event.ID, event.OccurredAt = id.New(), l.clock.Now()
	if event.Origin == (Origin{}) {
		event.Origin = l.origin(ctx)
	}
	written, err := l.written(ctx, []Event{event})
	if err == nil {
		err = l.store.insertPromised(ctx, written)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("promise the event %s: %w", event.Action, err)
	}
	return event.ID, nil
}

// Deliver moves the promised events into the log, each once, even if several nodes do it.
func (l *Log) Deliver(ctx context.Context) error {
	for {
		events, err := l.store.promised(ctx, deliveredAtOnce)
		if err != nil {
			return fmt.Errorf("read the promised events: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		if err := l.deliver(ctx, events); err != nil {
			return err
		}
	}
}

// deliver moves those of the given events that are still promised.
func (l *Log) deliver(ctx context.Context, events []uuid.UUID) error {
	err := l.store.inTransaction(ctx, func(ctx context.Context) error {
		taken, err := l.store.takePromised(ctx, events)
		if err != nil {
			return err
		}
		return l.store.insertMissing(ctx, taken)
	})
	if err != nil {
		return fmt.Errorf("deliver promised events: %w", err)
	}
	return nil
}
