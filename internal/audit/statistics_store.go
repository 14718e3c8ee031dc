package audit

import (
	"context"
	"time"
)

func (s store) count(ctx context.Context, action Action, since time.Time) (Outcomes, error) {
	var n Outcomes
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*) FILTER (WHERE outcome = 'success'), COUNT(*) FILTER (WHERE outcome = 'failure')
		FROM audit_events WHERE action = $1 AND occurred_at >= $2`, string(action), since).Scan(&n.Successes, &n.Failures)
	return n, err
}
