package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/jobs"
	"authly/internal/protocol/jose"
)

// tickInterval is how often a node reads the table, and so how long it may take to
// notice changes of other nodes. It is far below any publish lead.
const tickInterval = 30 * time.Second

// Run calls [Service.Tick] at once, and then twice a minute until ctx ends.
// A failure is logged and retried at the next tick; the keys in memory serve until then.
// It returns nil.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		if err := jobs.Guard(ctx, s.Tick); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "signing key maintenance failed", jobs.Failure(err)...)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Tick maintains the keys once: it reads what other nodes have changed, replaces an active key
// whose time is over by the next one, creates missing active and
// next keys, and deletes what has been retired for long enough.
func (s *Service) Tick(ctx context.Context) error {
	stored, err := s.refresh(ctx)
	if err != nil {
		return err
	}
	if due := s.times.due(stored, s.clock.Now()); len(due) > 0 {
		// Another node being faster is fine.
		if err := s.promote(ctx, due, s.self, ""); err != nil && !errors.Is(err, errConflict) {
			return err
		}
		if stored, err = s.refresh(ctx); err != nil {
			return err
		}
	}
	// Sequentially, unlike in Bootstrap: no request waits for them,
	// and generating RSA keys in parallel would take the processors from requests.
	for _, slot := range missing(stored, jose.Algorithms(), Active, Next) {
		if err := s.create(ctx, slot, s.self); err != nil {
			return err
		}
	}
	if err := s.deleteRetired(ctx, stored); err != nil {
		return err
	}
	_, err = s.refresh(ctx)
	return err
}

// deleteRetired deletes the keys that have been retired for long enough.
func (s *Service) deleteRetired(ctx context.Context, stored []Key) error {
	for _, key := range stored {
		if key.State != Retired || s.clock.Now().Before(s.times.publishedUntil(key)) {
			continue
		}
		err := s.store.inTransaction(ctx, func(ctx context.Context) error {
			if err := s.store.delete(ctx, key.ID, Retired); err != nil {
				return err
			}
			return s.audit.Record(ctx, key.event(audit.KeyDelete, s.self, audit.Details{Reason: "retention"}))
		})
		if errors.Is(err, errConflict) {
			continue // another node has deleted it
		}
		if err != nil {
			return fmt.Errorf("delete a retired signing key: %w", err)
		}
		s.logger.InfoContext(ctx, "retired signing key deleted", slog.String("algorithm", string(key.Algorithm)), slog.String("kid", key.ID))
	}
	return nil
}

// promote carries out all promotions or none. It returns [errConflict] if a key is
// no longer in the state on which the promotion was decided.
func (s *Service) promote(ctx context.Context, promotions []promotion, by audit.Author, reason string) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		for _, p := range promotions {
			// In this order, so that the index never sees two active keys.
			if err := s.store.retire(ctx, p.from.ID, now); err != nil {
				return err
			}
			if err := s.store.activate(ctx, p.to.ID, now); err != nil {
				return err
			}
			if err := s.audit.Record(ctx, p.from.event(audit.KeyRetire, by, audit.Details{Reason: reason})); err != nil {
				return err
			}
			if err := s.audit.Record(ctx, p.event(by, reason)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate the signing keys: %w", err)
	}
	for _, p := range promotions {
		s.logger.InfoContext(ctx, "signing key rotated", slog.String("algorithm", string(p.to.Algorithm)),
			slog.String("kid", p.to.ID), slog.String("retired_kid", p.from.ID))
	}
	return nil
}

// RotateOptions configure [Service.Rotate].
type RotateOptions struct {
	// Algorithms whose keys are rotated; none means every algorithm that has an active key.
	Algorithms []jose.Algorithm
	// Force activates a next key that has not been published for long enough, or is
	// only created now. Clients that cache the JWK Set refuse its tokens until
	// they fetch the set again.
	Force bool
	// By is who requests it; if zero, the operator of this program.
	By audit.Author
}

func (o RotateOptions) reason() string {
	if o.Force {
		return "forced"
	}
	return ""
}

// Rotate replaces the active keys by the next ones now, all of them or none, creates
// new next keys, and returns the keys that sign from now on. Running servers follow
// within half a minute.
//
// It refuses with a fault of kind NotFound an algorithm without an active key, and
// with a Conflict, unless Force is set, a next key that has not been published for
// long enough; a missing next key is then published, so that a later call
// succeeds. A concurrent rotation is a Conflict too.
func (s *Service) Rotate(ctx context.Context, options RotateOptions) ([]Key, error) {
	stored, err := s.refresh(ctx) // opens every key, so that nothing is sealed with a wrong sealing key
	if err != nil {
		return nil, err
	}
	algorithms, err := rotated(stored, options.Algorithms)
	if err != nil {
		return nil, err
	}
	if stored, err = s.fill(ctx, stored, algorithms, options.By); err != nil {
		return nil, err
	}
	var promotions []promotion
	for _, algorithm := range algorithms {
		following, err := s.following(stored, algorithm, options)
		if err != nil {
			return nil, err
		}
		promotions = append(promotions, following)
	}
	if err := s.promote(ctx, promotions, s.author(options.By), options.reason()); err != nil {
		return nil, asConflict(err)
	}
	if stored, err = s.refill(s.store.unguarded(ctx), algorithms, options.By); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(stored, func(key Key) bool {
		return key.State != Active || !slices.Contains(algorithms, key.Algorithm)
	}), nil
}

// following returns the promotion of an algorithm, or why it can't be done now.
func (s *Service) following(stored []Key, algorithm jose.Algorithm, options RotateOptions) (promotion, error) {
	active, signs := find(stored, algorithm, Active)
	next, published := find(stored, algorithm, Next)
	if !signs || !published {
		return promotion{}, asConflict(errConflict)
	}
	if from := s.times.signsFrom(next); !options.Force && s.clock.Now().Before(from) {
		return promotion{}, fault.New(fault.Conflict, "keys.next_too_young").Because(fmt.Errorf(
			"the next %s key was published at %s and may sign from %s, when clients have had the time to fetch it",
			algorithm, next.CreatedAt.Format(time.RFC3339), from.Format(time.RFC3339)))
	}
	return promotion{active, next}, nil
}

// asConflict turns errConflict into a Conflict.
func asConflict(err error) error {
	if errors.Is(err, errConflict) {
		return fault.New(fault.Conflict, "keys.changed_meanwhile").Because(err)
	}
	return err
}

// author returns who requests a change, by default the operator of this program.
func (s *Service) author(by audit.Author) audit.Author {
	if by.Actor.Kind == "" {
		return s.self
	}
	return by
}

// rotated returns the algorithms to rotate: the requested ones, or all with an
// active key.
func rotated(stored []Key, requested []jose.Algorithm) ([]jose.Algorithm, error) {
	var algorithms []jose.Algorithm
	for _, algorithm := range jose.Algorithms() {
		if _, signs := find(stored, algorithm, Active); signs {
			algorithms = append(algorithms, algorithm)
		}
	}
	for _, algorithm := range requested {
		if !slices.Contains(algorithms, algorithm) {
			return nil, fault.New(fault.NotFound, "keys.no_active_key").Because(fmt.Errorf("for %q: %w", algorithm, ErrNoKey))
		}
	}
	if len(algorithms) == 0 {
		return nil, fault.New(fault.NotFound, "keys.no_active_key").Because(errors.New("there are no signing keys; the server makes them when it first starts"))
	}
	if len(requested) == 0 {
		return algorithms, nil
	}
	return slices.DeleteFunc(algorithms, func(algorithm jose.Algorithm) bool { return !slices.Contains(requested, algorithm) }), nil
}

// fill creates missing next keys and returns all keys.
func (s *Service) fill(ctx context.Context, stored []Key, algorithms []jose.Algorithm, by audit.Author) ([]Key, error) {
	absent := missing(stored, algorithms, Next)
	if len(absent) == 0 {
		return slices.Clone(stored), nil
	}
	for _, slot := range absent {
		if err := s.create(ctx, slot, s.author(by)); err != nil {
			return nil, err
		}
	}
	refreshed, err := s.refresh(ctx)
	return slices.Clone(refreshed), err
}

// refill is fill after a change.
func (s *Service) refill(ctx context.Context, algorithms []jose.Algorithm, by audit.Author) ([]Key, error) {
	stored, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	return s.fill(ctx, stored, algorithms, by)
}
