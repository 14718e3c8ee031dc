package user

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
)

// PasswordHasher computes and verifies password hashes in a bounded pool.
type PasswordHasher interface {
	Hash(ctx context.Context, password secret.Redacted) (string, error)
	Verify(ctx context.Context, encoded string, password secret.Redacted) (secret.Verdict, error)
	VerifyAbsent(ctx context.Context, password secret.Redacted) error
}

// Sessions ends a user's sessions, with what was issued on behalf of
// the user. It joins the transaction of the context.
type Sessions interface {
	EndAllOf(ctx context.Context, userID uuid.UUID) error
}

// Eraser makes a user's personal data in the audit log unreadable. It joins the transaction of the context.
type Eraser interface {
	Erase(ctx context.Context, userID uuid.UUID) error
}

// Deps are the dependencies of the service; all are required but ServiceWords.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Hasher   PasswordHasher
	Sessions Sessions
	Log      Eraser
	Rules    policy.PasswordRules
	// ServiceWords are the names of this service, which no password may consist of.
	ServiceWords []string
}

// Service manages users.
type Service struct {
	store        store
	clock        clock.Clock
	hasher       PasswordHasher
	sessions     Sessions
	log          Eraser
	rules        policy.PasswordRules
	serviceWords []string
}

// NewService returns the service.
func NewService(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, hasher: deps.Hasher, sessions: deps.Sessions, log: deps.Log,
		rules: deps.Rules, serviceWords: deps.ServiceWords,
	}
}
