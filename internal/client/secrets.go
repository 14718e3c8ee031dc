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

// AddSecret gives a client another secret. The old ones can be used for the time of the
// overlap, and no longer than they could before. Faults: Invalid for an overlap out of
// bounds, NotFound, and Conflict for a client that needs no secret or has too many.
func (s *Service) AddSecret(ctx context.Context, record uuid.UUID, overlap time.Duration) (Secret, secret.Redacted, error) {
	if overlap < 0 || overlap > MaxSecretOverlap {
		return Secret{}, secret.Redacted{}, fault.New(fault.Invalid, "client.invalid").WithField("overlap_seconds", "client.lifetime_invalid")
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
		if err := s.store.expireSecrets(ctx, record, now, now.Add(overlap)); err != nil {
			return err
		}
		left, err := s.store.secrets(ctx, record)
		if err != nil {
			return err
		}
		if len(left) >= maxSecrets {
			return fault.New(fault.Conflict, "client.too_many_secrets")
		}
		made, value = Secret{ID: id.New(), CreatedAt: now}, secret.New()
		return s.store.insertNamedSecret(ctx, made.ID, record, secret.Hash(value), now)
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
