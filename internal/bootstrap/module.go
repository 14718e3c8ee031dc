package bootstrap

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/scope"
	"authly/internal/user"
)

// Scopes is the scope catalogue.
type Scopes interface {
	Seed(ctx context.Context) error
	List(ctx context.Context) ([]scope.Scope, error)
}

// Keys are the signing keys.
type Keys interface {
	Bootstrap(ctx context.Context) error
}

// Users manages users.
type Users interface {
	AdministratorExists(ctx context.Context) (bool, error)
	Prepare(ctx context.Context, registration user.New) (user.Prepared, error)
	Insert(ctx context.Context, prepared user.Prepared) (user.User, error)
	Create(ctx context.Context, registration user.New) (user.User, error)
	FindByIdentifier(ctx context.Context, identifier string) (user.User, error)
	VerifyPassword(ctx context.Context, identifier string, password secret.Redacted) (user.Verified, error)
	SetPassword(ctx context.Context, userID uuid.UUID, password secret.Redacted) error
	Enable(ctx context.Context, userID uuid.UUID) error
	Find(ctx context.Context, userID uuid.UUID) (user.User, error)
	PreparePassword(ctx context.Context, u user.User, password secret.Redacted) (user.PreparedPassword, error)
	ReplacePassword(ctx context.Context, prepared user.PreparedPassword) error
}

// Clients manages clients.
type Clients interface {
	Prepare(ctx context.Context, metadata client.Metadata) (client.Prepared, error)
	EnsureBuiltIn(ctx context.Context, clientID string, state client.State, prepared client.Prepared) (client.Ensured, error)
	Register(ctx context.Context, registration client.Metadata) (client.Registered, error)
	Find(ctx context.Context, clientID string) (client.Client, error)
	ReplaceSecret(ctx context.Context, record uuid.UUID) (secret.Redacted, error)
	Delete(ctx context.Context, record uuid.UUID) error
}

// Auditor records events. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Deps are the dependencies of the service; all are required.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Issuer   string
	// Administration is the resource indicator of the administration API.
	Administration string
	Scopes         Scopes
	Keys           Keys
	Users          Users
	Clients        Clients
	Audit          Auditor
}

// Service prepares a server.
type Service struct {
	store          store
	clock          clock.Clock
	issuer         string
	administration string
	scopes         Scopes
	keys           Keys
	users          Users
	clients        Clients
	audit          Auditor
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, administration: deps.Administration, scopes: deps.Scopes, keys: deps.Keys,
		users: deps.Users, clients: deps.Clients, audit: deps.Audit,
	}
}
