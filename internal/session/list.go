package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/page"
)

// State is the state of a session.
type State string

// The states.
const (
	Active  State = "active"
	Expired State = "expired" // its lifetime is over
	Ended   State = "ended"   // ended before its time
)

// Known is a session with the recorded details for people to look at. It has no
// token, and no hash of one.
type Known struct {
	Session
	Username  string
	UserAgent string
	Address   string
	EndedAt   *time.Time
	// Clients are the client_ids of clients that got a code in the session, at most a
	// hundred. Only Find sets them.
	Clients []string
}

// State returns the state of the session at a time.
func (k Known) State(at time.Time) State {
	switch {
	case k.EndedAt != nil:
		return Ended
	case !at.Before(k.IdleExpiresAt) || !at.Before(k.ExpiresAt):
		return Expired
	default:
		return Active
	}
}

// MaxPage is the maximum number of sessions of a page.
const MaxPage = 200

// Query filters the list of sessions. A zero value matches all.
type Query struct {
	UserID uuid.UUID
	// Client is the record of a client that has got a code in the session.
	Client uuid.UUID
	State  State
	// Since and Until bound the start time: [Since, Until).
	Since, Until time.Time
	After        page.Position
	// Limit is the size of a page: MaxPage if zero or greater.
	Limit int
}

// List returns a page of the matching sessions, newest first.
func (s *Service) List(ctx context.Context, query Query) (page.Of[Known], error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	sessions, err := s.store.list(ctx, query, s.clock.Now())
	if err != nil {
		return page.Of[Known]{}, fmt.Errorf("list sessions: %w", err)
	}
	return sessions, nil
}

// Find returns a session, including ended and expired ones. The error is a fault of kind
// NotFound if there is none.
func (s *Service) Find(ctx context.Context, sessionID uuid.UUID) (Known, error) {
	found, err := s.store.find(ctx, sessionID)
	if errors.Is(err, errNoRecord) {
		return Known{}, fault.New(fault.NotFound, "session.unknown")
	}
	if err != nil {
		return Known{}, fmt.Errorf("find a session: %w", err)
	}
	return found, nil
}

// endAtOnce is how many sessions end in one transaction when there may be many.
const endAtOnce = 256

// EndSomeOf ends a batch of a user's sessions, those after the given one in the order of
// identifiers. It joins the transaction of ctx.
func (s *Service) EndSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, ofUser(), userID, after)
}

// EndSomeOfClient is EndSomeOf for the sessions in which a client got a code.
func (s *Service) EndSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, ofClient(), clientRecord, after)
}

func (s *Service) endSome(ctx context.Context, of batch, key, after uuid.UUID) (result page.Batch, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		endedSessions, next, err := s.store.endSome(ctx, of, key, after, s.clock.Now())
		result = page.Batch{Changed: len(endedSessions), Next: next}
		for first := 0; err == nil && first < len(endedSessions); {
			last := first + 1
			for last < len(endedSessions) && endedSessions[last].userID == endedSessions[first].userID {
				last++
			}
			err = s.notify(ctx, endedSessions[first:last])
			first = last
		}
		return err
	})
	if err != nil {
		return page.Batch{}, fmt.Errorf("end sessions: %w", err)
	}
	return result, nil
}
