package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Keys signs, and verifies what was signed here.
type Keys interface {
	Signer
	Verify(token, typ string, algorithms ...jose.Algorithm) ([]byte, error)
}

// Clients finds the clients of tokens.
type Clients interface {
	FindByRecord(ctx context.Context, record uuid.UUID) (client.Client, error)
}

// Subjects says by which identifiers a client knows a user and a session.
type Subjects interface {
	Of(known client.Client, userID uuid.UUID) string
	// SessionOf returns the sid of a session for a client.
	SessionOf(known client.Client, sessionID uuid.UUID) string
}

// People knows the claims about users.
type People interface {
	Claims(ctx context.Context, userID uuid.UUID) (oidc.StandardClaims, error)
}

// ClientKeys encrypts to a client.
type ClientKeys interface {
	// Encrypt returns a signed token as a nested JWT for the client's key (RFC 7519 section 5.2).
	Encrypt(ctx context.Context, known client.Client, how client.Encryption, signed string) (string, error)
}

// Auditor keeps the log of what happened. What it is told of here happens whether or not the log
// can be written at that moment.
type Auditor interface {
	// RecordEventually runs work in a transaction, and records the event that it returns, nil for none, then or later. It may run
	// work again after it has taken effect; see [audit.Log.RecordEventually].
	RecordEventually(ctx context.Context, work func(ctx context.Context) (*audit.Event, error)) error
	// Promise writes down in the transaction of ctx an event that is recorded later.
	Promise(ctx context.Context, event audit.Event) error
	// Origin returns where the request of ctx came from.
	Origin(ctx context.Context) audit.Origin
}

// Catalogue knows which scopes can be granted now.
type Catalogue interface {
	// Usable returns the active names among the given ones.
	Usable(ctx context.Context, names oauth.ScopeSet) (oauth.ScopeSet, error)
}

// Keeper keeps in the log what records say.
type Keeper interface {
	// SealOrigin returns where the request of ctx came from, as the row of a token of a person, or of a client (nil), keeps it.
	SealOrigin(ctx context.Context, record uuid.UUID, person *uuid.UUID) (audit.Origin, error)
	// Keep keeps what is about to be deleted. It joins the transaction of ctx.
	Keep(ctx context.Context, events []audit.Event) error
}

// Administrators knows who may administer this server now: the user, or the client
// itself if there is none.
type Administrators interface {
	MayAdminister(ctx context.Context, known client.Client, userID *uuid.UUID) (bool, error)
}

// Sessions notes the use of sessions. It joins the transaction of ctx.
type Sessions interface {
	Use(ctx context.Context, sessions []uuid.UUID) error
}

// Recorder makes a token response durable before it is answered.
type Recorder interface {
	Do(ctx context.Context, record Record) error
}

// Lifetimes are the server's own; a client may have shorter or longer ones.
type Lifetimes struct {
	AuthorizationCode time.Duration
	AccessToken       time.Duration
	IDToken           time.Duration
	RefreshTokenIdle  time.Duration
	RefreshToken      time.Duration
	// ReuseWindow is how long a rotated refresh token gives its successor again.
	ReuseWindow time.Duration
	// Repetitions is how many rotations of a family in a row may be repeated within the
	// window before that is reuse; 0 for any number. What is older than RefreshTokenIdle doesn't count.
	Repetitions int
}

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Issuer   string
	Keys     Keys
	// SuccessorKey derives the successors of refresh tokens.
	SuccessorKey secret.Redacted
	// AccessTokenAlgorithm signs JWT access tokens.
	AccessTokenAlgorithm jose.Algorithm
	Lifetimes            Lifetimes
	Clients              Clients
	Subjects             Subjects
	People               People
	ClientKeys           ClientKeys
	// Catalogue knows which scopes there are; it isn't asked if it is nil.
	Catalogue Catalogue
	// Administrators may have the scopes of the administration; nobody may if it is nil.
	Administrators Administrators
	// Administration is the resource of this server's administration (RFC 8707), "" for none.
	Administration string
	// Sessions learns that a session was used by a refresh without offline access. It may be nil.
	Sessions Sessions
	// Audit is only written to in exceptional cases: a token's row is an event of its own, see [Events].
	Audit Auditor
	// Keeper is nil if it is not kept in the log what was issued.
	Keeper Keeper
}

// Service issues tokens and knows what is issued.
type Service struct {
	store          store
	clock          clock.Clock
	issuer         string
	keys           Keys
	successorKey   secret.Redacted
	lifetimes      Lifetimes
	clients        Clients
	subjects       Subjects
	people         People
	clientKeys     ClientKeys
	catalogue      Catalogue
	administrators Administrators
	administration string
	recorder       Recorder
	audit          Auditor
	keeper         Keeper
	formats        map[client.AccessTokenFormat]Format
	grants         map[oauth.GrantType]Grant
}

// New returns the service without any grant; see [Service.Use].
func New(deps Deps) *Service {
	writing := &recorderStore{
		database: deps.Database, audit: deps.Audit, reuseWindow: deps.Lifetimes.ReuseWindow, sessions: deps.Sessions,
		repetitions: deps.Lifetimes.Repetitions, repetitionPeriod: deps.Lifetimes.RefreshTokenIdle,
	}
	service := &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, keys: deps.Keys, successorKey: deps.SuccessorKey,
		lifetimes: deps.Lifetimes, clients: deps.Clients, subjects: deps.Subjects, people: deps.People, clientKeys: deps.ClientKeys,
		catalogue: deps.Catalogue, administrators: deps.Administrators, administration: deps.Administration, audit: deps.Audit, keeper: deps.Keeper, recorder: db.NewGroup(deps.Database, writing.write, writing.written),
		formats: map[client.AccessTokenFormat]Format{}, grants: map[oauth.GrantType]Grant{},
	}
	for _, format := range []Format{
		jwtFormat{issuer: deps.Issuer, signer: deps.Keys, algorithm: deps.AccessTokenAlgorithm},
		opaqueFormat{},
	} {
		service.formats[format.Name()] = format
	}
	return service
}

// Use mounts grants. It is called once, while the program is put together.
func (s *Service) Use(grants ...Grant) {
	for _, grant := range grants {
		s.grants[grant.Type()] = grant
	}
}

// Lifetimes returns the server's lifetimes.
func (s *Service) Lifetimes() Lifetimes { return s.lifetimes }
