package bootstrap

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// replaceToken writes the one row that the table has.
func (s store) replaceToken(ctx context.Context, token secret.Digest, now, expires time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO setup_tokens (id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at,
			expires_at = excluded.expires_at, used_at = NULL`, uuid.Nil, token.Bytes(), now, expires)
	return err
}

func (s store) tokenIsLive(ctx context.Context, token secret.Digest, now time.Time) (bool, error) {
	var live bool
	err := s.database.Read(ctx).QueryRow(ctx,
		`SELECT EXISTS (SELECT 1 FROM setup_tokens WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)`,
		token.Bytes(), now).Scan(&live)
	return live, err
}

func (s store) useToken(ctx context.Context, token secret.Digest, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE setup_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2`, token.Bytes(), now)
	return changed == 1, err
}

func (s store) sweep(ctx context.Context, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM setup_tokens WHERE expires_at <= $1 OR used_at IS NOT NULL`, now)
	return err
}
