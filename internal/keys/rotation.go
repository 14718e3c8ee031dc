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

// tickInterval is how often a node looks at the table: how long it may take until
// it knows what another node did. It is far below any publish lead.
const tickInterval = 30 * time.Second

// Run does at once, and then twice a minute until ctx ends, what [Service.Tick]
// does. A failure is logged and tried again: the keys in memory serve until then.
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

// Tick looks after the keys once: it reads what others have changed, lets the next
// key of an algorithm follow an active one whose time is over, makes the active and
// next keys that are missing, and deletes what has been retired for long enough.
func (s *Service) Tick(ctx context.Context) error {
	stored, err := s.refresh(ctx)
	if err != nil {
		return err
	}
	if due := s.times.due(stored, s.clock.Now()); len(due) > 0 {
		// Somebody else being faster is as good.
		if err := s.promote(ctx, due, s.self, ""); err != nil && !errors.Is(err, errOutrun) {
			return err
		}
		if stored, err = s.refresh(ctx); err != nil {
			return err
		}
	}
	// One after the other, and not at once as in Bootstrap: nobody waits for them,
	// and making RSA keys would take the processors away from requests.
	for _, each := range missing(stored, jose.Algorithms(), Active, Next) {
		if err := s.create(ctx, each, s.self); err != nil {
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
		if errors.Is(err, errOutrun) {
			continue // another node was faster
		}
		if err != nil {
			return fmt.Errorf("delete a retired signing key: %w", err)
		}
		s.logger.InfoContext(ctx, "retired signing key deleted", slog.String("algorithm", string(key.Algorithm)), slog.String("kid", key.ID))
	}
	return nil
}

// promote carries out all promotions or none. It returns [errOutrun] if a key is
// no longer in the state that the promotion was decided on.
func (s *Service) promote(ctx context.Context, promotions []promotion, by audit.Author, reason string) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		for _, each := range promotions {
			// In this order, so that no moment has two active keys for the index to refuse.
			if err := s.store.retire(ctx, each.from.ID, now); err != nil {
				return err
			}
			if err := s.store.activate(ctx, each.to.ID, now); err != nil {
				return err
			}
			if err := s.audit.Record(ctx, each.from.event(audit.KeyRetire, by, audit.Details{Reason: reason})); err != nil {
				return err
			}
			if err := s.audit.Record(ctx, each.event(by, reason)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate the signing keys: %w", err)
	}
	for _, each := range promotions {
		s.logger.InfoContext(ctx, "signing key rotated", slog.String("algorithm", string(each.to.Algorithm)),
			slog.String("kid", each.to.ID), slog.String("retired_kid", each.from.ID))
	}
	return nil
}

// RotateOptions says what [Service.Rotate] does.
type RotateOptions struct {
	// Algorithms whose keys are rotated; none means every algorithm that has an active key.
	Algorithms []jose.Algorithm
	// Force lets a next key sign that has not been published for long enough, or is
	// made only now. Clients that keep a copy of the JWK Set refuse its tokens until
	// they fetch the set again.
	Force bool
	// By is who asks for it; if nobody, it is whoever runs this program.
	By audit.Author
}

func (o RotateOptions) reason() string {
	if o.Force {
		return "forced"
	}
	return ""
}

// Rotate lets the next keys follow the active ones now, all of them or none, makes
// new next keys, and returns the keys that sign from now on. Running servers follow
// within half a minute.
//
// It refuses with a fault of kind NotFound an algorithm that has no active key, and
// with a Conflict, unless Force is set, a next key that has not been published for
// long enough; a next key that was missing is then published, so that the same
// succeeds later. It is a Conflict too if somebody else rotates at the same time.
func (s *Service) Rotate(ctx context.Context, options RotateOptions) ([]Key, error) {
	stored, err := s.refresh(ctx) // opens every key: nothing is made under a sealing key that does not fit
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
		return nil, outrun(err)
	}
	if stored, err = s.refill(ctx, algorithms, options.By); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(stored, func(key Key) bool {
		return key.State != Active || !slices.Contains(algorithms, key.Algorithm)
	}), nil
}

// following returns the promotion of an algorithm, or why there can't be one now.
func (s *Service) following(stored []Key, algorithm jose.Algorithm, options RotateOptions) (promotion, error) {
	active, signs := find(stored, algorithm, Active)
	next, published := find(stored, algorithm, Next)
	if !signs || !published {
		return promotion{}, outrun(errOutrun)
	}
	if from := s.times.signsFrom(next); !options.Force && s.clock.Now().Before(from) {
		return promotion{}, fault.New(fault.Conflict, "keys.next_too_young").Because(fmt.Errorf(
			"the next %s key was published at %s and may sign from %s, when clients have had the time to fetch it",
			algorithm, next.CreatedAt.Format(time.RFC3339), from.Format(time.RFC3339)))
	}
	return promotion{active, next}, nil
}

// outrun says in a caller's words that somebody else was faster.
func outrun(err error) error {
	if errors.Is(err, errOutrun) {
		return fault.New(fault.Conflict, "keys.changed_meanwhile").Because(err)
	}
	return err
}

// author is who asks for a change, or whoever runs this program.
func (s *Service) author(by audit.Author) audit.Author {
	if by.Actor.Kind == "" {
		return s.self
	}
	return by
}

// rotated returns the algorithms to rotate: those asked for, or all that have an
// active key.
func rotated(stored []Key, wanted []jose.Algorithm) ([]jose.Algorithm, error) {
	var algorithms []jose.Algorithm
	for _, algorithm := range jose.Algorithms() {
		if _, signs := find(stored, algorithm, Active); signs {
			algorithms = append(algorithms, algorithm)
		}
	}
	for _, algorithm := range wanted {
		if !slices.Contains(algorithms, algorithm) {
			return nil, fault.New(fault.NotFound, "keys.no_active_key").Because(fmt.Errorf("for %q: %w", algorithm, ErrNoKey))
		}
	}
	if len(algorithms) == 0 {
		return nil, fault.New(fault.NotFound, "keys.no_active_key").Because(errors.New("there are no signing keys; the server makes them when it first starts"))
	}
	if len(wanted) == 0 {
		return algorithms, nil
	}
	return slices.DeleteFunc(algorithms, func(algorithm jose.Algorithm) bool { return !slices.Contains(wanted, algorithm) }), nil
}

// fill makes the next keys that are missing and returns all keys.
func (s *Service) fill(ctx context.Context, stored []Key, algorithms []jose.Algorithm, by audit.Author) ([]Key, error) {
	absent := missing(stored, algorithms, Next)
	if len(absent) == 0 {
		return slices.Clone(stored), nil
	}
	for _, each := range absent {
		if err := s.create(ctx, each, s.author(by)); err != nil {
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
