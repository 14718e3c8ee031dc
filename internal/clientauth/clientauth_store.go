package clientauth

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// useAssertion notes that a client used an assertion, by one statement, and reports
// whether it was for the first time. A client that was deleted meanwhile uses nothing.
func (s store) useAssertion(ctx context.Context, client uuid.UUID, id secret.Digest, expiresAt time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO used_assertions (client, id_hash, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (client, id_hash) DO NOTHING`, client, id.Bytes(), expiresAt)
	if db.IsForeignKey(err) {
		return false, nil
	}
	return changed == 1, err
}

func (s store) sweep(ctx context.Context, now time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM used_assertions WHERE expires_at <= $1 AND (client, id_hash) IN (
		SELECT client, id_hash FROM used_assertions WHERE expires_at <= $1 LIMIT $2)`, now)
}
