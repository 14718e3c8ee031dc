package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authly/internal/platform/db"
)

type store struct{ db *db.DB }

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.db.Tx(ctx, work)
}

// unguarded returns a context whose transactions skip the guard of the request.
func (s store) unguarded(ctx context.Context) context.Context { return s.db.Guarded(ctx, nil) }

// row is a key with its sealed material.
type row struct {
	Key
	sealed []byte
}

const keyColumns = `id, algorithm, state, created_at, activated_at, retired_at`

func keyTargets(key *Key, activated, retired **time.Time) []any {
	return []any{&key.ID, &key.Algorithm, &key.State, &key.CreatedAt, activated, retired}
}

func orZero(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// list returns all keys, sorted.
func (s store) list(ctx context.Context) ([]Key, error) {
	rows, err := s.db.Read(ctx).Query(ctx, `SELECT `+keyColumns+` FROM signing_keys`)
	keys, err := db.Collect(rows, err, func(r db.Row) (Key, error) {
		var key Key
		var activated, retired *time.Time
		err := r.Scan(keyTargets(&key, &activated, &retired)...)
		key.ActivatedAt, key.RetiredAt = orZero(activated), orZero(retired)
		return key, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the signing keys: %w", err)
	}
	sortKeys(keys)
	return keys, nil
}

// load returns all keys with their sealed material.
func (s store) load(ctx context.Context) ([]row, error) {
	rows, err := s.db.Read(ctx).Query(ctx, `SELECT `+keyColumns+`, private_key FROM signing_keys`)
	keyRows, err := db.Collect(rows, err, func(r db.Row) (row, error) {
		var stored row
		var activated, retired *time.Time
		err := r.Scan(append(keyTargets(&stored.Key, &activated, &retired), &stored.sealed)...)
		stored.ActivatedAt, stored.RetiredAt = orZero(activated), orZero(retired)
		return stored, err
	})
	if err != nil {
		return nil, fmt.Errorf("load the signing keys: %w", err)
	}
	return keyRows, nil
}

// insert adds a key, unless its algorithm already has one in that state.
func (s store) insert(ctx context.Context, key row) (bool, error) {
	var activated *time.Time
	if key.State == Active {
		activated = &key.CreatedAt
	}
	changed, err := s.db.Write(ctx).Exec(ctx, `
		INSERT INTO signing_keys (id, algorithm, state, private_key, created_at, activated_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`,
		key.ID, string(key.Algorithm), string(key.State), key.sealed, key.CreatedAt, activated)
	return changed == 1, err
}

// errConflict says that another process has changed a key first.
var errConflict = errors.New("another process changed the signing keys at the same time")

// retire makes the active key retired. It must be followed by activate in the same
// transaction, so that there are never two active keys or none.
func (s store) retire(ctx context.Context, id string, now time.Time) error {
	return oneRow(s.db.Write(ctx).Exec(ctx, `
		UPDATE signing_keys SET state = 'retired', retired_at = $2
		WHERE id = $1 AND state = 'active'`, id, now))
}

// activate makes the next key active.
func (s store) activate(ctx context.Context, id string, now time.Time) error {
	return oneRow(s.db.Write(ctx).Exec(ctx, `
		UPDATE signing_keys SET state = 'active', activated_at = $2
		WHERE id = $1 AND state = 'next'`, id, now))
}

// delete deletes a key if it is still in the given state.
func (s store) delete(ctx context.Context, id string, state State) error {
	return oneRow(s.db.Write(ctx).Exec(ctx, `DELETE FROM signing_keys WHERE id = $1 AND state = $2`, id, string(state)))
}

func oneRow(changed int64, err error) error {
	if err == nil && changed != 1 {
		return errConflict
	}
	return err
}

// sealedSecret is a named secret in its stored form.
type sealedSecret struct {
	name  string
	value []byte
}

func (s store) sealedSecrets(ctx context.Context) ([]sealedSecret, error) {
	rows, err := s.db.Read(ctx).Query(ctx, `SELECT name, value FROM sealed_secrets`)
	secrets, err := db.Collect(rows, err, func(r db.Row) (sealedSecret, error) {
		var stored sealedSecret
		err := r.Scan(&stored.name, &stored.value)
		return stored, err
	})
	if err != nil {
		return nil, fmt.Errorf("load the sealed secrets: %w", err)
	}
	return secrets, nil
}

// sealedSecret returns a sealed value, or nil if there is none with that name.
func (s store) sealedSecret(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.db.Read(ctx).QueryRow(ctx, `SELECT value FROM sealed_secrets WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a sealed secret: %w", err)
	}
	return value, nil
}

// insertSecret adds a sealed value, unless there is one with that name already.
func (s store) insertSecret(ctx context.Context, secret sealedSecret, now time.Time) error {
	_, err := s.db.Write(ctx).Exec(ctx, `
		INSERT INTO sealed_secrets (name, value, created_at) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, secret.name, secret.value, now)
	if err != nil {
		return fmt.Errorf("store a sealed secret: %w", err)
	}
	return nil
}
