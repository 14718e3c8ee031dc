package session

import (
	"context"
	"time"
)

func (s store) countActive(ctx context.Context, now time.Time) (count int64, err error) {
	err = s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*) FROM sessions
		WHERE expires_at > $1 AND idle_expires_at > $1 AND ended_at IS NULL`, now).Scan(&count)
	return count, err
}
