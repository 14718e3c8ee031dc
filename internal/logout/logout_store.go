package logout

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a request that is not there, or not any more.
var errNoRecord = db.ErrNoRows

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

func (s store) insertRequest(ctx context.Context, id uuid.UUID, handle secret.Digest, request Request, now, expiresAt time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO logout_requests (id, handle_hash, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		id, handle.Bytes(), db.JSON(request), now, expiresAt)
	return err
}

func (s store) request(ctx context.Context, handle secret.Digest, now time.Time) (Request, error) {
	var found Request
	err := s.database.Read(ctx).QueryRow(ctx,
		`SELECT request FROM logout_requests WHERE handle_hash = $1 AND expires_at > $2`, handle.Bytes(), now).Scan(db.IntoJSON(&found))
	return found, err
}

func (s store) sweepRequests(ctx context.Context, now time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM logout_requests WHERE expires_at <= $1
		AND id IN (SELECT id FROM logout_requests WHERE expires_at <= $1 LIMIT $2)`, now)
}
