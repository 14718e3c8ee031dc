package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// people has the keys that seal the personal values of events, one for each account.
//
//	none ──▶ created with the first event ──▶ destroyed with the account
//
// A key is destroyed by removing it from its row, and the row stays for a while, so that a concurrent
// transaction that creates a key conflicts with it. No key is created for an account that doesn't
// exist, so there is never a second key for one person.
type people struct {
	sealer Sealer

	mu sync.Mutex
	// cached are keys to write with. They were all committed: an event under a key of a transaction that
	// was rolled back could never be read. A key that was destroyed since does no harm, as nothing
	// sealed under it can be opened. Reading never uses these.
	cached map[uuid.UUID]*secret.Sealer
}

// maxKnownPeople bounds the keys in memory. Each takes less than two kilobytes.
const maxKnownPeople = 4096

func (p *people) find(person uuid.UUID) (*secret.Sealer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, ok := p.cached[person]
	return key, ok
}

// remember keeps committed keys. Above the limit it drops arbitrary ones.
func (p *people) remember(keys map[uuid.UUID]*secret.Sealer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for person, key := range keys {
		p.cached[person] = key
	}
	for person := range p.cached {
		if len(p.cached) <= maxKnownPeople {
			return
		}
		delete(p.cached, person)
	}
}

func (p *people) forget(person uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.cached, person)
}

// keysFor returns the keys of people to write with, and creates missing ones, in the transaction of ctx.
// A person whose key is destroyed, or who has no account, is left out.
func (l *Log) keysFor(ctx context.Context, people []uuid.UUID) (map[uuid.UUID]*secret.Sealer, error) {
	keys := make(map[uuid.UUID]*secret.Sealer, len(people))
	if l.people.sealer == nil {
		return keys, nil
	}
	// Sorted, so that concurrent writers of the same keys don't deadlock.
	slices.SortFunc(people, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var unknown []uuid.UUID
	for _, person := range slices.Compact(people) {
		if key, ok := l.people.find(person); ok {
			keys[person] = key
		} else {
			unknown = append(unknown, person)
		}
	}
	if len(unknown) == 0 {
		return keys, nil
	}
	rows, err := l.store.personKeys(ctx, unknown)
	if err != nil {
		return nil, err
	}
	fresh := make(map[uuid.UUID]*secret.Sealer, len(unknown))
	for _, person := range unknown {
		sealed, isThere := rows[person]
		if !isThere {
			if sealed, err = l.makeKey(ctx, person); err != nil {
				return nil, err
			}
		}
		if len(sealed) == 0 {
			continue
		}
		if fresh[person], err = l.openKey(person, sealed); err != nil {
			return nil, err
		}
		keys[person] = fresh[person]
	}
	l.store.afterCommit(ctx, func() { l.people.remember(fresh) })
	return keys, nil
}

// makeKey creates the key of a person, unless there is no such account or another transaction was faster, and returns
// the stored key, or nil.
func (l *Log) makeKey(ctx context.Context, person uuid.UUID) ([]byte, error) {
	sealed, err := l.people.sealer.Seal(placeOfKey(person), []byte(secret.NewSealingKey().Reveal()))
	if err != nil {
		return nil, fmt.Errorf("seal the key of a person: %w", err)
	}
	first, err := l.store.insertPersonKey(ctx, person, sealed, l.clock.Now())
	if err != nil || first {
		return sealed, err
	}
	rows, err := l.store.personKeys(ctx, []uuid.UUID{person})
	return rows[person], err
}

// storedKeys returns the keys to read with, as stored now.
func (l *Log) storedKeys(ctx context.Context, people []uuid.UUID) (map[uuid.UUID]*secret.Sealer, error) {
	slices.SortFunc(people, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	rows, err := l.store.personKeys(ctx, slices.Compact(people))
	if err != nil {
		return nil, err
	}
	keys := make(map[uuid.UUID]*secret.Sealer, len(rows))
	for person, sealed := range rows {
		if len(sealed) == 0 {
			continue
		}
		if keys[person], err = l.openKey(person, sealed); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (l *Log) openKey(person uuid.UUID, sealed []byte) (*secret.Sealer, error) {
	key, err := l.people.sealer.Open(placeOfKey(person), sealed)
	if err != nil {
		return nil, fmt.Errorf("open the key of a person: %w", err)
	}
	return secret.NewSealer(secret.FromString(string(key)))
}

// Erase destroys the key of a person in the transaction of ctx, which deletes the account. The
// personal values in events, including those that are being written, can't be read any more. The
// chain of batches is unchanged, as its digests are over the sealed form.
func (l *Log) Erase(ctx context.Context, person uuid.UUID) error {
	if err := l.store.destroyPersonKey(ctx, person, l.clock.Now()); err != nil {
		return fmt.Errorf("destroy the key of a person: %w", err)
	}
	l.people.forget(person)
	return nil
}

// destroyedFor is how long the row of a destroyed key stays.
const destroyedFor = 24 * time.Hour

// SweepKeys deletes the rows of keys that were destroyed long enough ago that no transaction from
// before is still running.
func (l *Log) SweepKeys(ctx context.Context) error {
	if err := l.store.sweepPersonKeys(ctx, l.clock.Now().Add(-destroyedFor)); err != nil {
		return fmt.Errorf("sweep the keys of people: %w", err)
	}
	return nil
}

func placeOfKey(person uuid.UUID) secret.Place {
	return secret.Place{Table: "audit_keys", Column: "sealed_key", Row: person.String()}
}
