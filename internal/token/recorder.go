package token

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// The verdicts of the recorder about one token response.
var (
	// ErrCodeUsed says that the code was consumed before, has expired, or its session has ended.
	ErrCodeUsed = errors.New("the authorization code can't be used any more")
	// ErrRefreshReused says that the refresh token was rotated too long ago, or that too many
	// rotations in a row were repeated.
	ErrRefreshReused = errors.New("the refresh token was used before")
	// ErrEnded says that the family of the refresh token no longer counts.
	ErrEnded = errors.New("the token family has ended")
	// ErrClientChanged says that the client was disabled or deleted, or that its record or its
	// secrets were changed, after the request was judged.
	ErrClientChanged = errors.New("the client was changed meanwhile")
)

// Record is what one token response promises; nothing of it is answered before
// it is durable.
type Record struct {
	Now time.Time
	Use Use
	// Client is the client as it was judged. A record is refused if the client isn't that one any more.
	Client JudgedClient
	// NewFamily begins with a code.
	NewFamily *Family
	// Rotate tells whether a used refresh token is replaced by NewRefresh.
	Rotate     bool
	NewRefresh *RefreshToken
	// IdleExpiry is the new end of a refresh token that is not replaced.
	IdleExpiry time.Time
	Access     AccessToken
	// ClientID and UserID are kept in the row of the access token, which outlives both.
	ClientID string
	UserID   *uuid.UUID
	// SessionID is the session on which the family depends, nil for none. A refresh is a use of it.
	SessionID *uuid.UUID
	// Origin is where the request came from.
	Origin audit.Origin
}

// JudgedClient is what tells whether a client's record has changed since it was read.
type JudgedClient struct {
	ID        uuid.UUID
	Epoch     int64
	UpdatedAt time.Time
}

// RefreshToken is a refresh token as it is stored.
type RefreshToken struct {
	ID        uuid.UUID
	Digest    secret.Digest
	FamilyID  uuid.UUID
	CreatedAt time.Time
	ExpiresAt time.Time
	RotatedAt *time.Time
}

// AccessToken is an access token as it is stored: every one is, also a JWT, so that
// it can be revoked.
type AccessToken struct {
	ID        uuid.UUID
	Digest    *secret.Digest
	Client    uuid.UUID
	FamilyID  *uuid.UUID
	Scopes    oauth.ScopeSet
	Audience  []string
	IssuedAt  time.Time
	ExpiresAt time.Time
	// Origin is where the request came from, as the row keeps it (see [Keeper]); empty if it isn't kept in the log what was issued.
	Origin audit.Origin
}

// write applies a batch of records inside one transaction; see db.Group.
func (s *recorderStore) write(ctx context.Context, batch []Record) ([]error, error) {
	verdicts := make([]error, len(batch))
	steps := []func(ctx context.Context, batch []Record, verdicts []error) error{
		s.judgeClients,
		s.judgeFamilies,
		s.consumeCodes,
		s.insertFamilies,
		s.rotateRefreshTokens,
		s.extendRefreshTokens,
		s.insertRefreshTokens,
		s.insertAccessTokens,
		s.useSessions,
	}
	for _, step := range steps {
		if err := step(ctx, batch, verdicts); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}
