package session

import (
	"context"
	"fmt"
)

// CountActive counts the sessions with a signed-in user, which takes time that grows
// with their number.
func (s *Service) CountActive(ctx context.Context) (int64, error) {
	count, err := s.store.countActive(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("count the sessions: %w", err)
	}
	return count, nil
}
