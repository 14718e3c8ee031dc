package scope

import (
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps are the dependencies of the service; all are required.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
}

// New returns the service.
func New(deps Deps) *Service { return &Service{store: store{deps.Database}, clock: deps.Clock} }
