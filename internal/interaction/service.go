package interaction

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

// errUnknown is the common error for an interaction that does not exist, has expired or is another browser's.
var errUnknown = fault.New(fault.NotFound, "interaction.unknown")

// Begin stores a new interaction that no browser has claimed yet.
func (s *Service) Begin(ctx context.Context, request Request) (Interaction, error) {
	now := s.clock.Now()
	interaction := Interaction{ID: id.New(), Request: request, CreatedAt: now, ExpiresAt: now.Add(s.lifetime)}
	if err := s.store.insert(ctx, interaction); err != nil {
		return Interaction{}, fmt.Errorf("begin an interaction: %w", err)
	}
	return interaction, nil
}

// Transient returns an interaction that is not stored, for a request that can
// be answered at once.
func (s *Service) Transient(request Request) Interaction {
	now := s.clock.Now()
	return Interaction{ID: id.New(), Request: request, CreatedAt: now, ExpiresAt: now}
}

// Claim binds an interaction to the first browser that asks, by one conditional
// statement, and returns the secret for the browser. A second claim is
// refused with a fault of kind NotFound.
func (s *Service) Claim(ctx context.Context, interaction uuid.UUID) (Bound, secret.Redacted, error) {
	binding := secret.New()
	claimed, err := s.store.claim(ctx, interaction, secret.Hash(binding), s.clock.Now())
	if errors.Is(err, errNoRecord) {
		return Bound{}, secret.Redacted{}, errUnknown
	}
	if err != nil {
		return Bound{}, secret.Redacted{}, fmt.Errorf("claim an interaction: %w", err)
	}
	return Bound{claimed, binding}, binding, nil
}

// Find returns the interaction of a browser that holds its secret, including completed
// ones. Otherwise the error is a fault of kind NotFound.
func (s *Service) Find(ctx context.Context, interaction uuid.UUID, binding secret.Redacted) (Bound, error) {
	i, err := s.store.bound(ctx, interaction, secret.Hash(binding), s.clock.Now())
	if errors.Is(err, errNoRecord) {
		return Bound{}, errUnknown
	}
	if err != nil {
		return Bound{}, fmt.Errorf("find an interaction: %w", err)
	}
	return Bound{i, binding}, nil
}

// RecordSignIn records that a user signed in within the interaction.
func (s *Service) RecordSignIn(ctx context.Context, interaction, sessionID uuid.UUID) error {
	changed, err := s.store.recordSignIn(ctx, interaction, sessionID, s.clock.Now())
	if err != nil {
		return fmt.Errorf("record a sign-in: %w", err)
	}
	if !changed {
		return errUnknown
	}
	return nil
}

// RecordChoice records that a user continues with a session.
func (s *Service) RecordChoice(ctx context.Context, interaction, sessionID uuid.UUID) error {
	changed, err := s.store.recordChoice(ctx, interaction, sessionID, s.clock.Now())
	if err != nil {
		return fmt.Errorf("record the choice of an account: %w", err)
	}
	if !changed {
		return errUnknown
	}
	return nil
}

// Complete ends an interaction, once: the second caller gets a fault of kind
// Conflict. In a transaction it makes the whole transaction happen once.
func (s *Service) Complete(ctx context.Context, interaction uuid.UUID) error {
	changed, err := s.store.complete(ctx, interaction, s.clock.Now())
	if err != nil {
		return fmt.Errorf("complete an interaction: %w", err)
	}
	if !changed {
		return fault.New(fault.Conflict, "interaction.completed")
	}
	return nil
}

// Decline ends an interaction whose request a user declines in a session, once. It returns false if it had ended
// before, or if the session or the client is no longer valid. It joins the transaction of ctx.
func (s *Service) Decline(ctx context.Context, interaction, sessionID uuid.UUID) (bool, error) {
	changed, err := s.store.decline(ctx, interaction, sessionID, s.clock.Now())
	if err != nil {
		return false, fmt.Errorf("decline an interaction: %w", err)
	}
	return changed, nil
}

// DeleteAll deletes all interactions, in the transaction of ctx if there is one, and returns how many. Users who are signing in have to start again.
func (s *Service) DeleteAll(ctx context.Context) (int64, error) {
	count, err := s.store.deleteAll(ctx)
	if err != nil {
		return 0, fmt.Errorf("delete all interactions: %w", err)
	}
	return count, nil
}

// Sweep deletes expired interactions.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweep(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("sweep interactions: %w", err)
	}
	return nil
}
