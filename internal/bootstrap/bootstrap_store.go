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

// The kinds of tokens. There is always one row of each kind.
const (
	kindSetup    = "setup"
	kindRecovery = "recovery"
)

// errNoToken is returned for a token that is not valid.
var errNoToken = db.ErrNoRows

// rowOf returns the identifier of the row of a kind.
func rowOf(kind string) uuid.UUID {
	if kind == kindRecovery {
		return uuid.UUID{15: 1}
	}
	return uuid.Nil
}

// replaceToken writes the one row of a kind of token.
func (s store) replaceToken(ctx context.Context, stored storedToken, token secret.Digest, now, expires time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO setup_tokens (id, kind, user_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, token_hash = excluded.token_hash, created_at = excluded.created_at,
			expires_at = excluded.expires_at, used_at = NULL`, rowOf(stored.kind), stored.kind, stored.userID, token.Bytes(), now, expires)
	return err
}

func (s store) liveToken(ctx context.Context, token secret.Digest, now time.Time) (storedToken, error) {
	return scanToken(s.database.Read(ctx).QueryRow(ctx,
		`SELECT kind, user_id FROM setup_tokens WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2`, token.Bytes(), now))
}

func (s store) useToken(ctx context.Context, token secret.Digest, now time.Time) (storedToken, error) {
	return scanToken(s.database.Write(ctx).QueryRow(ctx, `UPDATE setup_tokens SET used_at = $2
		WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING kind, user_id`, token.Bytes(), now))
}

func scanToken(row db.Row) (storedToken, error) {
	var stored storedToken
	err := row.Scan(&stored.kind, &stored.userID)
	return stored, err
}

// endAllTokens ends all tokens and returns how many were unused, including expired ones.
func (s store) endAllTokens(ctx context.Context, now time.Time) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `UPDATE setup_tokens SET used_at = $1 WHERE used_at IS NULL`, now)
}

func (s store) sweep(ctx context.Context, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM setup_tokens WHERE expires_at <= $1 OR used_at IS NOT NULL`, now)
	return err
}
