package session

import (
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/policy"
)

// Deps is what the service needs; all of it is required.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Lifetime policy.Lifetime
}

// Service keeps sessions.
type Service struct {
	store    store
	clock    clock.Clock
	lifetime policy.Lifetime
}

// NewService returns the service.
func NewService(deps Deps) *Service {
	return &Service{store: store{deps.Database}, clock: deps.Clock, lifetime: deps.Lifetime}
}
