package authorize

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/oauth"
)

// Scopes is the catalogue as far as this package needs it.
type Scopes interface {
	// Usable returns the active names among the given ones.
	Usable(ctx context.Context, names oauth.ScopeSet) (oauth.ScopeSet, error)
	// Defaults returns the active names that are granted when none is asked for.
	Defaults(ctx context.Context) (oauth.ScopeSet, error)
	// Descriptions returns what to tell a person about each of the names.
	Descriptions(ctx context.Context, names oauth.ScopeSet) ([]string, error)
}

// scopePolicy decides which scopes a request may have.
type scopePolicy struct{ catalogue Scopes }

// grantable applies the policy (RFC 6749 section 3.3): of what is asked for, the
// client gets what it was given and what is active; the rest is dropped, as
// OpenID Connect Core 1.0 section 3.1.2.1 asks for unknown ones. If nothing is left it
// is invalid_scope. Asked for none, it gets the defaults.
func (p scopePolicy) grantable(ctx context.Context, known client.Client, requested string) (oauth.ScopeSet, error) {
	may := known.MayHaveScopes()
	if requested == "" {
		defaults, err := p.catalogue.Defaults(ctx)
		if err != nil {
			return nil, err
		}
		granted := defaults.Intersect(may)
		if len(granted) == 0 {
			return nil, oauth.Refuse(oauth.InvalidScope, "scope is missing and the client has no default scopes")
		}
		return granted, nil
	}
	wanted, err := oauth.ParseScope(requested)
	if err != nil {
		return nil, err
	}
	granted, err := p.catalogue.Usable(ctx, wanted.Intersect(may))
	if err != nil {
		return nil, err
	}
	if len(granted) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes")
	}
	return granted, nil
}

// Limits knows what a client may have now, for a user.
type Limits interface {
	WithinLimits(ctx context.Context, owner client.Client, userID *uuid.UUID, authorized entitlement.Authorization) (entitlement.Authorization, error)
}

// asItIsNow returns a request as it can be granted to the person who is signed in, with what the client's record says at
// the moment. A person is not asked about what can't be given, such as the scopes of the administration by a person who
// is no administrator. The refusal is for a request of which nothing is left.
func (s *Service) asItIsNow(ctx context.Context, request interaction.Request, known client.Client, userID uuid.UUID) (interaction.Request, *oauth.Error, error) {
	request.ClientName, request.ClientURI, request.PolicyURI, request.TermsURI = known.Name, known.ClientURI, known.PolicyURI, known.TermsOfServiceURI
	if request.Refusal != nil {
		return request, nil, nil
	}
	asked := entitlement.Authorization{Scopes: request.Scopes, Resources: request.Resources, Claims: request.Claims}
	left, err := s.limits.WithinLimits(ctx, known, &userID, asked)
	if err != nil {
		return request, nil, fmt.Errorf("judge an authorization request: %w", err)
	}
	request.Scopes, request.Resources, request.Claims = left.Scopes, left.Resources, left.Claims
	noScopes, noResources := asked.HasLost(left)
	switch {
	case noScopes && asked.Scopes.OnlyAdministration():
		return request, oauth.Refuse(oauth.InvalidScope, "only an administrator may have these scopes"), nil
	case noScopes:
		return request, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes any more"), nil
	case noResources:
		return request, oauth.Refuse(oauth.InvalidTarget, "the client may have tokens for none of these resources any more"), nil
	}
	return request, nil, nil
}
