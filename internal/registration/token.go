package registration

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
	"authly/internal/platform/secret"
)

// InitialToken is an initial access token (RFC 7591 section 3) without the token
// itself, of which only the hash is kept.
type InitialToken struct {
	ID        uuid.UUID
	Name      string
	Policy    Policy
	UsesLeft  *int64 // nil: as often as one likes
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	RevokedAt *time.Time
}

// IsLive tells whether the token can be used at a time.
func (t InitialToken) IsLive(now time.Time) bool { return t.State(now) == Live }

// InitialState is what has become of an initial access token.
type InitialState string

// The states of an initial access token; a query knows them, too.
const (
	Live    InitialState = "live"
	UsedUp  InitialState = "used_up"
	Expired InitialState = "expired"
	Revoked InitialState = "revoked"
)

// State returns what has become of the token at a time.
func (t InitialToken) State(now time.Time) InitialState {
	switch {
	case t.RevokedAt != nil:
		return Revoked
	case t.UsesLeft != nil && *t.UsesLeft == 0:
		return UsedUp
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return Expired
	default:
		return Live
	}
}

// Unlimited is the number of uses of a token that can be used as often as one likes.
const Unlimited = -1

// NewInitialToken describes a token that is to be made.
type NewInitialToken struct {
	Name     string
	Policy   Policy
	Uses     int64         // 0: one; or Unlimited
	Lifetime time.Duration // 0: for ever
}

// MadeInitialToken is a new token with the one sight of it.
type MadeInitialToken struct {
	InitialToken
	Token secret.Redacted
}

// Create checks and stores a token, in the transaction of ctx if there is one. The error is a fault of kind Invalid that names the wrong fields.
func (s *InitialTokens) Create(ctx context.Context, wanted NewInitialToken, by audit.Author) (MadeInitialToken, error) {
	policy := wanted.Policy.withDefaults()
	if err := policy.validate(); err != nil {
		return MadeInitialToken{}, err
	}
	refusal := fault.New(fault.Invalid, "registration.token_invalid")
	if !validName(wanted.Name) {
		refusal = refusal.WithField("name", "registration.name_invalid")
	}
	if wanted.Uses < Unlimited || wanted.Uses > maxUses {
		refusal = refusal.WithField("uses", "registration.uses_invalid")
	}
	if wanted.Lifetime < 0 || wanted.Lifetime > maxLifetime {
		refusal = refusal.WithField("expires", "registration.lifetime_invalid")
	}
	if len(refusal.Fields) > 0 {
		return MadeInitialToken{}, refusal
	}
	now := s.clock.Now()
	made := MadeInitialToken{InitialToken: InitialToken{ID: id.New(), Name: wanted.Name, Policy: policy, CreatedAt: now}, Token: secret.New()}
	if wanted.Uses != Unlimited {
		uses := max(wanted.Uses, 1)
		made.UsesLeft = &uses
	}
	if wanted.Lifetime > 0 {
		end := now.Add(wanted.Lifetime)
		made.ExpiresAt = &end
	}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.insertInitialToken(ctx, made.InitialToken, secret.Hash(made.Token)); err != nil {
			return err
		}
		return s.audit.Record(ctx, made.event(audit.InitialCreate, by, audit.Compare(nil, made.fields())))
	})
	if err != nil {
		return MadeInitialToken{}, fmt.Errorf("store an initial access token: %w", err)
	}
	return made, nil
}

// InitialQuery says which tokens are wanted.
type InitialQuery struct {
	State InitialState // "" for any
	After page.Position
	Limit int
}

// List returns a page of the tokens that match, the newest first.
func (s *InitialTokens) List(ctx context.Context, query InitialQuery) (page.Of[InitialToken], error) {
	query.Limit = min(max(query.Limit, 1), maxListed)
	found, err := s.store.initialTokens(ctx, query, s.clock.Now())
	if err != nil {
		return page.Of[InitialToken]{}, fmt.Errorf("list the initial access tokens: %w", err)
	}
	return found, nil
}

// Find returns a token. The error is a fault of kind NotFound if there is none.
func (s *InitialTokens) Find(ctx context.Context, token uuid.UUID) (InitialToken, error) {
	known, found, err := s.store.initialToken(ctx, token)
	if err != nil {
		return InitialToken{}, fmt.Errorf("find an initial access token: %w", err)
	}
	if !found {
		return InitialToken{}, fault.New(fault.NotFound, "registration.token_unknown")
	}
	return known, nil
}

// Revoke ends a token and returns it; the clients that were registered with it stay. To revoke
// it again changes nothing. The error is a fault of kind NotFound if there is no such token.
func (s *InitialTokens) Revoke(ctx context.Context, token uuid.UUID, by audit.Author) (InitialToken, error) {
	var known InitialToken
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		revoked, err := s.store.revokeInitialToken(ctx, token, s.clock.Now())
		if err != nil {
			return err
		}
		if known, err = s.Find(ctx, token); err != nil || !revoked {
			return err
		}
		return s.audit.Record(ctx, known.event(audit.InitialRevoke, by, []audit.Change{{Field: "revoked", Before: false, After: true}}))
	})
	if err != nil {
		return InitialToken{}, fmt.Errorf("revoke an initial access token: %w", err)
	}
	return known, nil
}

// RevokeAll ends all initial access tokens, in the transaction of ctx if there is one, and returns how many. It writes no event.
func (s *InitialTokens) RevokeAll(ctx context.Context) (int64, error) {
	count, err := s.store.revokeAllInitialTokens(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("revoke all initial access tokens: %w", err)
	}
	return count, nil
}

// EndRegistrationTokens ends the registration access tokens (RFC 7592 section 1.3) of all clients, in the transaction
// of ctx if there is one, and returns how many. The clients stay and can't change their records any more. It writes no event.
func (s *InitialTokens) EndRegistrationTokens(ctx context.Context) (int64, error) {
	count, err := s.store.endAllRegistrationTokens(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("end all registration access tokens: %w", err)
	}
	return count, nil
}

// event is what the log is told.
func (t InitialToken) event(action audit.Action, by audit.Author, changes []audit.Change) audit.Event {
	return audit.Event{
		Action: action, Outcome: audit.Success, Actor: by.Actor, ClientID: by.ClientID,
		Target: audit.Target{Kind: "initial_access_token", ID: t.ID.String(), Name: t.Name}, Details: audit.Details{Changes: changes},
	}
}

// fields returns what there is to say of the token, as JSON has it, for comparing.
func (t InitialToken) fields() map[string]any {
	var uses, end any
	if t.UsesLeft != nil {
		uses = *t.UsesLeft
	}
	if t.ExpiresAt != nil {
		end = t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return map[string]any{"name": t.Name, "policy": t.Policy, "uses_left": uses, "expires_at": end}
}
