package token

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/oauth"
)

// WithinLimits returns what is left of an authorization: what the client may still have, for the user or, without
// one, on its own behalf. It is the one place where that is judged, for consent, codes, tokens and what they give
// access to. It doesn't ask whether the authorization has ended.
func (s *Service) WithinLimits(ctx context.Context, owner client.Client, userID *uuid.UUID, authorized entitlement.Authorization) (entitlement.Authorization, error) {
	limits, err := s.limits(ctx, owner, userID, authorized.Scopes)
	if err != nil {
		return entitlement.Authorization{}, err
	}
	return authorized.Within(limits), nil
}

// limits returns the most that a client may have now. Who is an administrator is looked up only if that matters for
// the scopes that are to be judged.
func (s *Service) limits(ctx context.Context, owner client.Client, userID *uuid.UUID, judged oauth.ScopeSet) (entitlement.Limits, error) {
	limits := entitlement.Limits{Scopes: owner.MayHaveScopes(), Resources: append(slices.Clone(owner.Resources), s.issuer)}
	if s.administration != "" && owner.MayAdminister() { // it may have tokens for that on its own behalf, whatever its record has
		limits.Resources = append(limits.Resources, s.administration)
	}
	if s.catalogue != nil {
		var err error
		if limits.Scopes, err = s.catalogue.Usable(ctx, limits.Scopes); err != nil {
			return entitlement.Limits{}, fmt.Errorf("find the active scopes: %w", err)
		}
	}
	if !slices.ContainsFunc(judged, oauth.IsAdministrationScope) {
		return limits, nil
	}
	may := false
	if s.administrators != nil {
		var err error
		if may, err = s.administrators.MayAdminister(ctx, owner, userID); err != nil {
			return entitlement.Limits{}, fmt.Errorf("find out who may administer: %w", err)
		}
	}
	if !may {
		limits.Scopes = limits.Scopes.WithoutAdministration()
	}
	return limits, nil
}

// WithinLimits returns a family with what is left of its authorization. The second result is false if the family
// counts no more: it was to outlive its session, the client may not have that now, and the session has ended.
func (f Family) within(limits entitlement.Limits) (Family, bool) {
	left := f.authorization().Within(limits)
	f.Scopes, f.Resources, f.Claims = left.Scopes, left.Resources, left.Claims
	if f.Offline && !f.Scopes.Has(oauth.ScopeOfflineAccess) {
		f.Offline = false
		return f, f.sessionLives
	}
	return f, true
}

// FamilyWithinLimits returns a live family with what is left of its authorization, or nil if nothing is.
func (s *Service) FamilyWithinLimits(ctx context.Context, owner client.Client, family Family) (*Family, error) {
	limits, err := s.limits(ctx, owner, &family.UserID, family.Scopes)
	if err != nil {
		return nil, err
	}
	left, counts := family.within(limits)
	noScopes, noResources := family.authorization().HasLost(left.authorization())
	if !counts || noScopes || noResources {
		return nil, nil //nolint:nilnil // nothing is left
	}
	return &left, nil
}
