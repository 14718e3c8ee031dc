package token

import (
	"context"
	"fmt"
)

// CountUnexpired counts the access tokens that have neither expired nor been revoked
// themselves. One whose authorization or session was ended counts until it expires. It takes
// time that grows with their number.
func (s *Service) CountUnexpired(ctx context.Context) (int64, error) {
	count, err := s.store.countUnexpired(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("count the access tokens: %w", err)
	}
	return count, nil
}
