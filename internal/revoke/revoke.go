package revoke

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/token"
)

// Tokens finds and ends tokens.
type Tokens interface {
	FindEndable(ctx context.Context, presented secret.Redacted) (token.AccessToken, *token.Family, error)
	FindRefreshToken(ctx context.Context, presented secret.Redacted) (token.RefreshToken, *token.Family, error)
	RevokeFamily(ctx context.Context, family uuid.UUID, reason token.Reason) error
	RevokeAccessToken(ctx context.Context, id uuid.UUID) error
}

// Service revokes tokens.
type Service struct{ tokens Tokens }

// New returns the service.
func New(tokens Tokens) *Service { return &Service{tokens} }

// Revoke ends the presented token, with its family, if it is the caller's. The
// token_type_hint is not needed: each kind is found by one lookup.
func (s *Service) Revoke(ctx context.Context, caller client.Client, presented secret.Redacted) error {
	_, family, err := s.tokens.FindRefreshToken(ctx, presented)
	switch {
	case err == nil && family != nil && family.Client == caller.ID:
		return s.tokens.RevokeFamily(ctx, family.ID, token.ReasonRevoked)
	case err == nil:
		return nil // another client's, or of a family that has ended
	case !errors.Is(err, token.ErrUnknown):
		return fmt.Errorf("find a token to revoke: %w", err)
	}
	found, family, err := s.tokens.FindEndable(ctx, presented)
	switch {
	case errors.Is(err, token.ErrUnknown):
		return nil
	case err != nil:
		return fmt.Errorf("find a token to revoke: %w", err)
	case found.Client != caller.ID:
		return nil
	case family != nil:
		return s.tokens.RevokeFamily(ctx, family.ID, token.ReasonRevoked)
	default:
		return s.tokens.RevokeAccessToken(ctx, found.ID)
	}
}
