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

// people has the keys under which the personal values of events are sealed, one for each account.
//
//	none ──▶ made with the first event ──▶ destroyed with the account
//
// A key is destroyed by taking it out of its row, and the row stays for a while: who makes a key at
// the same time meets it, whichever transaction is first. No key is made for an account that isn't
// there, so there is never a second key for one person.
type people struct {
	sealer Sealer

	mu sync.Mutex
	// known are keys to write with. They were all committed once: an event under a key of a transaction that
	// was rolled back could never be read. One that is destroyed since does no harm, as nothing that is
	// sealed under it can be opened. What is read is never opened with one of these.
	known map[uuid.UUID]*secret.Sealer
}

// maxKnownPeople bounds the keys in memory. Each takes less than two kilobytes.
const maxKnownPeople = 4096

func (p *people) find(person uuid.UUID) (*secret.Sealer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, known := p.known[person]
	return key, known
}

// remember keeps a key that is committed. For each one too many, any other one goes.
func (p *people) remember(keys map[uuid.UUID]*secret.Sealer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for person, key := range keys {
		p.known[person] = key
	}
	for person := range p.known {
		if len(p.known) <= maxKnownPeople {
			return
		}
		delete(p.known, person)
	}
}

func (p *people) forget(person uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, person)
}

// keysFor returns the keys of people to write with, and makes those that aren't there, in the transaction of ctx.
// A person whose key is destroyed, or who has no account, is missing.
func (l *Log) keysFor(ctx context.Context, wanted []uuid.UUID) (map[uuid.UUID]*secret.Sealer, error) {
	keys := make(map[uuid.UUID]*secret.Sealer, len(wanted))
	if l.people.sealer == nil {
		return keys, nil
	}
	// In one order, in which nobody who makes the same ones waits for another in a circle.
	slices.SortFunc(wanted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var unknown []uuid.UUID
	for _, person := range slices.Compact(wanted) {
		if key, known := l.people.find(person); known {
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

// makeKey makes the key of a person, if there is such an account and nobody else was faster, and returns
// what is stored then, or nil.
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

// storedKeys returns the keys to read with, as they are stored now.
func (l *Log) storedKeys(ctx context.Context, wanted []uuid.UUID) (map[uuid.UUID]*secret.Sealer, error) {
	slices.SortFunc(wanted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	rows, err := l.store.personKeys(ctx, slices.Compact(wanted))
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

// Erase destroys the key of a person in the transaction of ctx, which deletes the account. What
// events have of the person can't be read any more, whoever writes one at the same time. The
// chain of batches stays as it is, as its digests are over what is sealed.
func (l *Log) Erase(ctx context.Context, person uuid.UUID) error {
	if err := l.store.destroyPersonKey(ctx, person, l.clock.Now()); err != nil {
		return fmt.Errorf("destroy the key of a person: %w", err)
	}
	l.people.forget(person)
	return nil
}

// destroyedFor is how long the row of a key stays that was destroyed.
const destroyedFor = 24 * time.Hour

// SweepKeys deletes the rows of keys that were destroyed long enough ago: no transaction that began
// before is still under way.
func (l *Log) SweepKeys(ctx context.Context) error {
	if err := l.store.sweepPersonKeys(ctx, l.clock.Now().Add(-destroyedFor)); err != nil {
		return fmt.Errorf("sweep the keys of people: %w", err)
	}
	return nil
}

func placeOfKey(person uuid.UUID) secret.Place {
	return secret.Place{Table: "audit_keys", Column: "sealed_key", Row: person.String()}
}
