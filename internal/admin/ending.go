package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/page"
)

// ending ends some of very many things, those after one, in the transaction of ctx.
type ending func(ctx context.Context, after uuid.UUID) (page.Batch, error)

// endAll ends all of them, some in each transaction, so that nobody else waits long. What
// it has done before a failure stays done, and is in the log. The authority of the request is judged again in the first
// transaction only: one of the things that end may be the caller's own access, and the others have to end all the same.
func endAll(ctx context.Context, store store, end ending) (count int, err error) {
	after := uuid.Nil
	endSome := func(ctx context.Context) error {
		var made page.Batch
		err := store.inTransaction(ctx, func(ctx context.Context) (err error) {
			made, err = end(ctx, after)
			return err
		})
		if err == nil {
			count, after = count+made.Changed, made.Next
		}
		return err
	}
	err = endSome(ctx)
	for judged := store.guarded(ctx, nil); err == nil && after != uuid.Nil; {
		err = endSome(judged)
	}
	return count, err
}

// recorded has each transaction of an ending write an event that says how many ended.
func recorded(log Recorder, who Principal, event audit.Event, what string, end ending) ending {
	event.Actor, event.ClientID = who.actor(), who.ClientID
	return func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		made, err := end(ctx, after)
		if err != nil || made.Changed == 0 {
			return made, err
		}
		event := event
		event.Details.Changes = []audit.Change{{Field: what, Before: made.Changed, After: 0}}
		return made, log.Record(ctx, event)
	}
}

// Ended says how many there were.
type Ended struct {
	Ended int `json:"ended" doc:"How many ended by this request."`
}

type endedAnswer struct{ Body Ended }

func answerWithCount(count int, err error) (*endedAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &endedAnswer{Ended{count}}, nil
}

// parsePosition reads the cursor of a page.
func parsePosition(cursor string) (page.Position, error) {
	at, err := page.Parse(cursor)
	if err != nil {
		return page.Position{}, fault.New(fault.Invalid, "admin.cursor_invalid").Because(err)
	}
	return at, nil
}

// parseID reads an identifier in a path; what is none names nothing.
func parseID(text, unknown string) (uuid.UUID, error) {
	read, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fault.New(fault.NotFound, unknown).Because(err)
	}
	return read, nil
}

// filterID reads an identifier in a query whose form was checked; "" is any.
func filterID(text string) uuid.UUID {
	read, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return read
}

func inUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	moved := at.UTC()
	return &moved
}
