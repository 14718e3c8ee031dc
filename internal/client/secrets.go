package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

// The bounds of a client's secrets.
const (
	maxSecrets = 10
	// MaxSecretOverlap is the longest time for which an old secret can be used beside a new one.
	MaxSecretOverlap = 90 * 24 * time.Hour
)

// Secret is what is known of a client's secret: never its value.
type Secret struct {
	ID        uuid.UUID
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: it doesn't
}

// IsAlive tells whether the secret can be used.
func (s Secret) IsAlive(now time.Time) bool { return s.ExpiresAt == nil || now.Before(*s.ExpiresAt) }

// Secrets lists a client's secrets, the oldest first.
func (s *Service) Secrets(ctx context.Context, record uuid.UUID) ([]Secret, error) {
	all, err := s.store.secrets(ctx, record)
	if err != nil {
		return nil, fmt.Errorf("list a client's secrets: %w", err)
	}
	return all, nil
}

// NewSecret is what is decided about another secret.
type NewSecret struct {
	// Overlap is for how long the old ones can still be used.
	Overlap time.Duration
	// Value is made here if it is zero.
	Value secret.Redacted
}

// AddSecret gives a client another secret. The old ones can be used for the time of the
// overlap, and no longer than they could before. The value is returned only if it was made
// here. Faults: Invalid for an overlap out of bounds or a weak value, NotFound, and Conflict
// for a client that needs no secret, has too many, or has this very one.
func (s *Service) AddSecret(ctx context.Context, record uuid.UUID, wanted NewSecret) (Secret, secret.Redacted, error) {
	if wanted.Overlap < 0 || wanted.Overlap > MaxSecretOverlap {
		return Secret{}, secret.Redacted{}, fault.New(fault.Invalid, "client.invalid").WithField("overlap_seconds", "client.lifetime_invalid")
	}
	if !wanted.Value.IsZero() && !isStrongSecret(wanted.Value) {
		return Secret{}, secret.Redacted{}, fault.New(fault.Invalid, "client.invalid").WithField("client_secret", "client.secret_weak")
	}
	var (
		made  Secret
		value secret.Redacted
	)
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		// The record's row makes those who do the same at once take turns.
		if err := s.store.touch(ctx, record, now); err != nil {
			return err
		}
		known, err := s.FindByRecord(ctx, record)
		if err != nil {
			return err
		}
		if !known.hasSecret() {
			return fault.New(fault.Conflict, "client.has_no_secret")
		}
		if !wanted.Value.IsZero() && known.KnowsSecret(wanted.Value, now) {
			return fault.New(fault.Conflict, "client.secret_known")
		}
		if err := s.store.expireSecrets(ctx, record, now, now.Add(wanted.Overlap)); err != nil {
			return err
		}
		left, err := s.store.secrets(ctx, record)
		if err != nil {
			return err
		}
		if len(left) >= maxSecrets {
			return fault.New(fault.Conflict, "client.too_many_secrets")
		}
		made, value = Secret{ID: id.New(), CreatedAt: now}, secret.Redacted{}
		stored := wanted.Value
		if stored.IsZero() {
			stored = secret.New()
			value = stored
		}
		return s.store.insertNamedSecret(ctx, made.ID, record, secret.Hash(stored), now)
	})
	if err != nil {
		return Secret{}, secret.Redacted{}, fmt.Errorf("add a client secret: %w", err)
	}
	return made, value, nil
}

// DeleteSecret ends one of a client's secrets at once. Faults: NotFound, and Conflict for
// the last one that can be used: whoever wants to shut a client out disables it.
func (s *Service) DeleteSecret(ctx context.Context, record, which uuid.UUID) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		if err := s.store.touch(ctx, record, now); err != nil {
			return err
		}
		all, err := s.store.secrets(ctx, record)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(known Secret) bool { return known.ID == which }) {
			return fault.New(fault.NotFound, "client.secret_unknown")
		}
		if !slices.ContainsFunc(all, func(known Secret) bool { return known.ID != which && known.IsAlive(now) }) {
			return fault.New(fault.Conflict, "client.last_secret")
		}
		return s.store.deleteSecret(ctx, record, which)
	})
	if err != nil {
		return fmt.Errorf("delete a client secret: %w", err)
	}
	return nil
}
