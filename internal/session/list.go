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

// State is what became of a session.
type State string

// The states.
const (
	Active  State = "active"
	Expired State = "expired" // its time ran out
	Ended   State = "ended"   // somebody ended it
)

// Known is a session with what is kept about it for people to look at. It has no
// token, and no hash of one.
type Known struct {
	Session
	Username  string
	UserAgent string
	Address   string
	EndedAt   *time.Time
	// Clients are the client_ids of those that got a code in the session, a hundred at
	// most. Only Find knows them.
	Clients []string
}

// State tells what had become of the session at a time.
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

// MaxPage is the most sessions of one page.
const MaxPage = 200

// Query says which sessions are wanted. What is left at its zero value may be anything.
type Query struct {
	UserID uuid.UUID
	// Client is the record of a client that has got a code in the session.
	Client uuid.UUID
	State  State
	// Since and Until bound the time of the beginning: from Since on, before Until.
	Since, Until time.Time
	After        page.Position
	// Limit is the size of a page: MaxPage if zero or more than that.
	Limit int
}

// List returns a page of the sessions that match, the newest first.
func (s *Service) List(ctx context.Context, query Query) (page.Of[Known], error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	found, err := s.store.list(ctx, query, s.clock.Now())
	if err != nil {
		return page.Of[Known]{}, fmt.Errorf("list sessions: %w", err)
	}
	return found, nil
}

// Find returns a session, ended and expired ones too. The error is a fault of kind
// NotFound if there is none.
func (s *Service) Find(ctx context.Context, sessionID uuid.UUID) (Known, error) {
	known, err := s.store.find(ctx, sessionID)
	if errors.Is(err, errNoRecord) {
		return Known{}, fault.New(fault.NotFound, "session.unknown")
	}
	if err != nil {
		return Known{}, fmt.Errorf("find a session: %w", err)
	}
	return known, nil
}

// endAtOnce is how many sessions end in one transaction when there may be very many.
const endAtOnce = 256

// EndSomeOf ends sessions of a user, those that follow one in the order of their
// identifiers, as many as go into one transaction. It joins that of ctx.
func (s *Service) EndSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, ofUser(), userID, after)
}

// EndSomeOfClient is EndSomeOf for the sessions in which a client has got a code.
func (s *Service) EndSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, ofClient(), clientRecord, after)
}

func (s *Service) endSome(ctx context.Context, of batch, key, after uuid.UUID) (made page.Batch, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		gone, next, err := s.store.endSome(ctx, of, key, after, s.clock.Now())
		made = page.Batch{Changed: len(gone), Next: next}
		for first := 0; err == nil && first < len(gone); {
			last := first + 1
			for last < len(gone) && gone[last].userID == gone[first].userID {
				last++
			}
			err = s.tell(ctx, gone[first:last])
			first = last
		}
		return err
	})
	if err != nil {
		return page.Batch{}, fmt.Errorf("end sessions: %w", err)
	}
	return made, nil
}
