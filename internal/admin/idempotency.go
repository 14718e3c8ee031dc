package admin

import (
	"context"
	"fmt"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
)

// KeyLifetime is how long a creation may be sent again with its Idempotency-Key.
const KeyLifetime = 24 * time.Hour

// attempt is a creation that may be sent again.
type attempt struct {
	actor  string
	key    string // "" if it was sent without one
	digest secret.Digest
}

// newAttempt returns an attempt whose digest is made with the key, which is not kept: a
// body may have a password, and could be guessed from a digest that anybody can make.
func newAttempt(who Principal, operation, key string, body []byte) attempt {
	digest := secret.Hash(secret.Derive(secret.FromString(key), "authly attempt "+operation, secret.FromString(string(body))))
	return attempt{string(who.Kind) + " " + who.ID, key, digest}
}

// keys remembers what came of creations. Keys are hashed: some people make them of secrets.
type keys struct {
	store store
	clock clock.Clock
}

// once does something in the transaction of ctx unless it was done by the same attempt
// before; do returns the name of what it made. The result is that name, and whether
// it was made earlier. Of several at once the others wait for the first one's end.
func (k *keys) once(ctx context.Context, of attempt, do func(ctx context.Context) (string, error)) (string, bool, error) {
	if of.key == "" {
		made, err := do(ctx)
		return made, false, err
	}
	hash := secret.Hash(secret.FromString(of.key))
	claimed, err := k.store.claim(ctx, of.actor, hash, of.digest.Bytes(), k.clock.Now())
	if err != nil {
		return "", false, fmt.Errorf("note an idempotency key: %w", err)
	}
	if !claimed {
		digest, made, err := k.store.claimed(ctx, of.actor, hash)
		if err != nil {
			return "", false, fmt.Errorf("find an idempotency key: %w", err)
		}
		if string(digest) != string(of.digest.Bytes()) {
			return "", false, fault.New(fault.Invalid, "admin.idempotency_key_reused")
		}
		return made, true, nil
	}
	made, err := do(ctx)
	if err != nil {
		return "", false, err
	}
	if err := k.store.settle(ctx, of.actor, hash, made); err != nil {
		return "", false, fmt.Errorf("note what an idempotency key made: %w", err)
	}
	return made, false, nil
}

// sweep forgets the keys whose time is over.
func (k *keys) sweep(ctx context.Context) error {
	if err := k.store.sweep(ctx, k.clock.Now().Add(-KeyLifetime)); err != nil {
		return fmt.Errorf("sweep idempotency keys: %w", err)
	}
	return nil
}
