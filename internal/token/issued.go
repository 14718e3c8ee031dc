package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/page"
	"authly/internal/protocol/oauth"
)

// Kind is what sort of thing was issued.
type Kind string

// The kinds.
const (
	KindFamily      Kind = "family"
	KindAccessToken Kind = "access_token"
)

// Issued is a family, or an access token, as people look at it. It has neither a token
// nor the hash of one.
type Issued struct {
	Kind     Kind
	ID       uuid.UUID
	ClientID string
	// UserID is nil, and Username empty, for what a client got on its own behalf.
	UserID   *uuid.UUID
	Username string
	// FamilyID is that of an access token on behalf of a user.
	FamilyID *uuid.UUID
	// GrantID, SessionID and Offline are those of a family.
	GrantID   *uuid.UUID
	SessionID *uuid.UUID
	Offline   bool
	// Refreshed tells of an access token whether it was issued for a refresh token.
	Refreshed bool
	Scopes    oauth.ScopeSet
	// Audience is that of an access token, or the resources of a family.
	Audience  []string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
	Reason    Reason // of a family, "" if it was not revoked

	live      bool
	liveUntil *time.Time // as far as the session lets it count; nil for what has no family
}

// IsActive tells whether it counted at a time, as far as is known now: not expired, not
// revoked, and nothing above it ended.
func (i Issued) IsActive(at time.Time) bool {
	return i.live && (i.liveUntil == nil || at.Before(*i.liveUntil)) && i.RevokedAt == nil && at.Before(i.ExpiresAt)
}

// State is the question whether something counts.
type State string

// The states.
const (
	Active State = "active"
	Over   State = "ended" // expired, revoked, or something above it ended
)

// MaxPage is the most of one page.
const MaxPage = 200

// IssuedQuery says what is wanted. What is left at its zero value may be anything, but
// access tokens on behalf of users are only listed by their family.
type IssuedQuery struct {
	Kind     Kind
	UserID   uuid.UUID
	Client   uuid.UUID // the record
	FamilyID uuid.UUID
	State    State
	After    page.Position
	// Limit is the size of a page: MaxPage if zero or more than that.
	Limit int
}

// ListIssued returns a page of what was issued, the newest first.
func (s *Service) ListIssued(ctx context.Context, query IssuedQuery) (page.Of[Issued], error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	var families, tokens page.Of[Issued]
	var err error
	now := s.clock.Now()
	if query.Kind != KindAccessToken && query.FamilyID == uuid.Nil {
		families, err = s.store.listFamilies(ctx, query, now)
	}
	if err == nil && query.Kind != KindFamily && (query.UserID == uuid.Nil || query.FamilyID != uuid.Nil) {
		tokens, err = s.store.listAccessTokens(ctx, query, now)
	}
	if err != nil {
		return page.Of[Issued]{}, fmt.Errorf("list tokens: %w", err)
	}
	return merge(families, tokens, query.Limit), nil
}

// merge makes one page of two in the same order. Each of the two is whole up to where it ends.
func merge(a, b page.Of[Issued], limit int) page.Of[Issued] {
	end := a.Next // of what is known of both: the one that comes first
	if end.IsZero() || !b.Next.IsZero() && bytes.Compare(b.Next.ID[:], end.ID[:]) > 0 {
		end = b.Next
	}
	all := slices.Concat(a.Items, b.Items)
	slices.SortFunc(all, func(a, b Issued) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	if !end.IsZero() {
		all = slices.DeleteFunc(all, func(i Issued) bool { return bytes.Compare(i.ID[:], end.ID[:]) < 0 })
	}
	if len(all) > limit {
		all = all[:limit]
		end = page.Position{ID: all[limit-1].ID}
	}
	return page.Of[Issued]{Items: all, Next: end}
}

// FindIssued returns a family, or any access token, ended ones too. The error is a fault
// of kind NotFound if there is none, or not any more.
func (s *Service) FindIssued(ctx context.Context, which uuid.UUID) (Issued, error) {
	found, err := s.store.findFamily(ctx, which)
	if errors.Is(err, ErrUnknown) {
		found, err = s.store.findAccessToken(ctx, which)
	}
	if errors.Is(err, ErrUnknown) {
		return Issued{}, fault.New(fault.NotFound, "token.unknown")
	}
	if err != nil {
		return Issued{}, fmt.Errorf("find a token: %w", err)
	}
	return found, nil
}

// EndIssued ends a family with all its tokens, or one access token, on behalf of an
// administrator, and tells whether it was this call that did. It writes no event of its
// own, and joins the transaction of ctx.
func (s *Service) EndIssued(ctx context.Context, which Issued) (first bool, err error) {
	if which.Kind == KindFamily {
		var ended *endedFamily
		ended, err = s.store.revokeFamily(ctx, which.ID, ReasonAdministrator, s.clock.Now())
		first = ended != nil
	} else {
		_, first, err = s.store.revokeAccessToken(ctx, which.ID, s.clock.Now())
	}
	if err != nil {
		return false, fmt.Errorf("end a token: %w", err)
	}
	return first, nil
}

// EndSomeOfUser ends codes and families of a user, those that follow one in the order of their
// identifiers, as many as go into one transaction. It joins that of ctx.
func (s *Service) EndSomeOfUser(ctx context.Context, userID, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, familiesOfUser(), userID, after)
}

// EndSomeOfClient is EndSomeOfUser for a client.
func (s *Service) EndSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, familiesOfClient(), clientRecord, after)
}

// EndSomeOwn ends access tokens that a client got on its own behalf, in the same way.
func (s *Service) EndSomeOwn(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error) {
	return s.endSome(ctx, ownTokens(), clientRecord, after)
}

func (s *Service) endSome(ctx context.Context, of batch, key, after uuid.UUID) (made page.Batch, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) (err error) {
		made, err = s.store.endSome(ctx, of, key, after, s.clock.Now())
		return err
	})
	if err != nil {
		return page.Batch{}, fmt.Errorf("end tokens: %w", err)
	}
	return made, nil
}
