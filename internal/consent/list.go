package consent

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/page"
)

// Known is a grant with the names of its two sides.
type Known struct {
	Grant
	ClientID string
	Username string
}

// State is what became of a grant.
type State string

// The states.
const (
	Active  State = "active"
	Revoked State = "revoked"
)

// MaxPage is the most grants of one page.
const MaxPage = 200

// Query says which grants are wanted. What is left at its zero value may be anything.
type Query struct {
	UserID uuid.UUID
	Client uuid.UUID // the record
	State  State
	After  page.Position
	// Limit is the size of a page: MaxPage if zero or more than that.
	Limit int
}

// List returns a page of the grants that match, the newest first.
func (s *Service) List(ctx context.Context, query Query) (page.Of[Known], error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	found, err := s.store.list(ctx, query)
	if err != nil {
		return page.Of[Known]{}, fmt.Errorf("list grants: %w", err)
	}
	return found, nil
}

// FindByID returns a grant, revoked ones too. The error is a fault of kind NotFound if
// there is none.
func (s *Service) FindByID(ctx context.Context, id uuid.UUID) (Known, error) {
	known, ok, err := s.store.find(ctx, id)
	if err != nil {
		return Known{}, fmt.Errorf("find a grant: %w", err)
	}
	if !ok {
		return Known{}, fault.New(fault.NotFound, "grant.unknown")
	}
	return known, nil
}

// revokeAtOnce is how many grants end in one transaction when there may be very many.
const revokeAtOnce = 1000

// RevokeSomeOf revokes grants of a user, those that follow one in the order of their
// identifiers, as many as go into one transaction. It joins that of ctx.
func (s *Service) RevokeSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error) {
	return s.revokeSome(ctx, "user_id", userID, after)
}

// RevokeSomeOfClient is RevokeSomeOf for what was allowed a client.
func (s *Service) RevokeSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.revokeSome(ctx, "client", clientRecord, after)
}

func (s *Service) revokeSome(ctx context.Context, column string, key, after uuid.UUID) (made page.Batch, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) (err error) {
		made, err = s.store.revokeSome(ctx, column, key, after, s.clock.Now())
		return err
	})
	if err != nil {
		return page.Batch{}, fmt.Errorf("revoke grants: %w", err)
	}
	return made, nil
}
