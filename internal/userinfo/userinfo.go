package userinfo

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
	"authly/internal/user"
)

// Tokens finds access tokens that count.
type Tokens interface {
	FindAccessToken(ctx context.Context, presented secret.Redacted) (token.Live, error)
}

// Users finds the user of a token.
type Users interface {
	Find(ctx context.Context, id uuid.UUID) (user.User, error)
}

// Service answers UserInfo requests.
type Service struct {
	tokens Tokens
	users  Users
}

// New returns the service.
func New(tokens Tokens, users Users) *Service { return &Service{tokens, users} }

// errInvalid has one text for every token that is not accepted.
func errInvalid(reason error) error {
	return oauth.Refuse(oauth.InvalidToken, "the access token is invalid, expired or revoked").Because(reason)
}

// Claims returns the claims that the token gives access to. Errors are
// invalid_token and insufficient_scope (RFC 6750 section 3.1), or faults of our own.
func (s *Service) Claims(ctx context.Context, presented secret.Redacted) (map[string]any, error) {
	live, err := s.tokens.FindAccessToken(ctx, presented)
	if errors.Is(err, token.ErrUnknown) {
		return nil, errInvalid(err)
	}
	if err != nil {
		return nil, fmt.Errorf("find an access token: %w", err)
	}
	if !live.ForServer {
		// A resource server that was given the token must not be able to read here about its owner.
		return nil, errInvalid(errors.New("a token for another resource"))
	}
	if live.Family == nil || !live.Scopes.Has(oauth.ScopeOpenID) {
		return nil, oauth.Refuse(oauth.InsufficientScope, "the access token lacks the scope openid").
			RequiringScope(oauth.ScopeSet{oauth.ScopeOpenID})
	}
	person, err := s.users.Find(ctx, live.Family.UserID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, errInvalid(err)
	}
	if err != nil {
		return nil, fmt.Errorf("find the user of a token: %w", err)
	}
	return person.Claims.ClaimsForScopes(person.Subject(), live.Scopes), nil
}
