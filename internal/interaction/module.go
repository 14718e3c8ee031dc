package interaction

import (
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	// Lifetime is how long a person may take to sign in.
	Lifetime time.Duration
}

// Service keeps interactions.
type Service struct {
	store    store
	clock    clock.Clock
	lifetime time.Duration
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{store: store{deps.Database}, clock: deps.Clock, lifetime: deps.Lifetime}
}
