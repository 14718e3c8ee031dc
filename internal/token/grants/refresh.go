package grants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// RefreshTokens finds refresh tokens and ends families.
type RefreshTokens interface {
	FindRefreshToken(ctx context.Context, presented secret.Redacted) (token.RefreshToken, *token.Family, error)
	RevokeFamily(ctx context.Context, family uuid.UUID, reason token.Reason) error
}

// RefreshToken is the grant of RFC 6749 section 6.
type RefreshToken struct {
	tokens RefreshTokens
	// window is how long a rotated token gives its successor again.
	window time.Duration
}

// NewRefreshToken returns the grant.
func NewRefreshToken(tokens RefreshTokens, reuseWindow time.Duration) *RefreshToken {
	return &RefreshToken{tokens: tokens, window: reuseWindow}
}

// Type returns refresh_token.
func (*RefreshToken) Type() oauth.GrantType { return oauth.RefreshToken }

func refusedRefresh(reason string) error {
	return oauth.Refuse(oauth.InvalidGrant, "the refresh token is invalid, expired or was issued to another client").
		Because(errors.New(reason))
}

// Authorize checks the refresh token. One that was rotated longer ago than the
// window is being replayed: by a thief, or by its owner after a thief. Nobody can tell which, so
// the family ends (RFC 9700 section 4.14.2).
func (g *RefreshToken) Authorize(ctx context.Context, request *token.Request) (*token.Authorization, error) {
	presented := secret.FromString(request.Params.Get("refresh_token"))
	if presented.IsZero() {
		return nil, oauth.Refuse(oauth.InvalidRequest, "refresh_token is missing")
	}
	found, family, err := g.tokens.FindRefreshToken(ctx, presented)
	switch {
	case errors.Is(err, token.ErrUnknown):
		return nil, refusedRefresh("unknown refresh token")
	case err != nil:
		return nil, fmt.Errorf("find a refresh token: %w", err)
	case family == nil:
		return nil, refusedRefresh("the family has ended")
	case family.Client != request.Client.ID:
		return nil, refusedRefresh("another client's refresh token")
	case !request.Now.Before(found.ExpiresAt) || !request.Now.Before(family.ExpiresAt):
		return nil, refusedRefresh("expired refresh token")
	case found.RotatedAt != nil && (g.window <= 0 || !request.Now.Before(found.RotatedAt.Add(g.window))):
		if err := g.tokens.RevokeFamily(ctx, family.ID, token.ReasonRefreshReused); err != nil {
			return nil, err
		}
		return nil, refusedRefresh("reused refresh token")
	}
	return &token.Authorization{
		Family: family, Scopes: family.Scopes, Resources: family.Resources,
		Use: token.Use{Refresh: &token.RefreshUse{ID: found.ID, Presented: presented}},
	}, nil
}
