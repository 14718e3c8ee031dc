package registration

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

// wantLogo begins anew with a client's logo. What was fetched from the same
// address is shown until it is fetched again.
func (s store) wantLogo(ctx context.Context, client uuid.UUID, sourceURI string, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO client_logos (client, source_uri, attempts, next_attempt_at) VALUES ($1, $2, 0, $3)
		ON CONFLICT (client) DO UPDATE SET source_uri = excluded.source_uri, attempts = 0, next_attempt_at = excluded.next_attempt_at,
			image = CASE WHEN client_logos.source_uri = excluded.source_uri THEN client_logos.image END,
			fetched_at = CASE WHEN client_logos.source_uri = excluded.source_uri THEN client_logos.fetched_at END`, client, sourceURI, now)
	return err
}

func (s store) deleteLogo(ctx context.Context, client uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_logos WHERE client = $1`, client)
	return err
}

func (s store) dueLogos(ctx context.Context, now time.Time, limit int) ([]logo, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT client, source_uri, attempts FROM client_logos
		WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2`, now, limit)
	return db.Collect(rows, err, func(row db.Row) (logo, error) {
		var due logo
		err := row.Scan(&due.Client, &due.SourceURI, &due.Attempts)
		return due, err
	})
}

// claimLogo counts an attempt; of several nodes that are about to make the same
// one, one succeeds.
func (s store) claimLogo(ctx context.Context, wanted logo, now time.Time, next *time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE client_logos SET attempts = attempts + 1, next_attempt_at = $1
		WHERE client = $2 AND source_uri = $3 AND attempts = $4 AND next_attempt_at <= $5`, next, wanted.Client, wanted.SourceURI, wanted.Attempts, now)
	return changed == 1, err
}

// saveLogo keeps a picture, unless the client has another address meanwhile.
func (s store) saveLogo(ctx context.Context, wanted logo, picture []byte, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE client_logos SET image = $1, fetched_at = $2, next_attempt_at = NULL
		WHERE client = $3 AND source_uri = $4`, picture, now, wanted.Client, wanted.SourceURI)
	return err
}

func (s store) logoTime(ctx context.Context, client uuid.UUID) (time.Time, bool, error) {
	var at time.Time
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT fetched_at FROM client_logos WHERE client = $1 AND image IS NOT NULL`, client).Scan(&at)
	return found(at, err)
}

func (s store) logoImage(ctx context.Context, client uuid.UUID) ([]byte, bool, error) {
	var image []byte
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT image FROM client_logos WHERE client = $1 AND image IS NOT NULL`, client).Scan(&image)
	return found(image, err)
}
