package audit

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
)

// The bounds of an event.
const (
	maxTextBytes    = 512
	maxDetailsBytes = 16 << 10
)

// The size of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Record writes an event, in the transaction of ctx if there is one. It fills in ID, time and
// origin, and the name of a user if the event has none. A caller whose event can't be written must fail, too.
func (l *Log) Record(ctx context.Context, event Event) error {
	event.ID, event.OccurredAt, event.Origin = id.New(), l.clock.Now(), l.origin(ctx)
	if event.Actor.Kind == User && event.Actor.Name == "" {
		name, err := l.store.nameOf(ctx, event.Actor.ID)
		if err != nil {
			return fmt.Errorf("record the event %s: %w", event.Action, err)
		}
		event.Actor.Name = name
	}
	written, err := l.written(ctx, []Event{event})
	if err == nil {
		err = l.store.insert(ctx, written)
	}
	if err != nil {
		return fmt.Errorf("record the event %s: %w", event.Action, err)
	}
	return nil
}

// written returns events in their stored form: completed, within the bounds, and with personal values
// sealed under the keys of the people.
func (l *Log) written(ctx context.Context, events []Event) ([]stored, error) {
	for i := range events {
		if err := complete(&events[i]); err != nil {
			return nil, err
		}
	}
	return l.seal(ctx, events)
}

// complete fills in the common parts of an event and enforces the bounds.
func complete(event *Event) (err error) {
	if event.Actor.Kind == "" {
		event.Actor.Kind = Unknown
	}
	if event.Outcome == "" {
		event.Outcome = Success
	}
	for _, text := range []*string{
		&event.Actor.ID, &event.Actor.Name, &event.ClientID, &event.Target.Kind, &event.Target.ID, &event.Target.Name,
		&event.Origin.Address, &event.Origin.RequestID, &event.Details.Reason, &event.Details.Note, &event.Details.Subject,
	} {
		*text = bounded(*text)
	}
	event.Details, err = fitting(event.Details)
	return err
}

// bounded cuts a text at a whole character, and makes it valid for every engine.
func bounded(text string) string {
	if !utf8.ValidString(text) || slices.Contains([]byte(text), 0) {
		cleaned := make([]rune, 0, len(text))
		for _, character := range text {
			if character == 0 {
				character = utf8.RuneError
			}
			cleaned = append(cleaned, character)
		}
		text = string(cleaned)
	}
	if len(text) <= maxTextBytes {
		return text
	}
	end := maxTextBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Query filters the events. A zero value matches all.
type Query struct {
	Action     Action
	Outcome    Outcome
	ActorID    string
	ClientID   string
	TargetKind string
	TargetID   string
	// Since and Until bound the time: [Since, Until).
	Since, Until time.Time
	// After is where the previous page ended, zero for the first page.
	After page.Position
	// Limit is the size of a page: DefaultLimit if zero, at most MaxLimit.
	Limit int
}

// Page is a page of the log, newest event first.
type Page struct {
	Events []Event
	// Next is where the next page begins, zero if this is the last. Where few
	// events match, a page ends before it is full, even empty.
	Next page.Position
}

// List returns a page of the matching events.
func (l *Log) List(ctx context.Context, query Query) (Page, error) {
	if query.Limit <= 0 {
		query.Limit = DefaultLimit
	}
	query.Limit = min(query.Limit, MaxLimit)
	read, err := l.store.list(ctx, query)
	if err != nil {
		return Page{}, fmt.Errorf("read the audit log: %w", err)
	}
	events, err := l.opened(ctx, read.Items)
	if err != nil {
		return Page{}, fmt.Errorf("read the audit log: %w", err)
	}
	return Page{Events: events, Next: read.Next}, nil
}

// Find returns an event. The error is a fault of kind NotFound if there is none.
func (l *Log) Find(ctx context.Context, event uuid.UUID) (Event, error) {
	row, ok, err := l.store.find(ctx, event)
	if err != nil {
		return Event{}, fmt.Errorf("read the audit log: %w", err)
	}
	if !ok {
		return Event{}, fault.New(fault.NotFound, "audit.event_unknown")
	}
	events, err := l.opened(ctx, []stored{row})
	if err != nil {
		return Event{}, fmt.Errorf("read the audit log: %w", err)
	}
	return events[0], nil
}
