package token

import (
	"context"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
)

// stillGiven drops what a client was authorized for and may ask for no more: a scope that
// was taken from its record, or that can't be granted to anybody now. What it was authorized for
// stays what it is, so nothing is added when it is given more later.
func (s *Service) stillGiven(ctx context.Context, known client.Client, scopes oauth.ScopeSet) (oauth.ScopeSet, error) {
	if len(scopes) == 0 {
		return scopes, nil
	}
	left := scopes.Intersect(known.Scopes)
	if s.catalogue != nil {
		var err error
		if left, err = s.catalogue.Usable(ctx, left); err != nil {
			return nil, err
		}
	}
	if len(left) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes any more")
	}
	return left, nil
}
