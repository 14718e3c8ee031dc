package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// Source has records that are events themselves, such as the rows of tokens: whoever
// makes one does not also record an event. They are taken over into the log afterwards,
// many at a time, each under the identifier that it has.
type Source interface {
	// Name is the source's own, for ever.
	Name() string
	// After returns what happened before a time, as events with their identifiers and
	// times, in the order of the identifiers, those after one, and no more than most. Their
	// origins are as [Log.SealOrigin] returned them.
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
	happened = slices.Clone(happened)
	if err := l.openOrigins(ctx, happened); err != nil {
		return nil, err
	}
	events, err := l.written(ctx, happened)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b stored) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return events, nil
}

// SealOrigin returns where the request of ctx came from, as a record that is an event keeps it until it is taken
// over. The address is sealed under the key of the person who acts, so that it can't be read any more once
// the account is deleted; that of a client on its own behalf, with person nil, is in clear.
func (l *Log) SealOrigin(ctx context.Context, record uuid.UUID, person *uuid.UUID) (Origin, error) {
	from := l.origin(ctx)
	from.Address, from.RequestID = bounded(from.Address), bounded(from.RequestID)
	if person == nil || from.Address == "" {
		return from, nil
	}
	keys, err := l.keysFor(ctx, []uuid.UUID{*person})
	if err != nil {
		return Origin{}, fmt.Errorf("seal the address of a request: %w", err)
	}
	key, known := keys[*person]
	if !known {
		from.Address = Erased
		return from, nil
	}
	sealed, err := key.Seal(placeOfAddress(record), []byte(from.Address))
	if err != nil {
		return Origin{}, fmt.Errorf("seal the address of a request: %w", err)
	}
	from.Address = base64.RawStdEncoding.EncodeToString(sealed)
	return from, nil
}

// openOrigins puts the addresses that [Log.SealOrigin] sealed back into events, and [Erased] where the
// account is deleted.
func (l *Log) openOrigins(ctx context.Context, events []Event) error {
	people := make(map[int]uuid.UUID, len(events))
	var wanted []uuid.UUID
	for i, event := range events {
		if event.Actor.Kind != User || event.Origin.Address == "" {
			continue
		}
		person, _ := uuid.Parse(event.Actor.ID) // one who isn't there has no key
		people[i], wanted = person, append(wanted, person)
	}
	if len(wanted) == 0 {
		return nil
	}
	keys := map[uuid.UUID]*secret.Sealer{}
	if l.people.sealer != nil {
		var err error
		if keys, err = l.storedKeys(ctx, wanted); err != nil {
			return err
		}
	}
	for i, person := range people {
		address := &events[i].Origin.Address
		sealed, err := base64.RawStdEncoding.DecodeString(*address)
		*address = Erased
		if key, known := keys[person]; known && err == nil {
			if opened, err := key.Open(placeOfAddress(events[i].ID), sealed); err == nil {
				*address = string(opened)
			}
		}
	}
	return nil
}

func placeOfAddress(record uuid.UUID) secret.Place {
	return secret.Place{Table: "audit_events", Column: "address", Row: record.String()}
}
