package user

import (
	"context"
	"fmt"
	"time"
)

// Statistics counts users.
type Statistics struct {
	Total, Active, Disabled int64
	// Administrators are all accounts with the administrator mark, whatever their state.
	Administrators int64
	// Unverified have no e-mail address, or an unverified one.
	Unverified            int64
	RequirePasswordChange int64
	NewLastDay            int64
	NewLastWeek           int64
}

// Statistics counts the users, which takes time that grows with their number.
func (s *Service) Statistics(ctx context.Context) (Statistics, error) {
	now := s.clock.Now()
	counted, err := s.store.statistics(ctx, now.Add(-24*time.Hour), now.Add(-7*24*time.Hour))
	if err != nil {
		return Statistics{}, fmt.Errorf("count the users: %w", err)
	}
	return counted, nil
}
