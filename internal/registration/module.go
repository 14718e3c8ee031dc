package registration

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/egress"
	"authly/internal/protocol/policy"
)

// Clients keeps the clients. Insert, ReplaceUnchanged and Delete join the transaction of ctx.
type Clients interface {
	Prepare(ctx context.Context, metadata client.Metadata) (client.Prepared, error)
	Insert(ctx context.Context, prepared client.Prepared) (client.Registered, error)
	ReplaceUnchanged(ctx context.Context, known client.Client, metadata client.Metadata, also func(ctx context.Context) error) (client.Registered, error)
	FindByRecord(ctx context.Context, record uuid.UUID) (client.Client, error)
	Delete(ctx context.Context, record uuid.UUID) error
}

// Outside asks the addresses of clients.
type Outside interface {
	ValidateURL(text string) error
	Do(ctx context.Context, request egress.Request) (egress.Response, error)
}

// Limits bounds what anybody can do, by address. Each counts, and refuses with a
// fault of kind Limited.
type Limits interface {
	// Register counts a registration without an initial access token.
	Register(ctx context.Context) error
	// Failed counts a token that is not one of ours.
	Failed(ctx context.Context) error
	// Ask counts a request to an address that a client has chosen.
	Ask(ctx context.Context) error
}

// Finder finds clients.
type Finder interface {
	Find(ctx context.Context, clientID string) (client.Client, error)
}

// NewLogos returns the logos of clients.
func NewLogos(database *db.DB, at clock.Clock, clients Finder, outside Outside) *Logos {
	return &Logos{store: store{database}, clock: at, clients: clients, outside: outside, drawn: make(chan struct{}, maxDrawn)}
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
	Clients  Clients
	Outside  Outside
	Logos    *Logos
	Limits   Limits
	Audit    Auditor
	Mode     Mode
	// OpenPolicy is for clients that are registered without an initial access
	// token; only mode Open looks at it.
	OpenPolicy  Policy
	RequestURIs RequestURIs
	// Reserved are the names that people would take for a part of the server.
	Reserved policy.ReservedNames
}

// Service registers clients and keeps their records.
type Service struct {
	store       store
	clock       clock.Clock
	issuer      string
	clients     Clients
	outside     Outside
	logos       *Logos
	limits      Limits
	audit       Auditor
	mode        Mode
	openPolicy  Policy
	requestURIs RequestURIs
	reserved    policy.ReservedNames
}

// NewService returns the service. It fails if the policy of open registration is
// not a possible one.
func NewService(deps Deps) (*Service, error) {
	open := deps.OpenPolicy.withDefaults()
	if err := open.validate(); err != nil {
		return nil, err
	}
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, clients: deps.Clients, outside: deps.Outside,
		logos: deps.Logos, limits: deps.Limits, audit: deps.Audit, mode: deps.Mode, openPolicy: open, requestURIs: deps.RequestURIs, reserved: deps.Reserved,
	}, nil
}

// InitialTokens makes and revokes initial access tokens.
type InitialTokens struct {
	store store
	clock clock.Clock
	audit Auditor
}

// NewInitialTokens returns the service.
func NewInitialTokens(database *db.DB, at clock.Clock, log Auditor) *InitialTokens {
	return &InitialTokens{store{database}, at, log}
}
