package admin

import (
	"context"
	"encoding/json"
	"time"

	"authly/internal/audit"
	signing "authly/internal/keys"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
)

// SigningKeys keeps the keys that sign tokens, and records what happens to them.
type SigningKeys interface {
	List(ctx context.Context) ([]signing.Key, error)
	Find(ctx context.Context, id string) (signing.Published, error)
	Plan(key signing.Key) signing.Plan
	Rotate(ctx context.Context, options signing.RotateOptions) ([]signing.Key, error)
	Retire(ctx context.Context, id string, options signing.RotateOptions) ([]signing.Key, error)
	Withdraw(ctx context.Context, id string, by audit.Author) ([]signing.Key, error)
}

// signingKeys is the administration of the keys.
type signingKeys struct{ keys SigningKeys }

// SigningKey is a key without its private half, which nobody can read.
type SigningKey struct {
	ID             string         `json:"kid" doc:"The thumbprint of the key (RFC 7638)."`
	Algorithm      jose.Algorithm `json:"alg"`
	State          signing.State  `json:"state" doc:"next: published, signs nothing yet. active: signs. retired: signs no more, still published."`
	CreatedAt      time.Time      `json:"created_at"`
	ActivatedAt    *time.Time     `json:"activated_at,omitempty" doc:"Since when it signs."`
	RetiredAt      *time.Time     `json:"retired_at,omitempty"`
	SignsFrom      *time.Time     `json:"signs_from,omitempty" doc:"Of a next key: not before this, so that clients have the time to fetch it."`
	RotatesAt      *time.Time     `json:"rotates_at,omitempty" doc:"Of an active key: when the schedule lets the next one follow, if that has been published for long enough."`
	PublishedUntil *time.Time     `json:"published_until,omitempty" doc:"Of a retired key: when it is deleted."`
}

func (s *signingKeys) view(key signing.Key) SigningKey {
	plan := s.keys.Plan(key)
	return SigningKey{
		ID: key.ID, Algorithm: key.Algorithm, State: key.State, CreatedAt: key.CreatedAt.UTC(), ActivatedAt: timeOrNil(key.ActivatedAt),
		RetiredAt: timeOrNil(key.RetiredAt), SignsFrom: timeOrNil(plan.SignsFrom), RotatesAt: timeOrNil(plan.RotatesAt), PublishedUntil: timeOrNil(plan.PublishedUntil),
	}
}

func (s *signingKeys) views(all []signing.Key) []SigningKey {
	views := make([]SigningKey, len(all))
	for i, key := range all {
		views[i] = s.view(key)
	}
	return views
}

func timeOrNil(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// PublishedKey is a key with its public half.
type PublishedKey struct {
	SigningKey
	JWK json.RawMessage `json:"jwk" doc:"The public key as the JWK Set has it (RFC 7517)."`
}

func (s *signingKeys) rotate(ctx context.Context, who Principal, rotation KeyRotation) ([]signing.Key, error) {
	rotated, err := s.keys.Rotate(ctx, signing.RotateOptions{Algorithms: rotation.Algorithms, Force: rotation.Force, By: who.author()})
	if fault.KindOf(err) == fault.NotFound { // the resource of this request is there
		err = fault.New(fault.Conflict, "keys.no_active_key").WithField("algorithms", "keys.no_active_key").Because(err)
	}
	return rotated, err
}
