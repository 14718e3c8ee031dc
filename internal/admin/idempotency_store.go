package admin

import (
	"context"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// guarded returns a context whose transactions begin with guard; see [db.DB.Guarded].
func (s store) guarded(ctx context.Context, guard func(ctx context.Context) error) context.Context {
	return s.database.Guarded(ctx, guard)
}

// claim is true for the first one only. Others wait in it until that one has ended.
func (s store) claim(ctx context.Context, actor string, hash secret.Digest, digest []byte, now time.Time) (bool, error) {
	added, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO idempotency_keys (actor, key_hash, request_digest, resource, created_at)
		VALUES ($1, $2, $3, '', $4) ON CONFLICT (actor, key_hash) DO NOTHING`, actor, hash.Bytes(), digest, now)
	return added == 1, err
}

func (s store) claimed(ctx context.Context, actor string, hash secret.Digest) (digest []byte, resource string, err error) {
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT request_digest, resource FROM idempotency_keys WHERE actor = $1 AND key_hash = $2`,
		actor, hash.Bytes()).Scan(&digest, &resource)
	return digest, resource, err
}

func (s store) settle(ctx context.Context, actor string, hash secret.Digest, resource string) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE idempotency_keys SET resource = $1 WHERE actor = $2 AND key_hash = $3`, resource, actor, hash.Bytes())
	return err
}

func (s store) sweep(ctx context.Context, before time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM idempotency_keys WHERE created_at < $1`, before)
	return err
}
