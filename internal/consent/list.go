package consent

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/page"
)

// Known is a grant with the names of its user and client.
type Known struct {
	Grant
	ClientID string
	Username string
}

// State is the state of a grant.
type State string

// The states.
const (
	Active  State = "active"
	Revoked State = "revoked"
)

// MaxPage is the maximum number of grants of a page.
const MaxPage = 200

// Query filters the list of grants. A zero value matches all.
type Query struct {
	UserID uuid.UUID
	Client uuid.UUID // the record
	State  State
	After  page.Position
	// Limit is the size of a page: MaxPage if zero or greater.
	Limit int
}

// List returns a page of the matching grants, newest first.
func (s *Service) List(ctx context.Context, query Query) (page.Of[Known], error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	grants, err := s.store.list(ctx, query)
	if err != nil {
		return page.Of[Known]{}, fmt.Errorf("list grants: %w", err)
	}
	return grants, nil
}

// FindByID returns a grant, including a revoked one. The error is a fault of kind NotFound if
// there is none.
func (s *Service) FindByID(ctx context.Context, id uuid.UUID) (Known, error) {
	grant, ok, err := s.store.find(ctx, id)
	if err != nil {
		return Known{}, fmt.Errorf("find a grant: %w", err)
	}
	if !ok {
		return Known{}, fault.New(fault.NotFound, "grant.unknown")
	}
	return grant, nil
}

// revokeAtOnce is how many grants end in one transaction when there may be many.
const revokeAtOnce = 1000

// RevokeSomeOf revokes a batch of a user's grants, those after the given one in the order of
// identifiers. It joins the transaction of ctx.
func (s *Service) RevokeSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error) {
	return s.revokeSome(ctx, "user_id", userID, after)
}

// RevokeSomeOfClient is RevokeSomeOf for the grants of a client.
func (s *Service) RevokeSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.revokeSome(ctx, "client", clientRecord, after)
}

func (s *Service) revokeSome(ctx context.Context, column string, key, after uuid.UUID) (batch page.Batch, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) (err error) {
		batch, err = s.store.revokeSome(ctx, column, key, after, s.clock.Now())
		return err
	})
	if err != nil {
		return page.Batch{}, fmt.Errorf("revoke grants: %w", err)
	}
	return batch, nil
}
