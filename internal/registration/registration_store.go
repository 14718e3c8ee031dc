package registration

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// record is what is kept of a client's registration beside the client.
type record struct {
	Client       uuid.UUID
	Policy       Policy
	InitialToken *uuid.UUID
	CreatedAt    time.Time
	UnusedUntil  *time.Time
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

func (s store) insert(ctx context.Context, r record, digest secret.Digest) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO client_registrations
		(client, token_hash, policy, initial_access_token, created_at, unused_until) VALUES `+db.Values(1, 6),
		r.Client, digest.Bytes(), db.JSON(r.Policy), r.InitialToken, r.CreatedAt, r.UnusedUntil)
	return err
}

func (s store) byToken(ctx context.Context, digest secret.Digest) (record, bool, error) {
	var r record
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT client, policy, initial_access_token, created_at, unused_until
		FROM client_registrations WHERE token_hash = $1 AND token_ended_at IS NULL`, digest.Bytes()).
		Scan(&r.Client, db.IntoJSON(&r.Policy), &r.InitialToken, &r.CreatedAt, &r.UnusedUntil)
	return found(r, err)
}

// markUsed notes which clients were used. It reads first, because as a rule there are none.
func (s store) markUsed(ctx context.Context, now time.Time) error {
	var any bool
	const newlyUsed = `used_at IS NULL AND EXISTS (SELECT 1 FROM used_clients u WHERE u.client = client_registrations.client)`
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM client_registrations WHERE `+newlyUsed+`)`).Scan(&any)
	if err != nil || !any {
		return err
	}
	_, err = s.database.Write(ctx).Exec(ctx, `UPDATE client_registrations SET used_at = $1 WHERE `+newlyUsed, now)
	return err
}

// sweepSize bounds how many clients one run deletes.
const sweepSize = 500

func (s store) unused(ctx context.Context, now time.Time) ([]uuid.UUID, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT client FROM client_registrations
		WHERE used_at IS NULL AND unused_until <= $1 ORDER BY unused_until LIMIT $2`, now, sweepSize)
	return db.Collect(rows, err, func(row db.Row) (client uuid.UUID, err error) {
		err = row.Scan(&client)
		return client, err
	})
}

// takeUnused deletes the registration of a client that is still unused, and tells
// whether it was.
func (s store) takeUnused(ctx context.Context, client uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_registrations WHERE client = $1 AND used_at IS NULL AND unused_until <= $2
		AND NOT EXISTS (SELECT 1 FROM used_clients u WHERE u.client = client_registrations.client)`, client, now)
	return changed == 1, err
}
