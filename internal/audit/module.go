package audit

import (
	"context"

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
	// Origin tells where the request of a context came from; nil outside of requests.
	Origin func(ctx context.Context) Origin
}

// Log is the audit log.
type Log struct {
	store    store
	clock    clock.Clock
	chainKey secret.Redacted
	origin   func(ctx context.Context) Origin
	sources  []Source
}

// New returns the log.
func New(deps Deps) *Log {
	made := &Log{store: store{deps.Database}, clock: deps.Clock, chainKey: deps.ChainKey, origin: deps.Origin}
	if made.origin == nil {
		made.origin = func(context.Context) Origin { return Origin{} }
	}
	return made
}
