package token

import (
	"context"
	"time"
)

func (s store) countUnexpired(ctx context.Context, now time.Time) (count int64, err error) {
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*) FROM access_tokens WHERE expires_at > $1 AND revoked_at IS NULL`, now).Scan(&count)
	return count, err
}
