package logout

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/jose"
	"authly/internal/session"
	"authly/internal/user"
)

// Verifier verifies what this server signed.
type Verifier interface {
	Verify(token, typ string, algorithms ...jose.Algorithm) ([]byte, error)
}

// Clients finds registered clients.
type Clients interface {
	Find(ctx context.Context, clientID string) (client.Client, error)
}

// Subjects says by which identifier a client knows a user.
type Subjects interface {
	Of(known client.Client, userID uuid.UUID) string
}

// Sessions ends sessions.
type Sessions interface {
	End(ctx context.Context, sessionID uuid.UUID) error
}

// Users finds the person of a session.
type Users interface {
	Find(ctx context.Context, userID uuid.UUID) (user.User, error)
}

// Deps is what the service needs; all of it is required.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Issuer   string
	Keys     Verifier
	Clients  Clients
	Subjects Subjects
	Sessions Sessions
	Users    Users
}

// Service decides about logouts.
type Service struct {
	store    store
	clock    clock.Clock
	issuer   string
	keys     Verifier
	clients  Clients
	subjects Subjects
	sessions Sessions
	users    Users
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, keys: deps.Keys, clients: deps.Clients,
		subjects: deps.Subjects, sessions: deps.Sessions, users: deps.Users,
	}
}

var _ Sessions = (*session.Service)(nil)
