package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
)

// Published is a key with its public half.
type Published struct {
	Key
	JWK json.RawMessage
}

// Find returns a key. The error is a fault of kind NotFound if there is none.
func (s *Service) Find(ctx context.Context, id string) (Published, error) {
	if _, err := s.refresh(ctx); err != nil {
		return Published{}, err
	}
	current := s.current.Load()
	at := slices.IndexFunc(current.keys, func(key Key) bool { return key.ID == id })
	if at < 0 {
		return Published{}, fault.New(fault.NotFound, "keys.unknown")
	}
	encoded, err := jose.PublicJWK(current.verification[at]) // verification has the same order as keys
	if err != nil {
		return Published{}, err
	}
	return Published{current.keys[at], encoded}, nil
}

// Plan is the schedule of a key. Times that don't apply to its state are zero.
type Plan struct {
	SignsFrom      time.Time // of a next key: not before this
	RotatesAt      time.Time // of an active key, if the next one has been published for long enough
	PublishedUntil time.Time // of a retired key
}

// Plan returns the schedule of a key.
func (s *Service) Plan(key Key) Plan {
	switch key.State {
	case Next:
		return Plan{SignsFrom: s.times.signsFrom(key)}
	case Active:
		return Plan{RotatesAt: key.ActivatedAt.Add(s.times.rotationInterval)}
	case Retired:
		return Plan{PublishedUntil: s.times.publishedUntil(key)}
	default:
		return Plan{}
	}
}

// Retire replaces an active key by the next key of its algorithm, by the rules of
// [Service.Rotate], and returns the keys of the algorithm. What the key has signed stays valid
// until it expires. A key that is retired already is left alone. The error is a fault of kind
// NotFound if there is no such key, and a Conflict for one that has never signed.
func (s *Service) Retire(ctx context.Context, id string, options RotateOptions) ([]Key, error) {
	key, err := s.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	algorithm := []jose.Algorithm{key.Algorithm}
	switch key.State {
	case Next:
		return nil, fault.New(fault.Conflict, "keys.never_signed").Because(errors.New("the key is published and has signed nothing: withdraw it instead"))
	case Retired:
		return s.ofAlgorithm(ctx, algorithm, options.By)
	case Active:
	}
	stored, err := s.refill(ctx, algorithm, options.By)
	if err != nil {
		return nil, err
	}
	following, err := s.following(stored, key.Algorithm, options)
	if err == nil && following.from.ID != id {
		err = asConflict(errConflict)
	}
	if err != nil {
		return nil, err
	}
	if err := s.promote(ctx, []promotion{following}, s.author(options.By), options.reason()); err != nil {
		return nil, asConflict(err)
	}
	return s.ofAlgorithm(s.store.unguarded(ctx), algorithm, options.By) // what follows is the server's own upkeep
}

// Withdraw deletes a compromised key at once, and returns the
// keys of its algorithm. Nothing that it has signed is accepted any more: by this
// node at once, by others within half a minute, and by clients when they next fetch the JWK Set.
// The next key replaces an active one whatever its age. The error is a
// fault of kind NotFound if there is no such key, and a Conflict if it changes at the same time.
func (s *Service) Withdraw(ctx context.Context, id string, by audit.Author) ([]Key, error) {
	key, err := s.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	algorithm := []jose.Algorithm{key.Algorithm}
	var following promotion
	if key.State == Active {
		stored, err := s.refill(ctx, algorithm, by)
		if err != nil {
			return nil, err
		}
		if following, err = s.following(stored, key.Algorithm, RotateOptions{Force: true}); err != nil {
			return nil, err
		}
		if following.from.ID != id {
			return nil, asConflict(errConflict)
		}
	}
	if err := s.withdraw(ctx, key.Key, following, s.author(by)); err != nil {
		return nil, asConflict(err)
	}
	s.logger.WarnContext(ctx, "signing key withdrawn", slog.String("algorithm", string(key.Algorithm)), slog.String("kid", key.ID))
	// The caller may have authenticated with a token that this very key signed: the rest is
	// the server's own maintenance.
	return s.ofAlgorithm(s.store.unguarded(ctx), algorithm, by)
}

// withdraw deletes a key if it is still in its state; an active one only together with the
// promotion of its successor.
func (s *Service) withdraw(ctx context.Context, key Key, following promotion, by audit.Author) error {
	const reason = "withdrawn"
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.delete(ctx, key.ID, key.State); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, key.event(audit.KeyDelete, by, audit.Details{Reason: reason})); err != nil || key.State != Active {
			return err
		}
		if err := s.store.activate(ctx, following.to.ID, s.clock.Now()); err != nil {
			return err
		}
		return s.audit.Record(ctx, following.event(by, reason))
	})
	if err != nil {
		return fmt.Errorf("withdraw a signing key: %w", err)
	}
	return nil
}

// ofAlgorithm returns the keys of an algorithm, after creating the next one if it is missing.
func (s *Service) ofAlgorithm(ctx context.Context, algorithm []jose.Algorithm, by audit.Author) ([]Key, error) {
	stored, err := s.refill(ctx, algorithm, by)
	return slices.DeleteFunc(stored, func(key Key) bool { return !slices.Contains(algorithm, key.Algorithm) }), err
}
