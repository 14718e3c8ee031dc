package client

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

func (s store) secrets(ctx context.Context, record uuid.UUID) ([]Secret, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT id, created_at, expires_at FROM client_secrets WHERE client = $1 ORDER BY id`, record)
	return db.Collect(rows, err, func(row db.Row) (Secret, error) {
		var known Secret
		err := row.Scan(&known.ID, &known.CreatedAt, &known.ExpiresAt)
		return known, err
	})
}

func (s store) insertNamedSecret(ctx context.Context, name, record uuid.UUID, hash secret.Digest, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO client_secrets (id, client, secret_hash, created_at) VALUES ($1, $2, $3, $4)`, name, record, hash.Bytes(), now)
	return err
}

// expireSecrets ends a client's secrets at a time, unless they end before it, and
// deletes those that have ended.
func (s store) expireSecrets(ctx context.Context, record uuid.UUID, now, at time.Time) error {
	if _, err := s.database.Write(ctx).Exec(ctx, `UPDATE client_secrets SET expires_at = $1
		WHERE client = $2 AND (expires_at IS NULL OR expires_at > $1)`, at, record); err != nil {
		return err
	}
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_secrets WHERE client = $1 AND expires_at <= $2`, record, now)
	return err
}

func (s store) deleteSecret(ctx context.Context, record, which uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_secrets WHERE client = $1 AND id = $2`, record, which)
	return err
}
