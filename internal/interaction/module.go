package interaction

import (
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps are the dependencies of the service.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	// Lifetime is how long a user may take to sign in.
	Lifetime time.Duration
}

// Service manages interactions.
type Service struct {
	store    store
	clock    clock.Clock
	lifetime time.Duration
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{store: store{deps.Database}, clock: deps.Clock, lifetime: deps.Lifetime}
}
