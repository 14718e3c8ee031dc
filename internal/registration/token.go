package registration

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

// InitialToken is an initial access token (RFC 7591 section 3) without the token
// itself, of which only the hash is kept.
type InitialToken struct {
	ID        uuid.UUID
	Name      string
	Policy    Policy
	UsesLeft  *int64 // nil: as often as one likes
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	RevokedAt *time.Time
}

// IsLive tells whether the token can be used at a time.
func (t InitialToken) IsLive(now time.Time) bool {
	return t.RevokedAt == nil && (t.ExpiresAt == nil || now.Before(*t.ExpiresAt)) && (t.UsesLeft == nil || *t.UsesLeft > 0)
}

// NewInitialToken describes a token that is to be made.
type NewInitialToken struct {
	Name     string
	Policy   Policy
	Uses     int64         // 0: as often as one likes
	Lifetime time.Duration // 0: for ever
}

// MadeInitialToken is a new token with the one sight of it.
type MadeInitialToken struct {
	InitialToken
	Token secret.Redacted
}

// Create checks and stores a token. The error is a fault of kind Invalid that names the wrong fields.
func (s *InitialTokens) Create(ctx context.Context, wanted NewInitialToken) (MadeInitialToken, error) {
	policy := wanted.Policy.withDefaults()
	if err := policy.validate(); err != nil {
		return MadeInitialToken{}, err
	}
	refusal := fault.New(fault.Invalid, "registration.token_invalid")
	if !validName(wanted.Name) {
		refusal = refusal.WithField("name", "registration.value_invalid")
	}
	if wanted.Uses < 0 || wanted.Uses > maxUses {
		refusal = refusal.WithField("uses", "registration.value_invalid")
	}
	if wanted.Lifetime < 0 || wanted.Lifetime > maxLifetime {
		refusal = refusal.WithField("expires", "registration.value_invalid")
	}
	if len(refusal.Fields) > 0 {
		return MadeInitialToken{}, refusal
	}
	now := s.clock.Now()
	made := MadeInitialToken{InitialToken: InitialToken{ID: id.New(), Name: wanted.Name, Policy: policy, CreatedAt: now}, Token: secret.New()}
	if wanted.Uses > 0 {
		made.UsesLeft = &wanted.Uses
	}
	if wanted.Lifetime > 0 {
		end := now.Add(wanted.Lifetime)
		made.ExpiresAt = &end
	}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.insertInitialToken(ctx, made.InitialToken, secret.Hash(made.Token)); err != nil {
			return err
		}
		return s.audit.Record(ctx, made.event(audit.InitialCreate))
	})
	if err != nil {
		return MadeInitialToken{}, fmt.Errorf("store an initial access token: %w", err)
	}
	return made, nil
}

// List returns the tokens, the newest first, 500 at the most.
func (s *InitialTokens) List(ctx context.Context) ([]InitialToken, error) {
	all, err := s.store.initialTokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the initial access tokens: %w", err)
	}
	return all, nil
}

// Revoke ends a token and returns it; the clients that were registered with it stay. To revoke
// it again changes nothing. The error is a fault of kind NotFound if there is no such token.
func (s *InitialTokens) Revoke(ctx context.Context, token uuid.UUID) (InitialToken, error) {
	var known InitialToken
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		revoked, err := s.store.revokeInitialToken(ctx, token, s.clock.Now())
		if err != nil {
			return err
		}
		found := false
		if known, found, err = s.store.initialToken(ctx, token); err != nil {
			return err
		}
		if !found {
			return fault.New(fault.NotFound, "registration.token_unknown")
		}
		if !revoked {
			return nil
		}
		return s.audit.Record(ctx, known.event(audit.InitialRevoke))
	})
	if err != nil {
		return InitialToken{}, fmt.Errorf("revoke an initial access token: %w", err)
	}
	return known, nil
}

// event is what the log is told. Only somebody on the server's own machine makes and
// revokes tokens.
func (t InitialToken) event(action audit.Action) audit.Event {
	return audit.Event{
		Action: action, Actor: audit.Actor{Kind: audit.Operator}, Target: audit.Target{Kind: "initial_access_token", ID: t.ID.String(), Name: t.Name},
	}
}
