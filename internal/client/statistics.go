package client

import (
	"context"
	"fmt"
)

// Statistics says how many clients there are.
type Statistics struct{ Total, Active, Disabled int64 }

// Statistics counts the clients, which takes time that grows with their number.
func (s *Service) Statistics(ctx context.Context) (Statistics, error) {
	counted, err := s.store.statistics(ctx)
	if err != nil {
		return Statistics{}, fmt.Errorf("count the clients: %w", err)
	}
	return counted, nil
}
