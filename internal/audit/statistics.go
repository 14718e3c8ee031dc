package audit

import (
	"context"
	"fmt"
	"time"
)

// Outcomes counts successes and failures.
type Outcomes struct{ Successes, Failures int64 }

// Count counts the events of an action since a time, which takes time that grows with
// their number.
func (l *Log) Count(ctx context.Context, action Action, since time.Time) (Outcomes, error) {
	counted, err := l.store.count(ctx, action, since)
	if err != nil {
		return Outcomes{}, fmt.Errorf("count events: %w", err)
	}
	return counted, nil
}
