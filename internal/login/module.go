package login

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/session"
	"authly/internal/user"
)

// The names of the limits that a [Throttle] must have.
const (
	LimitAccount = "login.account" // by the typed name
	LimitUser    = "login.user"    // by the account with the name
	LimitAddress = "login.address"
)

// Throttle counts attempts.
type Throttle interface {
	Allow(ctx context.Context, limit, subject string) (ratelimit.Decision, error)
	AllowAddress(ctx context.Context, limit string, address netip.Addr) (ratelimit.Decision, error)
	Reset(ctx context.Context, limit, subject string) error
}

// Users authenticates users.
type Users interface {
	VerifyPassword(ctx context.Context, identifier string, password secret.Redacted) (user.Verified, error)
	VerifyAbsent(ctx context.Context, password secret.Redacted) error
	RecordSignIn(ctx context.Context, userID uuid.UUID) error
	Find(ctx context.Context, userID uuid.UUID) (user.User, error)
	FindByIdentifier(ctx context.Context, identifier string) (user.User, error)
	IssueTicket(ctx context.Context, verified user.Verified, lifetime time.Duration) (secret.Redacted, error)
	FindTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted) (user.Verified, error)
	PrepareOtherPassword(ctx context.Context, u user.User, password secret.Redacted) (user.PreparedPassword, error)
	UseTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted, prepared user.PreparedPassword) (user.Verified, error)
}

// Sessions starts sessions.
type Sessions interface {
	Start(ctx context.Context, begun session.New) (session.Session, secret.Redacted, error)
}

// Interactions records who signed in within an interaction, or chose to continue.
type Interactions interface {
	RecordSignIn(ctx context.Context, interaction, sessionID uuid.UUID) error
	RecordChoice(ctx context.Context, interaction, sessionID uuid.UUID) error
}

// Transactions runs the work of several services in one transaction.
type Transactions interface {
	Tx(ctx context.Context, work func(ctx context.Context) error) error
}

// Auditor records events. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
	RecordRefusal(ctx context.Context, refusal audit.Refusal) (bool, error)
}

// Deps are the dependencies of the service; all are required.
type Deps struct {
	Throttle     Throttle
	Users        Users
	Sessions     Sessions
	Interactions Interactions
	Transactions Transactions
	Audit        Auditor
}

// Service signs users in.
type Service struct{ deps Deps }

// New returns the service.
func New(deps Deps) *Service { return &Service{deps} }
