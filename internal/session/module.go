package session

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/policy"
)

// Endings is told which sessions of a user are ended before their time.
type Endings interface {
	// SessionsEnded joins the transaction that ends them.
	SessionsEnded(ctx context.Context, userID uuid.UUID, sessions []uuid.UUID) error
}

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Lifetime policy.Lifetime
	// Maximum is how many sessions a user may have at one time; 0 for no limit.
	Maximum int
	// Endings may be nil.
	Endings Endings
}

// Service manages sessions.
type Service struct {
	store    store
	clock    clock.Clock
	lifetime policy.Lifetime
	maximum  int
	endings  Endings
}

// NewService returns the service.
func NewService(deps Deps) *Service {
	return &Service{store: store{deps.Database}, clock: deps.Clock, lifetime: deps.Lifetime, maximum: deps.Maximum, endings: deps.Endings}
}
