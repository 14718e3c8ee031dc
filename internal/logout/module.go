package logout

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/delivery"
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
	ClientRecords
}

// Subjects says by which identifiers a client knows a user and a session.
type Subjects interface {
	Of(known client.Client, userID uuid.UUID) string
	// SessionOf returns the sid of a session for a client.
	SessionOf(known client.Client, sessionID uuid.UUID) string
}

// Sessions ends sessions.
type Sessions interface {
	// End tells whether the session had not ended before.
	End(ctx context.Context, sessionID uuid.UUID) (bool, error)
}

// Users finds the person of a session.
type Users interface {
	Find(ctx context.Context, userID uuid.UUID) (user.User, error)
}

// Auditor keeps the log of what happened. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
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
	Outbox   *Outbox
	Audit    Auditor
	// SessionLifetime is how long a session lives at most. An older ID token is no reason to send a
	// browser to its client.
	SessionLifetime time.Duration
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
	outbox   *Outbox
	audit    Auditor

	sessionLifetime time.Duration
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, keys: deps.Keys, clients: deps.Clients,
		subjects: deps.Subjects, sessions: deps.Sessions, users: deps.Users, outbox: deps.Outbox, audit: deps.Audit,
		sessionLifetime: deps.SessionLifetime,
	}
}

// Outbox remembers which clients take part in a session, and, when it ends, that
// they have to be told. Both are written in the transactions of those who issue codes
// and end sessions, so that nothing is forgotten and nothing is told that did not happen.
type Outbox struct {
	*delivery.Queue // of logout tokens

	store store
	clock clock.Clock
}

// NewOutbox returns an outbox.
func NewOutbox(database *db.DB, at clock.Clock) *Outbox {
	return &Outbox{Queue: delivery.NewQueue(database, at, logoutTokens()), store: store{database}, clock: at}
}

var (
	_ Sessions        = (*session.Service)(nil)
	_ session.Endings = (*Outbox)(nil)
)
