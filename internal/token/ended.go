package token

import (
	"context"
	"fmt"
)

// EndedAll is how much [Service.EndAll] has ended.
type EndedAll struct {
	Codes    int64
	Families int64
	// OwnTokens are the access tokens that clients got on their own behalf.
	OwnTokens int64
}

// EndAll ends everything that was issued to any client, in the transaction of ctx if there is one. It is for a database
// that was restored: what was revoked after the backup was made counts in it again. It writes no event.
func (s *Service) EndAll(ctx context.Context) (EndedAll, error) {
	ended, err := s.store.endAll(ctx, s.clock.Now())
	if err != nil {
		return EndedAll{}, fmt.Errorf("end everything that was issued: %w", err)
	}
	return ended, nil
}
