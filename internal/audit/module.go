package audit

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

// KeyName is the name of the sealed key of the chain.
const KeyName = "audit-chain"

// Deps is what the log needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	// ChainKey makes the digests of batches.
	ChainKey secret.Redacted
	// Sealer seals the keys of people. Without one, what is personal is left out of new events, and
	// stays sealed in those that are read.
	Sealer Sealer
	// Origin tells where the request of a context came from; nil outside of requests.
	Origin func(ctx context.Context) Origin
}

// Sealer encrypts values for their place in the database.
type Sealer interface {
	Seal(place secret.Place, plaintext []byte) ([]byte, error)
	Open(place secret.Place, sealed []byte) ([]byte, error)
}

// Log is the audit log.
type Log struct {
	store    store
	people   people
	refusals *refusals
	clock    clock.Clock
	chainKey secret.Redacted
	origin   func(ctx context.Context) Origin
	sources  []Source
}

// New returns the log.
func New(deps Deps) *Log {
	made := &Log{store: store{deps.Database}, clock: deps.Clock, chainKey: deps.ChainKey, origin: deps.Origin, refusals: newRefusals()}
	made.people = people{sealer: deps.Sealer, known: map[uuid.UUID]*secret.Sealer{}}
	if made.origin == nil {
		made.origin = func(context.Context) Origin { return Origin{} }
	}
	return made
}
