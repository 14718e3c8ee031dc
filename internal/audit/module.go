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

// Deps are the dependencies of the log.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	// ChainKey keys the digests of batches.
	ChainKey secret.Redacted
	// Sealer seals the keys of people. Without one, personal values are left out of new events, and
	// stay sealed in existing ones.
	Sealer Sealer
	// Origin returns where the request of a context came from; nil outside of requests.
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
	log := &Log{store: store{deps.Database}, clock: deps.Clock, chainKey: deps.ChainKey, origin: deps.Origin, refusals: newRefusals()}
	log.people = people{sealer: deps.Sealer, cached: map[uuid.UUID]*secret.Sealer{}}
	if log.origin == nil {
		log.origin = func(context.Context) Origin { return Origin{} }
	}
	return log
}
