package consent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// Grant is what a user allowed a client.
type Grant struct {
	ID        uuid.UUID
	Client    uuid.UUID
	UserID    uuid.UUID
	Scopes    oauth.ScopeSet
	Resources []string
	// Claims are those that were allowed by name (OpenID Connect Core 1.0 section 5.5).
	Claims    []string
	CreatedAt time.Time
	UpdatedAt time.Time
	RevokedAt *time.Time
}

// Covers tells whether everything asked for was allowed before.
func (g Grant) Covers(wanted Wanted) bool {
	return g.Scopes.ContainsAll(wanted.Scopes) && containsAll(g.Resources, wanted.Resources) && containsAll(g.Claims, wanted.Claims)
}

func containsAll(known, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(value string) bool { return !slices.Contains(known, value) })
}

// Wanted is what a client asks to be allowed.
type Wanted struct {
	Scopes    oauth.ScopeSet
	Resources []string
	Claims    []string
}

func (g Grant) wanted() Wanted { return Wanted{g.Scopes, g.Resources, g.Claims} }

// MayRemember tells whether an earlier consent counts for a client that is known
// by its redirect URI. One that neither authenticates nor receives its codes at an https
// address of its own can be impersonated by any program on the user's machine, so it asks
// each time (RFC 8252 section 8.6, OAuth 2.1 section 7.3.1).
func MayRemember(known client.Client, redirectURI string) bool {
	if known.Consent != client.ConsentRemember {
		return false
	}
	return !known.IsPublic() || strings.HasPrefix(redirectURI, "https://")
}

// Find returns the live grant of a user for a client; the second result tells whether there is one.
func (s *Service) Find(ctx context.Context, clientRecord, userID uuid.UUID) (Grant, bool, error) {
	found, ok, err := s.store.live(ctx, clientRecord, userID)
	if err != nil {
		return Grant{}, false, fmt.Errorf("find a grant: %w", err)
	}
	return found, ok, nil
}

// maxAttempts bounds how often a consent starts over because the grant that it
// was about to widen was made or revoked by somebody else in between.
const maxAttempts = 20

// Allow records that a user allows a client the scopes and resources, widening
// the live grant if there is one. It joins the transaction of ctx.
func (s *Service) Allow(ctx context.Context, wanted Grant) (Grant, error) {
	given, ok, err := s.store.live(ctx, wanted.Client, wanted.UserID)
	if err == nil && ok && given.Covers(wanted.wanted()) {
		return given, nil
	}
	if err == nil {
		err = s.store.inTransaction(ctx, func(ctx context.Context) error {
			given, err = s.widen(ctx, wanted)
			return err
		})
	}
	if err != nil {
		return Grant{}, fmt.Errorf("record a consent: %w", err)
	}
	return given, nil
}

// widen makes or widens the live grant. Tabs that do so at once take turns at its row.
func (s *Service) widen(ctx context.Context, wanted Grant) (Grant, error) {
	now := s.clock.Now()
	for range maxAttempts {
		known, ok, err := s.store.lockLive(ctx, wanted.Client, wanted.UserID)
		if err != nil {
			return Grant{}, err
		}
		if !ok {
			made, created, err := s.store.insert(ctx, wanted, now)
			if err != nil || created {
				return made, err
			}
			continue // another tab was faster: widen that one
		}
		if known.Covers(wanted.wanted()) {
			return known, nil
		}
		known.Scopes, known.Resources, known.UpdatedAt = known.Scopes.Union(wanted.Scopes), union(known.Resources, wanted.Resources), now
		known.Claims = union(known.Claims, wanted.Claims)
		return known, s.store.widen(ctx, known)
	}
	return Grant{}, fault.New(fault.Conflict, "consent.busy")
}

func union(known, more []string) []string {
	all := slices.Clone(known)
	for _, value := range more {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

// Revoke ends a grant and everything that hangs from it, in the transaction of ctx if
// there is one, and tells whether it was this call that did. Revoking twice changes
// nothing. The error is a fault of kind NotFound if there is no such grant.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) (bool, error) {
	first, err := s.store.revoke(ctx, id, s.clock.Now())
	if err != nil {
		return false, fmt.Errorf("revoke a grant: %w", err)
	}
	if !first {
		_, err = s.FindByID(ctx, id)
	}
	return first, err
}

// ListOfUser returns the live grants of a user, the newest first, 500 at the most.
func (s *Service) ListOfUser(ctx context.Context, userID uuid.UUID) ([]Grant, error) {
	found, err := s.store.ofUser(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return found, nil
}
