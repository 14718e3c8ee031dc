package token

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"authly/internal/protocol/oauth"
)

// withoutAdministration drops the scopes of this server's administration for whoever is
// not an administrator now, whatever was granted earlier. It is the one place for all grants.
func (s *Service) withoutAdministration(ctx context.Context, request *Request, authorization *Authorization, scopes oauth.ScopeSet) (oauth.ScopeSet, error) {
	if !slices.ContainsFunc(scopes, oauth.IsAdministrationScope) {
		return scopes, nil
	}
	if s.administrators != nil {
		var userID *uuid.UUID
		if authorization.Family != nil {
			userID = &authorization.Family.UserID
		}
		may, err := s.administrators.MayAdminister(ctx, request.Client, userID)
		if err != nil {
			return nil, fmt.Errorf("look whether somebody may administer: %w", err)
		}
		if may {
			return scopes, nil
		}
	}
	left := scopes.WithoutAdministration()
	if len(left) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "only an administrator may have these scopes")
	}
	return left, nil
}
