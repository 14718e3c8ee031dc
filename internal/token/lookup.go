package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/jose"
)

// Live is an access token that counts right now, with the family it belongs to
// (nil for a client that acts on its own behalf). Its scopes and audience, and what its family has, are those that are
// left of what was authorized.
type Live struct {
	AccessToken
	// Issued is the token as it was issued. Others than those in the audience that is left may hold it too.
	Issued AccessToken
	// Owner is the client that the token was issued to.
	Owner  client.Client
	Family *Family
	// ForServer tells whether the token is meant for this server itself, and not
	// only for the resource servers of the resources that were asked for.
	ForServer bool
}

// maxPresentedBytes bounds a token that is looked up.
const maxPresentedBytes = 8 << 10

// Authorize returns the access token of a request to a protected resource, if the request may use it: the token
// counts, as for [Service.Lookup], and what was presented with it is the proof that it needs. A bearer token needs
// none. The error is [ErrUnknown] for every other token.
func (s *Service) Authorize(ctx context.Context, presented httpx.Presentation) (Live, error) {
	return s.Lookup(ctx, presented.Token())
}

// Lookup returns an access token of which the value is presented, if it counts right now: not expired, not revoked, nothing above it
// ended, and not all of its audience taken from its client. It gives no access, as it asks for no proof: a protected
// resource uses [Service.Authorize]. The token may have no scopes left: what needs one refuses it. A JWT is verified, and then
// judged by its record like any other, so that a revoked one is refused at once. The error is [ErrUnknown] for every
// token that doesn't count.
func (s *Service) Lookup(ctx context.Context, presented secret.Redacted) (Live, error) {
	found, family, err := s.FindEndable(ctx, presented)
	if err != nil {
		return Live{}, err
	}
	owner, err := s.clients.FindByRecord(ctx, found.Client)
	if fault.KindOf(err) == fault.NotFound || err == nil && !owner.IsActive() {
		return Live{}, ErrUnknown
	}
	if err != nil {
		return Live{}, fmt.Errorf("find the client of a token: %w", err)
	}
	live := Live{AccessToken: found, Issued: found, Owner: owner}
	var userID *uuid.UUID
	if family != nil {
		userID = &family.UserID
	}
	limits, err := s.limits(ctx, owner, userID, found.Scopes)
	if err != nil {
		return Live{}, err
	}
	if family != nil {
		left, counts := family.within(limits)
		if !counts {
			return Live{}, ErrUnknown
		}
		live.Family = &left
	}
	issued := entitlement.Authorization{Scopes: found.Scopes, Resources: found.Audience}
	left := issued.Within(limits)
	if _, noAudience := issued.HasLost(left); noAudience {
		return Live{}, ErrUnknown
	}
	live.Scopes, live.Audience = left.Scopes, left.Resources
	live.ForServer = slices.Contains(live.Audience, s.issuer)
	return live, nil
}

// FindEndable returns an access token that was presented, as it was issued, with its family (nil for a client that acts
// on its own behalf), if it is neither expired nor revoked and nothing above it ended. What may be had now is not asked:
// a client can end what it can't use at the moment. The error is [ErrUnknown] for every other token.
func (s *Service) FindEndable(ctx context.Context, presented secret.Redacted) (AccessToken, *Family, error) {
	found, err := s.accessToken(ctx, presented)
	if err != nil || found.FamilyID == nil {
		return found, nil, err
	}
	family, err := s.store.liveFamily(ctx, *found.FamilyID, s.clock.Now())
	if err != nil {
		return AccessToken{}, nil, err
	}
	return found, family, nil
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
