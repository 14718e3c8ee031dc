package user

import (
	"context"
	"time"
)

func (s store) statistics(ctx context.Context, day, week time.Time) (Statistics, error) {
	var n Statistics
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*),
		COUNT(*) FILTER (WHERE state = 'active'),
		COUNT(*) FILTER (WHERE administrator),
		COUNT(*) FILTER (WHERE NOT email_verified),
		COUNT(*) FILTER (WHERE require_password_change),
		COUNT(*) FILTER (WHERE created_at >= $1),
		COUNT(*) FILTER (WHERE created_at >= $2) FROM users`, day, week).
		Scan(&n.Total, &n.Active, &n.Administrators, &n.Unverified, &n.RequirePasswordChange, &n.NewLastDay, &n.NewLastWeek)
	n.Disabled = n.Total - n.Active
	return n, err
}
