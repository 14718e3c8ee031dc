package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

// Code is an authorization code with everything that it stands for. Its
// identifier becomes that of the family it begins.
type Code struct {
	Delegation
	ID               uuid.UUID
	SessionExpiresAt *time.Time // the absolute end of the session; only of a code that was found
	RedirectURI      string
	CodeChallenge    string
	Nonce            string
	CreatedAt        time.Time
	ExpiresAt        time.Time
	UsedAt           *time.Time
}

// ErrUnknown is returned for a code or token that does not exist.
var ErrUnknown = errors.New("no such code or token")

// ErrSessionEnded is returned for a code of which the session, its user or the client has ended meanwhile.
var ErrSessionEnded = errors.New("the session or the client has ended")

// IssueCode stores a new authorization code, as a digest, and returns it. Its
// identifier and times are set here. It joins the transaction of ctx, in which the grant of the code must be locked.
// The error is [ErrSessionEnded] if the client or the session counts no more.
func (s *Service) IssueCode(ctx context.Context, code Code) (secret.Redacted, error) {
	value := secret.New()
	code.ID, code.CreatedAt = id.New(), s.clock.Now()
	code.ExpiresAt = code.CreatedAt.Add(s.lifetimes.AuthorizationCode)
	stored, err := s.store.insertCode(ctx, code, secret.Hash(value))
	if err != nil {
		return secret.Redacted{}, fmt.Errorf("store an authorization code: %w", err)
	}
	if !stored {
		return secret.Redacted{}, ErrSessionEnded
	}
	return value, nil
}

// FindCode returns a code as it is stored, used and expired ones too, without
// consuming it. The error is [ErrUnknown] if there is none.
func (s *Service) FindCode(ctx context.Context, presented secret.Redacted) (Code, error) {
	return s.store.code(ctx, secret.Hash(presented))
}

// FindRefreshToken returns a refresh token as it is stored, with its live
// family, or nil if that has ended. The error is [ErrUnknown] if there is none.
func (s *Service) FindRefreshToken(ctx context.Context, presented secret.Redacted) (RefreshToken, *Family, error) {
	found, err := s.store.refreshToken(ctx, secret.Hash(presented))
	if err != nil {
		return RefreshToken{}, nil, err
	}
	family, err := s.store.liveFamily(ctx, found.FamilyID, s.clock.Now())
	if errors.Is(err, ErrUnknown) {
		return found, nil, nil
	}
	return found, family, err
}

// Reason says why a family ended.
type Reason string

// The reasons for the end of a family.
const (
	ReasonCodeReplayed  Reason = "code_replayed"
	ReasonRefreshReused Reason = "refresh_token_reused"
	ReasonRevoked       Reason = "revoked_by_client"
	ReasonUserEnded     Reason = "user_disabled"
	ReasonClientEnded   Reason = "client_disabled"
	ReasonAdministrator Reason = "revoked_by_administrator"
	ReasonBackup        Reason = "restored_from_backup"
)

// endWithin bounds the end of a family or an access token.
const endWithin = 10 * time.Second

// RevokeFamily ends a family and all its tokens. Ending it twice keeps the first
// reason. A client that replays a token can't call it off by hanging up, so it outlives ctx.
// The end doesn't depend on the audit log: its event is promised in the same transaction.
// It must not be called in a transaction.
func (s *Service) RevokeFamily(ctx context.Context, family uuid.UUID, reason Reason) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	err := s.audit.RecordEventually(ctx, func(ctx context.Context) (*audit.Event, error) {
		ended, err := s.store.revokeFamily(ctx, family, reason, s.clock.Now())
		if err != nil || ended == nil {
			return nil, err
		}
		event := endOf(*ended, reason)
		return &event, nil
	})
	if err != nil {
		return fmt.Errorf("revoke a token family: %w", err)
	}
	return nil
}

// endOf tells of the end of a family.
func endOf(ended endedFamily, reason Reason) audit.Event {
	event := revokedBy(ended.clientID, audit.Target{Kind: "token_family", ID: ended.id.String()})
	event.Details.Subject = ended.userID.String()
	switch reason {
	case ReasonCodeReplayed:
		event.Action, event.Outcome = audit.CodeReplay, audit.Failure
	case ReasonRefreshReused:
		event.Action, event.Outcome = audit.RefreshReuse, audit.Failure
	case ReasonRevoked, ReasonUserEnded, ReasonClientEnded, ReasonAdministrator, ReasonBackup:
	}
	return event
}

func revokedBy(clientID string, target audit.Target) audit.Event {
	return audit.Event{Action: audit.TokenRevoke, ClientID: clientID, Actor: audit.Actor{Kind: audit.Client, ID: clientID}, Target: target}
}

// RevokeAccessToken ends one access token, for those that belong to no family, on the same
// terms as [Service.RevokeFamily].
func (s *Service) RevokeAccessToken(ctx context.Context, token uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	err := s.audit.RecordEventually(ctx, func(ctx context.Context) (*audit.Event, error) {
		clientID, revoked, err := s.store.revokeAccessToken(ctx, token, s.clock.Now())
		if err != nil || !revoked {
			return nil, err
		}
		event := revokedBy(clientID, audit.Target{Kind: "access_token", ID: token.String()})
		return &event, nil
	})
	if err != nil {
		return fmt.Errorf("revoke an access token: %w", err)
	}
	return nil
}

// EndAllOfUser ends, for good, everything that was issued on behalf of a user.
// It joins the transaction of ctx.
func (s *Service) EndAllOfUser(ctx context.Context, userID uuid.UUID) error {
	if err := s.store.endAllOfUser(ctx, userID, ReasonUserEnded, s.clock.Now()); err != nil {
		return fmt.Errorf("end a user's tokens: %w", err)
	}
	return nil
}

// EndAllOfClient ends, for good, everything that was issued to a client. It
// joins the transaction of ctx.
func (s *Service) EndAllOfClient(ctx context.Context, clientRecord uuid.UUID) error {
	if err := s.store.endAllOfClient(ctx, clientRecord, ReasonClientEnded, s.clock.Now()); err != nil {
		return fmt.Errorf("end a client's tokens: %w", err)
	}
	return nil
}

// Sweep deletes codes, tokens and families that have expired for so long that
// nothing can refer to them any more. A code is kept while its family may live,
// so that its replay is still noticed.
// What access tokens say of their issue goes to the log before they are deleted.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.clock.Now()
	err := s.store.sweepAccessTokens(ctx, now, func(ctx context.Context, events []audit.Event) error {
		if s.keeper == nil {
			return nil
		}
		return s.keeper.Keep(ctx, events)
	})
	if err == nil {
		err = s.store.sweep(ctx, now)
	}
	if err != nil {
		return fmt.Errorf("sweep tokens: %w", err)
	}
	return nil
}
