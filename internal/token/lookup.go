package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
)

// Live is an access token that counts right now, with the family it belongs to
// (nil for a client that acts on its own behalf).
type Live struct {
	AccessToken
	Family *Family
	// ForServer tells whether the token is meant for this server itself, and not
	// only for the resource servers of the resources that were asked for.
	ForServer bool
}

// maxPresentedBytes bounds a token that is looked up.
const maxPresentedBytes = 8 << 10

// FindAccessToken returns an access token that was presented, if it counts right
// now: not expired, not revoked, and nothing above it ended. A JWT is verified and
// then judged by its record like any other, so that a revoked one is refused at
// once. The error is [ErrUnknown] for every token that doesn't count.
func (s *Service) FindAccessToken(ctx context.Context, presented secret.Redacted) (Live, error) {
	found, err := s.accessToken(ctx, presented)
	if err != nil {
		return Live{}, err
	}
	live := Live{AccessToken: found, ForServer: slices.Contains(found.Audience, s.issuer)}
	if found.FamilyID == nil {
		return live, nil
	}
	live.Family, err = s.store.liveFamily(ctx, *found.FamilyID)
	if err != nil {
		return Live{}, err
	}
	return live, nil
}

func (s *Service) accessToken(ctx context.Context, presented secret.Redacted) (AccessToken, error) {
	value, now := presented.Reveal(), s.clock.Now()
	if value == "" || len(value) > maxPresentedBytes {
		return AccessToken{}, ErrUnknown
	}
	if strings.Count(value, ".") != 2 { // a handle of ours has no dots, a JWS has two
		return s.store.accessTokenByDigest(ctx, secret.Hash(presented), now)
	}
	payload, err := s.keys.Verify(value, jose.TypeAccessToken, jose.Algorithms()...)
	if err != nil {
		return AccessToken{}, ErrUnknown
	}
	var claims struct {
		Issuer string `json:"iss"`
		ID     string `json:"jti"`
	}
	if err := jose.UnmarshalClaims(payload, &claims); err != nil || claims.Issuer != s.issuer {
		return AccessToken{}, ErrUnknown
	}
	id, err := uuid.Parse(claims.ID)
	if err != nil {
		return AccessToken{}, ErrUnknown
	}
	found, err := s.store.accessTokenByID(ctx, id, now)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return AccessToken{}, fmt.Errorf("find an access token: %w", err)
	}
	return found, err
}
