package admin

import (
	"context"
	"time"
)

// pingTimeout is how long a database may take to answer.
const pingTimeout = 2 * time.Second

// status tells of a database that can't be reached just that.
func (s store) status(ctx context.Context) (DatabaseStatus, error) {
	shown := DatabaseStatus{Engine: string(s.database.Engine())}
	reaching, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if s.database.Ping(reaching) != nil {
		return shown, nil
	}
	shown.Reached = true
	steps, err := s.database.Migrations(ctx)
	for _, step := range steps {
		if step.AppliedAt == nil {
			shown.Pending++
		} else {
			shown.Version = max(shown.Version, step.Version)
		}
	}
	return shown, err
}
