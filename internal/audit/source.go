package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Source has records that are events themselves, such as the rows of tokens: whoever
// makes one does not also record an event. They are taken over into the log afterwards,
// many at a time, each under the identifier that it has.
type Source interface {
	// Name is the source's own, for ever.
	Name() string
	// After returns what happened before a time, as events with their identifiers and
	// times, in the order of the identifiers, those after one, and no more than most.
	After(ctx context.Context, after uuid.UUID, before time.Time, most int) ([]Event, error)
}

// Use adds sources. It is called while the program is put together.
func (l *Log) Use(sources ...Source) { l.sources = append(l.sources, sources...) }

// settled is for how long a record may be on its way to the database: identifiers are
// made before that, and the order in which they come to be seen is another one. What takes
// longer is passed over here, and kept when it is deleted (see [Log.Keep]).
const settled = 20 * time.Second

// takenAtOnce bounds what one transaction takes over: with SQLite, everybody else waits for it.
const takenAtOnce = 250

// Collect takes over what happened in the sources, each time in batches that are
// sealed at once. Several nodes may do it at the same time.
func (l *Log) Collect(ctx context.Context) error {
	if l.chainKey.IsZero() {
		return errNoKey
	}
	for _, source := range l.sources {
		for range maxBatches {
			taken, err := l.collectOne(ctx, source, everyOne)
			if errors.Is(err, errThere) {
				taken, err = l.collectOne(ctx, source, l.store.missing)
			}
			if errors.Is(err, errOvertaken) || errors.Is(err, errThere) {
				break // another node is at it
			}
			if err != nil {
				return fmt.Errorf("take events over from %s: %w", source.Name(), err)
			}
			if taken < takenAtOnce {
				break
			}
		}
	}
	return nil
}

// everyOne chooses all, for none of them should be in the log.
func everyOne(_ context.Context, events []stored) ([]stored, error) { return events, nil }

// collectOne takes over what choose leaves of the next events of a source.
func (l *Log) collectOne(ctx context.Context, source Source, choose func(context.Context, []stored) ([]stored, error)) (taken int, err error) {
	err = l.store.inTransaction(ctx, func(ctx context.Context) error {
		taken = 0
		position, err := l.store.lockPosition(ctx, source.Name())
		if err != nil {
			return err
		}
		happened, err := source.After(ctx, position, l.clock.Now().Add(-settled), takenAtOnce)
		if err != nil || len(happened) == 0 {
			return err
		}
		events, err := l.completed(ctx, happened)
		if err != nil {
			return err
		}
		if events, err = choose(ctx, events); err != nil {
			return err
		}
		if len(events) > 0 {
			made, err := l.makeBatch(ctx, events)
			if err != nil {
				return err
			}
			for i := range events {
				events[i].Batch = made.number
			}
			if err := l.store.insertSealed(ctx, events); err != nil {
				return err
			}
		}
		taken = len(happened)
		return l.store.setPosition(ctx, source.Name(), happened[taken-1].ID)
	})
	return taken, err
}

// Keep writes those events that are not in the log yet, in the transaction of ctx that
// deletes the records which they were until now. Nothing is lost, however late it is.
func (l *Log) Keep(ctx context.Context, happened []Event) error {
	events, err := l.completed(ctx, happened)
	if err == nil {
		err = l.store.insertMissing(ctx, events)
	}
	if err != nil {
		return fmt.Errorf("keep events: %w", err)
	}
	return nil
}

// completed returns events as they are written, in the order of their identifiers, in which
// nobody who writes the same ones waits for another in a circle.
func (l *Log) completed(ctx context.Context, happened []Event) ([]stored, error) {
	events, err := l.written(ctx, slices.Clone(happened))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b stored) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return events, nil
}
