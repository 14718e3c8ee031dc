package consent

import (
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
}

// Service keeps grants.
type Service struct {
	store store
	clock clock.Clock
}

// New returns the service.
func New(deps Deps) *Service { return &Service{store: store{deps.Database}, clock: deps.Clock} }
