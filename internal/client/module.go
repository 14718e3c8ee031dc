package client

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/jose"
)

// Keys makes sure that there is a key for a client's signing algorithm.
type Keys interface {
	Ensure(ctx context.Context, algorithm jose.Algorithm) error
}

// Issued ends what clients were given. It joins a transaction of the context.
type Issued interface {
	EndAllOfClient(ctx context.Context, record uuid.UUID) error
}

// Outside reports of an address, without asking it, whether this server would ask it.
type Outside interface{ ValidateURL(text string) error }

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Keys     Keys
	Issued   Issued
	// Outside judges the addresses that this server asks; nil lets all of them be registered.
	Outside Outside
	// IDTokenAlgorithm is what clients get that name none: RS256 if it is empty.
	IDTokenAlgorithm jose.Algorithm
	// AllowWeakEncryption lets clients be registered for weak key algorithms; see [jose.KeyAlgorithm.IsWeak].
	AllowWeakEncryption bool
}

// Service registers and finds clients.
type Service struct {
	store   store
	clock   clock.Clock
	keys    Keys
	issued  Issued
	outside Outside

	idTokenAlgorithm    jose.Algorithm
	allowWeakEncryption bool
}

// NewService returns the service.
func NewService(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, keys: deps.Keys, issued: deps.Issued, outside: deps.Outside,
		idTokenAlgorithm: cmp.Or(deps.IDTokenAlgorithm, jose.RS256), allowWeakEncryption: deps.AllowWeakEncryption,
	}
}
