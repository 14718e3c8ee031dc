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

// Source has records that are events themselves, such as the rows of tokens: their
// writer records no event. The log collects them later,
// many at a time, under their own identifiers.
type Source interface {
	// Name identifies the source and must never change.
	Name() string
	// After returns the records of before the given time as events with their identifiers and
	// times, in the order of the identifiers, those after the given one, and at most most. Their
	// origins are as [Log.SealOrigin] returned them.
	After(ctx context.Context, after uuid.UUID, before time.Time, most int) ([]Event, error)
}

// Use adds sources. It must be called before the log is used.
func (l *Log) Use(sources ...Source) { l.sources = append(l.sources, sources...) }

// settled is how long a record may take to be committed. Identifiers are
// generated before that, so records don't become visible in their order. A record that takes
// longer is passed over here, and kept when it is deleted (see [Log.Keep]).
const settled = 20 * time.Second

// takenAtOnce bounds what one transaction collects: with SQLite, all other writers wait for it.
const takenAtOnce = 250

// Collect copies the events of the sources into the log, in batches that are
// sealed at once. Several nodes may do it at the same time.
func (l *Log) Collect(ctx context.Context) error {
	if l.chainKey.IsZero() {
		return errNoKey
	}
	for _, source := range l.sources {
		for range maxBatches {
			taken, err := l.collectOne(ctx, source, keepAll)
			if errors.Is(err, errExists) {
				taken, err = l.collectOne(ctx, source, l.store.missing)
			}
			if errors.Is(err, errSealedElsewhere) || errors.Is(err, errExists) {
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

// keepAll returns all events, for the case that none of them is in the log.
func keepAll(_ context.Context, events []stored) ([]stored, error) { return events, nil }

// collectOne collects those of the next events of a source that choose returns.
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
			sealed, err := l.makeBatch(ctx, events)
			if err != nil {
				return err
			}
			for i := range events {
				events[i].Batch = sealed.number
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
// deletes their records. Nothing is lost, however late it is.
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

// completed returns events in their stored form, in the order of their identifiers, so that
// concurrent writers of the same events don't deadlock.
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

// SealOrigin returns the origin of the request of ctx in the form in which a [Source] stores it until it is
// collected. The address is sealed under the key of the person who acts, so that it can't be read once
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
	key, ok := keys[*person]
	if !ok {
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

// openOrigins opens the addresses that [Log.SealOrigin] sealed, with [Erased] where the
// account is deleted.
func (l *Log) openOrigins(ctx context.Context, events []Event) error {
	people := make(map[int]uuid.UUID, len(events))
	var acting []uuid.UUID
	for i, event := range events {
		if event.Actor.Kind != User || event.Origin.Address == "" {
			continue
		}
		person, _ := uuid.Parse(event.Actor.ID) // one who isn't there has no key
		people[i], acting = person, append(acting, person)
	}
	if len(acting) == 0 {
		return nil
	}
	keys := map[uuid.UUID]*secret.Sealer{}
	if l.people.sealer != nil {
		var err error
		if keys, err = l.storedKeys(ctx, acting); err != nil {
			return err
		}
	}
	for i, person := range people {
		address := &events[i].Origin.Address
		sealed, err := base64.RawStdEncoding.DecodeString(*address)
		*address = Erased
		if key, ok := keys[person]; ok && err == nil {
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
